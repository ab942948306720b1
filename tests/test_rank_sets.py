"""Rank sets by max-t: laws first, then published critical values, then coverage by simulation."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import special
from verifier_strategies import claim

from claims.estimand import Condition
from verifier.crossed import Drawn
from verifier.decisions_ranking import decide_ranking, rank_sets
from verifier.intervals import Scores, difference
from verifier.multiplicity import bonferroni_level
from verifier.outcome import Outcome
from verifier.power import detectable
from verifier.rank_sets import comparisons

STEP = 0.05
NAMES = tuple(Condition(intermediate=(f"t{i}",)) for i in range(40))
AUDITS = 1000

arms_lists = st.lists(
    st.lists(st.floats(20, 80).map(lambda x: round(x, 2)), min_size=2, max_size=5),
    min_size=3,
    max_size=6,
)


def scores(lists, **changes):
    return {c: Scores(np.array(v, float), **changes) for c, v in zip(NAMES, lists, strict=False)}


def compare(arms, pairs=None, *, level=0.95, statistic="mean"):
    pairs = list(itertools.combinations(arms, 2)) if pairs is None else pairs
    return comparisons(arms, pairs, statistic=statistic, step=STEP, level=level)


def factors(found):
    """How many standard errors each interval reaches."""
    return [(f.interval.high - f.interval.low) / 2 / f.estimate.standard_error for f in found]


def first_against_rest(arms):
    first, *rest = arms
    return [(first, c) for c in rest]


def decided(arms, claimed, top, statistic="mean"):
    rule = claim("ranking", candidates=list(arms), claimed=list(claimed), top=top)
    return decide_ranking(arms, rule, claimed=tuple(claimed), statistic=statistic, step=STEP)


# Laws


@given(arms_lists)
def test_a_single_pair_has_exactly_the_interval_of_welch(lists):
    arms = scores(lists[:2])
    (found,) = compare(arms)
    alone = difference(*arms.values(), statistic="mean", step=STEP).interval(0.95)
    assert found.interval == alone
    assert found.equivalent_level == 0.95


@given(arms_lists, st.randoms(use_true_random=False))
def test_the_order_of_arms_and_pairs_changes_nothing(lists, shuffler):
    arms = scores(lists)
    seen = {(f.first, f.second): f.interval for f in compare(arms)}
    keys, pairs = list(arms), list(seen)
    shuffler.shuffle(keys)
    shuffler.shuffle(pairs)
    again = compare({c: arms[c] for c in keys}, pairs)
    assert {(f.first, f.second): f.interval for f in again} == seen
    turned = compare(arms, [(b, a) for a, b in pairs])
    for f in turned:
        assert f.interval.low == -seen[f.second, f.first].high
    ranks = rank_sets(arms, statistic="mean", step=STEP, level=0.95)
    assert ranks == rank_sets({c: arms[c] for c in keys}, statistic="mean", step=STEP, level=0.95)


@given(arms_lists)
def test_another_comparison_never_narrows_those_at_hand(lists):
    arms = scores(lists)
    pairs = list(itertools.combinations(arms, 2))
    before = {}
    for count in range(1, len(pairs) + 1):
        now = {
            (f.first, f.second): f.interval.high - f.interval.low
            for f in compare(arms, pairs[:count])
        }
        assert all(now[pair] >= width for pair, width in before.items())
        before = now


@given(arms_lists, st.floats(1, 50))
def test_arms_that_all_vary_more_never_decide_what_was_open(lists, wider):
    def ranks(factor):
        arms = {
            c: Scores(v.mean() + factor * (v - v.mean() + 1e-3 * np.arange(v.size)))
            for c, v in ((c, s.values) for c, s in scores(lists).items())
        }
        return rank_sets(arms, statistic="mean", step=STEP, level=0.95)

    narrow, wide = ranks(1), ranks(wider)
    for c in narrow:
        assert wide[c].best <= narrow[c].best
        assert wide[c].worst >= narrow[c].worst


@given(arms_lists, st.floats(0.5, 0.99), st.floats(0, 0.49))
def test_a_higher_level_never_narrows(lists, level, more):
    arms = scores(lists)
    narrow = factors(compare(arms, level=level))
    wide = factors(compare(arms, level=min(0.99, level + more)))
    assert all(w >= n - 1e-9 for n, w in zip(narrow, wide, strict=True))


@given(arms_lists)
def test_the_equivalent_level_gives_the_same_interval_to_the_pair_alone(lists):
    for found in compare(scores(lists)):
        alone = found.estimate.interval(found.equivalent_level)
        if found.equivalent_level < 1 - 1e-6:
            assert alone.low == pytest.approx(found.interval.low, rel=1e-6, abs=1e-6)
        assert 0.95 <= found.equivalent_level < 1


@settings(max_examples=25)
@given(arms_lists, st.integers(1, 3), st.data())
def test_a_claim_and_its_refutation_never_hold_together(lists, count, data):
    arms = scores(lists)
    size = min(count, len(arms) - 1)
    top = data.draw(st.integers(size, len(arms) - 1))
    outcome = decided(arms, list(arms)[:size], top)
    backwards = decided({c: Scores(-s.values) for c, s in arms.items()}, list(arms)[:size], size)
    assert outcome.label in ("reproduced", "not_reproduced", "inconclusive")
    assert (outcome.label, backwards.label) != ("reproduced", "reproduced")


# Published and exact critical values


MANY = 4000


def level_arms(count, k=MANY, sd=1.0):
    """Arms of `k` seeds with exactly the same variance."""
    values = np.tile([-1.0, 1.0], k // 2) * sd
    return {c: Scores(60 + values) for c in NAMES[:count]}


@pytest.mark.parametrize(("arms", "q"), [(3, 3.314), (5, 3.858), (9, 4.387)])
def test_with_many_seeds_all_pairs_have_tukeys_critical_value(arms, q):
    # Harter 1960, studentized range, upper 5 % points at infinite degrees of freedom.
    assert max(factors(compare(level_arms(arms)))) == pytest.approx(q / np.sqrt(2), abs=0.03)


@pytest.mark.parametrize(("treatments", "d"), [(2, 2.21), (4, 2.44), (8, 2.65)])
def test_with_many_seeds_one_against_the_rest_has_dunnetts_critical_value(treatments, d):
    # Dunnett 1964, two-sided 5 % points at infinite degrees of freedom.
    arms = level_arms(treatments + 1)
    reached = max(factors(compare(arms, first_against_rest(arms))))
    assert reached == pytest.approx(d, abs=0.03)


@pytest.mark.parametrize("k", [2, 4, 10])
def test_comparisons_that_move_as_one_cost_nothing_and_independent_ones_cost_sidak(k):
    fixed = level_arms(9, k=2, sd=0.0)
    fixed = {c: Scores(s.values[:1], constant=True) for c, s in fixed.items()}
    varying = level_arms(9, k=k)
    first, *rest = NAMES[:9]
    pairs = [(first, c) for c in rest]
    alike = factors(compare(fixed | {first: varying[first]}, pairs))
    assert alike == pytest.approx([special.stdtrit(k - 1, 0.975)] * 8, rel=2e-3)
    apart = factors(compare(varying | {first: fixed[first]}, pairs))
    assert apart == pytest.approx([special.stdtrit(k - 1, 0.5 + 0.95**0.125 / 2)] * 8, rel=0.06)


def test_a_level_that_draws_do_not_resolve_takes_the_fewest_degrees_of_freedom():
    arms = scores([[1, 2, 3], [1, 2, 3, 4], [5, 7, 9]])
    strict = bonferroni_level(0.999, 3)
    expected = special.stdtrit(2, 0.5 + strict / 2)
    assert factors(compare(arms, level=0.999)) == pytest.approx([expected] * 3)
    fixed = scores([[50.0], [50.1], [50.2]], constant=True)
    expected = special.ndtri(0.5 + strict / 2)
    assert factors(compare(fixed, level=0.999)) == pytest.approx([expected] * 3)


def test_arms_without_randomness_are_compared_in_attainable_steps():
    found = compare(scores([[50.0], [50.05], [60.0]], constant=True))
    assert factors(found) == pytest.approx([3.314 / np.sqrt(2)] * 3, abs=0.04)
    assert [f.surely_worse() for f in found] == [False, True, True]
    assert not any(f.surely_better() for f in found)


def test_examples_that_are_drawn_anew_are_shared_by_all_comparisons():
    rng = np.random.default_rng(5)
    shared = rng.normal(size=(10_000, 1))

    def arm(own):
        deviations = np.repeat(shared + own * rng.normal(size=(10_000, 1)), 2, axis=1)
        return Scores(60 + np.array([-1e-3, 1e-3]), drawn=Drawn(deviations, 400))

    # All the variance is that of the first arm's examples: every comparison moves as one.
    arms = {NAMES[0]: arm(0.0)} | {
        c: Scores(60 + np.array([-1e-3, 1e-3]), drawn=Drawn(np.zeros((10_000, 2)), 400))
        for c in NAMES[1:9]
    }
    alike = factors(compare(arms, first_against_rest(arms)))
    assert alike == pytest.approx([special.stdtrit(399, 0.975)] * 8, rel=0.02)
    # What all arms share cancels, and the rest is independent from arm to arm: Tukey again.
    apart = factors(compare({c: arm(1.0) for c in NAMES[:5]}))
    assert max(apart) == pytest.approx(3.858 / np.sqrt(2), rel=0.03)
    strict = compare(arms, first_against_rest(arms), level=0.999)
    assert factors(strict)[0] == pytest.approx(
        special.stdtrit(1, 0.5 + bonferroni_level(0.999, 8) / 2)
    )


# Decisions


def test_an_arm_with_one_seed_counts_as_no_comparison():
    arms = scores([[90.0], [50.0, 50.1, 50.2], [70.0, 70.1, 70.2]])
    found = compare(arms)
    assert [f.interval is None for f in found] == [True, True, False]
    assert not found[0].surely_better()
    alone = difference(arms[NAMES[1]], arms[NAMES[2]], statistic="mean", step=STEP)
    assert found[2].interval == alone.interval(0.95)
    outcome = decided(arms, [NAMES[0]], 1)
    assert (outcome.label, outcome.seeds_needed) == ("inconclusive", None)
    assert any("at least two seeds" in text for text in outcome.reasons)


def spread(*means, sd=0.1):
    return scores([[m - sd, m, m + sd] for m in means])


def test_the_order_among_the_claimed_is_not_compared():
    found = decided(spread(60.01, 60, 40, 30), NAMES[:2], 2)
    assert found.label == "reproduced"
    assert len(found.cells) == 4
    assert "4 comparisons" in found.interval.method
    assert found.interval.level == 0.95


def test_one_other_surely_above_a_claimed_condition_refutes_the_claim_of_all():
    found = decided(spread(60, 60, 70, 30), NAMES[:2], 2)
    assert (found.label, found.finding) == ("not_reproduced", "outside_claimed_ranks")
    assert "surely above t0 is t2" in found.reasons[0]
    assert decided(spread(60, 60, 70, 30), NAMES[:2], 3).label == "reproduced"
    assert decided(spread(60, 60.05, 60.1, 30), NAMES[:2], 2).label == "inconclusive"


def test_seeds_are_planned_for_what_max_t_asks_with_more_of_them():
    rng = np.random.default_rng(2)
    deviations = rng.normal(size=(9, 3))
    means = np.array([62.0] + [60.0] * 8)
    arms = scores(means[:, None] + deviations - deviations.mean(axis=1, keepdims=True))
    found = decided(arms, NAMES[:1], 1)
    assert found.label == "inconclusive"
    assert 3 < found.seeds_needed < 40
    half = (found.interval.high - found.interval.low) / 2
    told = next(text for text in found.reasons if "would be seen" in text)
    at_hand = float(told.split("distance of ")[1].split()[0])
    hang = next(
        f for f in compare(arms, first_against_rest(arms)) if f.estimate.value == found.estimate
    )
    assert half < at_hand == round(detectable(hang.estimate, level=hang.equivalent_level), 2)
    assert at_hand != round(detectable(hang.estimate, level=bonferroni_level(0.95, 8)), 2)


# Coverage by simulation


@pytest.fixture
def unplanned(monkeypatch):
    """Planning takes most of the time and has no part in the verdict."""
    monkeypatch.setattr(Outcome, "with_pleas", lambda outcome, _: outcome)


SPREADS = {
    "equal": np.ones(9),
    "one steady": np.array([0.1] + [1.0] * 8),
    "one wild": np.array([10.0] + [1.0] * 8),
    "doubling": 2.0 ** np.arange(9),
}


@pytest.mark.parametrize("statistic", ["mean", "median"])
@pytest.mark.parametrize("spread", SPREADS)
@pytest.mark.parametrize("k", [2, 3, 5])
def test_comparisons_hold_at_once_in_at_least_the_stated_share_of_audits(k, spread, statistic):
    rng = np.random.default_rng(17)
    covered = 0
    for _ in range(AUDITS // 2):
        values = 60 + SPREADS[spread][:5, None] * rng.normal(size=(5, k))
        arms = scores(values)
        found = compare(arms, first_against_rest(arms), statistic=statistic)
        covered += all(f.interval.low <= 0 <= f.interval.high for f in found)
    share = covered / (AUDITS // 2)
    assert share >= 0.95 - 3 * np.sqrt(0.95 * 0.05 / (AUDITS // 2))


@pytest.mark.usefixtures("unplanned")
def test_a_false_claim_is_hardly_ever_reproduced_and_a_true_one_hardly_ever_refuted():
    rng = np.random.default_rng(19)
    sd = np.array([0.1, 1, 1, 1, 1])[:, None]
    # The third equals the first two, so that they are the best two is on the edge of false and true.
    means = np.array([90, 60, 60, 30, 30])[:, None]
    labels = [
        decided(scores(means + sd * rng.normal(size=(5, 3))), NAMES[:2], 2).label
        for _ in range(AUDITS)
    ]
    for wrong in ("reproduced", "not_reproduced"):
        assert labels.count(wrong) / AUDITS <= 0.025 + 3 * np.sqrt(0.025 * 0.975 / AUDITS)


@pytest.mark.usefixtures("unplanned")
def test_a_clear_best_of_nine_is_found_with_five_seeds():
    rng = np.random.default_rng(23)
    means = np.array([[64.0]] + [[60.0]] * 8)
    audits = AUDITS // 2
    labels = [
        decided(scores(means + rng.normal(size=(9, 5))), NAMES[:1], 1).label for _ in range(audits)
    ]
    # Bonferroni over all 36 pairs finds .31 of them (benchmarks/rank_sets.py).
    assert labels.count("reproduced") / audits > 0.6
    assert labels.count("not_reproduced") == 0
