"""How is plain data written as YAML so that a person finds beside a field why it stands there?

Any text comes back from `claims.safe_yaml.read_yaml` as it was, as long as that reader accepts its
characters at all; comments can hold nothing but comments.
"""

from __future__ import annotations

import json
import re
import textwrap
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

__all__ = ["WIDTH", "Entry", "comments", "written"]

WIDTH = 110
"""Longest line, in characters, unless a single word is longer."""
_STEP = 2
_DEEPEST = 2
"""Mappings and lists inside each other that one line may hold and still be read at a glance."""
_PLAIN = re.compile(r"[A-Za-z][A-Za-z0-9_.+/@-]*")
_SURPRISING = frozenset(("null", "true", "false", "yes", "no", "on", "off", "y", "n"))
"""Words that some reader of YAML takes for something other than text."""
_BETWEEN_WORDS = re.compile(r"(?<=[^ ]) (?=[^ ])")


@dataclass(frozen=True, slots=True)
class Entry:
    """One field of a YAML document, with the comments above it."""

    name: str
    """Of a field; names of our own or ones that a `Name` may have."""
    value: Any
    """Plain data; or a tuple of entries, for a mapping with comments; or a list of such tuples."""
    why: tuple[str, ...] = ()
    """Sentences, one comment each; whoever wrote them, they end no comment."""


def written(entries: Sequence[Entry], *, indent: int = 0) -> str:
    """Return the YAML of a mapping with its comments; the same entries always give the same text."""
    return "\n".join(line for entry in entries for line in _lines(entry, indent)) + "\n"


def comments(texts: Iterable[str], *, indent: int = 0) -> str:
    """Return sentences as lines of comments; characters that cannot be shown become U+FFFD."""
    return "".join(f"{line}\n" for text in texts for line in _comment(text, indent))


def _lines(entry: Entry, indent: int) -> list[str]:
    lines = [line for text in entry.why for line in _comment(text, indent)]
    start = f"{' ' * indent}{_scalar(entry.name)}:"
    return [*lines, *_value(start, entry.value, indent)]


def _value(start: str, value: Any, indent: int) -> list[str]:
    """Return a field's value behind its name: on the same line where that is easily read."""
    if isinstance(value, tuple):
        return [start, *written(value, indent=indent + _STEP).splitlines()]
    if isinstance(value, list) and value and all(isinstance(item, tuple) for item in value):
        items = [line for item in value for line in ("", *_item(item, indent + _STEP))]
        return [start, *items[1:]]
    short = f"{start} {_flow(value)}"
    if not value or (_depth(value) <= _DEEPEST and len(short) <= WIDTH):
        return [short]
    if isinstance(value, dict):
        inner = tuple(Entry(key, one) for key, one in value.items())
        return _value(start, inner, indent)
    if isinstance(value, list):
        return [start, *(f"{' ' * (indent + _STEP)}- {_flow(item)}" for item in value)]
    return _folded(f"{start} ", _scalar(value), indent + _STEP)


def _item(entries: tuple[Entry, ...], indent: int) -> list[str]:
    """Return one item of a list; the comments of its first field stand above the item's dash."""
    first, *rest = entries
    lines = [line for text in first.why for line in _comment(text, indent)]
    fields = written((Entry(first.name, first.value), *rest), indent=indent + _STEP).splitlines()
    fields[0] = f"{' ' * indent}- {fields[0].lstrip()}"
    return [*lines, *fields]


def _comment(text: str, indent: int) -> list[str]:
    shown = "".join(c if c.isprintable() else "\ufffd" for c in " ".join(text.split()))
    head = f"{' ' * indent}# "
    return textwrap.wrap(
        shown, WIDTH, initial_indent=head, subsequent_indent=head, break_long_words=False,
        break_on_hyphens=False,
    )  # fmt: skip


def _depth(value: Any) -> int:
    inner = (
        value.values() if isinstance(value, dict) else value if isinstance(value, list) else None
    )
    return 0 if inner is None else 1 + max((_depth(one) for one in inner), default=0)


def _flow(value: Any) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{_scalar(k)}: {_flow(v)}" for k, v in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(_flow(item) for item in value) + "]"
    return _scalar(value) if isinstance(value, str) else json.dumps(value, allow_nan=False)


def _scalar(text: str) -> str:
    if _PLAIN.fullmatch(text) and text.lower() not in _SURPRISING:
        return text
    return '"' + "".join(_escaped(c) for c in text) + '"'


def _escaped(character: str) -> str:
    if character in '"\\':
        return "\\" + character
    if character.isprintable():
        return character
    code = ord(character)
    return (
        f"\\x{code:02x}"
        if code < 0x100
        else f"\\u{code:04x}"
        if code < 0x10000
        else f"\\U{code:08x}"
    )


def _folded(start: str, text: str, indent: int) -> list[str]:
    """Return a quoted text over several lines; YAML reads each break as the one blank it was."""
    lines = [start]
    for number, word in enumerate(_BETWEEN_WORDS.split(text)):
        fresh = number == 0
        if not fresh and len(lines[-1]) + 1 + len(word) > WIDTH:
            lines.append(" " * indent)
            fresh = True
        lines[-1] += word if fresh else f" {word}"
    return lines
