"""What does a decision rule hand back, before deviations are weighed?

Light: imports neither torch nor transformers nor datasets.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from verifier.intervals import Estimate
from verifier.power import (
    POWER,
    detectable,
    minimal_detectable_effect,
    power_curve,
    seeds_to_decide,
)
from verifier.verdict import (
    DECIDED,
    Agreement,
    Arm,
    Cell,
    Finding,
    Interval,
    PowerPoint,
    SecondaryCriterion,
    VerdictLabel,
)

__all__ = ["Outcome", "Plea", "rounding"]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What the runs say of a claim, taken as direct evidence."""

    label: VerdictLabel
    finding: Finding
    reasons: tuple[str, ...]
    """The decision in words, most important first."""
    estimate: float | None = None
    interval: Interval | None = None
    cells: tuple[Cell, ...] = ()
    """Cells that the decision used."""
    arms: tuple[Arm, ...] = ()
    """Arms that only this decision forms, such as the best candidate per target."""
    seeds_needed: int | None = None
    power: tuple[PowerPoint, ...] = ()
    """What more seeds would show of what is hardest to decide."""
    secondary: tuple[SecondaryCriterion, ...] = ()
    """Criteria shown beside the decision, which no rule reads."""

    @property
    def agreement(self) -> Agreement:
        """What the outcome says where the evidence is conceptual and cannot decide."""
        if self.label == "reproduced":
            return "agrees"
        return "disagrees" if self.label == "not_reproduced" else "unclear"

    @property
    def decided(self) -> bool:
        """Whether the claim is borne out or ruled out."""
        return self.label in DECIDED

    def held_back(self, label: VerdictLabel, finding: Finding, because: Iterable[str]) -> Outcome:
        """Return the outcome under a weaker label, its estimate kept and the reasons put first."""
        return replace(self, label=label, finding=finding, reasons=(*because, *self.reasons))

    def with_pleas(self, pleas: Iterable[Plea]) -> Outcome:
        """Return the outcome with what would change it: sentences, seeds needed and power.

        Args:
            pleas: at least one; a rule that cannot decide knows what kept it from it.
        """
        asked = list(pleas)
        needed, sentences = _planning(asked)
        reasons = (*self.reasons, *sentences)
        return replace(self, reasons=reasons, seeds_needed=needed, power=_power_of(asked))


@dataclass(frozen=True, slots=True)
class Plea:
    """An estimate that could not clear a boundary, and how far it lies from it."""

    estimate: Estimate
    distance: float
    """Points from the estimate to the nearest boundary that would decide, above 0."""
    level: float
    """Level of the two-sided interval that decides it, with more seeds than are at hand."""
    level_at_hand: float | None = None
    """Level of the interval in use with the seeds at hand; None where it is the same."""


def rounding(reported: float) -> float:
    """Return half the last printed digit of a reported number, in points.

    A number without decimals counts as printed to one decimal, as scores in points usually are:
    a YAML file does not tell 8 from 8.0.
    """
    decimals = max(1, len(repr(float(reported)).partition(".")[2]))
    return 0.5 * 10.0**-decimals


def _planning(asked: Sequence[Plea]) -> tuple[int | None, tuple[str, ...]]:
    """Return the seeds per arm that would probably decide all pleas, and the sentences to print.

    None where one of them cannot be decided by seeds or has no observed variance.
    """
    if any(p.estimate.standard_error is None for p in asked):
        why = (
            "An arm that depends on a seed has fewer than two seeds, so there is no interval; "
            "at least two seeds per arm are needed."
        )
        return None, (why,)
    needed = [seeds_to_decide(p.estimate, distance=p.distance, level=p.level) for p in asked]
    worst = max(asked, key=_detectable)
    found = (
        f"With the seeds at hand a distance of {_detectable(worst):.2f} points from a boundary "
        f"would be seen with probability {POWER}."
    )
    counts = [count for count in needed if count is not None]
    if len(counts) < len(needed):
        return None, (found, "No number of seeds up to 1000 per arm would probably decide it.")
    advice = (
        f"About {max(counts)} seeds per arm would probably decide it, if the estimate and its "
        "variance over seeds stay as they are. Adding to those at hand needs a look planned before "
        "the first (looks); otherwise begin with fresh seeds (first_seed) in a new store."
    )
    return max(counts), (found, advice)


def _power_of(pleas: Iterable[Plea]) -> tuple[PowerPoint, ...]:
    """Return the power curve of the plea that is hardest to decide; none without variances."""
    known = [p for p in pleas if p.estimate.variances]
    if not known or any(p.distance <= 0 for p in known):
        return ()
    hardest = max(known, key=lambda p: _detectable(p) / p.distance)
    return power_curve(hardest.estimate, distance=hardest.distance, level=hardest.level)


def _detectable(plea: Plea) -> float:
    """Return the distance in points that the seeds at hand would probably show."""
    seen = plea.estimate
    level = plea.level if plea.level_at_hand is None else plea.level_at_hand
    if seen.variances:
        return detectable(seen, level=level)
    return minimal_detectable_effect(
        seen.standard_error or 0.0, seen.degrees_of_freedom, level=level
    )
