"""Does a paper hold the words that are quoted from it, and where?"""

from __future__ import annotations

import itertools
import re
from difflib import SequenceMatcher
from typing import Literal

from claims.paper import PaperText
from claims.record import Record

__all__ = ["QuoteCheck", "check_quote"]

_WORD = re.compile(r"\d+(?:[.,]\d+)*%?|[^\W\d_]+", re.UNICODE)
_CITATION = re.compile(r"\[[^\[\]]{0,200}\]|\([^()]{0,80}\b(?:19|20)\d\d[a-z]?\)")
_ALIKE = 0.75
"""Share of the quoted words, in their order, from which a passage is taken for the one meant."""
_FEWEST = 4
"""Words below which a quotation could stand anywhere."""
_MOST = 200
"""Words of a quotation that are compared."""
_CLOSER = 20
"""Passages that are compared word by word."""


class QuoteCheck(Record):
    """What became of a quotation in the paper."""

    status: Literal["found", "altered", "absent"]
    address: str = ""
    place: str = ""
    passage: str = ""
    """The paper's own words, where some were found."""
    differences: tuple[str, ...] = ()
    """What the paper has in place of what is quoted, such as `'6.1' for '5.4'`."""


def check_quote(quote: str, paper: PaperText) -> QuoteCheck:
    """Look for a quotation, which may be cut off inside its last word.

    Case, citations and marks do not count; words and numbers do.
    """
    wanted = _words(quote)[:_MOST]
    if len(wanted) < _FEWEST:
        return QuoteCheck(status="absent")
    flat = " ".join(wanted)
    for passage in paper.passages:
        if f" {flat}" in f" {' '.join(_words(passage.text))}":
            return QuoteCheck(status="found", address=passage.address, place=passage.place,
                              passage=passage.text[:1000])  # fmt: skip
    return _nearest(wanted, paper)


def _nearest(wanted: list[str], paper: PaperText) -> QuoteCheck:
    said = set(wanted)
    ranked = sorted(
        (
            (len(said & set(words)), -i)
            for i, words in enumerate(_words(p.text) for p in paper.passages)
        ),
        reverse=True,
    )
    best = QuoteCheck(status="absent")
    most = _ALIKE * len(wanted)
    for shared, place in ranked[:_CLOSER]:
        if shared < _ALIKE * len(said):
            break
        passage = paper.passages[-place]
        words = _words(passage.text)[:2000]
        blocks = SequenceMatcher(None, wanted, words, autojunk=False).get_matching_blocks()
        same = sum(b.size for b in blocks)
        if same >= most:
            most = same + 1
            best = QuoteCheck(
                status="altered",
                address=passage.address,
                place=passage.place,
                passage=passage.text[:1000],
                differences=_differences(wanted, words),
            )
    return best


def _differences(wanted: list[str], words: list[str]) -> tuple[str, ...]:
    matcher = SequenceMatcher(None, wanted, words, autojunk=False)
    blocks = [b for b in matcher.get_matching_blocks() if b.size]
    found: list[str] = []
    for one, other in itertools.pairwise(blocks):
        old = " ".join(wanted[one.a + one.size : other.a])
        new = " ".join(words[one.b + one.size : other.b][:30])
        found.append(f"'{new}' for '{old}'")
    if blocks and blocks[0].a:
        found.insert(0, f"other words for '{' '.join(wanted[: blocks[0].a])}'")
    rest = wanted[blocks[-1].a + blocks[-1].size :] if blocks else []
    if rest:
        found.append(f"other words for '{' '.join(rest)}'")
    return tuple(found[:20])


def _words(text: str) -> list[str]:
    return [m[0].casefold() for m in _WORD.finditer(_CITATION.sub(" ", text[:20_000]))]
