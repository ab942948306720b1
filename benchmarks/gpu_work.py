"""The same training for both sides of the GPU comparison: lengths, features, encoders, and a clock.

Token ids are random, drawn from 40,000 of XLM-R's 250,002 rows, as one data set uses no more (SPEED.md
of the project's notes has a few ten thousand); labels are random too. Nothing is learnt, and no step's
cost depends on that. Lengths are log-normal around the measured means of the three kinds of data,
with the spread that gives the padding measured there in random batches of 32.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from transformers import XLMRobertaConfig

from replication.batching import Feature
from replication.model import EncoderWithHeads, new_encoder
from replication.protocol import Mixing, Recipe
from replication.sampling import Feed
from replication.tasks.classification import FAMILY as CLASSIFICATION
from replication.tasks.row import Task
from replication.tasks.span_qa import FAMILY as SPAN_QA
from replication.tasks.tagging import FAMILY as TAGGING
from replication.training import Execution, train
from replication.watch import Watch

__all__ = [
    "LARGE", "SMALL", "WORKS", "Clock", "Size", "Timed", "Work", "config_of", "examples_of",
    "features_of", "matrix_peak", "operations_a_token", "ours", "padded",
]  # fmt: skip

PAD, FIRST, LAST = 1, 0, 2
"""XLM-R's ids of padding, <s> and </s>."""
USED_ROWS = 40_000
LABELS = 3
FAMILIES = {"classification": CLASSIFICATION, "tagging": TAGGING, "span_qa": SPAN_QA}


@dataclass(frozen=True, slots=True)
class Size:
    """An encoder, and how much is done with it."""

    name: str
    layers: int
    width: int
    heads: int
    vocabulary: int
    batch: int
    examples: int
    """6,400 give group_by_length its whole mega-batches."""
    packed_tokens: int
    """Real tokens of a packed batch."""
    matrix: int
    """Rows of the matrix product that the peak is measured with."""


LARGE = Size("XLM-R Large", 24, 1024, 16, 250_002, 32, 6_400, 16_384, 8_192)
SMALL = Size("a small encoder", 2, 32, 2, 1_000, 4, 24, 256, 256)


@dataclass(frozen=True, slots=True)
class Work:
    """One kind of training data."""

    name: str
    family: str
    mean: float
    """Tokens of an example, padding not counted."""
    sigma: float
    """Of the logarithm of lengths: padding of 2.39, 1.83 and 2.91 in random batches."""
    longest: int


WORKS = {
    work.name: work
    for work in (
        Work("XNLI", "classification", 40, 0.475, 128),
        Work("SQuAD", "span_qa", 183, 0.36, 384),
        Work("tagging", "tagging", 25, 0.605, 128),
    )
}


@dataclass(frozen=True, slots=True)
class Timed:
    """One training, from its first step to its end."""

    seconds: float
    steps: int
    tokens: int
    """Real ones, padding not counted."""
    peak_gib: float | None
    """Allocated on the device at once, weights and optimiser included; None on a CPU."""
    setup_s: float
    """Before the first step, not in the seconds."""
    begin: float = 0.0
    """Of the first step, on the machine's monotonic clock."""
    end: float = 0.0


def features_of(work: Work, size: Size, rng: np.random.Generator) -> list[Feature]:
    """Return random training features with the work's lengths."""
    rows = min(USED_ROWS, size.vocabulary - 3)
    known = 3 + rng.choice(size.vocabulary - 3, rows, replace=False)
    mu = np.log(work.mean) - work.sigma**2 / 2
    lengths = np.rint(rng.lognormal(mu, work.sigma, size.examples)).astype(int)
    return [
        _feature(work, [FIRST, *known[rng.integers(rows, size=n - 2)].tolist(), LAST], rng)
        for n in np.clip(lengths, 5, work.longest)
    ]


def examples_of(work: Work, features: Sequence[Feature]) -> list[dict[str, Any]]:
    """Return the same as a Hugging Face training set."""
    found = []
    for feature in features:
        (ids,) = feature.sequences
        example: dict[str, Any] = {"input_ids": ids}
        if work.family == "classification":
            example["labels"] = feature.target
        elif work.family == "span_qa":
            example |= {"start_positions": feature.target[0], "end_positions": feature.target[1]}
        else:
            labels = [-100] * len(ids)
            for at, tag in zip(feature.extra["starts"], feature.target, strict=True):
                labels[at] = tag
            example["labels"] = labels
        found.append(example)
    return found


