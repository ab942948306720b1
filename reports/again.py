"""How is a report made again from its JSON alone, without claim files, store or runs?"""

from __future__ import annotations

import argparse
from pathlib import Path

from reports.document import Document
from reports.errors import DocumentError
from reports.streams import say_json, tell
from reports.to_json import MAX_BYTES, json_schema, read_document
from reports.write import write

__all__ = ["read_report", "report_again"]


def report_again(options: argparse.Namespace) -> int | None:
    """Print the schema of reports, or make a report again from a file; None where neither is asked.

    Args:
        options: of the command `report`: `schema`, `document`, `claims`, `store`, `out`, `format`.

    Raises:
        DocumentError: what is asked does not fit together, or the file cannot be read or believed.
        RendererError: a format without usable renderer.
        WriteError: the report cannot be written.
    """
    if options.schema:
        say_json(json_schema())
        return 0
    given = [*(["CLAIMS"] if options.claims else []), *(["--store"] if options.store else [])]
    if options.document is None:
        if len(given) < 2:
            raise DocumentError(
                f"report: found {' and '.join(given) or 'neither CLAIMS nor --store'} alone ; "
                "expected CLAIMS and --store DIR, or --from FILE. Give what is missing."
            )
        return None
    given += ["--paper"] if options.paper else []
    if given:
        raise DocumentError(
            f"report: found --from beside {' and '.join(given)} ; expected one or the other. "
            "A report.json holds its claims and their evidence: leave out the rest."
        )
    document = read_report(Path(options.document))
    for path in write(document, Path(options.out), options.format.split(",")):
        tell(f"report: {path}")
    return document.all_verdicts().exit_code()


def read_report(path: Path) -> Document:
    """Return the document of a report.json.

    Raises:
        DocumentError: the file cannot be read or believed.
    """
    try:
        if not path.is_file():
            found = "a folder or something else" if path.exists() else "no such file"
            raise DocumentError(f"report file '{path}': found {found} ; expected a report.json.")
        with path.open("rb") as file:
            return read_document(file.read(MAX_BYTES + 1))
    except OSError as error:
        raise DocumentError(
            f"report file '{path}': found {error.strerror or error} ; expected a file to read."
        ) from None
