"""Examples from folders and from the hub: what is read, in which revision, and what is refused."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tiny_data import PAIR, QUESTION, SHARED, UNHURRIED, write, write_xtreme

from replication import parquet
from replication.data import FolderSource, HubSource, evenly, open_source
from replication.errors import DataError
from replication.tasks.row import Corpus, Task, corpora, tasks

needs_shared = pytest.mark.skipif(not SHARED.is_dir(), reason="the folder ../shared is not here")


def task(where: str, **fields) -> Task:
    """Return a row whose languages stand where the argument says."""
    own = {
        "config": {"folders": ["in/set.{language}", "set.{language}"]},
        "column": {"columns": {"first": "text", "language": "tongue"}},
        "id_prefix": {"columns": {"first": "text", "id": "id"}},
        "none": {"languages": {"en": "en"}},
    }[where]
    row = {
        "name": "toy",
        "family": "classification",
        "folders": ["in/set", "set"],
        "splits": {"train": "learn", "test": "test"},
        "language_in": where,
        "languages": {"en": "english", "de": "german", "sw": "swahili"},
        "columns": {"first": "text"},
    }
    return Task(**(row | own | fields))


def texts(source: FolderSource, row: Task, language: str, limit: int | None = None) -> list[str]:
    return [e["first"] for e in source.examples(row, "test", language, limit)]


def rows(*pairs: tuple[str, str]) -> list[dict[str, str]]:
    """Return (language, text) as rows with every way to tell the language."""
    return [
        {"text": text, "tongue": tongue, "id": f"{tongue}-{i}"}
        for i, (tongue, text) in enumerate(pairs)
    ]


MIXED = rows(("english", "one"), ("german", "eins"), ("english", "two"), ("martian", "?"))


def test_languages_in_configurations_are_those_with_a_folder(tmp_path):
    for spelled, text in (("english", "one"), ("german", "eins")):
        write(tmp_path / f"in/set.{spelled}/test.parquet", [{"text": text}])
    source, row = FolderSource(tmp_path), task("config")
    assert source.languages(row, "test") == ("de", "en")
    assert source.languages(row, "train") == ()
    assert texts(source, row, "de") == ["eins"]


@pytest.mark.parametrize("where", ["column", "id_prefix"])
def test_languages_inside_a_file_are_told_apart(tmp_path, where):
    write(tmp_path / "in/set/test.parquet", MIXED)
    source, row = FolderSource(tmp_path), task(where)
    assert source.languages(row, "test") == ("de", "en")
    assert texts(source, row, "en") == ["one", "two"]
    assert texts(source, row, "de") == ["eins"]
    assert texts(source, row, "sw") == []


def test_a_prefix_is_the_whole_word_before_the_dash(tmp_path):
    write(tmp_path / "in/set/test.parquet", rows(("english", "a"), ("englishman", "b")))
    assert texts(FolderSource(tmp_path), task("id_prefix"), "en") == ["a"]


def test_a_file_without_languages_is_english(tmp_path):
    write(tmp_path / "set/test.parquet", MIXED)
    source, row = FolderSource(tmp_path), task("none")
    assert source.languages(row, "test") == ("en",)
    assert len(texts(source, row, "en")) == 4


@pytest.mark.parametrize("where", ["config", "column", "id_prefix", "none"])
def test_a_language_that_the_row_does_not_have_is_never_answered_with_another(tmp_path, where):
    write(tmp_path / "set/test.parquet", MIXED)
    with pytest.raises(DataError, match="no language 'xx'"):
        FolderSource(tmp_path).examples(task(where), "test", "xx", None)


def test_an_example_has_the_familys_words_an_id_and_our_code_of_its_language(tmp_path):
    write(tmp_path / "set/test.parquet", MIXED)
    row = task("column", columns={"first": "text", "choices": "text,id", "language": "tongue"})
    (example,) = FolderSource(tmp_path).examples(row, "test", "de", None)
    assert example == {
        "first": "eins",
        "choices": ["eins", "german-1"],
        "language": "de",
        "id": "de-0",
    }


def test_a_dictionary_of_languages_is_read_like_text(tmp_path):
    table = pa.Table.from_pylist(MIXED)
    encoded = table["tongue"].dictionary_encode()
    (tmp_path / "set").mkdir()
    place = table.schema.get_field_index("tongue")
    pq.write_table(table.set_column(place, "tongue", encoded), tmp_path / "set/test.parquet")
    source = FolderSource(tmp_path)
    assert source.languages(task("column"), "test") == ("de", "en")
    assert texts(source, task("column"), "de") == ["eins"]


@pytest.mark.parametrize("folder", ["in/set", "set"])
@pytest.mark.parametrize("file", ["test.parquet", "test-00000-of-00001.parquet"])
def test_both_spellings_of_folders_and_files_are_found(tmp_path, folder, file):
    write(tmp_path / folder / file, MIXED)
    assert len(texts(FolderSource(tmp_path), task("none"), "en")) == 4


def test_the_first_folder_that_has_the_split_is_read_and_no_other(tmp_path):
    write(tmp_path / "in/set/learn.parquet", rows(("english", "not this split")))
    write(tmp_path / "set/test.parquet", rows(("english", "this")))
    assert texts(FolderSource(tmp_path), task("none"), "en") == ["this"]
    write(tmp_path / "in/set/test.parquet", rows(("english", "that")))
    assert texts(FolderSource(tmp_path), task("none"), "en") == ["that"]


def test_shards_are_read_in_order_and_another_splits_files_are_not(tmp_path):
    for i, text in enumerate(["a", "b", "c"]):
        write(tmp_path / f"set/test-{i:05}-of-00003.parquet", [{"text": text}])
    write(tmp_path / "set/test-matched.parquet", [{"text": "x"}])
    write(tmp_path / "set/test_2.parquet", [{"text": "x"}])
    assert texts(FolderSource(tmp_path), task("none"), "en") == ["a", "b", "c"]


def test_a_missing_shard_is_refused(tmp_path):
    for i in (0, 2):
        write(tmp_path / f"set/test-{i:05}-of-00003.parquet", [{"text": "a"}])
    with pytest.raises(DataError, match=r"found 2 files of split 'test' ; expected 3"):
        texts(FolderSource(tmp_path), task("none"), "en")


def test_a_split_that_is_there_twice_is_refused(tmp_path):
    write(tmp_path / "set/test.parquet", MIXED)
    write(tmp_path / "set/test-00000-of-00001.parquet", MIXED)
    with pytest.raises(DataError, match="found split 'test' twice"):
        FolderSource(tmp_path).languages(task("none"), "test")


@given(total=st.integers(0, 3000), limit=st.none() | st.integers(0, 4000))
def test_evenly_spaced_indices_rise_stay_inside_and_leave_no_gap_wider_than_another(total, limit):
    found = evenly(total, limit)
    assert len(found) == (total if limit is None else min(total, limit))
    if len(found):
        assert found[0] == 0
        gaps = np.diff([*found, total])
        assert gaps.min() >= 1
        assert gaps.max() - gaps.min() <= 1


def test_a_limit_takes_rows_from_the_whole_file(tmp_path):
    write(tmp_path / "set/test.parquet", [{"text": str(i)} for i in range(10)])
    assert texts(FolderSource(tmp_path), task("none"), "en", 3) == ["0", "3", "6"]


@given(place=st.integers(0, 10**6), bit=st.integers(0, 7), early=st.booleans())
@UNHURRIED
def test_the_revision_changes_with_every_bit_and_with_nothing_else(
    tmp_path_factory, place, bit, early
):
    root = tmp_path_factory.mktemp("data")
    path = write(root / "set/test.parquet", MIXED)
    if early:  # long ago, so that digests are remembered
        os.utime(path, (1, 1))
    source, row = FolderSource(root), task("none")
    before = source.revision(row, "test", ["en"])
    copied = shutil.copytree(root, root / "elsewhere", copy_function=shutil.copy)
    assert FolderSource(Path(copied)).revision(row, "test", ["en"]) == before
    content = bytearray(path.read_bytes())
    content[place % len(content)] ^= 1 << bit
    path.write_bytes(content)
    assert source.revision(row, "test", ["en"]) != before
    content[place % len(content)] ^= 1 << bit
    path.write_bytes(content)
    assert source.revision(row, "test", ["en"]) == before


def test_the_revision_is_of_the_languages_that_are_asked_for(tmp_path):
    for spelled in ("english", "german"):
        write(tmp_path / f"set.{spelled}/test.parquet", [{"text": spelled}])
    source, row = FolderSource(tmp_path), task("config")
    english = source.revision(row, "test", ["en"])
    both = source.revision(row, "test", ["de", "en"])
    write(tmp_path / "set.german/test.parquet", [{"text": "anders"}])
    assert source.revision(row, "test", ["en"]) == english
    assert source.revision(row, "test", ["de", "en"]) != both
    assert english.startswith("sha256:")


def test_other_bytes_than_those_planned_with_are_refused_until_they_are_back(tmp_path):
    path = write(tmp_path / "set/test.parquet", MIXED)
    content = path.read_bytes()
    source, row = FolderSource(tmp_path), task("none")
    source.revision(row, "test", ["en"])
    assert len(texts(source, row, "en")) == 4
    write(path, MIXED[:2])
    with pytest.raises(DataError, match=r"test\.parquet.*other bytes than when"):
        texts(source, row, "en")
    path.write_bytes(content)
    assert len(texts(source, row, "en")) == 4


def garble(path: Path) -> None:
    path.write_bytes(b"PAR1 but not really")


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-20])


def damage(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[8:40] = bytes(32)
    path.write_bytes(content)


def swell(path: Path) -> None:
    with path.open("r+b") as file:
        file.truncate(parquet.MAX_FILE_BYTES + 1)


def become_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


def dangle(path: Path) -> None:
    path.unlink()
    path.symlink_to("nowhere")


def no_text(path: Path) -> None:
    write(path, [{"tongue": "english", "id": "english-1"}])


def no_language(path: Path) -> None:
    write(path, [{"text": "one"}])


def numbered_language(path: Path) -> None:
    write(path, [{"text": "one", "tongue": ["english"], "id": ["english-1"]}])


def bad_utf8(path: Path) -> None:
    words = pa.StringArray.from_buffers(
        1, pa.array([0, 2], pa.int32()).buffers()[1], pa.py_buffer(b"\xff\xfe")
    )
    pq.write_table(pa.table({"text": words, "tongue": words, "id": words}), path)


DAMAGES = [garble, cut, damage, swell, become_folder, dangle, no_text, no_language]
DAMAGES += [numbered_language, bad_utf8]


@pytest.mark.parametrize("where", ["column", "id_prefix"])
@pytest.mark.parametrize("harm", DAMAGES)
def test_a_file_that_cannot_be_read_is_named(tmp_path, harm, where):
    path = write(tmp_path / "set/test.parquet", MIXED)
    harm(path)
    source, row = FolderSource(tmp_path), task(where)

    def look() -> None:
        for code in source.languages(row, "test"):
            source.examples(row, "test", code, None)

    with pytest.raises(DataError) as caught:
        look()
    assert str(path) in str(caught.value)
    assert " ; expected " in str(caught.value)


def test_too_many_rows_are_refused_before_they_are_read(tmp_path, monkeypatch):
    path = write(tmp_path / "set/test.parquet", MIXED)
    monkeypatch.setattr(parquet, "MAX_ROWS", 3)
    with pytest.raises(DataError, match="found 4 rows ; expected at most 3") as caught:
        texts(FolderSource(tmp_path), task("none"), "en")
    assert str(path) in str(caught.value)


def test_shards_of_different_types_are_refused(tmp_path):
    write(tmp_path / "set/test-00000-of-00002.parquet", [{"text": "a"}])
    write(tmp_path / "set/test-00001-of-00002.parquet", [{"text": 1}])
    with pytest.raises(DataError, match=r"test-00000-of-00002\.parquet' and 1 more"):
        texts(FolderSource(tmp_path), task("none"), "en")


def test_an_absent_file_is_an_error_that_says_where_it_was_sought(tmp_path):
    source = FolderSource(tmp_path)
    for ask in (
        lambda: source.examples(task("none"), "test", "en", None),
        lambda: source.revision(task("none"), "test", ["en"]),
    ):
        with pytest.raises(DataError, match=r"split 'test': found no file .* in/set, set"):
            ask()


@pytest.mark.parametrize("folder", ["../outside", "/", "in/../../outside", "set\0"])
def test_a_row_cannot_lead_out_of_the_folder(tmp_path, folder):
    write(tmp_path / "outside/test.parquet", MIXED)
    (tmp_path / "data").mkdir()
    source = FolderSource(tmp_path / "data")
    absolute = folder if folder != "/" else str(tmp_path / "outside")
    with pytest.raises(DataError, match="expected one inside the folder"):
        texts(source, task("none", folders=[absolute]), "en")
    with pytest.raises(DataError, match="expected one inside the folder"):
        texts(source, task("config", languages={"en": "x/../../outside"}), "en")
    corpus = Corpus(
        name="toy",
        folders=["."],
        file=f"{absolute}/test.parquet",
        language_in="file",
        languages={"en": "en"},
        columns=["text"],
    )
    with pytest.raises(DataError, match="expected one inside the folder"):
        source.text(corpus, 1)


def test_a_split_cannot_lead_out_of_the_folder(tmp_path):
    write(tmp_path / "outside/test.parquet", MIXED)
    (tmp_path / "data/set").mkdir(parents=True)
    row = task("none", splits={"test": "../../outside/test"})
    with pytest.raises(DataError, match="expected one inside the folder"):
        texts(FolderSource(tmp_path / "data"), row, "en")


def corpus(**fields) -> Corpus:
    own = {
        "name": "toy",
        "folders": ["text.{language}", "text"],
        "file": "*.parquet",
        "language_in": "folder",
        "languages": {"de": "german", "en": "english"},
        "columns": ["words", "line"],
    }
    return Corpus(**(own | fields))


def test_text_is_stripped_distinct_and_of_the_languages_that_are_there(tmp_path):
    lines = [{"words": ["a", "b"], "line": " x "}, {"words": None, "line": "x"}]
    lines.append({"words": [], "line": "a b"})
    write(tmp_path / "text.english/any.parquet", lines)
    source = FolderSource(tmp_path)
    assert source.text(corpus(), 10) == {"en": ["a b", "x"]}
    assert source.text(corpus(), 1) == {"en": ["a b"]}
    assert source.text_revision(corpus()) is not None
    assert FolderSource(tmp_path / "text.english").text_revision(corpus()) is None


def test_text_of_a_column_of_languages_is_told_apart(tmp_path):
    write(
        tmp_path / "text/any.parquet",
        [{"language": "german", "line": "eins"}, {"language": "english", "line": "one"}],
    )
    own = corpus(language_in="column", columns=["line"])
    assert FolderSource(tmp_path).text(own, 9) == {"de": ["eins"], "en": ["one"]}


def test_text_that_is_no_text_or_has_changed_is_refused(tmp_path):
    path = write(tmp_path / "text.english/any.parquet", [{"words": ["a"], "line": 3}])
    source = FolderSource(tmp_path)
    with pytest.raises(DataError, match=r"any\.parquet"):
        source.text(corpus(), 1)
    source.text_revision(corpus())
    write(path, [{"words": ["a"], "line": "b"}])
    with pytest.raises(DataError, match="other bytes"):
        source.text(corpus(), 1)


def test_the_bundled_rows_read_a_folder_in_the_hubs_layout(tmp_path):
    source = FolderSource(write_xtreme(tmp_path))
    assert source.languages(tasks()["xquad"], "validation") == ("de", "en")
    assert source.languages(tasks()["tydiqa"], "train") == ("en", "fi")
    assert source.languages(tasks()["mnli"], "train") == ("en",)
    (question,) = source.examples(tasks()["tydiqa"], "train", "fi", None)
    assert question == {"id": "finnish-1", "language": "fi", **QUESTION}
    (pair,) = source.examples(tasks()["xnli"], "test", "de", None)
    assert (pair["first"], pair["label"]) == (PAIR["sentence1"], "entailment")


@pytest.mark.parametrize("name", ["nowhere", "a\0b", "x" * 5000, ""])
def test_a_data_folder_that_is_not_there_is_an_error(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    wanted = name or "file"
    (tmp_path / "file").write_text("no folder")
    with pytest.raises(DataError, match="found no such folder"):
        open_source(wanted)


def test_without_a_folder_the_hub_is_asked():
    assert open_source(None).name == "hub"


HUB = Task(
    name="toy",
    family="classification",
    hub="someone/toy",
    config="toy.{language}",
    folders=[],
    splits={"test": "test_r1"},
    language_in="config",
    languages={"en": "english", "de": "german"},
    missing={"test": ["de"]},
    columns={"first": "text"},
)


def no_network(*_args, **_kwargs):
    raise ConnectionError("nothing listens")


def test_the_hub_without_network_is_an_error_that_names_the_data_set(monkeypatch):
    monkeypatch.setattr("huggingface_hub.HfApi.dataset_info", no_network)
    for ask in (
        lambda: HubSource().revision(HUB, "test", ["en"]),
        lambda: HubSource().examples(HUB, "test", "en", None),
    ):
        with pytest.raises(DataError, match=r"'someone/toy': .*ConnectionError.* --data"):
            ask()


def test_a_row_without_hub_id_has_nothing_on_the_hub():
    row = HUB.model_copy(update={"hub": None})
    assert HubSource().languages(row, "test") == ()
    with pytest.raises(DataError, match="no hub id"):
        HubSource().revision(row, "test", ["en"])
    with pytest.raises(DataError, match="--data FOLDER"):
        HubSource().text(corpus(), 3)


@pytest.mark.shared
@needs_shared
@pytest.mark.parametrize(
    ("name", "split", "language", "count"),
    [
        ("xnli", "test", "sw", 5010),
        ("xnli", "validation", "en", 2490),
        ("tydiqa", "validation", "te", 669),
        ("tydiqa", "train", "en", 3696),
        ("panx", "validation", "yo", 100),
        ("udpos", "test", "mr", 47),
        ("xquad", "validation", "th", 1190),
        ("mlqa", "validation", "hi", 507),
        ("tatoeba", "validation", "jv", 205),
        ("bucc", "validation", "zh", 257),
        ("pawsx", "test", "ko", 2000),
        ("mnli", "train", "en", 2344),
        ("commonsense_qa", "train", "en", 9741),
    ],
)
def test_the_real_files_hold_what_the_data_notes_say(name, split, language, count):
    found = FolderSource(SHARED).examples(tasks()[name], split, language, None)
    assert len(found) == count
    assert {e["language"] for e in found} == {language}
    assert len({e["id"] for e in found}) == count


@pytest.mark.shared
@needs_shared
@pytest.mark.parametrize(
    ("name", "split", "count", "absent"),
    [
        ("xnli", "test", 15, set()),
        ("tydiqa", "validation", 9, set()),
        ("tydiqa", "train", 1, None),
        ("panx", "validation", 39, {"th"}),
        ("udpos", "test", 28, {"ar", "de", "hi", "it", "ru"}),
        ("udpos", "validation", 24, None),
        ("xquad", "validation", 11, set()),
        ("tatoeba", "validation", 36, set()),
        ("bucc", "validation", 1, {"de", "fr", "ru"}),
        ("squad_v1", "train", 0, {"en"}),
    ],
)
def test_the_real_files_are_of_the_languages_that_the_data_notes_say(name, split, count, absent):
    row = tasks()[name]
    found = FolderSource(SHARED).languages(row, split)
    assert len(found) == count
    assert absent is None or set(row.languages) - set(found) == absent
    inner = FolderSource(SHARED / ("xtreme" if row.benchmark else "intermediate"))
    assert inner.languages(row, split) == found


@pytest.mark.shared
@needs_shared
def test_the_real_text_is_there_in_the_corpora_of_scratch():
    text = FolderSource(SHARED).text(corpora()["mlqa_validation_contexts"], 5)
    assert {code: len(pieces) for code, pieces in text.items()} == dict.fromkeys(
        ("ar", "de", "en", "es", "hi", "vi", "zh"), 5
    )
