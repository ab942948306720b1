"""The hub, spoken to over the loopback: which commit is read, and what a bad line or hub can do."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
from huggingface_hub import constants
from loopback_hub import LFS_BYTES, parquet

from replication import hub
from replication.data import HubSource
from replication.errors import DataError
from replication.hub import fetch
from replication.tasks.row import tasks

MNLI, QQP, ANLI = tasks()["mnli"], tasks()["qqp"], tasks()["anli_r2"]
COSMOS, PANX, PLUS = tasks()["cosmos_qa"], tasks()["panx"], tasks()["anli_plus"]
GLUE = "nyu-mll/glue"
TRAIN = "mnli/train-00000-of-00001.parquet"


def card(*configs: tuple[str, str]) -> bytes:
    """Return a data set's card with (configuration, split) pairs, one folder a configuration."""
    lines = ["---", "configs:"]
    for name in dict.fromkeys(c for c, _ in configs):
        lines += [f"- config_name: {name}", "  data_files:"]
        for split in (s for c, s in configs if c == name):
            lines += [f"  - split: {split}", f"    path: {name}/{split}-*"]
    return "\n".join([*lines, "---", ""]).encode()


def pairs(name, count):
    return parquet(
        [
            {"premise": f"{name} {i}", "hypothesis": "b", "label": 0, "uid": str(i)}
            for i in range(count)
        ]
    )


def glue(name="old", count=3):
    """Return GLUE's files, with two shards of one split."""
    return {
        "README.md": card(("mnli", "train"), ("mnli", "validation_matched"), ("qqp", "train")),
        TRAIN: pairs(name, count),
        "mnli/validation_matched-00000-of-00002.parquet": pairs("first", 1),
        "mnli/validation_matched-00001-of-00002.parquet": pairs("second", 1),
        "qqp/train-00000-of-00001.parquet": parquet(
            [{"question1": "a", "question2": "b", "label": 1}]
        ),
    }


def texts(source, task=MNLI, split="train", language="en"):
    return [e["first"] for e in source.examples(task, split, language, None)]


def test_a_split_is_the_files_that_the_card_names_in_their_order(loopback):
    commit = loopback.add("dataset", GLUE, glue())
    source = HubSource()
    assert source.revision(MNLI, "train", ["en"]) == f"hub:{commit}"
    assert texts(source) == ["old 0", "old 1", "old 2"]
    assert texts(source, split="validation") == ["first 0", "second 0"]
    (question,) = source.examples(QQP, "train", "en", None)
    assert question == {"language": "en", "id": "en-0", "first": "a", "second": "b", "label": 1}
    assert len(source.examples(MNLI, "train", "en", 2)) == 2


def test_the_commit_that_is_pinned_is_downloaded_and_no_newer_one(loopback):
    old = loopback.add("dataset", GLUE, glue("old"))
    new = loopback.add("dataset", GLUE, glue("new"))
    assert texts(HubSource({GLUE: old}))[0] == "old 0"
    assert loopback.asked_for(new) == loopback.asked_for("main") == 0
    assert texts(HubSource())[0] == "new 0"


def test_a_branch_that_moves_while_we_read_changes_nothing(loopback):
    first = loopback.add("dataset", GLUE, glue("old"))
    source = HubSource()
    assert source.revision(MNLI, "train", ["en"]) == f"hub:{first}"
    loopback.add("dataset", GLUE, glue("new"))
    assert texts(source)[0] == "old 0"
    assert source.revision(MNLI, "validation", ["en"]) == f"hub:{first}"
    assert source.commits == {GLUE: first}


def test_a_file_is_downloaded_once(loopback):
    commit = loopback.add("dataset", GLUE, glue())
    for _ in range(2):
        texts(HubSource())
    assert loopback.asked["GET", f"/datasets/{GLUE}/resolve/{commit}/{TRAIN}"] == 1


def test_each_language_is_its_own_configuration(loopback):
    files = {
        f"PAN-X.{code}/validation-00000-of-00001.parquet": parquet(
            [{"tokens": [code], "ner_tags": [0], "langs": [code]}]
        )
        for code in ("de", "en")
    }
    named = card(("PAN-X.de", "validation"), ("PAN-X.en", "validation"))
    loopback.add("dataset", "google/xtreme", {**files, "README.md": named})
    source = HubSource()
    for code in ("de", "en"):
        (example,) = source.examples(PANX, "validation", code, None)
        assert (example["tokens"], example["language"]) == ([code], code)
    with pytest.raises(DataError, match=r"'google/xtreme'.*PAN-X\.sw.* ; expected the split"):
        source.examples(PANX, "validation", "sw", None)


CHOICE = {"id": "1", "context": "c", "question": "q", "label": 0}
CHOICE |= {f"answer{i}": str(i) for i in range(4)}


