"""Which batch each step of a phase gets: a pure function of the features, the mixing and the seed."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from torch import Tensor, nn

from replication.batching import Batch, Feature, pack_by_tokens
from replication.protocol import Mixing, Recipe, TokenBudget

__all__ = ["Feed", "Objective", "batches", "step_count", "task_order"]


class Objective(Protocol):
    """What training needs of a task family."""

    def loss(self, hidden: Tensor, head: nn.Module, batch: Batch) -> Tensor:
        """Return the loss summed over the batch's loss terms."""
        ...


@dataclass(frozen=True, slots=True)
class Feed:
    """One task's share of a training phase."""

    objective: Objective
    features: Sequence[Feature]
    recipe: Recipe
    redraw: Callable[[Sequence[Feature], np.random.Generator], list[Feature]] | None = None
    """Applied to each batch as it is drawn, such as masking; None to leave it as it is."""
    step_share: float | None = None
    """Share of all steps, for an objective that runs beside the tasks; None for a task, whose steps
    follow from its recipe's epochs."""


def step_count(features: Sequence[Feature], recipe: Recipe) -> int:
    """Return the number of optimiser steps: batches of the epochs, the last one of each cut short."""
    size = recipe.batch_size
    if isinstance(size, TokenBudget):
        epoch = sum(1 for _ in pack_by_tokens(features, size.tokens, padded=False))
    else:
        epoch = math.ceil(len(features) / int(size))
    return max(1, round(epoch * float(recipe.epochs)))


def task_order(feeds: Mapping[str, Feed], mixing: Mixing, rng: np.random.Generator) -> list[str]:
    """Return the task of each step.

    Tasks share as many steps as their epochs make together; each step's task is drawn with the
    mixing's probabilities. An objective with a share of its own adds its steps, at random places.
    """
    names = sorted(n for n, f in feeds.items() if f.step_share is None)
    beside = sorted(n for n, f in feeds.items() if f.step_share is not None)
    counts = {n: step_count(feeds[n].features, feeds[n].recipe) for n in names}
    total = sum(counts.values())
    order = names * total
    if len(names) > 1:
        drawn = rng.choice(len(names), size=total, p=_probabilities(feeds, names, mixing))
        order = [names[i] for i in drawn]
    for name in beside:
        share = feeds[name].step_share or 0.0
        more = max(1, round(len(order) * share / (1 - share)))
        places = set(rng.choice(len(order) + more, size=more, replace=False).tolist())
        rest = iter(order)
        order = [name if i in places else next(rest) for i in range(len(order) + more)]
    return order


def batches(feed: Feed, rng: np.random.Generator) -> Iterator[list[Feature]]:
    """Yield batches forever, each epoch in a new random order."""
    own = np.random.Generator(np.random.PCG64(rng.integers(2**63)))
    while True:
        for picked in _epoch(feed.features, feed.recipe, own):
            batch = [feed.features[i] for i in picked]
            yield feed.redraw(batch, own) if feed.redraw else batch


def _epoch(
    features: Sequence[Feature], recipe: Recipe, rng: np.random.Generator
) -> Iterator[list[int]]:
    """Yield indices of features, a batch at a time, each feature once."""
    order, size = rng.permutation(len(features)).tolist(), recipe.batch_size
    if isinstance(size, TokenBudget):
        # cut in order of length, which is the same in every epoch, so that the number of batches is
        shuffled = [features[i] for i in order]
        cut = list(pack_by_tokens(shuffled, size.tokens, padded=False))
        yield from ([order[i] for i in cut[at]] for at in rng.permutation(len(cut)))
        return
    for begin in range(0, len(order), int(size)):
        yield order[begin : begin + int(size)]


def _probabilities(feeds: Mapping[str, Feed], names: list[str], mixing: Mixing) -> np.ndarray:
    cap = mixing.cap if isinstance(mixing.cap, int) else None
    sizes = np.array([min(len(feeds[n].features), cap or 2**62) for n in names], dtype=float)
    if mixing.sampling == "temperature":
        sizes = sizes ** (1 / float(mixing.temperature or 1.0))
    return np.asarray(sizes / sizes.sum())
