"""Published worked examples come out to their printed digits.

TOSTER 0.9.0 (Lakens and Caldwell): its vignettes and its file of known results. ReplicationSuccess
1.3.3 (Held, Micheloud, Pawel, Gerber and Hofmann, 2024): the example outputs of its reference pages
and its tests. Partial conjunction: the example of the repository that belongs to "Replicability
Analysis for Natural Language Processing: Testing Significance with Multiple Datasets" (Dror, Baumer,
Bogomolov and Reichart, TACL 2017). A number counts as met where it rounds to what was printed.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import special
from verifier_strategies import NONE, SQUAD, claim

from claims.claim import Original
from claims.estimand import Contrast
from verifier.cells import CellEstimate
from verifier.criteria import (
    edgington_p,
    prediction_half_width,
    sceptical_p,
    sceptical_z,
    secondary_criteria,
)
from verifier.decisions_cells import decide_no_benefit
from verifier.intervals import Estimate, Scores, difference, single
from verifier.multiplicity import holm, partial_conjunction, shown_cells
from verifier.original import StudyDifference

STEP = 0.01


def assert_prints(value: float, printed: str) -> None:
    """Compare with a printed number: at most half a unit of its last digit away."""
    number = Decimal(printed)
    half = Decimal(5).scaleb(int(number.as_tuple().exponent) - 1)
    assert abs(Decimal(value) - number) <= half * Decimal("1.000001"), f"{value!r} is not {printed}"


def sample(mean: float, deviation: float, size: int) -> Scores:
    """Scores with exactly this mean and standard deviation."""
    shape = np.arange(size, dtype=float)
    return Scores(mean + deviation * (shape - shape.mean()) / shape.std(ddof=1))


# Equivalence tests: TOSTER


@dataclass(frozen=True)
class Equivalence:
    """An example of two one-sided tests: what was printed, as it was printed."""

    source: str
    estimate: Estimate
    margin: float
    """In raw units."""
    df: str
    p: tuple[str, str]
    interval: tuple[str, str]
    level: float = 0.9
    """Of the interval; one less twice the alpha of each test."""
    t: tuple[str, str] | None = None
    error: str | None = None
    equivalent: bool | None = None
    """None where the example prints no conclusion."""


def two(m: tuple[float, float], sd: tuple[float, float], n: tuple[int, int]) -> Estimate:
    """Welch's contrast of two groups given by their summaries."""
    first, second = (sample(*group) for group in zip(m, sd, n, strict=True))
    return difference(first, second, statistic="mean", step=STEP)


def raw(first: list[float], second: list[float]) -> Estimate:
    """Welch's contrast of two groups given by their values."""
    arms = [Scores(np.array(values, dtype=float)) for values in (first, second)]
    return difference(arms[0], arms[1], statistic="mean", step=STEP)


def one(mean: float, sd: float, n: int) -> Estimate:
    """The mean of one group, less the value that it is compared with."""
    return single(sample(mean, sd, n), statistic="mean", step=STEP)


MORAL = two((5.25, 5.22), (0.95, 0.83), (95, 89))
SLEEP = raw(
    [0.7, -1.6, -0.2, -1.2, -0.1, 3.4, 3.7, 0.8, 0.0, 2.0],
    [1.9, 0.8, 1.1, 0.1, -0.1, 4.4, 5.5, 1.6, 4.6, 3.4],
)
YIELDS = raw(
    [452, 874, 554, 447, 356, 754, 558, 574, 664, 682, 547, 435, 245],
    [546, 547, 774, 465, 459, 665, 467, 365, 589, 534, 456, 651, 654, 665, 546, 537],
)

EQUIVALENCES = [
    Equivalence(
        "tests/testthat/test-known_results.R, raw two-sample test",
        MORAL, 0.384, "181.1344", ("0.0009458745", "0.003838994"), ("-0.1870843", "0.2470843"),
        t=("3.153015", "-2.696056"),
    ),
    Equivalence(
        "tests/testthat/test-known_results.R, raw two-sample test, the 95 % interval",
        MORAL, 0.384, "181.1344", ("0.0009458745", "0.003838994"), ("-0.2290799", "0.2890799"),
        level=0.95, t=("3.153015", "-2.696056"),
    ),
    Equivalence(
        "tests/testthat/test-known_results.R, two-sample test with bounds of d = 0.43",
        MORAL, 0.43 * np.sqrt((0.95**2 + 0.83**2) / 2), "181.1344",
        ("0.0009560083", "0.003875522"), ("-0.1870843", "0.2470843"),
        t=("3.14973", "-2.692771"),
    ),
    Equivalence(
        "vignettes/IntroductionToTOSTER, Welch's test of Deary et al. (2003), d = 0.05",
        two((100.64, 100.48), (14.1, 14.9), (39343, 40033)),
        0.05 * np.sqrt((14.1**2 + 14.9**2) / 2), "79260.94",
        ("0.000000000000000004", "0.0000000201"), ("-0.0093", "0.3293"),
        t=("8.599", "-5.491"), error="0.102951", equivalent=True,
    ),
    Equivalence(
        "vignettes/IntroTOSTt, the sleep data of Student, bounds of half an hour",
        SLEEP, 0.5, "17.776", ("0.8901", "0.012"), ("-3.0533815", "-0.1066185"),
        t=("-1.2719", "-2.450"), error="0.8491", equivalent=False,
    ),
    Equivalence(
        "tests/testthat/test-NCSS1.R, yields, Welch, alpha of 0.025",
        YIELDS, 110.0, "19.169", ("0.03628", "0.02002"), ("-120.27336", "104.04259"),
        level=0.95, error="53.618547",
    ),
    Equivalence(
        "tests/testthat/test-known_results.R, raw one-sample test, mean 0.52 against 0.5",
        one(0.52 - 0.5, 0.5, 300), 0.1, "299", ("0.00002108451", "0.002966762"),
        ("-0.02763041", "0.06763041"), t=("4.156922", "-2.771281"),
    ),
    Equivalence(
        "tests/testthat/test-known_results.R, one-sample test, mean 0.54 against 0.5, d = 0.3",
        one(0.54 - 0.5, 1.2, 100), 0.36, "99", ("0.0006040021", "0.004474619"),
        ("-0.1592469", "0.2392469"), t=("3.333333", "-2.666667"),
    ),
]  # fmt: skip


