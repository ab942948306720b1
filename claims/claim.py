"""The claim records: one checkable statement each, a discriminated union over `kind`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import Field, model_validator

from claims.estimand import Cells, Condition, Contrast, Measure, Names, Points, Split
from claims.record import Name, Record, Text, Unknown, digest_of

__all__ = [
    "BenchmarkTask",
    "Claim",
    "ClaimSet",
    "ConsistencyClaim",
    "GainClaim",
    "MinimumEffect",
    "NoBenefitClaim",
    "NotConsistentlyBetterClaim",
    "Original",
    "Paper",
    "ProtocolClaim",
    "RankingClaim",
    "Scalar",
    "SelectedGainClaim",
    "Selection",
    "Setting",
    "Source",
    "Tolerance",
    "ValueClaim",
]

SCHEMA = "corroborate/claims@1"
Scalar = bool | int | float | str
Reported = Annotated[float, Field(ge=-100, le=100)] | Unknown


class Source(Record):
    """Where a claim stands in the paper."""

    quote: Text | Unknown
    """The paper's own words, or the part of them that could be read."""
    section: Text | Unknown = "unknown"
    """Section of the paper; `unknown` where its body could not be read."""
    found_in: Text
    """The text in which the quote was read: the paper, its abstract, or a report that quotes it."""


class Tolerance(Record):
    """How far, in points, a replicated size may lie from the reported one."""

    points: Points
    because: Text


class MinimumEffect(Record):
    """The smallest size, in points, that deserves the name of an effect."""

    points: Points
    because: Text


class Original(Record):
    """What the paper says of the uncertainty of its own number."""

    seeds: Annotated[int, Field(ge=1, le=1000)] | Unknown = "unknown"
    """Runs per condition over which the reported number was taken."""
    standard_error: Points | Unknown = "unknown"
    """Of the reported number, in points; `unknown` where it is to be assumed from our own runs."""
    because: Text
    """Where the paper says so."""


class _ClaimBase(Record):
    """What claims of every kind have."""

    id: Name
    """Unique within the claim file."""
    statement: Text
    """The claim in one sentence of our own."""
    source: Source
    notes: tuple[Text, ...] = ()
    """Traps and open questions that a reader of the verdict must know."""
    expected: Literal["reproduced", "not_reproduced"] | None = None
    """Verdict that the author of the file expects; only negative controls and known failures set it."""
    level: Annotated[float, Field(ge=0.5, lt=1)] = 0.95
    """Level of the two-sided interval on which the verdict rests."""

    def criterion(self) -> str:
        """Return the digest of all that decides the claim: its fields without prose or expectation.

        What is absent is left out, so that a version with more optional fields changes no digest.
        """
        prose = {"statement", "source", "notes", "expected"}
        return digest_of(self.model_dump(mode="json", exclude=prose, exclude_none=True))


class GainClaim(_ClaimBase):
    """A treatment changes the measure by a reported size against a control."""

    kind: Literal["gain"] = "gain"
    treatment: Condition
    control: Condition
    measure: Measure
    direction: Literal["up", "down"] = "up"
    reported: Reported
    """Reported size in points, negative for a loss; `unknown` for a claim of direction only."""
    tolerance: Tolerance | None = None
    """Required where `reported` is a number, absent where it is unknown."""
    minimum_effect: MinimumEffect
    original: Original | None = None
    """Null where the paper states neither."""

    @model_validator(mode="after")
    def _coherent(self) -> GainClaim:
        Contrast(treatment=self.treatment, control=self.control)
        _check_reported(self.reported, self.tolerance, self.direction)
        return self

    def contrast(self) -> Contrast:
        """Return treatment against control."""
        return Contrast(treatment=self.treatment, control=self.control)


