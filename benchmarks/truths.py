"""What is true of the arms of a simulated audit, and how much do their scores vary?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["SPREADS", "Floats", "Spread", "Truth"]

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Spread:
    """How much scores vary over seeds, in points, as measured on five seeds of XLM-R base.

    FACTS 5c of the project's notes: the language average has a standard deviation of 0.18 (XQuAD F1)
    or 0.47 (WikiAnn F1), single languages one of 0.4 to 1.1, or of 1.2.
    """

    name: str
    average: float
    """Standard deviation of the average over cells that is aimed at."""
    lowest: float
    """Standard deviation of the steadiest cell, seed and cell together."""
    highest: float
    ratio: float = 1.0
    """Standard deviation of every other arm, the control first, by that of the rest."""

    def totals(self, cells: int) -> Floats:
        """Return the standard deviation of each cell; most cells are near the lowest."""
        place = np.linspace(0.0, 1.0, cells) if cells > 1 else np.full(1, 0.5)
        return np.asarray(self.lowest + (self.highest - self.lowest) * place**4)

    def parts(self, cells: int) -> tuple[float, Floats]:
        """Return the standard deviation of the seed and those of seed by cell.

        The seed's is what makes the average as wide as aimed at, 0 where the cells alone do. None of
        the cells can be steadier than the seed that moves all of them.
        """
        totals = self.totals(cells)
        seed = 0.0
        if cells > 1:
            mean_square = float(np.mean(totals**2))
            seed = max(0.0, (self.average**2 - mean_square / cells) / (1 - 1 / cells))
            seed = min(seed, float(np.min(totals**2)))
        return float(np.sqrt(seed)), np.sqrt(totals**2 - seed)

    def scales(self, arms: int) -> Floats:
        """Return the factor of each arm's standard deviations, the control's first."""
        return np.where(np.arange(arms) % 2 == 0, self.ratio, 1.0)


SPREADS: Mapping[str, Spread] = {
    spread.name: spread
    for spread in (
        Spread("steady", 0.18, 0.39, 1.08),
        Spread("volatile", 0.47, 1.21, 1.21),
        Spread("unequal", 0.47, 1.21, 1.21, ratio=0.25),
    )
}


@dataclass(frozen=True, slots=True, eq=False)
class Truth:
    """What is true of the arms of a simulated audit."""

    means: Floats
    """(n_arms, n_tasks, n_languages), points."""
    spread: Spread

    def draw(self, seeds: int, rng: np.random.Generator) -> Floats:
        """Return scores (n_arms, n_seeds, n_tasks, n_languages) of replicates, in points."""
        arms, tasks, languages = self.means.shape
        by_seed, by_cell = self.spread.parts(tasks * languages)
        noise = by_seed * rng.standard_normal((arms, seeds, 1, 1))
        noise = noise + by_cell.reshape(tasks, languages) * rng.standard_normal(
            (arms, seeds, tasks, languages)
        )
        scales = self.spread.scales(arms)[:, None, None, None]
        return np.asarray(self.means[:, None] + scales * noise)

    def sd_by_cell(self) -> Floats:
        """Return the true standard deviation over seeds of single scores, shape of the means."""
        arms, tasks, languages = self.means.shape
        by_cell = self.spread.totals(tasks * languages).reshape(tasks, languages)
        return np.asarray(self.spread.scales(arms)[:, None, None] * by_cell)

    def sd(self, index: int) -> float:
        """Return the true standard deviation of an arm's average over all cells, in points."""
        _, tasks, languages = self.means.shape
        by_seed, by_cell = self.spread.parts(tasks * languages)
        average = np.sqrt(by_seed**2 + np.sum(by_cell**2) / by_cell.size**2)
        return float(average * self.spread.scales(index + 1)[index])
