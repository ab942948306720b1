"""Which formulas over a table does a sentence mean, by the headers that it names?"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from claims.algebra import (
    Formula,
    best_of,
    difference,
    mean,
    mean_of,
    mean_of_differences,
    ratios,
    share_of_gap,
    single,
)
from claims.directions import better_of
from claims.lines import grouped, heads_difference, is_average, is_difference
from claims.paper import Cell, Quantity, Table
from claims.wordings import Words, is_baseline, named, phrase

__all__ = ["Says", "Sentence", "Tied"]

Says = Literal["value", "gain", "relative", "factor", "rank", "count"]
"""value: a score; gain: a difference in points; relative: a change in percent; factor: a ratio;
rank: 1 for the best; count: of comparisons that are won, or cells that improve."""

_COMPARES = re.compile(
    r"\b(?:over|than|against|from|versus|vs|above|below|compared (?:to|with)|relative to|instead of|"
    r"outperform(?:s|ing)?|beats?|surpass(?:es)?|exceeds?)\b"
)
_BEST = re.compile(r"\b(?:best|highest|maximum|top|up to|at most|largest)\b")
_EACH = re.compile(r"\b(?:each|every|per)\b")
_MOVES = re.compile(
    r"\b(?:gain|improv|increas|rais|better|higher|lower|drop|los[et]|loss|outperform|help|boost|f[ae]ll|"
    r"decreas|worse|benefit|hurt|reduc|add|lift|rise|up|down|degrad)"
)


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
    of: int | None = None
    """Among how many a rank or count is, where that is said."""
    bound: Literal["exactly", "at least", "at most"] = "exactly"
    """How the number bounds a rank or count."""


class Tied:
    """Finds the formulas of one table whose rows and columns a sentence names."""

    def __init__(self, sentence: Sentence, table: Table, cells: list[Cell]) -> None:
        self.sentence, self.table, self.cells = sentence, table, cells
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
        subset = self._averaged_columns()
        for row in sorted(self.rows):
            line = [c for c in self.cells if c.row == row and not is_difference(c)]
            if subset:
                part = [c for c in line if c.column in subset]
                yield from [mean(part)] if len(part) == len(subset) else []
            else:
                yield from (single(c) for c in line if c.column in self.columns)
        if _BEST.search(self.words.flat) and not self.rows:
            for column in sorted(self.columns):
                line = [c for c in self.cells if c.column == column and not is_difference(c)]
                if line:
                    yield self._best(line)
        if self.words.holds("average") and not self._has_average() and not subset:
            for row in sorted(self.rows):
                line = [c for c in self.cells if c.row == row]
                if len(line) > 1:
                    yield mean(line)

    def _best(self, line: list[Cell]) -> Formula:
        return best_of(line, lower=better_of(line, self.table) == "lower")

    def _averaged_columns(self) -> set[int]:
        """Return the columns whose average is meant, where several are named beside the word."""
        if not self.words.holds("average"):
            return set()
        averages = {c.column for c in self.cells if is_average(c.column_headers)}
        chosen = self.columns - averages
        chosen -= {c.column for c in self.cells if is_difference(c)}
        return chosen if len(chosen) > 1 else set()

    def _has_average(self) -> bool:
        return any(
            "average" in phrase(h) for c in self.cells for h in (*c.column_headers, *c.row_headers)
        )

    def _compared(self) -> Iterator[Formula]:
        """Yield differences between lines that are named, in the direction that is said."""
        if self.sentence.says == "gain":
            yield from self._printed_differences()
        elif self.sentence.says == "relative" and " gap " in self.words.flat:
            yield from self._gaps()
            return
        if _BEST.search(self.words.flat) and _EACH.search(self.words.flat):
            yield from self._best_of_each()
            return
        subset = self._averaged_columns()
        if subset:
            yield from self._averages(subset)
            return
        yield from self._cell_by_cell()
        if self.words.holds("average") and not self._has_average() and not self.columns:
            yield from self._averages({c.column for c in self.cells})

    def _cell_by_cell(self) -> Iterator[Formula]:
        """Yield comparisons of single cells that are named."""
        for kind in (False, True):  # scores with scores, differences with differences
            cells = [c for c in self.cells if is_difference(c) is kind]
            for column in sorted(self.columns):
                at = {c.row: c for c in cells if c.column == column}
                for one, other in self.pairs(self.rows & set(at), rows=True):
                    yield from self._between(single(at[one]), single(at[other]))
                yield from self._best_over(at)
            for row in sorted(self.rows):
                at = {c.column: c for c in cells if c.row == row}
                for one, other in self.pairs(self.columns & set(at), rows=False):
                    yield from self._between(single(at[one]), single(at[other]))

    def _best_over(self, at: dict[int, Cell]) -> Iterator[Formula]:
        """Yield the best of a column less the one line that is named, if that is the control."""
        if len(self.rows) != 1 or not _BEST.search(self.words.flat) or len(at) < 2:
            return
        (control,) = self.rows
        if control in at and self.is_control(control, rows=True):
            best = self._best([c for row, c in at.items() if row != control])
            yield from self._between(best, single(at[control]))

    def _best_of_each(self) -> Iterator[Formula]:
        """Yield the mean of the best of every column less that of the control, where both are said."""
        controls = [r for r in self.rows if self.is_control(r, rows=True)]
        if len(controls) != 1 or len(self.rows) != 1 or not self.words.holds("average"):
            return
        cells = [c for c in self.cells if not is_difference(c) and not is_average(c.column_headers)]
        best: list[Formula] = []
        control: list[Cell] = []
        for column in grouped(cells, lambda c: c.column):
            mine = [c for c in column if c.row in controls]
            others = [c for c in column if c.row not in controls]
            if len(mine) == 1 and others:
                best.append(self._best(others))
                control += mine
        if len(best) > 1:
            yield from self._between(mean_of(best), mean(control))

    def _averages(self, columns: set[int]) -> Iterator[Formula]:
        """Yield comparisons of means over columns, for the rows that are named."""
        cells = [c for c in self.cells if c.column in columns]
        lines = {r: [c for c in cells if c.row == r] for r in self.rows}
        several = {r for r, line in lines.items() if len(line) > 1}
        for one, other in self.pairs(several, rows=True):
            if [c.column for c in lines[one]] == [c.column for c in lines[other]]:
                yield from self._between(mean(lines[one]), mean(lines[other]))
            elif self.sentence.says == "gain":
                yield from mean_of_differences(lines[one], lines[other])

    def _gaps(self) -> Iterator[Formula]:
        """Yield what share of the gap between two named rows a third one closes."""
        head, _, tail = self.words.flat.partition(" gap ")
        before, after = self._rows_named(Words(head)), self._rows_named(Words(tail))
        if len(before) != 1 or len(after) != 2 or before & after:
            return
        for column in sorted(self.columns):
            at = {c.row: c for c in self.cells if c.column == column and not is_difference(c)}
            if not before | after <= set(at):
                continue
            ends = sorted((at[r] for r in after), key=lambda c: c.value or 0.0)
            better = better_of(list(at.values()), self.table)
            ways = {"higher": [ends], "lower": [ends[::-1]], "unclear": [ends, ends[::-1]]}[better]
            for low, high in ways:
                yield from share_of_gap(at[min(before)], low, high)

    def _rows_named(self, words: Words) -> set[int]:
        headers = {c.row: c.row_headers for c in self.cells if c.row in self.rows}
        return {r for r, hs in headers.items() if any(named(h, self.stub, words) for h in hs)}

    def _between(self, one: Formula, other: Formula) -> Iterator[Formula]:
        if self.sentence.says == "gain":
            yield difference(one, other)
        else:
            shape = "relative change" if self.sentence.says == "relative" else "ratio"
            yield from (f for f in ratios(one, other) if f.shape == shape)

    def _printed_differences(self) -> Iterator[Formula]:
        """Yield cells that print a difference, unless the sentence names what it is against."""
        against = [r for r in self.rows if self.is_control(r, rows=True, baseline=False)]
        against += [c for c in self.columns if self.is_control(c, rows=False, baseline=False)]
        if against or not _MOVES.search(self.words.flat):
            return
        rows, columns = self._difference_lines()
        scores = {c.column for c in self.cells} - columns
        # A column of differences belongs to the one column of scores, which must be named then.
        columns = columns if len(scores) == 1 and scores <= self.columns else set()
        for cell in self.cells:
            row = cell.row in self.rows or (cell.row in rows and not self.rows)
            column = cell.column in self.columns | columns
            if is_difference(cell) and row and column:
                yield single(cell)

    def _difference_lines(self) -> tuple[set[int], set[int]]:
        """Return the rows and the columns that are headed as differences."""
        rows = {c.row for c in self.cells if any(map(heads_difference, c.row_headers))}
        return rows, {c.column for c in self.cells if any(map(heads_difference, c.column_headers))}

    def pairs(self, lines: set[int], *, rows: bool) -> Iterator[tuple[int, int]]:
        """Yield treatment and control among named lines, where the sentence says which is which."""
        for one, other in itertools.permutations(sorted(lines), 2):
            if self.is_control(other, rows=rows) and not self.is_control(one, rows=rows):
                yield one, other

    def is_control(self, line: int, *, rows: bool, baseline: bool = True) -> bool:
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
