"""What does a reader see of imported scores: what counts, what is only shown, and the files?"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from replication.run import Run
from reports.blocks import Block, Bullets, Paragraph, Quote, code, joined, strong, table, words
from reports.document import Document, ImportLine
from verifier.numbers import counted

__all__ = ["import_lines", "imported_notice", "imported_section"]

_FILES = 20
"""Files listed for one import; the JSON report has all."""


def import_lines(runs: Iterable[Run]) -> tuple[ImportLine, ...]:
    """Return one line per format, declared protocol, evaluator and reason to be only shown; sorted."""
    groups: dict[tuple[str, str | None, str | None, str | None], list[Run]] = {}
    for run in runs:
        if (origin := run.spec.origin) is not None:
            key = (origin.format, origin.protocol, run.spec.evaluator, origin.because)
            groups.setdefault(key, []).append(run)
    lines = []
    for (format_, protocol, evaluator, because), found in groups.items():
        origins = [run.spec.origin for run in found if run.spec.origin]
        files = {source.path: source for origin in origins for source in origin.sources}
        lines.append(
            ImportLine(
                format=format_, protocol=protocol, evaluator=evaluator or "unknown",
                because=because, runs=len(found),
                scores=sum(len(run.measurements) for run in found),
                files=tuple(files[path] for path in sorted(files)),
            )
        )  # fmt: skip
    return tuple(sorted(lines, key=lambda line: line.canonical()))


def imported_notice(document: Document) -> Iterator[Quote]:
    """Yield what must be known of imported scores before any verdict on them."""
    if not document.imports:
        return
    declared = sorted({line.protocol for line in document.imports if line.protocol})
    named = joined((words(code(name)) for name in declared), ", ")
    said = words("Whoever imported them declares that they followed ", named, "; ")
    if not declared:
        said = words("Nobody declares which protocol they followed; ")
    rest = (
        "nothing on record shows how they were made, nor that the claims' criteria were fixed "
        "before they were seen."
    )
    head = strong("These scores were imported, not made here. ")
    yield Quote((words(head, said, rest),), warning=True)


def imported_section(document: Document) -> Iterator[Block]:
    """Yield a table of the imports, why some are only shown, and the files with their checksums."""
    header = ("format", "runs", "scores", "may count", "protocol, as declared", "scored by")
    yield table(
        header,
        (
            (
                words(line.format), words(str(line.runs)), words(str(line.scores)),
                words("no" if line.because else "yes"), words(line.protocol or "none"),
                words(line.evaluator),
            )
            for line in document.imports
        ),
    )  # fmt: skip
    reasons = sorted({line.because for line in document.imports if line.because})
    if reasons:
        yield Paragraph(words("Only shown, and in no verdict:"))
        yield Bullets(tuple(words(reason) for reason in reasons))
    files = {source.path: source for line in document.imports for source in line.files}
    named = [files[path] for path in sorted(files)][:_FILES]
    more = len(files) - len(named)
    yield Paragraph(words(f"Read from {counted(len(files), 'file')}, with SHA-256:"))
    lines = [words(code(source.path), " ", code(source.sha256)) for source in named]
    yield Bullets((*lines, *([words(f"and {more} more")] if more > 0 else [])))
