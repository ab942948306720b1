"""Which numbers follow from the cells of a table, and from which cells?

Each formula is evaluated on the printed numbers and on the intervals of what they may stand for, when
they were rounded and when they were cut off.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import lru_cache

from claims.lines import grouped, values_in
from claims.paper import Cell, Interval, Quantity, Table

__all__ = [
    "MAX_FORMULAS",
    "Formula",
    "Shape",
    "best_of",
    "difference",
    "formulas_of",
    "mean",
    "mean_of",
    "mean_of_differences",
    "ratios",
    "share_of_gap",
    "single",
]

MAX_FORMULAS = 100_000
"""Formulas tried on one paper for one claim."""
_MAX_CELLS = 800
"""Largest table in which differences of all cells are tried."""
_MAX_LINES = 40
"""Most rows or columns whose means are compared with each other."""
_MAX_TRIPLE = 8
"""Longest line in which ratios of differences are tried; their number grows with its cube."""

Shape = str
"""cell, mean, maximum, minimum, rank, count; difference, difference of means, mean of differences,
best less one; relative change, ratio, ratio of differences."""


@dataclass(frozen=True, slots=True)
class Formula:
    """One number computed from cells."""

    shape: Shape
    text: str
    """The formula with the printed numbers, such as `76.0 - 65.1`."""
    cells: tuple[Cell, ...]
    value: Fraction
    """From the numbers as printed."""
    rounded: Interval
    truncated: Interval

    def may_be(self, wanted: Interval) -> bool:
        """Return whether some number of an interval follows from what the cells may stand for."""
        return any(
            low <= wanted.high and high >= wanted.low
            for low, high in (self.rounded, self.truncated)
        )


def formulas_of(table: Table, shapes: frozenset[Shape]) -> Iterator[Formula]:
    """Yield what may be computed from a table in formulas of some shapes, the plainest first."""
    cells = values_in(table)
    rows, columns = grouped(cells, lambda c: c.row), grouped(cells, lambda c: c.column)
    if "cell" in shapes:
        yield from (single(c) for c in cells)
    for line in (*rows, *columns):
        if len(line) > 1:
            yield from _of_line(line, shapes)
    if "mean" in shapes:
        yield from (mean(part) for row in rows for part in _parts(row))
    for lines in (columns, rows):
        if len(cells) <= _MAX_CELLS:
            for line in lines:
                yield from _of_pairs(line, shapes)
        yield from _of_means([x for x in lines if len(x) > 1][:_MAX_LINES], shapes)


def _of_line(line: Sequence[Cell], shapes: frozenset[Shape]) -> Iterator[Formula]:
    if "mean" in shapes:
        yield mean(line)
    if "maximum" in shapes:
        yield best_of(line)
    if "minimum" in shapes:
        yield best_of(line, lower=True)


def _parts(row: Sequence[Cell]) -> Iterator[list[Cell]]:
    """Yield the cells of a row that share a header over their own, where others do not."""
    found: dict[str, list[Cell]] = {}
    for cell in row:
        if len(cell.column_headers) > 1:
            found.setdefault(cell.column_headers[0], []).append(cell)
    yield from (part for part in found.values() if 1 < len(part) < len(row))


def _of_pairs(line: Sequence[Cell], shapes: frozenset[Shape]) -> Iterator[Formula]:
    for one, other in itertools.permutations(line, 2):
        if "difference" in shapes:
            yield difference(single(one), single(other))
        if shapes & {"ratio", "relative change"}:
            yield from (f for f in ratios(single(one), single(other)) if f.shape in shapes)
    if "best less one" in shapes and len(line) > 2:
        for cell in line:
            yield difference(best_of([c for c in line if c is not cell]), single(cell))
    if "ratio of differences" in shapes and len(line) <= _MAX_TRIPLE:
        for one, low, high in itertools.permutations(line, 3):
            yield from share_of_gap(one, low, high)


def _of_means(lines: Sequence[Sequence[Cell]], shapes: frozenset[Shape]) -> Iterator[Formula]:
    for first, second in itertools.permutations(lines, 2):
        if "difference of means" in shapes:
            yield difference(mean(first), mean(second))
        if "mean of differences" in shapes:
            yield from mean_of_differences(first, second)
        if shapes & {"ratio", "relative change"}:
            yield from (f for f in ratios(mean(first), mean(second)) if f.shape in shapes)


def single(cell: Cell) -> Formula:
    """Return the main number of a cell as a formula."""
    assert cell.main is not None
    value, rounded, truncated, text = _printed(cell.main.value, cell.main.decimals, cell.scale)
    return Formula("cell", text, (cell,), value, rounded, truncated)


@lru_cache(maxsize=50_000)
def _printed(value: float, decimals: int, scale: float) -> tuple[Fraction, Interval, Interval, str]:
    """Return a printed number, what it may stand for, and its text; few differ, and each costs much."""
    q, factor = Quantity(raw="", value=value, decimals=decimals), Fraction(scale)
    exact = q.exact * factor
    rounded = Interval(q.rounded.low * factor, q.rounded.high * factor)
    truncated = Interval(q.truncated.low * factor, q.truncated.high * factor)
    return exact, rounded, truncated, _number(exact)


def mean(cells: Sequence[Cell]) -> Formula:
    """Return the mean of cells."""
    return mean_of([single(c) for c in cells])


def mean_of(parts: Sequence[Formula]) -> Formula:
    """Return the mean of formulas."""

    def average(values: Iterable[Fraction]) -> Fraction:
        return sum(values, Fraction(0)) / len(parts)

    return Formula(
        "mean",
        f"mean({', '.join(p.text for p in parts[:12])}{', ...' if len(parts) > 12 else ''})",
        tuple(c for p in parts for c in p.cells),
        average(p.value for p in parts),
        Interval(average(p.rounded.low for p in parts), average(p.rounded.high for p in parts)),
        Interval(average(p.truncated.low for p in parts), average(p.truncated.high for p in parts)),
    )


def best_of(cells: Sequence[Cell], *, lower: bool = False) -> Formula:
    """Return the largest of cells, or the smallest where lower is better."""
    parts = [single(c) for c in cells]
    pick = min if lower else max
    best = pick(parts, key=lambda p: p.value)
    return Formula(
        "minimum" if lower else "maximum",
        f"{'min' if lower else 'max'} of {len(parts)}: {best.text}",
        (best.cells[0],),
        best.value,
        Interval(pick(p.rounded.low for p in parts), pick(p.rounded.high for p in parts)),
        Interval(pick(p.truncated.low for p in parts), pick(p.truncated.high for p in parts)),
    )


def difference(one: Formula, other: Formula) -> Formula:
    """Return one formula less another."""
    named = {"cell": "difference", "maximum": "best less one", "minimum": "best less one"}
    return Formula(
        named.get(one.shape, f"difference of {one.shape}s"),
        f"{one.text} - {other.text}",
        (*one.cells, *other.cells),
        one.value - other.value,
        _less(one.rounded, other.rounded),
        _less(one.truncated, other.truncated),
    )


def mean_of_differences(first: Sequence[Cell], second: Sequence[Cell]) -> Iterator[Formula]:
    """Yield the mean difference of two rows or columns over the places where both have a number.

    Nothing where both have all of them: it is the difference of their means then.
    """
    across = len({c.row for c in first}) == 1
    theirs = {c.column if across else c.row: c for c in second}
    pairs = [(c, theirs[k]) for c in first if (k := c.column if across else c.row) in theirs]
    if len(pairs) < 2 or len(pairs) == len(first) == len(second):
        return
    found = difference(mean([a for a, _ in pairs]), mean([b for _, b in pairs]))
    yield replace(found, shape="mean of differences")


def share_of_gap(one: Cell, low: Cell, high: Cell) -> Iterator[Formula]:
    """Yield what percentage of the gap between two cells a third one closes, if there is a gap."""
    parts = [single(c) for c in (one, low, high)]
    gaps = (
        _less(parts[2].rounded, parts[1].rounded),
        _less(parts[2].truncated, parts[1].truncated),
    )
    if any(gap.low <= 0 <= gap.high for gap in gaps):
        return

    def share(a: Fraction, b: Fraction, c: Fraction) -> Fraction:
        return 100 * (a - b) / (c - b)

    # It rises or falls with each of the three wherever the gap keeps its sign: its ends are at corners.
    rounded = [share(*corner) for corner in itertools.product(*(p.rounded for p in parts))]
    cut = [share(*corner) for corner in itertools.product(*(p.truncated for p in parts))]
    a, b, c = (p.text for p in parts)
    yield Formula(
        "ratio of differences",
        f"100 ({a} - {b}) / ({c} - {b})",
        (one, low, high),
        share(*(p.value for p in parts)),
        Interval(min(rounded), max(rounded)),
        Interval(min(cut), max(cut)),
    )


def _less(one: Interval, other: Interval) -> Interval:
    return Interval(one.low - other.high, one.high - other.low)


def ratios(one: Formula, other: Formula) -> Iterator[Formula]:
    """Yield the relative change in percent and the ratio of two positive numbers."""
    if min(other.rounded.low, other.truncated.low, one.rounded.low, one.truncated.low) <= 0:
        return
    cells = (*one.cells, *other.cells)
    rounded = Interval(one.rounded.low / other.rounded.high, one.rounded.high / other.rounded.low)
    cut = Interval(
        one.truncated.low / other.truncated.high, one.truncated.high / other.truncated.low
    )
    value = one.value / other.value
    yield Formula("ratio", f"{one.text} / {other.text}", cells, value, rounded, cut)
    yield Formula(
        "relative change",
        f"100 ({one.text} - {other.text}) / {other.text}",
        cells,
        100 * (value - 1),
        Interval(100 * (rounded.low - 1), 100 * (rounded.high - 1)),
        Interval(100 * (cut.low - 1), 100 * (cut.high - 1)),
    )


def _number(value: Fraction) -> str:
    return f"{float(value):.10g}"
