"""Span QA: answers are found where they stand, in every window, and read back as text."""

from __future__ import annotations

import re
from itertools import pairwise

import numpy as np
import pytest
import tiny_models as tiny
import torch
from hypothesis import assume, given, settings
from hypothesis import example as example_of
from hypothesis import strategies as st

from replication.batching import collate
from replication.errors import ReplicationError
from replication.protocol import Lengths
from replication.tasks.family import family
from replication.tasks.span_qa import passage, realign

KIND = family("span_qa")
TASK = tiny.task("span_qa")

visible = st.characters(categories=("L", "N", "P", "S", "M"))
words = st.text(visible, min_size=1, max_size=8)
contexts = st.lists(words, min_size=1, max_size=60).map(" ".join)


def example(context, answer=None, start=0, question="figu nu"):
    answers = {"text": [], "answer_start": []}
    if answer is not None:
        answers = {"text": [answer], "answer_start": [start]}
    return {
        "id": "q",
        "language": "en",
        "question": question,
        "context": context,
        "answers": answers,
    }


def windows(one, *, train, max_length=48, stride=8, kind="bytes"):
    lengths = Lengths(max_length=max_length, stride=stride)
    return KIND.features([one], TASK, tiny.tokenizer(kind), lengths, train=train)


def logits_for(features, spans):
    """Hidden states from which a head that passes them on reads exactly these spans."""
    longest = max(f.length for f in features)
    hidden = torch.zeros(len(features), longest, 2)
    for row, span in enumerate(spans):
        if span is not None:
            hidden[row, span[0], 0] = hidden[row, span[1], 1] = 10.0
    return hidden


def read(one, features, spans):
    batch = collate(features, 1, tiny.CPU)
    raw = KIND.predict(logits_for(features, spans), torch.nn.Identity(), batch)
    return KIND.score([one], features, raw, TASK)


@st.composite
def questions(draw):
    context = draw(contexts)
    begin = draw(st.integers(0, len(context) - 1))
    end = draw(st.integers(begin + 1, min(len(context), begin + 20)))
    answer = context[begin:end]
    assume(answer.strip())
    return example(context, answer, begin)


@given(contexts, st.data())
def test_an_answer_that_stands_where_it_says_stays_there(context, data):
    begin = data.draw(st.integers(0, len(context) - 1))
    end = data.draw(st.integers(begin + 1, len(context)))
    assert realign(context, context[begin:end], begin) == begin


@given(contexts, words, st.integers(-20, 400))
def test_an_answer_is_realigned_to_its_nearest_place_or_to_none(context, answer, start):
    found = realign(context, answer, start)
    places = [i for i in range(len(context)) if context.startswith(answer, i)]
    if not places:
        assert found is None
    else:
        assert context.startswith(answer, found)
        assert abs(found - start) == min(abs(p - start) for p in places)


@given(contexts, st.integers(0, 5), st.data())
def test_offsets_shifted_by_trimmed_blanks_find_their_answer_again(context, trimmed, data):
    begin = data.draw(st.integers(0, len(context) - 1))
    answer = context[begin : begin + 30]
    assume(context.count(answer) == 1)
    assert realign(context, answer, begin + trimmed) == begin


@settings(max_examples=150, deadline=None)
@given(questions())
def test_a_target_covers_the_answer_with_no_whole_token_to_spare(one):
    """Tokens may reach beyond the answer, but the first and the last each hold a part of it."""
    answer, start = one["answers"]["text"][0], one["answers"]["answer_start"][0]
    start += len(answer) - len(answer.lstrip())
    end = start + len(answer.strip())
    train, evaluation = windows(one, train=True), windows(one, train=False)
    pointed = 0
    for feature, twin in zip(train, evaluation, strict=True):
        first, last = feature.target
        offsets = twin.extra["offsets"]
        if (first, last) == (0, 0):
            inside = [o for o in offsets if o is not None]
            assert not (inside[0][0] <= start and inside[-1][1] >= end)
            continue
        pointed += 1
        assert offsets[first][0] <= start < offsets[first][1]
        assert offsets[last][0] < end <= offsets[last][1]
        covered = one["context"][offsets[first][0] : offsets[last][1]]
        assert answer.strip() in covered
    assert pointed >= 1 or len(tiny.tokenizer()(answer)["input_ids"]) > 8


