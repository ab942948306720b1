"""The PDF: pages that say where evidence is weak, on which hostile words stay words."""

from __future__ import annotations

import ctypes
import re
import time
from collections.abc import Iterator

import pypdfium2
import pypdfium2.raw as pdfium
import pytest
from test_reports import claim_set, conceptual, controls, decided, document, gain

from reports import to_pdf
from reports.document import Document
from reports.errors import RendererError
from reports.to_pdf import RENDERER as PDF

EVIL = (
    '#read("/etc/passwd") #import "@preview/x:1.0.0" #eval("1") #{ $x^2$ @squad-gain <report> `raw` '
    "``` *bold* _it_ = Head // gone /* gone */ \\u{41} \\textbf{x} $$\\int$$ <script>alert(1)</script> "
    '"}]} &lt; [a](javascript:1) \u202e \u05e9\u05dc\u05d5\u05dd \n\n= Head\n- item'
)
UNASSIGNED = "\u0378"
"""No font has what Unicode does not have."""


def opened(of: Document) -> pypdfium2.PdfDocument:
    return pypdfium2.PdfDocument(PDF.render(of))


def texts(pdf: pypdfium2.PdfDocument) -> list[str]:
    return [page.get_textpage().get_text_bounded() for page in pdf]


def one_line(pdf: pypdfium2.PdfDocument) -> str:
    return re.sub(r"\s+", " ", " ".join(texts(pdf)).replace("\x02", "-"))


def claimed(statement: str) -> Document:
    return document([claim_set(gain(statement=statement, notes=[statement]))], [{}])


def targets(pdf: pypdfium2.PdfDocument) -> Iterator[int]:
    """Yield the page that each link leads to; -1 for one that leads out of the document."""
    for page in pdf:
        place, link = ctypes.c_int(0), pdfium.FPDF_LINK()
        while pdfium.FPDFLink_Enumerate(page, place, link):
            there = pdfium.FPDFLink_GetDest(pdf, link)
            yield pdfium.FPDFDest_GetDestPageIndex(pdf, there) if there else -1


@pytest.mark.parametrize(
    ("of", "mark"), [(conceptual(), "Conceptual evidence only."), (controls(), "Simulated.")]
)
def test_every_page_says_that_its_evidence_is_weak(of, mark) -> None:
    pages = texts(opened(of))
    assert len(pages) > 2
    for place, said in enumerate(pages, 1):
        assert mark in said.splitlines()[0] + said.splitlines()[1]
        assert said.split()[-3:] == [str(place), "/", str(len(pages))]


def test_pages_of_strong_evidence_bear_no_mark() -> None:
    head = texts(opened(decided()))[1].splitlines()[0]
    assert head.strip() == "Audit of An Example Paper; The harness itself"


def test_stale_verdict_says_so_on_top_of_its_claim() -> None:
    stale = document([claim_set(gain())], [{"stale": ["other scoring code"]}])
    said = one_line(opened(stale))
    below = said.partition("squad-gain: reproduced ")[2]
    assert below.startswith("Stale: other scoring code. Run the plan anew.")


def test_file_tells_its_title_language_and_time_and_is_tagged() -> None:
    content = PDF.render(decided())
    found = pypdfium2.PdfDocument(content).get_metadata_dict()
    assert found["Title"] == decided().title
    assert found["CreationDate"] == "D:20260102030405Z"
    assert b"/Lang(en)" in content
    assert b"/MarkInfo<</Marked true" in content
    assert b"<pdfuaid:part>1</pdfuaid:part>" in content


@pytest.mark.parametrize("generated", ["2026-01-02T03:04:05Z", "yesterday", "0001-01-01"])
def test_same_document_gives_the_same_bytes_at_any_time(generated) -> None:
    of = decided().model_copy(update={"generated": generated})
    first = PDF.render(of)
    time.sleep(1.1)
    assert PDF.render(of) == first


def test_sections_are_bookmarks_and_links_lead_to_claims() -> None:
    pdf = opened(decided())
    marks = [(mark.level, mark.get_title()) for mark in pdf.get_toc()]
    assert marks[:3] == [
        (0, "Audit of An Example Paper; The harness itself"),
        (1, "Verdicts"),
        (1, "Claims of An Example Paper (2005.13013v2)"),
    ]
    assert (2, "squad-gain: reproduced") in marks
    led = list(targets(pdf))
    assert -1 not in led
    assert len(set(led)) > 2


