"""How far is the work, and how long will the rest take? Told on a stream that is not stdout.

On a terminal a live display; elsewhere one line for each run that ends, and now and then one for
those under way. With a store it also leaves word there, for `corroborate status --watch`.
Light: no torch.
"""

from __future__ import annotations

import atexit
import math
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self, TextIO

from replication.display import Overview, Row, Screen, duration, lively
from replication.forecast import Forecast
from replication.live import LiveRun, forget, here, note
from replication.run import RunSpec

__all__ = ["Progress", "duration"]

TICK_S = 1.0
"""Seconds between two looks of the display and two notes in the store."""
HEARTBEAT_S = 30.0
"""Least seconds between the last line and one that only says what is under way."""
WINDOW_S = 30.0
"""Seconds over which speed is measured."""
LARGE = 1000
"""Runs left above which the overall estimate is made anew only every few seconds."""


@dataclass(slots=True)
class _Running:
    spec: RunSpec
    begun: float
    step: int | None = None
    steps: int | None = None
    loss: float | None = None
    first: tuple[float, int] | None = None
    """Time and step of the first word."""
    last: tuple[float, int] | None = None
    tokens: deque[tuple[float, int]] = field(default_factory=lambda: deque(maxlen=200))

    def hear(self, now: float, step: int, steps: int) -> None:
        self.step, self.steps, self.last = step, steps, (now, step)
        if self.first is None or step < self.first[1]:
            self.first = self.last

    def count(self, now: float, tokens: int) -> None:
        """Keep the tokens seen so far, a few values a second, for as long as the window."""
        if self.tokens and tokens < self.tokens[-1][1]:
            self.tokens.clear()  # the run began anew
        if len(self.tokens) > 1 and now - self.tokens[-2][0] < WINDOW_S / 100:
            self.tokens.pop()
        self.tokens.append((now, tokens))
        while len(self.tokens) > 2 and now - self.tokens[0][0] > WINDOW_S:
            self.tokens.popleft()

    def speed(self) -> float | None:
        """Return real tokens per second, lately."""
        if len(self.tokens) < 2 or self.tokens[-1][0] <= self.tokens[0][0]:
            return None
        (began, before), (ended, after) = self.tokens[0], self.tokens[-1]
        return (after - before) / (ended - began)

    def left(self, now: float, whole: float | None) -> float | None:
        """Return the seconds until the run ends, from its own steps or from what it should take."""
        if self.first and self.last and self.steps and self.last[1] > self.first[1]:
            # up to now, not to the last word: a run that hangs is not about to end
            pace = (now - self.first[0]) / (self.last[1] - self.first[1])
            return pace * (self.steps - self.last[1])
        return None if whole is None else max(0.0, whole - (now - self.begun))


