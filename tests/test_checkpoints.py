"""Base checkpoints from the hub and from folders: which bytes they are, and that no others are used."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
import tiny_models as tiny
import torch
from huggingface_hub import constants
from safetensors.torch import load_file, save_file

from replication.checkpoints import checkpoint_folder, revision_of
from replication.errors import DataError, ReplicationError
from replication.hub import listing
from replication.model import hub_encoder, save
from replication.protocol import Base
from replication.tokenizer import load_tokenizer

NAME = "someone/tiny-encoder"


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A checkpoint of our own: config, safetensors weights and tokenizer."""
    folder = tmp_path_factory.mktemp("made")
    save(tiny.model(), folder)
    tiny.tokenizer().save_pretrained(folder)
    return folder


@pytest.fixture
def folder(made, tmp_path):
    return shutil.copytree(made, tmp_path / "own")


def content(folder):
    return {p.name: p.read_bytes() for p in folder.iterdir()}


def other_weights(folder):
    state = load_file(folder / "model.safetensors")
    save_file({n: t + 1 for n, t in state.items()}, folder / "model.safetensors")
    return folder


def same(encoder, folder) -> bool:
    expected = load_file(folder / "model.safetensors")
    return all(
        torch.equal(tensor, expected[f"encoder.{name}"])
        for name, tensor in encoder.state_dict().items()
        if f"encoder.{name}" in expected
    )


def publish(loopback, folder, **more):
    """Put a checkpoint on the hub under the names that transformers gives an encoder's weights."""
    files = content(folder)
    state = {
        n.removeprefix("encoder."): t for n, t in load_file(folder / "model.safetensors").items()
    }
    save_file(state, folder / "plain.safetensors", metadata={"format": "pt"})
    files["model.safetensors"] = (folder / "plain.safetensors").read_bytes()
    (folder / "plain.safetensors").unlink()
    return loopback.add("model", NAME, {**files, **more})


def test_a_hub_checkpoint_is_loaded_at_its_commit_and_not_at_a_newer_one(loopback, folder):
    old = publish(loopback, folder)
    before = shutil.copytree(folder, folder.parent / "before")
    new = publish(loopback, other_weights(folder))
    assert revision_of(Base(checkpoint=NAME)) == new
    assert revision_of(Base(checkpoint=NAME, revision="main")) == new
    assert revision_of(Base(checkpoint=NAME, revision=old)) == old
    loopback.asked.clear()
    assert same(hub_encoder(NAME, old), before)
    assert load_tokenizer(NAME, old).get_vocab() == tiny.tokenizer().get_vocab()
    assert loopback.asked_for(new) == loopback.asked_for("main") == 0
    assert same(hub_encoder(NAME, new), folder)


def test_only_what_is_used_is_downloaded(loopback, folder):
    commit = publish(loopback, folder, **{"pytorch_model.bin": b"pickled", "code.py": b"raise"})
    hub_encoder(NAME, commit)
    load_tokenizer(NAME, commit)
    assert loopback.asked_for("pytorch_model.bin") == loopback.asked_for("code.py") == 0
    assert loopback.asked["GET", f"/{NAME}/resolve/{commit}/model.safetensors"] == 1


def test_weights_in_shards_are_found_by_their_index(loopback, folder):
    publish(loopback, folder)
    (files,) = [f for (k, n, _), f in loopback.commits.items() if n == NAME]
    index = {"metadata": {}, "weight_map": {"a": "model-00001-of-00001.safetensors"}}
    sharded = {n: c for n, c in files.items() if n != "model.safetensors"}
    sharded["model-00001-of-00001.safetensors"] = files["model.safetensors"]
    sharded["model.safetensors.index.json"] = json.dumps(index).encode()
    commit = loopback.add("model", NAME, sharded)
    there = {p.name for p in checkpoint_folder(NAME, commit).iterdir()}
    assert {"config.json", "tokenizer.json", "model-00001-of-00001.safetensors"} <= there


@pytest.mark.parametrize(
    "name", ["../../x.safetensors", "/etc/x.safetensors", "a/b.safetensors", 3]
)
def test_an_index_cannot_lead_out_of_its_folder(folder, name):
    (folder / "model.safetensors").unlink()
    index = {"weight_map": {"a": name}}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index))
    with pytest.raises(DataError, match=r"found the file name .*expected \*\.safetensors"):
        revision_of(Base(checkpoint=str(folder)))


