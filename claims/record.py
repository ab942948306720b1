"""The base of all records: frozen, strict, and identified by a digest of canonical JSON."""

from __future__ import annotations

import hashlib
import json
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, StringConstraints

__all__ = ["NAME", "UNKNOWN", "Name", "Record", "Text", "Unknown", "canonical_json", "digest_of"]

UNKNOWN = "unknown"
"""A fact that no readable source states. It is a value, never to be replaced by a guess."""

Unknown = Literal["unknown"]

NAME = r"^[A-Za-z0-9][A-Za-z0-9_.+-]{0,79}$"
Name = Annotated[str, StringConstraints(pattern=NAME)]
"""An identifier that is safe in a path, a URL and a shell."""

Text = Annotated[str, StringConstraints(min_length=1, max_length=4000, strip_whitespace=True)]
"""A sentence or a few, never empty."""


def canonical_json(value: Any) -> str:
    """Return the one JSON text of a value: sorted keys, no spaces, no NaN, UTF-8.

    Args:
        value: anything made of dicts with string keys, lists, strings, finite numbers, booleans, None.

    Raises:
        ValueError: a float is NaN or infinite.
    """
    return json.dumps(
        value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False
    )


def digest_of(value: Any) -> str:
    """Return the SHA-256, in 64 hex digits, of the canonical JSON of a value."""
    return hashlib.sha256(canonical_json(value).encode()).hexdigest()


class Record(BaseModel):
    """A frozen, strict record whose identity is the SHA-256 of its canonical JSON."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        allow_inf_nan=False,
        populate_by_name=True,
        use_attribute_docstrings=True,
        validate_default=True,
    )

    def canonical(self) -> str:
        """Return the record as canonical JSON."""
        return canonical_json(self.model_dump(mode="json", by_alias=True))

    def digest(self) -> str:
        """Return the record's identity: 64 hex digits."""
        return hashlib.sha256(self.canonical().encode()).hexdigest()
