"""What a task family is: examples to features, a head, a loss, and predictions to scores."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from importlib.metadata import entry_points
from typing import Any, Protocol, runtime_checkable

import pyarrow as pa
from torch import Tensor, nn

from replication.batching import Batch, Feature
from replication.data import Example
from replication.errors import ReplicationError
from replication.protocol import Lengths, Retrieval
from replication.tasks.row import Task

__all__ = ["Family", "Scored", "family"]

GROUP = "corroborate.task_families"


@dataclass(frozen=True, slots=True)
class Scored:
    """The scores of one task in one language."""

    scores: dict[str, float]
    """Metric -> points from 0 to 100."""
    items: pa.Table
    """One row an example: `id`, and per metric an outcome or its sufficient statistics."""
    predictions: list[Any]
    """One prediction an example, in the examples' order, as JSON values."""
    n_best: list[Any] | None = None
    """The runners-up of each example, where the family has any, as JSON values."""


@runtime_checkable
class Family(Protocol):
    """A kind of task; an instance is named by an entry point of `corroborate.task_families`."""

    name: str

    def features(
        self, examples: list[Example], task: Task, tokenizer: Any, lengths: Lengths, *, train: bool
    ) -> list[Feature]:
        """Tokenise examples; with `train`, features carry targets and unusable examples are dropped."""
        ...

    def head(self, width: int, task: Task, dropout: float) -> nn.Module | None:
        """Return a fresh head on hidden states of `width`; None where the family has none."""
        ...

    def loss(self, hidden: Tensor, head: nn.Module, batch: Batch) -> Tensor:
        """Return the loss summed over the batch's loss terms.

        Args:
            hidden: (rows, length, width), the encoder's last hidden state.
        """
        ...

    def predict(self, hidden: Tensor, head: nn.Module | None, batch: Batch) -> list[Any]:
        """Return one raw prediction per feature, off the device."""
        ...

    def score(
        self,
        examples: list[Example],
        features: list[Feature],
        raw: list[Any],
        task: Task,
        *,
        retrieval: Retrieval | None = None,
    ) -> Scored:
        """Turn raw predictions of the features of one language into scores.

        Args:
            retrieval: how vectors are compared; only for families that do.
            features: all with `example` indices into `examples`.
            raw: what `predict` returned, in the order of `features`.
        """
        ...


@cache
def family(name: str) -> Family:
    """Return the task family that an installed entry point names.

    Raises:
        ReplicationError: no such entry point, or it names something else.
    """
    found = [e for e in entry_points(group=GROUP) if e.name == name]
    if not found:
        known = ", ".join(sorted({e.name for e in entry_points(group=GROUP)})) or "none"
        raise ReplicationError(
            f"task family '{name}': found no entry point ; expected one of {known}."
        )
    loaded = found[0].load()
    if not isinstance(loaded, Family):
        raise ReplicationError(f"task family '{name}': found {loaded!r} ; expected a Family.")
    return loaded
