"""Which rank, and which count of wins or improvements, does a sentence mean by the headers it names?"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from claims.algebra import Formula
from claims.directions import Better, better_of, competes
from claims.lines import is_average, is_difference
from claims.paper import Cell
from claims.standings import best_count, improvements, positives, rank
from claims.tying import Tied
from claims.wordings import is_baseline, named, phrase

__all__ = ["TiedStandings"]

_MAX_LINE = 200
_WINS = re.compile(r"\b(?:best|highest|lowest|first|wins?|top)\b")
_WORSE = re.compile(r"\b(?:hurt|hurts|worse|worsens?|degrad\w*|harms?)\b")
_DOWN = re.compile(r"\b(?:low\w*|drop\w*|f[ae]lls?|decreas\w*|reduc\w*|los[et]\w*)\b")
_UP = re.compile(r"\b(?:increas\w*|rais\w*|high\w*|rises?|rose|lifts?)\b")
_GOOD = re.compile(r"\b(?:improv\w*|gains?|better|helps?|benefits?|outperform\w*|boosts?|beats?)\b")


class TiedStandings(Tied):
    """Finds ranks and counts over the rows and columns that a sentence names."""

    def formulas(self) -> Iterator[Formula]:
        """Yield them."""
        self.scores = [
            c
            for c in self.cells
            if not is_difference(c) and competes(c) and not is_average(c.row_headers)
        ]
        if self.sentence.says == "rank":
            yield from self._ranks()
        elif _WINS.search(self.words.flat):
            yield from self._wins()
        else:
            yield from self._improvements()

    def _ranks(self) -> Iterator[Formula]:
        for cell in self.scores:
            if cell.row not in self.rows or cell.column not in self.columns:
                continue
            down, across = self._ways(cell)
            if down:
                yield from self._rank(cell, [c for c in self.scores if c.column == cell.column])
            if across:
                line = [c for c in self.scores if c.row == cell.row]
                line = [c for c in line if not is_average(c.column_headers) or c is cell]
                yield from self._rank(cell, line)

    def _ways(self, cell: Cell) -> tuple[bool, bool]:
        """Return whether a cell is ranked in its column, and whether in its row.

        What stands after a word such as `on` is where the rank holds; without one it may be either.
        """
        column, row = self._stands_after_on(cell.column_headers), self._stands_after_on(
            cell.row_headers
        )  # fmt: skip
        if column != row:
            return column, row
        return True, len({c.column for c in self.cells}) > 1

    def _stands_after_on(self, headers: Sequence[str]) -> bool:
        return any(
            self.words.holds(f"{before}{article} {phrase(h)}")
            for h in headers
            if phrase(h)
            for before in ("on", "in", "for", "at", "by")
            for article in ("", " the")
        )

    def _rank(self, cell: Cell, line: list[Cell]) -> Iterator[Formula]:
        shared = [h for h in cell.row_headers if named(h, self.stub, self.words)]
        shared = [h for h in shared if any(h in c.row_headers for c in line if c is not cell)]
        line = [c for c in line if all(h in c.row_headers for h in shared)]
        wanted = self.sentence.of
        if wanted is not None and len(line) != wanted:
            line = [c for c in line if not any(map(is_baseline, c.row_headers))]
        fits = wanted is None or len(line) == wanted
        if fits and cell in line and 1 < len(line) <= _MAX_LINE:
            yield rank(cell, [c for c in line if c is not cell], self._better(line))

    def _better(self, line: Sequence[Cell]) -> Better:
        """Return which way is better, by the sentence's own `highest` or `lowest` first."""
        highest, lowest = self.words.holds("highest"), self.words.holds("lowest")
        if highest != lowest:
            return "higher" if highest else "lower"
        return better_of(line, self.table)

    def _wins(self) -> Iterator[Formula]:
        """Yield in how many columns a row is the best, or in how many rows a column is."""
        for rows in (True, False):
            lines = self.rows if rows else self.columns
            if len(lines) != 1 or (not rows and self.rows):
                continue
            (line,) = lines
            found = []
            for cell in self.scores:
                mine, across = (cell.row, cell.column) if rows else (cell.column, cell.row)
                if mine != line or not self._counts(cell):
                    continue
                others = [
                    c
                    for c in self.scores
                    if c is not cell and (c.column if rows else c.row) == across
                ]
                others = [o for o in others if rows or not is_average(o.column_headers)]
                if others and len(others) < _MAX_LINE:
                    found.append(rank(cell, others, self._better([cell, *others])))
            if len(found) > 1 and self.sentence.of in {None, len(found)}:
                yield best_count(found)

    def _counts(self, cell: Cell) -> bool:
        """Return whether a cell is one of those that are counted."""
        chosen = self.columns if self.rows and len(self.columns) > 1 else {cell.column}
        return cell.column in chosen and not is_average(cell.column_headers)

    def _improvements(self) -> Iterator[Formula]:
        """Yield how many cells improve on those of the line that they are compared with."""
        flat = self.words.flat
        if not (
            _WORSE.search(flat) or _DOWN.search(flat) or _UP.search(flat) or _GOOD.search(flat)
        ):
            return
        compared = False
        for rows in (True, False):
            for one, other in self.pairs(self.rows if rows else self.columns, rows=rows):
                compared = True
                mine, theirs = self._line(one, rows=rows), self._line(other, rows=rows)
                pairs = [(mine[k], theirs[k]) for k in sorted(set(mine) & set(theirs))]
                if len(pairs) > 1 and self.sentence.of in {None, len(pairs)}:
                    yield self._improved(pairs)
        if not compared:
            yield from self._positive()

    def _line(self, line: int, *, rows: bool) -> dict[int, Cell]:
        found = [c for c in self.scores if (c.row if rows else c.column) == line]
        return {(c.column if rows else c.row): c for c in found if self._counts(c)}

    def _improved(self, pairs: list[tuple[Cell, Cell]]) -> Formula:
        if _WORSE.search(self.words.flat):
            pairs = [(other, one) for one, other in pairs]
        return improvements(pairs, [self._way([one, other]) for one, other in pairs])

    def _way(self, cells: Sequence[Cell]) -> Better:
        """Return which way counts as the improvement that the sentence speaks of."""
        flat = self.words.flat
        if _GOOD.search(flat) or _WORSE.search(flat):
            return better_of(cells, self.table)
        return "higher" if _UP.search(flat) else "lower"

    def _positive(self) -> Iterator[Formula]:
        """Yield how many of the printed differences of a named line are improvements."""
        if any(
            self.is_control(n, rows=rows, baseline=False)
            for rows in (True, False)
            for n in (self.rows if rows else self.columns)
        ):
            return
        for rows in (True, False):
            lines = self.rows if rows else self.columns
            if len(lines) != 1 or (not rows and self.rows):
                continue
            line = [c for c in self.cells if (c.row if rows else c.column) in lines]
            line = [c for c in line if is_difference(c) and self._counts(c)]
            if len(line) > 1 and self.sentence.of in {None, len(line)}:
                worse = _WORSE.search(self.words.flat) is not None
                yield positives(line, [self._way([c]) for c in line], worse=worse)
