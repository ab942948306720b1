"""Reports of another subject, in three layouts, are audited with the paper's source at hand."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

import corroborate
from claims.errors import PaperError, SynthesisError
from claims.reference_checks import cited_in, identifiers
from claims.review import review
from claims.review_records import Cited
from claims.sources import source_of_paper
from claims.synthesis import parse_synthesis, read_synthesis
from reports.review_page import review_text

HERE = Path(__file__).parent / "syntheses"
PAPER = HERE / "echo"
NAMES = ("echo_broken.txt", "echo_markdown.md", "echo_plain.txt")


@pytest.fixture(scope="module")
def found():
    reports = [read_synthesis(HERE / name) for name in NAMES]
    return review(reports, papers=[source_of_paper(PAPER)])


def of(found, name):
    (report,) = [r for r in found.reports if r.name == name]
    return report


def told(found, name, check):
    return [f for f in found.findings if f.report == name and f.check == check]


def test_every_layout_yields_its_claims_marks_and_confidences(found) -> None:
    rows = {r.name: [(c.ticked, c.confidence) for c in r.claims] for r in found.reports}
    assert rows == {
        "echo_broken": [(True, 0.91), (False, 0.40), (True, None)],
        "echo_markdown": [(True, 0.22), (True, 0.31), (True, 0.19)],
        "echo_plain": [(True, 0.91), (True, 0.88), (True, 0.97), (True, 0.64)],
    }
    assert {r.layout for r in found.reports} == {"plain", "markdown"}
    assert of(found, "echo_broken").title == "Echo dropout, once more"
    assert of(found, "echo_broken").question.endswith("on HallSpeech?")


def test_claims_are_matched_over_layouts_and_completed(found) -> None:
    places = [[(m.report, m.number) for m in c.members] for c in found.claims]
    assert places == [
        [("echo_broken", 1), ("echo_markdown", 1), ("echo_plain", 1)],
        [("echo_broken", 2), ("echo_markdown", 2), ("echo_plain", 3)],
        [("echo_broken", 3), ("echo_markdown", 3)],
        [("echo_plain", 2)],
        [("echo_plain", 4)],
    ]
    assert all(c.whole for c in found.claims)
    cut = of(found, "echo_plain").claims[0]
    assert cut.completed.endswith("by 1.2 points.")
    assert cut.completed_by == "echo"


def test_without_the_paper_a_cut_claim_is_completed_from_another_report() -> None:
    alone = review([read_synthesis(HERE / name) for name in NAMES])
    cut = of(alone, "echo_plain").claims[0]
    assert cut.completed.endswith("by 1.2 points.")
    assert cut.completed_by == "echo_markdown"


def test_what_the_latex_source_says_decides_the_outcomes(found) -> None:
    outcomes = [c.outcome for c in of(found, "echo_plain").claims]
    assert outcomes == ["in the paper", "contradicted", "in the paper", "open"]
    altered = of(found, "echo_plain").claims[1].quote
    assert altered.differences == ("'11%' for '19%'",)
    assert altered.place == 'section 2 "Results", paragraph 1'
    assert altered.address == "s2/p1"


def test_a_claim_that_the_paper_lacks_is_shown_beside_the_nearest_sentence() -> None:
    text = (HERE / "echo_plain.txt").read_text(encoding="utf-8")
    other = text.replace("Training takes 19% longer with", "Much longer training is due to 11% of")
    claims = review(
        [parse_synthesis(other, name="a")], papers=[source_of_paper(PAPER)]
    ).reports[0].claims  # fmt: skip
    assert (claims[1].outcome, claims[1].quote.status) == ("open", "absent")
    assert claims[1].quote.nearest == "Training takes 11% longer with echo dropout than without it."
    assert claims[1].quote.nearest_in == 'echo, section 2 "Results", paragraph 1'
    assert claims[3].quote.nearest == ""
    assert not claims[0].quote.nearest


def test_a_gain_that_lowers_an_error_rate_is_not_ruled_out_by_its_sign(found) -> None:
    numbers = of(found, "echo_markdown").claims[0].quote.numbers
    assert [n.printed for n in numbers] == ["3.4 points", "1.2 points"]
    assert {n.check.status for n in numbers} == {"possible"}
    assert {h.result for n in numbers for h in n.check.hits} == {-3.4, -1.2}


def test_the_same_words_over_two_cells_are_never_entailed_alone(found) -> None:
    statuses = {n.check.status for r in found.reports for c in r.claims for n in c.quote.numbers}
    assert "entailed" not in statuses


def test_a_number_recomputed_from_the_claims_own_numbers_is_an_error(found) -> None:
    (error,) = [f for f in told(found, "echo_markdown", "trap") if f.level == "error"]
    assert error.claims == (1,)
    assert error.detail == "its prose has 2.30, which is the mean of 3.4, 1.2"
    assert not [f for f in told(found, "echo_plain", "trap") if f.level == "error"]


def test_only_the_report_whose_question_is_answered_has_an_answer(found) -> None:
    assert of(found, "echo_plain").answered_by == (1,)
    assert of(found, "echo_markdown").answered_by == ()
    assert of(found, "echo_markdown").score < 2.5 < of(found, "echo_plain").score


def test_a_data_set_that_nobody_knows_is_unknown_and_the_papers_own_is_known(found) -> None:
    texts = [f.text for f in found.findings if f.check == "data_sets"]
    assert len(texts) == 1
    assert texts[0].startswith("'GigaHall' is unknown")
    alone = review([read_synthesis(HERE / "echo_plain.txt")])
    assert any("'HallSpeech' is unknown" in f.text for f in alone.findings)


def test_references_are_found_with_and_without_marks(found) -> None:
    (broken,) = told(found, "echo_broken", "references")
    assert broken.detail.startswith("2 of 2")
    (error,) = [f for f in told(found, "echo_markdown", "references") if f.level == "error"]
    assert "2714.00001v1" in error.detail
    assert "(line 34)" in error.detail
    lines = (HERE / "echo_markdown.md").read_text(encoding="utf-8").split("\n")
    assert "2714.00001" in lines[33]


def test_references_that_were_looked_up_are_judged_by_what_was_found() -> None:
    reports = [read_synthesis(HERE / "echo_plain.txt")]
    first, second = identifiers(reports)
    assert first == "1902.01234"

    def judged(**looked):
        cited = {first: Cited(source="arXiv", **looked)}
        own = [f for f in review(reports, cited=cited).findings if f.check == "references"]
        return " ".join(f"{f.text}: {f.detail}" for f in own if first in f.detail)

    assert "do not resolve" in judged(exists=False)
    assert "withdrawn, says arXiv" in judged(exists=True, title="Echoes", notice="withdrawn")
    beside = judged(exists=True, title="A tax on windows", abstract="Of houses and kings.")
    assert "do not concern the research question" in beside
    assert "has none of its" in beside
    assert not judged(exists=True, title="Echo dropout for speech", abstract="Small recognisers.")
    assert second.startswith("T. Mills")


@pytest.fixture
def fetched(tmp_path):
    def write(document) -> Path:
        (tmp_path / "1902.01234").mkdir(exist_ok=True)
        text = document if isinstance(document, str) else json.dumps(document)
        (tmp_path / "1902.01234" / "paper.json").write_text(text, encoding="utf-8")
        return tmp_path

    return write


def test_a_folder_of_fetched_papers_tells_what_references_are_about(fetched, capsys) -> None:
    version = {"number": 1, "state": "source", "title": "A tax on windows\u202e"}
    folder = fetched({"schema": "corroborate/paper@1", "id": "1902.01234", "asked": "",
                      "versions": [version]})  # fmt: skip
    assert cited_in(folder, ["1902.01234", "1902.99999", "../../etc"]) == {
        "1902.01234": Cited(exists=True, title="A tax on windows ", source="arXiv")
    }
    path = str(HERE / "echo_plain.txt")
    assert corroborate.main(["review", path, "--fetched", str(folder)]) == 3
    out = capsys.readouterr().out
    assert "references do not concern the research question" in out
    assert "\u202e" not in out


@pytest.mark.parametrize("document", ["{", "[" * 50_000, {"schema": "other"}, "\x00"])
def test_metadata_that_are_none_are_refused_by_name(fetched, document) -> None:
    with pytest.raises(SynthesisError, match=r"paper\.json"):
        cited_in(fetched(document), ["1902.01234"])
    with pytest.raises(SynthesisError, match="no such folder"):
        cited_in(fetched("{}") / "none", [])


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("width", [1, 50, 72, 110, 1000])
def test_a_page_keeps_its_width(name, width) -> None:
    found = review([read_synthesis(HERE / name)], papers=[source_of_paper(PAPER)])
    lines = review_text(found, width=width).split("\n")
    most = max(50, min(width, 110))
    assert all(len(line) <= most for line in lines if " " in line.strip())


def test_a_page_says_each_thing_once(found) -> None:
    page = [line.strip() for line in review_text(found).split("\n")]
    lines = [line for line in page if len(line) > 40 and not line.startswith("asks: ")]
    assert len(lines) == len(set(lines))


def test_the_same_paper_in_html_and_text_gives_the_same_outcomes(tmp_path, found) -> None:
    sentences = [c.text for c in of(found, "echo_markdown").claims[:1]]
    body = "Our recogniser has four layers and was trained for two days on one machine."
    html, text = tmp_path / "p.html", tmp_path / "p.txt"
    html.write_text(f"<html><body><p>{sentences[0]}</p><p>{body}</p></body></html>")
    text.write_text(f"Title\n\n{sentences[0]}\n\n{body}\n")
    reports = [read_synthesis(HERE / "echo_markdown.md")]
    for path in (html, text):
        claims = review(reports, papers=[source_of_paper(path)]).reports[0].claims
        assert [c.outcome for c in claims] == ["in the paper", "in the paper", "open"]


def test_a_paper_that_is_none_is_refused(tmp_path, capsys) -> None:
    archive = tmp_path / "paper.zip"
    archive.write_bytes(b"PK\x03\x04")
    with pytest.raises(PaperError, match="zip"):
        source_of_paper(archive)
    for path in (archive, tmp_path / "none"):
        assert corroborate.main(["review", str(HERE / "echo_plain.txt"), "--paper", str(path)]) == 2
        assert "found" in capsys.readouterr().err


def test_text_of_a_paper_cannot_move_the_terminals_cursor(tmp_path, capsys) -> None:
    shutil.copytree(PAPER, tmp_path / "echo")
    results = tmp_path / "echo" / "results.tex"
    source = results.read_text(encoding="utf-8")
    results.write_text(source.replace("longer with", "longer\u202e \x9b2J with"), encoding="utf-8")
    command = ["review", str(HERE / "echo_plain.txt"), "--paper", str(tmp_path / "echo")]
    for more in ([], ["--json"]):
        corroborate.main([*command, *more])
        out = capsys.readouterr().out
        assert "11%" in out
        assert not {"\u202e", "\x9b"} & set(out)


def rows(*texts, prose="") -> str:
    """Return a report of some claims, each ticked."""
    table = "\n".join(f"{text}\t✓\t0.9" for text in texts)
    return f"T\n\n3 Results\n\n{prose}\n\n4 Claims\n\nClaim\tVerified\tConfidence\n{table}\n"


TWO = "Echo dropout lowers errors by 3.4 and 1.2 points."


@pytest.mark.parametrize(
    ("others", "prose", "error"),
    [
        ([], "It has 2.3 stars.", ""),
        ([], "The mean is 2.3 points.", "its prose has 2.3, which is the mean of 3.4, 1.2"),
        ([], "It has 2.30 stars.", "its prose has 2.30, which is the mean of 3.4, 1.2"),
        (["Errors fall by 2.30 points."], "", "claim 2 has 2.30, which is the mean of 3.4, 1.2"),
        (["Errors fall by 2.3 points."], "", ""),
    ],
)
def test_a_recomputed_mean_is_told_from_a_number_that_is_there_by_accident(
    others, prose, error
) -> None:
    found = review([parse_synthesis(rows(TWO, *others, prose=prose), name="a")])
    errors = [f.detail for f in found.findings if f.check == "trap" and f.level == "error"]
    assert errors == ([error] if error else [])


def test_a_number_that_the_papers_table_gives_needs_no_other_data() -> None:
    text = "The word error rate of echo dropout is 12.8 on CarSpeech."
    found = review([parse_synthesis(rows(text), name="a")], papers=[source_of_paper(PAPER)])
    (number,) = found.reports[0].claims[0].quote.numbers
    assert number.check.status == "entailed"
    assert not [f for f in found.findings if f.check == "trap"]
    assert "12.8: entailed" in review_text(found)


def test_numbers_of_more_claims_than_are_checked_are_said_to_be_left_out(monkeypatch) -> None:
    monkeypatch.setattr("claims.review.MAX_NUMBERS", 1)
    parsed = parse_synthesis(rows(TWO, "Errors fall by 2.3 points."), name="a")
    found = review([parsed], papers=[source_of_paper(PAPER)])
    assert [len(c.quote.numbers) for c in found.reports[0].claims] == [2, 0]
    assert any("more than 1 different claims" in text for text in found.not_checked)


def test_a_whole_sentence_completes_a_claim_rather_than_a_longer_cut_one(tmp_path) -> None:
    whole = "Guild rolls were read aloud to smiths in every town."
    long, short = tmp_path / "long.txt", tmp_path / "short.txt"
    long.write_text(f"Title\n\n{whole[:-1]} and village, which took them several years and")
    short.write_text(f"Title\n\n{whole}")
    papers = [source_of_paper(long), source_of_paper(short)]
    found = review([parse_synthesis(rows(whole[:40]), name="a")], papers=papers)
    claim = found.reports[0].claims[0]
    assert (claim.completed, claim.completed_by) == (whole, "short.txt")


@pytest.mark.parametrize(("end", "outcome"), [("87", "in the paper"), ("8", "open")])
def test_number_at_a_cut_is_in_the_paper_only_whole(tmp_path, end, outcome) -> None:
    source = tmp_path / "paper.md"
    source.write_text(
        "# Halls\n\nEcho dropout improves accuracy on all of the halls by 87 points.\n"
    )
    claim = f"Echo dropout improves accuracy on all of the halls by {end}"
    found = review([parse_synthesis(rows(claim), name="a")], papers=[source_of_paper(source)])
    assert found.reports[0].claims[0].outcome == outcome
