"""How are verdicts, findings and claims said in words that a reader takes in at once?"""

from __future__ import annotations

from collections.abc import Sequence

from claims.claim import (
    Claim,
    ConsistencyClaim,
    GainClaim,
    NoBenefitClaim,
    NotConsistentlyBetterClaim,
    ProtocolClaim,
    RankingClaim,
    SelectedGainClaim,
    ValueClaim,
)
from replication.run import refusal_lines
from reports.document import ClaimSection
from verifier.numbers import duration, stated
from verifier.verdict import Agreement, Verdict, VerdictLabel

__all__ = [
    "AGREEMENT_WORDS",
    "FIXED_BEFORE",
    "VERDICT_MEANINGS",
    "claimed",
    "expectation",
    "what_would_change",
]

FIXED_BEFORE = ", which was fixed before the runs"
"""What is known of a criterion whose runs were planned here, and not of one for imported scores."""

VERDICT_MEANINGS: dict[VerdictLabel, str] = {
    "reproduced": f"the interval meets the claim's criterion{FIXED_BEFORE}",
    "not_reproduced": "the interval rules the claim out",
    "inconclusive": "the interval allows for both answers; this is no failure of the claim",
    "not_evaluable": "no evidence that could decide the claim; this is no failure of it either",
}

AGREEMENT_WORDS: dict[Agreement, str] = {
    "agrees": "agrees",
    "disagrees": "disagrees",
    "unclear": "unclear",
}

_MAX_NAMED = 6
"""Deviations named in a sentence; the ledger below it holds all of them."""


def claimed(claim: Claim) -> str:
    """Return what is claimed, short enough for a table cell; plain text, not escaped."""
    match claim:
        case GainClaim() | SelectedGainClaim():
            said = f"{claim.direction}, size unknown"
            if not isinstance(claim.reported, str):
                said = stated(claim.reported, signed=True)
        case ValueClaim():
            said = stated(claim.reported)
        case RankingClaim():
            labels = ", ".join(condition.label() for condition in claim.claimed)
            said = f"top {claim.top} of {len(claim.candidates)}: {labels}"
        case ConsistencyClaim():
            said = f"up in {_how_many(claim.at_least)} {claim.cells}"
        case NoBenefitClaim():
            said = f"within {stated(claim.minimum_effect.points)} of 0"
        case NotConsistentlyBetterClaim():
            said = f"not up in all {claim.cells}"
        case ProtocolClaim():
            said = ", ".join(setting.field for setting in claim.settings)
    return said


def expectation(verdict: Verdict) -> str:
    """Return `yes`, `no` or `undecided`: whether the verdict is the expected one."""
    outcome = verdict.as_expected()
    if outcome is None:
        return "undecided"
    return "yes" if outcome else "no"


def what_would_change(section: ClaimSection) -> tuple[str, ...]:
    """Return what would change the verdict, one sentence each; plain text, not escaped."""
    verdict = section.verdict
    if verdict.verdict == "inconclusive":
        return (_seeds_sentence(section),)
    if verdict.verdict == "not_evaluable":
        return tuple(_missing(section))
    bar = "the claim's criterion"
    if verdict.minimum_effect is not None:
        bar = f"the minimum effect of {stated(verdict.minimum_effect)} points"
    if verdict.finding in ("settings_match", "settings_differ"):
        return ("Runs under other settings, or a corrected reading of what the paper states.",)
    sentences = [f"Further seeds that move the interval across {bar}."]
    if verdict.replication == "close":
        sentences.append("A direct replication, should one of the minor deviations matter.")
    return tuple(sentences)


def _missing(section: ClaimSection) -> list[str]:
    verdict = section.verdict
    important = [d.field for d in verdict.deviations if d.importance == "important"]
    sentences = []
    if important:
        sentences.append(f"Runs without the important deviations: {_name_some(important)}.")
    if verdict.finding == "measure_unknown":
        sentences.append("A readable source for what the claim leaves unknown of its measure.")
    sentences += [
        f"A plan without this obstacle: {line}" for line in refusal_lines(section.refusals)
    ]
    if not sentences:
        sentences.append("Finished runs of every condition that the claim names.")
    return sentences


def _seeds_sentence(section: ClaimSection) -> str:
    verdict = section.verdict
    if verdict.seeds_needed is None:
        return "More seeds per condition; how many cannot be told from these runs."
    more = max(0, verdict.seeds_needed - verdict.seeds)
    sentence = (
        f"About {verdict.seeds_needed} seeds per condition at the variance seen "
        f"(now {verdict.seeds})"
    )
    if more and verdict.seeds and section.seconds:
        cost = duration(section.seconds / verdict.seeds * more)
        sentence += f", at most about {cost} more on the same machine"
    return sentence + "."


def _name_some(names: Sequence[str]) -> str:
    rest = len(names) - _MAX_NAMED
    named = ", ".join(names[:_MAX_NAMED])
    return f"{named} and {rest} more" if rest > 0 else named


def _how_many(at_least: int | str) -> str:
    if at_least == "all":
        return "all"
    return "an unknown number of" if at_least == "unknown" else f"at least {at_least}"
