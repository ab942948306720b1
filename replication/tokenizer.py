"""Tokenizers: trained on the pretraining text, or loaded from a checkpoint."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import tokenizers
import transformers
from tokenizers import (
    Tokenizer,
    decoders,
    models,
    normalizers,
    pre_tokenizers,
    processors,
    trainers,
)
from transformers import AutoTokenizer, PreTrainedTokenizerFast

from replication.checkpoints import checkpoint_folder
from replication.errors import ReplicationError
from replication.protocol import Architecture

__all__ = ["digest_of_tokenizer", "load_tokenizer", "train_tokenizer"]

SPECIAL = ("<s>", "<pad>", "</s>", "<unk>", "<mask>")
"""XLM-R's special tokens; the first four keep XLM-R's ids."""


def train_tokenizer(texts: Iterable[str], architecture: Architecture) -> PreTrainedTokenizerFast:
    """Train a tokenizer of the architecture's kind and size.

    `bytes` merges pairs of bytes (BPE), so no text has an unknown token; `words` takes whole words and
    suits the miniature, whose languages have small lexicons. The result is a pure function of the
    texts, which XLM-R's own kind (unigram) is not: its trainer gave another vocabulary each time.
    """
    if architecture.tokenizer == "words":
        raw = Tokenizer(models.WordLevel(unk_token=SPECIAL[3]))
        raw.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
        trainer: Any = trainers.WordLevelTrainer(
            vocab_size=architecture.vocabulary, special_tokens=list(SPECIAL), show_progress=False
        )
    else:
        raw = Tokenizer(models.BPE())
        raw.normalizer = normalizers.NFKC()
        raw.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=True)
        raw.decoder = decoders.ByteLevel()
        trainer = trainers.BpeTrainer(
            vocab_size=architecture.vocabulary,
            special_tokens=list(SPECIAL),
            initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
            show_progress=False,
        )
    raw.train_from_iterator(texts, trainer)
    raw.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>",
        pair="<s> $A </s> </s> $B </s>",
        special_tokens=[(t, raw.token_to_id(t)) for t in ("<s>", "</s>")],
    )
    return PreTrainedTokenizerFast(  # type: ignore[no-untyped-call]
        tokenizer_object=raw,
        bos_token=SPECIAL[0],
        cls_token=SPECIAL[0],
        pad_token=SPECIAL[1],
        eos_token=SPECIAL[2],
        sep_token=SPECIAL[2],
        unk_token=SPECIAL[3],
        mask_token=SPECIAL[4],
        model_max_length=architecture.max_positions,
    )


def load_tokenizer(checkpoint: str | Path, revision: str | None = None) -> Any:
    """Return the fast tokenizer of a checkpoint folder or hub id.

    Raises:
        ReplicationError: there is none, or it is a slow one, which has no character offsets.
    """
    folder = checkpoint_folder(str(checkpoint), revision)
    try:
        tokenizer = AutoTokenizer.from_pretrained(str(folder), trust_remote_code=False)
    except Exception as error:  # tokenizers and transformers raise anything on a damaged file
        raise ReplicationError(f"tokenizer '{checkpoint}': cannot be loaded: {error}") from error
    if not tokenizer.is_fast:
        raise ReplicationError(
            f"tokenizer '{checkpoint}': found a slow one ; expected tokenizer.json. Convert it first."
        )
    return tokenizer


def digest_of_tokenizer(tokenizer: Any) -> str:
    """Return the SHA-256 of all that a fast tokenizer's ids depend on, libraries' versions included.

    How it last cut or padded is no part of it.
    """
    said = json.loads(tokenizer.backend_tokenizer.to_str())
    said |= {
        "truncation": tokenizer.truncation_side,
        "padding": None,
        "class": type(tokenizer).__name__,
        "special": {role: str(t) for role, t in tokenizer.special_tokens_map.items()},
        "all special": sorted(map(str, tokenizer.all_special_tokens)),
        "special in text": tokenizer.split_special_tokens,
        "longest": str(tokenizer.model_max_length),
        "versions": [tokenizers.__version__, transformers.__version__],
    }
    return hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()