class Progress:
    """Hears of every run of a plan, and tells whoever watches. Any thread may tell it."""

    def __init__(
        self,
        specs: Sequence[RunSpec],
        stream: TextIO,
        *,
        clock: Callable[[], float] = time.monotonic,
        expected: Mapping[str, float] | None = None,
        store: Path | None = None,
    ) -> None:
        """Take the plan's runs and where to tell of them.

        Args:
            specs: the runs, parents before children.
            stream: usually stderr.
            clock: seconds from any beginning.
            expected: digest -> seconds that a cost model predicts.
            store: the store's folder, open for writing, where other processes may read how far
                the runs are; None to leave no word.
        """
        self._forecast = Forecast(specs, expected)
        self._total = self._forecast.left
        self._stream = stream
        self._clock = clock
        self._store = store
        self._running: dict[str, _Running] = {}
        self._done = self._failed = self._blocked = 0
        self._unfit: set[str] = set()
        """Runs that failed or were left out after a failure."""
        self._workers = 1
        self._screen: Screen | None = None
        self._lively = lively(stream)
        self._spoken = clock()
        self._estimated: tuple[float, float | None] = (-math.inf, None)
        self._guard = threading.RLock()
        self._over = threading.Event()
        self._ticker: threading.Thread | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def begin(self, spec: RunSpec) -> None:
        """Hear that a run begins, or begins anew."""
        with self._guard:
            now = self._clock()
            if not self._running:
                self._spoken = now
            self._running[spec.digest()] = _Running(spec, now)
            self._workers = max(self._workers, len(self._running))
            if self._ticker is None:
                self._over.clear()
                self._ticker = threading.Thread(target=self._tick, name="progress", daemon=True)
                # a daemon that writes while the interpreter goes down would abort it
                atexit.register(self.close)
                self._ticker.start()
            self._show()
            self._leave_word()

    def step(
        self,
        digest: str,
        step: int,
        steps: int,
        loss: float | None = None,
        tokens: int | None = None,
    ) -> None:
        """Hear how far a run is; of one that is not under way nothing is kept.

        Args:
            digest: of the run's spec.
            step: steps done.
            steps: steps in all.
            loss: mean loss per term of the step.
            tokens: real tokens seen so far in the phase, padding not counted.
        """
        with self._guard:
            run = self._running.get(digest)
            if run is None:
                return
            now = self._clock()
            run.hear(now, step, steps)
            if tokens is not None:
                run.count(now, tokens)
            run.loss = loss if loss is not None and math.isfinite(loss) else None

    def end(self, spec: RunSpec, seconds: float | None = None) -> None:
        """Hear that a run finished; without its seconds, the time since `begin` counts."""
        with self._guard:
            taken = self._taken(spec, seconds)
            self._forecast.learn(spec, taken)
            self._done += 1
            self._over_with(spec, duration(taken))

    def fail(self, spec: RunSpec, seconds: float | None = None) -> None:
        """Hear that a run failed, from which no estimate learns: it ended early."""
        with self._guard:
            taken = self._taken(spec, seconds)
            self._failed += 1
            self._unfit.add(spec.digest())
            self._over_with(spec, f"failed after {duration(taken)}")

    def skip(self, spec: RunSpec) -> None:
        """Hear that a run is not executed: it is there already, or rests on a failed one."""
        with self._guard:
            digest = spec.digest()
            self._running.pop(digest, None)
            self._forecast.drop(digest)
            if spec.parent in self._unfit:
                self._blocked += 1
                self._unfit.add(digest)
            else:
                self._done += 1
            self._end_of(digest)

    def remaining(self) -> float | None:
        """Return the seconds that the runs left will take, None before enough is known."""
        with self._guard:
            now = self._clock()
            left = {
                d: r.left(now, self._forecast.seconds(r.spec)) for d, r in self._running.items()
            }
            return self._forecast.remaining(left, self._workers)

    def overview(self) -> Overview:
        """Return what is done, running and waiting."""
        with self._guard:
            now = self._clock()
            rows = tuple(
                Row(
                    title=run.spec.title(),
                    elapsed_s=now - run.begun,
                    step=run.step,
                    steps=run.steps,
                    tokens_per_s=run.speed(),
                    loss=run.loss,
                    left_s=run.left(now, self._forecast.seconds(run.spec)),
                )
                for run in self._running.values()
            )
            return Overview(
                total=self._total,
                done=self._done,
                waiting=self._forecast.left - len(rows),
                rows=rows,
                failed=self._failed,
                blocked=self._blocked,
                left_s=self._estimate(),
            )

    def tick(self) -> None:
        """Bring the display, the log and the store up to date; its own thread calls it."""
        with self._guard:
            if not self._running:
                return
            self._show()
            self._leave_word()
            if self._screen is None and self._clock() - self._spoken >= HEARTBEAT_S:
                self._line(f"{self._place()} running {self.overview().running()}")

    def close(self) -> None:
        """Take the display away and leave no word behind; safe to call twice."""
        with self._guard:
            self._over.set()
            ticker, self._ticker = self._ticker, None
            for digest in self._running:
                if self._store is not None:
                    forget(self._store, digest)
            self._running.clear()
            self._hide()
            atexit.unregister(self.close)
        if ticker is not None and ticker is not threading.current_thread():
            ticker.join(timeout=5)

    def _tick(self) -> None:
        while not self._over.wait(TICK_S):
            self.tick()

    def _taken(self, spec: RunSpec, seconds: float | None) -> float:
        run, now = self._running.get(spec.digest()), self._clock()
        since = now if run is None else run.begun
        return now - since if seconds is None else seconds

    def _over_with(self, spec: RunSpec, how: str) -> None:
        digest = spec.digest()
        self._running.pop(digest, None)
        self._forecast.drop(digest)
        self._end_of(digest)
        self._line(f"{self._place()} {spec.title()}: {how}")

    def _end_of(self, digest: str) -> None:
        if self._store is not None:
            forget(self._store, digest)
        if not self._forecast.left:
            self._over.set()
            self._ticker = None
            self._hide()
            atexit.unregister(self.close)

    def _place(self) -> str:
        return f"[{self._total - self._forecast.left}/{self._total}]"

    def _estimate(self) -> float | None:
        """Return what remains; of very many runs, as it was a moment ago."""
        made, known = self._estimated
        now = self._clock()
        if self._forecast.left > LARGE and now - made < 5 and known is not None:
            return max(0.0, known - (now - made))
        self._estimated = (now, self.remaining())
        return self._estimated[1]

    def _line(self, text: str) -> None:
        """Write a line that stays, with the overall estimate."""
        left = self._estimate() if self._forecast.left else None
        whole = text if left is None else f"{text}, about {duration(left)} left"
        self._spoken = self._clock()
        if self._screen is not None:
            self._drawn(lambda screen: screen.line(whole))
            self._show()
        else:
            # Work of hours must not end because nobody watches any more.
            with suppress(OSError, ValueError):
                self._stream.write(whole + "\n")
                self._stream.flush()

    def _show(self) -> None:
        if not self._lively or not self._forecast.left:
            return
        if self._screen is None:
            try:
                self._screen = Screen(self._stream, redirect=True)
            except Exception:  # noqa: BLE001  a display that cannot be made must not end the work
                self._lively = False
                return
        self._drawn(lambda screen: screen.show(self.overview()))

    def _hide(self) -> None:
        self._drawn(lambda screen: screen.close())
        self._screen = None

    def _drawn(self, draw: Callable[[Screen], None]) -> None:
        """Draw on the screen where there is one; lines take its place if that fails."""
        if self._screen is None:
            return
        try:
            draw(self._screen)
        except Exception:  # noqa: BLE001  a fault of the display must not end the work
            self._screen, self._lively = None, False

    def _leave_word(self) -> None:
        if self._store is None:
            return
        pid, host = here()
        overview = self.overview()
        for digest, row in zip(self._running, overview.rows, strict=True):
            live = LiveRun(
                pid=pid,
                host=host,
                time=time.time(),
                elapsed_s=max(0.0, row.elapsed_s),
                step=row.step,
                steps=row.steps,
                tokens_per_s=row.tokens_per_s,
                loss=row.loss,
                left_s=row.left_s,
                all_left_s=overview.left_s,
            )
            note(self._store, digest, live)
