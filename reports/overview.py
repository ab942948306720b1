"""What is to be seen over all claims of an audit, as pictures with their tables?

Every picture stands beside a table that has its numbers, and its caption says what is to be seen.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby

from reports.blocks import (
    Block,
    Inline,
    Paragraph,
    Table,
    code,
    emphasis,
    joined,
    number,
    table,
    words,
)
from reports.charts import arms_chart, cost_chart, forest_chart, matrix_chart
from reports.claim_anchors import claim_anchor
from reports.document import ClaimSection, Document, MatrixCell
from reports.figures import figure
from reports.summary import weakness
from verifier.numbers import counted, duration, half_width, points

__all__ = ["costs", "forest", "matrix", "shared_arms"]


def forest(document: Document) -> Iterator[Block]:
    """Yield the intervals of all claims against what they report; the summary has the numbers."""
    sections = tuple(document.sections())
    caption = words(
        "Estimates (marks) with their intervals (lines), reported sizes (ticks) and tolerances "
        f"(bands), in points. {_seen(sections)}"
    )
    yield from figure("forest", caption, forest_chart(sections), weakness(document))


def matrix(document: Document) -> Iterator[Block]:
    """Yield conditions by tasks: the mean score over languages and seeds, with its uncertainty."""
    for split, block in groupby(
        sorted(document.matrix, key=lambda c: c.split),
        key=lambda c: c.split,
    ):
        cells = tuple(block)
        tasks = sorted({(c.task, c.metric) for c in cells})
        found = {(c.condition, c.task, c.metric): c for c in cells}
        conditions = sorted({c.condition for c in cells})
        yield Paragraph(
            words(
                f"Means over the languages of each task on {split}, and over seeds, in points; "
                "where seeds differ, plus or minus half of the 95 % t interval over them:"
            )
        )
        header = (words("condition"), *(words(code(t), f" {m}") for t, m in tasks))
        rows = tuple(
            (words(code(c)), *(_score(found.get((c, *task))) for task in tasks)) for c in conditions
        )
        known = {(c.task, c.metric): c.chance for c in cells}
        chances = [known[task] for task in tasks]
        if any(chance is not None for chance in chances):
            line = (() if c is None else words(number(points(c))) for c in chances)
            rows = (*rows, (words(emphasis("chance level")), *line))
        yield Table(header, rows)
        caption = words(f"The same on {split}, the darker the higher within a task. {_best(cells)}")
        yield from figure(f"matrix-{split}", caption, matrix_chart(cells), weakness(document))


def shared_arms(document: Document) -> Iterator[Block]:
    """Yield which claims rest on which arms, and so are not independent of each other."""
    sections = tuple(s for s in document.sections() if s.verdict.evidence.arms)
    spec = arms_chart(sections)
    if spec is None:
        return
    rows = tuple(
        (
            words(code(s.claim.id, claim_anchor(s.claim.id))),
            joined((words(code(arm.condition)) for arm in s.verdict.evidence.arms), ", "),
            joined((words(code(c, claim_anchor(c))) for c in s.verdict.evidence.shared_with), ", "),
        )
        for s in sections
    )
    yield table(("claim", "rests on", "shares runs with"), rows)
    shared = sum(bool(s.verdict.evidence.shared_with) for s in sections)
    caption = words(
        "Claims (rows) and the arms that they rest on (columns). Claims with a dot in one column "
        f"share its runs: {shared} of {len(sections)} claims share runs with another."
    )
    yield from figure("shared-arms", caption, spec, weakness(document))


def costs(document: Document) -> Iterator[Block]:
    """Yield the time of each phase; the table beside it has the numbers."""
    if not document.costs:
        return
    most = max(document.costs, key=lambda c: c.seconds)
    total = sum(c.seconds for c in document.costs)
    caption = words(
        f"Time by phase. Most of it, {duration(most.seconds)} of {duration(total)}, went into "
        f"phase {most.phase}."
    )
    yield from figure("cost", caption, cost_chart(document), weakness(document))


def _seen(sections: tuple[ClaimSection, ...]) -> str:
    """Say how many intervals lie inside, outside and across their tolerances."""
    inside = outside = across = 0
    for section in sections:
        v = section.verdict
        if v.interval is None or v.reported is None or v.tolerance is None:
            continue
        low, high = v.reported - v.tolerance, v.reported + v.tolerance
        if low <= v.interval.low and v.interval.high <= high:
            inside += 1
        elif v.interval.high < low or high < v.interval.low:
            outside += 1
        else:
            across += 1
    both = inside + outside + across
    if not both:
        return "No claim here has both an interval and a tolerance."
    return (
        f"Of {counted(both, 'claim')} with both, the interval lies within the "
        f"tolerance in {inside}, outside in {outside}, and across its edge in {across}."
    )


def _score(cell: MatrixCell | None) -> Inline:
    if cell is None:
        return ()
    if cell.half_width is None:
        return words(number(points(cell.mean)))
    return words(number(f"{points(cell.mean)} ± {half_width(cell.half_width)}"))


def _best(cells: tuple[MatrixCell, ...]) -> str:
    """Say which condition has the highest mean on how many tasks; a tie counts for each."""
    wins: dict[str, int] = {}
    tasks = sorted({(c.task, c.metric) for c in cells})
    for task in tasks:
        of_task = [c for c in cells if (c.task, c.metric) == task]
        top = max(c.mean for c in of_task)
        for c in of_task:
            wins[c.condition] = wins.get(c.condition, 0) + (c.mean == top)
    most = max(wins.values())
    names = ", ".join(sorted(name for name, count in wins.items() if count == most))
    return f"Highest in most columns, {most} of {len(tasks)}: {names}."
