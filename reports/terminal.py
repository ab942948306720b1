"""What a terminal shows: a store's status, verdicts line by line, and one thing in full."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from claims.claim import Claim, ClaimSet
from replication.acceptances import Acceptance
from replication.deviations import Deviation, replication_kind
from replication.protocol import Protocol
from replication.run import Plan, Run, RunSpec
from reports.environment_text import environment_lines, usage_lines
from verifier.staleness import Recorded
from verifier.verdict import Verdict, Verdicts

__all__ = [
    "claim_text",
    "ledger_json",
    "ledger_text",
    "run_text",
    "status_json",
    "status_text",
    "verdict_line",
    "verdicts_text",
]


def ledger_text(reported: Protocol, used: Protocol, deviations: Sequence[Deviation]) -> str:
    """Return in what one protocol departs from another, the important first."""
    kind = replication_kind(tuple(deviations))
    ordered = sorted(deviations, key=lambda d: (d.importance != "important", d.field))
    count = sum(d.importance == "important" for d in ordered)
    lines = [
        (
            f"{used.name} ({used.size}) against {reported.name} ({reported.size}): "
            f"{len(ordered)} deviations, {count} of them important; runs would be {kind}"
        )
    ]
    lines += [f"  {d.importance:<9} {d.field}: {d.reported} -> {d.used}" for d in ordered]
    return "\n".join(lines)


def ledger_json(
    reported: Protocol, used: Protocol, deviations: Sequence[Deviation]
) -> dict[str, object]:
    """Return the deviation ledger as a JSON document."""
    return {
        "schema": "corroborate/ledger@1",
        "reported": {"name": reported.name, "size": reported.size},
        "used": {"name": used.name, "size": used.size},
        "replication": replication_kind(tuple(deviations)),
        "deviations": [d.model_dump(mode="json") for d in deviations],
    }


def status_text(
    plan: Plan | None,
    states: Mapping[str, str],
    errors: Mapping[str, str],
    verdicts: Sequence[Recorded] = (),
    accepted: Sequence[Acceptance] = (),
) -> str:
    """Return what is done, failed and left of the latest plan, and which verdicts are stale."""
    if plan is None:
        return "no plan in this store yet: run `corroborate run` first"
    counts = Counter(states[s.digest()] for s in plan.specs)
    counted = ", ".join(f"{n} {state}" for state, n in sorted(counts.items())) or "no runs"
    lines = [f"protocol {plan.protocol.name} ({plan.protocol.size}): {counted}"]
    for spec in plan.specs:
        digest = spec.digest()
        if states[digest] != "finished":
            why = f": {errors[digest]}" if digest in errors else ""
            lines.append(f"  {digest[:12]} {states[digest]} {spec.title()}{why}")
    told = [f"  {a.claim}  criterion {a.told()}" for a in accepted]
    changes = ["", "accepted changes:", *told] if told else []
    return "\n".join(lines + _recorded_lines(verdicts) + changes)


def status_json(
    plan: Plan | None,
    states: Mapping[str, str],
    errors: Mapping[str, str],
    verdicts: Sequence[Recorded] = (),
    accepted: Sequence[Acceptance] = (),
) -> dict[str, object]:
    """Return the status as a JSON document."""
    specs: Sequence[RunSpec] = plan.specs if plan else ()
    rows = [
        {"digest": d, "title": s.title(), "state": states[d], "error": errors.get(d)}
        for s in specs
        for d in (s.digest(),)
    ]
    taken = [
        {
            **v.look.model_dump(mode="json", include={"claim", "claims", "verdict", "time"}),
            "stale": list(v.stale),
            "unchecked": v.unchecked,
        }
        for v in verdicts
    ]
    return {
        "schema": "corroborate/status@1",
        "planned": plan is not None,
        "runs": rows,
        "verdicts": taken,
        "acceptances": [a.model_dump(mode="json", by_alias=True) for a in accepted],
    }


def _recorded_lines(verdicts: Sequence[Recorded]) -> list[str]:
    """Return a line per verdict on record, after the claim file that it is from."""
    lines: list[str] = []
    origin = ""
    for v in verdicts:
        if v.look.claims != origin:
            origin = v.look.claims
            lines += ["", f"verdicts on {origin}:"]
        why = f"stale: {'; '.join(v.stale)}" if v.stale else "current"
        why = f"cannot be checked: {v.unchecked}" if v.unchecked else why
        lines.append(f"  {v.look.verdict:<15} {v.look.claim}  {v.look.time}  {why}")
    return lines


def verdict_line(verdict: Verdict) -> str:
    """Return a verdict in one line: what it is, of what, and the main reason."""
    expected = {True: "as expected", False: "AGAINST EXPECTATION", None: ""}[verdict.as_expected()]
    agreement = f" ({verdict.agreement})" if verdict.agreement else ""
    head = f"{verdict.verdict:<15} {verdict.claim}{agreement}"
    reason = verdict.reasons[0] if verdict.reasons else ""
    return "  ".join(part for part in (head, expected, reason) if part)


def verdicts_text(verdicts: Verdicts) -> str:
    """Return all verdicts, a line each."""
    return "\n".join(verdict_line(v) for v in verdicts.verdicts)


def claim_text(claim: Claim, claim_set: ClaimSet, verdict: Verdict | None) -> str:
    """Return a claim with its source, and its verdict with the runs behind it where there is one."""
    paper = claim_set.paper
    lines = [
        f"claim {claim.id} ({claim.kind})",
        f"  {claim.statement}",
        f"  paper: {paper.title}" + (f", arXiv:{paper.arxiv}" if paper.arxiv else ""),
        f"  section: {claim.source.section}; found in {claim.source.found_in}",
        f"  quote: {claim.source.quote}",
        f"  criterion: {claim.criterion()}",
    ]
    lines += [f"  note: {note}" for note in claim.notes]
    if verdict is not None:
        lines += ["", verdict_line(verdict)]
        lines += [f"  reason: {r}" for r in verdict.reasons]
        if verdict.estimate is not None and verdict.interval is not None:
            low, high = verdict.interval.low, verdict.interval.high
            lines.append(f"  estimate {verdict.estimate:.2f}, interval {low:.2f} to {high:.2f}")
        lines += [f"  run: {digest}" for digest in verdict.evidence.runs]
        lines.append(f"  signature: {verdict.signature}")
    return "\n".join(lines)


def run_text(run: Run, folder: str) -> str:
    """Return a run with what it started from, what it read, what came out, and where that lies."""
    spec = run.spec
    lines = [
        f"run {run.spec_digest} {run.status}",
        f"  {spec.title()}",
        f"  starts from: {spec.parent or spec.base.checkpoint or 'random weights'}",
        f"  took {run.seconds} s on {run.environment.device}, started {run.started}",
        f"  seed: {'none' if spec.seed is None else spec.seed}",
        f"  folder: {folder}",
    ]
    lines += [f"  error: {run.error}"] if run.error else []
    for use in spec.data:
        lines.append(f"  read: {use.name} {use.split} [{' '.join(use.languages)}] {use.revision}")
    lines += [f"  {name}: {value}" for name, value in run.facts.items()]
    lines += [f"  {line}" for line in environment_lines(run.environment) + usage_lines(run.usage)]
    for m in run.measurements:
        lines.append(f"  {m.task} {m.language} {m.split} {m.metric}: {m.score:.2f} (n={m.n})")
    return "\n".join(lines)
