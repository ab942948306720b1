"""What each phase does: pretraining, intermediate and target training, and evaluation."""

from __future__ import annotations

import json
import zlib
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import torch
from torch import nn

from replication.batching import Batch, Feature, collate, pack_by_tokens
from replication.data import Example, Source
from replication.errors import DataError, ReplicationError
from replication.model import EncoderWithHeads, config_of, hub_encoder, load, new_encoder, save
from replication.protocol import Lengths, Mixing
from replication.run import Measurement, RunSpec
from replication.tasks.family import Scored, family
from replication.tasks.mlm import MASKED_LANGUAGE_MODELLING, MaskedHead, Masking, text_features
from replication.tasks.row import Task, corpora, tasks
from replication.tokenizer import load_tokenizer, train_tokenizer
from replication.training import TOKENS_AT_ONCE, Feed, train

__all__ = ["Facts", "Workplace", "evaluate", "pretrain", "train_tasks"]

Facts = dict[str, float | int | str]


class Workplace:
    """Where a phase works: its folder, its parent's, the base's tokenizer, the data, the device."""

    def __init__(
        self, spec: RunSpec, folder: Path, parent: Path | None, root: Path | None, source: Source
    ) -> None:
        """Keep the places.

        Args:
            folder: empty folder for what the run writes.
            parent: folder of the run whose checkpoint is the start; None for the base checkpoint.
            root: folder of the pretraining run, which holds the tokenizer; None for a hub base.
            source: where examples come from.
        """
        self.spec = spec
        self.folder = folder
        self.parent = parent
        self.root = root
        self.source = source
        self.device = torch.device("cuda" if torch.cuda.is_available() else "cpu")

    @property
    def bf16(self) -> bool:
        """Return whether to compute in bfloat16."""
        if self.spec.precision == "auto":
            return self.device.type == "cuda" and torch.cuda.is_bf16_supported()
        return self.spec.precision == "bf16"

    def tokenizer(self) -> Any:
        """Return the base checkpoint's tokenizer."""
        if self.root is not None:
            return load_tokenizer(self.root)
        assert self.spec.base.checkpoint is not None
        return load_tokenizer(self.spec.base.checkpoint, self.spec.base.revision)

    def rng(self) -> np.random.Generator:
        """Return the run's own generator and seed torch with it.

        It depends on the seed, the phase and the tasks, not on the condition, so that two arms see the
        same order of target data under one seed.
        """
        spec = self.spec
        what = zlib.crc32(f"{spec.phase}:{','.join(spec.tasks)}".encode())
        seed = spec.seed if spec.seed is not None else 0
        rng = np.random.Generator(np.random.PCG64(np.random.SeedSequence([seed, what])))
        torch.manual_seed(int(rng.integers(2**62)))
        return rng


def pretrain(place: Workplace) -> Facts:
    """Train a tokenizer and an encoder from scratch on unlabelled text, and save both."""
    spec = place.spec
    assert spec.pretraining is not None
    assert spec.base.architecture is not None
    recipe, settings = spec.pretraining.recipe, spec.pretraining
    texts: dict[str, list[str]] = {}
    for name in settings.corpus:
        found = place.source.text(corpora()[name], settings.sentences_per_language)
        for code, pieces in found.items():
            texts.setdefault(code, []).extend(pieces)
    if not texts:
        raise DataError(f"corpora {', '.join(settings.corpus)}: found no text ; expected some.")
    tokenizer = train_tokenizer(
        (t for _, pieces in sorted(texts.items()) for t in pieces), spec.base.architecture
    )
    rng = place.rng()
    encoder = new_encoder(config_of(spec.base.architecture, tokenizer))
    embedding: nn.Embedding = encoder.get_input_embeddings()  # type: ignore[operator]
    model = EncoderWithHeads(encoder, {"mlm": MaskedHead(embedding)}).to(place.device)
    features = text_features(
        texts,
        tokenizer,
        max_length=_fitting(recipe.lengths(), tokenizer).max_length,
        exponent=settings.language_exponent,
        rng=rng,
    )
    masking = Masking(
        settings.masked_share,
        tokenizer.mask_token_id,
        frozenset(tokenizer.all_special_ids),
        len(tokenizer),
    )
    feed = Feed(MASKED_LANGUAGE_MODELLING, features, recipe, masking)
    trained = train(
        model,
        {"mlm": feed},
        mixing=Mixing(),
        pad_id=tokenizer.pad_token_id,
        rng=rng,
        bf16=place.bf16,
    )
    save(model, place.folder)
    tokenizer.save_pretrained(place.folder)
    parameters = sum(p.numel() for p in encoder.parameters())
    sizes: Facts = {"parameters": parameters, "vocabulary": len(tokenizer), "languages": len(texts)}
    return _facts(asdict(trained)) | sizes | {"sentences": len(features)}


