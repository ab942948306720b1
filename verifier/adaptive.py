"""Which runs first, so that claims are decided soonest, and which claims get more seeds?

A claim is decided only when every run that it needs is finished, so what is ordered is claims, each
with the runs it still lacks. At each planned look the claims that are still open get the seeds of
the next one; those decided get no further run and no further look. Each look errs with at most its
share of what the claim allows (`verifier.sequential`), whatever is stopped when, so neither order
nor stopping adds wrong verdicts.
Light: imports neither torch nor transformers nor datasets.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import get_args

from claims.claim import ClaimSet, ProtocolClaim
from replication.cost import Bill
from replication.looks import Look
from replication.protocol import Protocol
from replication.run import ClaimNeeds, Phase, Plan, RunSpec
from verifier.claim_order import soonest
from verifier.criterion import has_moved
from verifier.sequential import schedule_of, seeds_planned
from verifier.verdict import Verdicts

__all__ = ["Seen", "by_looks", "next_plan", "open_claims", "prices", "ranking"]

MakePlan = Callable[[Sequence[ClaimSet], Protocol], Plan]
"""`replication.plan.make_plan` on a given source."""


@dataclass(frozen=True, slots=True)
class Seen:
    """What a verification showed."""

    verdicts: Verdicts
    finished: Collection[str]
    """Digests of the runs that are finished."""
    looks: Sequence[Look] = ()
    """Every look at the store, the first first, those of this verification among them."""


def prices(bill: Bill) -> dict[str, float]:
    """Return the cost of every run for `ranking`, in seconds of one device.

    Of the device here where as many are known as on the table's GPU, else on that. A run whose cost
    is not known counts as an average one of those that are; where none is known, all count alike.
    """
    here = {d: n.seconds for d, n in bill.nodes.items() if n.seconds is not None}
    gpu = {d: n.gpu_seconds for d, n in bill.nodes.items() if n.gpu_seconds is not None}
    known = here if len(here) >= len(gpu) else gpu
    usual = sum(known.values()) / len(known) if known else 1.0
    return {digest: known.get(digest, usual) for digest in bill.nodes}


def ranking(
    plan: Plan,
    costs: Mapping[str, float],
    done: Collection[str],
    open_claims: Collection[str] | None = None,
) -> tuple[str, ...]:
    """Return every run of a plan by digest, in the order in which claims are decided soonest.

    Parents come before children. The claims' order is that of `claim_order.soonest`; within a claim,
    runs come first that more open claims need, and then those first in the plan. Runs that no open
    claim needs come last. With several devices the order says what to begin first.

    Args:
        plan: what is to run.
        costs: digest -> cost, in any unit, of every run that is not done; finite and not negative.
        done: digests of finished runs, which cost nothing any more.
        open_claims: claims still to decide; None for all. Leave out claims about settings, which
            wait for no run in particular.

    Raises:
        ValueError: a cost is missing or is no number from 0 up.
    """
    specs = {spec.digest(): spec for spec in plan.specs}
    parents = {digest: spec.parent for digest, spec in specs.items()}
    finished = set(done)
    wanted = None if open_claims is None else set(open_claims)
    lacking = {
        n.claim: closure
        for n in plan.needs
        if (wanted is None or n.claim in wanted) and (closure := _lacking(n, parents, finished))
    }
    prices = {digest: costs.get(digest, -1.0) for digest in set().union(*lacking.values())}
    wrong = sorted(d for d, price in prices.items() if not 0 <= price < float("inf"))
    if wrong:
        raise ValueError(f"{len(wrong)} runs, such as {wrong[0][:12]}, have no cost from 0 up")
    place = {digest: at for at, digest in enumerate(specs)}
    served = dict.fromkeys(specs, 0)
    for closure in lacking.values():
        for digest in closure:
            served[digest] += 1
    ordered: dict[str, None] = {}
    for claim in soonest(lacking, prices, list(specs)):
        for digest in sorted(lacking[claim], key=lambda d: (-served[d], place[d])):
            _append(digest, parents, ordered)
    for digest in specs:
        _append(digest, parents, ordered)
    return tuple(ordered)


def open_claims(
    claim_sets: Sequence[ClaimSet], plan: Plan, seen: Seen, *, specs: Mapping[str, RunSpec]
) -> dict[str, int]:
    """Return the claims that want seeds, each with the number at which its next look is planned.

    Such a claim is about scores, all its runs are finished, its verdict is inconclusive, and a later
    look was planned before the first. A claim with failed or missing runs wants those, not seeds; one
    that is not evaluable would not be so with more of them.

    Args:
        claim_sets: the claims.
        plan: on which the verdicts were taken.
        seen: verdicts, one per claim in the order of the sets, and what they rest on.
        specs: digest -> spec of every run of the plan.
    """
    needs = {n.claim: n for n in plan.needs}
    finished = set(seen.finished)
    scored = [c for s in claim_sets for c in s.claims]
    wanting: dict[str, int] = {}
    for claim, verdict in zip(scored, seen.verdicts.verdicts, strict=True):
        need = needs.get(claim.id)
        if verdict.verdict != "inconclusive" or isinstance(claim, ProtocolClaim):
            continue
        if has_moved(verdict.stale):
            continue  # withheld for its criterion, which more seeds do not change
        if need is None or not finished.issuperset(need.runs):
            continue
        evaluations = {d: specs[d] for d in need.runs if d in specs}
        models = {(s.parent or d)[:12] for d, s in evaluations.items() if s.seed is not None}
        planned = schedule_of(claim.id, protocol=plan.protocol, models=models, looks=seen.looks)
        now = seeds_planned(need, plan.protocol, specs)
        later = [k for k in planned if k > now and k in plan.protocol.looks]
        if models and later:
            wanting[claim.id] = later[0]
    return wanting


def next_plan(
    claim_sets: Sequence[ClaimSet], plan: Plan, seen: Seen, *, make: MakePlan
) -> Plan | None:
    """Return the plan of the next look, or None where no claim wants one.

    Claims that do not go on keep the runs that they had, so that verdicts on them stay what they are
    when all claims are verified on the new plan.

    Args:
        claim_sets: the claims that the plan was made for.
        plan: on which the verdicts were taken.
        seen: verdicts, one per claim in the order of the sets, and what they rest on.
        make: makes a plan of claim sets under a protocol.
    """
    specs = {spec.digest(): spec for spec in plan.specs}
    wanting = open_claims(claim_sets, plan, seen, specs=specs)
    if not wanting:
        return None
    needs = {n.claim: n for n in plan.needs}
    for seeds in sorted(set(wanting.values())):
        sets = [
            s.model_copy(update={"claims": kept})
            for s in claim_sets
            if (kept := tuple(c for c in s.claims if wanting.get(c.id) == seeds))
        ]
        made = make(sets, plan.protocol.model_copy(update={"seeds": seeds}))
        needs |= {n.claim: n for n in made.needs}
        specs |= {spec.digest(): spec for spec in made.specs}
    # never fewer than before, or a claim that is ahead would seem to have had too many
    most = max(int(plan.protocol.seeds), *wanting.values())
    place = {phase: at for at, phase in enumerate(get_args(Phase))}
    ordered = sorted(specs.items(), key=lambda s: (place[s[1].phase], s[1].title(), s[0]))
    return plan.model_copy(
        update={
            "protocol": plan.protocol.model_copy(update={"seeds": most}),
            "needs": tuple(needs[claim] for claim in sorted(needs)),
            "specs": tuple(spec for _, spec in ordered),
        }
    )


def by_looks(
    claim_sets: Sequence[ClaimSet],
    plan: Plan,
    *,
    make: MakePlan,
    execute: Callable[[Plan, Collection[str]], bool],
    verify: Callable[[Plan], Seen],
) -> tuple[Plan, Seen]:
    """Run a plan, take the look, and go on with the claims that it leaves open.

    Args:
        claim_sets: the claims.
        plan: of the first look.
        make: makes a plan of claim sets under a protocol.
        execute: runs what is missing of a plan, best in the order of `ranking` for the claims given,
            and says whether to go on; False where the budget is spent or a stop was asked for.
        verify: decides all claims on the runs made so far, and puts the look on record.

    Returns:
        The last plan, which all claims can be verified on, and what that showed.
    """
    scored = [c.id for s in claim_sets for c in s.claims if not isinstance(c, ProtocolClaim)]
    while True:
        going = execute(plan, scored)
        seen = verify(plan)
        following = next_plan(claim_sets, plan, seen, make=make) if going else None
        if following is None:
            return plan, seen
        plan = following


def _lacking(
    needs: ClaimNeeds, parents: Mapping[str, str | None], done: Collection[str]
) -> frozenset[str]:
    """Return the runs still to make for a claim: those that it needs, and what they start from."""
    lacking: set[str] = set()
    for digest in needs.runs:
        current: str | None = digest
        while current is not None and current in parents and current not in lacking:
            if current in done:
                break
            lacking.add(current)
            current = parents[current]
    return frozenset(lacking)


def _append(digest: str, parents: Mapping[str, str | None], ordered: dict[str, None]) -> None:
    """Add a run after all that it starts from, each once."""
    line: list[str] = []
    current: str | None = digest
    # a run's digest covers its parent's, so no file can hold a circle
    while current is not None and current in parents and current not in ordered:
        line.append(current)
        current = parents[current]
    ordered.update(dict.fromkeys(reversed(line)))
