"""What does the plugin cost a session of pytest that has nothing to do with claims?

    python -m benchmarks.pytest_overhead [--rounds N]

Starts pytest on one empty test with the plugin and without it (`-p no:corroborate`), by turns, and
prints both medians of processor time, their difference and ratio.
"""

from __future__ import annotations

import argparse
import resource
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

TARGET_MS = 50
ROUNDS = 15


def session_seconds(folder: Path, *arguments: str) -> float:
    """Return the processor time, in seconds, of one session in a process of its own.

    Processor time, since others may be at work on the machine.
    """
    begin = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(  # noqa: S603  pytest on a file of ours
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *arguments],
        cwd=folder,
        check=True,
        capture_output=True,
    )
    end = resource.getrusage(resource.RUSAGE_CHILDREN)
    return end.ru_utime + end.ru_stime - begin.ru_utime - begin.ru_stime


def main() -> None:
    """Measure by turns and print."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    rounds = parser.parse_args().rounds
    ways: dict[str, tuple[str, ...]] = {"with": (), "without": ("-p", "no:corroborate")}
    found: dict[str, list[float]] = {way: [] for way in ways}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "test_empty.py").write_text("def test_empty(): pass\n")
        for number in range(rounds + 1):
            for way, arguments in ways.items():
                seconds = session_seconds(folder, *arguments)
                if number:  # the first reads the disk
                    found[way].append(seconds)
    medians = {way: statistics.median(values) for way, values in found.items()}
    pairs = zip(found["with"], found["without"], strict=True)
    more = 1000 * statistics.median(one - other for one, other in pairs)
    print(f"with the plugin     {1000 * medians['with']:7.1f} ms (median of {rounds})")
    print(f"without it          {1000 * medians['without']:7.1f} ms")
    print(f"difference          {more:7.1f} ms (median of pairs; target: below {TARGET_MS})")
    print(f"ratio               {medians['with'] / medians['without']:7.3f}")


if __name__ == "__main__":
    main()
