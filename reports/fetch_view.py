"""What does a user see of a paper that was fetched?"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from claims.arxiv_client import fetch
from claims.arxiv_paper import Identifier, Paper, Version, identifier
from reports.freed import bytes_text
from reports.streams import say, say_json
from verifier.numbers import counted

__all__ = ["fetch_command", "paper_json", "paper_text"]


def fetch_command(options: argparse.Namespace) -> int:
    """Run `corroborate fetch` with its options and return the exit code."""
    wanted = identifier(options.id)
    paper = fetch(wanted, Path(options.out), offline=options.offline)
    folder = Path(options.out) / wanted.folder()
    if options.json:
        say_json(paper_json(paper, folder))
    else:
        say(paper_text(paper, folder, wanted))
    return paper.exit_code([wanted.version] if wanted.version else [])


def paper_json(paper: Paper, folder: Path) -> dict[str, Any]:
    """Return the paper's record and where it lies as a JSON document."""
    return paper.model_dump(mode="json", by_alias=True) | {"folder": str(folder)}


def paper_text(paper: Paper, folder: Path, wanted: Identifier) -> str:
    """Return what is there of each version, a line each."""
    newest = next((v for v in reversed(paper.versions) if v.title), None)
    lines = [f"arXiv:{paper.id}  {newest.title if newest else '(no title)'}"]
    if newest:
        several = f" and {len(newest.authors) - 3} more" if len(newest.authors) > 3 else ""
        lines.append(f"  {', '.join(newest.authors[:3])}{several}")
    lines += [f"  {_version(v, folder, wanted)}" for v in paper.versions]
    return "\n".join(lines)


def _version(version: Version, folder: Path, wanted: Identifier) -> str:
    head = f"v{version.number}  {version.updated[:10] or '(no date)':<10}"
    withdrawn = "  WITHDRAWN" if version.withdrawn else ""
    own = folder / f"v{version.number}"
    if version.state == "source":
        whole = bytes_text(sum(f.bytes for f in version.files))
        files = counted(len(version.files), "file")
        return f"{head}{withdrawn}  {files}, {whole}: {own / 'source'}"
    if wanted.version not in {None, version.number}:
        return f"{head}{withdrawn}  metadata only, as another version was asked for"
    place = f": {own / 'e-print'}" if version.state == "pdf only" else ""
    return f"{head}{withdrawn}  {version.state}: {version.why}{place}"
