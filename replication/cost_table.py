"""What the cost model knows before a run of one's own: cost.yaml as records.

Light: imports neither torch nor transformers nor datasets.
"""

from __future__ import annotations

from functools import cache
from importlib import resources
from typing import Annotated

import yaml
from pydantic import Field

from claims.estimand import Split
from claims.record import Name, Record, Text
from replication.protocol import Architecture, Base

__all__ = ["CostTable", "Device", "Shape", "Throughput", "cost_table", "shape_of_base"]

Amount = Annotated[float, Field(ge=0)]
Positive = Annotated[float, Field(gt=0)]
Whole = Annotated[int, Field(ge=1)]


class Shape(Record):
    """The size of an XLM-R style encoder."""

    layers: Whole
    width: Whole
    feed_forward: Whole
    vocabulary: Whole
    positions: Whole
    """Rows of the table of positions, two more than the longest sequence."""

    @property
    def inner(self) -> int:
        """Return the weights of all layers' matrices, which every token is multiplied with."""
        return self.layers * (4 * self.width**2 + 2 * self.width * self.feed_forward)

    @property
    def parameters(self) -> int:
        """Return the encoder's weights: embeddings, layers, biases and norms; no head."""
        rows = self.vocabulary + self.positions + 1  # and one type of token
        small = self.layers * (9 * self.width + self.feed_forward) + 2 * self.width
        return rows * self.width + self.inner + small


class Throughput(Record):
    """How fast runs were on one device: a model of seconds, fitted, with its error."""

    device: Text
    """As runs record it: `cpu`, or `cuda: ` and the name."""
    training: tuple[Amount, Amount, Amount, Amount]
    """Seconds a run, a step, a step and 10^9 weights, 10^12 operations."""
    evaluation: tuple[Amount, Amount, Amount]
    """Seconds a run, a feature, 10^12 operations."""
    factor: Annotated[float, Field(ge=1)]
    """Nine of ten kinds of runs (phase, tasks, encoder) took within this factor of what was foretold
    by a fit that had not seen the kind."""
    runs: Whole
    kinds: Whole
    largest: Whole
    """`Shape.inner` of the largest encoder measured."""
    measured: Text
    """On what, and by which command."""


class Device(Record):
    """A device of which only arithmetic is known."""

    name: Text
    operations: Positive
    """Operations a second at which matrix products run, measured or stated."""
    share: Annotated[float, Field(gt=0, le=1)]
    """Share of them that a run reaches."""
    step_seconds_per_layer: Amount
    """Host time to launch one training step, a layer."""
    tokens_at_once: Whole
    """Most real tokens in one micro-batch."""
    because: Text
    """Where the figures come from."""


class CostTable(Record):
    """Everything of cost.yaml."""

    encoders: dict[str, Shape]
    """Hub id -> size."""
    examples: dict[Name, dict[Split, Whole]]
    """Task -> split -> examples a language, at most, of data on the hub."""
    tokens_per_feature: dict[Name, Positive]
    """Family -> mean tokens of a sequence, where the text cannot be read."""
    bytes_a_token: dict[str, Positive | None]
    """Kind of tokenizer -> bytes of text a token; null where each word is one."""
    gpu: Device
    activation_bytes: Positive
    """Bytes kept for the backward pass, a token, a layer and a unit of width, in 16 bits."""
    state_bytes: Positive
    """Bytes a weight in training: weight, gradient and two moments in 32 bits."""
    example_bytes: dict[Name, Positive]
    """Family -> bytes that a scored example leaves in the store."""
    devices: tuple[Throughput, ...]
    """Devices that were measured when this version was made."""
    notes: dict[str, Text]
    """Field -> where it comes from."""

    def of_device(self, device: str) -> Throughput | None:
        """Return what was measured on a device; None where nothing was."""
        return next((d for d in self.devices if d.device == device), None)


@cache
def cost_table() -> CostTable:
    """Return the table that comes with this version."""
    file = resources.files("replication") / "cost.yaml"
    return CostTable.model_validate(yaml.safe_load(file.read_text(encoding="utf-8")))


def shape_of_base(base: Base, table: CostTable, vocabulary: int | None = None) -> Shape | None:
    """Return the size of a base; None for a checkpoint that the table does not have.

    Args:
        base: the protocol's base.
        table: sizes of checkpoints.
        vocabulary: tokens that a trained tokenizer has; None for as many as it may have.
    """
    if base.checkpoint is not None:
        return table.encoders.get(base.checkpoint.removeprefix("FacebookAI/"))
    built: Architecture | None = base.architecture
    if built is None:
        return None
    return Shape(
        layers=built.layers,
        width=built.width,
        feed_forward=built.feed_forward,
        vocabulary=vocabulary or built.vocabulary,
        positions=built.max_positions + 2,
    )
