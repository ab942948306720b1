"""How often is a verdict wrong? Simulated audits with known truth, through the entry of real runs.

`python -m benchmarks.calibration --out FILE.json --markdown docs/calibration.md` prints the table.
The exit code is 1 if any row is worse than nominal by more than the simulation's own error.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import multiprocessing
import re
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import nullcontext
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path

import numpy as np

from benchmarks.calibration_table import document, summary_lines
from benchmarks.judgement import Judgement, Observer, Tally, judge
from benchmarks.scenario import Scenario
from benchmarks.scenarios import grid

__all__ = ["calibrate", "main", "simulate"]

_PART = 100
"""Audits drawn from one stream of random numbers; it decides what is drawn, so it is fixed."""
_Job = tuple[str, int, int]
"""Name of a scenario, number of a part, audits in it."""


def simulate(scenario: Scenario, part: int, audits: int) -> Tally:
    """Return what some audits of a scenario show; the same for the same name and part.

    Args:
        scenario: what is true and what is claimed.
        part: number of the stream of random numbers, from 0.
        audits: how many to make.
    """
    digest = hashlib.sha256(f"{scenario.name} | part {part}".encode()).digest()
    rng = np.random.default_rng(int.from_bytes(digest[:16], "big"))
    world = scenario.world(scenario.claim, scenario.truths, scenario.seeds)
    observer, tally = Observer(scenario, world.claim), Tally()
    for _ in range(audits):
        observer.note(world.audit(rng), tally)
    return tally


def calibrate(
    scenarios: Sequence[Scenario], audits: int, *, processes: int = 2, parts: Path | None = None
) -> tuple[Judgement, ...]:
    """Return a judgement per scenario, in their order; the number of processes changes nothing.

    Args:
        scenarios: of the grid.
        audits: of each.
        processes: that work at the same time.
        parts: file to which each finished part is added, so that an interrupted calibration goes on
            where it was; parts made by other code are left out.
    """
    sizes = [min(_PART, audits - start) for start in range(0, audits, _PART)]
    jobs = [(s.name, part, size) for s in scenarios for part, size in enumerate(sizes)]
    # mixed, so that what is left costs about as much as what is done and the estimate holds
    jobs.sort(key=lambda job: hashlib.sha256(f"{job[0]}{job[1]}".encode()).digest())
    done = _kept(parts) if parts else {}
    tallies = {s.name: Tally() for s in scenarios}
    for job in jobs:
        tallies[job[0]].add(done.get(job, Tally()))
    left = [job for job in jobs if job not in done]
    pool = multiprocessing.Pool(processes) if processes > 1 else None
    with pool or nullcontext():
        made = pool.imap_unordered(_work, left) if pool else map(_work, left)
        for job, tally in _told(made, sum(size for *_, size in left)):
            tallies[job[0]].add(tally)
            if parts:
                _keep(parts, job, tally)
    return tuple(judge(s, tallies[s.name]) for s in scenarios)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the calibration from the command line and return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.calibration", description=__doc__)
    parser.add_argument("--audits", type=int, default=2000, help="of each row of the table")
    parser.add_argument("--only", metavar="PATTERN", default="", help="rows whose name it matches")
    parser.add_argument("--out", type=Path, help="file for the results as JSON")
    parser.add_argument(
        "--markdown", type=Path, help="file for the table; default: standard output"
    )
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--parts", type=Path, help="file to go on from after an interruption")
    asked = parser.parse_args(arguments)
    chosen = [s for s in grid() if re.search(asked.only, s.name)]
    if asked.audits < 1 or not chosen:
        parser.error(
            f"found {asked.audits} audits of {len(chosen)} rows ; expected 1 or more of each"
        )
    started = datetime.now(UTC)
    rows = calibrate(chosen, asked.audits, processes=asked.processes, parts=asked.parts)
    given = list(sys.argv[1:] if arguments is None else arguments)
    command = " ".join(["python -m benchmarks.calibration", *given])
    text = document(rows, command=command, date=f"{started:%Y-%m-%d}")
    if asked.markdown:
        asked.markdown.write_text(text, encoding="utf-8")
    else:
        print(text)
    if asked.out:
        record = {
            "command": command,
            "started": started.isoformat(timespec="seconds"),
            "rows": [row.to_json() for row in rows],
        }
        asked.out.parent.mkdir(parents=True, exist_ok=True)
        asked.out.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
    print("\n".join(summary_lines(rows)), file=sys.stderr)
    return int(any(row.faults for row in rows))


@lru_cache(maxsize=1)
def _by_name() -> dict[str, Scenario]:
    return {scenario.name: scenario for scenario in grid()}


def _work(job: _Job) -> tuple[_Job, Tally]:
    name, part, audits = job
    return job, simulate(_by_name()[name], part, audits)


@lru_cache(maxsize=1)
def _code() -> str:
    """Return a digest of all code that decides or simulates."""
    root = Path(__file__).resolve().parent.parent
    folders = ("claims", "replication", "verifier", "benchmarks")
    files = sorted(path for name in folders for path in (root / name).rglob("*.py"))
    whole = hashlib.sha256()
    for path in files:
        whole.update(path.relative_to(root).as_posix().encode() + b"\0" + path.read_bytes())
    return whole.hexdigest()


def _keep(parts: Path, job: _Job, tally: Tally) -> None:
    parts.parent.mkdir(parents=True, exist_ok=True)
    line = json.dumps({"code": _code(), "job": job, "tally": tally.to_json()})
    with parts.open("a", encoding="utf-8") as file:
        file.write(f"\n{line}\n")  # the line before may have been cut short


def _kept(parts: Path) -> dict[_Job, Tally]:
    """Return the parts of earlier runs of the same code; a line that was cut short is none."""
    found: dict[_Job, Tally] = {}
    code = _code()  # before any part is made, as the files may change while this runs
    for line in parts.read_text(encoding="utf-8").splitlines() if parts.exists() else ():
        try:
            entry = json.loads(line)
        except ValueError:
            continue
        if entry["code"] == code:
            name, part, audits = entry["job"]
            found[name, part, audits] = Tally.of_json(entry["tally"])
    return found


def _told(done: Iterable[tuple[_Job, Tally]], audits: int) -> Iterator[tuple[_Job, Tally]]:
    """Yield what is done, and every five seconds say on standard error how far it is."""
    began = told = time.monotonic()
    made = 0
    for job, tally in done:
        yield job, tally
        made += tally.audits
        now = time.monotonic()
        if now - told >= 5 or made == audits:
            left = (now - began) * (audits - made) / made
            print(
                f"calibration: {made:,} of {audits:,} audits in {now - began:.0f} s, "
                f"about {left / 60:.1f} min left",
                file=sys.stderr, flush=True,
            )  # fmt: skip
            told = now


if __name__ == "__main__":
    sys.exit(main())
