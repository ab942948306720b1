"""What came of every example of an evaluation run, read back and compared with the run's own scores?

One run at a time and within fixed bounds, since the file may be anybody's. Ids stay in Arrow's
buffers: two runs that list the same ids in the same order are compared by one pass over bytes.
Light: imports neither torch nor transformers nor datasets.
"""

from __future__ import annotations

import hashlib
import stat
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from claims.estimand import Split
from replication.errors import StoreError
from replication.run import Measurement, Run

__all__ = [
    "ITEMS",
    "MAX_BYTES",
    "MAX_ITEMS",
    "ItemOutcomes",
    "LanguageItems",
    "outcomes_of",
    "positions",
    "read_items",
    "score_faults",
    "write_items",
]

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]

ITEMS = "items.parquet"
"""Artifact of every evaluation run: one row an example."""

MAX_ITEMS = 5_000_000
"""Most rows of one run; XTREME's largest task has some 150,000."""

MAX_BYTES = 256 * 2**20
"""Largest file read, and most bytes of text kept of it."""

_TEXT_BYTES = 1000
"""Longest id, language or passage."""
_BATCH = 2**16
_MOST_PER_ITEM = 1_000_000
"""Largest count of one example; sums of them stay exact in float64."""
_MOST_FAULTS = 6
_TOLERANCE = 1e-6
"""Points between a score and what the items give: sums taken in another order, no more."""

_OUTCOMES = ({"accuracy"}, {"f1", "exact_match"}, {"matched", "predicted", "gold"})
_COUNTS = ("matched", "predicted", "gold")
_ADVICE = "Leave the run out, or run it again into a new store."


@dataclass(frozen=True, slots=True, eq=False)
class LanguageItems:
    """The outcomes of one run in one language, in the order of the run's examples."""

    ids: pa.StringArray
    """(n,) distinct ids; a data set without ids has language and row number, as in `de-17`."""
    outcomes: Mapping[str, Floats]
    """`accuracy`, or `f1` and `exact_match`, in [0, 1]; or the counts `matched`, `predicted` and
    `gold`, of which a corpus score is made. Each (n,)."""
    passages: pa.StringArray | None = None
    """(n,) the passage that each question is about; None where there are no passages, and in runs
    made before they were kept."""

    @property
    def n(self) -> int:
        """Number of examples."""
        return len(self.ids)

    @property
    def nbytes(self) -> int:
        """Memory that ids, passages and outcomes take."""
        texts = self.ids.nbytes + (0 if self.passages is None else self.passages.nbytes)
        return int(texts + sum(values.nbytes for values in self.outcomes.values()))

    def take(self, chosen: Integers) -> LanguageItems:
        """Return the examples at these places, in this order."""
        places = pa.array(chosen, pa.int64())
        return LanguageItems(
            self.ids.take(places),
            {name: values[chosen] for name, values in self.outcomes.items()},
            None if self.passages is None else self.passages.take(places),
        )

    def score(self, metric: str) -> float:
        """Return a metric in points: a mean over items, or micro F1 from summed counts.

        Micro F1 is 200 * matched / (predicted + gold), and 0 where nothing is found and nothing true.

        Raises:
            KeyError: the items do not give this metric.
        """
        if metric == "f1" and "matched" in self.outcomes:
            matched, predicted, gold = (float(self.outcomes[c].sum()) for c in _COUNTS)
            return 200.0 * matched / (predicted + gold) if predicted + gold else 0.0
        return 100.0 * float(self.outcomes[metric].mean())


@dataclass(frozen=True, slots=True, eq=False)
class ItemOutcomes:
    """The outcomes of one evaluation run: one task on one split."""

    task: str
    split: Split
    languages: Mapping[str, LanguageItems]
    """Language code -> its items; sorted by code."""

    @property
    def nbytes(self) -> int:
        """Memory that ids, passages and outcomes take."""
        return sum(items.nbytes for items in self.languages.values())


