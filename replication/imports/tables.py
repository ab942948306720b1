"""What are the rows of a table that anybody may have written, as CSV, TSV, JSON lines or Parquet?

Light: imports neither torch nor transformers nor datasets.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from replication.imports.faults import Faults, shown
from replication.imports.sources import MAX_BYTES, Sources, parsed

__all__ = ["MAX_ROWS", "SUFFIXES", "Row", "Table", "is_text", "parquet_columns", "table"]

MAX_ROWS = 1_000_000
"""Rows of one import."""

SUFFIXES = (".csv", ".tsv", ".jsonl", ".parquet")

_MAX_COLUMNS = 1000
_TEXT_BYTES = 4096
"""Longest text in one cell of Parquet, where few bytes can stand for any number of long ones."""
_BATCH = 2**14

Row = tuple[str, Mapping[str, object]]
"""Where it stands, such as `line 7`, and column -> value; a column may be absent."""


@dataclass(frozen=True, slots=True)
class Table:
    """The rows of one file; what is wrong with its shape is found while they are read."""

    rows: Iterator[Row]
    columns: tuple[str, ...] | None
    """Null for JSON lines, where every row says its own."""


def table(sources: Sources, path: Path, wanted: Collection[str], faults: Faults) -> Table | None:
    """Return the rows of a file by its suffix; null where it cannot be read as a table at all.

    Args:
        sources: reads the file.
        path: of the file.
        wanted: columns that are read of Parquet; other kinds give every column.
        faults: what is wrong is added here, each with its line.

    Raises:
        ImportedScoresError: the file is no plain file, or too large.
    """
    data = sources.read(path)
    place = f"file '{sources.name(path)}'"
    suffix = path.suffix.lower()
    if suffix == ".parquet":
        return _parquet(data, wanted, place, faults)
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        faults.add(
            f"{place}: found bytes that are not UTF-8 at position {error.start} ; expected UTF-8. "
            "Save the table in it."
        )
        return None
    if suffix == ".jsonl":
        return Table(_lines_of_json(text, place, faults), None)
    return _csv(text, "\t" if suffix == ".tsv" else ",", place, faults)


def _csv(text: str, delimiter: str, place: str, faults: Faults) -> Table | None:
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    try:
        header = next(reader, [])
    except csv.Error as error:
        faults.add(f"{place} line 1: found no header ({error}) ; expected names of columns.")
        return None
    columns = tuple(name.strip() for name in header)
    if not _columns_fit(columns, place, faults):
        return None
    return Table(_csv_rows(reader, columns, place, faults), columns)


def _csv_rows(reader: Any, columns: tuple[str, ...], place: str, faults: Faults) -> Iterator[Row]:
    while True:
        line = reader.line_num + 1
        try:
            cells = next(reader, None)
        except csv.Error as error:
            faults.add(
                f"{place} line {line}: found what is no CSV ({error}) ; expected cells with quotes in "
                "pairs. What follows was not read."
            )
            return
        if cells is None:
            return
        if not cells:
            continue
        if len(cells) != len(columns):
            faults.add(
                f"{place} line {line}: found {len(cells)} cells ; expected {len(columns)}, as in the "
                "first line. Quote text that holds a comma, and write numbers with a point."
            )
            continue
        yield f"line {line}", dict(zip(columns, cells, strict=True))


def _columns_fit(columns: tuple[str, ...], place: str, faults: Faults) -> bool:
    if not any(columns):
        faults.add(f"{place}: found no header ; expected names of columns in the first line.")
    elif len(columns) > _MAX_COLUMNS:
        faults.add(f"{place}: found {len(columns)} columns ; expected at most {_MAX_COLUMNS}.")
    elif twice := sorted({name for name in columns if name and columns.count(name) > 1}):
        faults.add(
            f"{place}: found column {shown(twice[0])} twice ; expected each once. Remove one."
        )
    elif len(columns) == 1 and ";" in columns[0]:
        faults.add(
            f"{place}: found cells parted by semicolons ; expected commas, and numbers with a point."
        )
    else:
        return True
    return False


def _lines_of_json(text: str, place: str, faults: Faults) -> Iterator[Row]:
    for number, line in enumerate(io.StringIO(text), 1):
        if not line.strip():
            continue
        try:
            row = parsed(line)
        except (ValueError, RecursionError) as error:
            faults.add(
                f"{place} line {number}: found no JSON ({str(error)[:100]}) ; expected one object a "
                "line."
            )
            continue
        if not isinstance(row, dict):
            faults.add(
                f"{place} line {number}: found {shown(row)} ; expected an object with the columns as "
                "keys."
            )
            continue
        yield f"line {number}", row


def _parquet(data: bytes, wanted: Collection[str], place: str, faults: Faults) -> Table | None:
    try:
        with pq.ParquetFile(pa.BufferReader(data)) as file:
            columns = tuple(str(name) for name in file.schema_arrow.names)
            if not _columns_fit(columns, place, faults):
                return None
            read = parquet_columns(file, wanted, MAX_ROWS)
    except (pa.ArrowException, OSError, ValueError, TypeError, LookupError) as error:
        _no_parquet(place, error, faults)
        return None
    return Table(_parquet_rows(data, read, place, faults), columns)


def parquet_columns(file: pq.ParquetFile, wanted: Collection[str], most: int) -> list[str]:
    """Return the wanted columns that a Parquet file has, after a look at what it says of itself.

    Raises:
        ValueError: it has too many rows, or these columns are too large or of types not read.
    """
    read = [name for name in file.schema_arrow.names if name in wanted]
    if file.metadata.num_rows > most:
        raise ValueError(f"{file.metadata.num_rows} rows where at most {most} are read")
    odd = [n for n in read if not _is_plain(file.schema_arrow.field(n).type)]
    if odd:
        kind = str(file.schema_arrow.field(odd[0]).type)[:80]
        raise ValueError(f"column {odd[0]} of type {kind} where text, numbers or booleans are read")
    size = 0
    for group in range(file.metadata.num_row_groups):
        chunks = file.metadata.row_group(group)
        for place in range(chunks.num_columns):
            column = chunks.column(place)
            size += column.total_uncompressed_size if column.path_in_schema in read else 0
    if size > MAX_BYTES:
        raise ValueError(f"{size} bytes unpacked where at most {MAX_BYTES} are read")
    return read


def _parquet_rows(data: bytes, read: list[str], place: str, faults: Faults) -> Iterator[Row]:
    number = 0
    try:
        with pq.ParquetFile(pa.BufferReader(data)) as plain:
            texts = [n for n in read if is_text(plain.schema_arrow.field(n).type)]
        with pq.ParquetFile(pa.BufferReader(data), read_dictionary=texts) as file:
            for batch in file.iter_batches(_BATCH, columns=read):
                for name in texts:
                    _check_texts(batch[name])
                for row in batch.to_pylist():
                    number += 1
                    yield f"row {number}", row
    except (pa.ArrowException, OSError, ValueError, TypeError, LookupError) as error:
        _no_parquet(place, error, faults)


def is_text(kind: pa.DataType) -> bool:
    """Return whether a column of Parquet holds text, or codes of it as pandas' categories do."""
    plain = kind.value_type if pa.types.is_dictionary(kind) else kind
    return bool(pa.types.is_string(plain) or pa.types.is_large_string(plain))


def _is_plain(kind: pa.DataType) -> bool:
    of = pa.types
    checks = (is_text, of.is_integer, of.is_floating, of.is_boolean, of.is_decimal, of.is_null)
    return any(check(kind) for check in checks)


def _check_texts(column: pa.DictionaryArray) -> None:
    longest = pc.max(pc.binary_length(column.dictionary)).as_py()
    if (longest or 0) > _TEXT_BYTES:
        raise ValueError(f"a text of {longest} bytes where at most {_TEXT_BYTES} are read")


def _no_parquet(place: str, error: BaseException, faults: Faults) -> None:
    said = " ".join(str(error).split())[:200]
    faults.add(
        f"{place}: found no Parquet of that shape ({said}) ; expected a table of plain cells."
    )
