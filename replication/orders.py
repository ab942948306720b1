"""What must a process know to execute one run, and what does it say afterwards?

An order is a record, so that it can be sent anywhere as JSON: folders by path, examples by the
description of their source. Only the process that owns the store makes orders and settles outcomes;
whoever executes one works in the folders that it names. Light: no torch.
"""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from claims.record import Record, Text
from replication.data import FolderSource, HubSource, Source
from replication.environment import environment
from replication.errors import DataError, ReplicationError, StoreError
from replication.run import LONGEST_TRACEBACK, Run, RunSpec
from replication.store import Store
from replication.tasks.row import corpora, tasks

__all__ = [
    "Order",
    "Outcome",
    "SourceNote",
    "describe",
    "lost_run",
    "open_noted",
    "order_for",
    "plain",
    "settle",
]

Place = Annotated[str, StringConstraints(min_length=1, max_length=4096)]
"""Absolute path of a folder."""


class SourceNote(Record):
    """How another process opens the source of a plan."""

    kind: Literal["folder", "hub"]
    name: Annotated[str, StringConstraints(max_length=4096)]
    """What the plan records."""
    folder: Place | None = None
    """Of a folder."""
    commits: dict[str, str] = {}
    """Of the hub: data set -> commit, of all that the plan has asked for."""


class Order(Record):
    """One run to execute, with all that it starts from."""

    spec: RunSpec
    lineage: tuple[RunSpec, ...] = ()
    """Specs that it starts from, nearest first."""
    folder: Place
    """Empty folder for what the run writes."""
    parent: Place | None = None
    """Folder of the run whose checkpoint is the start; null for the base checkpoint."""
    root: Place | None = None
    """Folder of the pretraining run, which holds the tokenizer; null for a hub base."""
    resume: Place | None = None
    """Folder where the state of training outlives its process; null for an evaluation."""
    tokens: Place | None = None
    """Folder of tokenised data that all runs share; null to keep none."""
    source: SourceNote | None = None
    """How to open the source; null where the caller hands it over opened."""
    halvings: Annotated[int, Field(ge=0, le=20)] = 0
    """How often what a micro-batch may hold is halved before the run begins."""
    threads: Annotated[int, Field(ge=1, le=4096)] | None = None
    """CPU threads to compute with; null for what pays off alone on this machine."""


class Outcome(Record):
    """What came of an order."""

    spec_digest: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
    ended: Literal["finished", "failed", "stopped"]
    """`stopped`: asked to, with its state saved; such a run is neither finished nor failed."""
    run: Run | None = None
    """Without artifacts, which the store adds; null where the run was stopped."""
    memory: bool = False
    """Whether memory ran out, so that smaller micro-batches may help."""


def describe(source: Source) -> SourceNote:
    """Return how another process opens a source.

    Raises:
        ReplicationError: it is of a kind that only this process can read.
    """
    if type(source) is FolderSource:
        return SourceNote(kind="folder", name=source.name, folder=str(source.root.absolute()))
    if type(source) is HubSource:
        return SourceNote(kind="hub", name=source.name, commits=source.commits)
    raise ReplicationError(
        f"data '{source.name}': found a {type(source).__name__} ; expected a folder or the hub, which "
        "another process can open. Use the engine `inline`."
    )


def open_noted(note: SourceNote, spec: RunSpec) -> Source:
    """Open a source in another process than the one that planned, for one run.

    The plan speaks of certain bytes; where this process finds others, such as on another machine,
    the run is refused.

    Raises:
        DataError: the data of the run are absent, or not those of the plan.
    """
    source: Source
    if note.kind == "hub":
        source = HubSource(note.commits)
    else:
        assert note.folder is not None
        source = FolderSource(Path(note.folder), note.name)
    uses = [*spec.data, *([spec.selection_data] if spec.selection_data else [])]
    for use in uses:
        if use.split == "text":
            found = source.text_revision(corpora()[use.name])
        else:
            found = source.revision(tasks()[use.name], use.split, use.languages)
        if found != use.revision:
            raise DataError(
                f"data '{use.name}' split '{use.split}' in '{note.name}': found revision {found} ; "
                f"expected {use.revision}, which was planned. Put the data back, or plan anew."
            )
    return source


def order_for(spec: RunSpec, store: Store, note: SourceNote | None = None) -> Order:
    """Begin a run in the store and return the order to execute it.

    Raises:
        StoreError: the parent is not in the store or damaged, or the run is finished already.
    """
    lineage = _lineage(spec, store)
    root = lineage[-1] if lineage and lineage[-1].phase == "pretraining" else None
    folder = store.begin(spec)
    kept = None if spec.phase == "evaluation" else store.resume_folder(spec.digest())
    return Order(
        spec=spec,
        lineage=tuple(lineage),
        folder=_absolute(folder),
        parent=_absolute(store.folder(spec.parent)) if spec.parent else None,
        root=_absolute(store.folder(root.digest())) if root else None,
        resume=_absolute(kept) if kept else None,
        tokens=_absolute(store.path / "tokens"),
        source=note,
    )


def settle(run: Run, store: Store) -> Run:
    """Store what came of an order and return the run as stored.

    Raises:
        StoreError: the run did not begin in this store, or the disk refused.
    """
    folder = store.path / "tmp" / run.spec.digest()
    if run.status == "finished":
        return store.finish(run, folder)
    store.fail(run, folder)
    return run


def lost_run(order: Order, reason: str, seconds: float) -> Run:
    """Return the failed run of an order whose worker was lost, for nobody else can tell of it."""
    return Run(
        spec_digest=order.spec.digest(),
        spec=order.spec,
        status="failed",
        error=plain(reason, 3900),
        environment=environment("unknown: the worker was lost", order.threads or 1),
        started=datetime.now(UTC).isoformat(timespec="seconds"),
        seconds=round(seconds, 3),
    )


def plain(text: str, longest: int = LONGEST_TRACEBACK) -> Text:
    """Return a text that a record can hold: never empty, no half characters, its end if too long."""
    readable = text.encode("utf-8", "replace").decode().strip() or "no message"
    return readable if len(readable) <= longest else f"...{readable[3 - longest :]}"


def _absolute(path: Path) -> str:
    return str(path.absolute())


def _lineage(spec: RunSpec, store: Store) -> list[RunSpec]:
    """Return the specs that a run starts from, nearest first."""
    found: list[RunSpec] = []
    parent = spec.parent
    while parent is not None:
        run = store.run(parent, verify=not found)  # the checkpoint that is loaded is hashed
        if run is None:
            raise StoreError(
                f"run '{spec.digest()[:12]}' ({spec.title()}): found no finished parent "
                f"'{parent[:12]}' ; expected it in the store. Run the plan's runs in order."
            )
        found.append(run.spec)
        parent = run.spec.parent
    return found
