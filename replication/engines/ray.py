"""The engine `ray`: how do runs get to the machines of a Ray cluster, and back?

Ray ships texts only: an order goes out as JSON and an outcome comes back as JSON, whatever went wrong.
Everything else is files: every node sees the store and the data under the same paths, or the data only
and what runs start from and bring about goes through a depot; that is checked before anything begins.
Which run is next and what is tried again is decided in `driving`, for all engines. Light until it runs:
neither ray nor torch is imported before.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Sequence
from contextlib import redirect_stdout, suppress
from typing import Any

from replication.data import Source
from replication.engines.courier import Courier, InPlace
from replication.engines.depot import depot_for
from replication.engines.device import Room
from replication.engines.driving import Terms, drive, to_steps
from replication.engines.engine import Ended, Engine, Progress, Tally
from replication.engines.placing import Placing
from replication.engines.ray_cluster import at_once, check_nodes, connected, short, wants
from replication.engines.ray_node import failed_outside
from replication.engines.sharing import Rules, Sharing
from replication.engines.stopping import Stop, heeding_signals
from replication.errors import DepotError, ReplicationError, StoreError
from replication.orders import Order, Outcome, describe, lost_run
from replication.run import Plan, RunSpec
from replication.store import Store
from replication.workload import Workloads

__all__ = ["ENGINE", "Ray"]

KILLED_S = 10.0
"""Seconds within which a killed process is gone."""

POOL = "of any node"
"""The cluster's GPUs together: which one a run gets is the business of Ray."""

MOST = 4096
"""Runs under way at once, at most."""

FRESH_S = 5.0
"""Seconds for which what the cluster has is believed."""


class Ray:
    """Executes the runs of a plan on a Ray cluster: an existing one, or one for this plan alone."""

    name = "ray"

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
        """Execute what the store lacks and say how it went.

        Raises:
            ReplicationError: the library is not installed, there is no such cluster, the depot cannot
                be used, or a node does not see the store (or the depot) or the data.
        """
        note = describe(source)
        depot = depot_for(store.path)
        carrier = InPlace() if depot is None else Courier(depot, store)
        # stdout belongs to what the command answers, and the library writes there of lost workers
        with heeding_signals() as stop, redirect_stdout(sys.stderr), connected() as library:
            check_nodes(library, store, note, depot)
            hands = _Hands(library, carrier, Workloads(source), progress, stop)
            tally = drive(
                plan, store, hands=hands, terms=Terms(progress, budget_s, order, stop, note)
            )
            tally.shared = hands.shared()
            return tally


