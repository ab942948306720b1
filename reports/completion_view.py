"""How does a shell complete commands, options and their values?

`shtab` writes the script from the parser; here stands what each kind of value is completed with.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import entry_points
from shlex import quote
from typing import Any

import shtab

from claims.library import bundled
from replication.engines.engine import GROUP as ENGINES
from replication.imports.entering import FORMATS
from replication.protocols import bundled_protocols
from replication.tasks.benchmark import benchmarks
from reports.options import COMMANDS, parser
from reports.renderer import renderer_names
from reports.streams import say

__all__ = ["completion_command"]

Completion = Mapping[str, Any]
"""Shell -> what completes a value there."""


def completion_command(options: argparse.Namespace) -> int:
    """Run `corroborate completion` with its options and return the exit code."""
    say(completion_script(options.shell))
    return 0


def completion_script(shell: str) -> str:
    """Return the script that lets a shell complete the command line.

    Args:
        shell: `bash`, `zsh` or `tcsh`.
    """
    whole = parser(dict.fromkeys(COMMANDS, completion_command))
    named = {
        "CLAIMS": _Names("claims", bundled(), files=True),
        "P": _Names("protocols", bundled_protocols(), files=True),
        "F,...": _Names("formats", renderer_names()),
        "F": _Names("imports", sorted(FORMATS)),
        "B": _Names("benchmarks", sorted(benchmarks())),
        "E": _Names("engines", sorted({e.name for e in entry_points(group=ENGINES)})),
    }
    how: dict[str, Completion] = {metavar: names.completion() for metavar, names in named.items()}
    how |= dict.fromkeys(("DIR", "LABELS", "PREDICTIONS"), shtab.DIRECTORY)
    how |= dict.fromkeys(("FILE", "NEW.json", "PAPER", "PATH", "SYNTHESIS"), shtab.FILE)
    for action in _actions(whole):
        metavar = action.metavar[-1] if isinstance(action.metavar, tuple) else action.metavar
        if metavar in how:
            action.complete = how[metavar]  # type: ignore[attr-defined]
    functions = "\n".join(names.function(shell) for names in named.values())
    return shtab.complete(whole, shell, preamble=functions)


@dataclass(frozen=True, slots=True)
class _Names:
    """Names that can be typed, perhaps in place of a file's."""

    title: str
    names: Sequence[str]
    files: bool = False

    def completion(self) -> Completion:
        """Return what completes them; tcsh has no functions, and completes no files beside them."""
        called = f"_corroborate_{self.title}"
        return {"bash": called, "zsh": called, "tcsh": f"({' '.join(self.names)})"}

    def function(self, shell: str) -> str:
        """Return the function that the completion calls; none for tcsh."""
        words = " ".join(map(quote, self.names))
        bodies = {
            "bash": (f'compgen -W {quote(words)} -- "$1"', 'compgen -f -- "$1"'),
            "zsh": (f'compadd "$@" -- {words}', '_files "$@"'),
        }
        if shell not in bodies:
            return ""
        lines = bodies[shell] if self.files else bodies[shell][:1]
        return "\n".join([f"_corroborate_{self.title}() {{", *(f"  {x}" for x in lines), "}"])


def _actions(whole: argparse.ArgumentParser) -> Iterator[argparse.Action]:
    """Yield every option and argument of a parser, and of its commands."""
    for action in whole._actions:  # noqa: SLF001 - argparse lists them nowhere else
        yield action
        for below in action.choices.values() if isinstance(action.choices, dict) else ():
            yield from _actions(below)
