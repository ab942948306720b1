"""Does the interval bear out a reported size: of a gain, of a selected gain, of a score?

The table of docs on statistics, section d.3, with one stricter line: a claim that reports a size is
reproduced only by an interval inside its tolerance band. That the sizes are merely compatible
(the prediction interval holds) is the finding `direction_compatible` of an inconclusive verdict:
a wider interval passes that test more easily, so counting it as success would reward noise.
Light: imports neither torch nor transformers nor datasets.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from claims.claim import GainClaim, Original, SelectedGainClaim, ValueClaim
from verifier.criteria import prediction_half_width, secondary_criteria
from verifier.intervals import Estimate
from verifier.original import original_error, stated_original
from verifier.outcome import Outcome, Plea, rounding
from verifier.verdict import Finding, Interval, VerdictLabel

__all__ = ["SizeCriterion", "decide_size", "decide_value", "size_criterion"]


_Judgement = tuple[VerdictLabel, Finding, str]
"""Label, finding, and the reason in words."""


@dataclass(frozen=True, slots=True)
class SizeCriterion:
    """What decides a claim of size, seen so that the claimed direction is up; all in points."""

    reported: float | None
    """Above 0; None for a claim of direction only."""
    tolerance: float | None
    minimum_effect: float
    level: float
    sign: int = 1
    """-1 where the claim's direction is down."""
    original: Original | None = None
    """What is known of the uncertainty of the reported size; decides nothing."""

    @property
    def certain_band(self) -> tuple[float, float]:
        """Sizes within the tolerance of every number that the printed one may stand for."""
        reach = (self.tolerance or 0.0) - rounding(self.reported or 0.0)
        return (self.reported or 0.0) - reach, (self.reported or 0.0) + reach

    @property
    def possible_band(self) -> tuple[float, float]:
        """Sizes within the tolerance of some number that the printed one may stand for."""
        reach = (self.tolerance or 0.0) + rounding(self.reported or 0.0)
        return (self.reported or 0.0) - reach, (self.reported or 0.0) + reach


def size_criterion(claim: GainClaim | SelectedGainClaim) -> SizeCriterion:
    """Return the criterion of a claim, turned so that the claimed direction is up."""
    sign = 1 if claim.direction == "up" else -1
    return SizeCriterion(
        reported=None if isinstance(claim.reported, str) else sign * claim.reported,
        tolerance=claim.tolerance.points if claim.tolerance else None,
        minimum_effect=claim.minimum_effect.points,
        level=claim.level,
        sign=sign,
        original=stated_original(claim),
    )


def decide_size(estimate: Estimate, criterion: SizeCriterion) -> Outcome:
    """Decide a gain from the difference of its arms; secondary criteria are only attached.

    Args:
        estimate: treatment minus control, in the claim's own sign.
        criterion: frozen in the claim before any run.
    """
    seen = estimate if criterion.sign > 0 else estimate.negated()
    decided = _decide(estimate, seen, criterion)
    if criterion.reported is None:
        return decided
    beside = secondary_criteria(
        seen, criterion.reported, level=criterion.level, original=criterion.original
    )
    return replace(decided, secondary=beside)


def _decide(estimate: Estimate, seen: Estimate, criterion: SizeCriterion) -> Outcome:
    """Decide from the estimate in the claim's own sign and as seen with its direction up."""
    interval = seen.interval(criterion.level)
    label, finding, why = _judge(seen, interval, criterion)
    own = estimate.interval(criterion.level)
    outcome = Outcome(label, finding, (why,), estimate.value, own)
    if label != "inconclusive":
        return outcome
    return outcome.with_pleas([Plea(seen, _distance(seen.value, criterion), criterion.level)])


def decide_value(estimate: Estimate, claim: ValueClaim) -> Outcome:
    """Decide an absolute score: the interval inside, outside or across the tolerance band."""
    original = stated_original(claim)
    criterion = SizeCriterion(
        claim.reported, claim.tolerance.points, 0.0, claim.level, original=original
    )
    interval = estimate.interval(claim.level)
    low, high = criterion.certain_band
    if interval is not None:
        shown = _show(interval)
        if low <= interval.low and interval.high <= high:
            why = f"The interval {shown} lies within {_band(criterion)}."
            return Outcome("reproduced", "magnitude", (why,), estimate.value, interval)
        if _outside(interval, criterion):
            why = f"The interval {shown} lies outside {_band(criterion)}."
            return Outcome("not_reproduced", "outside_tolerance", (why,), estimate.value, interval)
    why = (
        f"The interval {_show(interval)} reaches over an edge of {_band(criterion)}."
        if interval
        else "There is no interval to compare with the tolerance."
    )
    if interval and original:
        _, prediction = _prediction(estimate, criterion)
        why += f" The scores {prediction}."
    distance = min(abs(estimate.value - low), abs(estimate.value - high))
    outcome = Outcome("inconclusive", "undecided", (why,), estimate.value, interval)
    return outcome.with_pleas([Plea(estimate, distance, claim.level)])


