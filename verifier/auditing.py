"""How does what was asked for become a plan, its runs and the verdicts on them?

The steps of an audit for given options, as the command line and a test runner take them.
Light: engines import what they need themselves.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from claims import library
from claims.claim import ClaimSet
from claims.errors import CorroborateError, ExecutionError
from replication.data import FolderSource, Source, open_source
from replication.engines.engine import Tally, engine
from replication.errors import ProtocolError, StoreError
from replication.lock import read_lock, settle, with_base_revision
from replication.miniature.generate import write_miniature
from replication.plan import make_plan
from replication.progress import Progress
from replication.protocol import Protocol
from replication.protocols import load_protocol
from replication.run import Plan, RunSpec
from replication.store import Store
from verifier.execution import Execution, Site, execute
from verifier.imported import is_imported
from verifier.looks import Verification, verify_store

__all__ = [
    "GENERATED", "Request", "asked_protocol", "executed", "named_claims", "planned",
    "reported_protocols", "verified",
]  # fmt: skip

GENERATED = "the miniature"
"""What a plan records as its data where the embedded generator writes them."""

_TRAINING = ("torch", "transformers", "tokenizers", "datasets")
"""Libraries that only runs need; a CI that decides on scores may leave them out."""

Say = Callable[[str], None]
"""Hears a line of news."""


@dataclass(frozen=True, slots=True)
class Request:
    """What was asked to be replicated, and how; a frozen record of the options of `run`."""

    claims: tuple[str, ...]
    """Files, folders or bundled sets."""
    protocol: str
    """A bundled protocol or the path of a YAML file."""
    size: str | None = None
    seeds: int | None = None
    """Replicates per condition; None for the protocol's own."""
    changes: tuple[str, ...] = ()
    """Other values for fields of the protocol, each `dotted.field=value`."""
    data: str | None = None
    """A folder in the hub's layout; None for the hub, or for what a simulation writes itself."""
    lock: str | None = None
    engine: str = "inline"
    budget_hours: float | None = None
    """Hours after which no further run begins, 0 or more; None for no limit."""


def named_claims(arguments: Iterable[str]) -> list[tuple[str, ClaimSet]]:
    """Return the claim sets that arguments name, each with the name of where it was read.

    Raises:
        ClaimsError: an argument names nothing, or something that cannot be accepted.
    """
    return [pair for argument in arguments for pair in library.load(argument)]


def asked_protocol(request: Request) -> Protocol:
    """Return the protocol that is asked for, of the size and with the changes asked for.

    Raises:
        ProtocolError: it cannot be had so.
    """
    return load_protocol(request.protocol, request.size, request.seeds, request.changes)


def reported_protocols(claim_sets: Iterable[ClaimSet]) -> dict[str, Protocol]:
    """Return the protocols that state what the papers report, by name.

    Raises:
        ProtocolError: one of them cannot be had.
    """
    names = sorted({s.paper.protocol for s in claim_sets if s.paper.protocol})
    return {name: load_protocol(name) for name in names}


def planned(request: Request, workspace: Path, *, say: Say | None = None) -> tuple[Plan, Source]:
    """Return the plan of what is asked for, and where its data are.

    Args:
        request: what is asked for.
        workspace: a folder below which synthetic data are written.
        say: hears of a lock that is written; None for nobody.

    Raises:
        CorroborateError: claims, protocol, data or lock cannot be had or do not fit together.
    """
    claim_sets = [s for _, s in named_claims(request.claims)]
    path = None if request.lock is None else Path(request.lock)
    lock = read_lock(path)
    protocol = with_base_revision(asked_protocol(request), lock)
    if protocol.simulated and request.data is None:
        source: Source = FolderSource(write_miniature(workspace / "miniature"), GENERATED)
    else:
        source = open_source(request.data, lock.hub if lock else None)
    plan = make_plan(claim_sets, protocol, source)
    if path is not None and settle(plan, source, path, lock) and say is not None:
        say(f"lock: {path} written")
    return plan, source


def executed(
    request: Request, plan: Plan, store: Store, source: Source, *, say: Say | None = None
) -> Execution:
    """Execute the plan of what is asked for, and return how it went; progress goes to stderr.

    Args:
        request: what the plan was made for.
        plan: of `planned`.
        store: where runs go, open to be written.
        source: of `planned`.
        say: hears how many runs were executed, and which of them failed; None for nobody.

    Raises:
        StoreError: the store holds imported runs.
        ExecutionError: the store or the data did not allow it once it had begun.
        CorroborateError: there is no such engine, or a protocol as reported cannot be had.
    """

    def said(tally: Tally) -> None:
        if say is not None:
            for line in tally.lines():
                say(line)

    def progress(specs: Sequence[RunSpec], expected: Mapping[str, float]) -> Progress:
        return Progress(specs, sys.stderr, expected=expected, store=store.path)

    earlier = store.latest_plan()
    if earlier is not None and is_imported(earlier.specs):
        raise StoreError(
            f"store '{store.path}': found imported runs ; expected none, since they and runs made here "
            "are never pooled. Name another --store."
        )
    site = Site(store, source, engine(request.engine), progress, said)
    named = named_claims(request.claims)
    budget = None if request.budget_hours is None else request.budget_hours * 3600
    reported = {} if budget is None else reported_protocols(s for _, s in named)
    try:
        return execute(named, plan, site, budget_s=budget, reported=reported)
    except ModuleNotFoundError as error:  # all else works without what trains models
        if error.name not in _TRAINING:
            raise
        raise ExecutionError(
            f"runs: found no library {error.name} ; expected it to be installed, since runs train "
            "models. Install corroborate with all that it depends on."
        ) from error
    except CorroborateError as error:  # the input was accepted, so this is no fault of it
        raise ExecutionError(str(error)) from error


def verified(claims: Iterable[str], store: Path) -> tuple[Verification, list[ClaimSet]]:
    """Decide claims on the runs of a store, and return them with the verdicts.

    Args:
        claims: files, folders or bundled sets.
        store: the folder of the runs.

    Raises:
        CorroborateError: claims, protocols as reported or the store cannot be read.
    """
    named = named_claims(claims)
    claim_sets = [s for _, s in named]
    try:
        reported = reported_protocols(claim_sets)
    except ProtocolError:
        if not _imported(store):
            raise
        reported = {}  # imported runs may follow a protocol that has a name only
    return verify_store(store, named, reported), claim_sets


def _imported(store: Path) -> bool:
    with Store.open(store, write=False) as opened:
        plan = opened.latest_plan()
    return plan is not None and is_imported(plan.specs)