class RankingClaim(_ClaimBase):
    """The claimed conditions are the best `top` of the candidates."""

    kind: Literal["ranking"] = "ranking"
    candidates: Annotated[tuple[Condition, ...], Field(min_length=2, max_length=40)]
    claimed: Annotated[tuple[Condition, ...], Field(min_length=1)]
    """Conditions said to stand in the top ranks; order among them is not claimed."""
    top: Annotated[int, Field(ge=1)]
    measure: Measure

    @model_validator(mode="after")
    def _coherent(self) -> RankingClaim:
        if len(set(self.candidates)) != len(self.candidates):
            raise ValueError("candidates must differ from each other")
        if not set(self.claimed) <= set(self.candidates):
            raise ValueError("every claimed condition must be among the candidates")
        if not len(self.claimed) <= self.top < len(self.candidates):
            raise ValueError(
                "top must be at least the number claimed and below the number of candidates"
            )
        return self


class ConsistencyClaim(_ClaimBase):
    """At least `at_least` of the cells improve by more than nothing."""

    kind: Literal["consistency"] = "consistency"
    contrasts: Annotated[tuple[Contrast, ...], Field(min_length=1, max_length=100)]
    measure: Measure
    cells: Cells
    at_least: Annotated[int, Field(ge=1)] | Literal["all"] | Unknown
    """Number u of the L cells that must improve; `unknown` where the paper says only `many`."""


class NoBenefitClaim(_ClaimBase):
    """Every contrast lies within the minimum effect of zero: an equivalence claim."""

    kind: Literal["no_benefit"] = "no_benefit"
    contrasts: Annotated[tuple[Contrast, ...], Field(min_length=1, max_length=100)]
    measure: Measure
    minimum_effect: MinimumEffect
    """The margin of equivalence."""


class NotConsistentlyBetterClaim(_ClaimBase):
    """Not every cell improves: at least one cell is shown not to reach the minimum effect."""

    kind: Literal["not_consistently_better"] = "not_consistently_better"
    contrasts: Annotated[tuple[Contrast, ...], Field(min_length=1, max_length=100)]
    measure: Measure
    cells: Cells
    minimum_effect: MinimumEffect


class Selection(Record):
    """How the best condition per target is chosen."""

    split: Split | Unknown
    languages: Literal["training", "all"] | Unknown
    """`training`: the training language only, which keeps the choice zero-shot."""


class SelectedGainClaim(_ClaimBase):
    """Choosing the best candidate per target on one split gains a reported size on another."""

    kind: Literal["selected_gain"] = "selected_gain"
    candidates: Annotated[tuple[Condition, ...], Field(min_length=2, max_length=40)]
    control: Condition
    selection: Selection
    measure: Measure
    direction: Literal["up"] = "up"
    reported: Reported
    tolerance: Tolerance | None = None
    minimum_effect: MinimumEffect
    original: Original | None = None

    @model_validator(mode="after")
    def _coherent(self) -> SelectedGainClaim:
        if len(set(self.candidates)) != len(self.candidates):
            raise ValueError("candidates must differ from each other")
        _check_reported(self.reported, self.tolerance, self.direction)
        return self


class ValueClaim(_ClaimBase):
    """A condition reaches a reported absolute score."""

    kind: Literal["value"] = "value"
    condition: Condition
    measure: Measure
    reported: Annotated[float, Field(ge=0, le=100)]
    tolerance: Tolerance
    original: Original | None = None


class Setting(Record):
    """One setting that a run must have had."""

    field: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*(\.[A-Za-z0-9_-]+)*$", max_length=120)]
    """Dotted path into the protocol, such as `base.checkpoint`."""
    equals: Scalar | tuple[Scalar, ...]


class ProtocolClaim(_ClaimBase):
    """The runs had the stated settings; a fact of the plan and its runs, not of their scores."""

    kind: Literal["protocol"] = "protocol"
    settings: Annotated[tuple[Setting, ...], Field(min_length=1)]


Claim = Annotated[
    GainClaim
    | RankingClaim
    | ConsistencyClaim
    | NoBenefitClaim
    | NotConsistentlyBetterClaim
    | SelectedGainClaim
    | ValueClaim
    | ProtocolClaim,
    Field(discriminator="kind"),
]


