"""The engine `ray`: a cluster of its own, one by address, nodes that go away or cannot be used."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
import uuid
from importlib.util import find_spec
from pathlib import Path

import pytest
import tiny_runs
from engines_under_test import Heard, execute, results, workers
from test_engine_contract import RUNS, check_whole, once, plan

from replication.data import FolderSource
from replication.engines.ray import _threads
from replication.engines.ray_cluster import connected
from replication.engines.ray_node import executed, installed, seen
from replication.errors import ReplicationError
from replication.miniature.generate import write_miniature
from replication.orders import Outcome, describe, order_for
from replication.protocols import load_protocol
from replication.store import Store

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
    assert json.loads(seen(json.dumps([str(token), None]))) == ["", True, installed()]
    token.write_text("said")
    told = seen(json.dumps([str(token), str(tmp_path / "none")]))
    assert json.loads(told) == ["said", False, installed()]
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
def test_a_run_gets_the_threads_that_pay_and_that_a_node_has(gpus, cpus, most, monkeypatch):
    tiny, large = tiny_runs.protocol().base, load_protocol("xstilts").base
    monkeypatch.setattr("replication.worker.ALL_THREADS", 64)
    assert _threads(tiny, gpus, cpus) == 1
    assert _threads(large, gpus, cpus) == most
