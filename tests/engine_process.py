"""An engine in a process of its own, which tests may signal: tells each event in a line of stdout.

    python engine_process.py ENGINE STORE DATA [SECONDS]

With SECONDS, each step that is heard of takes as long, so that a test can act in the middle of it.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import tiny_runs

from replication.data import FolderSource
from replication.engines.engine import engine
from replication.store import Store

WANTED = ((tiny_runs.NONE, "mini_topic"),)
EPOCHS = 60
"""Of pretraining, for it to be under way for some seconds."""


def plan(source):
    document = tiny_runs.protocol().model_dump(mode="json", by_alias=True)
    document["pretraining"]["recipe"]["epochs"] = EPOCHS
    return tiny_runs.plan(source, *WANTED, pretraining=document["pretraining"])


class Telling:
    def __init__(self, pause):
        self.pause = pause

    def begin(self, spec):
        say("begin", spec.title())

    def end(self, spec, seconds):
        say("end", spec.title())

    def skip(self, spec):
        say("skip", spec.title())

    def step(self, digest, step, steps, loss, tokens):
        assert 0 < step <= steps
        assert loss >= 0
        assert tokens > 0
        say("step", step, steps)
        time.sleep(self.pause)


def say(*words):
    sys.stdout.write(json.dumps(words) + "\n")
    sys.stdout.flush()


def main(name, store, data, pause="0"):
    source = FolderSource(Path(data), "miniature")
    with Store.open(Path(store)) as opened:
        tally = engine(name).run(
            plan(source), opened, source, progress=Telling(float(pause)), budget_s=None
        )
    say("tally", tally.finished, tally.left, tally.interrupted, tally.retried, tally.failed)


def _heed():
    # a job in the background of a script ignores SIGINT, and its children would inherit that
    signal.signal(signal.SIGINT, signal.SIG_DFL)


class Process:
    """The other side: start the process, hear its events, signal it."""

    def __init__(self, name, store, data, pause=0.0):
        heed = {"preexec_fn": _heed}
        self.process = subprocess.Popen(
            [sys.executable, __file__, name, str(store), str(data), str(pause)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=os.environ | {"OMP_NUM_THREADS": "1"},
            **heed,
        )
        self.events = []

    def until(self, word):
        """Read events up to the first of a kind."""
        for line in self.process.stdout:
            self.events.append(json.loads(line))
            if self.events[-1][0] == word:
                return self.events[-1]
        raise AssertionError(f"no '{word}' in {self.events}: {self.process.stderr.read()}")

    def rest(self):
        """Read to the end; return the last event and what was told on stderr."""
        out, told = self.process.communicate(timeout=300)
        self.events += [json.loads(line) for line in out.splitlines()]
        return self.events[-1], told

    def children(self):
        """Return the process ids of the workers."""
        pid = self.process.pid
        found = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        return [int(p) for p in found]


def alive(pid):
    """Say whether a process runs; one that ended and that nobody has waited for does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


if __name__ == "__main__":
    main(*sys.argv[1:])
