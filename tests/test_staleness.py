"""Verdicts on record: which are stale and why, and what a look that was not planned decides."""

from __future__ import annotations

import json
import os
import shutil
from dataclasses import replace
from importlib import resources
from pathlib import Path

import numpy as np
import pytest
import tiny_data as tiny
from test_command_line import start
from test_looks import look
from tiny_data import arm, claim, measure
from verifier_strategies import NONE, SQUAD, World, run_of, spec_of
from verifier_strategies import arm as scores
from verifier_strategies import claim as toy_claim

import corroborate
from claims.errors import ClaimsError
from claims.library import load
from replication.appended import AppendedFile
from replication.looks import read_looks
from replication.run import EVALUATOR, DataUse
from replication.store import Store
from verifier.sequential import spent_level
from verifier.staleness import Now, claims_at, data_of, now_of, origin_of, outdated, recorded, stale

NOW = Now(
    criterion="a" * 64, title="A paper", arxiv="2005.13013v2", planned=True,
    data={"xnli test": "sha256:0"}, runs="d" * 64, finished=4, evaluator="scoring@1",
)  # fmt: skip


def test_a_verdict_on_what_has_not_changed_is_current():
    assert stale(look(), NOW) == ()


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"evaluator": "scoring@2"}, "evaluator: scoring@1 then, scoring@2 now"),
        ({"data": {"xnli test": "sha256:1"}}, "data xnli test: sha256:0 then, sha256:1 now"),
        ({"criterion": "e" * 64}, f"criterion: {'a' * 12} then, {'e' * 12} now"),
        ({"criterion": None}, "claim: its file no longer has it"),
        ({"arxiv": "2005.13013v3"}, "paper version: 2005.13013v2 then, 2005.13013v3 now"),
        ({"arxiv": None}, "paper version: 2005.13013v2 then, none now"),
        ({"title": "Another"}, "paper: another title now than then"),
        ({"runs": "e" * 64, "finished": 6}, "runs: 4 finished then, 6 now"),
        ({"runs": "e" * 64}, "runs: 4 finished then, 4 others now"),
        ({"planned": False, "data": {}}, "plan: the latest one does not know the claim"),
    ],
)
def test_each_thing_that_changed_is_named_with_what_it_was_and_is(changes, told):
    assert stale(look(), replace(NOW, **changes)) == (told,)


def test_all_that_changed_is_named_at_once():
    data = {"xnli test": "sha256:" + "1" * 64, "squad train": "abc"}
    found = stale(look(), replace(NOW, evaluator="scoring@2", data=data, criterion="e" * 64))
    assert found == (
        "evaluator: scoring@1 then, scoring@2 now",
        "data squad train: not read then, abc now",
        "data xnli test: sha256:0 then, sha256:11111111111111111... now",
        f"criterion: {'a' * 12} then, {'e' * 12} now",
    )


def test_runs_that_other_code_scored_are_outdated_from_the_start():
    def scored(code):
        return [run_of(spec_of(NONE, "ner", 0, evaluator=code), ())]

    assert outdated([]) == outdated(scored(EVALUATOR)) == ()
    assert outdated(scored("scoring@0")) == (f"evaluator: scoring@0 then, {EVALUATOR} now",)


def test_the_data_of_a_verdict_are_those_of_its_runs_and_of_all_training_before_them():
    def use(name, split, revision, *languages):
        return DataUse(name=name, split=split, languages=languages, revision=revision)

    training = spec_of(SQUAD, "ner", 0, data=(use("squad", "train", "r1", "en"),))
    pieces = (use("ner", "test", "r2", "de"), use("ner", "test", "r3", "sw"))
    scored = spec_of(SQUAD, "ner", 0, data=pieces, parent=training.digest())
    elsewhere = spec_of(NONE, "ner", 0, data=(use("mnli", "train", "r4", "en"),))
    toy = World(toy_claim("gain", reported="unknown"), {}).plan()
    plan = toy.model_copy(update={"specs": (training, elsewhere, scored)})
    found = data_of(plan, [scored.digest()])
    assert sorted(found) == ["ner test", "squad train"]
    assert found["squad train"] == "r1"
    changed = scored.model_copy(update={"data": (pieces[0], use("ner", "test", "r9", "sw"))})
    other = plan.model_copy(update={"specs": (training, changed)})
    assert data_of(other, [changed.digest()])["ner test"] != found["ner test"]


