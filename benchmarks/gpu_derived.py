"""What follows from the rows of `make bench-gpu`: the best peer at each length, and the paper's matrix.

The matrix is arithmetic at measured speeds: its training tokens, of benchmarks/paper_matrix.py with the
assumptions marked there, over the real tokens per second measured at the nearest of three lengths;
scoring a token takes a third of training on it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import product
from typing import Any

from benchmarks.bench_parts import Document, Row
from benchmarks.bench_targets import (
    EXACT,
    HF,
    HF_BEST,
    LARGE,
    LENGTHS,
    MATRIX,
    PER_TARGET,
    SHARED,
)

__all__ = ["best", "hours", "matrix"]

_LENGTHS = {
    "squad_v1": "SQuAD", "squad_v2": "SQuAD", "tydiqa": "SQuAD", "xquad": "SQuAD", "mlqa": "SQuAD",
    "udpos": "tagging", "panx": "tagging", "ccg": "tagging", "bucc": "tagging", "tatoeba": "tagging",
}  # fmt: skip
"""Task -> which measured lengths are nearest to its own; XNLI for the others."""


def best(document: Document) -> Iterator[Row]:
    """Yield, for each length, ours against the peer's configuration with the most tokens per second.

    Where no configuration with torch_compile was measured, the best one is not known.
    """
    for lengths in LENGTHS:
        rows = _rows(document, lengths) + _rows(document, f"{lengths} compiled")
        measured = [r for r in rows if r["ratio"] is not None and "compiled" in r]
        found: Row = {
            "work": LARGE.format(lengths), "way": EXACT, "peer": HF_BEST, "seconds": None,
            "ratio": None,
        }  # fmt: skip
        if not {r["compiled"] for r in measured} >= {False, True}:
            why = (
                _why(document, f"{lengths} compiled") or _why(document, lengths) or "not asked for"
            )
            yield found | {"reason": f"not all configurations were measured: {why}"}
            continue
        least = min(measured, key=lambda r: r["ratio"])
        yield least | {"peer": HF_BEST, "note": f"{least['peer']}: {least['note']}"}


def matrix(document: Document) -> Iterator[Row]:
    """Yield the paper's matrix with the Trainer's default, run per target, against ours."""
    mine, theirs = {}, {}
    for lengths in LENGTHS:
        for row in _rows(document, lengths):
            if row["peer"] == HF and row["ratio"] is not None:
                mine[lengths] = row["tokens_per_second"]
                theirs[lengths] = row["peer_tokens_per_second"]
    found: Row = {
        "work": MATRIX, "way": SHARED, "peer": PER_TARGET, "seconds": None, "ratio": None,
    }  # fmt: skip
    if set(mine) != set(LENGTHS):
        yield found | {"reason": "not all three lengths were measured"}
        return
    own, other = hours(mine, share=True), hours(theirs, share=False)
    note = f"{other:.3g} h for the peer; arithmetic at the measured speeds, one run at a time"
    yield found | {"hours": own, "peer_hours": other, "ratio": other / own, "note": note}


def hours(speeds: Mapping[str, float], *, share: bool) -> float:
    """Return the hours of every cell, 22 configurations with three seeds.

    Args:
        speeds: lengths -> real tokens per second in training.
        share: whether XQuAD and MLQA share their training.
    """
    from benchmarks.paper_matrix import SEEDS, SINGLES, TARGETS  # noqa: PLC0415 - reads claims

    plain: list[Sequence[str]] = [(), *((name,) for name in SINGLES), SINGLES]
    phases = sum(
        _intermediate(names, speeds, masked=masked)
        for names, masked in product(plain, (False, True))
    )
    targets = sum(_cell(task, speeds) for task in TARGETS)
    targets -= _trained("squad_v1", 2, speeds) if share else 0.0
    return SEEDS * (phases + 2 * len(plain) * targets) / 3600


def _intermediate(names: Sequence[str], speeds: Mapping[str, float], *, masked: bool) -> float:
    """Return seconds of the intermediate phase; steps of masked-language modelling come on top."""
    from benchmarks.paper_matrix import _MLM_STEPS, SINGLES  # noqa: PLC0415

    each = {name: _trained(name, 2, speeds) for name in SINGLES}
    found = sum(each[name] for name in names)
    if not masked:
        return found
    more = found if names else sum(each.values()) / len(SINGLES)
    return found + more * _MLM_STEPS / (1 - _MLM_STEPS)


def _cell(task: str, speeds: Mapping[str, float]) -> float:
    """Return seconds of training for one target and of scoring its two splits."""
    from benchmarks.paper_matrix import (  # noqa: PLC0415
        _EPOCHS,
        _RETRIEVAL_LAYERS,
        _SCORED,
        recipe,
    )
    from replication.tasks.row import tasks  # noqa: PLC0415

    validation, test, tokens = _SCORED[task]
    splits = tasks()[task].splits
    examples = validation * ("validation" in splits) + test * ("test" in splits)
    layers = _RETRIEVAL_LAYERS if task in ("bucc", "tatoeba") else 1.0
    scoring = layers * examples * tokens / (3 * _speed(task, speeds))
    train_on = recipe().targets[task].train_on
    return scoring + (_trained(train_on, _EPOCHS.get(train_on, 2), speeds) if train_on else 0.0)


def _trained(name: str, epochs: int, speeds: Mapping[str, float]) -> float:
    from benchmarks.paper_matrix import _TRAINED  # noqa: PLC0415

    examples, tokens = _TRAINED[name]
    return examples * tokens * epochs / _speed(name, speeds)


def _speed(task: str, speeds: Mapping[str, float]) -> float:
    return speeds[_LENGTHS.get(task, "XNLI")]


def _rows(document: Document, part: str) -> list[Row]:
    rows: list[Row] = document["parts"].get(part, {}).get("rows", [])
    return rows


def _why(document: Document, part: str) -> str | None:
    """Return why a part has no row with a number; None where it has one, or was not asked for."""
    found: Mapping[str, Any] = document["parts"].get(part, {})
    if any(r["ratio"] is not None for r in found.get("rows", ())):
        return None
    reasons = [r["reason"] for r in found.get("rows", ()) if r.get("reason")]
    return found.get("reason") or (reasons[0] if reasons else None)
