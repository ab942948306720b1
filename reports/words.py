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
from reports.numbers import duration, stated
from verifier.verdict import Agreement, Finding, Verdict, VerdictLabel

__all__ = [
    "AGREEMENT_WORDS",
    "FINDING_WORDS",
    "VERDICT_MEANINGS",
    "VERDICT_WORDS",
    "claimed",
    "expectation",
    "has_sign",
    "what_would_change",
]

VERDICT_WORDS: dict[VerdictLabel, str] = {
    "reproduced": "reproduced",
    "not_reproduced": "not reproduced",
    "inconclusive": "inconclusive",
    "not_evaluable": "not evaluable",
}

VERDICT_MEANINGS: dict[VerdictLabel, str] = {
    "reproduced": "the interval meets the claim's criterion, which was fixed before the runs",
    "not_reproduced": "the interval rules the claim out",
    "inconclusive": "the interval allows for both answers; this is no failure of the claim",
    "not_evaluable": "no evidence that could decide the claim; this is no failure of it either",
}

AGREEMENT_WORDS: dict[Agreement, str] = {
    "agrees": "agrees",
    "disagrees": "disagrees",
    "unclear": "unclear",
}

FINDING_WORDS: dict[Finding, str] = {
    "magnitude": "an effect of the reported size",
    "direction_compatible": "an effect, its size compatible with the reported one",
    "direction_only": "an effect, of another size than reported",
    "contradicted": "no effect of the size that counts",
    "negligible": "an effect too small to count",
    "outside_tolerance": "a value outside the tolerance",
    "in_claimed_ranks": "in the claimed ranks",
    "outside_claimed_ranks": "outside the claimed ranks",
    "consistent": "enough cells improve",
    "counterexample": "a cell gets worse",
    "too_few_cells": "fewer cells improve than claimed",
    "equivalent": "differences too small to count",
    "not_consistent": "at least one cell does not improve",
    "settings_match": "settings as claimed",
    "settings_differ": "settings other than claimed",
    "undecided": "undecided",
    "no_evidence": "no evidence",
    "conceptual_only": "conceptual evidence only",
    "measure_unknown": "the measure is not known",
}

_MAX_NAMED = 6
"""Deviations named in a sentence; the ledger below it holds all of them."""


def has_sign(claim: Claim) -> bool:
    """Return whether the claim's estimate is a difference, printed with its sign."""
    return isinstance(claim, GainClaim | SelectedGainClaim | NoBenefitClaim)


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
