"""How many GPU-hours does it take to decide a paper's claims, planned in one way or another?

`python -m benchmarks.planning --out FILE.json --markdown docs/planning.md` prints the tables. Nothing
is trained: hours are arithmetic, scores are drawn, and verdicts are by the real rules.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import numpy as np

from benchmarks.paper_matrix import paper
from benchmarks.paper_truths import drawn, is_true
from benchmarks.planning_page import document
from benchmarks.planning_rows import CURVE, Row
from benchmarks.strategies import BASELINE, STRATEGIES, Spent

__all__ = ["main", "simulate"]

_STREAM = 5
"""Part of every paper's stream of random numbers."""


@dataclass(slots=True)
class _Tally:
    hours: list[float] = field(default_factory=list)
    decided: list[int] = field(default_factory=list)
    level: list[float | None] = field(default_factory=list)
    """Hours until as many claims are decided as the baseline decides; None where that is never."""
    by: list[list[int]] = field(default_factory=list)
    """Claims decided after each number of hours of the curve."""
    wrong: dict[str, int] = field(default_factory=lambda: {"reproduced": 0, "not_reproduced": 0})
    chances: dict[str, int] = field(default_factory=lambda: {"reproduced": 0, "not_reproduced": 0})

    def add(self, spent: Spent, truths: dict[str, bool], wanted: int) -> None:
        times = sorted(spent.at.values())
        self.hours.append(spent.hours)
        self.decided.append(len(times))
        self.level.append((times[wanted - 1] if wanted else 0.0) if len(times) >= wanted else None)
        self.by.append([sum(t <= hours + 1e-9 for t in times) for hours in CURVE])
        for claim, true in truths.items():
            error = "not_reproduced" if true else "reproduced"
            self.chances[error] += 1
            self.wrong[error] += spent.labels[claim] == error

    def row(self, name: str, spread: float) -> Row:
        reached = [hours for hours in self.level if hours is not None]
        return Row(
            strategy=name,
            spread=spread,
            papers=len(self.hours),
            hours=float(np.mean(self.hours)),
            decided=float(np.mean(self.decided)),
            hours_per_decision=float(np.sum(self.hours) / max(1, np.sum(self.decided))),
            hours_to_baseline=float(np.mean(reached)) if reached else None,
            reached=len(reached) / len(self.level),
            curve=tuple(np.mean(self.by, axis=0).tolist()),
            wrong=dict(self.wrong),
            chances=dict(self.chances),
        )


def simulate(papers: int, *, spread: float) -> tuple[Row, ...]:
    """Return what each strategy comes to, on the same simulated papers; the same every time.

    Args:
        papers: how many, at least 1.
        spread: factor on the standard deviations over seeds.
    """
    tallies = {name: _Tally() for name in STRATEGIES}
    for number in range(papers):
        truth = drawn(np.random.default_rng([_STREAM, number]), spread=spread)
        truths = {claim.id: is_true(claim, truth) for claim in paper().claims}
        spent = {name: spend(truth) for name, spend in STRATEGIES.items()}
        wanted = len(spent[BASELINE].at)
        for name, found in spent.items():
            tallies[name].add(found, truths, wanted)
    return tuple(tally.row(name, spread) for name, tally in tallies.items())


def _simulate(papers: int, spread: float) -> tuple[Row, ...]:
    return simulate(papers, spread=spread)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the simulation from the command line and return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.planning", description=__doc__)
    parser.add_argument("--papers", type=int, default=200, help="simulated, for each spread")
    parser.add_argument(
        "--spread",
        type=float,
        nargs="+",
        default=[1.0, 3.0],
        help="factors on the spread over seeds",
    )
    parser.add_argument("--out", type=Path, help="file for the results as JSON")
    parser.add_argument("--markdown", type=Path, help="file for the page; default: standard output")
    parser.add_argument("--processes", type=int, default=1, help="at most one for each spread")
    asked = parser.parse_args(arguments)
    if asked.papers < 1 or min(asked.spread) <= 0:
        parser.error("found no paper, or a spread of 0 ; expected 1 paper or more, spreads above 0")
    given = list(sys.argv[1:] if arguments is None else arguments)
    command = " ".join(["python -m benchmarks.planning", *given])
    simulated = partial(_simulate, asked.papers)
    if asked.processes > 1:
        with multiprocessing.Pool(min(asked.processes, len(asked.spread))) as pool:
            parts = pool.map(simulated, asked.spread, chunksize=1)
    else:
        parts = [simulated(spread) for spread in asked.spread]
    rows = [row for part in parts for row in part]
    if asked.out:
        record = {"command": command, "curve": CURVE, "rows": [row.to_json() for row in rows]}
        asked.out.parent.mkdir(parents=True, exist_ok=True)
        asked.out.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
    text = document(rows, command=command)
    if asked.markdown:
        asked.markdown.write_text(text, encoding="utf-8")
    else:
        print(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
