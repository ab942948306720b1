"""Progress: what is done, running and waiting, on a terminal, in a log, and with an estimate."""

from __future__ import annotations

import io
import os
import re
import subprocess
import sys
import threading
from pathlib import Path

import pytest
import test_driving
from hypothesis import given, settings
from hypothesis import strategies as st
from test_store import plan, spec

from replication import live
from replication.display import Overview, Row
from replication.engines.driving import Terms, drive, to_steps
from replication.engines.stopping import Stop
from replication.forecast import Forecast
from replication.progress import HEARTBEAT_S, Progress, duration
from replication.store import Store

ROOT = Path(__file__).parents[1]


class Terminal(io.StringIO):
    def isatty(self):
        return True


class Clock:
    now = 100.0

    def __call__(self):
        return self.now


class Broken(io.StringIO):
    """A terminal that was closed."""

    tried = 0

    def isatty(self):
        return True

    def write(self, _):
        self.tried += 1
        raise BrokenPipeError


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def terminal(monkeypatch):
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("COLUMNS", "110")
    monkeypatch.setenv("LINES", "24")
    return Terminal()


def evaluation(seed, parent=None):
    return spec(seed).model_copy(update={"phase": "evaluation", "parent": parent})


def shown(stream):
    """What was written, without control sequences."""
    return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", stream.getvalue())


def test_a_log_gets_one_line_for_each_run_that_ends(capsys):
    stream = io.StringIO()
    specs = [spec(seed) for seed in range(3)]
    with Progress(specs, stream) as progress:
        progress.skip(specs[0])
        progress.begin(specs[1])
        assert stream.getvalue() == ""
        progress.end(specs[1], 30.0)
        progress.begin(specs[2])
        progress.end(specs[2], 50.0)
    first, second = stream.getvalue().splitlines()
    assert first == f"[2/3] {specs[1].title()}: 30 s, about 30 s left"
    assert second == f"[3/3] {specs[2].title()}: 50 s"
    assert capsys.readouterr().out == ""


def test_a_log_hears_of_long_runs_twice_a_minute_at_most(clock):
    stream = io.StringIO()
    with Progress([spec(1), spec(2)], stream, clock=clock) as progress:
        for seed in (1, 2):
            progress.begin(spec(seed))
        for second in range(100):
            clock.now += 1
            progress.step(spec(1).digest(), second, 1000, 0.5, 50 * second)
            progress.tick()
    lines = stream.getvalue().splitlines()
    assert len(lines) == 100 // HEARTBEAT_S
    assert lines[0].startswith(f"[0/2] running {spec(1).title()}: step 29/1000 2%, 50 tokens/s")
    assert spec(2).title() in lines[0]


def test_a_terminal_shows_every_running_run_with_step_speed_loss_and_estimates(terminal, clock):
    specs = [spec(seed) for seed in range(9)]
    with Progress(specs, terminal, clock=clock, expected={s.digest(): 100.0 for s in specs}) as p:
        p.begin(specs[0])
        p.begin(specs[1])
        for step in range(1, 26):
            clock.now += 1
            p.step(specs[0].digest(), step, 125, 1.25, step * 2000)
        p.tick()
        last = shown(terminal).rpartition("done")[2]
        assert "2 running, 7 waiting" in last
        assert re.search(r"25/125 20% +2\.0k +1\.25 +25 s +2 min", last)
        assert re.search(r" 25 s +75 s", last)  # the second run, from what it was expected to take
        assert "about 7 min left" in last.splitlines()[0]  # (100 + 75 + 7 * 100) / 2 workers
        p.end(specs[0], 125.0)
    kept = [line for line in shown(terminal).splitlines() if line.startswith("[1/9]")]
    assert kept
    assert kept[0].startswith(f"[1/9] {specs[0].title()}: 2 min")
    assert "\x1b[?25l" not in terminal.getvalue().rpartition("\x1b[?25h")[2], "the cursor is lost"


