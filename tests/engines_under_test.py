"""What the tests of engines share: which engines there are, a Ray cluster, and what is heard."""

from __future__ import annotations

import json
import os
import secrets
import shutil
import signal
import tempfile
from contextlib import suppress
from importlib.metadata import entry_points
from importlib.util import find_spec
from pathlib import Path

import pytest

from replication.engines.engine import engine
from replication.store import Store

NAMES = sorted({"ray", *(e.name for e in entry_points(group="corroborate.engines"))})
ENGINES = [pytest.param(n, marks=pytest.mark.ray) if n == "ray" else n for n in NAMES]
"""For `parametrize`: what is marked `ray` finds this process connected to a cluster of two nodes."""

WORKERS = (b"local_worker", b"ray::executed")
"""What the command lines of processes say that execute an order."""


@pytest.fixture(scope="session")
def ray_cluster():
    """Start two Ray nodes on this machine, with one CPU each, and connect this process."""
    if find_spec("ray") is None:
        pytest.skip("the library ray is not installed; install corroborate[ray]")
    folder = Path(tempfile.mkdtemp(prefix="cr-", dir="/tmp"))  # sockets need a short path
    (folder / "ray").mkdir()
    os.environ |= {
        "RAY_TMPDIR": str(folder),
        "RAY_USAGE_STATS_ENABLED": "0",
        "RAY_AUTH_MODE": "token",
        "RAY_AUTH_TOKEN": secrets.token_hex(32),
    }
    import ray
    from ray.cluster_utils import Cluster

    before = signal.getsignal(signal.SIGTERM)
    node = {"num_cpus": 1, "object_store_memory": 80 * 2**20}
    head = {"include_dashboard": False, "temp_dir": str(folder)}
    cluster = Cluster(initialize_head=True, head_node_args=node | head)
    try:
        cluster.add_node(**node)
        ray.init(address=cluster.address, log_to_driver=False, configure_logging=False)
        signal.signal(signal.SIGTERM, before)
        yield cluster
    finally:
        ray.shutdown()
        cluster.shutdown()
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(autouse=True)
def _connected_to_ray(request):
    if request.node.get_closest_marker("ray"):
        request.getfixturevalue("ray_cluster")


class Heard:
    """A progress that remembers, and may act when a run begins or tells of a step."""

    def __init__(self, *, at_begin=None, at_step=None):
        self.events = []
        self.steps = []
        self.at_begin = at_begin
        self.at_step = at_step

    def begin(self, spec):
        self.events.append(("begin", spec))
        if self.at_begin:
            self.at_begin(spec)

    def end(self, spec, seconds):
        assert seconds >= 0
        self.events.append(("end", spec))

    def skip(self, spec):
        self.events.append(("skip", spec))

    def step(self, digest, step, steps, loss, tokens):
        assert 0 < step <= steps
        assert tokens > 0
        self.steps.append((digest, step))
        if self.at_step:
            self.at_step(digest, step)

    def titles(self, kind):
        return sorted(s.title() for k, s in self.events if k == kind)


def execute(name, plan, path, source, *, heard=None, **options):
    """Execute a plan; return the tally and what was heard."""
    heard = heard or Heard()
    options = {"budget_s": None, **options}
    with Store.open(path) as store:
        return engine(name).run(plan, store, source, progress=heard, **options), heard


def results(path):
    """Return what a store holds that must not depend on who made it: title -> scores and files."""
    with Store.open(path, write=False) as store:
        return {
            r.spec.title(): ([m.canonical() for m in r.measurements], dict(r.artifacts))
            for r in store.runs()
            if r.status == "finished"
        }


def finished_events(path):
    """Return the digests of the journal's `finished` events, in order."""
    lines = (path / "journal.jsonl").read_text("utf-8").splitlines()
    events = [json.loads(line) for line in lines]
    return [e["subject"] for e in events if e["event"] == "finished"]


def workers(marker=None):
    """Return processes that execute orders below this one, or with a marker in their environment."""
    parents, found = {}, {}
    for folder in Path("/proc").iterdir():
        if not folder.name.isdigit():
            continue
        with suppress(OSError, IndexError):
            stat = (folder / "stat").read_text().rpartition(")")[2].split()
            if stat[0] == "Z":
                continue
            pid = int(folder.name)
            parents[pid] = int(stat[1])
            line = (folder / "cmdline").read_bytes()
            marked = marker is not None and marker.encode() in (folder / "environ").read_bytes()
            if any(w in line for w in WORKERS) or marked:
                found[pid] = marked
    return sorted(p for p, marked in found.items() if marked or _below(p, parents))


def _below(pid, parents):
    while pid in parents and pid != 1:
        pid = parents[pid]
        if pid == os.getpid():
            return True
    return False
