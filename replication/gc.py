"""What of a store is needed by nobody any more, and how is it removed so that no crash does harm?

Checkpoints, states to resume from, tokenised data, and what killed processes left. Never
measurements, items, predictions, records, plans, the journal or the looks. Light: no torch.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from replication.artifacts import CHECKPOINT, sync
from replication.looks import Look, read_looks
from replication.premises import check_mark, doing, lock, remove
from replication.remaining import Remaining, remaining
from replication.run import Plan
from replication.store import Store

__all__ = ["Garbage", "collect_garbage"]

Kind = Literal["checkpoint", "resume", "temporary", "tokens", "quarantine"]

_DECISIVE = frozenset({"reproduced", "not_reproduced"})


@dataclass(frozen=True, slots=True, order=True)
class Garbage:
    """A file or folder that nobody needs."""

    path: str
    """Relative to the store."""
    kind: Kind
    size: int
    """Bytes of the file, or of all files in the folder."""
    title: str = ""
    """Of the run that it belongs to, where that is known."""


def collect_garbage(
    path: Path, *, dry_run: bool = False, quarantine: bool = False
) -> tuple[Garbage, ...]:
    """Remove from a store what nobody needs; return it, sorted by path.

    A checkpoint goes when its training run is finished and no run that the latest plan still lacks
    starts from it, nor seeds that the plan's later looks would add to a claim without a decision on
    record. Without a plan no checkpoint goes. Tokenised data go where no run is left that trains.
    What is needed again later is made again.

    Args:
        path: the store's folder.
        dry_run: only return what would go, and remove nothing.
        quarantine: whether damaged runs that were put aside go too.

    Raises:
        StoreError: it is no store, is being written, is damaged, or the disk refused.
    """
    path = Path(path)
    with doing(f"store '{path}'"):
        check_mark(path)
        held = lock(path)
        try:
            with Store.open(path, write=False) as reader:
                found = _survey(reader, quarantine=quarantine)
        finally:
            os.close(held)
        if dry_run:
            return found
        with Store.open(path) as store:  # which clears `tmp` away itself
            # Anew, since another process may have planned or run something in between.
            for garbage in _survey(store, quarantine=quarantine):
                _remove(store, garbage)
    return tuple(g for g in found if not os.path.lexists(path / g.path))


def _remove(store: Store, garbage: Garbage) -> None:
    place = store.path / garbage.path
    if garbage.kind == "checkpoint":
        store.collect(place.parent.name)
        return
    remove(place)
    sync(place.parent)


def _survey(store: Store, *, quarantine: bool) -> tuple[Garbage, ...]:
    plan = store.latest_plan()
    left = remaining(plan, store, verify=False) if plan else Remaining(frozenset(), frozenset())
    found = [*_temporary(store.path), *_finished_resumes(store, left.make)]
    if plan is not None:
        found += _checkpoints(store, left.read | _later_starts(plan, store))
    to_train = plan.specs if plan else ()
    if not any(s.phase != "evaluation" and s.digest() in left.make for s in to_train):
        found += _tokens(store.path)
    if quarantine:
        found += [_garbage(store.path, p, "quarantine") for p in _within(store.path / "quarantine")]
    return tuple(sorted(found))


def _temporary(path: Path) -> Iterator[Garbage]:
    """Yield what processes that were killed were writing; nobody writes while the lock is held."""
    for left in _within(path / "tmp"):
        yield _garbage(path, left, "temporary")
    for folder in (path, path / "plans", path / "tokens", *_within(path / "resume")):
        for left in _within(folder):
            if left.name.endswith(".partial") and not left.is_dir():
                yield _garbage(path, left, "temporary")


def _finished_resumes(store: Store, make: frozenset[str]) -> Iterator[Garbage]:
    for folder in _within(store.path / "resume"):
        digest = folder.name
        # A finished run whose checkpoint is being made again goes on from its state.
        if _is_digest(digest) and store.state(digest) == "finished" and digest not in make:
            yield _garbage(store.path, folder, "resume")


def _tokens(path: Path) -> Iterator[Garbage]:
    for left in _within(path / "tokens"):
        if left.suffix != ".partial":
            yield _garbage(path, left, "tokens")


def _checkpoints(store: Store, needed: frozenset[str]) -> Iterator[Garbage]:
    for folder in _within(store.path / "runs"):
        digest = folder.name
        if not _is_digest(digest) or digest in needed:
            continue
        if not os.path.lexists(folder / CHECKPOINT):
            continue
        run = store.run(digest, verify=False)
        if run is not None and run.spec.phase != "evaluation" and CHECKPOINT in run.artifacts:
            yield _garbage(store.path, folder / CHECKPOINT, "checkpoint", run.spec.title())


def _later_starts(plan: Plan, store: Store) -> frozenset[str]:
    """Return the runs that further seeds would start from, while a planned look may ask for more.

    Those are the ones that do not depend on the replicate: pretraining.
    """
    looks, digest = plan.protocol.looks, plan.digest()
    last = {(k.claims, k.claim): k for k in read_looks(store.path) if k.plan == digest}
    seen = {look.claim for look in last.values()}
    going_on = {k.claim for k in last.values() if k.verdict not in _DECISIVE and _before(k, looks)}
    if len(looks) < 2 or all(n.claim in seen - going_on for n in plan.needs):
        return frozenset()
    return frozenset(spec.digest() for spec in plan.specs if spec.phase == "pretraining")


def _before(look: Look, looks: Sequence[int]) -> bool:
    """Return whether a look was taken before the last one that is planned."""
    return not isinstance(look.seeds, int) or look.seeds < max(looks, default=0)


def _within(folder: Path) -> list[Path]:
    """Return what lies in a folder, sorted; nothing where it is none, or a link."""
    if folder.is_symlink() or not folder.is_dir():
        return []
    return sorted(folder.iterdir())


def _is_digest(name: str) -> bool:
    return len(name) == 64 and not set(name) - set("0123456789abcdef")


def _garbage(store: Path, path: Path, kind: Kind, title: str = "") -> Garbage:
    return Garbage(path.relative_to(store).as_posix(), kind, _size(path), title)


def _size(path: Path) -> int:
    """Return the bytes of a file, or of all files below a folder; links are not followed."""
    if path.is_symlink() or not path.is_dir():
        return path.lstat().st_size
    return sum(
        Path(parent, name).lstat().st_size for parent, _, files in os.walk(path) for name in files
    )