@pytest.mark.parametrize(("columns", "rows"), [(20, 3), (40, 5), (300, 60)])
def test_the_display_fits_windows_of_all_sizes(terminal, monkeypatch, columns, rows):
    monkeypatch.setenv("COLUMNS", str(columns))
    monkeypatch.setenv("LINES", str(rows))
    specs = [spec(seed) for seed in range(30)]
    with Progress(specs, terminal) as progress:
        for one in specs:
            progress.begin(one)
        terminal.truncate(0)
        terminal.seek(0)
        progress.tick()
        drawn = shown(terminal).rpartition("\r")[2].splitlines()
    assert 1 <= len(drawn) <= rows
    assert max(map(len, drawn)) <= columns
    if rows == 60:
        assert sum(specs[0].title()[:20] in line for line in drawn) == 30


@pytest.mark.parametrize("term", ["dumb", ""])
def test_a_terminal_that_cannot_move_its_cursor_gets_lines(terminal, monkeypatch, term):
    monkeypatch.setenv("TERM", term)
    with Progress([spec()], terminal) as progress:
        progress.begin(spec())
        progress.end(spec(), 1.0)
    assert terminal.getvalue() == f"[1/1] {spec().title()}: 1.0 s\n"


def test_colour_is_left_out_where_it_is_not_wanted(terminal, monkeypatch):
    monkeypatch.setenv("NO_COLOR", "1")
    with Progress([spec()], terminal) as progress:
        progress.begin(spec())
    assert "1 running" in shown(terminal)
    assert not re.search(r"\x1b\[[0-9;]*3[0-9]m", terminal.getvalue())


def test_a_stream_that_nobody_reads_any_more_does_not_end_the_work(monkeypatch):
    for term in ("xterm", "dumb"):
        monkeypatch.setenv("TERM", term)
        stream = Broken()
        with Progress([spec(1), spec(2)], stream) as progress:
            progress.begin(spec(1))
            progress.step(spec(1).digest(), 1, 2)
            progress.tick()
            progress.end(spec(1), 1.0)
        assert stream.tried


def test_a_display_that_fails_makes_way_for_lines(terminal, monkeypatch):
    with Progress([spec(1), spec(2)], terminal) as progress:
        progress.begin(spec(1))
        monkeypatch.setattr("rich.live.Live.update", lambda *_, **__: 1 / 0)
        progress.tick()
        progress.end(spec(1), 1.0)
        progress.begin(spec(2))
        progress.end(spec(2), 2.0)
    assert shown(terminal).endswith(f"[2/2] {spec(2).title()}: 2.0 s\n")


def test_failed_runs_and_those_that_rest_on_them_are_not_counted_as_done(clock):
    start, other = spec(1), spec(2)
    child = evaluation(1, start.digest())
    grandchild = evaluation(2, child.digest())
    with Progress([start, child, grandchild, other], io.StringIO(), clock=clock) as progress:
        progress.skip(other)
        progress.begin(start)
        progress.fail(start, 5.0)
        progress.skip(child)
        progress.skip(grandchild)
        seen = progress.overview()
    assert (seen.done, seen.failed, seen.blocked, seen.waiting) == (1, 1, 2, 0)
    assert (
        seen.heading()
        == "1 of 4 done, 0 running, 0 waiting, 1 failed, 2 left out, about 0.0 s left"
    )


def test_an_engine_tells_of_failures_and_steps(tmp_path):
    """Through the loop that all engines share."""
    stream = io.StringIO()
    specs = (test_driving.A, test_driving.B, test_driving.C, test_driving.OTHER)
    whole = plan().model_copy(update={"specs": specs})
    with Progress(specs, stream) as progress, Store.open(tmp_path / "store") as store:
        terms = Terms(progress, None, None, Stop(), None)
        drive(whole, store, hands=test_driving.Scripted({"b": ["fault"]}), terms=terms)
        seen = progress.overview()
        assert (seen.done, seen.failed, seen.blocked, seen.waiting) == (2, 1, 1, 0)
        progress.begin(specs[0])
        to_steps(progress, specs[0].digest(), (3, 9, 700, 1.5))
        row = progress.overview().rows[0]
        assert (row.step, row.steps, row.loss) == (3, 9, 1.5)
    assert f"{specs[1].title()}: failed after 1.0 s" in stream.getvalue()


