"""What is a tick of a synthesis report worth? One check each, of every claim by itself."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from fractions import Fraction
from itertools import islice

from claims.prose import amounts, names, same_word, sentences, terms, words
from claims.review_records import Case, Finding, Judgement, Level, Rating
from claims.sources import Looked
from claims.synthesis import WHOLE, Synthesis, SynthesisClaim

__all__ = ["answering", "confidence", "evidence", "question", "trap", "wholeness"]

MAX_ASKED = 60
"""Most words of a research question that are looked for."""
HALF = 0.5
"""A ticked claim below this confidence is, in the report's own view, more likely wrong than right."""
_SHAM = re.compile(
    r"formula repro|matches (?:the )?expected|\brecomput|\bcomputed\s+(?:value\s+)?\d",
    re.IGNORECASE,
)
"""Words of reports that verify a claim by arithmetic on its own numbers."""
_COMPUTES = re.compile(r"\b(?:mean|average|sum|comput|calculat|deriv|verif)", re.IGNORECASE)


def wholeness(case: Case) -> Judgement:
    """Judge whether a claim is a whole sentence, here or at least in another source at hand."""
    findings, ratings = [], []
    for report in case.reports:
        cut = [c for c in report.claims if c.cut]
        for claim in report.claims:
            text, _ = case.completions.get((report.name, claim.number), ("", ""))
            rating, because = (2, "cut") if claim.cut else (5, "whole sentence")
            if text.endswith(WHOLE):
                rating, because = 3, "cut here, whole elsewhere"
            ratings.append(_rating("wholeness", report, claim, rating, because))
        if cut:
            lengths = sorted(len(c.text) for c in cut)
            told = f"after {_span(lengths[0], lengths[-1])} characters"
            findings.append(
                _finding("wholeness", "warning", report, cut, "breaks off within a sentence", told)
            )
        for claim in cut:
            told = _goes_on(case, report, claim)
            if told:
                text = "goes on in another source at hand"
                findings.append(_finding("wholeness", "note", report, [claim], text, told))
            last = claim.text.rpartition(" ")[2]
            if amounts(f"{last} points"):
                text = "a number stands at the cut, where digits and unit may be lost"
                findings.append(_finding("wholeness", "warning", report, [claim], text, last))
    return Judgement(tuple(findings), tuple(ratings))


def confidence(case: Case) -> Judgement:
    """Judge whether the report itself is sure of what it ticks."""
    findings, ratings = [], []
    for report in case.reports:
        ticked = [c for c in report.claims if c.ticked]
        unread = [c for c in ticked if c.confidence is None]
        if unread:
            told = "ticked, with no confidence that could be read"
            findings.append(_finding("confidence", "warning", report, unread, told))
        low = {c.number: c.confidence for c in ticked if c.confidence is not None}
        for claim in ticked:
            if claim.confidence is not None:
                fifth = min(5, 1 + int(5 * claim.confidence + 1e-9))
                told = f"confidence {claim.confidence:.2f}"
                ratings.append(_rating("confidence", report, claim, fifth, told))
        low = {number: value for number, value in low.items() if value < HALF}
        if low:
            least = min(low, key=lambda number: low[number])
            span = _span(f"{low[least]:.2f}", f"{max(low.values()):.2f}")
            told = f"{span}, lowest for claim {least}" if len(low) > 1 else span
            below = [c for c in ticked if c.number in low]
            text = f"ticked as verified at a confidence below {HALF:.2f}"
            findings.append(_finding("confidence", "warning", report, below, text, told))
    return Judgement(tuple(findings), tuple(ratings))


def evidence(case: Case) -> Judgement:
    """Judge whether a source at hand has the claim's words and numbers."""
    findings, ratings = [], []
    for report, claim in _claims(case):
        found = case.quotes[report.name, claim.number]
        told = _against(found)
        findings += [_finding("evidence", le, report, [claim], text, d) for le, text, d in told]
        if found.contradicts():
            rating = 1
        elif found.holds():
            rating = 5
        else:
            rating = 2 if found.status == "absent" else 3
        ratings.append(_rating("evidence", report, claim, rating, f"{found.status} in sources"))
    findings += [f for report in case.reports for f in _unfounded(case, report)]
    for group in case.matched:
        home = group.members[0]
        findings += [
            Finding(check="evidence", level="error", report=home.report, claims=(home.number,),
                    text="another claim has the same words with other numbers", detail=other)
            for other in group.other_numbers
        ]  # fmt: skip
    return Judgement(tuple(findings), tuple(ratings))


