"""The environment's record: versions without imports, the commit without a subprocess."""

from __future__ import annotations

import shutil
import subprocess
import sys

import numpy as np
import pytest

from replication.environment import code_version, commit_of, environment

COMMIT = "0123456789abcdef0123456789abcdef01234567"


def git(folder, *arguments):
    configured = ["-c", "user.name=a", "-c", "user.email=a@b", "-c", "init.defaultBranch=trunk"]
    command = ["git", *configured, *arguments]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True)
    return done.stdout.strip()


@pytest.fixture
def checkout(tmp_path):
    if shutil.which("git") is None:
        pytest.skip("git is not installed")
    folder = tmp_path / "checkout"
    folder.mkdir()
    git(folder, "init", "--quiet")
    git(folder, "commit", "--quiet", "--allow-empty", "-m", "first")
    return folder


def test_versions_are_those_that_are_installed():
    made = environment("cpu", 2)
    assert made.packages["numpy"] == np.__version__
    assert made.python == sys.version.split()[0]
    assert (made.device, made.threads) == ("cpu", 2)
    assert made.code.startswith("corroborate ")
    assert "sources sha256:" in code_version()


def test_nothing_heavy_is_imported():
    code = "import sys; from replication.environment import environment; environment('cpu', 1)\n"
    code += "print({'torch', 'transformers', 'datasets', 'ray'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "set()\n"


def test_the_commit_is_the_one_that_git_names(checkout):
    expected = git(checkout, "rev-parse", "HEAD")
    assert commit_of(checkout) == expected
    git(checkout, "pack-refs", "--all")
    assert commit_of(checkout) == expected
    git(checkout, "commit", "--quiet", "--allow-empty", "-m", "second")
    assert commit_of(checkout) == git(checkout, "rev-parse", "HEAD") != expected
    git(checkout, "checkout", "--quiet", "--detach", expected)
    assert commit_of(checkout) == expected


def test_the_commit_of_a_linked_worktree_is_found(checkout, tmp_path):
    git(checkout, "worktree", "add", "--quiet", "-b", "topic/one", str(tmp_path / "linked"))
    git(tmp_path / "linked", "commit", "--quiet", "--allow-empty", "-m", "there")
    expected = git(tmp_path / "linked", "rev-parse", "HEAD")
    assert commit_of(tmp_path / "linked") == expected
    git(checkout, "pack-refs", "--all")
    assert commit_of(tmp_path / "linked") == expected


@pytest.mark.parametrize(
    "head",
    [
        "",
        "ref: refs/heads/unborn",
        "ref: ../../secret",
        "ref: refs/heads/../../../secret",
        "x" * 99,
    ],
)
def test_what_is_no_checkout_has_no_commit(tmp_path, head):
    assert commit_of(tmp_path) is None
    (tmp_path / "secret").write_text(COMMIT)
    (tmp_path / ".git" / "refs" / "heads").mkdir(parents=True)
    (tmp_path / ".git" / "HEAD").write_text(head)
    assert commit_of(tmp_path) is None
