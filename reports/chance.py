"""What would a system score that knows nothing?

From the rows of the tasks, in points; None wherever guessing has no simple score.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping

from claims.claim import Claim, ClaimSet
from claims.estimand import Measure
from replication.tasks.row import Task, tasks
from verifier.imported import described
from verifier.verdict import Verdict

__all__ = ["Rows", "chance_level", "chance_of", "known_rows"]


Rows = Mapping[str, Task]
"""Task rows by name."""


def known_rows(claim_sets: Iterable[ClaimSet]) -> Rows:
    """Return the bundled task rows and those that claim files describe; no name that both have."""
    own = [row for rows in described(claim_sets).values() for row in rows]
    names = Counter([*tasks(), *(row.name for row in own)])
    every = {**tasks(), **{row.name: row for row in own}}
    return {name: row for name, row in every.items() if names[name] == 1}


def chance_level(rows: Rows, task: str, metric: str) -> float | None:
    """Return the expected score of a uniform guess, in points; None where it is not known.

    A row's chance is that of its whole score, so it holds for a metric only where the row has no other.
    """
    row = rows.get(task)
    return row.chance if row is not None and row.metrics == (metric,) else None


def chance_of(rows: Rows, claim: Claim, verdict: Verdict) -> float | None:
    """Return the chance level of a claim's scores; None unless all its tasks have the same one."""
    measure = getattr(claim, "measure", None)
    names = {c.task for c in verdict.evidence.cells if c.task}
    if not isinstance(measure, Measure) or not names:
        return None
    names |= set(() if isinstance(measure.tasks, str) else measure.tasks)
    own = [rows.get(name) for name in names]
    found = {row.chance if row is not None and len(row.metrics) == 1 else None for row in own}
    return found.pop() if len(found) == 1 else None
