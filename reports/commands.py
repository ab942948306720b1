"""Which commands make a report again, from nothing and from its store?"""

from __future__ import annotations

from collections.abc import Sequence
from shlex import join

from replication.protocols import bundled_protocols, changes_of
from replication.run import Plan

__all__ = ["GENERATED", "commands_again"]

GENERATED = "the miniature"
"""What a plan records as its data where the embedded generator writes them."""


def commands_again(
    plan: Plan, claims: Sequence[str], *, protocol: str | None, store: str, out: str
) -> list[str]:
    """Return the commands as they would be typed.

    Args:
        plan: what was run.
        claims: the CLAIMS arguments.
        protocol: the argument of --protocol; None where the caller was not given it, and a bundled
            name or the name of a file is put together from the plan.
        store: the folder of the runs.
        out: the folder of the report.
    """
    own = plan.protocol
    named = own.name if own.name in bundled_protocols() else f"{own.name}.yaml"
    run = ["corroborate", "run", *claims, "--protocol", protocol or named, "--store", store]
    run += ["--size", own.size, "--seeds", str(own.seeds)]
    run += [part for change in changes_of(own) for part in ("--set", change)]
    run += [] if plan.data in (GENERATED, "hub") else ["--data", plan.data]
    return [
        join(run),
        join(["corroborate", "verify", *claims, "--store", store]),
        join(["corroborate", "report", *claims, "--store", store, "--out", out]),
    ]
