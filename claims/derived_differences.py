"""Do printed differences follow from the scores beside them, and do percentages stay below 100?"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence

from claims.algebra import Formula, difference, ratios, single
from claims.directions import bounded, direction_of
from claims.finding import Scheme, TableFinding, finding, unsettled
from claims.lines import grouped, heads_difference, is_average, is_difference, panels
from claims.paper import Cell, Table

__all__ = ["baseline_of", "difference_findings", "percentage_findings"]

_MAX_VALUES = 1000
"""Cells of a part of a table beyond which it is not looked into."""
_MAX_BASELINES = 12
_GROWTH = re.compile(
    r"relative|ratio|chang|increas|growth|overhead|cost|speed|time|memory|gain|improv|normali[sz]ed|vs\b|"
    r"compared|baseline",
    re.IGNORECASE,
)
"""Words beside which a percentage may well be above 100."""


def difference_findings(table: Table) -> Iterator[TableFinding]:
    """Yield printed differences that do not follow where the others of their line do."""
    for cells in panels(table):
        if len(cells) > _MAX_VALUES:
            continue
        for targets, schemes in _lines(cells):
            found = unsettled(targets, schemes) or []
            for miss in (m for m in found if m.evident):
                printed = targets[targets.index(miss.cell)].main
                assert printed is not None
                yield finding("difference", f"The difference is printed as {printed.raw}, but "
                              f"{miss.expected.text} = {float(miss.expected.value):.4g}, as for others.",
                              [miss.cell, *miss.expected.cells], sure=True)  # fmt: skip


def baseline_of(cell: Cell, table: Table) -> Cell | None:
    """Return the cell against which a printed difference was taken, if it follows from evident ones."""
    for cells in panels(table):
        if len(cells) > _MAX_VALUES:
            continue
        for targets, schemes in _lines(cells):
            mine = [t for t in targets if t.address == cell.address]
            if not mine or unsettled(targets, schemes) != []:
                continue
            for scheme in (s for s in schemes if s.plain):
                if unsettled(targets, [scheme]) == [] and (found := scheme.of(mine[0])) is not None:
                    return found.cells[1]
    return None


def _lines(cells: Sequence[Cell]) -> Iterator[tuple[list[Cell], list[Scheme]]]:
    """Yield cells that should be differences of the same sort, with the ways to compute them."""
    scores = [c for c in cells if not is_difference(c)]
    asides = [a for c in scores if (a := _aside(c)) is not None]
    if asides:
        yield asides, _from_lines(asides, scores, beside=False)
    printed = [c for c in cells if is_difference(c)]
    for column in grouped(printed, lambda c: c.column):
        if {c.row for c in scores} & {c.row for c in column} and not any(
            heads_difference(h) for c in column for h in c.row_headers
        ):
            yield column, _of_column(column, scores)
    for row in grouped(printed, lambda c: c.row):
        if any(heads_difference(h) for c in row for h in c.row_headers):
            yield row, _of_row(row, scores)


def _aside(cell: Cell) -> Cell | None:
    """Return a cell with the signed number beside its main one in place of that."""
    signed = [q for q in cell.quantities if q.aside and q.signed and q.spread is None]
    if len(signed) != 1 or sum(q.aside for q in cell.quantities) != 1:
        return None
    return cell.model_copy(update={"quantities": (signed[0].model_copy(update={"aside": False}),)})


def _of_column(column: list[Cell], scores: list[Cell]) -> list[Scheme]:
    """Return the ways to compute a column of differences: rows against a row, columns against one."""
    at = column[0].column
    sources = sorted({c.column for c in scores if not is_average(c.column_headers)})
    left = [c for c in sources if c < at][-2:]
    found = _from_lines(column, scores, beside=True)
    grid = _grid(scores)
    pairs = [(left[1], left[0]), (left[0], left[1])] if len(left) == 2 else []
    some = sources[:_MAX_BASELINES]
    pairs += [(a, b) for a in some for b in some if a != b and (a, b) not in pairs]
    for k, (one, other) in enumerate(pairs):
        plain = k < 2 and len(left) == 2
        name = f"columns {one} and {other}"
        found += _schemes(name, _at(grid, column=one), _at(grid, column=other), plain=plain)
    return found


def _from_lines(targets: list[Cell], scores: list[Cell], *, beside: bool) -> list[Scheme]:
    """Return the ways to compute differences of rows against one row, and for asides of columns too.

    Args:
        targets: the differences.
        scores: the cells from which they may come.
        beside: whether a difference stands in a column of its own, beside that of the scores.
    """
    grid = _grid(scores)
    with_one = {c.row for c in targets}
    rows = sorted({c.row for c in scores})
    sources = sorted({c.column for c in scores})
    at = targets[0].column
    columns: list[int | None] = [None]
    if beside:
        nearest = [*[c for c in sources if c < at][-1:], *[c for c in sources if c > at][:1]]
        columns = [*nearest, *(c for c in sources if c not in nearest)]
        columns = columns[:_MAX_BASELINES]
    bare = [r for r in rows if r not in with_one]
    found: list[Scheme] = []
    for k, source in enumerate(columns):
        mine = _at(grid, column=source)
        if bare:
            base = _above(grid, bare, source)
            found += _schemes("the row without a difference", mine, base, plain=k == 0)
        for row in rows[:_MAX_BASELINES]:
            found += _schemes(f"row {row}", mine, _at(grid, row, source), plain=False)
    if not beside:
        starts = {c.column for c in targets}
        for column in [c for c in sources if c not in starts][:_MAX_BASELINES]:
            name = f"column {column}"
            found += _schemes(name, _at(grid), _at(grid, column=column), plain=True)
    return found


def _of_row(row: list[Cell], scores: list[Cell]) -> list[Scheme]:
    """Return the ways to compute a row of differences from two rows."""
    grid = _grid(scores)
    at = row[0].row
    above = sorted({c.row for c in scores if c.row < at}, reverse=True)[:_MAX_BASELINES]
    below = sorted({c.row for c in scores if c.row > at})[:2]
    rows = [*above, *below]
    plain = set(above[:2])
    pairs = [(a, b) for a in rows for b in rows if a != b]
    pairs.sort(key=lambda p: not set(p) <= plain)
    found: list[Scheme] = []
    for one, other in pairs:
        near = {one, other} <= plain
        found += _schemes(f"rows {one} and {other}", _at(grid, one), _at(grid, other), plain=near)
    return found


def _grid(scores: Sequence[Cell]) -> dict[tuple[int, int], Cell]:
    return {(c.row, c.column): c for c in scores}


def _at(
    grid: dict[tuple[int, int], Cell], row: int | None = None, column: int | None = None
) -> Callable[[Cell], Cell | None]:
    """Return what finds the cell in a row, a column or both; in those of the difference without."""
    return lambda cell: grid.get((row or cell.row, column or cell.column))


def _above(
    grid: dict[tuple[int, int], Cell], rows: list[int], column: int | None
) -> Callable[[Cell], Cell | None]:
    """Return what finds the cell in the nearest of some rows above the difference."""

    def find(cell: Cell) -> Cell | None:
        row = max((r for r in rows if r < cell.row), default=-1)
        return grid.get((row, column or cell.column))

    return find


def _schemes(
    name: str,
    one: Callable[[Cell], Cell | None],
    other: Callable[[Cell], Cell | None],
    *,
    plain: bool,
) -> list[Scheme]:
    """Return the difference and the relative change of two cells, each as a scheme."""

    def absolute(cell: Cell) -> Formula | None:
        a, b = one(cell), other(cell)
        return None if a is None or b is None or a is b else difference(single(a), single(b))

    def relative(cell: Cell) -> Formula | None:
        a, b = one(cell), other(cell)
        if a is None or b is None or a is b:
            return None
        return next((f for f in ratios(single(a), single(b)) if f.shape == "relative change"), None)

    return [Scheme(name, absolute, plain=plain), Scheme(f"{name}, relative", relative, plain=plain)]


def percentage_findings(table: Table) -> Iterator[TableFinding]:
    """Yield scores above 100 of which no score can be, and other percentages above 100."""
    for cells in panels(table):
        for cell in cells:
            if is_difference(cell) or single(cell).truncated.low <= 100:
                continue
            headers = (*cell.column_headers, *cell.row_headers)
            score = any(bounded(h) for h in cell.column_headers[-1:])
            percent = cell.main is not None and cell.main.unit == "percent"
            if any(_GROWTH.search(h) for h in (*headers, table.caption)):
                continue
            if any(direction_of(h) == "lower" for h in headers):
                continue
            if score or (percent and any(map(bounded, headers))):
                yield finding("percentage", f"{cell.text} is printed for a score that "
                              "cannot be above 100.", [cell], sure=True)  # fmt: skip
            elif percent:
                yield finding("percentage", f"{cell.text} is printed, which is more than the "
                              "whole.", [cell], sure=False)  # fmt: skip
