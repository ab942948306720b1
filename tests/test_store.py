"""The store: what is finished stays and is whole, what is not is not there, whatever happens."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

from claims.estimand import Condition
from replication.errors import StoreError
from replication.protocol import Base, Evaluation, Protocol, Recipe
from replication.run import DataUse, Environment, Measurement, Plan, Run, RunSpec
from replication.store import Store

RECIPE = Recipe(epochs=1, batch_size=8, learning_rate=1e-4, max_length=64)
WHERE = Environment(
    python="3.11", packages={}, platform="test", device="cpu", threads=1, code="test"
)


def spec(seed=0):
    return RunSpec(
        phase="target",
        condition=Condition(),
        seed=seed,
        tasks=("xnli",),
        parent=None,
        base=Base(checkpoint=None),
        recipes={"xnli": RECIPE},
        data=(DataUse(name="xnli", split="train", languages=("en",), revision="sha256:0"),),
        precision="fp32",
    )


def record(of, status="finished", error=None):
    score = Measurement(
        task="xnli", language="sw", split="validation", metric="accuracy", score=61.5, n=200
    )
    return Run(
        spec_digest=of.digest(),
        spec=of,
        status=status,
        error=error,
        measurements=(score,) if status == "finished" else (),
        environment=WHERE,
        started="2024-01-01T00:00:00Z",
        seconds=1.5,
    )


def plan(name="test"):
    protocol = Protocol(
        schema="corroborate/protocol@1",
        name=name,
        summary="A test.",
        base=Base(checkpoint=None),
        intermediate_tasks=(),
        intermediate=RECIPE,
        targets={},
        evaluation=Evaluation(splits={}),
        seeds=1,
    )
    return Plan(protocol=protocol, data="none", needs=(), specs=(spec(),), claims_digest="0" * 64)


def do_run(store, seed=0):
    of = spec(seed)
    folder = store.begin(of)
    (folder / "checkpoint").mkdir()
    (folder / "checkpoint" / "weights.bin").write_bytes(bytes([seed % 256]) * 3000)
    (folder / "items.parquet").write_bytes(f"items {seed}".encode())
    return store.finish(record(of), folder)


def image(path):
    """Every file below a folder with its bytes and time of change."""
    return {
        str(p.relative_to(path)): (p.read_bytes() if p.is_file() else None, p.lstat().st_mtime_ns)
        for p in sorted(path.rglob("*"))
    }


def events(path):
    return [json.loads(line) for line in (path / "journal.jsonl").read_text().splitlines()]


@pytest.fixture
def path(tmp_path):
    return tmp_path / "a'; echo store"


def test_a_finished_run_is_read_back_with_its_artifacts_and_their_digests(path):
    with Store.open(path) as store:
        assert store.state(spec().digest()) == "missing"
        stored = do_run(store)
        assert sorted(stored.artifacts) == ["checkpoint/weights.bin", "items.parquet"]
    with Store.open(path, write=False) as again:
        digest = spec().digest()
        assert again.state(digest) == "finished"
        assert again.run(digest) == again.run(digest, verify=False) == stored
        assert again.runs() == (stored,)
        assert (again.folder(digest) / "items.parquet").read_bytes() == b"items 0"
        assert again.run("0" * 64) is None


def test_checksums_of_a_run_can_be_checked_without_us(path):
    with Store.open(path) as store:
        do_run(store)
        folder = store.folder(spec().digest())
    check = subprocess.run(
        ["sha256sum", "--check", "--strict", "SHA256SUMS"],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    assert check.returncode == 0, check.stderr
    assert check.stdout.count(": OK") == 4


def test_runs_are_sorted_and_show_the_latest_state(path):
    with Store.open(path) as store:
        for seed in (1, 2, 3, 4):
            of = spec(seed)
            store.fail(record(of, "failed", "loss was NaN"), store.begin(of))
        do_run(store, 2)
        store.begin(spec(3))
        states = {seed: store.state(spec(seed).digest()) for seed in (1, 2, 3, 4)}
        assert states == {1: "failed", 2: "finished", 3: "started", 4: "failed"}
        digests = [run.spec_digest for run in store.runs()]
        assert digests == sorted(spec(seed).digest() for seed in (1, 2, 4))
        shown = {run.spec_digest: run for run in store.runs()}
        assert shown[spec(1).digest()].error == "loss was NaN"
        before = store.runs()
    with Store.open(path) as again:
        assert again.runs() == before
        assert {seed: again.state(spec(seed).digest()) for seed in states} == states
        assert not list((path / "tmp").iterdir())


def test_order_in_the_journal_decides_and_not_the_clock(path):
    with Store.open(path) as store:
        of = spec()
        store.fail(record(of, "failed", "no memory"), store.begin(of))
        do_run(store)
    times = [event["time"] for event in events(path)]
    assert times == sorted(times)  # so a reader that sorts by time would pass without the next line
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("replication.journal.datetime", Backwards)
        with Store.open(path) as store:
            do_run(store, 5)
    assert events(path)[-1]["time"] < times[0]
    with Store.open(path, write=False) as store:
        assert store.state(spec(5).digest()) == "finished"


class Backwards:
    """A clock that has jumped to long ago."""

    @staticmethod
    def now(zone):
        from datetime import datetime

        return datetime(1999, 1, 1, tzinfo=zone)


def test_the_latest_plan_is_read_back_and_a_changed_file_is_refused(path):
    with Store.open(path) as store:
        assert store.latest_plan() is None
        for one in (plan("first"), plan("second"), plan("second"), plan("first")):
            assert store.add_plan(one) == one.digest()
            assert store.latest_plan() == one
    assert [event["event"] for event in events(path)] == ["plan"] * 3
    with Store.open(path, write=False) as store:
        assert store.latest_plan() == plan("first")
        file = path / "plans" / f"{plan('first').digest()}.json"
        file.write_text(file.read_text().replace("A test.", "A text."))
        with pytest.raises(StoreError, match="missing or changed"):
            store.latest_plan()
        file.unlink()
        with pytest.raises(StoreError, match="missing or changed"):
            store.latest_plan()


def test_a_second_writer_is_refused_with_the_holder_and_a_reader_is_not(path):
    with Store.open(path) as store:
        do_run(store)
        with pytest.raises(StoreError, match=rf"process {os.getpid()} on .*Wait for it to end"):
            Store.open(path)
        other = "from pathlib import Path\nfrom replication.store import Store\nimport sys\n"
        other += "print(len(Store.open(Path(sys.argv[1]), write=sys.argv[2] == 'w').runs()))"
        for mode, expected in (("r", "1\n"), ("w", "")):
            done = subprocess.run(
                [sys.executable, "-c", other, str(path), mode],
                capture_output=True,
                text=True,
                check=False,
            )
            assert done.stdout == expected
        assert "being written by process" in done.stderr
    Store.open(path).close()


def test_a_store_that_nobody_closed_can_be_opened_again(path):
    store = Store.open(path)
    del store
    Store.open(path).close()


def test_reading_changes_nothing_and_needs_no_permission_to_write(path):
    with Store.open(path) as store:
        store.add_plan(plan())
        do_run(store)
        store.begin(spec(1))
        store.resume_folder(spec(1).digest())
    with (path / "journal.jsonl").open("ab") as journal:
        journal.write(b'{"schema":"corrobo')
    before = image(path)
    with Store.open(path, write=False) as store:
        assert len(store.runs()) == 1
        store.latest_plan()
        store.resume_folder(spec(7).digest())
        for act in (
            lambda: store.begin(spec(2)),
            lambda: store.add_plan(plan("other")),
            lambda: store.fail(record(spec(1), "failed", "x"), path / "tmp" / spec(1).digest()),
        ):
            with pytest.raises(StoreError, match="write=True"):
                act()
    assert image(path) == before


def test_a_moved_store_is_the_same_store(path, tmp_path):
    with Store.open(path) as store:
        store.add_plan(plan())
        stored = do_run(store)
    moved = tmp_path / "elsewhere" / "store"
    moved.parent.mkdir()
    path.rename(moved)
    with Store.open(moved) as store:
        assert store.runs() == (stored,)
        assert store.latest_plan() == plan()
        do_run(store, 1)


def test_a_finished_run_is_never_replaced(path):
    with Store.open(path) as store:
        do_run(store)
        with pytest.raises(StoreError, match="finished"):
            store.begin(spec())


def test_run_and_folder_that_do_not_belong_together_are_refused(path):
    with Store.open(path) as store:
        folder = store.begin(spec(0))
        wrong = [
            (record(spec(1)), folder, "the folder"),
            (record(spec(0), "failed", "x"), folder, "status failed"),
            (
                record(spec(0)).model_copy(update={"artifacts": {"a": "0" * 64}}),
                folder,
                "artifacts",
            ),
            (record(spec(0)).model_copy(update={"spec_digest": "0" * 64}), folder, "spec digest"),
            (record(spec(1)), path / "tmp" / spec(1).digest(), "no such folder"),
        ]
        for run, place, message in wrong:
            with pytest.raises(StoreError, match=message):
                store.finish(run, place)
        store.finish(record(spec(0)), folder)


@pytest.mark.parametrize("name", ["run.json", "spec.json", "SHA256SUMS", "a\nb", "link", "pipe"])
def test_what_is_no_plain_artifact_is_refused_and_can_be_mended(path, name):
    with Store.open(path) as store:
        folder = store.begin(spec())
        if name == "link":
            (folder / name).symlink_to("/etc/hostname")
        elif name == "pipe":
            os.mkfifo(folder / name)
        else:
            (folder / name).write_text("x")
        with pytest.raises(StoreError, match="expected plain files"):
            store.finish(record(spec()), folder)
        (folder / name).unlink()
        store.finish(record(spec()), folder)


def test_a_resume_folder_outlives_crashes_and_failures_and_goes_when_the_run_finishes(path):
    digest = spec().digest()
    with Store.open(path) as store:
        folder = store.begin(spec())
        (store.resume_folder(digest) / "step-7").write_text("state")
        store.fail(record(spec(), "failed", "no memory"), folder)
        store.begin(spec())
    with Store.open(path) as store:
        assert (store.resume_folder(digest) / "step-7").read_text() == "state"
        do_run(store)
        assert not list((path / "resume").iterdir())


def test_the_store_is_light():
    code = "import sys, replication.store; print({'torch', 'transformers', 'datasets', 'ray'}"
    code += " & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "set()\n"
