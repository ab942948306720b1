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
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from claims.record import UNKNOWN
from replication.errors import ImportedScoresError
from replication.imports.card_values import listed, mapping
from replication.imports.faults import Faults, shown
from replication.imports.said import Place, name_of, number_of
from replication.imports.score import Given, Reading, Score, points
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
    found = _Records(given, faults)
    for file in sources.find("*.json"):
        try:
            document = sources.json(file, most=_MAX_BYTES)
        except ImportedScoresError as error:
            faults.add(str(error))
        else:
            found.add(sources.name(file), document)
    for file in sources.find("*_samples.jsonl") if sources.root.is_dir() else ():
        found.left_out.append(f"file '{sources.name(file)}': outcomes of single examples")
    if not found.scores and not faults.total:
        faults.add(
            f"import '{path}': found no score ; expected records of Every Eval Ever, each a JSON file "
            "with `schema_version` and `evaluation_results`."
        )
    evaluator = found.evaluator()
    faults.stop(f"import '{path}'")
    return Reading(evaluator, sources.files, tuple(found.scores), tuple(found.left_out))


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
                f"{key} {shown(source[key])}"
                for key in ("source_type", "evaluator_relationship", "source_name")
                if source.get(key)
            ),
            shown=_why_shown(source, library, model),
        )
        for index, result in enumerate(results):
            self._result(record, index, mapping(result))

    def evaluator(self) -> str:
        """Return what computed the scores; more than one is a fault."""
        names = sorted(self.evaluators) or [UNKNOWN]
        if len(names) > 1:
            self.faults.add(
                f"import: found scores of {len(names)} evaluators, such as {shown(names[0])} and "
                f"{shown(names[1])} ; expected one. Import the parts one by one."
            )
        return names[0]

    def _result(self, record: _Record, index: int, result: Mapping[str, Any]) -> None:
        metric, details = mapping(result.get("metric_config")), mapping(result.get("score_details"))
        data = mapping(result.get("source_data"))
        at = f"evaluation_results[{index}].score_details.score; {record.notes}"
        place = Place(self.faults, self.given, record.path, _at(at, result, data, metric))
        if why := _no_score(metric):
            self.left_out.append(f"file '{record.path}', {place.at}: {why}")
            return
        before = self.faults.total
        uncertainty, stated = mapping(details.get("uncertainty")), mapping(details.get("details"))
        of_data = mapping(data.get("additional_details"))
        of_model = mapping(record.model.get("additional_details"))
        value, scale = number_of(details.get("score")), _scale(place, metric)
        if value is None or isinstance(details.get("score"), str):
            place.fault(f"score {shown(details.get('score'))}", "a finite number.")
        statistic = stated.get("seeds", "single")
        if statistic not in ("single", "mean", "median"):
            place.fault(f"seeds {shown(statistic)}", "single, mean or median.")
        raw = None
        if value is not None and scale is not None and place.on_scale(value, scale):
            place, spread = _spread(place, uncertainty)
            raw = Raw(value=value, scale=scale, path=place.path, at=place.at, spread=spread)
        found = {
            "task": place.name("task", result.get("evaluation_name")),
            "language": place.name("language", of_data.get("language")),
            "split": place.split(data.get("hf_split", of_data.get("split"))),
            "metric": place.name("metric", _metric(metric, record.evaluator)),
            "seed": place.seed(of_model.get("seed")),
            "n": place.count(uncertainty.get("num_samples")),
            "seeds": statistic,
            "shown": record.shown or _why_part(result, data, stated, uncertainty),
        }
        condition = place.condition(of_model, record.model["id"])
        if raw is None or condition is None or self.faults.total > before:
            return
        score = Score.model_validate({
            **found, "raw": raw, "points": points(raw.value, raw.scale),
            "condition": condition[0], "checkpoint": condition[1],
        })  # fmt: skip
        self.evaluators.add(record.evaluator)
        self.scores.append(score)


def _at(
    at: str, result: Mapping[str, Any], data: Mapping[str, Any], metric: Mapping[str, Any]
) -> str:
    """Return where a score stands, with what names it."""
    named = (("evaluation_name", result), ("dataset_name", data), ("metric_name", metric))
    return "; ".join([at, *(f"{k} {shown(of[k])}" for k, of in named if of.get(k))])[:3000]


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


def _scale(place: Place, metric: Mapping[str, Any]) -> Scale | None:
    """Return the scale that unit and bounds state, or else the user; None with a fault."""
    unit = metric.get("metric_unit")
    of_unit = _UNITS.get(unit.strip().lower()) if isinstance(unit, str) else None
    of_bounds = _known_bounds([metric.get("min_score"), metric.get("max_score")])
    if of_unit is not None and of_bounds is not None and of_unit != of_bounds:
        place.fault(
            f"metric_unit {shown(unit)} with max_score {shown(metric['max_score'])}",
            "a unit that goes with the bounds.",
        )
        return None
    settled: Scale | None = place.settle("scale", of_unit or of_bounds)
    return settled


def _metric(metric: Mapping[str, Any], evaluator: str) -> object:
    """Return what a record calls its metric; None where it has no name for it."""
    for key in ("metric_id", "metric_kind", "metric_name"):
        if metric.get(key) is not None:
            return metric[key]
    # The project's own converter of the harness has put the name there, and nowhere else.
    description = metric.get("evaluation_description")
    return description if evaluator.startswith("lm_eval") and name_of(description) else None


def _spread(place: Place, uncertainty: Mapping[str, Any]) -> tuple[Place, StatedSpread | None]:
    """Return the first uncertainty of those stated, and the place with a note of the others."""
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
            place = replace(place, at=f"{place.at}; {quantity} {number:g}")
    if method := error.get("method") or interval.get("method"):
        place = replace(place, at=f"{place.at}; method {shown(method)}")
    return place, found
