"""How do rows of printed cells become a table whose cells know their headers?

Every format's reader hands in rows; here they are laid on a grid, and what is a header is told from
rules, from what the source says of it, and from where the numbers stand.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from claims.paper import Cell, Emphasis, Table
from claims.quantities import CommaStyle, comma_style, is_placeholder, values_of
from claims.table_units import unit_and_scale

__all__ = ["MAX_COLUMNS", "MAX_ROWS", "RawCell", "RawRow", "RawTable", "assemble"]

MAX_ROWS = 2000
MAX_COLUMNS = 200
"""Size beyond which a table is cut."""
_MAX_CELLS = 40_000
_SHORT = 200
"""Characters kept of a header."""


@dataclass(slots=True)
class RawCell:
    """One cell as its source gives it."""

    text: str
    raw: str
    emphasis: tuple[Emphasis, ...] = ()
    colours: tuple[str, ...] = ()
    row_span: int = 1
    """Negative where it spans upwards."""
    column_span: int = 1
    header: bool = False
    """Whether the source itself calls it a header."""
    uncertain: bool = False
    """Whether `84.3(2)` means 84.3 ± 0.2 here."""


@dataclass(slots=True)
class RawRow:
    """One row as its source gives it."""

    cells: list[RawCell] = field(default_factory=list)
    rule: str = ""
    """`full` or `part` where a line is drawn above it."""
    header: bool = False
    """Whether the source itself calls it a header."""


@dataclass(slots=True)
class RawTable:
    """A table as its source gives it."""

    rows: list[RawRow]
    last_rule: str = ""
    spans_push: bool = False
    """Whether a cell that spans rows pushes the cells below to the right, as in HTML."""


@dataclass(slots=True)
class _Placed:
    """A cell on the grid, counted from 0."""

    row: int
    column: int
    height: int
    width: int
    cell: RawCell
    numeric: bool = False
    role: str = "text"


def assemble(raw: RawTable, table: Table) -> Table:
    """Return a table with its cells, headers and sizes filled in.

    Args:
        raw: the rows as read.
        table: address, place, caption and the like; its cells and sizes are replaced.
    """
    rows = [row for row in raw.rows[:MAX_ROWS] if row.cells]
    grid = _Grid(rows, raw)
    comma = comma_style([table.caption, *(p.cell.text for p in grid.placed)])
    for placed in grid.placed:
        found = values_of(placed.cell.text, CommaStyle(comma, placed.cell.uncertain))
        placed.numeric = bool(found)
    header_rows, stub = grid.header_rows(), 0
    groups, panels = grid.groups(header_rows), grid.panels(header_rows)
    stub = grid.stub(header_rows, groups | panels)
    _Roles(grid, header_rows, stub, groups, panels).assign()
    cells = tuple(
        _cell(p, grid, table, CommaStyle(comma, p.cell.uncertain))
        for p in grid.placed
        if p.cell.text
    )
    rules = tuple(r + 1 for r, row in enumerate(rows) if row.rule == "full")
    sizes = {"rows": grid.height, "columns": grid.width, "rules": rules}
    return table.model_copy(update={**sizes, "cells": cells})


class _Grid:
    """Cells laid out by row and column."""

    def __init__(self, rows: Sequence[RawRow], raw: RawTable) -> None:
        self.rows = rows
        self.height = len(rows)
        self.last_rule = raw.last_rule
        self.placed: list[_Placed] = []
        self.at: dict[tuple[int, int], _Placed] = {}
        self.column_headers: dict[int, dict[int, tuple[str, ...]]] = {}
        self.row_headers: dict[int, tuple[str, ...]] = {}
        for r, row in enumerate(rows):
            self._lay(r, row, push=raw.spans_push)
        self.width = max((p.column + p.width for p in self.placed), default=0)

    def _lay(self, r: int, row: RawRow, *, push: bool) -> None:
        column = 0
        for cell in row.cells:
            if push:
                while (r, column) in self.at:
                    column += 1
            if column >= MAX_COLUMNS or len(self.at) >= _MAX_CELLS:
                return
            width = max(1, min(cell.column_span, MAX_COLUMNS - column))
            self._put(r, column, width, cell)
            column += width

    def _put(self, r: int, column: int, width: int, cell: RawCell) -> None:
        taken = self.at.get((r, column))
        if taken is not None:
            if not cell.text:
                return
            taken.height = min(taken.height, r - taken.row)  # a text of its own ends the span
        top, height = r, max(1, min(abs(cell.row_span), self.height))
        if cell.row_span < -1:
            top = max(0, r - height + 1)
            while top < r and any(
                p is not None and p.cell.text
                for p in (self.at.get((k, column)) for k in range(top, r))
            ):
                top += 1
            height = r - top + 1
        height = min(height, self.height - top)
        placed = _Placed(top, column, height, width, cell)
        self.placed.append(placed)
        for k in range(top, top + height):
            for c in range(column, column + width):
                if len(self.at) < _MAX_CELLS:
                    self.at[k, c] = placed

    # --- what is what -----------------------------------------------------------------------------

    def starting(self, r: int) -> list[_Placed]:
        """Return the cells with text that a row holds, each once, from left to right."""
        found: list[_Placed] = []
        for c in range(self.width):
            placed = self.at.get((r, c))
            if placed is not None and placed.cell.text and (not found or found[-1] is not placed):
                found.append(placed)
        return found

    def numeric(self, r: int) -> bool:
        """Return whether a row holds a number beside its first column."""
        return any(p.numeric for p in self.starting(r) if p.column > 0 or self.width == 1)

    def header_rows(self) -> int:
        """Return how many rows at the top are headers."""
        said = 0
        while said < self.height and self.rows[said].header:
            said += 1
        if said:
            return min(said, self.height - 1) if self.height > 1 else 0
        ruled = next((r for r in range(1, self.height) if self.rows[r].rule == "full"), self.height)
        count = ruled if ruled < self.height and not self._looks_like_values(ruled) else 0
        if not count:
            while count < self.height and not self.numeric(count):
                if count and len(self.starting(count)) == 1:
                    break  # a heading over rows, not over columns
                count += 1
            return count if 0 < count < self.height and count <= 4 else 0
        while count < min(self.height - 1, 6) and self._goes_on(count):
            count += 1
        return count

    def _looks_like_values(self, count: int) -> bool:
        """Return whether the first rows hold measured numbers rather than names."""
        cells = [p for r in range(count) for p in self.starting(r) if p.column > 0]
        decimal = sum(p.numeric and ("." in p.cell.text or "," in p.cell.text) for p in cells)
        return count > 6 or 2 * decimal > max(1, len(cells))

    def _goes_on(self, r: int) -> bool:
        """Return whether a row below a ruled header belongs to it, as in tables with lines all over."""
        above = any(p.width > 1 or p.height > 1 for p in self.starting(r - 1))
        beside = [p for p in self.starting(r) if p.column > 0]
        return above and len(beside) >= 2 and not self.numeric(r) and not self._placeholders(r)

    def _placeholders(self, r: int) -> bool:
        return any(is_placeholder(p.cell.text) for p in self.starting(r) if p.column > 0)

    def groups(self, header_rows: int) -> frozenset[int]:
        """Return the rows of the body that are a heading over the rows below them."""
        found = set()
        for r in range(header_rows, self.height - 1):
            cells = self.starting(r)
            wide = self.width >= 2 and len(cells) == 1 and cells[0].row == r
            if wide and not cells[0].numeric and cells[0].height == 1:
                lone = cells[0].column == 0 or 2 * cells[0].width >= self.width
                found |= {r} if lone and self._any_numeric_below(r) else set()
        return frozenset(found)

    def _any_numeric_below(self, r: int) -> bool:
        return any(self.numeric(k) for k in range(r + 1, min(self.height, r + 30)))

    def panels(self, header_rows: int) -> frozenset[int]:
        """Return the rows of the body that name the columns anew for the rows below them."""
        found = set()
        for r in range(max(header_rows, 1), self.height - 1):
            beside = [p for p in self.starting(r) if p.column > 0]
            names = len(beside) >= 2 and not any(
                p.numeric or is_placeholder(p.cell.text) or p.row < r for p in beside
            )
            ruled = bool(self.rows[r].rule) and bool(self.rows[r + 1].rule)
            said = self.rows[r].header
            if names and (said or ruled) and self.numeric(r + 1) and self.numeric(r - 1):
                found.add(r)
        return frozenset(found)

    def stub(self, header_rows: int, headings: frozenset[int]) -> int:
        """Return how many columns at the left are headers."""
        body = [r for r in range(header_rows, self.height) if r not in headings]
        kinds = [self._column_kind(c, body) for c in range(min(self.width, 8))]
        count = 0
        while count < len(kinds) and kinds[count] == "names":
            count += 1
        if not count and kinds[:2] == ["whole numbers", "names"]:
            count = 1
            while count < len(kinds) and kinds[count] == "names":
                count += 1
        return min(count, self.width - 1) if self.width > 1 else 0

    def _column_kind(self, column: int, body: list[int]) -> str:
        cells = [p for p in (self.at.get((r, column)) for r in body) if p and p.cell.text]
        told = [p for p in cells if not is_placeholder(p.cell.text)]
        numbers = [p for p in told if p.numeric]
        if not told:
            return "names" if column == 0 else "empty"
        if 2 * len(numbers) < len(told):
            return "names"
        return "numbers" if any("." in p.cell.text for p in numbers) else "whole numbers"


@dataclass(slots=True)
class _Roles:
    """Gives every cell its role, and rows and columns their headers."""

    grid: _Grid
    header_rows: int
    stub: int
    groups: frozenset[int]
    panels: frozenset[int]

    def assign(self) -> None:
        grid = self.grid
        for placed in grid.placed:
            placed.role = self._role(placed)
        above = self._headers_of_rows(range(self.header_rows))
        grid.column_headers[0] = above
        for r in sorted(self.panels):
            grid.column_headers[r] = self._headers_of_rows(range(r, r + 1))
        group: tuple[str, ...] = ()
        filled: list[str] = [""] * max(self.stub, 1)
        for r in range(self.header_rows, grid.height):
            if r in self.groups:
                text = grid.starting(r)[0].cell.text[:_SHORT]
                group = (text,)
                filled = [""] * max(self.stub, 1)
            elif r not in self.panels:
                grid.row_headers[r] = tuple(
                    dict.fromkeys(t for t in (*group, *self._names(r, filled)) if t)
                )

    def _role(self, placed: _Placed) -> str:
        r = placed.row
        if r < self.header_rows or r in self.panels:
            return "column_header"
        if r in self.groups:
            return "group"
        if placed.column < self.stub:
            return "row_header"
        return "value" if placed.numeric else "text"

    def _headers_of_rows(self, rows: range) -> dict[int, tuple[str, ...]]:
        found: dict[int, tuple[str, ...]] = {}
        for c in range(self.grid.width):
            cells = [self.grid.at.get((r, c)) for r in rows]
            texts = [p.cell.text[:_SHORT] for p in cells if p is not None and p.cell.text]
            found[c] = tuple(dict.fromkeys(texts))
        return found

    def _names(self, r: int, filled: list[str]) -> list[str]:
        """Return the texts of a row's header columns; an empty one takes what stands above it."""
        names: list[str] = []
        for c in range(max(self.stub, 1)):
            placed = self.grid.at.get((r, c))
            text = placed.cell.text[:_SHORT] if placed is not None else ""
            further = any(
                (p := self.grid.at.get((r, k))) is not None and p.cell.text
                for k in range(c + 1, self.stub)
            )
            if not text and further:
                text = filled[c]
            elif text and text != filled[c]:
                filled[c + 1 :] = [""] * (len(filled) - c - 1)
            filled[c] = text
            names.append(text)
        return names


