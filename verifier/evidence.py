"""What does a reader need to see of the scores to check a verdict?

Light: imports neither torch nor transformers nor datasets.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from claims.claim import (
    Claim,
    ConsistencyClaim,
    GainClaim,
    NoBenefitClaim,
    NotConsistentlyBetterClaim,
    ProtocolClaim,
)
from claims.estimand import Condition
from replication.plan import resolve
from replication.protocol import Protocol
from verifier.cells import arm_scores, contrast_estimate, present_contrasts, statistic_of
from verifier.intervals import Estimate, Statistic, single, summary
from verifier.ledger import Bearing
from verifier.outcome import Outcome
from verifier.samples import Samples, ScoredCell
from verifier.verdict import Arm, Cell, Evidence

__all__ = ["evidence_of"]

_READING = "for reading, not adjusted for the number of cells"


def evidence_of(
    claim: Claim, samples: Samples | None, bearing: Bearing, outcome: Outcome, protocol: Protocol
) -> Evidence:
    """Return arms, the cells of the decision, the means per task and language, runs, exclusions."""
    left_out = [
        *(f"failed: {line}" for line in bearing.failed),
        *(f"not made yet: {line}" for line in bearing.unfinished),
        *bearing.exclusions,
        *(samples.exclusions if samples else ()),
    ]
    cells: list[Cell] = list(outcome.cells)
    arms: list[Arm] = list(outcome.arms)
    if samples is not None and samples.cells and not isinstance(claim, ProtocolClaim):
        statistic = statistic_of(claim.measure)
        arms += _arms(samples, statistic)
        known = {(c.contrast, c.task, c.language) for c in cells}
        rows = _rows(claim, samples, protocol, statistic)
        cells += [c for c in rows if (c.contrast, c.task, c.language) not in known]
    return Evidence(
        arms=tuple(arms),
        cells=tuple(cells),
        runs=tuple(run.spec_digest for run in bearing.finished),
        exclusions=tuple(text[:4000] for text in left_out),
    )


def _arms(samples: Samples, statistic: Statistic) -> list[Arm]:
    found: list[Arm] = []
    for arm in samples.arms.values():
        values = arm_scores(samples, arm).values
        found.append(
            Arm(
                condition=arm.condition.label(),
                seeds=arm.seeds,
                scores=tuple(values.tolist()),
                summary=summary(values, statistic),
            )
        )
    return found


def _rows(
    claim: Claim, samples: Samples, protocol: Protocol, statistic: Statistic
) -> Iterator[Cell]:
    """Yield a row per task, then per task and language, for each contrast or else each arm."""
    pairs = _pairs(claim, samples, protocol)
    for task, language, keep, n in _parts(samples):
        step = samples.step(samples.weights(keep))
        means = {
            c: summary(arm_scores(samples, arm, keep).values, statistic)
            for c, arm in samples.arms.items()
        }
        for pair in pairs:
            estimate = contrast_estimate(samples, pair, statistic=statistic, keep=keep)
            label = f"{pair[0].label()} vs {pair[1].label()}"
            yield _row(
                claim, estimate, (task, language, label), n, (means[pair[0]], means[pair[1]])
            )
        for condition, arm in samples.arms.items() if not pairs else ():
            estimate = single(arm_scores(samples, arm, keep), statistic=statistic, step=step)
            yield _row(claim, estimate, (task, language, condition.label()), n, None)


def _row(
    claim: Claim,
    estimate: Estimate,
    where: tuple[str, str | None, str],
    n: int | None,
    means: tuple[float, float] | None,
) -> Cell:
    return Cell(
        task=where[0],
        language=where[1],
        contrast=where[2],
        treatment=means[0] if means else None,
        control=means[1] if means else None,
        estimate=estimate.value,
        interval=estimate.interval(claim.level, adjusted=_READING),
        n=n,
    )


def _pairs(
    claim: Claim, samples: Samples, protocol: Protocol
) -> tuple[tuple[Condition, Condition], ...]:
    if isinstance(claim, ConsistencyClaim | NoBenefitClaim | NotConsistentlyBetterClaim):
        return present_contrasts(claim.contrasts, samples, protocol)
    if isinstance(claim, GainClaim):
        pair = (resolve(claim.treatment, protocol), resolve(claim.control, protocol))
        there = pair[0] != pair[1] and all(c in samples.arms for c in pair)
        return (pair,) if there else ()
    return ()


def _parts(
    samples: Samples,
) -> Iterable[tuple[str, str | None, Callable[[ScoredCell], bool], int | None]]:
    for task in sorted({c.task for c in samples.cells}):
        yield task, None, _keep(task, None), None
        for cell in samples.cells:
            if cell.task == task:
                yield task, cell.language, _keep(task, cell.language), cell.n


def _keep(task: str, language: str | None) -> Callable[[ScoredCell], bool]:
    return lambda c: c.task == task and language in (None, c.language)
