"""May a verdict be taken at this number of seeds, and how sure must its intervals be?

Adding seeds until a claim passes makes chance finds look like results. So the numbers of seeds at
which verdicts may be taken are fixed before the first, and the error that a claim allows is spread
over them. A verdict at any other number is an unplanned look, which decides nothing.
Light: imports neither torch nor transformers nor datasets.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from claims.claim import Claim, ProtocolClaim
from claims.estimand import Condition
from replication.looks import MOST_MODELS, MOST_SEEDS, Look
from replication.protocol import Protocol
from replication.run import ClaimNeeds, Run, RunSpec
from verifier.criterion import related_looks
from verifier.outcome import Outcome
from verifier.staleness import runs_digest

__all__ = [
    "Standing", "held_if_unplanned", "schedule_of", "seeds_planned", "spent_level", "standing_of",
    "trained",
]  # fmt: skip


def spent_level(level: float, look: int, looks: Sequence[int]) -> float:
    """Return the level of the two-sided intervals at one planned look.

    Alpha is spent by the Pocock-type function of Lan and DeMets (1983): alpha * ln(1 + (e - 1) t)
    is used up at information fraction t, here the share of the last look's seeds; a look gets what
    is used up since the look before. Their boundaries rest on a normal process with increments
    that are independent. With t intervals over two or three seeds that is not so, and only the
    union bound is used here: each look errs with at most its own share, so all of them together,
    wherever one stops and whatever their dependence, with at most alpha.

    Args:
        level: of the claim, in [0.5, 1).
        look: which of the looks, from 1.
        looks: rising numbers of seeds, at least one.

    Raises:
        ValueError: there is no such look.
    """
    if not 1 <= look <= len(looks):
        raise ValueError(f"look is {look} ; expected 1 to {len(looks)}, the number of looks")
    before = _spent(looks[look - 2] / looks[-1]) if look > 1 else 0.0
    after = _spent(looks[look - 1] / looks[-1]) if look < len(looks) else 1.0
    return 1 - (1 - level) * (after - before)


@dataclass(frozen=True, slots=True)
class Standing:
    """How a verdict stands to the looks that were planned and to those that were taken."""

    seeds: int
    """Replicates per condition that the plan asks for."""
    planned: tuple[int, ...]
    """Rising numbers of seeds that were fixed before these scores were first looked at."""
    number: int | None
    """Which of the planned looks this is, from 1; None for an unplanned one."""
    first: str | None = None
    """When these scores were first looked at; None for now."""
    notes: tuple[str, ...] = ()
    """What a reader of the verdict must know, planned or not."""
    later: tuple[str, ...] = ()
    """Conditions with imported seeds that came in after others of theirs were looked at, sorted."""

    def level(self, level: float) -> float:
        """Return the level of the two-sided intervals to use where the claim asks for `level`.

        That of an unplanned look is the highest of the planned ones, so that it is never lower for
        being unplanned.
        """
        if self.number is not None:
            return spent_level(level, self.number, self.planned)
        every = range(1, len(self.planned) + 1)
        return max(spent_level(level, look, self.planned) for look in every)


def standing_of(
    claim: Claim,
    needs: ClaimNeeds,
    *,
    protocol: Protocol,
    finished: Iterable[Run],
    looks: Sequence[Look],
    seeds: int | None = None,
) -> Standing:
    """Return how a verdict on the finished runs stands to the looks taken before.

    Earlier looks count where they saw a score of a model that is scored now, be it by other code,
    on other data or under another criterion; the first of them has fixed the planned numbers. The
    same runs again are the same look, as is the rest of a plan that was looked at half done.

    Args:
        claim: the claim.
        needs: the runs that the plan foresees for it.
        protocol: that the plan follows.
        finished: the evaluation runs that bear on the claim.
        looks: every look at the store, the first first.
        seeds: replicates that the plan asks for in this claim, as `seeds_planned` has them; the
            protocol's where not given.
    """
    seeds = _seeds(protocol.seeds) if seeds is None else seeds
    own = _schedule(protocol.looks, seeds)
    if isinstance(claim, ProtocolClaim):  # settings are facts, chance has no part in them
        return Standing(seeds, (seeds,), 1)
    related = related_looks(claim.id, looks, trained(finished))
    if not related:
        return Standing(seeds, own, own.index(seeds) + 1, None, _spread(own, seeds, claim.level))
    first = related[0]
    schedule = _schedule(first.looks, _seeds(first.seeds))
    notes = _other_criterion(related, claim.criterion())
    if schedule != own:
        why = (
            f"The looks that count are those fixed before the first, at {_listed(schedule)} seeds, "
            f"and not those of the protocol now, at {_listed(own)}."
        )
        notes = (why, *notes)
    later = _came_later(finished, {model for look in related for model in look.trained})
    if later or seeds not in schedule:
        return Standing(seeds, schedule, None, first.time, notes, later)
    notes = (*_other_runs(related, runs_digest(needs.runs), seeds), *notes)
    spread = _spread(schedule, seeds, claim.level)
    return Standing(seeds, schedule, schedule.index(seeds) + 1, first.time, (*spread, *notes))


def held_if_unplanned(outcome: Outcome, standing: Standing) -> Outcome:
    """Return the outcome, but for a decision at an unplanned look `inconclusive`, and why."""
    if standing.number is not None or not outcome.decided:
        return outcome
    wider = ",".join(map(str, sorted({*standing.planned, standing.seeds})))
    if standing.later:
        why = (
            f"Unplanned look: seeds of {_listed(standing.later)} came in after others of theirs were "
            f"looked at, first on {standing.first}, so the chance of a wrong decision is no longer "
            f"controlled. The runs would read: {outcome.label} ({outcome.finding}). To decide, import "
            "scores of fresh seeds, all of them before the first verification, into a new store."
        )
        return outcome.held_back("inconclusive", "undecided", (why,))
    why = (
        f"Unplanned look: when these scores were first looked at, on {standing.first}, verdicts "
        f"were planned at {_listed(standing.planned)} seeds and not at {standing.seeds}, so the "
        "chance of a wrong decision is no longer controlled. The runs would read: "
        f"{outcome.label} ({outcome.finding}). To decide, verify at a planned number (--seeds), or "
        f"plan the looks (--set looks=[{wider}]) in a new store before its first verification, on "
        "seeds whose scores nobody has seen (--set first_seed=1000)."
    )
    return outcome.held_back("inconclusive", "undecided", (why,))


def seeds_planned(needs: ClaimNeeds, protocol: Protocol, specs: Mapping[str, RunSpec]) -> int:
    """Return how many seeds a plan foresees for one claim.

    Those of the protocol, but for a claim that was decided at an earlier look: of a plan that went
    on for others it has the runs of that look only, and no further one is taken at it.

    Args:
        needs: the claim's runs.
        protocol: that the plan follows.
        specs: digest -> spec of every planned run.
    """
    known = [specs[digest] for digest in needs.runs if digest in specs]
    found = len({spec.seed for spec in known if spec.seed is not None})
    if any(spec.origin is not None for spec in known):
        return min(max(1, found), MOST_SEEDS)  # nobody asked for a number beforehand
    asked = _seeds(protocol.seeds)
    return found if found in protocol.looks and found < asked else asked


def schedule_of(
    claim: str, *, protocol: Protocol, models: Iterable[str], looks: Sequence[Look]
) -> tuple[int, ...]:
    """Return the rising numbers of seeds at which verdicts on some models may be taken.

    Those of the protocol, unless an earlier look at these models has fixed others.

    Args:
        claim: its id.
        protocol: that the plan follows.
        models: as `trained` names them.
        looks: every look at the store, the first first.
    """
    related = related_looks(claim, looks, models)
    if related:
        return _schedule(related[0].looks, _seeds(related[0].seeds))
    return _schedule(protocol.looks, _seeds(protocol.seeds))


def trained(runs: Iterable[Run]) -> tuple[str, ...]:
    """Return the models with a seed that evaluation runs scored, each by 12 hex digits, sorted.

    The model and not the evaluation is what counts as seen: with other scoring code or other test
    data its score is nearly the same. Models without a seed are left out, chance has no part in
    them.
    """
    models = {(r.spec.parent or r.spec_digest)[:12] for r in runs if r.spec.seed is not None}
    return tuple(sorted(models)[:MOST_MODELS])


def _came_later(runs: Iterable[Run], seen: set[str]) -> tuple[str, ...]:
    """Return the conditions of imported runs with seeds that earlier looks saw and others, sorted.

    Nobody asked for a number of seeds before them, so that one arm may grow while the largest does not.
    """
    before: dict[tuple[Condition | None, str, str], set[int]] = {}
    now: dict[tuple[Condition | None, str, str], set[int]] = {}
    for run in runs:
        spec = run.spec
        if spec.origin is None or spec.seed is None:
            continue
        key = (spec.condition, spec.tasks[0], spec.data[0].split)
        now.setdefault(key, set()).add(spec.seed)
        if seen & set(trained((run,))):
            before.setdefault(key, set()).add(spec.seed)
    grown = {key[0] for key, seeds in before.items() if seeds != now[key]}
    return tuple(sorted(f"[{condition.label()}]" for condition in grown if condition))


def _spent(fraction: float) -> float:
    """Return the share of alpha that is used up at an information fraction in (0, 1)."""
    return math.log1p((math.e - 1) * fraction)


def _seeds(seeds: int | str) -> int:
    return 1 if isinstance(seeds, str) else seeds  # a protocol that leaves them unknown cannot run


def _schedule(looks: tuple[int, ...], seeds: int) -> tuple[int, ...]:
    """Return the planned numbers of seeds, which the plan's own is always among."""
    return tuple(sorted({*looks, seeds}))