def test_long_table_repeats_its_head_on_every_page() -> None:
    of = decided()
    pdf = opened(of.model_copy(update={"runs": of.runs * 20}))
    heads = [
        said for said in texts(pdf) if "run what status time facts" in said.replace("\r\n", " ")
    ]
    assert len(heads) > 2


def test_two_papers_may_name_their_claims_alike() -> None:
    of = decided()
    led = list(targets(opened(of.model_copy(update={"sets": of.sets * 2}))))
    assert led
    assert -1 not in led


def test_hostile_words_stay_words() -> None:
    pdf, calm = opened(claimed(EVIL)), opened(claimed("calm"))
    shown = re.sub(r"\s+", " ", EVIL.partition("\u202e")[0])
    said = one_line(pdf)
    assert said.count(shown) == 2
    assert "\u202e" not in said
    assert said.count("\ufffd") == 2
    assert [m.get_title() for m in pdf.get_toc()] == [m.get_title() for m in calm.get_toc()]
    led = list(targets(pdf))
    assert len(led) == len(list(targets(calm)))
    assert -1 not in led
    raw = PDF.render(claimed(EVIL))
    assert not re.search(rb"/(JavaScript|JS|Launch|EmbeddedFile|URI|AA|OpenAction)\b", raw)


def test_template_reads_nothing_and_could_not() -> None:
    template = to_pdf._template().decode()
    assert not re.search(r"\b(read|eval|plugin|import|include)\b", template)
    assert template.count("sys.inputs") == 2  # the first is in a comment


@pytest.mark.parametrize("path", ["/etc/passwd", "../../../../../../etc/passwd"])
def test_not_even_a_template_that_tries_reads_a_file(monkeypatch, path) -> None:
    monkeypatch.setattr(
        to_pdf, "_template", f'#set document(title: "x")\n= x\n#read("{path}")'.encode
    )
    with pytest.raises(RendererError, match=r"not found|escape the project root"):
        PDF.render(decided())


@pytest.mark.parametrize("word", ["W", "\u05e9", "W\u0301"])
def test_a_word_of_any_length_stays_on_the_page(word) -> None:
    of = claimed((word * 3900)[:3900])
    started = time.monotonic()
    pdf = opened(of.model_copy(update={"data_source": word * 20_000, "title": word * 300}))
    assert time.monotonic() - started < 60
    for page in pdf:
        width, _ = page.get_size()
        text = page.get_textpage()
        for place in range(text.count_rects()):
            left, _, right, _ = text.get_rect(place)
            assert left >= 0
            assert right <= width - 40


def test_a_long_identifier_in_a_table_stays_in_its_column_and_is_copied_whole() -> None:
    name = "a0" * 40
    pdf = opened(document([claim_set(gain(name))], [{"claim_id": name}]))
    assert name in "".join(texts(pdf)).replace("\r\n", "")
    (first, *_) = pdf
    text = first.get_textpage()
    begin, _ = text.search("expected?").get_next()
    kind, _ = text.search("gain", index=begin).get_next()
    cell = [i for i in range(begin + len("expected?"), kind) if text.get_text_range(i, 1) in "a0"]
    assert len(cell) == len(name)
    assert max(text.get_charbox(i)[2] for i in cell) < text.get_charbox(kind)[0]


def test_character_that_no_font_has_is_named_instead_of_left_out() -> None:
    said = one_line(opened(claimed(f"a{UNASSIGNED}b")))
    assert "No font on the machine that made this file has these characters: U+0378" in said
    assert "a\ufffdb" in said
    assert UNASSIGNED not in said
    assert "No font" not in one_line(opened(claimed("\u00e9 \u0416 \u03a9 \u2265")))


def test_fonts_of_the_machine_serve_only_where_typst_has_none(monkeypatch) -> None:
    asked: list[bool] = []
    fonts = to_pdf._fonts

    def noted(*, of_machine: bool) -> object:
        asked.append(of_machine)
        return fonts(of_machine=of_machine)

    monkeypatch.setattr(to_pdf, "_fonts", noted)
    PDF.render(decided())
    assert asked == [False]
    PDF.render(claimed(UNASSIGNED))
    assert asked == [False, False, True, True]


def test_report_too_long_to_be_set_is_refused_with_advice(monkeypatch) -> None:
    monkeypatch.setattr(to_pdf, "MOST", 10_000)
    with pytest.raises(RendererError, match="expected at most 10000"):
        PDF.render(decided())
