"""How do blocks become pages, without a browser, a TeX or a network?

Typst sets them. It is given one template of ours and, as strings in JSON, every word and picture of the
report, so that no word is ever read as markup or code; its root is an empty folder.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from importlib.resources import files
from tempfile import TemporaryDirectory
from typing import Any

import typst

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
    flat,
    plain_text,
    words,
)
from reports.content import content
from reports.document import Document
from reports.drawing import INK, svg
from reports.errors import RendererError
from reports.escaping import visible
from reports.figures import figures_in
from reports.summary import weakness

__all__ = ["RENDERER", "PdfRenderer"]

ROUNDS = 4
"""Compilations until every character that no font has is replaced; three did for all that was tried."""
MOST = 64 * 1024 * 1024
"""Characters of words and pictures; far above any report seen, and what typst sets in minutes."""
HEADER = 100
"""Characters of the title in the running header."""
WIDTH, HEIGHT = 487.0, 640.0
"""Of the printed area, in points, with room for a caption."""
PIXEL = 0.75
"""Of a chart, in points."""
LISTED = 20
"""Characters without a glyph that are named one by one."""
ACROSS = 118
"""Characters that a line of a table holds."""
ROW = 500
"""Characters of the longest cell in a table whose rows stay on one page."""
LONGEST_WORD, LONGEST_CELL = 22, 66
"""Characters that a column is made wider for."""
_SIZE = re.compile(r'<svg [^>]*?\bwidth="([\d.]+)" height="([\d.]+)"')
_LONG = re.compile(r"\S{25,}")
_LONG_IN_CELL = re.compile(r"\S{13,}")
_AFTER = re.compile(r"[_/:;=|]|[+.,-](?!\d)")
_UNBROKEN = re.compile(r"[^\s\u200b]{14,}")
_PIECE = re.compile(r".{8}")
_NO_GLYPH = re.compile(r'the text `"([^`]{1,200}?)"` could not be displayed')
_CODE_POINT = re.compile(r"\\u\{([0-9a-f]{1,6})\}")

_Json = dict[str, Any]


@dataclass(frozen=True)
class PdfRenderer:
    """One tagged PDF for print and for screen readers (PDF/UA-1)."""

    name: str = "pdf"
    file_name: str = "report.pdf"

    def render(self, document: Document) -> bytes:
        """Return a PDF; the same document and the same fonts always give the same bytes.

        Raises:
            RendererError: it cannot be set.
        """
        whole = content(document)
        figures_in([whole])
        lost: frozenset[str] = frozenset()
        for attempt in range(ROUNDS):
            try:
                return _pages(document, whole, lost, of_machine=attempt > 0)
            except typst.TypstError as error:
                more = _without_glyph(error.diagnostic) - lost
                reason = error.message
            if not more:
                break
            lost |= more if attempt else frozenset()  # the machine's fonts may have them
        raise RendererError(
            f"report.pdf: found that typst says '{visible(reason)[:300]}' ; expected pages. "
            "Choose another format, such as html, and report this."
        )


def _pages(document: Document, whole: Section, lost: frozenset[str], *, of_machine: bool) -> bytes:
    """Return the PDF in which each lost character stands as U+FFFD, and a warning says so."""
    weak = weakness(document)
    title = _printable(plain_text(whole.title), lost)
    written = _written(document.generated)
    blocks = (Section(whole.title, (*_loss(lost), *whole.blocks), whole.id),)
    report = {
        "title": title,
        "short": _breakable(title if len(title) <= HEADER else f"{title[: HEADER - 1]}…"),
        "mark": weak[0] if weak else "",
        "dated": written is not None,
        "blocks": list(_Setter(lost, _ids(blocks)).blocks(blocks, 1)),
    }
    words_and_pictures = json.dumps(report, ensure_ascii=False)
    if len(words_and_pictures) > MOST:
        raise RendererError(
            f"report.pdf: found {len(words_and_pictures)} characters ; expected at most {MOST}. "
            "Choose another format, or report on fewer claims at once."
        )
    with TemporaryDirectory(prefix="corroborate-pdf-") as empty:
        compiler = typst.Compiler(
            _template(),
            root=empty,
            font_paths=_fonts(of_machine=of_machine),
            sys_inputs={"report": words_and_pictures},
            package_path=empty,
            package_cache_path=empty,
        )
        found = compiler.compile(format="pdf", pdf_standards=["ua-1"], timestamp=written or 0)
    if not isinstance(found, bytes):
        raise TypeError(f"typst returned {type(found).__name__} ; expected bytes")
    return found


class _Setter:
    """Turns blocks into what the template takes."""

    def __init__(self, lost: frozenset[str], ids: frozenset[str]) -> None:
        """Begin a report.

        Args:
            lost: characters that no font has.
            ids: what links may lead to.
        """
        self.lost, self.ids = lost, ids
        self.named: set[str] = set()

    def blocks(self, blocks: Sequence[Block], level: int) -> Iterator[_Json]:
        for block, after in zip(blocks, (*blocks[1:], None), strict=True):
            match block:
                case Section():
                    line = self.line(block.title)
                    yield {
                        "kind": "heading",
                        "level": level,
                        "line": line,
                        "id": self.first(block.id),
                    }
                    yield from self.blocks(block.blocks, level + 1)
                case Paragraph():
                    leads = isinstance(after, Table | Bullets | Figure)
                    yield {"kind": "paragraph", "line": self.line(block.line), "leads": leads}
                case Quote():
                    lines = [self.line(line) for line in block.lines]
                    yield {"kind": "quote", "lines": lines, "warning": block.warning}
                case Bullets():
                    yield {"kind": "bullets", "items": [self.line(item) for item in block.items]}
                case Table():
                    yield self.table(block)
                case Fence():
                    shown = [_breakable(_printable(line, self.lost)) for line in block.lines]
                    yield {"kind": "fence", "lines": shown}
                case Figure():
                    yield self.figure(block)

    def table(self, block: Table) -> _Json:
        columns = tuple(zip(block.header, *block.rows, strict=True))
        return {
            "kind": "table",
            "header": [self.line(head, _LONG_IN_CELL) for head in block.header],
            "rows": [[self.line(cell, _LONG_IN_CELL) for cell in row] for row in block.rows],
            "right": [_is_numeric(column[1:]) for column in columns],
            "shares": _shares(columns),
            "breaks": any(len(plain_text(cell)) > ROW for row in block.rows for cell in row),
        }

    def figure(self, block: Figure) -> _Json:
        drawn = svg(block.spec).replace(INK, "#24292f")
        size = _SIZE.search(drawn)
        width, height = (float(size[1]), float(size[2])) if size else (WIDTH, HEIGHT)
        return {
            "kind": "figure",
            "svg": drawn,
            "width": width * min(PIXEL, WIDTH / width, HEIGHT / height),
            "caption": self.line(block.caption),
            "alt": _printable(plain_text(block.caption), self.lost),
        }

    def line(self, line: Inline, long: re.Pattern[str] = _LONG) -> list[_Json]:
        return [self.span(span, long) for span in line]

    def span(self, span: Span, long: re.Pattern[str]) -> _Json:
        said = _printable(span.text, self.lost)
        return {
            "text": said if span.style == "number" else _breakable(said, long),
            "style": span.style,
            "strong": span.strong,
            "target": span.target if span.target in self.ids else "",
            "anchor": self.first(span.anchor),
        }

    def first(self, name: str) -> str:
        """Return the id of a place; empty where an earlier place has it, which links then lead to."""
        new = "" if name in self.named else name
        self.named.add(name)
        return new


def _ids(blocks: Iterable[Block]) -> frozenset[str]:
    """Return what links may lead to: sections, and rows that begin with an anchor."""
    found: set[str] = set()
    for block in flat(blocks):
        if isinstance(block, Section):
            found.add(block.id)
        elif isinstance(block, Table):
            found |= {span.anchor for row in block.rows for cell in row for span in cell}
    return frozenset(found - {""})


def _shares(columns: Sequence[Sequence[Inline]]) -> list[int]:
    """Return the share of each column in the width of a full table; 0s where there is room for all.

    Every column has room for its longest word first; what is left goes where cells are long.
    """
    texts = [[plain_text(cell) for cell in column] for column in columns]
    cells = [min(LONGEST_CELL, 3 + max(map(len, column))) for column in texts]
    if sum(cells) <= ACROSS:
        return [0] * len(columns)
    least = [
        cell if _is_numeric(column[1:]) else min(LONGEST_WORD, 3 + _longest_word(column))
        for cell, column in zip(cells, columns, strict=True)
    ]
    wanted = [max(0, cell - word) for cell, word in zip(cells, least, strict=True)]
    rest = max(0, ACROSS - sum(least)) / max(1, sum(wanted))
    return [round(100 * (w + more * rest)) for w, more in zip(least, wanted, strict=True)]


def _longest_word(column: Iterable[Inline]) -> int:
    return max((len(word) for cell in column for word in plain_text(cell).split()), default=0)


def _is_numeric(column: Iterable[Inline]) -> bool:
    """Return whether a column holds numbers and nothing else."""
    filled = [cell for cell in column if cell]
    return bool(filled) and all(span.style == "number" for cell in filled for span in cell)


def _printable(text: str, lost: frozenset[str]) -> str:
    """Return a text on one line, in which what hides, and what no font has, is U+FFFD."""
    shown = re.sub(r"\s+", " ", visible(text))
    return shown.translate({ord(character): "\ufffd" for character in lost}) if lost else shown


def _breakable(text: str, long: re.Pattern[str] = _LONG) -> str:
    """Return a text with U+200B where a word that is too long may be broken.

    `visible` has removed those that the text brought along.
    """
    return long.sub(lambda word: _pieces(word[0]), text)


def _pieces(word: str) -> str:
    """Break after punctuation, and elsewhere only what is still too long."""
    parted = _AFTER.sub("\\g<0>\u200b", word)
    return _UNBROKEN.sub(lambda run: _PIECE.sub("\\g<0>\u200b", run[0]), parted)


def _without_glyph(diagnostic: str) -> frozenset[str]:
    """Return the characters that typst says no font has; none in other complaints."""
    found = "".join(_NO_GLYPH.findall(diagnostic))
    found = _CODE_POINT.sub(lambda code: chr(int(code[1], 16)), found)
    return frozenset(character for character in found if ord(character) > 127) - {"\ufffd"}


def _loss(lost: frozenset[str]) -> Iterator[Quote]:
    if not lost:
        return
    names = [f"U+{ord(c):04X} {unicodedata.name(c, 'without a name')}" for c in sorted(lost)]
    more = f", and {len(names) - LISTED} more" if len(names) > LISTED else ""
    yield Quote(
        (
            words(
                f"No font on the machine that made this file has these characters: "
                f"{', '.join(names[:LISTED])}{more}. Each stands as \ufffd below; the report in any "
                "other format has them."
            ),
        ),
        warning=True,
    )


def _written(generated: str) -> datetime | None:
    """Return when a report was made; None where that is no time that a PDF could hold."""
    try:
        found = datetime.fromisoformat(generated)
    except ValueError:
        return None
    found = found if found.tzinfo else found.replace(tzinfo=UTC)
    return found if 1970 < found.year < 9999 else None


@cache
def _template() -> bytes:
    return (files("reports") / "page.typ").read_bytes()


@cache
def _fonts(*, of_machine: bool) -> typst.Fonts:
    """Return typst's own fonts, with those of the machine where its own did not do."""
    return typst.Fonts(include_system_fonts=of_machine)


RENDERER = PdfRenderer()
