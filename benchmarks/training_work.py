"""What both sides of the training comparison on a CPU are given: three kinds of data, a small XLM-R."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
import transformers
from torch import nn

from replication.batching import Feature
from replication.model import EncoderWithHeads, new_encoder
from replication.tasks.classification import SentenceHead

__all__ = [
    "BATCH", "DATA", "PAD", "VOCABULARY", "WORKS", "Work", "as_rows", "features_of", "own", "padded",
    "theirs",
]  # fmt: skip

PAD, BATCH, DROPOUT = 1, 32, 0.1
VOCABULARY = 8192
DATA = 6_400
"""Examples of a data set: of fewer, group_by_length does not make its whole mega-batches."""
KNOWN = 40_000
"""Rows that a data set draws from where the vocabulary has more: one language's data use no more of
XLM-R's (SPEED.md of the project's notes has a few ten thousand)."""


@dataclass(frozen=True, slots=True)
class Work:
    """One kind of data: lengths as those of a lognormal distribution, and who reads the states."""

    name: str
    family: str
    mean: float
    spread: float
    """Of the logarithm of a length."""
    longest: int
    classes: int
    steps: int
    """Of training in a turn."""
    examples: int
    """Scored in a turn."""


WORKS = (
    Work("XNLI", "classification", 40, 0.48, 128, 3, steps=16, examples=384),
    Work("SQuAD", "span_qa", 183, 0.33, 384, 2, steps=6, examples=96),
    Work("tagging", "tagging", 25, 0.64, 128, 17, steps=20, examples=512),
)
"""Spread so that padding of random batches of 32 comes to what SPEED.md measured on real data."""


def features_of(work: Work, count: int, vocabulary: int, *, seed: int = 0) -> list[Feature]:
    """Return features of random tokens, ranks of tokens distributed as in text (Zipf).

    Tagged words have one subword or two, as often.
    """
    rng = np.random.Generator(np.random.PCG64(seed))
    known = np.arange(4, vocabulary)
    if vocabulary > KNOWN:
        known = rng.permutation(known)[:KNOWN]
    centre = np.log(work.mean) - work.spread**2 / 2
    lengths = np.clip(np.round(rng.lognormal(centre, work.spread, count)), 5, work.longest)
    made = []
    for index, length in enumerate(lengths.astype(int).tolist()):
        ranks = np.exp(rng.random(length - 2) * np.log(len(known) - 6)).astype(int)
        ids = [0, *known[ranks].tolist(), 2]
        feature = Feature([ids], int(rng.integers(work.classes)), example=index)
        if work.family == "span_qa":
            feature.target = sorted(rng.integers(1, length - 1, size=2).tolist())
            feature.extra = {"offsets": [None, *[(i, i + 1) for i in range(length - 2)], None]}
        if work.family == "tagging":
            starts = [1, *(np.flatnonzero(rng.random(length - 3) < 2 / 3) + 2).tolist()]
            tags = rng.integers(work.classes, size=len(starts)).tolist()
            feature.target, feature.weight = tags, len(starts)
            feature.extra = {"starts": starts, "words": list(range(len(starts)))}
        made.append(feature)
    return made


def _config(vocabulary: int, **more: Any) -> transformers.XLMRobertaConfig:
    return transformers.XLMRobertaConfig(
        vocab_size=vocabulary,
        hidden_size=256,
        num_hidden_layers=4,
        num_attention_heads=4,
        intermediate_size=1024,
        max_position_embeddings=514,
        type_vocab_size=1,
        hidden_dropout_prob=DROPOUT,
        attention_probs_dropout_prob=DROPOUT,
        pad_token_id=PAD,
        **more,
    )


def own(work: Work, vocabulary: int) -> EncoderWithHeads:
    """Return our model with random weights."""
    torch.manual_seed(0)
    heads: dict[str, nn.Module] = {
        "classification": SentenceHead(256, work.classes, DROPOUT),
        "span_qa": nn.Linear(256, 2),
        "tagging": nn.Sequential(nn.Dropout(DROPOUT), nn.Linear(256, work.classes)),
    }
    encoder = new_encoder(_config(vocabulary))
    return EncoderWithHeads(encoder, {work.name: heads[work.family]})


def theirs(work: Work, vocabulary: int) -> Any:
    """Return the Trainer's model with random weights."""
    torch.manual_seed(0)
    kinds: dict[str, Any] = {
        "classification": transformers.AutoModelForSequenceClassification,
        "span_qa": transformers.AutoModelForQuestionAnswering,
        "tagging": transformers.AutoModelForTokenClassification,
    }
    return kinds[work.family].from_config(_config(vocabulary, num_labels=work.classes))


def as_rows(work: Work, features: list[Feature]) -> list[dict[str, Any]]:
    """Return features as Trainer takes them."""
    rows = []
    for feature in features:
        row: dict[str, Any] = {"input_ids": feature.sequences[0]}
        if work.family == "classification":
            row["labels"] = feature.target
        elif work.family == "span_qa":
            row["start_positions"], row["end_positions"] = feature.target
        else:
            row["labels"] = [-100] * feature.length
            for start, tag in zip(feature.extra["starts"], feature.target, strict=True):
                row["labels"][start] = tag
        row["length"] = feature.length
        rows.append(row)
    return rows


def padded(rows: list[dict[str, Any]]) -> dict[str, torch.Tensor]:
    """Collate to the longest of the batch, in arrays, which costs less than tokenizer.pad."""
    longest = max(len(r["input_ids"]) for r in rows)
    fill = {"input_ids": PAD, "labels": -100}
    batch: dict[str, Any] = {"attention_mask": np.zeros((len(rows), longest), np.int64)}
    for number, row in enumerate(rows):
        batch["attention_mask"][number, : len(row["input_ids"])] = 1
        for name, value in row.items():
            if isinstance(value, list):
                whole = np.full((len(rows), longest), fill[name], np.int64)
                batch.setdefault(name, whole)[number, : len(value)] = value
            elif name != "length":
                batch.setdefault(name, np.zeros(len(rows), np.int64))[number] = value
    return {n: torch.from_numpy(v) for n, v in batch.items()}
