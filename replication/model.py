"""The encoder with its heads: built from a config, a checkpoint folder or a hub id, and saved.

Checkpoints are a folder with `config.json` and `model.safetensors`; nothing is ever unpickled and no
code of a checkpoint is run.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from transformers import (
    AutoConfig,
    AutoModel,
    AutoModelForMaskedLM,
    PretrainedConfig,
    XLMRobertaConfig,
)

from replication.attention import PACKED, can_pack
from replication.batching import Batch
from replication.checkpoints import checkpoint_folder
from replication.errors import ReplicationError
from replication.products import through_onednn
from replication.protocol import Architecture, Base
from replication.tasks.mlm import MaskedHead

__all__ = [
    "EncoderWithHeads",
    "config_of",
    "hub_encoder",
    "load",
    "masked_head",
    "new_encoder",
    "save",
    "shape_of",
]

WEIGHTS = "model.safetensors"
CONFIG = "config.json"
HEAD = "heads."


class EncoderWithHeads(nn.Module):
    """One shared encoder and a head per task."""

    def __init__(self, encoder: nn.Module, heads: Mapping[str, nn.Module]) -> None:
        super().__init__()
        self.encoder = encoder
        through_onednn(encoder)
        self.heads = nn.ModuleDict(dict(heads))
        self.separator: int | None = None
        """Token between two sentences; needed by encoders that tell segments apart, such as BERT."""
        self.packs = can_pack(encoder)
        """Whether the encoder reads packed batches; others get padded ones."""
        self._wanted: Tensor | None = None
        if self.packs:
            encoder.config._attn_implementation = PACKED  # type: ignore[union-attr]  # noqa: SLF001
            last: Any = encoder.encoder.layer[-1]  # type: ignore[union-attr, index]
            last.attention.output.register_forward_pre_hook(self._only_wanted)

    @property
    def batches(self) -> str:
        """Return how the encoder reads batches: `packed` or `padded`."""
        return "packed" if self.packs else "padded"

    @property
    def width(self) -> int:
        """Return the size of a hidden state."""
        return int(self.encoder.config.hidden_size)  # type: ignore[union-attr, arg-type]

    @property
    def dropout(self) -> float:
        """Return the encoder's dropout, which heads share; 0 where its config names none."""
        config = self.encoder.config
        return float(getattr(config, "hidden_dropout_prob", getattr(config, "dropout", 0.0)))

    def hidden(self, batch: Batch, layer: int | None = None) -> Tensor:
        """Return hidden states, (rows, length, width).

        What they are at padding is nobody's business; of a packed batch it is 0, and so it is where
        the batch says that the head does not read.

        Args:
            batch: token ids, padded or packed.
            layer: index of the hidden state, 0 being the embeddings; None for the last.

        Raises:
            ReplicationError: the encoder has no such layer.
        """
        if batch.packing is None or not self.packs:
            return self._padded(batch, layer)
        packing, whole = batch.packing, batch.packing.wanted is None or layer is not None
        self._wanted = None if whole else packing.wanted
        try:
            output = self.encoder(
                input_ids=packing.input_ids,
                position_ids=packing.ordinals + self.encoder.config.pad_token_id,  # type: ignore[union-attr, operator]
                packing=packing,
                output_hidden_states=layer is not None,
            )
        finally:
            self._wanted = None
        states = _layer(output, layer)[0]
        places = packing.places if whole else packing.places[packing.wanted]
        rows, length = batch.input_ids.shape
        padded = states.new_zeros(rows * length, states.shape[-1]).index_copy(0, places, states)
        return padded.view(rows, length, -1)

    def _only_wanted(self, module: nn.Module, states: tuple[Tensor, ...]) -> Any:
        """Leave to the last layer, after its attention, the tokens that a head reads."""
        del module
        if self._wanted is None:
            return None
        return tuple(s.index_select(1, self._wanted) for s in states)

    def _padded(self, batch: Batch, layer: int | None) -> Tensor:
        inputs = {"input_ids": batch.input_ids, "attention_mask": batch.attention_mask}
        if getattr(self.encoder.config, "type_vocab_size", 0) > 1 and self.separator is not None:
            ends = (batch.input_ids == self.separator).long()
            inputs["token_type_ids"] = (ends.cumsum(1) - ends).clamp(max=1)
        output = self.encoder(**inputs, output_hidden_states=layer is not None)
        return _layer(output, layer)


