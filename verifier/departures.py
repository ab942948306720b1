"""In what do the runs depart from what the claim and its paper say was done?

Light: imports neither torch nor transformers nor datasets.
"""

from __future__ import annotations

from collections.abc import Iterable

from claims.claim import Paper, SelectedGainClaim
from claims.estimand import Condition, Measure
from claims.record import UNKNOWN
from replication.deviations import Deviation, compare
from replication.protocol import Protocol
from replication.run import Plan, Run
from verifier.samples import Samples
from verifier.scope import Scope

__all__ = [
    "important",
    "layer_deviations",
    "measure_deviations",
    "only_measure_unknown",
    "protocol_deviations",
    "selection_deviations",
    "simulated_deviations",
]

_PER_TASK = ("targets", "evaluation.splits")
"""Blocks of the protocol with one entry per target task."""


def protocol_deviations(
    reported: Protocol | None, used: Protocol, *, name: str | None, tasks: Iterable[str] | None
) -> tuple[Deviation, ...]:
    """Return the differences between two protocols that can matter for a claim.

    Args:
        reported: what the paper reports of its method; None where no such record is at hand.
        used: what the plan ran.
        name: name under which the paper's claim file asks for `reported`; None if it names none.
        tasks: target tasks of the claim's measure; None for a claim about the protocol itself.
    """
    if reported is None:
        stated = UNKNOWN if name is None else f"{name} (no such protocol at hand)"
        return (important("protocol", stated, f"{used.name}, size {used.size}"),)
    found = compare(reported, used)
    if tasks is None:
        return found
    kept = tuple(tasks)
    untrained = {n for n, t in used.targets.items() if t.train_on is None}
    retrieves = not untrained.isdisjoint(kept)
    return tuple(d for d in found if _matters(d.field, kept, retrieves=retrieves))


def layer_deviations(
    plan: Plan, runs: Iterable[Run], tasks: Iterable[str]
) -> tuple[Deviation, ...]:
    """Return whether the store holds earlier scores of the same tasks at other layers.

    Whoever has seen them may have chosen the layer by them, which is not zero-shot.

    Args:
        plan: what was run.
        runs: every run of the store, those of other plans too.
        tasks: target tasks of the claim's measure.
    """
    chosen = plan.protocol.evaluation.retrieval
    if chosen is None or chosen.layer_chosen == "after_scoring":
        return ()
    wanted = set(tasks)
    scored = [
        run
        for run in runs
        if run.status == "finished" and run.spec.retrieval and wanted & set(run.spec.tasks)
    ]
    first = min((r.started for r in scored if _layer(r) == chosen.layer), default=None)
    others = {
        str(_layer(r)) for r in scored if _layer(r) != chosen.layer and first and r.started < first
    }
    if not others:
        return ()
    used = (
        f"layer {chosen.layer}, after layers {', '.join(sorted(others))} were scored in this store"
    )
    return (important("evaluation.retrieval.layer_chosen", "before_scoring", used),)


def _layer(run: Run) -> int | str | None:
    return run.spec.retrieval.layer if run.spec.retrieval else None


def measure_deviations(measure: Measure, samples: Samples) -> tuple[Deviation, ...]:
    """Return what the claim's measure asks for and the scored cells are not."""
    found: list[Deviation] = []
    for field in ("split", "score", "seeds"):
        if getattr(measure, field) == UNKNOWN:
            used = {"split": _splits(samples), "score": "task_average", "seeds": "mean"}[field]
            found.append(important(f"measure.{field}", UNKNOWN, used))
    if measure.split != UNKNOWN and _splits(samples) != measure.split:
        found.append(important("measure.split", measure.split, _splits(samples)))
    scope = samples.scope
    found += _conditions(scope, samples.arms)
    scored = {cell.task for cell in samples.cells}
    unscored = sorted({t.task for t in scope.tasks} - scored)
    if unscored or scope.unplaced:
        asked = [t.task for t in scope.tasks] + list(scope.unplaced)
        found.append(important("measure.tasks", _count(asked), _count(scored)))
    partial = [
        (task.task, sorted(set(task.asked(cells[0].split)) - {c.language for c in cells}))
        for task in scope.tasks
        if (cells := [c for c in samples.cells if c.task == task.task])
    ]
    lacking = [f"{task} lacks {', '.join(codes)}" for task, codes in partial if codes]
    if lacking:
        asked_for = measure.languages
        stated = asked_for if isinstance(asked_for, str) else ", ".join(asked_for)
        found.append(important("measure.languages", stated, "; ".join(lacking)))
    return tuple(found)


def simulated_deviations(paper: Paper, used: Protocol) -> tuple[Deviation, ...]:
    """Return that synthetic data say nothing of a paper's claims; controls are about nothing else."""
    if not used.simulated or paper.controls:
        return ()
    return (important("simulated", "no", "yes: synthetic languages and data"),)


def selection_deviations(
    claim: SelectedGainClaim, *, split: str, languages: str
) -> tuple[Deviation, ...]:
    """Return how choosing the candidates departed from the claim.

    Args:
        claim: the claim with the selection that the paper made.
        split: split on which the candidates were chosen here.
        languages: languages on which they were chosen: `training`, `all`, or a sentence.
    """
    found: list[Deviation] = []
    if claim.selection.split != split:
        found.append(important("measure.selection.split", claim.selection.split, split))
    if claim.selection.languages != languages:
        stated = claim.selection.languages
        found.append(important("measure.selection.languages", stated, languages))
    return tuple(found)


def only_measure_unknown(deviations: Iterable[Deviation]) -> bool:
    """Return whether every important deviation is a part of the measure that nobody states."""
    important = [d for d in deviations if d.importance == "important"]
    return bool(important) and all(
        d.field.startswith("measure.") and d.reported == UNKNOWN for d in important
    )


def _matters(field: str, tasks: tuple[str, ...], *, retrieves: bool) -> bool:
    """Return whether a deviating field can bear on some target tasks; names may hold dots."""
    if field.startswith("evaluation.retrieval"):
        return retrieves
    for block in _PER_TASK:
        if field.startswith(f"{block}."):
            inner = field.removeprefix(f"{block}.")
            return any(inner == task or inner.startswith(f"{task}.") for task in tasks)
    return True


def _conditions(scope: Scope, present: Iterable[Condition]) -> list[Deviation]:
    there = set(present)
    lacking = [c.label() for c in scope.conditions if c not in there]
    if not lacking:
        return []
    stated = _count([c.label() for c in scope.conditions])
    return [important("measure.conditions", stated, f"without {', '.join(lacking)}")]


def _splits(samples: Samples) -> str:
    return "+".join(sorted({cell.split for cell in samples.cells})) or "none"


def _count(names: Iterable[str]) -> str:
    listed = sorted(names)
    return f"{len(listed)}: {', '.join(listed)}" if listed else "none"


def important(field: str, reported: str, used: str) -> Deviation:
    """Return a deviation that can move the estimate; long texts are cut."""
    short = [t if len(t) <= 160 else t[:157] + "..." for t in (reported, used)]
    return Deviation(field=field, reported=short[0], used=short[1], importance="important")
