"""The RO-Crate: one file with everything, each part described, checked and the same every time."""

from __future__ import annotations

import hashlib
import io
import json
import re
import zipfile
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest
from rocrate.rocrate import ROCrate
from test_reports import EXAMPLES, WEAK, claim_set, conceptual, controls, decided, document, gain

from claims.check import read_claim_file
from replication.protocol import Protocol
from reports.document import Document
from reports.to_html import RENDERER as HTML
from reports.to_json import read_document
from reports.to_markdown import RENDERER as MARKDOWN
from reports.to_rocrate import RENDERER as CRATE

METADATA = "ro-crate-metadata.json"
WORKFLOW_RUN = [f"https://w3id.org/ro/wfrun/{n}/0.5" for n in ("process", "workflow", "provenance")]


def opened(of: Document) -> zipfile.ZipFile:
    return zipfile.ZipFile(io.BytesIO(CRATE.render(of)))


def graph(of: Document) -> dict[str, dict[str, Any]]:
    entities = json.loads(opened(of).read(METADATA))["@graph"]
    found = {entity["@id"]: entity for entity in entities}
    assert len(found) == len(entities)
    return found


def listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [] if value is None else [value]


def references(entity: dict[str, Any]) -> list[str]:
    values = [v for value in entity.values() for v in listed(value)]
    return [value["@id"] for value in values if isinstance(value, dict)]


def changed(of: Document, **fields: Any) -> Document:
    return Document.model_validate({**of.model_dump(mode="json", by_alias=True), **fields})


def failing() -> Document:
    record = decided().model_dump(mode="json", by_alias=True)
    record["runs"][0] |= {"status": "failed", "error": "out of \u202e memory"}
    record["runs"][1] |= {"started": "yesterday"}
    record["environments"][0]["environment"]["packages"] = {"../a b#": "1 <x>", "torch": "2+cpu"}
    return Document.model_validate(record)


def without_runs() -> Document:
    nothing = {**WEAK, "finding": "no_evidence", "replication": None, "agreement": None}
    record = document([claim_set(gain())], [{**nothing, "evidence": {}}]).model_dump(
        mode="json", by_alias=True
    )
    return Document.model_validate({**record, "runs": [], "environments": [], "data": []})


ALL = {**EXAMPLES, "failing": failing, "without_runs": without_runs}


@pytest.mark.parametrize("name", ALL)
def test_every_file_is_described_and_everything_described_is_there(name) -> None:
    archive, entities = opened(ALL[name]()), graph(ALL[name]())
    parts = {part["@id"] for part in entities["./"]["hasPart"]}
    files = {i for i, entity in entities.items() if "File" in listed(entity["@type"])}
    assert files == parts
    names = archive.namelist()
    assert sorted({METADATA, *map(unquote, files)}) == sorted(names)
    assert not any(n.startswith("/") or "\\" in n or ".." in n.split("/") for n in names)
    for identifier in files:
        content = archive.read(unquote(identifier))
        assert entities[identifier]["contentSize"] == str(len(content))
        assert entities[identifier]["sha256"] == hashlib.sha256(content).hexdigest()
        assert entities[identifier]["encodingFormat"].count("/") == 1


@pytest.mark.parametrize("name", ALL)
def test_every_reference_leads_to_something_described(name) -> None:
    entities = graph(ALL[name]())
    assert all(re.fullmatch(r"[A-Za-z0-9_.:/%-]*#?[A-Za-z0-9_.%-]*", i) for i in entities)
    for entity in entities.values():
        for identifier in references(entity):
            assert identifier in entities or identifier == "https://w3id.org/ro/crate/1.1"


@pytest.mark.parametrize("name", ALL)
def test_the_crate_keeps_the_rules_of_its_specification(name) -> None:
    entities = graph(ALL[name]())
    descriptor, root = entities[METADATA], entities["./"]
    assert descriptor["about"] == {"@id": "./"}
    assert {"@id": "https://w3id.org/ro/crate/1.1"} in descriptor["conformsTo"]
    assert root["@type"] == "Dataset"
    assert all(root[field] for field in ("name", "description", "datePublished", "license"))
    assert entities[root["license"]["@id"]]["name"] == "License unknown"
    workflow = entities[root["mainEntity"]["@id"]]
    assert {"File", "SoftwareSourceCode", "ComputationalWorkflow"} <= set(workflow["@type"])
    assert entities[workflow["programmingLanguage"]["@id"]]["@type"] == "ComputerLanguage"
    profiles = {profile["@id"] for profile in listed(root["conformsTo"])}
    assert set(WORKFLOW_RUN) <= profiles or name == "without_runs"
    assert all(entities[profile]["@type"] == "CreativeWork" for profile in profiles)


