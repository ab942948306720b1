"""What would each arm have scored on other examples of the same kind? From the outcomes of its runs.

Every run of a claim is scored on the same examples, so all are resampled together; translations of
one example and questions about one passage stay together too.
Light: imports neither torch nor transformers nor datasets.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain

import numpy as np

from claims.errors import CorroborateError
from claims.estimand import Condition
from replication.item_clusters import Clusters, clusters
from replication.items import ItemOutcomes, LanguageItems, positions
from replication.run import Run
from verifier.crossed import Drawn
from verifier.resampling import RESAMPLES, Block, deviations
from verifier.samples import ArmSample, Floats, Samples, ScoredCell, Seed

__all__ = ["ItemsOf", "NoItemsError", "Redrawn", "redraw"]

ItemsOf = Callable[[Run], ItemOutcomes]
"""Evaluation run -> the outcomes of its examples."""

_LARGEST = 64 * 2**20
"""Resampled scores held at once, 4 bytes each; with very many runs there are fewer draws."""
_FEWEST = 1000

_Key = tuple[Condition, Seed, str]


class NoItemsError(CorroborateError):
    """The outcomes of single examples are not at hand, or do not belong together."""


@dataclass(frozen=True, slots=True, eq=False)
class Redrawn:
    """The scores of all runs of some arms under resampled examples."""

    cells: tuple[ScoredCell, ...]
    """Those of the samples, in their order."""
    deviations: Mapping[str, np.ndarray]
    """Task -> (n_cells of the task, n_runs of the task, n_draws), from the observed score in points."""
    columns: Mapping[_Key, int]
    """(condition, seed, task) -> the run's place among those of its task."""
    clusters: Mapping[str, int]
    """Task -> clusters of the block that has the fewest."""

    def arm(self, arm: ArmSample, weights: Floats) -> Drawn:
        """Return the resampled measure of each replicate of an arm.

        Args:
            arm: one of those redrawn.
            weights: of the cells in the measure, (n_cells,).
        """
        return self._measure([{"": (arm, group)} for group in arm.members], weights)

    def chosen(
        self, picks: Sequence[Mapping[str, tuple[ArmSample, Seed]]], weights: Floats
    ) -> Drawn:
        """Return the resampled measure of an arm that is another one for each replicate and task.

        The choice stays as it was made on the examples at hand.

        Args:
            picks: per replicate, task -> the arm chosen and the first seed of its replicate.
            weights: of the cells in the measure, (n_cells,).
        """
        groups = [
            {task: (arm, _group(arm, seed)) for task, (arm, seed) in pick.items()} for pick in picks
        ]
        return self._measure(groups, weights)

    def _measure(
        self,
        replicates: Sequence[Mapping[str, tuple[ArmSample, tuple[Seed, ...]]]],
        weights: Floats,
    ) -> Drawn:
        """Return weighted deviations; a replicate says its arm and seeds per task, or under ''."""
        measure = np.zeros((len(replicates), next(iter(self.deviations.values())).shape[2]))
        fewest: list[int] = []
        for task, apart in self.deviations.items():
            share = weights[[i for i, cell in enumerate(self.cells) if cell.task == task]]
            if not np.any(share > 0):
                continue
            fewest.append(self.clusters[task])
            for at, replicate in enumerate(replicates):
                arm, seeds = replicate.get(task) or replicate[""]
                keys = [(arm.condition, s, task) for s in seeds]
                used = [self.columns[k] for k in keys if k in self.columns] or [
                    self.columns[arm.condition, None, task]
                ]
                for cell, weight in zip(apart, share / len(used), strict=True):
                    for run in used:
                        measure[at] += np.float32(weight) * cell[run]
        return Drawn(measure.T, min(fewest))


