"""`make bench`: every line of the table is there, measured or with the reason why not."""

from __future__ import annotations

import json
import re
import sys
import textwrap

import pytest

from benchmarks import bench, bench_parts
from benchmarks.bench_derived import matrix
from benchmarks.bench_page import around, in_page, shown
from benchmarks.bench_parts import Part, measure_parts
from benchmarks.bench_peers import bootstrap, planning
from benchmarks.bench_targets import CPU, HF, LENGTHS, OURS, Target
from benchmarks.paper_matrix import MATRIX_HOURS, matrix_hours

ROWS = """
    import time
    def row(way, **more):
        return {"work": "w", "way": way, "peer": "p", "seconds": [3, 1, 2], "ratio": 2.5, **more}
    def good(turns, more=0):
        yield row(f"{turns} turns, {more} more")
    def broken(turns):
        yield row("before")
        raise ValueError("it broke | here\\nand there")
    def slow(turns):
        yield row("before")
        time.sleep(60)
    def absent(turns):
        import nobody_has_this_peer
    def nothing(turns):
        yield row("none", seconds=None, ratio=None)
    def infinite(turns):
        yield row("inf", ratio=float("inf"))
"""


@pytest.fixture
def part(tmp_path, monkeypatch):
    """Make parts out of functions of a module that the part's own process finds."""
    (tmp_path / "rows_for_test.py").write_text(textwrap.dedent(ROWS))
    monkeypatch.setenv("PYTHONPATH", f"{tmp_path}:{bench_parts.ROOT}")
    monkeypatch.syspath_prepend(str(tmp_path))

    def make(function, limit=180.0, **arguments):
        return Part(function, f"rows_for_test:{function}", limit, arguments)

    yield make
    sys.modules.pop("rows_for_test", None)


def measured(parts, out, *, turns=3, minutes=1.0, afresh=False, **more):
    return measure_parts(
        parts, out, turns=turns, minutes=minutes, command="make bench", afresh=afresh, **more
    )


def table(document, targets=()):
    names = list(document["parts"])
    lines = shown(document, names, targets).splitlines()
    return [line for line in lines if line.startswith("| ")][1:]


def test_a_row_has_the_median_and_spread_of_its_turns(part, tmp_path):
    document = measured([part("good", more=4)], tmp_path / "b.json")
    (line,) = table(document)
    assert line == "| w | 3 turns, 4 more | p | 2 (1 to 3) | 2.5 times | - | - |"
    assert document == json.loads((tmp_path / "b.json").read_text())
    assert set(document["state"]) == {"machine", "versions", "turns", "sources"}
    text = shown(document, ["good"], ())
    assert "Made by `make bench`" in text
    assert f"python {sys.version.split()[0]}" in text


def test_what_was_not_measured_says_why_and_has_no_number(part, tmp_path):
    parts = [part("broken"), part("slow", 4.0), part("absent"), part("nothing"), part("infinite")]
    parts += [Part("later", "benchmarks.not_written_yet:measure", 9)]
    document = measured(parts, tmp_path / "b.json")
    reasons = {name: found["reason"] for name, found in document["parts"].items()}
    assert reasons["broken"] == "ValueError: it broke | here"
    assert reasons["slow"] == "ended after its 4 s"
    assert reasons["absent"] == "not installed: nobody_has_this_peer"
    assert reasons["later"] == "no module benchmarks.not_written_yet"
    assert "expected more than 0" in reasons["infinite"]
    lines = table(document, [Target("broken", "w", "after", "p", least=2)])
    assert "| w | before | p | 2 (1 to 3) | 2.5 times | - | - |" in lines
    assert (
        "| w | after | p | | not measured: ValueError: it broke \\| here | at least 2 times | - |"
        in (" ".join(line.split()) for line in lines)
    )
    assert sum("not measured" in line for line in lines) == 5
    assert "inf times" not in "\n".join(lines)


