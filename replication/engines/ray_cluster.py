"""Which Ray cluster is used, what do runs ask of it, and how is one started that leaves nothing behind?

Light until it runs: ray is imported where a connection is made.
"""

from __future__ import annotations

import json
import logging
import os
import secrets
import shutil
import signal
import socket
import sys
import tempfile
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from replication.cost import foreseen_memory
from replication.cost_table import shape_of_base
from replication.engines.depot import CHECKPOINTS, Depot
from replication.engines.ray_node import seen
from replication.engines.stopping import SIGNALS
from replication.environment import installed
from replication.errors import ReplicationError
from replication.orders import SourceNote
from replication.run import RunSpec
from replication.store import Store
from replication.workload import Workloads

__all__ = ["ADDRESSES", "at_once", "check_nodes", "connected", "host_memory", "short", "wants"]

ADDRESSES = ("CORROBORATE_RAY_ADDRESS", "RAY_ADDRESS")
"""Environment variables that name an existing cluster; the first that is set counts."""

OBJECT_STORE_BYTES = 80 * 2**20
"""Shared memory of a cluster of our own; 75 MiB is the least that Ray takes, and texts need less."""

ANSWER_S = 120.0
"""Seconds within which every node must answer; the first task of a node starts a process there."""

KNOCK_S = 10.0
"""Seconds within which a cluster must take a connection."""

PROCESS_BYTES = 640 * 2**20
"""Host memory of a process that executes on a CPU, without what its model takes: Ray, torch and
transformers. Runs of a tiny encoder had `host_peak_bytes` of 531 to 543 MiB (torch 2.13, Python 3.11;
`pytest tests/test_ray_engine.py -k takes_more --basetemp t; grep -rho 'host_peak_bytes[^,]*' t`)."""

CUDA_BYTES = 3 * 2**30
"""The same where it executes on a GPU, with CUDA's libraries. An assumption, measured nowhere."""

FRACTIONS = 10_000
"""The smallest share of a GPU that Ray tells apart is one of so many."""

LONGEST_FOLDER = 40
"""Characters; sockets lie some 60 below, and a socket's path has at most 107."""


@contextmanager
def connected() -> Iterator[Any]:
    """Yield the library `ray`, connected to a cluster.

    A connection that this process has already is used and left as it is. Otherwise one is made to the
    cluster that the environment names; otherwise a cluster is started on this machine, and shut down
    in the end. Handlers of signals stay what they were.

    Raises:
        ReplicationError: the library is not installed, or there is no such cluster.
    """
    address = next((a for n in ADDRESSES if (a := os.environ.get(n, "").strip())), None)
    library = _library(own=address is None)
    if library.is_initialized():
        yield library
        return
    folder = None if address is not None else _folder()
    try:
        _connect(library, address, folder)
        try:
            yield library
        finally:
            library.shutdown()
    finally:
        if folder is not None:
            shutil.rmtree(folder, ignore_errors=True)


def check_nodes(library: Any, store: Store, note: SourceNote, depot: Depot | None = None) -> None:
    """Let every node read back a file that was just written into the store, or else its depot.

    Raises:
        ReplicationError: names every node that does not see the store (or the depot) or the data, has
            another version of Corroborate, or does not answer.
    """
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy  # noqa: PLC0415

    nodes = [n for n in library.nodes() if n["Alive"]]
    said = secrets.token_hex(16)
    token = store.path.absolute() / "tmp" / f"token-{said}"
    if depot is None:
        token.write_text(said, encoding="utf-8")
        text = json.dumps([str(token), note.folder, None])
    else:
        depot.write(token.name, said)
        text = json.dumps([token.name, note.folder, depot.url])
    where = f"checkpoints '{depot}'" if depot else f"store '{store.path.absolute()}'"
    task = library.remote(max_retries=0, num_cpus=0)(seen)
    asked = {
        task.options(
            scheduling_strategy=NodeAffinitySchedulingStrategy(n["NodeID"], soft=False)
        ).remote(text): n["NodeManagerAddress"]
        for n in nodes
    }
    try:
        ready, _ = library.wait(list(asked), num_returns=len(asked), timeout=ANSWER_S)
        faults: list[str] = []
        for reference, node in asked.items():
            if reference not in ready:
                faults.append(f"node {node}: found no answer within {ANSWER_S:.0f} s")
                continue
            try:
                answer = json.loads(library.get(reference))
            except library.exceptions.RayError as error:
                faults.append(f"node {node}: found {short(error)} ; expected Corroborate there")
                continue
            faults += [f"node {node}: {fault}" for fault in _faults(answer, said, where, note)]
    finally:
        token.unlink(missing_ok=True)
        if depot is not None:
            depot.remove(token.name)
    if faults:
        lines = "\n".join(f"  {fault}" for fault in sorted(set(faults)))
        what = "store and data" if depot is None else "data"
        also = f", let all nodes read and write {CHECKPOINTS}" if depot is not None else ""
        raise ReplicationError(
            f"engine 'ray': {len(set(faults))} of the cluster's nodes or paths cannot be used. Put "
            f"{what} on a filesystem that all nodes share, under the same absolute paths{also}, and "
            f"install the same version of Corroborate on all nodes.\n{lines}"
        )


def at_once(nodes: Sequence[Mapping[str, float]]) -> int:
    """Return how many runs a cluster takes at once, as far as CPUs go; at least one.

    Args:
        nodes: what each node that is alive has in all.
    """
    gpu = any(n.get("GPU", 0) >= 1 for n in nodes)
    return max(1, sum(int(n.get("CPU", 0)) for n in nodes if n.get("GPU", 0) >= 1 or not gpu))


