"""What do the texts at hand say of a report's claim: its words, its numbers, and how it goes on?

Papers are checked as `corroborate ground` checks them: quotations, printed numbers, and what follows
from the tables. A report's own prose is looked into as well, but bears nothing out.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import islice
from pathlib import Path

from claims.grounding import NumberCheck, Says, Sentence, check_number
from claims.paper import PaperText, Passage, Quantity
from claims.prose import amounts, sentences, terms, visible
from claims.quantities import quantities_in
from claims.quoted import MAX_PRINTED, MAX_SENTENCES, Quotable, QuoteCheck
from claims.reading import read_paper
from claims.record import Record
from claims.synthesis import Synthesis

__all__ = [
    "LEAST_SHARE", "LEAST_SHARED", "MAX_NUMBERS",
    "Looked",
    "Result",
    "Source",
    "look_up",
    "numbers_of",
    "source_of_paper",
    "source_of_report",
]  # fmt: skip

LEAST_SHARED = 3
"""Fewest words that a sentence and a claim share where the one is shown beside the other."""
LEAST_SHARE = 0.4
"""Least share of the claim's words."""
MAX_NUMBERS = 8
"""Most numbers of one claim that are looked for in tables."""

_READINGS: dict[str, tuple[Says, ...]] = {
    "points": ("gain",), "percent": ("value", "gain", "relative"), "times": ("factor",),
    "none": ("gain", "value"),
}  # fmt: skip
"""What a number with a unit may be; in `8.2, 7.5, and 7.0 points` only the last has its unit."""
_LOWERS = re.compile(
    r"\b(?:lower|reduc|decreas|drop|fall|fell|cut|los[est]|shrink|shrank|fewer|less|wors|hurt|declin)",
    re.IGNORECASE,
)
"""Words of a sentence whose `3.4 points` may be a difference of -3.4."""
_RANKS = ("entailed", "possible", "not_derivable", "impossible")
"""Of two readings of a number the one that holds more against it is not taken."""


class Result(Record):
    """One result that a claim states."""

    printed: str
    check: NumberCheck
    """What the paper's tables say of it."""


class Looked(QuoteCheck):
    """What the sources at hand say of one claim."""

    source: str = ""
    """Name of the source that holds the passage; empty where none does."""
    independent: bool = False
    """Whether that is the paper, and not the report's own text."""
    missing: tuple[str, ...] = ()
    """Results stated in the claim that are printed nowhere in any source."""
    nearest: str = ""
    """Where no source has the claim: the paper's sentence that is most about the same; no evidence."""
    nearest_in: str = ""
    """Its source and place."""
    numbers: tuple[Result, ...] = ()
    """What the paper's tables say of each result; empty without a paper that has tables."""

    def contradicts(self) -> bool:
        """Tell whether the paper has the same sentence with another number or a negation.

        Tables alone contradict no sentence: which cells it means is a guess.
        """
        return self.independent and self.turned()

    def holds(self) -> bool:
        """Tell whether the paper has the words and the numbers, and no table rules one out."""
        good = self.status == "found" and not self.differences
        good = good and self.independent and not self.missing
        return good and not any(n.check.status == "impossible" for n in self.numbers)


@dataclass(frozen=True, eq=False)
class Source:
    """A text in which claims are looked up."""

    name: str
    paper: PaperText
    independent: bool
    """Whether it is the paper, and not the report's own text."""

    @cached_property
    def quotable(self) -> Quotable:
        """Its passages, ready to be searched."""
        return Quotable(self.paper.passages)

    @cached_property
    def _stated(self) -> list[tuple[str, str, frozenset[str]]]:
        """Its sentences with their places and the stems that tell what they are about."""
        split = ((p.place, s) for p in self.paper.passages for s in sentences(p.text))
        return [(s, place, frozenset(terms(s))) for place, s in islice(split, MAX_SENTENCES)]

    def near(self, text: str) -> tuple[str, str]:
        """Return the sentence most about what a text is about, and its place; empty for none."""
        meant = frozenset(terms(text))
        least = max(LEAST_SHARED, LEAST_SHARE * len(meant))
        shared = ((len(meant & own), -i) for i, (*_, own) in enumerate(self._stated))
        most, place = max(shared, default=(0, 0))
        return self._stated[-place][:2] if most >= least else ("", "")

    @cached_property
    def printed(self) -> frozenset[str]:
        """The numbers of its tables, without sign and unit."""
        cells = (c for table in self.paper.tables for c in table.cells)
        return frozenset(_bare(q) for c in cells for q in c.quantities)

    def prints(self, number: str) -> bool:
        """Tell whether a number stands in its text or tables."""
        return self.quotable.prints(number) or number.lstrip("+-") in self.printed


