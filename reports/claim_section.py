"""How does one claim read: what is said, what was found, on what it rests?"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from claims.claim import Claim
from claims.estimand import Measure
from replication.deviations import Deviation
from reports.blocks import (
    Block,
    Bullets,
    Inline,
    Paragraph,
    Quote,
    Section,
    Span,
    Table,
    code,
    joined,
    number,
    strong,
    words,
)
from reports.claim_charts import cells_chart, claim_chart
from reports.document import ClaimSection
from reports.figures import figure
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

__all__ = ["claim_anchor", "claim_section", "run_anchor"]

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


def claim_section(
    section: ClaimSection, *, shown: dict[Table, str], weak: tuple[str, str] | None = None
) -> Section:
    """Return the section of one claim.

    Args:
        section: the claim.
        shown: tables by language that earlier claims printed, table -> claim id; is added to, so
            that claims that share runs do not repeat 40 languages each.
        weak: what keeps the evidence of the whole report from deciding a paper's claim.
    """
    claim, verdict = section.claim, section.verdict
    if weak is None and verdict.replication == "conceptual":
        weak = "Conceptual evidence only.", ""
    title = words(code(claim.id), ": ", Span(VERDICT_WORDS[verdict.verdict], "verdict"))
    blocks = tuple(_blocks(section, shown, weak))
    return Section(title, blocks, claim_anchor(claim.id), _tags(section))


def claim_anchor(claim: str) -> str:
    """Return the id of a claim's section, which links name."""
    return f"claim-{claim}"


def _tags(section: ClaimSection) -> dict[str, str]:
    cells = section.verdict.evidence.cells
    return {
        "kind": section.claim.kind,
        "verdict": section.verdict.verdict,
        "task": " ".join(sorted({c.task for c in cells if c.task})),
        "language": " ".join(sorted({c.language for c in cells if c.language})),
    }


def _blocks(
    section: ClaimSection, shown: dict[Table, str], weak: tuple[str, str] | None
) -> Iterator[Block]:
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
    yield from _evidence(section, shown, weak)
    yield from uncertainty(verdict)
    yield from _secondary(verdict.secondary)
    yield from _ledger(verdict.deviations)
    if verdict.evidence.exclusions:
        yield Paragraph(words("Left out:"))
        yield Bullets(tuple(words(line) for line in verdict.evidence.exclusions))
    if claim.notes:
        yield Paragraph(words("Notes on the claim:"))
        yield Bullets(tuple(words(note) for note in claim.notes))
    yield Paragraph(strong("What it rests on."))
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
    yield words(f"Claimed ({claim.kind.replace('_', ' ')}): {claimed(claim)}")
    if verdict.estimate is not None:
        found = estimate(verdict.estimate, verdict.interval, signed=has_sign(claim))
        method = f", {verdict.interval.method}" if verdict.interval else ""
        level = verdict.interval.level if verdict.interval else verdict.level
        at = number(share(round(level, 4)))
        yield words("Found: ", number(found), " points at level ", at, method)
    yield words(f"Finding: {FINDING_WORDS[verdict.finding]}")
    yield from _evidence_kind(verdict)
    for name in ("tolerance", "minimum_effect"):
        size = getattr(claim, name, None)
        if size is not None:
            label = name.replace("_", " ").capitalize()
            said = f" points, because: {size.because}"
            yield words(f"{label}: ", number(stated(size.points)), said)
    measure = getattr(claim, "measure", None)
    if isinstance(measure, Measure):
        yield words(f"Measure: {_measure(measure)}")
    if verdict.expected is not None:
        said = VERDICT_WORDS[verdict.expected]
        yield words(f"Expected: {said}; as expected: {expectation(verdict)}")
    if verdict.paper_check is not None:
        yield words(f"Paper check: {verdict.paper_check}")
    if section.criterion_kept() is False:
        yield strong(
            "The claim was changed after its runs were planned: read the verdict with care."
        )


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


def _evidence(
    section: ClaimSection, shown: dict[Table, str], weak: tuple[str, str] | None
) -> Iterator[Block]:
    evidence = section.verdict.evidence
    if evidence.arms:
        digits = max(1, decimals(section.verdict.interval))
        header = (words("condition"), words("over seeds"), words("seed: score"))
        yield Table(header, tuple(_arm(arm, digits) for arm in evidence.arms))
    yield from aggregate_table(evidence.cells)
    for caption, tables in language_tables(evidence.cells):
        first = shown.setdefault(tables[0], section.claim.id)
        if first == section.claim.id:
            yield Paragraph(words("By language, ", caption, ":"))
            yield from tables
        else:
            there = code(first, claim_anchor(first))
            yield Paragraph(words("By language, ", caption, ": as under ", there, "."))
    yield from _heat_maps(section, shown, weak)


