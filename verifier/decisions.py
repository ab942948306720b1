"""Which rule decides a claim, and are the scores there that the rule needs?

One pure function from samples to an outcome; deviations are weighed later, in `verify`.
Light: imports neither torch nor transformers nor datasets.
"""

from __future__ import annotations

from dataclasses import replace

from claims.claim import (
    ConsistencyClaim,
    GainClaim,
    NoBenefitClaim,
    NotConsistentlyBetterClaim,
    RankingClaim,
    SelectedGainClaim,
    ValueClaim,
)
from claims.estimand import Condition
from replication.plan import conditions_of, resolve
from replication.protocol import Protocol
from verifier.cells import (
    arm_scores,
    cell_estimates,
    chosen_scores,
    contrast_estimate,
    present_contrasts,
    statistic_of,
)
from verifier.decisions_cells import (
    decide_consistency,
    decide_no_benefit,
    decide_not_consistently_better,
)
from verifier.decisions_ranking import decide_ranking
from verifier.decisions_size import decide_size, decide_value, size_criterion
from verifier.intervals import difference, single
from verifier.outcome import Outcome
from verifier.samples import Samples
from verifier.selection import BestPerTarget, optimism_sentence

__all__ = ["Scored", "decide"]

_ManyCells = ConsistencyClaim | NoBenefitClaim | NotConsistentlyBetterClaim
Scored = _ManyCells | GainClaim | RankingClaim | SelectedGainClaim | ValueClaim
"""A claim about scores: of every kind but `protocol`."""


def decide(
    claim: Scored,
    samples: Samples,
    protocol: Protocol,
    *,
    chosen: BestPerTarget | None = None,
    among_many: bool = False,
) -> Outcome:
    """Decide a claim as if the runs were direct evidence.

    Args:
        claim: of any kind that speaks of scores; `decide_settings` has the other.
        samples: aligned scores.
        protocol: that the runs followed; resolves `all`.
        chosen: the arm of the selection procedure, for a selected gain.
        among_many: whether the claim's level is corrected over several claims.
    """
    lacking = _lacking(claim, samples, protocol)
    if lacking:
        return Outcome("not_evaluable", "no_evidence", (lacking,))
    if isinstance(claim, _ManyCells):
        return _many_cells(claim, samples, protocol, among_many=among_many)
    statistic = statistic_of(claim.measure)
    weights = samples.weights()
    if isinstance(claim, GainClaim):
        pair = (resolve(claim.treatment, protocol), resolve(claim.control, protocol))
        estimate = contrast_estimate(samples, pair, statistic=statistic)
        return decide_size(estimate.among_many() if among_many else estimate, size_criterion(claim))
    if isinstance(claim, SelectedGainClaim):
        return _selected(claim, samples, protocol, chosen, among_many=among_many)
    if isinstance(claim, RankingClaim):
        candidates = [resolve(c, protocol) for c in claim.candidates]
        return decide_ranking(
            {c: arm_scores(samples, samples.arms[c]) for c in candidates},
            claim,
            claimed=tuple(resolve(c, protocol) for c in claim.claimed),
            statistic=statistic,
            step=samples.step(weights),
        )
    arm = samples.arms[resolve(claim.condition, protocol)]
    estimate = single(arm_scores(samples, arm), statistic=statistic, step=samples.step(weights))
    return decide_value(estimate.among_many() if among_many else estimate, claim)


def _many_cells(
    claim: _ManyCells, samples: Samples, protocol: Protocol, *, among_many: bool
) -> Outcome:
    pairs = present_contrasts(claim.contrasts, samples, protocol)
    kind = "contrasts" if isinstance(claim, NoBenefitClaim) else claim.cells
    cells = cell_estimates(samples, pairs, cells=kind, statistic=statistic_of(claim.measure))
    if among_many:
        cells = tuple(replace(c, estimate=c.estimate.among_many()) for c in cells)
    if isinstance(claim, ConsistencyClaim):
        return decide_consistency(cells, claim)
    if isinstance(claim, NoBenefitClaim):
        return decide_no_benefit(cells, claim)
    return decide_not_consistently_better(cells, claim)


def _selected(
    claim: SelectedGainClaim,
    samples: Samples,
    protocol: Protocol,
    chosen: BestPerTarget | None,
    *,
    among_many: bool,
) -> Outcome:
    if chosen is None:
        why = "The candidates have no seed in common, so the choice cannot be replicated."
        return Outcome("not_evaluable", "no_evidence", (why,))
    control = arm_scores(samples, samples.arms[resolve(claim.control, protocol)])
    estimate = difference(
        chosen_scores(samples, chosen),
        control,
        statistic=statistic_of(claim.measure),
        step=samples.step(samples.weights()),
    )
    decided = decide_size(estimate.among_many() if among_many else estimate, size_criterion(claim))
    why = f"In each seed the best candidate per target was chosen on split {chosen.split}."
    if chosen.optimistic:
        why += (
            " Some target was scored on the split on which its candidate was chosen: the gain"
            " includes the luck of the best and is too high."
        )
    told = optimism_sentence(chosen)
    reasons = (*decided.reasons, why, *([told] if told else []))
    return replace(decided, reasons=reasons, arms=(chosen.arm,))


def _lacking(claim: Scored, samples: Samples, protocol: Protocol) -> str | None:
    """Return why the scores cannot answer the claim at all; None where they can."""
    stated = conditions_of(claim)
    resolved = [resolve(c, protocol) for c in stated]
    if len(set(resolved)) < len(resolved):
        twice = sorted({c.label() for c in resolved if resolved.count(c) > 1})
        return f"Under this protocol two conditions of the claim are one: {', '.join(twice)}."
    if not samples.cells:
        asked = "; ".join(
            f"{task.task} by {', '.join(task.metrics)} in {', '.join(task.languages[:5])}"
            for task in samples.scope.tasks[:3]
        )
        return f"No task and language was scored in every condition; the claim asks for {asked}."
    if isinstance(claim, _ManyCells):
        if present_contrasts(claim.contrasts, samples, protocol):
            return None
        return "No contrast of the claim has scores for both of its conditions."
    lacking: list[Condition] = [c for c in resolved if c not in samples.arms]
    if lacking:
        return f"No scores for: {', '.join(c.label() for c in lacking)}."
    return None
