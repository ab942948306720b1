"""How do the sources of an estimate's uncertainty, and what more seeds would show, read in Markdown?"""

from __future__ import annotations

from collections.abc import Iterator

from reports.escaping import cell, table
from reports.numbers import percent, points
from verifier.verdict import VarianceShare, Verdict

__all__ = ["uncertainty"]

_SOURCES = {
    "seeds": "seeds, all tasks and languages together",
    "seeds_by_cell": "seeds, each task and language by itself",
    "seeds_by_example": "seeds, each example by itself",
    "examples": "which examples were drawn",
}


def uncertainty(verdict: Verdict) -> Iterator[str]:
    """Yield the table of variance shares and the power curve, where the verdict has them."""
    if verdict.evidence.variances:
        yield "Where the uncertainty of the estimate comes from:"
        rows = [_share(s) for s in verdict.evidence.variances]
        yield table(
            ("source", "standard error", "share", "estimated from", "in the interval"), rows
        )
    if verdict.power:
        yield "What a number of seeds per arm would show, if estimate and variance stay as they are:"
        curve = [
            (str(p.seeds), f"{points(p.detectable, digits=2)} points", percent(p.power))
            for p in verdict.power
        ]
        yield table(("seeds", "distance seen in 4 of 5 cases", "chance to decide the claim"), curve)


def _share(found: VarianceShare) -> tuple[str, str, str, str, str]:
    counted = "replicates" if found.source in ("seeds", "seeds_by_cell") else "clusters of examples"
    return (
        cell(_SOURCES[found.source]),
        f"{points(found.variance**0.5, digits=2)} points",
        percent(found.share),
        f"{found.units} {counted}",
        "yes" if found.in_interval else "no, this benchmark's are fixed",
    )
