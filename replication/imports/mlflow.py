"""What do runs of MLflow say? From a folder `mlruns/`, or from a tracking server.

MLflow logs numbers under names, and says nothing of scale, split or uncertainty. So the scale has to be
said by the run (parameter or tag `scale`) or by the user, unless a score is above 1; no spread is read.
What was evaluated is said by the parameters and tags `seed`, `task`, `language`, `split`, `n`, `base`
(or `model`), `intermediate` and `mlm`, or by the metric's name. A score is its last value, by step.
Light: imports neither torch nor transformers nor datasets.
"""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path

from replication.imports.faults import Faults, shown
from replication.imports.mlflow_files import runs_in_folder
from replication.imports.mlflow_run import PARENT, Key, Logged, key_of
from replication.imports.mlflow_server import runs_of_server
from replication.imports.score import Given, Reading, Score
from replication.imports.settled import Place, Said, checked, scored, spelled_once
from replication.origin import Raw

__all__ = ["read"]

_MAX_SCORES = 100_000
_MOST_NAMES = 1000
"""Names of metrics left out that are told one by one."""


def read(path: Path | str, given: Given) -> Reading:
    """Return the scores of the finished runs of a store, an experiment, or one run.

    Args:
        path: the folder `mlruns`, one of an experiment or of a run; or the URL of an experiment, as
            `replication.imports.mlflow_server.runs_of_server` takes it.
        given: what the runs do not say; `metric` chooses another metric than `accuracy`, `f1` and
            `exact_match`.

    Raises:
        ImportedScoresError: with every fault of every run.
    """
    faults, left_out = Faults(), list[str]()
    given = checked(given, faults)
    if "://" in str(path):
        what = "import from a tracking server"
        runs = runs_of_server(str(path), given, faults)
    else:
        what = f"import '{path}'"
        runs = runs_in_folder(Path(path), given, faults, left_out)
    runs.sort(key=lambda run: run.path)
    finished = [run for run in runs if run.status == "FINISHED"]
    left_out += [f"{run.path}: {run.status}" for run in runs if run.status != "FINISHED"]
    left_out += _without_scores(finished)
    scores = _Scores(given, faults, {run.tags[PARENT] for run in runs if PARENT in run.tags})
    for run in finished:
        scores.add(run, left_out)
    if not scores.found and not faults.total:
        names = sorted({name for run in finished for name in run.others})
        told = ", ".join(shown(name) for name in names[:8]) or "none"
        faults.add(
            f"{len(finished)} finished runs of {len(runs)}: found no score among the metrics {told} ; "
            "expected accuracy, f1 or exact_match, alone or as validation_accuracy or "
            "TASK/LANGUAGE/accuracy. Add --given metric=NAME."
        )
    faults.stop(what)
    sources = {s.path: s for s in (run.source() for run in finished if run.metrics)}
    return Reading(
        "unknown",
        tuple(sources[path] for path in sorted(sources)),
        tuple(scores.found),
        tuple(left_out),
    )


def _without_scores(runs: list[Logged]) -> list[str]:
    """Tell the metrics that are no scores, each once, with the number of runs that have it."""
    where: dict[str, list[Logged]] = defaultdict(list)
    for run in runs:
        for name in run.others:
            where[name].append(run)
    told = [
        f"metric {shown(name)}: is none of the scores looked for; in {len(having)} runs, such as "
        f"{having[0].path}"
        for name, having in sorted(where.items())[:_MOST_NAMES]
    ]
    more = len(where) - len(told)
    return [*told, *([f"{more} more metrics"] if more > 0 else [])]


class _Scores:
    """Turns runs into scores, and collects what is wrong with them."""

    def __init__(self, given: Given, faults: Faults, parents: set[str]) -> None:
        self.metric = given.metric
        self.given = given.model_copy(
            update={"metric": None}
        )  # it chooses, and may be a whole name
        self.faults = faults
        self.parents = parents
        """Ids of runs that others are a part of."""
        self.found: list[Score] = []
        self._bases: dict[str, tuple[str, str]] = {}

    def add(self, run: Logged, left_out: list[str]) -> None:
        """Add every score of a run."""
        cells: dict[tuple[str, str, str, str], str] = {}
        for name in run.metrics:
            key = key_of(name, self.metric)
            if key is None or key.split == "train":
                left_out.append(f"{run.path}: metric {shown(name)}: is of training data")
                continue
            score = self._score(run, name, key)
            if score is None:
                continue
            cell = (score.task, score.language, score.split, score.metric)
            if cell in cells:
                self.faults.add(
                    f"{run.path}: found {shown(cells[cell])} and {shown(name)}, both of {' '.join(cell)}"
                    " ; expected one of them. Choose it: --given metric=NAME, with the whole name."
                )
            cells[cell] = name
            if len(self.found) >= _MAX_SCORES:
                self.faults.add(f"{run.path}: found over {_MAX_SCORES} scores ; expected fewer.")
                return
            self.found.append(score)

    def _score(self, run: Logged, name: str, key: Key) -> Score | None:
        place = Place(self.faults, self.given, f"{run.path}: metric {shown(name)}")
        fields = place.fields({
            field: (("its name", getattr(key, field, None)), *_spoken(run, field))
            for field in ("task", "language", "split", "metric", "seed", "n")
        })  # fmt: skip
        base = _spoken(run, "base") or _spoken(run, "model")
        trained = place.trained(base, _spoken(run, "intermediate"), _spoken(run, "mlm"))
        if trained is not None:
            spelled_once(self._bases, trained, Place(self.faults, self.given, run.path))
        logged = run.metrics[name]
        scale = place.scale(logged.value, *_spoken(run, "scale"))
        if scale is None:
            return None
        at = f"metric {shown(name)[1:-1]}, step {logged.step}"
        raw = Raw(value=logged.value, scale=scale, path=run.path, at=at)
        why = _PARENT if run.run in self.parents else None
        return scored(fields, trained, raw, shown=why)


_PARENT = "Other runs are parts of this one in MLflow, so it may sum them up and be no replicate."


def _spoken(run: Logged, field: str) -> tuple[Said, ...]:
    """Return where a run says something of a field, and what; places that say nothing are left out."""
    both = (("parameter", run.params), ("tag", run.tags))
    return tuple((f"{kind} {field}", held[field]) for kind, held in both if held.get(field))
