"""References of a report are looked up only when asked for, and nothing is accused in the dark."""

from __future__ import annotations

import json

import pytest
from loopback_indexes import NAMES, QUICK, work

import corroborate
from claims import search as search_module
from claims.resolving import look_up
from claims.synthesis import Reference

TITLE = "Intermediate Training Improves Transfer"
ONE = work(TITLE, doi="10.1000/one", arxiv="2005.00001")
TOPIC = "Does intermediate training help with transfer?"


def looked(place, *texts, topic=TOPIC):
    references = [Reference(line=i, text=text) for i, text in enumerate(texts, start=1)]
    return look_up("report", references, place, topic=topic)


@pytest.mark.parametrize(
    "text",
    [
        "<http://arxiv.org/abs/2005.00001v1>",
        "arXiv: 2005.00001.",
        f"Smith, A. (2020). {TITLE}. arXiv:2005.00001v2.",
        "https://doi.org/10.1000/one",
        f"Smith 2020, {TITLE.upper()}, doi:10.1000/ONE.",
        f"Smith, A. (2020). {TITLE}. Journal of Tests 3(1).",
        f'A. Smith, "{TITLE}," in Proc. of Tests, 2020.',
    ],
)
def test_a_reference_resolves_by_identifier_or_title(indexes, desk, text) -> None:
    indexes.add(ONE, work("Training of Others", doi="10.1000/two", arxiv="2005.00002"))
    (one,) = looked(desk(), text)
    assert (one.outcome, one.title) == ("resolves", TITLE)
    assert "transfer" in one.shares


@pytest.mark.parametrize(
    "text", ["arXiv:2005.99999", "doi:10.1000/none", "An Unheard of Paper on Training"]
)
def test_what_no_index_has_does_not_resolve(indexes, desk, text) -> None:
    indexes.add(ONE)
    (one,) = looked(desk(), text)
    assert one.outcome == "does not resolve"
    assert one.hit is None


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("arXiv:2005.99999", "ARXIV"),
        ("doi:10.1000/none", "OPENALEX"),
        ("doi:10.1000/none", "CROSSREF"),
        ("An Unheard of Paper on Training", "ARXIV"),
        ("An Unheard of Paper on Training", "SEMANTIC_SCHOLAR"),
    ],
)
def test_what_others_lack_stays_open_while_an_index_that_could_have_it_is_down(
    indexes, desk, text, name
) -> None:
    indexes[name].faults[""] = [("status", 500)] * 9
    (one,) = looked(desk(), text)
    assert one.outcome == "open"


def test_a_work_whose_retraction_could_not_be_asked_for_is_said_to_be_so(indexes, desk) -> None:
    indexes.add(ONE)
    indexes["OPENALEX"].faults[""] = [("status", 500)] * 9
    (one,) = looked(desk(), "arXiv:2005.00001")
    assert one.outcome == "resolves"
    assert "whether it was retracted is not known: OpenAlex did not answer" in one.why


def test_a_retraction_notice_that_is_cited_is_not_itself_retracted(indexes, desk) -> None:
    says = {"update-to": [{"type": "retraction", "DOI": "10.1000/ONE"}]}
    indexes.add(work("Retraction of That", "10.1000/notice", crossref=says), to=["CROSSREF"])
    (one,) = looked(desk(), "doi:10.1000/notice")
    assert one.outcome == "resolves"


def test_nobody_answering_says_nothing_of_a_reference(indexes, desk) -> None:
    for name in NAMES:
        indexes[name].faults[""] = [("status", 500)] * 9
    (one,) = looked(desk(), "arXiv:2005.00001")
    assert one.outcome == "not looked up"
    (one,) = looked(desk(offline=True), "arXiv:2005.00001")
    assert one.outcome == "not looked up"


def test_an_identifier_of_another_paper_than_the_reference_names_is_told(indexes, desk) -> None:
    indexes.add(ONE)
    (one,) = looked(desk(), "Li, B. Deep Parsing of Rivers and Lakes. arXiv:2005.00001")
    assert (one.outcome, TITLE in one.why) == ("title differs", True)


