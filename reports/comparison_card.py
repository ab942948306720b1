"""How does one claim read in two audits: its results side by side, and what could have changed them?"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

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
from reports.comparison import ClaimChange, Comparison, Difference, DifferenceKind, Standing
from reports.comparison_chart import lie_apart, pairs_chart
from reports.figures import figure
from reports.words import AGREEMENT_WORDS
from verifier.numbers import duration, estimate, stated
from verifier.words import FINDING_WORDS, VERDICT_WORDS

__all__ = ["KINDS", "card", "estimates", "rank", "why"]

KINDS: dict[DifferenceKind, str] = {
    "criterion": "the claim's criterion",
    "paper": "the paper",
    "protocol": "recipe",
    "deviations": "deviations from the paper",
    "data": "data",
    "seeds": "seeds",
    "runs": "runs",
    "failures": "failed runs",
    "exclusions": "what was left out",
    "plan": "what the plan lacks",
    "measured": "what is averaged over",
    "scoring": "scoring code",
    "level": "level of the interval",
    "environment": "machine or versions",
    "staleness": "staleness",
    "wording": "wording",
}
_ORDER = list(KINDS)
_WITH_NAMES: tuple[DifferenceKind, ...] = ("criterion", "seeds")
_EXPECTED = {True: "yes", False: "no", None: "undecided"}


def rank(claim: ClaimChange) -> tuple[int, int, str]:
    """Return where a claim stands on the page: unexplained, other verdicts, other results, the rest."""
    one_sided = claim.old is None or claim.new is None
    place = 3 if one_sided else 0 if "verdict" in claim.changed else 1 if claim.changed else 2
    return 0 if claim.unexplained else 1, place, claim.claim


def card(comparison: Comparison, claim: ClaimChange, *, pictured: bool) -> Section:
    """Return the section of one claim.

    Args:
        comparison: that the claim is of.
        claim: the claim.
        pictured: whether its intervals are drawn, if its results changed.
    """
    standing = claim.new or claim.old
    tags = {} if standing is None else _tags(standing)
    blocks = tuple(_blocks(comparison, claim, pictured=pictured))
    return Section(
        words(code(claim.claim), ": ", _turn(claim)), blocks, claim_anchor(claim.claim), tags
    )


def estimates(claim: ClaimChange) -> tuple[Inline, Inline]:
    """Return the estimates of both sides with their intervals; nothing where there is none."""
    return _estimate(claim.old), _estimate(claim.new)


def why(claim: ClaimChange) -> Inline:
    """Return in a few words what can have changed a claim's results."""
    if claim.old is None or claim.new is None:
        return words(f"only in the {'old' if claim.new is None else 'new'} audit")
    if not claim.changed:
        return words("same results")
    found = claim.causes()
    parts = []
    for kind in _ORDER:
        of = [d.what for d in found if d.kind == kind]
        if of:
            parts.append(
                words(f"{KINDS[kind]} ({_some(of)})" if kind in _WITH_NAMES else KINDS[kind])
            )
    lost = ", ".join(claim.unexplained)
    if lost:
        parts.insert(0, strong(f"unexplained: {lost}"))
    if _unseen(claim):
        parts.append(words("the numbers differ in digits not shown"))
    return joined(parts, "; ")


def _turn(claim: ClaimChange) -> Inline:
    if claim.old is None or claim.new is None:
        there = claim.old or claim.new
        side = "old" if claim.new is None else "new"
        label = VERDICT_WORDS[there.verdict] if there else ""
        return words(Span(label, "verdict"), f", only in the {side} audit")
    old, new = (Span(VERDICT_WORDS[s.verdict], "verdict") for s in (claim.old, claim.new))
    if "verdict" in claim.changed:
        return words(old, " then, ", new, " now")
    return words(new, ", other results" if claim.changed else ", as before")


def _tags(standing: Standing) -> dict[str, str]:
    return {
        "kind": standing.kind,
        "verdict": standing.verdict,
        "task": " ".join(standing.tasks),
        "language": " ".join(standing.languages),
    }


def _blocks(comparison: Comparison, claim: ClaimChange, *, pictured: bool) -> Iterator[Block]:
    for side, standing in (("old", claim.old), ("new", claim.new)):
        if standing is not None and standing.stale:
            said = strong(f"Stale in the {side} audit: {'; '.join(standing.stale)}.")
            yield Quote((said,), warning=True)
    if claim.unexplained:
        yield Quote((_unexplained(claim),), warning=True)
    for statement in dict.fromkeys(s.statement for s in (claim.old, claim.new) if s):
        yield Paragraph(words(statement))
    if not (
        claim.changed or claim.differences or claim.made_again or None in (claim.old, claim.new)
    ):
        yield Paragraph(words("Both audits say the same of it, on the same grounds."))
        return
    yield _results(claim)
    if pictured and claim.changed:
        apart = {None: "", True: " The intervals lie apart.", False: " The intervals overlap."}
        said = words(
            "Old (diamond, dashed) and new (circle), with reported sizes (ticks), in points."
            f"{apart[lie_apart(claim)]}"
        )
        name = f"compared-{claim.claim}"
        yield from figure(name, said, pairs_chart(comparison, [claim]), _weak(claim))
    yield from _differences(claim)
    if {"verdict", "finding"}.intersection(claim.changed):
        for side, standing in (("old", claim.old), ("new", claim.new)):
            if standing is not None and standing.reasons:
                yield Paragraph(strong(f"Why the {side} verdict."))
                yield Bullets(tuple(words(line) for line in standing.reasons))


