"""How does a claim become an assertion: decided on a store, on files or on arrays, and told in text?

What the pytest plugin needs once a session has to do with claims. Light: engines import what they need.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from claims.check import read_claim_file
from claims.claim import Claim, ClaimSet, Paper, ProtocolClaim
from claims.errors import ExecutionError, UnknownClaimsError
from claims.estimand import Condition
from replication.errors import ImportedScoresError
from replication.imports.score import given_of
from replication.store import Store
from verifier.auditing import Request, executed, planned, verified
from verifier.imported import UNWITNESSED, tasks_described
from verifier.interval_text import interval_lines
from verifier.numbers import estimate
from verifier.scores import Scores, verified_on
from verifier.verdict import Verdict, Verdicts
from verifier.words import FINDING_WORDS, VERDICT_WORDS

__all__ = ["decided_on", "line", "on_files", "on_store", "replicated", "told"]

Decided = dict[str, tuple[Claim, Verdict]]
"""Claim's id -> the claim and the verdict on it."""

_REASONS = 6
"""Reasons that a failure tells; the report has all of them."""


def on_store(path: Path, store: Path) -> Decided:
    """Return the verdicts on the claims of a file, decided on the runs of a store.

    Raises:
        CorroborateError: the file or the store cannot be read.
    """
    found, (claim_set,) = verified((str(path),), store)
    return _by_id(claim_set, found.verdicts)


def on_files(
    path: Path,
    files: Iterable[Path],
    *,
    format_: str,
    protocol: str | None,
    given: Iterable[str] = (),
) -> Decided:
    """Return the verdicts on the claims of a file, decided on files of scores.

    Args:
        path: the claim file.
        files: of scores, or folders.
        format_: of these, as of `corroborate import`.
        protocol: that the scored runs followed, as the user declares; None for nobody knows.
        given: what the files do not say, FIELD=VALUE each.

    Raises:
        CorroborateError: one of the files cannot be read.
    """
    claim_set = read_claim_file(str(path))
    scores = Scores(protocol=protocol)
    said = given_of(given).model_dump(exclude_none=True)
    for file in files:
        scores.add_files(file, format=format_, **said)
    return _by_id(claim_set, verified_on((claim_set,), scores))


def decided_on(claim: Claim | str, scores: Any, *, n: int | None = None) -> tuple[Claim, Verdict]:
    """Return a claim and the verdict on it, decided on scores of whoever asks.

    Args:
        claim: a record, or `claims.yaml::id`.
        scores: `Scores`, a table in the tidy layout, or arm -> its scores.
        n: examples behind each score per arm.

    Raises:
        CorroborateError: the claim or the scores cannot be read.
    """
    claim_set = _claim_set(claim)
    (one,) = claim_set.claims
    protocol = claim_set.paper.protocol
    if not isinstance(scores, Scores):
        table, scores = scores, Scores()
        if isinstance(table, Mapping) and all(isinstance(name, str) for name in table):
            _add_arms(scores, claim_set, table, n)
        else:
            scores.add_table(table)
    if scores.protocol is None:  # what is declared already stays so, be it of another protocol
        scores = scores.declared(protocol)
    (verdict,) = verified_on((claim_set,), scores).verdicts
    return one, verdict


def told(claim: Claim, verdict: Verdict) -> list[str]:
    """Return a verdict in words for the log of a test, with its interval drawn."""
    lines = [
        f"claim {claim.id}: {VERDICT_WORDS[verdict.verdict]}, {FINDING_WORDS[verdict.finding]}"
    ]
    lines += [f"  {claim.statement}"]
    lines += [f"  {text}" for text in interval_lines(claim, verdict)]
    lines += [f"  stale: {text}" for text in verdict.stale]
    lines += [f"  {text}" for text in verdict.reasons[:_REASONS]]
    if len(verdict.reasons) > _REASONS:
        lines.append(f"  and {len(verdict.reasons) - _REASONS} more reasons; see the report")
    if verdict.seeds_needed is not None:
        lines.append(f"  {verdict.seeds_needed} seeds per condition would probably decide it")
    return lines


