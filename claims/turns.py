"""Do two wordings of one statement say opposite things?

A turn is told only where both wordings are plain: one direction each, about the same things. Whether
falling is good depends on what falls, so that no direction is compared where such words differ.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from claims.statements import Statement, lexicon

__all__ = ["Direction", "directions_of", "strengths", "turn"]

_SURE = 0.55
"""Share of telling words below which two statements may be about different things."""
_REACH = 4
"""Words between a negation and what it denies."""
_MARGIN = 0.25
"""By how much sides must fit better crosswise before a comparison counts as turned."""
_SAYS = {1: "a rise", -1: "a fall", 0: "no effect"}

Direction = int
"""1 up or better, -1 down or worse, 0 neither, as in `no improvement`."""


class _Comparison(NamedTuple):
    left: frozenset[str]
    right: frozenset[str]
    """What stands before and after, as forms of words."""
    sign: int


def directions_of(statement: Statement) -> frozenset[Direction]:
    """Return the directions that a statement tells; none where it tells nothing of the kind."""
    words, known = statement.words, lexicon()
    found = set()
    for i, word in enumerate(words):
        sign = (word in known["up"]) - (word in known["down"])
        if sign:
            found.add(0 if _denied(words, i) else sign)
    return frozenset(found)


def turn(earlier: Statement, later: Statement, alike: float) -> str:
    """Return in what a later statement turns an earlier one round; empty where it does not.

    Args:
        earlier: as one version has it.
        later: as the other has it.
        alike: share of their telling words, 0 to 1.
    """
    if alike < _SURE or _costs(earlier) != _costs(later):
        return ""
    before, after = directions_of(earlier), directions_of(later)
    if len(before) == len(after) == 1 and before != after:
        return f"the earlier version says {_SAYS[min(before)]}, the later one {_SAYS[min(after)]}"
    one, other = _comparison(earlier), _comparison(later)
    if one is None or other is None:
        return ""
    if one.sign != other.sign:
        other = _Comparison(other.right, other.left, one.sign)
    straight = _dice(one.left, other.left) + _dice(one.right, other.right)
    crossed = _dice(one.left, other.right) + _dice(one.right, other.left)
    if crossed > straight + _MARGIN:
        return "the earlier version compares the other way round"
    return ""


def strengths(statement: Statement) -> tuple[str, ...]:
    """Return the words that say how strongly, how often or how surely, in their order."""
    known = lexicon()["strength"]
    return tuple(w for w in statement.words if w in known)


def _denied(words: Sequence[str], at: int) -> bool:
    """Return whether a word of direction is denied: not at all for `not only`."""
    negations = lexicon()["negations"]
    for i in _before(words, at):
        if words[i] in negations and not (words[i] == "not" and words[i + 1] in {"only", "just"}):
            return True
    return False


def _before(words: Sequence[str], at: int) -> Iterator[int]:
    """Yield where a negation of a word may stand: near before it, `neither` and `nor` anywhere."""
    for i in range(at):
        if words[i] in {"neither", "nor"} or at - i <= _REACH:
            yield i


def _costs(statement: Statement) -> frozenset[str]:
    known = lexicon()["costs"]
    return frozenset(w for w in statement.words if w in known)


def _comparison(statement: Statement) -> _Comparison | None:
    """Return what a statement compares with what; None where it compares nothing, or several."""
    words, known = statement.words, lexicon()
    found: list[tuple[int, int, int]] = []
    for i, word in enumerate(words):
        passive = words[i + 1 : i + 2] == ("by",) and word.endswith("ed")
        if word in known["surpasses"]:
            found.append((i, i + 1 + passive, -1 if passive else 1))
        elif word == "underperforms":
            found.append((i, i + 1, -1))
        elif words[i + 1 : i + 2] == ("than",) and word in known["compared_up"]:
            found.append((i, i + 2, 1))
        elif words[i + 1 : i + 2] == ("than",) and word in known["compared_down"]:
            found.append((i, i + 2, -1))
    if len(found) != 1:
        return None
    start, end, sign = found[0]
    left, right = frozenset(words[:start]), frozenset(words[end:])
    plain = known["plain"]
    return _Comparison(left - plain, right - plain, sign)


def _dice(one: frozenset[str], other: frozenset[str]) -> float:
    return 2 * len(one & other) / (len(one) + len(other)) if one or other else 0.0
