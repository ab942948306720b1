"""What did other reviewers, people or language models, think of a report's claims?"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, ValidationError

from claims.errors import SynthesisError
from claims.record import Name, Record
from claims.review_records import Rating
from claims.synthesis import Synthesis, read_text

__all__ = ["MAX_RATINGS", "read_ratings"]

MAX_RATINGS = 5000
"""Most ratings in one file."""


class _Given(Record):
    report: Annotated[str, Field(min_length=1, max_length=200)]
    claim: Annotated[int, Field(ge=1)] | None = None
    rating: Annotated[int, Field(ge=1, le=5)]
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
        SynthesisError: the file is no such thing, or rates what is not there, or rates it twice.
    """
    told = f"ratings '{str(path)[:200]}'"
    try:
        given = _File.model_validate(json.loads(read_text(path, "ratings as JSON")))
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        place = ".".join(str(step) for step in first["loc"])[:200] or "document"
        raise SynthesisError(
            f"{told}: found a fault at {place} ({error.error_count()} in all) ; expected "
            f"corroborate/ratings@1: {first['msg']}."
        ) from None
    except (ValueError, RecursionError) as error:
        raise SynthesisError(f"{told}: found no JSON ({error}) ; expected ratings.") from None
    numbers = {r.name: {None, *(c.number for c in r.claims)} for r in reports}
    seen = set()
    for one in given.ratings:
        what = f"report '{one.report}'" + (f", claim {one.claim}" if one.claim else "")
        if one.claim not in numbers.get(one.report, ()):
            reviewed = ", ".join(numbers)
            raise SynthesisError(f"{told}: found {what} ; expected a claim of one of {reviewed}.")
        if (one.report, one.claim) in seen:
            raise SynthesisError(f"{told}: found {what} rated twice ; expected it once.")
        seen.add((one.report, one.claim))
    return tuple(
        Rating(rater=given.rater, kind=given.kind, **one.model_dump()) for one in given.ratings
    )
