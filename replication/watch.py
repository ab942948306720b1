"""Who looks on while a phase trains: may it go on, and how far is it? Light: no torch."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field

from replication.errors import StoppedError

__all__ = ["Heard", "Watch"]

Heard = Callable[[int, int, int, float], None]
"""Takes steps done, steps in all, real tokens seen so far, and the loss of the last step."""


def _never() -> bool:
    return False


@dataclass(slots=True)
class Watch:
    """Asks between two steps whether to stop, and tells of steps now and then."""

    stop: Callable[[], bool] = _never
    """Whether the run is to stop after the step under way; asked often, so it must be quick."""
    heard: Heard | None = None
    """Hears of steps; None where nobody does."""
    every_s: float = 1.0
    """Least seconds between two tellings: each makes the device wait for its loss."""
    _told: float = field(default=float("-inf"), init=False)

    def due(self) -> bool:
        """Return whether somebody wants to hear of a step now; if so, the next has to wait again."""
        if self.heard is None or time.monotonic() - self._told < self.every_s:
            return False
        self._told = time.monotonic()
        return True

    def tell(self, step: int, steps: int, tokens: int, loss: float) -> None:
        """Tell of a step, whether or not it is due."""
        if self.heard is not None:
            self.heard(step, steps, tokens, loss)

    def check(self) -> None:
        """Leave a phase that is to stop and has nothing to save.

        Raises:
            StoppedError: it is to stop.
        """
        if self.stop():
            raise StoppedError("the run was asked to stop before it was done. Run it again.")
