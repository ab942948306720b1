"""Each of the paper's nine intermediate tasks loads from a folder in its hub schema and trains."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import tiny_models as tiny

from claims.estimand import Condition
from replication.data import open_source
from replication.protocol import Lengths
from replication.protocols import load_protocol
from replication.specs import SpecBuilder
from replication.store import Store
from replication.tasks.family import family
from replication.tasks.labels import with_labels
from replication.tasks.row import tasks
from replication.worker import execute_stored as execute

NINE = load_protocol("xstilts").intermediate_tasks
SHARED = Path(__file__).resolve().parents[2] / "shared"
LENGTHS = Lengths(max_length=64, stride=8)

ANSWER = {"text": ["blue house"], "answer_start": [4]}
NO_ANSWER = pa.array(
    [{"text": ["blue house"], "answer_start": [4]}, {"text": [], "answer_start": []}],
    pa.struct([("text", pa.list_(pa.string())), ("answer_start", pa.list_(pa.int32()))]),
)
NLI = {"premise": ["It rains."] * 3, "hypothesis": ["It is wet."] * 3, "label": [0, 1, 2]}
ANLI = {"uid": ["a", "b", "c"], **NLI, "reason": ["", "", ""]}
QUESTION = {"title": ["t"] * 2, "context": ["The blue house."] * 2, "question": ["What?"] * 2}
LETTERS = {"label": list("ABCDE"), "text": ["one", "two", "three", "four", "five"]}
FILES: dict[str, dict[str, object]] = {
    "mnli/train": {**NLI, "idx": [0, 1, 2]},
    "qqp/train": {"question1": ["Why?"] * 2, "question2": ["How?"] * 2, "label": [0, 1], "idx": [0, 1]},
    "squad/train": {"id": ["1", "2"], **QUESTION, "answers": [ANSWER] * 2},
    "squad_v2/train": {"id": ["1", "2"], **QUESTION, "answers": NO_ANSWER},
    "hellaswag/train": {
        "ind": [1], "activity_label": ["a"], "ctx_a": ["A man"], "ctx_b": [""], "ctx": ["A man"],
        "endings": [["sits", "stands", "runs", "sleeps"]], "source_id": ["s"], "split": ["train"],
        "split_type": ["x"], "label": ["2"],
    },
    "cosmos_qa/train": {
        "id": ["c"], "context": ["It rained."], "question": ["Why?"], "answer0": ["a"],
        "answer1": ["b"], "answer2": ["c"], "answer3": ["d"], "label": [3],
    },
    "commonsense_qa/train": {
        "id": ["q"], "question": ["Where?"], "question_concept": ["x"], "choices": [LETTERS],
        "answerKey": ["E"],
    },
    "ccg/train": {
        "tokens": [["She", "runs"], ["He", "sleeps", "well"]],
        "tags": [["NP", "S\\NP"], ["NP", "S\\NP", "(S\\NP)\\(S\\NP)"]],
    },
    "anli/train_r1": ANLI, "anli/train_r2": ANLI, "anli/train_r3": ANLI,
    "snli/train": {**NLI, "label": [0, -1, 2]},
}  # fmt: skip
EXPECTED = {"anli_plus": 3 * 3 + 3 + 2, "ccg": 2, "commonsense_qa": 1, "cosmos_qa": 1, "hellaswag": 1,
            "mnli": 3, "qqp": 2, "squad_v1": 2, "squad_v2": 2}  # fmt: skip


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """Small data of our own in the hub's schemas."""
    root = tmp_path_factory.mktemp("hub")
    for name, columns in FILES.items():
        path = root / "intermediate" / f"{name}.parquet"
        path.parent.mkdir(parents=True, exist_ok=True)
        pq.write_table(pa.table(columns), path)
    return root


def test_the_paper_has_nine_of_them():
    assert sorted(EXPECTED) == sorted(NINE)
    assert set(NINE) <= set(tasks())


@pytest.mark.parametrize("name", sorted(NINE))
def test_it_loads_from_its_hub_schema_and_makes_training_features(name, folder):
    source = open_source(str(folder))
    row = tasks()[name]
    assert "en" in source.languages(row, "train")
    assert source.revision(row, "train", ("en",)).startswith("sha256:")
    examples = source.examples(row, "train", "en", None)
    assert len(examples) == EXPECTED[name]
    task = with_labels(row, examples)
    features = family(task.family).features(examples, task, tiny.tokenizer(), LENGTHS, train=True)
    assert {f.example for f in features} == set(range(len(examples)))
    assert all(f.target is not None for f in features)


