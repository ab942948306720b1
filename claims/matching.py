"""Which claims of several reports are one claim, and how does a cut one go on?"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

from claims.errors import SynthesisError
from claims.prose import amounts, words
from claims.record import Record
from claims.synthesis import Synthesis, SynthesisClaim

__all__ = ["MAX_MATCHED", "Matched", "Member", "match"]

MAX_MATCHED = 500
"""Most claims compared with one another, over all reports."""
COMPARED = 60
"""Most words of a claim that are compared."""
NAMED = 3
"""Most claims with other numbers that are named for one claim."""
LEAST_WORDS = 5
"""Fewest words on which a cut claim is recognised."""
_FUNCTION_WORDS = frozenset(
    ["a", "an", "and", "are", "at", "for", "in", "is", "of", "on", "our", "that", "the", "to", "we"]
)
"""Words in which two wordings of one claim may differ; `not`, `more` and names are none of them."""


class Member(Record):
    """One appearance of a claim in a report."""

    report: str
    number: int
    line: int


class Matched(Record):
    """One claim with all its appearances."""

    number: int
    """Place in the order of first appearance, counted from 1."""
    text: str
    """The longest wording found."""
    completed_by: str
    """Report or paper that has this wording; empty where the first appearance has it itself."""
    whole: bool
    """Whether this wording is a whole sentence."""
    members: tuple[Member, ...]
    wordings: tuple[str, ...]
    """Different wordings, in the order of their appearance."""
    other_numbers: tuple[str, ...]
    """Claims of the same words that state other numbers; never taken for the same claim."""


def match(reports: Sequence[Synthesis]) -> tuple[Matched, ...]:
    """Return the claims of all reports, each once.

    Args:
        reports: in the order in which they were given; their names differ.

    Raises:
        SynthesisError: they hold more claims than can be compared.
    """
    number = sum(len(r.claims) for r in reports)
    if number > MAX_MATCHED:
        raise SynthesisError(
            f"{len(reports)} reports: found {number} claims ; expected at most {MAX_MATCHED}. "
            "Review fewer reports at a time."
        )
    groups: list[list[tuple[Synthesis, SynthesisClaim]]] = []
    for report in reports:
        for claim in report.claims:
            home = next((g for g in groups if any(_same(claim, c) for _, c in g)), None)
            if home is None:
                groups.append([(report, claim)])
            else:
                home.append((report, claim))
    return tuple(_matched(i, group, groups) for i, group in enumerate(groups, start=1))


@lru_cache(maxsize=2 * MAX_MATCHED)
def _begins(text: str, cut: bool) -> list[str]:
    """Return the words that tell claims apart and are surely whole; not for the caller to change."""
    found = words(text)
    return [w for w in found[: -1 if cut else None] if w not in _FUNCTION_WORDS][:COMPARED]


def _common(first: SynthesisClaim, second: SynthesisClaim) -> tuple[list[str], list[str]]:
    """Return the words of both, as far as a cut lets them be compared."""
    one, other = _begins(first.text, first.cut), _begins(second.text, second.cut)
    cut = [len(w) for w, c in ((one, first), (other, second)) if c.cut]
    if cut and min(cut) >= LEAST_WORDS:
        return one[: min(cut)], other[: min(cut)]
    return one, other


def _same(first: SynthesisClaim, second: SynthesisClaim) -> bool:
    one, other = _common(first, second)
    return one == other and bool(one)


def _other_numbers(first: SynthesisClaim, second: SynthesisClaim) -> bool:
    """Tell whether two claims are the same but for their numbers."""
    one, other = _common(first, second)
    return len(one) == len(other) and one != other and _unnumbered(one) == _unnumbered(other)


def _unnumbered(found: list[str]) -> list[str]:
    return ["0" if w[0].isdigit() else w for w in found]


def _matched(
    number: int,
    group: list[tuple[Synthesis, SynthesisClaim]],
    groups: list[list[tuple[Synthesis, SynthesisClaim]]],
) -> Matched:
    # of equals, the first
    report, best = max(group, key=lambda m: (not m[1].cut, len(words(m[1].text))))
    first = group[0][1]
    others = {
        c.text
        for other in groups
        if other is not group
        for _, c in other
        if _other_numbers(first, c) and amounts(c.text)
    }
    return Matched(
        number=number,
        text=best.text,
        completed_by="" if best.text == first.text else report.name,
        whole=not best.cut,
        members=tuple(Member(report=r.name, number=c.number, line=c.line) for r, c in group),
        wordings=tuple(dict.fromkeys(c.text for _, c in group)),
        other_numbers=tuple(sorted(others)[:NAMED]),
    )
