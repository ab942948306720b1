"""A depot: files through a URL, what is refused, and orders that are executed without the store."""

from __future__ import annotations

import fcntl
import json
import os
import tempfile
import time
from importlib.util import find_spec
from pathlib import Path

import pytest
import tiny_runs
from engines_under_test import execute, results
from pydantic import ValidationError

from replication.data import FolderSource
from replication.engines.courier import Courier
from replication.engines.depot import (
    CHECKPOINTS,
    Depot,
    Kept,
    depot_for,
    keep,
    kept,
)
from replication.engines.ray_node import PLACES, Delivered, Parcel, executed_afar
from replication.errors import DamageError, DepotError, ReplicationError
from replication.miniature.generate import write_miniature
from replication.orders import describe, order_for, settle
from replication.store import Store
from replication.worker import execute as execute_order

OUTSIDE = (
    "run.json",
    "../out",
    "/out",
    "a/../../out",
    "a//b",
    "",
    ".",
    "a\\b",
    "a\nb",
    "~/x",
    "ü",
    "a" * 201,
)
RUN = "0" * 64


@pytest.fixture
def depot(tmp_path):
    return Depot(f"file://{tmp_path}/depot")


@pytest.fixture
def folder(tmp_path):
    """A folder with two files, one of them in a folder of its own."""
    folder = tmp_path / "from"
    (folder / "in").mkdir(parents=True)
    (folder / "a.txt").write_text("first")
    (folder / "in" / "b.bin").write_bytes(b"\0" * 100)
    return folder


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    return FolderSource(write_miniature(tmp_path_factory.mktemp("data")), "miniature")


def files(folder):
    return {
        p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*") if p.is_file()
    }


def fresh(folder):
    folder.mkdir()
    return folder


def test_a_folder_comes_back_as_it_was(depot, folder, tmp_path):
    manifest = depot.put_folder(folder, "out/x")
    depot.fetch_folder(manifest, "out/x", fresh(tmp_path / "to"))
    assert files(tmp_path / "to") == files(folder)


def shorter(path):
    path.write_bytes(path.read_bytes()[:-1])


def longer(path):
    path.write_bytes(path.read_bytes() + b"x")


def other(path):
    path.write_bytes(b"x" * path.stat().st_size)


def absent(path):
    path.unlink()


def device(path):
    path.unlink()
    path.symlink_to("/dev/zero")


def pipe(path):
    path.unlink()
    os.mkfifo(path)


@pytest.mark.parametrize("harm", [shorter, longer, other, absent, device, pipe])
def test_what_is_not_what_was_announced_is_refused_and_leaves_nothing(
    harm, depot, folder, tmp_path
):
    manifest = depot.put_folder(folder, "out/x")
    harm(tmp_path / "depot" / "out" / "x" / manifest["in/b.bin"][0])
    with pytest.raises(DamageError, match=r"out/x/[0-9a-f]{64}': found .* ; expected what was put"):
        depot.fetch_folder(manifest, "out/x", fresh(tmp_path / "to"))
    assert files(tmp_path / "to") == {}


def test_of_a_file_that_is_too_large_no_more_is_read_than_was_announced(depot, folder, tmp_path):
    manifest = depot.put_folder(folder, "out/x")
    os.truncate(tmp_path / "depot" / "out" / "x" / manifest["in/b.bin"][0], 2**40)  # sparse
    with pytest.raises(DamageError, match="found more than 100 bytes"):
        depot.fetch_folder(manifest, "out/x", fresh(tmp_path / "to"))
    assert files(tmp_path / "to") == {}


def test_nothing_that_is_there_is_written_over(depot, folder, tmp_path):
    manifest = depot.put_folder(folder, "out/x")
    victim = tmp_path / "victim"
    victim.write_text("mine")
    (fresh(tmp_path / "to") / "a.txt").symlink_to(victim)
    with pytest.raises(FileExistsError):
        depot.fetch_folder(manifest, "out/x", tmp_path / "to")
    assert victim.read_text() == "mine"


@pytest.mark.parametrize("name", OUTSIDE)
def test_names_that_could_leave_a_folder_are_no_manifest(name, depot, folder, tmp_path):
    """As a state that somebody has put there, and as a node's answer."""
    manifest = depot.put_folder(folder, f"resume/{RUN}/1")
    hostile = {"count": 7, "files": {name: manifest["a.txt"]}}
    depot.write(f"resume/{RUN}/1.json", json.dumps(hostile))
    place = fresh(fresh(tmp_path / "deep") / "to")
    before = files(tmp_path)
    assert kept(depot, RUN, place) == 0
    assert files(tmp_path) == before
    with pytest.raises(ValidationError, match="could leave the folder"):
        Delivered.model_validate_json(json.dumps({"files": hostile["files"]}))


