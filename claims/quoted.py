"""Does a paper hold the words that are quoted from it, and where?

The one check of quotations, for claim files and for synthesis reports. Case, citations, hyphens and
marks do not count; words and numbers do.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from functools import lru_cache
from heapq import nsmallest
from itertools import islice
from typing import Literal

from claims.paper import PaperText, Passage
from claims.prose import sentences, words
from claims.record import Record

__all__ = ["MAX_PRINTED", "MAX_SENTENCES", "Quotable", "QuoteCheck", "check_quote"]

ALIKE = 0.75
"""Least share of words in one order at which a passage is taken for the one meant."""
FEWEST = 4
"""Words below which a quotation could stand anywhere."""
MOST = 200
"""Words of a quotation that are compared one by one where it does not stand in the paper whole."""
MAX_SENTENCES = 20_000
"""Sentences of a paper that are searched."""
CLOSER = 20
"""Sentences that are compared word by word."""
_MOST_SENTENCES = 5
"""Sentences of a quotation that are compared together."""
MAX_PRINTED = 1000
"""Characters of a passage that are shown."""

_ENDS = re.compile(r"(?<![.…])[.!?][\"'”’)]?$")
"""The end of a sentence, not of a text that was broken off."""
_NEGATION = "(?:does |do |did |is |are |was )?(?:not|never|no)"
_ENDING = "(?:e[sd]?|s|d)?"
_CHANGED = re.compile(
    r"'\d[^' ]*' for '\d[^' ]*'"
    rf"|'{_NEGATION}' for '\(nothing\)'|'\(nothing\)' for '{_NEGATION}'"
    rf"|'(\w{{2,40}}?){_ENDING}' for '{_NEGATION} \1{_ENDING}'"
    rf"|'{_NEGATION} (\w{{2,40}}?){_ENDING}' for '\2{_ENDING}'"
)
"""A difference that turns what a sentence says: another number, or a negation more or less."""


class QuoteCheck(Record):
    """What became of a quotation in the paper."""

    status: Literal["found", "altered", "absent"]
    address: str = ""
    place: str = ""
    passage: str = ""
    """The paper's own sentence, where one was found."""
    differences: tuple[str, ...] = ()
    """What the paper has in place of what is quoted, such as `'6.1' for '5.4'`.

    Of what was found, only that a number at its end may be a part of the paper's.
    """

    def turned(self) -> bool:
        """Tell whether the paper has the same sentence but for its numbers or a negation."""
        changed = all(_CHANGED.fullmatch(d) for d in self.differences)
        return self.status == "altered" and changed


@dataclass(frozen=True, slots=True)
class _Sentence:
    printed: str
    words: tuple[str, ...]
    passage: int
    """Number of the passage in which it stands."""


