"""When is each claim of a simulated paper decided, and how, under some ways of spending GPU-hours?

One device, one run after another. Verdicts are taken where a strategy says so, on the same scores.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache, partial

from benchmarks.paper_matrix import LOOKS, SEEDS, hours_of, make, matrix_hours, paper, recipe
from benchmarks.paper_truths import SimulatedPaper, decided
from claims.claim import ClaimSet
from replication.protocol import Protocol
from replication.run import Plan, RunSpec
from verifier.adaptive import Seen, by_looks, ranking
from verifier.sequential import seeds_planned, spent_level
from verifier.verdict import Verdict, VerdictLabel, Verdicts

__all__ = ["BASELINE", "STRATEGIES", "Spent", "Strategy"]


@dataclass(frozen=True, slots=True)
class Spent:
    """What one strategy came to in one simulated paper."""

    hours: float
    """Until nothing is left that it would run."""
    at: Mapping[str, float]
    """Claim -> hours at which it was decided; undecided ones are absent."""
    labels: Mapping[str, VerdictLabel]


Strategy = Callable[[SimulatedPaper], Spent]


def _whole(*, share: bool, keep: bool = True, seeds: int = SEEDS) -> Strategy:
    """Return the strategy of running every cell, and verifying all claims at the end."""
    hours = matrix_hours(share=share, keep=keep, seeds=seeds)

    def spend(truth: SimulatedPaper) -> Spent:
        labels = _at_once(truth, seeds)
        return Spent(hours, dict.fromkeys(_decisive(labels), hours), labels)

    return spend


def _fixed(truth: SimulatedPaper, *, ranked: bool) -> Spent:
    """Run what the claims need, with three seeds; verify each claim when its runs are there."""
    labels = _at_once(truth, SEEDS)
    ends, hours = _fixed_ends(ranked=ranked)
    return Spent(hours, {claim: ends[claim] for claim in _decisive(labels)}, labels)


def _by_looks(truth: SimulatedPaper) -> Spent:
    """Run what the claims need in ranked order, and at each look give seeds to those left open."""
    audit = _Audit(truth)
    by_looks([paper()], _first(), make=_made, execute=audit.execute, verify=audit.verify)
    return Spent(audit.hours, audit.at, audit.labels)


class _Audit:
    """Stands for store and engine: knows what was run and when."""

    def __init__(self, truth: SimulatedPaper) -> None:
        self.truth = truth
        self.hours = 0.0
        self.done: frozenset[str] = frozenset()
        self.history: tuple[_State, ...] = ()
        self.ends: dict[str, float] = {}
        self.at: dict[str, float] = {}
        self.labels: dict[str, VerdictLabel] = {}

    def execute(self, plan: Plan, claims: Collection[str]) -> bool:
        """Run all that is missing."""
        state = tuple((n.claim, len(n.runs)) for n in plan.needs)
        self.history = (*self.history, state)
        if self.history not in _KNOWN:
            _KNOWN[self.history] = _ends(plan, self.done, claims)
        ends, hours, self.done = _KNOWN[self.history]
        self.ends |= {claim: self.hours + end for claim, end in ends.items()}
        self.hours += hours
        return True

    def verify(self, plan: Plan) -> Seen:
        """Decide the claims that are not decided yet, each on its own seeds."""
        specs = _specs(plan)
        needs = {n.claim: n for n in plan.needs}
        for claim in paper().claims:
            if self.labels.get(claim.id) in _DECISIVE:
                continue
            seeds = seeds_planned(needs[claim.id], plan.protocol, specs)
            level = spent_level(claim.level, LOOKS.index(seeds) + 1, LOOKS)
            label = decided(claim, self.truth, seeds=seeds, level=level)  # type: ignore[arg-type]
            self.labels[claim.id] = label
            if label in _DECISIVE:
                self.at[claim.id] = self.ends[claim.id]
        verdicts = tuple(
            Verdict.model_construct(claim=c.id, verdict=self.labels[c.id]) for c in paper().claims
        )
        return Seen(Verdicts.model_construct(verdicts=verdicts), self.done)


_State = tuple[tuple[str, int], ...]
"""Claim and number of its runs, for each claim of a plan."""
_KNOWN: dict[tuple[_State, ...], tuple[dict[str, float], float, frozenset[str]]] = {}
"""Plans so far -> what `_ends` says of the last; many papers go the same way."""
_DECISIVE = ("reproduced", "not_reproduced")


def _decisive(labels: Mapping[str, VerdictLabel]) -> list[str]:
    return [claim for claim, label in labels.items() if label in _DECISIVE]


@lru_cache(maxsize=4)
def _at_once(truth: SimulatedPaper, seeds: int) -> dict[str, VerdictLabel]:
    """Return the verdicts at the only look, with some seeds."""
    return {
        c.id: decided(c, truth, seeds=seeds, level=c.level)  # type: ignore[arg-type,union-attr]
        for c in paper().claims
    }


@cache
def _first() -> Plan:
    return _kept(make([paper()], recipe(SEEDS, LOOKS)))


@cache
def _subset(claims: tuple[str, ...], seeds: int) -> Plan:
    kept = tuple(c for c in paper().claims if c.id in claims)
    return _kept(make([paper().model_copy(update={"claims": kept})], recipe(seeds, LOOKS)))


def _made(sets: Sequence[ClaimSet], protocol: Protocol) -> Plan:
    """Make a plan; the same one is not made twice."""
    return _subset(tuple(c.id for s in sets for c in s.claims), int(protocol.seeds))


@cache
def _fixed_ends(*, ranked: bool) -> tuple[dict[str, float], float]:
    """Return when each claim has all its three seeds, and when all have."""
    plan = make([paper()], recipe(SEEDS))
    claims = [n.claim for n in plan.needs]
    if ranked:
        return _ends(plan, frozenset(), claims)[:2]
    return _along(plan, [s.digest() for s in plan.specs], frozenset())[:2]


def _ends(
    plan: Plan, done: frozenset[str], claims: Collection[str]
) -> tuple[dict[str, float], float, frozenset[str]]:
    """Return the same in ranked order, from where some runs are done; and all that is done then."""
    costs = {digest: hours_of(spec) for digest, spec in _specs(plan).items()}
    return _along(plan, ranking(plan, costs, done, claims), done)


def _along(
    plan: Plan, order: Collection[str], done: frozenset[str]
) -> tuple[dict[str, float], float, frozenset[str]]:
    specs = _specs(plan)
    hours, made = 0.0, dict.fromkeys(done, 0.0)
    for digest in order:
        if digest not in made:
            hours += hours_of(specs[digest])
            made[digest] = hours
    ends = {n.claim: max(made[run] for run in n.runs) for n in plan.needs}
    return ends, hours, frozenset(made)


def _specs(plan: Plan) -> dict[str, RunSpec]:
    return {spec.digest(): spec for spec in plan.specs}


class _Kept(RunSpec):
    """A spec of a plan that many papers share and that is never given up, hashed once."""

    def digest(self) -> str:
        known = _DIGESTS.get(id(self))
        if known is None:
            known = _DIGESTS[id(self)] = super().digest()
        return known


_DIGESTS: dict[int, str] = {}


def _kept(plan: Plan) -> Plan:
    specs = tuple(_Kept.model_construct(**dict(spec)) for spec in plan.specs)
    return plan.model_copy(update={"specs": specs})


STRATEGIES: Mapping[str, Strategy] = {
    "every cell, nothing kept between targets": _whole(share=False, keep=False),
    "(a) every cell, targets apart": _whole(share=False),
    "(b) every cell, deduplicated": _whole(share=True),
    "(a) with 10 seeds": _whole(share=False, seeds=LOOKS[-1]),
    "(b) with 10 seeds": _whole(share=True, seeds=LOOKS[-1]),
    "claims' runs, plan order": partial(_fixed, ranked=False),
    "(d) claims' runs, ranked": partial(_fixed, ranked=True),
    "(c) claims' runs, ranked, looks": _by_looks,
}
"""Name -> strategy. Those of every cell run all 22 configurations and verify at the end."""
BASELINE = "(b) every cell, deduplicated"
"""What others are held against."""