def test_what_is_left_is_estimated_from_runs_of_the_same_sort():
    runs = [spec(1), spec(2), evaluation(1), evaluation(2), evaluation(3)]
    progress = Progress(runs, io.StringIO())
    assert progress.remaining() is None
    progress.end(spec(1), 100.0)
    assert progress.remaining() is None  # one training tells nothing of evaluations
    progress.end(evaluation(1), 2.0)
    assert progress.remaining() == pytest.approx(104.0)
    progress.end(evaluation(2), 4.0)
    assert progress.remaining() == pytest.approx(103.0)
    progress.skip(spec(2))
    progress.end(evaluation(3), 4.0)
    assert progress.remaining() == 0.0


def test_a_prediction_is_corrected_by_what_runs_took():
    runs = [spec(seed) for seed in range(4)]
    forecast = Forecast(runs, {s.digest(): 10.0 * (i + 1) for i, s in enumerate(runs)})
    assert forecast.remaining() == pytest.approx(100.0)
    forecast.learn(runs[0], 15.0)  # half as long again as predicted
    forecast.drop(runs[0].digest())
    assert forecast.remaining() == pytest.approx(1.5 * 90)


def test_more_workers_do_not_shorten_a_chain():
    first = spec(1)
    second = evaluation(1, first.digest())
    rest = [evaluation(seed) for seed in range(2, 12)]
    runs = [first, second, *rest]
    forecast = Forecast(runs, {s.digest(): 10.0 for s in runs})
    assert forecast.remaining() == pytest.approx(120)
    assert forecast.remaining(workers=4) == pytest.approx(30)
    assert forecast.remaining(workers=100) == pytest.approx(20)


@settings(max_examples=50, deadline=None)
@given(
    seconds=st.lists(st.floats(0.1, 1e4), min_size=1, max_size=8),
    workers=st.integers(1, 20),
)
def test_the_estimate_lies_between_the_longest_run_and_all_of_them(seconds, workers):
    runs = [spec(i) for i in range(len(seconds))]
    expected = {s.digest(): t for s, t in zip(runs, seconds, strict=True)}
    left = Forecast(runs, expected).remaining(workers=workers)
    assert max(seconds) <= left <= sum(seconds) * 1.000001
    assert left <= Forecast(runs, expected).remaining(workers=1)


def test_a_run_that_began_in_the_middle_is_measured_from_there(clock):
    with Progress([spec()], io.StringIO(), clock=clock) as progress:
        progress.begin(spec())
        progress.step(spec().digest(), 500, 600, 1.0, 50_000)  # resumed
        clock.now += 10
        progress.step(spec().digest(), 520, 600, 1.0, 52_000)
        row = progress.overview().rows[0]
        assert (row.left_s, row.tokens_per_s) == (pytest.approx(40), pytest.approx(200))
        progress.begin(spec())  # its worker was lost
        assert progress.overview().rows[0].step is None


def test_a_run_that_hangs_is_not_said_to_end_soon(clock):
    with Progress([spec()], io.StringIO(), clock=clock) as progress:
        progress.begin(spec())
        for step in (0, 99):
            progress.step(spec().digest(), step, 100)
            clock.now += 99
        before = progress.overview().left_s
        clock.now += 1000
        assert progress.overview().left_s > before


