"""One order in, one outcome out: the only function that executes anything."""

from __future__ import annotations

import time
import traceback
from datetime import UTC, datetime
from pathlib import Path

import torch

from claims.errors import CorroborateError
from replication.data import Source
from replication.environment import environment
from replication.errors import ReplicationError, StoppedError
from replication.evaluation import evaluate
from replication.orders import Order, Outcome, open_noted, order_for, plain, settle
from replication.phases import Facts, pretrain, train_tasks
from replication.protocol import Base
from replication.resume import Resume
from replication.run import Environment, Measurement, Run, RunSpec
from replication.store import Store
from replication.usage import Meter
from replication.watch import Watch
from replication.workplace import Workplace, in_bf16

__all__ = ["ALL_THREADS", "execute", "execute_stored", "threads_for"]

ALL_THREADS = torch.get_num_threads()
"""Threads that torch found fit for this machine."""

TINY_WEIGHTS = 200_000

LONGEST_ERROR = 3900


def execute(order: Order, source: Source | None = None, watch: Watch | None = None) -> Outcome:
    """Execute one order in the folders that it names; the store is somebody else's business.

    A fault that a user can do something about, and any other exception of the phase, makes a failed
    run with its traceback; an interrupt passes through.

    Measurements are a function of the spec, to the byte, on one kind of device with one number of
    threads. Another number of threads moves the last digits of float sums; halving what is held in
    memory at once keeps every batch but moves dropout within it, as other kinds of device do. The
    run's environment and its facts (`halvings_ordered`) tell of all three.

    Args:
        order: what to execute.
        source: where examples come from; None to open the one that the order describes.
        watch: may ask the run to stop, and hears of its steps.
    """
    spec = order.spec
    torch.set_num_threads(order.threads or threads_for(spec.base))
    began, clock = datetime.now(UTC).isoformat(timespec="seconds"), time.perf_counter()
    measurements: tuple[Measurement, ...] = ()
    facts: Facts = {}
    fault: Exception | None = None
    meter = Meter()
    try:
        measurements, facts = _phase(order, source or _source(order), watch or Watch())
    except StoppedError:
        return Outcome(spec_digest=spec.digest(), ended="stopped")
    except Exception as error:  # noqa: BLE001  tokenizers raises bare ones; other runs must go on
        fault = error
    run = Run(
        spec_digest=spec.digest(),
        spec=spec,
        status="finished" if fault is None else "failed",
        error=None if fault is None else _line(fault),
        traceback=None if fault is None else plain("".join(traceback.format_exception(fault))),
        measurements=measurements,
        facts=facts,
        environment=_environment(spec),
        usage=meter.read(),
        started=began,
        seconds=round(time.perf_counter() - clock, 3),
    )
    if order.halvings:
        run = run.model_copy(update={"facts": facts | {"halvings_ordered": order.halvings}})
    memory = isinstance(fault, MemoryError | torch.OutOfMemoryError)
    return Outcome(spec_digest=run.spec_digest, ended=run.status, run=run, memory=memory)


def execute_stored(spec: RunSpec, store: Store, source: Source) -> Run:
    """Execute one spec whose parent is finished, store the run, and return it.

    Raises:
        StoreError: the parent is not in the store, or the store cannot be written.
    """
    run = execute(order_for(spec, store), source).run
    assert run is not None  # nobody asks it to stop
    return settle(run, store)


def threads_for(base: Base) -> int:
    """Return how many CPU threads pay.

    Below 200,000 weights in its layers two threads wait for each other longer than they compute,
    and many times longer where another process wants the cores too.
    """
    built = base.architecture
    if built is not None and built.layers * 12 * built.width**2 < TINY_WEIGHTS:
        return 1
    return ALL_THREADS


def _line(fault: Exception) -> str:
    """Return what failed in one message, as a user reads it."""
    if isinstance(fault, CorroborateError):
        return plain(str(fault)[:LONGEST_ERROR])
    return plain(f"{type(fault).__name__}: {fault}"[:LONGEST_ERROR])


def _environment(spec: RunSpec) -> Environment:
    kind = "cuda" if torch.cuda.is_available() else "cpu"
    device = f"cuda: {torch.cuda.get_device_name()}" if kind == "cuda" else "cpu"
    precision = "bf16" if in_bf16(spec, torch.device(kind)) else "fp32"
    return environment(device, torch.get_num_threads(), precision=precision)


def _source(order: Order) -> Source:
    if order.source is None:
        raise ReplicationError(
            f"run '{order.spec.digest()[:12]}': found an order without a source ; expected one, "
            "described or handed over. This is a bug of the engine."
        )
    return open_noted(order.source, order.spec)


def _phase(order: Order, source: Source, watch: Watch) -> tuple[tuple[Measurement, ...], Facts]:
    spec, lineage = order.spec, order.lineage
    place = Workplace(
        spec,
        Path(order.folder),
        Path(order.parent) if order.parent else None,
        Path(order.root) if order.root else None,
        source,
    )
    place.watch = watch
    place.halvings = order.halvings
    place.tokens = Path(order.tokens) if order.tokens else None
    if spec.phase != "evaluation":
        place.resume = Resume(Path(order.resume)) if order.resume else None
        return (), pretrain(place) if spec.phase == "pretraining" else train_tasks(place)
    # an untrained target is scored on the encoder alone, whatever heads its parent holds
    trained = lineage[0].tasks[0] if lineage and lineage[0].phase == "target" else None
    return evaluate(place, trained)
