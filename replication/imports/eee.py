"""What scores does a record of Every Eval Ever hold? One JSON file each, by the schema of that project.

Its schema (`eval.schema.json` of the package every_eval_ever, 0.3.0 and the like) states a metric's
bounds, `min_score` and `max_score`, and a `metric_unit`, which make the scale. Its `standard_error` is
that of a mean over examples, standard deviation / sqrt(num_samples), by a `method`; its
`confidence_interval` has two ends and a level; its `standard_deviation` is of the per-sample scores, by
an unnamed divisor. It has no place for a seed or a language: those are read from the details where
Corroborate's own records have them. Light: no torch.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from claims.record import UNKNOWN
from replication.imports.card_values import named, noted, seeds_of, split_said, system_trained
from replication.imports.cells import listed, mapping, name_of, number_of
from replication.imports.faults import Faults, shown
from replication.imports.run_files import collected, found_files, one_evaluator, reading_of
from replication.imports.score import Given, Reading, Score
from replication.imports.settled import Place, checked, scored
from replication.imports.sources import Sources
from replication.origin import Raw, Scale, StatedSpread

__all__ = ["VERSIONS", "read"]

VERSIONS = ("0.2.1", "0.2.2", "0.2.3", "0.3.0")
"""Versions of the schema that have what is read here in the same places."""

_MAX_BYTES = 32 * 2**20
_MAX_SCORES = 20_000
_PROMPTING = ("lm_eval", "lm-eval", "inspect", "helm", "alpaca_eval", "lighteval", "simple-evals")
"""How names of libraries begin that ask a model by a prompt."""
_UNITS: dict[str, Scale] = {
    "proportion": "fraction", "fraction": "fraction", "ratio": "fraction",
    "percent": "points", "percentage": "points", "%": "points",
}  # fmt: skip
_BOUNDS: dict[tuple[float, float], Scale] = {(0, 1): "fraction", (0, 100): "points"}


def read(path: Path, given: Given) -> Reading:
    """Return the scores of one record, or of all records in a folder.

    Args:
        path: a `.json` file, or a folder such as a part of the project's datastore.
        given: what the records do not say.

    Raises:
        ImportedScoresError: with every fault of every file.
    """
    sources, faults = Sources(path), Faults()
    found = _Records(checked(given, faults), faults)
    for file in found_files(sources, faults, "*.json"):
        with collected(faults):
            found.add(sources.name(file), sources.json(file, most=_MAX_BYTES))
    for file in sources.find("*_samples.jsonl") if sources.root.is_dir() else ():
        found.left_out.append(f"file '{sources.name(file)}': outcomes of single examples")
    expected = (
        "records of Every Eval Ever, JSON files with `schema_version` and `evaluation_results`"
    )
    evaluator = one_evaluator(found.evaluators, faults)
    return reading_of(
        sources, faults, found.scores, found.left_out, evaluator=evaluator, expected=expected
    )


@dataclass(frozen=True, slots=True)
class _Record:
    """What holds for every result of a record."""

    path: str
    evaluator: str
    model: Mapping[str, Any]
    notes: str
    shown: str | None


class _Records:
    """Collects the scores of records."""

    def __init__(self, given: Given, faults: Faults) -> None:
        self.given = given
        self.faults = faults
        self.scores: list[Score] = []
        self.left_out: list[str] = []
        self.evaluators: set[str] = set()
        self._read = 0

    def add(self, path: str, document: object) -> None:
        """Read one file."""
        whole = mapping(document)
        version, results = whole.get("schema_version"), whole.get("evaluation_results")
        if version is None or results is None:
            self.left_out.append(f"file '{path}': no record of Every Eval Ever")
            return
        if version not in VERSIONS:
            self.faults.add(
                f"file '{path}', schema_version: found {shown(version)} ; expected one of "
                f"{', '.join(VERSIONS)}. Bring the record to one of them."
            )
            return
        model, library = mapping(whole.get("model_info")), mapping(whole.get("eval_library"))
        if not isinstance(results, list) or not isinstance(model.get("id"), str):
            self.faults.add(
                f"file '{path}': found no list evaluation_results or no model_info.id ; expected both."
            )
            return
        self._read += len(results)
        if self._read > _MAX_SCORES:
            self.faults.add(
                f"file '{path}': found over {_MAX_SCORES} results in all ; expected fewer. Import the "
                "parts one by one."
            )
            return
        source = mapping(whole.get("source_metadata"))
        record = _Record(
            path=path,
            evaluator=_evaluator(library),
            model=model,
            notes="; ".join(
                noted(source, ("source_type", "evaluator_relationship", "source_name"))
            ),
            shown=_why_shown(source, library, model),
        )
        for index, result in enumerate(results):
            self._result(record, index, mapping(result))

    def _result(self, record: _Record, index: int, result: Mapping[str, Any]) -> None:
        metric, details = mapping(result.get("metric_config")), mapping(result.get("score_details"))
        data = mapping(result.get("source_data"))
        at = _at(f"evaluation_results[{index}].score_details.score; {record.notes}", result)
        if why := _no_score(metric):
            self.left_out.append(f"file '{record.path}', {at}: {why}")
            return
        place = Place(self.faults, self.given, f"{record.path}, {at}", exact=True)
        before = self.faults.total
        uncertainty, stated = mapping(details.get("uncertainty")), mapping(details.get("details"))
        of_data = mapping(data.get("additional_details"))
        of_model = mapping(record.model.get("additional_details"))
        fields = place.fields({
            "task": named("task", result.get("evaluation_name")),
            "language": named("language", of_data.get("language")),
            **split_said(place, data.get("hf_split", of_data.get("split"))),
            "metric": named("metric", _metric(metric, record.evaluator)),
            "seed": (("seed", of_model.get("seed")),),
            "n": (("num_samples", uncertainty.get("num_samples")),),
        })  # fmt: skip
        statistic = seeds_of(place, stated)
        trained = system_trained(place, of_model, record.model["id"])
        raw = _raw(place, record.path, at, details, metric)
        if self.faults.total > before:
            return
        why = record.shown or _why_part(result, data, stated, uncertainty)
        score = scored(fields, trained, raw, seeds=statistic, shown=why)
        if score is not None:
            self.evaluators.add(record.evaluator)
            self.scores.append(score)


def _at(at: str, result: Mapping[str, Any]) -> str:
    """Return where a score stands, with what names it."""
    data, metric = mapping(result.get("source_data")), mapping(result.get("metric_config"))
    named = (("evaluation_name", result), ("dataset_name", data), ("metric_name", metric))
    return "; ".join([at, *(note for key, of in named for note in noted(of, (key,)))])[:3000]


def _evaluator(library: Mapping[str, Any]) -> str:
    """Return name and version of the evaluation library, or what an own record says it was."""
    exact = mapping(library.get("additional_details")).get("evaluator")
    if isinstance(exact, str) and exact:
        return exact[:200]
    words = [
        w for k in ("name", "version") if isinstance(w := library.get(k), str) and w != UNKNOWN
    ]
    return " ".join(words)[:200] or UNKNOWN


def _why_shown(
    source: Mapping[str, Any], library: Mapping[str, Any], model: Mapping[str, Any]
) -> str | None:
    """Return why no score of a record can count; None where nothing speaks against it."""
    why = mapping(source.get("additional_details")).get("shown")
    if isinstance(why, str) and why.strip():
        return why[:4000]
    if source.get("source_type") != "evaluation_run":
        return "The record was taken from documentation, not from an evaluation run."
    name = str(library.get("name") or "").lower()
    if name.startswith(_PROMPTING) or model.get("inference_platform"):
        return "The model was asked by a prompt, not fine-tuned on the task."
    return None


def _why_part(
    result: Mapping[str, Any],
    data: Mapping[str, Any],
    stated: Mapping[str, Any],
    uncertainty: Mapping[str, Any],
) -> str | None:
    """Return why one score cannot count; None where nothing speaks against it."""
    generation = mapping(result.get("generation_config"))
    if any(v is not None for v in mapping(generation.get("generation_args")).values()):
        return "The model generated answers to a prompt; it was not fine-tuned on the task."
    if mapping(mapping(result.get("metric_config")).get("llm_scoring")):
        return "Another model judged the answers."
    if isinstance(why := stated.get("shown"), str) and why.strip():
        return why[:4000]
    whole, used = number_of(data.get("samples_number")), number_of(uncertainty.get("num_samples"))
    used = float(len(listed(data["sample_ids"]))) if data.get("sample_ids") else used
    if whole is not None and used is not None and used < whole:
        return f"Only {used:g} of {whole:g} examples were scored."
    return None


def _no_score(metric: Mapping[str, Any]) -> str | None:
    """Return why a metric is no score of which more is better, from 0 to a best one."""
    if metric.get("lower_is_better") is True:
        return "less of this metric is better"
    if metric.get("score_type") == "levels":
        return "a level, which is no number between two bounds"
    bounds = [metric.get(key) for key in ("min_score", "max_score")]
    if None not in bounds and _known_bounds(bounds) is None:
        return f"a metric from {shown(bounds[0])} to {shown(bounds[1])}"
    return None


def _known_bounds(bounds: list[Any]) -> Scale | None:
    numbers = [number_of(b) for b in bounds]
    return _BOUNDS.get((numbers[0], numbers[1])) if None not in numbers else None  # type: ignore[arg-type]


def _raw(
    place: Place, path: str, at: str, details: Mapping[str, Any], metric: Mapping[str, Any]
) -> Raw | None:
    """Return a value on the scale that unit and bounds state, or else the user; None with a fault."""
    value, unit = number_of(details.get("score")), metric.get("metric_unit")
    if value is None:
        place.fault(f"score {shown(details.get('score'))}", "a finite number.")
        return None
    scale = place.scale(
        value,
        ("metric_unit", _UNITS.get(unit.strip().lower()) if isinstance(unit, str) else None),
        ("max_score", _known_bounds([metric.get("min_score"), metric.get("max_score")])),
        needed=True,
    )
    notes, spread = _spread(place, mapping(details.get("uncertainty")))
    at = "; ".join([at, *notes])
    return scale and Raw(value=value, scale=scale, path=path, at=at, spread=spread)


def _metric(metric: Mapping[str, Any], evaluator: str) -> object:
    """Return what a record calls its metric; None where it has no name for it."""
    for key in ("metric_id", "metric_kind", "metric_name"):
        if metric.get(key) is not None:
            return metric[key]
    # The project's own converter of the harness has put the name there, and nowhere else.
    description = metric.get("evaluation_description")
    return description if evaluator.startswith("lm_eval") and name_of(description) else None


def _spread(place: Place, uncertainty: Mapping[str, Any]) -> tuple[list[str], StatedSpread | None]:
    """Return the first uncertainty of those stated, and notes of the others."""
    error, interval = (
        mapping(uncertainty.get(k)) for k in ("standard_error", "confidence_interval")
    )
    stated: list[tuple[str, object, float | None]] = []
    if error:
        stated.append(("standard_error", error.get("value"), None))
    if interval:
        ends = [number_of(interval.get(k)) for k in ("lower", "upper")]
        half = (ends[1] - ends[0]) / 2 if ends[0] is not None and ends[1] is not None else None
        level = number_of(interval.get("confidence_level"))
        stated.append(("half_width", half, level if level is not None and 0 < level < 1 else None))
    if uncertainty.get("standard_deviation") is not None:
        stated.append(("standard_deviation", uncertainty["standard_deviation"], None))
    found: StatedSpread | None = None
    notes = []
    for quantity, value, level in stated:
        number = number_of(value)
        if number is None or number < 0:
            place.fault(f"{quantity} {shown(value)}", "a number from 0 up.")
        elif found is None:
            over = "unknown" if quantity == "half_width" else "examples"
            found = StatedSpread.model_validate(
                {"quantity": quantity, "value": number, "over": over, "level": level}
            )
        else:
            notes.append(f"{quantity} {number:g}")
    if method := error.get("method") or interval.get("method"):
        notes.append(f"method {shown(method)}")
    return notes, found
