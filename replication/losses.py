"""The losses of a phase: computed on the device, read by the host when they have come over.

The host never waits for the device between two steps: it would then have nothing ready to compute next.
"""

from __future__ import annotations

from typing import Protocol

import numpy as np
import torch
from torch import Tensor

from replication.errors import TrainingError

__all__ = ["Losses"]


class Mark(Protocol):
    """A place in what a device has been given to do."""

    def query(self) -> bool:
        """Return whether the device has got there."""
        ...

    def synchronize(self) -> None:
        """Wait until it has."""
        ...


class Losses:
    """The mean loss of every step; at most one copy to the host is under way."""

    def __init__(self, order: list[str], values: Tensor) -> None:
        """Begin with no loss on the host.

        Args:
            order: the task of each step.
            values: (steps,), on the device; 0 for steps that are not done.
        """
        self.values = values
        self._order = order
        self._host = torch.zeros(len(order), pin_memory=values.is_cuda)
        self._array: np.ndarray = self._host.numpy()
        self._mark: Mark | None = None
        self._sent = 0
        self._arrived = 0

    def send(self, done: int) -> None:
        """Begin to copy the losses of the steps done so far, unless a copy is under way.

        Raises:
            TrainingError: a loss that has arrived is not finite.
        """
        if self.arrived() == self._sent < done:
            new = slice(self._sent, done)
            self._host[new].copy_(self.values[new], non_blocking=True)
            self._mark, self._sent = _mark(self.values.device), done

    def arrived(self) -> int:
        """Return of how many steps the loss is on the host, without waiting for any.

        Raises:
            TrainingError: one of them is not finite; says which.
        """
        if self._arrived < self._sent and (self._mark is None or self._mark.query()):
            before, self._arrived = self._arrived, self._sent
            self._check(before)
        return self._arrived

    def at(self, step: int) -> float:
        """Return the loss of a step that has arrived; the first is 1."""
        return float(self._array[step - 1])

    def read(self, done: int) -> np.ndarray:
        """Wait for the losses of the steps done, and return them.

        Raises:
            TrainingError: one is not finite.
        """
        while self._arrived < done:
            self.send(done)
            if self._mark is not None:
                self._mark.synchronize()
            self.arrived()
        return self._array[:done]

    def _check(self, first: int) -> None:
        odd = np.flatnonzero(~np.isfinite(self._array[first : self._arrived]))
        if odd.size:
            step = first + int(odd[0])
            raise TrainingError(
                f"step {step + 1} on task '{self._order[step]}': found a loss of "
                f"{self._array[step]} ; expected a finite one. Lower the learning rate or look at "
                "the data."
            )


def _mark(device: torch.device) -> Mark | None:
    """Return a mark at all that a device was given so far; None where nothing is done later."""
    if device.type != "cuda":
        return None
    event = torch.cuda.Event()  # type: ignore[no-untyped-call]
    event.record()
    return event
