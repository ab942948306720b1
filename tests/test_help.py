"""Help, suggestions, the version and deprecated spellings, as users meet them."""

from __future__ import annotations

import argparse
import re
import shlex
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import pytest

import corroborate
from claims.library import bundled
from replication.protocols import bundled_protocols
from reports.command_help import HELP
from reports.deprecated import DEPRECATED, Deprecated, renewed
from reports.options import COMMANDS, OPTIONS, parser

ROOT = Path(__file__).parents[1]
DOCUMENT = (ROOT / "docs" / "command-line.md").read_text(encoding="utf-8")
NAMES = {name: [o.partition("=")[0] for o in options] for name, (_, options) in COMMANDS.items()}


def nothing(_: argparse.Namespace) -> int:
    return 0


def parsed(line: str) -> argparse.Namespace:
    """Return what the real parser makes of a command line, or of the one within `$(...)`."""
    within = re.search(r"\$\((.*?)\)", line)
    words = shlex.split((within[1] if within else line).partition(" > ")[0])
    assert words[0] == "corroborate"
    return parser(dict.fromkeys(COMMANDS, nothing)).parse_args(words[1:])


def typed(capsys, *arguments: str) -> tuple[int, str, str]:
    try:
        code = corroborate.main(list(arguments))
    except SystemExit as stop:
        code = stop.code
    return code, *capsys.readouterr()


def test_every_command_of_the_table_can_be_called():
    assert set(corroborate._COMMANDS) == set(COMMANDS) == set(HELP)


@pytest.mark.parametrize("command", COMMANDS)
def test_the_help_of_a_command_has_examples_exit_codes_and_a_page(command, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "200")
    code, out, told = typed(capsys, command, "--help")
    assert (code, told) == (0, "")
    assert max(map(len, out.splitlines())) <= 80
    assert "\x1b" not in out
    assert not re.search(r"\w-$", out, re.MULTILINE), "a name is broken at its hyphen"
    shown = out.partition("\nexamples:\n")[2].partition("\n\n")[0]
    examples = shown.replace(" \\\n   ", "").splitlines()
    lines = [line.strip() for line in examples[::2]]
    assert 1 <= len(lines) <= 3, "reports/command_help.py has one to three examples for a command"
    assert all(line.startswith("      ") for line in examples[1::2]), "say what each example does"
    for line in lines:
        assert f"corroborate {command}" in line
        given = parsed(line)
        for name in ("protocol", "against"):
            assert getattr(given, name, None) in {None, *bundled_protocols()}
        claims = getattr(given, "claims", None) or []
        for name in [claims] if isinstance(claims, str) else claims:
            assert name in bundled() or name.endswith(".yaml")
    codes = re.findall(r"^  (\d)  \S", out.partition("\nexit codes:\n")[2], re.MULTILINE)
    assert {"0", "2"} <= set(codes)
    page = out.partition("\nread on:\n")[2].strip()
    assert (ROOT / page).is_file()


def test_every_option_says_what_it_is_for():
    silent = [name for name, settings in OPTIONS.items() if not settings.get("help")]
    assert not silent, f"options without help: {silent}"
    unused = set(OPTIONS) - {o for _, options in COMMANDS.values() for o in options}
    assert not unused, f"options that no command has: {unused}"


def test_help_fits_a_narrow_terminal(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "60")
    out = typed(capsys, "run", "--help")[1]
    words, _, examples = out.partition("\nexamples:\n")
    assert max(map(len, words.splitlines())) <= 60
    assert "corroborate run controls --protocol miniature --store out/store\n" in examples


@pytest.mark.parametrize("command", COMMANDS)
def test_the_page_of_the_command_line_has_every_command_and_option(command):
    rows = re.findall(rf"^\| `{command}\b(.*?)` \|(.*)", DOCUMENT, re.MULTILINE)
    assert rows, f"docs/command-line.md has no row for `{command}`"
    typed_in = {o for usage, _ in rows for o in re.findall(r"--[a-z][a-z-]*", usage)}
    assert typed_in <= set(NAMES[command]), "the row has options that the command does not have"
    options = {o for o in NAMES[command] if o.startswith("--")}
    missing = {o for o in options if not re.search(rf"{o}(?![a-z-])", DOCUMENT)}
    assert not missing, f"docs/command-line.md does not mention {missing}"


