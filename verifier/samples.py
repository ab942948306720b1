"""What did each condition score, replicate by replicate and cell by cell, on cells that all arms have?

A cell is one task in one language. Cells that any arm lacks are dropped from all arms and listed.
A replicate is one seed, or several that go back to one trained checkpoint.
Everything is sorted, so the order in which runs arrive never matters.
Light: imports neither torch nor transformers nor datasets.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from claims.estimand import Condition, Split
from replication.run import Run
from verifier.crossed import Drawn
from verifier.replicates import Lineage, replicates_of
from verifier.scope import Scope, TaskScope

__all__ = ["ArmSample", "Floats", "Redraws", "Samples", "ScoredCell", "Seed", "collect"]

Floats = NDArray[np.float64]
Seed = int | None
_Members = tuple[tuple[Seed, ...], ...]


@dataclass(frozen=True, slots=True, order=True)
class ScoredCell:
    """One task in one language, scored in every replicate of every arm."""

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
    """The first seed of each replicate, rising; a single None where nothing random follows the base
    checkpoint."""
    scores: Floats
    """(n_replicates, n_cells), points from 0 to 100; the mean over a replicate's seeds."""
    members: tuple[tuple[Seed, ...], ...]
    """The seeds of each replicate, rising; several where they go back to one trained checkpoint."""

    @property
    def constant(self) -> bool:
        """Whether nothing random follows the base checkpoint."""
        return self.seeds == (None,)


class Redraws(Protocol):
    """The scores of the same runs on other examples."""

    def arm(self, arm: ArmSample, weights: Floats) -> Drawn:
        """Return the resampled measure of each replicate of an arm."""

    def chosen(
        self, picks: Sequence[Mapping[str, tuple[ArmSample, Seed]]], weights: Floats
    ) -> Drawn:
        """Return the same where each replicate has an arm, and one of its seeds, for each task."""


@dataclass(frozen=True, slots=True, eq=False)
class Samples:
    """The aligned scores of all arms that have any."""

    scope: Scope
    cells: tuple[ScoredCell, ...]
    """Sorted; the columns of every arm's scores."""
    arms: Mapping[Condition, ArmSample]
    """Resolved condition -> its scores; a condition without usable runs is absent."""
    exclusions: tuple[str, ...]
    """What was left out, or counted together, and why; sorted."""
    runs: Mapping[tuple[Condition, Seed, str], Run] = field(default_factory=dict)
    """(condition, seed, task) -> the evaluation run behind the arm's scores on the task's split, for
    every member of every replicate; under seed None where the task was scored without a seed. A key
    is absent where that seed was not scored, or where several runs scored it between them."""
    redrawn: Redraws | None = None
    """Other examples; None where those at hand are all that the claim is about."""

    @property
    def seeds(self) -> int:
        """Smallest number of replicates in any arm that has seeds; 0 where none has."""
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


@dataclass(frozen=True, slots=True)
class _Arm:
    """What the runs of one condition scored, before arms are aligned."""

    scored: dict[tuple[str, Split], dict[Seed, dict[str, tuple[float, int]]]] = field(
        default_factory=dict
    )
    """(task, split) -> seed -> language -> (score in points, examples)."""
    runs: dict[tuple[str, Split], dict[Seed, list[Run]]] = field(default_factory=dict)
    """(task, split) -> seed -> the runs whose scores were entered."""

    def scorers(self, group: Iterable[Seed], task: str, split: Split) -> tuple[Seed, ...]:
        """Return the seeds of a replicate that were scored there; None where a seed is not needed."""
        by_seed = self.scored[task, split]
        return tuple(seed for seed in group if seed in by_seed) or (None,)

    def look_up(self, seed: Seed, cell: tuple[str, Split, str]) -> tuple[float, int]:
        """Return score and examples of a cell; no examples where it was not scored."""
        task, split, language = cell
        return self.scored[task, split][seed].get(language, (0.0, 0))

    def mean(self, group: Iterable[Seed], cell: ScoredCell) -> float:
        """Return the score of a replicate, in points: the mean over its seeds that have the cell."""
        seeds = self.scorers(group, cell.task, cell.split)
        where = (cell.task, cell.split, cell.language)
        return math.fsum(self.look_up(seed, where)[0] for seed in seeds) / len(seeds)


