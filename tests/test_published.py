"""Rows that others print: what agrees, what differs, and which averages do not follow."""

from __future__ import annotations

import json
from decimal import ROUND_DOWN, ROUND_HALF_UP, Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import corroborate
from claims.errors import PublishedError
from claims.library import bundled
from claims.own_rows import own_rows
from claims.published import Published, published_sets, read_published
from claims.reading import read_paper
from claims.reprints import Reprints, compare_rows

PAPER = Path(__file__).parent / "papers" / "transfer.tex"


def published(rows: dict[str, dict[str, str]], *means: dict[str, object]) -> Published:
    """Return rows of one system; the part of an id before `@` names another one."""
    return Published.model_validate(
        {
            "schema": "corroborate/published@1",
            "about": "a test",
            "rows": [
                {"id": name.replace("@", "."), "system": name.partition("@")[0] if "@" in name else "S",
                 "label": "ours", "source": "them", "table": "unknown", "found_in": "it",
                 "scores": scores}
                for name, scores in rows.items()
            ],
            "means": list(means),
        }
    )  # fmt: skip


def found(rows: dict[str, dict[str, str]], *means: dict[str, object]) -> Reprints:
    return compare_rows(published(rows, *means), "test")


@pytest.fixture(scope="module")
def flagship() -> Reprints:
    return compare_rows(read_published("xstilts"), "xstilts")


def test_two_rows_of_the_flagship_differ_and_its_baselines_agree(flagship) -> None:
    (system, baseline) = flagship.pairs
    assert [s.column for s in system.differing()] == [
        "XNLI",
        "PAWS-X",
        "NER",
        "XQuAD F1",
        "MLQA F1",
    ]
    assert max(abs(s.difference) for s in system.scores) == pytest.approx(1.5)
    assert baseline.differing() == ()
    assert len(baseline.scores) == 6


def test_averages_of_the_flagship_that_do_not_follow_are_found(flagship) -> None:
    follows = {(c.row, c.column) for c in flagship.averages if c.status != "impossible"}
    never = {(c.row, c.column): c for c in flagship.averages if (c.row, c.column) not in follows}
    assert set(never) == {
        ("rembert-7-xlmr", "structured prediction"),
        ("rembert-7-xlmr", "question answering"),
        ("veco-xlmr", "average of 9 tasks"),
    }
    assert never["rembert-7-xlmr", "structured prediction"].result == pytest.approx(69.6)
    assert never["rembert-7-xlmr", "question answering"].result == pytest.approx(62.05)
    assert never["veco-xlmr", "average of 9 tasks"].result == pytest.approx(68.25)


def test_older_score_for_pos_is_found_by_what_would_let_two_averages_follow(flagship) -> None:
    suspects = {s.column: s for s in flagship.suspects}
    pos = suspects["POS"]
    assert pos.low <= 72.6 <= pos.high < 73.8
    assert pos.printed_by == ("rembert-16-xlmr",)
    assert len(pos.averages) == 2
    assert set(suspects) == {"POS", "NER"}
    assert suspects["NER"].printed_by == ("mt5-xlmr", "rembert-16-xlmr")


def test_row_that_has_the_number_needed_is_named() -> None:
    result = found(
        {"new": {"POS": "73.8", "NER": "65.4"}, "old": {"POS": "72.6"}, "sum": {"avg": "69.0"}},
        {"name": "avg", "of": ["POS", "NER"]},
    )
    (check,) = result.averages
    assert check.status == "impossible"
    assert {n.column: n.found_in for n in check.needs} == {"POS": ("old",), "NER": ()}


@pytest.mark.parametrize(
    ("average", "status"),
    [
        ("69.6", "entailed"),  # 69.60
        ("69.5", "possible"),  # a mean of 69.58 cut off
        ("69.4", "impossible"),
        ("69.7", "possible"),  # parts cut off, their mean rounded
        ("69.8", "impossible"),
        ("69", "possible"),  # cut off
        ("70", "entailed"),
        ("69.65", "possible"),
        ("69.66", "possible"),  # parts that were cut off
        ("69.71", "impossible"),
    ],
)
def test_average_follows_or_not(average: str, status: str) -> None:
    result = found(
        {"r": {"a": "73.8", "b": "65.4", "avg": average}}, {"name": "avg", "of": ["a", "b"]}
    )
    assert [c.status for c in result.averages] == [status]


