"""What does a nanopublication say of where its verdict comes from?

No more than the report knows: data are those of the whole audit, and imported files those of every
import that may count.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from reports.document import ClaimSection, Document, ImportLine
from reports.nanopub_nodes import Node, hashed, node, text, to
from verifier.numbers import counted

__all__ = ["derived"]

MOST_RUNS, MOST_FILES, MOST_DATA, MOST_IMPORTS, MOST_DEVIATIONS = 120, 50, 40, 12, 50
"""That are listed; the others are counted. Servers refuse a nanopublication of over 1200 triples."""


def derived(document: Document, section: ClaimSection, name: str, report: str) -> Iterator[Node]:
    """Yield what the assertion rests on, and what decided it.

    Args:
        document: the whole report.
        section: the claim with its verdict.
        name: IRI of the nanopublication.
        report: SHA-256 of the report as JSON.
    """
    runs = sorted({*section.runs, *section.verdict.evidence.runs})
    imports = [line for line in document.imports if line.because is None] if runs else []
    files = sorted({(file.path, file.sha256) for line in imports for file in line.files})
    recipe = document.protocol.digest()
    sources = [report, recipe, *runs[:MOST_RUNS], *(sha256 for _, sha256 in files[:MOST_FILES])]
    yield node(
        f"{name}assertion",
        None,
        {
            "prov:wasDerivedFrom": [to(iri) for iri in dict.fromkeys(map(hashed, sources))],
            "prov:wasGeneratedBy": to(f"{name}verification"),
        },
    )
    data = document.data if runs else ()
    yield _verification(document, section, name, _rest(runs, files, imports, data))
    yield from _software(section, name)
    yield _hash(report, "The whole report, as `--format json` writes it")
    yield _hash(recipe, f"Protocol {document.protocol.name}, as it was run or is on record")
    yield from (_hash(run, None, "corroborate:Run") for run in runs[:MOST_RUNS])
    yield from _files(files)
    yield from (
        _import(line, f"{name}import-{place}")
        for place, line in enumerate(imports[:MOST_IMPORTS], 1)
    )
    for place, use in enumerate(data[:MOST_DATA], 1):
        said = {
            "schema:name": text(use.name),
            "schema:version": text(use.revision),
            "corroborate:split": text(use.split),
            "corroborate:languages": text(" ".join(use.languages)),
        }
        yield node(f"{name}data-{place}", "schema:Dataset", said)


def _verification(
    document: Document, section: ClaimSection, name: str, rest: Sequence[str]
) -> Node:
    verdict = section.verdict
    runs = bool(section.runs or verdict.evidence.runs)
    used = [f"{name}data-{n}" for n in range(1, len(document.data[:MOST_DATA]) + 1)] if runs else []
    counting = [line for line in document.imports if line.because is None] if runs else []
    used += [f"{name}import-{n}" for n in range(1, len(counting[:MOST_IMPORTS]) + 1)]
    departures = [
        text(f"{one.field}: reported {one.reported}, used {one.used} ({one.importance})")
        for one in verdict.deviations[:MOST_DEVIATIONS]
    ]
    more = len(verdict.deviations) - len(departures)
    return node(
        f"{name}verification",
        "prov:Activity",
        {
            "prov:used": [to(hashed(document.protocol.digest())), *map(to, used)],
            "prov:wasAssociatedWith": to(f"{name}software"),
            "corroborate:signature": text(verdict.signature),
            "corroborate:evaluator": _signed(verdict.signature, "evaluator"),
            "corroborate:dataSource": text(document.data_source) if runs else None,
            "corroborate:deviation": departures,
            "corroborate:notListed": [*rest, *([counted(more, "deviation")] if more > 0 else [])],
        },
    )


def _software(section: ClaimSection, name: str) -> Iterator[Node]:
    said = {
        "schema:name": "Corroborate",
        "schema:softwareVersion": _signed(section.verdict.signature, "version"),
    }
    yield node(f"{name}software", ["prov:SoftwareAgent", "schema:SoftwareApplication"], said)


def _signed(signature: str, key: str) -> str | None:
    """Return one part of a signature; None where it has none."""
    parts = dict(part.partition(":")[::2] for part in signature.split("|"))
    found = parts.get(key, "-")
    return None if found == "-" else text(found)


def _hash(digest: str, said: str | None, kind: str | None = None) -> Node:
    label = text(said) if said else None
    return node(hashed(digest), kind, {"dcterms:identifier": digest, "rdfs:label": label})


def _files(files: Sequence[tuple[str, str]]) -> Iterator[Node]:
    """Yield each imported file once; the same content may lie under several paths."""
    paths: dict[str, list[str]] = {}
    for path, sha256 in files[:MOST_FILES]:
        paths.setdefault(sha256, []).append(text(path))
    for sha256, found in paths.items():
        yield node(hashed(sha256), None, {"dcterms:identifier": sha256, "schema:name": found})


def _import(line: ImportLine, name: str) -> Node:
    said = {
        "rdfs:label": "Scores that were made elsewhere and imported",
        "corroborate:format": text(line.format),
        "corroborate:declaredProtocol": line.protocol and text(line.protocol),
        "corroborate:evaluator": text(line.evaluator),
    }
    return node(name, "prov:Entity", said)


def _rest(*lists: Sequence[object]) -> list[str]:
    """Return how many are not listed of each."""
    caps = {"run": MOST_RUNS, "file": MOST_FILES, "import": MOST_IMPORTS, "data set": MOST_DATA}
    over = zip(caps.items(), lists, strict=True)
    return [counted(len(one) - cap, word) for (word, cap), one in over if len(one) > cap]
