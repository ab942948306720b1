"""What the training phases do: pretraining from scratch, intermediate tasks, the target task."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import numpy as np
from torch import nn

from replication.environment import installed
from replication.errors import DataError
from replication.evaluation import score_languages
from replication.model import EncoderWithHeads, config_of, masked_head, new_encoder, save
from replication.protocol import Lengths, MaskedMixing, Mixing, Pretraining
from replication.run import DataUse
from replication.sampling import Feed, step_count
from replication.tasks.family import family
from replication.tasks.labels import with_labels
from replication.tasks.mlm import (
    MASKED_LANGUAGE_MODELLING,
    MaskedHead,
    Masking,
    resampled,
    text_features,
)
from replication.tasks.row import Task, corpora, tasks
from replication.tokenised import Cut, kept
from replication.tokenizer import digest_of_tokenizer, train_tokenizer
from replication.training import TOKENS_AT_ONCE, Execution, Look, Trained, train
from replication.workplace import Workplace, fitting

__all__ = ["Facts", "pretrain", "train_tasks"]

Facts = dict[str, float | int | str]

MLM = "mlm"
"""Name of the masked-language-modelling objective and its head."""


def pretrain(place: Workplace) -> Facts:
    """Train a tokenizer and an encoder from scratch on unlabelled text, and save both."""
    spec = place.spec
    assert spec.pretraining is not None
    assert spec.base.architecture is not None
    texts = _texts(place, spec.pretraining)
    tokenizer = train_tokenizer(
        (t for _, pieces in sorted(texts.items()) for t in pieces), spec.base.architecture
    )
    rng = place.rng()
    encoder = new_encoder(config_of(spec.base.architecture, tokenizer))
    embedding: nn.Embedding = encoder.get_input_embeddings()  # type: ignore[operator]
    model = EncoderWithHeads(encoder, {MLM: MaskedHead(embedding)}).to(place.device)
    feed = _masked_feed(place, spec.pretraining, tokenizer, rng, texts)
    trained = train(
        model,
        {MLM: feed},
        mixing=Mixing(),
        pad_id=tokenizer.pad_token_id,
        rng=rng,
        execution=_execution(place),
    )
    save(model, place.folder)
    tokenizer.save_pretrained(place.folder)
    parameters = sum(p.numel() for p in encoder.parameters())
    sizes: Facts = {"parameters": parameters, "vocabulary": len(tokenizer), "languages": len(texts)}
    return _facts(trained) | sizes | {"sentences": len(feed.features)}


def train_tasks(place: Workplace) -> Facts:
    """Train encoder and fresh heads on one or several tasks, and save them.

    Where the spec mixes in masked-language modelling, its head is the base's own and its steps come
    beside those of the tasks. Where it selects a checkpoint, the best by validation is saved.
    """
    spec, tokenizer, rng = place.spec, place.tokenizer(), place.rng()
    feeds: dict[str, Feed] = {}
    facts: Facts = {}
    rows: list[Task] = []
    for use in spec.data:
        if use.split == "text":
            continue
        task, feed, count = _task_feed(place, use, tokenizer)
        rows.append(task)
        feeds[task.name] = feed
        facts |= {f"examples.{task.name}": count, f"features.{task.name}": len(feed.features)}
        if task.labels != tasks()[task.name].labels:
            facts[f"labels.{task.name}"] = len(task.labels)
    model = place.model(sorted(rows, key=lambda t: t.name), fresh=True)
    if spec.masked_mixing is not None:
        model.heads[MLM] = masked_head(model, place.root, spec.base).to(place.device)
        feeds[MLM] = _masked_feed(place, spec.masked_mixing, tokenizer, rng)
    trained = train(
        model,
        feeds,
        mixing=spec.mixing or Mixing(),
        pad_id=tokenizer.pad_token_id,
        rng=rng,
        execution=_execution(place, _look(place, rows, feeds, tokenizer)),
    )
    save(model, place.folder)
    return _facts(trained) | facts


def _execution(place: Workplace, look: Look | None = None) -> Execution:
    """Return how the place has a phase executed."""
    return Execution(
        bf16=place.bf16,
        resume=place.resume,
        look=look,
        tokens_at_once=place.tokens_at_once(TOKENS_AT_ONCE[place.device.type]),
        watch=place.watch,
    )


def _task_feed(place: Workplace, use: DataUse, tokenizer: Any) -> tuple[Task, Feed, int]:
    """Return the task with its labels, its features with its recipe, and the number of examples.

    Data that were tokenised before are not even read: what they were is in the use's revision.
    """
    row, recipe = tasks()[use.name], place.spec.recipes[use.name]
    kind = family(row.family)
    cap = recipe.examples if isinstance(recipe.examples, int) else None
    lengths = fitting(recipe.lengths(), tokenizer)

    def make() -> Cut:
        examples = [e for code in use.languages for e in place.examples(row, use.split, code, cap)]
        task = with_labels(row, examples)
        features = kind.features(examples, task, tokenizer, lengths, train=True)
        return Cut(features, {"examples": len(examples), "labels": list(task.labels)})

    # the code of a family from elsewhere may change without a sign
    ours = type(kind).__module__.startswith(f"{__package__}.")
    what = {
        "use": use.canonical(),
        "row": row.canonical(),
        "cap": cap,
        "lengths": lengths.canonical(),
    }
    cut = kept(place.tokens, _all_of(what, tokenizer) if ours else None, make)
    task = row.model_copy(update={"labels": tuple(cut.note["labels"])})
    if not cut.features:
        raise DataError(f"task '{task.name}': found no usable training example ; expected some.")
    return task, Feed(kind, cut.features, recipe), int(cut.note["examples"])


def _all_of(what: dict[str, Any], tokenizer: Any) -> dict[str, Any]:
    """Return all that tokenised data depend on: these, the tokenizer, and the code that runs here."""
    return what | {"tokenizer": digest_of_tokenizer(tokenizer), "code": installed()}


def _texts(place: Workplace, settings: Pretraining | MaskedMixing) -> dict[str, list[str]]:
    """Return unlabelled text per language, of all corpora together."""
    texts: dict[str, list[str]] = {}
    for name in settings.corpus:
        found = place.source.text(corpora()[name], settings.sentences_per_language)
        for code, pieces in found.items():
            texts.setdefault(code, []).extend(pieces)
    if not texts:
        raise DataError(f"corpora {', '.join(settings.corpus)}: found no text ; expected some.")
    return texts


def _masked_feed(
    place: Workplace,
    settings: Pretraining | MaskedMixing,
    tokenizer: Any,
    rng: np.random.Generator,
    texts: dict[str, list[str]] | None = None,
) -> Feed:
    """Return text to mask.

    Args:
        place: where the phase works.
        settings: what text, and the recipe.
        tokenizer: of the base.
        rng: draws languages.
        texts: where they were read already, for a tokenizer of their own. They are then not kept: no
            other run has that tokenizer, and its file says how it was last used.
    """
    lengths: Lengths = fitting(settings.recipe.lengths(), tokenizer)

    def make() -> Cut:
        found = texts or _texts(place, settings)
        sizes = {code: len(pieces) for code, pieces in found.items()}
        return Cut(text_features(found, tokenizer, lengths.max_length), {"sizes": sizes})

    what = {
        "texts": [use.canonical() for use in place.spec.data if use.split == "text"],
        "each": settings.sentences_per_language,
        "longest": lengths.max_length,
    }
    cut = kept(place.tokens if texts is None else None, _all_of(what, tokenizer), make)
    features = resampled(
        cut.features, cut.note["sizes"], exponent=settings.language_exponent, rng=rng
    )
    masking = Masking(
        settings.masked_share,
        tokenizer.mask_token_id,
        frozenset(tokenizer.all_special_ids),
        len(tokenizer),
    )
    share = settings.step_share if isinstance(settings, MaskedMixing) else None
    return Feed(MASKED_LANGUAGE_MODELLING, features, settings.recipe, masking, share)


def _look(
    place: Workplace, rows: list[Task], feeds: dict[str, Feed], tokenizer: Any
) -> Look | None:
    """Return how checkpoints are validated; None where the last one is kept."""
    selection, use = place.spec.selection, place.spec.selection_data
    if selection is None or use is None:
        return None
    (task,) = rows
    limit = selection.examples if isinstance(selection.examples, int) else None
    examples = {c: place.examples(task, use.split, c, limit) for c in use.languages}
    feed = feeds[task.name]
    epoch = step_count(feed.features, feed.recipe.model_copy(update={"epochs": 1.0}))
    lengths = fitting(feed.recipe.lengths(), tokenizer)

    def score(model: EncoderWithHeads) -> float:
        found = score_languages(place, model, task, examples, head=task.name, lengths=lengths)
        means = [np.mean(list(s.scores.values())) for s in found.values()]
        return float(np.mean(means))

    every = selection.every_steps if isinstance(selection.every_steps, int) else epoch
    patience = selection.patience if isinstance(selection.patience, int) else None
    return Look(every, score, patience)


def _facts(trained: Trained) -> Facts:
    plain = {k: v for k, v in asdict(trained).items() if k != "steps_of" and v is not None}
    return plain | {f"steps.{name}": n for name, n in trained.steps_of.items()}