def train_tasks(place: Workplace) -> Facts:
    """Train encoder and fresh heads on one or several tasks, and save them."""
    spec, tokenizer, rng = place.spec, place.tokenizer(), place.rng()
    feeds: dict[str, Feed] = {}
    facts: Facts = {}
    for use in spec.data:
        task, recipe = tasks()[use.name], spec.recipes[use.name]
        kind = family(task.family)
        cap = recipe.examples if isinstance(recipe.examples, int) else None
        read = [_examples(place, task, use.split, code, cap) for code in use.languages]
        examples = [e for language in read for e in language]
        lengths = _fitting(recipe.lengths(), tokenizer)
        features = kind.features(examples, task, tokenizer, lengths, train=True)
        if not features:
            raise DataError(
                f"task '{task.name}': found no usable training example ; expected some."
            )
        feeds[task.name] = Feed(kind, features, recipe)
        facts |= {f"examples.{task.name}": len(examples), f"features.{task.name}": len(features)}
    model = _start(place, [tasks()[n] for n in sorted(feeds)], fresh=True)
    trained = train(
        model,
        feeds,
        mixing=spec.mixing or Mixing(),
        pad_id=tokenizer.pad_token_id,
        rng=rng,
        bf16=place.bf16,
    )
    save(model, place.folder)
    return _facts(asdict(trained)) | facts


def evaluate(place: Workplace, trained_on: str | None) -> tuple[tuple[Measurement, ...], Facts]:
    """Score one task in every language of the spec, in one pass sorted by length.

    Writes `items.parquet` (one row an example) and `predictions.jsonl`.

    Args:
        trained_on: task whose head is used; None where the family has none.

    Raises:
        ReplicationError: the head does not answer what the task asks.
        DataError: a language has no examples.
    """
    spec, tokenizer = place.spec, place.tokenizer()
    (use,) = spec.data
    assert spec.lengths is not None
    task = tasks()[use.name]
    kind = family(task.family)
    _check_head(task, trained_on)
    layer = spec.retrieval.layer if spec.retrieval else None
    heads = [tasks()[trained_on]] if trained_on else []
    model = _start(place, heads, fresh=False)
    per_language = {
        code: _examples(place, task, use.split, code, spec.examples_per_language)
        for code in use.languages
    }
    lengths = _fitting(spec.lengths, tokenizer)
    features = {
        code: kind.features(examples, task, tokenizer, lengths, train=False)
        for code, examples in per_language.items()
    }
    flat = [f for code in use.languages for f in features[code]]
    head = model.heads[trained_on] if trained_on else None
    depth = layer if isinstance(layer, int) else None

    def predict(batch: Batch) -> list[Any]:
        return kind.predict(model.hidden(batch, depth), head, batch)

    raw = _in_batches(place, predict, flat, tokenizer.pad_token_id)
    measurements, scored, at = [], {}, 0
    for code in use.languages:
        part = raw[at : at + len(features[code])]
        at += len(features[code])
        scored[code] = kind.score(per_language[code], features[code], part, task)
        for metric, score in sorted(scored[code].scores.items()):
            measurements.append(
                Measurement(
                    task=task.name,
                    language=code,
                    split=use.split,
                    metric=metric,
                    score=score,
                    n=len(per_language[code]),
                )
            )
    _write_items(place.folder, per_language, scored)
    return tuple(measurements), {"examples": sum(len(e) for e in per_language.values())}


