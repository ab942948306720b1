"""The example of a paper of one's own: its numbers are its runs', and its README says what happens."""

from __future__ import annotations

import csv
import importlib.util
import os
import shlex
import shutil
import statistics
import subprocess
import sys
from collections import defaultdict
from pathlib import Path

import pytest

import corroborate
from claims.reading import read_paper

ROOT = Path(__file__).parents[1]
HERE = ROOT / "examples" / "own_paper"
ONE_IMAGE = 100 / 600
"""Points. Another linear algebra library may see one image on the other side of a boundary."""


def table(name: str) -> dict[tuple[str, str, str], float]:
    """Scores of a file by system, target and seed."""
    with (HERE / name).open(encoding="utf-8", newline="") as file:
        return {keyed(row): float(row["score"]) for row in csv.DictReader(file)}


def keyed(row) -> tuple[str, str, str]:
    return row["base"], row["target"], str(row["seed"])


def means(name: str) -> dict[tuple[str, str], float]:
    found = defaultdict(list)
    for (system, target, _), score in table(name).items():
        found[system, target].append(score)
    return {key: statistics.fmean(scores) for key, scores in found.items()}


@pytest.fixture(scope="module")
def train():
    pytest.importorskip("sklearn", reason="scikit-learn is not installed")
    spec = importlib.util.spec_from_file_location("train_of_own_paper", HERE / "train.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize(
    ("name", "seeds"), [("paper-scores.csv", range(1, 6)), ("scores.csv", (11, 20))]
)
def test_training_gives_the_scores_that_are_there(train, name, seeds):
    there = table(name)
    for row in train.scores(seeds):
        assert float(row["score"]) == pytest.approx(there[keyed(row)], abs=1.5 * ONE_IMAGE)
    assert {seed for *_, seed in there} >= {str(seed) for seed in seeds}


def test_the_pilot_gives_the_scores_that_are_there(train):
    found = list(train.scores([train.PILOT_SEED], train.PILOT, train.PILOT_IMAGES))
    assert {keyed(row): float(row["score"]) for row in found} == table("pilot-scores.csv")


def test_the_paper_prints_what_its_runs_give():
    paper = read_paper(str(HERE / "paper.md"))
    for printed, name in zip(paper.tables, ("paper-scores.csv", "pilot-scores.csv"), strict=True):
        runs = means(name)
        cells = [cell for cell in printed.cells if cell.role == "value"]
        assert len(cells) in (2, 6)
        for cell in cells:
            (system,), (target,) = cell.row_headers, cell.column_headers
            assert cell.text == f"{runs[system, target.lower()]:.1f}"


def test_no_seed_of_the_paper_is_among_those_that_decide_its_claims():
    assert not {seed for *_, seed in table("scores.csv")} & {
        seed for name in ("paper-scores.csv", "pilot-scores.csv") for *_, seed in table(name)
    }


def examples() -> list[tuple[str, list[str]]]:
    """Commands of the README, each with the lines that it is said to print."""
    found: list[tuple[str, list[str]]] = []
    for line in (HERE / "README.md").read_text(encoding="utf-8").splitlines():
        if line.startswith("    $ "):
            found.append((line.removeprefix("    $ "), []))
        elif line.startswith("    "):
            found[-1][1].append(line.removeprefix("    "))
    return found


def test_the_readme_says_what_its_commands_do(tmp_path, monkeypatch, capfd):
    desk = Path(shutil.copytree(HERE, tmp_path / "own_paper"))
    monkeypatch.chdir(desk)
    env = os.environ | {"PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1"}
    codes = {}
    for command, said in examples():
        program, *arguments = shlex.split(command)
        if program == "python":
            continue  # training has a test of its own
        if program == "pytest":
            asked = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *arguments]
            done = subprocess.run(
                asked, check=False, env=env, capture_output=True, text=True, timeout=120
            )
            codes[command], lines = done.returncode, done.stdout.splitlines()
        else:
            codes[command] = corroborate.main(arguments)
            lines = "".join(capfd.readouterr()).splitlines()
        rest = iter(lines)
        for text in said:
            assert any(text in line for line in rest), (command, text, lines)
    assert list(codes.values()) == [0, 0, 0, 1, 1, 1, 1]
    assert (desk / "report" / "report.html").is_file()


def test_without_a_declared_protocol_the_same_scores_decide_nothing(tmp_path, capsys):
    store = str(tmp_path / "runs")
    asked = ["import", str(HERE / "scores.csv"), "--format", "tidy", "--store", store]
    assert corroborate.main(asked) == 0
    assert corroborate.main(["verify", str(HERE / "claims.yaml"), "--store", store]) == 3
    out = capsys.readouterr().out
    assert out.count("not_evaluable") == 4
    assert "components-gain (disagrees)" in out
