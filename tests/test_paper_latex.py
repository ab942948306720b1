"""Papers in LaTeX become passages and tables whose cells know their numbers and headers."""

from __future__ import annotations

from fractions import Fraction
from functools import cache
from pathlib import Path

import pytest

from claims.paper import Cell, PaperText, Table
from claims.reading import read_paper

PAPERS = Path(__file__).parent / "papers"


@cache
def paper(name: str) -> PaperText:
    return read_paper(PAPERS / name)


def table(name: str, address: str) -> Table:
    found = paper(name).find(f"tables/{address}")
    assert isinstance(found, Table), [t.address for t in paper(name).tables]
    return found


def cell(name: str, address: str) -> Cell:
    found = paper(name).find(f"tables/{address}")
    assert isinstance(found, Cell), address
    return found


def latex(tmp_path: Path, body: str, preamble: str = "") -> PaperText:
    path = tmp_path / "paper.tex"
    path.write_text(
        f"\\documentclass{{article}}\n{preamble}\\begin{{document}}\n{body}\n\\end{{document}}\n"
    )
    return read_paper(path)


def first_row(tmp_path: Path, row: str, preamble: str = "") -> list[Cell]:
    """Return the body cells of a table with one row below its head."""
    columns = row.count("&") - row.count("\\&") + 1
    head = " & ".join(f"h{i}" for i in range(columns))
    body = f"\\begin{{tabular}}{{l*{{9}}{{c}}}} {head} \\\\ \\hline {row} \\\\ \\end{{tabular}}"
    (found,) = latex(tmp_path, body, preamble).tables
    return [c for c in found.cells if c.row == 2 and c.column > 1]


def test_there_are_at_least_twenty_tables_to_read() -> None:
    names = ["transfer.tex", "lines.tex", "komma.tex", "parts", "deltas.tex", "modern.tex"]
    assert sum(len(paper(name).tables) for name in names) >= 20
    assert all(t.cells and t.rows > 1 for name in names for t in paper(name).tables)


@pytest.mark.parametrize(
    ("name", "address", "value", "decimals", "rows", "columns"),
    [
        ("transfer.tex", "tab:main/r5c4", 86.0, 1, ("Bridge", "SQuAD"), ("Sentence pair", "PAWS-X")),
        ("transfer.tex", "tab:main/r3c7", 75.3, 1, ("Bridge", "none"), ("Avg.",)),
        ("transfer.tex", "tab:ner/r4c2", 64.4, 1, ("Zero-shot", "+ bridging"), ("F1",)),
        ("transfer.tex", "tab:ner/r7c3", -0.7, 1, ("Few-shot", "+ bridging"), ("Δ",)),
        ("transfer.tex", "tab:si/r2c3", 0.412, 3, ("German",), ("Loss",)),
        ("transfer.tex", "tab:si/r4c4", 40321, 0, ("Swahili",), ("Train",)),
        ("transfer.tex", "tab:retrieval/r3c2", 62.5, 1, ("w/ bridging",), ("Tatoeba",)),
        ("lines.tex", "tab:grid/r4c5", 61.6, 1, ("XLM-R",), ("German", "EM")),
        ("lines.tex", "2/r3c3", 79.9, 1, ("Neural",), ("Recall",)),
        ("lines.tex", "tab:k/r4c2", 70.8, 1, ("10",), ("acc",)),
        ("lines.tex", "tab:layer/r3c2", 57.3, 1, ("14",), ("acc",)),
        ("lines.tex", "tab:stub/r4c3", 80.9, 1, ("XLM-R", "large"), ("dev",)),
        ("lines.tex", "tab:upwards/r3c2", 51, 0, ("B",), ("en",)),
        ("komma.tex", "tab:komma/r3c2", 86.05, 2, ("Neu",), ("Genauigkeit",)),
        ("komma.tex", "tab:komma/r4c3", 1_000_000, 0, ("Alt",), ("Beispiele",)),
        ("komma.tex", "tab:komma/r4c4", -4.4, 1, ("Alt",), ("Differenz",)),
        ("komma.tex", "tab:counts/r2c2", 392_702, 0, ("MNLI",), ("Train",)),
        ("komma.tex", "tab:counts/r3c2", 87_599, 0, ("SQuAD",), ("Train",)),
        ("komma.tex", "tab:counts/r3c3", 10_570, 0, ("SQuAD",), ("Dev",)),
        ("komma.tex", "tab:counts/r5c5", 150, -1, ("Web",), ("Size (M)",)),
        ("parts", "tab:own/r2c2", 70.1, 1, ("Plain",), ("dev",)),
        ("parts", "tab:layers/r3c2", 71.5, 1, ("14",), ("BUCC",)),
        ("parts", "tab:colours/r3c3", 86.4, 1, ("B",), ("PAWS-X (acc)",)),
        ("parts", "tab:long/r5c3", 79.4, 1, ("mean",), ("test",)),
        ("parts", "tab:seeds/r4c2", 61.8, 2, ("NER",), ("Seeds", "1")),
        ("deltas.tex", "tab:deltas/r3c2", 75.6, 1, ("+ MLM",), ("XNLI",)),
        ("deltas.tex", "tab:panels/r3c2", 80.0, 1, ("A",), ("Panel A: classification", "XNLI")),
        ("deltas.tex", "tab:panels/r7c3", 71.6, 1, ("B",), ("MLQA",)),
        ("deltas.tex", "tab:change/r2c5", -1.8, 1, ("XNLI",), ("SQuAD",)),
        ("modern.tex", "tab:tblr/r3c3", 72.5, 1, ("Large",), ("de",)),
        ("modern.tex", "tab:outside/r2c2", 55.5, 1, ("Outside",), ("acc",)),
        ("modern.tex", "tab:beside/r2c2", 44.4, 1, ("Beside",), ("acc",)),
    ],
)  # fmt: skip
def test_cell_has_its_number_and_its_headers(name, address, value, decimals, rows, columns) -> None:
    found = cell(name, address)
    assert found.main is not None
    assert (found.value, found.main.decimals) == (value, decimals)
    assert (found.row_headers, found.column_headers) == (rows, columns)


