"""Parts of a benchmark: each measured in a process of its own, and kept as soon as it is there.

A part names a function `f(turns, **arguments)` that returns, or yields, rows. A row is a dict with
`work`, `way`, `peer`, `seconds` (median over turns, or the seconds of each turn; None where seconds are
not what is measured) and `ratio` (the peer's median over this way's; None on a row without a peer). It
may have `spread` (least and most of the seconds), `each` (the seconds of each turn), `ratio_spread` (of
the turns' own ratios), further numbers such as `peak_mib`, a `note`, and, where nothing could be
measured, a `reason`.
"""

from __future__ import annotations

import argparse
import hashlib
import importlib
import importlib.util
import json
import math
import os
import platform
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from statistics import median
from typing import Any

__all__ = ["Document", "Part", "Row", "machine", "measure_parts", "versions", "written"]

ROOT = Path(__file__).resolve().parent.parent
SOURCES = ("benchmarks", "claims", "replication", "verifier", "reports")
PACKAGES = (
    "numpy", "scipy", "torch", "transformers", "accelerate", "seqeval", "faiss-cpu", "flash-attn",
    "triton",
)  # fmt: skip

Row = dict[str, Any]
"""One line of the table."""
Document = dict[str, Any]
"""What is written as JSON: machine, versions, and the rows of each part with when they were taken."""


@dataclass(frozen=True, slots=True)
class Part:
    """Comparisons that are measured together."""

    name: str
    call: str
    """`module:function`."""
    limit_s: float
    """After which its process is ended; what it yielded until then is kept."""
    arguments: Mapping[str, Any] = field(default_factory=dict)
    threads: int | None = None
    """That all ways compute with; None for the libraries' own number."""


def measure_parts(  # noqa: PLR0913 - what the command line says
    parts: Sequence[Part], out: Path, *, turns: int, minutes: float, command: str, afresh: bool,
    patience: float = 1.0, missing: bool = False,
) -> Document:  # fmt: skip
    """Measure parts one after the other, writing the document after each.

    A run of the same parts over the same sources, machine and turns that was interrupted goes on where
    it was; what other parts left in the file stays.

    Args:
        minutes: parts that would begin later are not measured.
        afresh: whether to begin anew even so.
        patience: times the usual time of each part.
        missing: whether to leave out what the same sources, machine and turns have measured whole.
    """
    state = {"turns": turns, "sources": sources(), "machine": machine(), "versions": versions()}
    document: Document = json.loads(out.read_text(encoding="utf-8")) if out.exists() else {}
    done: dict[str, Any] = document.get("parts", {})
    left = set(document.get("left", ()))
    asked = {part.name for part in parts}
    if left & asked and not afresh and document.get("state") == state:
        kept = sorted(asked - left)
        say(f"goes on where it was interrupted; measured already: {', '.join(kept) or 'nothing'}")
        asked &= left
    if missing:
        same = {name: found for name, found in done.items() if found["state"] == state}
        asked -= {name for name, found in same.items() if found["reason"] is None}
    document = {"command": command, "commit": commit(), "state": state, "parts": done}
    begin = time.monotonic()
    todo = [part for part in parts if part.name in asked]
    for at, part in enumerate(todo):
        document["left"] = [p.name for p in todo[at:]]
        written(out, document)
        remaining = 60 * minutes - (time.monotonic() - begin)
        limit = min(patience * part.limit_s, remaining)
        say(f"{part.name}: measuring, at most {max(0.0, limit):.0f} s")
        done[part.name] = _measured(part, turns, limit, remaining) | {
            "command": command,
            "commit": commit(),
            "state": state,
        }
    document["left"] = []
    written(out, document)
    return document


def say(text: str) -> None:
    """Print progress at once, apart from the results."""
    print(text, file=sys.stderr, flush=True)


def written(out: Path, document: Document) -> None:
    """Write a document so that a kill leaves the old one or the new one."""
    out.parent.mkdir(parents=True, exist_ok=True)
    beside = out.with_suffix(".partial")
    beside.write_text(json.dumps(document, indent=1, sort_keys=True) + "\n", encoding="utf-8")
    beside.replace(out)


def machine() -> dict[str, Any]:
    """Return what tells this machine from others, as far as speed goes."""
    names = [
        line.partition(":")[2].strip()
        for line in _lines(Path("/proc/cpuinfo"))
        if line.startswith("model name")
    ]
    return {
        "cpu": names[0] if names else platform.processor() or platform.machine(),
        "cores": len(os.sched_getaffinity(0))
        if hasattr(os, "sched_getaffinity")
        else os.cpu_count(),
        "system": f"{platform.system()} {platform.release()} {platform.machine()}",
    }


def versions() -> dict[str, str | None]:
    """Return the versions of Python and of what is compared; None for what is not installed."""
    found: dict[str, str | None] = {"python": platform.python_version()}
    for name in PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = None
    return found


