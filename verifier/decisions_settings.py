"""Did the runs have the settings that a claim states? A fact of plan and runs, not of scores.

Light: imports neither torch nor transformers nor datasets.
"""

from __future__ import annotations

from collections.abc import Mapping

from claims.claim import ProtocolClaim, Scalar
from claims.record import UNKNOWN, canonical_json
from replication.protocol import Protocol
from verifier.outcome import Outcome

__all__ = ["decide_settings"]

_ABSENT = object()


def decide_settings(claim: ProtocolClaim, protocol: Protocol) -> Outcome:
    """Compare each setting with the protocol that the runs followed.

    A list of names is a set: its order is no setting. A field that the protocol does not have, or
    leaves unknown, makes the claim not evaluable unless another setting already differs.
    """
    document = protocol.model_dump(mode="json", by_alias=True)
    differing: list[str] = []
    absent: list[str] = []
    matching: list[str] = []
    for setting in claim.settings:
        used = _look_up(document, setting.field.split("."))
        if used is _ABSENT or used == UNKNOWN:
            absent.append(setting.field)
        elif _same(setting.equals, used):
            matching.append(f"{setting.field} is {_show(used)}")
        else:
            differing.append(f"{setting.field} is {_show(used)}, not {_show(setting.equals)}")
    if differing:
        why = f"The runs had other settings: {'; '.join(differing)}."
        return Outcome("not_reproduced", "settings_differ", (_short(why),))
    if absent:
        why = f"The protocol of the runs does not state: {', '.join(absent)}."
        return Outcome("not_evaluable", "no_evidence", (_short(why),))
    why = f"The runs had the stated settings: {'; '.join(matching)}."
    return Outcome("reproduced", "settings_match", (_short(why),))


def _look_up(value: object, parts: list[str]) -> object:
    """Return what stands at a dotted path; names on the way may hold dots themselves."""
    if not parts:
        return value
    if not isinstance(value, Mapping):
        return _ABSENT
    for end in range(1, len(parts) + 1):
        key = ".".join(parts[:end])
        if key in value:
            found = _look_up(value[key], parts[end:])
            if found is not _ABSENT:
                return found
    return _ABSENT


def _same(stated: Scalar | tuple[Scalar, ...], used: object) -> bool:
    if isinstance(stated, tuple):
        return isinstance(used, list) and sorted(map(_show, stated)) == sorted(map(_show, used))
    if isinstance(stated, bool) or isinstance(used, bool):
        return stated is used
    return stated == used


def _show(value: object) -> str:
    if isinstance(value, tuple):
        value = list(value)
    return value if isinstance(value, str) else canonical_json(value)


def _short(text: str) -> str:
    return text if len(text) <= 3000 else text[:2997] + "..."