def test_a_narrow_window_keeps_the_seed_of_a_long_title(terminal, monkeypatch):
    monkeypatch.setenv("COLUMNS", "50")
    with Progress([spec(7)], terminal) as progress:
        progress.begin(spec(7))
        progress.step(spec(7).digest(), 1, 2_000_000, 1.2345, 9)
        progress.tick()
        assert re.search(r"target.*\.\..*seed 7  1/2000000", shown(terminal))


def test_without_a_runs_seconds_the_clock_counts(clock):
    stream = io.StringIO()
    with Progress([spec(1), spec(2)], stream, clock=clock) as progress:
        progress.begin(spec(1))
        clock.now += 600
        progress.end(spec(1))
    assert ": 10 min, about 10 min left" in stream.getvalue()


def test_word_is_left_in_the_store_while_a_run_is_under_way(tmp_path, clock):
    digest = spec(1).digest()
    with Progress([spec(1), spec(2)], io.StringIO(), clock=clock, store=tmp_path) as progress:
        progress.begin(spec(1))
        progress.step(digest, 3, 9, float("nan"), 10)
        progress.tick()
        found = live.read_live(tmp_path)[digest]
        assert (found.step, found.steps, found.loss, found.pid) == (3, 9, None, os.getpid())
        assert live.silence(found) is None
        progress.end(spec(1))
        assert live.read_live(tmp_path) == {}
        progress.begin(spec(2))
    assert not (tmp_path / "tmp" / "live").exists(), "an interrupt leaves nothing behind"


def test_a_store_that_refuses_the_word_does_not_disturb_the_run(tmp_path):
    (tmp_path / "tmp").write_text("in the way")
    stream = io.StringIO()
    with Progress([spec()], stream, store=tmp_path) as progress:
        progress.begin(spec())
        progress.end(spec(), 1.0)
    assert stream.getvalue()


def test_threads_may_tell_of_their_runs_at_once(tmp_path):
    specs = [spec(seed) for seed in range(24)]
    stream = io.StringIO()

    def work(own):
        for one in own:
            progress.begin(one)
            for step in range(5):
                progress.step(one.digest(), step, 5, 1.0, step)
                progress.tick()
            progress.end(one, 1.0)

    with Progress(specs, stream, store=tmp_path) as progress:
        threads = [threading.Thread(target=work, args=(specs[i::4],)) for i in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert progress.overview().done == 24
    assert len(stream.getvalue().splitlines()) == 24
    assert live.read_live(tmp_path) == {}


def test_the_thread_that_draws_does_not_outlive_the_work():
    progress = Progress([spec(1), spec(2)], io.StringIO())
    progress.begin(spec(1))
    assert any(t.name == "progress" for t in threading.enumerate())
    progress.close()
    progress.close()
    assert not any(t.name == "progress" for t in threading.enumerate())


def test_rich_is_imported_only_for_a_display():
    code = (
        "import io, sys\nfrom replication.progress import Progress\n"
        "from test_store import spec\n"
        "p = Progress([spec()], io.StringIO()); p.begin(spec()); p.end(spec(), 1.0)\n"
        "print({'rich', 'torch'} & set(sys.modules))"
    )
    alone = os.environ | {"PYTHONPATH": f"{ROOT}:{ROOT / 'tests'}", "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env=alone, check=True
    )
    assert done.stdout == "set()\n"


def test_one_line_names_a_few_runs_and_counts_the_rest():
    rows = tuple(Row(title=f"run {i}", elapsed_s=1.0) for i in range(7))
    line = Overview(total=9, done=2, waiting=0, rows=rows).running()
    assert line.startswith("run 0: for 1.0 s; run 1: for 1.0 s")
    assert line.endswith("and 3 more running")


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (0, "0.0 s"),
        (9.96, "10 s"),
        (99.4, "99 s"),
        (99.6, "2 min"),
        (5964, "99 min"),
        (9000, "2.5 h"),
    ],
)
def test_lengths_of_time_are_said_as_people_say_them(seconds, said):
    assert duration(seconds) == said
