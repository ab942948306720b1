"""The training benchmark: both sides do as many steps on the same data, and each way has its row."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from benchmarks import training_speed
from benchmarks.bench_targets import BUDGET, GROUPED, HF, OURS
from benchmarks.training_work import BATCH, KNOWN, PAD, WORKS, as_rows, features_of, theirs
from replication.vocabulary import rows_read

XNLI, _, TAGGING = WORKS
BRIEF = replace(TAGGING, mean=8, longest=20, steps=2, examples=64)


@pytest.fixture(autouse=True)
def _one_thread():
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def test_lengths_are_those_that_were_measured_on_real_data():
    for work, mean, padding in zip(WORKS, (40, 183, 25), (2.39, 1.83, 2.91), strict=True):
        lengths = np.array([f.length for f in features_of(work, 6_400, 8_192)])
        assert lengths.mean() == pytest.approx(mean, rel=0.05)
        longest = lengths.reshape(-1, BATCH).max(1).sum() * BATCH
        assert longest / lengths.sum() == pytest.approx(padding, rel=0.1)


def test_a_data_set_reads_some_rows_of_the_real_vocabulary():
    rows = rows_read(features_of(XNLI, 6_400, 250_002), 250_002, PAD)
    assert rows is not None
    assert 10_000 < len(rows) <= KNOWN + PAD + 1


@pytest.mark.slow
@pytest.mark.parametrize("sampling", ["random", "group_by_length"])
def test_the_trainers_steps_are_spread_evenly_over_its_own_epoch(tmp_path, sampling):
    pytest.importorskip("accelerate", reason="the peer is in the extra `bench`")
    rows = as_rows(TAGGING, features_of(TAGGING, 640, 8_192))
    made = training_speed._trainer(
        theirs(TAGGING, 8_192), rows, str(tmp_path), train_sampling_strategy=sampling
    )
    made.steps = 10
    masks = [batch["attention_mask"] for batch in made.get_train_dataloader()]
    assert [mask.shape[0] for mask in masks] == [BATCH] * 10
    batches = np.stack([mask.sum(1).numpy() for mask in masks])
    assert made.tokens == batches.sum()
    spread = (batches.max(1) - batches.min(1)).mean()
    if sampling == "random":
        assert spread > 40
    else:
        assert spread < 25
        # neither its longest batches alone nor its shortest
        assert batches.mean() == pytest.approx(np.mean([r["length"] for r in rows]), rel=0.1)


@pytest.mark.slow
def test_every_way_has_a_row_for_the_same_real_tokens(monkeypatch):
    pytest.importorskip("accelerate", reason="the peer is in the extra `bench`")
    rows = list(training_speed.measure(1, works=[BRIEF], data=128))
    trained, scored = rows[:4], rows[4:]
    assert [row["way"] for row in trained] == [HF, GROUPED, OURS, BUDGET]
    assert {row["work"] for row in trained} == {"training, tagging, 128 examples"}
    assert {row["work"] for row in scored} == {"scoring, tagging"}
    for row in rows:
        peer = trained[0] if row in trained else scored[0]
        assert row["peer"] == peer["way"]
        assert row["ratio"] == pytest.approx(peer["seconds"] / row["seconds"])
        assert row["ratio"] == pytest.approx(row["tokens_per_second"] / peer["tokens_per_second"])


@pytest.mark.slow
def test_as_many_steps_are_done_as_a_turn_has(monkeypatch):
    seen = []
    really = training_speed.train

    def noted(*given, **more):
        seen.append(really(*given, **more))
        return seen[-1]

    monkeypatch.setattr(training_speed, "train", noted)
    features = features_of(BRIEF, 256, 8_192)
    a_batch = BATCH * sum(f.tokens for f in features) / len(features)
    for budget, least in ((False, 0.8), (True, 0.5)):  # the last batch of an epoch is cut short
        assert training_speed.train_own(BRIEF, features, 8_192, 1, budget=budget) > 0
        assert seen[-1].steps == 2
        assert least * 2 * a_batch < seen[-1].tokens < 1.2 * 2 * a_batch
