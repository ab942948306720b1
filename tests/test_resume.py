"""Laws of a phase that goes on after its process was killed, that runs out of memory, or that looks."""

from __future__ import annotations

import errno
import itertools
import json
import signal
import subprocess
import sys
import textwrap
import threading
import time
from concurrent.futures import wait
from pathlib import Path

import pytest
import tiny_models as tiny
import torch
from safetensors import safe_open
from safetensors.torch import save_file

import replication.resume
from replication.errors import StoppedError, TrainingError
from replication.model import save
from replication.protocol import Mixing
from replication.resume import STATE, Resume
from replication.sampling import Feed, task_order
from replication.tasks.family import family
from replication.tasks.mlm import MASKED_LANGUAGE_MODELLING, MaskedHead, Masking
from replication.training import Execution, Look, train
from replication.watch import Watch

KIND = family("classification")
NAME = "tiny_classification"


def feed(count=24, **recipe):
    return Feed(KIND, tiny.features("classification", count), tiny.recipe(**recipe))


def trained(folder, execution, model=None, feeds=None, mixing=None):
    torch.manual_seed(3)
    model = model or tiny.model("classification", dropout=0.1)
    torch.manual_seed(4)
    outcome = train(
        model,
        feeds or {NAME: feed(epochs=3)},
        mixing=mixing or Mixing(),
        pad_id=1,
        rng=tiny.generator(5),
        execution=execution,
    )
    folder.mkdir(exist_ok=True)
    save(model, folder)
    return outcome, (folder / "model.safetensors").read_bytes()


class Killed(Exception):  # noqa: N818  it is no error
    """Stands for the end of the process at a step."""


class DyingResume(Resume):
    """A resume whose process ends right after a number of states."""

    def __init__(self, folder, after):
        super().__init__(folder, every_s=0)
        self.after = after

    def save(self, done, model, optimiser):
        super().save(done, model, optimiser)
        self.after -= 1
        if self.after == 0:
            raise Killed


@pytest.mark.parametrize("after", [1, 5, 8])
def test_a_phase_taken_up_after_any_step_ends_with_the_same_bytes(tmp_path, after):
    whole, expected = trained(tmp_path / "whole", Execution())
    with pytest.raises(Killed):
        trained(tmp_path / "cut", Execution(resume=DyingResume(tmp_path, after)))
    outcome, found = trained(tmp_path / "cut", Execution(resume=Resume(tmp_path)))
    assert found == expected
    assert outcome == whole


def test_keeping_the_state_changes_nothing(tmp_path):
    _, expected = trained(tmp_path / "without", Execution())
    _, found = trained(tmp_path / "with", Execution(resume=Resume(tmp_path, every_s=0)))
    assert found == expected


class Disk:
    """Stands for the disk that states are written to: slow, or full, from some state on."""

    def __init__(self, monkeypatch, *, fails_at=None, slow_s=0.0):
        self.free, self.busy, self.most, self.count = threading.Event(), 0, 0, 0
        self.free.set()
        self.fails_at, self.slow_s = fails_at, slow_s
        monkeypatch.setattr(replication.resume, "save_file", self.write)

    def write(self, tensors, path, metadata):
        self.busy += 1
        self.count += 1
        self.most = max(self.most, self.busy)
        before = {name: tensor.clone() for name, tensor in tensors.items()}
        assert self.free.wait(60)
        time.sleep(self.slow_s)
        assert all(torch.equal(before[name], tensor) for name, tensor in tensors.items())
        self.busy -= 1
        if self.count == self.fails_at:
            raise OSError(errno.ENOSPC, "No space left on device")
        save_file(tensors, path, metadata=metadata)


def between_steps(each):
    """A watch that does something between two steps, told how many are done."""
    done = itertools.count()
    return Watch(stop=lambda: bool(each(next(done))))


def parts(path):
    """Return what a state says, whose metadata come in any order, and the bytes of its tensors."""
    content = path.read_bytes()
    size = int.from_bytes(content[:8], "little")
    return json.loads(content[8 : 8 + size]), content[8 + size :]


def threads():
    return {t.name for t in threading.enumerate() if t.name.startswith(("resume", "ahead"))}


