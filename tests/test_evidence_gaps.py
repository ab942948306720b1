"""What the verifier does at the edges of its evidence: repeats, failures, gaps and no choice."""

from __future__ import annotations

import json
from importlib.metadata import PackageNotFoundError

import numpy as np
import pytest
from verifier_strategies import (
    MEASURE,
    MNLI,
    NONE,
    SQUAD,
    World,
    arm,
    claim,
    level_arm,
    protocol,
    run_of,
    spec_of,
    task_row,
)

from claims.estimand import Measure
from replication.run import Measurement
from verifier import version
from verifier.cells import CellEstimate
from verifier.decisions_cells import decide_consistency
from verifier.decisions_ranking import RankSet, rank_sets
from verifier.departures import protocol_deviations
from verifier.intervals import Estimate, Scores
from verifier.ledger import Ledger
from verifier.multiplicity import bonferroni_level, partial_conjunction
from verifier.power import seeds_to_decide
from verifier.samples import collect
from verifier.scope import scope_of

UP = claim("gain", reported=10.0, tolerance=2.0)


def world(rule=UP, **changes):
    rng = np.random.default_rng(1)
    scores = {SQUAD: arm(rng, 60), NONE: arm(rng, 50), MNLI: arm(rng, 55)}
    return World(rule, scores).but(**changes)


def scored(task="ner", score=60.0, language="en", split="validation"):
    return Measurement(
        task=task, language=language, split=split, metric="accuracy", score=score, n=1000
    )


def aligned(w, runs, languages="all"):
    measure = Measure.model_validate(MEASURE | {"languages": languages})
    scope = scope_of(measure, [SQUAD, NONE], protocol=w.protocol, tasks_of=lambda _: w.tasks)
    return collect(scope, runs)


# Runs: repeated, failed, without a parent


def test_a_run_repeated_with_the_same_scores_is_no_exclusion():
    w = world()
    again = w.runs()[0].model_copy(update={"started": "2025-01-01T00:00:00Z"})
    assert w.verdict([*w.runs(), again]) == w.verdict()


def test_a_failed_attempt_beside_a_finished_one_is_told_and_changes_no_decision():
    w = world()
    failed = run_of(w.runs()[0].spec, (), failed=True, started="2023-01-01T00:00:00Z")
    verdict = w.verdict([*w.runs(), failed])
    assert verdict.verdict == w.verdict().verdict == "reproduced"
    assert any("an attempt failed" in line for line in verdict.evidence.exclusions)


@pytest.mark.parametrize("failed", [True, False])
def test_a_run_whose_training_failed_has_failed_and_else_is_still_to_come(failed):
    w = world()
    training = spec_of(SQUAD, "ner", 7, phase="target", evaluator=None)
    child = spec_of(SQUAD, "ner", 7, parent=training.digest())
    plan = w.plan()
    plan = plan.model_copy(update={"specs": (*plan.specs, training, child)})
    needs = plan.needs[0].model_copy(update={"runs": (child.digest(),)})
    bearing = Ledger(plan, [run_of(training, (), failed=failed)]).bearing(needs)
    assert (len(bearing.failed), len(bearing.unfinished)) == ((1, 0) if failed else (0, 1))
    assert all("its training failed: the loss is not finite" in line for line in bearing.failed)


def test_a_claim_all_of_whose_runs_failed_says_so():
    every = tuple((c, t, s) for c in (SQUAD, NONE) for t in ("ner", "xnli") for s in range(3))
    verdict = World(UP, dict(list(world().scores.items())[:2]), failed=every).verdict()
    assert verdict.finding == "no_evidence"
    assert verdict.reasons[0].startswith("Every planned run failed or is missing")


def test_the_printed_verdict_names_what_was_expected_of_a_control_only():
    printed = world().verdicts().to_json()
    assert printed["schema"] == "corroborate/verdicts@1"
    assert "expected" not in printed["verdicts"][0]
    control = claim("gain", reported=10.0, tolerance=2.0, expected="not_reproduced")
    verdict = world(control).verdict().to_json()
    assert verdict["expected"] == "not_reproduced"
    assert verdict["interval"][0] < verdict["estimate"] < verdict["interval"][1]
    json.dumps(printed, allow_nan=False)


