"""Can a report's references be resolved, are they used, and do they concern its question?

Nothing is asked here: whoever looks references up (a folder of fetched papers, a search) hands in
what was found, by the identifiers that `identifiers` returns.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from contextlib import suppress
from datetime import datetime
from pathlib import Path

from pydantic import ValidationError

from claims.arxiv_paper import Paper
from claims.errors import SynthesisError
from claims.prose import same_word, terms, visible
from claims.review_records import Case, Cited, Finding, Judgement, Level, Rating
from claims.synthesis import Reference, Synthesis, read_text

__all__ = ["LEAST_SHARED", "cited_in", "identifiers", "references"]

LEAST_SHARED = 2
"""Words of its question that a report's reference has at least in title or abstract."""
MAX_FETCHED = 8 * 2**20
"""Largest file of metadata read: 8 MiB."""

_ARXIV = re.compile(r"(?:arxiv\.org/(?:abs|pdf|html)/|arxiv:\s?)([^\s<>\])]{1,60})", re.IGNORECASE)
_NEW_ID = re.compile(r"(\d\d)(0[1-9]|1[0-2])\.(\d{4,5})(v[1-9]\d{0,2})?")
_OLD_ID = re.compile(r"[a-z-]{2,12}(?:\.[A-Z]{2})?/\d\d(?:0[1-9]|1[0-2])\d{3}(v[1-9]\d{0,2})?")
_DOI = re.compile(r"10\.\d{4,9}/[^\s<>]{1,200}")
_FIVE_DIGITS_SINCE = (15, 1)
_FIRST_NEW = (7, 4)


def identifiers(reports: Iterable[Synthesis]) -> tuple[str, ...]:
    """Return what can be looked up: arXiv identifiers without version, DOIs, addresses, titles."""
    told = (_address(entry) for report in reports for entry in report.references)
    return tuple(dict.fromkeys(address for address, fault in told if not fault))


def cited_in(folder: str | Path, wanted: Sequence[str]) -> dict[str, Cited]:
    """Return what a folder of `corroborate fetch` says of references; others are left out.

    Raises:
        SynthesisError: it is no folder, or a file of metadata is none.
    """
    home = Path(folder)
    told = f"'{str(folder)[:200]}'"
    with suppress(OSError, ValueError):
        if home.is_dir():
            found = ((name, _fetched(home, name)) for name in wanted if _arxiv_id(name))
            return {name: cited for name, cited in found if cited is not None}
    raise SynthesisError(f"{told}: found no such folder ; expected one of `corroborate fetch`.")


def _fetched(home: Path, name: str) -> Cited | None:
    path = home / name.replace("/", "-") / "paper.json"
    if not path.is_file():
        return None
    try:
        paper = Paper.model_validate(json.loads(read_text(path, "metadata", limit=MAX_FETCHED)))
    except (ValidationError, ValueError, RecursionError) as error:
        raise SynthesisError(
            f"'{path}': found no metadata of a paper ({type(error).__name__}) ; expected "
            "corroborate/paper@1. Fetch it again."
        ) from None
    last = paper.versions[-1] if paper.versions else None
    return Cited(
        exists=last is not None,
        title=visible(last.title) if last else "",
        abstract=visible(last.abstract) if last else "",
        notice="withdrawn" if last and last.withdrawn else "",
        source="arXiv",
    )


def references(case: Case) -> Judgement:
    """Judge whether references can be resolved, are used, and concern the report's question."""
    findings: list[Finding] = []
    ratings = []
    listed = {r.name: Counter(_address(e)[0] for e in r.references) for r in case.reports}
    for report in case.reports:
        if not report.references:
            findings.append(_finding("error", report, "no references are given"))
            ratings.append(_rating(report, 1, "none"))
            continue
        good, prose = 0, _prose(report)
        for entry in report.references:
            address, fault = _address(entry, report.date)
            looked = case.cited.get(address)
            if not fault and looked is not None and not looked.exists:
                fault = f"does not exist, says {looked.source}"
            if fault:
                detail = f"'{entry.text[:120]}' (line {entry.line}) {fault}"
                findings.append(_finding("error", report, "references do not resolve", detail))
                continue
            if looked is not None and looked.notice:
                detail = f"{address} '{looked.title[:120]}': {looked.notice}, says {looked.source}"
                findings.append(_finding("warning", report, "references were retracted", detail))
                continue
            good += address.casefold() in prose
        findings += [*_beside(case, report), *_idle(case, report, listed)]
        share = good / len(report.references)
        told = f"{good} of {len(report.references)} are used in the text"
        ratings.append(_rating(report, 1 + int(4 * share), told))
    return Judgement(tuple(findings), tuple(ratings))


