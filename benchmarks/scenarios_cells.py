"""Which simulated audits are made of claims over many cells: consistency and its denial, rankings?"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any

import numpy as np

from benchmarks.closed_forms import ClosedForm, Welch, at_least
from benchmarks.scenario import (
    EDGE,
    FALSE,
    LEAST,
    LEVEL,
    SEEDS,
    TRUE,
    Bounds,
    Scenario,
    averaged,
    base,
)
from benchmarks.simulated_audits import arm
from benchmarks.truths import SPREADS, Floats
from claims.estimand import Contrast

__all__ = ["consistencies", "not_consistent", "rankings"]

_AWAY = 12.0
"""Points by which cells improve where they shall leave the decision to another cell."""


def _per_cell(kind: str, cells: str, **fields: Any) -> dict[str, Any]:
    contrasts = (Contrast(treatment=arm(1), control=arm(0)),)
    return {"kind": kind, "contrasts": contrasts, "cells": cells} | fields


def _many_seeds(truth: str, *, hard: bool, main: bool) -> tuple[int, ...]:
    """Return the numbers of seeds at which a claim over many cells, slow to decide, is audited."""
    if not main:
        return (3,) if hard else ()
    return SEEDS if hard and not truth.startswith("all") else SEEDS[:3]


def _consistency_seeds(count: int, truth: str, bounds: Bounds, spread: str) -> tuple[int, ...]:
    if truth == "all at 0" and spread == "unequal":
        # where many comparisons ask for a high level, Welch's interval is weakest for such arms
        return (3, 5)
    if count == 9:
        return _many_seeds(truth, hard=bounds == EDGE, main=spread == "steady")
    return (3,) if spread == "volatile" and bounds != FALSE else ()


def _two_arms(effects: Sequence[float], cells: str) -> Floats:
    shape = (len(effects), 1) if cells == "tasks" else (1, len(effects))
    control = base(shape)
    return np.stack([control, control + np.asarray(effects).reshape(shape)])


def _cell_tests(cells: int, spread: str, seeds: int, *, corrected_for: int = 1) -> list[Welch]:
    """Return each cell's interval where cells are independent, as the seed itself moves nothing.

    Args:
        cells: how many there are.
        spread: by name.
        seeds: per arm.
        corrected_for: comparisons over which the level is corrected.
    """
    chosen = SPREADS[spread]
    if chosen.parts(cells)[0] > 0:
        return []
    control, treatment = chosen.scales(2)
    level = 1 - (1 - LEVEL) / corrected_for
    return [
        Welch.of((sd * treatment, sd * control), seeds, level, among_many=corrected_for > 1)
        for sd in chosen.totals(cells).tolist()
    ]


def _consistency(
    truth: str, effects: Sequence[float], *, wanted: int, seeds: int, spread: str, bounds: Bounds
) -> Scenario:
    """Return a scenario in which at least so many tasks (9) or languages (40) shall improve."""
    count = len(effects)
    cells = "tasks" if count <= 9 else "languages"
    means = _two_arms(effects, cells)
    claim = _per_cell("consistency", cells, at_least="all" if wanted == count else wanted)

    def form() -> ClosedForm:
        tests = _cell_tests(count, spread, seeds, corrected_for=count - wanted + 1)
        if not tests:
            return ClosedForm()
        clear = [test.above(effect, 0.0) for test, effect in zip(tests, effects, strict=True)]
        rates = {"reproduced": at_least(clear, wanted)}
        if wanted == count:
            strict = _cell_tests(count, spread, seeds, corrected_for=count)
            worse = [test.below(effect, 0.0) for test, effect in zip(strict, effects, strict=True)]
            rates["not_reproduced"] = at_least(worse, 1)
        return ClosedForm(rates)

    which = "all" if wanted == count else f"at least {wanted}"
    group = f"consistency, {which} of {count} {cells}"
    return Scenario(group, truth, seeds, spread, claim, means, bounds, form)


def consistencies() -> Iterator[Scenario]:
    """Yield claims that all of 9 tasks or 40 languages improve, or at least 6 of 9 tasks."""
    for count in (9, 40):
        away = [_AWAY] * (count - 1)
        truths: tuple[tuple[str, Sequence[float], Bounds], ...] = (
            ("all better by 3", [3.0] * count, TRUE),
            ("one at 0, the rest far better", [0.0, *away], EDGE),
            ("one worse by 3, the rest far better", [-3.0, *away], FALSE),
            ("all at 0", [0.0] * count, EDGE),
        )
        for spread in ("steady", "volatile", "unequal"):
            for truth, effects, bounds in truths:
                for k in _consistency_seeds(count, truth, bounds, spread):
                    yield _consistency(
                        truth, effects, wanted=count, seeds=k, spread=spread, bounds=bounds
                    )
    some: tuple[tuple[str, Sequence[float], Bounds], ...] = (
        ("6 far better, 3 at 0", [0.0] * 3 + [_AWAY] * 6, TRUE),
        ("5 far better, 4 at 0", [0.0] * 4 + [_AWAY] * 5, EDGE),
        ("6 at 0, 3 far worse", [0.0] * 6 + [-_AWAY] * 3, EDGE),
        ("all at 0", [0.0] * 9, EDGE),
    )
    for spread in ("steady", "unequal"):
        for truth, effects, bounds in some:
            hard = bounds == EDGE
            seeds = (3, 10) if hard and spread == "steady" and "far" in truth else (3,)
            for k in seeds if hard or spread == "steady" else ():
                yield _consistency(truth, effects, wanted=6, seeds=k, spread=spread, bounds=bounds)


def not_consistent() -> Iterator[Scenario]:
    """Yield the claim that some of 9 tasks does not reach the minimum effect."""
    truths: tuple[tuple[str, Sequence[float], Bounds], ...] = (
        ("all better by 4", [4.0] * 9, FALSE),
        ("one at the minimum effect, the rest far better", [LEAST] + [_AWAY] * 8, EDGE),
        ("all at the minimum effect", [LEAST] * 9, EDGE),
        ("one worse by 3, the rest far better", [-3.0] + [_AWAY] * 8, TRUE),
    )
    claim = _per_cell("not_consistently_better", "tasks", minimum_effect=LEAST)
    for spread in ("steady", "unequal"):
        for truth, effects, bounds in truths:
            for k in _many_seeds(truth, hard=bounds == EDGE, main=spread == "steady"):
                yield Scenario(
                    f"not consistently better than {LEAST:g}, 9 tasks", truth, k, spread, claim,
                    _two_arms(effects, "tasks"), bounds, partial(_some_short, effects, spread, k),
                )  # fmt: skip


def _some_short(effects: Sequence[float], spread: str, seeds: int) -> ClosedForm:
    """Return how often some task is surely short of the minimum effect, and how often none may be."""
    count = len(effects)
    tests = _cell_tests(count, spread, seeds)
    if not tests:
        return ClosedForm()
    strict = _cell_tests(count, spread, seeds, corrected_for=count)
    above = [t.above(e, LEAST) for t, e in zip(tests, effects, strict=True)]
    below = [t.below(e, LEAST) for t, e in zip(strict, effects, strict=True)]
    return ClosedForm({"reproduced": at_least(below, 1), "not_reproduced": at_least(above, count)})


def _ranking(claimed: int, top: int) -> dict[str, Any]:
    candidates = tuple(arm(i) for i in range(9))
    return {
        "kind": "ranking", "candidates": candidates,
        "claimed": tuple(arm(i) for i in range(claimed)), "top": top,
    }  # fmt: skip


def rankings() -> Iterator[Scenario]:
    """Yield claims about the best, or the three best, of nine conditions."""
    wrong = 1 - LEVEL  # rank sets hold on both sides at once
    one: tuple[tuple[str, Sequence[float], Bounds], ...] = (
        ("claimed one ahead by 4", [4.0] + [0.0] * 8, {"not_reproduced": wrong}),
        ("two equal best", [4.0] * 2 + [0.0] * 7, {"reproduced": wrong, "not_reproduced": wrong}),
        ("another ahead by 4", [0.0] * 8 + [4.0], {"reproduced": wrong}),
        ("all equal", [0.0] * 9, {"reproduced": wrong, "not_reproduced": wrong}),
    )
    three: tuple[tuple[str, Sequence[float], Bounds], ...] = (
        ("claimed three ahead by 4", [4.0] * 3 + [0.0] * 6, {"not_reproduced": wrong}),
        ("four equal best", [4.0] * 4 + [0.0] * 5, {"reproduced": wrong, "not_reproduced": wrong}),
    )
    for spread in ("steady", "unequal"):
        for truth, effects, bounds in one:
            for k in _many_seeds(truth, hard=len(bounds) > 1, main=spread == "steady"):
                yield Scenario(
                    "ranking, best of 9", truth, k, spread, _ranking(1, 1),
                    averaged(effects, (1, 5)), bounds, coverage="all",
                )  # fmt: skip
    for truth, effects, bounds in three:
        for k in (3, 5):
            yield Scenario(
                "ranking, top 3 of 9", truth, k, "steady", _ranking(3, 3),
                averaged(effects, (1, 5)), bounds, coverage="all",
            )  # fmt: skip
