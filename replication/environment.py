"""On which machine, with which versions and which code, does a run happen?

Versions are read from installed metadata, the commit from files: nothing heavy is imported, and no
other program is started. Light: no torch.
"""

from __future__ import annotations

import hashlib
import platform
import re
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from replication.run import Environment

__all__ = ["PACKAGES", "code_version", "commit_of", "environment"]

PACKAGES = (
    "datasets",
    "numpy",
    "pyarrow",
    "pydantic",
    "safetensors",
    "scipy",
    "tokenizers",
    "torch",
    "transformers",
)
"""Distributions that can move a score."""

_ROOT = Path(__file__).resolve().parents[1]
_COMMIT = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?")
_REFERENCE = re.compile(r"refs/[A-Za-z0-9_./@+-]{1,200}")


def environment(device: str, threads: int) -> Environment:
    """Return the record of this process's environment.

    Args:
        device: what computes, such as `cpu` or `cuda: NVIDIA H200`.
        threads: that torch uses.
    """
    found = {name: _version(name) for name in PACKAGES}
    return Environment(
        python=platform.python_version(),
        packages={name: v for name, v in found.items() if v is not None},
        platform=platform.platform(),
        device=device,
        threads=threads,
        code=code_version(),
    )


@cache
def code_version() -> str:
    """Return Corroborate's version, its git commit if it runs from a checkout, and a digest.

    The digest is over the Python and YAML files of `claims` and `replication`, for a commit alone
    does not say whether files were changed since. It is computed once in a process.
    """
    parts = [f"corroborate {_version('corroborate') or 'unknown'}"]
    commit = commit_of(_ROOT)
    if commit is not None:
        parts.append(f"commit {commit}")
    digest = hashlib.sha256()
    for package in ("claims", "replication"):
        for path in sorted((_ROOT / package).rglob("*")):
            if path.suffix in {".py", ".yaml"}:
                content = hashlib.sha256(path.read_bytes()).hexdigest()
                digest.update(f"{path.relative_to(_ROOT).as_posix()} {content}\n".encode())
    parts.append(f"sources sha256:{digest.hexdigest()[:16]}")
    return ", ".join(parts)


def commit_of(root: Path) -> str | None:
    """Return the commit that is checked out in a folder, None where the folder is no checkout.

    A branch's commit lies in a file of its own or in `packed-refs`; a linked worktree has a file
    `.git` that names its folder, and shares the branches of the main one.
    """
    folder = root / ".git"
    if folder.is_file():
        named = _first_line(folder)
        if not named.startswith("gitdir: "):
            return None
        folder = root / named.removeprefix("gitdir: ")
    head = _first_line(folder / "HEAD")
    if _COMMIT.fullmatch(head):
        return head
    reference = head.removeprefix("ref: ")
    if not _REFERENCE.fullmatch(reference) or ".." in reference:
        return None
    shared = folder / (_first_line(folder / "commondir") or ".")
    loose = (_first_line(place / reference) for place in (folder, shared))
    return next((c for c in loose if _COMMIT.fullmatch(c)), None) or _packed(shared, reference)


def _packed(folder: Path, reference: str) -> str | None:
    try:
        packed = (folder / "packed-refs").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
    for line in packed.splitlines():
        commit, _, name = line.partition(" ")
        if name == reference and _COMMIT.fullmatch(commit):
            return commit
    return None


def _first_line(path: Path) -> str:
    try:
        with path.open(encoding="utf-8", errors="replace") as file:
            return file.readline(4096).strip()
    except OSError:
        return ""


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None
