"""Does a paper print the same cell differently in two tables, or in a table and in its text?"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator

from claims.finding import TableFinding, finding
from claims.lines import is_difference, panels
from claims.paper import Cell, PaperText, Passage, Quantity, Table
from claims.quantities import quantities_in
from claims.tying import Sentence, Tied
from claims.wordings import phrase

__all__ = ["repeated_findings", "text_findings"]

_MAX_ROWS = 3000
"""Rows of all tables together that are compared."""
_MAX_SAME = 20
_MAX_PAIRS = 5000
"""Rows of one name, and pairs of them, that are compared."""
_MAX_SENTENCES = 200
"""Sentences with a score of their own that are compared with the tables."""
_FEWEST = 2
"""Numbers of a row that agree before another that does not is taken for the same cell."""
_SENTENCE = re.compile(r"(?<=[.!?])\s+(?=[A-Z])")
_REACHES = re.compile(
    r"\b(?:reach(?:es|ed)?|achiev(?:es|ed)|obtain(?:s|ed)|scor(?:es|ed)|attain(?:s|ed)|gets)\b"
    r"(?: [A-Za-z1]{1,12}){0,4}$"
)
_COMPARED = re.compile(
    r"\b(?:than|over|above|below|from|by|without|while|whereas|respectively|but|not|if|when|with|"
    r"after|before|using|only|report\w*|previous\w*|human\w*|up to|about|around|almost|nearly|more|"
    r"less|other)\b"
)


def repeated_findings(tables: tuple[Table, ...]) -> Iterator[TableFinding]:
    """Yield cells that two tables print differently in rows that are otherwise the same.

    Rows are the same if their headers are, and most of the numbers that both print, at least two.
    """
    rows = [row for table in tables for row in _rows(table)][:_MAX_ROWS]
    by_name: dict[str, list[dict[str, Cell]]] = {}
    for name, row in rows:
        by_name.setdefault(name, []).append(row)
    pairs = (
        pair for same in by_name.values() for pair in itertools.combinations(same[:_MAX_SAME], 2)
    )
    for one, other in itertools.islice(pairs, _MAX_PAIRS):
        yield from _apart(one, other)


def _rows(table: Table) -> Iterator[tuple[str, dict[str, Cell]]]:
    for cells in panels(table):
        found: dict[tuple[str, ...], dict[str, Cell]] = {}
        twice: set[tuple[tuple[str, ...], str]] = set()
        for cell in cells:
            if is_difference(cell) or not cell.row_headers or not cell.column_headers:
                continue
            row = found.setdefault((*cell.row_headers, str(cell.row)), {})
            column = phrase(" ".join(cell.column_headers))
            if column in row:
                twice.add(((*cell.row_headers, str(cell.row)), column))
            row[column] = cell
        for names, row in found.items():
            kept = {c: cell for c, cell in row.items() if c and (names, c) not in twice}
            if phrase(" ".join(names[:-1])):
                yield phrase(" ".join(names[:-1])), kept


def _apart(one: dict[str, Cell], other: dict[str, Cell]) -> Iterator[TableFinding]:
    both = sorted(set(one) & set(other))
    if (
        not both
        or one[both[0]].address.rpartition("/")[0] == other[both[0]].address.rpartition("/")[0]
    ):
        return
    apart = [c for c in both if not _alike(one[c], other[c])]
    if not apart or len(both) - len(apart) < max(_FEWEST, 3 * len(apart) - 1):
        return
    for column in apart:
        a, b = one[column], other[column]
        sure = len(both) - len(apart) >= 3
        yield finding("repeated", f"{a.text} is printed here and {b.text} there, in rows that have "
                      f"{len(both) - len(apart)} other numbers in common.",
                      [a, b], sure=sure)  # fmt: skip


def _alike(one: Cell, other: Cell) -> bool:
    """Return whether two printed numbers may be the same one."""
    a, b = one.main, other.main
    assert a is not None
    assert b is not None
    if (one.scale, one.unit == "percent") != (other.scale, other.unit == "percent"):
        return True  # other units: nothing is said
    return _may_be(a, b)


def _may_be(a: Quantity, b: Quantity) -> bool:
    return any(
        x.low <= y.high and x.high >= y.low
        for x in (a.rounded, a.truncated)
        for y in (b.rounded, b.truncated)
    )


def text_findings(paper: PaperText) -> Iterator[TableFinding]:
    """Yield sentences that give one named cell another number, which no table has.

    What a sentence says beside headers is not understood, so such a finding is always `unclear`.
    """
    printed = {
        abs(c.main.value)
        for t in paper.tables
        for c in t.cells
        if c.role == "value" and c.main is not None
    }
    left = _MAX_SENTENCES
    for passage in paper.passages:
        if passage.kind not in {"abstract", "paragraph", "item"}:
            continue
        for text in _SENTENCE.split(passage.text[:5000]):
            found = _lone_score(text)
            if found is None or abs(found.value) in printed or left <= 0:
                continue
            left -= 1
            yield from _said(passage, text, found, paper)


def _lone_score(text: str) -> Quantity | None:
    """Return the number of a sentence that says of one thing that it reaches one score."""
    if _COMPARED.search(text.casefold()):
        return None
    scores = [q for q in quantities_in(text) if q.decimals > 0]
    if len(scores) != 1 or text.count(scores[0].raw) != 1:
        return None
    return scores[0] if _REACHES.search(text.partition(scores[0].raw)[0].rstrip()) else None


def _said(
    passage: Passage, text: str, number: Quantity, paper: PaperText
) -> Iterator[TableFinding]:
    cells = [
        f.cells[0]
        for table in paper.tables
        for part in panels(table)
        for f in Tied(Sentence(text, number, "value"), table, part).formulas()
    ]
    if not cells or any(c.main is None or _may_be(c.main, number) for c in cells):
        return
    cell = cells[0]
    if any(not _alike(c, cell) for c in cells):
        return  # which of them is meant is open
    yield TableFinding(
        kind="repeated",
        status="unclear",
        text=f"The text has {number.raw} ({text[:200]}) where the table has {cell.text}.",
        cells=(cell.address, passage.address),
        places=(cell.place, passage.place),
    )
