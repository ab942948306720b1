"""What would the scores have been, had other examples of the same kind been drawn?

Clusters of examples are drawn with replacement, the same ones for every run, so that runs stay
paired; every score is computed anew from the drawn totals, as F1 over a corpus is no mean of
examples. Light: imports neither torch nor transformers nor datasets.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.linalg import lapack

from verifier.samples import Floats

Places = npt.NDArray[np.int64]

__all__ = ["RESAMPLES", "Block", "deviations", "observed", "resample"]

RESAMPLES = 10_000

_FEW_CLUSTERS, _FEW_DISTINCT = 64, 16
"""Up to so many clusters, or distinct ones, the draws are exact: multinomial counts."""

_SERIAL = 200_000
"""Multiplications of a matrix product up to which OpenBLAS wakes no second thread; for products as
small as these, waking and waiting costs a hundred times the arithmetic where cores are shared."""

_TRANSCENDENTAL = math.exp(1 / 16)

_RANK = 1e-12
"""Of the largest variance of a column; what other columns leave of one below this is rounding."""


@dataclass(frozen=True, slots=True, eq=False)
class Block:
    """Totals per cluster of one task, over the languages whose examples are drawn together.

    A score in points is 100 times the sum of numerators by the sum of denominators: right answers
    by examples for a mean, twice the matched spans by predicted and gold ones for F1.
    """

    task: str
    languages: tuple[str, ...]
    numerators: Floats
    """(n_clusters, n_languages, n_runs), non-negative."""
    denominators: Floats
    """Same shape, or (n_clusters, n_languages, 1) where all runs share it; non-negative."""

    @property
    def clusters(self) -> int:
        """Number of clusters, at least 1."""
        return int(self.numerators.shape[0])


def observed(block: Block) -> Floats:
    """Return the scores of the examples at hand in points, shape (n_languages, n_runs)."""
    return 100 * _share(block.numerators.sum(0), block.denominators.sum(0))


def resample(block: Block, draws: int, rng: np.random.Generator) -> Floats:
    """Return scores in points of resampled clusters, shape (draws, n_languages, n_runs).

    They are those at hand plus their `deviations`, which is told more of there.
    """
    return observed(block) + deviations(block, draws, rng).transpose(2, 0, 1)


def deviations(block: Block, draws: int, rng: np.random.Generator) -> npt.NDArray[np.float32]:
    """Return how far the scores of resampled clusters lie from those at hand, in points.

    Exact for few clusters or few distinct ones: how often each is drawn is multinomial (Efron and
    Tibshirani 1993, section 6.2). Else the drawn totals, sums of many clusters,
    come from the normal distribution with their mean and covariance; scores are computed from
    them all the same. A draw without any denominator keeps the observed score.

    Args:
        block: totals per cluster.
        draws: how many times to draw as many clusters as there are.
        rng: source of randomness.

    Returns:
        (n_languages, n_runs, draws).
    """
    languages, runs = block.numerators.shape[1:]
    below = block.denominators.sum(0)
    share = _share(block.numerators.sum(0), below)
    split = languages * runs
    drawn = _drawn(block, share, draws, rng)
    # With a / b the share at hand, (a + x) / (b + y) lies (x - y a / b) / (b + y) from it: what is
    # above comes without its mean, so that single precision loses nothing that could be seen.
    apart = drawn[:split].reshape(languages, runs, draws)
    total = drawn[split:].reshape(languages, -1, draws)
    total += below[:, :, None].astype(np.float32)
    with np.errstate(divide="ignore", invalid="ignore"):
        np.divide(apart, total, out=apart)
    if bool((total <= 0).any()):
        apart[np.broadcast_to(total <= 0, apart.shape)] = 0
    lowest, highest = -share[:, :, None], 1 - share[:, :, None]
    np.clip(apart, lowest.astype(np.float32), highest.astype(np.float32), out=apart)
    apart *= np.float32(100)
    return apart


def _drawn(
    block: Block, share: Floats, draws: int, rng: np.random.Generator
) -> npt.NDArray[np.float32]:
    """Return drawn totals less the ones at hand, (numerators then denominators, draws).

    From each numerator is taken the denominator times the share at hand.
    """
    count = block.clusters
    found = _distinct(block) if count > _FEW_CLUSTERS else None
    if count <= _FEW_CLUSTERS:
        order = np.argsort(_keys(block, count), kind="stable")
        rows = _columns(block.numerators[order], block.denominators[order], share)
        places = rng.integers(0, count, (draws, count)) + count * np.arange(draws)[:, None]
        times = np.bincount(places.ravel(), minlength=draws * count).reshape(draws, count).T - 1
    elif found is not None:
        first, many = found
        rows = _columns(block.numerators[first], block.denominators[first], share)
        times = _times(many, draws, rng)
    else:
        rows = _columns(block.numerators, block.denominators, share)
        factor = _factor(rows - rows.mean(0))
        return _product(factor, rng.standard_normal((factor.shape[1], draws), dtype=np.float32))
    # what is drawn too often or too seldom is a small integer, so that single precision is enough
    return _product(rows.T.astype(np.float32), times.astype(np.float32))


def _times(many: Places, draws: int, rng: np.random.Generator) -> Places:
    """Return how much more often than at hand each kind of cluster is drawn, (n_kinds, draws).

    Multinomial, one binomial after the other given those before. numpy's own does the same for each
    draw anew, and so prepares the first, which is the same for all draws, every time.
    """
    times = np.empty((many.size, draws), np.int64)
    left: Places | int = int(many.sum())
    rest = int(many.sum())
    for at, kind in enumerate(many[:-1].tolist()):
        times[at] = rng.binomial(left, kind / rest, size=draws)
        left = left - times[at]
        rest -= kind
    times[-1] = left
    times -= many[:, None]
    return times


def _columns(numerators: Floats, denominators: Floats, share: Floats) -> Floats:
    count = numerators.shape[0]
    apart = (numerators - share * denominators).reshape(count, -1)
    return np.concatenate([apart, denominators.reshape(count, -1)], axis=1)


def _factor(centred: Floats) -> npt.NDArray[np.float32]:
    """Return a factor of the covariance of drawn totals, (n_columns, rank).

    Cholesky's with pivots: columns that follow from others need no randomness of their own.
    """
    covariance = np.zeros((centred.shape[1], centred.shape[1]))
    step = 1 + _SERIAL // covariance.size
    for at in range(0, centred.shape[0], step):
        part = centred[at : at + step]
        covariance += part.T @ part
    tolerance = _RANK * covariance.diagonal().max()
    lower, pivots, rank, _ = lapack.dpstrf(covariance, lower=1, tol=tolerance)
    factor = np.zeros((covariance.shape[0], rank), np.float32)
    factor[pivots - 1] = np.tril(lower)[:, :rank]
    return factor


def _product(
    left: npt.NDArray[np.float32], right: npt.NDArray[np.float32]
) -> npt.NDArray[np.float32]:
    out = np.empty((left.shape[0], right.shape[1]), np.float32)
    step = 1 + _SERIAL // max(1, left.size)
    for at in range(0, right.shape[1], step):
        np.matmul(left, right[:, at : at + step], out=out[:, at : at + step])
    return out


def _distinct(block: Block) -> tuple[Places, Places] | None:
    """Return where each distinct cluster stands first, and how many are like it; None for many."""
    found = _peeled(_keys(block, _FEW_CLUSTERS))
    return found and _peeled(_keys(block, block.clusters))


def _keys(block: Block, many: int) -> Floats:
    """Return a number for each of the first clusters, the same for the same totals.

    Others differ, short of a coincidence: a rational sum of powers of a transcendental number is 0
    only if each term is.
    """
    keys = np.zeros(many)
    weight = 1.0
    for part in (block.numerators[:many], block.denominators[:many]):
        # one column after the other: a matrix product may round equal rows differently
        for column in part.reshape(many, -1).T:
            keys += weight * column
            weight *= _TRANSCENDENTAL
    return keys


def _peeled(keys: Floats) -> tuple[Places, Places] | None:
    """Return where each distinct key stands first and how often it occurs; None for too many."""
    first: list[int] = []
    times: list[int] = []
    fresh = np.ones(keys.size, np.bool_)
    while fresh[at := int(fresh.argmax())]:
        if len(first) == _FEW_DISTINCT:
            return None
        same = keys == keys[at]
        fresh &= ~same
        first.append(at)
        times.append(int(np.count_nonzero(same)))
    order = np.argsort(keys[first])  # by what clusters hold, not by where they stand
    return np.array(first)[order], np.array(times)[order]


def _share(above: Floats, below: Floats) -> Floats:
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(below > 0, np.clip(above / below, 0.0, 1.0), 0.0)
