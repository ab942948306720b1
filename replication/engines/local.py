"""The engine `local`: several worker processes on this machine.

Where there are CUDA devices each has one process, and more where `sharing` finds that memory allows
them and that throughput gains; the CPU's threads are divided among what runs. Without devices, there
are as many processes as cores allow when each computes with the threads that `inline` would give it
(see `worker.threads_for`), so that a tiny encoder runs on every core and a large one in one process.
The environment variable CORROBORATE_WORKERS sets the number of processes, and where there are devices
the most.

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
from replication.engines.device import Room
from replication.engines.driving import Terms, drive, to_steps
from replication.engines.engine import Ended, Engine, Progress, Tally
from replication.engines.placing import Placing
from replication.engines.sharing import Rules, Sharing
from replication.engines.stopping import heeding_signals
from replication.engines.worker_process import WorkerProcess
from replication.errors import ReplicationError
from replication.orders import Order, describe
from replication.run import Plan, RunSpec
from replication.store import Store
from replication.workload import Workloads

__all__ = ["ENGINE", "WORKERS", "Crew", "Local", "crew_for"]

WORKERS = "CORROBORATE_WORKERS"
"""Environment variable: number of worker processes, from 1 to 1024."""

MOST = 1024


@dataclass(frozen=True, slots=True)
class Crew:
    """How many processes, with what each."""

    workers: int
    """Processes; where there are devices, at most."""
    threads: int
    """CPU threads of each; where there are devices, of all that run at once."""
    devices: tuple[str, ...] = ()
    """CUDA devices as CUDA_VISIBLE_DEVICES names them; empty to compute on the CPU."""

    def threads_beside(self, others: int) -> int:
        """Return the CPU threads of a run that begins while so many others are under way."""
        if not self.devices:
            return self.threads
        return max(1, self.threads // max(others + 1, len(self.devices)))


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
            f"{MOST}. Leave it unset for as many as devices and cores take."
        )
    if devices:
        # each run's process keeps its device busy from a core of its own
        workers = int(asked) if asked else max(len(devices), cores)
        return Crew(workers, all_threads, tuple(devices[:workers]))
    workers = int(asked) if asked else max(1, cores // threads)
    return Crew(workers, threads if workers * threads <= cores else max(1, cores // workers))


class Local:
    """Runs a plan in several processes of this machine."""

    name = "local"

    def __init__(
        self,
        devices: Sequence[str] | None = None,
        room: Room | None = None,
        rules: Rules | None = None,
    ) -> None:
        """Take what is otherwise found out, so that sharing can be tried where there is no GPU.

        Args:
            devices: as CUDA_VISIBLE_DEVICES names them; None for those that CUDA has.
            room: memory of each, where its driver does not tell it.
            rules: of sharing.
        """
        self._devices = devices
        self._room = room
        self._rules = rules

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
            crew = _crew(plan, self._devices)
            sharing = Sharing(crew.devices, most=crew.workers, rules=self._rules)
            placing = Placing(sharing, Workloads(source))
            hands = _Processes(crew, progress, placing, self._room)
            terms = Terms(progress, budget_s, order, stop, note)
            tally = drive(plan, store, hands=hands, terms=terms)
            tally.shared = placing.lines()
            return tally


class _Processes:
    """Executes in worker processes, which are started as they are needed."""

    def __init__(
        self,
        crew: Crew,
        progress: Progress,
        placing: Placing,
        room: Room | None = None,
    ) -> None:
        self._crew = crew
        self._progress = progress
        self._placing = placing
        self._room = room
        self._workers: list[WorkerProcess] = []
        self._selector = selectors.DefaultSelector()

    @property
    def capacity(self) -> int:
        return self._crew.workers

    def fits(self, spec: RunSpec) -> bool:
        return not self._crew.devices or self._placing.device_for(spec) is not None

    def begin(self, order: Order) -> None:
        device = None
        busy = sum(w.order is not None for w in self._workers)
        if self._crew.devices:
            device = self._placing.device_for(order.spec)
            assert device is not None  # it fits
            self._placing.begin(order.spec, device)
        idle = [w for w in self._workers if w.order is None and w.device == device]
        given = order.model_copy(update={"threads": self._crew.threads_beside(busy)})
        (idle[0] if idle else self._start(device)).begin(given)

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
                    ended.append(self._ended(Ended(digest, message["outcome"])))
                    if message["outcome"].ended == "stopped":  # the process ends itself
                        self._lose(worker)
                        break
                else:
                    self._hear(digest, message["heard"], message["room"])
        return ended

    def stop(self) -> None:
        for worker in self._workers:
            worker.stop()

    def close(self) -> None:
        for worker in self._workers:
            worker.end(at_once=worker.order is not None)
        self._selector.close()

    def _hear(self, digest: str, told: Sequence[float], room: Sequence[int] | None) -> None:
        known = self._room if room is None else Room(*room)
        self._placing.hear(digest, int(told[2]), known)
        to_steps(self._progress, digest, told)

    def _ended(self, ended: Ended) -> Ended:
        return self._placing.end(ended) if self._crew.devices else ended

    def _start(self, device: str | None) -> WorkerProcess:
        worker = WorkerProcess(device)
        self._workers.append(worker)
        self._selector.register(worker, selectors.EVENT_READ, worker)
        return worker

    def _lose(self, worker: WorkerProcess) -> list[Ended]:
        """Take leave of a worker that is gone; what it had in hand is lost."""
        self._selector.unregister(worker)
        self._workers.remove(worker)
        how = worker.end(at_once=True)
        lost = worker.order and Ended(worker.order.spec.digest(), None, how)
        return [self._ended(lost)] if lost else []


def _crew(plan: Plan, devices: Sequence[str] | None) -> Crew:
    """Return the crew for a plan on this machine; with these devices, where some are given."""
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
        devices=visible[:count] if devices is None else devices,
        environ=os.environ,
    )


ENGINE: Engine = Local()
