"""Examples from a folder in the hub's own layout, or from the hub itself.

A source answers three questions: which languages of a split are there, which revision they are, and
what the examples say, in the words of the task's family. Light: `datasets` is imported only
when the hub is asked.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from pathlib import Path, PurePosixPath
from typing import Any, Protocol

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from replication.errors import DataError
from replication.parquet import (
    digest_of_file,
    naming,
    read_columns,
    short,
    spelled_languages,
    split_files,
    words,
)
from replication.tasks.row import Corpus, Task

__all__ = ["Example", "FolderSource", "HubSource", "Source", "evenly", "open_source"]

Example = dict[str, Any]
"""One example in the family's words, with `id` and `language`."""


class Source(Protocol):
    """Where examples come from."""

    name: str
    """What the plan records: a folder or `hub`."""

    def languages(self, task: Task, split: str) -> tuple[str, ...]:
        """Return the codes of the languages that have this split here, sorted."""
        ...

    def revision(self, task: Task, split: str, languages: Sequence[str]) -> str:
        """Return the revision of exactly the data that `examples` would read."""
        ...

    def examples(self, task: Task, split: str, language: str, limit: int | None) -> list[Example]:
        """Return the examples of one language, at most `limit`, evenly spaced over the file."""
        ...

    def text(self, corpus: Corpus, limit: int) -> dict[str, list[str]]:
        """Return at most `limit` pieces of unlabelled text per language."""
        ...

    def text_revision(self, corpus: Corpus) -> str | None:
        """Return the revision of a corpus; None where it is not here."""
        ...


def open_source(data: str | None) -> Source:
    """Return the source that `--data` names: a folder, or the hub where it is None.

    Raises:
        DataError: the folder does not exist.
    """
    if data is None:
        return HubSource()
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


