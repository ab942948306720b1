"""Batches: cutting and packing change how fast a batch is computed, never what comes out."""

from __future__ import annotations

import pytest
import tiny_models as tiny
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from replication.batching import Feature, collate, cut_by_length, pack_by_tokens
from replication.tasks.family import family
from replication.tasks.mlm import MASKED_LANGUAGE_MODELLING, MaskedHead, Masking

TRAINABLE = ("classification", "multiple_choice", "tagging", "span_qa")

shapes = st.lists(
    st.lists(st.integers(1, 40), min_size=1, max_size=4), min_size=1, max_size=40
).map(lambda rows: [Feature([[7] * n for n in row], None, example=i) for i, row in enumerate(rows)])


def padded_tokens(group):
    return max(f.length for f in group) * sum(len(f.sequences) for f in group)


@given(shapes, st.integers(1, 300))
def test_cutting_a_batch_loses_nothing_and_repeats_nothing(batch, most):
    groups = cut_by_length(batch, most)
    assert sorted(f.example for g in groups for f in g) == list(range(len(batch)))
    assert all(groups)


@given(shapes, st.integers(1, 300))
def test_a_micro_batch_passes_the_limit_only_where_a_single_feature_does(batch, most):
    for group in cut_by_length(batch, most):
        assert padded_tokens(group) <= most or len(group) == 1


@given(shapes, st.integers(1000, 5000))
def test_a_micro_batch_of_over_four_features_holds_none_under_60_percent_of_its_longest(
    batch, most
):
    for group in cut_by_length(batch, most):
        longest = group[0].length
        assert all(f.length >= 0.6 * longest for f in group[4:])


@given(shapes, st.integers(1, 300))
def test_a_cut_depends_on_lengths_and_order_alone(batch, most):
    """Equal features of other identity, hash and extras are cut at the same places."""
    again = [Feature([list(s) for s in f.sequences], object(), example=f.example) for f in batch]
    cuts = [[[f.example for f in g] for g in cut_by_length(b, most)] for b in (batch, again)]
    assert cuts[0] == cuts[1]


@given(shapes, st.integers(1, 300))
def test_packing_covers_every_feature_once_within_the_limit(batch, most):
    packs = list(pack_by_tokens(batch, most))
    assert sorted(i for pack in packs for i in pack) == list(range(len(batch)))
    for pack in packs:
        assert padded_tokens([batch[i] for i in pack]) <= most or len(pack) == 1


def test_packing_nothing_gives_no_batch():
    assert list(pack_by_tokens([], 10)) == []


@given(shapes)
def test_a_padded_batch_holds_each_sequence_at_the_left_and_masks_the_rest(batch):
    ids = [[[10 + f.example + k for k in range(len(s))] for s in f.sequences] for f in batch]
    batch = [Feature(s, None) for s in ids]
    padded = collate(batch, pad_id=1, device=tiny.CPU)
    rows = [s for sequences in ids for s in sequences]
    assert padded.input_ids.shape == (len(rows), max(map(len, rows)))
    for row, found, mask in zip(rows, padded.input_ids, padded.attention_mask, strict=True):
        assert found[: len(row)].tolist() == row
        assert set(found[len(row) :].tolist()) <= {1}
        assert mask.tolist() == [1] * len(row) + [0] * (len(found) - len(row))


def loss_and_gradients(model, name, objective, groups, weight):
    model.zero_grad(set_to_none=True)
    total = 0.0
    for group in groups:
        padded = collate(group, 1, tiny.CPU)
        loss = objective.loss(model.hidden(padded), model.heads[name], padded) / weight
        loss.backward()
        total += float(loss.detach())
    return total, {n: p.grad.clone() for n, p in model.named_parameters() if p.grad is not None}


def assert_cutting_changes_nothing(model, name, objective, batch, most):
    weight = sum(f.weight for f in batch)
    groups = cut_by_length(batch, most)
    whole, gradients = loss_and_gradients(model, name, objective, [batch], weight)
    cut, summed = loss_and_gradients(model, name, objective, groups, weight)
    assert cut == pytest.approx(whole, abs=2e-6)
    assert gradients.keys() == summed.keys()
    assert any(float(g.abs().max()) > 1e-4 for g in gradients.values())
    for key, gradient in gradients.items():
        torch.testing.assert_close(summed[key], gradient, atol=2e-6, rtol=0, msg=key)


@pytest.mark.parametrize("name", TRAINABLE)
@settings(max_examples=8, deadline=None)
@given(seed=st.integers(0, 99), most=st.integers(16, 400))
def test_micro_batches_sum_to_the_loss_and_gradients_of_the_whole_batch(name, seed, most):
    batch = tiny.features(name, 9, seed=seed)
    model = tiny.model(name)
    assert_cutting_changes_nothing(model, f"tiny_{name}", family(name), batch, most)


@settings(max_examples=8, deadline=None)
@given(seed=st.integers(0, 99), most=st.integers(16, 400))
def test_micro_batches_of_masked_text_sum_to_the_whole_batch(seed, most):
    tokenizer, model = tiny.tokenizer(), tiny.model()
    model.heads["mlm"] = MaskedHead(model.encoder.get_input_embeddings())
    masking = Masking(0.3, tokenizer.mask_token_id, frozenset(tokenizer.all_special_ids), 320)
    text = [Feature([f.sequences[0]], None) for f in tiny.features("classification", 9, seed=seed)]
    batch = masking(text, tiny.generator(seed))
    assert_cutting_changes_nothing(model, "mlm", MASKED_LANGUAGE_MODELLING, batch, most)
