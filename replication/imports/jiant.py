"""What do jiant's run folders say of the models that were trained and evaluated there?

Read are `val_metrics.json` (`write_val_results`: per task the loss, a major metric and its minor ones),
`args.json` beside it (`save_args`: seed, pretrained model, how weights were loaded), and of the log
`*/train_val.zlog` on which tasks' validation sets the checkpoint was chosen. Accuracy, F1 and exact
match are fractions, as sklearn and seqeval have them, but for tasks scored like SQuAD, where `exact` or
`exact_match` stands beside `f1` and both are in points (`make_eval_dict`, `mlqa.evaluate`). No file
states an uncertainty, and only SQuAD's `total` says how many examples were scored. jiant scores
validation sets only. Predictions, models and caches are pickles and never opened.

Light: imports neither torch nor transformers nor datasets.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any

import yaml

from claims.record import Record
from replication.imports.cells import mapping, number_of, whole_of
from replication.imports.faults import Faults, shown
from replication.imports.run_files import begun, collected, found_files, reading_of
from replication.imports.score import Given, Reading, Score
from replication.imports.settled import Place, Said, Trained, checked, scored
from replication.imports.sources import Sources, parsed
from replication.origin import Raw

__all__ = ["read"]

_METRICS = "val_metrics.json"
_ARGS = "args.json"
_LOG = "train_val.zlog"
_PICKLES = ("*.p", "*.pt", "*.pth", "*.pkl", "*.bin", "*.chunk")
_LARGEST = 2**20
_LARGEST_LOG = 16 * 2**20
_MOST_TASKS = 2000
_CODE = re.compile(r"[a-z]{2,3}")
_CHOSEN = (
    "jiant kept the checkpoint that was best on (a part of) the very validation set that is scored."
)
_UNTOLD = (
    f"jiant kept the best of several checkpoints, and no {_LOG} says on which validation sets."
)
_THRESHOLD = "jiant chooses the threshold of similarity on the very pairs that it scores."


class _Names(Record):
    """What jiant's names mean."""

    multilingual: dict[str, str]
    retrieval: tuple[str, ...]
    english: frozenset[str]
    metrics: dict[str, str]
    points: tuple[str, ...]
    pretrained: tuple[str, ...]


@cache
def _names() -> _Names:
    file = resources.files("replication.imports") / "jiant.yaml"
    return _Names.model_validate(yaml.safe_load(file.read_text(encoding="utf-8")))


@dataclass(slots=True)
class _Run:
    """The folder of one run."""

    metrics: Path | None = None
    args: dict[str, Any] = field(default_factory=dict)
    logged: bool = False
    """Whether there is a log of evaluations during training."""
    chosen_on: set[str] = field(default_factory=set)
    """jiant's names of the tasks that were evaluated during training."""


def read(path: Path, given: Given) -> Reading:
    """Return every score below a folder with jiant's run folders.

    Args:
        path: a run folder, a folder of such, or one `val_metrics.json`.
        given: what the files do not say: the number of examples of most tasks, what an intermediate
            phase trained on, the language of tasks that jiant does not know. With `metric`, that one
            alone is read.

    Raises:
        ImportedScoresError: with every fault of every file.
    """
    sources = Sources(path)
    faults = Faults()
    given = checked(given, faults)
    left_out: list[str] = []
    scores: list[Score] = []
    for folder, run in _runs(sources, faults, left_out).items():
        name = sources.name(folder)
        if run.metrics is None:
            left_out.append(
                f"{name}: {_ARGS} or a log without {_METRICS}, as of a run that was not scored."
            )
            continue
        with collected(faults):
            value = sources.json(run.metrics, most=_LARGEST)
            place = Place(faults, given, f"run '{name}'")
            scores += _scores(run, sources.name(run.metrics), value, place, left_out)
    return reading_of(sources, faults, scores, left_out, evaluator="jiant")


