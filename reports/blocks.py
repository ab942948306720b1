"""What is a report made of, before it is Markdown, HTML or a PDF?

Sections of blocks, blocks of spans. Whoever writes a rendering turns these, and nothing else, into its
own format, and escapes every text: where it comes from makes no difference. So all renderings say the
same, to the last digit.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Literal, TypeAlias

__all__ = [
    "Block",
    "Bullets",
    "Fence",
    "Figure",
    "Inline",
    "Paragraph",
    "Quote",
    "Section",
    "Span",
    "Style",
    "Table",
    "code",
    "emphasis",
    "flat",
    "joined",
    "number",
    "plain_text",
    "strong",
    "table",
    "words",
]

Style = Literal["plain", "code", "number", "emphasis", "verdict"]
"""code: an identifier; number: printed by `verifier.numbers`, so that it needs no escaping; verdict: one
of `VERDICT_WORDS`."""


@dataclass(frozen=True, slots=True)
class Span:
    """Some words in one style."""

    text: str
    style: Style = "plain"
    target: str = ""
    """Id of the section that it leads to; empty where it leads nowhere."""
    anchor: str = ""
    """Id of the table row that begins with it, which links name; empty elsewhere."""
    file: str = ""
    """Relative path of the folder that it leads to, not yet quoted; empty where it leads to none."""
    strong: bool = False
    """Whether it must not be missed."""


Inline: TypeAlias = tuple[Span, ...]
"""A line of text, which never holds a line break."""


@dataclass(frozen=True, slots=True)
class Paragraph:
    """One paragraph."""

    line: Inline


@dataclass(frozen=True, slots=True)
class Quote:
    """What somebody else wrote, or a warning set apart, in one or more paragraphs."""

    lines: tuple[Inline, ...]
    warning: bool = False


@dataclass(frozen=True, slots=True)
class Bullets:
    """A list."""

    items: tuple[Inline, ...]


@dataclass(frozen=True, slots=True)
class Table:
    """A table; cells that are empty say so in each rendering."""

    header: tuple[Inline, ...]
    rows: tuple[tuple[Inline, ...], ...]

    def __post_init__(self) -> None:
        """Refuse a row with another number of cells than the header."""
        for row in self.rows:
            if len(row) != len(self.header):
                raise ValueError(f"table row: found {row} ; expected {len(self.header)} cells")


@dataclass(frozen=True, slots=True)
class Fence:
    """Lines to be shown as they are, such as commands."""

    lines: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Figure:
    """A picture, which always stands beside a table with the same numbers."""

    name: str
    """Unique in its report, fit for a file name."""
    caption: Inline
    """What is to be seen, in words."""
    spec: str
    """What `reports.drawing.svg` draws, as canonical JSON."""


Block: TypeAlias = "Paragraph | Quote | Bullets | Table | Fence | Figure | Section"


@dataclass(frozen=True, slots=True)
class Section:
    """A title with the blocks below it."""

    title: Inline
    blocks: tuple[Block, ...]
    id: str = ""
    """What links name; unique in its report, or empty."""
    tags: Mapping[str, str] = field(default_factory=dict)
    """What a reader may filter by, such as verdict and kind; multiple values parted by blanks."""


def words(*parts: str | Span | Inline) -> Inline:
    """Return a line of these parts; text without a style is plain."""
    spans: list[Span] = []
    for part in parts:
        if isinstance(part, str):
            spans += [Span(part)] if part else []
        else:
            spans += [part] if isinstance(part, Span) else part
    return tuple(spans)


def code(text: str, target: str = "", *, anchor: str = "", file: str = "") -> Span:
    """Return an identifier, with the id or folder that it leads to, or the id that its own row has."""
    return Span(text, "code", target, anchor, file)


def number(text: str) -> Span:
    """Return what `verifier.numbers` printed."""
    return Span(text, "number")


def strong(*parts: str | Span | Inline) -> Inline:
    """Return a line of these parts that must not be missed."""
    return tuple(replace(span, strong=True) for span in words(*parts))


def emphasis(text: str) -> Span:
    """Return words set apart, such as a title."""
    return Span(text, "emphasis")


def table(header: Iterable[str], rows: Iterable[tuple[Inline, ...]]) -> Table:
    """Return a table whose headers are plain words."""
    return Table(tuple(words(head) for head in header), tuple(rows))


def joined(lines: Iterable[Inline], between: str) -> Inline:
    """Return lines as one, with words between them."""
    spans: list[Span] = []
    for place, line in enumerate(lines):
        spans += [Span(between), *line] if place else line
    return tuple(spans)


def plain_text(line: Inline) -> str:
    """Return the words of a line without their styles."""
    return "".join(span.text for span in line)


def flat(blocks: Iterable[Block]) -> Iterator[Block]:
    """Yield all blocks in reading order, each section before what is in it."""
    for block in blocks:
        yield block
        if isinstance(block, Section):
            yield from flat(block.blocks)
