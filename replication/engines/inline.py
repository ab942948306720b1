"""The engine `inline`: one run after another, in this process."""

from __future__ import annotations

from collections.abc import Sequence

from replication.data import Source
from replication.engines.driving import Terms, drive, to_steps
from replication.engines.engine import Ended, Engine, Progress, Tally
from replication.engines.stopping import Stop, heeding_signals
from replication.orders import Order
from replication.run import Plan, RunSpec
from replication.store import Store
from replication.watch import Watch

__all__ = ["ENGINE", "Inline"]


class _OwnHands:
    """Executes in this process, when asked for what has ended."""

    capacity = 1

    def __init__(self, source: Source, progress: Progress, stop: Stop) -> None:
        self._source = source
        self._progress = progress
        self._stop = stop
        self._order: Order | None = None

    def fits(self, spec: RunSpec) -> bool:
        del spec
        return True

    def begin(self, order: Order) -> None:
        self._order = order

    def wait(self, seconds: float) -> Sequence[Ended]:
        from replication.worker import execute  # noqa: PLC0415  torch, only where something runs

        del seconds
        assert self._order is not None
        digest = self._order.spec.digest()

        def heard(*told: float) -> None:
            to_steps(self._progress, digest, told)

        outcome = execute(self._order, self._source, Watch(self._stop.asked, heard))
        return (Ended(digest, outcome),)

    def stop(self) -> None:
        """Nothing is in hand between two calls."""

    def close(self) -> None:
        """Nothing is held."""


class Inline:
    """Runs a plan in its own order; what is finished is skipped, what rests on a failure is left."""

    name = "inline"

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
        """Execute what the store lacks and say how it went."""
        with heeding_signals() as stop:
            terms = Terms(progress, budget_s, order, stop, note=None)
            hands = _OwnHands(source, progress, stop)
            return drive(plan, store, hands=hands, terms=terms)


ENGINE: Engine = Inline()
