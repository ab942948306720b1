"""How does one verdict travel through the Semantic Web without leaving its evidence behind?

As a nanopublication after the guidelines at nanopub.net: what is asserted, where that comes from, and
what is known of its publication, each a named graph. Creator, licence and signature are for whoever
publishes it to add. The file holds the context of its JSON-LD: nothing is fetched to read it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from claims.record import digest_of
from reports.document import ClaimSection, Document, SetSection
from reports.nanopub_assertion import asserted, label
from reports.nanopub_nodes import OWN, PREFIXES, Node, node, to, typed
from reports.nanopub_provenance import derived
from reports.to_json import RENDERER as JSON
from reports.to_json import json_bytes

__all__ = ["RENDERER", "NanopubRenderer"]

TEMPORARY = "http://purl.org/nanopub/temp/"
"""Where tools expect a nanopublication that is not signed; signing gives it a name with its hash."""
TERMS = (
    "Terms of the program Corroborate, explained in docs/report-formats.md of its source. "
    "They are registered nowhere."
)


@dataclass(frozen=True)
class NanopubRenderer:
    """A list of JSON-LD documents, each a nanopublication of one verdict."""

    name: str = "nanopub"
    file_name: str = "nanopubs.jsonld"

    def render(self, document: Document) -> bytes:
        """Return UTF-8 JSON that can stand in a page: no text in it can close an element."""
        report = hashlib.sha256(JSON.render(document)).hexdigest()
        found = [
            _nanopub(document, claim_set, section, report)
            for claim_set in document.sets
            for section in claim_set.claims
        ]
        return json_bytes(found).replace(b"<", b"\\u003c")


def _nanopub(
    document: Document, claim_set: SetSection, section: ClaimSection, report: str
) -> dict[str, Any]:
    """Return one nanopublication.

    Its name says nothing, since tools take `RA` within one for the mark of a signed nanopublication.

    Args:
        document: the whole report.
        claim_set: what the claim is of.
        section: the claim with its verdict.
        report: SHA-256 of the report as JSON.
    """
    name = f"{TEMPORARY}corroborate-{digest_of([report, section.claim.id])[:32]}#"
    parts = {part: f"{name}{part}" for part in ("assertion", "provenance", "pubinfo")}
    head = node(
        name,
        "np:Nanopublication",
        {
            "np:hasAssertion": to(parts["assertion"]),
            "np:hasProvenance": to(parts["provenance"]),
            "np:hasPublicationInfo": to(parts["pubinfo"]),
        },
    )
    graphs = {
        f"{name}Head": [head],
        parts["assertion"]: list(asserted(document, claim_set, section, name)),
        parts["provenance"]: list(derived(document, section, name, report)),
        parts["pubinfo"]: list(_published(document, claim_set, section, name)),
    }
    return {
        "@context": PREFIXES,
        "@graph": [{"@id": graph, "@graph": nodes} for graph, nodes in graphs.items()],
    }


def _published(
    document: Document, claim_set: SetSection, section: ClaimSection, name: str
) -> Iterator[Node]:
    """Yield what is known of the publication: neither its creator nor its licence is."""
    said = {
        "rdfs:label": label(document, claim_set, section),
        "dcterms:created": _moment(document.generated),
    }
    yield node(name, "npx:ExampleNanopub" if document.simulated else None, said)
    yield node(OWN, None, {"rdfs:comment": TERMS})


def _moment(generated: str) -> Any:
    """Return a time for `dcterms:created`; None where it is none, or its zone is not told."""
    try:
        found = datetime.fromisoformat(generated)
        if found.tzinfo is None:
            return None
        return typed("dateTime", found.astimezone(UTC).isoformat().replace("+00:00", "Z"))
    except (ValueError, OverflowError):
        return None


RENDERER = NanopubRenderer()
"""Of the entry point `nanopub`."""
