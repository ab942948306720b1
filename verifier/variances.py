"""Where does the uncertainty of a claim's estimate come from, and which of it does the interval hold?

Light: imports neither torch nor transformers nor datasets.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from claims.claim import GainClaim, SelectedGainClaim, ValueClaim
from replication.plan import conditions_of, resolve
from replication.protocol import Protocol
from verifier.cells import arm_scores, chosen_scores, estimate_of, picked, statistic_of
from verifier.crossed import cell_variance, item_part, variance_shares
from verifier.decisions import Scored
from verifier.intervals import Scores
from verifier.redrawn import ItemsOf, NoItemsError, redraw
from verifier.samples import ArmSample, Floats, Samples, Seed
from verifier.scope import TasksOf
from verifier.selection import BestPerTarget
from verifier.verdict import Evidence, VarianceShare

__all__ = ["redrawn_for", "with_shares"]

_OneEstimate = GainClaim | SelectedGainClaim | ValueClaim
"""Claims that hang on one number, whose variance can be told apart by source."""


def redrawn_for(
    claim: Scored,
    samples: Samples,
    items: ItemsOf | None,
    *,
    tasks_of: TasksOf,
    always: bool = False,
) -> Samples:
    """Return the samples with other examples to score, where a claim is about sentences like these.

    The draws follow from the claim's criterion, so that the same evidence gives the same numbers.

    Args:
        claim: says what its interval is about.
        samples: aligned scores.
        items: reads the outcomes of a run's examples.
        tasks_of: target tasks of a benchmark.
        always: whether to redraw for a claim about this benchmark too.

    Raises:
        NoItemsError: the outcomes that are needed are not at hand.
    """
    wanted = always or claim.measure.inference == "sentences_like_these"
    if not wanted or not samples.cells or samples.redrawn:
        return samples
    if items is None:
        raise NoItemsError("the outcomes of single examples are not at hand.")
    present = [c for c in samples.scope.conditions if c in samples.arms]
    rows = {row.name: row.parallel for row in tasks_of(claim.measure.benchmark)}
    rng = np.random.default_rng(int(claim.criterion()[:16], 16))
    redrawn = redraw(samples, present, items, parallel=rows, rng=rng)
    return replace(samples, redrawn=redrawn)


def with_shares(
    claim: Scored,
    evidence: Evidence,
    *,
    samples: Samples,
    chosen: BestPerTarget | None,
    protocol: Protocol,
    add_redrawn: Callable[[Samples], Samples],
) -> Evidence:
    """Return the evidence with the variance shares of a claim that hangs on one estimate.

    Args:
        claim: of any kind; those over several estimates keep their evidence as it is.
        evidence: so far.
        samples: aligned scores.
        chosen: the arm of the selection procedure, for a selected gain.
        protocol: that the runs followed; resolves `all`.
        add_redrawn: adds other examples to samples, or raises NoItemsError.
    """
    if not isinstance(claim, _OneEstimate):
        return evidence
    drawn = samples.redrawn is not None
    notes: tuple[str, ...] = ()
    try:
        samples = add_redrawn(samples)
    except NoItemsError as error:
        # what foreign scores came without is nothing that was left out
        if any(run.spec.origin is None or run.artifacts for run in samples.runs.values()):
            notes = (f"what examples add to the uncertainty is not known: {error}"[:4000],)
    found = _shares(claim, samples, chosen, protocol, drawn=drawn)
    optimism = chosen.optimism if chosen else None
    return evidence.model_copy(
        update={
            "variances": found,
            "optimism": optimism,
            "exclusions": (*evidence.exclusions, *notes),
        }
    )


def _shares(
    claim: _OneEstimate,
    samples: Samples,
    chosen: BestPerTarget | None,
    protocol: Protocol,
    *,
    drawn: bool,
) -> tuple[VarianceShare, ...]:
    """Return the shares of the estimate on which the claim hangs; none where there is no such."""
    tables = _tables(claim, samples, chosen, protocol)
    if not tables:
        return ()
    statistic, weights = statistic_of(claim.measure), samples.weights()
    scores = [s for s, _ in tables]
    seen = estimate_of(scores, statistic=statistic, step=samples.step(weights))
    if seen.standard_error is None:
        return ()
    resampled = [s.drawn for s in scores if s.drawn is not None]
    items = item_part(resampled) if len(resampled) == len(scores) else None
    over_seeds = max(0.0, seen.standard_error**2 - seen.item_variance) if seen.variances else 0.0
    by_cell = sum(cell_variance(table, weights) for s, table in tables if not s.constant)
    return variance_shares(over_seeds, by_cell, items, replicates=seen.seeds, drawn=drawn)


def _tables(
    claim: _OneEstimate, samples: Samples, chosen: BestPerTarget | None, protocol: Protocol
) -> list[tuple[Scores, Floats]]:
    """Return measure per replicate, and scores (n_replicates, n_cells), of each arm; or nothing."""
    if isinstance(claim, SelectedGainClaim):
        if chosen is None:
            return []
        picks = picked(samples, chosen)
        tasks = [cell.task for cell in samples.cells]
        table = [[_score(pick[task], at) for at, task in enumerate(tasks)] for pick in picks]
        first = [(chosen_scores(samples, chosen), np.asarray(table, dtype=np.float64))]
        wanted = [resolve(claim.control, protocol)]
    else:
        first = []
        wanted = [resolve(c, protocol) for c in conditions_of(claim)]
    if len(set(wanted)) < len(wanted) or any(c not in samples.arms for c in wanted):
        return []
    arms = [samples.arms[c] for c in wanted]
    return [*first, *((arm_scores(samples, arm), arm.scores) for arm in arms)]


def _score(pick: tuple[ArmSample, Seed], at: int) -> float:
    arm, seed = pick
    return float(arm.scores[0 if arm.constant else arm.seeds.index(seed), at])
