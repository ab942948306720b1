"""What docs/python.md and docs/pytest.md show is run as they show it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from imported_world import AUGMENTED, PLAIN, table

DOCS = Path(__file__).parent.parent / "docs"
WORSE = (82.2, 81.9, 81.8, 81.4)
"""Scores of the augmented system that do not bear out the claim of docs/imports.md."""


def blocks(name, language):
    text = (DOCS / name).read_text(encoding="utf-8")
    return re.findall(rf"```{language}\n(.*?)```", text, flags=re.DOTALL)


def lay_out(folder, augmented=AUGMENTED):
    (claims,) = blocks("imports.md", "yaml")
    (folder / "claims.yaml").write_text(claims)
    (folder / "scores.csv").write_text(table({"plain": PLAIN, "augmented": augmented}))
    (ini,) = blocks("pytest.md", "ini")
    (folder / "pytest.ini").write_text(ini)


@pytest.mark.parametrize("block", blocks("python.md", "python"), ids=range(4))
def test_the_examples_for_programs_run(tmp_path, monkeypatch, capsys, block):
    lay_out(tmp_path)
    monkeypatch.chdir(tmp_path)
    exec(compile(block, "docs/python.md", "exec"), {})
    said = capsys.readouterr().out
    assert ("reproduced" in said or said == "0\n") == ("print" in block)
    assert (tmp_path / "out" / "report.html").exists() == ("corroborate.report" in block)


def test_the_first_example_has_at_most_ten_lines():
    assert len(blocks("python.md", "python")[0].strip().splitlines()) <= 10


def test_the_examples_for_pytest_pass(pytester):
    lay_out(pytester.path)
    for number, block in enumerate(blocks("pytest.md", "python")):
        (pytester.path / f"test_{number}.py").write_text(block)
    pytester.runpytest_inprocess().assert_outcomes(passed=3)


def test_the_failure_that_is_shown_is_what_a_failure_looks_like(pytester):
    lay_out(pytester.path, WORSE)
    result = pytester.runpytest_inprocess()
    result.assert_outcomes(failed=1)
    (shown,) = re.findall(
        r"\n\n((?:    .*\n)+)", (DOCS / "pytest.md").read_text().split("looks like:")[1]
    )
    for line in shown.splitlines():
        assert line.removeprefix("    ") in result.stdout.str()
