"""What do the passages and tables of a paper in Markdown or plain text say?"""

from __future__ import annotations

import itertools
import re
from typing import Any

from markdown_it import MarkdownIt
from markdown_it.token import Token

from claims.addresses import Addresses
from claims.latex_text import render, squeezed
from claims.latex_tokens import tokens_of
from claims.paper import Emphasis, PaperText, Passage, Table
from claims.tables import RawCell, RawRow, RawTable, assemble

__all__ = ["Lines", "looks_like_markdown", "read_markdown", "read_text"]

_HEADING = re.compile(
    r"(?P<number>\d{1,2}(?:\.\d{1,2}){0,3}|[A-H](?=\.)(?:\.\d{1,2}){0,3})\.?\s+(?P<title>[A-Z][^.!?]{1,90})"
)
_KNOWN = re.compile(
    r"abstract|introduction|related work|background|methods?|methodology|experiments?|results?|"
    r"discussion|"
    r"conclusions?|limitations|references|bibliography|acknowledge?ments|appendix|ethics statement",
    re.IGNORECASE,
)
_ITEM = re.compile(r"\s{0,8}(?:[-*•–]|\d{1,2}[.)]|\([a-z0-9]{1,2}\))\s+")
_MARKDOWN = re.compile(r"^(?:#{1,6} \S|\s{0,3}\|?\s*:?-{2,}:?\s*\|[-:| ]*$|```)", re.MULTILINE)
_CAPTION = re.compile(r"\**\s*Table\s+(\d{1,3})\s*[:.]\**\s*(.*)", re.IGNORECASE | re.DOTALL)
_FIGURE = re.compile(r"Fig(?:ure|\.)\s+\d{1,3}\s*[:.]", re.IGNORECASE)
_GAP = re.compile(r"\t+| {2,}|\s*\|\s*")
_FORMULA = re.compile(r"\$([^$\n]{1,300})\$")
_MAX_ROWS = 2000


def looks_like_markdown(text: str) -> bool:
    """Return whether a text has a heading, a table or a fence as Markdown writes them."""
    return _MARKDOWN.search(text[:200_000]) is not None


class Lines:
    """Gathers passages and tables under the headings met so far."""

    def __init__(self) -> None:
        """Begin before the first heading."""
        self.addresses = Addresses()
        self.passages: list[Passage] = []
        self.tables: list[Table] = []
        self.title = ""
        self.in_abstract = False
        self.caption: tuple[int, str] | None = None
        """Of a table that is still to come."""
        self.captioned: Table | None = None
        """The last table, while a caption may still follow it."""
        self.raw: RawTable | None = None

    def name(self, title: str, line: int) -> None:
        """Set the paper's title."""
        self.title = title
        self._plain("title", "title", "title", title, line)

    def heading(self, level: int, text: str, line: int, number: str = "") -> None:
        """Enter a section; `text` is its title without its number."""
        self._leave_abstract()
        if text.lower().strip(" .:") == "abstract":
            self.addresses.enter_abstract()
            self.in_abstract = True
            return
        self.addresses.enter(level, text, numbered=bool(number), printed=number)
        self._add("heading", text, line)

    def _leave_abstract(self) -> None:
        if self.in_abstract:
            self.addresses.leave_abstract()
            self.in_abstract = False

    def paragraph(self, text: str, line: int, kind: str = "paragraph") -> None:
        """Add a paragraph, or keep it as the caption of a table."""
        match = _CAPTION.match(text)
        if match is not None and len(text) < 2000:
            caption = (int(match[1]), match[2].strip())
            if self.captioned is not None and not self.captioned.caption:
                self._caption_last(caption)
            else:
                self._flush_caption()
                self.caption = caption
            return
        self._flush_caption()
        self.captioned = None
        if _FIGURE.match(text):
            kind = "caption"
        self._add("abstract" if self.in_abstract and kind == "paragraph" else kind, text, line)

    def _caption_last(self, caption: tuple[int, str]) -> None:
        table = self.tables.pop()
        assert self.raw is not None
        self.table(self.raw, table.line, caption)

    def _flush_caption(self) -> None:
        """Keep a caption to which no table came as a passage."""
        if self.caption is not None:
            number, text = self.caption
            self.caption = None
            self._plain(
                f"tables/{number}/caption", f"caption of table {number}", "caption", text, 0
            )

    def table(self, raw: RawTable, line: int, caption: tuple[int, str] | None = None) -> None:
        """Add a table, with the caption that stood above it or that follows."""
        caption = caption or self.caption
        self.caption = None
        number, text = caption or (0, "")
        address, place = self.addresses.float_names("table", str(number) if number else "", "", "")
        table = Table(
            address=address,
            place=place,
            number=number,
            caption=text,
            section=self.addresses.title,
            line=line,
            rows=0,
            columns=0,
            cells=(),
        )
        self.tables.append(assemble(raw, table))
        self.captioned, self.raw = self.tables[-1], raw
        if text:
            self._plain(f"{address}/caption", f"caption of {place}", "caption", text, line)

    def _add(self, kind: str, text: str, line: int) -> None:
        address, place = self.addresses.passage(
            self.addresses.section, self.addresses.section_place, kind
        )
        self._plain(address, place, kind, text, line)

    def _plain(self, address: str, place: str, kind: Any, text: str, line: int) -> None:
        if text:
            self.passages.append(
                Passage(
                    address=address,
                    place=place,
                    kind=kind,
                    section=self.addresses.title,
                    text=text,
                    line=line,
                )
            )

    def done(self, form: Any, notices: tuple[str, ...] = ()) -> PaperText:
        """Return all that was gathered."""
        self._flush_caption()
        return PaperText(
            format=form,
            title=self.title,
            passages=tuple(self.passages),
            tables=tuple(self.tables),
            notices=notices,
        )


