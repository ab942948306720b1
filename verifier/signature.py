"""Which choices, versions included, changed the number? One line that makes it checkable.

After sacreBLEU's signatures (Post 2018): `key:value` joined by bars, in a fixed order.
Light: imports neither torch nor transformers nor datasets.
"""

from __future__ import annotations

from claims.claim import Claim, ProtocolClaim
from replication.protocol import Protocol
from verifier.cells import statistic_of
from verifier.ledger import Bearing
from verifier.outcome import Outcome
from verifier.samples import Samples
from verifier.version import corroborate_version

__all__ = ["signature_of"]


def signature_of(
    claim: Claim, samples: Samples | None, bearing: Bearing, outcome: Outcome, protocol: Protocol
) -> str:
    """Return the signature of a verdict; what is not known or does not apply is a dash."""
    parts: dict[str, str] = {"kind": claim.kind}
    if not isinstance(claim, ProtocolClaim):
        cells = samples.cells if samples else ()
        parts |= {
            "metric": claim.measure.score,
            "benchmark": claim.measure.benchmark,
            "split": _join({c.split for c in cells}),
            "tasks": _join({c.task for c in cells}),
            "languages": _join({c.language for c in cells}),
            "cells": str(len(cells)),
            "seeds": str(samples.seeds) if samples else "-",
            "statistic": statistic_of(claim.measure),
            "about": claim.measure.inference,
            "level": f"{claim.level:g}",
            "method": _method(outcome),
        }
    parts |= {
        "evaluator": _join({run.spec.evaluator or "unknown" for run in bearing.finished}),
        "protocol": f"{protocol.name}:{protocol.size}:{protocol.digest()[:12]}",
        "criterion": claim.criterion()[:12],
        "version": corroborate_version(),
    }
    return "|".join(f"{key}:{value}" for key, value in parts.items())


def _method(outcome: Outcome) -> str:
    text = outcome.interval.method if outcome.interval else "-"
    return text.replace("|", "/").replace(";", ",")


def _join(names: set[str]) -> str:
    return "+".join(sorted(names)) or "-"
