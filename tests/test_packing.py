"""Packed batches: without padding the same losses, gradients and item outcomes come out."""

from __future__ import annotations

import json

import numpy as np
import pytest
import tiny_models as tiny
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from transformers import AutoModel, BertConfig

from replication.attention import _in_one_call
from replication.batching import Feature, collate, cut_by_tokens, pack_by_tokens
from replication.model import EncoderWithHeads, load, new_encoder, save
from replication.packing import Layout
from replication.protocol import Mixing
from replication.tasks.family import family
from replication.tasks.mlm import MASKED_LANGUAGE_MODELLING, MaskedHead, Masking
from replication.tasks.retrieval import Retrieval
from replication.training import Feed, train

TRAINABLE = ("classification", "multiple_choice", "tagging", "span_qa", "mlm")


def objective(name):
    return MASKED_LANGUAGE_MODELLING if name == "mlm" else family(name)


def made(name, count, seed, *, dropout=0.0):
    """A model with the head, and features to train it on."""
    if name != "mlm":
        return tiny.model(name, dropout=dropout), tiny.features(name, count, seed=seed)
    tokenizer, model = tiny.tokenizer(), tiny.model(dropout=dropout)
    model.heads["tiny_mlm"] = MaskedHead(model.encoder.get_input_embeddings())
    masking = Masking(0.3, tokenizer.mask_token_id, frozenset(tokenizer.all_special_ids), 320)
    text = tiny.features("classification", count, seed=seed)
    plain = [Feature([f.sequences[0]], None) for f in text]
    return model, masking(plain, tiny.generator(seed))


def layout(name):
    return Layout(getattr(objective(name), "reads", None))


def loss_and_gradients(model, name, features, how):
    model.zero_grad(set_to_none=True)
    torch.manual_seed(5)
    batch = collate(features, 1, tiny.CPU, how)
    loss = objective(name).loss(model.hidden(batch), model.heads[f"tiny_{name}"], batch)
    loss = loss / sum(f.weight for f in features)
    loss.backward()
    grads = {n: p.grad.clone() for n, p in model.named_parameters() if p.grad is not None}
    return float(loss.detach()), grads


def assert_same(one, other):
    assert one[0] == pytest.approx(other[0], rel=1e-5)
    assert one[1].keys() == other[1].keys()
    assert any(float(g.abs().max()) > 1e-4 for g in other[1].values())
    for key, gradient in other[1].items():
        torch.testing.assert_close(one[1][key], gradient, atol=2e-6, rtol=1e-5, msg=key)


@pytest.mark.parametrize("name", TRAINABLE)
@settings(max_examples=8, deadline=None)
@given(seed=st.integers(0, 99), count=st.sampled_from([1, 2, 7, 33]))
def test_packed_batches_give_the_loss_and_gradients_of_padded_ones(name, seed, count):
    model, features = made(name, count, seed)
    padded = loss_and_gradients(model, name, features, None)
    assert_same(loss_and_gradients(model, name, features, layout(name)), padded)
    assert_same(loss_and_gradients(model, name, features, Layout()), padded)


@pytest.mark.parametrize("wide", [(3, 24, 3), (1, 64, 4)])
def test_other_sizes_of_encoder_agree_too(wide):
    layers, width, attention_heads = wide
    config = new_encoder(
        tiny_config(layers=layers, width=width, attention_heads=attention_heads)
    ).config
    torch.manual_seed(1)
    head = family("span_qa").head(width, tiny.task("span_qa"), 0.0)
    model = EncoderWithHeads(new_encoder(config), {"tiny_span_qa": head}).eval()
    features = tiny.features("span_qa", 20)
    padded = loss_and_gradients(model, "span_qa", features, None)
    assert_same(loss_and_gradients(model, "span_qa", features, Layout()), padded)


def tiny_config(**changes):
    from replication.model import config_of

    return config_of(tiny.architecture(**changes), tiny.tokenizer())