def _runs(sources: Sources, faults: Faults, left_out: list[str]) -> dict[Path, _Run]:
    """Return every run folder with what is read of it; pickles are told and left out."""
    runs: dict[Path, _Run] = defaultdict(_Run)
    pickles = 0
    beside = (_ARGS, f"*/{_LOG}")
    for file in found_files(sources, faults, _METRICS, _ARGS, _LOG, *_PICKLES, beside=beside):
        if file.suffix not in {".json", ".zlog"}:
            pickles += 1
        elif file.name == _LOG:
            outside = file.parent == sources.folder  # the log's own folder is what is imported
            run = runs[file.parent if outside else file.parent.parent]
            with collected(faults):
                run.chosen_on |= _logged(sources, file)
                run.logged = True
        elif file.name == _ARGS:
            with collected(faults):
                value = sources.json(file, most=_LARGEST)
                if not isinstance(value, dict):
                    raise sources.fault(
                        f"{sources.name(file)}: found no object ; expected jiant's settings."
                    )
                runs[file.parent].args = value
        else:
            runs[file.parent].metrics = file
    if pickles:
        left_out.append(
            f"{pickles} pickled files ({', '.join(_PICKLES)}): predictions, models, caches."
        )
    return dict(sorted(runs.items()))


def _logged(sources: Sources, file: Path) -> set[str]:
    """Return the tasks that were evaluated during training, by which jiant chooses the checkpoint."""
    tasks: set[str] = set()
    name = sources.name(file)
    for number, line in enumerate(sources.read(file, most=_LARGEST_LOG).split(b"\n"), 1):
        if not line.strip():
            continue
        try:
            entry = parsed(line.decode("utf-8"))
        except (ValueError, RecursionError):
            entry = None
        metrics = mapping(entry).get("metrics")
        if not isinstance(metrics, dict) or len(tasks) > _MOST_TASKS:
            raise sources.fault(
                f"{name}, line {number}: found no object with `metrics` of at most {_MOST_TASKS} tasks "
                "; expected an evaluation in jiant's log."
            )
        tasks |= metrics.keys()
    return tasks


def _scores(run: _Run, name: str, value: Any, of_run: Place, left_out: list[str]) -> list[Score]:
    """Return the scores of one run, and tell what else its metrics hold."""
    if not isinstance(value, dict) or len(value) > _MOST_TASKS:
        of_run.fault(f"in {name} no object of at most {_MOST_TASKS} tasks", "jiant's metrics.")
        return []
    trained = _trained(run, of_run)
    same = of_run.fields(
        {"seed": (_seed(run, of_run, value),), "split": (("jiant", "validation"),)}
    )
    reasons = _chosen(run)
    scores: list[Score | None] = []
    others: list[str] = []
    for task, result in value.items():
        if task == "aggregated":
            others.append(task)
            continue
        place = replace(of_run, where=f"{name}, {shown(task)}")
        minor = _minor(place, result)
        wanted = [key for key in minor if _wanted(key, place.given)]
        others += [f"{task}.{key}" for key in minor if key not in wanted]
        meant, language = _meant(task)
        said = {"n": (_count(place, minor),)}
        if wanted:
            said |= {"task": (("its name", meant),), "language": (("its name", language),)}
        own = place.fields(said)
        for key in wanted:
            raw = _raw(place, minor, key, name, task)
            fields = own and same and {**same, **own, "metric": _names().metrics[key]}
            why = _THRESHOLD if meant == "bucc" else reasons.get(task, reasons.get("*"))
            scores.append(scored(fields, trained, raw, shown=why))
    told = ", ".join([*(shown(text)[1:-1] for text in others), "losses and major metrics"])
    left_out.append(f"{name}: {told}: means, parts or no scores.")
    return [score for score in scores if score is not None]


def _trained(run: _Run, place: Place) -> Trained | None:
    """Return what was trained; None with a fault."""
    base = _text(run, place, "hf_pretrained_model_name_or_path", "model_type")
    mode = _text(run, place, "model_load_mode")
    weights = _text(run, place, "model_path", "model_load_path") or "weights of another run"
    if _pretrained(run):
        place.of("intermediate", ("model_load_mode", "none"))
    other = mode is not None and not _pretrained(run)
    return begun(place, base, pretrained=True, starts=weights if other else None)


