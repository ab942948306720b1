"""Which ranks may a condition have, when all comparisons behind them have to hold at once?

Light: imports neither torch nor transformers nor datasets.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import combinations

import numpy as np
from scipy import special

from claims.estimand import Condition
from verifier.intervals import Estimate, Scores, Statistic, difference, single
from verifier.multiplicity import bonferroni_level
from verifier.resampling import RESAMPLES
from verifier.samples import Floats
from verifier.verdict import Interval

__all__ = ["Comparison", "RankSet", "comparisons", "possible_ranks", "rank_sets"]

_DRAWS = 2 * RESAMPLES
"""Draws of the reference distribution; a multiple of those of examples, so that each counts alike."""

_FINEST = 0.99
"""Highest level that the draws resolve: beyond it, fewer than 200 of them are left."""


@dataclass(frozen=True, slots=True)
class RankSet:
    """The ranks that a condition may have; 1 is the best."""

    best: int
    worst: int


@dataclass(frozen=True, slots=True)
class Comparison:
    """The first condition less the second, with an interval that holds for all pairs at once."""

    first: Condition
    second: Condition
    estimate: Estimate
    interval: Interval | None
    """None where an arm that depends on a seed has fewer than two."""
    equivalent_level: float
    """Level at which the pair alone would have this interval; the claim's level without one."""

    def surely_better(self) -> bool:
        """Return whether the first condition is surely better than the second."""
        return self.interval is not None and self.interval.low > 0

    def surely_worse(self) -> bool:
        """Return whether the first condition is surely worse than the second."""
        return self.interval is not None and self.interval.high < 0


def rank_sets(
    arms: Mapping[Condition, Scores], *, statistic: Statistic, step: float, level: float
) -> dict[Condition, RankSet]:
    """Return rank sets of all conditions that hold at once with probability `level`."""
    pairs = combinations(arms, 2)
    found = comparisons(arms, pairs, statistic=statistic, step=step, level=level)
    return possible_ranks(found, tuple(arms), candidates=len(arms))


def possible_ranks(
    found: Iterable[Comparison], conditions: Iterable[Condition], *, candidates: int
) -> dict[Condition, RankSet]:
    """Return the rank sets that comparisons leave to conditions.

    A condition's best rank is 1 plus the number of those surely better, its worst the number of
    candidates less those surely worse (Mogstad, Romano, Shaikh, Wilhelm 2024). They hold at once as
    the comparisons do; a pair that was not compared leaves its order open.

    Args:
        found: simultaneous comparisons.
        conditions: whose ranks are asked for.
        candidates: how many are ranked.
    """
    better: Counter[Condition] = Counter()
    worse: Counter[Condition] = Counter()
    for pair in found:
        better[pair.first] += pair.surely_worse()
        worse[pair.first] += pair.surely_better()
        better[pair.second] += pair.surely_better()
        worse[pair.second] += pair.surely_worse()
    return {c: RankSet(1 + better[c], candidates - worse[c]) for c in conditions}


def comparisons(
    arms: Mapping[Condition, Scores],
    pairs: Iterable[tuple[Condition, Condition]],
    *,
    statistic: Statistic,
    step: float,
    level: float,
) -> tuple[Comparison, ...]:
    """Return the comparisons of pairs of arms, which hold all at once with probability `level`.

    A single pair has Welch's interval. Several share one factor on their Welch standard errors: the
    `level` quantile of the largest |D| / se over the pairs, where D = e_a T_a - e_b T_b with e the
    standard errors of the arms and T independent t variables with k - 1 degrees of freedom. That is
    the generalised fiducial distribution of all differences at once (Behrens-Fisher for one pair;
    Hannig, Iyer and Patterson 2006): a shared arm enters every pair with the same T, and that the
    variances are estimated is part of it. A max-t that takes them as known covers too little. No
    pair gets less than its Welch interval.

    The draws depend on the condition alone, so neither order nor other candidates change them, and
    another comparison never narrows those at hand.

    Args:
        arms: measure per seed of every candidate.
        pairs: of conditions in `arms`; each pair once.
        statistic: over seeds.
        step: change that one example can make to the measure, in points.
        level: simultaneous level, in (0, 1).
    """
    found = [(a, b, difference(arms[a], arms[b], statistic=statistic, step=step)) for a, b in pairs]
    known = [(a, b, e) for a, b, e in found if e.standard_error is not None]
    factor = 0.0
    if len(known) > 1:
        errors = {c: _Arm.of(c, arms[c], statistic, step) for pair in known for c in pair[:2]}
        factor = _bound(errors, known, level) if level > _FINEST else _drawn(errors, known, level)
    note = f"max-t over {len(known)} comparisons, which hold at once"
    return tuple(_comparison(a, b, e, factor, note if factor else "", level) for a, b, e in found)


_Pair = tuple[Condition, Condition, Estimate]


