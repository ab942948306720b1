"""Which imported scores bear on a claim, and in what may they depart from what its paper did?

A store of imported runs knows of no claims: which runs a claim needs is found when it is decided.
Light: imports neither torch nor transformers nor datasets.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from claims.claim import Claim, ClaimSet, ProtocolClaim, SelectedGainClaim
from claims.errors import ClaimFileError, Fault
from claims.record import UNKNOWN
from replication.deviations import Deviation, compare
from replication.errors import PlanError
from replication.plan import conditions_of
from replication.protocol import Base, Protocol, base_name
from replication.protocols import bundled_protocols, load_protocol
from replication.run import ClaimNeeds, Plan, Refusal, Run, RunSpec
from replication.tasks.row import Task, benchmark_tasks
from verifier.departures import important
from verifier.outcome import Outcome
from verifier.samples import Floats, Samples, ScoredCell
from verifier.scope import Scope, TasksOf, scope_of, selection_scope

__all__ = [
    "SEEDLESS", "UNWITNESSED", "bundled_records", "departures_told", "described", "held_if_copied",
    "imported_deviations", "is_imported", "repeats_told", "tasks_described", "with_needs",
]  # fmt: skip


UNWITNESSED = (
    "The scores were imported: nothing here shows that the claim's criterion was fixed before they were "
    "seen, nor how often they were looked at while seeds came in."
)
"""Stands beside every verdict on imported scores."""
SEEDLESS = (
    "Some of the scores are without a seed: that nothing random is behind them is only what whoever "
    "imported them says, so no spread over seeds is in the interval."
)
"""Stands beside verdicts on imported scores of which somebody says that their seed is `none`."""
_NONE = "No imported score that may count"
_MOST_NAMES = 8


def departures_told(deviations: Sequence[Deviation], runs: Sequence[Run]) -> str:
    """Return sentences with what was asked and found, where imported scores are of something else."""
    if not is_imported(run.spec for run in runs):
        return ""
    weighty = [d for d in deviations if d.importance == "important"]
    told = [
        f" {d.field}: found {d.used} ; expected {d.reported}."
        for d in weighty
        if d.field.startswith("measure.")
    ]
    if any(d.field == "protocol" for d in weighty):
        stated = {d.reported for d in weighty if d.field == "protocol"} - {UNKNOWN}
        found = {run.spec.origin.protocol or "none" for run in runs if run.spec.origin}
        told.append(
            f" protocol: found {' and '.join(sorted(found))} declared of the scores ; "
            f"expected {', '.join(sorted(stated)) or 'one'}, as `paper.protocol` of the claim file "
            f"{'says' if stated else 'would say; it is not there'}."
        )
    return "".join(told)


def repeats_told(samples: Samples) -> tuple[str, ...]:
    """Return a sentence for each arm in which half of the seeds or more score as another one does."""
    told = []
    for condition, arm in samples.arms.items():
        seeds, distinct = len(arm.scores), len({tuple(row) for row in arm.scores.tolist()})
        if _repeats(arm.scores):
            told.append(
                f"{condition.label()}: {seeds} seeds have {distinct} different scores between them. "
                "Copied rows, or a mean entered for each seed, would look like this and make the "
                "interval too narrow."
            )
    return tuple(told)


def held_if_copied(outcome: Outcome, samples: Samples) -> Outcome:
    """Return the outcome, but `inconclusive` for a decision on seeds that look like copies.

    They do where half of an arm's seeds or more score as another one does in every cell, and chance
    hardly gives one such pair: two seeds of standard deviation s meet in a cell whose scores go in
    steps of d with a probability of about d / (2 sqrt(pi) s).
    """
    copied = [
        condition.label()
        for condition, arm in samples.arms.items()
        if _repeats(arm.scores) and _pairs_by_chance(arm.scores, samples.cells) < 0.5
    ]
    if not copied or not outcome.decided:
        return outcome
    why = (
        f"Withheld: seeds of {', '.join(copied)[:400]} score exactly alike, more often than chance does "
        "it, so they are no replicates of each other. Import each run's own score, or say --given "
        f"seed=none where nothing is random. They would read: {outcome.label} ({outcome.finding})."
    )
    return outcome.held_back("inconclusive", "undecided", (why,))


def _repeats(scores: Floats) -> bool:
    """Return whether half of the seeds or more score as another one does in every cell."""
    return len(scores) > 1 and 2 * len({tuple(row) for row in scores.tolist()}) <= len(scores)


def _pairs_by_chance(scores: Floats, cells: Sequence[ScoredCell]) -> float:
    """Return how many pairs of seeds chance is expected to let meet in every cell."""
    distinct = np.unique(scores, axis=0)
    if len(distinct) == 1:
        at_bounds = bool(np.all((distinct == 0) | (distinct == 100)))
        return math.inf if at_bounds else 0.0
    steps = np.asarray([100 / cell.n for cell in cells])
    spread = distinct.std(axis=0, ddof=1)
    with np.errstate(divide="ignore"):
        meeting = np.minimum(1.0, steps / (2 * math.sqrt(math.pi) * spread))
    return float(math.comb(len(scores), 2) * np.prod(meeting))


def is_imported(specs: Iterable[RunSpec]) -> bool:
    """Return whether runs were imported; they never stand in one store with runs made here."""
    return any(spec.origin is not None for spec in specs)


def bundled_records(plan: Plan, claim_sets: Iterable[ClaimSet]) -> dict[str, Protocol]:
    """Return the bundled protocols that imported runs are said to have followed, or papers to report."""
    names = {spec.origin.protocol for spec in plan.specs if spec.origin}
    names |= {s.paper.protocol for s in claim_sets}
    return {name: load_protocol(name) for name in bundled_protocols() if name in names}


def tasks_described(claim_sets: Iterable[ClaimSet]) -> TasksOf:
    """Return what gives the tasks of a benchmark: those that claim files describe, else the bundled.

    Raises:
        ClaimFileError: two files describe one benchmark differently, or one is bundled already.
    """
    own = described(claim_sets)
    return lambda benchmark: own[benchmark] if benchmark in own else benchmark_tasks(benchmark)


def described(claim_sets: Iterable[ClaimSet]) -> dict[str, tuple[Task, ...]]:
    """Return the benchmarks that claim files describe, by name, with their tasks sorted by name.

    Raises:
        ClaimFileError: two files describe one benchmark differently, or one is bundled already.
    """
    own: dict[str, tuple[Task, ...]] = {}
    for claim_set in claim_sets:
        for benchmark, rows in claim_set.benchmarks.items():
            found = tuple(
                Task(
                    name=name, family="described", benchmark=benchmark, folders=(), splits={},
                    language_in="none", languages={code: code for code in row.languages},
                    columns={}, metrics=row.metrics, chance=row.chance,
                )
                for name, row in sorted(rows.items())
            )  # fmt: skip
            if benchmark_tasks(benchmark) or own.setdefault(benchmark, found) != found:
                other = "a bundled one" if benchmark_tasks(benchmark) else "another file's"
                fault = Fault(
                    0, f"benchmarks.{benchmark}", f"the name of {other}", "a name of its own"
                )
                raise ClaimFileError(claim_set.paper.title, (fault,))
    return own


def with_needs(plan: Plan, claim_sets: Sequence[ClaimSet]) -> Plan:
    """Return a plan that says what each claim needs: one of runs made here does so by itself.

    Args:
        plan: of a store.
        claim_sets: the claims; their protocols may have a name and no record.

    Raises:
        ClaimFileError: a described benchmark is ambiguous.
        PlanError: two claims share an id.
    """
    if not is_imported(plan.specs):
        return plan
    counts = Counter(claim.id for s in claim_sets for claim in s.claims)
    if twice := sorted(name for name, count in counts.items() if count > 1):
        raise PlanError(
            f"claims {', '.join(twice)}: found the id twice ; expected ids that differ."
        )
    reported = bundled_records(plan, claim_sets)
    known = [reported.get(s.paper.protocol or "") for s in claim_sets]
    tasks_of = tasks_described(claim_sets)
    sets_of = {
        reported[s.paper.protocol].intermediate_tasks if s.paper.protocol in reported else ()
        for s in claim_sets
        if any(_says_all(claim) for claim in s.claims)
    }
    protocol = plan.protocol.model_copy(
        update={
            "base": Base(checkpoint=_base(plan.specs, known)),
            # what `all` stands for, where that is one thing
            "intermediate_tasks": sets_of.pop() if len(sets_of) == 1 else (),
        }
    )
    needs = [
        _needs(claim, plan.specs, protocol, tasks_of) for s in claim_sets for claim in s.claims
    ]
    return plan.model_copy(
        update={"protocol": protocol, "needs": tuple(sorted(needs, key=lambda n: n.claim))}
    )


def imported_deviations(
    name: str | None, runs: Iterable[Run], reported: Mapping[str, Protocol]
) -> tuple[Deviation, ...]:
    """Return in what imported runs depart from the protocol that their claim is about, or may.

    Nobody can see how they were made. That they followed the protocol is what their importer declares,
    or else nothing but agreement can be told.

    Args:
        name: of the protocol that the claim's file is about; None where it names none.
        runs: imported ones that bear on the claim.
        reported: protocols by name, those that have a record.
    """
    found = tuple(runs)
    declared = {run.spec.origin.protocol for run in found if run.spec.origin}
    said = " and ".join(sorted(d or "none declared" for d in declared)) or "none declared"
    stated = name or UNKNOWN
    only = next(iter(declared)) if len(declared) == 1 else None
    told = f"{said}, as whoever imported the scores declares; nothing on record shows it"
    if only is None or name is None or (only != name and not {name, only} <= reported.keys()):
        used = told if only else f"imported scores; protocol: {said}"
        return (important("protocol", stated, used),)
    deviations = [Deviation(field="protocol", reported=stated, used=told[:160], importance="minor")]
    if only != name:
        deviations += compare(reported[name], reported[only])
    if name in reported:
        deviations += [*_bases(reported[name], found), *_strange(reported[name], found)]
    return tuple(deviations)


def _bases(reported: Protocol, runs: Sequence[Run]) -> list[Deviation]:
    """Return the bases that runs are said to start from and the paper's did not."""
    stated = reported.base.checkpoint
    used = {r.spec.base.checkpoint for r in runs if r.spec.base.checkpoint is not None}
    others = sorted(c for c in used if base_name(c) != base_name(reported.base))
    if not others:
        return []
    return [important("base.checkpoint", stated or "none", ", ".join(others))]


