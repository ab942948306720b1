"""What does a report say, before anyone decides how it looks?

One record holds everything that any rendering shows; a rendering reads nothing else. There is no
clock and no file access here: the time of writing is handed in.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from claims.claim import Claim, Paper
from claims.estimand import Split
from claims.record import Name, Record, Text
from replication.origin import SourceFile
from replication.protocol import Protocol
from replication.run import DataUse, Environment, Phase, Refusal
from replication.tasks.row import Metric
from verifier.verdict import Verdict, Verdicts

__all__ = [
    "FOLDER",
    "MAX_PATH",
    "ClaimSection",
    "Document",
    "EnergyTotal",
    "EnvironmentUse",
    "ImportLine",
    "MatrixCell",
    "PhaseCost",
    "RunLine",
    "ScoreRow",
    "SetSection",
    "UsageTotal",
]

Digest = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
FOLDER = r"^(\.\./){0,30}([^/\\\x00-\x1f.][^/\\\x00-\x1f]*/){0,60}[0-9a-f]{64}$"
"""A relative path that goes up first, if at all. Folders with a dot in front are not linked."""
MAX_PATH = 1000
Seconds = Annotated[float, Field(ge=0)]


class ClaimSection(Record):
    """One claim with its verdict, evidence and cost."""

    claim: Claim
    verdict: Verdict
    refusals: tuple[Refusal, ...] = ()
    """What the plan could not provide for this claim."""
    planned_criterion: Digest | None = None
    """Digest of what decides the claim as it was when the runs were planned; null if unplanned."""
    runs: tuple[Digest, ...] = ()
    """Every run that the evidence rests on, training runs included, sorted."""
    seconds: Seconds = 0.0
    """Time that those runs took, also where other claims share them."""
    chance: Annotated[float, Field(ge=0, le=100)] | None = None
    """What a uniform guess would score, in points; null where that is not known or not simple."""
    command: Annotated[str, Field(min_length=1, max_length=20_000)] | None = None
    """What to type to make this verdict again; null in reports written before this field."""

    def criterion_kept(self) -> bool | None:
        """Return whether the claim still says what it said before the runs; None if unplanned."""
        if self.planned_criterion is None:
            return None
        return self.planned_criterion == self.claim.criterion()

    def criterion_stands(self) -> bool | None:
        """Return whether the claim was kept, or its change accepted; None if unplanned."""
        accepted = self.verdict.acceptances
        if accepted and accepted[-1].now == self.claim.criterion():
            return True
        return self.criterion_kept()


class SetSection(Record):
    """The claims of one claim file."""

    paper: Paper
    claims: tuple[ClaimSection, ...]

    def is_paper(self) -> bool:
        """Return whether these are a paper's claims, not controls of the harness."""
        return not self.paper.controls

    @model_validator(mode="before")
    @classmethod
    def _before_controls_were_named(cls, found: Any) -> Any:
        """Read a set of before `controls`, when whatever had no arXiv identifier were controls."""
        paper = found.get("paper") if isinstance(found, dict) else None
        if not isinstance(paper, dict) or "controls" in paper:
            return found
        return {**found, "paper": {**paper, "controls": paper.get("arxiv") is None}}


class ScoreRow(Record):
    """The mean over seeds of one score of one condition."""

    task: Name
    split: Split
    metric: Metric
    condition: str
    """Label of the condition."""
    language: Name
    seeds: Annotated[int, Field(ge=1)]
    """Number of runs averaged."""
    mean: Annotated[float, Field(ge=0, le=100)]
    """Mean score in points."""
    n: Annotated[int, Field(ge=1)]
    """Examples scored per run; the smallest number where runs differ."""
    chance: Annotated[float, Field(ge=0, le=100)] | None = None
    """What a uniform guess would score, in points; null where that is not known or not simple."""


class MatrixCell(Record):
    """One condition on one task: the mean over seeds of the mean over languages."""

    task: Name
    split: Split
    metric: Metric
    condition: str
    """Label of the condition."""
    seeds: Annotated[int, Field(ge=1)]
    languages: Annotated[int, Field(ge=1)]
    """Languages that every run scored."""
    mean: Annotated[float, Field(ge=0, le=100)]
    """Points."""
    half_width: Annotated[float, Field(ge=0)] | None = None
    """Of the 95 % t interval over seeds, in points; null with one seed, or where all score alike."""
    chance: Annotated[float, Field(ge=0, le=100)] | None = None
    """What a uniform guess would score, in points; null where that is not known or not simple."""


