"""What of a sentence counts when two of them are compared: words, numbers, names, not typography.

Every expression is linear in its input; callers bound the input (`synthesis.MAX_BYTES`).
"""

from __future__ import annotations

import re
import unicodedata

__all__ = ["amounts", "names", "plain", "same_word", "sentences", "terms", "visible", "words"]

_CITATION = re.compile(r"\([^()]{0,120}?\b(?:1[89]|20)\d\d[a-z]?\b[^()]{0,40}\)")
_KEYS = re.compile(r"\[[^\[\]]{0,300}\]")
"""A citation by number, or by the key that a LaTeX source has for it."""
_OPEN_BRACKET = re.compile(r"\([^()]{0,160}$")
_WORD = re.compile(r"\d+(?:[.,]\d+)*(?:\s?%|(?![^\W_]))|[^\W_]+")
_JOINED = re.compile(r"[^\W_]+(?:[-.'/,][^\W_]+)*")
_AMOUNT = re.compile(
    r"(?<![\w.,-])[-+]?(?:\d{1,6}\.\d{1,4}|\d{1,6}(?=\s?(?:%|points?\b|percent\b)))(?![\d\w])"
)
_SENTENCE_END = re.compile(
    r"(?<=[.!?])(?<!\bal\.)(?<!\b[Ff]ig\.)(?<!\b[Ss]ec\.)(?<!\b[Tt]ab\.)(?<!\b[Ee]q\.)(?<!\bvs\.)"
    r"(?<!\b[A-Za-z]\.)(?<!\bcf\.)\s+(?=[\"'(]?[A-Z0-9])"
)
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9]*(?:-[A-Za-z0-9]+)*")
_CALLED = re.compile(
    r"\b([A-Z][A-Za-z0-9]+(?:-[A-Za-z0-9]+)*)\s+"
    r"(?:benchmark|data ?set|corpus|test suite|shared task)\b"
)
_CONTROL = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ud800-\udfff]"
)
_TYPOGRAPHY = str.maketrans("\u2010\u2011\u2012\u2013\u2212\u2019", "-----'")
_ENDINGS = ("ically", "ations", "ation", "ings", "ally", "ing", "ies", "ed", "es", "ly", "al", "s")
_LEAST_STEM = 4
_EMPTY_WORDS = """
    a about across after against all also an and any are as at be been before between both but by can
    compare compared comparison do does during each effect effects evaluate evaluated evaluating for
    from given had has have how if impact in influence into is it its level may more most much not
    of on only or other our over own per perform performance relative result results same set should
    so subset subsets such task tasks than that the their them then there these they this those to
    too under using versus was we were what when where whether which while who why will with within
    would benchmark benchmarks dataset datasets data improve improves improvement model models
    score scores standard train training trained"""
_EMPTY = frozenset(_EMPTY_WORDS.split())
"""Words that say nothing of what a question about machine learning asks."""


def visible(text: str) -> str:
    """Return a text without characters that move a terminal's cursor or turn its direction."""
    return _CONTROL.sub(" ", unicodedata.normalize("NFC", text))


def plain(text: str) -> str:
    """Return a text without citations, an unclosed bracket at its end, and differences of type."""
    text = unicodedata.normalize("NFKC", text).translate(_TYPOGRAPHY)
    text = _OPEN_BRACKET.sub("", _KEYS.sub(" ", _CITATION.sub(" ", text)))
    return " ".join(text.split()).casefold()


def words(text: str) -> list[str]:
    """Return the words of a text in order: numbers whole, with `%`, the parts of `zero-shot` apart."""
    return [w.replace(" ", "") for w in _WORD.findall(plain(text))]


def amounts(text: str) -> list[str]:
    """Return the results among a text's numbers as printed: decimals, percentages and points."""
    return _AMOUNT.findall(_CITATION.sub(" ", text))


def sentences(text: str) -> list[str]:
    """Return the sentences of a text, each on one line."""
    return [s for s in _SENTENCE_END.split(" ".join(text.split())) if s]


def names(text: str) -> list[str]:
    """Return what looks like the name of a data set, model or method, each once.

    A name has two capitals or a capital and a digit in one part (`TyDiQA`, `mT5`, `XTREME-R`), or
    is called a benchmark, data set or corpus.
    """
    text = _CITATION.sub(" ", text)
    found = [w for w in _NAME.findall(text) if any(_named(part) for part in w.split("-"))]
    return list(dict.fromkeys([*found, *_CALLED.findall(text)]))


def terms(text: str) -> dict[str, str]:
    """Return the words that tell what a text is about: stem -> word, in the text's order."""
    found: dict[str, str] = {}
    for word in _JOINED.findall(plain(text)):
        if word not in _EMPTY and (len(word) > 2 or any(c.isdigit() for c in word)):
            found.setdefault(_stem(word), word)
    return found


def same_word(first: str, second: str) -> bool:
    """Tell whether two stems, as `terms` has them, are of one word; `xtreme-r` is not `xtreme`."""
    if first == second or first[:_LEAST_STEM] != second[:_LEAST_STEM]:
        return first == second
    shorter, longer = sorted((first, second), key=len)
    alike = len(shorter) > _LEAST_STEM and len(longer) - len(shorter) < 4
    return alike and longer.startswith(shorter) and longer.isalpha()


def _named(part: str) -> bool:
    capitals = sum(c.isupper() for c in part)
    return capitals > 1 or (capitals == 1 and any(c.isdigit() for c in part))


def _stem(word: str) -> str:
    if "-" in word or any(c.isdigit() for c in word):
        return word
    for ending in _ENDINGS:
        if word.endswith(ending) and len(word) - len(ending) >= _LEAST_STEM:
            return word.removesuffix(ending)
    return word.removesuffix("e") if len(word) > _LEAST_STEM else word
