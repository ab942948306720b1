"""What may a paper claim? Drafts of claims that a program read, which a person has yet to accept.

A draft never counts as a claim: its status is `draft` whatever made it, its schema is refused where
claims are read, and what the paper does not say of it is written `unknown`.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from claims.estimand import Split
from claims.paper import Address, Quantity, Unit
from claims.record import UNKNOWN, Name, Record, Text, Unknown

__all__ = [
    "DRAFTS",
    "MAX_DRAFTS",
    "Change",
    "Direction",
    "Draft",
    "DraftMeasure",
    "DraftNumber",
    "Drafts",
    "Extracted",
    "Hedge",
    "Judgement",
    "Kind",
    "LeftOut",
    "Reason",
]

DRAFTS = "corroborate/drafts@1"
"""The schema of a file of drafts."""
MAX_DRAFTS = 1000
"""Drafts of one extractor; as many as a claim file may have claims."""

Kind = Literal[
    "gain", "ranking", "consistency", "no_benefit", "not_consistently_better", "selected_gain",
    "value", "protocol",
]  # fmt: skip
"""The kinds of claims, as claim files have them."""
Direction = Literal["up", "down", "unknown"]
Change = Literal["absolute", "relative", "unknown", "none"]
"""Of a difference: in points of the measure, in percent of or times what it was before, or not said;
`none` for numbers that are no difference."""
Hedge = Literal["none", "about", "up_to", "more_than", "less_than", "from", "to"]
"""What the paper says of its number; `from` and `to` are the ends of a range."""

Said = Annotated[str, Field(min_length=1, max_length=400)]
"""Words of the paper, or `unknown`."""
Share = Annotated[float, Field(ge=0, le=1)]
Reason = Annotated[str, Field(min_length=1, max_length=300)]
"""A short sentence."""


class DraftNumber(Record):
    """The number of a draft, as printed."""

    raw: Annotated[str, Field(min_length=1, max_length=200)]
    """Its characters in the quotation, unit included."""
    value: float
    """In units of `scale`, without the sign of a difference where words give its direction."""
    unit: Unit
    scale: Annotated[float, Field(gt=0)] = 1.0
    low: float
    """The smallest number that prints like this when rounded; `value` lies in [low, high]."""
    high: float
    hedge: Hedge = "none"
    change: Change = "none"

    @model_validator(mode="after")
    def _ordered(self) -> DraftNumber:
        if not self.low <= self.value <= self.high:
            raise ValueError("value must lie between low and high")
        return self

    @staticmethod
    def of(quantity: Quantity, hedge: Hedge, change: Change, *, count: bool = False) -> DraftNumber:
        """Return a printed number with the numbers that are rounded to it; a count is exact."""
        value = quantity.value
        low, high = (value, value) if count else (float(end) for end in quantity.rounded)
        return DraftNumber(
            raw=quantity.raw,
            value=value,
            unit=quantity.unit,
            scale=quantity.scale,
            low=min(low, value),
            high=max(high, value),
            hedge=hedge,
            change=change,
        )


class DraftMeasure(Record):
    """What is measured, in the paper's own words; claim files name it by the benchmark's."""

    metric: Said = UNKNOWN
    scope: Said = UNKNOWN
    """Tasks, data sets or languages on which it is measured."""
    split: Split | Unknown = "unknown"
    statistic: Said = UNKNOWN
    """Such as average or median, where the sentence has the word."""


class Judgement(Record):
    """What a judge, such as an entailment model, makes of one draft; it changes nothing of it."""

    judge: Name = "unnamed"
    """Written by whoever asked the judge, whatever the judge says."""
    draft: Name
    rating: Share
    """From 0, the paper says something else, to 1, the quotation says just this."""
    because: Reason


class Draft(Record):
    """One checkable statement that a paper may make, with where it was read and how surely."""

    id: Name
    """A suggestion, unique among the drafts of a paper."""
    status: Literal["draft"] = "draft"
    """A person accepts a draft by writing a claim; there is no other way."""
    extractor: Name = "unnamed"
    """Written by whoever asked the extractor, whatever the extractor says."""
    statement: Text
    kind: Kind
    number: DraftNumber | None = None
    """None for a claim without a number, such as of direction only."""
    direction: Direction = "unknown"
    """Which way the measure goes: `down` for an error that is reduced."""
    treatment: Said = UNKNOWN
    control: Said = UNKNOWN
    """What it is compared with."""
    measure: DraftMeasure = DraftMeasure()
    tolerance: Unknown = "unknown"
    """Chosen by whoever accepts the claim, before any run; no paper states it."""
    address: Address
    """Where the quotation stands, for machines."""
    place: Annotated[str, Field(min_length=1, max_length=500)]
    """The same for people."""
    also_at: tuple[Address, ...] = ()
    """Where else the same is claimed."""
    quote: Text
    """The paper's own sentence."""
    confidence: Share
    """How surely this is a claim of the paper and was read rightly; an order, not a probability."""
    reasons: Annotated[tuple[Reason, ...], Field(min_length=1, max_length=40)]
    judgements: tuple[Judgement, ...] = ()

    @property
    def unknown(self) -> tuple[str, ...]:
        """Return the names of what a person has yet to find out, in the order of a claim file."""
        measure = {f"measure.{n}": getattr(self.measure, n) for n in DraftMeasure.model_fields}
        fields = {"treatment": self.treatment, "control": self.control, **measure}
        return (*(name for name, said in fields.items() if said == UNKNOWN), "tolerance")


class LeftOut(Record):
    """What was read and taken for no claim, by reason."""

    reason: Reason
    count: Annotated[int, Field(ge=1)]
    examples: tuple[Annotated[str, Field(max_length=300)], ...] = ()
    """A few of them, each with its address."""


class Extracted(Record):
    """What one extractor found in a paper."""

    drafts: Annotated[tuple[Draft, ...], Field(max_length=MAX_DRAFTS)] = ()
    left_out: Annotated[tuple[LeftOut, ...], Field(max_length=100)] = ()
    notices: Annotated[tuple[Text, ...], Field(max_length=100)] = ()
    """One sentence each on what was not searched."""


class Drafts(Record):
    """A file of drafts, of schema `corroborate/drafts@1`."""

    schema_version: Literal["corroborate/drafts@1"] = Field(alias="schema")
    paper: str
    """The path that was read."""
    title: str = ""
    format: str
    extractors: tuple[Name, ...]
    judges: tuple[Name, ...] = ()
    drafts: tuple[Draft, ...]
    left_out: tuple[LeftOut, ...]
    notices: tuple[str, ...]
    """What of the paper could not be read or was not searched."""