@pytest.mark.parametrize("example", EQUIVALENCES, ids=lambda e: e.source)
def test_equivalence_examples_of_toster(example):
    seen, margin = example.estimate, example.margin
    assert_prints(seen.degrees_of_freedom, example.df)
    assert_prints(seen.p_above(-margin), example.p[0])
    assert_prints(seen.p_below(margin), example.p[1])
    interval = seen.interval(example.level)
    assert_prints(interval.low, example.interval[0])
    assert_prints(interval.high, example.interval[1])
    if example.t:
        assert_prints((seen.value + margin) / seen.standard_error, example.t[0])
        assert_prints((seen.value - margin) / seen.standard_error, example.t[1])
    if example.error:
        assert_prints(seen.standard_error, example.error)


@pytest.mark.parametrize(
    "example", [e for e in EQUIVALENCES if e.equivalent is not None], ids=lambda e: e.source
)
def test_no_benefit_is_decided_as_toster_decides_equivalence(example):
    rule = claim(
        "no_benefit", contrasts=[Contrast(treatment=SQUAD, control=NONE)], level=example.level,
        minimum_effect={"points": example.margin, "because": "the example's bounds"},
    )  # fmt: skip
    cell = CellEstimate("squad vs none", None, None, 0.0, 0.0, example.estimate)
    outcome = decide_no_benefit([cell], rule)
    assert outcome.label == ("reproduced" if example.equivalent else "inconclusive")
    assert_prints(outcome.interval.low, example.interval[0])
    assert_prints(outcome.interval.high, example.interval[1])


# Criteria of replication success: ReplicationSuccess


def z_of(two_sided: float) -> float:
    """Return the z-value of a two-sided p-value, as its p2z does."""
    return float(-special.ndtri(two_sided / 2))


def replication(value: float, error: float) -> Estimate:
    """A replication whose standard error is known."""
    return Estimate(value, error, None, (error**2,), 1, "mean", "normal")


def given_error(points: float) -> Original:
    return Original(standard_error=points, because="the example states it")


@pytest.mark.parametrize(("z", "ratio", "printed"), [
    ((z_of(0.01), z_of(0.02)), 2.0, "0.02273138"),
    ((z_of(0.02), z_of(0.01)), 0.5, "0.008786301"),
])  # fmt: skip
def test_golden_sceptical_p_values_of_the_reference_page(z, ratio, printed):
    assert_prints(sceptical_p(*z, ratio), printed)


def test_other_sceptical_values_of_the_reference_page():
    nominal = sceptical_z(z_of(0.01), z_of(0.02), 2.0)
    assert_prints(float(special.ndtr(-nominal)), "0.05790852")
    assert_prints(2 * sceptical_p(z_of(0.01), z_of(0.01), 2.0), "0.03496702")
    assert_prints(sceptical_z(2, 3, 2.0), "1.531634")
    assert_prints(sceptical_z(3, 2, 2.0), "1.531634")


@pytest.mark.parametrize(("ratio", "first", "second", "z", "p"), [
    (0.5, 4, 4, "3.06146745892072", "0.0000492521679461104"),
    (0.5, 2, 4, "1.87285276984854", "0.00860230836312371"),
    (0.5, 4, 2, "1.87285276984854", "0.00860230836312371"),
    (0.5, 2, 2, "1.53073372946036", "0.0257599721993693"),
    (0.5, 2, 0, "0", "0.5"),
    (0.5, 4, -4, "3.06146745892072", "0.999950747832054"),
    (0.5, 2, -2, "1.53073372946036", "0.974240027800631"),
    (2.0, 4, 4, "2.57437701162233", "0.000528949538842483"),
    (2.0, 2, 4, "1.67518610156176", "0.0165499416760937"),
    (2.0, 4, 2, "1.67518610156176", "0.0165499416760937"),
    (2.0, 2, 2, "1.28718850581117", "0.050780864777783"),
    (2.0, 4, -2, "1.67518610156176", "0.983450058323906"),
    (2.0, 2, -2, "1.28718850581117", "0.949219135222217"),
])  # fmt: skip
def test_sceptical_values_of_the_packages_own_tests(ratio, first, second, z, p):
    # tests/testthat/test-pSceptical.R, one-sided, golden; the file prints 15 significant digits
    assert sceptical_z(first, second, ratio) == pytest.approx(float(z), rel=1e-14, abs=0)
    assert sceptical_p(first, second, ratio) == pytest.approx(float(p), rel=1e-13)


