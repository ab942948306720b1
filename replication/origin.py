"""Where did scores that were made elsewhere come from, and may they count as evidence?

Light: imports neither torch nor transformers nor datasets.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from claims.record import Name, Record, Text

__all__ = ["MAX_SOURCES", "Comparability", "Origin", "Raw", "Scale", "SourceFile", "StatedSpread"]

MAX_SOURCES = 10_000
"""Files that one imported run may rest on."""

Comparability = Literal["evidence", "shown"]
"""`evidence`: a replicate of the quantity that claims are about. `shown`: anything else, such as a mean
over seeds or a prompted model; never pooled, never decided on."""

Scale = Literal["fraction", "points"]
"""`fraction`: from 0 to 1. `points`: from 0 to 100, as all scores are kept."""


class SourceFile(Record):
    """One file, or one answer of a server, that scores were read from."""

    path: Annotated[str, Field(min_length=1, max_length=1000)]
    """Relative to the folder that holds what was imported, with `/`; never absolute."""
    sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


class StatedSpread(Record):
    """An uncertainty that a source states of its own score: kept as it stands, never decided on."""

    quantity: Literal["standard_error", "half_width", "standard_deviation", "variance"]
    """`half_width`: of an interval, which some sources call a standard error."""
    value: Annotated[float, Field(ge=0)]
    """On the source's own scale."""
    over: Literal["examples", "seeds", "unknown"] = "unknown"
    divisor: Literal["n", "n-1", "unknown"] = "unknown"
    """Of the variance behind it: of the population, or of a sample."""
    level: Annotated[float, Field(gt=0, lt=1)] | None = None
    """Of the interval that `half_width` is half of; null for others, and where nobody says."""


class Raw(Record):
    """A score as its source has it."""

    value: float
    scale: Scale
    path: Annotated[str, Field(min_length=1, max_length=1000)]
    """The `SourceFile` that it stands in."""
    at: Text
    """Where in that file, such as `line 7` or `results.xnli_de.acc,none`."""
    spread: StatedSpread | None = None


class Origin(Record):
    """How the scores of a run came here; absent from runs that were made here."""

    format: Name
    sources: Annotated[tuple[SourceFile, ...], Field(min_length=1, max_length=MAX_SOURCES)]
    """Sorted by path."""
    protocol: Name | None = None
    """Protocol that the run followed, as whoever imported it declares; null where nobody did."""
    comparability: Comparability
    because: Text | None = None
    """Why the scores are only shown; null where they may count."""
