"""The engine `inline`: one run after another, in this process."""

from __future__ import annotations

import time

from replication.data import Source
from replication.engines.engine import Engine, Progress, Tally
from replication.run import Plan
from replication.store import Store

__all__ = ["ENGINE", "Inline"]


class Inline:
    """Runs a plan in its own order; what is finished is skipped, what rests on a failure is left."""

    name = "inline"

    def run(
        self,
        plan: Plan,
        store: Store,
        source: Source,
        *,
        progress: Progress,
        budget_s: float | None,
    ) -> Tally:
        """Execute what the store lacks and say how it went."""
        from replication.worker import execute  # noqa: PLC0415  torch, only where something runs

        tally, begun = Tally(), time.monotonic()
        todo = _todo(plan, store)
        failed: set[str] = set()
        for spec in plan.specs:
            digest = spec.digest()
            if digest not in todo:
                tally.skipped += 1
                progress.skip(spec)
                continue
            if spec.parent in failed:
                failed.add(digest)
                tally.blocked += 1
                progress.skip(spec)
                continue
            if budget_s is not None and time.monotonic() - begun >= budget_s:
                tally.postponed += 1
                continue
            progress.begin(spec)
            run = execute(spec, store, source)
            progress.end(spec, run.seconds)
            if run.status == "failed":
                failed.add(digest)
                tally.failed[digest] = run.error or "unknown"
            else:
                tally.finished += 1
        return tally


def _todo(plan: Plan, store: Store) -> set[str]:
    """Return the runs to execute: those that are not there, and damaged ones that they start from.

    Children come first here, so that a run is hashed only where something will start from it.
    """
    todo: set[str] = set()
    parents: set[str | None] = set()
    for spec in reversed(plan.specs):
        digest = spec.digest()
        if store.run(digest, verify=digest in parents) is None:
            todo.add(digest)
            parents.add(spec.parent)
    return todo


ENGINE: Engine = Inline()
