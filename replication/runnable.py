"""Can a protocol be run at all? It must leave nothing open that a run has to know.

Light: imports neither torch nor transformers nor datasets.
"""

from __future__ import annotations

from claims.record import UNKNOWN
from replication.errors import PlanError
from replication.protocol import Protocol

__all__ = ["refuse_unrunnable"]

_HARMLESS = ("seed_statistic", "evaluation.retrieval.layer_chosen", "masked_mixing")
"""What may be unknown: how results are read, and what a condition that needs it is refused for."""


def refuse_unrunnable(protocol: Protocol) -> None:
    """Refuse a protocol that leaves open what a run must know, or contradicts itself.

    Raises:
        PlanError: names every field at fault.
    """
    found = sorted(_unknown_fields("", protocol.model_dump(mode="json", exclude={"sources"})))
    scratch = protocol.pretraining is not None
    if protocol.base.checkpoint is None and not (protocol.base.architecture and scratch):
        raise PlanError(
            f"protocol '{protocol.name}': found no base.checkpoint ; expected one, or "
            "base.architecture together with pretraining."
        )
    if found:
        blocks: dict[str, list[str]] = {}
        for path in found:
            block, _, field = path.rpartition(".")
            blocks.setdefault(block, []).append(field)
        lines = [f"  {b}: {', '.join(f)}" if b else f"  {', '.join(f)}" for b, f in blocks.items()]
        raise PlanError(
            f"protocol '{protocol.name}': found {len(found)} fields unknown ; expected values. "
            "It states what a paper reports and cannot run; name a protocol that fills these in, or "
            "use --set FIELD=VALUE.\n" + "\n".join(lines)
        )
    if protocol.base.checkpoint is not None and scratch:
        raise PlanError(
            f"protocol '{protocol.name}': found both base.checkpoint and pretraining ; expected one "
            "of them. Take out the checkpoint to start from random weights."
        )


def _unknown_fields(path: str, value: object) -> list[str]:
    """Return the dotted fields that say `unknown` and may not."""
    if isinstance(value, dict):
        return [f for k, v in value.items() for f in _unknown_fields(f"{path}.{k}".strip("."), v)]
    return [path] if value == UNKNOWN and path not in _HARMLESS else []