def collect(
    scope: Scope, runs: Iterable[Run], *, lineage: Lineage = MappingProxyType({})
) -> Samples:
    """Return the scores of a scope's conditions on the cells that all of them have.

    Args:
        scope: what the claim needs to see scored.
        runs: finished evaluation runs, in any order, of these conditions or of others; those that
            `comparable.incomparable` faults must not come here.
        lineage: digest -> spec of the runs that evaluations start from, as the plan has them.
            Without it every seed is a replicate of its own.
    """
    notes: set[str] = set()
    found: dict[Condition, _Arm] = {}
    tasks = {task.task: task for task in scope.tasks}
    for run in sorted(runs, key=lambda r: r.spec_digest):
        condition = scope.placed(run.spec.condition)
        if condition in scope.conditions:
            _enter(found.setdefault(condition, _Arm()), run, tasks, notes)
    found = {condition: arm for condition, arm in found.items() if arm.scored}
    splits = _choose_splits(scope, found, notes)
    members = {c: _replicates(c, found[c], splits, lineage, notes) for c in found}
    present = {c: members[c] for c in scope.conditions if members.get(c)}
    cells = _common_cells(scope, {c: found[c] for c in present}, present, splits, notes)
    arms: dict[Condition, ArmSample] = {}
    behind: dict[tuple[Condition, Seed, str], Run] = {}
    for condition, groups in present.items() if cells else ():
        arm = found[condition]
        table = [[arm.mean(group, cell) for cell in cells] for group in groups]
        scores = np.asarray(table, dtype=np.float64)
        arms[condition] = ArmSample(condition, tuple(g[0] for g in groups), scores, groups)
        for task, split in sorted({(cell.task, cell.split) for cell in cells}):
            for seed in {s for group in groups for s in arm.scorers(group, task, split)}:
                if len(sources := arm.runs[task, split][seed]) == 1:
                    behind[condition, seed, task] = sources[0]
    return Samples(scope, cells, arms, tuple(sorted(notes)), behind)


def _enter(arm: _Arm, run: Run, tasks: Mapping[str, TaskScope], notes: set[str]) -> None:
    """Add a run's task scores; a task's score is the mean of the metrics of its row."""
    title = run.spec.title()
    found: dict[tuple[str, Split, str], dict[str, set[tuple[float, int]]]] = {}
    summaries: dict[tuple[str, Split, str], set[str]] = {}
    for m in run.measurements:
        if m.task not in tasks or m.language not in tasks[m.task].languages:
            continue
        if m.seeds != "single":
            summaries.setdefault((m.task, m.split, m.seeds), set()).add(m.language)
            continue
        metrics = found.setdefault((m.task, m.split, m.language), {})
        metrics.setdefault(m.metric, set()).add((m.score, m.n or 0))  # on none: not usable
    for (task, split, statistic), languages in sorted(summaries.items()):
        notes.add(
            f"{title}: {task} {split} left out in {', '.join(sorted(languages))}, each "
            f"score is a {statistic} over seeds, not a replicate"
        )
    for (task, split, language), metrics in sorted(found.items()):
        where = f"{title}: {task} {language} {split}"
        wanted = tasks[task].metrics
        lacking = [name for name in wanted if name not in metrics]
        values = [metrics[name] for name in wanted if name in metrics]
        if lacking or not wanted:
            notes.add(f"{where}: metric {', '.join(lacking) or 'of the task'} missing")
            continue
        if (why := _unlike(values)) is not None:
            notes.add(f"{where}: {why}")
            continue
        pairs = [next(iter(v)) for v in values]
        outcome = (math.fsum(s for s, _ in pairs) / len(pairs), min(n for _, n in pairs))
        scores = arm.scored.setdefault((task, split), {}).setdefault(run.spec.seed, {})
        sources = arm.runs.setdefault((task, split), {}).setdefault(run.spec.seed, [])
        if not any(run is other for other in sources):
            sources.append(run)
        if scores.setdefault(language, outcome) != outcome:
            # Two specs of one condition and seed: neither can be preferred without a guess.
            notes.add(f"{where}: scored differently by two runs of the plan")
            scores[language] = (0.0, 0)


