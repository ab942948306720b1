"""What do the runs of a plan say about the claims that it was made for?

Label first, as if the runs were direct evidence; then what weakens it: planned runs that failed or
are not there, and deviations from what the paper reports. Nothing ever strengthens it.
Light: imports neither torch nor transformers nor datasets.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from claims.claim import Claim, ClaimSet, Paper, ProtocolClaim, SelectedGainClaim
from claims.estimand import Measure
from replication.acceptances import Acceptance
from replication.deviations import Deviation, replication_kind
from replication.looks import Look
from replication.plan import conditions_of, resolve
from replication.protocol import Protocol
from replication.run import ClaimNeeds, Plan, Run, refusal_lines
from verifier.cells import statistic_of
from verifier.comparable import incomparable
from verifier.criterion import Criterion, criterion_of, held_if_moved
from verifier.decisions import decide
from verifier.decisions_settings import decide_settings
from verifier.departures import (
    layer_deviations,
    measure_deviations,
    only_measure_unknown,
    protocol_deviations,
    selection_deviations,
    simulated_deviations,
)
from verifier.evidence import evidence_of
from verifier.family import with_family, with_shared_runs
from verifier.imported import (
    SEEDLESS,
    UNWITNESSED,
    departures_told,
    held_if_copied,
    imported_deviations,
    is_imported,
    repeats_told,
    tasks_described,
)
from verifier.ledger import Bearing, Ledger
from verifier.outcome import Outcome
from verifier.redrawn import ItemsOf, NoItemsError
from verifier.samples import Samples, collect
from verifier.scope import TasksOf, scope_of, selection_scope
from verifier.selection import BestPerTarget, best_per_target
from verifier.sequential import Standing, held_if_unplanned, seeds_planned, standing_of, trained
from verifier.signature import signature_of
from verifier.staleness import outdated
from verifier.variances import redrawn_for, with_shares
from verifier.verdict import Agreement, Verdict, Verdicts

__all__ = ["verify"]

_LISTED = 10
"""Missing runs, refusals and deviations named in a reason; the rest is counted."""


@dataclass(frozen=True, slots=True, eq=False)
class _Bench:
    """What all claims of one verification share."""

    plan: Plan
    runs: tuple[Run, ...]
    """Every run of the store."""
    ledger: Ledger
    needs: Mapping[str, ClaimNeeds]
    reported: Mapping[str, Protocol]
    tasks_of: TasksOf
    looks: tuple[Look, ...]
    acceptances: tuple[Acceptance, ...]
    items: ItemsOf | None


@dataclass(frozen=True, slots=True, eq=False)
class _Finding:
    """A decided claim before the verdict is written."""

    outcome: Outcome
    bearing: Bearing
    samples: Samples | None = None
    deviations: tuple[Deviation, ...] = ()
    notes: tuple[str, ...] = ()
    """Reasons that stand beside the decision."""
    evident: bool = False
    """Whether any run bears on the claim."""
    chosen: BestPerTarget | None = None
    """The arm of the selection procedure, for a selected gain."""
    standing: Standing | None = None
    """How the verdict stands to the looks that were planned; None without runs."""
    criterion: Criterion | None = None
    """What decides the claim beside what was fixed; None where the plan does not know it."""


def verify(  # noqa: PLR0913  four say what is decided, the rest has defaults
    claim_sets: Sequence[ClaimSet],
    plan: Plan,
    runs: Iterable[Run],
    reported: Mapping[str, Protocol],
    *,
    tasks_of: TasksOf | None = None,
    looks: Iterable[Look] = (),
    acceptances: Iterable[Acceptance] = (),
    items: ItemsOf | None = None,
) -> Verdicts:
    """Return one verdict per claim, in the order of the claim sets.

    Args:
        claim_sets: the claims; a claim that the plan does not know is not evaluable.
        plan: what was to be run; its protocol is the one that the runs followed.
        runs: runs of any phase, in any order; those outside the plan are not looked at.
        reported: protocols as reported, by the name under which a paper asks for its own.
        tasks_of: target tasks of a benchmark; by default the bundled ones and those that the claim
            files describe.
        looks: at the store that holds the runs, the first first.
        acceptances: of that store: changes of what decides a claim, the first first.
        items: reads the outcomes of a run's examples; without it no claim about sentences like
            these is evaluable, and no verdict says what examples add to its uncertainty.
    """
    needs = {n.claim: n for n in plan.needs}
    every = tuple(runs)
    bench = _Bench(
        plan, every, Ledger(plan, every), needs, reported, tasks_of or tasks_described(claim_sets),
        looks=tuple(looks), acceptances=tuple(acceptances), items=items,
    )  # fmt: skip
    verdicts = [v for claim_set in claim_sets for v in _together(claim_set, bench)]
    return Verdicts(verdicts=with_shared_runs(verdicts))


def _together(claim_set: ClaimSet, bench: _Bench) -> tuple[Verdict, ...]:
    """Return the verdicts of one paper, with what they say of it as a whole."""
    claims = {claim.id: claim for claim in claim_set.claims}

    def contradicted_at(claim: str, level: float) -> bool:
        own = claims[claim]
        found = _find(own, claim_set.paper, bench, bench.needs.get(claim), level=level)
        return _weigh(own, found)[0].label == "not_reproduced"

    verdicts = [_verdict(claim, claim_set.paper, bench) for claim in claim_set.claims]
    return with_family(verdicts, contradicted_at)


def _verdict(claim: Claim, paper: Paper, bench: _Bench) -> Verdict:
    needs = bench.needs.get(claim.id)
    found = _find(claim, paper, bench, needs)
    outcome, agreement = _weigh(claim, found)
    protocol = bench.plan.protocol
    evidence = evidence_of(claim, found.samples, found.bearing, outcome, protocol)
    if found.samples and found.samples.cells and not isinstance(claim, ProtocolClaim):
        evidence = with_shares(
            claim, evidence, samples=found.samples, chosen=found.chosen, protocol=protocol,
            add_redrawn=lambda samples: redrawn_for(
                claim, samples, bench.items, tasks_of=bench.tasks_of, always=True
            ),
        )  # fmt: skip
    tolerance = getattr(claim, "tolerance", None)
    least = getattr(claim, "minimum_effect", None)
    size = getattr(claim, "reported", None)
    looked = found.standing.notes if found.standing else ()
    criterion = found.criterion
    moved, stale = (criterion.reasons(), criterion.stale()) if criterion else ((), ())
    reasons = [*moved, *outcome.reasons, *looked, *found.notes]
    return Verdict(
        claim=claim.id,
        kind=claim.kind,
        statement=claim.statement,
        verdict=outcome.label,
        finding=outcome.finding,
        replication=replication_kind(found.deviations) if found.evident else None,
        agreement=agreement,
        estimate=outcome.estimate,
        interval=outcome.interval,
        level=claim.level,
        reported=None if isinstance(size, str) else size,
        tolerance=tolerance.points if tolerance else None,
        minimum_effect=least.points if least else None,
        expected=claim.expected,
        seeds=found.samples.seeds if found.samples else 0,
        seeds_needed=outcome.seeds_needed,
        deviations=found.deviations,
        signature=signature_of(claim, found.samples, found.bearing, outcome, protocol),
        reasons=tuple(text[:4000] for text in reasons),
        evidence=evidence,
        power=outcome.power,
        stale=(*outdated(found.bearing.finished), *stale),
        acceptances=criterion.accepted if criterion else (),
        # p-values of half the runs would be an unplanned look at the scores
        secondary=outcome.secondary if found.bearing.complete else (),
    )


def _find(
    claim: Claim,
    paper: Paper,
    bench: _Bench,
    needs: ClaimNeeds | None,
    *,
    level: float | None = None,
) -> _Finding:
    """Decide a claim, unless what decides it is neither what was fixed nor what was accepted.

    Given a level, it is decided at that instead of the claim's own.
    """
    found = _decide(claim, paper, bench, needs, level=level)
    if needs is None:
        return found
    criterion = criterion_of(
        claim.id, claim.criterion(), planned=needs.criterion,
        models=trained(found.bearing.finished), looks=bench.looks, acceptances=bench.acceptances,
    )  # fmt: skip
    return replace(found, outcome=held_if_moved(found.outcome, criterion), criterion=criterion)


def _decide(
    claim: Claim,
    paper: Paper,
    bench: _Bench,
    needs: ClaimNeeds | None,
    *,
    level: float | None,
) -> _Finding:
    """Decide a claim as if its evidence were direct, and list what it departs from."""
    if needs is None:
        bearing = Bearing((), (), (), ())
        why = "The plan does not know this claim. Plan it, run the plan, and verify again."
        return _Finding(Outcome("not_evaluable", "no_evidence", (why,)), bearing)
    bearing = bench.ledger.bearing(needs)
    foreign = is_imported(bench.plan.specs)
    head = "Not counted" if foreign else "Not run"
    notes = tuple(f"{head}: {line}" for line in refusal_lines(needs.refusals))
    protocol = bench.plan.protocol
    if unusable := _unusable(bearing):
        # what was refused says more than that there is nothing
        nothing = Outcome("not_evaluable", "no_evidence", (*notes, unusable))
        return _Finding(nothing, bearing)
    notes = (*notes, *_unshown(bearing.finished)) if foreign else notes
    reported = bench.reported.get(paper.protocol) if paper.protocol else None
    if isinstance(claim, ProtocolClaim):
        outcome = decide_settings(claim, protocol)
        against = protocol_deviations(reported, protocol, name=paper.protocol, tasks=None)
        return _settle(outcome, bearing, None, against, notes)
    scope = scope_of(
        claim.measure, conditions_of(claim), protocol=protocol, tasks_of=bench.tasks_of
    )
    standing = standing_of(
        claim, needs, protocol=protocol, finished=bearing.finished, looks=bench.looks,
        seeds=seeds_planned(needs, protocol, bench.ledger.lineage),
    )  # fmt: skip
    among_many = level is not None and level > claim.level
    claim = claim.model_copy(update={"level": standing.level(level or claim.level)})
    samples = collect(scope, bearing.finished, lineage=bench.ledger.lineage)
    try:
        samples = redrawn_for(claim, samples, bench.items, tasks_of=bench.tasks_of)
    except NoItemsError as error:
        why = f"The claim is about sentences like these, for which each answer is needed: {error}"
        return _Finding(Outcome("not_evaluable", "no_evidence", (*notes, why)), bearing)
    chosen = None
    if isinstance(claim, SelectedGainClaim):
        chosen = _choose(claim, samples, bearing, bench)
    decided = decide(claim, samples, protocol, chosen=chosen, among_many=among_many)
    outcome = held_if_unplanned(decided, standing)
    if foreign:
        outcome, notes = held_if_copied(outcome, samples), (*notes, *repeats_told(samples))
    deviations = _deviations(claim.measure, paper, bench, bearing, samples)
    if isinstance(claim, SelectedGainClaim) and chosen is not None:
        deviations += selection_deviations(claim, split=chosen.split, languages=chosen.languages)
    settled = _settle(outcome, bearing, samples, deviations, notes)
    return replace(settled, chosen=chosen, standing=standing)


def _unshown(runs: Iterable[Run]) -> tuple[str, ...]:
    """Return what nothing shows of imported runs."""
    return (UNWITNESSED, *([SEEDLESS] if any(run.spec.seed is None for run in runs) else []))


def _deviations(
    measure: Measure, paper: Paper, bench: _Bench, bearing: Bearing, samples: Samples
) -> tuple[Deviation, ...]:
    """Return in what the runs behind some scores depart from what the paper did."""
    tasks = [t.task for t in samples.scope.tasks]
    if is_imported(bench.plan.specs):
        of_protocol = imported_deviations(paper.protocol, bearing.finished, bench.reported)
    else:
        reported = bench.reported.get(paper.protocol) if paper.protocol else None
        of_protocol = protocol_deviations(
            reported, bench.plan.protocol, name=paper.protocol, tasks=tasks
        )
    return (
        *of_protocol,
        *simulated_deviations(paper, bench.plan.protocol),
        *measure_deviations(measure, samples),
        *layer_deviations(bench.plan, bench.runs, tasks),
    )


def _settle(
    outcome: Outcome,
    bearing: Bearing,
    samples: Samples | None,
    deviations: tuple[Deviation, ...],
    notes: tuple[str, ...],
) -> _Finding:
    evident = outcome.finding != "no_evidence"
    return _Finding(outcome, bearing, samples, deviations if evident else (), notes, evident)


def _choose(
    claim: SelectedGainClaim, samples: Samples, bearing: Bearing, bench: _Bench
) -> BestPerTarget | None:
    """Run the selection procedure; None where a candidate has no scores at all."""
    protocol = bench.plan.protocol
    candidates = [resolve(c, protocol) for c in claim.candidates]
    if not samples.cells or any(c not in samples.arms for c in candidates):
        return None
    selecting = collect(
        selection_scope(claim, protocol, bench.tasks_of), bearing.finished,
        lineage=bench.ledger.lineage,
    )  # fmt: skip
    return best_per_target(
        claim, samples, selecting,
        candidates=candidates, statistic=statistic_of(claim.measure),
    )  # fmt: skip


def _weigh(claim: Claim, found: _Finding) -> tuple[Outcome, Agreement | None]:
    """Weaken an outcome by missing runs and by important deviations, and say if it agrees."""
    outcome = found.outcome
    if isinstance(claim, ProtocolClaim) and replication_kind(found.deviations) == "conceptual":
        why = (
            "These runs follow another protocol than the paper reports, so their settings say "
            "nothing about the paper's."
        )
        return outcome.held_back("not_evaluable", "conceptual_only", (why,)), "unclear"
    if outcome.decided and not found.bearing.complete and not isinstance(claim, ProtocolClaim):
        outcome = outcome.held_back(
            "inconclusive", "undecided", _incomplete(outcome, found.bearing)
        )
    if not found.evident or replication_kind(found.deviations) != "conceptual":
        return outcome, None
    important = [d.field for d in found.deviations if d.importance == "important"]
    fields = _listed(important)
    told = f"Under this protocol they would read: {outcome.label} ({outcome.finding})."
    if only_measure_unknown(found.deviations):
        why = (
            f"The paper does not state {fields}, so nobody can know that the runs measured the "
            f"same quantity. {told}"
        )
        return outcome.held_back("not_evaluable", "measure_unknown", (why,)), outcome.agreement
    why = (
        f"The evidence is conceptual: the runs depart in what can move the result ({fields}), so "
        f"they neither bear the claim out nor refute it. {told}"
        f"{departures_told(found.deviations, found.bearing.finished)}"
    )
    return outcome.held_back("not_evaluable", "conceptual_only", (why,)), outcome.agreement


def _incomplete(outcome: Outcome, bearing: Bearing) -> tuple[str, ...]:
    """Say why a decision is withheld while planned runs are missing."""
    planned = len(bearing.finished) + len(bearing.failed) + len(bearing.unfinished)
    reasons: list[str] = []
    if bearing.failed:
        reasons.append(
            f"Withheld: {len(bearing.failed)} of {planned} planned runs failed, and failing may "
            f"depend on what is measured: {_listed(bearing.failed)}. Mend the cause and run them."
        )
    if bearing.unfinished:
        reasons.append(
            f"Withheld: {len(bearing.unfinished)} of {planned} planned runs are not made yet, and "
            "deciding before them would be an unplanned look at the scores: "
            f"{_listed(bearing.unfinished)}. Run them."
        )
    told = f"The runs at hand alone would read: {outcome.label} ({outcome.finding})."
    return (*reasons, told)


def _unusable(bearing: Bearing) -> str | None:
    """Return why no run can be looked at; None where some can."""
    if faults := incomparable(bearing.finished):
        return " ".join(faults)[:4000]
    if bearing.finished:
        return None
    if bearing.failed:
        return f"Every planned run failed or is missing: {_listed(bearing.failed)}."
    if bearing.unfinished:
        return f"None of the {len(bearing.unfinished)} planned runs is made yet."
    return "The plan has no run for this claim."


def _listed(names: Sequence[str]) -> str:
    short = [name if len(name) <= 200 else name[:197] + "..." for name in names[:_LISTED]]
    more = len(names) - _LISTED
    return ", ".join(short) + (f" and {more} more" if more > 0 else "")
