"""What differs between two audits, and what of it could have changed a result?

One record holds all that the page about two audits shows; the page reads nothing else. Whatever is of
one audit stands under `old` or `new`, so that comparing the other way round swaps these and no more.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, Literal

from pydantic import Field, model_validator

from claims.record import Name, Record
from replication.deviations import ReplicationKind
from reports.document import PhaseCost, UsageTotal
from verifier.verdict import Agreement, Finding, Interval, VerdictLabel

__all__ = [
    "RESULTS",
    "Audit",
    "ClaimChange",
    "Comparison",
    "Difference",
    "DifferenceKind",
    "Part",
    "Result",
    "Standing",
    "unexplained",
]

Result = Literal["verdict", "finding", "replication", "agreement", "estimate", "interval"]
RESULTS: tuple[Result, ...] = (
    "verdict",
    "finding",
    "replication",
    "agreement",
    "estimate",
    "interval",
)
Part = Literal["estimate", "interval", "decision"]
"""What a difference can change; `decision`: verdict, finding, replication and agreement."""
DifferenceKind = Literal[
    "criterion",
    "paper",
    "protocol",
    "deviations",
    "data",
    "seeds",
    "runs",
    "failures",
    "exclusions",
    "plan",
    "measured",
    "scoring",
    "level",
    "environment",
    "staleness",
    "wording",
]
"""
criterion: a field of what decides the claim; wording: a field that decides nothing.
runs: executed recipes behind the claim that one audit has and the other has not.
failures, exclusions: runs that failed, or that were left out for another reason.
plan: what the plan could not provide for the claim.
measured: which tasks, languages and split the estimate is over.
scoring: version of the scoring code, or of Corroborate.
level: of the interval, which planned looks make stricter.
environment: machine, versions and settings of the runs.
"""


class Difference(Record):
    """One fact that is not the same in both audits."""

    kind: DifferenceKind
    what: str
    """Such as a field, a condition or a package."""
    old: str
    new: str
    can_change: tuple[Part, ...]
    """What of a claim's results it can have changed; empty where it can change none."""


class Standing(Record):
    """How one claim stands in one audit."""

    statement: str
    kind: str
    paper: str
    """Title, with the arXiv identifier where there is one."""
    claimed: str
    """What is claimed, in a few words."""
    signed: bool
    """Whether the estimate is a difference, printed with its sign."""
    verdict: VerdictLabel
    finding: Finding
    replication: ReplicationKind | None
    agreement: Agreement | None
    estimate: float | None
    interval: Interval | None
    level: float
    """Of the interval that the claim asks for."""
    reported: float | None
    tolerance: float | None
    minimum_effect: float | None
    as_expected: bool | None
    """Null where the verdict decides nothing."""
    weak: str | None
    """What keeps the evidence from deciding a paper's claim, in a word or two; null where nothing."""
    criterion: str
    """Digest of what decides the claim."""
    seeds: int
    runs: int
    """Runs that the evidence rests on, training included."""
    seconds: float
    """Time that they took."""
    stale: tuple[str, ...]
    reasons: tuple[str, ...]
    """The decision in words, most important first."""
    tasks: tuple[str, ...]
    languages: tuple[str, ...]


class ClaimChange(Record):
    """One claim in two audits."""

    claim: Name
    old: Standing | None
    """Null where only the new audit has the claim."""
    new: Standing | None
    changed: tuple[Result, ...]
    """Results that differ; empty where the claim is in one audit only."""
    differences: tuple[Difference, ...]
    """What differs of all that bears on the claim; of each kind at most a dozen."""
    not_listed: Annotated[int, Field(ge=0)] = 0
    """Further differences, of kinds of which a dozen are listed."""
    shared_runs: Annotated[int, Field(ge=0)] = 0
    """Recipes behind the claim in both audits."""
    made_again: Annotated[int, Field(ge=0)] = 0
    """How many of these were executed once for each audit."""
    unexplained: tuple[Result, ...]
    """Results that differ though nothing differs that can change them."""

    @model_validator(mode="after")
    def _nothing_is_hidden(self) -> ClaimChange:
        if self.unexplained != unexplained(self.changed, self.differences):
            raise ValueError("unexplained must be what no listed difference can have changed")
        if self.old is None and self.new is None:
            raise ValueError("a claim must be in one of the audits")
        return self

    def causes(self) -> tuple[Difference, ...]:
        """Return the differences that can have changed a result that did change."""
        parts = {_part(result) for result in self.changed}
        return tuple(d for d in self.differences if parts.intersection(d.can_change))


class Audit(Record):
    """One of the two audits."""

    title: str
    generated: str
    """When its report was made: UTC, ISO 8601."""
    protocol: str
    """Name and size."""
    protocol_digest: str
    data_source: str
    weak: tuple[str, str] | None
    """Name and sentence of what keeps its evidence from deciding a paper's claim."""
    controls_failed: tuple[Name, ...]
    """Control claims that did not come out as expected; its verdicts are then not to be relied on."""
    papers: tuple[str, ...]
    runs: int
    failed: int
    costs: tuple[PhaseCost, ...]
    usage: UsageTotal | None


class Comparison(Record):
    """Two audits, claim by claim."""

    schema_version: Literal["corroborate/comparison@1"] = Field(
        default="corroborate/comparison@1", alias="schema"
    )
    old: Audit
    new: Audit
    claims: tuple[ClaimChange, ...]
    """Sorted by the claims' ids."""
    protocol: tuple[Difference, ...]
    data: tuple[Difference, ...]
    environment: tuple[Difference, ...]

    def in_both(self) -> tuple[ClaimChange, ...]:
        """Return the claims that both audits have."""
        return tuple(c for c in self.claims if c.old is not None and c.new is not None)

    def nothing_differs(self) -> bool:
        """Return whether both audits say the same of the same claims, on the same grounds."""
        shared = self.protocol or self.data or self.environment
        return (
            not shared
            and len(self.in_both()) == len(self.claims)
            and not any(c.changed or c.differences or c.made_again for c in self.claims)
        )


def unexplained(changed: Iterable[Result], differences: Iterable[Difference]) -> tuple[Result, ...]:
    """Return the changed results that none of the differences can have changed."""
    able = {part for difference in differences for part in difference.can_change}
    return tuple(result for result in changed if _part(result) not in able)


def _part(result: Result) -> Part:
    return result if result in ("estimate", "interval") else "decision"
