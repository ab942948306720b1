"""No input makes a reader, drafts or findings fail without a message or run for long."""

from __future__ import annotations

import time
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from paper_mutations import broken_latex

from claims.errors import PaperError
from claims.extractor import drafts_of
from claims.latex import read_latex
from claims.paper import PaperText, Passage
from claims.quantities import CommaStyle, quantities_in, values_of
from claims.reading import read_paper
from claims.table_findings import table_findings

SECONDS = 20
"""Processor time for one small input; the bounds keep it near two."""


def read_in_time(text: str) -> PaperText:
    before = time.process_time()
    paper = read_latex(text, "main.tex", lambda name: f"File '{name[:20]}' is missing.")
    drafts_of(paper, "main.tex")  # which checks that every draft stands in the paper
    for finding in table_findings(paper):
        assert all(paper.find(address) is not None for address in finding.cells), finding
    assert time.process_time() - before < SECONDS
    addresses = [t.address for t in paper.tables] + [p.address for p in paper.passages]
    assert len(addresses) == len(set(addresses))
    return paper


@settings(max_examples=150)
@given(broken_latex())
def test_broken_latex_is_read_without_a_traceback(text) -> None:
    read_in_time(text)


@pytest.mark.endurance
@settings(max_examples=10_000, suppress_health_check=list(HealthCheck))
@given(broken_latex())
def test_ten_thousand_broken_papers_are_read_without_a_traceback(text) -> None:
    read_in_time(text)


PROSE = (
    "improves", "by", "8.2", "7.5%", "and", ",", "points", "on", "XNLI", "over", "BERT",
    "up to", "does not", "consistently", "best", "state of the art", "we use", "3", "tasks",
    "(", ")", "[1]", "from", "to", "neither", "nor", "accuracy", "of", ";", "while",
    "respectively", "2020", "Section", "±", "-", "+1.5", "2.5x", "95% CI", "e.g.", ".", "We",
    "twice", "1e-5", "e9", "\u2009", "é", "§", "7 of 9", "F1", "gains", "reduces", "for each",
)  # fmt: skip


@settings(max_examples=300)
@given(st.lists(st.sampled_from(PROSE) | st.text(max_size=6), max_size=60))
def test_any_prose_is_drafted_from_and_every_draft_stands_in_it(words) -> None:
    text = " ".join(words)
    passage = Passage(address="abstract/p1", place="abstract", kind="abstract", text=text)
    drafts_of(PaperText(format="text", passages=(passage,), tables=()), "prose")


@given(st.text(alphabet="0123456789.,-+−±^_()%kM ×eE[]\u2009/↑", max_size=60), st.booleans())
def test_any_cell_has_numbers_that_are_finite_or_none(text, comma) -> None:
    for style in (CommaStyle(comma), CommaStyle(comma, uncertainty_in_parentheses=True)):
        for quantity in (*values_of(text, style), *quantities_in(text, style)):
            assert quantity.rounded.low <= quantity.exact <= quantity.rounded.high
            assert quantity.truncated.low <= quantity.exact <= quantity.truncated.high


@settings(max_examples=60)
@given(
    st.text(max_size=400),
    st.sampled_from(["", "<html><p>", "# a\n\n", "|a|b|\n|-|-|\n", "<table><td>"]),
)
def test_any_text_of_any_format_is_read(tmp_path_factory, text, start) -> None:
    path = tmp_path_factory.getbasetemp() / "any"
    path.write_bytes((start + text).encode("utf-8", "surrogatepass"))
    with suppress(PaperError):
        paper = read_paper(path)
        assert paper.format in {"html", "markdown", "text", "latex"}
        drafts_of(paper, "any")


@pytest.mark.parametrize(
    "text",
    [
        "{" * 100_000,
        "\\textbf{" * 50_000,
        "\\def\\a#1{\\a{#1#1}}\\a{x}",
        "\\def\\a{\\a\\a}\\a",
        "\\def\\a#1{#1}" + "\\a{" * 50_000,
        "$x^{" * 50_000,
        "\\begin{tabular}{c}" * 5_000,
        "\\begin{table}" * 5_000,
        "\\begin{tabular}{*{999}{*{999}{*{999}{c}}}} a \\\\ \\end{tabular}",
        "\\begin{tabular}{c}" + "\\multicolumn{9999}{c}{\\multirow{9999}{*}{x}} & \\\\" * 500,
        "\\begin{tabular}{c}" + "1 & " * 50_000 + "\\end{tabular}",
        "\\begin{tabular}{c}" + "1 \\\\ " * 20_000 + "\\end{tabular}",
        "\\begin{verbatim}" * 20_000,
        "\\verb|" * 20_000,
        "\\iffalse" * 50_000,
        "\\a[" * 20_000,
        ("\\frac{" * 500 + "\n\n") * 100,
        "\\footnote{" * 20_000,
        "%" * 300_000,
        " \n" * 150_000,
        "\\section{" * 20_000,
        "\\item" * 50_000,
    ],
    ids=lambda text: text[:24].strip(),
)  # fmt: skip
def test_inputs_made_to_take_for_ever_end_soon(text) -> None:
    read_in_time(text)


def test_deep_html_is_read(tmp_path: Path) -> None:
    path = tmp_path / "deep"
    path.write_text("<html>" + "<div>" * 50_000 + "<table>" * 200 + "<td>1" * 5_000)
    before = time.process_time()
    assert read_paper(path).format == "html"
    assert time.process_time() - before < SECONDS


def test_paper_of_sixty_pages_with_thirty_tables_takes_seconds(tmp_path: Path) -> None:
    from benchmarks.paper_reading import long_paper

    path = tmp_path / "long.tex"
    path.write_text(long_paper(60, 30))
    before = time.process_time()
    paper = read_paper(path)
    drafts = drafts_of(paper, str(path)).drafts
    assert time.process_time() - before < 15
    assert drafts[0].number.value == 8.2
    assert len(drafts[0].also_at) == 20
    assert len(paper.tables) == 30
    assert [c.value for c in paper.tables[29].cells if c.row == 14][1:3] == [61.1, 62.2]
