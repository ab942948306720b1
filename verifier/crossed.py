"""How much of an estimate's uncertainty comes from seeds, from cells, and from the examples drawn?

The model: score = condition + seed + seed x cell + example + example x condition + rest, where a cell
is a task in a language. Seeds are crossed with examples, as every seed is scored on the same ones,
so the part that both seem to cause is taken off one of them once.
Light: imports neither torch nor transformers nor datasets.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from verifier.verdict import VarianceShare

Floats = NDArray[np.float64]

__all__ = ["Drawn", "ItemPart", "cell_variance", "item_part", "variance_shares"]


@dataclass(frozen=True, slots=True, eq=False)
class Drawn:
    """An arm's measure under resampled examples, less the measure of those at hand."""

    deviations: Floats
    """(n_draws, n_replicates), points."""
    clusters: int
    """Clusters of the block that has the fewest, at least 2."""


@dataclass(frozen=True, slots=True)
class ItemPart:
    """What drawing other examples adds to the variance of an estimate, in squared points."""

    variance: float
    """Apart from what varies from seed to seed as well."""
    interaction: float
    """Seed by example; the variance over seeds holds it already."""
    clusters: int
    """Of the block with the fewest; less one, they are the degrees of freedom."""


def item_part(arms: Sequence[Drawn]) -> ItemPart:
    """Return the part of examples in the variance of the first arm less the second, if there is one.

    The draws keep seeds fixed, so their variance is that of examples plus 1/k of that of the
    interaction. The latter shows in how the replicates of one arm move apart: with e_r the
    deviation of replicate r from their mean, sum_r var(e_r) / (k (k - 1)). An arm of one replicate
    shows none, and nothing is then taken off.

    Args:
        arms: one or two, drawn together.
    """
    means = [arm.deviations.mean(axis=1) for arm in arms]
    difference = means[0] - means[1] if len(means) > 1 else means[0]
    interaction = math.fsum(_interaction(a, m) for a, m in zip(arms, means, strict=True))
    naive = float(np.var(difference, ddof=1))
    clusters = min(arm.clusters for arm in arms)
    return ItemPart(max(0.0, naive - interaction), interaction, clusters)


def cell_variance(scores: Floats, weights: Floats) -> float:
    """Return the part of seed by cell in the variance of one arm's mean measure, in squared points.

    The residuals of scores (k seeds, n cells) from their seed's measure and their cell's mean, as in
    a two-way layout without repetition; 0 for one seed or one cell.
    """
    k = scores.shape[0]
    spread = 1 - float(np.sum(weights**2))
    if k < 2 or spread < 1e-12:
        return 0.0
    used = weights > 0
    deviations = scores[:, used] - scores[:, used].mean(axis=0)
    residuals = deviations - (deviations @ weights[used])[:, None]
    per_cell = np.sum(residuals**2, axis=0) / (k - 1)
    return float(np.sum(weights[used] ** 2 * per_cell) / spread / k)


def variance_shares(
    seeds: float, by_cell: float, items: ItemPart | None, *, replicates: int, drawn: bool
) -> tuple[VarianceShare, ...]:
    """Return where an estimate's variance comes from, the largest source first.

    Args:
        seeds: variance of the estimate over seeds, all that varies with them.
        by_cell: part of it that is seed by cell.
        items: what examples add; None where their outcomes are not at hand.
        replicates: fewest of any arm that depends on a seed.
        drawn: whether the interval allows for other examples.
    """
    interaction = min(seeds, items.interaction) if items else 0.0
    cells = min(seeds, by_cell)
    sources = [("seeds", seeds - max(cells, interaction), True, replicates)]
    sources += [("seeds_by_cell", max(0.0, cells - interaction), True, replicates)]
    if items:
        sources += [("seeds_by_example", interaction, True, items.clusters)]
        sources += [("examples", items.variance, drawn, items.clusters)]
    total = math.fsum(variance for _, variance, _, _ in sources)
    if total <= 0:
        return ()
    shares = [
        VarianceShare(
            source=source, variance=variance, share=min(1.0, variance / total),
            in_interval=inside, units=units,
        )
        for source, variance, inside, units in sources
    ]  # fmt: skip
    return tuple(sorted(shares, key=lambda s: (-s.variance, s.source)))


def _interaction(arm: Drawn, mean: Floats) -> float:
    k = int(arm.deviations.shape[1])
    if k < 2:
        return 0.0
    apart = arm.deviations - mean[:, None]
    per_replicate: Floats = np.var(apart, axis=0, ddof=1)
    return float(per_replicate.sum()) / (k * (k - 1))
