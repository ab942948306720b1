"""How does a document read as Markdown: verdicts first, evidence after, recipe last?"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from replication.run import DataUse
from reports.claim_section import claim_section
from reports.document import Document, EnvironmentUse, RunLine, SetSection
from reports.environment_text import differing_lines, environment_lines, total_lines
from reports.escaping import bullets, cell, code, fence, table, text
from reports.numbers import duration, share
from reports.protocol_text import protocol_lines
from reports.score_tables import score_tables
from reports.summary import DECIDED, banner, headlines, summary_table, verdict_key

__all__ = ["RENDERER", "MarkdownRenderer"]


@dataclass(frozen=True)
class MarkdownRenderer:
    """GitHub-flavoured Markdown without raw HTML, readable as plain text."""

    name: str = "md"
    file_name: str = "report.md"

    def render(self, document: Document) -> bytes:
        """Return UTF-8 Markdown with a final newline."""
        blocks = (block for block in _blocks(document) if block)
        return ("\n\n".join(blocks) + "\n").encode()


def _blocks(document: Document) -> Iterator[str]:
    yield f"# {text(document.title)}"
    yield from headlines(document)
    yield banner(document) or ""
    yield from _verdicts(document)
    for claim_set in document.sets:
        yield f"## {_set_title(claim_set)}"
        shown: dict[str, str] = {}
        for section in claim_set.claims:
            yield from claim_section(section, shown=shown)
    yield from _scores(document)
    yield from _protocol(document)
    yield from _provenance(document)
    yield "## Run it again"
    yield fence(document.commands)
    yield f"Written {cell(document.generated)}; format {code(document.schema_version)}."


def _verdicts(document: Document) -> Iterator[str]:
    yield "## Verdicts"
    for claim_set in document.sets:
        yield f"**{_set_title(claim_set)}**"
        yield summary_table(claim_set.claims)
        yield _paper_level(claim_set) or ""
    yield bullets(verdict_key(document))


def _paper_level(claim_set: SetSection) -> str | None:
    """Return what can be said of a paper's claims together; None with fewer than two decided."""
    verdicts = [section.verdict for section in claim_set.claims]
    decided = [v for v in verdicts if v.verdict in DECIDED and v.family is not None]
    family = decided[0].family if decided else None
    if not claim_set.is_paper() or family is None or len(decided) < 2:
        return None
    over = (
        f"over the {family.size} claims that evidence bears on, Holm, level {share(family.level)}"
    )
    against = [code(v.claim) for v in decided if v.family and v.family.contradicted]
    if against:
        return f"At least one claim of this paper is contradicted ({over}): {', '.join(against)}."
    return f"It is not shown that at least one claim of this paper is contradicted ({over})."


def _set_title(claim_set: SetSection) -> str:
    paper = claim_set.paper
    if claim_set.is_paper():
        return f"Claims of {text(paper.title)} ({code(paper.arxiv or '')})"
    return f"Controls, no paper's claims: {text(paper.title)}"


def _scores(document: Document) -> Iterator[str]:
    if not document.scores:
        return
    yield "## Scores by task and language"
    yield "Means over seeds, in points."
    for caption, tables in score_tables(document.scores):
        yield caption
        yield tables


def _protocol(document: Document) -> Iterator[str]:
    protocol = document.protocol
    yield "## Protocol"
    yield text(protocol.summary)
    yield bullets(protocol_lines(protocol))
    if protocol.caveats:
        yield "## Caveats"
        yield bullets(text(caveat) for caveat in protocol.caveats)


def _provenance(document: Document) -> Iterator[str]:
    yield "## Environment"
    if not document.environments:
        yield "No run was made."
    yield from _environments(document.environments)
    yield "## Data"
    yield f"Source: {text(document.data_source)}"
    if document.data:
        yield table(("data", "split", "languages", "revision"), (_data(d) for d in document.data))
    yield "## Cost"
    yield from _cost(document)
    if document.runs:
        yield "## Runs"
        header = ("run", "what", "status", "time", "facts")
        yield table(header, (_run(run) for run in document.runs))


def _environments(uses: Sequence[EnvironmentUse]) -> Iterator[str]:
    """Yield the most used environment whole, and of the others what is not as in that one."""
    for number, use in enumerate(uses):
        time = "" if use.seconds is None else f", {duration(use.seconds)}"
        first = uses[0].environment
        same = "" if number == 0 else "; as in the first, but for"
        yield f"{_plural(use.runs, 'run')}{time}{same}:"
        known = use.environment
        lines = environment_lines(known) if number == 0 else differing_lines(known, first)
        yield bullets(text(line[:1].upper() + line[1:]) for line in lines)


def _cost(document: Document) -> Iterator[str]:
    costs = document.costs
    rows = [(c.phase, str(c.runs), str(c.failed), duration(c.seconds)) for c in costs]
    runs, failed = str(sum(c.runs for c in costs)), str(sum(c.failed for c in costs))
    total = ("all", runs, failed, duration(sum(c.seconds for c in costs)))
    yield table(("phase", "runs", "of these failed", "time"), [*rows, total])
    if document.usage is not None:
        lines = total_lines(document.usage)
        yield bullets(text(line[:1].upper() + line[1:]) for line in lines)


def _data(use: DataUse) -> tuple[str, str, str, str]:
    names = " ".join(use.languages) if len(use.languages) <= 3 else f"{len(use.languages)}"
    return code(use.name), use.split, cell(names), cell(_short(use.revision))


def _run(run: RunLine) -> tuple[str, str, str, str, str]:
    status = run.status if run.error is None else f"{run.status}: {cell(run.error)}"
    facts = ", ".join(f"{name} {_fact(value)}" for name, value in sorted(run.facts.items()))
    return code(run.run[:12]), cell(run.title), status, duration(run.seconds), cell(facts)


def _fact(value: float | str) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _short(revision: str) -> str:
    """Shorten a digest; the JSON report holds it whole."""
    kind, _, digest = revision.rpartition(":")
    return f"{kind}:{digest[:12]}" if kind and len(digest) == 64 else revision


def _plural(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


RENDERER = MarkdownRenderer()
