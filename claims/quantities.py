"""Which numbers does a text print, and what do their signs and units say?

A number in a cell is a value only where nothing beside it makes it part of a name: `BERT-12` has no
value, `84.3 (+1.2)` has one and an aside.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from claims.paper import Quantity, Unit

__all__ = [
    "MAX_CELL",
    "CommaStyle",
    "Placed",
    "comma_style",
    "is_placeholder",
    "quantities_at",
    "quantities_in",
    "values_of",
]

MAX_CELL = 2000
"""Characters of a cell that are searched for numbers."""
_MAX_INTEGER, _MAX_DECIMALS = 15, 12
"""Digits beyond which a number could not be held exactly; such a number is no quantity."""

_DOT = (
    r"\d{1,3}(?:(?P<group>,|\u2009|\u202f|')\d{3}(?:(?P=group)\d{3})*+(?!\d))(?:\.\d+)?"
    r"|\d++(?:\.\d+)?|\.\d+"
)
_COMMA = (
    r"\d{1,3}(?:(?P<group>\.|\u2009|\u202f|')\d{3}(?:(?P=group)\d{3})*+(?!\d))(?:,\d+)?"
    r"|\d++(?:,\d+)?"
)
_POWER = (
    r"(?:\s?[×·]\s?10\^(?:\((?P<power>[-+−–]?\d{1,2})\)|(?P<power1>\d))"
    r"|[eE](?P<power2>[-+−]?\d{1,2})(?![A-Za-z\d]))?"
)
_SUFFIX = (
    r"(?:\s?(?P<percent>%)|\s?(?P<points>(?:percentage |% )?points?\b|pts?\b\.?|pp\b|p\.p\.)"
    r"|(?P<scale>[kKMBG]|bn)(?![A-Za-z\d])|\s?(?P<times>[x×])(?![A-Za-z\d]))?"
)


def _pattern(number: str) -> re.Pattern[str]:
    plain = number.replace("(?P<group>", "(?P<group2>").replace("(?P=group)", "(?P=group2)")
    return re.compile(
        rf"(?P<sign>[-+−–]|[↑▲△⇧](?=\s?[+]?[\d.])|[↓▼▽⇩](?=\s?[-−–]?[\d.]))?(?P<sign2>\s?[-+−–])?\s?"
        rf"(?P<digits>{number}){_POWER}{_SUFFIX}"
        rf"(?:\s?(?:±|\+/-|\+-)\s?(?P<spread>{plain})%?|\((?P<last>\d{{1,3}})\))?"
        r"(?P<arrow>\s?[↑↓▲▼△▽](?!\s?[+\-−–]?\.?\d))?"
    )


class Placed(NamedTuple):
    """A number and where in its text it stands, its sign included."""

    quantity: Quantity
    start: int
    end: int


class CommaStyle(NamedTuple):
    """How a table or paper writes its numbers."""

    decimal_comma: bool = False
    uncertainty_in_parentheses: bool = False
    """Whether `84.3(2)` means 84.3 ± 0.2, as in siunitx's columns."""


_PATTERNS = {False: _pattern(_DOT), True: _pattern(_COMMA)}
_UP, _DOWN = frozenset("+↑▲△⇧"), frozenset("-−–↓▼▽⇩")
_SCALES = {"k": 1e3, "K": 1e3, "M": 1e6, "B": 1e9, "G": 1e9, "bn": 1e9}
_RAISED_SIGNED = re.compile(
    r"(?<!10)[\^_](?:\((?P<inner>\s?[-+−–±↑↓▲▼]\s?[^()]{1,30})\)"
    r"|(?P<plain>[-+−–±]\.?\d[\d.,]{0,10}%?))"
)
_LOWERED_NUMBER = re.compile(r"_\(\s?(\.?\d[\d.,]{0,12}%?)\s?\)|_(\d)")
_RAISED_MARK = re.compile(r"(?<!10)\^(?:\([^()]{0,80}\)|[^\s\d(])|(?<!10)\^\d(?!\d)|_[^\s(\d]")
_ASIDE = re.compile(r"\([^()]{0,200}\)|\[[^\[\]]{0,200}\]|⟨[^⟨⟩]{0,200}⟩")
_DATE = re.compile(r"(?<!\d)(?:\d{4}-\d{2}-\d{2}|\d{1,2}[./]\d{1,2}[./]\d{4})(?!\d)")
_UNIT_WORDS = re.compile(
    r"\b(?:ms|s|sec|secs|seconds?|m|min|mins|minutes?|h|hrs?|hours?|days?|GB|MB|KB|TB|GiB|MiB|epochs?|"
    r"steps?|layers?|heads?|tokens?|params?|parameters?|languages?|examples?|F1|EM|acc|BLEU|points?|"
    r"pts?|pp|std|sd|avg|k|K|x)\b\.?"
)
_NUMBER = "\x01"
"""Stands for a number in the text around numbers."""
_NOISE = re.compile(r"[\x01\s*†‡§¶⋆★∗✓✗()\[\]{}⟨⟩/|,;:.<>≤≥≈~∼=^_±%‰°$€£×·+\-−–—↑↓▲▼△▽↗↘&#∆Δ'\"]*")
_PLACEHOLDERS = re.compile(r"(?:[-−–—\s./*?✓✗×]|n/?a|N/?A|n\.a\.|OOM|TBD|yes|no|nan|NaN)*")
_DECIMAL_COMMA = re.compile(r"(?<![\d.,])\d{1,3},(?:\d{1,2}|\d{4,6})(?![\d,])")
_DECIMAL_DOT = re.compile(r"(?<![\d.,])\d{0,4}\.\d+(?![\d.,]*\d)")


