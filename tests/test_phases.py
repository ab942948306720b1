"""Phases, through the worker, on a protocol of seconds: what each reads, writes and hands on."""

from __future__ import annotations

import json
from collections import Counter

import numpy as np
import pyarrow.parquet as pq
import pytest
import tiny_runs
import torch

from replication.batching import collate
from replication.data import FolderSource
from replication.miniature.generate import write_miniature
from replication.model import load
from replication.official_items import compare
from replication.scoring import answer_scores, nearest
from replication.store import Store
from replication.tasks.benchmark import OfficialTask
from replication.tasks.family import family
from replication.tasks.row import tasks
from replication.tokenizer import load_tokenizer
from replication.worker import execute_stored as execute

TARGETS = ("mini_topic", "mini_tags", "mini_qa", "mini_pairs")
WANTED = tuple((tiny_runs.MIXED, t) for t in TARGETS)
CHECKPOINT = {"config.json", "model.safetensors"}


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    return FolderSource(write_miniature(tmp_path_factory.mktemp("data")), "miniature")


class Executed:
    """A store with every run of the tiny plan, and where its parts lie."""

    def __init__(self, path, source):
        self.source = source
        self.protocol, self.specs = tiny_runs.specs(source, *WANTED)
        with Store.open(path) as store:
            self.runs = [execute(spec, store, source) for spec in self.specs]
            self.folders = {r.spec_digest: store.folder(r.spec_digest) for r in self.runs}

    def run(self, phase, task=None):
        (found,) = [
            r for r in self.runs if r.spec.phase == phase and (task is None or task in r.spec.tasks)
        ]
        return found

    def folder(self, phase, task=None):
        return self.folders[self.run(phase, task).spec_digest]

    def examples(self, task, language):
        return self.source.examples(tasks()[task], "test", language, tiny_runs.PER_LANGUAGE)

    def predictions(self, task):
        lines = (self.folder("evaluation", task) / "predictions.jsonl").read_text("utf-8")
        return [json.loads(line) for line in lines.splitlines()]

    def items(self, task):
        return pq.read_table(self.folder("evaluation", task) / "items.parquet")


@pytest.fixture(scope="module")
def executed(source, tmp_path_factory):
    return Executed(tmp_path_factory.mktemp("store") / "s", source)


def test_every_run_of_the_tiny_protocol_finishes(executed):
    assert [r.error for r in executed.runs] == [None] * len(executed.runs)
    phases = Counter(s.phase for s in executed.specs)
    assert phases == {"pretraining": 1, "intermediate": 1, "target": 3, "evaluation": 4}


@pytest.mark.parametrize(
    ("phase", "task", "extra"),
    [
        ("pretraining", None, {"tokenizer.json", "tokenizer_config.json"}),
        ("intermediate", None, set()),
        ("target", "mini_qa", set()),
    ],
)
def test_training_writes_a_checkpoint_and_pretraining_also_a_tokenizer(
    executed, phase, task, extra
):
    written = {p.name for p in executed.folder(phase, task).iterdir()}
    assert written >= CHECKPOINT | extra
    assert not any(name.endswith((".bin", ".pt", ".pkl")) for name in written)
    assert set(executed.run(phase, task).artifacts) >= CHECKPOINT | extra


def test_training_states_its_facts(executed):
    pretraining = executed.run("pretraining").facts
    assert pretraining["languages"] == 5
    assert pretraining["sentences"] == 150
    assert pretraining["parameters"] > 0
    mixed = executed.run("intermediate").facts
    names = tiny_runs.MIXED.intermediate
    assert mixed["steps"] == sum(mixed[f"steps.{n}"] for n in names) == 9
    assert [mixed[f"examples.{n}"] for n in names] == [24, 24, 24]


@pytest.mark.parametrize("task", TARGETS)
def test_evaluation_writes_one_item_and_one_prediction_an_example_and_language(executed, task):
    items, predictions = executed.items(task), executed.predictions(task)
    languages = tasks()[task].languages
    expected = dict.fromkeys(languages, tiny_runs.PER_LANGUAGE)
    assert Counter(items["language"].to_pylist()) == expected
    keys = list(zip(items["language"].to_pylist(), items["id"].to_pylist(), strict=True))
    assert [(p["language"], p["id"]) for p in predictions] == keys
    assert len(set(keys)) == len(keys)
    for code in languages:
        ids = [e["id"] for e in executed.examples(task, code)]
        assert [i for c, i in keys if c == code] == ids