def sources() -> str:
    """Return a short digest of the code that is measured, so that rows of other code are known."""
    digest = hashlib.sha256()
    for folder in SOURCES:
        for path in sorted((ROOT / folder).rglob("*.py")):
            digest.update(str(path.relative_to(ROOT)).encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()[:12]


def commit() -> str | None:
    """Return the commit of the working tree, `+changes` where it has any; None outside git."""
    git = ["git", "-C", str(ROOT)]
    try:
        head = subprocess.run(  # noqa: S603
            [*git, "rev-parse", "--short=12", "HEAD"], capture_output=True, text=True, check=True
        ).stdout.strip()
        changes = subprocess.run(  # noqa: S603
            [*git, "status", "--porcelain", "--", *SOURCES],
            capture_output=True, text=True, check=True,
        ).stdout.strip()  # fmt: skip
    except (OSError, subprocess.CalledProcessError):
        return None
    return head + ("+changes" if changes else "")


def _measured(part: Part, turns: int, limit: float, remaining: float) -> dict[str, Any]:
    """Return the rows of one part, and a reason where they are not all there."""
    found: dict[str, Any] = {
        "date": time.strftime("%Y-%m-%d"), "rows": [], "reason": None, "load": os.getloadavg()[0],
    }  # fmt: skip
    module = part.call.partition(":")[0]
    if importlib.util.find_spec(module) is None:
        return found | {"reason": f"no module {module}", "seconds": 0.0}
    if remaining < 5:
        return found | {"reason": "the time of the whole was over", "seconds": 0.0}
    begin = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "rows.jsonl"
        call = [sys.executable, "-m", "benchmarks.bench_parts", part.call, "--turns", str(turns)]
        call += ["--out", str(out), "--arguments", json.dumps(_arguments(part, remaining))]
        reason = _ended(call, limit, part.threads)
        lines = _lines(out)
    for line in lines:
        row = json.loads(line)
        if "failed" in row:
            reason = row["failed"]
        else:
            found["rows"].append(row)
    return found | {
        "reason": reason, "seconds": round(time.monotonic() - begin, 1), "threads": part.threads
    }  # fmt: skip


def _arguments(part: Part, remaining: float) -> dict[str, Any]:
    """Return a part's arguments; one that asks for `seconds` is told of fewer where few are left."""
    found = dict(part.arguments)
    if "seconds" in found:
        found["seconds"] = min(found["seconds"], 0.7 * remaining)
    return found


def _ended(call: Sequence[str], limit: float, threads: int | None) -> str | None:
    """Wait for a process, ending it and its children at the limit; return what went wrong."""
    number = {} if threads is None else {"OMP_NUM_THREADS": str(threads)}
    process = subprocess.Popen(  # noqa: S603
        call, cwd=ROOT, env={**os.environ, **number}, start_new_session=True
    )
    try:
        code = process.wait(limit)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        return f"ended after its {limit:.0f} s"
    except BaseException:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        raise
    return f"its process ended with code {code}" if code else None


def _lines(path: Path) -> list[str]:
    return path.read_text(encoding="utf-8").splitlines() if path.exists() else []


def _tidy(row: Mapping[str, Any]) -> Row:
    """Return a row with the median and spread of its seconds; refuse one that says too little."""
    absent = {"work", "way", "peer", "seconds", "ratio"} - set(row)
    if absent:
        raise ValueError(
            f"row {dict(row)}: found no {', '.join(sorted(absent))} ; expected them all"
        )
    found = dict(row)
    if isinstance(found["seconds"], list | tuple):
        each = [float(s) for s in found["seconds"]]
        found |= {"seconds": median(each), "spread": [min(each), max(each)]}
        found |= {"each": each, "turns": len(each)}
    for key in ("seconds", "ratio"):
        value = found[key]
        if value is not None and not (math.isfinite(value) and value > 0):
            raise ValueError(f"row {dict(row)}: found {key} {value} ; expected more than 0")
    if found["seconds"] is None and found["ratio"] is None and not _numbers(found):
        found.setdefault("reason", "the module gave no number and no reason")
    return found


def _numbers(row: Row) -> list[str]:
    return [k for k, v in row.items() if isinstance(v, int | float) and not isinstance(v, bool)]


def main(arguments: Sequence[str] | None = None) -> int:
    """Call one part's function, in the process made for it, and write its rows as they come."""
    parser = argparse.ArgumentParser(description="One part of a benchmark; bench.py calls this.")
    parser.add_argument("call", help="module:function")
    parser.add_argument("--turns", type=int, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--arguments", type=json.loads, default={})
    asked = parser.parse_args(arguments)
    sys.path.append(str(ROOT / "benchmarks"))  # for modules that run as scripts too
    module, _, function = asked.call.partition(":")
    with asked.out.open("w", encoding="utf-8") as lines:

        def put(row: Mapping[str, Any]) -> None:
            lines.write(json.dumps(row, default=float) + "\n")
            lines.flush()

        try:
            rows: Iterable[Mapping[str, Any]] = getattr(importlib.import_module(module), function)(
                asked.turns, **asked.arguments
            )
            for row in rows:
                put(_tidy(row))
        except ModuleNotFoundError as error:
            put({"failed": f"not installed: {error.name}"})
        except Exception as error:  # noqa: BLE001 - what failed is a row of the table, with the reason
            say(f"{asked.call}: {type(error).__name__}: {error}")
            put({"failed": f"{type(error).__name__}: {str(error).partition(chr(10))[0][:200]}"})
    return 0


if __name__ == "__main__":
    sys.exit(main())
