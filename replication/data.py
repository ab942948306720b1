"""Examples from a folder in the hub's own layout, or from the hub itself.

A source answers three questions: which languages of a split are there, which revision they are, and
what the examples say, in the words of the task's family. Light: `datasets` is imported only
when the hub is asked.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from replication.errors import DataError
from replication.tasks.row import Corpus, Task

__all__ = ["Example", "FolderSource", "HubSource", "Source", "evenly", "open_source"]

Example = dict[str, Any]
"""One example in the family's words, with `id` and `language`."""

MAX_FILE_BYTES = 4 * 2**30


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
    if not folder.is_dir():
        raise DataError(
            f"data '{data}': found no such folder ; expected a folder in the hub's layout."
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
    """A folder such as `<folder>/xtreme/PAN-X.de/validation-00000-of-00001.parquet`."""

    def __init__(self, root: Path, name: str | None = None) -> None:
        self.root = root
        self.name = name or str(root)

    def languages(self, task: Task, split: str) -> tuple[str, ...]:
        """Return the languages whose files are here; a shared file counts for all it holds."""
        if split not in task.splits:
            return ()
        if task.language_in == "config":
            return tuple(sorted(c for c in task.languages if self._files(task, split, c)))
        files = self._files(task, split, "")
        if not files:
            return ()
        if task.language_in == "none":
            return tuple(sorted(task.languages))
        spelled = _distinct_languages(tuple(files), _language_column(task), task.language_in)
        return tuple(sorted(c for c, s in task.languages.items() if s in spelled))

    def revision(self, task: Task, split: str, languages: Sequence[str]) -> str:
        """Return `sha256:` over the bytes of the files that hold these languages."""
        keys = languages if task.language_in == "config" else ("",)
        files = [f for key in keys for f in self._files(task, split, key)]
        if not files:
            raise DataError(
                f"task '{task.name}' split '{split}': found no file below '{self.root}' ; "
                f"expected one of {', '.join(task.folders)}. Add the data or leave the task out."
            )
        return _digest(files)

    def examples(self, task: Task, split: str, language: str, limit: int | None) -> list[Example]:
        """Return the examples of one language in the family's words."""
        files = self._files(task, split, language)
        table = _read(files, sorted(set(_source_columns(task))))
        if task.language_in in ("column", "id_prefix"):
            table = _only_language(table, task, language)
        rows = table.take(pa.array(evenly(table.num_rows, limit))).to_pylist()
        return [_example(row, task, language, i) for i, row in enumerate(rows)]

    def text(self, corpus: Corpus, limit: int) -> dict[str, list[str]]:
        """Return unlabelled text per language; languages without a file are left out."""
        found: dict[str, list[str]] = {}
        for code, spelled in sorted(corpus.languages.items()):
            files = self._corpus_files(corpus, spelled)
            if not files:
                continue
            columns = list(corpus.columns)
            wanted = [*columns, "language"] if corpus.language_in == "column" else columns
            table = _read(files, wanted)
            if corpus.language_in == "column":
                table = table.filter(pc.equal(table["language"], spelled))
            pieces = [p for c in columns for p in table[c].to_pylist()]
            texts = [" ".join(p) if isinstance(p, list) else p for p in pieces]
            distinct = list(dict.fromkeys(t.strip() for t in texts if t and t.strip()))
            found[code] = [distinct[i] for i in evenly(len(distinct), limit)]
        return found

    def text_revision(self, corpus: Corpus) -> str | None:
        """Return `sha256:` over the corpus's files; None where none is here."""
        spelled = sorted(set(corpus.languages.values()))
        files = sorted({f for s in spelled for f in self._corpus_files(corpus, s)})
        return _digest(files) if files else None

    def _corpus_files(self, corpus: Corpus, spelled: str) -> list[Path]:
        for folder in corpus.folders:
            path = self.root / folder.replace("{language}", spelled)
            files = sorted(path.glob(corpus.file.replace("{language}", spelled)))
            if files:
                return files
        return []

    def _files(self, task: Task, split: str, language: str) -> list[Path]:
        spelled = task.languages.get(language, language)
        named = task.splits.get(split)  # type: ignore[call-overload]
        if named is None:
            return []
        for folder in task.folders:
            path = self.root / folder.replace("{language}", spelled)
            files = sorted([*path.glob(f"{named}-*.parquet"), *path.glob(f"{named}.parquet")])
            if files:
                return files
        return []


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

        spelled = task.languages.get(language, language)
        config = task.config.replace("{language}", spelled) if task.config else None
        named = task.splits[split]  # type: ignore[index]
        rows = load_dataset(task.hub, config, split=named, revision=commit, trust_remote_code=False)
        table = rows.data.table.select(sorted(set(_source_columns(task))))
        if task.language_in in ("column", "id_prefix"):
            table = _only_language(table, task, language)
        picked = table.take(pa.array(evenly(table.num_rows, limit))).to_pylist()
        return [_example(row, task, language, i) for i, row in enumerate(picked)]

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


def _example(row: dict[str, Any], task: Task, language: str, index: int) -> Example:
    example: Example = {"language": language, "id": f"{language}-{index}"}
    for word, spelled in task.columns.items():
        names = spelled.split(",")
        example[word] = row[spelled] if len(names) == 1 else [row[n] for n in names]
    example["id"] = str(example["id"])
    return example


def _only_language(table: pa.Table, task: Task, language: str) -> pa.Table:
    spelled, column = task.languages[language], table[_language_column(task)]
    if task.language_in == "column":
        return table.filter(pc.equal(column, spelled))
    return table.filter(pc.starts_with(column, spelled + "-"))


def _read(files: Sequence[Path], columns: list[str]) -> pa.Table:
    tables = []
    for file in files:
        if file.stat().st_size > MAX_FILE_BYTES:
            raise DataError(
                f"file '{file}': found over 4 GiB ; expected less. Split it into shards."
            )
        try:
            tables.append(pq.read_table(file, columns=columns))
        except (pa.ArrowException, OSError) as error:
            raise DataError(f"file '{file}': cannot be read as Parquet: {error}") from error
        absent = sorted(set(columns) - set(tables[-1].column_names))
        if absent:
            raise DataError(
                f"file '{file}': found no column {', '.join(absent)} ; expected the hub's columns."
            )
    return pa.concat_tables(tables)


@lru_cache(maxsize=256)
def _distinct_languages(files: tuple[Path, ...], column: str, where: str) -> frozenset[str]:
    values = _read(files, [column])[column].to_pylist()
    if where == "id_prefix":
        return frozenset(str(v).split("-", 1)[0] for v in values)
    return frozenset(values)


def _digest(files: Sequence[Path]) -> str:
    whole = hashlib.sha256()
    for file in files:
        status = file.stat()
        whole.update(_file_digest(file, status.st_size, status.st_mtime_ns).encode())
    return f"sha256:{whole.hexdigest()}"


@lru_cache(maxsize=4096)
def _file_digest(path: Path, size: int, modified: int) -> str:
    del size, modified  # part of the cache key: a changed file is read again
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
