"""Claims are decided on the scores that a program has at hand as they are on those of a store."""

from __future__ import annotations

import pytest
from imported_world import (
    CLAIMS,
    PLAIN,
    both,
    claim_set,
    reading,
    stored,
    written,
)

from replication.errors import ImportedScoresError
from verifier.auditing import verified
from verifier.scores import Scores, verified_on


def test_scores_of_a_program_give_the_verdicts_of_the_store(tmp_path):
    claims, scores = written(tmp_path)
    path = stored(tmp_path / "runs", reading(*both()))
    found, _ = verified([str(claims)], path)
    mine = verified_on((claim_set(),), Scores(protocol="ours").add_files(scores))
    assert [(v.claim, v.verdict, v.estimate, v.interval) for v in mine.verdicts] == [
        (v.claim, v.verdict, v.estimate, v.interval) for v in found.verdicts.verdicts
    ]


def test_a_cell_that_two_additions_share_is_refused(tmp_path):
    _, scores = written(tmp_path)
    twice = Scores(protocol="ours").add_files(scores).add(
        [PLAIN[0] + 1], condition={"base": "plain"}, task="reviews", language="en", split="test",
        metric="accuracy", n=500,
    )  # fmt: skip
    with pytest.raises(ImportedScoresError, match="already"):
        twice.runs()


@pytest.mark.parametrize(
    ("scores", "seeds"), [([], None), ([1.0], [1, 2]), ([101.0], None), ([float("nan")], None)]
)
def test_scores_that_cannot_be_are_refused(scores, seeds):
    with pytest.raises(ImportedScoresError):
        Scores().add(
            scores, condition={"base": "plain"}, task="reviews", language="en", split="test",
            metric="accuracy", n=500, seeds=seeds,
        )  # fmt: skip


@pytest.mark.parametrize(
    "changed", [{"condition": {"bases": "plain"}}, {"task": "a/b"}, {"split": "dev"}, {"n": 0}],
    ids=str,
)  # fmt: skip
def test_what_is_no_score_is_refused_in_words(changed):
    fields = {
        "condition": {"base": "plain"}, "task": "reviews", "language": "en", "split": "test",
        "metric": "accuracy", "n": 500,
    }  # fmt: skip
    with pytest.raises(ImportedScoresError, match="expected"):
        Scores().add([80.0], **(fields | changed))


def added(*conditions, scale=None, factor=1.0):
    scores = Scores(protocol="xstilts")
    for condition in conditions:
        scores.add(
            [factor * value for value in PLAIN], condition=condition, task="reviews", language="en",
            split="test", metric="accuracy", n=500, scale=scale,
        )  # fmt: skip
    return scores


def test_scores_that_could_be_points_or_fractions_are_refused_until_it_is_said():
    with pytest.raises(ImportedScoresError, match="expected to be told"):
        added({"base": "plain"}, factor=0.01)
    for scale, most in (("fraction", 100), ("points", 1)):
        runs = added({"base": "plain"}, factor=0.01, scale=scale).runs()
        assert {round(run.measurements[0].score / most, 3) for run in runs} == {
            round(value / 100, 3) for value in PLAIN
        }


def test_a_program_that_names_another_base_than_the_papers_departs_from_it():
    text = CLAIMS.replace("protocol: ours", "protocol: xstilts").replace(
        "{base: augmented}", "{mlm: true}").replace("{base: plain}", "{}")  # fmt: skip
    scores = added({"base": "bert"}, {"base": "bert", "mlm": True})
    found = verified_on((claim_set(text),), scores).verdicts[0]
    assert found.verdict == "not_evaluable"
    assert "base.checkpoint" in {d.field for d in found.deviations if d.importance == "important"}


def test_no_scores_are_no_verdict():
    with pytest.raises(ImportedScoresError, match="found none"):
        verified_on((claim_set(),), Scores())
