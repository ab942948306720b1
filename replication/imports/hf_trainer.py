"""What do the output folders of Hugging Face's Trainer say of the models trained there?

Read are `*_results.json` (`Trainer.save_metrics`; `all_results.json` repeats the others), the
`trainer_state.json` of the run itself (`Trainer.save_state`), and of `README.md`, the model card that
the Trainer writes, the seed, the base model and the evaluation set's split. `training_args.bin` is a
pickle and never opened, so that a seed which no card names has to be given. Checkpoints' folders repeat
the run's history and are left out. Values keep the scale of the library that computed them
(`hf_metrics`); no file states an uncertainty. `eval_samples` is the number of examples scored, but for
question answering, where the example scripts count windows of text: there it is left out.

Light: imports neither torch nor transformers nor datasets.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from claims.estimand import Split
from claims.safe_yaml import LocatedYaml, read_yaml
from replication.imports.cells import listed, mapping, number_of, whole_of
from replication.imports.faults import Faults, shown
from replication.imports.hf_metrics import EXACT, PREFIXES, Key, Named, keys_of, known, scale_of
from replication.imports.run_files import begun, collected, found_files, reading_of
from replication.imports.score import Given, Reading, Score
from replication.imports.settled import Place, Said, checked, scored
from replication.imports.sources import Sources
from replication.origin import Raw

__all__ = ["read"]

_STATE = "trainer_state.json"
_RESULTS = "_results.json"
_CARD = "README.md"
_CONFIG = "config.json"
_CHECKPOINT = re.compile(r"checkpoint-[0-9]{1,20}")
_LARGEST = 2**20
"""Bytes of a result file, a card or a configuration; real ones have some thousands."""
_LARGEST_STATE = 32 * 2**20
_MOST_KEYS = 2000
_MOST_ENTRIES = 200_000
_LONGEST_FRONT = 2**16
_SEED = re.compile(r"- seed: ([0-9]{1,19})")
_HYPERPARAMETERS = "### Training hyperparameters"
_CHOSEN = (
    "The Trainer kept the checkpoint that was best on the evaluation set, so this score is of a model "
    "that may have been chosen on the very examples it is scored on."
)
_TRIAL = "The run is a trial of a hyperparameter search, which chooses on the evaluation set."


@dataclass(frozen=True, slots=True)
class _Value:
    """A value of a result file, or of the last evaluation in a state."""

    value: object
    path: str
    at: str


@dataclass(slots=True)
class _Folder:
    """All that was found in the folder of one run."""

    name: str
    values: dict[str, _Value] = field(default_factory=dict)
    seed: int | None = None
    split: Split | None = None
    base: str | None = None
    starts: str | None = None
    """Weights on somebody's disk that training started from."""
    chosen: str | None = None
    """Why scores on the evaluation set are of a chosen model; None where nothing says so."""


def read(path: Path, given: Given) -> Reading:
    """Return every score below a folder with output folders of the Trainer.

    Args:
        path: an output folder, a folder of such, or one result file or state.
        given: what the files do not say. Task and language are never in them, the split of `eval_`
            scores seldom. With `metric`, that one alone is read, even where its scale is unknown here.

    Raises:
        ImportedScoresError: with every fault of every file.
    """
    sources = Sources(path)
    faults = Faults()
    given = checked(given, faults)
    left_out: list[str] = []
    folders = [
        _folder(sources, files, faults, left_out) for files in _runs(sources, faults, left_out)
    ]
    # `--given split` is for those that say none; where all say one, it must be theirs
    silent = any(
        key.examples.split is None for folder in folders for key in keys_of(folder.values).values()
    )
    scores = [s for folder in folders for s in _scores(folder, given, faults, left_out, silent)]
    return reading_of(sources, faults, scores, left_out)


def _runs(sources: Sources, faults: Faults, left_out: list[str]) -> list[list[Path]]:
    """Return the files of each run, folder by folder; checkpoints' folders are told and left out.

    Where a run has no state of its own, that of its last checkpoint comes with it.
    """
    found: dict[Path, list[Path]] = defaultdict(list)
    last: dict[Path, tuple[int, Path]] = {}
    repeated: set[str] = set()
    beside = (_STATE, _CARD, _CONFIG, f"checkpoint-*/{_STATE}")
    names = (f"*{_RESULTS}", _STATE, _CARD, _CONFIG)
    for file in found_files(sources, faults, *names, beside=beside):
        above = file.relative_to(sources.folder).parts[:-1]
        if not any(_CHECKPOINT.fullmatch(part) for part in above):
            found[file.parent].append(file)
            continue
        repeated.add(sources.name(file.parent))
        if file.name == _STATE and _CHECKPOINT.fullmatch(above[-1]):
            step, run = int(above[-1].rpartition("-")[2]), file.parent.parent
            last[run] = max(last.get(run, (step, file)), (step, file))
    if repeated:
        first = ", ".join(sorted(repeated)[:5])
        left_out.append(
            f"{first}{', ...' if len(repeated) > 5 else ''}: checkpoints ({len(repeated)}), whose "
            "states repeat the run's up to there."
        )
    for run, (_, state) in last.items():
        if run in found and not any(file.name == _STATE for file in found[run]):
            found[run].append(state)
    return [
        files
        for run, files in found.items()
        if any(f.parent == run and (f.name.endswith(_RESULTS) or f.name == _STATE) for f in files)
    ]


