"""Which rows of a paper's own tables are of the systems whose rows others print?

A row counts only where its header is the system's name or a label under which it is printed, and a
column only where its headers are the column's name; nothing is guessed.
"""

from __future__ import annotations

from collections import defaultdict

from claims.lines import values_in
from claims.paper import Cell, PaperText, Table
from claims.published import Published, PublishedRow
from claims.wordings import phrase

__all__ = ["own_rows"]

_MOST = 50
"""Rows of the paper that are compared."""


def own_rows(paper: PaperText, published: Published) -> tuple[PublishedRow, ...]:
    """Return the rows of a paper that print what published rows print, as rows beside them."""
    systems = {
        phrase(label): row.system for row in published.rows for label in (row.label, row.system)
    }
    columns = {phrase(column): column for row in published.rows for column in row.scores}
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
                if (
                    column
                    and cell.main is not None
                    and cell.scale == 1
                    and len(cell.quantities) == 1
                ):
                    scores.setdefault(column, cell.main.raw.strip())
            if system and scores and len(found) < _MOST:
                found.append(_row(table, cells[0], system, scores, f"paper-{len(found) + 1}"))
    taken = {row.id for row in published.rows}
    return tuple(row for row in found if row.id not in taken)


def _of(headers: tuple[str, ...], known: dict[str, str]) -> str:
    """Return what headers name: all of them together, or the innermost alone; empty if nothing."""
    return known.get(phrase(" ".join(headers)), "") or known.get(phrase(" ".join(headers[-1:])), "")


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