def line(verdict: Verdict) -> str:
    """Return a verdict in one line; what is open says why, and an accepted change is told."""
    said = f"{verdict.verdict:<14} {verdict.claim}"
    if verdict.estimate is not None:
        signed = verdict.minimum_effect is not None
        said += f"  {estimate(verdict.estimate, verdict.interval, signed=signed)} points"
    said += "  stale" if verdict.stale else ""
    said += "  criterion changed and accepted" if verdict.acceptances else ""
    said += "  against expectation" if verdict.as_expected() is False else ""
    if verdict.verdict in ("not_evaluable", "inconclusive"):
        # without an interval the first reason says only that there is none
        told = verdict.reasons[: 1 if verdict.interval else 2]
        said += "".join(f"  {text}" for text in told if text != UNWITNESSED)
    return said


def replicated(
    files: Sequence[Path], store: Path, *, protocol: str, budget_hours: float, data: str | None
) -> None:
    """Plan and make the runs that claims lack; what is done already is not done again.

    Args:
        files: claim files.
        store: folder of the runs; made where it is not there.
        protocol: bundled protocol or YAML file.
        budget_hours: no run begins after so many.
        data: folder of the data; None for the hub, or what a simulated protocol writes itself.

    Raises:
        CorroborateError: what is asked for cannot be planned, or an execution failed.
        KeyboardInterrupt: a user stopped it.
    """
    request = Request(
        claims=tuple(map(str, files)), protocol=protocol, data=data, budget_hours=budget_hours
    )

    def say(text: str) -> None:
        print(text, file=sys.stderr)  # noqa: T201  news of hours of training

    with Store.open(store) as opened:
        plan, source = planned(request, opened.path, say=say)
        went = executed(request, plan, opened, source, say=say)
    if went.interrupted:
        raise KeyboardInterrupt
    if went.failed:
        raise ExecutionError(f"store '{store}': found runs that failed ; see `corroborate status`.")


def _by_id(claim_set: ClaimSet, verdicts: Verdicts) -> Decided:
    pairs = zip(claim_set.claims, verdicts.verdicts, strict=True)
    return {claim.id: (claim, verdict) for claim, verdict in pairs}


def _claim_set(claim: Claim | str) -> ClaimSet:
    """Return a claim set of one claim."""
    if not isinstance(claim, str):
        paper = Paper(title="A claim of a test", protocol="own")
        return ClaimSet(schema_version="corroborate/claims@1", paper=paper, claims=(claim,))
    path, _, name = claim.rpartition("::")
    if not path:
        raise UnknownClaimsError(
            f"claim {claim[:80]!r}: expected FILE::ID, such as claims.yaml::gain."
        )
    claim_set = read_claim_file(path)
    found = tuple(c for c in claim_set.claims if c.id == name)
    if not found:
        known = ", ".join(c.id for c in claim_set.claims)[:400]
        raise UnknownClaimsError(f"{path}: found no claim {name[:80]!r} ; expected one of {known}.")
    return claim_set.model_copy(update={"claims": found})


def _add_arms(
    scores: Scores, claim_set: ClaimSet, arms: Mapping[str, Sequence[float]], n: int | None
) -> None:
    """Add scores per arm of a claim about one task in one language."""
    (claim,) = claim_set.claims
    what = f"claim '{claim.id}'"
    fields = ("treatment", "control", "condition")
    wanted = {f: c for f in fields if isinstance(c := getattr(claim, f, None), Condition)}
    if isinstance(claim, ProtocolClaim) or set(arms) != set(wanted) or n is None:
        raise ImportedScoresError(
            f"{what}: found scores of {', '.join(map(str, arms))[:200]} and n={n} ; expected scores of "
            f"{', '.join(wanted) or 'no single arms'} and the number n of examples behind each. Use "
            "Scores for claims over several conditions."
        )
    rows = tasks_described((claim_set,))(claim.measure.benchmark)
    tasks = [r for r in rows if claim.measure.tasks == "all" or r.name in claim.measure.tasks]
    cells = [
        (row.name, code, row.metrics)
        for row in tasks
        for code in row.languages
        if isinstance(claim.measure.languages, str) or code in claim.measure.languages
    ]
    if len(cells) != 1 or len(cells[0][2]) != 1 or claim.measure.split == "unknown":
        raise ImportedScoresError(
            f"{what}: found {len(cells)} tasks and languages, split {claim.measure.split} ; expected "
            "one of each, one metric and a known split for scores per arm. Use Scores."
        )
    ((task, language, (metric,)),) = cells
    for name, values in arms.items():
        scores.add(
            values, condition=wanted[name], task=task, language=language,
            split=claim.measure.split, metric=metric, n=n,
        )  # fmt: skip
