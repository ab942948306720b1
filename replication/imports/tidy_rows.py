"""Which score is a row of a tidy table, and what is wrong with it?

Light: imports neither torch nor transformers nor datasets.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple, get_args

from claims.estimand import Condition, Split
from replication.imports.cells import (
    ABSENT,
    count_in,
    name_in,
    number_in,
    plain,
    seed_in,
    tasks_in,
    truth_in,
)
from replication.imports.faults import Faults, shown
from replication.imports.score import Given, Score, Seed, points
from replication.imports.tables import MAX_ROWS, Row
from replication.origin import Raw, Scale
from replication.protocol import base_name

__all__ = ["COLUMNS", "Rows", "RunPlace"]

COLUMNS = (
    "base", "intermediate", "mlm", "target", "language", "split", "metric", "seed", "score", "n",
)  # fmt: skip
"""Columns of a tidy table; every other one is left out."""

_GIVEN = {"target": "task"}
"""Column -> field of `Given`, where they differ."""
_MOST_EXTRA = 1000
"""Columns left out that are told."""
_NEEDED = ("target", "language", "split", "metric", "score")
_SPLITS: tuple[str, ...] = get_args(Split)

_Parse = Callable[[object], Any]
"""Cell -> its value; raises ValueError with what it expected."""


def _text_in(value: object) -> str:
    if isinstance(value, str) and len(value) <= 300 and value not in ABSENT:
        return value
    raise ValueError("the name or hub id of a checkpoint or system, at most 300 characters")


def _split_in(value: object) -> str:
    if isinstance(value, str) and value in _SPLITS:
        return value
    raise ValueError(f"one of {', '.join(_SPLITS)}")


_PARSERS: dict[str, _Parse] = {
    "base": _text_in,
    "intermediate": tasks_in,
    "mlm": truth_in,
    "target": name_in,
    "language": name_in,
    "split": _split_in,
    "metric": name_in,
    "seed": seed_in,
    "score": number_in,
    "n": count_in,
}


def _or_given(column: str) -> str:
    field = _GIVEN.get(column, column)
    return f", or --given {field}=..." if field in Given.model_fields else ""


class RunPlace(NamedTuple):
    """What the items of one run are of."""

    condition: Condition
    seed: Seed | None
    task: str
    split: Split


@dataclass(frozen=True, slots=True)
class _Cell:
    """What a score is of: each may stand in an import once."""

    condition: Condition
    seed: Seed | None
    task: str
    language: str
    split: Split
    metric: str


@dataclass(frozen=True, slots=True)
class _Found:
    """One row that is in order, but for its scale, which all rows together tell."""

    cell: _Cell
    checkpoint: str | None
    value: float
    n: int | None
    path: str
    at: str


class Rows:
    """Turns rows into scores, and collects what is wrong with them."""

    def __init__(self, given: Given, faults: Faults) -> None:
        """Begin without rows.

        Args:
            given: what the rows do not say.
            faults: what is wrong is added here.
        """
        self.given = given
        self.faults = faults
        self._found: dict[_Cell, _Found] = {}
        self._seedless: set[str] = set()
        self._read = 0
        self._largest = 0.0
        """Of all scores, also those of rows with other faults, since it tells the scale."""
        self._conditions: dict[tuple[object, ...], Condition] = {}
        self._bases: dict[str, tuple[str, str]] = {}
        self._given: dict[str, Any] = {}
        for column, parse in _PARSERS.items():
            value = getattr(given, _GIVEN.get(column, column), None)
            try:
                self._given[column] = None if value is None else parse(value)
            except ValueError as error:
                faults.add(f"--given {column}: found {shown(value)} ; expected {error}.")

    def complete(self, path: str, columns: tuple[str, ...]) -> bool:
        """Return whether a table has every column that nobody gives; else tell the faults."""
        absent = [c for c in _NEEDED if c not in columns and self._given.get(c) is None]
        for column in absent:
            self.faults.add(
                f"file '{path}': found no column '{column}' among "
                f"{', '.join(shown(c) for c in columns[:12])} ; expected one{_or_given(column)}."
            )
        return not absent

    def add(self, path: str, rows: Iterable[Row], extra: dict[str, None] | None = None) -> None:
        """Read rows of one source.

        Args:
            path: the source, as `Raw.path` names it.
            rows: where each stands, and its cells.
            extra: keys of rows that are no columns are collected here, at most 1000.
        """
        for at, row in rows:
            self._read += 1
            if self._read > MAX_ROWS:
                self.faults.add(
                    f"{path}, {at}: found over {MAX_ROWS} rows ; expected fewer. Import the parts one "
                    "by one, each into its own store."
                )
                return
            if not isinstance(row, Mapping):
                self.faults.add(f"{path}, {at}: found {shown(row)} ; expected columns with values.")
                continue
            if extra is not None and len(extra) < _MOST_EXTRA:
                extra.update((str(key), None) for key in row if key not in COLUMNS)
            self._add_row(f"{path}, {at}", path, at, row)

    def run_of(self, place: str, row: Mapping[str, object]) -> RunPlace | None:
        """Return which run cells without a score are about; null with a fault."""
        before = self.faults.total
        condition, _ = self._condition(place, row)
        task, split = (self._needed(place, row, column) for column in ("target", "split"))
        seed = self._said(place, row, "seed")
        return None if self.faults.total > before else RunPlace(condition, seed, task, split)

    def scores(self) -> tuple[Score, ...]:
        """Return the scores of all rows in order, in their order, on the scale of all of them."""
        scale = self.given.scale or "points"
        rows = self._within(scale)
        return tuple(
            Score(
                condition=row.cell.condition,
                checkpoint=row.checkpoint,
                seed=row.cell.seed,
                task=row.cell.task,
                language=row.cell.language,
                split=row.cell.split,
                metric=row.cell.metric,
                points=points(row.value, scale),
                n=row.n,
                raw=Raw(value=row.value, scale=scale, path=row.path, at=row.at),
            )
            for row in rows
        )

    def _within(self, scale: Scale) -> list[_Found]:
        """Return the rows whose score lies on the scale, and tell which do not, or may not."""
        rows = list(self._found.values())
        top = 1 if scale == "fraction" else 100
        small = [row for row in rows if 0 < row.value <= 1] if self.given.scale is None else []
        if small and self._largest <= 1:
            self.faults.add(
                f"{small[0].path}: found no score above 1 ; expected to be told whether they are points "
                "or fractions. Add --given scale=points or --given scale=fraction."
            )
            return []
        for row in small:
            self.faults.add(
                f"{row.path}, {row.at}: column 'score': found {row.value!r} beside scores above 1 ; "
                "expected all on one scale. Mend it, or add --given scale=points if it is meant."
            )
        for row in rows:
            if not 0 <= row.value <= top:
                self.faults.add(
                    f"{row.path}, {row.at}: column 'score': found {row.value!r} ; expected 0 to {top}."
                )
        return [row for row in rows if 0 <= row.value <= top]

    def _add_row(self, place: str, path: str, at: str, row: Mapping[str, object]) -> None:
        before = self.faults.total
        condition, checkpoint = self._condition(place, row)
        task, language, metric = (
            self._needed(place, row, column) for column in ("target", "language", "metric")
        )
        split = self._needed(place, row, "split")
        seed = self._said(place, row, "seed")
        n = self._said(place, row, "n")
        value = self._needed(place, row, "score")
        self._largest = max(self._largest, value or 0.0)
        if self.faults.total > before:
            return
        cell = _Cell(condition, seed, task, language, split, metric)
        earlier = self._found.get(cell)
        if earlier is not None and seed is None and "seed" not in row:
            if path not in self._seedless:  # every further row would say the same
                self._seedless.add(path)
                self.faults.add(
                    f"{place}: found the same cell as in {earlier.path}, {earlier.at}, and no column "
                    "'seed' to tell them apart ; expected one, a whole number a row."
                )
            return
        if earlier is not None:
            hint = (
                " Say the seeds, if it is another one." if seed is None else " Remove one of them."
            )
            self.faults.add(
                f"{place}: found the same cell as in {earlier.path}, {earlier.at} ; expected each once."
                f"{hint}"
            )
            return
        self._found[cell] = _Found(cell, checkpoint, value, n, path, at)

    def _condition(self, place: str, row: Mapping[str, object]) -> tuple[Condition, str | None]:
        """Return what was trained, and the base as it is spelled; `protocol` with a fault."""
        base = self._said(place, row, "base")
        tasks = self._said(place, row, "intermediate")
        mlm = self._said(place, row, "mlm") or False
        checkpoint = None if base in {None, "protocol"} else base
        name = "protocol" if checkpoint is None else self._base(place, checkpoint)
        key = (name, tasks, mlm)
        if key not in self._conditions:
            names = () if tasks is None or tasks == "none" else tuple(tasks.split("+"))
            self._conditions[key] = Condition(base=name, intermediate=names, mlm=mlm)
        return self._conditions[key], checkpoint

    def _base(self, place: str, checkpoint: str) -> str:
        name = base_name(checkpoint)
        if name is None or name == "protocol" or len(checkpoint) > 300:
            self.faults.add(
                f"{place}: column 'base': found {shown(checkpoint)} ; expected a checkpoint or system "
                "whose last part is a name of letters, digits and `_.+-`."
            )
            return "protocol"
        spelled, first = self._bases.setdefault(name, (checkpoint, place))
        if spelled != checkpoint:
            self.faults.add(
                f"{place}: column 'base': found {shown(checkpoint)} beside {shown(spelled)} in {first} "
                f"; expected one spelling, since both are called '{name}'. Give each a name of its own."
            )
        return name

    def _needed(self, place: str, row: Mapping[str, object], column: str) -> Any:
        before = self.faults.total
        value = self._said(place, row, column)
        if value is None and self.faults.total == before:
            self.faults.add(
                f"{place}: column '{column}': found nothing ; expected a value{_or_given(column)}."
            )
        return value

    def _said(self, place: str, row: Mapping[str, object], column: str) -> Any:
        """Return a cell's value, or else the given one; null where neither says it, or with a fault."""
        given = self._given.get(column)
        cell = plain(row.get(column))
        if cell is None:
            return given
        try:
            value = _PARSERS[column](cell)
        except ValueError as error:
            self.faults.add(f"{place}: column '{column}': found {shown(cell)} ; expected {error}.")
            return None
        if given is not None and value != given:
            field = _GIVEN.get(column, column)
            self.faults.add(
                f"{place}: column '{column}': found {shown(value)} where --given {field}={given} says "
                "another thing ; expected one of them. Leave out what is wrong."
            )
        return value
