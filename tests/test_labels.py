"""Tagging whose row names no tags: they are those of the training data."""

from __future__ import annotations

import pytest
import tiny_models
import tiny_runs
from hypothesis import given
from hypothesis import strategies as st
from tiny_data import UNHURRIED, write

from claims.estimand import Condition
from replication.data import FolderSource
from replication.errors import DataError
from replication.miniature.generate import write_miniature
from replication.store import Store
from replication.tasks import labels
from replication.tasks.family import family
from replication.tasks.labels import with_labels
from replication.tasks.row import tasks
from replication.worker import execute_stored as execute

CCG = tasks()["ccg"]
CATEGORIES = ("(S[dcl]\\NP)/NP", "N", "NP/N")


@given(st.lists(st.lists(st.text(min_size=1), max_size=4), min_size=1))
@UNHURRIED
def test_the_labels_are_the_tags_of_the_data_whatever_their_order(sentences):
    examples = [{"tags": tags} for tags in sentences]
    if not any(sentences):
        with pytest.raises(DataError, match="found 0 different tags"):
            with_labels(CCG, examples)
        return
    found = with_labels(CCG, examples).labels
    assert found == with_labels(CCG, examples[::-1]).labels
    assert set(found) == {t for tags in sentences for t in tags}
    assert list(found) == sorted(found)


@pytest.mark.parametrize("name", ["panx", "mnli", "squad_v1"])
def test_rows_that_need_no_labels_from_data_stay_as_they_are(name):
    assert with_labels(tasks()[name], [{"tags": ["anything"]}]) is tasks()[name]


@pytest.mark.parametrize("tag", [3, None, ["N"], b"N"])
def test_tags_that_are_no_text_are_refused(tag):
    with pytest.raises(DataError, match="task 'ccg': found tags of type"):
        with_labels(CCG, [{"tags": ["N", tag]}])


def test_too_many_tags_are_refused(monkeypatch):
    monkeypatch.setattr(labels, "MAX_LABELS", 2)
    assert len(with_labels(CCG, [{"tags": ["a", "b"]}]).labels) == 2
    with pytest.raises(DataError, match=r"found 3 different tags .* expected 1 to 2"):
        with_labels(CCG, [{"tags": ["a", "b", "c"]}])


@pytest.mark.parametrize("tags", [["N"], ["N", "N", "N"]])
def test_a_sentence_without_a_tag_for_each_word_is_refused(tags):
    example = {"id": "s1", "tokens": ["two", "words"], "tags": tags}
    task = with_labels(CCG, [example])
    with pytest.raises(DataError, match=r"'s1': found \d tags for 2 words"):
        family("tagging").features(
            [example], task, tiny_models.tokenizer(), tiny_models.LENGTHS, train=True
        )


def test_supertagging_trains_on_the_documented_format_beside_another_task(tmp_path):
    source = FolderSource(write_miniature(tmp_path / "data"), "miniature")
    rows = [{"tokens": ["they", "see", "it"], "tags": list(CATEGORIES)} for _ in range(12)]
    write(tmp_path / "data/ccg/train.parquet", rows)
    wanted = (Condition(intermediate=("ccg", "mini_guild")), "mini_topic")
    specs = [s for s in tiny_runs.specs(source, wanted)[1] if s.phase != "evaluation"]
    with Store.open(tmp_path / "store") as store:
        runs = [execute(spec, store, source) for spec in specs]
    assert [r.error for r in runs] == [None] * 3
    (mixed,) = [r for r in runs if r.spec.phase == "intermediate"]
    assert mixed.facts["labels.ccg"] == 3
    assert mixed.facts["examples.ccg"] == 12
    assert mixed.facts["steps.ccg"] > 0
    assert "labels.mini_guild" not in mixed.facts
