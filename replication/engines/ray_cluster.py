"""Which Ray cluster is used, and how is one started that leaves nothing behind?

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
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from replication.engines.ray_node import installed, seen
from replication.engines.stopping import SIGNALS
from replication.errors import ReplicationError
from replication.orders import SourceNote
from replication.store import Store

__all__ = ["ADDRESSES", "check_nodes", "connected", "short"]

ADDRESSES = ("CORROBORATE_RAY_ADDRESS", "RAY_ADDRESS")
"""Environment variables that name an existing cluster; the first that is set counts."""

OBJECT_STORE_BYTES = 80 * 2**20
"""Shared memory of a cluster of our own; 75 MiB is the least that Ray takes, and texts need less."""

ANSWER_S = 120.0
"""Seconds within which every node must answer; the first task of a node starts a process there."""

KNOCK_S = 10.0
"""Seconds within which a cluster must take a connection."""

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


def check_nodes(library: Any, store: Store, note: SourceNote) -> None:
    """Let every node read back a file that was just written into the store.

    Raises:
        ReplicationError: names every node that does not see the store or the data, has another
            version of Corroborate, or does not answer.
    """
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy  # noqa: PLC0415

    nodes = [n for n in library.nodes() if n["Alive"]]
    said = secrets.token_hex(16)
    token = store.path.absolute() / "tmp" / f"token-{said}"
    token.write_text(said, encoding="utf-8")
    text = json.dumps([str(token), note.folder])
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
            faults += [f"node {node}: {fault}" for fault in _faults(answer, said, store, note)]
    finally:
        token.unlink(missing_ok=True)
    if faults:
        lines = "\n".join(f"  {fault}" for fault in sorted(set(faults)))
        raise ReplicationError(
            f"engine 'ray': {len(set(faults))} of the cluster's nodes or paths cannot be used. Put "
            "store and data on a filesystem that all nodes share, under the same absolute paths, and "
            f"install the same version of Corroborate on all nodes.\n{lines}"
        )


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


def _faults(answer: list[Any], said: str, store: Store, note: SourceNote) -> list[str]:
    found, data, version = answer
    faults = []
    if found != said:
        faults.append(f"found no store '{store.path.absolute()}' ; expected to read this one there")
    if not data:
        faults.append(f"found no folder '{note.folder}' ; expected the data there")
    if version != installed():
        faults.append(f"found {version} ; expected {installed()}")
    return faults
