"""What is known of a paper at arXiv: its name, its versions, and what was fetched of each?"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Literal

from pydantic import Field

from claims.archive import Member
from claims.errors import UnknownPaperError
from claims.record import Record

__all__ = ["Identifier", "Paper", "State", "Version", "identifier"]

_NEW = r"\d{4}\.\d{4,5}"
_OLD = r"[a-z][a-z-]{1,12}(?:\.[A-Z]{2})?/\d{7}"
_NAMED = re.compile(
    rf"(?:https?://(?:www\.|export\.)?arxiv\.org/(?:abs|pdf|html|e-print|src)/|arxiv:)?"
    rf"({_NEW}|{_OLD})(?:v([1-9]\d{{0,2}}))?(?:\.pdf)?",
    re.IGNORECASE,
)
State = Literal["source", "pdf only", "withdrawn", "missing", "refused", "not fetched"]
"""not fetched: it may be there, but did not come this time; refused: it came, and is not safe."""


class Identifier(Record):
    """A paper's name at arXiv, such as `2005.13013`, with or without a version."""

    paper: str
    version: int | None

    def folder(self) -> str:
        """Return a name that is safe in a path."""
        return self.paper.replace("/", "-")


class Version(Record):
    """One version of a paper and what was fetched of it."""

    number: int
    state: State
    why: str = ""
    """Why there is no source; empty where there is."""
    withdrawn: bool = False
    """Whether the version says that the paper was withdrawn."""
    title: str = ""
    authors: tuple[str, ...] = ()
    abstract: str = ""
    comment: str = ""
    journal: str = ""
    doi: str = ""
    categories: tuple[str, ...] = ()
    published: str = ""
    """When the first version appeared."""
    updated: str = ""
    """When this version appeared."""
    sha256: str = ""
    """Of the archive as arXiv sent it."""
    bytes: int = 0
    files: tuple[Member, ...] = ()
    """The source's files, below `v<number>/source`."""


class Paper(Record):
    """All versions of a paper."""

    schema_version: Literal["corroborate/paper@1"] = Field(
        default="corroborate/paper@1", alias="schema"
    )
    id: str
    asked: str
    """When arXiv was last asked for the metadata."""
    versions: tuple[Version, ...]

    def exit_code(self, numbers: Sequence[int] = ()) -> int:
        """Return 4 where something may come another time, 2 for what was refused, 3 without source.

        Args:
            numbers: the versions that were asked for; all where none is named.
        """
        states = {v.state for v in self.versions if not numbers or v.number in numbers}
        if "not fetched" in states:
            return 4
        return 2 if "refused" in states else 0 if states == {"source"} else 3


def identifier(text: str) -> Identifier:
    """Return what a name or address of arXiv means.

    Raises:
        UnknownPaperError: it is neither.
    """
    found = _NAMED.fullmatch(text.strip()[:200])
    if not found:
        raise UnknownPaperError(
            f"{text[:80]!r}: found no arXiv identifier ; expected one such as 2005.13013 or "
            "2005.13013v2."
        )
    return Identifier(paper=found[1], version=int(found[2]) if found[2] else None)
