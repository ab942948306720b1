"""What do two files of the official layout say of each item? Parsing, comparing, item outcomes.

The rules are those of the benchmarks' published program, `evaluate.py`; where that would stop, or
count nonsense as right, a fault is told instead. Light: numpy only, no torch.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from replication.answers import answer_scores
from replication.errors import ReplicationError, ScoreError
from replication.official_parsing import (
    answers_by_question,
    by_id,
    integer_labels,
    json_value,
    others,
    pairs_of,
    sentences_of,
    stripped_lines,
)
from replication.scoring import overlap_scores, points
from replication.spans import SpanReading, span_counts
from replication.tasks.benchmark import OfficialFormat, OfficialTask

__all__ = ["HEADLINE", "OfficialItems", "compare"]

HEADLINE: dict[OfficialFormat, tuple[str, ...]] = {
    "labels": ("accuracy",),
    "choices": ("accuracy",),
    "tags": ("f1",),
    "pairs": ("f1",),
    "answers": ("exact_match", "f1"),
    "ranked": ("map@20",),
}
"""Metrics whose mean is a task's score."""

_RANKS = 20
_SEVERAL = 10
"""Gold values that are hardly all the same by chance."""


@dataclass(frozen=True, slots=True, eq=False)
class OfficialItems:
    """Item outcomes of one task in one language, from which its scores can be computed again."""

    ids: tuple[str, ...]
    """An item is a line, a sentence, a question, a mention, or a pair that is gold or predicted."""
    columns: dict[str, npt.NDArray[np.float64]]
    """Metric -> (n,) outcomes in [0, 1]; or `matched`, `predicted` and `gold`, counts per item."""
    n: int
    """Gold items: those in `ids`, or the gold pairs among them."""
    notes: tuple[str, ...] = ()
    """What is odd and yet scored as the benchmark scores it."""
    alike: bool = False
    """Whether ten gold values or more are all the same, as placeholders for labels are."""

    def scores(self) -> dict[str, float]:
        """Return metric -> points: means of outcomes, or F1, precision and recall of summed counts."""
        if "matched" in self.columns:
            sums = (int(self.columns[c].sum()) for c in ("matched", "predicted", "gold"))
            return overlap_scores(*sums)
        return {metric: points(outcomes) for metric, outcomes in self.columns.items()}


def compare(
    task: OfficialTask,
    language: str,
    *,
    gold: str,
    predicted: str,
    spans: SpanReading = "seqeval_0",
) -> OfficialItems:
    """Compare the text of a label file with the text of a prediction file.

    Raises:
        ScoreError: one of them is malformed, or they do not fit; each of its faults starts with
            `labels: ` or `predictions: `.
    """
    if task.format == "tags":
        return _tags(task, language, gold, predicted, spans)
    return _COMPARE[task.format](task, language, gold, predicted)


def _labels(task: OfficialTask, language: str, gold: str, predicted: str) -> OfficialItems:
    faults: list[str] = []
    truth, guess = (
        stripped_lines(gold, "labels", faults),
        stripped_lines(predicted, "predictions", faults),
    )
    if blank := [i for i, line in enumerate(truth, 1) if not line]:
        faults.append(
            f"labels: line {blank[0]}{others(blank)}: found nothing ; expected a label. Remove the line."
        )
    _check_length(len(truth), len(guess), "lines", faults)
    _stop(faults)
    classes = _classes(task)
    notes = [
        *_strangers(truth, classes, "labels"),
        *_strangers(guess, classes, "predictions"),
    ]
    outcomes = {"accuracy": _equal(truth, guess)}
    return _means(_numbered(language, len(truth)), outcomes, notes, alike=_alike(truth))


