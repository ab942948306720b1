"""How long do the commands take that import nothing heavy, and a store of 300 runs?

Each command runs in a process of its own, in turns with one that only imports torch and
transformers, which a command line that imports its training code would do first.
`python -m benchmarks.startup` prints JSON.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks.turns import Way, in_turns, report, timed

ROOT = Path(__file__).resolve().parent.parent
RUNS, ITEMS = 300, 2_000
HEAVY = "import torch and transformers"


def build(folder: Path, runs: int) -> tuple[Path, Path]:
    """Write a store of made-up finished runs, two fifths of them scored on `ITEMS` examples.

    Returns:
        The claim file and the store.
    """
    sys.path.insert(0, str(ROOT / "tests"))
    import test_large_store  # noqa: PLC0415  beside the tests, which nobody installs

    per_seed = 5
    claims, _ = test_large_store.build(folder / "store", folder, runs // per_seed, ITEMS)
    return Path(claims), folder / "store"


def measure(turns: int, *, runs: int = RUNS) -> list[dict[str, Any]]:
    """Return rows of work, way, peer, seconds and ratio.

    Args:
        turns: of each command.
        runs: of the store that is verified and reported.
    """
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        claims, store = (str(path) for path in build(folder, runs))
        out = str(folder / "out")
        commands = {
            "--help": ["--help"],
            "check": ["check", "xstilts"],
            f"verify, {runs} runs": ["verify", claims, "--store", store, "--json"],
            f"report, {runs} runs": ["report", claims, "--store", store, "--out", out],
        }
        ways: dict[str, Way] = {
            way: timed(partial(_run, "-m", "corroborate", *arguments), least=0)
            for way, arguments in commands.items()
        }
        ways[HEAVY] = timed(partial(_run, "-c", "import torch, transformers"), least=0)
        return in_turns("start-up", ways, peer=HEAVY, turns=turns)


def _run(*arguments: str) -> None:
    done = subprocess.run(  # noqa: S603  our own interpreter and our own code
        [sys.executable, *arguments], cwd=ROOT, capture_output=True, check=False, text=True
    )
    # 1 and 3 are verdicts
    assert done.returncode in {0, 1, 3}, done.stderr
    assert done.returncode == 0 or "Traceback" not in done.stderr, done.stderr


def main(arguments: list[str] | None = None) -> int:
    """Print what was measured as JSON."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--turns", type=int, default=3)
    parser.add_argument("--runs", type=int, default=RUNS)
    asked = parser.parse_args(arguments)
    sys.stdout.write(report(measure(asked.turns, runs=asked.runs)) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
