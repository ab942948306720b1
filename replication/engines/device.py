"""What does a run ask of a device, and what has the device?

Light: torch is looked at where it is loaded already, and never loaded here.
"""

from __future__ import annotations

import gc
import sys
from contextlib import suppress
from dataclasses import dataclass

from replication.cost import foreseen_memory
from replication.orders import Outcome
from replication.protocol import Recipe, TokenBudget
from replication.run import RunSpec
from replication.workload import Workloads

__all__ = ["Load", "Room", "device_memory", "free_device", "load_of", "memory_of", "process_bytes"]

MARGIN = 1.25
"""Times which a run may take what was predicted, or what a run of its kind took. An assumption."""

CONTEXT_BYTES = 2**30
"""Memory that a process takes of a device beside what torch counts. An assumption."""


@dataclass(frozen=True, slots=True)
class Load:
    """What a run is to a device."""

    kind: str
    """Encoder, phase, shape of batches and precision, in words; runs of one kind are alike in speed."""
    encoder: str
    memory: int | None
    """Bytes of the device that its process is expected to take; None where nobody knows."""
    trains: bool
    """Whether it tells of steps."""
    alone: bool = False
    """Whether nothing may run beside it."""


@dataclass(frozen=True, slots=True)
class Room:
    """Memory of a device as its driver tells it."""

    free: int
    """Bytes that nobody has."""
    total: int
    """Bytes in all."""


def load_of(spec: RunSpec, loads: Workloads, *, alone: bool = False) -> Load:
    """Return what a run is to a device.

    Args:
        spec: of the run.
        loads: of the plan's source.
        alone: whether nothing may run beside it, since memory has run out when something did.
    """
    built = spec.base.architecture
    encoder = spec.base.checkpoint or "no encoder"
    if built is not None:
        encoder = f"an encoder of {built.layers} layers, {built.width} wide"
    recipes = list(spec.recipes.values())
    recipes += [p.recipe for p in (spec.pretraining, spec.masked_mixing) if p is not None]
    shape = ", ".join(sorted({_shape(r) for r in recipes}))
    if spec.lengths is not None:
        shape = f"{spec.lengths.max_length} tokens"
    kind = f"{spec.phase} of {encoder}, {shape or 'no batches'}, {spec.precision}"
    counted = foreseen_memory(spec, loads)
    memory = None if counted is None else process_bytes(counted)
    return Load(kind, encoder, memory, spec.phase != "evaluation", alone)


def _shape(recipe: Recipe) -> str:
    size = recipe.batch_size
    if isinstance(size, TokenBudget):
        return f"{size.tokens} tokens a batch of at most {recipe.max_length}"
    return f"{size} x {recipe.max_length} tokens"


def device_memory() -> Room | None:
    """Return what this process's device has; None where torch uses none here."""
    with suppress(Exception):  # a driver that cannot tell: then nothing is shared
        cuda = sys.modules["torch"].cuda
        if cuda.is_initialized():
            return Room(*(int(n) for n in cuda.mem_get_info()))
    return None


def free_device() -> None:
    """Give back what this process keeps of a device's memory between two runs, for others on it."""
    with suppress(Exception):
        cuda = sys.modules["torch"].cuda
        if cuda.is_initialized():
            gc.collect()
            cuda.empty_cache()


def memory_of(outcome: Outcome | None) -> tuple[bool, int | None]:
    """Return whether a run's device ran out of memory, and the peak that torch counted, where known.

    Memory that ran out within training is no failure: batches were cut finer on the spot.
    """
    run = outcome.run if outcome else None
    if outcome is None or run is None:
        return False, None
    finer = int(run.facts.get("halvings", 0)) > 0
    return outcome.memory or finer, run.usage.device_peak_bytes if run.usage else None


def process_bytes(counted: int) -> int:
    """Return the bytes of a device that a process may take, from those that torch counts in it."""
    return round(MARGIN * counted) + CONTEXT_BYTES
