"""What does a reader learn in the first minute: headline, warning and one line per claim?"""

from __future__ import annotations

from collections.abc import Iterator

from claims.claim import Paper
from reports.blocks import (
    Inline,
    Quote,
    Span,
    Table,
    code,
    emphasis,
    joined,
    number,
    strong,
    table,
    words,
)
from reports.claim_anchors import claim_anchor, run_anchor
from reports.document import ClaimSection, Document, SetSection
from reports.words import AGREEMENT_WORDS, FIXED_BEFORE, VERDICT_MEANINGS, claimed, expectation
from verifier.numbers import counted, estimate
from verifier.verdict import DECIDED, VERDICTS, Verdict
from verifier.words import FINDING_WORDS, VERDICT_WORDS, has_sign

__all__ = [
    "banner",
    "headlines",
    "notices",
    "set_title",
    "summary_table",
    "verdict_key",
    "weakness",
    "weakness_of",
]

_NAMED = 12
"""Runs or claims named at the head; the tables have all of them."""
NO_EVIDENCE = "No evidence."
CONCEPTUAL = "Conceptual evidence only."


def headlines(document: Document) -> Iterator[Inline]:
    """Yield one paragraph per paper, and one for the controls; no score over a paper's claims."""
    for claim_set in document.sets:
        if claim_set.is_paper():
            yield _paper_headline(claim_set)
    controls = document.verdicts(of_papers=False)
    if controls:
        yield _controls_headline(controls)


def banner(document: Document) -> Quote | None:
    """Return the warning at the head of the report; None where a paper's claim could be decided."""
    found = weakness(document)
    return (
        None if found is None else Quote((words(strong(found[0]), f" {found[1]}"),), warning=True)
    )


def weakness(document: Document) -> tuple[str, str] | None:
    """Return a name, and a sentence, for what keeps this evidence from deciding a paper's claim."""
    verdicts = document.verdicts(of_papers=True)
    nothing = "No paper claim is decided by this."
    if document.simulated:
        return "Simulated.", f"The languages and data of these runs are synthetic. {nothing}"
    kinds = {verdict.replication for verdict in verdicts}
    if kinds == {None}:
        return NO_EVIDENCE, f"No run bears on these claims. {nothing}"
    if kinds and kinds <= {None, "conceptual"}:
        departs = "These runs depart from the paper's protocol in ways that can move an estimate."
        return CONCEPTUAL, f"{departs} {nothing}"
    return None


def weakness_of(verdict: Verdict, whole: tuple[str, str] | None) -> tuple[str, str] | None:
    """Return what keeps the evidence of one claim from deciding it.

    Args:
        verdict: on the claim.
        whole: what keeps that of the whole report from it, which goes before.
    """
    if whole is not None:
        return whole
    if verdict.replication is None:
        return NO_EVIDENCE, ""
    return (CONCEPTUAL, "") if verdict.replication == "conceptual" else None


def notices(document: Document) -> Iterator[Quote]:
    """Yield what must be known before any verdict: which are stale, what failed, what was left out."""
    sections = tuple(document.sections())
    stale = [s.verdict.claim for s in sections if s.verdict.stale]
    if stale:
        many = f"{counted(len(stale), 'verdict')} of {len(sections)}"
        said = strong(f"{many} {'is' if len(stale) == 1 else 'are'} stale: ")
        why = ". Something that they rest on has changed since."
        yield Quote((words(said, _ids(stale[:_NAMED]), _rest(len(stale)), why),), warning=True)
    failed = [run for run in document.runs if run.status == "failed"]
    lines: list[Inline] = []
    if failed:
        named = joined((words(code(r.run[:12], run_anchor(r.run))) for r in failed[:_NAMED]), ", ")
        said = strong(f"{counted(len(failed), 'run')} of {len(document.runs)} failed: ")
        lines.append(words(said, named, _rest(len(failed)), "."))
    left = [s.verdict.claim for s in sections if s.verdict.evidence.exclusions]
    if left:
        said = strong(f"Something was left out of the evidence of {counted(len(left), 'claim')}: ")
        lines.append(words(said, _ids(left[:_NAMED]), _rest(len(left)), "."))
    if lines:
        yield Quote(tuple(lines), warning=True)


