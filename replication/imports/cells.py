"""What does one value of a foreign file mean? Nothing, a name, a number, a split or a truth value.

A parser `..._in` raises ValueError with what it expected; `..._of` returns None. Light: numpy only.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any, Literal, get_args

import numpy as np

from claims.estimand import Split
from claims.record import NAME
from replication.origin import Scale
from replication.protocol import base_name

__all__ = [
    "PARSERS",
    "SPLITS",
    "absent",
    "listed",
    "mapping",
    "name_of",
    "number_in",
    "number_of",
    "plain",
    "split_of",
    "whole_of",
]

SPLITS: dict[str, Split] = {
    "train": "train", "training": "train", "validation": "validation", "valid": "validation",
    "val": "validation", "dev": "validation", "development": "validation", "test": "test",
}  # fmt: skip
"""Usual words for splits."""

_NUMBER = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]{1,3})?")
_LONGEST_NUMBER = 60
_LONGEST = 300
_ABSENT = {"nan", "NaN", "NAN", "NA", "<NA>", "N/A", "null", "NULL", "Null", "None", "NONE", "nil"}
"""How programs write that nothing is there; as a name it would pass for something."""
_TRUTHS = {"true": True, "1": True, "1.0": True, "false": False, "0": False, "0.0": False}


def mapping(value: object) -> Mapping[str, Any]:
    """Return a mapping; an empty one for anything else."""
    return value if isinstance(value, dict) else {}


def listed(value: object) -> list[Any]:
    """Return a list; an empty one for anything else."""
    return value if isinstance(value, list) else []


def absent(value: object) -> bool:
    """Return whether a text, or a part of it joined by `+`, is a word for nothing."""
    if not isinstance(value, str):
        return False
    return value in _ABSENT or ("+" in value and not _ABSENT.isdisjoint(value.split("+")))


def plain(value: object) -> object:
    """Return a cell's value as Python has it; None where the cell is empty, NaN or pandas' NA."""
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, Decimal):
        value = float(value) if value.is_finite() else math.nan
    if isinstance(value, float) and math.isnan(value):
        return None
    if type(value).__name__ in {"NAType", "NaTType"}:  # without importing pandas
        return None
    if isinstance(value, str):
        return value.strip() or None
    return value


def number_of(value: object) -> float | None:
    """Return a finite number; None for anything else, texts and truth values among it."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        number = float(value)
    except OverflowError:
        return None
    return number if math.isfinite(number) else None


def whole_of(value: object, least: int) -> int | None:
    """Return a whole number from `least` to below 2**63, also where it is written `60.0`; else None."""
    if isinstance(value, float):
        # beyond 2**53 a float is no longer the number that was written
        value = int(value) if value.is_integer() and abs(value) < 2**53 else None
    if isinstance(value, bool) or not isinstance(value, int):
        return None
    return value if least <= value < 2**63 else None


def name_of(text: object) -> str | None:
    """Return a source's spelling as a name, other characters as `_`; None where nothing is left.

    A text with characters that cannot be printed is no name.
    """
    if not isinstance(text, str) or not text.isprintable() or len(text) > _LONGEST:
        return None
    if re.fullmatch(NAME, text):
        return text
    tidied = re.sub(r"[^A-Za-z0-9_.+-]+", "_", text).strip("_")
    return tidied if re.fullmatch(NAME, tidied) else None


def split_of(text: object) -> Split | None:
    """Return which split a usual word for one means; None for other words."""
    return SPLITS.get(text.strip().lower()) if isinstance(text, str) else None


def number_in(value: object) -> float:
    """Return a number, also where it is written as text.

    Raises:
        ValueError: it is none, not finite, or written otherwise than Python writes it.
    """
    if isinstance(value, str) and len(value) <= _LONGEST_NUMBER and _NUMBER.fullmatch(value):
        value = float(value)
    number = number_of(value)
    if number is None:
        raise ValueError("a number with a decimal point, such as 81.5")
    return number


def _name_in(value: object) -> str:
    if isinstance(value, str) and re.fullmatch(NAME, value):
        return value
    raise ValueError(
        "a name of at most 80 letters, digits and `_.+-`, and an empty cell for a missing one"
    )


def _base_in(value: object) -> str:
    """Return a checkpoint whose last part is its name; no other than `protocol` itself is called so."""
    if isinstance(value, str) and len(value) <= _LONGEST:
        name = base_name(value)
        if name is not None and (name != "protocol" or value == "protocol"):
            return value
    raise ValueError(
        "the name or hub id of a checkpoint or system, at most 300 characters, whose last part is a "
        "name of letters, digits and `_.+-`"
    )


def _whole_in(value: object, least: int) -> int | None:
    if isinstance(value, str) and re.fullmatch(r"[0-9]{1,19}", value):
        value = int(value)
    if isinstance(value, str) and len(value) <= _LONGEST_NUMBER and _NUMBER.fullmatch(value):
        value = float(value)  # as pandas writes `3.0` where another cell of the column is empty
    return whole_of(value, least)


def _count_in(value: object) -> int:
    count = _whole_in(value, 0)
    if count is None:
        raise ValueError("a whole number, such as 500")
    if count == 0:
        raise ValueError("the number of examples scored, a whole number of at least 1")
    return count


def _seed_in(value: object) -> int | Literal["none"]:
    if value == "none":
        return "none"
    seed = _whole_in(value, 0)
    if seed is None:
        raise ValueError("a whole number, or `none` where nothing is random")
    return seed


def _tasks_in(value: object) -> str:
    """Return names of tasks, sorted and joined by `+`; `none` for none."""
    if value == "none":
        return "none"
    names = value.split("+") if isinstance(value, str) and len(value) <= 1000 else []
    try:
        tasks = sorted({_name_in(name.strip()) for name in names} - {"none", "all"})
    except ValueError:
        tasks = []
    if not tasks or len(tasks) != len(names):
        raise ValueError("`none`, or names of tasks joined by `+`, each once")
    return "+".join(tasks)


def _truth_in(value: object) -> bool:
    if isinstance(value, int | float) and value in {0, 1}:
        return bool(value)
    if isinstance(value, str) and value.lower() in _TRUTHS:
        return _TRUTHS[value.lower()]
    raise ValueError("true or false")


def _one_of(words: tuple[str, ...]) -> Callable[[object], str]:
    def word_in(value: object) -> str:
        if isinstance(value, str) and value in words:
            return value
        raise ValueError(f"one of {', '.join(words)}")

    return word_in


PARSERS: dict[str, Callable[[object], Any]] = {
    "base": _base_in,
    "intermediate": _tasks_in,
    "mlm": _truth_in,
    "intermediate_language": _name_in,
    "training_language": _name_in,
    "task": _name_in,
    "language": _name_in,
    "split": _one_of(get_args(Split)),
    "metric": _name_in,
    "seed": _seed_in,
    "n": _count_in,
    "scale": _one_of(get_args(Scale)),
}
"""Field of `Given`, or of a condition -> what reads it; raises ValueError with what it expected."""
