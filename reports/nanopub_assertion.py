"""What does the nanopublication of a verdict assert?

The claim, the verdict, and in the same graph everything that keeps the verdict from being relied on: who
takes the assertion alone must not take a weak verdict for a strong one.
"""

from __future__ import annotations

from collections.abc import Iterator

from claims.claim import (
    Claim,
    ConsistencyClaim,
    GainClaim,
    NoBenefitClaim,
    NotConsistentlyBetterClaim,
    Paper,
    ProtocolClaim,
    RankingClaim,
    SelectedGainClaim,
    ValueClaim,
)
from claims.record import UNKNOWN
from reports.blocks import plain_text
from reports.document import ClaimSection, Document, SetSection
from reports.escaping import one_line
from reports.imported_section import imported_notice
from reports.nanopub_nodes import Node, node, number, term, text, to, typed, whole
from reports.summary import weakness, weakness_of
from reports.words import claimed
from verifier.verdict import DECIDED, Interval, Verdict, VerdictLabel
from verifier.words import VERDICT_WORDS

__all__ = ["asserted", "label"]

_LISTED = 20
"""Cautions of one sort that are listed; servers refuse a nanopublication of more than 1200 triples."""


def asserted(
    document: Document, claim_set: SetSection, section: ClaimSection, name: str
) -> Iterator[Node]:
    """Yield what is said of the paper, the claim and the verdict.

    Args:
        document: the whole report.
        claim_set: what the claim is of.
        section: the claim with its verdict.
        name: IRI of the nanopublication, before which nothing stands that is its own.
    """
    paper = _paper(claim_set, name)
    yield paper
    yield _claim(document, claim_set, section, name, paper["@id"])
    yield _verdict(document, claim_set, section, name)
    if section.verdict.interval is not None:
        yield _interval(section.verdict.interval, f"{name}interval")


def label(document: Document, claim_set: SetSection, section: ClaimSection) -> str:
    """Return claim and verdict in one line, after what keeps the verdict from being relied on."""
    heads = dict.fromkeys(head for head, _ in _cautions(document, claim_set, section))
    said = f"{section.claim.id}: {VERDICT_WORDS[section.verdict.verdict]}"
    return one_line(" ".join([*heads, said]))


def _paper(claim_set: SetSection, name: str) -> Node:
    paper: Paper = claim_set.paper
    said = {"schema:name": text(paper.title)}
    if not claim_set.is_paper():
        return node(f"{name}controls", "schema:CreativeWork", said)
    if paper.arxiv is None:
        return node(f"{name}paper", "schema:CreativeWork", said)
    said["dcterms:identifier"] = f"arXiv:{paper.arxiv}"
    return node(f"https://arxiv.org/abs/{paper.arxiv}", "schema:ScholarlyArticle", said)


def _claim(
    document: Document, claim_set: SetSection, section: ClaimSection, name: str, paper: str
) -> Node:
    claim, verdict = section.claim, section.verdict
    source = claim.source
    kept = section.criterion_kept()
    own = "corroborate:Claim" if claim_set.is_paper() else "corroborate:Control"
    expected = claim.expected and _outcome(claim.expected, document, verdict)
    return node(
        f"{name}claim",
        ["schema:Claim", own],
        {
            "dcterms:identifier": claim.id,
            "schema:text": text(claim.statement),
            "schema:isPartOf": to(paper),
            "corroborate:quote": None if source.quote == UNKNOWN else text(source.quote),
            "corroborate:section": None if source.section == UNKNOWN else text(source.section),
            "corroborate:foundIn": text(source.found_in),
            "corroborate:kind": term(claim.kind),
            "corroborate:claimed": text(claimed(claim)),
            "corroborate:compares": sorted(set(_compared(claim))),
            "corroborate:measure": _measure(claim),
            "corroborate:reported": number(verdict.reported),
            "corroborate:tolerance": number(verdict.tolerance),
            "corroborate:minimumEffect": number(verdict.minimum_effect),
            "corroborate:level": number(verdict.level),
            "corroborate:expected": expected or None,
            "corroborate:criterion": claim.criterion(),
            "corroborate:criterionKept": None
            if kept is None
            else typed("boolean", str(kept).lower()),
        },
    )


