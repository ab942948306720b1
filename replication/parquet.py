"""Parquet files that anyone may have written: which ones make a split, and what is in them?

Every fault is a `DataError` that names the file. Light: imports neither torch nor datasets.
"""

from __future__ import annotations

import hashlib
import re
import stat
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from replication.errors import DataError

__all__ = [
    "MAX_FILE_BYTES",
    "MAX_ROWS",
    "digest_of_file",
    "names_in",
    "naming",
    "read_columns",
    "short",
    "spelled_languages",
    "split_files",
    "stamp",
    "words",
]

MAX_FILE_BYTES = 4 * 2**30
"""Largest file read; a few bytes of Parquet can also hold any number of rows."""

MAX_ROWS = 50_000_000
"""Most rows read of one file."""

_SETTLED_NS = 2_000_000_000
"""A file younger than this may change again within one tick of the file system's clock."""


def split_files(folder: Path, named: str) -> list[Path]:
    """Return the files of one split, all shards of it or the one whole file; sorted, may be none.

    Raises:
        DataError: the split is there in both forms, or not all its shards are, or nobody may look.
    """
    shape = re.compile(re.escape(named) + r"-\d+(?:-of-(\d+))?(?:-[0-9a-f]+)?\.parquet")
    names = names_in(folder)
    shards = [m for name in names if (m := shape.fullmatch(name))]
    whole = [n for n in names if n == f"{named}.parquet"]
    if shards and whole:
        raise DataError(
            f"folder '{folder}': found split '{named}' twice, as {whole[0]} and {shards[0][0]} ; "
            "expected it once. Remove one of them."
        )
    counts = {int(m[1]) for m in shards if m[1]}
    if counts and counts != {len(shards)}:
        said = " or ".join(str(n) for n in sorted(counts))
        raise DataError(
            f"folder '{folder}': found {len(shards)} files of split '{named}' ; expected {said}, "
            "as their names say. Add the missing files."
        )
    return [folder / n for n in whole or [m[0] for m in shards]]


def names_in(folder: Path) -> list[str]:
    """Return the names of what lies in a folder, sorted; none where there is no folder.

    Raises:
        DataError: nobody may look.
    """
    try:
        return sorted(p.name for p in folder.iterdir())
    except (FileNotFoundError, NotADirectoryError):
        return []
    except OSError as error:
        raise DataError(
            f"folder '{folder}': cannot be listed: {short(error)} ; expected a readable folder. "
            "Check its permissions."
        ) from error


def words(table: pa.Table, column: str) -> pa.ChunkedArray:
    """Return a column as text; pyarrow's errors pass through."""
    return table[column].cast(pa.string())


def read_columns(files: Sequence[Path], columns: list[str]) -> pa.Table:
    """Return some columns of some files, one after the other.

    Raises:
        DataError: a file is too large, broken, or lacks a column, or the files differ in type.
    """
    tables = []
    for file in files:
        stamp(file)
        with naming([file]), pq.ParquetFile(file) as parquet:
            if parquet.metadata.num_rows > MAX_ROWS:
                raise DataError(
                    f"file '{file}': found {parquet.metadata.num_rows} rows ; expected at most "
                    f"{MAX_ROWS}. Split it into shards."
                )
            absent = sorted(set(columns) - set(parquet.schema_arrow.names))
            if absent:
                raise DataError(
                    f"file '{file}': found no column {', '.join(absent)} ; expected the hub's "
                    f"columns {', '.join(columns)}. Take the data set's file as the hub has it."
                )
            tables.append(parquet.read(columns=columns))
    with naming(files):
        return pa.concat_tables(tables)


@contextmanager
def naming(files: Sequence[Path]) -> Iterator[None]:
    """Turn whatever goes wrong while a file's content is read into an error that names the file."""
    try:
        yield
    except DataError:
        raise
    except (pa.ArrowException, OSError, ValueError, TypeError, LookupError) as error:
        more = f" and {len(files) - 1} more" if len(files) > 1 else ""
        raise DataError(
            f"file '{files[0]}'{more}: cannot be read as Parquet of that shape: {short(error)} ; "
            "expected the hub's file. Fetch it again."
        ) from error


def short(error: BaseException) -> str:
    """Return an error of a library in one short line."""
    return f"{type(error).__name__}: {' '.join(str(error).split())[:300]}"


def spelled_languages(files: Sequence[Path], column: str, *, prefix: bool) -> frozenset[str]:
    """Return the distinct languages that a column of some files names.

    Args:
        files: one split's files.
        column: of text.
        prefix: whether the language is only what stands before the first `-`, as in ids.

    Raises:
        DataError: a file cannot be read, or the column is absent or no text.
    """
    digests = tuple(digest_of_file(file) for file in files)
    return _spelled_languages(tuple(files), digests, column, prefix)


@lru_cache(maxsize=256)
def _spelled_languages(
    files: tuple[Path, ...], digests: tuple[str, ...], column: str, prefix: bool
) -> frozenset[str]:
    del digests  # part of the cache key: changed files are read again
    table = read_columns(files, [column])
    with naming(files):
        values = pc.unique(words(table, column)).to_pylist()
    return frozenset(v.split("-", 1)[0] if prefix else v for v in values if v)


def stamp(file: Path) -> tuple[int, int]:
    """Return size and time of change of a plain file that is not too large to be read.

    Raises:
        DataError: it is not there, no plain file, or too large.
    """
    try:
        status = file.stat()
    except OSError as error:
        raise DataError(
            f"file '{file}': cannot be read: {short(error)} ; expected a readable file."
        ) from error
    if not stat.S_ISREG(status.st_mode):
        raise DataError(f"file '{file}': found no plain file ; expected one of Parquet.")
    if status.st_size > MAX_FILE_BYTES:
        raise DataError(
            f"file '{file}': found over {MAX_FILE_BYTES} bytes ; expected less. "
            "Split it into shards."
        )
    return status.st_size, status.st_mtime_ns


def digest_of_file(file: Path) -> str:
    """Return the SHA-256 of a file; remembered, unless it is so new that it may change unseen.

    Raises:
        DataError: the file cannot be read.
    """
    size, modified = stamp(file)
    if time.time_ns() - modified < _SETTLED_NS:
        return _hash(file)
    return _remembered(file, size, modified)


@lru_cache(maxsize=4096)
def _remembered(path: Path, size: int, modified: int) -> str:
    del size, modified  # part of the cache key: a changed file is read again
    return _hash(path)


def _hash(path: Path) -> str:
    with naming([path]), path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
