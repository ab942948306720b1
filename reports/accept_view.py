"""How is the change of a claim accepted from the command line?"""

from __future__ import annotations

import argparse
import os
from pathlib import Path

from reports.streams import say, say_json
from verifier.accepting import accept, who
from verifier.auditing import named_claims

__all__ = ["accept_command"]


def accept_command(options: argparse.Namespace) -> int:
    """Run `corroborate accept` with its options and return the exit code."""
    by, told = (options.by, "") if options.by is not None else who(os.environ)
    named = named_claims([options.claims])
    store = Path(options.store)
    found = accept(store, options.id, named, by=by, because=options.because)
    if options.json:
        say_json(found.model_dump(mode="json", by_alias=True))
        return 0
    say(
        f"accepted: claim {found.claim}, criterion {found.then[:12]} then, {found.now[:12]} now\n"
        f"  by {found.by}" + (f" ({told}; --by names another)" if told else "") + "\n"
        f"  because: {found.because}\n"
        "This stays on record, and every verdict on the claim says so."
    )
    return 0
