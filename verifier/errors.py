"""The errors of the package `verifier`.

VerifierError
├── AcceptanceError  a change of a claim that cannot be accepted
├── EvidenceError    runs that cannot be read as evidence at all
└── FailOnError      a list of what fails a build that cannot be read

A claim that merely lacks evidence is no error: its verdict is `not_evaluable`.
"""

from __future__ import annotations

from claims.errors import CorroborateError

__all__ = ["AcceptanceError", "EvidenceError", "FailOnError", "VerifierError"]


class VerifierError(CorroborateError):
    """Any failure of the package `verifier`."""


class AcceptanceError(VerifierError):
    """A change of a claim that cannot be accepted: nothing changed, or nobody says who or why."""


class EvidenceError(VerifierError):
    """Runs that cannot be read as evidence."""


class FailOnError(VerifierError):
    """A list of what fails a build that names something unknown."""
