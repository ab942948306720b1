"""How far do raters agree, beyond what chance would give?

Krippendorff's alpha for ordinal ratings, with missing ones; K. Krippendorff, Computing
Krippendorff's Alpha-Reliability (2011), whose example with four observers is a test. The package
`krippendorff` does the same under a licence (GPL) that would bind Corroborate's users.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import accumulate

__all__ = ["alpha"]


def alpha(units: Iterable[Sequence[int]]) -> float | None:
    """Return Krippendorff's alpha for ordinal ratings: 1 is agreement, 0 is chance.

    Args:
        units: for each thing rated, the ratings that it got, in any order; those with fewer than
            two say nothing of agreement and are left out.

    Returns:
        At most 1, negative where raters disagree more than by chance; None where no thing has two
        ratings, or all ratings are the same, since nothing then tells agreement from habit.
    """
    paired = [Counter(unit) for unit in units if len(unit) > 1]
    totals: Counter[int] = sum(paired, Counter())
    scale = sorted(totals)
    if len(scale) < 2:
        return None
    below = dict(zip(scale, accumulate((totals[v] for v in scale), initial=0), strict=False))

    def distance(low: int, high: int) -> float:
        """Return the squared number of ratings from one value to the other, ends counted half."""
        between = below[high] - below[low] + totals[high]
        return (between - (totals[low] + totals[high]) / 2) ** 2

    pairs = [(low, high) for i, low in enumerate(scale) for high in scale[i + 1 :]]
    observed = sum(
        distance(low, high) * unit[low] * unit[high] / (unit.total() - 1)
        for unit in paired
        for low, high in pairs
    )
    expected = sum(distance(low, high) * totals[low] * totals[high] for low, high in pairs)
    return 1 - (totals.total() - 1) * observed / expected
