"""Retrieval without a head: mean-pooled hidden states, nearest neighbour by cosine."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
from torch import Tensor, nn

from replication import protocol
from replication.batching import Batch, Feature
from replication.data import Example
from replication.errors import ReplicationError
from replication.mining import Threshold, mine, pair_scores, tuned_on_gold
from replication.products import outer_product
from replication.scoring import nearest
from replication.tasks.family import Family, Scored
from replication.tasks.row import Task

__all__ = ["FAMILY", "Retrieval"]


class Retrieval:
    """The family `retrieval`: each source sentence should find its own target sentence."""

    name = "retrieval"
    tokens_alone = True
    """A sentence's vector depends on nothing but its tokens, so each distinct one is embedded once."""

    def features(
        self,
        examples: list[Example],
        task: Task,
        tokenizer: Any,
        lengths: protocol.Lengths,
        *,
        train: bool,
    ) -> list[Feature]:
        """Tokenise all source sentences, then all target sentences; `extra` says which side."""
        if train:
            raise ReplicationError(
                f"task '{task.name}': retrieval has no head ; expected no training."
            )
        features = []
        for side in ("source", "target"):
            encoded = tokenizer(
                [e[side] for e in examples], truncation=True, max_length=lengths.max_length
            )
            features += [
                Feature([ids], None, example=i, extra={"side": side})
                for i, ids in enumerate(encoded["input_ids"])
            ]
        return features

    def head(self, width: int, task: Task, dropout: float) -> None:
        """Return None: vectors are read off the encoder."""
        del width, task, dropout

    def loss(self, hidden: Tensor, head: nn.Module, batch: Batch) -> Tensor:
        """Refuse: there is nothing to train."""
        del hidden, head
        raise ReplicationError(f"retrieval: asked to train on {len(batch.features)} sentences.")

    def predict(self, hidden: Tensor, head: nn.Module | None, batch: Batch) -> list[Any]:
        """Return the mean over each sentence's tokens, special ones included, as float32 vectors."""
        del head
        # in fp32: bf16 cannot even count the tokens of a sentence of more than 256
        mask = batch.attention_mask[..., None].float()
        pooled = (hidden.float() * mask).sum(1) / mask.sum(1)
        return list(pooled.cpu().numpy())

    def score(
        self,
        examples: list[Example],
        features: list[Feature],
        raw: list[Any],
        task: Task,
        *,
        retrieval: protocol.Retrieval | None = None,
    ) -> Scored:
        """Score by the share of English sentences whose nearest neighbour is their own translation.

        English is the target column; the queries are English, as in the authors' later code. A task
        whose metric is F1 is mined instead: which pairs translate each other is not given.
        """
        side = {"source": [np.empty(0)] * len(examples), "target": [np.empty(0)] * len(examples)}
        for feature, vector in zip(features, raw, strict=True):
            side[feature.extra["side"]][feature.example] = vector
        source, target = np.stack(side["source"]), np.stack(side["target"])
        if retrieval is not None and retrieval.centring is True:
            source, target = source - source.mean(0), target - target.mean(0)
        if "f1" in task.metrics:
            return _mined(examples, source, target, retrieval)
        found = nearest(target, source)
        right = (found == np.arange(len(examples))).astype("float64")
        items = pa.table({"id": [e["id"] for e in examples], "accuracy": right})
        return Scored({"accuracy": float(right.mean() * 100)}, items, found.tolist())


def _mined(
    examples: list[Example],
    source: np.ndarray,
    target: np.ndarray,
    settings: protocol.Retrieval | None,
) -> Scored:
    """Score mining by F1 of pairs; example i holds source i, target i, and they are a gold pair."""
    if settings is None or isinstance(settings.neighbours, str):
        raise ReplicationError("mining: found no number of neighbours ; expected one. Name it.")
    found = mine(source, target, k=settings.neighbours, product=outer_product)
    gold = [(i, i) for i in range(len(examples))]
    if isinstance(settings.threshold, str):
        threshold = tuned_on_gold(found, gold)
    else:
        threshold = Threshold(value=settings.threshold, rule="given")
    pairs = found.above(threshold)
    partner = dict(pairs)
    ids = [e["id"] for e in examples]
    items = pa.table(
        {
            "id": ids,
            "matched": [int((i, i) in pairs) for i in range(len(ids))],
            "predicted": [int(i in partner) for i in range(len(ids))],
            "gold": [1] * len(ids),
        }
    )
    said = [ids[partner[i]] if i in partner else None for i in range(len(ids))]
    return Scored({"f1": pair_scores(gold, pairs)["f1"]}, items, said)


FAMILY: Family = Retrieval()
