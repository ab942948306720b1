"""The parent's side of one worker process: start it, give it orders, hear what it says, end it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Any

from replication.orders import Order, Outcome

__all__ = ["WorkerProcess"]

_ROOT = Path(__file__).resolve().parents[2]

_START = (
    "import sys; sys.path.append(sys.argv[1]); "
    "from replication.engines.local_worker import main; main(int(sys.argv[2]))"
)
"""Our own packages come last on the path, so that the folder they lie in hides nothing else."""

_END_S = 5.0
"""Seconds that an idle worker has to end by itself."""

_LAST_WORDS = 600
"""Characters of a lost worker's stderr that are told."""


class WorkerProcess:
    """One process that executes one order at a time; nothing but JSON lines passes between us."""

    def __init__(self, device: str | None) -> None:
        """Start the process; it imports torch when its first order comes.

        Args:
            device: the only CUDA device that it sees; None to leave that as it is here.
        """
        self.device = device
        own = {} if device is None else {"CUDA_VISIBLE_DEVICES": device}
        # a file and not a pipe: nobody has to read it for the worker to go on
        self._stderr = tempfile.TemporaryFile()  # noqa: SIM115  closed by `end`
        self._process = subprocess.Popen(  # noqa: S603  our own interpreter and our own code
            [sys.executable, "-P", "-c", _START, str(_ROOT), str(os.getpid())],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._stderr,
            env=os.environ | own,
        )
        self._rest = b""
        self.order: Order | None = None
        """The order in hand."""

    @property
    def pid(self) -> int:
        """Return the process id."""
        return self._process.pid

    def fileno(self) -> int:
        """Return the descriptor to wait on for what the process says."""
        assert self._process.stdout is not None
        return self._process.stdout.fileno()

    def begin(self, order: Order) -> None:
        """Give an order; a process that is gone is noticed when it is listened to."""
        self.order = order
        self._tell({"order": order.model_dump(mode="json", by_alias=True)})

    def stop(self) -> None:
        """Ask the process to stop after the step under way."""
        self._tell({"stop": True})

    def listen(self) -> list[dict[str, Any]] | None:
        """Return what the process said since; None when it is gone. Call when there is something.

        Each message is `{"heard": [steps, of, tokens, loss], "room": [free, total]}`, where the room
        of the process's device may be null, or `{"outcome": Outcome}`.
        """
        chunk = os.read(self.fileno(), 2**20)
        if not chunk:
            return None
        *lines, self._rest = (self._rest + chunk).split(b"\n")
        try:
            said = [json.loads(line) for line in lines]
            return [
                {"outcome": Outcome.model_validate(m["outcome"])} if "outcome" in m else m
                for m in said
            ]
        except ValueError:  # it wrote no JSON, or no outcome: nothing it says can be trusted
            return None

    def end(self, *, at_once: bool) -> str:
        """End the process and return how it ended, as a clause.

        Args:
            at_once: whether to kill it, rather than to tell it that there are no more orders.
        """
        process = self._process
        assert process.stdin is not None
        assert process.stdout is not None
        if at_once:
            process.kill()
        with suppress(OSError):  # what was not yet sent needs not be
            process.stdin.close()
        try:
            process.wait(_END_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        process.stdout.close()
        self._stderr.seek(0, os.SEEK_END)
        self._stderr.seek(max(0, self._stderr.tell() - _LAST_WORDS))
        words = self._stderr.read().decode("utf-8", "replace").strip()
        self._stderr.close()
        return _how(process.returncode) + (f", and had said: {words}" if words else "")

    def _tell(self, message: dict[str, Any]) -> None:
        assert self._process.stdin is not None
        with suppress(BrokenPipeError):
            self._process.stdin.write((json.dumps(message) + "\n").encode())
            self._process.stdin.flush()


def _how(code: int) -> str:
    if code >= 0:
        return f"it ended with exit code {code}"
    try:
        return f"it was killed by {signal.Signals(-code).name}"
    except ValueError:
        return f"it was killed by signal {-code}"
