"""What a paper's tables say against themselves is found, and nothing is found in tables that agree."""

from __future__ import annotations

from fractions import Fraction
from functools import cache
from pathlib import Path

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from printed_numbers import printed

from claims.finding import TableFinding
from claims.latex import read_latex
from claims.paper import PaperText
from claims.reading import read_paper
from claims.table_findings import MAX_FINDINGS, table_findings

PAPERS = Path(__file__).parent / "papers"


@cache
def found_in(name: str) -> tuple[TableFinding, ...]:
    return table_findings(read_paper(PAPERS / name))


def read(body: str) -> PaperText:
    return read_latex(
        f"\\documentclass{{article}}\\begin{{document}}{body}\\end{{document}}",
        "main.tex",
        lambda name: name,
    )


def table(rows: list[list[str]], caption: str, columns: str | None = None) -> str:
    head, *body = [" & ".join(row) + r" \\" for row in rows]
    lines = "\n".join([head, r"\midrule", *body])
    spec = columns or "l" + "c" * (len(rows[0]) - 1)
    return (
        f"\\begin{{table}}\\begin{{tabular}}{{{spec}}}\n\\toprule\n{lines}\n\\bottomrule\n"
        f"\\end{{tabular}}\\caption{{{caption}}}\\end{{table}}\n"
    )


def kinds(body: str) -> list[tuple[str, str]]:
    return [(f.kind, f.status) for f in table_findings(read(body))]


PLANTED = {
    ("bold", "contradicts", "tab:bold/r3c2"),
    ("bold", "contradicts", "tab:bolds/r3c2"),
    ("bold", "contradicts", "tab:lowest/r3c2"),
    ("underline", "contradicts", "tab:underline/r4c2"),
    ("mean", "contradicts", "tab:mean/r3c5"),
    ("mean", "contradicts", "tab:foot/r5c3"),
    ("f1", "contradicts", "tab:f1/r3c4"),
    ("difference", "contradicts", "tab:gain/r4c3"),
    ("difference", "contradicts", "tab:aside/r4c3"),
    ("difference", "contradicts", "tab:aside/r5c3"),
    ("percentage", "contradicts", "tab:hundred/r3c2"),
    ("repeated", "contradicts", "tab:once/r2c5"),
    ("repeated", "unclear", "tab:once/r2c2"),
}


def test_every_planted_contradiction_is_found_and_nothing_else() -> None:
    found = {(f.kind, f.status, f.cells[0].removeprefix("tables/")) for f in found_in("wrong.tex")}
    assert found == PLANTED


def test_findings_have_addresses_that_lead_back_to_the_paper() -> None:
    paper = read_paper(PAPERS / "wrong.tex")
    for finding in found_in("wrong.tex"):
        assert len(finding.cells) == len(finding.places) >= 1
        assert all(paper.find(address) is not None for address in finding.cells), finding


@pytest.mark.parametrize(
    "name",
    ["styles.tex", "lines.tex", "komma.tex", "parts", "modern.tex", "bridging.md", "bridging.txt",
     "latexml.html"],
)  # fmt: skip
def test_tables_that_agree_give_no_finding(name) -> None:
    assert found_in(name) == ()


def test_contradictions_in_the_papers_that_hold_some_are_the_only_ones() -> None:
    assert [(f.kind, f.cells[0]) for f in found_in("transfer.tex")] == [
        ("mean", "tables/tab:main/r5c7")
    ]
    assert [(f.kind, f.cells[0]) for f in found_in("deltas.tex")] == [
        ("f1", "tables/tab:prf/r3c4"),
        ("bold", "tables/tab:wrong/r2c3"),
        ("mean", "tables/tab:wrong/r3c5"),
    ]


BOLD_OFF = [["Model", "A1", "B1"], ["Elm", "70.0", r"\textbf{80.0}"], ["Oak", r"\textbf{69.0}", "75.0"],
            ["Ash", "60.0", "74.0"]]  # fmt: skip


