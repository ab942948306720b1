"""Which seeds count as one replicate, because one trained checkpoint lies behind them?"""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from verifier_strategies import (
    MEASURE,
    MNLI,
    NONE,
    SQUAD,
    World,
    claim,
    protocol,
    run_of,
    spec_of,
    task_row,
)

from claims.estimand import Measure
from replication.run import Measurement
from verifier.cells import contrast_estimate
from verifier.ledger import Ledger
from verifier.replicates import replicates_of
from verifier.samples import collect
from verifier.scope import scope_of
from verifier.selection import best_per_target

TASKS = (task_row("ner", ("en",)), task_row("xnli", ("en",)))


def trained(condition, seed, phase="intermediate", parent=None):
    """The spec of a training run; another seed makes another checkpoint."""
    above = parent.digest() if parent else None
    return spec_of(condition, "ner", seed, phase=phase, parent=above, evaluator=None)


def evaluation(condition, task, seed, parent=None):
    return spec_of(condition, task, seed, parent=parent.digest() if parent else None)


def lineage_of(*specs):
    return {spec.digest(): spec for spec in specs}


def scored(spec, score):
    measurement = Measurement(
        task=spec.tasks[0], language="en", split="validation", metric="accuracy", score=score,
        n=1000,
    )  # fmt: skip
    return run_of(spec, [measurement])


def scope_for(*conditions, tasks=TASKS):
    measure = Measure.model_validate(MEASURE)
    return scope_of(measure, conditions, protocol=protocol(), tasks_of=lambda _: tasks)


def runs_of(condition, table, checkpoints, tasks=TASKS):
    """Runs scored seed by task, the seeds starting from numbered checkpoints, and their lineage."""
    runs, lineage = [], {}
    for seed, (row, checkpoint) in enumerate(zip(table, checkpoints, strict=True)):
        start = trained(condition, 1000 + checkpoint)
        for task, score in zip(tasks, row, strict=True):
            target = spec_of(
                condition, task.name, seed, phase="target", parent=start.digest(), evaluator=None
            )
            runs.append(scored(evaluation(condition, task.name, seed, target), score))
            lineage |= lineage_of(start, target)
    return runs, lineage


def same(first, second):
    """Whether two samples are the same in all that a verdict can depend on."""
    arms = zip(first.arms.items(), second.arms.items(), strict=True)
    return (first.cells, first.exclusions, first.runs) == (
        second.cells,
        second.exclusions,
        second.runs,
    ) and all(
        (c, one.seeds, one.members, one.scores.tobytes())
        == (d, two.seeds, two.members, two.scores.tobytes())
        for (c, one), (d, two) in arms
    )


scores = st.integers(0, 10_000).map(lambda x: x / 100)
rows = st.lists(st.tuples(scores, scores), min_size=1, max_size=6)
"""One score per task, seed by seed."""


@st.composite
def tables(draw):
    """Scores per seed and task, and the number of the checkpoint behind each seed."""
    table = draw(rows)
    return table, [draw(st.integers(0, 3)) for _ in table]


@given(tables(), st.randoms(use_true_random=False))
def test_the_order_of_runs_changes_nothing(drawn, shuffler):
    runs, lineage = runs_of(SQUAD, *drawn)
    first = collect(scope_for(SQUAD), runs, lineage=lineage)
    shuffler.shuffle(runs)
    assert same(first, collect(scope_for(SQUAD), runs, lineage=lineage))


@given(rows)
def test_a_checkpoint_for_every_seed_is_as_if_nothing_were_known_of_checkpoints(table):
    runs, lineage = runs_of(SQUAD, table, range(len(table)))
    found = collect(scope_for(SQUAD), runs, lineage=lineage)
    assert same(found, collect(scope_for(SQUAD), runs))
    assert found.arms[SQUAD].members == tuple((seed,) for seed in range(len(table)))
    assert found.exclusions == ()


@given(tables())
def test_a_replicate_scores_the_mean_of_the_seeds_of_one_checkpoint(drawn):
    table, checkpoints = drawn
    runs, lineage = runs_of(SQUAD, table, checkpoints)
    found = collect(scope_for(SQUAD), runs, lineage=lineage).arms[SQUAD]
    assert len(found.members) == len(set(checkpoints))
    assert sorted(seed for group in found.members for seed in group) == list(range(len(table)))
    for members, means in zip(found.members, found.scores, strict=True):
        assert len({checkpoints[seed] for seed in members}) == 1
        assert means == pytest.approx(np.mean([table[seed] for seed in members], axis=0))


@given(tables(), st.lists(st.integers(0, 3), min_size=4, max_size=4))
def test_merging_checkpoints_never_makes_more_replicates(drawn, into):
    table, checkpoints = drawn
    merged = [into[number] for number in checkpoints]
    counts = []
    for numbers in (merged, checkpoints):
        runs, lineage = runs_of(SQUAD, table, numbers)
        counts.append(collect(scope_for(SQUAD), runs, lineage=lineage).seeds)
    assert counts[0] <= counts[1] <= len(table)


