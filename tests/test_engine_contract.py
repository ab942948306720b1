"""The contract of engines under signals, kills, odd paths and odd errors, one suite for all of them.

What a plan needs of its engine on a quiet day (order, what is skipped, blocked or postponed) is in
`test_engines`. Everything here is compared with what `inline` makes of the same plan undisturbed.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
import uuid
from functools import partial
from pathlib import Path

import pytest
import tiny_runs
from engines_under_test import ENGINES, Heard, execute, finished_events, results, workers

from replication.data import FolderSource
from replication.engines.engine import engine
from replication.engines.stopping import ECHO_S
from replication.errors import ReplicationError
from replication.miniature.generate import write_miniature
from replication.store import Store

ODD = "a 'b' \"c\" $HOME %s {0} \\n\n\tü漢 #;&* "
WANTED = ((tiny_runs.NONE, "mini_topic"), (tiny_runs.NONE, "mini_tags"))
RUNS = 5
EPOCHS = 350
"""Of pretraining: seconds, so that there is time to disturb it."""

GONE_S = 20.0
"""Seconds within which nobody works for an owner that was killed."""

every_engine = pytest.mark.parametrize("name", ENGINES)
with_workers = pytest.mark.parametrize("name", [e for e in ENGINES if e != "inline"])


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return write_miniature(tmp_path_factory.mktemp("data"))


@pytest.fixture(scope="module")
def source(data):
    return FolderSource(data, "miniature")


@pytest.fixture
def one_worker(monkeypatch):
    """For plans of which one run alone is disturbed: each process of `local` costs seconds to start."""
    monkeypatch.setenv("CORROBORATE_WORKERS", "1")


@pytest.fixture(scope="module")
def undisturbed(source, tmp_path_factory):
    """What `inline` makes of the plan, short and long."""
    found = {}
    for long in (False, True):
        path = tmp_path_factory.mktemp("undisturbed") / "store"
        tally, _ = execute("inline", plan(source, long=long), path, source)
        assert tally.finished == RUNS
        found[long] = results(path)
    return found


def plan(source, *, long=False, **changes):
    if long:
        pretraining = tiny_runs.protocol().model_dump(mode="json", by_alias=True)["pretraining"]
        pretraining["recipe"]["epochs"] = EPOCHS
        changes["pretraining"] = pretraining
    return tiny_runs.plan(source, *WANTED, **changes)


def send(number):
    os.kill(os.getpid(), number)


def once(act):
    """Return a hook of steps that acts at the first step that is no more than half the way."""
    done = []

    def hook(digest, step):
        if not done:
            done.append(step)
            act()

    hook.done = done
    return hook


def check_whole(path, source, wanted):
    """Every run finished exactly once, with the results of an undisturbed store; nothing is left."""
    assert results(path) == wanted
    ended = finished_events(path)
    assert len(ended) == len(set(ended)) == RUNS
    assert list((path / "tmp").iterdir()) == []
    assert list((path / "resume").iterdir()) == []
    with Store.open(path) as store:
        assert store.damage() == {}


@every_engine
def test_results_are_the_same_on_every_engine_byte_for_byte(name, source, undisturbed, tmp_path):
    tally, _ = execute(name, plan(source), tmp_path / "s", source)
    assert (tally.finished, tally.failed, tally.retried) == (RUNS, {}, [])
    check_whole(tmp_path / "s", source, undisturbed[False])
    assert workers() == []


@every_engine
def test_odd_paths_of_store_and_data_change_nothing(name, undisturbed, tmp_path):
    data = write_miniature(tmp_path / ODD / "data")
    source = FolderSource(data)
    tally, _ = execute(name, plan(source), tmp_path / ODD / "the store", source)
    assert (tally.finished, tally.failed) == (RUNS, {})
    check_whole(tmp_path / ODD / "the store", source, undisturbed[False])


@every_engine
def test_relative_paths_mean_this_process_s_folder(name, data, undisturbed, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "here").symlink_to(data)
    source = FolderSource(Path("here"), "miniature")
    execute(name, plan(source), Path("s"), source)
    assert results(tmp_path / "s") == undisturbed[False]


@pytest.mark.usefixtures("one_worker")
@every_engine
def test_steps_are_heard_with_their_run(name, source, tmp_path):
    todo = plan(source, long=True)
    _, heard = execute(name, todo, tmp_path / "s", source)
    told = [step for digest, step in heard.steps if digest == todo.specs[0].digest()]
    assert told
    assert told == sorted(set(told))


@pytest.mark.usefixtures("one_worker")
@every_engine
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_stops_after_the_step_and_the_next_command_goes_on(
    name, number, source, undisturbed, tmp_path
):
    todo, path = plan(source, long=True), tmp_path / "s"
    before = signal.getsignal(number)
    heard = Heard(at_step=once(partial(send, number)))
    tally, _ = execute(name, todo, path, source, heard=heard)
    assert signal.getsignal(number) is before
    assert tally.interrupted
    assert (tally.finished, tally.failed, tally.left) == (0, {}, RUNS)
    assert heard.titles("end") == []
    assert [f.name for f in (path / "resume" / todo.specs[0].digest()).glob("*.safetensors")]
    assert workers() == []
    again = Heard()
    tally, _ = execute(name, todo, path, source, heard=again)
    assert (tally.finished, tally.interrupted) == (RUNS, False)
    assert again.steps[0][1] > heard.steps[0][1]  # it went on, and did not begin anew
    check_whole(path, source, undisturbed[True])


@pytest.mark.usefixtures("one_worker")
@every_engine
def test_a_signal_that_arrives_twice_at_once_is_one(name, source, tmp_path):
    """As from `timeout` and batch systems, which signal a process and then its whole group."""
    todo, path = plan(source, long=True), tmp_path / "s"

    def twice():
        send(signal.SIGTERM)
        send(signal.SIGTERM)

    tally, _ = execute(name, todo, path, source, heard=Heard(at_step=once(twice)))
    assert (tally.interrupted, tally.finished) == (True, 0)
    assert list((path / "resume" / todo.specs[0].digest()).glob("*.safetensors"))
    assert workers() == []


@pytest.mark.usefixtures("one_worker")
@every_engine
def test_a_second_signal_stops_at_once_and_loses_no_finished_run(
    name, source, undisturbed, tmp_path
):
    todo, path = plan(source, long=True), tmp_path / "s"

    def twice():
        send(signal.SIGINT)
        time.sleep(1.5 * ECHO_S)
        send(signal.SIGINT)

    with pytest.raises(KeyboardInterrupt):
        execute(name, todo, path, source, heard=Heard(at_step=once(twice)))
    assert workers() == []
    execute(name, todo, path, source)
    check_whole(path, source, undisturbed[True])


@pytest.mark.usefixtures("one_worker")
@with_workers
def test_a_killed_worker_is_replaced_and_nothing_is_finished_twice(
    name, source, undisturbed, tmp_path
):
    todo, path = plan(source, long=True), tmp_path / "s"

    def kill():
        (pid,) = workers()
        os.kill(pid, signal.SIGKILL)

    tally, heard = execute(name, todo, path, source, heard=Heard(at_step=once(kill)))
    assert (tally.finished, tally.failed) == (RUNS, {})
    (why,) = tally.retried
    assert todo.specs[0].digest()[:12] in why
    assert heard.titles("begin").count(todo.specs[0].title()) == 2
    assert heard.titles("end").count(todo.specs[0].title()) == 1
    check_whole(path, source, undisturbed[True])


@pytest.mark.usefixtures("one_worker")
@with_workers
def test_a_worker_told_to_terminate_saves_and_another_goes_on(name, source, undisturbed, tmp_path):
    """As pre-emption does: SIGTERM to the machine's processes, not to the owner of the store."""
    todo, path = plan(source, long=True), tmp_path / "s"

    def terminate():
        (pid,) = workers()
        os.kill(pid, signal.SIGTERM)

    heard = Heard(at_step=once(terminate))
    tally, _ = execute(name, todo, path, source, heard=heard)
    assert (tally.finished, tally.failed, len(tally.retried)) == (RUNS, {}, 1)
    check_whole(path, source, undisturbed[True])


