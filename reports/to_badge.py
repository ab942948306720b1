"""How much of a report fits on a badge without saying more than the verdicts do?

Counts by verdict, in words; never a share, since claims share runs. What keeps evidence from deciding
stands before them, and controls that fail before all. Green needs every claim of a paper reproduced, on
evidence that may decide it, with nothing stale.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from xml.etree.ElementTree import Element, SubElement, tostring

from reports.document import ClaimSection, Document
from reports.escaping import one_line
from reports.summary import weakness
from verifier.numbers import counted
from verifier.verdict import VERDICTS
from verifier.words import VERDICT_WORDS

__all__ = ["RENDERER", "BadgeRenderer"]

LABEL = "corroborate"
HEIGHT, MARGIN, SIZE = 22, 8, 12
LETTER = 7.0
"""Widest average of a letter in the fonts named below, in pixels; the text is set to it."""
FONTS = "Verdana, DejaVu Sans, Geneva, sans-serif"
GROUND = {"label": "#24292F", "stands": "#00694A", "falls": "#9C3300", "open": "#4A5561"}
"""Behind white letters, with a contrast of at least 6 to 1."""


@dataclass(frozen=True)
class BadgeRenderer:
    """One line as an SVG that screen readers read, for a page that leads to the report."""

    name: str = "badge"
    file_name: str = "badge.svg"

    def render(self, document: Document) -> bytes:
        """Return UTF-8 SVG."""
        said = "; ".join(_said(document))
        left, right = (round(len(part) * LETTER) + 2 * MARGIN for part in (LABEL, said))
        root = Element(
            "svg",
            {
                "xmlns": "http://www.w3.org/2000/svg",
                "width": str(left + right),
                "height": str(HEIGHT),
                "viewBox": f"0 0 {left + right} {HEIGHT}",
                "role": "img",
                "aria-labelledby": "badge-title badge-desc",
            },
        )
        SubElement(root, "title", {"id": "badge-title"}).text = f"{LABEL}: {said}"
        SubElement(root, "desc", {"id": "badge-desc"}).text = _description(document)
        for at, width, ground, text in (
            (0, left, GROUND["label"], LABEL),
            (left, right, GROUND[_state(document)], said),
        ):
            box = {"x": str(at), "width": str(width), "height": str(HEIGHT), "fill": ground}
            SubElement(root, "rect", box)
            _letters(root, text, at + MARGIN, width - 2 * MARGIN)
        content: bytes = tostring(root, encoding="UTF-8", xml_declaration=True)
        return content + b"\n"


def _letters(root: Element, text: str, at: int, width: int) -> None:
    place = {"x": str(at), "y": "15.5", "fill": "#FFFFFF", "aria-hidden": "true"}
    look = {"font-family": FONTS, "font-size": str(SIZE)}
    fitted = {"textLength": str(width), "lengthAdjust": "spacingAndGlyphs"}
    SubElement(root, "text", {**place, **look, **fitted}).text = text


def _said(document: Document) -> Iterator[str]:
    """Yield what the badge says, what weighs most first."""
    papers, controls = _claims(document, of_papers=True), _claims(document, of_papers=False)
    if _unexpected(controls):
        yield "controls failed, rely on no verdict"
    weak = weakness(document)
    if weak:
        yield weak[0].rstrip(".").lower()
    if papers:
        yield f"claims: {_counts(papers)}"
    else:
        yield "no claim of a paper"
        if controls and not _unexpected(controls):
            yield f"{counted(len(controls), 'control')} as expected"
    shaky = sum(_shaky(section) for section in (*papers, *controls))
    if shaky:
        yield f"{shaky} stale or changed"


def _counts(sections: Sequence[ClaimSection]) -> str:
    """Return how many claims have which verdict, such as `2 reproduced, 1 inconclusive`."""
    found = Counter(section.verdict.verdict for section in sections)
    return ", ".join(f"{found[v]} {VERDICT_WORDS[v]}" for v in VERDICTS if found[v])


def _state(document: Document) -> str:
    """Return what the colour says: `stands`, `falls` or `open`."""
    papers, controls = _claims(document, of_papers=True), _claims(document, of_papers=False)
    labels = {section.verdict.verdict for section in papers}
    if _unexpected(controls) or "not_reproduced" in labels:
        return "falls"
    kinds = {section.verdict.replication for section in papers}
    sound = weakness(document) is None and kinds <= {"direct", "close"}
    shaky = any(_shaky(section) for section in (*papers, *controls))
    return "stands" if labels == {"reproduced"} and sound and not shaky else "open"


def _claims(document: Document, *, of_papers: bool) -> tuple[ClaimSection, ...]:
    sets = (one for one in document.sets if one.is_paper() == of_papers)
    return tuple(section for one in sets for section in one.claims)


def _unexpected(controls: Sequence[ClaimSection]) -> bool:
    return any(section.verdict.as_expected() is not True for section in controls)


def _shaky(section: ClaimSection) -> bool:
    return bool(section.verdict.stale) or section.criterion_stands() is False


def _description(document: Document) -> str:
    weak = weakness(document)
    parts = [" ".join(weak)] if weak else []
    parts += [
        f"{one.paper.named()}: {_counts(one.claims) or 'no claims'}."
        for one in document.sets
        if one.is_paper()
    ]
    controls = _claims(document, of_papers=False)
    if controls:
        well = sum(section.verdict.as_expected() is True for section in controls)
        parts.append(f"Controls as expected: {well}, others: {len(controls) - well}.")
    parts.append("Claims share runs and so are not independent; no score is made of them.")
    return one_line(" ".join([*parts, f"Written {document.generated}."]))


RENDERER = BadgeRenderer()
"""Of the entry point `badge`."""
