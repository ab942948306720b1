"""Accuracy, points and nearest neighbours: laws and refusals."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from replication.errors import DataError
from replication.scoring import accuracy, nearest, points

SHARES = st.lists(st.floats(0, 1), min_size=1, max_size=50)
CLASSES = st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), min_size=1, max_size=50)


@given(SHARES, st.data())
def test_points_are_the_same_to_the_last_bit_in_any_order(items, data):
    score = points(items)
    assert 0 <= score <= 100
    assert points(data.draw(st.permutations(items))) == score


@given(CLASSES)
def test_accuracy_is_the_share_of_equal_classes(pairs):
    gold, predicted = zip(*pairs, strict=True)
    items = accuracy(gold, predicted)
    assert items.tolist() == [float(g == p) for g, p in pairs]
    assert points(accuracy(gold, gold)) == 100.0
    names = accuracy([f"c{g}" for g in gold], [f"c{p}" for p in predicted])
    assert names.tolist() == items.tolist()


@pytest.mark.parametrize(
    ("gold", "predicted", "message"),
    [
        ([0, 1], [0], r"\(1,\) predictions for \(2,\)"),
        ([[0, 1]], [[0, 1]], "flat lists"),
        ([0, 1], ["0", "1"], "one type"),
    ],
)
def test_classes_that_do_not_fit_are_refused(gold, predicted, message):
    with pytest.raises(DataError, match=message):
        accuracy(gold, predicted)


@pytest.mark.parametrize("items", [[], [[0.5]], [1.5], [-0.1], [float("nan")]])
def test_points_of_nothing_or_of_no_shares_are_refused(items):
    with pytest.raises(DataError):
        points(items)


def spread(rng, n, d):
    """Vectors of which no two point the same way."""
    return rng.normal(size=(n, d))


@given(st.integers(0, 2**32 - 1), st.integers(1, 40), st.integers(2, 9))
def test_the_nearest_vector_has_the_highest_cosine(seed, n, d):
    rng = np.random.default_rng(seed)
    source, target = spread(rng, n, d), spread(rng, n + 3, d)
    cosine = np.array([[s @ t / np.sqrt((s @ s) * (t @ t)) for t in target] for s in source])
    found = nearest(source, target)
    # float32 may swap two candidates that differ by less than it can tell.
    assert (cosine[np.arange(n), found] >= cosine.max(axis=1) - 1e-6).all()


@given(st.integers(0, 2**32 - 1), st.floats(1e-30, 1e30))
def test_scale_does_not_matter_and_permuted_targets_are_found_again(seed, scale):
    rng = np.random.default_rng(seed)
    vectors = spread(rng, 30, 16)
    order = rng.permutation(30)
    assert np.array_equal(vectors[order][nearest(vectors * scale, vectors[order])], vectors)


def test_blocks_join_without_a_seam():
    rng = np.random.default_rng(3)
    vectors = spread(rng, 2500, 8)
    assert np.array_equal(nearest(vectors, vectors), np.arange(2500))


@given(hnp.arrays(np.float64, (3, 4), elements=st.sampled_from([0.0, 1.0])))
def test_of_equal_targets_the_first_wins(vectors):
    twice = np.concatenate([vectors, vectors])
    assert (nearest(vectors, twice) < 3).all()


def test_vectors_that_cannot_be_compared_are_refused():
    with pytest.raises(DataError, match="one layer"):
        nearest(np.ones((2, 3)), np.ones((2, 4)))
    with pytest.raises(DataError, match="m >= 1"):
        nearest(np.ones((2, 3)), np.ones((0, 3)))
    with pytest.raises(DataError, match="source vectors"):
        nearest(np.full((2, 3), np.nan), np.ones((2, 3)))
    with pytest.raises(DataError, match="target vectors"):
        nearest(np.ones((2, 3)), np.ones(3))
