"""From claims, plan and runs to verdicts: what weakens evidence, and what changes nothing."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from verifier_strategies import (
    BOTH,
    MEASURE,
    MNLI,
    NONE,
    SQUAD,
    World,
    arm,
    claim,
    level_arm,
    points,
    protocol,
    run_of,
    spec_of,
)

from claims.estimand import Condition, Contrast
from replication.run import Measurement, Refusal
from verifier.verdict import Verdicts

UP = claim("gain", reported=10.0, tolerance=2.0)
DIRECTION = claim("gain", reported="unknown")
CONTRASTS = (Contrast(treatment=SQUAD, control=NONE), Contrast(treatment=MNLI, control=NONE))

slow = settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def world(rule=UP, gain=10.0, **changes):
    rng = np.random.default_rng(1)
    scores = {SQUAD: arm(rng, 50 + gain), NONE: arm(rng, 50), MNLI: arm(rng, 55)}
    return World(rule, scores).but(**changes)


def any_claim():
    kinds = [
        UP,
        DIRECTION,
        claim("value", condition=SQUAD, reported=60, tolerance=3.0),
        claim("ranking", candidates=[SQUAD, MNLI, NONE], claimed=[SQUAD], top=1),
        claim("consistency", contrasts=CONTRASTS, cells="tasks", at_least="all"),
        claim("consistency", contrasts=CONTRASTS, cells="languages", at_least=2),
        claim("no_benefit", contrasts=CONTRASTS),
        claim("not_consistently_better", contrasts=CONTRASTS, cells="contrasts"),
        claim(
            "selected_gain", candidates=[SQUAD, MNLI], control=NONE, reported=10.0, tolerance=2.0,
            selection={"split": "test", "languages": "training"},
        ),
    ]  # fmt: skip
    return st.sampled_from(kinds)


CONCEPTUAL = {"toy": protocol(base={"checkpoint": "xlm-roberta-large"})}


def test_a_planted_gain_is_reproduced_with_all_that_a_reader_needs():
    verdict = world().verdict()
    assert (verdict.verdict, verdict.finding, verdict.replication) == (
        "reproduced", "magnitude", "direct",
    )  # fmt: skip
    assert verdict.agreement is None
    assert verdict.interval.low < verdict.estimate < verdict.interval.high
    assert (verdict.reported, verdict.tolerance, verdict.minimum_effect) == (10, 2, 0.5)
    assert verdict.seeds == 3
    assert {a.condition for a in verdict.evidence.arms} == {"squad", "none"}
    rows = {(c.task, c.language) for c in verdict.evidence.cells}
    assert rows == {(t, x) for t in ("ner", "xnli") for x in (None, "en", "sw")}
    assert len(verdict.evidence.runs) == 12
    json.dumps(verdict.to_json(), allow_nan=False)


def test_the_cells_of_a_claim_are_listed_contrast_by_contrast():
    rule = claim("consistency", contrasts=CONTRASTS, cells="tasks", at_least="all")
    cells = [(c.contrast, c.task) for c in world(rule).verdict().evidence.cells]
    contrasts = ("squad vs none", "mnli vs none")
    assert cells[:4] == [(c, task) for c in contrasts for task in ("ner", "xnli")]


CANDIDATES = [SQUAD, MNLI, NONE]
DOWN = {"treatment": NONE, "control": SQUAD, "tolerance": 2.0}
LOSSES = (Contrast(treatment=NONE, control=SQUAD),)
BASE = "base.checkpoint"


@pytest.mark.parametrize(
    ("kind", "fields", "label"),
    [
        ("gain", DOWN | {"direction": "down", "reported": -10.0}, "reproduced"),
        ("gain", DOWN | {"reported": 10.0}, "not_reproduced"),
        ("value", {"condition": SQUAD, "reported": 60, "tolerance": 3.0}, "reproduced"),
        ("value", {"condition": SQUAD, "reported": 70, "tolerance": 3.0}, "not_reproduced"),
        ("ranking", {"candidates": CANDIDATES, "claimed": [SQUAD], "top": 1}, "reproduced"),
        ("ranking", {"candidates": CANDIDATES, "claimed": [NONE], "top": 1}, "not_reproduced"),
        (
            "consistency",
            {"contrasts": CONTRASTS, "cells": "tasks", "at_least": "all"},
            "reproduced",
        ),
        (
            "consistency",
            {"contrasts": LOSSES, "cells": "languages", "at_least": 2},
            "not_reproduced",
        ),
        ("no_benefit", {"contrasts": CONTRASTS}, "not_reproduced"),
        ("not_consistently_better", {"contrasts": CONTRASTS, "cells": "tasks"}, "not_reproduced"),
        ("not_consistently_better", {"contrasts": LOSSES, "cells": "tasks"}, "reproduced"),
        ("protocol", {"settings": [{"field": BASE, "equals": "toy-base"}]}, "reproduced"),
        ("protocol", {"settings": [{"field": BASE, "equals": "other"}]}, "not_reproduced"),
    ],
)
def test_every_kind_is_decided_on_direct_evidence(kind, fields, label):
    verdict = world(claim(kind, **fields)).verdict()
    assert verdict.verdict == label, verdict.reasons
    assert verdict.replication == "direct"


# Conceptual evidence


@slow
@given(rule=any_claim(), gains=st.tuples(st.floats(-20, 20), st.floats(-20, 20)))
def test_conceptual_evidence_is_never_green_and_never_red(rule, gains):
    rng = np.random.default_rng(4)
    scores = {SQUAD: arm(rng, 50 + gains[0]), MNLI: arm(rng, 50 + gains[1]), NONE: arm(rng, 50)}
    verdict = World(rule, scores, reported=CONCEPTUAL).verdict()
    assert (verdict.verdict, verdict.finding) == ("not_evaluable", "conceptual_only")
    assert verdict.replication == "conceptual"
    assert verdict.agreement in ("agrees", "disagrees", "unclear")
    assert verdict.as_expected() is None


@pytest.mark.parametrize(
    ("gain", "agreement"), [(10, "agrees"), (0, "disagrees"), (7.8, "unclear")]
)
def test_conceptual_evidence_says_whether_it_agrees_and_keeps_the_numbers(gain, agreement):
    verdict = world(gain=gain, reported=CONCEPTUAL).verdict()
    assert verdict.agreement == agreement
    direct = world(gain=gain).verdict()
    assert (verdict.estimate, verdict.interval) == (direct.estimate, direct.interval)
    assert "base.checkpoint" in verdict.reasons[0]
    assert direct.verdict in verdict.reasons[0]


@pytest.mark.parametrize("field", ["split", "score", "seeds"])
def test_a_measure_that_the_paper_does_not_state_is_never_green(field):
    rule = claim("gain", reported=10.0, tolerance=2.0, measure=MEASURE | {field: "unknown"})
    verdict = world(rule).verdict()
    assert (verdict.verdict, verdict.finding, verdict.agreement) == (
        "not_evaluable", "measure_unknown", "agrees",
    )  # fmt: skip


@pytest.mark.parametrize("asked_for", [None, "elsewhere"])
def test_without_the_papers_own_protocol_evidence_is_conceptual(asked_for):
    verdict = world(paper_protocol=asked_for).verdict()
    assert (verdict.verdict, verdict.replication) == ("not_evaluable", "conceptual")
    assert verdict.deviations[0].field == "protocol"


def test_minor_deviations_make_a_close_replication_that_still_decides():
    verdict = world(reported={"toy": protocol(seeds=5)}).verdict()
    assert (verdict.verdict, verdict.replication) == ("reproduced", "close")
    assert [d.field for d in verdict.deviations] == ["seeds"]


def test_settings_of_another_recipe_refute_no_paper():
    rule = claim("protocol", settings=[{"field": "base.checkpoint", "equals": "xlm-roberta-large"}])
    verdict = world(rule, reported=CONCEPTUAL).verdict()
    assert (verdict.verdict, verdict.finding, verdict.agreement) == (
        "not_evaluable", "conceptual_only", "unclear",
    )  # fmt: skip


def test_fewer_tasks_than_the_claim_asks_for_are_never_green():
    w = world()
    runs = [r for r in w.runs() if r.spec.tasks == ("ner",)]
    needs = w.plan().needs[0]
    refusal = Refusal(reason="No data for xnli.", task="xnli")
    kept = tuple(d for d in needs.runs if d in {r.spec_digest for r in runs})

    class Partial(World):
        def plan(self):
            plan = super().plan()
            partial = needs.model_copy(update={"runs": kept, "refusals": (refusal,)})
            return plan.model_copy(update={"needs": (partial,)})

    verdict = Partial(w.claim, w.scores).verdict(runs)
    assert (verdict.verdict, verdict.agreement) == ("not_evaluable", "agrees")
    assert "measure.tasks" in [d.field for d in verdict.deviations]
    assert any("No data for xnli." in text for text in verdict.reasons)


# Missing evidence


@slow
@given(rule=any_claim(), data=st.data())
def test_missing_evidence_is_never_a_failure_and_never_a_success(rule, data):
    w = world(rule, gain=data.draw(st.floats(-20, 20)))
    everything = sorted(w.runs(), key=lambda r: r.spec_digest)
    bearing = set(w.plan().needs[0].runs)
    kept = data.draw(st.lists(st.sampled_from(everything), unique_by=lambda r: r.spec_digest))
    verdict = w.verdict(kept)
    if not bearing <= {r.spec_digest for r in kept}:
        assert verdict.verdict in ("inconclusive", "not_evaluable")
        assert verdict.evidence.exclusions


def test_no_run_at_all_is_not_evaluable_with_the_reason():
    verdict = world().verdict([])
    assert (verdict.verdict, verdict.finding, verdict.replication) == (
        "not_evaluable", "no_evidence", None,
    )  # fmt: skip
    assert "None of the 12 planned runs is made yet." in verdict.reasons


def test_a_refused_claim_is_not_evaluable_with_the_refusal():
    refusal = Refusal(reason="Training on it leaks.", condition=SQUAD, task="xquad")
    verdict = World(UP, {}, refusals=(refusal,)).verdict()
    assert (verdict.verdict, verdict.finding) == ("not_evaluable", "no_evidence")
    assert "Not run: xquad, [squad]: Training on it leaks." in verdict.reasons


@pytest.mark.parametrize("gain", [10, 0])
@pytest.mark.parametrize("how", ["failed", "absent"])
def test_a_missing_seed_withholds_the_decision_and_shows_the_numbers(how, gain):
    verdict = world(gain=gain, **{how: ((SQUAD, "ner", 2),)}).verdict()
    assert (verdict.verdict, verdict.finding) == ("inconclusive", "undecided")
    assert verdict.seeds == 2
    assert verdict.estimate is not None
    assert verdict.reasons[0].startswith("Withheld: 1 of 12 planned runs")
    assert ("the loss is not finite" in verdict.reasons[0]) == (how == "failed")


def test_a_claim_that_the_plan_does_not_know_is_not_evaluable():
    w = world()
    other = w.but(claim=claim("gain", id="other", reported="unknown"))

    class Unplanned(World):
        def plan(self):
            return w.plan()

    verdict = Unplanned(other.claim, w.scores).verdict(w.runs())
    assert verdict.finding == "no_evidence"
    assert "does not know this claim" in verdict.reasons[0]


def test_one_seed_decides_nothing():
    w = World(UP, {SQUAD: level_arm([60]), NONE: level_arm([50])})
    verdict = w.verdict()
    assert (verdict.verdict, verdict.estimate, verdict.interval) == ("inconclusive", 10.0, None)
    assert any("at least two seeds" in text for text in verdict.reasons)


def test_two_conditions_that_the_protocol_makes_one_are_not_compared():
    rule = claim("gain", treatment=BOTH, control=SQUAD, reported="unknown")
    scores = {SQUAD: arm(np.random.default_rng(1), 60)}
    verdict = World(rule, scores, protocol=protocol(intermediate_tasks=["squad"])).verdict()
    assert verdict.finding == "no_evidence"
    assert "two conditions of the claim are one: squad" in verdict.reasons[0]


def test_runs_scored_by_different_code_are_not_compared():
    w = world()
    other = run_of(
        spec_of(SQUAD, "ner", 9, evaluator="corroborate-scoring@2"),
        [
            Measurement(
                task="ner", language="en", split="validation", metric="accuracy", score=1, n=9
            )
        ],
    )
    verdict = w.but(extra_runs=(other,)).verdict()
    assert verdict.finding == "no_evidence"
    assert "scored by different code" in verdict.reasons[0]


# Order, identity, signature


@slow
@given(rule=any_claim(), shuffler=st.randoms(use_true_random=False))
def test_the_order_of_runs_changes_no_byte(rule, shuffler):
    w = world(rule)
    runs = w.runs()
    first = w.verdicts(runs)
    shuffler.shuffle(runs)
    assert w.verdicts(runs).canonical() == first.canonical()
    assert Verdicts.model_validate_json(first.canonical()).canonical() == first.canonical()


@slow
@given(
    treatment=st.lists(points, min_size=2, max_size=4),
    control=st.lists(points, min_size=2, max_size=4),
)
def test_swapping_the_arms_negates_estimate_and_interval(treatment, control):
    scores = {SQUAD: level_arm(treatment), NONE: level_arm(control)}
    there = World(DIRECTION, scores).verdict()
    swapped = claim("gain", treatment=NONE, control=SQUAD, reported="unknown")
    back = World(swapped, scores).verdict()
    assert there.estimate == pytest.approx(-back.estimate)
    assert (there.interval.low, there.interval.high) == pytest.approx(
        (-back.interval.high, -back.interval.low)
    )


@pytest.mark.parametrize(
    ("statistic", "expected"), [("median", 8.0), ("mean", 11.0), ("single", 11.0)]
)
def test_the_estimate_is_of_the_statistic_that_the_claim_reports(statistic, expected):
    rule = claim("gain", reported="unknown", measure=MEASURE | {"seeds": statistic})
    scores = {SQUAD: level_arm([57, 58, 68]), NONE: level_arm([50, 50, 50])}
    verdict = World(rule, scores).verdict()
    assert verdict.estimate == pytest.approx(expected)
    arms = {a.condition: a.summary for a in verdict.evidence.arms}
    assert arms["squad"] - arms["none"] == pytest.approx(expected)


def test_a_criterion_changed_after_the_plan_is_flagged_first():
    verdict = world(criterion="0" * 64).verdict()
    assert "criterion" in verdict.reasons[0]
    assert "000000000000 then" in verdict.reasons[0]
    assert "criterion" not in world().verdict().reasons[0]


def test_the_signature_names_every_choice_that_changes_the_number():
    one = world().verdict().signature
    parts = dict(p.split(":", 1) for p in one.split("|"))
    assert parts["languages"] == "en+sw"
    assert parts["tasks"] == "ner+xnli"
    assert parts["seeds"] == "3"
    assert parts["statistic"] == "mean"
    assert parts["evaluator"] == "corroborate-scoring@1"
    assert parts["protocol"].startswith("toy:full:")
    median = claim("gain", reported=10.0, tolerance=2.0, measure=MEASURE | {"seeds": "median"})
    looser = claim("gain", reported=10.0, tolerance=3.0)
    others = [world(median).verdict().signature, world(looser).verdict().signature]
    assert "|statistic:median|" in others[0]
    assert len({one, *others}) == 3


def test_exit_codes_follow_expectations():
    assert world().verdicts().exit_code() == 0
    assert world(gain=0).verdicts().exit_code() == 1
    assert world().verdicts([]).exit_code() == 3
    control = claim("gain", reported=10.0, tolerance=2.0, expected="not_reproduced")
    assert world(control, gain=0).verdicts().exit_code() == 0


def test_a_missing_candidate_leaves_a_ranking_without_evidence():
    rule = claim("ranking", candidates=[SQUAD, MNLI, NONE], claimed=[SQUAD], top=1)
    rng = np.random.default_rng(6)
    verdict = World(rule, {SQUAD: arm(rng, 60), NONE: arm(rng, 50)}).verdict()
    assert verdict.finding == "no_evidence"
    assert "No scores for: mnli." in verdict.reasons


def test_a_missing_contrast_is_an_important_deviation():
    rule = claim("consistency", contrasts=CONTRASTS, cells="contrasts", at_least="all")
    rng = np.random.default_rng(6)
    verdict = World(rule, {SQUAD: arm(rng, 60), NONE: arm(rng, 50)}).verdict()
    assert (verdict.verdict, verdict.agreement) == ("not_evaluable", "agrees")
    assert "measure.conditions" in [d.field for d in verdict.deviations]


def test_conditions_that_nobody_asked_for_change_nothing():
    more = Condition(intermediate=("mnli", "squad"))
    w = world()
    rng = np.random.default_rng(9)
    crowded = w.but(scores=dict(w.scores) | {more: arm(rng, 99)})
    assert crowded.verdict() == w.verdict()