def _choices(task: OfficialTask, language: str, gold: str, predicted: str) -> OfficialItems:
    del task
    faults: list[str] = []
    truth, guess = (
        integer_labels(gold, "labels", faults),
        integer_labels(predicted, "predictions", faults),
    )
    _check_length(len(truth), len(guess), "lines", faults)
    _stop(faults)
    outcomes = {"accuracy": _equal(truth, guess)}
    return _means(_numbered(language, len(truth)), outcomes, [], alike=_alike(truth))


def _tags(
    task: OfficialTask, language: str, gold: str, predicted: str, spans: SpanReading
) -> OfficialItems:
    faults: list[str] = []
    truth, guess = (
        sentences_of(stripped_lines(text, side, faults))
        for text, side in ((gold, "labels"), (predicted, "predictions"))
    )
    if not faults and not any(truth):
        faults.append("labels: found no tag ; expected some. Put the labels there.")
    _check_length(len(truth), len(guess), "sentences", faults)
    if not faults and (odd := [i for i, s in enumerate(truth) if len(s) != len(guess[i])]):
        i = odd[0]
        faults.append(
            f"predictions: sentence {i + 1}{others(odd)}: found {len(guess[i])} tags ; expected "
            f"{len(truth[i])}, one per gold tag. Fill in tags for words that were cut off."
        )
    _stop(faults)
    classes = _classes(task)
    notes = [
        *_strangers([t for s in truth for t in s], classes, "labels"),
        *_strangers([t for s in guess for t in s], classes, "predictions"),
    ]
    counts = span_counts(truth, guess, spans)
    columns = {"matched": counts.matched, "predicted": counts.predicted, "gold": counts.gold}
    floats = {name: column.astype(np.float64) for name, column in columns.items()}
    alike = _alike([t for s in truth for t in s])
    return _means(_numbered(language, len(truth)), floats, notes, alike=alike)


def _pairs(task: OfficialTask, language: str, gold: str, predicted: str) -> OfficialItems:
    del task, language
    faults: list[str] = []
    truth, guess = (
        pairs_of(gold, "labels", faults),
        pairs_of(predicted, "predictions", faults),
    )
    if not truth and not faults:
        faults.append("labels: found no pair ; expected some. Put the labels there.")
    _stop(faults)
    true, found = dict.fromkeys(truth), dict.fromkeys(guess)
    pairs = [*true, *(p for p in found if p not in true)]
    is_gold = np.array([p in true for p in pairs], np.float64)
    is_found = np.array([p in found for p in pairs], np.float64)
    notes = [] if found else ["predictions: found no pair at all; the score is 0"]
    if len(guess) > len(found):
        notes.append(f"predictions: {len(guess) - len(found)} repeated pairs count once")
    columns = {"matched": is_gold * is_found, "predicted": is_found, "gold": is_gold}
    return OfficialItems(tuple("\t".join(p) for p in pairs), columns, len(true), tuple(notes))


def _answers(task: OfficialTask, language: str, gold: str, predicted: str) -> OfficialItems:
    faults: list[str] = []
    truth = answers_by_question(json_value(gold, "labels", faults), faults)
    guess = by_id(json_value(predicted, "predictions", faults), str, "predictions", faults)
    _check_ids([i for i, _ in truth], guess, "questions", faults)
    _stop(faults)
    ids = [i for i, _ in truth]
    answered = np.array([i in guess for i in ids], np.float64)
    rules = task.task.answer_rules if task.task else "squad_v1"
    try:
        outcome = answer_scores(
            [answers for _, answers in truth],
            [guess.get(i, "") for i in ids],
            language,
            rules=rules,
        )
    except ReplicationError as error:
        raise ScoreError("score", (f"labels: {error}",)) from error
    # an empty answer may be right, an absent one never is
    columns = {"exact_match": outcome.exact_match * answered, "f1": outcome.f1 * answered}
    alike = _alike([tuple(answers) for _, answers in truth])
    return _means(ids, columns, _id_notes(ids, guess, "questions"), alike=alike)


