"""Which numbers of a sentence may be results, and why are the others none?

Every expression looks at a bounded stretch of text beside a number.
"""

from __future__ import annotations

import re
from typing import Literal, NamedTuple

from claims.drafts import Hedge
from claims.measure_words import METRIC, SETTING, SIZE
from claims.paper import Quantity, Unit
from claims.quantities import CommaStyle, quantities_at

__all__ = [
    "METRIC",
    "SETTING",
    "Numeral",
    "counted",
    "metric_beside",
    "numerals_in",
    "reference_spans",
]

Role = Literal["amount", "setting", "cells", "none"]

_METRIC = re.compile(rf"(?<![\w@-]){METRIC}(?!\w)", re.IGNORECASE)
_BETWEEN = r"(?:(?!(?:on|in|of|for|over|and|or|with|than|to|from|by|the|are|is)\b)[\w/-]+ ){0,4}?"
_LEADS_SIZE = re.compile(rf"[\s-]?{_BETWEEN}{SIZE}\b", re.IGNORECASE)
_LEADS_SETTING = re.compile(rf"[\s-]?{_BETWEEN}(?P<noun>{SETTING})\b", re.IGNORECASE)
_SHARE_OF_DATA = re.compile(
    r"\s?of (?:the |all |its |our )?(?:[\w-]+ ){0,2}(?:data|labels?|examples|parameters|weights|"
    r"samples|training|"
    r"annotations|images|tokens)\b",
    re.IGNORECASE,
)
_TIME = re.compile(
    r"[\s-]?(?:(?:GPU|TPU|CPU|A100|V100)[- ]?)?(?:hours?|days?|minutes?|seconds?|weeks?|months?|"
    r"years?|hrs?|ms|GB|MB|"
    r"TB|GiB|MiB|k?Hz|MHz|GHz|kWh|USD|dollars|euros|[TG]?FLOPs|fps|GPUs?|TPUs?|CPUs?|cores|nodes)\b"
)
_TIMED = re.compile(r"latency|runtime|(?:inference|training) time|throughput|memory", re.IGNORECASE)
_REFERENCE = re.compile(
    r"(?:\b(?:sections?|secs?\.|tables?|tabs?\.|figures?|figs?\.|equations?|eqs?\.|appendix|"
    r"appendices|chapters?|"
    r"algorithms?|theorems?|lemmas?|propositions?|footnotes?|lines?|pages?|parts?)|§)\s*\(?"
    r"(?:[A-Z]?\d[\d.]*[a-z]?(?:\s?[,–-]\s?|,?\sand\s|\sto\s))*[A-Z]?\.?$",
    re.IGNORECASE,
)
_MONTH = (
    r"(?:January|February|March|April|May|June|July|August|September|October|November|December|"
    r"Jan\.|Feb\.|Mar\.|Apr\.|Aug\.|Sept?\.|Oct\.|Nov\.|Dec\.)"
)
_BEFORE_DAY = re.compile(rf"{_MONTH}\s$")
_AFTER_DAY = re.compile(rf"\s{_MONTH}")
_YEAR = re.compile(r"(?:19|20)\d\d")
_VERSION = re.compile(r"\b(?:v|ver\.|version|release)\s?$", re.IGNORECASE)
_NAME_BEFORE = re.compile(r"(?P<name>[A-Z][\w+-]*)\s$")
_STATISTIC = re.compile(
    r"\b[pP]\s?(?:[<>=≤≥]|of)\s?$|\b(?:alpha|α|κ|χ2|[tzFr])\s?[=≤<]\s?$|\bCIs?[:,]?\s?[\[(]?$"
)
_LEVEL = re.compile(r"\s?(?:confidence|credible|CIs?\b|significance)")
_SET_TO = re.compile(
    r"\b(?:batch size|learning rate|beam (?:size|width)|dropout|temperature|threshold|"
    r"weight decay|lr|layer|seed|"
    r"epoch|warm-?up|k|n|α|β|λ|γ|ε|τ)\s?(?:of|=|is|:|was|set to|to|at)?\s?$",
    re.IGNORECASE,
)
_INSIDE = re.compile(r"\([^()]{0,200}\)|\[[^\[\]]{0,200}\]")
_CITED = re.compile(
    r"\bet al\b|[A-Z][\w'-]+(?: and [A-Z][\w'-]+| & [A-Z][\w'-]+)?,? (?:19|20)\d\d[a-z]?\b"
)
_NUMBERED = re.compile(r"\[\s?\d{1,3}(?:\s?[,–-]\s?\d{1,3}){0,20}\s?\]")
_KEYS = re.compile(r"\[[^\[\]\s]*[A-Za-z_][^\[\]]*\]")
_LONE_YEAR = re.compile(r"et al\.?,? \(?(?:19|20)\d\d[a-z]?\)?")
_WORD = re.compile(
    r"(?<![\w-])(?P<word>two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|fifteen|"
    r"twenty|thirty|forty|"
    r"fifty|twice|tripl(?:es?|ed|ing)|doubl(?:es?|ed|ing))(?P<times>(?:-fold| times))?(?![\w-])",
    re.IGNORECASE,
)
_WORDS = {
    "two": 2,
    "three": 3,
    "four": 4,
    "five": 5,
    "six": 6,
    "seven": 7,
    "eight": 8,
    "nine": 9,
    "ten": 10,
    "eleven": 11,
    "twelve": 12,
    "fifteen": 15,
    "twenty": 20,
    "thirty": 30,
    "forty": 40,
    "fifty": 50,
    "twice": 2,
}
_FACTOR_WORDS = ("twice", "tripl", "doubl")
_POINTS = re.compile(
    r"[-\s]?(?:absolute |percentage |%[- ]|F1 |BLEU |accuracy |WER )?(?:percentage )?(?:points?|"
    r"pts?|pp)\b(?:,? absolute\b)?"
    r"|\s?% absolute\b|\s?percent absolute\b",
    re.IGNORECASE,
)
_PERCENT = re.compile(r"\s?(?:percent|per cent)\b(?! ?points?)|%", re.IGNORECASE)
_FOLD = re.compile(
    r"-?fold\b|\s(?:times|x|×)(?=\s(?:as|more|less|fewer|faster|slower|higher|lower|better|"
    r"larger|smaller|earlier|"
    r"greater|worse|the))",
    re.IGNORECASE,
)
_HEDGES: tuple[tuple[Hedge, re.Pattern[str]], ...] = (
    (
        "up_to",
        re.compile(
            r"\b(?:up to|as (?:much|many|high) as|at most|a maximum of)\s(?:an? )?$",
            re.IGNORECASE,
        ),
    ),
    (
        "more_than",
        re.compile(
            r"(?:\b(?:more than|at least|over|above|exceeding|upwards of)\s|[>≥]\s?)$",
            re.IGNORECASE,
        ),
    ),
    (
        "less_than",
        re.compile(
            r"(?:\b(?:less than|under|below|fewer than)\s|[<≤]\s?)$",
            re.IGNORECASE,
        ),
    ),
    (
        "about",
        re.compile(
            r"(?:\b(?:about|around|roughly|approximately|approx\.|nearly|almost|some|circa|ca\.)\s|"
            r"[~≈∼]\s?)$",
            re.IGNORECASE,
        ),
    ),
)
_TO = re.compile(r"\s?(?:%|percent|points?|pp)?\s?(?:to|and|through)\s$")
_RANGE = re.compile(r"\b(?:between|ranging from|ranges? from|range of|vary from|varies from)\s$")
_OUT_OF = re.compile(r"\s(?:out )?of (?:the |our |all )?$")