def test_a_data_set_that_is_a_program_is_read_from_the_hubs_own_export(loopback):
    name = "allenai/cosmos_qa"
    program = loopback.add("dataset", name, {"cosmos_qa.py": b"raise SystemExit('was run')"})
    files = {f"default/{s}/0000.parquet": parquet([CHOICE]) for s in ("train", "validation")}
    exported = loopback.add("dataset", name, files, branch="refs/convert/parquet")
    source = HubSource()
    assert source.revision(COSMOS, "train", ["en"]) == f"hub:{exported}" != f"hub:{program}"
    (example,) = source.examples(COSMOS, "train", "en", None)
    assert example["choices"] == ["0", "1", "2", "3"]
    assert loopback.asked_for("cosmos_qa.py") == 0


def test_an_export_with_several_configurations_is_not_guessed_at(loopback):
    name = "allenai/cosmos_qa"
    files = {f"{c}/train/0000.parquet": parquet([CHOICE]) for c in ("one", "two")}
    loopback.add("dataset", name, {"cosmos_qa.py": b""})
    loopback.add("dataset", name, files, branch="refs/convert/parquet")
    with pytest.raises(DataError, match="found no such files"):
        HubSource().examples(COSMOS, "train", "en", None)


def test_a_composite_is_read_from_its_parts_on_the_hub(loopback):
    rounds = {f"plain_text/train_r{n}-00000-of-00001.parquet": pairs(f"r{n}", 2) for n in (1, 2, 3)}
    named = card(*(("plain_text", f"train_r{n}") for n in (1, 2, 3)))
    snli = {"plain_text/train-00000-of-00001.parquet": pairs("snli", 4)}
    snli["README.md"] = card(("plain_text", "train"))
    loopback.add("dataset", "facebook/anli", {**rounds, "README.md": named})
    loopback.add("dataset", "stanfordnlp/snli", snli)
    loopback.add("dataset", GLUE, glue())
    source = HubSource()
    before = source.revision(PLUS, "train", ["en"])
    found = Counter(t.split()[0] for t in texts(source, PLUS))
    assert found == {"r1": 2, "r2": 2, "r3": 2, "old": 3, "snli": 4}
    assert set(source.commits) == {"facebook/anli", "stanfordnlp/snli", GLUE}
    loopback.add("dataset", "stanfordnlp/snli", {**snli, "more": b""})
    assert HubSource().revision(PLUS, "train", ["en"]) != before


def test_a_cut_download_is_resumed_where_it_broke_off(loopback, monkeypatch):
    monkeypatch.setattr(constants, "DOWNLOAD_CHUNK_SIZE", 256)
    content = pairs("long", 300)
    loopback.add("dataset", GLUE, {**glue(), TRAIN: content})
    half = len(content) // 2
    loopback.cut_after[TRAIN] = [half]
    assert len(texts(HubSource())) == 300
    (resumed,) = loopback.ranges
    assert half - 256 < int(resumed.removeprefix("bytes=").rstrip("-")) <= half


def test_a_download_that_is_cut_again_and_again_is_an_error_and_leaves_nothing(loopback):
    commit = loopback.add("dataset", GLUE, glue())
    loopback.cut_after[TRAIN] = [0] * 20
    with pytest.raises(DataError, match=rf"'{GLUE}'.*did not answer.*{TRAIN}.*--data") as caught:
        texts(HubSource())
    assert "\n" not in str(caught.value)
    left = [p for p in Path(constants.HF_HUB_CACHE).rglob("*") if "incomplete" in p.name]
    assert left == []
    loopback.cut_after.clear()
    assert len(texts(HubSource({GLUE: commit}))) == 3


def test_a_busy_hub_is_asked_again_when_it_says(loopback):
    loopback.add("dataset", GLUE, glue())
    loopback.refusals[TRAIN] = [(429, {"Retry-After": "7"})] * 3
    assert len(texts(HubSource())) == 3
    assert max(loopback.waits) == 8.0


def test_a_hub_that_is_busy_for_long_is_an_error_that_says_how_long(loopback):
    loopback.add("dataset", GLUE, glue())
    loopback.refusals[f"/api/datasets/{GLUE}"] = [(429, {"Retry-After": "1700"})] * 20
    with pytest.raises(
        DataError, match=r"429, too many requests, and asks to wait 1700 s .* later"
    ):
        HubSource().revision(MNLI, "train", ["en"])
    loopback.refusals.clear()
    loopback.refusals[TRAIN] = [(429, {"Retry-After": "1700"})] * 50
    with pytest.raises(DataError, match=r"429, too many requests"):
        texts(HubSource())


