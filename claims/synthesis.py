"""What does a machine-written synthesis report say, in either of its two layouts?

The layouts are plain headings (`5 Extracted Claims`) and Markdown ones (`## 5 Extracted Claims`);
the table of claims is separated by tabs or by `|`. Nothing of the report is believed here.
"""

from __future__ import annotations

import re
import stat
from collections.abc import Iterable
from pathlib import Path
from typing import Literal

from claims.errors import SynthesisError
from claims.prose import visible
from claims.record import Record

__all__ = [
    "MAX_BYTES",
    "MAX_CLAIMS",
    "WHOLE",
    "Reference",
    "Section",
    "Synthesis",
    "SynthesisClaim",
    "parse_synthesis",
    "read_synthesis",
    "read_text",
]  # fmt: skip

MAX_BYTES = 2**20
"""Largest report read: 1 MiB."""
MAX_CLAIMS = 200
"""Most claims that a report may list."""
MAX_REFERENCES = 1000
"""Most references that a report may list."""
MAX_QUESTION = 1000
"""Most characters of a research question or an examined title that are read."""
MAX_LINE = 10_000
"""Longest line read, in characters."""

_MARKDOWN = re.compile(r"#{1,6}\s+(.{1,200})")
_NUMBERED = re.compile(r"\d{1,2}(?:\.\d{1,2}){0,2}\.?\s+([A-Z][^.!?\t|]{0,79})")
_NUMBER = re.compile(r"^\d{1,2}(?:\.\d{1,2}){0,2}\.?\s+")
_UNNUMBERED = frozenset({"abstract", "references", "bibliography", "extracted claims"})
_LISTS = frozenset({"references", "bibliography"})
_QUESTION = "research question:"
_EXAMINED = "examines:"
_DATE = re.compile(
    r"(?:January|February|March|April|May|June|July|August|September|October|November|December)"
    r" \d{1,2}, \d{4}|\d{4}-\d\d-\d\d"
)
_ITEM = re.compile(r"(?:[-*•]|\[?\d{1,3}[\].)])\s+(.+)")
_YES = frozenset({"✓", "✔", "✅", "☑", "yes", "true", "verified", "y", "[x]"})
_NO = frozenset({"✗", "✘", "❌", "✕", "☒", "no", "false", "unverified", "n", "[ ]", "-"})
WHOLE = (".", "!", "?", '."', ".”", ".)", "。")
"""How a whole sentence ends."""
_GOES_ON = ("..", "…")
_COLUMNS = {
    "claim": "claim", "claims": "claim", "statement": "claim", "extracted claim": "claim",
    "finding": "claim", "verified": "ticked", "status": "ticked", "verdict": "ticked",
    "confidence": "confidence", "score": "confidence", "confidence score": "confidence",
}  # fmt: skip
"""What columns of the table are called."""


class SynthesisClaim(Record):
    """One row of a report's table of claims."""

    number: int
    """Place in the table, counted from 1."""
    line: int
    """Line of the file, counted from 1."""
    text: str
    ticked: bool | None
    """Whether the report calls the claim verified; None where it says neither."""
    confidence: float | None
    """In [0, 1]; None where there is none, or none in that range."""
    cut: bool
    """Whether the text breaks off before a sentence ends."""


class Section(Record):
    """A part of a report under its heading."""

    heading: str
    line: int
    """Where its text begins, counted from 1."""
    text: str


class Reference(Record):
    """One entry of a report's references."""

    line: int
    text: str


class Synthesis(Record):
    """A report as it stands in its file."""

    name: str
    """The file's name without its ending."""
    layout: Literal["plain", "markdown"]
    title: str
    date: str
    examined: str
    """Title of the paper that the report says it examines; empty where it names none."""
    question: str
    """The research question; empty where none is stated."""
    abstract: str
    sections: tuple[Section, ...]
    """All sections but the abstract, the claims and the references."""
    claims: tuple[SynthesisClaim, ...]
    references: tuple[Reference, ...]

    def own_text(self) -> str:
        """Return the report's prose: abstract and sections, without its table and references."""
        return "\n\n".join([self.abstract, *(s.text for s in self.sections)])


def read_synthesis(path: str | Path) -> Synthesis:
    """Read a report from a file of at most 1 MiB.

    Raises:
        SynthesisError: it cannot be read, or has no table of claims.
    """
    return parse_synthesis(read_text(path, "a synthesis report"), name=Path(path).stem)


