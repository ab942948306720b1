"""What a worker process of the engine `local` does: orders in on stdin, outcomes out on stdout.

Both are JSON, a line each. Whatever else the process would print goes to stderr. It ends with its
parent: when stdin ends, and on Linux also by the kernel's hand, so that nobody writes into a store
whose owner is gone.
"""

from __future__ import annotations

import ctypes
import json
import os
import queue
import signal
import sys
import threading
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any, BinaryIO

from replication.engines.device import device_memory, free_device
from replication.engines.stopping import Stop
from replication.orders import Order
from replication.watch import Watch

__all__ = ["main"]

PR_SET_PDEATHSIG = 1
"""Of prctl(2), Linux."""

TERMINATED = 128 + signal.SIGTERM


def main(parent: int) -> None:
    """Execute orders until there are no more.

    SIGINT is the parent's business, though a terminal sends it to both. The first SIGTERM ends the
    run under way after its step, with its state saved, and then the process; the second at once,
    unless it is an echo: of a first one, or of one that the parent has passed on.

    Args:
        parent: process id of the owner of the store.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    stop, orders = Stop(), queue.SimpleQueue[Order | None]()

    def terminate(number: int, frame: FrameType | None) -> None:
        del number, frame
        if stop.insists():
            os._exit(TERMINATED)
        stop.ask()
        orders.put(None)

    signal.signal(signal.SIGTERM, terminate)
    _end_with(parent)
    said = os.fdopen(os.dup(1), "wb", buffering=0)
    os.dup2(2, 1)
    threading.Thread(target=_listen, args=(sys.stdin.buffer, orders, stop), daemon=True).start()
    with _leaving():
        while (order := orders.get()) is not None:
            _execute(order, stop, said)


def _execute(order: Order, stop: Stop, said: BinaryIO) -> None:
    from replication.worker import execute  # noqa: PLC0415  torch; orders are heard meanwhile

    def heard(*told: float) -> None:
        room = device_memory()
        _say(said, heard=told, room=None if room is None else [room.free, room.total])

    outcome = execute(order, watch=Watch(stop.asked, heard))
    free_device()
    _say(said, outcome=outcome.model_dump(mode="json", by_alias=True))


def _say(said: BinaryIO, **message: Any) -> None:
    line = memoryview((json.dumps(message) + "\n").encode())
    while line:
        line = line[said.write(line) :]


def _listen(heard: BinaryIO, orders: queue.SimpleQueue[Order | None], stop: Stop) -> None:
    """Take orders until the parent has no more, or is no more; then end at once, whatever is done."""
    with _leaving():
        for line in heard:
            message = json.loads(line)
            if "stop" in message:
                stop.ask()
            else:
                orders.put(Order.model_validate(message["order"]))


@contextmanager
def _leaving() -> Iterator[None]:
    """End the process after this, in whichever thread, without waiting for the other one."""
    code = 1
    try:
        yield
        code = 0
    except BaseException:  # noqa: BLE001  told to the parent, which reads stderr when we are gone
        traceback.print_exc()
    finally:
        sys.stderr.flush()
        os._exit(code)


def _end_with(parent: int) -> None:
    """Have the kernel kill this process when its parent ends."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:  # it ended before the line above
        os._exit(0)
