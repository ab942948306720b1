"""How do two documents become one comparison?

Nothing is read but the two documents. A result that differs though nothing differs that can change it
is called unexplained: a guess would read like an explanation.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable

from reports.comparison import (
    RESULTS,
    Audit,
    ClaimChange,
    Comparison,
    Difference,
    Result,
    Standing,
    unexplained,
)
from reports.differences import (
    Placed,
    Shared,
    claim_differences,
    made_again,
    shared_differences,
)
from reports.document import Document
from reports.errors import DocumentError
from reports.summary import weakness, weakness_of
from reports.words import claimed
from verifier.verdict import Interval, Verdict
from verifier.words import has_sign

__all__ = ["compare"]

LISTED = 12
"""Differences of one kind that a claim lists."""
CLOSE = 1e-9
"""Points; numbers nearer than this are the same but for the order of a sum."""


def compare(old: Document, new: Document) -> Comparison:
    """Return what differs between two audits, claim by claim, and what could have changed it.

    Args:
        old: the audit that is compared with.
        new: the audit that is read.

    Raises:
        DocumentError: a document has two claims of one id, or a verdict on another claim.
    """
    shared = shared_differences(old, new)
    left, right = _placed(old, "old"), _placed(new, "new")
    return Comparison(
        old=_audit(old),
        new=_audit(new),
        claims=tuple(
            _change(name, left.get(name), right.get(name), shared)
            for name in sorted({*left, *right})
        ),
        protocol=shared.protocol,
        data=shared.data,
        environment=shared.environment,
    )


def _placed(document: Document, side: str) -> dict[str, Placed]:
    runs = {run.run: run for run in document.runs}
    found: dict[str, Placed] = {}
    for claim_set in document.sets:
        for section in claim_set.claims:
            name = section.claim.id
            if name in found or section.verdict.claim != name:
                what = "found it twice" if name in found else "found a verdict on another claim"
                raise DocumentError(
                    f"comparison: {side} report: claim '{name}': {what} ; expected each claim once, "
                    "with its own verdict. Give a report.json that Corroborate wrote."
                )
            found[name] = Placed(document, claim_set.paper, section, runs)
    return found


def _change(name: str, old: Placed | None, new: Placed | None, shared: Shared) -> ClaimChange:
    sides = {"old": _standing(old), "new": _standing(new)}
    if old is None or new is None:
        return ClaimChange(claim=name, changed=(), differences=(), unexplained=(), **sides)
    changed = _changed(old.section.verdict, new.section.verdict)
    found = list(claim_differences(old, new, shared))
    if not {"estimate", "interval"}.intersection(changed):
        # a machine decides nothing but through the numbers that it computes
        found = [_powerless(d) if d.kind == "environment" else d for d in found]
    listed, rest = _listed(found)
    return ClaimChange(
        claim=name,
        changed=changed,
        differences=listed,
        not_listed=rest,
        shared_runs=len({*old.section.runs} & {*new.section.runs}),
        made_again=made_again(old, new),
        unexplained=unexplained(changed, listed),
        **sides,
    )


def _powerless(difference: Difference) -> Difference:
    return difference.model_copy(update={"can_change": ()})


def _listed(found: Iterable[Difference]) -> tuple[tuple[Difference, ...], int]:
    """Return at most a dozen differences of each kind, those that can change most first."""
    counts: Counter[str] = Counter()
    kept: list[Difference] = []
    for difference in sorted(found, key=lambda d: -len(d.can_change)):
        counts[difference.kind] += 1
        if counts[difference.kind] <= LISTED:
            kept.append(difference)
    return tuple(kept), sum(counts.values()) - len(kept)


def _changed(old: Verdict, new: Verdict) -> tuple[Result, ...]:
    same: dict[Result, bool] = {
        "verdict": old.verdict == new.verdict,
        "finding": old.finding == new.finding,
        "replication": old.replication == new.replication,
        "agreement": old.agreement == new.agreement,
        "estimate": _same(old.estimate, new.estimate),
        "interval": all(
            _same(a, b) for a, b in zip(_ends(old.interval), _ends(new.interval), strict=True)
        ),
    }
    return tuple(result for result in RESULTS if not same[result])


def _ends(interval: Interval | None) -> tuple[float | None, float | None]:
    return (None, None) if interval is None else (interval.low, interval.high)


def _same(old: float | None, new: float | None) -> bool:
    if old is None or new is None:
        return old is new
    return math.isclose(old, new, rel_tol=0, abs_tol=CLOSE)


def _standing(placed: Placed | None) -> Standing | None:
    if placed is None:
        return None
    section, verdict = placed.section, placed.section.verdict
    cells = verdict.evidence.cells
    return Standing(
        statement=section.claim.statement,
        kind=section.claim.kind,
        paper=placed.paper.named(),
        claimed=claimed(section.claim),
        signed=has_sign(section.claim),
        verdict=verdict.verdict,
        finding=verdict.finding,
        replication=verdict.replication,
        agreement=verdict.agreement,
        estimate=verdict.estimate,
        interval=verdict.interval,
        level=verdict.level,
        reported=verdict.reported,
        tolerance=verdict.tolerance,
        minimum_effect=verdict.minimum_effect,
        as_expected=verdict.as_expected(),
        weak=_weak(placed.document, verdict),
        criterion=section.claim.criterion(),
        seeds=verdict.seeds,
        runs=len(section.runs),
        seconds=section.seconds,
        stale=verdict.stale,
        reasons=verdict.reasons,
        tasks=tuple(sorted({c.task for c in cells if c.task})),
        languages=tuple(sorted({c.language for c in cells if c.language})),
    )


def _weak(document: Document, verdict: Verdict) -> str | None:
    weak = weakness_of(verdict, weakness(document))
    return weak[0] if weak else None


def _audit(document: Document) -> Audit:
    protocol = document.protocol
    return Audit(
        title=document.title,
        generated=document.generated,
        protocol=f"{protocol.name}, {protocol.size}",
        protocol_digest=protocol.digest(),
        data_source=document.data_source,
        weak=weakness(document),
        controls_failed=tuple(
            sorted(v.claim for v in document.verdicts(of_papers=False) if not v.as_expected())
        ),
        papers=tuple(sorted(claim_set.paper.named() for claim_set in document.sets)),
        runs=len(document.runs),
        failed=sum(run.status == "failed" for run in document.runs),
        costs=document.costs,
        usage=document.usage,
    )
