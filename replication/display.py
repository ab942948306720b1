"""How do people see work under way? A live display on a terminal, and the same in single lines.

`rich` is imported where a live display is made, and nowhere else. Light: no torch.
"""

from __future__ import annotations

import os
from contextlib import suppress
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, Any, TextIO, cast

if TYPE_CHECKING:
    from rich.console import Group

__all__ = ["Overview", "Row", "Screen", "duration", "lively"]

COLUMNS = ("step", "tokens/s", "loss", "time", "left")
"""What the display has of a running run, after its title."""

IN_A_LINE = 4
"""Running runs that one line names."""


@dataclass(frozen=True, slots=True)
class Row:
    """One run under way."""

    title: str
    elapsed_s: float
    step: int | None = None
    steps: int | None = None
    tokens_per_s: float | None = None
    loss: float | None = None
    left_s: float | None = None
    silent_s: float | None = None
    """Seconds without a sign of life; None while there is one."""

    def cells(self) -> tuple[str, ...]:
        """Return step, speed, loss, time and estimate, in the order of `COLUMNS`."""
        share = f" {100 * self.step // self.steps}%" if self.step and self.steps else ""
        if self.silent_s is not None:
            left = f"no sign of life for {duration(self.silent_s)}"
        else:
            left = "" if self.left_s is None else duration(self.left_s)
        return (
            "" if self.step is None else f"{self.step}/{self.steps}{share}",
            "" if self.tokens_per_s is None else _short(self.tokens_per_s),
            "" if self.loss is None else f"{self.loss:.4g}",
            duration(self.elapsed_s),
            left,
        )

    def text(self) -> str:
        """Return the run in one line."""
        step, speed, loss, time, left = self.cells()
        parts = [f"step {step}"] if step else []
        parts += [f"{speed} tokens/s"] if speed else []
        parts += [f"loss {loss}"] if loss else []
        parts += [f"for {time}"]
        if left:
            parts += [left if self.silent_s is not None else f"about {left} left"]
        return f"{self.title}: {', '.join(parts)}"


@dataclass(frozen=True, slots=True)
class Overview:
    """All runs of a plan at one moment."""

    total: int
    done: int
    """Runs that are finished, now or before."""
    waiting: int
    rows: tuple[Row, ...]
    """Runs under way."""
    failed: int = 0
    blocked: int = 0
    """Runs left out because they rest on a failed one."""
    left_s: float | None = None
    """Estimated seconds until the last run ends."""

    def heading(self) -> str:
        """Return the counts and the overall estimate in one line."""
        silent = sum(row.silent_s is not None for row in self.rows)
        parts = [f"{self.done} of {self.total} done", f"{len(self.rows) - silent} running"]
        parts += [f"{silent} without a sign of life"] if silent else []
        parts += [f"{self.waiting} waiting"]
        parts += [f"{self.failed} failed"] if self.failed else []
        parts += [f"{self.blocked} left out"] if self.blocked else []
        parts += [] if self.left_s is None else [f"about {duration(self.left_s)} left"]
        return ", ".join(parts)

    def running(self) -> str:
        """Return what is under way in one line."""
        return "; ".join(row.text() for row in self.rows[:IN_A_LINE]) + _more(
            len(self.rows) - IN_A_LINE
        )


class Screen:
    """A live display at the foot of a terminal; lines that stay scroll by above it."""

    def __init__(self, stream: TextIO, *, redirect: bool = False) -> None:
        """Take a terminal.

        Args:
            stream: the terminal.
            redirect: whether what others write to stderr is put above the display.
        """
        from rich.console import Console  # noqa: PLC0415  only where a display is made
        from rich.live import Live  # noqa: PLC0415  only where a display is made

        self._console = Console(
            file=cast("IO[str]", _Unbreakable(stream)),
            force_terminal=True,
            highlight=False,
            markup=False,
            emoji=False,
        )
        self._live = Live(
            console=self._console,
            auto_refresh=False,
            transient=True,
            redirect_stdout=False,
            redirect_stderr=redirect,
            vertical_overflow="crop",
        )
        self._live.start()
        # Who is killed cannot give the cursor back.
        self._console.show_cursor(True)  # noqa: FBT003  rich's own signature

    def show(self, overview: Overview) -> None:
        """Replace what is shown."""
        self._live.update(_panel(overview, *self._console.size), refresh=True)

    def line(self, text: str) -> None:
        """Write a line that stays."""
        self._console.print(text, soft_wrap=True)

    def close(self) -> None:
        """Take the display away."""
        self._live.stop()


def lively(stream: TextIO) -> bool:
    """Return whether a stream is a terminal that can show a live display."""
    try:
        terminal = stream.isatty()
    except (OSError, ValueError):
        return False
    return terminal and os.environ.get("TERM", "dumb").lower() not in {"", "dumb", "unknown"}


def duration(seconds: float) -> str:
    """Return a length of time as people say it, such as `12 s`, `4 min` or `2.5 h`."""
    if seconds < 9.95:
        return f"{seconds:.1f} s"
    if seconds < 99.5:
        return f"{seconds:.0f} s"
    minutes = seconds / 60
    return f"{minutes:.0f} min" if minutes < 99.5 else f"{minutes / 60:.1f} h"


def _panel(overview: Overview, width: int, height: int) -> Group:
    from rich.console import Group  # noqa: PLC0415  only where a display is made
    from rich.table import Table  # noqa: PLC0415  only where a display is made
    from rich.text import Text  # noqa: PLC0415  only where a display is made

    room = max(1, height - 4)
    rows = overview.rows[:room]
    cells = [row.cells() for row in rows]
    used = [i for i in range(len(COLUMNS)) if any(c[i] for c in cells)]
    taken = (max(len(x) for x in (COLUMNS[i], *(c[i] for c in cells))) + 2 for i in used)
    room_for_title = max(1, width - sum(taken))
    table = Table(box=None, expand=True, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    table.add_column("running", ratio=1, no_wrap=True, overflow="ellipsis")
    for i in used:
        table.add_column(COLUMNS[i], no_wrap=True, overflow="ellipsis", justify="right")
    for row, own in zip(rows, cells, strict=True):
        table.add_row(_fit(row.title, room_for_title), *(own[i] for i in used))
    parts: list[Any] = [Text(overview.heading(), "bold", no_wrap=True, overflow="ellipsis")]
    parts += [table] if rows else []
    more = _more(len(overview.rows) - room)
    parts += [Text(more.removeprefix(", "))] if more else []
    return Group(*parts)


def _more(number: int) -> str:
    """Return how many more are running, as the end of a line; nothing for none."""
    return f", and {number} more running" if number > 0 else ""


def _fit(title: str, width: int) -> str:
    """Return a title cut in its middle, for the seed is at its end."""
    if len(title) <= width:
        return title
    end = min(9, width // 3)
    return f"{title[: max(0, width - end - 2)]}..{title[len(title) - end :]}"


def _short(number: float) -> str:
    if number < 1000:
        return f"{number:.0f}"
    return f"{number / 1000:.1f}k" if number < 1e6 else f"{number / 1e6:.1f}M"


class _Unbreakable:
    """A stream that nobody may read any more; rich would end the process on a broken pipe."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self.encoding = getattr(stream, "encoding", None) or "utf-8"

    def write(self, text: str) -> int:
        with suppress(OSError, ValueError):
            self._stream.write(text)
        return len(text)

    def flush(self) -> None:
        with suppress(OSError, ValueError):
            self._stream.flush()

    def isatty(self) -> bool:
        return True

    def fileno(self) -> int:
        return self._stream.fileno()