@pytest.mark.parametrize(
    ("target", "said"),
    [
        ({"least": 2.5}, ["2.5 times", "at least 2.5 times", "yes"]),
        ({"least": 2, "stretch": 2.4}, ["2.5 times", "at least 2 times (stretch 2.4)"]),
        ({"least": 2, "stretch": 2.6}, ["2.5 times", "at least 2 times (stretch 2.6)", "yes"]),
        ({"least": 2.51}, ["2.5 times", "at least 2.51 times", "no"]),
        ({"most": 1.9, "quantity": "seconds"}, ["2 s", "at most 1.9 s", "no"]),
        ({"most": 9, "quantity": "peak_mib"},
         ["not measured: the row has no peak_mib", "at most 9 MiB", "-"]),
    ],
)  # fmt: skip
def test_a_target_is_judged_by_the_number_it_is_about(part, tmp_path, target, said):
    document = measured([part("good")], tmp_path / "b.json")
    (line,) = table(document, [Target("good", "w", "3 turns, 0 more", "p", **target)])
    cells = [cell.strip() for cell in line.strip("| ").split(" | ")][4:]
    assert cells == (said if len(said) == 3 else [*said, "yes, and its stretch"])


def test_an_interrupted_run_goes_on_where_it_was(part, tmp_path, monkeypatch, capsys):
    out = tmp_path / "b.json"
    parts = [part("good"), part("nothing"), part("broken")]
    really = bench_parts._ended

    def interrupted(call, *more):
        if "rows_for_test:nothing" in call:
            raise KeyboardInterrupt
        return really(call, *more)

    monkeypatch.setattr(bench_parts, "_ended", interrupted)
    with pytest.raises(KeyboardInterrupt):
        measured(parts, out)
    assert json.loads(out.read_text())["left"] == ["nothing", "broken"]
    first = json.loads(out.read_text())["parts"]["good"]
    monkeypatch.setattr(bench_parts, "_ended", really)
    capsys.readouterr()
    document = measured(parts, out)
    said = capsys.readouterr().err
    assert "goes on where it was interrupted; measured already: good" in said
    assert "good: measuring" not in said
    assert document["parts"]["good"] == first
    assert document["left"] == []
    assert set(document["parts"]) == {"good", "nothing", "broken"}
    measured(parts, out)
    assert "good: measuring" in capsys.readouterr().err  # the last run was whole


@pytest.mark.parametrize("other", ["turns", "sources"])
def test_an_interrupted_run_of_something_else_is_not_gone_on_with(
    part, tmp_path, monkeypatch, capsys, other
):
    out = tmp_path / "b.json"
    document = measured([part("good"), part("nothing")], out)
    bench_parts.written(out, document | {"left": ["nothing"]})
    if other == "sources":
        monkeypatch.setattr(bench_parts, "sources", lambda: "other")
    measured([part("good"), part("nothing")], out, turns=4 if other == "turns" else 3)
    assert "good: measuring" in capsys.readouterr().err


def test_a_part_alone_leaves_the_others_and_says_what_was_otherwise(part, tmp_path):
    out = tmp_path / "b.json"
    measured([part("good"), part("broken")], out)
    document = measured([part("good")], out, turns=2)
    assert len(table(document)) == 2
    assert "broken" in (text := shown(document, ["good", "broken"], ()))
    assert "other turns" in text
    assert "2 turns, 0 more" in text


def test_time_that_is_over_is_a_reason(part, tmp_path):
    document = measured([part("good")], tmp_path / "b.json", minutes=0.01)
    assert document["parts"]["good"]["reason"] == "the time of the whole was over"


def test_only_what_is_between_the_markers_of_a_page_changes(tmp_path):
    page = tmp_path / "p.md"
    page.write_text("a\n<!-- bench: begin -->\nold\n<!-- bench: end -->\nb\n")
    in_page(page, "bench", "new\n")
    assert page.read_text() == "a\n<!-- bench: begin -->\nnew\n<!-- bench: end -->\nb\n"
    with pytest.raises(ValueError, match="no markers of 'other'"):
        around(page, "other")


def test_the_page_of_this_project_has_both_tables():
    for name in ("bench", "bench-gpu"):
        assert around(bench.PAGE, name)[1]


