"""How do scores of many tasks and languages stay readable?

Languages run across, in tables narrow enough for a screen; only cells with an interval of their own
get a row each.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import groupby
from typing import TypeVar

from reports.blocks import Inline, Table, code, joined, table, words
from reports.blocks import number as printed
from reports.document import ScoreRow
from verifier.numbers import bounds, decimals, estimate, points
from verifier.verdict import Cell

__all__ = ["aggregate_table", "by_language", "language_tables", "score_tables"]

LANGUAGES_ACROSS = 10
"""Languages per table; ten columns of scores fit a screen of 100 characters."""

_Item = TypeVar("_Item")


def aggregate_table(cells: Sequence[Cell]) -> Iterator[Table]:
    """Yield one table of the cells that are no single language; none if there are none."""
    chosen = [cell for cell in cells if cell.language is None]
    if not chosen:
        return
    rows = [
        (
            words(cell.contrast or ""),
            words(cell.task or "all tasks"),
            *_both_arms(cell),
            words(printed(estimate(cell.estimate, cell.interval, signed=cell.control is not None))),
        )
        for cell in chosen
    ]
    header = ("contrast", "task", "treatment", "control", "estimate, interval")
    bare = int(all(cell.contrast is None for cell in chosen))
    yield table(header[bare:], (row[bare:] for row in rows))


def by_language(cells: Sequence[Cell]) -> Iterator[tuple[Cell, ...]]:
    """Yield the cells of single languages, those of one contrast and task together."""
    chosen = [cell for cell in cells if cell.language is not None]
    order = sorted(chosen, key=lambda cell: (*_block_key(cell), cell.language or ""))
    for _, block in groupby(order, key=_block_key):
        yield tuple(block)


def language_tables(cells: Sequence[Cell]) -> tuple[Inline, tuple[Table, ...]]:
    """Return caption and tables of what `by_language` yields together."""
    names = (cells[0].task, cells[0].contrast)
    caption = joined((words(code(name)) for name in names if name), ", ")
    caption = caption or words("all tasks")
    if any(cell.interval for cell in cells):
        return caption, (_table_down(cells),)
    sizes = {cell.n for cell in cells}
    if len(sizes) == 1 and None not in sizes:
        caption = words(caption, f" ({sizes.pop()} examples each)")
        return caption, tuple(_tables_across(cells, sized=False))
    return caption, tuple(_tables_across(cells))


def score_tables(scores: Sequence[ScoreRow]) -> Iterator[tuple[Inline, tuple[Table, ...]]]:
    """Yield (caption, tables) per task, split and metric: conditions down, languages across."""
    for (task, split, metric), block in groupby(scores, key=lambda r: (r.task, r.split, r.metric)):
        members = list(block)
        languages = sorted({row.language for row in members})
        conditions = sorted({row.condition for row in members})
        found = {(row.condition, row.language): row for row in members}
        tables = []
        for some in _chunks(languages):
            rows = [
                (words(code(c)), *(_mean(found.get((c, lang))) for lang in some))
                for c in conditions
            ]
            sizes = (words("examples"), *(words(printed(_size(members, lang))) for lang in some))
            header = (words("condition"), *(words(code(lang)) for lang in some))
            tables.append(Table(header, (*rows, sizes)))
        chance = members[0].chance
        guess = () if chance is None else words("; chance ", printed(points(chance)))
        yield words(code(task), f", {metric} on {split}", guess), tuple(tables)


def _block_key(cell: Cell) -> tuple[str, str]:
    return cell.contrast or "", cell.task or ""


def _table_down(cells: Sequence[Cell]) -> Table:
    rows = (
        (
            words(code(cell.language or "")),
            *_both_arms(cell),
            words(
                printed(
                    points(
                        cell.estimate,
                        digits=decimals(cell.interval),
                        signed=cell.control is not None,
                    )
                )
            ),
            _ends(cell),
            words(printed(str(cell.n))) if cell.n else (),
        )
        for cell in cells
    )
    header = ("language", "treatment", "control", "estimate", "interval", "examples")
    return table(header, rows)


def _ends(cell: Cell) -> Inline:
    if cell.interval is None:
        return ()
    return words(printed(bounds(cell.interval, digits=decimals(cell.interval))))


def _tables_across(cells: Sequence[Cell], *, sized: bool = True) -> Iterator[Table]:
    lines: list[tuple[str, Callable[[Cell], Inline]]] = [
        ("treatment", lambda cell: _both_arms(cell)[0]),
        ("control", lambda cell: _both_arms(cell)[1]),
        ("difference", lambda cell: words(printed(points(cell.estimate, signed=True)))),
    ]
    if all(cell.control is None for cell in cells):
        lines = [("score", lambda cell: words(printed(points(cell.estimate))))]
    if sized:
        lines.append(("examples", lambda cell: words(printed(str(cell.n))) if cell.n else ()))
    for some in _chunks(cells):
        header = ((), *(words(code(cell.language or "")) for cell in some))
        rows = ((words(name), *(show(cell) for cell in some)) for name, show in lines)
        yield Table(header, tuple(rows))


def _both_arms(cell: Cell) -> tuple[Inline, Inline]:
    digits = decimals(cell.interval)
    treatment, control = (
        () if a is None else words(printed(points(a, digits=digits)))
        for a in (cell.treatment, cell.control)
    )
    return treatment, control


def _chunks(items: Sequence[_Item]) -> Iterator[Sequence[_Item]]:
    for start in range(0, len(items), LANGUAGES_ACROSS):
        yield items[start : start + LANGUAGES_ACROSS]


def _mean(row: ScoreRow | None) -> Inline:
    return words(printed(points(row.mean))) if row else ()


def _size(rows: Iterable[ScoreRow], language: str) -> str:
    sizes = {row.n for row in rows if row.language == language}
    return str(min(sizes)) if len(sizes) == 1 else f"{min(sizes)}+"
