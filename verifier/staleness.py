"""Would a verdict that was taken once still rest on what it rested on then, and if not, why?

Light: imports neither torch nor transformers nor datasets, nor any statistics.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from importlib import resources
from pathlib import Path

from claims.check import parse_claims, read_claim_file
from claims.claim import Claim, ClaimSet
from claims.errors import ClaimFileError, ClaimsError, UnknownClaimsError
from claims.library import bundled
from claims.record import digest_of
from replication.acceptances import Acceptance
from replication.looks import Look
from replication.run import EVALUATOR, ClaimNeeds, Plan, Run
from verifier.criterion import Criterion, criterion_of
from verifier.imported import with_needs

__all__ = [
    "Now",
    "Recorded",
    "claims_at",
    "data_of",
    "evaluators_of",
    "now_of",
    "origin_of",
    "outdated",
    "plain",
    "recorded",
    "runs_digest",
    "stale",
]

MOST_DATA = 2000
"""Tasks and splits that one look names."""


@dataclass(frozen=True, slots=True)
class Now:
    """What a verdict on a claim would rest on if it were taken now."""

    criterion: str | None
    """Digest of what decides the claim; None where its file no longer has it."""
    title: str
    """Of the paper."""
    arxiv: str | None
    planned: bool
    """Whether the store's latest plan knows the claim."""
    data: Mapping[str, str]
    """Task and split -> revision in the latest plan."""
    runs: str
    """Digest over the finished runs that the latest plan foresees for the claim."""
    finished: int
    """How many they are."""
    evaluator: str
    """Scoring code of this version."""
    standing: Criterion | None = None
    """How what decides the claim stands to what was fixed; None where that is not known."""


@dataclass(frozen=True, slots=True)
class Recorded:
    """A verdict on record, and whether it is stale."""

    look: Look
    stale: tuple[str, ...]
    """Each reason why it is; empty where it is current, or cannot be checked."""
    unchecked: str | None = None
    """Why the claim's file does not tell; None where it does."""


def stale(look: Look, now: Now) -> tuple[str, ...]:
    """Return each thing that changed since a verdict was taken, with what it was and what it is."""
    found: list[str] = []
    if others := [e for e in look.evaluators if e != now.evaluator]:
        found.append(f"evaluator: {', '.join(others)} then, {now.evaluator} now")
    if now.planned:
        found += _data(look.data, now.data)
    else:
        found.append("plan: the latest one does not know the claim")
    if now.criterion is None:
        found.append("claim: its file no longer has it")
    elif now.standing and not now.standing.stands:
        found += now.standing.stale()
    elif now.criterion != look.criterion:
        found.append(f"criterion: {look.criterion[:12]} then, {now.criterion[:12]} now")
    elif now.standing and len(now.standing.accepted) != look.accepted:
        accepted = len(now.standing.accepted)
        found.append(f"acceptances of its criterion: {look.accepted} then, {accepted} now")
    if now.arxiv != look.arxiv:
        found.append(f"paper version: {look.arxiv or 'none'} then, {now.arxiv or 'none'} now")
    elif now.title != look.title:
        found.append("paper: another title now than then")
    if now.planned and now.runs != look.runs:
        others_now = "others " if now.finished == look.finished else ""
        found.append(f"runs: {look.finished} finished then, {now.finished} {others_now}now")
    return tuple(found)


def recorded(
    looks: Sequence[Look],
    plan: Plan | None,
    finished: Collection[str],
    acceptances: Sequence[Acceptance] = (),
) -> tuple[Recorded, ...]:
    """Return the last verdict on record of each claim of each claim file, and whether it is stale.

    Args:
        looks: the record, the first first.
        plan: the store's latest.
        finished: digests of the store's finished runs.
        acceptances: of the store, the first first.
    """
    last = {(look.claims, look.claim): look for look in looks}
    read: dict[str, ClaimSet | str] = {}
    plans: dict[str, Plan | None] = {}
    found: list[Recorded] = []
    for (origin, _), look in sorted(last.items()):
        if origin not in read:
            read[origin] = claims = _read(origin)
            if plan and not isinstance(claims, str):
                plans[origin] = with_needs(plan, (claims,))
        claims, latest = read[origin], plans.get(origin)
        if isinstance(claims, str):
            found.append(Recorded(look, (), claims))
        else:
            now, needs = now_of(look.claim, claims, latest, finished), _needs(look.claim, latest)
            if now.criterion is not None and needs is not None:
                standing = criterion_of(
                    look.claim, now.criterion, planned=needs.criterion, models=look.trained,
                    looks=looks, acceptances=acceptances,
                )  # fmt: skip
                now = replace(now, standing=standing)
            found.append(Recorded(look, stale(look, now)))
    return tuple(found)


