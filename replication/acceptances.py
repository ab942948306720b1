"""Which changes of what decides a claim were accepted, by whom and why? JSON lines in a store.

A criterion is fixed before the runs. Whoever changes it afterwards says so here, once for each change
and never by the way; nothing else writes this file. Light.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, model_validator

from claims.record import Name, Record
from replication.appended import UNSHOWN, AppendedFile
from replication.chain import ChainedFile
from replication.errors import StoreError

__all__ = ["ACCEPTANCE_SCHEMA", "Acceptance", "append_acceptance", "read_acceptances"]

ACCEPTANCE_SCHEMA = "corroborate/acceptance@1"
FILE = "acceptances.jsonl"
_ADVICE = "Restore the file from a copy. Without one, remove it and accept again what still holds."

Digest = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


class Acceptance(Record):
    """One change of what decides a claim, accepted: from exactly one criterion to another."""

    schema_version: Literal["corroborate/acceptance@1"] = Field(
        default="corroborate/acceptance@1", alias="schema"
    )
    time: Annotated[str, Field(pattern=r"^[0-9TZ:.+-]{10,40}$")]
    """UTC, ISO 8601; informational."""
    claim: Name
    then: Digest
    """Criterion that was in force."""
    now: Digest
    """Criterion that is in force from here on."""
    by: Annotated[str, Field(pattern=rf"^[^{UNSHOWN}]{{1,200}}$")]
    """Who accepted it, as they said."""
    because: Annotated[str, Field(pattern=rf"^[^{UNSHOWN}]{{1,2000}}$")]
    version: Annotated[str, Field(pattern=r"^[\x20-\x7e]{1,250}$")]
    """Of Corroborate."""

    @model_validator(mode="after")
    def _something_changed(self) -> Acceptance:
        if self.then == self.now:
            raise ValueError("then and now must differ")
        return self

    def told(self) -> str:
        """Return in a sentence who accepted which change, when and why."""
        return (
            f"{self.then[:12]} then, {self.now[:12]} now, accepted by {self.by} on "
            f"{self.time[:10]} because: {self.because}"
        )


def read_acceptances(store: Path) -> tuple[Acceptance, ...]:
    """Return the acceptances of a store, the first first; none where no file is.

    Raises:
        StoreError: the file is of an unknown schema, damaged, too large, or cannot be read.
    """
    return tuple(_file(store).read())


def append_acceptance(store: Path, acceptance: Acceptance, *, after: Sequence[Acceptance]) -> None:
    """Add an acceptance; it is on the disk when this returns.

    Args:
        store: its folder.
        acceptance: what is accepted.
        after: the acceptances that were read when it was decided on; an acceptance is never of a
            state that nobody looked at.

    Raises:
        StoreError: the file cannot be read or written, or another was added in between.
    """

    def choose(earlier: Sequence[Acceptance]) -> list[Acceptance]:
        if list(earlier) != list(after):
            raise StoreError(
                f"acceptances '{store / FILE}': found another one that was added at this moment ; "
                "expected none. Look at it (`corroborate status`), and accept again."
            )
        return [acceptance]

    _file(store).append(choose)


def _file(store: Path) -> AppendedFile[Acceptance]:
    path = store / FILE
    chain = ChainedFile(f"acceptances '{path}'", "acceptance", ACCEPTANCE_SCHEMA, _ADVICE)
    return AppendedFile(path, chain, Acceptance)
