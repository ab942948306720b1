"""In which facts do two audits differ that could move what they say of a claim?

Every function takes the old first and is the same the other way round, but for the sides swapped.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass

from claims.claim import Claim, Paper
from claims.record import Record, canonical_json, digest_of
from replication import deviations
from replication.protocol import Protocol
from replication.run import refusal_lines
from reports.comparison import Difference, DifferenceKind, Part
from reports.document import ClaimSection, Document, RunLine

__all__ = ["Placed", "Shared", "claim_differences", "shared_differences"]

LONGEST = 300
"""Characters of a value that are shown; the two reports hold it whole."""
NAMED = 4
"""Runs named of those that one audit has and the other has not."""
ALL: tuple[Part, ...] = ("estimate", "interval", "decision")
_BOUNDS: tuple[Part, ...] = ("interval", "decision")
_DECISION: tuple[Part, ...] = ("decision",)
_PROSE = ("statement", "source", "notes", "expected")
_JUDGES = ("reported", "tolerance", "minimum_effect", "original")
"""Fields of a claim that say which verdict its interval gets, and move no estimate."""
_BEYOND_RUNS = ("seeds", "looks", "seed_statistic", "simulated", "intermediate_tasks")
"""Fields of a protocol that a decision reads itself; all others reach a claim through its runs only."""
_SIGNED: dict[str, DifferenceKind] = {
    "split": "measured",
    "tasks": "measured",
    "languages": "measured",
    "cells": "measured",
    "evaluator": "scoring",
    "version": "scoring",
}
"""Parts of a verdict's signature that are compared; the others follow from what is compared already."""
NONE = "none"


@dataclass(frozen=True)
class Placed:
    """A claim where it stands: its audit, its paper and its section."""

    document: Document
    paper: Paper
    section: ClaimSection
    runs: Mapping[str, RunLine]
    """All runs of the audit by digest."""

    def tasks(self) -> set[str]:
        """Return the target tasks that the evidence is over."""
        return {c.task for c in self.section.verdict.evidence.cells if c.task}


@dataclass(frozen=True)
class Shared:
    """What differs between the audits, whichever claim is looked at."""

    protocol: tuple[Difference, ...]
    data: tuple[Difference, ...]
    environment: tuple[Difference, ...]


def shared_differences(old: Document, new: Document) -> Shared:
    """Return the differences of recipe, data and environments."""
    return Shared(
        protocol=tuple(_protocols(old.protocol, new.protocol)),
        data=tuple(_between("data", ALL, _revisions(old), _revisions(new))),
        environment=tuple(_between("environment", ALL, _settings(old), _settings(new))),
    )


def claim_differences(old: Placed, new: Placed, shared: Shared) -> Iterator[Difference]:
    """Yield what differs of all that bears on one claim, whatever its results."""
    left, right = old.section, new.section
    yield from _claims(left.claim, right.claim)
    kept = [{"since its runs were planned": _KEPT[s.criterion_kept()]} for s in (left, right)]
    yield from _between("criterion", _BOUNDS, *kept)
    yield from _papers(old.paper, new.paper)
    yield from _recipe(old, new, shared)
    yield from _evidence(left, right)
    yield from _runs(old, new)
    signed = [_signature(s.verdict.signature) for s in (left, right)]
    for kind in ("measured", "scoring"):
        own = [{k: v for k, v in of.items() if _SIGNED[k] == kind} for of in signed]
        yield from _between(kind, ALL, *own)
    intervals = (left.verdict.interval, right.verdict.interval)
    if intervals[0] is not None and intervals[1] is not None:
        levels = [{"level of the interval": f"{round(i.level, 6):g}"} for i in intervals if i]
        yield from _between("level", _BOUNDS, *levels)
    yield from _lines("staleness", (), left.verdict.stale, right.verdict.stale)
    prose = [
        _flat({name: _plain(getattr(s.claim, name)) for name in _PROSE}) for s in (left, right)
    ]
    yield from _between("wording", (), *prose)


_KEPT = {True: "unchanged", False: "changed", None: "never planned"}