def test_rows_of_other_systems_are_never_compared_nor_averaged() -> None:
    rows = {"A@1": {"a": "1.0", "b": "3.0"}, "B@1": {"a": "2.0"}, "B@2": {"avg": "2.0"}}
    result = found(rows, {"name": "avg", "of": ["a", "b"]})
    assert result.pairs == ()
    assert result.averages == (), "A's row says nothing of B's average"


def test_average_that_follows_from_one_row_makes_no_number_of_another_a_suspect() -> None:
    rows = {
        "true": {"a": "70.0", "b": "60.0", "c": "50.0"},
        "false": {"a": "75.0", "b": "60.0", "c": "50.0"},
        "sums": {"ab": "65.0", "ac": "60.0"},
    }
    means = [{"name": "ab", "of": ["a", "b"]}, {"name": "ac", "of": ["a", "c"]}]
    result = found(rows, *means)
    assert sorted(c.status for c in result.averages) == ["entailed"] * 2 + ["impossible"] * 2
    assert result.suspects == ()
    (suspect,) = found({k: v for k, v in rows.items() if k != "true"}, *means).suspects
    assert (suspect.column, suspect.printed) == ("a", "75.0")
    assert suspect.low <= 70.0 <= suspect.high


def test_number_with_more_places_does_not_differ() -> None:
    result = found({"r": {"a": "73.8"}, "s": {"a": "73.84"}, "t": {"a": "73.9"}})
    assert [[s.relation for s in p.scores] for p in result.pairs] == [
        ["finer"], ["different"], ["different"],
    ]  # fmt: skip


SCORES = st.lists(st.decimals(0, 100, places=4), min_size=2, max_size=9)
MODES = st.sampled_from([ROUND_HALF_UP, ROUND_DOWN])


@given(SCORES, MODES, MODES, st.sampled_from(["0.1", "0.01", "1"]))
def test_true_average_is_never_impossible_however_it_was_printed(scores, mode, other, step) -> None:
    names = [f"c{i}" for i in range(len(scores))]
    printed = {n: str(s.quantize(Decimal("0.1"), mode)) for n, s in zip(names, scores, strict=True)}
    average = sum(scores) / len(scores)
    printed["avg"] = str(average.quantize(Decimal(step), other))
    (check,) = found({"r": printed}, {"name": "avg", "of": names}).averages
    assert check.status != "impossible", check


@given(SCORES, MODES, st.decimals("0.31", 50, places=2))
def test_average_that_is_off_by_more_than_all_rounding_is_impossible(scores, mode, off) -> None:
    names = [f"c{i}" for i in range(len(scores))]
    printed = {n: str(s.quantize(Decimal("0.1"), mode)) for n, s in zip(names, scores, strict=True)}
    average = (sum(scores) / len(scores) + off).quantize(Decimal("0.1"), mode)
    (check,) = found({"r": {**printed, "avg": str(average)}}, {"name": "avg", "of": names}).averages
    assert check.status == "impossible", check
    need = check.needs[0]
    assert need.low > float(need.printed), "the parts would have to be larger"


@given(st.permutations(["mt5-xlmr", "rembert-16-xlmr", "rembert-7-xlmr", "veco-xlmr"]))
def test_order_of_rows_changes_no_finding(order) -> None:
    whole = read_published("xstilts")
    rows = {row.id: row for row in whole.rows}
    some = whole.model_copy(update={"rows": tuple(rows[name] for name in order)})
    result = compare_rows(some, "x")
    assert {(s.column, s.low, s.high) for s in result.suspects} == {
        ("POS", 72.4, 72.85), ("NER", 64.0, 64.45)
    }  # fmt: skip


def test_paper_s_own_rows_are_compared_with_those_that_others_print(tmp_path) -> None:
    path = tmp_path / "paper.md"
    path.write_text("# T\n\nTable 1: Scores.\n\n| model | POS | NER |\n|---|---|---|\n"
                    "| XLM-R | 72.6 | 65.4 |\n| Ours | 74.9 | 64.0 |\n")  # fmt: skip
    whole = read_published("xstilts")
    rows = own_rows(read_paper(path), whole)
    assert [(r.system, r.scores) for r in rows] == [("XLM-R", {"POS": "72.6", "NER": "65.4"})]
    result = compare_rows(whole, "xstilts", rows)
    (pair,) = [p for p in result.pairs if {p.first, p.second} == {"rembert-16-xlmr", "paper-1"}]
    assert [s.column for s in pair.differing()] == ["POS"]
    settled = {
        c.column for c in result.averages if c.row == "rembert-7-xlmr" and c.status == "entailed"
    }
    assert "structured prediction" in settled, "72.6 and 65.4 give 69.0"