def positions(wanted: pa.StringArray, present: pa.StringArray) -> Integers:
    """Return where each wanted id stands among those present; -1 where it does not.

    Linear in the number of ids; equal lists take one comparison of their bytes.
    """
    if wanted.equals(present):
        return np.arange(len(wanted), dtype=np.int64)
    found = pc.index_in(wanted, value_set=present)
    return np.asarray(pc.fill_null(found, -1).to_numpy(zero_copy_only=False), dtype=np.int64)


def read_items(folder: Path, run: Run) -> ItemOutcomes:
    """Return the item outcomes of a finished evaluation run.

    Args:
        folder: the run's own, as `Store.folder` says.
        run: its record, which says the file's SHA-256 and the scores that must follow from it.

    Raises:
        StoreError: the file is missing, too large, not the one that the run wrote, holds anything
            but one row an example with outcomes in range, or gives other scores than the run's.
    """
    try:
        languages = _checked(folder, run)
    except _FaultError as fault:
        found, expected = fault.args
        raise StoreError(
            f"run '{run.spec_digest[:12]}' ({run.spec.title()}): {ITEMS}: found {found} ; "
            f"expected {expected}. {_ADVICE}"
        ) from fault
    (use,) = run.spec.data
    return ItemOutcomes(use.name, run.measurements[0].split, languages)


def write_items(folder: Path, items: ItemOutcomes) -> None:
    """Write outcomes that came from elsewhere beside a run's record, as `read_items` reads them."""
    tables = []
    for code, found in items.languages.items():
        columns: dict[str, Any] = {"language": pa.array([code] * found.n, pa.string())}
        columns |= {"id": found.ids}
        columns |= {} if found.passages is None else {"passage": found.passages}
        columns |= {
            name: pa.array(values).cast(_type(name)) for name, values in found.outcomes.items()
        }
        tables.append(pa.table(columns))
    pq.write_table(pa.concat_tables(tables), folder / ITEMS, compression="zstd")


def outcomes_of(table: pa.Table) -> dict[str, LanguageItems]:
    """Return the outcomes in a table with the columns of `items.parquet`, sorted by language.

    Raises:
        ValueError: it has other columns, a cell without a value, or outcomes out of range.
    """
    try:
        columns = _checked_columns(table.schema)
        rows = table.select(columns).combine_chunks()
        languages = _by_language(
            pa.Table.from_batches(_plain(iter(rows.to_batches())), rows.schema)
        )
    except _FaultError as fault:
        found, expected = fault.args
        raise ValueError(f"found {found} ; expected {expected}") from fault
    if faults := list(_item_faults(languages)):
        more = f" and {len(faults) - _MOST_FAULTS} more" if len(faults) > _MOST_FAULTS else ""
        raise ValueError(
            f"found {'; '.join(faults[:_MOST_FAULTS])}{more} ; expected one row an example"
        )
    return languages


class _FaultError(Exception):
    """What was found, and what was expected; never leaves this module."""


def _checked(folder: Path, run: Run) -> dict[str, LanguageItems]:
    _check_run(run)
    languages = _by_language(_table(_content(folder / ITEMS, run)))
    faults = [*_item_faults(languages), *score_faults(languages, run.measurements)]
    if faults:
        more = len(faults) - _MOST_FAULTS
        said = [*faults[:_MOST_FAULTS], *([f"{more} more faults"] if more > 0 else [])]
        raise _FaultError("; ".join(said), "one row an example that gives the run's scores")
    return languages


def _check_run(run: Run) -> None:
    measured = {(m.task, m.split) for m in run.measurements}
    if run.status != "finished" or run.spec.phase != "evaluation" or len(measured) != 1:
        found = f"a {run.status} {run.spec.phase} run with scores of {len(measured)} tasks"
        raise _FaultError(found, "a finished evaluation run with scores of one")
    if measured != {(use.name, use.split) for use in run.spec.data}:
        ((task, split),) = measured
        raise _FaultError(f"scores of '{task}' on {split}", "those of the data of the run's spec")