def comma_style(texts: Iterable[str]) -> bool:
    """Return whether texts that belong together write decimals with a comma.

    They do where some number can be read in no other way, and none has a decimal point.
    """
    comma = False
    for text in texts:
        part = text[:MAX_CELL]
        comma = comma or _DECIMAL_COMMA.search(part) is not None
        if any(
            "," not in m[0] and len(m[0].partition(".")[2]) != 3
            for m in _DECIMAL_DOT.finditer(part)
        ):
            return False
    return comma


def is_placeholder(text: str) -> bool:
    """Return whether a cell says that there is no number, as a dash does."""
    return _PLACEHOLDERS.fullmatch(text[:40]) is not None


def values_of(text: str, style: CommaStyle = CommaStyle()) -> tuple[Quantity, ...]:  # noqa: B008
    """Return the numbers of a cell; none where a number is only part of a name or sentence."""
    text = _plain(text[:MAX_CELL])
    found, rest = _found(text, style)
    if not found or _DATE.search(text):
        return ()
    rest = _UNIT_WORDS.sub(" ", rest)
    main = _ASIDE.sub(" ", rest)
    if _NOISE.fullmatch(main) is None or f"{_NUMBER},{_NUMBER}" in rest:
        return ()
    return found


def quantities_in(text: str, style: CommaStyle = CommaStyle()) -> tuple[Quantity, ...]:  # noqa: B008
    """Return every number of a sentence, those in names and dates too."""
    return _found(_plain(text), style)[0]


def quantities_at(text: str, style: CommaStyle = CommaStyle()) -> tuple[Placed, ...]:  # noqa: B008
    """Return every number of a sentence with its place, as `quantities_in` tells them apart.

    Raised and lowered marks are not taken away first, so that places are those of the text given.
    """
    found = []
    for match, _, quantity in _matched(text, style):
        if quantity is not None:
            start = match.start() + len(match[0]) - len(match[0].lstrip())
            found.append(Placed(quantity, start, start + len(match[0].strip())))
    return tuple(found)


def _plain(text: str) -> str:
    """Return a text in which raised signs are gone and raised differences stand in parentheses."""
    text = text.replace("\u00a0", " ")
    text = _RAISED_SIGNED.sub(lambda m: _spread_or_aside(m["inner"] or m["plain"]), text)
    text = _LOWERED_NUMBER.sub(lambda m: f" ({m[1] or m[2]})", text)
    return _RAISED_MARK.sub(" ", text)


def _spread_or_aside(inner: str) -> str:
    return inner if inner.strip().startswith("±") else f" ({inner})"


def _found(text: str, style: CommaStyle) -> tuple[tuple[Quantity, ...], str]:
    """Return the numbers of a text, and the text without them."""
    found: list[Quantity] = []
    rest: list[str] = []
    position = 0
    for match, named, quantity in _matched(text, style):
        rest.append(text[position : match.start()])
        position = match.end()
        if quantity is None:
            rest.append("a")
        else:
            rest.append(f" {_NUMBER}" if match[0][0].isspace() else _NUMBER)
            found.append(quantity)
        if match["last"] and not style.uncertainty_in_parentheses and not named:
            rest.append(f"({match['last']})")
    rest.append(text[position:])
    return tuple(found), "".join(rest)


def _matched(text: str, style: CommaStyle) -> Iterator[tuple[re.Match[str], bool, Quantity | None]]:
    """Yield what looks like a number, whether it is part of a name, and the number, if it is one."""
    for match in _PATTERNS[style.decimal_comma].finditer(text):
        start = match.start("sign") if match["sign"] else match.start("digits")
        before = text[start - 1] if start else ""
        named = before.isalpha() or (before.isdigit() and match["sign"] is None)
        yield match, named, None if named else _quantity(match, before, text, style)


def _quantity(match: re.Match[str], before: str, text: str, style: CommaStyle) -> Quantity | None:
    digits = match["digits"]
    plain = _without_groups(digits, match["group"], comma=style.decimal_comma)
    whole, _, fraction = plain.partition(".")
    if len(whole) > _MAX_INTEGER or len(fraction) > _MAX_DECIMALS:
        return None
    sign = (match["sign"] or "") + (match["sign2"] or "").strip()
    if sign and before and (before.isdigit() or before in ")%") and sign[0] in "-–−":
        sign = ""  # a range such as 80-85
    negative = any(c in _DOWN for c in sign)
    power = int(
        (match["power"] or match["power1"] or match["power2"] or "0")
        .replace("−", "-")
        .replace("–", "-")
    )
    value = float(f"{'-' if negative else ''}{plain or '0'}e{power}")
    decimals = len(fraction) - power
    if not -30 <= decimals <= 30 or abs(value) >= 1e30:
        return None
    spread = None
    if match["spread"]:
        spread = float(_without_groups(match["spread"], match["group2"], comma=style.decimal_comma))
    elif match["last"] and style.uncertainty_in_parentheses:
        spread = int(match["last"]) / 10**decimals
    unit: Unit = "percent" if match["percent"] else "points" if match["points"] else "none"
    unit = "times" if match["times"] else unit
    return Quantity(
        raw=match[0].strip()[:200],
        value=value,
        decimals=decimals,
        unit=unit,
        scale=_SCALES.get(match["scale"] or "", 1.0),
        signed=bool(sign),
        spread=spread,
        aside=_inside_parentheses(text, match.start()),
    )


def _without_groups(digits: str, group: str | None, *, comma: bool) -> str:
    if group:
        digits = digits.replace(group, "")
    return digits.replace(",", ".") if comma else digits


def _inside_parentheses(text: str, position: int) -> bool:
    before = text[max(0, position - 200) : position]
    return before.rfind("(") > before.rfind(")") or before.rfind("[") > before.rfind("]")