@settings(max_examples=60, deadline=None)
@given(st.lists(words, min_size=1, max_size=60), st.data())
def test_predicting_the_targets_of_training_gives_back_the_answer(listed, data):
    """Answers of whole words, which tokens respect; a window without the answer says nothing."""
    first = data.draw(st.integers(0, len(listed) - 1))
    answer = " ".join(listed[first : first + 2])
    assume(2 <= len(tiny.tokenizer()(answer)["input_ids"]) - 2 <= 8)
    start = len("".join(w + " " for w in listed[:first]))
    one = example(" ".join(listed), answer, start)
    train = windows(one, train=True)
    features = windows(one, train=False)
    spans = [None if f.target == (0, 0) else f.target for f in train]
    assert any(spans)
    scored = read(one, features, spans)
    assert scored.predictions == [answer]


@settings(max_examples=60, deadline=None)
@given(contexts, st.integers(0, 2**32 - 1))
def test_any_prediction_is_a_piece_of_the_context(context, seed):
    one = example(context, "x")
    features = windows(one, train=False)
    batch = collate(features, 1, tiny.CPU)
    torch.manual_seed(seed)
    hidden = torch.randn(*batch.input_ids.shape, 2)
    raw = KIND.predict(hidden, torch.nn.Identity(), batch)
    (prediction,) = KIND.score([one], features, raw, TASK).predictions
    assert prediction in context
    assert prediction == prediction.strip()


@settings(max_examples=60, deadline=None)
@given(contexts, st.integers(0, 10))
def test_windows_cover_the_context_and_overlap_by_the_stride(context, stride):
    features = windows(example(context), train=False, stride=stride)
    offsets = [[o for o in f.extra["offsets"] if o is not None] for f in features]
    covered = {i for spans in offsets for begin, end in spans for i in range(begin, end)}
    assert covered >= {i for i, c in enumerate(context) if not c.isspace()}
    question = len(tiny.tokenizer()("figu nu", add_special_tokens=False)["input_ids"])
    for before, after in pairwise(features):
        tail = before.sequences[0][-1 - stride : -1]
        assert after.sequences[0][3 + question : 3 + question + stride] == tail


def test_an_answer_outside_a_window_points_it_at_the_first_token():
    context = " ".join(["bado"] * 60 + ["kalo"])
    features = windows(example(context, "kalo", len(context) - 4), train=True)
    assert len(features) > 2
    assert [f.target for f in features[:-1]] == [(0, 0)] * (len(features) - 1)
    assert features[-1].target != (0, 0)


@pytest.mark.parametrize(
    "one",
    [
        example("bado figu"),
        example("bado figu", "", 0),
        example("bado figu", "  ", 0),
        example("bado figu", "kalo", 0),
    ],
)
def test_a_question_without_an_answer_to_point_at_is_dropped_in_training_only(one):
    assert windows(one, train=True) == []
    assert len(windows(one, train=False)) == 1


def test_dropping_a_question_leaves_the_others_with_their_own_answers():
    usable = example("bado figu kalo", "kalo", 10)
    features = KIND.features(
        [example("bado", "none", 0), usable], TASK, tiny.tokenizer(), tiny.LENGTHS, train=True
    )
    (alone,) = windows(usable, train=True, max_length=64)
    assert [f.example for f in features] == [1]
    assert features[0].target == alone.target != (0, 0)


def test_blanks_around_an_answer_do_not_lose_it():
    one = example("bado figu kalo", " figu ", 4)
    for kind in ("bytes", "words"):
        (feature,) = windows(one, train=True, kind=kind)
        (plain,) = windows(example("bado figu kalo", "figu", 5), train=True, kind=kind)
        assert feature.target == plain.target != (0, 0)


@settings(max_examples=60, deadline=None)
@given(st.text(max_size=400), st.integers(0, 10))
def test_a_question_of_any_length_leaves_every_window_room_for_context(question, stride):
    context = " ".join(["bado"] * 40)
    features = windows(example(context, question=question), train=False, stride=stride)
    ends = [f.extra["offsets"][-2][1] for f in features]
    assert all(f.length <= 48 for f in features)
    assert ends[-1] == len(context)


@settings(max_examples=60, deadline=None)
@given(st.text("ﷺ㍿㎞½é好a ", min_size=1, max_size=200))
@example_of("z" * 23 + "ﷺ")
def test_a_question_of_characters_that_become_many_tokens_is_cut_too(question):
    features = windows(example("bado figu", question=question), train=False)
    assert all(f.length <= 48 for f in features)


def test_a_long_question_is_cut_to_64_tokens_where_the_window_has_room():
    tokenizer = tiny.tokenizer("words")
    question = " ".join(["bado"] * 100)
    (feature,) = windows(
        example("figu", question=question), train=False, max_length=400, kind="words"
    )
    assert feature.sequences[0].index(tokenizer.sep_token_id) == 65


