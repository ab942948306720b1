"""What does choosing the best candidate per target, and then scoring it, come to?

The procedure is replicated within each seed, so that the interval over seeds covers the choice too.
Light: imports neither torch nor transformers nor datasets.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from claims.claim import SelectedGainClaim
from claims.estimand import Condition
from verifier.intervals import Scores, Statistic, summary
from verifier.samples import ArmSample, Floats, Samples, ScoredCell
from verifier.verdict import Arm

__all__ = ["BestPerTarget", "best_per_target"]


@dataclass(frozen=True, slots=True, eq=False)
class BestPerTarget:
    """The arm that the selection procedure forms."""

    scores: Scores
    arm: Arm
    split: str
    """Split on which the candidates were chosen."""
    languages: str
    """Languages on which they were chosen: `training`, `all`, or a sentence."""
    optimistic: bool
    """Whether the choice saw the very scores that count, which flatters the best."""


def best_per_target(
    claim: SelectedGainClaim,
    samples: Samples,
    selecting: Samples,
    *,
    candidates: Sequence[Condition],
    statistic: Statistic,
) -> BestPerTarget | None:
    """Choose per seed and target the candidate that scores best, and score it.

    Args:
        claim: says on which languages the paper chose.
        samples: scores that count; every candidate must be among its arms.
        selecting: scores on which to choose; where they do not cover all candidates and targets,
            the scores that count take their place.
        candidates: resolved, in the claim's order; a tie goes to the earlier.
        statistic: over seeds.

    Returns:
        None where the candidates have no seed in common.
    """
    targets = sorted({c.task for c in samples.cells})
    usable = set(targets) <= {c.task for c in selecting.cells} and all(
        c in selecting.arms for c in candidates
    )
    judge = selecting if usable else samples
    seeds = _common([table.arms[c] for c in candidates for table in (samples, judge)])
    if not seeds:
        return None
    values = np.zeros(len(seeds))
    for target in targets:
        chosen_on = np.stack([_on_target(judge, c, target, seeds) for c in candidates])
        scored = np.stack([_on_target(samples, c, target, seeds) for c in candidates])
        best = np.argmax(chosen_on, axis=0)
        values += scored[best, np.arange(len(seeds))] / len(targets)
    constant = seeds == (None,)
    splits = {t: {c.split for c in judge.cells if c.task == t} for t in targets}
    scored_on = {t: {c.split for c in samples.cells if c.task == t} for t in targets}
    split = "+".join(sorted({name for names in splits.values() for name in names}))
    return BestPerTarget(
        scores=Scores(values, constant),
        arm=Arm(
            condition=f"best of {len(candidates)} per target, chosen on {split}",
            seeds=seeds,
            scores=tuple(values.tolist()),
            summary=summary(values, statistic),
        ),
        split=split,
        languages=_languages(claim, judge, targets) if usable else _same(claim),
        optimistic=any(splits[t] & scored_on[t] for t in targets),
    )


def _on_target(
    samples: Samples, condition: Condition, target: str, seeds: Sequence[int | None]
) -> Floats:
    """Return the score on one target for each seed, shape (n_seeds,)."""
    arm = samples.arms[condition]

    def keep(cell: ScoredCell) -> bool:
        return cell.task == target

    per_seed = arm.scores @ samples.weights(keep)
    rows = [0 if arm.constant else arm.seeds.index(seed) for seed in seeds]
    return np.asarray(per_seed[rows], dtype=np.float64)


def _common(arms: Sequence[ArmSample]) -> tuple[int | None, ...]:
    varying = [set(arm.seeds) for arm in arms if not arm.constant]
    if not varying:
        return (None,)
    return tuple(sorted(s for s in set.intersection(*varying) if s is not None))


def _languages(claim: SelectedGainClaim, judge: Samples, targets: Sequence[str]) -> str:
    if claim.selection.languages == "all":
        return "all"
    trained = {c.training_language for c in judge.scope.conditions}
    elsewhere = sorted(
        t for t in targets if {c.language for c in judge.cells if c.task == t} - trained
    )
    return f"training, but all for {', '.join(elsewhere)}" if elsewhere else "training"


def _same(claim: SelectedGainClaim) -> str:
    asked = claim.measure.languages
    if asked == "all" and claim.selection.languages == "all":
        return "all"
    return "those scored"
