"""What holds of one score, of all that its file says in several places and the user says beside it?

Light: imports neither torch nor transformers nor datasets.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from claims.estimand import Condition
from replication.imports.cells import PARSERS, absent
from replication.imports.faults import Faults, shown
from replication.imports.score import Given, Score, points
from replication.origin import Raw, Scale
from replication.protocol import base_name

__all__ = ["LANGUAGES", "Place", "Said", "Trained", "checked", "scored", "spelled_once"]

Said = tuple[str, object]
"""Where a file says something of a field, and what; None there is silence."""

Trained = tuple[Condition, str | None]
"""What was trained, and its base as the source spells it."""

LANGUAGES = ("intermediate_language", "training_language")
"""What else than fields of `Given` a source may say of a condition."""

_NEEDED = {"task", "language", "split", "metric"}
_LONGEST = 600
"""Characters of a place, so that what was found there is told too."""


def checked(given: Given, faults: Faults) -> Given:
    """Return what the user says in its one spelling, without what is wrong, adding faults."""
    update: dict[str, object] = {}
    for field, parse in PARSERS.items():
        value = getattr(given, field, None)
        if value is not None:
            try:
                update[field] = parse("" if absent(value) else value)
            except ValueError as error:
                update[field] = None
                faults.add(f"--given {field}: found {shown(value)} ; expected {error}.")
    return given.model_copy(update=update)


@dataclass(frozen=True, slots=True)
class Place:
    """Settles one field after another for what stands in one place, and adds faults where that fails."""

    faults: Faults
    given: Given
    """As `checked` returns it."""
    where: str
    """As messages name it, such as `file 'a.json': results.xnli_de`."""
    exact: bool = False
    """Whether a name may be a word that elsewhere stands for a missing value, such as `null`."""

    def fault(self, found: str, expected: str) -> None:
        """Add a fault of this place."""
        self.faults.add(f"{self.where[:_LONGEST]}: found {found} ; expected {expected}")

    def of(self, field: str, *said: Said, needed: bool = False, fills: bool = False) -> Any:
        """Return what is said of a field; None where nobody says it, or with a fault.

        Args:
            field: of `Given`, or of `LANGUAGES`.
            said: by the file, in every place that may say it.
            needed: whether it is a fault where nobody says it.
            fills: whether the user's word is for those that say none, and contradicts no other.
        """
        first: tuple[str, Any] | None = None
        for where, value in said:
            if value is None:
                continue
            try:
                found = PARSERS[field]("" if absent(value) and not self.exact else value)
            except ValueError as error:
                self._add(f"{where}: found {shown(value)} ; expected {error}.")
                return None
            if first is None:
                first = where, found
            elif found != first[1]:
                self._differ(field, where, found, first)
        given = getattr(self.given, field, None)
        if first is None:
            if given is None and needed:
                self._add(
                    f"{field}: found nothing that says it ; expected a value. Add --given {field}=..."
                )
            return given
        if given is not None and given != first[1] and not fills:
            self._differ(field, f"--given {field}={given}", given, first)
        return first[1]

    def fields(
        self, said: Mapping[str, Iterable[Said]], fills: Collection[str] = ()
    ) -> dict[str, Any] | None:
        """Return several fields of a score; None with a fault, as where a needed one is nowhere said.

        Args:
            said: field of `Given` -> where the file may say it, and what.
            fills: fields of which the user's word is for those that say none.
        """
        before = self.faults.total
        found = {
            field: self.of(field, *places, needed=field in _NEEDED, fills=field in fills)
            for field, places in said.items()
        }
        return found if self.faults.total == before else None

    def scale(
        self, value: float, *said: Said, needed: bool = False, fills: bool = False
    ) -> Scale | None:
        """Return the scale that a value lies on; None with a fault, as where it could be either.

        Args:
            value: of a score, as the file has it.
            said: as for `of`.
            needed: whether somebody has to say it of values above 1 too, which can be no fraction.
            fills: as for `of`.
        """
        before = self.faults.total
        scale: Scale | None = self.of("scale", *said, needed=needed, fills=fills)
        if self.faults.total > before:
            return None
        if scale is None and 0 < value <= 1:
            self.fault(
                f"score {value!r}, which may be a fraction or points",
                "to be told which. Add --given scale=fraction or --given scale=points.",
            )
            return None
        scale = scale or "points"
        top = 1 if scale == "fraction" else 100
        if not 0 <= value <= top:
            self.fault(f"score {value!r}", f"0 to {top}, since the scale is {scale}.")
            return None
        return scale

    def trained(
        self,
        base: Iterable[Said] = (),
        intermediate: Iterable[Said] = (),
        mlm: Iterable[Said] = (),
    ) -> Trained | None:
        """Return what was trained and the base as it is spelled, each as for `of`; None with a fault.

        A base that nobody says is the one that the protocol names.
        """
        before = self.faults.total
        spelled = self.of("base", *base)
        checkpoint = None if spelled == "protocol" else spelled
        condition = self.condition(base_name(checkpoint or "protocol"), intermediate, mlm)
        return None if condition is None or self.faults.total > before else (condition, checkpoint)

    def condition(
        self,
        base: str | None,
        intermediate: Iterable[Said] = (),
        mlm: Iterable[Said] = (),
        languages: Mapping[str, object] | None = None,
    ) -> Condition | None:
        """Return what was trained, on a base of this name; None with a fault."""
        before = self.faults.total
        tasks = self.of("intermediate", *intermediate)
        masked = self.of("mlm", *mlm) or False
        spoken = [(k, self.of(k, (k, v))) for k, v in (languages or {}).items()]
        if self.faults.total > before or base is None:
            return None
        return _condition(base, tasks or "none", masked, tuple(spoken))

    def _differ(self, field: str, where: str, found: object, first: tuple[str, object]) -> None:
        self._add(
            f"{field}: found {shown(found)} from {where} and {shown(first[1])} from {first[0]} ; "
            "expected one of them. Leave out what is wrong."
        )

    def _add(self, text: str) -> None:
        self.faults.add(f"{self.where[:_LONGEST]}: {text}")


@lru_cache(maxsize=4096)
def _condition(base: str, tasks: str, mlm: bool, spoken: tuple[tuple[str, str], ...]) -> Condition:
    names = () if tasks == "none" else tuple(tasks.split("+"))
    return Condition.model_validate(
        {"base": base, "intermediate": names, "mlm": mlm, **{k: v for k, v in spoken if v}}
    )


def spelled_once(bases: dict[str, tuple[str, str]], trained: Trained, place: Place) -> None:
    """Add a fault where another base of the same name came before.

    Args:
        bases: name -> spelling and place of the first one; filled here.
        trained: what was trained.
        place: where that stands.
    """
    condition, checkpoint = trained
    if checkpoint is None:
        return
    spelled, first = bases.setdefault(condition.base, (checkpoint, place.where))
    if spelled != checkpoint:
        place.fault(
            f"base {shown(checkpoint)} beside {shown(spelled)} in {first[:_LONGEST]}",
            f"one spelling, since both are called {shown(condition.base)}. Give each a name of its "
            "own, or import each into its own store.",
        )


def scored(
    fields: Mapping[str, Any] | None, trained: Trained | None, raw: Raw | None, **more: object
) -> Score | None:
    """Return the score of settled parts and other fields; None where a part has a fault."""
    if fields is None or trained is None or raw is None:
        return None
    return Score.model_validate({
        **fields, "condition": trained[0], "checkpoint": trained[1], "raw": raw,
        "points": points(raw.value, raw.scale), **more,
    })  # fmt: skip
