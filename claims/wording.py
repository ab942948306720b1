"""Which words tell a person what a file lacks, where the validation library has only codes?

Turns validation errors of claim files, and of other records in YAML, into faults with line, field,
found and expected.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from claims.claim import Claim, ClaimSet
from claims.errors import Fault
from claims.safe_yaml import LocatedYaml, Place, dotted, shown

__all__ = ["KINDS", "faults_of", "one_of"]

KINDS: Mapping[str, type[BaseModel]] = {
    get_args(record.model_fields["kind"].annotation)[0]: record
    for record in get_args(get_args(Claim)[0])
}
"""The record of each kind of claim."""

_PATTERNS = {
    "arxiv": "an arXiv identifier with its version, in quotes, such as '2005.13013v2'",
    "field": "a dotted path into the protocol, such as base.checkpoint",
}
_NAME = "a name of letters, digits and . _ + - that starts with a letter or digit, at most 80 long"
_KEY = "[key]"
"""Where the library's location ends if a mapping's key is at fault, and not its value."""
_KIND_ERRORS = ("union_tag_not_found", "union_tag_invalid")
_TYPES = {
    "string_type": "text",
    "float_type": "a number",
    "float_parsing": "a number",
    "int_type": "a whole number",
    "int_parsing": "a whole number",
    "int_from_float": "a whole number",
    "bool_type": "true or false",
    "bool_parsing": "true or false",
    "finite_number": "a finite number",
    "tuple_type": "a list",
    "list_type": "a list",
    "dict_type": "a mapping of fields",
    "model_type": "a mapping of fields",
    "model_attributes_type": "a mapping of fields",
}


@dataclass(frozen=True, slots=True)
class _Placed:
    """A validation error at its place in the file."""

    path: Place
    union: Place | None
    """Place of the field that allows several shapes, where the error is about one of them."""
    branch: str
    """Name of that shape."""
    error: ErrorDetails


def faults_of(
    error: ValidationError, document: LocatedYaml, *, record: type[BaseModel] = ClaimSet
) -> tuple[Fault, ...]:
    """Return every fault that a failed validation names, except at places already refused.

    Args:
        error: what the validation of the document raised.
        document: the file's values with their lines.
        record: what the document should have been.
    """
    details = error.errors(include_url=False, include_input=False)
    placed = [_placed(detail, document) for detail in details]
    placed = [
        p
        for p in placed
        if not _refused(p, document) and not _too_short_for_faults_inside(p, document)
    ]
    faults = [_fault(p, document, record) for p in placed if p.union is None]
    unions: dict[Place, list[_Placed]] = {}
    for p in placed:
        if p.union is not None:
            unions.setdefault(p.union, []).append(p)
    for union, members in unions.items():
        faults += _union_faults(members, union, document, record)
    return _merged(faults)


def one_of(names: Iterable[str], found: Any = None) -> str:
    """Return `one of a, b, c`, and the nearest of them where the found name resembles it."""
    known = sorted(names)
    near = difflib.get_close_matches(found[:80], known, n=1) if isinstance(found, str) else []
    hint = f" (did you mean '{near[0]}'?)" if near else ""
    return f"one of {', '.join(known)}{hint}"


def _refused(placed: _Placed, document: LocatedYaml) -> bool:
    """Tell whether the place, whose value could not be read, already has its fault."""
    about_kind = placed.error["type"] in _KIND_ERRORS
    path = (*placed.path, "kind") if about_kind else placed.path
    return any(path[:end] in document.unreadable for end in range(len(path) + 1))


def _placed(error: ErrorDetails, document: LocatedYaml) -> _Placed:
    """Match the library's location, which also names kinds and shapes, with the file's fields."""
    path: list[str | int] = []
    union: Place | None = None
    branch = ""
    here: Any = document.value
    for i, step in enumerate(error["loc"]):
        if i == 2 and error["loc"][0] == "claims" and step in KINDS:
            continue
        if _has(here, step):
            here = here[step]
        elif error["type"] == "missing":
            here = None
        else:
            union, branch = (tuple(path), str(step)) if union is None else (union, branch)
            continue
        path.append(step)
    return _Placed(tuple(path), union, branch, error)


def _has(container: Any, step: str | int) -> bool:
    if isinstance(container, dict):
        return step in container
    return isinstance(container, list) and isinstance(step, int) and 0 <= step < len(container)


def _too_short_for_faults_inside(placed: _Placed, document: LocatedYaml) -> bool:
    """Tell whether a list is called short only because items in it are faulty themselves."""
    value = document.at(placed.path)
    least = placed.error.get("ctx", {}).get("min_length", 0)
    return placed.error["type"] == "too_short" and isinstance(value, list) and len(value) >= least


def _union_faults(
    placed: list[_Placed], union: Place, document: LocatedYaml, record: type[BaseModel]
) -> list[Fault]:
    """Return the faults of a field that allows several shapes, of the shape that was meant."""
    if isinstance(document.at(union), list):
        meant = [p for p in placed if "tuple" in p.branch]
        if meant:
            return [_fault(p, document, record) for p in meant]
    words = dict.fromkeys(_expected(p.error, p.path) for p in placed)
    expected = " or ".join(words)
    about_key = all(p.branch == _KEY for p in placed)
    found = f"the name {shown(union[-1])}" if about_key else shown(document.at(union))
    return [Fault(document.line(union), dotted(union), found, expected)]


def _fault(placed: _Placed, document: LocatedYaml, record: type[BaseModel]) -> Fault:
    path, error = placed.path, placed.error
    kind = error["type"]
    if kind == "missing":
        return Fault(document.line(path), dotted(path), "nothing", f"the field '{path[-1]}'")
    if kind in _KIND_ERRORS:
        found = document.at((*path, "kind"))
        path = (*path, "kind")
        return Fault(document.line(path), dotted(path), shown(found), one_of(KINDS, found))
    if kind == "extra_forbidden":
        holder = document.at(path[:-1]) or ()
        known = _field_names(_record_at(path[:-1], document, record)) - set(holder)
        found = f"the unknown field {shown(path[-1])}"
        expected = one_of(known, path[-1]) if known else "no further field"
        return Fault(document.line(path), dotted(path), found, expected)
    if kind == "value_error":
        message = _message(error)
        first = message.split(" ", 1)[0]
        if first in _field_names(_record_at(path, document, record)):
            path = (*path, first)
        found = shown(document.at(path))
        return Fault(document.line(path), dotted(path), found, f"this to hold: {message}")
    found = shown(document.at(path))
    return Fault(document.line(path), dotted(path), found, _expected(error, path))


def _merged(faults: Iterable[Fault]) -> tuple[Fault, ...]:
    """Join what is expected at one place into one fault."""
    expected: dict[tuple[int, str, str], dict[str, None]] = {}
    for fault in faults:
        place = (fault.line, fault.field, fault.found)
        expected.setdefault(place, {})[fault.expected] = None
    return tuple(Fault(*place, " or ".join(words)) for place, words in expected.items())


def _message(error: ErrorDetails) -> str:
    """Return what a rule over several fields says, also where it was checked by another record."""
    cause = error.get("ctx", {}).get("error")
    if isinstance(cause, ValidationError):
        inner = cause.errors(include_url=False, include_input=False)
        return " and ".join(_message(e) for e in inner)
    text = str(cause) if isinstance(cause, ValueError) else error["msg"]
    return " ".join(re.sub(r"^Value error, ", "", text).split())


def _expected(error: ErrorDetails, path: Place) -> str:
    """Return in plain words what a field may hold."""
    kind, limits = error["type"], error.get("ctx", {})
    bounds = {
        "greater_than": f"a number above {limits.get('gt', 0):g}",
        "greater_than_equal": f"a number of at least {limits.get('ge', 0):g}",
        "less_than": f"a number below {limits.get('lt', 0):g}",
        "less_than_equal": f"a number of at most {limits.get('le', 0):g}",
        "literal_error": str(limits.get("expected")),
        "string_too_long": f"at most {limits.get('max_length')} characters",
        "string_too_short": "text that is not empty",
        "too_short": _count("at least", limits.get("min_length")),
        "too_long": _count("at most", limits.get("max_length")),
        "string_pattern_mismatch": _NAME,
        **_TYPES,
    }
    last = path[-1] if path else ""
    if kind in ("string_pattern_mismatch", "string_type") and last in _PATTERNS:
        return _PATTERNS[str(last)]
    return bounds.get(kind) or " ".join(error["msg"].split())


def _count(bound: str, number: int | None) -> str:
    return f"{bound} {number} {'item' if number == 1 else 'items'}"


def _record_at(path: Place, document: LocatedYaml, root: type[BaseModel]) -> type[BaseModel] | None:
    """Return the record that stands at a place of the file; None where none does."""
    record: type[BaseModel] | None = root
    at_key = False  # whether the next step is a name in a mapping, and no field of a record
    for end, step in enumerate(path, start=1):
        if isinstance(step, int) or at_key:
            at_key = False
            continue
        fields = record.model_fields if record else {}
        info = fields.get(step)
        inside = list(_records_in(info.annotation)) if info else []
        if len(inside) > 1:
            inside = [r for r in inside if r is KINDS.get(_kind_of(path[: end + 1], document))]
        record = inside[0] if inside else None
        at_key = info is not None and get_origin(info.annotation) is dict
    return record


def _kind_of(path: Place, document: LocatedYaml) -> str:
    kind = document.at((*path, "kind"))
    return kind if isinstance(kind, str) else ""


def _records_in(annotation: Any) -> Iterable[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for part in get_args(annotation):
        yield from _records_in(part)


def _field_names(record: type[BaseModel] | None) -> set[str]:
    fields = record.model_fields if record else {}
    return {info.alias or name for name, info in fields.items()}