def _strange(reported: Protocol, runs: Sequence[Run]) -> list[Deviation]:
    """Return the scored tasks that a protocol has not, whatever is declared."""
    tasks = sorted({run.spec.tasks[0] for run in runs} - reported.targets.keys())
    return [important(f"targets.{task}", "none", "scored") for task in tasks]


def _base(specs: Sequence[RunSpec], known: Iterable[Protocol | None]) -> str | None:
    """Return the name under which imported runs state the base that claims call the protocol's own.

    None where some runs say `protocol` themselves, or where several bases could be meant.
    """
    names = {spec.condition.base for spec in specs if spec.condition and spec.counts()}
    if "protocol" in names:
        return None
    stated = {base_name(protocol.base) if protocol else None for protocol in known}
    # a base that one paper states is not taken for that of another
    candidates = stated if len(stated) == 1 and stated <= names else names
    return next(iter(candidates)) if len(candidates) == 1 else None


def _needs(
    claim: Claim, specs: Sequence[RunSpec], protocol: Protocol, tasks_of: TasksOf
) -> ClaimNeeds:
    if isinstance(claim, ProtocolClaim):
        why = "The settings of imported runs are not on record."
        return _needing(claim, (), [Refusal(reason=why)])
    benchmark = claim.measure.benchmark
    if not tasks_of(benchmark):
        why = (
            f"Benchmark '{benchmark}' is neither bundled nor described. Describe it in the claim "
            "file, under `benchmarks`."
        )
        return _needing(claim, (), [Refusal(reason=why)])
    if _says_all(claim) and not protocol.intermediate_tasks:
        why = (
            "No protocol with a record says, alone, which tasks `intermediate: all` stands for. Name "
            "them in the claim."
        )
        return _needing(claim, (), [Refusal(reason=why)])
    scope = scope_of(claim.measure, conditions_of(claim), protocol=protocol, tasks_of=tasks_of)
    wanted = {(task.task, split) for task in scope.tasks for split in task.splits}
    if isinstance(claim, SelectedGainClaim):
        chosen = selection_scope(claim, protocol, tasks_of)
        wanted |= {(task.task, split) for task in chosen.tasks for split in task.splits}
    bearing = [s for s in specs if scope.placed(s.condition) in scope.conditions]
    bearing = [s for s in bearing if (s.tasks[0], s.data[0].split) in wanted]
    counted = [s for s in bearing if s.counts()]
    shown: dict[str, int] = {}
    for spec in bearing:
        if spec.origin is not None and spec.origin.because is not None:
            shown[spec.origin.because] = shown.get(spec.origin.because, 0) + 1
    refusals = [
        *_absent(scope, counted, specs),
        *(
            Refusal(reason=f"{number} imported {_runs(number)} only shown: {why}")
            for why, number in sorted(shown.items())
        ),
    ]
    return _needing(claim, sorted(s.digest() for s in counted), refusals)


