"""How are numbers printed so that their digits say no more, and no less, than is known?

The decimals follow the width of the interval; estimates round half away from zero; the ends of an
interval round outwards, so that the printed interval holds the computed one and no rounding makes
a claim look surer than it is.
"""

from __future__ import annotations

import math
from decimal import ROUND_CEILING, ROUND_FLOOR, ROUND_HALF_UP, Context, Decimal
from functools import lru_cache

from verifier.verdict import Interval

__all__ = [
    "bounds",
    "counted",
    "decimals",
    "duration",
    "estimate",
    "half_width",
    "percent",
    "points",
    "share",
    "stated",
]

_WIDE = Context(prec=400)
DEFAULT_DECIMALS = 1
"""Decimals of a score without interval; papers print one, and item noise hides the second."""


def decimals(interval: Interval | None) -> int:
    """Return the decimals, 0 to 2, that two significant digits of the half-width need.

    Without an interval the answer is 1: nothing is known of the error.
    """
    if interval is None:
        return DEFAULT_DECIMALS
    half_width = abs(interval.high - interval.low) / 2
    if half_width == 0:
        return 2
    return min(2, max(0, 1 - math.floor(math.log10(half_width))))


def points(value: float, *, digits: int = DEFAULT_DECIMALS, signed: bool = False) -> str:
    """Return a size in points, rounded half away from zero; `signed` writes `+` before gains."""
    return _fixed(value, digits, ROUND_HALF_UP, signed=signed)


def stated(value: float, *, signed: bool = False) -> str:
    """Return a number that somebody wrote down, with all its digits and at least one decimal.

    What decides a claim, such as a tolerance, is never rounded.
    """
    _refuse_infinite(value)
    written = f"{Decimal(repr(float(value))):f}"
    return f"+{written}" if signed and value > 0 else written


def bounds(interval: Interval, *, digits: int, signed: bool = False) -> str:
    """Return `[low, high]` in points, rounded outwards."""
    low = _fixed(interval.low, digits, ROUND_FLOOR, signed=signed)
    high = _fixed(interval.high, digits, ROUND_CEILING, signed=signed)
    return f"[{low}, {high}]"


def half_width(value: float, *, digits: int = DEFAULT_DECIMALS) -> str:
    """Return half of an interval's width in points, rounded up."""
    return _fixed(value, digits, ROUND_CEILING, signed=False)


def estimate(value: float, interval: Interval | None, *, signed: bool = False) -> str:
    """Return an estimate in points, followed by its interval where there is one."""
    digits = decimals(interval)
    number = points(value, digits=digits, signed=signed)
    if interval is None:
        return number
    return f"{number} {bounds(interval, digits=digits, signed=signed)}"


def share(value: float) -> str:
    """Return a share from 0 to 1 as a percentage, with as few digits as it needs."""
    percentage = (Decimal(repr(float(value))) * 100).normalize()
    return f"{percentage:f} %"


def percent(value: float) -> str:
    """Return a computed share from 0 to 1 in whole percent; never all or nothing by rounding."""
    whole = _fixed(100 * value, 0, ROUND_HALF_UP, signed=False)
    if whole == "0" and value > 0:
        return "< 1 %"
    return "> 99 %" if whole == "100" and value < 1 else f"{whole} %"


def counted(count: int, noun: str) -> str:
    """Return a number of things with their name, which takes an s unless it is one."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def duration(seconds: float) -> str:
    """Return a duration in its two largest units of hours, minutes and seconds."""
    if seconds < 10:
        return f"{_fixed(seconds, 1, ROUND_HALF_UP, signed=False)} s"
    whole = int(Decimal(repr(float(seconds))).quantize(Decimal(1), ROUND_HALF_UP))
    minutes, rest = divmod(whole, 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes} min"
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"


@lru_cache(maxsize=1 << 16)
def _fixed(value: float, digits: int, rounding: str, *, signed: bool) -> str:
    """Round the shortest decimal text of a float, which is the number that a reader would see."""
    _refuse_infinite(value)
    rounded = Decimal(repr(float(value))).quantize(Decimal((0, (1,), -digits)), rounding, _WIDE)
    if rounded.is_zero():
        rounded = abs(rounded)  # no reader should meet a negative zero
    return f"{rounded:+f}" if signed and not rounded.is_zero() else f"{rounded:f}"


def _refuse_infinite(value: float) -> None:
    if not math.isfinite(value):
        raise ValueError(f"number: found {value} ; expected a finite one. Mend what computed it.")
