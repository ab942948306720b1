"""What is the estimate in each cell of a claim over several contrasts, tasks or languages?

Light: imports neither torch nor transformers nor datasets.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from claims.estimand import Cells, Condition, Contrast, Measure
from replication.plan import resolve
from replication.protocol import Protocol
from verifier.intervals import Estimate, Scores, Statistic, difference, summary
from verifier.samples import ArmSample, Samples, ScoredCell, Seed
from verifier.selection import BestPerTarget
from verifier.verdict import Cell

__all__ = [
    "CellEstimate",
    "arm_scores",
    "cell_estimates",
    "chosen_scores",
    "contrast_estimate",
    "picked",
    "present_contrasts",
    "statistic_of",
]


@dataclass(frozen=True, slots=True)
class CellEstimate:
    """The difference of two arms on some of the scored cells."""

    contrast: str
    task: str | None
    language: str | None
    treatment: float
    control: float
    estimate: Estimate

    def name(self) -> str:
        """Return a short name for sentences."""
        where = " ".join(x for x in (self.task, self.language) if x)
        return f"{where} ({self.contrast})" if where else self.contrast

    def cell(self, level: float, adjusted: str = "") -> Cell:
        """Return the record of the cell with its interval at a level."""
        return Cell(
            task=self.task,
            language=self.language,
            contrast=self.contrast,
            treatment=self.treatment,
            control=self.control,
            estimate=self.estimate.value,
            interval=self.estimate.interval(level, adjusted=adjusted),
        )


def statistic_of(measure: Measure) -> Statistic:
    """Return the statistic used over seeds.

    The mean stands for `single` too, whose expectation it estimates, and for `unknown`, which is
    an important deviation.
    """
    return "median" if measure.seeds == "median" else "mean"


def arm_scores(
    samples: Samples, arm: ArmSample, keep: Callable[[ScoredCell], bool] = lambda _: True
) -> Scores:
    """Return an arm's measure per seed over the kept cells."""
    weights = samples.weights(keep)
    drawn = samples.redrawn.arm(arm, weights) if samples.redrawn else None
    return Scores(arm.scores @ weights, arm.constant, drawn)


def picked(samples: Samples, chosen: BestPerTarget) -> list[Mapping[str, tuple[ArmSample, Seed]]]:
    """Return, per replicate, the arm that was chosen for each task and the seed of its replicate."""
    tasks = sorted({cell.task for cell in samples.cells})
    return [
        {task: (samples.arms[chosen.chosen[seed, task]], seed) for task in tasks}
        for seed in chosen.arm.seeds
    ]


def chosen_scores(samples: Samples, chosen: BestPerTarget) -> Scores:
    """Return the measure per replicate of the arm that a selection procedure forms."""
    if samples.redrawn is None:
        return chosen.scores
    drawn = samples.redrawn.chosen(picked(samples, chosen), samples.weights())
    return replace(chosen.scores, drawn=drawn)


def contrast_estimate(
    samples: Samples,
    pair: tuple[Condition, Condition],
    *,
    statistic: Statistic,
    keep: Callable[[ScoredCell], bool] = lambda _: True,
) -> Estimate:
    """Estimate treatment minus control, both resolved, over the kept cells."""
    treatment, control = (samples.arms[condition] for condition in pair)
    return difference(
        arm_scores(samples, treatment, keep),
        arm_scores(samples, control, keep),
        statistic=statistic,
        step=samples.step(samples.weights(keep)),
    )


def present_contrasts(
    contrasts: Iterable[Contrast], samples: Samples, protocol: Protocol
) -> tuple[tuple[Condition, Condition], ...]:
    """Return the resolved contrasts of which both arms have scores, in the claim's order."""
    pairs = [(resolve(c.treatment, protocol), resolve(c.control, protocol)) for c in contrasts]
    there = [p for p in pairs if p[0] in samples.arms and p[1] in samples.arms and p[0] != p[1]]
    return tuple(dict.fromkeys(there))


def cell_estimates(
    samples: Samples,
    pairs: Sequence[tuple[Condition, Condition]],
    *,
    cells: Cells,
    statistic: Statistic,
) -> tuple[CellEstimate, ...]:
    """Return one estimate per cell, sorted within each contrast.

    A cell is a contrast, or a contrast on one task, or a contrast in one language (mean over the
    tasks that have the language).
    """
    found: list[CellEstimate] = []
    for pair in pairs:
        label = f"{pair[0].label()} vs {pair[1].label()}"
        for task, language in _parts(samples, cells):
            keep = _keeper(task, language)
            estimate = contrast_estimate(samples, pair, statistic=statistic, keep=keep)
            means = [
                summary(arm_scores(samples, samples.arms[c], keep).values, statistic) for c in pair
            ]
            found.append(CellEstimate(label, task, language, means[0], means[1], estimate))
    return tuple(found)


def _parts(samples: Samples, cells: Cells) -> list[tuple[str | None, str | None]]:
    if cells == "tasks":
        return [(task, None) for task in sorted({c.task for c in samples.cells})]
    if cells == "languages":
        return [(None, code) for code in sorted({c.language for c in samples.cells})]
    return [(None, None)]


def _keeper(task: str | None, language: str | None) -> Callable[[ScoredCell], bool]:
    return lambda c: task in (None, c.task) and language in (None, c.language)
