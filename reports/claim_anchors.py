"""What are the places in a report called that links lead to?"""

from __future__ import annotations

__all__ = ["claim_anchor", "run_anchor"]


def claim_anchor(claim: str) -> str:
    """Return the id of a claim's section."""
    return f"claim-{claim}"


def run_anchor(digest: str) -> str:
    """Return the id of a run's row in the list of runs."""
    return f"run-{digest[:12]}"