def trap(case: Case) -> Judgement:
    """Judge whether arithmetic on the claim's own numbers could pass, or passed, for a check."""
    findings, ratings = [], []
    for report in case.reports:
        sham = bool(_SHAM.search(report.own_text()))
        for claim in report.claims:
            printed = amounts(claim.text)
            if not printed or not claim.ticked:
                continue
            again = _computed_again(report, claim)
            own = case.quotes[report.name, claim.number].numbers
            followed = bool(own) and all(r.check.status == "entailed" for r in own)
            if len(printed) > 1:
                mean = f"{sum(float(a) for a in printed) / len(printed):.2f}"
                told = (
                    f"{', '.join(printed)}: {mean} is their mean, and computing it verifies nothing"
                )
                text = "several results under one tick, where each needs its own"
                findings.append(_finding("trap", "warning", report, [claim], text, told))
            elif not followed:
                text = "its number can only be checked on data that it was not taken from"
                findings.append(_finding("trap", "note", report, [claim], text, printed[0]))
            if sham or again:
                text = "checked by arithmetic on its own numbers, which verifies nothing"
                findings.append(_finding("trap", "error", report, [claim], text, again))
            rating, because = (2, "no inputs are given")
            if followed:
                rating, because = 4, "follows from the paper's tables"
            if sham or again:
                rating, because = 1, "recomputed from itself"
            ratings.append(_rating("trap", report, claim, rating, because))
    return Judgement(tuple(findings), tuple(ratings))


def _computed_again(report: Synthesis, claim: SynthesisClaim) -> str:
    """Return where the report has the mean or the sum of a claim's own numbers; empty for nowhere."""
    printed = [a.lstrip("+") for a in amounts(claim.text)]
    if len(printed) < 2:
        return ""
    places = max(len(a.partition(".")[2]) for a in printed)
    total = sum((Fraction(a) for a in printed), Fraction())
    results = {"mean": total / len(printed)} | ({"sum": total} if len(printed) > 2 else {})
    text = report.own_text()
    told = " ".join(t for t in sentences(text) if _COMPUTES.search(t))
    prose, computing = _numbers(text), _numbers(told)
    others = {c.number: set(amounts(c.text)) for c in report.claims if c is not claim}
    for name, value in results.items():
        for digits in range(max(1, places), max(1, places) + 3):
            finer = (
                digits > places
            )  # a number as coarse as the claimed ones may be there by accident
            for shown in _printings(value, digits) - set(printed):
                homes = ["its prose"] * (shown in (prose if finer else computing))
                homes += [f"claim {n}" for n, own in others.items() if finer and shown in own]
                if homes:
                    return f"{homes[0]} has {shown}, which is the {name} of {', '.join(printed)}"
    return ""


def _numbers(text: str) -> set[str]:
    return {w.rstrip("%") for w in words(text) if w[0].isdigit()}


def _printings(value: Fraction, digits: int) -> set[str]:
    """Return how a result may be printed with so many places, rounded or truncated."""
    unit = 10**digits
    return {f"{whole / unit:.{digits}f}" for whole in (round(value * unit), int(value * unit))}


def question(case: Case) -> Judgement:
    """Judge whether a claim answers the report's research question."""
    findings, ratings = [], []
    for report in case.reports:
        if not report.question:
            told = "no research question is stated"
            findings.append(_finding("question", "warning", report, [], told))
            continue
        asked, has, answers = _asked(report), _covered(report), answering(report)
        for claim in report.claims:
            covered = len(has[claim.number])
            share = covered / len(asked) if asked else 0.0
            rating = 5 if claim.number in answers else min(4, 1 + int(4 * share))
            told = f"shares {covered} of {len(asked)} of the question's own words"
            ratings.append(_rating("question", report, claim, rating, told))
        if not answers:
            anywhere = frozenset().union(*has.values())
            lacking = ", ".join(word for stem, word in asked.items() if stem not in anywhere)
            told = f"in no claim: {lacking}" if lacking else "no claim has enough of it together"
            text = "no claim answers the research question"
            findings.append(_finding("question", "error", report, [], text, told))
    return Judgement(tuple(findings), tuple(ratings))


