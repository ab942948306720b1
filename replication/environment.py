"""On which machine, with which versions and which code, does a run happen?

Versions are read from installed metadata and the commit from files; git alone is asked, once in a
process, whether files were changed. Nothing here fails a run: what cannot be found out is absent.
Light: torch's settings are read where torch is loaded already, and it is never loaded here.
"""

from __future__ import annotations

import hashlib
import os
import platform
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from replication.run import Environment

__all__ = [
    "PACKAGES",
    "VARIABLES",
    "changed",
    "code_version",
    "commit_of",
    "environment",
    "installed",
]

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

VARIABLES = (
    "ATEN_CPU_CAPABILITY",
    "CUBLAS_WORKSPACE_CONFIG",
    "CUDA_LAUNCH_BLOCKING",
    "CUDA_VISIBLE_DEVICES",
    "DNNL_MAX_CPU_ISA",
    "MKL_CBWR",
    "MKL_NUM_THREADS",
    "NVIDIA_TF32_OVERRIDE",
    "OMP_NUM_THREADS",
    "ONEDNN_MAX_CPU_ISA",
    "OPENBLAS_NUM_THREADS",
    "PYTHONHASHSEED",
    "PYTORCH_ALLOC_CONF",
    "PYTORCH_CUDA_ALLOC_CONF",
    "TOKENIZERS_PARALLELISM",
    "TORCH_ALLOW_TF32_CUBLAS_OVERRIDE",
)
"""Environment variables that are kept; all others may hold secrets."""

_ROOT = Path(__file__).resolve().parents[1]
_COMMIT = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?")
_REFERENCE = re.compile(r"refs/[A-Za-z0-9_./@+-]{1,200}")
_PLAIN = re.compile(r"[A-Za-z0-9_:;,.=+/ -]{0,200}")
_DRIVER = Path("/proc/driver/nvidia/version")
_CPU = Path("/proc/cpuinfo")
_GIT_S = 2.0
"""Seconds after which git is not waited for."""


def environment(device: str, threads: int, *, precision: str | None = None) -> Environment:
    """Return the record of this process's environment.

    Args:
        device: what computes, such as `cpu` or `cuda: NVIDIA H200`.
        threads: that torch uses.
        precision: what is computed in, `fp32` or `bf16`.
    """
    torch: Any = sys.modules.get("torch")
    accelerated = torch is not None and device.startswith("cuda")
    return Environment(
        python=platform.python_version(),
        packages=dict(_packages()),
        platform=platform.platform(),
        device=device,
        threads=threads,
        code=code_version(),
        dirty=changed(_ROOT),
        cpu=_processor(),
        driver=_driver() if accelerated else None,
        cuda=_said(lambda: torch.version.cuda) if accelerated else None,
        cudnn=_said(torch.backends.cudnn.version) if accelerated else None,
        precision=precision,
        settings=_settings(torch) if torch is not None else {},
        variables=_variables(),
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


def installed() -> str:
    """Return which Corroborate runs here: its version and the digest of its sources.

    The commit is left out: a checkout and an installation of the same sources are the same.
    """
    return ", ".join(p for p in code_version().split(", ") if not p.startswith("commit "))


@cache
def changed(root: Path) -> bool | None:
    """Return whether a checkout's `claims` and `replication` differ from its commit.

    None where the folder is no checkout, or git is not installed or too slow. It is asked once in
    a process.
    """
    git = shutil.which("git")
    if git is None or commit_of(root) is None:
        return None
    # no locks: another git may be at work; no hooks or monitors: nothing but git is to run
    command = [git, "--no-optional-locks", "-c", "core.fsmonitor=false", "status", "--porcelain"]
    command += [
        "--untracked-files=normal",
        "--ignore-submodules=all",
        "--",
        "claims",
        "replication",
    ]
    alone = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    try:
        done = subprocess.run(  # noqa: S603  a fixed command on our own checkout
            command,
            cwd=root,
            env=alone,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_GIT_S,
            check=False,
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return bool(done.stdout.strip()) if done.returncode == 0 else None


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


@cache
def _packages() -> tuple[tuple[str, str], ...]:
    found = ((name, _version(name)) for name in PACKAGES)
    return tuple((name, v) for name, v in found if v is not None)


@cache
def _processor() -> str | None:
    """Return the processor's model, as the kernel names it."""
    with suppress(OSError), _CPU.open(encoding="utf-8", errors="replace") as file:
        for line in file.read(65536).splitlines():
            name, _, value = line.partition(":")
            if name.strip() in {"model name", "Model", "cpu model"} and value.strip():
                return value.strip()[:200]
    return platform.processor()[:200] or None


@cache
def _driver() -> str | None:
    """Return the version of NVIDIA's kernel module."""
    found = re.search(r"Kernel Module\D.*?\s(\d+\.[\d.]+)", _first_line(_DRIVER))
    return found[1] if found else None


def _variables() -> dict[str, str]:
    found = {name: os.environ[name] for name in VARIABLES if name in os.environ}
    return {n: v if _PLAIN.fullmatch(v) else "(not plain text)" for n, v in found.items()}


def _settings(torch: Any) -> dict[str, bool | int | str]:
    """Return torch's own settings; one that this version of torch lacks is left out."""
    asked: dict[str, Callable[[], Any]] = {
        "deterministic algorithms": torch.are_deterministic_algorithms_enabled,
        "deterministic algorithms warn only": torch.is_deterministic_algorithms_warn_only_enabled,
        "cudnn enabled": lambda: torch.backends.cudnn.enabled,
        "cudnn benchmark": lambda: torch.backends.cudnn.benchmark,
        "cudnn deterministic": lambda: torch.backends.cudnn.deterministic,
        "cudnn allows tf32": lambda: torch.backends.cudnn.allow_tf32,
        "matmul allows tf32": lambda: torch.backends.cuda.matmul.allow_tf32,
        "matmul precision": torch.get_float32_matmul_precision,
        "onednn enabled": lambda: (
            torch.backends.mkldnn.is_available() and torch.backends.mkldnn.enabled
        ),
        "threads between operations": torch.get_num_interop_threads,
    }
    found: dict[str, bool | int | str] = {}
    for name, ask in asked.items():
        with suppress(Exception):
            value = ask()
            found[name] = value if isinstance(value, bool | int) else str(value)
    return found


def _said(ask: Callable[[], Any]) -> str | None:
    with suppress(Exception):
        value = ask()
        return None if value is None else str(value)
    return None
