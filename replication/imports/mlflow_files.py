"""What does a folder `mlruns/` of MLflow hold? Runs, read without MLflow.

The layout is `mlruns/EXPERIMENT/RUN/{meta.yaml,params/NAME,tags/NAME,metrics/NAME}`, where a name with
`/` is a path; a line of a metric is `time value step`, or `time value`, or `time value step dataset
digest` (MLflow 3.17.2, `store/tracking/file_store.py`).
Light: imports neither torch nor transformers nor datasets.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from claims.safe_yaml import read_yaml
from replication.errors import ImportedScoresError
from replication.imports.faults import Faults, shown
from replication.imports.mlflow_run import FIELDS, MAX_RUNS, PARENT, Logged, Value, key_of, last
from replication.imports.score import Given
from replication.imports.sources import Sources

__all__ = ["runs_in_folder"]

_STATUSES = {1: "RUNNING", 2: "SCHEDULED", 3: "FINISHED", 4: "FAILED", 5: "KILLED"}
_NO_RUNS = {"models", "traces", "tags", "datasets"}
"""Folders beside experiments or runs that hold other things."""
_META = "meta.yaml"
_MAX_META = 64 * 2**10
_MAX_VALUE = 64 * 2**10
"""Bytes of a parameter or tag; MLflow cuts them at 6000 and 8000 characters."""
_MAX_METRIC = 32 * 2**20
_MAX_METRICS = 10_000
_MAX_FOLDERS = 100_000


def runs_in_folder(path: Path, given: Given, faults: Faults, left_out: list[str]) -> list[Logged]:
    """Return the runs below a folder: a whole store, one experiment, or one run.

    Args:
        path: of the folder.
        given: which metric the user names.
        faults: what is wrong is added here.
        left_out: what is deleted is told here.

    Raises:
        ImportedScoresError: there is no such folder.
    """
    if not Sources(path).root.is_dir():
        raise Sources.fault(
            f"import '{path}': found no folder there ; expected the folder mlruns of MLflow, or "
            "http://HOST:PORT/#/experiments/ID of a tracking server."
        )
    runs: list[Logged] = []
    for folder in _run_folders(path.resolve(), faults, left_out):
        if len(runs) >= MAX_RUNS:
            faults.add(f"import '{path}': found over {MAX_RUNS} runs ; expected fewer.")
            break
        place = f"run {shown(f'{folder.parent.name}/{folder.name}')}"
        try:
            runs.append(_run(folder, given))
        except ImportedScoresError as error:
            faults.add(f"{place}: {error.what}")
        except ValueError as error:
            faults.add(f"{place}: {error}")
    return runs


def _run_folders(root: Path, faults: Faults, left_out: list[str]) -> Iterator[Path]:
    """Yield the folders of runs; in each level of the store, in the order of their names."""
    if _is_run(_meta(root, faults)):
        yield root
        return
    for folder in _folders(root):
        if folder.name == ".trash":
            left_out += [f"experiment {shown(gone.name)}: deleted" for gone in _folders(folder)]
            continue
        meta = _meta(folder, faults)
        if _is_run(meta):
            yield folder
        elif meta.get("lifecycle_stage") == "deleted":
            left_out.append(f"experiment {shown(folder.name)}: deleted")
        elif "experiment_id" in meta:
            yield from (run for run in _folders(folder) if _is_run(_meta(run, faults)))


def _is_run(meta: dict[str, Any]) -> bool:
    return "run_id" in meta or "run_uuid" in meta


def _folders(root: Path) -> list[Path]:
    """Return the folders in a folder, but links and those that hold no runs; sorted."""
    found: list[Path] = []
    try:
        with os.scandir(root) as entries:
            for entry in entries:
                if entry.is_dir(follow_symlinks=False) and entry.name not in _NO_RUNS:
                    found.append(Path(entry.path))
                if len(found) > _MAX_FOLDERS:
                    raise Sources.fault(
                        f"folder {shown(root.name)}: found over {_MAX_FOLDERS} folders in it ; expected "
                        "those of one store."
                    )
    except OSError as error:
        raise Sources.fault(
            f"folder {shown(root.name)}: found that it cannot be read ({error.strerror}) ; expected a "
            "folder of MLflow's."
        ) from None
    return sorted(found)


def _meta(folder: Path, faults: Faults) -> dict[str, Any]:
    """Return what `meta.yaml` of a folder says; nothing where there is none."""
    if not os.path.lexists(folder / _META):
        return {}
    try:
        data = Sources(folder).read(folder / _META, most=_MAX_META)
        document = read_yaml(data.decode("utf-8"))
    except (ImportedScoresError, UnicodeDecodeError) as error:
        faults.add(f"folder {shown(folder.name)}: {_META} cannot be read: {error}")
        return {}
    if document.faults or not isinstance(document.value, dict):
        said = f"{document.faults[0].found}" if document.faults else "no fields"
        faults.add(
            f"folder {shown(folder.name)}: {_META}: found {said} ; expected fields as MLflow writes."
        )
        return {}
    return document.value


def _run(folder: Path, given: Given) -> Logged:
    """Return one run.

    Raises:
        ImportedScoresError: a file cannot be read.
        ValueError: a file holds what MLflow does not write.
    """
    meta = _meta(folder, Faults())
    for name in (folder.parent.name, folder.name):
        if not re.fullmatch(r"[A-Za-z0-9_-]{1,64}", name):
            raise ValueError(f"found a folder called {shown(name)} ; expected letters and digits.")
    status = meta.get("status", 1)
    told = _STATUSES.get(status, "UNKNOWN") if isinstance(status, int) else "UNKNOWN"
    if meta.get("lifecycle_stage", "active") != "active":
        told = "deleted"
    sources = Sources(folder)
    params, tags = _texts(sources, "params", FIELDS), _texts(sources, "tags", (*FIELDS, PARENT))
    metrics: dict[str, Value] = {}
    others = []
    for name in _names(folder / "metrics"):
        if key_of(name, given.metric) is None:
            others.append(name)
        else:
            metrics[name] = _last_line(sources, name)
    return Logged(folder.parent.name, folder.name, told, params, tags, metrics, tuple(others))


def _texts(sources: Sources, kind: str, names: tuple[str, ...]) -> dict[str, str]:
    folder = sources.folder / kind
    if folder.is_symlink():
        raise ValueError(f"{kind}: found a link ; expected a folder.")
    found = {}
    for name in names:
        if os.path.lexists(folder / name):
            data = sources.read(folder / name, most=_MAX_VALUE)
            try:
                found[name] = data.decode("utf-8").strip()
            except UnicodeDecodeError:
                raise ValueError(f"{kind}/{name}: found no UTF-8 ; expected text.") from None
    return found


def _names(folder: Path) -> list[str]:
    """Return the names of metrics; links are not followed."""
    names: list[str] = []
    if folder.is_symlink():
        raise ValueError("metrics: found a link ; expected a folder.")
    for above, inner, files in os.walk(folder):
        inner.sort()
        names += [(Path(above) / name).relative_to(folder).as_posix() for name in files]
        if len(names) > _MAX_METRICS:
            raise ValueError(f"found over {_MAX_METRICS} metrics ; expected fewer.")
    return sorted(names)


def _last_line(sources: Sources, name: str) -> Value:
    data = sources.read(sources.folder / "metrics" / name, most=_MAX_METRIC)
    rows = []
    for number, line in enumerate(data.decode("utf-8", "replace").splitlines(), 1):
        parts = line.split()
        if len(parts) not in {2, 3, 5}:
            raise ValueError(
                f"metrics/{name}, line {number}: found {shown(line)} ; expected `time value step`."
            )
        rows.append((parts[2] if len(parts) > 2 else 0, parts[0], parts[1]))
    try:
        found = last(rows)
    except ValueError as error:
        raise ValueError(
            f"metrics/{name}: found {shown(error.args[0])} ; expected numbers, `time value step`."
        ) from None
    if found is None:
        raise ValueError(f"metrics/{name}: found no value ; expected one a line.")
    return found
