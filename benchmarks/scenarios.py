"""Which rows has the calibration table?"""

from __future__ import annotations

from benchmarks.scenario import Scenario
from benchmarks.scenarios_average import directions, gains, medians, no_benefits, values
from benchmarks.scenarios_cells import consistencies, not_consistent, rankings
from benchmarks.scenarios_more import chosen_gains, looks, samples

__all__ = ["grid"]


def grid() -> tuple[Scenario, ...]:
    """Return every scenario, in the order of the table; names differ."""
    return (
        *gains(),
        *medians(),
        *directions(),
        *values(),
        *no_benefits(),
        *consistencies(),
        *not_consistent(),
        *rankings(),
        *looks(),
        *chosen_gains(),
        *samples(),
    )