# --- Markdown -----------------------------------------------------------------------------------------


def read_markdown(text: str) -> PaperText:
    """Read a paper from Markdown with pipe tables; HTML inside it is left out."""
    tokens = (
        MarkdownIt("commonmark", {"maxNesting": 40}).enable(["table", "strikethrough"]).parse(text)
    )
    lines = Lines()
    i, lists = 0, 0
    while i < len(tokens):
        token = tokens[i]
        line = token.map[0] + 1 if token.map else 0
        if token.type == "table_open":
            end = next(
                (k for k in range(i, len(tokens)) if tokens[k].type == "table_close"),
                len(tokens) - 1,
            )
            lines.table(_markdown_table(tokens[i:end]), line)
            i = end
        elif token.type == "heading_open" and i + 1 < len(tokens):
            _markdown_heading(lines, token, tokens[i + 1], line)
            i += 1
        elif token.type == "inline":
            line = token.map[0] + 1 if token.map else 0
            lines.paragraph(_inline(token)[0], line, "item" if lists else "paragraph")
        elif token.type in {"bullet_list_open", "ordered_list_open"}:
            lists += 1
        elif token.type in {"bullet_list_close", "ordered_list_close"}:
            lists -= 1
        i += 1
    return lines.done("markdown")


def _markdown_heading(lines: Lines, token: Token, content: Token, line: int) -> None:
    text = _inline(content)[0]
    level = int(token.tag[1:])
    if level == 1 and not lines.title and not lines.passages:
        lines.name(text, line)
        return
    match = _HEADING.fullmatch(text)
    number = match["number"] if match else ""
    lines.heading(min(level - 1, 3), match["title"] if match else text, line, number)


def _inline(token: Token) -> tuple[str, tuple[Emphasis, ...]]:
    """Return the text of a line, and the emphasis of its first number or letter."""
    parts: list[str] = []
    depth = {"bold": 0, "italic": 0, "struck": 0}
    names = {"strong": "bold", "em": "italic", "s": "struck"}
    by_digit: dict[bool, tuple[Emphasis, ...]] = {}
    for child in token.children or []:
        kind, _, edge = child.type.rpartition("_")
        if kind in names:
            depth[names[kind]] += 1 if edge == "open" else -1
        elif child.type in {"text", "code_inline"}:
            parts.append(child.content)
            look: tuple[Emphasis, ...] = tuple(e for e, n in depth.items() if n > 0)  # type: ignore[misc]
            if any(c.isalnum() for c in child.content):
                by_digit.setdefault(False, look)
            if any(c.isdigit() for c in child.content):
                by_digit.setdefault(True, look)
        elif child.type in {"softbreak", "hardbreak"} or child.content[:3].lower() == "<br":
            parts.append(" ")
    text = _FORMULA.sub(_formula, "".join(parts))
    return squeezed(text), by_digit.get(True, by_digit.get(False, ()))


def _formula(match: re.Match[str]) -> str:
    inner = match[1]
    return (
        render(tokens_of(inner), math=True).text
        if re.search(r"[\\^_{}=±]|^[-+\d]", inner)
        else match[0]
    )


def _markdown_table(tokens: list[Token]) -> RawTable:
    rows: list[RawRow] = []
    head = False
    for token in tokens:
        if token.type in {"thead_open", "thead_close"}:
            head = token.type == "thead_open"
        elif token.type == "tr_open" and len(rows) < _MAX_ROWS:
            rows.append(RawRow(header=head))
        elif token.type == "inline" and rows:
            text, look = _inline(token)
            rows[-1].cells.append(RawCell(text=text, raw=token.content[:4000], emphasis=look))
    return RawTable(rows)


# --- plain text ---------------------------------------------------------------------------------------


