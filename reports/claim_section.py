"""How does one claim read in Markdown: what is said, what was found, on what it rests?"""

from __future__ import annotations

from collections.abc import Iterator

from claims.claim import Claim
from claims.estimand import Measure
from replication.deviations import Deviation
from reports.document import ClaimSection
from reports.escaping import bullets, cell, code, table, text
from reports.numbers import decimals, duration, estimate, points, share, stated
from reports.score_tables import aggregate_table, language_tables
from reports.uncertainty import uncertainty
from reports.words import (
    AGREEMENT_WORDS,
    FINDING_WORDS,
    VERDICT_WORDS,
    claimed,
    expectation,
    has_sign,
    what_would_change,
)
from verifier.verdict import Arm, SecondaryCriterion, Verdict

__all__ = ["claim_section"]

_CRITERIA = {
    "q_test": ("Q-test: the sizes differ by chance only", "Q", "above"),
    "small_telescopes": (
        "small telescopes: not below what the original could find",
        "points",
        "above",
    ),
    "sceptical_p": ("sceptical p-value, golden level: both convince a sceptic", "z", "at most"),
    "edgington": ("Edgington: both together exclude no effect", "sum of p", "at most"),
}
"""What each secondary criterion asks, what its value is, and where p must lie to meet it."""


def claim_section(section: ClaimSection, *, shown: dict[str, str]) -> Iterator[str]:
    """Yield the blocks of one claim, Markdown each, to be joined by empty lines.

    Args:
        section: the claim.
        shown: tables by language that earlier claims printed, table -> claim id; is added to, so
            that claims that share runs do not repeat 40 languages each.
    """
    claim, verdict = section.claim, section.verdict
    yield f"### {code(claim.id)}: {VERDICT_WORDS[verdict.verdict]}"
    if verdict.stale:
        yield f"**Stale: {text('; '.join(verdict.stale))}. Run the plan anew.**"
    yield text(claim.statement)
    yield from _source(claim)
    yield bullets(_facts(section))
    yield "**Why this verdict.**\n\n" + bullets(text(reason) for reason in verdict.reasons)
    changes = (text(sentence) for sentence in what_would_change(section))
    yield "**What would change it.**\n\n" + bullets(changes)
    yield from _evidence(section, shown)
    yield from uncertainty(verdict)
    yield from _secondary(verdict.secondary)
    yield from _ledger(verdict.deviations)
    if verdict.evidence.exclusions:
        yield "Left out:\n\n" + bullets(text(line) for line in verdict.evidence.exclusions)
    if claim.notes:
        yield "Notes on the claim:\n\n" + bullets(text(note) for note in claim.notes)
    yield "**What it rests on.**\n\n" + _footing(section)


def _source(claim: Claim) -> Iterator[str]:
    source = claim.source
    where = f"section {source.section}" if source.section != "unknown" else "section unknown"
    quote = "(its wording is unknown)" if source.quote == "unknown" else text(source.quote)
    yield f"> {quote}\n>\n> {text(where)}; read in: {text(source.found_in)}"


def _facts(section: ClaimSection) -> Iterator[str]:
    claim, verdict = section.claim, section.verdict
    yield f"Claimed ({claim.kind.replace('_', ' ')}): {cell(claimed(claim))}"
    if verdict.estimate is not None:
        number = estimate(verdict.estimate, verdict.interval, signed=has_sign(claim))
        method = f", {text(verdict.interval.method)}" if verdict.interval else ""
        level = verdict.interval.level if verdict.interval else verdict.level
        yield f"Found: {number} points at level {share(round(level, 4))}{method}"
    yield f"Finding: {FINDING_WORDS[verdict.finding]}"
    yield from _evidence_kind(verdict)
    for name in ("tolerance", "minimum_effect"):
        size = getattr(claim, name, None)
        if size is not None:
            said = f"{stated(size.points)} points, because: {cell(size.because)}"
            yield f"{name.replace('_', ' ').capitalize()}: {said}"
    measure = getattr(claim, "measure", None)
    if isinstance(measure, Measure):
        yield f"Measure: {_measure(measure)}"
    if verdict.expected is not None:
        said = VERDICT_WORDS[verdict.expected]
        yield f"Expected: {said}; as expected: {expectation(verdict)}"
    if verdict.paper_check is not None:
        yield f"Paper check: {text(verdict.paper_check)}"
    if section.criterion_kept() is False:
        yield "**The claim was changed after its runs were planned: read the verdict with care.**"


