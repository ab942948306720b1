"""Training on the rows of the embedding that a phase reads, the others kept aside; exact.

A row that no batch reads has no gradient: AdamW shrinks it by its weight decay and does nothing else
(Loshchilov and Hutter 2019, algorithm 2). The product of those factors over all steps is kept, so
that the whole table can be had at any time.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager

import numpy as np
import torch
from torch import Tensor, nn

from replication.batching import Feature

__all__ = ["Vocabulary", "rows_read"]

LARGEST_SHARE = 0.5
"""Share of the rows above which a smaller table saves too little."""


def rows_read(features: Iterable[Feature], size: int, pad_id: int) -> np.ndarray | None:
    """Return the rows of an embedding that features read, ascending; None where that is most of it.

    Args:
        features: of all tasks of a phase.
        size: rows of the embedding.
        pad_id: row of the padding token, which keeps its number, and so all before it are kept.
    """
    read = np.zeros(size, dtype=bool)
    read[: pad_id + 1] = True
    for feature in features:
        for sequence in feature.sequences:
            read[sequence] = True
    rows = np.flatnonzero(read)
    return rows if len(rows) <= LARGEST_SHARE * size else None


class Vocabulary:
    """An embedding cut down to some of its rows, until it is restored."""

    def __init__(self, embedding: nn.Embedding, rows: np.ndarray) -> None:
        """Put a table of the given rows in the embedding's place.

        Args:
            embedding: its weight becomes a new parameter, so an optimiser has to be made afterwards.
            rows: ascending.
        """
        self.embedding = embedding
        self.lookup = np.full(embedding.num_embeddings, -1, dtype=np.int64)
        self.lookup[rows] = np.arange(len(rows))
        """Token id -> row of the small table; -1 for rows that are kept aside."""
        self.unread = 1.0
        """What weight decay has made of each row kept aside, as a factor."""
        self._whole = embedding.weight
        self._rows = torch.from_numpy(rows).to(embedding.weight.device)
        self._small = nn.Parameter(embedding.weight.detach()[self._rows])
        # on the host: a table that is not trained needs no room on the device
        self._aside = embedding.weight.detach().cpu()
        self._whole.data = self._small.data.new_empty(0)
        embedding.weight = self._small

    def decay(self, rate: float, weight_decay: float) -> None:
        """Note one step of the optimiser."""
        self.unread *= 1.0 - rate * weight_decay

    def table(self) -> Tensor:
        """Return the whole table as it is after the steps noted, on the embedding's device."""
        table = (self._aside * self.unread).to(self._small.device)
        table[self._rows] = self._small.detach()
        return table

    def restore(self) -> None:
        """Put the whole table back for good."""
        self._whole.data = self.table()
        self.embedding.weight = self._whole

    @contextmanager
    def whole(self) -> Iterator[None]:
        """Have the embedding hold the whole table for a while."""
        self.restore()
        try:
            yield
        finally:
            self._whole.data = self._small.data.new_empty(0)
            self.embedding.weight = self._small
