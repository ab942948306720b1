"""What an engine is: something that executes the runs of a plan and ships their records back.

Engines only ship: which run begins next, what is tried again and what a stop means is decided in
`scheduling` and `driving` for all of them; what a run does, in `worker.execute`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache
from importlib.metadata import entry_points
from typing import Protocol, runtime_checkable

from replication.data import Source
from replication.errors import ReplicationError
from replication.orders import Order, Outcome
from replication.run import Plan, RunSpec
from replication.store import Store

__all__ = ["Discerning", "Ended", "Engine", "Hands", "Progress", "Stepwise", "Tally", "engine"]

GROUP = "corroborate.engines"


class Progress(Protocol):
    """Hears what an engine does."""

    def begin(self, spec: RunSpec) -> None:
        """Hear that a run begins, or begins again after its worker was lost or memory ran out."""
        ...

    def end(self, spec: RunSpec, seconds: float) -> None:
        """Hear that a run ended, well or not."""
        ...

    def skip(self, spec: RunSpec) -> None:
        """Hear that a run is not executed: it is there already, or rests on a failed one."""
        ...


@runtime_checkable
class Discerning(Protocol):
    """A progress that hears of failed runs apart from finished ones, and not through `end`."""

    def fail(self, spec: RunSpec, seconds: float) -> None:
        """Hear that a run failed."""
        ...


@runtime_checkable
class Stepwise(Protocol):
    """A progress that also hears how far the runs under way are, about once a second each."""

    def step(self, digest: str, step: int, steps: int, loss: float, tokens: int) -> None:
        """Hear of one training step.

        Args:
            digest: of the run's spec.
            step: steps done.
            steps: steps of the phase.
            loss: mean loss per term of the step.
            tokens: real tokens seen so far in the phase, padding not counted.
        """
        ...


@dataclass(slots=True)
class Tally:
    """How the execution of a plan went."""

    finished: int = 0
    skipped: int = 0
    """Runs that the store held already."""
    postponed: int = 0
    """Runs not begun because the budget was spent."""
    blocked: int = 0
    """Runs left out because what they start from failed."""
    failed: dict[str, str] = field(default_factory=dict)
    """Digest -> error."""
    left_out: dict[str, str] = field(default_factory=dict)
    """Digest of a blocked run -> why."""
    retried: list[str] = field(default_factory=list)
    """Why runs were begun again, in a sentence each; in the order in which it happened."""
    shared: list[str] = field(default_factory=list)
    """How many runs devices took at once, and why no more, in a sentence each."""
    left: int = 0
    """Runs not done because a stop was asked for; the same command goes on with them."""
    interrupted: bool = False
    """Whether a stop was asked for while there was something to do."""

    def sentence(self) -> str:
        """Return the tally in one sentence."""
        parts = [f"{self.finished} runs executed", f"{self.skipped} there already"]
        parts += [f"{self.postponed} postponed, the budget being spent"] if self.postponed else []
        parts += [f"{len(self.failed)} failed"] if self.failed else []
        parts += [f"{self.blocked} left out after a failure"] if self.blocked else []
        parts += [f"{len(self.retried)} begun again"] if self.retried else []
        parts += [f"{self.left} left to do"] if self.left else []
        return ", ".join(parts)

    def lines(self) -> list[str]:
        """Return the sentence, and lines for devices that were shared and for runs that went wrong."""
        lines = [self.sentence(), *self.shared, *(f"begun again: {why}" for why in self.retried)]
        lines += [f"failed run {d[:12]}: {why}" for d, why in sorted(self.failed.items())]
        return lines + [f"left out run {d[:12]}: {why}" for d, why in sorted(self.left_out.items())]


@dataclass(frozen=True, slots=True)
class Ended:
    """An order that somebody had in hand and has no more."""

    digest: str
    """Of the order's spec."""
    outcome: Outcome | None
    """None where the worker was lost: killed, or its machine gone."""
    lost: str = ""
    """How the worker was lost, as a clause."""
    crowded: bool = False
    """Whether memory ran out because of other runs on its device: what came of it may differ from what
    it comes to alone, and it is to begin again as if it had not begun."""


class Hands(Protocol):
    """What executes orders; the one thing in which engines differ."""

    @property
    def capacity(self) -> int:
        """Return how many orders may be in hand at once, at least 1."""
        ...

    def fits(self, spec: RunSpec) -> bool:
        """Return whether this run may be taken in hand now, while there are fewer than `capacity`.

        Always so while nothing is in hand.
        """
        ...

    def begin(self, order: Order) -> None:
        """Take an order in hand that fits."""
        ...

    def wait(self, seconds: float) -> Sequence[Ended]:
        """Return what ended, as soon as something has, or nothing after so many seconds.

        Called only while something is in hand. Every order taken in hand is returned once, also
        after `stop`. It may take longer where work is done in this very process.
        """
        ...

    def stop(self) -> None:
        """Ask what is in hand to end after the step under way; called at most once."""
        ...

    def close(self) -> None:
        """Give everything back; what is still in hand is killed at once."""
        ...


@runtime_checkable
class Engine(Protocol):
    """An engine is named by an entry point of `corroborate.engines`."""

    name: str

    def run(
        self,
        plan: Plan,
        store: Store,
        source: Source,
        *,
        progress: Progress,
        budget_s: float | None,
        order: Sequence[str] | None = None,
    ) -> Tally:
        """Execute the plan's runs that the store lacks, parents before children.

        The first SIGINT or SIGTERM lets what trains finish its step and save its state, and makes
        the tally say `interrupted`; the second raises KeyboardInterrupt at once.

        Args:
            plan: what to run.
            store: open for writing.
            source: where examples come from.
            progress: hears of every run, of failures apart if it is `Discerning`, and of steps if it
                is `Stepwise`.
            budget_s: no run begins after this many seconds; None for no limit.
            order: digests in the order wanted; runs that it does not name come after it, and what a
                run starts from before it. None for the plan's own order.
        """
        ...


@cache
def engine(name: str) -> Engine:
    """Return the engine that an installed entry point names.

    Raises:
        ReplicationError: no such entry point, or it names something else.
    """
    found = [e for e in entry_points(group=GROUP) if e.name == name]
    if not found:
        known = ", ".join(sorted({e.name for e in entry_points(group=GROUP)})) or "none"
        raise ReplicationError(f"engine '{name}': found no entry point ; expected one of {known}.")
    loaded = found[0].load()
    if not isinstance(loaded, Engine):
        raise ReplicationError(f"engine '{name}': found {loaded!r} ; expected an Engine.")
    return loaded
