"""How are two reports compared from the command line?"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path

from reports.again import read_report
from reports.compare import compare
from reports.comparison import Comparison
from reports.comparison_page import comparison_page
from reports.errors import DocumentError, RendererError
from reports.streams import tell
from reports.to_html import page
from reports.to_json import json_bytes
from reports.to_markdown import markdown, pictures
from reports.write import write_files

__all__ = ["compare_reports", "rendered"]


def compare_reports(options: argparse.Namespace) -> int:
    """Write what changed between two reports, and return the exit code of the new one's verdicts.

    Args:
        options: of the command `report`: `compare`, `out`, `format`, and those that do not go with it.

    Raises:
        DocumentError: what is asked does not fit together, or a file cannot be read or believed.
        RendererError: a format that comparisons do not have.
        WriteError: a file cannot be written.
    """
    others = {
        "CLAIMS": options.claims,
        "--store": options.store,
        "--from": options.document,
        "--schema": options.schema,
    }
    given = [name for name, value in others.items() if value]
    if given:
        raise DocumentError(
            f"report: found --compare beside {' and '.join(given)} ; expected one or the other. "
            "Both reports hold their claims and evidence: leave out the rest."
        )
    formats = tuple(dict.fromkeys(options.format.split(",")))
    _check(formats)
    old, new = (read_report(Path(name)) for name in options.compare)
    folder, compared = Path(options.out), compare(old, new)
    write_files(folder, rendered(compared, formats))
    for name in formats:
        tell(f"report: {folder / _name(name)}")
    return new.all_verdicts().exit_code()


def rendered(comparison: Comparison, formats: tuple[str, ...]) -> dict[str, bytes]:
    """Return the files of a comparison, by path; pictures stand before the file that names them."""
    files: dict[str, bytes] = {}
    for name in formats:
        if name == "md":
            files |= pictures([comparison_page(comparison)])
        files[_name(name)] = _FORMATS[name](comparison)
    return files


def _html(comparison: Comparison) -> bytes:
    return page(comparison_page(comparison)).encode()


def _markdown(comparison: Comparison) -> bytes:
    return f"{markdown([comparison_page(comparison)])}\n".encode()


def _json(comparison: Comparison) -> bytes:
    return json_bytes(comparison.model_dump(mode="json", by_alias=True))


_FORMATS: dict[str, Callable[[Comparison], bytes]] = {"html": _html, "json": _json, "md": _markdown}


def _check(formats: tuple[str, ...]) -> None:
    unknown = [name for name in formats if name not in _FORMATS]
    if unknown:
        raise RendererError(
            f"comparison format {', '.join(map(repr, unknown))}: found no renderer ; expected some of "
            f"{', '.join(_FORMATS)}. Name them with --format, parted by commas."
        )


def _name(name: str) -> str:
    return f"comparison.{name}"
