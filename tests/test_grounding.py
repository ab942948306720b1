"""A number is entailed only where headers tie the sentence to the cells that give it."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import pytest
import yaml

from claims.grounding import NumberCheck, Sentence, check_number
from claims.paper import PaperText, Quantity
from claims.reading import read_paper

PAPERS = Path(__file__).parent / "papers"
STATEMENTS = yaml.safe_load((PAPERS / "statements.yaml").read_text())


@cache
def paper(name: str) -> PaperText:
    return read_paper(PAPERS / name)


def check(row: dict[str, str]) -> NumberCheck:
    decimals = len(row["number"].partition(".")[2])
    number = Quantity(raw=row["number"], value=float(row["number"]), decimals=decimals)
    return check_number(Sentence(row["text"], number, row["says"]), paper(row["paper"]))


def rows(truth: str) -> list[dict[str, str]]:
    found = [row for row in STATEMENTS if row["truth"] == truth]
    assert found
    return found


def name_of(row: dict[str, str]) -> str:
    return f"{row['text'][:50]} ({row['number']})"


@pytest.mark.parametrize("row", rows("true"), ids=name_of)
def test_true_statement_is_entailed(row) -> None:
    found = check(row)
    assert found.status == "entailed", found
    assert all(paper(row["paper"]).find(address) for address in found.hits[0].cells)


@pytest.mark.parametrize("row", rows("false"), ids=name_of)
def test_false_statement_is_never_entailed_and_mostly_impossible(row) -> None:
    assert check(row).status == "impossible", check(row)


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


NAMES = ("transfer.tex", "lines.tex", "komma.tex", "parts", "deltas.tex", "modern.tex")


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
            for says in ("value", "gain", "relative", "factor"):
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
