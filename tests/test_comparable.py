"""Runs that were not scored alike are refused, with the reason."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from verifier_strategies import MNLI, NONE, SQUAD, run_of, spec_of

from replication.run import Measurement
from verifier.comparable import incomparable

RETRIEVAL = {"layer": 7, "pooling": "mean", "max_length": 64}


def use(revision="sha256:aa", languages=("en", "sw"), split="validation", name="xnli"):
    return {"name": name, "split": split, "languages": languages, "revision": revision}


def run(condition=SQUAD, seed=0, *, split="validation", scores=("en",), **changes):
    """An evaluation run of xnli that reads one piece of data."""
    changes.setdefault("data", (use(split=split),))
    changes.setdefault("lengths", {"max_length": 64})
    measurements = [
        Measurement(task="xnli", language=x, split=split, metric="accuracy", score=50, n=10)
        for x in scores
    ]
    return run_of(spec_of(condition, "xnli", seed, **changes), measurements)


DIFFERENT = {
    "evaluator": ({"evaluator": "other@2"}, "different code, corroborate-scoring@1, other@2"),
    "no evaluator": ({"evaluator": None}, "different code, corroborate-scoring@1, unknown"),
    "revision": ({"data": (use("sha256:bb"),)}, "xnli validation: found data revision sha256:aa"),
    "unknown data": ({"data": ()}, "found data revision sha256:aa"),
    "cap": ({"examples_per_language": 10}, "found examples per language 10 ("),
    "length": ({"lengths": {"max_length": 65}}, "found lengths.max_length 64 ("),
    "no length": ({"lengths": None}, "found lengths.max_length 64 ("),
    "retrieval": ({"retrieval": RETRIEVAL}, "found retrieval.layer 7 ("),
    "base": ({"base": {"checkpoint": "toy-base", "revision": "b" * 40}}, "found base.revision bbb"),
}
"""What another run of the same task and split was scored with -> what the reader is told."""


@pytest.mark.parametrize("name", sorted(DIFFERENT))
def test_runs_that_were_scored_differently_are_refused(name):
    changes, told = DIFFERENT[name]
    found = incomparable([run(), run(NONE, **changes)])
    assert any(told in text for text in found), found
    assert incomparable([run(**changes), run(NONE, 1, **changes)]) == ()


def test_a_refusal_names_a_run_on_either_side():
    runs = [run(seed=0), run(seed=1), run(NONE, data=(use("sha256:bb"),))]
    (text,) = incomparable(runs)
    assert text == (
        "xnli validation: found data revision sha256:aa (evaluation xnli [squad] seed 0 and 1 more), "
        "sha256:bb (evaluation xnli [none] seed 0) ; expected one for all runs of a claim. "
        "Score them anew under one plan."
    )


def test_all_faults_are_told_at_once():
    other = run(NONE, evaluator="other@2", data=(use("sha256:bb"),), examples_per_language=5)
    assert len(incomparable([run(), other])) == 3


def test_only_so_many_revisions_and_so_long_texts_are_printed():
    runs = [run(seed=i, data=(use(f"sha256:{i}{'0' * 60}"),)) for i in range(9)]
    (text,) = incomparable(runs)
    assert "and 5 other values" in text
    assert len(text) < 1000


@pytest.mark.parametrize(
    ("first", "second"),
    [
        # cells that a run lacks are dropped and listed; the shared ones are of one revision
        ({}, {"data": (use(languages=("en",)),), "scores": ("en",)}),
        # another split is another question, and no arm is scored on a split that others lack
        ({}, {"split": "test", "data": (use("sha256:bb", split="test"),)}),
        ({"precision": "fp32"}, {"precision": "bf16"}),
        # a run may read data that are not scored
        ({}, {"data": (use(), use("sha256:cc", name="ner"))}),
    ],
)
def test_runs_that_differ_in_nothing_that_matters_are_comparable(first, second):
    assert incomparable([run(**first), run(NONE, **second)]) == ()


def test_other_languages_of_another_revision_are_refused_since_nothing_shows_the_rest_the_same():
    assert incomparable([run(), run(NONE, data=(use("sha256:bb", ("en",)),))])


def test_conditions_on_other_bases_may_start_from_other_checkpoints():
    elsewhere = SQUAD.model_copy(update={"base": "mbert"})
    base = {"checkpoint": "mbert"}
    assert incomparable([run(), run(elsewhere, base=base)]) == ()
    other = run(elsewhere, 1, base={"checkpoint": "other"})
    (text,) = incomparable([run(), run(elsewhere, base=base), other])
    assert text.startswith("Conditions on the base 'mbert': found base.checkpoint mbert (")


def test_a_run_without_condition_starts_from_the_base_of_the_protocol():
    assert incomparable([run(), run(None)]) == ()
    assert incomparable([run(), run(None, base={"checkpoint": "other"})])


def test_no_runs_are_comparable():
    assert incomparable([]) == ()


@given(st.randoms(use_true_random=False))
def test_the_order_of_runs_changes_no_sentence(shuffler):
    runs = [run(c, s, data=(use(f"sha256:{s % 2}"),)) for c in (SQUAD, MNLI) for s in range(3)]
    expected = incomparable(runs)
    shuffler.shuffle(runs)
    assert expected == incomparable(runs) != ()