def wants(
    spec: RunSpec, loads: Workloads, nodes: Sequence[Mapping[str, float]], each: int = 1
) -> dict[str, float]:
    """Return what a run asks of Ray: CPUs as many as pay, memory, and of a GPU its share.

    It never asks for more than some node has in all, for then it would wait forever; and not for
    memory where nodes do not tell of it.

    Args:
        spec: of the run.
        loads: of the plan's source.
        nodes: what each node that is alive has in all.
        each: runs that a GPU takes at once.
    """
    from replication.worker import threads_for  # noqa: PLC0415  torch, only where something runs

    gpu = any(n.get("GPU", 0) >= 1 for n in nodes)
    fit = [n for n in nodes if n.get("GPU", 0) >= 1 or not gpu]
    share = [int(n.get("CPU", 0)) // (max(1, int(n.get("GPU", 0))) * each) for n in fit]
    threads = max(1, min(threads_for(spec.base), max(share, default=1)))
    asked: dict[str, float] = {
        "num_cpus": threads,
        "num_gpus": int(gpu) * (FRACTIONS // each) / FRACTIONS,
    }
    room = [int(n.get("memory", 0)) for n in fit if n.get("CPU", 0) >= threads]
    if max(room, default=0) > 0:
        asked["memory"] = min(host_memory(spec, loads, gpu=gpu), max(room))
    return asked


def host_memory(spec: RunSpec, loads: Workloads, *, gpu: bool) -> int:
    """Return the bytes of a node's memory that the process of a run is expected to take.

    Where it computes on a GPU that is the process, and the checkpoint or state that it writes; on a
    CPU what would else be in the GPU's memory. What cannot be known is left out.
    """
    from replication.training import TOKENS_AT_ONCE  # noqa: PLC0415  torch

    process = CUDA_BYTES if gpu else PROCESS_BYTES
    shape = shape_of_base(spec.base, loads.table)
    if shape is None:
        return process
    if gpu:
        each = 4 if spec.phase == "evaluation" else loads.table.state_bytes
        return process + round(each * shape.parameters)
    # while a state is written, a copy of weights and moments stands beside those in training
    copied = 0 if spec.phase == "evaluation" else 12 * shape.parameters
    return process + copied + (foreseen_memory(spec, loads, at_once=TOKENS_AT_ONCE["cpu"]) or 0)


def short(error: BaseException) -> str:
    """Return the first line of what an error says, at most 300 characters."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return (lines[0] if lines else type(error).__name__)[:300]


def _library(*, own: bool) -> Any:
    """Import ray, which reads its settings from the environment at that moment.

    Args:
        own: whether the cluster will be our own. Its ports are open to the network, so that a secret
            guards them; without one Ray would keep one in the user's home.
    """
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    if own and "ray" not in sys.modules and "RAY_AUTH_MODE" not in os.environ:
        os.environ["RAY_AUTH_MODE"] = "token"
        os.environ.setdefault("RAY_AUTH_TOKEN", secrets.token_hex(32))
    try:
        import ray  # noqa: PLC0415  an extra, and not light
    except ImportError as error:
        raise ReplicationError(
            f"engine 'ray': found no library ray ({short(error)}) ; expected it to be installed. "
            "Install corroborate[ray], or use another engine."
        ) from error
    return ray


def _connect(library: Any, address: str | None, folder: str | None) -> None:
    if address is not None and "://" in address:
        raise ReplicationError(
            f"engine 'ray': found the address '{address[:200]}' ; expected HOST:PORT or auto. Start the "
            "command on a node of the cluster, where the store lies."
        )
    main = threading.current_thread() is threading.main_thread()
    before = {n: signal.getsignal(n) for n in SIGNALS} if main else {}
    options: dict[str, Any] = {"address": address}
    if address is None:
        options = {
            "address": "local",
            "num_cpus": _cpus(),
            "include_dashboard": False,
            "object_store_memory": OBJECT_STORE_BYTES,
            "_temp_dir": folder,
        }
    try:
        if address not in (None, "auto"):
            _knock(str(address))
        library.init(
            **options, log_to_driver=False, configure_logging=False, logging_level=logging.ERROR
        )
    except Exception as error:
        where = f"the cluster at '{address[:200]}'" if address else "a cluster on this machine"
        raise ReplicationError(
            f"engine 'ray': cannot use {where}: found {type(error).__name__}: {short(error)} ; expected "
            f"a connection. Start one with `ray start --head`, or unset {' and '.join(ADDRESSES)} to "
            "have one started."
        ) from error
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _knock(address: str) -> None:
    """See whether somebody listens, for the library would try for many minutes.

    Raises:
        OSError: nobody does.
        ValueError: it is no address of the form HOST:PORT.
    """
    host, _, port = address.rpartition(":")
    socket.create_connection((host.strip("[]"), int(port)), KNOCK_S).close()


def _cpus() -> int:
    """Return how many CPUs this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _folder() -> str:
    """Return a new folder for sockets and logs, with a path short enough for sockets."""
    usual = tempfile.gettempdir()
    parent = usual if len(usual) + len("/corroborate-12345678") <= LONGEST_FOLDER else "/tmp"  # noqa: S108  mkdtemp makes it ours
    return tempfile.mkdtemp(prefix="corroborate-", dir=parent)


def _faults(answer: list[Any], said: str, where: str, note: SourceNote) -> list[str]:
    found, why, data, version = answer
    faults = []
    if found != said:
        faults.append(f"found no {where} ; expected to read this one there. {why}".rstrip())
    if not data:
        faults.append(f"found no folder '{note.folder}' ; expected the data there")
    if version != installed():
        faults.append(f"found {version} ; expected {installed()}")
    return faults
