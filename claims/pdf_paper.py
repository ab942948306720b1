"""What does the text of a PDF say?

The library that reads PDF is large and written in C, and PDFs are hostile input: it runs in a
process of its own, with bounds on its time and memory, and hands back text only. Tables are not read,
since positions on a page do not tell reliably which number belongs to which row.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from claims.errors import PaperError
from claims.paper import PaperText
from claims.text_paper import read_text

__all__ = ["MAX_PAGES", "TIMEOUT_S", "read_pdf"]

MAX_PAGES = 500
TIMEOUT_S = 60
"""Seconds after which reading a PDF is given up."""
_MAX_MEMORY = 2 * 2**30
_MAX_OUTPUT = 32 * 2**20
_NOT_INSTALLED = 3

_CHILD = f"""
import json, sys
try:
    import resource
    resource.setrlimit(resource.RLIMIT_AS, ({_MAX_MEMORY}, {_MAX_MEMORY}))
    resource.setrlimit(resource.RLIMIT_CPU, ({TIMEOUT_S}, {TIMEOUT_S}))
except ImportError:
    pass
try:
    import pypdfium2
except ImportError:
    sys.exit({_NOT_INSTALLED})
document = pypdfium2.PdfDocument(sys.argv[1])
pages = []
for i in range(min(len(document), {MAX_PAGES})):
    pages.append(document[i].get_textpage().get_text_bounded())
json.dump([len(document), pages], sys.stdout)
"""


def read_pdf(path: Path) -> PaperText:
    """Read the passages of a PDF.

    Raises:
        PaperError: the library is not installed, or the file cannot be read within its bounds.
    """
    try:
        done = subprocess.run(  # noqa: S603 - our own interpreter and our own text
            [sys.executable, "-I", "-c", _CHILD, str(path.resolve())],
            check=False, capture_output=True, timeout=TIMEOUT_S + 5,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        raise _refused(path, f"a PDF that takes longer than {TIMEOUT_S} s") from None
    if done.returncode == _NOT_INSTALLED:
        raise PaperError(
            f"paper '{path}': found no library that reads PDF ; expected pypdfium2. Install it with "
            "`pip install 'corroborate[pdf]'`, or give the paper's LaTeX or HTML, which say more."
        )
    if done.returncode or len(done.stdout) > _MAX_OUTPUT:
        raise _refused(path, "a PDF that cannot be read")
    count, pages = json.loads(done.stdout)
    notices = [
        "Tables of a PDF are not read: give the paper's LaTeX or HTML for checks against them."
    ]
    if count > len(pages):
        notices.append(f"Only the first {len(pages)} of {count} pages were read.")
    if not any(page.strip() for page in pages):
        notices.append("No page holds text; it may hold pictures of text.")
    # The library leaves this sign where a word was broken at the end of a line.
    text = "\n\n".join(pages).replace("\x02", "").replace("\r\n", "\n")
    return read_text(text, "pdf", tuple(notices))


def _refused(path: Path, found: str) -> PaperError:
    return PaperError(
        f"paper '{path}': found {found} ; expected a PDF with text. Give the paper's LaTeX or HTML."
    )
