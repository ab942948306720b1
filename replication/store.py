"""Which runs are done, and can their results be trusted? The store that keeps them.

An append-only journal plus one folder per run: `journal.jsonl`, `plans/`, `runs/<digest>/`,
`resume/<digest>/`, `quarantine/`, `tmp/`. A run's folder appears in one step, when it is whole and
on the disk; a process killed at any moment leaves runs that are finished or not there. Every path
is relative, so a store may be moved. Light: no torch.
"""

from __future__ import annotations

import hashlib
import os
import re
import weakref
from pathlib import Path
from typing import Literal, Self

from pydantic import ValidationError

from replication.artifacts import Damage, Sealed, examine, read_record, seal, sync, write_durably
from replication.errors import StoreError
from replication.journal import Event, Journal
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
            content = read_record(self.path / "plans" / f"{self._plan}.json")
        if isinstance(content, Damage) or hashlib.sha256(content).hexdigest() != self._plan:
            raise StoreError(
                f"plan '{self._plan}': found a file that is missing or changed ; expected its "
                "SHA-256 to be the digest. Plan again with the same claims and protocol."
            )
        try:
            return Plan.model_validate_json(content)
        except ValidationError as error:
            first = error.errors()[0]
            raise StoreError(
                f"plan '{self._plan}': {'.'.join(map(str, first['loc']))}: found "
                f"{str(first['input'])[:80]!r} ; {first['msg']}. Use the version of Corroborate "
                "that wrote it, or plan again."
            ) from error

    def begin(self, spec: RunSpec) -> Path:
        """Return a fresh, empty folder for a run's artifacts, and note that the run started.

        Raises:
            StoreError: the run is finished already; finished runs are never replaced.
        """
        self._check_writable()
        digest = spec.digest()
        if self.state(digest) == "finished":
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
            verify: whether artifacts are hashed, or only their sizes compared.

        Raises:
            StoreError: the run is whole but of an unknown schema, or cannot be read.
        """
        event = self._latest.get(_checked(digest))
        if event is None or event.event != "finished" or digest in self._damage:
            return None
        sealed = (event.record or "", event.sizes)
        with doing(f"run '{digest}'"):
            found = examine(self.folder(digest), digest, sealed=sealed, full=verify)
        if isinstance(found, Sealed):
            return found.run
        self._damage[digest] = found.reason
        if self._write:
            self._put_aside(digest, found.reason)
        return None

    def runs(self, *, verify: bool = True) -> tuple[Run, ...]:
        """Return every run that finished or failed, by its latest state, sorted by digest."""
        found: list[Run] = []
        for digest, event in sorted(self._latest.items()):
            run = event.run if event.event == "failed" else self.run(digest, verify=verify)
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

        `started` means under way, or interrupted by the end of its process.
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
        if event.event == "plan":
            self._plan = event.subject
        else:
            self._latest[event.subject] = event

    def _append(
        self,
        name: Literal["plan", "started", "finished", "failed", "quarantined"],
        subject: str,
        **fields: object,
    ) -> None:
        self._note(self._journal.append(name, subject, **fields))

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
            (self.state(digest) == "finished", "it finished already"),
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
            found = examine(folder, digest, sealed=None, full=True)
            if isinstance(found, Damage):
                self._put_aside(digest, found.reason)
            else:
                fields = {"record": found.record, "sizes": found.sizes, "recovered": True}
                self._append("finished", digest, **fields)
        for left in sorted((self.path / "resume").iterdir()):
            if _DIGEST.fullmatch(left.name) and self.state(left.name) == "finished":
                remove(left)


def _checked(digest: str) -> str:
    if not _DIGEST.fullmatch(digest):
        raise StoreError(
            f"run: found the digest {digest[:80]!r} ; expected 64 hex digits. Copy all."
        )
    return digest
