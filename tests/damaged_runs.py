"""A run's folder with one of its files damaged, for tests of readers of foreign formats."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path

from hypothesis import strategies as st

DAMAGE = st.tuples(st.floats(0, 1), st.binary(max_size=6), st.booleans())
"""Where in a file, what is written there, and whether the rest is cut off."""


def copy_damaged(
    source: Path, folder: Path, names: Sequence[Path | str], which: Path | str, damage
) -> None:
    """Copy the files of these names, one of them damaged."""
    at, junk, cut = damage
    for name in names:
        shutil.copy(source / name, folder)
    data = (folder / which).read_bytes()
    place = int(at * len(data))
    rest = b"" if cut else data[place + len(junk) :]
    (folder / which).write_bytes(data[:place] + junk + rest)
