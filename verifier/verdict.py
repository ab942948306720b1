"""The verdict record: what the evidence says of a claim, and what a reader needs to check it."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from claims.record import Name, Record, Text
from replication.acceptances import Acceptance
from replication.deviations import Deviation, ReplicationKind

__all__ = [
    "DECIDED",
    "VERDICTS",
    "Agreement",
    "Arm",
    "Cell",
    "Evidence",
    "Family",
    "Finding",
    "Interval",
    "PowerPoint",
    "SecondaryCriterion",
    "VarianceShare",
    "Verdict",
    "VerdictLabel",
    "Verdicts",
]

VerdictLabel = Literal["reproduced", "not_reproduced", "inconclusive", "not_evaluable"]
VERDICTS: tuple[VerdictLabel, ...] = (
    "reproduced",
    "not_reproduced",
    "inconclusive",
    "not_evaluable",
)
DECIDED: tuple[VerdictLabel, ...] = ("reproduced", "not_reproduced")
"""What bears a claim out or rules it out; the others leave it open."""
Agreement = Literal["agrees", "disagrees", "unclear"]
Finding = Literal[
    "magnitude",
    "direction_compatible",
    "direction_only",
    "contradicted",
    "negligible",
    "outside_tolerance",
    "in_claimed_ranks",
    "outside_claimed_ranks",
    "consistent",
    "counterexample",
    "too_few_cells",
    "equivalent",
    "not_consistent",
    "settings_match",
    "settings_differ",
    "undecided",
    "no_evidence",
    "conceptual_only",
    "measure_unknown",
]
"""
magnitude: the interval lies inside the tolerance band around the reported size.
direction_compatible: an effect above the minimum, and its size compatible with the reported one.
direction_only: an effect above the minimum, of another size than reported.
contradicted: the interval excludes every effect above the minimum.
negligible: an effect of the claimed sign that is surely below the minimum effect.
outside_tolerance: a value whose interval lies outside the tolerance band.
undecided: the interval allows for both answers.
"""


class Interval(Record):
    """A two-sided confidence interval in points."""

    low: float
    high: float
    level: Annotated[float, Field(gt=0, lt=1)]
    degrees_of_freedom: float | None = None
    """Welch-Satterthwaite degrees of freedom; null where no t distribution was used."""
    method: Text


class Arm(Record):
    """The scores of one condition, one number per seed, in points."""

    condition: str
    """Label of the condition."""
    seeds: tuple[int | None, ...]
    """First seed of each replicate, rising; a single null where nothing random follows the base."""
    scores: tuple[float, ...]
    """The measure of each seed, in the order of `seeds`."""
    summary: float
    """The claim's statistic over seeds."""


class Cell(Record):
    """One cell of the evidence: a task, a language, or a contrast, with its estimate."""

    task: str | None = None
    language: str | None = None
    contrast: str | None = None
    treatment: float | None = None
    """Mean over seeds of the treatment, in points."""
    control: float | None = None
    estimate: float
    """Difference where there is a control, else the score."""
    interval: Interval | None = None
    n: int | None = None
    """Examples scored per run, where the cell is a single task and language."""


class VarianceShare(Record):
    """One source of the estimate's uncertainty."""

    source: Literal["seeds", "seeds_by_cell", "examples", "seeds_by_example"]
    """seeds: what moves all cells of a seed together; seeds_by_cell: what moves each task and
    language by itself; examples: which examples were drawn; seeds_by_example: what is left."""
    variance: Annotated[float, Field(ge=0)]
    """Of the estimate, in squared points."""
    share: Annotated[float, Field(ge=0, le=1)]
    """Of the sum of all sources."""
    in_interval: bool
    """Whether the interval allows for it; examples count only beyond this benchmark."""
    units: Annotated[int, Field(ge=0)]
    """Replicates, or clusters of examples, that it was estimated from."""


class PowerPoint(Record):
    """What a number of seeds per arm would show, at the variance seen."""

    seeds: Annotated[int, Field(ge=2)]
    detectable: Annotated[float, Field(ge=0)]
    """Distance from a boundary, in points, that would be found with probability 0.8."""
    power: Annotated[float, Field(ge=0, le=1)]
    """Probability of deciding the claim, if the truth is the estimate."""


class Evidence(Record):
    """What bears on a claim, down to the runs."""

    arms: tuple[Arm, ...] = ()
    cells: tuple[Cell, ...] = ()
    """Cells that the decision used, and per task and language the means that they rest on."""
    runs: tuple[str, ...] = ()
    """Digests of the evaluation runs, sorted."""
    exclusions: tuple[Text, ...] = ()
    """What was left out and why."""
    shared_with: tuple[Name, ...] = ()
    """Other claims that rest on one of these runs, and so are not independent of this one."""
    variances: tuple[VarianceShare, ...] = ()
    """Where the uncertainty of a contrast's or a score's estimate comes from; largest first."""
    optimism: float | None = None
    """Points by which choosing and scoring on one split flatters a selected gain, estimated over
    seeds; null where the two are apart, or where one seed is all there is."""


