"""How do names, numbers and texts stand in a graph so that they say what the report says, no more?"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from reports.escaping import visible

__all__ = [
    "OWN",
    "PREFIXES",
    "Node",
    "hashed",
    "node",
    "number",
    "term",
    "text",
    "to",
    "typed",
    "whole",
]

Node = dict[str, Any]
OWN = "urn:uuid:0ea1c80f-20b3-4d3c-a092-baf793c1d4ca#"
"""Of our own terms. A UUID belongs to whoever made it and needs no registry; another meaning of a term
needs another UUID."""
PREFIXES = {
    "corroborate": OWN,
    "dcterms": "http://purl.org/dc/terms/",
    "np": "http://www.nanopub.org/nschema#",
    "npx": "http://purl.org/nanopub/x/",
    "prov": "http://www.w3.org/ns/prov#",
    "rdfs": "http://www.w3.org/2000/01/rdf-schema#",
    "schema": "http://schema.org/",
    "xsd": "http://www.w3.org/2001/XMLSchema#",
}


def node(name: str, kinds: str | list[str] | None, said: Mapping[str, Any]) -> Node:
    """Return a subject with its types and what is said of it; what is None or empty is left out.

    Args:
        name: IRI, not compacted.
        kinds: compact IRIs of types.
        said: compact IRI of a property -> a value or a list of values.
    """
    kept = {
        key: value for key, value in said.items() if value is not None and value not in ([], "")
    }
    return {"@id": name, **({"@type": kinds} if kinds else {}), **kept}


def to(name: str) -> Node:
    """Return a reference to an IRI, compact or not."""
    return {"@id": name}


def term(name: str) -> Node:
    """Return a reference to a term of our own."""
    return to(f"corroborate:{name}")


def typed(kind: str, said: str) -> Node:
    """Return a literal of a type of XML Schema."""
    return {"@type": f"xsd:{kind}", "@value": said}


def number(value: float | None) -> Node | None:
    """Return exactly this number, as a decimal.

    JSON-LD rounds numbers of JSON to 16 digits, and rdflib those of type `xsd:double` to 7 in TriG.
    """
    if value is None:
        return None
    said = format(Decimal(repr(float(value))), "f")
    return typed("decimal", said if "." in said else f"{said}.0")


def whole(value: int | None) -> Node | None:
    """Return a whole number."""
    return None if value is None else typed("integer", str(value))


def text(value: str) -> str:
    """Return a text as a literal, without characters that hide or turn round what is beside them."""
    return visible(value)


def hashed(digest: str) -> str:
    """Return the name of whatever has a SHA-256, after RFC 6920.

    Args:
        digest: 64 hex digits.
    """
    return f"ni:///sha-256;{base64.urlsafe_b64encode(bytes.fromhex(digest)).decode().rstrip('=')}"
