"""What a paper's text holds once it is read: passages, tables and cells, each with its address.

Readers of every format fill the same records, so that whoever checks a claim need not know whether
the paper came as LaTeX, HTML, PDF or plain text.
"""

from __future__ import annotations

import re
from fractions import Fraction
from typing import Annotated, Literal, NamedTuple

from pydantic import Field, StringConstraints

from claims.record import Record

__all__ = [
    "Address",
    "Cell",
    "Emphasis",
    "Interval",
    "PaperText",
    "Passage",
    "Quantity",
    "Table",
    "Unit",
    "finer",
    "slug",
]

Unit = Literal["percent", "points", "times", "none"]
"""What a number is counted in; `times` is a factor such as 2.5x."""

Emphasis = Literal["bold", "italic", "underline", "struck"]
Address = Annotated[str, StringConstraints(min_length=1, max_length=200)]
_NOT_IN_SLUG = re.compile(r"[^A-Za-z0-9:_.+]+")


class Interval(NamedTuple):
    """All numbers from `low` to `high`, both included, without rounding errors of their own."""

    low: Fraction
    high: Fraction


class Quantity(Record):
    """One printed number: what it says, and which numbers may stand behind it."""

    raw: str
    """The characters that were printed for it, sign and unit included."""
    value: float
    """The number as printed, in units of `scale`: 392.7 for `392.7k`."""
    decimals: Annotated[int, Field(ge=-30, le=30)] = 0
    """Printed places after the decimal sign; negative for `1.5e3`, which is exact to hundreds."""
    unit: Unit = "none"
    """The unit printed with the number itself; a cell may also have one from its headers."""
    scale: Annotated[float, Field(gt=0)] = 1.0
    """What one unit of `value` counts: 1000 for `392.7k`."""
    signed: bool = False
    """Whether a plus, a minus or an arrow was printed, as it is for differences."""
    spread: float | None = None
    """The number after ±, in units of `scale`; what it measures is for the paper to say."""
    aside: bool = False
    """Whether it stands in parentheses, raised or lowered, beside the main number."""

    @property
    def exact(self) -> Fraction:
        """The printed number without the error of binary floats, in units of `scale`."""
        return Fraction(repr(self.value))

    @property
    def rounded(self) -> Interval:
        """The numbers that print like this when rounded; half a unit of the last place each way."""
        half = Fraction(10) ** -self.decimals / 2
        return Interval(self.exact - half, self.exact + half)

    @property
    def truncated(self) -> Interval:
        """The numbers that print like this when further digits are cut off, towards zero."""
        step = Fraction(10) ** -self.decimals
        if self.value == 0:
            return Interval(-step, step)
        away = step if self.value > 0 else -step
        return Interval(*sorted((self.exact, self.exact + away)))


def finer(one: Quantity, other: Quantity) -> bool:
    """Return whether one number, rounded or cut off to the places of the other, prints like it.

    Not where both have as many places: they are the same then, or differ; nor with another spread.
    Units and scales are the caller's to compare.
    """
    coarse, fine = sorted((one, other), key=lambda q: q.decimals)
    if coarse.decimals == fine.decimals or one.spread != other.spread:
        return False
    return any(i.low <= fine.exact <= i.high for i in (coarse.rounded, coarse.truncated))


