"""The table for an appendix: the same numbers, and no text that is a command."""

from __future__ import annotations

import re
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st
from test_reports import EXAMPLES, conceptual, controls, decided, document, gain
from test_reports import claim_set as claims_of

from reports.blocks import plain_text
from reports.document import Document
from reports.escaping import visible
from reports.summary import summary_table
from reports.to_latex import RENDERER as LATEX
from reports.to_latex import escaped

PRINTS = {
    "textbackslash": "\\", "textasciicircum": "^", "textasciitilde": "~", "textless": "<",
    "textgreater": ">", "textbar": "|", "ldots": "\u2026", "ss": "\u00df", "ae": "\u00e6",
    "AE": "\u00c6", "o": "\u00f8", "O": "\u00d8", "l": "\u0142", "L": "\u0141", "i": "i", "j": "j",
}  # fmt: skip
ACCENTS = dict(
    zip(
        "`'^~\"=.uvHcr",
        "\u0300\u0301\u0302\u0303\u0308\u0304\u0307\u0306\u030c\u030b\u0327\u030a",
        strict=True,
    )
)
MATHS = {
    r"-": "\u2212",
    r"\times": "\u00d7",
    r"\pm": "\u00b1",
    r"\leq": "\u2264",
    r"\geq": "\u2265",
}
LIGATURES = [
    ("---", "\u2014"),
    ("--", "\u2013"),
    ("``", "\u201c"),
    ("''", "\u201d"),
    ("`", "\u2018"),
]
TOKEN = re.compile(
    r"\\corroboratechar\{(?P<number>\d+)\}\{[0-9A-F]+\}|\{\\char(?P<char>\d+)\}"
    r"|\\ensuremath\{(?P<maths>[^{}]+)\}|\\(?P<accent>[`'^~\"=.uvHcr])\{\\?(?P<letter>[A-Za-z])\}"
    r"|\\(?P<word>[A-Za-z]+)\{\}|\\(?P<mark>[#$%&_{}])|(?P<group>\{\})|(?P<tie>~)"
    r"|(?P<join>-+|`+|'+|,+)|(?P<plain>[^\\{}$%&#_^~\"`<>|])"
)  # fmt: skip


def printed(latex: str) -> str:
    """Return what TeX prints for a text; anything but letters and known commands is refused."""
    out, at = "", 0
    while at < len(latex):
        found = TOKEN.match(latex, at)
        assert found, f"not inert: {latex[at : at + 20]!r}"
        at = found.end()
        part = found.groupdict()
        if part["number"] or part["char"]:
            out += chr(int(part["number"] or part["char"]))
        elif part["maths"]:
            out += MATHS[part["maths"]]
        elif part["accent"]:
            out += unicodedata.normalize("NFC", part["letter"] + ACCENTS[part["accent"]])
        elif part["word"]:
            out += PRINTS[part["word"]]
        elif part["join"]:
            out += dict(LIGATURES).get(
                part["join"], part["join"] if len(part["join"]) == 1 else "?"
            )
        elif part["tie"]:
            out += " "
        else:
            out += part["mark"] or part["plain"] or ""
    return out


def same(text: str) -> str:
    """Return a text as any typesetter prints it: blanks alike, both apostrophes alike."""
    blank = re.sub(r"\s", " ", visible(text))
    return unicodedata.normalize("NFC", blank).replace("\u2019", "'")


def table(of: Document) -> str:
    content = LATEX.render(of)
    return content.decode("ascii")


@given(st.text(st.characters(codec="utf-8"), max_size=80))
def test_any_text_prints_as_itself(text) -> None:
    assert unicodedata.normalize("NFC", printed(escaped(text))) == same(text)


@given(st.text(st.sampled_from("\\{}$&#%_^~-'`\",<>|?! \n\u2013\u2014ab[]*"), max_size=40))
def test_characters_that_tex_heeds_print_as_themselves(text) -> None:
    assert printed(escaped(text)) == same(text)


HOSTILE = "\\input{/etc/passwd} \\write18{x} \\end{longtable} $ % & ~ ^ # _ \\\\ \n\n ^^5c |"


def structure(latex: str) -> list[str]:
    names = re.findall(r"\\(?:begin|end)\{\w+\}|\\[A-Za-z]+|\\\\|(?<!\\)&|(?<!\\)%", latex)
    return [n for n in names if not n.startswith(("\\text", "\\char"))]


def test_hostile_claims_change_nothing_but_their_own_words() -> None:
    evil = document([claims_of(gain(statement=HOSTILE))], [{}])
    calm = document([claims_of(gain(statement="calm"))], [{}])
    record = evil.model_dump(mode="json", by_alias=True)
    record["sets"][0]["paper"]["title"] = HOSTILE
    evil = Document.model_validate(record)
    assert structure(table(evil)) == structure(table(calm))
    assert "\\input" not in table(evil).replace("{}input", "")
    assert table(evil).count("\\textbackslash{}input") == 2


@pytest.mark.parametrize("name", EXAMPLES)
def test_the_table_has_the_numbers_and_verdicts_of_every_other_rendering(name) -> None:
    of = EXAMPLES[name]()
    rows = [line for line in table(of).splitlines() if line.startswith("\\texttt{")]
    shown = [row for one in of.sets for row in summary_table(one.claims).rows]
    assert len(rows) == len(shown)
    for row, cells in zip(rows, shown, strict=True):
        columns = row.removesuffix(" \\\\").split(" & ")
        assert len(columns) == 6
        found = re.sub(r"\\ensuremath\{-\}", "-", columns[2])
        assert found == (plain_text(cells[3]) or "--")
        assert columns[3].startswith(f"\\textbf{{{plain_text(cells[4])}}}")
        assert columns[4].startswith(plain_text(cells[5]))


@pytest.mark.parametrize(
    ("of", "mark"), [(conceptual, "Conceptual evidence only."), (controls, "Simulated.")]
)
def test_the_caption_of_every_table_marks_weak_evidence(of, mark) -> None:
    assert table(of()).count(f"\\caption{{\\textbf{{{mark}}}") == len(of().sets)
    assert mark not in table(decided())


def test_expected_failures_and_stale_verdicts_are_said_in_the_row() -> None:
    assert "\\textbf{not reproduced} (expected: not reproduced)" in table(controls())
    stale = document([claims_of(gain())], [{"stale": ["other scoring code"]}])
    assert "\\textbf{reproduced}\\textbf{ (stale)}" in table(stale)


def test_the_same_document_gives_the_same_bytes_with_every_group_closed() -> None:
    latex = table(decided())
    assert latex == table(decided())
    bare = re.sub(r"\\[\\{}]", "", latex)
    assert bare.count("{") == bare.count("}")
    assert latex.count("\\begin{longtable}") == latex.count("\\end{longtable}") == 2
