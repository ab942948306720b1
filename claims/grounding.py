"""Does a number in a sentence follow from the paper's own tables?

A formula counts as tied to a sentence only where the sentence names the rows and columns of its cells
by their headers, and says which is compared with which. Searching many formulas finds some that fit by
accident: whatever is not tied is `possible` at most, with the chance of such an accident beside it.
"""

from __future__ import annotations

import itertools
import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from typing import Literal

from claims.algebra import (
    MAX_FORMULAS,
    Formula,
    difference,
    formulas_of,
    maximum,
    mean,
    ratios,
    single,
    values_in,
)
from claims.paper import Cell, Interval, PaperText, Quantity, Table
from claims.record import Record
from claims.wordings import Words, is_baseline, named, phrase

__all__ = ["Hit", "NumberCheck", "Sentence", "check_number"]

Says = Literal["value", "gain", "relative", "factor"]
"""value: a score; gain: a difference in points; relative: a change in percent; factor: a ratio."""

_COMPARES = re.compile(
    r"\b(?:over|than|against|from|versus|vs|above|below|compared (?:to|with)|relative to|instead of)\b"
)
_BEST = re.compile(r"\b(?:best|highest|maximum|top|up to|at most|largest)\b")
_MOVES = re.compile(
    r"\b(?:gain|improv|increas|rais|better|higher|lower|drop|los[et]|loss|outperform|help|boost|f[ae]ll|"
    r"decreas|worse|benefit|hurt|reduc|add|lift|rise|up|down|degrad)"
)
_DIFFERENCE_HEADS = frozenset(
    {"δ", "∆", "gain", "gains", "difference", "change", "improvement", "diff"}
)
_SHOWN = 5
_WINDOW = 40
"""Width, in intervals of the number, around it in which results are counted to guess at accidents."""


@dataclass(frozen=True, slots=True)
class Sentence:
    """What is claimed: a sentence, one number of it, and what that number is."""

    text: str
    number: Quantity
    says: Says
    control: str = ""
    """Names of what it is compared with, where they are known apart from the sentence."""
    baseline: bool = False
    """Whether it is compared with what had no treatment."""


class Hit(Record):
    """A formula whose result is, or may be, the number."""

    formula: str
    shape: str
    result: float
    """From the numbers as printed."""
    low: float
    high: float
    """What the result may be when the cells were rounded."""
    cells: tuple[str, ...]
    """Machine addresses."""
    places: tuple[str, ...]
    """The same for people."""
    tied: bool


class NumberCheck(Record):
    """What the paper's tables say of one number."""

    status: Literal["entailed", "possible", "impossible", "not_derivable"]
    number: float
    reason: str
    hits: tuple[Hit, ...]
    """The formulas on which the status rests, those tied by headers first."""
    tried: int
    """Formulas that were tried."""
    chance: float | None = None
    """Of at least one accidental hit among the formulas that are not tied, where that matters."""


def check_number(sentence: Sentence, paper: PaperText) -> NumberCheck:
    """Compare a number with all that may be computed from the paper's tables."""
    wanted = sentence.number
    target = wanted.exact * Fraction(wanted.scale)
    by_table = [
        list(_Tied(sentence, t, cells).formulas()) for t in paper.tables for cells in _panels(t)
    ]
    tied = [f for formulas in by_table for f in formulas]
    # Where a sentence names several cells, that one of them has the number says little.
    exact = [
        f
        for formulas in by_table
        for f in formulas
        if all(_prints_as(g.value, wanted) for g in formulas)
    ]
    near = [f for f in tied if _fits(f, wanted)]
    number = float(target)
    if exact:
        return _check("entailed", number, "The headers name the cells, and they give this number.",
                      exact, len(tied))  # fmt: skip
    if near:
        return _check("possible", number, "The headers name the cells, whose rounding leaves room for "
                      "this number; from the numbers as printed another one follows.", near,
                      len(tied))  # fmt: skip
    if tied:
        return _check("impossible", number, "The headers name the cells, and no rounding of them gives "
                      "this number.", tied, len(tied))  # fmt: skip
    return _untied(sentence, paper, number)


def _untied(sentence: Sentence, paper: PaperText, number: float) -> NumberCheck:
    relative = sentence.says in {"relative", "factor"}
    shapes = _shapes(sentence.says)
    every = [x for x in _every(paper.tables, relative) if x[2].shape in shapes]
    width = (
        float(sentence.number.rounded.high - sentence.number.rounded.low) * sentence.number.scale
    )
    hits = [
        f
        for low, high, f in every
        if low <= number + width and high >= number - width and _fits(f, sentence.number)
    ]
    if not hits:
        reason = "No cell and no formula that was tried gives this number."
        return _check("not_derivable", number, reason, [], len(every))
    window = _WINDOW / 2 * width
    inside = [f for low, high, f in every if abs((low + high) / 2 - number) <= window]
    expected = 2 * (len(inside) + 1) / _WINDOW  # a result's own interval is about as wide again
    return _check("possible", number, "Some formulas give this number, but the headers of their cells "
                  "are not those that the sentence names.", hits, len(every),
                  1 - math.exp(-expected))  # fmt: skip


