"""What does a tidy table say, with one score a row? CSV, TSV, JSON lines, Parquet, or rows in memory.

Scores are in points from 0 to 100, or fractions where the user says so; a score in (0, 1] could be
either, and is a fault until somebody says which. A tidy table states no uncertainty. Light: no torch.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path

from replication.imports.faults import Faults, shown
from replication.imports.run_files import collected, found_files, reading_of
from replication.imports.score import Given, Reading, Score
from replication.imports.sources import Sources
from replication.imports.tables import SUFFIXES, table
from replication.imports.tidy_items import SUFFIX, items_file, with_items
from replication.imports.tidy_rows import COLUMNS, Rows

__all__ = ["read", "scores_of"]


def read(path: Path, given: Given) -> Reading:
    """Return the scores of a table, or of every table in a folder.

    Args:
        path: a `.csv`, `.tsv`, `.jsonl` or `.parquet` file, or a folder of such.
        given: what the tables do not say.

    Raises:
        ImportedScoresError: with every fault of every table, each with its line.
    """
    sources, faults = Sources(path), Faults()
    rows, left_out = Rows(given, faults), []
    tables = [
        p
        for p in found_files(sources, faults, "*")
        if p.suffix.lower() in SUFFIXES and not p.name.endswith(SUFFIX)
    ]
    if not tables and not faults.total:
        faults.add(
            f"import '{path}': found no table ; expected one named *{', *'.join(SUFFIXES)}, or a "
            "folder that holds some. Rename the file after what it is."
        )
    for file in tables:
        with collected(faults):
            left_out += _read_table(sources, file, rows)
    scores = rows.scores()
    faults.stop(f"import '{path}'")
    scores, items = with_items(sources, tables, rows, scores)
    faults.stop(f"import '{path}'")
    used = {items_file(file) for file in tables}
    left_out += [
        f"file '{sources.name(p)}': lies beside no table of its name"
        for p in sources.find("*" + SUFFIX)
        if p not in used and p not in tables
    ]
    found = reading_of(sources, faults, scores, left_out, expected="rows")
    return replace(found, items=items)


def scores_of(
    rows: Iterable[Mapping[str, object]], given: Given, *, name: str
) -> tuple[Score, ...]:
    """Return the scores of rows in memory, such as those of a data frame's `to_dict("records")`.

    Numbers may be numpy's; NaN, NA and None stand for a missing cell. Keys that are no column of a
    tidy table are ignored. Rows count from 1.

    Args:
        rows: column -> value, one row a score.
        given: what the rows do not say.
        name: what messages and records call the rows, such as `scores of run 7`.

    Raises:
        ImportedScoresError: with every fault, each with its row.
    """
    faults = Faults()
    found = Rows(given, faults)
    found.add(name, ((f"row {i}", row) for i, row in enumerate(rows, 1)))
    scores = found.scores()
    faults.stop(f"import '{name}'")
    return scores


def _read_table(sources: Sources, file: Path, rows: Rows) -> list[str]:
    """Read one table, and return what of it is left out."""
    name = sources.name(file)
    found = table(sources, file, COLUMNS, rows.faults)
    if found is None:
        return []
    if found.columns is not None and not rows.complete(name, found.columns):
        return []
    extra = dict.fromkeys(c for c in found.columns or () if c not in COLUMNS)
    rows.add(name, found.rows, extra)
    if not extra:
        return []
    which = "column {} is" if len(extra) == 1 else "columns {} are"
    return [f"file '{name}': {which.format(', '.join(map(shown, extra)))} none of a tidy table"]