def test_the_command_measures_what_is_asked_for_and_fills_the_page(
    part, tmp_path, monkeypatch, capsys
):
    monkeypatch.setattr(bench, "PARTS", (part("good"), part("broken")))
    page, out = tmp_path / "p.md", tmp_path / "b.json"
    page.write_text("<!-- bench: begin -->\n<!-- bench: end -->\n")
    given = ["--only", "go+d", "--turns", "2", "--out", str(out), "--page", str(page)]
    assert bench.main(given) == 0
    assert "| w | 2 turns, 0 more | p |" in page.read_text()
    assert "| w | 2 turns, 0 more | p |" in capsys.readouterr().out
    assert "python -m benchmarks.bench --only go+d --turns 2" in page.read_text()
    assert set(json.loads(out.read_text())["parts"]) == {"good", "matrix"}
    assert "not measured: not asked for" in page.read_text()
    page.write_text("<!-- bench: begin -->\n<!-- bench: end -->\n")
    assert bench.main([*given[4:], "--page-only"]) == 0
    assert "| w | 2 turns, 0 more | p |" in page.read_text()


def test_what_is_missing_alone_is_measured_and_may_have_more_time(part, tmp_path, capsys):
    out = tmp_path / "b.json"
    parts = [part("good"), part("slow", 2.0)]
    first = measured(parts, out)
    assert first["parts"]["slow"]["reason"] == "ended after its 2 s"
    capsys.readouterr()
    again = measured(parts, out, missing=True, patience=1.5)
    assert "good: measuring" not in capsys.readouterr().err
    assert again["parts"]["good"] == first["parts"]["good"]
    assert again["parts"]["slow"]["reason"] == "ended after its 3 s"
    measured(parts[:1], out, missing=True, turns=2)  # of other turns nothing is kept
    assert "good: measuring" in capsys.readouterr().err


def test_targets_that_are_met_are_counted_and_others_told_apart(part, tmp_path):
    document = measured([part("good"), part("nothing")], tmp_path / "b.json")
    way = "3 turns, 0 more"
    targets = [
        Target("good", "w", way, "p", least=2),
        Target("good", "w", way, "p", least=3),
        Target("nothing", "w", "none", "p", least=1),
    ]
    text = shown(document, ["good", "nothing"], targets)
    assert "Of 3 targets 1 met, 1 not met, 1 not measured." in text
    assert "targets" not in shown(document, ["good", "nothing"], ())
    assert re.search(r"good [^;]*, load \d+\.\d before it;", text)


def trainings(**speeds):
    """Return a document in which ways train at so many tokens per second."""
    state = {"turns": 1, "sources": "s", "machine": bench_parts.machine(), "versions": {}}
    rows = [{"way": way, "peer": HF, "tokens_per_second": speed} for way, speed in speeds.items()]
    parts = {f"training {lengths}": {"rows": rows} for lengths in LENGTHS}
    return {"parts": parts, "commit": None, "state": state, "command": "c"}


def test_the_matrix_is_reckoned_from_measured_speeds(tmp_path):
    document = trainings(**{OURS: 300.0, HF: 100.0})
    here, there = matrix(document, tmp_path / "none.json")
    assert here["ratio"] == pytest.approx(3 * matrix_hours(share=False) / MATRIX_HOURS)
    assert "no GPU-hours" in here["note"]
    assert there["ratio"] is None
    assert "has not run" in there["reason"]
    del document["parts"]["training SQuAD"]
    assert next(matrix(document))["reason"] == "training at SQuAD lengths was not measured"


