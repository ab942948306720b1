"""How is a changed criterion accepted, so that it stays on record who did and why?

Light: imports neither torch nor transformers nor datasets.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

from claims.claim import Claim
from replication.acceptances import Acceptance, append_acceptance, read_acceptances
from replication.appended import UNSHOWN
from replication.looks import read_looks
from replication.store import Store
from verifier.criterion import Criterion, criterion_of
from verifier.errors import AcceptanceError
from verifier.imported import with_needs
from verifier.ledger import Ledger
from verifier.looks import Named
from verifier.sequential import trained
from verifier.version import corroborate_version

__all__ = ["accept", "who"]

LONGEST_NAME, LONGEST_REASON = 200, 2000
_UNSHOWN = re.compile(rf"[{UNSHOWN}\ud800-\udfff]")


def accept(
    store: Path,
    claim: str,
    named: Named,
    *,
    by: str,
    because: str,
) -> Acceptance:
    """Put on record that a claim is decided by another criterion from here on; return the record.

    It is of exactly one change: from what is in force to what the claim's file says now.

    Args:
        store: the folder of the runs.
        claim: its id.
        named: the claim sets, one of which has the claim.
        by: who accepts.
        because: why.

    Raises:
        AcceptanceError: there is no such claim, nothing to accept, nobody or no reason; all faults.
        StoreError: the store or its records cannot be read or written.
    """
    own = _claim(claim, named, by, because)
    acceptances = read_acceptances(store)
    found = _criterion(store, own, named, acceptances)
    if found.stands:
        raise AcceptanceError(
            f"claim '{claim}': found the criterion that is in force, {found.now[:12]} ; expected a "
            "changed one. There is nothing to accept, and nothing was recorded."
        )
    acceptance = Acceptance(
        time=datetime.now(UTC).isoformat(timespec="seconds"),
        claim=claim,
        then=found.in_force,
        now=found.now,
        by=_plain(by),
        because=_plain(because),
        version=corroborate_version(),
    )
    append_acceptance(store, acceptance, after=acceptances)
    return acceptance


def who(environment: Mapping[str, str]) -> tuple[str, str]:
    """Return who is at the keyboard, and where that was found; both empty where nobody is named.

    Args:
        environment: of the process.
    """
    name, address = (_git(f"user.{field}") for field in ("name", "email"))
    if name or address:
        found = " ".join([*([name] if name else []), *([f"<{address}>"] if address else [])])
        return _plain(found)[:LONGEST_NAME], "from git's user.name and user.email"
    for variable in ("USER", "LOGNAME"):
        if found := _plain(environment.get(variable, ""))[:LONGEST_NAME]:
            return found, f"from ${variable}"
    return "", ""


def _claim(claim: str, named: Named, by: str, because: str) -> Claim:
    """Return the one claim of that id, if all that was said can be recorded."""
    having = [(name, c) for name, s in named for c in s.claims if c.id == claim]
    faults: list[str] = []
    if len(having) != 1:
        files = ", ".join(n for n, _ in having) or ", ".join(n for n, _ in named)
        found = f"found {len(having) or 'no'} claims of that id in {files[:400]}"
        faults.append(f"{found} ; expected one. Name its file.")
    for option, text, most in (("--by", by, LONGEST_NAME), ("--because", because, LONGEST_REASON)):
        if not 1 <= len(_plain(text)) <= most:
            said = f"{option}: found {len(_plain(text))} characters ; expected 1 to {most}."
            who_accepts = " Say who accepts it: --by NAME." if option == "--by" else ""
            faults.append(said + who_accepts)
    if faults:
        raise AcceptanceError(f"accept '{claim[:80]}': " + "\n  ".join(faults))
    return having[0][1]


def _criterion(
    store: Path,
    claim: Claim,
    named: Named,
    acceptances: tuple[Acceptance, ...],
) -> Criterion:
    with Store.open(store, write=False) as opened:
        plan, runs = opened.latest_plan(), opened.runs()
    needs = None
    if plan is not None:
        plan = with_needs(plan, [s for _, s in named])
        needs = next((n for n in plan.needs if n.claim == claim.id), None)
    if plan is None or needs is None:
        raise AcceptanceError(
            f"claim '{claim.id}': found no plan for it in store '{store}' ; expected the store in "
            "which its runs are. Nothing fixes a claim that was not planned yet: change it freely."
        )
    finished = Ledger(plan, runs).bearing(needs).finished
    return criterion_of(
        claim.id, claim.criterion(), planned=needs.criterion, models=trained(finished),
        looks=read_looks(store), acceptances=acceptances,
    )  # fmt: skip


def _plain(text: str) -> str:
    """Return a text on one line, without what does something to a terminal."""
    return _UNSHOWN.sub("\ufffd", " ".join(text.split()))


def _git(setting: str) -> str:
    git = shutil.which("git")
    if git is None:
        return ""
    try:
        found = subprocess.run(  # noqa: S603  a fixed command
            [git, "config", "--get", setting], capture_output=True, check=False, timeout=5
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return os.fsdecode(found.stdout[:2000]).strip() if found.returncode == 0 else ""
