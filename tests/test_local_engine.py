"""The engine `local`: how many processes, what they may read, and the same bytes as in one process."""

from __future__ import annotations

import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import tiny_runs
from test_scheduling import spec

from replication.data import FolderSource, HubSource
from replication.engines.device import Room
from replication.engines.engine import engine
from replication.engines.local import WORKERS, Crew, Local, crew_for
from replication.engines.local_worker import TERMINATED
from replication.engines.sharing import Rules
from replication.engines.stopping import ECHO_S
from replication.engines.worker_process import WorkerProcess
from replication.errors import DataError, ReplicationError
from replication.miniature.generate import write_miniature
from replication.orders import Order, describe, open_noted
from replication.store import Store

ROOT = Path(__file__).resolve().parents[1]

EPOCHS = 240
"""Of pretraining where devices are shared: seconds, so that its throughput is measured."""

WANTED = tuple((tiny_runs.NONE, t) for t in ("mini_topic", "mini_tags", "mini_pairs"))


def crew(threads=1, cores=8, devices=(), all_threads=8, **environ):
    return crew_for(threads, all_threads, cores=cores, devices=devices, environ=environ)


def test_tiny_encoders_take_a_core_each_and_large_ones_the_machine():
    assert crew(threads=1) == Crew(8, 1)
    assert crew(threads=8) == Crew(1, 8)
    assert crew(threads=8, cores=2, all_threads=8) == Crew(1, 2)


def test_runs_on_devices_share_the_threads_and_are_no_more_than_cores():
    two = crew(threads=8, devices=("2", "GPU-a"))
    assert two == Crew(8, 8, ("2", "GPU-a"))
    assert [two.threads_beside(n) for n in range(8)] == [4, 4, 2, 2, 1, 1, 1, 1]
    ten = crew(threads=1, devices=tuple("0123456789"), all_threads=8)
    assert (ten.workers, ten.threads_beside(9)) == (10, 1)  # no device is left without a run
    assert crew(threads=2).threads_beside(3) == 2


def test_the_number_of_processes_can_be_asked_for():
    assert crew(threads=1, **{WORKERS: "3"}) == Crew(3, 1)
    assert crew(threads=8, **{WORKERS: "4"}) == Crew(4, 2)  # divided, as the docstring says
    assert crew(threads=1, cores=2, **{WORKERS: "5"}) == Crew(5, 1)
    assert crew(devices=("0", "1", "2"), **{WORKERS: "2"}).devices == ("0", "1")
    assert crew(devices=("0",), **{WORKERS: "3"}).workers == 3


@pytest.mark.parametrize("asked", ["0", "-1", "two", "1.5", "99999", "9" * 5000, "²"])
def test_an_impossible_number_of_processes_is_refused(asked):
    with pytest.raises(ReplicationError, match=r"CORROBORATE_WORKERS: found .* from 1 to 1024"):
        crew(**{WORKERS: asked})


class Counting:
    """Hears how many runs were under way at once."""

    def __init__(self):
        self.now = self.most = 0

    def begin(self, spec):
        self.now += 1
        self.most = max(self.most, self.now)

    def end(self, spec, seconds):
        self.now -= 1

    def skip(self, spec):
        pass


def measured(name, plan, path, source):
    heard = Counting()
    with Store.open(path) as store:
        named = engine(name) if isinstance(name, str) else name
        tally = named.run(plan, store, source, progress=heard, budget_s=None)
        assert tally.finished == len(plan.specs), tally.lines()
        return heard.most, {
            r.spec_digest: (r.measurements, r.artifacts, r.environment.threads)
            for r in store.runs()
        }


def test_processes_side_by_side_make_the_bytes_of_one(tmp_path, monkeypatch):
    """In folders whose names a careless program would take apart."""
    monkeypatch.setenv(WORKERS, "2")
    odd = tmp_path / 'it\'s a "folder" $HOME; é\n{x} %s'
    source = FolderSource(write_miniature(odd / "data"), "miniature")
    plan = tiny_runs.plan(source, *WANTED)
    alone, expected = measured("inline", plan, tmp_path / "inline", source)
    most, found = measured("local", plan, odd / "store", source)
    assert (alone, most) == (1, 2)
    assert found == expected


def shared_plan(source, epochs):
    """Several seeds of training that are ready at once, each of some seconds."""
    pretraining = tiny_runs.protocol().model_dump(mode="json", by_alias=True)["pretraining"]
    pretraining["recipe"]["epochs"] = epochs
    plan = tiny_runs.plan(source, *WANTED[:1], pretraining=pretraining)
    first = plan.specs[0]
    seeds = tuple(first.model_copy(update={"seed": 100 + n}) for n in range(2))
    return plan.model_copy(update={"specs": seeds})


