"""Which files does an import find, how is one that cannot be read told, and what came out of all?

Light: imports neither torch nor transformers nor datasets.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import chain, islice
from pathlib import Path

from replication.errors import ImportedScoresError
from replication.imports.faults import Faults
from replication.imports.score import Reading, Score
from replication.imports.sources import Sources

__all__ = ["collected", "found_files", "reading_of"]

_MOST_BESIDE = 1000


def found_files(
    sources: Sources, faults: Faults, *names: str, beside: Sequence[str] = ()
) -> Iterator[Path]:
    """Yield the files of these names, as `Sources.find` does; those that no record can name are faults.

    Args:
        sources: of the import.
        faults: where such paths are told.
        names: of files below a folder.
        beside: where a single file is imported, patterns of others in its folder that say how it is
            to be understood.
    """
    files = sources.find(*names)
    if sources.root.is_file():
        around = (f for p in beside for f in sorted(islice(sources.folder.glob(p), _MOST_BESIDE)))
        own = (f for f in around if f != sources.root and not f.parent.is_symlink())
        files = chain(files, own)
    for file in files:
        before = faults.total
        with collected(faults):
            sources.name(file)
        if faults.total == before:
            yield file


@contextmanager
def collected(faults: Faults) -> Iterator[None]:
    """Add what is wrong with a file to the faults, and go on behind the block."""
    try:
        yield
    except ImportedScoresError as error:
        for fault in error.faults or (str(error),):
            faults.add(fault)


def reading_of(
    sources: Sources,
    faults: Faults,
    scores: Sequence[Score],
    left_out: Sequence[str],
    evaluator: str,
) -> Reading:
    """Return what was read, at least one score.

    Raises:
        ImportedScoresError: with every fault; also where there is neither a fault nor a score.
    """
    if not scores and not faults.total:
        faults.add(
            f"found no score ; expected one of a known metric. {' '.join(left_out[:3])[:800]}".strip()
        )
    faults.stop(f"import of '{str(sources.root)[:150]}'")
    return Reading(evaluator, sources.files, tuple(scores), tuple(left_out))
