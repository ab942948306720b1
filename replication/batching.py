"""Features and batches: the protocol's random batches, cut into micro-batches of like length.

Batch membership is part of the protocol; how a batch is cut is not, since the summed loss is divided
by the weight of the whole batch. Cutting by length only saves padding.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import Tensor

__all__ = ["Batch", "Feature", "collate", "cut_by_length", "pack_by_tokens"]


@dataclass(slots=True)
class Feature:
    """One tokenised example, or one window of it."""

    sequences: list[list[int]]
    """Token ids; one sequence, or one per choice in multiple choice."""
    target: Any
    """What the head should say; its form is the family's business. None when evaluating."""
    weight: int = 1
    """Number of loss terms that the feature contributes."""
    example: int = 0
    """Index of the example it came from."""
    extra: dict[str, Any] = field(default_factory=dict)
    """What the family needs to read predictions back, such as character offsets."""

    @property
    def length(self) -> int:
        """Return the length in tokens of the longest sequence."""
        return max(len(s) for s in self.sequences)


@dataclass(slots=True)
class Batch:
    """Padded token ids of some features."""

    input_ids: Tensor
    """(rows, length), rows being the sequences of all features in order."""
    attention_mask: Tensor
    """(rows, length), 1 where there is a token."""
    features: list[Feature]


def collate(features: list[Feature], pad_id: int, device: torch.device) -> Batch:
    """Pad the sequences of some features to the longest among them."""
    sequences = [s for f in features for s in f.sequences]
    lengths = np.fromiter((len(s) for s in sequences), dtype=np.int64, count=len(sequences))
    longest = int(lengths.max())
    mask = np.arange(longest)[None, :] < lengths[:, None]
    ids = np.full((len(sequences), longest), pad_id, dtype=np.int64)
    ids[mask] = np.concatenate([np.asarray(s, dtype=np.int64) for s in sequences])
    return Batch(
        input_ids=torch.from_numpy(ids).to(device, non_blocking=True),
        attention_mask=torch.from_numpy(mask.astype(np.int64)).to(device, non_blocking=True),
        features=features,
    )


def cut_by_length(features: Sequence[Feature], max_tokens: int) -> list[list[Feature]]:
    """Cut one batch into micro-batches of like length.

    A new micro-batch begins where the next feature is under 60 % of the longest and the current one
    has at least four, or where the padded size would pass `max_tokens`. Ties keep the batch's order,
    so the result is a pure function of the batch.
    """
    groups: list[list[Feature]] = []
    longest = 0
    for feature in sorted(features, key=lambda f: -f.length):
        rows = len(feature.sequences)
        group = groups[-1] if groups else []
        full = longest * (sum(len(f.sequences) for f in group) + rows) > max_tokens
        uneven = len(group) >= 4 and feature.length < 0.6 * longest
        if not group or full or uneven:
            groups.append([feature])
            longest = feature.length
        else:
            group.append(feature)
    return groups


def pack_by_tokens(features: Sequence[Feature], max_tokens: int) -> Iterator[list[int]]:
    """Yield indices of features in batches of like length, each at most `max_tokens` padded tokens.

    For evaluation only: every feature occurs exactly once, longest first.
    """
    order = sorted(range(len(features)), key=lambda i: -features[i].length)
    batch: list[int] = []
    rows = 0
    longest = 0
    for index in order:
        more = len(features[index].sequences)
        if batch and longest * (rows + more) > max_tokens:
            yield batch
            batch, rows = [], 0
        if not batch:
            longest = features[index].length
        batch.append(index)
        rows += more
    if batch:
        yield batch
