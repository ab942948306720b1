"""Typed differences between the protocol as reported and the protocol as run."""

from __future__ import annotations

from typing import Literal

from claims.record import UNKNOWN, Record, canonical_json
from replication.protocol import Protocol

__all__ = ["Deviation", "Importance", "ReplicationKind", "compare", "replication_kind"]

Importance = Literal["important", "minor"]
ReplicationKind = Literal["direct", "close", "conceptual"]

_PROSE = {"schema_version", "name", "size", "summary", "caveats", "sources"}
"""Fields that say how a protocol is told, not what is done."""

_MINOR = {"warmup_share", "weight_decay", "clip_norm", "adam_epsilon", "precision", "seeds"}
"""Last parts of fields that barely move an estimate within the ranges seen in published recipes."""


class Deviation(Record):
    """One difference between the protocol as reported and as run."""

    field: str
    """Dotted path into the protocol, or `measure.*` for a part of the claim's measure."""
    reported: str
    used: str
    importance: Importance
    """`important` if it can move the estimate. A setting that the paper does not report is `minor`:
    nothing was departed from, yet the run is then no more than `close`."""


def compare(reported: Protocol, used: Protocol) -> tuple[Deviation, ...]:
    """Return every field in which two protocols differ, sorted by field.

    A whole block that is absent on one side (a target, a recipe) is one deviation.
    """
    left = reported.model_dump(mode="json", by_alias=True, exclude=_PROSE)
    right = used.model_dump(mode="json", by_alias=True, exclude=_PROSE)
    return tuple(sorted(_walk("", left, right), key=lambda d: d.field))


def replication_kind(deviations: tuple[Deviation, ...]) -> ReplicationKind:
    """Return `direct` without deviations, `close` with minor ones only, else `conceptual`."""
    if not deviations:
        return "direct"
    important = any(d.importance == "important" for d in deviations)
    return "conceptual" if important else "close"


def _walk(path: str, left: object, right: object) -> list[Deviation]:
    if isinstance(left, dict) and isinstance(right, dict):
        found: list[Deviation] = []
        for key in sorted(set(left) | set(right)):
            inner = f"{path}.{key}" if path else str(key)
            found += _walk(inner, left.get(key), right.get(key))
        return found
    if left == right:
        return []
    minor = left == UNKNOWN or path.rsplit(".", 1)[-1] in _MINOR
    importance: Importance = "minor" if minor else "important"
    return [Deviation(field=path, reported=_show(left), used=_show(right), importance=importance)]


def _show(value: object) -> str:
    if value is None:
        return "none"
    text = value if isinstance(value, str) else canonical_json(value)
    return text if len(text) <= 160 else text[:157] + "..."
