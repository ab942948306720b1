"""What came of every example behind the scores of a tidy table, where a file beside it says so?

Columns: those that place a run (base, intermediate, mlm, target, split, seed), language, id, and
outcomes as `replication.items` has them. Light: imports no torch.
"""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from claims.estimand import Condition
from replication.imports.score import Score, Seed
from replication.imports.sources import MAX_BYTES, Sources
from replication.imports.tables import is_text, parquet_columns
from replication.imports.tidy_rows import Rows, RunPlace
from replication.items import MAX_ITEMS, ItemOutcomes, LanguageItems, outcomes_of, score_faults

__all__ = ["SUFFIX", "items_file", "with_items"]

SUFFIX = ".items.parquet"
"""`scores.items.parquet` beside `scores.csv` holds the outcome of every example behind its scores."""

_PLACES = ("base", "intermediate", "mlm", "target", "split", "seed")
_TEXTS = ("language", "id", "passage")
_COUNTS = ("matched", "predicted", "gold")
_TYPES = (
    dict.fromkeys(_TEXTS, pa.string())
    | dict.fromkeys(("accuracy", "f1", "exact_match"), pa.float64())
    | dict.fromkeys(_COUNTS, pa.int64())
)
_LONGEST = 1000
"""Bytes of an id or a passage, as in the store."""
_MAX_RUNS = 10_000

_Integers = npt.NDArray[np.int64]
_Found = dict[RunPlace, tuple[str, dict[str, LanguageItems]]]


def items_file(table: Path) -> Path:
    """Return where the items of a table lie, if it has any."""
    return table.with_name(table.stem + SUFFIX)


def with_items(
    sources: Sources, tables: Sequence[Path], rows: Rows, scores: Sequence[Score]
) -> tuple[tuple[Score, ...], dict[tuple[Condition, Seed | None, str], ItemOutcomes]]:
    """Return the scores, with the number of examples where only the items tell it, and the items.

    Args:
        sources: reads the files.
        tables: files that the scores stand in.
        rows: that the scores were made of; what is wrong with the items is added to its faults.
        scores: of all tables.
    """
    found: _Found = {}
    for file in sorted({items_file(table) for table in tables}):
        if os.path.lexists(file):
            _read(sources, file, rows, found)
    counted = []
    by_run: dict[RunPlace, list[Score]] = defaultdict(list)
    for score in scores:
        run = RunPlace(score.condition, score.seed, score.task, score.split)
        counted.append(_counted(score, found.get(run)))
        by_run[run].append(counted[-1])
    items: dict[tuple[Condition, Seed | None, str], ItemOutcomes] = {}
    for run, (place, languages) in found.items():
        measured = [score.measurement() for score in by_run[run]]
        for fault in score_faults(languages, measured):
            rows.faults.add(
                f"{place}: found {fault} ; expected items that give the scores of the table. Write "
                "scores without rounding them."
            )
        key = run[:3]
        if key in items:
            rows.faults.add(
                f"{place}: found items of a second split ; expected one split for a condition, seed "
                "and task. Import the splits apart, each into its own store."
            )
        items[key] = ItemOutcomes(run.task, run.split, languages)
    return tuple(counted), items


def _counted(score: Score, found: tuple[str, dict[str, LanguageItems]] | None) -> Score:
    items = found[1].get(score.language) if found else None
    if items is None or score.n is not None:
        return score
    return score.model_copy(update={"n": items.n})


def _read(sources: Sources, file: Path, rows: Rows, found: _Found) -> None:
    name = sources.name(file)
    data = sources.read(file)
    try:
        for first, table in _runs(_table(data)):
            place = f"{name}, row {first + 1}"
            row = {c: table[c][0].as_py() for c in _PLACES if c in table.column_names}
            run = rows.run_of(place, row)
            if run is None:
                continue
            if run in found:
                rows.faults.add(
                    f"{place}: found items of the run of {found[run][0]} ; expected each run once."
                )
                continue
            try:
                found[run] = (place, outcomes_of(_outcomes(table)))
            except ValueError as error:
                rows.faults.add(f"{place}: {str(error)[:600]}.")
    except (pa.ArrowException, OSError, ValueError, TypeError, LookupError) as error:
        said = " ".join(str(error).split())[:300]
        rows.faults.add(
            f"file '{name}': found no Parquet of that shape ({said}) ; expected one row an example."
        )


def _table(data: bytes) -> pa.Table:
    """Return the wanted columns, of the types that the store has."""
    with pq.ParquetFile(pa.BufferReader(data)) as file:
        read = parquet_columns(file, {*_PLACES, *_TYPES}, MAX_ITEMS)
        texts = [c for c in read if is_text(file.schema_arrow.field(c).type)]
        if absent := [c for c in ("language", "id") if c not in read]:
            raise ValueError(f"no column '{absent[0]}'")
    with pq.ParquetFile(pa.BufferReader(data), read_dictionary=texts) as file:
        table = file.read(columns=read)
    if table.num_rows > MAX_ITEMS:
        raise ValueError(f"over {MAX_ITEMS} rows")
    size = 0
    for column in texts:
        for codes in table[column].chunks:
            lengths = pc.binary_length(codes.dictionary).take(codes.indices).drop_null().to_numpy()
            size += int(lengths.sum())
            if lengths.max(initial=0) > _LONGEST or size > MAX_BYTES:
                raise ValueError(f"texts over {_LONGEST} bytes, or {MAX_BYTES} in all")
    types = {c: _TYPES.get(c) or (pa.string() if c in texts else None) for c in read}
    cast = [table[c].cast(types[c]) if types[c] else table[c] for c in read]
    return pa.table(dict(zip(read, cast, strict=True))).combine_chunks()


def _runs(table: pa.Table) -> Iterator[tuple[int, pa.Table]]:
    """Yield the rows of each run, with the number of the first of them."""
    run = np.zeros(table.num_rows, np.int64)
    for column in _PLACES:
        if column in table.column_names:
            codes = pc.dictionary_encode(table[column].combine_chunks(), null_encoding="encode")
            values = np.asarray(codes.indices.to_numpy(zero_copy_only=False), np.int64)
            _, run = np.unique(run * len(codes.dictionary) + values, return_inverse=True)
    order = np.argsort(run, kind="stable")
    starts = np.flatnonzero(np.diff(run[order], prepend=-1))
    if len(starts) > _MAX_RUNS:
        raise ValueError(f"{len(starts)} runs where at most {_MAX_RUNS} are read")
    for begin, end in zip(starts, [*starts[1:], len(order)], strict=True):
        yield int(order[begin]), table.take(pa.array(order[begin:end]))


def _outcomes(table: pa.Table) -> pa.Table:
    """Return the columns that a run has: those of other families of tasks are empty."""
    own = [c for c in _TYPES if c in table.column_names and table[c].null_count < table.num_rows]
    return table.select(own)
