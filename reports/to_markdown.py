"""How do blocks read as Markdown?"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import groupby
from urllib.parse import quote

from reports.blocks import (
    Block,
    Bullets,
    Fence,
    Figure,
    Inline,
    Paragraph,
    Quote,
    Section,
    Span,
    Table,
)
from reports.content import content
from reports.document import Document
from reports.drawing import alone, svg
from reports.escaping import bullets, cell, code, fence, table, text
from reports.figures import figures_in

__all__ = ["RENDERER", "MarkdownRenderer", "markdown", "pictures"]

FOLDER = "figures"
"""Of the pictures, beside the report."""


@dataclass(frozen=True)
class MarkdownRenderer:
    """GitHub-flavoured Markdown without raw HTML, readable as plain text."""

    name: str = "md"
    file_name: str = "report.md"

    def render(self, document: Document) -> bytes:
        """Return UTF-8 Markdown with a final newline."""
        return (markdown([content(document)]) + "\n").encode()

    def beside(self, document: Document) -> dict[str, bytes]:
        """Return the pictures that the Markdown names, by path beside it."""
        return pictures([content(document)])


def pictures(blocks: Iterable[Block]) -> dict[str, bytes]:
    """Return the pictures that blocks as Markdown name, by path beside the file."""
    return {f"{FOLDER}/{f.name}.svg": alone(svg(f.spec)).encode() for f in figures_in(blocks)}


def markdown(blocks: Iterable[Block], *, level: int = 1) -> str:
    """Return blocks as Markdown.

    Args:
        blocks: in reading order.
        level: of the headings of sections that are in none, 1 to 6.
    """
    return "\n\n".join(_blocks(blocks, level))


def _blocks(blocks: Iterable[Block], level: int) -> Iterator[str]:
    for block in blocks:
        match block:
            case Section():
                yield f"{'#' * min(level, 6)} {_inline(block.title)}"
                yield from _blocks(block.blocks, level + 1)
            case Paragraph():
                yield _line(block.line)
            case Quote():
                yield "\n>\n".join(f"> {_line(line)}" for line in block.lines)
            case Bullets():
                yield bullets(_line(item) for item in block.items)
            case Table():
                rows = ([_inline(cell) for cell in row] for row in block.rows)
                yield table([_inline(head) for head in block.header], rows)
            case Fence():
                yield fence(block.lines)
            case Figure():
                yield f"![{_inline(block.caption)}]({FOLDER}/{block.name}.svg)"


def _line(line: Inline) -> str:
    """Return a line for a place where a block could begin."""
    return _inline(line, begins=True)


def _inline(line: Inline, *, begins: bool = False) -> str:
    parts = []
    for loud, spans in groupby(line, key=lambda span: span.strong):
        run = "".join(_span(s, begins=begins and not loud and s is line[0]) for s in spans)
        bare = run.strip()
        # `** x**` would show its asterisks, so blanks stand outside of them
        parts.append(run.replace(bare, f"**{bare}**", 1) if loud and bare else run)
    return "".join(parts)


def _span(span: Span, *, begins: bool) -> str:
    if span.style == "code":
        named = code(span.text)
        return f"[{named}]({quote(span.file)})" if span.file else named
    if span.style == "number":
        return span.text
    lead = " " if span.text[:1].isspace() else ""
    trail = " " if span.text[-1:].isspace() and span.text.strip() else ""
    said = lead + (text(span.text) if begins else cell(span.text)) + trail
    return f"*{said}*" if span.style == "emphasis" and said.strip() else said


RENDERER = MarkdownRenderer()
