"""The official submission layout: `<folder>/<task>/test-<language>.<tsv|json|jsonl>`.

Who reads it gets text that is bounded, UTF-8 and from inside the folder, or a ScoreError; who
writes it gets files that the benchmark's own program takes. Light: no torch.
"""

from __future__ import annotations

import hashlib
import json
import os
import stat
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from replication.errors import DataError, ScoreError
from replication.tasks.benchmark import OfficialFormat, official_name
from replication.tasks.row import Task

__all__ = ["LARGEST", "SUFFIX", "Layout", "file_name", "write_official"]

SUFFIX: dict[OfficialFormat, str] = {
    "labels": "tsv",
    "tags": "tsv",
    "pairs": "tsv",
    "answers": "json",
    "ranked": "json",
    "choices": "jsonl",
}

LARGEST = 32 * 2**20
"""Bytes of one file; the largest official one, MLQA's English labels, has about half as many."""

_ENTRIES = 10_000
"""Names in one folder; the benchmarks have at most fifty."""


def file_name(format_: OfficialFormat, language: str, split: str = "test") -> str:
    """Return a file's name in its task's folder; the split is `test` in what is scored."""
    return f"{split}-{language}.{SUFFIX[format_]}"


class Layout:
    """One side of a comparison: a folder of predictions or of labels, which nobody vouches for."""

    def __init__(self, root: Path, side: str) -> None:
        """List the folder.

        Args:
            root: the folder.
            side: what messages call it: `predictions` or `labels`.

        Raises:
            ScoreError: there is no such folder, or it cannot be listed.
        """
        self.root = root
        self.side = side
        self.faults: list[str] = []
        """Folders that cannot be used."""
        self.tasks: dict[str, frozenset[str]] = {}
        """Folder of a task -> names of its files."""
        self.digests: dict[str, str] = {}
        """File, such as `xnli/test-de.tsv` -> SHA-256 of what was read of it."""
        self.loose: tuple[str, ...] = ()
        """What lies beside the folders."""
        try:
            self._real = root.resolve(strict=True)
            names = _listed(root)
            folders = [n for n in names if (root / n).is_dir()]
        except (OSError, RuntimeError, ValueError) as error:  # also: links in a circle, NUL
            raise ScoreError(
                f"{side} {str(root)[:200]!r}: found no folder that can be listed "
                f"({type(error).__name__}) ; expected one such as {side}/xnli/test-de.tsv. "
                "Check the path."
            ) from error
        self.loose = tuple(n for n in names if n not in folders)
        for name in folders:
            try:
                if not self._holds(root / name):
                    self.faults.append(self._outside(f"{name}/"))
                    continue
                self.tasks[name] = frozenset(_listed(root / name))
            except (OSError, RuntimeError, ValueError) as error:
                self.faults.append(
                    f"{side}: {name!r}: the folder cannot be listed ({type(error).__name__}) ; "
                    "expected a folder that may be read. Check its permissions and its size."
                )

    def read(self, task: str, name: str) -> str:
        """Return the text of one file.

        Raises:
            ScoreError: it is absent, leads out of the folder, is no plain file, too large, or not
                UTF-8; with one fault.
        """
        place = f"{task}/{name}"
        path = self.root / task / name
        try:
            if not self._holds(path):
                raise self.fault(self._outside(place))
            content = _content(path)
            self.digests[place] = hashlib.sha256(content).hexdigest()
        except (FileNotFoundError, NotADirectoryError) as error:
            raise self.fault(
                f"{self.side}: {place}: found no such file ; expected one, since the average is over "
                "every language of the task. Add it."
            ) from error
        except (OSError, RuntimeError, ValueError) as error:
            raise self.fault(
                f"{self.side}: {place}: cannot be read: {error} ; expected a plain file of at most "
                f"{LARGEST} bytes. Check it."
            ) from error
        try:
            text = content.decode("utf-8")
        except UnicodeDecodeError as error:
            raise self.fault(
                f"{self.side}: {place}: found bytes that are not UTF-8 at position {error.start} ; "
                "expected UTF-8. Convert the file."
            ) from error
        if text.startswith("\ufeff"):
            raise self.fault(
                f"{self.side}: {place}: found a byte order mark ; expected none, since it would "
                "become part of the first line. Remove it."
            )
        return text

    @staticmethod
    def fault(text: str) -> ScoreError:
        """Return an error with one fault."""
        return ScoreError("score", (text,))

    def _holds(self, path: Path) -> bool:
        return path.resolve(strict=True).is_relative_to(self._real)

    def _outside(self, place: str) -> str:
        return (
            f"{self.side}: {place}: found a link that leads out of the folder ; expected a file "
            "inside it. Copy the file itself."
        )


