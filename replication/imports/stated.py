"""What do several places say of one score, such as a parameter, a tag and the user? They must agree.

Light: imports neither torch nor transformers nor datasets.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, get_args

from claims.estimand import Condition, Split
from replication.imports.cells import count_in, name_in, seed_in, tasks_in, truth_in
from replication.imports.faults import Faults, shown
from replication.imports.score import Given
from replication.origin import Scale
from replication.protocol import base_name

__all__ = ["Stated"]


def _base_in(value: object) -> str:
    if isinstance(value, str) and len(value) <= 300 and base_name(value) is not None:
        return value
    raise ValueError(
        "a checkpoint or system whose last part is a name of letters, digits and `_.+-`"
    )


def _one_of(words: tuple[str, ...]) -> Callable[[object], str]:
    def word_in(value: object) -> str:
        if isinstance(value, str) and value in words:
            return value
        raise ValueError(f"one of {', '.join(words)}")

    return word_in


_PARSERS: dict[str, Callable[[object], Any]] = {
    "base": _base_in,
    "intermediate": tasks_in,
    "mlm": truth_in,
    "task": name_in,
    "language": name_in,
    "split": _one_of(get_args(Split)),
    "metric": name_in,
    "seed": seed_in,
    "n": count_in,
    "scale": _one_of(get_args(Scale)),
}
"""Field of `Given` -> what reads it; raises ValueError with what it expected."""


class Stated:
    """What places in a file, and the user, say of one score; where two of them differ is a fault."""

    def __init__(self, given: Given, faults: Faults, place: str) -> None:
        """Begin with what the user says.

        Args:
            given: by the user.
            faults: what is wrong is added here.
            place: of the score, as messages name it, such as `file 'a.json': results.xnli_de`.
        """
        self._given = given
        self._faults = faults
        self._place = place

    def of(self, field: str, *said: tuple[str, object], needed: bool = False) -> Any:
        """Return what is said of one field of `Given`; None where nobody says it, or with a fault.

        Args:
            field: of `Given`.
            said: (where, value) of every place in the file that may say it; None for silence.
            needed: whether it is a fault where nobody says it.
        """
        first: tuple[str, Any] | None = None
        for where, value in (*said, (f"--given {field}", getattr(self._given, field))):
            if value is None:
                continue
            try:
                found = _PARSERS[field](value)
            except ValueError as error:
                self._faults.add(
                    f"{self._place}: {where}: found {shown(value)} ; expected {error}."
                )
                return None
            if first is None:
                first = where, found
            elif found != first[1]:
                self._faults.add(
                    f"{self._place}: {field}: found {shown(found)} from {where} and "
                    f"{shown(first[1])} from {first[0]} ; expected one of them. Leave out what is wrong."
                )
        if first is None and needed:
            self._faults.add(
                f"{self._place}: {field}: found nothing that says it ; expected a value. "
                f"Add --given {field}=..."
            )
        return first[1] if first else None

    def condition(
        self,
        base: tuple[tuple[str, object], ...] = (),
        intermediate: tuple[tuple[str, object], ...] = (),
        mlm: tuple[tuple[str, object], ...] = (),
    ) -> tuple[Condition, str | None]:
        """Return what was trained, and the base as the file spells it, each told as for `of`."""
        checkpoint = self.of("base", *base)
        tasks = self.of("intermediate", *intermediate)
        name = base_name(checkpoint) if checkpoint else None
        condition = Condition(
            base=name or "protocol",
            intermediate=() if tasks in {None, "none"} else tuple(tasks.split("+")),
            mlm=self.of("mlm", *mlm) or False,
        )
        return condition, None if checkpoint == "protocol" else checkpoint
