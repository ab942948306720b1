"""Item outcomes: nothing but what the run wrote is believed, and all of that is read back."""

from __future__ import annotations

import hashlib
import subprocess
import sys

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from test_store import WHERE

import replication.items as module
from claims.estimand import Condition
from replication.errors import StoreError
from replication.items import ITEMS, LanguageItems, positions, read_items
from replication.protocol import Base
from replication.run import DataUse, Measurement, Run, RunSpec


def spec(languages):
    return RunSpec(
        phase="evaluation",
        condition=Condition(),
        seed=0,
        tasks=("xnli",),
        parent=None,
        base=Base(checkpoint=None),
        data=(DataUse(name="xnli", split="test", languages=languages, revision="sha256:0"),),
        precision="fp32",
    )


def run_of(scores, **changes):
    """A finished run; scores: (language, metric) -> (points, examples)."""
    asked = spec(tuple(sorted({code for code, _ in scores})))
    measured = [
        Measurement(task="xnli", language=c, split="test", metric=m, score=score, n=n)
        for (c, m), (score, n) in sorted(scores.items())
    ]
    fields = {
        "spec_digest": asked.digest(),
        "spec": asked,
        "status": "finished",
        "measurements": tuple(measured),
        "environment": WHERE,
        "started": "2024-01-01T00:00:00Z",
        "seconds": 1.5,
    }
    return Run(**{**fields, **changes})


def written(folder, table, run, **how):
    """The run, as if it had written this table."""
    path = folder / ITEMS
    pq.write_table(table, path, **how)
    return stating(path, run)


def stating(path, run):
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    return run.model_copy(update={"artifacts": {ITEMS: digest}})


def plain(**changes):
    """Two languages, four examples; None takes a column away."""
    columns = {
        "language": ["de", "de", "en", "en"],
        "id": ["de-0", "de-1", "en-0", "en-1"],
        "accuracy": [1.0, 0.0, 1.0, 1.0],
    }
    return pa.table({k: v for k, v in {**columns, **changes}.items() if v is not None})


def answers(**changes):
    return plain(
        **{"accuracy": None, "f1": [1.0, 0.5, 1.0, 0.0], "exact_match": [1.0] * 4, **changes}
    )


def counts(**changes):
    columns = {"matched": [1, 0, 2, 0], "predicted": [1, 1, 2, 0], "gold": [1, 2, 3, 0]}
    return plain(**{"accuracy": None, **columns, **changes})


PLAIN = {("de", "accuracy"): (50.0, 2), ("en", "accuracy"): (100.0, 2)}
ANSWERS = {("de", "f1"): (75.0, 2), ("en", "f1"): (50.0, 2)}
COUNTS = {("de", "f1"): (40.0, 2), ("en", "f1"): (80.0, 2)}


rows = st.lists(
    st.tuples(st.sampled_from(["de", "en", "zh"]), st.text(max_size=20), st.floats(0, 1)),
    min_size=1,
    max_size=30,
    unique_by=lambda row: row[:2],
)


@settings(max_examples=60)
@given(rows, st.permutations(["language", "id", "accuracy"]), st.integers(1, 40))
def test_rows_in_any_order_come_back_by_language_in_their_order(
    tmp_path_factory, rows, order, group
):
    folder = tmp_path_factory.mktemp("run")
    own = {c: [(i, v) for code, i, v in rows if code == c] for c, _, _ in rows}
    scores = {
        (c, "accuracy"): (100 * sum(v for _, v in part) / len(part), len(part))
        for c, part in own.items()
    }
    columns = dict(zip(["language", "id", "accuracy"], zip(*rows, strict=True), strict=True))
    table = pa.table({name: list(columns[name]) for name in order})
    found = read_items(folder, written(folder, table, run_of(scores), row_group_size=group))
    assert list(found.languages) == sorted(own)
    for code, part in own.items():
        items = found.languages[code]
        assert list(zip(items.ids.to_pylist(), items.outcomes["accuracy"], strict=True)) == part


