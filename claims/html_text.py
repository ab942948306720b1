"""What does an element of a paper's page say, and in which style?"""

from __future__ import annotations

import re

from claims.html_elements import BLOCKS, Element, classes_of, descendants, is_hidden, walk
from claims.latex_text import PLAIN, Run, Style, render, squeezed
from claims.latex_tokens import tokens_of

__all__ = ["caption_of", "runs_of", "style_of"]

_CAPTION_TAG = re.compile(
    r"\s*(Table|Figure|Fig\.|Algorithm|Listing)\s*([A-Z]?\.?\d{1,3})?\s*[:.]?\s*", re.IGNORECASE
)
_STYLES = {
    "b": "bold",
    "strong": "bold",
    "i": "italic",
    "em": "italic",
    "u": "underline",
    "s": "struck",
    "del": "struck",
}
_STYLE_CLASSES = {
    "ltx_font_bold": "bold",
    "ltx_font_italic": "italic",
    "ltx_font_slanted": "italic",
    "ltx_framed_underline": "underline",
    "ltx_ul": "underline",
    "ltx_underline": "underline",
    "ltx_emph": "italic",
}
_COLOUR = re.compile(r"(?:^|;)\s*(?:background-)?color\s*:\s*([^;]{1,40})")
_CSS = {
    "bold": re.compile(r"font-weight\s*:\s*(?:bold|[6-9]00)"),
    "italic": re.compile(r"font-style\s*:\s*italic"),
    "underline": re.compile(r"text-decoration[^;:]*:\s*[^;]*underline"),
}


def style_of(element: Element, base: Style) -> Style:
    """Return the style of an element inside text of a style."""
    flags, colours = base.flags, base.colours
    if element.tag in _STYLES:
        flags = flags | {_STYLES[element.tag]}
    found = {_STYLE_CLASSES[c] for c in classes_of(element) if c in _STYLE_CLASSES}
    css = element.get("style") or ""
    if css:
        found |= {name for name, pattern in _CSS.items() if pattern.search(css[:500])}
        colours = colours | {c.strip() for c in _COLOUR.findall(css[:500])}
    return Style(flags | found, colours)


def runs_of(element: Element) -> tuple[list[Run], list[str]]:
    """Return the text of an element with its styles, and the text of each footnote in it."""
    runs: list[Run] = []
    notes: list[str] = []
    stack: list[tuple[Element, Style, str]] = [(element, PLAIN, "start")]
    while stack:
        here, style, stage = stack.pop()
        if stage == "tail":
            runs.append(Run(here.tail or "", style))
            continue
        if stage == "end":
            runs.append(Run(")", style))
            continue
        if here is not element:
            stack.append((here, style, "tail"))
        if is_hidden(here):
            continue
        classes = classes_of(here)
        if "ltx_note" in classes and here is not element:
            notes.append(squeezed(_note_text(here)))
            continue
        inner = style_of(here, style)
        if here.tag == "math":
            runs += _formula(here, inner)
            continue
        if here.tag in {"sup", "sub"} and here is not element:
            runs.append(Run("^(" if here.tag == "sup" else "_(", inner))
            stack.append((here, inner, "end"))
        if here.tag in BLOCKS and here is not element:
            runs.append(Run(" ", inner))
        runs.append(Run(here.text or "", inner))
        stack += [(child, inner, "start") for child in reversed(here)]
    return runs, [note for note in notes if note]


def _note_text(element: Element) -> str:
    content = next(
        (e for e in descendants(element) if "ltx_note_content" in classes_of(e)), element
    )
    marks = {e for e in descendants(content) if classes_of(e) & {"ltx_note_mark", "ltx_tag_note"}}
    parts = [content.text or ""]
    for e, starts in walk(content, lambda x: is_hidden(x) or x in marks):
        if e is content:
            continue
        if starts:
            parts.append(e.get("alttext") or "" if e.tag == "math" else e.text or "")
        else:
            parts.append(e.tail or "")
    parts += [m.tail or "" for m in marks]
    return "".join(parts)


def _formula(element: Element, style: Style) -> list[Run]:
    tex = element.get("alttext")
    if tex is None:
        return [Run("".join(element.itertext())[:2000], style)]
    found = render(tokens_of(tex[:20_000]), math=True).runs
    return [Run(t, Style(s.flags | style.flags, s.colours | style.colours)) for t, s in found]


def caption_of(element: Element) -> tuple[str, str]:
    """Return the text of a caption without `Table 2:`, and that tag."""
    text = squeezed("".join(r.text for r in runs_of(element)[0]))
    match = _CAPTION_TAG.match(text)
    return (text[match.end() :], match[1]) if match else (text, "")
