"""A process that is killed again and again while it runs a small matrix, and what it must leave behind.

`python kill_driver.py MODE FOLDER NUMBER SEED`; torch is imported once, and every life is a fork.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
import traceback
from collections import Counter
from pathlib import Path

os.environ |= {"OMP_NUM_THREADS": "1", "TOKENIZERS_PARALLELISM": "false"}

import numpy as np
import tiny_runs

import replication.engines.inline
import replication.resume
import replication.worker
from corroborate import main
from replication.data import FolderSource
from replication.engines.engine import engine
from replication.errors import StoreError
from replication.gc import collect_garbage
from replication.miniature.generate import write_miniature
from replication.run import Plan
from replication.store import Store

replication.resume.Resume.__init__.__defaults__ = (0.0,)  # a state after every step
WANTED = (
    (tiny_runs.GUILD, "mini_topic"),
    (tiny_runs.NONE, "mini_topic"),
    (tiny_runs.NONE, "mini_pairs"),
)


class Silent:
    begin = end = skip = staticmethod(lambda *_: None)


def forked(work):
    """Start a function in a process of its own; it exits with what the function returns."""
    pid = os.fork()
    if pid == 0:
        code = 70
        try:
            code = work() or 0
        except StoreError as error:
            sys.stderr.write(f"{error}\n")
            code = 4
        except BaseException:  # noqa: BLE001  nothing of a life may reach the driver
            traceback.print_exc()
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(code)
    return pid


def ended(pid):
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def prepared(folder):
    """Write data and plan; in a process of its own, since threads do not survive a fork."""
    data = folder / "data"
    if not (folder / "plan.json").exists():

        def prepare():
            source = FolderSource(write_miniature(data), "miniature")
            text = tiny_runs.plan(source, *WANTED).canonical()
            (folder / "plan.json").write_text(text)

        assert ended(forked(prepare)) == 0
    plan = Plan.model_validate_json((folder / "plan.json").read_text())
    return plan, FolderSource(data, "miniature")


def run(plan, path, source):
    """Run what is left; 0 if all of it went well, 4 otherwise."""
    with Store.open(path) as store:
        store.add_plan(plan)
        tally = engine("inline").run(plan, store, source, progress=Silent(), budget_s=None)
    for why in tally.failed.values():
        sys.stderr.write(f"{why}\n")
    return 4 if tally.failed else 0


def outcome(plan, path):
    """What a matrix has come to: per run its measurements, facts and every artifact's digest."""
    with Store.open(path, write=False) as store:
        assert store.damage() == {}
        found = {r.spec_digest: r for r in store.runs()}
        assert set(found) == {s.digest() for s in plan.specs}
        assert all(r.status == "finished" for r in found.values())
    return {
        digest: [m.canonical() for m in r.measurements] + [r.facts, dict(r.artifacts)]
        for digest, r in sorted(found.items())
    }


def check(plan, path, undisturbed, allowed=("plan", "started", "finished")):
    """Nothing lost, nothing run twice to completion, and nothing left over after gc."""
    assert outcome(plan, path) == undisturbed
    events = [json.loads(line) for line in (path / "journal.jsonl").read_text().splitlines()]
    names = Counter(e["event"] for e in events)
    assert set(names) <= set(allowed), names
    finished = Counter(e["subject"] for e in events if e["event"] == "finished")
    assert set(finished.values()) == {1}, "a run was completed twice"
    assert len(finished) == len(plan.specs)
    collect_garbage(path)
    left = [p for name in ("tmp", "resume", "quarantine") for p in (path / name).iterdir()]
    assert not left, left
    assert not list(path.rglob("*.partial"))
    assert collect_garbage(path, dry_run=True) == ()


def undisturbed(plan, folder, source):
    """Run the matrix once in peace; return what it comes to and how many seconds it takes."""
    begun = time.monotonic()
    assert ended(forked(lambda: run(plan, folder / "undisturbed", source))) == 0
    return outcome(plan, folder / "undisturbed"), time.monotonic() - begun


