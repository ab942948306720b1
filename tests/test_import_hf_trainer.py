"""Outputs of Hugging Face's Trainer: scores keep scale, place, seed and doubts; odd files are faults."""

from __future__ import annotations

import json
import shutil
from contextlib import suppress
from pathlib import Path

import pytest
from damaged_runs import DAMAGE, copy_damaged
from hypothesis import given, settings
from hypothesis import strategies as st

from claims.estimand import Condition
from replication.errors import ImportedScoresError
from replication.imports import hf_trainer
from replication.imports.entering import runs_of
from replication.imports.score import Given

FIXTURE = Path(__file__).parent / "fixtures" / "imports" / "hf_trainer"
SAID = {"task": "reviews", "language": "en", "split": "validation"}


def read(path, **said):
    return hf_trainer.read(path, Given(**(SAID | said)))


def faults(path, **said):
    with pytest.raises(ImportedScoresError) as caught:
        read(path, **said)
    return caught.value.faults


def put(folder, results, name="eval_results.json"):
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text(json.dumps(results), encoding="utf-8")
    return folder


def the(reading):
    (score,) = reading.scores
    return score


def cell(score):
    return score.seed, score.split, score.metric


def test_every_run_of_a_real_folder_is_read_once_with_seed_and_number_of_examples():
    reading = read(FIXTURE / "plain")
    found = {cell(score): score for score in reading.scores}
    assert len(found) == len(reading.scores)
    assert set(found) == {(s, p, "accuracy") for s in (11, 12, 13) for p in ("validation", "test")}
    for score in found.values():
        assert score.condition == Condition(base="tiny-bert")
        assert score.checkpoint == "example/tiny-bert"
        assert score.n == (60 if score.split == "validation" else 80)
        assert score.shown is None
        assert score.points == pytest.approx(100 * score.raw.value)
    runs = runs_of(reading, "hf-trainer", None)
    assert all(run.spec.counts() for run in runs)


def test_a_score_remembers_the_fraction_that_its_file_has():
    for score in read(FIXTURE / "plain").scores:
        file = json.loads((FIXTURE / "plain" / score.raw.path).read_text(encoding="utf-8"))
        assert file[score.raw.at] == score.raw.value
        assert score.raw.scale == "fraction"


def test_losses_times_and_evaluations_under_way_are_told_and_no_scores():
    told = "\n".join(read(FIXTURE / "plain").left_out)
    for word in (
        "eval_loss",
        "train_runtime",
        "epoch",
        "seed-12/trainer_state.json: 3 evaluations",
    ):
        assert word in told
    assert "eval_accuracy" not in told


def test_checkpoints_repeat_the_run_and_a_chosen_model_is_only_shown_where_it_was_chosen():
    reading = read(FIXTURE / "best")
    found = {score.split: score for score in reading.scores}
    assert len(found) == len(reading.scores) == 2
    assert "best on the evaluation set" in found["validation"].shown
    assert found["test"].shown is None
    assert "checkpoint-16" in reading.left_out[0]
    assert not any("checkpoint" in source.path for source in reading.sources)


def test_a_choice_is_seen_without_the_runs_own_state_and_from_a_single_file(tmp_path):
    folder = shutil.copytree(FIXTURE / "best", tmp_path / "run")
    (score,) = read(folder / "eval_results.json").scores
    assert (score.seed, score.checkpoint) == (21, "example/tiny-bert")
    assert "best on the evaluation set" in score.shown
    (folder / "trainer_state.json").unlink()
    assert {s.split for s in read(folder).scores if s.shown} == {"validation"}
    assert the(read(folder / "eval_results.json")).shown is not None


def test_a_checkpoint_imported_by_itself_is_read_from_its_state():
    score = the(read(FIXTURE / "best" / "checkpoint-8"))
    state = json.loads(
        (FIXTURE / "best/checkpoint-8/trainer_state.json").read_text(encoding="utf-8")
    )
    assert score.raw.value == state["log_history"][1]["eval_accuracy"]
    assert score.raw.at == "log_history[1].eval_accuracy"
    assert (score.seed, score.n) == (None, None)


