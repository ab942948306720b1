"""Which numbers follow from the cells of a table, and from which cells?

Each formula is evaluated on the printed numbers and on the intervals of what they may stand for, when
they were rounded and when they were cut off.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction

from claims.paper import Cell, Interval, Table

__all__ = [
    "MAX_FORMULAS",
    "Formula",
    "Shape",
    "difference",
    "formulas_of",
    "maximum",
    "mean",
    "ratios",
    "single",
    "values_in",
]

MAX_FORMULAS = 100_000
"""Formulas tried on one paper for one claim."""
_MAX_CELLS = 800
"""Largest table in which differences of all cells are tried."""

Shape = str
"""cell, mean, maximum, difference, difference of means, relative change or ratio."""


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


def formulas_of(table: Table, *, relative: bool = False) -> Iterator[Formula]:
    """Yield what may be computed from a table: cells, means, maxima, differences, ratios."""
    cells = values_in(table)
    yield from (single(c) for c in cells)
    rows = _lines(cells, lambda c: c.row)
    columns = _lines(cells, lambda c: c.column)
    for line in (*rows, *columns):
        if len(line) > 1:
            yield mean(line)
            yield maximum(line)
    if len(cells) <= _MAX_CELLS:
        for line in (*columns, *rows):
            for one, other in itertools.permutations(line, 2):
                yield difference(single(one), single(other))
                if relative:
                    yield from ratios(single(one), single(other))
    for lines in (rows, columns):
        for first, second in itertools.permutations([x for x in lines if len(x) > 1][:40], 2):
            yield difference(mean(first), mean(second))


def values_in(table: Table) -> list[Cell]:
    """Return the cells that hold results; numbers of a first column that name their rows do not."""
    found = [c for c in table.cells if c.role == "value" and c.main is not None]
    return [c for c in found if c.column > 1 or c.row_headers or table.columns == 1]


def _lines(cells: Sequence[Cell], key: Callable[[Cell], int]) -> list[list[Cell]]:
    found: dict[int, list[Cell]] = {}
    for cell in cells:
        found.setdefault(key(cell), []).append(cell)
    return [found[k] for k in sorted(found)]


def single(cell: Cell) -> Formula:
    """Return the main number of a cell as a formula."""
    assert cell.main is not None
    q, scale = cell.main, Fraction(cell.scale)
    rounded = Interval(q.rounded.low * scale, q.rounded.high * scale)
    truncated = Interval(q.truncated.low * scale, q.truncated.high * scale)
    return Formula("cell", _number(q.exact * scale), (cell,), q.exact * scale, rounded, truncated)


def mean(cells: Sequence[Cell]) -> Formula:
    """Return the mean of cells."""
    parts = [single(c) for c in cells]

    def average(values: Sequence[Fraction]) -> Fraction:
        return sum(values, Fraction(0)) / len(values)

    return Formula(
        "mean",
        f"mean({', '.join(p.text for p in parts[:12])}{', ...' if len(parts) > 12 else ''})",
        tuple(cells),
        average([p.value for p in parts]),
        Interval(average([p.rounded.low for p in parts]), average([p.rounded.high for p in parts])),
        Interval(
            average([p.truncated.low for p in parts]), average([p.truncated.high for p in parts])
        ),
    )


def maximum(cells: Sequence[Cell]) -> Formula:
    """Return the largest of cells."""
    parts = [single(c) for c in cells]
    best = max(parts, key=lambda p: p.value)
    return Formula("maximum", f"max of {len(parts)}: {best.text}", (best.cells[0],), best.value,
                   best.rounded, best.truncated)  # fmt: skip


def difference(one: Formula, other: Formula) -> Formula:
    """Return one formula less another."""
    return Formula(
        "difference" if one.shape == "cell" else f"difference of {one.shape}s",
        f"{one.text} - {other.text}",
        (*one.cells, *other.cells),
        one.value - other.value,
        Interval(one.rounded.low - other.rounded.high, one.rounded.high - other.rounded.low),
        Interval(
            one.truncated.low - other.truncated.high, one.truncated.high - other.truncated.low
        ),
    )


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
