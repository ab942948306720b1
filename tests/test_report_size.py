"""A report of 200 claims on 10 conditions, 9 tasks and 40 languages stays one that a browser opens."""

from __future__ import annotations

from benchmarks.report_speed import LANGUAGES, TASKS, large
from reports.blocks import Figure, Section, Table, flat
from reports.content import content
from reports.to_html import RENDERER as HTML

CLAIMS = 200
MAX_BYTES = 5_000_000
CONTRASTS = 45
"""Pairs of ten conditions."""


def test_two_hundred_claims_fit_five_megabytes_and_repeat_no_table_by_language() -> None:
    of = large(CLAIMS)
    assert (len(TASKS), len(LANGUAGES)) == (9, 40)
    blocks = list(flat([content(of)]))
    assert sum(isinstance(b, Section) and bool(b.tags) for b in blocks) == CLAIMS
    figures = [b for b in blocks if isinstance(b, Figure)]
    assert sum("-map-" in f.name for f in figures) == CONTRASTS
    assert len(figures) <= CLAIMS + CONTRASTS + 6
    wide = [b for b in blocks if isinstance(b, Table) and len(b.header) == 11]
    assert len(wide) == (CONTRASTS + 1) * len(TASKS) * len(LANGUAGES) // 10
    page = HTML.render(of)
    assert len(page) < MAX_BYTES
    assert page.count(b"<article") == CLAIMS
    assert page.count(b"<svg") == len(figures)
