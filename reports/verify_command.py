"""How are claims decided, and a store's report written, from the command line?"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from claims.claim import ClaimSet
from reports.again import report_again
from reports.build import build
from reports.commands import commands_again, with_ways_back
from reports.compare_command import compare_reports
from reports.escaping import one_line
from reports.exit_codes import AGAINST, FAILED
from reports.paper_checks import with_paper_checks
from reports.renderer import renderer
from reports.run_command import run_command
from reports.streams import say, say_json, tell
from reports.terminal import verdicts_text
from reports.write import write
from verifier.auditing import named_claims, reported_protocols, verified
from verifier.failing import failing, read_fail_on
from verifier.looks import Verification
from verifier.verdict import Verdicts

__all__ = ["EMBEDDED", "audit_command", "decided", "report_command", "verify_command"]

EMBEDDED = ("controls", "xstilts")
"""What `corroborate audit` takes up when it is given nothing."""


def verify_command(options: argparse.Namespace) -> int:
    """Run `corroborate verify` with its options and return the exit code."""
    # What cannot be read must be found before anyone looks at a score.
    on = None if options.fail_on is None else read_fail_on(options.fail_on)
    verdicts = decided(options)[0].verdicts
    if options.json:
        say_json(verdicts.to_json())
    else:
        say(verdicts_text(verdicts))
    return verdicts.exit_code() if on is None else _failing(verdicts, on)


def _failing(verdicts: Verdicts, on: Sequence[str]) -> int:
    """Say which claims fail the build, a line each, and return the exit code."""
    found = failing(verdicts.verdicts, on)
    for one in found:
        tell(f"corroborate: fails: {one.claim} ({', '.join(one.because)}): {one_line(one.reason)}")
    undecided = sum(v.as_expected() is None for v in verdicts.verdicts)
    if undecided and not found:
        number = f"{undecided} of {len(verdicts.verdicts)}"
        tell(f"corroborate: nothing fails by --fail-on {','.join(on)}, but {number} are undecided")
    return AGAINST if found else 0


def report_command(options: argparse.Namespace) -> int:
    """Run `corroborate report` with its options and return the exit code."""
    code = compare_reports(options) if options.compare else report_again(options)
    if code is not None:
        return code
    _check_formats(options)
    found, claim_sets = decided(options)
    _write_report(options, found, claim_sets)
    return found.verdicts.exit_code()


def audit_command(options: argparse.Namespace) -> int:
    """Run `corroborate audit` with its options and return the exit code."""
    options.claims = options.claims or list(EMBEDDED)
    options.store = str(Path(options.out) / "store")
    # What would stop the report must be found before hours of training, not after them.
    _check_formats(options)
    reported_protocols(s for _, s in named_claims(options.claims))
    ran = run_command(options)
    found, claim_sets = decided(options)
    tell(verdicts_text(found.verdicts))
    _write_report(options, found, claim_sets)
    return ran if ran == FAILED else found.verdicts.exit_code()


def decided(options: argparse.Namespace) -> tuple[Verification, list[ClaimSet]]:
    """Decide `claims` on the runs of `store`; a look that is not on record is told of.

    Raises:
        CorroborateError: claims, protocols as reported or the store cannot be read.
    """
    found, claim_sets = verified(options.claims, Path(options.store))
    if found.unrecorded:
        tell(f"corroborate: the look is not on record: {found.unrecorded}")
    return found, claim_sets


def _check_formats(options: argparse.Namespace) -> None:
    for name in options.format.split(","):
        renderer(name)


def _write_report(
    options: argparse.Namespace, found: Verification, claim_sets: list[ClaimSet]
) -> None:
    protocol = getattr(options, "protocol", None)
    document = build(
        claim_sets,
        found.verdicts,
        plan=found.plan,
        runs=found.runs,
        commands=commands_again(
            found.plan, options.claims, protocol=protocol, store=options.store, out=options.out
        ),
        generated=datetime.now(UTC).isoformat(timespec="seconds"),
    )
    document = with_paper_checks(document, getattr(options, "paper", None))
    document = with_ways_back(document, options.claims, store=options.store, out=options.out)
    for path in write(document, Path(options.out), options.format.split(",")):
        tell(f"report: {path}")
