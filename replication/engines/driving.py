"""How is a plan executed, whoever executes its runs? The one loop that all engines share.

Only this loop, in the process that owns the store, begins, finishes and fails runs.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from replication.engines.engine import Discerning, Ended, Hands, Progress, Stepwise, Tally
from replication.engines.scheduling import TRIES, Schedule
from replication.engines.stopping import Stop
from replication.orders import Order, SourceNote, lost_run, order_for, settle
from replication.premises import remove
from replication.remaining import remaining
from replication.run import Plan, Run, RunSpec
from replication.store import Store

__all__ = ["Terms", "drive", "to_steps"]

PATIENCE_S = 0.2
"""Seconds after which a signal is noticed at the latest."""


@dataclass(frozen=True, slots=True)
class Terms:
    """On which terms a plan is executed."""

    progress: Progress
    budget_s: float | None
    """No run begins after this many seconds; None for no limit."""
    order: Sequence[str] | None
    """Digests in the order wanted; None for the plan's own."""
    stop: Stop
    """Asks for a stop."""
    note: SourceNote | None
    """How another process opens the source; None where no other does."""


def drive(plan: Plan, store: Store, *, hands: Hands, terms: Terms) -> Tally:
    """Execute what the store lacks, and say how it went; the hands are closed in any case.

    Raises:
        StoreError: the store cannot be written.
        KeyboardInterrupt: a second signal came.
    """
    driven = _Driven(plan, store, hands, terms)
    try:
        return driven.run()
    finally:
        hands.close()


def to_steps(progress: Progress, digest: str, told: Sequence[float]) -> None:
    """Pass on what a run told of a step, if the progress wants to hear of steps.

    Args:
        progress: of the engine.
        digest: of the run's spec.
        told: steps done, steps in all, real tokens so far, loss.
    """
    if isinstance(progress, Stepwise):
        step, steps, tokens, loss = told
        progress.step(digest, int(step), int(steps), float(loss), int(tokens))


class _Driven:
    """One plan under way."""

    def __init__(self, plan: Plan, store: Store, hands: Hands, terms: Terms) -> None:
        self.store = store
        self.hands = hands
        self.terms = terms
        self.tally = Tally()
        todo = remaining(plan, store).make
        for spec in plan.specs:
            if spec.digest() not in todo:
                self.tally.skipped += 1
                terms.progress.skip(spec)
        self.schedule = Schedule(plan.specs, todo, terms.order)
        self.orders: dict[str, tuple[Order, float]] = {}
        """Digest -> order in hand, and when it was given."""

    def run(self) -> Tally:
        """Give out and take back, until nothing is left that may begin."""
        begun, told = time.monotonic(), False
        budget_s, stop = self.terms.budget_s, self.terms.stop
        spent = False
        while True:
            if stop.asked() and not told:
                self.hands.stop()
                told = True
            while not stop.asked() and self.schedule.running < self.hands.capacity:
                spent = budget_s is not None and time.monotonic() - begun >= budget_s
                spec = None if spent else self.schedule.take(self.hands.fits)
                if spec is None:
                    break
                self._begin(spec)
            if not self.schedule.running:
                break
            for ended in self.hands.wait(PATIENCE_S):
                self._end(ended)
        if stop.asked():
            self.tally.left = self.schedule.waiting
            self.tally.interrupted = self.tally.left > 0
        else:
            self.tally.postponed = self.schedule.waiting
        return self.tally

    def _begin(self, spec: RunSpec) -> None:
        digest = spec.digest()
        order = order_for(spec, self.store, self.terms.note)
        order = order.model_copy(update={"halvings": self.schedule.tries(digest, "memory")})
        self.terms.progress.begin(spec)
        self.orders[digest] = order, time.monotonic()
        self.hands.begin(order)

    def _end(self, ended: Ended) -> None:
        """Settle what came back."""
        order, given = self.orders.pop(ended.digest)
        outcome = ended.outcome
        if ended.crowded and self._crowded(order):
            return
        if outcome is not None and outcome.run is not None:
            run = settle(outcome.run, self.store)
            if outcome.memory and self.schedule.retry(ended.digest, "memory"):
                self._again(order, "memory ran out")
                return
            self._done(run)
            return
        if self.terms.stop.asked():
            self.schedule.put_back(ended.digest)
            return
        how = ended.lost or "it stopped without being asked to"
        if self.schedule.retry(ended.digest, "lost"):
            self._again(order, how)
            return
        why = f"its worker was lost {TRIES['lost'] + 1} times; the last time, {how}"
        self._done(settle(lost_run(order, why, time.monotonic() - given), self.store))

    def _done(self, run: Run) -> None:
        """Count a run that will not begin again."""
        progress = self.terms.progress
        if run.status == "failed" and isinstance(progress, Discerning):
            progress.fail(run.spec, run.seconds)
        else:
            progress.end(run.spec, run.seconds)
        if run.status == "finished":
            self.tally.finished += 1
            self.schedule.finish(run.spec_digest)
            return
        self.tally.failed[run.spec_digest] = run.error or "unknown"
        for spec in self.schedule.fail(run.spec_digest):
            why = f"it rests on failed run {run.spec_digest[:12]} ({run.spec.title()})"
            self.tally.left_out[spec.digest()] = why
            self.tally.blocked += 1
            self.terms.progress.skip(spec)

    def _crowded(self, order: Order) -> bool:
        """Have a run begin again as if it had not begun; return whether it will, once or some day.

        Its state is dropped, for the memory that ran out has left its mark there.
        """
        digest = order.spec.digest()
        stopping = self.terms.stop.asked()
        if not stopping and not self.schedule.retry(digest, "crowded"):
            return False
        if order.resume is not None:
            remove(Path(order.resume))
        if stopping:
            self.schedule.put_back(digest)
        else:
            self._again(order, "memory ran out beside other runs")
        return True

    def _again(self, order: Order, why: str) -> None:
        digest = order.spec.digest()
        self.tally.retried.append(f"run {digest[:12]} ({order.spec.title()}): {why}")
