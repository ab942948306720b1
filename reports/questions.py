"""How does a command ask a person, and what does it take for an answer?

Questions go to stderr and answers come from stdin, a line each, so that a script may answer as well.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import BinaryIO, TypeVar

from claims.prose import visible
from claims.safe_yaml import shown
from reports.streams import tell

__all__ = ["Questions"]

_Answer = TypeVar("_Answer")
_LONGEST = 2**16
"""Bytes of one line of answer."""
_TRIES = 50
"""Answers to one question, after which nobody who reads the questions can be there."""


class Questions:
    """Asks until an answer can be used."""

    def __init__(self, answers: BinaryIO, *, echo: bool) -> None:
        """Take where answers come from; `echo` writes them after the questions, as a terminal does."""
        self._answers = answers
        self._echo = echo

    def ask(
        self, question: str, read: Callable[[str], _Answer], default: str | None = None
    ) -> _Answer:
        """Return what a person answers.

        Args:
            question: without a mark at its end; it may hold text that others wrote.
            read: turns an answer into a value; raises ValueError with what was expected.
            default: taken where nothing is typed; None where something must be.

        Raises:
            EOFError: the answers ended, or none of many could be used.
        """
        offered = "" if default is None else f" [{default}]"
        for _ in range(_TRIES):
            tell(visible(f"{question}{offered}: "), end="")
            line = self._line()
            if self._echo:
                tell(visible(line))
            answer = line or (default or "")
            try:
                return read(_typed(answer))
            except ValueError as error:
                tell(f"  found {shown(line)} ; expected {visible(str(error))}.")
        raise EOFError

    def _line(self) -> str:
        line = self._answers.readline(_LONGEST)
        if not line or len(line) == _LONGEST:
            raise EOFError
        return line.decode("utf-8", "replace").strip()


def _typed(answer: str) -> str:
    if not answer:
        raise ValueError("an answer")
    if not answer.isprintable():
        raise ValueError("characters that can be seen")
    return answer