class Numeral(NamedTuple):
    """One number of a sentence and what it may be."""

    quantity: Quantity
    start: int
    end: int
    role: Role
    reason: str
    """Why it is no amount; empty for one."""
    hedge: Hedge = "none"


def numerals_in(text: str, style: CommaStyle) -> tuple[Numeral, ...]:
    """Return the numbers of a sentence in their order, each with its role."""
    cited = reference_spans(text)
    statistics = [
        m.span() for m in _INSIDE.finditer(text) if re.search(r"\bCIs?\b|\bp\s?[<>=≤≥]", m[0])
    ]
    found: list[Numeral] = []
    for quantity, start, end in _all(text, style):
        if _is_inside(start, cited):
            role, reason = "none", "citation"
        elif _is_inside(start, statistics):
            role, reason = "none", "test statistic or level"
        else:
            role, reason = _role(text, start, end, quantity)
        hedge = _hedge(text, start) if role == "amount" else "none"
        found.append(Numeral(quantity, start, end, role, reason, hedge))  # type: ignore[arg-type]
    return _ranges(_cells(_same_citation(found, cited), text), text)


def counted(text: str, start: int, end: int) -> str:
    """Return a setting as printed with what it sets or counts, such as `9 target tasks`."""
    before = _SET_TO.search(text[max(0, start - 40) : start])
    if before is not None:
        return f"{before[0]}{text[start:end]}".strip()
    after = _LEADS_SETTING.match(text, end)
    return f"{text[start:end]}{after[0] if after else ''}".strip()


