"""What do the criteria that other replication projects use say of a size? Shown, never deciding.

They need the original's standard error, which papers of this field hardly ever state: where it is
assumed from our own runs, each criterion says so.
Light: imports neither torch nor transformers nor datasets.
"""

from __future__ import annotations

import math
from typing import Literal

from scipy import special

from claims.claim import Original
from verifier.intervals import Estimate
from verifier.original import original_error, study_difference
from verifier.outcome import rounding
from verifier.power import minimal_detectable_effect
from verifier.verdict import SecondaryCriterion

__all__ = [
    "edgington_p",
    "prediction_half_width",
    "sceptical_p",
    "sceptical_z",
    "secondary_criteria",
]

_Name = Literal["q_test", "small_telescopes", "sceptical_p", "edgington"]

_GOLDEN_RATIO = (1 + math.sqrt(5)) / 2
_TELESCOPE_POWER = 1 / 3
"""Simonsohn 2015: an effect that the original had no more than this chance to find."""
_LEAST_P = 1e-300
"""Smaller tails have no finite z in double precision."""


def prediction_half_width(seen: Estimate, level: float, original: Original | None = None) -> float:
    """Return how far the paper's number may lie from ours if both mean one effect, in points.

    The quantile of their difference, whose standard error is sqrt(se_o^2 + se_r^2); exact for arms
    of one variance (`StudyDifference`). 0 without a standard error.
    """
    error = original_error(seen, original)
    if error is None or seen.standard_error is None:
        return 0.0
    return study_difference(seen, error).half_width(level)


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
    seen: Estimate, reported: float, *, level: float, original: Original | None = None
) -> tuple[SecondaryCriterion, ...]:
    """Return the secondary criteria of a size, at the levels their authors use for `level` 0.95.

    The reported number's rounding counts against the claim, as it does in the decision. A p-value
    of the original has the degrees of freedom of its error, so that a given one is normal.

    Args:
        seen: the replication's estimate, turned so that the claimed direction is up.
        reported: the original's size in the same direction, in points.
        level: of the claim's two-sided interval.
        original: what the paper says of its own uncertainty.

    Returns:
        Nothing without a standard error, or where the reported number may stand for 0 or less.
    """
    own, error = seen.standard_error, original_error(seen, original)
    least = reported - rounding(reported)
    if own is None or error is None or least <= 0:
        return ()
    alpha = round(1 - level, 12)
    apart = abs(seen.value - reported) + rounding(reported)
    chance = study_difference(seen, error)
    same = chance.p(apart)
    telescope = minimal_detectable_effect(
        error.points, error.degrees_of_freedom, level=level, power=_TELESCOPE_POWER
    )
    smaller = seen.p_below(telescope)
    first, ratio = least / error.points, (error.points / own) ** 2
    z_values = (_z(first, error.degrees_of_freedom), _z(seen.value / own, seen.degrees_of_freedom))
    sceptic = sceptical_p(*z_values, ratio)
    p_values = (_tail(first, error.degrees_of_freedom), seen.p_above(0))
    both = edgington_p(*p_values)
    found: tuple[tuple[_Name, float, float, float, bool], ...] = (
        ("q_test", (apart / chance.standard_error) ** 2, same, alpha, same > alpha),
        ("small_telescopes", telescope, smaller, alpha, smaller > alpha),
        ("sceptical_p", sceptical_z(*z_values, ratio), sceptic, alpha / 2, sceptic <= alpha / 2),
        ("edgington", sum(p_values), both, (alpha / 2) ** 2, both <= (alpha / 2) ** 2),
    )
    return tuple(
        SecondaryCriterion(
            name=name, value=value, p=p, threshold=threshold, met=met,
            original_standard_error=error.points, original_error=error.source,
        )
        for name, value, p, threshold, met in found
    )  # fmt: skip


def _tail(t_value: float, degrees_of_freedom: float | None) -> float:
    """Return the upper tail of t at a value, of the normal without degrees of freedom."""
    if degrees_of_freedom is None:
        return float(special.ndtr(-t_value))
    return float(special.stdtr(degrees_of_freedom, -t_value))


def _z(t_value: float, degrees_of_freedom: float | None) -> float:
    """Return the z-value with the same tail as a t-value; finite and of the same sign."""
    tail = max(_LEAST_P, _tail(abs(t_value), degrees_of_freedom))
    return math.copysign(-float(special.ndtri(tail)), t_value)
