"""Which runs bear on a claim, and how their scores are aligned."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
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
    protocol,
    run_of,
    spec_of,
    task_row,
)

from claims.estimand import Measure
from claims.record import canonical_json
from replication.plan import resolve
from replication.run import Measurement, Run
from replication.store import Store
from verifier.departures import measure_deviations, protocol_deviations
from verifier.ledger import Ledger
from verifier.samples import collect
from verifier.scope import scope_of

GAIN = claim("gain", reported="unknown")


def world(**changes):
    rng = np.random.default_rng(1)
    return World(GAIN, {SQUAD: arm(rng, 60), NONE: arm(rng, 50)}).but(**changes)


def samples_of(w, measure=None, runs=None):
    conditions = [SQUAD, NONE]
    scope = scope_of(
        measure or Measure.model_validate(MEASURE),
        conditions,
        protocol=w.protocol,
        tasks_of=lambda _: w.tasks,
    )
    return collect(scope, w.runs() if runs is None else runs)


def changed(run, **changes):
    """The same run with something else in every measurement."""
    measurements = tuple(m.model_copy(update=changes) for m in run.measurements)
    return run.model_copy(update={"measurements": measurements})


def measurement(task, language, score, **changes):
    document = {
        "task": task, "language": language, "split": "validation", "metric": "accuracy",
        "score": score, "n": 1000,
    }  # fmt: skip
    return Measurement.model_validate(document | changes)


@given(st.randoms(use_true_random=False))
def test_the_order_of_runs_and_measurements_changes_nothing(shuffler):
    w = world()
    runs = [
        run.model_copy(update={"measurements": tuple(reversed(run.measurements))})
        for run in w.runs()
    ]
    shuffler.shuffle(runs)
    first, second = samples_of(w), samples_of(w, runs=runs)
    assert first.cells == second.cells
    assert first.exclusions == second.exclusions
    for condition, one in first.arms.items():
        assert one.seeds == second.arms[condition].seeds
        assert one.scores.tobytes() == second.arms[condition].scores.tobytes()


def test_the_measure_is_the_mean_over_tasks_of_the_mean_over_languages():
    tasks = (task_row("ner", ("en", "sw", "yo")), task_row("xnli", ("en",)))
    runs = [
        run_of(spec_of(condition, task, 0), [measurement(task, x, s) for x, s in scores.items()])
        for condition in (SQUAD, NONE)
        for task, scores in {"ner": {"en": 30, "sw": 60, "yo": 90}, "xnli": {"en": 20}}.items()
    ]
    found = samples_of(world(tasks=tasks), runs=runs)
    assert found.arms[SQUAD].scores @ found.weights() == pytest.approx([40.0])
    assert found.step(found.weights()) == pytest.approx(100 / 1000 / 2)


def test_a_task_with_two_metrics_scores_their_mean():
    tasks = (task_row("qa", ("en",), metrics=("f1", "exact_match")),)
    both = [
        measurement("qa", "en", 80, metric="f1"),
        measurement("qa", "en", 60, metric="exact_match"),
    ]
    runs = [run_of(spec_of(c, "qa", 0), both) for c in (SQUAD, NONE)]
    assert samples_of(world(tasks=tasks), runs=runs).arms[NONE].scores.tolist() == [[70.0]]
    half = [run_of(r.spec, r.measurements[:1]) for r in runs]
    found = samples_of(world(tasks=tasks), runs=half)
    assert found.cells == ()
    assert any("metric exact_match missing" in text for text in found.exclusions)


def test_a_cell_missing_in_one_arm_is_dropped_from_all_and_listed():
    w = world()
    runs = w.runs()
    first = next(r for r in runs if r.spec.condition == NONE and r.spec.tasks == ("xnli",))
    cut = tuple(m for m in first.measurements if m.language != "sw")
    runs[runs.index(first)] = first.model_copy(update={"measurements": cut})
    found = samples_of(w, runs=runs)
    assert ("xnli", "sw") not in {(c.task, c.language) for c in found.cells}
    assert all(a.scores.shape == (3, 3) for a in found.arms.values())
    assert any("xnli sw: left out of all arms" in text for text in found.exclusions)
    fields = [d.field for d in measure_deviations(GAIN.measure, found)]
    assert fields == ["measure.languages"]


def test_cells_scored_on_different_numbers_of_examples_are_not_compared():
    w = world()
    runs = [
        changed(r, n=500) if (r.spec.condition, r.spec.tasks) == (SQUAD, ("ner",)) else r
        for r in w.runs()
    ]
    found = samples_of(w, runs=runs)
    assert {c.task for c in found.cells} == {"xnli"}
    assert any("different numbers of examples: 500, 1000" in text for text in found.exclusions)
    assert [d.field for d in measure_deviations(GAIN.measure, found)] == ["measure.tasks"]


def test_a_seed_without_one_task_is_left_out_of_its_arm_and_listed():
    w = world(failed=((SQUAD, "xnli", 1),))
    bearing = Ledger(w.plan(), w.runs()).bearing(w.plan().needs[0])
    found = samples_of(w, runs=bearing.finished)
    assert found.arms[SQUAD].seeds == (0, 2)
    assert found.arms[NONE].seeds == (0, 1, 2)
    assert found.seeds == 2
    assert any("seeds 1 left out, xnli has no score" in text for text in found.exclusions)


def test_a_task_without_seeds_counts_in_every_seed_of_its_arm():
    tasks = (task_row("ner", ("en",)), task_row("tatoeba", ("sw",)))
    runs = []
    for condition in (SQUAD, NONE):
        seeds = (0, 1) if condition == SQUAD else (None,)
        runs += [
            *(
                run_of(spec_of(condition, "ner", s), [measurement("ner", "en", 50 + 2 * s)])
                for s in (0, 1)
            ),
            *(
                run_of(spec_of(condition, "tatoeba", s), [measurement("tatoeba", "sw", 10)])
                for s in seeds
            ),
        ]
    found = samples_of(world(tasks=tasks), runs=runs)
    assert found.arms[NONE].seeds == (0, 1)
    assert (found.arms[NONE].scores @ found.weights()).tolist() == [30.0, 31.0]
    assert not found.arms[NONE].constant


def test_an_arm_without_any_seed_is_constant():
    rng = np.random.default_rng(2)
    found = samples_of(World(GAIN, {SQUAD: arm(rng, 60), NONE: np.full((2, 2), 50.0)}))
    assert found.arms[NONE].constant
    assert found.seeds == 3


@pytest.mark.parametrize(
    ("languages", "expected"),
    [("all", {"en", "sw"}), ("zero_shot", {"sw"}), (("en",), {"en"})],
)
def test_languages_are_those_that_the_measure_names(languages, expected):
    measure = Measure.model_validate(MEASURE | {"languages": languages})
    found = samples_of(world(), measure)
    assert {c.language for c in found.cells} == expected
    assert measure_deviations(measure, found) == ()


def test_languages_that_a_split_officially_lacks_are_not_missed():
    tasks = (task_row("ner", ("en", "sw", "kk"), missing={"validation": ("kk",)}), task_row("xnli"))
    rng = np.random.default_rng(3)
    w = World(GAIN, {c: arm(rng, 50, languages=2) for c in (SQUAD, NONE)}, tasks=tasks)
    renamed = [
        tuple(m.model_copy(update={"language": "sw"}) if m.language == "kk" else m for m in all_of)
        for all_of in (r.measurements for r in w.runs())
    ]
    pairs = zip(w.runs(), renamed, strict=True)
    found = samples_of(w, runs=[r.model_copy(update={"measurements": m}) for r, m in pairs])
    assert len(found.cells) == 4
    assert measure_deviations(GAIN.measure, found) == ()


def test_named_tasks_and_languages_that_the_benchmark_lacks_are_important_deviations():
    measure = Measure.model_validate(
        MEASURE | {"tasks": ("ner", "nowhere"), "languages": ("sw", "xx")}
    )
    deviation = measure_deviations(measure, samples_of(world(), measure))[0]
    assert (deviation.field, deviation.importance) == ("measure.tasks", "important")
    assert "nowhere" in deviation.reported
    assert deviation.used == "1: ner"


@pytest.mark.parametrize("field", ["split", "score", "seeds"])
def test_a_measure_that_nobody_states_is_an_important_deviation(field):
    measure = Measure.model_validate(MEASURE | {field: "unknown"})
    found = measure_deviations(measure, samples_of(world(), measure))
    assert [(d.field, d.reported, d.importance) for d in found] == [
        (f"measure.{field}", "unknown", "important")
    ]


def test_scores_on_another_split_than_the_claims_are_an_important_deviation():
    measure = Measure.model_validate(MEASURE | {"split": "test"})
    found = measure_deviations(measure, samples_of(world(), measure))
    assert [(d.field, d.reported, d.used) for d in found] == [
        ("measure.split", "test", "validation")
    ]


def test_all_stands_for_the_protocols_intermediate_tasks():
    assert resolve(BOTH, protocol()).intermediate == ("mnli", "squad")
    assert resolve(MNLI, protocol()) == MNLI


def test_deviations_of_tasks_outside_the_measure_do_not_matter():
    used = protocol()
    targets = {n: t.model_dump() for n, t in used.targets.items()}
    targets["xnli"]["recipe"]["epochs"] = 9
    reported = protocol(targets=targets)
    of_ner = protocol_deviations(reported, used, name="toy", tasks=["ner"])
    of_xnli = protocol_deviations(reported, used, name="toy", tasks=["ner", "xnli"])
    assert of_ner == ()
    assert [d.field for d in of_xnli] == ["targets.xnli.recipe.epochs"]


@pytest.mark.parametrize("name", [None, "elsewhere"])
def test_no_reported_protocol_is_one_important_deviation(name):
    (found,) = protocol_deviations(None, protocol(), name=name, tasks=["ner"])
    assert (found.field, found.importance) == ("protocol", "important")


def test_a_run_filed_under_another_digest_is_no_evidence():
    w = world()
    runs = w.runs()
    forged = runs[0].model_copy(update={"spec": spec_of(SQUAD, "ner", 99)})
    bearing = Ledger(w.plan(), [forged, *runs[1:]]).bearing(w.plan().needs[0])
    assert len(bearing.unfinished) == 1
    assert any("another digest" in text for text in bearing.exclusions)


def test_of_repeated_runs_the_first_started_counts_in_any_order():
    w = world()
    runs = w.runs()
    better = tuple(m.model_copy(update={"score": 99.0}) for m in runs[0].measurements)
    again = runs[0].model_copy(update={"measurements": better, "started": "2024-02-01T00:00:00Z"})
    for order in ([again, *runs], [*runs, again]):
        bearing = Ledger(w.plan(), order).bearing(w.plan().needs[0])
        assert runs[0] in bearing.finished
        assert again not in bearing.finished
        assert any("repeated with other scores" in text for text in bearing.exclusions)


def test_an_evaluation_whose_training_failed_counts_as_failed():
    w = world()
    parent = spec_of(SQUAD, "ner", 7, phase="target", evaluator=None)
    child = spec_of(SQUAD, "ner", 7, parent=parent.digest())
    plan = w.plan()
    needs = plan.needs[0].model_copy(update={"runs": (child.digest(),)})
    plan = plan.model_copy(update={"specs": (parent, child), "needs": (needs,)})
    bearing = Ledger(plan, [run_of(parent, (), failed=True)]).bearing(needs)
    assert bearing.unfinished == ()
    assert "its training failed: the loss is not finite" in bearing.failed[0]


def test_one_cell_scored_differently_by_two_specs_is_left_out():
    w = world()
    double = run_of(
        spec_of(SQUAD, "ner", 0, examples_per_language=10), [measurement("ner", "en", 1.0)]
    )
    for order in ([double, *w.runs()], [*w.runs(), double]):
        found = samples_of(w, runs=order)
        assert ("ner", "en") not in {(c.task, c.language) for c in found.cells}
        assert any("scored differently by two runs" in text for text in found.exclusions)


def test_level_arm_gives_each_seed_its_value_as_the_measure():
    w = World(GAIN, {SQUAD: level_arm([60, 61]), NONE: level_arm([50, 51])})
    found = samples_of(w)
    assert (found.arms[SQUAD].scores @ found.weights()).tolist() == [60.0, 61.0]


@pytest.mark.parametrize("statistic", ["mean", "median"])
def test_a_score_that_is_over_several_seeds_is_no_replicate(statistic):
    w = world()
    runs = w.runs()
    first = next(
        i for i, r in enumerate(runs) if r.spec.title() == "evaluation xnli [squad] seed 1"
    )
    runs[first] = changed(runs[first], seeds=statistic)
    found = samples_of(w, runs=runs)
    assert found.arms[SQUAD].seeds == (0, 2)
    assert (
        f"evaluation xnli [squad] seed 1: xnli validation left out in en, sw, each score is a "
        f"{statistic} over seeds, not a replicate"
    ) in found.exclusions


def test_a_store_written_before_scores_said_how_many_seeds_they_are_over_stays_readable(
    tmp_path, monkeypatch
):
    def before(record):
        document = record.model_dump(mode="json", by_alias=True)
        for row in document.get("measurements", ()):
            del row["seeds"], row["raw"]
        return canonical_json(document)

    run = world().runs()[0]
    with monkeypatch.context() as older, Store.open(tmp_path / "store") as store:
        older.setattr(Run, "canonical", before)
        store.finish(run, store.begin(run.spec))
    written = (store.folder(run.spec_digest) / "run.json").read_text()
    assert '"measurements":[{"language":"en","metric":"accuracy","n":1000,"score":' in written
    assert '"seeds"' not in written
    reopened = Store.open(tmp_path / "store", write=False)
    (found,) = reopened.runs()
    assert reopened.damage() == {}
    assert {m.seeds for m in found.measurements} == {"single"}
    assert found == run