class Paper(Record):
    """The paper, or other document, that makes the claims."""

    title: Text
    arxiv: (
        Annotated[str, Field(pattern=r"^(\d{4}\.\d{4,5}|[a-z-]+(\.[A-Z]{2})?/\d{7})v\d+$")] | None
    ) = None
    """arXiv identifier with its version, since claims change between versions."""
    protocol: Name | None = None
    """Protocol record that states what the paper reports of its own method."""
    controls: bool = False
    """True for claims about planted effects: controls of the harness, and no paper's claims."""

    @model_validator(mode="after")
    def _controls_are_no_papers(self) -> Paper:
        if self.controls and self.arxiv is not None:
            raise ValueError("controls must be false where arxiv is given: a paper claims these")
        return self

    def named(self) -> str:
        """Return the title, with the arXiv identifier where there is one."""
        return f"{self.title} ({self.arxiv})" if self.arxiv else self.title


class BenchmarkTask(Record):
    """One task of a benchmark that a claim file describes itself."""

    metrics: Annotated[tuple[Name, ...], Field(min_length=1, max_length=20)]
    """The task's score is their mean."""
    languages: Annotated[Names, Field(min_length=1, max_length=500)] = ("en",)
    chance: Annotated[float, Field(ge=0, le=100)] | None = None
    """Expected score, in points, of a system that knows nothing; null where there is no simple one."""


class ClaimSet(Record):
    """A claim file: one paper and its claims."""

    schema_version: Literal["corroborate/claims@1"] = Field(alias="schema")
    paper: Paper
    benchmarks: dict[
        Name, Annotated[dict[Name, BenchmarkTask], Field(min_length=1, max_length=1000)]
    ] = {}
    """Benchmarks that no bundled row describes, by name: their target tasks, by name."""
    claims: Annotated[tuple[Claim, ...], Field(min_length=1, max_length=1000)]

    @model_validator(mode="after")
    def _ids_differ(self) -> ClaimSet:
        ids = [claim.id for claim in self.claims]
        twice = sorted({i for i in ids if ids.count(i) > 1})
        if twice:
            raise ValueError(f"claim ids must differ, these occur twice: {', '.join(twice)}")
        return self

    @model_validator(mode="after")
    def _descriptions_are_part_of_the_measure(self) -> ClaimSet:
        described = {
            name: digest_of(
                {
                    task: row.model_dump(mode="json", exclude={"chance"})
                    for task, row in rows.items()
                }
            )
            for name, rows in self.benchmarks.items()
        }
        claims = tuple(_measured(claim, described) for claim in self.claims)
        object.__setattr__(self, "claims", claims)  # as if the file had said so: records are frozen
        return self


def _measured(claim: Claim, described: Mapping[str, str]) -> Claim:
    """Return a claim whose measure has the digest of its benchmark's description."""
    if isinstance(claim, ProtocolClaim):
        return claim
    digest = described.get(claim.measure.benchmark)
    if digest is None:
        return claim
    if claim.measure.described not in (None, digest):
        raise ValueError(f"claim {claim.id}: measure.described must be left out")
    measure = claim.measure.model_copy(update={"described": digest})
    return claim.model_copy(update={"measure": measure})


def _check_reported(
    reported: float | str, tolerance: Tolerance | None, direction: Literal["up", "down"]
) -> None:
    """Refuse a size without tolerance, a tolerance without size, and a sign against the direction."""
    if isinstance(reported, str):
        if tolerance is not None:
            raise ValueError("tolerance must be absent where reported is unknown")
        return
    if tolerance is None:
        raise ValueError("tolerance is required where reported is a number")
    if reported == 0 or (reported > 0) != (direction == "up"):
        raise ValueError(
            f"reported must be {'above' if direction == 'up' else 'below'} 0 for direction {direction}"
        )
