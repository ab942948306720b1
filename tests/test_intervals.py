"""Intervals, corrections for many cells, and planning numbers."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from verifier_strategies import seed_values

from verifier.intervals import Scores, difference, median_inflation, single
from verifier.multiplicity import bonferroni_level, holm, partial_conjunction, shown_cells
from verifier.power import minimal_detectable_effect, power_curve, seeds_to_decide

STEP = 0.05


def scores(values):
    return Scores(np.asarray(values, dtype=float))


def fixed(value):
    return Scores(np.asarray([value], dtype=float), constant=True)


def welch(a, b, statistic="mean"):
    return difference(scores(a), scores(b), statistic=statistic, step=STEP)


varied = seed_values.filter(lambda v: np.ptp(v) > 0.01)


@given(a=varied, b=varied, level=st.floats(0.5, 0.999))
def test_the_interval_of_a_difference_is_welchs(a, b, level):
    expected = stats.ttest_ind(a, b, equal_var=False).confidence_interval(level)
    found = welch(a, b).interval(level)
    assert (found.low, found.high) == pytest.approx((expected.low, expected.high), abs=1e-6)


@given(a=varied, threshold=st.floats(0, 100))
def test_p_values_of_one_arm_are_those_of_the_t_test(a, threshold):
    estimate = single(scores(a), statistic="mean", step=STEP)
    above = stats.ttest_1samp(a, threshold, alternative="greater").pvalue
    below = stats.ttest_1samp(a, threshold, alternative="less").pvalue
    assert estimate.p_above(threshold) == pytest.approx(above, abs=1e-9)
    assert estimate.p_below(threshold) == pytest.approx(below, abs=1e-9)


@given(a=varied, b=st.floats(0, 100))
def test_an_arm_without_randomness_leaves_the_one_sample_interval(a, b):
    found = difference(scores(a), fixed(b), statistic="mean", step=STEP).interval(0.95)
    expected = stats.ttest_1samp(a, b).confidence_interval(0.95)
    assert (found.low + b, found.high + b) == pytest.approx((expected.low, expected.high))
    assert found.degrees_of_freedom == pytest.approx(len(a) - 1)


@given(a=seed_values, b=seed_values, statistic=st.sampled_from(["mean", "median"]))
def test_swapping_the_arms_negates_estimate_and_interval(a, b, statistic):
    there, back = welch(a, b, statistic), welch(b, a, statistic)
    assert there.value == -back.value
    one, other = there.interval(0.95), back.interval(0.95)
    assert (one.low, one.high) == pytest.approx((-other.high, -other.low))


@given(a=seed_values, b=seed_values, low=st.floats(0.5, 0.99), more=st.integers(1, 50))
def test_more_comparisons_never_narrow_an_interval(a, b, low, more):
    plain = welch(a, b).interval(low)
    adjusted = welch(a, b).interval(bonferroni_level(low, more))
    assert adjusted.low <= plain.low
    assert adjusted.high >= plain.high


@given(value=st.floats(0, 100), k=st.integers(2, 20), statistic=st.sampled_from(["mean", "median"]))
def test_equal_seeds_give_the_attainable_step_and_never_no_width(value, k, statistic):
    estimate = welch([value] * k, [value] * k, statistic)
    interval = estimate.interval(0.95)
    assert interval.high - interval.low > STEP / k
    assert f"attainable step of {STEP:.3g} points" in interval.method


def test_arms_without_any_randomness_still_have_a_width():
    estimate = difference(fixed(60), fixed(50), statistic="mean", step=0.5)
    interval = estimate.interval(0.95)
    assert (interval.low, interval.high) == pytest.approx((10 - 0.98, 10 + 0.98), abs=1e-3)
    assert interval.degrees_of_freedom is None


def test_one_seed_of_a_random_arm_gives_no_interval():
    estimate = difference(scores([60]), fixed(50), statistic="mean", step=0.5)
    assert estimate.value == 10
    assert estimate.interval(0.95) is None
    assert estimate.p_above(0) == estimate.p_below(0) == 1


def test_the_median_of_three_costs_sixteen_percent_of_precision():
    assert median_inflation(3) / np.sqrt(3) == pytest.approx(0.67, abs=0.005)
    assert median_inflation(2) == 1
    assert median_inflation(1000) == pytest.approx(np.sqrt(np.pi / 2), abs=0.002)


@pytest.mark.parametrize("k", [3, 4, 5, 8])
def test_the_median_factor_is_what_simulation_finds(k):
    draws = np.random.default_rng(5).normal(size=(200_000, k))
    found = np.median(draws, axis=1).std() * np.sqrt(k)
    assert median_inflation(k) == pytest.approx(found, abs=0.01)


@pytest.mark.parametrize("spread", [(1.0, 1.0), (1.0, 3.0)])
@pytest.mark.parametrize("k", [3, 5, 10])
def test_intervals_cover_at_about_their_level(k, spread):
    rng = np.random.default_rng(k)
    audits = 4000
    a = rng.normal(1, spread[0], size=(audits, k))
    b = rng.normal(0, spread[1], size=(audits, k))
    held = sum(
        i.low <= 1 <= i.high
        for x, y in zip(a, b, strict=True)
        for i in [welch(x, y).interval(0.95)]
    )
    # Welch's interval is not exact: within a point of nominal, and 3 Monte-Carlo errors.
    assert held / audits == pytest.approx(0.95, abs=0.01 + 3 * np.sqrt(0.05 * 0.95 / audits))


def test_minimal_detectable_effects_are_those_of_the_table_of_small_k():
    # Two arms, one-sided .05 (two-sided .90), power .8, in sd over seeds.
    found = [
        minimal_detectable_effect(np.sqrt(2 / k), 2 * k - 2, level=0.9) for k in (2, 3, 5, 10, 20)
    ]
    assert found == pytest.approx([3.98, 2.48, 1.72, 1.16, 0.80], abs=0.006)
    corrected = [
        minimal_detectable_effect(np.sqrt(2 / k), 2 * k - 2, level=bonferroni_level(0.9, 9))
        for k in (2, 3, 5, 10, 20)
    ]
    assert corrected == pytest.approx([12.0, 4.7, 2.7, 1.7, 1.1], abs=0.06)


def test_advised_seeds_have_the_power_that_they_promise():
    rng = np.random.default_rng(7)
    a = np.array([1.0, -1.0, 0.0]) + 1.5
    estimate = welch(a, a - 1.5)
    k = seeds_to_decide(estimate, distance=1.5, level=0.95)
    draws = rng.normal(size=(4000, 2, k))
    found = np.mean([welch(t + 1.5, c).interval(0.95).low > 0 for t, c in draws])
    assert found > 0.8 - 0.02
    fewer = rng.normal(size=(4000, 2, k - 1))
    assert np.mean([welch(t + 1.5, c).interval(0.95).low > 0 for t, c in fewer]) < 0.8 + 0.02


@given(first=varied, second=varied, level=st.floats(0.5, 0.999), distance=st.floats(0.5, 20))
def test_among_many_an_estimate_decides_less_and_is_planned_with_less_power(
    first, second, level, distance
):
    alone = welch(first, second)
    among = alone.among_many()
    assert among.degrees_of_freedom == min(len(first), len(second)) - 1
    narrow, wide = alone.interval(level), among.interval(level)
    assert wide.low <= narrow.low + 1e-9
    assert wide.high >= narrow.high - 1e-9
    assert among.among_many().degrees_of_freedom == among.degrees_of_freedom
    powers = [power_curve(e, distance=distance, level=level) for e in (alone, among)]
    for more, less in zip(*powers, strict=True):
        assert less.power <= more.power + 1e-9
        assert less.detectable >= more.detectable * (1 - 1e-3)


@given(distance=st.floats(0.05, 20), statistic=st.sampled_from(["mean", "median"]))
def test_advised_seeds_are_more_than_there_are_and_bounded(distance, statistic):
    needed = seeds_to_decide(
        welch([1.0, 2, 3], [0.0, 1, 4], statistic), distance=distance, level=0.95
    )
    assert needed is None or 4 <= needed <= 1000


@given(st.lists(st.floats(0, 1), min_size=1, max_size=12))
def test_holm_is_at_most_bonferroni_and_at_least_the_p_value(p):
    for raw, adjusted in zip(p, holm(p), strict=True):
        assert raw <= adjusted <= min(1, len(p) * raw) + 1e-12


def test_holm_matches_a_worked_example():
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx((0.03, 0.06, 0.06, 0.02))


@given(st.lists(st.floats(0, 1), min_size=1, max_size=12), st.floats(0, 1))
def test_one_more_cell_never_loosens_a_claim_on_all_cells(p, extra):
    assert partial_conjunction([*p, extra], len(p) + 1) >= partial_conjunction(p, len(p))
    assert partial_conjunction(p, len(p)) == max(p)


def test_the_number_of_shown_cells_follows_its_definition():
    # L = 4: 4*.001, 3*.01, 2*.02, 1*.2 against .05.
    assert shown_cells([0.2, 0.001, 0.02, 0.01], 0.05) == 3
    assert shown_cells([0.02, 0.02, 0.02, 0.02], 0.05) == 0
