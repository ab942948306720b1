"""What does a foreign record say of a score, and does it agree with what the user says?

Light: imports neither torch nor transformers nor datasets.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from claims.estimand import Condition, Split
from claims.record import NAME
from replication.imports.faults import Faults, shown
from replication.imports.score import Given, Seed
from replication.origin import Scale
from replication.protocol import base_name

__all__ = ["CONDITION", "Place", "name_of", "number_of", "split_of"]

CONDITION = ("base", "intermediate", "mlm", "intermediate_language", "training_language")
"""Details by which Corroborate's own exports name a condition, each a text; `checkpoint` beside them is
the base as its source spells it."""

_LONGEST = 300
_SPLITS: dict[str, Split] = {
    "train": "train", "training": "train", "validation": "validation", "valid": "validation",
    "val": "validation", "dev": "validation", "development": "validation", "test": "test",
}  # fmt: skip
_NUMBER = re.compile(r"[+-]?([0-9]{1,30}(\.[0-9]{0,30})?|\.[0-9]{1,30})([eE][+-]?[0-9]{1,3})?")
_TRUTHS = {"true": True, "false": False}


def name_of(text: object) -> str | None:
    """Return a source's spelling as a name, other characters as `_`; None where nothing is left.

    A text with characters that cannot be printed is no name.
    """
    if not isinstance(text, str) or not text.isprintable() or len(text) > _LONGEST:
        return None
    if re.fullmatch(NAME, text):
        return text
    tidied = re.sub(r"[^A-Za-z0-9_.+-]+", "_", text).strip("_")
    return tidied if re.fullmatch(NAME, tidied) else None


def split_of(text: object) -> Split | None:
    """Return which split a usual word for one means; None for other words."""
    return _SPLITS.get(text.strip().lower()) if isinstance(text, str) else None


def number_of(value: object) -> float | None:
    """Return a finite number, also where it is written as text; None for anything else."""
    if isinstance(value, str):
        value = value.strip()
        value = float(value) if _NUMBER.fullmatch(value) else None
    if isinstance(value, bool) or not isinstance(value, int | float) or abs(value) > 1e300:
        return None
    return float(value) if math.isfinite(value) else None


@dataclass(frozen=True, slots=True)
class Place:
    """Where a score stands; settles each field between the source and the user, or adds a fault."""

    faults: Faults
    given: Given
    path: str
    at: str

    def fault(self, found: str, expected: str) -> None:
        """Add a fault of this place."""
        self.faults.add(f"{self.path}, {self.at}: found {found} ; expected {expected}")

    def settle(self, field: str, stated: Any, *, needed: bool = True) -> Any:
        """Return what the source states, else what the user gives; None where neither does.

        Args:
            field: of `Given`.
            stated: by the source; None where it says nothing.
            needed: whether it is a fault that nobody says it.
        """
        given = getattr(self.given, field)
        if stated is None:
            if given is None and needed:
                self.fault(f"no {field}", f"one. Add --given {field}=...")
            return given
        if given is not None and given != stated:
            self.fault(
                f"{field} {shown(stated)}", f"--given {field}={given}, or none given. Leave it out."
            )
        return stated

    def name(self, field: str, stated: object) -> str | None:
        """Return a field of `Given` as a name, adding a fault where nobody says one that can be used."""
        found = name_of(stated)
        if stated is not None and found is None:
            self.fault(f"{field} {shown(stated)}", "a name of printable characters, at most 80.")
            return None
        settled: str | None = self.settle(field, found)
        return settled

    def split(self, stated: object) -> Split | None:
        """Return the split, adding a fault where nobody says one.

        A word that names no split, such as that of a subset, leaves it to the user.
        """
        found = split_of(stated)
        if stated is not None and found is None and self.given.split is None:
            self.fault(f"split {shown(stated)}", "train, validation or test. Add --given split=...")
            return None
        settled: Split | None = self.settle("split", found)
        return settled

    def whole(self, field: str, stated: object, least: int) -> int | None:
        """Return a whole number from `least` up that the source states; None where it says nothing."""
        if stated is None:
            return None
        number = number_of(stated)
        if number is None or number != int(number) or not least <= number < 2**53:
            # beyond 2**53 a float is no longer the number that was written
            exact = (
                int(stated)
                if isinstance(stated, str) and re.fullmatch(r"\d{1,19}", stated)
                else stated
            )
            if isinstance(exact, bool) or not isinstance(exact, int) or not least <= exact < 2**63:
                self.fault(f"{field} {shown(stated)}", f"a whole number from {least} up.")
                return None
            return exact
        return int(number)

    def seed(self, stated: object) -> Seed | None:
        """Return the seed; None where nobody says it."""
        found: Seed | None = "none" if stated == "none" else self.whole("seed", stated, 0)
        settled: Seed | None = self.settle("seed", found, needed=False)
        return settled

    def count(self, stated: object) -> int | None:
        """Return the number of examples scored; None where nobody says it."""
        settled: int | None = self.settle("n", self.whole("n", stated, 1), needed=False)
        return settled

    def on_scale(self, value: float, scale: Scale) -> bool:
        """Return whether a value lies on a scale, adding a fault where it does not."""
        top = 1 if scale == "fraction" else 100
        if not 0 <= value <= top:
            self.fault(f"score {value!r}", f"0 to {top}, since the scale is {scale}.")
        return 0 <= value <= top

    def condition(
        self, details: Mapping[str, object], system: str | None, trained_from: str | None = None
    ) -> tuple[Condition, str | None] | None:
        """Return what was trained, and the base as it is spelled; None with a fault.

        Where nobody says base, intermediate tasks or MLM, the named system itself is what is compared.

        Args:
            details: what the source says under the names in `CONDITION`, and `checkpoint`.
            system: the model's name; None where the source has none, and the user must say the base.
            trained_from: the checkpoint that the source says the model was fine-tuned from.
        """
        stated = {k: v for k in (*CONDITION, "checkpoint") if (v := details.get(k)) is not None}
        if odd := [k for k, v in stated.items() if not isinstance(v, str | bool)]:
            self.fault(f"{odd[0]} {shown(stated[odd[0]])}", "a text.")
            return None
        texts = {k: v if isinstance(v, str) else str(v).lower() for k, v in stated.items()}
        given = self.given
        told = bool(texts) or given.intermediate is not None or given.mlm is not None
        if texts.get("mlm", "true") not in _TRUTHS:
            self.fault(f"mlm {shown(texts['mlm'])}", "true or false.")
            return None
        before = self.faults.total
        base, checkpoint = self._base(texts, (trained_from if told else None) or system)
        tasks = self.settle("intermediate", texts.get("intermediate"), needed=False) or "none"
        mlm = self.settle("mlm", _TRUTHS.get(texts.get("mlm", "")), needed=False)
        languages = {k: texts[k] for k in CONDITION[3:] if k in texts}
        if self.faults.total > before:
            return None
        try:
            condition = Condition.model_validate({
                "base": base,
                "intermediate": () if tasks == "none" else tuple(tasks.split("+")),
                "mlm": bool(mlm),
                **languages,
            })  # fmt: skip
        except ValidationError as error:
            first = error.errors()[0]
            self.fault(f"a condition of base {shown(base)}, intermediate {shown(tasks)}",
                       f"names ({first['msg'][:200]}).")  # fmt: skip
            return None
        return condition, checkpoint

    def _base(self, texts: Mapping[str, str], system: str | None) -> tuple[str | None, str | None]:
        """Return the base's name, and its spelling where somebody says it."""
        given = self.given.base
        stated, spelled = texts.get("base"), texts.get("checkpoint")
        if spelled is not None and not 1 <= len(spelled) <= _LONGEST:
            self.fault(f"checkpoint {shown(spelled)}", f"a name of 1 to {_LONGEST} characters.")
        if given is not None:
            name = "protocol" if given == "protocol" else base_name(given)
            if stated is not None and stated != name:
                self.fault(f"base {shown(stated)}", f"--given base={shown(given)}, or none given.")
            return name, spelled or (None if given == "protocol" else given)
        if stated is not None:
            return stated, spelled
        if system is None:
            self.settle("base", None)
            return None, None
        name = base_name(system) or name_of(system)
        # `protocol` would pass for the base that a protocol names
        return None if name == "protocol" else name, system[:_LONGEST]
