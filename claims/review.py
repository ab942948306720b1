"""What is a machine-written synthesis report that "verified" a paper's claims worth?

Independent checks look at each claim and each report and rate them from 1 to 5; other reviewers'
ratings enter the same way. Agreement among raters is Krippendorff's alpha. Nothing is looked up
over the network, and what could not be checked is said.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Literal

from claims import claim_checks, reference_checks, report_checks
from claims.agreement import alpha
from claims.errors import SynthesisError
from claims.matching import Matched, match
from claims.review_records import (
    Agreement,
    Case,
    Cited,
    ClaimReview,
    Judgement,
    Part,
    Rating,
    ReportReview,
    Review,
    known,
)  # fmt: skip
from claims.sources import Looked, Result, Source, look_up, numbers_of, source_of_report
from claims.synthesis import WHOLE, Synthesis

__all__ = ["CHECKS", "MAX_NUMBERS", "MAX_REPORTS", "review"]

MAX_REPORTS = 50
"""Most reports reviewed together."""
_NOTICES = 5
"""Most notices of one paper that are passed on."""
MAX_NUMBERS = 100
"""Most different claims whose numbers are looked for in a paper's tables."""

CHECKS: dict[str, tuple[str, Callable[[Case], Judgement]]] = {
    "question": ("Do the claims answer the research question?", claim_checks.question),
    "evidence": (
        "Does a source at hand have the claim's words and numbers?",
        claim_checks.evidence,
    ),
    "trap": ("Could arithmetic on its own numbers pass for a check?", claim_checks.trap),
    "confidence": ("Is the report itself sure of what it ticks?", claim_checks.confidence),
    "wholeness": ("Is the claim a whole sentence?", claim_checks.wholeness),
    "data_sets": ("Are the data sets and models that it names known?", report_checks.data_sets),
    "references": ("Can references be resolved, and are they used?", reference_checks.references),
    "counts": ("Do its numbers about itself agree with what it shows?", report_checks.counts),
    "method": ("Is the method told so that it could be done again?", report_checks.method),
    "boilerplate": ("Was its prose written for it?", report_checks.boilerplate),
}
"""Each check with the question that it answers, in the order in which findings are shown."""


def review(
    reports: Sequence[Synthesis],
    *,
    papers: Sequence[Source] = (),
    ratings: Sequence[Rating] = (),
    cited: Mapping[str, Cited] | None = None,
) -> Review:
    """Audit one or several synthesis reports.

    Args:
        reports: at most 50, of different names.
        papers: the papers that the claims are from, if they are at hand.
        ratings: other reviewers' ratings; their raters bear no check's name.
        cited: identifier, as `reference_checks.identifiers` gives them -> what was found out of it.

    Raises:
        SynthesisError: too many reports, or two of one name, or a rater that is named like a check.
    """
    _check_input(reports, ratings)
    matched = match(reports)
    texts = {r.name: source_of_report(r) for r in reports}
    completions = _completions(reports, papers, matched, texts)
    quotes = _looked_up(reports, papers, texts, completions)
    case = Case(tuple(reports), matched, tuple(papers), quotes, completions, dict(cited or {}))
    judgements = [check(case) for _, check in CHECKS.values()]
    findings = [f for judgement in judgements for f in judgement.findings]
    rated = [r for judgement in judgements for r in judgement.ratings] + list(ratings)
    return Review(
        papers=tuple(p.name for p in papers),
        reports=tuple(_report(r, case, rated) for r in reports),
        claims=matched,
        findings=tuple(findings),
        ratings=tuple(rated),
        agreement=_agreement(rated),
        reviewers=_agreement([r for r in rated if r.kind != "check"]),
        checks={name: asks for name, (asks, _) in CHECKS.items()},
        not_checked=_not_checked(case),
    )


def _check_input(reports: Sequence[Synthesis], ratings: Sequence[Rating]) -> None:
    names = [r.name for r in reports]
    if not 0 < len(reports) <= MAX_REPORTS:
        raise SynthesisError(
            f"review: found {len(reports)} reports ; expected 1 to {MAX_REPORTS} at a time."
        )
    twice = {n for n in names if names.count(n) > 1}
    if twice:
        raise SynthesisError(
            f"review: found several reports named {', '.join(sorted(twice))} ; expected files of "
            "different names. Rename them, or give each once."
        )
    called = {r.rater for r in ratings} & set(CHECKS)
    if called:
        raise SynthesisError(
            f"review: found a rater named {', '.join(sorted(called))} ; expected a name that no "
            "check has."
        )


def _looked_up(
    reports: Sequence[Synthesis],
    papers: Sequence[Source],
    texts: Mapping[str, Source],
    completions: Mapping[tuple[str, int], tuple[str, str]],
) -> dict[tuple[str, int], Looked]:
    """Return what sources say of each claim; of tables, only for so many different claims."""
    quotes: dict[tuple[str, int], Looked] = {}
    numbers: dict[tuple[str, str, str], tuple[Result, ...]] = {}
    for report in reports:
        for claim in report.claims:
            place = (report.name, claim.number)
            found = look_up(claim.text, [*papers, texts[report.name]], cut=claim.cut)
            text = completions.get(place, ("", ""))[0] or claim.text
            home = [p for p in papers if found.source == p.name] or papers
            key = (claim.text, text, found.source if found.independent else "")
            if key not in numbers and len(numbers) < MAX_NUMBERS:
                numbers[key] = numbers_of(text, home, like=claim.text)
            quotes[place] = found.model_copy(update={"numbers": numbers.get(key, ())})
    return quotes


