"""What did each condition score, seed by seed and cell by cell, on the same cells for all arms?

A cell is one task in one language. Cells that any arm lacks are dropped from all arms and listed.
Everything is sorted, so the order in which runs arrive never matters.
Light: imports neither torch nor transformers nor datasets.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from claims.estimand import Condition, Split
from replication.run import Run
from verifier.scope import Scope, TaskScope

__all__ = ["ArmSample", "Floats", "Samples", "ScoredCell", "collect"]

Floats = NDArray[np.float64]
Seed = int | None
_Scored = dict[tuple[str, Split], dict[Seed, dict[str, tuple[float, int]]]]
"""(task, split) -> seed -> language -> (score in points, examples)."""


@dataclass(frozen=True, slots=True, order=True)
class ScoredCell:
    """One task in one language, scored in every seed of every arm."""

    task: str
    language: str
    split: Split
    n: int
    """Examples scored per run; the same in all runs."""


@dataclass(frozen=True, slots=True, eq=False)
class ArmSample:
    """The scores of one condition."""

    condition: Condition
    seeds: tuple[Seed, ...]
    """Rising; a single None where nothing random follows the base checkpoint."""
    scores: Floats
    """(n_seeds, n_cells), points from 0 to 100."""

    @property
    def constant(self) -> bool:
        """Whether nothing random follows the base checkpoint."""
        return self.seeds == (None,)


@dataclass(frozen=True, slots=True, eq=False)
class Samples:
    """The aligned scores of all arms that have any."""

    scope: Scope
    cells: tuple[ScoredCell, ...]
    """Sorted; the columns of every arm's scores."""
    arms: Mapping[Condition, ArmSample]
    """Resolved condition -> its scores; a condition without usable runs is absent."""
    exclusions: tuple[str, ...]
    """What was left out and why, sorted."""

    @property
    def seeds(self) -> int:
        """Smallest number of seeds in any arm that has seeds; 0 where none has."""
        counts = [len(a.seeds) for a in self.arms.values() if not a.constant]
        return min(counts, default=0)

    def weights(self, keep: Callable[[ScoredCell], bool] = lambda _: True) -> Floats:
        """Return the weight of each cell in the mean over tasks of the mean over languages.

        Args:
            keep: says which cells take part; at least one must.

        Returns:
            (n_cells,), non-negative, summing to 1.

        Raises:
            ValueError: no cell is kept.
        """
        kept = [keep(cell) for cell in self.cells]
        per_task: dict[str, int] = {}
        for cell, inside in zip(self.cells, kept, strict=True):
            if inside:
                per_task[cell.task] = per_task.get(cell.task, 0) + 1
        if not per_task:
            raise ValueError("no cell is kept, so there is nothing to average")
        pairs = zip(self.cells, kept, strict=True)
        values = [1 / (len(per_task) * per_task[c.task]) if k else 0.0 for c, k in pairs]
        return np.asarray(values, dtype=np.float64)

    def step(self, weights: Floats) -> float:
        """Return the largest change, in points, that one example can make to a weighted measure."""
        n = np.asarray([cell.n for cell in self.cells], dtype=np.float64)
        return float(np.max(100 * weights / n))


def collect(scope: Scope, runs: Iterable[Run]) -> Samples:
    """Return the scores of a scope's conditions on the cells that all of them have.

    Args:
        scope: what the claim needs to see scored.
        runs: finished evaluation runs, in any order, of these conditions or of others.
    """
    notes: set[str] = set()
    scored: dict[Condition, _Scored] = {}
    tasks = {task.task: task for task in scope.tasks}
    for run in sorted(runs, key=lambda r: r.spec_digest):
        if run.spec.condition in scope.conditions:
            _enter(scored.setdefault(run.spec.condition, {}), run, tasks, notes)
    scored = {condition: arm for condition, arm in scored.items() if arm}
    splits = _choose_splits(scope, scored, notes)
    seeds = {c: _common_seeds(c, scored[c], splits, notes) for c in scored}
    present = [c for c in scope.conditions if seeds.get(c)]
    cells = _common_cells(scope, {c: scored[c] for c in present}, seeds, splits, notes)
    arms: dict[Condition, ArmSample] = {}
    for condition in present if cells else ():
        table = [[_cell(scored[condition], s, c) for c in cells] for s in seeds[condition]]
        arms[condition] = ArmSample(
            condition, seeds[condition], np.asarray(table, dtype=np.float64)
        )
    return Samples(scope, cells, arms, tuple(sorted(notes)))


