"""What might be true of the flagship paper's arms, what would they score, and what is then decided?

Half of the claimed sizes and patterns hold in a simulated paper, by independent coins, and half do
not; rankings follow from what is drawn. A score is the mean over languages of one task. Its spread
over seeds is as in FACTS.md 5c, measured on five seeds of XLM-R Base, of XLM-R Large none was found;
`spread` makes it wider. Decisions are by `verifier.decisions.decide` on samples as `verify` makes them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from unittest.mock import patch

import numpy as np
from numpy.typing import NDArray

from benchmarks.paper_matrix import LOOKS, SINGLES, TARGETS, recipe
from claims.claim import (
    Claim,
    ConsistencyClaim,
    GainClaim,
    NoBenefitClaim,
    NotConsistentlyBetterClaim,
    RankingClaim,
    SelectedGainClaim,
)
from claims.estimand import Condition
from replication.plan import conditions_of, resolve
from replication.tasks.row import Task, tasks
from verifier.cells import statistic_of
from verifier.decisions import Scored, decide
from verifier.samples import ArmSample, Samples, ScoredCell
from verifier.scope import scope_of, selection_scope
from verifier.selection import BestPerTarget, best_per_target
from verifier.verdict import VerdictLabel

__all__ = [
    "ARMS",
    "EXAMPLES",
    "LANGUAGE",
    "SimulatedPaper",
    "decided",
    "drawn",
    "is_true",
    "target_rows",
]

Floats = NDArray[np.float64]

LANGUAGE = "mean"
"""What stands for the mean over a task's languages."""
EXAMPLES = 10_000
_BASELINE = 40.0
_SPREAD = {
    "xquad": 0.20, "mlqa": 0.20, "tydiqa": 0.20, "panx": 0.47, "udpos": 0.47, "xnli": 0.33,
    "pawsx": 0.33, "bucc": 0.33, "tatoeba": 0.33,
}  # fmt: skip
"""Standard deviation over seeds, in points: XQuAD and WikiAnn as measured, question answering and
tagging like them, between the two for others."""
_SHARED_SPREAD = 0.2
"""Of what a seed does to all tasks."""
_MULTI = "+".join(SINGLES)


_UNASKED: Mapping[str, Callable[..., object]] = {
    "seeds_to_decide": lambda *_, **__: None,
    "detectable": lambda *_, **__: 0.0,
    "power_curve": lambda *_, **__: (),
}


def _arm(names: str, *, mlm: bool = False) -> Condition:
    return Condition(intermediate=tuple(names.split("+")) if names else (), mlm=mlm)


_PLAIN = ("", *SINGLES, _MULTI)
ARMS: tuple[Condition, ...] = (
    *(_arm(n) for n in _PLAIN),
    *(_arm(n, mlm=True) for n in SINGLES),
)
"""Every condition that a claim names, the control first."""


@dataclass(frozen=True, slots=True, eq=False)
class SimulatedPaper:
    """What is true, and what as many seeds as the last look asks for would score."""

    means: Mapping[str, Floats]
    """Split -> (n_arms, n_tasks), points."""
    scores: Mapping[str, Floats]
    """Split -> (n_arms, n_seeds, n_tasks), points."""


def drawn(rng: np.random.Generator, *, spread: float = 1.0) -> SimulatedPaper:
    """Draw a paper.

    Args:
        rng: decides all.
        spread: factor on the standard deviations over seeds.
    """
    effects = _effects(rng)
    means = {"validation": _BASELINE + effects, "test": _BASELINE + _on_test(effects, rng)}
    shape = (len(ARMS), LOOKS[-1], len(TARGETS))
    sd = np.asarray([_SPREAD[t] for t in TARGETS])
    trained = _SHARED_SPREAD * rng.standard_normal((*shape[:2], 1)) + sd * rng.standard_normal(
        shape
    )
    for task in ("bucc", "tatoeba"):
        trained[0, :, TARGETS.index(task)] = 0.0  # the checkpoint as published, without any seed
    scores = {}
    for split, mean in means.items():
        apart = 0.0 if split == "validation" else 0.2 * (trained != 0) * rng.standard_normal(shape)
        scores[split] = mean[:, None, :] + spread * (trained + apart)
    return SimulatedPaper(means, scores)


