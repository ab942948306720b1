"""The worker: one spec in, one stored run out, whatever goes wrong in between."""

from __future__ import annotations

from pathlib import Path

import pytest
import tiny_runs
import torch
from safetensors import safe_open

from claims.errors import CorroborateError
from replication.data import FolderSource
from replication.errors import DataError, StoreError
from replication.miniature.generate import write_miniature
from replication.orders import Order, Outcome, describe, order_for, settle
from replication.protocol import Base
from replication.protocols import load_protocol
from replication.resume import STATE
from replication.run import LONGEST_TRACEBACK
from replication.store import Store
from replication.watch import Watch
from replication.worker import ALL_THREADS, threads_for
from replication.worker import execute as execute_order
from replication.worker import execute_stored as execute


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return write_miniature(tmp_path_factory.mktemp("data"))


@pytest.fixture
def store(tmp_path):
    with Store.open(tmp_path / "store") as opened:
        yield opened


class Failing(FolderSource):
    """A source that cannot give its unlabelled text, in a way to choose."""

    def __init__(self, root, error):
        super().__init__(root, "miniature")
        self.error = error

    def text(self, corpus, limit):
        raise self.error


def specs(data):
    return tiny_runs.specs(FolderSource(data, "miniature"), (tiny_runs.NONE, "mini_topic"))[1]


def test_a_finished_run_says_what_was_asked_where_it_ran_and_how_long(data, store):
    spec = specs(data)[0]
    run = execute(spec, store, FolderSource(data, "miniature"))
    assert run.status == "finished"
    assert run.spec == spec
    assert run.spec_digest == spec.digest()
    assert run.seconds > 0
    assert "torch" in run.environment.packages
    assert run.environment.device.startswith(("cpu", "cuda"))
    assert run.environment.threads >= 1
    assert run.environment.precision in {"fp32", "bf16"}
    assert "deterministic algorithms" in run.environment.settings
    assert run.usage.host_peak_bytes > 10**7
    assert run.usage.energy_source
    assert store.run(spec.digest()) == run


class OddError(Exception):
    """An exception of no sort that anybody would list."""


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (DataError("text 'x': found none ; expected some."), "text 'x': found none"),
        (CorroborateError("a fault of ours"), "a fault of ours"),
        (RuntimeError("out of memory"), "RuntimeError: out of memory"),
        (KeyError("column"), "KeyError: 'column'"),
        (AssertionError("impossible"), "AssertionError: impossible"),
        (ZeroDivisionError("division"), "ZeroDivisionError: division"),
        (OddError("odd"), "OddError: odd"),
        (ValueError(""), "ValueError:"),
    ],
)
def test_whatever_a_phase_raises_makes_a_failed_run_with_its_message(data, store, error, message):
    spec = specs(data)[0]
    run = execute(spec, store, Failing(data, error))
    assert run.status == "failed"
    assert run.error.startswith(message)
    assert (run.measurements, run.artifacts) == ((), {})
    assert store.state(spec.digest()) == "failed"
    assert [r.error for r in store.runs()] == [run.error]


def test_a_message_of_any_length_is_stored(data, store):
    run = execute(specs(data)[0], store, Failing(data, ValueError("x" * 100_000)))
    assert run.status == "failed"
    assert len(run.error) <= 4000


def test_a_failed_run_can_be_executed_again(data, store):
    spec = specs(data)[0]
    execute(spec, store, Failing(data, OSError("the disk was away")))
    assert execute(spec, store, FolderSource(data, "miniature")).status == "finished"
    assert store.state(spec.digest()) == "finished"


@pytest.mark.parametrize("error", [KeyboardInterrupt, SystemExit])
def test_an_interrupt_passes_through_and_leaves_only_a_started_run(data, store, error):
    spec = specs(data)[0]
    with pytest.raises(error):
        execute(spec, store, Failing(data, error()))
    assert store.state(spec.digest()) == "started"
    assert store.runs() == ()


def test_a_run_whose_parent_is_not_there_is_refused_before_it_begins(data, store):
    target = specs(data)[1]
    with pytest.raises(StoreError, match=r"found no finished parent .* expected it in the store"):
        execute(target, store, FolderSource(data, "miniature"))
    assert store.state(target.digest()) == "missing"


def test_a_run_whose_parent_failed_is_refused(data, store):
    pretraining, target, _ = specs(data)
    execute(pretraining, store, Failing(data, OSError("away")))
    with pytest.raises(StoreError, match="found no finished parent"):
        execute(target, store, FolderSource(data, "miniature"))


def test_a_checkpoint_changed_by_one_bit_is_not_built_on(data, store):
    pretraining, target, _ = specs(data)
    source = FolderSource(data, "miniature")
    execute(pretraining, store, source)
    weights = store.folder(pretraining.digest()) / "model.safetensors"
    content = bytearray(weights.read_bytes())
    content[-1] ^= 1
    weights.chmod(0o644)
    weights.write_bytes(bytes(content))
    with pytest.raises(StoreError, match="found no finished parent"):
        execute(target, store, source)
    assert store.state(pretraining.digest()) == "missing"


