"""How is a document written as JSON, and read back as the same document?"""

from __future__ import annotations

import json
from dataclasses import dataclass

from pydantic import ValidationError

from reports.document import Document
from reports.errors import DocumentError

__all__ = ["RENDERER", "JsonRenderer", "read_document"]

MAX_BYTES = 256 * 1024 * 1024
"""Far above any report seen; a file beyond it is not read into memory."""


@dataclass(frozen=True)
class JsonRenderer:
    """Everything that the document holds, keys sorted, so that two reports can be compared."""

    name: str = "json"
    file_name: str = "report.json"

    def render(self, document: Document) -> bytes:
        """Return UTF-8 JSON with a final newline."""
        record = document.model_dump(mode="json", by_alias=True)
        text = json.dumps(record, sort_keys=True, indent=1, ensure_ascii=False, allow_nan=False)
        return f"{text}\n".encode()


def read_document(content: bytes) -> Document:
    """Return the document that `JsonRenderer` wrote.

    Raises:
        DocumentError: the bytes are too many, no JSON, or no `corroborate/report@1`.
    """
    if len(content) > MAX_BYTES:
        raise DocumentError(
            f"report file: found {len(content)} bytes ; expected at most {MAX_BYTES}. "
            "Give a report.json that Corroborate wrote."
        )
    try:
        return Document.model_validate_json(content)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        place = ".".join(str(part) for part in first["loc"]) or "the whole file"
        raise DocumentError(
            f"report file: found at {place}: {first['msg']} ; expected corroborate/report@1. "
            "Give a report.json that this version of Corroborate wrote."
        ) from None


RENDERER = JsonRenderer()
