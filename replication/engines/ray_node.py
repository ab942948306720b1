"""What does a node of a Ray cluster do for the engine `ray`? Texts in, texts out.

Nodes import this module by its name, so that Corroborate must be installed there. Light until an
order comes: what answers for a node needs no torch, and nothing here needs ray.
"""

from __future__ import annotations

import fcntl
import json
import os
import secrets
import shutil
import tempfile
import time
import traceback
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from claims.record import Record
from replication.engines.depot import Depot, Manifest, keep, kept, names_in
from replication.engines.device import device_memory
from replication.engines.stopping import heeding_signals
from replication.environment import installed
from replication.errors import DepotError, ReplicationError
from replication.orders import Order, Outcome, lost_run, plain
from replication.watch import Watch

__all__ = [
    "PACE_S",
    "STEPS",
    "Delivered",
    "Parcel",
    "executed",
    "executed_afar",
    "failed_outside",
    "seen",
]

STEPS = "steps.json"
"""File in a run's resume folder in which its worker tells of its steps."""

PACE_S = 5.0
"""Least seconds between two tellings through a depot, and between two looks whether a state is new."""

PLACES = "corroborate-run-"
"""How the folders are called in which nodes execute runs whose store they do not see."""

YOUNG_S = 60.0
"""Seconds in which a folder that nobody has locked may still be about to be."""


class Parcel(Record):
    """An order for a node that does not see the store; what it starts from lies in a depot."""

    order: Order
    """Its folders are those of the store's machine."""
    url: str
    """Of the store's depot."""
    objects: str
    """Where in the depot what the run starts from lies."""
    out: str
    """Where to put what the run writes."""
    parent: Manifest | None = None
    root: Manifest | None = None
    """Null also where it is the parent."""


class Delivered(Record):
    """What a node answers to a parcel."""

    outcome: Outcome | None = None
    """Null where the depot failed."""
    files: Manifest = {}
    """What the run wrote."""
    trouble: str = ""
    """What was wrong with the depot."""


def executed(text: str) -> str:
    """Execute an order on a node: JSON in, JSON out, whatever happens.

    SIGTERM, which a node sends that is about to go, and the interrupt with which Ray cancels a task
    make training finish its step and save its state.
    """
    order = Order.model_validate_json(text)

    def tell(*told: float) -> None:
        if order.resume:
            beside = Path(order.resume, f"{STEPS}.partial")
            beside.write_text(json.dumps(_with_room(told)), encoding="utf-8")
            beside.replace(Path(order.resume, STEPS))

    with heeding_signals() as stop:
        return _outcome(order, Watch(stop.asked, tell)).canonical()


def executed_afar(text: str) -> str:
    """Execute an order on a node that does not see the store: JSON in, JSON out.

    What it starts from comes out of a depot into a folder of its own, which is removed in the end,
    and what it writes goes there.
    """
    parcel = Parcel.model_validate_json(text)
    with heeding_signals() as stop, _own_place() as place:
        try:
            depot = Depot(parcel.url)
            state = _State(depot, parcel.order.spec.digest(), place / "resume")
            order = _unpacked(parcel, depot, place)
            outcome = _outcome(order, Watch(stop.asked, state.tell))
            if outcome.ended == "stopped":
                state.look()
            finished = outcome.ended == "finished"
            files = depot.put_folder(Path(order.folder), parcel.out) if finished else {}
            return Delivered(outcome=outcome, files=files).canonical()
        except DepotError as fault:
            return Delivered(trouble=str(fault)).canonical()


def seen(text: str) -> str:
    """Say what a node sees: JSON in, JSON out.

    Args:
        text: a list of the token file in the store or the depot, the folder of the data or null, and
            the URL of the depot or null.
    """
    token, data, url = json.loads(text)
    said = why = ""
    try:
        if url is None:
            said = Path(token).read_text("utf-8")
        else:
            depot, own = Depot(url), f"{token}-{secrets.token_hex(8)}"
            depot.write(own, depot.read(token))
            said = depot.read(own)
            depot.remove(own)
    except (OSError, ValueError, ReplicationError) as error:
        why = str(error)
    return json.dumps([said, why, data is None or Path(data).is_dir(), installed()])