def _verdict(document: Document, claim_set: SetSection, section: ClaimSection, name: str) -> Node:
    verdict: Verdict = section.verdict
    cautions = _cautions(document, claim_set, section)
    return node(
        f"{name}verdict",
        "corroborate:Verdict",
        {
            "rdfs:label": label(document, claim_set, section),
            "rdfs:comment": text(" ".join(verdict.reasons)),
            "corroborate:caution": [text(f"{head} {said}".strip()) for head, said in cautions],
            "corroborate:onClaim": to(f"{name}claim"),
            "corroborate:verdict": _outcome(verdict.verdict, document, verdict),
            "corroborate:finding": term(verdict.finding),
            "corroborate:replication": verdict.replication and term(verdict.replication),
            "corroborate:agreementOfWeakEvidence": verdict.agreement and term(verdict.agreement),
            "corroborate:estimate": number(verdict.estimate),
            "corroborate:interval": to(f"{name}interval") if verdict.interval else None,
            "corroborate:seeds": whole(verdict.seeds),
            "corroborate:seedsNeeded": whole(verdict.seeds_needed),
        },
    )


def _interval(interval: Interval, name: str) -> Node:
    return node(
        name,
        "corroborate:Interval",
        {
            "corroborate:low": number(interval.low),
            "corroborate:high": number(interval.high),
            "corroborate:level": number(interval.level),
            "corroborate:degreesOfFreedom": number(interval.degrees_of_freedom),
            "corroborate:method": text(interval.method),
        },
    )


def _outcome(label_: VerdictLabel, document: Document, verdict: Verdict) -> Node:
    """Return the term of a verdict: a decision on weak evidence has a term of its own."""
    if label_ not in DECIDED or _weakness(document, verdict) is None:
        return term(label_)
    return term(f"{label_}_{'in_simulation' if document.simulated else 'on_weak_evidence'}")


def _weakness(document: Document, verdict: Verdict) -> tuple[str, str] | None:
    """Return a name, and a sentence, for what keeps the evidence of one claim from deciding it."""
    return weakness_of(verdict, weakness(document) if document.simulated else None)


def _cautions(
    document: Document, claim_set: SetSection, section: ClaimSection
) -> tuple[tuple[str, str], ...]:
    """Return a name, and a sentence, for each reason not to rely on a verdict; the gravest first."""
    verdict = section.verdict
    weak = _weakness(document, verdict)
    found = [weak] if weak else []
    controls = document.verdicts(of_papers=False)
    if any(control.as_expected() is not True for control in controls):
        found.append(("Controls failed.", "No verdict of this audit is to be relied on."))
    if not claim_set.is_paper():
        found.append(("Control.", "Its effect was planted, or its absence: no paper claims this."))
    found += [("Stale.", reason) for reason in verdict.stale[:_LISTED]]
    if section.criterion_kept() is False:
        found.append(("Changed after planning.", "The claim no longer says what it said before."))
    lines = [plain_text(line) for quote in imported_notice(document) for line in quote.lines]
    found += [("Imported.", line) for line in lines]
    found += [("Incomplete.", one) for one in verdict.evidence.exclusions[:_LISTED]]
    return tuple(found)


def _compared(claim: Claim) -> Iterator[str]:
    """Yield each condition or contrast that the claim is about."""
    match claim:
        case GainClaim():
            yield claim.contrast().label()
        case RankingClaim():
            yield from (condition.label() for condition in claim.candidates)
        case ConsistencyClaim() | NoBenefitClaim() | NotConsistentlyBetterClaim():
            yield from (contrast.label() for contrast in claim.contrasts)
        case SelectedGainClaim():
            control = claim.control.label()
            yield from (f"{candidate.label()} vs {control}" for candidate in claim.candidates)
        case ValueClaim():
            yield claim.condition.label()
        case ProtocolClaim():
            yield from (setting.field for setting in claim.settings[:_LISTED])


def _measure(claim: Claim) -> str | None:
    """Return what is measured, as the claim file has it, in one line; None where nothing is."""
    if isinstance(claim, ProtocolClaim):
        return None
    one = claim.measure
    names = (
        found if isinstance(found, str) else ", ".join(found)
        for found in (one.tasks, one.languages)
    )
    tasks, languages = names
    return text(
        f"benchmark {one.benchmark}; split {one.split}; tasks {tasks}; languages {languages}; "
        f"score {one.score}; over seeds {one.seeds}; about {one.inference}"
    )
