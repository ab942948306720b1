"""Where does the variance of an estimate come from, and is it what the model says?"""

from __future__ import annotations

from itertools import pairwise, product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from verifier.crossed import Drawn, ItemPart, cell_variance, item_part, variance_shares
from verifier.intervals import Scores, difference, single
from verifier.power import CURVE, power_curve, seeds_to_decide
from verifier.resampling import Block, _times, deviations, observed, resample

DRAWS = 4000


def accuracies(rng, clusters, languages=1, runs=4, p=0.7):
    right = (rng.random((clusters, languages, runs)) < p).astype(float)
    return Block(
        "t", tuple(f"l{i}" for i in range(languages)), right, np.ones((clusters, languages, 1))
    )


def spans(rng, clusters, runs=4):
    gold = rng.poisson(1.4, (clusters, 1, 1))
    said = rng.poisson(1.4, (clusters, 1, runs))
    matched = np.minimum(gold, said) * (rng.random((clusters, 1, runs)) < 0.8)
    return Block("t", ("en",), 2.0 * matched, (gold + said).astype(float))


def passages(rng, clusters, languages=3, runs=4):
    asked = np.broadcast_to(rng.integers(1, 9, (clusters, 1, 1)), (clusters, languages, 1)).astype(
        float
    )
    return Block(
        "t",
        tuple(map(str, range(languages))),
        asked * rng.beta(3, 1, (clusters, languages, runs)),
        asked,
    )


def by_hand(block, draws, rng):
    """Draw clusters one by one and score each sample anew."""
    found = []
    for _ in range(draws):
        picked = rng.integers(0, block.clusters, block.clusters)
        above = block.numerators[picked].sum(0)
        found.append(100 * above / block.denominators[picked].sum(0))
    return np.stack(found)


@pytest.mark.parametrize("make", [accuracies, spans, passages])
@pytest.mark.parametrize("clusters", [40, 600])
def test_resampled_scores_spread_as_those_of_clusters_drawn_one_by_one(make, clusters):
    block = make(np.random.default_rng(3), clusters)
    fast = resample(block, DRAWS, np.random.default_rng(1)).reshape(DRAWS, -1)
    slow = by_hand(block, DRAWS, np.random.default_rng(2)).reshape(DRAWS, -1)
    assert fast.mean(0) == pytest.approx(slow.mean(0), abs=5 * slow.std() / np.sqrt(DRAWS))
    assert np.cov(fast.T) == pytest.approx(
        np.cov(slow.T), rel=0.12, abs=0.08 * slow.var(axis=0).max()
    )


def test_the_same_examples_are_drawn_for_every_run_and_for_parallel_languages():
    block = accuracies(np.random.default_rng(5), 300, languages=2, runs=1)
    twins = Block(
        "t", ("a", "b"), np.repeat(block.numerators[:, :1], 2, axis=1), block.denominators
    )
    drawn = resample(twins, 200, np.random.default_rng(0))
    assert drawn[:, 0] == pytest.approx(drawn[:, 1])


def test_a_sample_without_any_span_keeps_the_observed_score():
    block = Block("t", ("en",), np.array([[[0.0]], [[2.0]]]), np.array([[[0.0]], [[4.0]]]))
    drawn = resample(block, 500, np.random.default_rng(0))
    assert observed(block)[0, 0] == 50
    assert drawn == pytest.approx(50)


@pytest.mark.parametrize("make", [accuracies, spans, passages])
@pytest.mark.parametrize("clusters", [40, 600])
def test_deviations_are_drawn_scores_less_those_at_hand(make, clusters):
    block = make(np.random.default_rng(3), clusters)
    apart = deviations(block, 300, np.random.default_rng(1))
    scores = resample(block, 300, np.random.default_rng(1))
    assert apart.shape == (*observed(block).shape, 300)
    assert scores - observed(block) == pytest.approx(apart.transpose(2, 0, 1), abs=1e-4)
    assert ((scores > -1e-4) & (scores < 100 + 1e-4)).all()


def pairs(rng, clusters):
    return accuracies(rng, clusters, runs=2)


@pytest.mark.parametrize("make", [pairs, spans, passages])
@pytest.mark.parametrize("clusters", [40, 600])
def test_the_order_of_clusters_moves_no_draw(make, clusters):
    block = make(np.random.default_rng(3), clusters)
    order = np.random.default_rng(2).permutation(clusters)
    other = Block(block.task, block.languages, block.numerators[order], block.denominators[order])
    first, second = (deviations(b, 100, np.random.default_rng(1)) for b in (block, other))
    assert second == pytest.approx(first, abs=1e-3)


