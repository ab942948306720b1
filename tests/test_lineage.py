"""Two versions of a paper: what was kept, changed, reversed, dropped, and what is new."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

import corroborate
from claims.lineage import Lineage, lineage_of
from claims.paper import PaperText, Passage
from claims.reading import read_paper
from reports.lineage_view import lineage_text

PAPERS = Path(__file__).parent / "papers"
VERSIONS = PAPERS / "versions"
SENTENCE_PAIRS = yaml.safe_load((VERSIONS / "sentences.yaml").read_text())
SWAPPED = {"dropped": "new", "new": "dropped"}


def paper(*sentences: str, kind: str = "paragraph") -> PaperText:
    """Return a paper of one paragraph a sentence."""
    return PaperText(
        format="text",
        passages=tuple(
            Passage(address=f"s1/p{i}", place=f"paragraph {i}", kind=kind, text=s)
            for i, s in enumerate(sentences, start=1)
        ),
        tables=(),
    )


def became(earlier: str, later: str) -> str:
    """Return what became of one sentence."""
    found = lineage_of(paper(earlier), paper(later))
    return "+".join(s.status for s in found.statements)


def test_flagship_abstracts_compare_as_was_expected_by_hand() -> None:
    found = lineage_of(
        read_paper(VERSIONS / "xstilts-v1.md"), read_paper(VERSIONS / "xstilts-v2.md")
    )
    expected = yaml.safe_load((VERSIONS / "xstilts-expected.yaml").read_text())
    left = list(found.statements)
    for row in expected:
        (own,) = [
            s
            for s in left
            if s.earlier and row["earlier"] in s.earlier.text
            and s.later and row["later"] in s.later.text
        ]  # fmt: skip
        left.remove(own)
        assert own.status == row["status"], own
        changes = [[n.earlier or "-", n.later or "-"] for n in own.numbers if n.relation != "same"]
        assert changes == row.get("numbers", []), own
    assert left == [], "nothing else is said"


def test_changed_size_shows_by_how_much_rounding_included() -> None:
    found = lineage_of(paper("We gain 6.1 points on XNLI."), paper("We gain 5.4 points on XNLI."))
    (change,) = found.statements[0].numbers
    assert (change.earlier, change.later, change.relation) == (
        "6.1 points",
        "5.4 points",
        "changed",
    )
    assert (change.difference, change.low, change.high) == pytest.approx((-0.7, -0.8, -0.6))


@pytest.mark.parametrize(("expected", "earlier", "later"), SENTENCE_PAIRS)
def test_sentence_became(expected: str, earlier: str, later: str) -> None:
    assert became(earlier, later) == expected


def test_what_was_dropped_says_whether_it_stated_a_result() -> None:
    found = lineage_of(
        paper("Bridging improves NER by 5.1 points.", "Thanks to all."), paper("Hm.")
    )
    assert [(s.status, s.what) for s in found.statements] == [
        ("new", ()),
        ("dropped", ("numbers", "direction", "names")),
        ("dropped", ()),
    ]


def test_number_with_more_places_is_no_other_number_but_is_shown() -> None:
    (found,) = lineage_of(
        paper("We gain 5.4 points on XNLI."), paper("We gain 5.43 points on XNLI.")
    ).statements
    assert found.status == "changed"
    assert found.numbers[0].relation == "finer"


WORDS = st.sampled_from(
    ["bridging", "probing", "retrieval", "pruning", "XNLI", "TyDiQA", "improves", "lowers", "the",
     "outperforms", "on", "over", "not", "models", "accuracy", "error", "table", "5.4", "6.1", "9"]
)  # fmt: skip
SENTENCES = st.lists(WORDS, min_size=4, max_size=12).map(lambda ws: f"We see {' '.join(ws)}.")
TEXTS = st.lists(SENTENCES, min_size=1, max_size=12)


def told(found: Lineage) -> list[tuple[str, str | None, str | None]]:
    return sorted(
        (s.status, s.earlier.text if s.earlier else "", s.later.text if s.later else "")
        for s in found.statements
    )


@given(TEXTS)
def test_identical_versions_are_kept_whole(sentences: list[str]) -> None:
    found = lineage_of(paper(*sentences), paper(*sentences))
    assert {s.status for s in found.statements} == {"kept"}
    assert found.counts["kept"] == len(sentences)


@given(TEXTS, TEXTS)
@settings(deadline=None)
def test_swapping_versions_swaps_dropped_and_new(one: list[str], other: list[str]) -> None:
    forth = told(lineage_of(paper(*one), paper(*other)))
    back = told(lineage_of(paper(*other), paper(*one)))
    assert forth == sorted((SWAPPED.get(status, status), a, b) for status, b, a in back)


@given(TEXTS, TEXTS, st.randoms(use_true_random=False))
@settings(deadline=None)
def test_order_of_paragraphs_changes_nothing(one: list[str], other: list[str], random) -> None:
    moved = [*other]
    random.shuffle(moved)
    assert told(lineage_of(paper(*one), paper(*other))) == told(
        lineage_of(paper(*one), paper(*moved))
    )


@given(TEXTS, st.integers(1, 40), st.sampled_from(["{} [{}]", "{} (Liu et al., 20{:02})"]))
def test_citations_line_breaks_and_numbers_of_tables_change_nothing(
    sentences, number, form
) -> None:
    earlier = [f"In Table {i} {s}" for i, s in enumerate(sentences)]
    moved = [f"In  Table\n{i + number} {s}" for i, s in enumerate(sentences)]
    later = [form.format(s[:-1], number) + "." for s in moved]
    assert {s.status for s in lineage_of(paper(*earlier), paper(*later)).statements} == {"kept"}


@given(
    TEXTS,
    st.decimals(0, 1000, places=2).map(str),
    st.decimals(0, 1000, places=1).map(str),
    st.sampled_from(
        ["We gain {} points on NER", "From {} it falls", "BLEU of ({}) here", "at {}%"]
    ),
)
def test_changed_number_is_never_kept(sentences, before, after, form) -> None:
    one, other = form.format(before), form.format(after)
    found = lineage_of(paper(*sentences, one), paper(*sentences, other))
    assert found.counts["kept"] == len(sentences)
    (own,) = [s for s in found.statements if s.later and s.later.text == other]
    assert own.status in {"changed", "new"}


NUMBERED = """
Scores have a CI of [5, 10] or so
F1 of 84.3 (±0.2) was seen in 2020
from 3 to 5 and 80-85 in range
p < 0.001 and n=12
1,234 of 12.5k steps
at 2.5e-3 and 3 × 10^4 rates
GPT-2 against mT5 in v1.1
layers 14, 12 and 3/4 of them
by −5.4 and +1.2
5'000 or 10:30, Top-5 of 10
(12 of 20, 2020) were right
in [3, 4] with 5.4pp
the figure 5.4 and the table 5 points
See Table 3 for 5.4
"""


def numbered() -> list[str]:
    texts = {p.text for n in ("transfer.tex", "lines.tex", "modern.tex")
             for p in read_paper(PAPERS / n).passages if p.kind != "heading"}  # fmt: skip
    return [t for t in sorted(texts) if "Table" not in t] + NUMBERED.strip().replace(
        "\n", "|"
    ).split("|")


def test_no_digit_can_change_and_be_kept_but_of_citations_and_references() -> None:
    changed = 0
    for text in numbered():
        reference = text.find("Table") + 6
        for i in (i for i, c in enumerate(text) if c.isdigit() and i != reference):
            later = f"{text[:i]}{'7' if text[i] != '7' else '3'}{text[i + 1 :]}"
            statuses = {s.status for s in lineage_of(paper(text), paper(later)).statements}
            assert statuses != {"kept"}, (text, later)
            changed += 1
    assert changed > 60, "the texts hold numbers"


@pytest.mark.parametrize("name", ["transfer.tex", "lines.tex", "komma.tex", "parts", "bridging.md"])
def test_paper_compared_with_itself_is_kept(name: str) -> None:
    read = read_paper(PAPERS / name)
    found = lineage_of(read, read)
    assert {s.status for s in found.statements} == {"kept"}
    assert {t.status for t in found.tables} <= {"kept"}
    assert found.cells == ()


TABLE = """
| model | {a} | {b} |
|---|---|---|
| XLM-R | 65.1 | {x} |
| Bridge | {y} | +1.2 |
"""


def tables(tmp_path: Path, number: str, **cells: str) -> PaperText:
    path = tmp_path / f"{number}.md"
    rows = TABLE.format(**{"a": "TyDiQA", "b": "XNLI", "x": "79.2", "y": "76.0", **cells})
    path.write_text(f"# Title\n\n## Results\n\nTable {number}: Scores by task.\n{rows}")
    return read_paper(path)


def test_cells_are_compared_by_their_headers(tmp_path) -> None:
    earlier = tables(tmp_path, "1")
    found = lineage_of(earlier, tables(tmp_path, "2", y="75.5", x="79.24"))
    assert [t.status for t in found.tables] == ["changed"]
    changed = {(c.row, c.column): c for c in found.cells}
    assert set(changed) == {(("Bridge",), ("TyDiQA",)), (("XLM-R",), ("XNLI",))}
    cell = changed[("Bridge",), ("TyDiQA",)]
    assert (cell.earlier.text, cell.later.text) == ("76.0", "75.5")
    assert cell.difference == pytest.approx(-0.5)
    assert not cell.finer
    assert changed[("XLM-R",), ("XNLI",)].finer


def test_headers_and_not_places_decide_what_is_compared(tmp_path) -> None:
    earlier = tables(tmp_path, "1")
    moved = tables(tmp_path, "2", a="XNLI", b="TyDiQA", x="65.1", y="+1.2").tables
    found = lineage_of(earlier, earlier.model_copy(update={"tables": moved}))
    assert {(c.status, c.row, c.earlier.text, c.later.text) for c in found.cells} == {
        ("changed", ("XLM-R",), "79.2", "65.1"),
        ("changed", ("Bridge",), "76.0", "+1.2"),
    }
    renamed = lineage_of(earlier, tables(tmp_path, "3", b="PAWS-X"))
    assert {c.status for c in renamed.cells} == {"dropped", "new"}


def test_row_that_is_no_longer_the_largest_is_named(tmp_path) -> None:
    earlier, later = tables(tmp_path, "1"), tables(tmp_path, "2", y="64.9")
    (table,) = lineage_of(earlier, later).tables
    assert table.turned == ("the largest of TyDiQA: Bridge (76.0) -> XLM-R (65.1)",)
    (same,) = lineage_of(earlier, tables(tmp_path, "3", y="70.1")).tables
    assert same.turned == ()


def test_difference_that_changes_its_sign_is_reversed(tmp_path) -> None:
    earlier, later = tables(tmp_path, "1", y="+0.8"), tables(tmp_path, "2", y="-0.8")
    assert [c.status for c in lineage_of(earlier, later).cells] == ["reversed"]


CLAIM = """
  - id: {name}
    statement: A task helps.
    source: {{quote: "{quote}", found_in: the abstract}}
    kind: gain
    treatment: {{intermediate: [squad_v1]}}
    control: {{intermediate: []}}
    measure: {{benchmark: xtreme, split: unknown}}
    reported: unknown
    minimum_effect: {{points: 0.5, because: a test}}
