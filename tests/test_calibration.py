"""The calibration measures error rates under known truth, and finds decisions that are broken."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from benchmarks.calibration import calibrate, main, simulate
from benchmarks.closed_forms import Welch, at_least, expected_choice, least_coverage
from benchmarks.judgement import Tally, judge
from benchmarks.scenario import LEVEL
from benchmarks.scenarios import grid
from benchmarks.truths import SPREADS, Truth
from verifier.intervals import Estimate

GRID = {scenario.name: scenario for scenario in grid()}
EDGE = "gain of 8.2 ± 2.05, mean over seeds | upper edge less rounding | k=5 | steady"

sds = st.floats(0.05, 5)


def tally_of(reproduced=0, not_reproduced=0, inconclusive=0, not_evaluable=0, covered=None):
    labels = Counter(
        reproduced=reproduced, not_reproduced=not_reproduced, inconclusive=inconclusive,
        not_evaluable=not_evaluable,
    )  # fmt: skip
    tally = Tally(labels=labels)
    tally.intervals = tally.audits
    tally.covered = tally.covered_squared = tally.audits * 0.955 if covered is None else covered
    return tally


@given(sds, st.integers(2, 12), st.sampled_from([0.8, 0.95, 0.99]))
def test_interval_of_one_arm_covers_exactly_its_level(sd, seeds, level):
    assert Welch.of((sd,), seeds, level).coverage() == pytest.approx(level, abs=2e-3)


@given(sds, sds, st.integers(2, 12), st.floats(-5, 5))
def test_closed_forms_keep_the_symmetries_of_the_interval(first, second, seeds, truth):
    welch, swapped = (Welch.of(pair, seeds, LEVEL) for pair in ((first, second), (second, first)))
    assert welch.above(truth, 0) == pytest.approx(swapped.above(truth, 0), abs=1e-9)
    assert welch.above(truth, 0) == pytest.approx(welch.below(-truth, 0), abs=1e-9)
    missed = welch.above(truth, truth) + welch.below(truth, truth)
    assert welch.coverage() == pytest.approx(1 - missed, abs=1e-9)


@given(sds, sds, st.integers(2, 12), st.sampled_from([0.95, 0.995, 0.9995]))
def test_the_smallest_degrees_of_freedom_hold_at_any_ratio_where_welchs_do_not(a, b, seeds, level):
    careful = Welch.of((a, b), seeds, level, among_many=True)
    assert 1 - careful.coverage() <= 1.02 * (1 - level) + 1e-6
    assert careful.coverage() >= Welch.of((a, b), seeds, level).coverage()
    known = Welch.of((1.0, 10.0), 3, 0.995).coverage()
    assert 1 - known > 1.9 * 0.005  # what the smallest degrees of freedom are there for


@pytest.mark.parametrize("seeds", [2, 3, 5])
def test_no_interval_that_holds_for_unequal_arms_covers_less_for_equal_ones_than_its_bound(seeds):
    welch = [Welch.of((1.0, ratio), seeds, LEVEL).coverage() for ratio in np.geomspace(1, 60, 40)]
    floor = min(welch)
    assert LEVEL - 0.015 < floor < LEVEL
    # Welch's interval is one of those that the bound is about, and loses little against the best
    assert welch[0] - 0.01 < least_coverage(seeds, LEVEL, floor) <= welch[0] + 1e-4
    # the interval that is exact for equal arms has the lowest floor of all, and no bound above it
    assert least_coverage(seeds, LEVEL, 0.5) == pytest.approx(LEVEL, abs=1e-3)
    assert least_coverage(seeds, LEVEL, LEVEL) > least_coverage(seeds, LEVEL, LEVEL - 0.01)


def test_two_seeds_cannot_be_covered_within_a_point_of_nominal():
    assert least_coverage(2, LEVEL, LEVEL - 0.01) > LEVEL + 0.02


@pytest.mark.parametrize("pair", [(1.0, 1.0), (4.0, 1.0)])
def test_closed_forms_agree_with_drawn_samples_through_scipy(pair):
    rng, seeds, draws = np.random.default_rng(1), 3, 20_000
    first = 2 + pair[0] * rng.standard_normal((seeds, draws))
    second = pair[1] * rng.standard_normal((seeds, draws))
    found = stats.ttest_ind(first, second, equal_var=False).confidence_interval(LEVEL)
    welch = Welch.of(pair, seeds, LEVEL)
    assert np.mean(found.low > 0) == pytest.approx(welch.above(2, 0), abs=0.01)
    assert np.mean((found.low > -5) & (found.high < 9)) == pytest.approx(
        welch.inside(2, -5, 9), abs=0.012
    )
    assert np.mean((found.low < 2) & (found.high > 2)) == pytest.approx(welch.coverage(), abs=0.007)


@given(st.integers(1, 20), st.floats(0, 1), st.data())
def test_counts_of_independent_events_are_binomial_where_chances_are_equal(count, chance, data):
    wanted = data.draw(st.integers(0, count))
    expected = stats.binom.sf(wanted - 1, count, chance)
    assert at_least([chance] * count, wanted) == pytest.approx(expected, abs=1e-9)


def test_expected_score_of_the_chosen_candidate_is_that_of_drawn_choices():
    rng = np.random.default_rng(2)
    scores = np.array([[0.4], [0.0]]) + np.array([[0.5], [1.0]]) * rng.standard_normal((2, 400_000))
    seen = scores + 0.7 * rng.standard_normal(scores.shape)
    chosen = np.where(seen[0] > seen[1], scores[0], scores[1])
    assert expected_choice(0.4, (0.25, 1.0), 0.49) == pytest.approx(chosen.mean(), abs=0.006)


@pytest.mark.parametrize("spread", SPREADS.values(), ids=list(SPREADS))
@given(cells=st.integers(1, 40))
def test_parts_of_a_spread_make_up_each_cell_and_never_more_than_the_average_wanted(spread, cells):
    seed, own = spread.parts(cells)
    assert np.allclose(seed**2 + own**2, spread.totals(cells) ** 2)
    average = np.sqrt(seed**2 + np.mean(own**2) / cells)
    assert seed == 0 or average == pytest.approx(spread.average)


def test_drawn_scores_have_the_means_and_deviations_that_the_truth_says():
    truth = Truth(np.stack([np.full((2, 5), 40.0), np.full((2, 5), 50.0)]), SPREADS["unequal"])
    averages = truth.draw(20_000, np.random.default_rng(3)).mean(axis=(2, 3))
    assert averages.mean(axis=1) == pytest.approx([40, 50], abs=0.02)
    assert averages.std(axis=1) == pytest.approx([truth.sd(0), truth.sd(1)], rel=0.03)
    assert truth.sd(1) == pytest.approx(4 * truth.sd(0))


def test_grid_has_every_kind_of_claim_about_scores_and_a_bound_in_every_row():
    assert len(GRID) == len(grid()), "two rows have one name"
    assert all(s.bounds for s in GRID.values())
    assert {s.claim["kind"] for s in GRID.values()} == {
        "gain", "value", "no_benefit", "consistency", "not_consistently_better", "ranking",
        "selected_gain",
    }  # fmt: skip
    gains = {s.seeds for s in GRID.values() if s.group.startswith("gain of 8.2 ± 2.05, mean")}
    assert gains == {2, 3, 5, 10}


def test_same_part_of_a_row_is_drawn_again_and_other_parts_differ():
    scenario = GRID[EDGE]
    first, again = simulate(scenario, 0, 12), simulate(scenario, 0, 12)
    assert first == again
    streams = {tuple(sorted(simulate(scenario, part, 12).labels.items())) for part in range(3)}
    naive = {simulate(scenario, part, 12).naive for part in range(3)}
    assert len(streams) > 1 or len(naive) > 1


def test_number_of_processes_changes_no_result():
    rows = [s for s in GRID.values() if s.group.startswith("value") and s.seeds == 2][:3]
    one, two = (calibrate(rows, 110, processes=n) for n in (1, 2))
    assert [row.to_json() for row in one] == [row.to_json() for row in two]
    assert {row.tally.audits for row in one} == {110}


def test_interrupted_calibration_goes_on_with_the_parts_that_the_same_code_made(tmp_path):
    parts = tmp_path / "parts.jsonl"
    rows = [s for s in GRID.values() if s.group.startswith("value") and s.seeds == 2][:1]
    whole = [row.to_json() for row in calibrate(rows, 130, processes=1, parts=parts)]
    lines = [line for line in parts.read_text(encoding="utf-8").splitlines() if line]
    assert len(lines) == 2
    entry = json.loads(lines[0])
    strange = json.dumps(entry | {"code": "of another version", "tally": {}})
    parts.write_text("\n".join([strange, lines[0], lines[1][:40]]), encoding="utf-8")
    assert [row.to_json() for row in calibrate(rows, 130, processes=1, parts=parts)] == whole
    wrong = entry | {"tally": entry["tally"] | {"naive": 0, "labels": {"not_evaluable": 100}}}
    parts.write_text(json.dumps(wrong) + "\n", encoding="utf-8")
    (row,) = calibrate(rows, 130, processes=1, parts=parts)
    assert row.tally.labels["not_evaluable"] == 100, "what was kept should not be made again"


@pytest.mark.parametrize(
    ("tally", "fault"),
    [
        (tally_of(reproduced=100, inconclusive=1900), "at most 2.5% allowed"),
        (tally_of(reproduced=48, not_reproduced=90, inconclusive=1862), "not_reproduced in 4.5%"),
        (tally_of(reproduced=48, inconclusive=1951, not_evaluable=1), "not_evaluable"),
        (tally_of(reproduced=48, inconclusive=1952, covered=1830), "coverage 91.5%, 95% nominal"),
        (tally_of(reproduced=48, inconclusive=1952, covered=1990), "by closed form"),
    ],
)
def test_judge_names_what_is_worse_than_nominal(tally, fault):
    assert fault in " ".join(judge(GRID[EDGE], tally).faults)


def test_judge_blames_nothing_for_chance():
    # 1.4 standard errors above nominal
    assert judge(GRID[EDGE], tally_of(reproduced=60, inconclusive=1940)).faults == ()


def test_power_far_from_the_closed_form_is_a_fault():
    scenario = GRID[EDGE.replace("upper edge less rounding", "as reported")]
    assert (
        judge(scenario, scenario_tally := tally_of(reproduced=1990, inconclusive=10)).faults == ()
    )
    assert scenario_tally.rate("reproduced") > 0.99
    weak = judge(scenario, tally_of(reproduced=1700, inconclusive=300))
    assert "by closed form" in weak.faults[0]


def test_interval_that_covers_too_much_is_marked_and_no_fault():
    scenario = GRID[EDGE.replace("k=5", "k=2")]
    row = judge(
        scenario, tally_of(reproduced=24, not_reproduced=8, inconclusive=1968, covered=1954)
    )
    assert row.wide
    assert row.faults == ()


def test_decisions_by_intervals_half_as_wide_are_found_out(monkeypatch):
    honest = Estimate.quantile
    monkeypatch.setattr(Estimate, "quantile", lambda self, p: honest(self, p) / 2)
    (row,) = calibrate([GRID[EDGE]], 200, processes=1)
    assert any("reproduced in" in fault for fault in row.faults)
    assert any("coverage" in fault for fault in row.faults)


@pytest.mark.parametrize("group", sorted({s.group for s in GRID.values()}))
def test_no_verdict_is_wrong_more_often_than_allowed_in_a_short_calibration(group):
    rows = [s for s in GRID.values() if s.group == group and len(s.bounds) > 1]
    cheapest = min(rows, key=lambda s: s.means.size * s.seeds)
    (row,) = calibrate([cheapest], 40, processes=1)
    assert row.faults == ()
    assert row.tally.audits == 40
    if cheapest.coverage != "none":
        assert row.tally.intervals == 40


def test_point_estimates_alone_reproduce_every_second_claim_at_the_edge_of_its_tolerance():
    (row,) = calibrate([GRID[EDGE]], 200, processes=1)
    assert 0.4 < row.tally.naive / 200 < 0.75
    assert row.tally.rate("reproduced") < 0.1


def test_command_writes_the_rows_asked_for_and_says_how_to_repeat_them(tmp_path, capsys):
    out, table = tmp_path / "found" / "rows.json", tmp_path / "table.md"
    pattern = r"value.*as reported.*k=(2|3) .*volatile"
    arguments = ["--audits", "20", "--only", pattern, "--processes", "1"]
    code = main([*arguments, "--out", str(out), "--markdown", str(table)])
    told = capsys.readouterr()
    assert code == 0
    assert told.out == ""
    assert "of 40 audits" in told.err
    rows = json.loads(out.read_text(encoding="utf-8"))["rows"]
    assert [row["seeds"] for row in rows] == [2, 3]
    assert all(sum(row["rates"].values()) == pytest.approx(1) for row in rows)
    text = table.read_text(encoding="utf-8")
    assert f"--only {pattern}" in text
    assert "| as reported | 2 | volatile |" in text


def test_command_refuses_a_pattern_that_no_row_has(capsys):
    with pytest.raises(SystemExit) as stop:
        main(["--only", "no such row", "--audits", "5"])
    assert stop.value.code == 2
    assert "0 rows ; expected 1 or more" in capsys.readouterr().err


def test_the_page_has_every_kind_of_audit_at_two_thousand_and_none_that_fails():
    text = (Path(__file__).parents[1] / "docs" / "calibration.md").read_text(encoding="utf-8")
    groups = {line.removeprefix("### ").lower() for line in text.splitlines() if "### " in line[:4]}
    assert groups == {s.group.lower() for s in GRID.values()}
    assert f"{len(GRID)} rows of 2,000 audits, 0 worse than nominal" in text
    rows = [line for line in text.splitlines() if line.endswith(("| ok |", "| wide |"))]
    assert len(rows) == len(GRID)
