"""What does `corroborate export` do with its options?"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from replication.run import Run
from replication.store import Store
from reports.errors import ExportError
from reports.measured import measured, of_condition
from reports.streams import tell
from reports.to_eee import to_eee
from reports.to_model_index import to_model_index
from reports.to_tidy import to_csv, to_parquet
from reports.write import write_files
from verifier.numbers import counted

__all__ = ["FORMATS", "export_command"]

FORMATS: dict[str, Callable[[Iterable[Run]], bytes | Mapping[str, bytes]]] = {
    "csv": to_csv,
    "eee": to_eee,
    "model-index": to_model_index,
    "parquet": to_parquet,
}
"""Format -> what makes it of runs: the bytes of one file, or those of several by path below a folder."""


def export_command(options: argparse.Namespace) -> int:
    """Run `corroborate export` with its options and return the exit code.

    Raises:
        ExportError: the format is unknown, nothing can be exported, or something is there already.
    """
    make = FORMATS.get(options.format)
    if make is None:
        raise ExportError(
            f"export: found the format {options.format[:80]!r} ; expected one of {', '.join(FORMATS)}."
        )
    out = Path(options.out)
    with Store.open(Path(options.store), write=False) as store:
        runs = store.runs(verify=False)
        damaged = store.damage()
    if options.condition is not None:
        runs = of_condition(runs, options.condition)
    made = make(runs)
    _refuse_what_is_there(out, folder=not isinstance(made, bytes), force=options.force)
    if isinstance(made, bytes):
        write_files(out.parent, {out.name: made})
    else:
        write_files(out, made)
    scores = measured(runs)
    number = len({one.run.spec_digest for one in scores})
    tell(f"export: {counted(len(scores), 'score')} of {counted(number, 'run')} written to {out}")
    if damaged:
        tell(f"export: {counted(len(damaged), 'damaged run')} left out; see corroborate status")
    return 0


def _refuse_what_is_there(out: Path, *, folder: bool, force: bool) -> None:
    """Refuse to replace what the user may not mean to lose."""
    if out.is_dir() != folder and out.exists():
        kinds = ("a folder", "a file") if folder else ("a file", "a folder")
        raise ExportError(
            f"export: found that '{out}' is {kinds[1]} ; expected {kinds[0]}, or nothing there yet. "
            "Name another with --out."
        )
    wanted = "an empty folder" if folder else "no file"
    if not force and out.exists() and (not folder or any(out.iterdir())):
        raise ExportError(
            f"export: found '{out}' there already ; expected {wanted}. "
            "Name another with --out, or add --force to replace it."
        )
