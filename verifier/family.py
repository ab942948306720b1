"""What do the claims of one paper say together, though they rest on the same runs?

Claims share arms and runs, so no count of them means anything by itself; what can be said is which
ones hang together, and whether at least one is contradicted once all of them had the chance to be.
Light: imports neither torch nor transformers nor datasets.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from verifier.multiplicity import bonferroni_level
from verifier.verdict import Family, Verdict

__all__ = ["with_family", "with_shared_runs"]


def with_shared_runs(verdicts: Sequence[Verdict]) -> tuple[Verdict, ...]:
    """Return the verdicts with the claims, sorted, whose evidence holds a run of theirs."""
    users: dict[str, set[int]] = {}
    for index, verdict in enumerate(verdicts):
        for run in verdict.evidence.runs:
            users.setdefault(run, set()).add(index)
    linked: list[Verdict] = []
    for index, verdict in enumerate(verdicts):
        others = {i for run in verdict.evidence.runs for i in users[run]} - {index}
        shared = tuple(sorted({verdicts[i].claim for i in others}))
        evidence = verdict.evidence.model_copy(update={"shared_with": shared})
        linked.append(verdict.model_copy(update={"evidence": evidence}))
    return tuple(linked)


def with_family(
    verdicts: Sequence[Verdict], contradicted_at: Callable[[str, float], bool]
) -> tuple[Verdict, ...]:
    """Return a paper's verdicts, each saying whether it is contradicted after Holm (1979).

    The family are the claims about scores on which direct or close evidence bears, whatever it
    shows: a family chosen by its results would correct for too few. Step down: all at the level
    1 - alpha / m, then those left at 1 - alpha / (m - found), until none is found. Deciding anew
    at a stricter level stands for comparing a p-value, as each rule only gets harder to satisfy.
    Valid whatever the dependence between claims.

    Args:
        verdicts: of the claims of one paper.
        contradicted_at: whether a claim, by its id, is contradicted at a level.
    """
    family = [v for v in verdicts if _belongs(v)]
    level = max((v.level for v in family), default=0.0)
    left = [v.claim for v in family if v.verdict == "not_reproduced"]
    found: list[str] = []
    while left:
        strict = bonferroni_level(level, len(family) - len(found))
        now = [claim for claim in left if contradicted_at(claim, strict)]
        if not now:
            break
        found += now
        left = [claim for claim in left if claim not in now]
    return tuple(
        v.model_copy(
            update={"family": Family(size=len(family), level=level, contradicted=v.claim in found)}
        )
        if _belongs(v)
        else v
        for v in verdicts
    )


def _belongs(verdict: Verdict) -> bool:
    """Return whether chance could contradict the claim; settings of a protocol are facts."""
    return verdict.kind != "protocol" and verdict.replication in ("direct", "close")