def _claims(old: Claim, new: Claim) -> Iterator[Difference]:
    """Yield the fields of the criterion that differ; the reasons given for a size decide nothing."""
    left, right = (_flat(c.model_dump(mode="json", exclude={*_PROSE})) for c in (old, new))
    for name in sorted({*left, *right}):
        one = {name: left[name]} if name in left else {}
        other = {name: right[name]} if name in right else {}
        if name.endswith(".because"):
            yield from _between("wording", (), one, other)
        else:
            able = _DECISION if name.partition(".")[0] in _JUDGES else ALL
            yield from _between("criterion", _BOUNDS if name == "level" else able, one, other)


def _papers(old: Paper, new: Paper) -> Iterator[Difference]:
    sides = [{"paper's own protocol": p.protocol or NONE} for p in (old, new)]
    yield from _between("paper", _DECISION, *sides)
    sides = [{"whose claim": "a control" if p.controls else "a paper's"} for p in (old, new)]
    yield from _between("paper", _DECISION, *sides)
    sides = [{"version": p.arxiv or NONE, "title": p.title} for p in (old, new)]
    yield from _between("paper", (), *sides)


def _recipe(old: Placed, new: Placed, shared: Shared) -> Iterator[Difference]:
    """Yield the shared differences that can reach the claim, and deviations that are not of them.

    Where both audits rest on the same recipes, of which data revisions are a part, only what a
    decision reads itself can; where also no run was made again, no environment can.
    """
    tasks = old.tasks() | new.tasks()
    runs = {*old.section.runs}, {*new.section.runs}
    same = runs[0] == runs[1] and bool(runs[0])
    told = set()
    for found in shared.protocol:
        direct = found.what.partition(".")[0] in _BEYOND_RUNS
        if (direct or not same) and _field_bears(found.what, tasks):
            told.add(found.what)
            yield found
    ledgers = [
        {
            d.field: f"{d.reported} -> {d.used} ({d.importance})"
            for d in s.section.verdict.deviations
        }
        for s in (old, new)
    ]
    unsaid = [{k: v for k, v in ledger.items() if k not in told} for ledger in ledgers]
    yield from _between("deviations", _DECISION, *unsaid)
    if not same:
        foreign = _foreign((old.document.protocol, new.document.protocol), tasks)
        yield from (d for d in shared.data if d.what.partition(" ")[0] not in foreign)
    if not same or made_again(old, new):
        yield from shared.environment


def _field_bears(field: str, tasks: AbstractSet[str]) -> bool:
    """Return whether a field of the protocol is about all tasks, or one of these; none is any."""
    for block in ("targets.", "evaluation.splits."):
        if tasks and field.startswith(block):
            rest = field.removeprefix(block)
            return any(rest == task or rest.startswith(f"{task}.") for task in tasks)
    return True


def _foreign(protocols: Iterable[Protocol], tasks: AbstractSet[str]) -> set[str]:
    """Return data of other targets only, which a claim about these tasks never reads."""
    named: set[str] = set()
    own = {*tasks}
    for protocol in protocols:
        trained = {name: target.train_on or name for name, target in protocol.targets.items()}
        named |= {*trained, *trained.values()}
        own |= {trained[task] for task in tasks if task in trained}
        own |= {*protocol.intermediate_tasks}
    return named - own if tasks else set()


def made_again(old: Placed, new: Placed) -> int:
    """Return how many runs of one recipe were executed once for each audit."""
    both = {*old.section.runs} & {*new.section.runs}
    pairs = ((old.runs.get(digest), new.runs.get(digest)) for digest in both)
    return sum(a is None or b is None or a.started != b.started for a, b in pairs)


def _evidence(old: ClaimSection, new: ClaimSection) -> Iterator[Difference]:
    arms = [
        {a.condition: ", ".join(NONE if s is None else str(s) for s in a.seeds) for a in of}
        for of in (old.verdict.evidence.arms, new.verdict.evidence.arms)
    ]
    yield from _between("seeds", ALL, *arms)
    left, right = old.verdict.evidence.exclusions, new.verdict.evidence.exclusions
    failed = [[line for line in of if line.startswith("failed: ")] for of in (left, right)]
    yield from _lines("failures", ALL, *failed)
    others = [[line for line in of if not line.startswith("failed: ")] for of in (left, right)]
    yield from _lines("exclusions", ALL, *others)
    yield from _lines("plan", ALL, refusal_lines(old.refusals), refusal_lines(new.refusals))


