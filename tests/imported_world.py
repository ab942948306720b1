"""A small paper without XTREME in it: its claims, and scores of its systems made elsewhere."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from claims.check import parse_claims
from claims.claim import ClaimSet
from claims.estimand import Condition
from replication.imports.entering import enter
from replication.imports.score import Reading, Score
from replication.origin import Raw, SourceFile
from replication.protocol import Protocol
from replication.store import Store
from verifier.looks import verify_store
from verifier.verdict import Verdict

CLAIMS = """\
schema: corroborate/claims@1
paper: {title: A paper of our own, protocol: ours}
benchmarks:
  own: {reviews: {metrics: [accuracy], languages: [en], chance: 50}}
claims:
  - id: real-gain
    statement: Augmentation raises accuracy on reviews by 4 points.
    source: {quote: unknown, section: abstract, found_in: the paper}
    kind: gain
    treatment: {base: augmented}
    control: {base: plain}
    measure: {benchmark: own, split: test}
    reported: 4
    tolerance: {points: 1.5, because: chosen before any run}
    minimum_effect: {points: 0.5, because: smaller is of no use}
  - id: false-gain
    statement: Augmentation raises accuracy on reviews by 9 points.
    source: {quote: unknown, section: abstract, found_in: the paper}
    kind: gain
    treatment: {base: augmented}
    control: {base: plain}
    measure: {benchmark: own, split: test}
    reported: 9
    tolerance: {points: 1.5, because: chosen before any run}
    minimum_effect: {points: 6, because: smaller is of no use}
"""

PLAIN = (81.2, 81.9, 80.8, 81.4)
AUGMENTED = (85.2, 85.9, 85.1, 85.4)
HEADER = "base,intermediate,mlm,target,language,split,metric,seed,score,n\n"


def claim_set(text: str = CLAIMS) -> ClaimSet:
    """The claims as a record."""
    return parse_claims(text.encode(), path="claims.yaml")


def table(arms: Mapping[str, Sequence[float]] | None = None) -> str:
    """Scores as a tidy table, seeds counted from 0."""
    arms = {"plain": PLAIN, "augmented": AUGMENTED} if arms is None else arms
    return HEADER + "".join(
        f"{base},none,false,reviews,en,test,accuracy,{seed},{score},500\n"
        for base, scores in arms.items()
        for seed, score in enumerate(scores)
    )


def written(folder: Path, *, claims: str = CLAIMS, scores: str | None = None) -> tuple[Path, Path]:
    """A folder with a claim file and a table; their paths."""
    (folder / "claims.yaml").write_text(claims, encoding="utf-8")
    (folder / "scores.csv").write_text(table() if scores is None else scores, encoding="utf-8")
    return folder / "claims.yaml", folder / "scores.csv"


def score(base: str = "plain", seed: object = 0, points: float = 80.0, **other: object) -> Score:
    """One score as a reader returns it."""
    place = {"path": "scores.csv", "at": f"{base} {seed}"}
    fields = {
        "condition": Condition(base=base), "seed": seed, "task": "reviews", "language": "en",
        "split": "test", "metric": "accuracy", "points": points, "n": 500,
        "raw": Raw(value=points, scale="points", **place),
    }  # fmt: skip
    return Score.model_validate(fields | other)


def reading(*scores: Score, evaluator: str = "theirs 1.0", files: str = "a") -> Reading:
    """What a reader returns."""
    source = SourceFile(path="scores.csv", sha256=files * 64)
    return Reading(evaluator, (source,), scores)


def both(**other: object) -> tuple[Score, ...]:
    """The scores of both systems."""
    arms = {"plain": PLAIN, "augmented": AUGMENTED}
    return tuple(
        score(base, seed, points, **other)
        for base, values in arms.items()
        for seed, points in enumerate(values)
    )


def stored(path: Path, *readings: Reading, protocol: str | None = "ours") -> Path:
    """A store into which readings were entered, one after another; its path."""
    with Store.open(path) as store:
        for one in readings:
            enter(one, store, format_="tidy", protocol=protocol)
    return path


def decided(path: Path, *texts: str, **reported: Protocol) -> dict[str, Verdict]:
    """Claim's id -> the verdict on it, decided on a store; of `CLAIMS` where no text is given."""
    named = [(f"{i}.yaml", claim_set(text)) for i, text in enumerate(texts or (CLAIMS,))]
    found = verify_store(path, named, reported).verdicts.verdicts
    return {v.claim: v for v in found}
