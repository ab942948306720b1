"""Parts of `make bench-gpu`: XLM-R Large from its config, random weights, bf16, on one GPU."""

from __future__ import annotations

import gc
import multiprocessing
import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from statistics import median
from typing import Any

os.environ.setdefault("CUDA_VISIBLE_DEVICES", "0")  # before torch: on one GPU, whatever is there

import numpy as np
import torch

from benchmarks.bench_parts import Row
from benchmarks.bench_targets import EXACT, PACKED
from benchmarks.bench_targets import LARGE as LARGE_WORK
from benchmarks.gpu_work import (
    LARGE,
    SMALL,
    WORKS,
    Size,
    Timed,
    examples_of,
    features_of,
    matrix_peak,
    operations_a_token,
    ours,
)

__all__ = ["compiled", "packed", "peak", "several", "training"]

FAILURES = (RuntimeError, ValueError, TypeError, ImportError, KeyError, AttributeError)
"""What a peer's configuration may raise without ending the rest."""
MANY = (1, 2, 4)
"""Runs at once on one GPU."""


def peak(turns: int, *, small: bool = False) -> Iterator[Row]:
    """Measure the bf16 matrix product that shares are of."""
    size, device = _place(small=small)
    each = [matrix_peak(size, device) for _ in range(turns)]
    n = size.matrix
    yield {
        "work": f"bf16 matrix product, {n:,} x {n:,} x {n:,}", "way": _device_name(device),
        "peer": "-", "seconds": [2 * n**3 / p for p in each], "ratio": None,
        "peak_operations": median(each), "note": f"{median(each) / 1e12:.3g} TFLOP/s",
    }  # fmt: skip


def training(turns: int, *, work: str, seconds: float, small: bool = False) -> Iterator[Row]:
    """Train with ours and the Trainer's configurations without torch_compile, in turns.

    Args:
        turns: at most; fewer where the next would pass the time.
        work: a key of `WORKS`.
        seconds: for all of it.
    """
    from benchmarks.gpu_trainer import EAGER, built, trained  # noqa: PLC0415 - so that peers may lack

    (size, device), what = _place(small=small), WORKS[work]
    features = features_of(what, size, np.random.default_rng(0))
    examples = examples_of(what, features)

    def peer(variant: Any, count: int, turn: int) -> Timed:
        return trained(built(what, size, variant, device), size, examples[:count], variant, turn)

    ways: dict[str, Callable[[int, int], Timed]] = {
        EXACT: lambda count, turn: ours(what, size, features[:count], device, turn)
    }
    ways |= {v.name: partial(peer, v) for v in EAGER if not v.absent}
    found, failed = _in_turns(ways, size, device, turns=turns, seconds=seconds)
    share = operations_a_token(features, size) / matrix_peak(size, device)
    for variant in EAGER:
        why = variant.absent or failed.get(EXACT) or failed.get(variant.name)
        yield _row(
            work, variant, found[EXACT], found.get(variant.name, ()), share, why, small=small
        )


def compiled(turns: int, *, work: str, seconds: float, small: bool = False) -> Iterator[Row]:
    """Train with ours, and the Trainer's configurations with torch_compile in blocks of epochs.

    A model is compiled once, in an epoch that is not timed, and goes on in the same Trainer; ours runs
    before and after each block.

    Args:
        turns: timed epochs of each configuration, at most.
        work: a key of `WORKS`.
        seconds: for all of it; the first configuration may use three fifths.
    """
    from benchmarks.gpu_trainer import COMPILED, built, trained_epochs  # noqa: PLC0415

    begin = time.monotonic()
    (size, device), what = _place(small=small), WORKS[work]
    features = features_of(what, size, np.random.default_rng(0))
    examples = examples_of(what, features)
    share = operations_a_token(features, size) / matrix_peak(size, device)
    ours(what, size, features[: 12 * size.batch], device, 0)
    mine = [ours(what, size, features, device, 1)]
    for at, variant in enumerate(COMPILED):
        until = begin + seconds * (0.6 if at == 0 else 1.0)
        theirs, why = [], None
        try:
            if time.monotonic() < until:
                model = [built(what, size, variant, device)]
                theirs = trained_epochs(
                    model.pop(), size, examples, variant, epochs=turns, until=until
                )  # nothing here keeps the model: its memory is not ours
        except FAILURES as error:
            why = _told(error)
        _free(device)
        mine.append(ours(what, size, features, device, at + 2))
        yield _row(work, variant, mine, theirs, share, why, small=small)