@pytest.mark.parametrize("task", TARGETS)
def test_scores_can_be_computed_again_from_the_items(executed, task):
    items = executed.items(task)
    measured = executed.run("evaluation", task).measurements
    assert {m.language for m in measured} == set(tasks()[task].languages)
    assert {m.metric for m in measured} == set(tasks()[task].metrics)
    for measurement in measured:
        assert measurement.n == tiny_runs.PER_LANGUAGE
        mine = np.array(items["language"].to_pylist()) == measurement.language
        column = {n: items[n].to_numpy()[mine] for n in items.column_names[2:]}
        if "matched" in column:
            total = column["predicted"].sum() + column["gold"].sum()
            score = 200 * column["matched"].sum() / total if total else 0.0
        else:
            score = 100 * column[measurement.metric].mean()
        assert measurement.score == pytest.approx(score)


def gold_file(task, examples):
    """Return the label file of one language, written by hand, and its format."""
    labels = tasks()[task].labels
    if task == "mini_topic":
        return "labels", "".join(f"{labels[e['label']]}\n" for e in examples)
    if task == "mini_tags":
        rows = ["".join(f"{labels[t]}\n" for t in e["tags"]) for e in examples]
        return "tags", "\n".join(rows)
    if task == "mini_pairs":
        return "labels", "".join(f"{i}\n" for i in range(len(examples)))
    asked = [
        {"id": e["id"], "answers": [{"text": t} for t in e["answers"]["text"]]} for e in examples
    ]
    return "answers", json.dumps({"data": [{"paragraphs": [{"qas": asked}]}]})


@pytest.mark.parametrize("task", TARGETS)
def test_files_in_the_official_layout_score_as_measured(executed, task):
    folder = executed.folder("evaluation", task) / "official" / task
    measured = executed.run("evaluation", task).measurements
    assert {p.stem for p in folder.iterdir()} == {f"test-{m.language}" for m in measured}
    assert any(name.startswith("official/") for name in executed.run("evaluation", task).artifacts)
    for measurement in measured:
        code = measurement.language
        kind, gold = gold_file(task, executed.examples(task, code))
        (path,) = folder.glob(f"test-{code}.*")
        found = compare(
            OfficialTask(format=kind, row=task), code, gold=gold, predicted=path.read_text("utf-8")
        )
        assert found.scores()[measurement.metric] == pytest.approx(measurement.score, abs=1e-9)
        assert found.n == measurement.n


def test_items_of_labels_can_be_computed_again_from_the_predictions(executed):
    labels = tasks()["mini_topic"].labels
    gold = [
        labels[e["label"]]
        for code in tasks()["mini_topic"].languages
        for e in executed.examples("mini_topic", code)
    ]
    outcome = [
        p["prediction"] == g for p, g in zip(executed.predictions("mini_topic"), gold, strict=True)
    ]
    assert executed.items("mini_topic")["accuracy"].to_pylist() == outcome


def test_items_of_answers_can_be_computed_again_from_the_predictions(executed):
    gold = [
        e["answers"]["text"]
        for code in tasks()["mini_qa"].languages
        for e in executed.examples("mini_qa", code)
    ]
    predicted = [p["prediction"] for p in executed.predictions("mini_qa")]
    outcome = answer_scores(gold, predicted, "en", rules="squad_v1")
    items = executed.items("mini_qa")
    np.testing.assert_array_equal(items["f1"].to_numpy(), outcome.f1)
    np.testing.assert_array_equal(items["exact_match"].to_numpy(), outcome.exact_match)


@pytest.mark.parametrize("name", ["mini_topic", "mini_tags", "mini_qa"])
def test_evaluation_says_what_the_target_s_own_checkpoint_says_one_example_at_a_time(
    executed, name
):
    """An independent reading: the head that was saved, no dropout, no batch but of one."""
    task = tasks()[name]
    kind = family(task.family)
    tokenizer = load_tokenizer(executed.folder("pretraining"))
    model = load(executed.folder("target", name), {name: kind.head(16, task, 0.1)}).eval()
    lengths = executed.protocol.targets[name].recipe.lengths()
    found = []
    for code in task.languages:
        for one in executed.examples(name, code):
            features = kind.features([one], task, tokenizer, lengths, train=False)
            with torch.inference_mode():
                raw = [
                    prediction
                    for feature in features
                    for batch in [collate([feature], 1, torch.device("cpu"))]
                    for prediction in kind.predict(model.hidden(batch), model.heads[name], batch)
                ]
            found += kind.score([one], features, raw, task).predictions
    assert found == [p["prediction"] for p in executed.predictions(name)]


def test_retrieval_after_an_intermediate_phase_reads_the_named_layer_of_its_encoder(executed):
    tokenizer = load_tokenizer(executed.folder("pretraining"))
    model = load(executed.folder("intermediate"), {}).eval()
    found = []

    def vector(text):
        ids = torch.tensor([tokenizer(text)["input_ids"]])
        with torch.inference_mode():
            states = model.encoder(input_ids=ids, output_hidden_states=True).hidden_states
        return states[1][0].mean(0).numpy()

    for code in tasks()["mini_pairs"].languages:
        examples = executed.examples("mini_pairs", code)
        english = np.stack([vector(e["target"]) for e in examples])
        found += nearest(english, np.stack([vector(e["source"]) for e in examples])).tolist()
    assert [p["prediction"] for p in executed.predictions("mini_pairs")] == found
    spec = executed.run("evaluation", "mini_pairs").spec
    assert spec.parent == executed.run("intermediate").spec_digest


