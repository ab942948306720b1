"""What an engine is: something that executes the runs of a plan and ships their records back."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cache
from importlib.metadata import entry_points
from typing import Protocol, runtime_checkable

from replication.data import Source
from replication.errors import ReplicationError
from replication.run import Plan, RunSpec
from replication.store import Store

__all__ = ["Engine", "Progress", "Tally", "engine"]

GROUP = "corroborate.engines"


class Progress(Protocol):
    """Hears what an engine does."""

    def begin(self, spec: RunSpec) -> None:
        """Hear that a run begins."""
        ...

    def end(self, spec: RunSpec, seconds: float) -> None:
        """Hear that a run ended, well or not."""
        ...

    def skip(self, spec: RunSpec) -> None:
        """Hear that a run is not executed: it is there already, or rests on a failed one."""
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

    def sentence(self) -> str:
        """Return the tally in one sentence."""
        parts = [f"{self.finished} runs executed", f"{self.skipped} there already"]
        parts += [f"{self.postponed} postponed, the budget being spent"] if self.postponed else []
        parts += [f"{len(self.failed)} failed"] if self.failed else []
        parts += [f"{self.blocked} left out after a failure"] if self.blocked else []
        return ", ".join(parts)


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
    ) -> Tally:
        """Execute the plan's runs that the store lacks, parents before children.

        Args:
            plan: what to run.
            store: open for writing.
            source: where examples come from.
            progress: hears of every run.
            budget_s: no run begins after this many seconds; None for no limit.
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
