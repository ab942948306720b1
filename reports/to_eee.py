"""Runs as records of Every Eval Ever: one JSON file a run, by version 0.3.0 of that project's schema.

What the schema has no place for stands in its free details, all of which are texts, where
`corroborate import --format eee` finds it: condition and seed under the model, language, split and
revision under the data set, the run's digest and its origin under the source. Paths are those of the
project's datastore. The same runs give the same bytes: the time of creation is that of the run.
"""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from itertools import groupby
from typing import Any

from claims.record import UNKNOWN
from replication.items import ITEMS
from replication.run import Run
from replication.tasks.row import tasks
from reports.measured import Measured, condition_texts, measured, why_shown

__all__ = ["SCHEMA_VERSION", "to_eee"]

SCHEMA_VERSION = "0.3.0"

_DEVELOPER = "unpublished"
"""Stands where a hub id has its owner: a trained model of a store has no address."""
_SPLITS = {"train": "train", "validation": "val", "test": "test"}
"""The schema's words for splits."""


def to_eee(runs: Iterable[Run]) -> dict[str, bytes]:
    """Return path -> record of each finished evaluation run, sorted by path.

    Raises:
        ExportError: there is no such run.
    """
    records = {}
    for _, scores in groupby(measured(runs), key=lambda one: one.run.spec_digest):
        group = list(scores)
        text = json.dumps(_record(group), indent=2, ensure_ascii=False, allow_nan=False)
        records[_path(group[0])] = f"{text}\n".encode()
    return dict(sorted(records.items()))


def _path(one: Measured) -> str:
    name = uuid.UUID(bytes=bytes.fromhex(one.run.spec_digest)[:16], version=4)
    return f"data/{one.score.task}/{_DEVELOPER}/{_model(one)}/{name}.json"


def _model(one: Measured) -> str:
    """Return a condition's label as the last part of a hub id."""
    return re.sub(r"[^A-Za-z0-9_.+-]", "_", one.condition.label())[:200]


def _record(scores: Sequence[Measured]) -> dict[str, Any]:
    first, run = scores[0], scores[0].run
    time, model = _epoch(run.started), f"{_DEVELOPER}/{_model(first)}"
    record: dict[str, Any] = {
        "schema_version": SCHEMA_VERSION,
        # the time alone would not tell two seeds apart
        "evaluation_id": f"{first.score.task}/{model}/{time}-{run.spec_digest[:16]}",
        "evaluation_timestamp": time,
        "retrieved_timestamp": time,
        "source_metadata": {
            "source_name": "Corroborate",
            "source_type": _source_type(first),
            "source_organization_name": UNKNOWN,
            "evaluator_relationship": "other",
            "additional_details": _source(first),
        },
        "eval_library": {
            **_library(first.evaluator),
            "additional_details": {"evaluator": first.evaluator},
        },
        "model_info": {
            "name": first.condition.label(),
            "id": model,
            "additional_details": {
                "deployment_type": UNKNOWN,
                "model_availability": UNKNOWN,
                **condition_texts(first),
                **({} if first.seed is None else {"seed": str(first.seed)}),
            },
        },
        "evaluation_results": [_result(one) for one in scores],
    }
    return record


def _source_type(one: Measured) -> str:
    """Return `evaluation_run` where the outcomes of single examples are at hand, as the schema says."""
    own = one.run.spec.origin is None or ITEMS in one.run.artifacts
    return "evaluation_run" if own else "documentation"


def _source(one: Measured) -> dict[str, str]:
    run, origin = one.run, one.run.spec.origin
    found = {"run": run.spec_digest, "code": run.environment.code}
    if origin is not None:
        found |= {"origin": origin.format, "protocol": origin.protocol or UNKNOWN}
        found |= {
            f"source_{i}": f"{s.path} sha256:{s.sha256}" for i, s in enumerate(origin.sources[:20])
        }
        if origin.comparability != "evidence":
            found["shown"] = why_shown(one) or ""
    return found


def _library(evaluator: str) -> dict[str, str]:
    """Return name and version, which are one text in a store: `evaluate 0.4.6`, or with an `@`."""
    found = re.fullmatch(r"(.+)[ @]([^ @]+)", evaluator)
    return (
        {"name": found[1], "version": found[2]}
        if found
        else {"name": evaluator, "version": UNKNOWN}
    )


def _result(one: Measured) -> dict[str, Any]:
    score = one.score
    details: dict[str, str] = {"seeds": score.seeds} if score.seeds != "single" else {}
    if score.raw is not None:
        details |= {
            "raw_value": repr(score.raw.value), "raw_scale": score.raw.scale,
            "raw_path": score.raw.path, "raw_at": score.raw.at,
        }  # fmt: skip
        if score.raw.spread is not None:
            details["raw_spread"] = score.raw.spread.canonical()
    counted = {} if score.n is None else {"uncertainty": {"num_samples": score.n}}
    return {
        "evaluation_result_id": f"{score.language}/{score.metric}",
        "evaluation_name": score.task,
        "source_data": _data(one),
        "metric_config": {
            "metric_id": score.metric,
            "metric_name": score.metric,
            "metric_unit": "percent",
            "lower_is_better": False,
            "score_type": "continuous",
            "min_score": 0.0,
            "max_score": 100.0,
        },
        "score_details": {
            "score": score.score,
            **({"details": details} if details else {}),
            **counted,
        },
    }


def _data(one: Measured) -> dict[str, Any]:
    score, cap = one.score, one.run.spec.examples_per_language
    row = tasks().get(score.task)
    told = {"language": score.language, "split": score.split, "revision": one.revision}
    if cap is not None:
        told["examples_per_language"] = str(cap)
    if row is None or row.hub is None:
        return {"dataset_name": score.task, "source_type": "other", "additional_details": told}
    return {
        "dataset_name": score.task,
        "source_type": "hf_dataset",
        "hf_repo": row.hub,
        "hf_split": _SPLITS[score.split],
        "additional_details": told,
    }


def _epoch(started: str) -> str:
    """Return a time as the schema has it, seconds since 1970; 0 for what is no time."""
    try:
        time = datetime.fromisoformat(started)
        return str(int((time if time.tzinfo else time.replace(tzinfo=UTC)).timestamp()))
    except (ValueError, OverflowError):
        return "0"
