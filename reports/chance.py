"""What would a system score that knows nothing?

From the rows of the tasks, in points; None wherever guessing has no simple score.
"""

from __future__ import annotations

from claims.claim import Claim
from claims.estimand import Measure
from replication.tasks.row import tasks
from verifier.verdict import Verdict

__all__ = ["chance_level", "chance_of"]


def chance_level(task: str, metric: str) -> float | None:
    """Return the expected score of a uniform guess, in points; None where it is not known.

    A row's chance is that of its whole score, so it holds for a metric only where the row has no other.
    """
    row = tasks().get(task)
    return row.chance if row is not None and row.metrics == (metric,) else None


def chance_of(claim: Claim, verdict: Verdict) -> float | None:
    """Return the chance level of a claim's scores; None unless all its tasks have the same one."""
    measure = getattr(claim, "measure", None)
    names = {c.task for c in verdict.evidence.cells if c.task}
    if not isinstance(measure, Measure) or not names:
        return None
    names |= set(() if isinstance(measure.tasks, str) else measure.tasks)
    rows = [tasks().get(name) for name in names]
    found = {row.chance if row is not None and len(row.metrics) == 1 else None for row in rows}
    return found.pop() if len(found) == 1 else None
