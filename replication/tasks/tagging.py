"""Tagging of words: each word's first subword carries its tag; long sentences are split at words."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pyarrow as pa
import torch
from torch import Tensor, nn
from torch.nn import functional

from replication.batching import Batch, Feature, on
from replication.data import Example
from replication.errors import DataError, ReplicationError
from replication.protocol import Lengths, Retrieval
from replication.spans import coded_span_counts
from replication.tasks.classification import label_index
from replication.tasks.family import Family, Scored
from replication.tasks.row import Task

__all__ = ["FAMILY", "Tagging"]


class Tagging:
    """The family `tagging`."""

    name = "tagging"

    def features(
        self, examples: list[Example], task: Task, tokenizer: Any, lengths: Lengths, *, train: bool
    ) -> list[Feature]:
        """Tokenise word lists into windows of whole words, none longer than asked.

        A word that the tokenizer turns into nothing has no subword and so no loss term; when scored
        it gets the tag `O`, or the first tag of a set without `O`. So do the words of a long sentence
        that truncation cuts off.
        """
        if not examples:
            return []
        room = lengths.max_length - 2  # <s> and </s>
        if room < 1:
            raise ReplicationError(
                f"task '{task.name}': found max_length {lengths.max_length} ; expected 3 or more, "
                "a word between two special tokens. Change the protocol."
            )
        encoded = tokenizer(
            [e["tokens"] for e in examples],
            is_split_into_words=True,
            add_special_tokens=False,
            verbose=False,  # long sentences are split below
        )
        features = []
        for index, example in enumerate(examples):
            tags = _gold(task, example) if train else None
            windows = _windows(encoded["input_ids"][index], encoded.word_ids(index), room)
            if lengths.long_sentences == "truncate":
                windows = windows[:1]
            for ids, starts in windows:
                features.append(_feature(ids, starts, tags, index, tokenizer))
        return [f for f in features if f.weight] if train else features

    def head(self, width: int, task: Task, dropout: float) -> nn.Module:
        """Return dropout and one projection to the tags."""
        return nn.Sequential(nn.Dropout(dropout), nn.Linear(width, len(task.labels)))

    @staticmethod
    def reads(feature: Feature) -> list[Sequence[int]]:
        """Return the positions that the head reads: each word's first subword."""
        return [feature.extra["starts"]]

    def loss(self, hidden: Tensor, head: nn.Module, batch: Batch) -> Tensor:
        """Return the cross-entropy summed over first subwords."""
        logits, _ = self._at_words(hidden, head, batch)
        gold = on(hidden.device, [t for f in batch.features for t in f.target])
        return functional.cross_entropy(logits.float(), gold, reduction="sum")

    def predict(self, hidden: Tensor, head: nn.Module | None, batch: Batch) -> list[Any]:
        """Return the best tag of each word of each window."""
        assert head is not None
        logits, sizes = self._at_words(hidden, head, batch)
        return [part.tolist() for part in torch.split(logits.argmax(-1).cpu(), sizes)]

    def score(
        self,
        examples: list[Example],
        features: list[Feature],
        raw: list[Any],
        task: Task,
        *,
        retrieval: Retrieval | None = None,
    ) -> Scored:
        """Score by span F1 over all sentences, keeping each sentence's counts."""
        del retrieval
        default = task.labels.index("O") if "O" in task.labels else 0
        predicted = [[default] * len(e["tokens"]) for e in examples]
        for feature, tags in zip(features, raw, strict=True):
            for word, tag in zip(feature.extra["words"], tags, strict=True):
                predicted[feature.example][word] = tag
        counts = coded_span_counts(
            [code for e in examples for code in _gold(task, e)],
            [code for codes in predicted for code in codes],
            [len(codes) for codes in predicted],
            task.labels,
        )
        items = pa.table(
            {
                "id": [e["id"] for e in examples],
                "matched": counts.matched,
                "predicted": counts.predicted,
                "gold": counts.gold,
            }
        )
        named = [[task.labels[code] for code in codes] for codes in predicted]
        return Scored({"f1": counts.f1()}, items, named)

    @staticmethod
    def _at_words(hidden: Tensor, head: nn.Module, batch: Batch) -> tuple[Tensor, list[int]]:
        """Return (words, tags) logits at first subwords only, and the words per feature."""
        starts = [f.extra["starts"] for f in batch.features]
        length = hidden.shape[1]
        places = [r * length + c for r, s in enumerate(starts) for c in s]
        picked = hidden.flatten(0, 1).index_select(0, on(hidden.device, places).long())
        return head(picked), [len(s) for s in starts]


def _gold(task: Task, example: Example) -> list[int]:
    """Return the codes of an example's tags.

    Raises:
        DataError: a tag is unknown, or there is not one for each word.
    """
    tokens, tags = example["tokens"], example["tags"]
    if len(tokens) != len(tags):
        raise DataError(
            f"task '{task.name}' example '{example['id']}': found {len(tags)} tags for "
            f"{len(tokens)} words ; expected one a word. Mend the data."
        )
    return [label_index(tag, task, example) for tag in tags]


def _windows(
    ids: list[int], words: list[int | None], room: int
) -> list[tuple[list[int], list[tuple[int, int]]]]:
    """Cut subwords into windows of whole words; one word longer than the room is cut short.

    Returns:
        Per window its ids and the (word, position of its first subword within the ids) pairs.
    """
    spans: list[tuple[int, int, int]] = []  # word, begin, end
    for position, word in enumerate(words):
        assert word is not None
        if spans and spans[-1][0] == word:
            spans[-1] = (word, spans[-1][1], position + 1)
        else:
            spans.append((word, position, position + 1))
    windows: list[tuple[list[int], list[tuple[int, int]]]] = []
    for word, begin, end in spans:
        piece = ids[begin : min(end, begin + room)]
        if not windows or len(windows[-1][0]) + len(piece) > room:
            windows.append(([], []))
        windows[-1][1].append((word, len(windows[-1][0])))
        windows[-1][0].extend(piece)
    return windows


def _feature(
    ids: list[int],
    starts: list[tuple[int, int]],
    tags: list[int] | None,
    example: int,
    tokenizer: Any,
) -> Feature:
    words = [w for w, _ in starts]
    return Feature(
        [[tokenizer.cls_token_id, *ids, tokenizer.sep_token_id]],
        None if tags is None else [tags[w] for w in words],
        weight=len(words),
        example=example,
        extra={"words": words, "starts": [1 + s for _, s in starts]},
    )


FAMILY: Family = Tagging()
