"""Which statements does a paper make, and in which words, numbers and direction?

A statement is a sentence, or a clause of one that can stand alone, or one half of `neither A nor B`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache, cached_property
from importlib import resources

import yaml

from claims.paper import PaperText, Quantity
from claims.quantities import CommaStyle, comma_style, quantities_in

__all__ = ["MAX_STATEMENTS", "Printed", "Statement", "lexicon", "statements_of"]

MAX_STATEMENTS = 4000
"""Statements of one paper that are compared."""
_LONGEST = 300
"""Words of a sentence; what is longer is no sentence and is taken in pieces of this length."""
_HELD = 2000
"""Characters after which an open parenthesis no longer holds a sentence together."""
_FEWEST = 4
"""Words that a clause needs to stand alone."""
_AROUND = 4
"""Words on either side by which a number is recognised in another version."""
_SKIPPED = frozenset({"heading"})

_END = re.compile(r"(?<=[.!?])\s+(?=[\"'(\[]?[A-Z0-9])")
_ABBREVIATED = re.compile(r"(?:\b(?:al|e\.g|i\.e|cf|vs|fig|figs|tab|sec|eq|ref|approx|resp)|\b[A-Z])\.$",
                          re.IGNORECASE)  # fmt: skip
_CLAUSE = re.compile(r";\s+|,\s+(?:while|whereas|but)\s+", re.IGNORECASE)
_CITATION = re.compile(
    # keys and authors in brackets, without other numbers than years
    r"\[[A-Za-z][^\[\]\s.,;=%]{0,80}(?:[,;]\s?[A-Za-z][^\[\]\s.,;=%]{0,80}){0,20}\]"
    r"|[\[(](?:[A-Z][^()\[\]\d]{1,100},\s(?:1[89]|20)\d\d[a-z]?[;,]?\s?){1,8}[\])]"
    # numbers in brackets, unless they may be an interval
    r"|(?<!\b(?:CI|in|is|of)\s)(?<!interval\s)(?<!range\s)(?<!between\s)(?<!within\s)(?<![=∈:]\s)"
    r"\[\d{1,3}(?:\s?[,–-]\s?\d{1,3}){0,20}\]"
)
_LISTED = r"\(?(?:\d{1,3}(?:\.\d{1,3}){0,3}[a-z]?|[A-Z](?:\.\d{1,3}){0,3})(?![\w%])\)?"
_REFERENCE = re.compile(
    rf"\b(Tables|Figures|Figs\.?|Sections|Secs\.?|Appendices|Equations|Eqs\.?)\s{_LISTED}"
    rf"(?:\s?(?:,|and|to|[-–])\s?{_LISTED}){{0,8}}"
    rf"|\b(Table|Tab\.|Figure|Fig\.|Section|Sec\.|Appendix|Equation|Eq\.|Footnote|Algorithm)\s{_LISTED}"
    r"|\b(table|section|appendix|equation|footnote)\s(?:\d{1,3}(?![\w%]|\.\d|\s(?:point|per|pp|times))|[A-Z](?!\w))"
)
_NUMBERED_CAPTION = re.compile(r"^(table|figure|fig)\.?\s*\d{1,3}[a-z]?\s*[:.]\s*", re.IGNORECASE)
_PERCENT = re.compile(r"(?<=\d)\s?(?:%|per\s?cent\b)")
_TOKEN = re.compile(r"[-+−–]?\d[\d.,]{0,30}%?|[^\W\d_]+(?:['’][a-z]{1,2}\b)?")
_GROUP = re.compile(r"(?<=\d),(?=\d{3}(?!\d))")
_NEITHER = re.compile(r"\bneither\s", re.IGNORECASE)
_NOR = re.compile(r"\snor\s", re.IGNORECASE)
_TYPOGRAPHY = str.maketrans({"’": "'", "‘": "'", "“": '"', "”": '"', "\u00a0": " ", "−": "-"})


@dataclass(frozen=True, slots=True)
class Printed:
    """A number of a statement with the words around it."""

    quantity: Quantity
    around: frozenset[str]


@dataclass(frozen=True)
class Statement:
    """One thing that a paper says."""

    text: str
    """As printed; where a half of `neither A nor B` was left out stands an ellipsis."""
    address: str
    place: str
    kind: str
    words: tuple[str, ...]
    """Lower-case words and numbers, without citations, articles and what references point at."""
    numbers: tuple[Printed, ...]
    names: frozenset[str] = field(default_factory=frozenset)

    @cached_property
    def key(self) -> tuple[object, ...]:
        """What two statements must share to be the same: words in order, and numbers with units."""
        printed = (
            (q.value, q.decimals, q.unit, q.scale, q.spread or 0.0)
            for q in (n.quantity for n in self.numbers)
        )
        return (*self.words, *printed)

    @cached_property
    def content(self) -> frozenset[str]:
        """The words that tell what it is about, in one form each; numbers are none of them."""
        return frozenset(_telling(self.words))


@cache
def lexicon() -> dict[str, frozenset[str]]:
    """Return the words of direction, comparison and strength that come with the program."""
    value = _data()
    return {k: frozenset(v.split()) for k, v in value.items() if isinstance(v, str)}


@cache
def _data() -> dict[str, str | dict[str, int]]:
    data = resources.files("claims").joinpath("turns.yaml").read_text(encoding="utf-8")
    value: dict[str, str | dict[str, int]] = yaml.safe_load(data)
    return value


@cache
def _spelled() -> re.Pattern[str]:
    numbers = _data()["numbers"]
    assert isinstance(numbers, dict), "turns.yaml is our own file"
    return re.compile(rf"\b({'|'.join(numbers)})\b", re.IGNORECASE)


def statements_of(paper: PaperText) -> tuple[Statement, ...]:
    """Return what a paper says, in its order, headings apart; at most MAX_STATEMENTS."""
    texts = [p.text for p in paper.passages]
    style = CommaStyle(decimal_comma=comma_style(texts[:2000]))
    found: list[Statement] = []
    for passage in paper.passages:
        if passage.kind in _SKIPPED:
            continue
        for text in _parts(passage.text):
            statement = _statement(text, passage.address, passage.place, passage.kind, style)
            if statement.words:
                found.append(statement)
            if len(found) >= MAX_STATEMENTS:
                return tuple(found)
    return tuple(found)


def _parts(text: str) -> Iterator[str]:
    """Yield the sentences and clauses of a passage."""
    for sentence in _sentences(" ".join(text.split())):
        for piece in _pieces(sentence):
            for clause in _clauses(piece):
                yield from _halves(clause)


def _pieces(sentence: str) -> Iterator[str]:
    words = sentence.split()
    for start in range(0, len(words), _LONGEST):
        yield " ".join(words[start : start + _LONGEST])


def _sentences(text: str) -> Iterator[str]:
    held = ""
    for part in _END.split(text):
        held = f"{held} {part}" if held else part
        whole = not _ABBREVIATED.search(held[-12:]) and held.count("(") <= held.count(")")
        if whole or len(held) > _HELD:
            yield held
            held = ""
    if held:
        yield held


def _clauses(sentence: str) -> Iterator[str]:
    """Yield the parts of a sentence at `;`, `while`, `whereas` and `but`, where each can stand alone."""
    start = 0
    for match in _CLAUSE.finditer(sentence):
        before, after = sentence[start : match.start()], sentence[match.end() :]
        following = after.split()
        alone = min(len(before.split()), len(following)) >= _FEWEST
        if alone and following[0].casefold().strip(",") not in lexicon()["anaphors"]:
            yield before
            start = match.end()
    yield sentence[start:]


def _halves(clause: str) -> Iterator[str]:
    """Yield `neither A nor B offers anything` as two statements, where the common rest is plain."""
    neither, nor = _NEITHER.search(clause), _NOR.search(clause)
    if neither is None or nor is None or nor.start() < neither.end():
        yield clause
        return
    first, rest = clause[neither.end() : nor.start()], clause[nor.end() :].split()
    predicates = lexicon()["predicates"]
    at = next((i for i, w in enumerate(rest) if w.casefold() in predicates), 0)
    if at == 0 or any(w.casefold() in predicates for w in first.split()):
        yield clause
        return
    head = clause[: neither.end()]
    yield f"{head}{first} […] {' '.join(rest[at:])}"
    yield f"{head}[…] {' '.join(rest)}"


def _statement(text: str, address: str, place: str, kind: str, style: CommaStyle) -> Statement:
    plain = _cleaned(text, kind)
    words, numbers = _words(plain, style), _numbers(plain, style)
    names = frozenset(
        w for w in re.findall(r"[A-Za-z][A-Za-z0-9]*(?:-[A-Za-z0-9]+)*", plain) if _is_name(w)
    )
    return Statement(text, address, place, kind, words, numbers, names)


def _cleaned(text: str, kind: str) -> str:
    """Return a text without citations and numbers of references; numbers in digits."""
    text = text.translate(_TYPOGRAPHY)
    if kind == "caption":
        text = _NUMBERED_CAPTION.sub("", text)
    text = _REFERENCE.sub(lambda m: m[1] or m[2] or m[3], _CITATION.sub(" ", text))
    spelled = _data()["numbers"]
    assert isinstance(spelled, dict), "turns.yaml is our own file"
    text = _spelled().sub(lambda m: str(spelled[m[1].casefold()]), text)
    return " ".join(_PERCENT.sub("%", text).split())


def _words(text: str, style: CommaStyle) -> tuple[str, ...]:
    found = [m[0].casefold().rstrip(".,") for m in _TOKEN.finditer(text)]
    found = [_one_form(w, style) if w.lstrip("+-")[:1].isdigit() else w for w in found]
    return tuple(w for w in found if w not in {"a", "an", "the"})


def _one_form(number: str, style: CommaStyle) -> str:
    if style.decimal_comma:
        number = number.translate(str.maketrans(",.", ".,"))
    return _GROUP.sub("", number.lstrip("+-–"))


def _numbers(text: str, style: CommaStyle) -> tuple[Printed, ...]:
    found: list[Printed] = []
    position = 0
    for quantity in quantities_in(text, style):
        at = text.find(quantity.raw, position)
        around: frozenset[str] = frozenset()
        if at >= 0:
            position = at + len(quantity.raw)
            before = _content(text[max(0, at - 120) : at])[-_AROUND:]
            around = frozenset([*before, *_content(text[position : position + 120])[:_AROUND]])
        found.append(Printed(quantity, around))
    return tuple(found)


def _content(text: str) -> list[str]:
    return _telling([m[0].casefold() for m in _TOKEN.finditer(text)])


def _telling(words: Sequence[str]) -> list[str]:
    """Return the words that name things: no numbers, nor which way, how much or whether at all."""
    return [_form(w) for w in words if w not in _untelling() and not w.lstrip("+-")[:1].isdigit()]


@cache
def _untelling() -> frozenset[str]:
    return frozenset().union(
        *(lexicon()[k] for k in ("plain", "negations", "strength", "up", "down"))
    )


def _form(word: str) -> str:
    """Return a word without the s of plurals and verbs."""
    return word[:-1] if len(word) > 4 and word.endswith("s") and not word.endswith("ss") else word


def _is_name(word: str) -> bool:
    return any(
        sum(c.isupper() for c in part) > 1 or (part[:1].isupper() and any(map(str.isdigit, part)))
        for part in word.split("-")
    )
