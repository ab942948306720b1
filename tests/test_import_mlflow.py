"""Runs of MLflow come in from its folder and from its server, the same both ways, or with every fault.

The fixture is what MLflow itself wrote (tests/fixtures/imports/make_mlflow.py).
"""

from __future__ import annotations

import contextlib
import shutil
import statistics
from functools import cache
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import given as drawn
from hypothesis import strategies as st

from replication.errors import ImportedScoresError
from replication.imports.mlflow import read
from replication.imports.mlflow_run import Key, key_of, last
from replication.imports.score import Given, Reading

STORE = Path(__file__).parent / "fixtures" / "imports" / "mlflow" / "mlruns"
NOTHING = Given()
SETTINGS = settings(
    max_examples=100,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


def experiment(name):
    (meta,) = (m for m in STORE.glob("*/meta.yaml") if f"name: {name}\n" in m.read_text())
    return meta.parent


@pytest.fixture
def copy(tmp_path):
    """Return an experiment that may be changed, and the runs in it that finished."""
    shutil.copytree(experiment("reviews"), tmp_path / "1")
    runs = [m.parent for m in sorted((tmp_path / "1").glob("*/meta.yaml"))]
    return tmp_path / "1", [r for r in runs if (r / "params" / "task").exists()]


def means(reading):
    """Return the mean score of each arm on the reviews."""
    found = [s for s in reading.scores if s.task == "sentiment"]
    arms = sorted({s.condition.intermediate for s in found})
    return {
        a: statistics.mean(s.points for s in found if s.condition.intermediate == a) for a in arms
    }


def test_all_arms_and_seeds_of_an_experiment_come_in_at_once() -> None:
    reading = read(experiment("reviews"), NOTHING)
    assert {(s.condition.intermediate, s.seed) for s in reading.scores} == {
        (arm, seed) for arm in ((), ("mnli",)) for seed in range(3)
    }
    # seed k scores 0.5 k more than seed 0; the last step is worse than the one before
    assert means(reading) == pytest.approx({(): 81.5, ("mnli",): 84.5})
    for score in reading.scores:
        assert (score.task, score.language, score.split) == ("sentiment", "en", "validation")
        assert (score.metric, score.n, score.shown) == ("accuracy", 400, None)
        assert (score.condition.base, score.checkpoint) == ("tiny-encoder", "example/tiny-encoder")
        assert score.raw.scale == "fraction"
        assert score.points == pytest.approx(100 * score.raw.value)
        assert score.raw.path in {source.path for source in reading.sources}


def test_only_runs_that_finished_count_and_the_others_are_told() -> None:
    told = "\n".join(read(STORE, NOTHING).left_out)
    assert ": FAILED" in told
    assert ": deleted" in told
    assert "'train_loss': is none of the scores looked for; in 6 runs" in told


def test_metrics_may_name_their_task_and_language() -> None:
    scores = read(experiment("transfer"), NOTHING).scores
    single = [s for s in scores if s.shown is None]
    assert {(s.task, s.language, s.seed, s.points) for s in single} == {
        ("xnli", language, seed, 70 + seed - drop)
        for seed in (1, 2)
        for language, drop in (("de", 0), ("sw", 5))
    }
    assert {(s.split, s.n, s.condition.base, s.raw.scale) for s in single} == {
        ("test", 1000, "own-system", "points")
    }


def test_a_parent_of_other_runs_is_only_shown() -> None:
    (parent,) = (s for s in read(experiment("transfer"), NOTHING).scores if s.shown)
    assert parent.seed == 3
    assert "parts of this one" in parent.shown


def test_a_store_an_experiment_and_a_run_can_each_be_named() -> None:
    everything = read(STORE, NOTHING)
    one = read(experiment("transfer"), NOTHING)
    assert set(one.scores) < set(everything.scores)
    run = experiment("transfer") / one.scores[0].raw.path.rpartition("/")[2]
    assert set(read(run, NOTHING).scores) <= set(one.scores)


def test_a_score_that_may_be_a_fraction_needs_a_scale(copy) -> None:
    folder, runs = copy
    for run in runs:
        (run / "tags" / "scale").unlink()
    with pytest.raises(ImportedScoresError) as found:
        read(folder, NOTHING)
    assert len(found.value.faults) == len(runs)
    assert all("--given scale=fraction" in fault for fault in found.value.faults)
    assert means(read(folder, Given(scale="fraction"))) == pytest.approx(
        {(): 81.5, ("mnli",): 84.5}
    )
    for run in runs:
        (run / "metrics" / "validation_accuracy").write_text("1 81.5 0\n")
    assert means(read(folder, NOTHING)) == {(): 81.5, ("mnli",): 81.5}


@pytest.mark.parametrize(
    ("field", "value"),
    [("seed", 9), ("task", "x"), ("language", "de"), ("split", "test"), ("n", 3), ("scale", "points"),
     ("base", "b"), ("intermediate", "squad")],
)  # fmt: skip
def test_what_the_user_and_a_run_say_differently_is_a_fault(field, value) -> None:
    with pytest.raises(ImportedScoresError, match=f"--given {field}"):
        read(experiment("reviews"), Given(**{field: value}))


def test_a_parameter_and_a_tag_that_differ_are_a_fault(copy) -> None:
    folder, runs = copy
    (runs[0] / "tags" / "seed").write_text("77")
    with pytest.raises(
        ImportedScoresError, match=r"found 77 from tag seed and . from parameter seed"
    ):
        read(folder, NOTHING)


@pytest.mark.parametrize("name", ["task", "language"])
def test_what_nobody_says_is_asked_for(copy, name) -> None:
    folder, runs = copy
    for run in runs:
        (run / "params" / name).unlink()
    with pytest.raises(ImportedScoresError, match=f"Add --given {name}="):
        read(folder, NOTHING)
    assert {getattr(s, name) for s in read(folder, Given(**{name: "zz"})).scores} == {"zz"}


def test_a_seed_or_n_that_nobody_says_stays_open(copy) -> None:
    folder, runs = copy
    for name in ("seed", "n"):
        (runs[0] / "params" / name).unlink()
    open_ = [s for s in read(folder, NOTHING).scores if s.seed is None]
    assert [s.n for s in open_] == [None]


@pytest.mark.parametrize("seed", ["", "1,2,3", "-1", "1.5", "nan", "9" * 30])
def test_a_seed_that_is_none_is_a_fault(copy, seed) -> None:
    folder, runs = copy
    (runs[0] / "params" / "seed").write_text(seed)
    if seed:
        with pytest.raises(ImportedScoresError, match="parameter seed"):
            read(folder, NOTHING)
    else:  # MLflow writes nothing for None
        assert None in {s.seed for s in read(folder, NOTHING).scores}


@pytest.mark.parametrize("value", ["nan", "inf", "-0.1", "1.01", "-inf", "1e999"])
def test_a_last_value_off_the_scale_is_a_fault(copy, value) -> None:
    folder, runs = copy
    with (runs[0] / "metrics" / "validation_accuracy").open("a") as file:
        file.write(f"1795294847118 {value} 9\n")
    with pytest.raises(ImportedScoresError, match="expected 0 to 1"):
        read(folder, NOTHING)


@pytest.mark.parametrize("text", ["", "x", "1 2 3 4", "a 1 2", "1 0x1 2", "1 1_0 1", "1 ٣ 1.5"])
def test_a_damaged_metric_is_a_fault(copy, text) -> None:
    folder, runs = copy
    (runs[0] / "metrics" / "validation_accuracy").write_text(text)
    with pytest.raises(ImportedScoresError, match="metrics/validation_accuracy"):
        read(folder, NOTHING)


def test_two_metrics_of_one_cell_are_a_fault_until_one_is_chosen(copy) -> None:
    folder, runs = copy
    for run in runs:
        (run / "metrics" / "val_accuracy").write_text("1 0.5 0\n")
    with pytest.raises(ImportedScoresError, match="both of sentiment en validation accuracy"):
        read(folder, NOTHING)
    assert means(read(folder, Given(metric="val_accuracy"))) == {(): 50, ("mnli",): 50}


def test_another_metric_can_be_chosen(copy) -> None:
    folder, runs = copy
    with pytest.raises(
        ImportedScoresError, match=r"found no score among the metrics.*--given metric="
    ):
        read(folder, Given(metric="roc_auc"))
    for run in runs:
        (run / "metrics" / "roc_auc").write_text("1 0.9 0\n")
    reading = read(folder, Given(metric="roc_auc", split="test"))
    assert {(s.metric, s.points, s.split) for s in reading.scores} == {("roc_auc", 90, "test")}


def test_two_bases_of_one_name_are_a_fault(copy) -> None:
    folder, runs = copy
    (runs[0] / "params" / "base").write_text("other/tiny-encoder")
    with pytest.raises(ImportedScoresError, match="both are called 'tiny-encoder'"):
        read(folder, NOTHING)


def test_scores_on_training_data_are_told_and_left_out(copy) -> None:
    folder, runs = copy
    (runs[0] / "metrics" / "train_accuracy").write_text("1 0.99 0\n")
    reading = read(folder, NOTHING)
    assert {s.split for s in reading.scores} == {"validation"}
    assert any("'train_accuracy': is of training data" in told for told in reading.left_out)


@pytest.mark.parametrize(
    ("name", "metric", "expected"),
    [
        ("accuracy", None, Key("accuracy")),
        ("eval_accuracy", None, Key("accuracy")),
        ("val_f1", None, Key("f1", "validation")),
        ("test/exact_match", None, Key("exact_match", "test")),
        ("xnli/de/accuracy", None, Key("accuracy", None, "xnli", "de")),
        ("xnli/de/dev/accuracy", None, Key("accuracy", "validation", "xnli", "de")),
        ("xnli/de/dev/test_accuracy", None, None),
        ("de/accuracy", None, None),
        ("a/b/c/d/accuracy", None, None),
        ("loss", None, None),
        ("system/cpu", None, None),
        ("accuracy_score", None, None),
        ("test_time", "test_time", Key("test_time")),
        ("test_mcc", "mcc", Key("mcc", "test")),
        ("eval_accuracy", "eval_accuracy", Key("accuracy")),
        ("accuracy", "eval_accuracy", None),
        ("accuracy", "f1", None),
        ("", None, None),
    ],
)
def test_the_name_of_a_metric_says_only_what_it_says(name, metric, expected) -> None:
    assert key_of(name, metric) == expected


@drawn(
    st.lists(
        st.tuples(st.integers(-5, 5), st.integers(0, 3), st.floats(allow_nan=False)), min_size=1
    )
)
def test_the_last_value_is_that_of_the_highest_step_in_whatever_order(values) -> None:
    found = last(values)
    assert (found.step, found.timestamp, found.value) == max(values)
    assert last(reversed(values)) == found
    assert last((str(s), str(t), repr(v)) for s, t, v in values) == found


def test_links_are_not_followed(copy, tmp_path) -> None:
    folder, runs = copy
    secret = tmp_path / "secret"
    secret.write_text("1 0.5 0\n")
    metric = runs[0] / "metrics" / "validation_accuracy"
    metric.unlink()
    metric.symlink_to(secret)
    shutil.move(runs[1] / "params", tmp_path / "params")
    (runs[1] / "params").symlink_to(tmp_path / "params")
    with pytest.raises(ImportedScoresError) as found:
        read(folder, NOTHING)
    assert len(found.value.faults) == 2


def test_runs_that_are_links_are_not_read(copy, tmp_path) -> None:
    folder, runs = copy
    shutil.move(runs[0], tmp_path / "away")
    runs[0].symlink_to(tmp_path / "away")
    assert len(read(folder, NOTHING).scores) == len(runs) - 1


@pytest.mark.parametrize("path", ["/nothing/there", "\0", __file__])
def test_a_folder_that_is_none_is_a_fault(path) -> None:
    with pytest.raises(ImportedScoresError):
        read(Path(path), NOTHING)


@cache
def small_run():
    (run, *_) = experiment("transfer").glob("*/metrics/xnli/sw/accuracy")
    return run.parents[3]


@SETTINGS
@drawn(data=st.data())
def test_whatever_the_folder_holds_it_is_read_or_has_faults(data, tmp_path_factory) -> None:
    folder = tmp_path_factory.mktemp("store") / "1"
    run = small_run()
    shutil.copytree(run, folder / run.name)
    shutil.copy(run.parent / "meta.yaml", folder)
    files = sorted(p for p in folder.rglob("*") if p.is_file())
    for _ in range(data.draw(st.integers(1, 3))):
        file = data.draw(st.sampled_from(files))
        content = file.read_bytes() if file.exists() else b""
        place = data.draw(st.integers(0, len(content)))
        junk = data.draw(
            st.one_of(
                st.binary(max_size=8), st.sampled_from([b"&a [*a, *a]", b": " * 99, b"\n1 2 3"])
            )
        )
        match data.draw(st.sampled_from(["insert", "replace", "gone", "folder", "name"])):
            case "insert":
                file.write_bytes(content[:place] + junk + content[place:])
            case "replace":
                file.write_bytes(junk)
            case "gone":
                file.unlink(missing_ok=True)
            case "folder":
                file.unlink(missing_ok=True)
                file.mkdir(exist_ok=True)
            case "name":
                name = data.draw(
                    st.sampled_from(["accuracy", "a\udcff", "x" * 200, "..accuracy", " "])
                )
                (file.parent / name).write_bytes(content)
        files = [f for f in files if not f.is_dir()]
    with contextlib.suppress(ImportedScoresError):
        assert isinstance(read(folder, NOTHING), Reading)
    shutil.rmtree(folder.parent)
