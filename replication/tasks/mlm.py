"""Masked-language modelling: unlabelled text in, masked batches and the loss at masked places out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from replication.batching import Batch, Feature, on

__all__ = [
    "MASKED_LANGUAGE_MODELLING",
    "MaskedHead",
    "Masking",
    "resampled",
    "text_features",
]


@dataclass(frozen=True, slots=True)
class Masking:
    """How places are masked, anew each time a batch is drawn (Liu et al. 2019, RoBERTa)."""

    share: float
    """Share of the places that are predicted, at least one a sentence."""
    mask_id: int
    special_ids: frozenset[int]
    vocabulary: int

    def __call__(self, batch: Sequence[Feature], rng: np.random.Generator) -> list[Feature]:
        """Return masked copies: of the chosen places 80 % become the mask, 10 % another token."""
        masked = []
        for feature in batch:
            ids = np.array(feature.sequences[0])
            open_places = np.flatnonzero(~np.isin(ids, list(self.special_ids)))
            if open_places.size == 0:
                continue
            n = max(1, round(open_places.size * self.share))
            places = np.sort(rng.choice(open_places, size=n, replace=False))
            gold = ids[places].tolist()
            kind = rng.random(n)
            ids[places[kind < 0.8]] = self.mask_id
            swapped = places[(kind >= 0.8) & (kind < 0.9)]
            ids[swapped] = rng.integers(self.vocabulary, size=swapped.size)
            target = (places.tolist(), gold)
            masked.append(Feature([ids.tolist()], target, weight=n, example=feature.example))
        return masked


class MaskedHead(nn.Module):
    """Dense, GELU, layer norm, and a projection tied to the word embeddings: XLM-R's own head."""

    def __init__(self, embedding: nn.Embedding) -> None:
        super().__init__()
        width = embedding.embedding_dim
        self.dense = nn.Linear(width, width)
        self.norm = nn.LayerNorm(width, eps=1e-5)
        self.bias = nn.Parameter(torch.zeros(embedding.num_embeddings))
        # in a list, so that the tied matrix is neither counted nor saved twice
        self._tied = [embedding]

    def forward(self, hidden: Tensor) -> Tensor:
        """Map (places, width) to (places, vocabulary)."""
        dense = self.norm(functional.gelu(self.dense(hidden)))
        return functional.linear(dense, self._tied[0].weight, self.bias)


class MaskedLanguageModelling:
    """The loss of masked-language modelling; it is trained with, never scored."""

    name = "mlm"

    @staticmethod
    def reads(feature: Feature) -> list[Sequence[int]]:
        """Return the positions that the head reads: the masked ones."""
        return [feature.target[0]]

    def loss(self, hidden: Tensor, head: nn.Module, batch: Batch) -> Tensor:
        """Return the cross-entropy summed over masked places."""
        length = hidden.shape[1]
        places = [r * length + p for r, f in enumerate(batch.features) for p in f.target[0]]
        gold = on(hidden.device, [g for f in batch.features for g in f.target[1]])
        picked = hidden.flatten(0, 1).index_select(0, on(hidden.device, places))
        return functional.cross_entropy(head(picked).float(), gold, reduction="sum")


def text_features(
    texts: Mapping[str, Sequence[str]], tokenizer: Any, max_length: int
) -> list[Feature]:
    """Tokenise text, one feature a sentence, language by language in the order of their codes.

    Args:
        texts: language -> sentences.
        tokenizer: of the base.
        max_length: tokens after which a sentence is cut.
    """
    features: list[Feature] = []
    for code in sorted(texts):
        if texts[code]:
            pieces = list(texts[code])
            encoded = tokenizer(pieces, truncation=True, max_length=max_length)["input_ids"]
            features += [Feature([ids], None, example=i) for i, ids in enumerate(encoded)]
    return features


def resampled(
    features: Sequence[Feature],
    sizes: Mapping[str, int],
    *,
    exponent: float,
    rng: np.random.Generator,
) -> list[Feature]:
    """Draw languages anew with probability proportional to their size to the exponent.

    The total stays what it is; small languages are repeated and large ones thinned out
    (Conneau et al. 2020, section 3.1).

    Args:
        features: as `text_features` returns them.
        sizes: language -> sentences.
        exponent: 1 to leave languages as they are.
        rng: draws.
    """
    counts = {code: n for code, n in sorted(sizes.items()) if n}
    weights = {code: n**exponent for code, n in counts.items()}
    total, norm, begin = sum(counts.values()), sum(weights.values()), 0
    drawn: list[Feature] = []
    for code, n in counts.items():
        wanted = max(1, round(total * weights[code] / norm))
        whole, rest = divmod(wanted, n)
        picked = [*list(range(n)) * whole, *rng.permutation(n)[:rest].tolist()]
        drawn += [features[begin + i] for i in picked]
        begin += n
    return drawn


MASKED_LANGUAGE_MODELLING = MaskedLanguageModelling()
