"""Clusters of examples: translations and passages hang together, and nothing else does."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from replication.data import FolderSource
from replication.item_clusters import clusters, shared_ids
from replication.items import LanguageItems
from replication.miniature.generate import write_miniature
from replication.tasks.row import tasks
from replication.tasks.span_qa import passage

SHARED = Path(__file__).parents[2] / "shared"
PARALLEL = {"xnli", "pawsx", "xquad", "mlqa"}
needs_shared = pytest.mark.skipif(not SHARED.is_dir(), reason="the folder ../shared is not here")


def language(ids, passages=None):
    named = None if passages is None else pa.array(passages, pa.string())
    return LanguageItems(pa.array(ids, pa.string()), {}, named)


def named(code, ids):
    """Ids as data without ids get them."""
    return [f"{code}-{i}" for i in ids]


@st.composite
def corpora(draw, *, with_passages=True):
    """One to four languages with few ids and few passages, so that chains form."""
    found = {}
    prefixed = draw(st.booleans())
    for code in draw(st.sets(st.sampled_from(["de", "en", "sw", "zh"]), min_size=1)):
        ids = draw(st.lists(st.integers(0, 12).map(str), unique=True, max_size=10))
        ids = named(code, ids) if prefixed else ids
        chosen = st.lists(st.sampled_from("pqrstuvw"), min_size=len(ids), max_size=len(ids))
        found[code] = language(ids, draw(chosen) if with_passages and draw(st.booleans()) else None)
    return found


def by_hand(items, *, parallel):
    """The partition by joining sets, one pair of examples after another."""
    nodes = [(code, place) for code in items for place in range(items[code].n)]

    def said(node):
        code, place = node
        passages = items[code].passages
        name = items[code].ids[place].as_py().removeprefix(f"{code}-")
        return name, None if passages is None else passages[place].as_py()

    group = {node: {node} for node in nodes}
    for one in nodes:
        for two in nodes:
            (name, text), (other, told) = said(one), said(two)
            near = parallel or one[0] == two[0]
            if near and ((parallel and name == other) or (text is not None and text == told)):
                joined = group[one] | group[two]
                for node in joined:
                    group[node] = joined
    return {frozenset(g) for g in group.values()}


def partition(found, places=None):
    """The clusters as sets of (language, place)."""
    groups = {}
    for code, labels in found.labels.items():
        for place, label in enumerate(labels.tolist()):
            was = place if places is None else int(places[code][place])
            groups.setdefault(label, set()).add((code, was))
    return {frozenset(g) for g in groups.values()}


@given(corpora(), st.booleans())
def test_clusters_are_those_found_by_joining_sets_by_hand(items, parallel):
    found = clusters(items, parallel=parallel)
    assert partition(found) == by_hand(items, parallel=parallel)


@given(corpora(), st.booleans())
def test_labels_count_from_zero_by_first_appearance_without_gaps(items, parallel):
    found = clusters(items, parallel=parallel)
    assert set(found.labels) == set(items)
    assert all(found.labels[c].shape == (items[c].n,) for c in items)
    flat = [label for code in sorted(items) for label in found.labels[code].tolist()]
    assert list(dict.fromkeys(flat)) == list(range(found.count))


@given(corpora(), st.booleans(), st.integers(0, 2**32))
def test_the_order_of_rows_and_languages_changes_nothing_but_the_numbering(items, parallel, seed):
    rng = np.random.default_rng(seed)
    order = {code: rng.permutation(part.n) for code, part in items.items()}
    turned = {code: items[code].take(order[code]) for code in reversed(list(items))}
    found = clusters(turned, parallel=parallel)
    assert partition(found, order) == partition(clusters(items, parallel=parallel))


@given(corpora(), st.booleans())
def test_other_names_for_passages_change_nothing(items, parallel):
    def renamed(part):
        if part.passages is None:
            return part
        return language(part.ids.to_pylist(), [f"text {p}" for p in part.passages.to_pylist()])

    found = clusters({code: renamed(part) for code, part in items.items()}, parallel=parallel)
    assert partition(found) == partition(clusters(items, parallel=parallel))


@given(corpora())
def test_a_task_that_is_not_parallel_shares_nothing_between_languages(items):
    labels = clusters(items, parallel=False).labels
    sets = [set(part.tolist()) for part in labels.values()]
    assert sum(map(len, sets)) == len(set().union(*sets))


@given(corpora(with_passages=False))
def test_without_passages_or_translations_each_example_is_alone(items):
    assert clusters(items, parallel=False).count == sum(part.n for part in items.values())


@given(corpora(), st.booleans())
def test_knowing_more_of_what_hangs_together_only_ever_joins_clusters(items, parallel):
    """So a run of before passages were kept is resampled in smaller clusters, never in others."""
    bare = {code: LanguageItems(part.ids, part.outcomes) for code, part in items.items()}
    fine = partition(clusters(bare, parallel=parallel))
    coarse = partition(clusters(items, parallel=parallel))
    assert all(any(small <= large for large in coarse) for small in fine)


def test_row_numbers_with_their_language_before_them_name_one_example():
    ids = pa.array(["de-0", "de-11", "en-1", "", "de", "x-de-1"])
    assert shared_ids("de", ids).to_pylist() == ["0", "11", "en-1", "", "de", "x-de-1"]
    found = clusters(
        {"de": language(["de-0", "de-1"]), "en": language(["en-1", "en-2"])}, parallel=True
    )
    assert {c: part.tolist() for c, part in found.labels.items()} == {"de": [0, 1], "en": [1, 2]}


def test_no_language_at_all_gives_no_cluster():
    assert clusters({}, parallel=True).count == 0
    assert clusters({"en": language([], [])}, parallel=True).count == 0


def test_the_parallel_rows_are_those_whose_ids_name_translations():
    assert {name for name, row in tasks().items() if row.parallel} == PARALLEL


def test_the_miniature_draws_anew_for_every_language_so_none_of_it_is_parallel(tmp_path):
    """Same row numbers, other sentences: labels agree by chance, as three classes do."""
    source = FolderSource(write_miniature(tmp_path), "miniature")
    labels = [
        [e["label"] for e in source.examples(tasks()["mini_topic"], "test", code, None)]
        for code in ("en", "qaa", "qab")
    ]
    for one, two in ((0, 1), (0, 2), (1, 2)):
        assert 0.2 < np.mean(np.equal(labels[one], labels[two])) < 0.47


def real(name, code):
    row = tasks()[name]
    split = "test" if name in {"xnli", "pawsx"} else "validation"
    return FolderSource(SHARED / "xtreme").examples(row, split, code, None)


@pytest.mark.shared
@needs_shared
@pytest.mark.parametrize("name", ["xnli", "pawsx"])
def test_row_numbers_of_the_real_data_name_the_same_pair_in_every_language(name):
    """Translations keep their label, but for the few that are missing; the next row does not."""
    per_language = {c: [e["label"] for e in real(name, c)] for c in sorted(tasks()[name].languages)}
    english = np.array(per_language["en"])
    assert {len(labels) for labels in per_language.values()} == {english.size}
    for labels in per_language.values():
        assert np.mean(english == labels) > 0.98
        assert np.mean(english[1:] == labels[:-1]) < 0.6


@pytest.mark.shared
@needs_shared
@pytest.mark.parametrize(("name", "sizes"), [("xquad", {11}), ("mlqa", {2, 3, 4})])
def test_ids_of_the_real_questions_name_translations_in_several_languages(name, sizes):
    """Where the English answer is a number, the same digits answer the question elsewhere."""
    per_language = {c: {e["id"]: e for e in real(name, c)} for c in sorted(tasks()[name].languages)}
    english = per_language["en"]
    numbers = {i: t for i, e in english.items() if (t := e["answers"]["text"][0]).isdecimal()}
    assert len(numbers) > 50
    for code, found in per_language.items():
        assert set(found) <= set(english)
        same = [numbers[i] in found[i]["answers"]["text"][0] for i in numbers if i in found]
        assert np.mean(same) > (0.6 if code in {"ar", "hi"} else 0.9), code  # own digits there
    held = {sum(i in found for found in per_language.values()) for i in english}
    assert held == sizes


@pytest.mark.shared
@needs_shared
def test_questions_about_one_real_passage_make_one_cluster_over_languages():
    """XQuAD: 1190 questions about 240 paragraphs, all of it in each language."""
    items = {}
    for code in ("en", "de", "zh"):
        questions = real("xquad", code)
        told = [passage(e["context"]) for e in questions]
        items[code] = language([e["id"] for e in questions], told)
    found = clusters(items, parallel=True)
    assert found.count == 240
    assert found.labels["en"].tolist() == found.labels["de"].tolist() == found.labels["zh"].tolist()
    assert clusters(items, parallel=False).count == 3 * 240
