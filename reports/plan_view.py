"""What would a plan run and why, what is shared, what is there already, and what would it cost?"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from claims.claim import ClaimSet, ProtocolClaim
from replication.cost import Bill, NodeCost, bill_of
from replication.data import Source
from replication.run import Plan, RunSpec, refusal_lines
from replication.store import Store
from replication.why import Reason, Stored, look_into, reasons_of

__all__ = ["PlanView", "view_plan"]

GIB = 2**30


def view_plan(
    plan: Plan, source: Source, claim_sets: Sequence[ClaimSet], store: Path | None = None
) -> PlanView:
    """Return a plan with its bill.

    Args:
        plan: the plan.
        source: where its data are, to tell how much work each run is.
        claim_sets: what the plan was made for.
        store: what is there already, and how fast it was made; None where none is named.

    Raises:
        StoreError: there is no such store, or it cannot be read.
    """
    stored = None
    if store is not None:
        with Store.open(store, write=False) as opened:
            stored = look_into(opened, plan)
    bill = bill_of(plan, source, tuple(stored.runs.values()) if stored else ())
    resting = {c.id for s in claim_sets for c in s.claims if isinstance(c, ProtocolClaim)}
    return PlanView(plan, bill, stored, resting)


@dataclass(frozen=True, slots=True)
class _Sum:
    """What some runs cost together."""

    hours: float
    gpu_hours: float
    gpu_memory: int
    """The largest of them."""
    disk: int
    uncosted: int
    """Runs of which something is not known; the sums are without them."""


@dataclass(frozen=True, slots=True)
class _Needs:
    """What one claim needs, with everything its evaluations start from."""

    evaluations: int
    runs: int
    shared: int
    """Of the runs, those that another claim asks for too; a claim about settings asks for none."""
    done: int | None
    """None where no store was named."""
    to_do: _Sum
    device: str | None
    """What the hours are on; None where no device was measured."""
    resting: bool
    """Whether the claim is about settings, and so asks for no run."""

    def sentence(self) -> str:
        """Return the needs in words."""
        if self.resting:
            return "about settings; needs no run of its own, it rests on those of the file's others"
        if not self.runs:
            return "0 evaluations"
        parts = [f"{self.runs} runs with what they start from, {self.shared} of them shared"]
        if self.done is not None:
            parts.append(f"{self.done} finished already")
        if self.device is not None:
            parts.append(f"{_number(self.to_do.hours)} hours on {self.device}")
        parts.append(f"{_number(self.to_do.gpu_hours)} GPU-hours")
        if self.to_do.uncosted:
            parts.append(f"{self.to_do.uncosted} runs of unknown cost beside")
        return f"{self.evaluations} evaluations; " + ", ".join(parts)

    def to_json(self) -> dict[str, object]:
        """Return the needs as JSON."""
        return {
            "evaluations": self.evaluations,
            "runs": self.runs,
            "shared": self.shared,
            "finished": self.done,
            "to_do": _sum_json(self.to_do, measured=self.device is not None),
        }


class PlanView:
    """A plan looked at once: its digests and ancestors, who needs what, what is done, the bill."""

    def __init__(
        self,
        plan: Plan,
        bill: Bill,
        stored: Stored | None = None,
        resting: Collection[str] = (),
    ) -> None:
        """Take the plan and its bill.

        Args:
            plan: the plan.
            bill: what each of its runs costs.
            stored: what a store has of it; None where none was named.
            resting: claims that rest on whatever others run: they ask for no run and have no bill.
        """
        self.plan = plan
        self.bill = bill
        self.stored = stored
        self.resting = frozenset(resting)
        # the bill has the plan's runs in their order; digests are not computed anew
        self.specs: dict[str, RunSpec] = dict(zip(bill.nodes, plan.specs, strict=True))
        states: Mapping[str, str] = stored.states if stored else {}
        self.done = {d for d in self.specs if states.get(d) == "finished"}
        self.runs_of: dict[str, set[str]] = {n.claim: self._lineage(n.runs) for n in plan.needs}
        self.wanted: dict[str, list[str]] = {d: [] for d in self.specs}
        """Digest -> claims that ask for the run or rest on it, sorted."""
        for claim, runs in sorted(self.runs_of.items()):
            for digest in runs:
                self.wanted[digest].append(claim)
        self.askers = {d: [c for c in w if c not in self.resting] for d, w in self.wanted.items()}
        self.to_do = self.sum_of(d for d in self.specs if d not in self.done)

    def text(self, *, explain: bool) -> str:
        """Return the plan in words: the bill, what each claim needs and shares, and what is refused.

        Args:
            explain: whether to list every run with the claims that need it and why it would run.
        """
        plan, stored = self.plan, self.stored
        phases = Counter(s.phase for s in plan.specs)
        counted = ", ".join(f"{n} {phase}" for phase, n in phases.items()) or "none"
        done = f", {len(self.done)} finished already" if stored else ""
        lines = [
            f"protocol {plan.protocol.name} ({plan.protocol.size}), data {plan.data}",
            f"runs: {len(plan.specs)} ({counted}){done}",
            *_bill_lines(self),
            "",
        ]
        for need in plan.needs:
            lines.append(f"{need.claim}: {self.needs_of(need.claim).sentence()}")
            lines += [f"  refused: {line}" for line in refusal_lines(need.refusals)]
        if explain:
            reasons = reasons_of(plan, stored)
            lines += ["", "runs in order:"]
            for digest, spec in self.specs.items():
                claims = ", ".join(self.askers[digest])
                why = reasons[digest].sentence()
                cost = _node_words(self.bill.nodes[digest])
                lines.append(f"  {digest[:12]} {why}: {spec.title()}; for {claims}{cost}")
        return "\n".join(lines)

    def to_json(self) -> dict[str, object]:
        """Return the plan as a JSON document: each run with its state, claims, reason and cost."""
        reasons = reasons_of(self.plan, self.stored)
        states = self.stored.states if self.stored else {}
        runs = [
            {
                "digest": digest,
                "title": spec.title(),
                "phase": spec.phase,
                "parent": spec.parent,
                "state": states.get(digest, "new"),
                "claims": self.wanted[digest],
                "why": _reason_json(reasons[digest]),
                "cost": _node_json(self.bill.nodes[digest]),
            }
            for digest, spec in self.specs.items()
        ]
        needs = [
            n.model_dump(mode="json") | {"bill": self.needs_of(n.claim).to_json()}
            for n in self.plan.needs
        ]
        return {
            "schema": "corroborate/plan-summary@1",
            "protocol": {"name": self.plan.protocol.name, "size": self.plan.protocol.size},
            "data": self.plan.data,
            "runs": runs,
            "claims": needs,
            "bill": _bill_json(self),
        }

    def needs_of(self, claim: str) -> _Needs:
        """Return what one claim needs."""
        resting = claim in self.resting
        runs = set() if resting else self.runs_of[claim]
        return _Needs(
            evaluations=sum(self.specs[d].phase == "evaluation" for d in runs),
            runs=len(runs),
            shared=sum(len(self.askers[d]) > 1 for d in runs),
            done=len(runs & self.done) if self.stored else None,
            to_do=self.sum_of(runs - self.done),
            device=self.bill.device if self.bill.throughput else None,
            resting=resting,
        )

    def sum_of(self, digests: Iterable[str]) -> _Sum:
        """Return what some runs cost together; sums do not depend on the order."""
        costs = [self.bill.nodes[d] for d in digests]
        return _Sum(
            hours=math.fsum(c.seconds or 0.0 for c in costs) / 3600,
            gpu_hours=math.fsum(c.gpu_seconds or 0.0 for c in costs) / 3600,
            gpu_memory=max((c.gpu_memory or 0 for c in costs), default=0),
            disk=sum(c.disk or 0 for c in costs),
            uncosted=sum(c.unknown is not None for c in costs),
        )

    def _lineage(self, digests: Iterable[str]) -> set[str]:
        found: set[str] = set()
        for digest in digests:
            at: str | None = digest
            while at is not None and at not in found:
                found.add(at)
                at = self.specs[at].parent
        return found


def _bill_lines(view: PlanView) -> list[str]:
    bill, total = view.bill, view.to_do
    left = len(view.specs) - len(view.done)
    if not left:
        return []
    lines = []
    speed = bill.throughput
    if speed is None:
        lines.append(f"hours on {bill.device}: not known, no run was measured there")
    else:
        low, high = total.hours / speed.factor, total.hours * speed.factor
        basis = f"{speed.runs} runs of {speed.kinds} kinds: {speed.measured}"
        lines.append(
            f"hours on {bill.device}: {_number(total.hours)} ({_number(low)} to {_number(high)}) "
            f"for {left} runs; 9 of 10 kinds of runs take within a factor {speed.factor:.2f} of "
            f"what is foretold (fitted on {basis})"
        )
        if bill.beyond:
            lines.append(
                f"  the encoder is {bill.beyond:.3g} times the largest that was measured; how far "
                "the hours are off for it is not known"
            )
    lines.append(
        f"GPU-hours on {bill.gpu}: {_number(total.gpu_hours)}, peak GPU memory "
        f"{_gib(total.gpu_memory)} ({bill.gpu_because})"
    )
    lines.append(f"disk: {_gib(total.disk)}")
    if total.uncosted:
        lines.append(
            f"not in these sums: {total.uncosted} runs, for want of {'; '.join(bill.unknown)}"
        )
    lines += [f"assumed: {told}" for told in bill.assumed]
    return lines


def _bill_json(view: PlanView) -> dict[str, object]:
    bill, speed, total = view.bill, view.bill.throughput, view.to_do
    found: dict[str, object] = {
        "to_do": len(view.specs) - len(view.done),
        "finished": len(view.done),
        **_sum_json(total, measured=speed is not None),
        "device": bill.device,
        "hours_range": [total.hours / speed.factor, total.hours * speed.factor] if speed else None,
        "factor": speed.factor if speed else None,
        "fitted_on": speed.measured if speed else None,
        "own_runs": bill.own,
        "times_the_largest_measured": bill.beyond or None,
        "gpu": bill.gpu,
        "gpu_figures": bill.gpu_because,
        "assumed": list(bill.assumed),
        "unknown": list(bill.unknown),
    }
    return found


def _sum_json(total: _Sum, *, measured: bool) -> dict[str, object]:
    return {
        "hours": total.hours if measured else None,
        "gpu_hours": total.gpu_hours,
        "peak_gpu_memory_bytes": total.gpu_memory,
        "disk_bytes": total.disk,
        "runs_without_figure": total.uncosted,
    }


def _node_json(cost: NodeCost) -> dict[str, object]:
    return {
        "seconds": cost.seconds,
        "gpu_seconds": cost.gpu_seconds,
        "peak_gpu_memory_bytes": cost.gpu_memory,
        "disk_bytes": cost.disk,
        "unknown": cost.unknown,
    }


def _reason_json(reason: Reason) -> dict[str, object]:
    return {
        "cause": reason.cause,
        "detail": reason.detail or None,
        "nearest": reason.nearest,
        "changes": [
            {"field": c.field, "stored": c.stored, "planned": c.planned} for c in reason.changes
        ],
    }


def _node_words(cost: NodeCost) -> str:
    return f"; about {cost.seconds:.3g} s" if cost.seconds is not None else ""


def _number(value: float) -> str:
    """Return two digits: the figures are not known better."""
    if value == 0:
        return "0"
    if value >= 100:
        return f"{float(f'{value:.2g}'):,.0f}"
    return f"{value:.2g}"


def _gib(value: int) -> str:
    return f"{_number(value / GIB)} GiB" if value >= GIB / 10 else f"{_number(value / 2**20)} MiB"
