"""What is wrong with the files of an import? All of it, told at once, of which a page is listed.

Light: imports neither torch nor transformers nor datasets.
"""

from __future__ import annotations

from replication.errors import ImportedScoresError

__all__ = ["LISTED", "Faults", "shown"]

LISTED = 50
"""Faults that are told one by one; the rest is counted."""

_LONGEST = 1000
"""Characters of one fault."""


class Faults:
    """Collects the faults of an import, however many there are."""

    def __init__(self) -> None:
        """Begin without any."""
        self.total = 0
        self._told: list[str] = []

    def add(self, text: str) -> None:
        """Count a fault, and keep it where it will be listed."""
        self.total += 1
        if len(self._told) < LISTED:
            self._told.append(text[:_LONGEST])

    def stop(self, what: str) -> None:
        """Raise what was collected, if there is any.

        Raises:
            ImportedScoresError: there are faults.
        """
        if self.total:
            more = self.total - len(self._told)
            rest = (f"and {more} more",) if more else ()
            raise ImportedScoresError(what[:200], (*self._told, *rest))


def shown(value: object) -> str:
    """Return a foreign value as a message may print it: escaped, and short."""
    text = repr(value[:200]) if isinstance(value, str) else repr(value) if _small(value) else ""
    return text[:80] if text else f"a value of type {type(value).__name__[:40]}"


def _small(value: object) -> bool:
    """Return whether a value's text is short and printing it can do no harm."""
    if isinstance(value, int):
        return abs(value) < 10**40  # more than 4300 digits cannot even be printed
    return value is None or isinstance(value, float)
