"""Which simulated audits are made where seeds come in bit by bit, arms are chosen, or examples drawn?"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

import numpy as np

from benchmarks.closed_forms import expected_choice
from benchmarks.scenario import (
    AVERAGED,
    EDGE,
    FALSE,
    LEAST,
    ROUNDING,
    TRUE,
    Bounds,
    Scenario,
    averaged,
    base,
)
from benchmarks.simulated_audits import SPLITS, arm
from benchmarks.truths import SPREADS, Floats
from benchmarks.worlds import Choosing, Growing, Sampled

__all__ = ["chosen_gains", "looks", "samples"]

_REPORTED = 8.2
_LOOKS = (3, 5, 10)
_SPLIT_APART = 0.7
"""Standard deviation, in points, by which a cell's score differs between the two splits."""


def looks() -> Iterator[Scenario]:
    """Yield gains that are decided as soon as seeds allow, at planned looks and at unplanned ones."""
    sizes = _truths(2.05)
    directions: tuple[tuple[str, float, Bounds], ...] = (
        ("at the minimum effect", LEAST, EDGE),
        ("an effect of 1.5", 1.5, TRUE),
    )
    told = "looks at 3, 5 and 10 seeds"
    for spread in ("volatile", "unequal"):
        for truth, value, bounds in sizes if spread == "volatile" else sizes[1:3]:
            group = f"gain of {_REPORTED} ± 2.05, planned {told}"
            yield _growing(group, truth, value, spread=spread, bounds=bounds, claim=_size(2.05))
        for planned in (True, False):
            for truth, value, bounds in directions if spread == "volatile" else directions[:1]:
                group = f"gain without a size, {'' if planned else 'un'}planned {told}"
                yield _growing(
                    group, truth, value, spread=spread, bounds=bounds, claim=_size(None),
                    planned=planned,
                )  # fmt: skip


def chosen_gains() -> Iterator[Scenario]:
    """Yield the gain of the better of two candidates per task, chosen on other examples."""
    claim = _size(2.05) | {
        "kind": "selected_gain",
        "candidates": (arm(1), arm(2)),
        "selection": {"split": SPLITS[1], "languages": "all"},
    }
    del claim["treatment"]
    for name, gap in (("candidates 3 apart", 3.0), ("candidates equal", 0.0)):
        for truth, value, bounds in _truths(2.05):
            for k in (3, 10) if bounds == EDGE else (3,):
                yield Scenario(
                    f"selected gain of {_REPORTED} ± 2.05", f"{name}, {truth}", k, "volatile", claim,
                    _candidates(value, gap), bounds, value=value,
                    world=partial(Choosing, apart=_SPLIT_APART),
                )  # fmt: skip


def samples() -> Iterator[Scenario]:
    """Yield a gain about sentences like those scored, translations of each other or not."""
    tolerance = 5.0
    claim = _size(tolerance) | {"measure": {"inference": "sentences_like_these"}}
    for parallel in (True, False):
        which = "parallel" if parallel else "separate"
        for truth, value, bounds in _truths(tolerance):
            for k in (3, 10) if "less" in truth else (3,):
                yield Scenario(
                    f"gain of {_REPORTED} ± {tolerance:g} on sentences like these, "
                    f"{Sampled.EXAMPLES} {which} ones",
                    truth, k, "volatile", claim, averaged([0.0, value], (1, 2)), bounds,
                    world=partial(Sampled, parallel=parallel),
                )  # fmt: skip


def _truths(tolerance: float) -> tuple[tuple[str, float, Bounds], ...]:
    return (
        ("as reported", _REPORTED, TRUE),
        ("upper edge less rounding", _REPORTED + tolerance - ROUNDING, EDGE),
        ("upper edge plus rounding", _REPORTED + tolerance + ROUNDING, EDGE),
        ("no effect", 0.0, FALSE),
    )


def _size(tolerance: float | None) -> dict[str, Any]:
    claim: dict[str, Any] = {
        "kind": "gain", "treatment": arm(1), "control": arm(0), "minimum_effect": LEAST,
    }  # fmt: skip
    if tolerance is None:
        return claim | {"reported": "unknown"}
    return claim | {"reported": _REPORTED, "tolerance": tolerance}


def _growing(  # noqa: PLR0913 - a row of the table has that many facts
    group: str,
    truth: str,
    value: float,
    *,
    spread: str,
    bounds: Bounds,
    claim: dict[str, Any],
    planned: bool = True,
) -> Scenario:
    return Scenario(
        group, truth, _LOOKS[-1], spread, claim, averaged([0.0, value]), bounds,
        world=partial(Growing, looks=_LOOKS, planned=planned),
        coverage="all" if planned else "none",
    )  # fmt: skip


def _candidates(value: float, gap: float) -> Floats:
    """Return means of a control and two candidates whose better one per task gains a value."""
    tasks, languages = AVERAGED
    seed, cells = SPREADS["volatile"].parts(tasks * languages)
    by_task = seed**2 + np.sum(cells.reshape(AVERAGED) ** 2, axis=1) / languages**2
    noise = _SPLIT_APART**2 / languages
    # what choosing gains over the candidate that is ahead by the gap, in each task
    luck = np.asarray([expected_choice(gap, (v, v), noise) for v in by_task.tolist()]) - gap
    control = base(AVERAGED)
    ahead = value - luck[:, None] + np.zeros(AVERAGED)
    first, second = ahead.copy(), ahead.copy()
    first[1] -= gap
    second[0] -= gap
    return np.stack([control, control + first, control + second])
