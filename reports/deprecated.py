"""Which spellings of commands and options still work, but not for long?

A row stays for at least one minor version after the one that deprecates the spelling.
Imports nothing but the standard library, since every command begins here.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from reports.streams import tell

__all__ = ["DEPRECATED", "Deprecated", "renewed"]


class Deprecated(NamedTuple):
    """A spelling that will go."""

    command: str
    """The command, which is the spelling itself where `option` is empty."""
    option: str
    replacement: str
    since: str
    removed: str
    """Versions, such as `0.3`: the first that says so, and the first without it."""


DEPRECATED: tuple[Deprecated, ...] = ()


def renewed(arguments: Sequence[str], table: Sequence[Deprecated] = DEPRECATED) -> list[str]:
    """Return the arguments with deprecated spellings replaced, each of which is told of once."""
    words = list(arguments)
    for row in table:
        end = words.index("--") if "--" in words else len(words)
        places = range(1, end) if row.option else range(min(1, end))
        old = row.option or row.command
        found = [n for n in places if words[n].partition("=")[0] == old]
        if words[:1] != [row.command] or not found:
            continue
        for n in found:
            words[n] = row.replacement + words[n].removeprefix(old)
        tell(
            f"corroborate: `{old}` is deprecated since version {row.since} and will be removed in "
            f"{row.removed}. Use `{row.replacement}`."
        )
    return words
