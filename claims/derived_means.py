"""Do printed means, and F1 of precision and recall, follow from the numbers beside them?"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from fractions import Fraction

from claims.algebra import Formula, mean, mean_of, single
from claims.finding import Scheme, TableFinding, finding, follows, second_number, unsettled
from claims.lines import is_average, is_difference, panels
from claims.paper import Cell, Interval, Table
from claims.wordings import phrase

__all__ = ["mean_findings", "score_findings"]

_MAX_VALUES = 4000
"""Cells of a part of a table beyond which it is not looked into."""
_MAX_AVERAGES = 20
_MAX_RUN = 20
_OTHER_MEAN = re.compile(
    r"\b(?:micro|weighted|weights?|median|geometric|harmonic|best of)\b", re.IGNORECASE
)
_STATISTICS = frozenset({
    "std", "sd", "std dev", "stdev", "median", "min", "max", "var", "variance", "stderr", "sem", "ci",
    "count", "n", "q1", "q3", "standard deviation", "stddev", "maximum", "minimum",
})  # fmt: skip
"""Headers beside which `mean` is of what is not printed."""
_PRECISION = frozenset({"p", "precision"})
_RECALL = frozenset({"r", "recall"})
_F1 = frozenset({"f", "f1", "f 1", "f score", "f1 score", "f measure"})
_AVERAGED = re.compile(
    r"\b(?:macro|averag\w*|mean|seeds?|runs?|folds?|weighted|overall|avg)\b", re.IGNORECASE
)


def mean_findings(table: Table) -> Iterator[TableFinding]:
    """Yield means that follow from no evident grouping of the cells that they stand beside."""
    if _OTHER_MEAN.search(table.caption):
        return
    for cells in panels(table):
        if len(cells) <= _MAX_VALUES:
            yield from _means(cells, across=True)
            yield from _means(cells, across=False)


def _means(cells: Sequence[Cell], *, across: bool) -> Iterator[TableFinding]:
    """Look into the columns of averages, or into the rows of them."""

    def headers(c: Cell) -> tuple[str, ...]:
        return c.column_headers if across else c.row_headers

    if any(phrase(h) in _STATISTICS for c in cells for h in headers(c)[-1:]):
        return
    averages = [c for c in cells if is_average(headers(c))]
    positions = sorted({c.column if across else c.row for c in averages})
    if len(positions) > _MAX_AVERAGES:
        return
    lines: dict[int, list[Cell]] = {}
    for c in sorted(cells, key=lambda c: (c.row, c.column)):
        lines.setdefault(c.row if across else c.column, []).append(c)
    for at in positions:
        targets = [c for c in averages if (c.column if across else c.row) == at]
        if not any(_OTHER_MEAN.search(h) for c in targets for h in headers(c)):
            yield from _judged(targets, _Sources(lines, at, positions, across=across))


class _Sources:
    """Which cells an average at one place may be of."""

    def __init__(
        self, lines: dict[int, list[Cell]], at: int, averages: list[int], *, across: bool
    ) -> None:
        self.lines, self.at, self.averages, self.across = lines, at, averages, across
        self.most = max((len(self.beside(line[0])) for line in lines.values()), default=0)

    def place(self, cell: Cell) -> int:
        return cell.column if self.across else cell.row

    def line(self, cell: Cell) -> list[Cell]:
        return self.lines[cell.row if self.across else cell.column]

    def beside(self, cell: Cell) -> list[Cell]:
        """Return all cells of the same line that are no averages, and differences only for such."""
        kind = is_difference(cell)
        return [
            c
            for c in self.line(cell)
            if self.place(c) not in self.averages and is_difference(c) is kind
        ]

    def since(self, cell: Cell) -> list[Cell]:
        """Return those after the average before this one."""
        before = max((p for p in self.averages if p < self.at), default=0)
        return [c for c in self.beside(cell) if before < self.place(c) < self.at]

    def until(self, cell: Cell) -> list[Cell]:
        """Return those before the average after this one."""
        after = min((p for p in self.averages if p > self.at), default=10**6)
        return [c for c in self.beside(cell) if self.at < self.place(c) < after]

    def under(self, cell: Cell) -> list[Cell]:
        """Return those under the same header as the average."""
        above = cell.column_headers[:-1] if self.across else cell.row_headers[:-1]
        if not above:
            return []
        return [
            c
            for c in self.beside(cell)
            if (c.column_headers if self.across else c.row_headers)[: len(above)] == above
        ]

    def others(self, cell: Cell) -> list[Cell]:
        """Return the other averages."""
        return [c for c in self.line(cell) if self.place(c) in self.averages and c is not cell]

    def of_groups(self, cell: Cell) -> Formula | None:
        """Return the mean of the means of groups under one header each."""
        groups: dict[str, list[Cell]] = {}
        for c in self.beside(cell):
            above = c.column_headers if self.across else c.row_headers
            groups.setdefault(above[0] if len(above) > 1 else "", []).append(c)
        if len(groups) < 2:
            return None
        return mean_of([mean(g) for g in groups.values()])

    def schemes(self) -> list[Scheme]:
        """Return the ways to average, the plainest first."""
        found = [
            Scheme("all beside it", _of(self.beside)),
            Scheme("those before it", _of(self.since)),
            Scheme("those after it", _of(self.until)),
            Scheme("those under its header", _of(self.under)),
            Scheme("the other averages", _of(self.others)),
            Scheme("the means of the groups", self.of_groups),
            Scheme("all beside it, with the mean of two numbers in a cell", self.of_both),
        ]
        for length in range(2, min(_MAX_RUN, self.most) + 1):
            found.append(Scheme(f"the {length} before it", _of(self._last(length)), plain=False))
            found.append(Scheme(f"the {length} after it", _of(self._first(length)), plain=False))
        return found

    def of_both(self, cell: Cell) -> Formula | None:
        """Return the mean in which F1 / EM counts as the mean of the two."""
        parts: list[Formula] = []
        for c in self.beside(cell):
            second = second_number(c)
            parts.append(mean([c, second]) if second is not None else single(c))
        return mean_of(parts) if len(parts) > 1 else None

    def _last(self, length: int) -> Callable[[Cell], list[Cell]]:
        return lambda cell: [c for c in self.beside(cell) if self.place(c) < self.at][-length:]

    def _first(self, length: int) -> Callable[[Cell], list[Cell]]:
        return lambda cell: [c for c in self.beside(cell) if self.place(c) > self.at][:length]


def _judged(targets: list[Cell], sources: _Sources) -> Iterator[TableFinding]:
    found = unsettled(targets, sources.schemes())
    if found is None or not all(miss.evident for miss in found):
        cells = targets if found is None else [miss.cell for miss in found]
        cells = [c for c in cells if len(sources.beside(c)) > 1]
        if cells:
            expected = mean(sources.beside(cells[0]))
            yield finding("mean", f"No evident mean of what stands beside it gives {cells[0].text}, "
                          f"and so for {len(cells)} averages of its line: that of all would be "
                          f"{float(expected.value):.4g}. It may be of others.",
                          cells, sure=False)  # fmt: skip
        return
    for miss in found:
        whole = len(sources.beside(miss.cell)) == sources.most
        low, high = _ends(miss.expected)
        yield finding("mean", f"{miss.cell.text} is printed as an average, but "
                      f"{miss.scheme.name} give {low:.4g} to {high:.4g}, as they do for others here.",
                      [miss.cell, *miss.expected.cells], sure=whole)  # fmt: skip


def _of(pick: Callable[[Cell], list[Cell]]) -> Callable[[Cell], Formula | None]:
    def averaged(cell: Cell) -> Formula | None:
        line = pick(cell)
        return mean(line) if len(line) > 1 else None

    return averaged


def _ends(formula: Formula) -> tuple[float, float]:
    low = min(formula.rounded.low, formula.truncated.low)
    return float(low), float(max(formula.rounded.high, formula.truncated.high))


def score_findings(table: Table) -> Iterator[TableFinding]:
    """Yield F1 that contradicts precision and recall in the same row or column.

    An F1 averaged over classes or seeds need not be that of the averaged precision and recall, but
    it is never above their mean.
    """
    for cells in panels(table):
        if len(cells) > _MAX_VALUES:
            continue
        for across in (True, False):
            for targets, scheme in _triples(cells, across=across):
                yield from _scores(table, targets, scheme)


def _triples(
    cells: Sequence[Cell], *, across: bool
) -> Iterator[tuple[list[Cell], dict[str, tuple[Cell, Cell]]]]:
    """Yield cells with F1, and precision and recall for each."""
    found: dict[tuple[object, ...], dict[str, list[Cell]]] = {}
    for c in cells:
        names = c.column_headers if across else c.row_headers
        last = phrase(names[-1]) if names else ""
        kind = "P" if last in _PRECISION else "R" if last in _RECALL else "F" if last in _F1 else ""
        if kind and not is_difference(c):
            line = c.row if across else c.column
            found.setdefault((*names[:-1], line), {}).setdefault(kind, []).append(c)
    columns: dict[tuple[object, ...], tuple[list[Cell], dict[str, tuple[Cell, Cell]]]] = {}
    for key, kinds in found.items():
        if set(kinds) == {"P", "R", "F"} and all(len(v) == 1 for v in kinds.values()):
            targets, pairs = columns.setdefault(key[:-1], ([], {}))
            targets.append(kinds["F"][0])
            pairs[kinds["F"][0].address] = (kinds["P"][0], kinds["R"][0])
    yield from columns.values()


def _scores(
    table: Table, targets: list[Cell], pairs: dict[str, tuple[Cell, Cell]]
) -> Iterator[TableFinding]:
    def f1(cell: Cell) -> Formula | None:
        p, r = pairs[cell.address]
        return _harmonic(p, r)

    found = unsettled(targets, [Scheme("F1", f1)])
    missed = targets if found is None else [u.cell for u in found]
    evident = found is not None and all(u.evident for u in found)
    for cell in missed:
        p, r = pairs[cell.address]
        expected = f1(cell)
        if expected is None or follows(cell, expected):
            continue
        above = single(cell).rounded.low > mean([p, r]).rounded.high
        above = above and single(cell).truncated.low > mean([p, r]).truncated.high
        averaged = _AVERAGED.search(
            " ".join([table.caption, *cell.row_headers, *cell.column_headers])
        )
        spread = any(c.main is not None and c.main.spread is not None for c in (cell, p, r))
        sure = above or bool(evident and not averaged and not spread)
        more = "" if sure else " It may be averaged over classes or runs."
        yield finding("f1", f"F1 is printed as {cell.text}, but precision {p.text} and recall {r.text} "
                      f"give {float(expected.value):.4g}.{more}", [cell, p, r], sure=sure)  # fmt: skip


def _harmonic(p: Cell, r: Cell) -> Formula | None:
    """Return F1 of precision and recall, which rises with both."""
    a, b = single(p), single(r)
    if min(a.rounded.low, b.rounded.low, a.truncated.low, b.truncated.low) <= 0:
        return None

    def of(x: Fraction, y: Fraction) -> Fraction:
        return 2 * x * y / (x + y)

    return Formula(
        "f1",
        f"2 {a.text} {b.text} / ({a.text} + {b.text})",
        (p, r),
        of(a.value, b.value),
        Interval(of(a.rounded.low, b.rounded.low), of(a.rounded.high, b.rounded.high)),
        Interval(of(a.truncated.low, b.truncated.low), of(a.truncated.high, b.truncated.high)),
    )