def test_what_holds_now_is_read_from_the_claim_set_and_the_latest_plan():
    rows = {c: scores(np.random.default_rng(1), 50) for c in (SQUAD, NONE)}
    w = World(toy_claim("gain", reported="unknown"), rows)
    finished = {r.spec_digest for r in w.runs()}
    now = now_of("c1", w.claim_set(), w.plan(), finished)
    assert (now.criterion, now.planned, now.finished) == (w.claim.criterion(), True, 12)
    assert now_of("c1", w.claim_set(), w.plan(), set()).finished == 0
    assert not now_of("c1", w.claim_set(), None, finished).planned
    assert now_of("c2", w.claim_set(), w.plan(), finished).criterion is None


# Where claims came from


def test_a_claim_set_is_found_again_from_another_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    tiny.write_claims(tmp_path / "c.yaml", claim("gain"))
    origin = origin_of("c.yaml")
    (tmp_path / "controls").mkdir()
    (tmp_path / "x").mkdir()
    monkeypatch.chdir(tmp_path / "x")
    assert claims_at(origin).claims[0].id == "gain"
    assert origin_of("controls") == "controls"
    assert origin_of("x" * 5000) == "x" * 5000, "a name that no file system takes"
    monkeypatch.chdir(tmp_path)
    assert (
        claims_at("controls")
        == load(str(resources.files("claims.library") / "controls.yaml"))[0][1]
    )
    for lost in ("nosuch", "../x", ""):
        with pytest.raises(ClaimsError):
            claims_at(lost)


def test_a_record_that_names_any_file_gives_nothing_of_it_away(tmp_path):
    secret, pipe = tmp_path / "secret", tmp_path / "pipe"
    secret.write_text("password: hunter2\n")
    os.mkfifo(pipe)
    names = [str(secret), str(pipe), "/nowhere/at/all", "nosuch"]
    found = recorded([look(claims=name) for name in names], None, ())
    told = {r.look.claims: r.unchecked for r in found}
    assert told[str(secret)] == f"found 4 faults in {secret}; see `corroborate check`"
    assert told[str(pipe)] == f"found something that is not a file at {pipe}"
    assert told["/nowhere/at/all"] == "found no such file at /nowhere/at/all"
    assert told["nosuch"] == "found no bundled claim set 'nosuch'"
    assert all(r.stale == () for r in found)


# As a user meets it

RUN = ("run", "c.yaml", "--protocol", "tiny.yaml")
LEVEL = 0.8


@pytest.fixture(scope="module")
def desk(tmp_path_factory):
    """A folder with a claim file and a store that holds runs for three seeds."""
    folder = tmp_path_factory.mktemp("desk")
    tiny.write_protocol(folder / "tiny.yaml", seeds=2)
    anything = {"reported": 50, "tolerance": {"points": 100, "because": "whatever comes out"}}
    topic = claim("topic", "value", condition=arm(), measure=measure(), level=LEVEL, **anything)
    layers = [{"field": "base.architecture.layers", "equals": 2}]
    tiny.write_claims(
        folder / "c.yaml", topic, claim("two", "protocol", settings=layers),
        protocol="tiny.yaml", controls=True,
    )  # fmt: skip
    done = start(folder, *RUN, "--store", "store", "--seeds", "3")
    _, told = done.communicate(timeout=120)
    assert done.returncode == 0, told
    return folder


@pytest.fixture
def here(desk, tmp_path, monkeypatch, capsys):
    """Run a command in a copy of the desk; return its exit code, its output and what it told."""
    shutil.copytree(desk, tmp_path / "desk")
    monkeypatch.chdir(tmp_path / "desk")

    def run(*arguments):
        code = corroborate.main([*arguments, "--store", "store"])
        out, told = capsys.readouterr()
        return code, out, told

    return run


