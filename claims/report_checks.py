"""What is a synthesis report worth as a whole? One check each, of every report."""

from __future__ import annotations

import difflib
import re
from collections import Counter
from datetime import datetime

from claims.prose import names, sentences, terms
from claims.review_records import Case, Finding, Judgement, Level, Rating, known
from claims.synthesis import Reference, Synthesis

__all__ = ["boilerplate", "counts", "data_sets", "method", "references"]

MAX_NAMES = 100
"""Most names of a report that are looked up."""

_ARXIV = re.compile(r"(?:arxiv\.org/(?:abs|pdf|html)/|arxiv:\s?)([^\s<>\])]{1,60})", re.IGNORECASE)
_NEW_ID = re.compile(r"(\d\d)(0[1-9]|1[0-2])\.(\d{4,5})(v[1-9]\d{0,2})?")
_OLD_ID = re.compile(r"[a-z-]{2,12}(?:\.[A-Z]{2})?/\d\d(?:0[1-9]|1[0-2])\d{3}(v[1-9]\d{0,2})?")
_DOI = re.compile(r"10\.\d{4,9}/[^\s<>]{1,200}")
_FIVE_DIGITS_SINCE = (15, 1)
_FIRST_NEW = (7, 4)
_COUNTED = {
    "papers": re.compile(r"(\d{1,6}) papers retrieved", re.IGNORECASE),
    "claims": re.compile(r"(\d{1,6}) claims extracted", re.IGNORECASE),
    "verified": re.compile(r"(\d{1,6}) (?:independently )?verified", re.IGNORECASE),
    "score": re.compile(r"score(?: of|:)? (\d{1,2}(?:\.\d{1,2})?)/10", re.IGNORECASE),
}
_CONCRETE = {
    "the search terms": re.compile(r"\b(?:search terms?|quer(?:y|ies)|keywords?)\b", re.IGNORECASE),
    "the date of the search": re.compile(
        r"\b(?:on|until|between|since|from) [\w ,]{0,24}\b20\d\d\b"
    ),
    "what was included and left out": re.compile(r"\b(?:inclu|exclu|eligib)\w*", re.IGNORECASE),
}
_METHOD = re.compile(r"method|procedure|approach|search", re.IGNORECASE)
_NUMBER = re.compile(r"\d+")


def counts(case: Case) -> Judgement:
    """Judge whether the report's own numbers about itself agree with what it shows."""
    findings, ratings = [], []
    for report in case.reports:
        told = [*_miscounted(report), *_surer(report)]
        findings += [_finding("counts", level, report, text) for level, text in told]
        findings += _repeated(case, report)
        errors = sum(level == "error" for level, _ in told)
        rating = max(1, 5 - 2 * errors - (len(told) - errors))
        ratings.append(_rating("counts", report, rating, f"{len(told)} disagreements"))
    return Judgement(tuple(findings), tuple(ratings))


def references(case: Case) -> Judgement:
    """Judge whether references can be resolved and are used; titles are not looked up."""
    findings, ratings = [], []
    listed = {r.name: Counter(_address(e)[0] for e in r.references) for r in case.reports}
    for report in case.reports:
        if not report.references:
            findings.append(_finding("references", "error", report, "no references are given"))
            ratings.append(_rating("references", report, 1, "none"))
            continue
        good, prose = 0, _prose(report)
        for entry in report.references:
            address, fault = _address(entry, report.date)
            if fault:
                text = f"'{entry.text[:120]}' (line {entry.line}) {fault}"
                findings.append(_finding("references", "error", report, text))
                continue
            good += address.casefold() in prose
        findings += _idle(case, report, listed)
        share = good / len(report.references)
        told = f"{good} of {len(report.references)} are used in the text"
        ratings.append(_rating("references", report, 1 + int(4 * share), told))
    return Judgement(tuple(findings), tuple(ratings))


def data_sets(case: Case) -> Judgement:
    """Judge whether the data sets and models that the report names are known to exist."""
    findings, ratings = [], []
    groups = known()["names"]
    real = {_key(n): n for group in groups.values() for n in group}
    absent = {_key(e["name"]): e["because"] for e in known()["not_found"]}
    for report in case.reports:
        worst = 5
        asked = names(f"{report.title} . {report.question}")
        stated = [n for c in report.claims for n in names(_uncut(c.text, cut=c.cut))]
        for name in list(dict.fromkeys([*asked, *stated]))[:MAX_NAMES]:
            key = _key(name)
            if key in absent:
                text = f"'{name}' seems not to exist: {absent[key]}"
                findings.append(_finding("data_sets", "error", report, text))
                worst = 1
            elif key not in real:
                near = difflib.get_close_matches(key, real, n=1, cutoff=0.7)
                hint = f" (near: {real[near[0]]})" if near else ""
                text = f"'{name}' is not among the {len(real)} names known offline{hint}"
                findings.append(_finding("data_sets", "warning", report, text))
                worst = min(worst, 3)
        ratings.append(_rating("data_sets", report, worst, "names in title, question and claims"))
    return Judgement(tuple(findings), tuple(ratings))


