"""jiant's run folders: scores keep scale, language, seed and doubts; what is pickled stays closed."""

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
from replication.imports import jiant
from replication.imports.entering import runs_of
from replication.imports.score import Given
from replication.tasks.row import tasks

FIXTURE = Path(__file__).parent / "fixtures" / "imports" / "jiant"
ARGS = {
    "hf_pretrained_model_name_or_path": "xlm-roberta-large", "model_path": "m/model.p", "seed": 3,
    "model_load_mode": "from_transformers", "do_train": True, "eval_every_steps": 0,
}  # fmt: skip


def read(path, **said):
    return jiant.read(path, Given(**said))


def faults(path, **said):
    with pytest.raises(ImportedScoresError) as caught:
        read(path, **said)
    return caught.value.faults


def put(folder, tasks, **args):
    """Write a run folder as jiant does, with these minor metrics by task."""
    folder.mkdir(parents=True, exist_ok=True)
    metrics = {t: {"loss": 1.0, "metrics": {"major": 0.5, "minor": m}} for t, m in tasks.items()}
    (folder / "val_metrics.json").write_text(json.dumps({"aggregated": 0.5} | metrics))
    (folder / "args.json").write_text(json.dumps(ARGS | args))
    return folder


def the(reading):
    (score,) = reading.scores
    return score


def of(reading, folder):
    return {
        (s.task, s.language, s.metric): s for s in reading.scores if s.raw.path.startswith(folder)
    }


def test_every_number_of_real_runs_stands_where_its_score_says():
    reading = read(FIXTURE / "none")
    assert len(reading.scores) == 18
    for score in reading.scores:
        task, _, _, key = score.raw.at.split(".")
        file = json.loads((FIXTURE / "none" / score.raw.path).read_text(encoding="utf-8"))
        assert file[task]["metrics"]["minor"][key] == score.raw.value
        assert score.points == pytest.approx(
            score.raw.value * {"fraction": 100, "points": 1}[score.raw.scale]
        )
        assert (score.condition, score.split) == (Condition(base="tiny-bert"), "validation")


def test_tasks_and_languages_are_those_of_the_names():
    reading = read(FIXTURE / "none")
    assert of(reading, "xnli-seed-5").keys() == {
        ("xnli", "de", "accuracy"), ("xnli", "sw", "accuracy"), ("mnli", "en", "accuracy")
    }  # fmt: skip
    found = of(reading, "xquad")
    assert found.keys() == {
        (task, language, metric)
        for task, language in (("xquad", "en"), ("xquad", "zh"), ("squad_v1", "en"))
        for metric in ("f1", "exact_match")
    }
    assert {(s.raw.scale, s.n) for s in found.values()} == {("points", 30)}


def test_a_seed_that_jiant_drew_is_the_seed():
    (drawn,) = {s.seed for s in of(read(FIXTURE / "none"), "xnli-drawn").values()}
    args = json.loads((FIXTURE / "none/xnli-drawn-seed/args.json").read_text(encoding="utf-8"))
    assert drawn == args["seed"] > 5


def test_scores_on_which_the_checkpoint_was_chosen_are_only_shown():
    reading = read(FIXTURE / "none")
    assert {k[:2] for k, s in of(reading, "").items() if s.shown} == {
        ("udpos", "en"),
        ("mnli", "en"),
        ("squad_v1", "en"),
    }
    assert not any(s.shown for s in of(reading, "xnli-drawn").values()), "nothing was chosen there"


def test_questions_count_and_the_number_of_other_examples_has_to_be_given():
    counts = {
        r.spec.tasks[0]: r.spec.counts() for r in runs_of(read(FIXTURE / "none"), "jiant", None)
    }
    assert counts["xquad"]
    assert not counts["xnli"]
    path = FIXTURE / "none" / "xnli-seed-5"
    found = runs_of(read(path, n=30), "jiant", None)
    assert any(run.spec.counts() for run in found if run.spec.tasks == ("xnli",))
    assert len(faults(FIXTURE / "none" / "xquad", n=31)) == 3


def test_what_an_intermediate_phase_trained_on_has_to_be_given():
    assert "--given intermediate=" in faults(FIXTURE / "after-mnli")[0]
    found = {s.condition for s in read(FIXTURE / "after-mnli", intermediate="mnli").scores}
    assert found == {Condition(base="tiny-bert", intermediate=("mnli",))}
    assert "intermediate" in faults(FIXTURE / "none" / "udpos", intermediate="mnli")[0]