def _text(run: _Run, place: Place, *keys: str) -> str | None:
    """Return the first of these settings that is there; jiant renamed some over time."""
    value = next((run.args[key] for key in keys if run.args.get(key) is not None), None)
    if value is None or (isinstance(value, str) and value.isprintable() and value):
        return value
    place.fault(f"{_ARGS}: {keys[0]} {shown(value)}", "a printable text.")
    return None


def _pretrained(run: _Run) -> bool:
    """Return whether the weights are said to be those of the pretrained model alone."""
    return run.args.get("model_load_mode") in _names().pretrained


def _seed(run: _Run, place: Place, tasks: Iterable[str]) -> Said:
    """Return the replicate: the seed of the training whose weights were scored; None for nobody says."""
    value = run.args.get("seed")
    said: object = None if value in (None, -1) else whole_of(value, 0)
    if value not in (None, -1) and said is None:
        place.fault(f"{_ARGS}: seed {shown(value)}", "a whole number from 0 up, or -1.")
    if run.args.get("do_train") is False:
        kinds = {_names().multilingual.get(t.partition("_")[0]) for t in tasks if t != "aggregated"}
        if not _pretrained(run):
            said = None  # the seed of the run that made these weights counts, and stands elsewhere
        elif kinds and kinds <= set(_names().retrieval):
            said = "none"  # the pretrained encoder compares sentences: nothing is drawn
    return _ARGS, said


def _chosen(run: _Run) -> dict[str, str]:
    """Return jiant's name of a task, or `*` for all -> why its score is of a chosen model."""
    every = run.args.get("eval_every_steps")
    if every == 0 or run.args.get("do_train") is False:
        return {}
    if run.logged:
        return dict.fromkeys(run.chosen_on, _CHOSEN)
    return {"*": _UNTOLD} if every is not None else {}


def _minor(place: Place, result: Any) -> dict[str, Any]:
    """Return a task's metrics by jiant's names; none with a fault."""
    minor = mapping(mapping(result).get("metrics")).get("minor")
    if not isinstance(minor, dict) or len(minor) > _MOST_TASKS:
        place.fault("no object `metrics.minor`", "the metrics of a task.")
        return {}
    return minor


def _wanted(key: str, given: Given) -> bool:
    """Return whether a metric is a known one, and the one that the user wants if any."""
    metric = _names().metrics.get(key)
    return metric is not None and given.metric in (None, metric)


def _meant(name: str) -> tuple[str, str | None]:
    """Return task and language that a name of jiant means; None for a language that it does not say."""
    names = _names()
    first, _, rest = name.partition("_")
    task = names.multilingual.get(first)
    codes = rest.split("_", 2)
    language: str | None = None
    if (
        task
        and len(set(codes)) == 1
        and len(codes) == 1 + (task == "mlqa")
        and _CODE.fullmatch(codes[0])
    ):
        language = codes[0]
    elif task == "mlqa" and len(codes) == 2:
        task = None  # question and context in two languages: another task
    elif name in names.english:
        task, language = name, "en"
    else:
        task = None
    return task or name, language


def _count(place: Place, minor: Mapping[str, Any]) -> Said:
    """Return how many examples were scored; None where nobody says."""
    said = whole_of(minor.get("total"), 1)
    if said is None and "total" in minor:
        place.fault(f"total {shown(minor['total'])}", "a number of examples from 1 up.")
    return "total", said


def _raw(place: Place, minor: Mapping[str, Any], key: str, path: str, task: str) -> Raw | None:
    """Return a metric's value with its scale; None with a fault."""
    in_points = any(k in minor for k in _names().points) and key in {*_names().points, "f1"}
    at = f"{task}.metrics.minor.{key}"
    place = replace(place, where=f"{place.where}.{key}")
    number = number_of(minor[key])
    if number is None:
        place.fault(shown(minor[key]), "a number, as jiant writes it.")
        return None
    scale = place.scale(number, ("jiant", "points" if in_points else "fraction"))
    return scale and Raw(value=number, scale=scale, path=path, at=at)
