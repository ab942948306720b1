"""A small world of claims, plans and runs with chosen scores, and Hypothesis strategies over it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from hypothesis import strategies as st
from pydantic import TypeAdapter

from claims.claim import Claim, ClaimSet
from claims.estimand import Condition
from replication.plan import conditions_of, resolve
from replication.protocol import Protocol
from replication.run import ClaimNeeds, Environment, Measurement, Plan, Refusal, Run, RunSpec
from replication.tasks.row import Task
from verifier.verdict import Verdict, Verdicts
from verifier.verify import verify

NONE = Condition()
SQUAD = Condition(intermediate=("squad",))
MNLI = Condition(intermediate=("mnli",))
BOTH = Condition(intermediate="all")

MEASURE = {"benchmark": "toy", "split": "validation"}
EFFECT = {"points": 0.5, "because": "half a point is the least that readers care for"}

_RECIPE = {"epochs": 1, "batch_size": 8, "learning_rate": 0.001, "max_length": 64}

ENVIRONMENT = Environment(
    python="3.11", packages={}, platform="test", device="cpu", threads=1, code="test"
)


def protocol(**changes: Any) -> Protocol:
    """A protocol of the toy benchmark with two target tasks."""
    document = {
        "schema": "corroborate/protocol@1",
        "name": "toy",
        "summary": "A toy recipe.",
        "base": {"checkpoint": "toy-base"},
        "intermediate_tasks": ["mnli", "squad"],
        "intermediate": _RECIPE,
        "targets": {t: {"train_on": t, "recipe": _RECIPE} for t in ("ner", "xnli")},
        "evaluation": {"splits": {"ner": "validation", "xnli": "validation"}},
        "seeds": 3,
    }
    return Protocol.model_validate(document | changes)


def task_row(name: str, languages: Sequence[str] = ("en", "sw"), **changes: Any) -> Task:
    """A row of the toy benchmark."""
    row = {
        "name": name,
        "family": "classification",
        "benchmark": "toy",
        "folders": (),
        "splits": {"validation": "validation", "test": "test"},
        "language_in": "column",
        "languages": {code: code for code in languages},
        "columns": {},
        "metrics": ("accuracy",),
    }
    return Task.model_validate(row | changes)


def claim(kind: str, **fields: Any) -> Claim:
    """A claim of the toy paper; every field can be given, the usual ones are filled in."""
    document: dict[str, Any] = {
        "id": "c1",
        "kind": kind,
        "statement": "A statement.",
        "source": {"quote": "unknown", "found_in": "a test"},
    }
    if kind != "protocol":
        document["measure"] = MEASURE
    if kind in ("gain", "no_benefit", "not_consistently_better", "selected_gain"):
        document["minimum_effect"] = EFFECT
    if kind == "gain":
        document |= {"treatment": SQUAD, "control": NONE}
    if "tolerance" in fields and not isinstance(fields["tolerance"], dict):
        fields["tolerance"] = {"points": fields["tolerance"], "because": "a test"}
    return TypeAdapter(Claim).validate_python(document | fields)


@dataclass(frozen=True)
class World:
    """One claim with everything that `verify` needs."""

    claim: Claim
    scores: Mapping[Condition, Any]
    """Resolved condition -> array (n_seeds, n_tasks, n_languages); one seed-less row if 2-d."""
    protocol: Protocol = field(default_factory=protocol)
    reported: Mapping[str, Protocol] | None = None
    tasks: tuple[Task, ...] = (task_row("ner"), task_row("xnli"))
    n: int = 1000
    split: str = "validation"
    failed: tuple[tuple[Condition, str, int], ...] = ()
    absent: tuple[tuple[Condition, str, int], ...] = ()
    paper_protocol: str | None = "toy"
    criterion: str | None = None
    refusals: tuple[Refusal, ...] = ()
    extra_runs: tuple[Run, ...] = ()

    def runs(self) -> list[Run]:
        """Every planned run, finished or failed; absent ones left out."""
        made = []
        for (condition, task, seed), spec, measurements in self._entries():
            if (condition, task, seed) in self.absent:
                continue
            bad = (condition, task, seed) in self.failed
            made.append(run_of(spec, () if bad else measurements, failed=bad))
        return made

    def plan(self) -> Plan:
        specs = [spec for _, spec, _ in self._entries()]
        extra = {run.spec_digest: run.spec for run in self.extra_runs}
        digests = sorted({s.digest() for s in specs} | set(extra))
        named = {resolve(c, self.protocol) for c in conditions_of(self.claim)}
        bearing = {s.digest() for s in specs if s.condition in named or not named}
        needs = ClaimNeeds(
            claim=self.claim.id,
            criterion=self.criterion or self.claim.criterion(),
            runs=tuple(d for d in digests if d in bearing or d in extra),
            refusals=self.refusals,
        )
        return Plan(
            protocol=self.protocol,
            data="test",
            needs=(needs,),
            specs=(*specs, *extra.values()),
            claims_digest="0" * 64,
        )

    def claim_set(self) -> ClaimSet:
        paper = {"title": "A toy paper", "protocol": self.paper_protocol}
        document = {"schema": "corroborate/claims@1", "paper": paper, "claims": [self.claim]}
        return ClaimSet.model_validate(document)

    def verdicts(self, runs: Sequence[Run] | None = None) -> Verdicts:
        return verify(
            [self.claim_set()],
            self.plan(),
            [*self.runs(), *self.extra_runs] if runs is None else runs,
            {"toy": self.protocol} if self.reported is None else self.reported,
            tasks_of=lambda name: self.tasks if name == "toy" else (),
        )

    def verdict(self, runs: Sequence[Run] | None = None) -> Verdict:
        return self.verdicts(runs).verdicts[0]

    def but(self, **changes: Any) -> World:
        return replace(self, **changes)

    def _entries(self) -> list[tuple[tuple[Condition, str, int], RunSpec, list[Measurement]]]:
        entries = []
        for condition, given in self.scores.items():
            array = np.asarray(given, dtype=float)
            fixed = array.ndim == 2
            table = array[None] if fixed else array
            for seed, rows in enumerate(table):
                for task, row in zip(self.tasks, rows, strict=True):
                    measurements = [
                        Measurement(
                            task=task.name, language=code, split=self.split, metric=metric,
                            score=float(score), n=self.n,
                        )
                        for code, score in zip(sorted(task.languages), row, strict=False)
                        for metric in task.metrics
                    ]  # fmt: skip
                    spec = spec_of(condition, task.name, None if fixed else seed)
                    entries.append(((condition, task.name, seed), spec, measurements))
        return entries


def spec_of(condition: Condition, task: str, seed: int | None, **changes: Any) -> RunSpec:
    """An evaluation spec."""
    document = {
        "phase": "evaluation",
        "condition": condition,
        "seed": seed,
        "tasks": (task,),
        "parent": None,
        "base": {"checkpoint": "toy-base"},
        "data": (),
        "precision": "fp32",
        "evaluator": "corroborate-scoring@1",
    }
    return RunSpec.model_validate(document | changes)


def run_of(
    spec: RunSpec, measurements: Sequence[Measurement], *, failed: bool = False, **changes: Any
) -> Run:
    """A run of a spec."""
    document = {
        "spec_digest": spec.digest(),
        "spec": spec,
        "status": "failed" if failed else "finished",
        "error": "the loss is not finite" if failed else None,
        "measurements": tuple(measurements),
        "environment": ENVIRONMENT,
        "started": "2024-01-01T00:00:00Z",
        "seconds": 1.0,
    }
    return Run.model_validate(document | changes)


def arm(
    rng: np.random.Generator, mean: float, *, sd: float = 0.3, seeds: int = 3, tasks: int = 2,
    languages: int = 2,
) -> np.ndarray:  # fmt: skip
    """Scores (n_seeds, n_tasks, n_languages) around a mean, in points."""
    shift = rng.normal(0, sd, size=(seeds, 1, 1))
    return np.clip(mean + shift + rng.normal(0, sd / 4, size=(seeds, tasks, languages)), 0, 100)


def level_arm(values: Sequence[float], *, tasks: int = 2, languages: int = 2) -> np.ndarray:
    """Scores that are the same in every cell: one value per seed."""
    return np.broadcast_to(
        np.asarray(values, dtype=float)[:, None, None], (len(values), tasks, languages)
    )


points = st.floats(20, 80).map(lambda x: round(x, 2))
seed_values = st.lists(points, min_size=2, max_size=5)