class Cell(Record):
    """One cell of a table, at the place where its upper left corner lies on the grid."""

    address: Address
    """Machine form, such as `tables/tab:main/r3c4`."""
    place: str
    """Human form, such as `table 2, row "XNLI", column "acc"`."""
    row: Annotated[int, Field(ge=1)]
    """Row of the grid from 1, header rows counted."""
    column: Annotated[int, Field(ge=1)]
    """Column of the grid from 1, header columns counted."""
    row_span: Annotated[int, Field(ge=1)] = 1
    column_span: Annotated[int, Field(ge=1)] = 1
    role: Literal["value", "text", "column_header", "row_header", "group"]
    """`group` is a header over the rows below it; `text` a cell of the body without a number."""
    raw: str
    """The cell as written, in LaTeX after its macros were expanded."""
    text: str
    """The cell as a reader sees it."""
    quantities: tuple[Quantity, ...] = ()
    """Every number of the cell in its order; empty where a number is only part of a name."""
    unit: Unit = "none"
    """Unit of the main number: its own, else the one that its headers or the caption state."""
    scale: Annotated[float, Field(gt=0)] = 1.0
    """What one unit of the main number counts, by its own suffix or its headers."""
    emphasis: tuple[Emphasis, ...] = ()
    """Emphasis of the main number, or of the text where there is none; sorted."""
    colours: tuple[str, ...] = ()
    """Colours of text and ground as named in the source; sorted."""
    row_headers: tuple[str, ...] = ()
    """Groups first, then the header columns from left to right."""
    column_headers: tuple[str, ...] = ()
    """From top to bottom."""

    @property
    def main(self) -> Quantity | None:
        """The main number of the cell, the first that is no aside; None where it has none."""
        return next((q for q in self.quantities if not q.aside), None)

    @property
    def value(self) -> float | None:
        """The main number as printed; None where the cell has none."""
        return self.main.value if self.main else None


class Table(Record):
    """One table of a paper."""

    address: Address
    """Machine form: `tables/` and the label, or the number where there is no label."""
    place: str
    """Human form, such as `table 2`."""
    number: Annotated[int, Field(ge=0)]
    """Number in the order of the paper, 0 for one without a caption of its own."""
    caption: str = ""
    label: str = ""
    section: str = ""
    """Title of the section in which it stands."""
    file: str = ""
    line: Annotated[int, Field(ge=0)] = 0
    """Where it starts in the source; 0 where the source has no lines."""
    rows: Annotated[int, Field(ge=0)]
    columns: Annotated[int, Field(ge=0)]
    rules: tuple[Annotated[int, Field(ge=1)], ...] = ()
    """Rows of the grid above which a line is drawn over the whole width."""
    cells: tuple[Cell, ...]
    """Row by row; cells without content are left out."""

    def at(self, row: int, column: int) -> Cell | None:
        """Return the cell that covers a place of the grid, both counted from 1."""
        for cell in self.cells:
            down, across = row - cell.row, column - cell.column
            if 0 <= down < cell.row_span and 0 <= across < cell.column_span:
                return cell
        return None


class Passage(Record):
    """A paragraph, heading, caption or note."""

    address: Address
    """Machine form, such as `s3.2/p4`."""
    place: str
    """Human form, such as `section 3.2 "Results", paragraph 4`."""
    kind: Literal["title", "abstract", "heading", "paragraph", "item", "caption", "footnote"]
    section: str = ""
    """Title of the section in which it stands."""
    text: str
    file: str = ""
    line: Annotated[int, Field(ge=0)] = 0
    """Where it starts in the source; 0 where the source has no lines."""


class PaperText(Record):
    """A paper as text: what its passages and tables say, and what could not be read."""

    format: Literal["latex", "html", "pdf", "markdown", "text"]
    title: str = ""
    passages: tuple[Passage, ...]
    tables: tuple[Table, ...]
    notices: tuple[str, ...] = ()
    """One sentence each on what was left out or may be wrong; never empty silently."""

    def find(self, address: str) -> Passage | Table | Cell | None:
        """Return what stands at a machine address; None where there is nothing."""
        for passage in self.passages:
            if passage.address == address:
                return passage
        for table in self.tables:
            if table.address == address:
                return table
            if address.startswith(f"{table.address}/"):
                for cell in table.cells:
                    if cell.address == address:
                        return cell
        return None


def slug(text: str) -> str:
    """Return a label or title as part of an address: at most 80 harmless characters, never empty."""
    return _NOT_IN_SLUG.sub("-", text).strip("-")[:80] or "-"
