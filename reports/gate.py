"""Does a document say more than its evidence allows?

The last gate against a false green, for documents just built and for those read from a file: one in
which synthetic or conceptual evidence, or none, decides a paper's claim is refused, whoever wrote it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from reports.document import Document, SetSection
from reports.errors import DocumentError
from verifier.verdict import DECIDED

__all__ = ["refuse_strangers", "refuse_weak_decision"]

_PLANTED = ", or the claims are about planted effects: their file then says `controls: true`"


def refuse_weak_decision(section_set: SetSection, *, simulated: bool) -> None:
    """Refuse a paper's claim that evidence decides which must not.

    Raises:
        DocumentError: the evidence is synthetic, conceptual or none, and the verdict a decision.
    """
    if not section_set.is_paper():
        return
    for section in section_set.claims:
        verdict = section.verdict
        weak = simulated or verdict.replication in (None, "conceptual")
        if weak and verdict.verdict in DECIDED:
            on = "synthetic data" if simulated else f"replication '{verdict.replication}'"
            raise DocumentError(
                f"report: claim '{verdict.claim}': found verdict '{verdict.verdict}' on {on} ; "
                "expected 'not_evaluable' with an agreement beside it. This is a fault of the "
                f"verifier, or of who changed its verdict{_PLANTED if simulated else ''}."
            )


def refuse_strangers(document: Document) -> None:
    """Refuse a document, read from a file, whose parts are not of one audit.

    Raises:
        DocumentError: with every part that does not belong.
    """
    found = tuple(_strangers(document))
    if found:
        raise DocumentError(
            f"report file: found {'; '.join(found)} ; expected parts of one audit. "
            "Give a report.json as Corroborate wrote it."
        )


def _strangers(document: Document) -> Iterator[str]:
    known = {run.run for run in document.runs}
    declared = any(line.protocol and not line.because for line in document.imports)
    ids = Counter(section.claim.id for section in document.sections())
    yield from (f"claim '{name}' {count} times" for name, count in ids.items() if count > 1)
    for section in document.sections():
        claim, verdict = section.claim, section.verdict
        where = f"claim '{claim.id}'"
        if verdict.claim != claim.id:
            yield f"{where} with a verdict on '{verdict.claim}'"
        if verdict.kind != claim.kind:
            yield f"{where}, a {claim.kind}, with a verdict on a {verdict.kind}"
        if verdict.expected != claim.expected:
            yield f"{where} with another expectation in its verdict"
        if document.imports and verdict.replication == "direct":
            yield f"{where} with a direct replication by imported scores"
        if document.imports and not declared and verdict.verdict in DECIDED:
            yield f"{where} decided on imported scores for which nobody declares a protocol"
        if not known.issuperset(section.runs) or not known.issuperset(verdict.evidence.runs):
            yield f"{where} resting on runs that are not in the list of runs"
        if any(len(arm.seeds) != len(arm.scores) for arm in verdict.evidence.arms):
            yield f"{where} with another number of seeds than of scores"