def _in_turns(
    ways: Mapping[str, Callable[[int, int], Timed]], size: Size, device: torch.device,
    *, turns: int, seconds: float,
) -> tuple[dict[str, list[Timed]], dict[str, str]]:  # fmt: skip
    """Let ways take turns, after a short one that does not count; return what they took or why not."""
    begin = time.monotonic()
    found: dict[str, list[Timed]] = {name: [] for name in ways}
    failed: dict[str, str] = {}
    slowest = 0.0
    for turn in range(turns + 1):
        started = time.monotonic()
        if turn > 1 and started - begin + slowest > seconds:
            break
        for name, way in ways.items():
            if name in failed:
                continue
            try:
                timed = way(size.examples if turn else 12 * size.batch, turn)
            except FAILURES as error:
                failed[name] = _told(error)
            else:
                found[name] += [timed] if turn else []
            _free(device)
        slowest = max(slowest, time.monotonic() - started) if turn else 0.0
    return found, failed


def _row(  # noqa: PLR0913 - what a row is made from
    work: str, variant: Any, mine: Sequence[Timed], theirs: Sequence[Timed], share: float,
    why: str | None, *, small: bool,
) -> Row:  # fmt: skip
    """Return a row of ours against one configuration."""
    row = _against(mine, theirs, share) | {"compiled": variant.compiled}
    row |= {"work": _work(small=small).format(work), "way": EXACT, "peer": variant.name}
    if row["ratio"] is None:
        row["reason"] = why or "its time was over before an epoch was"
    return row


def _told(error: Exception) -> str:
    return f"{type(error).__name__}: {str(error).partition(chr(10))[0][:160]}"


def packed(turns: int, *, small: bool = False) -> Iterator[Row]:
    """Train ours on batches of many tokens, as a share of the measured peak."""
    size, device = _place(small=small)
    for work in (WORKS["XNLI"], WORKS["SQuAD"]):
        features = features_of(work, size, np.random.default_rng(1))
        batch = round(size.packed_tokens / np.mean([f.length for f in features]))
        ours(work, size, features[: 2 * batch], device, 0, batch=batch)
        timed = []
        for turn in range(turns):
            timed.append(ours(work, size, features, device, turn, batch=batch))
            _free(device)
        share = operations_a_token(features, size) / matrix_peak(size, device)
        yield _against(timed, [], share) | {
            "work": f"{PACKED}, {work.name} lengths" if not small else f"packed, {work.name}, small",
            "way": "ours", "peer": "measured bf16 matrix product",
        }  # fmt: skip


def several(turns: int, *, small: bool = False) -> Iterator[Row]:
    """Train several runs at once, each in a process of its own, on one GPU."""
    many = MANY[:2] if small else MANY
    context = multiprocessing.get_context("spawn")
    heard: Any = context.Queue()
    rounds = [(turn, k) for turn in range(turns) for k in many]
    together = context.Barrier(max(many))
    runs = [
        context.Process(target=_run, args=(at, rounds, together, heard, small), daemon=True)
        for at in range(max(many))
    ]
    for run in runs:
        run.start()
    told: dict[tuple[int, int], list[Timed]] = {}
    for _ in range(turns * sum(many)):
        turn, k, timed = heard.get(timeout=300)
        if isinstance(timed, str):
            raise RuntimeError(timed)  # noqa: TRY004 - it is what a run told before it ended
        told.setdefault((turn, k), []).append(timed)
    for run in runs:
        run.join(30)
    speeds = {k: [_together(told[turn, k]) for turn in range(turns)] for k in many}
    for k in many:
        yield _several_row(k, speeds, [t for turn in range(turns) for t in told[turn, k]], small)


