"""Does an import deny what an earlier one said of the same cells?

Light: imports neither torch nor transformers nor datasets.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from claims.estimand import Condition
from replication.imports.faults import Faults
from replication.run import Run

__all__ = ["Cell", "refuse_conflicts", "refuse_other_words", "told"]

Cell = tuple[Condition, int | str | None, str, str, str, str]
"""Condition, seed, task, language, split, metric."""


def refuse_other_words(runs: Iterable[Run], stored: Mapping[str, Run]) -> None:
    """Refuse scores of files that were imported already and read as other scores then.

    Args:
        runs: of this import.
        stored: digest -> run that is in the store.

    Raises:
        ImportedScoresError: with every run that differs.
    """
    faults = Faults()
    for run in runs:
        if (there := stored.get(run.spec_digest)) and there.measurements != run.measurements:
            faults.add(
                f"{run.spec.title()}: found other scores than an earlier import of the same files, "
                f"{', '.join(_files(run)[:3])} ; expected the same, with the same --given. What is in a "
                "store stays there, so name another --store."
            )
    faults.stop("import")


def refuse_conflicts(new: Sequence[Run], earlier: Sequence[Run]) -> None:
    """Refuse cells of which other files gave a score already, and seeds beside `none`.

    Raises:
        ImportedScoresError: with every such cell, and every such condition and task.
    """
    have: dict[Cell, Run] = {cell: run for run in earlier for cell in _cells(run)}
    faults = Faults()
    for cell in (cell for run in new for cell in _cells(run) if cell in have):
        faults.add(
            f"{told(cell)}: found a score of it already, from {', '.join(_files(have[cell])[:3])} ; "
            "expected none. Leave one of the two out; what is in a store stays there, so name "
            "another."
        )
    seeded = {cell[:1] + cell[2:3]: cell[1] is None for cell in have}
    mixed = {
        (condition.label(), task): seed
        for run in new
        for condition, seed, task, *_ in _cells(run)
        if seeded.get((condition, task), seed is None) != (seed is None)
    }
    for (label, task), seed in sorted(mixed.items(), key=lambda item: item[0]):
        faults.add(
            f"[{label}] seed {'none' if seed is None else seed}, {task}: found beside "
            f"{'seeds' if seed is None else 'seed none'} of an earlier import ; expected either seeds "
            "or `none`. State the seeds, in a new --store."
        )
    faults.stop("import")


def _cells(run: Run) -> list[Cell]:
    condition = run.spec.condition
    if condition is None or not run.spec.counts():
        return []
    return [
        (condition, run.spec.seed, m.task, m.language, m.split, m.metric) for m in run.measurements
    ]


def _files(run: Run) -> list[str]:
    return [source.path for source in run.spec.origin.sources] if run.spec.origin else []


def told(cell: Cell) -> str:
    """Return a cell in words."""
    condition, seed, task, language, split, metric = cell
    return f"[{condition.label()}] seed {seed}, {task} {language} {split} {metric}"
