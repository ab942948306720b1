"""Which conditions, tasks, languages and splits does a claim speak of under a given protocol?

Light: imports neither torch nor transformers nor datasets.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

from claims.claim import SelectedGainClaim
from claims.estimand import Condition, Measure, Split
from replication.plan import conditions_of, resolve
from replication.protocol import Protocol, base_name
from replication.tasks.row import Metric, Task

__all__ = [
    "Scope",
    "TaskScope",
    "TasksOf",
    "scope_of",
    "selection_scope",
]

TasksOf = Callable[[str], tuple[Task, ...]]
"""Benchmark name -> its target tasks, sorted by name."""


@dataclass(frozen=True, slots=True)
class TaskScope:
    """One target task as a claim measures it."""

    task: str
    metrics: tuple[Metric, ...]
    """The task's score is their mean."""
    languages: tuple[str, ...]
    """Codes asked for, sorted; those officially missing from a split are still among them."""
    missing: dict[Split, tuple[str, ...]]
    """Languages that officially have no such split."""
    splits: tuple[Split, ...]
    """Splits that may be scored, the preferred one first."""

    def asked(self, split: Split) -> tuple[str, ...]:
        """Return the languages that can be asked of a split, sorted."""
        absent = self.missing.get(split, ())
        return tuple(code for code in self.languages if code not in absent)


@dataclass(frozen=True, slots=True)
class Scope:
    """All that a claim needs to see scored."""

    conditions: tuple[Condition, ...]
    """Resolved, without repetition, in the order of the claim."""
    tasks: tuple[TaskScope, ...]
    """Sorted by name; only tasks with at least one language asked for."""
    unplaced: tuple[str, ...]
    """Tasks or languages that the claim names and the benchmark does not have, sorted."""
    base: str | None = None
    """Name under which runs may state the protocol's own base; None where it has none."""

    def placed(self, condition: Condition | None) -> Condition | None:
        """Return the condition of a run as this scope names it."""
        if condition is None or self.base is None or condition.base != self.base:
            return condition
        return condition.model_copy(update={"base": "protocol"})


def scope_of(
    measure: Measure, conditions: Iterable[Condition], *, protocol: Protocol, tasks_of: TasksOf
) -> Scope:
    """Return what a measure over some conditions needs to see scored under a protocol."""
    stated = tuple(conditions)
    trained = {c.training_language for c in stated}
    rows = {row.name: row for row in tasks_of(measure.benchmark)}
    names = sorted(rows) if measure.tasks == "all" else list(measure.tasks)
    placed: list[TaskScope] = []
    unplaced = [name for name in names if name not in rows]
    for name in names:
        if name not in rows:
            continue
        languages = _languages(rows[name], measure, trained)
        preferred = [measure.split, protocol.evaluation.splits.get(name, "unknown")]
        splits = tuple(dict.fromkeys(s for s in preferred if s != "unknown"))
        if not languages:
            unplaced.append(name)
            continue
        placed.append(
            TaskScope(name, rows[name].metrics, languages, dict(rows[name].missing), splits)
        )
    if isinstance(measure.languages, tuple):
        known = {code for task in placed for code in task.languages}
        unplaced += [code for code in measure.languages if code not in known]
    resolved = tuple(dict.fromkeys(resolve(c, protocol) for c in stated))
    return Scope(resolved, tuple(placed), tuple(sorted(unplaced)), base_name(protocol.base))


def selection_scope(claim: SelectedGainClaim, protocol: Protocol, tasks_of: TasksOf) -> Scope:
    """Return the scope of the scores on which a selected-gain claim chooses its candidates.

    With `languages: training`, and where the paper does not say, the training language alone
    counts; a task that does not have it keeps all its languages, which the caller must say.
    """
    everywhere = claim.measure.model_copy(
        update={"languages": "all", "split": claim.selection.split}
    )
    stated = conditions_of(claim)
    whole = scope_of(everywhere, stated, protocol=protocol, tasks_of=tasks_of)
    trained = {c.training_language for c in stated}
    tasks: list[TaskScope] = []
    for task in whole.tasks:
        known = tuple(sorted(trained & set(task.languages)))
        languages = task.languages if claim.selection.languages == "all" or not known else known
        tasks.append(replace(task, languages=languages, splits=task.splits[:1]))
    return replace(whole, tasks=tuple(tasks))


def _languages(row: Task, measure: Measure, trained: set[str]) -> tuple[str, ...]:
    if measure.languages == "all":
        return tuple(sorted(row.languages))
    if measure.languages == "zero_shot":
        return tuple(sorted(set(row.languages) - trained))
    return tuple(sorted(set(row.languages) & set(measure.languages)))
