"""Are the claimed conditions surely among the best, given how little few seeds tell of order?

Light: imports neither torch nor transformers nor datasets.
"""

from __future__ import annotations

from collections.abc import Mapping

from claims.claim import RankingClaim
from claims.estimand import Condition
from verifier.intervals import Scores, Statistic, summary
from verifier.multiplicity import bonferroni_level
from verifier.outcome import Outcome, Plea
from verifier.rank_sets import Comparison, RankSet, comparisons, possible_ranks, rank_sets
from verifier.verdict import Cell

__all__ = ["RankSet", "decide_ranking", "rank_sets"]


def decide_ranking(
    arms: Mapping[Condition, Scores],
    claim: RankingClaim,
    *,
    claimed: tuple[Condition, ...],
    statistic: Statistic,
    step: float,
) -> Outcome:
    """Decide whether every claimed condition stands in the top ranks.

    That leaves room above a claimed condition for as many others as there are ranks more than
    claimed conditions, so the order among the claimed says nothing, nor does that among the others:
    only claimed against others are compared, at once. Reproduced where no claimed condition may
    have more others above it, refuted where one surely has.

    Args:
        arms: measure per seed of every candidate, resolved.
        claim: says how many ranks count as the top.
        claimed: the claimed conditions, resolved.
        statistic: over seeds.
        step: change that one example can make to the measure, in points.
    """
    others = [c for c in arms if c not in claimed]
    found = comparisons(
        arms, [(c, o) for c in claimed for o in others],
        statistic=statistic, step=step, level=claim.level,
    )  # fmt: skip
    order = {c: summary(s.values, statistic) for c, s in arms.items()}
    spare = claim.top - len(claimed)
    margin = _margin(found, order, spare)
    above = {c: [f.second for f in found if f.first == c and f.surely_worse()] for c in claimed}
    sets = possible_ranks(found, claimed, candidates=len(arms))
    told = (
        f"Possible ranks: {_ranks(sets)}; the margin shown is {margin.first.label()} over "
        f"{margin.second.label()}."
    )
    cells = tuple(_cell(f, order) for f in found)
    value, interval = margin.estimate.value, margin.interval
    if all(s.worst <= claim.top for s in sets.values()):
        why = f"Every claimed condition is surely among the best {claim.top} of {len(arms)}."
        return Outcome("reproduced", "in_claimed_ranks", (why, told), value, interval, cells)
    fallen = [_fallen(c, above[c]) for c in claimed if len(above[c]) > spare]
    if fallen:
        why = (
            f"The claimed cannot be among the best {claim.top} of {len(arms)}: {'; '.join(fallen)}."
        )
        return Outcome(
            "not_reproduced", "outside_claimed_ranks", (why, told), value, interval, cells
        )
    why = f"The possible ranks of a claimed condition reach over rank {claim.top}."
    outcome = Outcome("inconclusive", "undecided", (why, told), value, interval, cells)
    # with more seeds max-t comes down to Bonferroni and below, so seeds are planned with that
    level = bonferroni_level(claim.level, len(found))
    return outcome.with_pleas(
        [Plea(margin.estimate, abs(value), level, level_at_hand=margin.equivalent_level)]
    )


def _margin(
    found: tuple[Comparison, ...], order: Mapping[Condition, float], spare: int
) -> Comparison:
    """Return what the claim hangs on: its worst against the first other that may not be above it."""
    last = min({f.first for f in found}, key=lambda c: (order[c], c.label()))
    rivals = [f for f in found if f.first == last]
    return sorted(rivals, key=lambda f: (-order[f.second], f.second.label()))[spare]


def _ranks(sets: Mapping[Condition, RankSet]) -> str:
    return ", ".join(f"{c.label()} {s.best} to {s.worst}" for c, s in sets.items())


def _fallen(condition: Condition, above: list[Condition]) -> str:
    return f"surely above {condition.label()} is {', '.join(c.label() for c in above)}"


def _cell(found: Comparison, order: Mapping[Condition, float]) -> Cell:
    return Cell(
        contrast=f"{found.first.label()} vs {found.second.label()}",
        treatment=order[found.first],
        control=order[found.second],
        estimate=found.estimate.value,
        interval=found.interval,
    )
