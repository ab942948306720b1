"""What does one cell of a foreign table mean? Nothing, a name, a number or a truth value.

A parser raises ValueError with what it expected. Light: numpy only.
"""

from __future__ import annotations

import math
import re
from decimal import Decimal
from typing import Literal

import numpy as np

from claims.record import NAME

__all__ = [
    "ABSENT",
    "count_in",
    "name_in",
    "number_in",
    "plain",
    "seed_in",
    "tasks_in",
    "truth_in",
    "whole_in",
]

_NUMBER = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]{1,3})?")
_LONGEST_NUMBER = 60
ABSENT = {"nan", "NaN", "NAN", "NA", "<NA>", "N/A", "null", "NULL", "Null", "None", "NONE", "nil"}
"""How programs write that nothing is there; as a name it would pass for something."""
_TRUTHS = {"true": True, "1": True, "1.0": True, "false": False, "0": False, "0.0": False}


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


def name_in(value: object) -> str:
    """Return a name.

    Raises:
        ValueError: it is none, or a word for a missing value.
    """
    if isinstance(value, str) and re.fullmatch(NAME, value) and value not in ABSENT:
        return value
    raise ValueError(
        "a name of at most 80 letters, digits and `_.+-`, and an empty cell for a missing one"
    )


def number_in(value: object) -> float:
    """Return a number.

    Raises:
        ValueError: it is none, not finite, or written otherwise than Python writes it.
    """
    number = math.nan
    if isinstance(value, str):
        if len(value) <= _LONGEST_NUMBER and _NUMBER.fullmatch(value):
            number = float(value)
    elif isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 1e300:
        number = float(value)
    if math.isfinite(number):
        return number
    raise ValueError("a number with a decimal point, such as 81.5")


def whole_in(value: object) -> int:
    """Return a whole number from 0 to 2**63 - 1, which pandas may have written as `3.0`.

    Raises:
        ValueError: it is none.
    """
    if isinstance(value, str) and re.fullmatch(r"[0-9]{1,19}", value):
        value = int(value)
    if isinstance(value, int) and not isinstance(value, bool):
        number = value
    else:
        try:
            written = number_in(value)
        except ValueError:
            written = -1.0
        number = int(written) if written == int(written) and abs(written) < 2**53 else -1
    if 0 <= number < 2**63:
        return number
    raise ValueError("a whole number, such as 500")


def count_in(value: object) -> int:
    """Return a number of examples, at least 1.

    Raises:
        ValueError: it is none.
    """
    count = whole_in(value)
    if count == 0:
        raise ValueError("the number of examples scored, at least 1")
    return count


def seed_in(value: object) -> int | Literal["none"]:
    """Return a seed, or `none`.

    Raises:
        ValueError: it is neither.
    """
    try:
        return "none" if value == "none" else whole_in(value)
    except ValueError:
        raise ValueError("a whole number, or `none` where nothing is random") from None


def tasks_in(value: object) -> str:
    """Return names of tasks, sorted and joined by `+`; `none` for none.

    Raises:
        ValueError: it is something else, or names a task twice.
    """
    if value == "none":
        return "none"
    names = value.split("+") if isinstance(value, str) and len(value) <= 1000 else []
    try:
        tasks = sorted({name_in(name.strip()) for name in names} - {"none", "all"})
    except ValueError:
        tasks = []
    if not tasks or len(tasks) != len(names):
        raise ValueError("`none`, or names of tasks joined by `+`, each once")
    return "+".join(tasks)


def truth_in(value: object) -> bool:
    """Return a truth value.

    Raises:
        ValueError: it is none.
    """
    if isinstance(value, int | float) and value in {0, 1}:
        return bool(value)
    if isinstance(value, str) and value.lower() in _TRUTHS:
        return _TRUTHS[value.lower()]
    raise ValueError("true or false")
