"""Is a run's folder, or a plan's file, whole? Sealing with checksums, and examining later.

A sealed folder holds the run's artifacts, `spec.json`, `run.json` with the SHA-256 of every
artifact, and `SHA256SUMS`, which a stranger can check with coreutils alone. Light: no torch.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from pydantic import ValidationError

from replication.errors import StoreError
from replication.migrations import migrated
from replication.run import Plan, Run

__all__ = [
    "CHECKPOINT",
    "OURS",
    "RUN_SCHEMA",
    "Damage",
    "Sealed",
    "examine",
    "plain_name",
    "read_plan",
    "read_record",
    "seal",
    "sync",
    "write_durably",
]

RUN_SCHEMA = "corroborate/run@1"
PLAN_SCHEMA = "corroborate/plan@1"
RUN, SPEC, SUMS = "run.json", "spec.json", "SHA256SUMS"
OURS = frozenset({RUN, SPEC, SUMS})
"""Names in a run's folder that no artifact may have: the store writes these itself."""

CHECKPOINT = "model.safetensors"
"""Artifact of a training run that can be made again, bit for bit, so that it may be collected."""

LARGEST_RECORD = 64 * 2**20
"""Bytes of run.json or a plan; records hold no arrays, so more is not ours."""

_PLAIN = re.compile(r"[A-Za-z0-9_.+=@ -]{1,200}")
"""Parts of an artifact's path: safe in every file system, and unescaped in SHA256SUMS."""


@dataclass(frozen=True, slots=True)
class Sealed:
    """What the journal keeps of a finished run."""

    run: Run
    record: str
    """SHA-256 of run.json."""
    sizes: dict[str, int]
    """Bytes of each artifact."""


@dataclass(frozen=True, slots=True)
class Damage:
    """Why a folder does not hold the run that it should."""

    reason: str


def seal(run: Run, folder: Path) -> Sealed:
    """Add checksums and records to a folder of artifacts, and force all of it to the disk.

    Raises:
        StoreError: the folder holds links, special files or names that are not plain.
        OSError: the disk refused.
    """
    sums, sizes = {}, {}
    for name in _files(folder):
        sums[name], sizes[name] = _digest(folder / name), (folder / name).stat().st_size
    stored = run.model_copy(update={"artifacts": dict(sorted(sums.items()))})
    texts = {SPEC: stored.spec.canonical(), RUN: stored.canonical()}
    for name, text in texts.items():
        sums[name] = hashlib.sha256(text.encode()).hexdigest()
    lines = "".join(f"{digest}  {name}\n" for name, digest in sorted(sums.items()))
    try:
        for name, text in {**texts, SUMS: lines}.items():
            (folder / name).write_bytes(text.encode())
    except OSError:
        for name in (SPEC, RUN, SUMS):  # so that sealing can be tried again
            (folder / name).unlink(missing_ok=True)
        raise
    for parent, _, files in os.walk(folder, topdown=False):
        for name in files:
            sync(Path(parent, name))
        sync(Path(parent))
    return Sealed(stored, sums[RUN], sizes)


def examine(
    folder: Path,
    digest: str,
    *,
    sealed: tuple[str, dict[str, int]] | None,
    full: bool,
    collected: frozenset[str] = frozenset(),
) -> Sealed | Damage:
    """Read a sealed folder and compare it with its checksums.

    Args:
        folder: of the run.
        digest: of the run's spec.
        sealed: what the journal says: SHA-256 of run.json, and sizes; None where it says nothing,
            so that the folder's own SHA256SUMS must do.
        full: whether artifacts are hashed, or only their sizes compared.
        collected: artifacts that may be absent; where they are not, they are compared like others.

    Raises:
        StoreError: the folder is whole, but of a schema or version that is unknown here.
        OSError: a file exists and cannot be read.
    """
    content = read_record(folder / RUN)
    if isinstance(content, Damage):
        return content
    record = hashlib.sha256(content).hexdigest()
    expected = sealed[0] if sealed else _listed(folder)
    if record != expected:
        return Damage(f"{RUN}: found SHA-256 {record[:16]} ; expected {str(expected)[:16]}")
    run = _parsed(content, folder)
    if run.spec_digest != digest or run.status != "finished":
        return Damage(f"{RUN}: found the {run.status} run {run.spec_digest[:16]} in this folder")
    if run.spec.digest() != digest:
        raise StoreError(
            f"run '{digest}': found a spec that this version reads as {run.spec.digest()} ; "
            "expected it to keep its digest. Use the version of Corroborate that wrote it."
        )
    sizes = _sizes(run, folder, sealed[1] if sealed else None, full=full, collected=collected)
    return sizes if isinstance(sizes, Damage) else Sealed(run, record, sizes)


def read_record(path: Path) -> bytes | Damage:
    """Return the bytes of a record's file, if there is a plain file of a size that we write."""
    try:
        mode, size = path.lstat().st_mode, path.lstat().st_size
    except (FileNotFoundError, NotADirectoryError):
        return Damage(f"{path.name}: found no such file")
    if not stat.S_ISREG(mode) or size > LARGEST_RECORD:
        return Damage(f"{path.name}: found no plain file of at most {LARGEST_RECORD} bytes")
    return path.read_bytes()