"""
QUOTES = {
    "size": "we obtain a 5.4 point improvement over XLM-R Large on the XTREME benchmark",
    "multi": "multi-task intermediate offers small additional improvements",
    "old": "an average improvement of 8.4 points on development sets",
    "title": "English Intermediate-Task Training Improves Zero-Shot Cross-Lingual Transfer",
    "nowhere": "We thank the reviewers for their helpful remarks",
    "none": "unknown",
}


def ground(tmp_path: Path, capsys, *more: str) -> tuple[int, str]:
    path = tmp_path / "claims.yaml"
    claims = [CLAIM.format(name=name, quote=quote) for name, quote in QUOTES.items()]
    path.write_text(
        f"schema: corroborate/claims@1\npaper: {{title: A paper}}\nclaims:{''.join(claims)}"
    )
    versions = [str(VERSIONS / f"xstilts-v{n}.md") for n in (2, 1)]
    code = corroborate.main(
        ["ground", str(path), "--paper", versions[0], "--earlier", versions[1], *more]
    )
    return code, capsys.readouterr().out


def test_claims_are_followed_from_one_version_to_the_other(tmp_path, capsys) -> None:
    code, out = ground(tmp_path, capsys, "--json")
    document = json.loads(out)
    assert code == 3, "an absent quotation stays open, whatever became of the rest"
    followed = {c["claim"]: (c["stands_in"], c["became"]) for c in document["lineage"]["claims"]}
    assert followed == {
        "size": ("later", "changed"),
        "multi": ("later", "reversed"),
        "old": ("earlier", "changed"),
        "title": ("both", "kept"),
        "nowhere": ("neither", "unknown"),
        "none": ("unknown", "unknown"),
    }
    (size,) = document["lineage"]["claims"][0]["statements"]
    pairs = [(n["earlier"], n["later"]) for n in size["numbers"]]
    assert ("6.1 point", "5.4 point") in pairs


def test_text_sets_both_versions_side_by_side_with_what_changed_marked(tmp_path, capsys) -> None:
    _, out = ground(tmp_path, capsys)
    assert "reversed multi: its quotation stands in the later version only" in out
    assert "we obtain a [6.1] point improvement over XLM-R Large" in out
    assert "we obtain a [5.4] point improvement over XLM-R Large" in out
    assert "6.1 point -> 5.4 point (-0.7; rounding leaves room for -0.8 to -0.6)" in out


def test_same_words_in_another_order_are_shown() -> None:
    earlier = paper(
        "Training with noise helps on Lakes but not on Rivers.", "We name the data used here."
    )
    later = paper(
        "Training with noise helps on Rivers but not on Lakes.", "We name here the data we used."
    )
    text = lineage_text(lineage_of(earlier, later, ("v1", "v2"), []))
    assert "Training with noise helps on [Lakes]" in text
    assert "We name" not in text