def redraw(
    samples: Samples,
    conditions: Iterable[Condition],
    items_of: ItemsOf,
    *,
    parallel: Mapping[str, bool],
    rng: np.random.Generator,
) -> Redrawn:
    """Resample the examples behind the scores of some conditions, the same ones for all of them.

    Args:
        samples: aligned scores.
        conditions: whose arms are wanted; all must be among the samples' arms.
        items_of: reads the outcomes of a run.
        parallel: task -> whether examples of one id are translations of each other.
        rng: source of randomness.

    Raises:
        NoItemsError: outcomes are missing, damaged, of other examples for some run, or of a single
            cluster, which says nothing of others.
    """
    arms = [samples.arms[c] for c in dict.fromkeys(conditions)]
    tasks = sorted({cell.task for cell in samples.cells})
    runs = {task: _runs(samples, arms, task) for task in tasks}
    size = sum(len({r.spec_digest for r in runs[c.task].values()}) for c in samples.cells)
    draws = max(_FEWEST, min(RESAMPLES, _LARGEST // size))
    apart: dict[str, np.ndarray] = {}
    columns: dict[_Key, int] = {}
    fewest: dict[str, int] = {}
    for task in tasks:
        unique = {run.spec_digest: run for _, run in sorted(runs[task].items(), key=_by_digest)}
        places = {digest: at for at, digest in enumerate(unique)}
        columns |= {key: places[run.spec_digest] for key, run in runs[task].items()}
        scope = next(t for t in samples.scope.tasks if t.task == task)
        codes = tuple(cell.language for cell in samples.cells if cell.task == task)
        blocks = _blocks(
            task, codes, (_read(items_of, run) for run in unique.values()), runs=len(unique),
            metrics=scope.metrics, parallel=parallel.get(task, False),
        )  # fmt: skip
        parts: list[np.ndarray] = []
        for block in blocks:
            if block.clusters < 2:
                raise NoItemsError(f"{task} {block.languages[0]} has a single cluster of examples.")
            # Resampling n clusters has the variance of n - 1 (Efron and Tibshirani 1993, 5.3).
            grown = math.sqrt(block.clusters / (block.clusters - 1))
            parts.append(deviations(block, draws, rng) * np.float32(grown))
        apart[task] = np.concatenate(parts)
        fewest[task] = min(block.clusters for block in blocks)
    return Redrawn(samples.cells, apart, columns, fewest)


def _read(items_of: ItemsOf, run: Run) -> ItemOutcomes:
    try:
        return items_of(run)
    except CorroborateError as error:
        raise NoItemsError(str(error)) from error


def _by_digest(entry: tuple[_Key, Run]) -> str:
    return entry[1].spec_digest


def _group(arm: ArmSample, seed: Seed) -> tuple[Seed, ...]:
    return next((g for g in arm.members if g[0] == seed), arm.members[0])


def _runs(samples: Samples, arms: Iterable[ArmSample], task: str) -> dict[_Key, Run]:
    """Return the runs that scored a task, by condition and seed; None where it has no seed."""
    found: dict[_Key, Run] = {}
    for arm in arms:
        for group in arm.members:
            keys = [k for s in group if (k := (arm.condition, s, task)) in samples.runs]
            for key in keys or [(arm.condition, None, task)]:
                if key not in samples.runs:
                    where = f"[{arm.condition.label()}] seeds {group}"
                    raise NoItemsError(f"{task}: no single run holds the examples of {where}.")
                found[key] = samples.runs[key]
    return found


def _blocks(
    task: str,
    codes: tuple[str, ...],
    outcomes: Iterator[ItemOutcomes],
    *,
    runs: int,
    metrics: Sequence[str],
    parallel: bool,
) -> list[Block]:
    """Return the totals per cluster: one block for a parallel task, else one per language.

    One run's examples are at hand at a time, beside the first run's: all of them might fill memory.
    """
    leading = next(outcomes)
    first = {code: _items(leading, code) for code in codes}
    groups = [codes] if parallel else [(code,) for code in codes]
    made: list[tuple[Block, Clusters]] = []
    for group in groups:
        labels = clusters({code: first[code] for code in group}, parallel=parallel)
        made.append((_empty(task, {c: first[c] for c in group}, labels, runs), labels))
    for column, found in enumerate(chain([leading], outcomes)):
        for block, labels in made:
            for at, code in enumerate(block.languages):
                items = _aligned(found, code, first[code])
                _enter(block, (at, column), items, labels=labels.labels[code], metrics=metrics)
    return [block for block, _ in made]


def _empty(task: str, first: Mapping[str, LanguageItems], labels: Clusters, runs: int) -> Block:
    """Return a block without numerators; examples, where they are the denominator, are counted."""
    above = np.zeros((labels.count, len(first), runs))
    if any("matched" in items.outcomes for items in first.values()):
        return Block(task, tuple(first), above, np.zeros_like(above))
    counts = [np.bincount(labels.labels[code], minlength=labels.count) for code in first]
    below = np.stack(counts, axis=1).astype(np.float64)[:, :, None]
    return Block(task, tuple(first), above, below)


def _enter(
    block: Block,
    where: tuple[int, int],
    items: LanguageItems,
    *,
    labels: np.ndarray,
    metrics: Sequence[str],
) -> None:
    """Write the totals of one run in one language into a block, at (language, run)."""
    at, column = where

    def total(values: Floats) -> Floats:
        return np.bincount(labels, values, block.clusters).astype(np.float64)

    said = items.outcomes
    if "matched" in said:
        block.numerators[:, at, column] = total(2 * said["matched"])
        block.denominators[:, at, column] = total(said["predicted"] + said["gold"])
    else:
        block.numerators[:, at, column] = total(np.mean([said[m] for m in metrics], axis=0))


def _items(outcomes: ItemOutcomes, code: str) -> LanguageItems:
    if code not in outcomes.languages:
        raise NoItemsError(f"{outcomes.task} {code}: a run has no outcomes of its examples.")
    return outcomes.languages[code]


def _aligned(outcomes: ItemOutcomes, code: str, first: LanguageItems) -> LanguageItems:
    """Return a run's outcomes in the order of the first run's examples."""
    items = _items(outcomes, code)
    where = positions(first.ids, items.ids)
    if items.n != first.n or bool(np.any(where < 0)):
        raise NoItemsError(f"{outcomes.task} {code}: two runs scored different examples.")
    if set(items.outcomes) != set(first.outcomes):
        raise NoItemsError(f"{outcomes.task} {code}: two runs kept different outcomes.")
    return items if items.ids.equals(first.ids) else items.take(where)