def _listed(folder: Path) -> list[str]:
    """Return the names in a folder, sorted, without hidden ones."""
    names = []
    with os.scandir(folder) as entries:
        for count, entry in enumerate(entries):
            if count == _ENTRIES:
                raise ValueError(f"more than {_ENTRIES} names in one folder")
            if not entry.name.startswith("."):
                names.append(entry.name)
    return sorted(names)


def _content(path: Path) -> bytes:
    """Return the bytes of a plain file; a pipe or a device is refused without waiting for it."""
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    with open(descriptor, "rb") as file:  # noqa: PTH123 - a descriptor, so that it cannot be swapped
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise ValueError("not a plain file")
        content = file.read(LARGEST + 1)
    if len(content) > LARGEST:
        raise ValueError("larger than that")
    return content


_OF_FAMILY: dict[str, OfficialFormat] = {
    "classification": "labels",
    "multiple_choice": "choices",
    "tagging": "tags",
    "span_qa": "answers",
}
"""Formats of tasks that no benchmark here lists, such as the miniature's."""


def write_official(
    folder: Path,
    task: Task,
    *,
    split: str,
    language: str,
    examples: Sequence[dict[str, Any]],
    predictions: Sequence[Any],
) -> Path:
    """Write one language's predictions in the layout, and return the file.

    It is named `test-<language>` where the split is what the benchmark calls its test set, or where
    no benchmark says; another split's file carries the split's own name, so as not to pass for it.

    Args:
        folder: the layout's root; made where absent.
        task: the row.
        split: that was predicted.
        language: of the file.
        examples: in the predictions' order; their `id` names questions and mined sentences.
        predictions: as `Scored.predictions` holds them: a class name, a list of tags, an answer, or
            the index of the sentence found, or for mining the id of the partner found or None.

    Raises:
        DataError: two questions have one id, so that one answer would be lost.
    """
    known = official_name(task)
    retrieval: OfficialFormat = "pairs" if "f1" in task.metrics else "labels"
    format_ = known[1].format if known else _OF_FAMILY.get(task.family, retrieval)
    stem = split if known and known[1].split != split else "test"
    path = folder / (known[0] if known else task.name) / file_name(format_, language, stem)
    if format_ == "tags":
        lines = [f"{tag}\n" for tags in predictions for tag in [*tags, ""]]
    elif format_ == "answers":
        lines = [_answers(examples, predictions, task)]
    elif format_ == "choices":
        lines = [json.dumps({"label": task.labels.index(p)}) + "\n" for p in predictions]
    elif format_ == "pairs":
        lines = [f"{source}\t{target}\n" for source, target in _pairs(examples, predictions)]
    else:
        lines = [f"{label}\n" for label in predictions]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes("".join(lines).encode())
    return path


def _answers(examples: Sequence[dict[str, Any]], predictions: Sequence[Any], task: Task) -> str:
    answers = {str(e["id"]): p for e, p in zip(examples, predictions, strict=True)}
    if len(answers) < len(examples):
        raise DataError(
            f"task '{task.name}': found {len(examples) - len(answers)} questions whose id another "
            "one has ; expected an id of its own for each. Mend the data."
        )
    # ASCII, because half of a surrogate pair in a context could not be written as UTF-8
    return json.dumps(answers, indent=1) + "\n"


def _pairs(
    examples: Sequence[dict[str, Any]], predictions: Sequence[Any]
) -> Iterable[tuple[str, str]]:
    """Yield (source id, target id) of each sentence that has a partner; gold pairs share one id."""
    for example, found in zip(examples, predictions, strict=True):
        if found is not None:
            yield str(example["id"]), str(found)
