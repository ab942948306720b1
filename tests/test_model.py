"""Models: what is saved comes back to the bit, and no checkpoint runs code or is filled with chance."""

from __future__ import annotations

import json
import shutil

import pytest
import tiny_models as tiny
import torch
from safetensors.torch import load_file, save_file
from transformers import BertConfig, BertModel, XLMRobertaConfig, XLMRobertaModel

from replication.batching import Batch, Feature, collate
from replication.errors import ReplicationError
from replication.model import EncoderWithHeads, hub_encoder, load, new_encoder, save
from replication.tasks.family import family
from replication.tasks.mlm import MaskedHead

SIZES = {
    "vocab_size": 320,
    "hidden_size": 16,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 32,
    "max_position_embeddings": 66,
    "pad_token_id": 1,
}
SENTENCES = [Feature([[0, 20, 30, 40, 2]], None), Feature([[0, 50, 2]], None)]


def batch():
    return collate(SENTENCES, 1, tiny.CPU)


def head():
    return family("classification").head(16, tiny.task("classification"), 0.0)


@pytest.fixture
def saved(tmp_path):
    model = tiny.model("classification", "tagging", seed=3)
    save(model, tmp_path)
    return tmp_path, model


def checkpoint(folder, architecture=XLMRobertaModel, config=XLMRobertaConfig, **changes):
    """Save a checkpoint as transformers does, and return the model with its folder."""
    torch.manual_seed(7)
    model = architecture(config(**{**SIZES, **changes})).eval()
    model.save_pretrained(folder)
    return model, folder


def resaved(folder, change):
    weights = load_file(folder / "model.safetensors")
    change(weights)
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})


def test_a_saved_model_comes_back_with_the_same_outputs_and_saves_to_the_same_bytes(
    saved, tmp_path
):
    folder, model = saved
    heads = {
        n: family(n.removeprefix("tiny_")).head(16, tiny.task(n.removeprefix("tiny_")), 0.0)
        for n in model.heads
    }
    again = load(folder, heads).eval()
    torch.testing.assert_close(again.hidden(batch()), model.hidden(batch()), rtol=0, atol=0)
    copy = tmp_path / "copy"
    copy.mkdir()
    save(again, copy)
    for name in ("model.safetensors", "config.json"):
        assert (copy / name).read_bytes() == (folder / name).read_bytes()


def test_heads_that_are_not_asked_for_are_left_out(saved):
    folder, model = saved
    again = load(folder, {"tiny_classification": head()})
    assert list(again.heads) == ["tiny_classification"]
    for name, weight in again.heads["tiny_classification"].state_dict().items():
        assert torch.equal(weight, model.heads["tiny_classification"].state_dict()[name])


def test_a_head_that_the_folder_lacks_is_refused_and_never_left_random(saved):
    with pytest.raises(ReplicationError, match=r"absent.*heads\.other.*expected"):
        load(saved[0], {"other": head()})


def test_absent_weights_are_refused(saved):
    resaved(saved[0], lambda w: w.pop("encoder.embeddings.LayerNorm.weight"))
    with pytest.raises(ReplicationError, match=r"1 weights absent.*LayerNorm"):
        load(saved[0], {})


def test_surplus_weights_are_refused(saved):
    resaved(saved[0], lambda w: w.update({"encoder.more": torch.zeros(2)}))
    with pytest.raises(ReplicationError, match=r"1 surplus.*encoder\.more"):
        load(saved[0], {})


def test_weights_of_another_shape_are_refused(saved):
    resaved(saved[0], lambda w: w.update({"encoder.embeddings.LayerNorm.weight": torch.zeros(3)}))
    with pytest.raises(ReplicationError, match="another shape"):
        load(saved[0], {})


def test_the_tied_projection_of_masked_language_modelling_is_saved_once(tmp_path):
    model = tiny.model()
    model.heads["mlm"] = MaskedHead(model.encoder.get_input_embeddings())
    save(model, tmp_path)
    matrices = [n for n, t in load_file(tmp_path / "model.safetensors").items() if 320 in t.shape]
    assert sorted(matrices) == ["encoder.embeddings.word_embeddings.weight", "heads.mlm.bias"]


@pytest.mark.parametrize(
    ("architecture", "config"), [(XLMRobertaModel, XLMRobertaConfig), (BertModel, BertConfig)]
)
def test_a_checkpoint_folder_of_transformers_gives_its_hidden_states_at_every_layer(
    tmp_path, architecture, config
):
    reference, folder = checkpoint(tmp_path, architecture, config)
    model = EncoderWithHeads(hub_encoder(str(folder), None), {}).eval()
    padded = batch()
    states = reference(
        input_ids=padded.input_ids,
        attention_mask=padded.attention_mask,
        output_hidden_states=True,
    )
    for layer, state in enumerate(states.hidden_states):
        torch.testing.assert_close(model.hidden(padded, layer), state, rtol=0, atol=1e-6)
    torch.testing.assert_close(model.hidden(padded), states.last_hidden_state, rtol=0, atol=1e-6)
    copy = tmp_path / "copy"
    copy.mkdir()
    save(model, copy)
    torch.testing.assert_close(load(copy, {}).eval().hidden(padded), model.hidden(padded))


