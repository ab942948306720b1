"""Does a source at hand say what a claim says, and with the same numbers?

A light check on prose, for reports that quote: wording and printed numbers, no tables.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from functools import lru_cache
from heapq import nsmallest
from pathlib import Path
from typing import Literal

from claims.prose import amounts, sentences, visible, words
from claims.record import Record
from claims.synthesis import read_text

__all__ = ["MAX_PAPER_BYTES", "Quote", "Source", "continued", "quote", "read_paper"]

MAX_PAPER_BYTES = 4 * 2**20
"""Largest paper read: 4 MiB of text."""
ALIKE = 0.75
"""Least share of words in one order at which a passage is taken for the one meant."""
LEAST_WORDS = 5
"""Fewest words that can be recognised."""
COMPARED = 80
"""Most words of a sentence that are compared."""
MAX_SENTENCES = 10_000
"""Most sentences of a source among which an altered passage is looked for."""
CANDIDATES = 20
"""Most sentences of a source that are compared word by word."""

_NUMBER_FOR_NUMBER = re.compile(r"'\d[^' ]*' for '\d[^' ]*'")
_COMMENT = re.compile(r"(?<!\\)%[^\n]*")
_COMMAND = re.compile(r"\\[A-Za-z]{1,40}\*?(?:\[[^\]\n]{0,200}\])?")
_CITE = re.compile(r"\\[Cc]ite[a-z]{0,10}\*?(?:\[[^\]\n]{0,200}\]){0,2}\{[^{}\n]{0,500}\}")


@dataclass(frozen=True, slots=True)
class Source:
    """A text in which claims are looked up."""

    name: str
    text: str
    independent: bool
    """Whether it is the paper, and not the report's own text."""


class Quote(Record):
    """What the sources at hand say of one claim."""

    status: Literal["found", "altered", "absent"]
    source: str
    """Name of the source that holds the passage; empty where none does."""
    independent: bool
    passage: str
    """The passage as printed; empty where none was found."""
    differences: tuple[str, ...]
    """What an altered passage has in place of the claim's words."""
    missing: tuple[str, ...]
    """Results stated in the claim that stand nowhere in any source."""

    def contradicts(self) -> bool:
        """Tell whether the paper has the same sentence with other numbers."""
        numbers = all(_NUMBER_FOR_NUMBER.fullmatch(d) for d in self.differences)
        return self.status == "altered" and self.independent and numbers


def read_paper(path: str | Path) -> Source:
    """Read a paper as plain text, Markdown or LaTeX, at most 4 MiB.

    Raises:
        SynthesisError: it cannot be read as text.
    """
    text = visible(read_text(path, "a paper as text", limit=MAX_PAPER_BYTES))
    if Path(path).suffix.casefold() in {".tex", ".ltx", ".bbl"}:
        text = _CITE.sub("", _COMMENT.sub("", text)).replace("\\%", "%")
        text = _COMMAND.sub(" ", text).translate(str.maketrans("~{}$", "    "))
    return Source(Path(path).name[:80], text, independent=True)


def quote(text: str, *, cut: bool, sources: Sequence[Source]) -> Quote:
    """Return what sources say of a claim; the first that has it decides, else the nearest passage.

    Args:
        text: the claim.
        cut: whether its last word may be a part of one.
        sources: in the order of trust.
    """
    wanted = words(text)[: -1 if cut else None]
    missing = tuple(a for a in amounts(text) if not any(_has(s, a) for s in sources))
    if len(wanted) < LEAST_WORDS:
        return _nothing(missing)
    for source in sources:
        if f" {' '.join(wanted)} " in _flat(source.text):
            passage = _passage(source.text, wanted)
            return _quote("found", source, passage, (), missing)
    for source in sources:
        near = _nearest(wanted, source.text, cut=cut)
        if near:
            passage, differences = near
            return _quote("altered", source, passage, differences, missing)
    return _nothing(missing)


def continued(text: str, sources: Sequence[Source]) -> tuple[str, str]:
    """Return the sentence of a source that goes on as a cut claim begins, and the source's name.

    Both are empty where no source has it.
    """
    start = words(text)[:-1]
    if len(start) >= LEAST_WORDS:
        for source in sources:
            if f" {' '.join(start)} " in _flat(source.text):
                return _passage(source.text, start), source.name
    return "", ""


@lru_cache(maxsize=64)
def _flat(text: str) -> str:
    return f" {' '.join(words(text))} "


@lru_cache(maxsize=64)
def _sentences(text: str) -> list[tuple[str, str, frozenset[str]]]:
    """Return each sentence as printed, its words between spaces, and the words as a set."""
    found = [(s, words(s)) for s in sentences(text)[:MAX_SENTENCES]]
    return [(s, f" {' '.join(own)} ", frozenset(own)) for s, own in found]


def _has(source: Source, amount: str) -> bool:
    return f" {amount.lstrip('+-')} " in _flat(source.text)


def _passage(text: str, wanted: list[str]) -> str:
    """Return the sentence that has the words; empty where they stand across two."""
    needle = f" {' '.join(wanted)} "
    return next((s for s, own, _ in _sentences(text) if needle in own), "")


def _nearest(wanted: list[str], text: str, *, cut: bool) -> tuple[str, tuple[str, ...]] | None:
    """Return the sentence most like some words, with the differences; None where none is alike."""
    meant = set(wanted)
    shared = [(len(meant & own), i) for i, (*_, own) in enumerate(_sentences(text))]
    likely = [pair for pair in shared if 2 * pair[0] >= len(meant)]
    best: tuple[float, str, tuple[str, ...]] = (ALIKE, "", ())
    for _, i in nsmallest(CANDIDATES, likely, key=lambda pair: (-pair[0], pair[1])):
        printed, joined, _ = _sentences(text)[i]
        own = joined.split()[: len(wanted) if cut else COMPARED]
        matcher = SequenceMatcher(None, wanted[:COMPARED], own, autojunk=False)
        if matcher.ratio() > best[0]:
            steps = [o for o in matcher.get_opcodes() if o[0] != "equal"]
            told = [_difference(wanted[a:b], own[c:d]) for _, a, b, c, d in steps]
            best = (matcher.ratio(), printed, tuple(told))
    return best[1:] if best[1] else None


def _difference(claimed: list[str], printed: list[str]) -> str:
    return f"'{' '.join(printed) or '(nothing)'}' for '{' '.join(claimed) or '(nothing)'}'"


def _quote(
    status: Literal["found", "altered"],
    source: Source,
    passage: str,
    differences: tuple[str, ...],
    missing: tuple[str, ...],
) -> Quote:
    return Quote(
        status=status,
        source=source.name,
        independent=source.independent,
        passage=passage,
        differences=differences,
        missing=missing,
    )


def _nothing(missing: tuple[str, ...]) -> Quote:
    return Quote(
        status="absent", source="", independent=False, passage="", differences=(), missing=missing
    )