def _enter(scored: _Scored, run: Run, tasks: Mapping[str, TaskScope], notes: set[str]) -> None:
    """Add a run's task scores; a task's score is the mean of the metrics of its row."""
    found: dict[tuple[str, Split, str], dict[str, set[tuple[float, int]]]] = {}
    for m in run.measurements:
        if m.task in tasks and m.language in tasks[m.task].languages:
            metrics = found.setdefault((m.task, m.split, m.language), {})
            metrics.setdefault(m.metric, set()).add((m.score, m.n))
    for (task, split, language), metrics in sorted(found.items()):
        where = f"{run.spec.title()}: {task} {language} {split}"
        wanted = tasks[task].metrics
        lacking = [name for name in wanted if name not in metrics]
        values = [metrics[name] for name in wanted if name in metrics]
        if lacking or not wanted:
            notes.add(f"{where}: metric {', '.join(lacking) or 'of the task'} missing")
            continue
        if any(len(v) > 1 for v in values):
            notes.add(f"{where}: one metric with two different scores")
            continue
        pairs = [next(iter(v)) for v in values]
        outcome = (float(np.mean([s for s, _ in pairs])), min(n for _, n in pairs))
        languages = scored.setdefault((task, split), {}).setdefault(run.spec.seed, {})
        if languages.setdefault(language, outcome) != outcome:
            # Two specs of one condition and seed: neither can be preferred without a guess.
            notes.add(f"{where}: scored differently by two runs of the plan")
            languages[language] = (0.0, 0)


def _choose_splits(
    scope: Scope, scored: Mapping[Condition, _Scored], notes: set[str]
) -> dict[str, Split]:
    """Return, per task, the most preferred split that every arm with any run was scored on."""
    chosen: dict[str, Split] = {}
    for task in scope.tasks:
        for split in task.splits:
            if scored and all((task.task, split) in arm for arm in scored.values()):
                chosen[task.task] = split
                break
        else:
            lacking = [c.label() for c, arm in scored.items() if not _has(arm, task.task)]
            if 0 < len(lacking) < len(scored):
                notes.add(f"{task.task}: left out of all arms, not scored for {_names(lacking)}")
            elif scored and not lacking:
                notes.add(f"{task.task}: left out of all arms, no split was scored for all of them")
    return chosen


def _has(arm: _Scored, task: str) -> bool:
    return any(name == task for name, _ in arm)


def _common_seeds(
    condition: Condition, scored: _Scored, splits: Mapping[str, Split], notes: set[str]
) -> tuple[Seed, ...]:
    """Return the seeds that an arm has on every task that depends on a seed.

    A task without a seed (nothing random after the base checkpoint) is the same in all of them.
    """
    per_task = {task: set(scored[task, split]) for task, split in splits.items()}
    random = {task: {s for s in have if s is not None} for task, have in per_task.items()}
    varying = {task: have for task, have in random.items() if have}
    if not per_task:
        return ()
    if not varying:
        return (None,)
    common = set.intersection(*varying.values())
    for task, have in sorted(varying.items()):
        gone = sorted(set.union(*varying.values()) - have)
        if gone:
            named = ", ".join(str(seed) for seed in gone)
            notes.add(
                f"[{condition.label()}]: seeds {named} left out, {task} has no score for them"
            )
    return tuple(sorted(common))


def _common_cells(
    scope: Scope,
    scored: Mapping[Condition, _Scored],
    seeds: Mapping[Condition, tuple[Seed, ...]],
    splits: Mapping[str, Split],
    notes: set[str],
) -> tuple[ScoredCell, ...]:
    """Return the cells that every seed of every arm has with the same number of examples."""
    cells: list[ScoredCell] = []
    for task in scope.tasks:
        if task.task not in splits or not scored:
            continue
        split = splits[task.task]
        for language in task.asked(split):
            sizes = {
                _look_up(arm, seed, (task.task, split, language))[1]
                for condition, arm in scored.items()
                for seed in seeds[condition]
            }
            if len(sizes) == 1 and 0 not in sizes:
                cells.append(ScoredCell(task.task, language, split, sizes.pop()))
            elif sizes != {0}:
                why = "not usable in every run" if 0 in sizes else _sizes(sizes)
                notes.add(f"{task.task} {language}: left out of all arms, {why}")
    return tuple(sorted(cells))


def _look_up(arm: _Scored, seed: Seed, cell: tuple[str, Split, str]) -> tuple[float, int]:
    """Return score and examples of a cell; no examples where it was not scored."""
    task, split, language = cell
    by_seed = arm[task, split]
    return by_seed.get(seed, by_seed.get(None, {})).get(language, (0.0, 0))


def _cell(arm: _Scored, seed: Seed, cell: ScoredCell) -> float:
    return _look_up(arm, seed, (cell.task, cell.split, cell.language))[0]


def _sizes(sizes: set[int]) -> str:
    return f"scored on different numbers of examples: {', '.join(map(str, sorted(sizes)))}"


def _names(names: Sequence[str]) -> str:
    return ", ".join(f"[{name}]" for name in names)