def reference_spans(text: str) -> list[tuple[int, int]]:
    """Return where a sentence cites, brackets included."""
    spans = [
        m.span()
        for m in _INSIDE.finditer(text)
        if _CITED.search(m[0])
        or _NUMBERED.fullmatch(m[0])
        or (m[0][0] == "[" and _KEYS.fullmatch(m[0]))
    ]
    return spans + [m.span() for m in _LONE_YEAR.finditer(text)]


def metric_beside(text: str, start: int, end: int) -> str:
    """Return the measure named nearest to a number of a clause, words after it first; or nothing."""
    after = _METRIC.match(text, min(len(text), end + 1)) or _METRIC.match(text, end)
    if after is not None:
        return after[0]
    before = [m[0] for m in _METRIC.finditer(text, max(0, start - 200), start)]
    if before:
        return before[-1]
    later = _METRIC.search(text, end, end + 80)
    return later[0] if later else ""


def _all(text: str, style: CommaStyle) -> list[tuple[Quantity, int, int]]:
    found = [_with_unit(text, *placed) for placed in quantities_at(text, style)]
    taken = [(start, end) for _, start, end in found]
    for match in _WORD.finditer(text):
        word = match["word"].lower()
        factor = word.startswith(_FACTOR_WORDS) or match["times"] is not None
        value = _WORDS.get(word, 3 if word.startswith("tripl") else 2)
        if not any(start < match.end() and match.start() < end for start, end in taken):
            unit: Unit = "times" if factor else "none"
            found.append((Quantity(raw=match[0], value=value, unit=unit), *match.span()))
    return sorted(found, key=lambda f: f[1])


def _with_unit(text: str, quantity: Quantity, start: int, end: int) -> tuple[Quantity, int, int]:
    """Return a number with the unit that words after it state."""
    digits_end = end
    if quantity.unit == "percent" and text[:end].endswith("%"):
        digits_end = end - 1
    unit: Unit = quantity.unit
    for name, pattern in (("points", _POINTS), ("percent", _PERCENT), ("times", _FOLD)):
        match = pattern.match(text, digits_end)
        if match is not None and unit in ("none", "percent", name):
            unit, end = name, max(end, match.end())  # type: ignore[assignment]
            break
    if unit == "times" and re.match(r"\s?\d", text[end : end + 3]):
        unit = "none"  # 3 x 3 is a size
    if unit == "none" and text[max(0, start - 11) : start].endswith("factor of "):
        unit = "times"
    if not quantity.signed and text[start] in "-–−":
        start += 1  # the dash of a range
    raw = text[start:end].strip()[:200]
    return quantity.model_copy(update={"unit": unit, "raw": raw}), start, end


def _role(text: str, start: int, end: int, quantity: Quantity) -> tuple[str, str]:
    before, after = text[max(0, start - 80) : start], text[end : end + 80]
    percent_or_points = quantity.unit in ("percent", "points")
    whole = quantity.decimals == 0 and quantity.unit == "none" and quantity.scale == 1
    for reason, holds in (
        ("reference to a part of the paper", quantity.unit == "none" and _REFERENCE.search(before)),
        ("part of a name or version", _is_name(text, start, end, quantity, before, after)),
        ("year or date", whole and _is_date(text, start, end, before, after)),
        (
            "test statistic or level",
            _STATISTIC.search(before) or (quantity.unit == "percent" and _LEVEL.match(after)),
        ),
        ("time, cost or hardware", re.search(r"[$€£]\s?$", before)),
        (
            "marker of a list",
            whole and before.endswith("(") and after.startswith(")") and not quantity.signed,
        ),
        ("setting", _SET_TO.search(before)),
        (
            "size of data or of a model",
            _LEADS_SIZE.match(after)
            and quantity.unit != "points"
            and not (percent_or_points and not after.startswith(" of")),
        ),
        ("size of data or of a model", quantity.scale != 1 and not percent_or_points),
        ("size of data or of a model", quantity.unit == "percent" and _SHARE_OF_DATA.match(after)),
        (
            "time, cost or hardware",
            not percent_or_points and _TIME.match(after) and not _TIMED.search(text),
        ),
    ):
        if holds:
            return ("setting" if reason == "setting" else "none"), reason
    counted = _LEADS_SETTING.match(after)
    if counted and whole:
        return "setting", "count of what was used or compared"
    if whole and not quantity.raw.lstrip("+-−–").strip()[:1].isdigit():
        return "none", "word for a number without a unit"
    return "amount", ""


