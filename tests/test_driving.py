"""The loop that all engines share, with hands that train nothing: what is tried again, what is told."""

from __future__ import annotations

import pytest
from test_scheduling import spec

from replication.engines.driving import Terms, drive
from replication.engines.engine import Ended
from replication.engines.stopping import Stop
from replication.environment import environment
from replication.orders import Outcome
from replication.protocols import load_protocol
from replication.run import Plan, Run
from replication.store import Store

A = spec(0, None)
B = spec(1, A)
C = spec(2, B)
OTHER = spec(9, None)
NAMES = {A.digest(): "a", B.digest(): "b", C.digest(): "c", OTHER.digest(): "other"}


class Scripted:
    """Hands for which a script says how each attempt ends: ok, fault, memory, crowded, lost or stopped.

    What is awkward fits only beside nothing.
    """

    awkward = ""

    def __init__(self, script, capacity=1, stop=None, stop_at=None):
        self.script = {k: list(v) for k, v in script.items()}
        self.capacity = capacity
        self.stop_by, self.stop_at = stop, stop_at
        self.orders = []
        self.in_hand = []
        self.stopped = self.closed = 0

    def fits(self, spec):
        return NAMES[spec.digest()] != self.awkward or not self.in_hand

    def begin(self, order):
        assert self.fits(order.spec)
        assert len(self.in_hand) < self.capacity
        self.orders.append(order)
        self.in_hand.append(order)

    def wait(self, seconds):
        assert self.in_hand
        order = self.in_hand.pop()
        name = NAMES[order.spec.digest()]
        if self.stop_at == name:
            self.stop_by.ask()
        said = self.script.get(name, [])
        return [ended(order, said.pop(0) if said else "ok")]

    def stop(self):
        self.stopped += 1

    def close(self):
        self.closed += 1

    def begun(self):
        return [NAMES[o.spec.digest()] for o in self.orders]


def ended(order, how):
    digest = order.spec.digest()
    if how == "lost":
        return Ended(digest, None, "it was killed by SIGKILL")
    if how == "stopped":
        return Ended(digest, Outcome(spec_digest=digest, ended="stopped"))
    crowded, how = how.startswith("crowded"), how.removeprefix("crowded ")
    run = Run(
        spec_digest=digest,
        spec=order.spec,
        status="finished" if how == "ok" else "failed",
        error=None if how == "ok" else f"it is a {how}",
        traceback=None if how == "ok" else f"File x\nit is a {how}",
        environment=environment("cpu", 1),
        started="2026-01-01T00:00:00+00:00",
        seconds=1.0,
    )
    outcome = Outcome(spec_digest=digest, ended=run.status, run=run, memory=how == "memory")
    return Ended(digest, outcome, crowded=crowded)


class Quiet:
    def __init__(self):
        self.events = []

    def begin(self, spec):
        self.events.append(("begin", NAMES[spec.digest()]))

    def end(self, spec, seconds):
        self.events.append(("end", NAMES[spec.digest()]))

    def skip(self, spec):
        self.events.append(("skip", NAMES[spec.digest()]))


@pytest.fixture
def store(tmp_path):
    with Store.open(tmp_path / "store") as opened:
        yield opened


def go(store, script, *, stop_at=None, budget_s=None, capacity=1):
    plan = Plan(
        protocol=load_protocol("miniature"),
        data="x",
        needs=(),
        specs=(A, B, C, OTHER),
        claims_digest="0" * 64,
    )
    stop, progress = Stop(), Quiet()
    hands = Scripted(script, capacity, stop, stop_at)
    tally = drive(plan, store, hands=hands, terms=Terms(progress, budget_s, None, stop, None))
    assert hands.closed == 1
    return tally, hands, progress


def test_a_lost_worker_costs_another_attempt_and_no_result(store):
    tally, hands, progress = go(store, {"b": ["lost", "lost"]})
    assert hands.begun() == ["a", "b", "b", "b", "c", "other"]
    assert (tally.finished, tally.failed) == (4, {})
    assert len(tally.retried) == 2
    assert "it was killed by SIGKILL" in tally.lines()[1]
    assert progress.events.count(("end", "b")) == 1


def test_a_worker_lost_again_and_again_is_a_failed_run_with_the_reason(store):
    tally, hands, _ = go(store, {"b": ["lost"] * 9})
    assert hands.begun() == ["a", "b", "b", "b", "other"]
    assert tally.failed == {
        B.digest(): "its worker was lost 3 times; the last time, it was killed by SIGKILL"
    }
    assert store.state(B.digest()) == "failed"
    assert [r.error for r in store.runs() if r.error] == list(tally.failed.values())


