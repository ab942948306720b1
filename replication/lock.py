"""Locks: the exact data and base checkpoint of a plan, written once and demanded ever after.

Light: imports neither torch nor transformers nor datasets.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, ValidationError

from claims.record import Name, Record
from replication.artifacts import write_durably
from replication.checkpoints import revision_of
from replication.data import Source
from replication.errors import PlanError
from replication.parquet import short
from replication.protocol import Protocol
from replication.run import DataUse, Plan
from replication.runnable import refuse_unrunnable
from replication.tasks.row import parts_of, tasks

__all__ = ["Lock", "LockedBase", "lock_of", "read_lock", "settle", "with_base_revision"]

MAX_BYTES = 2**24
"""Largest lock read: 16 MiB."""

Commit = Annotated[str, Field(pattern=r"^[0-9a-f]{40}$")]
HubId = Annotated[str, Field(pattern=r"^[A-Za-z0-9][\w.-]*(/[A-Za-z0-9][\w.-]*)?$", max_length=200)]


class LockedBase(Record):
    """The base checkpoint of every run."""

    checkpoint: Annotated[str, Field(min_length=1, max_length=300)]
    revision: Annotated[str, Field(min_length=1, max_length=200)]
    """Commit of the hub repository, or `sha256:...` over the files of a local folder."""


class Lock(Record):
    """What a plan reads, down to the byte."""

    schema_version: Literal["corroborate/lock@1"] = Field(
        default="corroborate/lock@1", alias="schema"
    )
    base: LockedBase | None
    """Null where the encoder is pretrained from scratch."""
    hub: dict[HubId, Commit] = {}
    """Hub data set -> commit."""
    data: tuple[DataUse, ...]
    """Every piece of data as planned, by task, split and languages, sorted."""


def with_base_revision(protocol: Protocol, lock: Lock | None) -> Protocol:
    """Return the protocol with the revision of its base checkpoint, which is in every spec.

    Where the protocol names no commit itself, it is the lock's; without a lock the hub is asked.

    Raises:
        PlanError: the protocol cannot be run at all.
        DataError: the hub does not answer, or there is no such checkpoint.
    """
    refuse_unrunnable(protocol)
    base = protocol.base
    if base.checkpoint is None:
        return protocol
    locked = lock.base if lock else None
    if locked and locked.checkpoint == base.checkpoint and base.revision is None:
        base = base.model_copy(update={"revision": locked.revision})
    revised = base.model_copy(update={"revision": revision_of(base)})
    return protocol.model_copy(update={"base": revised})


def lock_of(plan: Plan, source: Source) -> Lock:
    """Return the lock of a plan that was made of this source."""
    uses = {u for s in plan.specs for u in (*s.data, s.selection_data) if u is not None}
    rows = [tasks()[u.name] for u in uses if u.split != "text"]
    named = {r.hub for row in rows for r in (row, *parts_of(row))}
    base = plan.protocol.base
    return Lock(
        base=LockedBase(checkpoint=base.checkpoint, revision=str(base.revision))
        if base.checkpoint is not None
        else None,
        hub={i: c for i, c in sorted(source.commits.items()) if i in named},
        data=tuple(sorted(uses, key=_key)),
    )


def read_lock(path: Path | None) -> Lock | None:
    """Return the lock that a file holds; None where there is no file yet, or none is asked for.

    Raises:
        PlanError: the file cannot be read, or holds no lock.
    """
    if path is None:
        return None
    try:
        with path.open("rb") as file:
            content = file.read(MAX_BYTES + 1)
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise PlanError(
            f"lock '{path}': cannot be read: {short(error)} ; expected a readable file, or none."
        ) from error
    try:
        if len(content) > MAX_BYTES:
            raise ValueError("over 16 MiB")  # noqa: TRY301  one message for whatever is no lock
        return Lock.model_validate_json(content, strict=True)
    except (ValidationError, ValueError) as error:
        raise PlanError(
            f"lock '{path}': found {short(error)} ; expected a file of schema corroborate/lock@1. "
            "Remove it to lock anew what is planned."
        ) from error


def settle(plan: Plan, source: Source, path: Path, lock: Lock | None) -> bool:
    """Hold a plan against its lock; where there is none yet, write it.

    Args:
        plan: what was planned.
        source: of which it was planned.
        path: of the lock file.
        lock: what the file holds; None where there is no file.

    Returns:
        Whether a new file was written.

    Raises:
        PlanError: names every piece of data, and the base, that differ from the lock, or the file
            cannot be written.
    """
    now = lock_of(plan, source)
    if lock is None:
        document = json.loads(now.canonical())
        try:
            write_durably(path, (json.dumps(document, indent=2, sort_keys=True) + "\n").encode())
        except (OSError, ValueError) as error:
            raise PlanError(
                f"lock '{path}': cannot be written: {short(error)} ; expected a folder that can be "
                "written to. Make it, or name another place."
            ) from error
        return True
    if found := _differences(now, lock):
        plural = "difference" if len(found) == 1 else "differences"
        lines = "\n".join(f"  {line}" for line in found)
        raise PlanError(
            f"lock '{path}': {len(found)} {plural}. Put back what was locked, or remove the file to "
            f"lock anew what is planned.\n{lines}"
        )
    return False


def _differences(now: Lock, locked: Lock) -> list[str]:
    """Return what a plan uses and its lock does not name, or names in another revision."""
    found = []
    if now.base != locked.base:
        found.append(f"base: found {_based(now.base)} ; expected {_based(locked.base)}")
    commits = {i: locked.hub.get(i, "no such data set") for i in now.hub}
    found += [
        f"{i}: found commit {now.hub[i]} ; expected {c}"
        for i, c in commits.items()
        if c != now.hub[i]
    ]
    known = {_key(use): use.revision for use in locked.data}
    for use in now.data:
        expected = known.get(_key(use))
        if expected == use.revision:
            continue
        if expected is None:
            others = [" ".join(u.languages) for u in locked.data if _key(u)[:2] == _key(use)[:2]]
            expected = f"the languages {' or '.join(others)}" if others else "no such data"
        found.append(
            f"{use.name} {use.split} [{' '.join(use.languages)}]: found {use.revision} ; "
            f"expected {expected}"
        )
    return found


def _key(use: DataUse) -> tuple[Name, str, tuple[str, ...]]:
    return use.name, use.split, use.languages


def _based(base: LockedBase | None) -> str:
    return f"'{base.checkpoint}' at {base.revision}" if base else "none"
