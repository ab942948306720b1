"""Margin-based mining against a slow reading of the paper, and its laws."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import replication.mining as mining
from replication.errors import DataError
from replication.mining import Threshold, mine, neighbours, pair_scores, tuned_on_gold


def pools(rng, n, m, d=6, shared=None):
    """Two pools around one direction, so that cosines are mostly positive, as an encoder's are."""
    centre = rng.normal(size=d)
    source = centre + rng.normal(size=(n, d))
    target = centre + rng.normal(size=(m, d))
    for i in range(min(n, m) if shared is None else shared):
        target[m - 1 - i] = source[i] + 0.3 * rng.normal(size=d)
    return source, target


def slow_candidates(source, target, k):
    """Score every sentence's k nearest by hand, in double precision."""

    def cosine(x, y):
        return sum(a * b for a, b in zip(x, y, strict=True)) / math.sqrt(
            sum(a * a for a in x) * sum(b * b for b in y)
        )

    table = [[cosine(x, y) for y in target] for x in source]
    columns = [list(c) for c in zip(*table, strict=True)]

    def near(row):
        return sorted(range(len(row)), key=lambda j: -row[j])[:k]

    def mean(row):
        return sum(row[j] for j in near(row)) / len(near(row))

    def margin(i, j):
        return table[i][j] / ((mean(table[i]) + mean(columns[j])) / 2)

    forward = {max((margin(i, j), i, j) for j in near(row)) for i, row in enumerate(table)}
    backward = {max((margin(i, j), i, j) for i in near(row)) for j, row in enumerate(columns)}
    return table, sorted(forward | backward, reverse=True)


def slow_mine(source, target, k):
    used_s, used_t, kept = set(), set(), []
    for score, i, j in slow_candidates(source, target, k)[1]:
        if i not in used_s and j not in used_t:
            used_s.add(i)
            used_t.add(j)
            kept.append((i, j, score))
    return kept


def found(mined):
    return [tuple(p) for p in mined.pairs.tolist()]


sizes = st.tuples(st.integers(1, 14), st.integers(1, 14), st.integers(1, 5), st.integers(0, 10**6))


@settings(max_examples=60)
@given(sizes)
def test_mining_is_what_the_paper_says(size):
    n, m, k, seed = size
    source, target = pools(np.random.default_rng(seed), n, m)
    table, _ = slow_candidates(source, target, k)
    if min(min(row) for row in table) <= 0.05:
        return  # a ratio of cosines of mixed signs has no meaning
    wanted = slow_mine(source, target, k)
    mined = mine(source, target, k=k)
    # as sets, since with one neighbour all mutual pairs have the margin 1
    assert set(found(mined)) == {(i, j) for i, j, _ in wanted}
    assert mined.margins == pytest.approx([s for *_, s in wanted], abs=1e-5)


@settings(max_examples=40)
@given(sizes)
def test_neighbours_of_both_directions_are_the_best_of_the_whole_table(size):
    n, m, k, seed = size
    source, target = pools(np.random.default_rng(seed), n, m)
    table = np.array(slow_candidates(source, target, k)[0])
    forward, backward = neighbours(source, target, k=k)
    for near, rows in ((forward, table), (backward, table.T)):
        assert near.cosines == pytest.approx(-np.sort(-rows, axis=1)[:, :k], abs=1e-5)
        assert np.take_along_axis(rows, near.indices, 1) == pytest.approx(near.cosines, abs=1e-5)
        assert all(len(set(row)) == len(row) for row in near.indices.tolist())


@settings(max_examples=30, deadline=None)
@given(sizes, st.integers(1, 5), st.integers(1, 5), st.integers(1, 4))
def test_blocks_change_nothing(size, rows, columns, group):
    n, m, k, seed = size
    rng = np.random.default_rng(seed)
    # signs in four dimensions have exact cosines, and many of them are equal
    source, target = rng.choice([-1.0, 1.0], (n, 4)), rng.choice([-1.0, 1.0], (m, 4))
    whole = [*neighbours(source, target, k=k)]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(mining, "_ROWS", rows)
        patch.setattr(mining, "_COLUMNS", columns)
        patch.setattr(mining, "_GROUP", group)
        parts = [*neighbours(source, target, k=k)]
    for one, two in zip(whole, parts, strict=True):
        assert (one.indices == two.indices).all()
        assert (one.cosines == two.cosines).all()