@pytest.mark.usefixtures("one_worker")
@with_workers
def test_a_worker_lost_again_and_again_fails_its_run_and_no_other(name, source, tmp_path):
    todo, path = plan(source, long=True), tmp_path / "s"
    pretraining = todo.specs[0].digest()
    killed = set()

    def kill(digest, step):
        if digest == pretraining:
            new = set(workers()) - killed
            killed.update(new)
            for pid in new:
                os.kill(pid, signal.SIGKILL)

    tally, _ = execute(name, todo, path, source, heard=Heard(at_step=kill))
    assert set(tally.failed) == {pretraining}
    assert "lost 3 times" in tally.failed[pretraining]
    assert (tally.finished, tally.blocked) == (0, RUNS - 1)
    assert all(pretraining[:12] in why for why in tally.left_out.values())
    assert workers() == []


@every_engine
def test_a_failure_is_data_with_its_traceback_and_others_go_on(name, tmp_path):
    source = FolderSource(write_miniature(tmp_path / ODD), f"named {ODD}")
    todo = plan(source)
    for file in (tmp_path / ODD).rglob("*mini*tags*/train*"):
        file.unlink()
    tally, _ = execute(name, todo, tmp_path / "s", source)
    (bad,) = [s for s in todo.specs if s.phase == "target" and s.tasks == ("mini_tags",)]
    (below,) = [s for s in todo.specs if s.parent == bad.digest()]
    assert set(tally.failed) == {bad.digest()}
    assert set(tally.left_out) == {below.digest()}
    assert bad.digest()[:12] in tally.left_out[below.digest()]
    assert tally.finished == RUNS - 2
    with Store.open(tmp_path / "s", write=False) as store:
        (failed,) = [r for r in store.runs() if r.status == "failed"]
    assert failed.error == tally.failed[bad.digest()]
    assert "'mini_tags'" in failed.error
    assert failed.traceback.startswith("Traceback (most recent call last)")
    assert "DataError" in failed.traceback


