"""How fast is it against others at the same work, side by side in one run?

`python -m benchmarks.bench` measures every comparison that needs no GPU, ways taking turns, writes
out/bench.json after each part, and makes the tables of docs/performance.md from it. What could not be
measured is in the table with the reason. Interrupted, it goes on where it was; `--missing` measures
what did not fit its time, with more of it where `--patience` says so.
"""

from __future__ import annotations

import argparse
import json
import re
import shlex
import signal
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from benchmarks.bench_derived import Derivation, derive, matrix
from benchmarks.bench_page import around, in_page, shown
from benchmarks.bench_parts import ROOT, Document, Part, measure_parts, say, written
from benchmarks.bench_targets import CPU, LENGTHS

__all__ = [
    "PARTS", "interruptible", "main", "options", "refuse_no_time", "selected", "written_before",
]  # fmt: skip

PAGE = ROOT / "docs" / "performance.md"
OUT = ROOT / "out" / "bench.json"

_TRAINING = "benchmarks.training_speed:measure"
PARTS: tuple[Part, ...] = (
    *(Part(f"training {name}", _TRAINING, 480, {"only": f"training:{name}"}, threads=1)
      for name in LENGTHS),
    Part("vocabulary", _TRAINING, 480, {"only": "training:XNLI", "vocabulary": 250_002}, threads=1),
    Part("evaluation", _TRAINING, 240, {"only": "scoring"}, threads=1),
    Part("scoring", "benchmarks.scoring_speed:measure", 180),
    Part("mining", "benchmarks.mining_speed:measure", 240),
    Part("bootstrap", "benchmarks.bench_peers:bootstrap", 300),
    Part("planning", "benchmarks.bench_peers:planning", 90),
    Part("start-up", "benchmarks.startup:measure", 120),
)  # fmt: skip
"""What is measured without a GPU, in this order; one line adds a module's comparisons."""
DERIVED: dict[str, Derivation] = {"matrix": matrix}
"""Parts that follow from the others' rows."""


def options(about: str | None, out: Path, minutes: float) -> argparse.ArgumentParser:
    """Return the options that both commands have."""
    parser = argparse.ArgumentParser(
        description=about, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--only", metavar="PATTERN", help="parts whose name has this in it (regex)")
    parser.add_argument("--turns", type=int, default=3, help="of each way, default %(default)s")
    parser.add_argument(
        "--minutes", type=float, default=minutes, help="for the whole, default %(default)s"
    )
    parser.add_argument(
        "--patience", type=float, default=1.0, metavar="TIMES",
        help="give each part this many times its usual time, default %(default)s",
    )  # fmt: skip
    parser.add_argument("--out", type=Path, default=out, help="JSON, default %(default)s")
    parser.add_argument(
        "--page", type=Path, default=PAGE, help="page with the tables, default %(default)s"
    )
    parser.add_argument(
        "--afresh", action="store_true", help="measure all even where a run was interrupted"
    )
    parser.add_argument(
        "--missing", action="store_true", help="measure what has not been measured whole"
    )
    parser.add_argument(
        "--page-only", action="store_true", help="measure nothing; make the page from the JSON"
    )
    return parser


def selected(
    parser: argparse.ArgumentParser, parts: Sequence[Part], only: str | None
) -> list[Part]:
    """Return the parts asked for; end with a message where there are none."""
    try:
        found = [part for part in parts if re.search(only or "", part.name)]
    except re.error as error:
        parser.error(f"--only: found {only!r}, which is no pattern: {error} ; expected a regex.")
    if not found:
        names = ", ".join(part.name for part in parts)
        parser.error(f"--only: found no part that {only!r} fits ; expected one of {names}.")
    return found


def refuse_no_time(parser: argparse.ArgumentParser, asked: argparse.Namespace) -> None:
    """End with a message where nothing could be measured in the turns or the time asked for."""
    if asked.turns < 1 or asked.minutes <= 0 or asked.patience <= 0:
        parser.error(
            "found no turn or no time ; expected 1 turn or more, minutes and patience above 0."
        )


def written_before(parser: argparse.ArgumentParser, out: Path) -> Document:
    """Return the document of an earlier run; end with a message where there is none."""
    if not out.exists():
        parser.error(
            f"--page-only: found no {out} ; expected what a run wrote. Leave it out to run."
        )
    document: Document = json.loads(out.read_text(encoding="utf-8"))
    return document


def interruptible(command: Callable[[], int]) -> int:
    """Run a command; Ctrl-C or SIGTERM ends its part's process too, and keeps what is written."""
    signal.signal(signal.SIGTERM, lambda *_: signal.raise_signal(signal.SIGINT))
    try:
        return command()
    except KeyboardInterrupt:
        say("interrupted; run the same command again to go on")
        return 130


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print the table, and put it into the page."""
    parser = options(__doc__, OUT, 60)
    parser.set_defaults(turns=5)
    asked = parser.parse_args(arguments)
    parts = selected(parser, PARTS, asked.only)
    refuse_no_time(parser, asked)
    around(asked.page, "bench")
    if asked.page_only:
        document = written_before(parser, asked.out)
    else:
        given = list(sys.argv[1:] if arguments is None else arguments)
        document = measure_parts(
            parts, asked.out, turns=asked.turns, minutes=asked.minutes, afresh=asked.afresh,
            patience=asked.patience, missing=asked.missing,
            command=shlex.join(["python", "-m", "benchmarks.bench", *given]),
        )  # fmt: skip
        derive(document, DERIVED)
        written(asked.out, document)
    text = shown(document, [*(part.name for part in PARTS), *DERIVED], CPU)
    print(text)
    in_page(asked.page, "bench", text)
    say(f"numbers: {asked.out}; table: {asked.page}")
    return 0


if __name__ == "__main__":
    sys.exit(interruptible(main))
