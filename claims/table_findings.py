"""What do a paper's tables say against each other and against themselves, whatever is claimed?"""

from __future__ import annotations

import itertools
from collections.abc import Iterator

from claims.derived_differences import difference_findings, percentage_findings
from claims.derived_means import mean_findings, score_findings
from claims.finding import TableFinding
from claims.marked import mark_findings
from claims.paper import PaperText, Table
from claims.repeated import repeated_findings, text_findings

__all__ = ["MAX_FINDINGS", "MAX_VALUES", "left_out", "table_findings"]

MAX_FINDINGS = 500
"""Findings on one paper; further ones are left out."""
MAX_VALUES = 20_000
"""Numbers in the tables of one paper that are looked into."""


def table_findings(paper: PaperText) -> tuple[TableFinding, ...]:
    """Return where a paper's tables do not agree, in the order of the tables.

    Numbers count as contradictory only where no rounding and no cutting off saves them.
    """
    return tuple(dict.fromkeys(itertools.islice(_all(paper), MAX_FINDINGS)))


def left_out(paper: PaperText) -> tuple[str, ...]:
    """Return one sentence if some tables are not looked into for contradictions, else nothing."""
    count = len(paper.tables) - len(_looked_into(paper))
    if not count:
        return ()
    said = f"The last {count} tables were not looked into for contradictions"
    return (f"{said}: the paper holds more than {MAX_VALUES:,} numbers.",)


def _looked_into(paper: PaperText) -> tuple[Table, ...]:
    found: list[Table] = []
    left = MAX_VALUES
    for table in paper.tables:
        left -= sum(c.role == "value" for c in table.cells)
        if left < 0:
            break
        found.append(table)
    return tuple(found)


def _all(paper: PaperText) -> Iterator[TableFinding]:
    for table in _looked_into(paper):
        yield from mark_findings(table)
        yield from mean_findings(table)
        yield from score_findings(table)
        yield from difference_findings(table)
        yield from percentage_findings(table)
    yield from repeated_findings(_looked_into(paper))
    yield from text_findings(paper)
