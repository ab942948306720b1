"""`status --watch`: two real processes and one store; the runs are made up, the signs of life real."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import select
import signal
import struct
import subprocess
import sys
import termios
import time
from contextlib import suppress
from pathlib import Path

import pytest
from test_store import do_run, plan, spec

from replication import live
from replication.store import Store
from reports.status_view import Watched

ROOT = Path(__file__).parents[1]
ALONE = os.environ | {
    "OMP_NUM_THREADS": "1", "PYTHONPATH": f"{ROOT}:{ROOT / 'tests'}", "TERM": "xterm",
}  # fmt: skip
for size in ("COLUMNS", "LINES"):
    ALONE.pop(size, None)
PATIENCE_S = 40

WRITER = """
import sys
from pathlib import Path
from test_store import do_run, record, spec
from test_status_watch import three_runs
from replication.progress import Progress
from replication.store import Store
path = Path(sys.argv[1])
folders = {}
with Store.open(path) as store:
    store.add_plan(three_runs())
    with Progress(three_runs().specs, sys.stderr, store=path) as progress:
        print("ready", flush=True)
        for line in sys.stdin:
            word, *numbers = line.split()
            n, *rest = map(int, numbers)
            if word == "begin":
                progress.begin(spec(n))
                folders[n] = store.begin(spec(n))
            elif word == "step":
                progress.step(spec(n).digest(), *rest, 1.5, rest[0] * 1000)
                progress.tick()
            elif word == "end":
                store.finish(record(spec(n)), folders[n])
                progress.end(spec(n))
            elif word == "fail":
                store.fail(record(spec(n), "failed", "no luck"), folders[n])
                progress.fail(spec(n))
            print("ready", flush=True)