def summary_table(sections: tuple[ClaimSection, ...]) -> Table:
    """Return one line per claim."""
    header = (
        "claim",
        "kind",
        "reported",
        "estimate, interval",
        "verdict",
        "finding",
        "replication",
        "agreement",
        "as expected?",
    )
    return table(header, (_line(section) for section in sections))


def set_title(claim_set: SetSection) -> Inline:
    """Return whose claims these are."""
    paper = claim_set.paper
    if claim_set.is_paper():
        return words(f"Claims of {paper.title}", *_version(paper))
    return words(f"Controls, no paper's claims: {paper.title}")


def verdict_key(sections: tuple[ClaimSection, ...], *, imported: bool) -> Iterator[Inline]:
    """Yield the meaning of each verdict that occurs.

    Args:
        sections: the claims.
        imported: whether their scores are, so that nobody knows what was fixed before them.
    """
    found = {section.verdict.verdict for section in sections}
    for label in VERDICTS:
        if label in found:
            meaning = VERDICT_MEANINGS[label]
            meaning = meaning.removesuffix(FIXED_BEFORE) if imported else meaning
            yield words(f"{VERDICT_WORDS[label]}: {meaning}")


def _line(section: ClaimSection) -> tuple[Inline, ...]:
    claim, verdict = section.claim, section.verdict
    found: Inline = ()
    if verdict.estimate is not None:
        signed = has_sign(claim)
        found = words(number(estimate(verdict.estimate, verdict.interval, signed=signed)))
    return (
        words(code(claim.id, claim_anchor(claim.id))),
        words(claim.kind.replace("_", " ")),
        words(claimed(claim)),
        found,
        strong(Span(VERDICT_WORDS[verdict.verdict], "verdict")),
        words(FINDING_WORDS[verdict.finding]),
        words(verdict.replication or "none"),
        words(AGREEMENT_WORDS[verdict.agreement] if verdict.agreement else ""),
        words(expectation(verdict)),
    )


def _paper_headline(claim_set: SetSection) -> Inline:
    title = words(emphasis(claim_set.paper.title), *_version(claim_set.paper))
    verdicts = [section.verdict for section in claim_set.claims]
    if not any(v.verdict in DECIDED for v in verdicts):
        sentence = words("No claim of ", title, " is decided by these runs.")
        return words(strong(sentence), _agreements(verdicts))
    parts: list[Inline] = []
    for label in VERDICTS:
        ids = [v.claim for v in verdicts if v.verdict == label]
        if ids and label in DECIDED:
            parts.append(words(f"{VERDICT_WORDS[label]}: ", _ids(ids)))
        elif ids:
            parts.append(words(f"{VERDICT_WORDS[label]}: {len(ids)}"))
    return words(
        strong("Claims of ", title, ": ", joined(parts, "; "), "."),
        " Claims share runs and so are not independent; no score is made of them.",
    )


def _version(paper: Paper) -> Inline:
    return words(" (", code(paper.arxiv), ")") if paper.arxiv else ()


def _agreements(verdicts: list[Verdict]) -> Inline:
    parts = []
    for word, said in (
        ("agrees", "agrees with"),
        ("disagrees", "disagrees with"),
        ("unclear", "is unclear on"),
    ):
        ids = [v.claim for v in verdicts if v.agreement == word]
        if ids:
            parts.append(words(f"{said} ", _ids(ids)))
    if not parts:
        return ()
    return words(" The evidence, which cannot decide them, ", joined(parts, "; "), ".")


def _controls_headline(controls: tuple[Verdict, ...]) -> Inline:
    against = [v.claim for v in controls if v.as_expected() is False]
    undecided = [v.claim for v in controls if v.as_expected() is None]
    if against or undecided:
        parts = [words("against expectation: ", _ids(against))] if against else []
        parts += [words("undecided: ", _ids(undecided))] if undecided else []
        said = words(
            "Controls of the harness failed to come out as expected: ", joined(parts, "; "), "."
        )
        return words(
            strong(said), " Until that is explained, no verdict of this report is to be relied on."
        )
    if len(controls) == 1:
        return strong("The one control claim has the verdict that it must have.")
    return words(
        strong(f"All {len(controls)} control claims have the verdict that they must have:"),
        " the chain that made this report finds effects that are there and none where there is none.",
    )


def _ids(ids: list[str]) -> Inline:
    return joined((words(code(i, claim_anchor(i))) for i in ids), ", ")


def _rest(count: int) -> str:
    return f" and {count - _NAMED} more" if count > _NAMED else ""
