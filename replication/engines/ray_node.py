"""What does a node of a Ray cluster do for the engine `ray`? Texts in, texts out.

Nodes import this module by its name, so that Corroborate must be installed there. Light until an
order comes: what answers for a node needs no torch, and nothing here needs ray.
"""

from __future__ import annotations

import json
import traceback
from pathlib import Path

from replication.engines.stopping import heeding_signals
from replication.environment import code_version
from replication.orders import Order, Outcome, lost_run, plain
from replication.watch import Watch

__all__ = ["STEPS", "executed", "failed_outside", "installed", "seen"]

STEPS = "steps.json"
"""File in a run's resume folder in which its worker tells of its steps."""


def executed(text: str) -> str:
    """Execute an order on a node: JSON in, JSON out, whatever happens.

    SIGTERM, which a node sends that is about to go, and the interrupt with which Ray cancels a task
    make training finish its step and save its state.
    """
    order = Order.model_validate_json(text)

    def tell(*told: float) -> None:
        if order.resume:
            beside = Path(order.resume, f"{STEPS}.partial")
            beside.write_text(json.dumps(told), encoding="utf-8")
            beside.replace(Path(order.resume, STEPS))

    with heeding_signals() as stop:
        try:
            from replication.worker import execute  # noqa: PLC0415  torch, on the node only

            outcome = execute(order, None, Watch(stop.asked, tell))
        except Exception as error:  # noqa: BLE001  errors go back as data
            outcome = failed_outside(order, error, 0.0)
    return outcome.canonical()


def seen(text: str) -> str:
    """Say what a node sees: JSON in, JSON out.

    Args:
        text: a list of the token file in the store, and the folder of the data or null.
    """
    token, data = json.loads(text)
    try:
        said = Path(token).read_text("utf-8")
    except (OSError, ValueError):
        said = ""
    return json.dumps([said, data is None or Path(data).is_dir(), installed()])


def failed_outside(order: Order, error: Exception, seconds: float) -> Outcome:
    """Return the outcome of an order that failed outside of its phase."""
    run = lost_run(order, f"outside of its phase: {type(error).__name__}: {error}", seconds)
    told = plain("".join(traceback.format_exception(error)))
    return Outcome(
        spec_digest=run.spec_digest,
        ended="failed",
        run=run.model_copy(update={"traceback": told}),
    )


def installed() -> str:
    """Return which Corroborate runs here: its version and the digest of its sources.

    The commit is left out: a checkout and an installation of the same sources are the same.
    """
    return ", ".join(p for p in code_version().split(", ") if not p.startswith("commit "))