def test_the_page_of_the_command_line_names_no_command_that_is_not_there():
    table = DOCUMENT.partition("| command | does |\n")[2].partition("\n\n")[0]
    named = set(re.findall(r"^\| `([a-z]+)", table, re.MULTILINE))
    assert named == set(COMMANDS)


def test_the_version_is_told_without_reading_any_record():
    code = (
        "import sys, corroborate\n"
        "try: corroborate.main(['--version'])\n"
        "except SystemExit as stop: assert not stop.code\n"
        "assert not {'pydantic', 'numpy', 'yaml', 'torch', 'shtab'} & set(sys.modules)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        check=True, cwd=ROOT, capture_output=True, text=True, timeout=30,
    )  # fmt: skip
    assert done.stdout == f"corroborate {version('corroborate')}\n"


@pytest.mark.parametrize(
    ("line", "meant"),
    [
        ("verfy claims.yaml --store runs", "`verfy`: did you mean `verify`?"),
        ("verify claims.yaml --sotre runs", "`--sotre`: did you mean `--store`?"),
        ("verify claims.yaml --sotre=runs", "`--sotre`: did you mean `--store`?"),
        ("verify claims.yaml --store runs --jsn", "`--jsn`: did you mean `--json`?"),
        ("--verson", "`--verson`: did you mean `--version`?"),
        ("Audit", "`Audit`: did you mean `audit`?"),
    ],
)
def test_what_is_misspelt_gets_a_suggestion(line, meant, capsys):
    code, out, told = typed(capsys, *line.split())
    assert (code, out) == (2, "")
    assert told.splitlines()[-1] == meant


@pytest.mark.parametrize(
    "line",
    ["nosuch", "", "verify", "verify x", "verify x --store s --zzzzz", "v", "a" * 100_000, "-1"],
)
def test_what_resembles_nothing_gets_none(line, capsys):
    code, _, told = typed(capsys, *line.split())
    assert code == 2
    assert "did you mean" not in told


OLD = (
    Deprecated("verify", "--runs", "--store", since="0.2", removed="0.4"),
    Deprecated("judge", "", "verify", since="0.2", removed="0.4"),
)


def test_a_deprecated_spelling_works_and_is_told_of_once(capsys):
    given = ["verify", "x", "--runs", "a", "--runs=b", "--", "--runs"]
    assert renewed(given, OLD) == ["verify", "x", "--store", "a", "--store=b", "--", "--runs"]
    out, told = capsys.readouterr()
    assert out == ""
    assert told == (
        "corroborate: `--runs` is deprecated since version 0.2 and will be removed in 0.4. "
        "Use `--store`.\n"
    )
    assert renewed(["judge", "judge"], OLD) == ["verify", "judge"]
    assert "`judge` is deprecated" in capsys.readouterr().err
    for other in ([], ["report", "--runs", "a"], ["verify", "runs"], ["--help"]):
        assert renewed(other, OLD) == other
    assert capsys.readouterr() == ("", "")


def test_the_parser_reads_deprecated_spellings(capsys, monkeypatch):
    monkeypatch.setattr("reports.command_parser.renewed", lambda arguments: renewed(arguments, OLD))
    given = parsed("corroborate judge x.yaml --store there")
    assert (given.claims, given.store) == (["x.yaml"], "there")
    assert parsed("corroborate verify x.yaml --runs there").store == "there"
    assert capsys.readouterr().err.count("is deprecated") == 2


def test_deprecated_spellings_are_gone_when_they_should_be():
    def number(text: str) -> list[int]:
        return [int(part) for part in re.findall(r"\d+", text)]

    for row in DEPRECATED:
        assert number(row.since) < number(row.removed)
        assert number(version("corroborate")) < number(row.removed), f"remove {row}"
        known = NAMES[row.command] if row.option else list(COMMANDS)
        assert row.replacement in known
        assert (row.option or row.command) not in known
