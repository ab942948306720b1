"""Secondary criteria: worked examples first, then laws; above all that they decide nothing."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy import stats
from verifier_strategies import MNLI, NONE, SQUAD, World, arm, claim

from claims.claim import Original
from reports.claim_section import claim_section
from reports.document import ClaimSection
from reports.to_markdown import markdown
from verifier.criteria import (
    edgington_p,
    prediction_half_width,
    sceptical_p,
    sceptical_z,
    secondary_criteria,
)
from verifier.decisions_size import SizeCriterion, decide_size
from verifier.intervals import Estimate
from verifier.original import StudyDifference
from verifier.verdict import Verdict

z_values = st.floats(0.05, 8)
ratios = st.floats(0.05, 20)
p_values = st.floats(0.001, 1)
originals = st.one_of(
    st.none(),
    st.builds(
        Original,
        seeds=st.one_of(st.just("unknown"), st.integers(1, 1000)),
        standard_error=st.one_of(st.just("unknown"), st.floats(1e-6, 100)),
        because=st.just("a table"),
    ),
)
UP = claim("gain", reported=10.0, tolerance=2.0)


def estimate(value, error=1.0, df=None):
    return Estimate(value, error, df, (error**2,) * 2, 3, "mean", "t")


def by_name(value, *, reported=8.2, error=1.0, df=None, level=0.95, original=None):
    seen = estimate(value, error, df)
    found = secondary_criteria(seen, reported, level=level, original=original)
    return {c.name: c for c in found}


# Worked examples


@given(apart=st.floats(-20, 20), errors=st.tuples(st.floats(0.1, 5), st.floats(0.1, 5)))
def test_q_is_chi_squared_with_one_degree_of_freedom(apart, errors):
    q = apart**2 / (errors[0] ** 2 + errors[1] ** 2)
    normal = StudyDifference(*errors, None)
    assert normal.p(apart) == pytest.approx(stats.chi2.sf(q, 1), abs=1e-12)
    by_t = StudyDifference(0.0, math.hypot(*errors), 4.0)
    assert by_t.p(apart) == pytest.approx(stats.f.sf(q, 1, 4), abs=1e-12)


@pytest.mark.parametrize("z", [1.0, 2.0, 3.5])
def test_equal_studies_with_equal_errors_halve_the_squared_sceptical_z(z):
    assert sceptical_z(z, z, 1.0) ** 2 == pytest.approx(z**2 / 2)


def test_sceptical_z_follows_its_formula_away_from_equal_errors():
    arithmetic, harmonic = 6.5, 2 / (1 / 4 + 1 / 9)
    expected = math.sqrt(arithmetic * (arithmetic + harmonic)) - arithmetic
    assert sceptical_z(2, 3, 2.0) == pytest.approx(math.sqrt(expected))


def test_edgington_on_the_p_values_of_its_papers_examples():
    assert edgington_p(0.026, 0.001) == pytest.approx(0.027**2 / 2)
    assert edgington_p(0.024, 0.024) == pytest.approx(0.048**2 / 2)
    # two studies that each just meet 0.025 meet the square of it only together with room to spare
    assert edgington_p(0.01, 0.025) < 0.025**2 < edgington_p(0.024, 0.024)


@pytest.mark.parametrize("weight", [0.5, 1.0, 3.0])
def test_edgington_is_the_distribution_of_a_weighted_sum_of_uniforms(weight):
    draws = np.random.default_rng(5).random((200_000, 2)) @ [1.0, weight]
    for total in np.linspace(0.1, 1 + weight - 0.1, 7):
        first = min(1.0, total)
        found = edgington_p(first, (total - first) / weight, weight)
        assert found == pytest.approx(float(np.mean(draws <= total)), abs=0.005)


def test_an_effect_of_1_53_errors_gives_an_original_a_third_power():
    found = by_name(8.0, error=2.0)["small_telescopes"]
    assert found.value / 2 == pytest.approx(1.53, abs=0.001)
    effect, critical = found.value / 2, stats.norm.isf(0.025)
    power = stats.norm.sf(critical - effect) + stats.norm.cdf(-critical - effect)
    assert power == pytest.approx(1 / 3, abs=0.001)


def test_few_seeds_make_the_telescope_smaller():
    with_t = by_name(8.0, df=4.0)["small_telescopes"]
    critical = stats.t.isf(0.025, 4)
    assert stats.nct.sf(critical, 4, with_t.value) == pytest.approx(1 / 3, abs=1e-6)
    assert with_t.value > by_name(8.0)["small_telescopes"].value


def test_a_given_error_enters_every_criterion():
    found = by_name(6.0, error=1.0, original=Original(standard_error=2.0, because="a table"))
    assert {(c.original_error, c.original_standard_error) for c in found.values()} == {("given", 2)}
    assert found["q_test"].value == pytest.approx(2.25**2 / 5)
    assert found["q_test"].p == pytest.approx(2 * stats.norm.sf(2.25 / math.sqrt(5)))
    assert found["small_telescopes"].value == pytest.approx(1.5294 * 2, abs=1e-3)
    assert found["sceptical_p"].value == pytest.approx(sceptical_z(8.15 / 2, 6.0, 4.0))
    assert found["sceptical_p"].p == pytest.approx(sceptical_p(8.15 / 2, 6.0, 4.0))
    tails = stats.norm.sf([8.15 / 2, 6.0]).sum()
    assert found["edgington"].p == pytest.approx(tails**2 / 2)


def test_a_single_run_of_the_paper_is_less_certain_than_our_three():
    one = by_name(6.0, df=4.0, original=Original(seeds=1, because="a table"))
    ours = by_name(6.0, df=4.0)
    # estimate() has arms of variance 1, so one run each gives sqrt(2)
    assert one["q_test"].original_standard_error == pytest.approx(math.sqrt(2))
    assert {c.original_error for c in one.values()} == {"assumed"}
    assert one["q_test"].p > ours["q_test"].p
    assert one["small_telescopes"].value == pytest.approx(
        ours["small_telescopes"].value * math.sqrt(2)
    )
    assert one["edgington"].p > ours["edgington"].p


def test_criteria_read_as_their_authors_read_them():
    close = by_name(8.0)
    assert {name for name, c in close.items() if c.met} == set(close)
    gone = by_name(-3.0)
    assert not any(c.met for c in gone.values())
    assert [c.threshold for c in close.values()] == [0.05, 0.05, 0.025, 0.025**2]
    assert {c.original_error for c in close.values()} == {"assumed"}


def test_rounding_of_the_reported_number_counts_against_the_claim():
    found = by_name(8.2)
    assert found["q_test"].value == pytest.approx(0.05**2 / 2)
    assert found["edgington"].value == pytest.approx(2 * stats.norm.sf(8.15), rel=0.5)
    assert by_name(8.0, reported=0.0) == {}


def test_without_an_interval_there_are_no_criteria():
    lone = Estimate(8.0, None, None, (), 1, "mean", "t")
    assert secondary_criteria(lone, 8.2, level=0.95) == ()
    given_error = Original(standard_error=1.0, because="a table")
    assert secondary_criteria(lone, 8.2, level=0.95, original=given_error) == ()
    assert prediction_half_width(lone, 0.95) == 0
    assert prediction_half_width(lone, 0.95, given_error) == 0


# Laws


@given(first=z_values, second=z_values, ratio=ratios)
def test_the_sceptic_is_symmetric_in_the_studies_and_never_surer_than_the_weaker(
    first, second, ratio
):
    found = sceptical_z(first, second, ratio)
    assert found == pytest.approx(sceptical_z(second, first, ratio))
    assert 0 < found <= min(first, second)


@given(first=z_values, second=z_values, ratio=ratios)
def test_the_sceptic_asks_more_of_a_smaller_ratio_and_varies_without_a_jump(first, second, ratio):
    assert sceptical_z(first, second, ratio * 1.1) <= sceptical_z(first, second, ratio) * (1 + 1e-9)
    near = sceptical_z(first, second, 1 + 1e-9)
    assert near == pytest.approx(sceptical_z(first, second, 1.0), rel=1e-6)


@given(first=z_values, second=z_values, more=st.floats(0, 3), ratio=ratios)
def test_a_stronger_replication_never_raises_the_sceptical_p(first, second, more, ratio):
    assert sceptical_p(first, second + more, ratio) <= sceptical_p(first, second, ratio) + 1e-12
    other_way = sceptical_p(first, -second, ratio)
    assert other_way == pytest.approx(1 - sceptical_p(first, second, ratio))


@given(relative=st.floats(0.01, 3), ratio=ratios)
def test_at_the_golden_level_a_just_significant_original_needs_no_smaller_a_replication(
    relative, ratio
):
    assume(relative < 0.999)
    critical = float(stats.norm.isf(0.025))
    assert sceptical_p(critical, relative * critical * math.sqrt(ratio), ratio) > 0.025


@given(first=p_values, second=p_values, less=st.floats(0.1, 1), weight=ratios)
def test_a_smaller_p_value_never_raises_edgingtons(first, second, less, weight):
    assert edgington_p(first * less, second, weight) <= edgington_p(first, second, weight) + 1e-12
    assert edgington_p(first, second * less, weight) <= edgington_p(first, second, weight) + 1e-12
    assert 0 < edgington_p(first, second, weight) <= 1
    assert edgington_p(first, second) == pytest.approx(edgington_p(second, first))


@given(
    value=st.floats(-90, 90),
    error=st.floats(1e-9, 50),
    df=st.one_of(st.none(), st.floats(1, 50)),
    reported=st.floats(0.1, 50).map(lambda x: round(x, 1)),
    level=st.sampled_from([0.8, 0.9, 0.95, 0.99]),
    original=originals,
)
def test_every_estimate_has_finite_criteria(value, error, df, reported, level, original):
    found = by_name(value, reported=reported, error=error, df=df, level=level, original=original)
    assert list(found) == ["q_test", "small_telescopes", "sceptical_p", "edgington"]


@given(
    value=st.floats(-15, 15),
    error=st.floats(0.01, 10),
    sign=st.sampled_from([1, -1]),
    original=originals,
)
def test_turning_claim_and_estimate_around_changes_no_criterion(value, error, sign, original):
    rule = SizeCriterion(8.2, 2.0, 0.5, 0.95, sign, original)
    outcome = decide_size(estimate(sign * value, error, 4.0), rule)
    expected = by_name(value, error=error, df=4.0, original=original)
    assert outcome.secondary == tuple(expected.values())


# What a reader of a verdict sees


def world(rule=UP, gain=10.0):
    rng = np.random.default_rng(1)
    return World(rule, {SQUAD: arm(rng, 50 + gain), NONE: arm(rng, 50), MNLI: arm(rng, 55)})


@given(gain=st.floats(-20, 20))
def test_criteria_change_nothing_else_of_a_verdict(gain):
    rule = claim("gain", reported=10.0, tolerance=2.0)
    w = world(rule, gain)
    verdict = w.verdict()
    assert len(verdict.secondary) == 4
    blind = pytest.MonkeyPatch()
    with blind.context() as patch:
        patch.setattr("verifier.decisions_size.secondary_criteria", lambda *_, **__: ())
        assert w.verdict() == verdict.model_copy(update={"secondary": ()})


def test_a_claim_without_a_size_or_with_runs_missing_has_none():
    assert world(claim("gain", reported="unknown")).verdict().secondary == ()
    partial = world().but(failed=((SQUAD, "ner", 2),)).verdict()
    assert partial.interval is not None
    assert partial.secondary == ()


def test_a_selected_gain_has_them_too():
    rule = claim(
        "selected_gain", candidates=[SQUAD, MNLI], control=NONE, reported=10.0, tolerance=2.0,
        selection={"split": "test", "languages": "training"},
    )  # fmt: skip
    assert len(world(rule).verdict().secondary) == 4


def test_a_verdict_stored_before_they_existed_is_read():
    verdict = world().verdict()
    record = json.loads(verdict.canonical())
    del record["secondary"]
    assert Verdict.model_validate(record).secondary == ()


def test_the_report_shows_them_with_the_warning_that_they_decide_nothing():
    verdict = world(gain=0.0).verdict()
    text = markdown([claim_section(ClaimSection(claim=UP, verdict=verdict), shown={})])
    assert "they decide nothing" in text
    assert "standard error is assumed" in text
    rows = [line for line in text.splitlines() if "| at most 0." in line or "| above 0." in line]
    assert len(rows) == 4
    q_test, sceptic = verdict.secondary[0], verdict.secondary[2]
    assert rows[0].endswith(f"| {q_test.p:.2g} | above 0.05 | no |")
    assert rows[2].endswith(f"| {sceptic.p:.2g} | at most 0.025 | no |")
    bare = verdict.model_copy(update={"secondary": ()})
    without = markdown([claim_section(ClaimSection(claim=UP, verdict=bare), shown={})])
    assert "decide nothing" not in without