def _heat_maps(
    section: ClaimSection, shown: dict[Table, str], weak: tuple[str, str] | None
) -> Iterator[Block]:
    """Yield a map of tasks and languages for each contrast that no earlier claim has shown."""
    cells = [c for c in section.verdict.evidence.cells if c.language is not None]
    for place, contrast in enumerate(sorted({c.contrast or "" for c in cells}), 1):
        of_contrast = [c for c in cells if (c.contrast or "") == contrast]
        tables = [table for _, tables in language_tables(of_contrast) for table in tables]
        if not any(shown.get(table) == section.claim.id for table in tables):
            continue
        low = min(of_contrast, key=lambda c: c.estimate)
        high = max(of_contrast, key=lambda c: c.estimate)
        caption = words(
            "By task and language", *(words(", ", code(contrast)) if contrast else ()),
            f". Lowest {low.task or ''} {low.language}, ", number(points(low.estimate)),
            f"; highest {high.task or ''} {high.language}, ", number(points(high.estimate)),
            ", in points.",
        )  # fmt: skip
        name = f"claim-{section.claim.id}-map-{place}"
        yield from figure(name, caption, cells_chart(of_contrast), weak)


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
    listed = ", ".join(said)
    return words(f"{listed[:1].upper()}{listed[1:]}, in points.")


def _arm(arm: Arm, digits: int) -> tuple[Inline, ...]:
    pairs = zip(arm.seeds, arm.scores, strict=True)
    scores = joined(
        (
            words(f"{'no seed' if seed is None else seed}: ", number(points(score, digits=digits)))
            for seed, score in pairs
        ),
        ", ",
    )
    return words(arm.condition), words(number(points(arm.summary, digits=digits))), scores


def _secondary(criteria: tuple[SecondaryCriterion, ...]) -> Iterator[Block]:
    if not criteria:
        return
    given = all(found.original_error == "given" for found in criteria)
    error = "is the one that the paper states" if given else "is assumed from our own runs"
    yield Paragraph(
        words(
            "Secondary criteria of replication success; they decide nothing, and the original's "
            f"standard error {error}:"
        )
    )
    rows = []
    for found in criteria:
        asked, unit, side = _CRITERIA[found.name]
        met = "yes" if found.met else "no"
        value, p, bar = f"{found.value:.3g}", f"{found.p:.2g}", f"{found.threshold:.3g}"
        rows.append(
            (words(asked), words(f"{unit} ", number(value)), words(number(p)),
             words(f"{side} ", number(bar)), words(met))
        )  # fmt: skip
    header = ("criterion", "value", "p", "asks for p", "met")
    yield Table(tuple(words(head) for head in header), tuple(rows))


def _ledger(deviations: tuple[Deviation, ...]) -> Iterator[Block]:
    if not deviations:
        yield Paragraph(words("Deviations from the protocol as reported: none."))
        return
    order = sorted(deviations, key=lambda d: (d.importance != "important", d.field))
    rows = (tuple(words(w) for w in (d.field, d.reported, d.used, d.importance)) for d in order)
    yield Paragraph(words("Deviations from the protocol as reported:"))
    header = ("field", "reported", "used", "importance")
    yield Table(tuple(words(head) for head in header), tuple(rows))


def _footing(section: ClaimSection) -> Bullets:
    evidence, verdict = section.verdict.evidence, section.verdict
    digests = joined((words(code(d[:12], run_anchor(d))) for d in evidence.runs), ", ")
    others = joined((words(code(c, claim_anchor(c))) for c in evidence.shared_with), ", ")
    shares = [words("Shares runs with, so is not independent of: ", others)] if others else []
    cost = f"{len(section.runs)} runs, {duration(section.seconds)}"
    return Bullets(
        (
            words("Evaluation runs: ", digests or "none"),
            *shares,
            words(f"Cost of all runs behind it: {cost}"),
            words(f"Signature: {verdict.signature}"),
            words("Criterion: ", code(section.claim.criterion()[:12])),
        )
    )


def run_anchor(digest: str) -> str:
    """Return the id of a run's row in the list of runs."""
    return f"run-{digest[:12]}"
