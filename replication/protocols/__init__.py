"""Bundled protocols, as data: what papers report, and what we run."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import resources
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from replication.errors import ProtocolError
from replication.protocol import Protocol

__all__ = ["bundled_protocols", "load_protocol"]

MAX_BYTES = 2**20


def bundled_protocols() -> tuple[str, ...]:
    """Return the names of the protocols that ship with Corroborate, sorted."""
    folder = resources.files("replication.protocols")
    return tuple(sorted(f.name[:-5] for f in folder.iterdir() if f.name.endswith(".yaml")))


def load_protocol(name: str, size: str | None = None, seeds: int | None = None) -> Protocol:
    """Return a protocol by bundled name or file path.

    A file may hold `sizes`, a mapping from a size's name to the fields that it changes, merged into
    the rest; and `default_size`.

    Args:
        name: a bundled protocol or the path of a YAML file.
        size: one of the file's sizes; None for its default.
        seeds: number of replicates in place of the file's.

    Raises:
        ProtocolError: unknown name or size, or fields that do not fit, each of them named.
    """
    document = _document(name)
    sizes = document.pop("sizes", {})
    chosen = size or document.pop("default_size", None)
    document.pop("default_size", None)
    if chosen is not None:
        if chosen not in sizes:
            known = ", ".join(sorted(sizes)) or "none"
            raise ProtocolError(
                f"protocol '{name}': found no size '{chosen}' ; expected one of: {known}."
            )
        document = _merged(document, {**sizes[chosen], "size": chosen})
    if seeds is not None:
        document["seeds"] = seeds
    try:
        return Protocol.model_validate(document)
    except ValidationError as error:
        lines = [
            f"  {'.'.join(str(p) for p in e['loc'])}: found {str(e['input'])[:60]!r} ; {e['msg']}"
            for e in error.errors()
        ]
        raise ProtocolError(
            f"protocol '{name}': {len(lines)} faults\n" + "\n".join(lines)
        ) from None


def _document(name: str) -> dict[str, Any]:
    path = Path(name)
    if path.suffix in (".yaml", ".yml") and path.is_file():
        if path.stat().st_size > MAX_BYTES:
            raise ProtocolError(f"protocol '{name}': found over 1 MiB ; expected less.")
        text = path.read_text(encoding="utf-8")
    elif name in bundled_protocols():
        text = (resources.files("replication.protocols") / f"{name}.yaml").read_text("utf-8")
    else:
        known = ", ".join(bundled_protocols())
        raise ProtocolError(
            f"protocol '{name}': found no such file or bundled protocol ; expected one of: {known}."
        )
    try:
        document = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise ProtocolError(f"protocol '{name}': is not YAML: {error}") from None
    if not isinstance(document, dict):
        raise ProtocolError(
            f"protocol '{name}': found no mapping ; expected the fields of a protocol."
        )
    return document


def _merged(base: Mapping[str, Any], change: Mapping[str, Any]) -> dict[str, Any]:
    result = dict(base)
    for key, value in change.items():
        old = result.get(key)
        both = isinstance(old, dict) and isinstance(value, dict)
        result[key] = _merged(old, value) if both else value  # type: ignore[arg-type]
    return result
