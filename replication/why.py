"""Why would a run be made? It is new, changed, missing, damaged, failed or interrupted.

A run that is not in the store is compared, field by field, with the runs there that have its phase,
tasks, condition and seed: nobody pays twice without being told what made the difference. Light: no
torch.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from replication.run import Plan, Run, RunSpec
from replication.store import Store

__all__ = ["Change", "Reason", "Stored", "changes_between", "look_into", "reasons_of"]

Cause = Literal["finished", "new", "changed", "missing", "damaged", "failed", "started"]

MOST_CHARACTERS = 60
"""Of a value that is shown; digests are told apart by far fewer."""


@dataclass(frozen=True, slots=True)
class Change:
    """One field in which a run differs from one in the store."""

    field: str
    """Dotted, as in the run's spec; with the phase in front where an ancestor differs."""
    stored: str
    """Its value in the store, as JSON; empty where the field is not there."""
    planned: str

    def sentence(self) -> str:
        """Return the change in words."""
        return f"{self.field} {self.stored or 'absent'} -> {self.planned or 'absent'}"


@dataclass(frozen=True, slots=True)
class Reason:
    """Why a run would be made, or that it would not."""

    cause: Cause
    """`new`: nothing like it is in the store. `changed`: a run of the same phase, tasks, condition and
    seed is there, of another spec. `missing`: it was finished, and its folder is gone."""
    detail: str = ""
    """The error of a failed run, or what is wrong with a damaged one."""
    nearest: str | None = None
    """Digest of the run in the store that differs least."""
    changes: tuple[Change, ...] = ()
    """In what the nearest differs."""

    def sentence(self) -> str:
        """Return the reason in words."""
        if self.cause == "changed":
            told = "; ".join(c.sentence() for c in self.changes)
            return f"changed since {(self.nearest or '')[:12]}: {told}"
        return f"{self.cause}: {self.detail}" if self.detail else self.cause


@dataclass(frozen=True, slots=True)
class Stored:
    """What a store says of its runs and of those of a plan."""

    states: Mapping[str, str]
    """Digest -> state by the journal, for every run of the plan."""
    runs: Mapping[str, Run]
    """Digest -> run that finished or failed."""
    damage: Mapping[str, str]
    gone: frozenset[str] = frozenset()
    """Runs of the damage of which nothing is left, not even set aside."""


def look_into(store: Store, plan: Plan) -> Stored:
    """Return what a store says of a plan's runs; artifacts are not hashed, only sizes compared."""
    runs = {r.spec_digest: r for r in store.runs(verify=False)}
    damage = store.damage()
    digests = (s.digest() for s in plan.specs)
    aside = {p.name[:64] for p in (store.path / "quarantine").glob("*-*")}
    gone = {d for d in damage if d not in aside and not store.folder(d).exists()}
    return Stored({d: store.state(d) for d in digests}, runs, damage, frozenset(gone))


def reasons_of(plan: Plan, stored: Stored | None) -> dict[str, Reason]:
    """Return why each run of a plan would be made: digest -> reason.

    Args:
        plan: the plan.
        stored: what the store says; None where none was named, so that all runs are new.
    """
    planned = {s.digest(): s for s in plan.specs}
    if stored is None:
        return dict.fromkeys(planned, Reason("new"))
    known = {d: r.spec for d, r in stored.runs.items()}
    alike: dict[tuple[object, ...], list[str]] = defaultdict(list)
    for digest, spec in sorted(known.items()):
        if digest not in planned:
            alike[_kind(spec)].append(digest)
    comparison = _Comparison(known | planned)
    return {
        digest: _reason(digest, spec, stored, alike[_kind(spec)], comparison)
        for digest, spec in planned.items()
    }


def changes_between(stored: RunSpec, planned: RunSpec) -> tuple[Change, ...]:
    """Return the fields in which two specs differ, sorted; their ancestors are left out."""
    return _Comparison({}).own(stored, planned)


def _kind(spec: RunSpec) -> tuple[object, ...]:
    return (spec.phase, spec.tasks, spec.condition, spec.seed)