def _folder(sources: Sources, files: list[Path], faults: Faults, left_out: list[str]) -> _Folder:
    """Return what the files of one run say."""
    folder = _Folder(sources.name(files[0].parent))
    by_name = {file.name: file for file in files}
    if card := by_name.get(_CARD):
        with collected(faults):
            _read_card(folder, sources.read(card, most=_LARGEST), sources.name(card), faults)
    if config := by_name.get(_CONFIG):
        with collected(faults):
            _read_config(folder, sources.json(config, most=_LARGEST))
    results = [f for f in files if f.name.endswith(_RESULTS)]
    for file in sorted(results, key=lambda f: (f.name == f"all{_RESULTS}", f.name)):
        with collected(faults):
            _read_results(folder, sources, file, faults)
    if state := by_name.get(_STATE):
        with collected(faults):
            value = sources.json(state, most=_LARGEST_STATE)
            _read_choice(folder, value)
            if state.parent == files[0].parent:
                _read_state(folder, value, sources.name(state), faults, left_out)
    return folder


def _read_card(folder: _Folder, data: bytes, name: str, faults: Faults) -> None:
    """Take the seed, the base model and the evaluation set's split from a model card."""
    lines = data.decode("utf-8-sig", errors="replace").split("\n")
    inside = False
    for line in lines:
        if line.startswith("#"):
            inside = line.strip() == _HYPERPARAMETERS
        elif inside and (found := _SEED.fullmatch(line.strip())):
            folder.seed = whole_of(int(found[1]), 0)
    if lines[0].strip() != "---":
        return
    end = next((i for i, line in enumerate(lines[1:], 1) if line.strip() == "---"), 0)
    text = "\n".join(lines[1:end])
    front = read_yaml(text[:_LONGEST_FRONT])
    base = front.at(("base_model",))
    if len(text) > _LONGEST_FRONT or front.faults or not isinstance(base, str | None):
        faults.add(
            f"{name}: found a front matter that is no plain YAML, over {_LONGEST_FRONT} characters, or "
            "of several base models ; expected the Trainer's own. Move the card away to do without."
        )
        return
    if base and base.isprintable():
        _begin(folder, base)
    splits = {PREFIXES.get(split) for split in _splits(front)}
    if len(splits) == 1:
        folder.split = splits.pop()


def _splits(front: LocatedYaml) -> Iterable[str]:
    """Yield the splits that the results of a card's `model-index` are of."""
    for model in listed(front.at(("model-index",))):
        for result in listed(mapping(model).get("results")):
            split = mapping(mapping(result).get("dataset")).get("split")
            if isinstance(split, str):
                yield split


def _read_config(folder: _Folder, value: Any) -> None:
    """Take the weights that training started from, which transformers wrote down until version 4."""
    start = mapping(value).get("_name_or_path")
    if isinstance(start, str) and start and start.isprintable() and folder.base is None:
        _begin(folder, start)


def _begin(folder: _Folder, start: str) -> None:
    """Tell ids of the hub, at most `owner/name`, from paths on somebody's disk."""
    local = start[:1] in {"/", ".", "~"} or "\\" in start or ":" in start or start.count("/") > 1
    folder.starts, folder.base = (start, None) if local else (None, start)


def _read_results(folder: _Folder, sources: Sources, file: Path, faults: Faults) -> None:
    """Take the values of one result file; one that another file has otherwise is a fault."""
    name = sources.name(file)
    value = sources.json(file, most=_LARGEST)
    if not isinstance(value, dict) or len(value) > _MOST_KEYS:
        faults.add(f"{name}: found no object of at most {_MOST_KEYS} values ; expected one.")
        return
    scored = keys_of(value)
    for key, number in value.items():
        earlier = folder.values.get(key)
        if earlier is None:
            folder.values[key] = _Value(number, name, key)
        elif key in scored and _differ(earlier.value, number):
            faults.add(
                f"{name}, {shown(key)}: found {shown(number)}, and {shown(earlier.value)} in "
                f"{earlier.path} ; expected the same. Remove the outdated file."
            )


