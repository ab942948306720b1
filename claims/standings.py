"""Which rank does a cell have among those it is compared with, and how many cells improve?

Both are whole numbers, evaluated on the numbers as printed and on the intervals of what those may
stand for: cells that print alike leave the order between them open.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from fractions import Fraction

from claims.algebra import Formula, single
from claims.directions import Better
from claims.paper import Cell, Interval

__all__ = ["COUNTED", "best_count", "improvements", "positives", "rank", "ranks_in"]

COUNTED = frozenset({"rank", "count"})
"""Shapes whose results are whole numbers that nobody rounds."""


def rank(cell: Cell, others: Sequence[Cell], better: Better) -> Formula:
    """Return the rank of a cell among others, 1 for the best.

    Args:
        cell: whose rank is meant.
        others: that it is compared with, itself left out.
        better: where it is unclear, the rank may be either from above or from below.
    """
    ways = {"higher": (1,), "lower": (-1,), "unclear": (1, -1)}[better]

    def between(pick: Callable[[Formula], Interval]) -> Interval:
        mine, found = pick(single(cell)), []
        for sign in ways:
            low, high = _signed(mine, sign)
            theirs = [_signed(pick(single(o)), sign) for o in others]
            found += [1 + sum(t.low >= high for t in theirs), 1 + sum(t.high > low for t in theirs)]
        return Interval(Fraction(min(found)), Fraction(max(found)))

    printed = single(cell).value
    value = 1 + sum(ways[0] * single(o).value > ways[0] * printed for o in others)
    return Formula(
        "rank",
        f"rank of {single(cell).text} among {len(others) + 1}",
        (cell, *others),
        Fraction(value),
        between(lambda f: f.rounded),
        between(lambda f: f.truncated),
    )


def improvements(pairs: Sequence[tuple[Cell, Cell]], better: Sequence[Better]) -> Formula:
    """Return how many cells improve on the cells beside them.

    Args:
        pairs: treatment and control.
        better: which way is better, for each pair.
    """

    def between(pick: Callable[[Formula], Interval]) -> Interval:
        surely = maybe = 0
        for (one, other), way in zip(pairs, better, strict=True):
            a, b = pick(single(one)), pick(single(other))
            up, down = a.low >= b.high and a.low > b.low, b.low >= a.high and b.low > a.low
            open_up, open_down = a.high > b.low, b.high > a.low
            surely += {"higher": up, "lower": down, "unclear": up and down}[way]
            maybe += {"higher": open_up, "lower": open_down, "unclear": open_up or open_down}[way]
        return Interval(Fraction(surely), Fraction(maybe))

    value = sum(
        single(one).value < single(other).value
        if way == "lower"
        else single(one).value > single(other).value
        for (one, other), way in zip(pairs, better, strict=True)
    )
    return Formula(
        "count",
        f"{value} of {len(pairs)} improve",
        tuple(c for pair in pairs for c in pair),
        Fraction(value),
        between(lambda f: f.rounded),
        between(lambda f: f.truncated),
    )


def positives(cells: Sequence[Cell], better: Sequence[Better], *, worse: bool = False) -> Formula:
    """Return how many printed differences are improvements, or the opposite of one.

    Args:
        cells: that print differences.
        better: whether a positive or a negative difference is an improvement, for each.
        worse: whether those are counted that are no improvement.
    """
    sign = -1 if worse else 1

    def between(pick: Callable[[Formula], Interval]) -> Interval:
        surely = maybe = 0
        for cell, way in zip(cells, better, strict=True):
            low, high = _signed(pick(single(cell)), -sign if way == "lower" else sign)
            surely += low >= 0 and high > 0 and way != "unclear"
            maybe += high > 0 or (way == "unclear" and low < 0)
        return Interval(Fraction(surely), Fraction(maybe))

    value = sum(
        (-sign if way == "lower" else sign) * single(cell).value > 0
        for cell, way in zip(cells, better, strict=True)
    )
    return Formula(
        "count",
        f"{value} of {len(cells)} differences",
        tuple(cells),
        Fraction(value),
        between(lambda f: f.rounded),
        between(lambda f: f.truncated),
    )


def best_count(ranks: Sequence[Formula]) -> Formula:
    """Return in how many of several comparisons a line is the best, by its ranks in them."""
    value = sum(r.value == 1 for r in ranks)

    def between(pick: Callable[[Formula], Interval]) -> Interval:
        return Interval(
            Fraction(sum(pick(r).high == 1 for r in ranks)),
            Fraction(sum(pick(r).low == 1 for r in ranks)),
        )

    return Formula(
        "count",
        f"best in {value} of {len(ranks)}",
        tuple(r.cells[0] for r in ranks),
        Fraction(value),
        between(lambda f: f.rounded),
        between(lambda f: f.truncated),
    )


def ranks_in(lines: Sequence[Sequence[Cell]], better: Sequence[Better]) -> Iterator[Formula]:
    """Yield the rank of every cell in its line."""
    for line, way in zip(lines, better, strict=True):
        for cell in line:
            yield rank(cell, [o for o in line if o is not cell], way)


def _signed(interval: Interval, sign: int) -> Interval:
    return interval if sign > 0 else Interval(-interval.high, -interval.low)
