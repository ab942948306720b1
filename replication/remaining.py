"""Which runs of a plan are still to be made, and whose checkpoints do they start from?

Light: imports neither torch nor transformers nor datasets.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from replication.run import Plan, RunSpec
from replication.store import Store

__all__ = ["Remaining", "remaining", "weights_read"]


@dataclass(frozen=True, slots=True)
class Remaining:
    """What a store lacks of a plan."""

    make: frozenset[str]
    """Runs to execute: those not there, and those whose checkpoint is needed and gone."""
    read: frozenset[str]
    """Runs whose checkpoints those start from, to be executed themselves or not."""


def remaining(plan: Plan, store: Store, *, verify: bool = True) -> Remaining:
    """Return what is left of a plan.

    Children come first, so that a run is hashed only where something will start from it.

    Args:
        plan: parents before children.
        store: what is there.
        verify: whether checkpoints that will be read are hashed; damaged ones are then made again.
    """
    specs = {spec.digest(): spec for spec in plan.specs}
    make: set[str] = set()
    read: set[str] = set()
    for digest, spec in reversed(specs.items()):
        needed = digest in read
        there = store.run(digest, verify=verify and needed) is not None
        if not there or (needed and store.collected(digest)):
            make.add(digest)
            read |= weights_read(spec, specs)
    return Remaining(frozenset(make), frozenset(read))


def weights_read(spec: RunSpec, specs: Mapping[str, RunSpec]) -> set[str]:
    """Return the runs whose checkpoints a run reads: its parent's, and the base's for its head.

    Args:
        spec: of the run.
        specs: digest -> spec, of the runs that it descends from.
    """
    if spec.parent is None:
        return set()
    root = spec.parent
    while (above := specs[root].parent) is not None:
        root = above
    return {spec.parent} if spec.masked_mixing is None else {spec.parent, root}
