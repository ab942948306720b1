"""The audit of synthesis reports finds what is wrong with them, and nothing wrong with a good one."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from synthesis_reports import AVERAGE, GOOD, PAPER, SMALL, WHOLE, cut, report

import corroborate
from claims.agreement import alpha
from claims.errors import SynthesisError
from claims.ratings import read_ratings
from claims.report_checks import _key
from claims.review import CHECKS, review
from claims.review_records import known
from claims.sources import source_of_paper
from claims.synthesis import parse_synthesis, read_synthesis
from reports.review_page import review_text

SEEDS = Path(os.environ.get("CORROBORATE_SHARED", "/work/shared")) / "seeds"
needs_seeds = pytest.mark.skipif(
    not SEEDS.is_dir(), reason="the five synthesis reports of ../shared/seeds are not here"
)


def reviewed(text, *others, **more):
    return review(
        [parse_synthesis(t, name=f"report-{i}") for i, t in enumerate((text, *others))], **more
    )


def told(found, check, level=None):
    return [f for f in found.findings if f.check == check and level in {None, f.level}]


@pytest.fixture
def paper(tmp_path):
    path = tmp_path / "paper.txt"
    path.write_text(PAPER, encoding="utf-8")
    return source_of_paper(path)


@pytest.fixture
def seeds():
    return [read_synthesis(path) for path in sorted(SEEDS.glob("*.txt"))]


def test_a_good_report_with_its_paper_is_borne_out_and_has_no_errors(paper) -> None:
    found = reviewed(report(GOOD), papers=[paper])
    assert [c.outcome for c in found.reports[0].claims] == ["in the paper"] * 3
    assert not [f for f in found.findings if f.level == "error"]
    assert found.exit_code() == 0
    assert found.reports[0].score > 4


def test_without_the_paper_the_same_report_stays_open() -> None:
    found = reviewed(report(GOOD))
    assert [c.outcome for c in found.reports[0].claims] == ["open"] * 3
    assert found.exit_code() == 3
    assert "--paper" in found.not_checked[0]


def test_another_number_than_the_papers_is_a_contradiction(paper) -> None:
    claims = [(AVERAGE.replace("3.6", "6.3"), "✓", 0.9), *GOOD[:2]]
    found = reviewed(report(claims), papers=[paper])
    assert found.reports[0].claims[0].outcome == "contradicted"
    assert found.exit_code() == 1
    (error,) = told(found, "evidence", "error")
    assert "'3.6' for '6.3'" in error.detail


def test_a_sentence_on_another_subject_contradicts_nothing(paper) -> None:
    other = AVERAGE.replace("3.6", "6.3").replace("task", "language")
    found = reviewed(report([(other, "✓", 0.9)]), papers=[paper])
    assert found.reports[0].claims[0].outcome == "open"


def test_a_claim_not_in_the_paper_stays_open(paper) -> None:
    found = reviewed(
        report([("Guilds were founded by nine smiths in a cellar.", "✓", 0.9)]), papers=[paper]
    )
    assert found.reports[0].claims[0].quote.status == "absent"
    assert found.exit_code() == 3


def test_a_cut_claim_is_completed_from_the_paper(paper) -> None:
    found = reviewed(report([(cut(WHOLE), "✓", 0.9)]), papers=[paper])
    claim = found.reports[0].claims[0]
    assert claim.completed.endswith("respectively.")
    assert claim.completed_by == "paper.txt"
    assert any(f.detail == "to its end" for f in told(found, "wholeness", "note"))


def test_a_paper_in_latex_is_read_for_its_words(tmp_path) -> None:
    path = tmp_path / "paper.tex"
    path.write_text(
        "% a comment\n\\section{Set-up}\nWe use \\emph{small} encoders~\\citep[p.~3]{smith2020} with\n"
        "two layers in all\nexperiments. Gains are 50\\% % not this\n", encoding="utf-8",
    )  # fmt: skip
    found = reviewed(report([(SMALL, "✓", 0.9)]), papers=[source_of_paper(path)])
    assert found.reports[0].claims[0].outcome == "in the paper"


def test_a_tick_at_a_low_confidence_is_flagged() -> None:
    found = reviewed(report([(SMALL, "✓", 0.17), (AVERAGE, "✓", 0.9), (WHOLE, "✗", 0.1)]))
    (finding,) = told(found, "confidence")
    assert finding.claims == (1,)
    assert finding.detail == "0.17"


def test_several_results_under_one_tick_are_no_check_of_one_another() -> None:
    found = reviewed(report(GOOD))
    (finding,) = told(found, "trap", "warning")
    assert finding.claims == (1,)
    assert "3.10 is their mean" in finding.detail


@pytest.mark.parametrize(
    "sham", ["Formula repro: matches expected.", "A mean gain of 3.10 points was found."]
)
def test_arithmetic_on_the_claimed_numbers_is_an_error(sham) -> None:
    found = reviewed(report(GOOD, results=f"3 claims extracted. {sham}"))
    assert told(found, "trap", "error")[0].claims == (1,)


def test_a_question_that_no_claim_answers_is_an_error() -> None:
    good = reviewed(report(GOOD))
    assert good.reports[0].answered_by == (1,)
    assert not told(good, "question")
    other = "Do guild labels raise the tagging accuracy of mT5 on GUILD-QA?"
    found = reviewed(report(GOOD, question=other))
    assert found.reports[0].answered_by == ()
    (error,) = told(found, "question", "error")
    assert "mt5, guild-qa" in error.detail


@pytest.mark.parametrize(
    ("reference", "fault"),
    [
        ("<http://arxiv.org/abs/2113.01234>", "no well-formed"),
        ("<http://arxiv.org/abs/2101.1234>", "cannot be an arXiv identifier"),
        ("<http://arxiv.org/abs/2609.01234>", "after the report's date"),
        ("see above", "no identifier, address or title"),
    ],
)
def test_references_that_cannot_be_resolved_are_errors(reference, fault) -> None:
    found = reviewed(report(GOOD, references=[reference]))
    assert fault in told(found, "references", "error")[0].detail


@pytest.mark.parametrize(
    "reference",
    ["arXiv:2101.01234", "http://arxiv.org/abs/cs/0101001v1", "https://doi.org/10.1000/182",
     "A. Smith. Guild labels for taggers. 2021.", "https://example.org/x"],
)  # fmt: skip
def test_well_formed_references_are_no_errors(reference) -> None:
    assert not told(reviewed(report(GOOD, references=[reference])), "references", "error")


def test_references_that_nothing_refers_to_are_named() -> None:
    found = reviewed(report(GOOD, references=["arXiv:2101.01234", "arXiv:1901.00001"]))
    (finding,) = told(found, "references")
    assert "used nowhere" in finding.text
    assert finding.detail.startswith("1 of 2")


def test_a_data_set_that_does_not_exist_and_one_that_is_unknown_are_told_apart() -> None:
    title = "Taggers on MASAKHANE-QA and GUILDBENCH"
    found = reviewed(report(GOOD, title=title))
    assert ["MASAKHANE-QA" in f.text for f in told(found, "data_sets", "error")] == [True]
    assert ["GUILDBENCH" in f.text for f in told(found, "data_sets", "note")] == [True]


def test_every_data_set_that_can_be_run_is_a_known_name() -> None:
    from replication.tasks.row import tasks

    real = {_key(n) for group in known()["names"].values() for n in group}
    runnable = {name for name in tasks() if not name.startswith("mini_")}
    unknown = {
        n for n in runnable if _key(n) not in real and _key(n.rpartition("_")[0]) not in real
    }
    assert not unknown


def test_boilerplate_is_found_with_and_without_other_reports() -> None:
    stock = "Claims were extracted from source material and verified against retrieved documents."
    alone = reviewed(report(GOOD, method=f"We searched arXiv. {stock}"))
    assert told(alone, "boilerplate")[0].detail == "3 of 6"  # the counts are stock, too
    own = "Smiths were asked in 3 towns. Guild rolls were read aloud."
    both = reviewed(
        report(GOOD, method=own), report(GOOD, method=own.replace("3", "7"), question="Why?")
    )
    assert told(both, "boilerplate", "warning")
    assert any(
        "abstract is that of one other" in f.text for f in told(both, "boilerplate", "error")
    )
    assert any("all its claims" in f.text for f in told(both, "boilerplate", "error"))


def test_a_method_that_says_nothing_is_told_what_it_lacks() -> None:
    found = reviewed(report(GOOD, method="Papers were scored by a systematic process."))
    (finding,) = told(found, "method")
    assert "which databases were searched, the search terms" in finding.text
    assert not told(reviewed(report(GOOD)), "method")


def test_a_report_that_miscounts_itself_is_told_so() -> None:
    results = "14 papers retrieved. 9 claims extracted; 2 verified. Quality review score: 9.9/10."
    found = reviewed(report([(SMALL, "✓", 0.2)], results=results))
    texts = " ".join(f"{f.text}: {f.detail}." for f in told(found, "counts"))
    assert "claims extracted is not that of its table: says 9, but 1 is listed." in texts
    assert "claims verified is not that of its table: says 2, but 1 is ticked." in texts
    assert "papers retrieved is not that of its references: says 14, but lists 1." in texts
    assert "9.9/10 where the mean confidence of its ticks is 0.20" in texts


def test_a_claim_listed_twice_is_told() -> None:
    found = reviewed(report([*GOOD, (cut(WHOLE), "✓", 0.9)]))
    (finding,) = [f for f in told(found, "counts") if "listed 2 times" in f.text]
    assert finding.claims == (1, 4)


def test_alpha_is_that_of_krippendorffs_own_example() -> None:
    # K. Krippendorff, Computing Krippendorff's Alpha-Reliability (2011), section D: 0.815
    observers = ["1 2 3 3 2 1 4 1 2 . . .", "1 2 3 3 2 2 4 1 2 5 . 3",
                 ". 3 3 3 2 3 4 2 2 5 1 .", "1 2 3 3 2 4 4 1 2 5 1 ."]  # fmt: skip
    units = zip(*(line.split() for line in observers), strict=True)
    assert alpha([[int(v) for v in unit if v != "."] for unit in units]) == pytest.approx(
        0.815, abs=5e-4
    )


def test_alpha_is_one_for_agreement_and_none_where_nothing_can_be_told() -> None:
    assert alpha([[1, 1], [4, 4, 4], [2, 2]]) == 1
    assert alpha([[1, 5], [5, 1]]) < 0
    assert alpha([[3, 3], [3, 3]]) is None
    assert alpha([[1], [5]]) is None


def test_a_score_is_the_mean_of_its_parts() -> None:
    found = reviewed(report(GOOD)).reports[0]
    assert found.score == pytest.approx(sum(p.mean for p in found.parts) / len(found.parts))
    assert {p.rater for p in found.parts} == set(CHECKS)


def ratings(tmp_path, **changes):
    path = tmp_path / "ann.json"
    given = {
        "schema": "corroborate/ratings@1", "rater": "ann", "kind": "person",
        "ratings": [{"report": "report-0", "claim": 1, "rating": 1, "because": "cut"},
                    {"report": "report-0", "rating": 1}],
    }  # fmt: skip
    path.write_text(json.dumps(given | changes), encoding="utf-8")
    return path


def test_other_reviewers_ratings_enter_the_score_and_the_agreement(tmp_path) -> None:
    parsed = parse_synthesis(report(GOOD), name="report-0")
    alone = review([parsed])
    found = review([parsed], ratings=read_ratings(ratings(tmp_path), [parsed]))
    (part,) = [p for p in found.reports[0].parts if p.kind == "person"]
    assert (part.rater, part.ratings, part.mean) == ("ann", 2, 1.0)
    assert found.reports[0].score < alone.reports[0].score
    assert "ann" in found.agreement.raters
    assert found.agreement.alpha != alone.agreement.alpha


def test_agreement_among_reviewers_is_told_apart_from_that_with_the_checks(tmp_path) -> None:
    parsed = parse_synthesis(report(GOOD), name="report-0")
    same = [{"report": "report-0", "claim": n, "rating": n} for n in (1, 2, 3)]
    given = read_ratings(ratings(tmp_path, ratings=same), [parsed])
    alone = review([parsed], ratings=given)
    assert alone.reviewers.alpha is None
    given += read_ratings(ratings(tmp_path, ratings=same, rater="bo", kind="model"), [parsed])
    found = review([parsed], ratings=given)
    assert found.reviewers.raters == ("ann", "bo")
    assert found.reviewers.alpha == 1
    assert found.agreement.alpha is not None
    assert found.agreement.alpha < 1
    page = review_text(found)
    assert "Reviewers alone: Krippendorff's alpha 1.00" in page
    assert "bo (model)" in page


@pytest.mark.parametrize(
    ("changes", "fault"),
    [
        ({"schema": "other"}, "schema"),
        ({"kind": "check"}, "kind"),
        ({"rater": "a b"}, "rater"),
        ({"ratings": [{"report": "report-0", "claim": 9, "rating": 1}]}, "claim 9"),
        ({"ratings": [{"report": "elsewhere", "rating": 1}]}, "elsewhere"),
        ({"ratings": [{"report": "report-0", "rating": 6}]}, "ratings.0.rating"),
        ({"ratings": [{"report": "report-0", "rating": 1}] * 2}, "twice"),
    ],
)
def test_faulty_ratings_are_refused_with_the_place(tmp_path, changes, fault) -> None:
    parsed = parse_synthesis(report(GOOD), name="report-0")
    with pytest.raises(SynthesisError, match=fault):
        read_ratings(ratings(tmp_path, **changes), [parsed])


def test_every_fault_of_a_ratings_file_is_named_at_once(tmp_path) -> None:
    parsed = parse_synthesis(report(GOOD), name="report-0")
    given = [{"report": "report-0", "claim": 1, "rating": 9}, {"report": "report-0", "rating": "2"},
             {"report": "report-0", "claim": True, "rating": 2, "why": "x"}]  # fmt: skip
    with pytest.raises(SynthesisError, match="5 faults") as told:
        read_ratings(ratings(tmp_path, ratings=given, kind="robot"), [parsed])
    for place in (
        "kind",
        "ratings.0.rating",
        "ratings.1.rating",
        "ratings.2.claim",
        "ratings.2.why",
    ):
        assert f"  {place}: found " in str(told.value)
    given = [{"report": "\x1b[2J", "rating": 1}, {"report": "report-0", "claim": 9, "rating": 1}]
    with pytest.raises(SynthesisError, match="2 faults") as told:
        read_ratings(ratings(tmp_path, ratings=given), [parsed])
    assert "\x1b" not in str(told.value)


def test_ratings_that_are_no_json_or_nested_too_deep_are_refused(tmp_path) -> None:
    for text in ("{", "[" * 100_000, "NaN"):
        path = tmp_path / "ratings.json"
        path.write_text(text, encoding="utf-8")
        with pytest.raises(SynthesisError):
            read_ratings(path, [])


def test_a_rater_may_not_take_a_checks_name(tmp_path) -> None:
    parsed = parse_synthesis(report(GOOD), name="report-0")
    given = read_ratings(ratings(tmp_path, rater="trap"), [parsed])
    with pytest.raises(SynthesisError, match="trap"):
        review([parsed], ratings=given)


def test_two_reports_of_one_name_are_refused() -> None:
    parsed = parse_synthesis(report(GOOD), name="a")
    with pytest.raises(SynthesisError, match="several reports named a"):
        review([parsed, parsed])


def test_the_command_prints_text_or_one_json_document(tmp_path, capsys, monkeypatch) -> None:
    monkeypatch.setenv("COLUMNS", "110")
    path, source = tmp_path / "one.txt", tmp_path / "paper.md"
    path.write_text(report(GOOD, markdown=True), encoding="utf-8")
    source.write_text(PAPER, encoding="utf-8")
    assert corroborate.main(["review", str(path), "--paper", str(source)]) == 0
    text = capsys.readouterr().out
    assert "has the words and numbers of 3, contradicts 0 and leaves 0 open" in text
    assert "Krippendorff's alpha" in text
    assert all(asks in text for asks, _ in CHECKS.values())
    assert corroborate.main(["review", str(path), "--json"]) == 3
    document = json.loads(capsys.readouterr().out)
    assert document["schema"] == "corroborate/review@1"
    assert [c["outcome"] for c in document["reports"][0]["claims"]] == ["open"] * 3
    assert corroborate.main(["review", str(tmp_path / "none.txt")]) == 2
    assert "no such file" in capsys.readouterr().err


@needs_seeds
def test_each_seed_has_nine_ticked_claims_that_are_the_same_nine(seeds) -> None:
    found = review(seeds)
    assert len(seeds) == 5
    assert [len(r.claims) for r in found.reports] == [9] * 5
    assert {r.layout for r in found.reports} == {"plain", "markdown"}
    assert len(found.claims) == 9
    assert all(len(c.members) == 5 for c in found.claims)
    assert [i for i, c in enumerate(found.claims, 1) if c.whole] == [2]
    longer = found.claims[6]
    assert longer.text.endswith("achieves state-of-t")
    assert longer.completed_by.startswith("001")


@needs_seeds
def test_the_seeds_cuts_confidences_trap_and_questions_are_flagged(seeds) -> None:
    found = review(seeds)
    names = {s.name for s in seeds}

    def flagged(check, text):
        own = told(found, check)
        return {f.report: f.claims for f in own if text in f"{f.text}: {f.detail}"}

    assert flagged("wholeness", "breaks off within") == dict.fromkeys(
        names, (1, 3, 4, 5, 6, 7, 8, 9)
    )
    assert flagged("confidence", "lowest for claim 4") == dict.fromkeys(names, tuple(range(1, 10)))
    assert flagged("trap", "7.57 is their mean") == dict.fromkeys(names, (1,))
    assert set(flagged("question", "no claim answers")) == names
    assert all(r.answered_by == () for r in found.reports)
    assert [r[:3] for r in flagged("data_sets", "MASAKHANE-QA")] == ["001"]
    assert set(flagged("boilerplate", "11 of 12")) == names
    assert found.exit_code() == 3
    assert all(r.score < 2.5 for r in found.reports)


@needs_seeds
def test_the_page_of_the_seeds_says_the_worst_first_and_each_thing_once(seeds) -> None:
    page = review_text(review(seeds))
    why, claims, details = (
        page.index(head)
        for head in ("\nWhy\n", "\nClaims, each once\n", "\nDo the claims answer the research")
    )
    assert why < claims < details
    assert "No claim answers the research question [all reports]." in page[why:claims]
    assert "'MASAKHANE-QA' seems not to exist [R2]." in page[why:claims]
    assert "45 stand at a confidence below 0.50, the lowest at 0.17." in page[why:claims]
    assert "40 break off within a sentence." in page[why:claims]
    for once in ("7.57 is their", "achieves state-of-t", "AfriQA", "below 0.50\n"):
        assert page.count(once) == 1
    assert len(page.split("\n")) < 170


@needs_seeds
@pytest.mark.parametrize("number", range(5))
def test_each_seed_alone_has_its_findings_too(seeds, number) -> None:
    found = review([seeds[number]])
    assert len(found.claims) == 9
    assert found.reports[0].answered_by == ()
    levels = {f.check: f.level for f in reversed(found.findings)}
    assert levels["question"] == "error"
    assert levels["trap"] == levels["confidence"] == levels["wholeness"] == "warning"
    assert found.exit_code() == 3


def test_every_name_known_offline_is_written_once() -> None:
    names = [n for group in known()["names"].values() for n in group]
    assert len(names) == len(set(names))
