"""How long do several ways to do one work take, when they take turns in one process?

The machine may be shared: only ratios of medians travel, and each turn lasts long enough that a
moment's wait for a processor does not decide it.
"""

from __future__ import annotations

import json
import os
import platform
import time
from collections.abc import Callable, Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version
from statistics import median
from typing import Any

__all__ = ["Way", "against", "in_turns", "machine", "report", "timed"]

PACKAGES = ("numpy", "scipy", "seqeval", "faiss-cpu", "torch")


Way = Callable[[int], float]
"""Does the work in a turn, of which 0 does not count, and returns the seconds of the whole work."""


def in_turns(
    work: str,
    ways: Mapping[str, Way],
    *,
    peer: str,
    turns: int,
    tokens: float | None = None,
    **more: Any,
) -> list[dict[str, Any]]:
    """Return a row per way: its median seconds, and how many times as long the peer takes.

    Args:
        work: what all ways do.
        ways: by name.
        peer: the way that ratios are taken against.
        turns: of each way, after one turn that is not counted.
        tokens: of the work; rows then have `tokens_per_second`.
        more: what all rows have beside.

    Returns:
        Rows with `work`, `way`, `peer`, `turns`, `each` (seconds of each turn), `seconds` (their
        median), `spread` (least and most), `ratio` (of medians) and `ratio_spread` (of turns).
    """
    each: dict[str, list[float]] = {name: [] for name in ways}
    for turn in range(turns + 1):
        for name, way in ways.items():
            seconds = way(turn)
            if turn:
                each[name].append(seconds)
    speeds = {} if tokens is None else {n: tokens / median(each[n]) for n in ways}
    return [
        {
            "work": work,
            "way": name,
            "peer": peer,
            "seconds": median(taken),
            "spread": [min(taken), max(taken)],
            "each": taken,
            "turns": turns,
            **against(each[peer], taken),
            **({"tokens_per_second": speeds[name]} if speeds else {}),
            **more,
        }
        for name, taken in each.items()
    ]


def against(peer: Sequence[float], mine: Sequence[float]) -> dict[str, Any]:
    """Return the ratio of two ways' medians, and the least and the most of their turns' own ratios.

    Args:
        peer: (turns,), seconds.
        mine: (turns,), seconds of the same turns.
    """
    ratios = [p / m for p, m in zip(peer, mine, strict=True)]
    return {"ratio": median(peer) / median(mine), "ratio_spread": [min(ratios), max(ratios)]}


def timed(call: Callable[[], object], *, least: float = 0.2, share: float = 1.0) -> Way:
    """Return a way that calls and takes the time by the clock.

    Args:
        call: does the work once.
        least: seconds that a turn lasts; short calls are repeated and averaged.
        share: the part of the work that a call does; its seconds are scaled up.
    """
    repeats = 1

    def way(turn: int) -> float:
        nonlocal repeats
        begin = time.perf_counter()
        for _ in range(repeats):
            call()
        seconds = (time.perf_counter() - begin) / repeats
        if turn == 0:
            repeats = max(1, round(least / max(seconds, 1e-9)))
        return seconds / share

    return way


def machine() -> dict[str, Any]:
    """Return what the figures were measured on."""
    versions = {}
    for name in PACKAGES:
        try:
            versions[name] = version(name)
        except PackageNotFoundError:
            continue
    return {"python": platform.python_version(), "cores": os.cpu_count(), "versions": versions}


def report(rows: list[dict[str, Any]]) -> str:
    """Return the JSON document that a benchmark prints."""
    return json.dumps({"machine": machine(), "rows": rows}, indent=1)