def _reason(
    digest: str, spec: RunSpec, stored: Stored, alike: list[str], comparison: _Comparison
) -> Reason:
    state = stored.states.get(digest, "missing")
    if state == "finished":
        return Reason("finished")
    if digest in stored.damage:
        gone = digest in stored.gone
        detail = "it was finished once, and its folder is gone" if gone else stored.damage[digest]
        return Reason("missing" if gone else "damaged", detail)
    if state == "failed":
        run = stored.runs.get(digest)
        return Reason("failed", (run.error or "") if run else "")
    if state == "started":
        return Reason("started", "under way, or interrupted; it goes on from its last saved state")
    return _nearest(spec, alike, comparison)


def _nearest(spec: RunSpec, alike: list[str], comparison: _Comparison) -> Reason:
    """Return in what a run differs from the one in the store that it differs least from."""
    found = [(comparison.changes(other, spec), other) for other in alike]
    if not found:
        return Reason("new")
    changes, nearest = min(found, key=lambda f: (len(f[0]), f[1]))
    return Reason("changed", nearest=nearest, changes=changes)


class _Comparison:
    """Compares specs with all they start from; every spec is taken apart once."""

    def __init__(self, specs: Mapping[str, RunSpec]) -> None:
        self.specs = specs
        self._flat: dict[int, tuple[RunSpec, dict[str, str]]] = {}
        self._changes: dict[tuple[str, str], tuple[Change, ...]] = {}

    def changes(self, stored: str, planned: RunSpec) -> tuple[Change, ...]:
        """Return in what a spec and its ancestors differ from those of one in the store."""
        old = self.specs[stored]
        return tuple(sorted((*self.own(old, planned), *self._above(old, planned)), key=_by_field))

    def own(self, stored: RunSpec, planned: RunSpec) -> tuple[Change, ...]:
        """Return the differing fields of the two specs alone."""
        old, new = self._fields(stored), self._fields(planned)
        return tuple(
            Change(name, _shown(old.get(name, "")), _shown(new.get(name, "")))
            for name in sorted(old.keys() | new.keys())
            if old.get(name) != new.get(name)
        )

    def _above(self, old: RunSpec, new: RunSpec) -> tuple[Change, ...]:
        if old.parent == new.parent:
            return ()
        key = (old.parent or "", new.parent or "")
        if key in self._changes:
            return self._changes[key]
        above, below = self.specs.get(key[0]), self.specs.get(key[1])
        if above is None or below is None or above.phase != below.phase:
            found: tuple[Change, ...] = (Change("parent", key[0][:12], key[1][:12]),)
        else:
            # what a change of the base does to every phase after it is told once, where it begins
            told = {(c.field, c.stored, c.planned) for c in self.own(old, new)}
            found = tuple(
                c if "." in c.field and c.field.split(".")[0] in _PHASES
                else Change(f"{below.phase}.{c.field}", c.stored, c.planned)
                for c in (*self.own(above, below), *self._above(above, below))
                if (c.field, c.stored, c.planned) not in told
            )  # fmt: skip
        self._changes[key] = found
        return found

    def _fields(self, spec: RunSpec) -> dict[str, str]:
        key = id(spec)
        if key not in self._flat:
            document = spec.model_dump(mode="json", exclude={"parent"})
            document["data"] = {f"{u['name']}:{u['split']}": u for u in document["data"]}
            # the spec is kept beside it, so that its id is not given to another
            self._flat[key] = (spec, dict(_leaves("", document)))
        return self._flat[key][1]


_PHASES = ("pretraining", "intermediate", "target", "evaluation")


def _by_field(change: Change) -> tuple[bool, str]:
    return (change.field.split(".")[0] in _PHASES, change.field)


def _leaves(path: str, value: Any) -> list[tuple[str, str]]:
    if isinstance(value, dict) and value:
        return [leaf for k, v in value.items() for leaf in _leaves(f"{path}.{k}".strip("."), v)]
    return [(path, json.dumps(value, ensure_ascii=False))]


def _shown(text: str) -> str:
    return text if len(text) <= MOST_CHARACTERS else f"{text[: MOST_CHARACTERS - 1]}…"
