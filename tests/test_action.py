"""The composite action and the example workflow: read as GitHub reads them, and run step by step."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml

from verifier.failing import read_fail_on

ROOT = Path(__file__).parents[1]
FOLDER = ROOT / ".ci" / "verify"
ACTION = yaml.safe_load((FOLDER / "action.yml").read_text(encoding="utf-8"))
STEPS = ACTION["runs"]["steps"]
WORKFLOWS = sorted((ROOT / "examples" / "workflow").glob("*.yml"))
REFERENCE = re.compile(r"\$\{\{ (inputs\.([a-z-]+)|steps\.([a-z]+)\.outputs\.([a-z-]+)) \}\}")
HEAVY = {"torch", "transformers", "datasets", "tokenizers"}

CLAIMS = """\
schema: corroborate/claims@1
paper: {title: Reviews, protocol: ours}
benchmarks: {reviews: {sentiment: {metrics: [accuracy]}}}
claims:
  - id: trained-gain
    kind: gain
    statement: Intermediate training on squad_v1 raises sentiment accuracy by ten points.
    source: {quote: unknown, found_in: a test}
    treatment: {intermediate: [squad_v1]}
    control: {intermediate: []}
    measure: {benchmark: reviews, split: test}
    reported: 10.0
    tolerance: {points: 3.0, because: a test}
    minimum_effect: {points: 1.0, because: a test}
