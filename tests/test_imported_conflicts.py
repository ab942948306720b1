"""What one import says and another denies, or nobody says, is refused and never left out in silence."""

from __future__ import annotations

import pytest
from imported_world import CLAIMS, both, claim_set, decided, reading, score, stored, written

import corroborate
from claims.estimand import Condition
from replication.errors import ImportedScoresError, PlanError
from replication.imports.entering import imported_plan, runs_of
from replication.looks import MOST_SEEDS
from replication.protocols import load_protocol
from replication.store import Store
from reports.errors import DocumentError
from reports.to_json import read_document
from verifier.imported import with_needs
from verifier.sequential import seeds_planned


@pytest.mark.parametrize("changed", [{"n": 400}, {"metric": "f1"}, {"points": 0.8}])
def test_the_same_files_read_as_other_scores_are_refused(tmp_path, changed):
    path = stored(tmp_path / "runs", reading(*both()))
    before = (path / "journal.jsonl").read_bytes()
    other = [s.model_copy(update=changed) for s in both()]
    with pytest.raises(ImportedScoresError, match="earlier import of the same files") as raised:
        stored(path, reading(*other))
    assert len(raised.value.faults) == 8
    assert (path / "journal.jsonl").read_bytes() == before


@pytest.mark.parametrize("first", ["none", 7])
def test_a_seed_beside_none_of_an_earlier_import_is_refused(tmp_path, first):
    second = 7 if first == "none" else "none"
    path = stored(tmp_path / "runs", reading(score("plain", first)))
    with pytest.raises(ImportedScoresError, match="beside seed"):
        stored(path, reading(score("plain", second, language="de"), files="b"))
    stored(path, reading(score("other", second), files="b"))


def test_scores_without_a_seed_that_are_only_shown_are_all_kept(tmp_path):
    pair = [score("plain", None, 70.0, shown="So."), score("plain", "none", 71.0, shown="So.")]
    with Store.open(stored(tmp_path / "runs", reading(*pair)), write=False) as store:
        assert sorted(m.score for run in store.runs() for m in run.measurements) == [70.0, 71.0]


def test_all_stands_for_nothing_where_no_protocol_says_what_it_is(tmp_path):
    text = CLAIMS.replace("{base: augmented}", "{intermediate: all, mlm: true}").replace(
        "{base: plain}", "{intermediate: all}")  # fmt: skip
    arms = [
        score("x", s.seed, s.points, condition=Condition(mlm=s.condition.base == "augmented"))
        for s in both()
    ]
    path = stored(tmp_path / "runs", reading(*arms))
    found = decided(path, text)["real-gain"]
    assert found.verdict == "not_evaluable"
    assert "`intermediate: all`" in " ".join(found.reasons)


def test_all_is_not_taken_from_the_protocol_of_another_paper(tmp_path):
    text = CLAIMS.replace("{base: plain}", "{intermediate: all}").replace(
        "{base: augmented}", "{intermediate: all, mlm: true}")  # fmt: skip
    theirs = text.replace("protocol: ours", "protocol: xstilts").replace("-gain", "-other")
    tasks = load_protocol("xstilts").intermediate_tasks
    arms = [
        score("x", s.seed, s.points,
              condition=Condition(intermediate=tasks, mlm=s.condition.base == "augmented"))
        for s in both()
    ]  # fmt: skip
    path = stored(tmp_path / "runs", reading(*arms))
    for texts in ((text,), (text, theirs)):
        assert decided(path, *texts)["real-gain"].verdict == "not_evaluable"


def test_two_claims_of_one_id_are_refused(tmp_path):
    path = stored(tmp_path / "runs", reading(*both()))
    with pytest.raises(PlanError, match="real-gain: found the id twice"):
        decided(path, CLAIMS, CLAIMS.replace("A paper", "Another paper"))


def test_no_more_seeds_are_told_than_a_look_can_name():
    runs = runs_of(reading(*(score("plain", seed) for seed in range(MOST_SEEDS + 1))), "tidy", None)
    plan = with_needs(imported_plan(run.spec for run in runs), [claim_set()])
    specs = {run.spec_digest: run.spec for run in runs}
    assert seeds_planned(plan.needs[0], plan.protocol, specs) == MOST_SEEDS


