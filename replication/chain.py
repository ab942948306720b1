"""How do lines appended to a file vouch for each other? Each carries a checksum over the one before.

So a line that was changed, removed or moved is noticed, and named. The journal and the record of
looks are such files. Light: no torch.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from pydantic import ValidationError

from claims.record import canonical_json
from replication.errors import StoreError
from replication.migrations import migrated

__all__ = ["ChainedFile", "chained", "link", "write_whole"]

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class ChainedFile:
    """What the messages about such a file say."""

    about: str
    """File and path."""
    noun: str
    """What a line holds."""
    schema: str
    advice: str
    """What to do about damage."""


def link(chain: str, body: dict[str, Any]) -> str:
    """Return the SHA-256 over the checksum of the line before and this line's body."""
    return hashlib.sha256((chain + canonical_json(body)).encode()).hexdigest()


def chained(
    content: bytes, file: ChainedFile, parse: Callable[[dict[str, Any]], T]
) -> tuple[list[T], str]:
    """Return what all whole lines hold, and the checksum of the last.

    Args:
        content: of the file; what follows the last line's end is no line.
        file: for the messages.
        parse: makes a record of a line's body; may raise ValidationError.

    Raises:
        StoreError: an unknown schema, or damage, each line of it named.
    """
    records: list[T] = []
    faults: list[str] = []
    before: str | None = ""  # checksum of the line before; None where that one is unreadable
    for number, line in enumerate(content.split(b"\n")[:-1], start=1):
        try:
            body = json.loads(line)
            found = body.pop("chain")
            fits = before is None or found == link(before, body)
        except (ValueError, KeyError, AttributeError, TypeError, RecursionError):
            faults.append(f"line {number}: found no {file.noun} ; expected a JSON object")
            before = None
            continue
        current = migrated(body, file.schema, f"{file.about}: line {number}")
        before = found if isinstance(found, str) else None
        if not fits:
            faults.append(
                f"line {number}: found a checksum that does not fit ; expected one that follows "
                "from this line and the one before"
            )
            continue
        try:
            records.append(parse(current))
        except ValidationError as error:
            first = error.errors(include_url=False)[0]
            where = ".".join(map(str, first["loc"]))[:80] or file.noun
            shown = str(first["input"])[:80]
            faults.append(f"line {number}: {where}: found {shown!r} ; {first['msg'][:200]}")
    if faults:
        listed = "\n".join(f"  {fault}" for fault in faults[:20])
        raise StoreError(f"{file.about}: {len(faults)} damaged lines\n{listed}\n{file.advice}")
    return records, before or ""


def write_whole(descriptor: int, lines: bytes) -> None:
    """Append lines to a file and the disk."""
    rest = lines
    while rest:
        rest = rest[os.write(descriptor, rest) :]
    os.fsync(descriptor)
