"""How do orders get to the nodes of a cluster, and what runs have made back into the store?

Where all nodes see the store, files are where they belong already; where they do not, a courier takes
them through a depot. Both give the text for a node, and read its answer. Light: neither torch nor ray.
"""

from __future__ import annotations

import secrets
from contextlib import suppress
from pathlib import Path

from pydantic import ValidationError

from replication.artifacts import CHECKPOINT
from replication.engines.depot import Depot, Manifest, keep, kept, names_in, newest
from replication.engines.ray_node import PACE_S, STEPS, Delivered, Parcel, executed, executed_afar
from replication.errors import DamageError, DepotError, StoreError
from replication.orders import Order, Outcome
from replication.premises import doing, remove
from replication.store import Store

__all__ = ["Courier", "InPlace"]

LOOK_S = 0.5
"""Seconds between two looks at how far runs are; they tell of a step a second."""


class InPlace:
    """Brings orders to nodes that see the store: every file is there already."""

    task = staticmethod(executed)
    look_s = LOOK_S

    def packed(self, order: Order) -> str:
        """Return the text for a node."""
        if order.resume:
            Path(order.resume, STEPS).unlink(missing_ok=True)
        return order.canonical()

    def unpacked(self, text: str, order: Order) -> Outcome:
        """Return the outcome that a node's text tells."""
        del order
        return Outcome.model_validate_json(text)

    def steps(self, order: Order) -> str:
        """Return what a run has told last of its steps."""
        return Path(order.resume or "/nowhere", STEPS).read_text("utf-8")

    def forget(self, digest: str) -> None:
        """Do nothing: the state of a run lies in the store."""

    def close(self, *, hurried: bool) -> None:
        """Do nothing: files are where they belong."""


class Courier:
    """Brings orders to nodes that do not see the store, and what they make home, through a depot."""

    task = staticmethod(executed_afar)
    look_s = PACE_S

    def __init__(self, depot: Depot, store: Store) -> None:
        """Clear away what an earlier owner of the store has left, but for the states of runs."""
        self._depot = depot
        self._store = store
        self._load = 0
        """Grows when objects are not to be trusted any more; what was sent already stays."""
        self._sent: set[str] = set()
        """SHA-256 of the objects of this load."""
        self._out: dict[str, tuple[str, int]] = {}
        """Digest -> where its worker is to put what it makes, and the load that it starts from."""
        self._away: set[str] = set()
        """Digests of runs whose state may lie in the depot."""
        self._sweep()

    def packed(self, order: Order) -> str:
        """Put what a run starts from into the depot, once, and return the text for a node.

        Raises:
            DepotError: the depot does not take it.
        """
        spec, digest = order.spec, order.spec.digest()
        parent = self._objects(spec.parent) if spec.parent else None
        apart = order.root if order.root != order.parent else None
        root = self._objects(order.lineage[-1].digest(), but=CHECKPOINT) if apart else None
        if order.resume:
            self._send_state(digest, Path(order.resume))
        self._out[digest] = f"out/{secrets.token_hex(16)}", self._load
        return Parcel(
            order=order,
            url=self._depot.url,
            objects=f"objects/{self._load}",
            out=self._out[digest][0],
            parent=parent,
            root=root,
        ).canonical()

    def unpacked(self, text: str, order: Order) -> Outcome:
        """Bring what a run has made into the store's folder for it, and return its outcome.

        Raises:
            DepotError: the depot lacks it, or it or what the run started from is another.
            StoreError: the store's disk refuses it.
        """
        digest = order.spec.digest()
        out, load = self._out[digest]
        try:
            told, files = _delivered(text)
            if told.ended == "finished":
                with doing(f"run '{digest}'"):
                    self._depot.fetch_folder(files, out, Path(order.folder))
        except DepotError:
            if load == self._load:  # whatever is wrong there, it is put there anew
                self._load, self._sent = load + 1, set()
            raise
        if told.ended == "finished":
            self._away.discard(digest)
            self._forget(f"resume/{digest}")
        self._forget(out)
        return told

    def steps(self, order: Order) -> str:
        """Return what a run has told last of its steps."""
        return self._depot.read(f"steps/{order.spec.digest()}.json")

    def forget(self, digest: str) -> None:
        """Remove the state of a run that is to begin anew."""
        self._forget(f"resume/{digest}")

    def close(self, *, hurried: bool) -> None:
        """Bring home the states of runs that are not finished, and empty the depot.

        Args:
            hurried: whether to leave states where they are; who begins next finds them there.
        """
        with suppress(DepotError):
            self._sweep()
            for digest in sorted(self._away if not hurried else ()):
                with suppress(DepotError, OSError, StoreError):
                    self._bring_state(digest)
            self._depot.remove_if_empty("resume")
            self._depot.remove_if_empty()

    def _objects(self, digest: str, but: str | None = None) -> Manifest:
        """Put a finished run's files there, except for one, and return their manifest."""
        run = self._store.run(digest, verify=False)
        assert run is not None  # the order was made because it is there
        files: Manifest = {}
        for name, found in run.artifacts.items():
            if name == but:
                continue
            path = self._store.folder(digest) / name
            with doing(f"run '{digest}'"):
                files[name] = found, path.stat().st_size
            if found not in self._sent:
                self._depot.put(path, f"objects/{self._load}/{found}")
                self._sent.add(found)
        return files

    def _send_state(self, digest: str, folder: Path) -> None:
        """Move the state that the store has of a run to the depot, where its worker goes on from it."""
        self._away.add(digest)
        (folder / STEPS).unlink(missing_ok=True)
        if names_in(folder):
            there = newest(self._depot, digest)
            keep(self._depot, digest, folder, 1 + (there[0][1].count if there else 0))
            remove(folder)

    def _bring_state(self, digest: str) -> None:
        place = self._store.path / "tmp" / f"state-{digest}"
        remove(place)
        place.mkdir()
        if kept(self._depot, digest, place):
            remove(self._store.resume_folder(digest))
            place.rename(self._store.path / "resume" / digest)
        remove(place)
        self._depot.remove(f"resume/{digest}")

    def _sweep(self) -> None:
        for name in ("objects", "out", "steps"):
            self._depot.remove(name)

    def _forget(self, at: str) -> None:
        with suppress(DepotError):  # it is swept in the end
            self._depot.remove(at)


def _delivered(text: str) -> tuple[Outcome, Manifest]:
    """Return what a node answers to a parcel.

    Raises:
        DepotError: the node could not use the depot, or the answer is none of ours.
    """
    try:
        told = Delivered.model_validate_json(text)
    except ValidationError as error:
        said = " ".join(str(error).split())[:300]
        raise DamageError(f"found an answer that is none of ours: {said}") from error
    if told.outcome is None:
        raise DepotError(f"on its node: {told.trouble}")
    return told.outcome, told.files
