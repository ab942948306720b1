"""What do the passages and tables of a paper in HTML say?

Read is what LaTeXML makes of papers, for arXiv itself and for ar5iv, and plain HTML. Formulas are
taken from the LaTeX in their `alttext`. Tables that were scaled come as nested spans rather than as
`table`; their classes tell them.
"""

from __future__ import annotations

import re
from typing import Any

import lxml.etree
import lxml.html

from claims.addresses import Addresses
from claims.errors import PaperError
from claims.html_elements import (
    Element,
    classes_of,
    descendants,
    float_of,
    is_appendix,
    is_hidden,
    is_in_item,
    is_inside_table,
    is_paragraph,
    is_table,
    walk,
)
from claims.html_tables import raw_table
from claims.html_text import caption_of, runs_of
from claims.latex_text import squeezed
from claims.paper import PaperText, Passage, Table
from claims.tables import assemble

__all__ = ["MAX_ELEMENTS", "read_html"]

MAX_ELEMENTS = 500_000
"""Elements of a page that are read."""


_HEADINGS = {"h1": 0, "h2": 1, "h3": 2, "h4": 3, "h5": 3, "h6": 3}
_NUMBER = re.compile(
    r"\s*(?:Section|Appendix|Chapter)?\s*(?:[A-Z]|\d{1,2})(?:\.\d{1,2})*[.:]?\s+(?=\S)"
)


def read_html(data: bytes, name: str) -> PaperText:
    """Read a paper from HTML.

    Args:
        data: the page.
        name: under which it is named in messages.

    Raises:
        PaperError: the bytes hold no page.
    """
    parser = lxml.html.HTMLParser(
        huge_tree=False,
        no_network=True,
        remove_comments=True,
        remove_pis=True,
        encoding=_encoding(data),
    )
    try:
        root = lxml.html.document_fromstring(data, parser=parser)
    except (lxml.etree.LxmlError, ValueError) as error:
        raise PaperError(
            f"paper '{name}': found HTML that cannot be parsed ({type(error).__name__}) ; expected a "
            "page. Fetch it again, or give the LaTeX source."
        ) from None
    return _Page(root).read()


def _encoding(data: bytes) -> str | None:
    try:
        data.decode("utf-8")
    except UnicodeDecodeError:
        return None
    return "utf-8"


