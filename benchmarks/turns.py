"""How long do several ways to do one work take, when they take turns in one process?

The machine may be shared: only ratios of medians travel, and each turn lasts long enough that a
moment's wait for a processor does not decide it.
"""

from __future__ import annotations

import json
import os
import platform
import time
from collections.abc import Callable, Mapping
from importlib.metadata import PackageNotFoundError, version
from statistics import median
from typing import Any

__all__ = ["in_turns", "machine", "report"]

PACKAGES = ("numpy", "scipy", "seqeval", "faiss-cpu", "torch")


def in_turns(
    work: str,
    ways: Mapping[str, Callable[[], object]],
    *,
    peer: str,
    turns: int,
    least: float = 0.2,
    shares: Mapping[str, float] | None = None,
) -> list[dict[str, Any]]:
    """Return a row per way: its median seconds, and how many times as long the peer takes.

    Args:
        work: what all ways do.
        ways: name -> one call that does the work once.
        peer: the way that ratios are taken against.
        turns: of each way, after one turn that is not counted.
        least: seconds that a turn lasts; short calls are repeated and averaged.
        shares: way -> the part of the work that a call does; its seconds are scaled up.
    """
    repeats: dict[str, int] = {}
    for name, call in ways.items():
        begin = time.perf_counter()
        call()
        repeats[name] = max(1, round(least / max(time.perf_counter() - begin, 1e-9)))
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(turns):
        for name, call in ways.items():
            begin = time.perf_counter()
            for _ in range(repeats[name]):
                call()
            share = (shares or {}).get(name, 1.0)
            seconds[name].append((time.perf_counter() - begin) / repeats[name] / share)
    middle = median(seconds[peer])
    return [
        {
            "work": work,
            "way": name,
            "peer": peer,
            "seconds": median(taken),
            "fastest": min(taken),
            "slowest": max(taken),
            "ratio": middle / median(taken),
            "turns": turns,
        }
        for name, taken in seconds.items()
    ]


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
