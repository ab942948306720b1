"""Which values of a claim file do a person's answers mean?

Each function takes what was typed, never empty, and raises ValueError with what was expected instead.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import Any

from pydantic import ValidationError

from claims.claim import Setting
from claims.estimand import Condition, Contrast
from claims.record import NAME, UNKNOWN
from claims.safe_yaml import read_yaml
from replication.tasks.row import benchmark_tasks

__all__ = [
    "BUNDLED", "MOST_CONDITIONS", "SYSTEM", "alike", "benchmark_in", "chance_in", "condition_in",
    "conditions_in", "differing_from", "name_in", "names_in", "one_of", "points_in", "sentence_in",
    "setting_in", "value_in", "whole_in",
]  # fmt: skip

BUNDLED = "xtreme"
"""The bundled benchmark that claims may be about."""
MOST_CONDITIONS = 40
"""As many as a claim may compare."""
SYSTEM = "a system's name, or FIELD=VALUE such as intermediate=mnli+squad_v1 mlm=true"
"""How a condition is typed."""


def name_in(answer: str) -> str:
    """Return a name as claim files take it."""
    if not re.fullmatch(NAME, answer):
        raise ValueError("a name of letters, digits and . _ + - of at most 80 characters")
    return answer


def names_in(answer: str) -> list[str]:
    """Return names that commas or blanks separate."""
    found = [name_in(part) for part in re.split(r"[,\s]+", answer.strip(", \t")) if part]
    if not found or len(set(found)) != len(found):
        raise ValueError("names that differ, separated by commas")
    return found


def one_of(choices: Iterable[str]) -> Callable[[str], str]:
    """Return what reads one of some words, or its first letters where these are of no other."""
    words = tuple(choices)

    def read(answer: str) -> str:
        meant = [w for w in words if w == answer.lower()] or [
            w for w in words if w.startswith(answer.lower())
        ]
        if len(meant) != 1:
            raise ValueError(f"one of {', '.join(words)}")
        return meant[0]

    return read


def points_in(low: float, high: float, *, with_low: bool = False) -> Callable[[str], float]:
    """Return what reads a number of points above `low`, or from it on, and at most `high`."""

    def read(answer: str) -> float:
        try:
            number = float(answer)
        except ValueError:
            number = float("nan")
        if with_low and not low <= number <= high:
            raise ValueError(f"a number from {low:g} to {high:g}")
        if not with_low and not low < number <= high:
            raise ValueError(f"a number above {low:g}, at most {high:g}")
        return number

    return read


def sentence_in(answer: str) -> str:
    """Return a sentence as claim files take it."""
    if len(answer) > 4000:
        raise ValueError("at most 4000 characters")
    return answer


def condition_in(answer: str) -> dict[str, Any]:
    """Return a condition's fields: a bare word is its base, `none` the protocol's own without more."""
    fields: dict[str, Any] = {}
    for part in answer.split():
        name, equals, value = part.partition("=")
        name, value = (name, value) if equals else ("base", name)
        if name in fields:
            raise ValueError(SYSTEM)
        if name == "intermediate" and value != "all":
            fields[name] = [] if value == "none" else value.split("+")
        elif name == "mlm":
            fields[name] = {"true": True, "false": False}.get(value, value)
        else:
            fields[name] = value
    if fields == {"base": "none"}:
        return {}
    try:
        Condition.model_validate(fields)
    except ValidationError:
        raise ValueError(f"{SYSTEM}; none for the protocol's own without more") from None
    return fields


def conditions_in(answer: str) -> list[dict[str, Any]]:
    """Return several conditions, which commas separate."""
    found = [condition_in(part) for part in answer.strip(", ").split(",")]
    if len(found) > MOST_CONDITIONS or any(one in found[:n] for n, one in enumerate(found)):
        raise ValueError(f"at most {MOST_CONDITIONS}, each once")
    return found


def differing_from(*treatments: dict[str, Any]) -> Callable[[str], dict[str, Any]]:
    """Return what reads a control that differs in one field from each of some treatments."""

    def read(answer: str) -> dict[str, Any]:
        control = condition_in(answer)
        for treatment in treatments:
            try:
                Contrast.model_validate({"treatment": treatment, "control": control})
            except ValidationError:
                raise ValueError("what differs from the treatment in one field") from None
        return control

    return read


def benchmark_in(answer: str) -> str:
    """Return a benchmark's name, which of the bundled ones only `BUNDLED` may have."""
    name = name_in(answer)
    if name != BUNDLED and benchmark_tasks(name):
        raise ValueError(f"{BUNDLED}, or a name that no bundled benchmark has")
    return name


def alike(said: str, metric: str) -> bool:
    """Return whether the paper's word for a metric can be this one, as `F1 score` can be `f1`."""
    one, other = (re.sub(r"[^a-z0-9]", "", text.lower()) for text in (said, metric))
    return bool(one and other) and (one in other or other in one)


def setting_in(answer: str) -> dict[str, Any]:
    """Return a setting of a protocol from `field=value`, the value as YAML has it."""
    path, _, text = answer.partition("=")
    value = read_yaml(f"value: {text}\n")
    equals = None if value.faults else value.at(("value",))
    setting = {"field": path.strip(), "equals": equals}
    try:
        Setting.model_validate(setting)
    except ValidationError:
        raise ValueError("FIELD=VALUE with a dotted field of the protocol") from None
    return setting


def chance_in(answer: str) -> float | None:
    """Return a score from 0 to 100; None for `unknown`."""
    return None if answer == UNKNOWN else value_in(answer)


def value_in(answer: str) -> float:
    """Return a score from 0 to 100."""
    return points_in(0, 100, with_low=True)(answer) or 0.0


def whole_in(low: int, high: int, *words: str) -> Callable[[str], int | str]:
    """Return what reads a whole number from `low` to `high`, or one of some words."""

    def read(answer: str) -> int | str:
        if answer in words:
            return answer
        short = answer.isascii() and answer.isdigit() and len(answer) < 8
        if not (short and low <= int(answer) <= high):
            raise ValueError(" or ".join([f"a whole number from {low} to {high}", *words]))
        return int(answer)

    return read
