"""Is what a table marks as best the best, and what it marks as second the second?

Papers mark for other reasons too: their own row, significance, the best of a block. A mark counts as
wrong only against what the caption says of marks, or against what all the others of the table show.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from claims.directions import Better, better_of, competes, direction_of
from claims.finding import TableFinding, finding, surely_above
from claims.lines import blocks, grouped, is_average, is_difference, panels
from claims.paper import Cell, Table

__all__ = ["mark_findings"]

_MAX_VALUES = 2000
_MAX_COMPARED = 100_000
"""Marks times cells beyond which a part of a table is not looked into."""
_BOLD = r"(?:bold\w*|highlight\w*)"
_BEST = r"(?:best|highest|lowest|maxim\w*|minim\w*|top|winn\w*|strongest)"
_STATED = {
    "bold": re.compile(
        rf"\b{_BOLD}\b[^.;]{{0,80}}\b{_BEST}\b|\b{_BEST}\b[^.;]{{0,80}}\b{_BOLD}\b", re.IGNORECASE
    ),
    "underline": re.compile(
        r"\bunderlin\w*[^.;]{0,80}\b(?:second|2nd|runners?)|\b(?:second|2nd|runners?)\b[^.;]{0,80}\bunderlin",
        re.IGNORECASE,
    ),
}  # fmt: skip
_SPOKEN_OF = {
    "bold": re.compile(rf"\b{_BOLD}\b", re.IGNORECASE),
    "underline": re.compile(r"\bunderlin", re.IGNORECASE),
}
_LOOSE = re.compile(
    r"signific|within|standard|\bstd\b|comparable|indistinguish|confidence|\btie[sd]?\b|overlap|"
    r"top[- ]?(?:two|three|[2-9])|\b(?:two|three) best|best (?:two|three)|error bar",
    re.IGNORECASE,
)
"""Words of captions after which several cells may be marked, though one of them is better."""
_MARKED_NUMBER = re.compile(r"[†‡*∗⋆§¶]")
_EXTREME = re.compile(r"\b(?:highest|lowest|maxim\w*|minim\w*)\b", re.IGNORECASE)
_SIGNIFICANT = "signific"
_GREY = re.compile(r"gr[ae]y", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class _Judged:
    """A marked cell beside those that it may be compared with."""

    cell: Cell
    lines: tuple[tuple[Cell, ...], ...]
    """The narrowest first; a mark is right if it is in one of them."""
    way: Better

    def right(self, kind: str) -> bool:
        return any(_right(self.cell, line, self.way, kind) for line in self.lines)

    def fault(self) -> tuple[Cell, ...]:
        """Return what is better than the cell in its narrowest line."""
        line = self.lines[0] if self.lines else ()
        better = [c for c in line if _better(c, self.cell, self.way)]
        return tuple(sorted(better, key=lambda c: c.value or 0.0, reverse=self.way != "lower"))


def mark_findings(table: Table) -> Iterator[TableFinding]:
    """Yield marks that contradict the numbers that they mark."""
    for cells in panels(table):
        if len(cells) > _MAX_VALUES:
            continue
        for differences in (False, True):
            kin = [c for c in cells if is_difference(c) is differences and competes(c)]
            kin = [c for c in kin if not any(map(_GREY.search, c.colours))]
            for kind in ("bold", "underline"):
                yield from _kind_findings(table, kin, kind)


def _kind_findings(
    table: Table, cells: Sequence[Cell], kind: Literal["bold", "underline"]
) -> Iterator[TableFinding]:
    stated = _STATED[kind].search(table.caption) is not None
    if not stated and _SPOKEN_OF[kind].search(table.caption):
        return  # the mark means something else here
    marked = _marks(cells, kind, stated=stated)
    if len(marked) * len(cells) > _MAX_COMPARED:
        return
    down = [_down(c, cells, table) for c in marked]
    across = [_across(c, cells, table) for c in marked]
    right_down = sum(j.right(kind) for j in down)
    right_across = sum(j.right(kind) for j in across)
    columns = right_down >= right_across
    covered = _covered(cells, marked)
    chosen, other = (down, across) if columns else (across, down)
    fits, rest = max(right_down, right_across), min(right_down, right_across)
    for judged, second in zip(chosen, other, strict=True):
        if judged.right(kind) or not (judged.fault() or (stated and kind == "underline")):
            continue
        if second.right(kind) and (fits < 2 or fits <= rest) and not (columns and covered):
            continue
        beaten = judged.fault()
        if _loosely(table, judged, kind):
            continue
        if not stated and fits < (2 if kind == "underline" else 1):
            continue  # then the mark means something else
        hard = not beaten or [
            c for c in beaten if not _MARKED_NUMBER.search(" ".join([c.text, *c.row_headers]))
        ]
        sure = judged.way != "unclear" or _neither(judged)
        sure = sure and bool(hard) and (stated or (fits >= 3 and fits >= 3 * (len(chosen) - fits)))
        yield finding(kind, _said(judged, beaten, kind),
                      [judged.cell, *beaten[:3]], sure=sure)  # fmt: skip


def _covered(cells: Sequence[Cell], marked: Sequence[Cell]) -> bool:
    """Return whether every column has a mark and not every row, so that columns are compared."""
    columns, rows = {c.column for c in cells}, {c.row for c in cells}
    return columns == {c.column for c in marked} and rows != {c.row for c in marked}


def _said(judged: _Judged, beaten: Sequence[Cell], kind: str) -> str:
    line = judged.lines[0]
    if kind == "bold":
        what = "the highest" if judged.way == "higher" else "the lowest"
        what = "the highest nor the lowest" if judged.way == "unclear" else what
        verb = "is neither" if judged.way == "unclear" else "is not"
        return f"{judged.cell.text} is bold and {verb} {what} of {len(line)}: there is {beaten[0].text}."
    return f"{judged.cell.text} is underlined and is not the second of {len(line)}."


def _marks(cells: Sequence[Cell], kind: str, *, stated: bool) -> list[Cell]:
    """Return the marked cells, without rows and columns that are marked from end to end."""
    found = [c for c in cells if kind in c.emphasis]
    if stated or not found:
        return found
    for key in (lambda c: c.row, lambda c: c.column):
        whole = [
            {c.address for c in line}
            for line in grouped(cells, key)
            if len(line) > 1 and all(kind in c.emphasis for c in line)
        ]
        found = [c for c in found if not any(c.address in line for line in whole)]
    return found


def _down(cell: Cell, cells: Sequence[Cell], table: Table) -> _Judged:
    """Return a cell beside those of its column: of its block, of its group of rows, and all."""
    column = [
        c
        for c in cells
        if c.column == cell.column and is_average(c.row_headers) is is_average(cell.row_headers)
    ]
    block = next(b for b in blocks(column, table) if cell in b)
    group = [c for c in column if c.row_headers[:1] == cell.row_headers[:1]]
    lines = [block, column]
    if len(cell.row_headers) > 1 and len(group) > 1:
        lines.insert(1, group)
    lines = [line for line in lines if len(line) > 1] or [column]
    return _Judged(cell, tuple(map(tuple, lines)), _way(cell, column, table))


def _across(cell: Cell, cells: Sequence[Cell], table: Table) -> _Judged:
    """Return a cell beside those of its row: all, those of its group of columns, and of its measure."""
    row = [
        c
        for c in cells
        if c.row == cell.row and is_average(c.column_headers) is is_average(cell.column_headers)
    ]
    group = [c for c in row if c.column_headers[:1] == cell.column_headers[:1]]
    measure = [c for c in row if c.column_headers[-1:] == cell.column_headers[-1:]]
    measures = {c.column_headers[-1:] for c in row}
    named = any(direction_of(h[0]) != "unclear" for h in measures if h)
    lines = [] if named and len(measures) > 1 else [row]  # WER is not compared with CER
    if len(cell.column_headers) > 1:
        lines += [line for line in (group, measure) if 1 < len(line) < len(row)]
    return _Judged(cell, tuple(map(tuple, lines)), _way(cell, row, table))


def _way(cell: Cell, line: Sequence[Cell], table: Table) -> Better:
    found = better_of(line, table)
    if found == "unclear" and (said := _EXTREME.findall(table.caption)):
        up = {word.casefold()[:4] in {"high", "maxi"} for word in said}
        found = "unclear" if len(up) > 1 else "higher" if up.pop() else "lower"
    if found != "unclear" or len(line) < 2:
        return found
    bold = [c for c in line if "bold" in c.emphasis and c is not cell]
    if "underline" in cell.emphasis and len(bold) == 1:  # what is best shows which way is better
        above = any(surely_above(c, bold[0]) for c in line)
        below = any(surely_above(bold[0], c) for c in line)
        if above != below:
            return "lower" if above else "higher"
    return "unclear"


def _better(one: Cell, other: Cell, way: Better) -> bool:
    if way == "lower":
        return surely_above(other, one)
    return surely_above(one, other)


def _right(cell: Cell, line: Sequence[Cell], way: Better, kind: str) -> bool:
    ways: tuple[Better, ...] = ("higher", "lower") if way == "unclear" else (way,)
    if len(line) < 2:
        return True
    for one in ways:
        better = [c for c in line if c is not cell and _better(c, cell, one)]
        if kind == "bold" and not better:
            return True
        if kind == "underline":
            level = any(c is not cell and c.value == cell.value for c in line)
            # Numbers of other precision may be the same one: only what is surely apart counts apart.
            apart = any(_better(a, b, one) for a in better for b in better)
            if (better and not apart) or (not better and level):
                return True
    return False


def _neither(judged: _Judged) -> bool:
    """Return whether a cell is neither the highest nor the lowest of its line."""
    return not any(_right(judged.cell, line, "unclear", "bold") for line in judged.lines)


def _loosely(table: Table, judged: _Judged, kind: str) -> bool:
    """Return whether several of a line may be marked, as where differences are not significant."""
    line = judged.lines[0]
    best_too = any(
        kind in c.emphasis and not any(_better(o, c, judged.way) for o in line)
        for c in judged.fault()
    )
    spread = any(c.main is not None and c.main.spread is not None for c in line)
    loose = _LOOSE.search(table.caption)
    return (
        loose is not None if best_too and not spread else best_too or _SIGNIFICANT in table.caption
    )