def _says_all(claim: Claim) -> bool:
    return any(condition.intermediate == "all" for condition in conditions_of(claim))


def _runs(number: int) -> str:
    return "run is" if number == 1 else "runs are"


def _absent(scope: Scope, counted: Sequence[RunSpec], specs: Sequence[RunSpec]) -> list[Refusal]:
    """Return the conditions and tasks of which no score may count, with what there are scores of."""
    conditions = {scope.placed(spec.condition) for spec in counted}
    tasks = {spec.tasks[0] for spec in counted}
    labels = {c: c.label() for spec in specs if (c := scope.placed(spec.condition)) is not None}
    splits: dict[str, set[str]] = {}
    for spec in specs:
        splits.setdefault(spec.tasks[0], set()).add(spec.data[0].split)
    others = [label for c, label in labels.items() if c not in scope.conditions]
    refusals = []
    for condition in scope.conditions:
        if condition not in conditions:
            why = _instead("conditions", others) if condition not in labels else ""
            refusals.append(Refusal(reason=f"{_NONE}{why}.", condition=condition))
    for task in scope.tasks:
        if task.task not in tasks:
            found = splits.get(task.task)
            why = _instead("splits", found) if found else _instead("tasks", splits)
            why = "" if found and found & set(task.splits) else why
            refusals.append(Refusal(reason=f"{_NONE}{why}.", task=task.task))
    return refusals


def _instead(what: str, names: Iterable[str]) -> str:
    told = sorted(names)
    more = f" and {len(told) - _MOST_NAMES} more" if len(told) > _MOST_NAMES else ""
    return f"; the scores are of the {what} {', '.join(told[:_MOST_NAMES])}{more}" if told else ""


def _needing(claim: Claim, runs: Sequence[str], refusals: list[Refusal]) -> ClaimNeeds:
    return ClaimNeeds(
        claim=claim.id, criterion=claim.criterion(), runs=tuple(runs), refusals=tuple(refusals)
    )
