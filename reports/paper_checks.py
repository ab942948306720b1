"""How does what the paper itself says of a claim get into a report?

A paper check says whether a paper agrees with itself. It is no reproduction and changes no verdict.
"""

from __future__ import annotations

from claims.claim import ClaimSet
from claims.ground import Grounded, ground
from claims.grounding import NumberCheck
from claims.paper import PaperText
from claims.reading import read_paper
from reports.document import Document, SetSection

__all__ = ["with_paper_checks"]

MOST = 2000
"""Characters of one check."""
_CELLS = 6
"""Cells named of one formula."""


def with_paper_checks(document: Document, paper: str | None) -> Document:
    """Return a document whose claims say what the paper's own text and tables say of them.

    Args:
        document: as it was built; claims that are no paper's stay as they are.
        paper: path of the paper; None leaves the document as it is.

    Raises:
        PaperError: the paper cannot be read.
    """
    if paper is None:
        return document
    text = read_paper(paper)
    sets = tuple(_checked(s, text, paper) if s.is_paper() else s for s in document.sets)
    return document.model_copy(update={"sets": sets})


def _checked(section_set: SetSection, text: PaperText, name: str) -> SetSection:
    claims_of: dict[str, object] = {"schema": "corroborate/claims@1", "paper": section_set.paper}
    claims_of["claims"] = tuple(c.claim for c in section_set.claims)
    check = ground(ClaimSet.model_validate(claims_of), text, name)
    found = {grounded.claim: _said(grounded) for grounded in check.claims}
    claims = tuple(
        c.model_copy(
            update={"verdict": c.verdict.model_copy(update={"paper_check": found[c.claim.id]})}
        )
        for c in section_set.claims
    )
    return section_set.model_copy(update={"claims": claims})


def _said(grounded: Grounded) -> str:
    quote = grounded.quote
    parts = ["the claim quotes nothing"]
    if quote is not None:
        where = f" at {quote.place} ({quote.address})" if quote.address else ""
        differences = f" ({'; '.join(quote.differences)})" if quote.differences else ""
        parts = [f"quotation {quote.status}{where}{differences}"]
    number = grounded.number
    parts.append("the claim states no number" if number is None else _number(number))
    if grounded.mixed_baselines:
        parts.append("what it is compared with is of different origin")
    return f"{'; '.join(parts)}."[:MOST]


def _number(check: NumberCheck) -> str:
    status = check.status.replace("_", " ")
    said = f"number {check.number:g} {status}: {check.reason.rstrip('.')}"
    if check.hits:
        hit = check.hits[0]
        cells = ", ".join(hit.cells[:_CELLS]) + (", ..." if len(hit.cells) > _CELLS else "")
        said += f"; {hit.formula} = {hit.result:.4g} from {cells}"
    return said
