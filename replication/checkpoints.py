"""Base checkpoints: which bytes are they, and where do they lie on this machine?

A checkpoint is a hub id or a local folder, with config, safetensors weights and a fast tokenizer.
Light: imports neither torch nor transformers.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Collection
from functools import lru_cache
from pathlib import Path

from replication.errors import DataError
from replication.hub import COMMIT, commit_of, fetch, listing
from replication.parquet import names_in, short
from replication.protocol import Base

__all__ = ["checkpoint_folder", "revision_of"]

_WEIGHTS = "model.safetensors"
_INDEX = f"{_WEIGHTS}.index.json"
_SMALL = frozenset(
    {
        "config.json",
        "tokenizer.json",
        "tokenizer_config.json",
        "special_tokens_map.json",
        "added_tokens.json",
        "vocab.txt",
        "vocab.json",
        "merges.txt",
        "sentencepiece.bpe.model",
        "spiece.model",
    }
)
"""What else of a checkpoint its config, encoder and tokenizer are built from."""

_MAX_INDEX_BYTES = 2**24
_HUB_ID = re.compile(r"[A-Za-z0-9][\w.-]{0,95}(?:/[A-Za-z0-9][\w.-]{0,95})?")


def revision_of(base: Base) -> str | None:
    """Return the revision of a base checkpoint as it is now; None where the base is no checkpoint.

    It is the commit of a hub repository, and `sha256:` over the files of a local folder. A commit that
    the base names is returned without asking the hub; a branch or tag is looked up.

    Raises:
        DataError: the hub does not answer, there is no such checkpoint, or it cannot be read.
    """
    if base.checkpoint is None:
        return None
    if (folder := _local(base.checkpoint)) is not None:
        return _digest_of(folder)
    if base.revision is not None and COMMIT.fullmatch(base.revision):
        return base.revision
    return commit_of(base.checkpoint, "model", base.revision)


def checkpoint_folder(checkpoint: str, revision: str | None) -> Path:
    """Return a folder with the files of a checkpoint, checked against its revision.

    Args:
        checkpoint: hub id or local folder.
        revision: as `revision_of` returns it; None for a hub's main branch, or a folder as it is.

    Raises:
        DataError: there is no such checkpoint or file, or its bytes are not those of the revision.
    """
    if (folder := _local(checkpoint)) is not None:
        if revision is not None and (found := _digest_of(folder)) != revision:
            raise DataError(
                f"checkpoint '{checkpoint}': found a folder with the revision {found} ; expected "
                f"{revision}, for which the runs were planned. Put its files back, or plan anew."
            )
        return folder
    if not _HUB_ID.fullmatch(checkpoint):
        raise DataError(
            f"checkpoint '{checkpoint[:200]}': cannot be loaded: found neither a folder nor a hub id ; "
            "expected one of them. Check base.checkpoint."
        )
    commit = revision if revision is not None else commit_of(checkpoint, "model")
    there = listing(checkpoint, "model", commit)

    def read(name: str) -> Path:
        return fetch(checkpoint, "model", commit, name)

    places = [read(name) for name in _wanted(there, read, checkpoint)]
    return places[0].parent


def _local(checkpoint: str) -> Path | None:
    folder = Path(checkpoint)
    try:
        return folder if folder.is_dir() else None
    except (OSError, ValueError):  # names that no file system takes
        return None


def _digest_of(folder: Path) -> str:
    """Return `sha256:` over the names and bytes of the files that a checkpoint is read from."""
    whole = hashlib.sha256()
    for name in _wanted(names_in(folder), lambda n: folder / n, str(folder)):
        whole.update(f"{name} {_file_digest(folder / name)}\n".encode())
    return f"sha256:{whole.hexdigest()}"


def _file_digest(file: Path) -> str:
    try:
        status = file.stat()
        return _remembered(file, status.st_size, status.st_mtime_ns)
    except OSError as error:
        raise DataError(
            f"file '{file}': cannot be read: {short(error)} ; expected a readable file."
        ) from error


@lru_cache(maxsize=256)
def _remembered(file: Path, size: int, modified: int) -> str:
    del size, modified  # part of the cache key: a changed file is read again
    with file.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()


def _wanted(there: Collection[str], read: Callable[[str], Path], checkpoint: str) -> list[str]:
    """Return which of a checkpoint's files are used, config first.

    Raises:
        DataError: it has no config, no safetensors weights, or not all shards of them.
    """
    weights = [_WEIGHTS] if _WEIGHTS in there else []
    if not weights and _INDEX in there:
        weights = [_INDEX, *_shards(read(_INDEX))]
    absent = [n for n in ("config.json", *(weights or [_WEIGHTS])) if n not in there]
    if absent:
        raise DataError(
            f"checkpoint '{checkpoint}': found no {', '.join(absent[:3])} ; expected a config and "
            "safetensors weights. Name a checkpoint that has them."
        )
    small = sorted(_SMALL & set(there) - {"config.json"})
    return ["config.json", *small, *weights]


def _shards(index: Path) -> list[str]:
    """Return the files that an index of weights names.

    Raises:
        DataError: it is no such index, or names files outside of its folder.
    """
    try:
        with index.open("rb") as file:
            content = file.read(_MAX_INDEX_BYTES)
        names = sorted({str(n) for n in json.loads(content)["weight_map"].values()})
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise DataError(
            f"file '{index}': cannot be read as an index of weights: {short(error)} ; expected the "
            "field weight_map. Fetch it again."
        ) from error
    if odd := [n for n in names if not re.fullmatch(r"[\w.-]+\.safetensors", n)]:
        raise DataError(
            f"file '{index}': found the file name {odd[0][:80]!r} ; expected *.safetensors beside it."
        )
    return names
