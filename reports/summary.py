"""What does a reader learn in the first minute: headline, warning and one line per claim?"""

from __future__ import annotations

from collections.abc import Iterator

from reports.document import ClaimSection, Document, SetSection
from reports.escaping import cell, code, table, text
from reports.numbers import estimate
from reports.words import (
    AGREEMENT_WORDS,
    FINDING_WORDS,
    VERDICT_MEANINGS,
    VERDICT_WORDS,
    claimed,
    expectation,
    has_sign,
)
from verifier.verdict import VERDICTS, Verdict

__all__ = ["banner", "headlines", "summary_table", "verdict_key"]

DECIDED = ("reproduced", "not_reproduced")


def headlines(document: Document) -> Iterator[str]:
    """Yield one paragraph per paper, and one for the controls; no score over a paper's claims."""
    for claim_set in document.sets:
        if claim_set.is_paper():
            yield _paper_headline(claim_set)
    controls = document.verdicts(of_papers=False)
    if controls:
        yield _controls_headline(controls)


def banner(document: Document) -> str | None:
    """Return the warning at the head of the report; None where a paper's claim could be decided."""
    verdicts = document.verdicts(of_papers=True)
    if document.simulated:
        return (
            "> **Simulated.** The languages and data of these runs are synthetic. "
            "No paper claim is decided by this."
        )
    kinds = {verdict.replication for verdict in verdicts}
    if kinds == {None}:
        return "> **No evidence.** No run bears on these claims. No paper claim is decided by this."
    if kinds and kinds <= {None, "conceptual"}:
        return (
            "> **Conceptual evidence only.** These runs depart from the paper's protocol in ways "
            "that can move an estimate. No paper claim is decided by this."
        )
    return None


def summary_table(sections: tuple[ClaimSection, ...]) -> str:
    """Return one line per claim."""
    header = (
        "claim",
        "kind",
        "reported",
        "estimate [interval]",
        "verdict",
        "finding",
        "replication",
        "agreement",
        "as expected?",
    )
    return table(header, (_line(section) for section in sections))


def verdict_key(document: Document) -> Iterator[str]:
    """Yield the meaning of each verdict that occurs."""
    found = {section.verdict.verdict for section in document.sections()}
    for label in VERDICTS:
        if label in found:
            yield f"{VERDICT_WORDS[label]}: {VERDICT_MEANINGS[label]}"


def _line(section: ClaimSection) -> tuple[str, ...]:
    claim, verdict = section.claim, section.verdict
    number = ""
    if verdict.estimate is not None:
        number = estimate(verdict.estimate, verdict.interval, signed=has_sign(claim))
    return (
        code(claim.id),
        claim.kind.replace("_", " "),
        cell(claimed(claim)),
        number,
        f"**{VERDICT_WORDS[verdict.verdict]}**",
        FINDING_WORDS[verdict.finding],
        verdict.replication or "none",
        AGREEMENT_WORDS[verdict.agreement] if verdict.agreement else "",
        expectation(verdict),
    )


def _paper_headline(claim_set: SetSection) -> str:
    title = f"*{text(claim_set.paper.title)}* ({code(claim_set.paper.arxiv or '')})"
    verdicts = [section.verdict for section in claim_set.claims]
    if not any(v.verdict in DECIDED for v in verdicts):
        sentence = f"**No claim of {title} is decided by these runs.**"
        agreements = _agreements(verdicts)
        return f"{sentence} {agreements}" if agreements else sentence
    parts = []
    for label in VERDICTS:
        ids = [v.claim for v in verdicts if v.verdict == label]
        if ids and label in DECIDED:
            parts.append(f"{VERDICT_WORDS[label]}: {_ids(ids)}")
        elif ids:
            parts.append(f"{VERDICT_WORDS[label]}: {len(ids)}")
    return (
        f"**Claims of {title}: {'; '.join(parts)}.** Claims share runs and so are not independent; "
        "no score is made of them."
    )


def _agreements(verdicts: list[Verdict]) -> str:
    parts = []
    for word, said in (
        ("agrees", "agrees with"),
        ("disagrees", "disagrees with"),
        ("unclear", "is unclear on"),
    ):
        ids = [v.claim for v in verdicts if v.agreement == word]
        if ids:
            parts.append(f"{said} {_ids(ids)}")
    return f"The evidence, which cannot decide them, {'; '.join(parts)}." if parts else ""


def _controls_headline(controls: tuple[Verdict, ...]) -> str:
    against = [v.claim for v in controls if v.as_expected() is False]
    undecided = [v.claim for v in controls if v.as_expected() is None]
    if against or undecided:
        parts = [f"against expectation: {_ids(against)}"] if against else []
        parts += [f"undecided: {_ids(undecided)}"] if undecided else []
        return (
            f"**Controls of the harness failed to come out as expected: {'; '.join(parts)}.** "
            "Until that is explained, no verdict of this report is to be relied on."
        )
    if len(controls) == 1:
        return "**The one control claim has the verdict that it must have.**"
    return (
        f"**All {len(controls)} control claims have the verdict that they must have:** "
        "the chain that made this report finds effects that are there and none where there is none."
    )


def _ids(ids: list[str]) -> str:
    return ", ".join(code(i) for i in ids)
