"""What is a finding about a paper's own tables, and when do numbers follow from others?

A finding is `contradicts` only where one reading is evident, and no rounding or cutting off of the
printed numbers saves it. Where the table may mean something else it is `unclear`, or nothing is said.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Literal

from claims.algebra import Formula, single
from claims.paper import Cell, Interval
from claims.record import Record

__all__ = [
    "Kind",
    "Scheme",
    "TableFinding",
    "Unsettled",
    "finding",
    "follows",
    "second_number",
    "surely_above",
    "unsettled",
]

_MAX_GUESSES = 24
"""Schemes tried beyond those that the table's own layout suggests."""
_MAX_GUESSED = 100
"""Cells of a line beyond which none of them is tried."""

Kind = Literal["bold", "underline", "mean", "f1", "difference", "percentage", "repeated"]


class TableFinding(Record):
    """One place at which a paper's tables, or its text, do not agree with each other."""

    kind: Kind
    status: Literal["contradicts", "unclear"]
    """contradicts: under every rounding; unclear: the table may mean something else."""
    text: str
    """What is printed and what would follow, in one sentence."""
    cells: tuple[str, ...]
    """Machine addresses of what disagrees, the cell at fault first."""
    places: tuple[str, ...]
    """The same for people."""


def finding(kind: Kind, text: str, cells: Sequence[Cell], *, sure: bool) -> TableFinding:
    """Return a finding on cells, the one at fault first; a contradiction where it is sure."""
    shown = list(dict.fromkeys(cells))[:12]
    return TableFinding(
        kind=kind,
        status="contradicts" if sure else "unclear",
        text=text,
        cells=tuple(c.address for c in shown),
        places=tuple(c.place for c in shown),
    )


def surely_above(one: Cell, other: Cell) -> bool:
    """Return whether a cell's number is greater than another's however both were rounded or cut."""
    a, b = single(one), single(other)
    return (
        a.value > b.value
        and a.rounded.low >= b.rounded.high
        and a.truncated.low >= b.truncated.high
    )


@dataclass(frozen=True, slots=True)
class Scheme:
    """One way in which printed numbers may have been computed from others."""

    name: str
    """Such as `the columns beside it`."""
    of: Callable[[Cell], Formula | None]
    """What a cell should be; None where the scheme says nothing of it."""
    plain: bool = True
    """Whether the table's own layout suggests it; others are guesses, and need more to go by."""


@dataclass(frozen=True, slots=True)
class Unsettled:
    """A cell that follows by none of the plain schemes, though others of its line do by one."""

    cell: Cell
    expected: Formula
    scheme: Scheme
    evident: bool
    """Whether enough of the others follow by the scheme to call it the one that was meant."""


def unsettled(cells: Sequence[Cell], schemes: Sequence[Scheme]) -> list[Unsettled] | None:
    """Return the cells that do not follow from others; None where none of them does by any scheme.

    Args:
        cells: that should all have been computed in the same way.
        schemes: ways to compute them, the plainest first.
    """
    best: tuple[int, bool, Scheme, dict[str, Formula], set[str]] | None = None
    saved: set[str] = set()
    room = _MAX_GUESSES if len(cells) <= _MAX_GUESSED else 0
    guesses = [s for s in schemes if not s.plain][:room]
    for scheme in (*(s for s in schemes if s.plain), *guesses):
        results = {c.address: f for c in cells if (f := scheme.of(c)) is not None}
        fits = {c.address for c in cells if c.address in results and follows(c, results[c.address])}
        saved |= fits if scheme.plain else set()
        if best is None or (len(fits), scheme.plain) > best[:2]:
            best = (len(fits), scheme.plain, scheme, results, fits)
    if best is None or not best[0]:
        return None
    count, plain, scheme, results, fits = best
    evident = 2 * count >= len(results) if plain else count >= 3 and 4 * count >= 3 * len(results)
    return [
        Unsettled(c, results[c.address], scheme, evident)
        for c in cells
        if c.address in results and c.address not in saved | fits
    ]


def follows(cell: Cell, formula: Formula) -> bool:
    """Return whether a printed number follows from others under some rounding or cutting off."""
    assert cell.main is not None
    scale = Fraction(cell.scale)
    return any(
        formula.may_be(Interval(i.low * scale, i.high * scale))
        for i in (cell.main.rounded, cell.main.truncated)
    )


def second_number(cell: Cell) -> Cell | None:
    """Return a cell with its second number as the main one, as EM in `77.2 / 63.3`."""
    further = [q for q in cell.quantities if not q.aside][1:]
    return cell.model_copy(update={"quantities": (further[0],)}) if further else None
