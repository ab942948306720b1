"""The rows of a table as examples in the words of a task's family.

Light: imports neither torch nor datasets.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from replication.errors import DataError
from replication.parquet import words
from replication.tasks.row import Task

__all__ = [
    "Example",
    "evenly",
    "examples_of",
    "language_column",
    "rows_of",
    "source_columns",
    "spelled",
]

Example = dict[str, Any]
"""One example in the family's words, with `id` and `language`."""

_LANGUAGE_COLUMN = {"column": "language", "id_prefix": "id"}


def evenly(total: int, limit: int | None) -> np.ndarray:
    """Return at most `limit` indices into `total` rows, evenly spaced, rising, without chance.

    Files are often sorted (by language, by document), so the first rows would not stand for all.
    """
    if limit is None or limit >= total:
        return np.arange(total)
    return (np.arange(limit) * total // limit).astype(np.int64)


def source_columns(task: Task) -> list[str]:
    """Return the columns to read, sorted: the family's, and the one that says the language."""
    return sorted(set(_columns(task)))


def language_column(task: Task) -> str:
    """Return the column that tells languages apart, as the data set names it."""
    word = _LANGUAGE_COLUMN[task.language_in]
    return task.columns.get(word, word)


def spelled(task: Task, language: str) -> str:
    """Return a language as the data set spells it: rows of one must never pass for another.

    Raises:
        DataError: the row does not have the language.
    """
    if language not in task.languages:
        folder = f", or a folder {task.folders[0]}.{language}" if _may_be_translated(task) else ""
        raise DataError(
            f"task '{task.name}': found no language '{language}' in its row ; "
            f"expected one of {', '.join(sorted(task.languages))}{folder}."
        )
    return task.languages[language]


def rows_of(table: pa.Table, task: Task, language: str) -> pa.Table:
    """Return the rows of one language that have a gold label; pyarrow's errors pass through."""
    if task.language_in in _LANGUAGE_COLUMN:
        column, word = words(table, language_column(task)), spelled(task, language)
        by_column = task.language_in == "column"
        kept = pc.equal(column, word) if by_column else pc.starts_with(column, f"{word}-")
        table = table.filter(kept)
    if task.no_label is None:
        return table
    labels = table[task.columns["label"]]
    if not pa.types.is_integer(labels.type):  # class names; one that is none is refused later
        return table
    return table.filter(pc.fill_null(pc.not_equal(labels, task.no_label), fill_value=True))


def examples_of(
    table: pa.Table, task: Task, language: str, chosen: Sequence[int] | np.ndarray
) -> list[Example]:
    """Return the chosen rows of a table, all of one language, in the family's words."""
    rows = table.take(pa.array(chosen, pa.int64())).to_pylist()
    return [_example(row, task, language, i) for i, row in enumerate(rows)]


def _columns(task: Task) -> Iterable[str]:
    for name in task.columns.values():
        yield from name.split(",")
    if task.language_in in _LANGUAGE_COLUMN:
        yield language_column(task)


def _may_be_translated(task: Task) -> bool:
    return task.language_in == "none" and bool(task.folders)


def _example(row: dict[str, Any], task: Task, language: str, index: int) -> Example:
    example: Example = {"language": language, "id": f"{language}-{index}"}
    for word, name in task.columns.items():
        names = name.split(",")
        example[word] = row[name] if len(names) == 1 else [row[n] for n in names]
    example["language"], example["id"] = language, str(example["id"])
    return example