@pytest.mark.parametrize(
    ("caption", "wanted"),
    [
        ("Accuracy. Best in bold.", [("bold", "contradicts")]),
        ("Accuracy.", [("bold", "unclear")]),
        ("Accuracy. Our models are in bold.", []),
        ("Accuracy. Bold: the best, or not significantly worse.", []),
        ("Best in bold.", []),
    ],
)
def test_bold_counts_as_wrong_only_as_far_as_the_caption_and_the_direction_go(
    caption, wanted
) -> None:
    found = kinds(table(BOLD_OFF, caption))
    assert found == wanted


@pytest.mark.parametrize(
    "rows",
    [
        # a row that is bold from end to end
        [["Model", "A1", "B1"], ["Elm", "70.0", "80.0"], ["Ours", r"\textbf{69.0}", r"\textbf{75.0}"]],
        # a person is no competitor
        [["Model", "A1", "B1"], ["Human", "90.0", "95.0"], ["Elm", r"\textbf{70.0}", "60.0"],
         ["Oak", "66.0", r"\textbf{75.0}"]],
        # the best of each block
        [["Model", "A1", "B1"], ["Elm", r"\textbf{70.0}", "60.0"], ["Oak", "66.0", r"\textbf{75.0}"],
         [r"\midrule Fir", r"\textbf{60.0}", "51.0"], ["Yew", "59.0", r"\textbf{55.0}"]],
        # two that print alike
        [["Model", "A1", "B1"], ["Elm", r"\textbf{70.0}", "60.0"],
         ["Oak", r"\textbf{70.0}", r"\textbf{75.0}"]],
    ],
    ids=["own row", "person", "blocks", "tie"],
)  # fmt: skip
def test_bold_for_good_reasons_is_no_finding(rows) -> None:
    assert kinds(table(rows, "Accuracy.")) == []


def test_mean_without_an_evident_grouping_is_unclear_and_said_once() -> None:
    rows = [
        ["Model", "A1", "B1", "Avg"],
        ["Elm", "70.0", "80.0", "61.0"],
        ["Oak", "60.0", "75.0", "62.0"],
    ]
    assert kinds(table(rows, "Accuracy.")) == [("mean", "unclear")]
    rows = [["Model", "Mean", "Std"], ["Elm", "70.0", "0.3"], ["Oak", "60.0", "0.8"]]
    assert kinds(table(rows, "Accuracy.")) == []


def test_f1_of_macro_averages_is_unclear_unless_it_is_above_their_mean() -> None:
    rows = [
        ["Model", "P", "R", "F1"],
        ["Elm", "80.0", "60.0", "66.0"],
        ["Oak", "80.0", "60.0", "68.6"],
    ]
    assert kinds(table(rows, "Macro averages.")) == [("f1", "unclear")]
    assert kinds(table(rows, "By class.")) == [("f1", "contradicts")]
    rows[1][3] = "70.2"
    assert kinds(table(rows, "Macro averages.")) == [("f1", "contradicts")]


def test_percentage_above_a_hundred_is_no_finding_where_it_may_be_a_growth() -> None:
    for head, wanted in (
        ("Accuracy", "contradicts"),
        ("Share", "unclear"),
        ("Relative cost", None),
    ):
        rows = [["Model", head, "Dim"], ["Elm", r"120.0\%", "300"], ["Oak", r"80.0\%", "768"]]
        found = kinds(table(rows, "Some numbers."))
        assert found == ([("percentage", wanted)] if wanted else []), head


def test_rows_of_another_split_are_not_the_same_cells() -> None:
    head = ["Model", "A1", "B1", "C1", "D1"]
    dev = table([head, ["Elm", "70.0", "80.0", "61.0", "55.0"]], "Dev accuracy.")
    test = table([head, ["Elm", "69.1", "78.2", "60.3", "54.7"]], "Test accuracy.")
    assert kinds(dev + test) == []
    same = table([head, ["Elm", "70.0", "80.0", "61.0", "45.0"]], "Again.")
    assert kinds(dev + same) == [("repeated", "contradicts")]
    rounded = table([head, ["Elm", "70", "80", "61", "55"]], "In whole points.")
    assert kinds(dev + rounded) == []


