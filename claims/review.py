"""What is a machine-written synthesis report that "verified" a paper's claims worth?

Independent checks look at each claim and each report and rate them from 1 to 5; other reviewers'
ratings enter the same way. Agreement among raters is Krippendorff's alpha. Nothing is looked up
over the network, and what could not be checked is said.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Literal

from claims import claim_checks, report_checks
from claims.agreement import alpha
from claims.errors import SynthesisError
from claims.matching import Matched, match
from claims.quotes import Quote, Source, continued, quote
from claims.review_records import (
    Agreement,
    Case,
    ClaimReview,
    Judgement,
    Part,
    Rating,
    ReportReview,
    Review,
    known,
)  # fmt: skip
from claims.synthesis import Synthesis, SynthesisClaim

__all__ = ["CHECKS", "MAX_REPORTS", "review"]

MAX_REPORTS = 50
"""Most reports reviewed together."""

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
    "references": ("Can references be resolved, and are they used?", report_checks.references),
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
) -> Review:
    """Audit one or several synthesis reports.

    Args:
        reports: at most 50, of different names.
        papers: texts of the papers that the claims are from, if they are at hand.
        ratings: other reviewers' ratings; their raters bear no check's name.

    Raises:
        SynthesisError: too many reports, or two of one name, or a rater that is named like a check.
    """
    _check_input(reports, ratings)
    matched = match(reports)
    quotes, completions = _looked_up(reports, papers, matched)
    case = Case(tuple(reports), matched, tuple(papers), quotes, completions)
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
        checks={name: asks for name, (asks, _) in CHECKS.items()},
        not_checked=_not_checked(papers),
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
    reports: Sequence[Synthesis], papers: Sequence[Source], matched: Sequence[Matched]
) -> tuple[dict[tuple[str, int], Quote], dict[tuple[str, int], tuple[str, str]]]:
    """Return what sources say of each claim, and how cut ones go on elsewhere."""
    groups = {(m.report, m.number): group for group in matched for m in group.members}
    quotes, completions = {}, {}
    for report in reports:
        own = Source(f"{report.name}'s own text", report.own_text(), independent=False)
        sources = [*papers, own]
        for claim in report.claims:
            place = (report.name, claim.number)
            quotes[place] = quote(claim.text, cut=claim.cut, sources=sources)
            if claim.cut:
                completions[place] = _completion(claim, groups[place], papers, report.name)
    return quotes, completions


def _completion(
    claim: SynthesisClaim, group: Matched, papers: Sequence[Source], report: str
) -> tuple[str, str]:
    text, where = continued(claim.text, papers)
    if text:
        return text, where
    home = group.completed_by or group.members[0].report
    return (group.text, home) if group.text != claim.text and home != report else ("", "")


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


def _outcome(found: Quote) -> Literal["borne out", "contradicted", "open"]:
    if found.contradicts():
        return "contradicted"
    whole = found.status == "found" and found.independent and not found.missing
    return "borne out" if whole else "open"


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


def _not_checked(papers: Sequence[Source]) -> tuple[str, ...]:
    number = sum(len(group) for group in known()["names"].values())
    said = [
        "whether references exist and what they are about: nothing was looked up over the network",
        f"whether a name beyond the {number} known offline exists",
        "tables, figures and data: only words and printed numbers were compared",
        "how the report's confidences and its quality score were made: it does not say",
    ]
    if not papers:
        said.insert(0, "quotes and numbers against the paper: give its text with --paper FILE")
    return tuple(said)
