"""Two audits compared: the same both ways, blind to order, and never with a reason that is not there."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError
from test_reports import UNDECIDED, WEAK, claim_set, document, gain

from reports.compare import compare
from reports.comparison import ClaimChange, Comparison
from reports.document import Document
from reports.errors import DocumentError

IDS = ("alpha", "beta", "gamma")
CLAIMS: tuple[dict[str, Any], ...] = (
    {},
    {"reported": 7.5},
    {"tolerance": {"points": 3.0, "because": "wider"}},
    {"tolerance": {"points": 2.0, "because": "another reason for the same size"}},
    {"statement": "Other words for the same claim."},
    {"level": 0.9},
)
VERDICTS: tuple[dict[str, Any], ...] = (
    {},
    WEAK,
    UNDECIDED,
    {"estimate": 7.0},
    {"stale": ["evaluator: a then, b now"]},
    {"seeds": 3, "signature": "kind:gain|evaluator:scoring@2|version:0.2.0"},
)
Record = dict[str, Any]
Change = Callable[[Record], None]


def other_machine(record: Record) -> None:
    record["environments"][0]["environment"]["packages"]["torch"] = "2.14.0"


def runs_again(record: Record) -> None:
    for run in record["runs"]:
        run["started"] = "2026-05-05T05:05:05Z"


def other_recipe(record: Record) -> None:
    record["protocol"]["targets"]["xnli"]["recipe"]["learning_rate"] = 3e-5


def other_data(record: Record) -> None:
    record["data"][-1]["revision"] = "v2"


def other_runs(record: Record) -> None:
    """Runs with other digests, as other recipes or data would give them."""
    names = {run["run"]: run["run"][::-1] for run in record["runs"]}
    for run in record["runs"]:
        run["run"] = names[run["run"]]
    for section in sections(record):
        section["runs"] = sorted(names[run] for run in section["runs"])
        evidence = section["verdict"]["evidence"]
        evidence["runs"] = sorted(names[run] for run in evidence["runs"])


def pinned_base(record: Record) -> None:
    record["protocol"]["base"]["revision"] = "0" * 40


def chosen_on_all(record: Record) -> None:
    """A checkpoint chosen on target languages, which a ledger tells in words of its own."""
    record["protocol"]["evaluation"]["selection"]["languages"] = "all"


def selection_unknown(record: Record) -> None:
    record["protocol"]["evaluation"]["selection"] = "unknown"


CHANGES: tuple[Change, ...] = (
    other_machine,
    runs_again,
    other_recipe,
    other_data,
    other_runs,
    pinned_base,
)


def sections(record: Record) -> list[Record]:
    return [section for claims in record["sets"] for section in claims["claims"]]


def changed(of: Document, *changes: Change) -> Document:
    record = of.model_dump(mode="json", by_alias=True)
    for change in changes:
        change(record)
    return Document.model_validate(record)


def one(claim: Record | None = None, verdict: Record | None = None) -> Document:
    return document([claim_set(gain(**(claim or {})))], [verdict or {}])


def only(found: Comparison) -> ClaimChange:
    (claim,) = found.claims
    return claim


def causes(old: Document, new: Document) -> set[tuple[str, str]]:
    return {(d.kind, d.what) for d in only(compare(old, new)).causes()}


@st.composite
def audits(draw: st.DrawFn) -> Document:
    ids = draw(st.lists(st.sampled_from(IDS), unique=True, min_size=1))
    claims = [gain(i, **draw(st.sampled_from(CLAIMS))) for i in ids]
    makes = [{**draw(st.sampled_from(VERDICTS)), "claim_id": i} for i in ids]
    cut = draw(st.integers(1, len(ids)))
    sets = [claim_set(*part) for part in (claims[:cut], claims[cut:]) if part]
    return changed(document(sets, makes), *draw(st.lists(st.sampled_from(CHANGES), max_size=3)))


def swapped(value: Any) -> Any:
    """Exchange `old` and `new` wherever they stand."""
    if isinstance(value, list):
        return [swapped(item) for item in value]
    if not isinstance(value, dict):
        return value
    found = {key: swapped(item) for key, item in value.items()}
    if "old" in found:
        found["old"], found["new"] = found["new"], found["old"]
    return found


@given(audits())
@settings(max_examples=25)
def test_an_audit_compared_with_itself_has_not_changed(of) -> None:
    found = compare(of, of)
    assert found.nothing_differs()
    assert not any(c.changed or c.differences or c.unexplained for c in found.claims)


@given(audits(), audits())
@settings(max_examples=60)
def test_comparing_the_other_way_round_swaps_the_sides_and_nothing_else(old, new) -> None:
    there = compare(old, new).model_dump(mode="json", by_alias=True)
    back = compare(new, old).model_dump(mode="json", by_alias=True)
    assert swapped(there) == back


def recipes() -> list[Document]:
    changes = ((), (pinned_base,), (chosen_on_all,), (selection_unknown,))
    return [changed(one(), *of, other_runs) for of in changes]


@pytest.mark.parametrize(("a", "b"), [(a, b) for a in range(4) for b in range(a)])
def test_recipes_differ_in_the_same_fields_both_ways_round(a, b) -> None:
    old, new = recipes()[a], recipes()[b]
    there, back = compare(old, new).protocol, compare(new, old).protocol
    assert there
    assert [(d.what, d.old, d.new) for d in there] == [(d.what, d.new, d.old) for d in back]
    assert all(d.old != d.new for d in there)


@given(audits(), audits(), st.randoms(use_true_random=False))
@settings(max_examples=40)
def test_the_order_of_claims_sets_and_runs_does_not_matter(old, new, random) -> None:
    def shuffle(record: Record) -> None:
        random.shuffle(record["runs"])
        random.shuffle(record["sets"])
        for claims in record["sets"]:
            random.shuffle(claims["claims"])

    assert compare(changed(old, shuffle), changed(new, shuffle)) == compare(old, new)


@given(audits(), audits())
@settings(max_examples=60)
def test_every_change_has_a_cause_or_is_called_unexplained(old, new) -> None:
    for claim in compare(old, new).in_both():
        parts = {part for cause in claim.causes() for part in cause.can_change}
        for result in claim.changed:
            part = result if result in ("estimate", "interval") else "decision"
            assert (part in parts) != (result in claim.unexplained)


@given(audits(), audits())
@settings(max_examples=25)
def test_a_comparison_is_read_back_as_it_was_written(old, new) -> None:
    found = compare(old, new)
    assert Comparison.model_validate_json(found.model_dump_json(by_alias=True)) == found


def test_other_numbers_on_the_same_grounds_are_unexplained() -> None:
    found = only(compare(one(), one(verdict={"estimate": 7.0})))
    assert (found.changed, found.unexplained) == (("estimate",), ("estimate",))
    assert found.causes() == ()


def test_another_tolerance_explains_the_verdict_and_never_an_estimate() -> None:
    wider = {"tolerance": {"points": 3.0, "because": "a quarter of the reported size"}}
    new = one(wider, {**UNDECIDED, "tolerance": 3.0, "estimate": 7.0})
    found = only(compare(one(), new))
    assert found.unexplained == ("estimate", "interval")
    assert ("criterion", "tolerance.points") in {(d.kind, d.what) for d in found.causes()}


def test_another_reason_for_a_size_explains_nothing() -> None:
    same = {"tolerance": {"points": 2.0, "because": "because I say so"}}
    label = {"verdict": "inconclusive", "finding": "undecided"}
    old, new = one(), one(same, label)
    found = only(compare(old, new))
    assert found.unexplained == ("verdict", "finding")
    assert [(d.kind, d.what) for d in found.differences] == [("wording", "tolerance.because")]


def test_a_claim_changed_after_planning_is_a_cause() -> None:
    def later(record: Record) -> None:
        sections(record)[0]["planned_criterion"] = "0" * 64

    new = changed(one(verdict=UNDECIDED), later)
    assert ("criterion", "since its runs were planned") in causes(one(), new)


def test_a_missing_seed_is_named_with_the_runs_that_are_gone() -> None:
    def lose(record: Record) -> None:
        gone = {run["run"] for run in record["runs"] if run["title"].endswith("[squad_v1] seed 2")}
        (section,) = sections(record)
        section["runs"] = [run for run in section["runs"] if run not in gone]
        evidence = section["verdict"]["evidence"]
        evidence["runs"] = [run for run in evidence["runs"] if run not in gone]
        evidence["arms"][0] |= {"seeds": [1], "scores": [64.25]}
        evidence["exclusions"] = ["failed: evaluation xnli [squad_v1] seed 2: out of memory"]

    found = only(compare(one(), changed(one(verdict=UNDECIDED), lose)))
    assert found.unexplained == ()
    told = {d.kind: d for d in found.causes()}
    assert set(told) == {"seeds", "runs", "failures"}
    assert (told["seeds"].what, told["seeds"].old, told["seeds"].new) == ("squad_v1", "1, 2", "1")
    assert "evaluation xnli [squad_v1] seed 2" in told["runs"].old
    assert told["runs"].new == "none"


def test_recipe_and_data_explain_nothing_where_the_runs_are_the_same() -> None:
    new = changed(one(verdict={"estimate": 7.0}), other_recipe, other_data)
    assert only(compare(one(), new)).unexplained == ("estimate",)
    told = causes(one(), changed(new, other_runs))
    assert {("protocol", "targets.xnli.recipe.learning_rate"), ("data", "xnli validation")} <= told


def test_a_recipe_of_another_task_explains_nothing() -> None:
    def second_target(record: Record) -> None:
        recipe = record["protocol"]["targets"]["xnli"]["recipe"]
        record["protocol"]["targets"]["pawsx"] = {"train_on": "paws", "recipe": recipe}
        record["data"].append({**record["data"][0], "name": "paws"})

    new = changed(one(verdict={"estimate": 7.0}), second_target, other_runs)
    assert {kind for kind, _ in causes(one(), new)} == {"runs"}


def test_another_machine_explains_numbers_only_where_runs_were_made_on_it() -> None:
    new = changed(one(verdict={"estimate": 7.0}), other_machine)
    assert only(compare(one(), new)).unexplained == ("estimate",)
    again = only(compare(one(), changed(new, runs_again)))
    assert again.unexplained == ()
    assert {(d.kind, d.what, d.old, d.new) for d in again.causes()} == {
        ("environment", "packages.torch", "2.13.0", "2.14.0")
    }


def test_another_machine_does_not_explain_a_verdict_on_the_same_numbers() -> None:
    label = {"verdict": "inconclusive", "finding": "undecided"}
    new = changed(one(verdict=label), other_machine, runs_again)
    assert only(compare(one(), new)).unexplained == ("verdict", "finding")


def test_runs_made_again_explain_nothing_by_themselves() -> None:
    found = only(compare(one(), changed(one(verdict={"estimate": 7.0}), runs_again)))
    assert (found.made_again, found.shared_runs) == (8, 8)
    assert found.unexplained == ("estimate",)


def test_scoring_code_and_deviations_are_causes() -> None:
    old = one(verdict={"signature": "kind:gain|evaluator:scoring@1|version:0.1.0"})
    new = one(verdict={**WEAK, "signature": "kind:gain|evaluator:scoring@2|version:0.1.0"})
    assert causes(old, new) == {("scoring", "evaluator"), ("deviations", "base.checkpoint")}


def test_staleness_is_told_and_explains_nothing() -> None:
    label = {"verdict": "inconclusive", "finding": "undecided"}
    found = only(compare(one(), one(verdict={**label, "stale": ["evaluator: a then, b now"]})))
    assert [d.kind for d in found.differences] == ["staleness"]
    assert found.unexplained == ("verdict", "finding")


def test_a_claim_of_one_audit_only_is_listed_and_not_compared() -> None:
    both = document([claim_set(gain(), gain("other"))], [{}, {"claim_id": "other"}])
    found = {c.claim: c for c in compare(one(), both).claims}
    assert found["other"].old is None
    assert (found["other"].changed, found["other"].unexplained) == ((), ())
    assert found["squad-gain"].changed == ()


def test_numbers_that_differ_by_the_order_of_a_sum_are_the_same() -> None:
    assert only(compare(one(), one(verdict={"estimate": 8.0 + 1e-13}))).changed == ()
    assert only(compare(one(), one(verdict={"estimate": 8.0 + 1e-6}))).changed == ("estimate",)


def test_long_values_that_differ_at_their_end_are_told_apart() -> None:
    old, new = (one({"notes": ["x" * 3000 + end]}) for end in "ab")
    (found,) = only(compare(old, new)).differences
    assert found.old != found.new
    assert len(found.old) < 400


def test_a_claim_lists_a_dozen_differences_of_a_kind_and_counts_the_rest() -> None:
    many = {"evidence": {"exclusions": [f"left out {i}" for i in range(40)]}}
    found = only(compare(one(verdict={"evidence": {}}), one(verdict=many)))
    assert (len(found.differences), found.not_listed) == (12, 28)


@pytest.mark.parametrize("fault", ["twice", "another claim"])
def test_a_report_that_contradicts_itself_is_refused(fault) -> None:
    def spoil(record: Record) -> None:
        (section,) = sections(record)
        if fault == "twice":
            record["sets"][0]["claims"].append(section)
        else:
            section["verdict"]["claim"] = "other"

    with pytest.raises(DocumentError, match=rf"old report: claim 'squad-gain'.*{fault}"):
        compare(changed(one(), spoil), one())


def test_a_comparison_that_hides_what_is_unexplained_is_refused() -> None:
    found = json.loads(
        compare(one(), one(verdict={"estimate": 7.0})).model_dump_json(by_alias=True)
    )
    found["claims"][0]["unexplained"] = []
    with pytest.raises(ValidationError, match="unexplained"):
        Comparison.model_validate(found)
