"""The pre-commit hooks: read as pre-commit reads them, and run on a good and on a bad claim file."""

from __future__ import annotations

import importlib.util
import re
import tomllib
from pathlib import Path

import pytest
import tiny_data as tiny
import yaml

import corroborate

ROOT = Path(__file__).parents[1]
FILE = ROOT / ".pre-commit-hooks.yaml"
HOOKS = {hook["id"]: hook for hook in yaml.safe_load(FILE.read_text(encoding="utf-8"))}


@pytest.mark.skipif(not importlib.util.find_spec("pre_commit"), reason="pre-commit is not there")
def test_pre_commit_itself_takes_the_file():
    from pre_commit.clientlib import load_manifest

    assert {hook["id"] for hook in load_manifest(FILE)} == set(HOOKS)


def test_hooks_have_what_pre_commit_requires():
    assert len(HOOKS) == 2
    for hook in HOOKS.values():
        asked = {"id", "name", "entry", "language", "files", "exclude", "types", "description"}
        assert set(hook) == asked
        assert hook["types"] == ["yaml"]
    assert {hook["language"] for hook in HOOKS.values()} == {"system", "python"}


def test_the_entry_is_the_command_that_the_project_installs():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    for hook in HOOKS.values():
        command, *arguments = hook["entry"].split()
        assert command in project["scripts"]
        assert arguments == ["check"]


@pytest.mark.parametrize("hook", HOOKS)
def test_files_that_look_like_claims_are_taken_and_no_others(hook):

    def taken(path):
        files, exclude = HOOKS[hook]["files"], HOOKS[hook]["exclude"]
        return re.search(files, path) and not re.search(exclude, path)

    for path in (
        "claims/a.yaml",
        "papers/claims/a.yml",
        "claims.yaml",
        "x/claims.yml",
        "my.claims.yaml",
    ):
        assert taken(path), path
    for path in ("docker-compose.yaml", ".github/workflows/claims.yml", "reclaims/a.yaml"):
        assert not taken(path), path


@pytest.mark.parametrize("hook", HOOKS)
def test_the_entry_takes_several_files_and_tells_the_faults_of_every_bad_one(
    hook, tmp_path, capsys
):
    good, bad = tmp_path / "claims.yaml", tmp_path / "my.claims.yaml"
    tiny.write_claims(good, tiny.claim("topic"))
    bad.write_text(good.read_text().replace('"points"', '"pints"'))
    other = tmp_path / "compose.yaml"
    other.write_text("services: {}\n")
    arguments = HOOKS[hook]["entry"].split()[1:]
    assert corroborate.main([*arguments, str(good)]) == 0
    capsys.readouterr()
    assert corroborate.main([*arguments, str(bad), str(good), str(other)]) == 2
    out, told = capsys.readouterr()
    assert f"{good}: 1 claim, no faults" in out
    assert "pints" in told
    assert str(other) in told, "what is no claim file is a fault: whoever names it here means it"