def topic(run, *arguments):
    """Plan as many seeds as the arguments say, verify, and return the verdict on the claim."""
    assert "0 runs executed" in run(*RUN, *arguments)[2]
    _, out, told = run("verify", "c.yaml", "--json")
    assert told == ""
    return next(v for v in json.loads(out)["verdicts"] if v["claim"] == "topic")


def test_seeds_added_after_a_look_decide_nothing_and_the_verdict_says_why(here):
    assert topic(here, "--seeds", "2")["verdict"] == "reproduced"
    assert topic(here, "--seeds", "2")["verdict"] == "reproduced"
    found = topic(here, "--seeds", "3")
    assert (found["verdict"], found["finding"]) == ("inconclusive", "undecided")
    assert found["reasons"][0].startswith("Unplanned look: ")
    assert "would read: reproduced" in found["reasons"][0]
    _, out, _ = here("verify", "c.yaml", "--json")
    assert {v["claim"]: v["verdict"] for v in json.loads(out)["verdicts"]} == {
        "topic": "inconclusive",
        "two": "reproduced",
    }
    late = topic(here, "--seeds", "3", "--set", "looks=[2,3]")
    assert late["verdict"] == "inconclusive"
    assert topic(here, "--seeds", "2")["verdict"] == "reproduced"


def test_planned_looks_decide_with_intervals_that_are_wide_enough_for_all_of_them(here):
    plan = ("--set", "looks=[2, 3]")
    widths = []
    for number, seeds in enumerate((2, 3), start=1):
        found = topic(here, *plan, "--seeds", str(seeds))
        assert found["verdict"] == "reproduced"
        assert any(f"Look {number} of 2 planned" in reason for reason in found["reasons"])
        low, high = found["interval"]
        widths.append(high - low)
    alone = topic(here, "--seeds", "2")
    assert alone["interval"][1] - alone["interval"][0] == pytest.approx(widths[0])
    assert spent_level(LEVEL, 1, (2, 3)) > LEVEL
    assert read_looks_here()[0].looks == (2, 3)


def read_looks_here():
    return read_looks(Path("store"))


def test_every_command_that_shows_a_verdict_records_the_look_and_none_records_it_twice(here):
    assert read_looks_here() == ()
    here("show", "topic", "--claims", "c.yaml")
    assert [x.claim for x in read_looks_here()] == ["topic", "two"]
    here("report", "c.yaml", "--out", "out")
    here("verify", "c.yaml")
    assert len(read_looks_here()) == 2
    first = read_looks_here()[0]
    assert (first.seeds, first.finished, first.missing, len(first.trained)) == (3, 3, 0, 3)
    assert first.evaluators == (EVALUATOR,)
    assert (first.title, first.arxiv) == ("A test", None)


def test_a_look_is_recorded_while_another_process_writes_the_store(here):
    with Store.open(Path("store")):
        assert here("verify", "c.yaml")[2] == ""
    assert len(read_looks_here()) == 2


def status(run):
    _, out, told = run("status", "--json")
    assert told == ""
    return {v["claim"]: (v["stale"], v["unchecked"]) for v in json.loads(out)["verdicts"]}


def test_status_says_which_verdicts_are_stale_and_why(here, monkeypatch):
    assert status(here) == {}
    here("verify", "c.yaml")
    assert status(here) == {"topic": ([], None), "two": ([], None)}
    _, out, _ = here("status")
    assert f"verdicts on {Path('c.yaml').absolute()}:" in out
    assert sum(line.endswith("  current") for line in out.splitlines()) == 2
    text = Path("c.yaml").read_text()
    Path("c.yaml").write_text(text.replace('"points": 100.0', '"points": 90.0'))
    (told,), _ = status(here)["topic"]
    assert told.startswith("criterion: ")
    assert status(here)["two"] == ([], None)
    of_paper = text.replace('"arxiv": null', '"arxiv": "2005.13013v3"')
    Path("c.yaml").write_text(of_paper.replace('"controls": true', '"controls": false'))
    assert status(here)["two"][0] == ["paper version: none then, 2005.13013v3 now"]
    assert "stale: paper version: " in here("status")[1]
    Path("c.yaml").unlink()
    assert "found no such file" in status(here)["topic"][1]
    assert "  cannot be checked: found no such file at " in here("status")[1]
    Path("c.yaml").write_text(text)
    monkeypatch.setattr("verifier.staleness.EVALUATOR", "scoring@9")
    assert status(here)["topic"] == ([f"evaluator: {EVALUATOR} then, scoring@9 now"], None)