def test_seeded_dropout_falls_on_the_same_places_where_there_is_no_padding_to_leave_out():
    """Sentences of one length: a pack holds what a padded batch holds, in the same order."""
    model, _ = made("span_qa", 1, 0, dropout=0.4)
    model.train()
    rng = tiny.generator(3)
    features = [
        Feature([[0, *rng.integers(5, 300, size=20).tolist(), 2]], (3, 5)) for _ in range(6)
    ]
    padded = loss_and_gradients(model, "span_qa", features, None)
    packed = loss_and_gradients(model, "span_qa", features, Layout())
    assert_same(packed, padded)
    torch.manual_seed(6)
    batch = collate(features, 1, tiny.CPU, Layout())
    other = objective("span_qa").loss(model.hidden(batch), model.heads["tiny_span_qa"], batch)
    assert abs(float(other.detach()) / len(features) - packed[0]) > 1e-3


@pytest.mark.parametrize("name", ["classification", "multiple_choice", "tagging", "span_qa"])
@pytest.mark.parametrize("most", [40, 5000])
def test_item_outcomes_are_those_of_padded_batches(name, most):
    model, examples = tiny.sure_model(name), tiny.examples(name, 40, tiny.generator(7))
    packed, padded = (tiny.scored(name, model, examples, most, how) for how in (layout(name), None))
    assert packed.items == padded.items
    assert packed.predictions == padded.predictions
    assert len({str(p) for p in packed.predictions}) > 1


@pytest.mark.parametrize("layer", [0, 1, 2, None])
def test_sentence_vectors_of_every_layer_agree(layer):
    kind, model = Retrieval(), tiny.model()
    features = tiny.features("retrieval", 9, train=False)
    vectors = []
    for how in (None, Layout()):
        batch = collate(features, 1, tiny.CPU, how)
        with torch.no_grad():
            vectors.append(np.stack(kind.predict(model.hidden(batch, layer), None, batch)))
    np.testing.assert_allclose(vectors[1], vectors[0], atol=1e-5)


@pytest.mark.parametrize(("name", "share"), [("classification", 0.1), ("tagging", 0.6)])
def test_the_last_layer_computes_only_what_the_head_reads(name, share):
    model, features = tiny.model(name), tiny.features(name, 9)
    batch = collate(features, 1, tiny.CPU, layout(name))
    seen = []
    for block in model.encoder.encoder.layer:
        block.intermediate.register_forward_hook(lambda _m, _i, o: seen.append(o.shape[1]))
    with torch.no_grad():
        model.hidden(batch)
        model.hidden(batch, 2)
    read = sum(len(r) for f in features for r in family(name).reads(f))
    total = batch.packing.input_ids.shape[1]
    assert seen == [total, read, total, total]
    assert read < share * total


def test_nothing_that_stands_in_padding_reaches_a_packed_batch():
    model = tiny.model("span_qa")
    features = tiny.features("span_qa", 9)
    batch = collate(features, 1, tiny.CPU, Layout())
    with torch.no_grad():
        fine = model.hidden(batch)
        for table in (model.encoder.embeddings.word_embeddings, position_table(model)):
            table.weight[1] = torch.nan
        batch.input_ids[batch.attention_mask == 0] = 7
        poisoned = model.hidden(batch)
    assert torch.equal(poisoned, fine)
    assert float(fine[batch.attention_mask == 0].abs().sum()) == 0.0


def position_table(model):
    return model.encoder.embeddings.position_embeddings


def test_a_padding_token_inside_a_sentence_has_the_position_that_xlm_r_gives_it():
    model = tiny.model()
    features = [Feature([[0, 9, 1, 10, 2]], None), Feature([[0, 1, 1, 2]], None)]
    batch = collate(features, 1, tiny.CPU, Layout())
    with torch.no_grad():
        packed = model.hidden(batch)
        batch.packing = None
        padded = model.hidden(batch)
    there = batch.attention_mask == 1
    torch.testing.assert_close(packed[there], padded[there], atol=1e-5, rtol=0)


shapes = st.lists(
    st.lists(st.integers(1, 40), min_size=1, max_size=4), min_size=1, max_size=40
).map(lambda rows: [Feature([[7] * n for n in row], None, example=i) for i, row in enumerate(rows)])


