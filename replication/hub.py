"""What the Hugging Face hub holds at one commit, and its files on this machine, checked.

`huggingface_hub` transfers and resumes; it compares only sizes, so that every file is hashed here and
compared with what the hub lists for the commit. Light: its libraries are imported when it is asked.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal

from replication.artifacts import write_durably
from replication.errors import DataError
from replication.parquet import MAX_FILE_BYTES, short

__all__ = ["COMMIT", "Kind", "Stored", "asking", "commit_of", "fetch", "listing"]

Kind = Literal["dataset", "model"]

COMMIT = re.compile(r"[0-9a-f]{40}")
"""A commit of a repository, the only revision that does not move."""

_EXPORT = "refs/convert/parquet"
"""Branch in which the hub itself keeps a data set as Parquet, whatever its own files are."""

_TIMEOUT_S = 30
_MAX_LIST_BYTES = 2**26


@dataclass(frozen=True, slots=True)
class Stored:
    """One file of a repository, as the hub lists it."""

    path: str
    size: int
    checksum: str
    """SHA-256 of the content (64 digits), or git's SHA-1 of it (40 digits) for small files."""


def commit_of(repository: str, kind: Kind, revision: str | None = None) -> str:
    """Return the commit that a branch or tag has now; the main branch's where none is named.

    Where a data set's main branch holds no Parquet, it is that of the hub's own export.

    Raises:
        DataError: the hub does not answer, or has no such repository or revision.
    """
    from huggingface_hub import HfApi  # noqa: PLC0415  only where the hub is asked

    with asking(repository, kind, "expected its commit"):
        if kind == "model":
            sha = HfApi().model_info(repository, revision=revision, timeout=_TIMEOUT_S).sha
        else:
            info = HfApi().dataset_info(repository, revision=revision, timeout=_TIMEOUT_S)
            own = any(file.rfilename.endswith(".parquet") for file in info.siblings or ())
            if revision is None and not own:
                info = HfApi().dataset_info(repository, revision=_EXPORT, timeout=_TIMEOUT_S)
            sha = info.sha
    commit = str(sha)
    if not COMMIT.fullmatch(commit):
        raise DataError(
            f"{_titled(kind)} '{repository}': found {commit[:60]!r} for a commit ; expected 40 hex "
            "digits. Check that HF_ENDPOINT names a hub."
        )
    return commit


@lru_cache(maxsize=256)
def listing(repository: str, kind: Kind, commit: str) -> dict[str, Stored]:
    """Return the files of a repository at a commit by path, as the hub lists them.

    The list is kept beside the hub's cache and serves where the hub does not answer.

    Raises:
        DataError: the hub does not answer, and has not answered before.
    """
    from huggingface_hub import HfApi  # noqa: PLC0415  only where the hub is asked
    from huggingface_hub.hf_api import RepoFile  # noqa: PLC0415

    kept = _kept(repository, kind, commit)
    try:
        with asking(repository, kind, f"expected its files at commit {commit}"):
            entries = HfApi().list_repo_tree(
                repository, recursive=True, revision=commit, repo_type=kind
            )
            files = [entry for entry in entries if isinstance(entry, RepoFile)]
        found = [Stored(f.path, f.size, f.lfs.sha256 if f.lfs else f.blob_id) for f in files]
    except DataError:
        if not (before := _read_kept(kept)):
            raise
        return {file.path: file for file in before}
    with suppress(OSError):  # a cache that cannot be written to is a cache that does not help
        kept.parent.mkdir(parents=True, exist_ok=True)
        write_durably(kept, json.dumps([asdict(file) for file in found]).encode())
    return {file.path: file for file in found}


def fetch(repository: str, kind: Kind, commit: str, path: str) -> Path:
    """Return the place on this machine of one file at one commit, downloaded where it is not there.

    Raises:
        DataError: there is no such file, it cannot be downloaded whole, or its bytes are not those
            that the hub lists; they are then removed.
    """
    from huggingface_hub import HfApi  # noqa: PLC0415  only where the hub is asked

    stored = listing(repository, kind, commit).get(path)
    if stored is None:
        raise DataError(
            f"{_titled(kind)} '{repository}': found no file '{path[:200]}' at commit {commit} ; "
            "expected it. Check the name and the commit."
        )
    if kind == "dataset" and stored.size > MAX_FILE_BYTES:
        raise DataError(
            f"{_titled(kind)} '{repository}' file '{path}': found {stored.size} bytes ; expected at "
            f"most {MAX_FILE_BYTES}."
        )
    with asking(repository, kind, f"expected its file '{path}' at commit {commit}"):
        place = Path(HfApi().hf_hub_download(repository, path, repo_type=kind, revision=commit))
    _check(place, stored, f"{_titled(kind)} '{repository}' file '{path}'")
    return place


