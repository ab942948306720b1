"""What does a benchmark's own program say of these predictions? Official scores of a submission.

`score` reads two folders in the official layout and computes, per task and language, what
`evaluate.py` of XTREME and XTREME-R computes; `items` gives the outcomes behind one number.
Where that program would stop at the first fault, all of them are told. Light: no torch.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from claims.record import Name, Record, Text
from replication.errors import ScoreError
from replication.official_files import Layout, file_name
from replication.official_items import HEADLINE, OfficialItems, compare
from replication.spans import SpanReading
from replication.tasks.benchmark import Benchmark, OfficialTask, benchmarks

__all__ = [
    "SCHEMA",
    "LanguageScore",
    "OfficialScores",
    "Scoring",
    "TaskScore",
    "items",
    "score",
    "score_with_items",
]

SCHEMA = "corroborate/scores@1"


class LanguageScore(Record):
    """The scores of one task in one language."""

    n: int
    """Gold items: lines, sentences, questions, mentions or pairs."""
    scores: dict[str, float]
    """Metric -> points from 0 to 100."""


class TaskScore(Record):
    """The scores of one task."""

    score: float
    """Mean over languages of the headline metrics' mean, in points."""
    averages: dict[str, float]
    """Metric -> unweighted mean over languages, in points."""
    languages: dict[Name, LanguageScore]


class OfficialScores(Record):
    """What a benchmark's own program would say of a submission."""

    benchmark: Name
    spans: SpanReading
    """Whose reading of tags without prefix; only udpos depends on it."""
    overall: float | None
    """Unweighted mean over all tasks; null unless every one of them is scored."""
    groups: dict[Name, float]
    """Mean over the tasks of a group; groups that are not whole are left out."""
    tasks: dict[Name, TaskScore]
    not_scored: dict[Name, Text]
    """Task without a score -> why."""
    notes: tuple[Text, ...]
    """What is odd and yet scored as the benchmark scores it."""

    def to_json(self) -> dict[str, Any]:
        """Return the document of `corroborate score --json`."""
        return {"schema": SCHEMA, **self.model_dump(mode="json")}


@dataclass(frozen=True, slots=True)
class Scoring:
    """Official scores with what they rest on."""

    scores: OfficialScores
    items: Mapping[str, Mapping[str, OfficialItems]]
    """Scored task -> language -> outcome of each item."""
    predictions: Mapping[str, str]
    """File that was read, such as `xnli/test-de.tsv` -> its SHA-256."""
    labels: Mapping[str, str]
    """Likewise."""


def score(
    predictions: Path, labels: Path, *, benchmark: str, spans: SpanReading = "seqeval_0"
) -> OfficialScores:
    """Score every task that both folders hold, as `score_with_items` does, and return only that."""
    return score_with_items(predictions, labels, benchmark=benchmark, spans=spans).scores


def score_with_items(
    predictions: Path, labels: Path, *, benchmark: str, spans: SpanReading = "seqeval_0"
) -> Scoring:
    """Score every task that both folders hold, and keep the outcomes behind the scores.

    A task that a folder lacks altogether is no fault: it is listed as not scored, and then there is
    no overall score. A task that is there must be there in every language.

    Args:
        predictions: a submission in the official layout.
        labels: the gold labels in the same layout.
        benchmark: `xtreme` or `xtreme-r`.
        spans: the default is that of the benchmark's published numbers; the benchmark's program
            gives the other one when it is installed today.

    Raises:
        ScoreError: the benchmark or a folder is unknown, or files are missing, malformed or do not
            fit; all faults at once.
    """
    design, guess, truth = _opened(predictions, labels, benchmark)
    faults, notes = [*truth.faults, *guess.faults], _strangers(design, guess, truth)
    scored: dict[str, TaskScore] = {}
    items_of: dict[str, dict[str, OfficialItems]] = {}
    not_scored = dict(design.unscored)
    for name, task in design.tasks.items():
        lacking = [side.side for side in (guess, truth) if name not in side.tasks]
        if lacking:
            not_scored[name] = f"no folder '{name}' in {' and '.join(lacking)}"
            continue
        found, faulty = _languages(task, name, guess, truth, spans)
        faults += faulty
        if len(found) == len(task.languages):
            scored[name], items_of[name] = _task_score(task, found), found
            notes += [_placed(n, name, task, c) for c, i in found.items() for n in i.notes]
    if faults:
        raise ScoreError(f"score {benchmark}", tuple(faults))
    if not scored:
        raise ScoreError(
            f"score {benchmark}: found no task in both folders ; expected at least one of "
            f"{', '.join(design.tasks)}. Check that each folder holds the tasks' folders."
        )
    scores = OfficialScores(
        benchmark=design.name,
        spans=spans,
        overall=None if not_scored else _mean([s.score for s in scored.values()]),
        groups={
            group: _mean([scored[n].score for n in names])
            for group, names in design.groups.items()
            if set(names) <= set(scored)
        },
        tasks=scored,
        not_scored=not_scored,
        notes=tuple(notes),
    )
    return Scoring(scores, items_of, guess.digests, truth.digests)


