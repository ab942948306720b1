"""Ctrl-C, SIGTERM and kill -9 on real processes: nothing is lost, and the same bytes come out."""

from __future__ import annotations

import os
import signal
import time

import engine_process as other
import pytest
from safetensors import safe_open

from replication.data import FolderSource
from replication.miniature.generate import write_miniature
from replication.resume import STATE
from replication.store import Store

ENGINES = ("inline", "local")


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return write_miniature(tmp_path_factory.mktemp("data"))


@pytest.fixture(scope="module")
def whole(data, tmp_path_factory):
    """What an undisturbed run measures."""
    store = tmp_path_factory.mktemp("whole") / "store"
    tally, told = other.Process("inline", store, data).rest()
    assert tally[:3] == ["tally", 3, 0], told
    return results(store)


def results(path):
    """Everything that a disturbance must not change: measurements and the bytes behind them."""
    with Store.open(path, write=False) as store:
        return {r.spec_digest: (r.measurements, r.artifacts) for r in store.runs()}


def kept(path, data):
    """Return at which step the state of pretraining was kept."""
    digest = other.plan(FolderSource(data, "miniature")).specs[0].digest()
    with safe_open(path / "resume" / digest / STATE, framework="pt") as file:
        return int(file.metadata()["step"])


def gone(pids, seconds=30.0):
    limit = time.monotonic() + seconds
    while any(other.alive(p) for p in pids) and time.monotonic() < limit:
        time.sleep(0.01)
    return not any(other.alive(p) for p in pids)


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("name", ENGINES)
def test_a_first_signal_saves_the_step_and_the_next_command_goes_on(
    name, how, data, whole, tmp_path
):
    first = other.Process(name, tmp_path / "s", data)
    _, _, steps = first.until("step")
    first.process.send_signal(how)
    tally, told = first.rest()
    assert (first.process.returncode, told) == (0, "")
    assert tally == ["tally", 0, 3, True, [], {}]
    step = kept(tmp_path / "s", data)
    assert 0 < step < steps
    again = other.Process(name, tmp_path / "s", data)
    _, heard, _ = again.until("step")
    assert heard > step
    assert again.rest()[0][:4] == ["tally", 3, 0, False]
    assert results(tmp_path / "s") == whole


@pytest.mark.parametrize("name", ENGINES)
def test_a_second_signal_ends_everything_at_once(name, data, whole, tmp_path):
    first = other.Process(name, tmp_path / "s", data, pause=60)
    first.until("step")
    workers = first.children()
    first.process.send_signal(signal.SIGINT)
    time.sleep(0.5)
    assert first.process.poll() is None  # the step is still under way
    first.process.send_signal(signal.SIGINT)
    _, told = first.rest()
    assert "KeyboardInterrupt" in told
    assert gone(workers)
    assert other.Process(name, tmp_path / "s", data).rest()[0][:3] == ["tally", 3, 0]
    assert results(tmp_path / "s") == whole


def test_a_killed_parent_takes_its_workers_along(data, whole, tmp_path):
    first = other.Process("local", tmp_path / "s", data)
    first.until("step")
    workers = first.children()
    assert workers
    assert all(other.alive(p) for p in workers)
    first.process.kill()
    first.rest()
    assert gone(workers)
    assert other.Process("local", tmp_path / "s", data).rest()[0][:3] == ["tally", 3, 0]
    assert results(tmp_path / "s") == whole


def test_a_killed_worker_costs_its_run_another_attempt(data, whole, tmp_path):
    engine = other.Process("local", tmp_path / "s", data)
    engine.until("step")
    (worker,) = engine.children()
    os.kill(worker, signal.SIGKILL)
    tally, _ = engine.rest()
    assert tally[:4] == ["tally", 3, 0, False]
    (why,) = tally[4]
    assert why.startswith("run ")
    assert "it was killed by SIGKILL" in why
    assert results(tmp_path / "s") == whole


def test_a_worker_that_is_told_to_end_hands_its_state_to_the_next(data, whole, tmp_path):
    """As Slurm and Ray do before they take a machine away."""
    engine = other.Process("local", tmp_path / "s", data)
    _, before, _ = engine.until("step")
    os.kill(engine.children()[0], signal.SIGTERM)
    assert engine.until("begin")[1].startswith("pretraining")
    _, after, _ = engine.until("step")
    assert after > before
    tally, _ = engine.rest()
    assert tally[:4] == ["tally", 3, 0, False]
    assert len(tally[4]) == 1
    assert results(tmp_path / "s") == whole
