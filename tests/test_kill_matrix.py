"""A running matrix under SIGKILL, on a disk that is full, and with a rival: nothing lost, nothing twice.

What is asked of each is in `kill_driver.check`: results byte-identical to an undisturbed run, each run
finished exactly once, and nothing left under `tmp/` after gc.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
from test_gc import chain, do, planned

from replication.gc import collect_garbage
from replication.remaining import remaining
from replication.store import Store

LONG = (pytest.mark.slow, pytest.mark.endurance)
"""The whole form; the short one beside it runs every time."""

DRIVER = Path(__file__).parent / "kill_driver.py"


def driven(mode, folder, number, *, before=(), seed=1):
    done = subprocess.run(
        [*before, sys.executable, str(DRIVER), mode, str(folder), str(number), str(seed)],
        capture_output=True,
        text=True,
        check=False,
        timeout=3600,
    )
    assert done.returncode == 0, done.stderr[-4000:]
    return json.loads(done.stdout.splitlines()[-1])


@pytest.mark.parametrize("number", [6, pytest.param(200, marks=LONG)])
def test_a_matrix_killed_at_random_moments_ends_as_if_nobody_had_touched_it(tmp_path, number):
    told = driven("kills", tmp_path, number)
    assert told["killed"] == number


def own_disk():
    """Return a command that may mount a disk of its own; None where this machine forbids it."""
    command = [shutil.which("unshare") or "unshare", "--user", "--map-root-user", "--mount"]
    try:
        probe = [*command, "mount", "-t", "tmpfs", "-o", "size=64k", "none", "/mnt"]
        subprocess.run(probe, check=True, capture_output=True, timeout=30)
    except (OSError, subprocess.SubprocessError):
        return None
    return command


@pytest.mark.parametrize("number", [2, pytest.param(40, marks=LONG)])
def test_a_matrix_on_a_disk_that_is_full_again_and_again_goes_on_when_there_is_room(
    tmp_path, number
):
    """A real file system, too small at first; with exit code 4 and a message each time."""
    if (command := own_disk()) is None:
        pytest.skip("no disk can be mounted here; tests/test_store_crashes.py limits files instead")
    told = driven("full_disk", tmp_path, number, before=command)
    assert told["full"] >= 2


@pytest.mark.parametrize("number", [1, pytest.param(10, marks=LONG)])
def test_of_two_processes_on_one_store_one_is_refused_and_readers_never_are(tmp_path, number):
    told = driven("two", tmp_path, number)
    assert told["refused"] >= 1
    assert told["reads"] >= 1


LINES = """
    import os, signal, shutil, sys
    from pathlib import Path
    sys.path.insert(0, {tests!r})
    from test_gc import chain, do
    from replication.gc import collect_garbage
    from replication.store import Store
    OURS = {{sys.modules[f"replication.{{n}}"].__file__
             for n in ("artifacts", "chain", "gc", "journal", "premises", "remaining", "store")}}
    os.fsync = lambda _: None  # SIGKILL spares what the kernel holds, and this is much faster

    def work(mode, last, folder):
        count = 0
        def trace(frame, event, _):
            nonlocal count
            if frame.f_code.co_filename not in OURS:
                return None
            count += event == "line"
            if count == last:
                os.kill(os.getpid(), signal.SIGKILL)
            return trace
        sys.settrace(trace)
        if mode == "gc":
            collect_garbage(folder)
        else:
            with Store.open(folder) as store:
                do(store, chain()[1])
        os._exit(0)

    mode, earlier, path, step = sys.argv[1], sys.argv[2], Path(sys.argv[3]), int(sys.argv[4])
    for last in range(1, 10**6, step):
        shutil.copytree(earlier, path / str(last))
        pid = os.fork()
        if pid == 0:
            work(mode, last, path / str(last))
        _, status = os.waitpid(pid, 0)
        if os.WIFEXITED(status):
            assert os.WEXITSTATUS(status) == 0
            break
"""


@pytest.mark.parametrize("mode", ["gc", "restore"])
@pytest.mark.parametrize("step", [29, pytest.param(1, marks=LONG)])
def test_gc_and_making_again_killed_at_any_line_leave_every_run_finished(
    tmp_path, mode, step, monkeypatch
):
    """One fork for each line of our code (or each 29th); afterwards both can be done again."""
    monkeypatch.setattr(os, "fsync", lambda _: None)
    specs = chain()
    earlier, after = tmp_path / "earlier", tmp_path / "after"
    after.mkdir()
    with Store.open(earlier) as store:
        store.add_plan(planned(specs))
        runs = [do(store, one) for one in specs]
        store.begin(specs[0].model_copy(update={"seed": 9}))
    if mode == "restore":
        collect_garbage(earlier)
    code = textwrap.dedent(LINES).format(tests=str(DRIVER.parent))
    command = [sys.executable, "-c", code, mode, earlier, after, str(step)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=900)
    assert done.returncode == 0, done.stderr
    folders = sorted(after.iterdir(), key=lambda p: int(p.name))
    assert len(folders) > 300 / step
    for folder in folders:
        with Store.open(folder) as store:
            assert store.runs() == tuple(sorted(runs, key=lambda r: r.spec_digest))
            assert store.damage() == {}
            larger = planned([*specs, specs[3].model_copy(update={"seed": 5})])
            store.add_plan(larger)
            left = remaining(larger, store).make
            for one in larger.specs:
                if one.digest() in left:
                    assert do(store, one).status == "finished"
            assert store.run(specs[2].digest()) == runs[2]
        collect_garbage(folder)
        assert not list((folder / "tmp").iterdir())
        assert not list((folder / "quarantine").iterdir())
        assert collect_garbage(folder, dry_run=True) == ()
        shutil.rmtree(folder)


def test_a_killed_writer_frees_the_store_at_once(tmp_path):
    code = "import sys, time\nfrom pathlib import Path\nfrom replication.store import Store\n"
    code += "store = Store.open(Path(sys.argv[1]))\nprint('held', flush=True)\ntime.sleep(600)"
    command = [sys.executable, "-c", code, tmp_path / "store"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as writer:
        assert writer.stdout.readline() == "held\n"
        writer.send_signal(signal.SIGKILL)
        writer.wait()
    Store.open(tmp_path / "store").close()
