"""Attention within each sequence of a packed batch, registered with transformers by name.

An encoder that looks its attention up by name needs no change of its code. Called without a pack,
the registered function is transformers' own scaled dot-product attention.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import scaled_dot_product_attention
from transformers import AttentionInterface, AttentionMaskInterface
from transformers.masking_utils import ALL_MASK_ATTENTION_FUNCTIONS
from transformers.modeling_utils import ALL_ATTENTION_FUNCTIONS

from replication.packing import Bucket, Packing

__all__ = ["PACKED", "can_pack", "packed_attention"]

PACKED = "corroborate_packed"
"""Name under which transformers finds the attention."""

KINDS = ("xlm-roberta", "roberta")
"""Kinds of encoder whose positions count from the padding index on and whose code was read."""


def can_pack(encoder: nn.Module) -> bool:
    """Return whether an encoder gives packed batches the states that padded ones get."""
    config: Any = getattr(encoder, "config", None)
    return (
        getattr(config, "model_type", None) in KINDS
        and getattr(encoder, "_supports_attention_backend", False)
        and config._attn_implementation in ("sdpa", PACKED)  # noqa: SLF001  has no public name
        and config.type_vocab_size <= 1
        and not config.is_decoder
        and not config.chunk_size_feed_forward
    )


def packed_attention(  # noqa: PLR0913  the signature is transformers'
    module: nn.Module,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attention_mask: Tensor | None,
    *,
    dropout: float = 0.0,
    scaling: float | None = None,
    packing: Packing | None = None,
    **rest: Any,
) -> tuple[Tensor, Tensor | None]:
    """Return what each token gathers from the tokens of its own sequence.

    Args:
        module: the encoder's attention layer.
        query: (1, heads, tokens, size); key and value likewise.
        attention_mask: of a padded batch; a packed one has none.
        dropout: of attention weights.
        scaling: of products.
        packing: where sequences begin; None for a padded batch.
        rest: what transformers passes on beside.

    Returns:
        (1, tokens, heads, size), and no weights.
    """
    if packing is None:
        plain: Any = ALL_ATTENTION_FUNCTIONS["sdpa"]
        return plain(  # type: ignore[no-any-return]
            module, query, key, value, attention_mask, dropout=dropout, scaling=scaling, **rest
        )
    query, key, value = (x[0].transpose(0, 1) for x in (query, key, value))
    if query.is_cuda and query.dtype in (torch.bfloat16, torch.float16):
        return _in_one_call(query, key, value, packing, dropout, scaling)[None], None
    parts = [_padded(query, key, value, b, dropout, scaling) for b in packing.buckets()]
    return torch.cat(parts)[None], None


def _in_one_call(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    packing: Packing,
    dropout: float,
    scaling: float | None,
) -> Tensor:
    """Return (tokens, heads, size) from the GPU's kernel for sequences of unequal length.

    torch's public `varlen_attn` has no dropout; the operator that it calls has.
    """
    longest = int(packing.lengths[0])
    found = torch.ops.aten._flash_attention_forward(  # noqa: SLF001
        query,
        key,
        value,
        packing.bounds,
        packing.bounds,
        longest,
        longest,
        dropout,
        False,  # noqa: FBT003  not causal
        False,  # noqa: FBT003  no mask of what was dropped
        scale=scaling,
    )
    return found[0]  # type: ignore[no-any-return]


def _padded(
    query: Tensor, key: Tensor, value: Tensor, bucket: Bucket, dropout: float, scaling: float | None
) -> Tensor:
    """Return (tokens of the bucket, heads, size), its sequences padded to its longest."""
    heads, size = query.shape[1:]
    rows, length = bucket.rows, bucket.length

    def apart(packed: Tensor) -> Tensor:
        tokens = packed[bucket.begin : bucket.end]
        if bucket.places is not None:
            room = tokens.new_zeros(rows * length, heads, size)
            tokens = room.index_copy(0, bucket.places, tokens)
        return tokens.view(rows, length, heads, size).transpose(1, 2)

    states = scaled_dot_product_attention(
        apart(query),
        apart(key),
        apart(value),
        attn_mask=bucket.mask,
        dropout_p=dropout,
        scale=scaling,
    )
    joined = states.transpose(1, 2).reshape(rows * length, heads, size)
    return joined if bucket.places is None else joined.index_select(0, bucket.places)


AttentionInterface.register(PACKED, packed_attention)
AttentionMaskInterface.register(PACKED, ALL_MASK_ATTENTION_FUNCTIONS["sdpa"])
