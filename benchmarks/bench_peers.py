"""Comparisons whose peers belong to no other module: resampling, and planning."""

from __future__ import annotations

import time
import tracemalloc
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np

from benchmarks import resampling
from benchmarks.bench_parts import Row
from benchmarks.turns import against, in_turns
from verifier.resampling import RESAMPLES, Block
from verifier.samples import Floats

__all__ = ["bootstrap", "planning"]

LEAST_S = 0.2
"""Seconds that a turn lasts: shorter work is repeated and averaged, for one call of it is preempted or
not, and finds the caches as the way before it left them."""
LOOP_DRAWS = 60
"""Draws of a loop that are timed; its seconds are scaled to all of them."""
SCIPY_DRAWS = 1_000
"""The same of scipy, which resamples a hundred at a time."""


@dataclass(frozen=True, slots=True)
class Way:
    """One way to resample, and how many draws of it are timed."""

    name: str
    draw: resampling.Draw
    draws: int


def bootstrap(turns: int, *, scale: float = 1.0, draws: int = RESAMPLES) -> Iterator[Row]:
    """Resample a nine-task average against a naive loop, and one accuracy against scipy.

    Args:
        turns: of each way.
        scale: of the number of examples.
        draws: of ours, to which the others' seconds are scaled.
    """
    work = f"bootstrap of a nine-task average, {draws:,} resamples"
    ways = [
        Way("ours", resampling.ours, draws),
        Way("naive numpy", resampling.loop, LOOP_DRAWS),
        Way("numpy, counts times rows", resampling.counting_loop, LOOP_DRAWS),
    ]
    blocks = resampling.nine_tasks(np.random.default_rng(0), scale=scale)
    yield from _against(work, ways, blocks, turns)
    work = f"bootstrap of one accuracy, {draws:,} resamples"
    ways = [
        Way("ours", resampling.ours, draws),
        Way("scipy flat", resampling.by_scipy, min(draws, SCIPY_DRAWS)),
    ]
    yield from _against(work, ways, resampling.flat(np.random.default_rng(1), scale=scale), turns)


def planning(turns: int, *, papers: int = 20) -> Iterator[Row]:
    """Tell the GPU-hours after which claims are decided; arithmetic, the same at every turn.

    docs/planning.md has the same over more papers, with the assumptions.
    """
    del turns
    from benchmarks.planning import simulate  # noqa: PLC0415 - reads the bundled claims at import
    from benchmarks.strategies import BASELINE  # noqa: PLC0415

    rows = simulate(papers, spread=1.0)
    peer = next(r for r in rows if r.strategy == BASELINE)
    for row in rows:
        hours = row.hours_to_baseline
        found: Row = {
            "work": f"as many claims decided as by the whole matrix, {papers} simulated papers",
            "way": row.strategy, "peer": BASELINE, "seconds": None, "ratio": None,
        }  # fmt: skip
        if hours is None or not peer.hours_to_baseline:
            yield found | {"reason": "that was never reached"}
        elif row is not peer:
            note = "GPU-hours by arithmetic, nothing trained"
            yield found | {"hours": hours, "ratio": peer.hours_to_baseline / hours, "note": note}


def _against(work: str, ways: Sequence[Way], blocks: Sequence[Block], turns: int) -> Iterator[Row]:
    """Yield a row of the first way against each other; a way that finds something else has no row."""
    found: dict[str, list[Floats]] = {way.name: [] for way in ways}
    ours, *peers = ways

    def seconds(at: int, turn: int) -> float:
        way, rng = ways[at], np.random.default_rng([turn, at])
        draws = way.draws if turn else 2
        calls, begin = 0, time.perf_counter()
        while not calls or (turn and time.perf_counter() - begin < LEAST_S):
            drawn = way.draw(blocks, draws, rng)
            calls += 1
        spent = (time.perf_counter() - begin) / calls
        found[way.name] += [drawn] if turn else []
        return spent * ours.draws / draws

    each = {way.name: partial(seconds, at) for at, way in enumerate(ways)}
    taken = {row["way"]: row for row in in_turns(work, each, peer=ours.name, turns=turns)}
    mine = taken[ours.name]
    peak = _peak_mib(lambda: ours.draw(blocks, ours.draws, np.random.default_rng(0)))
    for peer in peers:
        row: Row = mine | {"peer": peer.name, "peak_mib": peak}
        row |= against(taken[peer.name]["each"], mine["each"])
        if peer.draws != ours.draws:
            row["note"] = f"the peer timed on {peer.draws} draws a turn and scaled"
        if not _agree(np.concatenate(found[ours.name]), np.concatenate(found[peer.name])):
            row["reason"] = "the ways find different standard errors"
        yield row


def _agree(first: Floats, second: Floats) -> bool:
    """Whether two samples of draws have one standard error, by four of its own errors."""
    one, other = first.std(ddof=1), second.std(ddof=1)
    error = np.hypot(one / np.sqrt(2 * first.size), other / np.sqrt(2 * second.size))
    return bool(abs(one - other) < 4 * error)


def _peak_mib(work: Callable[[], object]) -> float:
    """Return what a further, untimed turn allocates at once; the outcomes are there already."""
    tracemalloc.start()
    try:
        work()
        return tracemalloc.get_traced_memory()[1] / 2**20
    finally:
        tracemalloc.stop()