def now_of(claim: str, claims: ClaimSet, plan: Plan | None, finished: Collection[str]) -> Now:
    """Return what a verdict on a claim, by its id, would rest on if it were taken now.

    Args:
        claim: id.
        claims: its claim set as it is now.
        plan: the store's latest.
        finished: digests of the store's finished runs.
    """
    own: Claim | None = next((c for c in claims.claims if c.id == claim), None)
    needs = _needs(claim, plan)
    there = set(needs.runs).intersection(finished) if needs else set()
    return Now(
        criterion=own.criterion() if own else None,
        title=claims.paper.title,
        arxiv=claims.paper.arxiv,
        planned=needs is not None,
        data=data_of(plan, needs.runs) if plan and needs else {},
        runs=runs_digest(there),
        finished=len(there),
        evaluator=EVALUATOR,
    )


def _needs(claim: str, plan: Plan | None) -> ClaimNeeds | None:
    """Return what a plan foresees for a claim; None where it does not know it."""
    return next((n for n in plan.needs if n.claim == claim), None) if plan else None


def outdated(runs: Iterable[Run]) -> tuple[str, ...]:
    """Return why a verdict on these runs is stale from the start: other code scored them."""
    others = sorted(set(evaluators_of(runs)) - {EVALUATOR})
    if not others:
        return ()
    return (f"evaluator: {', '.join(others)} then, {EVALUATOR} now",)


def evaluators_of(runs: Iterable[Run]) -> tuple[str, ...]:
    """Return the versions of our scoring code behind runs; what others scored does not get stale."""
    own = EVALUATOR.partition("@")[0]
    scored = [
        r for r in runs if not r.spec.origin or (r.spec.evaluator or "").startswith(f"{own}@")
    ]
    return tuple(sorted({plain(run.spec.evaluator) for run in scored}))


def data_of(plan: Plan, runs: Iterable[str]) -> dict[str, str]:
    """Return the revision of all that runs and those that they start from read.

    Returns:
        Task or corpus and split -> revision; where its pieces have several, a digest over them.
    """
    specs = {spec.digest(): spec for spec in plan.specs}
    uses: dict[str, set[tuple[str, str]]] = {}
    left, seen = list(runs), set[str]()
    while left:
        digest = left.pop()
        spec = specs.get(digest)
        if spec is None or digest in seen:
            continue
        seen.add(digest)
        left += [spec.parent] if spec.parent else []
        for use in (*spec.data, *([spec.selection_data] if spec.selection_data else ())):
            piece = (" ".join(use.languages), use.revision)
            uses.setdefault(f"{use.name} {use.split}", set()).add(piece)
    kept = sorted(uses.items())[:MOST_DATA]
    return {name: plain(_revision(pieces)) for name, pieces in kept}


def origin_of(name: str) -> str:
    """Return where a claim set came from so that it can be found again from another folder.

    Args:
        name: as `claims.library.load` gives it: of a bundled set, or a file's path.
    """
    try:
        there = Path(name).exists()
    except (OSError, ValueError):
        there = False
    return str(Path(name).absolute()) if there else name


def claims_at(origin: str) -> ClaimSet:
    """Return the claim set that `origin_of` named.

    Raises:
        ClaimsError: it is not there any more, or cannot be accepted.
    """
    if Path(origin).is_absolute():
        return read_claim_file(origin)
    if origin in bundled():
        data = (resources.files("claims.library") / f"{origin}.yaml").read_bytes()
        return parse_claims(data, path=origin)
    raise UnknownClaimsError(f"claims {origin[:200]!r}: found no such bundled set.")


def runs_digest(digests: Iterable[str]) -> str:
    """Return the digest of a set of runs, given by their own digests in any order."""
    return digest_of(sorted(set(digests)))


def plain(name: str | None) -> str:
    """Return a name that a run or plan states, made fit for the record of looks."""
    return re.sub(r"[^\x20-\x7e]", "?", name or "unknown")[:250]


def _read(origin: str) -> ClaimSet | str:
    """Return the claim set, or why it cannot be read.

    What the file holds is not shown: a record from a stranger may name any file.
    """
    try:
        return claims_at(origin)
    except ClaimFileError as error:
        if [fault.field for fault in error.faults] == ["file"]:
            return f"found {error.faults[0].found} at {origin}"
        return f"found {len(error.faults)} faults in {origin}; see `corroborate check`"
    except ClaimsError:
        return f"found no bundled claim set {origin!r}"


def _data(then: Mapping[str, str], now: Mapping[str, str]) -> list[str]:
    found: list[str] = []
    for name in sorted({*then, *now}):
        was, is_ = then.get(name, "not read"), now.get(name, "not read")
        if was != is_:
            found.append(f"data {name}: {_short(was)} then, {_short(is_)} now")
    return found


def _revision(pieces: Collection[tuple[str, str]]) -> str:
    revisions = {revision for _, revision in pieces}
    if len(revisions) == 1:
        return revisions.pop()
    return f"several:{digest_of(sorted(map(list, pieces)))}"


def _short(revision: str) -> str:
    return revision if len(revision) <= 24 else f"{revision[:24]}..."