def test_seeds_of_one_checkpoint_are_one_replicate_and_the_reader_is_told():
    runs, lineage = runs_of(SQUAD, [(50, 60), (52, 66), (90, 90)], [7, 7, 8])
    found = collect(scope_for(SQUAD), runs, lineage=lineage)
    assert found.arms[SQUAD].members == ((0, 1), (2,))
    assert found.arms[SQUAD].seeds == (0, 2)
    assert found.arms[SQUAD].scores.tolist() == [[51, 63], [90, 90]]
    assert found.seeds == 2
    assert found.exclusions == (
        "[squad]: seeds 0, 1 go back to a shared checkpoint and count as one replicate",
    )


def test_groups_of_two_tasks_are_joined_until_no_checkpoint_is_in_two_replicates():
    starts = {n: trained(SQUAD, 1000 + n) for n in range(4)}
    behind = {"ner": (0, 0, 1, 2), "xnli": (3, 1, 1, 2)}
    specs = [
        evaluation(SQUAD, task, seed, starts[n])
        for task, numbers in behind.items()
        for seed, n in enumerate(numbers)
    ]
    assert replicates_of(specs, lineage_of(*starts.values())) == ((0, 1, 2), (3,))


def test_a_checkpoint_shared_further_up_or_further_down_joins_too():
    first = trained(SQUAD, 100)
    second = [trained(SQUAD, seed, parent=first) for seed in (0, 1)]
    target = trained(SQUAD, 5, "target", parent=trained(SQUAD, 6))
    specs = [
        *(evaluation(SQUAD, "ner", seed, spec) for seed, spec in enumerate(second)),
        *(evaluation(SQUAD, "ner", seed, target) for seed in (2, 3)),
    ]
    lineage = lineage_of(first, *second, target, trained(SQUAD, 6))
    assert replicates_of(specs, lineage) == ((0, 1), (2, 3))


@pytest.mark.parametrize("condition", [NONE, SQUAD])
def test_the_pretrained_base_is_no_checkpoint_that_makes_a_cluster(condition):
    base = trained(None, 0, "pretraining")
    phase = "target" if condition == NONE else "intermediate"
    above = [trained(condition, seed, phase, parent=base) for seed in (0, 1)]
    specs = [evaluation(condition, "ner", seed, spec) for seed, spec in enumerate(above)]
    assert replicates_of(specs, lineage_of(base, *above)) == ((0,), (1,))


def test_a_checkpoint_that_the_lineage_does_not_know_is_never_counted_twice():
    unknown = trained(SQUAD, 100)
    targets = [trained(SQUAD, seed, "target", parent=unknown) for seed in (0, 1)]
    specs = [evaluation(SQUAD, "ner", seed, spec) for seed, spec in enumerate(targets)]
    assert replicates_of(specs, lineage_of(*targets)) == ((0, 1),)
    # Without intermediate tasks the unknown run is the base, which is fixed.
    base = trained(None, 0, "pretraining")
    plain = [evaluation(NONE, "ner", seed, base) for seed in (0, 1)]
    assert replicates_of(plain, {}) == ((0,), (1,))


def test_a_lineage_that_runs_in_a_circle_ends():
    one = trained(SQUAD, 0, "target")
    circle = {"1" * 64: spec_of(SQUAD, "ner", 1, phase="target", parent="1" * 64)}
    spec = spec_of(SQUAD, "ner", 0, parent="1" * 64)
    assert replicates_of([spec, evaluation(SQUAD, "ner", 1, one)], circle) == ((0,), (1,))


def test_an_evaluation_without_a_seed_joins_the_seeds_that_it_counts_for():
    starts = [trained(SQUAD, seed) for seed in (0, 1)]
    specs = [evaluation(SQUAD, "ner", seed, start) for seed, start in enumerate(starts)]
    common = evaluation(SQUAD, "xnli", None, starts[0])
    assert replicates_of(specs, lineage_of(*starts)) == ((0,), (1,))
    assert replicates_of([*specs, common], lineage_of(*starts)) == ((0, 1),)


def test_retrieval_scored_once_per_checkpoint_counts_for_all_its_seeds():
    tasks = (task_row("ner", ("en",)), task_row("tatoeba", ("en",)))
    runs, lineage = runs_of(SQUAD, [[50], [54], [60], [62]], [0, 0, 1, 1], tasks[:1])
    for seed, score, number in ((0, 10, 0), (3, 20, 1)):
        hanging = evaluation(SQUAD, "tatoeba", seed, trained(SQUAD, 1000 + number))
        runs.append(scored(hanging, score))
    found = collect(scope_for(SQUAD, tasks=tasks), runs, lineage=lineage)
    assert found.arms[SQUAD].members == ((0, 1), (2, 3))
    assert found.arms[SQUAD].scores.tolist() == [[52, 10], [61, 20]]
    assert any("seeds 1, 2 have no score on tatoeba" in text for text in found.exclusions)
    assert sorted((seed, task) for _, seed, task in found.runs) == [
        (0, "ner"), (0, "tatoeba"), (1, "ner"), (2, "ner"), (3, "ner"), (3, "tatoeba"),
    ]  # fmt: skip


