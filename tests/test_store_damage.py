"""The store given what is damaged, of another version, or made by a stranger."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest
from test_store import do_run, events, image, spec

from replication.errors import StoreError
from replication.store import Store


@pytest.fixture
def path(tmp_path):
    return tmp_path / "store"


def flip(file, at=0):
    content = bytearray(file.read_bytes())
    content[at] ^= 1
    file.write_bytes(content)


def truncate(file):
    os.truncate(file, file.stat().st_size - 1)


def link(file):
    kept = file.parent.parent.parent.parent / "elsewhere"
    file.rename(kept)
    file.symlink_to(kept)


DAMAGES = [
    ("items.parquet", flip),
    ("items.parquet", truncate),
    ("items.parquet", Path.unlink),
    ("items.parquet", link),
    ("checkpoint/weights.bin", flip),
    ("checkpoint", shutil.rmtree),
    ("run.json", flip),
    ("run.json", truncate),
    ("run.json", Path.unlink),
]


@pytest.mark.parametrize(("name", "harm"), DAMAGES)
def test_a_damaged_run_counts_as_not_done_and_is_kept_in_quarantine(path, name, harm):
    digest = spec().digest()
    with Store.open(path) as store:
        do_run(store)
        whole = do_run(store, 1)
    harm(path / "runs" / digest / name)

    harmed = image(path)
    with Store.open(path, write=False) as reader:
        assert reader.run(digest) is None
        assert reader.state(digest) == "missing"
        assert reader.runs() == (whole,)
        assert name in reader.damage()[digest]
    assert image(path) == harmed

    with Store.open(path) as store:
        assert store.runs() == (whole,)
        assert store.state(digest) == "missing"
        assert [p.name for p in (path / "quarantine").iterdir()] == [f"{digest}-0"]
        assert events(path)[-1]["event"] == "quarantined"
    with Store.open(path) as store:
        assert digest in store.damage()
        again = do_run(store)
        assert store.run(digest) == again
        assert store.damage() == {}


def test_a_flipped_bit_shows_only_where_artifacts_are_hashed(path):
    digest = spec().digest()
    with Store.open(path) as store:
        do_run(store)
        flip(path / "runs" / digest / "checkpoint" / "weights.bin", 1234)
        assert store.run(digest, verify=False) is not None
        assert store.run(digest) is None


def test_a_number_changed_in_a_record_is_noticed_without_hashing_artifacts(path):
    with Store.open(path) as store:
        do_run(store)
        file = path / "runs" / spec().digest() / "run.json"
        file.write_text(file.read_text().replace("61.5", "91.5"))
        assert store.runs(verify=False) == ()


@pytest.mark.parametrize("digest", ["../../etc", "", "a" * 63, "A" * 64, "0" * 64 + "\n"])
def test_only_digests_lead_to_folders(path, digest):
    with Store.open(path) as store:
        for ask in (store.folder, store.resume_folder, store.run, store.state):
            with pytest.raises(StoreError, match="64 hex digits"):
                ask(digest)


def test_unknown_schemas_are_refused_by_name_and_nothing_is_quarantined(path):
    with Store.open(path) as store:
        do_run(store)

    def rewrite(file, old, new):
        kept = file.read_bytes()
        file.write_bytes(kept.replace(old.encode(), new.encode()))
        return kept

    for file, kind in ((path / "store.json", "store"), (path / "journal.jsonl", "journal")):
        kept = rewrite(file, f"corroborate/{kind}@1", f"corroborate/{kind}@9")
        for write in (True, False):
            with pytest.raises(StoreError, match=rf"corroborate/{kind}@9'? ; expected"):
                Store.open(path, write=write)
        file.write_bytes(kept)

    # A run of a later schema, in a folder that only its own checksums vouch for.
    folder = path / "runs" / spec().digest()
    rewrite(folder / "run.json", "corroborate/run@1", "corroborate/run@9")
    sums = subprocess.run(
        ["sha256sum", "run.json"], cwd=folder, capture_output=True, text=True, check=True
    ).stdout
    (folder / "SHA256SUMS").write_text(sums)
    (path / "journal.jsonl").unlink()
    with pytest.raises(StoreError, match="corroborate/run@9"):
        Store.open(path)
    assert folder.is_dir()


def test_a_folder_that_is_no_store_is_left_alone(tmp_path):
    (tmp_path / "tmp").mkdir()
    (tmp_path / "tmp" / "thesis.tex").write_text("years of work")
    before = image(tmp_path)
    with pytest.raises(StoreError, match="found a folder with 'tmp'"):
        Store.open(tmp_path)
    with pytest.raises(StoreError, match="expected a run store"):
        Store.open(tmp_path, write=False)
    with pytest.raises(StoreError, match="expected a run store"):
        Store.open(tmp_path / "absent", write=False)
    with pytest.raises(StoreError):
        Store.open(tmp_path / "tmp" / "thesis.tex")
    assert image(tmp_path) == before


def test_a_strangers_store_with_links_removes_nothing_elsewhere(path, tmp_path):
    Store.open(path).close()
    precious = tmp_path / "precious"
    precious.mkdir()
    (precious / "file").write_text("x")
    (path / "tmp").rmdir()
    (path / "tmp").symlink_to(precious)
    with pytest.raises(StoreError, match="'tmp' is a link"):
        Store.open(path)
    (path / "tmp").unlink()
    (path / "lock").unlink()
    (path / "lock").symlink_to(precious / "file")
    with pytest.raises(StoreError):
        Store.open(path)
    assert (precious / "file").read_text() == "x"


def test_runs_are_taken_up_from_their_folders_when_the_journal_is_lost(path):
    with Store.open(path) as store:
        stored = [do_run(store, seed) for seed in range(3)]
    (path / "journal.jsonl").unlink()
    flip(path / "runs" / spec(1).digest() / "items.parquet")
    flip(path / "runs" / spec(2).digest() / "run.json", 40)
    with Store.open(path) as store:
        assert store.runs() == (stored[0],)
        assert sorted(store.damage()) == sorted(spec(seed).digest() for seed in (1, 2))
    taken = [event for event in events(path) if event["event"] == "finished"]
    assert [event["recovered"] for event in taken] == [True]