def test_a_changed_claim_is_withheld_however_often_it_is_planned_until_someone_accepts_it(here):
    accept = ("accept", "topic", "--claims", "c.yaml", "--by", "Ada", "--because")
    code, out, told = here(*accept, "no reason to")
    assert (code, out) == (2, "")
    assert "There is nothing to accept, and nothing was recorded." in told
    assert not Path("store/acceptances.jsonl").exists()
    assert topic(here, "--seeds", "3")["verdict"] == "reproduced"
    text = Path("c.yaml").read_text()
    Path("c.yaml").write_text(text.replace('"points": 100.0', '"points": 99.0'))
    for _ in range(2):  # neither planning nor looking anew accepts anything
        held = topic(here, "--seeds", "3")
        assert held["verdict"] == "inconclusive"
        assert "; not accepted" in held["stale"][0]
        assert status(here)["topic"][0] == held["stale"]
    code, out, told = here(*accept, "  read\nwrongly ", "--json")
    assert (code, told) == (0, "")
    accepted = json.loads(out)
    assert (accepted["by"], accepted["because"]) == ("Ada", "read wrongly")
    assert status(here)["topic"][0] == ["acceptances of its criterion: 0 then, 1 now"]
    found = topic(here, "--seeds", "3")
    assert (found["verdict"], found["stale"]) == ("reproduced", [])
    assert "accepted by Ada on " in found["reasons"][0]
    assert found["acceptances"] == [accepted]
    assert status(here)["topic"][0] == []
    assert "accepted changes:\n  topic  criterion " in here("status")[1]
    assert "accepted by Ada" in here("show", "topic", "--claims", "c.yaml")[1]
    assert here(*accept, "twice")[0] == 2
    Path("c.yaml").write_text(text)
    assert topic(here, "--seeds", "3")["verdict"] == "inconclusive", "back is a change, too"


def test_a_verdict_is_stale_once_the_plan_has_more_runs_and_current_after_verifying_again(here):
    topic(here, "--seeds", "2")
    here(*RUN, "--seeds", "3")
    assert status(here)["topic"][0] == ["runs: 2 finished then, 3 now"]
    here("verify", "c.yaml")
    assert status(here)["topic"] == ([], None)


def test_a_store_that_cannot_be_written_still_gives_verdicts_that_say_so(here, monkeypatch):
    opened = AppendedFile._opened

    def refuse(file, flags):
        if flags & os.O_CREAT:
            raise OSError(30, "Read-only file system", str(file.path))
        return opened(file, flags)

    monkeypatch.setattr(AppendedFile, "_opened", refuse)
    code, out, told = here("verify", "c.yaml", "--json")
    assert code == 0
    assert "the look is not on record: " in told
    assert "Read-only file system" in told
    for verdict in json.loads(out)["verdicts"]:
        assert "could not be put on record" in verdict["reasons"][-1]
    monkeypatch.undo()


@pytest.mark.parametrize("command", ["verify", "status"])
def test_a_damaged_record_of_looks_is_a_message_and_no_verdict(here, command):
    Path("store/looks.jsonl").write_text("nonsense\n")
    code, out, told = here(command, *(["c.yaml"] if command == "verify" else []))
    assert (code, out) == (2, "")
    assert "1 damaged lines" in told
    assert "in a new store" in told


def test_a_claim_that_the_plan_does_not_know_shows_no_score_and_is_no_look(here):
    tiny.write_claims(Path("other.yaml"), claim("elsewhere"))
    assert here("verify", "other.yaml")[0] == 3
    assert read_looks_here() == ()


def test_a_store_without_a_plan_is_a_message_and_gets_no_record(here):
    shutil.rmtree("store")
    Store.open(Path("store")).close()
    code, out, told = here("verify", "c.yaml")
    assert (code, out) == (2, "")
    assert "found no plan" in told
    assert read_looks_here() == ()
