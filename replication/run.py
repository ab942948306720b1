"""Runs as records: what was asked for (spec), what came out (measurements), and where (environment).

Light: imports neither torch nor transformers nor datasets.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, Any, Literal

from pydantic import Field, SerializerFunctionWrapHandler, model_serializer

from claims.estimand import Condition, SeedStatistic, Split
from claims.record import Name, Record, Text
from replication.origin import Origin, Raw
from replication.protocol import (
    Base,
    Lengths,
    MaskedMixing,
    Mixing,
    Pretraining,
    Protocol,
    Recipe,
    Retrieval,
    Selection,
)
from replication.tasks.row import Metric

__all__ = [
    "EVALUATOR",
    "LONGEST_TRACEBACK",
    "ClaimNeeds",
    "DataUse",
    "Environment",
    "Measurement",
    "Phase",
    "Plan",
    "Refusal",
    "Run",
    "RunSpec",
    "Usage",
    "refusal_lines",
]

EVALUATOR = "corroborate-scoring@1"
"""Name and version of the scoring code; a change of scores raises the number."""

LONGEST_TRACEBACK = 20_000
"""Characters of a failed run's traceback that are kept: the last ones."""

Phase = Literal["pretraining", "intermediate", "target", "evaluation"]
Digest = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


class DataUse(Record):
    """One piece of data that a run reads."""

    name: Name
    """Task or corpus."""
    split: Split | Literal["text"]
    languages: tuple[Name, ...]
    """Language codes, sorted."""
    revision: Annotated[str, Field(min_length=1, max_length=200)]
    """`sha256:...` over the files of a local folder, or the hub commit."""


