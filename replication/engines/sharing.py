"""How many runs may a device take at once? As many as memory allows and as throughput pays for.

A device begins with one run. Once the real tokens a second of n runs of one kind are known, and memory
allows one more, n + 1 are tried; they are kept if the runs together gained a tenth, else n is final for
that kind on that device. Memory that ran out lowers it. Nothing here measures: answers are a function
of what was told, in the order told. Light: no torch.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from replication.engines.device import Load, Room, process_bytes

__all__ = ["Rules", "Sharing"]

USABLE = 0.95
"""Share of a device's memory that is given out."""


@dataclass(frozen=True, slots=True)
class Rules:
    """When throughput counts as known, and as risen."""

    window_s: float = 20.0
    """Seconds over which tokens are counted."""
    settle_s: float = 3.0
    """Seconds after a change that do not count: kernels are chosen, caches fill."""
    gap_s: float = 5.0
    """Seconds of silence after which a run does something else than train: it keeps its state or looks
    at validation data; such times do not count."""
    tellings: int = 3
    """Fewest words of each run within what counts."""
    gain: float = 1.1
    """Times which the tokens a second must rise for one more run to stay."""


@dataclass(slots=True)
class _UnderWay:
    """A run on a device."""

    load: Load
    beside: bool
    """Whether another run has been on its device."""
    told: bool = False
    """Whether it has told of a step: before, it computes nothing and its memory is still to come."""
    room: Room | None = None
    heard: float = 0.0
    first: tuple[float, int] | None = None
    """When what counts began, and tokens then."""
    last: tuple[float, int] = (0.0, 0)
    count: int = 0


@dataclass(slots=True)
class _Known:
    """What is known of a kind of runs on a device."""

    encoder: str
    proven: int = 1
    """Most runs at once that paid."""
    final: bool = False
    rates: dict[int, float] = field(default_factory=dict)
    """Runs at once -> tokens a second of all of them."""
    partly: dict[int, tuple[float, float]] = field(default_factory=dict)
    """Runs at once -> tokens and seconds counted so far."""

    def allowed(self) -> int:
        """Return how many runs of this kind may be there: one more than paid while that is tried."""
        return self.proven + int(not self.final and self.proven in self.rates)


