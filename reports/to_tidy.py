"""All scores of a store as a tidy table: CSV for spreadsheets and R, Parquet for data frames.

The first columns are those that `corroborate import --format tidy` reads; the others say where a score
comes from. What must not count when it is read again has its seed and n under `stated_seed` and
`stated_n` instead: a score that was only shown, one of a condition that these columns cannot tell, and
all of them where they are of several evaluators, which are never compared.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable

import pyarrow as pa
import pyarrow.parquet as pq

from replication.run import Run
from reports.measured import Measured, condition_texts, measured, why_shown

__all__ = ["COLUMNS", "to_csv", "to_parquet"]

COLUMNS: dict[str, pa.DataType] = {
    "base": pa.string(),
    "intermediate": pa.string(),
    "mlm": pa.bool_(),
    "target": pa.string(),
    "language": pa.string(),
    "split": pa.string(),
    "metric": pa.string(),
    "seed": pa.string(),
    "score": pa.float64(),
    "n": pa.int64(),
    "seeds": pa.string(),
    "stated_seed": pa.string(),
    "stated_n": pa.int64(),
    "intermediate_language": pa.string(),
    "training_language": pa.string(),
    "checkpoint": pa.string(),
    "comparability": pa.string(),
    "because": pa.string(),
    "protocol": pa.string(),
    "evaluator": pa.string(),
    "data_revision": pa.string(),
    "examples_per_language": pa.int64(),
    "run": pa.string(),
    "code": pa.string(),
    "started": pa.string(),
    "origin": pa.string(),
    "source": pa.string(),
    "place": pa.string(),
    "raw_value": pa.float64(),
    "raw_scale": pa.string(),
}
"""Column -> type in Parquet. Seeds are text, since one may be `none`."""

_FORMULA = ("=", "+", "-", "@")


def to_csv(runs: Iterable[Run]) -> bytes:
    """Return the table as CSV in UTF-8, one row a score, empty where nothing is known.

    A text that a spreadsheet would take for a formula gets an apostrophe before it, and characters that
    cannot be printed, line breaks among them, are blanks.
    """
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    for row in _rows(runs):
        writer.writerow(_cell(value) for value in row.values())
    return text.getvalue().encode()


def to_parquet(runs: Iterable[Run]) -> bytes:
    """Return the table as Parquet, null where nothing is known; texts are as they are."""
    rows = _rows(runs)
    table = pa.table({
        name: pa.array([row[name] for row in rows], kind) for name, kind in COLUMNS.items()
    })  # fmt: skip
    sink = pa.BufferOutputStream()
    pq.write_table(table, sink, compression="zstd")
    written: bytes = sink.getvalue().to_pybytes()
    return written


def _rows(runs: Iterable[Run]) -> list[dict[str, str | float | int | bool | None]]:
    scores = measured(runs)
    mixed = len({one.evaluator for one in scores}) > 1
    return [_row(one, mixed=mixed) for one in scores]


def _row(one: Measured, *, mixed: bool) -> dict[str, str | float | int | bool | None]:
    """Return the cells of a score, in the order of the columns."""
    spec, score, texts = one.run.spec, one.score, condition_texts(one)
    why, origin, raw = why_shown(one), spec.origin, score.raw
    seed = None if one.seed is None else str(one.seed)
    untold = {"intermediate_language", "training_language"} & texts.keys()
    told = why is None and not untold and not mixed
    return {
        "base": texts["base"],
        "intermediate": texts["intermediate"],
        "mlm": one.condition.mlm,
        "target": score.task,
        "language": score.language,
        "split": score.split,
        "metric": score.metric,
        "seed": seed if told else None,
        "score": score.score,
        "n": score.n if told else None,
        "seeds": score.seeds,
        "stated_seed": None if told else seed,
        "stated_n": None if told else score.n,
        "intermediate_language": one.condition.intermediate_language,
        "training_language": one.condition.training_language,
        "checkpoint": spec.base.checkpoint,
        "comparability": "evidence" if why is None else "shown",
        "because": why,
        "protocol": origin.protocol if origin else None,
        "evaluator": one.evaluator,
        "data_revision": one.revision,
        "examples_per_language": spec.examples_per_language,
        "run": one.run.spec_digest,
        "code": one.run.environment.code,
        "started": one.run.started,
        "origin": origin.format if origin else None,
        "source": raw.path if raw else None,
        "place": raw.at if raw else None,
        "raw_value": raw.value if raw else None,
        "raw_scale": raw.scale if raw else None,
    }


def _cell(value: str | float | bool | None) -> str:
    """Return a value as a cell of CSV; floats as short as they can be read back exactly."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        text = "".join(c if c.isprintable() else " " for c in value).strip()
        return f"'{text}" if text.startswith(_FORMULA) else text
    return repr(value)
