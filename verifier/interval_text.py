"""How does an interval look where there is nothing but text, such as in the log of a test?"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

from claims.claim import Claim, NoBenefitClaim, ValueClaim
from verifier.numbers import estimate, stated
from verifier.verdict import Verdict
from verifier.words import has_sign

__all__ = ["interval_lines", "minimum_effects"]

WIDTH = 49
"""Columns of the drawing."""


@dataclass(frozen=True, slots=True)
class _Row:
    """One line of the drawing: what it is called, what it draws, its numbers."""

    name: str
    marks: tuple[tuple[float, str], ...]
    said: str
    between: str = ""
    """Fills the columns from the first to the last mark; nothing where empty."""


def interval_lines(claim: Claim, verdict: Verdict) -> tuple[str, ...]:
    """Return an estimate with its interval against what is reported, drawn to one scale in ASCII.

    The ends of the interval are drawn outwards, so that it never looks surer than it is. Empty where
    there is no estimate, or where its numbers are too far apart to be drawn.
    """
    rows = tuple(_rows(claim, verdict))
    if verdict.estimate is None:
        return ()
    places = [place for row in rows for place, _ in row.marks]
    low, high = min(places), max(places)
    span = high - low
    if not math.isfinite(span):
        return ()
    if span == 0:
        low, span = low - 0.5, 1.0
    label = max(len(row.name) for row in rows)
    return tuple(
        f"{row.name:<{label}} |{_drawn(row, low, span)}| {row.said}".rstrip() for row in rows
    )


def minimum_effects(claim: Claim, size: float) -> tuple[float, ...]:
    """Return where a minimum effect lies, in points: below 0 for a loss, on both sides for none."""
    if isinstance(claim, NoBenefitClaim):
        return -size, size
    return (-size if getattr(claim, "direction", "up") == "down" else size,)


def _rows(claim: Claim, verdict: Verdict) -> Iterator[_Row]:
    if verdict.estimate is None:
        return
    signed = has_sign(claim)
    found: list[tuple[float, str]] = [(verdict.estimate, "o")]
    if verdict.interval is not None:
        found = [(verdict.interval.low, "<"), (verdict.interval.high, ">"), *found]
    said = estimate(verdict.estimate, verdict.interval, signed=signed)
    yield _Row("found", tuple(found), said, "-")
    if verdict.reported is not None:
        marks, said = [(verdict.reported, "R")], stated(verdict.reported, signed=signed)
        if verdict.tolerance is not None:
            ends = verdict.reported - verdict.tolerance, verdict.reported + verdict.tolerance
            marks = [(ends[0], "("), (ends[1], ")"), *marks]
            said += f", tolerance {stated(verdict.tolerance)}"
        yield _Row("reported", tuple(marks), said, "=")
    if isinstance(claim, ValueClaim):
        return
    least = verdict.minimum_effect
    if least is None:
        yield _Row("zero", ((0.0, "0"),), "")
        return
    sizes = minimum_effects(claim, least)
    yield _Row(
        "zero and minimum effect", (*((size, "m") for size in sizes), (0.0, "0")), stated(least)
    )


def _drawn(row: _Row, low: float, span: float) -> str:
    columns = [" "] * WIDTH
    places = [_column(place, mark, low, span) for place, mark in row.marks]
    if row.between:
        columns[min(places) : max(places) + 1] = row.between * (max(places) + 1 - min(places))
    for place, (_, mark) in zip(places, row.marks, strict=True):
        columns[place] = mark
    return "".join(columns)


def _column(place: float, mark: str, low: float, span: float) -> int:
    exact = (place - low) / span * (WIDTH - 1)
    rounded = {"<": math.floor, ">": math.ceil}.get(mark, round)(exact)
    return min(WIDTH - 1, max(0, rounded))