def read_text(text: str, form: str = "text", notices: tuple[str, ...] = ()) -> PaperText:
    """Read a paper from plain text: blank lines part paragraphs, gaps in lines part the cells of tables.

    Args:
        text: the paper; a form feed parts pages.
        form: `text`, or `pdf`, in which no line is taken for a row of a table.
        notices: what is known beforehand to be lost.
    """
    lines = Lines()
    block: list[str] = []
    start = 1
    first = True
    for number, line in enumerate([*text.replace("\f", "\n\n").splitlines(), ""], start=1):
        if line.strip():
            if not block:
                start = number
            block.append(line.rstrip()[:5000])
        elif block:
            if first and _is_title(block):
                lines.name(squeezed(" ".join(block)), start)
            else:
                _block(lines, block, start, tables=form == "text")
            block, first = [], False
    return lines.done(form, notices)


def _block(lines: Lines, block: list[str], start: int, *, tables: bool) -> None:
    """Read lines between blank ones: headings first, then a table, items or a paragraph."""
    while block:
        heading = _heading_of(block[0])
        if heading is None:
            break
        level, title, number = heading
        lines.heading(level, title, start, number)
        block, start = block[1:], start + 1
    if not block:
        return
    if tables and _CAPTION.match(block[0].strip()) and len(block) > 2:
        rows = _rows(block[1:])
        if rows is not None:
            lines.paragraph(squeezed(block[0]), start)
            lines.table(rows, start + 1)
            return
    within = [] if tables else [i for i in range(1, len(block)) if _heads_a_section(block[i])]
    if within:  # text taken from pages has no blank lines around headings
        for first, last in itertools.pairwise([0, *within, len(block)]):
            _block(lines, block[first:last], start + first, tables=False)
        return
    rows = _rows(block) if tables else None
    if rows is not None:
        lines.table(rows, start)
        return
    _items(lines, block, start)


def _is_title(block: list[str]) -> bool:
    text = " ".join(block)
    short = len(block) <= 3 and len(text) < 300 and not text.endswith(".")
    return short and not any(_heading_of(line) for line in block)


def _items(lines: Lines, block: list[str], start: int) -> None:
    """Read lines as one paragraph, or as items where the first of them is one."""
    item: list[str] = []
    for line in block:
        if _ITEM.match(line) and (item or line is block[0]):
            _join(lines, item, start)
            item = [line]
        else:
            item.append(line)
    _join(lines, item, start)


def _join(lines: Lines, block: list[str], start: int) -> None:
    if not block:
        return
    match = _ITEM.match(block[0])
    kind = "item" if match else "paragraph"
    text = ""
    for line in ([block[0][match.end() :]] if match else block[:1]) + block[1:]:
        part = line.strip()
        broken = text.endswith("-") and len(text) > 1 and text[-2].isalpha() and part[:1].islower()
        text = text[:-1] + part if broken else f"{text} {part}"
    lines.paragraph(squeezed(text), start, kind)


def _heading_of(line: str) -> tuple[int, str, str] | None:
    text = squeezed(line)
    if len(text) > 100 or "  " in line.strip() or "\t" in line.strip():
        return None
    match = _HEADING.fullmatch(text)
    if match is not None and not re.search(r"\d[.,]\d|\|", match["title"]):
        return 1 + match["number"].count("."), match["title"].strip(), match["number"]
    return (1, text, "") if _KNOWN.fullmatch(text.strip(" .:")) else None


def _heads_a_section(line: str) -> bool:
    heading = _heading_of(line)
    return heading is not None and len(line.split()) <= 8


def _rows(block: list[str]) -> RawTable | None:
    """Return lines as a table where gaps part all of them into the same number of cells."""
    drawn = [re.fullmatch(r"[-=+|:\s─━┼]+", line) is not None for line in block]
    parts = [_GAP.split(line.strip().strip("|").strip()) for line in block]
    told = [p for p, rule in zip(parts, drawn, strict=True) if not rule]
    if len(told) < 2 or len(told) > _MAX_ROWS:
        return None
    width = max(len(p) for p in told)
    short = [p for p in told if len(p) < width]
    if (
        width < 2
        or any(len(p) != width - 1 for p in short)
        or len(short) > 1
        or (short and told[0] is not short[0])
    ):
        return None
    if not any(any(c.isdigit() for c in cell) for p in told for cell in p[1:]):
        return None
    rows: list[RawRow] = []
    rule = ""
    for p, is_rule in zip(parts, drawn, strict=True):
        if is_rule:
            rule = "full"
            continue
        cells = [""] * (width - len(p)) + p  # a head without a name for its first column
        rows.append(RawRow([RawCell(text=squeezed(c), raw=c) for c in cells], rule=rule))
        rule = ""
    return RawTable(rows)
