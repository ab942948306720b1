"""From foreign files to verdicts and reports by commands."""

from __future__ import annotations

import json

import pytest
from imported_world import (
    table,
    written,
)

import corroborate
from replication.imports.entering import FORMATS


def command(capsys, *arguments):
    code = corroborate.main([str(a) for a in arguments])
    said = capsys.readouterr()
    return code, said.out, said.err


def test_from_a_table_to_a_report_by_commands(tmp_path, capsys):
    claims, scores = written(tmp_path)
    store = tmp_path / "runs"
    code, out, _ = command(
        capsys, "import", scores, "--format", "tidy", "--store", store, "--protocol", "ours"
    )
    assert code == 0
    assert "8 runs" in out
    code, out, _ = command(capsys, "verify", claims, "--store", store, "--json")
    assert code == 1
    verdicts = {v["claim"]: v for v in json.loads(out)["verdicts"]}
    assert verdicts["real-gain"]["verdict"] == "reproduced"
    code, _, _ = command(
        capsys, "report", claims, "--store", store, "--out", tmp_path / "out", "--format", "md,json"
    )
    assert code == 1
    page = (tmp_path / "out" / "report.md").read_text()
    assert "These scores were imported, not made here." in page
    assert "which was fixed before the runs" not in page
    assert "corroborate import scores.csv --format tidy" in page
    code, out, _ = command(capsys, "status", "--store", store)
    assert (code, out.count("current")) == (0, 2)


def test_an_import_without_protocol_says_what_is_missing(tmp_path, capsys):
    _, scores = written(tmp_path)
    code, out, _ = command(capsys, "import", scores, "--format", "tidy", "--store", tmp_path / "r")
    assert code == 0
    assert "--protocol" in out


def test_import_as_json_is_one_document(tmp_path, capsys):
    _, scores = written(tmp_path)
    _, out, _ = command(
        capsys, "import", scores, "--format", "tidy", "--store", tmp_path / "r", "--json"
    )
    found = json.loads(out)
    assert found["schema"] == "corroborate/import@1"
    assert (len(found["runs"]), found["scores"], found["shown"]) == (8, 8, [])


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--format", "excel"), "excel"),
        (("--format", "tidy", "--given", "seeds=3"), "seeds=3"),
        (("--format", "tidy", "--given", "seed=three", "--given", "n=0"), "n: found '0'"),
        (("--format", "tidy", "--given", "n=1", "--given", "n=2"), "twice"),
    ],
)
def test_wrong_options_are_told_without_a_traceback(tmp_path, capsys, arguments, said):
    _, scores = written(tmp_path)
    code, _, err = command(capsys, "import", scores, *arguments, "--store", tmp_path / "r")
    assert code == 2
    assert said in err
    assert "Traceback" not in err
    assert not (tmp_path / "r").exists()


def test_every_fault_of_a_table_is_told_and_nothing_is_imported(tmp_path, capsys):
    bad = table() + "plain,none,false,reviews,en,test,accuracy,9,101,500\n,,,,,,,,x,\n"
    _, scores = written(tmp_path, scores=bad)
    code, _, err = command(capsys, "import", scores, "--format", "tidy", "--store", tmp_path / "r")
    assert code == 2
    assert "line 10" in err
    assert "line 11" in err
    assert not (tmp_path / "r").exists()


def test_every_format_can_be_read_by_its_name():
    from importlib import import_module

    assert all(callable(import_module(module).read) for module in FORMATS.values())


def test_a_described_chance_level_is_shown(tmp_path, capsys):
    claims, scores = written(tmp_path)
    command(
        capsys,
        "import",
        scores,
        "--format",
        "tidy",
        "--store",
        tmp_path / "r",
        "--protocol",
        "ours",
    )
    command(
        capsys, "report", claims, "--store", tmp_path / "r", "--out", tmp_path, "--format", "json"
    )
    document = json.loads((tmp_path / "report.json").read_text())
    assert {row["chance"] for row in document["scores"]} == {50.0}