def test_an_uninstalled_corroborate_has_an_unknown_version(monkeypatch):
    def absent(name):
        raise PackageNotFoundError(name)

    monkeypatch.setattr(version, "version", absent)
    version.corroborate_version.cache_clear()
    try:
        assert world().verdict().signature.endswith("|version:unknown")
    finally:
        version.corroborate_version.cache_clear()


# Cells


def test_a_mean_over_no_cell_is_refused():
    w = world()
    with pytest.raises(ValueError, match="no cell is kept"):
        aligned(w, w.runs()).weights(lambda _: False)


def test_scores_of_other_tasks_and_languages_are_not_looked_at():
    w = world()
    runs = w.runs()
    more = (*runs[0].measurements, scored(task="qa"), scored(language="xx"))
    found = aligned(w, [runs[0].model_copy(update={"measurements": more}), *runs[1:]])
    assert found.cells == aligned(w, runs).cells
    assert found.exclusions == ()


def test_two_runs_of_a_plan_that_disagree_on_a_cell_take_it_away():
    w = world()
    other = run_of(spec_of(SQUAD, "ner", 0, examples_per_language=7), [scored(score=1.0)])
    found = aligned(w, [*w.runs(), other])
    assert ("ner", "en") not in {(c.task, c.language) for c in found.cells}
    assert any("scored differently by two runs" in line for line in found.exclusions)


def test_one_metric_with_two_scores_in_a_run_takes_its_cell_away():
    w = world()
    runs = w.runs()
    twice = (*runs[0].measurements, runs[0].measurements[0].model_copy(update={"score": 1.0}))
    found = aligned(w, [runs[0].model_copy(update={"measurements": twice}), *runs[1:]])
    assert len(found.cells) == 3
    assert any("one metric with two different scores" in line for line in found.exclusions)


def test_how_sentences_are_retrieved_matters_only_to_tasks_that_retrieve():
    recipe = protocol().targets["xnli"].recipe.model_dump()
    targets = {"xnli": {"train_on": "xnli", "recipe": recipe}, "tatoeba": {"train_on": None}}
    splits = {"xnli": "validation", "tatoeba": "validation"}

    def at(layer):
        retrieval = {"layer": layer, "max_length": 64}
        return protocol(targets=targets, evaluation={"splits": splits, "retrieval": retrieval})

    found = {
        task: [d.field for d in protocol_deviations(at(7), at(14), name="toy", tasks=[task])]
        for task in ("xnli", "tatoeba")
    }
    assert found == {"xnli": [], "tatoeba": ["evaluation.retrieval.layer"]}


def test_a_language_that_no_run_has_is_a_gap_and_no_exclusion_of_a_run():
    tasks = (task_row("ner", ("en", "sw", "yo")), task_row("xnli"))
    w = world(tasks=tasks)
    found = aligned(w, w.runs())
    assert {c.language for c in found.cells} == {"en", "sw"}
    assert found.exclusions == ()


def test_a_task_without_any_language_asked_for_is_unplaced():
    w = world(tasks=(task_row("ner"), task_row("xnli", ("sw",))))
    assert aligned(w, w.runs(), languages=("en",)).scope.unplaced == ("xnli",)


# Rules


def test_a_condition_with_one_seed_may_have_any_rank():
    arms = {
        SQUAD: Scores(np.array([90.0])),
        NONE: Scores(np.array([50.0, 50.1, 50.2])),
        MNLI: Scores(np.array([70.0, 70.1, 70.2])),
    }
    sets = rank_sets(arms, statistic="mean", step=0.05, level=0.95)
    assert sets == {SQUAD: RankSet(1, 3), MNLI: RankSet(1, 2), NONE: RankSet(2, 3)}


@pytest.mark.parametrize("at_least", [0, 3])
def test_a_partial_conjunction_of_an_impossible_number_of_cells_is_refused(at_least):
    with pytest.raises(ValueError, match="expected 1 to 2"):
        partial_conjunction([0.1, 0.2], at_least)