@pytest.mark.parametrize("name", sorted(NINE))
def test_it_is_absent_without_data_and_says_so_by_being_in_no_language(name, tmp_path):
    assert open_source(str(tmp_path)).languages(tasks()[name], "train") == ()


def test_the_supertags_of_ccg_come_from_its_data(folder):
    row = tasks()["ccg"]
    examples = open_source(str(folder)).examples(row, "train", "en", None)
    assert with_labels(row, examples).labels == ("(S\\NP)\\(S\\NP)", "NP", "S\\NP")


@pytest.mark.shared
@pytest.mark.skipif(not SHARED.is_dir(), reason="needs the folder ../shared")
@pytest.mark.parametrize(
    ("name", "split", "count"),
    [("mnli", "train", 2344), ("commonsense_qa", "train", 9741), ("cosmos_qa", "validation", 2985),
     ("squad_v1", "validation", 2910), ("squad_v2", "validation", 6078)],
)  # fmt: skip
def test_the_real_pieces_load(name, split, count):
    row = tasks()[name]
    source = open_source(str(SHARED))
    assert len(source.examples(row, split, "en", None)) == count
    few = source.examples(row, split, "en", 20)
    features = family(row.family).features(few, row, tiny.tokenizer(), LENGTHS, train=True)
    assert {f.example for f in features} == set(range(20))


def shrunk(name: str, **changes):
    """A protocol with hardly any data, its conditions left as they are."""
    brief = ["examples=12", "epochs=1", "batch_size=6"]
    fields = [f"intermediate.{b}" for b in brief] + [
        "seeds=1",
        "evaluation.examples_per_language=4",
    ]
    fields += ["pretraining.sentences_per_language=12", "pretraining.recipe.epochs=1"]
    fields += ["masked_mixing.sentences_per_language=12", *[f"{k}={v}" for k, v in changes.items()]]
    fields += [f"base.architecture.{b}" for b in ("width=16", "feed_forward=32", "layers=1")]
    return load_protocol(name, changes=fields)


def trained_with_masked_text(protocol, source, target, store):
    """Run every task at once with masked modelling beside them, and return the intermediate run."""
    condition = Condition(intermediate=tuple(protocol.intermediate_tasks), mlm=True)
    builder = SpecBuilder(protocol, source)
    builder.evaluations(condition, target, protocol.evaluation.splits[target])
    runs = {}
    with Store.open(store) as opened:
        for phase in ("pretraining", "intermediate", "target", "evaluation"):
            for spec in (s for s in builder.specs.values() if s.phase == phase):
                runs[phase] = execute(spec, opened, source)
                assert runs[phase].status == "finished", runs[phase].error
    return runs


def test_all_tasks_and_masked_text_train_together_on_the_miniature(tmp_path):
    from replication.miniature.generate import write_miniature

    protocol = shrunk("miniature")
    source = open_source(str(write_miniature(tmp_path / "data")))
    runs = trained_with_masked_text(protocol, source, "mini_pairs", tmp_path / "store")
    steps = {k: v for k, v in runs["intermediate"].facts.items() if k.startswith("steps.")}
    assert set(steps) == {f"steps.{t}" for t in (*protocol.intermediate_tasks, "mlm")}
    assert steps["steps.mlm"] == round((sum(steps.values()) - steps["steps.mlm"]) / 3)
    assert {m.language for m in runs["evaluation"].measurements} == {"qaa", "qab", "qac", "qad"}


@pytest.mark.shared
@pytest.mark.slow
@pytest.mark.skipif(not SHARED.is_dir(), reason="needs the folder ../shared")
def test_all_tasks_and_masked_text_train_together_on_real_data(tmp_path):
    squad = "intermediate_recipes.squad_v1"
    protocol = shrunk("scratch", **{f"{squad}.examples": 6, f"{squad}.epochs": 1})
    runs = trained_with_masked_text(protocol, open_source(str(SHARED)), "tatoeba", tmp_path / "s")
    assert {"steps.mnli", "steps.squad_v1", "steps.commonsense_qa", "steps.mlm"} <= set(
        runs["intermediate"].facts
    )
    assert len({m.language for m in runs["evaluation"].measurements}) == 36
