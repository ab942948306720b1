"""`corroborate gc`: what nobody needs goes, what anybody needs stays, and can be made again."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

import pytest
import tiny_runs
from hypothesis import given
from hypothesis import strategies as st
from test_looks import look
from test_store import events, image, plan, record, spec

from corroborate import main
from replication.artifacts import CHECKPOINT
from replication.data import FolderSource
from replication.engines.engine import engine
from replication.errors import StoreError
from replication.gc import collect_garbage
from replication.looks import append_looks
from replication.miniature.generate import write_miniature
from replication.protocol import MaskedMixing
from replication.remaining import remaining, weights_read
from replication.run import ClaimNeeds, DataUse
from replication.store import Store


def chain(*, mixed=False):
    """Pretraining, intermediate, target, evaluation: each starts from the one before."""
    text = DataUse(name="mini_text", split="text", languages=("en",), revision="sha256:0")
    root = spec(0).model_copy(update={"phase": "pretraining", "condition": None, "tasks": ()})
    middle = spec(1).model_copy(update={"phase": "intermediate", "parent": root.digest()})
    if mixed:
        mixing = MaskedMixing(
            corpus=("mini_text",),
            sentences_per_language=1,
            step_share=0.5,
            recipe=spec().recipes["xnli"],
        )
        middle = middle.model_copy(update={"masked_mixing": mixing, "data": (text,)})
    target = spec(1).model_copy(update={"parent": middle.digest()})
    asked = target.model_copy(update={"phase": "evaluation", "parent": target.digest()})
    return (root, middle, target, asked)


def planned(specs, **protocol):
    made = plan()
    return made.model_copy(
        update={"specs": tuple(specs), "protocol": made.protocol.model_copy(update=protocol)}
    )


def do(store, one, weights=None):
    folder = store.begin(one)
    if one.phase != "evaluation":
        (folder / CHECKPOINT).write_bytes(weights or one.digest().encode() * 50)
        (folder / "config.json").write_text("{}")
        (folder / "tokenizer.json").write_text("{}")
    else:
        (folder / "items.parquet").write_bytes(b"items")
        (folder / "predictions.jsonl").write_bytes(b"{}")
    return store.finish(record(one), folder)


def weights(path, one):
    return path / "runs" / one.digest() / CHECKPOINT


@pytest.fixture
def path(tmp_path):
    return tmp_path / "it's a store"


@pytest.fixture
def done(path):
    """A store in which a chain is finished but for nothing."""
    specs = chain()
    with Store.open(path) as store:
        store.add_plan(planned(specs))
        runs = [do(store, one) for one in specs]
    return path, specs, runs


def test_checkpoints_of_a_finished_plan_go_and_all_else_stays(done):
    path, specs, runs = done
    before = image(path)
    found = collect_garbage(path)
    assert [g.kind for g in found] == ["checkpoint"] * 3
    assert sum(g.size for g in found) == 3 * 3200
    gone = {g.path for g in found}
    kept = {k: v for k, v in before.items() if k not in gone and not k.startswith(("j", "l"))}
    after = image(path)
    folders = {k: v[0] for k, v in after.items()}
    assert {k: folders[k] for k in kept} == {k: v[0] for k, v in kept.items()}
    assert gone.isdisjoint(after)
    with Store.open(path) as store:
        assert [store.state(s.digest()) for s in specs] == ["finished"] * 4
        assert store.runs() == tuple(sorted(runs, key=lambda r: r.spec_digest))
        assert store.damage() == {}
        assert remaining(planned(specs), store).make == frozenset()
    assert collect_garbage(path) == ()


def test_a_collected_parent_is_not_there_for_those_who_start_from_it(done):
    path, specs, runs = done
    collect_garbage(path)
    with Store.open(path, write=False) as store:
        for one, run in zip(specs[:3], runs, strict=False):
            assert store.run(one.digest()) is None
            assert store.run(one.digest(), verify=False) == run
            assert store.collected(one.digest()) == (CHECKPOINT,)
        assert store.run(specs[3].digest()) == runs[3]


@pytest.mark.parametrize("last", [0, 1, 2, 3])
def test_what_a_run_still_to_be_made_starts_from_stays(path, last):
    specs = chain()
    with Store.open(path) as store:
        store.add_plan(planned(specs))
        for one in specs[:last]:
            do(store, one)
        if last:
            store.begin(specs[last])
    collect_garbage(path)
    there = [weights(path, one).exists() for one in specs[:last]]
    assert there == [False] * (last - 1) + [True] * (last > 0)


def test_masked_mixing_keeps_the_base_whose_head_it_trains(path):
    specs = chain(mixed=True)
    known = {s.digest(): s for s in specs}
    assert weights_read(specs[1], known) == {specs[0].digest()}
    below = specs[2].model_copy(
        update={"masked_mixing": specs[1].masked_mixing, "parent": specs[1].digest()}
    )
    assert weights_read(below, known) == {specs[0].digest(), specs[1].digest()}


def test_runs_outside_the_latest_plan_lose_their_checkpoints_and_without_a_plan_none(path):
    specs = chain()
    with Store.open(path) as store:
        for one in specs[:3]:
            do(store, one)
    assert collect_garbage(path) == ()
    with Store.open(path) as store:
        store.add_plan(planned((spec(7),)))
    assert [g.kind for g in collect_garbage(path)] == ["checkpoint"] * 3


@pytest.mark.parametrize(
    ("looked", "base_stays"),
    [
        (None, True),
        ({"verdict": "inconclusive", "seeds": 3}, True),
        ({"verdict": "inconclusive", "seeds": 5}, False),
        ({"verdict": "reproduced", "seeds": 3}, False),
        ({"verdict": "reproduced", "seeds": 3, "plan": "e" * 64}, True),
    ],
)
def test_the_base_stays_while_a_planned_look_may_add_seeds_to_a_claim(done, looked, base_stays):
    path, specs, _ = done
    need = ClaimNeeds(claim="gain", criterion="0" * 64, runs=())
    later = planned(specs, seeds=3, looks=(3, 5)).model_copy(update={"needs": (need,)})
    with Store.open(path) as store:
        store.add_plan(later)
    if looked:
        append_looks(path, [look(**{"plan": later.digest(), **looked})])
    collect_garbage(path)
    assert weights(path, specs[0]).exists() == base_stays
    assert not weights(path, specs[1]).exists()


def test_a_dry_run_lists_the_same_and_removes_nothing(done):
    path, *_ = done
    (path / "tmp" / "left").mkdir()
    (path / "tmp" / "left" / "x").write_bytes(b"12345")
    (path / "plans" / "a.json.partial").write_bytes(b"123")
    before = {k: v[0] for k, v in image(path).items() if k != "lock"}
    listed = collect_garbage(path, dry_run=True)
    assert {k: v[0] for k, v in image(path).items() if k != "lock"} == before
    assert sorted((g.kind, g.size) for g in listed if g.kind != "checkpoint") == [
        ("temporary", 3),
        ("temporary", 5),
    ]
    assert collect_garbage(path) == listed


def test_states_of_finished_runs_and_torn_states_go_others_stay(path):
    first, second = spec(1), spec(2)
    with Store.open(path) as store:
        for one in (first, second):
            folder = store.begin(one)
            (store.resume_folder(one.digest()) / "training.safetensors").write_bytes(b"state")
        (store.resume_folder(second.digest()) / "training.partial").write_bytes(b"sta")
        store.finish(record(first), store.path / "tmp" / first.digest())
        assert folder.is_dir()
    (path / "resume" / first.digest()).mkdir()
    (path / "resume" / first.digest() / "training.safetensors").write_bytes(b"state")
    found = [(g.kind, g.path) for g in collect_garbage(path)]
    assert ("resume", f"resume/{first.digest()}") in found
    assert ("temporary", f"resume/{second.digest()}/training.partial") in found
    assert [p.name for p in (path / "resume").rglob("*")] == [
        second.digest(),
        "training.safetensors",
    ]


def test_quarantine_goes_only_when_asked(done):
    path, specs, _ = done
    items = path / "runs" / specs[3].digest() / "items.parquet"
    items.write_bytes(b"other")
    with Store.open(path) as store:
        store.runs()
    assert {g.kind for g in collect_garbage(path)} == {"checkpoint"}
    assert list((path / "quarantine").iterdir())
    assert [g.kind for g in collect_garbage(path, quarantine=True)] == ["quarantine"]
    assert not list((path / "quarantine").iterdir())
    with Store.open(path, write=False) as store:
        assert "items.parquet" in store.damage()[specs[3].digest()]


def test_a_store_being_written_is_left_alone(done):
    path, *_ = done
    with Store.open(path):
        for dry in (True, False):
            with pytest.raises(StoreError, match="being written by process"):
                collect_garbage(path, dry_run=dry)


def test_a_collected_checkpoint_made_again_with_the_same_bytes_makes_the_run_whole(done):
    path, specs, runs = done
    collect_garbage(path)
    with Store.open(path) as store:
        assert do(store, specs[1]) == runs[1]
        assert store.run(specs[1].digest()) == runs[1]
        assert store.collected(specs[1].digest()) == ()
        with pytest.raises(StoreError, match="found it finished"):
            store.begin(specs[1])
    names = [e["event"] for e in events(path) if e["subject"] == specs[1].digest()]
    assert names == ["started", "finished", "collected", "started", "restored"]
    assert not list((path / "tmp").iterdir())
    with Store.open(path) as store:
        assert store.run(specs[1].digest()) == runs[1]
    assert [g.title for g in collect_garbage(path)] == [specs[1].title()]


def test_a_checkpoint_that_comes_out_differently_is_reported_and_changes_nothing(done):
    path, specs, runs = done
    collect_garbage(path)
    with Store.open(path) as store:
        again = do(store, specs[1], b"other bytes")
        assert again.status == "failed"
        assert "found other bytes in model.safetensors" in again.error
        assert "on the machine that it was first made on (cpu, test)" in again.error
        assert store.state(specs[1].digest()) == "finished"
        assert store.run(specs[1].digest(), verify=False) == runs[1]
        assert store.collected(specs[1].digest()) == (CHECKPOINT,)
    assert events(path)[-1]["event"] == "failed"


def test_a_remake_that_dies_leaves_the_run_finished_and_its_state_to_go_on_from(done):
    path, specs, runs = done
    collect_garbage(path)
    with Store.open(path) as store:
        store.begin(specs[1])
        (store.resume_folder(specs[1].digest()) / "state").write_text("half")
    with Store.open(path) as store:
        assert store.run(specs[1].digest(), verify=False) == runs[1]
        assert (store.resume_folder(specs[1].digest()) / "state").read_text() == "half"
        assert do(store, specs[1]) == runs[1]
    assert not list((path / "resume").iterdir())


def test_a_damaged_run_is_noticed_though_its_checkpoint_was_collected(done):
    path, specs, _ = done
    collect_garbage(path)
    (path / "runs" / specs[1].digest() / "config.json").write_text("[]")
    with Store.open(path) as store:
        assert store.run(specs[1].digest(), verify=False) is not None  # same size
        store.runs()
        assert store.state(specs[1].digest()) == "missing"
        made = do(store, specs[1], b"anything")
        assert store.run(specs[1].digest()) == made


def test_a_collected_run_is_taken_up_from_its_folder_when_the_journal_is_lost(done):
    path, specs, runs = done
    collect_garbage(path)
    (path / "journal.jsonl").unlink()
    with Store.open(path) as store:
        assert store.runs() == tuple(sorted(runs, key=lambda r: r.spec_digest))
        assert store.damage() == {}
        assert store.collected(specs[0].digest()) == (CHECKPOINT,)
        assert do(store, specs[0]) == runs[0]
        assert store.run(specs[0].digest()) == runs[0]


def test_evaluations_and_unknown_runs_cannot_be_collected(done):
    path, specs, _ = done
    with Store.open(path) as store:
        for digest in (specs[3].digest(), "0" * 64):
            with pytest.raises(StoreError, match="no checkpoint that could be made again"):
                store.collect(digest)


@given(st.lists(st.integers(0, 7), max_size=8), st.integers(0, 3))
def test_after_any_history_every_run_left_to_make_finds_its_parent(history, more):
    """Law: what starts from a run finds it whole, or that run is to be made first."""
    specs = chain()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "store"
        for step in (*history, more):
            if step < 4:
                with Store.open(path) as store:
                    store.add_plan(planned(specs[: step + 1]))
                    left = remaining(planned(specs[: step + 1]), store)
                    for one in specs[: step + 1]:
                        if one.digest() in left.make:
                            assert one.parent is None or store.run(one.parent) is not None
                            assert do(store, one).status == "finished"
                    assert store.state(specs[step].digest()) == "finished"
            elif path.exists():
                collect_garbage(path)
        with Store.open(path, write=False) as store:
            finished = [e for e in store._journal.events if e.event == "finished"]
            assert len({e.subject for e in finished}) == len(finished)


def test_the_command_says_what_goes_and_how_much(done, capsys):
    path, *_ = done
    assert main(["gc", "--store", str(path), "--dry-run", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["schema"] == "corroborate/gc@1"
    assert (told["removed"], told["bytes"], len(told["garbage"])) == (False, 9600, 3)
    assert main(["gc", "--store", str(path)]) == 0
    said = capsys.readouterr().out
    assert "3 checkpoints" in said
    assert "9.6 kB" in said
    assert main(["gc", "--store", str(path), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["garbage"] == []
    assert main(["gc", "--store", str(path / "absent")]) == 2
    assert "expected a run store" in capsys.readouterr().err


@pytest.mark.slow
def test_a_real_checkpoint_is_made_again_bit_for_bit_when_a_later_plan_needs_it(tmp_path):
    source = FolderSource(write_miniature(tmp_path / "data"), "miniature")
    small = tiny_runs.plan(source, (tiny_runs.NONE, "mini_topic"))
    large = tiny_runs.plan(source, (tiny_runs.NONE, "mini_topic"), (tiny_runs.NONE, "mini_tags"))
    path = tmp_path / "store"

    class Silent:
        begin = end = skip = lambda *_: None

    def run(wanted):
        with Store.open(path) as store:
            store.add_plan(wanted)
            return engine("inline").run(wanted, store, source, progress=Silent(), budget_s=None)

    run(small)
    garbage = collect_garbage(path)
    assert [g.kind for g in garbage] == ["checkpoint"] * 2 + ["tokens"]
    tally = run(large)
    assert (tally.finished, tally.failed) == (3, {})
    restored = [e for e in events(path) if e["event"] == "restored"]
    assert [e["subject"] for e in restored] == [small.specs[0].digest()]


def test_the_name_of_a_checkpoint_is_the_models():
    from replication.model import WEIGHTS

    assert WEIGHTS == CHECKPOINT
