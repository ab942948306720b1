"""HTML, Markdown, JSON and PDF say the same, digit by digit."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable, Iterator
from decimal import ROUND_CEILING, ROUND_FLOOR, ROUND_HALF_UP, Decimal
from html.parser import HTMLParser
from typing import Any

import pypdfium2
import pytest
from markdown_it import MarkdownIt
from test_reports import conceptual, controls, decided

from reports.blocks import (
    Block,
    Bullets,
    Fence,
    Figure,
    Inline,
    Paragraph,
    Quote,
    Section,
    Table,
    flat,
    plain_text,
)
from reports.content import content
from reports.document import Document
from reports.to_html import RENDERER as HTML
from reports.to_json import RENDERER as JSON
from reports.to_markdown import RENDERER as MARKDOWN
from reports.to_pdf import RENDERER as PDF
from verifier.numbers import estimate, points
from verifier.words import has_sign

EXAMPLES = {"conceptual": conceptual, "controls": controls, "decided": decided}
NUMBER = re.compile(r"\d+(?:\.\d+)?(?:e[+-]\d+)?")
BULLET = "\u2022"
CHART = 4000
"""Characters that the labels of one chart may have."""


def squeezed(text: str) -> str:
    """Lines break where each format likes, so blanks do not count."""
    return re.sub(r"\s", "", text)


def cells(table: Table) -> Iterator[str]:
    for row in (table.header, *table.rows):
        for cell in row:
            yield plain_text(cell) or "-"


def pieces(block: Block) -> Iterator[str]:
    """Yield what a block says, in reading order, without what is below a section's title."""
    lines: tuple[Inline, ...]
    match block:
        case Table():
            yield from cells(block)
            return
        case Fence():
            yield from block.lines
            return
        case Section():
            lines = (block.title,)
        case Paragraph():
            lines = (block.line,)
        case Figure():
            lines = (block.caption,)
        case Quote():
            lines = block.lines
        case Bullets():
            lines = block.items
    yield from map(plain_text, lines)


def expected(of: Document) -> str:
    return squeezed("".join(p for block in flat([content(of)]) for p in pieces(block)))


class Words(HTMLParser):
    """What a page says, without its pictures, its navigation and its forms."""

    SILENT = frozenset({"style", "script", "svg", "nav", "form", "footer", "title"})

    def __init__(self, page: str) -> None:
        super().__init__()
        self.silent: list[str] = []
        self.said: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in self.SILENT or ("class", "skip") in attrs:
            self.silent.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if self.silent and self.silent[-1] == tag:
            self.silent.pop()

    def handle_data(self, data: str) -> None:
        if not self.silent:
            self.said.append(data.replace("\xa0", "-"))


def said_in_html(page: bytes) -> str:
    return squeezed("".join(Words(page.decode()).said))


def said_in_markdown(text: bytes) -> str:
    tokens = MarkdownIt("commonmark").enable("table").parse(text.decode())
    said = []
    for token in tokens:
        if token.type == "fence":
            said.append(token.content)
        for child in token.children or ():
            said.append(child.content if not child.children else "")
            said += [inner.content for inner in child.children or ()]
    return squeezed("".join(said))


def said_in_pdf(pdf: bytes) -> str:
    """Return what stands between running header and footer."""
    said = []
    for page in pypdfium2.PdfDocument(pdf):
        width, height = page.get_size()
        text = page.get_textpage().get_text_bounded(0, 50, width, height - 55)
        said.append(
            text.replace(BULLET, "").replace("\x02", "-")
        )  # PDFium's hyphen at a line's end
    return squeezed("".join(said))


def assert_pages_say(said: str, of: Document) -> None:
    """Walk the pages from block to block; only labels of charts and repeated heads may be between."""
    at = 0
    for block in flat([content(of)]):
        head = ""
        if isinstance(block, Table):
            head = squeezed("".join(plain_text(cell) or "-" for cell in block.header))
        for piece in map(squeezed, pieces(block)):
            if isinstance(block, Figure):
                found = said.find(piece, at, at + CHART + len(piece))
                assert found >= 0, f"{piece!r} is not among {said[at : at + CHART]!r}"
                at = found
            elif head and not said.startswith(piece, at) and said.startswith(head, at):
                at += len(head)
            assert said.startswith(piece, at), f"{piece!r} is not {said[at : at + len(piece)]!r}"
            at += len(piece)
    assert said[at:] == ""


