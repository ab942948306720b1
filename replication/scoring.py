"""How good are predictions? Item outcomes and scores of classification and retrieval.

Scores are points from 0 to 100; item outcomes are kept beside them, because intervals and
significance are computed from items. Spans are scored in `spans`, answers in `answers`; both are
to be had from here, so that task families know one door.
Light: numpy only, no torch, no tokenizer.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from replication.answers import AnswerRules, AnswerScores, answer_scores
from replication.errors import DataError
from replication.spans import SpanCounts, span_counts

__all__ = [
    "AnswerRules",
    "AnswerScores",
    "SpanCounts",
    "accuracy",
    "answer_scores",
    "nearest",
    "overlap_scores",
    "points",
    "span_counts",
    "unit_vectors",
]

Items = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]


def points(items: npt.ArrayLike) -> float:
    """Return the mean of item outcomes in points, the same to the last bit in any order.

    Args:
        items: (n,) outcomes in [0, 1], n >= 1.

    Raises:
        DataError: there are no items, or one lies outside [0, 1].
    """
    values = np.asarray(items, dtype=np.float64)
    if values.ndim != 1 or not values.size:
        raise DataError(
            f"score: found item outcomes of shape {values.shape} ; expected (n,) with n >= 1. "
            "Check that the split and language hold examples."
        )
    if not bool(((values >= 0) & (values <= 1)).all()):
        raise DataError("score: found an item outcome outside [0, 1] ; expected none. Report it.")
    return 100.0 * math.fsum(values.tolist()) / values.size


def accuracy(gold: npt.ArrayLike, predicted: npt.ArrayLike) -> Items:
    """Return 1.0 for each item whose predicted class is the gold class, else 0.0.

    Args:
        gold: (n,) classes, as integers or as strings.
        predicted: (n,) classes of the same sort.

    Raises:
        DataError: shapes differ, or one side holds numbers and the other strings.
    """
    left, right = np.asarray(gold), np.asarray(predicted)
    if left.ndim != 1 or left.shape != right.shape:
        raise DataError(
            f"accuracy: found {right.shape} predictions for {left.shape} gold classes ; expected "
            "two flat lists of one length. Check that every example was predicted once."
        )
    # Comparing 1 with "1" is False for every item: a wrong 0 that looks like a measurement.
    if left.size and (left.dtype.kind in "US") != (right.dtype.kind in "US"):
        raise DataError(
            f"accuracy: found gold of type {left.dtype} and predictions of type {right.dtype} ; "
            "expected one type. Map class names to codes, or codes to names, on both sides."
        )
    return np.asarray(left == right, dtype=np.float64)


def overlap_scores(matched: int, predicted: int, gold: int) -> dict[str, float]:
    """Return F1, precision and recall of found things in points; 0 where nothing divides.

    Args:
        matched: things that are both found and true.
        predicted: things found.
        gold: true things.
    """
    return {
        "f1": 200.0 * matched / (predicted + gold) if predicted + gold else 0.0,
        "precision": 100.0 * matched / predicted if predicted else 0.0,
        "recall": 100.0 * matched / gold if gold else 0.0,
    }


_BLOCK = 1024
"""Rows of the similarity matrix held at once; 4 MB a thousand targets in float32."""


def nearest(source: npt.ArrayLike, target: npt.ArrayLike) -> Integers:
    """Return, for each source vector, the index of the target vector of highest cosine.

    Products are float32. Of equal targets the first one wins. A zero vector has cosine 0 with all.

    Args:
        source: (n, d) sentence vectors.
        target: (m, d) sentence vectors, m >= 1.

    Returns:
        (n,) indices into `target`; `accuracy(np.arange(n), nearest(...))` is Tatoeba's outcome.

    Raises:
        DataError: shapes do not fit, or a value is not finite.
    """
    left, right = unit_vectors(source, "source"), unit_vectors(target, "target")
    if left.shape[1] != right.shape[1] or not right.shape[0]:
        raise DataError(
            f"retrieval: found source vectors {left.shape} and target vectors {right.shape} ; "
            "expected (n, d) and (m, d) with m >= 1. Take both from one layer of one model."
        )
    found = np.zeros(left.shape[0], np.int64)
    for i in range(0, left.shape[0], _BLOCK):
        found[i : i + _BLOCK] = np.argmax(left[i : i + _BLOCK] @ right.T, axis=1)
    return found


def unit_vectors(vectors: npt.ArrayLike, side: str) -> npt.NDArray[np.float32]:
    """Return vectors scaled to length 1, zero vectors left as they are.

    Args:
        vectors: (n, d) finite numbers of any size.
        side: what the message calls them.

    Raises:
        DataError: another shape, or a value that is not finite.
    """
    matrix = np.asarray(vectors, dtype=np.float64)
    if matrix.ndim != 2 or not bool(np.isfinite(matrix).all()):
        raise DataError(
            f"retrieval: found {side} vectors of shape {matrix.shape}, or values that are not "
            "finite ; expected (n, d) finite numbers. Check the encoder's output."
        )
    # Dividing by the largest value first keeps squares from overflowing or vanishing.
    largest = np.abs(matrix).max(axis=1, initial=0.0, keepdims=True)
    matrix = matrix / np.where(largest > 0, largest, 1.0)
    norm = np.linalg.norm(matrix, axis=1, keepdims=True)
    return (matrix / np.where(norm > 0, norm, 1.0)).astype(np.float32)
