"""The command line of Corroborate: the composition root, which holds no logic of its own.

Exit codes: 0 every verdict as expected; 1 at least one against expectation; 2 usage or invalid input;
3 none against expectation but something inconclusive or not evaluable; 4 execution failed.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

from reports.options import parser
from reports.streams import say, say_json, tell

if TYPE_CHECKING:
    from claims.claim import ClaimSet
    from replication.data import Source
    from replication.protocol import Protocol
    from replication.run import Plan, Run, RunSpec
    from replication.store import Store
    from verifier.verdict import Verdicts

__all__ = ["main"]

INVALID, UNDECIDED, FAILED = 2, 3, 4
SHORTEST_DIGEST = 6
"""Digits of a run's digest that are enough to ask for it."""
EMBEDDED = ("controls", "xstilts")
"""What `corroborate audit` takes up when it is given nothing."""


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


def _check(options: argparse.Namespace) -> int:
    from claims.errors import ClaimsError
    from claims.library import load
    from claims.published import is_published, read_published

    if options.schema:
        from claims.check import json_schema

        say_json(json_schema())
        return 0
    faults = 0
    for argument in options.claims or _bundled():
        try:
            if is_published(argument):
                say(f"{argument}: {len(read_published(argument).rows)} published rows, no faults")
                continue
            for name, claim_set in load(argument):
                number = len(claim_set.claims)
                say(f"{name}: {number} {'claim' if number == 1 else 'claims'}, no faults")
        except ClaimsError as error:
            faults += 1
            tell(f"corroborate: {error}")
    return INVALID if faults else 0


def _plan(options: argparse.Namespace) -> int:
    from claims.errors import UnknownClaimsError
    from reports.plan_view import view_plan

    if options.against:
        return _compare(options)
    if not options.claims:
        raise UnknownClaimsError("plan: found no CLAIMS ; expected some, or --against PROTOCOL.")
    with tempfile.TemporaryDirectory() as folder:
        plan, source = _planned(options, Path(folder))
        named = [s for _, s in _claims(options.claims)]
        view = view_plan(plan, source, named, Path(options.store) if options.store else None)
    if options.json:
        say_json(view.to_json())
    else:
        say(view.text(explain=options.explain))
    return 0


def _compare(options: argparse.Namespace) -> int:
    from replication.deviations import compare
    from replication.protocols import load_protocol
    from reports.terminal import ledger_json, ledger_text

    used, reported = _protocol(options), load_protocol(options.against)
    found = compare(reported, used)
    if options.json:
        say_json(ledger_json(reported, used, found))
    else:
        say(ledger_text(reported, used, found))
    return 0


def _run(options: argparse.Namespace) -> int:
    from replication.store import Store

    with Store.open(Path(options.store)) as store:
        plan, source = _planned(options, store.path)
        return _execute(options, plan, store, source)


def _status(options: argparse.Namespace) -> int:
    if options.watch:
        with suppress(KeyboardInterrupt):  # nothing is lost by no longer looking
            from reports.status_view import watch

            watch(Path(options.store), sys.stdout, json=options.json)
        return 0
    from replication.looks import read_looks
    from reports.terminal import status_json, status_text
    from verifier.staleness import recorded

    with _reading(options.store) as store:
        plan = store.latest_plan()
        runs = {r.spec_digest: r for r in store.runs()}
        damage = store.damage()
        digests = [s.digest() for s in plan.specs] if plan else []
        states = {d: store.state(d) for d in digests}
        errors = {d: str(r.error) for d, r in runs.items() if r.error} | damage
        finished = {d for d, r in runs.items() if r.status == "finished"}
        verdicts = recorded(read_looks(store.path), plan, finished)
    if options.json:
        say_json(status_json(plan, states, errors, verdicts))
    else:
        say(status_text(plan, states, errors, verdicts))
    return 0


def _verify(options: argparse.Namespace) -> int:
    from reports.terminal import verdicts_text

    verdicts, *_ = _verified(options)
    if options.json:
        say_json(verdicts.to_json())
    else:
        say(verdicts_text(verdicts))
    return verdicts.exit_code()


