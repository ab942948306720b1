"""What does a reader see of the audit of synthesis reports?"""

from __future__ import annotations

import argparse
import textwrap
from collections.abc import Iterable, Sequence
from typing import Any

from claims.matching import Matched
from claims.quotes import read_paper
from claims.ratings import read_ratings
from claims.review import review
from claims.review_records import Agreement, Finding, ReportReview, Review
from claims.synthesis import read_synthesis
from reports.search_view import desk, looked_up, resolved_json, resolved_text
from reports.streams import say, say_json

__all__ = ["review_command", "review_json", "review_text"]

WIDTH = 110
"""Longest line, in characters, unless a single word is longer."""
_ORDER = {"error": 0, "warning": 1, "note": 2}


def review_command(options: argparse.Namespace) -> int:
    """Run `corroborate review` with its options and return the exit code."""
    reports = [read_synthesis(path) for path in options.synthesis]
    papers = [read_paper(path) for path in options.paper]
    ratings = [r for path in options.ratings for r in read_ratings(path, reports)]
    found = review(reports, papers=papers, ratings=ratings)
    resolved = looked_up(reports, desk(options)) if options.look_up else None
    if resolved is not None:
        left = tuple(t for t in found.not_checked if not t.startswith("whether references exist"))
        found = found.model_copy(update={"not_checked": left})
    if options.json:
        more = {} if resolved is None else {"references": resolved_json(resolved)}
        say_json(review_json(found) | more)
    else:
        more_text = "" if resolved is None else f"\n\n{resolved_text(resolved)}"
        say(review_text(found) + more_text)
    return found.exit_code()


def review_json(review: Review) -> dict[str, Any]:
    """Return the whole review as a JSON document of schema `corroborate/review@1`."""
    return review.model_dump(mode="json", by_alias=True)


def review_text(review: Review) -> str:
    """Return the review as a person reads it: what it comes to, what was found, and how it counts."""
    parts = [
        _summary(review),
        _findings(review),
        _claims(review),
        _scores(review.reports, review.agreement),
        "Not checked\n" + "\n".join(_wrapped(text, "  - ") for text in review.not_checked),
    ]
    return "\n\n".join(part for part in parts if part)


def _summary(review: Review) -> str:
    claims = [c for r in review.reports for c in r.claims]
    ticked = [c for c in claims if c.ticked]
    held = sum(c.outcome == "borne out" for c in ticked)
    against = sum(c.outcome == "contradicted" for c in ticked)
    head = (
        f"{_number(len(review.reports), 'report')}, {_number(len(claims), 'claim')}"
        f" ({len(review.claims)} different), {_number(len(ticked), 'tick')}"
    )
    sources = ", ".join(review.papers) or "the reports' own text"
    told = (
        f"Of the {_number(len(ticked), 'claim')} ticked as verified, the sources at hand "
        f"({sources}) bear out {held}, contradict {against} and leave "
        f"{len(ticked) - held - against} open."
    )
    unanswered = [r.name for r in review.reports if not r.answered_by]
    if unanswered:
        told += f" In {_number(len(unanswered), 'report')} no claim answers the research question."
    rows = [
        f"  {r.score:.1f} of 5  {_number(len(r.claims), 'claim')}, "
        f"{sum(c.ticked is True for c in r.claims)} ticked  {r.name}: {r.title}"
        for r in review.reports
    ]
    return "\n".join([head, "", _wrapped(told, ""), "", *(_wrapped(r, "", 4) for r in rows)])


def _findings(review: Review) -> str:
    names = [r.name for r in review.reports]
    sections = []
    for check, asks in review.checks.items():
        grouped: dict[tuple[str, str], list[Finding]] = {}
        for finding in review.findings:
            if finding.check == check:
                grouped.setdefault((finding.level, finding.text), []).append(finding)
        ordered = sorted(grouped.items(), key=lambda item: _ORDER[item[0][0]])
        lines = [
            _wrapped(f"{level:<8} {text} [{_places(found, names)}]", "  ", 11)
            for (level, text), found in ordered
        ]
        sections.append("\n".join([asks, *(lines or ["  nothing found"])]))
    return "\n\n".join(sections)


