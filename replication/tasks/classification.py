"""Classification of a sentence or a pair of sentences, read off the first token."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pyarrow as pa
import torch
from torch import Tensor, nn
from torch.nn import functional

from replication.batching import Batch, Feature, on
from replication.data import Example
from replication.errors import DataError
from replication.protocol import Lengths, Retrieval
from replication.scoring import accuracy
from replication.tasks.family import Family, Scored
from replication.tasks.row import Task

__all__ = ["FAMILY", "Classification", "SentenceHead", "label_index", "scored_labels"]


class SentenceHead(nn.Module):
    """Dropout, dense, tanh, dropout, projection, on the first token: the head that XLM-R ships with."""

    def __init__(self, width: int, outputs: int, dropout: float) -> None:
        super().__init__()
        self.dropout = nn.Dropout(dropout)
        self.dense = nn.Linear(width, width)
        self.project = nn.Linear(width, outputs)

    def forward(self, hidden: Tensor) -> Tensor:
        """Map (rows, length, width) to (rows, outputs)."""
        first = self.dropout(hidden[:, 0])
        return self.project(self.dropout(torch.tanh(self.dense(first))))  # type: ignore[no-any-return]


def label_index(label: Any, task: Task, example: Example) -> int:
    """Return the class index of a label that is an integer code or one of the task's class names.

    Raises:
        DataError: neither.
    """
    if isinstance(label, str) and label in task.labels:
        return task.labels.index(label)
    if isinstance(label, int) and 0 <= label < len(task.labels):
        return label
    raise DataError(
        f"task '{task.name}' example '{example['id']}': found label {label!r} ; "
        f"expected one of {', '.join(task.labels)} or 0 to {len(task.labels) - 1}."
    )


def scored_labels(
    examples: list[Example], features: list[Feature], raw: list[int], task: Task
) -> Scored:
    """Score one predicted class per example by accuracy."""
    predicted = [0] * len(examples)
    for feature, best in zip(features, raw, strict=True):
        predicted[feature.example] = best
    gold = [label_index(e["label"], task, e) for e in examples]
    outcome = accuracy(gold, predicted)
    items = pa.table({"id": [e["id"] for e in examples], "accuracy": outcome.astype("float64")})
    names = [task.labels[p] for p in predicted]
    return Scored({"accuracy": float(outcome.mean() * 100)}, items, names)


class Classification:
    """The family `classification`."""

    name = "classification"

    def features(
        self, examples: list[Example], task: Task, tokenizer: Any, lengths: Lengths, *, train: bool
    ) -> list[Feature]:
        """Tokenise sentences or pairs, truncating the longer of a pair first."""
        first = [e["first"] for e in examples]
        second = [e["second"] for e in examples] if "second" in task.columns else None
        encoded = tokenizer(first, second, truncation=True, max_length=lengths.max_length)
        return [
            Feature([ids], label_index(e["label"], task, e) if train else None, example=i)
            for i, (ids, e) in enumerate(zip(encoded["input_ids"], examples, strict=True))
        ]

    def head(self, width: int, task: Task, dropout: float) -> nn.Module:
        """Return a head with one output per class."""
        return SentenceHead(width, len(task.labels), dropout)

    @staticmethod
    def reads(feature: Feature) -> list[Sequence[int]]:
        """Return the positions that the head reads of each sequence: the first."""
        return [(0,)] * len(feature.sequences)

    def loss(self, hidden: Tensor, head: nn.Module, batch: Batch) -> Tensor:
        """Return the summed cross-entropy."""
        gold = on(hidden.device, [f.target for f in batch.features])
        return functional.cross_entropy(head(hidden).float(), gold, reduction="sum")

    def predict(self, hidden: Tensor, head: nn.Module | None, batch: Batch) -> list[Any]:
        """Return the best class of each feature; ties go to the lowest index."""
        del batch
        assert head is not None
        return head(hidden).argmax(-1).tolist()  # type: ignore[no-any-return]

    def score(
        self,
        examples: list[Example],
        features: list[Feature],
        raw: list[Any],
        task: Task,
        *,
        retrieval: Retrieval | None = None,
    ) -> Scored:
        """Score by accuracy."""
        del retrieval
        return scored_labels(examples, features, raw, task)


FAMILY: Family = Classification()
