"""Which files does an import read, and what exactly was in them? Every one is bounded and hashed.

Light: imports neither torch nor transformers nor datasets.
"""

from __future__ import annotations

import hashlib
import json
import os
import stat
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from replication.errors import ImportedScoresError
from replication.imports.faults import shown
from replication.origin import MAX_SOURCES, SourceFile

__all__ = ["MAX_BYTES", "MAX_DEPTH", "Sources", "parsed"]

MAX_BYTES = 256 * 2**20
"""Largest file read."""
MAX_DEPTH = 12
"""Folders below the one that is imported that are looked into."""
_MAX_ENTRIES = 200_000
_LONGEST = 1000
"""Characters of a path that a record of a source may have."""


def parsed(text: str) -> Any:
    """Return the value of a JSON text, whose numbers may be `NaN` as Python writes them.

    Raises:
        ValueError: it is none, or an object in it has a key twice, of which one value would be lost.
        RecursionError: it is nested too deeply.
    """
    return json.loads(text, object_pairs_hook=_object)


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        counts = Counter(key for key, _ in pairs)
        raise ValueError(f"the key {shown(counts.most_common(1)[0][0])} twice in one object")
    return found


class Sources:
    """Reads the files of one import, all of them below one folder, and remembers what they held."""

    def __init__(self, root: Path) -> None:
        """Take what the user named: a folder, or a single file.

        Raises:
            ImportedScoresError: there is nothing of that name.
        """
        self.root = Path(root)
        try:
            self.root.stat()
        except (OSError, ValueError):  # also: too long a name, links in a circle, NUL
            raise self.fault(
                f"import '{str(root)[:200]}': found nothing there ; expected a file or a folder."
            ) from None
        self.folder = self.root if self.root.is_dir() else self.root.parent
        self._read: dict[str, SourceFile] = {}

    @property
    def files(self) -> tuple[SourceFile, ...]:
        """Every file read so far, sorted by path."""
        return tuple(self._read[name] for name in sorted(self._read))

    def name(self, path: Path) -> str:
        """Return a file's path as `SourceFile` has it: relative to the folder, with `/`.

        Raises:
            ImportedScoresError: no record can hold it.
        """
        name = path.relative_to(self.folder).as_posix()
        if not name.isprintable() or len(name) > _LONGEST:
            raise self.fault(
                f"file {shown(name)}: found a path of {len(name)} characters, not all of which can be "
                f"printed ; expected at most {_LONGEST}, all printable. Rename it."
            )
        return name

    def find(self, *names: str) -> Iterator[Path]:
        """Yield every file of one of these names, or ending so where a name starts with `*`; sorted.

        Links are not followed.
        """
        if not self.root.is_dir():
            yield self.root
            return
        seen = 0
        for folder, inner, files in os.walk(self.folder):
            inner.sort()
            if len(Path(folder).relative_to(self.folder).parts) >= MAX_DEPTH:
                inner.clear()
            seen += len(files)
            if seen > _MAX_ENTRIES:
                raise self.fault(
                    f"import '{self.root}': found over {_MAX_ENTRIES} files ; expected a folder of "
                    "results. Name the folder that holds them alone."
                )
            for name in sorted(files):
                if any(name == n or (n[0] == "*" and name.endswith(n[1:])) for n in names):
                    yield Path(folder) / name

    def read(self, path: Path, *, most: int = MAX_BYTES) -> bytes:
        """Return the bytes of a file below the folder.

        Args:
            path: of the file.
            most: bytes that it may have.

        Raises:
            ImportedScoresError: it is no plain file, a link, too large, or cannot be read.
        """
        name = self.name(path)
        try:
            descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
            with os.fdopen(descriptor, "rb") as file:
                if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                    raise self.fault(f"file '{name}': found no plain file ; expected one.")
                data = file.read(most + 1)
        except OSError as error:
            raise self.fault(
                f"file '{name}': found that it cannot be read ({error.strerror}) ; expected a plain "
                "file, not a link."
            ) from None
        if len(data) > most:
            raise self.fault(f"file '{name}': found over {most} bytes ; expected at most so many.")
        self.add(name, data)
        return data

    def add(self, name: str, data: bytes) -> None:
        """Remember bytes under a name, such as an answer of a server."""
        if len(self._read) >= MAX_SOURCES and name not in self._read:
            raise self.fault(
                f"import '{self.root}': found over {MAX_SOURCES} files with scores ; expected fewer. "
                "Import the parts one by one."
            )
        self._read[name] = SourceFile(path=name, sha256=hashlib.sha256(data).hexdigest())

    def text(self, path: Path, *, most: int = MAX_BYTES) -> str:
        """Return the text of a file.

        Raises:
            ImportedScoresError: it cannot be read, or is not in UTF-8.
        """
        data = self.read(path, most=most)
        try:
            return data.decode("utf-8-sig")
        except UnicodeDecodeError as error:
            raise self.fault(
                f"file '{self.name(path)}': found bytes that are not UTF-8 at position {error.start} ; "
                "expected UTF-8. Save it in that."
            ) from None

    def json(self, path: Path, *, most: int = MAX_BYTES) -> Any:
        """Return the value of a JSON file, whose numbers may be `NaN` as Python writes them.

        Raises:
            ImportedScoresError: it cannot be read, or is no JSON in UTF-8, or nested too deeply.
        """
        text = self.text(path, most=most)
        try:
            return parsed(text)
        except (ValueError, RecursionError) as error:
            raise self.fault(
                f"file '{self.name(path)}': found no JSON ({error}) ; expected a JSON file in UTF-8."
            ) from None

    @staticmethod
    def fault(text: str) -> ImportedScoresError:
        """Return the error of one fault that leaves nothing to go on with."""
        return ImportedScoresError(text[:2000])