def test_cells_that_each_pass_may_fail_the_corrected_count_and_are_planned_for_at_its_level():
    # one-sided p = 0.02 each: below 0.025 alone, above it times two
    estimate = Estimate(2.0537, 1.0, None, (1.0, 1.0), 3, "mean", "t")
    cells = [CellEstimate("a vs b", task, None, 52.0, 50.0, estimate) for task in ("ner", "xnli")]
    contrasts = [{"treatment": SQUAD, "control": NONE}]
    rule = claim("consistency", contrasts=contrasts, cells="tasks", at_least=1)
    outcome = decide_consistency(cells, rule)
    assert (outcome.label, outcome.finding) == ("inconclusive", "too_few_cells")
    assert outcome.seeds_needed == seeds_to_decide(
        estimate.among_many(), distance=2.0537, level=bonferroni_level(rule.level, 2)
    )
    assert any("About 8 seeds per arm" in line for line in outcome.reasons)


# Selection


def selected(languages="training", **changes):
    return claim(
        "selected_gain", candidates=[SQUAD, MNLI], control=NONE, reported=10.0, tolerance=2.0,
        selection={"split": "test", "languages": languages}, **changes,
    )  # fmt: skip


def with_test_scores(w, conditions=(SQUAD, MNLI, NONE)):
    runs = [
        run_of(
            spec_of(condition, task.name, seed, examples_per_language=7),
            [scored(task.name, 40.0, code, "test") for code in task.languages],
        )
        for condition in conditions
        for task in w.tasks
        for seed in range(3)
    ]
    return w.but(extra_runs=tuple(runs))


def test_candidates_without_a_common_seed_cannot_be_chosen_among():
    gone = [(SQUAD, t, s) for t in ("ner", "xnli") for s in (0, 1)]
    gone += [(MNLI, t, 2) for t in ("ner", "xnli")]
    verdict = world(selected(), absent=tuple(gone)).verdict()
    assert verdict.finding == "no_evidence"
    assert any("no seed in common" in line for line in verdict.reasons)


def test_a_candidate_without_scores_leaves_a_selection_without_evidence():
    w = world(selected())
    verdict = w.but(scores={c: w.scores[c] for c in (SQUAD, NONE)}).verdict()
    assert verdict.finding == "no_evidence"
    assert "No scores for: mnli." in verdict.reasons


def test_candidates_without_seeds_are_chosen_once():
    w = World(
        selected(),
        {SQUAD: np.full((2, 2), 60.0), MNLI: np.full((2, 2), 55.0), NONE: level_arm([50, 50.2])},
    )
    verdict = w.verdict()
    best = verdict.evidence.arms[0]
    assert (best.seeds, best.scores) == ((None,), (60.0,))
    assert verdict.estimate == pytest.approx(9.9)


def test_choosing_on_the_training_language_is_what_such_a_claim_asks_for():
    verdict = with_test_scores(world(selected())).verdict()
    assert "measure.selection.languages" not in [d.field for d in verdict.deviations]


def test_a_target_without_the_training_language_is_chosen_on_all_and_told():
    tasks = (task_row("ner"), task_row("xnli", ("sw", "yo")))
    verdict = with_test_scores(world(selected(), tasks=tasks)).verdict()
    told = {d.field: d.used for d in verdict.deviations}
    assert told["measure.selection.languages"] == "training, but all for xnli"


def test_scores_on_part_of_the_languages_are_never_a_choice_on_all_of_them():
    narrow = selected("all", measure=MEASURE | {"languages": ("sw",)})
    verdict = world(narrow).verdict()
    told = {d.field: d.used for d in verdict.deviations}
    assert told["measure.selection.languages"] == "those scored"


def test_a_value_from_one_seed_decides_nothing():
    rule = claim("value", condition=SQUAD, reported=60, tolerance=3.0)
    verdict = World(rule, {SQUAD: level_arm([60])}).verdict()
    assert (verdict.verdict, verdict.interval, verdict.estimate) == ("inconclusive", None, 60.0)
    assert "no interval to compare with the tolerance" in verdict.reasons[0]
