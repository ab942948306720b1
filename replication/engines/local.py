"""The engine `local`: several worker processes on this machine, one for each device.

Where there are CUDA devices, one process has each, and the CPU's threads are divided among them.
Without, there are as many processes as cores allow when each computes with the threads that `inline`
would give it (see `worker.threads_for`), so that a tiny encoder runs on every core and a large one in
one process. The environment variable CORROBORATE_WORKERS sets the number of processes.

Promised: a run's measurements do not depend on which process made it, when, beside what, or after how
many losses; and they are byte-identical to those of `inline` on the same kind of device with the same
number of threads. That is so by default. Where CORROBORATE_WORKERS asks for more processes than
cores allow, threads are divided, and float sums may differ in their last digits; every run records
its threads.
"""

from __future__ import annotations

import os
import selectors
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from replication.data import Source
from replication.engines.driving import Terms, drive, to_steps
from replication.engines.engine import Ended, Engine, Progress, Tally
from replication.engines.stopping import heeding_signals
from replication.engines.worker_process import WorkerProcess
from replication.errors import ReplicationError
from replication.orders import Order, describe
from replication.run import Plan
from replication.store import Store

__all__ = ["ENGINE", "WORKERS", "Crew", "Local", "crew_for"]

WORKERS = "CORROBORATE_WORKERS"
"""Environment variable: number of worker processes, from 1 to 1024."""

MOST = 1024


@dataclass(frozen=True, slots=True)
class Crew:
    """How many processes, with what each."""

    workers: int
    threads: int
    """CPU threads of each."""
    devices: tuple[str, ...] = ()
    """CUDA devices as CUDA_VISIBLE_DEVICES names them, one a worker; empty to compute on the CPU."""


def crew_for(
    threads: int,
    all_threads: int,
    *,
    cores: int,
    devices: Sequence[str],
    environ: Mapping[str, str],
) -> Crew:
    """Return how many processes to start.

    Args:
        threads: that a run of this plan computes with when it is alone on a CPU.
        all_threads: that this machine has for one process.
        cores: that this process may use.
        devices: CUDA devices.
        environ: environment variables; `CORROBORATE_WORKERS` is read.

    Raises:
        ReplicationError: the variable holds no number from 1 to 1024.
    """
    asked = environ.get(WORKERS, "").strip()
    if asked and not (asked.isascii() and asked.isdigit() and 1 <= int(asked[:6]) <= MOST):
        raise ReplicationError(
            f"environment variable {WORKERS}: found {asked[:40]!r} ; expected a number from 1 to "
            f"{MOST}. Leave it unset for one process per device."
        )
    if devices:
        workers = min(len(devices), int(asked or MOST))
        return Crew(workers, max(1, all_threads // workers), tuple(devices[:workers]))
    workers = int(asked) if asked else max(1, cores // threads)
    return Crew(workers, threads if workers * threads <= cores else max(1, cores // workers))


class Local:
    """Runs a plan in several processes of this machine."""

    name = "local"

    def run(
        self,
        plan: Plan,
        store: Store,
        source: Source,
        *,
        progress: Progress,
        budget_s: float | None,
        order: Sequence[str] | None = None,
    ) -> Tally:
        """Execute what the store lacks and say how it went."""
        note = describe(source)
        with heeding_signals() as stop:
            hands = _Processes(_crew(plan), progress)
            terms = Terms(progress, budget_s, order, stop, note)
            return drive(plan, store, hands=hands, terms=terms)


class _Processes:
    """Executes in worker processes, which are started as they are needed."""

    def __init__(self, crew: Crew, progress: Progress) -> None:
        self._crew = crew
        self._progress = progress
        self._workers: list[WorkerProcess | None] = [None] * crew.workers
        self._selector = selectors.DefaultSelector()

    @property
    def capacity(self) -> int:
        return self._crew.workers

    def begin(self, order: Order) -> None:
        given = order.model_copy(update={"threads": self._crew.threads})
        idle = [w for w in self._workers if w is not None and w.order is None]
        (idle[0] if idle else self._start()).begin(given)

    def wait(self, seconds: float) -> Sequence[Ended]:
        ended: list[Ended] = []
        for key, _ in self._selector.select(seconds):
            worker: WorkerProcess = key.data
            messages = worker.listen()
            if messages is None:
                ended += self._lose(worker)
                continue
            for message in messages:
                assert worker.order is not None
                digest = worker.order.spec.digest()
                if "outcome" in message:
                    worker.order = None
                    ended.append(Ended(digest, message["outcome"]))
                    if message["outcome"].ended == "stopped":  # the process ends itself
                        self._lose(worker)
                        break
                else:
                    to_steps(self._progress, digest, message["heard"])
        return ended

    def stop(self) -> None:
        for worker in self._workers:
            if worker is not None:
                worker.stop()

    def close(self) -> None:
        for worker in self._workers:
            if worker is not None:
                worker.end(at_once=worker.order is not None)
        self._selector.close()

    def _start(self) -> WorkerProcess:
        place = self._workers.index(None)
        devices = self._crew.devices
        worker = self._workers[place] = WorkerProcess(devices[place] if devices else None)
        self._selector.register(worker, selectors.EVENT_READ, worker)
        return worker

    def _lose(self, worker: WorkerProcess) -> list[Ended]:
        """Take leave of a worker that is gone; what it had in hand is lost."""
        self._selector.unregister(worker)
        self._workers[self._workers.index(worker)] = None
        how = worker.end(at_once=True)
        return [Ended(worker.order.spec.digest(), None, how)] if worker.order else []


def _crew(plan: Plan) -> Crew:
    """Return the crew for a plan on this machine."""
    import torch  # noqa: PLC0415  only where something runs

    from replication.worker import ALL_THREADS, threads_for  # noqa: PLC0415

    count = torch.cuda.device_count()
    named = os.environ.get("CUDA_VISIBLE_DEVICES")
    visible = named.split(",") if named else [str(i) for i in range(count)]
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return crew_for(
        threads_for(plan.protocol.base),
        ALL_THREADS,
        cores=cores or 1,
        devices=visible[:count],
        environ=os.environ,
    )


ENGINE: Engine = Local()
