"""The command line of Corroborate: the composition root, which holds no logic of its own."""

from __future__ import annotations

import sys

__all__ = ["main"]


def main(arguments: list[str] | None = None) -> int:
    """Run one command and return its exit code."""
    _ = arguments
    return 0


if __name__ == "__main__":
    sys.exit(main())