@dataclass(slots=True)
class _Device:
    """One device; or several that are alike, among which somebody else spreads the runs evenly."""

    name: str
    gpus: int = 1
    running: dict[str, _UnderWay] = field(default_factory=dict)
    known: dict[str, _Known] = field(default_factory=dict)
    peaks: dict[str, int] = field(default_factory=dict)
    since: float = float("inf")
    """When what counts may begin; the first step that a run tells of puts it off."""

    def of(self, load: Load) -> _Known:
        return self.known.setdefault(load.kind, _Known(load.encoder))

    def level(self, more: int = 0) -> int:
        """Return runs at once on one GPU, with so many more runs."""
        return -(-(len(self.running) + more) // self.gpus)

    def memory(self, load: Load) -> int | None:
        found = [m for m in (load.memory, self.peaks.get(load.kind)) if m is not None]
        return max(found, default=None)

    def limit(self, load: Load) -> int:
        """Return how many runs may be on one GPU when this one begins."""
        others = [run.load for run in self.running.values()]
        if any(each.alone for each in (load, *others)):
            return 1
        if load.trains and all(o.kind == load.kind for o in others):
            return self.of(load).allowed()
        return min(self._proven(each) for each in (load, *others))

    def _proven(self, load: Load) -> int:
        """Return how many were measured to pay; for what does not train, of its encoder's training."""
        if load.trains:
            return self.of(load).proven
        found = (k.proven for k in self.known.values() if k.encoder == load.encoder)
        most = max(found, default=1)
        own = self.of(load)  # of which no more may be known than that memory ran out
        return min(most, own.proven) if own.final else most

    def lacks(self, load: Load) -> str:
        """Return why memory does not allow one more run; empty where it does."""
        runs = list(self.running.values())
        rooms = [run.room for run in runs if run.room is not None]
        if not rooms:
            return "how much memory is free was not told"
        wanted = [self.memory(each) for each in (load, *(run.load for run in runs))]
        if None in wanted:
            return "how much memory a run takes is not known"
        n = self.level(1)
        least = int(USABLE * min(room.total for room in rooms))
        if (needed := _most(wanted, n)) > least:
            return f"{n} would take {_gib(needed)} of {_gib(least)}"
        coming = [wanted[0], *(w for w, r in zip(wanted[1:], runs, strict=True) if not r.told)]
        free = min(room.free for room in rooms)
        if (needed := _most(coming, n)) > free:
            return f"one more would take {_gib(needed)} where {_gib(free)} are free"
        return ""


class Sharing:
    """Which device takes another run; everything that is known of them is told to it."""

    def __init__(self, devices: Iterable[str], *, most: int, rules: Rules | None = None) -> None:
        """Begin with one run a device.

        Args:
            devices: their names.
            most: runs under way in all, at most.
            rules: when throughput counts as known, and as risen.
        """
        self._devices = [_Device(name) for name in devices]
        self._where: dict[str, _Device] = {}
        self._most = most
        self._rules = rules or Rules()
        self._said: dict[tuple[str, str], str] = {}
        """Device and kind -> the last decision, in words."""

    @property
    def running(self) -> int:
        """Return how many runs are under way."""
        return len(self._where)

    def resize(self, device: str, gpus: int) -> None:
        """Hear of how many like GPUs a device stands for; it is one where nobody says."""
        for each in self._devices:
            if each.name == device and each.gpus != gpus:
                each.gpus = max(1, gpus)
                self._begin_anew(each, float("inf"))

    def device_for(self, load: Load) -> str | None:
        """Return the device where a run may begin now, the one with fewest runs; None for none."""
        if len(self._where) >= self._most:
            return None
        for device in sorted(self._devices, key=_Device.level):
            if device.level(1) <= 1:
                return device.name
            if device.level(1) > device.limit(load):
                continue
            why = device.lacks(load)
            if not why:
                return device.name
            self._say(device, load.kind, device.level(1) - 1, why)
        return None

    def limit(self, load: Load, device: str) -> int:
        """Return how many runs may be on a device when this one begins there."""
        return next(d.limit(load) for d in self._devices if d.name == device)

    def begin(self, digest: str, load: Load, device: str) -> None:
        """Hear that a run begins on a device."""
        (found,) = (d for d in self._devices if d.name == device)
        self._count(found)
        for run in found.running.values():
            run.beside = True
        found.running[digest] = _UnderWay(load, beside=bool(found.running))
        self._where[digest] = found
        self._begin_anew(found, float("inf"))

    def hear(self, digest: str, now: float, tokens: int, room: Room | None = None) -> None:
        """Hear of a step.

        Args:
            digest: of a run; one that is not under way is passed over.
            now: seconds from any beginning.
            tokens: real tokens that the run has seen so far.
            room: of its device's memory, where that is known.
        """
        device = self._where.get(digest)
        if device is None:
            return
        run, rules = device.running[digest], self._rules
        run.room = room or run.room
        silent = run.told and now - run.heard > rules.gap_s
        run.heard = now
        if not run.told or silent or (run.first is not None and tokens < run.last[1]):
            run.told = True
            self._count(device)
            self._begin_anew(device, now + rules.settle_s)
            return
        if now < device.since:
            return
        run.first = run.first or (now, tokens)
        run.last, run.count = (now, tokens), run.count + 1
        if self._span(device) >= self._missing(device):
            self._count(device)
            self._begin_anew(device, now)

    def end(
        self, digest: str, now: float, *, crowded: bool = False, peak: int | None = None
    ) -> bool:
        """Hear that a run ended, and return whether another was on its device at some time.

        Args:
            digest: of a run under way.
            now: seconds from any beginning.
            crowded: whether memory ran out in it.
            peak: bytes that torch took of the device, where that is known.
        """
        device = self._where.pop(digest)
        self._count(device)
        n = device.level()
        run = device.running.pop(digest)
        kind = run.load.kind
        if peak is not None:
            took = process_bytes(peak)
            device.peaks[kind] = max(took, device.peaks.get(kind, 0))
        if crowded and run.beside:
            known = device.of(run.load)
            known.proven, known.final = max(1, min(known.proven, n - 1)), True
            self._say(device, kind, known.proven, "with more, memory ran out")
        self._begin_anew(device, now + self._rules.settle_s)
        return run.beside

    def lines(self) -> list[str]:
        """Return what was decided last for each device and kind of runs, in a sentence each."""
        return list(self._said.values())

    def _begin_anew(self, device: _Device, since: float) -> None:
        """Forget what was counted since the last change."""
        device.since = since
        for run in device.running.values():
            run.first, run.count = None, 0

    def _span(self, device: _Device) -> float:
        """Return the seconds in which all that is under way has been counted."""
        runs = list(device.running.values())
        kinds = {run.load.kind for run in runs}
        full = len(runs) == device.level() * device.gpus
        if len(kinds) != 1 or not full or any(r.count < self._rules.tellings for r in runs):
            return 0.0
        return min(r.last[0] for r in runs) - max(r.first[0] for r in runs if r.first)

    def _missing(self, device: _Device) -> float:
        """Return the seconds that must still be counted for the throughput to be known."""
        run = next(iter(device.running.values()))
        _, seconds = device.of(run.load).partly.get(device.level(), (0.0, 0.0))
        return max(self._rules.window_s - seconds, 1e-3)

    def _count(self, device: _Device) -> None:
        """Add what was counted since the last change, and decide when it is enough."""
        span = self._span(device) if device.running else 0.0
        if span <= 0:
            return
        runs, n = list(device.running.values()), device.level()
        known = device.of(runs[0].load)
        rate = sum((r.last[1] - r.first[1]) / (r.last[0] - r.first[0]) for r in runs if r.first)
        tokens, seconds = known.partly.get(n, (0.0, 0.0))
        known.partly[n] = tokens + rate * span, seconds + span
        if seconds + span >= self._rules.window_s * (1 - 1e-9) and n not in known.rates:
            known.rates[n] = (tokens + rate * span) / (seconds + span)
            self._decide(device, runs[0].load, n)

    def _decide(self, device: _Device, load: Load, n: int) -> None:
        """Keep one more run, or go back, now that the throughput of so many is known."""
        known, kind = device.of(load), load.kind
        before = known.rates.get(n - 1)
        if known.final or n != known.proven + 1 or not before:
            return
        times = known.rates[n] / before
        if times >= self._rules.gain:
            known.proven = n
            self._say(device, kind, n, f"{times:.2f} times the tokens a second of {n - 1}")
        else:
            known.final = True
            self._say(device, kind, n - 1, f"{n} gave no more ({times:.2f} times)")

    def _say(self, device: _Device, kind: str, n: int, why: str) -> None:
        runs = f"{n} run{'s' * (n > 1)} at once"
        self._said[device.name, kind] = f"device {device.name}: {runs}, {why}; {kind}"


def _most(bytes_each: Iterable[int | None], n: int) -> int:
    """Return what the n largest take together."""
    return sum(sorted((b or 0 for b in bytes_each), reverse=True)[:n])


def _gib(count: int) -> str:
    return f"{count / 2**30:.1f} GiB"
