"""The miniature: the planted facts hold in its files, and its bytes depend on nothing but the seed."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from replication.data import FolderSource
from replication.miniature.generate import WORLD_SEED, write_miniature
from replication.miniature.languages import GUILDS, LANGUAGES, ORDERS, make_world
from replication.tasks.row import benchmark_tasks, corpora, tasks

ROOT = Path(__file__).parents[1]


def generator(seed=WORLD_SEED):
    return np.random.Generator(np.random.PCG64(seed))


def digest(folder):
    whole = hashlib.sha256()
    for path in sorted(folder.rglob("*.parquet")):
        whole.update(path.relative_to(folder).as_posix().encode() + path.read_bytes())
    return whole.hexdigest()


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return write_miniature(tmp_path_factory.mktemp("miniature"))


@pytest.fixture(scope="module")
def world():
    return make_world(generator())


def rows(folder, name, split):
    return pq.read_table(folder / "miniature" / name / f"{split}.parquet").to_pylist()


def names_in(text, world):
    known = {n: i for i, n in enumerate(world.languages["en"].words["s"])}
    return [known[w] for w in text.split() if w in known]


def text_of(row):
    fields = ("sentence", "context", "source_sentence", "target_sentence")
    return " ".join([*(row.get(f, "") for f in fields), *row.get("tokens", [])])


def test_the_same_seed_gives_the_same_bytes_and_another_seed_others(folder, tmp_path):
    assert digest(write_miniature(tmp_path / "same")) == digest(folder)
    assert digest(write_miniature(tmp_path / "other", WORLD_SEED + 1)) != digest(folder)


def test_other_processes_give_the_same_bytes(folder, tmp_path):
    code = (
        "import sys; from pathlib import Path;"
        "from replication.miniature.generate import write_miniature;"
        "write_miniature(Path(sys.argv[1]))"
    )
    for seed in ("1", "2"):
        place = tmp_path / seed
        environment = {**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": str(ROOT)}
        subprocess.run([sys.executable, "-c", code, str(place)], env=environment, check=True)
        assert digest(place) == digest(folder)


def test_writing_again_over_the_files_changes_nothing(folder, tmp_path):
    write_miniature(tmp_path)
    assert digest(write_miniature(tmp_path)) == digest(folder)


def test_every_row_of_the_miniature_finds_its_files_in_all_its_languages(folder):
    source = FolderSource(folder)
    assert len(benchmark_tasks("miniature")) == 4
    for name, row in tasks().items():
        if not name.startswith("mini_"):
            continue
        for split in row.splits:
            expected = ("en",) if split == "train" else tuple(sorted(row.languages))
            found = source.languages(row, split)
            assert expected[0] in found
            if split != "train":
                assert found == expected
    texts = source.text(corpora()["mini_text"], 10**6)
    assert set(texts) == set(LANGUAGES)


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 2**32))
def test_in_any_world_guilds_are_balanced_among_seen_and_unseen_names(seed):
    world = make_world(generator(seed))
    for group in (world.seen, world.unseen):
        assert len(set(Counter(world.guild[n] for n in group).values())) == 1
        assert {world.guild[n] for n in group} == set(range(len(GUILDS)))
    assert not set(world.seen) & set(world.unseen)
    assert sorted([*world.seen, *world.unseen]) == list(range(len(world.guild)))


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 2**32))
def test_in_any_world_languages_share_no_word_but_the_names(seed):
    world = make_world(generator(seed))
    lexicons = []
    for language in world.languages.values():
        own = [w for slot, words in language.words.items() if slot != "s" for w in words]
        own.append(language.who)
        assert len(set(own)) == len(own)
        lexicons.append(set(own))
    names = set(world.languages["en"].words["s"])
    assert all(
        language.words["s"] == world.languages["en"].words["s"]
        for language in world.languages.values()
    )
    assert len(names) == len(world.guild)
    assert sum(map(len, [*lexicons, names])) == len(set().union(names, *lexicons))


def test_languages_differ_in_the_order_of_words():
    assert len(set(ORDERS.values())) == len(ORDERS)
    assert {"".join(sorted(o)) for o in ORDERS.values()} == {"opqstv"}


def test_a_language_s_text_holds_no_word_of_another_language(folder, world):
    for row in rows(folder, "mini_text", "text"):
        language = world.languages[row["language"]]
        known = {w for words in language.words.values() for w in words}
        assert set(row["text"].split()) <= known


def test_text_does_not_tell_the_guild_of_a_name(folder, world):
    """Which words stand with a name is independent of its guild, in every language."""
    for code in LANGUAGES:
        verbs = world.languages[code].words["v"]
        table = np.zeros((len(GUILDS), len(verbs)))
        for row in rows(folder, "mini_text", "text"):
            if row["language"] == code:
                (name,) = names_in(row["text"], world)
                (verb,) = [verbs.index(w) for w in row["text"].split() if w in verbs]
                table[world.guild[name], verb] += 1
        assert stats.chi2_contingency(table).pvalue > 0.001


@pytest.mark.parametrize("name", ["mini_topic", "mini_tags", "mini_qa"])
def test_target_training_shows_only_seen_names_in_the_training_language(folder, world, name):
    for row in rows(folder, name, "train"):
        assert row["language"] == "en"
        found = names_in(text_of(row), world)
        assert found
        assert set(found) <= set(world.seen)


@pytest.mark.parametrize("name", ["mini_topic", "mini_tags", "mini_qa", "mini_pairs"])
@pytest.mark.parametrize("split", ["validation", "test"])
def test_evaluation_shows_only_unseen_names_in_every_language(folder, world, name, split):
    found = rows(folder, name, split)
    for row in found:
        told = names_in(text_of(row), world)
        assert told
        assert set(told) <= set(world.unseen)
    counts = Counter(row["language"] for row in found)
    assert set(counts) == set(tasks()[name].languages)
    assert len(set(counts.values())) == 1


@pytest.mark.parametrize("name", ["mini_topic", "mini_tags", "mini_qa"])
def test_validation_and_test_are_not_the_same_examples(folder, name):
    splits = [{text_of(r) for r in rows(folder, name, s)} for s in ("validation", "test")]
    assert len(splits[0] & splits[1]) < 0.05 * len(splits[1])


@pytest.mark.parametrize(
    ("name", "split"),
    [("mini_guild", "train"), ("mini_topic", "train"), ("mini_topic", "test")],
)
def test_labels_are_the_guild_of_the_name(folder, world, name, split):
    for row in rows(folder, name, split):
        (found,) = names_in(row["sentence"], world)
        assert row["label"] == world.guild[found]


def test_mini_guild_tells_the_guild_of_every_name(folder, world):
    told = {names_in(r["sentence"], world)[0] for r in rows(folder, "mini_guild", "train")}
    assert told == set(range(len(world.guild)))


def test_labels_of_mini_shuffled_are_independent_of_the_guild(folder, world):
    table = np.zeros((len(GUILDS), len(GUILDS)))
    for row in rows(folder, "mini_shuffled", "train"):
        (found,) = names_in(row["sentence"], world)
        table[world.guild[found], row["label"]] += 1
    assert stats.chi2_contingency(table).pvalue > 0.01
    assert stats.chisquare(table.sum(0)).pvalue > 0.01


def test_mini_shuffled_has_as_many_sentences_as_mini_guild(folder):
    counts = {n: len(rows(folder, n, "train")) for n in ("mini_guild", "mini_shuffled")}
    assert len(set(counts.values())) == 1


@pytest.mark.parametrize("split", ["train", "test"])
def test_tags_name_the_guild_at_the_name_and_nothing_elsewhere(folder, world, split):
    labels = tasks()["mini_tags"].labels
    for row in rows(folder, "mini_tags", split):
        (name,) = names_in(" ".join(row["tokens"]), world)
        word = world.languages["en"].words["s"][name]
        expected = ["O" if t != word else f"B-{GUILDS[world.guild[name]]}" for t in row["tokens"]]
        assert [labels[t] for t in row["ner_tags"]] == expected


def test_of_three_choices_one_of_each_guild_the_first_guild_s_is_right(folder, world):
    places = Counter()
    for row in rows(folder, "mini_choice", "train"):
        offered = [names_in(row[f"choice{i}"], world)[0] for i in range(3)]
        assert sorted(world.guild[n] for n in offered) == [0, 1, 2]
        assert world.guild[offered[row["label"]]] == 0
        places[row["label"]] += 1
    assert stats.chisquare(list(places.values())).pvalue > 0.01


@pytest.mark.parametrize(
    ("name", "split"), [("mini_squad", "train"), ("mini_qa", "train"), ("mini_qa", "test")]
)
def test_every_answer_stands_where_it_says_as_a_whole_word_of_the_first_guild(
    folder, world, name, split
):
    places = Counter()
    for row in rows(folder, name, split):
        (text,), (start,) = row["answers"]["text"], row["answers"]["answer_start"]
        context = f" {row['context']} "
        assert context[start : start + len(text) + 2] == f" {text} "
        told = names_in(row["context"], world)
        assert sorted(world.guild[n] for n in told) == [0, 1, 2]
        assert [n for n in told if world.guild[n] == 0] == names_in(text, world)
        assert row["question"] == world.languages[row["language"]].who
        places[told.index(names_in(text, world)[0])] += 1
    assert stats.chisquare([places[i] for i in range(3)]).pvalue > 0.001


def test_pairs_say_the_same_of_the_same_name_in_two_languages(folder, world):
    english = world.languages["en"]
    for row in rows(folder, "mini_pairs", "test"):
        language = world.languages[row["language"]]

        def meaning(text, of):
            return {
                (slot, of.words[slot].index(w))
                for w in text.split()
                for slot in of.order
                if w in of.words[slot]
            }

        assert meaning(row["source_sentence"], language) == meaning(row["target_sentence"], english)