def config_of(size: Size, labels: int = LABELS) -> XLMRobertaConfig:
    """Return XLM-R's config at a size; at the large one its numbers are those of XLM-R Large."""
    return XLMRobertaConfig(
        vocab_size=size.vocabulary, hidden_size=size.width, num_hidden_layers=size.layers,
        num_attention_heads=size.heads, intermediate_size=4 * size.width,
        max_position_embeddings=514, type_vocab_size=1, layer_norm_eps=1e-5,
        pad_token_id=PAD, bos_token_id=FIRST, eos_token_id=LAST, num_labels=labels,
    )  # fmt: skip


def operations_a_token(features: Sequence[Feature], size: Size) -> float:
    """Return floating-point operations of forward and backward per real token, without the head.

    Two for each weight of a layer's matrix products and each pair of tokens in attention, thrice as
    the backward pass costs twice the forward one.
    """
    lengths = np.array([f.length for f in features], dtype=float)
    weights = 12 * size.width**2
    attention = 2 * size.width * float((lengths**2).sum() / lengths.sum())
    return 6 * size.layers * (weights + attention)


def matrix_peak(size: Size, device: torch.device) -> float:
    """Return operations per second of a large bf16 matrix product on random data, by the median."""
    n = size.matrix
    a, b = (torch.randn(n, n, device=device, dtype=torch.bfloat16) for _ in range(2))
    for _ in range(10):
        a @ b
    spent = []
    for _ in range(5):
        _wait(device)
        begin = time.perf_counter()
        for _ in range(4):
            a @ b
        _wait(device)
        spent.append((time.perf_counter() - begin) / 4)
    return 2 * n**3 / statistics.median(spent)


def ours(
    work: Work, size: Size, features: list[Feature], device: torch.device, turn: int,
    *, batch: int | None = None,
) -> Timed:  # fmt: skip
    """Train for one epoch with `replication.training.train`, in bf16 on a GPU."""
    torch.manual_seed(turn)
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats()
    task = Task.model_construct(labels=("a", "b", "c")[:LABELS])
    with torch.device(device):
        encoder = new_encoder(config_of(size))
        head = FAMILIES[work.family].head(size.width, task, 0.1)
    assert isinstance(head, nn.Module)
    model = EncoderWithHeads(encoder, {"work": head})
    recipe = Recipe(
        epochs=1, batch_size=batch or size.batch, learning_rate=1e-5, max_length=work.longest
    )
    clock = Clock(device)
    trained = train(
        model,
        {"work": Feed(FAMILIES[work.family], features, recipe)},
        mixing=Mixing(),
        pad_id=PAD,
        rng=np.random.Generator(np.random.PCG64(turn)),
        execution=Execution(bf16=device.type == "cuda", watch=Watch(stop=clock.seen)),
    )
    return clock.timed(trained.steps, trained.tokens)


class Clock:
    """Starts at the first step, so that what happens once a phase is told apart."""

    def __init__(self, device: torch.device) -> None:
        self.device = device
        self.called = time.monotonic()
        self.begin: float | None = None

    def seen(self) -> bool:
        """Note the first step; never ask to stop."""
        if self.begin is None:
            _wait(self.device)
            self.begin = time.monotonic()
        return False

    def timed(self, steps: int, tokens: int) -> Timed:
        """Return what was measured until now."""
        _wait(self.device)
        end = time.monotonic()
        begin = self.called if self.begin is None else self.begin
        peak = None
        if self.device.type == "cuda":
            peak = torch.cuda.max_memory_allocated() / 2**30
        return Timed(end - begin, steps, tokens, peak, begin - self.called, begin, end)


def padded(examples: Sequence[Mapping[str, Any]]) -> dict[str, Tensor]:
    """Collate examples of a Hugging Face training set, padded to the longest."""
    longest = max(len(e["input_ids"]) for e in examples)

    def rows(key: str, fill: int) -> Tensor:
        return torch.tensor([[*e[key], *[fill] * (longest - len(e[key]))] for e in examples])

    ids = rows("input_ids", PAD)
    found = {"input_ids": ids, "attention_mask": (ids != PAD).long()}
    for key in ("labels", "start_positions", "end_positions"):
        if key in examples[0]:
            whole = isinstance(examples[0][key], list)
            found[key] = rows(key, -100) if whole else torch.tensor([e[key] for e in examples])
    return found


def _feature(work: Work, ids: list[int], rng: np.random.Generator) -> Feature:
    if work.family == "classification":
        return Feature([ids], int(rng.integers(LABELS)))
    if work.family == "span_qa":
        first = int(rng.integers(1, len(ids) - 1))
        return Feature([ids], (first, min(len(ids) - 2, first + int(rng.integers(5)))))
    starts = list(range(1, len(ids) - 1, 2))  # every other subword begins a word
    tags = rng.integers(LABELS, size=len(starts)).tolist()
    return Feature([ids], tags, weight=len(starts), extra={"starts": starts})


def _wait(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize()