def test_no_runs_are_made_in_a_store_of_imported_ones(tmp_path, capsys):
    path = stored(tmp_path / "runs", reading(*both()))
    before = (path / "journal.jsonl").read_bytes()
    arguments = ("--protocol", "miniature", "--store", str(path), "--budget-hours", "0")
    assert corroborate.main(["run", "xstilts", *arguments]) == 2
    assert "found imported runs" in capsys.readouterr().err
    assert (path / "journal.jsonl").read_bytes() == before


@pytest.mark.parametrize(
    ("protocol", "kind", "said"),
    [("ours", "direct", "direct replication by imported"), (None, "close", "nobody declares")],
)
def test_a_report_file_that_makes_more_of_imported_scores_is_refused(
    tmp_path, capsys, protocol, kind, said
):
    claims, _ = written(tmp_path)
    path = stored(tmp_path / "runs", reading(*both()), protocol=protocol)
    arguments = (str(claims), "--store", str(path), "--out", str(tmp_path), "--format", "json")
    assert corroborate.main(["report", *arguments]) in (1, 3)
    document = read_document((tmp_path / "report.json").read_bytes())
    sections = [
        section.model_copy(update={"verdict": section.verdict.model_copy(
            update={"verdict": "reproduced", "finding": "magnitude", "replication": kind})})
        for section in document.sets[0].claims
    ]  # fmt: skip
    sets = (document.sets[0].model_copy(update={"claims": tuple(sections)}),)
    forged = document.model_copy(update={"sets": sets}).model_dump_json(by_alias=True)
    with pytest.raises(DocumentError, match=said):
        read_document(forged.encode())


def test_a_task_that_the_declared_protocol_has_not_is_an_important_deviation(tmp_path):
    text = CLAIMS.replace("protocol: ours", "protocol: xstilts").replace(
        "{base: augmented}", "{mlm: true}").replace("{base: plain}", "{}")  # fmt: skip
    arms = [
        score("x", s.seed, s.points, condition=Condition(mlm=s.condition.base == "augmented"))
        for s in both()
    ]
    path = stored(tmp_path / "runs", reading(*arms), protocol="xstilts")
    found = decided(path, text, xstilts=load_protocol("xstilts"))["real-gain"]
    assert found.verdict == "not_evaluable"
    assert "targets.reviews" in {d.field for d in found.deviations if d.importance == "important"}


def test_two_metrics_of_a_task_on_other_numbers_of_examples_are_no_score_of_it(tmp_path):
    text = CLAIMS.replace("[accuracy]", "[em, f1]")
    pair = [*both(metric="em"), *both(metric="f1", n=50)]
    found = decided(stored(tmp_path / "runs", reading(*pair)), text)["real-gain"]
    assert found.verdict == "not_evaluable"
    assert decided(stored(tmp_path / "b", reading(*both(metric="em"), *both(metric="f1"))), text)[
        "real-gain"
    ].verdict == "reproduced"  # fmt: skip


def test_a_base_that_one_paper_states_is_not_taken_for_that_of_another(tmp_path):
    text = CLAIMS.replace("{base: augmented}", "{mlm: true}").replace("{base: plain}", "{}")
    theirs = text.replace("protocol: ours", "protocol: xstilts").replace("-gain", "-other")
    arms = [
        score("x", s.seed, s.points, checkpoint=f"they/{base}",
              condition=Condition(base=base, mlm=s.condition.base == "augmented"))
        for s in both() for base in ("xlm-roberta-large", "bert")
    ]  # fmt: skip
    path = stored(tmp_path / "runs", reading(*arms))
    for texts in ((text,), (text, theirs)):
        assert decided(path, *texts)["real-gain"].verdict == "not_evaluable"


def test_that_nothing_is_random_is_told_as_what_somebody_says(tmp_path):
    fixed = [score("plain", "none", 80.0), score("augmented", "none", 84.0)]
    for arms, told in ((fixed, True), (both(), False)):
        found = decided(stored(tmp_path / str(told), reading(*arms)))["real-gain"]
        assert ("nothing random" in " ".join(found.reasons)) is told
