"""Progress: one line a run, never on stdout, an estimate from finished runs of the same sort."""

from __future__ import annotations

import io

import pytest
from test_store import spec

from replication.progress import Progress, duration


class Terminal(io.StringIO):
    def isatty(self):
        return True


class Clock:
    now = 100.0

    def __call__(self):
        return self.now


def evaluation(seed):
    return spec(seed).model_copy(update={"phase": "evaluation"})


def test_a_log_gets_one_line_for_each_run_that_ends(capsys):
    stream = io.StringIO()
    specs = [spec(seed) for seed in range(3)]
    progress = Progress(specs, stream)
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


def test_a_terminal_also_gets_a_passing_line_that_fits_and_is_cleared(monkeypatch):
    monkeypatch.setenv("COLUMNS", "30")
    stream = Terminal()
    progress = Progress([spec()], stream)
    progress.begin(spec())
    assert "\n" not in stream.getvalue()
    assert len(stream.getvalue().removeprefix("\r\x1b[K")) < 30
    progress.end(spec(), 1.0)
    assert stream.getvalue().endswith(f"\r\x1b[K[1/1] {spec().title()}: 1.0 s\n")


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


def test_without_a_runs_seconds_the_clock_counts():
    clock, stream = Clock(), io.StringIO()
    progress = Progress([spec(1), spec(2)], stream, clock=clock)
    progress.begin(spec(1))
    clock.now += 600
    progress.end(spec(1))
    assert ": 10 min, about 10 min left" in stream.getvalue()


def test_a_stream_that_nobody_reads_any_more_does_not_end_the_work():
    stream = Broken()
    progress = Progress([spec()], stream)
    progress.begin(spec())
    progress.end(spec(), 1.0)
    assert stream.tried


class Broken(io.StringIO):
    tried = False

    def write(self, _):
        self.tried = True
        raise BrokenPipeError


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
