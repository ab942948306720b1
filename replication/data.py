"""Examples from a folder in the hub's own layout, or from the hub itself.

A source answers three questions: which languages of a split are there, which revision they are, and
what the examples say, in the words of the task's family. Light: no library of the hub is imported
before the hub is asked.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Protocol

import pyarrow as pa
import pyarrow.compute as pc

from replication.composites import PartedSource
from replication.errors import DataError
from replication.examples import (
    Example,
    evenly,
    language_column,
    rows_of,
    source_columns,
    spelled,
)
from replication.hub_source import HubSource
from replication.parquet import (
    digest_of_file,
    names_in,
    naming,
    read_columns,
    spelled_languages,
    split_files,
    words,
)
from replication.tasks.row import Corpus, Task

__all__ = ["Example", "FolderSource", "HubSource", "Source", "evenly", "open_source"]

_CODE = re.compile(r"[a-z]{2,3}(?:-[A-Za-z0-9]{2,8})*")
"""A language's code, as the ending of a folder's name."""


class Source(Protocol):
    """Where examples come from."""

    name: str
    """What the plan records: a folder or `hub`."""
    commits: dict[str, str]
    """Hub data set -> commit, of those that were asked for."""

    def languages(self, task: Task, split: str) -> tuple[str, ...]:
        """Return the codes of the languages that have this split here, sorted."""
        ...

    def revision(self, task: Task, split: str, languages: Sequence[str]) -> str:
        """Return the revision of exactly the data that `examples` would read."""
        ...

    def examples(self, task: Task, split: str, language: str, limit: int | None) -> list[Example]:
        """Return the examples of one language, at most `limit`, evenly spaced over the file."""
        ...

    def count(self, task: Task, split: str, language: str) -> int:
        """Return how many examples of one language there are; it reads the data."""
        ...

    def text(self, corpus: Corpus, limit: int) -> dict[str, list[str]]:
        """Return at most `limit` pieces of unlabelled text per language."""
        ...

    def text_revision(self, corpus: Corpus) -> str | None:
        """Return the revision of a corpus; None where it is not here."""
        ...


def open_source(data: str | None, pinned: Mapping[str, str] | None = None) -> Source:
    """Return the source that `--data` names: a folder, or the hub where it is None.

    Args:
        data: folder; None for the hub.
        pinned: hub data set -> commit to read; others are read at their newest.

    Raises:
        DataError: the folder does not exist.
    """
    if data is None:
        return HubSource(pinned)
    folder = Path(data)
    try:
        there = folder.is_dir()
    except (OSError, ValueError):  # names that no file system takes
        there = False
    if not there:
        raise DataError(
            f"data {data[:200]!r}: found no such folder ; expected a folder in the hub's layout. "
            "Check the path."
        )
    return FolderSource(folder)


class FolderSource(PartedSource):
    """A folder such as `<folder>/xtreme/PAN-X.de/validation-00000-of-00001.parquet`.

    What `revision` has hashed must not change before it is read: a plan speaks of those bytes.
    """

    def __init__(self, root: Path, name: str | None = None) -> None:
        """Take the folder, and the name under which a plan records it."""
        self.root = root
        self.name = name or str(root)
        self.commits: dict[str, str] = {}
        self._promised: dict[Path, str] = {}

    def _own_languages(self, task: Task, split: str) -> tuple[str, ...]:
        """Return the languages whose files are here; a shared file counts for all it holds."""
        if split not in task.splits:
            return ()
        if task.language_in == "config":
            return tuple(sorted(c for c in task.languages if self._files(task, split, c)))
        files = self._files(task, split, None)
        if task.language_in == "none":
            own = task.languages if files else ()
            return tuple(sorted({*own, *self._translations(task, split)}))
        if not files:
            return ()
        column, prefix = language_column(task), task.language_in == "id_prefix"
        found = spelled_languages(files, column, prefix=prefix)
        return tuple(sorted(c for c, s in task.languages.items() if s in found))

    def _own_revision(self, task: Task, split: str, languages: Sequence[str]) -> str:
        """Return `sha256:` over the bytes of the files that hold these languages."""
        keys = languages if task.language_in in ("config", "none") else (None,)
        files = [f for key in keys for f in self._files(task, split, key)]
        if not files:
            raise self._absent(task, split)
        return self._promise(files)

    def _rows(self, task: Task, split: str, language: str) -> pa.Table:
        """Return the labelled rows of one language, of files that are those that were hashed."""
        files = self._files(task, split, language)
        if not files and self._foreign(task, language):
            spelled(task, language)  # says that the language is not there
        if not files:
            raise self._absent(task, split)
        self._check_promised(files)
        table = read_columns(files, source_columns(task))
        with naming(files):
            return rows_of(table, task, language)

    def _translations(self, task: Task, split: str) -> set[str]:
        """Return the languages into which a task is translated here: one sibling folder each."""
        found = set()
        for folder in task.folders:
            path = self._inside(folder)
            for name in names_in(path.parent):
                code = name.removeprefix(f"{path.name}.")
                known = code == name or code in task.languages or not _CODE.fullmatch(code)
                if not known and self._files(task, split, code):
                    found.add(code)
        return found

    def text(self, corpus: Corpus, limit: int) -> dict[str, list[str]]:
        """Return unlabelled text per language; languages without a file are left out.

        Raises:
            DataError: a file cannot be read, holds no text, or changed since it was hashed.
        """
        found: dict[str, list[str]] = {}
        for code, word in sorted(corpus.languages.items()):
            files = self._corpus_files(corpus, word)
            if not files:
                continue
            self._check_promised(files)
            columns = list(corpus.columns)
            wanted = [*columns, "language"] if corpus.language_in == "column" else columns
            table = read_columns(files, wanted)
            with naming(files):
                if corpus.language_in == "column":
                    table = table.filter(pc.equal(words(table, "language"), word))
                pieces = [p for c in columns for p in table[c].to_pylist()]
                texts = [" ".join(p) if isinstance(p, list) else p for p in pieces if p]
                distinct = list(dict.fromkeys(s for t in texts if (s := str.strip(t))))
            found[code] = [distinct[i] for i in evenly(len(distinct), limit)]
        return found

    def text_revision(self, corpus: Corpus) -> str | None:
        """Return `sha256:` over the corpus's files; None where none is here."""
        said = sorted(set(corpus.languages.values()))
        files = sorted({f for s in said for f in self._corpus_files(corpus, s)})
        return self._promise(files) if files else None

    def _corpus_files(self, corpus: Corpus, word: str) -> list[Path]:
        for folder in corpus.folders:
            path = self._inside(folder.replace("{language}", word))
            pattern = corpus.file.replace("{language}", word)
            self._inside(pattern)
            files = sorted(path.glob(pattern))
            if files:
                return files
        return []

    def _files(self, task: Task, split: str, language: str | None) -> list[Path]:
        """Return the files of a split in the first folder that has it; none where none has.

        Args:
            task: the task's row.
            split: one of our names of splits.
            language: code of a language; None for files that hold them all.
        """
        named = task.splits.get(split)  # type: ignore[call-overload]
        if named is None:
            return []
        word, ending = "", ""
        if language is not None and self._foreign(task, language):
            ending = f".{language}"
        elif language is not None:
            word = spelled(task, language)
        for folder in task.folders:
            path = self._inside(folder.replace("{language}", word) + ending)
            self._inside(named)
            if files := split_files(path, named):
                return files
        return []

    @staticmethod
    def _foreign(task: Task, language: str) -> bool:
        """Return whether a language can only be that of a translation."""
        outside = task.language_in == "none" and language not in task.languages
        return outside and _CODE.fullmatch(language) is not None

    def _inside(self, relative: str) -> Path:
        """Return a path below the root; links are followed, since the hub's own cache uses them."""
        parts = PurePosixPath(relative)
        if parts.is_absolute() or ".." in parts.parts or "\0" in relative:
            raise DataError(
                f"data '{self.name}': found the place {relative[:80]!r} ; expected one inside the "
                "folder. Mend the row in replication/tasks."
            )
        return self.root / parts

    def _absent(self, task: Task, split: str) -> DataError:
        return DataError(
            f"task '{task.name}' split '{split}': found no file below '{self.root}' ; expected one "
            f"of {', '.join(task.folders)}. {task.if_absent or 'Add the data or leave the task out.'}"
        )

    def _promise(self, files: Sequence[Path]) -> str:
        whole = hashlib.sha256()
        for file in files:
            digest = self._promised[file] = digest_of_file(file)
            whole.update(digest.encode())
        return f"sha256:{whole.hexdigest()}"

    def _check_promised(self, files: Sequence[Path]) -> None:
        """Refuse a file whose bytes are not those of which the plan has recorded the revision."""
        for file in files:
            if file in self._promised and digest_of_file(file) != self._promised[file]:
                raise DataError(
                    f"file '{file}': found other bytes than when the runs were planned ; expected "
                    "the same. Put the file back, or start the command again to plan anew."
                )