class RunSpec(Record):
    """All that determines a run; its digest is the run's identity."""

    schema_version: Literal["corroborate/run-spec@1"] = Field(
        default="corroborate/run-spec@1", alias="schema"
    )
    phase: Phase
    condition: Condition | None
    """Resolved condition (`all` replaced by task names); null for pretraining."""
    seed: Annotated[int, Field(ge=0)] | None
    """The replicate; null where nothing random happens after the base checkpoint."""
    tasks: tuple[Name, ...]
    """Tasks trained on, or the one task evaluated; empty for pretraining."""
    parent: Digest | None
    """Run whose checkpoint this one starts from; null for the base checkpoint."""
    base: Base
    recipes: dict[Name, Recipe] = {}
    """Recipe per trained task."""
    pretraining: Pretraining | None = None
    mixing: Mixing | None = None
    masked_mixing: MaskedMixing | None = None
    selection: Selection | None = None
    """How the checkpoint of a target run is chosen; null for the last one."""
    selection_data: DataUse | None = None
    """Validation data that the choice looks at."""
    retrieval: Retrieval | None = None
    lengths: Lengths | None = None
    """How sequences are cut in evaluation."""
    examples_per_language: int | None = None
    data: tuple[DataUse, ...]
    precision: Literal["fp32", "bf16", "auto", "unknown"]
    """`unknown` for runs that were not made here."""
    evaluator: str | None = None
    """Scoring code of an evaluation run."""
    origin: Origin | None = None
    """Where the scores came from; null for runs made here."""

    @model_serializer(mode="wrap")
    def _as_before_origins(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Leave an absent origin out, so that runs made here keep the digests that they had."""
        fields: dict[str, Any] = handler(self)
        if self.origin is None:
            fields.pop("origin", None)
        return fields

    def counts(self) -> bool:
        """Return whether the run's scores may be evidence; those that are only shown may not."""
        return self.origin is None or self.origin.comparability == "evidence"

    def title(self) -> str:
        """Return a short line for progress and reports; not unique."""
        condition = self.condition.label() if self.condition else "base"
        seed = "" if self.seed is None else f" seed {self.seed}"
        what = "+".join(self.tasks)
        return " ".join(x for x in (self.phase, what, f"[{condition}]{seed}") if x)


class Measurement(Record):
    """One score of one run."""

    task: Name
    language: Name
    split: Split
    metric: Metric
    score: Annotated[float, Field(ge=0, le=100)]
    """Points from 0 to 100."""
    n: Annotated[int, Field(ge=1)] | None
    """Number of examples scored; null where a foreign source does not say."""
    seeds: SeedStatistic = "single"
    """`single`: the score of one run, a replicate. `mean` or `median`: already over several seeds, as
    published tables have it, which is none. Records written before this field are of single runs."""
    raw: Raw | None = None
    """The score as a foreign source has it; null for one that was computed here."""


class Environment(Record):
    """The machine and versions that a run had."""

    python: str
    packages: dict[str, str]
    platform: str
    device: str
    threads: int
    code: str
    """Version of Corroborate, with the git commit where there is one."""
    dirty: bool | None = None
    """Whether files of that commit's `claims` and `replication` were changed; null where nobody can
    tell. This field and those below are null or empty in records written before them."""
    cpu: str | None = None
    """Model of the processor."""
    driver: str | None = None
    """Version of the accelerator's driver."""
    cuda: str | None = None
    """Version of CUDA that torch was built for."""
    cudnn: str | None = None
    precision: str | None = None
    """What was computed in: `fp32` or `bf16`; null where the record of the run does not say."""
    settings: dict[str, bool | int | str] = {}
    """Settings of torch that decide whether the same run gives the same bits."""
    variables: dict[str, str] = {}
    """Environment variables that do so too; of no others is anything kept."""


class Usage(Record):
    """What a run used."""

    host_peak_bytes: Annotated[int, Field(ge=0)] | None = None
    """Most memory of the process; null where the machine does not tell."""
    host_peak_of: str = ""
    """Over what the peak is: `the run`, or `the process since its start`."""
    device_peak_bytes: Annotated[int, Field(ge=0)] | None = None
    """Most memory that torch took of the accelerator; null without one."""
    energy_j: Annotated[float, Field(ge=0)] | None = None
    """Joules; null where no device reports them."""
    energy_source: str = ""
    """Which counter, and of what; or why there is none."""


class Run(Record):
    """One executed spec; immutable."""

    schema_version: Literal["corroborate/run@1"] = Field(
        default="corroborate/run@1", alias="schema"
    )
    spec_digest: Digest
    """Digest of the spec."""
    spec: RunSpec
    status: Literal["finished", "failed"]
    error: Text | None = None
    """Why a failed run failed."""
    traceback: Annotated[str, Field(max_length=LONGEST_TRACEBACK)] | None = None
    """Where in the program it failed, for whoever mends it; null where no program can tell."""
    measurements: tuple[Measurement, ...] = ()
    facts: dict[str, float | int | str] = {}
    """What happened in training: steps, examples, final loss, parameters, vocabulary size."""
    artifacts: dict[str, Digest] = {}
    """File below the run's folder -> SHA-256 of its bytes."""
    environment: Environment
    usage: Usage | None = None
    """Null in records written before this field."""
    started: str
    """UTC, ISO 8601."""
    seconds: Annotated[float, Field(ge=0)]


class Refusal(Record):
    """Why a claim cannot get evidence, or only part of it, from this plan."""

    reason: Text
    condition: Condition | None = None
    """Condition concerned; null for all."""
    task: Name | None = None
    """Target task concerned; null for all."""


def refusal_lines(refusals: Iterable[Refusal]) -> list[str]:
    """Return one line per distinct reason, after the conditions and tasks that it is about."""
    about: dict[str, list[str]] = {}
    for refusal in refusals:
        names = [x for x in (refusal.task,) if x]
        names += [f"[{refusal.condition.label()}]"] if refusal.condition else []
        about.setdefault(refusal.reason, []).extend(names)
    return [
        f"{', '.join(dict.fromkeys(names))}: {reason}" if names else reason
        for reason, names in about.items()
    ]


class ClaimNeeds(Record):
    """What one claim needs of a plan."""

    claim: Name
    criterion: Digest
    """Digest of what decides the claim, frozen when the plan was made."""
    runs: tuple[Digest, ...]
    """Evaluation runs that bear on the claim, sorted."""
    refusals: tuple[Refusal, ...] = ()


class Plan(Record):
    """The runs that some claims need under one protocol; a pure function of its inputs."""

    schema_version: Literal["corroborate/plan@1"] = Field(
        default="corroborate/plan@1", alias="schema"
    )
    protocol: Protocol
    data: str
    """Where data came from: a folder, the hub, or the miniature's generator."""
    needs: tuple[ClaimNeeds, ...]
    specs: tuple[RunSpec, ...]
    """Every run in an order that respects parents."""
    claims_digest: Digest
    """Digest over the claim sets."""