def _start(place: Workplace, head_tasks: list[Task], *, fresh: bool) -> EncoderWithHeads:
    """Return the parent's encoder (or the base's) with a head per task, on the device.

    Args:
        fresh: whether heads start from random weights even where the parent holds one of the name.
    """
    if place.parent is not None:
        model = load(place.parent, {})
    else:
        assert place.spec.base.checkpoint is not None
        model = EncoderWithHeads(
            hub_encoder(place.spec.base.checkpoint, place.spec.base.revision), {}
        )
    heads = {}
    for task in head_tasks:
        head = family(task.family).head(model.width, task, model.dropout)
        if head is not None:
            heads[task.name] = head
    if not fresh and place.parent is not None:
        model = load(place.parent, heads)
    else:
        model = EncoderWithHeads(model.encoder, heads)
    return model.to(place.device).eval()


def _examples(
    place: Workplace, task: Task, split: str, language: str, limit: int | None
) -> list[Example]:
    """Return the examples of one language, at least one."""
    found = place.source.examples(task, split, language, limit)
    if not found:
        raise DataError(
            f"task '{task.name}' split '{split}' language '{language}': found no examples ; "
            "expected some. Complete the data or leave the language out."
        )
    return found


def _fitting(lengths: Lengths, tokenizer: Any) -> Lengths:
    """Return the lengths if the encoder has positions for them."""
    if lengths.max_length > tokenizer.model_max_length:
        raise ReplicationError(
            f"protocol: found max_length {lengths.max_length} ; expected at most "
            f"{tokenizer.model_max_length}, the positions of the base. Change the protocol."
        )
    return lengths


def _check_head(task: Task, trained_on: str | None) -> None:
    """Refuse a head of another family or with its classes in another order: it would score noise."""
    if trained_on is None:
        if family(task.family).head(1, task, 0.0) is not None:
            raise ReplicationError(
                f"task '{task.name}': found no task to train on ; expected one, since an untrained "
                f"head of family '{task.family}' tells nothing. Give the target `train_on`."
            )
        return
    source = tasks()[trained_on]
    if (source.family, source.labels) != (task.family, task.labels):
        raise ReplicationError(
            f"task '{task.name}': found a head trained on '{trained_on}', {source.family} with "
            f"classes {', '.join(source.labels) or 'none'} ; expected {task.family} with "
            f"{', '.join(task.labels) or 'none'}. Train on a task with the same classes."
        )


@torch.inference_mode()
def _in_batches(
    place: Workplace, predict: Callable[[Batch], list[Any]], features: list[Feature], pad_id: int
) -> list[Any]:
    """Return a raw prediction per feature, in the order of the features."""
    raw: list[Any] = [None] * len(features)
    for picked in pack_by_tokens(features, 4 * TOKENS_AT_ONCE[place.device.type]):
        batch = collate([features[i] for i in picked], pad_id, place.device)
        with torch.autocast(place.device.type, dtype=torch.bfloat16, enabled=place.bf16):
            outputs = predict(batch)
        for index, output in zip(picked, outputs, strict=True):
            raw[index] = output
    return raw


def _write_items(
    folder: Path, per_language: dict[str, list[dict[str, Any]]], scored: dict[str, Scored]
) -> None:
    tables = []
    for code, result in scored.items():
        column = pa.array([code] * result.items.num_rows, pa.string())
        tables.append(result.items.add_column(0, "language", column))
    pq.write_table(pa.concat_tables(tables), folder / "items.parquet", compression="zstd")
    with (folder / "predictions.jsonl").open("w", encoding="utf-8") as file:
        for code, result in scored.items():
            for example, prediction in zip(per_language[code], result.predictions, strict=True):
                row = {"language": code, "id": example["id"], "prediction": prediction}
                file.write(json.dumps(row, ensure_ascii=False) + "\n")


def _facts(trained: dict[str, Any]) -> Facts:
    facts: Facts = {k: v for k, v in trained.items() if k != "steps_of"}
    return facts | {f"steps.{name}": n for name, n in trained["steps_of"].items()}
