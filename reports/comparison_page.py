"""What stands on the page about two audits, in which order: what changed first, and why?

It reads nothing but the comparison; every rendering of it is made from these blocks.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

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
    table,
    words,
)
from reports.claim_anchors import claim_anchor
from reports.comparison import Audit, ClaimChange, Comparison, Difference, Standing
from reports.comparison_card import card, estimates, rank, why
from reports.comparison_chart import drawn, lie_apart, pairs_chart, side_name
from reports.environment_text import total_lines
from reports.figures import figure
from verifier.numbers import counted, duration
from verifier.verdict import VERDICTS
from verifier.words import VERDICT_WORDS

__all__ = ["comparison_page", "weak_sides"]

PICTURES = 40
"""Claims with other results of which each has a picture of its own; beyond, one has them all."""
SHOWN = 300
"""Rows of one table of shared differences; the JSON has all."""


def comparison_page(comparison: Comparison) -> Section:
    """Return the whole page: its title and all that stands below it."""
    return Section(
        words("What changed between two audits"), tuple(_blocks(comparison)), "comparison"
    )


def weak_sides(comparison: Comparison) -> tuple[str, str] | None:
    """Return which sides are weak evidence, and an empty sentence, as `figure` takes them."""
    sides = [
        f"{side}: {audit.weak[0]}"
        for side, audit in (("Old", comparison.old), ("New", comparison.new))
        if audit.weak is not None
    ]
    return (" ".join(sides), "") if sides else None


def _blocks(comparison: Comparison) -> Iterator[Block]:
    ordered = sorted(comparison.claims, key=rank)
    for line in _headlines(comparison):
        yield Paragraph(line)
    yield from _warnings(comparison)
    yield Section(words("The two audits"), tuple(_audits(comparison)), "audits")
    yield Section(words("Verdicts"), tuple(_verdicts(comparison, ordered)), "verdicts")
    few = sum(bool(claim.changed) for claim in ordered) <= PICTURES
    cards = tuple(card(comparison, claim, pictured=few) for claim in ordered)
    yield Section(words("What changed and why"), cards, "claims")
    yield Section(words("Recipe"), tuple(_shared(comparison.protocol, _RECIPE)), "protocol")
    yield Section(words("Data"), tuple(_shared(comparison.data, _DATA)), "data")
    yield Section(
        words("Environment"), tuple(_shared(comparison.environment, _MACHINES)), "environment"
    )
    yield Section(words("Cost"), tuple(_costs(comparison)), "cost")


_RECIPE = "Both audits ran the same recipe."
_DATA = "Both audits read the same data at the same revisions."
_MACHINES = "Both audits ran on the same machines, versions and settings."


def _headlines(comparison: Comparison) -> Iterator[Inline]:
    both = comparison.in_both()
    if comparison.nothing_differs():
        yield strong(f"Nothing changed: both audits say the same of {counted(len(both), 'claim')}.")
        return
    turned = [c for c in both if "verdict" in c.changed]
    other = [c for c in both if c.changed and "verdict" not in c.changed]
    said = "No claim is in both audits"
    if both:
        said = (
            f"Of {counted(len(both), 'claim')} in both audits, {_has(len(turned))} another verdict"
        )
    beside = f", {_has(len(other))} the same verdict with another result beside it" if other else ""
    rest = f", and {len(both) - len(turned) - len(other)} came out the same" if both else ""
    yield words(strong(said), f"{beside}{rest}.")
    if turned:
        yield words("Other verdicts: ", joined(_turns(turned), "; "), ".")
    for name, only in (
        ("old", [c for c in comparison.claims if c.new is None]),
        ("new", [c for c in comparison.claims if c.old is None]),
    ):
        if only:
            yield words(f"Only in the {name} audit: ", _ids(only), ".")


def _turns(turned: Sequence[ClaimChange]) -> Iterator[Inline]:
    """Yield each change of verdict with the claims that underwent it."""
    for old in VERDICTS:
        for new in VERDICTS:
            of = [c for c in turned if (_label(c.old), _label(c.new)) == (old, new)]
            if of:
                labels = [Span(VERDICT_WORDS[label], "verdict") for label in (old, new)]
                yield words(labels[0], " then and ", labels[1], " now: ", _ids(of))


def _label(standing: Standing | None) -> str:
    return standing.verdict if standing is not None else ""


def _warnings(comparison: Comparison) -> Iterator[Block]:
    lines: list[Inline] = []
    for name, audit in (("old", comparison.old), ("new", comparison.new)):
        if audit.weak is not None:
            lines.append(words(strong(f"The {name} audit: {audit.weak[0]}"), f" {audit.weak[1]}"))
        if audit.controls_failed:
            failed = joined((words(code(c)) for c in audit.controls_failed), ", ")
            said = strong(f"The {name} audit: controls did not come out as expected: ", failed, ".")
            lines.append(
                words(said, " Until that is explained, none of its verdicts is to be relied on.")
            )
    stale = [c for c in comparison.claims if any(s and s.stale for s in (c.old, c.new))]
    if stale:
        lines.append(words(strong("Stale verdicts: "), _ids(stale), "."))
    lost = [c for c in comparison.claims if c.unexplained]
    if lost:
        left = " Nothing that these reports record differs and could change what did."
        lines.append(words(strong("Unexplained: ", _ids(lost), "."), left))
    if lines:
        yield Quote(tuple(lines), warning=True)


def _audits(comparison: Comparison) -> Iterator[Block]:
    old, new = comparison.old, comparison.new
    rows = [
        ("audit", old.title, new.title),
        ("written", old.generated, new.generated),
        ("recipe", _recipe(old), _recipe(new)),
        ("data from", old.data_source, new.data_source),
        ("runs", _runs(old), _runs(new)),
        ("evidence", *(a.weak[0] if a.weak else "can decide claims" for a in (old, new))),
    ]
    sides = (words(side_name(comparison, side)) for side in ("old", "new"))
    yield Table((words("fact"), *sides), tuple(tuple(words(c) for c in row) for row in rows))


def _recipe(audit: Audit) -> str:
    return f"{audit.protocol}, digest {audit.protocol_digest[:12]}"


def _runs(audit: Audit) -> str:
    return f"{audit.runs}, of these failed {audit.failed}"


def _verdicts(comparison: Comparison, ordered: Sequence[ClaimChange]) -> Iterator[Block]:
    sides = [words(side_name(comparison, side)) for side in ("old", "new")]
    header = (
        words("claim"), words("verdict, ", sides[0]), words("verdict, ", sides[1]),
        words("estimate, interval, ", sides[0]), words("estimate, interval, ", sides[1]),
        words("what can have changed it"),
    )  # fmt: skip
    rows = []
    for claim in ordered:
        left, right = estimates(claim)
        rows.append(
            (
                words(_id(claim)),
                _cell(claim.old, comparison.old),
                _cell(claim.new, comparison.new),
                left,
                right,
                why(claim),
            )
        )
    yield Table(header, tuple(rows))
    yield from _figure(comparison, ordered)


def _figure(comparison: Comparison, ordered: Sequence[ClaimChange]) -> Iterator[Block]:
    caption = words(
        "Each claim twice: above, the old audit (diamond, dashed interval), below it the new one "
        f"(circle, whole line); ticks are reported sizes, in points. {_seen(drawn(ordered))}"
    )
    yield from figure("compared", caption, pairs_chart(comparison, ordered), weak_sides(comparison))


def _seen(claims: Sequence[ClaimChange]) -> str:
    found = [apart for apart in map(lie_apart, claims) if apart is not None]
    if not found:
        return "No claim has an interval in both."
    apart = sum(found)
    return (
        f"Of {counted(len(found), 'claim')} with an interval in both, the two lie apart in {apart} and "
        f"overlap in {len(found) - apart}."
    )


def _cell(standing: Standing | None, audit: Audit) -> Inline:
    if standing is None:
        return words("not in it")
    weak = f" ({standing.weak.rstrip('.')})" if standing.weak and audit.weak is None else ""
    return words(strong(Span(VERDICT_WORDS[standing.verdict], "verdict")), weak)


def _shared(differences: Sequence[Difference], same: str) -> Iterator[Block]:
    if not differences:
        yield Paragraph(words(same))
        return
    header = ("what", "old", "new")
    rows = ((words(code(d.what)), words(d.old), words(d.new)) for d in differences[:SHOWN])
    yield table(header, rows)
    if len(differences) > SHOWN:
        yield Paragraph(words(f"{len(differences) - SHOWN} more are in the JSON."))


def _costs(comparison: Comparison) -> Iterator[Block]:
    old, new = comparison.old, comparison.new
    phases = list(dict.fromkeys(c.phase for c in (*old.costs, *new.costs)))
    rows = []
    for phase in phases:
        cells = [_spent(audit, (phase,)) for audit in (old, new)]
        rows.append((words(phase), *(cell for pair in zip(*cells, strict=True) for cell in pair)))
    cells = [_spent(audit, phases) for audit in (old, new)]
    rows.append((words("all"), *(cell for pair in zip(*cells, strict=True) for cell in pair)))
    header = ("phase", "runs, old", "runs, new", "time, old", "time, new")
    yield table(header, rows)
    for side, audit in (("Old", old), ("New", new)):
        if audit.usage is not None:
            yield Paragraph(words(f"{side} audit:"))
            yield Bullets(
                tuple(words(line[:1].upper() + line[1:]) for line in total_lines(audit.usage))
            )


def _spent(audit: Audit, phases: Iterable[str]) -> tuple[Inline, Inline]:
    wanted = {*phases}
    found = [c for c in audit.costs if c.phase in wanted]
    runs = str(sum(c.runs for c in found))
    return words(number(runs)), words(number(duration(sum(c.seconds for c in found))))


def _ids(claims: Sequence[ClaimChange]) -> Inline:
    return joined((words(_id(claim)) for claim in claims), ", ")


def _id(claim: ClaimChange) -> Span:
    return code(claim.claim, claim_anchor(claim.claim))


def _has(count: int) -> str:
    return f"{count or 'none'} {'has' if count < 2 else 'have'}"
