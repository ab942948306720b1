"""The speed benchmarks compare ways that agree, and tell a row for each of them."""

from __future__ import annotations

import functools

import pytest

from benchmarks import resampling, scoring_speed, turns


def told(rows):
    assert all(row["seconds"] > 0 and row["ratio"] > 0 for row in rows)
    assert all(row["ratio"] == 1 for row in rows if row["way"] == row["peer"])
    assert all(row["peer"] in {r["way"] for r in rows if r["work"] == row["work"]} for row in rows)
    return [(row["work"], row["way"]) for row in rows]


def test_scoring_agrees_with_the_official_ways_to_the_digit():
    rows = told(scoring_speed.measure(1, scale=0.01))
    assert [way for _, way in rows].count("ours") == 4


def test_a_way_that_scores_otherwise_is_found_out(monkeypatch):
    monkeypatch.setattr(scoring_speed, "_squad_normal", str.lower)
    with pytest.raises(AssertionError, match=r"answers, SQuAD 1\.1"):
        scoring_speed.measure(1, scale=0.01)


def test_resampling_has_a_row_for_every_way():
    rows = told(resampling.measure(1, scale=0.002))
    assert len({work for work, _ in rows}) == 2
    assert len(rows) == 5


def test_mining_finds_the_neighbours_of_faiss():
    pytest.importorskip("faiss")
    from benchmarks import mining_speed

    told(mining_speed.measure(1, sentences=300, width=16))


def test_seconds_are_scaled_to_the_whole_work():
    nap = functools.partial(turns.time.sleep, 0.02)
    ways = {"all": turns.timed(nap, least=0), "part": turns.timed(nap, least=0, share=0.1)}
    rows = turns.in_turns("a nap", ways, peer="all", turns=1)
    seconds = {row["way"]: row["seconds"] for row in rows}
    assert seconds["part"] > 5 * seconds["all"] * 0.9
    assert seconds["all"] < 0.1
