"""What is an element of a paper's page, and what stands inside it?"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

__all__ = [
    "BLOCKS",
    "Element",
    "classes_of",
    "descendants",
    "float_of",
    "is_appendix",
    "is_hidden",
    "is_in_item",
    "is_inside_table",
    "is_paragraph",
    "is_table",
    "walk",
]

Element = Any  # lxml has no types of its own

_SKIPPED = frozenset(
    {
        "script",
        "style",
        "head",
        "nav",
        "footer",
        "template",
        "noscript",
        "svg",
        "button",
        "form",
        "iframe",
        "object",
        "select",
        "annotation",
        "annotation-xml",
    }
)
_SKIPPED_CLASSES = frozenset(
    {
        "ltx_bibliography",
        "ltx_authors",
        "ltx_page_header",
        "ltx_page_footer",
        "ltx_TOC",
        "ltx_dates",
        "ltx_ERROR",
        "ltx_keywords",
        "ltx_pagination",
        "ltx_page_logo",
        "ltx_rdf",
        "ltx_listing_data",
        "ar5iv-footer",
        "package-alerts",
        "ltx_role_institutetext",
    }
)
BLOCKS = frozenset(
    {
        "p",
        "li",
        "dd",
        "dt",
        "blockquote",
        "pre",
        "td",
        "th",
        "div",
        "section",
        "article",
        "ul",
        "ol",
        "table",
        "figure",
        "br",
        "tr",
    }
)


def classes_of(element: Element) -> frozenset[str]:
    """Return the classes of an element."""
    return frozenset((element.get("class") or "").split()[:50])


def is_hidden(element: Element) -> bool:
    """Return whether an element is no part of the paper, such as a menu or the bibliography."""
    if not isinstance(element.tag, str) or element.tag in _SKIPPED:
        return True
    return bool(classes_of(element) & _SKIPPED_CLASSES)


def walk(root: Element, skips: Callable[[Element], bool]) -> Iterator[tuple[Element, bool]]:
    """Yield elements when they start and when they end; the inside of skipped ones is left out."""
    stack: list[tuple[Element, bool]] = [(root, True)]
    while stack:
        element, starts = stack.pop()
        if not starts:
            yield element, False
            continue
        if skips(element):
            continue
        yield element, True
        stack.append((element, False))
        if not skips(element):
            stack += [(child, True) for child in reversed(element)]


def descendants(element: Element) -> Iterator[Element]:
    """Yield the elements inside an element, in the order of the page."""
    return (e for e, starts in walk(element, is_hidden) if starts and e is not element)


def is_table(element: Element, classes: frozenset[str]) -> bool:
    """Return whether an element is a table, be it in name or in class."""
    return element.tag == "table" or "ltx_tabular" in classes


def is_inside_table(element: Element, limit: Element) -> bool:
    """Return whether a table lies around an element, below a limit."""
    parent = element.getparent()
    while parent is not None and parent is not limit:
        if is_table(parent, classes_of(parent)):
            return True
        parent = parent.getparent()
    return False


def float_of(element: Element, limit: Element) -> Element:
    """Return the innermost figure or table around an element, at most the limit itself."""
    parent = element.getparent()
    while parent is not None and parent is not limit:
        if parent.tag == "figure" or classes_of(parent) & {"ltx_table", "ltx_figure"}:
            return parent
        parent = parent.getparent()
    return limit


def is_paragraph(element: Element, tag: str, classes: frozenset[str]) -> bool:
    """Return whether an element is a paragraph or an item without parts of its own."""
    if tag == "p" or "ltx_p" in classes:
        return True
    return tag in {"li", "dd", "blockquote", "pre"} and not any(
        c.tag in BLOCKS for c in descendants(element)
    )


def is_in_item(element: Element) -> bool:
    """Return whether an element is the text of an item of a list."""
    parent = element.getparent()
    for _ in range(4):
        if parent is None:
            return False
        if parent.tag == "li":
            return True
        parent = parent.getparent()
    return False


def is_appendix(classes: frozenset[str], element: Element) -> bool:
    """Return whether an element is the heading of an appendix."""
    parent = element.getparent()
    return "ltx_title_appendix" in classes or (
        parent is not None and "ltx_appendix" in classes_of(parent)
    )
