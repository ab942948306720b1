"""What does an audit with given scores look like?

Records as real audits have them: claim set, protocol, plan, runs. They go through
`verifier.verify.verify`, the entry of real runs.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

from pydantic import TypeAdapter

from benchmarks.truths import Floats
from claims.claim import Claim, ClaimSet, Paper
from claims.estimand import Condition
from replication.looks import Look
from replication.plan import conditions_of
from replication.protocol import Protocol
from replication.run import EVALUATOR, ClaimNeeds, Environment, Measurement, Plan, Run, RunSpec
from replication.tasks.row import Task
from verifier.redrawn import ItemsOf
from verifier.verdict import Verdicts
from verifier.verify import verify

__all__ = ["EXAMPLES", "SPLITS", "Design", "arm"]

SPLITS: tuple[Literal["validation", "test"], ...] = ("validation", "test")
"""A claim's scores are on the first; a choice of the best candidate may be made on the second."""

EXAMPLES = 1000
"""Examples scored per task and language; they are fixed, so their number decides next to nothing."""

_BENCHMARK = "simulated"
_MODEL = "simulated-base"
_RECIPE = {"epochs": 1, "batch_size": 8, "learning_rate": 0.001, "max_length": 64}
_MACHINE = Environment(
    python="-", packages={}, platform="-", device="cpu", threads=1, code="simulated"
)


def arm(index: int) -> Condition:
    """Return the condition of an arm; the first is the control, without intermediate training."""
    return Condition(intermediate=(f"i{index}",)) if index else Condition()


class Design:
    """The records of a simulated audit but for its scores; made once for many audits."""

    def __init__(
        self,
        claim: Mapping[str, Any],
        *,
        arms: int,
        shape: tuple[int, int],
        seeds: int,
        looks: tuple[int, ...] = (),
        parallel: bool = False,
    ) -> None:
        """Make claim set, protocol, plan and templates of runs.

        Args:
            claim: fields of the claim but for those that every one here has.
            arms: number of conditions that are run.
            shape: numbers of tasks and of languages.
            seeds: replicates per condition.
            looks: numbers of seeds at which verdicts are planned; none for `seeds` alone.
            parallel: whether examples are translations of each other.
        """
        tasks = [f"t{i:02}" for i in range(shape[0])]
        self.languages = tuple(f"l{i:02}" for i in range(shape[1]))
        self.tasks = tuple(_task(name, self.languages, parallel=parallel) for name in tasks)
        self.seeds = seeds
        self.claim: Claim = TypeAdapter(Claim).validate_python(_filled(claim))
        self.protocol = _protocol(tasks, arms, seeds).model_copy(update={"looks": looks})
        paper = Paper(title="A simulated paper", protocol="simulated")
        self.claims = ClaimSet.model_validate(
            {"schema": "corroborate/claims@1", "paper": paper, "claims": (self.claim,)}
        )
        self.runs = tuple(
            _run(_spec(arm(a), task, seed))
            for a in range(arms)
            for seed in range(seeds)
            for task in tasks
        )
        named = set(conditions_of(self.claim))
        bearing = sorted(run.spec_digest for run in self.runs if run.spec.condition in named)
        needs = ClaimNeeds(
            claim=self.claim.id, criterion=self.claim.criterion(), runs=tuple(bearing)
        )
        self.plan = Plan(
            protocol=self.protocol,
            data="simulated",
            needs=(needs,),
            specs=tuple(run.spec for run in self.runs),
            claims_digest=self.claims.digest(),
        )

    def verdict(
        self, runs: Sequence[Run], *, looks: Sequence[Look] = (), items: ItemsOf | None = None
    ) -> Verdicts:
        """Return the verdict on the claim, alone in its document.

        Args:
            runs: with their scores.
            looks: taken before.
            items: reads the outcomes of a run's examples.
        """
        return verify(
            [self.claims],
            self.plan,
            runs,
            {"simulated": self.protocol},
            tasks_of=lambda name: self.tasks if name == _BENCHMARK else (),
            looks=looks,
            items=items,
        )

    def scored(self, *scores: Floats, examples: int = EXAMPLES) -> list[Run]:
        """Return finished runs with their scores.

        Args:
            scores: of each split (n_arms, n_seeds, n_tasks, n_languages), in points.
            examples: scored per task and language.
        """
        for one in scores:
            if one.min() < 0 or one.max() > 100:
                # construction below does not validate, and clipping would move the truth
                raise ValueError(
                    f"simulated scores reach from {one.min():.1f} to {one.max():.1f} ; expected 0 "
                    "to 100. Choose means farther from the ends."
                )
        tables = [one.reshape(len(self.runs), len(self.languages)).tolist() for one in scores]
        return [
            run.model_copy(update={"measurements": self._measured(run, rows, examples)})
            for run, rows in zip(self.runs, zip(*tables, strict=True), strict=True)
        ]

    def _measured(
        self, run: Run, rows: Sequence[Sequence[float]], examples: int
    ) -> tuple[Measurement, ...]:
        return tuple(
            Measurement.model_construct(
                task=run.spec.tasks[0], language=code, split=split, metric="accuracy",
                score=score, n=examples, seeds="single",
            )
            for split, row in zip(SPLITS, rows, strict=False)
            for code, score in zip(self.languages, row, strict=True)
        )  # fmt: skip


def _filled(claim: Mapping[str, Any]) -> dict[str, Any]:
    source = {"quote": "unknown", "found_in": "a simulation"}
    measure = {"benchmark": _BENCHMARK, "split": "validation"} | claim.get("measure", {})
    usual = {"id": "simulated", "statement": "A simulated claim.", "source": source}
    filled = usual | dict(claim) | {"measure": measure}
    for name in ("tolerance", "minimum_effect"):
        if name in filled:
            filled[name] = {"points": filled[name], "because": "a simulation"}
    return filled


def _task(name: str, languages: Sequence[str], *, parallel: bool) -> Task:
    return Task(
        name=name,
        family="classification",
        benchmark=_BENCHMARK,
        folders=(),
        splits={split: split for split in SPLITS},
        language_in="column",
        languages={code: code for code in languages},
        parallel=parallel,
        columns={},
        metrics=("accuracy",),
    )


def _protocol(tasks: Sequence[str], arms: int, seeds: int) -> Protocol:
    document = {
        "schema": "corroborate/protocol@1",
        "name": "simulated",
        "summary": "A simulated recipe.",
        "base": {"checkpoint": _MODEL},
        "intermediate_tasks": [f"i{a}" for a in range(1, arms)] or ["i1"],
        "intermediate": _RECIPE,
        "targets": {task: {"train_on": task, "recipe": _RECIPE} for task in tasks},
        "evaluation": {"splits": dict.fromkeys(tasks, "validation")},
        "seeds": seeds,
    }
    return Protocol.model_validate(document)


def _spec(condition: Condition, task: str, seed: int) -> RunSpec:
    document = {
        "phase": "evaluation",
        "condition": condition,
        "seed": seed,
        "tasks": (task,),
        "parent": None,
        "base": {"checkpoint": _MODEL},
        "data": (),
        "precision": "fp32",
        "evaluator": EVALUATOR,
    }
    return RunSpec.model_validate(document)


def _run(spec: RunSpec) -> Run:
    return Run(
        spec_digest=spec.digest(),
        spec=spec,
        status="finished",
        environment=_MACHINE,
        started="2026-01-01T00:00:00Z",
        seconds=1.0,
    )
