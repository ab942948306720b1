"""How long does a plan of thousands of nodes take, and its bill?

Plans 31 conditions on the miniature's four targets for a rising number of seeds and prints CPU
seconds of this process: of the plan, of its bill, and of the document with every run's reason, the
least of three times each.

    python benchmarks/plan_speed.py
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from itertools import combinations
from pathlib import Path
from typing import Any

from claims.claim import ClaimSet
from replication.cost import bill_of
from replication.data import FolderSource
from replication.miniature.generate import write_miniature
from replication.plan import make_plan
from replication.protocols import load_protocol
from reports.plan_view import PlanView

ARMS = ("mini_choice", "mini_guild", "mini_shuffled", "mini_squad")


def whole_matrix() -> ClaimSet:
    """Return one ranking of all subsets of the intermediate tasks, with and without MLM."""
    arms: list[dict[str, Any]] = [
        {"intermediate": list(chosen), "mlm": mlm}
        for n in range(5)
        for chosen in combinations(ARMS, n)
        for mlm in (False, True)
        if chosen or not mlm
    ]
    claim = {
        "id": "matrix",
        "kind": "ranking",
        "statement": "One of them is the best.",
        "source": {"quote": "unknown", "found_in": "a benchmark"},
        "measure": {"benchmark": "miniature", "tasks": "all", "split": "test"},
        "candidates": arms,
        "claimed": [arms[1]],
        "top": 1,
    }
    document = {"schema": "corroborate/claims@1", "paper": {"title": "A matrix"}}
    return ClaimSet.model_validate({**document, "claims": [claim]})


def seconds(work: Callable[[], object]) -> float:
    """Return the least CPU seconds of three times."""
    spent = []
    for _ in range(3):
        begin = time.process_time()
        work()
        spent.append(time.process_time() - begin)
    return min(spent)


def main() -> None:
    """Print one row for each number of seeds."""
    claims = [whole_matrix()]
    with tempfile.TemporaryDirectory() as folder:
        root = write_miniature(Path(folder))
        print(f"{'seeds':>5} {'nodes':>6} {'plan s':>7} {'bill s':>7} {'document s':>10}")
        for seeds in (10, 20, 41, 82):
            protocol = load_protocol("miniature", seeds=seeds)
            source = FolderSource(root, "the miniature")
            plan = make_plan(claims, protocol, source)
            bill = bill_of(plan, source)
            planning = seconds(lambda p=protocol, s=source: make_plan(claims, p, s))  # type: ignore[misc]
            billing = seconds(lambda p=plan, s=source: bill_of(p, s))  # type: ignore[misc]
            telling = seconds(lambda p=plan, b=bill: PlanView(p, b).to_json())  # type: ignore[misc]
            print(f"{seeds:5} {len(plan.specs):6} {planning:7.2f} {billing:7.2f} {telling:10.2f}")


if __name__ == "__main__":
    main()
