"""How do claims, verdicts, plan and runs become one document?"""

from __future__ import annotations

import math
import statistics
from collections import defaultdict
from collections.abc import Iterable, Sequence

from scipy import special

from claims.claim import Claim, ClaimSet
from replication.run import DataUse, Phase, Plan, Run
from reports.chance import Rows, chance_level, chance_of, known_rows
from reports.document import (
    ClaimSection,
    Document,
    EnvironmentUse,
    MatrixCell,
    PhaseCost,
    RunLine,
    ScoreRow,
    SetSection,
)
from reports.errors import DocumentError
from reports.gate import refuse_weak_decision
from reports.imported_section import import_lines
from reports.usage_total import usage_total
from verifier.verdict import Verdict, Verdicts

__all__ = ["build"]

_PHASES: tuple[Phase, ...] = ("pretraining", "intermediate", "target", "evaluation")


def build(
    claim_sets: Sequence[ClaimSet],
    verdicts: Verdicts,
    *,
    plan: Plan,
    runs: Iterable[Run],
    commands: Sequence[str],
    generated: str,
) -> Document:
    """Return the document of one audit.

    Args:
        claim_sets: the claim files; ids must differ across them.
        verdicts: exactly one verdict per claim.
        plan: the plan that the runs belong to.
        runs: runs in any order, one per spec; those of other plans are left out.
        commands: what to type to make the report again.
        generated: when the report is made: UTC, ISO 8601.

    Raises:
        DocumentError: parts do not belong together, or conceptual or synthetic evidence decides a
            paper's claim.
    """
    by_digest = _by_digest(runs, plan)
    by_claim = _by_claim(claim_sets, verdicts)
    ordered = [by_digest[d] for d in (s.digest() for s in plan.specs) if d in by_digest]
    counted = [run for run in ordered if run.spec.counts()]
    rows = known_rows(claim_sets)
    sets = []
    for claim_set in sorted(claim_sets, key=lambda s: s.paper.controls):
        sections = tuple(
            _section(claim, by_claim[claim.id], plan, by_digest, rows) for claim in claim_set.claims
        )
        sets.append(SetSection(paper=claim_set.paper, claims=sections))
    for section_set in sets:
        refuse_weak_decision(section_set, simulated=plan.protocol.simulated)
    return Document(
        title="Audit of " + "; ".join(s.paper.title for s in sets),
        generated=generated,
        simulated=plan.protocol.simulated,
        protocol=plan.protocol,
        data_source=plan.data,
        data=_data(ordered),
        sets=tuple(sets),
        scores=_scores(counted, rows),
        matrix=_matrix(counted, rows),
        runs=tuple(_line(run) for run in ordered),
        imports=import_lines(ordered),
        environments=_environments(ordered),
        costs=_costs(ordered),
        usage=usage_total(ordered),
        commands=tuple(commands),
    )


def _by_digest(runs: Iterable[Run], plan: Plan) -> dict[str, Run]:
    planned = {spec.digest() for spec in plan.specs}
    found: dict[str, Run] = {}
    for run in runs:
        if run.spec_digest != run.spec.digest():
            raise DocumentError(
                f"report: run {run.spec_digest[:12]}: found a spec with digest "
                f"{run.spec.digest()[:12]} ; expected its own. The store is damaged: run it again."
            )
        if run.spec_digest not in planned:
            continue
        if run.spec_digest in found:
            raise DocumentError(
                f"report: run {run.spec_digest[:12]}: found it twice ; expected each run once. "
                "Give one run per spec, the one that the verdicts rest on."
            )
        found[run.spec_digest] = run
    return found


def _by_claim(claim_sets: Sequence[ClaimSet], verdicts: Verdicts) -> dict[str, Verdict]:
    ids = [claim.id for claim_set in claim_sets for claim in claim_set.claims]
    decided = [verdict.claim for verdict in verdicts.verdicts]
    if sorted(ids) != sorted(decided) or len(set(ids)) != len(ids):
        missing = sorted(set(ids) - set(decided))
        extra = sorted(set(decided) - set(ids))
        twice = sorted({i for i in ids + decided if ids.count(i) > 1 or decided.count(i) > 1})
        raise DocumentError(
            f"report: verdicts: found missing {missing}, unknown {extra}, twice {twice} ; expected "
            "one verdict per claim and claim ids that differ across files. Verify the same files."
        )
    return {verdict.claim: verdict for verdict in verdicts.verdicts}