@lru_cache(maxsize=4)
def _every(tables: tuple[Table, ...], relative: bool) -> tuple[tuple[float, float, Formula], ...]:
    """Return all that is tried, once a paper, with the least and greatest that each may be."""
    found = itertools.chain.from_iterable(formulas_of(t, relative=relative) for t in tables)
    return tuple(
        (
            float(min(f.rounded.low, f.truncated.low)),
            float(max(f.rounded.high, f.truncated.high)),
            f,
        )
        for f in itertools.islice(found, MAX_FORMULAS)
    )


def _check(
    status: Literal["entailed", "possible", "impossible", "not_derivable"],
    number: float,
    reason: str,
    formulas: list[Formula],
    tried: int,
    chance: float | None = None,
) -> NumberCheck:
    hits = tuple(
        Hit(
            formula=f.text,
            shape=f.shape,
            result=float(f.value),
            low=float(f.rounded.low),
            high=float(f.rounded.high),
            cells=tuple(c.address for c in f.cells[:20]),
            places=tuple(c.place for c in f.cells[:20]),
            tied=chance is None,
        )
        for f in formulas[:_SHOWN]
    )
    return NumberCheck(
        status=status, number=number, reason=reason, hits=hits, tried=tried, chance=chance
    )


def _shapes(says: Says) -> frozenset[str]:
    return {
        "value": frozenset({"cell", "mean", "maximum"}),
        "gain": frozenset({"cell", "difference", "difference of means"}),
        "relative": frozenset({"cell", "relative change"}),
        "factor": frozenset({"cell", "ratio"}),
    }[says]


def _prints_as(value: Fraction, wanted: Quantity) -> bool:
    """Return whether a number, rounded to the places of another, prints like it."""
    scale = Fraction(wanted.scale)
    return wanted.rounded.low * scale <= value <= wanted.rounded.high * scale


def _fits(formula: Formula, wanted: Quantity) -> bool:
    scale = Fraction(wanted.scale)
    return any(
        formula.may_be(Interval(i.low * scale, i.high * scale))
        for i in (wanted.rounded, wanted.truncated)
    )


def _panels(table: Table) -> list[list[Cell]]:
    """Return the cells with results, apart for each part of the table with heads of its own."""
    heads = {c.row for c in table.cells if c.role == "column_header"}
    starts = sorted(r for r in heads if r - 1 not in heads)
    found: dict[int, list[Cell]] = {}
    for cell in values_in(table):
        found.setdefault(sum(start <= cell.row for start in starts), []).append(cell)
    return list(found.values())


