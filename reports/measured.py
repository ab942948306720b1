"""Which scores of a store can be exported, and what is there to say of each beside the score?"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from claims.estimand import Condition
from claims.record import UNKNOWN
from replication.run import Measurement, Run
from reports.errors import ExportError

__all__ = ["Measured", "condition_texts", "labels", "measured", "of_condition", "why_shown"]

_FIELDS = ("base", "intermediate", "mlm")


@dataclass(frozen=True, slots=True)
class Measured:
    """One score of a finished evaluation run."""

    run: Run
    condition: Condition
    score: Measurement

    @property
    def seed(self) -> int | str | None:
        """The run's seed; `none` where nothing was random, None where nobody says."""
        spec = self.run.spec
        if spec.seed is not None:
            return spec.seed
        return "none" if spec.counts() else None

    @property
    def evaluator(self) -> str:
        """What computed the score."""
        return self.run.spec.evaluator or UNKNOWN

    @property
    def revision(self) -> str:
        """Revision of the data that was scored."""
        uses = [use for use in self.run.spec.data if use.split == self.score.split]
        named = [use for use in uses if use.name == self.score.task] or uses
        return named[0].revision if named else UNKNOWN


def measured(runs: Iterable[Run]) -> tuple[Measured, ...]:
    """Return every score of finished evaluation runs, in an order that does not depend on the input's.

    Raises:
        ExportError: there is none.
    """
    finished = [r for r in runs if r.status == "finished" and r.spec.phase == "evaluation"]
    found = tuple(
        Measured(run, run.spec.condition, score)
        for run in sorted(finished, key=lambda r: (r.spec.title(), r.spec_digest))
        if run.spec.condition is not None
        for score in sorted(
            run.measurements, key=lambda m: (m.task, m.language, m.metric, m.canonical())
        )
    )
    if not found:
        raise ExportError(
            "export: found no finished evaluation run ; expected some. Run or import scores first."
        )
    return found


def of_condition(runs: Iterable[Run], label: str) -> tuple[Run, ...]:
    """Return the evaluation runs of one condition.

    Args:
        runs: of a store.
        label: the condition's, such as `squad_v1` or `none`.

    Raises:
        ExportError: no run is of it.
    """
    all_runs = tuple(runs)
    found = tuple(r for r in all_runs if r.spec.condition and r.spec.condition.label() == label)
    if not found:
        raise ExportError(
            f"export: found no run of condition {label[:200]!r} ; expected one of "
            f"{labels(m.condition for m in measured(all_runs))}."
        )
    return found


def labels(conditions: Iterable[Condition]) -> str:
    """Return the labels of conditions, each once and at most 20, for a message."""
    names = sorted({condition.label() for condition in conditions})
    more = f" and {len(names) - 20} more" if len(names) > 20 else ""
    return ", ".join(repr(name) for name in names[:20]) + more


def condition_texts(one: Measured) -> dict[str, str]:
    """Return what was trained as texts: base, intermediate, mlm, and what is not as usual."""
    condition = one.condition
    tasks = condition.intermediate
    texts = {
        "base": condition.base,
        "intermediate": tasks if isinstance(tasks, str) else "+".join(tasks) or "none",
        "mlm": str(condition.mlm).lower(),
    }
    if checkpoint := one.run.spec.base.checkpoint:
        texts["checkpoint"] = checkpoint
    for field in ("intermediate_language", "training_language"):
        if (language := getattr(condition, field)) != "en":
            texts[field] = language
    return texts


def why_shown(one: Measured) -> str | None:
    """Return why a score is no evidence; None where it may be."""
    origin = one.run.spec.origin
    if origin is not None and origin.comparability != "evidence":
        return origin.because or "The score was only shown where it comes from."
    if one.score.seeds != "single":
        return f"A {one.score.seeds} over seeds is no replicate."
    return None