def test_an_evaluation_before_the_last_step_is_no_score_of_the_run(tmp_path):
    history = [{"step": 5, "eval_accuracy": 0.5}, {"step": 9, "train_loss": 1.0}]
    state = {"global_step": 9, "log_history": history}
    put(tmp_path, state, "trainer_state.json")
    assert "1 evaluations before the last step" in faults(tmp_path)[0]


def test_answers_are_in_points_and_their_windows_are_not_their_number():
    reading = read(FIXTURE / "answers")
    assert {(s.metric, s.raw.scale, s.n) for s in reading.scores} == {
        ("exact_match", "points", None), ("f1", "points", None)
    }  # fmt: skip
    assert all(score.points == score.raw.value > 1 for score in reading.scores)
    assert {score.n for score in read(FIXTURE / "answers", n=55).scores} == {55}


def test_squad_v2_counts_its_questions_and_calls_exact_match_exact(tmp_path):
    put(tmp_path, {"eval_exact": 40.0, "eval_f1": 50.0, "eval_total": 7, "eval_samples": 9,
                   "eval_HasAns_f1": 60.0})  # fmt: skip
    found = {score.metric: score for score in read(tmp_path).scores}
    assert {(m, s.points, s.n, s.raw.at) for m, s in found.items()} == {
        ("exact_match", 40.0, 7, "eval_exact"), ("f1", 50.0, 7, "eval_f1")
    }  # fmt: skip


def test_evaluation_sets_that_are_named_after_languages_are_of_these_languages():
    reading = hf_trainer.read(FIXTURE / "languages", Given(task="reviews", split="validation"))
    file = json.loads((FIXTURE / "languages" / "eval_results.json").read_text(encoding="utf-8"))
    assert {(s.language, s.raw.value, s.n) for s in reading.scores} == {
        ("en", file["eval_en_accuracy"], None), ("de", file["eval_de_accuracy"], None)
    }  # fmt: skip
    assert len(faults(FIXTURE / "languages", language="en")) == 1


def test_an_evaluation_set_of_unknown_name_is_told_and_left_out(tmp_path):
    put(tmp_path, {"eval_accuracy": 0.5, "eval_odd_accuracy": 0.6, "eval_odd_runtime": 1.0,
                   "eval_test_accuracy": 0.7, "eval_test_runtime": 1.0})  # fmt: skip
    reading = read(tmp_path)
    assert {(s.split, s.points) for s in reading.scores} == {("validation", 50.0), ("test", 70.0)}
    assert any("eval_odd_accuracy" in line for line in reading.left_out)


@pytest.mark.parametrize("missing", ["task", "language", "split"])
def test_what_nobody_says_is_asked_for_by_name(missing):
    found = faults(FIXTURE / "best", **{missing: None})
    assert found
    assert all(f"Add --given {missing}=..." in fault for fault in found)


@pytest.mark.parametrize(
    "said", [{"seed": 99}, {"n": 61}, {"scale": "points"}, {"base": "org/other"}]
)
def test_a_user_who_contradicts_the_files_is_refused(said):
    assert any(
        str(next(iter(said.values()))).split("/")[-1] in f
        for f in faults(FIXTURE / "plain", **said)
    )


def test_the_split_given_is_for_the_evaluation_set_and_contradicts_predictions_alone(tmp_path):
    assert {s.split for s in read(FIXTURE / "plain").scores} == {"validation", "test"}
    put(tmp_path, {"predict_accuracy": 0.5}, "predict_results.json")
    assert "'test' from" in faults(tmp_path)[0]
    assert the(read(tmp_path, split=None)).split == "test"


