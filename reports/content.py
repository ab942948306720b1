"""What stands in a report, in which order: verdicts first, evidence after, recipe last?

Every rendering is made from these blocks.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from replication.run import DataUse
from reports.blocks import (
    Block,
    Bullets,
    Fence,
    Inline,
    Paragraph,
    Section,
    code,
    joined,
    strong,
    table,
    words,
)
from reports.claim_anchors import claim_anchor, run_anchor
from reports.claim_evidence import Shown
from reports.claim_section import claim_section
from reports.document import Document, EnvironmentUse, RunLine, SetSection
from reports.environment_text import differing_lines, environment_lines, total_lines
from reports.imported_section import imported_notice, imported_section
from reports.overview import costs, forest, matrix, shared_arms
from reports.protocol_text import protocol_lines
from reports.score_tables import score_tables
from reports.summary import (
    banner,
    headlines,
    notices,
    set_title,
    summary_table,
    verdict_key,
    weakness,
)
from verifier.numbers import counted, duration, share
from verifier.verdict import DECIDED

__all__ = ["content"]


_LAST: list[tuple[Document, Section]] = []
"""What was made last: several renderings of one document follow each other."""


def content(document: Document) -> Section:
    """Return the whole report: its title and all that stands below it."""
    last = next(iter(_LAST), None)
    if last is None or last[0] is not document:
        made = Section(words(document.title), tuple(_blocks(document)), "report")
        last = document, made
        _LAST[:] = [last]
    return last[1]


def _blocks(document: Document) -> Iterator[Block]:
    for line in headlines(document):
        yield Paragraph(line)
    warning, weak = banner(document), weakness(document)
    if warning:
        yield warning
    yield from imported_notice(document)
    yield from notices(document)
    yield Section(words("Verdicts"), tuple(_verdicts(document)), "verdicts")
    for place, claim_set in enumerate(document.sets, 1):
        shown: Shown = {}
        claims = tuple(
            claim_section(section, shown=shown, weak=weak) for section in claim_set.claims
        )
        yield Section(set_title(claim_set), claims, f"claims-{place}")
    shared = tuple(shared_arms(document))
    if shared:
        yield Section(words("What claims share"), shared, "shared-arms")
    if document.imports:
        imported = tuple(imported_section(document))
        yield Section(words("Imported scores"), imported, "imported-scores")
    if document.scores:
        yield Section(words("Scores by task and language"), tuple(_scores(document)), "scores")
    yield Section(words("Protocol"), tuple(_protocol(document)), "protocol")
    if document.protocol.caveats:
        caveats = Bullets(tuple(words(caveat) for caveat in document.protocol.caveats))
        yield Section(words("Caveats"), (caveats,), "caveats")
    yield from _provenance(document)
    written = words(f"Written {document.generated}; format ", code(document.schema_version), ".")
    yield Section(
        words("Run it again"), (Fence(document.commands), Paragraph(written)), "run-it-again"
    )


def _verdicts(document: Document) -> Iterator[Block]:
    for claim_set in document.sets:
        yield Paragraph(strong(set_title(claim_set)))
        yield summary_table(claim_set.claims)
        said = _paper_level(claim_set)
        if said:
            yield Paragraph(said)
    yield Bullets(tuple(verdict_key(tuple(document.sections()), imported=bool(document.imports))))
    yield from forest(document)


def _paper_level(claim_set: SetSection) -> Inline:
    """Return what can be said of a paper's claims together; nothing with fewer than two decided."""
    verdicts = [section.verdict for section in claim_set.claims]
    decided = [v for v in verdicts if v.verdict in DECIDED and v.family is not None]
    family = decided[0].family if decided else None
    if not claim_set.is_paper() or family is None or len(decided) < 2:
        return ()
    over = (
        f"over the {family.size} claims that evidence bears on, Holm, level {share(family.level)}"
    )
    against = [
        words(code(v.claim, claim_anchor(v.claim)))
        for v in decided
        if v.family and v.family.contradicted
    ]
    if against:
        said = f"At least one claim of this paper is contradicted ({over}): "
        return words(said, joined(against, ", "), ".")
    return words(f"It is not shown that at least one claim of this paper is contradicted ({over}).")


def _scores(document: Document) -> Iterator[Block]:
    yield from matrix(document)
    yield Paragraph(words("Means over seeds, in points."))
    for caption, tables in score_tables(document.scores):
        yield Paragraph(caption)
        yield from tables


def _protocol(document: Document) -> Iterator[Block]:
    yield Paragraph(words(document.protocol.summary))
    yield Bullets(tuple(protocol_lines(document.protocol)))


def _provenance(document: Document) -> Iterator[Block]:
    machines = tuple(_environments(document.environments))
    none = (Paragraph(words("No run was made.")),)
    yield Section(words("Environment"), machines or none, "environment")
    data: list[Block] = [Paragraph(words(f"Source: {document.data_source}"))]
    if document.data:
        header = ("data", "split", "languages", "revision")
        data.append(table(header, (_data(d) for d in document.data)))
    yield Section(words("Data"), tuple(data), "data")
    yield Section(words("Cost"), tuple(_cost(document)), "cost")
    if document.runs:
        runs = table(("run", "what", "status", "time", "facts"), (_run(r) for r in document.runs))
        yield Section(words("Runs"), (runs,), "runs")


def _environments(uses: Sequence[EnvironmentUse]) -> Iterator[Block]:
    """Yield the most used environment whole, and of the others what is not as in that one."""
    for place, use in enumerate(uses):
        time = "" if use.seconds is None else f", {duration(use.seconds)}"
        first = uses[0].environment
        same = "" if place == 0 else "; as in the first, but for"
        yield Paragraph(words(f"{counted(use.runs, 'run')}{time}{same}:"))
        known = use.environment
        lines = environment_lines(known) if place == 0 else differing_lines(known, first)
        yield Bullets(tuple(words(line[:1].upper() + line[1:]) for line in lines))


def _cost(document: Document) -> Iterator[Block]:
    spent = document.costs
    rows = [(c.phase, str(c.runs), str(c.failed), duration(c.seconds)) for c in spent]
    runs, failed = str(sum(c.runs for c in spent)), str(sum(c.failed for c in spent))
    total = ("all", runs, failed, duration(sum(c.seconds for c in spent)))
    lines = (tuple(words(value) for value in row) for row in [*rows, total])
    yield table(("phase", "runs", "of these failed", "time"), lines)
    yield from costs(document)
    if document.usage is not None:
        said = total_lines(document.usage)
        yield Bullets(tuple(words(line[:1].upper() + line[1:]) for line in said))


def _data(use: DataUse) -> tuple[Inline, ...]:
    names = " ".join(use.languages) if len(use.languages) <= 3 else f"{len(use.languages)}"
    return words(code(use.name)), words(use.split), words(names), words(_short(use.revision))


def _run(run: RunLine) -> tuple[Inline, ...]:
    status = run.status if run.error is None else f"{run.status}: {run.error}"
    facts = ", ".join(f"{name} {_fact(value)}" for name, value in sorted(run.facts.items()))
    name = words(code(run.run[:12], anchor=run_anchor(run.run), file=run.folder or ""))
    return name, words(run.title), words(status), words(duration(run.seconds)), words(facts)


def _fact(value: float | str) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _short(revision: str) -> str:
    """Shorten a digest; the JSON report holds it whole."""
    kind, _, digest = revision.rpartition(":")
    return f"{kind}:{digest[:12]}" if kind and len(digest) == 64 else revision
