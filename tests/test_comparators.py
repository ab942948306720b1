"""Each difference names whose number it was taken against, and what of the paper says so."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import corroborate
from claims.comparators import Comparator, comparators, mixed
from claims.latex import read_latex
from claims.paper import Cell, PaperText
from claims.reading import read_paper

PAPERS = Path(__file__).parent / "papers"

ROWS = r"""
Lark~\citep{lark2019} & 70.0 & 60.0 \\
Merle \citet{merle} & 71.0$^\dagger$ & 61.0$^\ddagger$ \\
Swift$^*$ & 72.0 & 62.0 \\
Swallow (our run) & 73.0 & 63.0 \\
Martin & 74.0 & 64.0 \\
Leaderboard best & 76.0 & 66.0 \\
w/o nests & 74.5 & 64.5 \\
Nesting & 75.0 & 65.0 \\
"""
CAPTION = (
    r"Accuracy. $^\dagger$: results from \citet{hu2020}. $^\ddagger$ our re-implementation. "
    r"* taken from the public leaderboard. The results of Martin were copied from \citet{martin2021}."
)


def paper(rows: str = ROWS, caption: str = CAPTION) -> PaperText:
    text = (
        "\\documentclass{article}\\begin{document}\\begin{table}\\begin{tabular}{lcc}\\toprule\n"
        f"Model & Left & Right \\\\ \\midrule {rows} \\bottomrule\\end{{tabular}}"
        f"\\caption{{{caption}}}\\label{{tab:b}}\\end{{table}}\\end{{document}}"
    )
    return read_latex(text, "main.tex", lambda name: name)


def against(address: str, found: PaperText) -> Comparator:
    control, treatment = found.find(f"tables/tab:b/{address}"), found.find("tables/tab:b/r9c2")
    assert isinstance(control, Cell)
    assert isinstance(treatment, Cell)
    (only,) = comparators([(treatment, control)], found)
    assert only.cell == control.address
    return only


@pytest.mark.parametrize(
    ("address", "origin", "source"),
    [
        ("r2c2", "copied", "lark2019"),
        ("r3c2", "copied", "hu2020"),
        ("r3c3", "own run", ""),
        ("r4c2", "leaderboard", ""),
        ("r5c2", "own run", ""),
        ("r6c2", "copied", "martin2021"),
        ("r7c2", "leaderboard", ""),
        ("r8c2", "own run", ""),
    ],
)
def test_origin_is_what_marks_headers_and_caption_say(address, origin, source) -> None:
    found = against(address, paper())
    assert (found.origin, found.source) == (origin, source), found.because
    assert found.because


@pytest.mark.parametrize(
    "caption",
    [
        "Accuracy.",
        r"Results on the data of \citet{data2018}.",
        r"$^\dagger$: significantly better.",
        r"Results from training with \citet{adam2015}.",
        r"Martin uses the tokenizer of \citet{tok2019}.",
    ],
)
def test_origin_that_nobody_states_is_unknown(caption) -> None:
    found = paper("Martin$^\\dagger$ & 74.0 & 64.0 \\\\ Nesting & 75.0 & 65.0 \\\\", caption)
    control = found.find("tables/tab:b/r2c2")
    assert isinstance(control, Cell)
    assert comparators([(control, control)], found)[0].origin == "unknown"


def test_numbers_of_different_origin_in_one_comparison_are_mixed() -> None:
    found = paper()
    cells = {a: against(a, found) for a in ("r2c2", "r2c3", "r3c2", "r3c3", "r5c2", "r5c3")}
    assert not mixed([cells["r2c2"], cells["r2c3"]])
    assert not mixed([cells["r5c2"], cells["r5c3"]])
    assert mixed([cells["r3c2"], cells["r3c3"]])
    assert mixed([cells["r2c2"], cells["r3c2"]]), "two papers"
    assert not mixed([])


def test_printed_difference_names_the_row_that_it_follows_from() -> None:
    found = read_paper(PAPERS / "transfer.tex")
    printed = found.find("tables/tab:ner/r4c3")
    assert isinstance(printed, Cell)
    assert printed.text == "+2.6"
    (only,) = comparators([(printed,)], found)
    assert only.cell == "tables/tab:ner/r3c2"


def test_ground_shows_the_comparator_and_that_baselines_are_mixed(tmp_path, capsys) -> None:
    claims = tmp_path / "claims.yaml"
    claims.write_text(
        """
schema: corroborate/claims@1
paper: {title: Nests}
claims:
  - id: nesting
    statement: Nesting improves the average of left and right by 4.0 points over Merle.
    source: {quote: unknown, found_in: the paper}
    kind: gain
    treatment: {intermediate: [squad_v1]}
    control: {intermediate: [mnli]}
    measure: {benchmark: xtreme, split: unknown}
    reported: 4.0
    tolerance: {points: 1.0, because: a test}
    minimum_effect: {points: 0.5, because: a test}
"""
    )
    source = tmp_path / "paper.tex"
    rows = ROWS.replace(r"Merle \citet{merle}", "Merle")
    source.write_text(
        "\\documentclass{article}\\begin{document}\\begin{table}\\begin{tabular}{lcc}\\toprule\n"
        f"Model & Left & Right \\\\ \\midrule {rows} \\bottomrule\\end{{tabular}}"
        f"\\caption{{{CAPTION}}}\\label{{tab:b}}\\end{{table}}\\end{{document}}"
    )
    assert corroborate.main(["ground", str(claims), "--paper", str(source)]) == 0
    out = capsys.readouterr().out
    assert "compared with: copied (hu2020), table 1" in out
    assert "compared with: own run, table 1" in out
    assert "MIXED baselines" in out
    assert "tables: no contradiction was found in them" in out
    assert corroborate.main(["ground", str(claims), "--paper", str(source), "--json"]) == 0
    (claim,) = json.loads(capsys.readouterr().out)["checks"][0]["claims"]
    assert claim["mixed_baselines"] is True
    assert [c["origin"] for c in claim["comparators"]] == ["copied", "own run"]