def items(
    predictions: Path,
    labels: Path,
    *,
    benchmark: str,
    task: str,
    language: str,
    spans: SpanReading = "seqeval_0",
) -> OfficialItems:
    """Return the item outcomes of one task in one language, from which its scores follow.

    Args:
        predictions: a submission in the official layout.
        labels: the gold labels in the same layout.
        benchmark: `xtreme` or `xtreme-r`.
        task: name of the task's folder, such as `bucc2018`.
        language: one of the task's languages.
        spans: as in `score`.

    Raises:
        ScoreError: what is asked for is unknown, or the two files cannot be scored.
    """
    design, guess, truth = _opened(predictions, labels, benchmark)
    if task not in design.tasks or language not in design.tasks[task].languages:
        known = design.tasks[task].languages if task in design.tasks else tuple(design.tasks)
        raise ScoreError(
            f"score {benchmark}: found no task {task[:40]!r} with language {language[:40]!r} ; "
            f"expected one of {', '.join(known)}."
        )
    return _compared(design.tasks[task], task, language, guess, truth, spans)


def _opened(predictions: Path, labels: Path, benchmark: str) -> tuple[Benchmark, Layout, Layout]:
    if benchmark not in benchmarks():
        raise ScoreError(
            f"score: found benchmark {benchmark[:40]!r} ; expected one of {', '.join(benchmarks())}."
        )
    guess, truth = Layout(predictions, "predictions"), Layout(labels, "labels")
    if predictions.samefile(labels):
        raise ScoreError(
            f"score {benchmark}: found one folder for both, '{predictions}' ; expected predictions "
            "and labels apart, since labels agree with themselves. Name both folders."
        )
    return benchmarks()[benchmark], guess, truth


def _languages(
    task: OfficialTask, name: str, guess: Layout, truth: Layout, spans: SpanReading
) -> tuple[dict[str, OfficialItems], list[str]]:
    """Return the items of each language that can be scored, and what is wrong with the others."""
    found: dict[str, OfficialItems] = {}
    absent = {side.side: _absent(task, side.tasks[name]) for side in (guess, truth)}
    faults = [_missing(side, name, files) for side, files in absent.items() if files]
    for language in task.languages:
        if any(file_name(task.format, language) in files for files in absent.values()):
            continue
        try:
            found[language] = _compared(task, name, language, guess, truth, spans)
        except ScoreError as error:
            faults += error.faults
    return found, faults


def _compared(
    task: OfficialTask,
    name: str,
    language: str,
    guess: Layout,
    truth: Layout,
    spans: SpanReading,
) -> OfficialItems:
    file = file_name(task.format, language)
    texts: dict[str, str] = {}
    faults: list[str] = []
    for layout in (truth, guess):
        try:
            texts[layout.side] = layout.read(name, file)
        except ScoreError as error:
            faults += error.faults
    if faults:
        raise ScoreError("score", tuple(faults))
    try:
        return compare(
            task, language, gold=texts["labels"], predicted=texts["predictions"], spans=spans
        )
    except ScoreError as error:
        placed = (_placed(fault, name, task, language) for fault in error.faults)
        raise ScoreError(error.what, tuple(placed)) from error


def _absent(task: OfficialTask, files: frozenset[str]) -> list[str]:
    wanted = [file_name(task.format, language) for language in task.languages]
    return [name for name in wanted if name not in files]


def _missing(side: str, name: str, absent: list[str]) -> str:
    return (
        f"{side}: {name}: found no {', '.join(absent)} ; expected a file for every language of the "
        "task, since its score averages over them. Add what is missing, or leave the task out."
    )


def _placed(text: str, name: str, task: OfficialTask, language: str) -> str:
    """Return a fault or a note with the file between the side and what is said of it."""
    side, _, rest = text.partition(": ")
    return f"{side}: {name}/{file_name(task.format, language)}: {rest}"


def _task_score(task: OfficialTask, found: dict[str, OfficialItems]) -> TaskScore:
    languages = {c: LanguageScore(n=i.n, scores=i.scores()) for c, i in found.items()}
    metrics = next(iter(languages.values())).scores
    averages = {m: _mean([s.scores[m] for s in languages.values()]) for m in metrics}
    headline = _mean([averages[m] for m in HEADLINE[task.format]])
    return TaskScore(score=headline, averages=averages, languages=languages)


def _mean(values: list[float]) -> float:
    return math.fsum(values) / len(values)


def _strangers(design: Benchmark, *layouts: Layout) -> list[str]:
    """Return a note for each thing in the folders that the benchmark does not score."""
    notes = []
    for layout in layouts:
        notes += [f"{layout.side}: {n!r} is no folder; not scored" for n in layout.loose]
        for name, files in sorted(layout.tasks.items()):
            task = design.tasks.get(name)
            if task is None:
                why = "not scored" if name in design.unscored else "no task of the benchmark"
                notes.append(f"{layout.side}: {name!r}: {why}")
                continue
            surplus = sorted(files - {file_name(task.format, c) for c in task.languages})
            if surplus:
                shown = ", ".join(repr(n) for n in surplus[:3]) + (", ..." if surplus[3:] else "")
                notes.append(f"{layout.side}: {name}: {len(surplus)} files not scored: {shown}")
    return notes
