"""A report made again from its JSON alone: the same bytes, the same gate, and a published schema."""

from __future__ import annotations

import json
import tomllib
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from test_reports import EXAMPLES, conceptual, decided

import corroborate
from reports.document import Document
from reports.errors import DocumentError
from reports.to_json import RENDERER as JSON
from reports.to_json import json_schema, read_document
from reports.write import write

ROOT = Path(__file__).parents[1]
PUBLISHED = ROOT / "docs" / "schemas" / "report-1.json"
FIRST = Path(__file__).parent / "goldens" / "report-1-first.json"
"""A report as the first release of the format wrote it: it must be readable for ever."""
ALL = ["html", "md", "json"]
OURS = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"][
    "entry-points"
]["corroborate.renderers"]
"""Every format, whether or not this copy is the one that is installed."""


def record(of: Any = decided) -> dict[str, Any]:
    return json.loads(JSON.render(of()))


def read(changed: dict[str, Any]) -> None:
    read_document(json.dumps(changed).encode())


def bytes_below(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


@pytest.mark.parametrize(("name", "code"), [("conceptual", 3), ("controls", 0), ("decided", 3)])
def test_a_report_made_again_from_its_json_is_the_same_to_the_byte(
    name, code, tmp_path, capsys
) -> None:
    first, again = tmp_path / "first", tmp_path / "again"
    write(EXAMPLES[name](), first, ALL)
    asked = ["--from", str(first / "report.json"), "--out", str(again), "--format", ",".join(ALL)]
    assert corroborate.main(["report", *asked]) == code
    out, told = capsys.readouterr()
    assert out == ""
    assert told.splitlines() == [f"report: {again / f'report.{name}'}" for name in ALL]
    assert bytes_below(again) == bytes_below(first)


def ours(name: str) -> Any:
    module, _, attribute = OURS[name].partition(":")
    return getattr(import_module(module), attribute)


@pytest.mark.parametrize("name", OURS)
def test_every_format_is_made_of_what_the_json_holds(name) -> None:
    def made(of: Document) -> dict[str, bytes]:
        beside = getattr(ours(name), "beside", lambda _: {})(of)
        return {ours(name).file_name: ours(name).render(of), **beside}

    assert ours(name).name == name
    assert made(read_document(JSON.render(decided()))) == made(decided())


def test_every_format_has_a_file_of_its_own_and_is_named_in_the_help(capsys) -> None:
    files = [ours(name).file_name for name in OURS]
    assert len(set(files)) == len(files)
    with pytest.raises(SystemExit):
        corroborate.main(["report", "--help"])
    shown = capsys.readouterr().out.replace("\n", " ").replace(",", " ").split()
    assert set(OURS) <= set(shown)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ([], "neither CLAIMS nor --store"),
        (["x.yaml"], "found CLAIMS alone"),
        (["--store", "x"], "found --store alone"),
        (["x.yaml", "--from", "r.json"], "--from beside CLAIMS"),
        (["--store", "x", "--from", "r.json"], "--from beside --store"),
        (["--from", "r.json"], "no such file"),
        (["--from", "."], "a folder"),
    ],
)
def test_what_does_not_fit_together_is_refused_with_code_2(
    arguments, says, tmp_path, monkeypatch, capsys
) -> None:
    monkeypatch.chdir(tmp_path)
    assert corroborate.main(["report", *arguments]) == 2
    assert says in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def test_the_published_schema_is_what_the_program_reads(capsys) -> None:
    assert corroborate.main(["report", "--schema"]) == 0
    said = capsys.readouterr().out
    assert said == PUBLISHED.read_text(encoding="utf-8"), (
        "the format changed; if that is meant and reports of before are still read: "
        f"corroborate report --schema > {PUBLISHED}"
    )


@pytest.mark.parametrize("name", EXAMPLES)
def test_reports_satisfy_the_published_schema_and_faults_do_not(name) -> None:
    schema = json.loads(PUBLISHED.read_text(encoding="utf-8"))
    Draft202012Validator.check_schema(schema)
    checker = Draft202012Validator(schema)
    found = record(EXAMPLES[name])
    assert not list(checker.iter_errors(found))
    assert list(checker.iter_errors({**found, "schema": "corroborate/report@2"}))
    assert list(checker.iter_errors({**found, "stranger": 1}))


def test_a_report_of_the_first_release_is_still_read() -> None:
    first = FIRST.read_bytes()
    assert read_document(first).title == "Audit of An Example Paper"
    missing = {"usage", "matrix"} & set(json.loads(first))
    assert not missing, "this file is of before these fields, and stays so"


def test_no_field_is_required_that_first_reports_lack() -> None:
    assert set(json_schema()["required"]) <= set(json.loads(FIRST.read_bytes()))


def test_a_file_cannot_turn_a_claim_green_on_evidence_that_may_not() -> None:
    changed = record(conceptual)
    changed["sets"][0]["claims"][0]["verdict"]["verdict"] = "reproduced"
    with pytest.raises(DocumentError, match=r"squad-gain.*expected 'not_evaluable'"):
        read(changed)


def strangers() -> dict[str, Any]:
    changed = record()
    first, second = changed["sets"][0]["claims"]
    first["verdict"]["claim"] = "another"
    second["claim"]["id"] = first["claim"]["id"]
    second["verdict"]["expected"] = "not_reproduced"
    second["verdict"]["kind"] = "ranking"
    second["verdict"]["evidence"]["arms"][0]["seeds"] = [1]
    changed["runs"] = changed["runs"][1:]
    return changed


def test_parts_of_different_audits_are_all_named() -> None:
    with pytest.raises(DocumentError) as caught:
        read(strangers())
    for part in (
        "a verdict on 'another'", "2 times", "another expectation", "a verdict on a ranking",
        "runs that are not in the list", "another number of seeds",
    ):  # fmt: skip
        assert part in str(caught.value)


def test_all_faults_of_a_file_are_named_and_hostile_names_are_shown_as_such() -> None:
    changed = record()
    changed["title"], changed["generated"], changed["a\u202eb"] = "", 7, 1
    with pytest.raises(DocumentError) as caught:
        read(changed)
    for place in ("at title:", "at generated:", "at a\ufffdb:"):
        assert place in str(caught.value)


@pytest.mark.parametrize("content", [b"", b"{", b"[" * 100_000, b"\xff", b"null", b'"\\ud800"'])
def test_what_is_no_report_is_refused(content) -> None:
    with pytest.raises(DocumentError, match="report file: found at"):
        read_document(content)
