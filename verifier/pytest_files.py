"""Which claim files does a session of pytest collect: those of the ini, and those it is called with?

Light: imports nothing but pytest and the standard library.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

import pytest

__all__ = ["HEAD", "argument_files", "ini_files", "is_claim_file", "unwalked"]

HEAD = re.compile(rb"""\s*\{?\s*["']?schema["']?\s*:\s*["']?corroborate/claims@""")
"""What a line near the beginning of a claim file begins with, however it is quoted."""
_HEAD_BYTES = 8192
_FILES = pytest.StashKey[list[Path]]()


def ini_files(config: pytest.Config) -> list[Path]:
    """Return the claim files that the ini names, patterns resolved, sorted by name.

    Raises:
        pytest.UsageError: a path or pattern fits no file, so that its claims would never be judged.
    """
    if _FILES not in config.stash:
        stated: Iterable[Path] = config.getini("corroborate_claims") or ()
        found: set[Path] = set()
        for path in stated:
            below = Path(path.anchor).glob(str(path.relative_to(path.anchor)))
            files = {file.resolve() for file in below if file.is_file()}
            if not files:
                raise pytest.UsageError(
                    f"corroborate_claims: found no file {path} ; expected claim files, relative to the "
                    "ini file. Mend the path."
                )
            found |= files
        config.stash[_FILES] = sorted(found)
    return config.stash[_FILES]


def unwalked(config: pytest.Config) -> list[Path]:
    """Return the claim files of the ini that lie below none of `config.args`.

    Raises:
        pytest.UsageError: one lies below, in a folder that pytest does not look into. As an argument it
            would be dropped there, for lying below another.
    """
    found: list[Path] = []
    for path in ini_files(config):
        roots = [root for arg in config.args if path.is_relative_to(root := Path(arg).absolute())]
        if not roots:
            found.append(path)
        elif all(_closed(path, root, config) for root in roots):
            raise pytest.UsageError(
                f"corroborate_claims: found {path} in a folder that pytest does not look into ; "
                "expected one that it does. Move the file, or set norecursedirs in the ini."
            )
    return found


def argument_files(config: pytest.Config) -> list[Path]:
    """Return what the command line names, without the parts after `::`."""
    return [Path(config.invocation_params.dir, a.partition("::")[0]).resolve() for a in config.args]


def is_claim_file(path: Path) -> bool:
    """Return whether a file says near its beginning that it is a claim file; others are not ours."""
    if path.suffix not in (".yaml", ".yml") or not path.is_file():
        return False
    with path.open("rb") as file:
        return any(HEAD.match(line) for line in file.read(_HEAD_BYTES).splitlines())


def _closed(path: Path, root: Path, config: pytest.Config) -> bool:
    """Return whether a file below a folder lies in one that pytest does not look into."""
    between = path.parents[: len(path.relative_to(root).parts) - 1]
    patterns = config.getini("norecursedirs")
    return any(folder.match(pattern) for folder in between for pattern in patterns)