@pytest.mark.parametrize(
    ("name", "address", "emphasis", "colours"),
    [
        ("transfer.tex", "tab:main/r4c3", ("bold",), ()),
        ("transfer.tex", "tab:main/r6c3", ("underline",), ()),
        ("transfer.tex", "tab:main/r3c3", (), ()),
        ("transfer.tex", "tab:ner/r7c3", (), ("red",)),
        ("lines.tex", "tab:grid/r4c2", ("bold",), ()),
        ("parts", "tab:own/r3c2", ("bold",), ()),
        ("parts", "tab:colours/r2c2", (), ("blue!10",)),
        ("parts", "tab:colours/r3c2", (), ("yellow",)),
        ("parts", "tab:colours/r3c3", ("bold",), ("red",)),
    ],
)
def test_cell_keeps_its_emphasis_and_colours(name, address, emphasis, colours) -> None:
    found = cell(name, address)
    assert (found.emphasis, found.colours) == (emphasis, colours)


@pytest.mark.parametrize(
    ("name", "address", "unit", "scale"),
    [
        ("transfer.tex", "tab:main/r3c3", "percent", 1.0),  # the caption says so
        ("komma.tex", "tab:counts/r2c4", "percent", 1.0),
        ("komma.tex", "tab:counts/r4c4", "percent", 1.0),
        ("komma.tex", "tab:counts/r2c5", "none", 1e6),
        ("komma.tex", "tab:counts/r5c2", "none", 1e6),
        ("komma.tex", "tab:counts/r5c3", "none", 1e3),
        ("deltas.tex", "tab:change/r2c3", "points", 1.0),
        ("modern.tex", "tab:units/r2c2", "percent", 1.0),
        ("modern.tex", "tab:units/r4c3", "times", 1.0),
        ("lines.tex", "tab:grid/r3c2", "none", 1.0),
    ],
)
def test_cell_has_the_unit_and_scale_that_are_stated(name, address, unit, scale) -> None:
    found = cell(name, address)
    assert (found.unit, found.scale) == (unit, scale)


@pytest.mark.parametrize(
    ("name", "address", "spread"),
    [
        ("transfer.tex", "tab:ner/r3c2", 0.4),
        ("transfer.tex", "tab:si/r2c2", 0.2),
        ("transfer.tex", "tab:si/r3c2", 1.1),
        ("transfer.tex", "tab:si/r4c2", 0.8),
        ("parts", "tab:own/r3c2", 0.25),
        ("parts", "tab:layers/r3c2", 0.4),  # by a column type of the paper's own
    ],
)
def test_number_after_plus_minus_is_a_spread(name, address, spread) -> None:
    assert cell(name, address).main.spread == spread


