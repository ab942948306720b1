"""What are the runs of a plan to devices, and which device takes another? Kept for whole plans.

`sharing` knows of loads alone; here runs become loads, once each, and a run in which memory ran out
beside others becomes one that wants its device to itself. Light: no torch.
"""

from __future__ import annotations

import time
from dataclasses import replace

from replication.engines.device import Load, Room, load_of, memory_of
from replication.engines.engine import Ended
from replication.engines.sharing import Sharing
from replication.run import RunSpec
from replication.workload import Workloads

__all__ = ["Placing"]


class Placing:
    """The runs of one plan and the devices that they are on."""

    def __init__(self, sharing: Sharing, loads: Workloads) -> None:
        """Take the devices, and the sizes of runs on the plan's source."""
        self._sharing = sharing
        self._loads = loads
        self._known: dict[str, Load] = {}
        """Digest -> what a run is to a device."""
        self._crowded: set[str] = set()
        """Digests of runs in which memory ran out beside others."""

    def device_for(self, spec: RunSpec) -> str | None:
        """Return the device where a run may begin now; None for none."""
        return self._sharing.device_for(self._load(spec))

    def limit(self, spec: RunSpec, device: str) -> int:
        """Return how many runs may be on a device when this one begins there."""
        return self._sharing.limit(self._load(spec), device)

    def begin(self, spec: RunSpec, device: str) -> None:
        """Hear that a run begins on a device."""
        self._sharing.begin(spec.digest(), self._load(spec), device)

    def hear(self, digest: str, tokens: int, room: Room | None) -> None:
        """Hear of a step of a run: real tokens so far, and its device's memory where that is known."""
        self._sharing.hear(digest, time.monotonic(), tokens, room)

    def end(self, ended: Ended, *, devices: bool = True) -> Ended:
        """Hear that a run ended, and return it with whether it was crowded.

        Args:
            ended: a run that began here.
            devices: whether there are devices whose memory could have run out.
        """
        ran_out, peak = memory_of(ended.outcome)
        now = time.monotonic()
        beside = self._sharing.end(ended.digest, now, crowded=ran_out, peak=peak)
        if not (ran_out and beside and devices):
            return ended
        self._crowded.add(ended.digest)
        self._known.pop(ended.digest, None)
        return replace(ended, crowded=True)

    def lines(self) -> list[str]:
        """Return how many runs devices took at once, and why no more, in a sentence each."""
        return self._sharing.lines()

    def _load(self, spec: RunSpec) -> Load:
        digest = spec.digest()
        if digest not in self._known:
            self._known[digest] = load_of(spec, self._loads, alone=digest in self._crowded)
        return self._known[digest]
