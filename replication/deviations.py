"""Typed differences between the protocol as reported and the protocol as run."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

from claims.record import UNKNOWN, Record, canonical_json
from replication.protocol import Protocol, TokenBudget

__all__ = [
    "NOT_ZERO_SHOT",
    "Deviation",
    "Importance",
    "ReplicationKind",
    "compare",
    "replication_kind",
]

Importance = Literal["important", "minor"]
ReplicationKind = Literal["direct", "close", "conceptual"]

_PROSE = {"schema_version", "name", "size", "summary", "caveats", "sources", "looks", "first_seed"}
"""Fields that say how a protocol is told, when verdicts are taken, or which seeds are drawn."""

_BATCH = ".batch_size"
"""End of the path of a setting that is a number of examples, or a budget of tokens. A budget is an
important deviation from a paper that does not say how its batches were drawn, too."""

_MINOR: dict[str, tuple[float, float]] = {
    "warmup_share": (0.0, 0.2),
    "weight_decay": (0.0, 0.1),
    "clip_norm": (0.5, 5.0),
    "adam_epsilon": (1e-9, 1e-5),
    "seeds": (1, 1000),
}
"""Last part of a field -> range within which a change of it barely moves an estimate; between values
outside, such as gradients clipped to nothing, it does."""


NOT_ZERO_SHOT: dict[tuple[str, object], str] = {
    ("evaluation.selection.languages", "all"): (
        "checkpoints chosen on target languages (not zero-shot)"
    ),
    ("evaluation.retrieval.threshold", "scored_gold"): (
        "the mining threshold tuned on the scored gold (not zero-shot)"
    ),
    ("evaluation.retrieval.layer_chosen", "after_scoring"): (
        "the retrieval layer chosen after scores were seen (not zero-shot)"
    ),
}
"""Settings that look at what is scored, and how a reader is told. Running so is an important
deviation from any paper that does not say that it did the same."""


class Deviation(Record):
    """One difference between the protocol as reported and as run."""

    field: str
    """Dotted path into the protocol, or `measure.*` for a part of the claim's measure."""
    reported: str
    used: str
    importance: Importance
    """`important` if it can move the estimate. A setting that the paper does not report is `minor`:
    nothing was departed from, yet the run is then no more than `close`."""


def compare(reported: Protocol, used: Protocol) -> tuple[Deviation, ...]:
    """Return every field in which two protocols differ, sorted by field.

    A whole block that is absent or unknown on one side (a target, a recipe) is one deviation, but for
    settings within it that are not zero-shot, and for batches of neighbours in length.
    """
    left = reported.model_dump(mode="json", by_alias=True, exclude=_PROSE)
    right = used.model_dump(mode="json", by_alias=True, exclude=_PROSE)
    return tuple(sorted(_walk("", left, right), key=lambda d: d.field))


def replication_kind(deviations: tuple[Deviation, ...]) -> ReplicationKind:
    """Return `direct` without deviations, `close` with minor ones only, else `conceptual`."""
    if not deviations:
        return "direct"
    important = any(d.importance == "important" for d in deviations)
    return "conceptual" if important else "close"


def _walk(path: str, left: object, right: object) -> list[Deviation]:
    if isinstance(left, dict) and isinstance(right, dict):
        found: list[Deviation] = []
        for key in sorted(set(left) | set(right)):
            inner = f"{path}.{key}" if path else str(key)
            found += _walk(inner, left.get(key), right.get(key))
        return found
    if left == right or (path == "base.revision" and left is None):
        return []  # a base reported without its revision is met by whichever was pinned
    if left == UNKNOWN and path.endswith(_BATCH) and isinstance(right, dict):
        return [_by_length(path, right)]
    if left == UNKNOWN and isinstance(right, dict):
        leaves = [
            f"{path}.{key}"
            for key, value in sorted(right.items())
            if isinstance(value, str) and (f"{path}.{key}", value) in NOT_ZERO_SHOT
        ]
        leaking = [_told(leaf, left, right[leaf.rsplit(".", 1)[-1]]) for leaf in leaves]
        return [
            Deviation(field=path, reported=UNKNOWN, used=_show(right), importance="minor"),
            *leaking,
            *(_by_length(at, budget) for at, budget in _budgets(path, right)),
        ]
    if isinstance(right, str) and (path, right) in NOT_ZERO_SHOT:
        return [_told(path, left, right)]
    importance: Importance = "minor" if _is_minor(path, left, right) else "important"
    return [Deviation(field=path, reported=_show(left), used=_show(right), importance=importance)]


def _budgets(path: str, value: dict[str, object]) -> Iterator[tuple[str, object]]:
    """Yield the settings within a block that say how many tokens a batch has, each with its path."""
    for key, inner in sorted(value.items()):
        if isinstance(inner, dict):
            here = f"{path}.{key}"
            yield from [(here, inner)] if here.endswith(_BATCH) else _budgets(here, inner)


def _by_length(path: str, right: object) -> Deviation:
    """Return the important deviation of batches that no paper has unless it says so."""
    return Deviation(field=path, reported=UNKNOWN, used=_show(right), importance="important")


def _told(path: str, left: object, right: object) -> Deviation:
    """Return the important deviation of a setting that is not zero-shot."""
    told = NOT_ZERO_SHOT[path, right]
    return Deviation(field=path, reported=_show(left), used=told, importance="important")


def _is_minor(path: str, left: object, right: object) -> bool:
    if left == UNKNOWN or path == "precision":
        return True
    bounds = _MINOR.get(path.rsplit(".", 1)[-1])
    return bounds is not None and all(
        isinstance(v, int | float) and bounds[0] <= v <= bounds[1] for v in (left, right)
    )


def _show(value: object) -> str:
    if value is None:
        return "none"
    if isinstance(value, dict) and set(value) == set(TokenBudget.model_fields):
        return f"neighbours in length, at most {value['tokens']} tokens a batch"
    text = value if isinstance(value, str) else canonical_json(value)
    return text if len(text) <= 160 else text[:157] + "..."
