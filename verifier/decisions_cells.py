"""Do the cells bear out a claim over several of them: all improve, none benefits, not all improve?

Cells share seeds and arms, so every correction holds under any dependence. Each one-sided test has
alpha = (1 - level) / 2, that of one end of the claim's two-sided interval. What is corrected over
cells is tested with degrees of freedom that hold so far out (`Estimate.among_many`).
Light: imports neither torch nor transformers nor datasets.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from claims.claim import ConsistencyClaim, NoBenefitClaim, NotConsistentlyBetterClaim
from verifier.cells import CellEstimate
from verifier.intervals import Estimate
from verifier.multiplicity import bonferroni_level, holm, partial_conjunction, shown_cells
from verifier.outcome import Outcome, Plea
from verifier.verdict import Finding

__all__ = ["decide_consistency", "decide_no_benefit", "decide_not_consistently_better"]

_EACH = "each cell at this level; the claim needs all of them, so none is adjusted"


def decide_consistency(cells: Sequence[CellEstimate], claim: ConsistencyClaim) -> Outcome:
    """Decide whether at least u of L cells improve by more than nothing.

    Reproduced when the partial conjunction test (intersection-union for u = L) rejects `fewer than
    u improve`. Refuted when, after Holm, more than L - u cells are surely worse. Cells that merely
    fail to show an improvement refute nothing: the claim names no size that they should have had.
    """
    alpha = (1 - claim.level) / 2
    count = len(cells)
    strict = _among_many(cells)
    worse = [
        c for c, p in zip(cells, holm([e.p_below(0) for e in strict]), strict=True) if p <= alpha
    ]
    wanted = count if claim.at_least == "all" else claim.at_least
    # where all must improve, each is tested alone and nothing is corrected
    tested = [c.estimate for c in cells] if wanted == count else strict
    better = [e.p_above(0) for e in tested]
    shown, borne_out = shown_cells(better, alpha), False
    if isinstance(wanted, int) and wanted <= count:
        borne_out = partial_conjunction(better, wanted) <= alpha
        shown = max(shown, wanted) if borne_out else shown
    tally = f"{shown} of {count} cells are shown to improve, {len(worse)} are surely worse."
    # `many` without a number is refuted only where not even one cell can improve.
    least = 1 if wanted == "unknown" else wanted
    if least <= count and len(worse) > count - least:
        why = f"Surely worse after Holm's correction: {_names(worse)}."
        finding: Finding = "counterexample" if wanted == count else "too_few_cells"
        return _with_cells(Outcome("not_reproduced", finding, (why, tally)), cells, claim.level)
    if wanted == "unknown":
        why = "The paper does not say how many cells must improve, so no count can bear it out."
        return _with_cells(
            Outcome("not_evaluable", "measure_unknown", (why, tally)), cells, claim.level
        )
    if wanted > count:
        why = f"The claim speaks of at least {wanted} cells, only {count} could be scored."
        return _with_cells(
            Outcome("not_evaluable", "no_evidence", (why, tally)), cells, claim.level
        )
    if borne_out:
        why = f"At least {wanted} of {count} cells improve (one-sided tests at {alpha:.3g})."
        return _with_cells(Outcome("reproduced", "consistent", (why, tally)), cells, claim.level)
    share = count - wanted + 1
    left = [e for e, p in zip(tested, better, strict=True) if share * p > alpha]
    missing = sorted(left, key=lambda e: e.value)[-max(1, wanted - (count - len(left))) :]
    level = bonferroni_level(claim.level, share)
    why = f"At least {wanted} of {count} cells would have to be shown to improve."
    outcome = Outcome("inconclusive", "too_few_cells", (why, tally))
    pleas = [Plea(e, abs(e.value), level) for e in missing]
    return _with_cells(outcome.with_pleas(pleas), cells, claim.level)


def decide_no_benefit(cells: Sequence[CellEstimate], claim: NoBenefitClaim) -> Outcome:
    """Decide whether every contrast is equivalent to zero (two one-sided tests for each).

    That no difference is seen is never a pass. Refuted when some contrast, with Bonferroni over
    contrasts, lies wholly outside the margin on either side.
    """
    margin = claim.minimum_effect.points
    strict = bonferroni_level(claim.level, len(cells))
    intervals = [c.estimate.interval(claim.level) for c in cells]
    inside = [i is not None and -margin < i.low and i.high < margin for i in intervals]
    beyond = [
        c for c, e in zip(cells, _among_many(cells), strict=True) if _beyond(e, margin, strict)
    ]
    if all(inside):
        why = f"Every contrast lies within ±{margin:g} points of zero."
        outcome = Outcome("reproduced", "equivalent", (why,))
    elif beyond:
        sides = ["a benefit" if c.estimate.value > 0 else "a harm" for c in beyond]
        told = ", ".join(f"{c.name()}: {side}" for c, side in zip(beyond, sides, strict=True))
        why = f"Surely more than {margin:g} points from zero, corrected over contrasts: {told}."
        outcome = Outcome("not_reproduced", "contradicted", (why,))
    else:
        open_cells = [c for c, known in zip(cells, inside, strict=True) if not known]
        pleas = [
            Plea(c.estimate, abs(margin - abs(c.estimate.value)), claim.level) for c in open_cells
        ]
        why = f"The interval reaches over the margin of ±{margin:g} for: {_names(open_cells)}."
        outcome = Outcome("inconclusive", "undecided", (why,)).with_pleas(pleas)
    return _with_cells(outcome, cells, claim.level, largest=True)


def decide_not_consistently_better(
    cells: Sequence[CellEstimate], claim: NotConsistentlyBetterClaim
) -> Outcome:
    """Decide whether some cell is shown not to reach the minimum effect.

    Reproduced by one cell whose upper bound, corrected over cells, lies below the minimum effect;
    refuted when every cell's lower bound lies above it.
    """
    least = claim.minimum_effect.points
    alpha = (1 - claim.level) / 2
    strict = _among_many(cells)
    below = holm([e.p_below(least) for e in strict])
    short = [c for c, p in zip(cells, below, strict=True) if p <= alpha]
    above = [c.estimate.p_above(least) <= alpha for c in cells]
    if short:
        why = (
            f"Surely below the minimum effect of {least:g}, corrected over cells: {_names(short)}."
        )
        outcome = Outcome("reproduced", "not_consistent", (why,))
    elif all(above):
        why = f"All {len(cells)} cells surely improve by more than {least:g}."
        outcome = Outcome("not_reproduced", "consistent", (why,))
    else:
        lowest = min(strict, key=lambda e: e.value)
        level = bonferroni_level(claim.level, len(cells))
        plea = Plea(lowest, abs(lowest.value - least), level)
        why = (
            f"No cell is surely below the minimum effect of {least:g}, and "
            f"{above.count(False)} of {len(cells)} are not surely above it."
        )
        outcome = Outcome("inconclusive", "undecided", (why,)).with_pleas([plea])
    return _with_cells(outcome, cells, claim.level)


def _with_cells(
    outcome: Outcome, cells: Sequence[CellEstimate], level: float, *, largest: bool = False
) -> Outcome:
    """Attach the cells, and as the estimate the one on which the claim hangs.

    That is the lowest, or for an equivalence the one farthest from zero.
    """
    chosen = max(cells, key=lambda c: abs(c.estimate.value)) if largest else min(cells, key=_gain)
    which = "farthest from zero" if largest else "lowest"
    note = f"The estimate shown is that of the {which} cell, {chosen.name()}."
    adjusted = _EACH if len(cells) > 1 else ""
    return replace(
        outcome,
        reasons=(*outcome.reasons, note) if len(cells) > 1 else outcome.reasons,
        estimate=chosen.estimate.value,
        interval=chosen.estimate.interval(level, adjusted=adjusted),
        cells=tuple(c.cell(level, adjusted) for c in cells),
    )


def _among_many(cells: Sequence[CellEstimate]) -> list[Estimate]:
    return [c.estimate.among_many() if len(cells) > 1 else c.estimate for c in cells]


def _beyond(estimate: Estimate, margin: float, level: float) -> bool:
    interval = estimate.interval(level)
    return interval is not None and (interval.low > margin or interval.high < -margin)


def _gain(cell: CellEstimate) -> float:
    return cell.estimate.value


def _names(cells: Sequence[CellEstimate]) -> str:
    names = [c.name() for c in cells]
    return ", ".join(names[:10]) + (f" and {len(names) - 10} more" if len(names) > 10 else "")
