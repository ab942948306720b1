"""How large an effect could these seeds have found, and how many seeds would decide?

They advise and never decide a verdict.
Light: imports neither torch nor transformers nor datasets.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache

import numpy as np
from scipy import special

from verifier.intervals import Estimate, median_inflation
from verifier.samples import Floats
from verifier.verdict import PowerPoint

__all__ = [
    "CURVE",
    "MOST_SEEDS",
    "POWER",
    "detectable",
    "minimal_detectable_effect",
    "power_curve",
    "seeds_to_decide",
]

POWER = 0.8
"""Probability with which a planned number of seeds shall decide."""

CURVE = (2, 3, 5, 10, 20, 50)
"""Seeds per arm at which a power curve is drawn."""

MOST_SEEDS = 1000
"""More seeds than this are never advised; protocols allow no more."""

_NODES, _WEIGHTS = (
    np.asarray(part, dtype=np.float64) for part in np.polynomial.legendre.leggauss(12)
)
_NODES, _WEIGHTS = (_NODES + 1) / 2, _WEIGHTS / 2
"""Gauss-Legendre quadrature over probabilities from 0 to 1."""
_CLOSE = 1e-4
"""Of a detectable distance: more digits would be of no use to anybody."""


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

    def decides(seeds: int) -> bool:
        return _Design.of(estimate, seeds, level).power(distance) >= POWER

    low = estimate.seeds
    high = max(2, low)
    while not decides(high):
        low, high = high, high * 2
        if low >= MOST_SEEDS:
            return None
    while high - low > 1:
        middle = (low + high) // 2
        if decides(middle):
            high = middle
        else:
            low = middle
    needed = max(high, estimate.seeds + 1)
    return needed if needed <= MOST_SEEDS else None


def detectable(estimate: Estimate, *, level: float) -> float:
    """Return the distance from a boundary, in points, that the seeds at hand would find.

    With probability `POWER`.

    Args:
        estimate: with the variance over seeds of at least one arm.
        level: of the two-sided interval.
    """
    return _Design.of(estimate, estimate.seeds, level).detectable()


def power_curve(estimate: Estimate, *, distance: float, level: float) -> tuple[PowerPoint, ...]:
    """Return what each number of seeds in `CURVE` would show, if all stays as it was seen.

    Args:
        estimate: what was observed, with the variance over seeds of at least one arm.
        distance: from the estimate to the boundary that matters, in points.
        level: of the two-sided interval.
    """
    designs = [(seeds, _Design.of(estimate, seeds, level)) for seeds in CURVE]
    return tuple(
        PowerPoint(seeds=seeds, detectable=design.detectable(), power=design.power(distance))
        for seeds, design in designs
    )


@dataclass(frozen=True, slots=True, eq=False)
class _Design:
    """A number of seeds per arm, at the variances seen; Welch's test under them, integrated.

    Welch's degrees of freedom are those of the sample: with two seeds they lie between 1 and 2, and
    a noncentral t with the 2 of equal variances would promise nearly twice the power that there is.
    So the power is a mean over what the sample variances may turn out to be.
    """

    reach: Floats
    """Half the interval's width, in points, for each pair of sample variances."""
    weights: Floats
    """Of those pairs, summing to 1."""
    error: float
    """True standard error, in points."""

    @classmethod
    def of(cls, estimate: Estimate, seeds: int, level: float) -> _Design:
        inflation = median_inflation(seeds) if estimate.statistic == "median" else 1.0
        squared = [inflation**2 * v / seeds for v in estimate.variances]
        ratio = _variance_ratio(seeds)
        shape = [1] * len(squared)
        seen: list[Floats] = []
        for axis, part in enumerate(squared):
            shape[axis] = -1
            seen.append(part * ratio.reshape(shape))
            shape[axis] = 1
        total = sum(seen, np.asarray(estimate.item_variance))
        spread = sum((part / total) ** 2 for part in seen) / (seeds - 1)
        if estimate.item_clusters:
            spread = spread + (estimate.item_variance / total) ** 2 / (estimate.item_clusters - 1)
        if estimate.one_of_many:
            spread = 1 / np.asarray(min(seeds, estimate.item_clusters or seeds) - 1)
        reach = special.stdtrit(1 / spread, 0.5 + level / 2) * np.sqrt(total)
        weights = _WEIGHTS if len(squared) == 1 else np.outer(_WEIGHTS, _WEIGHTS)
        error = math.sqrt(math.fsum([*squared, estimate.item_variance]))
        return cls(np.ravel(reach), np.ravel(weights), error)

    def power(self, distance: float) -> float:
        """Return the chance that the interval clears a boundary so many points away."""
        cleared = special.ndtr((distance - self.reach) / self.error)
        return min(1.0, float(np.sum(self.weights * cleared)))

    def detectable(self) -> float:
        """Return the distance that is cleared with probability `POWER`."""
        low, high = 0.0, self.error
        while self.power(high) < POWER:
            low, high = high, high * 2
        # Illinois' form of false position: power rises with distance, so the ends keep apart.
        below, above = self.power(low) - POWER, self.power(high) - POWER
        while high - low > _CLOSE * high:
            middle = (low * above - high * below) / (above - below)
            found = self.power(middle) - POWER
            if abs(found) < _CLOSE:
                return middle
            if found > 0:
                high, above, below = middle, found, below / 2
            else:
                low, below, above = middle, found, above / 2
        return high


@cache
def _variance_ratio(seeds: int) -> Floats:
    """Return sample variance by true variance at the quadrature's probabilities."""
    freedom = seeds - 1
    return np.asarray(special.gammaincinv(freedom / 2, _NODES) * 2 / freedom)