def read_plan(path: Path, digest: str) -> Plan:
    """Return the plan of a digest.

    Raises:
        StoreError: its file is missing, damaged or of a version that is unknown here.
        OSError: it exists and cannot be read.
    """
    content = read_record(path)
    if isinstance(content, Damage) or hashlib.sha256(content).hexdigest() != digest:
        raise StoreError(
            f"plan '{digest}': found a file that is missing or changed ; expected its "
            "SHA-256 to be the digest. Plan again with the same claims and protocol."
        )
    document = json.loads(content)
    current = migrated(document, PLAN_SCHEMA, f"plan '{digest}'")
    try:
        return Plan.model_validate_json(content if current is document else json.dumps(current))
    except ValidationError as error:
        first = error.errors()[0]
        raise StoreError(
            f"plan '{digest}': {'.'.join(map(str, first['loc']))}: found "
            f"{str(first['input'])[:80]!r} ; {first['msg']}. Use the version of Corroborate "
            "that wrote it, or plan again."
        ) from error


def write_durably(path: Path, content: bytes) -> None:
    """Write a file so that a crash leaves the old one, the new one, or none, never half of one."""
    partial = path.with_name(path.name + ".partial")
    partial.unlink(missing_ok=True)
    with partial.open("xb") as file:  # x: never through a link
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    partial.replace(path)
    sync(path.parent)


def sync(path: Path) -> None:
    """Force a file's content, or a folder's list of names, to the disk."""
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def plain_name(name: str) -> bool:
    """Return whether a relative path stays in its folder and is safe in every file system."""
    parts = name.split("/")
    return all(_PLAIN.fullmatch(p) and p not in {".", ".."} for p in parts)


def _files(folder: Path) -> Iterator[str]:
    for parent, folders, files in os.walk(folder):
        for name in sorted([*folders, *files]):
            path = Path(parent, name)
            relative = path.relative_to(folder).as_posix()
            mode = path.lstat().st_mode
            kind = stat.S_ISREG(mode) or stat.S_ISDIR(mode)
            if not kind or not plain_name(relative) or relative in OURS:
                raise StoreError(
                    f"artifact '{relative}' in '{folder}': found a link, a special file or a name "
                    f"that is taken or not plain ; expected plain files, none of them {RUN}, "
                    f"{SPEC} or {SUMS}. Write the file itself, under another name."
                )
            if stat.S_ISREG(mode):
                yield relative


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _listed(folder: Path) -> str | None:
    """Return the checksum of run.json that SHA256SUMS lists."""
    sums = read_record(folder / SUMS)
    if isinstance(sums, Damage):
        return None
    found = re.search(rb"^([0-9a-f]{64})  run\.json$", sums, re.MULTILINE)
    return found[1].decode() if found else None


def _parsed(content: bytes, folder: Path) -> Run:
    """Return the record of a file whose checksum is right."""
    try:
        document = json.loads(content)
    except (ValueError, RecursionError):
        document = None
    current = migrated(document, RUN_SCHEMA, f"run '{folder.name}'")
    try:
        return Run.model_validate_json(content if current is document else json.dumps(current))
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise StoreError(
            f"run '{folder.name}': {where}: found {str(first['input'])[:80]!r} ; {first['msg']}. "
            "Use the version of Corroborate that wrote it."
        ) from error


def _sizes(
    run: Run,
    folder: Path,
    sealed: dict[str, int] | None,
    *,
    full: bool,
    collected: frozenset[str],
) -> dict[str, int] | Damage:
    """Return the bytes of every artifact that is there, all compared with what was sealed."""
    sizes: dict[str, int] = {}
    for name, wanted in run.artifacts.items():
        if name in collected and not os.path.lexists(folder / name):
            continue
        size = _size(folder, name)
        if isinstance(size, Damage):
            return size
        # The journal may never have known the size: a run taken up from its folder lacked the file.
        unknown = name in collected and sealed is not None and name not in sealed
        if sealed is not None and size != sealed.get(name) and not unknown:
            return Damage(f"{name}: found {size} bytes ; expected {sealed.get(name)}")
        if full and (found := _digest(folder / name)) != wanted:
            return Damage(f"{name}: found SHA-256 {found[:16]} ; expected {wanted[:16]}")
        sizes[name] = size
    return sizes


def _size(folder: Path, name: str) -> int | Damage:
    """Return the size of an artifact that is a plain file inside the folder."""
    path = folder / PurePosixPath(name)
    if not plain_name(name):
        return Damage(f"artifact {name[:80]!r}: found a path that could leave the folder")
    try:
        inside = path.resolve(strict=True) == folder.resolve() / name
    except (FileNotFoundError, NotADirectoryError, RuntimeError):  # the last: links in a circle
        return Damage(f"{name}: found no such file")
    if not inside or not stat.S_ISREG(path.lstat().st_mode):
        return Damage(f"{name}: found a link or a special file ; expected a plain file")
    return path.stat().st_size
