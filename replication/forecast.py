"""How long will the runs take that are left? From runs that ended, predictions, and steps done.

Light: no torch.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from statistics import median

from replication.run import RunSpec

__all__ = ["Forecast"]

Sort = tuple[object, ...]

MANY = 3
"""Runs of other phases that must have ended before they say something of this one."""


class Forecast:
    """Learns from every run that ends what the others will take."""

    def __init__(
        self, specs: Sequence[RunSpec], expected: Mapping[str, float] | None = None
    ) -> None:
        """Take the plan's runs, parents before children.

        Args:
            specs: the runs.
            expected: digest -> seconds that a cost model predicts; may lack runs. A prediction is
                corrected by how much longer the runs took that have ended.
        """
        self._left = {spec.digest(): spec for spec in specs}
        self._expected = {d: s for d, s in (expected or {}).items() if s > 0}
        self._seconds: dict[Sort, list[float]] = defaultdict(list)
        self._ratios: dict[Sort, list[float]] = defaultdict(list)

    @property
    def left(self) -> int:
        """How many runs have not ended."""
        return len(self._left)

    def learn(self, spec: RunSpec, seconds: float) -> None:
        """Hear what a run took."""
        for sort in _sorts(spec):
            self._seconds[sort].append(seconds)
        predicted = self._expected.get(spec.digest())
        if predicted is not None:
            for sort in _sorts(spec)[1:]:
                self._ratios[sort].append(seconds / predicted)

    def drop(self, digest: str) -> None:
        """Leave a run out of what is left: it ended, or will not be executed."""
        self._left.pop(digest, None)

    def seconds(self, spec: RunSpec) -> float | None:
        """Return what a run will take from begin to end, None where nothing is known of its sort."""
        predicted = self._expected.get(spec.digest())
        if predicted is not None:
            return predicted * (_typical(self._ratios, _sorts(spec)[1:]) or 1.0)
        return _typical(self._seconds, _sorts(spec))

    def remaining(
        self, running: Mapping[str, float | None] | None = None, workers: int = 1
    ) -> float | None:
        """Return the seconds until the last run ends, None while a run's time is unknown.

        Runs wait for their parents, so that the longest chain bounds what more workers can do; the
        number is the larger of that chain and the work divided by the workers (Graham 1969).

        Args:
            running: digest -> seconds left, or None where steps do not tell.
            workers: runs under way at once.
        """
        running = running or {}
        known: dict[tuple[object, ...], float | None] = {}
        behind: dict[str | None, float] = defaultdict(float)  # longest chain that waits for a run
        total = longest = 0.0
        for digest, spec in reversed(self._left.items()):
            need = running.get(digest)
            if need is None:
                sort = (digest,) if digest in self._expected else _sorts(spec)[0]
                if sort not in known:
                    known[sort] = self.seconds(spec)
                need = known[sort]
            if need is None:
                return None
            total += need
            chain = need + behind[digest]
            longest = max(longest, chain)
            behind[spec.parent] = max(behind[spec.parent], chain)
        return max(longest, total / max(1, workers))


def _sorts(spec: RunSpec) -> tuple[Sort, ...]:
    """Return what a run may be likened to, the likest first."""
    return (spec.phase, spec.tasks), (spec.phase,), ()


def _typical(values: Mapping[Sort, list[float]], sorts: Sequence[Sort]) -> float | None:
    """Return the median over the likest runs; one slow run, on a busy machine, is not all."""
    for sort in sorts:
        found = values.get(sort, [])
        if len(found) >= (1 if sort else MANY):
            return median(found)
    return None
