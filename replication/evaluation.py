"""The evaluation phase: one task in every language of the spec, in one pass sorted by length."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import torch

from replication.batching import Batch, Feature, collate, pack_by_tokens
from replication.data import Example
from replication.errors import ReplicationError
from replication.model import EncoderWithHeads
from replication.official_files import write_official
from replication.packing import Layout
from replication.protocol import Lengths
from replication.run import Measurement
from replication.tasks.family import Scored, family
from replication.tasks.row import Task, tasks
from replication.workplace import Workplace, fitting

__all__ = ["AT_ONCE", "evaluate", "score_languages"]

AT_ONCE = {"cpu": 4096, "cuda": 131072}
"""Most tokens in one pass, per kind of device: more leave a CPU's caches, fewer leave a GPU idle."""


def evaluate(
    place: Workplace, trained_on: str | None
) -> tuple[tuple[Measurement, ...], dict[str, float | int | str]]:
    """Score one task in every language of the spec; return measurements and facts.

    Writes `items.parquet` (one row an example), `predictions.jsonl`, and below `official` the
    predictions in the benchmark's submission layout.

    Args:
        place: where the phase works.
        trained_on: task whose head is used; None where the family has none.

    Raises:
        ReplicationError: the head does not answer what the task asks.
        DataError: a language has no examples.
    """
    spec, tokenizer = place.spec, place.tokenizer()
    (use,) = spec.data
    assert spec.lengths is not None
    task = tasks()[use.name]
    _check_head(task, trained_on)
    model = place.model([tasks()[trained_on]] if trained_on else [], fresh=False)
    examples = {
        code: place.examples(task, use.split, code, spec.examples_per_language)
        for code in use.languages
    }
    scored = score_languages(
        place, model, task, examples, head=trained_on, lengths=fitting(spec.lengths, tokenizer)
    )
    measurements = [
        Measurement(
            task=task.name,
            language=code,
            split=use.split,
            metric=metric,
            score=score,
            n=len(examples[code]),
        )
        for code in use.languages
        for metric, score in sorted(scored[code].scores.items())
    ]
    _write_items(place.folder, examples, scored)
    for code, result in scored.items():
        write_official(
            place.folder / "official",
            task,
            split=use.split,
            language=code,
            examples=examples[code],
            predictions=result.predictions,
        )
    scored_examples = sum(len(e) for e in examples.values())
    return tuple(measurements), {"examples": scored_examples, "batches": model.batches}


@torch.inference_mode()
def score_languages(
    place: Workplace,
    model: EncoderWithHeads,
    task: Task,
    examples: dict[str, list[Example]],
    *,
    head: str | None,
    lengths: Lengths,
) -> dict[str, Scored]:
    """Return the scores of one task per language.

    Args:
        place: where the phase works.
        model: in evaluation mode, on the place's device.
        task: what is scored.
        examples: language -> examples.
        head: name of the model's head; None for a family without one.
        lengths: how sequences are cut.
    """
    kind, tokenizer = family(task.family), place.tokenizer()
    features = {
        c: kind.features(e, task, tokenizer, lengths, train=False) for c, e in examples.items()
    }
    flat = [f for part in features.values() for f in part]
    alike = _alike(flat, by_tokens=getattr(kind, "tokens_alone", False))
    distinct = [flat[indices[0]] for indices in alike]
    layer = place.spec.retrieval.layer if place.spec.retrieval else None
    depth = layer if isinstance(layer, int) else None
    raw: list[Any] = [None] * len(flat)
    at_once = place.tokens_at_once(AT_ONCE[place.device.type])
    layout = Layout(getattr(kind, "reads", None)) if model.packs else None
    for picked in pack_by_tokens(distinct, at_once, padded=layout is None):
        if place.spec.phase == "evaluation":  # a look belongs to a step, which is finished
            place.watch.check()
        batch: Batch = collate(
            [distinct[i] for i in picked], tokenizer.pad_token_id, place.device, layout
        )
        with torch.autocast(place.device.type, dtype=torch.bfloat16, enabled=place.bf16):
            hidden = model.hidden(batch, depth)
            outputs = kind.predict(hidden, model.heads[head] if head else None, batch)
        for index, output in zip(picked, outputs, strict=True):
            for each in alike[index]:
                raw[each] = output
    scored, at = {}, 0
    for code, part in features.items():
        scored[code] = kind.score(
            examples[code],
            part,
            raw[at : at + len(part)],
            task,
            retrieval=place.spec.retrieval,
        )
        at += len(part)
    return scored


def _alike(features: list[Feature], *, by_tokens: bool) -> list[list[int]]:
    """Return which features get one prediction: those of the same tokens, or each by itself."""
    if not by_tokens:
        return [[index] for index in range(len(features))]
    found: dict[tuple[tuple[int, ...], ...], list[int]] = {}
    for index, feature in enumerate(features):
        found.setdefault(tuple(tuple(s) for s in feature.sequences), []).append(index)
    return list(found.values())


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


def _write_items(
    folder: Path, per_language: dict[str, list[Example]], scored: dict[str, Scored]
) -> None:
    tables = []
    for code, result in scored.items():
        column = pa.array([code] * result.items.num_rows, pa.string())
        tables.append(result.items.add_column(0, "language", column))
    pq.write_table(pa.concat_tables(tables), folder / "items.parquet", compression="zstd")
    with (folder / "predictions.jsonl").open("w", encoding="utf-8") as file:
        for code, result in scored.items():
            for index, example in enumerate(per_language[code]):
                said = result.predictions[index]
                row = {"language": code, "id": example["id"], "prediction": said}
                if result.n_best is not None:
                    row["n_best"] = result.n_best[index]
                file.write(json.dumps(row, ensure_ascii=False) + "\n")
