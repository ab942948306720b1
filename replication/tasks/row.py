"""A task as a row of data: where its examples lie, which columns mean what, how it is scored.

Light: imports neither torch nor transformers nor datasets.
"""

from __future__ import annotations

from functools import cache
from importlib import resources
from typing import Annotated, Literal

import yaml
from pydantic import Field, model_validator

from claims.estimand import Split
from claims.record import Name, Record, Text

__all__ = [
    "Corpus",
    "Leak",
    "Metric",
    "Task",
    "benchmark_tasks",
    "corpora",
    "leaks_of",
    "parts_of",
    "tasks",
]

Metric = Name
"""`accuracy`, `f1` or `exact_match` where scores are computed here; those from elsewhere have others."""


class Leak(Record):
    """A split that holds what another task evaluates."""

    split: Split
    into: tuple[Name, ...]
    """Target tasks whose evaluation data the split contains."""
    because: Text


class Task(Record):
    """One data set with one reading of its columns."""

    name: Name
    family: Name
    """Task family: the module that turns examples into features, a head and scores."""
    benchmark: Name | None = None
    """The benchmark that it is a target task of; null for intermediate tasks."""
    hub: Annotated[str, Field(max_length=200)] | None = None
    """Hub data set id; null where there is none."""
    config: Annotated[str, Field(max_length=100)] | None = None
    """Hub configuration; `{language}` stands for the language as the data set spells it."""
    folders: tuple[str, ...]
    """Folders tried, in order, below the folder that `--data` names."""
    splits: dict[Split, str]
    """Name of each split in the source."""
    language_in: Literal["config", "column", "id_prefix", "none"]
    """Where an example's language stands; `none`: all examples are English, or of the language
    whose code a sibling folder's name ends in, such as `mnli.de`."""
    languages: dict[Name, str]
    """Language code -> the data set's own spelling."""
    missing: dict[Split, tuple[Name, ...]] = {}
    """Languages that officially have no such split."""
    parallel: bool = False
    """Whether examples with the same id, less its language, are translations of each other. Where the
    data have no ids, the row number within language and split is one, as in `de-17`; it names the
    same example in every language only where no language lacks a row and none is sorted otherwise."""
    columns: dict[str, str]
    """The family's word for a column -> the data set's word."""
    labels: tuple[str, ...] = ()
    """Class names in the order of their integer codes; where tagging has none here, they are taken
    from the training data."""
    no_label: int | None = None
    """Code in the label column of examples without a gold label, which are left out."""
    parts: tuple[Name, ...] = ()
    """Tasks whose examples together are this task's, where it has no data of its own."""
    metrics: tuple[Metric, ...] = ()
    """Metrics of the task's score, which is their mean; empty for intermediate tasks."""
    answer_rules: Literal["squad_v1", "squad_v2", "mlqa"] = "squad_v1"
    """Whose normalisation of answers span QA uses; XTREME takes MLQA's own for MLQA only."""
    chance: Annotated[float, Field(ge=0, le=100)] | None = None
    """Expected score, in points, of a system that knows nothing; null where there is no simple one."""
    leaks: tuple[Leak, ...] = ()
    if_absent: Text | None = None
    """What to do where the data are not at hand; null where the hub has them."""
    notes: tuple[Text, ...] = ()

    @model_validator(mode="after")
    def _labels_where_some_are_missing(self) -> Task:
        if self.no_label is not None and "label" not in self.columns:
            raise ValueError("no_label must come with a column `label`")
        return self


class Corpus(Record):
    """Unlabelled text for masked-language modelling."""

    name: Name
    folders: tuple[str, ...]
    file: str
    """File name in the folder; `{language}` stands for the language's spelling."""
    language_in: Literal["file", "folder", "column"]
    languages: dict[Name, str]
    holds: dict[Name, Split] = {}
    """Task -> split whose sentences this text is; pretraining on it, even without labels, gives them
    away to whoever scores that split."""
    columns: tuple[str, ...]
    """Text columns; a column of token lists is joined by blanks."""
    notes: tuple[Text, ...] = ()


@cache
def tasks() -> dict[str, Task]:
    """Return every task row by name, read from the YAML files beside this module."""
    rows = {n: Task(name=n, **row) for n, row in _rows("tasks").items()}
    for row in rows.values():
        for part in (rows[name] for name in row.parts):
            if (part.family, part.labels, part.parts) != (row.family, row.labels, ()):
                raise ValueError(f"task '{row.name}': its part '{part.name}' has other classes")
    return rows


def parts_of(task: Task) -> tuple[Task, ...]:
    """Return the rows of a composite's parts, in its order; empty for any other task."""
    return tuple(tasks()[name] for name in task.parts)


def leaks_of(name: str) -> tuple[Leak, ...]:
    """Return what a task's splits give away, and those of its parts; empty for an unknown task."""
    task = tasks().get(name)
    if task is None:
        return ()
    return tuple(leak for row in (task, *parts_of(task)) for leak in row.leaks)


@cache
def corpora() -> dict[str, Corpus]:
    """Return every corpus row by name."""
    return {n: Corpus(name=n, **row) for n, row in _rows("corpora").items()}


def benchmark_tasks(benchmark: str) -> tuple[Task, ...]:
    """Return the target tasks of a benchmark, sorted by name; empty for an unknown benchmark."""
    return tuple(t for _, t in sorted(tasks().items()) if t.benchmark == benchmark)


def _rows(kind: str) -> dict[str, dict[str, object]]:
    rows: dict[str, dict[str, object]] = {}
    folder = resources.files("replication.tasks")
    for file in sorted(folder.iterdir(), key=lambda f: f.name):
        if file.name.endswith(".yaml"):
            document = yaml.safe_load(file.read_text(encoding="utf-8"))
            rows.update(document.get(kind) or {})
    return rows