@pytest.mark.parametrize(
    ("results", "said", "points"),
    [
        ({"eval_accuracy": 82.0}, {"scale": "points"}, 82.0),
        ({"eval_accuracy": 82.0}, {}, None),
        ({"eval_accuracy": 82.0}, {"scale": "fraction"}, None),
        ({"eval_exact_match": 0.82}, {}, None),
        ({"eval_exact_match": 0.82}, {"scale": "fraction"}, 82.0),
        ({"eval_exact_match": 0.82}, {"scale": "points"}, 0.82),
        ({"eval_bleu": 31.5}, {}, 31.5),
        ({"eval_bleu": 0.3}, {}, None),
        ({"eval_accuracy": 1.0}, {}, 100.0),
        ({"eval_accuracy": 0}, {"scale": "points"}, 0.0),
        ({"eval_accuracy": 100.5}, {"scale": "points"}, None),
        ({"eval_matthews_correlation": -0.1}, {}, None),
        ({"eval_mine": 0.4}, {"metric": "mine"}, None),
        ({"eval_mine": 40.0}, {"metric": "mine"}, None),
        ({"eval_mine": 0.4}, {"metric": "mine", "scale": "fraction"}, 40.0),
        ({"eval_accuracy": True}, {}, None),
        ({"eval_accuracy": "0.5"}, {}, None),
        ({"eval_f1": [0.1, 0.2]}, {}, None),
        ({"eval_accuracy": float("nan")}, {}, None),
        ({"eval_accuracy": 10**400}, {}, None),
    ],
)  # fmt: skip
def test_a_value_is_taken_on_a_scale_that_somebody_says_or_refused(tmp_path, results, said, points):
    put(tmp_path, results)
    if points is None:
        assert len(faults(tmp_path, **said)) == 1
    else:
        assert the(read(tmp_path, **said)).points == points


def test_a_small_f1_beside_exact_match_could_be_either(tmp_path):
    put(tmp_path, {"eval_exact_match": 0.0, "eval_f1": 0.8})
    assert len(faults(tmp_path)) == 1
    assert {s.points for s in read(tmp_path, scale="fraction").scores} == {0.0, 80.0}


def test_unknown_metrics_are_told_until_they_are_asked_for(tmp_path):
    put(tmp_path, {"eval_accuracy": 0.5, "eval_mine": 40.0})
    assert the(read(tmp_path)).metric == "accuracy"
    assert any("eval_mine" in line for line in read(tmp_path).left_out)
    assert the(read(tmp_path, metric="mine", scale="points")).points == 40.0


def test_two_files_that_say_two_things_of_one_score_are_refused(tmp_path):
    put(tmp_path, {"eval_accuracy": 0.5, "epoch": 3.0, "eval_loss": 1})
    put(tmp_path, {"eval_accuracy": 0.6, "epoch": 4.0}, "all_results.json")
    assert len(faults(tmp_path)) == 1


def test_training_from_somebodys_own_weights_must_be_explained(tmp_path):
    put(tmp_path, {"eval_accuracy": 0.5})
    put(tmp_path, {"_name_or_path": "/models/after-mnli"}, "config.json")
    assert "--given intermediate=" in faults(tmp_path)[0]
    score = the(read(tmp_path, intermediate="mnli", base="xlm-roberta-large"))
    assert score.condition == Condition(base="xlm-roberta-large", intermediate=("mnli",))
    put(tmp_path, {"_name_or_path": "org/after-mnli"}, "config.json")
    assert the(read(tmp_path)).condition == Condition(base="after-mnli")
    again = the(read(tmp_path, intermediate="mnli", base="xlm-roberta-large", mlm=True))
    assert again.condition.label() == "mnli/mlm/base-xlm-roberta-large"


def test_a_trial_of_a_search_is_only_shown(tmp_path):
    put(tmp_path, {"eval_accuracy": 0.5})
    put(tmp_path, {"log_history": [], "is_hyper_param_search": True}, "trainer_state.json")
    assert "hyperparameter search" in the(read(tmp_path)).shown


