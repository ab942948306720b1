"""Scores made elsewhere become runs, all of them or none, and decide claims only as far as they may."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from imported_world import (
    AUGMENTED,
    CLAIMS,
    PLAIN,
    both,
    claim_set,
    decided,
    reading,
    score,
    stored,
)

from claims.errors import ClaimFileError
from claims.estimand import Condition
from replication.store import Store
from verifier.scores import Scores, verified_on


def test_what_holds_is_reproduced_and_what_does_not_is_not(tmp_path):
    found = decided(stored(tmp_path / "runs", reading(*both())))
    assert found["real-gain"].verdict == "reproduced"
    assert found["real-gain"].replication == "close"
    assert found["false-gain"].verdict == "not_reproduced"
    assert all("nothing here shows" in " ".join(v.reasons) for v in found.values())
    assert all(not v.stale for v in found.values())


def test_nothing_is_decided_where_nobody_says_how_the_runs_were_made(tmp_path):
    found = decided(stored(tmp_path / "runs", reading(*both()), protocol=None))
    assert {v.verdict for v in found.values()} == {"not_evaluable"}
    assert found["real-gain"].agreement == "agrees"
    assert found["false-gain"].agreement == "disagrees"
    assert "found none declared of the scores ; expected ours" in found["real-gain"].reasons[0]


def test_nor_where_they_followed_another_protocol_than_the_claim_is_about(tmp_path):
    found = decided(stored(tmp_path / "runs", reading(*both()), protocol="theirs"))
    assert {v.verdict for v in found.values()} == {"not_evaluable"}
    assert "found theirs declared of the scores ; expected ours" in found["real-gain"].reasons[0]


def test_nor_where_the_claim_file_names_no_protocol(tmp_path):
    text = CLAIMS.replace(", protocol: ours", "")
    found = decided(stored(tmp_path / "runs", reading(*both())), text)
    assert {v.verdict for v in found.values()} == {"not_evaluable"}
    assert "claim file would say; it is not there" in found["real-gain"].reasons[0]


@pytest.mark.parametrize(
    "changed",
    [
        {"seed": None},
        {"n": None},
        {"seeds": "mean"},
        {"seeds": "median"},
        {"shown": "It was prompted, not fine-tuned."},
    ],
    ids=lambda c: next(iter(c)),
)
def test_scores_that_are_no_replicates_are_shown_and_never_counted(tmp_path, changed):
    scores = [
        score(base, None if "seed" in changed else seed, 80 + 4 * (base == "augmented"), **other)
        for base in ("plain", "augmented")
        for seed in range(3)
        for other in ({k: v for k, v in changed.items() if k != "seed"},)
    ]
    path = stored(tmp_path / "runs", reading(*scores))
    with Store.open(path, write=False) as store:
        runs = store.runs()
    assert runs
    assert all(run.spec.origin.comparability == "shown" for run in runs)
    found = decided(path)
    assert {v.verdict for v in found.values()} == {"not_evaluable"}
    assert all(v.estimate is None for v in found.values())
    assert all("only shown" in " ".join(v.reasons) for v in found.values())


def test_shown_scores_beside_counted_ones_change_no_number(tmp_path):
    mean = [
        score(base, None, points, seeds="mean", n=None)
        for base, points in (("plain", 99), ("augmented", 1))
    ]
    alone = decided(stored(tmp_path / "a", reading(*both())))["real-gain"]
    beside = decided(stored(tmp_path / "b", reading(*both(), *mean)))["real-gain"]
    assert (beside.estimate, beside.interval, beside.verdict) == (
        alone.estimate, alone.interval, alone.verdict,
    )  # fmt: skip
    assert "only shown" in " ".join(beside.reasons)


def test_scores_of_two_evaluators_are_never_compared(tmp_path):
    plain = [s for s in both() if s.condition.base == "plain"]
    augmented = [s for s in both() if s.condition.base == "augmented"]
    path = stored(
        tmp_path / "runs",
        reading(*plain, evaluator="one 1.0"), reading(*augmented, evaluator="two 2.0", files="b"),
    )  # fmt: skip
    found = decided(path)["real-gain"]
    assert found.verdict == "not_evaluable"
    assert "scored by different code" in " ".join(found.reasons)


def test_a_condition_without_scores_is_named(tmp_path):
    only = [s for s in both() if s.condition.base == "plain"]
    found = decided(stored(tmp_path / "runs", reading(*only)))["real-gain"]
    assert found.verdict == "not_evaluable"
    assert "augmented" in " ".join(found.reasons)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("{base: augmented}", "{base: Augmented}", "of the conditions base-augmented."),
        ("own: {reviews:", "own: {review:", "of the tasks reviews."),
        ("[accuracy]", "[Accuracy]", "asks for reviews by Accuracy in en."),
        ("languages: [en]", "languages: [English]", "asks for reviews by accuracy in English."),
        ("split: test", "split: validation", "measure.split: found test ; expected validation."),
    ],
)
def test_where_names_differ_the_reasons_say_both(tmp_path, old, new, said):
    assert old in CLAIMS
    found = decided(stored(tmp_path / "runs", reading(*both())), CLAIMS.replace(old, new))
    assert found["real-gain"].verdict == "not_evaluable"
    assert said in " ".join(found["real-gain"].reasons)


def with_plain(scores, n):
    cell = {"task": "reviews", "language": "en", "split": "test", "metric": "accuracy", "n": n}
    found = Scores(protocol="ours").add(scores, condition={"base": "plain"}, **cell)
    found.add(AUGMENTED, condition={"base": "augmented"}, **cell)
    return verified_on((claim_set(),), found).verdicts[0]


@pytest.mark.parametrize(
    ("scores", "n", "verdict"),
    [
        (PLAIN, 5000, "reproduced"),
        (2 * PLAIN, 5000, "inconclusive"),  # every run twice
        (4 * (81.325,), 5000, "inconclusive"),  # a mean for each seed
        ((81.2, 81.2, 81.4, 81.4), 500, "reproduced"),  # half a point holds few values
    ],
    ids=["runs", "copies", "a mean", "coarse"],
)
def test_seeds_that_look_like_copies_decide_nothing(scores, n, verdict):
    found = with_plain(scores, n)
    assert found.verdict == verdict
    assert ("score exactly alike" in " ".join(found.reasons)) == (verdict == "inconclusive")


def test_seeds_that_all_reach_the_bound_are_no_copies():
    text = CLAIMS.replace("reported: 4\n", "reported: 18.675\n")
    cell = {"task": "reviews", "language": "en", "split": "test", "metric": "accuracy", "n": 5000}
    found = Scores(protocol="ours").add(PLAIN, condition={"base": "plain"}, **cell)
    found.add([100.0] * 4, condition={"base": "augmented"}, **cell)
    verdict = verified_on((claim_set(text),), found).verdicts[0]
    assert verdict.verdict == "reproduced"


@given(
    scores=st.lists(st.sampled_from((81.0, 81.5, 82.25, 83.0)), min_size=2, max_size=8),
    order=st.randoms(use_true_random=False),
)
def test_seeds_that_score_alike_are_told_beside_the_verdict(scores, order):
    order.shuffle(scores)
    found = Scores(protocol="ours")
    cell = {"task": "reviews", "language": "en", "split": "test", "metric": "accuracy", "n": 500}
    found.add(scores, condition={"base": "plain"}, **cell)
    found.add(AUGMENTED, condition={"base": "augmented"}, **cell)
    verdict = verified_on((claim_set(),), found).verdicts[0]
    distinct = len(set(scores))
    said = f"base-plain: {len(scores)} seeds have {distinct} different scores between them."
    assert any(said in text for text in verdict.reasons) == (2 * distinct <= len(scores))
    assert not any("base-augmented:" in text for text in verdict.reasons)


def test_a_benchmark_that_nobody_describes_is_named(tmp_path):
    text = CLAIMS.replace("benchmark: own", "benchmark: other")
    found = decided(stored(tmp_path / "runs", reading(*both())), text)["real-gain"]
    assert found.verdict == "not_evaluable"
    assert "under `benchmarks`" in " ".join(found.reasons)


def test_a_described_benchmark_may_not_take_the_name_of_a_bundled_one(tmp_path):
    text = CLAIMS.replace("own: {reviews", "xtreme: {reviews").replace(
        "benchmark: own", "benchmark: xtreme"
    )
    with pytest.raises(ClaimFileError, match="bundled"):
        decided(stored(tmp_path / "runs", reading(*both())), text)


def test_a_language_that_one_arm_lacks_keeps_the_claim_from_being_decided(tmp_path):
    text = CLAIMS.replace("languages: [en]", "languages: [en, de]")
    found = decided(stored(tmp_path / "runs", reading(*both())), text)["real-gain"]
    assert found.verdict == "not_evaluable"
    assert "measure.languages" in {d.field for d in found.deviations}
    assert "measure.languages: found reviews lacks de ; expected all." in found.reasons[0]


def test_seeds_that_came_in_after_a_look_do_not_decide(tmp_path):
    path = stored(tmp_path / "runs", reading(*(s for s in both() if s.seed < 2)))
    decided(path)
    stored(path, reading(*(s for s in both() if s.seed >= 2), files="b"))
    found = decided(path)["real-gain"]
    assert found.verdict == "inconclusive"
    assert "Unplanned look" in " ".join(found.reasons)


def test_seeds_that_came_in_for_one_arm_alone_do_not_decide(tmp_path):
    late = [s for s in both() if s.condition.base == "augmented" and s.seed >= 2]
    path = stored(tmp_path / "runs", reading(*(s for s in both() if s not in late)))
    decided(path)
    for one, files in zip(late, "bc", strict=True):
        stored(path, reading(one, files=files))
        found = decided(path)["real-gain"]
        assert found.verdict == "inconclusive"
        assert "seeds of [base-augmented] came in" in " ".join(found.reasons)


def test_an_arm_of_which_nothing_was_seen_may_come_after_a_look(tmp_path):
    arms = [[s for s in both() if s.condition.base == base] for base in ("plain", "augmented")]
    path = stored(tmp_path / "runs", reading(*arms[0]))
    assert decided(path)["real-gain"].verdict == "not_evaluable"
    stored(path, reading(*arms[1], files="b"))
    assert decided(path)["real-gain"].verdict == "reproduced"


def test_a_claim_on_the_protocols_base_is_met_by_runs_that_name_it(tmp_path):
    text = CLAIMS.replace("{base: augmented}", "{intermediate: [squad_v1]}").replace(
        "{base: plain}", "{intermediate: []}"
    )
    scores = [
        score("xlm-roberta-large", s.seed, s.points, checkpoint="FacebookAI/xlm-roberta-large",
              condition=Condition(base="xlm-roberta-large", intermediate=("squad_v1",)
                                  if s.condition.base == "augmented" else ()))
        for s in both()
    ]  # fmt: skip
    found = decided(stored(tmp_path / "runs", reading(*scores)), text)["real-gain"]
    assert found.verdict == "reproduced"


def test_another_base_than_the_papers_is_an_important_deviation(tmp_path):
    from replication.protocols import load_protocol

    text = CLAIMS.replace("protocol: ours", "protocol: xstilts").replace(
        "{base: augmented}", "{intermediate: [squad_v1]}").replace(
        "{base: plain}", "{intermediate: []}")  # fmt: skip
    arms = {"plain": (), "augmented": ("squad_v1",)}
    scores = [
        score("x", s.seed, s.points, checkpoint="xlm-roberta-base",
              condition=Condition(intermediate=arms[s.condition.base]))
        for s in both()
    ]  # fmt: skip
    path = stored(tmp_path / "runs", reading(*scores), protocol="xstilts")
    found = decided(path, text, xstilts=load_protocol("xstilts"))["real-gain"]
    assert found.verdict == "not_evaluable"
    assert "base.checkpoint" in {d.field for d in found.deviations if d.importance == "important"}


def test_all_is_no_name_for_nothing(tmp_path):
    text = CLAIMS.replace("{base: augmented}", "{intermediate: all}").replace(
        "{base: plain}", "{intermediate: []}"
    )
    scores = [score("x", s.seed, s.points, condition=Condition()) for s in both()[:4]]
    found = decided(stored(tmp_path / "runs", reading(*scores)), text)["real-gain"]
    assert found.verdict == "not_evaluable"


def test_claims_about_sentences_like_these_need_the_outcomes_of_examples(tmp_path):
    text = CLAIMS.replace("split: test}", "split: test, inference: sentences_like_these}")
    found = decided(stored(tmp_path / "runs", reading(*both())), text)["real-gain"]
    mine = verified_on((claim_set(text),), Scores(protocol="ours").add_table(
        [s.model_dump(mode="json") | {"base": s.condition.base, "target": s.task, "score": s.points}
         for s in both()]
    )).verdicts[0]  # fmt: skip
    for verdict in (found, mine):
        assert verdict.verdict == "not_evaluable"
        assert "without the outcomes of single examples" in " ".join(verdict.reasons)


def test_synthetic_data_say_nothing_of_a_papers_claims():
    from replication.protocols import load_protocol
    from verifier.departures import simulated_deviations

    paper = claim_set().paper
    (found,) = simulated_deviations(paper, load_protocol("miniature"))
    assert found.importance == "important"
    assert simulated_deviations(paper, load_protocol("scratch")) == ()
    controls = paper.model_copy(update={"controls": True})
    assert simulated_deviations(controls, load_protocol("miniature")) == ()


def test_the_description_of_a_benchmark_is_part_of_what_decides(tmp_path):
    also = [s.model_copy(update={"metric": "f1"}) for s in both()]
    path = stored(tmp_path / "runs", reading(*both(), *also))
    assert decided(path)["real-gain"].verdict == "reproduced"
    found = decided(path, CLAIMS.replace("metrics: [accuracy]", "metrics: [f1]"))["real-gain"]
    assert found.verdict == "inconclusive"
    assert "nobody has accepted that" in " ".join(found.reasons)
    assert decided(path, CLAIMS.replace("chance: 50", "chance: 40"))["real-gain"].verdict == (
        "reproduced"  # it is shown, and decides nothing
    )


def test_nobody_writes_by_hand_what_a_description_digests_to():
    by_hand = CLAIMS.replace("split: test}", f"split: test, described: {'a' * 64}}}", 1)
    with pytest.raises(ClaimFileError, match="left out"):
        claim_set(by_hand)
