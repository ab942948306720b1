"""Which runs are done, and can their results be trusted? The store that keeps them.

An append-only journal plus one folder per run: `journal.jsonl`, `plans/`, `runs/<digest>/`,
`resume/<digest>/`, `quarantine/`, `tmp/`. A run's folder appears in one step, when it is whole and
on the disk; a process killed at any moment leaves runs that are finished or not there. Every path
is relative, so a store may be moved. Light: no torch.
"""

from __future__ import annotations

import os
import re
import weakref
from pathlib import Path
from typing import Literal, Self

from replication.artifacts import (
    CHECKPOINT,
    Damage,
    Sealed,
    examine,
    read_plan,
    seal,
    sync,
    write_durably,
)
from replication.errors import StoreError
from replication.journal import Event, EventName, Journal
from replication.premises import check_mark, doing, lay_out, lock, refuse_foreign, remove
from replication.run import Plan, Run, RunSpec

__all__ = ["RunState", "Store"]

RunState = Literal["finished", "failed", "started", "missing"]

_DIGEST = re.compile(r"[0-9a-f]{64}")


class Store:
    """A folder of runs. Use `Store.open`; one process may write, any number may read.

    A store open for reading shows the journal as it was when it was opened.
    """

    def __init__(self, path: Path, journal: Journal, held: int | None) -> None:
        """Take the parts that `open` has made; `held` is the lock's file, None for reading."""
        self.path = path
        self._journal = journal
        self._write = held is not None
        self._unlock = weakref.finalize(self, os.close, held) if held is not None else None
        self._damage: dict[str, str] = {}
        self._latest: dict[str, Event] = {}
        self._collectable: dict[str, frozenset[str]] = {}
        self._plan: str | None = None
        for event in journal.events:
            self._note(event)

    @classmethod
    def open(cls, path: Path, *, write: bool = True) -> Store:
        """Open a store; for writing, make it if need be and clear away what a crash has left.

        Args:
            path: the store's folder; a new or an empty one becomes a store.
            write: whether runs will be added. Reading changes nothing on the disk.

        Raises:
            StoreError: it is no store, of an unknown schema, damaged, or being written already.
        """
        path = Path(path)
        with doing(f"store '{path}'"):
            if not write:
                check_mark(path)
                return cls(path, Journal(path / "journal.jsonl", write=False), None)
            refuse_foreign(path)
            path.mkdir(parents=True, exist_ok=True)
            held = lock(path)
            try:
                lay_out(path)
                journal = Journal(path / "journal.jsonl", write=True)
                sync(path)
            except BaseException:
                os.close(held)
                raise
            store = cls(path, journal, held)
            try:
                store._recover()
            except BaseException:
                store.close()
                raise
            return store

    @property
    def events(self) -> int:
        """How many events the journal holds: what is noted now comes after them."""
        return len(self._journal.events)

    def close(self) -> None:
        """Release the lock; safe to call twice."""
        self._journal.close()
        if self._unlock is not None:
            self._unlock()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def add_plan(self, plan: Plan) -> str:
        """Keep a plan and make it the latest; return its digest."""
        self._check_writable()
        content = plan.canonical().encode()
        digest = plan.digest()
        with doing(f"plan '{digest}'"):
            write_durably(self.path / "plans" / f"{digest}.json", content)
        if self._plan != digest:
            self._append("plan", digest)
        return digest

    def latest_plan(self) -> Plan | None:
        """Return the plan added last, None before the first.

        Raises:
            StoreError: its file is missing, damaged or of another version.
        """
        if self._plan is None:
            return None
        with doing(f"plan '{self._plan}'"):
            return read_plan(self.path / "plans" / f"{self._plan}.json", self._plan)

    def begin(self, spec: RunSpec) -> Path:
        """Return a fresh, empty folder for a run's artifacts, and note that the run started.

        Raises:
            StoreError: the run is finished already and whole; finished runs are never replaced.
        """
        self._check_writable()
        digest = spec.digest()
        if self.state(digest) == "finished" and not self.collected(digest):
            raise StoreError(
                f"run '{digest}' ({spec.title()}): found it finished ; expected a run still to do. "
                "Ask `run` before beginning one."
            )
        folder = self.path / "tmp" / digest
        with doing(f"run '{digest}'"):
            remove(folder)
            folder.mkdir()
        self._append("started", digest, title=spec.title())
        return folder

    def finish(self, run: Run, folder: Path) -> Run:
        """Seal a run's folder and make it permanent; return the run with its artifacts' digests.

        Where the run was finished before and its checkpoint collected, the checkpoint goes back to
        it and the earlier run is returned. Should one byte differ, nothing changes and what is
        returned is a failed run that says so: other runs may rest on the bytes that were there.

        Args:
            run: finished, without artifacts; they are what lies in the folder.
            folder: the one that `begin` returned.

        Raises:
            StoreError: run and folder do not belong together, the folder holds what is no plain
                file, or the disk refused; the run then counts as not done.
        """
        digest = self._check_ending(run, folder, "finished")
        target = self.folder(digest)
        with doing(f"run '{digest}'"):
            sealed = seal(run, folder)
            earlier = self._kept(digest, full=False)
            if earlier is not None:
                return self._restore(earlier, sealed.run, folder)
            if target.exists():
                self._put_aside(digest, "found a folder without a place in the journal")
            folder.rename(target)
            sync(target.parent)
            sync(folder.parent)
        self._append("finished", digest, record=sealed.record, sizes=sealed.sizes)
        self._damage.pop(digest, None)
        with doing(f"run '{digest}'"):
            remove(self.path / "resume" / digest)
        return sealed.run

    def fail(self, run: Run, folder: Path) -> None:
        """Note that a run failed and why, and remove its folder; its resume folder stays."""
        digest = self._check_ending(run, folder, "failed")
        self._append("failed", digest, run=run)
        with doing(f"run '{digest}'"):
            remove(folder)

    def run(self, digest: str, *, verify: bool = True) -> Run | None:
        """Return a finished run whose folder is whole, None where there is none.

        A damaged run counts as not done; in a store open for writing it moves to `quarantine/`.

        Args:
            digest: of the run's spec.
            verify: for who starts from the run: whether artifacts are hashed, and all must be there.
                Otherwise their sizes are compared, and a checkpoint may have been collected.

        Raises:
            StoreError: the run is whole but of an unknown schema, or cannot be read.
        """
        found = self._kept(digest, full=verify)
        return None if verify and self.collected(digest) else found

    def collected(self, digest: str) -> tuple[str, ...]:
        """Return which artifacts of a finished run were collected and are not there; sorted."""
        names = self._collectable.get(_checked(digest), frozenset())
        return tuple(sorted(n for n in names if not os.path.lexists(self.folder(digest) / n)))

    def collect(self, digest: str) -> None:
        """Remove the checkpoint of a finished training run; the run stays finished.

        Raises:
            StoreError: it is no finished training run, or the disk refused.
        """
        self._check_writable()
        run = self._kept(digest, full=False)
        if run is None or run.spec.phase == "evaluation" or CHECKPOINT not in run.artifacts:
            raise StoreError(
                f"run '{digest}': found no checkpoint that could be made again ; expected a finished "
                "training run. This is a bug of the caller."
            )
        # The journal first: what it does not know of would count as damage.
        if CHECKPOINT not in self._collectable.get(digest, ()):
            self._append("collected", digest, artifacts=(CHECKPOINT,))
        with doing(f"run '{digest}'"):
            (self.folder(digest) / CHECKPOINT).unlink(missing_ok=True)
            sync(self.folder(digest))

    def runs(self, *, verify: bool = True) -> tuple[Run, ...]:
        """Return every run that finished or failed, by its latest state, sorted by digest."""
        found: list[Run] = []
        for digest, event in sorted(self._latest.items()):
            run = event.run if event.event == "failed" else self._kept(digest, full=verify)
            if run is not None:
                found.append(run)
        return tuple(found)

    def damage(self) -> dict[str, str]:
        """Return why runs that were finished once count as not done: digest -> reason.

        Complete after `runs`, which looks at every folder.
        """
        past = {d: e.reason or "" for d, e in self._latest.items() if e.event == "quarantined"}
        return dict(sorted({**past, **self._damage}.items()))

    def state(self, digest: str) -> RunState:
        """Return what the journal says of a run, without looking into its folder.

        `started` means under way, or interrupted by the end of its process. A run whose checkpoint
        was collected is finished, also while the checkpoint is being made again.
        """
        event = self._latest.get(_checked(digest))
        if event is None or event.event in {"quarantined", "plan"}:
            return "missing"
        if event.event == "finished":
            whole = digest not in self._damage and self.folder(digest).is_dir()
            return "finished" if whole else "missing"
        return "failed" if event.event == "failed" else "started"

    def folder(self, digest: str) -> Path:
        """Return where a finished run's artifacts lie."""
        return self.path / "runs" / _checked(digest)

    def resume_folder(self, digest: str) -> Path:
        """Return a folder where a run keeps what it needs to go on after a crash.

        It outlives processes, and is removed when the run finishes. Nothing in it is checked.
        """
        folder = self.path / "resume" / _checked(digest)
        if self._write:
            with doing(f"run '{digest}'"):
                folder.mkdir(exist_ok=True)
        return folder

    def _note(self, event: Event) -> None:
        digest = event.subject
        if event.event == "plan":
            self._plan = digest
        elif event.event == "collected":
            self._collectable[digest] = frozenset(event.artifacts or ())
        elif event.event in {"finished", "quarantined"}:
            self._collectable.pop(digest, None)
            self._latest[digest] = event
        elif digest not in self._collectable:  # a finished run stays so while it is made again
            self._latest[digest] = event

    def _append(self, name: EventName, subject: str, **fields: object) -> None:
        self._note(self._journal.append(name, subject, **fields))

    def _kept(self, digest: str, *, full: bool) -> Run | None:
        """Return a finished run that is not damaged; its checkpoint may have been collected."""
        event = self._latest.get(_checked(digest))
        if event is None or event.event != "finished" or digest in self._damage:
            return None
        sealed = (event.record or "", event.sizes)
        absent = self._collectable.get(digest, frozenset())
        with doing(f"run '{digest}'"):
            found = examine(self.folder(digest), digest, sealed=sealed, full=full, collected=absent)
        if isinstance(found, Sealed):
            return found.run
        self._damage[digest] = found.reason
        if self._write:
            self._put_aside(digest, found.reason)
        return None

    def _restore(self, earlier: Run, made: Run, folder: Path) -> Run:
        """Give a finished run the checkpoint back that was made again; else say what differs."""
        digest, old, new = made.spec_digest, earlier.artifacts, made.artifacts
        if odd := sorted(n for n in old.keys() | new.keys() if old.get(n) != new.get(n)):
            why = (
                f"run '{digest}': found other bytes in {', '.join(odd)[:500]} than when it was first "
                f"made, before its checkpoint was collected ; expected the same, since runs rest on "
                f"them. Run on the machine that it was first made on ({earlier.environment.device}, "
                f"{earlier.environment.platform}), or all runs in a new store."
            )
            failed = {"status": "failed", "error": why[:3900], "measurements": (), "artifacts": {}}
            self.fail(made := made.model_copy(update=failed), folder)
            return made
        for name in (lacking := self.collected(digest)):
            (folder / name).rename(self.folder(digest) / name)
        sync(self.folder(digest))
        self._append("restored", digest, artifacts=lacking)
        remove(folder)
        remove(self.path / "resume" / digest)
        return earlier

    def _check_writable(self) -> None:
        if not self._write:
            raise StoreError(
                f"store '{self.path}': found it open for reading ; expected for writing. "
                "Open it with write=True."
            )

    def _check_ending(self, run: Run, folder: Path, status: str) -> str:
        self._check_writable()
        digest = run.spec.digest()
        faults = [
            (run.spec_digest != digest, "a spec digest that is not its spec's"),
            (run.status != status, f"status {run.status}, expected {status}"),
            (bool(run.artifacts), "artifacts, which the store fills in"),
            (Path(folder) != self.path / "tmp" / digest, f"the folder '{folder}'"),
            (status == "finished" and not Path(folder).is_dir(), "no such folder"),
            (
                self.state(digest) == "finished" and not self.collected(digest),
                "it is there already",
            ),
        ]
        found = [text for wrong, text in faults if wrong]
        if found:
            raise StoreError(
                f"run '{digest}': found {'; '.join(found)} ; expected a {status} run with the "
                "folder that `begin` returned. This is a bug of the caller."
            )
        return digest

    def _put_aside(self, digest: str, reason: str) -> None:
        """Move a folder that cannot be trusted to quarantine; it is evidence, so it is kept."""
        source = self.folder(digest)
        if source.exists():
            number = 0
            while (target := self.path / "quarantine" / f"{digest}-{number}").exists():
                number += 1
            source.rename(target)
            sync(source.parent)
            sync(target.parent)
        self._append("quarantined", digest, reason=reason[:4000])

    def _recover(self) -> None:
        """Clear away what a killed process left, and take up runs that only the journal lacks."""
        for left in sorted((self.path / "tmp").iterdir()):
            remove(left)
        for folder in sorted((self.path / "runs").iterdir()):
            digest = folder.name
            event = self._latest.get(digest)
            if not _DIGEST.fullmatch(digest) or (event and event.event == "finished"):
                continue
            absent = frozenset({CHECKPOINT})
            found = examine(folder, digest, sealed=None, full=True, collected=absent)
            if isinstance(found, Damage):
                self._put_aside(digest, found.reason)
                continue
            fields = {"record": found.record, "sizes": found.sizes, "recovered": True}
            self._append("finished", digest, **fields)
            if CHECKPOINT in found.run.artifacts and CHECKPOINT not in found.sizes:
                self._append("collected", digest, artifacts=(CHECKPOINT,))
        for left in sorted((self.path / "resume").iterdir()):
            finished = _DIGEST.fullmatch(left.name) and self.state(left.name) == "finished"
            if finished and not self.collected(left.name):
                remove(left)


def _checked(digest: str) -> str:
    if not _DIGEST.fullmatch(digest):
        raise StoreError(
            f"run: found the digest {digest[:80]!r} ; expected 64 hex digits. Copy all."
        )
    return digest