def boilerplate(case: Case) -> Judgement:
    """Judge how much of the report's prose was written for it."""
    findings, ratings = [], []
    stock = {_masked(s) for s in known()["boilerplate"]}
    masked = {
        r.name: [_masked(s) for part in r.sections for s in sentences(part.text)]
        for r in case.reports
    }
    often = Counter(s for own in masked.values() for s in set(own))
    for report in case.reports:
        own = masked[report.name]
        same = [s for s in own if s in stock or often[s] > 1]
        if same:
            text = (
                f"{len(same)} of the {len(own)} sentences of its sections are boilerplate, the same "
                "in other reports but for digits"
            )
            findings.append(_finding("boilerplate", "warning", report, text))
        share = 1 - len(same) / len(own) if own else 0.0
        told = f"{len(own) - len(same)} of {len(own)} sentences are its own"
        ratings.append(_rating("boilerplate", report, 1 + int(4 * share), told))
        findings += _copied(case, report)
    return Judgement(tuple(findings), tuple(ratings))


def method(case: Case) -> Judgement:
    """Judge whether the method is told so that someone could do it again."""
    findings, ratings = [], []
    for report in case.reports:
        text = "\n".join(s.text for s in report.sections if _METHOD.search(s.heading))
        databases = "|".join(re.escape(name) for name in known()["databases"])
        named = re.search(rf"\b(?:{databases})\b", text)
        missing = [] if named else ["which databases were searched"]
        missing += [what for what, pattern in _CONCRETE.items() if not pattern.search(text)]
        if missing:
            told = f"its method does not say {', '.join(missing)}"
            findings.append(_finding("method", "warning", report, told))
        told = f"{4 - len(missing)} of 4 things are told"
        ratings.append(_rating("method", report, 5 - len(missing), told))
    return Judgement(tuple(findings), tuple(ratings))


def _repeated(case: Case, report: Synthesis) -> list[Finding]:
    """Return a finding for each claim that the report lists more than once."""
    places = [[m.number for m in g.members if m.report == report.name] for g in case.matched]
    return [
        Finding(
            check="counts",
            level="warning",
            report=report.name,
            claims=tuple(numbers),
            text=f"one claim is listed {len(numbers)} times, and counted as often",
        )
        for numbers in places
        if len(numbers) > 1
    ]


def _miscounted(report: Synthesis) -> list[tuple[Level, str]]:
    told: list[tuple[Level, str]] = []
    ticked = sum(c.ticked is True for c in report.claims)
    shown = {"claims": (len(report.claims), "are listed"), "verified": (ticked, "are ticked")}
    for name, (number, verb) in shown.items():
        said = _counted(name, report)
        if said is not None and said != number:
            what = "claims extracted" if name == "claims" else "claims verified"
            told.append(("error", f"says {said:g} {what}, but {number} {verb}"))
    papers = _counted("papers", report)
    if papers is not None and papers != len(report.references):
        text = f"says {papers:g} papers retrieved, but lists {len(report.references)} references"
        told.append(("warning", text))
    return told


def _surer(report: Synthesis) -> list[tuple[Level, str]]:
    """Return a finding where the report's score is high and its claims' confidence low."""
    score = _counted("score", report)
    values = [c.confidence for c in report.claims if c.ticked and c.confidence is not None]
    if score is None or not values:
        return []
    mean = sum(values) / len(values)
    if score / 10 - mean < 0.5:
        return []
    text = f"scores itself {score:g}/10 where the mean confidence of its ticks is {mean:.2f}"
    return [("warning", text)]


def _counted(name: str, report: Synthesis) -> float | None:
    found = _COUNTED[name].search(report.own_text())
    return float(found[1]) if found else None


