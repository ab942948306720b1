"""The state of a training phase on disk, so that a killed process goes on where it was, bit for bit.

A state is copied to the host's memory between two steps, and written by a thread while training goes on.
What the data order needs is not kept: it is a pure function of the seed, so that a resumed phase
draws the batches that it has done already and throws them away.
"""

from __future__ import annotations

import json
import os
import time
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from replication.artifacts import sync

__all__ = ["Progressed", "Resume", "on_host"]

STATE = "training.safetensors"


@dataclass(slots=True)
class Progressed:
    """How far a phase got; all that a step changes, apart from weights and optimiser."""

    step: int
    """Steps done."""
    losses: Tensor
    """(steps of the phase,), mean loss of each step done, 0 for the others."""
    numbers: dict[str, Any]
    """JSON values that the loop keeps, such as tokens seen."""
    kept: dict[str, Tensor]
    """Weights of the best checkpoint so far; empty where none is kept."""


class Resume:
    """Keeps the state of one phase in a folder; at most one state is being written at a time."""

    def __init__(self, folder: Path, every_s: float = 120.0) -> None:
        """Keep the folder and the time between two states.

        Args:
            folder: exists, and is this phase's alone.
            every_s: least seconds between two states; 0 for one after every step.
        """
        self.path = folder / STATE
        self.every_s = every_s
        self._last = time.monotonic()
        self._thread: ThreadPoolExecutor | None = None
        self._writing: Future[None] | None = None

    def due(self) -> bool:
        """Return whether enough time has passed since the last state was there.

        Raises:
            Exception: what went wrong when it was written; asked after every step, so that no step
                more is made than the one under way.
        """
        if self._writing is not None and self._writing.done():
            self.wait()
        if self._writing is not None and self.every_s:
            return False
        return time.monotonic() - self._last >= self.every_s

    def save(self, done: Progressed, model: nn.Module, optimiser: torch.optim.Optimizer) -> None:
        """Copy the state to the host's memory, and begin to write it beside the old one.

        It takes the old one's place when all of it is on the disk.

        Raises:
            Exception: what went wrong when the state before was written.
        """
        self.wait()
        tensors = {f"model.{n}": t for n, t in model.state_dict().items()}
        for index, state in optimiser.state_dict()["state"].items():
            tensors |= {f"optimiser.{index}.{n}": t for n, t in state.items()}
        tensors |= {"losses": done.losses, "random.cpu": torch.get_rng_state()}
        if torch.cuda.is_available():
            tensors["random.cuda"] = torch.cuda.get_rng_state()
        plain = {n: on_host(t) for n, t in tensors.items()}
        # on the host already, and never changed: a better checkpoint takes their place whole
        plain |= {f"kept.{n}": t for n, t in done.kept.items()}
        note = {"step": str(done.step), "numbers": json.dumps(done.numbers)}
        self._thread = self._thread or ThreadPoolExecutor(1, "resume")
        self._writing = self._thread.submit(self._write, plain, note)

    def wait(self) -> None:
        """Wait until nothing is being written.

        Raises:
            Exception: what went wrong when it was written.
        """
        writing, self._writing = self._writing, None
        try:
            if writing is not None:
                writing.result()
        except BaseException:
            # interrupted, not failed: it is still being written, and has to be waited for again
            self._writing = writing if writing is not None and not writing.done() else None
            raise

    def close(self) -> None:
        """Wait as `wait` does, for the last time, and end the thread."""
        try:
            self.wait()
        finally:
            if self._thread is not None:
                self._thread.shutdown()
                self._thread = None

    def _write(self, plain: dict[str, Tensor], note: dict[str, str]) -> None:
        beside = self.path.with_suffix(".partial")
        save_file(plain, beside, metadata=note)
        with beside.open("rb") as file:
            os.fsync(file.fileno())
        beside.replace(self.path)
        sync(self.path.parent)
        self._last = time.monotonic()

    def load(self, model: nn.Module, optimiser: torch.optim.Optimizer) -> Progressed | None:
        """Put weights, optimiser and torch's generators back; None where there is no usable state.

        A damaged state counts as none: the phase then starts anew, which costs time and nothing else.
        """
        if not self.path.is_file():
            return None
        before = {n: t.detach().clone() for n, t in model.state_dict().items()}
        generator = torch.get_rng_state()
        try:
            with safe_open(self.path, framework="pt") as file:
                note = dict(file.metadata() or {})
                tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
            return _restore(note, tensors, model, optimiser)
        except (SafetensorError, OSError, ValueError, KeyError, RuntimeError):
            self.path.unlink(missing_ok=True)
            model.load_state_dict(before)
            optimiser.state.clear()
            torch.set_rng_state(generator)
            return None


def on_host(tensor: Tensor) -> Tensor:
    """Return a copy of a tensor in the host's memory, which nothing else will change."""
    return tensor.detach().to("cpu", copy=True).contiguous()


def _restore(
    note: dict[str, str],
    tensors: dict[str, Tensor],
    model: nn.Module,
    optimiser: torch.optim.Optimizer,
) -> Progressed:
    numbers = json.loads(note["numbers"])
    model.load_state_dict(_under("model.", tensors), strict=True)
    wanted = optimiser.state_dict()
    state: dict[int, dict[str, Tensor]] = {}
    for name, tensor in _under("optimiser.", tensors).items():
        index, _, key = name.partition(".")
        state.setdefault(int(index), {})[key] = tensor
    optimiser.load_state_dict({"state": state, "param_groups": wanted["param_groups"]})
    torch.set_rng_state(tensors["random.cpu"])
    if "random.cuda" in tensors and torch.cuda.is_available():
        torch.cuda.set_rng_state(tensors["random.cuda"])
    return Progressed(int(note["step"]), tensors["losses"], numbers, _under("kept.", tensors))


def _under(prefix: str, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    return {n.removeprefix(prefix): t for n, t in tensors.items() if n.startswith(prefix)}
