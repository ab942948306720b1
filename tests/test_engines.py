"""The contract of engines, which every one that an entry point names must keep."""

from __future__ import annotations

import pytest
import tiny_runs
from engines_under_test import ENGINES

from replication.data import FolderSource
from replication.engines.engine import Engine, engine
from replication.errors import ReplicationError
from replication.miniature.generate import write_miniature
from replication.store import Store

WANTED = (
    (tiny_runs.NONE, "mini_topic"),
    (tiny_runs.NONE, "mini_tags"),
    (tiny_runs.NONE, "mini_pairs"),
)

pytestmark = pytest.mark.parametrize("name", ENGINES)


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    return FolderSource(write_miniature(tmp_path_factory.mktemp("data")), "miniature")


class Heard:
    """A progress that remembers, and may interrupt at a title."""

    def __init__(self, interrupt=None):
        self.events = []
        self.interrupt = interrupt

    def begin(self, spec):
        self.events.append(("begin", spec))
        if self.interrupt and self.interrupt in spec.title():
            raise KeyboardInterrupt

    def end(self, spec, seconds):
        assert seconds >= 0
        self.events.append(("end", spec))

    def skip(self, spec):
        self.events.append(("skip", spec))

    def of(self, kind):
        return [s for k, s in self.events if k == kind]

    def titles(self, kind):
        return sorted(s.title() for s in self.of(kind))


def run(name, plan, path, source, *, budget_s=None, interrupt=None):
    heard = Heard(interrupt)
    with Store.open(path) as store:
        tally = engine(name).run(plan, store, source, progress=heard, budget_s=budget_s)
        states = {s.title(): store.state(s.digest()) for s in plan.specs}
    return tally, heard, states


def spoil(path, spec, *, size):
    """Change a checkpoint in the store, in its size or in one bit only."""
    weights = path / "runs" / spec.digest() / "model.safetensors"
    weights.chmod(0o644)
    content = bytearray(weights.read_bytes())
    content[-1] ^= 1
    weights.write_bytes(bytes(content) + (b"x" if size else b""))


def failing(source):
    """A plan in which training on tags fails, since its learning rate is beyond all bounds."""
    targets = tiny_runs.protocol().model_dump(mode="json", by_alias=True)["targets"]
    targets["mini_tags"]["recipe"]["learning_rate"] = 1e30
    return tiny_runs.plan(source, *WANTED, targets=targets)


def test_an_entry_point_names_an_engine_of_its_own_name(name):
    assert isinstance(engine(name), Engine)
    assert engine(name).name == name


def test_an_unknown_engine_is_refused_with_the_known_ones(name):
    with pytest.raises(ReplicationError, match=rf"'steam': found no entry point.*{name}"):
        engine("steam")


def test_every_run_is_executed_once_and_parents_before_children(name, source, tmp_path):
    plan = tiny_runs.plan(source, *WANTED)
    tally, heard, states = run(name, plan, tmp_path / "s", source)
    assert set(states.values()) == {"finished"}
    assert (tally.finished, tally.skipped, tally.postponed, tally.blocked) == (6, 0, 0, 0)
    assert tally.failed == {}
    assert sorted(heard.titles("begin")) == sorted(s.title() for s in plan.specs)
    ended = set()
    for kind, spec in heard.events:
        if kind == "begin":
            assert spec.parent is None or spec.parent in ended
        else:
            ended.add(spec.digest())


def test_a_second_run_executes_nothing(name, source, tmp_path):
    plan = tiny_runs.plan(source, *WANTED)
    run(name, plan, tmp_path / "s", source)
    tally, heard, _ = run(name, plan, tmp_path / "s", source)
    assert (tally.finished, tally.skipped) == (0, 6)
    assert heard.of("begin") == []
    assert len(heard.of("skip")) == 6


def test_a_larger_plan_executes_only_what_it_adds(name, source, tmp_path):
    run(name, tiny_runs.plan(source, *WANTED[:1]), tmp_path / "s", source)
    tally, heard, _ = run(name, tiny_runs.plan(source, *WANTED), tmp_path / "s", source)
    assert (tally.finished, tally.skipped) == (3, 3)
    assert not any("mini_topic" in t for t in heard.titles("begin"))