def _several_row(
    k: int, speeds: Mapping[int, list[float]], timed: Sequence[Timed], small: bool
) -> Row:
    row: Row = {
        "work": _work(small=small).format("XNLI") + ", runs at once", "way": f"ours, {k} at once",
        "peer": "ours, one run alone", "seconds": [t.seconds / t.steps for t in timed],
        "ratio": median(speeds[k]) / median(speeds[1]), "tokens_per_second": median(speeds[k]),
        "note": "real tokens of all runs together",
    }  # fmt: skip
    if timed[0].peak_gib is not None:
        row["peak_gib"] = k * max(t.peak_gib or 0.0 for t in timed)
    return row


def _run(
    at: int, rounds: Sequence[tuple[int, int]], together: Any, heard: Any, small: bool
) -> None:
    """Be one of several runs: train in the rounds of so many that this one takes part."""
    try:
        size, device = _place(small=small)
        size = size if small else replace(size, examples=size.examples // 2)
        work = WORKS["XNLI"]
        features = features_of(work, size, np.random.default_rng(at))
        ours(work, size, features[: 5 * size.batch], device, 0)
        for turn, k in rounds:
            together.wait(240)  # until the round before is over, and for all to begin at once
            if at < k:
                heard.put((turn, k, ours(work, size, features, device, turn)))
                _free(device)
    except Exception as error:  # noqa: BLE001 - told to the part's process, which raises it
        heard.put((0, 0, f"run {at}: {type(error).__name__}: {error}"))


def _together(timed: Sequence[Timed]) -> float:
    """Return real tokens per second of runs at once, from the first's begin to the last's end."""
    spent = max(t.end for t in timed) - min(t.begin for t in timed)
    return sum(t.tokens for t in timed) / spent


def _against(mine: Sequence[Timed], peers: Sequence[Timed], share: float) -> Row:
    """Return the numbers of a row: seconds of a step, and ratios of real tokens per second."""
    row: Row = {"seconds": [t.seconds / t.steps for t in mine] or None, "ratio": None}
    if not mine:
        return row
    speed = median(t.tokens / t.seconds for t in mine)
    row |= {"tokens_per_second": speed, "share_of_peak": speed * share}
    row["setup_s"] = median(t.setup_s for t in mine)
    if mine[0].peak_gib is not None:
        row["peak_gib"] = max(t.peak_gib or 0.0 for t in mine)
    if peers:
        theirs = median(t.tokens / t.seconds for t in peers)
        each = [
            p.seconds / p.tokens * m.tokens / m.seconds for m, p in zip(mine, peers, strict=False)
        ]
        row["ratio"] = speed / theirs
        if len(mine) == len(peers):  # turn by turn
            row["ratio_spread"] = [min(each), max(each)]
        row |= {
            "peer_tokens_per_second": theirs,
            "peer_seconds": [t.seconds / t.steps for t in peers],
        }
        memory = f", {peers[0].peak_gib:.1f} GiB" if peers[0].peak_gib is not None else ""
        row["note"] = f"peer {theirs:,.0f} real tokens/s{memory}"
    return row


def _work(*, small: bool) -> str:
    if small:
        return f"training, small on a CPU, batch {SMALL.batch}, {{}} lengths"
    return LARGE_WORK


def _place(*, small: bool) -> tuple[Size, torch.device]:
    """Return the size and the device; refuse the large one without a GPU."""
    if small:
        torch.set_num_threads(1)
        return SMALL, torch.device("cpu")
    if not torch.cuda.is_available():
        raise RuntimeError("no GPU: torch finds none")
    return LARGE, torch.device("cuda")


def _device_name(device: torch.device) -> str:
    return torch.cuda.get_device_name() if device.type == "cuda" else "CPU, one thread"


def _free(device: torch.device) -> None:
    gc.collect()
    if device.type == "cuda":
        torch.cuda.empty_cache()