def _cell(placed: _Placed, grid: _Grid, table: Table, style: CommaStyle) -> Cell:
    raw, row, column = placed.cell, placed.row, placed.column
    body = placed.role in {"value", "text"}
    quantities = values_of(raw.text, style) if body or placed.role == "row_header" else ()
    panel = max((r for r in grid.column_headers if r <= row), default=0)
    above = grid.column_headers.get(panel, {}) if placed.role != "column_header" else {}
    columns = above.get(column, ())
    for c in range(column + 1, min(column + placed.width, column + 20)):
        columns = tuple(dict.fromkeys((*columns, *above.get(c, ()))))
    names = grid.row_headers.get(row, ()) if body else ()
    if body and column == 0 and names and names[-1] == raw.text[:_SHORT]:
        names = names[:-1]
    main = next((q for q in quantities if not q.aside), None)
    unit, scale = unit_and_scale(main, columns, names, table.caption)
    return Cell(
        address=f"{table.address}/r{row + 1}c{column + 1}",
        place=_place(table.place, names, columns, row + 1, column + 1),
        row=row + 1,
        column=column + 1,
        row_span=placed.height,
        column_span=placed.width,
        role=placed.role,
        raw=raw.raw[:4000],
        text=raw.text[:4000],
        quantities=quantities,
        unit=unit,
        scale=scale,
        emphasis=raw.emphasis,
        colours=raw.colours,
        row_headers=names,
        column_headers=columns,
    )


def _place(table: str, names: Sequence[str], columns: Sequence[str], row: int, column: int) -> str:
    across = f'row "{" / ".join(names)}"' if names else f"row {row}"
    down = f'column "{" / ".join(columns)}"' if columns else f"column {column}"
    return f"{table}, {across}, {down}"
