"""Do rows that different people print of one system agree, and do their averages follow?

Every number stands for what may be behind it when it was rounded or cut off. An average is
`impossible` only where no such number gives it. Whether rows that agree were measured twice or copied
from each other cannot be seen from them.
"""

from __future__ import annotations

import itertools
from collections import defaultdict
from collections.abc import Iterator, Sequence
from fractions import Fraction
from typing import Literal

from claims.algebra import Formula, mean, mean_of, single
from claims.paper import Cell, Interval, Quantity, finer
from claims.published import Average, Published, PublishedRow
from claims.record import Record

__all__ = ["AverageCheck", "Need", "Reprints", "RowPair", "ScorePair", "Suspect", "compare_rows"]

_MAX_PAIRS = 200
"""Pairs of rows, and averages with the rows that their parts are from, that are compared."""


_Values = dict[str, dict[str, float]]
"""Id of a row -> column -> the number as printed."""


class ScorePair(Record):
    """One column in two rows."""

    column: str
    first: str
    second: str
    """Both as printed."""
    relation: Literal["same", "finer", "different"]
    """`finer`: one is the other with more places, rounded or cut off."""
    difference: float
    """Second less first as printed."""


class RowPair(Record):
    """Two rows of one system."""

    system: str
    first: str
    second: str
    """Ids of the rows."""
    scores: tuple[ScorePair, ...]
    """Every column that both have."""

    def differing(self) -> tuple[ScorePair, ...]:
        """Return the columns in which they do not agree."""
        return tuple(s for s in self.scores if s.relation == "different")


class Need(Record):
    """What one part would have to be for an average to follow, the others as printed."""

    column: str
    printed: str
    low: float
    high: float
    found_in: tuple[str, ...]
    """Ids of rows of the system that print such a number in this column."""
    printed_by: tuple[str, ...]
    """Ids of rows of the system that print the one that does not fit."""


class AverageCheck(Record):
    """Whether a printed average follows from the parts that are printed."""

    status: Literal["entailed", "possible", "impossible"]
    """entailed: from the numbers as printed; possible: only once their rounding is allowed for."""
    system: str
    row: str
    """Id of the row that prints it."""
    column: str
    printed: str
    parts_from: tuple[str, ...]
    """Ids of the rows from which its parts are."""
    formula: str
    result: float
    """From the parts as printed."""
    low: float
    high: float
    """What the result may be, whether they were rounded or cut off."""
    cells: tuple[str, ...]
    """The parts, such as `published/ID/COLUMN`."""
    needs: tuple[Need, ...]
    """For an impossible average, what each part would have to be; the nearest to its print first."""


class Suspect(Record):
    """One printed number that, were it another, would let several averages follow at once."""

    system: str
    column: str
    printed: str
    printed_by: tuple[str, ...]
    """Ids of the rows that print it."""
    low: float
    high: float
    """What it would have to be."""
    averages: tuple[str, ...]
    """Those that would then follow, such as `average of 7 tasks in ROW`."""


class Reprints(Record):
    """What published rows say of each other."""

    name: str
    about: str
    rows: tuple[PublishedRow, ...]
    pairs: tuple[RowPair, ...]
    averages: tuple[AverageCheck, ...]
    suspects: tuple[Suspect, ...]
    notices: tuple[str, ...] = ()
    """One sentence for each kind of comparison of which only a part was made."""


def compare_rows(published: Published, name: str, own: Sequence[PublishedRow] = ()) -> Reprints:
    """Compare published rows with each other, and their averages with their parts.

    Args:
        published: as `claims.published.read_published` returns it.
        name: of the file, for the report.
        own: rows of the paper itself, as `claims.own_rows.own_rows` returns them.
    """
    published = published.model_copy(update={"rows": (*published.rows, *own)})
    cells = {row.id: row.cells() for row in published.rows}
    averages = tuple(itertools.islice(_averages(published, cells), _MAX_PAIRS))
    pairs = tuple(itertools.islice(_pairs(published.rows, cells), _MAX_PAIRS))
    parts = {"pairs of rows": len(pairs), "averages": len(averages)}
    return Reprints(
        name=name,
        about=published.about,
        rows=published.rows,
        pairs=pairs,
        averages=averages,
        suspects=tuple(_suspects(averages)),
        notices=tuple(
            f"Only the first {n} {what} were compared."
            for what, n in parts.items()
            if n >= _MAX_PAIRS
        ),
    )


def _pairs(rows: Sequence[PublishedRow], cells: dict[str, dict[str, Cell]]) -> Iterator[RowPair]:
    for one, other in itertools.combinations(rows, 2):
        shared = [c for c in one.scores if c in other.scores]
        if one.system == other.system and shared:
            scores = tuple(_scores(c, cells[one.id][c], cells[other.id][c]) for c in shared)
            yield RowPair(system=one.system, first=one.id, second=other.id, scores=scores)


