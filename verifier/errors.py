"""The errors of the package `verifier`.

VerifierError
└── EvidenceError   runs that cannot be read as evidence at all

A claim that merely lacks evidence is no error: its verdict is `not_evaluable`.
"""

from __future__ import annotations

from claims.errors import CorroborateError

__all__ = ["EvidenceError", "VerifierError"]


class VerifierError(CorroborateError):
    """Any failure of the package `verifier`."""


class EvidenceError(VerifierError):
    """Runs that cannot be read as evidence."""