def test_a_finished_run_is_not_executed_twice(data, store):
    spec, source = specs(data)[0], FolderSource(data, "miniature")
    execute(spec, store, source)
    with pytest.raises(StoreError, match="found it finished"):
        execute(spec, store, source)


@pytest.mark.parametrize(
    ("width", "layers", "alone"), [(64, 2, True), (128, 2, False), (1024, 24, False)]
)
def test_only_tiny_encoders_compute_with_one_thread(width, layers, alone):
    whole = load_protocol("miniature").base
    built = whole.architecture.model_copy(update={"width": width, "layers": layers})
    assert (threads_for(whole.model_copy(update={"architecture": built})) == 1) == (
        alone or ALL_THREADS == 1
    )
    assert threads_for(Base(checkpoint="xlm-roberta-large")) == ALL_THREADS


def test_a_failed_run_keeps_its_traceback_and_its_error_stays_a_line(data, store):
    execute(specs(data)[0], store, Failing(data, ZeroDivisionError("division")))
    (run,) = store.runs()
    assert run.error == "ZeroDivisionError: division"
    assert run.traceback.startswith("Traceback (most recent call last)")
    assert "in text\n    raise self.error\nZeroDivisionError: division" in run.traceback


def test_a_traceback_of_any_length_and_with_half_characters_is_stored(data, store):
    odd = ValueError("\udc80" + "x" * 100_000 + "the end")
    execute(specs(data)[0], store, Failing(data, odd))
    (run,) = store.runs()
    assert run.error.startswith("ValueError: ?xxx")
    assert len(run.traceback) == LONGEST_TRACEBACK
    assert run.traceback.endswith("xthe end")


@pytest.mark.parametrize(
    ("error", "memory"),
    [
        (torch.OutOfMemoryError("CUDA out of memory"), True),
        (MemoryError(), True),
        (RuntimeError("something else"), False),
    ],
)
def test_it_says_whether_memory_ran_out(data, store, error, memory):
    outcome = execute_order(order_for(specs(data)[0], store), Failing(data, error))
    assert (outcome.ended, outcome.memory) == ("failed", memory)


def test_an_order_and_its_outcome_survive_json_and_need_no_store(data, store):
    """What an engine ships: the same measurements as where the store lies."""
    source = FolderSource(data, "miniature")
    for spec in specs(data):
        order = order_for(spec, store, describe(source))
        outcome = execute_order(Order.model_validate_json(order.model_dump_json(by_alias=True)))
        again = Outcome.model_validate_json(outcome.model_dump_json(by_alias=True))
        assert again == outcome
        settle(again.run, store)
    assert [store.state(s.digest()) for s in specs(data)] == ["finished"] * 3


def test_an_order_without_any_source_is_a_fault_of_the_engine(data, store):
    outcome = execute_order(order_for(specs(data)[0], store))
    assert "found an order without a source" in outcome.run.error


def test_a_run_that_is_asked_to_stop_has_no_record_and_keeps_its_state(data, store):
    spec, source = specs(data)[0], FolderSource(data, "miniature")
    steps = []
    watch = Watch(stop=lambda: len(steps) == 2, heard=lambda *told: steps.append(told), every_s=0)
    order = order_for(spec, store)
    outcome = execute_order(order, source, watch)
    assert (outcome.ended, outcome.run) == ("stopped", None)
    assert [s[0] for s in steps] == [1, 2]
    with safe_open(Path(order.resume) / STATE, framework="pt") as file:
        assert file.metadata()["step"] == "2"
    steps.clear()
    rest = Watch(heard=lambda *told: steps.append(told), every_s=0)
    assert execute_order(order_for(spec, store), source, rest).ended == "finished"
    assert steps[0][0] == 3
    assert steps[-1][0] == steps[-1][1]
    tokens = [s[2] for s in steps]
    assert tokens == sorted(tokens)


def test_an_evaluation_that_is_asked_to_stop_is_dropped(data, store):
    source = FolderSource(data, "miniature")
    *before, evaluation = specs(data)
    for spec in before:
        execute(spec, store, source)
    outcome = execute_order(order_for(evaluation, store), source, Watch(stop=lambda: True))
    assert outcome.ended == "stopped"
    assert execute(evaluation, store, source).status == "finished"


def test_halvings_cut_batches_finer_and_are_told(data, store, tmp_path):
    source = FolderSource(data, "miniature")
    whole = [execute(spec, store, source) for spec in specs(data)]
    with Store.open(tmp_path / "other") as other:
        halved = []
        for spec in specs(data):
            order = order_for(spec, other).model_copy(update={"halvings": 6})
            halved.append(settle(execute_order(order, source).run, other))
    assert [r.facts.pop("halvings_ordered") for r in halved] == [6, 6, 6]
    for fine, coarse in zip(halved, whole, strict=True):
        assert fine.facts.keys() == coarse.facts.keys()
        assert fine.facts.get("tokens") == coarse.facts.get("tokens")
        for name in ("first_loss", "last_loss"):  # the same batches, though dropout falls otherwise
            assert fine.facts.get(name, 0) == pytest.approx(coarse.facts.get(name, 0), abs=0.05)
    assert [m.n for m in halved[-1].measurements] == [m.n for m in whole[-1].measurements]
