"""Do the verdicts of many audits of one kind keep the error rates that they promise?"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from benchmarks.closed_forms import ClosedForm
from benchmarks.scenario import LEVEL, Scenario
from benchmarks.simulated_audits import arm
from benchmarks.truths import Floats
from claims.claim import (
    Claim,
    ConsistencyClaim,
    GainClaim,
    NoBenefitClaim,
    NotConsistentlyBetterClaim,
    RankingClaim,
    SelectedGainClaim,
    ValueClaim,
)
from verifier.verdict import VERDICTS, Cell, Verdict

__all__ = ["Judgement", "Observer", "Tally", "judge", "naive_reproduced", "standard_error"]

_NEAR = 0.01
"""Coverage may be so far from nominal."""
_POWER = 0.05
"""And a rate so far from its closed form."""
_ERRORS = 3.0
"""Standard errors of the simulation that are allowed on top."""

_Key = tuple[str | None, str | None, str | None]
"""Contrast, task and language of a cell of the evidence."""


@dataclass(slots=True)
class Tally:
    """What was seen in some audits; tallies of parts add up to that of the whole."""

    labels: Counter[str] = field(default_factory=Counter)
    naive: int = 0
    """Audits that the naive rule calls reproduced."""
    intervals: int = 0
    """Audits with an interval to be held against the truth."""
    covered: float = 0.0
    """Sum over audits of the share of intervals that hold the truth."""
    covered_squared: float = 0.0

    @property
    def audits(self) -> int:
        """How many there were."""
        return self.labels.total()

    def add(self, other: Tally) -> None:
        """Add the audits of another part."""
        self.labels.update(other.labels)
        self.naive += other.naive
        self.intervals += other.intervals
        self.covered += other.covered
        self.covered_squared += other.covered_squared

    def to_json(self) -> dict[str, Any]:
        """Return what `Tally.of_json` reads."""
        return {
            "labels": dict(self.labels), "naive": self.naive, "intervals": self.intervals,
            "covered": self.covered, "covered_squared": self.covered_squared,
        }  # fmt: skip

    @classmethod
    def of_json(cls, found: Mapping[str, Any]) -> Tally:
        """Return the tally that was written."""
        return cls(**(dict(found) | {"labels": Counter(found["labels"])}))

    def rate(self, label: str) -> float:
        """Return the share of audits with a verdict."""
        return self.labels[label] / self.audits

    def coverage(self) -> tuple[float, float] | None:
        """Return mean and standard error of the coverage; None where no audit had an interval."""
        if not self.intervals:
            return None
        mean = self.covered / self.intervals
        variance = max(0.0, self.covered_squared / self.intervals - mean**2)
        return mean, math.sqrt(variance / self.intervals)


class Observer:
    """Holds verdicts against the truth of a scenario."""

    def __init__(self, scenario: Scenario, claim: Claim) -> None:
        """Find the true value of each interval that a verdict on this claim may show."""
        self._scenario = scenario
        self._claim = claim
        self._truths = _true_cells(scenario.means, claim)
        self._value = scenario.value
        if self._value is None:
            self._value = _true_value(scenario.means, claim)

    def note(self, verdict: Verdict, tally: Tally) -> None:
        """Count a verdict."""
        tally.labels[verdict.verdict] += 1
        tally.naive += naive_reproduced(self._claim, verdict)
        share = self._covered(verdict)
        if share is not None:
            tally.intervals += 1
            tally.covered += share
            tally.covered_squared += share**2

    def _covered(self, verdict: Verdict) -> float | None:
        if self._scenario.coverage == "none":
            return None
        if self._value is not None:
            if verdict.interval is None:
                return None
            return float(verdict.interval.low <= self._value <= verdict.interval.high)
        cells = {_key(c): c for c in verdict.evidence.cells}
        inside = []
        for key, truth in self._truths.items():
            interval = cells[key].interval
            if interval is None:
                return None
            inside.append(interval.low <= truth <= interval.high)
        return float(all(inside)) if self._scenario.coverage == "all" else float(np.mean(inside))


@dataclass(frozen=True, slots=True)
class Judgement:
    """A row of the calibration table."""

    scenario: Scenario
    tally: Tally
    form: ClosedForm
    faults: tuple[str, ...]
    """What is worse than nominal, beyond the error of the simulation."""
    wide: bool
    """Whether the interval covers more than it says: too careful, never wrong more often."""

    @property
    def excess(self) -> float:
        """Largest rate of a wrong verdict less what is allowed; negative where all are below."""
        return max(self.tally.rate(v) - most for v, most in self.scenario.bounds.items())

    @property
    def power_gap(self) -> float | None:
        """Largest distance of a rate from its closed form; None where there is none."""
        exact = self.form.rates
        gaps = [abs(self.tally.rate(v) - exact[v]) for v in exact]
        return max(gaps, default=None)

    def to_json(self) -> dict[str, Any]:
        """Return the row as JSON values."""
        tally, scenario = self.tally, self.scenario
        coverage = tally.coverage()
        return {
            "group": scenario.group,
            "truth": scenario.truth,
            "seeds": scenario.seeds,
            "spread": scenario.spread,
            "audits": tally.audits,
            "rates": {label: tally.rate(label) for label in VERDICTS},
            "allowed": dict(scenario.bounds),
            "closed_form": dict(self.form.rates),
            "coverage": coverage[0] if coverage else None,
            "coverage_nominal": LEVEL,
            "coverage_closed_form": self.form.coverage,
            "intervals": scenario.coverage,
            "naive_reproduced": tally.naive / tally.audits,
            "wide": self.wide,
            "faults": list(self.faults),
        }


def standard_error(rate: float, audits: int) -> float:
    """Return the standard error of a rate that is truly `rate` among so many audits."""
    return math.sqrt(max(0.0, rate * (1 - rate)) / audits)


def judge(scenario: Scenario, tally: Tally) -> Judgement:
    """Hold the rates of a scenario against what is nominal for it."""
    faults: list[str] = []
    form = scenario.form()
    for label, most in scenario.bounds.items():
        if tally.rate(label) > most + _ERRORS * standard_error(most, tally.audits):
            faults.append(f"{label} in {tally.rate(label):.1%}, at most {most:.1%} allowed")
    if tally.labels["not_evaluable"]:
        faults.append(f"not_evaluable in {tally.rate('not_evaluable'):.1%} of complete audits")
    for label, exact in form.rates.items():
        slack = max(_POWER, _ERRORS * standard_error(exact, tally.audits))
        if abs(tally.rate(label) - exact) > slack:
            faults.append(f"{label} in {tally.rate(label):.1%}, {exact:.1%} by closed form")
    wide = False
    if coverage := tally.coverage():
        mean, error = coverage
        slack = _NEAR + _ERRORS * max(error, standard_error(LEVEL, tally.audits))
        if mean < LEVEL - slack:
            faults.append(f"coverage {mean:.1%}, {LEVEL:.0%} nominal")
        wide = mean > LEVEL + slack and scenario.coverage == "each"
        expected = form.coverage
        if expected is not None and abs(mean - expected) > slack:
            faults.append(f"coverage {mean:.1%}, {expected:.1%} by closed form")
    return Judgement(scenario, tally, form, tuple(faults), wide)


def naive_reproduced(claim: Claim, verdict: Verdict) -> bool:
    """Return whether a reader who looks at point estimates only would call a claim reproduced."""
    estimate = verdict.estimate or 0.0
    if isinstance(claim, GainClaim | SelectedGainClaim | ValueClaim):
        if isinstance(claim.reported, str) or claim.tolerance is None:
            least = 0.0 if isinstance(claim, ValueClaim) else claim.minimum_effect.points
            return estimate > least
        return abs(estimate - claim.reported) <= claim.tolerance.points
    if isinstance(claim, RankingClaim):
        scores = {a.condition: a.summary for a in verdict.evidence.arms}
        best = sorted(scores, key=lambda label: -scores[label])[: claim.top]
        return all(c.label() in best for c in claim.claimed)
    cells = {_key(c): c for c in verdict.evidence.cells}
    found = [cells[key].estimate for key in _keys(claim, cells)]
    if isinstance(claim, NoBenefitClaim):
        return all(abs(e) < claim.minimum_effect.points for e in found)
    if isinstance(claim, NotConsistentlyBetterClaim):
        return any(e < claim.minimum_effect.points for e in found)
    if isinstance(claim, ConsistencyClaim) and claim.at_least != "unknown":
        wanted = len(found) if claim.at_least == "all" else claim.at_least
        return sum(e > 0 for e in found) >= wanted
    raise ValueError(
        f"claim '{claim.id}': found kind {claim.kind} ; expected one with a naive rule."
    )


def _key(cell: Cell) -> _Key:
    return cell.contrast, cell.task, cell.language


def _keys(claim: Claim, cells: Mapping[_Key, Cell]) -> list[_Key]:
    """Return the keys of the cells that a decision over many of them used."""
    kind = "contrasts" if isinstance(claim, NoBenefitClaim) else getattr(claim, "cells", "")
    wanted = {"contrasts": (False, False), "tasks": (True, False), "languages": (False, True)}[kind]
    return [k for k in cells if (k[1] is not None, k[2] is not None) == wanted]


def _true_value(means: Floats, claim: Claim) -> float | None:
    """Return the true value of a claim about one average; None for claims over many cells."""
    averages = means.mean(axis=(1, 2))
    if isinstance(claim, GainClaim):
        return float(averages[1] - averages[0])
    return float(averages[0]) if isinstance(claim, ValueClaim) else None


def _true_cells(means: Floats, claim: Claim) -> dict[_Key, float]:
    """Return the true difference of each cell of a claim over many."""
    if isinstance(claim, RankingClaim):
        averages = means.mean(axis=(1, 2)).tolist()
        places = {arm(i): i for i in range(len(averages))}
        return {
            (f"{c.label()} vs {o.label()}", None, None): averages[places[c]] - averages[places[o]]
            for c in claim.claimed
            for o in claim.candidates
            if o not in claim.claimed
        }
    if isinstance(claim, NoBenefitClaim):
        labels = [c.label() for c in claim.contrasts]
        return {
            (x, None, None): float((means[i + 1] - means[0]).mean()) for i, x in enumerate(labels)
        }
    if isinstance(claim, ConsistencyClaim | NotConsistentlyBetterClaim):
        label = claim.contrasts[0].label()
        apart = means[1] - means[0]
        if claim.cells == "tasks":
            by_task = apart.mean(axis=1).tolist()
            return {(label, f"t{i:02}", None): x for i, x in enumerate(by_task)}
        by_language = apart.mean(axis=0).tolist()
        return {(label, None, f"l{i:02}"): x for i, x in enumerate(by_language)}
    return {}
