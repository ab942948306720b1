"""The benchmarks compare like with like: in short form, every contestant finds the same answer."""

from __future__ import annotations

import re

import numpy as np
import pytest

from benchmarks import resampling
from verifier.resampling import Block, observed

DRAWS = 400


def spread(draw, blocks, seed):
    found = draw(blocks, DRAWS, np.random.default_rng(seed))
    assert found.shape == (DRAWS,)
    return found.std(ddof=1), found.mean()


def agree(ways, blocks):
    (first, middle), *others = (spread(way, blocks, at) for at, way in enumerate(ways))
    for other, mean in others:
        # The standard error of an sd of normal draws; of a difference of two; four times that.
        assert other == pytest.approx(first, abs=4 * first / np.sqrt(DRAWS))
        assert mean == pytest.approx(middle, abs=4 * first * np.sqrt(2 / DRAWS))


def test_ours_and_the_loops_find_one_standard_error_over_nine_tasks():
    blocks = resampling.nine_tasks(np.random.default_rng(3), scale=0.01)
    assert len({block.task for block in blocks}) == 9
    assert sum(len(block.languages) for block in blocks if block.task == "panx") == 40
    agree([resampling.ours, resampling.loop, resampling.counting_loop], blocks)


def test_ours_scipy_and_the_loop_find_one_standard_error_of_flat_pairs():
    blocks = resampling.flat(np.random.default_rng(3), scale=0.005)
    agree([resampling.ours, resampling.by_scipy, resampling.loop], blocks)


def test_the_contrast_is_the_mean_over_tasks_of_the_mean_over_languages():
    def block(task, gains):
        right = np.zeros((2, len(gains), 6))
        right[:, :, :3] = np.reshape(gains, (1, -1, 1))
        return Block(task, tuple(map(str, gains)), right, np.ones((2, len(gains), 1)))

    blocks = [block("a", [0.1, 0.3]), block("b", [0.5]), block("b", [0.7])]
    found = resampling.ours(blocks, 3, np.random.default_rng(0))
    assert found == pytest.approx(100 * (0.2 + 0.6) / 2)
    assert resampling.loop(blocks, 1, np.random.default_rng(0)) == pytest.approx(40)


def test_the_full_size_is_that_of_the_validation_sets():
    blocks = resampling.nine_tasks(np.random.default_rng(0))
    assert 380_000 < resampling.examples(blocks) < 420_000
    assert {block.numerators.shape[2] for block in blocks} == {6}
    assert all(0 < score < 100 for block in blocks for score in np.ravel(observed(block)))


def test_the_benchmark_prints_a_row_for_every_way(capsys):
    few = ["--draws", "40", "--loop-draws", "4", "--rounds", "1", "--scale", "0.005"]
    assert resampling.main(few) == 0
    said = capsys.readouterr().out
    assert re.search(
        r"^Python 3\.\d+\.\d+\S*, numpy \S+, scipy \S+, \d+ cores$", said, re.MULTILINE
    )
    rows = re.findall(r"^\| ([^|]+) \| ([0-9,]+) \|.* ± [0-9.]+ \|$", said, re.MULTILINE)
    assert rows == [
        ("ours", "40"), ("numpy loop, rows picked", "4"), ("numpy loop, counts times rows", "4"),
        ("ours", "40"), ("scipy.stats.bootstrap, paired", "40"),
    ]  # fmt: skip