def _unlike(metrics: Iterable[set[tuple[float, int]]]) -> str | None:
    """Return why the scores of a task's metrics make no score of the task; None where they do."""
    scores = list(metrics)
    if any(len(found) > 1 for found in scores):
        return "one metric with two different scores"
    counts = {n for found in scores for _, n in found}
    return f"its metrics were {_sizes(counts)}" if len(counts) > 1 else None


def _choose_splits(
    scope: Scope, found: Mapping[Condition, _Arm], notes: set[str]
) -> dict[str, Split]:
    """Return, per task, the most preferred split that every arm with any run was scored on."""
    chosen: dict[str, Split] = {}
    for task in scope.tasks:
        for split in task.splits:
            if found and all((task.task, split) in arm.scored for arm in found.values()):
                chosen[task.task] = split
                break
        else:
            lacking = [c.label() for c, arm in found.items() if not _scored(arm, task.task)]
            if 0 < len(lacking) < len(found):
                notes.add(f"{task.task}: left out of all arms, not scored for {_names(lacking)}")
            elif found and not lacking:
                notes.add(f"{task.task}: left out of all arms, no split was scored for all of them")
    return chosen


def _scored(arm: _Arm, task: str) -> bool:
    return any(name == task for name, _ in arm.scored)


def _replicates(
    condition: Condition,
    arm: _Arm,
    splits: Mapping[str, Split],
    lineage: Lineage,
    notes: set[str],
) -> _Members:
    """Return the groups of seeds that an arm has on every task that depends on a seed.

    A task without a seed (nothing random after the base checkpoint) is the same in all of them. A
    group has a task where one of its seeds has it: a shared checkpoint may be scored once for all.
    """
    per_task = {task: set(arm.scored[task, split]) for task, split in splits.items()}
    random = {task: {s for s in have if s is not None} for task, have in per_task.items()}
    varying = {task: have for task, have in sorted(random.items()) if have}
    if not per_task:
        return ()
    if not varying:
        return ((None,),)
    used = [r for key in splits.items() for rs in arm.runs[key].values() for r in rs]
    groups = replicates_of([run.spec for run in used], lineage)
    kept = [g for g in groups if all(not have.isdisjoint(g) for have in varying.values())]
    about = f"[{condition.label()}]"
    for group in kept:
        if len(group) > 1:
            notes.add(
                f"{about}: seeds {_seeds(group)} go back to a shared checkpoint and count as one "
                "replicate"
            )
    whole = {seed for group in kept for seed in group}
    for task, have in varying.items():
        if gone := {s for g in groups if have.isdisjoint(g) for s in g}:
            notes.add(f"{about}: seeds {_seeds(gone)} left out, {task} has no score for them")
        if partly := whole - have:
            notes.add(
                f"{about}: seeds {_seeds(partly)} have no score on {task}, where the other seeds of "
                "their replicates stand for them"
            )
    return tuple(kept)


def _common_cells(
    scope: Scope,
    found: Mapping[Condition, _Arm],
    members: Mapping[Condition, _Members],
    splits: Mapping[str, Split],
    notes: set[str],
) -> tuple[ScoredCell, ...]:
    """Return the cells that every replicate of every arm has with the same number of examples."""
    cells: list[ScoredCell] = []
    for task in scope.tasks:
        if task.task not in splits or not found:
            continue
        split = splits[task.task]
        scorers = [
            (arm, seed)
            for condition, arm in found.items()
            for group in members[condition]
            for seed in arm.scorers(group, task.task, split)
        ]
        for language in task.asked(split):
            sizes = {arm.look_up(seed, (task.task, split, language))[1] for arm, seed in scorers}
            if len(sizes) == 1 and 0 not in sizes:
                cells.append(ScoredCell(task.task, language, split, sizes.pop()))
            elif sizes != {0}:
                why = "not usable in every run" if 0 in sizes else _sizes(sizes)
                notes.add(f"{task.task} {language}: left out of all arms, {why}")
    return tuple(sorted(cells))


def _sizes(sizes: set[int]) -> str:
    return f"scored on different numbers of examples: {', '.join(map(str, sorted(sizes)))}"


def _seeds(seeds: Iterable[int]) -> str:
    return ", ".join(str(seed) for seed in sorted(seeds))


def _names(names: Sequence[str]) -> str:
    return ", ".join(f"[{name}]" for name in names)
