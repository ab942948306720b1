"""How does one claim read: what is said, what was found, on what it rests?

The first lines give the answer: statement, finding, estimate against what is reported, what would change
it. What they rest on comes after, in sections that a rendering may fold away.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from claims.claim import Claim
from claims.estimand import Measure
from reports.blocks import (
    Block,
    Bullets,
    Fence,
    Inline,
    Paragraph,
    Quote,
    Section,
    Span,
    code,
    joined,
    number,
    strong,
    words,
)
from reports.claim_anchors import claim_anchor, run_anchor
from reports.claim_charts import claim_chart
from reports.claim_evidence import Shown, evidence
from reports.document import ClaimSection
from reports.figures import figure
from reports.summary import weakness_of
from reports.words import AGREEMENT_WORDS, claimed, expectation, what_would_change
from verifier.numbers import duration, estimate, share, stated
from verifier.verdict import Verdict
from verifier.words import FINDING_WORDS, VERDICT_WORDS, has_sign

__all__ = ["claim_section"]


def claim_section(
    section: ClaimSection, *, shown: Shown, weak: tuple[str, str] | None = None
) -> Section:
    """Return the section of one claim.

    Args:
        section: the claim.
        shown: what earlier claims printed by language; is added to.
        weak: what keeps the evidence of the whole report from deciding a paper's claim.
    """
    claim, verdict = section.claim, section.verdict
    weak = weakness_of(verdict, weak)
    title = words(code(claim.id), ": ", Span(VERDICT_WORDS[verdict.verdict], "verdict"))
    blocks = tuple(_blocks(section, shown, weak))
    return Section(title, blocks, claim_anchor(claim.id), _tags(section))


def _tags(section: ClaimSection) -> dict[str, str]:
    cells = section.verdict.evidence.cells
    return {
        "kind": section.claim.kind,
        "verdict": section.verdict.verdict,
        "task": " ".join(sorted({c.task for c in cells if c.task})),
        "language": " ".join(sorted({c.language for c in cells if c.language})),
    }


def _blocks(section: ClaimSection, shown: Shown, weak: tuple[str, str] | None) -> Iterator[Block]:
    claim, verdict = section.claim, section.verdict
    if verdict.stale:
        yield Quote(
            (strong(f"Stale: {'; '.join(verdict.stale)}. Run the plan anew."),), warning=True
        )
    yield Paragraph(words(claim.statement))
    yield _source(claim)
    yield Bullets(tuple(_facts(section)))
    yield from figure(f"claim-{claim.id}", _seen(section), claim_chart(section), weak)
    yield from _listed("Why this verdict.", verdict.reasons)
    yield from _listed("What would change it.", what_would_change(section))
    if verdict.evidence.exclusions:
        yield from _listed("Left out.", verdict.evidence.exclusions)
    yield Section(words("The claim in full"), tuple(_in_full(section)))
    yield from evidence(section, shown, weak)
    yield _footing(section)


def _listed(title: str, lines: Sequence[str]) -> Iterator[Block]:
    yield Paragraph(strong(title))
    yield Bullets(tuple(words(line) for line in lines))


def _source(claim: Claim) -> Quote:
    source = claim.source
    where = f"section {source.section}" if source.section != "unknown" else "section unknown"
    quote = "(its wording is unknown)" if source.quote == "unknown" else source.quote
    return Quote((words(quote), words(f"{where}; read in: {source.found_in}")))


def _facts(section: ClaimSection) -> Iterator[Inline]:
    claim, verdict = section.claim, section.verdict
    yield words(strong("Finding: "), FINDING_WORDS[verdict.finding])
    if verdict.estimate is not None:
        found = estimate(verdict.estimate, verdict.interval, signed=has_sign(claim))
        method = f", {verdict.interval.method}" if verdict.interval else ""
        level = verdict.interval.level if verdict.interval else verdict.level
        at = number(share(round(level, 4)))
        yield words(strong("Found: "), number(found), " points at level ", at, method)
    yield words(
        strong(f"Claimed ({claim.kind.replace('_', ' ')}): "), claimed(claim), _within(claim)
    )
    yield from _evidence_kind(verdict)
    if verdict.expected is not None:
        said = VERDICT_WORDS[verdict.expected]
        yield words(f"Expected: {said}; as expected: {expectation(verdict)}")
    if verdict.paper_check is not None:
        yield words(f"Paper check, which is no reproduction: {verdict.paper_check}")
    if section.criterion_stands() is False:
        yield strong(
            "The claim was changed after its runs were planned: read the verdict with care."
        )
    for accepted in verdict.acceptances[-1:]:
        yield strong(
            f"The claim was changed after it was fixed; {accepted.by} accepted that on "
            f"{accepted.time[:10]}, for the reason given below."
        )


def _within(claim: Claim) -> Inline:
    """Return the tolerance in words; nothing where the claim has none."""
    tolerance = getattr(claim, "tolerance", None)
    return () if tolerance is None else words(", give or take ", number(stated(tolerance.points)))


def _in_full(section: ClaimSection) -> Iterator[Block]:
    """Yield what decides the claim, and what was noted on it."""
    claim = section.claim
    lines: list[Inline] = []
    for name in ("tolerance", "minimum_effect"):
        size = getattr(claim, name, None)
        if size is not None:
            label = name.replace("_", " ").capitalize()
            said = f" points, because: {size.because}"
            lines.append(words(f"{label}: ", number(stated(size.points)), said))
    measure = getattr(claim, "measure", None)
    if isinstance(measure, Measure):
        lines.append(words(f"Measure: {_measure(measure)}"))
    lines.append(words("Criterion: ", code(claim.criterion()[:12])))
    yield Bullets(tuple(lines))
    if claim.notes:
        yield Paragraph(words("Notes on the claim:"))
        yield Bullets(tuple(words(note) for note in claim.notes))


def _evidence_kind(verdict: Verdict) -> Iterator[Inline]:
    if verdict.replication is None:
        yield words("Replication: none, no run bears on the claim")
        return
    agreement = ""
    if verdict.agreement is not None:
        agreement = f"; the evidence, which cannot decide it, {_agreement(verdict)}"
    yield words(f"Replication: {verdict.replication}{agreement}")


def _agreement(verdict: Verdict) -> str:
    word = AGREEMENT_WORDS[verdict.agreement] if verdict.agreement else ""
    return "is unclear" if word == "unclear" else f"{word} with the claim"


def _measure(measure: Measure) -> str:
    tasks = measure.tasks if isinstance(measure.tasks, str) else ", ".join(measure.tasks)
    spoken = measure.languages
    languages = spoken if isinstance(spoken, str) else ", ".join(spoken)
    said = (
        f"{measure.benchmark}; split: {measure.split}; tasks: {tasks}; languages: {languages}; "
        f"score: {measure.score}; over seeds: {measure.seeds}"
    )
    if measure.inference != "this_benchmark":
        said += "; about: sentences like these, not these alone"
    return said


def _seen(section: ClaimSection) -> Inline:
    """Say what the claim's chart shows."""
    verdict = section.verdict
    said: list[str] = []
    if verdict.estimate is not None:
        said.append("found (dot) with its interval (line)")
    if verdict.reported is not None:
        band = " and tolerance (band)" if verdict.tolerance is not None else ""
        said.append(f"reported (tick){band}")
    if verdict.minimum_effect is not None and verdict.estimate is not None:
        said.append("minimum effect (dashed)")
    if verdict.evidence.arms:
        said.append("below, the score of each seed (rings) and what is taken of them (ticks)")
        if section.chance is not None:
            said.append("chance level (dotted)")
    listed = ", ".join(said)
    return words(f"{listed[:1].upper()}{listed[1:]}, in points.")


def _footing(section: ClaimSection) -> Section:
    found, verdict = section.verdict.evidence, section.verdict
    digests = joined((words(code(d[:12], run_anchor(d))) for d in found.runs), ", ")
    others = joined((words(code(c, claim_anchor(c))) for c in found.shared_with), ", ")
    shares = [words("Shares runs with, so is not independent of: ", others)] if others else []
    cost = f"{len(section.runs)} runs, {duration(section.seconds)}"
    lines = (
        words("Evaluation runs: ", digests or "none"),
        *shares,
        words(f"Cost of all runs behind it: {cost}"),
        words(f"Signature: {verdict.signature}"),
    )
    again: tuple[Block, ...] = ()
    if section.command is not None:
        said = Paragraph(words("This makes the verdict again from the store:"))
        again = (said, Fence((section.command,)))
    return Section(words(f"What it rests on, and its command: {cost}"), (Bullets(lines), *again))