def test_a_name_is_not_both_file_and_folder():
    entry = ("0" * 64, 1)
    with pytest.raises(ValidationError, match="both a file and a folder"):
        Delivered(files={"a": entry, "a/b": entry})


def test_a_manifest_is_bounded(depot):
    with pytest.raises(ValidationError, match="at most 10000"):
        Delivered(files={str(n): ("0" * 64, 1) for n in range(10_001)})
    depot.write("large", "x" * (5 * 2**20))
    with pytest.raises(DamageError, match="more than 4194304 bytes"):
        depot.read("large")


def test_the_newest_whole_state_is_taken_up(depot, folder, tmp_path):
    assert kept(depot, RUN, fresh(tmp_path / "none")) == 0
    texts = ["one", "two", "three"]
    for count, text in enumerate(texts, 1):
        (folder / "a.txt").write_text(text)
        keep(depot, RUN, folder, count)
        place = fresh(tmp_path / text)
        assert kept(depot, RUN, place) == count
        assert files(place) == files(folder)
    manifest = tmp_path / "depot" / "resume" / RUN / "1.json"
    manifest.write_bytes(manifest.read_bytes()[:50])  # as from a node that died while it wrote
    assert kept(depot, RUN, fresh(tmp_path / "torn")) == 2
    assert (tmp_path / "torn" / "a.txt").read_text() == "two"
    state = Kept.model_validate_json((tmp_path / "depot" / "resume" / RUN / "0.json").read_text())
    other(tmp_path / "depot" / "resume" / RUN / "0" / state.files["in/b.bin"][0])
    assert kept(depot, RUN, fresh(tmp_path / "both")) == 0
    assert files(tmp_path / "both") == {}


@pytest.mark.parametrize(
    ("url", "found"),
    [
        ("memory://x", "memory, which no two processes share"),
        ("/shared/x", "no such URL"),
        ("file://x/y", "no such URL"),
        ("file://", "no such URL"),
        ("simplecache::file:///x", "no such URL"),
        ("nosuch://x", "Protocol not known"),
        ("nosuch://me:secret@host/x", "Protocol not known"),
        pytest.param(
            "s3://bucket/x",
            "Install s3fs",
            marks=pytest.mark.skipif(find_spec("s3fs") is not None, reason="s3fs is installed"),
        ),
    ],
)
def test_a_url_that_cannot_be_used_is_refused(url, found, tmp_path, monkeypatch):
    monkeypatch.setenv(CHECKPOINTS, url)
    with pytest.raises(DepotError, match=r"checkpoints '.*found .* ; expected") as caught:
        depot_for(tmp_path)
    assert isinstance(caught.value, ReplicationError)
    assert found in str(caught.value)
    assert CHECKPOINTS in str(caught.value)
    assert "secret" not in str(caught.value)


def test_a_depot_that_cannot_be_written_says_so():
    with pytest.raises(DepotError, match=r"cannot write 'x/y'.*what may be done there"):
        Depot("file:///proc/nowhere").write("x/y", "text")


def test_each_store_has_a_depot_of_its_own(tmp_path, monkeypatch):
    monkeypatch.delenv(CHECKPOINTS, raising=False)
    assert depot_for(tmp_path / "a") is None
    monkeypatch.setenv(CHECKPOINTS, f"file://{tmp_path}/")
    urls = {depot_for(tmp_path / name).url for name in ("a", "b", "a")}
    assert len(urls) == 2
    assert all(u.startswith(f"file://{tmp_path}/") for u in urls)


@pytest.fixture
def places(tmp_path, monkeypatch):
    """Where a node makes its folders."""
    monkeypatch.setattr(tempfile, "tempdir", str(fresh(tmp_path / "places")))
    return tmp_path / "places"


def one_plan(source):
    return tiny_runs.plan(source, (tiny_runs.NONE, "mini_topic"))


def hide(store):
    """Make the store unreadable by its paths while a node is at work, and return how to end that."""
    away = store.path.with_name("away")
    store.path.rename(away)
    return lambda: away.rename(store.path)


