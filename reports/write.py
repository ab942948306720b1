"""How do reports reach a folder so that no reader ever meets half a file?"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path, PurePosixPath

from reports.document import Document
from reports.errors import RendererError, WriteError
from reports.renderer import Renderer, renderer

__all__ = ["write", "write_files"]


def write(document: Document, folder: Path, formats: Sequence[str]) -> tuple[Path, ...]:
    """Write a document in each format, and return the files in the order of the formats.

    Everything is rendered before anything is written; each file is then replaced in one step.

    Args:
        document: the document.
        folder: made where it does not exist.
        formats: names of renderers, such as `md` and `json`; repeated ones count once.

    Raises:
        RendererError: a format without usable renderer, or two that write the same file.
        WriteError: the folder or a file cannot be written.
    """
    chosen = [renderer(name) for name in dict.fromkeys(formats)]
    names = [_checked_name(one) for one in chosen]
    if len(set(names)) != len(names):
        raise RendererError(
            f"report formats {', '.join(formats)}: found files {', '.join(names)} ; expected "
            "a file of its own for each. Write the formats into different folders."
        )
    contents = {name: one.render(document) for name, one in zip(names, chosen, strict=True)}
    beside = {path: b for one in chosen for path, b in _beside(one, document).items()}
    write_files(folder, {**beside, **contents})
    return tuple(folder / name for name in names)


def write_files(folder: Path, contents: Mapping[str, bytes]) -> None:
    """Write files below a folder, each in one step, in the order given.

    Args:
        folder: made where it does not exist.
        contents: path below the folder -> bytes; paths are trusted.

    Raises:
        WriteError: the folder or a file cannot be written.
    """
    try:
        for path, content in contents.items():
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            _replace(folder / path, content)
    except OSError as error:
        raise WriteError(
            f"report folder '{folder}': found {error.strerror or error} ; expected a folder that "
            "can be written. Name another with --out."
        ) from None


def _beside(one: Renderer, document: Document) -> dict[str, bytes]:
    files: dict[str, bytes] = getattr(one, "beside", lambda _: {})(document)
    for name in files:
        path = PurePosixPath(name)
        if path.is_absolute() or len(path.parts) < 2 or {".", ".."} & {*path.parts} or "\\" in name:
            raise RendererError(
                f"report format '{one.name}': found file '{name}' beside its own ; expected a path "
                "in a folder below the report's. Mend the plugin."
            )
    return files


def _checked_name(one: Renderer) -> str:
    name = one.file_name
    if name in {"", ".", ".."} or Path(name).name != name or "\\" in name:
        raise RendererError(
            f"report format '{one.name}': found file name '{name}' ; expected a name without "
            "folder. Mend the plugin."
        )
    return name


def _replace(path: Path, content: bytes) -> None:
    handle, temporary = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        Path(temporary).chmod(0o644)
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