def failed_outside(order: Order, error: Exception, seconds: float) -> Outcome:
    """Return the outcome of an order that failed outside of its phase."""
    run = lost_run(order, f"outside of its phase: {type(error).__name__}: {error}", seconds)
    told = plain("".join(traceback.format_exception(error)))
    return Outcome(
        spec_digest=run.spec_digest,
        ended="failed",
        run=run.model_copy(update={"traceback": told}),
    )


class _State:
    """The state of a run, which its depot is to have as soon as this machine has it."""

    def __init__(self, depot: Depot, digest: str, folder: Path) -> None:
        folder.mkdir()
        self._depot = depot
        self._digest = digest
        self._folder = folder
        self._count = kept(depot, digest, folder)
        self._mark = self._marked()
        self._told = float("-inf")

    def tell(self, *told: float) -> None:
        """Pass on a step, and a new state; a depot that cannot be reached now may be so later."""
        if time.monotonic() - self._told < PACE_S:
            return
        self._told = time.monotonic()
        with suppress(DepotError):
            self._depot.write(f"steps/{self._digest}.json", json.dumps(_with_room(told)))
            self.look()

    def look(self) -> None:
        """Put the state into the depot if it has changed.

        Raises:
            DepotError: it cannot be put there.
        """
        if (mark := self._marked()) != self._mark:
            keep(self._depot, self._digest, self._folder, self._count + 1)
            self._count, self._mark = self._count + 1, mark

    def _marked(self) -> list[tuple[str, int, int]]:
        files = [(n, (self._folder / n).stat()) for n in names_in(self._folder)]
        return [(n, s.st_mtime_ns, s.st_ino) for n, s in files]


def _with_room(told: Sequence[float]) -> list[float | None]:
    """Return what a run tells of a step, then the free and total bytes of its device or nulls."""
    room = device_memory()
    return [*told, *((None, None) if room is None else (room.free, room.total))]


def _outcome(order: Order, watch: Watch) -> Outcome:
    try:
        from replication.worker import execute  # noqa: PLC0415  torch, on the node only

        return execute(order, None, watch)
    except Exception as error:  # noqa: BLE001  errors go back as data
        return failed_outside(order, error, 0.0)


def _unpacked(parcel: Parcel, depot: Depot, place: Path) -> Order:
    """Bring what an order starts from, and return the order in this machine's folders."""
    folders: dict[str, str | None] = {"folder": str(place / "folder"), "tokens": None}
    (place / "folder").mkdir()
    for name, files in (("parent", parcel.parent), ("root", parcel.root)):
        if files is not None:
            (place / name).mkdir()
            depot.fetch_folder(files, parcel.objects, place / name)
        folders[name] = str(place / name) if files is not None else None
    if parcel.order.root is not None and folders["root"] is None:
        folders["root"] = folders["parent"]
    folders["resume"] = str(place / "resume") if parcel.order.resume else None
    return parcel.order.model_copy(update=folders)


@contextmanager
def _own_place() -> Iterator[Path]:
    """Yield a new folder, removed in the end, and remove those that killed processes have left."""
    for left in Path(tempfile.gettempdir()).glob(f"{PLACES}*"):
        with suppress(OSError):
            young = time.time() - left.lstat().st_mtime < YOUNG_S
            if not young and left.lstat().st_uid == os.getuid() and not left.is_symlink():
                with _locked(left):
                    shutil.rmtree(left, ignore_errors=True)
    place = Path(tempfile.mkdtemp(prefix=PLACES))
    try:
        with ExitStack() as held:
            with suppress(OSError):  # where folders cannot be locked nobody removes them either
                held.enter_context(_locked(place))
            yield place
    finally:
        shutil.rmtree(place, ignore_errors=True)


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """Lock a folder, which a process does as long as it lives.

    Raises:
        OSError: another one has locked it.
    """
    held = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    try:
        fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    finally:
        os.close(held)