def is_true(claim: Claim, truth: SimulatedPaper) -> bool:
    """Return whether a claim holds in a simulated paper."""
    means = truth.means["validation"]
    if isinstance(claim, GainClaim):
        columns = _columns(claim)
        gain = _mean(means[_at(claim.treatment), columns] - means[_at(claim.control), columns])
        if isinstance(claim.reported, str) or claim.tolerance is None:
            return gain > claim.minimum_effect.points
        return abs(gain - claim.reported) <= claim.tolerance.points
    if isinstance(claim, RankingClaim):
        average = {c: _mean(row) for c, row in zip(ARMS, means, strict=True)}
        claimed = [average[_resolved(c)] for c in claim.claimed]
        others = [average[_resolved(c)] for c in claim.candidates if c not in claim.claimed]
        return min(claimed) > max(others)
    if isinstance(claim, SelectedGainClaim):
        candidates = np.asarray([_at(c) for c in claim.candidates])
        best = candidates[np.argmax(means[candidates], axis=0)]
        test = truth.means["test"]
        gain = _mean(test[best, np.arange(len(TARGETS))] - test[0])
        assert not isinstance(claim.reported, str)
        assert claim.tolerance is not None
        return abs(gain - claim.reported) <= claim.tolerance.points
    assert isinstance(claim, ConsistencyClaim | NoBenefitClaim | NotConsistentlyBetterClaim)
    return _cells_hold(claim, means)


def decided(claim: Scored, truth: SimulatedPaper, *, seeds: int, level: float) -> VerdictLabel:
    """Return the verdict on the first seeds of a simulated paper.

    Args:
        claim: of the paper.
        truth: its scores.
        seeds: replicates per arm.
        level: of the two-sided intervals, after the look has taken its share.
    """
    claim = claim.model_copy(update={"level": level})
    samples = _samples(claim, truth, claim.measure.split, seeds)
    chosen = _chosen(claim, truth, samples, seeds) if isinstance(claim, SelectedGainClaim) else None
    # what more seeds would show decides nothing, and takes longer to work out than all the rest
    with patch.multiple("verifier.outcome", **_UNASKED):
        return decide(claim, samples, recipe(), chosen=chosen).label


def target_rows(benchmark: str) -> tuple[Task, ...]:
    """Return the benchmark's rows with one language, which stands for the mean over all."""
    rows = (tasks()[name] for name in TARGETS if tasks()[name].benchmark == benchmark)
    one = {"languages": {LANGUAGE: LANGUAGE}, "missing": {}}
    return tuple(row.model_copy(update={**one, "metrics": row.metrics[:1]}) for row in rows)


def _cells_hold(
    claim: ConsistencyClaim | NoBenefitClaim | NotConsistentlyBetterClaim, means: Floats
) -> bool:
    columns = _columns(claim)
    pairs = [(_at(k.treatment), _at(k.control)) for k in claim.contrasts]
    cells = np.asarray([_mean(means[t, columns] - means[c, columns]) for t, c in pairs])
    if isinstance(claim, ConsistencyClaim):
        assert isinstance(claim.at_least, int)
        return bool(np.sum(cells > 0) >= claim.at_least)
    least = claim.minimum_effect.points
    if isinstance(claim, NoBenefitClaim):
        return bool(np.all(np.abs(cells) <= least))
    return bool(np.any(cells <= least))


def _on_test(effects: Floats, rng: np.random.Generator) -> Floats:
    """Return the effects on test data: what is chosen on validation data gains what a coin says.

    Tasks that have one labelled split only keep their effects; all arms shift alike on the others.
    """
    best = np.argmax(effects[1 : len(_PLAIN)], axis=0) + 1
    chosen = _mean(effects[best, np.arange(len(TARGETS))])
    wanted = _near(rng, 5.4, 1.35) if rng.random() < 0.5 else float(rng.uniform(-1.0, 0.5))
    apart = [at for at, task in enumerate(TARGETS) if "test" in tasks()[task].splits]
    found = effects.copy()
    found[1:, apart] += (wanted - chosen) * len(TARGETS) / len(apart)
    return found


