"""How often does Welch's interval decide, by integration instead of simulation?

Given the sample variances the interval's width is known, and the mean of normal draws is independent
of them. So each probability is an integral over chi-squared variances, one for each arm, of a normal
probability. Nothing here uses the verifier's own power functions, so that each checks the other.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache

import numpy as np
from scipy import optimize, special, stats

from benchmarks.truths import Floats

__all__ = ["ClosedForm", "Welch", "at_least", "expected_choice", "least_coverage"]

_NODES, _WEIGHTS = (
    np.asarray(part, dtype=np.float64) / 2 for part in np.polynomial.legendre.leggauss(160)
)


@dataclass(frozen=True, slots=True)
class ClosedForm:
    """What can be computed of a scenario; empty where nothing can."""

    rates: Mapping[str, float] = field(default_factory=dict)
    """Verdict -> its probability."""
    coverage: float | None = None
    """Of the interval of the true value."""


@dataclass(frozen=True, slots=True, eq=False)
class Welch:
    """The t interval of one arm's mean, or of a difference of two, for normal scores."""

    reach: Floats
    """Half the interval's width, in points, at each node of the integral."""
    weights: Floats
    """Of the nodes, summing to 1."""
    error: float
    """True standard deviation of the estimate, in points."""

    @classmethod
    @lru_cache(maxsize=128)
    def of(
        cls, sds: tuple[float, ...], seeds: int, level: float, *, among_many: bool = False
    ) -> Welch:
        """Return the interval over so many seeds per arm.

        Args:
            sds: true standard deviation over seeds of each arm, one or two, in points.
            seeds: per arm, at least 2.
            level: of the two-sided interval.
            among_many: whether with the smallest degrees of freedom, as where a level is corrected.
        """
        df = seeds - 1
        # sample variance by true variance, at the probabilities of the quadrature
        ratio = special.gammaincinv(df / 2, _NODES + 0.5) * 2 / df
        true = [sd**2 / seeds for sd in sds]
        if len(true) == 1:
            squared, freedom = true[0] * ratio, np.full(ratio.size, float(df))
            weights = _WEIGHTS
        else:
            parts = true[0] * ratio[:, None], true[1] * ratio[None, :]
            squared = parts[0] + parts[1]
            freedom = df / ((parts[0] / squared) ** 2 + (parts[1] / squared) ** 2)
            weights = np.outer(_WEIGHTS, _WEIGHTS)
        if among_many:
            freedom = np.full(squared.shape, float(df))
        reach = special.stdtrit(freedom, 0.5 + level / 2) * np.sqrt(squared)
        return cls(np.ravel(reach), np.ravel(weights), math.sqrt(math.fsum(true)))

    def above(self, truth: float, boundary: float) -> float:
        """Return the chance that the whole interval lies above a boundary, both in points."""
        return self._mean(special.ndtr((truth - boundary - self.reach) / self.error))

    def below(self, truth: float, boundary: float) -> float:
        """Return the chance that the whole interval lies below a boundary, both in points."""
        return self.above(-truth, -boundary)

    def inside(self, truth: float, low: float, high: float) -> float:
        """Return the chance that the interval lies between two boundaries: a TOST's power."""
        upper = special.ndtr((high - self.reach - truth) / self.error)
        lower = special.ndtr((low + self.reach - truth) / self.error)
        return self._mean(np.maximum(0.0, upper - lower))

    def coverage(self) -> float:
        """Return the chance that the interval holds the truth."""
        return self._mean(1 - 2 * special.ndtr(-self.reach / self.error))

    def _mean(self, values: Floats) -> float:
        return float(np.sum(self.weights * values))


@lru_cache(maxsize=32)
def least_coverage(seeds: int, level: float, floor: float) -> float:
    """Return what any interval must cover for equal arms that covers the floor for unequal ones.

    Any: one of half width c(r) times the standard error, r being the first arm's share of it, with
    c never below the quantile of t with all degrees of freedom, which is exact where the arms are
    known to vary alike. Given r the squared error is gamma distributed, so the coverage of every c
    is known; the bound is that of the Lagrangian, minimised for each r, for the true share and the
    multiplier that make it sharpest (weak duality; Neyman and Pearson 1933 for the idea).

    Args:
        seeds: of each of two arms, at least 2.
        level: of the interval.
        floor: smallest coverage allowed for arms of any variances.
    """
    df = seeds - 1
    logits = np.linspace(-30 / df - 8, 30 / df + 8, 701)  # shares of 0.001 and their tails
    share = special.expit(logits)
    known, unknown = (special.stdtrit(n, 0.5 + level / 2) for n in (2 * df, df))
    reach = np.concatenate([np.linspace(known, unknown, 120), unknown * np.geomspace(1.02, 20, 30)])

    def covered(true: float) -> Floats:
        """Return the density of each sample share times the coverage of each reach there."""
        ratio = np.exp(logits) * (1 - true) / true
        density = stats.f.pdf(ratio, df, df) * ratio * (logits[1] - logits[0])
        scale = np.sqrt((share / true + (1 - share) / (1 - true)) / 2)
        within = 2 * special.stdtr(2 * df, reach[None, :] / scale[:, None]) - 1
        return np.asarray(density[:, None] * within)

    alike = covered(0.5)

    def bound(true: float) -> float:
        unlike = (covered(true) + covered(1 - true)) / 2

        def short_of(log_multiplier: float) -> float:
            by = math.exp(log_multiplier)
            return -float(np.sum(np.min(alike - by * unlike, axis=1)) + by * floor)

        return -float(optimize.minimize_scalar(short_of, bounds=(-9, 4), method="bounded").fun)

    return max(bound(float(true)) for true in np.geomspace(0.3, 1e-3, 12))


def at_least(chances: Sequence[float], count: int) -> float:
    """Return the chance that at least so many of independent events happen (Poisson binomial)."""
    exactly = np.ones(1)
    for chance in chances:
        exactly = np.convolve(exactly, [1 - chance, chance])
    return float(np.sum(exactly[count:]))


def expected_choice(gap: float, variances: tuple[float, float], noise: float) -> float:
    """Return the mean score of the one of two candidates that looks better, the second's mean being 0.

    The choice sees each score plus noise. With d = gap and s the standard deviation of the noisy
    difference, E = d Phi(d / s) + (v1 + v2) phi(d / s) / s.

    Args:
        gap: mean of the first candidate, in points.
        variances: of the two scores, in squared points.
        noise: variance of what the choice sees besides, for each.
    """
    total = sum(variances)
    s = math.sqrt(total + 2 * noise)
    density = math.exp(-((gap / s) ** 2) / 2) / math.sqrt(2 * math.pi)
    return gap * float(special.ndtr(gap / s)) + total * density / s
