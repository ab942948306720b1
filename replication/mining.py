"""Which sentences translate each other? Margin-based mining of two pools, as BUCC asks for it.

Artetxe and Schwenk (2019), "Margin-based Parallel Corpus Mining with Multilingual Sentence
Embeddings": the cosine of a pair is divided by the mean cosine of both sentences with their nearest
neighbours. Sentences that occur twice in a pool compete with themselves: remove them first.
Light: numpy only, no torch.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from claims.record import Record
from replication.errors import DataError
from replication.scoring import overlap_scores, unit_vectors

__all__ = ["Mined", "Neighbours", "Threshold", "mine", "neighbours", "pair_scores", "tuned_on_gold"]

Integers = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Product = Callable[[npt.NDArray[np.float32], npt.NDArray[np.float32]], npt.NDArray[np.float32]]
"""(n, d) and (m, d) -> their products, (n, m)."""
Pair = tuple[int, int]
"""Index of a source sentence, index of a target sentence."""

_ROWS, _COLUMNS = 1024, 8192
"""Sides of a block of the similarity matrix; 32 MB of float32."""

_GROUP = 32
"""Neighbouring columns of which one maximum is looked at first."""


@dataclass(frozen=True, slots=True, eq=False)
class Neighbours:
    """The k nearest sentences of the other pool, the nearest first."""

    cosines: Floats
    """(n, k) cosines, falling; of equal ones the lower index comes first."""
    indices: Integers
    """(n, k) indices into the other pool."""


@dataclass(frozen=True, slots=True, eq=False)
class Mined:
    """Candidate pairs, the best first; no sentence is in two of them."""

    pairs: Integers
    """(m, 2) indices of source and target sentence."""
    margins: Floats
    """(m,) ratio margins, falling."""

    def above(self, threshold: Threshold) -> frozenset[Pair]:
        """Return the pairs whose margin is at least the threshold."""
        kept = self.pairs[self.margins >= threshold.value]
        return frozenset((int(s), int(t)) for s, t in kept)


class Threshold(Record):
    """From which margin on a candidate counts as a translation, and where that number is from."""

    value: float
    rule: Literal["given", "tuned_on_gold"]
    """`tuned_on_gold`: chosen on the very pairs that it is then scored on, which flatters the score."""


def _by_numpy(
    left: npt.NDArray[np.float32], right: npt.NDArray[np.float32]
) -> npt.NDArray[np.float32]:
    return left @ right.T


def neighbours(
    source: npt.ArrayLike, target: npt.ArrayLike, *, k: int = 4, product: Product = _by_numpy
) -> tuple[Neighbours, Neighbours]:
    """Return the nearest targets of each source and the nearest sources of each target.

    Both come from one pass over the float32 product of the unit vectors, of which only a block is
    held at a time.

    Args:
        source: (n, d) sentence vectors, n >= 1.
        target: (m, d) sentence vectors, m >= 1.
        k: neighbours, fewer where the other pool is smaller.
        product: who multiplies.

    Raises:
        DataError: shapes do not fit, a value is not finite, or k < 1.
    """
    left, right = _units(source, "source"), _units(target, "target")
    if left.shape[1] != right.shape[1] or not left.size or not right.size or k < 1:
        raise DataError(
            f"mining: found source vectors {left.shape}, target vectors {right.shape} and k {k} ; "
            "expected (n, d) and (m, d), none empty, and k >= 1. Take both from one layer."
        )
    forward = _Best(left.shape[0], min(k, right.shape[0]))
    backward = _Best(right.shape[0], min(k, left.shape[0]))
    for i in range(0, left.shape[0], _ROWS):
        for j in range(0, right.shape[0], _COLUMNS):
            block = product(left[i : i + _ROWS], right[j : j + _COLUMNS])
            forward.take(block, i, j)
            backward.take(block.T, j, i)
    return forward.neighbours(), backward.neighbours()


def mine(
    source: npt.ArrayLike, target: npt.ArrayLike, *, k: int = 4, product: Product = _by_numpy
) -> Mined:
    """Return candidate pairs by ratio margin, as published under "max. score".

    Each sentence of either pool proposes, among its k nearest, the one of highest margin; proposals
    are taken from the highest margin down, unless one of the two sentences is taken already. Where
    neighbours have no positive mean cosine, no ratio can be had and the margin counts as 0. Of
    equal margins the lower source index is taken first, then the lower target index.

    Args:
        source: (n, d) sentence vectors, n >= 1.
        target: (m, d) sentence vectors, m >= 1.
        k: neighbours, 4 as published.
        product: who multiplies.

    Raises:
        DataError: as `neighbours`.
    """
    forward, backward = neighbours(source, target, k=k, product=product)
    mean_f, mean_b = forward.cosines.mean(axis=1), backward.cosines.mean(axis=1)
    to_target, margin_f = _proposals(forward, mean_f, mean_b)
    to_source, margin_b = _proposals(backward, mean_b, mean_f)
    sources = np.concatenate((np.arange(to_target.size), to_source))
    targets = np.concatenate((to_target, np.arange(to_source.size)))
    margins = np.concatenate((margin_f, margin_b))
    free_s, free_t = np.ones(to_target.size, np.bool_), np.ones(to_source.size, np.bool_)
    kept = []
    for place in np.lexsort((targets, sources, -margins)):
        s, t = sources[place], targets[place]
        if free_s[s] and free_t[t]:
            free_s[s] = free_t[t] = False
            kept.append(place)
    return Mined(np.stack((sources[kept], targets[kept]), axis=1), margins[kept])


def tuned_on_gold(mined: Mined, gold: Collection[Pair]) -> Threshold:
    """Return the threshold of highest F1 on these gold pairs, and say that it is so tuned.

    It lies half-way between the last margin that counts and the next lower one, as in the shared
    task's usual code; candidates of one margin count all or not at all. Of equal F1 the higher
    threshold is taken; 0 where no candidate is right.
    """
    right = np.array([(int(s), int(t)) in gold for s, t in mined.pairs], np.bool_)
    if not right.any():
        return Threshold(value=0.0, rule="tuned_on_gold")
    counted = np.arange(1, right.size + 1)
    f1 = 2.0 * np.cumsum(right) / (counted + len(gold))
    last_of_margin = np.append(mined.margins[1:] < mined.margins[:-1], [True])
    best = int(np.argmax(np.where(last_of_margin, f1, -1.0)))
    value = mined.margins[best]
    if best + 1 < right.size:
        middle = (value + mined.margins[best + 1]) / 2
        value = middle if middle > mined.margins[best + 1] else value  # no float lies between
    return Threshold(value=float(value), rule="tuned_on_gold")


def pair_scores(gold: Collection[Pair], found: Collection[Pair]) -> dict[str, float]:
    """Return F1, precision and recall of sets of pairs in points, as BUCC scores them."""
    true, guess = set(gold), set(found)
    return overlap_scores(len(true & guess), len(guess), len(true))


def _units(vectors: npt.ArrayLike, side: str) -> npt.NDArray[np.float32]:
    """Return unit vectors, made a block at a time, since norms are taken in double precision."""
    matrix = np.asarray(vectors)
    if matrix.ndim != 2 or matrix.shape[0] <= _ROWS:
        return unit_vectors(matrix, side)
    out = np.empty(matrix.shape, np.float32)
    for i in range(0, matrix.shape[0], _ROWS):
        out[i : i + _ROWS] = unit_vectors(matrix[i : i + _ROWS], side)
    return out


class _Best:
    """The k highest cosines of each row so far, over blocks of columns in rising order."""

    def __init__(self, rows: int, k: int) -> None:
        self.cosines = np.full((rows, k), -np.inf, np.float32)
        self.indices = np.zeros((rows, k), np.int64)

    def take(self, block: npt.NDArray[np.float32], row: int, column: int) -> None:
        """Merge a block whose corner stands at (row, column)."""
        highest = _group_maxima(block)
        worst = self.cosines[row : row + block.shape[0], -1]
        # after the first blocks few rows find anything better, and only those cost more than a look
        rows = np.flatnonzero(highest.max(axis=1) > worst)
        k = min(self.cosines.shape[1], block.shape[1])
        # the k best of a row stand in the k groups of highest maxima, the first of equal ones
        groups = np.sort(_first_highest(highest[rows], k), axis=1)
        places = (groups[:, :, None] * _GROUP + np.arange(_GROUP)).reshape(
            rows.size, _GROUP * groups.shape[1]
        )
        inside = places < block.shape[1]
        values = block[rows[:, None], np.where(inside, places, 0)]
        values[~inside] = -np.inf
        best = _first_highest(values, k)
        values = np.take_along_axis(values, best, axis=1)
        found = np.take_along_axis(places, best, axis=1) + column
        rows += row
        cosines = np.concatenate((self.cosines[rows], values), axis=1)
        indices = np.concatenate((self.indices[rows], found), axis=1)
        order = np.argsort(-cosines, axis=1, kind="stable")[:, : self.cosines.shape[1]]
        self.cosines[rows] = np.take_along_axis(cosines, order, axis=1)
        self.indices[rows] = np.take_along_axis(indices, order, axis=1)

    def neighbours(self) -> Neighbours:
        return Neighbours(self.cosines.astype(np.float64), self.indices)


def _group_maxima(block: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Return the highest value of each group of neighbouring columns, (n_rows, n_groups)."""
    starts = range(0, block.shape[1], _GROUP)
    if block.flags.c_contiguous:
        return np.maximum.reduceat(block, starts, axis=1)
    return np.stack([block[:, i : i + _GROUP].max(axis=1) for i in starts], axis=1)


def _first_highest(values: npt.NDArray[np.float32], k: int) -> Integers:
    """Return the places of the k highest values of each row, of equal ones the first."""
    k = min(k, values.shape[1])
    left, here = values.copy(), np.arange(values.shape[0])
    found = np.empty((values.shape[0], k), np.int64)
    for rank in range(k):
        found[:, rank] = left.argmax(axis=1)
        left[here, found[:, rank]] = -np.inf
    return found


def _proposals(near: Neighbours, own: Floats, other: Floats) -> tuple[Integers, Floats]:
    """Return, per sentence, its neighbour of highest ratio margin and that margin."""
    mean = (own[:, None] + other[near.indices]) / 2
    positive = mean > 0
    margins = np.where(positive, near.cosines / np.where(positive, mean, 1.0), 0.0)
    best = margins.argmax(axis=1)
    here = np.arange(best.size)
    return near.indices[here, best], margins[here, best]