@pytest.mark.parametrize("name", ["model.safetensors", "config.json", "tokenizer.json"])
def test_other_bytes_than_the_hub_lists_are_never_loaded(loopback, folder, name):
    commit = publish(loopback, folder)
    true = loopback.commits["model", NAME, commit][name]
    loopback.altered[name] = true[:-3] + b"xyz"
    for load in (hub_encoder, load_tokenizer):
        with pytest.raises(
            DataError, match=rf"checkpoint '{NAME}' file '{name}': found the checksum"
        ):
            load(NAME, commit)
    loopback.altered.clear()
    assert same(hub_encoder(NAME, commit), folder)


def test_a_cut_download_of_weights_is_resumed(loopback, folder, monkeypatch):
    monkeypatch.setattr(constants, "DOWNLOAD_CHUNK_SIZE", 1024)
    commit = publish(loopback, folder)
    loopback.cut_after["model.safetensors"] = [5000, 9000]
    assert same(hub_encoder(NAME, commit), folder)
    assert len(loopback.ranges) == 2


def test_without_network_what_was_downloaded_before_is_used_if_it_is_still_whole(loopback, folder):
    commit = publish(loopback, folder)
    place = checkpoint_folder(NAME, commit)
    listing.cache_clear()
    loopback.refusals[""] = [(503, {})] * 999
    assert same(hub_encoder(NAME, commit), folder)
    weights = (place / "model.safetensors").resolve()
    weights.write_bytes(weights.read_bytes()[:-1] + b"?")
    listing.cache_clear()
    with pytest.raises(DataError, match="found the checksum"):
        hub_encoder(NAME, commit)
    with pytest.raises(DataError, match=f"checkpoint '{NAME}'.*503"):
        hub_encoder(NAME, "0" * 40)


def test_without_network_a_checkpoint_of_which_a_file_is_missing_is_refused(loopback, folder):
    commit = publish(loopback, folder)
    place = checkpoint_folder(NAME, commit)
    listing.cache_clear()
    loopback.refusals[""] = [(503, {})] * 999
    (place / "tokenizer_config.json").resolve().unlink()
    (place / "tokenizer_config.json").unlink()
    with pytest.raises(DataError, match=r"'tokenizer_config\.json' at commit"):
        load_tokenizer(NAME, commit)


@pytest.mark.parametrize("kept", [b"", b"{}", b"[1]", b'[{"path": 1}]', b"[" * 99999])
def test_a_damaged_list_of_files_is_no_list(loopback, folder, kept):
    commit = publish(loopback, folder)
    checkpoint_folder(NAME, commit)
    listing.cache_clear()
    (path,) = (Path(constants.HF_HOME) / "corroborate").rglob(f"{commit}.json")
    path.write_bytes(kept)
    assert same(hub_encoder(NAME, commit), folder)
    path.write_bytes(kept)
    listing.cache_clear()
    loopback.refusals[""] = [(503, {})] * 999
    with pytest.raises(DataError, match="503"):
        hub_encoder(NAME, commit)


def test_a_checkpoint_without_safetensors_is_refused(loopback):
    commit = loopback.add("model", NAME, {"config.json": b"{}", "pytorch_model.bin": b"x"})
    with pytest.raises(DataError, match=r"found no model\.safetensors"):
        hub_encoder(NAME, commit)
    with pytest.raises(DataError, match=r"404 .* or name a folder as the base checkpoint"):
        revision_of(Base(checkpoint="someone/else"))


@pytest.mark.parametrize("name", ["model.safetensors", "config.json", "tokenizer.json"])
def test_the_revision_of_a_folder_is_over_the_bytes_of_what_is_used(folder, name):
    before = revision_of(Base(checkpoint=str(folder)))
    assert before is not None
    assert before.startswith("sha256:")
    (folder / "README.md").write_text("a note")
    assert revision_of(Base(checkpoint=str(folder), revision="whatever")) == before
    assert checkpoint_folder(str(folder), before) == folder
    (folder / name).write_bytes((folder / name).read_bytes() + b" ")
    assert revision_of(Base(checkpoint=str(folder))) != before
    for load in (hub_encoder, load_tokenizer):
        with pytest.raises(DataError, match=f"expected {before}, for which the runs were planned"):
            load(str(folder), before)


@pytest.mark.parametrize("name", ["/no/such/folder", "a b", "a/b/c", "../up", "x" * 5000, "a\0b"])
def test_what_is_neither_folder_nor_hub_id_is_refused_without_asking(loopback, name):
    with pytest.raises(
        ReplicationError, match="cannot be loaded: found neither a folder nor a hub id"
    ):
        hub_encoder(name, None)
    assert not loopback.asked


def test_an_encoder_from_scratch_has_no_revision():
    assert revision_of(Base(checkpoint=None, architecture=tiny.architecture())) is None