"""
HEADER = "intermediate,target,language,split,metric,seed,score,n\n"


def table(gain: float) -> str:
    rows = [
        f"{name},sentiment,en,test,accuracy,{seed},{base + seed / 10},1000\n"
        for name, base in (("none", 60.0), ("squad_v1", 60.0 + gain))
        for seed in range(3)
    ]
    return HEADER + "".join(rows)


# As GitHub reads it


def test_the_action_has_what_github_requires_and_describes_all_of_it():
    assert {"name", "description", "inputs", "outputs", "runs"} == set(ACTION)
    assert ACTION["runs"]["using"] == "composite"
    for name, entry in ACTION["inputs"].items():
        assert re.fullmatch(r"[a-z][a-z-]*", name)
        assert set(entry) == {"description", "required"} | ({"default"} & set(entry))
        assert entry["required"] is ("default" not in entry), "a default is what makes it optional"
        assert isinstance(entry.get("default", ""), str)
    assert all(set(entry) == {"description", "value"} for entry in ACTION["outputs"].values())


def test_every_step_is_a_bash_script_without_any_expression_in_it():
    for step in STEPS:
        assert {"name", "shell", "run"} <= set(step) <= {"name", "id", "shell", "env", "run"}
        assert step["shell"] == "bash"
        assert "${{" not in step["run"], "inputs go through env, where they are no code"
        for value in step.get("env", {}).values():
            assert REFERENCE.fullmatch(value), value


def test_what_is_referred_to_is_there_and_what_is_there_is_used():
    used = [value for step in STEPS for value in step.get("env", {}).values()]
    found = [REFERENCE.fullmatch(value) for value in used]
    assert {match[2] for match in found if match and match[2]} == set(ACTION["inputs"])
    ids = {step["id"] for step in STEPS if "id" in step}
    outputs = [REFERENCE.fullmatch(entry["value"]) for entry in ACTION["outputs"].values()]
    assert {match[3] for match in (*found, *outputs) if match and match[3]} == ids
    for match in outputs:
        (step,) = (s for s in STEPS if s.get("id") == match[3])
        assert f"{match[4]}=" in step["run"]


def test_the_action_installs_what_the_project_needs_but_for_what_trains():
    lines = (FOLDER / "requirements.txt").read_text(encoding="utf-8").splitlines()
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    names = {line: re.match(r"[A-Za-z0-9-]+", line)[0] for line in project["dependencies"]}
    wanted = [line for line, name in names.items() if name not in HEAVY]
    assert [line for line in lines if not line.startswith("#")] == wanted


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda p: p.name)
def test_the_example_pins_every_action_and_gives_inputs_that_there_are(path):
    text = path.read_text(encoding="utf-8")
    workflow = yaml.safe_load(text)
    assert workflow["permissions"] == {"contents": "read"}
    assert set(workflow) == {"name", True, "permissions", "jobs"}, "YAML reads `on` as true"
    ours = 0
    for job in workflow["jobs"].values():
        for step in job["steps"]:
            assert "run" not in step
            action, _, commit = step["uses"].partition("@")
            assert re.fullmatch(r"[0-9a-f]{40}", commit), step["uses"]
            if action.endswith("/.ci/verify"):
                ours += 1
                needed = {n for n, entry in ACTION["inputs"].items() if entry["required"]}
                assert needed <= set(step["with"]) <= set(ACTION["inputs"])
                assert read_fail_on(step["with"]["fail-on"])
                assert step["with"]["out"] == ACTION["inputs"]["out"]["default"]
            else:
                assert re.search(rf"{commit} # v\d+\.\d+\.\d+\n", text), "say which version it is"
    assert ours == 1


# As GitHub runs it


class Runner:
    """Runs the steps in a workspace with nothing of this machine's but where Python and git are."""

    def __init__(self, folder: Path) -> None:
        self.workspace = folder / "work space"
        self.files = {
            name: folder / name.lower() for name in ("GITHUB_PATH", "GITHUB_STEP_SUMMARY")
        }
        for path in (self.workspace, folder / "home", folder / "temp"):
            path.mkdir()
        self.environment = {
            "HOME": str(folder / "home"),
            "PATH": "/usr/local/bin:/usr/bin:/bin",
            "LANG": "C.UTF-8",
            "RUNNER_TEMP": str(folder / "temp"),
            "GITHUB_WORKSPACE": str(self.workspace),
            "GITHUB_ACTION_PATH": str(FOLDER),
            **{name: str(path) for name, path in self.files.items()},
        }
        self.outputs: dict[str, dict[str, str]] = {}
        self.told = ""

    def run(self, *, to_the_end: bool = False, **inputs: str) -> int:
        """Return the first exit code that is not 0; the steps after it are run only `to_the_end`."""
        given = {n: entry.get("default", "") for n, entry in ACTION["inputs"].items()}
        given |= {name.replace("_", "-"): value for name, value in inputs.items()}
        codes = []
        for number, step in enumerate(STEPS):
            codes.append(self._step(step, number, given))
            if codes[-1] and not to_the_end:
                break
        return next((code for code in codes if code), 0)

    def output(self, name: str) -> str:
        match = REFERENCE.fullmatch(ACTION["outputs"][name]["value"])
        return self.outputs.get(match[3], {}).get(match[4], "")

    def summary(self) -> str:
        path = self.files["GITHUB_STEP_SUMMARY"]
        return path.read_text(encoding="utf-8") if path.exists() else ""

    def _step(self, step: dict, number: int, given: dict[str, str]) -> int:
        temp = Path(self.environment["RUNNER_TEMP"])
        script, outputs = temp / f"{number}.sh", temp / f"{number}.out"
        script.write_text(step["run"], encoding="utf-8")
        outputs.touch()
        environment = self.environment | {"GITHUB_OUTPUT": str(outputs)}
        for name, value in step.get("env", {}).items():
            match = REFERENCE.fullmatch(value)
            of_step = self.outputs.get(match[3], {}) if match[3] else {}
            environment[name] = given[match[2]] if match[2] else of_step.get(match[4], "")
        paths = self.files["GITHUB_PATH"]
        if paths.exists():
            added = reversed(paths.read_text(encoding="utf-8").splitlines())
            environment["PATH"] = ":".join([*added, environment["PATH"]])
        done = subprocess.run(
            ["bash", "--noprofile", "--norc", "-eo", "pipefail", script], check=False,
            cwd=self.workspace, env=environment, capture_output=True, text=True, timeout=1800,
        )  # fmt: skip
        self.told += done.stdout + done.stderr
        lines = outputs.read_text(encoding="utf-8").splitlines()
        self.outputs[step.get("id", str(number))] = dict(line.split("=", 1) for line in lines)
        return done.returncode


