"""How fast is fine-tuning, at the protocol's random batches, against Hugging Face's Trainer?

`python -m benchmarks.training_speed --turns 3 [--out FILE.json]` trains a small XLM-R with random
weights on token ids drawn at random, of lengths like those of XNLI, SQuAD windows and tagged
sentences, and scores as many; the ways take turns in one process. Needs `accelerate`.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import torch
import transformers
from torch import nn

from replication.batching import Feature, collate, pack_by_tokens
from replication.evaluation import AT_ONCE
from replication.model import EncoderWithHeads, new_encoder
from replication.packing import Layout
from replication.protocol import Mixing, Recipe
from replication.tasks.classification import SentenceHead
from replication.tasks.family import family
from replication.training import Feed, train

__all__ = ["WORKS", "Work", "features_of", "main", "measure"]

PAD, BATCH, DROPOUT = 1, 32, 0.1
SMALL = 50_000
"""Rows of a vocabulary up to which all are trained anyway."""


def _clock() -> float:
    """Return seconds of the wall clock; of the processor where one thread computes on shared cores."""
    return time.process_time() if torch.get_num_threads() == 1 else time.perf_counter()


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
    examples: int


WORKS = (
    Work("XNLI", "classification", 40, 0.48, 128, 3, 384),
    Work("SQuAD", "span_qa", 183, 0.33, 384, 2, 96),
    Work("tagging", "tagging", 25, 0.64, 128, 17, 512),
)
"""Spread so that padding of random batches of 32 comes to what SPEED.md measured on real data."""


def features_of(work: Work, count: int, vocabulary: int, *, seed: int = 0) -> list[Feature]:
    """Return features of random tokens, ranks of tokens distributed as in text (Zipf).

    Tagged words have one subword or two, as often.
    """
    rng = np.random.Generator(np.random.PCG64(seed))
    centre = np.log(work.mean) - work.spread**2 / 2
    lengths = np.clip(np.round(rng.lognormal(centre, work.spread, count)), 5, work.longest)
    made = []
    for index, length in enumerate(lengths.astype(int).tolist()):
        drawn = np.exp(rng.random(length - 2) * np.log(vocabulary - 10)).astype(int) + 4
        ids = [0, *drawn.tolist(), 2]
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


def _own(work: Work, vocabulary: int) -> EncoderWithHeads:
    torch.manual_seed(0)
    heads: dict[str, nn.Module] = {
        "classification": SentenceHead(256, work.classes, DROPOUT),
        "span_qa": nn.Linear(256, 2),
        "tagging": nn.Sequential(nn.Dropout(DROPOUT), nn.Linear(256, work.classes)),
    }
    encoder = new_encoder(_config(vocabulary))
    return EncoderWithHeads(encoder, {work.name: heads[work.family]})


def _theirs(work: Work, vocabulary: int) -> Any:
    torch.manual_seed(0)
    kinds: dict[str, Any] = {
        "classification": transformers.AutoModelForSequenceClassification,
        "span_qa": transformers.AutoModelForQuestionAnswering,
        "tagging": transformers.AutoModelForTokenClassification,
    }
    return kinds[work.family].from_config(_config(vocabulary, num_labels=work.classes))


def _rows(work: Work, features: list[Feature]) -> list[dict[str, Any]]:
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


def _padded(rows: list[dict[str, Any]]) -> dict[str, torch.Tensor]:
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


class _Clock(transformers.TrainerCallback):  # type: ignore[misc]
    """Takes the time of the steps alone: neither building the model nor the data is part of it."""

    seconds = 0.0

    def on_train_begin(self, *_: Any, **__: Any) -> None:
        self.seconds = -_clock()

    def on_train_end(self, *_: Any, **__: Any) -> None:
        self.seconds += _clock()


def _trainer(model: Any, rows: list[dict[str, Any]], folder: str, **more: Any) -> Any:
    settings: dict[str, Any] = {
        "output_dir": folder,
        "per_device_train_batch_size": BATCH,
        "num_train_epochs": 1,
        "report_to": [],
        "save_strategy": "no",
        "disable_tqdm": True,
        "logging_strategy": "no",
        "use_cpu": not torch.cuda.is_available(),
        "remove_unused_columns": False,
        **more,
    }
    return transformers.Trainer(
        model=model,
        args=transformers.TrainingArguments(**settings),
        train_dataset=rows,
        data_collator=_padded,
    )


def train_theirs(work: Work, features: list[Feature], vocabulary: int, **more: Any) -> float:
    """Return the seconds that Trainer takes for one epoch."""
    with tempfile.TemporaryDirectory() as folder:
        trainer = _trainer(_theirs(work, vocabulary), _rows(work, features), folder, **more)
        clock = _Clock()
        trainer.add_callback(clock)
        trainer.remove_callback(transformers.PrinterCallback)
        trainer.train()
        return clock.seconds


def train_own(
    work: Work,
    features: list[Feature],
    vocabulary: int,
    *,
    packed: bool = True,
    data_set: int = 6400,
) -> float:
    """Return the seconds that our loop takes for as many real tokens as features have.

    Where the vocabulary is large they are drawn from a data set of so many examples, since what a
    small one leaves unread of the table flatters whoever leaves that out; 0 for the features alone.
    """
    model = _own(work, vocabulary)
    model.packs = packed
    data = features
    if vocabulary > SMALL and data_set:
        data = features_of(work, data_set, vocabulary, seed=1)
    recipe = Recipe(
        epochs=len(features) / len(data),
        batch_size=BATCH,
        learning_rate=1e-5,
        max_length=work.longest,
    )
    feed = Feed(family(work.family), data, recipe)
    rng = np.random.Generator(np.random.PCG64(0))
    began = _clock()
    trained = train(model, {work.name: feed}, mixing=Mixing(), pad_id=PAD, rng=rng)
    return (_clock() - began) / trained.tokens * sum(f.tokens for f in features)


def predict_theirs(work: Work, features: list[Feature], vocabulary: int, batch: int = 8) -> float:
    """Return the seconds that Trainer.predict takes; 8 is its default batch."""
    rows = _rows(work, features)
    with tempfile.TemporaryDirectory() as folder:
        model = _theirs(work, vocabulary)
        trainer = _trainer(model, rows, folder, per_device_eval_batch_size=batch)
        began = _clock()
        trainer.predict(rows)
        return _clock() - began


@torch.inference_mode()
def predict_own(work: Work, features: list[Feature], vocabulary: int) -> float:
    """Return the seconds that our pass over features of all languages takes, decoding included."""
    model, kind = _own(work, vocabulary).eval(), family(work.family)
    layout = Layout(getattr(kind, "reads", None)) if model.packs else None
    device = torch.device("cpu")
    began = _clock()
    for picked in pack_by_tokens(features, AT_ONCE["cpu"], padded=layout is None):
        batch = collate([features[i] for i in picked], PAD, device, layout)
        kind.predict(model.hidden(batch), model.heads[work.name], batch)
    return _clock() - began


Way = Callable[[Work, list[Feature], int], float]

PEER, GROUPED = "HF Trainer, default", "HF Trainer, group_by_length"
TRAINING: dict[str, Way] = {
    PEER: train_theirs,
    GROUPED: lambda *a: train_theirs(*a, train_sampling_strategy="group_by_length"),
    "ours, padded": lambda *a: train_own(*a, packed=False),
    "ours": train_own,
    "ours, rows of these examples": lambda *a: train_own(*a, data_set=0),
}
PREDICT = "HF Trainer.predict, batch 8"
SCORING: dict[str, Way] = {
    PREDICT: predict_theirs,
    "HF Trainer.predict, batch 32": lambda *a: predict_theirs(*a, batch=32),
    "ours": predict_own,
}


def measure(
    turns: int, only: str | None = None, vocabulary: int = 8192
) -> Iterator[dict[str, Any]]:
    """Yield what each way takes, the ways taking turns, one work after the other.

    Args:
        turns: of which the median counts; one more, unmeasured, comes first, on few examples.
        only: `training` or `scoring`, with a colon and the name of a work where only that is wanted.
        vocabulary: rows of the embedding.

    Yields:
        Rows with `work`, `way`, `peer`, `seconds` (median), `spread` (fastest and slowest), `ratio`
        (the peer's median over the way's), `tokens_per_second` (real tokens).
    """
    wanted, _, named = (only or "").partition(":")
    size = "" if vocabulary <= SMALL else f", {vocabulary:,} rows"
    for kind, ways, peer in (("training", TRAINING, PEER), ("scoring", SCORING, PREDICT)):
        for work in WORKS:
            if wanted in ("", kind) and named in ("", work.name):
                features = features_of(work, work.examples, vocabulary)
                taken = _take_turns(ways, work, features, turns, vocabulary)
                yield from _table(f"{kind}, {work.name}{size}", taken, peer, features)


def _take_turns(
    ways: dict[str, Way], work: Work, features: list[Feature], turns: int, vocabulary: int
) -> dict[str, list[float]]:
    taken: dict[str, list[float]] = {name: [] for name in ways}
    for turn in range(turns + 1):
        for name, way in ways.items():
            seconds = way(work, features if turn else features[:BATCH], vocabulary)
            if turn:
                taken[name].append(seconds)
    return taken


def _table(
    work: str, taken: dict[str, list[float]], peer: str, features: list[Feature]
) -> list[dict[str, Any]]:
    tokens = sum(f.length for f in features)
    return [
        {
            "work": work,
            "way": name,
            "peer": peer,
            "seconds": median(seconds),
            "spread": [min(seconds), max(seconds)],
            "ratio": median(taken[peer]) / median(seconds),
            "tokens_per_second": tokens / median(seconds),
        }
        for name, seconds in taken.items()
    ]


def main() -> None:
    """Measure, print the table and write it as JSON."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--turns", type=int, default=3)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--only", help="training or scoring, and :WORK")
    parser.add_argument("--vocabulary", type=int, default=8192)
    parser.add_argument("--out", type=Path)
    given = parser.parse_args()
    torch.set_num_threads(given.threads)
    rows = []
    for row in measure(given.turns, given.only, given.vocabulary):
        rows.append(row)
        low, high = row["spread"]
        print(
            f"{row['work']:20} {row['way']:30} {row['seconds']:8.2f} s ({low:.2f} to {high:.2f})"
            f"  {row['ratio']:5.2f}"
        )
    if given.out:
        versions = {"torch": torch.__version__, "transformers": transformers.__version__}
        note = {"threads": given.threads, "vocabulary": given.vocabulary, **versions}
        given.out.write_text(json.dumps({"rows": rows, "machine": note}, indent=1) + "\n")


if __name__ == "__main__":
    sys.exit(main())
