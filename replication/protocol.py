"""The recipe of a replication as one record, and the typed differences between two recipes.

Light: imports neither torch nor transformers nor datasets.
"""

from __future__ import annotations

import re
from itertools import pairwise
from typing import Annotated, Literal

from pydantic import Field, model_validator

from claims.estimand import SeedStatistic, Split
from claims.record import NAME, Name, Record, Text, Unknown

__all__ = [
    "Architecture",
    "Base",
    "Evaluation",
    "Lengths",
    "LongSentences",
    "MaskedMixing",
    "Mixing",
    "Pretraining",
    "Protocol",
    "Recipe",
    "Retrieval",
    "Selection",
    "Target",
    "TokenBudget",
    "base_name",
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
    """Commit of the hub repository, or `sha256:...` over the files of a local folder; null for
    whichever is found when planning, which is then in every spec."""
    architecture: Architecture | None = None


def base_name(base: Base | str) -> str | None:
    """Return the name by which a condition may call a base: the last part of a hub id or path.

    None where the base is built from an architecture, or has no name that a claim file could write.
    """
    checkpoint = base if isinstance(base, str) else base.checkpoint
    last = (checkpoint or "").rstrip("/").rpartition("/")[2]
    return last if re.fullmatch(NAME, last) else None


LongSentences = Literal["split", "truncate"]
"""What happens to a sentence for tagging that is too long: XTREME splits it at a word into several,
jiant cuts it off, so that the rest gets the default tag."""


class Lengths(Record):
    """How long sequences are cut."""

    max_length: Count
    """Longest sequence in tokens."""
    stride: Annotated[int, Field(ge=0)] | None = None
    """Overlap in tokens of two windows over one question's context."""
    long_sentences: LongSentences = "split"


class TokenBudget(Record):
    """Batches of neighbours in length, in place of random ones of a fixed number of examples.

    All features are put in order of length, those of one length at random in each epoch, and cut into
    batches; the batches come in random order. Long examples then have fewer others in their batch, and
    more weight in the mean loss of a step: a deviation from a paper that drew its batches at random.
    """

    tokens: Count
    """Most real tokens of a batch, padding not counted; a longer feature is a batch alone."""


class Recipe(Record):
    """How one training phase runs."""

    examples: Count | Unknown | None = None
    """Cap on training examples per task; null for all of them."""
    epochs: Positive | Unknown
    batch_size: Count | TokenBudget | Unknown
    """Examples per optimiser step, gradient accumulation included; drawn at random, but for a budget of
    tokens."""
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
    long_sentences: LongSentences | Unknown = "split"

    def lengths(self) -> Lengths:
        """Return how sequences are cut; the recipe must not leave that unknown."""
        stride = self.stride if isinstance(self.stride, int) else None
        return Lengths(
            max_length=int(self.max_length),
            stride=stride,
            long_sentences="split" if self.long_sentences == "unknown" else self.long_sentences,
        )


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

    sampling: Literal["proportional", "temperature"] | Unknown = "proportional"
    """`proportional`: probability proportional to min(number of examples, cap); `temperature`: to
    that number to the power 1 / temperature (Raffel et al. 2020, section 3.5.2)."""
    cap: Count | Unknown | None = None
    temperature: Positive | Unknown | None = None
    """1 is proportional, larger is nearer to uniform; only with `temperature` sampling."""

    @model_validator(mode="after")
    def _temperature_where_used(self) -> Mixing:
        if (self.sampling == "temperature") != (self.temperature is not None):
            unknown = "unknown" in (self.sampling, self.temperature)
            if not unknown:
                raise ValueError(
                    "temperature must be given with temperature sampling, and only then"
                )
        return self


class MaskedMixing(Record):
    """Multilingual masked-language modelling that goes on during the intermediate phase."""

    corpus: tuple[Name, ...]
    """Rows of replication/tasks/corpora.yaml."""
    sentences_per_language: Count
    step_share: Annotated[float, Field(gt=0, lt=1)]
    """Share of all steps that are of this objective; the tasks keep the steps that they have without."""
    masked_share: Share = 0.15
    language_exponent: Share = 0.7
    """Languages are sampled with probability proportional to size to this power."""
    recipe: Recipe
    """Its epochs are not used: the number of steps follows from the share."""


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
    centring: bool | Unknown = False
    """Whether the mean vector of each language's sentences is taken off before comparing."""
    layer_chosen: Literal["before_scoring", "after_scoring"] | Unknown = "before_scoring"
    """Whether the layer was fixed before any score of the evaluated data was seen."""
    neighbours: Count | Unknown = 4
    """Neighbours in the ratio margin of mining (Artetxe and Schwenk 2019)."""
    threshold: float | Literal["scored_gold"] | Unknown = "scored_gold"
    """Margin from which a mined pair counts; `scored_gold`: the one that is best on the very gold
    that is scored, as XTREME's and the authors' development scores are made."""
    max_length: Count | Unknown
    """Longest sentence in tokens; longer ones are truncated."""


class Selection(Record):
    """Which checkpoint of a target run is scored."""

    rule: Literal["last", "best"] | Unknown = "last"
    """`best`: the highest validation score of the task that is trained."""
    languages: Literal["training", "all"] | Unknown = "training"
    """Languages of the validation data; `all` looks at target languages and is not zero-shot."""
    every_steps: Count | Unknown | None = None
    """Steps between two looks; null for once an epoch."""
    examples: Count | Unknown | None = None
    """Cap on validation examples per language; null for all of them."""
    patience: Count | Unknown | None = None
    """Looks without improvement after which training stops; null for never."""


class Evaluation(Record):
    """What is scored."""

    splits: dict[Name, Split | Unknown]
    """Split per target task."""
    examples_per_language: Count | None = None
    """Cap on evaluated examples per language; null for all of them."""
    selection: Selection | Unknown = Selection()
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
    masked_mixing: MaskedMixing | Unknown | None = None
    """What a condition's `mlm` means; null where the protocol has none."""
    train_splits: dict[Name, Split] = {}
    """Split used for training where it is not `train`."""
    targets: dict[Name, Target]
    evaluation: Evaluation
    seeds: Annotated[int, Field(ge=1, le=1000)] | Unknown
    """Number of replicates per condition."""
    first_seed: Annotated[int, Field(ge=0, le=2**31)] = 0
    """Seeds count upwards from here. Scores that were seen cannot be planned for any more; another
    first seed gives fresh ones."""
    looks: Annotated[tuple[Annotated[int, Field(ge=1, le=1000)], ...], Field(max_length=100)] = ()
    """Rising numbers of seeds at which a verdict may be taken, fixed before the first; empty where
    `seeds` is the only one. The error that a claim allows is spread over them."""
    seed_statistic: SeedStatistic | Unknown = "mean"
    precision: Literal["fp32", "bf16", "auto"] | Unknown = "auto"
    """`auto`: bf16 on a GPU that has it, fp32 elsewhere."""
    sources: dict[str, Text] = {}
    """Where each reported setting was read, by dotted field; for the reader, not compared."""

    @model_validator(mode="after")
    def _looks_rise_and_hold_the_seeds(self) -> Protocol:
        if any(a >= b for a, b in pairwise(self.looks)):
            raise ValueError("looks must rise, such as 3, 5, 10")
        if self.looks and self.seeds not in self.looks:
            told = ", ".join(map(str, self.looks))
            raise ValueError(f"seeds must be one of the planned looks, {told}")
        return self