def _layer(output: Any, layer: int | None) -> Tensor:
    """Return one of an encoder's hidden states."""
    if layer is None:
        return output.last_hidden_state  # type: ignore[no-any-return]
    if layer >= len(output.hidden_states):
        raise ReplicationError(
            f"retrieval layer: found {layer} ; expected 0 to {len(output.hidden_states) - 1}."
        )
    return output.hidden_states[layer]  # type: ignore[no-any-return]


def config_of(architecture: Architecture, tokenizer: Any) -> XLMRobertaConfig:
    """Return an XLM-R config of the given size, its vocabulary that of the tokenizer."""
    return XLMRobertaConfig(
        vocab_size=len(tokenizer),
        hidden_size=architecture.width,
        num_hidden_layers=architecture.layers,
        num_attention_heads=architecture.attention_heads,
        intermediate_size=architecture.feed_forward,
        # XLM-R counts positions from the padding index on, hence two more than tokens
        max_position_embeddings=architecture.max_positions + 2,
        type_vocab_size=1,
        layer_norm_eps=1e-5,
        hidden_dropout_prob=architecture.dropout,
        attention_probs_dropout_prob=architecture.dropout,
        pad_token_id=tokenizer.pad_token_id,
        bos_token_id=tokenizer.cls_token_id,
        eos_token_id=tokenizer.sep_token_id,
    )


def new_encoder(config: PretrainedConfig) -> nn.Module:
    """Return an encoder with random weights, drawn from torch's generator."""
    build: Any = AutoModel.from_config
    return _without_pooler(lambda **kw: build(config, **kw))  # type: ignore[no-any-return]


def hub_encoder(checkpoint: str, revision: str | None) -> nn.Module:
    """Return a pretrained encoder from a hub id or a local folder, safetensors only.

    Raises:
        ReplicationError: there is no such checkpoint, it has no safetensors weights, or not all.
    """
    encoder = _pretrained(AutoModel, checkpoint, revision)
    return encoder.float()  # type: ignore[no-any-return]


def _pretrained(kind: Any, checkpoint: str, revision: str | None) -> Any:
    """Return a model of one of transformers' automatic kinds, with every weight from the checkpoint."""
    folder = checkpoint_folder(checkpoint, revision)
    try:
        model, found = _without_pooler(
            lambda **kw: kind.from_pretrained(
                folder,
                use_safetensors=True,
                trust_remote_code=False,
                output_loading_info=True,
                **kw,
            )
        )
    except (OSError, ValueError, RuntimeError, SafetensorError) as error:
        raise ReplicationError(
            f"checkpoint '{checkpoint}': cannot be loaded: {error}. "
            "Name a hub id or a folder with config.json and model.safetensors."
        ) from error
    # transformers fills weights that a checkpoint lacks with random numbers and only logs it
    absent = sorted(n for n in found["missing_keys"] if "pooler" not in n)
    if absent:
        raise ReplicationError(
            f"checkpoint '{checkpoint}': found no weights for {', '.join(absent[:3])} and "
            f"{len(absent[3:])} more ; expected all of the encoder's. Name a whole checkpoint."
        )
    return model


