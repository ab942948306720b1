"""What did other reviewers, people or language models, think of a report's claims?"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, ValidationError

from claims.errors import SynthesisError
from claims.prose import visible
from claims.record import Name, Record
from claims.review_records import Rating
from claims.synthesis import Synthesis, read_text

__all__ = ["MAX_RATINGS", "read_ratings"]

MAX_RATINGS = 5000
"""Most ratings in one file."""
_SHOWN = 50
"""Faults of one file that are listed."""
_EXPECTED = {"missing": "a value", "extra_forbidden": "no such field"}
_NAMED = 5
"""Reports that a fault names."""


class _Given(Record):
    report: Annotated[str, Field(min_length=1, max_length=200)]
    claim: Annotated[int, Field(ge=1, strict=True)] | None = None
    rating: Annotated[int, Field(ge=1, le=5, strict=True)]
    because: Annotated[str, Field(max_length=2000)] = ""


class _File(Record):
    schema_version: Literal["corroborate/ratings@1"] = Field(alias="schema")
    rater: Name
    kind: Literal["person", "model"]
    ratings: Annotated[tuple[_Given, ...], Field(min_length=1, max_length=MAX_RATINGS)]


def read_ratings(path: str | Path, reports: Sequence[Synthesis]) -> tuple[Rating, ...]:
    """Read one reviewer's ratings, a JSON file of schema `corroborate/ratings@1`.

    Args:
        path: the file; `rater`, `kind` (person or model) and `ratings`, each with `report` (a
            file's name without ending), `claim` (its number; the whole report without it),
            `rating` (1 to 5) and `because`.
        reports: what may be rated.

    Raises:
        SynthesisError: the file is no such thing, or rates what is not there, or rates it twice; it
            names every fault.
    """
    told = f"ratings '{visible(str(path))[:200]}'"
    try:
        given = _File.model_validate(json.loads(read_text(path, "ratings as JSON")))
    except ValidationError as error:
        raise SynthesisError(_told(told, _misshapen(error))) from None
    except (ValueError, RecursionError) as error:
        raise SynthesisError(f"{told}: found no JSON ({error}) ; expected ratings.") from None
    faults = _misplaced(given, reports)
    if faults:
        raise SynthesisError(_told(told, faults))
    return tuple(
        Rating(rater=given.rater, kind=given.kind, **one.model_dump()) for one in given.ratings
    )


def _misshapen(error: ValidationError) -> list[str]:
    faults = []
    for fault in error.errors(include_url=False):
        if fault["type"] == "too_short" and fault["input"]:
            continue  # too few were without fault, each of which is named
        place = ".".join(str(step) for step in fault["loc"]) or "document"
        found = "nothing" if fault["type"] == "missing" else repr(fault["input"])[:60]
        expected = _EXPECTED.get(fault["type"], fault["msg"].removeprefix("Input should be "))
        faults.append(f"{place[:120]}: found {found} ; expected {expected}")
    return faults


def _misplaced(given: _File, reports: Sequence[Synthesis]) -> list[str]:
    """Return the ratings of what is not reviewed, or of what is rated already."""
    numbers = {r.name: {None, *(c.number for c in r.claims)} for r in reports}
    reviewed = ", ".join(f"{r.name} (claims 1 to {len(r.claims)})" for r in reports[:_NAMED])
    seen: set[tuple[str, int | None]] = set()
    faults = []
    for i, one in enumerate(given.ratings):
        what = f"report '{one.report}'" + (f", claim {one.claim}" if one.claim else "")
        if one.claim not in numbers.get(one.report, ()):
            faults.append(f"ratings.{i}: found {what} ; expected what is reviewed: {reviewed}")
        elif (one.report, one.claim) in seen:
            faults.append(f"ratings.{i}: found {what} rated twice ; expected it once")
        seen.add((one.report, one.claim))
    return faults


def _told(file: str, faults: Sequence[str]) -> str:
    rest = [f"  and {len(faults) - _SHOWN} more"] if len(faults) > _SHOWN else []
    number = f"{len(faults)} {'fault' if len(faults) == 1 else 'faults'}"
    lines = [f"{file}: {number} ; expected corroborate/ratings@1. Mend each:"]
    return "\n".join([*lines, *(f"  {visible(f)}" for f in faults[:_SHOWN]), *rest])
