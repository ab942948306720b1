"""What does MLflow hold of one run, and which of its metrics are scores?

Light: imports neither torch nor transformers nor datasets.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from claims.record import digest_of
from replication.imports.cells import SPLITS
from replication.origin import SourceFile

__all__ = ["FIELDS", "MAX_RUNS", "PARENT", "Key", "Logged", "Value", "key_of", "last"]

MAX_RUNS = 10_000
"""Runs of one import."""

FIELDS = (
    "seed", "task", "language", "split", "n", "scale", "base", "model", "intermediate", "mlm",
)  # fmt: skip
"""Names of parameters and tags that say what a run is; all others are for their owners."""

PARENT = "mlflow.parentRunId"
"""Tag by which a run names the one that it is a part of."""

_USUAL = ("accuracy", "f1", "exact_match")
"""Metrics that are scores where nobody names one."""
_LONGEST_NUMBER = 60


@dataclass(frozen=True, slots=True)
class Value:
    """The last value of a metric: of the highest step, and of the latest time at that step."""

    step: int
    timestamp: int
    value: float


@dataclass(frozen=True, slots=True)
class Key:
    """What the name of a metric says of a score; null where it does not say it."""

    metric: str
    split: str | None = None
    task: str | None = None
    language: str | None = None


@dataclass(frozen=True, slots=True)
class Logged:
    """One run, with what of it can be a score or say what the score is."""

    experiment: str
    run: str
    status: str
    """`FINISHED`, or why the run does not count."""
    params: Mapping[str, str]
    """Those of `FIELDS`."""
    tags: Mapping[str, str]
    """Those of `FIELDS`, and the parent's."""
    metrics: Mapping[str, Value]
    """Those that are scores, by their whole name."""
    others: tuple[str, ...]
    """Names of all other metrics."""

    def __post_init__(self) -> None:
        """Refuse what no record can hold, such as half a character.

        Raises:
            ValueError: there is such a thing.
        """
        self.source()

    @property
    def path(self) -> str:
        """Return what stands for the run in records: the same from files and from a server."""
        return f"experiments/{self.experiment}/runs/{self.run}"

    def source(self) -> SourceFile:
        """Return the run as a source: the digest is of all that was read of it."""
        held = {
            "status": self.status,
            "params": dict(self.params),
            "tags": dict(self.tags),
            "metrics": {k: [repr(v.value), v.step, v.timestamp] for k, v in self.metrics.items()},
        }
        return SourceFile(path=self.path, sha256=digest_of(held))


def key_of(name: str, metric: str | None) -> Key | None:
    """Return what the name of a metric says, or null where it is no score.

    Forms are `accuracy`, `validation_accuracy`, `validation/accuracy`, `xnli/de/accuracy` and
    `xnli/de/test/accuracy`; `eval_accuracy` is Hugging Face's, and names no split.

    Args:
        name: as it was logged.
        metric: the one that the user names, with or without its split; null for the usual ones.
    """
    *above, last_part = name.split("/")[:6]
    if len(above) > 3:
        return None
    word, _, rest = last_part.partition("_")
    if not rest or word not in {*SPLITS, "eval"}:
        word, rest = "", last_part
    if metric is None:
        if rest not in _USUAL:
            return None
    elif metric not in {last_part, rest}:
        return None
    elif rest != metric and rest not in _USUAL:
        word, rest = "", last_part  # such as test_time, which is no metric `time` on a test split
    splits = {SPLITS[word]} if word in SPLITS else set()
    if len(above) in {1, 3}:
        if above[-1] not in SPLITS:
            return None
        splits.add(SPLITS[above.pop()])
    if len(splits) > 1:
        return None
    task, language = above or (None, None)
    return Key(rest, splits.pop() if splits else None, task, language)


def last(values: Iterable[tuple[object, object, object]]) -> Value | None:
    """Return the last of a metric's values, as MLflow finds it; null where there is none.

    Of several values of one step and time it is the largest, which is MLflow's own choice.

    Args:
        values: (step, time in milliseconds, value) each, as numbers or as text.

    Raises:
        ValueError: a value, step or time is no number; with what was found.
    """
    found = [Value(_whole(s), _whole(t), _number(v)) for s, t, v in values]
    # NaN compares with nothing: where it is among the last values, it is the last one
    return max(
        found, key=lambda v: (v.step, v.timestamp, v.value != v.value, v.value), default=None
    )


def _whole(value: object) -> int:
    if isinstance(value, str) and re.fullmatch(r"-?[0-9]{1,19}", value):
        return int(value)
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) < 10**19:
        return value
    raise ValueError(value)


def _number(value: object) -> float:
    if isinstance(value, str) and len(value) <= _LONGEST_NUMBER and "_" not in value:
        return float(value)
    if isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 10**300:
        return float(value)
    if isinstance(value, float):
        return value
    raise ValueError(value)
