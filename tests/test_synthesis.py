"""Synthesis reports are read in both layouts, and nothing in them can do harm."""

from __future__ import annotations

import json
from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from synthesis_reports import AVERAGE, GOOD, PAPER_TITLE, QUESTION, SMALL, WHOLE, cut, report

from claims.errors import SynthesisError
from claims.matching import match
from claims.review import review
from claims.synthesis import MAX_BYTES, MAX_CLAIMS, parse_synthesis, read_synthesis

LAYOUTS = [
    {"markdown": False},
    {"markdown": True},
    {"markdown": True, "table": "pipes"},
]


@pytest.mark.parametrize("layout", LAYOUTS)
def test_both_layouts_say_the_same(layout) -> None:
    found = parse_synthesis(report(GOOD, **layout), name="a")
    assert found.layout == ("markdown" if layout["markdown"] else "plain")
    assert found.title == "Guild labels and taggers"
    assert found.date == "May 5, 2026"
    assert found.examined == PAPER_TITLE
    assert found.question == QUESTION
    assert found.abstract.startswith("This report asks")
    assert [s.heading for s in found.sections] == ["Introduction", "Methodology", "Results"]
    assert [c.text for c in found.claims] == [WHOLE, SMALL, AVERAGE]
    assert [c.confidence for c in found.claims] == [0.92, 0.95, 0.9]
    assert all(c.ticked and not c.cut for c in found.claims)
    assert [r.text for r in found.references] == ["<http://arxiv.org/abs/2101.01234v2>"]


def test_a_claim_is_found_in_its_line() -> None:
    text = report(GOOD)
    lines = text.split("\n")
    for claim in parse_synthesis(text, name="a").claims:
        assert lines[claim.line - 1].startswith(claim.text)


@pytest.mark.parametrize(
    ("mark", "ticked"), [("✓", True), ("yes", True), ("✗", False), ("no", False), ("maybe", None)]
)
def test_a_tick_is_a_tick_and_nothing_else(mark, ticked) -> None:
    assert parse_synthesis(report([(SMALL, mark, 0.5)]), name="a").claims[0].ticked is ticked


@pytest.mark.parametrize(
    ("printed", "value"), [("0.27", 0.27), ("27%", 0.27), ("1", 1), ("7", None), ("high", None)]
)
def test_a_confidence_outside_of_zero_to_one_is_none(printed, value) -> None:
    found = parse_synthesis(report([(SMALL, "✓", printed)]), name="a").claims[0].confidence
    assert found == (pytest.approx(value) if value else None)


def test_a_claim_that_breaks_off_is_seen_to() -> None:
    found = parse_synthesis(report([(cut(WHOLE), "✓", 0.3), (SMALL, "✓", 0.3)]), name="a")
    assert [c.cut for c in found.claims] == [True, False]


def test_a_claim_cut_in_one_report_is_whole_in_another() -> None:
    first = parse_synthesis(report([(cut(WHOLE), "✓", 0.3), (SMALL, "✓", 0.3)]), name="first")
    second = parse_synthesis(report(GOOD, markdown=True), name="second")
    whole, small, average = match([first, second])
    assert whole.text == WHOLE
    assert whole.whole
    assert whole.completed_by == "second"
    assert [(m.report, m.number) for m in whole.members] == [("first", 1), ("second", 1)]
    assert [(m.report, m.number) for m in small.members] == [("first", 2), ("second", 2)]
    assert [m.report for m in average.members] == ["second"]


def test_wordings_that_differ_in_a_citation_are_one_claim() -> None:
    cited = "We use small encoders (Smith et al., 2020) with two layers in all exp"
    bare = "We use small encoders with two layers in all experiments that we m"
    reports = [
        parse_synthesis(report([(text, "✓", 0.3)]), name=name)
        for name, text in (("a", cited), ("b", bare))
    ]
    (found,) = match(reports)
    assert found.text == bare
    assert found.wordings == (cited, bare)


