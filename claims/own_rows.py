"""Which rows of a paper's own tables are of the systems whose rows others print?

A row counts only where its header is the system's name or a label under which it is printed, and a
column only where its headers are the column's name; nothing is guessed.
"""

from __future__ import annotations

import itertools
from collections import defaultdict

from claims.lines import values_in
from claims.paper import Cell, PaperText, Table
from claims.published import Published, PublishedRow
from claims.quantities import values_of
from claims.wordings import phrase

__all__ = ["own_rows"]

_LONGEST = 40
"""Most characters of a number that is compared, as many as a score of published rows may have."""
_MOST = 50
"""Rows of the paper that are compared."""


def own_rows(paper: PaperText, published: Published) -> tuple[PublishedRow, ...]:
    """Return the rows of a paper that print what published rows print, as rows beside them."""
    systems = {
        phrase(label): row.system for row in published.rows for label in (row.label, row.system)
    }
    columns = {phrase(column): column for row in published.rows for column in row.scores}
    systems.pop("", None)  # a label of marks alone names no row
    columns.pop("", None)
    taken = {row.id for row in published.rows}
    ids = (name for i in itertools.count(1) if (name := f"paper-{i}") not in taken)
    found: list[PublishedRow] = []
    for table in paper.tables:
        rows: dict[int, list[Cell]] = defaultdict(list)
        for cell in values_in(table):
            rows[cell.row].append(cell)
        for cells in rows.values():
            system = _of(cells[0].row_headers, systems)
            scores: dict[str, str] = {}
            for cell in cells:
                column = _of(cell.column_headers, columns)
                if column and (printed := _printed(cell)):
                    scores.setdefault(column, printed)
            if system and scores and len(found) < _MOST:
                found.append(_row(table, cells[0], system, scores, next(ids)))
    return tuple(found)


def _of(headers: tuple[str, ...], known: dict[str, str]) -> str:
    """Return what headers name: all of them together, or the innermost alone; empty if nothing."""
    return known.get(phrase(" ".join(headers)), "") or known.get(phrase(" ".join(headers[-1:])), "")


def _printed(cell: Cell) -> str:
    """Return the one number of a cell as a score, with a decimal point; empty where it is none."""
    main = cell.main
    if main is None or cell.scale != 1 or main.unit == "times" or len(cell.quantities) != 1:
        return ""
    raw, plain = main.raw.strip(), f"{main.value:.{max(0, main.decimals)}f}"
    same = [(q.value, q.decimals) for q in values_of(raw)] == [(main.value, main.decimals)]
    printed = raw if same else plain
    return printed if len(printed) <= _LONGEST and main.decimals >= 0 else ""


def _row(table: Table, first: Cell, system: str, scores: dict[str, str], name: str) -> PublishedRow:
    return PublishedRow(
        id=name,
        system=system,
        label=" / ".join(first.row_headers)[:1000],
        source="the paper itself",
        table=table.place or table.address,
        found_in=f"{table.address}, row {first.row}",
        copied_from="unknown",
        scores=scores,
    )
