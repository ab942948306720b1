"""In which unit and scale is a number of a table, by its own suffix, its headers or the caption?"""

from __future__ import annotations

import re
from collections.abc import Sequence

from claims.paper import Quantity, Unit

__all__ = ["unit_and_scale"]

_PERCENT = re.compile(r"%|\bper ?cent\b|\bpercentages?\b(?! points?)", re.IGNORECASE)
_POINTS = re.compile(r"\b(?:percentage |% )?points?\b|\bpts\b|\bpp\b", re.IGNORECASE)
_STATED_PERCENT = re.compile(
    r"[(\[][^()\d]{0,60}%\s*[)\]]|\bin (?:%|per ?cent\b|percentages?\b(?! points?))",
    re.IGNORECASE,
)
_STATED_POINTS = re.compile(
    r"\bin (?:absolute points|(?:absolute )?percentage points)\b", re.IGNORECASE
)
_BARE_POINTS = re.compile(r"\bin points\b", re.IGNORECASE)
"""Scores are in these too, such as `accuracy in points`."""
_CHANGES = re.compile(
    r"\b(?:gain|improvement|difference|change|delta|increase|decrease|drop)s?\b", re.IGNORECASE
)
_SCALES = tuple(
    (scale, re.compile(rf"[(\[]\s*(?:{short}|×\s?10\^{power}|in {word}s?)\s*[)\]]|\bin {word}s\b"))
    for scale, short, power, word in (
        (1e3, "[kK]", 3, "[Tt]housand"),
        (1e6, "[Mm]", 6, "[Mm]illion"),
        (1e9, "B", 9, "[Bb]illion"),
    )
)
"""Scales and how a header states them, such as `(k)` or `in thousands`."""


def unit_and_scale(
    main: Quantity | None, columns: Sequence[str], names: Sequence[str], caption: str
) -> tuple[Unit, float]:
    """Return the unit and scale of a cell's main number.

    Args:
        main: the number, whose own suffix counts most.
        columns: headers above it; the nearest that states a unit counts.
        names: headers beside it.
        caption: counts only where it says outright that numbers are in a unit.
    """
    if main is None:
        return "none", 1.0
    headers = [*reversed(columns), *reversed(names)]
    scale = main.scale
    if scale == 1.0:
        stated = [s for header in headers for s, pattern in _SCALES if pattern.search(header)]
        scale = stated[0] if stated else 1.0
    if main.unit != "none":
        return main.unit, scale
    for header in headers:
        unit = _stated(header, _POINTS, _PERCENT)
        if unit != "none":
            return unit, scale
    return _stated_by(caption) if scale == 1.0 else "none", scale


def _stated_by(caption: str) -> Unit:
    if _BARE_POINTS.search(caption) and _CHANGES.search(caption):
        return "points"
    return _stated(caption, _STATED_POINTS, _STATED_PERCENT)


def _stated(text: str, points: re.Pattern[str], percent: re.Pattern[str]) -> Unit:
    if points.search(text):
        return "points"
    return "percent" if percent.search(text) else "none"
