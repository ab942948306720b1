"""Laws of the schedule: who begins when, whatever ends in whichever order."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from replication.engines.scheduling import TRIES, Schedule
from replication.protocols import load_protocol
from replication.run import RunSpec

BASE = load_protocol("miniature").base


def spec(number, parent):
    return RunSpec(
        phase="target",
        condition=None,
        seed=number,
        tasks=(),
        parent=parent.digest() if parent else None,
        base=BASE,
        data=(),
        precision="fp32",
    )


@st.composite
def forests(draw):
    """Runs, parents before children."""
    found = []
    for number in range(draw(st.integers(1, 12))):
        parent = draw(st.sampled_from([None, *found]))
        found.append(spec(number, parent))
    return found


def ancestors(digest, specs):
    by_digest = {s.digest(): s for s in specs}
    found = set()
    parent = by_digest[digest].parent
    while parent is not None:
        found.add(parent)
        parent = by_digest[parent].parent
    return found


def play(specs, data, *, capacity, order=None, failing=frozenset()):
    """Run a schedule to its end; what ends next is drawn. Return the beginnings and the blocked."""
    schedule = Schedule(specs, {s.digest() for s in specs}, order)
    running, begun, ended, blocked = [], [], set(), []
    while True:
        while schedule.running < capacity and (taken := schedule.take()):
            assert taken.parent is None or taken.parent in ended
            running.append(taken.digest())
            begun.append(taken.digest())
        if not running:
            break
        digest = data.draw(st.sampled_from(sorted(running)))
        running.remove(digest)
        if digest in failing:
            blocked += [s.digest() for s in schedule.fail(digest)]
        else:
            ended.add(digest)
            schedule.finish(digest)
    assert (schedule.running, schedule.waiting) == (0, 0)
    return begun, blocked


@given(forests(), st.data(), st.integers(1, 4))
def test_every_run_begins_once_and_after_what_it_starts_from(specs, data, capacity):
    begun, blocked = play(specs, data, capacity=capacity)
    assert sorted(begun) == sorted(s.digest() for s in specs)
    assert blocked == []


@given(forests(), st.data())
def test_one_worker_without_an_order_keeps_the_plans(specs, data):
    begun, _ = play(specs, data, capacity=1)
    assert begun == [s.digest() for s in specs]


@given(forests(), st.data(), st.integers(1, 4))
def test_what_rests_on_a_failure_never_begins_and_everything_else_does(specs, data, capacity):
    digests = [s.digest() for s in specs]
    failing = set(data.draw(st.lists(st.sampled_from(digests), unique=True)))
    begun, blocked = play(specs, data, capacity=capacity, failing=failing)
    doomed = {d for d in digests if ancestors(d, specs) & failing}
    assert sorted(blocked) == sorted(doomed)
    assert sorted(begun) == sorted(set(digests) - doomed)


@given(forests(), st.data())
def test_a_run_that_is_asked_for_first_waits_for_its_ancestors_only(specs, data):
    digests = [s.digest() for s in specs]
    order = data.draw(st.permutations(digests).map(lambda p: p[: len(p) // 2 + 1]))
    begun, _ = play(specs, data, capacity=1, order=order)
    before = set(begun[: begun.index(order[0])])
    assert before == ancestors(order[0], specs)
    assert sorted(begun) == sorted(digests)


@given(forests(), st.data())
def test_an_order_of_strangers_changes_nothing(specs, data):
    begun, _ = play(specs, data, capacity=1, order=["f" * 64, "0" * 64])
    assert begun == [s.digest() for s in specs]


def test_what_is_there_already_does_not_begin_and_holds_nobody_up():
    first = spec(0, None)
    child = spec(1, first)
    schedule = Schedule([first, child], {child.digest()})
    assert schedule.take() == child
    assert schedule.take() is None


@pytest.mark.parametrize("why", sorted(TRIES))
def test_a_run_is_made_ready_again_a_few_times_and_not_for_ever(why):
    only = spec(0, None)
    schedule = Schedule([only], {only.digest()})
    for number in range(TRIES[why]):
        assert schedule.take() == only
        assert schedule.tries(only.digest(), why) == number
        assert schedule.retry(only.digest(), why)
    assert schedule.take() == only
    assert not schedule.retry(only.digest(), why)
    assert schedule.running == 1
    assert schedule.fail(only.digest()) == []
    assert (schedule.running, schedule.waiting) == (0, 0)


def test_a_run_that_was_stopped_waits_and_does_not_begin_again_now():
    only = spec(0, None)
    schedule = Schedule([only], {only.digest()})
    schedule.take()
    schedule.put_back(only.digest())
    assert (schedule.running, schedule.waiting, schedule.take()) == (0, 1, None)


def test_the_first_for_which_there_is_room_begins_and_the_others_keep_their_places():
    specs = [spec(n, None) for n in range(4)]
    schedule = Schedule(specs, {s.digest() for s in specs})
    assert schedule.take(lambda s: s.seed >= 2).seed == 2
    assert schedule.take(lambda s: s.seed >= 9) is None
    assert (schedule.running, schedule.waiting) == (1, 3)
    assert [schedule.take().seed for _ in range(3)] == [0, 1, 3]
