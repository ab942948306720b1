"""What does a reader need to see of the scores to check a verdict?

Light: imports neither torch nor transformers nor datasets.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

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
from verifier.cells import estimates_at, present_contrasts, statistic_of
from verifier.intervals import Statistic, summary
from verifier.ledger import Bearing
from verifier.outcome import Outcome
from verifier.samples import Samples
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
    weights = samples.weights()
    for arm in samples.arms.values():
        values = arm.scores @ weights
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
    compared = _pairs(claim, samples, protocol) or tuple((c,) for c in samples.arms)
    for task, language, n in _parts(samples):
        found = estimates_at(samples, compared, statistic=statistic, task=task, language=language)
        yield from (cell.cell(claim.level, _READING, n) for cell in found)


def _pairs(claim: Claim, samples: Samples, protocol: Protocol) -> tuple[tuple[Condition, ...], ...]:
    if isinstance(claim, ConsistencyClaim | NoBenefitClaim | NotConsistentlyBetterClaim):
        return present_contrasts(claim.contrasts, samples, protocol)
    if isinstance(claim, GainClaim):
        pair = (resolve(claim.treatment, protocol), resolve(claim.control, protocol))
        there = pair[0] != pair[1] and all(c in samples.arms for c in pair)
        return (pair,) if there else ()
    return ()


def _parts(samples: Samples) -> Iterable[tuple[str, str | None, int | None]]:
    for task in sorted({c.task for c in samples.cells}):
        yield task, None, None
        for cell in samples.cells:
            if cell.task == task:
                yield task, cell.language, cell.n