def read_text(path: str | Path, what: str, *, limit: int = MAX_BYTES) -> str:
    """Return the text of a file in UTF-8.

    Args:
        path: an ordinary file.
        what: what it should be, for messages.
        limit: most bytes.

    Raises:
        SynthesisError: it cannot be read, is too large, or is no text.
    """
    told = f"'{str(path)[:200]}'"
    try:
        if not stat.S_ISREG(Path(path).stat().st_mode):
            raise SynthesisError(f"{told}: found no ordinary file ; expected {what}.")
        with Path(path).open("rb") as file:
            data = file.read(limit + 1)
    except (OSError, ValueError) as error:
        found = "no such file" if isinstance(error, FileNotFoundError) else type(error).__name__
        raise SynthesisError(f"{told}: found {found} ; expected {what}.") from error
    if len(data) > limit:
        raise SynthesisError(f"{told}: found more than {limit} bytes ; expected {what} within it.")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        found = f"the byte 0x{data[error.start]:02x} at {error.start}"
        raise SynthesisError(f"{told}: found {found} ; expected text in UTF-8.") from None


def parse_synthesis(text: str, *, name: str) -> Synthesis:
    """Read a report from its text.

    Args:
        text: the whole report.
        name: the name under which it is spoken of.

    Raises:
        SynthesisError: it has no table of claims, too many of them, or too long a line.
    """
    name = visible(name)[:80] or "report"
    lines = [visible(line).rstrip() for line in text.replace("\r\n", "\n").split("\n")]
    longest = max(len(line) for line in lines)
    if longest > MAX_LINE:
        raise SynthesisError(
            f"'{name}': found a line of {longest} characters ; expected at most {MAX_LINE}."
        )
    markdown = any(_MARKDOWN.fullmatch(line) for line in lines)
    claims = _claims(lines, name)
    rows = {c.line for c in claims}  # whatever their section is called, they are not its prose
    prose_lines = ["" if i in rows else line for i, line in enumerate(lines, start=1)]
    sections = _sections(prose_lines, markdown=markdown)
    prose = [s for s in sections[1:] if s.heading.casefold() not in _UNNUMBERED]
    body = "\n\n".join(s.text for s in prose)
    found = [s for s in sections if s.heading.casefold() in _LISTS]
    references = tuple(r for s in found for r in _references(s))
    if len(references) > MAX_REFERENCES:
        told = f"found {len(references)} references ; expected at most {MAX_REFERENCES}"
        raise SynthesisError(f"'{name}': {told}.")
    return Synthesis(
        name=name,
        layout="markdown" if markdown else "plain",
        title=_title(sections),
        date=found_date[0] if (found_date := _DATE.search(sections[0].text)) else "",
        examined=_after(_EXAMINED, body, until=_QUESTION).rstrip("."),
        question=(_after(_QUESTION, body) or _headed(_QUESTION, prose)).replace("?.", "?"),
        abstract=next((s.text for s in sections if s.heading.casefold() == "abstract"), ""),
        sections=tuple(prose),
        claims=claims,
        references=references,
    )


def _sections(lines: list[str], *, markdown: bool) -> list[Section]:
    """Return what stands before the first heading, under its own name '', and each section."""
    starts: list[tuple[int, str]] = [(0, "")]
    titled = False
    for i, line in enumerate(lines):
        listing = starts[-1][1].casefold() in _LISTS  # where a number begins an entry
        heading = _heading(line.strip(), markdown=markdown, numbered=not listing)
        if markdown and heading and not titled and line.startswith("# "):
            titled = True  # the title of the whole, which keeps its place before the first section
        elif heading:
            starts.append((i + 1, heading))
    ends = [start for start, _ in starts[1:]] + [len(lines) + 1]
    found = []
    for (start, heading), end in zip(starts, ends, strict=True):
        own = lines[start : end - 1]
        blank = next((i for i, line in enumerate(own) if line.strip()), 0)
        text = "\n".join(own).strip()
        found.append(Section(heading=heading, line=start + blank + 1, text=text))
    return found


def _heading(line: str, *, markdown: bool, numbered: bool) -> str:
    bare = line.strip("*_: ")
    if bare.casefold() in _UNNUMBERED:
        return bare
    if markdown:
        found = _MARKDOWN.fullmatch(line)
        return _NUMBER.sub("", found[1].strip("*_: ")).strip() if found else ""
    found = _NUMBERED.fullmatch(bare) if numbered else None
    return found[1].strip("*_: ") if found else ""


def _title(sections: list[Section]) -> str:
    first = [line.strip() for line in sections[0].text.split("\n") if line.strip()]
    return first[0].strip("#*_ ") if first else ""


def _after(words: str, text: str, *, until: str = "\n\n") -> str:
    """Return what follows some words in their paragraph, on one line; empty without them."""
    start = text.lower().find(words)
    if start < 0:
        return ""
    paragraph = text[start + len(words) :].lstrip(" *_\n").partition("\n\n")[0]
    end = paragraph.lower().find(until)
    told = " ".join(paragraph[: end if end >= 0 else None].split())
    return told.strip("*_ ")[:MAX_QUESTION]


