"""What does an index say of a work, and what of that tells whether two entries are of one?

Everything that an index says is hostile: texts are cut to one printable line, identifiers are
taken only in their known forms, and addresses are made from identifiers, never copied.
"""

from __future__ import annotations

import html
import re
import unicodedata
from typing import Annotated, Literal

from pydantic import Field

from claims.arxiv_paper import identifier
from claims.errors import UnknownPaperError
from claims.record import Record

__all__ = [
    "KINDS", "MAX_AUTHORS", "Entry", "Hit", "Kind", "Notice", "arxiv_id", "doi", "kind_of", "line",
    "plain_title", "surname", "title_key", "unmarked",
]  # fmt: skip

Kind = Literal["retracted", "withdrawn", "concern", "corrected", "updated"]
KINDS: tuple[Kind, ...] = ("retracted", "withdrawn", "concern", "corrected", "updated")
"""What may have become of a work, the gravest first."""

MAX_AUTHORS = 20
_SIGNS: tuple[tuple[Kind, str], ...] = (
    ("retracted", "retract"), ("retracted", "removal"), ("withdrawn", "withdraw"),
    ("concern", "concern"), ("corrected", "correct"), ("corrected", "errat"),
    ("corrected", "corrig"), ("corrected", "addend"), ("updated", "version"),
    ("updated", "clarif"), ("updated", "update"),
)  # fmt: skip
_DOI = re.compile(
    r"(?:https?://(?:dx\.)?doi\.org/|doi:\s?)?(10\.\d{4,9}/[\x21-\x7e]{1,200})", re.IGNORECASE
)
_ARXIV_DOI = re.compile(r"10\.48550/arxiv\.(\S{1,60})")
_TAG = re.compile(r"</?[A-Za-z][^<>]{0,100}>")
_WORD = re.compile(r"[^\W_]+")
_MARKED = re.compile(
    r"\W{0,3}(retracted|withdrawn)(?: article| paper| chapter)?(?:\s?[:\]]|\s[–—-])\s?",
    re.IGNORECASE,
)


class Notice(Record):
    """A retraction, correction or the like of which an index says."""

    kind: Kind
    index: str
    about: str = ""
    """DOI of the work meant; empty where it is the entry's own."""
    by: str = ""
    """DOI of the announcement; empty where none is named."""
    text: Annotated[str, Field(max_length=500)] = ""


class Entry(Record):
    """One work as one index has it."""

    index: str
    rank: Annotated[int, Field(ge=0)]
    """Place in the index's answer, counted from 1; 0 where it was looked up by its identifier."""
    title: str
    authors: tuple[str, ...] = ()
    """The first 20."""
    year: int | None = None
    venue: str = ""
    doi: str = ""
    """In lower case; empty for a DOI that only stands for an arXiv identifier."""
    arxiv: str = ""
    """Without version."""
    notices: tuple[Notice, ...] = ()


class Hit(Record):
    """One work with what every index says of it."""

    number: int = 0
    """Place among the hits, counted from 1."""
    score: float = 0.0
    title: str
    authors: tuple[str, ...]
    year: int | None
    doi: str
    arxiv: str
    address: str
    """Made from the identifiers; empty where there is none."""
    notices: tuple[Notice, ...]
    """What became of the work, the gravest first."""
    differs: tuple[str, ...]
    """In what the indexes disagree."""
    perhaps: tuple[int, ...] = ()
    """Numbers of hits that may be the same work, but whose identifiers or years speak against it."""
    entries: tuple[Entry, ...]

    def own_notices(self) -> tuple[Notice, ...]:
        """Return the notices of the work itself, without those that it is the announcement of."""
        return tuple(n for n in self.notices if n.about in {"", self.doi})

    def indexes(self) -> tuple[str, ...]:
        """Return the indexes that have the work, each once."""
        return tuple(dict.fromkeys(e.index for e in self.entries))


def line(text: str) -> str:
    """Return a text as one line of at most 20,000 printable characters."""
    return " ".join("".join(c if c.isprintable() else " " for c in text[:40_000]).split())[:20_000]


def doi(text: object) -> str:
    """Return a DOI in lower case without its resolver; empty where there is none."""
    found = _DOI.fullmatch(text.strip()) if isinstance(text, str) and len(text) < 300 else None
    return found[1].lower() if found else ""


def arxiv_id(text: object) -> str:
    """Return the arXiv identifier, without version, that a name, DOI or address has; else empty."""
    if not isinstance(text, str) or len(text) > 300:
        return ""
    meant = _ARXIV_DOI.fullmatch(doi(text))
    try:
        name = identifier(meant[1] if meant else text).paper.lower()
    except UnknownPaperError:
        return ""
    group, slash, number = name.partition("/")
    return f"{group.partition('.')[0]}/{number}" if slash else name


def kind_of(text: str) -> Kind | None:
    """Return what a word of an index, such as `Retraction` or `expression_of_concern`, says."""
    said = text[:200].casefold()
    return next((kind for kind, sign in _SIGNS if sign in said), None)


def unmarked(text: str) -> str:
    """Return a text as one line of at most 1,000 characters, without tags and entities."""
    return line(html.unescape(_TAG.sub("", text[:5000])))[:1000].strip()


def plain_title(text: str) -> tuple[str, Kind | None]:
    """Return a title without markup and without the mark of a retraction, and that mark."""
    bare = unmarked(text)
    marked = _MARKED.match(bare)
    return (bare[marked.end() :], kind_of(marked[1])) if marked else (bare, None)


def title_key(title: str) -> str:
    """Return a title's words in lower case without accents, for comparison."""
    flat = unicodedata.normalize("NFKD", title)
    return " ".join(
        _WORD.findall("".join(c for c in flat if not unicodedata.combining(c)).casefold())
    )


def surname(author: str) -> str:
    """Return the last word of a person's family name in lower case without accents."""
    words = title_key(author.partition(",")[0]).split()
    return words[-1] if words else ""