def _is_name(text: str, start: int, end: int, quantity: Quantity, before: str, after: str) -> bool:
    left = before.rsplit(" ", 1)[-1]
    token = left + text[start:end] + after.split(" ", 1)[0]
    hyphened = re.match(r"-(?!point|fold)[A-Za-z]", after) and quantity.unit == "none"
    if (
        re.search(r"https?:|www\.|arxiv|doi|://", token, re.IGNORECASE)
        or before.endswith(("@", "top-", "_", "^"))
        or re.search(r"[A-Za-z]/$", before)
        or re.match(r"(?:st|nd|rd|th)\b", after)
        or _VERSION.search(before)
        or hyphened
    ):
        return True
    name = _NAME_BEFORE.search(before)
    if (
        name is None
        or quantity.unit != "none"
        or quantity.signed
        or _METRIC.fullmatch(name["name"])
    ):
        return False
    if _METRIC.match(after.lstrip()) or _LEADS_SIZE.match(after) or _BEFORE_DAY.search(before):
        return False
    first = start - len(before) + name.start() == 0 if start > 80 else name.start() == 0
    return not first and "(" not in text[max(0, start - len(name["name"]) - 2) : start]


def _is_date(text: str, start: int, end: int, before: str, after: str) -> bool:
    if _BEFORE_DAY.search(before) or _AFTER_DAY.match(after):
        return True
    if _YEAR.fullmatch(text[start:end].lstrip("-–−")) is None or _LEADS_SIZE.match(after):
        return False
    return _LEADS_SETTING.match(after) is None


def _hedge(text: str, start: int) -> Hedge:
    before = text[max(0, start - 30) : start]
    return next((name for name, pattern in _HEDGES if pattern.search(before)), "none")


def _is_inside(place: int, spans: list[tuple[int, int]]) -> bool:
    return any(low <= place < high for low, high in spans)


def _same_citation(found: list[Numeral], cited: list[tuple[int, int]]) -> list[Numeral]:
    """Count a citation once, however many numbers it holds."""
    kept, seen = [], set()
    for numeral in found:
        span = next((s for s in cited if s[0] <= numeral.start < s[1]), None)
        if span is None or span not in seen:
            kept.append(numeral)
        if span is not None:
            seen.add(span)
    return kept


def _cells(found: list[Numeral], text: str) -> list[Numeral]:
    """Mark the 7 in `7 of 9 languages`."""
    for i in range(len(found) - 1):
        one, other = found[i], found[i + 1]
        if (
            other.role == "setting"
            and one.role in ("amount", "none")
            and _OUT_OF.fullmatch(text, one.end, other.start)
        ):
            found[i] = one._replace(role="cells", reason="count of what was used or compared")
    return found


def _ranges(found: list[Numeral], text: str) -> tuple[Numeral, ...]:
    """Mark both ends of `0.3 to 2.8 points` where words or a dash make it a range."""
    for i in range(len(found) - 1):
        one, other = found[i], found[i + 1]
        if not one.role == other.role == "amount":
            continue
        ranged = _RANGE.search(text[max(0, one.start - 30) : one.start])
        gap = text[one.end : other.start]
        dash = gap in ("-", "–")
        plain = gap.strip() == "to" and not re.search(
            r"\bfrom\s(?:[\d.,]+%?\s?/\s?)?$", text[: one.start][-24:]
        )
        if (ranged and _TO.fullmatch(gap)) or dash or plain:
            unit = one.quantity.unit if one.quantity.unit != "none" else other.quantity.unit
            found[i] = one._replace(
                hedge="from", quantity=one.quantity.model_copy(update={"unit": unit})
            )
            found[i + 1] = other._replace(hedge="to")
    return tuple(found)
