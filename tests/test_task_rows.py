"""Task rows: they load, they agree with the families, and with the real files where these are."""

from __future__ import annotations

from pathlib import Path

import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from replication.tasks.row import benchmark_tasks, corpora, tasks

SHARED = Path(__file__).parents[2] / "shared"
COLUMNS = {
    "classification": ({"first", "label"}, {"second"}),
    "multiple_choice": ({"question", "choices", "label"}, {"context"}),
    "tagging": ({"tokens", "tags"}, set()),
    "span_qa": ({"id", "question", "context", "answers"}, set()),
    "retrieval": ({"source", "target"}, set()),
}
OFFICIAL_LANGUAGES = {
    "xnli": 15,
    "pawsx": 7,
    "udpos": 33,
    "panx": 40,
    "xquad": 11,
    "mlqa": 7,
    "tydiqa": 9,
    "bucc": 4,
    "tatoeba": 36,
}
TINY = {
    "anli_r1": "anli/train_r1",
    "anli_r2": "anli/dev_r2",
    "anli_r3": "anli/test_r3",
    "hellaswag": "hellaswag/train",
    "qqp": "qqp/train",
}
OURS = sorted(n for n in tasks() if not n.startswith("mini"))

needs_shared = pytest.mark.skipif(not SHARED.is_dir(), reason="the folder ../shared is not here")


def files_of(name: str, root: Path) -> dict[tuple[str, str], Path]:
    """Return the files of a task below a folder, by split and language."""
    row = tasks()[name]
    spelled = row.languages if row.language_in == "config" else {"": ""}
    found = {}
    for split, source in row.splits.items():
        for code, word in spelled.items():
            for folder in row.folders:
                place = root / folder.replace("{language}", word)
                files = [*place.glob(f"{source}-*.parquet"), *place.glob(f"{source}.parquet")]
                if files and (split, code) not in found:
                    found[split, code] = files[0]
    return found


def test_xtreme_has_its_nine_targets_with_the_official_numbers_of_languages():
    assert {t.name: len(t.languages) for t in benchmark_tasks("xtreme")} == OFFICIAL_LANGUAGES


@pytest.mark.parametrize("name", OURS)
def test_a_row_names_the_columns_that_its_family_reads(name):
    row = tasks()[name]
    required, optional = COLUMNS[row.family]
    extra = {"id"} | ({"language"} if row.language_in == "column" else set())
    assert required <= set(row.columns) <= required | optional | extra
    assert len(set(row.languages.values())) == len(row.languages)


@pytest.mark.parametrize("name", OURS)
def test_a_row_is_english_or_says_where_the_language_stands(name):
    row = tasks()[name]
    assert "en" in row.languages or row.family == "retrieval"
    if row.language_in == "none":
        assert row.languages == {"en": "en"}
    if row.language_in == "config":
        assert "{language}" in row.config
        assert all("{language}" in folder for folder in row.folders)


def test_targets_have_metrics_and_intermediate_tasks_have_none():
    for name in OURS:
        row = tasks()[name]
        assert bool(row.metrics) == (row.benchmark == "xtreme")
    assert {n: tasks()[n].metrics for n in ("udpos", "panx", "bucc")} == dict.fromkeys(
        ("udpos", "panx", "bucc"), ("f1",)
    )
    for name in ("xquad", "mlqa", "tydiqa"):
        assert tasks()[name].metrics == ("f1", "exact_match")


def test_xnli_and_mnli_share_one_head():
    assert tasks()["xnli"].labels == tasks()["mnli"].labels


def test_squad_validation_leaks_into_xquad_and_training_data_does_not():
    for name in ("squad_v1", "squad_v2"):
        (leak,) = tasks()[name].leaks
        assert (leak.split, leak.into) == ("validation", ("xquad",))


def test_corpora_name_no_labels():
    assert set(corpora()) >= {"xnli_validation_text", "panx_test_text"}
    labels = {"gold_label", "ner_tags", "pos_tags", "answers", "question"}
    for corpus in corpora().values():
        assert not labels & set(corpus.columns)


