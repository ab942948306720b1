"""How do files get to machines that do not see the store, and back? Through a URL that all can reach.

A depot is a folder behind an fsspec URL, one for each store:

    objects/<n>/<sha256>        what runs start from, put there by the owner of the store
    out/<token>/<sha256>        what one order has brought about, put there by its worker
    resume/<run>/<slot>/...     the state of a run under way, in two slots of which one is whole
    steps/<run>.json            how far a run is

No path is written by two parties, so that nobody reads what another is writing. Whatever is read is
compared with its announced size and SHA-256; names come from manifests that are checked, and never
from listings. Light: neither torch nor ray.
"""

from __future__ import annotations

import hashlib
import os
import re
import socket
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path, PurePosixPath
from typing import Annotated, Any

from pydantic import AfterValidator, Field, ValidationError

from claims.record import Record
from replication.artifacts import OURS, plain_name
from replication.errors import DamageError, DepotError

__all__ = [
    "CHECKPOINTS",
    "Depot",
    "Kept",
    "Manifest",
    "depot_for",
    "keep",
    "kept",
    "names_in",
    "newest",
]

CHECKPOINTS = "CORROBORATE_CHECKPOINTS"
"""Environment variable with the URL under which stores have their depots."""

MOST_FILES = 10_000
"""In one manifest; a run writes a few dozen."""

LARGEST_TEXT = 4 * 2**20
"""Bytes of a manifest or another small text."""

CHUNK = 2**22
"""Bytes that are held at once."""


def _coherent(names: Mapping[str, Any]) -> Mapping[str, Any]:
    for name in names:
        if not plain_name(name) or name in OURS:
            raise ValueError(
                f"the name {name[:80]!r} could leave the folder, is not plain, or is taken"
            )
        if above := [p for p in map(str, PurePosixPath(name).parents) if p in names]:
            raise ValueError(f"{above[0][:80]!r} is both a file and a folder")
    return names


Entry = tuple[
    Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")], Annotated[int, Field(ge=0, le=2**50)]
]
"""SHA-256 and bytes of a file."""

Manifest = Annotated[dict[str, Entry], Field(max_length=MOST_FILES), AfterValidator(_coherent)]
"""Name in a folder -> file; names stay in the folder."""


class Kept(Record):
    """One slot's state of a run under way."""

    count: Annotated[int, Field(ge=1, le=2**62)]
    """Grows with every state."""
    files: Manifest