def test_retracted_references_are_told(indexes, desk) -> None:
    indexes.add(ONE, to=NAMES[:1])
    indexes.add(ONE | {"retracted": True}, to=["OPENALEX"])
    (one,) = looked(desk(), f"{TITLE}. arXiv:2005.00001")
    assert (one.outcome, one.why) == ("retracted", "retracted according to OpenAlex")


@pytest.mark.parametrize(
    "title", ["Training", "On Training", "Training of Rivers on Paper by Hand"]
)
def test_a_work_that_only_shares_words_is_not_the_one_cited(indexes, desk, title) -> None:
    indexes.add(work(title, doi="10.1000/two"))
    (one,) = looked(desk(), "An Unheard of Paper on Training. Li, B. 2020.")
    assert one.outcome == "does not resolve"
    assert title in one.why


def test_without_a_question_no_title_is_off_it(indexes, desk) -> None:
    indexes.add(ONE)
    (one,) = looked(desk(), "arXiv:2005.00001", topic="")
    assert one.shares is None


def test_a_reference_on_another_matter_shares_no_word_of_the_question(indexes, desk) -> None:
    indexes.add(work("Rivers of the Lower Alps", arxiv="2005.00009"))
    (one,) = looked(desk(), "arXiv:2005.00009")
    assert (one.outcome, one.shares) == ("resolves", ())


def test_addresses_elsewhere_and_fragments_are_not_looked_up(indexes, desk) -> None:
    told = looked(desk(), "https://example.org/paper.pdf", "ibid.", "—", "[3]")
    assert {one.outcome for one in told} == {"not looked up"}
    assert indexes.asked() == 0


def test_the_same_reference_is_searched_once(indexes, desk) -> None:
    indexes.add(ONE)
    looked(desk(), *["arXiv:2005.00001"] * 5)
    assert len(indexes["ARXIV"].asked) == 1


def test_a_spent_budget_leaves_references_open_and_accuses_none(indexes, desk) -> None:
    told = looked(desk(requests=2), "doi:10.1000/none", "arXiv:2005.99999")
    assert [one.outcome for one in told] == ["open", "not looked up"]


REPORT = """A Report

July 11, 2026

Abstract

We looked.

1 Introduction

Research question: Does intermediate training help with transfer?

5 Extracted Claims

Claim\tVerified\tConfidence
Intermediate training improves transfer by 8.2 points.\t✓\t0.80

References

- <http://arxiv.org/abs/2005.00001v1>
- <http://arxiv.org/abs/2005.99999v1>
"""


@pytest.fixture
def report(tmp_path):
    path = tmp_path / "report.txt"
    path.write_text(REPORT, encoding="utf-8")
    return str(path)


def test_review_asks_nobody_unless_told_to(indexes, report, tmp_path, capsys) -> None:
    assert corroborate.main(["review", report, "--json", "--kept", str(tmp_path / "kept")]) == 3
    document = json.loads(capsys.readouterr().out)
    assert "references" not in document
    assert any("references exist" in text for text in document["not_checked"])
    assert indexes.asked() == 0
    assert not (tmp_path / "kept").exists()


def test_review_shows_what_became_of_references(
    indexes, report, tmp_path, capsys, monkeypatch
) -> None:
    monkeypatch.setattr(search_module, "MANNERS", QUICK)
    indexes.add(ONE)
    arguments = ["review", report, "--look-up", "--kept", str(tmp_path / "kept")]
    assert corroborate.main(arguments) == 3
    text = capsys.readouterr().out
    assert "References looked up: 1 does not resolve, 1 resolves" in text
    assert text.index("2005.99999v1> [") < text.index("2005.00001v1> [")
    assert "whether references exist" not in text
    asked = indexes.asked()
    assert corroborate.main([*arguments, "--offline", "--json"]) == 3
    document = json.loads(capsys.readouterr().out)
    outcomes = [r["outcome"] for r in document["references"]]
    assert outcomes == ["resolves", "does not resolve"]
    assert document["schema"] == "corroborate/review@1"
    assert indexes.asked() == asked
    (gone,) = [f for f in document["findings"] if f["text"] == "references do not resolve"]
    assert "2005.99999" in gone["detail"]
    assert "does not exist, says the indexes asked" in gone["detail"]