@pytest.mark.parametrize("name", EXAMPLES)
def test_html_markdown_and_pdf_say_the_same_to_the_last_digit(name) -> None:
    of = EXAMPLES[name]()
    assert len(NUMBER.findall(expected(of))) > 200
    assert said_in_html(HTML.render(of)) == expected(of)
    assert said_in_markdown(MARKDOWN.render(of)) == expected(of)
    assert_pages_say(said_in_pdf(PDF.render(of)), of)


@pytest.mark.parametrize(
    "change", [lambda t: t.replace("9.6", "9.5", 1), lambda t: t.replace("9.6", "", 1)]
)
def test_one_digit_altered_or_dropped_in_one_format_is_noticed(
    change: Callable[[str], str],
) -> None:
    of = decided()
    html, markdown = HTML.render(of).decode(), MARKDOWN.render(of).decode()
    pages = said_in_pdf(PDF.render(of))
    assert said_in_html(change(html).encode()) != expected(of)
    assert said_in_markdown(change(markdown).encode()) != expected(of)
    with pytest.raises(AssertionError, match=r"9\.6"):
        assert_pages_say(change(pages), of)


def floats(value: Any) -> Iterator[float]:
    if isinstance(value, dict | list):
        for inner in value.values() if isinstance(value, dict) else value:
            yield from floats(inner)
    elif isinstance(value, int | float) and not isinstance(value, bool):
        yield float(value)


def printed(value: float) -> Iterator[str]:
    """Yield the texts that a value, as such, as a variance or as a share, may have in a report."""
    for size in {abs(value), abs(value) ** 0.5, 100 * abs(value)}:
        for digits in range(5):
            for rounding in (ROUND_FLOOR, ROUND_HALF_UP, ROUND_CEILING):
                rounded = Decimal(repr(size)).quantize(Decimal(1).scaleb(-digits), rounding)
                yield f"{rounded:f}"
    yield from (f"{abs(value):.2g}", f"{abs(value):.3g}")  # of secondary criteria


def number_spans(section: Section) -> Iterator[str]:
    for block in flat([section]):
        lines: tuple[Inline, ...] = ()
        match block:
            case Paragraph():
                lines = (block.line,)
            case Bullets():
                lines = block.items
            case Table():
                lines = tuple(cell for row in block.rows for cell in row)
            case Figure():
                lines = (block.caption,)
        yield from (span.text for line in lines for span in line if span.style == "number")


def numbers_beside_records(of: Document) -> Iterator[tuple[list[str], list[Any]]]:
    """Yield the numbers that a part of the report prints, and the part of the JSON report behind it."""
    report = json.loads(JSON.render(of))
    claims = {c["claim"]["id"]: c for one in report["sets"] for c in one["claims"]}
    for block in flat([content(of)]):
        if not isinstance(block, Section):
            continue
        if block.id.startswith("claim-"):
            yield list(number_spans(block)), [claims.pop(block.id.removeprefix("claim-"))]
        elif block.id == "scores":
            yield list(number_spans(block)), [report["scores"], report["matrix"]]
        elif block.id == "verdicts":
            yield list(number_spans(block)), [report["sets"]]
    assert not claims


@pytest.mark.parametrize("name", EXAMPLES)
def test_every_number_is_a_rounded_value_of_the_json_report(name) -> None:
    for spans, records in numbers_beside_records(EXAMPLES[name]()):
        known = {text for value in floats(records) for text in printed(value)}
        assert spans
        assert {n for span in spans for n in NUMBER.findall(span)} <= known


@pytest.mark.parametrize("name", EXAMPLES)
def test_every_score_and_estimate_of_the_json_report_is_printed(name) -> None:
    of = EXAMPLES[name]()
    report = json.loads(JSON.render(of))
    spans = Counter(
        s for b in content(of).blocks if isinstance(b, Section) for s in number_spans(b)
    )
    scores = Counter(points(row["mean"]) for row in report["scores"])
    assert scores
    assert scores <= spans
    for section in of.sections():
        found = estimate(
            section.verdict.estimate or 0.0,
            section.verdict.interval,
            signed=has_sign(section.claim),
        )
        assert spans[found] >= 2, "in the table of verdicts, and in the claim's own section"
