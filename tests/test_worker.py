"""The worker: one spec in, one stored run out, whatever goes wrong in between."""

from __future__ import annotations

import pytest
import tiny_runs

from claims.errors import CorroborateError
from replication.data import FolderSource
from replication.errors import DataError, StoreError
from replication.miniature.generate import write_miniature
from replication.protocol import Base
from replication.protocols import load_protocol
from replication.store import Store
from replication.worker import ALL_THREADS, threads_for
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