def test_a_window_too_short_for_its_stride_is_refused_and_does_not_panic():
    with pytest.raises(ReplicationError, match="max_length 24 with stride 8 ; expected a window"):
        windows(example("bado figu"), train=False, max_length=24, stride=8)


@pytest.mark.parametrize("place", [0, -1])
def test_the_better_of_two_windows_gives_the_answer_wherever_it_stands(place):
    tokens = ["bado"] * 60
    tokens[place] = "kalo"
    context = " ".join(tokens)
    one = example(context, "kalo", context.index("kalo"))
    features = windows(one, train=False)
    spans = [f.target for f in windows(one, train=True)]
    hidden = logits_for(features, [s if s != (0, 0) else None for s in spans])
    other = -1 - place  # a weaker answer in the window at the other end
    hidden[other, 10, 0] = hidden[other, 10, 1] = 3.0
    raw = KIND.predict(hidden, torch.nn.Identity(), collate(features, 1, tiny.CPU))
    scored = KIND.score([one], features, raw, TASK)
    assert scored.predictions == ["kalo"]
    assert scored.scores == {"f1": 100.0, "exact_match": 100.0}


def test_an_answer_never_ends_before_it_begins_nor_spans_over_30_tokens():
    tokens = [f"bado{i}" for i in range(60)]
    one = example(" ".join(tokens), "x")
    features = windows(one, train=False, max_length=400, kind="words")
    for begin, end in ((20, 10), (5, 40)):
        (answer,) = read(one, features, [(begin, end)]).predictions
        assert 1 <= len(answer.split()) <= 30
        assert set(answer.split()) <= set(tokens)


def test_neither_the_question_nor_special_tokens_are_ever_an_answer():
    one = example("bado", "bado", 0)
    features = windows(one, train=False, kind="words")
    hidden = logits_for(features, [None])
    hidden[0, :, :] = 50.0
    hidden[0, [t for t, o in enumerate(features[0].extra["offsets"]) if o], :] = -50.0
    raw = KIND.predict(hidden, torch.nn.Identity(), collate(features, 1, tiny.CPU))
    assert KIND.score([one], features, raw, TASK).predictions == ["bado"]


def test_a_context_without_a_token_gives_the_empty_answer():
    one = example("", "bado")
    features = windows(one, train=False)
    scored = read(one, features, [None])
    assert scored.predictions == [""]
    assert scored.scores == {"f1": 0.0, "exact_match": 0.0}


def test_the_loss_is_the_mean_of_start_and_end():
    one = example("bado figu kalo", "figu", 5)
    features = windows(one, train=True)
    batch = collate(features, 1, tiny.CPU)
    torch.manual_seed(0)
    hidden = torch.randn(1, features[0].length, 2)
    loss = KIND.loss(hidden, torch.nn.Identity(), batch)
    first, last = features[0].target
    logs = torch.log_softmax(hidden[0], 0)
    torch.testing.assert_close(loss, -(logs[first, 0] + logs[last, 1]) / 2)


def test_only_the_metrics_of_the_task_are_scored_and_items_keep_both():
    one = example("bado", "bado", 0)
    features = windows(one, train=False)
    task = TASK.model_copy(update={"metrics": ("f1",)})
    batch = collate(features, 1, tiny.CPU)
    raw = KIND.predict(logits_for(features, [None]), torch.nn.Identity(), batch)
    scored = KIND.score([one], features, raw, task)
    assert list(scored.scores) == ["f1"]
    assert set(scored.items.column_names) == {"id", "passage", "f1", "exact_match"}
    assert np.isfinite(scored.items["f1"].to_numpy()).all()


@given(st.lists(st.text(max_size=30), min_size=1, max_size=6))
def test_questions_are_about_one_passage_exactly_where_the_context_is_the_same(contexts):
    names = [passage(context) for context in contexts]
    assert all(re.fullmatch("[0-9a-f]{16}", name) for name in names)
    assert [names.index(n) for n in names] == [contexts.index(c) for c in contexts]


def test_items_name_the_passage_of_each_question_the_same_on_every_machine():
    shared, other = "bado figu kalo", "figu"
    questions = [example(shared, "bado"), example(other, "figu"), example(shared, "kalo", 10)]
    features = KIND.features(questions, TASK, tiny.tokenizer(), tiny.LENGTHS, train=False)
    batch = collate(features, 1, tiny.CPU)
    raw = KIND.predict(logits_for(features, [None] * 3), torch.nn.Identity(), batch)
    found = KIND.score(questions, features, raw, TASK).items["passage"].to_pylist()
    assert found == ["6907ccb3ce8b86ac", "2bcf69e7fd9457b4", "6907ccb3ce8b86ac"]
