"""What is in the source that arXiv sends, and is it safe to write down?

A source is a tar, or a single file, mostly compressed; anyone can have made it. It is unpacked as a
stream into a folder of its own; paths that leave it, links, devices, names twice, and sizes beyond
the limits refuse the whole. Nothing is executed, and modes and owners are not taken over.
"""

from __future__ import annotations

import gzip
import io
import os
import shutil
import tarfile
import tempfile
import zlib
from pathlib import Path, PurePosixPath
from typing import BinaryIO, Literal

from claims.errors import ArchiveError, DamagedArchiveError
from claims.record import Record

__all__ = ["MAX_BYTES", "MAX_MEMBERS", "MAX_MEMBER_BYTES", "Member", "Unpacked", "unpack"]

MAX_BYTES = 512 * 2**20
"""Most bytes of all files together."""
MAX_MEMBER_BYTES = 128 * 2**20
"""Most bytes of one file."""
MAX_MEMBERS = 5000
MAX_DEPTH = 20
"""Most folders in one another."""
MAX_NAME_BYTES = 255
_OVERHEAD = 4 * 2**20
"""Most bytes of headers, so that none of them can be a bomb of its own."""
_HEADER = 2048
_BLOCK = 512
_CHUNK = 2**20
_DAMAGED = (EOFError, zlib.error, gzip.BadGzipFile, tarfile.TarError)


class Member(Record):
    """One file of a source."""

    path: str
    """Below the folder, separated by `/`."""
    bytes: int


class Unpacked(Record):
    """What a source turned out to be."""

    kind: Literal["tar", "single file", "pdf"]
    members: tuple[Member, ...]
    """In the order of the archive; none for a PDF, which is no source."""


class _Metered(io.RawIOBase):
    """A stream that gives no more bytes than it was allowed so far."""

    def __init__(self, stream: BinaryIO, name: str) -> None:
        self._stream = stream
        self._name = name
        self.allowed = _OVERHEAD
        self.position = 0
        self.last = 0
        """Where the last byte ends that is not zero."""

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1, /) -> bytes:
        data = self._stream.read(min(size, _CHUNK) if size >= 0 else _CHUNK)
        self.allowed -= len(data)
        if self.allowed < 0:
            raise ArchiveError(
                f"{self._name}: found more bytes than its files have ; expected a source. "
                "It was not unpacked."
            )
        if filled := data.rstrip(b"\0"):
            self.last = self.position + len(filled)
        self.position += len(data)
        return data


def unpack(archive: Path, folder: Path, *, name: str) -> Unpacked:
    """Unpack a source into a new folder, wholly or not at all.

    Args:
        archive: the file as arXiv sent it.
        folder: made by this, in a folder that is there; it must not exist.
        name: the paper and its version, for messages.

    Raises:
        ArchiveError: the source is damaged, unsafe or of another kind; nothing is left behind.
    """
    with archive.open("rb") as file:
        start = file.read(_BLOCK)
        file.seek(0)
        if start.startswith(b"%PDF"):
            return Unpacked(kind="pdf", members=())
        stream = gzip.GzipFile(fileobj=file) if start.startswith(b"\x1f\x8b") else file
        work = Path(tempfile.mkdtemp(prefix=".unpacking-", dir=folder.parent))
        try:
            found = _unpacked(stream, work, name)  # type: ignore[arg-type]  # GzipFile reads bytes
            if found.kind != "pdf":
                work.rename(folder)
        except _DAMAGED as error:
            raise DamagedArchiveError(
                f"{name}: found a damaged source ({type(error).__name__}) ; expected a whole one. "
                "It was not unpacked."
            ) from error
        finally:
            shutil.rmtree(work, ignore_errors=True)
    return found


def _unpacked(stream: BinaryIO, work: Path, name: str) -> Unpacked:
    start = stream.read(_BLOCK)
    stream.seek(0)
    if start.startswith(b"%PDF"):
        return Unpacked(kind="pdf", members=())
    if _is_tar(start):
        return Unpacked(kind="tar", members=_members(_Metered(stream, name), work, name))
    return Unpacked(kind="single file", members=(_single(stream, start, work, name),))


def _is_tar(start: bytes) -> bool:
    try:
        tarfile.TarInfo.frombuf(start, "utf-8", "surrogateescape")
    except tarfile.TarError:
        return False
    return True


