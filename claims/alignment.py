"""Which statement of one text is meant by which statement of another?

Order does not count: paragraphs move between versions. What is the same is paired first, then what
shares most of its telling words, each statement once. Both directions give the same pairs.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from claims.statements import Statement

__all__ = ["Pair", "align"]

_LEAST = 0.4
"""Share of telling words, weighed by how rare they are, from which two statements are taken for one."""
_FEWEST = 2
"""Telling words that they must share."""
_RAREST = 6
"""Words of a statement by which partners are looked up."""
_COMMON = 100
"""Statements with a word beyond which it finds no partners."""


class Pair(NamedTuple):
    """A statement of each version, as places in their order; None where a version has none."""

    earlier: int | None
    later: int | None
    alike: float
    """Share of their telling words, 0 to 1; 1 for the same words."""


def align(earlier: Sequence[Statement], later: Sequence[Statement]) -> tuple[Pair, ...]:
    """Pair the statements of two versions, in the order of the later one, what was dropped last."""
    pairs = _same(earlier, later)
    taken = ({p.earlier for p in pairs}, {p.later for p in pairs})
    weights = _weights(earlier, later)
    sums = tuple([sum(weights[w] for w in s.content) for s in side] for side in (earlier, later))
    scored = []
    for i, j in _candidates(earlier, later, taken, weights):
        score = _score(earlier[i], later[j], weights, (sums[0][i], sums[1][j]))
        if score >= _LEAST:
            numbers = _shared_numbers(earlier[i], later[j])
            keys = sorted((repr(earlier[i].key), repr(later[j].key)))
            scored.append((-round(score, 9), -numbers, keys, i, j))
    for score, _, _, i, j in sorted(scored):
        if i not in taken[0] and j not in taken[1]:
            taken[0].add(i)
            taken[1].add(j)
            pairs.append(Pair(i, j, -score))
    pairs += [Pair(None, j, 0.0) for j in range(len(later)) if j not in taken[1]]
    pairs.sort(key=lambda p: p.later or 0)
    return (*pairs, *(Pair(i, None, 0.0) for i in range(len(earlier)) if i not in taken[0]))


def _same(earlier: Sequence[Statement], later: Sequence[Statement]) -> list[Pair]:
    waiting: dict[tuple[object, ...], list[int]] = defaultdict(list)
    for i, statement in reversed(list(enumerate(earlier))):
        waiting[statement.key].append(i)
    return [Pair(waiting[s.key].pop(), j, 1.0) for j, s in enumerate(later) if waiting.get(s.key)]


def _weights(earlier: Sequence[Statement], later: Sequence[Statement]) -> dict[str, int]:
    """Return how much a word tells: the rarer in both versions together, the more.

    Whole numbers, so that no sum depends on its order.
    """
    counts = Counter(w for s in (*earlier, *later) for w in s.content)
    number = len(earlier) + len(later)
    return {w: round(10**6 * math.log(1 + number / n)) for w, n in counts.items()}


def _candidates(
    earlier: Sequence[Statement],
    later: Sequence[Statement],
    taken: tuple[set[int | None], set[int | None]],
    weights: dict[str, int],
) -> Iterator[tuple[int, int]]:
    """Yield pairs that share a rare word, those of both directions, each once."""
    seen: set[tuple[int, int]] = set()
    for own, other, turn in ((earlier, later, False), (later, earlier, True)):
        mine, theirs = (taken[1], taken[0]) if turn else taken
        found: dict[str, list[int]] = defaultdict(list)
        for j, statement in enumerate(other):
            if j not in theirs:
                for word in statement.content:
                    found[word].append(j)
        for i, statement in enumerate(own):
            if i in mine:
                continue
            known = [w for w in statement.content if 0 < len(found.get(w, ())) <= _COMMON]
            for word in sorted(known, key=lambda w: (-weights[w], w))[:_RAREST]:
                seen.update((j, i) if turn else (i, j) for j in found[word])
    yield from sorted(seen)


def _score(
    one: Statement, other: Statement, weights: dict[str, int], sums: tuple[int, int]
) -> float:
    """Return the mean of Dice's share and of how much of the shorter one lies in the longer."""
    shared = one.content & other.content
    if len(shared) < min(_FEWEST, len(one.content), len(other.content)) or not shared:
        return 0.0
    common = sum(weights[w] for w in shared)
    return (2 * common / sum(sums) + common / min(sums)) / 2


def _shared_numbers(one: Statement, other: Statement) -> int:
    values = [Counter(n.quantity.value for n in s.numbers) for s in (one, other)]
    return (values[0] & values[1]).total()
