"""One clause ready to be asked: its words, what it says of whom, its numbers, the way it points."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import NamedTuple

from claims.claim_words import MOVES, NO_MOVE, UNSURE
from claims.clauses import CHANGE, Clause, Parts, goes_on, parts_of
from claims.drafts import Change, Direction, Kind
from claims.measure_words import METRIC
from claims.numerals import Numeral

__all__ = ["Found", "View", "Weighed", "direction_of", "move_in", "plain", "view_of"]

Weighed = tuple[float, str]
"""What a reason adds to the confidence, and the reason."""

_LESS_THAN = re.compile(
    r"[\s-]?(?:(?:%|percent|percentage|points?)\s){0,2}(?:less|fewer|worse|lower|smaller) than\b",
    re.IGNORECASE,
)
"""What turns a size that a verb of change tells into one of a comparison."""


class Found(NamedTuple):
    """One claim that a sentence makes."""

    kind: Kind
    parts: Parts
    numeral: Numeral | None = None
    change: Change = "none"
    direction: Direction = "unknown"
    metric: str = ""
    reasons: tuple[Weighed, ...] = ()


@dataclass
class View:
    """A clause, what it says of whom, and its numbers at their places in it."""

    text: str
    parts: Parts
    numerals: list[Numeral]
    reasons: list[Weighed] = field(default_factory=list)
    metric: str = ""
    used: dict[int, Kind] = field(default_factory=dict)
    """Numerals that are part of a claim, by index, and of which kind."""


def view_of(
    clause: Clause, numerals: tuple[Numeral, ...], before: View | None, *, cited: bool
) -> View:
    """Return a clause with its numbers, and with the subject of the one before where it goes on."""
    text, end = clause.text, clause.start + len(clause.text)
    own = [
        n._replace(start=n.start - clause.start, end=n.end - clause.start)
        for n in numerals
        if clause.start <= n.start < end
    ]
    view = View(text, parts_of(text), own)
    metric = re.search(rf"(?<![\w@-]){METRIC}(?!\w)", text, re.IGNORECASE)
    view.metric = metric[0] if metric else ""
    if before is not None and goes_on(text.lstrip()):
        parts = view.parts
        taken = parts._replace(
            treatment=parts.treatment or before.parts.treatment,
            scope=parts.scope or before.parts.scope,
            split=parts.split or before.parts.split,
        )
        if taken != parts:
            view.reasons.append((-0.05, "What it is about is taken from the clause before."))
        view.parts = taken
        change_only = re.match(rf"(?:for )?an?\s(?:[\w-]+ ){{0,3}}{CHANGE}", text)
        view.metric = view.metric or (before.metric if change_only else "")
    if cited:
        view.reasons.append((-0.2, "The sentence cites another work, whose result it may be."))
    if UNSURE.search(text):
        view.reasons.append((-0.2, "The sentence says that it may be so, not that it is."))
    return view


def plain(view: View, kind: Kind, direction: Direction | None, *reasons: Weighed) -> Found:
    """Return a claim without a number."""
    return Found(
        kind,
        view.parts,
        None,
        "none",
        direction or "unknown",
        view.metric,
        (*view.reasons, *reasons),
    )


def move_in(text: str, place: int) -> Direction | None:
    """Return the direction of the word of change nearest to a place of a clause; None without one."""
    nearest: tuple[int, Direction] | None = None
    for match in MOVES.finditer(text):
        if NO_MOVE.match(text, match.start()):
            continue
        distance = place - match.end() if match.end() <= place else match.start() - place
        if nearest is None or distance < nearest[0]:
            nearest = (distance, "up" if match["up"] else "down")
    return None if nearest is None else nearest[1]


def direction_of(view: View, numeral: Numeral) -> Direction:
    """Return which way a number says that its measure goes."""
    sign = numeral.quantity.raw.lstrip()[:1]
    if numeral.quantity.signed:
        return "down" if sign in "-–−↓▼▽⇩" else "up"
    before = any(
        not NO_MOVE.match(view.text, m.start()) for m in MOVES.finditer(view.text[: numeral.start])
    )
    if before and _LESS_THAN.match(view.text, numeral.end):
        return "unknown"  # `gains 1.2 points less than B`: both may have gained
    return move_in(view.text, numeral.start) or "unknown"
