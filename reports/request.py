"""What do the options of a command ask to be replicated?"""

from __future__ import annotations

import argparse

from verifier.auditing import Request

__all__ = ["request_of"]


def request_of(options: argparse.Namespace) -> Request:
    """Return what the options of `plan`, `run` or `audit` ask for."""
    return Request(
        claims=tuple(options.claims),
        protocol=options.protocol,
        size=options.size,
        seeds=options.seeds,
        changes=tuple(options.set),
        data=options.data,
        lock=options.lock,
        engine=getattr(options, "engine", "inline"),
        budget_hours=getattr(options, "budget_hours", None),
    )
