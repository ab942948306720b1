"""Which verdicts does somebody want to fail a build, and why does each of them?

Light: imports neither torch nor transformers nor datasets.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass

from verifier.errors import FailOnError
from verifier.verdict import VERDICTS, Verdict

__all__ = ["FAIL_ON", "Failing", "failing", "read_fail_on"]

FAIL_ON = (*VERDICTS, "stale", "unexpected")
"""What a build may fail on: the verdicts, stale ones, and decisions against expectation."""


@dataclass(frozen=True, slots=True)
class Failing:
    """A claim that fails a build."""

    claim: str
    because: tuple[str, ...]
    """Which of the names asked for it falls under."""
    reason: str
    """In words."""


def read_fail_on(text: str) -> tuple[str, ...]:
    """Return the names in a comma-separated list, each once.

    Raises:
        FailOnError: a name is unknown, or there is none; all of them are told.
    """
    names = tuple(dict.fromkeys(name.strip() for name in text.split(",")))
    unknown = [name for name in names if name not in FAIL_ON]
    if unknown:
        listed = ", ".join(repr(name[:40]) for name in unknown[:10])
        raise FailOnError(f"--fail-on: found {listed} ; expected some of {','.join(FAIL_ON)}.")
    return names


def failing(verdicts: Iterable[Verdict], on: Collection[str]) -> tuple[Failing, ...]:
    """Return the claims that fail, in their order.

    A decision as expected never fails by its name: `not_reproduced` is what a negative control is
    for. What fails a claim that was expected to fail and did not is `unexpected`, or `reproduced`.
    A stale verdict fails under `stale` whatever was expected.

    Args:
        verdicts: of the claims.
        on: some of FAIL_ON.
    """
    found: list[Failing] = []
    for verdict in verdicts:
        expected = verdict.as_expected()
        named: set[str] = set() if expected else {verdict.verdict}
        named |= {"unexpected"} if expected is False else set()
        named |= {"stale"} if verdict.stale else set()
        because = tuple(name for name in FAIL_ON if name in named and name in on)
        if because:
            # why it is stale says what to do about it, which its reasons do not
            told = [*(verdict.stale if "stale" in because else ()), *verdict.reasons]
            found.append(Failing(verdict.claim, because, told[0] if told else verdict.finding))
    return tuple(found)
