"""The one training loop, for every phase: tasks with their features and heads, steps, one optimiser."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch
from torch import Tensor, nn

from replication.batching import Batch, Feature, collate, cut_by_length
from replication.errors import TrainingError
from replication.model import EncoderWithHeads
from replication.protocol import Mixing, Recipe

__all__ = ["Feed", "Objective", "Trained", "step_count", "train"]

TOKENS_AT_ONCE = {"cpu": 4096, "cuda": 32768}
"""Most padded tokens in one micro-batch, per kind of device."""


class Objective(Protocol):
    """What training needs of a task family."""

    def loss(self, hidden: Tensor, head: nn.Module, batch: Batch) -> Tensor:
        """Return the loss summed over the batch's loss terms."""
        ...


@dataclass(frozen=True, slots=True)
class Feed:
    """One task's share of a training phase."""

    objective: Objective
    features: list[Feature]
    recipe: Recipe
    redraw: Callable[[Sequence[Feature], np.random.Generator], list[Feature]] | None = None
    """Applied to each batch as it is drawn, such as masking; None to leave it as it is."""


@dataclass(frozen=True, slots=True)
class Trained:
    """What happened in a training phase."""

    steps: int
    first_loss: float
    """Mean loss per term over the first tenth of the steps."""
    last_loss: float
    """The same over the last tenth."""
    tokens: int
    """Real tokens seen, padding not counted."""
    steps_of: dict[str, int]
    """Steps per task."""


def step_count(examples: int, recipe: Recipe) -> int:
    """Return the number of optimiser steps: batches of the epochs, the last one of each cut short."""
    return max(1, round(math.ceil(examples / int(recipe.batch_size)) * float(recipe.epochs)))