def evenly(total: int, limit: int | None) -> np.ndarray:
    """Return at most `limit` indices into `total` rows, evenly spaced, rising, without chance.

    Files are often sorted (by language, by document), so the first rows would not stand for all.
    """
    if limit is None or limit >= total:
        return np.arange(total)
    return (np.arange(limit) * total // limit).astype(np.int64)


class FolderSource:
    """A folder such as `<folder>/xtreme/PAN-X.de/validation-00000-of-00001.parquet`.

    What `revision` has hashed must not change before it is read: a plan speaks of those bytes.
    """

    def __init__(self, root: Path, name: str | None = None) -> None:
        """Take the folder, and the name under which a plan records it."""
        self.root = root
        self.name = name or str(root)
        self._promised: dict[Path, str] = {}

    def languages(self, task: Task, split: str) -> tuple[str, ...]:
        """Return the languages whose files are here; a shared file counts for all it holds.

        Raises:
            DataError: a file that would have to be looked into cannot be read.
        """
        if split not in task.splits:
            return ()
        if task.language_in == "config":
            return tuple(sorted(c for c in task.languages if self._files(task, split, c)))
        files = self._files(task, split, None)
        if not files:
            return ()
        if task.language_in == "none":
            return tuple(sorted(task.languages))
        column, prefix = _language_column(task), task.language_in == "id_prefix"
        spelled = spelled_languages(files, column, prefix=prefix)
        return tuple(sorted(c for c, s in task.languages.items() if s in spelled))

    def revision(self, task: Task, split: str, languages: Sequence[str]) -> str:
        """Return `sha256:` over the bytes of the files that hold these languages.

        Raises:
            DataError: there is no such file, or it cannot be read.
        """
        keys = languages if task.language_in == "config" else (None,)
        files = [f for key in keys for f in self._files(task, split, key)]
        if not files:
            raise self._absent(task, split)
        return self._promise(files)

    def examples(self, task: Task, split: str, language: str, limit: int | None) -> list[Example]:
        """Return the examples of one language in the family's words.

        Raises:
            DataError: there is no such file, or it cannot be read, or changed since it was hashed.
        """
        files = self._files(task, split, language)
        if not files:
            raise self._absent(task, split)
        self._check_promised(files)
        table = read_columns(files, sorted(set(_source_columns(task))))
        with naming(files):
            return _picked(table, task, language, limit)

    def text(self, corpus: Corpus, limit: int) -> dict[str, list[str]]:
        """Return unlabelled text per language; languages without a file are left out.

        Raises:
            DataError: a file cannot be read, holds no text, or changed since it was hashed.
        """
        found: dict[str, list[str]] = {}
        for code, spelled in sorted(corpus.languages.items()):
            files = self._corpus_files(corpus, spelled)
            if not files:
                continue
            self._check_promised(files)
            columns = list(corpus.columns)
            wanted = [*columns, "language"] if corpus.language_in == "column" else columns
            table = read_columns(files, wanted)
            with naming(files):
                if corpus.language_in == "column":
                    table = table.filter(pc.equal(words(table, "language"), spelled))
                pieces = [p for c in columns for p in table[c].to_pylist()]
                texts = [" ".join(p) if isinstance(p, list) else p for p in pieces if p]
                distinct = list(dict.fromkeys(s for t in texts if (s := str.strip(t))))
            found[code] = [distinct[i] for i in evenly(len(distinct), limit)]
        return found

    def text_revision(self, corpus: Corpus) -> str | None:
        """Return `sha256:` over the corpus's files; None where none is here."""
        spelled = sorted(set(corpus.languages.values()))
        files = sorted({f for s in spelled for f in self._corpus_files(corpus, s)})
        return self._promise(files) if files else None

    def _corpus_files(self, corpus: Corpus, spelled: str) -> list[Path]:
        for folder in corpus.folders:
            path = self._inside(folder.replace("{language}", spelled))
            pattern = corpus.file.replace("{language}", spelled)
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
        spelled = "" if language is None else _spelled(task, language)
        for folder in task.folders:
            path = self._inside(folder.replace("{language}", spelled))
            self._inside(named)
            if files := split_files(path, named):
                return files
        return []

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
            f"task '{task.name}' split '{split}': found no file below '{self.root}' ; "
            f"expected one of {', '.join(task.folders)}. Add the data or leave the task out."
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


class HubSource:
    """The Hugging Face hub, through `datasets`, pinned to the commit found when first asked."""

    name = "hub"

    def __init__(self) -> None:
        self._commits: dict[str, str] = {}

    def languages(self, task: Task, split: str) -> tuple[str, ...]:
        """Return the task row's own list: the hub is asked only when examples are read."""
        if task.hub is None or split not in task.splits:
            return ()
        absent = set(task.missing.get(split, ()))
        return tuple(sorted(set(task.languages) - absent))

    def revision(self, task: Task, split: str, languages: Sequence[str]) -> str:
        """Return the commit that the hub's main branch has now."""
        del split, languages
        if task.hub is None:
            raise DataError(
                f"task '{task.name}': found no hub id ; expected one. Name a folder with --data."
            )
        if task.hub not in self._commits:
            from huggingface_hub import HfApi  # noqa: PLC0415  heavy, and only for the hub

            try:
                commit = HfApi().dataset_info(task.hub, timeout=30).sha
            except Exception as error:
                raise DataError(
                    f"data set '{task.hub}': the hub did not answer ({type(error).__name__}) ; "
                    "expected its commit. Check the network, or name a folder with --data."
                ) from error
            self._commits[task.hub] = str(commit)
        return f"hub:{self._commits[task.hub]}"

    def examples(self, task: Task, split: str, language: str, limit: int | None) -> list[Example]:
        """Return the examples of one language, downloaded through `datasets`."""
        commit = self.revision(task, split, (language,)).removeprefix("hub:")
        from datasets import load_dataset  # noqa: PLC0415  heavy, and only for the hub

        spelled = _spelled(task, language)
        config = task.config.replace("{language}", spelled) if task.config else None
        named = task.splits[split]  # type: ignore[index]
        try:
            rows = load_dataset(
                task.hub, config, split=named, revision=commit, trust_remote_code=False
            )
            table = rows.data.table.select(sorted(set(_source_columns(task))))
            return _picked(table, task, language, limit)
        except Exception as error:
            raise DataError(
                f"data set '{task.hub}' [{config}] split '{named}': cannot be read from the hub: "
                f"{short(error)} ; expected the columns {', '.join(task.columns.values())}. "
                "Check the network, or name a folder with --data."
            ) from error

    def text(self, corpus: Corpus, limit: int) -> dict[str, list[str]]:
        """Refuse: pretraining text is read from folders only."""
        raise DataError(
            f"corpus '{corpus.name}': found no folder (limit {limit}) ; expected --data FOLDER. "
            "Pretraining from scratch reads unlabelled text from a folder."
        )

    def text_revision(self, corpus: Corpus) -> str | None:
        """Return None: the hub holds no pretraining text for us."""
        del corpus
        return None


def _source_columns(task: Task) -> Iterable[str]:
    """Yield the columns to read: those that the family wants, and the one that says the language."""
    for spelled in task.columns.values():
        yield from spelled.split(",")
    if task.language_in in _LANGUAGE_COLUMN:
        yield _language_column(task)


_LANGUAGE_COLUMN = {"column": "language", "id_prefix": "id"}


def _language_column(task: Task) -> str:
    word = _LANGUAGE_COLUMN[task.language_in]
    return task.columns.get(word, word)


def _spelled(task: Task, language: str) -> str:
    """Return a language as the data set spells it: rows of one must never pass for another."""
    if language not in task.languages:
        raise DataError(
            f"task '{task.name}': found no language '{language}' in its row ; "
            f"expected one of {', '.join(sorted(task.languages))}."
        )
    return task.languages[language]


def _picked(table: pa.Table, task: Task, language: str, limit: int | None) -> list[Example]:
    """Return at most `limit` rows of one language, evenly spaced, in the family's words."""
    if task.language_in in _LANGUAGE_COLUMN:
        column, spelled = words(table, _language_column(task)), _spelled(task, language)
        by_column = task.language_in == "column"
        kept = pc.equal(column, spelled) if by_column else pc.starts_with(column, f"{spelled}-")
        table = table.filter(kept)
    rows = table.take(pa.array(evenly(table.num_rows, limit))).to_pylist()
    return [_example(row, task, language, i) for i, row in enumerate(rows)]


def _example(row: dict[str, Any], task: Task, language: str, index: int) -> Example:
    example: Example = {"language": language, "id": f"{language}-{index}"}
    for word, spelled in task.columns.items():
        names = spelled.split(",")
        example[word] = row[spelled] if len(names) == 1 else [row[n] for n in names]
    example["language"], example["id"] = language, str(example["id"])
    return example