class Quotable:
    """A text's passages, ready to be searched for quotations."""

    def __init__(self, passages: Sequence[Passage]) -> None:
        """Split the passages into sentences and words; at most 20,000 sentences are searched."""
        self._passages: list[Passage] = []
        self._flat: list[str] = []
        self._sentences: list[_Sentence] = []
        for number, passage in enumerate(passages):
            left = MAX_SENTENCES - len(self._sentences)
            own = [(s, tuple(words(s))) for s in islice(sentences(passage.text), left)]
            if left <= 0:
                break
            self._sentences += [_Sentence(printed, found, number) for printed, found in own]
            self._passages.append(passage)
            self._flat.append(f" {' '.join(words(passage.text))} ")
        self._numbers = {w.rstrip("%") for s in self._sentences for w in s.words if w[0].isdigit()}
        self._spans: dict[int, list[tuple[_Sentence, frozenset[str]]]] = {}

    def check(self, quote: str, *, cut: bool = False) -> QuoteCheck:
        """Look for a quotation.

        Args:
            quote: some words; a last word of letters may be the beginning of one, unless a sentence
                ends with it.
            cut: whether a number at its end may be the beginning of one, too.
        """
        wanted = words(quote)
        if len(wanted) < FEWEST + cut:
            return QuoteCheck(status="absent")
        whole = not cut and _ENDS.search(quote.rstrip()) is not None
        if wanted[-1].isalpha():
            found = self._found(_needle(wanted, open_end=not whole))
        else:
            found = self._found(_needle(wanted, open_end=False))
            if cut and not found and (found := self._found(_needle(wanted, open_end=True))):
                longer = f"a longer word for '{wanted[-1]}', which may be cut off"
                found = found.model_copy(update={"differences": (longer,)})
        return found or self._nearest(quote, wanted, cut=cut)

    def _found(self, needle: str) -> QuoteCheck | None:
        """Return the first passage that has some words."""
        for number, flat in enumerate(self._flat):
            if needle in flat:
                passage = self._passages[number]
                printed = self._holding(needle, number) or passage.text
                return QuoteCheck(status="found", address=passage.address, place=passage.place,
                                  passage=printed[:MAX_PRINTED])  # fmt: skip
        return None

    def continued(self, text: str) -> str:
        """Return the sentence that goes on as a cut text begins; empty where none does."""
        wanted = words(text)
        if len(wanted) <= FEWEST:
            return ""
        needle = _needle(wanted, open_end=True)
        within = (n for n, flat in enumerate(self._flat) if needle in flat)
        return next((s for n in within if (s := self._holding(needle, n))), "")[:MAX_PRINTED]

    def prints(self, number: str) -> bool:
        """Tell whether a number stands somewhere in the text, but for its sign and `%`."""
        return number.lstrip("+-").rstrip("%") in self._numbers

    def _holding(self, needle: str, passage: int) -> str:
        """Return the sentence of a passage that has some words; empty where two share them."""
        own = (s for s in self._sentences if s.passage == passage)
        return next((s.printed for s in own if needle in f" {' '.join(s.words)} "), "")

    def _nearest(self, quote: str, wanted: list[str], *, cut: bool) -> QuoteCheck:
        meant = set(wanted)
        spans = self._spans_of(min(len(sentences(quote)), _MOST_SENTENCES))
        counted = ((len(meant & own), i) for i, (_, own) in enumerate(spans))
        likely = [pair for pair in counted if 2 * pair[0] >= len(meant)]
        rest = (f"only the first {MOST} words were compared",) if len(wanted) > MOST else ()
        best, most = QuoteCheck(status="absent"), ALIKE
        for _, i in nsmallest(CLOSER, likely, key=lambda pair: (-pair[0], pair[1])):
            near = spans[i][0]
            alike, differences = _compared(wanted[:MOST], near.words, cut=cut)
            if alike > most or (alike == most and best.status == "absent"):
                most, passage = alike, self._passages[near.passage]
                best = QuoteCheck(status="altered", address=passage.address, place=passage.place,
                                  passage=near.printed[:MAX_PRINTED],
                                  differences=(*differences[:20], *rest))  # fmt: skip
        return best

    def _spans_of(self, length: int) -> list[tuple[_Sentence, frozenset[str]]]:
        """Return every run of so many sentences within a passage, as one, with the set of its words."""
        if length not in self._spans:
            joined = (self._joined(i, length) for i in range(len(self._sentences)))
            self._spans[length] = [(span, frozenset(span.words)) for span in joined]
        return self._spans[length]

    def _joined(self, start: int, length: int) -> _Sentence:
        home = self._sentences[start].passage
        run = [s for s in self._sentences[start : start + length] if s.passage == home]
        found = tuple(w for s in run for w in s.words)
        return _Sentence(" ".join(s.printed for s in run), found, home)


def check_quote(quote: str, paper: PaperText) -> QuoteCheck:
    """Look for a quotation in a paper; its last word may be cut off, a number may not."""
    return _quotable(paper.passages).check(quote)


@lru_cache(maxsize=2)
def _quotable(passages: tuple[Passage, ...]) -> Quotable:
    return Quotable(passages)


def _needle(wanted: Sequence[str], *, open_end: bool) -> str:
    return f" {' '.join(wanted)}{'' if open_end else ' '}"


def _compared(
    wanted: Sequence[str], found: Sequence[str], *, cut: bool
) -> tuple[float, tuple[str, ...]]:
    """Return how alike some words are to the part of a sentence that is nearest, and in what not."""
    blocks = SequenceMatcher(None, wanted, found, autojunk=False).get_matching_blocks()
    longest = max(blocks, key=lambda b: b.size)
    slack = len(wanted) // 4 + 1
    start = max(0, longest.b - longest.a - slack)
    blocks = [b for b in blocks if b.size and start <= b.b < start + len(wanted) + 2 * slack]
    if not blocks:
        return 0.0, ()
    first, last = blocks[0], blocks[-1]
    rest = len(wanted) - last.a - last.size
    region = found[max(0, first.b - first.a) : last.b + last.size + rest]
    matcher = SequenceMatcher(None, wanted, region, autojunk=False)
    steps = [o for o in matcher.get_opcodes() if o[0] != "equal"]
    if cut and steps and steps[-1][2] == len(wanted) and region[-1].startswith(wanted[-1]):
        steps.pop()  # the beginning of the paper's word
    return matcher.ratio(), tuple(_difference(wanted[a:b], region[c:d]) for _, a, b, c, d in steps)


def _difference(quoted: Sequence[str], printed: Sequence[str]) -> str:
    return f"'{' '.join(printed) or '(nothing)'}' for '{' '.join(quoted) or '(nothing)'}'"
