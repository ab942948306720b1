"""Are the claimed conditions surely among the best, given how little few seeds tell of order?

Light: imports neither torch nor transformers nor datasets.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import combinations

from claims.claim import RankingClaim
from claims.estimand import Condition
from verifier.intervals import Estimate, Scores, Statistic, difference, summary
from verifier.multiplicity import bonferroni_level
from verifier.outcome import Outcome, Plea, planning
from verifier.verdict import Cell

__all__ = ["RankSet", "decide_ranking", "rank_sets"]


@dataclass(frozen=True, slots=True)
class RankSet:
    """The ranks that a condition may have; 1 is the best."""

    best: int
    worst: int


def rank_sets(
    arms: Mapping[Condition, Scores], *, statistic: Statistic, step: float, level: float
) -> dict[Condition, RankSet]:
    """Return rank sets that hold for all conditions at once with probability `level`.

    A condition's best rank is 1 plus the number of those surely better, its worst the number of
    conditions less those surely worse (Mogstad, Romano, Shaikh, Wilhelm 2024); `surely` by the
    Welch intervals of all pairs with Bonferroni, which needs no assumption on shared arms.
    """
    better: dict[Condition, int] = dict.fromkeys(arms, 0)
    worse: dict[Condition, int] = dict.fromkeys(arms, 0)
    adjusted = _adjusted(len(arms), level)
    for first, second in combinations(arms, 2):
        estimate = difference(arms[first], arms[second], statistic=statistic, step=step)
        interval = estimate.interval(adjusted)
        if interval is None:
            continue
        if interval.low > 0:
            better[second] += 1
            worse[first] += 1
        elif interval.high < 0:
            better[first] += 1
            worse[second] += 1
    return {c: RankSet(1 + better[c], len(arms) - worse[c]) for c in arms}


def decide_ranking(
    arms: Mapping[Condition, Scores],
    claim: RankingClaim,
    *,
    claimed: tuple[Condition, ...],
    statistic: Statistic,
    step: float,
) -> Outcome:
    """Decide whether every claimed condition stands in the top ranks.

    Args:
        arms: measure per seed of every candidate, resolved.
        claim: says how many ranks count as the top.
        claimed: the claimed conditions, resolved.
        statistic: over seeds.
        step: change that one example can make to the measure, in points.
    """
    sets = rank_sets(arms, statistic=statistic, step=step, level=claim.level)
    others = [c for c in arms if c not in claimed]
    order = {c: summary(s.values, statistic) for c, s in arms.items()}
    last = min(claimed, key=lambda c: order[c])
    # The claim hangs on the worst claimed against the first candidate that may not be above it.
    spare = claim.top - len(claimed)
    rival = sorted(others, key=lambda c: -order[c])[spare]
    margin = difference(arms[last], arms[rival], statistic=statistic, step=step)
    level = _adjusted(len(arms), claim.level)
    note = f"Bonferroni over {_pairs(len(arms))} pairs for {claim.level:g} over all"
    told = (
        f"Possible ranks: {_ranks(sets, claimed)}; the margin shown is {last.label()} over "
        f"{rival.label()}."
    )
    cells = tuple(
        _cell(difference(arms[c], arms[o], statistic=statistic, step=step), (c, o), order, level)
        for c in claimed
        for o in others
    )
    interval = margin.interval(level, adjusted=note)
    if all(sets[c].worst <= claim.top for c in claimed):
        why = f"Every claimed condition is surely among the best {claim.top} of {len(arms)}."
        return Outcome("reproduced", "in_claimed_ranks", (why, told), margin.value, interval, cells)
    fallen = [c.label() for c in claimed if sets[c].best > claim.top]
    if fallen:
        why = f"Surely not among the best {claim.top} of {len(arms)}: {', '.join(fallen)}."
        return Outcome(
            "not_reproduced", "outside_claimed_ranks", (why, told), margin.value, interval, cells
        )
    needed, sentences = planning([Plea(margin, abs(margin.value), level)])
    why = f"The possible ranks of a claimed condition reach over rank {claim.top}."
    return Outcome(
        "inconclusive", "undecided", (why, told, *sentences), margin.value, interval, cells,
        seeds_needed=needed,
    )  # fmt: skip


def _pairs(candidates: int) -> int:
    return candidates * (candidates - 1) // 2


def _adjusted(candidates: int, level: float) -> float:
    return bonferroni_level(level, _pairs(candidates))


def _ranks(sets: Mapping[Condition, RankSet], claimed: tuple[Condition, ...]) -> str:
    return ", ".join(f"{c.label()} {sets[c].best} to {sets[c].worst}" for c in claimed)


def _cell(
    estimate: Estimate,
    pair: tuple[Condition, Condition],
    order: Mapping[Condition, float],
    level: float,
) -> Cell:
    return Cell(
        contrast=f"{pair[0].label()} vs {pair[1].label()}",
        treatment=order[pair[0]],
        control=order[pair[1]],
        estimate=estimate.value,
        interval=estimate.interval(level, adjusted="Bonferroni over all pairs"),
    )
