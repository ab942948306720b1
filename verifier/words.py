"""How are verdicts and findings said in words that a reader takes in at once?"""

from __future__ import annotations

from claims.claim import Claim, GainClaim, NoBenefitClaim, SelectedGainClaim
from verifier.verdict import Finding, VerdictLabel

__all__ = ["FINDING_WORDS", "VERDICT_WORDS", "has_sign"]

VERDICT_WORDS: dict[VerdictLabel, str] = {
    "reproduced": "reproduced",
    "not_reproduced": "not reproduced",
    "inconclusive": "inconclusive",
    "not_evaluable": "not evaluable",
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


def has_sign(claim: Claim) -> bool:
    """Return whether the claim's estimate is a difference, printed with its sign."""
    return isinstance(claim, GainClaim | SelectedGainClaim | NoBenefitClaim)
