"""What is the estimate in each cell of a claim over several contrasts, tasks or languages?

Light: imports neither torch nor transformers nor datasets.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain

from claims.estimand import Cells, Condition, Contrast, Measure
from replication.plan import resolve
from replication.protocol import Protocol
from verifier.intervals import Estimate, Scores, Statistic, difference, single, summary
from verifier.samples import ArmSample, Floats, Samples, Seed
from verifier.selection import BestPerTarget
from verifier.verdict import Cell

__all__ = [
    "CellEstimate",
    "arm_scores",
    "cell_estimates",
    "chosen_scores",
    "contrast_estimate",
    "estimate_of",
    "estimates_at",
    "picked",
    "present_contrasts",
    "statistic_of",
]


@dataclass(frozen=True, slots=True)
class CellEstimate:
    """The difference of two arms on some of the scored cells, or the measure of one arm there."""

    contrast: str
    task: str | None
    language: str | None
    treatment: float | None
    control: float | None
    estimate: Estimate

    def name(self) -> str:
        """Return a short name for sentences."""
        where = " ".join(x for x in (self.task, self.language) if x)
        return f"{where} ({self.contrast})" if where else self.contrast

    def cell(self, level: float, adjusted: str = "", n: int | None = None) -> Cell:
        """Return the record of the cell with its interval at a level; n examples were scored."""
        return Cell(
            task=self.task,
            language=self.language,
            contrast=self.contrast,
            treatment=self.treatment,
            control=self.control,
            estimate=self.estimate.value,
            interval=self.estimate.interval(level, adjusted=adjusted),
            n=n,
        )


def statistic_of(measure: Measure) -> Statistic:
    """Return the statistic used over seeds.

    The mean stands for `single` too, whose expectation it estimates, and for `unknown`, which is
    an important deviation.
    """
    return "median" if measure.seeds == "median" else "mean"


def arm_scores(samples: Samples, arm: ArmSample, weights: Floats | None = None) -> Scores:
    """Return an arm's measure per seed.

    Args:
        samples: aligned scores.
        arm: one of its arms.
        weights: of the cells in the measure, (n_cells,); None for the mean over all.
    """
    weights = samples.weights() if weights is None else weights
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


def estimate_of(scores: Sequence[Scores], *, statistic: Statistic, step: float) -> Estimate:
    """Estimate the first arm's measure less the second's, or that of the only one.

    Args:
        scores: of one arm or two.
        statistic: over seeds.
        step: change that one example can make to the measure, in points, above 0.
    """
    compare = difference if len(scores) > 1 else single
    return compare(*scores, statistic=statistic, step=step)


def contrast_estimate(
    samples: Samples, pair: tuple[Condition, Condition], *, statistic: Statistic
) -> Estimate:
    """Estimate treatment minus control, both resolved, over all cells."""
    return estimates_at(samples, [pair], statistic=statistic)[0].estimate


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
    by_part = [
        estimates_at(samples, pairs, task=task, language=language, statistic=statistic)
        for task, language in _parts(samples, cells)
    ]
    return tuple(chain.from_iterable(zip(*by_part, strict=True)))


def estimates_at(
    samples: Samples,
    compared: Sequence[tuple[Condition, ...]],
    *,
    statistic: Statistic,
    task: str | None = None,
    language: str | None = None,
) -> tuple[CellEstimate, ...]:
    """Return the estimate of each contrast or lone arm on one task, in one language, or on both.

    An arm's scores are computed once, however many contrasts it takes part in: with resampled
    examples they are most of the work.

    Args:
        samples: aligned scores.
        compared: resolved, treatment and control, or one condition alone.
        statistic: over seeds.
        task: None for the mean over tasks.
        language: None for the mean over languages.
    """
    weights = samples.weights(lambda c: task in (None, c.task) and language in (None, c.language))
    step = samples.step(weights)
    used = dict.fromkeys(chain.from_iterable(compared))
    scores = {c: arm_scores(samples, samples.arms[c], weights) for c in used}
    found: list[CellEstimate] = []
    for arms in compared:
        contrast = " vs ".join(c.label() for c in arms)
        means = [summary(scores[c].values, statistic) for c in arms if len(arms) > 1]
        treatment, control = means or (None, None)
        estimate = estimate_of([scores[c] for c in arms], statistic=statistic, step=step)
        found.append(CellEstimate(contrast, task, language, treatment, control, estimate))
    return tuple(found)


def _parts(samples: Samples, cells: Cells) -> list[tuple[str | None, str | None]]:
    if cells == "tasks":
        return [(task, None) for task in sorted({c.task for c in samples.cells})]
    if cells == "languages":
        return [(None, code) for code in sorted({c.language for c in samples.cells})]
    return [(None, None)]