def test_training_goes_on_while_a_state_is_written_and_the_state_is_that_of_its_step(
    tmp_path, monkeypatch
):
    (tmp_path / "other").mkdir()
    with pytest.raises(Killed):
        trained(tmp_path / "cut", Execution(resume=DyingResume(tmp_path / "other", 1)))
    expected = parts(tmp_path / "other" / STATE)
    disk, seen = Disk(monkeypatch), []

    def each(done):
        if done == 1:
            wait([resume._writing] if resume._writing else [])  # the first state is whole
            disk.free.clear()  # for the state after the second step
        if done == 9:
            seen.append(parts(tmp_path / STATE))
            disk.free.set()
        return done == 9

    resume = Resume(tmp_path, every_s=1e-9)
    with pytest.raises(StoppedError):
        trained(tmp_path / "go", Execution(resume=resume, watch=between_steps(each)))
    assert seen == [expected]  # steps went by, and the state before stayed whole
    assert (disk.most, disk.count) == (1, 3)  # the first, the one that was slow, and the last
    assert threads() == set()
    _, whole = trained(tmp_path / "whole", Execution())
    _, found = trained(tmp_path / "go", Execution(resume=Resume(tmp_path)))
    assert found == whole


@pytest.mark.parametrize("fails_at", [1, 4, 18])
def test_a_state_that_cannot_be_written_ends_the_phase_after_the_step_under_way(
    tmp_path, monkeypatch, fails_at
):
    """The eighteenth is the last: no step follows, and it is told all the same."""
    disk, steps = Disk(monkeypatch, fails_at=fails_at), []
    resume = Resume(tmp_path, every_s=0)

    def each(done):
        wait([resume._writing] if resume._writing else [])
        steps.append(done)

    with pytest.raises(OSError, match="No space left on device"):
        trained(tmp_path / "x", Execution(resume=resume, watch=between_steps(each)))
    assert disk.count == fails_at
    assert steps[-1] == min(fails_at, 17)
    assert threads() == set()


def test_an_interrupt_waits_until_the_state_is_on_the_disk(tmp_path, monkeypatch):
    disk = Disk(monkeypatch, slow_s=0.4)

    def each(done):
        if done == 1:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        trained(tmp_path / "x", Execution(resume=Resume(tmp_path, 0), watch=between_steps(each)))
    assert (disk.count, disk.busy) == (1, 0)
    with safe_open(tmp_path / STATE, framework="pt") as file:
        assert file.metadata()["step"] == "1"
    assert threads() == set()