def _address(entry: Reference, date: str = "") -> tuple[str, str]:
    """Return a reference's identifier without version, and what is wrong with it."""
    text = entry.text.strip("<>")
    found = _ARXIV.search(text)
    if found:
        return _arxiv(found[1].rstrip(".,;").removesuffix(".pdf"), date)
    if doi := _DOI.search(text):
        return doi[0], ""
    if re.match(r"https?://[^\s/]+\.[a-z]{2,}(?:/\S*)?$", text):
        return text, ""
    if len(terms(text)) >= 3:
        return text, ""  # a title; whether it exists was not looked up
    return text, "is no identifier, address or title that could be resolved"


def _arxiv(name: str, date: str) -> tuple[str, str]:
    if _OLD_ID.fullmatch(name):
        return name.partition("v")[0] if "v" in name.rpartition("/")[2] else name, ""
    found = _NEW_ID.fullmatch(name)
    if not found:
        return name, "is no well-formed arXiv identifier"
    when = (int(found[1]), int(found[2]))
    digits = 5 if when >= _FIVE_DIGITS_SINCE else 4
    if when < _FIRST_NEW or len(found[3]) != digits or int(found[3]) == 0:
        return name, f"cannot be an arXiv identifier: {name[:4]} had other numbers"
    written = _date(date)
    if written and when > (written.year % 100, written.month):
        return name, f"is of 20{when[0]}-{when[1]:02d}, after the report's date, {date}"
    return name.partition("v")[0], ""


def _date(text: str) -> datetime | None:
    for form in ("%B %d, %Y", "%Y-%m-%d"):
        try:
            return datetime.strptime(text, form)  # noqa: DTZ007 - only year and month are read
        except ValueError:
            continue
    return None


def _prose(report: Synthesis) -> str:
    return f"{report.own_text()} {' '.join(c.text for c in report.claims)}".casefold()


def _idle(case: Case, report: Synthesis, listed: dict[str, Counter[str]]) -> list[Finding]:
    """Return what there is to say of references that nothing in the report refers to."""
    own, prose = listed[report.name], _prose(report)
    findings = []
    twice = [a for a, number in own.items() if number > 1]
    if twice:
        text = f"listed more than once: {', '.join(twice)}"
        findings.append(_finding("references", "warning", report, text))
    unused = [a for a in own if a.casefold() not in prose]
    if unused:
        text = f"{len(unused)} of {len(own)} references are used nowhere in the report"
        bare = [a for a in unused if _NEW_ID.fullmatch(a)]
        text += ", and none has a title" if len(bare) == len(own) else ""
        alone = [
            a for a in unused
            if sum(a in addresses for addresses in listed.values()) == 1
            and not any(a in paper.text for paper in case.papers)
        ]  # fmt: skip
        if alone and (len(case.reports) > 1 or case.papers):
            text += f"; in nothing else at hand: {', '.join(alone)}"
        findings.append(_finding("references", "warning", report, text))
    return findings


def _copied(case: Case, report: Synthesis) -> list[Finding]:
    """Return findings about what reports on different questions have in common."""
    findings = []
    others = [o for o in case.reports if o is not report and o.question != report.question]
    same = [o for o in others if o.abstract and o.abstract == report.abstract]
    if same:
        text = f"its abstract is that of {_others(len(same))} on another question"
        findings.append(_finding("boilerplate", "error", report, text))
    if report.abstract and not report.abstract.rstrip().endswith((".", "!", "?")):
        text = f"its abstract breaks off after {len(report.abstract)} characters"
        findings.append(_finding("boilerplate", "warning", report, text))
    groups = [{m.report for m in c.members} for c in case.matched]
    groups = [group for group in groups if report.name in group]
    shared = [o for o in others if all(o.name in group for group in groups)]
    if shared:
        text = f"all its claims stand in {_others(len(shared))} on another question"
        findings.append(_finding("boilerplate", "error", report, text))
    return findings


def _others(number: int) -> str:
    return "one other report" if number == 1 else f"{number} other reports, each"


def _uncut(text: str, *, cut: bool) -> str:
    return text.rpartition(" ")[0] if cut else text


def _masked(sentence: str) -> str:
    return _NUMBER.sub("0", " ".join(sentence.casefold().split()))


def _key(name: str) -> str:
    return re.sub(r"[\s_-]", "", name).casefold()


def _finding(check: str, level: Level, report: Synthesis, text: str) -> Finding:
    return Finding(check=check, level=level, report=report.name, text=text)


def _rating(rater: str, report: Synthesis, rating: int, because: str) -> Rating:
    return Rating(rater=rater, kind="check", report=report.name, rating=rating, because=because)