def _places(findings: Sequence[Finding], names: Sequence[str]) -> str:
    """Return where findings of one text are, reports with the same claims together."""
    where: dict[tuple[int, ...], list[str]] = {}
    for finding in findings:
        where.setdefault(finding.claims, []).append(finding.report)
    told = []
    for claims, reports in where.items():
        every = len(names) > 1 and set(reports) == set(names)
        who = f"all {len(names)} reports" if every else ", ".join(dict.fromkeys(reports))
        told.append(f"{who}{_numbered(claims)}")
    return "; ".join(told)


def _numbered(claims: Sequence[int]) -> str:
    if not claims:
        return ""
    runs: list[list[int]] = []
    for number in claims:
        if runs and number == runs[-1][-1] + 1:
            runs[-1].append(number)
        else:
            runs.append([number])
    told = ", ".join(f"{r[0]}-{r[-1]}" if len(r) > 1 else f"{r[0]}" for r in runs)
    return f": claim{'s' if len(claims) > 1 else ''} {told}"


def _claims(review: Review) -> str:
    lines = [f"Claims, each once, in {_number(len(review.reports), 'report')}"]
    for claim in review.claims:
        lines.append(
            _wrapped(f"{claim.number:>3}  {claim.text}{'' if claim.whole else ' ...'}", "", 5)
        )
        lines.append(_wrapped(f"     {'; '.join(_told(claim, review))}", "", 5))
    return "\n".join(lines)


def _told(claim: Matched, review: Review) -> Iterable[str]:
    places = {(m.report, m.number) for m in claim.members}
    own = [(r.name, c) for r in review.reports for c in r.claims if (r.name, c.number) in places]
    yield f"in {_number(len({name for name, _ in own}), 'report')}"
    values = sorted(c.confidence for _, c in own if c.confidence is not None)
    if values:
        low, high = f"{values[0]:.2f}", f"{values[-1]:.2f}"
        yield f"confidence {low if low == high else f'{low} to {high}'}"
    yield ", ".join(dict.fromkeys(c.outcome for _, c in own))
    if not claim.whole:
        yield "cut in every report"
    if claim.completed_by:
        yield f"this wording is of {claim.completed_by}"
    if len(claim.wordings) > 1:
        yield f"{len(claim.wordings)} wordings"
    longer = next((c for _, c in own if c.completed and c.completed != claim.text), None)
    if longer:
        yield f"{longer.completed_by} has: {longer.completed}"
    passage = next((c.quote for _, c in own if c.quote.passage), None)
    if passage:
        yield f"{passage.status} in {passage.source}: {passage.passage}"


def _scores(reports: Sequence[ReportReview], agreement: Agreement) -> str:
    lines = [
        "How the scores come about",
        _wrapped(
            "A score is the mean of its raters' means; each rates from 1 (not to be relied on) to 5 "
            "(nothing against it), 3 is open. A mean hides its lowest part, so read that first.",
            "  ",
        ),
    ]
    for report in reports:
        parts = sorted(report.parts, key=lambda p: p.mean)
        told = ", ".join(
            f"{p.rater}{'' if p.kind == 'check' else f' ({p.kind})'} {p.mean:.1f}" for p in parts
        )
        lines.append(_wrapped(f"{report.name} {report.score:.2f} = mean of {told}", "  ", 4))
    many = (
        f"{len(agreement.raters)} raters, {agreement.ratings} ratings of {agreement.units} claims "
        "and reports"
    )
    if agreement.alpha is None:
        text = f"Agreement cannot be told: fewer than two ratings, or all are the same ({many})."
    else:
        text = (
            f"Agreement: Krippendorff's alpha {agreement.alpha:.2f} for ordinal ratings ({many}); 1 is "
            "agreement, 0 chance. The checks ask different things, so that a low alpha is no fault of "
            "theirs: it says that no one number stands for all of them."
        )
    return "\n".join([*lines, _wrapped(text, "  ")])


def _number(count: int, noun: str) -> str:
    return f"{count} {noun}{'' if count == 1 else 's'}"


def _wrapped(text: str, indent: str, more: int = 0) -> str:
    """Break a text into lines; those after the first are indented by `more` further characters."""
    rest = " " * (max(more, len(indent)) if more else len(indent))
    return textwrap.fill(
        text, WIDTH, initial_indent=indent, subsequent_indent=rest, break_long_words=False,
        break_on_hyphens=False, drop_whitespace=True, replace_whitespace=False,
    )  # fmt: skip