class RunLine(Record):
    """One run in the list of runs."""

    run: Digest
    title: str
    phase: Phase
    status: Literal["finished", "failed"]
    error: Text | None = None
    seconds: Seconds
    started: str
    facts: dict[str, float | int | str]
    """What happened in training, such as steps and final loss."""
    folder: Annotated[str, Field(max_length=MAX_PATH, pattern=FOLDER)] | None = None
    """Where its artifacts lie: a path from the report's folder, which ends in the run's digest. Null
    for failed runs, where the place is not known, and in reports written before this field."""

    @model_validator(mode="after")
    def _folder_is_its_own(self) -> RunLine:
        if self.folder is not None and self.folder.rpartition("/")[2] != self.run:
            raise ValueError("folder must end in the run's digest")
        return self


class ImportLine(Record):
    """Imported runs of one format that are said to be alike."""

    format: Name
    protocol: Name | None
    """That they followed, as whoever imported them declares; null where nobody does."""
    evaluator: str
    """What computed the scores."""
    because: Text | None
    """Why they are only shown and in no verdict; null where they may count."""
    runs: Annotated[int, Field(ge=1)]
    scores: Annotated[int, Field(ge=1)]
    files: Annotated[tuple[SourceFile, ...], Field(min_length=1)]
    """Sorted by path."""


class EnvironmentUse(Record):
    """A machine with its versions, and how many runs it did."""

    environment: Environment
    runs: Annotated[int, Field(ge=1)]
    seconds: Seconds | None = None
    """Time that those runs took; null in reports written before this field."""


class PhaseCost(Record):
    """What one phase cost."""

    phase: Phase
    runs: Annotated[int, Field(ge=1)]
    failed: Annotated[int, Field(ge=0)]
    seconds: Seconds


class EnergyTotal(Record):
    """What one counter counted over the runs that it tells of, or why nothing counted."""

    source: str
    """Which counter, and of what; for runs without energy the reason, empty where none was kept."""
    runs: Annotated[int, Field(ge=1)]
    joules: Annotated[float, Field(ge=0)] | None
    """Their sum; null where the energy is not known."""


class UsageTotal(Record):
    """What all runs used together; memory is the most that any one run held, energy a sum."""

    runs: Annotated[int, Field(ge=1)]
    seconds: Seconds
    host_peak_bytes: Annotated[int, Field(ge=0)] | None = None
    host_peak_of: str = ""
    """Over what the largest peak is, as in `Usage`."""
    host_runs: Annotated[int, Field(ge=0)] = 0
    """Runs that tell their host memory."""
    device_peak_bytes: Annotated[int, Field(ge=0)] | None = None
    device_runs: Annotated[int, Field(ge=0)] = 0
    """Runs that tell their device memory."""
    energy: tuple[EnergyTotal, ...]
    """Counters first, then reasons for knowing none; together they are of all runs."""


class Document(Record):
    """Everything that a report says."""

    schema_version: Literal["corroborate/report@1"] = Field(
        default="corroborate/report@1", alias="schema"
    )
    title: Text
    generated: Annotated[str, Field(min_length=1, max_length=100)]
    """When the report was made: UTC, ISO 8601."""
    simulated: bool
    """Whether the data are synthetic; every rendering then says so at its head."""
    protocol: Protocol
    """The recipe as it was run."""
    data_source: str
    """Folder, hub or generator that the data came from."""
    data: tuple[DataUse, ...]
    """Each piece of data that a run read, once."""
    sets: tuple[SetSection, ...]
    """Papers first, controls after them."""
    scores: tuple[ScoreRow, ...]
    """Scores of all evaluation runs, sorted by task, metric, condition and language."""
    matrix: tuple[MatrixCell, ...] = ()
    """The same scores with the languages averaged; empty in reports written before this field."""
    runs: tuple[RunLine, ...]
    """Runs in the order of the plan."""
    imports: tuple[ImportLine, ...] = ()
    """Where imported scores came from; empty where all runs were made here."""
    environments: tuple[EnvironmentUse, ...]
    costs: tuple[PhaseCost, ...]
    usage: UsageTotal | None = None
    """Null without runs, and in reports written before this field."""
    commands: tuple[str, ...]
    """Commands that make this report again, in order."""

    @model_validator(mode="after")
    def _simulated_is_said(self) -> Document:
        if self.simulated != self.protocol.simulated:
            raise ValueError("simulated must be what the protocol says")
        return self

    def sections(self) -> Iterator[ClaimSection]:
        """Yield the claims of all sets in the order of the report."""
        for claim_set in self.sets:
            yield from claim_set.claims

    def all_verdicts(self) -> Verdicts:
        """Return the verdicts on all claims, in the order of the report."""
        return Verdicts(verdicts=tuple(section.verdict for section in self.sections()))

    def verdicts(self, *, of_papers: bool) -> tuple[Verdict, ...]:
        """Return the verdicts of papers' claims, or of control claims."""
        return tuple(
            section.verdict
            for claim_set in self.sets
            if claim_set.is_paper() == of_papers
            for section in claim_set.claims
        )
