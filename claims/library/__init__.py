"""Which claim sets come with the program, and which ones does a CLAIMS argument name?"""

from __future__ import annotations

from importlib import resources
from pathlib import Path

from claims.check import parse_claims, read_claim_file
from claims.claim import ClaimSet
from claims.errors import ClaimFileError, ClaimFilesError, UnknownClaimsError

__all__ = ["bundled", "load"]

_SUFFIXES = (".yaml", ".yml")
_MAX_FILES = 1000


def bundled() -> tuple[str, ...]:
    """Return the names of the claim sets that come with the program, sorted."""
    files = resources.files("claims.library").iterdir()
    return tuple(sorted(f.name.removesuffix(".yaml") for f in files if f.name.endswith(".yaml")))


def load(argument: str) -> tuple[tuple[str, ClaimSet], ...]:
    """Return the claim sets that an argument names, each with the name of where it was read.

    Args:
        argument: a claim file; or a folder, of which every `*.yaml` and `*.yml` file is read in
            the order of their names; or the name of a bundled set. What exists as a path is read
            as one, even where a bundled set has the same name.

    Raises:
        UnknownClaimsError: the argument names nothing, or a folder without claim files.
        ClaimFileError: the one file that cannot be accepted, with all its faults.
        ClaimFilesError: the several files that cannot be accepted.
    """
    path = Path(argument)
    if argument and _exists(path):
        return _folder(path) if path.is_dir() else ((argument, read_claim_file(path)),)
    if argument in bundled():
        data = resources.files("claims.library").joinpath(f"{argument}.yaml").read_bytes()
        return ((argument, parse_claims(data, path=argument)),)
    raise UnknownClaimsError(
        f"claims {argument[:200]!r}: found no such file, folder or bundled set ; expected one of "
        f"the bundled sets {', '.join(bundled())}, or a path. Check the spelling."
    )


def _exists(path: Path) -> bool:
    try:
        return path.exists()
    except (OSError, ValueError):
        # Names that no file system takes, such as over-long ones or ones with a zero byte.
        return False


def _folder(folder: Path) -> tuple[tuple[str, ClaimSet], ...]:
    try:
        files = sorted(f for f in folder.iterdir() if f.suffix in _SUFFIXES and not f.is_dir())
    except OSError as error:
        raise UnknownClaimsError(
            f"folder '{folder}': found no way to list it ({type(error).__name__}) ; expected a "
            "readable folder. Check its permissions."
        ) from error
    if not 0 < len(files) <= _MAX_FILES:
        raise UnknownClaimsError(
            f"folder '{folder}': found {len(files)} files named *.yaml or *.yml ; expected "
            f"1 to {_MAX_FILES}. Name a folder of claim files."
        )
    read: list[tuple[str, ClaimSet]] = []
    errors: list[ClaimFileError] = []
    for file in files:
        try:
            read.append((str(file), read_claim_file(file)))
        except ClaimFileError as error:
            errors.append(error)
    if len(errors) == 1:
        raise errors[0]
    if errors:
        raise ClaimFilesError(tuple(errors))
    return tuple(read)
