"""Which files does an import find, how is one that cannot be read told, and what came out of all?

Light: imports neither torch nor transformers nor datasets.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from itertools import chain, islice
from pathlib import Path

from claims.record import UNKNOWN
from replication.errors import ImportedScoresError
from replication.imports.faults import Faults, shown
from replication.imports.score import Reading, Score
from replication.imports.settled import Place, Trained
from replication.imports.sources import Sources
from replication.protocol import base_name

__all__ = ["begun", "collected", "found_files", "one_evaluator", "reading_of"]

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
    if not sources.root.is_dir():
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


def one_evaluator(names: Iterable[str], faults: Faults) -> str:
    """Return what computed the scores; more than one is a fault, as their scores are not compared."""
    found = sorted(set(names)) or [UNKNOWN]
    if len(found) > 1:
        faults.add(
            f"import: found scores of {len(found)} evaluators, such as {shown(found[0])} and "
            f"{shown(found[1])} ; expected one. Import the parts one by one, each into its own store."
        )
    return found[0]


def begun(
    place: Place, checkpoint: str | None, *, pretrained: bool, starts: str | None = None
) -> Trained | None:
    """Return what was trained and the base as it is spelled; None with a fault.

    Args:
        place: of the run.
        checkpoint: model that the files say training began with; None where they name none.
        pretrained: whether that is the base for sure, and not what an intermediate phase made of it.
        starts: other weights that training started from, where the files say so; the user must then
            say what they are.
    """
    given = place.given
    if starts is not None and given.intermediate is None:
        place.fault(
            f"training from {shown(starts)}",
            "somebody who says what that is. Add --given intermediate=... (or none) and base=...",
        )
        return None
    if given.base == "protocol":
        silent = replace(place, given=given.model_copy(update={"base": None}))
        found = silent.trained((("the files", checkpoint),))
        return found and (found[0].model_copy(update={"base": "protocol"}), found[1])
    same = base_name(checkpoint or "") == base_name(given.base or "")
    after = not pretrained and given.intermediate not in {None, "none"}
    if given.base is not None and (same or after):
        checkpoint = None  # the base in another spelling, or what the phase before made of it
    return place.trained((("the files", checkpoint),))


def reading_of(
    sources: Sources,
    faults: Faults,
    scores: Sequence[Score],
    left_out: Sequence[str],
    *,
    evaluator: str = UNKNOWN,
    expected: str = "one of a known metric",
) -> Reading:
    """Return what was read, at least one score.

    Args:
        sources: with all that was read.
        faults: of all files.
        scores: in the order of the files.
        left_out: what is no score.
        evaluator: what computed the scores.
        expected: where scores would be, for whoever finds none.

    Raises:
        ImportedScoresError: with every fault; also where there is neither a fault nor a score.
    """
    if not scores and not faults.total:
        told = " ".join(left_out[:3])[:800]
        faults.add(f"found no score ; expected {expected}. {told}".strip())
    faults.stop(f"import '{str(sources.root)[:150]}'")
    return Reading(evaluator, sources.files, tuple(scores), tuple(left_out))
