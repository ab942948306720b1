"""How does text reach whoever called, even if they stop listening half way?

Imports nothing but the standard library, since every command begins here.
"""

from __future__ import annotations

import json
import os
import sys
from typing import Any, TextIO

__all__ = ["say", "say_json", "tell"]


def say(text: str) -> None:
    """Write what was asked for to stdout."""
    _write(sys.stdout, text)


def say_json(document: Any) -> None:
    """Write one JSON document to stdout."""
    say(json.dumps(document, indent=2, ensure_ascii=False, allow_nan=False))


def tell(text: str, end: str = "\n") -> None:
    """Write news of the work, what is wrong, or a question to stderr."""
    _write(sys.stderr, text, end)


def _write(stream: TextIO, text: str, end: str = "\n") -> None:
    """Write a text; a reader who has gone away stops neither the work nor changes its exit code."""
    try:
        print(text, file=stream, end=end, flush=True)
    except BrokenPipeError:
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, stream.fileno())
        os.close(nowhere)
