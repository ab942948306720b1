"""How is a store's state shown from the command line, once or until its runs end?"""

from __future__ import annotations

import argparse
import sys
from contextlib import suppress
from pathlib import Path

from replication.acceptances import read_acceptances
from replication.looks import read_looks
from replication.store import Store
from reports.status_view import watch
from reports.streams import say, say_json
from reports.terminal import status_json, status_text
from verifier.staleness import recorded

__all__ = ["status_command"]


def status_command(options: argparse.Namespace) -> int:
    """Run `corroborate status` with its options and return the exit code."""
    if options.watch:
        with suppress(KeyboardInterrupt):  # nothing is lost by no longer looking
            watch(Path(options.store), sys.stdout, json=options.json)
        return 0
    with Store.open(Path(options.store), write=False) as store:
        plan = store.latest_plan()
        runs = {r.spec_digest: r for r in store.runs()}
        damage = store.damage()
        digests = [s.digest() for s in plan.specs] if plan else []
        states = {d: store.state(d) for d in digests}
        errors = {d: str(r.error) for d, r in runs.items() if r.error} | damage
        finished = {d for d, r in runs.items() if r.status == "finished"}
        accepted = read_acceptances(store.path)
        verdicts = recorded(read_looks(store.path), plan, finished, accepted)
    if options.json:
        say_json(status_json(plan, states, errors, verdicts, accepted))
    else:
        say(status_text(plan, states, errors, verdicts, accepted))
    return 0