@pytest.mark.parametrize(
    ("address", "main", "asides"),
    [
        ("r3c2", 75.6, [0.6]),
        ("r3c3", 60.9, [-0.9]),
        ("r4c2", 76.8, [1.8]),
        ("r4c3", 62.0, [0.2]),
        ("r4c4", 11.9, [-0.2]),
        ("r5c3", 61.9, [61.2, 62.6]),
        ("r5c4", 11.8, []),
    ],
)
def test_differences_beside_a_number_are_asides(address, main, asides) -> None:
    found = cell("deltas.tex", f"tab:deltas/{address}")
    assert found.value == main
    assert [q.value for q in found.quantities if q.aside] == asides


def test_cell_without_a_number_has_no_value() -> None:
    assert cell("deltas.tex", "tab:change/r4c4").value is None
    assert cell("transfer.tex", "tab:ner/r3c3").role == "text"


def test_two_numbers_in_a_cell_are_both_kept() -> None:
    assert [q.value for q in cell("parts", "tab:own/r3c3").quantities] == [78.7, 64.0]


def test_spans_are_kept_and_cover_their_places() -> None:
    head = cell("transfer.tex", "tab:main/r1c5")
    assert (head.text, head.column_span) == ("Question answering", 2)
    assert table("transfer.tex", "tab:main").at(1, 6) == head
    model = cell("transfer.tex", "tab:main/r3c1")
    assert (model.row_span, model.role) == (4, "row_header")
    assert cell("lines.tex", "tab:upwards/r3c1").row_span == 2


def test_headings_over_rows_are_groups_and_not_values() -> None:
    group = cell("transfer.tex", "tab:ner/r5c1")
    assert (group.text, group.role, group.column_span) == ("Few-shot", "group", 3)


def test_tables_have_addresses_for_people_and_machines() -> None:
    found = cell("transfer.tex", "tab:main/r5c6")
    assert found.address == "tables/tab:main/r5c6"
    assert found.place == ('table 1, row "Bridge / SQuAD", column "Question answering / TyDiQA"')
    assert [t.place for t in paper("lines.tex").tables] == [
        "table 1", "table 2", "table 3a", "table 3b", "table 4", "table 5",
    ]  # fmt: skip
    assert paper("lines.tex").tables[1].address == "tables/2"


def test_every_address_is_unique_and_found_again() -> None:
    for name in ("transfer.tex", "lines.tex", "komma.tex", "parts", "deltas.tex", "modern.tex"):
        read = paper(name)
        parts = [*read.passages, *read.tables, *(c for t in read.tables for c in t.cells)]
        addresses = [p.address for p in parts]
        assert len(set(addresses)) == len(addresses)
        assert all(read.find(p.address) == p for p in parts)


def test_passages_are_told_by_section_and_kind() -> None:
    found = {p.address: p for p in paper("transfer.tex").passages}
    assert paper("transfer.tex").title == "Bridging Tasks Before Transfer"
    assert found["abstract/p1"].text.startswith("Bridging on Squad improves the average")
    assert found["s1/p1"].text == (
        "We train Bridge on three intermediate tasks (see Table 1 and Section 2). "
        "Training on MNLI raises PAWS-X from 85.1 to 86.4."
    )
    assert found["s1/p1"].place == 'section 1 "Introduction", paragraph 1'
    assert found["s2.1/p2"].text == "BUCC gains 8.5 points."
    assert found["s2.1/p2"].kind == "item"
    assert found["limitations/p1"].text == "Only one seed."
    assert found["sA/p1"].section == "Details"
    assert found["footnotes/1"].text == "Code will follow."
    assert found["tables/tab:ner/caption"].text == "NER by setting."


def test_passages_and_tables_name_the_line_of_their_file() -> None:
    source = (PAPERS / "transfer.tex").read_text().splitlines()
    place = next(p for p in paper("transfer.tex").passages if p.address == "s1/p1")
    assert source[place.line - 1].startswith("We train")
    found = table("parts", "tab:layers")
    lines = (PAPERS / "parts" / found.file).read_text().splitlines()
    assert lines[found.line - 1].startswith(r"\begin{tabular}{ldd}")


def test_inputs_are_followed_and_what_is_missing_is_said() -> None:
    read = paper("parts")
    assert {t.file for t in read.tables} == {"sections/results.tex", "sections/appendix.tex"}
    assert read.notices == (
        "File 'missing' is not in the paper's folder; what it says was not read.",
    )


def test_switches_are_carried_out() -> None:
    text = next(p.text for p in paper("parts").passages if p.address == "s1/p1")
    assert text == "Names are left out."


def test_long_table_keeps_one_head_and_no_foot() -> None:
    found = table("parts", "tab:long")
    assert (found.rows, found.columns, found.caption) == (5, 3, "A long table.")
    assert "continued" not in " ".join(c.text for c in found.cells)


