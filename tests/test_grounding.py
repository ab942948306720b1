"""A number is entailed only where headers tie the sentence to the cells that give it."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import get_args

import pytest
import yaml

from claims.algebra import MAX_FORMULAS
from claims.grounding import NumberCheck, Says, Sentence, check_number
from claims.paper import PaperText, Quantity
from claims.reading import read_paper

PAPERS = Path(__file__).parent / "papers"
NOISE = """Table 1: WER.

| Training | CafeSet | CarSet |
|---|---|---|
| Street noise | 10.4 | 12.1 |
| Mixed noise | 10.9 | 11.8 |
"""
STATEMENTS = yaml.safe_load((PAPERS / "statements.yaml").read_text())


@cache
def paper(name: str) -> PaperText:
    return read_paper(PAPERS / name)


def check(row: dict[str, str]) -> NumberCheck:
    decimals = len(row["number"].partition(".")[2])
    number = Quantity(raw=row["number"], value=float(row["number"]), decimals=decimals)
    sentence = Sentence(row["text"], number, row["says"], of=row.get("of"))
    return check_number(sentence, paper(row["paper"]))


def rows(truth: str) -> list[dict[str, str]]:
    found = [row for row in STATEMENTS if row["truth"] == truth]
    assert found
    return found


def name_of(row: dict[str, str]) -> str:
    return f"{row['text'][:50]} ({row['number']})"


def address(row: dict[str, str]) -> str:
    return row["table"] if row["table"].startswith("tables/") else f"tables/{row['table']}"


def test_more_than_twenty_tables_have_true_false_and_coincidental_statements() -> None:
    kinds: dict[tuple[str, str], set[str]] = {}
    for row in STATEMENTS:
        assert paper(row["paper"]).find(address(row)) is not None, row
        kinds.setdefault((row["paper"], row["table"]), set()).add(row["truth"])
    whole = [t for t, found in kinds.items() if found == {"true", "false", "coincidence"}]
    assert len(whole) >= 30, sorted(set(kinds) - set(whole))
    assert {r["says"] for r in STATEMENTS} == set(get_args(Says))


@pytest.mark.parametrize("row", rows("true"), ids=name_of)
def test_true_statement_is_entailed(row) -> None:
    found = check(row)
    assert found.status == "entailed", found
    assert found.hits[0].cells
    assert all(cell.startswith(f"{address(row)}/") for cell in found.hits[0].cells)
    assert all(paper(row["paper"]).find(cell) for cell in found.hits[0].cells)


@pytest.mark.parametrize("row", rows("false"), ids=name_of)
def test_false_statement_is_never_entailed_and_mostly_impossible(row) -> None:
    found = check(row)
    assert found.status == "impossible", found
    assert any(c.startswith(f"{address(row)}/") for hit in found.hits for c in hit.cells)


@pytest.mark.parametrize("row", rows("coincidence"), ids=name_of)
def test_coincidence_is_possible_at_most_with_its_chance(row) -> None:
    found = check(row)
    assert found.status == "possible", found
    assert 0 < found.chance <= 1
    assert not any(hit.tied for hit in found.hits)


def scores(paper_name: str) -> list[tuple[str, Quantity, tuple[str, ...], tuple[str, ...]]]:
    """Return every number of a paper in a table with several rows and columns, with its headers."""
    return [
        (c.address, c.main, c.row_headers, c.column_headers)
        for t in paper(paper_name).tables
        if t.columns > 2 and t.rows > 2
        for c in t.cells
        if c.role == "value" and c.main is not None and c.column > 1
    ]


NAMES = (
    "transfer.tex",
    "lines.tex",
    "komma.tex",
    "parts",
    "deltas.tex",
    "modern.tex",
    "styles.tex",
)


@pytest.mark.parametrize("name", NAMES)
def test_number_of_any_cell_in_a_sentence_on_something_else_is_never_entailed(name) -> None:
    found = scores(name)
    assert found
    for address, number, rows_, columns in found:
        others = (
            f"We pay {number.raw} euros an hour to annotators.",
            f"{' '.join(rows_)} needs {number.raw} megabytes.",
            f"There are {number.raw} thousand pages about {' '.join(columns)}.",
        )
        for text in others:
            for says in get_args(Says):
                checked = check_number(Sentence(text, number, says), paper(name))
                assert checked.status != "entailed", (address, text, checked)


def test_most_numbers_are_entailed_by_a_sentence_that_names_their_headers() -> None:
    entailed = total = 0
    for name in NAMES:
        for _, number, rows_, columns in scores(name):
            says = "gain" if number.signed else "value"
            verb = "gains" if number.signed else "has"
            text = f"The {' '.join(rows_)} {verb} {number.raw} for {' '.join(columns)}."
            status = check_number(Sentence(text, number, says), paper(name)).status
            total += 1
            entailed += status == "entailed"
            assert status != "not_derivable"
    assert entailed / total > 0.6, (entailed, total)


def test_rank_between_cells_that_print_alike_is_open() -> None:
    for number in ("2", "3"):
        row = {"paper": "styles.tex", "says": "rank", "number": number,
               "text": "Movement ranks there on Manx."}  # fmt: skip
        assert check(row).status == "possible", number
    assert check({**row, "number": "1"}).status == "impossible"
    for number in ("2", "3"):
        row = {"paper": "styles.tex", "says": "count", "number": number, "of": 4,
               "text": "Movement outperforms magnitude in some languages."}  # fmt: skip
        assert check(row).status == "possible", number


def test_rank_is_from_below_where_lower_is_better_and_open_where_nothing_says_so(tmp_path) -> None:
    for head, first in (
        ("Error rate", "entailed"),
        ("Accuracy", "impossible"),
        ("Colour", "possible"),
    ):
        path = tmp_path / f"{head}.md"
        path.write_text(f"| Model | {head} |\n|---|---|\n| Elm | 1.0 |\n| Oak | 2.0 |\n")
        one = Quantity(raw="1", value=1)
        sentence = Sentence(f"Elm ranks first on {head}.", one, "rank")
        assert check_number(sentence, read_paper(path)).status == first, head


def test_formulas_of_many_large_tables_are_bounded_and_said_to_be_cut() -> None:
    from benchmarks.paper_reading import long_paper
    from claims.latex import read_latex

    large = read_latex(long_paper(60, 30), "main.tex", lambda name: name)
    number = Quantity(raw="0.123456", value=0.123456, decimals=6)
    found = check_number(Sentence("Nothing gives 0.123456 here.", number, "gain"), large)
    assert found.status == "not_derivable"
    assert 1000 < found.tried <= MAX_FORMULAS
    assert ("More than" in found.reason) == (found.tried == MAX_FORMULAS)


def test_mean_that_only_cutting_off_gives_is_possible_and_one_that_nothing_gives_is_not(
    tmp_path,
) -> None:
    path = tmp_path / "cut.md"
    path.write_text(
        "| Model | Left | Right |\n|---|---|---|\n| Elm | 70 | 71 |\n| Oak | 50 | 55 |\n"
    )
    for number, status in (("70.9", "possible"), ("71.4", "possible"), ("71.6", "impossible")):
        wanted = Quantity(raw=number, value=float(number), decimals=1)
        sentence = Sentence(f"Elm has {number} on average.", wanted, "value")
        assert check_number(sentence, read_paper(path)).status == status, number


def test_number_of_one_of_several_named_cells_is_possible_and_not_entailed() -> None:
    row = {"paper": "transfer.tex", "says": "value", "number": "76.0",
           "text": "MNLI and SQuAD reach 76.0 on TyDiQA."}  # fmt: skip
    assert check(row).status == "possible"


@pytest.mark.parametrize(
    ("text", "status", "why"),
    [
        ("Street noise reaches a WER of 10.4 on CafeSet.", "entailed", "name the cells"),
        (
            "Street noise reaches a word error rate of 10.4 on CafeSet.",
            "entailed",
            "name the cells",
        ),
        ("Street noise reaches not only 10.4 on CafeSet.", "entailed", "name the cells"),
        ("Street noise does not reach a WER of 10.4 on CafeSet.", "possible", "denies"),
        ("Street noise never reaches 10.9 on CafeSet.", "possible", "denies"),
        ("Street noise reaches an accuracy of 10.4 on CafeSet.", "possible", "speaks of accuracy"),
        ("Street noise reaches 10.4 on CafeSet and CarSet.", "possible", "only some give"),
        ("Street noise reaches 10.9 on CafeSet.", "impossible", "no rounding"),
        ("Street noise reaches less than 10.4 on CafeSet.", "possible", "bounds the number"),
        ("Without Street noise 10.4 are reached on CafeSet.", "possible", "without something"),
        ("Street noise could reach 10.4 on CafeSet.", "possible", "supposes or excepts"),
        ("No model but Street noise reaches 10.4 on CafeSet.", "possible", "supposes or excepts"),
    ],
)
def test_sentence_that_denies_or_speaks_of_another_measure_is_possible_at_most(
    text, status, why, tmp_path
) -> None:
    source = tmp_path / "noise.md"
    source.write_text(NOISE)
    number = Quantity(raw="", value=10.9 if "10.9" in text else 10.4, decimals=1)
    found = check_number(Sentence(text, number, "value"), read_paper(source))
    assert (found.status, why in found.reason) == (status, True), found.reason


@pytest.mark.parametrize(
    ("text", "number", "status"),
    [
        ("Street noise lowers WER on CafeSet by 0.5 over Mixed noise.", -0.5, "entailed"),
        ("Street noise improves CafeSet by 0.5 over Mixed noise.", 0.5, "possible"),
        ("Mixed noise gains 0.5 over Street noise on CafeSet.", 0.5, "possible"),
        ("Mixed noise raises WER on CafeSet by 0.5 over Street noise.", 0.5, "entailed"),
    ],
)
def test_gain_where_less_is_better_needs_a_word_for_which_way_the_number_went(
    text, number, status, tmp_path
) -> None:
    source = tmp_path / "noise.md"
    source.write_text(NOISE)
    quantity = Quantity(raw="", value=number, decimals=1)
    found = check_number(Sentence(text, quantity, "gain"), read_paper(source))
    assert found.status == status, found.reason
