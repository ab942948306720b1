"""What does a reader see of one claim or run, looked up by its id or digest?"""

from __future__ import annotations

import argparse
from pathlib import Path

from claims.errors import UnknownClaimsError
from claims.library import bundled
from replication.store import Store
from reports.streams import say
from reports.terminal import claim_text, run_text
from reports.verify_command import decided
from verifier.auditing import named_claims

__all__ = ["show_command"]

SHORTEST_DIGEST = 6
"""Digits of a run's digest that are enough to ask for it."""


def show_command(options: argparse.Namespace) -> int:
    """Run `corroborate show` with its options and return the exit code."""
    planned = False
    if Path(options.store).is_dir():
        with Store.open(Path(options.store), write=False) as store:
            planned = store.latest_plan() is not None
            runs = [r for r in store.runs() if r.spec_digest.startswith(options.id)]
            folders = {r.spec_digest: str(store.folder(r.spec_digest)) for r in runs}
        if len(options.id) >= SHORTEST_DIGEST and runs:
            say("\n\n".join(run_text(run, folders[run.spec_digest]) for run in runs))
            return 0
    options.claims = options.claims or list(bundled())
    for _, claim_set in named_claims(options.claims):
        for claim in claim_set.claims:
            if claim.id == options.id:
                verdicts = decided(options)[0].verdicts.verdicts if planned else ()
                found = next((v for v in verdicts if v.claim == claim.id), None)
                say(claim_text(claim, claim_set, found))
                return 0
    raise UnknownClaimsError(
        f"{options.id[:80]!r}: found no claim of that id and no run of that digest ; expected one "
        "of them. Name claim files with --claims and a store with --store "
        f"(now '{options.store}')."
    )
