"""How uncertain is the paper's own number, and how far apart may two studies of one effect lie?

Papers of this field hardly ever state a standard error. Where one does, it is taken; else it is
assumed from our own variance over seeds at the paper's number of runs, and flagged as assumed.
Light: imports neither torch nor transformers nor datasets.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache
from typing import Literal

import numpy as np
from scipy import special

from claims.claim import GainClaim, Original, SelectedGainClaim, ValueClaim
from verifier.intervals import Estimate, median_inflation
from verifier.samples import Floats

__all__ = [
    "OriginalError",
    "StudyDifference",
    "original_error",
    "stated_original",
    "study_difference",
]

_LEAST_TAIL = 1e-18
"""Values of a variance that are less probable than this are left out of an integral over them."""


@dataclass(frozen=True, slots=True)
class OriginalError:
    """The standard error of the paper's number, and where it comes from."""

    points: float
    """Above 0."""
    source: Literal["given", "assumed"]
    """given: the paper states it. assumed: from the replication's variance components."""
    sentence: str
    """A clause for the reader, without a full stop."""
    degrees_of_freedom: float | None
    """With which an assumed one is estimated; None for a given one, which is taken as known."""


@dataclass(frozen=True, slots=True)
class StudyDifference:
    """Distribution of the difference of two studies of one effect.

    N(0, known^2) plus `estimated` times t: exact for a known variance (known only, normal) and for
    one estimated common variance (estimated only, t). With both it is the distribution of Behrens
    and Fisher, one of the two variances known. Satterthwaite's t is not used for that: its degrees
    of freedom grow with the known part faster than the sum does, so that over few seeds (4 degrees
    of freedom, say) a less certain original would narrow the interval.
    """

    known: float
    """Standard deviation of the part whose variance is known, in points, at least 0."""
    estimated: float
    """Standard error of the part whose variance is estimated, in points, at least 0; not both 0."""
    degrees_of_freedom: float | None
    """Of the estimated part, at least 1; None where that is known as well."""

    @property
    def standard_error(self) -> float:
        """Both parts together, in points."""
        return math.hypot(self.known, self.estimated)

    def p(self, apart: float) -> float:
        """Return the two-sided p-value against one effect in both studies.

        That of Cochran's Q for two studies, Q = apart^2 / (se_o^2 + se_r^2), which is chi-squared
        with one degree of freedom where both errors are known (Hedges and Schauer 2019).

        Args:
            apart: difference of the two effects, in points.
        """
        scaled = abs(apart) / self.standard_error
        if self.degrees_of_freedom is None:
            return float(2 * special.ndtr(-scaled))
        share = (self.known / self.standard_error) ** 2
        if share == 0:
            return float(2 * special.stdtr(self.degrees_of_freedom, -scaled))
        ratios, weights = _variance_ratios(self.degrees_of_freedom)
        deviations = np.sqrt(share + (1 - share) / ratios)
        return float(min(1.0, 2 * np.sum(weights * special.ndtr(-scaled / deviations))))

    def half_width(self, level: float) -> float:
        """Return how far apart the studies lie at most with probability `level`, in points."""
        tail = 0.5 + level / 2
        if self.degrees_of_freedom is None:
            return float(special.ndtri(tail)) * self.standard_error
        if self.known == 0:
            return float(special.stdtrit(self.degrees_of_freedom, tail)) * self.standard_error
        # A sum is beyond a + b only if one part is beyond a or the other beyond b: half the error
        # for each bounds the root from above.
        half_tail = 0.5 + tail / 2
        highest = float(
            special.ndtri(half_tail) * self.known
            + special.stdtrit(self.degrees_of_freedom, half_tail) * self.estimated
        )
        from scipy import optimize  # noqa: PLC0415  slow to import, and rarely needed

        root: float = optimize.brentq(
            lambda apart: self.p(apart) - (1 - level), 0.0, highest, xtol=1e-12 * highest
        )
        return root


def stated_original(claim: GainClaim | SelectedGainClaim | ValueClaim) -> Original | None:
    """Return what is known of the original's uncertainty; a single run is one seed."""
    stated = claim.original
    if claim.measure.seeds != "single" or (stated and stated.seeds != "unknown"):
        return stated
    if stated is None:
        return Original(seeds=1, because="The claim is about a single run.")
    return stated.model_copy(update={"seeds": 1})


