"""How do scores of many tasks and languages stay readable in Markdown?

Languages run across, in tables narrow enough for a screen; only cells with an interval of their own
get a row each.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import groupby
from typing import TypeVar

from reports.document import ScoreRow
from reports.escaping import cell as escaped
from reports.escaping import code, table
from reports.numbers import bounds, decimals, estimate, points
from verifier.verdict import Cell

__all__ = ["aggregate_table", "language_tables", "score_tables"]

LANGUAGES_ACROSS = 10
"""Languages per table; ten columns of scores fit a screen of 100 characters."""

_Item = TypeVar("_Item")


def aggregate_table(cells: Sequence[Cell]) -> str:
    """Return one table of the cells that are no single language; empty text if there are none."""
    chosen = [cell for cell in cells if cell.language is None]
    if not chosen:
        return ""
    rows = [
        (
            escaped(cell.contrast or ""),
            escaped(cell.task or "all tasks"),
            *_both_arms(cell),
            estimate(cell.estimate, cell.interval, signed=cell.control is not None),
        )
        for cell in chosen
    ]
    header = ("contrast", "task", "treatment", "control", "estimate [interval]")
    if all(cell.contrast is None for cell in chosen):
        return table(header[1:], [row[1:] for row in rows])
    return table(header, rows)


def language_tables(cells: Sequence[Cell]) -> Iterator[tuple[str, str]]:
    """Yield (caption, tables) per contrast and task for the cells of single languages."""
    chosen = [cell for cell in cells if cell.language is not None]
    order = sorted(chosen, key=_block_key)
    for (contrast, task), block in groupby(order, key=_block_key):
        named = [code(name) for name in (task, contrast) if name]
        caption = ", ".join(named) or "all tasks"
        members = sorted(block, key=lambda cell: cell.language or "")
        if any(cell.interval for cell in members):
            yield caption, _table_down(members)
        else:
            yield caption, "\n\n".join(_tables_across(members))


def score_tables(scores: Sequence[ScoreRow]) -> Iterator[tuple[str, str]]:
    """Yield (caption, tables) per task, split and metric: conditions down, languages across."""
    for (task, split, metric), block in groupby(scores, key=lambda r: (r.task, r.split, r.metric)):
        members = list(block)
        caption = f"{code(task)}, {metric} on {split}"
        languages = sorted({row.language for row in members})
        conditions = sorted({row.condition for row in members})
        found = {(row.condition, row.language): row for row in members}
        tables = []
        for some in _chunks(languages):
            rows = [[code(c), *(_mean(found.get((c, lang))) for lang in some)] for c in conditions]
            sizes = ["examples", *(_size(members, language) for language in some)]
            tables.append(table(["condition", *(code(lang) for lang in some)], [*rows, sizes]))
        yield caption, "\n\n".join(tables)


def _block_key(cell: Cell) -> tuple[str, str]:
    return cell.contrast or "", cell.task or ""


def _table_down(cells: Sequence[Cell]) -> str:
    rows = [
        (
            code(cell.language or ""),
            *_both_arms(cell),
            points(cell.estimate, digits=decimals(cell.interval), signed=cell.control is not None),
            bounds(cell.interval, digits=decimals(cell.interval)) if cell.interval else "",
            str(cell.n or ""),
        )
        for cell in cells
    ]
    return table(("language", "treatment", "control", "estimate", "interval", "examples"), rows)


def _tables_across(cells: Sequence[Cell]) -> Iterator[str]:
    lines: list[tuple[str, Callable[[Cell], str]]] = [
        ("treatment", lambda cell: _both_arms(cell)[0]),
        ("control", lambda cell: _both_arms(cell)[1]),
        ("difference", lambda cell: points(cell.estimate, signed=True)),
    ]
    if all(cell.control is None for cell in cells):
        lines = [("score", lambda cell: points(cell.estimate))]
    lines.append(("examples", lambda cell: str(cell.n or "")))
    for some in _chunks(cells):
        header = ["", *(code(cell.language or "") for cell in some)]
        yield table(header, [[name, *(show(cell) for cell in some)] for name, show in lines])


def _both_arms(cell: Cell) -> tuple[str, str]:
    digits = decimals(cell.interval)
    arms = (cell.treatment, cell.control)
    treatment, control = ("" if a is None else points(a, digits=digits) for a in arms)
    return treatment, control


def _chunks(items: Sequence[_Item]) -> Iterator[Sequence[_Item]]:
    for start in range(0, len(items), LANGUAGES_ACROSS):
        yield items[start : start + LANGUAGES_ACROSS]


def _mean(row: ScoreRow | None) -> str:
    return points(row.mean) if row else ""


def _size(rows: Iterable[ScoreRow], language: str) -> str:
    sizes = {row.n for row in rows if row.language == language}
    return str(min(sizes)) if len(sizes) == 1 else f"{min(sizes)}+"