@with_workers
def test_data_changed_since_the_plan_are_refused_by_the_worker(name, tmp_path):
    source = FolderSource(write_miniature(tmp_path / "data"))
    todo = plan(source)
    (file,) = (tmp_path / "data").rglob("*mini*tags*/train*")
    write_miniature(tmp_path / "other", seed=5)
    (other,) = (tmp_path / "other").rglob("*mini*tags*/train*")
    file.write_bytes(other.read_bytes())
    tally, _ = execute(name, todo, tmp_path / "s", source)
    (message,) = tally.failed.values()
    assert "which was planned" in message
    assert tally.finished == RUNS - 2


@with_workers
def test_a_source_that_only_this_process_can_read_is_refused(name, data, tmp_path):
    class Own(FolderSource):
        pass

    source = Own(data, "miniature")
    todo = plan(source)
    with (
        Store.open(tmp_path / "s") as store,
        pytest.raises(ReplicationError, match=r"found a Own ; expected a folder.*inline"),
    ):
        engine(name).run(todo, store, source, progress=Heard(), budget_s=None)


OWNER = """
    import os, sys
    from pathlib import Path
    sys.path.insert(0, {tests!r})
    import test_engine_contract as contract
    from engines_under_test import Heard, execute
    source = contract.FolderSource(Path(sys.argv[2]), "miniature")
    tell = lambda *_: os.write(int(sys.argv[4]), b"step\\n")
    execute(sys.argv[1], contract.plan(source, long=True), Path(sys.argv[3]), source,
            heard=Heard(at_step=tell))
"""


@pytest.mark.usefixtures("one_worker")
@every_engine
def test_nobody_works_on_for_an_owner_that_was_killed(
    name, data, source, undisturbed, tmp_path, request
):
    marker, path = f"marker-{uuid.uuid4().hex}", tmp_path / "s"
    address = {}
    if name == "ray":
        address["CORROBORATE_RAY_ADDRESS"] = request.getfixturevalue("ray_cluster").address
    code = "\n".join(
        line[4:] for line in OWNER.format(tests=str(Path(__file__).parent)).split("\n")
    )
    said, say = os.pipe()
    owner = subprocess.Popen(
        [sys.executable, "-c", code, name, str(data), str(path), str(say)],
        env=os.environ | address | {"MARKER": marker},
        pass_fds=(say,),
    )
    os.close(say)
    with os.fdopen(said) as heard:
        assert heard.readline() == "step\n"
        owner.kill()
        owner.wait()
    end = time.monotonic() + GONE_S
    while workers(marker) and time.monotonic() < end:
        time.sleep(0.1)
    assert workers(marker) == []
    tally, _ = execute(name, plan(source, long=True), path, source)
    assert tally.finished == RUNS
    check_whole(path, source, undisturbed[True])
    assert json.loads((path / "journal.jsonl").read_text().splitlines()[0])