def test_a_layer_that_the_encoder_does_not_have_is_refused():
    with pytest.raises(ReplicationError, match="found 3 ; expected 0 to 2"):
        tiny.model().hidden(batch(), 3)


def test_a_sentence_reads_the_same_alone_and_beside_a_longer_one():
    model = tiny.model()
    both = model.hidden(batch())
    alone = model.hidden(collate(SENTENCES[1:], 1, tiny.CPU))
    torch.testing.assert_close(both[1, :3], alone[0], rtol=0, atol=1e-6)


def test_a_checkpoint_in_half_precision_is_computed_and_kept_in_fp32(tmp_path):
    reference, folder = checkpoint(tmp_path / "half")
    reference.half().save_pretrained(folder)
    model = EncoderWithHeads(hub_encoder(str(folder), None), {})
    assert {p.dtype for p in model.parameters()} == {torch.float32}
    with torch.no_grad():
        model.encoder.embeddings.LayerNorm.weight.add_(1e-5)  # below the resolution of fp16
    save(model, tmp_path)
    again = load(tmp_path, {})
    weight = "encoder.embeddings.LayerNorm.weight"
    assert torch.equal(again.state_dict()[weight], model.state_dict()[weight])


def test_a_checkpoint_that_lacks_weights_is_refused_and_not_filled_with_random_ones(tmp_path):
    _, folder = checkpoint(tmp_path)
    resaved(folder, lambda w: [w.pop(n) for n in list(w) if "layer.1." in n])
    with pytest.raises(ReplicationError, match=r"found no weights for encoder\.layer\.1.*whole"):
        hub_encoder(str(folder), None)


def test_a_checkpoint_that_is_only_a_pickle_is_refused(tmp_path):
    model, folder = checkpoint(tmp_path)
    (folder / "model.safetensors").unlink()
    torch.save(model.state_dict(), folder / "pytorch_model.bin")
    with pytest.raises(ReplicationError, match=r"cannot be loaded.*model\.safetensors"):
        hub_encoder(str(folder), None)


def test_a_damaged_checkpoint_is_refused_with_its_name(tmp_path):
    _, folder = checkpoint(tmp_path)
    (folder / "model.safetensors").write_bytes(b"\xff" * 64)
    with pytest.raises(ReplicationError, match="cannot be loaded"):
        hub_encoder(str(folder), None)


def test_an_absent_checkpoint_is_refused_with_its_name(tmp_path):
    with pytest.raises(ReplicationError, match=r"nothing-here'.*cannot be loaded"):
        hub_encoder(str(tmp_path / "nothing-here"), None)


@pytest.mark.parametrize("known_type", [True, False])
def test_code_in_a_checkpoint_is_never_run(tmp_path, known_type):
    """Of a known type, the library's own class is taken; of an unknown one, nothing is."""
    _, folder = checkpoint(tmp_path / "checkpoint")
    trace = tmp_path / "trace"
    code = f"open({str(trace)!r}, 'w').close()\nclass Model: pass\nclass Config: pass\n"
    (folder / "evil.py").write_text(code, encoding="utf-8")
    settings = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    settings["auto_map"] = {"AutoModel": "evil.Model", "AutoConfig": "evil.Config"}
    if not known_type:
        settings["model_type"] = "evil"
    (folder / "config.json").write_text(json.dumps(settings), encoding="utf-8")
    if known_type:
        assert isinstance(hub_encoder(str(folder), None), XLMRobertaModel)
    else:
        with pytest.raises(ReplicationError, match="cannot be loaded"):
            hub_encoder(str(folder), None)
    assert not trace.exists()
    shutil.rmtree(folder)


def test_a_saved_config_that_names_code_is_loaded_without_running_it(saved, tmp_path):
    folder, model = saved
    trace = tmp_path / "trace"
    (folder / "evil.py").write_text(f"open({str(trace)!r}, 'w').close()\n", encoding="utf-8")
    settings = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    settings["auto_map"] = {"AutoModel": "evil.Model"}
    (folder / "config.json").write_text(json.dumps(settings), encoding="utf-8")
    again = load(folder, {}).eval()
    torch.testing.assert_close(again.hidden(batch()), model.hidden(batch()), rtol=0, atol=0)
    assert not trace.exists()


def test_encoders_that_tell_segments_apart_get_the_second_sentence_as_the_second_segment():
    config = BertConfig(
        vocab_size=50, hidden_size=16, num_hidden_layers=1, num_attention_heads=2,
        intermediate_size=32, type_vocab_size=2, pad_token_id=0,
    )  # fmt: skip
    torch.manual_seed(0)
    model = EncoderWithHeads(new_encoder(config), {}).eval()
    ids = torch.tensor([[2, 10, 11, 3, 12, 3], [2, 10, 3, 0, 0, 0]])
    mask = (ids != 0).long()
    types = torch.tensor([[0, 0, 0, 0, 1, 1], [0, 0, 0, 1, 1, 1]])
    batch = Batch(ids, mask, [])
    with torch.no_grad():
        expected = model.encoder(input_ids=ids, attention_mask=mask, token_type_ids=types)[0]
        model.separator = 3
        assert torch.equal(model.hidden(batch), expected)
        model.separator = None
        assert not torch.equal(model.hidden(batch)[0], expected[0])