def test_memory_that_ran_out_is_tried_with_half_as_much_in_hand_each_time(store):
    tally, hands, _ = go(store, {"a": ["memory", "memory"]})
    assert [o.halvings for o in hands.orders] == [0, 1, 2, 0, 0, 0]
    assert (tally.finished, tally.failed, len(tally.retried)) == (4, {}, 2)


def test_memory_that_never_suffices_fails_for_good(store):
    tally, hands, _ = go(store, {"a": ["memory"] * 9})
    assert [o.halvings for o in hands.orders] == [0, 1, 2, 3, 0]
    assert tally.failed == {A.digest(): "it is a memory"}


@pytest.mark.parametrize("how", ["ok", "memory"])
def test_memory_that_ran_out_beside_others_leaves_no_mark(how, store):
    """A run that was cut finer on the spot is not kept either, nor the state that it left."""
    folder = store.resume_folder(A.digest())
    (folder / "state.safetensors").write_text("cut finer")
    tally, hands, _ = go(store, {"a": [f"crowded {how}"]})
    assert hands.begun() == ["a", "a", "b", "c", "other"]
    assert [o.halvings for o in hands.orders] == [0] * 5
    assert (tally.finished, tally.failed) == (4, {})
    assert tally.retried == [
        f"run {A.digest()[:12]} ({A.title()}): memory ran out beside other runs"
    ]
    assert not list(store.resume_folder(B.digest()).parent.rglob("state.*"))


def test_memory_that_ran_out_beside_others_while_stopping_is_for_the_next_command(store):
    tally, _, _ = go(store, {"a": ["crowded ok"]}, stop_at="a")
    assert (tally.finished, tally.left, tally.retried) == (0, 4, [])
    assert store.state(A.digest()) == "started"
    tally, _, _ = go(store, {})
    assert tally.finished == 4


def test_a_run_for_which_there_is_no_room_waits_and_is_not_forgotten(store, monkeypatch):
    monkeypatch.setattr(Scripted, "awkward", "other")
    tally, hands, _ = go(store, {}, capacity=2)
    assert hands.begun() == ["a", "b", "c", "other"]
    assert tally.finished == 4


def test_any_other_failure_is_not_tried_again_and_says_what_it_takes_along(store):
    tally, hands, progress = go(store, {"a": ["fault"]})
    assert hands.begun() == ["a", "other"]
    assert (tally.finished, tally.blocked) == (1, 2)
    why = f"it rests on failed run {A.digest()[:12]} ({A.title()})"
    assert tally.left_out == {B.digest(): why, C.digest(): why}
    assert [n for k, n in progress.events if k == "skip"] == ["b", "c"]
    assert [r.traceback for r in store.runs() if r.status == "failed"] == ["File x\nit is a fault"]


def test_after_a_stop_nothing_begins_and_what_finishes_meanwhile_is_kept(store):
    tally, hands, _ = go(store, {}, stop_at="b")
    assert hands.begun() == ["a", "b"]
    assert (tally.finished, tally.left, tally.interrupted) == (2, 2, True)
    assert store.state(B.digest()) == "finished"
    assert "2 left to do" in tally.sentence()


def test_a_run_that_was_stopped_is_neither_finished_nor_failed_and_begins_next_time(store):
    tally, hands, _ = go(store, {"b": ["stopped"]}, stop_at="b")
    assert (tally.finished, tally.failed, tally.left, tally.interrupted) == (1, {}, 3, True)
    assert store.state(B.digest()) == "started"
    tally, hands, _ = go(store, {})
    assert hands.begun() == ["b", "c", "other"]
    assert (tally.skipped, tally.interrupted) == (1, False)


def test_workers_lost_after_a_stop_are_not_replaced(store):
    tally, hands, _ = go(store, {"a": ["lost"]}, stop_at="a")
    assert hands.begun() == ["a"]
    assert (tally.retried, tally.failed, tally.left) == ([], {}, 4)


def test_the_running_are_told_to_stop_once(store):
    _, hands, _ = go(store, {"other": ["ok"], "a": ["stopped"]}, stop_at="other", capacity=2)
    assert hands.begun() == ["a", "other"]
    assert hands.stopped == 1


def test_a_stop_after_the_last_run_interrupts_nothing(store):
    tally, _, _ = go(store, {}, stop_at="other")
    assert (tally.finished, tally.left, tally.interrupted) == (4, 0, False)


def test_a_run_that_stopped_unasked_is_tried_again(store):
    """As when somebody sends SIGTERM to a worker alone."""
    tally, hands, _ = go(store, {"a": ["stopped"]})
    assert hands.begun() == ["a", "a", "b", "c", "other"]
    assert (tally.finished, len(tally.retried)) == (4, 1)
