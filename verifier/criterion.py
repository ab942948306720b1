"""Is what decides a claim still what was fixed before its scores were seen, or who accepted otherwise?

Whoever may change tolerance or measure after the scores can have any verdict. So the criterion that
the plan kept at the first look stays in force until somebody accepts another, and the record of
acceptances says who did and why.
Light: imports neither torch nor transformers nor datasets.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from replication.acceptances import Acceptance
from replication.looks import Look
from verifier.outcome import Outcome

__all__ = ["Criterion", "criterion_of", "has_moved", "held_if_moved", "related_looks"]

_MOVED = "criterion: "
_TOLD = 5
"""Acceptances told in a verdict's reasons; the rest is counted."""


@dataclass(frozen=True, slots=True)
class Criterion:
    """What decides a claim now, beside what was fixed."""

    claim: str
    """Its id."""
    now: str
    """Digest of what its file says now."""
    planned: str
    """Digest of what the latest plan kept."""
    in_force: str
    """Digest of what was fixed before the first look, or else of what was accepted since."""
    accepted: tuple[Acceptance, ...] = ()
    """Every acceptance on record for the claim, the first first."""

    @property
    def stands(self) -> bool:
        """Whether the claim is decided by what was fixed or accepted."""
        return self.now == self.in_force

    def stale(self) -> tuple[str, ...]:
        """Return why a verdict by it is stale; nothing where it stands."""
        if self.stands:
            return ()
        why = (
            f"{_MOVED}{self.in_force[:12]} then, {self.now[:12]} now; not accepted. Put the claim back "
            f"as it was, or: corroborate accept {self.claim} --claims FILE --store DIR "
            '--because "..."'
        )
        return (why,)

    def reasons(self) -> tuple[str, ...]:
        """Return what the reader of a verdict must know of it, most important first."""
        what = "The claim's criterion (measure, tolerance, minimum effect, level) was changed after"
        told = [f"{what} it was fixed: {a.told()}" for a in self.accepted[-_TOLD:]]
        if more := len(self.accepted) - len(told):
            told.append(f"Before that, {more} more changes of the criterion were accepted.")
        if not self.stands:
            why = (
                f"{what} it was fixed: {self.in_force[:12]} then, {self.now[:12]} now, and nobody has "
                "accepted that."
            )
            return (why, *told)
        if self.planned != self.now and not self.accepted:
            why = f"{what} the plan was made: {self.planned[:12]} then, {self.now[:12]} now."
            return (why,)
        return tuple(told)


def criterion_of(
    claim: str,
    now: str,
    *,
    planned: str,
    models: Iterable[str],
    looks: Sequence[Look],
    acceptances: Iterable[Acceptance],
) -> Criterion:
    """Return what decides a claim now, beside what was fixed before its scores were first looked at.

    That is what the plan kept when one of these models was first looked at, whatever was planned
    since; without a look it is what the plan keeps. From there, acceptances lead on: each counts
    where it starts at what is in force.

    Args:
        claim: its id.
        now: digest of its criterion as its file says it.
        planned: that which the latest plan kept.
        models: with scores that are seen now, as `verifier.sequential.trained` names them.
        looks: every look at the store, the first first.
        acceptances: of the store, the first first.
    """
    related = related_looks(claim, looks, models)
    in_force = (related[0].frozen or related[0].criterion) if related else planned
    own = tuple(a for a in acceptances if a.claim == claim)
    for acceptance in own:
        if acceptance.then == in_force:
            in_force = acceptance.now
    return Criterion(claim, now, planned, in_force, own)


def held_if_moved(outcome: Outcome, criterion: Criterion) -> Outcome:
    """Return the outcome, but `inconclusive` for a decision by what was neither fixed nor accepted."""
    if criterion.stands or not outcome.decided:
        return outcome
    read = f"{outcome.label} ({outcome.finding})"
    why = f"Withheld: by the claim as it is now the runs would read: {read}."
    return outcome.held_back("inconclusive", "undecided", (why,))


def has_moved(stale: Iterable[str]) -> bool:
    """Return whether a verdict is stale for its criterion, so that no further run decides it."""
    return any(line.startswith(_MOVED) for line in stale)


def related_looks(claim: str, looks: Sequence[Look], models: Iterable[str]) -> list[Look]:
    """Return the looks at a claim that saw one of these models, or one seen along with them.

    Args:
        claim: its id.
        looks: every look at the store, the first first.
        models: as `verifier.sequential.trained` names them.
    """
    seen = set(models)
    found: list[Look] = []
    for look in reversed(looks):
        if look.claim == claim and not seen.isdisjoint(look.trained):
            seen.update(look.trained)
            found.append(look)
    return found[::-1]
