"""HTML, Markdown, plain text and PDF fill the same records as LaTeX; hostile input is refused."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

from claims.errors import PaperError
from claims.paper import Cell, PaperText
from claims.reading import MAX_BYTES, read_paper

PAPERS = Path(__file__).parent / "papers"


def cell(paper: PaperText, address: str) -> Cell:
    found = paper.find(f"tables/{address}")
    assert isinstance(found, Cell), [t.address for t in paper.tables]
    return found


def written(tmp_path: Path, text: str | bytes, name: str = "paper") -> Path:
    path = tmp_path / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


# --- HTML -----------------------------------------------------------------------------------------


def test_html_of_arxiv_keeps_sections_notes_and_formulas() -> None:
    paper = read_paper(PAPERS / "latexml.html")
    assert (paper.format, paper.title, paper.notices) == ("html", "Bridging in HTML", ())
    texts = {p.address: p.text for p in paper.passages}
    assert texts["abstract/p1"] == "We gain 8.2 points."
    assert texts["s1/p1"] == "Hello x_1±0.2 see end."
    assert texts["footnotes/1"] == "A note."
    assert texts["tables/S1.T1/caption"] == "Main results (%)."


def test_scaled_table_of_spans_reads_like_a_table() -> None:
    paper = read_paper(PAPERS / "latexml.html")
    bold, spread = cell(paper, "S1.T1/r3c2"), cell(paper, "S1.T1/r3c3")
    assert (bold.value, bold.emphasis, bold.unit) == (88.1, ("bold",), "percent")
    assert (bold.row_headers, bold.column_headers) == (("XLM-R",), ("XNLI", "en"))
    assert (spread.value, spread.main.spread, spread.column_headers) == (77.2, 0.3, ("XNLI", "de"))


def test_row_span_pushes_the_cells_below_to_the_right() -> None:
    paper = read_paper(PAPERS / "latexml.html")
    last = cell(paper, "unnumbered-1/r3c2")
    assert (last.value, last.row_headers, last.column_headers) == (2, ("m",), ("B",))


def test_plain_html_table_with_colours_and_spans(tmp_path) -> None:
    paper = read_paper(written(tmp_path, """<html><body><h1>T</h1><table><caption>Table 4: C</caption>
      <thead><tr><th rowspan=2>Model</th><th colspan=2>QA</th></tr>
      <tr><th>F1</th><th>EM</th></tr></thead>
      <tr><td>A</td><td style="color: red; font-weight:bold">77.2</td><td>63.3<sup>*</sup></td></tr>
      </table></body></html>"""))  # fmt: skip
    (table,) = paper.tables
    found = cell(paper, "1/r3c2")
    assert table.caption == "C"
    assert (found.value, found.emphasis, found.colours) == (77.2, ("bold",), ("red",))
    assert found.column_headers == ("QA", "F1")
    assert cell(paper, "1/r3c3").value == 63.3


def test_text_of_scripts_and_menus_is_no_part_of_a_paper(tmp_path) -> None:
    paper = read_paper(
        written(tmp_path, "<html><body><script>x=9</script><nav><p>Menu</p></nav><p>Yes.</p>")
    )
    assert [p.text for p in paper.passages] == ["Yes."]


# --- Markdown and plain text ----------------------------------------------------------------------


def test_markdown_tables_take_the_caption_above_or_below() -> None:
    paper = read_paper(PAPERS / "bridging.md")
    assert (paper.format, paper.title) == ("markdown", "Bridging in Markdown")
    assert [(t.address, t.caption) for t in paper.tables] == [
        ("tables/1", "Main results (%)."),
        ("tables/2", "Sizes."),
    ]
    best = cell(paper, "1/r2c2")
    assert (best.value, best.emphasis, best.unit) == (88.1, ("bold",), "percent")
    assert cell(paper, "1/r2c3").main.spread == 0.3
    assert cell(paper, "1/r3c3").value == -1.2
    assert cell(paper, "2/r2c2").value == 392_702


def test_markdown_sections_have_the_addresses_of_latex() -> None:
    texts = {p.address: p.text for p in read_paper(PAPERS / "bridging.md").passages}
    assert texts["abstract/p1"] == "We gain 8.2 points over the baseline."
    assert texts["s1/heading"] == "Results"
    assert texts["s1/p1"] == "As Table 1 shows, all is well."


def test_plain_text_joins_broken_words_and_reads_aligned_columns() -> None:
    paper = read_paper(PAPERS / "bridging.txt")
    texts = {p.address: p.text for p in paper.passages}
    assert (paper.format, paper.title) == ("text", "Bridging in Plain Text")
    assert texts["abstract/p1"] == "We gain 8.2 points over the baseline."
    assert texts["s2.1/heading"] == "More"
    found = cell(paper, "1/r3c2")
    assert (found.value, found.row_headers, found.column_headers) == (70.1, ("mBERT",), ("en",))


# --- PDF ------------------------------------------------------------------------------------------


def pdf_of(lines: list[str]) -> bytes:
    """Return a PDF of one page with one line of text below the other."""
    shown = b"\n".join(b"(%s) Tj 0 -14 Td" % line.encode() for line in lines)
    stream = b"BT /F1 11 Tf 60 760 Td\n%s\nET" % shown
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        (
            b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 4 0 R "
            b"/Resources << /Font << /F1 5 0 R >> >> >>"
        ),
        b"<< /Length %d >>\nstream\n%s\nendstream" % (len(stream), stream),
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
    ]
    data, places = b"%PDF-1.4\n", []
    for i, body in enumerate(objects, start=1):
        places.append(len(data))
        data += b"%d 0 obj\n%s\nendobj\n" % (i, body)
    table = b"".join(b"%010d 00000 n \n" % place for place in places)
    end = len(data)
    data += b"xref\n0 6\n0000000000 65535 f \n%s" % table
    return data + b"trailer << /Size 6 /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n" % end


needs_pdf = pytest.mark.skipif(
    importlib.util.find_spec("pypdfium2") is None, reason="the extra `pdf` is not installed"
)


@needs_pdf
def test_pdf_gives_passages_and_says_that_tables_are_not_read(tmp_path) -> None:
    data = pdf_of(
        ["A Paper", " ", "1 Results", "We gain 8.2 points over the base-", "line. So it is."]
    )
    paper = read_paper(written(tmp_path, data, "a name; with 'quotes'"))
    assert paper.format == "pdf"
    assert not paper.tables
    assert "Tables of a PDF are not read" in paper.notices[0]
    texts = {p.address: p.text for p in paper.passages}
    assert texts["s1/p1"] == "We gain 8.2 points over the baseline. So it is."


@needs_pdf
@pytest.mark.parametrize("data", [b"%PDF-1.4\n", b"%PDF-1.7\n" + b"1 0 obj <<" * 1000])
def test_broken_pdf_is_refused_with_a_message(tmp_path, data) -> None:
    with pytest.raises(PaperError, match="cannot be read"):
        read_paper(written(tmp_path, data))


# --- what is refused, and what is bounded ---------------------------------------------------------


def test_content_decides_the_format_and_not_the_name(tmp_path) -> None:
    assert read_paper(written(tmp_path, "\\section{A} b", "a.html")).format == "latex"
    assert read_paper(written(tmp_path, "<!DOCTYPE html><p>b", "a.tex")).format == "html"
    assert read_paper(written(tmp_path, "# A\n\nb", "a.pdf")).format == "markdown"
    assert read_paper(written(tmp_path, "A\n\nb", "a.md")).format == "text"


@pytest.mark.parametrize(
    ("data", "found"),
    [
        (b"PK\x03\x04...", "a zip archive"),
        (b"\x1f\x8b...", "a gzip file"),
        (b"abc\x00def", "binary data"),
        (b"a" * (MAX_BYTES + 1), "more than 8388608 bytes"),
    ],
)
def test_what_is_no_paper_is_refused_with_a_message(tmp_path, data, found) -> None:
    with pytest.raises(PaperError, match=f"found {found} ; expected"):
        read_paper(written(tmp_path, data))


def test_missing_path_and_folder_without_paper_are_refused(tmp_path) -> None:
    for path in (tmp_path / "nowhere", tmp_path, Path("a\x00b")):
        with pytest.raises(PaperError, match="found no"):
            read_paper(path)


def test_input_never_leaves_the_folder_of_the_paper(tmp_path) -> None:
    (tmp_path / "secret.tex").write_text("SECRET")
    folder = tmp_path / "paper"
    folder.mkdir()
    (folder / "link.tex").symlink_to(tmp_path / "secret.tex")
    (folder / "up").symlink_to(tmp_path)
    inputs = ["../secret", str(tmp_path / "secret.tex"), "link", "up/secret", "|id", "/etc/passwd"]
    body = "".join(f"\\input{{{name}}}" for name in inputs)
    (folder / "main.tex").write_text(
        f"\\documentclass{{a}}\\begin{{document}}x {body}\\end{{document}}"
    )
    paper = read_paper(folder)
    assert [p.text for p in paper.passages] == ["x"]
    assert len(paper.notices) == len(inputs)


def test_file_that_reads_itself_ends(tmp_path) -> None:
    main = "\\documentclass{a}\\begin{document}x \\input{main}\\input{b}\\end{document}"
    (tmp_path / "main.tex").write_text(main)
    (tmp_path / "b.tex").write_text("y \\input{b}")
    paper = read_paper(tmp_path)
    assert any("reads itself" in notice for notice in paper.notices)
    assert paper.passages[0].text.startswith("x y")


def test_main_file_of_a_folder_is_the_one_with_a_document_class(tmp_path) -> None:
    (tmp_path / "aaa.tex").write_text("\\section{No} no")
    (tmp_path / "zzz.tex").write_text("\\documentclass{a}\\begin{document}yes\\end{document}")
    assert [p.text for p in read_paper(tmp_path).passages] == ["yes"]


def test_text_that_is_not_utf_8_is_read_with_a_notice(tmp_path) -> None:
    paper = read_paper(written(tmp_path, "\\section{Caf\u00e9} G\u00f6del".encode("latin-1")))
    assert paper.passages[0].text == "Café"
    assert "no UTF-8" in paper.notices[0]
