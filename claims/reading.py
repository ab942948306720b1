"""What does a paper say, whatever format it comes in?

The content decides the format, not the name. Papers come from strangers: sizes are bounded, nothing
is executed, and only files inside the paper's own folder are opened, never through a link out of it.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from pathlib import Path

from claims.errors import PaperError
from claims.latex import read_latex
from claims.latex_tokens import Token, tokens_of
from claims.paper import PaperText

__all__ = ["MAX_BYTES", "MAX_FILES", "read_paper"]

MAX_BYTES = 8 * 2**20
"""Largest text read in all: 8 MiB; a PDF may have eight times as much."""
MAX_FILES = 300
"""Files of one paper that are read."""
_MAX_LISTED = 5000
_SNIFFED = 64 * 2**10
_LATEX = re.compile(rb"\\(?:documentclass|begin\s*\{|section\s*\*?\{|input\s*\{|newcommand)")
_MAIN = re.compile(rb"\\documentclass")
_HTML = re.compile(rb"<(?:!doctype html|html|head|body|article|section|table)[\s>]", re.IGNORECASE)
_OTHER_MAGIC = {
    b"PK\x03\x04": "a zip archive",
    b"\x1f\x8b": "a gzip file",
    b"%!PS": "PostScript",
    b"\x89PNG": "a picture",
    b"BZh": "a bzip2 file",
}


def read_paper(path: str | Path) -> PaperText:
    """Read a paper into passages and tables with addresses.

    Args:
        path: a file of LaTeX, HTML, PDF, Markdown or plain text; or a folder with the LaTeX source of
            one paper, or with one file of another format.

    Raises:
        PaperError: the path holds no paper, or one that cannot be read.
    """
    path = Path(path)
    try:
        if path.is_dir():
            path = _main_of(path)
        data = _bytes_of(path)
    except (OSError, ValueError) as error:
        raise PaperError(
            f"paper '{str(path)[:200]}': found no file that can be opened ({type(error).__name__}) ; "
            "expected a file or folder. Check the path."
        ) from None
    form = _format_of(data, path)
    if form == "pdf":
        from claims.pdf_paper import read_pdf  # noqa: PLC0415 - starts a process; for PDF only

        return read_pdf(path)
    if form == "html":
        from claims.html_paper import read_html  # noqa: PLC0415 - loads lxml; for HTML only

        return read_html(data, str(path))
    text, notices = _text_of(data)
    if form == "latex":
        found = read_latex(text, path.name, _Folder(path).load)
    else:
        from claims.text_paper import looks_like_markdown, read_markdown, read_text  # noqa: PLC0415

        found = read_markdown(text) if looks_like_markdown(text) else read_text(text)
    return found.model_copy(update={"notices": (*notices, *found.notices)})


def _bytes_of(path: Path) -> bytes:
    if not path.is_file():
        raise PaperError(
            f"paper '{str(path)[:200]}': found no such file ; expected a paper. Check the path."
        )
    with path.open("rb") as file:
        data = file.read(8 * MAX_BYTES + 1)
    limit = 8 * MAX_BYTES if data.startswith(b"%PDF-") else MAX_BYTES
    if len(data) > limit:
        raise PaperError(
            f"paper '{path}': found more than {limit} bytes ; expected at most that. Give the paper "
            "without pictures and data."
        )
    return data


def _format_of(data: bytes, path: Path) -> str:
    start = data[:_SNIFFED]
    if start[:1024].lstrip().startswith(b"%PDF-"):
        return "pdf"
    for magic, name in _OTHER_MAGIC.items():
        if start.startswith(magic):
            raise PaperError(
                f"paper '{path}': found {name} ; expected LaTeX, HTML, PDF, Markdown or plain text. "
                "Unpack or convert it first."
            )
    if b"\x00" in start:
        raise PaperError(
            f"paper '{path}': found binary data ; expected LaTeX, HTML, PDF, Markdown or plain text. "
            "Give the paper in one of these."
        )
    html, latex = _HTML.search(start[:4096]), _LATEX.search(start)
    if html is not None and (latex is None or html.start() < latex.start()):
        return "html"
    fences = data.startswith(b"#") or b"\n```" in start
    if latex is not None and not (fences and _MAIN.search(start) is None):
        return "latex"
    return "text"


def _text_of(data: bytes) -> tuple[str, tuple[str, ...]]:
    notices: tuple[str, ...] = ()
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = data.decode("latin-1")
        notices = (
            "The text is no UTF-8; it was read as Latin-1, so that some letters may be wrong.",
        )
    return text.replace("\r\n", "\n").replace("\r", "\n").replace("\x00", ""), notices


def _main_of(folder: Path) -> Path:
    """Return the main file of a paper's folder."""
    files = _files_of(folder)
    by_suffix: Callable[..., list[Path]] = lambda *s: [f for f in files if f.suffix.lower() in s]  # noqa: E731
    mains = [f for f in by_suffix(".tex", ".ltx") if _MAIN.search(_start_of(f))]
    if len(mains) > 1:
        # The one that others do not read; of those the one with a usual name, then the longest.
        usual = ("main", "ms", "paper", "root", "article", "acl", "arxiv")
        mains.sort(
            key=lambda f: (len(f.parts), f.stem.lower() not in usual, -f.stat().st_size, f.name)
        )
    others = by_suffix(".tex", ".ltx")[:1] if len(by_suffix(".tex", ".ltx")) == 1 else []
    for found in (
        mains,
        others,
        by_suffix(".html", ".htm", ".xhtml"),
        by_suffix(".md"),
        by_suffix(".txt"),
        by_suffix(".pdf"),
    ):
        if found:
            return found[0]
    raise PaperError(
        f"paper '{folder}': found no file that is a paper among {len(files)} ; expected a .tex file "
        r"with \documentclass, or one .html, .md, .txt or .pdf. Name the file itself."
    )


