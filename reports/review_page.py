"""What does a person see of the audit of synthesis reports?

What the reports are worth and why comes first, then the claims, then the details.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Sequence

from claims.matching import Matched
from claims.prose import visible
from claims.review_records import Agreement, ClaimReview, Finding, Review
from claims.sources import Result
from claims.synthesis import WHOLE
from verifier.numbers import counted

__all__ = ["NARROWEST", "WIDEST", "review_text"]

NARROWEST = 50
"""Fewest characters of a line."""
WIDEST = 110
"""Most characters of a line, unless a single word is longer."""
PRINTED = 400
"""Characters of a passage or detail that are shown; `--json` has all."""
HALF = 0.5
"""Confidence below which a tick is named at the top."""
_ORDER = {"error": 0, "warning": 1, "note": 2}
_WORTH = ((2.5, "not to be relied on"), (3.5, "weak"), (4.25, "to be read with care"))
"""What a report is called whose score is below that."""


def review_text(review: Review, *, width: int = WIDEST) -> str:
    """Return the review as a person reads it.

    Args:
        review: what was found.
        width: characters of a line, taken as 50 to 110.
    """
    return visible(_Page(review, max(NARROWEST, min(width, WIDEST))).text())


class _Page:
    """The review of some reports, laid out for one width; several reports are called R1, R2, ..."""

    def __init__(self, review: Review, width: int) -> None:
        self.review, self.width = review, width
        names = [r.name for r in review.reports]
        self.labels = {n: f"R{i}" if len(names) > 1 else n for i, n in enumerate(names, start=1)}

    def text(self) -> str:
        limits = [self._line(text, "  - ") for text in self.review.not_checked]
        parts = [self._worth(), self._why(), self._claims(), self._details(), self._scores()]
        return "\n\n".join([*parts, "\n".join(["Not checked", *limits])])

    def _worth(self) -> str:
        claims = [c for r in self.review.reports for c in r.claims]
        ticks = sum(c.ticked is True for c in claims)
        different = f" ({len(self.review.claims)} different)" if len(self.labels) > 1 else ""
        head = [counted(len(self.labels), "report"), counted(len(claims), "claim") + different]
        rows = [", ".join([*head, counted(ticks, "tick")]), ""]
        for report in self.review.reports:
            worth = (word for limit, word in _WORTH if report.score < limit)
            told = next(worth, "little speaks against it")
            called = self.labels[report.name]
            named = f"  {report.name}" if called != report.name else ""
            rows.append(self._line(f"  {report.score:.1f} of 5  {called}  {told}{named}", "", 12))
            rows.append(self._line(report.title or "(no title)", " " * 12))
            if report.question:
                rows.append(self._line(f"asks: {report.question}", " " * 12))
        return "\n".join(rows)

    def _why(self) -> str:
        """Return the few sentences that a reader in a hurry needs."""
        ticked = [c for r in self.review.reports for c in r.claims if c.ticked]
        held = sum(c.outcome == "in the paper" for c in ticked)
        against = sum(c.outcome == "contradicted" for c in ticked)
        papers = ", ".join(self.review.papers)
        told = [
            f"Of {counted(len(ticked), 'tick')}, {papers} has the words and numbers of {held}, "
            f"contradicts {against} and leaves {len(ticked) - held - against} open."
            if papers
            else f"Of {counted(len(ticked), 'tick')}, {len(ticked)} are open: no paper was given."
        ]
        errors = [f for f in self.review.findings if f.level == "error"]
        for (_, text), found in _grouped(errors).items():
            told.append(f"{text[0].upper()}{text[1:]}{self._bracketed(found)}.")
        low = [c.confidence for c in ticked if c.confidence is not None and c.confidence < HALF]
        if low:
            told.append(
                f"Of {counted(len(ticked), 'tick')}, {len(low)} stand at a confidence below {HALF:.2f}, "
                f"the lowest at {min(low):.2f}."
            )
        claims = [c for r in self.review.reports for c in r.claims]
        if cut := sum(c.cut for c in claims):
            told.append(f"Of {counted(len(claims), 'claim')}, {cut} break off within a sentence.")
        return "\n".join(["Why", *(self._line(t, "  - ") for t in told)])

    def _claims(self) -> str:
        lines = ["Claims" if len(self.labels) == 1 else "Claims, each once"]
        for claim in self.review.claims:
            text = f"{claim.text}{'' if claim.whole else ' ...'}"
            lines.append(self._line(f"{claim.number:>3}  {text}", "", 5))
            lines += [self._line(told, " " * 7, 2) for told in self._told(claim)]
        return "\n".join(lines)

    def _told(self, claim: Matched) -> Iterable[str]:
        places = {(m.report, m.number) for m in claim.members}
        own = [
            (r.name, c)
            for r in self.review.reports
            for c in r.claims
            if (r.name, c.number) in places
        ]
        yield "; ".join(self._standing(claim, own))
        longer = max((c for _, c in own), key=lambda c: len(c.completed))
        if len(longer.completed) > len(claim.text):
            end = "" if longer.completed.endswith(WHOLE) else " ..."
            where = self.labels.get(longer.completed_by, longer.completed_by)
            yield f"completed from {where}: {_short(longer.completed)}{end}"
        best = next((c.quote for _, c in own if c.quote.passage), None)
        if best is not None and not (best.status == "found" and longer.completed == best.passage):
            where = f"{best.source}, {best.place}" if best.place else best.source
            yield f"{best.status} in {where}: {_short(best.passage)}"
        near = next((c.quote for _, c in own if c.quote.nearest), None)
        if best is None and near is not None:
            yield f"no such words there; nearest in {near.nearest_in}: {_short(near.nearest)}"
        for number in max((c.quote.numbers for _, c in own), key=len):
            yield _derived(number)

    def _standing(self, claim: Matched, own: Sequence[tuple[str, ClaimReview]]) -> Iterable[str]:
        yield ", ".join(dict.fromkeys(c.outcome for _, c in own))
        if len(self.labels) > 1:
            yield f"in {self._who([name for name, _ in own])}"
        marks = {c.ticked for _, c in own}
        mark = (
            "ticked" if marks == {True} else "not ticked" if True not in marks else "ticked in part"
        )
        values = sorted(c.confidence for _, c in own if c.confidence is not None)
        if values:
            low, high = f"{values[0]:.2f}", f"{values[-1]:.2f}"
            mark += f" at {low}" if low == high else f" at {low} to {high}"
        yield mark
        if not claim.whole:
            yield "cut in every report" if len(own) > 1 else "cut"
        if claim.completed_by:
            yield f"this wording is of {self.labels.get(claim.completed_by, claim.completed_by)}"
        if len(claim.wordings) > 1:
            yield f"{len(claim.wordings)} wordings"

    def _details(self) -> str:
        sections = []
        for check, asks in self.review.checks.items():
            own = [f for f in self.review.findings if f.check == check]
            grouped = sorted(_grouped(own).items(), key=lambda item: _ORDER[item[0][0]])
            lines = [
                line for (level, text), found in grouped for line in self._found(level, text, found)
            ]
            sections.append("\n".join([self._line(asks, ""), *(lines or ["  nothing found"])]))
        return "\n\n".join(sections)

    def _found(self, level: str, text: str, findings: Sequence[Finding]) -> Iterable[str]:
        details: dict[str, list[Finding]] = {}
        for finding in findings:
            details.setdefault(finding.detail, []).append(finding)
        if len(details) == 1:
            told = f"{text}: {_short(findings[0].detail)}" if findings[0].detail else text
            yield self._line(f"  {level:<8} {told}{self._bracketed(findings)}", "", 11)
            return
        yield self._line(f"  {level:<8} {text}", "", 11)
        for detail, own in details.items():
            where = self._places(own)
            told = ": ".join(part for part in (where, _short(detail)) if part)
            yield self._line(told, " " * 11, 2)

    def _bracketed(self, findings: Sequence[Finding]) -> str:
        where = self._places(findings)
        return f" [{where}]" if where else ""

    def _places(self, findings: Sequence[Finding]) -> str:
        """Return where findings are, reports with the same claims together."""
        where: dict[str, set[int]] = {}
        for finding in findings:
            where.setdefault(finding.report, set()).update(finding.claims)
        alike: dict[tuple[int, ...], list[str]] = {}
        for report, claims in where.items():
            alike.setdefault(tuple(sorted(claims)), []).append(report)
        told = []
        for numbers, reports in alike.items():
            which = f"claim{'s' if len(numbers) > 1 else ''} {_runs(numbers)}" if numbers else ""
            who = self._who(reports) if len(self.labels) > 1 else ""
            told.append(", ".join(part for part in (who, which) if part))
        return "; ".join(told)

    def _who(self, reports: Iterable[str]) -> str:
        """Return some reports by their labels: `R1-R3, R5`, or `all reports`."""
        named = set(reports)
        if len(named) == len(self.labels):
            return "all reports"
        order = [i for i, name in enumerate(self.labels, start=1) if name in named]
        return _runs(order, "R")

    def _scores(self) -> str:
        reports = self.review.reports
        lines = [
            "How the scores come about",
            self._line(
                "Each rater rates from 1 (not to be relied on) to 5 (nothing against it); 3 is open. A "
                "score is the mean of the raters' means below. A mean hides its lowest part: read that "
                "first.",
                "  ",
            ),
        ]
        kinds = {p.rater: p.kind for r in reports for p in r.parts}
        shown = {rater: rater if k == "check" else f"{rater} ({k})" for rater, k in kinds.items()}
        first = max(map(len, [*shown.values(), "score"])) + 2
        columns = max(1, (self.width - first - 2) // 6)
        for start in range(0, len(reports), columns):
            part = reports[start : start + columns]
            if len(reports) > 1:
                heads = "".join(f"{self.labels[r.name]:>6}" for r in part)
                lines.append(f"  {'':<{first}}{heads}")
            for rater, name in shown.items():
                means = [next((p.mean for p in r.parts if p.rater == rater), None) for r in part]
                cells = "".join(f"{'-' if m is None else f'{m:.1f}':>6}" for m in means)
                lines.append(f"  {name:<{first}}{cells}")
            lines.append(f"  {'score':<{first}}{''.join(f'{r.score:>6.1f}' for r in part)}")
        lines.append(self._line(_agreement(self.review.agreement, "All raters"), "  "))
        if self.review.reviewers.raters:
            lines.append(self._line(_agreement(self.review.reviewers, "Reviewers alone"), "  "))
        return "\n".join(lines)

    def _line(self, text: str, indent: str, more: int = 0) -> str:
        """Break a text into lines; those after the first are indented further, by `more`."""
        return textwrap.fill(
            " ".join(text.split()) if indent else text, self.width, initial_indent=indent,
            subsequent_indent=" " * (len(indent) + more), break_long_words=False,
            break_on_hyphens=False,
        )  # fmt: skip


def _grouped(findings: Iterable[Finding]) -> dict[tuple[str, str], list[Finding]]:
    """Return findings of one level and text together."""
    grouped: dict[tuple[str, str], list[Finding]] = {}
    for finding in findings:
        grouped.setdefault((finding.level, finding.text), []).append(finding)
    return grouped


def _derived(result: Result) -> str:
    """Return what the paper's tables say of a number, in a line."""
    check = result.check
    tried = f"{counted(check.tried, 'formula')} tried"
    if not check.hits:
        return f"{result.printed}: {check.status} from the paper's tables ({tried})"
    if check.chance is not None:
        return (
            f"{result.printed}: {check.status}, but only by cells that the claim does not name "
            f"({tried}, chance of an accident {check.chance:.0%})"
        )
    hit = check.hits[0]
    value = "" if hit.formula == f"{hit.result:g}" else f" = {hit.result:.4g}"
    return f"{result.printed}: {check.status}: {hit.formula}{value}, {'; '.join(hit.places[:2])}"


def _agreement(agreement: Agreement, who: str) -> str:
    many = (
        f"{counted(len(agreement.raters), 'rater')}, {counted(agreement.ratings, 'rating')} of "
        f"{agreement.units} claims and reports that have several"
    )
    if agreement.alpha is None:
        return f"{who}: agreement cannot be told ({many}): too few ratings, or all the same."
    return (
        f"{who}: Krippendorff's alpha {agreement.alpha:.2f} for ordinal ratings ({many}); 1 is "
        "agreement, 0 chance. Checks ask different things, so a low alpha says that no one number "
        "stands for all."
    )


def _runs(numbers: Sequence[int], before: str = "") -> str:
    runs: list[list[int]] = []
    for number in numbers:
        if runs and number == runs[-1][-1] + 1:
            runs[-1].append(number)
        else:
            runs.append([number])
    told = []
    for run in runs:
        first, last = f"{before}{run[0]}", f"{before}{run[-1]}"
        told += [f"{first}-{last}"] if len(run) > 2 else list(dict.fromkeys([first, last]))
    return ", ".join(told)


def _short(text: str) -> str:
    return text if len(text) <= PRINTED else f"{text[:PRINTED].rpartition(' ')[0]} ..."
