"""How do several processes add records to one file of a store, so that none is lost or torn?

The file has a lock of its own, since it is also written where a store is only read, and may be while
a run holds the store's lock. Like the journal's, its lines are chained by checksums; a line that a
killed process left half written is none. Light.
"""

from __future__ import annotations

import fcntl
import json
import os
import stat
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, TypeVar

from claims.record import Record, canonical_json
from replication.artifacts import sync
from replication.chain import ChainedFile, chained, link, write_whole
from replication.errors import StoreError
from replication.premises import doing

__all__ = ["LARGEST", "UNSHOWN", "AppendedFile"]

LARGEST = 64 * 2**20
"""Bytes; some ten thousand records. More is neither read nor written."""
PATIENCE_S = 10.0
"""How long to wait for another process that is writing its few lines."""
UNSHOWN = r"\x00-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff"
"""Characters that may do something to a terminal, for a character class."""

R = TypeVar("R", bound=Record)


@dataclass(frozen=True, slots=True)
class AppendedFile(Generic[R]):
    """An append-only file of JSON lines, each a record of one kind."""

    path: Path
    chain: ChainedFile
    """For the messages."""
    record: type[R]

    def read(self) -> list[R]:
        """Return the records of all whole lines, the first first; none where no file is.

        Raises:
            StoreError: the file is of an unknown schema, damaged, too large, or cannot be read.
        """
        with doing(self.chain.about):
            try:
                descriptor = self._opened(os.O_RDONLY)
            except FileNotFoundError:
                return []
            with self._held(descriptor, fcntl.LOCK_SH):
                content = self._content(descriptor)
        return self._parsed(content)[0]

    def append(self, choose: Callable[[Sequence[R]], Sequence[R]]) -> list[R]:
        """Add records and return them; they are on the disk when this returns.

        Args:
            choose: returns what to add, given what is there; it is asked under the lock, and what it
                raises leaves the file as it was.

        Raises:
            StoreError: the file cannot be read, as of `read`, or not be written.
        """
        with doing(self.chain.about):
            created = not self.path.exists()
            descriptor = self._opened(os.O_RDWR | os.O_CREAT | os.O_APPEND)
            with self._held(descriptor, fcntl.LOCK_EX):
                content = self._content(descriptor)
                whole = content.rfind(b"\n") + 1
                earlier, before = self._parsed(content)
                new = list(choose(earlier))
                lines = b"".join(_lines(new, before))
                if whole + len(lines) > LARGEST:
                    raise StoreError(
                        f"{self.chain.about}: found {whole} bytes and {len(lines)} to add ; expected "
                        f"at most {LARGEST} in all. Use a new store."
                    )
                if whole < len(content):
                    os.ftruncate(descriptor, whole)
                _write(descriptor, lines, whole)
            if created:
                sync(self.path.parent)
        return new

    def _opened(self, flags: int) -> int:
        """Open a plain file; a store may come from a stranger, so neither links nor pipes."""
        flags |= os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
        descriptor = os.open(self.path, flags, 0o644)
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            os.close(descriptor)
            raise StoreError(f"{self.chain.about}: found no plain file ; expected one. Remove it.")
        return descriptor

    @contextmanager
    def _held(self, descriptor: int, how: int) -> Iterator[None]:
        """Hold the file's lock and close the file; the kernel frees it if we die."""
        limit = time.monotonic() + PATIENCE_S
        try:
            while True:
                try:
                    fcntl.flock(descriptor, how | fcntl.LOCK_NB)
                    break
                except BlockingIOError:
                    if time.monotonic() > limit:
                        raise StoreError(
                            f"{self.chain.about}: found it held by another process for "
                            f"{PATIENCE_S:g} s ; expected a few milliseconds. End that process and "
                            "try again."
                        ) from None
                    time.sleep(0.01)
            yield
        finally:
            os.close(descriptor)

    def _content(self, descriptor: int) -> bytes:
        size = os.fstat(descriptor).st_size
        if size > LARGEST:
            raise StoreError(
                f"{self.chain.about}: found {size} bytes ; expected at most {LARGEST}. "
                "Use a new store."
            )
        parts: list[bytes] = []
        while part := os.read(descriptor, 2**20):
            parts.append(part)
        return b"".join(parts)

    def _parsed(self, content: bytes) -> tuple[list[R], str]:
        """Return the records of all whole lines, and the checksum of the last."""
        return chained(content, self.chain, self._record)

    def _record(self, body: dict[str, Any]) -> R:
        # as JSON, so that lists may stand for tuples where nothing else may stand for anything
        return self.record.model_validate_json(json.dumps(body), strict=True)


def _write(descriptor: int, lines: bytes, size: int) -> None:
    try:
        write_whole(descriptor, lines)
    except OSError:
        os.ftruncate(descriptor, size)
        raise


def _lines(records: Sequence[Record], chain: str) -> Iterator[bytes]:
    for record in records:
        body = record.model_dump(mode="json", by_alias=True)
        chain = link(chain, body)
        yield (canonical_json({**body, "chain": chain}) + "\n").encode()