def _report(options: argparse.Namespace) -> int:
    from reports.again import report_again
    from reports.compare_command import compare_reports

    code = compare_reports(options) if options.compare else report_again(options)
    if code is not None:
        return code
    _check_formats(options)
    verdicts, claim_sets, plan, runs = _verified(options)
    _write_report(options, verdicts, claim_sets, plan, runs)
    return verdicts.exit_code()


def _audit(options: argparse.Namespace) -> int:
    from replication.store import Store
    from reports.terminal import verdicts_text

    options.claims = options.claims or list(EMBEDDED)
    options.store = str(Path(options.out) / "store")
    # What would stop the report must be found before hours of training, not after them.
    _check_formats(options)
    _reported([s for _, s in _claims(options.claims)])
    with Store.open(Path(options.store)) as store:
        plan, source = _planned(options, store.path)
        executed = _execute(options, plan, store, source)
    verdicts, claim_sets, plan, runs = _verified(options)
    tell(verdicts_text(verdicts))
    _write_report(options, verdicts, claim_sets, plan, runs)
    return executed if executed == FAILED else verdicts.exit_code()


def _show(options: argparse.Namespace) -> int:
    from claims.errors import UnknownClaimsError
    from reports.terminal import claim_text, run_text

    stored = Path(options.store).is_dir()
    planned = False
    if stored:
        with _reading(options.store) as store:
            planned = store.latest_plan() is not None
            runs = [r for r in store.runs() if r.spec_digest.startswith(options.id)]
            folders = {r.spec_digest: str(store.folder(r.spec_digest)) for r in runs}
        if len(options.id) >= SHORTEST_DIGEST and runs:
            say("\n\n".join(run_text(run, folders[run.spec_digest]) for run in runs))
            return 0
    options.claims = options.claims or _bundled()
    for _, claim_set in _claims(options.claims):
        for claim in claim_set.claims:
            if claim.id == options.id:
                verdicts = _verified(options)[0].verdicts if planned else ()
                found = next((v for v in verdicts if v.claim == claim.id), None)
                say(claim_text(claim, claim_set, found))
                return 0
    raise UnknownClaimsError(
        f"{options.id[:80]!r}: found no claim of that id and no run of that digest ; expected one "
        "of them. Name claim files with --claims and a store with --store "
        f"(now '{options.store}')."
    )


def _claims(arguments: list[str]) -> list[tuple[str, ClaimSet]]:
    from claims.library import load

    return [pair for argument in arguments for pair in load(argument)]


def _bundled() -> list[str]:
    from claims.library import bundled

    return list(bundled())


def _planned(options: argparse.Namespace, workspace: Path) -> tuple[Plan, Source]:
    """Return the plan and the source; synthetic data are written below the workspace."""
    from replication.data import FolderSource, open_source
    from replication.lock import read_lock, settle, with_base_revision
    from replication.plan import make_plan

    claim_sets = [s for _, s in _claims(options.claims)]
    path = None if options.lock is None else Path(options.lock)
    lock = read_lock(path)
    protocol = with_base_revision(_protocol(options), lock)
    if protocol.simulated and options.data is None:
        from replication.miniature.generate import write_miniature
        from reports.commands import GENERATED

        source: Source = FolderSource(write_miniature(workspace / "miniature"), GENERATED)
    else:
        source = open_source(options.data, lock.hub if lock else None)
    plan = make_plan(claim_sets, protocol, source)
    if path is not None and settle(plan, source, path, lock):
        tell(f"lock: {path} written")
    return plan, source


def _protocol(options: argparse.Namespace) -> Protocol:
    from replication.protocols import load_protocol

    return load_protocol(options.protocol, options.size, options.seeds, options.set)