@pytest.fixture
def runner(tmp_path):
    """A runner on whose PATH is the code under test, and a workspace with claims and scores."""
    made = Runner(tmp_path)
    (made.workspace / "claims").mkdir()
    (made.workspace / "claims" / "reviews.yaml").write_text(CLAIMS)
    (made.workspace / "scores.csv").write_text(table(10.0))
    command = tmp_path / "bin" / "corroborate"
    command.parent.mkdir()
    command.write_text(
        f'#!/bin/sh\nPYTHONPATH="{ROOT}" exec "{sys.executable}" "{ROOT / "corroborate.py"}" "$@"\n'
    )
    command.chmod(0o755)
    made.environment["PATH"] = f"{command.parent}:{made.environment['PATH']}"
    return made


IMPORTED = {"install": "false", "claims": "claims", "scores": "scores.csv", "protocol": "ours"}


def test_a_build_passes_on_scores_that_bear_the_claims_out_and_fails_once_they_do_not(runner):
    assert runner.run(**IMPORTED) == 0, runner.told
    work = runner.workspace
    told = json.loads((work / runner.output("verdicts")).read_text(encoding="utf-8"))
    assert [v["verdict"] for v in told["verdicts"]] == ["reproduced"]
    assert runner.output("exit-code") == "0"
    assert "<testcase" in (work / runner.output("junit")).read_text(encoding="utf-8")
    assert (work / runner.output("report") / "report.html").is_file()
    assert "trained-gain" in runner.summary()
    assert "![" not in runner.summary()
    (work / "scores.csv").write_text(table(0.0))
    assert runner.run(**IMPORTED, store="other", report_formats="md") == 1
    assert "corroborate: fails: trained-gain (unexpected): " in runner.told
    assert runner.output("exit-code") == "1", "outputs are there for whoever uploads the report"
    assert '"not_reproduced"' in (work / runner.output("verdicts")).read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("inputs", "told"),
    [
        ({"claims": "\n \n"}, "claims: found none"),
        ({"given": "seed=1\n\ncolour=red\nsize=2"}, "found 'colour=red'"),
        ({"fail_on": "red"}, "--fail-on: found 'red'"),
        ({"out": "out\nexit-code=0"}, "out: found a line break"),
    ],
)
def test_what_cannot_be_used_fails_the_build_with_the_reason(runner, inputs, told):
    assert runner.run(**(IMPORTED | inputs)) == 2
    assert told in runner.told
    assert runner.output("exit-code") == ""


def test_inputs_are_never_run_as_code(runner):
    code = "$(touch ran)`touch ran`; touch ran; '\" touch ran"
    inputs = {name.replace("-", "_"): code for name in ACTION["inputs"]}
    assert runner.run(to_the_end=True, **inputs) != 0
    assert "touch ran" in runner.told
    assert not list(runner.workspace.rglob("ran"))
    assert not list(runner.workspace.parent.glob("ran"))


@pytest.mark.endurance
def test_the_action_installs_itself_where_there_is_nothing(tmp_path):
    """A new environment, HOME empty; asks the package index, and takes a minute or more."""
    runner = Runner(tmp_path)
    (runner.workspace / "claims").mkdir()
    (runner.workspace / "claims" / "reviews.yaml").write_text(CLAIMS)
    (runner.workspace / "scores.csv").write_text(table(10.0))
    passed = {k: os.environ[k] for k in ("PIP_INDEX_URL", "PIP_CONFIG_FILE") if k in os.environ}
    runner.environment |= passed
    inputs = {k: v for k, v in IMPORTED.items() if k != "install"}
    python = Path(sys.base_prefix) / "bin" / "python3"
    assert runner.run(**inputs, python=str(python)) == 0, runner.told
    (installed,) = (tmp_path / "temp" / "corroborate").glob("lib/python3*/site-packages")
    assert (installed / "numpy").is_dir()
    assert not (installed / "torch").exists()
    assert not list((tmp_path / "home").glob("[!.]*"))