@pytest.mark.parametrize(
    "said",
    [{"split": "test"}, {"scale": "points"}, {"task": "qnli"}, {"language": "sw"}, {"seed": 4},
     {"base": "org/other"}],
)  # fmt: skip
def test_a_user_who_contradicts_the_files_is_refused(tmp_path, said):
    put(tmp_path, {"xnli_de": {"acc": 0.5}})
    (fault,) = faults(tmp_path, **said)
    assert str(next(iter(said.values()))).split("/")[-1] in fault
    assert len(read(tmp_path, n=30, split="validation", base="xlm-roberta-large").scores) == 1


def test_parts_means_and_pickles_are_told(tmp_path):
    shutil.copytree(FIXTURE / "none" / "xquad", tmp_path / "run")
    (tmp_path / "run" / "val_preds.p").write_bytes(b"cos\nsystem\n(S'touch pwned'\ntR.")
    reading = read(tmp_path)
    told = "\n".join(reading.left_out)
    for word in ("1 pickled", "aggregated", "xquad_zh.best_f1", "squad_v1.HasAns_exact", "losses"):
        assert word in told
    assert not any(source.path.endswith(".p") for source in reading.sources)


def test_every_task_of_xtreme_is_known_in_all_its_languages(tmp_path):
    names = {"bucc": "bucc2018"}
    cells = {
        (t.name, language): f"{names.get(t.name, t.name)}_{language}"
        + (f"_{language}" if t.name == "mlqa" else "")
        for t in tasks().values()
        if t.benchmark == "xtreme"
        for language in t.languages
    }
    put(tmp_path, {name: {"acc": 0.5} for name in cells.values()})
    assert {(s.task, s.language) for s in read(tmp_path).scores} == set(cells)


@pytest.mark.parametrize("name", ["mlqa_de_en", "xnli_translated", "mine"])
def test_other_tasks_keep_their_name_and_need_a_language(tmp_path, name):
    put(tmp_path, {name: {"acc": 0.5}})
    assert "--given language=" in faults(tmp_path)[0]
    score = the(read(tmp_path, language="en"))
    assert (score.task, score.language) == (name, "en")


def test_pairs_found_with_a_threshold_chosen_on_them_are_only_shown(tmp_path):
    put(tmp_path, {"bucc2018_de": {"F1": 0.5, "best-threshold": 1.1}}, do_train=False)
    score = the(read(tmp_path))
    assert (score.task, score.metric, score.points) == ("bucc", "f1", 50.0)
    assert "threshold" in score.shown


def test_nothing_is_random_where_an_untuned_encoder_compares_sentences(tmp_path):
    put(tmp_path, {"tatoeba_de": {"acc": 0.5}}, do_train=False)
    assert the(read(tmp_path)).seed == "none"
    assert "'none' from args.json" in faults(tmp_path, seed=3)[0]
    put(tmp_path, {"tatoeba_de": {"acc": 0.5}}, do_train=False, model_load_mode="partial")
    assert the(read(tmp_path, intermediate="mnli")).seed is None
    assert the(read(tmp_path, intermediate="mnli", seed=4)).seed == 4
    put(tmp_path, {"tatoeba_de": {"acc": 0.5}})
    assert the(read(tmp_path)).seed == 3


def test_a_seed_of_minus_one_is_none_that_is_known(tmp_path):
    put(tmp_path, {"xnli_de": {"acc": 0.5}}, seed=-1)
    assert the(read(tmp_path)).seed is None
    assert the(read(tmp_path, seed=8)).seed == 8


def test_a_choice_that_no_log_explains_makes_scores_doubtful(tmp_path):
    put(tmp_path, {"xnli_de": {"acc": 0.5}}, eval_every_steps=100)
    assert "which validation sets" in the(read(tmp_path)).shown
    log = tmp_path / "1295294733" / "train_val.zlog"
    log.parent.mkdir()
    log.write_text('{"metrics": {"mnli": {}}, "score": 0.1}\n\n')
    assert the(read(tmp_path)).shown is None
    log.write_text('{"metrics": {"xnli_de": {}}}\n')
    assert "very validation set" in the(read(tmp_path)).shown
    log.write_text("torn {\n")
    assert "train_val.zlog, line 1" in faults(tmp_path)[0]


