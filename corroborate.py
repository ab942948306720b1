"""The composition root of Corroborate, which holds no logic of its own: command line and Python API.

A program that imports this module has `load_claims`, `Scores`, `verify`, `report` and `assert_claim`,
each loaded when it is first asked for; docs/python.md shows them.

Exit codes: 0 every verdict as expected; 1 at least one against expectation; 2 usage or invalid input;
3 none against expectation but something inconclusive or not evaluable; 4 execution failed.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable
from importlib import import_module
from typing import TYPE_CHECKING

from reports.exit_codes import FAILED, INVALID
from reports.options import parser
from reports.streams import tell

if TYPE_CHECKING:
    from reports.on_scores import report
    from verifier.pytest_plugin import assert_claim
    from verifier.scores import Scores, load_claims
    from verifier.scores import verified_on as verify

__all__ = ["Scores", "assert_claim", "load_claims", "main", "report", "verify"]


def main(arguments: list[str] | None = None) -> int:
    """Run one command and return its exit code."""
    options = parser(_COMMANDS).parse_args(arguments)
    command: Callable[[argparse.Namespace], int] = options.command
    try:
        from claims.errors import CorroborateError, ExecutionError
    except ImportError as error:  # pragma: no cover - a broken installation
        tell(f"corroborate: the installation is broken: {error}")
        return FAILED
    try:
        return command(options)
    except CorroborateError as error:
        tell(f"corroborate: {error}")
        return FAILED if isinstance(error, ExecutionError) else INVALID
    except KeyboardInterrupt:
        tell("\ncorroborate: interrupted; the same command goes on from here")
        return FAILED
    except Exception as error:
        # Python's own exit code for this is 1, which here says `against expectation`.
        if "CORROBORATE_TRACEBACK" in os.environ:
            raise
        tell(
            f"corroborate: {type(error).__name__}: {error}\nThis is a fault of the program. Set "
            "CORROBORATE_TRACEBACK=1 to see where, and report it."
        )
        return FAILED


_API = {
    "Scores": "verifier.scores:Scores",
    "assert_claim": "verifier.pytest_plugin:assert_claim",
    "load_claims": "verifier.scores:load_claims",
    "report": "reports.on_scores:report",
    "verify": "verifier.scores:verified_on",
}
"""Public name -> where it is defined."""


def __getattr__(name: str) -> object:
    if name not in _API:
        raise AttributeError(f"module 'corroborate' has no attribute {name!r}")
    module, _, attribute = _API[name].partition(":")
    return getattr(import_module(module), attribute)


def __dir__() -> list[str]:
    return sorted([*globals(), *_API])


def _of(module: str, name: str) -> Callable[[argparse.Namespace], int]:
    """Return a command that is a function elsewhere, imported only when it is called."""

    def command(options: argparse.Namespace) -> int:
        code: int = getattr(import_module(module), name)(options)
        return code

    return command


_COMMANDS: dict[str, Callable[[argparse.Namespace], int]] = {
    "check": _of("reports.check_view", "check_command"),
    "plan": _of("reports.plan_command", "plan_command"),
    "run": _of("reports.run_command", "run_command"),
    "status": _of("reports.status_command", "status_command"),
    "import": _of("reports.import_view", "import_command"),
    "export": _of("reports.export_view", "export_command"),
    "score": _of("reports.scores", "score_command"),
    "accept": _of("reports.accept_view", "accept_command"),
    "verify": _of("reports.verify_command", "verify_command"),
    "report": _of("reports.verify_command", "report_command"),
    "audit": _of("reports.verify_command", "audit_command"),
    "show": _of("reports.show_view", "show_command"),
    "gc": _of("reports.freed", "gc"),
    "fetch": _of("reports.fetch_view", "fetch_command"),
    "review": _of("reports.review_view", "review_command"),
    "search": _of("reports.search_view", "search_command"),
    "new": _of("reports.new_view", "new_command"),
    "extract": _of("reports.drafts_view", "extract_command"),
    "ground": _of("reports.ground_view", "ground_command"),
    "completion": _of("reports.completion_view", "completion_command"),
}


if __name__ == "__main__":
    sys.exit(main())
