"""What is in a file of the official layout? From text to lines, sentences, pairs and answers.

Each parser appends what is wrong to `faults`, so that all of it can be told at once; what it then
returns is not to be used. Light: the standard library only.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

__all__ = [
    "answers_by_question",
    "by_id",
    "integer_labels",
    "json_value",
    "others",
    "pairs_of",
    "sentences_of",
    "stripped_lines",
]

_LINES = 4_000_000
"""Lines of one file; the official ones have fewer than a million."""


def stripped_lines(text: str, side: str, faults: list[str]) -> list[str]:
    """Return lines without blanks at either end, ended as Python's text mode ends them."""
    plain = text.replace("\r\n", "\n").replace("\r", "\n")
    if plain.count("\n") > _LINES:
        faults.append(f"{side}: found more than {_LINES} lines ; expected fewer. Check the file.")
        return []
    lines = plain.split("\n")
    if not lines[-1]:
        lines.pop()  # what follows the last line end is no line
    return [line.strip() for line in lines]


def sentences_of(lines: Sequence[str]) -> list[list[str]]:
    """Return sentences; each blank line ends one, even an empty one, as in the benchmark."""
    sentences: list[list[str]] = [[]]
    for line in lines:
        if line:
            sentences[-1].append(line)
        else:
            sentences.append([])
    return sentences if sentences[-1] else sentences[:-1]


def pairs_of(text: str, side: str, faults: list[str]) -> list[tuple[str, ...]]:
    """Return the two sentence ids of each line."""
    pairs = [tuple(line.split("\t")) for line in stripped_lines(text, side, faults)]
    if odd := [i for i, pair in enumerate(pairs, 1) if len(pair) != 2 or not all(pair)]:
        faults.append(
            f"{side}: {_at(odd)}: found {' '.join(pairs[odd[0] - 1])[:60]!r} ; expected two "
            "sentence ids with a tab between them."
        )
    return pairs


def json_value(text: str, side: str, faults: list[str]) -> Any:
    """Return a JSON value, without the wrapping `data` where it has one; None with a fault."""
    try:
        value = json.loads(text)
    except (ValueError, RecursionError) as error:
        faults.append(
            f"{side}: found no JSON ({str(error)[:80] or type(error).__name__}) ; expected one value."
        )
        return None
    return value["data"] if isinstance(value, dict) and "data" in value else value


def integer_labels(text: str, side: str, faults: list[str]) -> list[int]:
    """Return the label of each line of JSON; a string or a truth value is none."""
    labels, odd = [], []
    for number, line in enumerate(stripped_lines(text, side, faults), 1):
        try:
            row = json.loads(line)
        except (ValueError, RecursionError):
            row = None
        label = row.get("label") if isinstance(row, dict) else None
        if not isinstance(label, int) or isinstance(label, bool) or not 0 <= label < 2**31:
            odd.append(number)
            label = -1
        labels.append(label)
    if odd:
        faults.append(
            f'{side}: {_at(odd)}: found no label ; expected JSON such as {{"label": 0}}, the label '
            "an integer."
        )
    return labels


def answers_by_question(articles: Any, faults: list[str]) -> list[tuple[str, list[str]]]:
    """Return (question id, gold answers) of SQuAD's nested format, in the order of the file."""
    if faults:
        return []
    found: list[tuple[str, list[str]]] = []
    try:
        for article in articles:
            for paragraph in article["paragraphs"]:
                for question in paragraph["qas"]:
                    answers = [str.strip(a["text"]) and a["text"] for a in question["answers"]]
                    found.append((str.__str__(question["id"]), answers))
    except (KeyError, TypeError) as error:
        faults.append(
            f"labels: question {len(found) + 1}: found no SQuAD format ({type(error).__name__}: "
            f"{str(error)[:60]}) ; expected data, paragraphs, qas, and in them id and answers."
        )
        return []
    if bare := [i for i, answers in found if not answers]:
        faults.append(
            f"labels: question {str(bare[0])[:40]!r}{others(bare)}: found no gold answer ; expected "
            "at least one."
        )
    elif found and not any(a for _, answers in found for a in answers):
        faults.append(
            "labels: found no gold answer with words ; expected some. The public download has "
            "placeholders for some test sets: put the labels there."
        )
    return found


def by_id(value: Any, kind: type, side: str, faults: list[str]) -> dict[str, Any]:
    """Return id -> value, each of one kind; nothing where one is of another."""
    if value is None and faults:
        return {}
    if not isinstance(value, dict):
        faults.append(f"{side}: found {type(value).__name__} ; expected a JSON object of ids.")
        return {}
    if odd := [i for i, v in value.items() if not isinstance(v, kind)]:
        faults.append(
            f"{side}: {odd[0][:40]!r}{others(odd)}: found {type(value[odd[0]]).__name__} ; expected "
            f"{kind.__name__}."
        )
        return {}
    return value


def others(places: Sequence[object]) -> str:
    """Return how many places there are besides the first, in words; nothing for one."""
    return f" and {len(places) - 1} more" if len(places) > 1 else ""


def _at(lines: Sequence[int]) -> str:
    return f"line {lines[0]}{others(lines)}"
