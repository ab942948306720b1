"""How do the sources of an estimate's uncertainty, and what more seeds would show, read?"""

from __future__ import annotations

from collections.abc import Iterator

from reports.blocks import Block, Inline, Paragraph, number, table, words
from verifier.numbers import percent, points
from verifier.verdict import VarianceShare, Verdict

__all__ = ["uncertainty"]

_SOURCES = {
    "seeds": "seeds, all tasks and languages together",
    "seeds_by_cell": "seeds, each task and language by itself",
    "seeds_by_example": "seeds, each example by itself",
    "examples": "which examples were drawn",
}


def uncertainty(verdict: Verdict) -> Iterator[Block]:
    """Yield the table of variance shares and the power curve, where the verdict has them."""
    if verdict.evidence.variances:
        yield Paragraph(words("Where the uncertainty of the estimate comes from:"))
        header = ("source", "standard error", "share", "estimated from", "in the interval")
        yield table(header, (_share(s) for s in verdict.evidence.variances))
    if verdict.power:
        yield Paragraph(
            words(
                "What a number of seeds per arm would show, if estimate and variance stay as they are:"
            )
        )
        heads = ("seeds", "distance seen in 4 of 5 cases", "chance to decide the claim")
        curve = (
            (
                words(str(p.seeds)),
                words(number(points(p.detectable, digits=2)), " points"),
                words(number(percent(p.power))),
            )
            for p in verdict.power
        )
        yield table(heads, curve)


def _share(found: VarianceShare) -> tuple[Inline, ...]:
    counted = "replicates" if found.source in ("seeds", "seeds_by_cell") else "clusters of examples"
    return (
        words(_SOURCES[found.source]),
        words(number(points(found.variance**0.5, digits=2)), " points"),
        words(number(percent(found.share))),
        words(f"{found.units} {counted}"),
        words("yes" if found.in_interval else "no, this benchmark's are fixed"),
    )
