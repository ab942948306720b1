"""Do two wordings name the same thing, once spelling, case and marks are put aside?"""

from __future__ import annotations

import re
from collections.abc import Sequence

__all__ = ["Words", "is_baseline", "named", "phrase"]

_SAME = {
    "avg": "average", "mean": "average", "averaged": "average", "averages": "average",
    "acc": "accuracy", "accuracies": "accuracy", "w": "with", "wo": "without", "w/o": "without",
    "w/": "with", "prec": "precision", "rec": "recall", "lang": "language", "dev": "development",
    "validation": "development", "languages": "language", "tasks": "task", "points": "point",
    "ms": "millisecond", "ppl": "perplexity", "squadv1": "squad", "xlmr": "xlm-r",
}  # fmt: skip
_TOKEN = re.compile(r"w/o|w/|[^\W_]+", re.IGNORECASE)
_COMMON = frozenset({
    "a", "an", "the", "all", "no", "with", "on", "in", "of", "to", "for", "and", "or", "by", "at",
    "our", "ours", "we", "model", "method", "task", "system", "setting", "data", "score", "is",
    "it", "as", "am", "be", "do", "go", "he", "hi", "id", "if", "me", "my", "so", "up", "us", "et", "la",
    "not", "new", "old", "use", "from", "than", "over", "this", "that", "are", "was", "has", "can",
    "more", "best", "gain", "both", "own", "one", "two", "results", "base", "large", "small",
})  # fmt: skip
"""Headers that a sentence may hold without meaning the header."""
_BASELINES = frozenset({"none", "baseline", "no intermediate", "no intermediate task", "vanilla"})
_SAYS_BASELINE = re.compile(r"\bbaselines?\b|\bno intermediate\b|\bwithout (?:any )?intermediate\b")


class Words:
    """The wording of a claim, ready to be asked whether it names a header."""

    def __init__(self, text: str, *, baseline: bool = False) -> None:
        """Take a text; `baseline` says that it compares with what had no treatment."""
        self.flat = f" {phrase(text)} "
        self.baseline = baseline or _SAYS_BASELINE.search(self.flat) is not None

    def holds(self, part: str) -> bool:
        """Return whether a phrase stands in the text, as whole words."""
        return bool(part) and f" {part} " in self.flat


def phrase(text: str) -> str:
    """Return a text as plain words of one spelling."""
    found = [m[0].casefold() for m in _TOKEN.finditer(text[:5000])]
    return " ".join(_SAME.get(word, word) for word in found)


def is_baseline(header: str) -> bool:
    """Return whether a header says that there was no treatment."""
    return phrase(header) in _BASELINES


def named(header: str, above: Sequence[str], words: Words) -> bool:
    """Return whether a claim names a header of a table.

    Args:
        header: the text beside or above a cell.
        above: the headers over the header itself: `14` is named only by `layer 14`.
        words: the claim's.
    """
    text = phrase(header)
    if is_baseline(header):
        return words.baseline
    if not text or len(text) < 2 or text.isdigit() or text in _COMMON:
        return any(words.holds(f"{phrase(over)} {text}") for over in above if phrase(over) and text)
    return words.holds(text)
