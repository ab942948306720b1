"""Which commands make a report again, from nothing and from its store, and where do its runs lie?"""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from pathlib import Path
from shlex import join

from replication.protocols import bundled_protocols, changes_of
from replication.run import Plan
from reports.document import FOLDER, MAX_PATH, ClaimSection, Document
from verifier.auditing import GENERATED
from verifier.imported import is_imported

__all__ = ["commands_again", "run_folder", "with_ways_back"]


def commands_again(
    plan: Plan, claims: Sequence[str], *, protocol: str | None, store: str, out: str
) -> list[str]:
    """Return the commands as they would be typed.

    Args:
        plan: what was run.
        claims: the CLAIMS arguments.
        protocol: the argument of --protocol; None where the caller was not given it, and a bundled
            name or the name of a file is put together from the plan.
        store: the folder of the runs.
        out: the folder of the report.
    """
    own = plan.protocol
    named = own.name if own.name in bundled_protocols() else f"{own.name}.yaml"
    run = ["corroborate", "run", *claims, "--protocol", protocol or named, "--store", store]
    run += ["--size", own.size, "--seeds", str(own.seeds)]
    run += [part for change in changes_of(own) for part in ("--set", change)]
    run += [] if plan.data in (GENERATED, "hub") else ["--data", plan.data]
    first = [join(run)]
    if is_imported(plan.specs):
        first = _imports(plan, store)
    return [
        *first,
        join(["corroborate", "verify", *claims, "--store", store]),
        join(["corroborate", "report", *claims, "--store", store, "--out", out]),
    ]


def _imports(plan: Plan, store: str) -> list[str]:
    """Return one import per format and protocol; the folder of several files is not on record."""
    found: dict[tuple[str, str | None], set[str]] = {}
    for origin in (spec.origin for spec in plan.specs if spec.origin):
        paths = found.setdefault((origin.format, origin.protocol), set())
        paths |= {source.path for source in origin.sources}
    return [
        join([
            "corroborate", "import", next(iter(paths)) if len(paths) == 1 else "FOLDER",
            "--format", format_, "--store", store, *(["--protocol", protocol] if protocol else []),
        ])
        for (format_, protocol), paths in sorted(found.items(), key=str)
    ]  # fmt: skip


def with_ways_back(document: Document, claims: Sequence[str], *, store: str, out: str) -> Document:
    """Return a document whose claims have their own commands, and whose runs have their folders.

    Args:
        document: as it was built.
        claims: the CLAIMS arguments.
        store: the folder of the runs.
        out: the folder of the report.
    """
    sets = tuple(
        s.model_copy(
            update={"claims": tuple(_with_command(c, claims, store=store) for c in s.claims)}
        )
        for s in document.sets
    )
    runs = tuple(
        run.model_copy(update={"folder": run_folder(run.run, store=store, out=out)})
        if run.status == "finished"
        else run
        for run in document.runs
    )
    return document.model_copy(update={"sets": sets, "runs": runs})


def run_folder(digest: str, *, store: str, out: str) -> str | None:
    """Return where a finished run's artifacts lie, as a path from the report's folder.

    None where they are not there, or on another drive, or where the path is none that a page can link.
    """
    there = Path(store).absolute() / "runs" / digest
    if not there.is_dir():
        return None
    try:
        path = Path(os.path.relpath(there, Path(out).absolute())).as_posix()
        path.encode()
    except ValueError:
        return None
    return path if re.match(FOLDER, path) and len(path) <= MAX_PATH else None


def _with_command(section: ClaimSection, claims: Sequence[str], *, store: str) -> ClaimSection:
    words = ["corroborate", "show", section.claim.id, "--claims", *claims, "--store", store]
    return section.model_copy(update={"command": join(words)})