def _execute(options: argparse.Namespace, plan: Plan, store: Store, source: Source) -> int:
    from claims.errors import CorroborateError
    from replication.engines.engine import Tally, engine
    from replication.progress import Progress
    from verifier.execution import Site, execute

    def said(tally: Tally) -> None:
        for line in tally.lines():
            tell(line)

    def progress(specs: Sequence[RunSpec], expected: Mapping[str, float]) -> Progress:
        return Progress(specs, sys.stderr, expected=expected, store=store.path)

    site = Site(store, source, engine(options.engine), progress, said)
    named = _claims(options.claims)
    budget = None if options.budget_hours is None else options.budget_hours * 3600
    reported = {} if budget is None else _reported([s for _, s in named])
    try:
        went = execute(named, plan, site, budget_s=budget, reported=reported)
    except CorroborateError as error:  # the input was accepted, so this is no fault of it
        tell(f"corroborate: {error}")
        return FAILED
    if went.interrupted:
        raise KeyboardInterrupt
    return FAILED if went.failed else UNDECIDED if went.postponed else 0


def _verified(
    options: argparse.Namespace,
) -> tuple[Verdicts, list[ClaimSet], Plan, tuple[Run, ...]]:
    from verifier.looks import verify_store

    named = _claims(options.claims)
    claim_sets = [s for _, s in named]
    found = verify_store(Path(options.store), named, _reported(claim_sets))
    if found.unrecorded:
        tell(f"corroborate: the look is not on record: {found.unrecorded}")
    return found.verdicts, claim_sets, found.plan, found.runs


def _reported(claim_sets: list[ClaimSet]) -> dict[str, Protocol]:
    """Return the protocols that state what the papers report, by name."""
    from replication.protocols import load_protocol

    names = sorted({s.paper.protocol for s in claim_sets if s.paper.protocol})
    return {name: load_protocol(name) for name in names}


def _check_formats(options: argparse.Namespace) -> None:
    from reports.renderer import renderer

    for name in options.format.split(","):
        renderer(name)


def _write_report(
    options: argparse.Namespace,
    verdicts: Verdicts,
    claim_sets: list[ClaimSet],
    plan: Plan,
    runs: tuple[Run, ...],
) -> None:
    from datetime import UTC, datetime

    from reports.build import build
    from reports.commands import commands_again, with_ways_back
    from reports.paper_checks import with_paper_checks
    from reports.write import write

    protocol = getattr(options, "protocol", None)
    document = build(
        claim_sets,
        verdicts,
        plan=plan,
        runs=runs,
        commands=commands_again(
            plan, options.claims, protocol=protocol, store=options.store, out=options.out
        ),
        generated=datetime.now(UTC).isoformat(timespec="seconds"),
    )
    document = with_paper_checks(document, getattr(options, "paper", None))
    document = with_ways_back(document, options.claims, store=options.store, out=options.out)
    for path in write(document, Path(options.out), options.format.split(",")):
        tell(f"report: {path}")


@contextmanager
def _reading(path: str) -> Iterator[Store]:
    from replication.store import Store

    with Store.open(Path(path), write=False) as store:
        yield store


def _of(module: str, name: str) -> Callable[[argparse.Namespace], int]:
    """Return a command that is a function elsewhere, imported only when it is called."""

    def command(options: argparse.Namespace) -> int:
        code: int = getattr(import_module(module), name)(options)
        return code

    return command


_COMMANDS: dict[str, Callable[[argparse.Namespace], int]] = {
    "check": _check,
    "plan": _plan,
    "run": _run,
    "status": _status,
    "score": _of("reports.scores", "score_command"),
    "verify": _verify,
    "report": _report,
    "audit": _audit,
    "show": _show,
    "gc": _of("reports.freed", "gc"),
    "fetch": _of("reports.fetch_view", "fetch_command"),
    "review": _of("reports.review_view", "review_command"),
    "search": _of("reports.search_view", "search_command"),
    "extract": _of("reports.drafts_view", "extract_command"),
    "ground": _of("reports.ground_view", "ground_command"),
}


if __name__ == "__main__":
    sys.exit(main())
