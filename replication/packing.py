"""Packed batches: the tokens of all sequences one after another, without padding.

Only attention looks from one token to another, so all else of an encoder can work on such a pack.
Sequences lie longest first, so that neighbours in length are neighbours in the pack.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import Tensor

__all__ = ["Bucket", "Layout", "Packing", "pack"]

EVEN = 0.8
"""Least share of its bucket's longest sequence that a sequence has."""

Reads = Callable[[Any], Sequence[Sequence[int]]]
"""Feature -> per sequence, the positions that the head reads."""


@dataclass(frozen=True, slots=True)
class Layout:
    """How sequences are packed."""

    reads: Reads | None = None
    """What a head reads; the last layer computes nothing else. None for every position."""
    lookup: np.ndarray | None = None
    """Token id -> row of a compacted vocabulary; None where the vocabulary is whole."""


@dataclass(frozen=True, slots=True)
class Bucket:
    """Neighbouring sequences of like length, for an attention that wants them padded."""

    begin: int
    end: int
    """Its tokens within the pack."""
    rows: int
    length: int
    """Of its longest sequence."""
    places: Tensor | None
    """(end - begin,), where each token stands in the flattened (rows, length); None where all are
    of one length."""
    mask: Tensor | None
    """(rows, 1, 1, length), true where there is a token; None likewise."""


@dataclass(slots=True)
class Packing:
    """One pack."""

    input_ids: Tensor
    """(1, tokens)."""
    ordinals: Tensor
    """(1, tokens), each token's number within its sequence from 1 on; 0 for a padding token."""
    places: Tensor
    """(tokens,), where each token stands in the flattened (rows, length) of the padded batch."""
    wanted: Tensor | None
    """Which tokens of the pack a head reads, ascending; None for all."""
    bounds: Tensor
    """(rows + 1,), int32: where each sequence begins, and the end of the last."""
    lengths: np.ndarray
    """(rows,), descending."""
    _buckets: list[Bucket] = field(default_factory=list)

    def buckets(self) -> list[Bucket]:
        """Return the pack in buckets of like length, made when first asked for."""
        if not self._buckets:
            self._buckets = _buckets(self.lengths, self.places.device)
        return self._buckets


def pack(
    sequences: list[np.ndarray],
    longest: int,
    pad_id: int,
    device: torch.device,
    *,
    layout: Layout,
    read: list[Sequence[int]] | None,
) -> Packing:
    """Pack sequences, the longest first.

    Args:
        sequences: token ids of each row of the padded batch.
        longest: length of the padded batch.
        pad_id: the token that has no position of its own, as in XLM-R.
        device: where the pack goes.
        layout: vocabulary.
        read: per sequence, the positions that are read; None for all.
    """
    lengths = np.fromiter((len(s) for s in sequences), dtype=np.int64, count=len(sequences))
    order = np.argsort(-lengths, kind="stable")
    sorted_lengths = lengths[order]
    bounds = np.concatenate([[0], np.cumsum(sorted_lengths)])
    ids = np.concatenate([sequences[i] for i in order])
    begins = np.repeat(bounds[:-1], sorted_lengths)
    real = ids != pad_id
    counted = np.cumsum(real)
    before = np.concatenate([[0], counted])[begins]
    places = np.repeat(order * longest, sorted_lengths) + np.arange(len(ids)) - begins
    wanted = None
    if read is not None:
        parts = [bounds[k] + np.asarray(read[i], dtype=np.int64) for k, i in enumerate(order)]
        wanted = _moved(np.unique(np.concatenate(parts)), device)
    return Packing(
        input_ids=_moved(ids if layout.lookup is None else layout.lookup[ids], device)[None],
        ordinals=_moved((counted - before) * real, device)[None],
        places=_moved(places, device),
        wanted=wanted,
        bounds=_moved(bounds.astype(np.int32), device),
        lengths=sorted_lengths,
    )


def _moved(values: np.ndarray, device: torch.device) -> Tensor:
    """Return an array on the device, without making the host wait for the device."""
    return torch.from_numpy(values).to(device, non_blocking=True)


def _buckets(lengths: np.ndarray, device: torch.device) -> list[Bucket]:
    """Cut rows, longest first, where one is much shorter than its bucket's longest."""
    found, first, begin = [], 0, 0
    while first < len(lengths):
        length = int(lengths[first])
        last = int(np.searchsorted(-lengths, -EVEN * length, side="right"))
        part = lengths[first:last]
        end, places, mask = begin + int(part.sum()), None, None
        if part[-1] != length:
            there = np.arange(length)[None, :] < part[:, None]
            places = _moved(np.flatnonzero(there), device)
            mask = _moved(there[:, None, None, :], device)
        found.append(Bucket(begin, end, last - first, length, places, mask))
        first, begin = last, end
    return found