def _content(path: Path, run: Run) -> bytes:
    """Return the file's bytes, read once and hashed, so that what is parsed is what was checked."""
    wanted = run.artifacts.get(ITEMS)
    if wanted is None:
        raise _FaultError("no such artifact in the run's record", "one of every evaluation run")
    try:
        status = path.lstat()
        if not stat.S_ISREG(status.st_mode) or status.st_size > MAX_BYTES:
            raise _FaultError("a link, a special file or too large a file", _whole())
        with path.open("rb") as file:
            content = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise _FaultError(f"no readable file ({type(error).__name__})", _whole()) from error
    digest = hashlib.sha256(content).hexdigest()
    if digest != wanted:
        raise _FaultError(f"SHA-256 {digest[:16]}", f"{wanted[:16]}, as the run's record says")
    return content


def _whole() -> str:
    return f"a plain file of at most {MAX_BYTES} bytes"


def _table(content: bytes) -> pa.Table:
    """Return the file's rows, if it holds the columns of ours and no others.

    Text is read as codes into a dictionary, since a few bytes can hold any number of long strings.
    """
    try:
        with pq.ParquetFile(pa.BufferReader(content)) as file:
            columns = _checked_columns(file.schema_arrow)
            _check_rows(file.metadata.num_rows)
        texts = [name for name in columns if name in {"id", "language", "passage"}]
        with pq.ParquetFile(pa.BufferReader(content), read_dictionary=texts) as file:
            batches = list(_plain(file.iter_batches(_BATCH, columns=columns)))
            schema = pa.schema([(name, _type(name)) for name in columns])
        table = pa.Table.from_batches(batches, schema).combine_chunks()
        table.validate(full=True)
    except (pa.ArrowException, OSError, ValueError, TypeError, LookupError) as error:
        said = " ".join(str(error).split())[:200]
        raise _FaultError(f"no Parquet of that shape ({said})", "the file as written") from error
    return table


def _check_rows(rows: int) -> None:
    if rows > MAX_ITEMS:
        raise _FaultError(f"{rows} rows or more", f"at most {MAX_ITEMS}")


def _checked_columns(schema: pa.Schema) -> list[str]:
    """Return the columns in one order, whatever the file's."""
    names = set(schema.names) - {"language", "id"}
    fitting = names in _OUTCOMES or names == {"passage", "f1", "exact_match"}
    if not fitting or sorted(schema.names) != sorted([*names, "language", "id"]):
        found = ", ".join(f"{n[:40]!r}" for n in schema.names[:12]) or "none"
        sets = " or ".join(", ".join(sorted(s)) for s in _OUTCOMES)
        raise _FaultError(f"columns {found}", f"language, id, and {sets}; beside f1 also passage")
    columns = ["language", "id", *sorted(names)]
    odd = [f"{n} of type {schema.field(n).type}"[:80] for n in columns if not _fits(schema, n)]
    if odd:
        raise _FaultError(", ".join(odd), "text, float64 outcomes and int64 counts")
    return columns


def _fits(schema: pa.Schema, name: str) -> bool:
    return bool(schema.field(name).type == _type(name))


def _type(name: str) -> pa.DataType:
    if name in {"language", "id", "passage"}:
        return pa.string()
    return pa.int64() if name in _COUNTS else pa.float64()