def _unexplained(claim: ClaimChange) -> Inline:
    said = f" {', '.join(claim.unexplained)} differ, and nothing differs that could change that."
    if claim.made_again:
        said += (
            " Runs were made again; what they did then that these reports do not record is open."
        )
    return words(strong("Unexplained:"), said)


def _weak(claim: ClaimChange) -> tuple[str, str] | None:
    sides = [
        f"{side}: {standing.weak}"
        for side, standing in (("Old", claim.old), ("New", claim.new))
        if standing is not None and standing.weak
    ]
    return (" ".join(sides), "") if sides else None


def _results(claim: ClaimChange) -> Table:
    """Return the results of both sides, or of the only one; lines that are empty are left out."""
    sides = [(name, s) for name, s in (("old", claim.old), ("new", claim.new)) if s is not None]
    rows: list[tuple[Inline, ...]] = []
    for name, of in _ROWS.items():
        cells = [of(standing) for _, standing in sides]
        if len(cells) == 2:
            unseen = name == _SIZE and _unseen(claim)
            moved = "yes, in digits not shown" if unseen else "" if cells[0] == cells[1] else "yes"
            cells = [*map(_left, cells), words(moved)] if any(cells) else []
        if any(cells):
            rows.append((words(name), *cells))
    header = [words("result"), *(_side(name, standing) for name, standing in sides)]
    return Table((*header, *([words("differs?")] if len(sides) == 2 else ())), tuple(rows))


def _left(cell: Inline) -> Inline:
    """Return a cell without the style that sets a column of numbers to the right."""
    return tuple(replace(span, style="plain") if span.style == "number" else span for span in cell)


def _unseen(claim: ClaimChange) -> bool:
    """Return whether numbers differ that print the same."""
    old, new = estimates(claim)
    return bool({"estimate", "interval"}.intersection(claim.changed)) and old == new


def _side(side: str, standing: Standing | None) -> Inline:
    weak = standing.weak if standing is not None else None
    return words(f"{side} ({weak.rstrip('.')})" if weak else side)


def _estimate(standing: Standing | None) -> Inline:
    if standing is None or standing.estimate is None:
        return ()
    return words(number(estimate(standing.estimate, standing.interval, signed=standing.signed)))


def _points(value: float | None) -> Inline:
    return () if value is None else words(stated(value))


_SIZE = "estimate, interval"
_ROWS: dict[str, Callable[[Standing], Inline]] = {
    "verdict": lambda s: words(strong(Span(VERDICT_WORDS[s.verdict], "verdict"))),
    "finding": lambda s: words(FINDING_WORDS[s.finding]),
    "replication": lambda s: words(s.replication or "none"),
    "agreement": lambda s: words(AGREEMENT_WORDS[s.agreement] if s.agreement else ""),
    "as expected?": lambda s: words(_EXPECTED[s.as_expected]),
    _SIZE: _estimate,
    "claimed": lambda s: words(s.claimed),
    "tolerance": lambda s: _points(s.tolerance),
    "minimum effect": lambda s: _points(s.minimum_effect),
    "seeds": lambda s: words(str(s.seeds)),
    "runs behind it": lambda s: words(str(s.runs)),
    "their time": lambda s: words(duration(s.seconds)),
    "paper": lambda s: words(s.paper),
    "criterion": lambda s: words(code(s.criterion[:12])),
}


def _differences(claim: ClaimChange) -> Iterator[Block]:
    if claim.old is None or claim.new is None:
        return
    causes = claim.causes()
    others = [d for d in claim.differences if d not in causes]
    if causes:
        which = " These reports do not tell which of them did." if len(causes) > 1 else ""
        yield Paragraph(words(strong("What differs and can have changed it."), which))
        yield _ledger(causes)
    if others:
        said = "What differs beside it, and can have changed nothing that changed."
        yield Paragraph(strong(said if claim.changed else "What differs, without another result."))
        yield _ledger(others)
    if claim.not_listed:
        yield Paragraph(
            words(f"{claim.not_listed} more differences of these kinds are not listed here.")
        )
    if claim.made_again:
        yield Paragraph(
            words(
                f"{claim.made_again} of {claim.shared_runs} runs of the same recipe were made again."
            )
        )


def _ledger(found: Sequence[Difference]) -> Table:
    ordered = sorted(found, key=lambda d: (_ORDER.index(d.kind), d.what))
    rows = ((words(KINDS[d.kind]), words(d.what), words(d.old), words(d.new)) for d in ordered)
    header = ("what differs", "which", "old", "new")
    return table(header, rows)


def _some(names: Sequence[str]) -> str:
    more = f" and {len(names) - 3} more" if len(names) > 3 else ""
    return ", ".join(names[:3]) + more