class _Page:
    def __init__(self, root: Element) -> None:
        self.root = root
        self.addresses = Addresses()
        self.passages: list[Passage] = []
        self.tables: list[Table] = []
        self.notes: list[str] = []
        self.notices: list[str] = []
        self.title = ""
        self.done: set[Element] = set()
        """Elements whose text was read."""
        self.abstract: Element = None

    def read(self) -> PaperText:
        for count, (element, starts) in enumerate(walk(self.root, self._skips)):
            if count > 2 * MAX_ELEMENTS:
                self.notices.append("The page is too long; its end was not read.")
                break
            if starts:
                self._element(element)
            elif element is self.abstract:
                self.addresses.leave_abstract()
                self.abstract = None
        for i, note in enumerate(self.notes, start=1):
            self._add(f"footnotes/{i}", f"footnote {i}", "footnote", "", note)
        if not any(p.kind != "title" for p in self.passages):
            self.notices.append("No paragraph was found in the page.")
        return PaperText(
            format="html",
            title=self.title,
            passages=tuple(self.passages),
            tables=tuple(self.tables),
            notices=tuple(self.notices),
        )

    def _skips(self, element: Element) -> bool:
        """Return whether an element's inside is not to be walked through."""
        return element in self.done or is_hidden(element)

    def _element(self, element: Element) -> None:
        tag, classes = element.tag, classes_of(element)
        if tag in _HEADINGS:
            self._heading(element, classes)
        elif "ltx_abstract" in classes or element.get("id") == "abstract":
            self.addresses.enter_abstract()
            self.abstract = element
        elif tag == "figure" or "ltx_float" in classes or classes & {"ltx_table", "ltx_figure"}:
            self._float(element, classes)
        elif is_table(element, classes):
            self._loose_table(element)
        elif is_paragraph(element, tag, classes):
            self._paragraph(
                element, "item" if tag in {"li", "dd"} or is_in_item(element) else "paragraph"
            )

    def _heading(self, element: Element, classes: frozenset[str]) -> None:
        self.done.add(element)
        runs, _ = runs_of(element)
        text = squeezed("".join(r.text for r in runs))
        if not text or "ltx_title_abstract" in classes or text.lower().strip(" .:") == "abstract":
            if text and self.abstract is None:
                self.addresses.enter_abstract()
                self.abstract = element.getparent()
            return
        if "ltx_title_document" in classes or (element.tag == "h1" and not self.title):
            self.title = text[:500]
            self._add("title", "title", "title", "", text)
            return
        if self.abstract is not None:
            self.addresses.leave_abstract()
            self.abstract = None
        numbered = _NUMBER.match(text) is not None
        if is_appendix(classes, element) and not self.addresses.letters:
            self.addresses.appendix()
        title = _NUMBER.sub("", text, count=1) if numbered else text
        if "ltx_title_paragraph" in classes:
            self._add(
                *self.addresses.passage(
                    self.addresses.section, self.addresses.section_place, "paragraph"
                ),
                "paragraph",
                self.addresses.title,
                text,
            )
            return
        self.addresses.enter(_HEADINGS[element.tag], title, numbered=numbered)
        address, place = self.addresses.passage(
            self.addresses.section, self.addresses.section_place, "heading"
        )
        self._add(address, place, "heading", self.addresses.title, title)

    def _paragraph(self, element: Element, kind: str) -> None:
        self.done.add(element)
        runs, notes = runs_of(element)
        self.notes += notes
        text = squeezed("".join(r.text for r in runs))
        if text:
            kind = "abstract" if self.abstract is not None else kind
            address, place = self.addresses.passage(
                self.addresses.section, self.addresses.section_place, kind
            )
            self._add(address, place, kind, self.addresses.title, text)

    def _float(self, element: Element, classes: frozenset[str]) -> None:
        tables = [
            e
            for e in descendants(element)
            if is_table(e, classes_of(e)) and not is_inside_table(e, element)
        ]
        inner = [
            e
            for e in descendants(element)
            if e.tag == "figcaption" or "ltx_caption" in classes_of(e)
        ]
        outer = [e for e in inner if float_of(e, element) is element]
        shown = (outer or inner)[-1:]
        text, tag = caption_of(shown[0]) if shown else ("", "")
        tabular = (
            tag.lower().startswith("table") if tag else ("ltx_table" in classes or bool(tables))
        )
        if not tabular:
            tables = [] if tag else tables
        if not shown and not tables:
            return
        self.done.add(element)
        kind = "table" if tabular else "figure"
        number = self.addresses.count(kind) if shown else 0
        label = element.get("id") or ""
        if not tables:
            if kind == "table":
                self.notices.append(
                    f"Table {number} is a picture or holds no rows; it was not read."
                )
            address, place = self.addresses.float_names(kind, str(number), label, "")
            self._add(
                f"{address}/caption", f"caption of {place}", "caption", self.addresses.title, text
            )
        for i, found in enumerate(tables[:50]):
            part = chr(ord("a") + i % 26) if len(tables) > 1 else ""
            self._table(found, number, label, part, text)

    def _loose_table(self, element: Element) -> None:
        self.done.add(element)
        inner = [e for e in descendants(element) if e.tag == "caption"]
        text, _ = caption_of(inner[0]) if inner else ("", "")
        if classes_of(element) & {"ltx_equation", "ltx_equationgroup", "ltx_eqn_table"}:
            self.done.discard(element)
            self._paragraph(element, "paragraph")
            return
        number = self.addresses.count("table") if inner else 0
        self._table(element, number, element.get("id") or "", "", text)

    def _table(self, element: Element, number: int, label: str, part: str, caption: str) -> None:
        address, place = self.addresses.float_names(
            "table", str(number) if number else "", label, part
        )
        table = Table(
            address=address,
            place=place,
            number=number,
            label=label,
            caption=caption,
            section=self.addresses.title,
            rows=0,
            columns=0,
            cells=(),
        )
        self.tables.append(assemble(raw_table(element), table))
        if caption:
            self._add(
                f"{address}/caption", f"caption of {place}", "caption", table.section, caption
            )

    def _add(self, address: str, place: str, kind: Any, section: str, text: str) -> None:
        self.passages.append(
            Passage(address=address, place=place, kind=kind, section=section, text=text)
        )
