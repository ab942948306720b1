"""Which results of a paper do others print, and from where did they take them?

Such rows are data: what was printed, as text, with the source that was read. Nothing is concluded
here; `claims.reprints` compares them.
"""

from __future__ import annotations

import json
import re
import stat
from importlib import resources
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, StringConstraints, ValidationError, model_validator

from claims.errors import Fault, PublishedError
from claims.paper import Cell, slug
from claims.quantities import values_of
from claims.record import Name, Record, Text, Unknown
from claims.safe_yaml import DOCUMENT, read_yaml, shown
from claims.wording import faults_of

__all__ = [
    "MAX_BYTES",
    "Average",
    "Published",
    "PublishedRow",
    "is_published",
    "published_sets",
    "read_published",
]

MAX_BYTES = 2**20
"""Largest file read: 1 MiB."""
_SCHEMA = "corroborate/published@1"

Column = Annotated[str, StringConstraints(min_length=1, max_length=100, strip_whitespace=True)]


def _one_number(text: str) -> str:
    main = [q for q in values_of(text) if not q.aside]
    if len(main) != 1 or main[0].scale != 1 or main[0].unit == "times":
        raise ValueError(
            f"a score holds one number as printed, such as '73.8', without k or x, not {shown(text)}"
        )
    return text


Score = Annotated[str, StringConstraints(max_length=40), AfterValidator(_one_number)]
"""A number as printed, in quotes, so that its places are kept."""


class PublishedRow(Record):
    """A row of someone's table, as printed."""

    id: Name
    """Unique within the file."""
    system: Text
    """What was measured; rows of one system are compared with each other."""
    label: Text
    """What the row is called where it is printed."""
    source: Text
    """Who prints it."""
    table: Text | Unknown
    found_in: Text
    """The text in which it was read: the source itself, or a copy of it."""
    copied_from: Text | Unknown = "unknown"
    """Where the source says that it took the row from; `its own runs` where it measured itself."""
    note: Text | None = None
    scores: Annotated[dict[Column, Score], Field(min_length=1, max_length=100)]
    """Column -> the number as printed."""

    def cells(self) -> dict[str, Cell]:
        """Return the scores as cells of a table, by column."""
        where = self.source if self.table == "unknown" else f"{self.source}, {self.table}"
        return {
            column: Cell(
                address=f"published/{self.id}/{slug(column)}",
                place=f'{where}, row "{self.label}", column "{column}"',
                row=1,
                column=i,
                role="value",
                raw=printed,
                text=printed,
                quantities=values_of(printed),
                row_headers=(self.label,),
                column_headers=(column,),
            )
            for i, (column, printed) in enumerate(self.scores.items(), start=1)
        }


class Average(Record):
    """How a column follows from others of the same system."""

    name: Column
    """The column that holds it."""
    of: Annotated[tuple[Column | tuple[Column, ...], ...], Field(min_length=2, max_length=100)]
    """Columns; a list of them stands for their mean."""

    def columns(self) -> tuple[str, ...]:
        """Return the columns from which it follows, each once."""
        flat = [c for part in self.of for c in ((part,) if isinstance(part, str) else part)]
        return tuple(dict.fromkeys(flat))


class Published(Record):
    """Rows that others print, and how their averages are made."""

    schema_version: Literal["corroborate/published@1"] = Field(alias="schema")
    about: Text
    """What was measured on what: all rows of the file can be compared."""
    rows: Annotated[tuple[PublishedRow, ...], Field(min_length=1, max_length=100)]
    means: Annotated[tuple[Average, ...], Field(max_length=20)] = ()

    @model_validator(mode="after")
    def _coherent(self) -> Published:
        ids = [row.id for row in self.rows]
        twice = sorted({i for i in ids if ids.count(i) > 1})
        if twice:
            raise ValueError(f"row ids must differ, these occur twice: {', '.join(twice)}")
        columns = {column for row in self.rows for column in row.scores}
        for mean in self.means:
            unknown = sorted({mean.name, *mean.columns()} - columns)
            if unknown or () in mean.of:
                raise ValueError(
                    f"mean '{mean.name}' must be of columns that some row has; none has "
                    f"{', '.join(unknown) or 'an empty list'}"
                )
            if mean.name in mean.columns():
                raise ValueError(f"mean '{mean.name}' must not be of itself")
        return self


def published_sets() -> tuple[str, ...]:
    """Return the names of the files that come with the program, sorted."""
    folder = resources.files("claims.library").joinpath("published")
    return tuple(
        sorted(f.name.removesuffix(".yaml") for f in folder.iterdir() if f.name.endswith(".yaml"))
    )


def read_published(name: str) -> Published:
    """Read a file of published rows, or one that comes with the program.

    Args:
        name: a path, or one of `published_sets()`; what exists as a path is read as one.

    Raises:
        PublishedError: the file cannot be read or accepted; the message lists every fault.
    """
    document = read_yaml(_text(name))
    faults = list(document.faults)
    if not isinstance(document.value, dict):
        if not faults:
            expected = "a mapping with the fields schema, about and rows"
            faults.append(Fault(document.line(()), DOCUMENT, shown(document.value), expected))
        raise _faulty(name, faults)
    if document.value.get("schema") != _SCHEMA and ("schema",) not in document.unreadable:
        found = shown(document.value.get("schema"))
        faults.append(Fault(document.line(("schema",)), "schema", found, f"'{_SCHEMA}'"))
        raise _faulty(name, faults)
    published = None
    try:
        published = Published.model_validate_json(json.dumps(document.value), strict=True)
    except ValidationError as error:
        faults += faults_of(error, document, record=Published)
    if faults or published is None:
        raise _faulty(name, faults)
    return published


def is_published(path: str) -> bool:
    """Return whether a file says that it holds published rows; False where it cannot be read."""
    try:
        if not stat.S_ISREG(Path(path).stat().st_mode):
            return False
        with Path(path).open("rb") as file:
            start = file.read(MAX_BYTES)
    except (OSError, ValueError):
        return False
    lines = start.decode("utf-8", "replace").splitlines()
    return any(re.fullmatch(rf"schema:\s*[\"']?{_SCHEMA}[\"']?\s*", line) for line in lines)


def _text(name: str) -> str:
    path = Path(name)
    try:
        if path.exists():
            if not stat.S_ISREG(path.stat().st_mode):
                raise _refused(name, "something that is not a file", "a file of published rows")
            with path.open("rb") as file:
                data = file.read(MAX_BYTES + 1)
        elif name in published_sets():
            folder = resources.files("claims.library").joinpath("published")
            data = folder.joinpath(f"{name}.yaml").read_bytes()
        else:
            known = ", ".join(published_sets())
            raise _refused(name, "no such file", f"a path, or one of the bundled {known}")
    except (OSError, ValueError) as error:
        found = f"a file that cannot be opened ({type(error).__name__})"
        raise _refused(name, found, "a readable file") from None
    if len(data) > MAX_BYTES:
        raise _refused(name, f"more than {MAX_BYTES} bytes", f"at most {MAX_BYTES} bytes")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise _refused(name, "bytes that are no UTF-8", "text in UTF-8") from None


def _refused(name: str, found: str, expected: str) -> PublishedError:
    return PublishedError(
        f"published rows {name[:200]!r}: found {found} ; expected {expected}. Check --published."
    )


def _faulty(name: str, faults: list[Fault]) -> PublishedError:
    ordered = sorted(set(faults))
    lines = "\n".join(f"  {fault}" for fault in ordered[:100])
    plural = "fault" if len(ordered) == 1 else "faults"
    return PublishedError(f"published rows '{name}': {len(ordered)} {plural}\n{lines}")
