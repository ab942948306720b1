"""What each comparison has to reach, as data: one target, one line of the table in any case.

A row meets a target that names its work, way and peer. What no row answers to is in the table as not
measured, with the reason.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

__all__ = ["CPU", "EXACT", "GPU", "GROUPED", "HF", "HF_BEST", "LENGTHS", "PACKED", "Target"]

HF = "HF Trainer default"
GROUPED = "HF Trainer group_by_length"
HF_BEST = "HF Trainer, its best configuration"
EXACT = "ours, exact random batches"
BUDGET = "ours, token-budget batches"
OURS = "ours"
LENGTHS = ("XNLI", "SQuAD", "tagging")
PACKED = "training, H200, XLM-R Large, packed batches of 16k tokens"
LARGE = "training, H200, XLM-R Large, batch 32, {} lengths"
MATRIX = "the paper's whole matrix, 22 configurations x 3 seeds"


@dataclass(frozen=True, slots=True)
class Target:
    """One number to reach."""

    part: str
    """Whose rows are to answer."""
    work: str
    way: str
    peer: str
    least: float | None = None
    most: float | None = None
    stretch: float | None = None
    """Hoped for, beyond `least`."""
    quantity: Literal["ratio", "seconds", "peak_mib", "share_of_peak"] = "ratio"


def _lengths(part: str, work: str, way: str, peer: str, least: tuple[float, ...]) -> list[Target]:
    return [
        Target(part, work.format(lengths), way, peer, least=number)
        for lengths, number in zip(LENGTHS, least, strict=True)
    ]


_TRAINING = "training, CPU, {} lengths"
_MANY = "training, CPU, {} lengths, 6,400 examples"
_REAL = "training, CPU, XNLI lengths, vocabulary of 250,002 rows"
_NINE = "bootstrap of a nine-task average, 10,000 resamples"
_FLAT = "bootstrap of one accuracy, 10,000 resamples"

CPU: tuple[Target, ...] = (
    Target("training", _TRAINING.format("XNLI"), EXACT, HF, least=2.0, stretch=2.5),
    Target("training", _TRAINING.format("SQuAD"), EXACT, HF, least=1.75, stretch=1.9),
    Target("training", _TRAINING.format("tagging"), EXACT, HF, least=2.1, stretch=2.5),
    *_lengths("training", _MANY, EXACT, GROUPED, (0.9, 0.9, 0.9)),
    *_lengths("training", _MANY, BUDGET, GROUPED, (1.03, 1.03, 1.03)),
    Target("training", _REAL, EXACT, HF, least=2.9),
    Target("training", _REAL, EXACT, GROUPED, least=1.65),
    *_lengths(
        "training", "evaluation, CPU, {} lengths", OURS, "HF Trainer.predict, its best batch size",
        (2.0, 1.6, 2.6),
    ),
    Target("scoring", "QA scoring", OURS, "official scripts", least=5),
    Target("scoring", "span F1", OURS, "seqeval", least=30),
    Target("mining", "mining, CPU", OURS, "faiss flat", least=1.6),
    Target("bootstrap", _NINE, OURS, "naive numpy", least=1000),
    Target("bootstrap", _NINE, OURS, "naive numpy", most=1.0, quantity="seconds"),
    Target("bootstrap", _NINE, OURS, "naive numpy", most=1024, quantity="peak_mib"),
    Target("bootstrap", _FLAT, OURS, "scipy flat", least=5000),
    Target("bootstrap", _FLAT, OURS, "scipy flat", most=1.0, quantity="seconds"),
    Target("bootstrap", _FLAT, OURS, "scipy flat", most=1024, quantity="peak_mib"),
)  # fmt: skip

GPU: tuple[Target, ...] = (
    Target("XNLI", LARGE.format("XNLI"), EXACT, HF, least=4),
    Target("XNLI", LARGE.format("XNLI"), EXACT, HF_BEST, least=1.8),
    Target("tagging", LARGE.format("tagging"), EXACT, HF, least=4),
    Target("tagging", LARGE.format("tagging"), EXACT, HF_BEST, least=1.8),
    Target("SQuAD", LARGE.format("SQuAD"), EXACT, HF, least=2),
    Target("SQuAD", LARGE.format("SQuAD"), EXACT, HF_BEST, least=1.15),
    Target("matrix", MATRIX, "ours, shared trainings made once", f"{HF}, run per target", least=5),
    Target("packed", PACKED, OURS, "measured bf16 matrix product", least=0.5,
           quantity="share_of_peak"),
)  # fmt: skip