def _files_of(folder: Path) -> list[Path]:
    found: list[Path] = []
    for here, names, files in os.walk(folder, followlinks=False):
        names[:] = sorted(n for n in names if not n.startswith("."))[:100]
        if len(Path(here).relative_to(folder).parts) >= 4:
            names.clear()
        for name in sorted(files):
            path = Path(here) / name
            if not name.startswith(".") and not path.is_symlink() and path.is_file():
                found.append(path)
        if len(found) > _MAX_LISTED:
            break
    return found


def _start_of(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(_SNIFFED)


class _Folder:
    """Finds the files that a paper reads, inside its own folder only."""

    def __init__(self, main: Path) -> None:
        self.root = main.parent.resolve()
        self.read = 1
        self.bytes = 0

    def load(self, name: str) -> tuple[str, list[Token]] | str:
        """Return the name and tokens of a file that the paper reads, or why there are none."""
        shown = "".join(c if c.isprintable() else "?" for c in name[:100])
        if self.read >= MAX_FILES:
            return f"More than {MAX_FILES} files are read by the paper; the rest was left out."
        try:
            path = self._find(name)
            if path is None:
                return f"File '{shown}' is not in the paper's folder; what it says was not read."
            data = path.read_bytes() if path.stat().st_size <= MAX_BYTES - self.bytes else None
        except (OSError, ValueError):
            return f"File '{shown}' cannot be opened; what it says was not read."
        if data is None:
            return f"File '{shown}' makes the paper longer than {MAX_BYTES} bytes; it was left out."
        self.bytes += len(data)
        tokens = tokens_of(_text_of(data)[0], self.read)
        self.read += 1
        return str(path.relative_to(self.root)), tokens

    def _find(self, name: str) -> Path | None:
        for candidate in (name, f"{name}.tex"):
            if not candidate or candidate.startswith(("/", "~", "|")) or "\x00" in candidate:
                continue
            path = (self.root / candidate).resolve()
            if path.is_relative_to(self.root) and path.is_file():
                return path
        return None
