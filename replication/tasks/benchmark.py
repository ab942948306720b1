"""A benchmark as data: which folders, languages and groups its own program scores.

Light: imports neither torch nor transformers nor datasets.
"""

from __future__ import annotations

from functools import cache
from importlib import resources
from typing import Literal

import yaml
from pydantic import Field

from claims.estimand import Split
from claims.record import Name, Record, Text
from replication.tasks.row import Task, tasks

__all__ = ["Benchmark", "OfficialFormat", "OfficialTask", "benchmarks", "official_name"]

OfficialFormat = Literal["labels", "tags", "answers", "pairs", "choices", "ranked"]
"""`labels`: a class or an index per line; `tags`: a tag per line, a blank line after a sentence;
`answers`: JSON, question to answer; `pairs`: two sentence ids per line; `choices`: JSON lines;
`ranked`: JSON, mention to entities, the best first."""


class OfficialTask(Record):
    """One folder of the submission layout."""

    format: OfficialFormat
    row: Name | None = None
    """Row whose languages, classes and rules count; null for tasks without a row of ours."""
    split: Split = "test"
    """The row's word for what the benchmark calls the test set."""
    more: tuple[Name, ...] = ()
    """Languages besides the row's."""

    @property
    def languages(self) -> tuple[str, ...]:
        """Return the languages that the task's average is over, sorted."""
        named = tasks()[self.row].languages if self.row else {}
        return tuple(sorted({*named, *self.more}))

    @property
    def task(self) -> Task | None:
        """Return the row; None for tasks without one."""
        return tasks()[self.row] if self.row else None


class Benchmark(Record):
    """What one version of a benchmark scores."""

    name: Name
    groups: dict[Name, tuple[Name, ...]]
    """Group -> folders whose scores it averages."""
    tasks: dict[Name, OfficialTask] = Field(min_length=1)
    """Folder -> how it is scored; the overall score is the mean over all of them."""
    unscored: dict[Name, Text] = {}
    """Folder of the benchmark that cannot be scored -> why."""


@cache
def benchmarks() -> dict[str, Benchmark]:
    """Return every benchmark by name, read from the YAML file beside this module."""
    file = resources.files("replication.tasks") / "official.yaml"
    document = yaml.safe_load(file.read_text(encoding="utf-8"))
    return {n: Benchmark(name=n, **fields) for n, fields in document["benchmarks"].items()}


def official_name(task: Task) -> tuple[str, OfficialTask] | None:
    """Return the folder, and how it is scored, that a row has in its own benchmark."""
    known = benchmarks().get(task.benchmark or "")
    found = known.tasks.items() if known else ()
    return next(((name, t) for name, t in found if t.row == task.name), None)
