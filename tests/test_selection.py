"""The best candidate per target: chosen on one split, scored on another, replicated per seed."""

from __future__ import annotations

import numpy as np
import pytest
from verifier_strategies import MNLI, NONE, SQUAD, World, arm, claim, run_of, spec_of

from replication.run import Measurement


def selected(split):
    return claim(
        "selected_gain", candidates=[SQUAD, MNLI], control=NONE, reported=10.0, tolerance=2.0,
        selection={"split": split, "languages": "all"},
    )  # fmt: skip


def validation_and_test(w, test_scores):
    """The same runs scored on the test split as well, from which the paper chose."""
    rows = {}
    extra = []
    for condition, values in test_scores.items():
        for task in ("ner", "xnli"):
            for seed in range(3):
                spec = spec_of(condition, task, seed, examples_per_language=7)
                rows[spec.digest()] = [
                    Measurement(task=task, language=code, split="test", metric="accuracy",
                                score=values[task], n=1000)
                    for code in ("en", "sw")
                ]  # fmt: skip
                extra.append(run_of(spec, rows[spec.digest()]))
    return w.but(extra_runs=tuple(extra))


def test_the_best_per_target_is_chosen_on_the_split_that_the_claim_names():
    rng = np.random.default_rng(6)
    # SQUAD is better on validation; the selection split says MNLI, so MNLI must be scored.
    w = World(selected("test"), {SQUAD: arm(rng, 70), MNLI: arm(rng, 60), NONE: arm(rng, 50)})
    chosen = {
        SQUAD: {"ner": 40, "xnli": 40},
        MNLI: {"ner": 45, "xnli": 45},
        NONE: {"ner": 9, "xnli": 9},
    }
    verdict = validation_and_test(w, chosen).verdict()
    assert (verdict.verdict, verdict.replication) == ("reproduced", "direct"), verdict.reasons
    assert verdict.estimate == pytest.approx(10, abs=1)
    assert verdict.evidence.arms[0].condition == "best of 2 per target, chosen on test"


def test_choosing_on_the_scored_split_is_flagged_and_never_green():
    rng = np.random.default_rng(6)
    w = World(selected("test"), {SQUAD: arm(rng, 60), MNLI: arm(rng, 55), NONE: arm(rng, 50)})
    verdict = w.verdict()
    assert (verdict.verdict, verdict.agreement) == ("not_evaluable", "agrees")
    assert "measure.selection.split" in [d.field for d in verdict.deviations]
    assert any("luck of the best" in text for text in verdict.reasons)
