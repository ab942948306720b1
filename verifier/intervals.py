"""How far can an estimate over few seeds be from the quantity meant?

Seeds are the replicates: languages and examples are fixed by the benchmark and are none. So every
interval here is a t interval over per-seed measures, arms taken as independent (Welch). Where a
claim is about sentences like these, the variance of drawing other examples is added to it.
Light: imports neither torch nor transformers nor datasets.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Literal

import numpy as np
from scipy import special

from verifier.crossed import Drawn, ItemPart, item_part
from verifier.samples import Floats
from verifier.verdict import Interval

__all__ = [
    "Estimate",
    "Scores",
    "Statistic",
    "difference",
    "median_inflation",
    "single",
    "summary",
]

Statistic = Literal["mean", "median"]

_DRAWN = "other examples could have been drawn"
"""In the method of an interval that allows for it."""


@dataclass(frozen=True, slots=True, eq=False)
class Scores:
    """The measure of one arm, seed by seed."""

    values: Floats
    """(n_seeds,), points."""
    constant: bool = False
    """Whether nothing random follows the base checkpoint; then there is one value."""
    drawn: Drawn | None = None
    """Under resampled examples; None where the examples are fixed."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """A number over seeds with what is needed for any interval around it."""

    value: float
    """Points."""
    standard_error: float | None
    """Points, all sources together; None where an arm that depends on a seed has fewer than two."""
    degrees_of_freedom: float | None
    """Welch-Satterthwaite; None where no arm depends on a seed."""
    variances: tuple[float, ...]
    """Variance over seeds of each arm that depends on a seed, in squared points."""
    seeds: int
    """Smallest number of seeds of such an arm; 0 where there is none."""
    statistic: Statistic
    method: str
    item_variance: float = 0.0
    """Part of the squared standard error that more seeds do not shrink, in squared points."""
    item_clusters: int = 0
    """Clusters of examples that it was estimated from; 0 where examples are fixed."""
    least_freedom: float | None = None
    """Smallest degrees of freedom of a part of the standard error; None as above."""
    one_of_many: bool = False
    """Whether the degrees of freedom are the smallest, so that they hold at corrected levels."""

    def among_many(self) -> Estimate:
        """Return the estimate for decisions at a level corrected over several comparisons.

        Far out in the tail Welch's interval misses up to three times as often as it may, where few
        seeds meet arms of unequal variance. With the smallest degrees of freedom of any part it
        never misses too often, whatever the variances are (Hajek 1962; Mickey and Brown 1966).
        """
        least = self.degrees_of_freedom if self.least_freedom is None else self.least_freedom
        return replace(self, degrees_of_freedom=least, one_of_many=True)

    def interval(self, level: float, *, adjusted: str = "") -> Interval | None:
        """Return the two-sided interval at a level in (0, 1), or None without standard error.

        Args:
            level: probability that the interval covers, already corrected for many cells if so.
            adjusted: how the level was corrected, for the reader.
        """
        if self.standard_error is None:
            return None
        half = self.quantile(0.5 + level / 2) * self.standard_error
        method = f"{self.method}; {adjusted}" if adjusted else self.method
        return Interval(
            low=self.value - half,
            high=self.value + half,
            level=level,
            degrees_of_freedom=self.degrees_of_freedom,
            method=method,
        )

    def quantile(self, probability: float) -> float:
        """Return the quantile of the estimate's reference distribution: t, or normal without df."""
        if self.degrees_of_freedom is None:
            return float(special.ndtri(probability))
        return float(special.stdtrit(self.degrees_of_freedom, probability))

    def p_above(self, threshold: float) -> float:
        """Return the one-sided p-value against `it is at most the threshold`; 1 if unknown."""
        if self.standard_error is None:
            return 1.0
        z = (threshold - self.value) / self.standard_error
        if self.degrees_of_freedom is None:
            return float(special.ndtr(z))
        return float(special.stdtr(self.degrees_of_freedom, z))

    def p_below(self, threshold: float) -> float:
        """Return the one-sided p-value against `it is at least the threshold`; 1 if unknown."""
        return self.negated().p_above(-threshold)

    def negated(self) -> Estimate:
        """Return the estimate of the same quantity with its sign turned."""
        return replace(self, value=-self.value)


def summary(values: Floats, statistic: Statistic) -> float:
    """Return the mean or median of an arm's measures, shape (n_seeds,)."""
    return float(np.median(values) if statistic == "median" else np.mean(values))


def difference(
    treatment: Scores, control: Scores, *, statistic: Statistic, step: float
) -> Estimate:
    """Estimate treatment minus control: Welch's t with Satterthwaite's degrees of freedom.

    An arm without randomness adds no variance and no degrees of freedom. With medians the estimate
    is the difference of medians, and the standard error of each is that of the mean times
    `median_inflation`.

    Args:
        treatment: measures of the treatment.
        control: measures of the control.
        statistic: what the claim reports over seeds.
        step: change that one example can make to the measure, in points, above 0.
    """
    value = summary(treatment.values, statistic) - summary(control.values, statistic)
    return _estimate(value, (treatment, control), statistic, step)


def single(arm: Scores, *, statistic: Statistic, step: float) -> Estimate:
    """Estimate the measure of one arm with the t interval over its seeds."""
    return _estimate(summary(arm.values, statistic), (arm,), statistic, step)