def _members(stream: _Metered, work: Path, name: str) -> tuple[Member, ...]:
    members: list[Member] = []
    seen: set[str] = set()
    total = 0
    with tarfile.open(fileobj=stream, mode="r|", errorlevel=2) as tar:
        for number, entry in enumerate(tar):
            if number >= MAX_MEMBERS:
                raise _refused(name, f"more than {MAX_MEMBERS} files", "fewer")
            path = _safe(entry, name)
            if entry.isdir():
                continue
            total += entry.size
            if entry.size > MAX_MEMBER_BYTES or total > MAX_BYTES:
                found = f"{entry.size} bytes in {_shown(entry.name)}, {total} so far"
                limits = f"at most {MAX_MEMBER_BYTES} and {MAX_BYTES}"
                raise _refused(name, found, limits)
            if str(path).casefold() in seen:
                raise _refused(name, f"{_shown(entry.name)} twice", "each file once")
            seen.add(str(path).casefold())
            stream.allowed += entry.size + _HEADER
            data = tar.extractfile(entry)
            if data is None:  # pragma: no cover - only of entries that _safe refuses
                raise _refused(name, _shown(entry.name), "a file")
            _write(data, work / path, entry.size, name)
            members.append(Member(path=str(path), bytes=entry.size))
        while stream.read(_CHUNK):
            pass
        if stream.last > tar.offset:  # the library takes a damaged header for the end
            raise DamagedArchiveError(
                f"{name}: found a damaged tar after {len(members)} files ; expected a whole one. It was "
                "not unpacked."
            )
    if not members:
        raise _refused(name, "a tar without files", "a source")
    return tuple(members)


def _safe(entry: tarfile.TarInfo, name: str) -> PurePosixPath:
    """Return an entry's path below the folder, or refuse the archive for it."""
    told = _shown(entry.name)
    if not (entry.isreg() or entry.isdir()) or entry.issparse():
        raise _refused(name, f"{told}, which is a link, a device or sparse", "plain files")
    printable = entry.name.isprintable() and "\\" not in entry.name
    path = PurePosixPath(entry.name)
    parts = path.parts
    if not printable or path.is_absolute() or ".." in parts or ":" in (parts[0] if parts else ""):
        raise _refused(name, f"the path {told}", "paths that stay in the folder")
    long = any(len(os.fsencode(part)) > MAX_NAME_BYTES for part in parts)
    if long or len(parts) > MAX_DEPTH or (entry.isreg() and not parts):
        raise _refused(name, f"the path {told}", f"at most {MAX_DEPTH} short names in one another")
    return path


def _single(stream: BinaryIO, start: bytes, work: Path, name: str) -> Member:
    """Write the one file of a source that is no tar."""
    kinds = ((b"%!PS", "paper.ps"), (b"PK\x03\x04", ""), (b"\x7fELF", ""), (b"\x1f\x8b", ""))
    path = next((to for magic, to in kinds if start.startswith(magic)), "paper.tex")
    web = start.lstrip()[:15].lower().startswith((b"<!doctype html", b"<html"))
    if not path or not start.strip() or b"\0" in start or web:
        found = "a web page" if web else f"data that begin with {start[:8]!r}"
        raise _refused(name, found, "a tar, a TeX or PostScript file, or a PDF")
    size = _write(stream, work / path, MAX_MEMBER_BYTES, name, exact=False)
    return Member(path=path, bytes=size)


def _write(stream: object, path: Path, size: int, name: str, *, exact: bool = True) -> int:
    """Write at most `size` bytes to a new file and return their number."""
    written = 0
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("xb") as file:
            while chunk := stream.read(_CHUNK):  # type: ignore[attr-defined]  # any binary stream
                written += len(chunk)
                if written > size:
                    raise _refused(name, f"more than {size} bytes", "fewer")
                file.write(chunk)
    except (FileExistsError, NotADirectoryError, IsADirectoryError) as error:
        found = f"{path.name!r} as a file and a folder"
        raise _refused(name, found, "each path once") from error
    if exact and written != size:
        raise _refused(name, f"{written} of {size} bytes of {path.name!r}", "the whole file")
    return written


def _shown(path: str) -> str:
    return ascii(path[:120])


def _refused(name: str, found: str, expected: str) -> ArchiveError:
    return ArchiveError(f"{name}: found {found} ; expected {expected}. It was not unpacked.")