def _judge(seen: Estimate, interval: Interval | None, criterion: SizeCriterion) -> _Judgement:
    """Return label, finding and the reason; `seen` and `interval` have the claimed direction up."""
    least, reported = criterion.minimum_effect, criterion.reported
    if interval is None:
        return "inconclusive", "undecided", "There is no interval to compare with the claim."
    if reported is not None and reported - rounding(reported) <= least:
        why = "The reported size is not above the claim's own minimum effect: mend the claim."
        return "inconclusive", "undecided", why
    shown = _show(interval, criterion.sign)
    if interval.low > 0 and interval.high < least:
        why = f"The interval {shown} has the claimed sign and ends short of the minimum {least:g}."
        return "not_reproduced", "negligible", why
    if interval.high < least:
        why = f"The interval {shown} excludes every effect of the claimed sign above {least:g}."
        return "not_reproduced", "contradicted", why
    if reported is None:
        return _direction(interval, shown, least)
    return _size(seen, interval, shown=shown, criterion=criterion)


def _direction(interval: Interval, shown: str, least: float) -> _Judgement:
    """Judge a claim of direction only, whose effect is not surely below the minimum."""
    if interval.low > least:
        why = f"The interval {shown} is beyond the minimum effect of {least:g}; no size is claimed."
        return "reproduced", "direction_compatible", why
    why = f"The interval {shown} holds the minimum effect of {least:g}."
    return "inconclusive", "undecided", why


def _size(
    seen: Estimate, interval: Interval, *, shown: str, criterion: SizeCriterion
) -> _Judgement:
    """Judge a claim with a size, whose effect is not surely below the minimum."""
    low, high = criterion.certain_band
    above = interval.low > criterion.minimum_effect
    if above and low <= interval.low and interval.high <= high:
        return "reproduced", "magnitude", f"The interval {shown} lies within {_band(criterion)}."
    if _outside(interval, criterion):
        ratio = f"{seen.value / (criterion.reported or 1.0):.2f} times the reported size"
        why = f"The interval {shown} lies outside {_band(criterion)}: {ratio}."
        return "not_reproduced", "direction_only" if above else "outside_tolerance", why
    return _between(seen, shown, above=above, criterion=criterion)


def _between(seen: Estimate, shown: str, *, above: bool, criterion: SizeCriterion) -> _Judgement:
    """Return the inconclusive finding of an interval across an edge of the tolerance band."""
    least = criterion.minimum_effect
    edge = f"The interval {shown} reaches over an edge of {_band(criterion)}"
    if not above:
        return "inconclusive", "undecided", f"{edge}, and below the minimum effect of {least:g}."
    compatible, prediction = _prediction(seen, criterion)
    sizes = f"the sizes {prediction}"
    if compatible:
        why = f"{edge}. The direction is shown and the size compatible: {sizes}."
        return "inconclusive", "direction_compatible", why
    why = f"{edge}. The direction is shown, the size probably another: {sizes}."
    return "inconclusive", "direction_only", why


def _prediction(seen: Estimate, criterion: SizeCriterion) -> tuple[bool, str]:
    """Return whether the prediction interval holds the reported size, and the words on it.

    Criterion 4 of the docs on statistics; it words findings and decides nothing.
    """
    reported = criterion.reported or 0.0
    half = prediction_half_width(seen, criterion.level, criterion.original)
    error = original_error(seen, criterion.original)
    apart = abs(seen.value - reported) + rounding(reported)
    clause = (
        f"differ by {seen.value - reported:+.2f}, the prediction interval is ±{half:.2f} "
        f"({error.sentence if error else 'there is no standard error'})"
    )
    return apart <= half, clause


def _distance(value: float, criterion: SizeCriterion) -> float:
    """Return how far a value lies from the nearest boundary that would decide."""
    boundaries = [criterion.minimum_effect]
    if criterion.reported is not None:
        boundaries += list(criterion.certain_band)
    return min(abs(value - boundary) for boundary in boundaries)


def _outside(interval: Interval, criterion: SizeCriterion) -> bool:
    low, high = criterion.possible_band
    return interval.high < low or interval.low > high


def _band(criterion: SizeCriterion) -> str:
    reported = criterion.sign * (criterion.reported or 0.0)
    return f"the tolerance of {criterion.tolerance or 0.0:g} around the reported {reported:g}"


def _show(interval: Interval, sign: int = 1) -> str:
    ends = sorted((sign * interval.low, sign * interval.high))
    return f"[{ends[0]:.2f}, {ends[1]:.2f}]"