def test_the_seed_of_a_card_is_the_one_among_its_hyperparameters(tmp_path):
    put(tmp_path, {"eval_accuracy": 0.5})
    card = tmp_path / "README.md"
    card.write_text("- seed: 1\n### Training hyperparameters\n- seed: 7\n### Other\n- seed: 9\n")
    assert the(read(tmp_path)).seed == 7
    card.write_text("---\nbase_model: [a\n---\n")
    assert "front matter" in faults(tmp_path)[0]


def test_the_split_that_a_card_names_is_the_evaluation_sets(tmp_path):
    put(tmp_path, {"eval_accuracy": 0.5})
    (tmp_path / "README.md").write_text(
        "---\nmodel-index:\n- name: m\n  results:\n  - dataset: {name: d, type: d, split: test}\n---\n"
    )
    assert the(read(tmp_path, split=None)).split == "test"
    assert "'test' from" in faults(tmp_path)[0]


def test_pickles_and_links_are_not_opened(tmp_path):
    put(tmp_path, {"eval_accuracy": 0.5})
    (tmp_path / "training_args.bin").write_bytes(b"cos\nsystem\n(S'touch pwned'\ntR.")
    assert [source.path for source in read(tmp_path).sources] == ["eval_results.json"]
    (tmp_path / "all_results.json").symlink_to("/etc/passwd")
    assert "not a link" in faults(tmp_path)[0]


def test_all_faults_of_all_files_are_told_at_once(tmp_path):
    put(tmp_path / "a", {"eval_accuracy": None})
    put(tmp_path / "b", [1])
    put(tmp_path / "c", {"eval_accuracy": 0.5, "eval_samples": -1})
    put(tmp_path / "d", {"log_history": 3}, "trainer_state.json")
    (tmp_path / "e").mkdir()
    (tmp_path / "e" / "eval_results.json").write_text("[" * 100_000)
    (tmp_path / "f\n").mkdir()
    (tmp_path / "f\n" / "eval_results.json").write_text("{}")
    assert len(faults(tmp_path)) == 6


def test_a_folder_without_scores_says_what_it_has(tmp_path):
    put(tmp_path, {"eval_loss": 0.5})
    assert "eval_loss" in faults(tmp_path)[0]
    with pytest.raises(ImportedScoresError, match="nothing there"):
        read(tmp_path / "no")


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=4,
)
keys = st.sampled_from(
    ["eval_accuracy", "eval_f1", "eval_exact_match", "eval_samples", "eval_de_accuracy",
     "eval_de_runtime", "predict_accuracy", "eval__runtime", "eval_", "_", "eval_total",
     "log_history", "global_step", "best_model_checkpoint", "_name_or_path", "\ud800"]
)  # fmt: skip
jsons = st.dictionaries(keys | st.text(max_size=8), values, max_size=6)


@settings(max_examples=60)
@given(results=jsons, state=jsons, history=st.lists(jsons, max_size=3), card=st.binary(max_size=60))
def test_whatever_the_files_hold_only_faults_come_out(
    tmp_path_factory, results, state, history, card
):
    folder = tmp_path_factory.mktemp("run")
    put(folder, results)
    put(folder, state | {"log_history": history}, "trainer_state.json")
    put(folder, state, "config.json")
    (folder / "README.md").write_bytes(b"---\nbase_model: " + card + b"\n---\n" + card)
    with suppress(ImportedScoresError):
        for score in read(folder).scores:
            assert 0 <= score.points <= 100
    shutil.rmtree(folder)


FILES = sorted(file.relative_to(FIXTURE / "best") for file in (FIXTURE / "best").glob("*.*"))


@settings(max_examples=60)
@given(which=st.sampled_from(FILES), damage=DAMAGE)
def test_damaged_files_of_a_real_run_end_as_scores_or_faults(tmp_path_factory, which, damage):
    folder = tmp_path_factory.mktemp("run")
    copy_damaged(FIXTURE / "best", folder, FILES, which, damage)
    with suppress(ImportedScoresError):
        read(folder)
    shutil.rmtree(folder)