@dataclass(frozen=True, slots=True, eq=False)
class _Arm:
    """What the seeds of an arm say of its measure."""

    scores: Scores
    draws: Floats
    """(_DRAWS,), deviations of the measure from its truth in points; in steps if constant."""
    degrees_of_freedom: int | None
    """None for an arm without randomness."""

    @classmethod
    def of(cls, condition: Condition, scores: Scores, statistic: Statistic, step: float) -> _Arm:
        df = None if scores.constant else scores.values.size - 1
        seen = single(replace(scores, drawn=None), statistic=statistic, step=step)
        return cls(scores, (seen.standard_error or 0.0) * _stream(condition.digest(), df), df)


@lru_cache(maxsize=128)
def _stream(digest: str, df: int | None) -> Floats:
    """Return draws of t with `df` degrees of freedom, or of the normal; seeded by the digest.

    The quantiles at evenly spaced probabilities, shuffled: a Latin hypercube over the arms (McKay,
    Beckman and Conover 1979), which has as many draws in each tail as there should be.
    """
    rng = np.random.default_rng(int(digest, 16))
    return _read_only(rng.permutation(_quantiles(df)))


@lru_cache(maxsize=128)
def _quantiles(df: int | None) -> Floats:
    probabilities = (np.arange(_DRAWS) + 0.5) / _DRAWS
    quantiles = special.ndtri(probabilities) if df is None else special.stdtrit(df, probabilities)
    return _read_only(np.asarray(quantiles))


@lru_cache(maxsize=8)
def _studentizer(df: int) -> Floats:
    """Return draws of sqrt(df / chi-squared), the same for all pairs: they share the examples."""
    probabilities = (np.arange(_DRAWS) + 0.5) / _DRAWS
    chi_squared = np.random.default_rng(df).permutation(special.chdtri(df, probabilities))
    return _read_only(np.sqrt(df / chi_squared))


def _read_only(draws: Floats) -> Floats:
    draws.flags.writeable = False
    return draws


def _drawn(arms: Mapping[Condition, _Arm], pairs: Iterable[_Pair], level: float) -> float:
    largest = np.zeros(_DRAWS)
    for a, b, estimate in pairs:
        deviations = np.abs(_deviations(arms[a], arms[b], estimate))
        np.maximum(largest, deviations / (estimate.standard_error or 1.0), out=largest)
    rank = math.ceil(level * (_DRAWS + 1))
    return float(np.partition(largest, rank - 1)[rank - 1])


def _deviations(first: _Arm, second: _Arm, estimate: Estimate) -> Floats:
    """Return draws of the difference less its truth in points, shape (_DRAWS,)."""
    if first.degrees_of_freedom is None and second.degrees_of_freedom is None:
        seeds = (first.draws - second.draws) / math.sqrt(2)
    elif second.degrees_of_freedom is None:
        seeds = first.draws
    elif first.degrees_of_freedom is None:
        seeds = second.draws
    else:
        seeds = first.draws - second.draws
    if first.scores.drawn is None or second.scores.drawn is None or not estimate.item_variance:
        return seeds
    moved = first.scores.drawn.deviations.mean(axis=1) - second.scores.drawn.deviations.mean(axis=1)
    moved = (moved - moved.mean()) * math.sqrt(estimate.item_variance / np.var(moved, ddof=1))
    return np.asarray(seeds + np.resize(moved, _DRAWS) * _studentizer(estimate.item_clusters - 1))


def _bound(arms: Mapping[Condition, _Arm], pairs: list[_Pair], level: float) -> float:
    """Return a factor that needs no draws: Bonferroni with the fewest degrees of freedom of any part.

    Welch's t never reaches further than t with those (Mickey and Brown 1966).
    """
    freedom = [float(a.degrees_of_freedom) for a in arms.values() if a.degrees_of_freedom]
    freedom += [float(e.item_clusters - 1) for _, _, e in pairs if e.item_clusters]
    tail = (1 - bonferroni_level(level, len(pairs))) / 2
    return -float(special.stdtrit(min(freedom), tail) if freedom else special.ndtri(tail))


def _comparison(
    first: Condition, second: Condition, estimate: Estimate, factor: float, note: str, level: float
) -> Comparison:  # fmt: skip
    alone = estimate.interval(level)
    if alone is None or factor <= estimate.quantile(0.5 + level / 2):
        method = f"{estimate.method}; {note}" if note else estimate.method
        interval = alone.model_copy(update={"method": method}) if alone else None
        return Comparison(first, second, estimate, interval, level)
    half = factor * (estimate.standard_error or 0.0)
    interval = Interval(
        low=estimate.value - half,
        high=estimate.value + half,
        level=level,
        degrees_of_freedom=estimate.degrees_of_freedom,
        method=f"{estimate.method}; {note}",
    )
    df = estimate.degrees_of_freedom
    tail = float(special.ndtr(-factor) if df is None else special.stdtr(df, -factor))
    # Below 1e-9 the level can no longer be told from 1, for which no interval is finite.
    return Comparison(first, second, estimate, interval, 1 - 2 * max(tail, 1e-9))
