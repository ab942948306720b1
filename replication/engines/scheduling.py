"""Which run begins next, which is tried again, and which will never begin? Pure: no clock, no store."""

from __future__ import annotations

import heapq
from collections import defaultdict
from collections.abc import Callable, Collection, Sequence
from typing import Literal

from replication.run import RunSpec

__all__ = ["TRIES", "Schedule", "Why"]

Why = Literal["lost", "memory", "crowded"]

TRIES: dict[Why, int] = {"lost": 2, "memory": 3, "crowded": 1}
"""How often a run begins again after its worker was lost, after memory ran out, and after it did so
because of other runs on the device."""


class Schedule:
    """The runs of a plan that are still to do, and what has become of those that began.

    Its answers are a function of the plan, of the order asked for and of what it was told; runs that
    are ready at once begin in that order.
    """

    def __init__(
        self, specs: Sequence[RunSpec], todo: Collection[str], order: Sequence[str] | None = None
    ) -> None:
        """Take the plan and what to do of it.

        Args:
            specs: of the plan, parents before children.
            todo: digests of the runs to do; of the others, every one that is needed is there.
            order: digests in the order wanted, as far as parents allow it; None for the plan's.
        """
        self._specs = {d: s for s in specs if (d := s.digest()) in todo}
        self._children: dict[str, list[str]] = defaultdict(list)
        for digest, spec in self._specs.items():
            if spec.parent in self._specs:
                self._children[str(spec.parent)].append(digest)
        self._rank = self._ranks(order)
        self._waiting = set(self._specs)
        self._running: set[str] = set()
        self._tries: dict[tuple[str, Why], int] = defaultdict(int)
        self._ready = [
            (self._rank[d], d) for d, s in self._specs.items() if s.parent not in self._specs
        ]
        heapq.heapify(self._ready)

    @property
    def running(self) -> int:
        """Return how many runs have begun and not ended."""
        return len(self._running)

    @property
    def waiting(self) -> int:
        """Return how many runs have not begun and may still do so."""
        return len(self._waiting)

    def take(self, fits: Callable[[RunSpec], bool] | None = None) -> RunSpec | None:
        """Return the run to begin now, as begun; None where none is ready.

        Args:
            fits: says whether there is room for a run now; the first for which there is begins. None
                where there is room for any.
        """
        passed: list[tuple[tuple[int, int], str]] = []
        while self._ready and fits and not fits(self._specs[self._ready[0][1]]):
            passed.append(heapq.heappop(self._ready))
        digest = heapq.heappop(self._ready)[1] if self._ready else None
        for each in passed:
            heapq.heappush(self._ready, each)
        if digest is None:
            return None
        self._waiting.remove(digest)
        self._running.add(digest)
        return self._specs[digest]

    def finish(self, digest: str) -> None:
        """Hear that a run is done; its children are ready."""
        self._running.remove(digest)
        for child in self._children[digest]:
            heapq.heappush(self._ready, (self._rank[child], child))

    def retry(self, digest: str, why: Why) -> bool:
        """Hear that a run ended in a way that may pass; return whether it is ready once more.

        Where it has been tried often enough it still counts as running: `fail` it.
        """
        if self._tries[digest, why] >= TRIES[why]:
            return False
        self._tries[digest, why] += 1
        self._running.remove(digest)
        self._waiting.add(digest)
        heapq.heappush(self._ready, (self._rank[digest], digest))
        return True

    def tries(self, digest: str, why: Why) -> int:
        """Return how often a run was made ready once more for this reason."""
        return self._tries[digest, why]

    def fail(self, digest: str) -> list[RunSpec]:
        """Hear that a run failed for good; return all that rests on it, which will never begin."""
        self._running.remove(digest)
        below: list[str] = []
        todo = list(self._children[digest])
        while todo:
            child = todo.pop()
            below.append(child)
            todo += self._children[child]
        self._waiting.difference_update(below)
        return [self._specs[d] for d in sorted(below, key=self._rank.__getitem__)]

    def put_back(self, digest: str) -> None:
        """Hear that a run was stopped before it was done: it waits for another day."""
        self._running.remove(digest)
        self._waiting.add(digest)

    def _ranks(self, order: Sequence[str] | None) -> dict[str, tuple[int, int]]:
        """Return the place of each run; a run is as urgent as the most urgent that rests on it."""
        wanted = {d: i for i, d in reversed(list(enumerate(order or ())))}
        rank = {d: (wanted.get(d, len(wanted)), i) for i, d in enumerate(self._specs)}
        for digest in reversed(list(self._specs)):
            parent = self._specs[digest].parent
            if order is not None and parent in rank:
                rank[str(parent)] = min(rank[str(parent)], (rank[digest][0], rank[str(parent)][1]))
        return rank