@pytest.mark.parametrize("damage", ["cut", "flip", "empty"])
def test_a_damaged_state_costs_time_and_nothing_else(tmp_path, damage):
    whole, expected = trained(tmp_path / "whole", Execution())
    with pytest.raises(Killed):
        trained(tmp_path / "cut", Execution(resume=DyingResume(tmp_path, 4)))
    state = tmp_path / STATE
    content = state.read_bytes()
    broken = {"cut": content[: len(content) // 2], "empty": b""}
    state.write_bytes(broken.get(damage, content[:20] + b"\xff" * 40 + content[60:]))
    outcome, found = trained(tmp_path / "cut", Execution(resume=Resume(tmp_path)))
    assert (found, outcome) == (expected, whole)


def test_a_process_killed_in_the_middle_goes_on_to_the_same_bytes(tmp_path):
    """SIGKILL, a real process, and a state written after every step."""
    script = textwrap.dedent("""
        import sys, pathlib
        sys.path.insert(0, sys.argv[2])
        import test_resume as t
        from replication.resume import Resume
        from replication.training import Execution
        class Slow(Resume):
            def save(self, *a):
                super().save(*a)
                print("kept", flush=True)
        folder = pathlib.Path(sys.argv[1])
        t.trained(folder / "out", Execution(resume=Slow(folder, every_s=0)))
    """)
    here = str(Path(__file__).parent)
    command = [sys.executable, "-c", script, str(tmp_path), here]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        for _ in range(3):
            assert process.stdout is not None
            assert process.stdout.readline() == "kept\n"
        process.send_signal(signal.SIGKILL)
    assert process.returncode == -signal.SIGKILL
    assert (tmp_path / STATE).is_file()
    _, expected = trained(tmp_path / "whole", Execution())
    _, found = trained(tmp_path / "out", Execution(resume=Resume(tmp_path)))
    assert found == expected


class Narrow:
    """An objective on a device that holds few rows at a time."""

    def __init__(self, rows):
        self.rows = rows
        self.seen = []

    def loss(self, hidden, head, batch):
        if hidden.shape[0] > self.rows:
            raise torch.OutOfMemoryError("CUDA out of memory")
        self.seen.append(hidden.shape[0])
        return KIND.loss(hidden, head, batch)


def test_out_of_memory_halves_what_is_held_at_once_and_keeps_the_batch(tmp_path):
    features = tiny.features("classification", 16)
    recipe = tiny.recipe(epochs=2, batch_size=8)
    model = tiny.model("classification")
    wide = Feed(KIND, features, recipe)
    expected, _ = trained(tmp_path / "wide", Execution(), model, {NAME: wide})
    narrow = Narrow(2)
    torch.manual_seed(3)
    model = tiny.model("classification")
    found, _ = trained(
        tmp_path / "narrow", Execution(), model, {NAME: Feed(narrow, features, recipe)}
    )
    assert found.halvings >= 1
    assert max(narrow.seen) <= 2
    assert sum(narrow.seen) >= 4 * 8  # every example of every batch was seen
    assert found.steps == expected.steps
    assert found.first_loss == pytest.approx(expected.first_loss, abs=1e-5)
    assert found.last_loss == pytest.approx(expected.last_loss, abs=1e-4)


def test_memory_that_does_not_hold_one_example_ends_the_phase_with_the_step(tmp_path):
    blocked = Feed(Narrow(0), tiny.features("classification", 8), tiny.recipe())
    with pytest.raises(TrainingError, match="step 1 on task 'tiny_classification': memory"):
        trained(tmp_path / "x", Execution(), feeds={NAME: blocked})


def test_a_look_keeps_the_best_checkpoint_and_stops_when_patience_ends(tmp_path):
    scores = iter([10.0, 50.0, 20.0, 30.0, 90.0])
    looked = []

    def score(model):
        assert not model.training
        looked.append({n: t.clone() for n, t in model.state_dict().items()})
        return next(scores)

    model = tiny.model("classification", dropout=0.1)
    look = Look(every_steps=2, score=score, patience=2)
    outcome, _ = trained(tmp_path / "x", Execution(look=look), model, {NAME: feed(epochs=20)})
    assert (outcome.kept_step, outcome.kept_score) == (4, 50.0)
    assert outcome.steps == 8  # two looks without improvement after the fourth step
    for name, tensor in model.state_dict().items():
        assert torch.equal(tensor, looked[1][name])


def test_a_look_does_not_move_training(tmp_path):
    _, expected = trained(tmp_path / "blind", Execution())
    rising = iter(range(100))
    look = Look(every_steps=2, score=lambda _: float(next(rising)), patience=None)
    outcome, found = trained(tmp_path / "looking", Execution(look=look))
    assert found == expected  # the last look was the best, so the last checkpoint was kept
    assert outcome.kept_step == outcome.steps


def test_a_phase_with_looks_is_taken_up_with_its_best_checkpoint(tmp_path):
    def look():
        scores = iter([5.0, 9.0])
        return Look(every_steps=2, score=lambda _: next(scores, 1.0), patience=None)

    whole, expected = trained(
        tmp_path / "whole", Execution(look=look()), feeds={NAME: feed(epochs=2)}
    )
    with pytest.raises(Killed):
        trained(
            tmp_path / "cut",
            Execution(look=look(), resume=DyingResume(tmp_path, 4)),
            feeds={NAME: feed(epochs=2)},
        )
    rest = look()
    for _ in range(2):
        rest.score(None)  # the looks at steps 2 and 4 are done
    execution = Execution(look=rest, resume=Resume(tmp_path))
    outcome, found = trained(tmp_path / "cut", execution, feeds={NAME: feed(epochs=2)})
    assert (found, outcome) == (expected, whole)


def test_masked_modelling_adds_its_share_of_steps_and_leaves_the_tasks_theirs(tmp_path):
    model = tiny.model("classification")
    model.heads["mlm"] = MaskedHead(model.encoder.get_input_embeddings())
    masking = Masking(0.15, 4, frozenset(range(5)), 300)
    text = [f for f in tiny.features("classification", 16) if f.length > 4]
    beside = Feed(MASKED_LANGUAGE_MODELLING, text, tiny.recipe(), masking, step_share=0.25)
    alone, _ = trained(tmp_path / "a", Execution(), feeds={NAME: feed(epochs=4)})
    outcome, _ = trained(tmp_path / "b", Execution(), model, {NAME: feed(epochs=4), "mlm": beside})
    assert outcome.steps_of[NAME] == alone.steps_of[NAME]
    assert outcome.steps_of["mlm"] == round(alone.steps / 3)


def test_a_higher_temperature_draws_tasks_more_evenly():
    feeds = {"large": feed(40, epochs=60), "small": feed(4, epochs=60)}

    def share(mixing):
        order = task_order(feeds, mixing, tiny.generator(1))
        return order.count("small") / len(order)

    proportional = share(Mixing())
    warm = share(Mixing(sampling="temperature", temperature=2.0))
    hot = share(Mixing(sampling="temperature", temperature=1000.0))
    assert proportional < warm < hot
    assert proportional == pytest.approx(4 / 44, abs=0.03)
    assert warm == pytest.approx(2 / (2 + 40**0.5), abs=0.04)
    assert hot == pytest.approx(0.5, abs=0.05)
    assert share(Mixing(sampling="temperature", temperature=1.0)) == proportional
