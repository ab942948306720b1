"""Every family's item outcomes are read back from a store and give the scores that were measured."""

from __future__ import annotations

import numpy as np
import pytest
import tiny_models as tiny
import tiny_runs
import torch
from test_items import run_of

from replication.batching import collate
from replication.data import FolderSource
from replication.evaluation import _write_items
from replication.items import read_items
from replication.miniature.generate import write_miniature
from replication.protocol import Retrieval
from replication.store import Store
from replication.tasks.family import family
from replication.worker import execute_stored as execute

COLUMNS = {
    "classification": {"accuracy"},
    "multiple_choice": {"accuracy"},
    "retrieval": {"accuracy"},
    "span_qa": {"f1", "exact_match"},
    "tagging": {"matched", "predicted", "gold"},
    "mined": {"matched", "predicted", "gold"},
}
TARGETS = ("mini_topic", "mini_tags", "mini_qa", "mini_pairs")


def predicted(name, task, examples):
    kind = family(name)
    features = kind.features(examples, task, tiny.tokenizer(), tiny.LENGTHS, train=False)
    model = tiny.model(*([] if name == "retrieval" else [name]))
    batch = collate(features, 1, tiny.CPU)
    with torch.inference_mode():
        head = dict(model.heads.items()).get(f"tiny_{name}")
        raw = kind.predict(model.hidden(batch), head, batch)
    return kind.score(examples, features, raw, task, retrieval=Retrieval(layer=2, max_length=64))


@pytest.mark.parametrize("case", sorted(COLUMNS))
def test_what_a_family_scores_is_read_back_from_a_store_and_gives_its_scores(tmp_path, case):
    name = "retrieval" if case == "mined" else case
    task = tiny.task(name)
    if case == "mined":
        task = task.model_copy(update={"metrics": ("f1",)})
    examples = {
        code: [
            {**e, "language": code, "id": f"{code}-{i}"}
            for i, e in enumerate(tiny.examples(name, n, tiny.generator(n)))
        ]
        for code, n in (("qab", 9), ("en", 6))
    }
    scored = {code: predicted(name, task, part) for code, part in examples.items()}
    run = run_of(
        {
            (code, metric): (score, len(examples[code]))
            for code, part in scored.items()
            for metric, score in part.scores.items()
        }
    )
    with Store.open(tmp_path / "store") as store:
        folder = store.begin(run.spec)
        _write_items(folder, examples, scored)
        stored = store.finish(run, folder)
        found = read_items(store.folder(stored.spec_digest), stored)
    assert list(found.languages) == ["en", "qab"]
    assert (found.task, found.split) == ("xnli", "test")
    for code, items in found.languages.items():
        assert items.ids.to_pylist() == [e["id"] for e in examples[code]]
        assert set(items.outcomes) == COLUMNS[case]
        assert (items.passages is not None) == (case == "span_qa")
        for metric, score in scored[code].scores.items():
            assert items.score(metric) == pytest.approx(score, abs=1e-9)
        for column, values in items.outcomes.items():
            assert values.dtype == np.float64
            assert values.tolist() == scored[code].items[column].to_pylist()


def test_items_of_real_runs_are_read_back_for_every_target_of_the_miniature(tmp_path):
    source = FolderSource(write_miniature(tmp_path / "data"), "miniature")
    _, specs = tiny_runs.specs(source, *((tiny_runs.NONE, t) for t in TARGETS))
    seen = {}
    with Store.open(tmp_path / "store") as store:
        for one in specs:
            run = execute(one, store, source)
            if one.phase == "evaluation":
                seen[one.tasks[0]] = run, read_items(store.folder(run.spec_digest), run)
    assert set(seen) == set(TARGETS)
    for task, (run, items) in seen.items():
        assert items.task == task
        assert set(items.languages) == set(run.spec.data[0].languages)
        for m in run.measurements:
            assert items.languages[m.language].n == m.n == tiny_runs.PER_LANGUAGE
            assert items.languages[m.language].score(m.metric) == pytest.approx(m.score, abs=1e-9)
    questions = seen["mini_qa"][1].languages["qaa"]
    assert all(len(p) == 16 for p in questions.passages.to_pylist())