@cache
def median_inflation(k: int) -> float:
    """Return sd(median of k) / sd(mean of k) for independent normal draws.

    Integrates the density of the middle order statistic (odd k), or the joint density of the two
    middle ones (even k), by Gauss-Legendre quadrature (David and Nagaraja, Order Statistics,
    section 2.1). 1 for k of 1 and 2, 1.16 for 3, rising to sqrt(pi/2).

    Args:
        k: number of seeds, at least 1.
    """
    if k <= 2:
        return 1.0
    # The median's sd is at most 1.26/sqrt(k), the middle gap decays as exp(-0.4 k t): the ranges
    # below leave out less than 1e-12 of either.
    reach = min(9.0, 14 / math.sqrt(k))
    x, x_weight = _nodes(-reach, reach)
    if k % 2:
        m = (k - 1) // 2
        log_density = m * (special.log_ndtr(x) + special.log_ndtr(-x)) - x**2 / 2
        weight = x_weight * np.exp(log_density - log_density.max())
        variance = np.sum(weight * x**2) / np.sum(weight)
    else:
        m = k // 2
        gap, gap_weight = _nodes(0.0, min(18.0, 90.0 / k))
        low = x[:, None]
        high = low + gap[None, :]
        log_density = (m - 1) * (special.log_ndtr(low) + special.log_ndtr(-high))
        log_density = log_density - (low**2 + high**2) / 2
        weight = x_weight[:, None] * gap_weight[None, :]
        weight = weight * np.exp(log_density - log_density.max())
        variance = np.sum(weight * ((low + high) / 2) ** 2) / np.sum(weight)
    return math.sqrt(float(variance) * k)


@cache
def _unit_nodes() -> tuple[Floats, Floats]:
    return np.polynomial.legendre.leggauss(160)


def _nodes(low: float, high: float) -> tuple[Floats, Floats]:
    x, weight = _unit_nodes()
    half = (high - low) / 2
    return np.asarray(low + half * (x + 1)), np.asarray(half * weight)


def _estimate(value: float, arms: Sequence[Scores], statistic: Statistic, step: float) -> Estimate:
    varying = [arm for arm in arms if not arm.constant]
    seeds = min((arm.values.size for arm in varying), default=0)
    items = _items(arms)
    if not varying:
        return _without_seeds(value, items, statistic, step)
    name = "Welch-Satterthwaite t over seeds" if len(arms) > 1 else "t over seeds"
    if seeds < 2:
        return Estimate(value, None, None, (), seeds, statistic, f"{name}; needs two seeds an arm")
    variances, notes = _variances(varying, step)
    squared = [
        v / a.values.size * (median_inflation(a.values.size) ** 2 if statistic == "median" else 1)
        for v, a in zip(variances, varying, strict=True)
    ]
    freedom = [a.values.size - 1 for a in varying]
    if statistic == "median":
        notes = ["difference of medians" if len(arms) > 1 else "median", *notes]
    if items:
        squared.append(items.variance)
        freedom.append(items.clusters - 1)
        notes.append(_DRAWN)
    total = math.fsum(squared)
    # Satterthwaite 1946: df = (sum v)^2 / sum(v^2 / df_v), scaled against underflow.
    shares = [(v / total) ** 2 / df for v, df in zip(squared, freedom, strict=True)]
    method = "; ".join([name, *notes])
    return Estimate(
        value, math.sqrt(total), 1 / math.fsum(shares), tuple(variances), seeds, statistic, method,
        items.variance if items else 0.0, items.clusters if items else 0, min(freedom),
    )  # fmt: skip


def _without_seeds(
    value: float, items: ItemPart | None, statistic: Statistic, step: float
) -> Estimate:
    """Estimate where nothing random follows the base checkpoint in any arm."""
    if items:
        method = f"t over clusters of examples, as nothing depends on a seed; {_DRAWN}"
        error = math.hypot(math.sqrt(items.variance), step)
        return Estimate(
            value, error, items.clusters - 1, (), 0, statistic, method, items.variance, items.clusters
        )  # fmt: skip
    method = (
        f"normal, standard error taken as the attainable step of {step:.3g} points, "
        "as nothing random follows the base checkpoint"
    )
    return Estimate(value, step, None, (), 0, statistic, method)


def _items(arms: Sequence[Scores]) -> ItemPart | None:
    drawn = [arm.drawn for arm in arms if arm.drawn is not None]
    return item_part(drawn) if len(drawn) == len(arms) else None


def _variances(arms: Sequence[Scores], step: float) -> tuple[list[float], list[str]]:
    """Return the variance over seeds of each arm, never 0: equal scores hide less than a step."""
    variances: list[float] = []
    floored = False
    for arm in arms:
        # Below a billionth of a point, means of equal scores differ by rounding only.
        equal = float(np.ptp(arm.values)) < 1e-9
        floored = floored or equal
        variances.append(step**2 if equal else float(np.var(arm.values, ddof=1)))
    note = (
        f"every seed of an arm gave the same score, so its deviation over seeds is taken as the "
        f"attainable step of {step:.3g} points"
    )
    return variances, [note] if floored else []
