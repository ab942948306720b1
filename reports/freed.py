"""What does a reader see of what `corroborate gc` removes, or would remove?"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from replication.gc import Garbage, collect_garbage
from reports.streams import say, say_json

__all__ = ["bytes_text", "gc", "gc_json", "gc_text"]

_PLURAL = {
    "checkpoint": "checkpoints",
    "quarantine": "damaged runs",
    "resume": "states to resume from",
    "temporary": "temporary files",
    "tokens": "tokenised data sets",
}


def gc(options: argparse.Namespace) -> int:
    """Run `corroborate gc` with its options and return the exit code."""
    removed = not options.dry_run
    found = collect_garbage(
        Path(options.store), dry_run=options.dry_run, quarantine=options.quarantine
    )
    if options.json:
        say_json(gc_json(found, removed=removed))
    else:
        say(gc_text(found, removed=removed))
    return 0


def gc_text(garbage: Sequence[Garbage], *, removed: bool) -> str:
    """Return what went, or would go, line by line, and how much it is."""
    if not garbage:
        return "nothing to remove"
    lines = [
        "  ".join(x for x in (f"{bytes_text(g.size):>9}", g.path, g.title) if x) for g in garbage
    ]
    counts = [(name, sum(g.kind == kind for g in garbage)) for kind, name in _PLURAL.items()]
    counted = ", ".join(f"{count} {name}" for name, count in counts if count)
    whole = bytes_text(sum(g.size for g in garbage))
    said = "removed" if removed else "would be removed"
    return "\n".join([*lines, f"{said}: {counted}, {whole}"])


def gc_json(garbage: Sequence[Garbage], *, removed: bool) -> dict[str, object]:
    """Return the same as a JSON document; sizes in bytes."""
    return {
        "schema": "corroborate/gc@1",
        "removed": removed,
        "bytes": sum(g.size for g in garbage),
        "garbage": [
            {"path": g.path, "kind": g.kind, "bytes": g.size, "title": g.title or None}
            for g in garbage
        ],
    }


def bytes_text(size: int) -> str:
    """Return a number of bytes as people read it, in powers of 1000, such as `9.6 kB`."""
    value = float(size)
    for unit in ("B", "kB", "MB", "GB"):
        if value < 999.95:
            return f"{value:.0f} B" if unit == "B" else f"{value:.1f} {unit}"
        value /= 1000
    return f"{value:.1f} TB"
