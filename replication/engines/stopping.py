"""Has somebody asked this process to stop? Ctrl-C, Slurm and Ray do so by a signal.

The first signal is a request, which is kept; the second ends the process as Ctrl-C always does.
"""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

__all__ = ["ECHO_S", "SIGNALS", "Stop", "heeding_signals"]

SIGNALS = (signal.SIGINT, signal.SIGTERM)

ECHO_S = 0.3
"""Seconds within which another signal is the first one again: `timeout`, terminals and batch systems
signal a process and its whole group, so that one wish arrives twice."""


class Stop:
    """Remembers whether a stop was asked for."""

    def __init__(self) -> None:
        self._asked = False
        self._since = 0.0

    def asked(self) -> bool:
        """Return whether to stop."""
        return self._asked

    def ask(self) -> None:
        """Ask to stop."""
        if not self._asked:
            self._asked, self._since = True, time.monotonic()

    def insists(self) -> bool:
        """Return whether who asks now has asked before, longer ago than an echo takes."""
        return self._asked and time.monotonic() - self._since >= ECHO_S


@contextmanager
def heeding_signals() -> Iterator[Stop]:
    """Turn the first SIGINT or SIGTERM into a request, and the second into KeyboardInterrupt.

    What follows the first within `ECHO_S` seconds is no second one.
    A signal that the process ignores, as a job in the background of a script does, stays ignored.
    Outside the main thread no signal can be heeded, and nothing is changed.
    """
    stop = Stop()

    def heed(number: int, frame: FrameType | None) -> None:
        del number, frame
        if stop.insists():
            raise KeyboardInterrupt
        stop.ask()

    before = {}
    if threading.current_thread() is threading.main_thread():
        for number in SIGNALS:
            if signal.getsignal(number) is not signal.SIG_IGN:
                before[number] = signal.signal(number, heed)
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
