"""The one training loop, for every phase: tasks with their features and heads, steps, one optimiser."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import nullcontext
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch

from replication.ahead import Ahead
from replication.batching import Batch, Feature, collate, cut_by_length, cut_by_tokens
from replication.errors import StoppedError, TrainingError
from replication.losses import Losses
from replication.model import EncoderWithHeads
from replication.packing import Layout
from replication.protocol import Mixing, Recipe
from replication.resume import Progressed, Resume, on_host
from replication.sampling import Feed, Objective, batches, step_count, task_order
from replication.tasks.mlm import MaskedHead
from replication.vocabulary import Vocabulary, rows_read
from replication.watch import Watch

__all__ = [
    "TOKENS_AT_ONCE",
    "Execution",
    "Feed",
    "Look",
    "Objective",
    "Trained",
    "step_count",
    "train",
]

TOKENS_AT_ONCE = {"cpu": 4096, "cuda": 32768}
"""Most tokens in one micro-batch, per kind of device; padding counts where batches are padded."""


@dataclass(frozen=True, slots=True)
class Look:
    """Validation now and then, so that the best checkpoint is kept."""

    every_steps: int
    score: Callable[[EncoderWithHeads], float]
    """Validation score of the model, in points; it must not change the model or draw at random."""
    patience: int | None
    """Looks without improvement after which training stops; None for never."""


@dataclass(frozen=True, slots=True)
class Execution:
    """How a phase is executed; nothing here is part of the recipe, but for the look."""

    bf16: bool = False
    """Whether to compute in bfloat16 (weights and optimiser stay in fp32)."""
    resume: Resume | None = None
    """Where the state is kept; None to keep none."""
    look: Look | None = None
    """None to keep the last checkpoint."""
    tokens_at_once: int | None = None
    """Most tokens in one micro-batch; None for the device's own number."""
    watch: Watch = field(default_factory=Watch)
    """Who may stop the phase after a step, and hears of its steps."""


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
    """Steps per task: the mixture as it was drawn."""
    batches: str = "padded"
    """How the encoder read them: `packed`, without padding, or `padded`."""
    halvings: int = 0
    """How often the micro-batch was halved because memory ran out; batches stayed what they were."""
    kept_step: int | None = None
    """Step of the checkpoint that was kept, where a look chose one."""
    kept_score: float | None = None
    """Its validation score, in points."""


def train(
    model: EncoderWithHeads,
    feeds: Mapping[str, Feed],
    *,
    mixing: Mixing,
    pad_id: int,
    rng: np.random.Generator,
    execution: Execution | None = None,
) -> Trained:
    """Train encoder and heads, in place, for the epochs that the recipes ask for.

    Each step is a batch of one task. With several tasks the step's task is drawn with the mixing's
    probabilities, and the step follows the recipe of the task drawn; each task goes through its own
    features in shuffled order, epoch by epoch.

    Args:
        feeds: task -> features and recipe; heads of the same names exist in the model.
        rng: draws batches and tasks; torch's generator must have been seeded for dropout.
        execution: precision, resuming, and which checkpoint is kept.

    Raises:
        TrainingError: a loss is not finite, and at which step; or a weight is not, at the end; or
            memory does not suffice for a single example.
        StoppedError: the watch asked to stop; the state is saved, where there is a place for it.
    """
    loop = _Loop(model, feeds, task_order(feeds, mixing, rng), pad_id, execution or Execution())
    streams = {name: batches(f, rng) for name, f in sorted(feeds.items())}
    try:
        loop.run(streams)
    finally:
        loop.close()
    return loop.outcome()


@dataclass(frozen=True, slots=True)
class _Ready:
    """One step's batch as the encoder reads it."""

    features: list[Feature]
    parts: list[Batch]
    at_once: int
    """Most tokens of a part; 0 where memory did not suffice for the parts."""