def _spread(schedule: tuple[int, ...], seeds: int, level: float) -> tuple[str, ...]:
    if len(schedule) == 1:
        return ()
    look = schedule.index(seeds) + 1
    used = spent_level(level, look, schedule)
    left = schedule[look:]
    told = (
        f"Look {look} of {len(schedule)} planned, at {_listed(schedule)} seeds: intervals are at "
        f"level {used:.4g}, so that all looks together err no more often than one at {level:g}."
    )
    return (told + (f" The next is at {left[0]} seeds." if left else ""),)


def _other_runs(related: Sequence[Look], planned: str, seeds: int) -> tuple[str, ...]:
    """Say if as many seeds were looked at before on other runs."""
    others = [look for look in related if look.planned != planned and look.seeds == seeds]
    if not others:
        return ()
    why = (
        f"On {others[0].time} other runs of as many seeds were looked at, in part of the same "
        "models: data, protocol or scoring code changed in between."
    )
    return (why,)


def _other_criterion(related: Sequence[Look], criterion: str) -> tuple[str, ...]:
    """Say if the scores were seen before the criterion was fixed."""
    others = [look for look in related if look.criterion != criterion]
    if not others:
        return ()
    last = others[-1]
    why = (
        "The claim's criterion (measure, tolerance, minimum effect, level) was changed after scores "
        f"of these models were looked at: {last.criterion[:12]} on {last.time} "
        f"({last.verdict}), {criterion[:12]} now."
    )
    return (why,)


def _listed(numbers: Iterable[int | str]) -> str:
    *most, last = map(str, numbers)
    return f"{', '.join(most)} and {last}" if most else last
