"""How long does the report of a large audit take, and how large is it?

Writes 200 claims on 10 conditions, each with a cell for 9 tasks in 40 languages, and prints CPU and wall
seconds of each format and the bytes of what it wrote.

    python -m benchmarks.report_speed [CLAIMS]
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from hashlib import sha256
from itertools import combinations
from typing import Any

from replication.tasks.row import benchmark_tasks
from reports.document import Document
from reports.to_html import RENDERER as HTML
from reports.to_json import RENDERER as JSON
from reports.to_markdown import RENDERER as MARKDOWN
from verifier.verdict import VERDICTS

TASKS = tuple(task.name for task in benchmark_tasks("xtreme"))
LANGUAGES = tuple(
    "af ar bg bn de el en es et eu fa fi fr he hi hu id it ja jv "  # noqa: SIM905 - forty strings
    "ka kk ko ml mr ms my nl pt ru sw ta te th tl tr ur vi yo zh".split()
)
CONDITIONS = ("none", *(f"intermediate_{number}" for number in range(1, 10)))
SEEDS = (1, 2, 3)
_FINDINGS = ("magnitude", "contradicted", "undecided", "no_evidence")


def large(claims: int = 200) -> Document:
    """Return the document of a large audit; synthetic, and of no paper."""
    pairs = list(combinations(range(len(CONDITIONS)), 2))
    recipe = {"epochs": 1, "batch_size": 8, "learning_rate": 1e-4, "max_length": 64}
    runs = list(_runs())
    protocol = {
        "schema": "corroborate/protocol@1",
        "name": "large",
        "summary": "Synthetic.",
        "simulated": True,
        "base": {"checkpoint": None},
        "intermediate_tasks": CONDITIONS[1:],
        "intermediate": recipe,
        "targets": {task: {"train_on": "mnli", "recipe": recipe} for task in TASKS},
        "evaluation": {"splits": dict.fromkeys(TASKS, "validation")},
        "seeds": len(SEEDS),
        "first_seed": 1,
    }
    sections = [_section(n, *pairs[n % len(pairs)]) for n in range(claims)]
    spot = [(t, c) for t in range(len(TASKS)) for c in range(len(CONDITIONS))]
    where = {"split": "validation", "metric": "f1", "seeds": len(SEEDS)}
    return Document.model_validate(
        {
            "title": "Audit of a large, synthetic set",
            "generated": "2026-01-02T03:04:05Z",
            "simulated": True,
            "protocol": protocol,
            "data_source": "none",
            "data": (),
            "sets": [{"paper": {"title": "Large", "controls": True}, "claims": sections}],
            "scores": [
                {"task": TASKS[t], "condition": CONDITIONS[c], "language": code, "n": 1000,
                 "mean": _score(t, place, c), **where}
                for t, c in spot
                for place, code in enumerate(LANGUAGES)
            ],
            "matrix": [
                {"task": TASKS[t], "condition": CONDITIONS[c], "languages": len(LANGUAGES),
                 "mean": _score(t, 20, c), "half_width": 0.7, **where}
                for t, c in spot
            ],
            "runs": runs,
            "environments": (),
            "costs": [{"phase": "evaluation", "runs": len(runs), "failed": 0, "seconds": 12345.0}],
            "commands": ("corroborate verify large.yaml --store out/store",),
        }
    )  # fmt: skip


def measure(document: Document) -> Iterator[tuple[str, float, float, int]]:
    """Yield (format, CPU seconds, wall seconds, bytes) of html, md with its pictures, and json."""
    for renderer in (HTML, MARKDOWN, JSON):
        cpu, wall = time.process_time(), time.perf_counter()
        written = [renderer.render(document)]
        written += getattr(renderer, "beside", lambda _: {})(document).values()
        spent = time.process_time() - cpu, time.perf_counter() - wall
        yield renderer.name, *spent, sum(map(len, written))


def _score(task: int, language: int, condition: int) -> float:
    mixed = (condition * 31 + language * 17 + task * 7) % 29
    return 30 + task * 4 + language * 7 % 23 + condition * 0.37 + mixed * 0.31


def _digest(number: int) -> str:
    return sha256(str(number).encode()).hexdigest()


def _runs() -> Iterator[dict[str, Any]]:
    for number in range(len(CONDITIONS) * len(SEEDS) * len(TASKS)):
        yield {
            "run": _digest(number), "title": f"evaluation {number}", "phase": "evaluation",
            "status": "finished", "seconds": 12.5, "started": "2026-01-02T03:04:05Z",
            "facts": {"steps": 100},
        }  # fmt: skip


def _section(number: int, control: int, treatment: int) -> dict[str, Any]:
    name = f"claim-{number}"
    points = {"points": 2.0, "because": "a quarter of the reported size"}
    statement = f"Condition {treatment} beats condition {control}, {number}."
    reported = 0.4 * (treatment - control) + number % 7 / 10
    claim = {
        "id": name, "statement": statement, "kind": "gain", "reported": reported,
        "source": {"quote": "It helps a lot.", "found_in": "nowhere"},
        "treatment": {"intermediate": [CONDITIONS[treatment]]},
        "control": {"intermediate": [CONDITIONS[control]] if control else []},
        "measure": {"split": "validation", "tasks": TASKS, "seeds": "mean"},
        "tolerance": points, "minimum_effect": points,
    }  # fmt: skip
    cells = [_cell(t, place, treatment, control) for t in range(len(TASKS)) for place in range(40)]
    cells += [{**_cell(t, 20, treatment, control), "language": None} for t in range(len(TASKS))]
    arms = [
        {"condition": CONDITIONS[c], "seeds": SEEDS, "summary": _score(4, 20, c),
         "scores": [_score(4, 20, c) + seed / 5 for seed in SEEDS]}
        for c in (treatment, control)
    ]  # fmt: skip
    verdict = {
        "claim": name, "kind": "gain", "statement": statement, "replication": "direct",
        "verdict": VERDICTS[number % 4], "finding": _FINDINGS[number % 4], "level": 0.95,
        "estimate": reported + number % 3 / 10, "reported": reported, "tolerance": 2.0,
        "minimum_effect": 2.0, "expected": "reproduced", "seeds": 3,
        "interval": {"low": reported - 0.7, "high": reported + 0.9, "level": 0.95, "method": "t"},
        "signature": "kind:gain", "reasons": ["The interval lies inside the tolerance."],
        "evidence": {"arms": arms, "cells": cells, "runs": [_digest(r) for r in range(18)]},
    }  # fmt: skip
    runs = [_digest(r) for r in range(18)]
    return {"claim": claim, "verdict": verdict, "runs": runs, "seconds": 225.0}


def _cell(task: int, place: int, treatment: int, control: int) -> dict[str, Any]:
    above, below = _score(task, place, treatment), _score(task, place, control)
    return {
        "task": TASKS[task], "language": LANGUAGES[place], "treatment": above, "control": below,
        "estimate": above - below, "n": 1000,
    }  # fmt: skip


def main() -> None:
    """Print a row for each format."""
    document = large(int(sys.argv[1]) if len(sys.argv) > 1 else 200)
    print(f"{'format':<8}{'CPU s':>8}{'wall s':>8}{'MB':>8}")
    total = [0.0, 0.0]
    for name, cpu, wall, size in measure(document):
        print(f"{name:<8}{cpu:>8.2f}{wall:>8.2f}{size / 1e6:>8.2f}")
        total = [total[0] + cpu, total[1] + wall]
    print(f"{'all':<8}{total[0]:>8.2f}{total[1]:>8.2f}")


if __name__ == "__main__":
    main()