def _check(place: Path, stored: Stored, what: str) -> None:
    """Refuse and remove a file whose bytes are not those that the hub lists."""
    found = _checksum(place, place.stat().st_mtime_ns, stored.size, len(stored.checksum) == 64)
    if found == stored.checksum:
        return
    place.resolve().unlink(missing_ok=True)  # the cache holds a link to the content
    place.unlink(missing_ok=True)
    raise DataError(
        f"{what}: found the checksum {found} ; expected {stored.checksum}, as the hub lists it. The "
        "file was damaged on its way or in the cache, and is removed. Run the same command again."
    )


@lru_cache(maxsize=4096)
def _checksum(place: Path, modified: int, size: int, sha256: bool) -> str:
    """Return the checksum of a file's content, of git's kind or plain SHA-256."""
    del modified  # part of the cache key
    whole = hashlib.sha256()
    if not sha256:
        whole = hashlib.sha1(usedforsecurity=False)
        whole.update(f"blob {place.stat().st_size}\0".encode())
    with place.open("rb") as file:
        while piece := file.read(2**22):
            whole.update(piece)
    return whole.hexdigest() if place.stat().st_size == size else f"of {place.stat().st_size} bytes"


def _kept(repository: str, kind: Kind, commit: str) -> Path:
    """Return where the list of a commit's files is kept."""
    from huggingface_hub import constants  # noqa: PLC0415

    folder = f"{kind}s--{repository.replace('/', '--')}"
    return Path(constants.HF_HOME) / "corroborate" / folder / f"{commit}.json"


def _read_kept(path: Path) -> list[Stored]:
    """Return the list that a file holds; none where there is no such file, or it is damaged."""
    try:
        with path.open("rb") as file:
            return [Stored(**entry) for entry in json.loads(file.read(_MAX_LIST_BYTES))]
    except (OSError, ValueError, TypeError, RecursionError):
        return []


@contextmanager
def asking(repository: str, kind: Kind, expected: str) -> Iterator[None]:
    """Turn whatever goes wrong while the hub is asked into an error that says what to do."""
    try:
        yield
    except DataError:
        raise
    except Exception as error:
        raise DataError(
            f"{_titled(kind)} '{repository}': {_why(error)} ; {expected}. "
            f"{_advice(error)}, or name a folder "
            + ("with --data." if kind == "dataset" else "as the base checkpoint.")
        ) from error


def _why(error: BaseException) -> str:
    """Return in one line what the hub or the network said, or what its answer lacked."""
    cause = _root(error)
    status = _status(cause)
    if status == 429:
        wait = _response(cause).headers.get("Retry-After")
        asked = f", and asks to wait {wait[:40]} s" if wait else ""
        return f"the hub answered 429, too many requests{asked}"
    if status is not None:
        return f"the hub answered {status} ({type(cause).__name__})"
    failed = "the hub did not answer" if _of_network(cause) else "what the hub has cannot be used"
    return f"{failed} ({short(cause)})"


def _advice(error: BaseException) -> str:
    cause = _root(error)
    known = {
        401: "Check the id, or log in with `hf auth login`",
        403: "Ask for access on the hub's page, and log in with `hf auth login`",
        404: "Check the id and the commit",
        429: "Run the same command again later",
    }
    if (status := _status(cause)) in known:
        return known[status]
    if status is None and not _of_network(cause):
        return "Check the id and the configuration"
    return "Check the network and run the same command again"


def _root(error: BaseException) -> BaseException:
    """Return what a library's error stands for, where it only says that a file was not found."""
    hides = isinstance(error, FileNotFoundError) and _status(error) is None
    return error.__cause__ if hides and error.__cause__ is not None else error


def _of_network(error: BaseException) -> bool:
    return isinstance(error, OSError) or type(error).__module__.startswith(("httpx", "httpcore"))


def _status(error: BaseException) -> int | None:
    status = getattr(_response(error), "status_code", None)
    return status if isinstance(status, int) else None


def _response(error: BaseException) -> Any:
    return getattr(error, "response", None)


def _titled(kind: Kind) -> str:
    return "data set" if kind == "dataset" else "checkpoint"