def _runs(old: Placed, new: Placed) -> Iterator[Difference]:
    sides = [_only(old, new), _only(new, old)]
    if any(sides):
        left, right = (side or NONE for side in sides)
        yield _difference("runs", "behind the claim", left, right, ALL)


def _only(of: Placed, other: Placed) -> str:
    """Say which runs one audit has that the other has not; empty for none."""
    own = sorted({*of.section.runs} - {*other.section.runs})
    titles = sorted({of.runs[d].title if d in of.runs else d[:12] for d in own})
    if not own:
        return ""
    more = f" and {len(titles) - NAMED} more" if len(titles) > NAMED else ""
    named = "; ".join(titles[:NAMED])
    return f"{len(own)} of {len(of.section.runs)} only here: {named}{more}"


def _protocols(old: Protocol, new: Protocol) -> Iterator[Difference]:
    """Yield each field in which two recipes differ, looks and first seed included."""
    there = {d.field: d for d in deviations.compare(old, new)}
    back = {d.field: d for d in deviations.compare(new, old)}
    for field in sorted({*there, *back}):
        to, fro = there.get(field), back.get(field)
        left = fro.used if fro else to.reported if to else NONE
        right = to.used if to else fro.reported if fro else NONE
        yield _difference("protocol", field, left, right, ALL)
    sides = [{"looks": canonical_json(list(p.looks))} for p in (old, new)]
    yield from _between("protocol", _BOUNDS, *sides)
    sides = [{"first_seed": str(p.first_seed)} for p in (old, new)]
    yield from _between("protocol", ALL, *sides)


def _revisions(document: Document) -> dict[str, str]:
    found: dict[str, set[str]] = {}
    for use in document.data:
        spoken = " ".join(use.languages)
        found.setdefault(f"{use.name} {use.split}", set()).add(f"{use.revision} ({spoken})")
    return {name: "; ".join(sorted(of)) for name, of in found.items()}


def _settings(document: Document) -> dict[str, str]:
    """Return each setting of the environments -> its values, as many as there are."""
    found: dict[str, set[str]] = {}
    for use in document.environments:
        for name, value in _flat(_plain(use.environment)).items():
            found.setdefault(name, set()).add(value)
    return {name: "; ".join(sorted(of)) for name, of in found.items()}


def _signature(signature: str) -> dict[str, str]:
    parts = (part.partition(":") for part in signature.split("|"))
    return {name: value for name, _, value in parts if name in _SIGNED}


def _lines(
    kind: DifferenceKind, able: tuple[Part, ...], old: Iterable[str], new: Iterable[str]
) -> Iterator[Difference]:
    """Yield each line that only one side has."""
    left, right = {*old}, {*new}
    for line in sorted(left ^ right):
        sides = ("yes", "no") if line in left else ("no", "yes")
        yield Difference(
            kind=kind, what=line[:LONGEST], old=sides[0], new=sides[1], can_change=able
        )


def _between(
    kind: DifferenceKind,
    able: tuple[Part, ...],
    old: Mapping[str, str],
    new: Mapping[str, str],
) -> Iterator[Difference]:
    """Yield each name whose values differ, or that only one side has, sorted."""
    for name in sorted({*old, *new}):
        left, right = old.get(name, NONE), new.get(name, NONE)
        if left != right:
            yield _difference(kind, name, left, right, able)


def _difference(
    kind: DifferenceKind, what: str, old: str, new: str, able: tuple[Part, ...]
) -> Difference:
    return Difference(kind=kind, what=what[:LONGEST], old=_cut(old), new=_cut(new), can_change=able)


def _cut(value: str) -> str:
    """Shorten a value, with a digest so that two long ones that differ are still told apart."""
    if len(value) <= LONGEST:
        return value
    return f"{value[:LONGEST]}... (whole: {digest_of(value)[:12]})"


def _plain(value: object) -> object:
    return value.model_dump(mode="json") if isinstance(value, Record) else value


def _flat(value: object, path: str = "") -> dict[str, str]:
    """Return dotted field -> value in words; what is absent or empty is left out."""
    if isinstance(value, dict):
        before = f"{path}." if path else ""
        inner = (_flat(of, f"{before}{key}") for key, of in value.items())
        return {k: v for found in inner for k, v in found.items()}
    if value is None or value in ((), []):
        return {}
    return {path: value if isinstance(value, str) else canonical_json(value)}