def _evidence_kind(verdict: Verdict) -> Iterator[str]:
    if verdict.replication is None:
        yield "Replication: none, no run bears on the claim"
        return
    agreement = ""
    if verdict.agreement is not None:
        agreement = f"; the evidence, which cannot decide it, {_agreement(verdict)}"
    yield f"Replication: {verdict.replication}{agreement}"


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
    return text(said)


def _evidence(section: ClaimSection, shown: dict[str, str]) -> Iterator[str]:
    evidence = section.verdict.evidence
    if evidence.arms:
        digits = max(1, decimals(section.verdict.interval))
        rows = [_arm(arm, digits) for arm in evidence.arms]
        yield table(("condition", "over seeds", "seed: score"), rows)
    aggregates = aggregate_table(evidence.cells)
    if aggregates:
        yield aggregates
    for caption, tables in language_tables(evidence.cells):
        block = f"By language, {caption}:"
        first = shown.setdefault(f"{block}\n{tables}", section.claim.id)
        if first == section.claim.id:
            yield block
            yield tables
        else:
            yield f"{block} as under {code(first)}."


def _arm(arm: Arm, digits: int) -> tuple[str, str, str]:
    pairs = zip(arm.seeds, arm.scores, strict=True)
    scores = (
        f"{'no seed' if seed is None else seed}: {points(score, digits=digits)}"
        for seed, score in pairs
    )
    return cell(arm.condition), points(arm.summary, digits=digits), ", ".join(scores)


def _secondary(criteria: tuple[SecondaryCriterion, ...]) -> Iterator[str]:
    if not criteria:
        return
    given = all(found.original_error == "given" for found in criteria)
    error = "is the one that the paper states" if given else "is assumed from our own runs"
    yield (
        "Secondary criteria of replication success; they decide nothing, and the original's "
        f"standard error {error}:"
    )
    rows = []
    for found in criteria:
        asked, unit, side = _CRITERIA[found.name]
        rows.append(
            (asked, f"{unit} {found.value:.3g}", f"{found.p:.2g}",
             f"{side} {found.threshold:.3g}", "yes" if found.met else "no")
        )  # fmt: skip
    yield table(("criterion", "value", "p", "asks for p", "met"), rows)


def _ledger(deviations: tuple[Deviation, ...]) -> Iterator[str]:
    if not deviations:
        yield "Deviations from the protocol as reported: none."
        return
    order = sorted(deviations, key=lambda d: (d.importance != "important", d.field))
    rows = [(cell(d.field), cell(d.reported), cell(d.used), d.importance) for d in order]
    yield "Deviations from the protocol as reported:"
    yield table(("field", "reported", "used", "importance"), rows)


def _footing(section: ClaimSection) -> str:
    evidence, verdict = section.verdict.evidence, section.verdict
    digests = ", ".join(code(digest[:12]) for digest in evidence.runs) or "none"
    others = ", ".join(code(claim) for claim in evidence.shared_with)
    lines = [
        f"Evaluation runs: {digests}",
        *([f"Shares runs with, so is not independent of: {others}"] if others else []),
        f"Cost of all runs behind it: {len(section.runs)} runs, {duration(section.seconds)}",
        f"Signature: {text(verdict.signature)}",
        f"Criterion: {code(section.claim.criterion()[:12])}",
    ]
    return bullets(lines)
