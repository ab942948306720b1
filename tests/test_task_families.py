"""The contract of task families, which every one that an entry point names must keep."""

from __future__ import annotations

import copy
import json
from importlib.metadata import entry_points

import numpy as np
import pytest
import tiny_models as tiny
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from replication.batching import Feature, collate
from replication.errors import DataError, ReplicationError
from replication.protocol import Lengths
from replication.tasks.family import Family, family
from replication.tasks.mlm import (
    MASKED_LANGUAGE_MODELLING,
    MaskedHead,
    Masking,
    resampled,
    text_features,
)

NAMES = sorted(e.name for e in entry_points(group="corroborate.task_families"))
TRAINED = [n for n in NAMES if n != "retrieval"]

every = pytest.mark.parametrize("name", NAMES)
trained = pytest.mark.parametrize("name", TRAINED)


def built(name, examples, *, train=False, lengths=tiny.LENGTHS):
    return family(name).features(examples, tiny.task(name), tiny.tokenizer(), lengths, train=train)


def predicted(name, model, features):
    head = dict(model.heads.items()).get(f"tiny_{name}")
    batch = collate(features, 1, tiny.CPU)
    with torch.inference_mode():
        return family(name).predict(model.hidden(batch), head, batch)


def model_for(name):
    return tiny.model(*([name] if name in TRAINED else []))


def test_every_installed_family_is_under_contract():
    assert set(NAMES) == set(tiny.COLUMNS)


@every
def test_an_entry_point_names_a_family_of_its_own_name(name):
    assert isinstance(family(name), Family)
    assert family(name).name == name


def test_an_unknown_family_is_refused_with_the_known_ones():
    with pytest.raises(ReplicationError, match=r"'parsing': found no entry point.*tagging"):
        family("parsing")


@every
@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 999))
def test_features_are_the_same_each_time_and_leave_the_examples_alone(name, seed):
    examples = tiny.examples(name, 6, tiny.generator(seed))
    before = copy.deepcopy(examples)
    assert built(name, examples) == built(name, examples)
    assert examples == before


@every
@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 999))
def test_evaluation_reads_no_gold_answer(name, seed):
    """Features for evaluation are built without what the examples say of the answer."""
    examples = tiny.examples(name, 6, tiny.generator(seed))
    blind = [{k: v for k, v in e.items() if k not in tiny.GOLD[name]} for e in examples]
    features = built(name, blind)
    assert features == built(name, examples)
    assert all(f.target is None for f in features)


@every
@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 999), longest=st.integers(24, 64))
def test_features_keep_to_the_length_and_name_every_example_in_order(name, seed, longest):
    examples = tiny.examples(name, 6, tiny.generator(seed))
    features = built(name, examples, lengths=Lengths(max_length=longest, stride=4))
    assert all(f.length <= longest for f in features)
    assert {f.example for f in features} == set(range(6))
    for sequence in (s for f in features for s in f.sequences):
        assert sequence[0] == 0
        assert sequence[-1] == 2


@trained
@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 999))
def test_training_and_evaluation_read_the_same_sequences(name, seed):
    examples = tiny.examples(name, 6, tiny.generator(seed))
    train, evaluation = built(name, examples, train=True), built(name, examples)
    assert [(f.sequences, f.example) for f in train] == [
        (f.sequences, f.example) for f in evaluation
    ]


@trained
def test_the_loss_of_a_batch_is_the_sum_of_its_features_losses(name):
    model, features = tiny.model(name), tiny.features(name, 6)
    head = model.heads[f"tiny_{name}"]

    def loss(group):
        batch = collate(group, 1, tiny.CPU)
        return family(name).loss(model.hidden(batch), head, batch).detach()

    torch.testing.assert_close(loss(features), sum(loss([f]) for f in features))


@trained
def test_a_loss_term_of_a_system_that_knows_nothing_is_the_log_of_its_choices(name):
    """With all weights of the head 0, every choice is equally likely; `weight` counts the terms."""
    model, features = tiny.model(name), tiny.features(name, 6)
    head = model.heads[f"tiny_{name}"]
    for parameter in head.parameters():
        torch.nn.init.zeros_(parameter)
    for feature in features:
        batch = collate([feature], 1, tiny.CPU)
        loss = float(family(name).loss(model.hidden(batch), head, batch).detach())
        choices = feature.length if name == "span_qa" else 3
        assert loss / feature.weight == pytest.approx(np.log(choices), rel=1e-5)


