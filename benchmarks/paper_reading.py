"""How long does it take to read a paper of 60 pages with 30 tables, and to draft its claims?

Run: python -m benchmarks.paper_reading
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from pathlib import Path

from claims.extractor import drafts_of
from claims.reading import read_paper

__all__ = ["long_paper"]

WORDS_A_PAGE = 500
"""As in a paper of one column."""


def long_paper(pages: int, tables: int) -> str:
    """Return a paper in LaTeX of so many pages and tables of 14 rows and 9 columns, all invented."""
    sentence = (
        r"We \textbf{see} in Table~\ref{tab:1} that \ours\ gains $8.2 \pm 0.3$ points "
        r"\citep{a,b} on nine tasks, as is usual for such models. "
    )
    page = sentence * (WORDS_A_PAGE // 20) + "\n\n"
    row = " & ".join(rf"\score{{{60 + i}.{i}}}{{0.{i}}}" for i in range(1, 9))
    table = (
        "\\begin{table}\\resizebox{\\textwidth}{!}{\\begin{tabular}{l*{8}{c}}\\toprule\n"
        "& \\multicolumn{4}{c}{Dev} & \\multicolumn{4}{c}{Test} \\\\ \\cmidrule(lr){2-5}\n"
        "Model & A & B & C & D & A & B & C & D \\\\ \\midrule\n"
        + "".join(f"Model {i} & {row} \\\\\n" for i in range(12))
        + "\\bottomrule\\end{tabular}}\\caption{Results (\\%).}\\label{tab:%d}\\end{table}\n"
    )
    parts = ["\\documentclass{article}\\newcommand{\\ours}{Ours}"]
    parts.append("\\newcommand{\\score}[2]{\\textbf{#1}$_{\\pm #2}$}\\begin{document}\n")
    for number in range(pages):
        parts.append(f"\\section{{Part {number}}}\n{page}")
        if number < tables:
            parts.append(table.replace("%d", str(number)))
    return "".join([*parts, "\\end{document}\n"])


def main() -> None:
    """Print what was read and the processor time that it took, as JSON."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--pages", type=int, default=60)
    options.add_argument("--tables", type=int, default=30)
    given = options.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "paper.tex"
        path.write_text(long_paper(given.pages, given.tables), encoding="utf-8")
        before, wall = time.process_time(), time.perf_counter()
        paper = read_paper(path)
        used, waited = time.process_time() - before, time.perf_counter() - wall
        before = time.process_time()
        found = drafts_of(paper, str(path))
        drafting = time.process_time() - before
    measured = {
        "pages": given.pages,
        "bytes": len(long_paper(given.pages, given.tables)),
        "tables": len(paper.tables),
        "cells": sum(len(t.cells) for t in paper.tables),
        "passages": len(paper.passages),
        "processor_s": round(used, 2),
        "wall_s": round(waited, 2),
        "drafts": len(found.drafts),
        "drafting_processor_s": round(drafting, 2),
    }
    print(json.dumps(measured))


if __name__ == "__main__":
    main()
