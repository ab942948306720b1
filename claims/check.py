"""Is a claim file acceptable, and if not, what is wrong with it, where, all of it at once?

Claim files come from strangers: size, depth and form are bounded before anything is believed.
"""

from __future__ import annotations

import json
import stat
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from claims.claim import SCHEMA, ClaimSet, ProtocolClaim
from claims.drafts import DRAFTS
from claims.errors import ClaimFileError, Fault
from claims.safe_yaml import DOCUMENT, LocatedYaml, dotted, read_yaml, shown
from claims.wording import faults_of

__all__ = ["MAX_BYTES", "json_schema", "parse_claims", "read_claim_file"]

MAX_BYTES = 2**20
"""Largest claim file read: 1 MiB."""

MAX_FAULTS = 500
"""Most faults listed; one more line then counts the rest."""


def read_claim_file(path: str | Path) -> ClaimSet:
    """Read and check a claim file.

    Args:
        path: a YAML file of schema `corroborate/claims@1`, at most 1 MiB of UTF-8.

    Raises:
        ClaimFileError: the file cannot be read or accepted; it holds every fault found.
    """
    name = str(path)
    try:
        status = Path(path).stat()
        if not stat.S_ISREG(status.st_mode):
            raise _refused(name, "something that is not a file", "a claim file")
        with Path(path).open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except FileNotFoundError as error:
        raise _refused(name, "no such file", "a claim file") from error
    except (OSError, ValueError) as error:
        found = f"a file that cannot be opened ({type(error).__name__})"
        raise _refused(name, found, "a readable file") from error
    return parse_claims(data, path=name)


def parse_claims(data: bytes, *, path: str) -> ClaimSet:
    """Check the bytes of a claim file.

    Args:
        data: the file's bytes.
        path: the name under which faults are reported.

    Raises:
        ClaimFileError: the bytes are no acceptable claim file; it holds every fault found.
    """
    if len(data) > MAX_BYTES:
        raise _refused(path, f"more than {MAX_BYTES} bytes", f"at most {MAX_BYTES} bytes")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        fault = Fault(line, DOCUMENT, f"the byte 0x{data[error.start]:02x}", "text in UTF-8")
        raise ClaimFileError(path, (fault,)) from None
    document = read_yaml(text)
    faults = list(document.faults)
    claims: ClaimSet | None = None
    if document.complete:
        more, claims = _checked(document)
        faults += more
    if faults or claims is None:
        raise ClaimFileError(path, _listed(faults))
    return claims


def json_schema() -> dict[str, Any]:
    """Return the JSON Schema of claim files, for editors that complete and check while typing."""
    schema = ClaimSet.model_json_schema(by_alias=True)
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}


def _checked(document: LocatedYaml) -> tuple[list[Fault], ClaimSet | None]:
    """Check a document against the records; return its faults, or the claims without any."""
    value = document.value
    if not isinstance(value, dict):
        expected = "a mapping with the fields schema, paper and claims"
        fault = Fault(document.line(()), DOCUMENT, shown(value), expected)
        return ([] if () in document.unreadable else [fault]), None
    faults: list[Fault] = []
    version = value.get("schema")
    if version != SCHEMA and ("schema",) not in document.unreadable:
        expected = f"'{SCHEMA}', the one version that this program reads"
        if version == DRAFTS:
            expected = (
                f"'{SCHEMA}': drafts are no claims. Write those that you have checked into a claim "
                "file, with treatment, measure and tolerance, as docs/claim-files.md shows"
            )
        faults.append(Fault(document.line(("schema",)), "schema", shown(version), expected))
        if isinstance(version, str):
            # Another version has other fields, so that its other faults would be ours.
            return faults, None
    if "schema_version" in value:
        line, found = document.line(("schema_version",)), "the unknown field 'schema_version'"
        faults.append(Fault(line, "schema_version", found, "'schema'"))
    believed = {k: v for k, v in value.items() if k != "schema_version"} | {"schema": SCHEMA}
    repeated = _repeated_ids(document)
    try:
        claims = ClaimSet.model_validate_json(json.dumps(believed), strict=True)
    except ValidationError as error:
        told = faults_of(error, document)
        faults += [f for f in told if not (repeated and "claim ids must differ" in f.expected)]
        return [*faults, *repeated], None
    return [*faults, *repeated, *_undescribed(document, claims)], claims


def _undescribed(document: LocatedYaml, claims: ClaimSet) -> list[Fault]:
    """Return a fault for each measure that names what its benchmark, described here, does not have."""
    faults = []
    for i, claim in enumerate(claims.claims):
        measure = None if isinstance(claim, ProtocolClaim) else claim.measure
        tasks = claims.benchmarks.get(measure.benchmark) if measure else None
        if measure is None or tasks is None:
            continue
        meant = [tasks[name] for name in tasks if measure.tasks == "all" or name in measure.tasks]
        spoken = {code for task in meant for code in task.languages}
        for field, named, known in (
            ("tasks", measure.tasks, set(tasks)),
            ("languages", measure.languages, spoken),
        ):
            if isinstance(named, str) or not known or set(named) <= known:
                continue
            place = ("claims", i, "measure", field)
            found = shown(", ".join(sorted(set(named) - known)))
            expected = (
                f"names that benchmark '{measure.benchmark}' has: {', '.join(sorted(known)[:20])}"
            )
            faults.append(Fault(document.line(place), dotted(place), found, expected))
    return faults


def _repeated_ids(document: LocatedYaml) -> list[Fault]:
    """Return a fault for each claim whose id an earlier claim has."""
    claims = document.value.get("claims")
    first: dict[str, int] = {}
    faults = []
    for i, claim in enumerate(claims if isinstance(claims, list) else []):
        name = claim.get("id") if isinstance(claim, dict) else None
        if not isinstance(name, str):
            continue
        if name in first:
            place = ("claims", i, "id")
            line = document.line(("claims", first[name], "id"))
            expected = f"an id of its own; line {line} has this one"
            faults.append(Fault(document.line(place), dotted(place), shown(name), expected))
        first.setdefault(name, i)
    return faults


def _listed(faults: list[Fault]) -> tuple[Fault, ...]:
    """Return the faults in the order of the file, each once, and a last line for too many."""
    ordered = sorted(set(faults))
    if len(ordered) <= MAX_FAULTS:
        return tuple(ordered)
    rest = Fault(0, DOCUMENT, f"{len(ordered) - MAX_FAULTS} further faults", "these mended first")
    return (*ordered[:MAX_FAULTS], rest)


def _refused(path: str, found: str, expected: str) -> ClaimFileError:
    return ClaimFileError(path, (Fault(0, "file", found, expected),))