"""


def three_runs():
    return plan().model_copy(update={"specs": (spec(0), spec(1), spec(2))})


class Writer:
    """A process that holds the store and does as it is told."""

    def __init__(self, path):
        command = [sys.executable, "-c", WRITER, str(path)]
        pipe = subprocess.PIPE
        self.process = subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True, env=ALONE)
        assert self.process.stdout.readline() == "ready\n"

    def __call__(self, *told):
        self.process.stdin.write(" ".join(map(str, told)) + "\n")
        self.process.stdin.flush()
        assert self.process.stdout.readline() == "ready\n"

    def kill(self):
        self.process.kill()
        self.process.wait()

    def close(self):
        self.kill()
        with suppress(BrokenPipeError):
            self.process.stdin.close()
        self.process.stdout.close()


class Watcher:
    """`corroborate status --watch` on a terminal, or writing to a pipe."""

    def __init__(self, path, *, terminal):
        self.seen = ""
        command = [sys.executable, str(ROOT / "corroborate.py"), "status", "--watch"]
        ours, theirs = pty.openpty() if terminal else os.pipe()
        if terminal:
            self.resize(ours, 24, 100)
        self.source = ours
        self.process = subprocess.Popen(
            [*command, "--store", str(path)],
            stdin=theirs if terminal else subprocess.DEVNULL,
            stdout=theirs,
            stderr=subprocess.PIPE,
            env=ALONE,
        )
        os.close(theirs)

    def close(self):
        self.process.kill()
        self.process.wait()
        self.process.stderr.close()
        with suppress(OSError):  # a test has closed it
            os.close(self.source)

    def resize(self, source, rows, columns):
        fcntl.ioctl(source, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def screen(self):
        """What a reader sees: the last frame, without control sequences."""
        plain = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", self.seen)
        frames = re.split(r"(?=\d+ of \d+ done)", plain)
        return frames[-1]

    def until(self, pattern):
        """Read until the screen shows it."""
        deadline = time.monotonic() + PATIENCE_S
        while not re.search(pattern, self.screen(), re.DOTALL):
            assert time.monotonic() < deadline, f"no {pattern!r} in {self.screen()!r}"
            assert self.read() or self.process.poll() is None, self.process.stderr.read()
        return self.screen()

    def read(self):
        if not select.select([self.source], [], [], 0.2)[0]:
            return False
        try:
            got = os.read(self.source, 65536)
        except OSError:  # the terminal's other end was closed
            got = b""
        self.seen += got.decode()
        return bool(got)

    def rest(self):
        while self.read():
            pass
        code = self.process.wait(PATIENCE_S)
        while self.read():
            pass
        return code, self.process.stderr.read().decode()


@pytest.fixture
def path(tmp_path):
    return tmp_path / "a'; echo store"


@pytest.fixture
def began(path):
    """Start processes and end them all in the end."""
    started = []

    def start(kind, **options):
        started.append(kind(path, **options))
        return started[-1]

    yield start
    for one in started:
        one.close()


def test_a_terminal_shows_what_another_process_does_and_the_step_moves(began):
    writer = began(Writer)
    writer("begin", 0)
    writer("step", 0, 3, 40)
    watcher = began(Watcher, terminal=True)
    watcher.until(r"0 of 3 done, 1 running, 2 waiting.*xnli \[none\] seed 0 +3/40 7%.*1\.5")
    writer("step", 0, 20, 40)
    watcher.until(r"1 running, 2 waiting.*seed 0 +20/40 50%")
    watcher.resize(watcher.source, 12, 60)
    writer("begin", 1)
    watcher.until(r"2 running, 1 waiting.*target.*seed 0 .*target.*seed 1")
    writer("end", 0)
    shown = watcher.until(r"1 of 3 done, 1 running, 1 waiting")
    assert "seed 0" not in shown
    os.kill(watcher.process.pid, signal.SIGINT)
    code, told = watcher.rest()
    assert (code, told) == (0, "")
    assert watcher.seen.rstrip().endswith("left") or "1 of 3 done" in watcher.screen()


def test_what_is_no_terminal_gets_a_line_for_each_change(began):
    writer = began(Writer)
    watcher = began(Watcher, terminal=False)
    watcher.until("0 of 3 done, 0 running, 3 waiting")
    writer("begin", 0)
    watcher.until("running target xnli .none. seed 0")
    writer("end", 0)
    watcher.until("finished target xnli .none. seed 0")
    writer("begin", 1)
    watcher.until("running target xnli .none. seed 1")
    writer("fail", 1)
    watcher.until("failed target xnli .none. seed 1")
    writer("begin", 2)
    watcher.until("running target xnli .none. seed 2")
    writer("end", 2)
    code, told = watcher.rest()  # all have ended, and so does the watch
    assert (code, told) == (0, "")
    lines = watcher.seen.splitlines()
    assert len(lines) == 7
    assert all(re.match(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+00:00 \d of 3 done", x) for x in lines)
    assert "2 of 3 done, 0 running, 0 waiting, 1 failed" in lines[-1]
    assert "\x1b" not in watcher.seen


def test_a_killed_process_shows_as_silent_and_not_as_running(began, path):
    writer = began(Writer)
    writer("begin", 0)
    watcher = began(Watcher, terminal=True)
    watcher.until("1 running, 2 waiting")
    writer.kill()
    shown = watcher.until(r"0 running, 1 without a sign of life, 2 waiting")
    assert re.search(r"no sign of life for \d", shown)
    with Store.open(path):  # whoever goes on clears it away
        assert live.read_live(path) == {}
    watcher.until("0 of 3 done, 0 running, 3 waiting")


def test_a_reader_that_goes_away_ends_the_watch_quietly(began):
    writer = began(Writer)
    watcher = began(Watcher, terminal=False)
    watcher.until("0 of 3 done")
    os.close(watcher.source)
    writer("begin", 0)
    assert watcher.process.wait(PATIENCE_S) == 0
    assert watcher.process.stderr.read() == b""


def test_a_watch_of_no_store_or_of_json_is_refused(began, path):
    watcher = began(Watcher, terminal=False)
    code, told = watcher.rest()
    assert code == 2
    assert "expected a run store" in told
    command = [sys.executable, str(ROOT / "corroborate.py"), "status", "--watch", "--json"]
    done = subprocess.run(
        [*command, "--store", str(path)], check=False, capture_output=True, text=True, env=ALONE
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert "--json with --watch" in done.stderr


def test_a_store_that_has_no_plan_yet_is_waited_for(began, path):
    Store.open(path).close()
    watcher = began(Watcher, terminal=False)
    while "no plan in this store yet" not in watcher.seen:
        assert watcher.read() or watcher.process.poll() is None
    began(Writer)
    watcher.until("0 of 3 done, 0 running, 3 waiting")


def test_looking_writes_nothing_and_a_hostile_file_is_passed_over(path):
    with Store.open(path) as store:
        store.add_plan(three_runs())
        do_run(store, 0)
    folder = path / "tmp" / "live"
    folder.mkdir()
    good = live.LiveRun(pid=os.getpid(), host=live.here()[1], time=time.time(), elapsed_s=1.0)
    one, two, three = (spec(n).digest() for n in (1, 2, 0))
    (folder / f"{one}.json").write_text(good.canonical())
    (folder / f"{two}.json").write_text(good.canonical().replace('"pid":', '"pid":-'))
    (folder / f"{three}.json").write_text(good.canonical())  # finished, so it is not running
    (folder / f"{'0' * 64}.json").write_text(good.canonical())  # in no plan
    (folder / f"{'1' * 64}.json").symlink_to("/dev/zero")
    os.mkfifo(folder / f"{'2' * 64}.json")
    before = sorted((p, p.lstat().st_mtime_ns) for p in path.rglob("*"))
    seen = Watched(path).overview()
    assert (seen.total, seen.done, len(seen.rows), seen.waiting) == (3, 1, 1, 1)
    assert sorted((p, p.lstat().st_mtime_ns) for p in path.rglob("*")) == before


OWN = 0


@pytest.mark.parametrize(
    ("age", "pid", "host", "silent"),
    [
        (1.0, 2**31 - 1, None, False),  # a fresh file is a surer sign than a process number
        (10.0, 2**31 - 1, None, True),
        (10.0, 2**31 - 1, "elsewhere", False),
        (10.0, OWN, None, False),
        (31.0, OWN, None, True),
        (-3600.0, OWN, None, False),  # the clock was put back
    ],
)
def test_silence_is_an_old_file_or_a_dead_process(age, pid, host, silent):
    pid = (
        os.getpid() if pid == OWN else pid
    )  # not as a parameter: workers of xdist must agree on names
    run = live.LiveRun(pid=pid, host=host or live.here()[1], time=1000.0, elapsed_s=0.0)
    found = live.silence(run, now=1000.0 + age)
    assert (found is not None) is silent
    assert found is None or found == age