@pytest.mark.parametrize(
    ("table", "scores"), [(plain(), PLAIN), (answers(), ANSWERS), (counts(), COUNTS)]
)
def test_each_sort_of_outcome_is_read_with_or_without_passages_where_there_may_be(
    tmp_path, table, scores
):
    found = read_items(tmp_path, written(tmp_path, table, run_of(scores)))
    assert found.languages["de"].passages is None
    if "f1" in table.column_names:
        more = answers(passage=["a", "a", "b", "c"])
        found = read_items(tmp_path, written(tmp_path, more, run_of(scores)))
        assert found.languages["en"].passages.to_pylist() == ["b", "c"]


def test_an_f1_of_nothing_found_and_nothing_true_is_zero(tmp_path):
    none = counts(matched=[0] * 4, predicted=[0] * 4, gold=[0] * 4)
    scores = {("de", "f1"): (0.0, 2), ("en", "f1"): (0.0, 2)}
    found = read_items(tmp_path, written(tmp_path, none, run_of(scores)))
    assert found.languages["de"].score("f1") == 0.0


HOSTILE = {
    "an extra column": (plain(more=[1, 2, 3, 4]), PLAIN, "columns .*'more'"),
    "a missing column": (plain(id=None), PLAIN, "columns 'language', 'accuracy'"),
    "passages of sentences": (plain(passage=["a"] * 4), PLAIN, "columns .*'passage'"),
    "one metric of two": (answers(exact_match=None), ANSWERS, "columns .*'f1'"),
    "another type": (plain(accuracy=[1, 0, 1, 1]), PLAIN, "accuracy of type int64"),
    "counts as floats": (counts(gold=[1.0, 2.0, 3.0, 0.0]), COUNTS, "gold of type double"),
    "ids as numbers": (plain(id=[0, 1, 2, 3]), PLAIN, "id of type int64"),
    "nested": (plain(id=[["a"], ["b"], ["c"], ["d"]]), PLAIN, "id of type list"),
    "no value": (plain(accuracy=[1.0, None, 1.0, 1.0]), PLAIN, "no value in column accuracy"),
    "no id": (plain(id=["a", None, "b", "c"]), PLAIN, "no value in column id"),
    "not a number": (plain(accuracy=[1.0, float("nan"), 1.0, 1.0]), PLAIN, "accuracy nan in 'de'"),
    "infinite": (plain(accuracy=[1.0, -float("inf"), 1.0, 1.0]), PLAIN, "accuracy -inf in 'de'"),
    "above one": (plain(accuracy=[1.0, 0.0, 1.5, 0.5]), PLAIN, "accuracy 1.5 in 'en', not from 0"),
    "below zero": (answers(f1=[2.0, -0.5, 1.0, 0.0]), ANSWERS, "f1 2 in 'de'"),
    "negative counts": (counts(matched=[1, -1, 2, 0]), COUNTS, "matched -1 in 'de'"),
    "countless": (counts(gold=[1, 2**60, 3, 0]), COUNTS, "gold 1.15292e.18 in 'de'"),
    "more matched than found": (
        counts(matched=[1, 0, 3, 0]), COUNTS, "1 examples in 'en' with more matched than",
    ),
    "one id twice": (plain(id=["a", "a", "a", "b"]), PLAIN, "1 repeated ids in 'de'"),
    "other scores": (plain(accuracy=[1.0, 1.0, 1.0, 1.0]), PLAIN, "accuracy 100.0+ from the items"),
    "other languages": (
        plain(language=["de", "de", "fr", "fr"]), PLAIN,
        "no items in 'en', which has a score; items in 'fr', which has no score",
    ),
    "fewer items": (
        plain().slice(0, 3), PLAIN, "1 items in 'en' where 2 were scored",
    ),
    "no rows": (plain().slice(0, 0), PLAIN, "no items in 'de', which has a score; no items in 'en'"),
    "another metric": (plain(), ANSWERS, "no outcomes of the measured f1 in 'de'"),
    "long ids": (plain(id=["x" * 2000, "b", "c", "d"]), PLAIN, "too long texts"),
}  # fmt: skip


