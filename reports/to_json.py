"""How is a document written as JSON, and read back as the same document?"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from reports.document import Document
from reports.errors import DocumentError
from reports.escaping import visible
from reports.gate import refuse_strangers, refuse_weak_decision

__all__ = ["MAX_BYTES", "RENDERER", "JsonRenderer", "json_bytes", "json_schema", "read_document"]

MAX_BYTES = 256 * 1024 * 1024
"""Far above any report seen; a file beyond it is not read into memory."""
MAX_FAULTS = 20
"""Faults of a file that are named; the others are counted."""


@dataclass(frozen=True)
class JsonRenderer:
    """Everything that the document holds, keys sorted, so that two reports can be compared."""

    name: str = "json"
    file_name: str = "report.json"

    def render(self, document: Document) -> bytes:
        """Return UTF-8 JSON with a final newline."""
        record = document.model_dump(mode="json", by_alias=True)
        return json_bytes(record)


def json_bytes(value: object) -> bytes:
    """Return UTF-8 JSON, keys sorted, with a final newline; the same value always gives the same."""
    text = json.dumps(value, sort_keys=True, indent=1, ensure_ascii=False, allow_nan=False)
    return f"{text}\n".encode()


def json_schema() -> dict[str, Any]:
    """Return the JSON Schema of reports, for programs of others that read them.

    Fields are added to `corroborate/report@1` with a default only, so that reports of before them are
    still read; anything else is another version.
    """
    head = {"$schema": "https://json-schema.org/draft/2020-12/schema"}
    named = {"$id": "urn:corroborate:report:1", "title": "corroborate/report@1"}
    return {**head, **Document.model_json_schema(by_alias=True), **named}


def read_document(content: bytes) -> Document:
    """Return the document that `JsonRenderer` wrote.

    It passes the same gate as a document that is built: no file turns a paper's claim green on
    evidence that may not.

    Raises:
        DocumentError: the bytes are too many, no JSON, no `corroborate/report@1`, or of parts that do
            not belong together.
    """
    if len(content) > MAX_BYTES:
        raise DocumentError(
            f"report file: found more than {MAX_BYTES} bytes ; expected at most these. "
            "Give a report.json that Corroborate wrote."
        )
    try:
        document = Document.model_validate_json(content)
    except ValidationError as error:
        raise DocumentError(
            f"report file: found {_listed(error)} ; expected corroborate/report@1. "
            "Give a report.json that this version of Corroborate wrote, or an earlier one."
        ) from None
    refuse_strangers(document)
    for section_set in document.sets:
        refuse_weak_decision(section_set, simulated=document.simulated)
    return document


def _listed(error: ValidationError) -> str:
    """Return the first faults with their places; places and messages hold text of the file."""
    faults = error.errors(include_url=False, include_input=False)
    said = []
    for fault in faults[:MAX_FAULTS]:
        place = ".".join(str(part) for part in fault["loc"]) or "the whole file"
        said.append(f"at {visible(place)[:200]}: {visible(fault['msg'])[:200]}")
    rest = len(faults) - len(said)
    return "; ".join(said) + (f"; and {rest} more" if rest else "")


RENDERER = JsonRenderer()