class _Hands:
    """Orders in hand as tasks of Ray."""

    def __init__(
        self,
        library: Any,
        carrier: InPlace | Courier,
        loads: Workloads,
        progress: Progress,
        stop: Stop,
    ) -> None:
        self._ray = library
        self._carrier = carrier
        self._loads = loads
        self._progress = progress
        self._stop = stop
        self._task = library.remote(max_retries=0, retry_exceptions=False)(carrier.task)
        self._held: dict[Any, tuple[Order, float]] = {}
        """Reference to an outcome to come -> order, and when it was given."""
        self._never: list[Ended] = []
        """What could not be sent."""
        self._told: dict[str, str] = {}
        self._looked = self._counted = float("-inf")
        self._all: list[dict[str, float]] = []
        """What each node that is alive has in all."""
        look_s = carrier.look_s  # words come late by up to this, which must not weigh
        rules = Rules(window_s=max(20.0, 24 * look_s), gap_s=max(5.0, 3 * look_s))
        self._sharing = Sharing([POOL], most=MOST, rules=rules)
        self._placing = Placing(self._sharing, loads)

    @property
    def capacity(self) -> int:
        """Return how many runs the cluster takes at once; nodes may come and go.

        As far as devices go: a run for whose memory there is no room now waits in Ray.
        """
        return at_once(self._nodes())

    def fits(self, spec: RunSpec) -> bool:
        """Return whether the cluster's GPUs take this run too; without any, whatever CPUs take."""
        return not self._gpus() or self._placing.device_for(spec) is not None

    def begin(self, order: Order) -> None:
        """Hand an order to Ray, which finds a node for it, at once or later."""
        nodes = self._nodes()
        each = self._placing.limit(order.spec, POOL) if self._gpus() else 1
        self._placing.begin(order.spec, POOL)
        asked = wants(order.spec, self._loads, nodes, each)
        order = order.model_copy(update={"threads": int(asked["num_cpus"])})
        try:
            text = self._carrier.packed(order)
        except DepotError as fault:
            self._never.append(self._placing.end(Ended(order.spec.digest(), None, short(fault))))
            return
        self._held[self._task.options(**asked).remote(text)] = order, time.monotonic()

    def wait(self, seconds: float) -> Sequence[Ended]:
        """Return what has ended, and pass on what the others tell of their steps."""
        if self._never:
            never, self._never = self._never, []
            return never
        ready, _ = self._ray.wait(list(self._held), num_returns=1, timeout=seconds)
        self._tell()
        return [self._placed(self._ended(reference)) for reference in ready]

    def stop(self) -> None:
        """Interrupt every task: one that trains takes it as a request, one not begun never begins."""
        for reference in self._held:
            self._ray.cancel(reference, force=False)

    def close(self) -> None:
        """Kill what is in hand, and wait until it is gone: the store may have a new owner soon."""
        hurried = bool(self._held)
        for reference in self._held:
            with suppress(Exception):  # the cluster may be what went away
                self._ray.cancel(reference, force=True)
        if self._held:
            with suppress(Exception):
                self._ray.wait(list(self._held), num_returns=len(self._held), timeout=KILLED_S)
        self._held.clear()
        self._carrier.close(hurried=hurried)

    def _nodes(self) -> list[dict[str, float]]:
        """Return what each node that is alive has in all, as it was a few seconds ago at most."""
        if time.monotonic() - self._counted >= FRESH_S:
            self._counted = time.monotonic()
            self._all = [n["Resources"] for n in self._ray.nodes() if n["Alive"]]
            self._sharing.resize(POOL, max(1, self._gpus()))
        return self._all

    def shared(self) -> list[str]:
        """Return how many runs GPUs took at once, and why no more, in a sentence each."""
        return self._placing.lines() if self._gpus() else []

    def _gpus(self) -> int:
        return sum(int(n.get("GPU", 0)) for n in self._all)

    def _placed(self, ended: Ended) -> Ended:
        placed = self._placing.end(ended, devices=self._gpus() > 0)
        if placed.crowded:
            self._carrier.forget(ended.digest)
        return placed

    def _ended(self, reference: Any) -> Ended:
        """Return what came of a task."""
        order, given = self._held.pop(reference)
        digest = order.spec.digest()
        try:
            outcome = self._carrier.unpacked(self._ray.get(reference), order)
        except DepotError as fault:
            return Ended(digest, None, short(fault))
        except StoreError:  # the disk of the store, which is everybody's
            raise
        except Exception as error:  # noqa: BLE001  told apart there; whatever it is, others go on
            return self._troubled(order, error, time.monotonic() - given)
        if outcome.spec_digest != digest:
            odd = ReplicationError(
                f"found the outcome of run '{outcome.spec_digest[:12]}' ; expected its own. Install "
                "the same version of Corroborate on every node."
            )
            return Ended(digest, failed_outside(order, odd, time.monotonic() - given))
        return Ended(digest, outcome)

    def _troubled(self, order: Order, error: Exception, seconds: float) -> Ended:
        """Return what an order came to whose task gave no outcome: stopped, lost or failed."""
        problems, digest = self._ray.exceptions, order.spec.digest()
        if isinstance(error, problems.TaskCancelledError):
            if self._stop.asked():
                return Ended(digest, Outcome(spec_digest=digest, ended="stopped"))
            return Ended(digest, None, "its task was cancelled by somebody else")
        if isinstance(error, problems.OutOfMemoryError):
            run = lost_run(order, f"memory ran out on its node: {short(error)}", seconds)
            outcome = Outcome(spec_digest=digest, ended="failed", run=run, memory=True)
            return Ended(digest, outcome)
        if isinstance(error, problems.RayTaskError | ValueError):
            return Ended(digest, failed_outside(order, error, seconds))
        return Ended(digest, None, f"{type(error).__name__}: {short(error)}")

    def _tell(self) -> None:
        """Pass on, now and then, what runs have written of their steps."""
        if time.monotonic() - self._looked < self._carrier.look_s:
            return
        self._looked = time.monotonic()
        for order, _ in self._held.values():
            digest = order.spec.digest()
            # not there yet, or no such file
            with suppress(OSError, ValueError, TypeError, DepotError):
                text = self._carrier.steps(order)
                step, steps, tokens, loss, free, total = json.loads(text)
                if self._told.get(digest) != text:
                    self._told[digest] = text
                    room = None if total is None else Room(int(free), int(total))
                    self._placing.hear(digest, int(tokens), room)
                    to_steps(self._progress, digest, (step, steps, tokens, loss))


ENGINE: Engine = Ray()