def test_orders_are_executed_without_the_store_and_settled_as_ever(source, depot, places, tmp_path):
    execute("inline", one_plan(source), tmp_path / "inline", source)
    with Store.open(tmp_path / "s") as store:
        courier = Courier(depot, store)
        for spec in one_plan(source).specs:
            order = order_for(spec, store, describe(source)).model_copy(update={"threads": 1})
            text = courier.packed(order)
            back = hide(store)
            answer = executed_afar(text)
            back()
            settle(courier.unpacked(answer, order).run, store)
            assert list(places.glob(f"{PLACES}*")) == []
        courier.close(hurried=False)
    assert results(tmp_path / "s") == results(tmp_path / "inline")
    assert not (tmp_path / "depot").exists()


def test_each_object_is_put_there_once(source, depot, tmp_path):
    execute("inline", one_plan(source), tmp_path / "s", source)
    with Store.open(tmp_path / "s") as store:
        child = next(s for s in one_plan(source).specs if s.parent)
        order = order_for(child.model_copy(update={"seed": 99}), store, describe(source))
        courier = Courier(depot, store)
        parcel = Parcel.model_validate_json(courier.packed(order))
        assert parcel.parent
        assert parcel.root is None  # it is the parent
        whole = store.run(child.parent).artifacts
        assert {n: e[0] for n, e in parcel.parent.items()} == dict(whole)
        objects = tmp_path / "depot" / "objects" / "0"
        stamps = {p.name: p.stat().st_mtime_ns for p in objects.iterdir()}
        assert sorted(stamps) == sorted(set(whole.values()))
        courier.packed(order)
        assert stamps == {p.name: p.stat().st_mtime_ns for p in objects.iterdir()}


def test_a_tampered_checkpoint_is_refused_and_put_there_anew(source, depot, places, tmp_path):
    specs = one_plan(source).specs
    with Store.open(tmp_path / "s") as store:
        root = order_for(specs[0], store, describe(source))
        settle(execute_order(root).run, store)
        courier = Courier(depot, store)
        order = order_for(specs[1], store, describe(source))
        text = courier.packed(order)
        for path in (tmp_path / "depot" / "objects" / "0").iterdir():
            other(path)
        answer = executed_afar(text)
        assert list(places.glob(f"{PLACES}*")) == []
        with pytest.raises(DepotError, match=r"on its node: .*found other bytes"):
            courier.unpacked(answer, order)
        again = courier.unpacked(executed_afar(courier.packed(order)), order)
        assert again.ended == "finished"


def test_a_result_that_is_tampered_with_does_not_reach_the_store(source, depot, places, tmp_path):
    with Store.open(tmp_path / "s") as store:
        courier = Courier(depot, store)
        order = order_for(one_plan(source).specs[0], store, describe(source))
        answer = executed_afar(courier.packed(order))
        first = next(p for p in sorted((tmp_path / "depot" / "out").rglob("*")) if p.is_file())
        other(first)
        with pytest.raises(DamageError, match="found other bytes"):
            courier.unpacked(answer, order)
        assert files(Path(order.folder)) == {}
        told = json.loads(answer)
        told["files"]["../../escaped"] = next(iter(told["files"].values()))
        with pytest.raises(DamageError, match="could leave the folder"):
            courier.unpacked(json.dumps(told), order)
        assert not list(tmp_path.rglob("escaped"))


def test_a_state_goes_to_the_depot_and_comes_home(source, depot, tmp_path):
    with Store.open(tmp_path / "s") as store:
        order = order_for(one_plan(source).specs[0], store, describe(source))
        Path(order.resume, "training.safetensors").write_text("state")
        courier = Courier(depot, store)
        courier.packed(order)
        assert files(tmp_path / "s" / "resume") == {}
        courier.close(hurried=True)
        assert files(tmp_path / "s" / "resume") == {}  # left there, since it was to end at once
        courier = Courier(depot, store)
        courier.packed(order)
        courier.close(hurried=False)
        assert files(Path(order.resume)) == {"training.safetensors": b"state"}
    assert not (tmp_path / "depot").exists()


def test_folders_that_killed_nodes_left_are_removed_and_no_others(source, depot, places, tmp_path):
    dead, young, alive = (fresh(places / f"{PLACES}{n}") for n in ("dead", "young", "alive"))
    (dead / "checkpoint").write_text("large")
    for path in (dead, alive):
        os.utime(path, (time.time() - 3600,) * 2)
    held = os.open(alive, os.O_RDONLY)
    fcntl.flock(held, fcntl.LOCK_EX)
    with Store.open(tmp_path / "s") as store:
        order = order_for(one_plan(source).specs[0], store, describe(source))
        executed_afar(Courier(depot, store).packed(order))
    os.close(held)
    assert sorted(places.glob(f"{PLACES}*")) == sorted([young, alive])
