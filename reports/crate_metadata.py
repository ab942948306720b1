"""What does the description of an RO-Crate say of an audit?

No more than the document knows. A protocol is a workflow whose steps are the phases, and each run is an
action of its phase. What a run read and wrote is known of the audit as a whole only, so the actions of
runs name the protocol and the list of runs and no more.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from typing import Any
from urllib.parse import quote

from rocrate.model.contextentity import ContextEntity
from rocrate.rocrate import ROCrate

from replication.run import Phase
from reports.blocks import plain_text
from reports.document import Document, RunLine
from reports.escaping import one_line
from reports.summary import headlines, weakness
from verifier.numbers import duration

__all__ = ["Part", "metadata"]

CRATE = "1.1"
WORKFLOW = "https://w3id.org/workflowhub/workflow-ro-crate/1.0"
PROFILES = {
    "https://w3id.org/ro/wfrun/process/0.5": ("Process Run Crate", "0.5"),
    "https://w3id.org/ro/wfrun/workflow/0.5": ("Workflow Run Crate", "0.5"),
    "https://w3id.org/ro/wfrun/provenance/0.5": ("Provenance Run Crate", "0.5"),
    WORKFLOW: ("Workflow RO-Crate", "1.0"),
}
TERMS = "https://w3id.org/ro/terms/workflow-run"
"""Vocabulary of the profiles, which has the term for a checksum."""
PROTOCOL = "protocol.json"
PHASES: tuple[Phase, ...] = ("pretraining", "intermediate", "target", "evaluation")
ENGINE, LANGUAGE, LICENSE = "#corroborate", "#protocol-language", "#license-unknown"
AUDIT = "#audit"


@dataclass(frozen=True)
class Part:
    """One file of the crate."""

    path: str
    said: str
    """What it is, in words."""
    media: str
    content: bytes

    @cached_property
    def sha256(self) -> str:
        """Digest of the bytes, 64 hex digits."""
        return hashlib.sha256(self.content).hexdigest()


def metadata(document: Document, parts: Sequence[Part]) -> dict[str, Any]:
    """Return the content of `ro-crate-metadata.json`.

    Args:
        document: what is described.
        parts: every file of the crate but the description, sorted by path.
    """
    crate = ROCrate(version=CRATE)
    crate.metadata.extra_terms["sha256"] = f"{TERMS}#sha256"
    root = crate.root_dataset
    weak = weakness(document)
    root["name"] = one_line(f"{weak[0]} {document.title}" if weak else document.title)
    root["description"] = _description(document)
    root["datePublished"] = document.generated
    for part in parts:
        said = _workflow(document) if part.path == PROTOCOL else {}
        crate.add_file(dest_path=part.path, properties={**_file(part), **said})
    for entity in (*_context(document), *_software(document), *_actions(document, parts)):
        crate.add(ContextEntity(crate, entity.pop("@id"), properties=entity))
    root["license"] = _to(LICENSE)
    root["mainEntity"] = _to(PROTOCOL)
    profiles = [profile for profile in PROFILES if document.runs or "wfrun" not in profile]
    root["conformsTo"] = [_to(profile) for profile in profiles]
    if document.runs:
        root["mentions"] = [_to(AUDIT), *(_to(_run_id(run)) for run in document.runs)]
    crate.metadata["conformsTo"] = [_to(crate.metadata.profile), _to(WORKFLOW)]
    described: dict[str, Any] = crate.metadata.generate()
    described["@graph"].sort(key=lambda entity: (_rank(entity["@id"]), entity["@id"]))
    described["@graph"] = [_compact(entity) for entity in described["@graph"]]
    return described


def _to(identifier: str) -> dict[str, str]:
    return {"@id": identifier}


def _compact(entity: Mapping[str, Any]) -> dict[str, Any]:
    """Return an entity without lists of one thing or none, as the specification recommends."""
    said = {}
    for name, value in entity.items():
        alone = isinstance(value, list) and len(value) == 1
        if value != []:
            said[name] = value[0] if alone else value
    return said


def _rank(identifier: str) -> int:
    """Return the place of an entity: the description of the crate, the crate, files, all else."""
    if identifier in ("ro-crate-metadata.json", "./"):
        return ("ro-crate-metadata.json", "./").index(identifier)
    return 3 if identifier.startswith(("#", "http")) else 2


def _description(document: Document) -> str:
    weak = weakness(document)
    said = [" ".join(weak)] if weak else []
    return one_line(" ".join([*said, *(plain_text(line) for line in headlines(document))]))


def _file(part: Part) -> dict[str, Any]:
    return {
        "@type": "File",
        "name": one_line(part.said),
        "encodingFormat": part.media,
        "contentSize": str(len(part.content)),
        "sha256": part.sha256,
    }


def _workflow(document: Document) -> dict[str, Any]:
    phases = _phases(document)
    said: dict[str, Any] = {
        "@type": ["File", "SoftwareSourceCode", "ComputationalWorkflow", "HowTo"],
        "description": one_line(document.protocol.summary),
        "programmingLanguage": _to(LANGUAGE),
        "version": document.protocol.digest(),
    }
    if phases:
        said["step"] = [_to(f"#step-{phase}") for phase in phases]
        said["hasPart"] = [_to(f"#phase-{phase}") for phase in phases]
    return said


def _phases(document: Document) -> list[Phase]:
    ran = {run.phase for run in document.runs}
    return [phase for phase in PHASES if phase in ran]


def _context(document: Document) -> Iterator[dict[str, Any]]:
    for address, (name, version) in PROFILES.items():
        if document.runs or "wfrun" not in address:
            yield {"@id": address, "@type": "CreativeWork", "name": name, "version": version}
    yield {
        "@id": LICENSE,
        "@type": "CreativeWork",
        "name": "License unknown",
        "description": "Nobody has said under which license this report may be used.",
    }
    yield {
        "@id": LANGUAGE,
        "@type": "ComputerLanguage",
        "name": document.protocol.schema_version,
        "description": "Phases, data and settings that Corroborate executes.",
    }
    for place, use in enumerate(document.data, 1):
        yield {
            "@id": f"#data-{place}",
            "@type": "CreativeWork",
            "name": f"{use.name}, {use.split}, {' '.join(use.languages)}",
            "version": one_line(use.revision),
            "description": one_line(f"From: {document.data_source}. Not part of this crate."),
        }


def _software(document: Document) -> Iterator[dict[str, Any]]:
    """Yield the engine, the tool of each phase, and every version of a package that some run used."""
    machines = [use.environment for use in document.environments]
    found = {("Python", machine.python) for machine in machines}
    found |= {pair for machine in machines for pair in machine.packages.items()}
    packages = {_package(*pair): pair for pair in sorted(found)}
    versions = sorted({one_line(machine.code) for machine in machines})
    many = "Its versions and environments differ between runs: report.json says in what."
    engine = {
        "@id": ENGINE,
        "@type": "SoftwareApplication",
        "name": "Corroborate",
        "description": many if len(machines) > 1 else "What executed and judged the runs.",
        "softwareVersion": "; ".join(versions) or "unknown",
        "softwareRequirements": [_to(identifier) for identifier in packages],
    }
    yield engine
    for phase in _phases(document):
        name = f"Corroborate, phase {phase}"
        kept = {key: engine[key] for key in ("@type", "softwareVersion")}
        yield {"@id": f"#phase-{phase}", "name": name, **kept}
    for identifier, (name, version) in packages.items():
        yield {
            "@id": identifier,
            "@type": "SoftwareApplication",
            "name": one_line(name),
            "softwareVersion": one_line(version),
        }


def _package(name: str, version: str) -> str:
    return f"#software-{quote(name, safe='')}-{quote(version, safe='')}"


def _actions(document: Document, parts: Sequence[Part]) -> Iterator[dict[str, Any]]:
    """Yield each run as an action, with the steps and controls that tie it to the protocol."""
    if not document.runs:
        return
    for place, phase in enumerate(_phases(document), 1):
        runs = [run for run in document.runs if run.phase == phase]
        name = f"Phase {phase}"
        example = _to(f"#phase-{phase}")
        yield {
            "@id": f"#step-{phase}", "@type": "HowToStep", "name": name,
            "position": str(place), "workExample": example,
        }  # fmt: skip
        yield {
            "@id": f"#control-{phase}", "@type": "ControlAction", "name": f"{name}, all runs",
            "instrument": _to(f"#step-{phase}"), "object": [_to(_run_id(run)) for run in runs],
        }  # fmt: skip
        yield from (_run(run, example) for run in runs)
    controls = [_to(f"#control-{phase}") for phase in _phases(document)]
    yield {
        "@id": "#organized", "@type": "OrganizeAction", "name": "Execution of the protocol",
        "instrument": _to(ENGINE), "object": controls, "result": _to(AUDIT),
    }  # fmt: skip
    yield _audit(document, parts)


def _audit(document: Document, parts: Sequence[Part]) -> dict[str, Any]:
    failed = sum(run.status == "failed" for run in document.runs)
    spans = [span for span in map(_span, document.runs) if span is not None]
    claims = [_to(quote(part.path)) for part in parts if part.path.startswith("claims/")]
    data = [_to(f"#data-{place}") for place, _ in enumerate(document.data, 1)]
    results = ("report.html", "report.json", "report.md", "runs.json", "verdicts.json")
    said: dict[str, Any] = {
        "@id": AUDIT,
        "@type": "CreateAction",
        "name": one_line(document.title),
        "description": f"{len(document.runs)} runs, {failed} of them failed, from the start of the "
        "first to the end of the last; pauses between them are included.",
        "instrument": _to(PROTOCOL),
        "object": [*claims, *data],
        "result": [_to(name) for name in results],
    }
    if len(spans) == len(document.runs):
        said["startTime"] = _moment(min(start for start, _ in spans))
        said["endTime"] = _moment(max(end for _, end in spans))
    if not failed:
        said["actionStatus"] = "http://schema.org/CompletedActionStatus"
    return said


def _run_id(run: RunLine) -> str:
    return f"#run-{run.run}"


def _run(run: RunLine, instrument: Mapping[str, str]) -> dict[str, Any]:
    status = "Completed" if run.status == "finished" else "Failed"
    said: dict[str, Any] = {
        "@id": _run_id(run),
        "@type": "CreateAction",
        "name": one_line(run.title),
        "description": f"Run {run.run}, {duration(run.seconds)}.",
        "instrument": dict(instrument),
        "object": [_to(PROTOCOL)],
        "result": [_to("runs.json")],
        "actionStatus": f"http://schema.org/{status}ActionStatus",
    }
    span = _span(run)
    if span is not None:
        said["startTime"], said["endTime"] = map(_moment, span)
    if run.error is not None:
        said["error"] = one_line(run.error)
    return said


def _span(run: RunLine) -> tuple[datetime, datetime] | None:
    """Return start and end of a run; None where no time with a zone is given."""
    try:
        start = datetime.fromisoformat(run.started)
        return None if start.tzinfo is None else (start, start + timedelta(seconds=run.seconds))
    except (ValueError, OverflowError):
        return None


def _moment(when: datetime) -> str:
    return when.isoformat(timespec="milliseconds")