@pytest.mark.parametrize(
    ("definition", "use", "value"),
    [
        (r"\newcommand{\x}{84.3}", r"\x", 84.3),
        (r"\newcommand\x[1]{\textbf{#1}}", r"\x{84.3}", 84.3),
        (r"\newcommand{\x}[2][5]{#2.#1}", r"\x{84}", 84.5),
        (r"\newcommand{\x}[2][5]{#2.#1}", r"\x[7]{84}", 84.7),
        (r"\def\x#1#2{#2.#1}", r"\x 3{84}", 84.3),
        (r"\def\x(#1;#2){#1.#2}", r"\x(84;3)", 84.3),
        (r"\DeclareRobustCommand{\x}[1]{\y{#1}}\newcommand{\y}[1]{#1.3}", r"\x{84}", 84.3),
        (r"\NewDocumentCommand{\x}{O{3} m}{#2.#1}", r"\x{84}", 84.3),
        (r"\let\x\textbf", r"\x{84.3}", 84.3),
        (r"\providecommand{\x}{84.3}\providecommand{\x}{1}", r"\x", 84.3),
        (r"\newcommand{\x}{1}\renewcommand{\x}{84.3}", r"\x", 84.3),
        (r"\newcommand{\x}[1]{\def\y##1{##1#1}\y{84}}", r"\x{.3}", 84.3),
    ],
)
def test_macros_are_replaced(tmp_path, definition, use, value) -> None:
    (found,) = first_row(tmp_path, f"m & {use}", definition)
    assert found.value == value


@pytest.mark.parametrize(
    ("written", "value"),
    [
        (r"84.3", 84.3),
        (r"$84.3$", 84.3),
        (r"\phantom{0}4.3", 4.3),
        (r"\hphantom{$-$}4.3", 4.3),
        (r"4.3\phantom{$^\dagger$}", 4.3),
        (r"$-$4.3", -4.3),
        (r"--4.3", -4.3),
        (r"\textminus 4.3", -4.3),
        (r"$1{,}234$", 1234),
        (r"1\,234", 1234),
        (r"\num{1234.5}", 1234.5),
        (r"\num{0,5}", 0.5),
        (r"\num{3e-4}", 0.0003),
        (r"$3\times10^{-4}$", 0.0003),
        (r"\SI{12}{\percent}", 12),
        (r"84.3\%", 84.3),
        (r"84.3\rlap{$^*$}", 84.3),
        (r"84.3$^{1}$", 84.3),
        (r"\textcolor{red}{84.3}", 84.3),
        (r"\underline{\textbf{84.3}}", 84.3),
        (r"{\bfseries 84.3}", 84.3),
        (r"\makecell{84.3\\(0.2)}", 84.3),
        (r"\multicolumn{1}{c}{84.3}", 84.3),
        (r"84.3\footnote{One seed.}", 84.3),
        (r"84.3\cite{x}", 84.3),
        (r"BERT-12", None),
        (r"\checkmark", None),
        (r"2020-05-26", None),
    ],
)
def test_one_cell_in_many_ways_of_writing(tmp_path, written, value) -> None:
    (found,) = first_row(tmp_path, f"m & {written}")
    assert found.value == value


def test_rounding_and_truncation_admit_different_numbers() -> None:
    main = cell("transfer.tex", "tab:main/r5c6").main
    assert main.rounded == (Fraction("75.95"), Fraction("76.05"))
    assert main.truncated == (76, Fraction("76.1"))
    loss = cell("transfer.tex", "tab:ner/r7c3").main
    assert loss.rounded == (Fraction("-0.75"), Fraction("-0.65"))
    assert loss.truncated == (Fraction("-0.8"), Fraction("-0.7"))


def test_text_keeps_formulas_quotes_and_citations_readable(tmp_path) -> None:
    read = latex(
        tmp_path,
        r"``Large'' gains of $\pm 0.2$\,\% --- see~\citep[p.~3]{a,b}, G\"odel \& caf\'e, $x_{i}^2$.",
    )
    assert read.passages[0].text == "“Large” gains of ±0.2\u2009% — see [a,b], Gödel & café, x_i^2."


def test_a_table_in_a_picture_is_said_not_to_be_read(tmp_path) -> None:
    read = latex(tmp_path, r"\begin{table}\includegraphics{x}\caption{Scores.}\label{t}\end{table}")
    assert not read.tables
    assert read.notices == ("Table 1 is a picture or holds no rows; it was not read.",)
    assert read.find("tables/t/caption").text == "Scores."