def train(
    model: EncoderWithHeads,
    feeds: Mapping[str, Feed],
    *,
    mixing: Mixing,
    pad_id: int,
    rng: np.random.Generator,
    bf16: bool = False,
) -> Trained:
    """Train encoder and heads, in place, for the epochs that the recipes ask for.

    Each step is a batch of one task. With several tasks the step's task is drawn with probability
    proportional to its number of features (or the mixing's cap, if lower), and the step follows the
    recipe of the task drawn; each task goes through its own features in shuffled order, epoch by epoch.

    Args:
        feeds: task -> features and recipe; heads of the same names exist in the model.
        rng: draws batches and tasks; torch's generator must have been seeded for dropout.
        bf16: whether to compute in bfloat16 (weights and optimiser stay in fp32).

    Raises:
        TrainingError: a loss is not finite, and at which step; or a weight is not, at the end.
    """
    device = next(model.parameters()).device
    counts = {name: step_count(len(f.features), f.recipe) for name, f in feeds.items()}
    order = _task_order(feeds, counts, mixing, rng)
    streams = {name: _batches(f, rng) for name, f in sorted(feeds.items())}
    optimiser = _optimiser(model)
    model.train()
    losses = torch.zeros(len(order), device=device)
    tokens = 0
    for step, name in enumerate(order):
        feed = feeds[name]
        _set(optimiser, feed.recipe, _schedule(step, len(order), feed.recipe))
        batch = next(streams[name])
        tokens += sum(len(s) for f in batch for s in f.sequences)
        losses[step] = _accumulate(model, name, feed, batch, pad_id=pad_id, bf16=bf16)
        torch.nn.utils.clip_grad_norm_(model.parameters(), float(feed.recipe.clip_norm))
        optimiser.step()
        optimiser.zero_grad(set_to_none=True)
        if step % 50 == 49 or step == len(order) - 1:
            _check(losses[: step + 1], order)
    _check_weights(model)
    model.eval()
    values = losses.cpu().numpy()
    tenth = max(1, len(order) // 10)
    return Trained(
        steps=len(order),
        first_loss=float(values[:tenth].mean()),
        last_loss=float(values[-tenth:].mean()),
        tokens=tokens,
        steps_of={name: order.count(name) for name in sorted(feeds)},
    )


def _accumulate(
    model: EncoderWithHeads, name: str, feed: Feed, batch: list[Feature], *, pad_id: int, bf16: bool
) -> torch.Tensor:
    """Add the gradients of one batch, micro-batch by micro-batch, and return its mean loss."""
    device = next(model.parameters()).device
    weight = sum(f.weight for f in batch)
    total = torch.zeros((), device=device)
    for part in cut_by_length(batch, TOKENS_AT_ONCE[device.type]):
        padded = collate(part, pad_id, device)
        with torch.autocast(device.type, dtype=torch.bfloat16, enabled=bf16):
            hidden = model.hidden(padded)
            loss = feed.objective.loss(hidden, model.heads[name], padded) / weight
        loss.backward()  # type: ignore[no-untyped-call]
        total += loss.detach()
    return total


def _task_order(
    feeds: Mapping[str, Feed], counts: Mapping[str, int], mixing: Mixing, rng: np.random.Generator
) -> list[str]:
    """Return the task of each step."""
    names = sorted(feeds)
    total = sum(counts.values())
    if len(names) == 1:
        return names * total
    cap = mixing.cap if isinstance(mixing.cap, int) else None
    sizes = np.array([min(len(feeds[n].features), cap or 2**62) for n in names], dtype=float)
    drawn = rng.choice(len(names), size=total, p=sizes / sizes.sum())
    return [names[i] for i in drawn]


def _batches(feed: Feed, rng: np.random.Generator) -> Iterator[list[Feature]]:
    """Yield batches forever, each epoch in a new random order."""
    size = int(feed.recipe.batch_size)
    own = np.random.Generator(np.random.PCG64(rng.integers(2**63)))
    while True:
        order = own.permutation(len(feed.features))
        for begin in range(0, len(order), size):
            batch = [feed.features[i] for i in order[begin : begin + size]]
            yield feed.redraw(batch, own) if feed.redraw else batch


def _schedule(step: int, steps: int, recipe: Recipe) -> float:
    """Return the factor of the learning rate: linear warm-up, then linear decay to 0."""
    warmup = float(recipe.warmup_share) * steps
    if step < warmup:
        return (step + 1) / (warmup + 1)
    return max(0.0, (steps - step) / max(1.0, steps - warmup))


def _optimiser(model: EncoderWithHeads) -> torch.optim.Optimizer:
    """Return AdamW; biases and layer norms are not decayed, as in BERT's and XLM-R's recipes."""
    decayed = [p for p in model.parameters() if p.ndim >= 2]
    others = [p for p in model.parameters() if p.ndim < 2]
    groups = [{"params": decayed, "decayed": True}, {"params": others, "decayed": False}]
    return torch.optim.AdamW(groups, fused=True)


def _set(optimiser: torch.optim.Optimizer, recipe: Recipe, factor: float) -> None:
    """Give the optimiser the settings of one step."""
    for group in optimiser.param_groups:
        group["lr"] = float(recipe.learning_rate) * factor
        group["eps"] = float(recipe.adam_epsilon)
        group["weight_decay"] = float(recipe.weight_decay) if group["decayed"] else 0.0


def _check_weights(model: EncoderWithHeads) -> None:
    """Refuse weights that the last step spoilt; the loss of a next step would have shown it."""
    if not all(bool(torch.isfinite(p).all()) for p in model.parameters()):
        raise TrainingError(
            "the last step: found a weight that is not finite ; expected finite ones. "
            "Lower the learning rate or look at the data."
        )


def _check(losses: torch.Tensor, order: list[str]) -> None:
    """Refuse to go on after a loss that is not finite; one synchronisation in fifty steps."""
    finite = torch.isfinite(losses)
    if bool(finite.all()):
        return
    step = int((~finite).nonzero()[0])
    raise TrainingError(
        f"step {step + 1} on task '{order[step]}': found a loss of {float(losses[step])} ; expected a "
        "finite one. Lower the learning rate or look at the data."
    )
