"""How does a whole audit travel as one file that archives and other programs understand?

An RO-Crate: the other renderings, the claim files, the protocol, the verdicts and what the report has of
each run, with what made them, after the Workflow Run RO-Crate profiles. The same document gives the same
bytes: no clock is asked, and files stand in the order of their names.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from claims.claim import SCHEMA
from reports.crate_metadata import Part, metadata
from reports.document import Document
from reports.to_html import RENDERER as HTML
from reports.to_json import RENDERER as JSON
from reports.to_json import json_bytes
from reports.to_markdown import RENDERER as MARKDOWN

__all__ = ["RENDERER", "RoCrateRenderer"]

METADATA = "ro-crate-metadata.json"
EARLIEST = (1980, 1, 1, 0, 0, 0)
"""The time that every file of an archive gets, the first that the format knows."""
MEDIA = {
    "csv": "text/csv",
    "html": "text/html",
    "json": "application/json",
    "md": "text/markdown",
    "svg": "image/svg+xml",
}


@dataclass(frozen=True)
class RoCrateRenderer:
    """A ZIP archive with `ro-crate-metadata.json` after RO-Crate 1.1."""

    name: str = "ro-crate"
    file_name: str = "report.crate.zip"

    def render(self, document: Document) -> bytes:
        """Return the archive."""
        files, parts = {}, []
        for path, (said, content) in sorted(_files(document).items()):
            files[path] = content
            parts.append(Part(path, said, MEDIA[path.rpartition(".")[2]], content))
        described = metadata(document, parts)
        return _archive({METADATA: json_bytes(described), **files})


def _files(document: Document) -> dict[str, tuple[str, bytes]]:
    """Return each file by its path: what it is in words, and its bytes."""
    files = {
        HTML.file_name: ("The report for people, as one page", HTML.render(document)),
        MARKDOWN.file_name: ("The report for people, as text", MARKDOWN.render(document)),
        JSON.file_name: ("The whole report for programs", JSON.render(document)),
        "protocol.json": ("The recipe as it was run", json_bytes(_dumped(document.protocol))),
        "verdicts.json": (
            "The verdicts on all claims",
            json_bytes(document.all_verdicts().to_json()),
        ),
        "runs.json": (
            "What the report has of each run, failed ones included",
            json_bytes([_dumped(run) for run in document.runs]),
        ),
    }
    for path, picture in MARKDOWN.beside(document).items():
        files[path] = "A picture of the report", picture
    for place, one in enumerate(document.sets, 1):
        claims = [_dumped(section.claim) for section in one.claims]
        content = {"schema": SCHEMA, "paper": _dumped(one.paper), "claims": claims}
        said = f"Claims of: {one.paper.title}" if one.is_paper() else "Controls of the harness"
        files[f"claims/{place}.json"] = said, json_bytes(content)
    return files


def _dumped(record: Any) -> Any:
    return record.model_dump(mode="json", by_alias=True)


def _archive(files: Mapping[str, bytes]) -> bytes:
    into = io.BytesIO()
    with zipfile.ZipFile(into, "w", zipfile.ZIP_DEFLATED, compresslevel=6) as archive:
        for path, content in files.items():
            entry = zipfile.ZipInfo(path, EARLIEST)
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.create_system, entry.external_attr = 3, 0o644 << 16  # the same from any system
            archive.writestr(entry, content)
    return into.getvalue()


RENDERER = RoCrateRenderer()
"""Of the entry point `ro-crate`."""
