"""How fast is resampling the examples of a paired contrast, against scipy and a plain numpy loop?

Nine tasks of about the size of XTREME's validation sets, two arms of three seeds each, outcomes made up.
All contestants take turns in one process on the same outcomes; their standard errors are printed
beside the times, as a fast wrong answer is worth nothing. Run it with
`python -m benchmarks.resampling`; it prints the tables of docs/performance.md.
"""

from __future__ import annotations

import argparse
import math
import os
import platform
import sys
import time
import tracemalloc
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from statistics import median
from typing import Any

import numpy as np
import scipy
from scipy import stats

from benchmarks.turns import in_turns, timed
from verifier.resampling import RESAMPLES, Block, deviations, observed
from verifier.samples import Floats

SEEDS = 3
"""Per arm; runs 0 to 2 are the treatment's, 3 to 5 the control's."""

XNLI_TEST = 75_150
"""Examples of the flat paired comparison: XNLI's test set, as if its languages were independent."""

PANX = [10_000] * 25 + [1_000] * 12 + [100] * 3
UDPOS = [
    194, 1798, 1115, 1000, 1394, 3974, 3125, 3239, 2902, 403, 484, 441, 559, 511, 3016, 46, 599, 1770,
    3054, 80, 131, 988, 552, 800,
]  # fmt: skip
TATOEBA = [1000] * 28 + [205, 746, 575, 687, 390, 307, 234, 548]
BUCC = [1038, 929, 2374, 257]

Draw = Callable[[Sequence[Block], int, np.random.Generator], Floats]
"""Blocks, number of draws and randomness -> contrasts under resampled examples, (draws,) points."""


@dataclass(frozen=True, slots=True)
class Contestant:
    """One way to resample."""

    name: str
    draw: Draw
    timed: int
    """Draws that are timed; seconds are scaled to the number asked for."""
    traced: int
    """Draws under which memory is traced; loops need no more for more draws."""


@dataclass(frozen=True, slots=True, eq=False)
class Measured:
    """What one contestant took and found."""

    contestant: Contestant
    seconds: float
    """Median over rounds, scaled to the number of draws asked for."""
    peak_mib: float
    """Allocated at the same time, outcomes not counted."""
    draws: Floats
    """Of all rounds."""

    @property
    def standard_error(self) -> float:
        """Standard deviation of the drawn contrasts, points."""
        return float(self.draws.std(ddof=1))

    @property
    def monte_carlo_error(self) -> float:
        """Standard error of that standard deviation, for normal draws, points."""
        return self.standard_error / math.sqrt(2 * (self.draws.size - 1))


def nine_tasks(rng: np.random.Generator, *, scale: float = 1.0) -> list[Block]:
    """Return made-up totals of six runs on nine tasks; translations and passages stay together.

    Args:
        rng: source of randomness.
        scale: of the number of examples; each set keeps at least 30.
    """

    def size(n: int) -> int:
        return max(30, round(n * scale))

    blocks = [_answers("xnli", size(2490), 15, rng), _answers("pawsx", size(2000), 7, rng)]
    for task, sizes in (("panx", PANX), ("udpos", UDPOS), ("bucc", BUCC)):
        blocks += [_spans(task, size(n), rng) for n in sizes]
    blocks += [_answers("tatoeba", size(n), 1, rng) for n in TATOEBA]
    blocks += [_questions("xquad", size(240), 11, 4.96, rng)]
    blocks += [_questions("mlqa", size(1148), 7, 0.52, rng)]
    blocks += [_questions("tydiqa", size(499), 1, 1.13, rng) for _ in range(9)]
    return blocks


def flat(rng: np.random.Generator, *, scale: float = 1.0) -> list[Block]:
    """Return right and wrong answers of two runs on independent examples."""
    whole = _answers("xnli", max(30, round(XNLI_TEST * scale)), 1, rng)
    return [Block("xnli", whole.languages, whole.numerators[:, :, [0, SEEDS]], whole.denominators)]


def ours(blocks: Sequence[Block], draws: int, rng: np.random.Generator) -> Floats:
    """Resample as the verifier does: from totals over clusters, all draws at once."""
    found = np.zeros(draws)
    for block, share in zip(blocks, _shares(blocks), strict=True):
        apart = deviations(block, draws, rng)
        found += share * (_contrast(observed(block)) + _mean_contrast(apart))
    return found


