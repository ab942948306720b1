"""What the host reads of a device while it trains: losses, late, and nothing that makes it wait."""

from __future__ import annotations

import math
from collections import Counter

import numpy as np
import pytest
import tiny_models as tiny
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.utils._python_dispatch import TorchDispatchMode

import replication.losses
from replication.ahead import Ahead
from replication.errors import TrainingError
from replication.losses import Losses
from replication.protocol import Mixing
from replication.tasks.family import family
from replication.training import Execution, Feed, train
from replication.watch import Watch

WAITING = {"_local_scalar_dense", "nonzero", "is_nonzero", "equal", "_unique2", "masked_select"}
"""What torch answers only when the device has computed it: `item`, `float`, `bool` and such."""


class Waits(TorchDispatchMode):
    """Counts what makes a host wait for its device."""

    def __init__(self):
        super().__init__()
        self.count = Counter()

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        if (name := func.name().removeprefix("aten::").split(".")[0]) in WAITING:
            self.count[name] += 1
        return func(*args, **(kwargs or {}))


def trained(name, count, **changes):
    feed = Feed(family(name), tiny.features(name, count), tiny.recipe(batch_size=2))
    torch.manual_seed(1)
    return train(
        tiny.model(name, dropout=0.1),
        {f"tiny_{name}": feed},
        mixing=Mixing(),
        pad_id=1,
        rng=tiny.generator(2),
        execution=Execution(**changes),
    )


@pytest.mark.parametrize("name", ["classification", "multiple_choice", "tagging", "span_qa"])
def test_the_host_waits_for_the_device_as_often_in_many_steps_as_in_few(name):
    found = []
    for count in (6, 130):
        with Waits() as waits:
            steps = trained(name, count, watch=Watch(heard=lambda *_: None, every_s=0.0)).steps
        found.append((steps, waits.count.total()))
    (few, at_first), (many, in_the_end) = found
    assert many > few + 50
    assert at_first == in_the_end <= 2  # whether all weights are finite, when all is done


def test_reading_a_number_counts_as_waiting():
    with Waits() as waits:
        float(torch.ones(3).sum())
        bool(torch.ones(3).all())
        torch.ones(3).sum().item()
    assert waits.count.total() == 3


class Late:
    """A mark that a device reaches after it was asked for a number of times."""

    def __init__(self, times):
        self.left = times

    def query(self):
        self.left -= 1
        return self.left < 0

    def synchronize(self):
        self.left = 0


def test_steps_are_told_of_when_their_loss_has_come_over_and_training_does_not_wait(monkeypatch):
    monkeypatch.setattr(replication.losses, "_mark", lambda _: Late(3))
    told, plain = [], []
    late = Watch(heard=lambda *t: told.append(t), every_s=0.0)
    outcome = trained("tagging", 40, watch=late)
    monkeypatch.undo()
    expected = trained("tagging", 40, watch=Watch(heard=lambda *t: plain.append(t), every_s=0.0))
    assert outcome == expected
    assert len(plain) == outcome.steps
    assert 3 <= len(told) < len(plain) / 2
    assert set(told) <= set(plain)  # each with the loss and the tokens of its own step


@pytest.mark.parametrize("times", [0, 1, 2, 500])
def test_a_bad_loss_that_comes_late_names_its_own_step(monkeypatch, times):
    class Spoilt:
        left = 3

        def loss(self, hidden, head, batch):
            self.left -= 1
            good = family("classification").loss(hidden, head, batch)
            return good * math.nan if self.left < 0 else good

    monkeypatch.setattr(replication.losses, "_mark", lambda _: Late(times))
    feed = Feed(Spoilt(), tiny.features("classification", 120), tiny.recipe(batch_size=1))
    with pytest.raises(
        TrainingError, match="step 4 on task 'tiny_classification': found a loss of nan"
    ):
        train(
            tiny.model("classification").eval(),
            {"tiny_classification": feed},
            mixing=Mixing(),
            pad_id=1,
            rng=tiny.generator(),
        )


@given(st.lists(st.integers(0, 4), min_size=1, max_size=20), st.integers(0, 5))
def test_what_has_arrived_is_what_was_noted(sends, times):
    values = torch.zeros(60)
    losses = Losses(["a"] * 60, values)
    losses_mark = replication.losses._mark
    replication.losses._mark = lambda _: Late(times)
    try:
        done = 0
        for more in sends:
            values[done : done + more] = torch.arange(done, done + more) + 1.0
            done += more
            losses.send(done)
            arrived = losses.arrived()
            assert arrived <= done
            assert [losses.at(s) for s in range(1, arrived + 1)] == [
                *map(float, range(1, arrived + 1))
            ]
        np.testing.assert_array_equal(losses.read(done), values[:done].numpy())
    finally:
        replication.losses._mark = losses_mark


@given(st.lists(st.integers()), st.integers(1, 5))
def test_items_made_ahead_are_those_and_in_their_order(items, depth):
    with Ahead(iter(items), depth) as ahead:
        assert list(ahead) == items


def test_what_goes_wrong_ahead_is_raised_where_its_item_would_have_come():
    def items():
        yield 1
        yield 2
        raise ValueError("the third")

    with Ahead(items()) as ahead:
        assert [next(ahead), next(ahead)] == [1, 2]
        with pytest.raises(ValueError, match="the third"):
            next(ahead)


def test_no_more_is_made_ahead_than_asked_for_and_it_ends_with_its_use():
    made = []

    def items():
        for number in range(100):
            made.append(number)
            yield number

    with Ahead(items(), depth=3) as ahead:
        next(ahead)
    assert 1 <= len(made) <= 5


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_no_step_makes_the_host_wait_for_a_gpu():
    kind = family("tagging")

    class Strict:
        """Has torch refuse to wait, from the third step until the last."""

        reads = staticmethod(kind.reads)
        seen = 0

        def loss(self, hidden, head, batch):
            self.seen += 1
            mode = "error" if 3 <= self.seen < 40 else "default"
            torch.cuda.set_sync_debug_mode(mode)
            return kind.loss(hidden, head, batch)

    feed = Feed(Strict(), tiny.features("tagging", 80), tiny.recipe(batch_size=2))
    try:
        train(
            tiny.model("tagging").to("cuda"),
            {"tiny_tagging": feed},
            mixing=Mixing(),
            pad_id=1,
            rng=tiny.generator(),
            execution=Execution(bf16=True),
        )
    finally:
        torch.cuda.set_sync_debug_mode("default")
