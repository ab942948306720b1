"""What each comparison has to reach, as data: one target, one line of the table in any case.

A row answers to a target that names its work, way and peer; without one, two rows of the same work do,
of which one is the way and the other the peer. What none answers to is in the table as not measured,
with the reason.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

__all__ = [
    "BUDGET", "CPU", "EXACT", "GPU", "GROUPED", "HF", "HF_BEST", "LARGE", "LENGTHS", "MATRIX", "OURS",
    "PACKED", "PER_TARGET", "PREDICT", "SHARED", "SPEEDS", "Target",
]  # fmt: skip

HF = "HF Trainer, default"
GROUPED = "HF Trainer, group_by_length"
HF_BEST = "HF Trainer, its best configuration"
PREDICT = "HF Trainer.predict, *"
OURS = "ours"
EXACT = "ours, exact random batches"
BUDGET = "ours, token-budget batches"
LENGTHS = ("XNLI", "SQuAD", "tagging")
PACKED = "training, H200, XLM-R Large, packed batches of 16k tokens"
LARGE = "training, H200, XLM-R Large, batch 32, {} lengths"
MATRIX = "the paper's whole matrix, 22 configurations x 3 seeds"
SPEEDS = ("speeds of the small encoder on a CPU", "speeds of XLM-R Large on a GPU")
"""Which the hours of the matrix are reckoned from."""
SHARED = "ours, shared trainings made once"
PER_TARGET = f"{HF}, run per target"


@dataclass(frozen=True, slots=True)
class Target:
    """One number to reach."""

    part: str
    """Whose rows are to answer."""
    work: str
    way: str
    peer: str
    """With `*` at its end, the fastest of the ways whose names begin so."""
    least: float | None = None
    most: float | None = None
    stretch: float | None = None
    """Hoped for, beyond `least`."""
    quantity: Literal["ratio", "seconds", "peak_mib", "share_of_peak"] = "ratio"


_TRAINING = "training, {}, 6,400 examples"
_REAL = "training, XNLI, 6,400 examples, 250,002 rows"
_SPANS = "span F1, precision and recall, 10,000 sentences"
_MINING = "mining, 10,000 x 10,000 x 1,024, k = 4"
_NINE = "bootstrap of a nine-task average, 10,000 resamples"
_FLAT = "bootstrap of one accuracy, 10,000 resamples"


def _training(lengths: str, least: float, stretch: float) -> tuple[Target, ...]:
    part, work = f"training {lengths}", _TRAINING.format(lengths)
    return (
        Target(part, work, OURS, HF, least=least, stretch=stretch),
        Target(part, work, OURS, GROUPED, least=0.9),
        Target(part, work, BUDGET, GROUPED, least=1.03),
    )


CPU: tuple[Target, ...] = (
    *(
        target
        for lengths, least, stretch in (("XNLI", 2.0, 2.5), ("SQuAD", 1.75, 1.9), ("tagging", 2.1, 2.5))
        for target in _training(lengths, least, stretch)
    ),
    Target("vocabulary", _REAL, OURS, HF, least=2.9),
    Target("vocabulary", _REAL, OURS, GROUPED, least=1.65),
    *(
        Target("evaluation", f"scoring, {lengths}", OURS, PREDICT, least=least)
        for lengths, least in zip(LENGTHS, (2.0, 1.6, 2.6), strict=True)
    ),
    Target("scoring", "answers, SQuAD 1.1", OURS, "official algorithm", least=5),
    Target("scoring", "answers, MLQA in 7 languages", OURS, "official algorithm", least=5),
    Target("scoring", _SPANS, OURS, "seqeval, three calls", least=30),
    Target("scoring", _SPANS, OURS, "seqeval, F1 alone", least=30),
    Target("scoring", _SPANS, "ours, from numbers", "seqeval, F1 alone", least=30),
    Target("mining", _MINING, OURS, "faiss flat, two passes", least=1.6),
    Target("bootstrap", _NINE, OURS, "naive numpy", least=1000),
    Target("bootstrap", _NINE, OURS, "naive numpy", most=1.0, quantity="seconds"),
    Target("bootstrap", _NINE, OURS, "naive numpy", most=1024, quantity="peak_mib"),
    Target("bootstrap", _FLAT, OURS, "scipy flat", least=5000),
    Target("bootstrap", _FLAT, OURS, "scipy flat", most=1.0, quantity="seconds"),
    Target("bootstrap", _FLAT, OURS, "scipy flat", most=1024, quantity="peak_mib"),
    *(Target("matrix", f"{MATRIX}, {speeds}", SHARED, PER_TARGET, least=5) for speeds in SPEEDS),
)  # fmt: skip

GPU: tuple[Target, ...] = (
    Target("XNLI", LARGE.format("XNLI"), EXACT, HF, least=4),
    Target("XNLI", LARGE.format("XNLI"), EXACT, HF_BEST, least=1.8),
    Target("tagging", LARGE.format("tagging"), EXACT, HF, least=4),
    Target("tagging", LARGE.format("tagging"), EXACT, HF_BEST, least=1.8),
    Target("SQuAD", LARGE.format("SQuAD"), EXACT, HF, least=2),
    Target("SQuAD", LARGE.format("SQuAD"), EXACT, HF_BEST, least=1.15),
    Target("matrix", MATRIX, SHARED, PER_TARGET, least=5),
    Target("packed", f"{PACKED}, XNLI lengths", OURS, "measured bf16 matrix product", least=0.5,
           quantity="share_of_peak"),
)  # fmt: skip