def _differ(one: object, other: object) -> bool:
    """Return whether two values are not the same number; what is no number is a fault elsewhere."""
    return number_of(one) != number_of(other)


def _read_choice(folder: _Folder, value: Any) -> None:
    """Take what a state says of how the model was chosen."""
    value = mapping(value)
    if value.get("is_hyper_param_search") is True or value.get("trial_name") is not None:
        folder.chosen = _TRIAL
    elif value.get("best_model_checkpoint") is not None:
        folder.chosen = _CHOSEN


def _read_state(
    folder: _Folder, value: Any, name: str, faults: Faults, left_out: list[str]
) -> None:
    """Take the last evaluation in a state where there is no result file."""
    history = mapping(value).get("log_history")
    if not isinstance(history, list) or not all(isinstance(entry, dict) for entry in history):
        faults.add(
            f"{name}: found no list `log_history` of objects ; expected the Trainer's state."
        )
        return
    evaluations = [(i, entry) for i, entry in enumerate(history) if keys_of(entry)]
    if keys_of(folder.values):
        if evaluations:
            left_out.append(f"{name}: {len(evaluations)} evaluations during training.")
        return
    final = [(i, e) for i, e in evaluations if e.get("step") == value.get("global_step")]
    for i, entry in final:
        for key in list(entry)[:_MOST_KEYS]:
            folder.values[key] = _Value(entry[key], name, f"log_history[{i}].{key}")
    if others := len(evaluations) - len(final):
        left_out.append(f"{name}: {others} evaluations before the last step.")


def _scores(
    folder: _Folder, given: Given, faults: Faults, left_out: list[str], silent: bool
) -> list[Score]:
    """Return the scores of one run, and tell what else its files hold."""
    keys = keys_of(folder.values)
    groups: dict[Named, dict[str, _Value]] = defaultdict(dict)
    others: dict[str, list[str]] = defaultdict(list)
    for text, value in folder.values.items():
        key = keys.get(text)
        if key and key.examples.understood and _wanted(key, given):
            groups[key.examples][key.metric] = value
        else:
            others[value.path].append(shown(text)[1:-1])
    left_out.extend(f"{p}: {', '.join(sorted(ts))}: no known scores." for p, ts in others.items())
    if not groups:
        return []
    place = Place(faults, given, f"run '{folder.name}'")
    trained = begun(place, folder.base, pretrained=False, starts=folder.starts)
    scores: list[Score | None] = []
    for examples, metrics in groups.items():
        beside = {key.metric for key in keys.values() if key.examples == examples}
        place = replace(place, where=f"run '{folder.name}', {examples.key}*")
        card = folder.split if examples.prefix == "eval" else None
        said = {
            "task": (),
            "language": (("its name", examples.language),),
            "split": ((examples.key, examples.split or card),),
            "seed": ((_CARD, folder.seed),),
            "n": (_count(place, folder, examples, beside),),
        }
        fields = place.fields(said, {"split"} if silent and examples.split else ())
        for metric, value in metrics.items():
            raw = _raw(replace(place, where=f"{value.path}, {value.at}"), metric, value, beside)
            named = fields and {**fields, "metric": "exact_match" if metric == "exact" else metric}
            why = folder.chosen if examples.prefix == "eval" else None
            scores.append(scored(named, trained, raw, shown=why))
    return [score for score in scores if score is not None]


def _wanted(key: Key, given: Given) -> bool:
    """Return whether a key is of the metric that the user wants, or else of a known one."""
    if given.metric is None:
        return known(key.metric)
    return given.metric == key.metric or (given.metric == "exact_match" and key.metric == "exact")


def _count(place: Place, folder: _Folder, examples: Named, beside: Collection[str]) -> Said:
    """Return how many examples were scored; None where nobody says."""
    value = folder.values.get(f"{examples.key}samples")
    if not EXACT.isdisjoint(beside):
        value = folder.values.get(f"{examples.key}total")  # squad_v2's own count of questions
    if value is None:
        return "samples", None
    said = whole_of(value.value, 1)
    if said is None:
        place.fault(f"{value.at} {shown(value.value)}", "a number of examples from 1 up.")
    return value.at, said


def _raw(place: Place, metric: str, value: _Value, beside: Collection[str]) -> Raw | None:
    """Return a value with its scale; None with a fault."""
    number = number_of(value.value)
    if number is None:
        place.fault(shown(value.value), "a number from 0 to 1, or in points to 100.")
        return None
    said = ("its metric", scale_of(metric, number, beside))
    scale = place.scale(number, said, needed=True, fills=number == 0)
    return scale and Raw(value=number, scale=scale, path=value.path, at=value.at)
