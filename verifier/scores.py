"""Decide claims on scores that a program has at hand: arrays, tables, records; nothing is stored.

Light: imports neither torch nor transformers nor datasets, nor pandas.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from claims.claim import ClaimSet
from claims.estimand import Condition, Split
from claims.library import load
from claims.record import canonical_json
from replication.errors import ImportedScoresError
from replication.imports.conflicts import refuse_conflicts
from replication.imports.entering import (
    imported_plan,
    items_of,
    read_scores,
    runs_of,
)
from replication.imports.score import Given, Reading, Score, points, record_of
from replication.items import ItemOutcomes
from replication.origin import Raw, Scale, SourceFile
from replication.run import Run
from verifier.imported import bundled_records, with_needs
from verifier.looks import Verification
from verifier.verdict import Verdicts
from verifier.verify import verify

__all__ = ["Scores", "load_claims", "verified_on"]

MEMORY = "memory"
"""Stands for the file of scores that came from none."""


def load_claims(claims: str | Path) -> list[ClaimSet]:
    """Return the claim sets of a file, a folder, or a bundled set of that name.

    Raises:
        ClaimsError: it names nothing, or something that cannot be accepted.
    """
    return [claim_set for _, claim_set in load(str(claims))]


class Scores:
    """Scores of several conditions and seeds, collected piece by piece.

    A score without a seed, or without a number of examples, is kept and shown but decides nothing.
    """

    def __init__(self, *, protocol: str | None = None) -> None:
        """Begin without scores.

        Args:
            protocol: that all these runs followed, as you declare; claims of files that are about
                another one, or about none, are not decided on them.
        """
        self.protocol = protocol
        self._readings: list[tuple[str, Reading]] = []
        self._rows: list[Score] = []

    def add(  # noqa: PLR0913  each is a part of what a score is of, and has its name
        self,
        scores: Sequence[float],
        *,
        condition: Condition | Mapping[str, object],
        task: str,
        language: str,
        split: Split,
        metric: str,
        n: int,
        seeds: Sequence[int] | None = None,
        scale: Scale | None = None,
    ) -> Scores:
        """Add the scores of one condition on one task in one language, one per seed; return self.

        Args:
            scores: (n_seeds,), on the scale that `scale` says; an array of any library will do.
            condition: what was trained, such as `{"base": "ours"}` or `{"intermediate": ["squad_v1"]}`.
            task: target task.
            language: its code.
            split: that was scored.
            metric: such as `accuracy`.
            n: examples scored, the same for every seed.
            seeds: (n_seeds,) names of the replicates; 0, 1, ... where not given.
            scale: `points` from 0 to 100, or `fraction` from 0 to 1; points where not given, but for
                scores of which none is above 1, which could be either.

        Raises:
            ImportedScoresError: some score is out of range, the scale is not clear, or the numbers of
                seeds and scores differ.
        """
        arm = (
            condition
            if isinstance(condition, Condition)
            else record_of(Condition, condition, "scores: condition")
        )
        what = f"scores of [{arm.label()}] on {task} {language}"
        values = [float(value) for value in scores]
        names = list(range(len(values))) if seeds is None else [int(seed) for seed in seeds]
        known = _scale_of(what, values, names, scale)
        place = {"task": task, "language": language, "split": split, "metric": metric, "n": n}
        self._rows += [
            record_of(Score, {
                **place, "condition": arm, "seed": seed, "points": points(value, known),
                "checkpoint": None if arm.base == "protocol" else arm.base,
                "raw": Raw(value=value, scale=known, path=MEMORY, at=f"seed {seed}"),
            }, "scores: score")
            for seed, value in zip(names, values, strict=True)
        ]  # fmt: skip
        return self

    def add_table(self, table: Any, **given: Any) -> Scores:
        """Add a table in the tidy layout, one row a score; return self.

        Args:
            table: a pandas or polars DataFrame, an Arrow table, or records (mappings), with the columns
                of `corroborate import --format tidy`.
            given: what the table does not say, such as `split="test"` or `scale="fraction"`.

        Raises:
            ImportedScoresError: with every fault of every row.
        """
        from replication.imports.tidy import scores_of  # noqa: PLC0415

        self._rows += scores_of(
            _records(table), record_of(Given, given, "scores: given"), name=MEMORY
        )
        return self

    def add_files(self, path: str | Path, *, format: str = "tidy", **given: Any) -> Scores:  # noqa: A002
        """Add what `corroborate import PATH --format F` would read; return self.

        Raises:
            ImportedScoresError: with every fault of every file.
        """
        said = record_of(Given, given, "scores: given")
        self._readings.append((format, read_scores(path, format, said)))
        return self

    def declared(self, protocol: str | None) -> Scores:
        """Return the same scores, declared to be of runs that followed a protocol."""
        other = Scores(protocol=protocol)
        other._readings, other._rows = self._readings, self._rows
        return other

    def runs(self) -> tuple[Run, ...]:
        """Return the scores as runs, one per condition, seed, task and split.

        Raises:
            ImportedScoresError: two scores are of one cell, or there are none at all.
        """
        return tuple(run for run, _ in self._made())

    def verification(self, claim_sets: Sequence[ClaimSet]) -> Verification:
        """Return the verdicts on claims, with the plan and the runs that they rest on.

        Raises:
            ImportedScoresError: there are no scores, or two are of one cell.
        """
        made = self._made()
        outcomes = {run.spec_digest: items for run, items in made}

        def items_of_run(run: Run) -> ItemOutcomes:
            found = outcomes[run.spec_digest]
            if found is None:
                raise ImportedScoresError(
                    "The scores came without the outcomes of single examples."
                )
            return found

        runs = tuple(run for run, _ in made)
        plan = with_needs(imported_plan(run.spec for run in runs), claim_sets)
        reported = bundled_records(plan, claim_sets)
        verdicts = verify(claim_sets, plan, runs, reported, items=items_of_run)
        return Verification(verdicts, plan, runs, "there is no store that could hold a look")

    def _made(self) -> list[tuple[Run, ItemOutcomes | None]]:
        """Return each run with the outcomes of its examples, where the files have them."""
        readings = list(self._readings)
        if self._rows:
            rows = [score.model_dump(mode="json") for score in self._rows]
            digest = hashlib.sha256(canonical_json(rows).encode()).hexdigest()
            source = SourceFile(path=MEMORY, sha256=digest)
            readings.append((MEMORY, Reading("unknown", (source,), tuple(self._rows))))
        now = datetime.now(UTC).isoformat(timespec="seconds")
        found: list[tuple[Run, ItemOutcomes | None]] = []
        for format_, reading in readings:
            more = runs_of(reading, format_, self.protocol, started=now)
            refuse_conflicts(more, [run for run, _ in found])
            found += [(run, items_of(reading, run)) for run in more]
        if not found:
            raise ImportedScoresError("scores: found none ; expected some. Add them first.")
        return found


def verified_on(claim_sets: Iterable[ClaimSet], scores: Scores) -> Verdicts:
    """Return one verdict per claim on scores at hand, in the order of the claims.

    No look is put on record, for there is no store that could hold it: whoever verifies again and again
    while scores come in finds something by chance sooner or later. For that there is a store.

    Raises:
        ImportedScoresError: there are no scores, or two are of one cell.
    """
    return scores.verification(tuple(claim_sets)).verdicts


def _scale_of(
    what: str, values: Sequence[float], names: Sequence[int], scale: Scale | None
) -> Scale:
    """Return the scale of scores, or refuse them."""
    if len(values) != len(names) or not values:
        raise ImportedScoresError(
            f"{what}: found {len(values)} scores and {len(names)} seeds ; expected as many of both, "
            "at least one."
        )
    if scale is None and any(values) and all(0 <= value <= 1 for value in values):
        raise ImportedScoresError(
            f"{what}: found no score above 1 ; expected to be told whether they are points or "
            "fractions. Say scale='points' or scale='fraction'."
        )
    known: Scale = scale or "points"
    most = 1.0 if known == "fraction" else 100.0
    faults = tuple(
        f"seed {seed}: found {value!r} ; expected {known} from 0 to {most:g}."
        for seed, value in zip(names, values, strict=True)
        if not (math.isfinite(value) and 0 <= value <= most)
    )
    if faults:
        raise ImportedScoresError(what, faults)
    return known


def _records(table: Any) -> Iterable[Mapping[str, object]]:
    """Return the rows of a table of any library, by what they have in common."""
    if hasattr(table, "to_pylist"):  # Arrow
        return list(table.to_pylist())
    if hasattr(table, "to_dicts"):  # polars
        return list(table.to_dicts())
    if hasattr(table, "to_dict"):  # pandas
        return list(table.to_dict("records"))
    return list(table)