def test_metrics_like_squads_are_points_and_all_others_fractions(tmp_path):
    put(
        tmp_path, {"multirc": {"em": 0.2, "f1": 0.3}, "mlqa_de_de": {"exact_match": 0.4, "f1": 0.5}}
    )
    found = {(s.task, s.metric): s.points for s in read(tmp_path).scores}
    assert found == {("multirc", "exact_match"): 20.0, ("multirc", "f1"): 30.0,
                     ("mlqa", "exact_match"): 0.4, ("mlqa", "f1"): 0.5}  # fmt: skip
    assert {s.metric for s in read(tmp_path, metric="f1").scores} == {"f1"}
    for odd in (1.5, -0.1, None, True, "0.5", float("nan"), 10**400):
        put(tmp_path, {"xnli_de": {"acc": odd}})
        assert len(faults(tmp_path)) == 1


def test_all_faults_of_all_runs_are_told_at_once(tmp_path):
    put(tmp_path / "a", {"xnli_de": {"acc": 2}, "an odd\nname": {"acc": 0.5}}, seed="five")
    put(tmp_path / "b", {})
    (tmp_path / "b" / "val_metrics.json").write_text('{"xnli_de": 3, "xnli_sw": {"metrics": null}}')
    put(tmp_path / "c", {})
    (tmp_path / "c" / "val_metrics.json").write_text("[")
    put(tmp_path / "d", {"xnli_de": {"acc": 0.5}})
    (tmp_path / "d" / "args.json").write_text("[]")
    told = faults(tmp_path)
    assert len(told) == 8
    assert sum("odd" in fault for fault in told) == 2  # no name, and no language


def test_a_run_that_was_not_scored_is_told(tmp_path):
    put(tmp_path / "a", {"xnli_de": {"acc": 0.5}})
    put(tmp_path / "b", {})
    (tmp_path / "b" / "val_metrics.json").unlink()
    assert any(line.startswith("b: ") for line in read(tmp_path).left_out)
    assert "b: " in faults(tmp_path / "b")[0] or "not scored" in faults(tmp_path / "b")[0]


def test_a_single_file_is_understood_with_what_lies_beside_it(tmp_path):
    found = read(FIXTURE / "none" / "udpos" / "val_metrics.json")
    assert {s.seed for s in found.scores} == {5}
    assert {s.language for s in found.scores if s.shown} == {"en"}
    put(tmp_path / "elsewhere" / "1", {})
    (tmp_path / "elsewhere" / "1" / "train_val.zlog").write_text('{"metrics": {"xnli_de": {}}}')
    put(tmp_path / "run", {"xnli_de": {"acc": 0.5}}, eval_every_steps=1)
    (tmp_path / "run" / "1").symlink_to(tmp_path / "elsewhere" / "1")
    assert "no train_val.zlog" in the(read(tmp_path / "run" / "val_metrics.json")).shown


def test_the_folder_of_a_log_alone_holds_no_score():
    folder = next((FIXTURE / "none" / "udpos").glob("1*"))
    assert "no score" in faults(folder)[0]


words = st.sampled_from(["metrics", "minor", "acc", "f1", "exact", "total"]) | st.text(max_size=4)
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(words, inner, max_size=3),
    max_leaves=6,
)
names = st.sampled_from(
    ["aggregated", "xnli_de", "xquad_en", "mlqa_de_de", "bucc2018_", "_", "\ud800", "x" * 90]
)


@settings(max_examples=60)
@given(
    metrics=st.dictionaries(
        names, values | values.map(lambda v: {"metrics": {"minor": v}}), max_size=4
    ),
    args=st.dictionaries(st.sampled_from(sorted(ARGS)), values, max_size=5),
    log=st.binary(max_size=20),
)
def test_whatever_the_files_hold_only_faults_come_out(tmp_path_factory, metrics, args, log):
    folder = put(tmp_path_factory.mktemp("run"), {}, **args)
    (folder / "val_metrics.json").write_text(json.dumps(metrics))
    (folder / "1").mkdir()
    (folder / "1" / "train_val.zlog").write_bytes(log)
    with suppress(ImportedScoresError):
        read(folder)
    (folder / "1" / "train_val.zlog").unlink()
    with suppress(ImportedScoresError):
        for score in read(folder, language="en", intermediate="mnli").scores:
            assert 0 <= score.points <= 100
    shutil.rmtree(folder)


FILES = ("args.json", "val_metrics.json")


@settings(max_examples=60)
@given(which=st.sampled_from(FILES), damage=DAMAGE)
def test_damaged_files_of_a_real_run_end_as_scores_or_faults(tmp_path_factory, which, damage):
    folder = tmp_path_factory.mktemp("run")
    copy_damaged(FIXTURE / "none" / "xquad", folder, FILES, which, damage)
    with suppress(ImportedScoresError):
        read(folder)
    shutil.rmtree(folder)