def test_few_distinct_clusters_are_drawn_as_counts_of_them():
    """Two runs with four distinct outcomes: every drawn score is a whole number of examples."""
    rng = np.random.default_rng(4)
    block = Block("t", ("en",), (rng.random((500, 1, 2)) < 0.6) * 1.0, np.ones((500, 1, 1)))
    scores = resample(block, 2000, np.random.default_rng(1))
    assert scores * 5 == pytest.approx(np.round(scores * 5), abs=1e-3)
    right = np.cov(100 * block.numerators[:, 0].T) / 500
    assert np.cov(scores[:, 0].T) == pytest.approx(right, abs=0.1 * right[0, 0])


def test_same_seed_same_bytes():
    block = spans(np.random.default_rng(5), 500)
    first, second = (resample(block, 50, np.random.default_rng(9)).tobytes() for _ in range(2))
    assert first == second


def simulated(rng, *, seed_sd, item_sd, rest_sd, k=4, n=200):
    """Two arms of per-replicate, per-example scores around an item effect that differs by arm."""
    own = rng.normal(0, item_sd, n)
    arms = []
    for sign in (0.5, -0.5):
        y = 50 + sign * own + rng.normal(0, seed_sd, (k, 1)) + rng.normal(0, rest_sd, (k, n))
        arms.append(y)
    return arms


def drawn_of(arm, rng, draws=600):
    n = arm.shape[1]
    counts = rng.multinomial(n, np.full(n, 1 / n), size=draws)
    return Drawn((counts @ arm.T) / n - arm.mean(1), n)


@pytest.mark.parametrize("parts", [(0.5, 3.0, 6.0), (0.5, 0.0, 6.0), (0.0, 3.0, 0.1)])
def test_components_are_unbiased_for_the_model(parts):
    rng = np.random.default_rng(17)
    seed_sd, item_sd, rest_sd = parts
    k, n = 4, 200
    found = []
    for _ in range(150):
        arms = simulated(rng, seed_sd=seed_sd, item_sd=item_sd, rest_sd=rest_sd)
        shared = np.random.default_rng(int(rng.integers(1 << 30)))
        state = shared.bit_generator.state
        pieces = []
        for arm in arms:
            shared.bit_generator.state = state  # the same examples for both arms
            pieces.append(drawn_of(arm, shared))
        part = item_part(pieces)
        found.append((part.variance, part.interaction))
    items, rest = np.mean(found, axis=0)
    assert rest == pytest.approx(2 * rest_sd**2 / (k * n), rel=0.1)
    # cut off at 0, so a little too large where examples add nothing
    assert items == pytest.approx(item_sd**2 / n, rel=0.15, abs=0.35 * rest)


def test_an_interval_for_sentences_like_these_covers_where_seeds_alone_do_not():
    rng = np.random.default_rng(23)
    k, n, audits = 4, 100, 400
    inside = {"seeds": 0, "both": 0}
    for _ in range(audits):
        arms = simulated(rng, seed_sd=0.2, item_sd=6.0, rest_sd=2.0, k=k, n=n)
        state = np.random.default_rng(int(rng.integers(1 << 30))).bit_generator.state
        scores = []
        for arm in arms:
            shared = np.random.default_rng()
            shared.bit_generator.state = state
            scores.append(Scores(arm.mean(1), drawn=drawn_of(arm, shared, 400)))
        both = difference(*scores, statistic="mean", step=0.1).interval(0.95)
        bare = [Scores(s.values) for s in scores]
        seeds = difference(*bare, statistic="mean", step=0.1).interval(0.95)
        inside["both"] += both.low <= 0 <= both.high
        inside["seeds"] += seeds.low <= 0 <= seeds.high
    assert inside["both"] / audits > 0.95 - 3 * np.sqrt(0.95 * 0.05 / audits)
    assert inside["both"] / audits < 0.985
    assert inside["seeds"] / audits < 0.8


def test_examples_widen_an_interval_without_any_seed():
    rng = np.random.default_rng(2)
    arm = Scores(np.array([60.0]), constant=True, drawn=Drawn(rng.normal(0, 1, (2000, 1)), 50))
    fixed = Scores(np.array([60.0]), constant=True)
    wide = single(arm, statistic="mean", step=0.1).interval(0.95)
    narrow = single(fixed, statistic="mean", step=0.1).interval(0.95)
    assert wide.high - wide.low > 5 * (narrow.high - narrow.low)
    assert wide.degrees_of_freedom == 49
    assert "examples" in wide.method


