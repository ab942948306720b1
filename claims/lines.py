"""Which cells of a table stand in one line, and which of them may be compared with each other?"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from claims.paper import Cell, Table
from claims.wordings import phrase

__all__ = [
    "blocks",
    "grouped",
    "heads_difference",
    "is_average",
    "is_difference",
    "panels",
    "values_in",
]

_DIFFERENCE_HEADS = frozenset(
    {"δ", "∆", "gain", "gains", "difference", "change", "improvement", "diff", "delta"}
)
_OF_AVERAGE = frozenset({"average", "score", "all", "overall", "macro", "task", "language", "the"})
"""Words of headers such as `Avg. score`; anything else names an average of something in particular."""


def values_in(table: Table) -> list[Cell]:
    """Return the cells that hold results; numbers of a first column that name their rows do not."""
    found = [c for c in table.cells if c.role == "value" and c.main is not None]
    return [c for c in found if c.column > 1 or c.row_headers or table.columns == 1]


def grouped(cells: Iterable[Cell], key: Callable[[Cell], int]) -> list[list[Cell]]:
    """Return cells by the row, column or whatever else they share, in the order of that."""
    found: dict[int, list[Cell]] = {}
    for cell in cells:
        found.setdefault(key(cell), []).append(cell)
    return [found[k] for k in sorted(found)]


def panels(table: Table) -> list[list[Cell]]:
    """Return the cells with results, apart for each part of the table with heads of its own."""
    heads = {c.row for c in table.cells if c.role == "column_header"}
    starts = sorted(r for r in heads if r - 1 not in heads)
    return grouped(values_in(table), lambda c: sum(start <= c.row for start in starts))


def blocks(line: Sequence[Cell], table: Table) -> list[list[Cell]]:
    """Return a column's cells, apart where a rule or a heading over rows parts them."""
    groups = [c.row for c in table.cells if c.role == "group"]
    return grouped(
        line,
        lambda c: sum(r <= c.row for r in table.rules) + sum(r <= c.row for r in groups),
    )


def is_difference(cell: Cell) -> bool:
    """Return whether a cell prints a difference rather than a score."""
    said = any(map(heads_difference, (*cell.column_headers, *cell.row_headers)))
    return said or (cell.main is not None and cell.main.signed) or cell.unit == "points"


def heads_difference(header: str) -> bool:
    """Return whether a header says that differences stand below or beside it."""
    return phrase(header) in _DIFFERENCE_HEADS


def is_average(headers: Sequence[str]) -> bool:
    """Return whether the last of a cell's headers says that it is an average of others."""
    words = phrase(headers[-1]).split() if headers else []
    return "average" in words and all(w in _OF_AVERAGE or w.isdigit() for w in words)