@given(shapes, st.integers(1, 300))
def test_parts_of_real_tokens_hold_every_feature_once_within_the_limit(batch, most):
    for parts in (
        cut_by_tokens(batch, most),
        [[batch[i] for i in p] for p in pack_by_tokens(batch, most, padded=False)],
    ):
        assert sorted(f.example for part in parts for f in part) == list(range(len(batch)))
        for part in parts:
            assert sum(f.tokens for f in part) <= most or len(part) == 1


@given(shapes)
def test_buckets_cover_the_pack_and_hold_sequences_of_like_length(batch):
    packing = collate(batch, 1, tiny.CPU, Layout()).packing
    buckets, rows = packing.buckets(), 0
    assert [b.begin for b in buckets] == [0, *[b.end for b in buckets[:-1]]]
    assert buckets[-1].end == packing.input_ids.shape[1]
    for bucket in buckets:
        part = packing.lengths[rows : rows + bucket.rows]
        assert bucket.length == part.max()
        assert part.min() >= 0.8 * bucket.length
        assert part.sum() == bucket.end - bucket.begin
        assert (bucket.places is None) == (part.min() == bucket.length)
        rows += bucket.rows
    assert rows == len(packing.lengths)


def test_a_checkpoint_does_not_tell_how_its_encoder_read_batches(tmp_path):
    """Whoever loads it with transformers alone gets transformers' own attention."""
    model = tiny.model("classification")
    assert model.packs
    save(model, tmp_path)
    assert "corroborate" not in json.dumps(json.loads((tmp_path / "config.json").read_text()))
    assert AutoModel.from_pretrained(tmp_path).config._attn_implementation == "sdpa"
    assert load(tmp_path, {}).packs


def bert():
    config = BertConfig(
        vocab_size=320, hidden_size=16, num_hidden_layers=1, num_attention_heads=2,
        intermediate_size=32, type_vocab_size=2, pad_token_id=1,
    )  # fmt: skip
    torch.manual_seed(0)
    kind = family("classification")
    head = kind.head(16, tiny.task("classification"), 0.0)
    return EncoderWithHeads(new_encoder(config), {"tiny_classification": head})


@pytest.mark.parametrize(
    ("model", "batches"), [(bert, "padded"), (lambda: tiny.model("classification"), "packed")]
)
def test_what_happened_in_training_says_how_batches_were_read(model, batches):
    kind = family("classification")
    feed = Feed(kind, tiny.features("classification", 8), tiny.recipe())
    trained = train(
        model(), {"tiny_classification": feed}, mixing=Mixing(), pad_id=1, rng=tiny.generator()
    )
    assert trained.batches == batches
    assert np.isfinite(trained.last_loss)


def test_the_gpu_s_operator_takes_what_it_is_given_and_has_a_gradient():
    """On torch's device without data; what it computes only a GPU can tell."""
    query, key, value = (
        torch.randn(100, 4, 64, dtype=torch.bfloat16, device="meta", requires_grad=True)
        for _ in range(3)
    )
    features = [Feature([[7] * n], None) for n in (40, 60)]
    packing = collate(features, 1, torch.device("meta"), Layout()).packing
    states = _in_one_call(query, key, value, packing, 0.1, 0.125)
    assert states.shape == (100, 4, 64)
    states.sum().backward()
    assert query.grad.shape == key.grad.shape == value.grad.shape == (100, 4, 64)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
@pytest.mark.parametrize("name", TRAINABLE)
def test_the_gpu_s_kernel_agrees_with_padded_batches_in_bf16(name):
    model, features = made(name, 33, 1)
    model = model.to("cuda")
    found = []
    for how in (None, layout(name)):
        model.zero_grad(set_to_none=True)
        batch = collate(features, 1, torch.device("cuda"), how)
        with torch.autocast("cuda", dtype=torch.bfloat16):
            hidden = model.hidden(batch)
            loss = objective(name).loss(hidden, model.heads[f"tiny_{name}"], batch)
        loss.backward()
        grads = {n: p.grad for n, p in model.named_parameters() if p.grad is not None}
        found.append((float(loss.detach()), grads))
    assert found[1][0] == pytest.approx(found[0][0], rel=2e-2)
    for key, gradient in found[0][1].items():
        torch.testing.assert_close(
            found[1][1][key], gradient, atol=5e-2 * float(gradient.abs().max()) + 1e-3, rtol=0
        )