def source_of_paper(path: str | Path) -> Source:
    """Read a paper: LaTeX (file or folder), HTML, PDF, Markdown or plain text.

    Raises:
        PaperError: it cannot be read.
    """
    return Source(visible(Path(path).name)[:80] or "paper", read_paper(path), independent=True)


def source_of_report(report: Synthesis) -> Source:
    """Return a report's own prose, without its table and references."""
    parts = [("Abstract", report.abstract), *((s.heading, s.text) for s in report.sections)]
    told = [(h, block) for h, text in parts for block in text.split("\n\n") if block.strip()]
    passages = tuple(
        Passage(address=f"p{i}", place=f'section "{heading}"', kind="paragraph", text=block)
        for i, (heading, block) in enumerate(told, start=1)
    )
    paper = PaperText(format="text", title=report.title, passages=passages, tables=())
    return Source(f"{report.name}'s own text", paper, independent=False)


def look_up(text: str, sources: Sequence[Source], *, cut: bool) -> Looked:
    """Return what sources say of a claim; the first that has it decides, else the nearest passage.

    Args:
        text: the claim.
        cut: whether its last word may be a part of one.
        sources: in the order of trust.
    """
    missing = tuple(a for a in amounts(text) if not any(s.prints(a) for s in sources))
    checked = [(s, s.quotable.check(text, cut=cut)) for s in sources]
    best = [next((p for p in checked if p[1].status == st), None) for st in ("found", "altered")]
    source, found = best[0] or best[1] or (None, QuoteCheck(status="absent"))
    papers = [s for s in sources if s.independent] if source is None else []
    near = next(((s.name, *told) for s in papers if (told := s.near(text))[0]), ("", "", ""))
    return Looked(
        **found.model_dump(),
        nearest=near[1][:MAX_PRINTED],
        nearest_in=f"{near[0]}, {near[2]}" if near[1] else "",
        source=source.name if source else "",
        independent=source is not None and source.independent,
        missing=missing,
    )


def numbers_of(text: str, sources: Sequence[Source], *, like: str = "") -> tuple[Result, ...]:
    """Return what the tables of papers say of each result in a claim, at most 8.

    Args:
        text: the claim's sentence, whole if possible, since it names the cells.
        sources: papers.
        like: the claim as it was made, where only its own numbers matter.
    """
    papers = [s.paper for s in sources if s.independent and s.paper.tables]
    results = {a.lstrip("+-") for a in amounts(like or text)}
    stated = [
        q for q in quantities_in(text) if _bare(q) in results and (q.decimals or q.unit != "none")
    ]
    if not papers:
        return ()
    return tuple(
        Result(printed=visible(q.raw), check=_best(text, q, papers)) for q in stated[:MAX_NUMBERS]
    )


def _best(text: str, number: Quantity, papers: Sequence[PaperText]) -> NumberCheck:
    """Return the reading of a number that has least against it, over all papers."""
    both = (number, number.model_copy(update={"value": -number.value}))
    readings = [
        check_number(Sentence(text, signed, says), paper)
        for paper in papers
        for says in _READINGS[number.unit]
        for signed in both[
            : 1 + (says in {"gain", "relative"} and _LOWERS.search(text) is not None)
        ]
    ]
    return min(readings, key=lambda r: _RANKS.index(r.status))


def _bare(number: Quantity) -> str:
    """Return the digits of a number as printed, without sign and unit."""
    return f"{abs(number.value):.{max(0, min(number.decimals, 12))}f}"