@pytest.mark.slow
def test_processes_that_share_a_device_make_the_bytes_of_one(tmp_path, monkeypatch):
    """There is no such device: the CPU computes, and its memory is what we say."""
    monkeypatch.setattr("replication.worker.ALL_THREADS", 1)
    source = FolderSource(write_miniature(tmp_path / "data"), "miniature")
    plan = shared_plan(source, EPOCHS)
    alone, expected = measured("inline", plan, tmp_path / "inline", source)
    monkeypatch.setenv(WORKERS, "2")
    rules = Rules(window_s=0.1, settle_s=0.0, tellings=2, gain=0.01)
    sharing = Local(("a",), Room(100 * 2**30, 139 * 2**30), rules)
    most, found = measured(sharing, plan, tmp_path / "local", source)
    assert alone == 1
    assert most == 2
    assert found == expected


def test_a_relative_store_and_relative_data_are_found_by_the_processes(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_miniature(tmp_path / "data")
    source = FolderSource(Path("data"), "miniature")
    plan = tiny_runs.plan(source, *WANTED[:1])
    _, found = measured("local", plan, Path("store"), source)
    assert len(found) == 3


def test_a_source_that_only_this_process_can_read_is_refused(tmp_path):
    class Own(FolderSource):
        """Reads in a way of its own."""

    source = Own(write_miniature(tmp_path / "data"), "miniature")
    plan = tiny_runs.plan(source, *WANTED[:1])
    with (
        Store.open(tmp_path / "s") as store,
        pytest.raises(ReplicationError, match="found a Own ; expected a folder or the hub"),
    ):
        engine("local").run(plan, store, source, progress=Counting(), budget_s=None)


def test_another_process_opens_the_same_data_or_none(tmp_path):
    source = FolderSource(write_miniature(tmp_path / "data"), "miniature")
    _, (pretraining, target, _) = tiny_runs.specs(source, *WANTED[:1])
    note = type(describe(source)).model_validate_json(describe(source).model_dump_json())
    opened = open_noted(note, pretraining)
    assert opened.name == "miniature"
    use = target.data[0]
    assert open_noted(note, target).languages is not None
    other = target.model_copy(
        update={"data": (use.model_copy(update={"revision": "sha256:" + "0" * 64}),)}
    )
    with pytest.raises(DataError, match=r"found revision sha256:.* which was planned"):
        open_noted(note, other)
    shutil.rmtree(tmp_path / "data")
    with pytest.raises(DataError):
        open_noted(note, target)


def test_the_hub_is_opened_at_the_commits_of_the_plan():
    note = describe(HubSource({"a/b": "0" * 40}))
    assert (note.kind, note.commits) == ("hub", {"a/b": "0" * 40})
    opened = open_noted(note, spec(0, None))
    assert isinstance(opened, HubSource)
    assert opened.commits == {"a/b": "0" * 40}


def test_a_worker_that_breaks_says_how_it_ended_and_what_it_said_last(tmp_path):
    """Here it is told something that is no order."""
    worker = WorkerProcess(None)
    try:
        order = Order(spec=spec(0, None), folder=str(tmp_path))
        broken = order.model_copy(update={"threads": -1})
        worker.begin(broken)
        worker._process.wait(60)
        assert worker.listen() is None
    finally:
        how = worker.end(at_once=True)
    assert how.startswith("it ended with exit code 1, and had said:")
    assert "threads" in how


IN_A_STEP = """
import os, time
from replication.engines import local_worker

def execute(order, stop, said):
    local_worker._say(said, begun=True)
    while not stop.asked():
        time.sleep(0.01)
    time.sleep(2)  # the step under way
    local_worker._say(said, saved=True)

local_worker.Order.model_validate = staticmethod(lambda order: order)
local_worker._execute = execute
local_worker.main(os.getppid())
"""


@pytest.mark.parametrize(
    ("first", "pause", "saved"),
    [
        ("signal", ECHO_S / 6, True),  # as from `timeout`, which signals a process and its group
        ("message", ECHO_S / 6, True),  # the parent has passed on what the whole group was sent
        ("signal", 2 * ECHO_S, False),
        ("message", 2 * ECHO_S, False),
    ],
)
def test_a_worker_takes_only_a_later_signal_for_a_second_one(first, pause, saved):
    worker = subprocess.Popen(
        [sys.executable, "-c", IN_A_STEP],
        cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    worker.stdin.write('{"order": {}}\n')
    worker.stdin.flush()
    assert worker.stdout.readline() == '{"begun": true}\n'
    if first == "signal":
        worker.send_signal(signal.SIGTERM)
    else:
        worker.stdin.write('{"stop": true}\n')
        worker.stdin.flush()
    time.sleep(pause)
    worker.send_signal(signal.SIGTERM)
    told = worker.stdout.read()  # until it has ended, its stdin still open
    worker.wait(60)
    worker.communicate()
    assert (told == '{"saved": true}\n') is saved
    assert worker.returncode == (0 if saved else TERMINATED)