def answering(report: Synthesis) -> tuple[int, ...]:
    """Return the numbers of the claims that may answer the research question.

    A claim may answer it if it has every name of the question and half of its other words that the
    examined paper's title does not have: words of the title fit any question on that paper.
    """
    asked, has = _asked(report), _covered(report)
    named = {n.casefold() for n in names(report.question)}
    others = [stem for stem, word in asked.items() if word not in named]
    return tuple(
        claim.number
        for claim in report.claims
        if named <= {n.casefold() for n in names(claim.text)} | has[claim.number]
        and 2 * sum(stem in has[claim.number] for stem in others) >= len(others)
        and asked
    )


def _asked(report: Synthesis) -> dict[str, str]:
    """Return the question's words, without those of the examined paper's title."""
    title = terms(report.examined)
    asked = terms(report.question)
    own = {s: w for s, w in asked.items() if not any(same_word(s, t) for t in title)}
    return dict(islice((own or asked).items(), MAX_ASKED))


def _covered(report: Synthesis) -> dict[int, frozenset[str]]:
    """Return for each claim's number the stems of the question that it has."""
    asked = _asked(report)
    return {claim.number: _shared(asked, terms(claim.text)) for claim in report.claims}


def _shared(asked: Mapping[str, str], found: Mapping[str, str]) -> frozenset[str]:
    return frozenset(s for s in asked if s in found or any(same_word(s, f) for f in found))


def _against(found: Looked) -> list[tuple[Level, str, str]]:
    """Return what speaks against a claim as it was looked up: level, text, detail."""
    told: list[tuple[Level, str, str]] = []
    where = f"'{found.source}'" if found.independent else "the report's own text"
    differences = "; ".join(found.differences)
    if found.contradicts():
        text = "the paper has the sentence with another number or a negation"
        told.append(("error", text, f"{where} has {differences}"))
    elif found.status == "altered":
        home = "the paper" if found.independent else where
        text = f"{home} has a sentence like it in other words, which may say something else"
        told.append(("note", text, f"{where} has {differences}"))
    elif found.differences:
        text = "ends with a number that may be a part of the one that is printed"
        told.append(("warning", text, f"{where} has {differences}"))
    for result in found.numbers:
        if result.check.status == "impossible":
            text = "the paper's tables do not give a number, if they are read right"
            hits = "; ".join(
                f"{h.formula} = {h.result:.4g} ({h.places[0]})" for h in result.check.hits[:2]
            )
            told.append(
                ("warning", text, f"{result.printed}, where the cells that it names give {hits}")
            )
    if found.missing:
        text = "results stand nowhere at hand but in the claim itself"
        told.append(("warning", text, ", ".join(found.missing)))
    return told


def _unfounded(case: Case, report: Synthesis) -> list[Finding]:
    """Return a finding where a report ticks claims of which no source at hand has a word."""
    ticked = [c for c in report.claims if c.ticked]
    bare = [c for c in ticked if case.quotes[report.name, c.number].status == "absent"]
    if not bare:
        return []
    where = "neither in the paper given nor elsewhere" if case.papers else "nowhere else"
    text = f"ticked, and {where} in the report, which gives no passage, table or page for it"
    return [_finding("evidence", "warning", report, bare, text)]


def _claims(case: Case) -> list[tuple[Synthesis, SynthesisClaim]]:
    return [(report, claim) for report in case.reports for claim in report.claims]


def _goes_on(case: Case, report: Synthesis, claim: SynthesisClaim) -> str:
    """Return whether a cut claim goes on in another source; empty where none has more of it."""
    text, where = case.completions.get((report.name, claim.number), ("", ""))
    if not where:
        return ""
    return "to its end" if text.endswith(WHOLE) else "and breaks off there, too"


def _span(low: object, high: object) -> str:
    return f"{low}" if low == high else f"{low} to {high}"


def _finding(
    check: str,
    level: Level,
    report: Synthesis,
    claims: Sequence[SynthesisClaim],
    text: str,
    detail: str = "",
) -> Finding:
    numbers = tuple(c.number for c in claims)
    return Finding(
        check=check, level=level, report=report.name, claims=numbers, text=text, detail=detail
    )


def _rating(
    rater: str, report: Synthesis, claim: SynthesisClaim, rating: int, because: str
) -> Rating:
    return Rating(
        rater=rater, kind="check", report=report.name, claim=claim.number, rating=rating,
        because=because,
    )  # fmt: skip