@every
@settings(max_examples=5, deadline=None)
@given(seed=st.integers(0, 99))
def test_a_prediction_does_not_depend_on_its_neighbours_in_the_batch(name, seed):
    model, features = model_for(name), tiny.features(name, 6, train=False, seed=seed)
    together = predicted(name, model, features)
    alone = [p for f in features for p in predicted(name, model, [f])]
    assert len(together) == len(alone) == len(features)
    examples, task = tiny.examples(name, 6, tiny.generator(seed)), tiny.task(name)
    scored = [family(name).score(examples, features, raw, task) for raw in (together, alone)]
    assert scored[0].predictions == scored[1].predictions
    assert scored[0].items == scored[1].items
    if name == "retrieval":
        np.testing.assert_allclose(together, alone, atol=1e-5)


@every
def test_scores_are_points_with_one_item_and_one_prediction_an_example(name):
    examples = tiny.examples(name, 7, tiny.generator())
    features = built(name, examples)
    raw = predicted(name, model_for(name), features)
    scored = family(name).score(examples, features, raw, tiny.task(name))
    assert scored.scores
    assert all(0 <= s <= 100 for s in scored.scores.values())
    assert scored.items["id"].to_pylist() == [e["id"] for e in examples]
    assert len(scored.predictions) == 7
    assert json.loads(json.dumps(scored.predictions)) == scored.predictions


@every
def test_scores_follow_from_the_items(name):
    examples = tiny.examples(name, 30, tiny.generator())
    features = built(name, examples)
    raw = predicted(name, model_for(name), features)
    scored = family(name).score(examples, features, raw, tiny.task(name))
    for metric, score in scored.scores.items():
        if metric in scored.items.column_names:
            expected = 100 * np.mean(scored.items[metric].to_numpy())
        else:
            matched, found, gold = (
                np.sum(scored.items[c].to_numpy()) for c in ("matched", "predicted", "gold")
            )
            expected = 200 * matched / (found + gold)
        assert score == pytest.approx(expected)


@pytest.mark.parametrize("name", ["classification", "multiple_choice", "tagging"])
def test_predicting_the_targets_of_training_scores_full_marks(name):
    """What training calls right and what scoring calls right are the same."""
    examples = tiny.examples(name, 9, tiny.generator())
    features = built(name, examples)
    raw = [f.target for f in built(name, examples, train=True)]
    scored = family(name).score(examples, features, raw, tiny.task(name))
    assert set(scored.scores.values()) == {100.0}


@pytest.mark.parametrize("name", ["classification", "multiple_choice"])
def test_scores_stay_with_their_examples_whatever_the_order_of_features(name):
    examples = tiny.examples(name, 9, tiny.generator())
    features, raw = built(name, examples), [int(f) for f in tiny.generator(4).integers(3, size=9)]
    order = tiny.generator(5).permutation(9)
    score = family(name).score
    straight = score(examples, features, raw, tiny.task(name))
    mixed = score(examples, [features[i] for i in order], [raw[i] for i in order], tiny.task(name))
    assert mixed.predictions == straight.predictions
    assert mixed.items == straight.items


@pytest.mark.parametrize("name", ["classification", "multiple_choice"])
@pytest.mark.parametrize("label", [3, -1, "perhaps", None, 1.0])
def test_a_label_that_is_no_class_is_refused_with_the_example(name, label):
    examples = tiny.examples(name, 3, tiny.generator())
    examples[1]["label"] = label
    with pytest.raises(DataError, match=rf"'tiny_{name}' example 'e1': found label .*0 to 2"):
        built(name, examples, train=True)


def test_labels_are_read_as_codes_or_as_names():
    examples = tiny.examples("classification", 2, tiny.generator())
    examples[0]["label"], examples[1]["label"] = 2, "maybe"
    assert [f.target for f in built("classification", examples, train=True)] == [2, 1]


def test_a_single_sentence_is_read_without_a_second_segment():
    task = tiny.task("classification").model_copy(update={"columns": {"first": "a", "label": "c"}})
    examples = [{"id": "e", "first": "badofi gu", "label": 0}]
    (feature,) = family("classification").features(
        examples, task, tiny.tokenizer(), tiny.LENGTHS, train=True
    )
    assert feature.sequences == [tiny.tokenizer()("badofi gu")["input_ids"]]


def test_of_a_pair_that_is_too_long_the_longer_sentence_is_cut_first():
    long, short = "bado " * 60, "figu"
    for pair in ((long, short), (short, long)):
        example = {"id": "e", "first": pair[0], "second": pair[1], "label": 0}
        (feature,) = built("classification", [example])
        text = tiny.tokenizer().decode(feature.sequences[0])
        assert feature.length == 64
        assert "figu" in text.replace(" ", "")


