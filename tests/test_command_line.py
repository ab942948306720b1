"""The command line as its users meet it: exit codes, messages, JSON, and going on after a crash."""

from __future__ import annotations

import json
import os
import re
import resource
import shlex
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import tiny_data as tiny
import yaml
from tiny_data import arm, claim, contrast, measure

import corroborate
from claims.library import load
from replication.miniature.generate import write_miniature
from replication.store import Store
from reports.commands import commands_again

ROOT = Path(__file__).parents[1]
ALONE = os.environ | {"OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1"}
ANY_VALUE = {"reported": 50, "tolerance": {"points": 100, "because": "whatever comes out"}}


def layers(name: str, count: int, **fields) -> dict:
    settings = [{"field": "base.architecture.layers", "equals": count}]
    return claim(name, "protocol", settings=settings, **fields)


PAIRS = claim(
    "pairs",
    "value",
    condition=arm(),
    measure=measure(tasks=["mini_pairs"]),
    **ANY_VALUE,
)
GAIN = claim("gain", minimum_effect={"points": 0.5, "because": "a test"})
FILES = {
    "all": [GAIN, PAIRS, layers("two", 2), layers("nine", 9)],
    "kept": [PAIRS, layers("two", 2)],
    "control": [PAIRS, layers("nine", 9, expected="not_reproduced")],
    "broken": [PAIRS, GAIN, layers("nine", 9)],
    "open": [PAIRS, GAIN],
    "unplanned": [PAIRS, layers("elsewhere", 2)],
}


@pytest.fixture(scope="module")
def desk(tmp_path_factory):
    """A folder with a protocol of seconds, claim files, and a store with all the runs."""
    folder = tmp_path_factory.mktemp("desk")
    tiny.write_protocol(folder / "tiny.yaml", seeds=4)
    for name, claims in FILES.items():
        tiny.write_claims(folder / f"{name}.yaml", *claims, protocol="tiny.yaml", controls=True)
    done = start(folder, "run", "all.yaml", "--protocol", "tiny.yaml", "--store", "store")
    _, told = done.communicate(timeout=120)
    assert done.returncode == 0, told
    assert told.splitlines()[-1] == "22 runs executed, 0 there already"
    return folder


@pytest.fixture
def here(desk, monkeypatch, capsys):
    """Run a command in the desk's folder; return its exit code, its output and what it told."""
    monkeypatch.chdir(desk)

    def run(*arguments: str) -> tuple[int, str, str]:
        try:
            code = corroborate.main([str(a) for a in arguments])
        except SystemExit as stop:  # how argparse ends
            code = stop.code
        out, told = capsys.readouterr()
        assert "Traceback" not in out + told
        return code, out, told

    return run


