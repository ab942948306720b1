"""Against whose number is a difference taken: the authors' own run, another paper's, or a leaderboard's?

A comparator is `unknown` unless its row, its marks or the caption say whose number it is. A cited
model whose row says nothing else counts as copied: the citation stands where the numbers are.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Literal

from claims.derived_differences import baseline_of
from claims.lines import is_difference, values_in
from claims.paper import Cell, PaperText, Table
from claims.record import Record
from claims.wordings import phrase

__all__ = ["Comparator", "Origin", "comparators", "mixed"]

Origin = Literal["own run", "copied", "leaderboard", "unknown"]

_CITED = re.compile(
    r"\[(?![\d.,;\s–-]*\.)([A-Za-z0-9][^\[\]]{1,80})\]"
    r"|\b([A-Z][\w'’-]{1,30}(?: et al\.?| and [A-Z][\w-]{1,30})?,? \(?(?:19|20)\d\d[a-z]?\)?)"
)
_MARK = re.compile(r"[†‡§¶⋆★♣♠♦♥♢*∗]+")
_OWN = re.compile(
    r"\b(?:ours?|our (?:own )?(?:runs?|re-?runs?|re-?implementations?|implementations?|replications?|"
    r"reproductions?)|re-?run|re-?implement\w*|reproduced by us|re-?trained by us|"
    r"we (?:re-?)?(?:run|ran|train\w*|implement\w*|reproduce\w*|evaluate\w*))\b",
    re.IGNORECASE,
)
_COPIED = re.compile(
    r"\b(?:results?|numbers?|scores?|figures|values|baselines?)\b(?: [\w-]{1,20}){0,5} from"
    r" (?!\w+ing\b)"
    r"|\b(?:results?|numbers?|scores?|figures|values) (?:of|by|in) (?=\[|[A-Z][\w-]+(?: et al| \())"
    r"|\b(?:taken|copied|reported|published|cited) (?:directly )?(?:from|by|in)\b|\bas reported\b",
    re.IGNORECASE,
)
_BOARD = re.compile(r"\bleader ?boards?\b", re.IGNORECASE)
_ABLATION = re.compile(
    r"^\s*(?:w/o|w\.o\.|without|no|[-−–+]|\\quad|none)\b|^\s*[-−–+]\s", re.IGNORECASE
)
_PARTS = re.compile(r"(?<=[.;])\s+")
_MAX_SHOWN = 6


class Comparator(Record):
    """Whose number a difference was taken against."""

    origin: Origin
    source: str = ""
    """The citation or name that the paper gives for it."""
    because: str
    """What in the paper says so."""
    cell: str = ""
    """Machine address of the number; empty where none was found."""
    place: str = ""


def comparators(cells: Iterable[tuple[Cell, ...]], paper: PaperText) -> tuple[Comparator, ...]:
    """Return whose numbers differences were taken against, each once.

    Args:
        cells: of each difference: those of the treatment first, then as many of the control; of one
            printed difference itself, its one cell.
        paper: in whose tables they stand.
    """
    found: dict[str, Comparator] = {}
    for group in cells:
        for cell in _controls(group, paper):
            table = _table_of(cell, paper)
            if table is not None and len(found) < _MAX_SHOWN * 10:
                found.setdefault(cell.address, _comparator(cell, table))
    return tuple(found.values())


def mixed(found: Sequence[Comparator]) -> bool:
    """Return whether one comparison rests on numbers of different origin."""
    return len({(c.origin, c.source if c.origin == "copied" else "") for c in found}) > 1 and any(
        c.origin != "unknown" for c in found
    )


def _controls(group: tuple[Cell, ...], paper: PaperText) -> list[Cell]:
    if len(group) == 1:
        table = _table_of(group[0], paper)
        base = None if table is None else baseline_of(group[0], table)
        return [] if base is None else [base]
    if len(group) % 2 and len(group) > 1:
        return list(group[-1:])
    return list(group[len(group) // 2 :])


def _table_of(cell: Cell, paper: PaperText) -> Table | None:
    address = cell.address.rpartition("/")[0]
    return next((t for t in paper.tables if t.address == address), None)


def _comparator(cell: Cell, table: Table) -> Comparator:
    """Return the origin of one number: the cell's own marks first, then its row, then the caption."""
    origin, source, because = _by_marks(cell, table) or _by_header(cell, table) or (
        "unknown", "", "neither its row nor the caption says whose number it is"
    )  # fmt: skip
    return Comparator(
        origin=origin, source=source, because=because, cell=cell.address, place=cell.place
    )


def _by_marks(cell: Cell, table: Table) -> tuple[Origin, str, str] | None:
    notes = _notes(table)
    for text in (
        cell.text,
        cell.raw[:200] if not cell.text else "",
        *cell.row_headers,
        *cell.column_headers,
    ):
        for mark in _MARK.findall(text):
            for note in notes:
                start = note.find(mark)
                if start < 0 or (mark in {"*", "∗"} and note[start : start + 2] == mark * 2):
                    continue
                said = note[start + len(mark) :]
                further = _MARK.search(said)
                found = _of_text(said[: further.start()] if further else said)
                if found is not None:
                    return found[0], found[1], f"its mark {mark} stands for: {said.strip()[:120]}"
    return None


def _notes(table: Table) -> list[str]:
    """Return the sentences of the caption, and of rows that hold only text."""
    words = [c.text for c in table.cells if c.role in {"group", "text"} and len(c.text) > 20]
    return [p for text in (table.caption, *words[:20]) for p in _PARTS.split(text[:3000])]


def _by_header(cell: Cell, table: Table) -> tuple[Origin, str, str] | None:
    line = (*reversed(cell.row_headers), *reversed(cell.column_headers))
    for header in line:
        if _BOARD.search(header):
            return "leaderboard", "", f"its header says '{header[:80]}'"
        if _OWN.search(header):
            return "own run", "", f"its header says '{header[:80]}'"
    for header in line:
        cited = _CITED.search(header)
        if cited:
            return "copied", (cited[1] or cited[2]).strip(), f"its header cites '{cited[0][:80]}'"
    for note in _notes(table):
        found = _of_text(note) if _speaks_of(note, cell) and not _MARK.search(note) else None
        if found is not None:
            return found[0], found[1], f"the caption says: {note[:120]}"
    return _by_ablation(cell, table)


def _by_ablation(cell: Cell, table: Table) -> tuple[Origin, str, str] | None:
    """Return `own run` for a variant of the system beside it, such as `w/o bridging`."""
    names = cell.row_headers
    if names and _ABLATION.search(names[-1]) and not is_difference(cell):
        beside = [c for c in values_in(table) if c.row_headers[:-1] == names[:-1]]
        if len({c.row for c in beside}) > 1:
            return (
                "own run",
                "",
                f"'{names[-1][:60]}' is a variant of the system in the rows beside it",
            )
    return None


def _speaks_of(note: str, cell: Cell) -> bool:
    flat = f" {phrase(note)} "
    names = [phrase(h) for h in cell.row_headers]
    return any(n and f" {n} " in flat for n in names) or any(
        f" {word} " in flat for word in ("baselines", "all results", "all numbers", "other results")
    )


def _of_text(text: str) -> tuple[Origin, str] | None:
    """Return what a note says of the origin of numbers."""
    if _BOARD.search(text):
        return "leaderboard", ""
    if _OWN.search(text):
        return "own run", ""
    cited = _CITED.search(text)
    if _COPIED.search(text) and (cited or re.search(r"\b(?:paper|authors?|work)\b", text)):
        return "copied", (cited[1] or cited[2]).strip() if cited else ""
    return None
