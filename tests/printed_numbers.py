"""How a number looks once it was rounded, or cut off, to some places."""

from __future__ import annotations

from fractions import Fraction


def printed(value: Fraction, places: int, *, cut: bool) -> str:
    """Print a number of at least 0, rounded half up or cut off."""
    scaled = value * 10**places
    whole = int(scaled) if cut else int(scaled + Fraction(1, 2))
    return f"{whole / 10**places:.{places}f}"