@pytest.mark.parametrize("change", ["bit", "shorter", "longer"])
@pytest.mark.parametrize("count", [1, 40])
def test_other_bytes_than_the_hub_lists_are_never_used(loopback, change, count):
    files = {**glue(), TRAIN: pairs("x", count), "notes.txt": b"a small file, so with git's sum"}
    commit = loopback.add("dataset", GLUE, files)
    for path, content in ((TRAIN, files[TRAIN]), ("notes.txt", files["notes.txt"])):
        assert (len(content) >= LFS_BYTES) == (path == TRAIN)
        flipped = bytes([content[0] ^ 1]) + content[1:]
        wrong = {"bit": flipped, "shorter": content[:-1], "longer": content + b"x"}[change]
        loopback.altered[path] = wrong
        with pytest.raises(DataError, match=rf"file '{path}': found the checksum .* expected \w+"):
            fetch(GLUE, "dataset", commit, path)
        del loopback.altered[path]
        assert fetch(GLUE, "dataset", commit, path).read_bytes() == content


def test_a_file_that_was_damaged_in_the_cache_is_removed_and_fetched_again(loopback):
    commit = loopback.add("dataset", GLUE, glue())
    place = fetch(GLUE, "dataset", commit, TRAIN)
    content = place.read_bytes()
    place.resolve().write_bytes(content[:-1] + b"?")
    with pytest.raises(DataError, match="damaged on its way or in the cache"):
        texts(HubSource())
    assert len(texts(HubSource())) == 3


@pytest.mark.parametrize(
    ("task", "split", "message"),
    [
        (
            QQP,
            "validation",
            r"found no such files .* split 'validation' of its configuration 'qqp'",
        ),
        (ANLI, "train", r"'facebook/anli': the hub answered 404 .* Check the id and the commit"),
    ],
)
def test_what_the_hub_does_not_have_is_named(loopback, task, split, message):
    loopback.add("dataset", GLUE, glue())
    with pytest.raises(DataError, match=message):
        HubSource().examples(task, split, "en", None)


def test_a_missing_configuration_is_an_error_that_lists_those_there_are(loopback):
    files = {k: v for k, v in glue().items() if not k.startswith("qqp")}
    files["README.md"] = card(("mnli", "train"), ("mnli", "validation_matched"))
    loopback.add("dataset", GLUE, files)
    with pytest.raises(DataError, match=r"cannot be used .*'qqp'.*mnli.* ; expected .*--data"):
        HubSource().examples(QQP, "train", "en", None)


def test_a_commit_that_the_hub_does_not_have_is_named(loopback):
    loopback.add("dataset", GLUE, glue())
    with pytest.raises(DataError, match=rf"404 .* expected its files at commit {'0' * 40}"):
        texts(HubSource({GLUE: "0" * 40}))


def test_a_card_that_leads_out_of_its_data_set_is_refused(loopback):
    other = loopback.add(
        "dataset", "other/set", {"train-00000-of-00001.parquet": pairs("other", 1)}
    )
    files = glue()
    files["README.md"] = (
        f"---\nconfigs:\n- config_name: mnli\n  data_files:\n  - split: train\n"
        f"    path: hf://datasets/other/set@{other}/train-00000-of-00001.parquet\n---\n"
    ).encode()
    loopback.add("dataset", GLUE, files)
    with pytest.raises(DataError, match=rf"data set '{GLUE}'.*expected the split 'train'"):
        texts(HubSource())
    assert loopback.asked_for(f"resolve/{other}") == 0


def test_columns_that_a_file_lacks_are_named(loopback):
    loopback.add("dataset", GLUE, {**glue(), TRAIN: parquet([{"premise": "a", "label": 0}])})
    with pytest.raises(DataError, match="found no column hypothesis"):
        texts(HubSource())


def test_a_file_too_large_is_refused_before_it_is_downloaded(loopback, monkeypatch):
    commit = loopback.add("dataset", GLUE, glue())
    monkeypatch.setattr(hub, "MAX_FILE_BYTES", 100)
    with pytest.raises(DataError, match=r"found \d+ bytes ; expected at most 100"):
        texts(HubSource())
    assert loopback.asked_for(f"{commit}/{TRAIN}") == 0


def test_a_server_that_is_no_hub_is_told_apart(loopback):
    loopback.add("dataset", GLUE, glue())
    loopback.branches["dataset", GLUE, "main"] = "v1.0"
    loopback.commits["dataset", GLUE, "v1.0"] = glue()
    with pytest.raises(DataError, match=r"found 'v1\.0' for a commit .* HF_ENDPOINT"):
        HubSource().revision(MNLI, "train", ["en"])


def test_a_hub_that_answers_nonsense_is_an_error(loopback, monkeypatch):
    loopback.add("dataset", GLUE, glue())
    loopback.refusals["/api/"] = [(200, {})] * 9
    with pytest.raises(DataError, match=rf"data set '{GLUE}'"):
        HubSource().revision(MNLI, "train", ["en"])
