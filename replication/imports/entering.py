"""How do the scores that a reader found become runs of a store, all of them or none?

Light: imports neither torch nor transformers nor datasets.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path

from claims.estimand import Condition
from claims.record import digest_of
from replication.errors import ImportedScoresError
from replication.imports.conflicts import (
    Cell,
    refuse_conflicts,
    refuse_other_words,
    told,
)
from replication.imports.faults import Faults
from replication.imports.score import LABELS, Given, Reading, Score
from replication.items import ItemOutcomes, write_items
from replication.origin import Origin, SourceFile
from replication.protocol import Base, Evaluation, Protocol, Recipe, Target
from replication.run import DataUse, Environment, Plan, Run, RunSpec
from replication.store import Store

__all__ = [
    "FORMATS",
    "Entered",
    "enter",
    "imported_plan",
    "read_scores",
    "runs_of",
]

FORMATS = {
    "tidy": "replication.imports.tidy",
    "xtreme": "replication.imports.xtreme",
    "jiant": "replication.imports.jiant",
    "hf-trainer": "replication.imports.hf_trainer",
    "model-index": "replication.imports.model_index",
    "eee": "replication.imports.eee",
    "lm-eval": "replication.imports.lm_eval",
    "mlflow": "replication.imports.mlflow",
}
"""Format -> the module whose `read` reads it."""


@dataclass(frozen=True, slots=True)
class Entered:
    """What an import did to a store."""

    runs: tuple[Run, ...]
    """Those that are new in the store, sorted by title."""
    there: tuple[Run, ...]
    """Those that an earlier import of the same files has brought already."""
    left_out: tuple[str, ...]


def read_scores(path: Path | str, format_: str, given: Given) -> Reading:
    """Return what a reader finds.

    Raises:
        ImportedScoresError: the format is unknown, or the files have faults: all of them.
    """
    if format_ not in FORMATS:
        raise ImportedScoresError(
            f"import: found the format {format_[:80]!r} ; expected one of {', '.join(FORMATS)}."
        )
    place = path if "://" in str(path) else Path(path)
    reading: Reading = import_module(FORMATS[format_]).read(place, given)
    return reading


def runs_of(
    reading: Reading, format_: str, protocol: str | None, *, started: str | None = None
) -> tuple[Run, ...]:
    """Return one run per condition, seed and task, sorted by title and digest.

    Args:
        reading: what a reader found.
        format_: its format.
        protocol: that the runs followed, as the user declares; None for nobody knows.
        started: time of the import, UTC, ISO 8601; now where it is not given.

    Raises:
        ImportedScoresError: two rows are of one cell, or a seed is both stated and said to be none.
    """
    _refuse(reading.scores)
    groups: dict[tuple[object, ...], list[Score]] = defaultdict(list)
    for score in reading.scores:
        # without a seed and `none` give one spec, where both are only shown for one reason
        key = (score.condition, score.checkpoint, _seed(score.seed), score.task, score.split)
        groups[*key, _why_shown(score)].append(score)
    now = started or datetime.now(UTC).isoformat(timespec="seconds")
    runs = [
        _run(reading.evaluator, found, _origin(reading, found, format_, protocol), now)
        for found in groups.values()
    ]
    return tuple(sorted(runs, key=lambda r: (r.spec.title(), r.spec_digest)))


def enter(reading: Reading, store: Store, *, format_: str, protocol: str | None) -> Entered:
    """Add what a reader found to a store; its plan then names these runs, and not before.

    Args:
        reading: what a reader found.
        store: open for writing: a new one, or one of imported runs.
        format_: the reader's format.
        protocol: that the runs followed, as the user declares; None for nobody knows.

    Raises:
        ImportedScoresError: the store holds runs made here, or other scores of the same cells, such
            as the same files read with another `Given`.
    """
    plan = store.latest_plan()
    if plan is not None and any(spec.origin is None for spec in plan.specs):
        raise ImportedScoresError(
            f"store '{store.path}': found runs that were made here ; expected a store of imported "
            "ones, since the two are never pooled. Name another --store."
        )
    specs = {spec.digest(): spec for spec in plan.specs} if plan else {}
    runs = runs_of(reading, format_, protocol)
    new = [run for run in runs if run.spec_digest not in specs]
    stored = {run.spec_digest: run for run in store.runs(verify=False)}
    refuse_other_words(runs, stored)
    refuse_conflicts(new, [run for digest, run in stored.items() if digest in specs])
    for run in new:
        if store.state(run.spec_digest) == "finished":
            continue  # an import that was broken off has brought it
        folder = store.begin(run.spec)
        if items := items_of(reading, run):
            write_items(folder, items)
        store.finish(run, folder)
    everything = [*specs.values(), *(run.spec for run in new)]
    store.add_plan(imported_plan(everything))
    return Entered(
        tuple(new), tuple(run for run in runs if run.spec_digest in specs), reading.left_out
    )


def imported_plan(specs: Iterable[RunSpec]) -> Plan:
    """Return the plan of a store of imported runs; which claims need which is found when deciding."""
    ordered = sorted(specs, key=lambda s: (s.title(), s.digest()))
    origins = [spec.origin for spec in ordered if spec.origin is not None]
    declared = {origin.protocol for origin in origins}
    named = declared.pop() if len(declared) == 1 else None
    formats = "+".join(sorted({origin.format for origin in origins}))
    return Plan(
        protocol=_protocol(named or "imported", ordered),
        data=f"imported scores ({formats})",
        needs=(),
        specs=tuple(ordered),
        claims_digest=digest_of([]),
    )


def _protocol(name: str, specs: Sequence[RunSpec]) -> Protocol:
    """Return a recipe that says of nothing more than is known: what was scored, and how often."""
    splits: dict[str, set[str]] = defaultdict(set)
    seeds: dict[Condition | None, set[int | None]] = defaultdict(set)
    for spec in specs:
        splits[spec.tasks[0]] |= {use.split for use in spec.data}
        if spec.counts():
            seeds[spec.condition].add(spec.seed)
    recipe = Recipe(
        examples="unknown", epochs="unknown", batch_size="unknown", learning_rate="unknown",
        warmup_share="unknown", weight_decay="unknown", clip_norm="unknown",
        adam_epsilon="unknown", max_length="unknown", stride="unknown", long_sentences="unknown",
    )  # fmt: skip
    return Protocol.model_validate({
        "schema": "corroborate/protocol@1",
        "name": name,
        "summary": "Scores that were imported: how their models were trained is not on record here.",
        "caveats": ("These scores were made elsewhere and imported; nothing was run here.",),
        "base": Base(checkpoint=None),
        "intermediate_tasks": (),
        "intermediate": recipe,
        "targets": {task: Target(train_on=task, recipe=recipe) for task in sorted(splits)},
        "evaluation": Evaluation(
            splits={t: min(s) if len(s) == 1 else "unknown" for t, s in sorted(splits.items())},
            selection="unknown",
        ),
        "seeds": min(1000, max((len(s) for s in seeds.values()), default=1)),
        "seed_statistic": "unknown",
        "precision": "unknown",
    })  # fmt: skip


def _origin(
    reading: Reading, scores: Sequence[Score], format_: str, protocol: str | None
) -> Origin:
    why = _why_shown(scores[0])
    return Origin(
        format=format_,
        sources=_sources(reading, scores),
        protocol=protocol,
        comparability="shown" if why else "evidence",
        because=why,
    )


def _run(evaluator: str, scores: Sequence[Score], origin: Origin, started: str) -> Run:
    first = scores[0]
    use = DataUse(
        name=first.task,
        split=first.split,
        languages=tuple(sorted({score.language for score in scores})),
        revision="unknown",
    )
    spec = RunSpec.model_validate({
        "phase": "evaluation",
        "condition": first.condition,
        "seed": _seed(first.seed),
        "tasks": (first.task,),
        "parent": None,
        "base": Base(checkpoint=first.checkpoint),
        "data": (use,),
        "precision": "unknown",
        "evaluator": evaluator,
        "origin": origin,
    })  # fmt: skip
    return Run(
        spec_digest=spec.digest(),
        spec=spec,
        status="finished",
        measurements=tuple(
            sorted((score.measurement() for score in scores), key=lambda m: m.canonical())
        ),
        environment=Environment(
            python="unknown", packages={}, platform="unknown", device="unknown", threads=0,
            code=f"imported from {origin.format}",
        ),
        started=started,
        seconds=0,
    )  # fmt: skip


def _why_shown(score: Score) -> str | None:
    """Return why a score is no replicate of what claims are about; None where it may count."""
    if score.shown is not None:
        return score.shown
    if score.seeds != "single":
        return f"A {score.seeds} over seeds is no replicate; the single scores are needed."
    if score.seed is None:
        return "Nobody says which seed this is, or that nothing is random (--given seed=N or none)."
    if score.n is None:
        return "Nobody says how many examples were scored (--given n=N)."
    return None


def _seed(seed: int | str | None) -> int | None:
    return seed if isinstance(seed, int) else None


def items_of(reading: Reading, run: Run) -> ItemOutcomes | None:
    """Return the outcomes of a run's examples, where the files have them."""
    own = (run.spec.condition, run.spec.seed, run.spec.tasks[0], run.spec.data[0].split)
    for (condition, seed, task), items in reading.items.items():
        if (condition, _seed(seed), task, items.split) == own and run.spec.counts():
            return items
    return None