def _beside(case: Case, report: Synthesis) -> list[Finding]:
    """Return findings about references that have next to nothing of the research question."""
    asked = terms(report.question)
    findings = []
    for address in identifiers([report]):
        looked = case.cited.get(address)
        if looked is None or not looked.title or not report.question:
            continue
        said = terms(f"{looked.title} . {looked.abstract}")
        shared = [w for s, w in asked.items() if s in said or any(same_word(s, t) for t in said)]
        if len(shared) < min(LEAST_SHARED, len(asked)):
            has = f"only '{shared[0]}'" if shared else "none"
            detail = f"{address} '{looked.title[:120]}' has {has} of its {len(asked)} words"
            text = "references do not concern the research question"
            findings.append(_finding("warning", report, text, detail))
    return findings


def _idle(case: Case, report: Synthesis, listed: dict[str, Counter[str]]) -> list[Finding]:
    """Return what there is to say of references that nothing in the report refers to."""
    own, prose = listed[report.name], _prose(report)
    findings = []
    twice = [a for a, number in own.items() if number > 1]
    if twice:
        text = "references are listed more than once"
        findings.append(_finding("warning", report, text, ", ".join(twice)))
    unused = [a for a in own if a.casefold() not in prose]
    if unused:
        detail = f"{len(unused)} of {len(own)}"
        bare = [a for a in unused if _NEW_ID.fullmatch(a)]
        detail += ", none with a title" if len(bare) == len(own) else ""
        alone = [
            a for a in unused
            if sum(a in addresses for addresses in listed.values()) == 1
            and not any(a in s.text for p in case.papers for s in p.paper.passages)
        ]  # fmt: skip
        known = bool(alone) and (len(case.reports) > 1 or bool(case.papers))
        detail += f"; in nothing else at hand: {', '.join(alone)}" if known else ""
        text = "references are used nowhere in the report"
        findings.append(_finding("warning", report, text, detail))
    return findings


def _address(entry: Reference, date: str = "") -> tuple[str, str]:
    """Return a reference's identifier without version, and what is wrong with it."""
    text = entry.text.strip("<>")
    found = _ARXIV.search(text)
    if found:
        return _arxiv(found[1].rstrip(".,;").removesuffix(".pdf"), date)
    if doi := _DOI.search(text):
        return doi[0].rstrip(".,;"), ""
    if re.match(r"https?://[^\s/]+\.[a-z]{2,}(?:/\S*)?$", text):
        return text, ""
    if len(terms(text)) >= 3:
        return text, ""  # a title
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


def _arxiv_id(name: str) -> bool:
    return bool(_NEW_ID.fullmatch(name) or _OLD_ID.fullmatch(name))


def _date(text: str) -> datetime | None:
    for form in ("%B %d, %Y", "%Y-%m-%d"):
        try:
            return datetime.strptime(text, form)  # noqa: DTZ007 - only year and month are read
        except ValueError:
            continue
    return None


def _prose(report: Synthesis) -> str:
    return f"{report.own_text()} {' '.join(c.text for c in report.claims)}".casefold()


def _finding(level: Level, report: Synthesis, text: str, detail: str = "") -> Finding:
    return Finding(check="references", level=level, report=report.name, text=text, detail=detail)


def _rating(report: Synthesis, rating: int, because: str) -> Rating:
    return Rating(
        rater="references", kind="check", report=report.name, rating=rating, because=because
    )
