"""What does a YAML text that anyone may have written say, and in which line stands each value?

Only plain data is read: no tags, anchors or aliases, no second document, bounded depth, each key
once. Plain words follow YAML 1.2, so `no`, `on` and `2020-05-26` are text and not a truth value or
a date. The parser is iterative and the input bounded, so no text can exhaust memory or stack.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import yaml

from claims.errors import Fault

__all__ = [
    "DOCUMENT",
    "MAX_DEPTH",
    "LocatedYaml",
    "Place",
    "acceptable",
    "dotted",
    "read_yaml",
    "shown",
]

Place = tuple[str | int, ...]
"""Keys and list positions that lead from the document to a value."""

DOCUMENT = "document"
"""Field name of faults that concern the document as a whole."""

MAX_DEPTH = 20
"""Deepest nesting accepted; claim files need 8."""

_MAX_DIGITS = 18
_PLACEHOLDER = "?"
_NULL = re.compile(r"~|null|Null|NULL|")
_TRUE = re.compile(r"true|True|TRUE")
_FALSE = re.compile(r"false|False|FALSE")
_INTEGER = re.compile(r"[-+]?(0|[1-9][0-9]*)")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_NOT_FINITE = re.compile(r"[-+]?(\.inf|\.Inf|\.INF)|\.nan|\.NaN|\.NAN")
_UNSAFE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f\ud800-\udfff\ufffe\uffff]")
_PLAIN_KEY = re.compile(r"[A-Za-z_$][A-Za-z0-9_$-]{0,60}|\?")


@dataclass(frozen=True, slots=True)
class LocatedYaml:
    """A YAML document as plain values with their lines, and what was wrong with its form."""

    value: Any
    """Dicts with text keys, lists, text, numbers, truth values and None."""
    lines: Mapping[Place, int]
    """Line, counted from 1, in which a key or a list item starts."""
    faults: tuple[Fault, ...]
    unreadable: frozenset[Place]
    """Places whose value was refused and stands as None."""
    complete: bool
    """Whether the text could be read to its end."""

    def line(self, path: Place) -> int:
        """Return the line of a place, or of its nearest ancestor where the place is missing."""
        for end in range(len(path), -1, -1):
            if path[:end] in self.lines:
                return self.lines[path[:end]]
        return 1

    def at(self, path: Place) -> Any:
        """Return the value at a place; None where there is none."""
        here = self.value
        for step in path:
            try:
                here = here[step]
            except (KeyError, IndexError, TypeError):
                return None
        return here


def read_yaml(text: str) -> LocatedYaml:
    """Read one YAML document of plain data; never raises for any text."""
    return _Reader().read(text)


def acceptable(text: str) -> bool:
    """Return whether a text may stand in a document, however it is quoted."""
    return _UNSAFE.search(text) is None


def dotted(path: Place) -> str:
    """Return a place as people write it, such as `claims[3].tolerance.points`."""
    parts: list[str] = []
    for step in path:
        if isinstance(step, int):
            parts.append(f"[{step}]")
        else:
            name = step if _PLAIN_KEY.fullmatch(step) else shown(step)
            parts.append(f".{name}" if parts else name)
    return "".join(parts) or DOCUMENT


def shown(value: Any, width: int = 60) -> str:
    """Return a value on one line of at most `width` characters, safe for a terminal."""
    if value is None:
        return "nothing"
    if isinstance(value, str):
        text = f"'{value}'" if len(value) <= width else f"'{value[:width]}"
    else:
        text = json.dumps(value, ensure_ascii=False)
    text = "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text[: width + 1])
    return text if len(text) <= width else text[: width - 1] + "…"


@dataclass(slots=True)
class _Frame:
    """A mapping or list that is being read."""

    value: dict[str, Any] | list[Any]
    path: Place
    is_key: bool = False
    """Whether this container stands where a key should."""
    key: str | None = None
    """Key whose value comes next."""
    ignored: bool = False
    """Whether the next value repeats a key and is left out."""


@dataclass(slots=True)
class _Reader:
    """Turns the events of the YAML parser into located values, without recursion."""

    root: Any = None
    documents: int = 0
    line: int = 1
    stack: list[_Frame] = field(default_factory=list)
    lines: dict[Place, int] = field(default_factory=dict)
    faults: list[Fault] = field(default_factory=list)
    unreadable: set[Place] = field(default_factory=set)

    def read(self, text: str) -> LocatedYaml:
        """Read the whole text, or up to the first place at which its form breaks."""
        complete = True
        try:
            for event in _events(text):
                self.line = event.start_mark.line + 1 if event.start_mark else self.line
                if not self._take(event):
                    complete = False
                    break
        except yaml.reader.ReaderError as error:
            complete = False
            self.line = text.count("\n", 0, max(error.position, 0)) + 1
            self._fault((), f"the character {chr(error.character)!a}", "printable text")
        except yaml.MarkedYAMLError as error:
            complete = False
            mark = error.problem_mark or error.context_mark
            self.line = mark.line + 1 if mark else self.line
            self._fault((), f"broken YAML: {_one_line(error.problem)}", "well-formed YAML")
        except (yaml.YAMLError, ValueError, OverflowError):
            # The parser converts numbers in escapes and directives without bounds of its own.
            complete = False
            self._fault((), "broken YAML: a number out of range", "well-formed YAML")
        if complete and not self.documents:
            self.line = 1
            self._fault((), "nothing", "a mapping of fields")
            complete = False
        faults, refused = tuple(self.faults), frozenset(self.unreadable)
        return LocatedYaml(self.root, self.lines, faults, refused, complete)

    def _take(self, event: yaml.Event) -> bool:
        """Take one event; return False where reading must stop."""
        if isinstance(event, yaml.DocumentStartEvent):
            self.documents += 1
            if self.documents > 1:
                self._fault((), "a second document", "one document a file")
                return False
        elif isinstance(event, yaml.AliasEvent):
            self._refuse(f"the alias *{event.anchor}", "the value written out, without aliases")
        elif isinstance(event, yaml.ScalarEvent):
            self._scalar(event)
        elif isinstance(event, yaml.MappingStartEvent | yaml.SequenceStartEvent):
            return self._open(event)
        elif isinstance(event, yaml.MappingEndEvent | yaml.SequenceEndEvent):
            self._close()
        return True

    def _scalar(self, event: yaml.ScalarEvent) -> None:
        self._marks(event)
        text: str = event.value
        unsafe = _UNSAFE.search(text)
        if unsafe:
            self._refuse(f"the character {unsafe.group()!a} in text", "printable text")
        elif self._expects_key():
            self._key(text)
        else:
            self._put(_resolved(text) if event.implicit[0] else text)

    def _open(self, event: yaml.MappingStartEvent | yaml.SequenceStartEvent) -> bool:
        if len(self.stack) >= MAX_DEPTH:
            self._fault(self._place(), f"nesting deeper than {MAX_DEPTH}", "a flatter document")
            return False
        self._marks(event)
        value: dict[str, Any] | list[Any] = {} if isinstance(event, yaml.MappingStartEvent) else []
        is_key = self._expects_key()
        path = self._place()
        if is_key:
            self._fault(path, "a mapping or list as a key", "a field name")
        else:
            self.lines.setdefault(path, self.line)
        self.stack.append(_Frame(value, path, is_key))
        return True

    def _close(self) -> None:
        frame = self.stack.pop()
        if frame.is_key:
            self._key(_PLACEHOLDER)
            self.unreadable.add(frame.path)
        else:
            self._put(frame.value)

    def _marks(self, event: yaml.ScalarEvent | yaml.CollectionStartEvent) -> None:
        """Report an anchor or a tag on a value; the value itself is still read."""
        place = self._place()
        if event.anchor is not None:
            self._fault(place, f"the anchor &{event.anchor}", "plain values, without anchors")
        if event.tag is not None:
            tag = event.tag.replace("tag:yaml.org,2002:", "!!")
            self._fault(place, f"the tag {shown(tag)}", "plain values, without tags")
            self.unreadable.add(place)

    def _refuse(self, found: str, expected: str) -> None:
        """Report a scalar or alias that cannot be read and put None in its place."""
        place = self._place()
        self._fault(place, found, expected)
        self.unreadable.add(place)
        if self._expects_key():
            self._key(_PLACEHOLDER)
        else:
            self._put(None)

    def _expects_key(self) -> bool:
        frame = self.stack[-1] if self.stack else None
        return frame is not None and isinstance(frame.value, dict) and frame.key is None

    def _key(self, name: str) -> None:
        frame = self.stack[-1]
        path = (*frame.path, name)
        frame.key = name
        frame.ignored = name in frame.value
        if frame.ignored and name != _PLACEHOLDER:
            first = self.lines.get(path, self.line)
            self._fault(path, f"the field again, first given in line {first}", "each field once")
        self.lines.setdefault(path, self.line)

    def _put(self, value: Any) -> None:
        place = self._place()
        self.lines.setdefault(place, self.line)
        if not self.stack:
            self.root = value
            return
        frame = self.stack[-1]
        if isinstance(frame.value, list):
            frame.value.append(value)
            return
        if frame.key is not None and not frame.ignored:
            frame.value[frame.key] = value
        frame.key = None

    def _place(self) -> Place:
        """Return where the next value, or key, belongs."""
        if not self.stack:
            return ()
        frame = self.stack[-1]
        if isinstance(frame.value, list):
            return (*frame.path, len(frame.value))
        return (*frame.path, _PLACEHOLDER if frame.key is None else frame.key)

    def _fault(self, path: Place, found: str, expected: str) -> None:
        self.faults.append(Fault(self.line, dotted(path), found, expected))


def _events(text: str) -> Iterator[yaml.Event]:
    """Yield parser events; the parser in Python, so that messages are the same everywhere."""
    yield from yaml.parse(text, Loader=yaml.SafeLoader)


def _resolved(text: str) -> Any:
    """Return the value of a plain word after YAML 1.2's core rules, decimal numbers only."""
    if _NULL.fullmatch(text):
        return None
    if _TRUE.fullmatch(text) or _FALSE.fullmatch(text):
        return text.lower() == "true"
    if _INTEGER.fullmatch(text) and len(text) <= _MAX_DIGITS:
        return int(text)
    if _FLOAT.fullmatch(text) and not _INTEGER.fullmatch(text):
        return float(text)
    if _NOT_FINITE.fullmatch(text):
        return float(text.replace(".", ""))
    return text


def _one_line(problem: str | None) -> str:
    text = " ".join((problem or "unreadable").split())
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text[:200])
