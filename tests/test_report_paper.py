"""A report can say what the paper itself says of each claim, and never takes that for evidence."""

from __future__ import annotations

from pathlib import Path

import pytest
from test_ground import PAPER, QUOTE
from test_reports import claim_set, document, gain, markdown

from claims.errors import PaperError
from reports.document import Document
from reports.paper_checks import with_paper_checks


def checked(reported: float, quote: str = QUOTE, arxiv: str | None = "2005.13013v2") -> Document:
    statement = f"Bridging on SQuAD raises the average by {reported} points."
    source = {"quote": quote, "found_in": "the paper"}
    claim = gain(statement=statement, source=source, reported=reported)
    return with_paper_checks(document([claim_set(claim, arxiv=arxiv)], [{}]), str(PAPER))


def said(of: Document) -> str | None:
    return next(of.sections()).verdict.paper_check


def test_a_number_that_follows_is_shown_with_its_formula_and_cells() -> None:
    found = said(checked(5.9)) or ""
    assert found.startswith("quotation found at ")
    assert "number 5.9 entailed" in found
    assert " = 5.9" in found
    assert "from tables/tab:main/r5c7, tables/tab:main/r3c7" in found
    assert "Paper check, which is no reproduction: quotation found" in markdown(checked(5.9))


def test_an_impossible_number_and_an_altered_quotation_are_said_so() -> None:
    found = said(checked(9.9, QUOTE.replace("5.9", "9.9"))) or ""
    assert "quotation altered" in found
    assert "'5.9' for '9.9'" in found
    assert "number 9.9 impossible" in found


def test_a_paper_check_changes_no_verdict_and_says_nothing_of_controls() -> None:
    for reported in (5.9, 9.9):
        verdict = next(checked(reported).sections()).verdict
        assert verdict.model_copy(update={"paper_check": None}).verdict == "reproduced"
    assert said(checked(5.9, arxiv=None)) is None


def test_without_a_paper_nothing_is_checked_and_one_that_is_not_there_is_an_error(
    tmp_path: Path,
) -> None:
    of = document([claim_set(gain())], [{}])
    assert with_paper_checks(of, None) is of
    with pytest.raises(PaperError):
        with_paper_checks(of, str(tmp_path / "none.tex"))
