"""What would the scores have been, had other examples of the same kind been drawn?

Clusters of examples are drawn with replacement, the same ones for every run, so that runs stay
paired; every score is computed anew from the drawn totals, as F1 over a corpus is no mean of
examples. Light: imports neither torch nor transformers nor datasets.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from verifier.samples import Floats

__all__ = ["RESAMPLES", "Block", "observed", "resample"]

RESAMPLES = 10_000

_FEW_CLUSTERS, _FEW_DISTINCT = 64, 16
"""Up to so many clusters, or distinct ones, the draws are exact: multinomial counts."""


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
    return _points(block.numerators.sum(0), block.denominators.sum(0), 0.0)


def resample(block: Block, draws: int, rng: np.random.Generator) -> Floats:
    """Return scores in points of resampled clusters, shape (draws, n_languages, n_runs).

    Exact for few clusters or few distinct ones: how often each is drawn is multinomial (Efron and
    Tibshirani 1993, section 6.2). Else the drawn totals, sums of many clusters,
    come from the normal distribution with their mean and covariance; scores are computed from
    them all the same. A draw without any denominator keeps the observed score.

    Args:
        block: totals per cluster.
        draws: how many times to draw as many clusters as there are.
        rng: source of randomness.
    """
    count = block.clusters
    shared = block.denominators.shape[2] == 1
    columns = np.concatenate(
        [block.numerators.reshape(count, -1), block.denominators.reshape(count, -1)], axis=1
    )
    drawn = _drawn_totals(columns, draws, rng)
    split = block.numerators[0].size
    shape = (draws, *block.numerators.shape[1:])
    above = drawn[:, :split].reshape(shape)
    below = drawn[:, split:].reshape((*shape[:2], 1) if shared else shape)
    return _points(above, below, observed(block))


def _drawn_totals(columns: Floats, draws: int, rng: np.random.Generator) -> Floats:
    """Return totals over resampled rows, shape (draws, n_columns)."""
    count = columns.shape[0]
    rows, times = _distinct(columns)
    if count <= _FEW_CLUSTERS or rows.shape[0] <= _FEW_DISTINCT:
        picked = rng.multinomial(count, times / count, size=draws)
        return np.asarray(picked @ rows)
    total = columns.sum(0)
    centred = columns - total / count
    values, vectors = np.linalg.eigh(centred.T @ centred)
    # Columns that follow from others have an eigenvalue of 0, or by rounding just below it.
    factor = vectors * np.sqrt(np.clip(values, 0.0, None))
    return np.asarray(total + rng.standard_normal((draws, values.size)) @ factor.T)


def _distinct(columns: Floats) -> tuple[Floats, Floats]:
    """Return distinct rows and how often each occurs; all rows where nearly all are distinct."""
    count, width = columns.shape
    if count > _FEW_CLUSTERS:
        # A cheap projection tells apart as many rows as there are, short of a coincidence.
        weights = np.sqrt(np.arange(2, width + 2, dtype=np.float64))
        if np.unique(columns @ weights).size > _FEW_DISTINCT:
            return columns, np.ones(count)
    rows, times = np.unique(columns, axis=0, return_counts=True)
    return rows, times.astype(np.float64)


def _points(above: Floats, below: Floats, without: Floats | float) -> Floats:
    with np.errstate(divide="ignore", invalid="ignore"):
        scores = 100 * above / below
    return np.where(below > 0, np.clip(scores, 0.0, 100.0), without)