@pytest.mark.parametrize(
    "other",
    [
        AVERAGE.replace("gains", "loses"),
        AVERAGE.replace("gains", "never gains"),
        AVERAGE.replace("best", "worst"),
        AVERAGE.replace("task", "language"),
    ],
)
def test_claims_that_differ_in_a_word_that_matters_are_two(other) -> None:
    reports = [
        parse_synthesis(report([(text, "✓", 0.9)]), name=name)
        for name, text in (("a", AVERAGE), ("b", other))
    ]
    assert len(match(reports)) == 2


def test_the_same_words_with_another_number_are_two_claims_and_a_finding() -> None:
    reports = [
        parse_synthesis(report([(text, "✓", 0.9)]), name=name)
        for name, text in (("a", AVERAGE), ("b", AVERAGE.replace("3.6", "6.3")))
    ]
    found = review(reports)
    assert len(found.claims) == 2
    told = [f for f in found.findings if f.check == "evidence" and f.level == "error"]
    assert "6.3 points" in told[0].detail


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("A letter, and no table.", "no table of claims"),
        ("x" * 20_000, "a line of 20000 characters"),
        (report([(SMALL, "✓", 0.5)] * (MAX_CLAIMS + 1)), f"{MAX_CLAIMS + 1} claims"),
    ],
)
def test_what_is_no_report_is_refused_by_name(text, told) -> None:
    with pytest.raises(SynthesisError, match=told):
        parse_synthesis(text, name="letter")


def test_files_that_are_none_or_too_large_or_no_text_are_refused(tmp_path) -> None:
    large, binary = tmp_path / "large.txt", tmp_path / "binary.txt"
    large.write_bytes(b"a\n" * MAX_BYTES)
    binary.write_bytes(b"Claim\xff")
    for path, told in [
        (tmp_path, "no ordinary file"),
        (tmp_path / "none.txt", "no such file"),
        (large, "more than"),
        (binary, "0xff"),
        ("a\0b", "ValueError"),
    ]:
        with pytest.raises(SynthesisError, match=told):
            read_synthesis(path)


def test_a_report_cannot_move_the_terminals_cursor() -> None:
    found = parse_synthesis(
        report([("Nice \x1b[2J claim \u202etxet here and on.", "✓", 0.5)]), name="\x1b]0;x"
    )
    assert not {"\x1b", "\u202e"} & set(found.model_dump_json() + json.loads(f'"{found.name}"'))


_PARTS = st.sampled_from(
    ["\t", "|", "#", "Claim\tVerified\tConfidence\n", "(", "\n\n", "References\n", "✓", "0.5", " ",
     "9" * 50, "Research question:", "(Smith, 2020", "\x00", ". ", "XTREME-R", "http://arxiv.org/abs/"]
)  # fmt: skip


@settings(max_examples=300)
@given(st.data())
def test_no_mutation_of_a_report_raises_anything_but_a_message(data) -> None:
    text = report([*GOOD, (cut(WHOLE), "✓", 0.1)], markdown=data.draw(st.booleans()))
    for _ in range(data.draw(st.integers(1, 8))):
        place = data.draw(st.integers(0, len(text)))
        gone = data.draw(st.sampled_from([0, 0, 1, 5, 200]))
        text = (
            text[:place]
            + data.draw(_PARTS) * data.draw(st.sampled_from([1, 1, 300]))
            + text[place + gone :]
        )
    with suppress(SynthesisError):
        found = review([parse_synthesis(text, name="mutated")])
        assert 1 <= found.reports[0].score <= 5


@pytest.mark.parametrize("heading", ["## 1 Research Question", "# Research question:"])
def test_question_under_a_heading_of_its_own_is_read(heading) -> None:
    text = f"# T\n\n{heading}\n\nDo guild labels\nhelp?\n\nMore.\n\n" + report(GOOD, question="")
    text = text.replace("Research question: .", "")
    assert parse_synthesis(text, name="a").question == "Do guild labels help?"