def original_error(seen: Estimate, original: Original | None) -> OriginalError | None:
    """Return the standard error of the paper's number, given or assumed.

    A given one is taken as known: papers do not say with how many degrees of freedom they estimated
    it. Else each arm's variance over our seeds stands for the paper's, at the paper's number of
    runs: sum over arms of variance / k_o (times median_inflation(k_o)^2 for a median), plus what
    does not shrink with seeds. With the number of runs unknown it is the replication's own.

    Args:
        seen: the replication's estimate.
        original: what the paper says; None where it says nothing.

    Returns:
        None where nothing is given and the replication has no standard error.
    """
    if original is not None and not isinstance(original.standard_error, str):
        points = original.standard_error
        return OriginalError(
            points, "given", f"the paper states a standard error of {points:g}", None
        )
    if seen.standard_error is None:
        return None
    runs = "unknown" if original is None else original.seeds
    if isinstance(runs, str) or not seen.variances:
        lacking = "it states none" if isinstance(runs, str) else "nothing here depends on a seed"
        why = f"the paper's standard error is assumed to be ours, as {lacking}"
        return OriginalError(seen.standard_error, "assumed", why, seen.degrees_of_freedom)
    seeds = _seed_part(seen, runs)
    at = "its single run" if runs == 1 else f"its {runs} runs"
    why = f"the paper's standard error is assumed from our variance over seeds, at {at}"
    freedom = _freedom(seen, seeds, seen.item_variance)
    return OriginalError(math.sqrt(seeds + seen.item_variance), "assumed", why, freedom)


def study_difference(seen: Estimate, error: OriginalError) -> StudyDifference:
    """Return how far the paper's number and ours lie apart by chance, for an estimate with an error.

    An assumed error rests on the same variance components as the replication's own, so that one
    estimated variance stands for both.
    """
    own = seen.standard_error or 0.0
    if error.source == "given":
        return StudyDifference(error.points, own, seen.degrees_of_freedom)
    items = 2 * seen.item_variance
    seeds = own**2 + error.points**2 - items
    return StudyDifference(0.0, math.hypot(own, error.points), _freedom(seen, seeds, items))


def _seed_part(seen: Estimate, runs: int) -> float:
    """Return the squared standard error that the arms would have with a number of runs each."""
    inflation = median_inflation(runs) if seen.statistic == "median" else 1.0
    return inflation**2 * math.fsum(v / runs for v in seen.variances)


def _freedom(seen: Estimate, seeds: float, items: float) -> float | None:
    """Return the degrees of freedom of a variance whose parts are in another proportion than ours.

    Satterthwaite's formula, in which the degrees of freedom of our seeds are recovered from those
    of the whole estimate; they are never fewer than those of the arm with the fewest seeds.

    Args:
        seen: the replication's estimate.
        seeds: part that varies over seeds, in squared points, above 0.
        items: part of examples, in squared points, at least 0.
    """
    whole = seen.degrees_of_freedom
    if whole is None or items == 0:
        return whole
    squared = (seen.standard_error or 0.0) ** 2
    share, by_items = 1 - seen.item_variance / squared, max(1, seen.item_clusters - 1)
    left = 1 / whole - (1 - share) ** 2 / by_items
    fewest = max(1.0, seen.seeds - 1.0)
    own = max(fewest, share**2 / left) if left > 0 else fewest
    total = seeds + items
    return 1 / ((seeds / total) ** 2 / own + (items / total) ** 2 / by_items)


def _variance_ratios(degrees_of_freedom: float) -> tuple[Floats, Floats]:
    """Return values of chi-squared / df and weights that sum to 1, to integrate over it.

    Gauss-Legendre over its logarithm, whose density is smooth and has light tails.
    """
    half = degrees_of_freedom / 2
    low = math.log(special.gammaincinv(half, _LEAST_TAIL) / half)
    high = math.log(special.gammainccinv(half, _LEAST_TAIL) / half)
    unit, weights = _nodes()
    log_ratio = low + (high - low) * (unit + 1) / 2
    log_density = half * (log_ratio - np.exp(log_ratio))
    mass = weights * np.exp(log_density - log_density.max())
    return np.exp(log_ratio), mass / mass.sum()


@cache
def _nodes() -> tuple[Floats, Floats]:
    return np.polynomial.legendre.leggauss(256)