def _section(
    claim: Claim, verdict: Verdict, plan: Plan, by_digest: dict[str, Run], rows: Rows
) -> ClaimSection:
    for arm in verdict.evidence.arms:
        if len(arm.seeds) != len(arm.scores):
            raise DocumentError(
                f"report: claim '{claim.id}', condition '{arm.condition}': found {len(arm.seeds)} "
                f"seeds with {len(arm.scores)} scores ; expected one score per seed. "
                "This is a fault of the verifier."
            )
    need = next((need for need in plan.needs if need.claim == claim.id), None)
    rests_on: set[str] = set()
    for digest in verdict.evidence.runs:
        step: str | None = digest
        while step is not None and step not in rests_on:
            if step not in by_digest:
                raise DocumentError(
                    f"report: claim '{claim.id}': found evidence from run {step[:12]}, which is "
                    "not among the runs ; expected every run behind a verdict, training runs "
                    "included. Verify again from the same store."
                )
            rests_on.add(step)
            step = by_digest[step].spec.parent
    return ClaimSection(
        claim=claim,
        verdict=verdict,
        refusals=need.refusals if need else (),
        chance=chance_of(rows, claim, verdict),
        planned_criterion=need.criterion if need else None,
        runs=tuple(sorted(rests_on)),
        seconds=sum(by_digest[digest].seconds for digest in sorted(rests_on)),
    )


def _data(runs: Sequence[Run]) -> tuple[DataUse, ...]:
    uses = {use.digest(): use for run in runs for use in run.spec.data}
    return tuple(sorted(uses.values(), key=lambda u: (u.name, u.split, u.languages, u.revision)))


def _scores(runs: Sequence[Run], known: Rows) -> tuple[ScoreRow, ...]:
    groups: dict[tuple[str, ...], list[tuple[float, int]]] = defaultdict(list)
    for run in runs:
        if run.status != "finished" or run.spec.condition is None:
            continue
        for m in run.measurements:
            key = (m.task, m.split, m.metric, run.spec.condition.label(), m.language)
            if m.n is not None:
                groups[key].append((m.score, m.n))
    rows = []
    for (task, split, metric, condition, language), found in sorted(groups.items()):
        mean = sum(sorted(score for score, _ in found)) / len(found)
        row = {"task": task, "split": split, "metric": metric, "condition": condition}
        numbers = {"seeds": len(found), "mean": min(100.0, mean), "n": min(n for _, n in found)}
        guess = {"chance": chance_level(known, task, metric)}
        rows.append(ScoreRow.model_validate({**row, **numbers, **guess, "language": language}))
    return tuple(rows)


def _matrix(runs: Sequence[Run], known: Rows) -> tuple[MatrixCell, ...]:
    """Return conditions by tasks; a language that some run lacks counts in none of its cell."""
    groups: dict[tuple[str, ...], list[dict[str, float]]] = defaultdict(list)
    for run in runs:
        if run.status != "finished" or run.spec.condition is None:
            continue
        by_key: dict[tuple[str, ...], dict[str, float]] = defaultdict(dict)
        for m in run.measurements:
            by_key[m.task, m.split, m.metric, run.spec.condition.label()][m.language] = m.score
        for key, scores in by_key.items():
            groups[key].append(scores)
    cells = []
    for (task, split, metric, condition), found in sorted(groups.items()):
        shared = sorted(set.intersection(*(set(scores) for scores in found)))
        if not shared:
            continue
        averages = sorted(math.fsum(s[name] for name in shared) / len(shared) for s in found)
        numbers = {"seeds": len(found), "languages": len(shared), "half_width": _half(averages)}
        row = {"task": task, "split": split, "metric": metric, "condition": condition, **numbers}
        mean = min(100.0, math.fsum(averages) / len(averages))
        guess = {"chance": chance_level(known, task, metric)}
        cells.append(MatrixCell.model_validate({**row, **guess, "mean": mean}))
    return tuple(cells)


def _half(averages: Sequence[float]) -> float | None:
    """Return half the width of the t interval at 95 %; None where seeds tell nothing of it.

    Seeds that score alike, to a billionth of a point, hide a spread below what one example can move.
    """
    k = len(averages)
    if k < 2 or max(averages) - min(averages) < 1e-9:
        return None
    return float(special.stdtrit(k - 1, 0.975)) * statistics.stdev(averages) / math.sqrt(k)


def _line(run: Run) -> RunLine:
    return RunLine(
        run=run.spec_digest,
        title=run.spec.title(),
        phase=run.spec.phase,
        status=run.status,
        error=run.error,
        seconds=run.seconds,
        started=run.started,
        facts=run.facts,
    )


def _environments(runs: Sequence[Run]) -> tuple[EnvironmentUse, ...]:
    groups: dict[str, list[Run]] = defaultdict(list)
    for run in runs:
        groups[run.environment.digest()].append(run)
    order = sorted(groups, key=lambda d: (-len(groups[d]), d))
    return tuple(
        EnvironmentUse(
            environment=groups[d][0].environment,
            runs=len(groups[d]),
            seconds=sum(run.seconds for run in groups[d]),
        )
        for d in order
    )


def _costs(runs: Sequence[Run]) -> tuple[PhaseCost, ...]:
    costs = []
    for phase in _PHASES:
        of_phase = [run for run in runs if run.spec.phase == phase]
        if of_phase:
            failed = sum(run.status == "failed" for run in of_phase)
            seconds = sum(run.seconds for run in of_phase)
            costs.append(PhaseCost(phase=phase, runs=len(of_phase), failed=failed, seconds=seconds))
    return tuple(costs)