def test_a_failure_blocks_its_children_and_nothing_else(name, source, tmp_path):
    plan = failing(source)
    tally, heard, states = run(name, plan, tmp_path / "s", source)
    bad = {
        "target mini_tags [none] seed 0": "failed",
        "evaluation mini_tags [none] seed 0": "missing",
    }
    assert {t: s for t, s in states.items() if s != "finished"} == bad
    assert (tally.finished, tally.blocked, len(tally.failed)) == (4, 1, 1)
    (message,) = tally.failed.values()
    assert "on task 'mini_tags': found a loss of" in message
    assert heard.titles("skip") == ["evaluation mini_tags [none] seed 0"]
    assert "1 failed" in tally.sentence()
    assert "1 left out after a failure" in tally.sentence()


def test_a_failure_blocks_grandchildren_too(name, source, tmp_path):
    settings = tiny_runs.protocol().model_dump(mode="json", by_alias=True)["intermediate"]
    wanted = ((tiny_runs.GUILD, "mini_topic"), (tiny_runs.NONE, "mini_pairs"))
    plan = tiny_runs.plan(source, *wanted, intermediate={**settings, "learning_rate": 1e30})
    tally, heard, _ = run(name, plan, tmp_path / "s", source)
    assert (tally.finished, tally.blocked, len(tally.failed)) == (2, 2, 1)
    assert {s.phase for s in heard.of("skip")} == {"target", "evaluation"}


def test_a_failed_run_is_tried_again_the_next_time(name, source, tmp_path):
    plan = failing(source)
    run(name, plan, tmp_path / "s", source)
    tally, heard, _ = run(name, plan, tmp_path / "s", source)
    assert heard.titles("begin") == ["target mini_tags [none] seed 0"]
    assert (tally.skipped, tally.blocked, len(tally.failed)) == (4, 1, 1)


def test_an_interrupted_plan_goes_on_where_it_was(name, source, tmp_path):
    plan = tiny_runs.plan(source, *WANTED)
    with pytest.raises(KeyboardInterrupt):
        run(name, plan, tmp_path / "s", source, interrupt="target mini_topic")
    tally, heard, states = run(name, plan, tmp_path / "s", source)
    assert set(states.values()) == {"finished"}
    assert tally.skipped >= 1
    assert not any(t.startswith("pretraining") for t in heard.titles("begin"))


@pytest.mark.parametrize("size", [True, False])
def test_a_damaged_parent_is_made_again_before_a_child_starts_from_it(name, source, tmp_path, size):
    """One bit is noticed where something is built on it; other finished runs are left alone."""
    small = tiny_runs.plan(source, *WANTED[:1])
    run(name, small, tmp_path / "s", source)
    pretraining = small.specs[0]
    spoil(tmp_path / "s", pretraining, size=size)
    tally, heard, states = run(name, tiny_runs.plan(source, *WANTED), tmp_path / "s", source)
    assert set(states.values()) == {"finished"}
    assert (tally.finished, tally.skipped, tally.failed) == (4, 2, {})
    assert pretraining in heard.of("begin")
    assert not any("mini_topic" in t for t in heard.titles("begin"))


def test_without_budget_nothing_begins_and_everything_is_postponed(name, source, tmp_path):
    plan = tiny_runs.plan(source, *WANTED)
    tally, heard, states = run(name, plan, tmp_path / "s", source, budget_s=0.0)
    assert (tally.finished, tally.postponed) == (0, 6)
    assert heard.of("begin") == []
    assert set(states.values()) == {"missing"}
    assert "6 postponed" in tally.sentence()


def test_what_is_there_already_needs_no_budget(name, source, tmp_path):
    run(name, tiny_runs.plan(source, *WANTED[:1]), tmp_path / "s", source)
    tally, *_ = run(name, tiny_runs.plan(source, *WANTED), tmp_path / "s", source, budget_s=0.0)
    assert (tally.skipped, tally.postponed, tally.finished) == (3, 3, 0)


def test_a_budget_spent_half_way_leaves_whole_runs_and_the_rest_for_later(name, source, tmp_path):
    plan = tiny_runs.plan(source, *WANTED)
    tally, _, states = run(name, plan, tmp_path / "s", source, budget_s=0.05)
    assert tally.finished + tally.postponed == 6
    assert 1 <= tally.finished < 6
    assert set(states.values()) == {"finished", "missing"}
    tally, _, states = run(name, plan, tmp_path / "s", source)
    assert set(states.values()) == {"finished"}
