"""The engine `ray`: a cluster of its own, one by address, nodes that go away or cannot be used."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
import uuid
from importlib.util import find_spec
from pathlib import Path

import pytest
import torch
from engines_under_test import Heard, execute, results, workers
from test_engine_contract import RUNS, check_whole, once, plan

from replication.data import FolderSource
from replication.engines import ray_cluster as cluster_module
from replication.engines.courier import Courier
from replication.engines.depot import CHECKPOINTS
from replication.engines.ray_cluster import connected, host_memory, wants
from replication.engines.ray_node import executed, seen
from replication.environment import installed
from replication.errors import ReplicationError
from replication.miniature.generate import write_miniature
from replication.orders import Outcome, describe, order_for
from replication.protocols import load_protocol
from replication.store import Store
from replication.workload import Workloads

pytestmark = pytest.mark.skipif(find_spec("ray") is None, reason="install corroborate[ray]")

OURS = """
import sys
sys.path.insert(0, {tests!r})
from pathlib import Path
import test_engine_contract as contract
from engines_under_test import execute
source = contract.FolderSource(Path(sys.argv[1]), "miniature")
tally, _ = execute("ray", contract.plan(source), Path(sys.argv[2]), source)
print(tally.finished)
"""


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    return FolderSource(write_miniature(tmp_path_factory.mktemp("data")), "miniature")


def ours(source, path, tmp_path, **environ):
    """Run a plan in a process of its own, with a home and a folder for temporary files of its own."""
    (tmp_path / "home").mkdir(exist_ok=True)
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("RAY_", "CORROBORATE_"))}
    return subprocess.run(
        [sys.executable, "-c", OURS.format(tests=str(Path(__file__).parent)), source.root, path],
        env=kept | {"HOME": str(tmp_path / "home")} | environ,
        check=False,
        capture_output=True,
        text=True,
        timeout=300,
    )


@pytest.mark.ray
def test_a_cluster_of_our_own_leaves_results_and_nothing_else(source, tmp_path):
    execute("inline", plan(source), tmp_path / "inline", source)
    before = set(Path("/tmp").glob("corroborate-*"))
    marker = f"marker-{uuid.uuid4().hex}"
    done = ours(source, tmp_path / "s", tmp_path, MARKER=marker)
    assert (done.returncode, done.stdout) == (0, f"{RUNS}\n"), done.stderr
    check_whole(tmp_path / "s", source, results(tmp_path / "inline"))
    assert workers(marker) == []
    assert set(Path("/tmp").glob("corroborate-*")) == before
    assert list((tmp_path / "home").iterdir()) == []


@pytest.mark.ray
def test_a_run_whose_node_goes_away_goes_on_at_another(source, ray_cluster, tmp_path):
    """Two nodes: the first is kept busy while a run begins on the second, which is then killed."""
    import ray
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

    execute("inline", plan(source, long=True), tmp_path / "inline", source)
    head, second = ray_cluster.head_node, next(iter(ray_cluster.worker_nodes))
    pinned = NodeAffinitySchedulingStrategy(head.node_id, soft=False)
    busy = ray.remote(num_cpus=1, max_retries=0)(lambda: time.sleep(600))
    busy = busy.options(scheduling_strategy=pinned).remote()
    (raylet,) = [p.process.pid for p in second.all_processes["raylet"]]
    parents = []

    def kill_the_node():
        parents.extend(parent(pid) for pid in workers())
        ray_cluster.remove_node(second, allow_graceful=False)
        ray.cancel(busy, force=True)

    try:
        heard = Heard(at_step=once(kill_the_node))
        tally, _ = execute("ray", plan(source, long=True), tmp_path / "s", source, heard=heard)
    finally:
        ray_cluster.add_node(num_cpus=1, object_store_memory=80 * 2**20)  # for other tests
    assert parents == [raylet]
    assert (tally.finished, tally.failed, len(tally.retried)) == (RUNS, {}, 1)
    check_whole(tmp_path / "s", source, results(tmp_path / "inline"))


def parent(pid):
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])


@pytest.mark.ray
@pytest.mark.parametrize("what", ["store", "data"])
def test_paths_that_nodes_do_not_share_are_refused_before_anything_begins(
    what, source, tmp_path, monkeypatch
):
    """`/proc/self/cwd` is another folder for every process, as a local disk is for every node."""
    monkeypatch.chdir(tmp_path)
    own = Path("/proc/self/cwd")
    path = own / "s" if what == "store" else tmp_path / "s"
    (tmp_path / "data").symlink_to(source.root)
    read = FolderSource(own / "data" if what == "data" else source.root, "miniature")
    heard = Heard()
    with pytest.raises(ReplicationError, match="a filesystem that all nodes share") as caught:
        execute("ray", plan(source), path, read, heard=heard)
    lost = f"no store '{own / 's'}'" if what == "store" else f"no folder '{own / 'data'}'"
    assert lost in str(caught.value)
    assert heard.events == []
    assert list((tmp_path / "s" / "tmp").iterdir()) == []


def test_without_the_library_the_user_is_told_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(ReplicationError, match=r"found no library ray.*corroborate\[ray\]"):
        next(iter_connection())


def iter_connection():
    with connected() as library:
        yield library


@pytest.mark.ray
@pytest.mark.parametrize("address", ["127.0.0.1:1", "ray://127.0.0.1:10001", "nowhere"])
def test_a_cluster_that_is_not_there_is_named(address, source, tmp_path):
    done = ours(source, tmp_path / "s", tmp_path, CORROBORATE_RAY_ADDRESS=address)
    assert done.returncode != 0
    assert done.stdout == ""
    last = done.stderr.strip().splitlines()[-1]
    assert "replication.errors.ReplicationError: engine 'ray'" in last
    assert address in last
    assert "expected" in last


def test_a_node_answers_for_what_it_sees(tmp_path):
    token = tmp_path / "token"
    said, why, data, version = json.loads(seen(json.dumps([str(token), None, None])))
    assert (said, data, version) == ("", True, installed())
    assert str(token) in why
    token.write_text("said")
    told = seen(json.dumps([str(token), str(tmp_path / "none"), None]))
    assert json.loads(told) == ["said", "", False, installed()]
    told = seen(json.dumps(["token", None, f"file://{tmp_path}"]))
    assert json.loads(told) == ["said", "", True, installed()]
    assert list(tmp_path.iterdir()) == [token]
    told = seen(json.dumps(["token", None, "nosuch://x"]))
    assert "Protocol not known: nosuch" in json.loads(told)[1]
    assert "sources sha256:" in installed()
    assert "commit" not in installed()


def test_an_order_is_executed_from_text_to_text(source, tmp_path):
    with Store.open(tmp_path / "s") as store:
        order = order_for(plan(source).specs[0], store, describe(source))
        outcome = Outcome.model_validate_json(executed(order.canonical()))
    assert (outcome.ended, outcome.run.spec) == ("finished", order.spec)


def test_what_goes_wrong_outside_of_a_phase_comes_back_as_data(source, tmp_path, monkeypatch):
    with Store.open(tmp_path / "s") as store:
        order = order_for(plan(source).specs[0], store, describe(source))
    monkeypatch.setitem(sys.modules, "replication.worker", None)  # as where torch is missing
    outcome = Outcome.model_validate_json(executed(order.canonical()))
    assert outcome.ended == "failed"
    assert "ModuleNotFoundError" in outcome.run.error
    assert outcome.run.traceback.startswith("Traceback")


@pytest.mark.parametrize(
    ("gpus", "cpus", "most"),
    [([0], [2], 2), ([0, 0], [1, 4], 4), ([4, 0], [16, 64], 4), ([8], [4], 1), ([], [], 1)],
)
def test_a_run_gets_the_threads_that_pay_and_that_a_node_has(gpus, cpus, most, source, monkeypatch):
    tiny = plan(source).specs[0]
    large = tiny.model_copy(update={"base": load_protocol("xstilts").base})
    nodes = [{"GPU": float(g), "CPU": float(c)} for g, c in zip(gpus, cpus, strict=True)]
    monkeypatch.setattr("replication.worker.ALL_THREADS", 64)
    for spec, threads in ((tiny, 1), (large, most)):
        asked = wants(spec, Workloads(source), nodes)
        assert asked == {"num_cpus": threads, "num_gpus": int(any(gpus))}


@pytest.mark.parametrize(
    ("each", "gpu", "cpus"), [(1, 1, 4), (2, 0.5, 2), (3, 0.3333, 1), (9, 0.1111, 1)]
)
def test_runs_that_share_a_gpu_ask_for_shares_that_fit_it(each, gpu, cpus, source, monkeypatch):
    monkeypatch.setattr("replication.worker.ALL_THREADS", 64)
    large = plan(source).specs[0].model_copy(update={"base": load_protocol("xstilts").base})
    asked = wants(large, Workloads(source), [{"GPU": 4.0, "CPU": 16.0}], each)
    assert asked == {"num_cpus": cpus, "num_gpus": gpu}
    assert each * asked["num_gpus"] <= 1


def test_a_run_asks_for_the_memory_that_it_takes_and_that_a_node_has(source, monkeypatch):
    loads, tiny = Workloads(source), plan(source).specs[0]
    large = tiny.model_copy(update={"base": load_protocol("xstilts").base})
    unknown = large.base.model_copy(update={"checkpoint": "some/where"})
    unknown = tiny.model_copy(update={"base": unknown})
    process, weights = host_memory(unknown, loads, gpu=False), 559_890_432  # of XLM-R large
    assert process < host_memory(tiny, loads, gpu=False) < 2 * process
    assert host_memory(large, loads, gpu=False) > process + 28 * weights
    assert host_memory(large, loads, gpu=True) > 16 * weights
    evaluation = large.model_copy(update={"phase": "evaluation"})
    assert 4 * weights < host_memory(evaluation, loads, gpu=True) < 16 * weights
    monkeypatch.setattr("replication.worker.ALL_THREADS", 8)
    small, big = 2.0 * 2**30, 64.0 * 2**30
    for nodes, most in [
        ([{"CPU": 8.0, "memory": small}], small),
        ([{"CPU": 8.0, "memory": small}, {"CPU": 4.0, "memory": big}], small),  # too few CPUs there
        ([{"CPU": 8.0, "memory": small}, {"CPU": 8.0, "memory": big}], big),
        ([{"CPU": 8.0, "GPU": 1.0, "memory": small}, {"CPU": 8.0, "memory": big}], small),
    ]:
        gpu = "GPU" in nodes[0]
        asked = wants(large, loads, nodes)["memory"]
        assert asked == min(host_memory(large, loads, gpu=gpu), most)
    assert "memory" not in wants(large, loads, [{"CPU": 8.0}])


@pytest.mark.ray
def test_ray_holds_the_memory_of_runs_and_a_wrong_prediction_waits_for_nobody(
    source, tmp_path, monkeypatch
):
    import ray

    largest = max(n["Resources"]["memory"] for n in ray.nodes() if n["Alive"])
    monkeypatch.setattr(cluster_module, "PROCESS_BYTES", 2**60)
    free = []

    def look():
        free.append(ray.cluster_resources()["memory"] - ray.available_resources()["memory"])

    heard = Heard(at_step=lambda *_: look())
    tally, _ = execute("ray", plan(source, long=True), tmp_path / "s", source, heard=heard)
    assert (tally.finished, tally.failed) == (RUNS, {})
    assert max(free) >= largest


@pytest.mark.ray
@pytest.mark.skipif(torch.version.cuda is not None, reason="measured without CUDA's libraries")
def test_no_run_takes_more_memory_than_it_asks_for(source, tmp_path):
    execute("ray", plan(source), tmp_path / "s", source)
    with Store.open(tmp_path / "s", write=False) as store:
        runs = store.runs()
    assert len(runs) == RUNS
    for run in runs:
        asked = host_memory(run.spec, Workloads(source), gpu=False)
        assert asked / 2 < run.usage.host_peak_bytes < asked


@pytest.fixture
def hidden(ray_cluster, tmp_path):
    """Yield a folder that one more node does not see; the nodes that see it are kept busy."""
    import ray
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

    folder = tmp_path / "hidden"
    folder.mkdir()
    hide = 'mount -t tmpfs none "$1" && shift && exec "$@"'
    unshare = ["unshare", "--mount", "sh", "-c", hide, "sh", str(folder)]
    try:
        subprocess.run([*unshare, "true"], check=True, capture_output=True, timeout=30)
    except (OSError, subprocess.SubprocessError) as error:
        pytest.skip(f"a mount namespace of one's own is not permitted here: {error}")
    there = {n["NodeID"] for n in ray.nodes() if n["Alive"]}
    start = [str(Path(sys.executable).with_name("ray")), "start", "--block", "--num-cpus=1"]
    start += [f"--address={ray_cluster.address}", f"--object-store-memory={80 * 2**20}"]
    with (tmp_path / "node.log").open("wb") as log:
        node = subprocess.Popen([*unshare, *start], stdout=log, stderr=log, start_new_session=True)
    busy = []
    try:
        until(lambda: len(alive()) == len(there) + 1, 60)
        for seeing in there:
            pinned = NodeAffinitySchedulingStrategy(seeing, soft=False)
            task = ray.remote(num_cpus=1, max_retries=0)(lambda: time.sleep(600))
            busy.append(task.options(scheduling_strategy=pinned).remote())
        until(lambda: ray.available_resources().get("CPU", 0) == 1, 60)
        yield folder
    finally:
        for task in busy:
            ray.cancel(task, force=True)
        os.killpg(node.pid, signal.SIGTERM)
        node.wait(60)
        until(lambda: len(alive()) == len(there), 60)


def alive():
    import ray

    return [n for n in ray.nodes() if n["Alive"]]


def until(true, seconds):
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end
        time.sleep(0.1)


@pytest.mark.ray
def test_a_node_that_does_not_see_the_store_works_and_is_replaced_through_a_depot(
    source, hidden, tmp_path, monkeypatch
):
    """Refused without a depot; with it, stopped, gone on with, killed, and the bytes are the same."""
    todo, path, depot = plan(source, long=True), hidden / "s", tmp_path / "depot"
    monkeypatch.delenv(CHECKPOINTS, raising=False)
    with pytest.raises(ReplicationError, match=r"1 of the cluster's nodes") as caught:
        execute("ray", todo, path, source)
    assert f"found no store '{path}'" in str(caught.value)

    monkeypatch.setenv(CHECKPOINTS, f"file://{depot}")
    monkeypatch.setattr(Courier, "look_s", 0.2)
    first = Heard(at_step=once(lambda: os.kill(os.getpid(), signal.SIGTERM)))
    tally, _ = execute("ray", todo, path, source, heard=first)
    assert (tally.interrupted, tally.finished, tally.retried) == (True, 0, [])
    (state,) = (path / "resume" / todo.specs[0].digest()).iterdir()
    assert state.stat().st_size > 0
    assert list(depot.iterdir()) == []

    def kill():
        (pid,) = workers()
        os.kill(pid, signal.SIGKILL)

    second = Heard(at_step=once(kill))
    tally, _ = execute("ray", todo, path, source, heard=second)
    assert (tally.finished, tally.failed, len(tally.retried)) == (RUNS, {}, 1)
    own = [step for digest, step in second.steps if digest == todo.specs[0].digest()]
    assert min(own) > first.steps[0][1]  # twice it went on from the state, and never anew
    assert list(depot.iterdir()) == []
    execute("inline", todo, tmp_path / "inline", source)
    check_whole(path, source, results(tmp_path / "inline"))


@pytest.mark.ray
def test_checkpoints_that_are_tampered_with_are_sent_anew(source, tmp_path, monkeypatch):
    depot, done = tmp_path / "depot", []
    monkeypatch.setenv(CHECKPOINTS, f"file://{depot}")

    def tamper(spec):
        objects = [p for p in depot.glob("*/objects/0/*") if p.is_file()]
        if objects and not done:
            done.append(spec)
            for path in objects:
                path.write_bytes(b"x" * path.stat().st_size)

    execute("inline", plan(source), tmp_path / "inline", source)
    tally, _ = execute("ray", plan(source), tmp_path / "s", source, heard=Heard(at_begin=tamper))
    assert done
    assert (tally.finished, tally.failed) == (RUNS, {})
    assert any("found other bytes" in why for why in tally.retried)
    check_whole(tmp_path / "s", source, results(tmp_path / "inline"))


def test_a_url_for_checkpoints_that_cannot_be_used_stops_all_before_it_begins(
    source, tmp_path, monkeypatch
):
    monkeypatch.setenv(CHECKPOINTS, "nosuch://x")
    heard = Heard()
    with pytest.raises(ReplicationError, match="Protocol not known: nosuch"):
        execute("ray", plan(source), tmp_path / "s", source, heard=heard)
    assert heard.events == []
