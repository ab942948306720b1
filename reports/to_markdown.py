"""How does a document read as Markdown: verdicts first, evidence after, recipe last?"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from replication.run import DataUse, Environment
from reports.claim_section import claim_section
from reports.document import Document, RunLine, SetSection
from reports.escaping import bullets, cell, code, fence, table, text
from reports.numbers import duration, share
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
    seeds = f"{protocol.seeds} per condition, statistic {protocol.seed_statistic}"
    identity = f"size {code(protocol.size)}, digest {code(protocol.digest()[:12])}"
    lines = [
        f"Protocol {code(protocol.name)}, {identity}",
        f"Base: {code(protocol.base.checkpoint or 'from random weights')}",
        f"Intermediate tasks: {text(', '.join(protocol.intermediate_tasks) or 'none')}",
        f"Targets: {text(', '.join(protocol.targets))}",
        f"Seeds: {seeds}",
        f"Precision: {protocol.precision}; checkpoint scored: {protocol.evaluation.selection}",
    ]
    yield bullets(lines)
    if protocol.caveats:
        yield "## Caveats"
        yield bullets(text(caveat) for caveat in protocol.caveats)


def _provenance(document: Document) -> Iterator[str]:
    yield "## Environment"
    if not document.environments:
        yield "No run was made."
    for use in document.environments:
        yield f"{_plural(use.runs, 'run')}:"
        yield bullets(_environment(use.environment))
    yield "## Data"
    yield f"Source: {text(document.data_source)}"
    if document.data:
        yield table(("data", "split", "languages", "revision"), (_data(d) for d in document.data))
    yield "## Cost"
    costs = [(c.phase, str(c.runs), str(c.failed), duration(c.seconds)) for c in document.costs]
    total = duration(sum(cost.seconds for cost in document.costs))
    yield table(("phase", "runs", "of these failed", "time"), [*costs, ("all", "", "", total)])
    if document.runs:
        yield "## Runs"
        header = ("run", "what", "status", "time", "facts")
        yield table(header, (_run(run) for run in document.runs))


def _environment(environment: Environment) -> Iterator[str]:
    yield f"Code: {text(environment.code)}"
    yield (
        f"Machine: {text(environment.platform)}, device {text(environment.device)}, "
        f"{_plural(environment.threads, 'thread')}"
    )
    packages = ", ".join(f"{name} {v}" for name, v in sorted(environment.packages.items()))
    yield f"Python {text(environment.python)}; {text(packages)}"


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
