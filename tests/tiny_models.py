"""What tests of the training path share: tiny encoders, tokenizers, tasks and examples."""

from __future__ import annotations

from functools import cache

import numpy as np
import torch

from replication.batching import collate, pack_by_tokens
from replication.model import EncoderWithHeads, config_of, new_encoder
from replication.protocol import Architecture, Lengths, Recipe
from replication.tasks.family import family
from replication.tasks.row import Task
from replication.tokenizer import train_tokenizer

CPU = torch.device("cpu")
LENGTHS = Lengths(max_length=64, stride=8)
torch.set_num_threads(1)  # on a busy machine, threads that share tiny tensors wait for each other

SYLLABLES = ("ba", "do", "fi", "gu", "ka", "lo", "mi", "nu", "ré", "sö", "тa", "好")

COLUMNS = {
    "classification": ({"first": "a", "second": "b", "label": "c"}, ("no", "maybe", "yes")),
    "multiple_choice": ({"question": "q", "choices": "a,b,c", "label": "c"}, ("x", "y", "z")),
    "tagging": ({"tokens": "t", "tags": "g"}, ("O", "B-PER", "I-PER")),
    "span_qa": ({"question": "q", "context": "c", "answers": "a"}, ()),
    "retrieval": ({"source": "s", "target": "t"}, ()),
}
GOLD = {
    "classification": ("label",),
    "multiple_choice": ("label",),
    "tagging": ("tags",),
    "span_qa": ("answers",),
    "retrieval": (),
}
"""Family -> what an example says that a system under evaluation must not see."""


def generator(seed=0):
    return np.random.Generator(np.random.PCG64(seed))


def architecture(tokenizer="bytes", **changes):
    settings = {
        "layers": 2,
        "width": 16,
        "attention_heads": 2,
        "feed_forward": 32,
        "vocabulary": 320,
        "max_positions": 64,
        "dropout": 0.0,
    }
    return Architecture(**{**settings, "tokenizer": tokenizer, **changes})


@cache
def tokenizer(kind="bytes"):
    rng = generator(1)
    return train_tokenizer([sentence(rng, 12) for _ in range(200)], architecture(kind))


def word(rng):
    return "".join(rng.choice(SYLLABLES, size=rng.integers(1, 4)))


def sentence(rng, longest=12):
    return " ".join(word(rng) for _ in range(rng.integers(1, longest + 1)))


def task(name):
    columns, labels = COLUMNS[name]
    return Task(
        name=f"tiny_{name}",
        family=name,
        folders=("tiny",),
        splits={"train": "train"},
        language_in="none",
        languages={"en": "en"},
        columns=columns,
        labels=labels,
    )


def examples(name, count, rng):
    make = {
        "classification": _pair,
        "multiple_choice": _choice,
        "tagging": _tagged,
        "span_qa": _question,
        "retrieval": _translation,
    }[name]
    return [{"id": f"e{i}", "language": "en", **make(rng)} for i in range(count)]


def _pair(rng):
    return {"first": sentence(rng), "second": sentence(rng), "label": int(rng.integers(3))}


def _choice(rng):
    return {
        "question": sentence(rng),
        "choices": [word(rng) for _ in range(3)],
        "label": int(rng.integers(3)),
    }


def _tagged(rng):
    tokens = sentence(rng, 30).split()
    return {"tokens": tokens, "tags": [int(t) for t in rng.integers(3, size=len(tokens))]}


def _question(rng):
    words = [word(rng) for _ in range(rng.integers(3, 60))]
    first = int(rng.integers(len(words)))
    answer = " ".join(words[first : first + 2])
    start = len(" ".join([*words[:first], ""]))
    return {
        "question": sentence(rng, 5),
        "context": " ".join(words),
        "answers": {"text": [answer], "answer_start": [start]},
    }


def _translation(rng):
    return {"source": sentence(rng), "target": sentence(rng)}


def features(name, count=12, *, train=True, seed=0, kind="bytes"):
    return family(name).features(
        examples(name, count, generator(seed)), task(name), tokenizer(kind), LENGTHS, train=train
    )


def model(*families, dropout=0.0, seed=0):
    """An encoder with one head a family, in evaluation mode."""
    torch.manual_seed(seed)
    encoder = new_encoder(config_of(architecture(dropout=dropout), tokenizer()))
    heads = {f"tiny_{n}": family(n).head(16, task(n), dropout) for n in families}
    return EncoderWithHeads(encoder, heads).eval()


def recipe(**changes):
    settings = {"epochs": 1, "batch_size": 4, "learning_rate": 1e-3, "max_length": 64}
    return Recipe(**{**settings, **changes})


def sure_model(name):
    """A model that says something else of every example, which fresh weights hardly do."""
    made = model(name)
    with torch.no_grad():
        for matrix in (p for p in made.parameters() if p.ndim >= 2):
            matrix.mul_(20)
    return made


def scored(name, made, examples, most, layout):
    """What the model's head of this name is scored by, in passes of at most so many tokens."""
    kind = family(name)
    features = kind.features(examples, task(name), tokenizer(), LENGTHS, train=False)
    raw = [None] * len(features)
    with torch.inference_mode():
        for picked in pack_by_tokens(features, most, padded=layout is None):
            batch = collate([features[i] for i in picked], 1, CPU, layout)
            said = kind.predict(made.hidden(batch), made.heads[f"tiny_{name}"], batch)
            for index, one in zip(picked, said, strict=True):
                raw[index] = one
    return kind.score(examples, features, raw, task(name))