@pytest.mark.parametrize("name", HOSTILE)
def test_items_that_a_run_cannot_have_written_are_refused_and_the_run_is_named(tmp_path, name):
    table, scores, message = HOSTILE[name]
    run = written(tmp_path, table, run_of(scores))
    named = f"run '{run.spec_digest[:12]}' .evaluation xnli .* seed 0.: items.parquet: found .*"
    with pytest.raises(StoreError, match=f"{named}{message}.* ; expected .*Leave the run out"):
        read_items(tmp_path, run)


def test_all_faults_of_a_file_are_told_at_once_but_no_endless_list(tmp_path):
    bad = plain(accuracy=[2.0, 0.0, 3.0, 1.0], id=["a", "a", "b", "b"])
    with pytest.raises(StoreError) as caught:
        read_items(tmp_path, written(tmp_path, bad, run_of(PLAIN)))
    assert all(f"accuracy {v} in" in str(caught.value) for v in (2, 3))
    assert str(caught.value).count("1 repeated ids") == 2
    many = pa.table(
        {"language": [f"l{i}" for i in range(500)], "id": ["a"] * 500, "accuracy": [0.5] * 500}
    )
    with pytest.raises(StoreError, match="496 more faults") as caught:
        read_items(tmp_path, written(tmp_path, many, run_of(PLAIN)))
    assert len(str(caught.value)) < 1000


