"""Tagging: every word is tagged once, at its first subword, however long the sentence."""

from __future__ import annotations

import pytest
import tiny_models as tiny
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from replication.batching import collate
from replication.errors import DataError, ReplicationError
from replication.protocol import Lengths
from replication.tasks.family import family

KIND = family("tagging")
TASK = tiny.task("tagging")

words = st.text(st.characters(categories=("L", "N", "P", "S", "Zs", "Cc")), max_size=12)
sentences = st.lists(words, min_size=1, max_size=40)


def example(tokens, tags=None):
    tags = [i % 3 for i in range(len(tokens))] if tags is None else tags
    return {"id": "s", "language": "en", "tokens": tokens, "tags": tags}


def windows(*examples, train=False, max_length=24, kind="bytes"):
    lengths = Lengths(max_length=max_length)
    return KIND.features(list(examples), TASK, tiny.tokenizer(kind), lengths, train=train)


def subwords(word, kind="bytes"):
    return tiny.tokenizer(kind)([word], is_split_into_words=True, add_special_tokens=False)[
        "input_ids"
    ]


@settings(max_examples=150, deadline=None)
@given(sentences, st.integers(8, 40))
def test_every_word_with_a_subword_stands_in_exactly_one_window_in_order(tokens, longest):
    features = windows(example(tokens), max_length=longest)
    found = [w for f in features for w in f.extra["words"]]
    assert found == [i for i, token in enumerate(tokens) if subwords(token)]
    assert all(f.length <= longest for f in features)
    assert all(f.weight == len(f.extra["words"]) for f in features)


@settings(max_examples=150, deadline=None)
@given(sentences, st.integers(8, 40))
def test_a_word_s_place_is_that_of_its_first_subword(tokens, longest):
    for feature in windows(example(tokens), max_length=longest):
        ids, starts = feature.sequences[0], feature.extra["starts"]
        ends = [*starts[1:], len(ids) - 1]
        for word, begin, end in zip(feature.extra["words"], starts, ends, strict=True):
            assert ids[begin:end] == subwords(tokens[word])[: longest - 2]


@settings(max_examples=60, deadline=None)
@given(sentences)
def test_training_keeps_each_word_s_own_tag(tokens):
    one = example(tokens)
    for feature in windows(one, train=True):
        assert feature.target == [one["tags"][w] for w in feature.extra["words"]]


def test_a_sentence_longer_than_the_limit_is_split_and_none_of_it_lost():
    one = example(["bado", "figu"] * 30)
    features = windows(one, max_length=16)
    assert len(features) > 3
    assert sum(f.weight for f in features) == 60


def test_a_word_longer_than_a_window_is_cut_and_its_neighbours_are_kept():
    features = windows(example(["bado", "好" * 40, "figu"]), max_length=12)
    assert [w for f in features for w in f.extra["words"]] == [0, 1, 2]
    assert max(f.length for f in features) == 12


def test_words_without_a_subword_have_no_loss_term_and_get_the_default_tag():
    one = example(["bado", "", "figu"], [1, 1, 1])
    (feature,) = windows(one, train=True)
    assert feature.extra["words"] == [0, 2]
    assert feature.target == [1, 1]
    scored = KIND.score([one], windows(one), [[1, 1]], TASK)
    assert scored.predictions == [["B-PER", "O", "B-PER"]]


def test_the_default_tag_of_a_set_without_o_is_its_first():
    task = TASK.model_copy(update={"labels": ("NOUN", "VERB")})
    one = example(["", "figu"], [0, 1])
    assert KIND.score([one], windows(one), [[1]], task).predictions == [["NOUN", "VERB"]]


def test_a_sentence_without_any_subword_is_dropped_in_training_and_still_scored():
    one = example([""], [1])
    assert windows(one, train=True) == []
    scored = KIND.score([one], windows(one), [], TASK)
    assert scored.predictions == [["O"]]
    assert scored.items.to_pylist() == [{"id": "s", "matched": 0, "predicted": 0, "gold": 1}]


@settings(max_examples=40, deadline=None)
@given(st.lists(sentences, min_size=1, max_size=5), st.integers(0, 999))
def test_tags_come_back_to_their_sentences_and_words_whatever_the_windows(listed, seed):
    examples = [{**example(tokens), "id": str(i)} for i, tokens in enumerate(listed)]
    features = windows(*examples)
    rng = tiny.generator(seed)
    tagged = [[int(t) for t in rng.integers(3, size=len(e["tokens"]))] for e in examples]
    raw = [[tagged[f.example][w] for w in f.extra["words"]] for f in features]
    scored = KIND.score(examples, features, raw, TASK)
    expected = [
        [
            TASK.labels[tag] if subwords(word) else "O"
            for word, tag in zip(tokens, tags, strict=True)
        ]
        for tokens, tags in zip(listed, tagged, strict=True)
    ]
    assert scored.predictions == expected


def test_predictions_are_read_at_first_subwords_and_split_by_sentence():
    features = windows(example(["好", "bado"]), example(["figu"]))
    batch = collate(features, 1, tiny.CPU)
    hidden = torch.zeros(*batch.input_ids.shape, 3)
    hidden[..., 0] = 1.0
    hidden[0, features[0].extra["starts"][1], 2] = 5.0
    hidden[1, features[1].extra["starts"][0], 1] = 5.0
    assert KIND.predict(hidden, torch.nn.Identity(), batch) == [[0, 2], [1]]


def test_a_tag_that_is_no_class_is_refused_with_the_sentence():
    with pytest.raises(DataError, match="'tiny_tagging' example 's': found label 9"):
        windows(example(["bado"], [9]), train=True)


def test_a_window_without_room_for_a_word_is_refused():
    with pytest.raises(ReplicationError, match="found max_length 2 ; expected 3 or more"):
        windows(example(["bado"]), max_length=2)
