"""Which verdicts were taken on a store's runs, when, and on what? An append-only file of JSON lines.

Verifying only reads a store, and may do so while a run holds the store's lock, so this file has a
lock of its own (`appended`). The order of lines decides, time is for the reader. Light.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from claims.record import Name, Record, Text, Unknown
from replication.appended import UNSHOWN, AppendedFile
from replication.chain import ChainedFile

__all__ = ["LOOK_SCHEMA", "MOST_MODELS", "MOST_SEEDS", "Look", "append_looks", "read_looks"]

LOOK_SCHEMA = "corroborate/look@1"
FILE = "looks.jsonl"

MOST_SEEDS = 1000
"""Seeds per condition that a look names; more of them stand as so many."""
MOST_MODELS = 20_000
"""Trained models that one look names; the digests that sort first stand for more."""

Digest = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
ShortDigest = Annotated[str, Field(pattern=r"^[0-9a-f]{12}$")]
Shown = Annotated[str, Field(pattern=r"^[\x20-\x7e]{1,250}$")]
"""Text that does nothing to a terminal."""
Seeds = Annotated[int, Field(ge=1, le=MOST_SEEDS)]
Number = Annotated[int, Field(ge=0, le=10**9)]
_ADVICE = (
    "Restore the file from a copy. Without one nobody can tell which scores were looked at: decide "
    "the claims on new runs in a new store."
)


class Look(Record):
    """One verdict as it was taken: of what claim, on which runs, by which rules."""

    schema_version: Literal["corroborate/look@1"] = Field(
        default="corroborate/look@1", alias="schema"
    )
    time: Annotated[str, Field(pattern=r"^[0-9TZ:.+-]{10,40}$")]
    """UTC, ISO 8601; informational."""
    events: Number
    """Events of the store's journal before the look, which place it among the plans."""
    claim: Name
    claims: Annotated[str, Field(min_length=1, max_length=4200, pattern=rf"^[^{UNSHOWN}]*$")]
    """Bundled claim set, or absolute path of the claim file."""
    title: Text
    """Of the paper."""
    arxiv: Shown | None
    """Identifier of the paper with its version."""
    criterion: Digest
    frozen: Digest | None = None
    """The criterion that the plan kept; null in records written before this field."""
    plan: Digest
    looks: Annotated[tuple[Seeds, ...], Field(max_length=100)]
    """Numbers of seeds at which the plan allowed verdicts; empty for `seeds` alone."""
    seeds: Seeds | Unknown
    """Replicates per condition that the plan asked for."""
    planned: Digest
    """Over the sorted digests of the evaluation runs that the plan foresees for the claim."""
    runs: Digest
    """Over the sorted digests of those that were finished."""
    finished: Number
    missing: Number
    """Foreseen runs that had failed or were not made yet."""
    trained: Annotated[tuple[ShortDigest, ...], Field(max_length=MOST_MODELS)]
    """The models with a seed whose scores were seen, each the start of its run's digest, sorted."""
    evaluators: Annotated[tuple[Shown, ...], Field(max_length=20)]
    """Scoring code of the finished runs, sorted."""
    data: Annotated[dict[Shown, Shown], Field(max_length=2000)]
    """Task and split -> revision, of all that the runs and their training read."""
    accepted: Number = 0
    """Changes of the claim's criterion that were accepted until then."""
    verdict: Name
    finding: Name
    signature: Text
    version: Shown
    """Of Corroborate."""

    def same_as(self, other: Look) -> bool:
        """Return whether the looks differ in nothing but their moment."""
        moment = {"time": other.time, "events": other.events}
        return self.model_copy(update=moment) == other


def read_looks(store: Path) -> tuple[Look, ...]:
    """Return the looks taken at a store's runs, the first first; none where no file is.

    Raises:
        StoreError: the file is of an unknown schema, damaged, too large, or cannot be read.
    """
    return tuple(_file(store).read())


def append_looks(store: Path, looks: Sequence[Look]) -> int:
    """Add those looks that differ from the last one of their claim; return how many did.

    They are on the disk when this returns. Where none differs, nothing is written or even opened
    for writing.

    Raises:
        StoreError: the file cannot be read, as of `read_looks`, or not be written.
    """
    if not _new(read_looks(store), looks):
        return 0
    return len(_file(store).append(lambda earlier: _new(earlier, looks)))


def _new(earlier: Iterable[Look], looks: Iterable[Look]) -> list[Look]:
    last = {(look.claims, look.claim): look for look in earlier}
    new: list[Look] = []
    for look in looks:
        before = last.get((look.claims, look.claim))
        if before is None or not look.same_as(before):
            new.append(look)
    return new


def _file(store: Path) -> AppendedFile[Look]:
    path = store / FILE
    return AppendedFile(path, ChainedFile(f"looks '{path}'", "look", LOOK_SCHEMA, _ADVICE), Look)
