"""Which of the runs that a plan foresees for a claim are there, failed, or still to come?

A failed run is never dropped in silence: that it failed may depend on the very effect measured.
Light: imports neither torch nor transformers nor datasets.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from replication.run import ClaimNeeds, Plan, Run, RunSpec

__all__ = ["Bearing", "Ledger"]


@dataclass(frozen=True, slots=True)
class Bearing:
    """The runs that bear on one claim, and those that should and are not there."""

    finished: tuple[Run, ...]
    """Finished evaluation runs, sorted by digest."""
    failed: tuple[str, ...]
    """One line per planned run that failed, or whose training failed, with the error; sorted."""
    unfinished: tuple[str, ...]
    """One line per planned run that has not been made; sorted."""
    exclusions: tuple[str, ...]
    """Runs present and left out, with the reason; sorted."""

    @property
    def complete(self) -> bool:
        """Whether every planned run finished."""
        return not self.failed and not self.unfinished


class Ledger:
    """All runs of a store, held against the plan that asked for them."""

    def __init__(self, plan: Plan, runs: Iterable[Run]) -> None:
        """Index specs and runs by digest; of several finished runs of one spec the first counts."""
        self._specs: dict[str, RunSpec] = {spec.digest(): spec for spec in plan.specs}
        self._finished: dict[str, Run] = {}
        self._failed: dict[str, Run] = {}
        self._repeats: dict[str, set[str]] = {}
        self._misfiled: set[str] = set()
        # The order of starting, not that of arrival, says which run came first.
        for run in sorted(runs, key=lambda r: (r.started, r.canonical())):
            digest = run.spec_digest
            if run.spec.digest() != digest:
                self._misfiled.add(digest)
            elif run.status == "failed":
                self._failed.setdefault(digest, run)
            elif digest not in self._finished:
                self._finished[digest] = run
            elif _scores(run) != _scores(self._finished[digest]):
                self._repeats.setdefault(digest, set()).add(run.started)

    @property
    def lineage(self) -> Mapping[str, RunSpec]:
        """Digest -> spec of every planned run, by which an evaluation leads back to its training."""
        return MappingProxyType(self._specs)

    def bearing(self, needs: ClaimNeeds) -> Bearing:
        """Return the runs that bear on a claim; the order in which runs were given is forgotten."""
        finished: list[Run] = []
        failed: set[str] = set()
        unfinished: set[str] = set()
        exclusions: set[str] = set()
        for digest in sorted(set(needs.runs)):
            run = self._finished.get(digest)
            if run is not None and run.spec.phase == "evaluation":
                finished.append(run)
                exclusions |= self._notes(digest, run)
            elif cause := self._failure(digest):
                failed.add(f"{self._title(digest)}: {cause}")
            else:
                unfinished.add(self._title(digest))
                if digest in self._misfiled:
                    exclusions.add(
                        f"run {digest[:12]}: its spec has another digest than the one it is filed "
                        "under, so it is not the run that the plan asked for"
                    )
        return Bearing(
            tuple(finished), tuple(sorted(failed)), tuple(sorted(unfinished)),
            tuple(sorted(exclusions)),
        )  # fmt: skip

    def _notes(self, digest: str, run: Run) -> set[str]:
        notes: set[str] = set()
        if digest in self._repeats:
            notes.add(
                f"{run.spec.title()}: repeated with other scores; the run started first "
                f"({run.started}) counts, the repeats are left out"
            )
        if digest in self._failed:
            notes.add(f"{run.spec.title()}: an attempt failed before or after the one that counts")
        return notes

    def _failure(self, digest: str) -> str | None:
        """Return the error of the run or of the nearest ancestor that failed, if one did."""
        seen: set[str] = set()
        current: str | None = digest
        while current is not None and current not in seen:
            seen.add(current)
            if current in self._finished:
                return None
            if current in self._failed:
                error = self._failed[current].error or "no error recorded"
                return error if current == digest else f"its training failed: {error}"
            spec = self._specs.get(current)
            current = spec.parent if spec else None
        return None

    def _title(self, digest: str) -> str:
        spec = self._specs.get(digest)
        title = spec.title() if spec else "not among the plan's specs"
        return f"{title} (run {digest[:8]})"


def _scores(run: Run) -> tuple[str, ...]:
    return tuple(sorted(m.canonical() for m in run.measurements))
