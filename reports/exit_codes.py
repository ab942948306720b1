"""With which codes do commands end?

Imports nothing but the standard library, since every command begins here.
"""

from __future__ import annotations

__all__ = ["AGAINST", "FAILED", "INVALID", "UNDECIDED"]

AGAINST = 1
"""A verdict against expectation, or one that a build was told to fail on."""
INVALID = 2
"""Usage or invalid input."""
UNDECIDED = 3
"""None against expectation, but something is inconclusive, not evaluable or not run yet."""
FAILED = 4
"""Execution failed."""
