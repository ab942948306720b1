"""How are several comparisons within one claim kept from making a chance find look like a result?

Cells of one claim share seeds and arms, so nothing here assumes that they are independent.
Light: imports neither torch nor transformers nor datasets.
"""

from __future__ import annotations

from collections.abc import Sequence

__all__ = ["bonferroni_level", "holm", "partial_conjunction", "shown_cells"]


def bonferroni_level(level: float, comparisons: int) -> float:
    """Return the level that each of several two-sided intervals needs to hold all at once.

    Args:
        level: simultaneous level wanted, in (0, 1).
        comparisons: how many intervals, at least 1.
    """
    return level if comparisons <= 1 else 1 - (1 - level) / comparisons


def holm(p_values: Sequence[float]) -> tuple[float, ...]:
    """Return Holm's step-down adjusted p-values, in the order given (Holm 1979).

    Rejecting those at most alpha keeps the chance of any false rejection at alpha, whatever the
    dependence.
    """
    count = len(p_values)
    order = sorted(range(count), key=lambda i: p_values[i])
    adjusted = [1.0] * count
    running = 0.0
    for rank, index in enumerate(order):
        running = max(running, min(1.0, (count - rank) * p_values[index]))
        adjusted[index] = running
    return tuple(adjusted)


def partial_conjunction(p_values: Sequence[float], at_least: int) -> float:
    """Return the p-value against `fewer than u of the L hypotheses are false`.

    p = (L - u + 1) * p_(u), valid under any dependence (Benjamini and Heller 2008). For u = L it
    is the largest p-value, the intersection-union test.

    Args:
        p_values: one per cell.
        at_least: u, from 1 to L.
    """
    count = len(p_values)
    if not 1 <= at_least <= count:
        raise ValueError(f"at_least is {at_least} ; expected 1 to {count}, the number of cells")
    return min(1.0, (count - at_least + 1) * sorted(p_values)[at_least - 1])


def shown_cells(p_values: Sequence[float], alpha: float) -> int:
    """Return k-hat, the largest u of which every v up to u has a p-value of at most alpha."""
    shown = 0
    for u in range(1, len(p_values) + 1):
        if partial_conjunction(p_values, u) > alpha:
            break
        shown = u
    return shown
