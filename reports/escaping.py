"""How does text that others wrote say only what it said, in Markdown above all?

Claims, quotes and error messages are hostile until proven otherwise: nothing in them may open a
tag, a link, a code span, a heading or another table cell.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

__all__ = ["bullets", "cell", "code", "fence", "one_line", "table", "text", "visible"]

_SPECIAL = re.compile(r"[\\`*\[\]|~$]|(?<![A-Za-z0-9])_|_(?![A-Za-z0-9])")
"""An underscore between letters or digits, as in `squad_v1`, opens nothing and stays readable."""
_BLOCK_START = re.compile(r"^([#+\-=:]|\d+(?=[.)]))")
_AUTOLINK = re.compile(r"(?i):(?=//)|www(?=\.)")
_PLAIN_CODE = re.compile(r"^[A-Za-z0-9_./:=,+@%() -]+$")
_INVISIBLE = re.compile(
    r"[\x00-\x08\x0e-\x1b\x7f-\x84\x86-\x9f\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff\ufffe\uffff\ud800-\udfff]"
)
"""Control characters, those that hide or turn round what is beside them, and what is none."""


def visible(value: str) -> str:
    """Return a text with each character that hides or turns round others as U+FFFD."""
    return _INVISIBLE.sub("\ufffd", value)


def one_line(value: str) -> str:
    """Return what is visible of a text with one blank for each run of white space, not escaped."""
    return " ".join(visible(value).split())


def text(value: str) -> str:
    """Return a text as one line of Markdown that renders as that text and as nothing else.

    Runs of white space become one blank; invisible characters become U+FFFD. The line may begin a
    paragraph, a list item or a quotation.
    """
    return _BLOCK_START.sub(_escape_start, cell(value))


def cell(value: str) -> str:
    """Return a text as `text` does, for a place where no block can begin, such as a table cell."""
    line = one_line(value)
    line = _SPECIAL.sub(lambda found: "\\" + found.group(), line)
    line = line.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return _AUTOLINK.sub(lambda found: found.group() + "\\", line)


def code(value: str) -> str:
    """Return an identifier as a code span, or as escaped text where a span could break."""
    if _PLAIN_CODE.match(value) and value.strip() == value:
        return f"`{value}`"
    return text(value)


def fence(lines: Iterable[str]) -> str:
    """Return lines as a code block whose fence is longer than any run of backticks in them."""
    body = "\n".join(visible(line) for line in lines)
    longest = max((len(run) for run in re.findall(r"`+", body)), default=0)
    mark = "`" * max(3, longest + 1)
    return f"{mark}\n{body}\n{mark}"


def table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a table of cells that are Markdown already; the first column is left-aligned.

    Raises:
        ValueError: a row has another number of cells than the header, or a cell holds a newline.
    """
    lines = [list(header), ["---"] + ["---"] * (len(header) - 1)]
    lines += [list(row) for row in rows]
    for line in lines:
        if len(line) != len(header) or any("\n" in cell for cell in line):
            raise ValueError(f"table row: found {line} ; expected {len(header)} cells of one line")
    return "\n".join("| " + " | ".join(cell or "-" for cell in line) + " |" for line in lines)


def bullets(items: Iterable[str]) -> str:
    """Return a list of items that are Markdown already."""
    return "\n".join(f"- {item}" for item in items)


def _escape_start(found: re.Match[str]) -> str:
    mark = found.group()
    return mark + "\\" if mark.isdigit() else "\\" + mark
