"""Runs come into a store whole and once, and deny nothing that is there."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from imported_world import (
    both,
    decided,
    reading,
    score,
    stored,
)

from replication.errors import ImportedScoresError
from replication.imports.entering import enter, runs_of
from replication.imports.score import Reading
from replication.origin import Raw, SourceFile
from replication.run import Run
from replication.store import Store


def test_without_chance_a_seed_is_not_a_replicate(tmp_path):
    fixed = [score("plain", "none", 80.0), score("augmented", "none", 84.0)]
    with Store.open(stored(tmp_path / "runs", reading(*fixed)), write=False) as store:
        assert {run.spec.seed for run in store.runs()} == {None}


@given(order=st.permutations(range(8)))
def test_the_order_of_rows_is_no_identity(order):
    scores = both()
    first = runs_of(reading(*scores), "tidy", "ours", started="2026-01-01")
    again = runs_of(reading(*(scores[i] for i in order)), "tidy", "ours", started="2026-01-01")
    assert first == again


def test_the_same_files_again_change_nothing(tmp_path):
    path = stored(tmp_path / "runs", reading(*both()))
    before = (path / "journal.jsonl").read_bytes()
    with Store.open(path) as store:
        entered = enter(reading(*both()), store, format_="tidy", protocol="ours")
    assert (entered.runs, len(entered.there)) == ((), 8)
    assert (path / "journal.jsonl").read_bytes() == before


def test_other_scores_of_the_same_cells_are_refused_whole(tmp_path):
    path = stored(tmp_path / "runs", reading(*both()))
    before = (path / "journal.jsonl").read_bytes()
    more = reading(score("plain", 0, 12.0), score("new", 0, 13.0), files="b")
    with Store.open(path) as store, pytest.raises(ImportedScoresError, match="already") as raised:
        enter(more, store, format_="tidy", protocol="ours")
    assert len(raised.value.faults) == 1
    assert (path / "journal.jsonl").read_bytes() == before


def test_one_cell_twice_names_both_places():
    twice = reading(score("plain", 0, 80.0), score("plain", 0, 81.0))
    with pytest.raises(ImportedScoresError, match=r"plain 0.*again"):
        runs_of(twice, "tidy", None)


def test_a_seed_beside_none_is_refused():
    mixed = reading(score("plain", 0), score("plain", "none", metric="f1"))
    with pytest.raises(ImportedScoresError, match="beside"):
        runs_of(mixed, "tidy", None)


def test_an_import_that_was_killed_shows_nothing_until_it_is_made_again(tmp_path, monkeypatch):
    path = tmp_path / "runs"
    finish = Store.finish
    done = []

    def dies_at_the_third(self, run, folder):
        if len(done) == 2:
            raise KeyboardInterrupt
        done.append(run)
        return finish(self, run, folder)

    with monkeypatch.context() as patched:
        patched.setattr(Store, "finish", dies_at_the_third)
        with pytest.raises(KeyboardInterrupt):
            stored(path, reading(*both()))
    with Store.open(path, write=False) as store:
        assert store.latest_plan() is None
    stored(path, reading(*both()))
    assert decided(path)["real-gain"].verdict == "reproduced"


def test_runs_made_here_and_imported_ones_never_share_a_store(tmp_path):
    made = runs_of(reading(*both()), "tidy", "ours")[0]
    spec = made.spec.model_copy(update={"origin": None})
    own = made.model_copy(update={"spec": spec, "spec_digest": spec.digest()})
    path = stored(tmp_path / "imported", reading(*both()))
    with Store.open(path, write=False) as store:
        plan = store.latest_plan()
    with Store.open(tmp_path / "own") as store:
        store.finish(own, store.begin(own.spec))
        store.add_plan(plan.model_copy(update={"specs": (spec,)}))
        with pytest.raises(ImportedScoresError, match="made here"):
            enter(reading(*both()), store, format_="tidy", protocol="ours")


def test_raw_values_and_checksums_are_kept(tmp_path):
    path = stored(tmp_path / "runs", reading(*both()))
    with Store.open(path, write=False) as store:
        runs = store.runs()
    for run in runs:
        assert [source.sha256 for source in run.spec.origin.sources] == ["a" * 64]
        assert all(m.raw is not None and m.raw.value == m.score for m in run.measurements)


def test_runs_of_before_origins_keep_their_digests():
    made = runs_of(reading(*both()), "tidy", "ours")[0]
    spec = made.spec.model_copy(update={"origin": None})
    assert "origin" not in spec.model_dump()
    assert "origin" in made.spec.model_dump()
    again = Run.model_validate_json(made.canonical())
    assert again.spec.digest() == made.spec_digest


def test_a_folder_with_one_more_run_in_it_adds_that_run_alone(tmp_path):
    def folder(seeds):
        scores, files = [], []
        for seed in seeds:
            place = {"path": f"seed-{seed}/all_results.json", "at": "eval_accuracy"}
            raw = Raw(value=80.0 + seed, scale="points", **place)
            scores.append(score("plain", seed, 80.0 + seed, raw=raw))
            files += [
                SourceFile(path=path, sha256=str(seed) * 64)
                for path in (place["path"], f"seed-{seed}/checkpoint-5/trainer_state.json")
            ]
        return Reading("theirs", tuple(files), tuple(scores))

    with Store.open(tmp_path / "runs") as store:
        enter(folder(range(2)), store, format_="hf-trainer", protocol="ours")
        entered = enter(folder(range(3)), store, format_="hf-trainer", protocol="ours")
    assert [run.spec.seed for run in entered.runs] == [2]
    assert len(entered.there) == 2
    assert {len(run.spec.origin.sources) for run in (*entered.runs, *entered.there)} == {2}
