"""`corroborate ground` says of each claim what the paper itself says."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import corroborate
from claims.quoted import check_quote
from claims.reading import read_paper

PAPER = Path(__file__).parent / "papers" / "transfer.tex"

CLAIMS = """
schema: corroborate/claims@1
paper: {{title: Bridging Tasks Before Transfer}}
claims:
  - id: squad-gain
    statement: Bridging on SQuAD raises the average by {number} points.
    source: {{quote: "{quote}", found_in: the paper}}
    kind: gain
    treatment: {{intermediate: [squad_v1]}}
    control: {{intermediate: []}}
    measure: {{benchmark: xtreme, split: unknown}}
    reported: {number}
    tolerance: {{points: 1.0, because: a test}}
    minimum_effect: {{points: 0.5, because: a test}}
"""
QUOTE = "Bridging on SQuAD improves the average over four target tasks by 5.9 points over the base"


def run(tmp_path: Path, capsys, number: str, quote: str, *more: str) -> tuple[int, str, str]:
    path = tmp_path / "claims.yaml"
    path.write_text(CLAIMS.format(number=number, quote=quote))
    code = corroborate.main(["ground", str(path), "--paper", str(PAPER), *more])
    out, err = capsys.readouterr()
    return code, out, err


def test_claim_that_the_paper_bears_out_is_settled(tmp_path, capsys) -> None:
    code, out, _ = run(tmp_path, capsys, "5.9", QUOTE)
    assert code == 0
    assert "quote: found, abstract, paragraph 1 (abstract/p1)" in out
    assert "81.2 - 75.3 = 5.9, may be 5.8 to 6" in out
    assert 'table 1, row "Bridge / SQuAD", column "Avg." (tables/tab:main/r5c7)' in out


def test_number_that_the_tables_exclude_is_against_the_claim(tmp_path, capsys) -> None:
    code, out, _ = run(tmp_path, capsys, "8.2", "The paper says nothing of this kind at all")
    assert code == 1
    assert "quote: absent" in out
    assert "number 8.2: impossible" in out


def test_altered_quotation_shows_what_the_paper_has_instead(tmp_path, capsys) -> None:
    code, out, _ = run(tmp_path, capsys, "5.9", QUOTE.replace("5.9", "6.9"))
    assert code == 1
    assert "quote: altered, abstract, paragraph 1" in out
    assert "'5.9' for '6.9'" in out


def test_json_is_one_document_with_addresses(tmp_path, capsys) -> None:
    code, out, err = run(tmp_path, capsys, "5.9", "unknown", "--json")
    document = json.loads(out)
    assert (code, err) == (0, "")
    assert document["schema"] == "corroborate/paper-checks@1"
    (claim,) = document["checks"][0]["claims"]
    assert claim["quote"] is None
    assert claim["number"]["status"] == "entailed"
    assert claim["number"]["hits"][0]["cells"] == ["tables/tab:main/r5c7", "tables/tab:main/r3c7"]


def test_paper_that_is_not_there_is_invalid_input(tmp_path, capsys) -> None:
    code = corroborate.main(["ground", "xstilts", "--paper", str(tmp_path / "nowhere")])
    assert code == 2
    assert "found no" in capsys.readouterr().err


def test_bundled_claims_against_another_paper_are_never_settled(capsys) -> None:
    assert corroborate.main(["ground", "xstilts", "--paper", str(PAPER), "--json"]) == 1
    document = json.loads(capsys.readouterr().out)
    statuses = {c["number"]["status"] for c in document["checks"][0]["claims"] if c["number"]}
    assert "entailed" not in statuses


@pytest.mark.parametrize(
    ("quote", "status"),
    [
        ("BRIDGING on Squad improves the average over four target tasks (Some et al., 2020)", "found"),
        ("Training on MNLI raises PAWS-X from 85.1 to 86.4.", "found"),
        ("Training on MNLI raises PAWS-X from 85.1 to 96.4.", "altered"),
        ("We thank the reviewers for their many helpful remarks.", "absent"),
        ("of the", "absent"),
        ("", "absent"),
    ],
)  # fmt: skip
def test_quotations_are_found_altered_or_absent(quote, status) -> None:
    assert check_quote(quote, read_paper(PAPER)).status == status


OWN = """
# Paper

On digits, moved-copies gains 29.6 points over plain-pixels.

Table 1: {caption}

| System | Digits |
|---|---|
| plain-pixels | 34.1 |
| moved-copies | 63.7 |
"""
OWN_CLAIMS = """
schema: corroborate/claims@1
paper: {title: Paper}
claims:
  - id: gain
    statement: On digits, moved-copies gains 29.6 points.
    source: {quote: "On digits, moved-copies gains 29.6 points over plain-pixels.", found_in: paper}
    kind: gain
    treatment: {base: moved-copies}
    control: {base: plain-pixels}
    measure: {benchmark: digits, split: test}
    reported: 29.6
    tolerance: {points: 2, because: a test}
    minimum_effect: {points: 1, because: a test}
  - id: score
    statement: On digits, plain-pixels reaches 34.1.
    source: {quote: unknown, found_in: paper}
    kind: value
    condition: {base: plain-pixels}
    measure: {benchmark: digits, split: test}
    reported: 34.1
    tolerance: {points: 2, because: a test}
"""


@pytest.mark.parametrize(
    ("caption", "statuses"),
    [
        ("Accuracy.", ["entailed", "entailed"]),
        ("Accuracy in points, means over five seeds.", ["entailed", "entailed"]),
        # then nothing printed is a score, nor what one system has over the other
        ("Gain over chance, in points.", ["entailed", "possible"]),
    ],
)
def test_systems_are_told_apart_by_their_bases_and_scores_may_be_in_points(
    caption, statuses, tmp_path, capsys
) -> None:
    (tmp_path / "paper.md").write_text(OWN.format(caption=caption))
    (tmp_path / "claims.yaml").write_text(OWN_CLAIMS)
    paper, claims = str(tmp_path / "paper.md"), str(tmp_path / "claims.yaml")
    assert corroborate.main(["ground", claims, "--paper", paper, "--json"]) in (0, 3)
    found = json.loads(capsys.readouterr().out)["checks"][0]["claims"]
    assert [claim["number"]["status"] for claim in found] == statuses