def test_no_number_of_seeds_decides_what_examples_leave_open():
    rng = np.random.default_rng(2)
    drawn = Drawn(rng.normal(0, 2, (2000, 3)) @ np.full((3, 3), 1 / 3), 500)
    seen = single(Scores(np.array([60.0, 60.2, 59.9]), drawn=drawn), statistic="mean", step=0.1)
    assert seeds_to_decide(seen, distance=1.0, level=0.95) is None
    assert seeds_to_decide(seen, distance=4.0, level=0.95) is not None


@given(
    st.lists(st.floats(40, 60), min_size=2, max_size=6),
    st.floats(0.1, 20),
    st.sampled_from([0.9, 0.95, 0.99]),
)
def test_more_seeds_show_smaller_effects_with_more_power(values, distance, level):
    seen = single(Scores(np.array(values)), statistic="mean", step=0.1)
    curve = power_curve(seen, distance=distance, level=level)
    assert tuple(p.seeds for p in curve) == CURVE
    assert all(a.detectable >= b.detectable for a, b in pairwise(curve))
    assert all(a.power <= b.power + 2e-3 for a, b in pairwise(curve))
    near = power_curve(seen, distance=distance / 2, level=level)
    assert all(a.power <= b.power + 2e-3 for a, b in zip(near, curve, strict=True))


def test_the_power_curve_is_what_simulation_finds():
    rng = np.random.default_rng(31)
    seen = difference(
        Scores(np.array([1.0, -1.0, 0.0])),
        Scores(np.array([1.0, -1.0, 0.0])),
        statistic="mean",
        step=0.01,
    )
    for point in power_curve(seen, distance=2.0, level=0.95)[:4]:
        a = rng.normal(2, 1, (3000, point.seeds))
        b = rng.normal(0, 1, (3000, point.seeds))
        cleared = np.mean([
            difference(Scores(x), Scores(y), statistic="mean", step=0.01).interval(0.95).low > 0
            for x, y in zip(a, b, strict=True)
        ])  # fmt: skip
        assert cleared == pytest.approx(point.power, abs=3 * np.sqrt(0.25 / 3000))


def test_the_largest_part_by_cell_is_seen_as_such():
    rng = np.random.default_rng(3)
    weights = np.full(8, 1 / 8)
    by_cell = np.mean([cell_variance(rng.normal(0, 2, (5, 8)), weights) for _ in range(400)])
    assert by_cell == pytest.approx(4 / 8 / 5, rel=0.1)
    together = rng.normal(0, 2, (5, 1)) + np.zeros((5, 8))
    assert cell_variance(together, weights) == pytest.approx(0, abs=1e-20)
    assert cell_variance(np.array([[1.0, 2.0]]), np.array([0.5, 0.5])) == 0
    assert cell_variance(np.array([[1.0], [2.0]]), np.array([1.0])) == 0


@given(st.floats(0, 10), st.floats(0, 10), st.floats(0, 10), st.floats(0, 10))
def test_shares_add_up_and_never_exceed_what_was_seen(seeds, by_cell, items, interaction):
    part = ItemPart(items, interaction, 30)
    shares = variance_shares(seeds, by_cell, part, replicates=3, drawn=False)
    if seeds + items == 0:
        assert shares == ()
        return
    assert sum(s.share for s in shares) == pytest.approx(1)
    assert sum(s.variance for s in shares if s.in_interval) == pytest.approx(seeds)
    assert [s.variance for s in shares] == sorted((s.variance for s in shares), reverse=True)
    without = variance_shares(seeds, by_cell, None, replicates=3, drawn=False)
    assert {s.source for s in without} <= {"seeds", "seeds_by_cell"}


@pytest.mark.parametrize("many", [[3], [2, 1], [1, 3, 2], [2, 1, 1, 2]])
def test_how_often_kinds_are_drawn_is_multinomial(many):
    """Against the probability of every outcome that there is, by a chi-squared test."""
    many = np.array(many)
    draws, count = 40_000, int(many.sum())
    times = _times(many, draws, np.random.default_rng(4)).T + many
    assert (times >= 0).all()
    assert (times.sum(1) == count).all()
    outcomes = [o for o in product(range(count + 1), repeat=many.size) if sum(o) == count]
    shares = stats.multinomial(count, many / count).pmf(outcomes)
    found = [int((times == np.array(o)).all(1).sum()) for o in outcomes]
    assert sum(found) == draws
    if len(outcomes) > 1:
        assert stats.chisquare(found, draws * shares / shares.sum()).pvalue > 1e-3