class SecondaryCriterion(Record):
    """A criterion of replication success from the literature; shown and never deciding."""

    name: Literal["q_test", "small_telescopes", "sceptical_p", "edgington"]
    value: Annotated[float, Field(ge=0)]
    """Q; the effect that gave the original 33 % power, in points; z_S; the sum of p-values."""
    p: Annotated[float, Field(ge=0, le=1)]
    """p-value against one effect, against an effect of that size, or against none."""
    threshold: Annotated[float, Field(gt=0, lt=1)]
    """q_test and small_telescopes are met above it, the others at or below it."""
    met: bool
    original_standard_error: Annotated[float, Field(gt=0)]
    """Of the original, in points."""
    original_error: Literal["given", "assumed"] = "assumed"
    """assumed: the paper states none, so our variance stands for it, at its number of runs if known."""


class Family(Record):
    """One claim among those of its paper, for what is said of the paper as a whole."""

    size: Annotated[int, Field(ge=1)]
    """Claims of the paper about scores on which direct or close evidence bears."""
    level: Annotated[float, Field(gt=0, lt=1)]
    """Level that holds for all of them at once."""
    contradicted: bool
    """Whether this claim is not reproduced even after Holm's correction over them."""


class Verdict(Record):
    """What the evidence says of one claim."""

    claim: Name
    kind: str
    statement: Text
    verdict: VerdictLabel
    finding: Finding
    replication: ReplicationKind | None
    """Derived from the deviations; null where no run bears on the claim."""
    agreement: Agreement | None = None
    """What conceptual evidence says; it never turns a claim green."""
    estimate: float | None = None
    interval: Interval | None = None
    level: float
    """That the claim asks for; the interval's own is stricter where looks or cells share it."""
    reported: float | None = None
    tolerance: float | None = None
    minimum_effect: float | None = None
    expected: Literal["reproduced", "not_reproduced"] | None = None
    seeds: int = 0
    """Smallest number of seeds in any arm that has seeds."""
    seeds_needed: int | None = None
    """Seeds per arm that would probably decide an inconclusive claim at the observed variance."""
    power: tuple[PowerPoint, ...] = ()
    """What more seeds would show; for inconclusive claims whose variance was observed."""
    stale: tuple[Text, ...] = ()
    """Why the verdict cannot be relied on as it is: other code scored its runs, or what decides the
    claim was changed and nobody accepted that."""
    acceptances: tuple[Acceptance, ...] = ()
    """Changes of what decides the claim that were accepted, the first first."""
    deviations: tuple[Deviation, ...] = ()
    paper_check: str | None = None
    """Result of the paper check; null where none was made."""
    signature: str
    """Every choice that changes the number, versions included."""
    reasons: tuple[Text, ...]
    """The decision in words, most important first."""
    evidence: Evidence = Evidence()
    secondary: tuple[SecondaryCriterion, ...] = ()
    """For a gain that reports a size and whose planned runs all finished; decides nothing."""
    family: Family | None = None
    """Null where no direct or close evidence bears on the claim, or chance has no part in it."""

    def as_expected(self) -> bool | None:
        """Return whether the verdict is the expected one; None where it decides nothing."""
        if self.verdict not in DECIDED:
            return None
        return self.verdict == (self.expected or "reproduced")

    def to_json(self) -> dict[str, object]:
        """Return the shape of `verify --json`: intervals as pairs, `expected` for controls only."""
        record = self.model_dump(
            mode="json", by_alias=True, exclude={"evidence", "statement", "interval", "family"}
        )
        record["interval"] = [self.interval.low, self.interval.high] if self.interval else None
        if self.expected is None:
            del record["expected"]
        return record


class Verdicts(Record):
    """All verdicts of one verification."""

    schema_version: Literal["corroborate/verdicts@1"] = Field(
        default="corroborate/verdicts@1", alias="schema"
    )
    verdicts: tuple[Verdict, ...]

    def exit_code(self) -> int:
        """Return 0 if all are as expected, 1 if any is against, 3 if any is undecided."""
        outcomes = [v.as_expected() for v in self.verdicts]
        if any(o is False for o in outcomes):
            return 1
        return 3 if any(o is None for o in outcomes) else 0

    def to_json(self) -> dict[str, object]:
        """Return the document that `verify --json` prints."""
        return {"schema": self.schema_version, "verdicts": [v.to_json() for v in self.verdicts]}
