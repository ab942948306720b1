"""How is a plan executed so that claims are decided soonest, and no more is run than they need?

Without a budget the runs of a plan are made in its own order. Under one, claims that lack least go
first; and where the protocol plans looks, the claims that one leaves open get the seeds of the next.
Light: engines import what they need themselves.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Protocol as Shape

from claims.claim import ClaimSet, ProtocolClaim
from replication.cost import Bill, bill_of
from replication.data import Source
from replication.engines.engine import Engine, Progress, Tally
from replication.looks import read_looks
from replication.plan import make_plan
from replication.protocol import Protocol
from replication.run import Plan, RunSpec
from replication.store import Store
from verifier.adaptive import Seen, by_looks, prices, ranking
from verifier.looks import Named, verify_store

__all__ = ["Execution", "Site", "execute"]


class MakeProgress(Shape):
    """Makes what hears of the runs of one plan."""

    def __call__(
        self, specs: Sequence[RunSpec], expected: Mapping[str, float]
    ) -> AbstractContextManager[Progress]:
        """Take the plan's runs and the seconds that each is expected to take, where known."""


@dataclass(frozen=True, slots=True)
class Site:
    """Where runs are made, and who hears of them."""

    store: Store
    source: Source
    engine: Engine
    progress: MakeProgress
    said: Callable[[Tally], None]
    """Hears how the execution of each plan went."""


@dataclass(slots=True)
class Execution:
    """How all of it went."""

    failed: bool = False
    postponed: bool = False
    interrupted: bool = False
    plans: list[Plan] = field(default_factory=list)
    """Those executed, one per look."""


def execute(
    named: Named,
    plan: Plan,
    site: Site,
    *,
    budget_s: float | None = None,
    reported: Mapping[str, Protocol],
) -> Execution:
    """Execute a plan, and under a budget also what the looks that it plans leave open.

    Args:
        named: the claim sets that the plan was made for.
        plan: of the first look, or the only one.
        site: where runs are made.
        budget_s: no run begins after so many seconds in all; None for no limit.
        reported: protocols as reported, by name, for the verdicts of the looks.

    Raises:
        CorroborateError: the store or the data do not allow it.
    """
    went = Execution()
    claim_sets = [s for _, s in named]
    if budget_s is None:
        bill = bill_of(plan, site.source, site.store.runs(verify=False))
        _once(plan, site, went, bill=bill, order=None, budget_s=None)
        return went
    end = time.monotonic() + budget_s

    def step(following: Plan, claims: Collection[str]) -> bool:
        runs = site.store.runs(verify=False)
        done = {run.spec_digest for run in runs if run.status == "finished"}
        bill = bill_of(following, site.source, runs)
        order = ranking(following, prices(bill), done, claims)
        left = max(0.0, end - time.monotonic())
        _once(following, site, went, bill=bill, order=order, budget_s=left)
        return not (went.postponed or went.interrupted)

    seeds, looks = plan.protocol.seeds, plan.protocol.looks
    if not looks or looks[-1] == seeds:
        step(plan, _scored(claim_sets))
        return went

    def look() -> Seen:
        found = verify_store(site.store.path, named, reported)
        finished = {run.spec_digest for run in found.runs if run.status == "finished"}
        return Seen(found.verdicts, finished, read_looks(site.store.path))

    by_looks(
        claim_sets, plan, make=lambda sets, p: make_plan(sets, p, site.source),
        execute=step, verify=lambda _: look(),
    )  # fmt: skip
    return went


def _once(
    plan: Plan,
    site: Site,
    went: Execution,
    *,
    bill: Bill,
    order: Sequence[str] | None,
    budget_s: float | None,
) -> None:
    """Execute one plan, and note how it went."""
    site.store.add_plan(plan)
    went.plans.append(plan)
    expected = {d: cost.seconds for d, cost in bill.nodes.items() if cost.seconds is not None}
    with site.progress(plan.specs, expected) as hearing:
        tally = site.engine.run(
            plan, site.store, site.source, progress=hearing, budget_s=budget_s, order=order
        )
    site.said(tally)
    went.failed = went.failed or bool(tally.failed)
    went.postponed = went.postponed or bool(tally.postponed)
    went.interrupted = went.interrupted or tally.interrupted


def _scored(claim_sets: Sequence[ClaimSet]) -> list[str]:
    return [c.id for s in claim_sets for c in s.claims if not isinstance(c, ProtocolClaim)]