def kills(folder, number, rng):
    """Kill lives at random moments, matrix after matrix, until there were enough of them."""
    plan, source = prepared(folder)
    expected, seconds = undisturbed(plan, folder, source)
    killed = matrices = 0
    while killed < number:
        path = folder / f"matrix {matrices}'s"
        matrices += 1
        code = None
        while code != 0:
            pid = forked(lambda path=path: run(plan, path, source))
            if killed < number:
                time.sleep(rng.uniform(0.0, 0.4 * seconds))
                os.kill(pid, signal.SIGKILL)
            code = ended(pid)
            assert code in {0, -signal.SIGKILL}, code
            killed += code != 0
            if code and (path / "store.json").exists() and rng.random() < 0.3:
                pid = forked(lambda path=path: collect_garbage(path) and 0)
                time.sleep(rng.uniform(0.0, 0.02))
                os.kill(pid, signal.SIGKILL)
                assert ended(pid) in {0, -signal.SIGKILL}
        check(plan, path, expected, ("plan", "started", "finished", "collected", "restored"))
    sys.stdout.write(
        json.dumps({"killed": killed, "matrices": matrices, "seconds": round(seconds, 2)})
    )


def full_disk(folder, number, rng):
    """Run on a disk of our own that is too small, and grows a little each time it is full."""
    prepared(folder)
    disk = folder / "disk"
    disk.mkdir()
    size, lives, full = 16, 0, 0
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}k", "none", disk], check=True)
    while True:
        arguments = _command(folder, disk / "store")
        with (folder / "said").open("wb") as said:

            def life(said=said, arguments=arguments):
                os.dup2(said.fileno(), 2)
                os.dup2(said.fileno(), 1)
                return main(arguments)

            code = ended(forked(life))
        lives += 1
        text = (folder / "said").read_text()
        if code == 0:
            break
        assert code == 4, (code, text)
        assert "No space left on device" in text or "os error 28" in text, text
        assert "Traceback" not in text, text
        full += 1
        size += int(rng.integers(4, 1200 // number + 5))
        subprocess.run(["mount", "-o", f"remount,size={size}k", disk], check=True)
    assert ended(forked(lambda: main(_command(folder, folder / "peace")))) == 0
    with Store.open(folder / "peace", write=False) as store:
        own = store.latest_plan()
    events = ("plan", "started", "finished", "failed")
    check(own, disk / "store", outcome(own, folder / "peace"), events)
    sys.stdout.write(json.dumps({"lives": lives, "full": full, "kB": size}))


def _command(folder, store):
    from tiny_data import claim, write_claims, write_protocol

    claims, protocol = folder / "claims.json", folder / "tiny.yaml"
    if not claims.exists():
        write_claims(claims, claim("gain"))
        write_protocol(protocol, seeds=1)
    common = ["run", str(claims), "--protocol", str(protocol), "--data", str(folder / "data")]
    return [*common, "--store", str(store)]


def two(folder, number, rng):
    """Let two processes run the same matrix on one store while a third only reads."""
    plan, source = prepared(folder)
    expected, seconds = undisturbed(plan, folder, source)
    refused = reads = 0
    for matrix in range(number):
        path = folder / f"matrix {matrix}"
        done = False
        while not done:
            pids = [forked(lambda path=path: run(plan, path, source)) for _ in range(2)]
            by_pid = {}
            limit = time.monotonic() + (rng.uniform(0.1, seconds) if rng.random() < 0.7 else 600)
            while len(by_pid) < 2:
                for pid in set(pids) - set(by_pid):
                    if time.monotonic() > limit:
                        os.kill(pid, signal.SIGKILL)
                    found, status = os.waitpid(pid, os.WNOHANG)
                    if found:
                        by_pid[pid] = os.waitstatus_to_exitcode(status)
                if (path / "journal.jsonl").exists():
                    with Store.open(path, write=False) as store:
                        assert all(r.status == "finished" for r in store.runs(verify=False))
                        assert store.damage() == {}
                    reads += 1
                time.sleep(0.02)
            codes = sorted(by_pid.values())
            assert set(codes) <= {0, 4, -signal.SIGKILL}, codes
            assert codes != [4, 4], "each refused the other"
            refused += 4 in codes
            done = 0 in codes
        check(plan, path, expected)
    sys.stdout.write(json.dumps({"refused": refused, "reads": reads}))


if __name__ == "__main__":
    mode = {"kills": kills, "full_disk": full_disk, "two": two}[sys.argv[1]]
    mode(Path(sys.argv[2]), int(sys.argv[3]), np.random.default_rng(int(sys.argv[4])))