def test_choices_come_from_columns_and_from_a_struct_alike():
    example = {"id": "e", "question": "bado", "choices": ["fi", "gu", "ka"], "label": 2}
    struct = {**example, "choices": {"label": ["A", "B", "C"], "text": ["fi", "gu", "ka"]}}
    columns, fields = built("multiple_choice", [example]), built("multiple_choice", [struct])
    assert columns == fields
    expected = [tiny.tokenizer()("bado", c)["input_ids"] for c in ("fi", "gu", "ka")]
    assert columns[0].sequences == expected


def test_each_example_keeps_its_own_choices_in_order():
    examples = tiny.examples("multiple_choice", 4, tiny.generator())
    for example, feature in zip(examples, built("multiple_choice", examples), strict=True):
        expected = [tiny.tokenizer()(example["question"], c) for c in example["choices"]]
        assert feature.sequences == [e["input_ids"] for e in expected]


def test_a_context_is_read_before_the_question():
    task = tiny.task("multiple_choice")
    task = task.model_copy(update={"columns": {**task.columns, "context": "d"}})
    example = {"id": "e", "context": "nu", "question": "bado", "choices": ["fi", "gu", "ka"]}
    (feature,) = family("multiple_choice").features(
        [example], task, tiny.tokenizer(), tiny.LENGTHS, train=False
    )
    assert feature.sequences[0] == tiny.tokenizer()("nu bado", "fi")["input_ids"]


def test_another_number_of_choices_is_refused_with_the_example():
    examples = tiny.examples("multiple_choice", 2, tiny.generator())
    examples[1]["choices"] = examples[1]["choices"][:2]
    with pytest.raises(DataError, match="example 'e1': found 2 choices ; expected 3"):
        built("multiple_choice", examples)


def test_the_best_choice_is_sought_within_each_example():
    """The head's score is read off the hidden state itself: the place of the largest is known."""
    hidden = torch.zeros(6, 1, 1)
    hidden[[1, 5], 0, 0] = torch.tensor([1.0, 9.0])

    class First(torch.nn.Module):
        def forward(self, states):
            return states[:, 0]

    features = [Feature([[7]] * 3, None), Feature([[7]] * 3, None)]
    batch = collate(features, 1, tiny.CPU)
    assert family("multiple_choice").predict(hidden, First(), batch) == [1, 2]


def test_identical_sentences_find_each_other():
    examples = tiny.examples("retrieval", 40, tiny.generator())
    distinct = list({e["source"]: {**e, "target": e["source"]} for e in examples}.values())
    features = built("retrieval", distinct)
    raw = predicted("retrieval", tiny.model(), features)
    scored = family("retrieval").score(distinct, features, raw, tiny.task("retrieval"))
    assert scored.scores == {"accuracy": 100.0}
    assert scored.predictions == list(range(len(distinct)))


def test_vectors_that_have_nothing_in_common_find_each_other_by_chance():
    """Of 400 pairs about 1 is found by chance; 8 or more come once in 100 000."""
    examples = [{"id": str(i)} for i in range(400)]
    features = [
        Feature([[0]], None, example=i, extra={"side": side})
        for side in ("source", "target")
        for i in range(400)
    ]
    raw = list(tiny.generator().normal(size=(800, 16)).astype("float32"))
    scored = family("retrieval").score(examples, features, raw, tiny.task("retrieval"))
    assert scored.scores["accuracy"] <= 100 * 7 / 400


def test_the_english_side_asks_and_the_other_side_answers():
    """Two foreign sentences lie nearest to the same English one: asked from there, one is wrong."""
    vectors = {"source": [[1.0, 0.1], [1.0, 0.2]], "target": [[1.0, 0.0], [0.0, 1.0]]}
    examples = [{"id": "0"}, {"id": "1"}]
    features = [
        Feature([[0]], None, example=i, extra={"side": side}) for side in vectors for i in (0, 1)
    ]
    raw = [np.array(v, dtype="float32") for side in vectors.values() for v in side]
    scored = family("retrieval").score(examples, features, raw, tiny.task("retrieval"))
    assert scored.predictions == [0, 1]
    assert scored.scores == {"accuracy": 100.0}