def _plain(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """Yield batches with text in place of codes, and stop before more is kept than the bounds allow."""
    rows = size = 0
    for batch in batches:
        rows += batch.num_rows
        _check_rows(rows)  # again, since what a file says of itself may be wrong
        absent = [n for n in batch.schema.names if batch[n].null_count]
        if absent:
            raise _FaultError(f"no value in column {', '.join(absent)}", "a value everywhere")
        columns = []
        for column in batch.columns:
            if not pa.types.is_dictionary(column.type):
                columns.append(column)
                continue
            lengths = pc.binary_length(column.dictionary).take(column.indices).to_numpy()
            size += int(lengths.sum())
            if lengths.max(initial=0) > _TEXT_BYTES or size > MAX_BYTES:
                bounds = f"at most {_TEXT_BYTES} bytes a value and {MAX_BYTES} in all"
                raise _FaultError("too long texts", bounds)
            columns.append(column.dictionary_decode())
        yield pa.RecordBatch.from_arrays(columns, names=batch.schema.names)


def _by_language(table: pa.Table) -> dict[str, LanguageItems]:
    """Return the rows of each language, in the file's order; languages sorted."""
    coded = _array(table, "language").dictionary_encode()
    codes = np.asarray(coded.indices.to_numpy(), dtype=np.int64)
    if bool((np.diff(codes) < 0).any()):
        order = np.argsort(codes, kind="stable")
        table, codes = table.take(pa.array(order)), codes[order]
    ends = np.searchsorted(codes, np.arange(len(coded.dictionary)), side="right")
    found, begin = {}, 0
    for code, end in zip(coded.dictionary.to_pylist(), ends.tolist(), strict=True):
        found[code] = _items(table.slice(begin, end - begin))
        begin = end
    return dict(sorted(found.items()))


def _items(rows: pa.Table) -> LanguageItems:
    outcomes: dict[str, Floats] = {}
    for name in rows.column_names:
        if name not in {"language", "id", "passage"}:
            values = rows[name].to_numpy().astype(np.float64)
            values.setflags(write=False)
            outcomes[name] = values
    passages = _array(rows, "passage") if "passage" in rows.column_names else None
    return LanguageItems(_array(rows, "id"), outcomes, passages)


def _array(table: pa.Table, column: str) -> Any:
    """Return a column in one piece; a table without rows may have no piece at all."""
    return pa.concat_arrays([pa.array([], _type(column)), *table[column].chunks])


def _item_faults(languages: Mapping[str, LanguageItems]) -> Iterator[str]:
    for code, items in languages.items():
        where = f"in '{code[:40]}'"
        distinct = pc.count_distinct(items.ids).as_py()
        if distinct != items.n:
            yield f"{items.n - distinct} repeated ids {where}"
        most = _MOST_PER_ITEM if "matched" in items.outcomes else 1
        for name, values in items.outcomes.items():
            wrong = np.flatnonzero(~((values >= 0) & (values <= most)))  # not a number is neither
            if wrong.size:
                yield f"{name} {values[wrong[0]]:g} {where}, not from 0 to {most}"
        if "matched" in items.outcomes:
            matched, predicted, gold = (items.outcomes[name] for name in _COUNTS)
            more = np.count_nonzero(matched > np.minimum(predicted, gold))
            if more:
                yield f"{more} examples {where} with more matched than predicted or gold"


def score_faults(
    languages: Mapping[str, LanguageItems], measurements: Sequence[Measurement]
) -> Iterator[str]:
    """Yield in what a run's scores are not those that its items give."""
    measured = {m.language for m in measurements}
    for code in sorted(measured - set(languages)):
        yield f"no items in '{code}', which has a score"
    for code in sorted(set(languages) - measured):
        yield f"items in '{code[:40]}', which has no score"
    for m in measurements:
        items = languages.get(m.language)
        if items is None:
            continue
        if items.n != m.n:
            yield f"{items.n} items in '{m.language}' where {m.n} were scored"
        counted = m.metric == "f1" and "matched" in items.outcomes
        if not counted and m.metric not in items.outcomes:
            yield f"no outcomes of the measured {m.metric} in '{m.language}'"
        elif not abs(items.score(m.metric) - m.score) <= _TOLERANCE:
            given = items.score(m.metric)
            yield f"{m.metric} {given:.6f} from the items in '{m.language}', {m.score:.6f} in the run"