SCORES = st.lists(
    st.lists(st.integers(10_000, 99_999), min_size=3, max_size=5), min_size=3, max_size=6
).map(lambda rows: [[Fraction(x, 1000) for x in row[: min(map(len, rows))]] for row in rows])


@settings(max_examples=60, deadline=None)
@given(SCORES, st.booleans(), st.booleans(), st.integers(0, 2), st.data())
def test_means_bold_and_differences_that_follow_are_no_finding_and_one_that_does_not_is(
    scores, cut, cut_mean, places, data
) -> None:
    """The true numbers have three places; the table prints them with fewer, rounded or cut off."""
    tops = [max(column) for column in zip(*scores, strict=True)]
    rows = [["Model", *(f"Task{k}" for k in range(len(tops))), "Avg", "Gain"]]
    first = sum(scores[0], Fraction(0)) / len(tops)
    for k, row in enumerate(scores):
        mean = sum(row, Fraction(0)) / len(row)
        cells = [
            f"\\textbf{{{printed(x, places, cut=cut)}}}"
            if x == top
            else printed(x, places, cut=cut)
            for x, top in zip(row, tops, strict=True)
        ]
        gain = mean - first
        sign = "+" if gain >= 0 else "$-$"
        gain_text = "--" if k == 0 else sign + printed(abs(gain), places, cut=cut_mean)
        rows.append([f"M{k}", *cells, printed(mean, places, cut=cut_mean), gain_text])
    caption = "Accuracy, the best in bold."
    assert kinds(table(rows, caption)) == []

    k = data.draw(st.integers(1, len(scores) - 1))
    # rows of equal numbers do not tell what an average is of
    assume(sum(len(set(row)) > 1 for i, row in enumerate(scores) if i != k) >= 2)
    off = data.draw(st.integers(5, 20))
    rows[k + 1][-2] = f"{float(rows[k + 1][-2]) + off:.{places}f}"
    found = {
        (f.kind, f.cells[0].rpartition("/")[2]) for f in table_findings(read(table(rows, caption)))
    }
    # with two other rows that are alike it may be the gain beside it that is told to be off
    assert found & {
        ("mean", f"r{k + 2}c{len(tops) + 2}"), ("difference", f"r{k + 2}c{len(tops) + 3}")
    }  # fmt: skip


def test_findings_on_a_paper_are_bounded() -> None:
    rows = [["Model", "Accuracy"], *([f"M{k}", f"{200 + k}.5"] for k in range(MAX_FINDINGS + 50))]
    assert len(table_findings(read(table(rows, "Too good.")))) == MAX_FINDINGS


def test_rows_reprinted_with_f1_and_em_agree_with_their_average_over_seven_tasks() -> None:
    """Two rows of XTREME as RemBERT's paper prints them."""
    head = ["Model", "XNLI", "PAWS-X", "POS", "NER", "XQuAD", "MLQA", "TyDiQA", "Avg"]
    rows = [
        head,
        [
            "XLM-R",
            "79.2",
            "86.4",
            "73.8",
            "65.4",
            "76.6 / 60.8",
            "71.6 / 53.2",
            "65.1 / 45.0",
            "70.1",
        ],
        [
            "STiLTs",
            "80.0",
            "87.9",
            "74.9",
            "64.0",
            "78.7 / 63.3",
            "72.4 / 53.7",
            "76.0 / 59.5",
            "72.7",
        ],
    ]
    assert kinds(table(rows, "Test scores.")) == []
    rows[2][-1] = "73.5"
    assert kinds(table(rows, "Test scores.")) == [("mean", "contradicts")]
    again = [head[:5], ["XLM-R", "79.2", "86.4", "72.6", "65.4"]]
    rows[2][-1] = "72.7"
    both = table_findings(read(table(rows, "Test scores.") + table(again, "In another place.")))
    assert [(f.kind, f.status) for f in both] == [("repeated", "contradicts")]
    assert "73.8 is printed here and 72.6 there" in both[0].text