class Depot:
    """A folder behind a URL."""

    def __init__(self, url: str) -> None:
        """Open the URL, without looking at what is there.

        Raises:
            DepotError: it is no URL, or of a kind that is unknown, not shared or lacks its library.
        """
        self.url = url
        scheme = re.match(r"([a-z][a-z0-9+.-]*)://", url)
        relative = scheme and scheme[1] in {"file", "local"} and url[scheme.end() :][:1] != "/"
        if not scheme or scheme[1] == "memory" or relative or "::" in url:
            memory = "memory, which no two processes share"
            found = memory if url.startswith("memory:") else "no such URL"
            raise DepotError(
                f"checkpoints '{self}': found {found} ; expected one that all nodes reach, such as "
                "s3://bucket/folder or file:///folder. "
                f"Change {CHECKPOINTS}, or unset it where all nodes see the store."
            )
        with self._reached("open"):
            import fsspec  # type: ignore[import-untyped]  # noqa: PLC0415  only for a depot

            self._fs, root = fsspec.url_to_fs(url)
        self._root = str(root).rstrip("/")

    def __str__(self) -> str:
        """Return the URL without a password."""
        return re.sub(r"//[^/]*@", "//", self.url)[:300]

    def put(self, path: Path, at: str) -> None:
        """Put a file of this machine there."""
        with self._reached("write", at):
            self._fs.makedirs(self._place(at).rpartition("/")[0], exist_ok=True)
            self._fs.put_file(str(path), self._place(at))

    def fetch(self, at: str, entry: Entry, target: Path) -> None:
        """Bring a file here, under a name that is not taken; none is left where it is another one.

        Raises:
            DamageError: there is none, or it has other bytes than announced.
            OSError: this machine refuses it.
        """
        wanted, size = entry
        found, left = hashlib.sha256(), size
        file = target.open("xb")  # x: never through a link
        try:
            with file:
                for chunk in self._read(at):
                    left -= len(chunk)
                    if left < 0:
                        break
                    found.update(chunk)
                    file.write(chunk)
            if left or found.hexdigest() != wanted:
                more = "other bytes" if left >= 0 else f"more than {size} bytes"
                raise self._damage(at, more)  # noqa: TRY301  as whatever else goes wrong here
        except BaseException:
            target.unlink(missing_ok=True)
            raise

    def put_folder(self, folder: Path, under: str) -> dict[str, Entry]:
        """Put a folder's files there, each under its SHA-256, and return their manifest."""
        files: dict[str, Entry] = {}
        for name in names_in(folder):
            path = folder / name
            with path.open("rb") as file:
                digest = hashlib.file_digest(file, "sha256").hexdigest()
            self.put(path, f"{under}/{digest}")
            files[name] = digest, path.stat().st_size
        return files

    def fetch_folder(self, files: Mapping[str, Entry], under: str, folder: Path) -> None:
        """Bring a manifest's files into a folder; all of them or none.

        Raises:
            DamageError: one is absent or another.
            OSError: this machine refuses it.
        """
        there: list[Path] = []
        try:
            for name, entry in sorted(files.items()):
                (folder / name).parent.mkdir(parents=True, exist_ok=True)
                self.fetch(f"{under}/{entry[0]}", entry, folder / name)
                there.append(folder / name)
        except BaseException:
            for path in there:
                path.unlink(missing_ok=True)
            raise

    def write(self, at: str, text: str) -> None:
        """Put a small text there."""
        with self._reached("write", at):
            self._fs.makedirs(self._place(at).rpartition("/")[0], exist_ok=True)
            self._fs.pipe_file(self._place(at), text.encode())

    def read(self, at: str) -> str:
        """Return a small text.

        Raises:
            DamageError: there is none, or it is none.
        """
        content = b""
        for chunk in self._read(at):
            content += chunk
            if len(content) > LARGEST_TEXT:
                raise self._damage(at, f"more than {LARGEST_TEXT} bytes")
        try:
            return content.decode()
        except ValueError as error:
            raise self._damage(at, "no text") from error

    def remove(self, at: str) -> None:
        """Remove a file, or a folder with all that is in it, if it is there."""
        with suppress(DamageError), self._reached("remove", at):
            self._fs.invalidate_cache()
            self._fs.rm(self._place(at), recursive=True)

    def remove_if_empty(self, at: str = "") -> None:
        """Remove a folder that nothing is in, where folders are more than parts of names."""
        with suppress(DepotError), self._reached("remove", at):
            self._fs.invalidate_cache()
            self._fs.rmdir(self._place(at))

    def _place(self, at: str) -> str:
        return f"{self._root}/{at}".rstrip("/")

    def _read(self, at: str) -> Iterator[bytes]:
        with self._reached("read", at):
            self._fs.invalidate_cache()
            if self._fs.info(self._place(at))["type"] != "file":
                raise self._damage(at, "no plain file")
            with self._fs.open(self._place(at), "rb") as file:
                while chunk := file.read(CHUNK):
                    yield chunk

    def _damage(self, at: str, found: str) -> DamageError:
        return DamageError(
            f"checkpoints '{self}': '{at}': found {found} ; expected what was put there. See who else "
            "writes there."
        )

    @contextmanager
    def _reached(self, doing: str, at: str = "") -> Iterator[None]:
        """Turn whatever a file system says into an error of ours; each raises its own kinds."""
        try:
            yield
        except DepotError:
            raise
        except Exception as error:
            if isinstance(error, FileNotFoundError) and doing != "write":
                raise self._damage(at, "no such file") from error
            said = " ".join(str(error).split())[:300]
            raise DepotError(
                f"checkpoints '{self}': cannot {doing} '{at}': found {type(error).__name__}: {said} ; "
                f"expected a URL of fsspec that all nodes read and write. Check {CHECKPOINTS}, whether "
                "the library for it is installed, and what may be done there."
            ) from error


def depot_for(store: Path) -> Depot | None:
    """Return the depot of a store, as the environment has it; None where it asks for none.

    Raises:
        DepotError: its URL cannot be used.
    """
    url = os.environ.get(CHECKPOINTS, "").strip()
    if not url:
        return None
    Depot(url)  # so that what is wrong with it is said of it, and not of a folder in it
    whose = f"{socket.gethostname()}:{store.absolute()}".encode("utf-8", "surrogateescape")
    return Depot(f"{url.rstrip('/')}/{hashlib.sha256(whose).hexdigest()[:16]}")


def names_in(folder: Path) -> list[str]:
    """Return the names of a folder's files, sorted; what is still being written is passed over."""
    found = []
    for parent, _, files in os.walk(folder):
        found += [Path(parent, f).relative_to(folder).as_posix() for f in files]
    return sorted(n for n in found if not n.endswith(".partial"))


def keep(depot: Depot, digest: str, folder: Path, count: int) -> None:
    """Put the state of a run there, beside the one before, which stays whole.

    Args:
        depot: where to.
        digest: of the run's spec.
        folder: with the state.
        count: one more than that of the state before.
    """
    slot = f"resume/{digest}/{count % 2}"
    depot.remove(f"{slot}.json")
    depot.remove(slot)
    depot.write(f"{slot}.json", Kept(count=count, files=depot.put_folder(folder, slot)).canonical())


def newest(depot: Depot, digest: str) -> list[tuple[str, Kept]]:
    """Return the slots of a run that say what they hold, the newest first."""
    found = []
    for slot in (f"resume/{digest}/0", f"resume/{digest}/1"):
        with suppress(DamageError, ValidationError):
            found.append((slot, Kept.model_validate_json(depot.read(f"{slot}.json"))))
    return sorted(found, key=lambda f: -f[1].count)


def kept(depot: Depot, digest: str, folder: Path) -> int:
    """Bring the newest whole state of a run into an empty folder and return its count.

    0 where there is none: the run then begins anew, which costs time and nothing else.
    """
    for slot, state in newest(depot, digest):
        with suppress(DamageError):
            depot.fetch_folder(state.files, slot, folder)
            return state.count
    return 0
