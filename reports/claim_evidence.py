"""On what does a verdict rest: scores by condition, task and language, uncertainty, deviations?

Each part is a section of its own, which a rendering may fold away under its title.
"""

from __future__ import annotations

from collections.abc import Iterator

from replication.deviations import Deviation
from reports.blocks import (
    Block,
    Inline,
    Paragraph,
    Section,
    code,
    joined,
    number,
    table,
    words,
)
from reports.claim_anchors import claim_anchor
from reports.claim_charts import cells_chart
from reports.document import ClaimSection
from reports.figures import figure
from reports.score_tables import aggregate_table, by_language, language_tables
from reports.uncertainty import uncertainty
from verifier.numbers import decimals, points
from verifier.verdict import Arm, Cell, SecondaryCriterion

__all__ = ["Shown", "evidence"]

Shown = dict[tuple[Cell, ...], str]
"""Cells of one contrast and task that a claim's section printed -> that claim's id."""

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


def evidence(section: ClaimSection, shown: Shown, weak: tuple[str, str] | None) -> Iterator[Block]:
    """Yield the sections of a claim's evidence; none where there is nothing to say.

    Args:
        section: the claim.
        shown: is added to, so that claims that share runs do not repeat 40 languages each.
        weak: what keeps the evidence of the whole report from deciding a paper's claim.
    """
    verdict = section.verdict
    scores = tuple(_scores(section, shown, weak))
    if scores:
        yield Section(words("Scores by condition, task and language"), scores)
    unsure = (*uncertainty(verdict), *_secondary(verdict.secondary))
    if unsure:
        yield Section(words("Uncertainty, more seeds and secondary criteria"), unsure)
    if verdict.replication is not None:
        yield _ledger(verdict.deviations)


def _scores(section: ClaimSection, shown: Shown, weak: tuple[str, str] | None) -> Iterator[Block]:
    found = section.verdict.evidence
    if found.arms:
        digits = max(1, decimals(section.verdict.interval))
        header = ("condition", "over seeds", "seed: score")
        yield table(header, (_arm(arm, digits) for arm in found.arms))
        chance = section.chance
        if chance is not None:
            yield Paragraph(
                words("Chance level of these scores: ", number(points(chance)), " points.")
            )
    yield from aggregate_table(found.cells)
    new: list[Cell] = []
    elsewhere: dict[str, list[Inline]] = {}
    for cells in by_language(found.cells):
        first = shown.setdefault(cells, section.claim.id)
        caption, tables = language_tables(cells) if first == section.claim.id else ((), ())
        if tables:
            new += cells
            yield Paragraph(words("By language, ", caption, ":"))
            yield from tables
        else:
            elsewhere.setdefault(first, []).append(_named(cells[0]))
    for first, names in elsewhere.items():
        there = code(first, claim_anchor(first))
        yield Paragraph(words("By language, ", joined(names, "; "), ": as under ", there, "."))
    yield from _heat_maps(section, new, weak)


def _named(cell: Cell) -> Inline:
    names = [words(code(name)) for name in (cell.task, cell.contrast) if name]
    return joined(names, ", ") or words("all tasks")


def _heat_maps(
    section: ClaimSection, cells: list[Cell], weak: tuple[str, str] | None
) -> Iterator[Block]:
    """Yield a map of tasks and languages for each contrast of cells that no earlier claim has shown."""
    for place, contrast in enumerate(sorted({c.contrast or "" for c in cells}), 1):
        of_contrast = [c for c in cells if (c.contrast or "") == contrast]
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
    yield table(header, rows)


def _ledger(deviations: tuple[Deviation, ...]) -> Block:
    said = "Deviations from the protocol as reported:"
    if not deviations:
        return Paragraph(words(f"{said} none."))
    important = sum(d.importance == "important" for d in deviations)
    title = words(f"{said} {len(deviations)}, of them important: {important}")
    order = sorted(deviations, key=lambda d: (d.importance != "important", d.field))
    rows = (tuple(words(w) for w in (d.field, d.reported, d.used, d.importance)) for d in order)
    header = ("field", "reported", "used", "importance")
    return Section(title, (table(header, rows),))
