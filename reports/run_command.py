"""How are the runs that claims need made from the command line?"""

from __future__ import annotations

import argparse
from pathlib import Path

from claims.errors import ExecutionError
from replication.store import Store
from reports.exit_codes import FAILED, UNDECIDED
from reports.request import request_of
from reports.streams import tell
from verifier.auditing import executed, planned

__all__ = ["run_command"]


def run_command(options: argparse.Namespace) -> int:
    """Run `corroborate run`, or the runs of an audit, and return the exit code.

    Raises:
        KeyboardInterrupt: it was interrupted; what had begun was put away in order.
    """
    request = request_of(options)
    with Store.open(Path(options.store)) as store:
        plan, source = planned(request, store.path, say=tell)
        try:
            went = executed(request, plan, store, source, say=tell)
        except ExecutionError as error:
            tell(f"corroborate: {error}")
            return FAILED
    if went.interrupted:
        raise KeyboardInterrupt
    return FAILED if went.failed else UNDECIDED if went.postponed else 0