def _headed(words: str, sections: Iterable[Section]) -> str:
    """Return the first paragraph of the section that is called so, on one line; empty without one."""
    own = (s.text for s in sections if s.heading.casefold().strip(": ") == words.strip(": "))
    return _after(words, f"{words} {next(own, '')}")


def _cells(line: str, *, spaced: bool = False) -> list[str]:
    """Return the cells of a line, none where it has no separator; `spaced` ones lost their tabs."""
    separator = "\t" if "\t" in line else "|"
    cells = [cell.strip() for cell in line.strip().strip("|").split(separator)]
    if len(cells) == 1 and spaced:
        cells = line.rsplit(None, 2)
        return cells if len(cells) > 2 and _ticked(cells[1]) is not None else []
    return cells if len(cells) > 1 else []


def _claims(lines: list[str], name: str) -> tuple[SynthesisClaim, ...]:
    claims: list[SynthesisClaim] = []
    columns: dict[str, int] = {}
    spaced, held = False, ""
    for i, line in enumerate(lines, start=1):
        head = _columns(_cells(line)) or _bare_head(line)
        cells = _cells(f"{held} {line}".strip(), spaced=spaced) if columns else []
        if "claim" in head and "ticked" in head:
            columns, spaced, held = head, not _cells(line), ""
        elif cells:
            held = ""
            if not set("".join(cells)) <= set("-: "):
                claims.append(_claim(cells, columns, number=len(claims) + 1, line=i))
        elif line.strip() and columns:
            held = f"{held} {line}".strip()[:MAX_LINE]  # a row may go on in the next line
            if _MARKDOWN.fullmatch(line) or _heading(line, markdown=False, numbered=True):
                columns, held = {}, ""
        else:
            held = ""
    if not claims:
        raise SynthesisError(
            f"'{name}': found no table of claims ; expected a synthesis report with a table "
            "headed Claim, Verified, Confidence."
        )
    if len(claims) > MAX_CLAIMS:
        raise SynthesisError(
            f"'{name}': found {len(claims)} claims ; expected at most {MAX_CLAIMS}."
        )
    return tuple(claims)


def _columns(cells: Iterable[str]) -> dict[str, int]:
    """Return where the columns are that a line heads; none where it heads none."""
    named = ((_COLUMNS.get(cell.strip("*_:? ").casefold()), i) for i, cell in enumerate(cells))
    return {name: i for name, i in named if name}


def _bare_head(line: str) -> dict[str, int]:
    """Return the columns of a head that lost its separators: nothing but their names."""
    found = line.split()
    columns = _columns(found)
    return columns if len(columns) == len(found) else {}


def _claim(cells: list[str], columns: dict[str, int], *, number: int, line: int) -> SynthesisClaim:
    def cell(column: str) -> str:
        place = columns.get(column, -1)
        return cells[place] if 0 <= place < len(cells) else ""

    text = cell("claim")
    return SynthesisClaim(
        number=number,
        line=line,
        text=text,
        ticked=_ticked(cell("ticked")),
        confidence=_share(cell("confidence")),
        cut=not text.endswith(WHOLE) or text.endswith(_GOES_ON),
    )


def _ticked(text: str) -> bool | None:
    """Return whether a cell has a tick, a cross, or neither or both."""
    marks = {word.strip("*_") for word in text.casefold().split()} | {text.casefold()}
    yes, no = bool(marks & _YES), bool(marks & _NO)
    return None if yes == no else yes


def _share(text: str) -> float | None:
    """Return a confidence in [0, 1] from `0.27` or `27%`; None for anything else."""
    found = re.fullmatch(r"(\d{1,3}(?:\.\d{1,6})?)\s?(%?)", text.strip("*_ "))
    value = float(found[1]) / (100 if found[2] else 1) if found else None
    return value if value is not None and value <= 1 else None


def _references(section: Section) -> list[Reference]:
    """Return the entries of a list; an entry without a mark goes on the one that has one."""
    found: list[Reference] = []
    marked = False
    for i, line in enumerate(section.text.split("\n"), start=section.line):
        item = _ITEM.fullmatch(line.strip())
        if item or (line.strip() and not marked):
            marked = item is not None
            found.append(Reference(line=i, text=item[1].strip() if item else line.strip()))
        elif line.strip():
            longer = f"{found[-1].text} {line.strip()}"[:MAX_LINE]
            found[-1] = found[-1].model_copy(update={"text": longer})
    return found
