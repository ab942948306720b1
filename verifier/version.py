"""Which version of Corroborate is this?

Imports nothing but the standard library, since the command line asks for it before anything else.
"""

from __future__ import annotations

from functools import cache
from importlib.metadata import PackageNotFoundError, version

__all__ = ["corroborate_version"]


@cache
def corroborate_version() -> str:
    """Return the installed version of Corroborate, `unknown` where it is not installed."""
    try:
        return version("corroborate")
    except PackageNotFoundError:
        return "unknown"
