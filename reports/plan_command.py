"""How is a plan shown, or a protocol compared with another, from the command line?"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

from claims.errors import UnknownClaimsError
from replication.deviations import compare
from replication.protocols import load_protocol
from reports.plan_view import view_plan
from reports.request import request_of
from reports.streams import say, say_json, tell
from reports.terminal import ledger_json, ledger_text
from verifier.auditing import asked_protocol, named_claims, planned

__all__ = ["plan_command"]


def plan_command(options: argparse.Namespace) -> int:
    """Run `corroborate plan` with its options and return the exit code."""
    if options.against:
        return _compared(options)
    if not options.claims:
        raise UnknownClaimsError("plan: found no CLAIMS ; expected some, or --against PROTOCOL.")
    with tempfile.TemporaryDirectory() as folder:
        plan, source = planned(request_of(options), Path(folder), say=tell)
        named = [s for _, s in named_claims(options.claims)]
        view = view_plan(plan, source, named, Path(options.store) if options.store else None)
    if options.json:
        say_json(view.to_json())
    else:
        say(view.text(explain=options.explain))
    return 0


def _compared(options: argparse.Namespace) -> int:
    used, reported = asked_protocol(request_of(options)), load_protocol(options.against)
    found = compare(reported, used)
    if options.json:
        say_json(ledger_json(reported, used, found))
    else:
        say(ledger_text(reported, used, found))
    return 0
