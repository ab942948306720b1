"""What a terminal shows of official scores: a line a task, then groups, overall and what is odd."""

from __future__ import annotations

import argparse
from pathlib import Path

from replication.official import OfficialScores, score
from reports.streams import say, say_json

__all__ = ["score_command", "scores_text"]

_NOTES = 20
"""Notes shown; `--json` has all."""


def score_command(options: argparse.Namespace) -> int:
    """Run `corroborate score` with its options and return the exit code."""
    scores = score(
        Path(options.predictions),
        Path(options.labels),
        benchmark=options.benchmark,
        spans=options.spans,
    )
    if options.json:
        say_json(scores.to_json())
    else:
        say(scores_text(scores))
    return 0


def scores_text(scores: OfficialScores) -> str:
    """Return official scores in words, in points with two decimals."""
    width = max(map(len, [*scores.tasks, *scores.groups, "overall"]))
    lines = [f"benchmark {scores.benchmark}"]
    for name, task in scores.tasks.items():
        averages = ", ".join(f"{m} {v:.2f}" for m, v in task.averages.items())
        count = len(task.languages)
        unit = "language" if count == 1 else "languages"
        lines.append(f"  {name:<{width}}  {task.score:6.2f}  {count:>2} {unit}: {averages}")
    if scores.groups:
        lines.append("groups")
        lines += [f"  {name:<{width}}  {value:6.2f}" for name, value in scores.groups.items()]
    overall = "none" if scores.overall is None else f"{scores.overall:.2f}"
    lines.append(f"{'overall':<{width + 2}}  {overall:>6}")
    if scores.not_scored:
        lines.append("not scored, so that there is no overall score:")
        lines += [f"  {name}: {why}" for name, why in scores.not_scored.items()]
    if scores.notes:
        lines.append("notes:")
        lines += [f"  {note}" for note in scores.notes[:_NOTES]]
        more = len(scores.notes) - _NOTES
        lines += [f"  and {more} more; --json has them all"] if more > 0 else []
    if "udpos" in scores.tasks:
        release = "before 1.0" if scores.spans == "seqeval_0" else "1.0 or later"
        lines.append(f"udpos counts spans as seqeval {release} does (--spans)")
    return "\n".join(lines)
