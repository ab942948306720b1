"""What is a store's run doing just now, as another process may see it?

A small file for each run under way, `tmp/live/<digest>.json` in the store: replaced in one step,
never synced, no part of any digest. What a killed process leaves there is cleared away when the
store is next opened for writing, as all of `tmp/` is. Light: no torch.
"""

from __future__ import annotations

import os
import re
import socket
import stat
import time
from contextlib import suppress
from itertools import islice
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, ValidationError

from claims.record import Record

__all__ = ["LiveRun", "forget", "here", "note", "read_live", "silence"]

STALE_S = 30.0
"""Seconds without a new file after which a run counts as silent."""
DEAD_S = 5.0
"""The same where the process is gone; a newer file is a surer sign than a process number."""

LARGEST = 2**14
"""Bytes of a file that is read."""
MOST = 10_000
"""Files that are read."""

_NAME = re.compile(r"([0-9a-f]{64})\.json")

Seconds = Annotated[float, Field(ge=0)]
Count = Annotated[int, Field(ge=0)]


class LiveRun(Record):
    """What is known of one run under way."""

    schema_version: Literal["corroborate/live@1"] = Field(
        default="corroborate/live@1", alias="schema"
    )
    pid: Annotated[int, Field(ge=1, lt=2**31)]
    """Process that writes this."""
    host: Annotated[str, Field(max_length=255)]
    """Machine of that process."""
    time: float
    """When this was written, in seconds since 1970."""
    elapsed_s: Seconds
    """Since the run began."""
    step: Count | None = None
    """Steps done; null before the first, and for evaluations."""
    steps: Count | None = None
    """Steps in all."""
    tokens_per_s: Seconds | None = None
    """Real tokens, padding not counted."""
    loss: float | None = None
    left_s: Seconds | None = None
    """Estimated seconds until this run ends."""
    all_left_s: Seconds | None = None
    """Estimated seconds until the plan's last run ends."""


def here() -> tuple[int, str]:
    """Return this process's number and its machine's name."""
    return os.getpid(), socket.gethostname()[:255]


def note(store: Path, digest: str, live: LiveRun) -> None:
    """Put a run's file in place; a disk that refuses it does not disturb the run."""
    path = _folder(store) / f"{digest}.json"
    partial = path.with_suffix(".partial")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        partial.write_text(live.canonical(), encoding="utf-8")
        partial.replace(path)
    except OSError:
        with suppress(OSError):
            partial.unlink(missing_ok=True)


def forget(store: Path, digest: str) -> None:
    """Remove a run's file, and the folder with the last one."""
    with suppress(OSError):
        (_folder(store) / f"{digest}.json").unlink(missing_ok=True)
        _folder(store).rmdir()


def read_live(store: Path) -> dict[str, LiveRun]:
    """Return what the files say: digest -> run. What is no such file is passed over."""
    found: dict[str, LiveRun] = {}
    with suppress(OSError), os.scandir(_folder(store)) as entries:
        for entry in islice(entries, MOST):
            named = _NAME.fullmatch(entry.name)
            live = _read(Path(entry.path)) if named else None
            if named and live is not None:
                found[named[1]] = live
    return found


def silence(live: LiveRun, now: float | None = None) -> float | None:
    """Return for how many seconds a run has given no sign of life, None while it gives some.

    Args:
        live: what its file says.
        now: seconds since 1970; the present where None.
    """
    age = max(0.0, (time.time() if now is None else now) - live.time)
    if age > STALE_S or (age > DEAD_S and live.host == here()[1] and _dead(live.pid)):
        return age
    return None


def _folder(store: Path) -> Path:
    return store / "tmp" / "live"


def _read(path: Path) -> LiveRun | None:
    try:
        state = path.lstat()
        if not stat.S_ISREG(state.st_mode) or state.st_size > LARGEST:
            return None
        return LiveRun.model_validate_json(path.read_bytes())
    except (OSError, ValidationError):  # replaced or removed just now, or not ours
        return None


def _dead(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    except OSError:  # another user's
        return False
    return False