def test_a_replicate_without_any_score_on_one_task_is_left_out_whole():
    runs, lineage = runs_of(SQUAD, [(50, 60), (52, 66), (90, 90)], [0, 0, 1])
    kept = [r for r in runs if r.spec.tasks == ("ner",) or r.spec.seed == 2]
    found = collect(scope_for(SQUAD), kept, lineage=lineage)
    assert found.arms[SQUAD].members == ((2,),)
    assert found.exclusions == ("[squad]: seeds 0, 1 left out, xnli has no score for them",)


def test_the_runs_behind_the_scores_are_found_by_condition_seed_and_task():
    seedless = scored(evaluation(NONE, "xnli", None), 40)
    runs = [scored(evaluation(NONE, "ner", seed), 50 + seed) for seed in (0, 1)]
    squad, lineage = runs_of(SQUAD, [(50, 60), (52, 66)], [0, 0])
    found = collect(scope_for(SQUAD, NONE), [*runs, seedless, *squad], lineage=lineage)
    assert found.runs == {
        (NONE, None, "xnli"): seedless,
        **{(NONE, run.spec.seed, "ner"): run for run in runs},
        **{(SQUAD, run.spec.seed, run.spec.tasks[0]): run for run in squad},
    }


def test_a_task_scored_by_two_runs_of_one_seed_has_no_single_run_behind_it():
    spec = evaluation(SQUAD, "ner", 0)
    again = spec_of(SQUAD, "ner", 0, examples_per_language=5000)
    found = collect(scope_for(SQUAD, tasks=TASKS[:1]), [scored(spec, 50), scored(again, 50)])
    assert found.arms[SQUAD].scores.tolist() == [[50]]
    assert found.runs == {}


def test_the_plan_gives_the_lineage_of_its_runs():
    runs, lineage = runs_of(SQUAD, [(50, 60), (52, 66)], [0, 0])
    world = World(claim("gain", reported="unknown"), {})
    specs = (*lineage.values(), *(run.spec for run in runs))
    plan = world.plan().model_copy(update={"specs": specs})
    found = collect(scope_for(SQUAD), runs, lineage=Ledger(plan, runs).lineage)
    assert found.arms[SQUAD].members == ((0, 1),)


def test_the_best_candidate_is_chosen_replicate_by_replicate():
    stated = claim(
        "selected_gain", candidates=[SQUAD, MNLI], control=NONE, reported=10.0, tolerance=2.0,
        selection={"split": "validation", "languages": "all"},
    )  # fmt: skip
    squad, behind = runs_of(SQUAD, [(10, 10), (20, 20), (70, 10)], [0, 0, 1])
    mnli, others = runs_of(MNLI, [(30, 5), (0, 0), (40, 40)], [0, 1, 2])
    samples = collect(scope_for(SQUAD, MNLI), [*squad, *mnli], lineage=behind | others)
    found = best_per_target(
        stated, samples, samples, candidates=[SQUAD, MNLI], statistic="mean"
    )  # fmt: skip
    # Replicate 0 is the mean of SQuAD's seeds 0 and 1: MNLI is better on ner, SQuAD on xnli.
    assert found.arm.seeds == (0, 2)
    assert found.scores.values.tolist() == [(30 + 15) / 2, (70 + 40) / 2]


def test_counting_target_runs_of_shared_checkpoints_covers_too_little_and_clusters_do_not():
    """1,000 audits: four checkpoints an arm, four target runs each, which differ less than those."""
    rng = np.random.default_rng(20)
    checkpoints, each, truth, audits = 4, 4, 3.0, 1000
    behind = [number for number in range(checkpoints) for _ in range(each)]
    tasks = TASKS[:1]
    templates, lineage = {}, {}
    for condition in (SQUAD, MNLI):
        templates[condition], own = runs_of(condition, [[50]] * len(behind), behind, tasks)
        lineage |= own
    scope = scope_for(SQUAD, MNLI, tasks=tasks)
    covered = {"target runs": 0, "checkpoints": 0}
    for _ in range(audits):
        runs = []
        for condition, mean in ((SQUAD, 50 + truth), (MNLI, 50)):
            luck = np.repeat(rng.normal(0, 1.0, checkpoints), each)
            values = mean + luck + rng.normal(0, 0.5, len(behind))
            for run, value in zip(templates[condition], values, strict=True):
                (measured,) = run.measurements
                measured = measured.model_copy(update={"score": float(value)})
                runs.append(run.model_copy(update={"measurements": (measured,)}))
        for name, known in (("target runs", {}), ("checkpoints", lineage)):
            samples = collect(scope, runs, lineage=known)
            interval = contrast_estimate(samples, (SQUAD, MNLI), statistic="mean").interval(0.95)
            covered[name] += interval.low <= truth <= interval.high
    # Three standard errors of a rate of 0.95 in 1,000 audits are 0.02.
    assert abs(covered["checkpoints"] / audits - 0.95) < 0.021
    assert covered["target runs"] / audits < 0.80
