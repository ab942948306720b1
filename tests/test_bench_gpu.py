"""`make bench-gpu` at small size on a CPU: the same work on both sides, and no number made up."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch

from benchmarks import bench_gpu, bench_parts, gpu_training
from benchmarks.bench_targets import EXACT, GPU, GROUPED, HF, HF_BEST, LARGE, LENGTHS, MATRIX
from benchmarks.gpu_derived import best, hours, matrix
from benchmarks.gpu_training import _together
from benchmarks.gpu_work import (
    LARGE as LARGE_SIZE,
)
from benchmarks.gpu_work import (
    SMALL,
    WORKS,
    Timed,
    config_of,
    examples_of,
    features_of,
    operations_a_token,
    padded,
)
from benchmarks.paper_matrix import MATRIX_HOURS, matrix_hours


def rng():
    return np.random.default_rng(0)


@pytest.mark.parametrize(
    ("name", "mean", "padding"), [("XNLI", 40, 2.39), ("SQuAD", 183, 1.83), ("tagging", 25, 2.91)]
)
def test_lengths_have_the_mean_and_the_padding_that_were_measured(name, mean, padding):
    lengths = np.array([f.length for f in features_of(WORKS[name], LARGE_SIZE, rng())])
    assert lengths.mean() == pytest.approx(mean, rel=0.05)
    batches = lengths.reshape(-1, LARGE_SIZE.batch)
    processed = (batches.max(1) * LARGE_SIZE.batch).sum() / lengths.sum()
    assert processed == pytest.approx(padding, rel=0.1)


@pytest.mark.parametrize("name", sorted(WORKS))
def test_both_sides_are_given_the_same_tokens_and_labels(name):
    features = features_of(WORKS[name], SMALL, rng())
    examples = examples_of(WORKS[name], features)
    batch = padded(examples)
    assert int(batch["attention_mask"].sum()) == sum(f.length for f in features)
    for at, feature in enumerate(features):
        (ids,) = feature.sequences
        assert batch["input_ids"][at, : len(ids)].tolist() == ids
        assert (ids[0], ids[-1]) == (0, 2)
        assert min(ids[1:-1]) > 2
    if name == "tagging":
        kept = batch["labels"][batch["labels"] >= 0].tolist()
        assert kept == [t for f in features for t in f.target]
        assert int((batch["labels"] >= 0).sum()) == sum(f.weight for f in features)


def test_the_large_encoder_is_xlm_r_large_by_its_number_of_weights():
    from transformers import AutoModel

    with torch.device("meta"):
        model = AutoModel.from_config(config_of(LARGE_SIZE))
    weights = sum(p.numel() for p in model.parameters())
    assert weights == 559_890_432  # facebookAI/xlm-roberta-large, pooler included


def test_operations_a_token_are_those_of_the_layers_weights_and_of_attention():
    features = features_of(WORKS["XNLI"], LARGE_SIZE, rng())
    lengths = np.array([f.length for f in features])
    found = operations_a_token(features, LARGE_SIZE)
    assert found == pytest.approx(6 * 302e6, rel=0.03)
    assert found > 6 * 24 * 12 * 1024**2
    # longer sequences of the same number cost more, by their attention alone
    longer = operations_a_token(features_of(WORKS["SQuAD"], LARGE_SIZE, rng()), LARGE_SIZE)
    assert 0 < longer - found < 12 * 24 * 1024 * (384 - lengths.min())


def test_runs_at_once_are_timed_from_the_first_begin_to_the_last_end():
    runs = [
        Timed(2, 1, 100, None, 0, begin=10, end=12),
        Timed(3, 1, 200, None, 0, begin=11, end=14),
    ]
    assert _together(runs) == pytest.approx(300 / 4)


def rows_of(part):
    """Call a part's function here, at small size."""
    (found,) = [p for p in bench_gpu.parts(small=True) if p.name == part]
    function = getattr(gpu_training, found.call.partition(":")[2])
    return [bench_parts._tidy(row) for row in function(1, **found.arguments)]


@pytest.mark.slow
def test_the_command_at_small_size_meets_no_target_and_leaves_the_page(tmp_path, capsys):
    out, page = tmp_path / "small.json", bench_gpu.ROOT / "docs" / "performance.md"
    before = page.read_text()
    given = ["--small", "--turns", "1", "--only", "^peak$", "--out", str(out)]
    assert bench_gpu.main(given) == 0
    said = capsys.readouterr()
    assert "says nothing about speed" in said.err
    assert "CPU, one thread" in said.out
    assert "at least" not in said.out
    assert all(target.work not in said.out for target in GPU)
    assert page.read_text() == before
    (row,) = json.loads(out.read_text())["parts"]["peak"]["rows"]
    assert row["peak_operations"] > 0


