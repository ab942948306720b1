"""How does a report come of claims and of scores that a program has at hand?"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from claims.claim import ClaimSet
from reports.build import build
from reports.renderer import renderer
from reports.write import write
from verifier.scores import Scores

__all__ = ["report"]


def report(
    claim_sets: Sequence[ClaimSet],
    scores: Scores,
    out: str | Path,
    *,
    formats: Sequence[str] = ("html", "md", "json"),
) -> tuple[Path, ...]:
    """Decide claims on scores at hand, write the report, and return the files written.

    Args:
        claim_sets: as `load_claims` returns them.
        scores: that they are decided on.
        out: folder of the report; made where it is not there.
        formats: as of `corroborate report --format`.

    Raises:
        CorroborateError: there are no scores, or a format or the folder cannot be written.
    """
    for name in formats:
        renderer(name)
    found = scores.verification(claim_sets)
    document = build(
        claim_sets,
        found.verdicts,
        plan=found.plan,
        runs=found.runs,
        commands=(),
        generated=datetime.now(UTC).isoformat(timespec="seconds"),
    )
    return tuple(write(document, Path(out), list(formats)))