@pytest.mark.parametrize("name", ["decided", "failing"])
def test_each_run_is_an_action_of_a_step_of_the_protocol(name) -> None:
    of = ALL[name]()
    entities = graph(of)
    (organized,) = (e for e in entities.values() if e["@type"] == "OrganizeAction")
    assert entities[organized["instrument"]["@id"]]["name"] == "Corroborate"
    audit = entities[organized["result"]["@id"]]
    assert audit["instrument"] == entities["./"]["mainEntity"]
    mentioned = {action["@id"] for action in entities["./"]["mentions"]}
    assert mentioned == {audit["@id"], *(f"#run-{run.run}" for run in of.runs)}
    steps = {step["@id"] for step in entities["protocol.json"]["step"]}
    tools = {tool["@id"] for tool in entities["protocol.json"]["hasPart"]}
    seen = []
    for control in listed(organized["object"]):
        step = entities[entities[control["@id"]]["instrument"]["@id"]]
        assert step["@id"] in steps
        assert step["workExample"]["@id"] in tools
        for run in listed(entities[control["@id"]]["object"]):
            assert entities[run["@id"]]["instrument"] == step["workExample"]
            seen.append(run["@id"].removeprefix("#run-"))
    assert sorted(seen) == sorted(run.run for run in of.runs)


def test_a_failed_run_says_so_with_its_error_and_an_unknown_time_is_left_out() -> None:
    of = failing()
    entities = graph(of)
    failed, untimed, fine = (entities[f"#run-{run.run}"] for run in of.runs[:3])
    assert failed["actionStatus"] == "http://schema.org/FailedActionStatus"
    assert failed["error"] == "out of \ufffd memory"
    assert "startTime" not in untimed
    assert fine["startTime"] == "2026-01-02T03:04:05.000+00:00"
    assert "error" not in fine
    assert "1 of them failed" in entities["#audit"]["description"]
    assert not {"startTime", "actionStatus"} & set(entities["#audit"])
    assert graph(decided())["#audit"]["endTime"] == "2026-01-02T03:05:35.000+00:00"


def test_without_runs_nothing_is_said_to_have_run() -> None:
    entities = graph(without_runs())
    assert not [e for e in entities.values() if "Action" in str(e["@type"])]
    assert not {"mentions"} & set(entities["./"])
    assert not [i for i in entities if "wfrun" in i]


def test_versions_of_all_software_are_named() -> None:
    entities = graph(decided())
    needs = [entities[n["@id"]] for n in entities["#corroborate"]["softwareRequirements"]]
    assert {(n["name"], n["softwareVersion"]) for n in needs} == {
        ("Python", "3.11.7"), ("torch", "2.13.0")
    }  # fmt: skip
    assert entities["#corroborate"]["softwareVersion"] == "corroborate 0.1.0"


@pytest.mark.parametrize(
    ("of", "mark"), [(conceptual, "Conceptual evidence only."), (controls, "Simulated.")]
)
def test_weak_evidence_is_marked_before_all_else(of, mark) -> None:
    root = graph(of())["./"]
    assert root["name"].startswith(mark)
    assert root["description"].startswith(mark)


def test_what_is_inside_can_be_used_again(tmp_path: Path) -> None:
    of = decided()
    archive = opened(of)
    assert read_document(archive.read("report.json")) == of
    assert archive.read("report.html") == HTML.render(of)
    assert archive.read("report.md") == MARKDOWN.render(of)
    assert Protocol.model_validate_json(archive.read("protocol.json")) == of.protocol
    for place, one in enumerate(of.sets, 1):
        path = tmp_path / f"{place}.yaml"
        path.write_bytes(archive.read(f"claims/{place}.json"))
        found = read_claim_file(path)
        assert found.paper == one.paper
        assert found.claims == tuple(section.claim for section in one.claims)
    assert len(json.loads(archive.read("verdicts.json"))["verdicts"]) == 3
    assert len(json.loads(archive.read("runs.json"))) == len(of.runs)


@pytest.mark.parametrize("name", ["decided", "failing"])
def test_the_same_document_gives_the_same_bytes(name) -> None:
    assert CRATE.render(ALL[name]()) == CRATE.render(ALL[name]())


def test_other_programs_read_the_crate(tmp_path: Path) -> None:
    path = tmp_path / "report.crate.zip"
    path.write_bytes(CRATE.render(failing()))
    crate = ROCrate(path)
    assert crate.mainEntity.id == "protocol.json"
    assert {entity.id for entity in crate.data_entities} == {
        part["@id"] for part in graph(failing())["./"]["hasPart"]
    }
