"""Bundled protocols, as data: what papers report, and what we run.

Light: imports neither torch nor transformers nor datasets.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from importlib import resources
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from claims.errors import Fault
from claims.safe_yaml import DOCUMENT, LocatedYaml, Place, dotted, read_yaml, shown
from claims.wording import faults_of
from replication.errors import ProtocolError
from replication.protocol import Protocol

__all__ = ["SET", "bundled_protocols", "changes_of", "load_protocol"]

SET = "Set on the command line."
"""Source of a field that `--set` changed."""

MAX_BYTES = 2**20
"""Largest protocol file read: 1 MiB."""

_SIZE_FIELDS = ("sizes", "default_size")
"""Fields of a file that choose between variants; the rest is the protocol."""


def bundled_protocols() -> tuple[str, ...]:
    """Return the names of the protocols that ship with Corroborate, sorted."""
    folder = resources.files("replication.protocols")
    return tuple(sorted(f.name[:-5] for f in folder.iterdir() if f.name.endswith(".yaml")))


def load_protocol(
    name: str, size: str | None = None, seeds: int | None = None, changes: Iterable[str] = ()
) -> Protocol:
    """Return a protocol by bundled name or file path.

    A file may hold `sizes`, a mapping from a size's name to the fields that it changes, merged into
    the rest; and `default_size`. Without them its one size is `full`, the file as it stands.

    Args:
        name: a bundled protocol or the path of a YAML file.
        size: one of the file's sizes; None for its default.
        seeds: number of replicates in place of the file's.
        changes: fields set to other values, each `dotted.field=value` with the value in YAML; the
            protocol's sources then say so.

    Raises:
        ProtocolError: unknown name or size, or fields that do not fit, each of them named.
    """
    document = read_yaml(_text(name))
    if not isinstance(document.value, dict):
        found = () if document.faults else (_no_mapping((), document),)
        raise _faulty(name, (*document.faults, *found))
    if not document.complete:
        raise _faulty(name, document.faults)
    believed, faults = _of_size(name, document, size)
    if seeds is not None:
        believed.value["seeds"] = seeds
    for change in changes:
        _apply(believed.value, change)
    try:
        protocol = Protocol.model_validate_json(json.dumps(believed.value), strict=True)
    except ValidationError as error:
        faults += faults_of(error, believed, record=Protocol)
        raise _faulty(name, (*document.faults, *faults)) from None
    if faults or document.faults:
        raise _faulty(name, (*document.faults, *faults))
    return protocol


def changes_of(protocol: Protocol) -> tuple[str, ...]:
    """Return what `--set` changed of a protocol, each `dotted.field=value`, sorted."""
    document = protocol.model_dump(mode="json", by_alias=True)
    found = []
    for path in sorted(p for p, source in protocol.sources.items() if source == SET):
        here: Any = document
        for step in path.split("."):
            here = here.get(step) if isinstance(here, dict) else None
        found.append(f"{path}={json.dumps(here)}")
    return tuple(found)


def _apply(document: dict[str, Any], change: str) -> None:
    """Set one field of a protocol's document.

    Raises:
        ProtocolError: the change is not of the form FIELD=VALUE, or its value is no YAML.
    """
    path, equals, text = change.partition("=")
    value = read_yaml(f"value: {text}\n")
    if (
        not equals
        or not path
        or value.faults
        or not value.complete
        or set(value.value) != {"value"}
    ):
        raise ProtocolError(
            f"change {shown(change, 200)}: found no FIELD=VALUE ; expected a dotted field and a value, "
            "such as intermediate.epochs=3."
        )
    here = document
    *blocks, field = path.split(".")
    for block in blocks:
        inner = here.get(block)
        here[block] = dict(inner) if isinstance(inner, dict) else {}
        here = here[block]
    here[field] = value.value["value"]
    document["sources"] = {**document.get("sources", {}), path: SET}


def _text(name: str) -> str:
    path = Path(name)
    try:
        if path.suffix in (".yaml", ".yml") and path.is_file():
            with path.open("rb") as file:
                data = file.read(MAX_BYTES + 1)
        elif name in bundled_protocols():
            data = (resources.files("replication.protocols") / f"{name}.yaml").read_bytes()
        else:
            known = ", ".join(bundled_protocols())
            raise ProtocolError(
                f"protocol {shown(name, 200)}: found no such *.yaml file or bundled protocol ; "
                f"expected one of: {known}. Check the spelling."
            )
        if len(data) > MAX_BYTES:
            raise ProtocolError(f"protocol '{name}': found over 1 MiB ; expected less.")
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        fault = Fault(line, DOCUMENT, f"the byte 0x{data[error.start]:02x}", "text in UTF-8")
        raise _faulty(name, (fault,)) from None
    except OSError as error:
        raise ProtocolError(
            f"protocol {shown(name, 200)}: found a file that cannot be read "
            f"({type(error).__name__}) ; expected a readable one. Check its permissions."
        ) from None


def _of_size(
    name: str, document: LocatedYaml, wanted: str | None
) -> tuple[LocatedYaml, tuple[Fault, ...]]:
    """Return the document with one size merged into it, and what is wrong with its sizes.

    Raises:
        ProtocolError: the file has no such size.
    """
    plain = {k: v for k, v in document.value.items() if k not in _SIZE_FIELDS}
    lines = {p: n for p, n in document.lines.items() if not p or p[0] not in _SIZE_FIELDS}
    whole = LocatedYaml(plain, lines, (), document.unreadable, complete=True)
    sizes, default = document.value.get("sizes", {}), document.value.get("default_size")
    faults = []
    if not isinstance(sizes, dict):
        faults.append(_no_mapping(("sizes",), document))
        sizes = {}
    if default is not None and (not isinstance(default, str) or default not in sizes):
        place, expected = ("default_size",), f"one of {', '.join(sorted(sizes)) or 'none'}"
        faults.append(Fault(document.line(place), dotted(place), shown(default), expected))
        default = None
    chosen = default if wanted is None else wanted
    own = plain.get("size", "full")
    if chosen is None or (chosen == own and chosen not in sizes):
        return whole, tuple(faults)
    if chosen not in sizes:
        known = ", ".join(sorted({*sizes, *([] if sizes else [own])}))
        raise ProtocolError(
            f"protocol '{name}': found no size {shown(chosen)} ; expected one of: {known}."
        )
    change = {} if sizes[chosen] is None else sizes[chosen]
    if not isinstance(change, dict):
        faults.append(_no_mapping(("sizes", chosen), document))
        return whole, tuple(faults)
    whole.value.update(_merged(plain, change) | {"size": chosen})
    return _relocated(whole, document, ("sizes", chosen)), tuple(faults)


def _relocated(merged: LocatedYaml, document: LocatedYaml, prefix: Place) -> LocatedYaml:
    """Return the merged document with the lines of what a size changed."""
    depth = len(prefix)
    lines = dict(merged.lines)
    for place, line in document.lines.items():
        inner = place[depth:]
        both = isinstance(merged.at(inner), dict) and inner in lines
        if place[:depth] == prefix and inner and not both:
            lines[inner] = line
    moved = {p[depth:] for p in document.unreadable if p[:depth] == prefix and len(p) > depth}
    return LocatedYaml(merged.value, lines, (), document.unreadable | moved, complete=True)


def _merged(base: Mapping[str, Any], change: Mapping[str, Any]) -> dict[str, Any]:
    """Return the base with the changes: mappings are merged at any depth, all else is replaced."""
    result = dict(base)
    for key, value in change.items():
        old = result.get(key)
        if isinstance(old, dict) and isinstance(value, dict):
            result[key] = _merged(old, value)
        else:
            result[key] = value
    return result


def _no_mapping(place: Place, document: LocatedYaml) -> Fault:
    found = shown(document.at(place))
    return Fault(document.line(place), dotted(place), found, "a mapping of fields")


def _faulty(name: str, faults: tuple[Fault, ...]) -> ProtocolError:
    listed = sorted(set(faults))
    plural = "fault" if len(listed) == 1 else "faults"
    lines = "\n".join(f"  {fault}" for fault in listed)
    return ProtocolError(f"protocol '{name}': {len(listed)} {plural}\n{lines}")
