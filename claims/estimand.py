"""What a claim is about: conditions, contrasts, and the measure that turns runs into one number."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, Field, model_validator

from claims.record import Name, Record, Unknown

__all__ = ["Condition", "Contrast", "Inference", "Measure", "Names", "SeedStatistic", "Split"]

Split = Literal["train", "validation", "test"]
SeedStatistic = Literal["mean", "median", "single"]
Inference = Literal["this_benchmark", "sentences_like_these"]
"""`this_benchmark`: its examples are fixed, only seeds vary. `sentences_like_these`: another sample of
examples could have been scored, which widens every interval."""


def _sorted_unique(names: tuple[str, ...]) -> tuple[str, ...]:
    """Multi-task training is over a set of tasks, so the order in a file is not identity."""
    if len(set(names)) != len(names):
        raise ValueError("names must differ from each other")
    return tuple(sorted(names))


Names = Annotated[tuple[Name, ...], AfterValidator(_sorted_unique)]


class Condition(Record):
    """What is trained before the target task; also called an arm."""

    base: Name | Literal["protocol"] = "protocol"
    """Pretrained checkpoint; `protocol` means the one that the protocol names."""
    intermediate: Names | Literal["all"] = ()
    """Intermediate tasks; empty for none; `all` for every one that the protocol names."""
    mlm: bool = False
    """Whether multilingual masked-language modelling continues during the intermediate phase."""
    adaptation: Literal["full"] = "full"
    """Which weights are tuned."""
    intermediate_language: Name = "en"
    """Language of the intermediate data; anything but `en` means translated data."""
    training_language: Name = "en"
    """Language of the target task's training data."""

    def label(self) -> str:
        """Return a short readable name, unique among conditions."""
        tasks = self.intermediate if self.intermediate == "all" else "+".join(self.intermediate)
        parts = [tasks] if tasks else [] if self._names_system() else ["none"]
        if self.mlm:
            parts.append("mlm")
        if self.intermediate_language != "en":
            parts.append(f"intermediate-{self.intermediate_language}")
        if self.training_language != "en":
            parts.append(f"training-{self.training_language}")
        if self.base != "protocol":
            parts.append(f"base-{self.base}")
        return "/".join(parts)

    def _names_system(self) -> bool:
        """Return whether the base alone says which condition this is."""
        return self == Condition(base=self.base) and self.base != "protocol"


class Contrast(Record):
    """A treatment condition against a control condition that differs from it in one factor."""

    treatment: Condition
    control: Condition

    @model_validator(mode="after")
    def _differs_in_one_factor(self) -> Contrast:
        factors = self.factors()
        if len(factors) != 1:
            named = ", ".join(factors) or "none"
            raise ValueError(
                f"treatment and control must differ in one factor, they differ in: {named}"
            )
        return self

    def factors(self) -> tuple[str, ...]:
        """Return the names of the fields in which the two conditions differ."""
        names = sorted(Condition.model_fields)
        return tuple(n for n in names if getattr(self.treatment, n) != getattr(self.control, n))

    def label(self) -> str:
        """Return `treatment vs control` in short names."""
        return f"{self.treatment.label()} vs {self.control.label()}"


class Measure(Record):
    """How scores become one number per seed, and how seeds become one number."""

    benchmark: Name = "xtreme"
    """The benchmark whose tasks, languages and metrics are meant."""
    described: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")] | None = None
    """Digest of the benchmark's description where the claim file holds one, so that it is part of what
    decides the claim; filled in when the file is read, never written by hand."""
    tasks: Names | Literal["all"] = "all"
    """Target tasks; `all` for every task of the benchmark."""
    languages: Names | Literal["all", "zero_shot"] = "all"
    """Languages averaged over; `zero_shot` leaves out the training language."""
    split: Split | Unknown
    """Split that is scored."""
    score: Literal["task_average"] | Unknown = "task_average"
    """`task_average`: mean over tasks of the mean over languages of the task's score, in points
    from 0 to 100; a task with two metrics (F1 and exact match) scores their mean."""
    seeds: SeedStatistic | Unknown = "mean"
    """Statistic over seeds that the claim reports."""
    inference: Inference = "this_benchmark"
    """What the interval is about: these very examples, or the population that they are drawn from."""

    @model_validator(mode="after")
    def _not_empty(self) -> Measure:
        if self.tasks == () or self.languages == ():
            raise ValueError("tasks and languages must name at least one each, or say all")
        return self


Cells = Literal["contrasts", "tasks", "languages"]
"""What counts as one cell of a claim over many cells."""

Points = Annotated[float, Field(gt=0, le=100)]
"""A size in metric points, above 0 and at most 100."""
