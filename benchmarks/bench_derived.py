"""What follows from the rows of `make bench`: the paper's whole matrix, at speeds that were measured.

On a CPU speeds are those of a small encoder, so only their ratio means something: the hours of the
matrix with the Trainer's default, run per target, over ours. The GPU's row is the one that `make
bench-gpu` left in out/bench-gpu.json.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from benchmarks.bench_parts import ROOT, Document, Row
from benchmarks.bench_targets import HF, LENGTHS, MATRIX, OURS, PER_TARGET, SHARED, SPEEDS
from benchmarks.gpu_derived import hours

__all__ = ["Derivation", "derive", "matrix"]

Derivation = Callable[[Document], Iterator[Row]]
GPU_OUT = ROOT / "out" / "bench-gpu.json"


def derive(document: Document, derived: Mapping[str, Derivation]) -> None:
    """Add the parts that follow from the others to a document, in place."""
    for name, rows in derived.items():
        document["parts"][name] = {
            "date": time.strftime("%Y-%m-%d"), "commit": document["commit"], "seconds": 0.0,
            "command": document["command"], "state": document["state"], "reason": None,
            "rows": list(rows(document)),
        }  # fmt: skip


def matrix(document: Document, gpu: Path = GPU_OUT) -> Iterator[Row]:
    """Yield the hours of the paper's matrix with the Trainer over ours, by each machine's speeds."""
    here, there = SPEEDS
    mine, theirs = ({at: _speed(document, at, way) for at in LENGTHS} for way in (OURS, HF))
    found: Row = {"way": SHARED, "peer": PER_TARGET, "seconds": None, "ratio": None}
    lacking = [at for at in LENGTHS if mine[at] is None or theirs[at] is None]
    if lacking:
        why = f"training at {', '.join(lacking)} lengths was not measured"
        yield found | {"work": f"{MATRIX}, {here}", "reason": why}
    else:
        ratio = hours(theirs, share=False) / hours(mine, share=True)  # type: ignore[arg-type]
        note = "arithmetic at the speeds measured above; no GPU-hours, which a GPU alone can tell"
        yield found | {"work": f"{MATRIX}, {here}", "ratio": ratio, "note": note}
    yield found | {"work": f"{MATRIX}, {there}"} | _by_gpu(gpu)


def _speed(document: Document, lengths: str, way: str) -> float | None:
    """Return the real tokens per second of a way in training; None where it was not measured."""
    rows: list[Row] = document["parts"].get(f"training {lengths}", {}).get("rows", [])
    speeds = [r.get("tokens_per_second") for r in rows if r["way"] == way and r["peer"] == HF]
    return speeds[0] if speeds else None


def _by_gpu(path: Path) -> dict[str, Any]:
    """Return what `make bench-gpu` found, or the reason why there is nothing."""
    if not path.exists():
        return {"reason": f"no {path.name}: `make bench-gpu` has not run in this folder"}
    part = json.loads(path.read_text(encoding="utf-8"))["parts"].get("matrix")
    if part is None:
        return {"reason": f"{path.name} has no such row"}
    (row,) = part["rows"]
    if row.get("reason"):
        return {"reason": f"{path.name}: {row['reason']}"}
    note = f"{row['note']}; {path.name} of {part['date']}, {part['commit'] or 'no commit'}"
    return {"ratio": row["ratio"], "hours": row["hours"], "note": note}
