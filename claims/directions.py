"""Which way is better, as far as headers and captions say it?

`unclear` is an answer: whoever asks must then say nothing, or say that it is unclear.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cache
from importlib import resources
from typing import Any, Literal

from claims.paper import Cell, Table
from claims.safe_yaml import read_yaml
from claims.wordings import phrase

__all__ = ["Better", "alike", "better_of", "bounded", "competes", "direction_of", "measures_in"]

Better = Literal["higher", "lower", "unclear"]

_UP = re.compile(r"[↑▲△⇧](?!\s?[\d.+-])|\bhigher is better\b|\bthe higher,? the better\b")
_DOWN = re.compile(r"[↓▼▽⇩](?!\s?[\d.+-])|\blower is better\b|\bthe lower,? the better\b")


def better_of(cells: Sequence[Cell], table: Table) -> Better:
    """Return which way is better in a line of cells that are compared with each other.

    Their common headers decide, then the table's caption; where they disagree it is unclear.
    """
    if not cells:
        return "unclear"
    first = cells[0]
    for shared in (
        [h for h in first.column_headers if all(h in c.column_headers for c in cells)],
        [h for h in first.row_headers if all(h in c.row_headers for c in cells)],
        [table.caption],
    ):
        for text in reversed(shared):
            found = direction_of(text)
            if found != "unclear":
                return found
    return "unclear"


@cache
def direction_of(text: str) -> Better:
    """Return which way is better by one header or caption."""
    up, down = _UP.search(text) is not None, _DOWN.search(text) is not None
    if up != down:
        return "higher" if up else "lower"
    flat = f" {phrase(text)} "
    alone = " ".join(w for w in flat.split() if w not in _words("beside"))
    lower = any(f" {w} " in flat for w in _words("lower")) or alone in _words("lower_alone")
    higher = any(f" {w} " in flat for w in _words("higher")) or alone in _words("higher_alone")
    if up or higher == lower:
        return "unclear"
    return "higher" if higher else "lower"


@cache
def bounded(header: str) -> bool:
    """Return whether a header names a score that cannot be above 100."""
    flat = f" {phrase(header)} "
    return any(f" {word} " in flat for word in _words("at_most_100"))


@cache
def measures_in(text: str) -> frozenset[str]:
    """Return the measures that a text names, as far as `metrics.yaml` knows them."""
    flat = f" {phrase(text)} "
    return frozenset(w for kind in ("higher", "lower") for w in _words(kind) if f" {w} " in flat)


def alike(some: frozenset[str], others: frozenset[str]) -> bool:
    """Return whether a measure of one set may be one of the other: the same, a kind, a synonym."""
    return any(
        f" {a} " in f" {b} " or f" {b} " in f" {a} " or any({a, b} <= same for same in _same())
        for a in some
        for b in others
    )


def competes(cell: Cell) -> bool:
    """Return whether a cell's row or column is a system among others, and no bound or person."""
    return not any(
        f" {word} " in f" {phrase(header)} "
        for header in (*cell.row_headers, *cell.column_headers)
        for word in _words("no_competitor")
    )


@cache
def _words(kind: str) -> tuple[str, ...]:
    return tuple(phrase(word) for word in _data()[kind])


@cache
def _same() -> tuple[frozenset[str], ...]:
    return tuple(frozenset(map(phrase, words)) for words in _data()["same"])


@cache
def _data() -> dict[str, Any]:
    data = resources.files("claims").joinpath("metrics.yaml").read_text(encoding="utf-8")
    value = read_yaml(data).value
    assert isinstance(value, dict), "metrics.yaml is our own file"
    return value
