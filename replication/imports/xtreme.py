"""What do predictions in XTREME's official layout score, by our own scoring and the user's labels?

Points from 0 to 100, one per task, language and metric of the task's row; no uncertainty is stated,
since the outcome of every item is kept. What the benchmark calls the test set of XQuAD, TyDiQA and
Tatoeba is the rows' `validation`, as on the hub. Light: no torch.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from pathlib import Path

import pyarrow as pa

from claims.estimand import Condition
from replication.errors import ImportedScoresError, ScoreError
from replication.imports.faults import Faults
from replication.imports.score import LABELS, Given, Reading, Score, Seed
from replication.imports.tidy_rows import Rows
from replication.items import ItemOutcomes, LanguageItems
from replication.official import Scoring, TaskScore, score_with_items
from replication.official_files import file_name
from replication.official_items import OfficialItems
from replication.origin import SourceFile
from replication.run import EVALUATOR
from replication.tasks.benchmark import OfficialTask, benchmarks
from replication.tasks.row import Task

__all__ = ["read"]

_BENCHMARK = "xtreme"
_NEAR = 3.0
"""Standard errors around chance within which a score tells nothing."""
_NEAR_POINTS = 1.0


def read(path: Path, given: Given) -> Reading:
    """Return the scores of a folder of predictions, such as `PREDICTIONS/xnli/test-de.tsv`.

    Args:
        path: the folder.
        given: `labels` names the folder of gold labels in the same layout; the rest says what the
            predictions are of.

    Raises:
        ImportedScoresError: the labels are not named, or files are missing, malformed or do not fit;
            all faults at once.
    """
    faults = Faults()
    if given.labels is None:
        faults.add(
            f"import '{path}': found no labels ; expected a folder of gold labels in the layout of the "
            "predictions. Add --given labels=FOLDER."
        )
        faults.stop(f"import '{path}'")
    scoring = _scored(Path(path), Path(given.labels or ""), faults)
    rows = Rows(given.model_copy(update={"scale": "points"}), faults)
    for folder, scored in scoring.scores.tasks.items():
        for file, row in _rows(folder, scored):
            rows.add(file, [("whole file", row)])
    scores = rows.scores()
    faults.stop(f"import '{path}'")
    reasons = {_row(f).name: why for f in scoring.items if (why := _why_shown(f, scoring))}
    return Reading(
        evaluator=EVALUATOR,
        sources=_sources(scoring),
        scores=tuple(s.model_copy(update={"shown": reasons.get(s.task)}) for s in scores),
        left_out=tuple(_left_out(scoring)),
        items=_items(scoring, scores),
    )


def _scored(predictions: Path, labels: Path, faults: Faults) -> Scoring:
    try:
        return score_with_items(predictions, labels, benchmark=_BENCHMARK)
    except ScoreError as error:
        for fault in error.faults or (str(error),):
            faults.add(fault)
        faults.stop(f"import '{predictions}'")
        raise ImportedScoresError(str(error)) from error


def _official(folder: str) -> OfficialTask:
    return benchmarks()[_BENCHMARK].tasks[folder]


def _rows(folder: str, scored: TaskScore) -> Iterator[tuple[str, Mapping[str, object]]]:
    """Yield each score of a task as a row of a tidy table, after the file that it is of."""
    official = _official(folder)
    row = _row(folder)
    for language, found in scored.languages.items():
        for metric in row.metrics:
            yield (
                f"{folder}/{file_name(official.format, language)}",
                {
                    "target": row.name,
                    "language": language,
                    "split": official.split,
                    "metric": metric,
                    "score": found.scores[metric],
                    "n": found.n,
                },
            )


def _row(folder: str) -> Task:
    row = _official(folder).task
    if row is None:
        raise ValueError(f"task '{folder}' of the benchmark has no row of ours")
    return row


def _why_shown(folder: str, scoring: Scoring) -> str | None:
    """Return why a task's labels may be placeholders; None where nothing speaks for it."""
    alike = sorted(code for code, items in scoring.items[folder].items() if items.alike)
    if alike:
        return (
            f"The gold labels of '{folder}' in {', '.join(alike)} all have one value, as placeholders "
            "do: the benchmark's own download has no labels for its test sets."
        )
    chance = _row(folder).chance
    if chance is None:
        return None
    scored = scoring.scores.tasks[folder]
    # one language's n, since placeholders and translated examples go together over languages
    n = max(found.n for found in scored.languages.values())
    near = max(_NEAR_POINTS, _NEAR * math.sqrt(chance * (100 - chance) / n))
    if abs(scored.score - chance) > near:
        return None
    return (
        f"The average of '{folder}', {scored.score:.2f}, lies within {near:.2f} points of chance, "
        f"{chance:.2f}: its labels may be placeholders, as in the benchmark's own download."
    )


def _sources(scoring: Scoring) -> tuple[SourceFile, ...]:
    files = dict(scoring.predictions) | {f"{LABELS}{f}": d for f, d in scoring.labels.items()}
    return tuple(SourceFile(path=path, sha256=files[path]) for path in sorted(files))


def _left_out(scoring: Scoring) -> Iterator[str]:
    """Yield what is no score of ours, and what is odd about those that are."""
    for folder, why in scoring.scores.not_scored.items():
        yield f"task '{folder}': {why}"
    for folder, scored in scoring.scores.tasks.items():
        others = sorted(set(scored.averages) - set(_row(folder).metrics))
        if others:
            yield f"task '{folder}': {' and '.join(others)}, which are not among the task's metrics"
        if _kept(folder, scoring) is None:
            yield f"task '{folder}': its items, which differ from one system to another"
    yield from scoring.scores.notes


def _items(
    scoring: Scoring, scores: tuple[Score, ...]
) -> dict[tuple[Condition, Seed | None, str], ItemOutcomes]:
    condition, seed = scores[0].condition, scores[0].seed
    found = {}
    for folder in scoring.items:
        languages = _kept(folder, scoring)
        if languages is not None:
            row, split = _row(folder), _official(folder).split
            found[condition, seed, row.name] = ItemOutcomes(row.name, split, languages)
    return found


def _kept(folder: str, scoring: Scoring) -> dict[str, LanguageItems] | None:
    """Return the items of a task; None where they are not the same for every system.

    Pairs that a system finds beside the gold ones are items too, of that system alone; and questions
    that share an id cannot be told apart.
    """
    own = scoring.items[folder]
    if any(items.n != len(items.ids) or len(set(items.ids)) < items.n for items in own.values()):
        return None
    if _official(folder).format == "pairs":
        return None
    return {code: _language_items(own[code]) for code in sorted(own)}


def _language_items(items: OfficialItems) -> LanguageItems:
    return LanguageItems(pa.array(items.ids, pa.string()), items.columns)
