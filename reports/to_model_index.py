"""Scores of one condition as the `model-index` of a Hugging Face model card.

By the specification, modelcard.md of huggingface/hub-docs. It has no place for a seed, a scale, a number
of examples or an evaluator; they stand among the arguments of the metric, and task and language among
those of the data set, where `corroborate import --format model-index` finds them. Every seed is a metric
of its own.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from itertools import groupby
from typing import Any

import yaml

from replication.run import Run
from replication.tasks.row import Task, tasks
from reports.errors import ExportError
from reports.measured import Measured, condition_texts, labels, measured, why_shown

__all__ = ["to_model_index"]

_CATEGORIES = {
    "classification": "text-classification",
    "multiple_choice": "multiple-choice",
    "tagging": "token-classification",
    "span_qa": "question-answering",
    "retrieval": "sentence-similarity",
    "mlm": "fill-mask",
}
"""Task family -> the hub's category; `other` for tasks that no row describes."""
_PLAIN = re.compile(r"[A-Za-z][A-Za-z_-]*")
_WORDS = {"true", "false", "null", "yes", "no", "on", "off", "y", "n"}


def to_model_index(runs: Iterable[Run]) -> bytes:
    """Return a model card of only a head: the scores of one condition, on a scale from 0 to 100.

    `name` is the condition's label: write the name of your model instead.

    Raises:
        ExportError: there are no scores, or those of several conditions.
    """
    found = measured(runs)
    conditions = {one.condition for one in found}
    if len(conditions) > 1:
        raise ExportError(
            f"export: found runs of {len(conditions)} conditions ; expected one, since a model card is "
            f"about one model. Add --condition with one of {labels(conditions)}."
        )
    results = [_result(list(scores)) for _, scores in groupby(sorted(found, key=_key), key=_key)]
    document = {"model-index": [{"name": found[0].condition.label(), "results": results}]}
    text = yaml.dump(
        document, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=10_000,
        default_flow_style=False,
    )  # fmt: skip
    return f"---\n{text}---\n".encode()


class _Dumper(yaml.SafeDumper):
    """Quotes every text that some version of YAML takes for something else."""

    def ignore_aliases(self, _: Any) -> bool:
        return True


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    plain = _PLAIN.fullmatch(text) and text.lower() not in _WORDS
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=None if plain else '"')


_Dumper.add_representer(str, _text)


def _key(one: Measured) -> tuple[str, str, str, str]:
    return (one.score.task, one.score.language, one.score.split, one.revision)


def _result(scores: list[Measured]) -> dict[str, Any]:
    first = scores[0]
    row = tasks().get(first.score.task)
    data: dict[str, Any] = {
        "type": row.hub if row and row.hub else first.score.task,
        "name": first.score.task,
        "config": _config(row, first.score.language),
        "split": first.score.split
        if row is None
        else row.splits.get(first.score.split, first.score.split),
        "args": {
            "task": first.score.task,
            "language": first.score.language,
            "split": first.score.split,
        },
    }
    if re.fullmatch(r"[0-9a-f]{40}", first.revision):
        data["revision"] = first.revision
    category = _CATEGORIES.get(row.family, "other") if row else "other"
    return {"task": {"type": category}, "dataset": data, "metrics": [_metric(s) for s in scores]}


def _config(row: Task | None, language: str) -> str:
    """Return the data set's configuration as the hub names it; the language where no row says."""
    if row is None or row.config is None:
        return language
    return row.config.format(language=row.languages.get(language, language))


def _metric(one: Measured) -> dict[str, Any]:
    score, run = one.score, one.run
    args: dict[str, Any] = {"scale": "points"}
    told = {
        "seed": one.seed,
        "n": score.n,
        "seeds": None if score.seeds == "single" else score.seeds,
        "evaluator": one.evaluator,
        **condition_texts(one),
        "shown": why_shown(one) if run.spec.origin and not run.spec.counts() else None,
        "run": run.spec_digest,
        "code": run.environment.code,
        "data_revision": one.revision,
    }
    args |= {key: _printable(value) for key, value in told.items() if value is not None}
    seed = "" if one.seed is None else f", seed {one.seed}"
    return {
        "type": score.metric,
        "value": score.score,
        "name": f"{score.metric} from 0 to 100{seed}",
        "args": args,
    }


def _printable(value: str | int) -> str | int:
    """Return a value without characters that YAML would not take."""
    if not isinstance(value, str):
        return value
    return "".join(c if c.isprintable() else " " for c in value)
