"""What is a tick of a synthesis report worth? One check each, of every claim by itself."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from itertools import islice

from claims.prose import amounts, names, same_word, terms, words
from claims.review_records import Case, Finding, Judgement, Level, Rating
from claims.synthesis import Synthesis, SynthesisClaim

__all__ = ["answering", "confidence", "evidence", "question", "trap", "wholeness"]

MAX_ASKED = 60
"""Most words of a research question that are looked for."""
HALF = 0.5
"""A ticked claim below this confidence is, in the report's own view, more likely wrong than right."""
_SHAM = re.compile(r"formula repro|matches expected|recomput|\bcomputed\s+\d", re.IGNORECASE)
"""Words of reports that verify a claim by arithmetic on its own numbers."""


def wholeness(case: Case) -> Judgement:
    """Judge whether a claim is a whole sentence, here or at least in another source at hand."""
    findings, ratings = [], []
    for report in case.reports:
        cut = [c for c in report.claims if c.cut]
        for claim in report.claims:
            text, _ = case.completions.get((report.name, claim.number), ("", ""))
            rating, because = (2, "cut") if claim.cut else (5, "whole sentence")
            if text.endswith((".", "?", "!")):
                rating, because = 3, "cut here, whole elsewhere"
            ratings.append(_rating("wholeness", report, claim, rating, because))
        if cut:
            lengths = sorted(len(c.text) for c in cut)
            told = (
                f"breaks off within a sentence, after {_span(lengths[0], lengths[-1])} characters"
            )
            findings.append(_finding("wholeness", "warning", report, cut, told))
        for claim in cut:
            told = _goes_on(case, report, claim)
            if told:
                findings.append(_finding("wholeness", "note", report, [claim], told))
            last = claim.text.rpartition(" ")[2]
            if amounts(f"{last} points"):
                told = f"the number {last} stands at the cut, where digits and unit may be lost"
                findings.append(_finding("wholeness", "warning", report, [claim], told))
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
            told = f"ticked as verified at a confidence of {span}"
            told += f", lowest for claim {least}" if len(low) > 1 else ""
            below = [c for c in ticked if c.number in low]
            findings.append(_finding("confidence", "warning", report, below, told))
    return Judgement(tuple(findings), tuple(ratings))


def evidence(case: Case) -> Judgement:
    """Judge whether a source at hand has the claim's words and numbers."""
    findings, ratings = [], []
    for report, claim in _claims(case):
        found = case.quotes[report.name, claim.number]
        where = f"'{found.source}'" if found.independent else "the report's own text"
        if found.contradicts():
            told = f"{where} has {'; '.join(found.differences)}: {found.passage[:240]}"
            findings.append(_finding("evidence", "error", report, [claim], told))
            rating = 1
        elif found.status == "found":
            rating = 5 if found.independent and not found.missing else 3
        elif found.status == "altered":
            told = f"stands in {where} in other words: {'; '.join(found.differences)}"
            findings.append(_finding("evidence", "note", report, [claim], told))
            rating = 3
        else:
            rating = 2
        if found.missing:
            told = f"{_list(found.missing)} stands nowhere at hand but in the claim itself"
            findings.append(_finding("evidence", "warning", report, [claim], told))
        ratings.append(_rating("evidence", report, claim, rating, f"{found.status} in sources"))
    findings += [f for report in case.reports for f in _unfounded(case, report)]
    for group in case.matched:
        home = group.members[0]
        findings += [
            Finding(check="evidence", level="error", report=home.report, claims=(home.number,),
                    text=f"another claim has the same words with other numbers: {other}")
            for other in group.other_numbers
        ]  # fmt: skip
    return Judgement(tuple(findings), tuple(ratings))


def trap(case: Case) -> Judgement:
    """Judge whether arithmetic on the claim's own numbers could pass, or passed, for a check."""
    findings, ratings = [], []
    for report in case.reports:
        prose = report.own_text()
        sham, printed_there = bool(_SHAM.search(prose)), set(words(prose))
        for claim in report.claims:
            printed = amounts(claim.text)
            if not printed or not claim.ticked:
                continue
            mean = f"{sum(float(a) for a in printed) / len(printed):.2f}"
            sprung = sham or (len(printed) > 1 and mean in printed_there)
            told = (
                f"{len(printed)} results under one tick ({', '.join(printed)}): each needs its own; "
                f"{mean} is their mean, and computing it again would verify nothing"
                if len(printed) > 1
                else f"{printed[0]} can only be checked on data that it was not taken from"
            )
            if sprung:
                told = f"checked by arithmetic on its own numbers, which verifies nothing; {told}"
            level: Level = "error" if sprung else "warning" if len(printed) > 1 else "note"
            findings.append(_finding("trap", level, report, [claim], told))
            because = "recomputed from itself" if sprung else "no inputs of a computation are given"
            ratings.append(_rating("trap", report, claim, 1 if sprung else 2, because))
    return Judgement(tuple(findings), tuple(ratings))


def question(case: Case) -> Judgement:
    """Judge whether a claim answers the report's research question."""
    findings, ratings = [], []
    for report in case.reports:
        if not report.question:
            told = "no research question is stated"
            findings.append(
                Finding(check="question", level="warning", report=report.name, text=told)
            )
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
            told = f"no claim answers the research question: {report.question} ({told})"
            findings.append(Finding(check="question", level="error", report=report.name, text=told))
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


def _unfounded(case: Case, report: Synthesis) -> list[Finding]:
    """Return a finding where a report ticks claims of which no source at hand has a word."""
    ticked = [c for c in report.claims if c.ticked]
    bare = [c for c in ticked if case.quotes[report.name, c.number].status == "absent"]
    if not bare:
        return []
    where = "neither in the paper given nor" if case.papers else "nowhere else"
    told = (
        f"{len(bare)} of {len(ticked)} ticked claims stand {where} in the report, which gives no "
        "passage, table or page that they were checked against"
    )
    return [Finding(check="evidence", level="warning", report=report.name, text=told)]


def _claims(case: Case) -> list[tuple[Synthesis, SynthesisClaim]]:
    return [(report, claim) for report in case.reports for claim in report.claims]


def _goes_on(case: Case, report: Synthesis, claim: SynthesisClaim) -> str:
    """Return how a cut claim goes on in another source; empty where none has more of it."""
    text, where = case.completions.get((report.name, claim.number), ("", ""))
    if not where:
        return ""
    whole = text.endswith((".", "?", "!"))
    pairs = enumerate(zip(claim.text, text, strict=False))
    same = next((i for i, (own, other) in pairs if own != other), min(len(claim.text), len(text)))
    rest = text[max(0, same - 20) if same > 20 else 0 :][:400]
    return f"{where} {'has it whole' if whole else 'goes on, and breaks off too'}: ...{rest}"


def _span(low: object, high: object) -> str:
    return f"{low}" if low == high else f"{low} to {high}"


def _list(parts: tuple[str, ...]) -> str:
    return parts[0] if len(parts) == 1 else f"each of {', '.join(parts)}"


def _finding(
    check: str, level: Level, report: Synthesis, claims: Sequence[SynthesisClaim], text: str
) -> Finding:
    numbers = tuple(c.number for c in claims)
    return Finding(check=check, level=level, report=report.name, claims=numbers, text=text)


def _rating(
    rater: str, report: Synthesis, claim: SynthesisClaim, rating: int, because: str
) -> Rating:
    return Rating(
        rater=rater, kind="check", report=report.name, claim=claim.number, rating=rating,
        because=because,
    )  # fmt: skip