def test_another_product_finds_the_same_neighbours():
    products = pytest.importorskip("replication.products")
    source, target = pools(np.random.default_rng(5), 1100, 1300, d=64)
    calls = []

    def product(left, right):
        calls.append(left.shape[0] * right.shape[0])
        return products.outer_product(left, right)

    plain = neighbours(source, target)
    for one, two in zip(plain, neighbours(source, target, product=product), strict=True):
        assert (one.indices == two.indices).mean() > 0.999  # rounding may exchange near equals
        np.testing.assert_allclose(one.cosines, two.cosines, atol=1e-6)
    assert sum(calls) == 1100 * 1300
    assert max(calls) * 64 >= products.LEAST  # large enough to be oneDNN's


@settings(max_examples=40)
@given(sizes)
def test_exchanging_the_pools_exchanges_the_pairs(size):
    n, m, k, seed = size
    source, target = pools(np.random.default_rng(seed), n, m)
    there, back = mine(source, target, k=k), mine(target, source, k=k)
    if len(set(np.round(there.margins, 6))) < len(there.margins):
        return  # equal margins are taken by index
    assert {(i, j) for i, j in found(there)} == {(j, i) for i, j in found(back)}


@settings(max_examples=40)
@given(sizes, st.floats(0.5, 2.0), st.floats(0.0, 1.0))
def test_no_sentence_is_used_twice_and_a_higher_threshold_keeps_fewer(size, low, more):
    n, m, k, seed = size
    mined = mine(*pools(np.random.default_rng(seed), n, m), k=k)
    for side in (0, 1):
        assert len(set(mined.pairs[:, side].tolist())) == len(mined.pairs)
    assert (np.diff(mined.margins) <= 0).all()
    kept = mined.above(Threshold(value=low, rule="given"))
    assert mined.above(Threshold(value=low + more, rule="given")) <= kept


@settings(max_examples=60)
@given(sizes, st.sets(st.tuples(st.integers(0, 6), st.integers(0, 6)), max_size=8))
def test_a_tuned_threshold_is_named_so_and_no_given_one_does_better(size, gold):
    n, m, k, seed = size
    mined = mine(*pools(np.random.default_rng(seed), n, m), k=k)
    tuned = tuned_on_gold(mined, gold)
    assert tuned.rule == "tuned_on_gold"
    best = pair_scores(gold, mined.above(tuned))["f1"]
    for value in mined.margins:
        given_ = Threshold(value=float(value), rule="given")
        assert pair_scores(gold, mined.above(given_))["f1"] <= best + 1e-9


def test_translations_hidden_in_two_pools_are_found():
    rng = np.random.default_rng(7)
    source, target = pools(rng, 60, 80, d=32, shared=40)
    gold = {(i, 79 - i) for i in range(40)}
    mined = mine(source, target)
    scores = pair_scores(gold, mined.above(tuned_on_gold(mined, gold)))
    assert scores["f1"] > 90


def test_margins_of_unrelated_pools_without_positive_neighbours_are_zero():
    mined = mine([[1.0, 0.0], [1.0, 0.1]], [[-1.0, 0.0], [-1.0, -0.1]])
    assert (mined.margins == 0).all()


def test_zero_vectors_are_no_accident():
    mined = mine([[0.0, 0.0], [1.0, 1.0]], [[1.0, 1.0], [0.0, 0.0]])
    assert found(mined)[0] == (1, 0)
    assert np.isfinite(mined.margins).all()


def test_f1_of_pairs_counts_sets():
    scores = pair_scores([(0, 0), (1, 1), (2, 2), (2, 2)], [(0, 0), (1, 2)])
    assert scores == pytest.approx({"f1": 40.0, "precision": 50.0, "recall": 100 / 3})
    assert pair_scores([], []) == {"f1": 0.0, "precision": 0.0, "recall": 0.0}


@pytest.mark.parametrize(
    ("source", "target", "k"),
    [
        (np.ones((2, 3)), np.ones((2, 4)), 4),
        (np.ones((0, 3)), np.ones((2, 3)), 4),
        (np.ones((2, 3)), np.ones((2, 3)), 0),
        (np.full((2, 3), np.nan), np.ones((2, 3)), 4),
        (np.ones(3), np.ones((2, 3)), 4),
    ],
)
def test_pools_that_do_not_fit_are_refused(source, target, k):
    with pytest.raises(DataError, match="expected"):
        mine(source, target, k=k)
