"""What happened in a store, and in which order? An append-only file of JSON lines.

Each line carries a checksum chained to the line before it, so that a line that was changed,
removed or moved is noticed, and named. A line that a killed process left half written is none.
Time is for the reader; the order of lines decides. Light: no torch.
"""

from __future__ import annotations

import os
import threading
import weakref
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field

from claims.record import Record, Text, canonical_json
from replication.chain import ChainedFile, chained, link, write_whole
from replication.errors import DiskError, StoreError
from replication.run import Run

__all__ = ["JOURNAL_SCHEMA", "Event", "Journal"]

JOURNAL_SCHEMA = "corroborate/journal@1"

LARGEST = 256 * 2**20
"""Bytes; a journal of a million events. More is not read, since it would fill the memory."""

_ADVICE = (
    "Restore the file from a copy. Without one, move it away and run again: finished runs are taken "
    "up from their folders, each against its own checksums; what is lost is the record of failures "
    "and plans."
)

Digest = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
EventName = Literal["plan", "started", "finished", "failed", "quarantined", "collected", "restored"]


class Event(Record):
    """One line of the journal, apart from its checksum."""

    schema_version: Literal["corroborate/journal@1"] = Field(
        default="corroborate/journal@1", alias="schema"
    )
    event: EventName
    time: str
    """UTC, ISO 8601; informational."""
    subject: Digest
    """Digest of the plan, or of the run's spec."""
    title: str | None = None
    """Of a started run, for the reader."""
    record: Digest | None = None
    """Of a finished run: SHA-256 of its run.json."""
    sizes: dict[str, Annotated[int, Field(ge=0)]] = Field(default_factory=dict)
    """Of a finished run: bytes of each artifact."""
    recovered: bool = False
    """Whether a finished run was taken up from its folder after a crash."""
    run: Run | None = None
    """Of a failed run: its record."""
    reason: Text | None = None
    """Why a run was quarantined."""
    artifacts: tuple[Text, ...] | None = None
    """Of a run whose checkpoint was collected, or made again: the files concerned."""


class Journal:
    """The file; one process may append, any number may read."""

    def __init__(self, path: Path, *, write: bool) -> None:
        """Read every event; open for writing, a half-written last line is cut off.

        Raises:
            StoreError: the schema is unknown, or lines are damaged, all of which are named.
        """
        self.path = path
        self._descriptor: int | None = None
        self._guard = threading.Lock()
        self._broken = False
        content = self._content()
        whole = content.rfind(b"\n") + 1
        file = ChainedFile(f"journal '{path}'", "event", JOURNAL_SCHEMA, _ADVICE)
        self.events, self._chain = chained(content[:whole], file, Event.model_validate)
        if write:
            flags = os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW | os.O_CLOEXEC
            descriptor = os.open(path, flags, 0o644)
            self._descriptor = descriptor
            self._finalizer = weakref.finalize(self, os.close, descriptor)
            if whole < len(content):
                os.ftruncate(descriptor, whole)
            os.fsync(descriptor)

    def append(self, event: EventName, subject: str, **fields: Any) -> Event:
        """Write one event durably: it is in the file when this returns, or an error is raised.

        Args:
            event: what happened.
            subject: to which plan or spec, by digest.
            fields: the other fields of `Event`.

        Raises:
            StoreError: the journal is not open for writing, or the disk refused.
        """
        if self._descriptor is None:
            raise StoreError(
                f"journal '{self.path}': found a store open for reading ; expected for writing. "
                "Open it with write=True."
            )
        now = datetime.now(UTC).isoformat(timespec="milliseconds")
        made = Event(event=event, time=now, subject=subject, **fields)
        with self._guard:
            if self._broken:
                raise StoreError(
                    f"journal '{self.path}': found a half-written line that could not be taken "
                    "back ; expected none. Open the store again."
                )
            dumped = made.model_dump(mode="json", by_alias=True)
            body = {k: v for k, v in dumped.items() if v is not None and v is not False and v != {}}
            chain = link(self._chain, body)
            self._write((canonical_json({**body, "chain": chain}) + "\n").encode())
            self._chain = chain
            self.events.append(made)
        return made

    def close(self) -> None:
        """Stop writing; safe to call twice."""
        if self._descriptor is not None:
            self._descriptor = None
            self._finalizer()

    def _write(self, line: bytes) -> None:
        descriptor = self._descriptor
        assert descriptor is not None  # append has checked it
        size = os.fstat(descriptor).st_size
        try:
            write_whole(descriptor, line)
        except OSError as error:
            # A torn line in the middle would damage the journal: take it back before going on.
            try:
                os.ftruncate(descriptor, size)
            except OSError:
                self._broken = True
            raise DiskError(
                f"journal '{self.path}': found '{error.strerror}' on writing ; expected a disk "
                "with room. Free some space and run again; finished runs are kept."
            ) from error

    def _content(self) -> bytes:
        try:
            size = self.path.stat().st_size
            if size > LARGEST:
                raise StoreError(
                    f"journal '{self.path}': found {size} bytes ; expected at most {LARGEST}. "
                    "Use a new store."
                )
            return self.path.read_bytes()
        except FileNotFoundError:
            return b""
        except OSError as error:
            raise StoreError(
                f"journal '{self.path}': found '{error.strerror}' ; expected a readable file. "
                "Check the permissions."
            ) from error
