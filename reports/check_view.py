"""What does a reader see of claim files that are checked, or of their schema?"""

from __future__ import annotations

import argparse

from claims.check import json_schema
from claims.errors import ClaimsError
from claims.library import bundled, load
from claims.published import is_published, read_published
from reports.exit_codes import INVALID
from reports.streams import say, say_json, tell

__all__ = ["check_command"]


def check_command(options: argparse.Namespace) -> int:
    """Run `corroborate check` with its options and return the exit code."""
    if options.schema:
        say_json(json_schema())
        return 0
    faults = 0
    for argument in options.claims or bundled():
        try:
            if is_published(argument):
                say(f"{argument}: {len(read_published(argument).rows)} published rows, no faults")
                continue
            for name, claim_set in load(argument):
                number = len(claim_set.claims)
                say(f"{name}: {number} {'claim' if number == 1 else 'claims'}, no faults")
        except ClaimsError as error:
            faults += 1
            tell(f"corroborate: {error}")
    return INVALID if faults else 0
