"""Examples as a tokenizer has cut them: made once, kept in a folder, mapped into memory by every run.

A file is named by what it is of (data at their revision, tokenizer, family, lengths, code) and by the
SHA-256 of what it holds. One that is damaged or another's is thus noticed, and made again; nothing in
it is ever unpickled.
"""

from __future__ import annotations

import hashlib
import json
import secrets
import stat
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any, overload

import pyarrow as pa

from claims.record import canonical_json
from replication.batching import Feature

__all__ = ["Cut", "Tokenised", "kept"]

ENDING = ".arrow"

FORMS: dict[str, Callable[[list[int]], Any]] = {
    "none": lambda _: None,
    "int": lambda found: found[0],
    "tuple": tuple,
    "list": list,
}
"""How a target looks -> how it is made from the numbers that are kept of it."""

_SAID = b"corroborate"
_NUMBERS, _IDS = pa.large_list(pa.int64()), pa.large_list(pa.large_list(pa.int32()))
_TYPES = {"sequences": _IDS, "target": _NUMBERS, "weight": pa.int64(), "example": pa.int64()}
"""Of the columns that each table has, beside those of what families need."""


@dataclass(frozen=True, slots=True)
class Cut:
    """The features of some examples, and what else was found out when they were made."""

    features: Sequence[Feature]
    note: dict[str, Any]
    """JSON values, such as the number of examples."""


class Tokenised(Sequence[Feature]):
    """Features in a table, each made when it is asked for; token ids are views of the table."""

    def __init__(self, table: pa.Table, form: str) -> None:
        """Take a table of at least one row, in one piece, as `kept` writes it."""
        columns = {name: table.column(name).chunk(0) for name in table.column_names}
        sequences = columns.pop("sequences")
        self._features = sequences.offsets.to_numpy()
        self._sequences = sequences.values.offsets.to_numpy()
        self._ids = sequences.values.values.to_numpy()
        self._weights = columns.pop("weight").to_numpy()
        self._examples = columns.pop("example").to_numpy()
        self._numbers = {
            name: (column.offsets.to_numpy(), column.values.to_numpy())
            for name, column in columns.items()
        }
        self._target = FORMS[form]

    def __len__(self) -> int:
        return len(self._weights)

    @overload
    def __getitem__(self, index: int) -> Feature: ...
    @overload
    def __getitem__(self, index: slice) -> list[Feature]: ...
    def __getitem__(self, index: int | slice) -> Feature | list[Feature]:
        if isinstance(index, slice):
            return [self[i] for i in range(*index.indices(len(self)))]
        at = range(len(self))[index]
        bounds = self._sequences[self._features[at] : self._features[at + 1] + 1].tolist()
        numbers = {
            name: values[offsets[at] : offsets[at + 1]].tolist()
            for name, (offsets, values) in self._numbers.items()
        }
        return Feature(
            [self._ids[begin:end] for begin, end in pairwise(bounds)],
            self._target(numbers.pop("target")),
            weight=int(self._weights[at]),
            example=int(self._examples[at]),
            extra={name.removeprefix("extra."): found for name, found in numbers.items()},
        )


def kept(folder: Path | None, what: Mapping[str, Any] | None, make: Callable[[], Cut]) -> Cut:
    """Return features from the folder, or make them and keep them there.

    Where they cannot be kept (no room, no right to write, a form that no column has) they are
    returned as they were made. Any number of processes may do this at once.

    Args:
        folder: shared by all who want the same; None to keep nothing.
        what: all that the features depend on, as JSON values; None likewise.
        make: reads and tokenises.
    """
    if folder is None or what is None:
        return make()
    key = hashlib.sha256(canonical_json(what).encode()).hexdigest()
    for path in sorted(folder.glob(f"{key}-*{ENDING}")):
        if (found := _opened(path, what)) is not None:
            return found
        with suppress(OSError):
            path.unlink()
    made = make()
    if (table := _table(made, what)) is None:
        return made
    beside = folder / f"{key}-{secrets.token_hex(8)}.partial"
    try:
        with pa.OSFile(str(beside), "wb") as file, pa.ipc.new_file(file, table.schema) as writer:
            writer.write_table(table)
        with beside.open("rb") as written:
            digest = hashlib.file_digest(written, "sha256").hexdigest()
        # not forced to the disk: what a crash leaves half written has another digest
        path = beside.replace(folder / f"{key}-{digest}{ENDING}")
        return _opened(path, what) or made
    except OSError:
        return made
    finally:
        with suppress(OSError):
            beside.unlink(missing_ok=True)


def _table(cut: Cut, what: Mapping[str, Any]) -> pa.Table | None:
    """Return features as a table; None where some column cannot hold what they say."""
    features = cut.features
    names = sorted(features[0].extra) if features else []
    targets = [f.target for f in features]
    form = _form(targets)
    if form is None or any(sorted(f.extra) != names for f in features):
        return None
    numbers = [[t] if form == "int" else t or [] for t in targets]
    columns: dict[str, list[Any]] = {"sequences": [f.sequences for f in features]}
    columns["target"] = numbers
    columns["weight"] = [f.weight for f in features]
    columns["example"] = [f.example for f in features]
    for name in names:
        columns[f"extra.{name}"] = found = [f.extra[name] for f in features]
        if not all(_plain(x) for x in found):
            return None
    said = canonical_json({"what": what, "note": cut.note, "target": form})
    try:
        table = pa.table({n: pa.array(v, _TYPES.get(n, _NUMBERS)) for n, v in columns.items()})
    except (pa.ArrowException, TypeError, OverflowError):
        return None
    return table.replace_schema_metadata({_SAID: said.encode()})


def _form(targets: Sequence[Any]) -> str | None:
    """Return what all targets look like; None where they differ, or hold more than numbers."""
    kinds = {type(t) for t in targets}
    if len(kinds) != 1:
        return None
    (kind,) = kinds
    if kind is type(None):
        return "none"
    if kind is int:
        return "int"
    plain = kind in (tuple, list) and all(_plain(list(t)) for t in targets)
    return kind.__name__ if plain else None


def _plain(found: Any) -> bool:
    return type(found) is list and all(type(x) is int for x in found)


def _opened(path: Path, what: Mapping[str, Any]) -> Cut | None:
    """Return what a file holds; None where it is not whole, not of this, or cannot be read."""
    try:
        if not stat.S_ISREG(path.lstat().st_mode):
            return None
        with pa.memory_map(str(path)) as file:
            content = file.read_buffer()
        if hashlib.sha256(content).hexdigest() != path.stem.rpartition("-")[2]:
            return None
        table = pa.ipc.open_file(pa.BufferReader(content)).read_all()
        table.validate(full=True)
        said = json.loads(table.schema.metadata[_SAID])
        if not _ours(table) or canonical_json(said["what"]) != canonical_json(what):
            return None
        return Cut(Tokenised(table, said["target"]), said["note"])
    except (
        OSError,
        ValueError,
        KeyError,
        TypeError,
        AttributeError,
        IndexError,
        RecursionError,
        pa.ArrowException,
    ):
        return None


def _ours(table: pa.Table) -> bool:
    """Whether a table has the columns that `_table` makes and no others, in one piece, all filled."""
    extra = [name for name in table.column_names if name.startswith("extra.")]
    types = dict.fromkeys(extra, _NUMBERS) | _TYPES
    filled = all(c.num_chunks == 1 and not c.null_count for c in table.columns)
    found = sorted((field.name, str(field.type)) for field in table.schema)
    return filled and found == sorted((name, str(kind)) for name, kind in types.items())
