"""How does the command line read what was typed, and what does it say where it cannot?

Imports nothing but the standard library, since every command begins here.
"""

from __future__ import annotations

import argparse
import shutil
import sys
from collections.abc import Iterable, Sequence
from difflib import get_close_matches
from importlib import import_module
from textwrap import wrap
from typing import Any

from reports.command_help import Help
from reports.deprecated import renewed
from reports.streams import say

__all__ = ["CommandParser", "description_of", "epilog_of"]

WIDTH = 80
LONGEST = 40
"""Letters beyond which a word is no misspelling of anything here."""


class CommandParser(argparse.ArgumentParser):
    """A parser whose help holds at most 80 columns, and that asks whether another word was meant."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(formatter_class=_Formatter, **settings)
        self._given: list[str] = []
        self._commands: tuple[str, ...] = ()

    def add_version(self) -> None:
        """Let `--version` print the version of Corroborate."""
        self.add_argument("--version", action=_Version, help="print the version and end")

    def add_commands(self, names: Sequence[str]) -> argparse._SubParsersAction[CommandParser]:
        """Return what takes the commands of these names."""
        self._commands = tuple(names)
        return self.add_subparsers(title="commands", metavar="COMMAND", required=True)

    def parse_known_args(
        self, args: Iterable[str] | None = None, namespace: Any = None
    ) -> tuple[Any, list[str]]:
        """Read the arguments; a word that this command does not know is an error of this command."""
        given = list(sys.argv[1:] if args is None else args)
        self._given = renewed(given) if self._commands else given
        parsed, unknown = super().parse_known_args(self._given, namespace)
        if unknown:
            self.error(f"unrecognized arguments: {' '.join(unknown)}")
        return parsed, unknown

    def error(self, message: str) -> Any:
        """Print the usage, what is wrong and what may have been meant; end with exit code 2."""
        meant = [f"`{old}`: did you mean `{new}`?" for old, new in self._meant()]
        super().error("\n".join([message, *meant]))

    def _meant(self) -> list[tuple[str, str]]:
        """Return each word that is close to one that is known here, with that one."""
        end = self._given.index("--") if "--" in self._given else len(self._given)
        options = [word.partition("=")[0] for word in self._given[:end] if word.startswith("-")]
        known = tuple(self._option_string_actions)
        words = [(word, known) for word in options if not any(k.startswith(word) for k in known)]
        first = self._given[0] if self._given else "-"
        if self._commands and not first.startswith("-"):
            words = [] if first in self._commands else [(first, self._commands)]
        near = [
            (word, get_close_matches(word, choice, 1))
            for word, choice in dict.fromkeys(words)
            if 2 < len(word) <= LONGEST
        ]
        return [(word, found[0]) for word, found in near if found][:3]


class _Formatter(argparse.HelpFormatter):
    """Keeps within 80 columns on wider terminals, and within narrower ones."""

    def __init__(self, prog: str) -> None:
        columns = min(WIDTH, shutil.get_terminal_size((WIDTH, 24)).columns)
        super().__init__(prog, max_help_position=26, width=columns - 2)

    def _fill_text(self, text: str, width: int, indent: str) -> str:
        """Wrap paragraphs; lines that are set in stand as they are, to be copied."""
        kept = [[x] if x.startswith(" ") else _lines(x, width) or [""] for x in text.splitlines()]
        return "\n".join(indent + line for lines in kept for line in lines)

    def _split_lines(self, text: str, width: int) -> list[str]:
        return _lines(text, width)


def _lines(text: str, width: int) -> list[str]:
    # a name such as `ro-crate` that is broken can be neither searched for nor copied
    return wrap(" ".join(text.split()), width, break_on_hyphens=False)


class _Version(argparse.Action):
    """Prints the version, which is looked up only then."""

    def __init__(self, option_strings: Sequence[str], dest: str, **settings: Any) -> None:
        super().__init__(option_strings, dest, nargs=0, default=argparse.SUPPRESS, **settings)

    def __call__(self, parser: argparse.ArgumentParser, *_: Any) -> None:
        say(f"corroborate {import_module('verifier.version').corroborate_version()}")
        parser.exit()


def description_of(summary: str, words: Help) -> str:
    """Return what stands above the options: one line, and a paragraph where there is one."""
    return "\n\n".join(part for part in (summary, words.about) if part)


def epilog_of(words: Help) -> str:
    """Return what stands below the options: examples, exit codes and where to read on."""
    examples = [f"{_typed(line)}\n      {what}" for line, what in words.examples.items()]
    codes = [f"  {code}  {meaning}" for code, meaning in sorted(words.codes.items())]
    parts = {"examples": examples, "exit codes": codes, "read on": [f"  {words.page}"]}
    return "\n\n".join("\n".join([f"{title}:", *lines]) for title, lines in parts.items() if lines)


def _typed(line: str) -> str:
    """Return a command as it can be copied to a shell, continued where it is long."""
    lines = wrap(
        line, WIDTH - 2, initial_indent="  ", subsequent_indent="    ",
        break_long_words=False, break_on_hyphens=False,
    )  # fmt: skip
    return " \\\n".join(lines)
