"""How far is the work, and how long will the rest take? Lines on a stream that is not stdout.

One line for each run that ends; on a terminal also a passing line for the run under way. The rest
is estimated from what finished runs of the same sort took. Light: no torch.
"""

from __future__ import annotations

import shutil
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from contextlib import suppress
from statistics import median
from typing import TextIO

from replication.run import RunSpec

__all__ = ["Progress", "duration"]

_CLEAR = "\r\x1b[K"


class Progress:
    """Hears of every run of a plan, and tells whoever watches the stream."""

    def __init__(
        self,
        specs: Sequence[RunSpec],
        stream: TextIO,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Take the plan's runs and a stream, usually stderr; nothing is written anywhere else."""
        self._left = {spec.digest(): spec for spec in specs}
        self._total = len(self._left)
        self._stream = stream
        self._clock = clock
        self._begun = 0.0
        self._costs: dict[tuple[object, ...], list[float]] = defaultdict(list)

    def begin(self, spec: RunSpec) -> None:
        """Hear that a run begins."""
        self._begun = self._clock()
        if self._stream.isatty():
            width = shutil.get_terminal_size().columns - 1
            place = self._total - len(self._left) + 1
            self._say(_CLEAR + self._line(place, spec, "running")[:width])

    def end(self, spec: RunSpec, seconds: float | None = None) -> None:
        """Hear that a run ended, well or not; without its seconds, the time since `begin` counts."""
        taken = self._clock() - self._begun if seconds is None else seconds
        for sort in _sorts(spec):
            self._costs[sort].append(taken)
        self._left.pop(spec.digest(), None)
        place = self._total - len(self._left)
        clear = _CLEAR if self._stream.isatty() else ""
        self._say(clear + self._line(place, spec, duration(taken)) + "\n")

    def skip(self, spec: RunSpec) -> None:
        """Hear that a run is not executed."""
        self._left.pop(spec.digest(), None)

    def remaining(self) -> float | None:
        """Return the seconds that the runs left will take, None before the first has ended."""
        seconds = 0.0
        for spec in self._left.values():
            costs = [(sort, self._costs.get(sort, [])) for sort in _sorts(spec)]
            # two runs of other phases say nothing of this one
            known = next((c for sort, c in costs if len(c) >= (1 if sort else 3)), None)
            if known is None:
                return None
            seconds += median(known)  # one slow run, on a busy machine, must not count for all
        return seconds

    def _line(self, place: int, spec: RunSpec, what: str) -> str:
        left = self.remaining() if self._left else None
        rest = "" if left is None else f", about {duration(left)} left"
        return f"[{place}/{self._total}] {spec.title()}: {what}{rest}"

    def _say(self, text: str) -> None:
        # Work of hours must not end because nobody watches any more.
        with suppress(OSError, ValueError):
            self._stream.write(text)
            self._stream.flush()


def duration(seconds: float) -> str:
    """Return a length of time as people say it, such as `12 s`, `4 min` or `2.5 h`."""
    if seconds < 9.95:
        return f"{seconds:.1f} s"
    if seconds < 99.5:
        return f"{seconds:.0f} s"
    minutes = seconds / 60
    return f"{minutes:.0f} min" if minutes < 99.5 else f"{minutes / 60:.1f} h"


def _sorts(spec: RunSpec) -> tuple[tuple[object, ...], ...]:
    """Return what a run may be likened to, the likest first."""
    return (spec.phase, spec.tasks), (spec.phase,), ()