class _Loop:
    """The steps of one phase, and what must survive the end of the process."""

    def __init__(
        self,
        model: EncoderWithHeads,
        feeds: Mapping[str, Feed],
        order: list[str],
        pad_id: int,
        execution: Execution,
    ) -> None:
        self.model = model
        self.feeds = feeds
        self.order = order
        self.pad_id = pad_id
        self.execution = execution
        self.device = next(model.parameters()).device
        self.vocabulary = _vocabulary(model, feeds, pad_id)
        self.optimiser = _optimiser(model)
        self.numbers: dict[str, Any] = {
            "tokens": 0,
            "halvings": 0,
            "at_once": execution.tokens_at_once or TOKENS_AT_ONCE[self.device.type],
            "kept_step": None,
            "kept_score": None,
            "fruitless": 0,
            "stopped": False,
            "unread": 1.0,
        }
        self.losses = Losses(order, torch.zeros(len(order), device=self.device))
        self.untold: tuple[int, int] | None = None
        """Step and tokens to tell of as soon as its loss is known."""
        lookup = None if self.vocabulary is None else self.vocabulary.lookup
        self.layouts = {
            n: Layout(getattr(f.objective, "reads", None), lookup) for n, f in feeds.items()
        }
        self.kept: dict[str, torch.Tensor] = {}
        self.done = 0

    def run(self, streams: Mapping[str, Iterator[list[Feature]]]) -> None:
        """Do the steps that are not done yet, and put the kept checkpoint in place."""
        self._take_up()
        for name in self.order[: self.done]:
            next(streams[name])  # drawn already before the process ended
        self.model.train()
        left = self.order[self.done :]
        with Ahead(self._ready(n, next(streams[n])) for n in left) as ahead:
            for name in left:
                if self.numbers["stopped"]:
                    break
                if self.execution.watch.stop():
                    self._save()
                    raise StoppedError(
                        f"training was asked to stop after step {self.done}. Run it again."
                    )
                self._step(name, next(ahead))
                if self.done % 50 == 0:
                    self.losses.send(self.done)
                self._look()
                self._tell()
                if self.execution.resume and self.execution.resume.due():
                    self._save()
        self.losses.read(self.done)
        self.restore()
        if self.kept:
            self.model.load_state_dict(self.kept)
        _check_weights(self.model)
        self.model.eval()

    def restore(self) -> None:
        """Give the model its whole vocabulary back."""
        if self.vocabulary is not None:
            self.vocabulary.restore()
            self.vocabulary = None

    def close(self) -> None:
        """Leave the model whole, and the last state on the disk."""
        self.restore()
        if self.execution.resume:
            self.execution.resume.close()

    def outcome(self) -> Trained:
        """Return what happened."""
        values = self.losses.read(self.done)
        tenth = max(1, self.done // 10)
        return Trained(
            steps=self.done,
            first_loss=float(values[:tenth].mean()),
            last_loss=float(values[-tenth:].mean()),
            tokens=self.numbers["tokens"],
            steps_of={n: self.order[: self.done].count(n) for n in sorted(self.feeds)},
            batches=self.model.batches,
            halvings=self.numbers["halvings"],
            kept_step=self.numbers["kept_step"],
            kept_score=self.numbers["kept_score"],
        )

    def _save(self) -> None:
        if self.execution.resume:
            state = Progressed(self.done, self.losses.values, self.numbers, self.kept)
            self.execution.resume.save(state, self.model, self.optimiser)

    def _tell(self) -> None:
        """Tell whoever watches of a step that the device has done, and never wait for it."""
        watch = self.execution.watch
        if self.untold is None and watch.due():
            self.untold = self.done, self.numbers["tokens"]
        if self.untold is not None:
            step, tokens = self.untold
            self.losses.send(self.done)
            if self.losses.arrived() >= step:
                self.untold = None
                watch.tell(step, len(self.order), tokens, self.losses.at(step))

    def _take_up(self) -> None:
        """Go on from the state on disk, where there is one of a phase with as many steps."""
        found = self.execution.resume and self.execution.resume.load(self.model, self.optimiser)
        at_once = self.numbers["at_once"]
        if found and len(found.losses) == len(self.order):
            self.done, self.numbers, self.kept = found.step, found.numbers, found.kept
            self.losses = Losses(self.order, found.losses.to(self.device))
            self.numbers["at_once"] = min(at_once, self.numbers["at_once"])
            if self.vocabulary is not None:
                self.vocabulary.unread = self.numbers.get("unread", 1.0)

    def _step(self, name: str, ready: _Ready) -> None:
        feed = self.feeds[name]
        factor = _schedule(self.done, len(self.order), feed.recipe)
        _set(self.optimiser, feed.recipe, factor)
        self.numbers["tokens"] += sum(f.tokens for f in ready.features)
        self.losses.values[self.done] = self._accumulate(name, ready)
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), float(feed.recipe.clip_norm))
        self.optimiser.step()
        self.optimiser.zero_grad(set_to_none=True)
        if self.vocabulary is not None:
            rate = float(feed.recipe.learning_rate) * factor
            self.vocabulary.decay(rate, float(feed.recipe.weight_decay))
            self.numbers["unread"] = self.vocabulary.unread
        self.done += 1

    def _ready(self, name: str, batch: list[Feature]) -> _Ready:
        """Cut and collate a batch, in the thread that works ahead."""
        at_once = self.numbers["at_once"]
        try:
            return _Ready(batch, self._collated(name, batch, at_once), at_once)
        except torch.OutOfMemoryError:  # left to the step, which can halve
            return _Ready(batch, [], 0)

    def _collated(self, name: str, batch: list[Feature], at_once: int) -> list[Batch]:
        layout = self.layouts[name] if self.model.packs else None
        cut = cut_by_tokens if self.model.packs else cut_by_length
        return [collate(p, self.pad_id, self.device, layout) for p in cut(batch, at_once)]

    def _accumulate(self, name: str, ready: _Ready) -> torch.Tensor:
        """Add the gradients of one batch and return its mean loss, halving what is in memory at once.

        The batch and its loss stay what they are; only how it is cut changes.
        """
        while True:
            try:
                at_once, parts = self.numbers["at_once"], ready.parts
                if ready.at_once != at_once:
                    parts = self._collated(name, ready.features, at_once)
                return self._pass(name, parts, sum(f.weight for f in ready.features))
            except torch.OutOfMemoryError as error:
                self.optimiser.zero_grad(set_to_none=True)
                largest = max(f.length * len(f.sequences) for f in ready.features)
                if self.numbers["at_once"] <= largest:
                    raise TrainingError(
                        f"step {self.done + 1} on task '{name}': memory does not suffice for one "
                        f"example of {largest} tokens. Lower max_length or use a larger device."
                    ) from error
                self.numbers["at_once"] = max(largest, self.numbers["at_once"] // 2)
                self.numbers["halvings"] += 1
            if self.device.type == "cuda":
                torch.cuda.empty_cache()

    def _pass(self, name: str, parts: list[Batch], weight: int) -> torch.Tensor:
        """Add the gradients of one batch, micro-batch by micro-batch."""
        feed = self.feeds[name]
        total = torch.zeros((), device=self.device)
        for made in parts:
            with torch.autocast(
                self.device.type, dtype=torch.bfloat16, enabled=self.execution.bf16
            ):
                hidden = self.model.hidden(made)
                loss = feed.objective.loss(hidden, self.model.heads[name], made) / weight
            loss.backward()  # type: ignore[no-untyped-call]
            total += loss.detach()
        return total

    def _look(self) -> None:
        """Validate where it is time, and keep the checkpoint if it is the best so far."""
        look = self.execution.look
        last = self.done == len(self.order)
        if look is None or (self.done % look.every_steps and not last):
            return
        with self.vocabulary.whole() if self.vocabulary else nullcontext():
            self.model.eval()
            score = look.score(self.model)
            self.model.train()
            better = self.numbers["kept_score"] is None or score > self.numbers["kept_score"]
            if better:
                self.kept = {n: on_host(t) for n, t in self.model.state_dict().items()}
        if better:
            self.numbers |= {"kept_step": self.done, "kept_score": score, "fruitless": 0}
            return
        self.numbers["fruitless"] += 1
        self.numbers["stopped"] = (
            look.patience is not None and self.numbers["fruitless"] >= look.patience
        )


def _schedule(step: int, steps: int, recipe: Recipe) -> float:
    """Return the factor of the learning rate: linear warm-up, then linear decay to 0."""
    warmup = float(recipe.warmup_share) * steps
    if step < warmup:
        return (step + 1) / (warmup + 1)
    return max(0.0, (steps - step) / max(1.0, steps - warmup))


def _vocabulary(
    model: EncoderWithHeads, feeds: Mapping[str, Feed], pad_id: int
) -> Vocabulary | None:
    """Cut the embedding down to what the features read; None where something else reads it too.

    The head of masked-language modelling is tied to the whole table, and a feed that draws its
    batches anew may draw any token.
    """
    tied = any(isinstance(h, MaskedHead) for h in model.heads.values())
    if tied or not model.packs or any(f.redraw for f in feeds.values()):
        return None
    embedding: torch.nn.Embedding = model.encoder.get_input_embeddings()  # type: ignore[operator]
    features = (x for f in feeds.values() for x in f.features)
    rows = rows_read(features, embedding.num_embeddings, pad_id)
    return None if rows is None else Vocabulary(embedding, rows)


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
    if not bool(torch.stack([torch.isfinite(p).all() for p in model.parameters()]).all()):
        raise TrainingError(
            "the last step: found a weight that is not finite ; expected finite ones. "
            "Lower the learning rate or look at the data."
        )