@pytest.fixture
def one_thread():
    """Train in this process without threads that wait for each other on a busy machine."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def start(folder: Path, *arguments: str, **fields) -> subprocess.Popen:
    command = [sys.executable, str(ROOT / "corroborate.py"), *map(str, arguments)]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True, "env": ALONE}
    # a job in the background of a script ignores SIGINT, and its children would inherit that
    heed = {"preexec_fn": lambda: signal.signal(signal.SIGINT, signal.SIG_DFL)}
    return subprocess.Popen(command, cwd=folder, **(pipes | heed | fields))


def verdicts(output: str) -> dict[str, str]:
    return {v["claim"]: v["verdict"] for v in json.loads(output)["verdicts"]}


def finished(store: Path) -> int:
    """Count the runs that a journal says are finished."""
    journal = store / "journal.jsonl"
    return journal.read_bytes().count(b'"event":"finished"') if journal.exists() else 0


def test_help_takes_under_half_a_second_of_processor_time():
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = start(ROOT, "--help")
    out, _ = done.communicate(timeout=30)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert done.returncode == 0
    for command in ("check", "plan", "run", "status", "verify", "report", "audit", "show"):
        assert f"\n    {command} " in out
    spent = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    assert spent < 0.5


def test_only_what_trains_imports_torch_and_help_imports_next_to_nothing(desk, tmp_path):
    code = (
        "import sys, corroborate\n"
        "try: corroborate.main(['--help'])\n"
        "except SystemExit: pass\n"
        "heavy = {'torch', 'transformers', 'datasets', 'ray'}\n"
        "assert not (heavy | {'pydantic', 'numpy', 'yaml'}) & set(sys.modules), sys.modules\n"
        "for line in sys.argv[1:]:\n"
        "    assert corroborate.main(line.split()) in (0, 1), line\n"
        "    assert not heavy & set(sys.modules), line\n"
    )
    lines = ["check all.yaml", "plan all.yaml --protocol tiny.yaml", "status --store store"]
    lines += ["verify all.yaml --store store", f"report all.yaml --store store --out {tmp_path}"]
    lines += ["show gain --claims all.yaml --store store"]
    subprocess.run(
        [sys.executable, "-c", code, *lines],
        check=True,
        cwd=desk,
        env=ALONE | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        timeout=60,
    )


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("", "required: COMMAND"),
        ("nosuch", "invalid choice: 'nosuch'"),
        ("run all.yaml --store x", "required: --protocol"),
        ("verify --store store", "required: CLAIMS"),
        ("run all.yaml --protocol tiny.yaml --store x --seeds 0", "a whole number, 1 to 1000"),
        ("plan all.yaml --protocol tiny.yaml --seeds two", "a whole number, 1 to 1000"),
        ("run all.yaml --protocol tiny.yaml --store x --budget-hours nan", "a number of hours"),
        ("run all.yaml --protocol tiny.yaml --store x --budget-hours -1", "a number of hours"),
        ("check nowhere.yaml", "no such file, folder or bundled set"),
        ("plan nowhere.yaml --protocol tiny.yaml", "no such file, folder or bundled set"),
        ("plan all.yaml --protocol nosuch", "expected one of: miniature, scratch, "),
        ("plan all.yaml --protocol tiny.yaml --size huge", "no size 'huge'"),
        ("plan all.yaml --protocol xstilts", "cannot run"),
        ("plan all.yaml all.yaml --protocol tiny.yaml", "found the id twice"),
        ("plan all.yaml --protocol tiny.yaml --data nowhere", "found no such folder"),
        ("plan all.yaml --protocol tiny.yaml --store nowhere", "expected a run store"),
        ("status --store nowhere", "expected a run store"),
        ("verify all.yaml --store nowhere", "expected a run store"),
        ("report all.yaml --store store --out made --format md,doc", "report format 'doc'"),
        ("audit all.yaml --protocol tiny.yaml --out made --format doc", "report format 'doc'"),
        ("audit all.yaml --protocol nosuch --out made", "expected one of: miniature, scratch, "),
        ("show nosuch --claims all.yaml --store store", "no claim of that id and no run"),
        ("show 0", "no claim of that id and no run"),
    ],
)
def test_what_cannot_be_understood_exits_with_2_and_a_message(here, desk, arguments, message):
    code, out, told = here(*arguments.split())
    assert (code, out) == (2, "")
    assert message in told
    assert not (desk / "made" / "report.md").exists()


def test_all_faults_of_all_files_are_told_at_once(here, tmp_path):
    for name in ("a", "b"):
        (tmp_path / f"{name}.yaml").write_text("schema: corroborate/claims@1\nclaims: 3\n")
    code, out, told = here("check", tmp_path / "a.yaml", "all.yaml", tmp_path / "b.yaml")
    assert code == 2
    assert out == "all.yaml: 4 claims, no faults\n"
    assert told.count("line 2: claims: found 3 ; expected a list") == 2
    assert told.count("line 1: paper: found nothing") == 2


@pytest.mark.parametrize(
    "content", [b"", b"\xff\xfe", b"[" * 5000, b"a: &a [*a, *a]", b"!!python/object:os.system {}"]
)
def test_a_hostile_claim_file_is_no_crash(here, tmp_path, content):
    path = tmp_path / "bad.yaml"
    path.write_bytes(content)
    for command in (["check"], ["plan", "--protocol", "tiny.yaml"], ["verify", "--store", "store"]):
        code, out, told = here(command[0], path, *command[1:])
        assert (code, out) == (2, "")
        assert str(path) in told


def test_check_without_arguments_checks_what_is_bundled(here):
    code, out, _ = here("check")
    assert code == 0
    assert "xstilts: 16 claims, no faults" in out


def test_the_schema_is_one_json_document_that_knows_every_kind(here):
    code, out, told = here("check", "--schema")
    assert (code, told) == (0, "")
    schema = json.loads(out)
    assert schema["$schema"].endswith("2020-12/schema")
    kinds = schema["properties"]["claims"]["items"]["discriminator"]["mapping"]
    assert {"gain", "ranking", "protocol"} <= set(kinds)


def test_a_plan_lists_every_run_with_its_state_and_the_claims_that_need_it(here):
    code, out, told = here("plan", "all.yaml", "--protocol", "tiny.yaml", "--json")
    assert (code, told) == (0, "")
    plan = json.loads(out)
    assert plan["schema"] == "corroborate/plan-summary@1"
    assert plan["protocol"] == {"name": "tiny", "size": "full"}
    assert len(plan["runs"]) == 22
    assert {run["state"] for run in plan["runs"]} == {"new"}
    assert plan["runs"][0]["claims"] == ["gain", "nine", "pairs", "two"]
    assert {c["claim"]: len(c["runs"]) for c in plan["claims"]}["gain"] == 8
    known = {run["digest"] for run in plan["runs"]}
    assert all(run["parent"] is None or run["parent"] in known for run in plan["runs"])
    _, out, _ = here("plan", "all.yaml", "--protocol", "tiny.yaml", "--json", "--store", "store")
    assert {run["state"] for run in json.loads(out)["runs"]} == {"finished"}


def test_a_plan_in_words_says_what_is_refused_and_leaves_nothing_behind(here, desk, tmp_path):
    before = sorted(desk.iterdir())
    refused = claim("lost", "no_benefit", contrasts=[contrast(arm("nosuch"))])
    path = tiny.write_claims(tmp_path / "c.yaml", PAIRS, refused | {"minimum_effect": tiny.EFFECT})
    code, out, _ = here("plan", path, "--protocol", "tiny.yaml", "--explain")
    assert code == 0
    assert "runs: 2 (1 pretraining, 1 evaluation)" in out
    assert "refused: Protocol 'tiny' has no intermediate task nosuch." in out
    assert "new: evaluation mini_pairs [none]; for pairs" in out
    assert sorted(desk.iterdir()) == before


@pytest.mark.parametrize(
    ("claims", "code"),
    [("kept", 0), ("control", 0), ("broken", 1), ("open", 3), ("unplanned", 3)],
)
def test_the_exit_code_says_whether_all_is_as_expected(here, claims, code):
    found, out, told = here("verify", f"{claims}.yaml", "--store", "store", "--json")
    assert (found, told) == (code, "")
    document = json.loads(out)
    assert document["schema"] == "corroborate/verdicts@1"
    assert [v["claim"] for v in document["verdicts"]] == [c["id"] for c in FILES[claims]]
    found, out, _ = here("verify", f"{claims}.yaml", "--store", "store")
    assert found == code
    assert len(out.splitlines()) == len(FILES[claims])
    assert ("AGAINST EXPECTATION" in out) == (code == 1)


def test_status_is_json_or_words(here):
    code, out, told = here("status", "--store", "store", "--json")
    assert (code, told) == (0, "")
    status = json.loads(out)
    assert status["planned"] is True
    assert [r["state"] for r in status["runs"]] == ["finished"] * 22
    assert "22 finished" in here("status", "--store", "store")[1]


def test_a_report_is_written_and_its_own_commands_make_it_again(here, tmp_path):
    code, _, told = here("report", "all.yaml", "--store", "store", "--out", tmp_path / "out")
    assert code == 1
    for name in ("report.html", "report.md", "report.json"):
        assert f"report: {tmp_path / 'out' / name}" in told
    report = (tmp_path / "out" / "report.md").read_text(encoding="utf-8")
    again = [shlex.split(line) for line in re.findall(r"corroborate [a-z]+ .*", report)]
    commands = {line[1]: line[1:] for line in again}
    assert here(*commands["run"])[2].endswith("0 runs executed, 22 there already\n")
    assert here(*commands["verify"])[0] == 1
    assert here(*commands["report"])[0] == 1


def test_the_commands_of_a_report_name_size_seeds_and_data(desk, tmp_path):
    with Store.open(desk / "store", write=False) as store:
        plan = store.latest_plan()
    moved = plan.model_copy(update={"data": "a folder"})
    run, verify, _ = commands_again(moved, ["c d.yaml"], protocol=None, store="s", out="o")
    assert run == (
        "corroborate run 'c d.yaml' --protocol tiny.yaml --store s --size full --seeds 4"
        " --data 'a folder'"
    )
    assert verify == "corroborate verify 'c d.yaml' --store s"
    again = commands_again(plan, ["c"], protocol="other/tiny.yaml", store="s", out="o")
    assert "--protocol other/tiny.yaml" in again[0]
    assert "--data" not in again[0]


@pytest.mark.parametrize(
    ("claims", "on", "fails"),
    [
        ("kept", "not_reproduced,inconclusive,not_evaluable,stale,unexpected", []),
        ("control", "not_reproduced,unexpected", []),
        ("broken", "inconclusive", ["gain (inconclusive)"]),
        ("broken", "unexpected,not_reproduced", ["nine (not_reproduced, unexpected)"]),
        ("open", "not_reproduced,stale", []),
        ("unplanned", "not_evaluable", ["elsewhere (not_evaluable)"]),
    ],
)
def test_a_build_fails_on_what_it_was_told_to_and_says_which_claims(here, claims, on, fails):
    command = ("verify", f"{claims}.yaml", "--store", "store", "--fail-on", on)
    code, out, told = here(*command, "--json")
    assert code == (1 if fails else 0)
    assert set(verdicts(out))
    lines = [line for line in told.splitlines() if line.startswith("corroborate: fails: ")]
    assert [line.split(": ")[2] for line in lines] == fails
    undecided = "but 1 of 2 are undecided" in told
    assert undecided == (claims == "open")


def test_a_build_told_to_fail_on_something_unknown_is_an_error_before_any_look(here, tmp_path):
    command = ("verify", "kept.yaml", "--store", tmp_path, "--fail-on", "red")
    code, out, told = here(*command)
    assert (code, out) == (2, "")
    assert "--fail-on: found 'red' ; expected some of reproduced," in told


def test_an_audit_reports_and_ends_with_the_code_of_its_verdicts(here, desk, tmp_path):
    shutil.copytree(desk / "store", tmp_path / "store")
    arguments = ("--protocol", "tiny.yaml", "--out", tmp_path)
    code, out, told = here("audit", "all.yaml", *arguments)
    assert (code, out) == (1, "")
    assert "0 runs executed, 22 there already" in told
    assert "AGAINST EXPECTATION" in told
    assert json.loads((tmp_path / "report.json").read_text())["schema"] == "corroborate/report@1"
    assert here("audit", "kept.yaml", *arguments)[0] == 0
    assert here("audit", "open.yaml", *arguments)[0] == 3


def test_what_would_stop_the_report_is_found_before_anything_runs(here, tmp_path):
    path = tiny.write_claims(tmp_path / "c.yaml", PAIRS, protocol="nosuch")
    code, _, told = here("audit", path, "--protocol", "tiny.yaml", "--out", tmp_path / "out")
    assert code == 2
    assert "'nosuch'" in told
    assert not (tmp_path / "out").exists()


def test_a_budget_of_nothing_postpones_everything(here, tmp_path):
    arguments = ("--protocol", "tiny.yaml", "--store", tmp_path / "store")
    code, out, told = here("run", "all.yaml", *arguments, "--budget-hours", "0")
    assert (code, out) == (3, "")
    assert "0 runs executed, 0 there already, 22 postponed" in told
    _, out, _ = here("status", "--store", tmp_path / "store", "--json")
    assert {run["state"] for run in json.loads(out)["runs"]} == {"missing"}
    code, out, _ = here("verify", "all.yaml", "--store", tmp_path / "store", "--json")
    assert code == 3
    assert set(verdicts(out).values()) == {"not_evaluable"}


@pytest.mark.usefixtures("one_thread")
def test_a_run_that_fails_exits_with_4_and_is_mended_by_running_again(here, tmp_path):
    data = write_miniature(tmp_path / "data")
    broken = data / "miniature" / "mini_guild" / "train.parquet"
    content = broken.read_bytes()
    broken.write_bytes(b"not Parquet")
    arguments = ("all.yaml", "--protocol", "tiny.yaml", "--data", data, "--seeds", "1")
    store = ("--store", tmp_path / "store")
    code, out, told = here("run", *arguments, *store)
    assert (code, out) == (4, "")
    assert "4 runs executed, 0 there already, 1 failed, 2 left out after a failure" in told
    assert str(broken) in told
    assert str(broken) in here("status", *store)[1]
    assert here("verify", "open.yaml", *store)[0] == 3
    broken.write_bytes(content)
    code, _, told = here("run", *arguments, *store)
    assert code == 0
    assert "3 runs executed, 4 there already" in told


@pytest.mark.usefixtures("one_thread")
def test_data_that_change_after_the_plan_was_made_fail_the_run(here, tmp_path, monkeypatch):
    data = write_miniature(tmp_path / "data")
    path = data / "miniature" / "mini_pairs" / "test.parquet"
    content = path.read_bytes()
    add_plan = Store.add_plan

    def meddle(store, plan):
        path.write_bytes((data / "miniature" / "mini_pairs" / "validation.parquet").read_bytes())
        return add_plan(store, plan)

    arguments = ("kept.yaml", "--protocol", "tiny.yaml", "--data", data)
    with monkeypatch.context() as patched:
        patched.setattr(Store, "add_plan", meddle)
        code, _, told = here("audit", *arguments, "--out", tmp_path / "out")
    assert code == 4
    assert "found other bytes than when the runs were planned" in told
    assert (tmp_path / "out" / "report.md").exists()
    path.write_bytes(content)
    assert here("audit", *arguments, "--out", tmp_path / "out")[0] == 0


def test_a_fault_of_the_program_is_4_and_no_verdict(here, monkeypatch):
    def fault(_argument):
        raise ZeroDivisionError("by nothing")

    monkeypatch.setattr("claims.library.load", fault)
    code, out, told = here("verify", "all.yaml", "--store", "store")
    assert (code, out) == (4, "")
    assert "ZeroDivisionError: by nothing" in told


def test_a_claim_is_shown_with_its_verdict_and_the_runs_behind_it(here):
    code, out, _ = here("show", "gain", "--claims", "all.yaml", "--store", "store")
    assert code == 0
    assert "claim gain (gain)" in out
    assert "inconclusive" in out
    digests = re.findall(r"run: ([0-9a-f]{64})", out)
    assert len(digests) == 8
    code, out, _ = here("show", digests[0][:10], "--store", "store")
    assert code == 0
    assert f"run {digests[0]} finished" in out
    assert "evaluation mini_topic" in out
    assert "mini_topic en test accuracy: " in out
    assert here("show", digests[0][:5], "--store", "store")[0] == 2


def test_a_claim_can_be_shown_without_any_store(here, tmp_path):
    code, out, _ = here("show", "squad-gain", "--store", tmp_path / "nowhere")
    assert code == 0
    assert "arXiv:2005.13013v2" in out
    Store.open(tmp_path / "new").close()
    assert here("show", "squad-gain", "--store", tmp_path / "new")[0] == 0


def test_a_folder_with_something_else_is_neither_read_nor_touched_as_a_store(here, tmp_path):
    (tmp_path / "thesis.tex").write_text("years of work")
    for command in ("status", "verify", "run"):
        claims = () if command == "status" else ("all.yaml",)
        how = ("--protocol", "tiny.yaml") if command == "run" else ()
        code, _, told = here(command, *claims, *how, "--store", tmp_path)
        assert code == 2
        assert "expected a" in told
    assert [p.name for p in tmp_path.iterdir()] == ["thesis.tex"]


def test_a_store_that_another_process_writes_is_left_alone(here, tmp_path):
    with Store.open(tmp_path / "store"):
        arguments = ("all.yaml", "--protocol", "tiny.yaml", "--store", tmp_path / "store")
        code, _, told = here("run", *arguments)
    assert code == 2
    assert f"process {os.getpid()}" in told


def test_a_reader_who_goes_away_is_no_error(desk):
    process = start(desk, "plan", "all.yaml", "--protocol", "tiny.yaml", "--explain")
    process.stdout.close()
    assert process.wait(timeout=60) == 0
    assert process.stderr.read() == ""
    process.stderr.close()
    process = start(desk, "verify", "broken.yaml", "--store", "nowhere")
    process.stderr.close()
    assert process.stdout.read() == ""
    assert process.wait(timeout=60) == 2
    process.stdout.close()


def test_a_hub_that_cannot_be_reached_is_a_message(desk, tmp_path):
    document = yaml.safe_load((desk / "tiny.yaml").read_text())
    document |= {"name": "hub", "pretraining": None, "simulated": False}
    document |= {"base": {"checkpoint": "nobody/nothing", "revision": "0" * 40}}
    recipe = dict(document["intermediate"])
    document |= {"targets": {"pawsx": {"train_on": "pawsx", "recipe": recipe}}}
    document |= {"evaluation": {"splits": {"pawsx": "test"}}}
    (tmp_path / "hub.yaml").write_text(yaml.safe_dump(document))
    value = measure(benchmark="xtreme", tasks=["pawsx"])
    own = claim("c", "value", condition=arm(), measure=value, **ANY_VALUE)
    tiny.write_claims(tmp_path / "c.yaml", own)
    closed = {"HF_ENDPOINT": "http://127.0.0.1:9", "HF_HUB_OFFLINE": "0", "HF_HOME": str(tmp_path)}
    process = start(tmp_path, "plan", "c.yaml", "--protocol", "hub.yaml", env=ALONE | closed)
    out, told = process.communicate(timeout=60)
    assert (process.returncode, out) == (2, "")
    assert "data set 'google/xtreme': the hub did not answer" in told
    assert "--data" in told
    assert "Traceback" not in told


@pytest.mark.slow
def test_runs_go_on_after_an_interrupt_and_after_a_kill_as_if_nothing_had_been(desk, tmp_path):
    arguments = ("run", "all.yaml", "--protocol", "tiny.yaml", "--store", tmp_path / "store")

    def stop(when: int, how: signal.Signals) -> subprocess.Popen:
        process = start(desk, *arguments)
        limit = time.monotonic() + 120
        while finished(tmp_path / "store") < when and process.poll() is None:
            assert time.monotonic() < limit
            time.sleep(0.001)
        process.send_signal(how)
        return process

    interrupted = stop(1, signal.SIGINT)
    out, told = interrupted.communicate(timeout=60)
    assert (interrupted.returncode, out) == (4, "")
    assert "interrupted; the same command goes on from here" in told
    assert "Traceback" not in told
    after = finished(tmp_path / "store")
    killed = stop(after + 4, signal.SIGKILL)
    killed.communicate(timeout=60)
    assert killed.returncode == -signal.SIGKILL
    done = finished(tmp_path / "store")
    assert after + 4 <= done < 22
    again = start(desk, *arguments)
    _, told = again.communicate(timeout=120)
    assert again.returncode == 0
    there = int(re.search(r"(\d+) runs executed, (\d+) there already", told)[2])
    assert done <= there <= done + 1  # one may have been whole and not yet in the journal
    assert f"{22 - there} runs executed" in told
    stores = [desk / "store", tmp_path / "store"]
    whole, mended = (
        {r.spec_digest: r.measurements for r in Store.open(p, write=False).runs()} for p in stores
    )
    assert whole == mended
    assert len(whole) == 22


@pytest.mark.slow
def test_the_embedded_audit_decides_every_control_rightly_and_no_claim_of_a_paper(tmp_path):
    process = start(tmp_path, "audit")
    out, told = process.communicate(timeout=900)
    assert (process.returncode, out) == (3, ""), told
    report = json.loads((tmp_path / "out" / "report.json").read_text(encoding="utf-8"))
    assert report["schema"] == "corroborate/report@1"
    assert (tmp_path / "out" / "report.md").exists()
    process = start(tmp_path, "verify", "controls", "xstilts", "--store", "out/store", "--json")
    found = verdicts(process.communicate(timeout=60)[0])
    controls = [c for _, s in load("controls") for c in s.claims]
    assert {c.id: found[c.id] for c in controls} == {
        c.id: c.expected or "reproduced" for c in controls
    }
    paper = [c.id for _, s in load("xstilts") for c in s.claims]
    assert {found[name] for name in paper} == {"not_evaluable"}


def test_the_controls_claim_each_kind_truly_and_falsely():
    controls = [c for _, s in load("controls") for c in s.claims]
    for expected in (None, "not_reproduced"):
        kinds = {c.kind for c in controls if c.expected == expected}
        assert kinds == {
            "consistency",
            "gain",
            "no_benefit",
            "not_consistently_better",
            "protocol",
            "ranking",
            "selected_gain",
            "value",
        }
    assert all(c.id.startswith("false-") == (c.expected is not None) for c in controls)


def test_the_controls_say_in_words_what_they_say_in_fields():
    for control in (c for _, s in load("controls") for c in s.claims):
        size = getattr(control, "reported", "unknown")
        if size != "unknown":
            assert f"{size:g}" in control.statement, control.id
        measured = getattr(control, "measure", None)
        for task in measured.tasks if measured else ():
            assert task in control.statement, control.id
