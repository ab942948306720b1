"""Examples from the hub: each data set at one commit, found when first asked or named by a lock.

`datasets` reads from a data set's card which files make a split of a configuration; our own reader
reads them. Light: no library of the hub is imported before the hub is asked.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import lru_cache

import pyarrow as pa

from replication.composites import PartedSource
from replication.errors import DataError
from replication.examples import rows_of, source_columns, spelled
from replication.hub import asking, commit_of, fetch, listing
from replication.parquet import naming, read_columns
from replication.tasks.row import Corpus, Task

__all__ = ["HubSource"]

_EXPORTED = re.compile(r"([^/]+)/([^/]+)/\d{4,5}\.parquet")
"""Configuration, split and shard in the hub's own export of a data set to Parquet."""


class HubSource(PartedSource):
    """The Hugging Face hub."""

    name = "hub"

    def __init__(self, pinned: Mapping[str, str] | None = None) -> None:
        """Take the commits to read; other data sets are read at the commit found when first asked.

        Args:
            pinned: data set id -> commit.
        """
        self.commits: dict[str, str] = dict(pinned or {})

    def text(self, corpus: Corpus, limit: int) -> dict[str, list[str]]:
        """Refuse: unlabelled text is read from folders only."""
        raise DataError(
            f"corpus '{corpus.name}': found no folder (limit {limit}) ; expected --data FOLDER. "
            "Masked-language modelling reads unlabelled text from a folder."
        )

    def text_revision(self, corpus: Corpus) -> str | None:
        """Return None: the hub holds no unlabelled text for us."""
        del corpus
        return None

    def _own_languages(self, task: Task, split: str) -> tuple[str, ...]:
        """Return the task row's own list: the hub is asked only when examples are read."""
        if task.hub is None or split not in task.splits:
            return ()
        absent = set(task.missing.get(split, ()))
        return tuple(sorted(set(task.languages) - absent))

    def _own_revision(self, task: Task, split: str, languages: Sequence[str]) -> str:
        """Return the commit of the data set."""
        del split, languages
        return f"hub:{self._commit(task)}"

    def _rows(self, task: Task, split: str, language: str) -> pa.Table:
        """Return the labelled rows of one language."""
        commit, word = self._commit(task), spelled(task, language)
        assert task.hub is not None
        config = task.config.replace("{language}", word) if task.config else None
        named = task.splits[split]  # type: ignore[index]
        paths = _split_paths(task.hub, commit, config, named)
        files = [fetch(task.hub, "dataset", commit, path) for path in paths]
        table = read_columns(files, source_columns(task))
        with naming(files):
            return rows_of(table, task, language)

    def _commit(self, task: Task) -> str:
        if task.hub is None:
            raise DataError(
                f"task '{task.name}': found no hub id ; expected one. "
                f"{task.if_absent or 'Name a folder with --data.'}"
            )
        if task.hub not in self.commits:
            self.commits[task.hub] = commit_of(task.hub, "dataset")
        return self.commits[task.hub]


@lru_cache(maxsize=1024)
def _split_paths(repository: str, commit: str, config: str | None, split: str) -> tuple[str, ...]:
    """Return the files of one split of one configuration, shards in order.

    Raises:
        DataError: the data set has no such configuration or split, or keeps it in another form.
    """
    there = sorted(n for n in listing(repository, "dataset", commit) if n.endswith(".parquet"))
    what = f"expected the split '{split}' of its configuration '{config or 'default'}' as Parquet"
    if there and all(_EXPORTED.fullmatch(name) for name in there):
        found = _exported(there, config, split)
    else:
        with asking(repository, "dataset", f"{what} at commit {commit}"):
            found = _on_the_card(repository, commit, config, split)
    if not found or not set(found) <= set(there):
        raise DataError(
            f"data set '{repository}': found no such files at commit {commit} ; {what}. "
            "Check the row in replication/tasks, or name a folder with --data."
        )
    return found


def _exported(names: Sequence[str], config: str | None, split: str) -> tuple[str, ...]:
    """Return the files of a split in the hub's own export; none where a choice would be a guess."""
    parts = [(m[1], m[2], m[0]) for n in names if (m := _EXPORTED.fullmatch(n))]
    configs = {c for c, s, _ in parts if s == split}
    if config is None and len(configs) == 1:
        (config,) = configs
    return tuple(n for c, s, n in parts if (c, s) == (config, split))


def _on_the_card(repository: str, commit: str, config: str | None, split: str) -> tuple[str, ...]:
    """Return the files of a split as the data set's card, or its layout, has them."""
    from datasets import load_dataset_builder  # noqa: PLC0415  heavy, and only for the hub

    builder = load_dataset_builder(repository, config, revision=commit)
    files = (builder.config.data_files or {}).get(split, ())
    prefix = f"hf://datasets/{repository}@{commit}/"
    return tuple(str(f).removeprefix(prefix) for f in files)
