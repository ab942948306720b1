"""Do the files of a run and the user agree on what was run, and does either say it?

Light: imports neither torch nor transformers nor datasets.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TypeVar

from claims.estimand import Condition
from replication.imports.faults import Faults, shown
from replication.imports.score import Given
from replication.protocol import base_name

__all__ = ["Settled", "number_of", "whole_of"]

_T = TypeVar("_T")


def number_of(value: object) -> float | None:
    """Return a finite number as a float; None for anything else, truth values among it."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        number = float(value)
    except OverflowError:
        return None
    return number if math.isfinite(number) else None


def whole_of(value: object, least: int) -> int | None:
    """Return a whole number from `least` to below 2**63, also where it is written `60.0`; else None."""
    if isinstance(value, float):
        value = int(value) if value.is_integer() and abs(value) < 2**53 else None
    if isinstance(value, bool) or not isinstance(value, int):
        return None
    return value if least <= value < 2**63 else None


@dataclass(frozen=True, slots=True)
class Settled:
    """Settles one field after another for one place, and adds faults where that fails."""

    faults: Faults
    given: Given
    place: str

    def fault(self, found: str, expected: str) -> None:
        """Add a fault of this place."""
        self.faults.add(f"{self.place}: found {found} ; expected {expected}")

    def agreed(self, field: str, said: _T | None, given: _T | None) -> _T | None:
        """Return what the files say, else what the user gives; a fault where the two differ.

        Args:
            field: of `Given`.
            said: by the files; None where they are silent.
            given: the user's value; None where there is none.
        """
        if said is not None and given is not None and said != given:
            self.fault(
                f"{field} {shown(said)}", f"the {field} given, {shown(given)}. Leave it out."
            )
        return given if said is None else said

    def needed(self, field: str, said: _T | None, given: _T | None) -> _T | None:
        """Return what `agreed` does, and add a fault where nobody says anything."""
        value = self.agreed(field, said, given)
        if value is None:
            self.fault(f"no {field}", f"one. Add --given {field}=...")
        return value

    def condition(
        self, checkpoint: str | None, *, pretrained: bool, starts: str | None = None
    ) -> tuple[Condition, str | None] | None:
        """Return what was trained and the base as it is spelled; None with a fault.

        Args:
            checkpoint: model that the files say training began with; None where they name none.
            pretrained: whether that is the base for sure, and not what an intermediate phase made of it.
            starts: other weights that training started from, where the files say so; the user must
                then say what they are.
        """
        given = self.given
        tasks = None if given.intermediate in {None, "none"} else given.intermediate
        if starts is not None and given.intermediate is None:
            self.fault(
                f"training from {shown(starts)}",
                "somebody who says what that is. Add --given intermediate=... (or none) and base=...",
            )
            return None
        base = given.base
        if checkpoint is not None and base not in {None, "protocol"} and (pretrained or not tasks):
            self.agreed("base", base_name(checkpoint), base_name(base or ""))
        spelled = checkpoint if base in {None, "protocol"} else base
        name = "protocol" if base == "protocol" or spelled is None else base_name(spelled)
        if name is None or (spelled and len(spelled) > _LONGEST):
            self.fault(
                f"base {shown(spelled)}",
                "a checkpoint whose last part is a name of letters, digits and `_.+-`.",
            )
            return None
        try:
            condition = Condition(
                base=name, intermediate=tuple((tasks or "").split("+")) if tasks else (),
                mlm=bool(given.mlm),
            )  # fmt: skip
        except ValueError as error:
            self.fault(
                f"intermediate {shown(tasks)}",
                f"names that differ, joined by `+` ({_first(error)}).",
            )
            return None
        return condition, spelled


_LONGEST = 300


def _first(error: ValueError) -> str:
    return str(error).splitlines()[-1].strip()[:200] if str(error) else "no reason"
