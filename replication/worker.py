"""One run spec in, one run out: the only function that executes anything."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from pathlib import Path

import torch

from claims.errors import CorroborateError
from replication.data import Source
from replication.environment import environment
from replication.errors import StoreError
from replication.evaluation import evaluate
from replication.phases import Facts, pretrain, train_tasks
from replication.protocol import Base
from replication.resume import Resume
from replication.run import Measurement, Run, RunSpec
from replication.store import Store
from replication.workplace import Workplace

__all__ = ["ALL_THREADS", "execute", "threads_for"]

ALL_THREADS = torch.get_num_threads()
"""Threads that torch found fit for this machine."""

TINY_WEIGHTS = 200_000


def execute(spec: RunSpec, store: Store, source: Source) -> Run:
    """Execute one spec whose parent is finished, store the run, and return it.

    A fault that a user can do something about, and any other exception of the phase, makes a failed
    run, which is stored too; an interrupt passes through and leaves nothing but a started run.

    Raises:
        StoreError: the parent is not in the store, or the store cannot be written.
    """
    digest = spec.digest()
    torch.set_num_threads(threads_for(spec.base))
    lineage = _lineage(spec, store)
    folder = store.begin(spec)
    began, clock = datetime.now(UTC).isoformat(timespec="seconds"), time.perf_counter()
    measurements: tuple[Measurement, ...] = ()
    facts: Facts = {}
    error: str | None = None
    try:
        measurements, facts = _phase(spec, folder, lineage, store, source)
    except CorroborateError as fault:
        error = str(fault)
    except Exception as fault:  # noqa: BLE001  tokenizers raises bare ones; other runs must go on
        error = f"{type(fault).__name__}: {fault}"
    device = "cuda: " + torch.cuda.get_device_name() if torch.cuda.is_available() else "cpu"
    run = Run(
        spec_digest=digest,
        spec=spec,
        status="finished" if error is None else "failed",
        error=error[:3900] if error is not None else None,
        measurements=measurements,
        facts=facts,
        environment=environment(device, torch.get_num_threads()),
        started=began,
        seconds=round(time.perf_counter() - clock, 3),
    )
    if error is not None:
        store.fail(run, folder)
        return run
    return store.finish(run, folder)


def threads_for(base: Base) -> int:
    """Return how many CPU threads pay.

    Below 200,000 weights in its layers two threads wait for each other longer than they compute,
    and many times longer where another process wants the cores too.
    """
    built = base.architecture
    if built is not None and built.layers * 12 * built.width**2 < TINY_WEIGHTS:
        return 1
    return ALL_THREADS


def _lineage(spec: RunSpec, store: Store) -> list[RunSpec]:
    """Return the specs that this one starts from, nearest first."""
    found: list[RunSpec] = []
    parent = spec.parent
    while parent is not None:
        run = store.run(parent, verify=not found)  # the checkpoint that is loaded is hashed
        if run is None:
            raise StoreError(
                f"run '{spec.digest()[:12]}' ({spec.title()}): found no finished parent "
                f"'{parent[:12]}' ; expected it in the store. Run the plan's runs in order."
            )
        found.append(run.spec)
        parent = run.spec.parent
    return found


def _phase(
    spec: RunSpec, folder: Path, lineage: list[RunSpec], store: Store, source: Source
) -> tuple[tuple[Measurement, ...], Facts]:
    parent = store.folder(spec.parent) if spec.parent else None
    root = lineage[-1] if lineage else None
    pretrained = root is not None and root.phase == "pretraining"
    place = Workplace(
        spec,
        folder,
        parent,
        store.folder(root.digest()) if root is not None and pretrained else None,
        source,
    )
    if spec.phase != "evaluation":
        place.resume = Resume(store.resume_folder(spec.digest()))
        return (), pretrain(place) if spec.phase == "pretraining" else train_tasks(place)
    # an untrained target is scored on the encoder alone, whatever heads its parent holds
    trained = lineage[0].tasks[0] if lineage and lineage[0].phase == "target" else None
    measurements, examples = evaluate(place, trained)
    return measurements, {"examples": examples}