def _mean_contrast(apart: np.ndarray) -> Floats:
    """Return the mean contrast of each draw, from (n_languages, n_runs, draws)."""
    languages, runs, draws = apart.shape
    signs = np.repeat([1.0, -1.0], runs // 2) / (runs // 2 * languages)
    weights = np.tile(signs, languages).astype(apart.dtype)
    return np.asarray(weights @ apart.reshape(-1, draws), dtype=np.float64)


def loop(blocks: Sequence[Block], draws: int, rng: np.random.Generator) -> Floats:
    """Resample one draw after the other, picking rows."""
    shares = _shares(blocks)
    found = np.zeros(draws)
    for at in range(draws):
        for block, share in zip(blocks, shares, strict=True):
            picked = rng.integers(0, block.clusters, block.clusters)
            above, below = block.numerators[picked].sum(0), block.denominators[picked].sum(0)
            found[at] += share * _contrast(100 * above / below)
    return found


def counting_loop(blocks: Sequence[Block], draws: int, rng: np.random.Generator) -> Floats:
    """Resample one draw after the other, multiplying rows by how often each was picked."""
    shares = _shares(blocks)
    found = np.zeros(draws)
    for at in range(draws):
        for block, share in zip(blocks, shares, strict=True):
            picked = rng.integers(0, block.clusters, block.clusters)
            times = np.bincount(picked, minlength=block.clusters).astype(np.float64)
            above, below = (
                (times @ part.reshape(block.clusters, -1)).reshape(part.shape[1:])
                for part in (block.numerators, block.denominators)
            )
            found[at] += share * _contrast(100 * above / below)
    return found


def by_scipy(blocks: Sequence[Block], draws: int, rng: np.random.Generator) -> Floats:
    """Resample pairs of answers with `scipy.stats.bootstrap`, a hundred draws at a time."""
    (block,) = blocks
    first, second = block.numerators[:, 0, 0], block.numerators[:, 0, 1]

    def statistic(a: Floats, b: Floats, axis: int = -1) -> Floats:
        return np.asarray(100 * (a.mean(axis) - b.mean(axis)))

    found = stats.bootstrap(
        (first, second), statistic, paired=True, vectorized=True, n_resamples=draws, batch=100,
        method="percentile", rng=rng,
    )  # fmt: skip
    return np.asarray(found.bootstrap_distribution, dtype=np.float64)


def compare(
    contestants: Sequence[Contestant], blocks: Sequence[Block], *, draws: int, rounds: int
) -> list[Measured]:
    """Let the contestants take turns, then trace the memory of each.

    Args:
        contestants: the first is the one to compare with.
        blocks: what all of them resample.
        draws: to which seconds are scaled.
        rounds: turns of each contestant.
    """
    seconds: list[list[float]] = [[] for _ in contestants]
    found: list[list[Floats]] = [[] for _ in contestants]
    for turn in range(rounds):
        for at, contestant in enumerate(contestants):
            rng = np.random.default_rng([turn, at])
            begin = time.perf_counter()
            found[at].append(contestant.draw(blocks, contestant.timed, rng))
            seconds[at].append((time.perf_counter() - begin) * draws / contestant.timed)
    return [
        Measured(c, median(s), _peak_mib(c, blocks), np.concatenate(f))
        for c, s, f in zip(contestants, seconds, found, strict=True)
    ]


def table(measured: Sequence[Measured], *, draws: int) -> str:
    """Return a Markdown table of what was measured."""
    seconds = f"seconds for {draws:,}"
    rows = [
        f"| way | draws timed | {seconds} | times ours | peak MiB | standard error, points |",
        "|---|---|---|---|---|---|",
    ]
    rows += [
        f"| {m.contestant.name} | {m.contestant.timed:,} | {m.seconds:.3g} | "
        f"{m.seconds / measured[0].seconds:,.3g} | {m.peak_mib:.3g} | "
        f"{m.standard_error:.4f} ± {m.monte_carlo_error:.4f} |"
        for m in measured
    ]
    return "\n".join(rows)


def main(arguments: Sequence[str] | None = None) -> int:
    """Print both tables."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument(
        "--draws", type=int, default=RESAMPLES, help="resamples, default %(default)s"
    )
    parser.add_argument(
        "--loop-draws", type=int, default=200, help="of the loops, which are scaled"
    )
    parser.add_argument("--rounds", type=int, default=3, help="turns of each, default %(default)s")
    parser.add_argument("--scale", type=float, default=1.0, help="of the number of examples")
    asked = parser.parse_args(arguments)
    draws, few = asked.draws, min(asked.draws, asked.loop_draws)
    print(f"Python {platform.python_version()}, numpy {np.__version__}, scipy {scipy.__version__}, "
          f"{os.cpu_count()} cores")  # fmt: skip
    nine = nine_tasks(np.random.default_rng(0), scale=asked.scale)
    cells = sum(len(b.languages) for b in nine)
    entries = [
        Contestant("ours", ours, draws, draws),
        Contestant("numpy loop, rows picked", loop, few, 3),
        Contestant("numpy loop, counts times rows", counting_loop, few, 3),
    ]
    measured = compare(entries, nine, draws=draws, rounds=asked.rounds)
    difference = sum(
        share * _contrast(observed(block)) for block, share in zip(nine, _shares(nine), strict=True)
    )
    print(
        f"\nContrast over nine tasks: {examples(nine):,} examples an arm and seed, {cells} tasks by "
        f"languages, {SEEDS} seeds an arm; observed {float(difference):.3f} points\n"
    )
    print(table(measured, draws=draws))
    pairs = flat(np.random.default_rng(1), scale=asked.scale)
    entries = [
        Contestant("ours", ours, draws, draws),
        Contestant("scipy.stats.bootstrap, paired", by_scipy, draws, min(draws, 200)),
    ]
    measured = compare(entries, pairs, draws=draws, rounds=asked.rounds)
    print(f"\nFlat pairs of one accuracy: {examples(pairs):,} examples, one run an arm\n")
    print(table(measured, draws=draws))
    return 0


def measure(turns: int, *, scale: float = 1.0) -> list[dict[str, Any]]:
    """Return rows of work, way, peer, seconds and ratio for both tables.

    Args:
        turns: of each way.
        scale: of the number of examples.
    """
    nine = nine_tasks(np.random.default_rng(0), scale=scale)
    pairs = flat(np.random.default_rng(1), scale=scale)
    picked, counted, by_peer = (
        "numpy loop, rows picked",
        "numpy loop, counts",
        "scipy.stats.bootstrap",
    )
    made = {
        f"bootstrap, nine tasks, {examples(nine):,} examples": (
            nine, picked, {"ours": (ours, RESAMPLES), picked: (loop, 20), counted: (counting_loop, 20)},
        ),
        f"bootstrap, one accuracy, {examples(pairs):,} examples": (
            pairs, by_peer, {"ours": (ours, RESAMPLES), by_peer: (by_scipy, 1000)},
        ),
    }  # fmt: skip
    rows: list[dict[str, Any]] = []
    for work, (blocks, peer, contestants) in made.items():
        ways = {
            name: timed(
                partial(way, blocks, draws, np.random.default_rng(0)), share=draws / RESAMPLES
            )
            for name, (way, draws) in contestants.items()
        }
        rows += in_turns(work, ways, peer=peer, turns=turns)
    return rows


def examples(blocks: Sequence[Block]) -> int:
    """Return the number of examples that one run is scored on.

    A sentence with spans is one; of questions the denominators count them.
    """
    shared = [b for b in blocks if b.denominators.shape[2] == 1]
    spans = [b for b in blocks if b.denominators.shape[2] > 1]
    return round(sum(float(b.denominators.sum()) for b in shared)) + sum(b.clusters for b in spans)


def _answers(task: str, n: int, languages: int, rng: np.random.Generator) -> Block:
    """Return right answers that are as hard for all runs, and in all languages, as their example is."""
    hard = rng.normal(0, 1, (n, 1, 1)) + rng.normal(0, 0.5, (n, languages, 1))
    right = _arms() + hard + rng.normal(0, 0.7, (n, languages, 2 * SEEDS)) > -0.8
    names = tuple(f"l{i}" for i in range(languages))
    return Block(task, names, right.astype(np.float64), np.ones((n, languages, 1)))


def _spans(task: str, n: int, rng: np.random.Generator) -> Block:
    """Return twice the matched spans, and predicted and gold ones, of single sentences."""
    gold = 1 + rng.poisson(0.6, (n, 1, 1))
    known = rng.beta(4, 1.5, (n, 1, 1))
    matched = rng.binomial(gold, np.clip(known + _arms() / 10, 0, 1), (n, 1, 2 * SEEDS))
    said = matched + rng.poisson(0.3, matched.shape)
    return Block(task, ("l0",), (2 * matched).astype(np.float64), (gold + said).astype(np.float64))


def _questions(
    task: str, passages: int, languages: int, each: float, rng: np.random.Generator
) -> Block:
    """Return sums of scores and counts of the questions of each passage, some translated."""
    asked = rng.poisson(each, (passages, 1, 1)) if each > 1 else np.ones((passages, 1, 1), int)
    there = rng.random((passages, languages, 1)) < min(1.0, each)
    count = (asked * there).astype(np.float64)
    known = np.clip(rng.beta(3, 1.2, (passages, 1, 1)) + _arms() / 10, 0, 1)
    noise = rng.normal(0, 0.1, (passages, languages, 2 * SEEDS))
    names = tuple(f"l{i}" for i in range(languages))
    scored: Floats = count * np.clip(known + noise, 0.0, 1.0)
    return Block(task, names, scored, count)


def _arms() -> Floats:
    """Return a little more for the treatment's runs than for the control's, (n_runs,)."""
    return np.repeat([0.1, 0.0], SEEDS)


def _shares(blocks: Sequence[Block]) -> list[float]:
    """Return the weight of each block in the mean over tasks of the mean over languages."""
    languages: dict[str, int] = {}
    for block in blocks:
        languages[block.task] = languages.get(block.task, 0) + len(block.languages)
    return [len(b.languages) / languages[b.task] / len(languages) for b in blocks]


def _contrast(scores: Floats) -> Floats:
    """Return the mean of treatment less control over languages, from (..., n_languages, n_runs)."""
    half = scores.shape[-1] // 2
    return np.asarray((scores[..., :half].mean(-1) - scores[..., half:].mean(-1)).mean(-1))


def _peak_mib(contestant: Contestant, blocks: Sequence[Block]) -> float:
    tracemalloc.start()
    try:
        contestant.draw(blocks, contestant.traced, np.random.default_rng(0))
        return tracemalloc.get_traced_memory()[1] / 2**20
    finally:
        tracemalloc.stop()


if __name__ == "__main__":
    sys.exit(main())
