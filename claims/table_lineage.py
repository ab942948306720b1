"""What became of the cells of a paper's tables between two versions?

A cell is known by its table and the headers beside and above it, not by its place: rows and columns
move. Where two cells of a table have the same headers, their order tells them apart, but only where
both versions have as many.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from fractions import Fraction
from typing import Literal

from claims.lines import values_in
from claims.paper import Cell, Table, finer
from claims.record import Record
from claims.wordings import phrase

__all__ = ["MAX_TABLES", "CellLineage", "Printing", "TableLineage", "lineage_of_tables"]

MAX_TABLES = 200
"""Tables of a version that are compared."""
_LEAST = 0.35
"""Share of headers and caption from which two tables are taken for one."""
_KEY = tuple[tuple[str, ...], tuple[str, ...]]


class Printing(Record):
    """What a cell holds in one version."""

    address: str
    place: str
    text: str


class CellLineage(Record):
    """A cell that differs between two versions, or stands in one of them only."""

    status: Literal["changed", "reversed", "dropped", "new"]
    """`reversed`: a printed difference has changed its sign."""
    row: tuple[str, ...]
    column: tuple[str, ...]
    """Headers beside and above it, as printed in the later version that has them."""
    earlier: Printing | None
    later: Printing | None
    difference: float | None = None
    """Later less earlier as printed, where both are numbers counted alike."""
    finer: bool = False
    """Whether one is the other with more places, rounded or cut off."""


class TableLineage(Record):
    """What became of one table."""

    status: Literal["kept", "changed", "dropped", "new"]
    earlier: str | None
    """Address in the earlier version."""
    later: str | None
    place: str
    caption: str
    counts: dict[str, int]
    """Status -> cells, `kept` and `unclear` among them; `unclear` cells cannot be told apart."""
    turned: tuple[str, ...] = ()
    """One sentence for each column whose largest number now stands in another row."""


def lineage_of_tables(
    earlier: Sequence[Table], later: Sequence[Table]
) -> tuple[tuple[TableLineage, ...], tuple[CellLineage, ...]]:
    """Compare the tables of two versions; only cells that were not kept are returned."""
    earlier, later = earlier[:MAX_TABLES], later[:MAX_TABLES]
    tables: list[TableLineage] = []
    cells: list[CellLineage] = []
    pairs = _pairs(earlier, later)
    for j, table in enumerate(later):
        if j not in pairs:
            tables.append(_alone(table, "new"))
            continue
        before = earlier[pairs[j]]
        unkept, counts = _compared(before, table)
        cells += unkept
        tables.append(
            TableLineage(
                status="changed" if set(counts) - {"kept"} else "kept",
                earlier=before.address,
                later=table.address,
                place=table.place,
                caption=table.caption[:300],
                counts=dict(counts),
                turned=tuple(_turned(before, table)),
            )
        )
    used = set(pairs.values())
    tables += [_alone(t, "dropped") for i, t in enumerate(earlier) if i not in used]
    return tuple(tables), tuple(cells)


def _alone(table: Table, status: Literal["dropped", "new"]) -> TableLineage:
    return TableLineage(
        status=status,
        earlier=table.address if status == "dropped" else None,
        later=table.address if status == "new" else None,
        place=table.place,
        caption=table.caption[:300],
        counts={status: sum(c.role in {"value", "text"} for c in table.cells)},
    )


def _pairs(earlier: Sequence[Table], later: Sequence[Table]) -> dict[int, int]:
    """Return later -> earlier for tables that are one, by headers, caption and label."""
    before, after = [_features(t) for t in earlier], [_features(t) for t in later]
    scored = []
    for i, one in enumerate(before):
        for j, other in enumerate(after):
            score = _alike(one, other) + 0.2 * _same_label(earlier[i], later[j])
            if score >= _LEAST:
                keys = sorted((sorted(one), sorted(other)))
                scored.append((-round(score, 9), abs(i - j), keys, i, j))
    found: dict[int, int] = {}
    for *_, i, j in sorted(scored):
        if j not in found and i not in found.values():
            found[j] = i
    return found


def _features(table: Table) -> frozenset[str]:
    headers = {h for c in table.cells for h in (*c.row_headers, *c.column_headers)}
    words = {f"caption {w}" for w in phrase(table.caption).split() if not w.isdigit()}
    return frozenset({f"header {phrase(h)}" for h in headers} | words)


def _alike(one: frozenset[str], other: frozenset[str]) -> float:
    return 2 * len(one & other) / (len(one) + len(other)) if one or other else 0.0


def _same_label(one: Table, other: Table) -> bool:
    return bool(one.label) and one.label == other.label


def _compared(earlier: Table, later: Table) -> tuple[list[CellLineage], Counter[str]]:
    """Return the cells of a table that were not kept, and how many of each status there are."""
    before, after = _by_headers(earlier), _by_headers(later)
    counts: Counter[str] = Counter()
    found: list[CellLineage] = []
    for key in dict.fromkeys((*after, *before)):
        mine, theirs = before.get(key, []), after.get(key, [])
        if mine and theirs and len(mine) != len(theirs):
            counts["unclear"] += max(len(mine), len(theirs))
            continue
        for one, other in _side_by_side(mine, theirs):
            cell = _became(one, other)
            counts[cell.status if cell else "kept"] += 1
            found += [cell] if cell else []
    return found, counts


def _turned(earlier: Table, later: Table) -> Iterator[str]:
    """Say of each column whether its largest number moved to another row; ties say nothing."""
    before, after = _largest(earlier), _largest(later)
    for column, (cell, row) in after.items():
        if column in before and before[column][1] != row:
            one = before[column][0]
            yield (
                f"the largest of {' / '.join(cell.column_headers)}: "
                f"{' / '.join(one.row_headers)} ({one.text}) -> "
                f"{' / '.join(cell.row_headers)} ({cell.text})"
            )


def _largest(table: Table) -> dict[tuple[str, ...], tuple[Cell, tuple[str, ...]]]:
    """Return the cell with the largest number of each column, and the headers of its row."""
    columns: dict[tuple[str, ...], list[tuple[Fraction, Cell]]] = defaultdict(list)
    for cell in values_in(table):
        if cell.main is not None and not cell.main.signed and cell.row_headers:
            value = cell.main.exact * Fraction(cell.scale)
            columns[tuple(map(_head, cell.column_headers))].append((value, cell))
    found = {}
    for column, cells in columns.items():
        top = max(value for value, _ in cells)
        best = [cell for value, cell in cells if value == top]
        if column and len(best) == 1 and len(cells) > 1:
            found[column] = (best[0], tuple(map(_head, best[0].row_headers)))
    return found


def _by_headers(table: Table) -> dict[_KEY, list[Cell]]:
    found: dict[_KEY, list[Cell]] = defaultdict(list)
    for cell in table.cells:
        if cell.role in {"value", "text"}:
            rows, columns = (
                tuple(map(_head, cell.row_headers)),
                tuple(map(_head, cell.column_headers)),
            )
            found[rows, columns].append(cell)
    return found


def _head(header: str) -> str:
    return phrase(header) or header.strip()


def _side_by_side(
    mine: Sequence[Cell], theirs: Sequence[Cell]
) -> Iterator[tuple[Cell | None, Cell | None]]:
    if mine and theirs:
        yield from zip(mine, theirs, strict=True)
    else:
        yield from ((c, None) for c in mine)
        yield from ((None, c) for c in theirs)


def _became(one: Cell | None, other: Cell | None) -> CellLineage | None:
    """Return what became of a cell; None where it was kept."""
    named = other or one
    assert named is not None
    status: Literal["changed", "reversed", "dropped", "new"] = "dropped" if one else "new"
    difference, more = None, False
    if one is not None and other is not None:
        if _print(one) == _print(other):
            return None
        status = "reversed" if _sign_turned(one, other) else "changed"
        mine, theirs = one.main, other.main
        if mine and theirs and (one.unit, one.scale) == (other.unit, other.scale):
            difference = float(theirs.exact - mine.exact) * one.scale
            more = finer(mine, theirs)
    return CellLineage(
        status=status,
        row=named.row_headers,
        column=named.column_headers,
        earlier=_printing(one),
        later=_printing(other),
        difference=difference,
        finer=more,
    )


def _print(cell: Cell) -> object:
    """Return what of a cell counts: its numbers as printed, or its words."""
    if cell.quantities:
        return (cell.unit, cell.scale), [
            (q.value, q.decimals, q.unit, q.scale, q.spread, q.aside) for q in cell.quantities
        ]
    return phrase(cell.text) or cell.text.strip()


def _sign_turned(one: Cell, other: Cell) -> bool:
    mine, theirs = one.main, other.main
    if mine is None or theirs is None or not (mine.signed or theirs.signed):
        return False
    return mine.value * theirs.value < 0


def _printing(cell: Cell | None) -> Printing | None:
    if cell is None:
        return None
    return Printing(address=cell.address, place=cell.place, text=cell.text[:200])
