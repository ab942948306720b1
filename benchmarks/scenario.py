"""What is a scenario of simulated audits, and which of its verdicts would be wrong?

Alpha is that of one end of a claim's two-sided interval, (1 - level) / 2. At an edge of a criterion
both decisions are bounded, as a step to either side would make one of them wrong: there a test is at
its weakest, so that no other truth of the same side can have more errors.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from benchmarks.closed_forms import ClosedForm
from benchmarks.truths import SPREADS, Floats, Truth
from benchmarks.worlds import Plain, WorldMaker

__all__ = [
    "ALPHA", "AVERAGED", "EDGE", "FALSE", "LEAST", "LEVEL", "ROUNDING", "SEEDS", "TRUE",
    "Bounds", "Scenario", "averaged", "base",
]  # fmt: skip

LEVEL = 0.95
ALPHA = (1 - LEVEL) / 2
LEAST = 0.5
"""Minimum effect of every claim that has one, in points."""
ROUNDING = 0.05
"""Half the last digit of a reported number: bands are that much narrower, or wider, than stated."""
SEEDS = (2, 3, 5, 10)
AVERAGED = (2, 5)
"""Tasks and languages of claims about one average."""

Bounds = Mapping[str, float]
FALSE: Bounds = {"reproduced": ALPHA}
TRUE: Bounds = {"not_reproduced": ALPHA}
EDGE: Bounds = {**FALSE, **TRUE}


@dataclass(frozen=True, slots=True, eq=False)
class Scenario:
    """One cell of the calibration table."""

    group: str
    """Table that it belongs to."""
    truth: str
    """What is true, in a few words."""
    seeds: int
    spread: str
    claim: Mapping[str, Any]
    """Fields of the claim."""
    means: Floats
    """(n_arms, n_tasks, n_languages), points."""
    bounds: Bounds
    """Wrong verdict -> the rate that it may have at most."""
    form: Callable[[], ClosedForm] = ClosedForm
    """Computes what can be computed of it; slow, and not needed to simulate."""
    world: WorldMaker = Plain
    """How an audit of it is made."""
    value: float | None = None
    """True value of the estimate, where the means alone do not tell it."""
    coverage: Literal["each", "all", "none"] = "each"
    """Whether each interval holds its truth with the level, or all at once with at least the level;
    or no interval is held against it."""

    @property
    def name(self) -> str:
        """Identity, from which the random numbers are seeded."""
        return f"{self.group} | {self.truth} | k={self.seeds} | {self.spread}"

    @property
    def truths(self) -> Truth:
        """What the scores are drawn from."""
        return Truth(self.means, SPREADS[self.spread])


def base(shape: tuple[int, int], center: float = 45.0) -> Floats:
    """Return the control's means: languages differ, their average is the center."""
    cells = shape[0] * shape[1]
    return (
        center + np.linspace(-10, 10, cells).reshape(shape) if cells > 1 else np.full(shape, center)
    )


def averaged(effects: Sequence[float], shape: tuple[int, int] = AVERAGED) -> Floats:
    """Return means of arms with such average effects, of which some languages get more than others."""
    cells = shape[0] * shape[1]
    uneven = np.linspace(1, -1, cells).reshape(shape) if cells > 1 else np.zeros(shape)
    control = base(shape)
    return np.stack([control + effect + (uneven if effect else 0.0) for effect in effects])