def test_a_target_starts_from_its_parent_s_encoder_and_with_a_head_of_its_own(executed):
    from safetensors import safe_open

    def names(folder):
        with safe_open(folder / "model.safetensors", framework="np") as file:
            return set(file.keys())

    intermediate = names(executed.folder("intermediate"))
    target = names(executed.folder("target", "mini_topic"))
    heads = {n.split(".")[1] for n in intermediate if n.startswith("heads.")}
    assert heads == set(tiny_runs.MIXED.intermediate)
    assert {n.split(".")[1] for n in target if n.startswith("heads.")} == {"mini_topic"}
    assert {n for n in intermediate if n.startswith("encoder.")} == {
        n for n in target if n.startswith("encoder.")
    }


def test_executing_everything_again_gives_the_same_bytes(executed, source, tmp_path):
    again = Executed(tmp_path / "s", source)
    for one, other in zip(executed.runs, again.runs, strict=True):
        assert one.artifacts == other.artifacts
        assert one.measurements == other.measurements
        assert one.facts == other.facts


def test_another_seed_gives_other_weights(executed, source, tmp_path):
    _, specs = tiny_runs.specs(source, (tiny_runs.NONE, "mini_topic"), seeds=2)
    with Store.open(tmp_path / "s") as store:
        runs = [execute(s, store, source) for s in specs if s.phase != "evaluation"]
    weights = [r.artifacts["model.safetensors"] for r in runs if r.spec.phase == "target"]
    assert len(set(weights)) == 2


def outcome(source, tmp_path, change, target="mini_topic"):
    """Return the last run of a plan whose evaluation spec is changed."""
    _, specs = tiny_runs.specs(source, (tiny_runs.NONE, target))
    with Store.open(tmp_path / "s") as store:
        for spec in specs[:-1]:
            assert execute(spec, store, source).status == "finished"
        return execute(specs[-1].model_copy(update=change(specs[-1])), store, source)


def test_an_untrained_head_is_never_scored(source, tmp_path):
    """The encoder alone can be asked for sentence vectors, but not for classes."""
    _, pretraining = tiny_runs.specs(source, (tiny_runs.NONE, "mini_pairs"))
    run = outcome(source, tmp_path, lambda _: {"parent": pretraining[0].digest()})
    assert run.status == "failed"
    assert "found no task to train on" in run.error
    assert run.measurements == ()


@pytest.mark.parametrize("other", ["mini_tags", "mini_qa"])
def test_a_head_of_another_family_is_never_scored(source, tmp_path, other):
    uses = {
        s.tasks[0]: s.data
        for s in tiny_runs.specs(source, (tiny_runs.NONE, other))[1]
        if s.phase == "evaluation"
    }
    run = outcome(source, tmp_path, lambda _: {"tasks": (other,), "data": uses[other]})
    assert run.status == "failed"
    assert "found a head trained on 'mini_topic'" in run.error


def test_sequences_longer_than_the_encoder_reads_are_refused_with_both_lengths(source, tmp_path):
    run = outcome(
        source,
        tmp_path,
        lambda s: {"lengths": s.lengths.model_copy(update={"max_length": 65})},
    )
    assert run.status == "failed"
    assert "found max_length 65 ; expected at most 64" in run.error


def test_a_layer_that_the_encoder_lacks_fails_the_run_with_the_layers_there_are(source, tmp_path):
    run = outcome(
        source,
        tmp_path,
        lambda s: {"retrieval": s.retrieval.model_copy(update={"layer": 3})},
        "mini_pairs",
    )
    assert "found 3 ; expected 0 to 2" in run.error


def test_a_checkpoint_folder_of_the_hub_s_kind_goes_through_all_phases(executed, source, tmp_path):
    """Base, tokenizer and weights come from a folder; there is no pretraining run."""
    from transformers import AutoModel

    folder = tmp_path / "checkpoint"
    folder.mkdir()
    encoder = load(executed.folder("pretraining"), {}).encoder
    assert isinstance(encoder, type(AutoModel.from_config(encoder.config)))
    encoder.save_pretrained(folder)
    load_tokenizer(executed.folder("pretraining")).save_pretrained(folder)
    _, specs = tiny_runs.specs(
        source,
        (tiny_runs.GUILD, "mini_topic"),
        (tiny_runs.NONE, "mini_pairs"),
        base={"checkpoint": str(folder)},
        pretraining=None,
    )
    with Store.open(tmp_path / "s") as store:
        runs = [execute(s, store, source) for s in specs]
    assert [r.error for r in runs] == [None] * 4
    assert [s.parent is None for s in specs] == [True, False, True, False]
