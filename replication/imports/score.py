"""What does a reader of a foreign format return, and what may a user add that the files do not say?

Light: imports neither torch nor transformers nor datasets.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Annotated, Literal, TypeVar

from pydantic import Field, ValidationError

from claims.estimand import Condition, SeedStatistic, Split
from claims.record import Name, Record, Text
from replication.errors import ImportedScoresError
from replication.items import ItemOutcomes
from replication.origin import Raw, Scale, SourceFile
from replication.run import Measurement

__all__ = ["LABELS", "Given", "Reading", "Score", "Seed", "given_of", "points", "record_of"]

R = TypeVar("R", bound=Record)

LABELS = "labels/"
"""Before the path of a file of gold labels, which is otherwise that of the predictions it belongs to."""

Seed = Annotated[int, Field(ge=0, lt=2**63)] | Literal["none"]
"""`none`: nothing random was involved, which somebody has to say."""


class Given(Record):
    """What a user says of scores whose files do not; a file that says another thing is a fault."""

    base: Annotated[str, Field(min_length=1, max_length=300)] | None = None
    """Pretrained checkpoint, or the system that is compared."""
    intermediate: Annotated[str, Field(max_length=1000)] | None = None
    """Names of tasks joined by `+`, or `none`."""
    mlm: bool | None = None
    task: Name | None = None
    language: Name | None = None
    split: Split | None = None
    metric: Name | None = None
    seed: Seed | None = None
    n: Annotated[int, Field(ge=1)] | None = None
    """Number of examples scored."""
    scale: Scale | None = None
    labels: Annotated[str, Field(min_length=1, max_length=4096)] | None = None
    """Folder of gold labels, for predictions that are scored here."""


class Score(Record):
    """One score of a foreign file, before it becomes a measurement of a run."""

    condition: Condition
    """`base` names the checkpoint or system where the file does, else it is `protocol`."""
    checkpoint: Annotated[str, Field(min_length=1, max_length=300)] | None = None
    """The base as the source spells it, such as a hub id; null where it does not say."""
    seed: Seed | None = None
    """Null where nobody says; such a score is only shown."""
    task: Name
    language: Name
    split: Split
    metric: Name
    points: Annotated[float, Field(ge=0, le=100)]
    n: Annotated[int, Field(ge=1)] | None = None
    """Null where nobody says; such a score is only shown."""
    seeds: SeedStatistic = "single"
    """Anything but `single` is no replicate, and only shown."""
    raw: Raw
    shown: Text | None = None
    """Why this score cannot count, where the reader knows; null where nothing speaks against it."""

    def measurement(self) -> Measurement:
        """Return the score as a run has it."""
        return Measurement(
            task=self.task,
            language=self.language,
            split=self.split,
            metric=self.metric,
            score=self.points,
            n=self.n,
            seeds=self.seeds,
            raw=self.raw,
        )


@dataclass(frozen=True, slots=True)
class Reading:
    """All that a reader found: every row is a score, or told among those left out, or a fault.

    A reader raises `ImportedScoresError` with every fault of every file, and then nothing is imported.
    """

    evaluator: str
    """What computed the scores, such as `evaluate 0.4.3`; `unknown` where the files do not say."""
    sources: tuple[SourceFile, ...]
    """Every file read, sorted by path."""
    scores: tuple[Score, ...]
    left_out: tuple[str, ...] = ()
    """What is no score of a model on examples, such as a running time, each with where it stands."""
    items: Mapping[tuple[Condition, Seed | None, str], ItemOutcomes] = field(default_factory=dict)
    """(condition, seed, task) -> the outcome of every example, where the files have them."""


def points(value: float, scale: Scale) -> float:
    """Return a score in points; a fraction's are rounded to 12 decimals, as binary ones have a tail."""
    return round(100 * value, 12) if scale == "fraction" else value


def given_of(pairs: Iterable[str]) -> Given:
    """Return what a user says that the files do not, from `field=value` each.

    Raises:
        ImportedScoresError: a field is unknown or given twice, or a value does not fit: all of them.
    """
    values: dict[str, str] = {}
    faults: list[str] = []
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if not equals or name not in Given.model_fields:
            known = ", ".join(Given.model_fields)
            faults.append(f"found {pair[:80]!r} ; expected FIELD=VALUE with one of {known}.")
        elif name in values:
            faults.append(f"found '{name}' twice ; expected once.")
        values[name] = value
    if faults:
        raise ImportedScoresError("--given", tuple(faults))
    return record_of(Given, values, "--given")


def record_of(kind: type[R], values: Mapping[str, object], what: str) -> R:
    """Return a record of what a user says.

    Raises:
        ImportedScoresError: values do not fit: all of them, under the name of what they are.
    """
    try:
        return kind.model_validate(values)
    except ValidationError as error:
        faults = (
            f"{fault['loc'][0]}: found {str(fault['input'])[:80]!r} ; expected another value "
            f"({fault['msg']})."
            for fault in error.errors()
        )
        raise ImportedScoresError(what, tuple(dict.fromkeys(faults))) from None
