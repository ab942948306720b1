"""How do blocks become one page that opens from disk, reads nothing else and runs nothing of others'?

Every text is escaped, whoever wrote it; the page's own style and script are allowed by their digests and
nothing else is. Without scripts everything is there to be read; with them it can be filtered and sorted.
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from html import escape
from importlib.resources import files
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
    flat,
    plain_text,
)
from reports.content import content
from reports.document import Document
from reports.drawing import svg
from reports.escaping import visible
from reports.figures import figures_in
from verifier.words import VERDICT_WORDS

__all__ = ["RENDERER", "HtmlRenderer", "page"]

_LABELS = {words: label for label, words in VERDICT_WORDS.items()}
_ID = re.compile(r'\bid="([^"]+)"')
_FOOTER = (
    "<footer><p>Made by Corroborate. It reads no other file and asks no server.</p></footer>\n"
)
_FILTERS = ("verdict", "kind", "task", "language")


@dataclass(frozen=True)
class HtmlRenderer:
    """One self-contained page."""

    name: str = "html"
    file_name: str = "report.html"

    def render(self, document: Document) -> bytes:
        """Return UTF-8 HTML."""
        return page(content(document)).encode()


def page(whole: Section) -> str:
    """Return a page: the blocks before the first section at its head, then a filter and sections."""
    figures_in([whole])
    head = [b for b in whole.blocks if not isinstance(b, Section)]
    sections = [b for b in whole.blocks if isinstance(b, Section)]
    style, script = _own("page.css"), _own("page.js")
    policy = (
        f"default-src 'none'; style-src '{_digest(style)}'; script-src '{_digest(script)}'; "
        "base-uri 'none'; form-action 'none'"
    )
    links = "".join(
        f'<li><a href="#{escape(s.id)}">{_inline(s.title, linked=False)}</a></li>' for s in sections
    )
    return "".join(
        [
            '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n',
            f'<meta http-equiv="Content-Security-Policy" content="{escape(policy)}">\n',
            '<meta name="viewport" content="width=device-width, initial-scale=1">\n',
            '<meta name="referrer" content="no-referrer">\n',
            f"<title>{_text(plain_text(whole.title))}</title>\n<style>{style}</style>\n</head>\n",
            '<body>\n<a class="skip" href="#main">Skip to the claims</a>\n',
            f"<header>\n<h1>{_inline(whole.title)}</h1>\n{_all(head, 2)}",
            f'<nav aria-label="Contents"><ul>{links}</ul></nav>\n</header>\n',
            f'<main id="main">\n{_filter(whole)}{_all(sections, 2)}</main>\n',
            f"{_FOOTER}<script>{script}</script>\n</body>\n</html>\n",
        ]
    )


def _filter(whole: Section) -> str:
    """Return the form that filters claims; it is hidden where no script runs."""
    claims = [b for b in flat([whole]) if isinstance(b, Section) and b.tags]
    fields = []
    for name in _FILTERS:
        values = sorted({v for claim in claims for v in claim.tags.get(name, "").split()})
        options = "".join(
            f'<option value="{escape(v)}">{_text(v.replace("_", " ") if name in _FILTERS[:2] else v)}'
            "</option>"
            for v in values
        )
        fields.append(
            f'<label>{name}<select name="{name}"><option value="">all</option>{options}</select>'
            "</label>"
        )
    return (
        '<form id="filter" hidden aria-label="Filter claims">'
        f'{"".join(fields)}<label>words<input name="words" type="search"></label>'
        '<button type="reset">show all</button><output id="shown"></output></form>\n'
    )


def _all(blocks: Iterable[Block], level: int, *, inside: bool = False) -> str:
    return "".join(f"{html}\n" for html in _blocks(blocks, level, inside=inside))


def _blocks(blocks: Iterable[Block], level: int, *, inside: bool) -> Iterator[str]:
    for block in blocks:
        match block:
            case Section():
                yield _section(block, level, inside=inside)
            case Paragraph():
                yield f"<p>{_inline(block.line)}</p>"
            case Quote():
                lines = "".join(f"<p>{_inline(line)}</p>" for line in block.lines)
                tag = 'div class="warning" role="note"' if block.warning else "blockquote"
                yield f"<{tag}>{lines}</{tag.split(maxsplit=1)[0]}>"
            case Bullets():
                items = "".join(f"<li>{_inline(item)}</li>" for item in block.items)
                yield f"<ul>{items}</ul>"
            case Table():
                yield _table(block)
            case Fence():
                yield f"<pre><code>{_text(chr(10).join(block.lines))}</code></pre>"
            case Figure():
                yield _figure(block)


def _section(block: Section, level: int, *, inside: bool) -> str:
    if inside:
        return _folded(block, level)
    title = f"<h{level}>{_inline(block.title)}</h{level}>"
    if not block.tags:
        inner = _all(block.blocks, level + 1)
        return f'<section id="{escape(block.id)}">{title}\n{inner}</section>'
    data = " ".join(f'data-{name}="{escape(value)}"' for name, value in block.tags.items())
    verdict = escape(block.tags.get("verdict", ""))
    inner = _all(block.blocks, level + 1, inside=True)
    return (
        f'<article id="{escape(block.id)}" class="card {verdict}" {data}>{title}\n{inner}</article>'
    )


def _folded(block: Section, level: int) -> str:
    """Return a section of a claim: its title is always to be seen, the rest on demand and in print."""
    title = _inline(block.title)
    return (
        f"<details><summary>{title}</summary>\n{_all(block.blocks, level, inside=True)}</details>"
    )


def _table(block: Table) -> str:
    numbers = all(_is_number(cell) for row in block.rows for cell in row[1:])
    heads = "".join(f'<th scope="col">{_inline(h) or "&nbsp;"}</th>' for h in block.header)
    rows = "".join(_row(row, plain=numbers) for row in block.rows)
    classes = ["sortable"] * (len(block.rows) > 2) + ["numbers"] * numbers
    kind = f' class="{" ".join(classes)}"' if classes else ""
    names = ", ".join(plain_text(head) for head in block.header if head)
    label = escape(visible(f"Table of {names}"))
    return (
        f'<div class="scroll" role="group" tabindex="0" aria-label="{label}"><table{kind}>'
        f"<thead><tr>{heads}</tr></thead><tbody>{rows}</tbody></table></div>"
    )


def _is_number(cell: Inline) -> bool:
    return not cell or cell[0].style == "number"


def _row(row: tuple[Inline, ...], *, plain: bool) -> str:
    """Return a row; plain in a table all of whose cells are numbers, which says so once."""
    first = row[0][0] if row and row[0] else Span("")
    claim = f' data-claim="{escape(first.target)}"' if first.target.startswith("claim-") else ""
    anchor = f' id="{escape(first.anchor)}"' if first.anchor else ""
    cells = [f'<th scope="row">{_inline(row[0]) or "&nbsp;"}</th>']
    for cell in row[1:]:
        kind = ' class="number"' if not plain and cell and _is_number(cell) else ""
        cells.append(f"<td{kind}>{_inline(cell) or '-'}")  # the next cell ends it, as HTML allows
    return f"<tr{anchor}{claim}>{''.join(cells)}</tr>"


def _figure(block: Figure) -> str:
    name = escape(block.name)
    drawn = _ID.sub(rf'id="{name}-\1"', svg(block.spec))
    drawn = drawn.replace("url(#", f"url(#{name}-")
    drawn = drawn.replace("<svg ", f'<svg role="img" aria-labelledby="{name}-caption" ', 1)
    caption = f'<figcaption id="{name}-caption">{_inline(block.caption)}</figcaption>'
    frame = f'<div class="scroll" tabindex="0" role="group" aria-labelledby="{name}-caption">'
    return f'<figure id="figure-{name}">{frame}{drawn}</div>{caption}</figure>'


def _inline(line: Inline, *, linked: bool = True) -> str:
    return "".join(_span(span, linked=linked) for span in line)


def _span(span: Span, *, linked: bool) -> str:
    said = _text(span.text)
    if span.style == "code":
        said = f"<code>{said}</code>"
    elif span.style == "emphasis":
        said = f"<em>{said}</em>"
    elif span.style == "verdict":
        said = f'<span class="verdict {_LABELS.get(span.text, "")}">{said}</span>'
    if span.strong and span.style != "verdict":
        said = f"<strong>{said}</strong>"
    if not linked or not (span.target or span.file):
        return said
    place = f"#{span.target}" if span.target else quote(span.file)
    return f'<a href="{escape(place)}">{said}</a>'


def _text(value: str) -> str:
    return escape(visible(value), quote=False)


def _digest(text: str) -> str:
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"


@cache
def _own(name: str) -> str:
    return (files("reports") / name).read_text(encoding="utf-8")


RENDERER = HtmlRenderer()