def test_a_sentence_is_the_mean_of_its_tokens_without_padding_even_in_bfloat16():
    hidden = torch.ones(2, 301, 3, dtype=torch.bfloat16)
    hidden[1, 1:] = 50.0
    batch = collate([Feature([[7] * 301], None), Feature([[7]], None)], 1, tiny.CPU)
    long, short = family("retrieval").predict(hidden, None, batch)
    assert long.dtype == np.float32
    np.testing.assert_array_equal(long, [1.0, 1.0, 1.0])
    np.testing.assert_array_equal(short, [1.0, 1.0, 1.0])


def test_retrieval_refuses_to_be_trained():
    with pytest.raises(ReplicationError, match=r"tiny_retrieval.*expected no training"):
        built("retrieval", tiny.examples("retrieval", 2, tiny.generator()), train=True)


def masking(share=0.15):
    tokenizer = tiny.tokenizer()
    return Masking(share, tokenizer.mask_token_id, frozenset(tokenizer.all_special_ids), 320)


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 999), share=st.floats(0, 1))
def test_masking_asks_for_what_stood_there_and_touches_nothing_else(seed, share):
    text = tiny.features("retrieval", 4, train=False, seed=seed)
    for feature, masked in zip(text, masking(share)(text, tiny.generator(seed)), strict=True):
        before, after = feature.sequences[0], masked.sequences[0]
        places, gold = masked.target
        assert [before[p] for p in places] == gold
        assert not set(gold) & set(tiny.tokenizer().all_special_ids)
        assert masked.weight == len(places) == max(1, round((len(before) - 2) * share))
        assert all(
            b == a for i, (b, a) in enumerate(zip(before, after, strict=True)) if i not in places
        )


def test_of_the_places_eight_in_ten_are_masked_and_one_in_ten_kept():
    text = [Feature([[0, *range(10, 210), 2]], None) for _ in range(20)]
    kinds = {"mask": 0, "kept": 0, "other": 0}
    for feature in masking(1.0)(text, tiny.generator()):
        for place, gold in zip(*feature.target, strict=True):
            found = feature.sequences[0][place]
            mask = tiny.tokenizer().mask_token_id
            kinds["mask" if found == mask else "kept" if found == gold else "other"] += 1
    # 4000 places: four standard deviations of a share of 0.8 are 0.026, of 0.1 they are 0.019
    assert kinds["mask"] / 4000 == pytest.approx(0.8, abs=0.026)
    assert kinds["kept"] / 4000 == pytest.approx(0.1, abs=0.019)


def test_the_masked_loss_is_that_of_the_tied_embedding_at_the_masked_places():
    model = tiny.model()
    embedding = model.encoder.get_input_embeddings()
    head = MaskedHead(embedding)
    features = [Feature([[0, 20, 4, 30, 2]], ([2], [25]), weight=1)]
    batch = collate(features, 1, tiny.CPU)
    hidden = model.hidden(batch)
    loss = MASKED_LANGUAGE_MODELLING.loss(hidden, head, batch)
    dense = head.norm(torch.nn.functional.gelu(head.dense(hidden[0, 2])))
    expected = -torch.log_softmax(dense @ embedding.weight.T + head.bias, -1)[25]
    torch.testing.assert_close(loss, expected)


def drawn(texts, exponent):
    sizes = {code: len(pieces) for code, pieces in texts.items()}
    features = text_features(texts, tiny.tokenizer(), 16)
    return resampled(features, sizes, exponent=exponent, rng=tiny.generator())


def test_languages_are_resampled_by_their_size_to_the_exponent():
    texts = {"en": ["bado"] * 90, "sw": ["figu"] * 10, "none": []}
    for exponent, share in ((1.0, 0.1), (0.5, 0.25), (0.0, 0.5)):
        features = drawn(texts, exponent)
        small = tiny.tokenizer()("figu")["input_ids"]
        assert len(features) == 100
        assert sum(f.sequences == [small] for f in features) == round(100 * share)


def test_a_small_language_is_repeated_evenly_and_a_large_one_thinned_without_repetition():
    texts = {"en": [f"bado {i}" for i in range(90)], "sw": ["fi", "gu", "ka"]}
    features = drawn(texts, 0.0)
    counts: dict[tuple[int, ...], int] = {}
    for feature in features:
        counts[tuple(feature.sequences[0])] = counts.get(tuple(feature.sequences[0]), 0) + 1
    small = {tuple(tiny.tokenizer()(t)["input_ids"]) for t in texts["sw"]}
    assert {counts[s] for s in small} <= {15, 16}
    assert {n for s, n in counts.items() if s not in small} == {1}
