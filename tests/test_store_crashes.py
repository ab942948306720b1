"""The store under SIGKILL and full disks: real processes, killed at any line and at any moment."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest
from test_store import do_run, plan, spec

from replication.store import Store


@pytest.fixture
def path(tmp_path):
    return tmp_path / "store"


CHILD = """
    import os, signal, sys
    from pathlib import Path
    sys.path.insert(0, {tests!r})
    from test_store import Store, do_run, plan, record, spec
    path = Path(sys.argv[1])
"""


def child(code, *arguments):
    text = textwrap.dedent(CHILD).format(tests=str(Path(__file__).parent)) + textwrap.dedent(code)
    return subprocess.Popen(
        [sys.executable, "-c", text, *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def check_after_a_crash(path, announced=()):
    """Nothing half there; all that was announced as finished is, and can be worked on with."""
    with Store.open(path) as store:
        runs = [run for run in store.runs() if run.status == "finished"]
        assert store.damage() == {}
        assert not list((path / "tmp").iterdir())
        assert not list((path / "quarantine").iterdir())
        found = {run.spec.seed for run in runs}
        assert set(announced) <= found
        assert {p.name for p in (path / "runs").iterdir()} == {run.spec_digest for run in runs}
        for run in runs:
            whole = bytes([run.spec.seed % 256]) * 3000
            assert (store.folder(run.spec_digest) / "checkpoint/weights.bin").read_bytes() == whole
        if store.latest_plan() is not None:
            assert store.latest_plan() == plan()
    return found


def test_a_process_killed_at_any_moment_leaves_only_whole_runs(path):
    done, begun = set(), 0
    for attempt in range(12):
        loop = child(
            """
            with Store.open(path) as store:
                print("open", flush=True)
                for seed in range(int(sys.argv[2]), 10**6):
                    do_run(store, seed)
                    print(seed, flush=True)
            """,
            path,
            begun,
        )
        said = [loop.stdout.readline() for _ in range(1 + attempt % 4)]
        assert said[0] == "open\n"
        time.sleep(0.001 * attempt)
        loop.send_signal(signal.SIGKILL)
        rest, _ = loop.communicate(timeout=60)
        done |= {int(line) for line in [*said[1:], *rest.splitlines()]}
        found = check_after_a_crash(path, done)
        begun = max(found | {begun}) + 1
    assert len(done) >= 18


FORKS = """
    import shutil
    import replication.artifacts, replication.journal, replication.premises, replication.store
    OURS = {sys.modules[f"replication.{n}"].__file__
            for n in ("artifacts", "chain", "journal", "premises", "store")}

    os.fsync = lambda _: None  # SIGKILL spares what the kernel holds, and this is much faster

    def work(last, folder):
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
        with Store.open(folder) as store:
            store.add_plan(plan())
            store.resume_folder(spec(1).digest())
            store.fail(record(spec(1), "failed", "x"), store.begin(spec(1)))
            do_run(store, 1)
        os._exit(0)

    for last in range(1, 10**6, int(sys.argv[2])):
        folder = path / str(last)
        if len(sys.argv) > 3:
            shutil.copytree(sys.argv[3], folder)
        pid = os.fork()
        if pid == 0:
            work(last, folder)
        _, status = os.waitpid(pid, 0)
        if os.WIFEXITED(status):
            assert os.WEXITSTATUS(status) == 0
            break
"""


@pytest.mark.slow
@pytest.mark.parametrize("crashed_before", [False, True])
def test_a_process_killed_at_any_line_of_our_code_leaves_only_whole_runs(
    path, tmp_path, crashed_before, monkeypatch
):
    """One fork for each line (after a crash, each third) from opening to closing; it dies there."""
    monkeypatch.setattr(os, "fsync", lambda _: None)
    earlier = tmp_path / "earlier"
    if crashed_before:  # after the run's folder had appeared, within the journal's line
        with Store.open(earlier) as store:
            do_run(store, 0)
            store.begin(spec(2))
            do_run(store, 3)
        os.truncate(earlier / "journal.jsonl", (earlier / "journal.jsonl").stat().st_size - 9)
    path.mkdir()
    forks = child(FORKS, path, *([3, earlier] if crashed_before else [1]))
    _, errors = forks.communicate(timeout=300)
    assert forks.returncode == 0, errors
    folders = sorted(path.iterdir(), key=lambda p: int(p.name))
    assert len(folders) > 100
    before = {0, 3} if crashed_before else set()
    found = [check_after_a_crash(folder) for folder in folders]
    assert all(before <= seeds for seeds in found)
    # Once the run is whole on the disk, every later death keeps it.
    kept = [1 in seeds for seeds in found]
    assert kept == sorted(kept)
    assert kept[-1]
    assert not kept[0]


def test_a_full_disk_is_reported_and_loses_no_finished_run(path):
    full = child(
        """
        import resource
        from replication.errors import StoreError
        with Store.open(path) as store:
            store.add_plan(plan())
            do_run(store, 0)
            for seed in range(3, 20):
                store.begin(spec(seed))  # so that the journal is the longest file
            folder = store.begin(spec(1))
            (folder / "checkpoint").mkdir()
            (folder / "checkpoint" / "weights.bin").write_bytes(b"\\1" * 3000)
            size = (path / "journal.jsonl").stat().st_size
            for limit in (100, size + 20):  # first no record fits, then no line of the journal
                resource.setrlimit(resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))
                for act in (lambda: store.finish(record(spec(1)), folder),
                            lambda: store.add_plan(plan())):
                    try:
                        act()
                        print("done")
                    except StoreError as error:
                        print("refused", "run again" in str(error))
                    assert store.latest_plan() == plan()  # not half overwritten
            resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY,) * 2)
            assert (path / "journal.jsonl").stat().st_size == size
            do_run(store, 2)
        """,
        path,
    )
    said, errors = full.communicate(timeout=60)
    assert full.returncode == 0, errors
    assert said.splitlines() == ["refused True"] * 3 + ["done"]
    # The second try got the run onto the disk before the journal was refused: it is not lost.
    assert check_after_a_crash(path, [0, 2]) == {0, 1, 2}