@pytest.mark.shared
@needs_shared
@pytest.mark.parametrize("root", [SHARED, SHARED / "xtreme", SHARED / "intermediate"])
def test_the_real_files_have_the_columns_of_their_rows(root):
    seen = 0
    for name in OURS:
        for path in files_of(name, root).values():
            spelled = {c for v in tasks()[name].columns.values() for c in v.split(",")}
            assert spelled <= set(pq.read_schema(path).names), (name, path)
            seen += 1
    assert seen > 5


@pytest.mark.shared
@needs_shared
@pytest.mark.parametrize("name", sorted(TINY))
def test_the_few_real_rows_of_absent_tasks_have_the_columns_of_their_rows(name):
    table = pq.read_table(SHARED / "extras" / "tiny_real_rows" / f"{TINY[name]}.parquet")
    row = tasks()[name]
    assert set(row.columns.values()) <= set(table.column_names)
    for label in table[row.columns["label"]].to_pylist():
        assert label in row.labels or label in range(len(row.labels))


@pytest.mark.shared
@needs_shared
def test_the_local_files_are_those_that_the_data_notes_list():
    counts = {n: len({k[1] for k in files_of(n, SHARED)}) for n in OFFICIAL_LANGUAGES}
    assert counts["panx"] == 39
    assert counts["udpos"] == 28
    assert counts["tatoeba"] == 36
    assert counts["bucc"] == 1
    assert {c for s, c in files_of("udpos", SHARED) if s == "validation"}.isdisjoint(
        tasks()["udpos"].missing["validation"]
    )


@pytest.mark.shared
@needs_shared
@pytest.mark.parametrize("name", ["xnli", "tydiqa"])
def test_languages_inside_one_file_are_spelled_as_the_row_says(name):
    row, path = tasks()[name], files_of(name, SHARED)["validation", ""]
    column = row.columns["language" if row.language_in == "column" else "id"]
    values = pq.read_table(path, columns=[column])[column]
    found = {v.split("-", 1)[0] for v in pc.unique(values).to_pylist()}
    assert found == set(row.languages.values())


@pytest.mark.shared
@needs_shared
def test_string_labels_are_the_labels_of_the_rows():
    for name in ("xnli", "pawsx", "commonsense_qa"):
        row = tasks()[name]
        for (split, _), path in files_of(name, SHARED).items():
            column = row.columns["label"]
            found = set(pc.unique(pq.read_table(path, columns=[column])[column]).to_pylist())
            assert found == set(row.labels), (name, split)


@pytest.mark.shared
@needs_shared
@pytest.mark.parametrize("name", ["panx", "udpos"])
def test_tag_names_are_in_the_order_of_the_files_own_class_names(name):
    names = ", ".join(f'"{label}"' for label in tasks()[name].labels)
    for path in files_of(name, SHARED).values():
        assert f'"names": [{names}]' in pq.read_schema(path).metadata[b"huggingface"].decode()


@pytest.mark.shared
@needs_shared
def test_the_leak_of_squad_into_xquad_is_real():
    xquad = pq.read_table(files_of("xquad", SHARED)["validation", "en"], columns=["id"])
    questions = set(xquad["id"].to_pylist())
    extras = SHARED / "extras"
    for folder, number in [("squad_v1.1", 1190), ("squad_v2.0", 817)]:
        path = extras / f"{folder}_dev_from_explorer" / "validation.parquet"
        ids = set(pq.read_table(path, columns=["id"])["id"].to_pylist())
        assert len(ids & questions) == number


@pytest.mark.shared
@needs_shared
@pytest.mark.parametrize(
    ("name", "languages"),
    [
        ("xnli_validation_text", 15),
        ("panx_test_text", 40),
        ("mlqa_validation_contexts", 7),
        ("udpos_validation_text", 24),
    ],
)
def test_a_corpus_finds_its_text(name, languages):
    corpus = corpora()[name]
    found = set()
    for code, word in corpus.languages.items():
        for folder in corpus.folders:
            place = SHARED / folder.replace("{language}", word)
            for path in place.glob(corpus.file.replace("{language}", word)):
                assert set(corpus.columns) <= set(pq.read_schema(path).names)
                found.add(code)
    assert len(found) == languages


def test_what_a_corpus_holds_are_splits_of_target_tasks():
    for corpus in corpora().values():
        for name, split in corpus.holds.items():
            assert split in tasks()[name].splits
    assert any(c.holds for c in corpora().values())
