"""What a review of synthesis reports consists of: findings, ratings, scores and agreement."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Annotated, Any, Final, Literal

from pydantic import Field

from claims.matching import Matched
from claims.record import Record
from claims.safe_yaml import read_yaml
from claims.sources import Looked, Source
from claims.synthesis import Synthesis

__all__ = [
    "SCHEMA", "Agreement", "Case", "Cited", "ClaimReview", "Finding", "Judgement", "Level", "Part",
    "Rating", "ReportReview", "Review", "known",
]  # fmt: skip

SCHEMA: Final = "corroborate/review@1"
Level = Literal["error", "warning", "note"]
"""error: the report is wrong in this; warning: it does not bear out what it says; note: good to know."""


class Finding(Record):
    """One thing that a reader of the report should know."""

    check: str
    level: Level
    report: str
    claims: tuple[int, ...] = ()
    """Numbers of the claims in the report; none where it is about the report."""
    text: str
    """What was found, in words that fit every report in which the same was found."""
    detail: str = ""
    """What of it is this report's own; empty where there is nothing."""


class Cited(Record):
    """What was found out about a reference elsewhere than in the report."""

    exists: bool
    title: str = ""
    abstract: str = ""
    notice: str = ""
    """Such as `withdrawn`; empty where there is none."""
    source: str
    """Who says so."""


class Rating(Record):
    """What one rater thinks of one claim or of one report as a whole."""

    rater: str
    kind: Literal["check", "person", "model"]
    report: str
    claim: int | None = None
    rating: Annotated[int, Field(ge=1, le=5)]
    """1: not to be relied on; 3: open; 5: nothing against it."""
    because: str = ""


class Part(Record):
    """One rater's part in a report's score."""

    rater: str
    kind: Literal["check", "person", "model"]
    ratings: int
    mean: float


class ClaimReview(Record):
    """A claim of a report with what was found of it."""

    number: int
    line: int
    text: str
    ticked: bool | None
    confidence: float | None
    cut: bool
    matched: int
    """Number of the matched claim."""
    completed: str
    """A longer wording from another report or the paper; empty where there is none."""
    completed_by: str
    outcome: Literal["in the paper", "contradicted", "open"]
    """What the paper says, which is not whether it is true."""
    quote: Looked


class ReportReview(Record):
    """One report with its score."""

    name: str
    layout: Literal["plain", "markdown"]
    title: str
    question: str
    answered_by: tuple[int, ...]
    """Numbers of the claims that answer the research question."""
    claims: tuple[ClaimReview, ...]
    score: float
    """Mean of the raters' means, from 1 to 5."""
    parts: tuple[Part, ...]


class Agreement(Record):
    """How far the raters agree."""

    alpha: float | None
    """Krippendorff's alpha for ordinal ratings; None where it is undefined."""
    units: int
    """Claims and reports that have at least two ratings."""
    ratings: int
    raters: tuple[str, ...]


class Review(Record):
    """The audit of one or several synthesis reports."""

    schema_version: Literal["corroborate/review@1"] = Field(default=SCHEMA, alias="schema")
    papers: tuple[str, ...]
    """Files against which quotes and numbers were checked, beside the reports themselves."""
    reports: tuple[ReportReview, ...]
    claims: tuple[Matched, ...]
    findings: tuple[Finding, ...]
    ratings: tuple[Rating, ...]
    agreement: Agreement
    """Among all raters, the checks too, which ask different things."""
    reviewers: Agreement
    """Among people and language models alone."""
    checks: dict[str, str]
    """Each check with the question that it answers."""
    not_checked: tuple[str, ...]

    def exit_code(self) -> int:
        """Return 1 where a source at hand contradicts a tick, 3 where a tick stays open, else 0."""
        ticked = {c.outcome for r in self.reports for c in r.claims if c.ticked}
        return 1 if "contradicted" in ticked else 3 if "open" in ticked else 0


@dataclass(frozen=True, slots=True)
class Judgement:
    """What one check has to say."""

    findings: tuple[Finding, ...]
    ratings: tuple[Rating, ...]


@dataclass(frozen=True, slots=True)
class Case:
    """What every check may look at."""

    reports: tuple[Synthesis, ...]
    matched: tuple[Matched, ...]
    papers: tuple[Source, ...]
    quotes: dict[tuple[str, int], Looked]
    """(report, claim's number) -> what the sources at hand say of it."""
    completions: dict[tuple[str, int], tuple[str, str]]
    """(report, claim's number) -> a longer wording and where it stands."""
    cited: dict[str, Cited]
    """A reference's identifier -> what was found out about it."""


@cache
def known() -> dict[str, Any]:
    """Return what reviews know offline: names, databases, boilerplate; do not change it."""
    data = resources.files("claims").joinpath("reviewing.yaml").read_text(encoding="utf-8")
    value = read_yaml(data).value
    assert isinstance(value, dict), "reviewing.yaml is our own file"
    return value
