"""How large an effect could these seeds have found, and how many seeds would decide?

Planning numbers from the noncentral t distribution; they advise and never decide a verdict.
Light: imports neither torch nor transformers nor datasets.
"""

from __future__ import annotations

import math

from scipy import special

from verifier.intervals import Estimate, median_inflation

__all__ = ["MOST_SEEDS", "POWER", "minimal_detectable_effect", "seeds_to_decide"]

POWER = 0.8
"""Probability with which a planned number of seeds shall decide."""

MOST_SEEDS = 1000
"""More seeds than this are never advised; protocols allow no more."""


def minimal_detectable_effect(
    standard_error: float, degrees_of_freedom: float | None, *, level: float, power: float = POWER
) -> float:
    """Return the distance from a boundary, in points, that would be found with a given power.

    Args:
        standard_error: of the estimate, in points.
        degrees_of_freedom: of the t distribution; None for the normal.
        level: of the two-sided interval whose one end has to clear the boundary.
        power: probability of clearing it, above that of doing so at the boundary itself.
    """
    tail = 0.5 + level / 2
    if degrees_of_freedom is None:
        return standard_error * float(special.ndtri(tail) + special.ndtri(power))
    critical = special.stdtrit(degrees_of_freedom, tail)
    return standard_error * float(special.nctdtrinc(degrees_of_freedom, 1 - power, critical))


def seeds_to_decide(estimate: Estimate, *, distance: float, level: float) -> int | None:
    """Return the seeds per arm with which the interval would probably clear a boundary.

    Assumes that the truth is the estimate, that the variance over seeds is the observed one, and
    that every arm that depends on a seed gets the same number.

    Args:
        estimate: what was observed.
        distance: from the estimate to the boundary that matters, in points.
        level: of the two-sided interval.

    Returns:
        At least one seed more than now; None where more seeds cannot help, where no variance was
        observed, or where more than `MOST_SEEDS` would be needed.
    """
    if not estimate.variances or distance <= 0:
        return None
    low = estimate.seeds
    high = max(2, low)
    while not _decides(estimate, high, distance, level):
        low, high = high, high * 2
        if low >= MOST_SEEDS:
            return None
    while high - low > 1:
        middle = (low + high) // 2
        if _decides(estimate, middle, distance, level):
            high = middle
        else:
            low = middle
    needed = max(high, estimate.seeds + 1)
    return needed if needed <= MOST_SEEDS else None


def _decides(estimate: Estimate, seeds: int, distance: float, level: float) -> bool:
    total = math.fsum(estimate.variances)
    inflation = median_inflation(seeds) if estimate.statistic == "median" else 1.0
    standard_error = inflation * math.sqrt(total / seeds)
    shares = math.fsum((v / total) ** 2 for v in estimate.variances)
    found = minimal_detectable_effect(standard_error, (seeds - 1) / shares, level=level)
    return found <= distance
