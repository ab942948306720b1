"""Which verdicts were taken on a store's runs, when, and on what? An append-only file of JSON lines.

Verifying only reads a store, and may do so while a run holds the store's lock, so this file has a
lock of its own. Like the journal's, its lines are chained by checksums; a line that a killed
process left half written is none. The order of lines decides, time is for the reader. Light.
"""

from __future__ import annotations

import fcntl
import json
import os
import stat
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field

from claims.record import Name, Record, Text, Unknown, canonical_json
from replication.artifacts import sync
from replication.chain import ChainedFile, chained, link, write_whole
from replication.errors import StoreError
from replication.premises import doing

__all__ = ["LOOK_SCHEMA", "MOST_MODELS", "UNSHOWN", "Look", "append_looks", "read_looks"]

LOOK_SCHEMA = "corroborate/look@1"
FILE = "looks.jsonl"

LARGEST = 64 * 2**20
"""Bytes; some ten thousand looks. More is neither read nor written."""
MOST_MODELS = 20_000
"""Trained models that one look names; the digests that sort first stand for more."""
PATIENCE_S = 10.0
"""How long to wait for another process that is writing its few lines."""

Digest = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
ShortDigest = Annotated[str, Field(pattern=r"^[0-9a-f]{12}$")]
Shown = Annotated[str, Field(pattern=r"^[\x20-\x7e]{1,250}$")]
"""Text that does nothing to a terminal."""
Seeds = Annotated[int, Field(ge=1, le=1000)]
Number = Annotated[int, Field(ge=0, le=10**9)]
UNSHOWN = r"\x00-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff"
"""Characters that may do something to a terminal, for a character class."""
_ADVICE = (
    "Restore the file from a copy. Without one nobody can tell which scores were looked at: decide "
    "the claims on new runs in a new store."
)


class Look(Record):
    """One verdict as it was taken: of what claim, on which runs, by which rules."""

    schema_version: Literal["corroborate/look@1"] = Field(
        default="corroborate/look@1", alias="schema"
    )
    time: Annotated[str, Field(pattern=r"^[0-9TZ:.+-]{10,40}$")]
    """UTC, ISO 8601; informational."""
    events: Number
    """Events of the store's journal before the look, which place it among the plans."""
    claim: Name
    claims: Annotated[str, Field(min_length=1, max_length=4200, pattern=rf"^[^{UNSHOWN}]*$")]
    """Bundled claim set, or absolute path of the claim file."""
    title: Text
    """Of the paper."""
    arxiv: Shown | None
    """Identifier of the paper with its version."""
    criterion: Digest
    plan: Digest
    looks: Annotated[tuple[Seeds, ...], Field(max_length=100)]
    """Numbers of seeds at which the plan allowed verdicts; empty for `seeds` alone."""
    seeds: Seeds | Unknown
    """Replicates per condition that the plan asked for."""
    planned: Digest
    """Over the sorted digests of the evaluation runs that the plan foresees for the claim."""
    runs: Digest
    """Over the sorted digests of those that were finished."""
    finished: Number
    missing: Number
    """Foreseen runs that had failed or were not made yet."""
    trained: Annotated[tuple[ShortDigest, ...], Field(max_length=MOST_MODELS)]
    """The models with a seed whose scores were seen, each the start of its run's digest, sorted."""
    evaluators: Annotated[tuple[Shown, ...], Field(max_length=20)]
    """Scoring code of the finished runs, sorted."""
    data: Annotated[dict[Shown, Shown], Field(max_length=2000)]
    """Task and split -> revision, of all that the runs and their training read."""
    verdict: Name
    finding: Name
    signature: Text
    version: Shown
    """Of Corroborate."""

    def same_as(self, other: Look) -> bool:
        """Return whether the looks differ in nothing but their moment."""
        moment = {"time": other.time, "events": other.events}
        return self.model_copy(update=moment) == other


