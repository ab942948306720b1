"""Decision rules: laws first, then the table of outcomes, then simulated error rates."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from verifier_strategies import MNLI, NONE, SQUAD, claim, protocol, seed_values

from claims.estimand import Condition, Contrast
from verifier.cells import CellEstimate
from verifier.decisions_cells import (
    decide_consistency,
    decide_no_benefit,
    decide_not_consistently_better,
)
from verifier.decisions_ranking import decide_ranking, rank_sets
from verifier.decisions_settings import decide_settings
from verifier.decisions_size import SizeCriterion, decide_size, decide_value, size_criterion
from verifier.intervals import Estimate, Scores, difference, single
from verifier.outcome import rounding

STEP = 0.05
HELLASWAG = Condition(intermediate=("hellaswag",))
CONTRASTS = tuple(Contrast(treatment=c, control=NONE) for c in (SQUAD, MNLI, HELLASWAG))

sizes = st.floats(-15, 15)
errors = st.floats(0.01, 10)
freedoms = st.floats(1, 30)


def estimate(value, error, df=4.0, seeds=3):
    variance = None if error is None else (error**2 * seeds / 2,) * 2
    return Estimate(value, error, df, variance or (), seeds, "mean", "t")


def cell(value, error, df=4.0, name="a"):
    return CellEstimate(f"{name} vs none", name, None, value, 0.0, estimate(value, error, df))


def criterion(reported=8.2, tolerance=2.0, least=0.5, sign=1):
    return SizeCriterion(reported, tolerance if reported is not None else None, least, 0.95, sign)


criteria = st.one_of(
    st.just(criterion(None)),
    st.builds(
        criterion,
        st.floats(0.1, 12).map(lambda x: round(x, 1)),
        st.floats(0.1, 5),
        st.floats(0.1, 2),
        st.sampled_from([1, -1]),
    ),
)


def decide_cells(kind, cells, at_least="all"):
    if kind == "consistency":
        return decide_consistency(
            cells, claim(kind, contrasts=CONTRASTS, cells="tasks", at_least=at_least)
        )
    if kind == "no_benefit":
        return decide_no_benefit(cells, claim(kind, contrasts=CONTRASTS))
    return decide_not_consistently_better(cells, claim(kind, contrasts=CONTRASTS, cells="tasks"))


# Laws


@given(sizes, errors, freedoms, criteria, st.floats(1, 20))
def test_a_wider_interval_never_turns_anything_into_a_decision(value, error, df, rule, wider):
    narrow = decide_size(estimate(value, error, df), rule).label
    wide = decide_size(estimate(value, error * wider, df), rule).label
    assert wide in (narrow, "inconclusive")


@given(sizes, errors, freedoms, st.floats(1, 20))
def test_a_wider_interval_never_decides_a_value(value, error, df, wider):
    rule = claim("value", condition=SQUAD, reported=50, tolerance=2.0)
    narrow = decide_value(estimate(50 + value, error, df), rule).label
    wide = decide_value(estimate(50 + value, error * wider, df), rule).label
    assert wide in (narrow, "inconclusive")


many = st.lists(st.tuples(st.floats(-5, 5), st.floats(0.01, 3)), min_size=1, max_size=6)
kinds = st.sampled_from(["consistency", "no_benefit", "not_consistently_better"])


@given(kinds, many, st.floats(1, 20), st.integers(1, 6) | st.just("all"))
def test_wider_cells_never_turn_anything_into_a_decision(kind, values, wider, u):
    assume(u == "all" or u <= len(values))
    narrow = decide_cells(kind, [cell(v, e) for v, e in values], u).label
    wide = decide_cells(kind, [cell(v, e * wider) for v, e in values], u).label
    assert wide in (narrow, "inconclusive")


@given(many, st.floats(-5, 5), st.floats(0.01, 3))
def test_one_more_cell_never_makes_all_improve_or_none_benefit(values, value, error):
    cells = [cell(v, e) for v, e in values]
    for kind in ("consistency", "no_benefit"):
        if decide_cells(kind, cells).label != "reproduced":
            assert decide_cells(kind, [*cells, cell(value, error)]).label != "reproduced"


@given(many, st.integers(1, 5), st.floats(0.01, 3))
def test_empty_comparisons_never_loosen_a_decision(values, more, error):
    # A cell exactly at the edge of what is claimed decides nothing, but costs a comparison.
    cells = [cell(v, e) for v, e in values]
    more_cells = [*cells, *(cell(0.5, error) for _ in range(more))]
    if decide_cells("not_consistently_better", cells).label == "inconclusive":
        assert decide_cells("not_consistently_better", more_cells).label == "inconclusive"
    if decide_cells("consistency", cells).label != "not_reproduced":
        assert decide_cells("consistency", more_cells).label != "not_reproduced"


@given(seed_values, seed_values, criteria)
def test_swapping_the_arms_and_the_direction_changes_no_label(a, b, rule):
    def decided(x, y, sign):
        arms = (Scores(np.array(x)), Scores(np.array(y)))
        return decide_size(difference(*arms, statistic="mean", step=STEP), replace(rule, sign=sign))

    there, back = decided(a, b, 1), decided(b, a, -1)
    assert (there.label, there.finding) == (back.label, back.finding)
    assert there.estimate == -back.estimate


@given(kinds, st.lists(st.floats(-30, 30), min_size=1, max_size=4))
def test_cells_without_intervals_decide_nothing(kind, values):
    outcome = decide_cells(kind, [cell(v, None) for v in values])
    assert outcome.label == "inconclusive"
    assert outcome.seeds_needed is None
    assert any("at least two seeds" in text for text in outcome.reasons)


@given(sizes, criteria)
def test_an_estimate_without_interval_decides_nothing(value, rule):
    outcome = decide_size(estimate(value, None), rule)
    assert (outcome.label, outcome.finding) == ("inconclusive", "undecided")
    assert any("at least two seeds" in text for text in outcome.reasons)


arms_of = st.lists(seed_values, min_size=3, max_size=3)


@given(arms_of, st.floats(1, 10))
def test_wider_arms_never_decide_a_ranking(values, wider):
    def ranked(factor):
        scores = {}
        for condition, v in zip((SQUAD, MNLI, HELLASWAG), values, strict=True):
            mean = np.mean(v)
            scores[condition] = Scores(
                mean + factor * (np.array(v) - mean + 1e-3 * np.arange(len(v)))
            )
        rule = claim("ranking", candidates=list(scores), claimed=[SQUAD], top=1)
        return decide_ranking(scores, rule, claimed=(SQUAD,), statistic="mean", step=STEP)

    assert ranked(wider).label in (ranked(1).label, "inconclusive")


@given(arms_of, st.lists(seed_values, min_size=1, max_size=3))
def test_more_candidates_never_narrow_a_rank_set_from_below(values, added):
    names = [Condition(intermediate=(f"t{i}",)) for i in range(6)]
    few = {c: Scores(np.array(v)) for c, v in zip(names, values, strict=False)}
    lot = few | {c: Scores(np.array(v)) for c, v in zip(names[3:], added, strict=False)}
    small = rank_sets(few, statistic="mean", step=STEP, level=0.95)
    large = rank_sets(lot, statistic="mean", step=STEP, level=0.95)
    for c in few:
        assert large[c].worst >= small[c].worst
        assert 1 <= large[c].best <= large[c].worst <= len(lot)


# The table of outcomes


@pytest.mark.parametrize(
    ("value", "error", "reported", "label", "finding"),
    [
        (8.0, 0.3, 8.2, "reproduced", "magnitude"),
        (4.0, 0.3, 8.2, "not_reproduced", "direction_only"),
        (0.2, 0.05, 8.2, "not_reproduced", "negligible"),
        (0.0, 0.1, 8.2, "not_reproduced", "contradicted"),
        (-3.0, 0.5, 8.2, "not_reproduced", "contradicted"),
        (1.0, 0.5, 8.2, "not_reproduced", "outside_tolerance"),
        (7.0, 1.5, 8.2, "inconclusive", "direction_compatible"),
        (6.0, 0.3, 8.2, "inconclusive", "direction_only"),
        (0.8, 0.2, 0.8, "inconclusive", "undecided"),
        (4.0, 3.0, 8.2, "inconclusive", "undecided"),
        (8.0, 1.5, None, "reproduced", "direction_compatible"),
        (0.0, 0.1, None, "not_reproduced", "contradicted"),
        (0.3, 0.05, None, "not_reproduced", "negligible"),
        (1.0, 1.0, None, "inconclusive", "undecided"),
    ],
)
def test_a_gain_is_decided_by_the_table(value, error, reported, label, finding):
    outcome = decide_size(estimate(value, error), criterion(reported))
    assert (outcome.label, outcome.finding) == (label, finding)
    mirrored = decide_size(estimate(-value, error), criterion(reported, sign=-1))
    assert (mirrored.label, mirrored.finding) == (label, finding)
    assert mirrored.interval.low == pytest.approx(-outcome.interval.high)


def test_an_inconclusive_gain_says_what_would_change_it():
    outcome = decide_size(estimate(7.0, 1.5), criterion())
    assert outcome.seeds_needed > 3
    assert any("would be seen with probability 0.8" in text for text in outcome.reasons)
    assert any(f"About {outcome.seeds_needed} seeds" in text for text in outcome.reasons)
    assert any("is assumed to be ours" in text for text in outcome.reasons)


def test_a_tolerance_that_reaches_zero_never_passes_a_null_effect():
    # Reported 0.8 within 1.0: the band holds zero, the claim of a gain does not.
    outcome = decide_size(estimate(0.05, 0.05), criterion(0.8, 1.0))
    assert (outcome.label, outcome.finding) == (
        "not_reproduced",
        "negligible" if outcome.interval.low > 0 else "contradicted",
    )


def test_a_reported_size_below_its_own_minimum_effect_decides_nothing():
    outcome = decide_size(estimate(0.3, 0.01), criterion(0.3, 1.0))
    assert outcome.label == "inconclusive"
    assert "mend the claim" in outcome.reasons[0]


def test_the_rounding_of_the_reported_number_counts_against_a_decision():
    assert [rounding(x) for x in (8.2, 8.0, 8.25, -8.2)] == pytest.approx([0.05, 0.05, 0.005, 0.05])
    inside_by_less_than_rounding = estimate(10.16, 1e-6)
    assert decide_size(inside_by_less_than_rounding, criterion()).label == "inconclusive"
    outside_by_less_than_rounding = estimate(10.24, 1e-6)
    assert decide_size(outside_by_less_than_rounding, criterion()).label == "inconclusive"


@pytest.mark.parametrize(
    ("value", "label", "finding"),
    [
        (68.5, "reproduced", "magnitude"),
        (75.0, "not_reproduced", "outside_tolerance"),
        (70.1, "inconclusive", "undecided"),
    ],
)
def test_a_value_is_inside_outside_or_across_its_band(value, label, finding):
    rule = claim("value", condition=SQUAD, reported=68.2, tolerance=2.0)
    outcome = decide_value(
        single(Scores(np.array([value - 0.1, value, value + 0.1])), statistic="mean", step=STEP),
        rule,
    )
    assert (outcome.label, outcome.finding) == (label, finding)


@pytest.mark.parametrize(
    ("values", "at_least", "label", "finding"),
    [
        ([2, 3, 4], "all", "reproduced", "consistent"),
        ([2, 3, 0.1], "all", "inconclusive", "too_few_cells"),
        ([2, 3, -2], "all", "not_reproduced", "counterexample"),
        ([2, 3, -2], 2, "reproduced", "consistent"),
        ([2, -3, -2], 2, "not_reproduced", "too_few_cells"),
        ([2, 3, -2], "unknown", "not_evaluable", "measure_unknown"),
        ([-2, -3, -2], "unknown", "not_reproduced", "too_few_cells"),
        ([2, 3, 4], 4, "not_evaluable", "no_evidence"),
    ],
)
def test_consistency_counts_cells_that_surely_improve(values, at_least, label, finding):
    outcome = decide_cells("consistency", [cell(v, 0.2) for v in values], at_least)
    assert (outcome.label, outcome.finding) == (label, finding)
    assert any("cells are shown to improve" in text for text in outcome.reasons)


def test_cells_that_bear_a_claim_out_are_all_counted_as_shown():
    # one-sided p = 0.02 each: enough where all must improve, not for one of nine after correction
    cells = [cell(2.0537, 1.0, df=None, name=str(i)) for i in range(9)]
    outcome = decide_cells("consistency", cells)
    assert outcome.label == "reproduced"
    assert any(text.startswith("9 of 9 cells are shown to improve") for text in outcome.reasons)


@pytest.mark.parametrize(
    ("values", "error", "label", "finding"),
    [
        ([0.0, 0.1], 0.05, "reproduced", "equivalent"),
        ([0.0, 3.0], 0.05, "not_reproduced", "contradicted"),
        ([0.0, -3.0], 0.05, "not_reproduced", "contradicted"),
        ([0.0, 0.1], 1.0, "inconclusive", "undecided"),
    ],
)
def test_no_benefit_needs_equivalence_of_every_contrast(values, error, label, finding):
    outcome = decide_cells("no_benefit", [cell(v, error) for v in values])
    assert (outcome.label, outcome.finding) == (label, finding)


@pytest.mark.parametrize(
    ("values", "label", "finding"),
    [
        ([3.0, -1.0], "reproduced", "not_consistent"),
        ([3.0, 2.0], "not_reproduced", "consistent"),
        ([3.0, 0.5], "inconclusive", "undecided"),
    ],
)
def test_not_consistently_better_needs_one_cell_that_surely_falls_short(values, label, finding):
    outcome = decide_cells("not_consistently_better", [cell(v, 0.2) for v in values])
    assert (outcome.label, outcome.finding) == (label, finding)


def ranked(means, claimed, top=1, sd=0.1):
    conditions = [SQUAD, MNLI, HELLASWAG, NONE][: len(means)]
    arms = {
        c: Scores(m + sd * np.array([-1.0, 0, 1])) for c, m in zip(conditions, means, strict=True)
    }
    rule = claim("ranking", candidates=conditions, claimed=claimed, top=top)
    return decide_ranking(arms, rule, claimed=tuple(claimed), statistic="mean", step=STEP)


def test_a_ranking_is_decided_by_rank_sets():
    assert ranked([60, 50, 40], [SQUAD]).finding == "in_claimed_ranks"
    assert ranked([50, 60, 40], [SQUAD]).finding == "outside_claimed_ranks"
    close = ranked([60.1, 60, 40], [SQUAD])
    assert (close.label, close.finding) == ("inconclusive", "undecided")
    assert close.seeds_needed > 3
    assert close.estimate == pytest.approx(0.1)
    assert ranked([60.1, 60, 40, 30], [SQUAD, MNLI], top=2).label == "reproduced"
    assert ranked([60.1, 60, 40, 30], [SQUAD], top=2).label == "reproduced"
    assert ranked([40, 60, 50, 30], [SQUAD], top=2).label == "not_reproduced"


def setting(field, equals):
    return {"field": field, "equals": equals}


@pytest.mark.parametrize(
    ("settings", "label", "finding"),
    [
        ([setting("base.checkpoint", "toy-base")], "reproduced", "settings_match"),
        ([setting("intermediate_tasks", ["squad", "mnli"])], "reproduced", "settings_match"),
        ([setting("targets.ner.recipe.learning_rate", 1e-3)], "reproduced", "settings_match"),
        ([setting("intermediate_tasks", ["squad"])], "not_reproduced", "settings_differ"),
        ([setting("base.checkpoint", "large")], "not_reproduced", "settings_differ"),
        ([{"field": "seeds", "equals": True}], "not_reproduced", "settings_differ"),
        ([setting("base.nothing", 1)], "not_evaluable", "no_evidence"),
        ([setting("pretraining.recipe.epochs", 1)], "not_evaluable", "no_evidence"),
        ([setting("base.nothing", 1), setting("seeds", 5)], "not_reproduced", "settings_differ"),
    ],
)
def test_settings_are_compared_with_the_protocol_of_the_runs(settings, label, finding):
    outcome = decide_settings(claim("protocol", settings=settings), protocol())
    assert (outcome.label, outcome.finding) == (label, finding)


def test_a_setting_that_the_protocol_leaves_unknown_is_not_evaluable():
    rule = claim("protocol", settings=[setting("precision", "fp32")])
    assert decide_settings(rule, protocol(precision="unknown")).label == "not_evaluable"


def test_a_claim_turned_down_is_judged_with_its_own_sign():
    down = claim("gain", direction="down", reported=-8.2, tolerance=2.0)
    rule = size_criterion(down)
    outcome = decide_size(estimate(-8.0, 0.3), rule)
    assert (outcome.label, outcome.estimate) == ("reproduced", -8.0)
    assert decide_size(estimate(8.0, 0.3), rule).finding == "contradicted"
