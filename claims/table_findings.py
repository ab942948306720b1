"""What do a paper's tables say against each other and against themselves, whatever is claimed?"""

from __future__ import annotations

import itertools
from collections.abc import Iterator

from claims.derived_differences import difference_findings, percentage_findings
from claims.derived_means import mean_findings, score_findings
from claims.finding import TableFinding
from claims.marked import mark_findings
from claims.paper import PaperText
from claims.repeated import repeated_findings, text_findings

__all__ = ["MAX_FINDINGS", "table_findings"]

MAX_FINDINGS = 500
"""Findings on one paper; further ones are left out."""


def table_findings(paper: PaperText) -> tuple[TableFinding, ...]:
    """Return where a paper's tables do not agree, in the order of the tables.

    Numbers count as contradictory only where no rounding and no cutting off saves them.
    """
    return tuple(dict.fromkeys(itertools.islice(_all(paper), MAX_FINDINGS)))


def _all(paper: PaperText) -> Iterator[TableFinding]:
    for table in paper.tables:
        yield from mark_findings(table)
        yield from mean_findings(table)
        yield from score_findings(table)
        yield from difference_findings(table)
        yield from percentage_findings(table)
    yield from repeated_findings(paper.tables)
    yield from text_findings(paper)
