"""How does the paper check read on a terminal, and how does its command run?"""

from __future__ import annotations

import argparse

from claims.errors import PaperError
from claims.finding import TableFinding
from claims.ground import Grounded, PaperCheck, ground
from claims.grounding import NumberCheck
from claims.library import load
from claims.lineage import lineage_of
from claims.own_rows import own_rows
from claims.published import read_published
from claims.reading import read_paper
from claims.reprints import compare_rows
from reports.lineage_view import lineage_text
from reports.reprints_view import reprints_text
from reports.streams import say, say_json

__all__ = ["ground_command", "ground_text"]

_MARKS = {"entailed": "follows", "possible": "may follow", "impossible": "does NOT follow",
          "not_derivable": "cannot be derived"}  # fmt: skip
_NAMES = {"rank": "rank", "count": "count"}


def ground_command(options: argparse.Namespace) -> int:
    """Run `corroborate ground` with its options and return the exit code.

    0: all that is quoted stands in the paper and all numbers follow; 1: a number is impossible or a
    quotation altered; 3: neither, but something is only possible, not derivable or absent, or there
    was no paper. What an earlier version said, what others print and what the paper's own tables say
    against themselves changes none of these: they are no outcome of a claim.
    """
    if options.paper is None and (options.published is None or options.earlier is not None):
        raise PaperError(
            "ground: found no --paper ; expected the paper's path, or only --published with rows that "
            "others print. Name one of them."
        )
    claim_sets = [s for _, s in load(options.claims)]
    document: dict[str, object] = {"schema": "corroborate/paper-checks@1"}
    texts: list[str] = []
    paper = None if options.paper is None else read_paper(options.paper)
    checks = [ground(s, paper, options.paper) for s in claim_sets if paper is not None]
    document["checks"] = [c.model_dump(mode="json") for c in checks]
    texts += [ground_text(c) for c in checks]
    if options.earlier is not None and paper is not None:
        names = (options.earlier, options.paper)
        lineage = lineage_of(read_paper(options.earlier), paper, names, claim_sets)
        document["lineage"] = lineage.model_dump(mode="json")
        texts.append(lineage_text(lineage))
    if options.published is not None:
        published = read_published(options.published)
        own = () if paper is None else own_rows(paper, published)
        found = compare_rows(published, options.published, own)
        document["published"] = found.model_dump(mode="json")
        texts.append(reprints_text(found))
    if options.json:
        say_json(document)
    else:
        say("\n\n".join(texts))
    claims = [g for c in checks for g in c.claims]
    if any(g.contradicted() for g in claims):
        return 1
    return 0 if checks and all(g.settled() for g in claims) else 3


def ground_text(check: PaperCheck) -> str:
    """Return the paper check as text, claim by claim."""
    lines = [f"paper '{check.paper}' ({check.format}), {check.tables} tables"]
    lines += [f"  note: {notice}" for notice in check.notices]
    for grounded in check.claims:
        lines += ["", f"{grounded.claim}: {grounded.statement}"]
        lines += _quote(grounded)
        lines += ["  number: the claim states none"] if grounded.number is None else []
        lines += _number(grounded.number) if grounded.number is not None else []
        lines += _comparators(grounded)
    lines += _findings(check.findings)
    lines += ["", "A paper check says whether the paper agrees with itself; it is no reproduction."]
    return "\n".join(lines)


def _quote(grounded: Grounded) -> list[str]:
    quote = grounded.quote
    if quote is None:
        return ["  quote: the claim gives none"]
    where = f", {quote.place} ({quote.address})" if quote.address else ""
    return [f"  quote: {quote.status}{where}", *(f"    {d}" for d in quote.differences)]


def _number(number: NumberCheck) -> list[str]:
    name, means = _NAMES.get(number.says, "number"), _MARKS[number.status]
    lines = [f"  {name} {number.number:g}: {number.status}, it {means}. {number.reason}"]
    shown = 4 if number.chance is None or number.says not in _NAMES else 1
    for hit in number.hits[:3]:
        lines.append(
            f"    {hit.formula} = {hit.result:.4g}, may be {hit.low:.4g} to {hit.high:.4g}"
        )
        lines += [
            f"      {place} ({a})" for place, a in zip(hit.places[:shown], hit.cells, strict=False)
        ]
    if number.chance is not None:
        chance = f"chance of such a hit by accident: {number.chance:.0%}"
        lines.append(f"    {number.tried} formulas were tried; {chance}")
    return lines


def _comparators(grounded: Grounded) -> list[str]:
    if grounded.number is None or grounded.number.says != "gain":
        return []
    if not grounded.comparators:
        return ["  compared with: unknown, the headers lead to no number that it was taken against"]
    lines = []
    for c in grounded.comparators[:6]:
        origin = f"{c.origin} ({c.source})" if c.source else c.origin
        lines.append(f"  compared with: {origin}, {c.place} ({c.cell}); {c.because}")
    if grounded.mixed_baselines:
        lines.append("  MIXED baselines: what it is compared with is of different origin")
    return lines


def _findings(findings: tuple[TableFinding, ...]) -> list[str]:
    """Return what the tables say against themselves, contradictions first."""
    if not findings:
        return ["", "tables: no contradiction was found in them"]
    lines = ["", f"tables: findings of their own, which decide no claim ({len(findings)})"]
    for found in sorted(findings, key=lambda f: f.status != "contradicts"):
        lines.append(f"  {found.status}, {found.kind}: {found.text}")
        pairs = list(zip(found.places, found.cells, strict=True))[:3]
        lines += [f"    {place} ({address})" for place, address in pairs]
    return lines
