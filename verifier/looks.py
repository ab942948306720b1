"""Which looks does a verification take, and how are claims decided so that each is on record?

Light: imports neither torch nor transformers nor datasets.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from claims.claim import Claim, ClaimSet, Paper
from replication.acceptances import read_acceptances
from replication.appended import UNSHOWN
from replication.errors import StoreError
from replication.items import ITEMS, ItemOutcomes, read_items
from replication.looks import Look, append_looks, read_looks
from replication.protocol import Protocol
from replication.run import Plan, Run
from replication.store import Store
from verifier.imported import bundled_records, is_imported, with_needs
from verifier.ledger import Bearing, Ledger
from verifier.sequential import seeds_planned, trained
from verifier.staleness import data_of, evaluators_of, origin_of, runs_digest
from verifier.verdict import Verdict, Verdicts
from verifier.verify import verify
from verifier.version import corroborate_version

__all__ = ["Verification", "looks_of", "verify_store"]

_HELD = 256 * 2**20
"""Bytes of item outcomes kept at hand, since claims share runs; the rest is read again."""

Named = Sequence[tuple[str, ClaimSet]]
"""Claim sets, each after the name under which it was read."""

_UNSHOWN = re.compile(rf"[{UNSHOWN}\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class Verification:
    """Verdicts with what they rest on."""

    verdicts: Verdicts
    plan: Plan
    runs: tuple[Run, ...]
    """Every run of the store."""
    unrecorded: str | None
    """Why the looks are not on record; None where they are."""


class _Shelf:
    """Reads item outcomes, and keeps those that were read first, as far as there is room.

    Each claim reads its runs in the same order, so that making room for the latest would throw away
    what is read next.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._kept: dict[str, ItemOutcomes] = {}
        self._room = _HELD

    def items(self, run: Run) -> ItemOutcomes:
        """Return the outcomes of a run; they are not to be changed."""
        digest = run.spec_digest
        if run.spec.origin is not None and ITEMS not in run.artifacts:
            raise StoreError("The imported scores came without the outcomes of single examples.")
        if digest in self._kept:
            return self._kept[digest]
        found = read_items(self._store.folder(digest), run)
        if (size := found.nbytes) <= self._room:
            self._kept[digest] = found
            self._room -= size
        return found


def verify_store(path: Path, named: Named, reported: Mapping[str, Protocol]) -> Verification:
    """Decide claims on the runs of a store, and put on record that their scores were looked at.

    Where the store cannot be written, the verdicts stand and each of them says so.

    Args:
        path: the store's folder.
        named: the claim sets.
        reported: protocols as reported, by name.

    Raises:
        StoreError: the store or its record of looks cannot be read, or holds no plan.
    """
    with Store.open(path, write=False) as store:
        plan, runs, events = store.latest_plan(), store.runs(), store.events
    if plan is None:
        raise StoreError(
            f"store '{path}': found no plan ; expected one. Use `corroborate run` first."
        )
    claim_sets = [s for _, s in named]
    plan = with_needs(plan, claim_sets)
    if is_imported(plan.specs):
        reported = {**bundled_records(plan, claim_sets), **reported}
    verdicts = verify(
        claim_sets, plan, runs, reported,
        looks=read_looks(path), acceptances=read_acceptances(path), items=_Shelf(store).items,
    )  # fmt: skip
    looks = looks_of(named, plan, runs, verdicts=verdicts, events=events)
    try:
        append_looks(path, looks)
    except StoreError as error:
        why = f"This look could not be put on record, so the next one will not know of it: {error}"
        return Verification(_noted(verdicts, why[:2000]), plan, runs, str(error))
    return Verification(verdicts, plan, runs, None)


def looks_of(
    named: Named, plan: Plan, runs: Iterable[Run], *, verdicts: Verdicts, events: int
) -> tuple[Look, ...]:
    """Return a look per claim that the plan knows: one that it does not know shows no score.

    Args:
        named: the claim sets.
        plan: on which the verdicts were taken.
        runs: every run of the store.
        verdicts: one per claim, in the order of the claim sets.
        events: of the journal, before the verdicts.
    """
    needs = {n.claim: n for n in plan.needs}
    ledger = Ledger(plan, runs)
    time = datetime.now(UTC).isoformat(timespec="seconds")
    claims = [(origin_of(name), s.paper, claim) for name, s in named for claim in s.claims]
    digest = plan.digest()
    found: list[Look] = []
    for (origin, paper, claim), verdict in zip(claims, verdicts.verdicts, strict=True):
        if claim.id not in needs:
            continue
        foreseen = needs[claim.id].runs
        found.append(
            Look(
                time=time,
                events=events,
                claims=_UNSHOWN.sub("\ufffd", origin)[:4096],
                plan=digest,
                looks=plan.protocol.looks,
                seeds=seeds_planned(needs[claim.id], plan.protocol, ledger.lineage),
                planned=runs_digest(foreseen),
                frozen=needs[claim.id].criterion,
                data=data_of(plan, foreseen),
                **_of_claim(claim, paper, verdict),
                **_of_runs(ledger.bearing(needs[claim.id])),
            )
        )
    return tuple(found)


def _of_claim(claim: Claim, paper: Paper, verdict: Verdict) -> dict[str, str | int | None]:
    return {
        "claim": claim.id,
        "criterion": claim.criterion(),
        "title": paper.title,
        "arxiv": paper.arxiv,
        "accepted": len(verdict.acceptances),
        "verdict": verdict.verdict,
        "finding": verdict.finding,
        "signature": verdict.signature[:4000],
        "version": corroborate_version(),
    }


def _of_runs(bearing: Bearing) -> dict[str, object]:
    return {
        "runs": runs_digest(run.spec_digest for run in bearing.finished),
        "finished": len(bearing.finished),
        "missing": len(bearing.failed) + len(bearing.unfinished),
        "trained": trained(bearing.finished),
        "evaluators": evaluators_of(bearing.finished)[:20],
    }


def _noted(verdicts: Verdicts, why: str) -> Verdicts:
    noted = [v.model_copy(update={"reasons": (*v.reasons, why)}) for v in verdicts.verdicts]
    return verdicts.model_copy(update={"verdicts": tuple(noted)})
