"""How far is another process with a store's runs? A view that follows it until it is left.

It opens the store for reading only, and only when its journal has grown. Light: no torch.
"""

from __future__ import annotations

import os
import time
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import TextIO

from replication.display import Overview, Row, Screen, lively
from replication.live import LiveRun, read_live, silence
from replication.run import RunSpec
from replication.store import RunState, Store
from reports.errors import ReportError

__all__ = ["Watched", "watch"]

EVERY_S = 1.0
"""Seconds between two looks."""
HEARTBEAT_S = 30.0
"""Least seconds between two lines where nothing but the steps moved."""
NAMED = 5
"""Runs that one line names of each kind."""

Key = tuple[int, int, int, int]


class Watched:
    """A store that another process may be writing."""

    def __init__(self, path: Path) -> None:
        """Take the store's folder."""
        self._path = path
        self._seen: Key | None = None
        self._planned = False
        self._specs: dict[str, RunSpec] = {}
        self._states: dict[str, RunState] = {}
        self._live: dict[str, LiveRun] = {}

    def overview(self) -> Overview | None:
        """Return what is done, running and waiting now; None while the store has no plan.

        Raises:
            StoreError: it is no store, or is damaged.
        """
        # before the journal: a run that ends in between is then running for one look, not waiting
        live = read_live(self._path)
        self._reopen()
        if not self._planned:
            return None
        self._live = {
            d: v for d, v in live.items() if self._states.get(d) not in {None, "finished"}
        }
        counts = [s for d, s in self._states.items() if d not in self._live]
        done, failed = counts.count("finished"), counts.count("failed")
        left = [v.all_left_s for v in sorted(self._live.values(), key=lambda v: -v.time)]
        rows = tuple(
            _row(spec, self._live[d]) for d, spec in self._specs.items() if d in self._live
        )
        return Overview(
            total=len(self._specs),
            done=done,
            failed=failed,
            waiting=len(counts) - done - failed,
            rows=rows,
            left_s=left[0] if left and any(row.silent_s is None for row in rows) else None,
        )

    def news(self) -> dict[str, str]:
        """Return what each run does: digest -> `finished`, `failed`, `running`, `silent`, `waiting`."""
        words: dict[str, str] = {
            d: s if s in {"finished", "failed"} else "waiting" for d, s in self._states.items()
        }
        for digest, live in self._live.items():
            words[digest] = "running" if silence(live) is None else "silent"
        return words

    def title(self, digest: str) -> str:
        """Return what a run of the plan is, in a line."""
        return self._specs[digest].title()

    def _reopen(self) -> None:
        """Read the store again if its journal is another one than before."""
        key = _key(self._path / "journal.jsonl")
        if key is not None and key == self._seen:
            return
        with Store.open(self._path, write=False) as store:
            plan = store.latest_plan()
            self._planned = plan is not None
            self._specs = {s.digest(): s for s in plan.specs} if plan else {}
            self._states = {digest: store.state(digest) for digest in self._specs}
        self._seen = key


def watch(path: Path, stream: TextIO, *, every_s: float = EVERY_S, json: bool = False) -> None:
    """Show how far a store's runs are until all have ended, or until interrupted.

    Args:
        path: the store's folder.
        stream: a terminal, for a live display; on anything else a line for each change.
        every_s: seconds between two looks.
        json: whether one JSON document is wanted, which a view that goes on cannot be.

    Raises:
        StoreError: it is no store, or is damaged.
        ReportError: JSON is wanted.
    """
    if json:
        raise ReportError(
            "status: found --json with --watch ; expected one of them. Call `status --json` again "
            "whenever you need it."
        )
    watched = Watched(path)
    # who stops watching, or stops reading, has seen enough
    try:
        with suppress(KeyboardInterrupt):
            (_on_screen if lively(stream) else _in_lines)(watched, stream, every_s)
    except BrokenPipeError:
        nowhere = os.open(os.devnull, os.O_WRONLY)  # for what is flushed on leaving
        os.dup2(nowhere, stream.fileno())
        os.close(nowhere)


def _on_screen(watched: Watched, stream: TextIO, every_s: float) -> None:
    overview = watched.overview()  # a fault is told before there is a display
    screen = Screen(stream)
    try:
        while not _over(overview):
            if overview is not None:
                screen.show(overview)
            time.sleep(every_s)
            overview = watched.overview()
    finally:
        screen.close()
        print(_heading(overview), file=stream, flush=True)


def _in_lines(watched: Watched, stream: TextIO, every_s: float) -> None:
    before: dict[str, str] | None = None
    planned = False
    spoken = 0.0
    while True:
        overview = watched.overview()
        news = watched.news()
        changes = _changes(watched, before or {}, news)
        steps = overview is not None and overview.rows and time.monotonic() - spoken >= HEARTBEAT_S
        if before is None or changes or steps or planned != (overview is not None):
            running = overview.running() if overview else ""
            moved = "; ".join(changes) if changes and before is not None else running
            now = datetime.now(UTC).isoformat(timespec="seconds")
            said = ": ".join(part for part in (_heading(overview), moved) if part)
            print(f"{now} {said}", file=stream, flush=True)
            spoken = time.monotonic()
        before, planned = news, overview is not None
        if _over(overview):
            return
        time.sleep(every_s)


def _changes(watched: Watched, before: dict[str, str], after: dict[str, str]) -> list[str]:
    """Return a clause for each kind of change, naming a few of the runs."""
    moved: dict[str, list[str]] = {}
    for digest, word in after.items():
        if word != before.get(digest, "waiting"):
            moved.setdefault(word, []).append(watched.title(digest))
    return [
        f"{word} {', '.join(titles[:NAMED])}"
        + (f" and {len(titles) - NAMED} more" if len(titles) > NAMED else "")
        for word, titles in moved.items()
    ]


def _row(spec: RunSpec, live: LiveRun) -> Row:
    return Row(
        title=spec.title(),
        elapsed_s=live.elapsed_s,
        step=live.step,
        steps=live.steps,
        tokens_per_s=live.tokens_per_s,
        loss=live.loss,
        left_s=live.left_s,
        silent_s=silence(live),
    )


def _over(overview: Overview | None) -> bool:
    return overview is not None and overview.done + overview.failed == overview.total


def _heading(overview: Overview | None) -> str:
    return "no plan in this store yet" if overview is None else overview.heading()


def _key(path: Path) -> Key | None:
    try:
        state = path.stat()
    except OSError:
        return None
    return state.st_ino, state.st_size, state.st_mtime_ns, state.st_ctime_ns