@settings(max_examples=30)
@given(st.data())
def test_a_file_changed_by_one_bit_is_refused(tmp_path_factory, data):
    folder = tmp_path_factory.mktemp("run")
    run = written(folder, plain(), run_of(PLAIN))
    content = bytearray((folder / ITEMS).read_bytes())
    content[data.draw(st.integers(0, len(content) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    (folder / ITEMS).write_bytes(bytes(content))
    with pytest.raises(StoreError, match=r"found SHA-256 [0-9a-f]{16} ; expected [0-9a-f]{16}, as"):
        read_items(folder, run)


@settings(max_examples=60)
@given(st.data())
def test_bytes_that_are_no_parquet_are_refused_even_where_the_record_knows_them(
    tmp_path_factory, data
):
    folder = tmp_path_factory.mktemp("run")
    written(folder, plain(), run_of(PLAIN))
    content = (folder / ITEMS).read_bytes()
    cut = data.draw(st.integers(0, len(content) - 1))
    (folder / ITEMS).write_bytes(content[:cut])
    with pytest.raises(StoreError, match="found no Parquet of that shape"):
        read_items(folder, stating(folder / ITEMS, run_of(PLAIN)))


def test_more_rows_than_the_bound_are_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "MAX_ITEMS", 3)
    with pytest.raises(StoreError, match="found 4 rows or more ; expected at most 3"):
        read_items(tmp_path, written(tmp_path, plain(), run_of(PLAIN)))


def test_a_file_that_understates_its_rows_is_refused_once_they_come(tmp_path, monkeypatch):
    """The footer's number of rows, a zigzag varint after the byte 0x16, is set from 4000 to 100."""
    monkeypatch.setattr(module, "MAX_ITEMS", 1000)
    table = pa.table({"language": ["en"] * 4000, "id": ["a"] * 4000, "accuracy": [1.0] * 4000})
    written(tmp_path, table, run_of(PLAIN))
    content = (tmp_path / ITEMS).read_bytes()
    footer = len(content) - 8 - int.from_bytes(content[-8:-4], "little")
    at = content.index(b"\x16\xc0\x3e\x19", footer)
    (tmp_path / ITEMS).write_bytes(content[:at] + b"\x16\xc8\x01\x19" + content[at + 4 :])
    assert pq.read_metadata(tmp_path / ITEMS).num_rows == 100
    with pytest.raises(StoreError, match="found 4000 rows or more ; expected at most 1000"):
        read_items(tmp_path, stating(tmp_path / ITEMS, run_of(PLAIN)))


def test_few_bytes_that_hold_much_text_are_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "MAX_BYTES", 20_000)
    table = pa.table({"language": ["en"] * 900, "id": ["x" * 900] * 900, "accuracy": [1.0] * 900})
    run = written(tmp_path, table, run_of(PLAIN), compression="zstd")
    assert (tmp_path / ITEMS).stat().st_size < 20_000
    with pytest.raises(StoreError, match="found too long texts ; expected at most 1000 bytes a"):
        read_items(tmp_path, run)
    monkeypatch.setattr(module, "MAX_BYTES", 100)
    with pytest.raises(StoreError, match="too large a file ; expected a plain file of at most 100"):
        read_items(tmp_path, run)


def test_a_link_a_folder_or_nothing_in_the_place_of_the_file_is_refused(tmp_path):
    run = written(tmp_path, plain(), run_of(PLAIN))
    (tmp_path / ITEMS).rename(tmp_path / "elsewhere")
    with pytest.raises(
        StoreError, match=r"no readable file .FileNotFoundError. ; expected a plain"
    ):
        read_items(tmp_path, run)
    (tmp_path / ITEMS).symlink_to(tmp_path / "elsewhere")
    with pytest.raises(StoreError, match="found a link"):
        read_items(tmp_path, run)
    (tmp_path / ITEMS).unlink()
    (tmp_path / ITEMS).mkdir()
    with pytest.raises(StoreError, match="found a link, a special file"):
        read_items(tmp_path, run)


def test_only_a_finished_evaluation_of_one_task_has_items(tmp_path):
    run = written(tmp_path, plain(), run_of(PLAIN))
    trained = run.spec.model_copy(update={"phase": "target"})
    other = run.measurements[0].model_copy(update={"task": "pawsx"})
    for changes, message in (
        ({"status": "failed"}, "a failed evaluation run"),
        ({"spec": trained}, "a finished target run"),
        ({"measurements": ()}, "with scores of 0 tasks"),
        ({"measurements": (other, *run.measurements)}, "with scores of 2 tasks"),
        ({"measurements": (other,)}, "scores of 'pawsx' on test ; expected those of the data"),
        ({"artifacts": {}}, "no such artifact in the run's record"),
    ):
        with pytest.raises(StoreError, match=message):
            read_items(tmp_path, run.model_copy(update=changes))


@given(st.floats(0, 1e-4))
def test_a_score_may_differ_from_its_items_by_rounding_only(tmp_path_factory, by):
    folder = tmp_path_factory.mktemp("run")
    run = written(folder, plain(), run_of({**PLAIN, ("de", "accuracy"): (50.0 + by, 2)}))
    if by <= 0.9e-6:
        assert read_items(folder, run).languages["de"].n == 2
    elif by >= 1.1e-6:
        with pytest.raises(StoreError, match=r"accuracy 50\.0+ from the items in 'de'"):
            read_items(folder, run)


names = st.lists(st.text("abc", max_size=3), unique=True, max_size=12)


@given(names, names, st.booleans())
def test_positions_say_where_each_id_stands_and_taking_them_aligns_two_runs(left, right, same):
    right = list(left) if same else right
    one, two = pa.array(left, pa.string()), pa.array(right, pa.string())
    found = positions(one, two)
    assert found.dtype == np.int64
    assert found.tolist() == [right.index(i) if i in right else -1 for i in left]
    values = np.arange(len(right), dtype=np.float64)
    items = LanguageItems(two, {"accuracy": values}, two).take(found[found >= 0])
    kept = [i for i in left if i in right]
    assert items.ids.to_pylist() == items.passages.to_pylist() == kept
    assert items.outcomes["accuracy"].tolist() == [right.index(i) for i in kept]


def test_outcomes_cannot_be_changed_in_place(tmp_path):
    found = read_items(tmp_path, written(tmp_path, plain(), run_of(PLAIN)))
    with pytest.raises(ValueError, match="read-only"):
        found.languages["de"].outcomes["accuracy"][0] = 0.0


def test_reading_items_needs_no_library_for_training():
    code = "import sys, replication.items, replication.item_clusters as _\n"
    code += "print({'torch', 'transformers', 'datasets', 'ray'} & set(sys.modules))"
    found = subprocess.run(
        [sys.executable, "-c", code], check=True, capture_output=True, text=True, timeout=120
    )
    assert found.stdout.strip() == "set()"