class _Tied:
    """Finds the formulas of one table whose rows and columns a sentence names."""

    def __init__(self, sentence: Sentence, table: Table, cells: list[Cell]) -> None:
        self.sentence, self.cells = sentence, cells
        words = f"{sentence.text} {sentence.control}"
        self.words = Words(words, baseline=sentence.baseline)
        parts = _COMPARES.split(f" {phrase(sentence.text)} ")
        self.before = Words(parts[0])
        self.after = Words(f"{' '.join(parts[1:])} {sentence.control}", baseline=sentence.baseline)
        self.stub = [c.text for c in table.cells if c.role == "column_header" and c.column <= 3]
        self.rows = self._named({c.row: c.row_headers for c in self.cells}, self.stub)
        self.columns = self._named_columns()

    def _named(self, headers: dict[int, tuple[str, ...]], above: list[str]) -> set[int]:
        """Return the lines that the sentence names, and names better than any other line."""
        said = {
            k: frozenset(h for h in hs if named(h, above, self.words)) for k, hs in headers.items()
        }
        if len(headers) == 1 and not any(headers.values()):
            return set(headers)
        return {
            k for k, mine in said.items()
            if mine and not any(mine <= other for j, other in said.items() if j != k)
        }  # fmt: skip

    def _named_columns(self) -> set[int]:
        headers = {c.column: c.column_headers for c in self.cells}
        if len(headers) == 1:
            return set(headers)
        found: set[int] = set()
        said = {
            k: frozenset(h for i, h in enumerate(hs) if named(h, hs[:i], self.words))
            for k, hs in headers.items()
        }
        for k, mine in said.items():
            if mine and not any(mine <= other for j, other in said.items() if j != k):
                found.add(k)
        return found

    def formulas(self) -> Iterator[Formula]:
        """Yield them."""
        if self.sentence.says == "value":
            yield from self._values()
        else:
            yield from self._compared()

    def _values(self) -> Iterator[Formula]:
        best = _BEST.search(self.words.flat) is not None
        averaged = self.words.holds("average")
        for cell in self.cells:
            if cell.row in self.rows and cell.column in self.columns and not _is_difference(cell):
                yield single(cell)
        if best and not self.rows:
            for column in sorted(self.columns):
                line = [c for c in self.cells if c.column == column and not _is_difference(c)]
                if line:
                    yield maximum(line)
        if averaged and not self._has_average():
            for row in sorted(self.rows):
                line = [c for c in self.cells if c.row == row]
                if len(line) > 1:
                    yield mean(line)

    def _has_average(self) -> bool:
        return any(
            "average" in phrase(h) for c in self.cells for h in (*c.column_headers, *c.row_headers)
        )

    def _compared(self) -> Iterator[Formula]:
        """Yield differences between lines that are named, in the direction that is said."""
        if self.sentence.says == "gain":
            yield from self._printed_differences()
        for kind in (False, True):  # scores with scores, differences with differences
            cells = [c for c in self.cells if _is_difference(c) is kind]
            for column in sorted(self.columns):
                at = {c.row: c for c in cells if c.column == column}
                for one, other in self._pairs(self.rows & set(at), rows=True):
                    yield from self._between(single(at[one]), single(at[other]))
            for row in sorted(self.rows):
                at = {c.column: c for c in cells if c.row == row}
                for one, other in self._pairs(self.columns & set(at), rows=False):
                    yield from self._between(single(at[one]), single(at[other]))
        if self.words.holds("average") and not self._has_average() and not self.columns:
            lines = {r: [c for c in self.cells if c.row == r] for r in self.rows}
            for one, other in self._pairs(
                {r for r, line in lines.items() if len(line) > 1}, rows=True
            ):
                if [c.column for c in lines[one]] == [c.column for c in lines[other]]:
                    yield from self._between(mean(lines[one]), mean(lines[other]))

    def _between(self, one: Formula, other: Formula) -> Iterator[Formula]:
        if self.sentence.says == "gain":
            yield difference(one, other)
        else:
            shape = "relative change" if self.sentence.says == "relative" else "ratio"
            yield from (f for f in ratios(one, other) if f.shape == shape)

    def _printed_differences(self) -> Iterator[Formula]:
        """Yield cells that print a difference, unless the sentence names what it is against."""
        against = [r for r in self.rows if self._is_control(r, rows=True, baseline=False)]
        against += [c for c in self.columns if self._is_control(c, rows=False, baseline=False)]
        if against or not _MOVES.search(self.words.flat):
            return
        rows, columns = self._difference_lines()
        scores = {c.column for c in self.cells} - columns
        # A column of differences belongs to the one column of scores, which must be named then.
        columns = columns if len(scores) == 1 and scores <= self.columns else set()
        for cell in self.cells:
            row = cell.row in self.rows or (cell.row in rows and not self.rows)
            column = cell.column in self.columns | columns
            if _is_difference(cell) and row and column:
                yield single(cell)

    def _difference_lines(self) -> tuple[set[int], set[int]]:
        """Return the rows and the columns that are headed as differences."""
        rows = {c.row for c in self.cells if any(map(_heads_difference, c.row_headers))}
        return rows, {c.column for c in self.cells if any(map(_heads_difference, c.column_headers))}

    def _pairs(self, lines: set[int], *, rows: bool) -> Iterator[tuple[int, int]]:
        """Yield treatment and control among named lines, where the sentence says which is which."""
        for one, other in itertools.permutations(sorted(lines), 2):
            if self._is_control(other, rows=rows) and not self._is_control(one, rows=rows):
                yield one, other

    def _is_control(self, line: int, *, rows: bool, baseline: bool = True) -> bool:
        """Return whether a line is named only after a word such as `over`, or is the baseline."""
        cells = [c for c in self.cells if (c.row if rows else c.column) == line]
        headers = cells[0].row_headers if rows else cells[0].column_headers
        above = self.stub if rows else list(headers)
        mine = [h for h in headers if named(h, above, self.words)]
        if not baseline:
            mine = [h for h in mine if not is_baseline(h)]
        after = [h for h in mine if named(h, above, self.after)]
        before = [h for h in mine if named(h, above, self.before)]
        return bool(after) and len(after) == len(mine) and len(before) < len(mine)


def _is_difference(cell: Cell) -> bool:
    """Return whether a cell prints a difference rather than a score."""
    said = any(map(_heads_difference, (*cell.column_headers, *cell.row_headers)))
    return said or (cell.main is not None and cell.main.signed) or cell.unit == "points"


def _heads_difference(header: str) -> bool:
    return phrase(header) in _DIFFERENCE_HEADS
