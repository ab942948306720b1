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

from replication.packing import Layout, Packing, pack

__all__ = ["Batch", "Feature", "collate", "cut_by_length", "cut_by_tokens", "on", "pack_by_tokens"]


@dataclass(slots=True)
class Feature:
    """One tokenised example, or one window of it."""

    sequences: Sequence[Sequence[int] | np.ndarray]
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

    @property
    def tokens(self) -> int:
        """Return how many tokens the sequences have together."""
        return sum(len(s) for s in self.sequences)


@dataclass(slots=True)
class Batch:
    """Padded token ids of some features."""

    input_ids: Tensor
    """(rows, length), rows being the sequences of all features in order."""
    attention_mask: Tensor
    """(rows, length), 1 where there is a token."""
    features: list[Feature]
    packing: Packing | None = None
    """The same tokens without padding, for an encoder that reads them so; None for any other."""


def collate(
    features: list[Feature], pad_id: int, device: torch.device, layout: Layout | None = None
) -> Batch:
    """Pad the sequences of some features to the longest among them.

    Args:
        features: at least one.
        pad_id: what they are padded with.
        device: where the batch goes.
        layout: how they are packed beside; None to leave that.
    """
    sequences = [np.asarray(s, dtype=np.int64) for f in features for s in f.sequences]
    lengths = np.fromiter((len(s) for s in sequences), dtype=np.int64, count=len(sequences))
    longest = int(lengths.max())
    mask = np.arange(longest)[None, :] < lengths[:, None]
    ids = np.full((len(sequences), longest), pad_id, dtype=np.int64)
    ids[mask] = np.concatenate(sequences)
    packing = None
    if layout is not None:
        read = layout.reads and [r for f in features for r in layout.reads(f)]
        packing = pack(sequences, longest, pad_id, device, layout=layout, read=read)
    return Batch(
        input_ids=torch.from_numpy(ids).to(device, non_blocking=True),
        attention_mask=torch.from_numpy(mask.astype(np.int64)).to(device, non_blocking=True),
        features=features,
        packing=packing,
    )


def on(device: torch.device, values: Any) -> Tensor:
    """Return numbers as a tensor on a device, without making the host wait for the device."""
    return torch.tensor(values).to(device, non_blocking=True)


def cut_by_tokens(features: Sequence[Feature], max_tokens: int) -> list[list[Feature]]:
    """Cut one batch into parts of at most `max_tokens` real tokens, or of one feature.

    In order of length, so that sequences of like length meet; a pure function of the batch.
    """
    groups: list[list[Feature]] = []
    room = 0
    for feature in sorted(features, key=lambda f: -f.length):
        if not groups or feature.tokens > room:
            groups.append([])
            room = max_tokens
        groups[-1].append(feature)
        room -= feature.tokens
    return groups


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


def pack_by_tokens(
    features: Sequence[Feature], max_tokens: int, *, padded: bool = True
) -> Iterator[list[int]]:
    """Yield indices of features in batches of like length, each at most `max_tokens` tokens.

    Every feature occurs exactly once, longest first; where the cuts fall depends on the sizes alone. For
    evaluation, and for training where the recipe has a budget of tokens.

    Args:
        features: of all languages.
        max_tokens: of a batch, unless it is a single feature.
        padded: whether padding counts.
    """
    order = sorted(range(len(features)), key=lambda i: (-features[i].length, -features[i].tokens))
    batch: list[int] = []
    used = 0
    longest = 0
    for index in order:
        feature = features[index]
        if not batch:
            longest = feature.length
        more = longest * len(feature.sequences) if padded else feature.tokens
        if batch and used + more > max_tokens:
            yield batch
            batch, used, longest = [], 0, feature.length
            more = longest * len(feature.sequences) if padded else feature.tokens
        batch.append(index)
        used += more
    if batch:
        yield batch
