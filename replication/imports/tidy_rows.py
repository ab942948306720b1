"""Which score is a row of a tidy table, and what is wrong with it?

Light: imports neither torch nor transformers nor datasets.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from claims.estimand import Condition, Split
from replication.imports.cells import number_in, plain
from replication.imports.faults import Faults, shown
from replication.imports.score import Given, Score, Seed, points
from replication.imports.settled import Place, Said, Trained, checked, spelled_once
from replication.imports.tables import MAX_ROWS, Row
from replication.origin import Raw, Scale

__all__ = ["COLUMNS", "Rows", "RunPlace"]

COLUMNS = (
    "base", "intermediate", "mlm", "target", "language", "split", "metric", "seed", "score", "n",
)  # fmt: skip
"""Columns of a tidy table; every other one is left out."""

_FIELDS = {column: "task" if column == "target" else column for column in COLUMNS}
"""Column -> field of `Given`; a score is none."""
_MOST_EXTRA = 1000
"""Columns left out that are told."""
_NEEDED = ("target", "language", "split", "metric", "score")


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
        self.given = checked(given, faults)
        self.faults = faults
        self._found: dict[_Cell, _Found] = {}
        self._seedless: set[str] = set()
        self._read = 0
        self._largest = 0.0
        """Of all scores, also those of rows with other faults, since it tells the scale."""
        self._bases: dict[str, tuple[str, str]] = {}

    def complete(self, path: str, columns: tuple[str, ...]) -> bool:
        """Return whether a table has every column that nobody gives; else tell the faults."""
        absent = [
            c for c in _NEEDED if c not in columns and getattr(self.given, _FIELDS[c], None) is None
        ]
        for column in absent:
            given = "" if column == "score" else f", or --given {_FIELDS[column]}=..."
            self.faults.add(
                f"file '{path}': found no column '{column}' among "
                f"{', '.join(shown(c) for c in columns[:12])} ; expected one{given}."
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
            self._add_row(self._place(f"{path}, {at}"), path, at, row)

    def run_of(self, place: str, row: Mapping[str, object]) -> RunPlace | None:
        """Return which run cells without a score are about; null with a fault."""
        at = self._place(place)
        trained = self._trained(at, row)
        fields = at.fields({_FIELDS[c]: (_said(row, c),) for c in ("target", "split", "seed")})
        if trained is None or fields is None:
            return None
        return RunPlace(trained[0], fields["seed"], fields["task"], fields["split"])

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

    def _add_row(self, place: Place, path: str, at: str, row: Mapping[str, object]) -> None:
        trained = self._trained(place, row)
        fields = place.fields({field: (_said(row, c),) for c, field in _CELL.items()})
        value = self._score(place, plain(row.get("score")))
        if trained is None or fields is None or value is None:
            return
        n = fields.pop("n")
        cell = _Cell(trained[0], **fields)
        earlier = self._found.get(cell)
        if earlier is None:
            self._found[cell] = _Found(cell, trained[1], value, n, path, at)
            return
        hint = "Remove one of them."
        if cell.seed is None and "seed" not in row:
            if path not in self._seedless:  # every further row would say the same
                self._seedless.add(path)
                place.fault(
                    f"the same cell as in {earlier.path}, {earlier.at}, and no column 'seed' to tell "
                    "them apart",
                    "one, a whole number a row.",
                )
            return
        if cell.seed is None:
            hint = "Say the seeds, if it is another one."
        place.fault(f"the same cell as in {earlier.path}, {earlier.at}", f"each once. {hint}")

    def _place(self, where: str) -> Place:
        return Place(self.faults, self.given, where)

    def _score(self, place: Place, cell: object) -> float | None:
        try:
            value = number_in(cell)
        except ValueError as error:
            found, expected = ("nothing", "a value") if cell is None else (shown(cell), str(error))
            self.faults.add(f"{place.where}: column 'score': found {found} ; expected {expected}.")
            return None
        self._largest = max(self._largest, value)
        return value

    def _trained(self, place: Place, row: Mapping[str, object]) -> Trained | None:
        """Return what was trained, and the base as it is spelled; None with a fault."""
        before = self.faults.total
        trained = place.trained(*((_said(row, c),) for c in ("base", "intermediate", "mlm")))
        if trained is not None:
            spelled_once(self._bases, trained, place)
        return trained if self.faults.total == before else None


_CELL = {c: _FIELDS[c] for c in ("seed", "target", "language", "split", "metric", "n")}
"""Column -> field, of a cell and of how many examples are in it."""
_WHERE = {column: f"column '{column}'" for column in COLUMNS}


def _said(row: Mapping[str, object], column: str) -> Said:
    return _WHERE[column], plain(row.get(column))
