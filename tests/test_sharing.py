"""Laws of sharing a device, on simulated devices: memory, caps, where it stops, and what it says."""

from __future__ import annotations

import numpy as np
import pytest
import tiny_runs
from hypothesis import given
from hypothesis import strategies as st
from test_scheduling import spec

from replication.data import FolderSource
from replication.engines.device import Load, Room, load_of, process_bytes
from replication.engines.sharing import USABLE, Rules, Sharing
from replication.miniature.generate import write_miniature
from replication.protocols import load_protocol
from replication.workload import Workloads

GIB = 2**30
TRAINING = Load("training", "encoder", 9 * GIB, trains=True)
OTHER = Load("other", "encoder", 12 * GIB, trains=True)
EVALUATION = Load("evaluation", "encoder", 4 * GIB, trains=False)
LOADS = (TRAINING, OTHER, EVALUATION)


class Machine:
    """Devices whose runs make so many tokens a second together, as many as there are."""

    def __init__(self, curve, *, devices=1, total=139 * GIB, most=64, foreign=0, gpus=1):
        self.curve = curve
        self.sharing = Sharing([str(i) for i in range(devices)], most=most)
        if gpus > 1:
            self.sharing.resize("0", gpus)
        self.gpus = gpus
        self.room, self.foreign = total, foreign
        self.now = 0.0
        self.runs: dict[str, tuple[str, Load, float]] = {}
        """Digest -> device, load and tokens so far."""
        self.count = 0

    def on(self, device):
        return [load for d, load, _ in self.runs.values() if d == device]

    def fill(self, *loads):
        """Begin runs while there is room for any of these."""
        while found := next(((x, d) for x in loads if (d := self.sharing.device_for(x))), None):
            load, device = found
            self.count += 1
            self.runs[str(self.count)] = device, load, 0.0
            self.sharing.begin(str(self.count), load, device)

    def free(self, device):
        return self.room - self.foreign - sum(x.memory or 0 for x in self.on(device)) // self.gpus

    def second(self, noise=lambda: 1.0):
        self.now += 1.0
        for digest, (device, load, tokens) in self.runs.items():
            if load.trains:
                many = len(self.on(device))
                level = -(-many // self.gpus)
                gained = self.curve(level) * self.gpus / many * noise()
                self.runs[digest] = device, load, tokens + gained
                room = Room(max(0, self.free(device)), self.room)
                self.sharing.hear(digest, self.now, int(tokens + gained), room)

    def end(self, digest, **how):
        self.runs.pop(digest)
        return self.sharing.end(digest, self.now, **how)

    def go(self, seconds, *loads, noise=lambda: 1.0):
        for _ in range(seconds):
            self.fill(*(loads or (TRAINING,)))
            self.second(noise)


def flat_after(best):
    """Two times as fast with two runs, and so on, up to some number; then no faster."""
    return lambda n: 10_000.0 * min(n, best)


def test_a_device_has_one_run_until_its_throughput_is_known():
    machine = Machine(flat_after(4))
    machine.go(23)
    assert len(machine.runs) == 1
    machine.go(4)
    assert len(machine.runs) == 2


@pytest.mark.parametrize("best", [1, 2, 3, 5])
def test_runs_are_added_while_throughput_rises_and_no_longer(best):
    machine = Machine(flat_after(best))
    machine.go(300)
    assert len(machine.runs) == best + 1  # the trial goes on with what it has begun
    machine.end(next(iter(machine.runs)))
    machine.go(300)
    assert len(machine.runs) == best
    (said,) = machine.sharing.lines()
    runs = "1 run" if best == 1 else f"{best} runs"
    assert said == f"device 0: {runs} at once, {best + 1} gave no more (1.00 times); training"


@pytest.mark.parametrize(("rise", "kept"), [(1.05, 1), (1.09, 1), (1.11, 2), (1.3, 2)])
def test_a_tenth_more_is_what_it_takes(rise, kept):
    machine = Machine(lambda n: 10_000.0 * (1.0, rise, rise)[min(n, 3) - 1])
    machine.go(200)
    machine.end(next(iter(machine.runs)))
    machine.go(1)
    assert len(machine.runs) == kept


def test_a_trial_that_makes_everything_slower_is_taken_back():
    machine = Machine(lambda n: 10_000.0 / n)
    machine.go(100)
    machine.end("1")
    machine.go(200)
    assert len(machine.runs) == 1
    assert "2 gave no more (0.50 times)" in machine.sharing.lines()[0]


def test_no_run_is_added_for_which_memory_does_not_suffice():
    machine = Machine(flat_after(9), total=24 * GIB)
    machine.go(400)
    assert len(machine.runs) == 2
    assert (
        "device 0: 2 runs at once, 3 would take 27.0 GiB of 22.8 GiB" in machine.sharing.lines()[0]
    )


def test_memory_that_other_programs_have_is_left_to_them():
    machine = Machine(flat_after(9), foreign=125 * GIB)
    machine.go(200)
    assert len(machine.runs) == 1
    assert "one more would take 9.0 GiB where 5.0 GiB are free" in machine.sharing.lines()[0]


@pytest.mark.parametrize("what", ["run", "device"])
def test_without_knowing_memory_nothing_is_shared(what):
    load = Load("training", "encoder", None if what == "run" else GIB, trains=True)
    machine = Machine(flat_after(9))
    if what == "device":
        machine.sharing.hear = lambda *a, hear=machine.sharing.hear: hear(*a[:3])
    machine.go(200, load)
    assert len(machine.runs) == 1
    assert "not" in machine.sharing.lines()[0]


def test_a_run_counts_with_what_runs_of_its_kind_really_took():
    machine = Machine(flat_after(9), total=24 * GIB)
    machine.go(10)
    machine.end("1", peak=11 * GIB)
    machine.go(200)
    assert len(machine.runs) == 1
    assert "2 would take" in machine.sharing.lines()[0]


def test_memory_that_ran_out_beside_others_is_never_tried_again():
    machine = Machine(flat_after(9))
    machine.go(60)
    assert len(machine.runs) == 3
    assert machine.end("3", crowded=True) is True
    machine.go(300)
    assert len(machine.runs) == 2
    assert machine.sharing.lines() == [
        "device 0: 2 runs at once, with more, memory ran out; training"
    ]


def test_memory_that_ran_out_in_a_run_alone_says_nothing_of_sharing():
    machine = Machine(flat_after(2))
    machine.go(5)
    assert machine.end("1", crowded=True) is False
    machine.go(100)
    assert len(machine.runs) > 1


def test_a_run_that_must_be_alone_is_so():
    alone = Load("training", "encoder", GIB, trains=True, alone=True)
    machine = Machine(flat_after(9))
    machine.go(60)
    assert machine.sharing.device_for(alone) is None
    for digest in list(machine.runs):
        machine.end(digest)
    machine.fill(alone, TRAINING)
    machine.go(60, TRAINING)
    assert len(machine.runs) == 1


def test_what_does_not_tell_of_steps_takes_places_that_training_was_measured_to_leave():
    machine = Machine(flat_after(2))
    machine.fill(EVALUATION)
    assert len(machine.runs) == 1  # nothing is measured
    machine.end("1")
    machine.go(100)
    for digest in list(machine.runs)[1:]:
        machine.end(digest)
    machine.fill(EVALUATION)
    assert [load.kind for load in machine.on("0")] == ["training", "evaluation"]
    assert machine.sharing.device_for(Load("x", "another encoder", GIB, trains=False)) is None


def test_kinds_that_were_not_measured_wait_for_a_device_of_their_own():
    machine = Machine(flat_after(2))
    machine.go(100)
    assert machine.sharing.device_for(OTHER) is None
    for digest in list(machine.runs):
        machine.end(digest)
    machine.fill(OTHER)
    assert len(machine.runs) == 1
    assert machine.sharing.device_for(TRAINING) is None


def test_times_in_which_a_run_is_silent_do_not_count():
    """It keeps its state, or looks at validation data: with them, one run would seem slow."""
    machine = Machine(flat_after(1))
    for _ in range(8):
        machine.go(9)
        machine.now += 30.0
    machine.go(20)
    assert "(1.00 times)" in machine.sharing.lines()[0]


def test_short_runs_are_measured_together():
    machine = Machine(flat_after(1))
    for _ in range(8):
        machine.go(12)
        for digest in list(machine.runs):
            machine.end(digest)
    assert "2 gave no more (1.00 times)" in machine.sharing.lines()[0]


def test_a_run_that_starts_up_does_not_make_two_look_faster_than_they_are():
    """The first has the device for itself as long as the second loads its model."""
    machine = Machine(flat_after(1))
    machine.go(24)
    machine.fill(TRAINING)
    assert len(machine.runs) == 2
    silent = machine.runs.pop("2")
    machine.go(40, Load("nothing", "encoder", None, trains=True))
    machine.runs["2"] = silent
    machine.go(60, Load("nothing", "encoder", None, trains=True))
    assert "2 gave no more (1.00 times)" in machine.sharing.lines()[0]


def test_what_begins_anew_does_not_count_backwards():
    machine = Machine(flat_after(1))
    machine.go(15)
    device, load, _ = machine.runs["1"]
    machine.runs["1"] = device, load, 0.0
    machine.go(60)
    assert "(1.00 times)" in machine.sharing.lines()[0]


def test_a_word_of_an_unknown_run_is_passed_over():
    Sharing(["0"], most=1).hear("nobody", 1.0, 5)


def test_devices_are_filled_evenly_and_learn_each_for_itself():
    machine = Machine(flat_after(2), devices=2)
    machine.go(10)
    assert [len(machine.on(d)) for d in "01"] == [1, 1]
    machine.go(100)
    assert [len(machine.on(d)) for d in "01"] == [3, 3]
    assert [line.split(":")[0] for line in sorted(machine.sharing.lines())] == [
        "device 0",
        "device 1",
    ]


def test_like_gpus_taken_together_grow_together():
    machine = Machine(flat_after(2), gpus=4)
    machine.go(10)
    assert len(machine.runs) == 4
    assert machine.sharing.limit(TRAINING, "0") == 1
    machine.go(30)
    assert len(machine.runs) == 8
    machine.go(100)
    for digest in list(machine.runs)[:6]:
        machine.end(digest)
    machine.go(1)
    assert len(machine.runs) == 8
    assert "3 gave no more (1.00 times)" in machine.sharing.lines()[0]


@given(
    gains=st.lists(st.floats(0.5, 2.5), min_size=1, max_size=6),
    gib=st.integers(10, 80),
    most=st.integers(1, 9),
    devices=st.integers(1, 3),
    seed=st.integers(0, 2**32),
    data=st.data(),
)
def test_whatever_happens_memory_and_the_cap_hold_and_it_comes_to_rest(
    gains, gib, most, devices, seed, data
):
    """Runs of three kinds begin, end and run out of memory at drawn times, with noise."""
    curve = [10_000.0]
    for gain in gains:
        curve.append(curve[-1] * gain)
    machine = Machine(
        lambda n: curve[min(n, len(curve)) - 1], devices=devices, total=gib * GIB, most=most
    )
    noise = np.random.default_rng(seed)
    for _ in range(data.draw(st.integers(5, 25))):
        loads = data.draw(st.permutations(LOADS))
        machine.go(data.draw(st.integers(1, 40)), *loads, noise=lambda: noise.uniform(0.9, 1.1))
        assert 1 <= len(machine.runs) <= most
        for name in map(str, range(devices)):
            there = machine.on(name)
            assert len(there) <= 1 or sum(x.memory for x in there) <= USABLE * gib * GIB
        for digest in [d for d in list(machine.runs) if data.draw(st.booleans())]:
            machine.end(digest, crowded=data.draw(st.integers(0, 9)) == 0)
    for digest in list(machine.runs):
        machine.end(digest)
    machine.go(40 * 8)
    before = machine.sharing.lines()
    machine.go(200)
    assert machine.sharing.lines() == before  # it tries no more


@given(st.integers(1, 6), st.integers(0, 2**32))
def test_with_noise_it_stops_at_the_knee(best, seed):
    noise = np.random.default_rng(seed)
    machine = Machine(flat_after(best))
    machine.go(400, noise=lambda: noise.uniform(0.9, 1.1))
    machine.end(next(iter(machine.runs)))
    machine.go(1)
    assert len(machine.runs) == best


@given(st.integers(1, 5), st.integers(1, 5))
def test_more_memory_never_means_fewer_runs(less, more):
    found = []
    for gib in sorted((10 * less, 10 * more)):
        machine = Machine(flat_after(4), total=gib * GIB)
        machine.go(250)
        found.append(len(machine.runs))
    assert found == sorted(found)


def test_the_same_words_lead_to_the_same_decisions():
    told = []
    for _ in range(2):
        machine = Machine(lambda n: 10_000.0 * n**0.5)
        machine.go(200, *LOADS)
        told.append((machine.sharing.lines(), sorted(machine.runs)))
    assert told[0] == told[1]


def test_seeds_are_of_one_kind_and_phases_and_batch_shapes_are_not(tmp_path):
    source = FolderSource(write_miniature(tmp_path / "data"), "miniature")
    loads = Workloads(source)
    wanted = ((tiny_runs.NONE, "mini_topic"), (tiny_runs.NONE, "mini_tags"))
    specs = tiny_runs.plan(source, *wanted).specs
    found = {s.title(): load_of(s, loads) for s in specs}
    by_phase = {s.phase: load_of(s, loads) for s in specs}
    assert len({x.kind for x in by_phase.values()}) == len(by_phase)
    assert {p for p, x in by_phase.items() if not x.trains} == {"evaluation"}
    target = next(s for s in specs if s.phase == "target")
    assert load_of(target.model_copy(update={"seed": 5}), loads) == load_of(target, loads)
    assert all(x.memory and x.memory > process_bytes(0) for x in found.values())
    (name,) = target.tasks
    recipe = target.recipes[name].model_copy(update={"batch_size": 3})
    other = load_of(target.model_copy(update={"recipes": {name: recipe}}), loads)
    assert other.kind != load_of(target, loads).kind
    assert load_of(target, loads, alone=True).alone


def test_a_checkpoint_of_unknown_size_has_no_predicted_memory(tmp_path):
    base = load_protocol("xstilts").base.model_copy(update={"checkpoint": "some/where"})
    source = FolderSource(write_miniature(tmp_path / "data"), "miniature")
    unknown = spec(0, None).model_copy(update={"base": base})
    assert load_of(unknown, Workloads(source)).memory is None


def test_rules_can_be_told():
    sharing = Sharing(["0"], most=4, rules=Rules(window_s=2.0, settle_s=0.0))
    sharing.begin("a", TRAINING, "0")
    for second in range(6):
        sharing.hear("a", float(second), second * 100, Room(100 * GIB, 139 * GIB))
    assert sharing.device_for(TRAINING) == "0"
    assert sharing.limit(TRAINING, "0") == 2