def _sources(reading: Reading, scores: Sequence[Score]) -> tuple[SourceFile, ...]:
    """Return the files that scores stand in, their labels, and what stands above or below them.

    Files of other runs are left out, so that importing a folder again with one more run in it changes
    none of those that were there.
    """
    own = {score.raw.path for score in scores}
    placed = {score.raw.path for score in reading.scores}
    folders = {path.rpartition("/")[0] for path in own}
    return tuple(
        source
        for source in reading.sources
        if source.path.removeprefix(LABELS) in own
        or (
            source.path not in placed
            and not source.path.startswith(LABELS)
            and any(_related(source.path.rpartition("/")[0], folder) for folder in folders)
        )
    )


def _related(one: str, other: str) -> bool:
    """Return whether one folder holds the other, or they are the same."""
    above, below = sorted((one, other), key=len)
    return above in ("", below) or below.startswith(f"{above}/")


def _refuse(scores: Sequence[Score]) -> None:
    """Refuse cells that occur twice, and seeds beside `none`."""
    faults = Faults()
    seen: dict[Cell, Score] = {}
    seeds: dict[tuple[Condition, str], dict[bool, Score]] = defaultdict(dict)
    for score in scores:
        if _why_shown(score) is not None:
            continue
        cell = (score.condition, score.seed, score.task, score.language, score.split, score.metric)
        if cell in seen:
            faults.add(
                f"{_place(score)}: found the cell of {_place(seen[cell])} again, {told(cell)} ; "
                "expected each once. Remove one of them."
            )
        seen.setdefault(cell, score)
        known = seeds[score.condition, score.task]
        first = known.setdefault(score.seed == "none", score) is score
        other = known.get(score.seed != "none")
        if first and other is not None:
            faults.add(
                f"{_place(score)}: found seed {score.seed} beside seed {other.seed} in {_place(other)} "
                "for one condition and task ; expected either seeds or `none`. State the seeds."
            )
    faults.stop("import")


def _place(score: Score) -> str:
    return f"{score.raw.path}, {score.raw.at}"
