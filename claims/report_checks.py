"""What is a synthesis report worth as a whole? One check each, of every report."""

from __future__ import annotations

import difflib
import re
from collections import Counter
from functools import lru_cache

from claims.prose import names, sentences
from claims.review_records import Case, Finding, Judgement, Level, Rating, known
from claims.sources import Source
from claims.synthesis import Synthesis

__all__ = ["boilerplate", "counts", "data_sets", "method"]

MAX_NAMES = 100
"""Most names of a report that are looked up."""

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
        findings += [*told, *_repeated(case, report)]
        errors = sum(f.level == "error" for f in told)
        rating = max(1, 5 - 2 * errors - (len(told) - errors))
        ratings.append(_rating("counts", report, rating, f"{len(told)} disagreements"))
    return Judgement(tuple(findings), tuple(ratings))


def data_sets(case: Case) -> Judgement:
    """Judge whether the data sets and models that the report names are known to exist.

    A name that is known to nobody at hand is unknown, and not said to be missing.
    """
    findings, ratings = [], []
    real = {_key(n): n for group in known()["names"].values() for n in group}
    absent = {_key(e["name"]): e["because"] for e in known()["not_found"]}
    in_papers = frozenset().union(*(_named_in(paper) for paper in case.papers))
    for report in case.reports:
        worst = 5
        asked = names(f"{report.title} . {report.question}")
        stated = [n for c in report.claims for n in names(_uncut(c.text, cut=c.cut))]
        for name in list(dict.fromkeys([*asked, *stated]))[:MAX_NAMES]:
            key = _key(name)
            if key in in_papers or key in real:
                continue
            if key in absent:
                findings.append(
                    _finding(
                        "data_sets", "error", report, f"'{name}' seems not to exist", absent[key]
                    )
                )
                worst = 1
            else:
                near = difflib.get_close_matches(key, real, n=1, cutoff=0.7)
                hint = f" (near: {real[near[0]]})" if near else ""
                where = " or named by the paper" if case.papers else ""
                text = f"'{name}' is unknown: not among the names known offline{where}{hint}"
                findings.append(_finding("data_sets", "note", report, text))
                worst = min(worst, 3)
        ratings.append(_rating("data_sets", report, worst, "names in title, question and claims"))
    return Judgement(tuple(findings), tuple(ratings))


@lru_cache(maxsize=64)
def _named_in(paper: Source) -> frozenset[str]:
    cells = (c.text for table in paper.paper.tables for c in table.cells)
    texts = (*(p.text for p in paper.paper.passages), *cells)
    return frozenset(_key(n) for text in texts for n in names(text))


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
            text = "sentences of its sections are boilerplate, the same in other reports but for digits"
            detail = f"{len(same)} of {len(own)}"
            findings.append(_finding("boilerplate", "warning", report, text, detail))
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
            text = f"its method does not say {', '.join(missing)}"
            findings.append(_finding("method", "warning", report, text))
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


def _miscounted(report: Synthesis) -> list[Finding]:
    told = []
    ticked = sum(c.ticked is True for c in report.claims)
    shown = {"claims": (len(report.claims), "listed"), "verified": (ticked, "ticked")}
    for name, (number, verb) in shown.items():
        said = _counted(name, report)
        if said is not None and said != number:
            what = "extracted" if name == "claims" else "verified"
            text = f"its number of claims {what} is not that of its table"
            detail = f"says {said:g}, but {number} {'is' if number == 1 else 'are'} {verb}"
            told.append(_finding("counts", "error", report, text, detail))
    papers = _counted("papers", report)
    if papers is not None and papers != len(report.references):
        text = "its number of papers retrieved is not that of its references"
        detail = f"says {papers:g}, but lists {len(report.references)}"
        told.append(_finding("counts", "warning", report, text, detail))
    return told


def _surer(report: Synthesis) -> list[Finding]:
    """Return a finding where the report's score is high and its claims' confidence low."""
    score = _counted("score", report)
    values = [c.confidence for c in report.claims if c.ticked and c.confidence is not None]
    if score is None or not values:
        return []
    mean = sum(values) / len(values)
    if score / 10 - mean < 0.5:
        return []
    detail = f"scores itself {score:g}/10 where the mean confidence of its ticks is {mean:.2f}"
    return [
        _finding("counts", "warning", report, "it is surer of itself than of its claims", detail)
    ]


def _counted(name: str, report: Synthesis) -> float | None:
    found = _COUNTED[name].search(report.own_text())
    return float(found[1]) if found else None


def _copied(case: Case, report: Synthesis) -> list[Finding]:
    """Return findings about what reports on different questions have in common."""
    findings = []
    others = [o for o in case.reports if o is not report and o.question != report.question]
    same = [o for o in others if o.abstract and o.abstract == report.abstract]
    if same:
        text = f"its abstract is that of {_others(len(same))} on another question"
        findings.append(_finding("boilerplate", "error", report, text))
    if report.abstract and not report.abstract.rstrip().endswith((".", "!", "?")):
        detail = f"after {len(report.abstract)} characters"
        findings.append(
            _finding("boilerplate", "warning", report, "its abstract breaks off", detail)
        )
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


def _finding(check: str, level: Level, report: Synthesis, text: str, detail: str = "") -> Finding:
    return Finding(check=check, level=level, report=report.name, text=text, detail=detail)


def _rating(rater: str, report: Synthesis, rating: int, because: str) -> Rating:
    return Rating(rater=rater, kind="check", report=report.name, rating=rating, because=because)