def test_the_matrix_of_the_gpu_is_what_its_own_benchmark_left(tmp_path):
    gpu = tmp_path / "gpu.json"
    row = {"ratio": 5.5, "hours": 20.0, "note": "110 h for the peer"}
    part = {"date": "2026-01-01", "commit": "abc", "rows": [row]}
    gpu.write_text(json.dumps({"parts": {"matrix": part}}))
    _, there = matrix(trainings(), gpu)
    assert (there["ratio"], there["hours"]) == (5.5, 20.0)
    assert there["note"] == "110 h for the peer; gpu.json of 2026-01-01, abc"
    part["rows"] = [{"reason": "not all three lengths were measured"}]
    gpu.write_text(json.dumps({"parts": {"matrix": part}}))
    assert "not all three" in list(matrix(trainings(), gpu))[1]["reason"]


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (["--only", "nothing like it"], "expected one of training XNLI, training SQuAD"),
        (["--only", "("], "no pattern"),
        (["--turns", "0"], "expected 1 turn or more"),
        (["--patience", "0"], "minutes and patience above 0"),
        (["--page-only", "--out", "/nowhere.json"], "found no /nowhere.json"),
    ],
)
def test_wrong_options_end_with_a_message(capsys, given, said):
    with pytest.raises(SystemExit) as ended:
        bench.main(given)
    assert ended.value.code == 2
    assert said in capsys.readouterr().err


def test_a_target_may_be_about_two_rows_of_one_work():
    def row(way, seconds, peer="slow"):
        ratio = 6 / seconds
        return {"work": "w", "way": way, "peer": peer, "seconds": seconds, "ratio": ratio}

    rows = [row("ours", 1.0), row("slow", 6.0), row("slow, batch 2", 3.0), row("ours, padded", 2.0)]
    for found, each in zip(rows[::2], ([0.5, 1.0, 1.5], [3.0, 3.0, 6.0]), strict=True):
        found["each"] = each
    state = {"turns": 1, "sources": "s", "machine": bench_parts.machine(), "versions": {}}
    when = {"date": "d", "commit": None, "seconds": 1.0, "state": state, "command": "c"}
    document = {**when, "parts": {"a": {**when, "rows": rows, "reason": None}}}
    targets = [
        Target("a", "w", "ours", "slow", least=5),
        Target("a", "w", "ours", "slow*", least=5),
        Target("a", "w", "ours, padded", "slow, batch 2", least=1),
    ]
    assert table(document, targets) == [
        "| w | ours | slow | 1 | 6 times | at least 5 times | yes |",
        "| w | ours | slow, batch 2 | 1 | 3 times (3 to 6) | at least 5 times | no |",
        "| w | ours, padded | slow, batch 2 | 2 | 1.5 times | at least 1 times | yes |",
        "| w | slow, batch 2 | slow | 3 | 2 times | - | - |",
        "| w | ours, padded | slow | 2 | 3 times | - | - |",
    ]


def test_every_target_belongs_to_a_part_and_no_two_are_one():
    assert {t.part for t in CPU} <= {part.name for part in bench.PARTS} | set(bench.DERIVED)
    keys = [(t.work, t.way, t.peer, t.quantity) for t in CPU]
    assert len(set(keys)) == len(keys)
    assert all((t.least is None) != (t.most is None) for t in CPU)


def test_resampling_rows_answer_the_targets_about_it():
    rows = list(bootstrap(1, scale=0.005, draws=200))
    for target in (t for t in CPU if t.part == "bootstrap"):
        key = (target.work.replace("10,000", "200"), target.way, target.peer)
        (row,) = [r for r in rows if (r["work"], r["way"], r["peer"]) == key]
        assert "reason" not in row
        assert row["ratio"] > 0
        assert row["peak_mib"] > 0


def test_a_way_that_finds_something_else_is_not_measured(monkeypatch):
    from benchmarks import resampling

    really = resampling.loop
    monkeypatch.setattr(resampling, "loop", lambda *given: 2 * really(*given))
    first, second, _ = bootstrap(1, scale=0.005, draws=200)
    assert first["reason"] == "the ways find different standard errors"
    assert "reason" not in second


def test_planning_rows_are_hours_against_the_whole_matrix():
    rows = {row["way"]: row for row in planning(1, papers=2)}
    ours = rows["(d) claims' runs, ranked"]
    assert ours["peer"].startswith("(b) every cell")
    assert ours["seconds"] is None
    assert ours["ratio"] == pytest.approx(22 / ours["hours"])
    assert ours["ratio"] > 1
