"""Which simulated audits are made of claims about one average: gains, scores, equivalence?"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from benchmarks.closed_forms import ClosedForm, Welch
from benchmarks.scenario import (
    AVERAGED,
    EDGE,
    FALSE,
    LEAST,
    LEVEL,
    ROUNDING,
    SEEDS,
    TRUE,
    Bounds,
    Scenario,
    averaged,
    base,
)
from benchmarks.simulated_audits import arm
from benchmarks.truths import SPREADS, Truth
from claims.estimand import Contrast

__all__ = ["directions", "gains", "medians", "no_benefits", "values"]


@dataclass(frozen=True, slots=True)
class _Rule:
    """An interval inside `inside` reproduces; one wholly below or above the other two refutes."""

    inside: tuple[float, float]
    below: float
    above: float

    def form(self, sds: tuple[float, ...], seeds: int, truth: float) -> ClosedForm:
        welch = Welch.of(sds, seeds, LEVEL)
        refuted = welch.below(truth, self.below) + welch.above(truth, self.above)
        rates = {"reproduced": welch.inside(truth, *self.inside), "not_reproduced": refuted}
        return ClosedForm(rates, welch.coverage())


def _one(  # noqa: PLR0913 - a row of the table has that many facts
    group: str,
    truth: str,
    *,
    value: float,
    seeds: int,
    spread: str,
    claim: Mapping[str, Any],
    rule: _Rule | None,
    bounds: Bounds,
) -> Scenario:
    """Return a scenario of two arms whose average difference is a value, in points."""
    means = averaged([0.0, value])
    truths = Truth(means, SPREADS[spread])
    sds = truths.sd(1), truths.sd(0)
    form = partial(rule.form, sds, seeds, value) if rule else ClosedForm
    return Scenario(group, truth, seeds, spread, claim, means, bounds, form)


_REPORTED, _TOLERANCE = 8.2, 2.05
_SIZE = {
    "kind": "gain", "treatment": arm(1), "control": arm(0),
    "reported": _REPORTED, "tolerance": _TOLERANCE, "minimum_effect": LEAST,
}  # fmt: skip
_SIZE_RULE = _Rule(
    (_REPORTED - _TOLERANCE + ROUNDING, _REPORTED + _TOLERANCE - ROUNDING),
    _REPORTED - _TOLERANCE - ROUNDING,
    _REPORTED + _TOLERANCE + ROUNDING,
)
_SIZES: tuple[tuple[str, float, Bounds], ...] = (
    ("as reported", _REPORTED, TRUE),
    ("lower edge", _REPORTED - _TOLERANCE, EDGE),
    ("upper edge", _REPORTED + _TOLERANCE, EDGE),
    ("upper edge less rounding", _SIZE_RULE.inside[1], EDGE),
    ("upper edge plus rounding", _SIZE_RULE.above, EDGE),
    ("outside by two tolerances", _REPORTED + 3 * _TOLERANCE, FALSE),
    ("no effect", 0.0, FALSE),
    ("harm of 2", -2.0, FALSE),
)


def _seeds(bounds: Bounds) -> tuple[int, ...]:
    """Return the numbers of seeds to audit; with many of them a claim far from true is sure to fall."""
    return SEEDS[:2] if bounds == FALSE else SEEDS


def gains() -> Iterator[Scenario]:
    """Yield a gain with a size: true, at each edge of the tolerance, beyond it, absent, negative."""
    group = f"gain of {_REPORTED} ± {_TOLERANCE}, mean over seeds"
    blunt = {"lower edge", "upper edge", "harm of 2"}  # others of their side are harder
    for spread in SPREADS:
        for truth, value, bounds in _SIZES:
            for k in _seeds(bounds) if spread == "volatile" or truth not in blunt else ():
                yield _one(
                    group, truth, value=value, seeds=k, spread=spread,
                    claim=_SIZE, rule=_SIZE_RULE, bounds=bounds,
                )  # fmt: skip


def medians() -> Iterator[Scenario]:
    """Yield the same gain as a claim about medians over seeds."""
    group = f"gain of {_REPORTED} ± {_TOLERANCE}, median over seeds"
    claim = _SIZE | {"measure": {"seeds": "median"}}
    chosen = {"as reported", "upper edge less rounding", "no effect"}
    for spread in SPREADS:
        for truth, value, bounds in _SIZES:
            for k in _seeds(bounds)[1:3] if truth in chosen else ():
                yield _one(
                    group, truth, value=value, seeds=k, spread=spread,
                    claim=claim, rule=None, bounds=bounds,
                )  # fmt: skip


def directions() -> Iterator[Scenario]:
    """Yield a gain of which only the direction is claimed."""
    group = f"gain without a size, above {LEAST}"
    claim = {
        "kind": "gain", "treatment": arm(1), "control": arm(0), "reported": "unknown",
        "minimum_effect": LEAST,
    }  # fmt: skip
    rule = _Rule((LEAST, math.inf), LEAST, math.inf)
    truths: tuple[tuple[str, float, Bounds], ...] = (
        ("no effect", 0.0, FALSE),
        ("at the minimum effect", LEAST, EDGE),
        ("an effect of 1.5", 1.5, TRUE),
    )
    for spread in ("volatile", "unequal"):
        for truth, value, bounds in truths:
            for k in SEEDS if spread == "volatile" or bounds == EDGE else ():
                yield _one(
                    group, truth, value=value, seeds=k, spread=spread,
                    claim=claim, rule=rule, bounds=bounds,
                )  # fmt: skip


def values() -> Iterator[Scenario]:
    """Yield an absolute score of one arm."""
    reported, tolerance = 60.0, 2.0
    claim = {"kind": "value", "condition": arm(0), "reported": reported, "tolerance": tolerance}
    inner, outer = tolerance - ROUNDING, tolerance + ROUNDING
    rule = _Rule((reported - inner, reported + inner), reported - outer, reported + outer)
    truths: tuple[tuple[str, float, Bounds], ...] = (
        ("as reported", reported, TRUE),
        ("lower edge", reported - tolerance, EDGE),
        ("upper edge less rounding", rule.inside[1], EDGE),
        ("upper edge plus rounding", rule.above, EDGE),
        ("outside by two tolerances", reported + 3 * tolerance, FALSE),
    )
    for spread in ("steady", "volatile"):
        for truth, value, bounds in truths:
            for k in _seeds(bounds) if spread == "volatile" or "rounding" in truth else ():
                means = base(AVERAGED, value)[None]
                sds = (Truth(means, SPREADS[spread]).sd(0),)
                yield Scenario(
                    f"value of {reported:g} ± {tolerance:g}", truth, k, spread, claim, means, bounds,
                    partial(rule.form, sds, k, value),
                )  # fmt: skip


def no_benefits() -> Iterator[Scenario]:
    """Yield claims of equivalence over one contrast, and over nine that share their control."""
    rule = _Rule((-LEAST, LEAST), -LEAST, LEAST)
    truths: tuple[tuple[str, float, Bounds], ...] = (
        ("no effect", 0.0, TRUE),
        ("at the margin", LEAST, EDGE),
        ("at the margin below 0", -LEAST, EDGE),
        ("an effect of 2", 2.0, FALSE),
    )
    for spread in ("steady", "unequal"):
        for truth, value, bounds in truths:
            for k in _seeds(bounds) if spread == "steady" or value == LEAST else ():
                yield _one(
                    f"no benefit beyond ± {LEAST:g}, 1 contrast", truth, value=value, seeds=k,
                    spread=spread, claim=_no_benefit(1), rule=rule, bounds=bounds,
                )  # fmt: skip
    many: tuple[tuple[str, Sequence[float], Bounds], ...] = (
        ("no effect", [0.0] * 9, TRUE),
        ("one at the margin", [LEAST] + [0.0] * 8, EDGE),
        ("all at the margin", [LEAST] * 9, EDGE),
        ("one has an effect of 2", [2.0] + [0.0] * 8, FALSE),
    )
    for truth, effects, bounds in many:
        for k in (3, 10) if truth.startswith("one at") else (3,):
            yield Scenario(
                f"no benefit beyond ± {LEAST:g}, 9 contrasts", truth, k, "steady", _no_benefit(9),
                averaged([0.0, *effects], (1, 5)), bounds,
            )  # fmt: skip


def _no_benefit(count: int) -> dict[str, Any]:
    contrasts = tuple(Contrast(treatment=arm(1 + i), control=arm(0)) for i in range(count))
    return {"kind": "no_benefit", "contrasts": contrasts, "minimum_effect": LEAST}