def masked_head(model: EncoderWithHeads, root: Path | None, base: Base) -> nn.Module:
    """Return the base's own head for masked-language modelling, tied to the model's embeddings.

    Args:
        model: whose encoder the head belongs to.
        root: folder of the pretraining run; None for a hub or local checkpoint.
        base: the checkpoint where there is no such run.

    Raises:
        ReplicationError: the base has no such head, or not one of XLM-R's shape.
    """
    embedding: nn.Embedding = model.encoder.get_input_embeddings()  # type: ignore[operator]
    head = MaskedHead(embedding)
    if root is not None:
        prefix, names = f"{HEAD}mlm.", {}
        state = load_file(root / WEIGHTS)
    else:
        assert base.checkpoint is not None
        prefix, names = "lm_head.", {"norm": "layer_norm"}
        state = _pretrained(AutoModelForMaskedLM, base.checkpoint, base.revision).state_dict()
    wanted = {}
    for name in head.state_dict():
        part, _, rest = name.partition(".")
        there = prefix + ".".join(x for x in (names.get(part, part), rest) if x)
        if there not in state:
            raise ReplicationError(
                f"checkpoint '{root or base.checkpoint}': found no weight '{there}' ; expected the "
                "masked-language-modelling head of XLM-R. Leave MLM out or use another base."
            )
        wanted[name] = state[there]
    head.load_state_dict(wanted)
    return head


def save(model: EncoderWithHeads, folder: Path) -> None:
    """Write config and weights of encoder and heads into a folder."""
    config: PretrainedConfig = model.encoder.config  # type: ignore[assignment]
    (folder / CONFIG).write_text(config.to_json_string(use_diff=False), encoding="utf-8")
    state = {n: t.detach().cpu().contiguous() for n, t in model.state_dict().items()}
    save_file(_untied(state), folder / WEIGHTS)


def load(folder: Path, heads: Mapping[str, nn.Module]) -> EncoderWithHeads:
    """Read an encoder and the given heads; what the folder holds of other heads is left out.

    Raises:
        ReplicationError: the weights do not fit the config, or one of the heads is not there.
    """
    settings = json.loads((folder / CONFIG).read_text(encoding="utf-8"))
    config = AutoConfig.for_model(settings.pop("model_type"), **settings)
    model = EncoderWithHeads(new_encoder(config).float(), heads)
    state = load_file(folder / WEIGHTS)
    known = {f"{HEAD}{name}." for name in heads}
    wanted = {n: t for n, t in state.items() if _wanted(n, known)}
    try:
        absent, surplus = model.load_state_dict(wanted, strict=False)
    except RuntimeError as error:
        raise ReplicationError(
            f"checkpoint '{folder}': found weights of another shape ; expected those of its config "
            f"and heads: {error}"
        ) from error
    if absent or surplus:
        names = ", ".join(sorted([*absent, *surplus])[:3])
        raise ReplicationError(
            f"checkpoint '{folder}': found {len(absent)} weights absent and {len(surplus)} surplus, "
            f"such as {names} ; expected those of its config and of the heads "
            f"{', '.join(sorted(heads)) or 'none'}. Remove the run and run it again."
        )
    return model


def shape_of(folder: Path) -> tuple[int, float]:
    """Return width and dropout of a checkpoint's encoder, from its config alone."""
    settings = json.loads((folder / CONFIG).read_text(encoding="utf-8"))
    dropout = settings.get("hidden_dropout_prob", settings.get("dropout", 0.0))
    return int(settings["hidden_size"]), float(dropout)


def _wanted(name: str, heads: set[str]) -> bool:
    return not name.startswith(HEAD) or any(name.startswith(h) for h in heads)


def _untied(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """Give tensors that share storage their own, since safetensors refuses sharing."""
    seen: set[int] = set()
    result = {}
    for name, tensor in state.items():
        pointer = tensor.data_ptr()
        result[name] = tensor.clone() if pointer in seen else tensor
        seen.add(pointer)
    return result


def _without_pooler(build: Any) -> Any:
    """Build without the pooling layer where the architecture has that option."""
    try:
        return build(add_pooling_layer=False)
    except TypeError:
        return build()