FILE = """schema: corroborate/published@1
about: a test
rows:
  - {id: a, system: S, label: S, source: us, table: T, found_in: it, scores: {x: "1.0", avg: "1.0"}}
"""


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('"1.0", avg', "1.0, avg", "rows[0].scores.x: found 1.0 ; expected text"),
        ('"1.0", avg', '"none", avg', "one number as printed"),
        ('"1.0", avg', '"1.0 / 2.0", avg', "one number as printed"),
        ('"1.0", avg', '"1.0k", avg', "without k or x"),
        ("found_in: it, ", "", "rows[0].found_in: found nothing"),
        ("@1", "@2", "expected 'corroborate/published@1'"),
        ("system: S", "system: S, colour: red", "colour"),
        ('"1.0"}}\n', '"1.0"}}\nmeans: [{name: avg, of: [x, y]}]\n', "none has y"),
        ('"1.0"}}\n', '"1.0"}}\nmeans: [{name: avg, of: [x, avg]}]\n', "not be of itself"),
    ],
)  # fmt: skip
def test_faulty_file_is_refused_with_the_place(tmp_path, old, new, message) -> None:
    path = tmp_path / "rows.yaml"
    path.write_text(FILE)
    assert read_published(str(path))
    path.write_text(FILE.replace(old, new))
    with pytest.raises(PublishedError, match=r"rows\.yaml") as caught:
        read_published(str(path))
    assert message in str(caught.value)


def test_bundled_rows_are_no_claim_set_and_are_accepted() -> None:
    assert published_sets() == ("xstilts",)
    assert "published" not in bundled()
    assert all(read_published(name) for name in published_sets())


def test_check_names_the_faults_of_published_rows(tmp_path, capsys) -> None:
    path = tmp_path / "rows.yaml"
    path.write_text(FILE)
    assert corroborate.main(["check", str(path)]) == 0
    assert "1 published rows, no faults" in capsys.readouterr().out
    path.write_text(FILE.replace("about", "abuot"))
    assert corroborate.main(["check", str(path)]) == 2
    assert "about" in capsys.readouterr().err


def test_ground_shows_published_rows_without_a_paper_and_settles_nothing(capsys) -> None:
    assert corroborate.main(["ground", "xstilts", "--published", "xstilts"]) == 3
    out = capsys.readouterr().out
    assert "X-STILTs: mt5-xstilts and rembert-16-xstilts DIFFER in 5 of 6 columns" in out
    assert "does NOT follow from rembert-16-xlmr: mean(73.8, 65.4) = 69.6" in out
    assert "POS 73.8 of XLM-R (printed in rembert-16-xlmr): were it 72.4 to 72.85" in out


def test_ground_json_has_published_rows_beside_the_checks(capsys) -> None:
    corroborate.main(
        ["ground", "xstilts", "--paper", str(PAPER), "--published", "xstilts", "--json"]
    )
    document = json.loads(capsys.readouterr().out)
    assert len(document["checks"]) == 1
    assert {s["column"] for s in document["published"]["suspects"]} == {"POS", "NER"}


def test_ground_without_paper_or_rows_is_invalid(capsys) -> None:
    assert corroborate.main(["ground", "xstilts"]) == 2
    assert "found no --paper" in capsys.readouterr().err
    assert corroborate.main(["ground", "xstilts", "--published", "nowhere.yaml"]) == 2
    assert "one of the bundled xstilts" in capsys.readouterr().err


def test_paper_s_own_numbers_with_decimal_commas_are_compared_and_factors_left_out(
    tmp_path,
) -> None:
    source = tmp_path / "paper.md"
    source.write_text(
        "| System | POS | NER | QA |\n|---|---|---|---|\n| mBERT | 1.234 | 70,5 | 2,5x |\n"
        "| Other | 10,25 | 2,0 | 3,0 |\n\n|  | POS |\n|---|---|\n|  | 71.0 |\n"
    )
    rows = published(
        {"paper-1": {"POS": "1.234", "NER": "70.5", "QA": "2.5"}, "b": {"POS": "71.0"}}
    )
    named = tuple(
        row.model_copy(
            update={"system": "mBERT", "label": "mBERT" if row.id == "paper-1" else "---"}
        )
        for row in rows.rows
    )
    own = own_rows(read_paper(source), rows.model_copy(update={"rows": named}))
    assert [(row.id, row.system, row.scores) for row in own] == [
        ("paper-2", "mBERT", {"POS": "1234", "NER": "70.5"})
    ]