def _effects(rng: np.random.Generator) -> Floats:
    """Draw the effect of each arm on each task, against the control: (n_arms, n_tasks), points."""
    sizes, ranks, multi, xnli, tydiqa, bucc, tatoeba, mlm = rng.random(8) < 0.5
    claimed = {"squad_v1": 8.2, "mnli": 7.5, "hellaswag": 7.0}
    average = {
        n: _near(rng, x, x / 4) if sizes else rng.uniform(0.0, 0.5) for n, x in claimed.items()
    }
    low, high = min(average.values()), max(average.values())
    others = [name for name in SINGLES if name not in claimed]
    average |= {name: low - rng.uniform(0.5, 4.0) for name in others}
    if not ranks:
        average[others[rng.integers(len(others))]] = high + rng.uniform(0.0, 2.0)
    average[_MULTI] = _near(rng, 8.7, 8.7 / 4) if multi else rng.uniform(-1.0, 0.5)
    effects = np.zeros((len(ARMS), len(TARGETS)))
    column = {task: at for at, task in enumerate(TARGETS)}
    for row, name in enumerate(_PLAIN[1:], start=1):
        own = effects[row]
        own[:] = average[name] + rng.normal(0.0, 1.0, len(TARGETS))
        own[column["xnli"]] = rng.uniform(-0.1, 0.1)
        own[column["tydiqa"]] = rng.uniform(1.0, 10.0)
    singles = 1 + rng.permutation(len(SINGLES))
    if not xnli:
        effects[singles[: rng.integers(1, 4)], column["xnli"]] = rng.uniform(1.0, 3.0)
    if not tydiqa:
        effects[singles[:5], column["tydiqa"]] = -rng.uniform(1.0, 3.0, 5)
    for task, true in (("bucc", bucc), ("tatoeba", tatoeba)):
        top = rng.uniform(2.0, 15.0) if true else rng.uniform(-2.0, 0.5)
        effects[_PLAIN.index(_MULTI), column[task]] = top
    free = [column[t] for t in ("pawsx", "udpos", "panx", "xquad", "mlqa")]
    for row, name in enumerate(_PLAIN[1:], start=1):
        # the average is what was drawn: the tasks of no claim of their own make up for the others
        effects[row, free] += len(TARGETS) / len(free) * (average[name] - effects[row].mean())
    more = rng.uniform(-2.0, 2.0, len(SINGLES)) if mlm else rng.uniform(0.5, 2.0, len(SINGLES))
    effects[len(_PLAIN) :] = effects[1 : 1 + len(SINGLES)] + more[:, None]
    return effects


def _near(rng: np.random.Generator, size: float, tolerance: float) -> float:
    """Draw a size from within the tolerance around a claimed one."""
    return float(rng.uniform(size - tolerance, size + tolerance))


def _mean(values: Floats) -> float:
    return float(np.mean(values))


def _resolved(condition: Condition) -> Condition:
    return resolve(condition, recipe())


def _at(condition: Condition) -> int:
    return ARMS.index(_resolved(condition))


def _columns(claim: Scored) -> list[int]:
    wanted = TARGETS if claim.measure.tasks == "all" else claim.measure.tasks
    return [TARGETS.index(task) for task in wanted]


def _samples(claim: Scored, truth: SimulatedPaper, split: str, seeds: int) -> Samples:
    """Return what `collect` makes of the runs: the arms' scores on the claim's tasks."""
    conditions = conditions_of(claim)
    scope = scope_of(claim.measure, conditions, protocol=recipe(), tasks_of=target_rows)
    at = sorted(_columns(claim), key=lambda c: TARGETS[c])
    cells, tables = [], []
    for column in at:
        there = split if split in tasks()[TARGETS[column]].splits else "validation"
        cells.append(ScoredCell(TARGETS[column], LANGUAGE, there, EXAMPLES))  # type: ignore[arg-type]
        tables.append(truth.scores[there][:, :seeds, column])
    scores = np.stack(tables, axis=-1)
    arms = {}
    for condition in dict.fromkeys(_resolved(c) for c in conditions):
        numbers: tuple[int | None, ...] = tuple(range(seeds))
        own = scores[ARMS.index(condition)]
        if not condition.intermediate and {TARGETS[c] for c in at} <= {"bucc", "tatoeba"}:
            numbers, own = (None,), own[:1]
        arms[condition] = ArmSample(condition, numbers, own, tuple((n,) for n in numbers))
    return Samples(scope, tuple(cells), arms, ())


def _chosen(
    claim: SelectedGainClaim, truth: SimulatedPaper, samples: Samples, seeds: int
) -> BestPerTarget | None:
    """Choose per seed and target on the validation split, as `verify` does."""
    selecting = replace(
        _samples(claim, truth, claim.selection.split, seeds),
        scope=selection_scope(claim, recipe(), target_rows),
    )
    return best_per_target(
        claim, samples, selecting,
        candidates=[_resolved(c) for c in claim.candidates], statistic=statistic_of(claim.measure),
    )  # fmt: skip
