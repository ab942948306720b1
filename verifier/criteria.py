"""What do the criteria that other replication projects use say of a size? Shown, never deciding.

They need the original's standard error, which papers of this field hardly ever state. It is taken
to be that of the replication, at as many seeds, and flagged as assumed; so the variance ratio is 1.
Light: imports neither torch nor transformers nor datasets.
"""

from __future__ import annotations

import math

from scipy import special

from verifier.intervals import Estimate
from verifier.outcome import rounding
from verifier.power import minimal_detectable_effect
from verifier.verdict import SecondaryCriterion

__all__ = [
    "edgington_p",
    "prediction_half_width",
    "q_test_p",
    "sceptical_p",
    "sceptical_z",
    "secondary_criteria",
]

_GOLDEN_RATIO = (1 + math.sqrt(5)) / 2
_TELESCOPE_POWER = 1 / 3
"""Simonsohn 2015: an effect that the original had no more than this chance to find."""
_LEAST_P = 1e-300
"""Smaller tails have no finite z in double precision."""


def prediction_half_width(estimate: Estimate, level: float) -> float:
    """Return how far a second study of the same kind may lie from this one, in points.

    sqrt(se_o^2 + se_r^2) with se_o = se_r, times the quantile of the estimate's own distribution;
    exact where both studies have the assumed common variance. 0 without a standard error.
    """
    return estimate.quantile(0.5 + level / 2) * math.sqrt(2) * (estimate.standard_error or 0.0)


def q_test_p(
    apart: float, standard_errors: tuple[float, float], degrees_of_freedom: float | None
) -> float:
    """Return the p-value of Cochran's Q for two studies: one effect, apart by chance only.

    Q = apart^2 / (se_o^2 + se_r^2), chi-squared with one degree of freedom for known errors
    (Hedges and Schauer 2019); for errors estimated with few seeds its root is referred to t.

    Args:
        apart: difference of the two effects, in points.
        standard_errors: of original and replication, in points, not both 0.
        degrees_of_freedom: with which the errors were estimated; None for known ones.
    """
    root = abs(apart) / math.hypot(*standard_errors)
    if degrees_of_freedom is None:
        return float(2 * special.ndtr(-root))
    return float(2 * special.stdtr(degrees_of_freedom, -root))


def sceptical_z(original: float, replication: float, variance_ratio: float) -> float:
    """Return the sceptical z-value of Held (2020, section 3.1), at least 0.

    With H and A the harmonic and arithmetic mean of the squared z-values and c the variance ratio:
    z_S^2 = H / 2 for c = 1, else (sqrt(A (A + (c - 1) H)) - A) / (c - 1).

    Args:
        original: z-value of the original.
        replication: z-value of the replication.
        variance_ratio: squared standard error of the original by that of the replication, above 0.
    """
    first, second = original**2, replication**2
    if min(first, second) == 0:
        return 0.0
    arithmetic = (first + second) / 2
    harmonic = first * (second / arithmetic)
    # Expanded by the conjugate, so that nothing cancels near c = 1; there it is H / 2.
    root = math.sqrt(arithmetic) * math.sqrt(arithmetic + (variance_ratio - 1) * harmonic)
    return math.sqrt(arithmetic * (harmonic / (root + arithmetic)))


def sceptical_p(original: float, replication: float, variance_ratio: float) -> float:
    """Return the one-sided sceptical p-value, recalibrated to the golden level.

    1 - Phi(z_S sqrt(phi)) with the golden ratio phi, and its complement where the replication
    points the other way (Held, Micheloud and Pawel 2022): an original that is just significant can
    then succeed only by a replication whose effect is no smaller.

    Args:
        original: z-value of the original, above 0.
        replication: z-value of the replication.
        variance_ratio: squared standard error of the original by that of the replication, above 0.
    """
    z = math.sqrt(_GOLDEN_RATIO) * sceptical_z(original, replication, variance_ratio)
    return float(special.ndtr(-z if replication > 0 else z))


def edgington_p(original: float, replication: float, weight: float = 1.0) -> float:
    """Return Edgington's combined p-value: the chance of so small a weighted sum of p-values.

    E = p_o + r p_r; E^2 / (2 r) while E is below 1 and r (Held, Pawel and Micheloud 2024).

    Args:
        original: one-sided p-value of the original.
        replication: one-sided p-value of the replication.
        weight: r, the weight of the replication, above 0.
    """
    total = original + weight * replication
    low, high = min(1.0, weight), max(1.0, weight)
    if total <= low:
        return total**2 / (2 * weight)
    if total <= high:
        return (total - low / 2) / high
    return 1 - max(0.0, 1 + weight - total) ** 2 / (2 * weight)


def secondary_criteria(
    seen: Estimate, reported: float, level: float
) -> tuple[SecondaryCriterion, ...]:
    """Return the secondary criteria of a size, at the levels their authors use for `level` 0.95.

    The reported number's rounding counts against the claim, as it does in the decision.

    Args:
        seen: the replication's estimate, turned so that the claimed direction is up.
        reported: the original's size in the same direction, in points.
        level: of the claim's two-sided interval.

    Returns:
        Nothing without a standard error, or where the reported number may stand for 0 or less.
    """
    error = seen.standard_error
    least = reported - rounding(reported)
    if error is None or least <= 0:
        return ()
    alpha = round(1 - level, 12)
    apart = abs(seen.value - reported) + rounding(reported)
    same = q_test_p(apart, (error, error), seen.degrees_of_freedom)
    telescope = minimal_detectable_effect(
        error, seen.degrees_of_freedom, level=level, power=_TELESCOPE_POWER
    )
    smaller = seen.p_below(telescope)
    z_values = (_z(seen, least / error), _z(seen, seen.value / error))
    sceptic = sceptical_p(*z_values, 1.0)
    p_values = (_tail(seen, least / error), seen.p_above(0))
    both = edgington_p(*p_values)
    return (
        SecondaryCriterion(
            name="q_test", value=(apart / error) ** 2 / 2, p=same, threshold=alpha,
            met=same > alpha, original_standard_error=error,
        ),
        SecondaryCriterion(
            name="small_telescopes", value=telescope, p=smaller, threshold=alpha,
            met=smaller > alpha, original_standard_error=error,
        ),
        SecondaryCriterion(
            name="sceptical_p", value=sceptical_z(*z_values, 1.0), p=sceptic, threshold=alpha / 2,
            met=sceptic <= alpha / 2, original_standard_error=error,
        ),
        SecondaryCriterion(
            name="edgington", value=sum(p_values), p=both, threshold=(alpha / 2) ** 2,
            met=both <= (alpha / 2) ** 2, original_standard_error=error,
        ),
    )  # fmt: skip


def _tail(seen: Estimate, ratio: float) -> float:
    """Return the upper tail of the estimate's reference distribution at a t-value."""
    if seen.degrees_of_freedom is None:
        return float(special.ndtr(-ratio))
    return float(special.stdtr(seen.degrees_of_freedom, -ratio))


def _z(seen: Estimate, ratio: float) -> float:
    """Return the z-value with the same tail as a t-value; finite and of the same sign."""
    tail = max(_LEAST_P, _tail(seen, abs(ratio)))
    return math.copysign(-float(special.ndtri(tail)), ratio)