@pytest.mark.slow
@pytest.mark.parametrize("lengths", LENGTHS)
def test_ours_and_the_trainer_train_on_the_same_work(lengths):
    pytest.importorskip("accelerate", reason="the peer is in the extra `bench`")
    rows = {row["peer"]: row for row in rows_of(lengths)}
    for peer in (HF, GROUPED):
        row = rows[peer]
        assert "reason" not in row
        assert row["way"] == EXACT
        assert "small on a CPU" in row["work"]
        assert row["ratio"] == pytest.approx(
            row["tokens_per_second"] / row["peer_tokens_per_second"]
        )
    flash = rows["HF Trainer, flash attention"]
    assert flash.get("reason") == "not installed: flash-attn" or flash["ratio"] > 0


@pytest.mark.slow
def test_packed_batches_are_a_share_of_the_measured_peak():
    rows = rows_of("packed")
    assert len(rows) == 2
    for row in rows:
        assert row["work"].endswith("small")
        assert 0 < row["share_of_peak"] < 1


@pytest.mark.slow
def test_runs_at_once_are_processes_of_their_own():
    alone, two = rows_of("several")
    assert (alone["way"], two["way"]) == ("ours, 1 at once", "ours, 2 at once")
    assert (alone["turns"], two["turns"]) == (1, 2)
    assert alone["ratio"] == 1
    assert two["tokens_per_second"] == pytest.approx(two["ratio"] * alone["tokens_per_second"])


@pytest.mark.skipif(torch.cuda.is_available(), reason="is about machines without a GPU")
def test_without_a_gpu_nothing_is_measured_and_nothing_is_overwritten(tmp_path, capsys):
    out = tmp_path / "bench-gpu.json"
    out.write_text("{}")
    with pytest.raises(SystemExit) as ended:
        bench_gpu.main(["--out", str(out)])
    assert ended.value.code == 2
    assert "found no GPU" in capsys.readouterr().err
    assert out.read_text() == "{}"


def documented(**parts):
    return {"parts": {name: {"rows": rows, "reason": None} for name, rows in parts.items()}}


def row(lengths, peer, mine, theirs, *, compiled=False, reason=None):
    found = {
        "work": LARGE.format(lengths), "way": EXACT, "peer": peer, "seconds": 0.01,
        "compiled": compiled, "tokens_per_second": mine, "peer_tokens_per_second": theirs,
        "ratio": mine / theirs if theirs else None, "note": f"peer {theirs}",
    }  # fmt: skip
    return found | ({"reason": reason} if reason else {})


def test_the_best_configuration_is_the_one_with_the_most_tokens():
    compiled = [row("XNLI", "a compiled one", 100, 60, compiled=True)]
    rows = [row("XNLI", HF, 100, 25), row("XNLI", GROUPED, 100, 50)]
    xnli, squad, _ = best(documented(XNLI=rows, **{"XNLI compiled": compiled}))
    assert xnli["peer"] == HF_BEST
    assert xnli["ratio"] == pytest.approx(100 / 60)
    assert xnli["note"].startswith("a compiled one")
    assert squad["ratio"] is None
    assert "not asked for" in squad["reason"]


def test_the_best_configuration_is_unknown_while_none_was_compiled():
    failed = [row("XNLI", "c", 100, None, compiled=True, reason="RuntimeError: no compiler")]
    xnli, *_ = best(documented(XNLI=[row("XNLI", HF, 100, 25)], **{"XNLI compiled": failed}))
    assert xnli["ratio"] is None
    assert "RuntimeError: no compiler" in xnli["reason"]


def test_hours_of_the_matrix_are_those_of_the_planning_model_where_all_lengths_are_as_fast():
    speeds = dict.fromkeys(LENGTHS, 50_000.0)
    assert hours(speeds, share=False) / hours(speeds, share=True) == pytest.approx(
        matrix_hours(share=False) / MATRIX_HOURS
    )
    twice = {lengths: 2 * speed for lengths, speed in speeds.items()}
    assert hours(twice, share=True) == pytest.approx(hours(speeds, share=True) / 2)


def test_the_matrix_needs_all_three_lengths():
    rows = {name: [row(name, HF, 100, 25)] for name in LENGTHS}
    (found,) = matrix(documented(**rows))
    assert found["work"] == MATRIX
    assert found["ratio"] == pytest.approx(4 * matrix_hours(share=False) / MATRIX_HOURS)
    (lacking,) = matrix(documented(XNLI=rows["XNLI"]))
    assert lacking["reason"] == "not all three lengths were measured"
