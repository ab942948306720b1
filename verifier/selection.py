"""What does choosing the best candidate per target, and then scoring it, come to?

The procedure is replicated within each seed, so that the interval over seeds covers the choice too.
Where the choice saw the scores that count, the flattery is estimated from the other seeds.
Light: imports neither torch nor transformers nor datasets.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from claims.claim import SelectedGainClaim
from claims.estimand import Condition
from verifier.intervals import Scores, Statistic, summary
from verifier.samples import ArmSample, Floats, Samples, ScoredCell, Seed
from verifier.verdict import Arm

__all__ = ["BestPerTarget", "best_per_target", "optimism_sentence"]


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
    optimism: float | None
    """Points by which the measure of the chosen exceeds what they score in other replicates, on
    average over replicates; targets that were chosen on another split count as 0.

    Unbiased for the luck of seeds (independent training runs), which is all it covers: the examples
    are the same in every replicate, so their luck comes on top (on selection bias of either origin
    see Cawley and Talbot 2010, JMLR 11, 2079-2107). Some of it is luck of the checkpoint that a
    choice on another split would enjoy too. Never negative where the choice saw exactly the scores
    that count; None where it was made on another split, or with fewer than two common replicates.
    """
    chosen: Mapping[tuple[Seed, str], Condition]
    """(first seed of the replicate, target) -> candidate chosen there; one for every replicate of
    `arm` and every target; under seed None where no candidate depends on a seed."""


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
    splits = {t: {c.split for c in judge.cells if c.task == t} for t in targets}
    flattered = {t for t in targets if splits[t] & {c.split for c in samples.cells if c.task == t}}
    values, optimism = np.zeros(len(seeds)), 0.0
    chosen: dict[tuple[Seed, str], Condition] = {}
    for target in targets:
        chosen_on = np.stack([_on_target(judge, c, target, seeds) for c in candidates])
        scored = np.stack([_on_target(samples, c, target, seeds) for c in candidates])
        best = np.argmax(chosen_on, axis=0)
        values += scored[best, np.arange(len(seeds))] / len(targets)
        chosen |= {(s, target): candidates[i] for s, i in zip(seeds, best.tolist(), strict=True)}
        if target in flattered and len(seeds) > 1:
            optimism += _optimism(scored, best) / len(targets)
    split = "+".join(sorted({name for names in splits.values() for name in names}))
    return BestPerTarget(
        scores=Scores(values, seeds == (None,)),
        arm=Arm(
            condition=f"best of {len(candidates)} per target, chosen on {split}",
            seeds=seeds,
            scores=tuple(values.tolist()),
            summary=summary(values, statistic),
        ),
        split=split,
        languages=_languages(claim, judge, targets) if usable else _same(claim),
        optimistic=bool(flattered),
        optimism=optimism if flattered and len(seeds) > 1 else None,
        chosen=chosen,
    )


def optimism_sentence(selected: BestPerTarget) -> str | None:
    """Return what to tell of the flattery; None where choice and scores are on different splits."""
    if not selected.optimistic:
        return None
    if selected.optimism is None:
        return (
            "By how much choosing and scoring on one split flatters the gain cannot be estimated "
            "without two replicates that all candidates have."
        )
    if round(selected.optimism, 2) <= 0:
        return (
            "Scoring each seed's choice on the other seeds shows no luck of seeds in choosing and "
            "scoring on one split; the luck of examples stays unknown."
        )
    return (
        f"Choosing and scoring on one split flatters the gain by about {selected.optimism:+.2f} "
        "points, estimated by scoring each seed's choice on the other seeds; the luck of examples "
        "comes on top."
    )


def _optimism(scored: Floats, best: NDArray[np.intp]) -> float:
    """Return the mean over replicates of the chosen's score less its mean over the others, points.

    Args:
        scored: (n_candidates, n_replicates), points; at least two replicates.
        best: (n_replicates,), index of the candidate chosen in each.
    """
    count = scored.shape[1]
    same = scored[best, np.arange(count)]
    fresh = (scored[best].sum(axis=1) - same) / (count - 1)
    return float(np.mean(same - fresh))


def _on_target(
    samples: Samples, condition: Condition, target: str, seeds: Sequence[Seed]
) -> Floats:
    """Return the score on one target for each seed, shape (n_seeds,)."""
    arm = samples.arms[condition]

    def keep(cell: ScoredCell) -> bool:
        return cell.task == target

    per_seed = arm.scores @ samples.weights(keep)
    rows = [0 if arm.constant else arm.seeds.index(seed) for seed in seeds]
    return np.asarray(per_seed[rows], dtype=np.float64)


def _common(arms: Sequence[ArmSample]) -> tuple[Seed, ...]:
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
