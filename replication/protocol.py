"""The recipe of a replication as one record, and the typed differences between two recipes.

Light: imports neither torch nor transformers nor datasets.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from claims.estimand import SeedStatistic, Split
from claims.record import Name, Record, Text, Unknown

__all__ = [
    "Architecture",
    "Base",
    "Evaluation",
    "Lengths",
    "Mixing",
    "Pretraining",
    "Protocol",
    "Recipe",
    "Retrieval",
    "Target",
]

Count = Annotated[int, Field(ge=1)]
Share = Annotated[float, Field(ge=0, le=1)]
Positive = Annotated[float, Field(gt=0)]


class Architecture(Record):
    """The size of an XLM-R style encoder that starts from random weights."""

    layers: Count
    width: Count
    attention_heads: Count
    feed_forward: Count
    vocabulary: Count
    """Largest size of the tokenizer's vocabulary, special tokens included."""
    max_positions: Count
    """Longest sequence in tokens."""
    dropout: Share = 0.1
    tokenizer: Literal["bytes", "words"] = "bytes"
    """Kind of tokenizer trained on the pretraining text."""


class Base(Record):
    """The pretrained multilingual encoder that every condition starts from."""

    checkpoint: Annotated[str, Field(min_length=1, max_length=300)] | None
    """Hub id or local folder; null where the encoder is built from `architecture`."""
    revision: str | None = None
    """Commit of the hub repository."""
    architecture: Architecture | None = None


class Lengths(Record):
    """How long sequences are cut."""

    max_length: Count
    """Longest sequence in tokens."""
    stride: Annotated[int, Field(ge=0)] | None = None
    """Overlap in tokens of two windows over one question's context."""


class Recipe(Record):
    """How one training phase runs."""

    examples: Count | Unknown | None = None
    """Cap on training examples per task; null for all of them."""
    epochs: Positive | Unknown
    batch_size: Count | Unknown
    """Examples per optimiser step, gradient accumulation included."""
    learning_rate: Positive | Unknown
    warmup_share: Share | Unknown = 0.1
    """Share of the steps over which the learning rate rises; it then falls linearly to 0."""
    weight_decay: Annotated[float, Field(ge=0)] | Unknown = 0.01
    clip_norm: Positive | Unknown = 1.0
    adam_epsilon: Positive | Unknown = 1e-8
    max_length: Count | Unknown
    """Longest sequence in tokens; longer ones are truncated, or split where a stride is given."""
    stride: Count | Unknown | None = None
    """Overlap in tokens of two windows over one question's context."""

    def lengths(self) -> Lengths:
        """Return how sequences are cut; the recipe must not leave that unknown."""
        stride = self.stride if isinstance(self.stride, int) else None
        return Lengths(max_length=int(self.max_length), stride=stride)


class Pretraining(Record):
    """Masked-language modelling from scratch on unlabelled text."""

    corpus: tuple[Name, ...]
    """Rows of replication/tasks/corpora.yaml."""
    sentences_per_language: Count
    masked_share: Share = 0.15
    language_exponent: Share = 0.7
    """Languages are sampled with probability proportional to size to this power (XLM-R uses 0.3)."""
    seed: Annotated[int, Field(ge=0)] = 0
    """The base is one checkpoint, so its seed is not a replicate."""
    recipe: Recipe


class Mixing(Record):
    """How the tasks of a multi-task phase share the steps; each step is of one task."""

    sampling: Literal["proportional"] | Unknown = "proportional"
    """`proportional`: probability proportional to min(number of examples, cap)."""
    cap: Count | Unknown | None = None


class Target(Record):
    """How one target task is trained."""

    train_on: Name | None
    """Task whose training data is used; null for evaluation without training."""
    recipe: Recipe | None = None

    @model_validator(mode="after")
    def _trained_with_a_recipe(self) -> Target:
        if (self.train_on is None) != (self.recipe is None):
            raise ValueError("train_on and recipe must be given together, or neither")
        return self


class Retrieval(Record):
    """How sentences become vectors."""

    layer: Annotated[int, Field(ge=0)] | Unknown
    """Index of the hidden state, 0 being the embeddings."""
    pooling: Literal["mean"] | Unknown = "mean"
    """`mean`: over all tokens that are not padding, special tokens included."""
    max_length: Count | Unknown
    """Longest sentence in tokens; longer ones are truncated."""


class Evaluation(Record):
    """What is scored."""

    splits: dict[Name, Split | Unknown]
    """Split per target task."""
    examples_per_language: Count | None = None
    """Cap on evaluated examples per language; null for all of them."""
    selection: Literal["last", "english_validation"] | Unknown = "last"
    """Which checkpoint of a target run is scored."""
    retrieval: Retrieval | None = None


class Protocol(Record):
    """The recipe of a replication: phases, data, hyperparameters, seeds, selection, evaluation."""

    schema_version: Literal["corroborate/protocol@1"] = Field(alias="schema")
    name: Name
    size: Name = "full"
    """Which of the file's sizes this is."""
    summary: Text
    simulated: bool = False
    """Whether the data are synthetic; every output then says so."""
    caveats: tuple[Text, ...] = ()
    """What was scaled down or replaced; the report prints each one."""
    base: Base
    pretraining: Pretraining | None = None
    intermediate_tasks: tuple[Name, ...]
    """What a condition's `all` stands for."""
    intermediate: Recipe
    intermediate_recipes: dict[Name, Recipe] = {}
    """Recipes of single intermediate tasks that differ from `intermediate`."""
    mixing: Mixing = Mixing()
    train_splits: dict[Name, Split] = {}
    """Split used for training where it is not `train`."""
    targets: dict[Name, Target]
    evaluation: Evaluation
    seeds: Annotated[int, Field(ge=1, le=1000)] | Unknown
    """Number of replicates per condition."""
    seed_statistic: SeedStatistic | Unknown = "mean"
    precision: Literal["fp32", "bf16", "auto"] | Unknown = "auto"
    """`auto`: bf16 on a GPU that has it, fp32 elsewhere."""
    sources: dict[str, Text] = {}
    """Where each reported setting was read, by dotted field; for the reader, not compared."""
