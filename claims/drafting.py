"""Which claims does one sentence make, of which kind, and with which of its numbers?"""

from __future__ import annotations

import re
from dataclasses import replace

from claims.claim_words import (
    AIM,
    BEST,
    CONSISTENT,
    CUE,
    MOVES,
    NO_MOVE,
    NOT,
    OTHERS,
    OURS,
    PRINTED,
    PROTOCOL,
    SAME,
    SEARCHED,
    SELECTED,
    TO_DO,
)
from claims.clause_view import Found, View, Weighed, move_in, plain, view_of
from claims.clauses import Parts, clauses_of, listed, main_verb, quiet, without_article
from claims.drafts import Direction, Kind
from claims.numerals import numerals_in
from claims.quantities import CommaStyle
from claims.sized_claims import groups_of, numbered

__all__ = ["read_sentence"]


def read_sentence(
    sentence: str, style: CommaStyle, *, caption: bool = False
) -> tuple[list[Found], list[tuple[str, str]]]:
    """Return the claims of a sentence, and what of it is none: the reason and the words."""
    if PRINTED.search(sentence) and (
        caption or re.search(r"\b(?:bold|underlined?)\b", sentence, re.IGNORECASE)
    ):
        return [], [("how a table or figure is printed", sentence[:80])]
    if OTHERS.search(sentence) and not OURS.search(sentence):
        return [], [("told as background", sentence[:80])]
    numerals = numerals_in(sentence, style)
    text = quiet(sentence)
    found: list[Found] = []
    left: list[tuple[str, str]] = []
    before: View | None = None
    for clause in clauses_of(text):
        view = view_of(clause, numerals, before, cited=text != sentence)
        if not AIM.search(view.text):
            found += _claims_of(view, before)
        left += [
            (n.reason or "no result is said of it", n.quantity.raw)
            for i, n in enumerate(view.numerals)
            if i not in view.used
        ]
        before = view
    return found, left


def _claims_of(view: View, before: View | None) -> list[Found]:
    found = [f for group in groups_of(view) for f in numbered(view, group)]
    cells = [i for i, n in enumerate(view.numerals) if n.role == "cells"]
    moves = move_in(view.text, main_verb(view.text))
    negated = NOT.search(view.text)
    consistent = CONSISTENT.search(view.text)
    if found:
        if consistent and not negated and moves:
            reason = f"'{consistent[0]}' says in how many cells."
            found.append(plain(view, "consistency", moves, (0.0, reason)))
        return found + _rankings(view)
    if any(n.role == "amount" for n in view.numerals):
        # What is claimed with a number that no rule reads is not to be guessed without it.
        return _rankings(view) or _settings(view)
    return _wordy(view, before, moves, cells)


def _wordy(
    view: View, before: View | None, moves: Direction | None, cells: list[int]
) -> list[Found]:
    """Return the claims of a clause without amounts."""
    negated, consistent = NOT.search(view.text), CONSISTENT.search(view.text)
    if SAME.search(view.text) or (negated and moves):
        return _negated(view, before, consistent=consistent is not None and negated is not None)
    if moves and (consistent or cells):
        return [_consistency(view, moves, cells)]
    directions = _directions(view, moves) if moves and _asserted(view.text) else []
    return _rankings(view) or directions or _settings(view)


def _negated(view: View, before: View | None, *, consistent: bool) -> list[Found]:
    kind: Kind = "not_consistently_better" if consistent else "no_benefit"
    reasons: list[Weighed] = [
        (0.05, "The clause denies an improvement, or says that two things are alike.")
    ]
    if re.search(r"\bsignifican", view.text, re.IGNORECASE):
        reasons.append((-0.1, "'Not significant' may mean only that no difference was shown."))
    subject = view.parts.treatment
    either = re.match(r"neither\s+(?P<one>.+?)\s+nor\s+(?P<two>.+)", subject, re.IGNORECASE)
    if subject.lower() == "neither" and before is not None:
        either = SEARCHED.search(before.text.strip())
        reasons.append((-0.05, "What 'neither' means is taken from the clause before."))
    both = re.search(
        r"\bneither (?P<one>[\w ]{2,60}?) nor (?P<two>[\w ]{2,60})",
        view.text[main_verb(view.text) :],
    )
    if either is None and both is not None:
        denied = plain(view, kind, None, *reasons)
        return [denied._replace(metric=both[n]) for n in ("one", "two")]
    if either is not None and not (subject.lower() == "neither" and " and " in either["two"]):
        return [plain(_about(view, either[n]), kind, None, *reasons) for n in ("one", "two")]
    if subject.lower() == "neither":
        view = _about(view, "")
    return [plain(view, kind, None, *reasons)]


def _consistency(view: View, moves: Direction, cells: list[int]) -> Found:
    found = plain(
        view, "consistency", moves, (0.1, "The clause says in how many cells there is a change.")
    )
    if not cells:
        return found
    numeral = view.numerals[cells[0]]
    view.used[cells[0]] = "consistency"
    scope = re.sub(r"^\S+ (?:out )?of (?:the |our |all )?", "", found.parts.scope)
    return found._replace(numeral=numeral, parts=found.parts._replace(scope=scope))


def _rankings(view: View) -> list[Found]:
    match = BEST.search(view.text)
    if match is None or NOT.search(view.text[: match.end()]):
        return []
    return [plain(view, "ranking", None, (0.1, f"The clause says who is best: '{match[0]}'."))]


def _directions(view: View, moves: Direction) -> list[Found]:
    kind: Kind = "selected_gain" if SELECTED.search(view.text) else "gain"
    reason = (-0.05, "It claims a direction without a size.")
    names = None
    for number in range(2, 8):
        names = names or listed(view.parts.scope, number)
    if names is None or names[0][0] != 0:
        return [plain(view, kind, moves, reason)]
    split = (-0.05, "The names that it lists are taken for a claim each.")
    return [
        plain(view, kind, moves, reason, split)._replace(parts=view.parts._replace(scope=n))
        for n in names[1]
    ]


def _settings(view: View) -> list[Found]:
    if PROTOCOL.match(view.text.strip()) is None or CUE.search(view.text) is None:
        return []
    reason = (0.05, "The sentence says what was done.")
    bare = Parts()
    settings = [i for i, n in enumerate(view.numerals) if n.role == "setting"]
    view.used.update(dict.fromkeys(settings, "protocol"))
    if not settings:
        return [Found("protocol", bare, reasons=(*view.reasons, reason))]
    return [
        Found(
            "protocol",
            bare,
            view.numerals[i],
            reasons=(*view.reasons, reason, (0.1, "A setting is counted.")),
        )
        for i in settings
    ]


def _asserted(text: str) -> bool:
    """Return whether some word of change is said of the results, and not of what is to be done."""
    return any(
        not TO_DO.search(text[: m.start()]) and not NO_MOVE.match(text, m.start())
        for m in MOVES.finditer(text)
    )


def _about(view: View, treatment: str) -> View:
    return replace(view, parts=view.parts._replace(treatment=without_article(treatment)))
