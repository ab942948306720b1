"""Is this folder a run store, may we write to it, and what if the disk refuses?

A store is known by `store.json`, which names its schema. Light: no torch.
"""

from __future__ import annotations

import errno
import fcntl
import json
import os
import shutil
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from claims.record import canonical_json
from replication.artifacts import write_durably
from replication.errors import DiskError, StoreError

__all__ = [
    "NO_ROOM",
    "STORE_SCHEMA",
    "check_mark",
    "doing",
    "lay_out",
    "lock",
    "refuse_foreign",
    "remove",
]

STORE_SCHEMA = "corroborate/store@1"

NO_ROOM = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO})
"""What the operating system says where a disk is full, a quota is used up, or the disk is broken."""

MARK = "store.json"

FOLDERS = ("plans", "quarantine", "resume", "runs", "tmp", "tokens")


def lay_out(path: Path) -> None:
    """Make a folder a store, unless it is one, and give it its folders.

    Raises:
        StoreError: it is a store of an unknown schema, or one of its folders is a link.
    """
    if not (path / MARK).exists():
        write_durably(path / MARK, canonical_json({"schema": STORE_SCHEMA}).encode())
    check_mark(path)
    for name in FOLDERS:
        # A store may come from a stranger, and opening it removes what lies in some of these.
        if (path / name).is_symlink():
            raise StoreError(
                f"store '{path}': found that '{name}' is a link ; expected a folder. "
                "Put the folder itself there."
            )
        (path / name).mkdir(exist_ok=True)


def remove(path: Path) -> None:
    """Remove a file, a link or a whole folder, if it is there; links are not followed."""
    if path.is_symlink() or path.is_file():
        path.unlink()
    elif path.exists():
        shutil.rmtree(path)


def refuse_foreign(path: Path) -> None:
    """Refuse a folder that holds something else: opening a store removes what lies in `tmp/`."""
    if not path.exists() or (path / MARK).exists():
        return
    found = sorted(p.name for p in path.iterdir() if p.name not in {"lock", f"{MARK}.partial"})
    if found:
        raise StoreError(
            f"store '{path}': found a folder with {found[0]!r} and without {MARK} ; expected a "
            "store, or an empty or new folder. Name another one."
        )


def check_mark(path: Path) -> None:
    """Refuse a folder that is no store, or one of a schema unknown here.

    Raises:
        StoreError: with the schema's name.
    """
    try:
        mark = json.loads((path / MARK).read_bytes()[:4096])
        schema = mark["schema"]
    except (FileNotFoundError, NotADirectoryError):
        raise StoreError(
            f"store '{path}': found no {MARK} ; expected a run store. Check the path, or make "
            "one with `corroborate run`."
        ) from None
    except (ValueError, KeyError, TypeError):
        schema = None
    if schema != STORE_SCHEMA:
        raise StoreError(
            f"store '{path}': found schema {str(schema)[:80]!r} ; expected '{STORE_SCHEMA}'. "
            "Use the version of Corroborate that wrote it."
        )


def lock(path: Path) -> int:
    """Return an open file that holds the store's lock; the kernel frees it when we die."""
    descriptor = os.open(
        path / "lock", os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o644
    )
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        os.ftruncate(descriptor, 0)
        since = datetime.now(UTC).isoformat(timespec="seconds")
        holder = f"process {os.getpid()} on {socket.gethostname()} since {since}"
        os.write(descriptor, holder.encode())
    except BlockingIOError:
        holder = os.read(descriptor, 200).decode(errors="replace") or "another process"
        os.close(descriptor)
        raise StoreError(
            f"store '{path}': found it being written by {holder} ; expected no other writer. "
            "Wait for it to end, or use another store; status, verify and report only read."
        ) from None
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor


@contextmanager
def doing(what: str) -> Iterator[None]:
    """Turn what the operating system refuses into an error that says what to do."""
    try:
        yield
    except OSError as error:
        if error.errno in NO_ROOM:
            raise DiskError(
                f"{what}: found '{error.strerror}' on writing ; expected a disk with room. Free some "
                "space and run again; finished runs are kept."
            ) from error
        raise StoreError(
            f"{what}: found '{error.strerror}' at '{error.filename}' ; expected a readable folder "
            "and, to write, room on the disk. Check permissions and space, and run again; "
            "finished runs are kept."
        ) from error
