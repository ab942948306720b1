"""The completion scripts, in a real shell where it is there."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import corroborate
from claims.library import bundled
from replication.protocols import bundled_protocols
from reports.options import COMMANDS
from reports.renderer import renderer_names

ROOT = Path(__file__).parents[1]
COMPLETE = """
source ./script || exit 1
function=$(complete -p corroborate | sed 's/.*-F \\([^ ]*\\).*/\\1/')
COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); COMPREPLY=()
"$function" corroborate "${COMP_WORDS[COMP_CWORD]}" "${COMP_WORDS[COMP_CWORD-1]}" || exit 1
printf '%s\\n' "${COMPREPLY[@]}"
"""


def script(shell: str, capsys) -> str:
    assert corroborate.main(["completion", shell]) == 0
    out, told = capsys.readouterr()
    assert told == ""
    return out


@pytest.fixture
def bash(tmp_path, capsys):
    """Complete a command line in bash, within a folder with a claim file; return the choices."""
    if shutil.which("bash") is None:
        pytest.skip("bash is not installed")
    (tmp_path / "script").write_text(script("bash", capsys))
    (tmp_path / "controlled.yaml").touch()
    (tmp_path / "runs").mkdir()

    def complete(*words: str) -> list[str]:
        done = subprocess.run(
            ["bash", "--norc", "-c", COMPLETE, "bash", "corroborate", *words],
            check=True, cwd=tmp_path, capture_output=True, text=True, timeout=30,
        )  # fmt: skip
        assert done.stderr == ""
        return sorted(done.stdout.split())

    return complete


def test_bash_completes_commands_options_and_values(bash):
    assert bash("ver") == ["verify"]
    assert bash("") == sorted(COMMANDS)
    assert bash("--v") == ["--version"]
    assert bash("verify", "controls", "--st") == ["--store"]
    assert bash("verify", "con") == ["controlled.yaml", "controls"]
    assert bash("run", "controls", "--protocol", "xst") == ["xstilts", "xstilts-jiant"]
    assert bash("report", "--format", "") == sorted(renderer_names())
    assert bash("run", "--engine", "lo") == ["local"]
    assert bash("score", "a", "b", "--benchmark", "") == ["xtreme", "xtreme-r"]
    assert bash("import", "scores.csv", "--format", "ti") == ["tidy"]
    assert bash("status", "--store", "") == ["runs"]
    assert bash("plan", "--lock", "c") == ["controlled.yaml"]
    assert bash("completion", "z") == ["zsh"]


def test_a_completion_script_is_shell_and_nothing_else(tmp_path, capsys):
    for shell in ("bash", "zsh"):
        if found := shutil.which(shell):
            (tmp_path / shell).write_text(script(shell, capsys))
            subprocess.run([found, "-n", str(tmp_path / shell)], check=True, timeout=30)


@pytest.mark.parametrize("shell", ["bash", "zsh", "tcsh"])
def test_every_script_knows_commands_and_what_is_bundled(shell, capsys):
    text = script(shell, capsys)
    for name in (*COMMANDS, *bundled(), *bundled_protocols()):
        assert name in text
    assert str(ROOT) not in text


def test_only_the_command_itself_reads_what_it_completes_with():
    code = (
        "import sys, corroborate\n"
        "try: corroborate.main(['completion', '--help'])\n"
        "except SystemExit: pass\n"
        "assert not {'shtab', 'pydantic'} & set(sys.modules)\n"
        "corroborate.main(['completion', 'bash'])\n"
        "assert not {'torch', 'transformers', 'datasets', 'ray'} & set(sys.modules)\n"
    )
    subprocess.run(
        [sys.executable, "-c", code], check=True, cwd=ROOT, capture_output=True, timeout=30
    )
