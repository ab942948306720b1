"""Which parts of a sentence say one thing each, and what does each part say of whom?

English only. Every expression is linear in the sentence, whose length the caller bounds.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from claims.measure_words import METRIC
from claims.numerals import reference_spans

__all__ = [
    "CHANGE",
    "PHRASE",
    "Clause",
    "Parts",
    "clauses_of",
    "condition_end",
    "goes_on",
    "listed",
    "main_verb",
    "parts_of",
    "quiet",
    "without_article",
]

_UP_ING = (
    r"(?:improving|outperforming|surpassing|exceeding|beating|increasing|raising|reducing|"
    r"lowering|decreasing|setting|"
    r"achieving|yielding|reaching|obtaining|establishing|gaining|leading to|resulting in|"
    r"cutting|closing)"
)
CHANGE = (
    r"(?:improvements?|gains?|increases?|reductions?|drops?|decreases?|losses|advantage|"
    r"benefits?|boosts?|speed-?ups?)"
)
"""Nouns for a difference."""
_FINITE = (
    r"(?:improves?|improved|increases?|increased|raises?|raised|boosts?|boosted|outperforms?|"
    r"outperformed|surpass(?:es|ed)?|"
    r"exceeds?|exceeded|beats?|reduces?|reduced|decreases?|decreased|lowers|lowered|drops?|"
    r"dropped|degrades?|degraded|"
    r"hurts?|harms?|harmed|loses?|lost|falls?|fell|gains?|gained|achieves?|achieved|obtains?|"
    r"obtained|reach(?:es|ed)?|"
    r"attains?|attained|yields?|yielded|gives?|gave|offers?|offered|provides?|provided|brings?|"
    r"brought|leads? to|led to|"
    r"results? in|resulted in|shows?|showed|sees?|saw|performs?|performed|sets?(?=\s(?:an?|the|"
    r"new)\b)|scores|scored|benefits?|benefited|helps?|"
    r"helped|matches|matched|cuts?|rises?|rose|delivers?|delivered|establish(?:es|ed)?|"
    r"enhances?|enhanced|runs|ran|takes?|"
    r"took|uses|used|ranks?|ranked|makes?|made|works?|worked|declines?|declined|doubles?|"
    r"doubled|halves|halved|triples?|"
    r"tripled|came|comes|needs?|needed|costs?|detect(?:s|ed)|fails?|failed|remains?|remained|"
    r"enables?|advances?|advanced)"
)
_AUXILIARY = (
    r"(?:is|are|was|were|has|have|had|does|do|did|can|could|cannot|will|would|may|might|should|"
    r"must)"
)
_VERB = re.compile(rf"(?<![\w-])(?:{_AUXILIARY}|{_FINITE})(?![\w-])")
_SPLIT = re.compile(
    r"(?:"
    r";\s+|,\s+followed by\s+|,?\s+(?:while|whereas|but|although|though|yet|however),?\s+"
    rf"|,\s+(?:and\s+)?(?=(?:(?:thereby|thus|further|even|also|consistently|"
    rf"significantly)\s+)?{_UP_ING}\b)"
    rf"|,\s+(?:and\s+)?(?=with (?:an? |the )?(?:[\w-]+ ){{0,3}}(?:{CHANGE}|accuracy|score)\b)"
    rf"|,\s+(?:and\s+)?(?=(?:an?|for an?) (?:[\w-]+ ){{0,3}}{CHANGE}\b)"
    rf"|,?\s+and\s+(?=(?:(?:also|further|even|consistently|significantly|"
    rf"substantially)\s+)?{_FINITE}\b)"
    rf"|\s+and\s+(?=(?:[\w-]+\s){{0,2}}{CHANGE}\s+(?:on|in|for|of)\b)"
    r"|,\s+(?:and\s+)?(?=(?:we|it|they|this|these)\s+(?!\w+ing)\w+)"
    r"|,\s+and\s+(?=(?:our|the|a|an)\s)"
    r"|:\s+"
    r")"
)
_OPENING = re.compile(r"^(?:While|Although|Though|Whereas)\s")
_LEAD = re.compile(
    r"^(?:(?:finally|moreover|furthermore|further|in particular|overall|specifically|notably|"
    r"additionally|also|thus|hence|"
    r"therefore|importantly|surprisingly|interestingly|empirically|in addition|for example|"
    r"for instance|as a result|"
    r"in summary|to summarize|in conclusion|together|first|second|third|then|here|in contrast|"
    r"by contrast|however|"
    r"on average|e\.g\.|i\.e\.),?\s+){1,3}",
    re.IGNORECASE,
)
_THAT = re.compile(
    r"^(?:we|our (?:\w+ ){0,2}(?:results|experiments|findings|analys[ei]s|evaluation|study)|"
    r"the results|results|"
    r"(?:extensive )?experiments(?: (?:on|with|across) [^,]{1,80}?)?|this (?:paper|work)|it is|"
    r"(?:tables?|figures?|sections?|fig\.) [\w.]+)\s+(?:also\s+|further\s+)?"
    r"(?:show|find|found|demonstrate|observe|see|note|report|indicate|suggest|reveal|confirm|"
    r"conclude|shown|prove)"
    r"(?:s|d|ed)?\s+(?:empirically\s+)?that\s+",
    re.IGNORECASE,
)
_WITH = re.compile(
    r"^(?P<word>Using|With|Without|By|Through|Via|"
    r"(?:[A-Z][a-z]+ing))\s(?P<rest>[^,]{1,240}),\s+(?=\S)"
)
_WHERE = re.compile(
    r"^(?:On|In|For|Across|Over|At|Among)\s(?P<rest>(?:[^,]|"
    r",(?=\d)){1,160}?(?:,\s[^,]{1,40}){0,8}?(?:,?\sand\s[^,]{1,60})?)"
    r"(?:,\s+(?=(?:we|our|the|it|they|this|[A-Z][\w/-]+|accuracy|performance|scores?)\s(?!and\b))|"
    r"\s+(?=(?:we|it|they)\s))"
)
_DESPITE = re.compile(r"^(?:Despite|Even with|Given)\s(?:[^,]|,(?=\d)){1,200},\s+")
_COMPARED = re.compile(
    r"^(?:Compared (?:to|with)|Relative to|In comparison (?:to|with)|"
    r"Unlike)\s(?P<phrase>[^,]{1,120}),\s+"
)
_CONDITION = re.compile(
    r"^(?:Despite|Even with|Given|With|Without|Using|After|When|By|At|Among|For|Compared (?:to|"
    r"with))\s"
    r"(?:[^,]|,(?=\d)){1,200},\s+(?=\S)"
)
_STRIPPED = frozenset({"Using", "With", "By", "Through", "Via"})
_PRONOUN = re.compile(r"(?:we|it|they|this|these|that|those|which|he|she|there|i)\b", re.IGNORECASE)
_STOP = (
    r"(?=\s*(?:(?<![\w-])(?:on|in|for|across|by|with|when|while|at|over|than|against|from|to|as|"
    r"without|"
    r"under|using|which|that|"
    r"where|whereas|but|respectively|independently|during|after|before|compared|relative|is|are|"
    r"was|were|averaged)(?![\w-])|"
    r"\band\s+(?:by\s+)?[+-]?\d|\band\s+(?:is|are|[\w-]+s\s+by)\b|[,;:()\[]|[.!?]?\s*$))"
)
PHRASE = rf"(?P<phrase>\S.{{0,120}}?){_STOP}"
"""A noun phrase, up to the next preposition, mark or verb."""
_CONTROL = re.compile(
    r"\b(?:over|than|compared (?:to|with)|relative to|against|versus|vs\.?|instead of|"
    r"as opposed to|above|below|comparable (?:to|with)|on par with)\s+"
    r"(?!\d|(?:all|at|on|in|for|by|to)\b|(?:two|three|four|five|six|seven|eight|nine|ten)\b|"
    r"time\b)(?:when\s+|(?:that|"
    r"those) of\s+|with\s+)?" + PHRASE
)
_BEATEN = re.compile(
    rf"\b(?:outperform|surpass|exceed|beat|match)(?:s|es|ed|ing)?\s+(?!by\b|\d){PHRASE}",
    re.IGNORECASE,
)
_SCOPE = re.compile(
    r"\b(?:on|across|in|for)\s+(?!average\b|particular\b|terms\b|total\b|par\b|top\b|example\b|"
    r"instance\b|each\b|addition\b|"
    r"an?\b|contrast\b|(?:accuracy|F1|performance|quality)\b|(?:[\w-]+ ){0,3}training\b|all:)"
    + PHRASE
)
_AVERAGE_OVER = re.compile(
    rf"\b(?:averag\w*|mean|median)\s+(?:over|across|of)\s+(?!\d+\.\d){PHRASE}", re.IGNORECASE
)
_OBJECT = re.compile(
    r"\b(?:(?:improv|increas|rais|enhanc|reduc|decreas|advanc|degrad)(?:e|es|ed|ing)|(?:boost|"
    r"lower|hurt|harm)(?:s|ed|ing)?|"
    r"cuts?|cutting)\s+(?!by\b|from\b|to\b|on\b|over\b|of\b)"
    r"(?P<phrase>\S.{0,120}?)(?=\s+(?:by|from|to|on|over|across|in|for)\b|\s?[,;(]|[.!?]?\s*$)",
    re.IGNORECASE,
)
_RIVAL = re.compile(
    r"state[- ]of[- ]the[- ]art|SOTA|baselines?\b|previous best|prior (?:work|best)", re.IGNORECASE
)
_MEASURED = re.compile(
    rf"(?:(?:the|our|its|overall|average|mean|"
    rf"an?)\s+){{0,2}}(?:(?P<name>(?-i:\w*[A-Z]\w*[A-Z0-9-][\w-]*))\s)?"
    rf"(?:{METRIC}(?:/{METRIC})?|performance|scores?|results?|F1 scores?)(?:\s(?:on|in|"
    rf"for)\s(?:the\s)?(?P<on>.{{1,80}})|\sof\s(?P<of>.{{1,80}}))?",
    re.IGNORECASE,
)
_NO_SUBJECT = re.compile(
    rf"(?:(?:the|its|their|our|all|both|most|average|mean|overall|an?|these|"
    rf"such)\s+){{0,3}}(?:{METRIC}|"
    rf"{CHANGE}|results?|scores?|performance)|"
    rf"the|a|an|(?:with|for)\s.*|no\s.*|an?\s(?:[\w-]+ ){{0,3}}{CHANGE}.*",
    re.IGNORECASE,
)
_GOES_ON = re.compile(
    rf"(?:(?:thereby|thus|further|even|also|consistently|significantly|substantially)\s+)?"
    rf"(?:{_UP_ING}\b|(?!{CHANGE}\s(?:range|vary|are|were|of|from)\b){_FINITE}(?![\w-])|"
    rf"with (?:an?|the)\b|(?:for )?an?\s(?:[\w-]+ ){{0,3}}{CHANGE}\b|"
    rf"(?:[\w-]+\s){{0,2}}{CHANGE}\s(?:on|in|for|of)\b)"
)
_FROM = re.compile(rf"\b{CHANGE}\s+(?:from|with|through|via|due to|by)\s+(?!\d){PHRASE}")
_SPLITS = (
    ("validation", re.compile(r"\b(?:dev(?:elopment)?|validation)\b", re.IGNORECASE)),
    ("test", re.compile(r"\b(?:test(?!ing\b)|held-out)\b", re.IGNORECASE)),
    ("train", re.compile(r"\btrain(?:ing)? (?:set|split|data)\b", re.IGNORECASE)),
)
_ONLY_SPLIT = re.compile(
    r"(?:the\s+)?(?:official\s+)?(?:dev(?:elopment)?|validation|test|held-out)(?:[ -](?:set|"
    r"split|data)s?)?",
    re.IGNORECASE,
)
_STATISTIC = re.compile(r"\b(?P<word>(?:macro|micro)?-?averag|mean|median)\w*", re.IGNORECASE)
_STOP_SUBJECT = re.compile(r"\b(?:training|model|method|approach)\b", re.IGNORECASE)
_AUX_TAIL = re.compile(
    r"\s+(?:consistently|significantly|substantially|also|further|only|even|often|always|not|"
    r"still|thus|clearly|"
    r"slightly|greatly|strongly|alone)$|[,\s]+$",
    re.IGNORECASE,
)
_ARTICLE = re.compile(r"^(?:the|a|an|all the)\s+", re.IGNORECASE)
_CAPITALISED = (
    r"(?!(?:On|In|For|Across|Over|The|Our|We|With|Using|By|At|And|Both|"
    r"From)\b)(?:[A-Z][\w.+/-]*|\w*[A-Z][\w+/-]*|\d[\w.+/-]*[A-Za-z][\w+/-]*)"
)
_NAME = rf"{_CAPITALISED}(?: {_CAPITALISED}){{0,3}}"
_NAMES = re.compile(rf"(?<![\w-]){_NAME}(?:, {_NAME}){{0,30}},? (?:and|or|&) {_NAME}")
_ITEM = r"[\w.+/-]+(?: (?!and\b|or\b|we\b|by\b)[\w.+/-]+){0,3}"
_ITEMS = re.compile(
    rf"\b(?:on|for|in|across|of|over|"
    rf"with)\s+(?:the\s+)?(?P<list>{_ITEM}(?:, {_ITEM}){{0,30}},? (?:and|or) {_ITEM}?)"
    rf"(?:{_STOP}|(?=\s(?:we|our|it|they)\b))",
    re.IGNORECASE,
)
_COMMA = re.compile(r",? (?:and|or|&) |, ")


class Clause(NamedTuple):
    """A part of a sentence, at its place in it."""

    text: str
    start: int


class Parts(NamedTuple):
    """What a clause says of whom, in its own words; empty where it does not say."""

    treatment: str = ""
    control: str = ""
    scope: str = ""
    split: str = ""
    statistic: str = ""
    object: str = ""
    """What is raised or lowered."""


def clauses_of(sentence: str) -> list[Clause]:
    """Return the parts of a sentence that may each hold a claim of their own, at most 40."""
    inside = _parentheses(sentence)
    starts, begin = [], 0
    if _OPENING.match(sentence) and (comma := sentence.find(", ")) > 0:
        starts.append((sentence.find(" ") + 1, comma))
        begin = comma + 2
    for match in _SPLIT.finditer(sentence, begin):
        head = sentence[begin : match.start()]
        adverbial = match[0].strip() == "," and (
            _WITH.match(head + ", x") or _WHERE.match(head + ", we x")
        )
        if (adverbial and _VERB.search(head) is None) or any(
            a < match.start() < b for a, b in inside
        ):
            continue
        starts.append((begin, match.start()))
        begin = match.end()
        if len(starts) >= 39:
            break
    starts.append((begin, len(sentence)))
    return [Clause(sentence[a:b], a) for a, b in starts if sentence[a:b].strip()]


def parts_of(text: str) -> Parts:
    """Return what a clause says of whom.

    Args:
        text: the clause without citations, as `quiet` returns it.
    """
    opened = _THAT.sub("", _LEAD.sub("", text))
    lead, scope, text = _opening(opened)
    verb = _VERB.search(text)
    subject = _trimmed(text[: verb.start()]) if verb else ""
    rest = text[verb.start() :] if verb else text
    measured = _MEASURED.fullmatch(subject)
    if measured is not None:  # accuracy on XNLI, or XNLI accuracy, is no treatment
        scope, subject = scope or measured["on"] or measured["name"] or "", measured["of"] or ""
    if not subject or _PRONOUN.match(subject) or _NO_SUBJECT.fullmatch(subject):
        subject = lead
    source = _FROM.search(rest)
    if source is not None and (not subject or _STOP_SUBJECT.search(subject) is None):
        scope = scope or subject if subject != lead else scope
        subject = source["phrase"]
    average = _AVERAGE_OVER.search(rest)
    rivals = [m for m in _CONTROL.finditer(rest) if average is None or not _meet(m, average)]
    control = _BEATEN.search(rest) or next(iter(rivals), None) or _COMPARED.match(opened)
    found = [m["phrase"] for m in _SCOPE.finditer(rest)]
    scopes = [s for s in found if not _ONLY_SPLIT.fullmatch(s)]
    scope = scope or (average["phrase"] if average else "") or (scopes[0] if scopes else "")
    scope = "" if re.fullmatch(METRIC, scope.strip(), re.IGNORECASE) else scope
    thing = _OBJECT.search(rest)
    what = thing["phrase"] if thing else ""
    rival = _RIVAL.search(what) is not None and control is None
    wordings = " ".join((*found, scope))
    split = next((name for name, pattern in _SPLITS if pattern.search(wordings)), "")
    statistic = _STATISTIC.search(text)
    return Parts(
        without_article(subject),
        without_article(control["phrase"] if control else what if rival else ""),
        without_article(scope),
        split,
        "" if statistic is None else "median" if "edian" in statistic[0] else "average",
        "" if rival else without_article(what),
    )


def _opening(text: str) -> tuple[str, str, str]:
    """Return the treatment and the scope that stand before the subject of a clause, and the rest."""
    if (match := _DESPITE.match(text)) is not None:
        text = text[match.end() :]
    if (match := _COMPARED.match(text)) is not None:
        text = text[match.end() :]
    if (match := _WITH.match(text)) is not None:
        word, after = match["word"], text[match.end() :]
        lead = match["rest"] if word in _STRIPPED else match[0].rstrip(", ")
        if _PRONOUN.match(after) or word in ("With", "By", "Without"):
            return lead, "", _THAT.sub("", after)
        return "", "", _THAT.sub("", text)
    if (match := _WHERE.match(text)) is not None:
        scope = "" if re.match(r"an?\s|this\s", match["rest"]) else match["rest"]
        return "", scope, _THAT.sub("", text[match.end() :])
    return "", "", text


def condition_end(text: str) -> int:
    """Return where the condition ends with which a clause opens; its numbers are no results."""
    match = _CONDITION.match(text)
    return match.end() if match else 0


def main_verb(text: str) -> int:
    """Return where the verb of a clause begins; 0 where none was recognised."""
    verb = _VERB.search(text)
    return verb.start() if verb else 0


def _meet(one: re.Match[str], other: re.Match[str]) -> bool:
    return one.start() < other.end() and other.start() < one.end()


def goes_on(text: str) -> bool:
    """Return whether a clause has no subject of its own, but goes on with that of the one before."""
    return _GOES_ON.match(text) is not None


def listed(text: str, number: int) -> tuple[tuple[int, int], list[str]] | None:
    """Return the one list of so many things in a text, with its place; None where there is none."""
    for match in [*_NAMES.finditer(text), *_ITEMS.finditer(text)]:
        whole = match.groupdict().get("list") or match[0]
        items = [item.strip() for item in _COMMA.split(whole)]
        if len(items) == number and all(items):
            start = match.start("list") if "list" in match.groupdict() else match.start()
            return (start, start + len(whole)), items
    return None


def quiet(text: str) -> str:
    """Return a text in which blanks stand for citations, so that places stay the same."""
    for low, high in reference_spans(text):
        text = f"{text[:low]}{' ' * (high - low)}{text[high:]}"
    return text


def without_article(text: str) -> str:
    """Return words without an article before and blanks around them."""
    return _ARTICLE.sub("", " ".join(text.split()).strip(" ,.;:"))[:400]


def _trimmed(text: str) -> str:
    for _ in range(5):
        text = _AUX_TAIL.sub("", text)
    return text.strip()


def _parentheses(text: str) -> list[tuple[int, int]]:
    spans, opened = [], []
    for i, letter in enumerate(text):
        if letter == "(":
            opened.append(i)
        elif letter == ")" and opened:
            spans.append((opened.pop(), i))
    return spans
