"""What does `corroborate import` do with its options, and what does a terminal show of it?"""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from replication.imports.entering import Entered, enter, read_scores
from replication.imports.score import given_of
from replication.run import Run
from replication.store import Store
from reports.escaping import one_line
from reports.streams import say, say_json
from verifier.numbers import counted

__all__ = ["import_command", "import_json", "import_text"]

_SHOWN = 20
"""Things left out that are listed; `--json` has all."""


def import_command(options: argparse.Namespace) -> int:
    """Run `corroborate import` with its options and return the exit code."""
    reading = read_scores(options.path, options.format, given_of(options.given))
    with Store.open(Path(options.store)) as store:
        entered = enter(reading, store, format_=options.format, protocol=options.follows)
    if options.json:
        say_json(import_json(entered))
    else:
        say(import_text(entered, options.follows))
    return 0


def import_json(entered: Entered) -> dict[str, Any]:
    """Return what was imported as one JSON document."""
    return {
        "schema": "corroborate/import@1",
        "runs": [run.spec_digest for run in entered.runs],
        "there": [run.spec_digest for run in entered.there],
        "scores": sum(len(run.measurements) for run in entered.runs),
        "shown": [{"because": why, "runs": number} for why, number in _shown(entered.runs).items()],
        "left_out": list(entered.left_out),
    }


def import_text(entered: Entered, protocol: str | None) -> str:
    """Return what was imported in words: how much counts, what is only shown, what was left out."""
    evidence = [run for run in entered.runs if run.spec.counts()]
    scores = sum(len(run.measurements) for run in evidence)
    lines = [
        f"imported {counted(len(evidence), 'run')} with {counted(scores, 'score')} that may count"
    ]
    for why, number in _shown(entered.runs).items():
        lines.append(f"  only shown, {counted(number, 'run')}: {one_line(why)}")
    if entered.there:
        lines.append(f"  {counted(len(entered.there), 'run')} there already, from the same files")
    if entered.left_out:
        lines.append("left out, since they are no scores:")
        lines += [f"  {one_line(text)}" for text in entered.left_out[:_SHOWN]]
        more = len(entered.left_out) - _SHOWN
        lines += [f"  and {more} more; --json has them all"] if more > 0 else []
    if evidence and protocol is None:
        lines.append(
            "No protocol is declared, so that claims are not decided on these scores: say with "
            "--protocol NAME which one the runs followed, in a new store."
        )
    return "\n".join(lines)


def _shown(runs: Iterable[Run]) -> dict[str, int]:
    """Return why runs are only shown -> how many."""
    reasons = [r.spec.origin.because for r in runs if r.spec.origin and r.spec.origin.because]
    return dict(sorted(Counter(reasons).items()))