def read_looks(store: Path) -> tuple[Look, ...]:
    """Return the looks taken at a store's runs, the first first; none where no file is.

    Raises:
        StoreError: the file is of an unknown schema, damaged, too large, or cannot be read.
    """
    path = store / FILE
    with doing(f"looks '{path}'"):
        try:
            descriptor = _opened(path, os.O_RDONLY)
        except FileNotFoundError:
            return ()
        with _held(descriptor, path, fcntl.LOCK_SH):
            content = _content(descriptor, path)
    return tuple(_parsed(content, path)[0])


def append_looks(store: Path, looks: Sequence[Look]) -> int:
    """Add those looks that differ from the last one of their claim; return how many did.

    They are on the disk when this returns. Where none differs, nothing is written or even opened
    for writing.

    Raises:
        StoreError: the file cannot be read, as of `read_looks`, or not be written.
    """
    if not _new(read_looks(store), looks):
        return 0
    path = store / FILE
    with doing(f"looks '{path}'"):
        created = not path.exists()
        descriptor = _opened(path, os.O_RDWR | os.O_CREAT | os.O_APPEND)
        with _held(descriptor, path, fcntl.LOCK_EX):
            content = _content(descriptor, path)
            whole = content.rfind(b"\n") + 1
            earlier, chain = _parsed(content, path)
            new = _new(earlier, looks)
            lines = b"".join(_lines(new, chain))
            if whole + len(lines) > LARGEST:
                raise StoreError(
                    f"looks '{path}': found {whole} bytes and {len(lines)} to add ; expected at "
                    f"most {LARGEST} in all. Use a new store."
                )
            if whole < len(content):
                os.ftruncate(descriptor, whole)
            _write(descriptor, lines, whole)
        if created:
            sync(store)
    return len(new)


def _new(earlier: Iterable[Look], looks: Iterable[Look]) -> list[Look]:
    last = {(look.claims, look.claim): look for look in earlier}
    new: list[Look] = []
    for look in looks:
        before = last.get((look.claims, look.claim))
        if before is None or not look.same_as(before):
            new.append(look)
    return new


def _opened(path: Path, flags: int) -> int:
    """Open a plain file; a store may come from a stranger, so neither links nor pipes."""
    descriptor = os.open(path, flags | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, 0o644)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise StoreError(f"looks '{path}': found no plain file ; expected one. Remove it.")
    return descriptor


@contextmanager
def _held(descriptor: int, path: Path, how: int) -> Iterator[None]:
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
                        f"looks '{path}': found it held by another process for {PATIENCE_S:g} s ; "
                        "expected a few milliseconds. End that process and try again."
                    ) from None
                time.sleep(0.01)
        yield
    finally:
        os.close(descriptor)


def _content(descriptor: int, path: Path) -> bytes:
    size = os.fstat(descriptor).st_size
    if size > LARGEST:
        raise StoreError(
            f"looks '{path}': found {size} bytes ; expected at most {LARGEST}. Use a new store."
        )
    parts: list[bytes] = []
    while part := os.read(descriptor, 2**20):
        parts.append(part)
    return b"".join(parts)


def _write(descriptor: int, lines: bytes, size: int) -> None:
    try:
        write_whole(descriptor, lines)
    except OSError:
        os.ftruncate(descriptor, size)
        raise


def _lines(looks: Iterable[Look], chain: str) -> Iterator[bytes]:
    for look in looks:
        body = look.model_dump(mode="json", by_alias=True)
        chain = link(chain, body)
        yield (canonical_json({**body, "chain": chain}) + "\n").encode()


def _parsed(content: bytes, path: Path) -> tuple[list[Look], str]:
    """Return the looks of all whole lines, and the checksum of the last."""
    file = ChainedFile(f"looks '{path}'", "look", LOOK_SCHEMA, _ADVICE)
    return chained(content, file, _look)


def _look(body: dict[str, Any]) -> Look:
    # as JSON, so that lists may stand for tuples where nothing else may stand for anything
    return Look.model_validate_json(json.dumps(body), strict=True)
