"""Printed numbers: never surer than what was computed."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from verifier import numbers
from verifier.verdict import Interval

NUMBERS = st.floats(-1e6, 1e6)


@given(NUMBERS, NUMBERS)
def test_printed_interval_holds_the_computed_one(one, other) -> None:
    low, high = sorted((one, other))
    interval = Interval(low=low, high=high, level=0.95, method="t")
    shown = numbers.bounds(interval, digits=numbers.decimals(interval))
    left, right = (float(part) for part in shown.strip("[]").split(", "))
    assert left <= low <= high <= right


@given(NUMBERS, st.integers(0, 3))
def test_printed_points_are_nearest_symmetric_and_never_negative_zero(value, digits) -> None:
    shown = numbers.points(value, digits=digits)
    assert abs(float(shown) - value) <= 0.5 * 10**-digits + 1e-9 * abs(value)
    assert float(numbers.points(-value, digits=digits)) == -float(shown)
    assert not (shown.startswith("-") and float(shown) == 0)


@given(st.floats(0, 200), st.floats(0, 200))
def test_wider_interval_never_prints_more_decimals(one, other) -> None:
    narrow, wide = sorted((one, other))
    made = [Interval(low=-w / 2, high=w / 2, level=0.95, method="t") for w in (narrow, wide)]
    assert numbers.decimals(made[0]) >= numbers.decimals(made[1])


@given(NUMBERS)
def test_stated_numbers_are_never_rounded(value) -> None:
    assert float(numbers.stated(value)) == value
    assert "." in numbers.stated(value)


def test_numbers_read_as_a_person_would_write_them() -> None:
    wide = Interval(low=-4.26, high=20.1, level=0.95, method="t")
    assert numbers.estimate(7.92, wide, signed=True) == "+8 [-5, +21]"
    assert numbers.points(0.25) == "0.3"
    assert numbers.points(-0.04, signed=True) == "0.0"
    assert [numbers.stated(2.05), numbers.stated(8, signed=True)] == ["2.05", "+8.0"]
    assert numbers.share(0.95) == "95 %"
    assert numbers.share(0.975) == "97.5 %"
    assert [numbers.duration(s) for s in (0.26, 59.6, 3661)] == ["0.3 s", "1 min 0 s", "1 h 1 min"]


@given(st.floats(0, 1))
def test_a_computed_share_is_never_rounded_to_all_or_nothing(value):
    said = numbers.percent(value)
    assert (said == "0 %") == (value == 0)
    assert (said == "100 %") == (value == 1)
    number = float(said.strip("<> %"))
    assert abs(number - 100 * value) <= 1