def _ranked(task: OfficialTask, language: str, gold: str, predicted: str) -> OfficialItems:
    del task, language
    faults: list[str] = []
    truth = by_id(json_value(gold, "labels", faults), list, "labels", faults)
    guess = by_id(json_value(predicted, "predictions", faults), list, "predictions", faults)
    if empty := [
        i for i, entities in truth.items() if not (entities and isinstance(entities[0], str))
    ]:
        faults.append(
            f"labels: mention {empty[0][:40]!r}{others(empty)}: found no entity ; expected one."
        )
    _check_ids(list(truth), guess, "mentions", faults)
    _stop(faults)
    outcomes = np.zeros(len(truth))
    for place, (mention, entities) in enumerate(truth.items()):
        first = guess.get(mention, [])[:_RANKS]
        right = entities[0].strip()
        outcomes[place] = 1.0 / (1 + first.index(right)) if right in first else 0.0
    return _means(list(truth), {"map@20": outcomes}, _id_notes(list(truth), guess, "mentions"))


_COMPARE: dict[OfficialFormat, Callable[[OfficialTask, str, str, str], OfficialItems]] = {
    "labels": _labels,
    "choices": _choices,
    "pairs": _pairs,
    "answers": _answers,
    "ranked": _ranked,
}


def _means(
    ids: Sequence[str],
    columns: dict[str, npt.NDArray[np.float64]],
    notes: Sequence[str],
    *,
    alike: bool = False,
) -> OfficialItems:
    return OfficialItems(tuple(ids), columns, len(ids), tuple(notes), alike)


def _alike(gold: Sequence[object]) -> bool:
    return len(gold) >= _SEVERAL and all(value == gold[0] for value in gold)


def _equal(truth: Sequence[object], guess: Sequence[object]) -> npt.NDArray[np.float64]:
    # not in numpy: its strings all take the longest one's room, and lose NULs at their end
    pairs = zip(truth, guess, strict=True)
    return np.fromiter((t == g for t, g in pairs), np.float64, len(truth))


def _numbered(language: str, total: int) -> list[str]:
    """Return ids as examples without ids of their own get them elsewhere."""
    return [f"{language}-{i}" for i in range(total)]


def _classes(task: OfficialTask) -> tuple[str, ...]:
    return task.task.labels if task.task else ()


def _stop(faults: Sequence[str]) -> None:
    if faults:
        raise ScoreError("score", tuple(faults))


def _check_length(gold: int, predicted: int, what: str, faults: list[str]) -> None:
    if faults:
        return
    if not gold:
        faults.append(f"labels: found no {what} ; expected some. Put the labels there.")
    elif gold != predicted:
        faults.append(
            f"predictions: found {predicted} {what} ; expected {gold}, one per gold one. "
            "Predict every example once, in the labels' order."
        )


def _check_ids(gold: Sequence[str], guess: dict[str, Any], what: str, faults: list[str]) -> None:
    if faults:
        return
    if not gold:
        faults.append(f"labels: found no {what} ; expected some. Put the labels there.")
    elif not any(i in guess for i in gold):
        faults.append(
            f"predictions: found none of the {len(gold)} {what} of the labels among {len(guess)} ids ; "
            "expected most of them. Check that both are of one task, language and split."
        )


def _id_notes(gold: Sequence[str], guess: dict[str, Any], what: str) -> list[str]:
    absent = sum(i not in guess for i in gold)
    surplus = len(guess) - len(set(gold) & set(guess))
    notes = [f"predictions: {absent} {what} are not answered and count 0"] if absent else []
    return [*notes, *([f"predictions: {surplus} ids are no {what}"] if surplus else [])]


def _strangers(found: Sequence[str], classes: Sequence[str], side: str) -> list[str]:
    """Note values that are no class of the task; they are compared all the same."""
    odd = [value for value in found if classes and value not in classes]
    if not odd:
        return []
    return [f"{side}: {len(odd)} are no class of the task, such as {odd[0][:40]!r}"]