@pytest.mark.parametrize(("ratio", "printed"), [
    (1.0, ["0.5752170", "0.6338302", "0.8840540", "1.1347634", "1.2720196"]),
    (10.0, ["0.3272944", "0.3792091", "0.6218755", "0.8837976", "1.0304384"]),
])  # fmt: skip
def test_the_relative_effect_that_just_succeeds_at_the_golden_level(ratio, printed):
    # reference page of effectSizeReplicationSuccess
    for p, relative in zip([0.001, 0.002, 0.01, 0.02, 0.025], printed, strict=True):
        original = float(-special.ndtri(p))
        unit = 0.5e-7 * original * ratio**0.5
        second = float(relative) * original * ratio**0.5
        assert sceptical_p(original, second + unit, ratio) < 0.025
        assert sceptical_p(original, second - unit, ratio) > 0.025


def test_q_test_of_the_reference_page():
    assert_prints(StudyDifference(1.0, 0.5, None).p(2 - 0.5), "0.1797125")


@pytest.mark.parametrize(("second", "half"), [(0.5, "2.19130635144145"), (2.0, "4.38261270288291")])
def test_prediction_intervals_of_the_packages_own_tests(second, half):
    # tests/testthat/test-predictionInterval.R, prior "predictive", around an original of 0
    for value in (-2.0, 0.0, 2.0):
        found = prediction_half_width(replication(value, second), 0.95, given_error(1.0))
        assert_prints(found, half)


@pytest.mark.parametrize(("first", "second", "printed"), [
    (0.026, 0.001, "0.0003645"),
    (0.024, 0.024, "0.001152"),
    (float(special.ndtr(-1.91)), float(special.ndtr(-1.95)), "0.001439412"),
    (float(special.ndtr(-1.91)), 0.024, "0.001355466"),
])  # fmt: skip
def test_edgingtons_p_values_of_the_reference_page(first, second, printed):
    assert_prints(edgington_p(first, second), printed)


def criteria(z: tuple[float, float], ratio: float) -> dict[str, float]:
    """P-values of the criteria as a verdict shows them, from z-values and a variance ratio."""
    # The reported 8 counts as 7.95, since its rounding counts against the claim.
    first = 7.95 / z[0]
    second = first / ratio**0.5
    seen = replication(z[1] * second, second)
    found = secondary_criteria(seen, 8.0, level=0.95, original=given_error(first))
    return {c.name: c.p for c in found}


def test_a_verdict_shows_the_printed_numbers_where_the_original_states_its_error():
    assert_prints(criteria((z_of(0.01), z_of(0.02)), 2.0)["sceptical_p"], "0.02273138")
    assert_prints(criteria((1.91, 1.95), 3.0)["edgington"], "0.001439412")
    # effects 2 and 0.55 are 1.5 apart with the rounding of the reported one
    seen = replication(0.55, 0.5)
    shown = secondary_criteria(seen, 2.0, level=0.95, original=given_error(1.0))
    assert_prints(next(c.p for c in shown if c.name == "q_test"), "0.1797125")


# Partial conjunction


def test_the_example_of_the_replicability_analysis_repository():
    # README.md: the Bonferroni estimator counts one data set, and Holm names the sixth
    p_values = [0.168, 0.297, 0.357, 0.019, 0.218, 0.001]
    assert shown_cells(p_values, 0.05) == 1
    rejected = [i + 1 for i, p in enumerate(holm(p_values)) if p <= 0.05]
    assert rejected == [6]


@pytest.mark.parametrize(("p_values", "alpha", "count"), [
    ([0.05, 0.06, 0.07], 0.05, 0),
    ([], 0.05, 0),
    ([0.04], 0.05, 1),
    ([0.009], 0.01, 1),
    ([0.0003, 0.002, 0.007], 0.01, 3),
    ([0.0003, 0.002, 0.002, 0.0055, 0.0095], 0.01, 3),
])  # fmt: skip
def test_counts_of_another_implementation_of_that_paper(p_values, alpha, count):
    # apmoore1/target-extraction, tests/analysis/statistical_analysis_test.py, method "B"
    assert shown_cells(p_values, alpha) == count


@given(st.lists(st.floats(0, 1), min_size=1, max_size=12), st.floats(0.001, 0.5))
def test_holm_rejects_exactly_as_many_as_partial_conjunction_counts(p_values, alpha):
    # that README states it of its two outputs; Benjamini and Heller (2008) for the p-values
    assert sum(p <= alpha for p in holm(p_values)) == shown_cells(p_values, alpha)
    assert partial_conjunction(p_values, len(p_values)) == max(p_values)
