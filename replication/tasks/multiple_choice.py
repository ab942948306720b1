"""Multiple choice: each choice is read with the question, and the best-scored one is taken."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from torch import Tensor, nn
from torch.nn import functional

from replication.batching import Batch, Feature, on
from replication.data import Example
from replication.errors import DataError
from replication.protocol import Lengths, Retrieval
from replication.tasks.classification import SentenceHead, label_index, scored_labels
from replication.tasks.family import Family, Scored
from replication.tasks.row import Task

__all__ = ["FAMILY", "MultipleChoice"]


class MultipleChoice:
    """The family `multiple_choice`."""

    name = "multiple_choice"

    def features(
        self, examples: list[Example], task: Task, tokenizer: Any, lengths: Lengths, *, train: bool
    ) -> list[Feature]:
        """Tokenise (context and question, choice) once per choice."""
        contexts, answers = [], []
        for example in examples:
            prompt = " ".join(example[w] for w in ("context", "question") if w in task.columns)
            choices = _choices(example, task)
            contexts += [prompt] * len(choices)
            answers += choices
        encoded = tokenizer(contexts, answers, truncation=True, max_length=lengths.max_length)
        ids = encoded["input_ids"]
        n = len(task.labels)
        return [
            Feature(
                ids[i * n : (i + 1) * n],
                label_index(e["label"], task, e) if train else None,
                example=i,
            )
            for i, e in enumerate(examples)
        ]

    def head(self, width: int, task: Task, dropout: float) -> nn.Module:
        """Return a head with one output: how good a choice is."""
        del task
        return SentenceHead(width, 1, dropout)

    @staticmethod
    def reads(feature: Feature) -> list[Sequence[int]]:
        """Return the positions that the head reads of each sequence: the first."""
        return [(0,)] * len(feature.sequences)

    def loss(self, hidden: Tensor, head: nn.Module, batch: Batch) -> Tensor:
        """Return the summed cross-entropy over the choices of each example."""
        gold = on(hidden.device, [f.target for f in batch.features])
        return functional.cross_entropy(self._scores(hidden, head, batch), gold, reduction="sum")

    def predict(self, hidden: Tensor, head: nn.Module | None, batch: Batch) -> list[Any]:
        """Return the index of the best choice of each feature."""
        assert head is not None
        return self._scores(hidden, head, batch).argmax(-1).tolist()

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

    @staticmethod
    def _scores(hidden: Tensor, head: nn.Module, batch: Batch) -> Tensor:
        """Return (examples, choices); every example of a task has the same number of choices."""
        scores: Tensor = head(hidden).float()
        return scores.view(len(batch.features), -1)


def _choices(example: Example, task: Task) -> list[str]:
    """Return the choices, from a list of columns or from a struct with `text`."""
    found = example["choices"]
    choices = list(found["text"] if isinstance(found, dict) else found)
    if len(choices) != len(task.labels):
        raise DataError(
            f"task '{task.name}' example '{example['id']}': found {len(choices)} choices ; "
            f"expected {len(task.labels)}."
        )
    return choices


FAMILY: Family = MultipleChoice()
