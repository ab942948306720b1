"""Tasks made of other tasks: where a composite has no data of its own, it is read from its parts.

Light: imports neither torch nor datasets.
"""

from __future__ import annotations

import hashlib
from abc import ABC, abstractmethod
from collections.abc import Sequence
from itertools import accumulate

import numpy as np
import pyarrow as pa

from replication.examples import Example, evenly, examples_of
from replication.tasks.row import Task, parts_of

__all__ = ["PartedSource"]


class PartedSource(ABC):
    """A source that reads a composite task from its parts in a language that it does not have itself.

    The parts are read in the order of the row, and a limit takes rows evenly over all of them
    together, so that a part of half the size gives half as many.
    """

    def languages(self, task: Task, split: str) -> tuple[str, ...]:
        """Return the codes of the languages that have this split here, sorted.

        Of a composite these are its own, and those that every part has.

        Raises:
            DataError: a file that would have to be looked into cannot be read.
        """
        own = set(self._own_languages(task, split))
        parts = [set(self._own_languages(part, split)) for part in parts_of(task)]
        return tuple(sorted(own | (set.intersection(*parts) if parts else set())))

    def revision(self, task: Task, split: str, languages: Sequence[str]) -> str:
        """Return the revision of exactly the data that `examples` would read.

        Of a composite read from its parts this is `sha256:` over the parts' names and revisions.

        Raises:
            DataError: there is no such data, or it cannot be read.
        """
        composed = [code for code in languages if self._composed(task, split, code)]
        if not composed:
            return self._own_revision(task, split, languages)
        own = [code for code in languages if code not in composed]
        found = [(task.name, self._own_revision(task, split, own))] if own else []
        found += [(p.name, self._own_revision(p, split, composed)) for p in parts_of(task)]
        whole = hashlib.sha256("".join(f"{name} {of}\n" for name, of in found).encode())
        return f"sha256:{whole.hexdigest()}"

    def examples(self, task: Task, split: str, language: str, limit: int | None) -> list[Example]:
        """Return the examples of one language, at most `limit`, evenly spaced over the whole.

        Raises:
            DataError: there is no such data, or it cannot be read, or changed since it was hashed.
        """
        if not self._composed(task, split, language):
            table = self._rows(task, split, language)
            return examples_of(table, task, language, evenly(table.num_rows, limit))
        parts = parts_of(task)
        tables = [self._rows(part, split, language) for part in parts]
        ends = list(accumulate(table.num_rows for table in tables))
        chosen = evenly(ends[-1], limit)
        found = []
        for part, table, end in zip(parts, tables, ends, strict=True):
            begin = end - table.num_rows
            own = chosen[np.logical_and(chosen >= begin, chosen < end)] - begin
            examples = examples_of(table, part, language, own)
            found += [{**e, "id": f"{part.name}:{e['id']}"} for e in examples]
        return found

    def count(self, task: Task, split: str, language: str) -> int:
        """Return how many examples of one language there are, without making any.

        Raises:
            DataError: there is no such data, or it cannot be read, or changed since it was hashed.
        """
        read = parts_of(task) if self._composed(task, split, language) else (task,)
        return sum(self._rows(one, split, language).num_rows for one in read)

    def _composed(self, task: Task, split: str, language: str) -> bool:
        return bool(task.parts) and language not in self._own_languages(task, split)

    @abstractmethod
    def _own_languages(self, task: Task, split: str) -> tuple[str, ...]:
        """Return the languages of a task's own data, sorted; parts do not count."""

    @abstractmethod
    def _own_revision(self, task: Task, split: str, languages: Sequence[str]) -> str:
        """Return the revision of a task's own data."""

    @abstractmethod
    def _rows(self, task: Task, split: str, language: str) -> pa.Table:
        """Return the rows of a task's own data in one language that have a gold label."""
