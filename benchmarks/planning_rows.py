"""What does one strategy of spending GPU-hours come to, over many simulated papers?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass

__all__ = ["CURVE", "Row"]

CURVE = (1.0, 2.0, 4.0, 6.0, 8.0, 10.0, 14.0, 18.0, 22.0, 26.5, 35.0, 50.0, 74.0, 92.0)
"""GPU-hours at which decided claims are counted."""


@dataclass(frozen=True, slots=True)
class Row:
    """One strategy at one spread over seeds."""

    strategy: str
    spread: float
    papers: int
    hours: float
    """Mean GPU-hours until nothing is left that it would run."""
    decided: float
    """Mean number of claims decided."""
    hours_per_decision: float
    hours_to_baseline: float | None
    """Mean hours until as many claims are decided as the baseline decides in the same paper, over the
    papers in which that happens."""
    reached: float
    """Share of those papers."""
    curve: tuple[float, ...]
    """Mean number of claims decided after the hours of `CURVE`."""
    wrong: Mapping[str, int]
    """Wrong label -> how often it was given."""
    chances: Mapping[str, int]
    """Wrong label -> claims of which it would have been wrong."""

    def to_json(self) -> dict[str, object]:
        """Return the row for the JSON file."""
        return asdict(self)