def _completions(
    reports: Sequence[Synthesis],
    papers: Sequence[Source],
    matched: Sequence[Matched],
    texts: Mapping[str, Source],
) -> dict[tuple[str, int], tuple[str, str]]:
    """Return how cut claims go on, and where: in a paper, a report's prose, another report's table."""
    groups = {(m.report, m.number): group for group in matched for m in group.members}
    sources = [*papers, *texts.values()]
    known: dict[str, tuple[str, str]] = {}
    found = {}
    for report in reports:
        for claim in report.claims:
            if not claim.cut:
                continue
            if claim.text not in known:
                known[claim.text] = _continued(claim.text, sources)
            group = groups[report.name, claim.number]
            text, where = known[claim.text]
            home = group.completed_by or group.members[0].report
            if not text.endswith(WHOLE) and home != report.name and len(group.text) > len(text):
                text, where = (group.text, home) if group.text != claim.text else (text, where)
            if text:
                found[report.name, claim.number] = (text, where)
    return found


def _continued(text: str, sources: Sequence[Source]) -> tuple[str, str]:
    """Return the first whole sentence, else the longest, that goes on as a text begins, and where."""
    told = [(s.quotable.continued(text), s.name) for s in sources]
    whole = (pair for pair in told if pair[0].endswith(WHOLE))
    longest = max(told, key=lambda pair: len(pair[0]))
    return next(whole, longest if len(longest[0]) > len(text) else ("", ""))


def _report(report: Synthesis, case: Case, rated: Sequence[Rating]) -> ReportReview:
    groups = {(m.report, m.number): g.number for g in case.matched for m in g.members}
    claims = []
    for claim in report.claims:
        place = (report.name, claim.number)
        text, where = case.completions.get(place, ("", ""))
        claims.append(
            ClaimReview(
                **claim.model_dump(),
                matched=groups[place],
                completed=text,
                completed_by=where,
                outcome=_outcome(case.quotes[place]),
                quote=case.quotes[place],
            )
        )
    parts = _parts([r for r in rated if r.report == report.name])
    return ReportReview(
        name=report.name,
        layout=report.layout,
        title=report.title,
        question=report.question,
        answered_by=claim_checks.answering(report) if report.question else (),
        claims=tuple(claims),
        score=sum(p.mean for p in parts) / len(parts),
        parts=parts,
    )


def _outcome(found: Looked) -> Literal["in the paper", "contradicted", "open"]:
    if found.contradicts():
        return "contradicted"
    return "in the paper" if found.holds() else "open"


def _parts(rated: Sequence[Rating]) -> tuple[Part, ...]:
    raters: dict[str, list[Rating]] = {}
    for rating in rated:
        raters.setdefault(rating.rater, []).append(rating)
    return tuple(
        Part(rater=name, kind=own[0].kind, ratings=len(own), mean=_mean(own))
        for name, own in raters.items()
    )


def _mean(rated: Sequence[Rating]) -> float:
    return sum(r.rating for r in rated) / len(rated)


def _agreement(rated: Sequence[Rating]) -> Agreement:
    units: dict[tuple[str, int | None], list[int]] = {}
    for rating in rated:
        units.setdefault((rating.report, rating.claim), []).append(rating.rating)
    paired = [unit for unit in units.values() if len(unit) > 1]
    return Agreement(
        alpha=alpha(paired),
        units=len(paired),
        ratings=sum(len(unit) for unit in paired),
        raters=tuple(dict.fromkeys(r.rater for r in rated)),
    )


def _not_checked(case: Case) -> tuple[str, ...]:
    number = sum(len(group) for group in known()["names"].values())
    said = [
        f"whether a name beyond the {number} known offline exists",
        "how the report's confidences and its quality score were made: it does not say",
        "what words mean: only wording and numbers were compared",
        "whether what the paper says is true: only runs can tell",
    ]
    unknown = [i for i in reference_checks.identifiers(case.reports) if i not in case.cited]
    if unknown:
        told = f"whether {len(unknown)} references exist and what they are about"
        said.insert(0, f"{told}: give --look-up, or fetch them and give --fetched DIR")
    if not case.papers:
        said.insert(0, "claims against the paper: give it with --paper PATH")
    elif not any(p.paper.tables for p in case.papers):
        said.insert(0, "numbers against tables: none were found in what --paper gives")
    if len({c.text for r in case.reports for c in r.claims}) > MAX_NUMBERS and case.papers:
        said.append(f"numbers of more than {MAX_NUMBERS} different claims against tables")
    for paper in case.papers:
        said += [f"in '{paper.name}': {notice}" for notice in paper.paper.notices[:_NOTICES]]
    return tuple(said)