def _scores(column: str, one: Cell, other: Cell) -> ScorePair:
    first, second = _number(one), _number(other)
    same = (first.value, first.decimals) == (second.value, second.decimals)
    return ScorePair(
        column=column,
        first=one.text,
        second=other.text,
        relation="same" if same else "finer" if finer(first, second) else "different",
        difference=float(second.exact - first.exact),
    )


def _number(cell: Cell) -> Quantity:
    assert cell.main is not None, "scores hold one number"
    return cell.main


def _averages(published: Published, cells: dict[str, dict[str, Cell]]) -> Iterator[AverageCheck]:
    """Yield each printed average with each row that has the parts which its own row lacks."""
    values: dict[str, _Values] = defaultdict(dict)
    for row in published.rows:
        values[row.system][row.id] = {c: _number(cell).value for c, cell in cells[row.id].items()}
    for average in published.means:
        for row in published.rows:
            if average.name not in row.scores:
                continue
            missing = [c for c in average.columns() if c not in row.scores]
            others = [
                r
                for r in published.rows
                if r.id != row.id and r.system == row.system and all(c in r.scores for c in missing)
            ]
            for other in others if missing else [row]:
                parts = {**cells[other.id], **cells[row.id]}
                yield _checked(average, row, parts, values[row.system])


def _checked(
    average: Average,
    row: PublishedRow,
    parts: dict[str, Cell],
    system: _Values,
) -> AverageCheck:
    printed = _number(parts[average.name])
    formula = mean_of(
        [
            single(parts[p]) if isinstance(p, str) else mean([parts[c] for c in p])
            for p in average.of
        ]
    )
    entailed = printed.rounded.low <= formula.value <= printed.rounded.high
    possible = _may_be(formula, printed)
    needs = [] if entailed or possible else list(_needs(average, printed, formula, parts, system))
    return AverageCheck(
        status="entailed" if entailed else "possible" if possible else "impossible",
        system=row.system,
        row=row.id,
        column=average.name,
        printed=row.scores[average.name],
        parts_from=tuple(
            dict.fromkeys(parts[c].address.split("/")[1] for c in average.columns())
        ),
        formula=formula.text,
        result=float(formula.value),
        low=float(min(formula.rounded.low, formula.truncated.low)),
        high=float(max(formula.rounded.high, formula.truncated.high)),
        cells=tuple(parts[c].address for c in average.columns()),
        needs=tuple(sorted(needs, key=lambda n: (abs(n.low + n.high - 2 * float(n.printed)), n.column))),
    )  # fmt: skip


def _may_be(formula: Formula, printed: Quantity) -> bool:
    """Return whether some numbers behind the parts give one behind the printed average.

    Intervals that only touch do not: every part would have to lie at its very end.
    """
    return any(
        max(one.low, other.low) < min(one.high, other.high)
        for one in (formula.rounded, formula.truncated)
        for other in (printed.rounded, printed.truncated)
    )


def _needs(
    average: Average,
    printed: Quantity,
    formula: Formula,
    parts: dict[str, Cell],
    system: _Values,
) -> Iterator[Need]:
    """Yield what each part would have to be, were the others right."""
    for column in average.columns():
        weight = _weight(average, column)
        own, mine = single(parts[column]), _number(parts[column]).value
        ends = []
        for part, whole in ((own.rounded, formula.rounded), (own.truncated, formula.truncated)):
            rest = Interval(whole.low - weight * part.low, whole.high - weight * part.high)
            for target in (printed.rounded, printed.truncated):
                ends += [(target.low - rest.high) / weight, (target.high - rest.low) / weight]
        low, high = float(min(ends)), float(max(ends))
        printing = {row: values[column] for row, values in system.items() if column in values}
        yield Need(
            column=column,
            printed=parts[column].text,
            low=low,
            high=high,
            found_in=tuple(row for row, value in printing.items() if low <= value <= high),
            printed_by=tuple(row for row, value in printing.items() if value == mine),
        )


def _weight(average: Average, column: str) -> Fraction:
    """Return how much a column counts in an average."""
    total = Fraction(0)
    for part in average.of:
        inside = (part,) if isinstance(part, str) else part
        if column in inside:
            total += Fraction(inside.count(column), len(inside) * len(average.of))
    return total


def _suspects(averages: Sequence[AverageCheck]) -> Iterator[Suspect]:
    """Yield numbers that are at fault if several averages that do not follow are to be right."""
    settled = {(c.row, c.column) for c in averages if c.status != "impossible"}
    found: dict[tuple[str, str, str], dict[tuple[str, str], Need]] = {}
    for check in averages:
        if (check.row, check.column) in settled:
            continue  # it follows from another row, so that nothing needs to be explained
        for need in check.needs:
            key = (check.system, need.column, need.printed)
            found.setdefault(key, {}).setdefault((check.row, check.column), need)
    for (system, column, printed), needs in found.items():
        low, high = max(n.low for n in needs.values()), min(n.high for n in needs.values())
        if len(needs) > 1 and low <= high:
            yield Suspect(
                system=system,
                column=column,
                printed=printed,
                printed_by=next(iter(needs.values())).printed_by,
                low=low,
                high=high,
                averages=tuple(f"{name} in {row}" for row, name in needs),
            )
