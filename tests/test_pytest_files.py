"""No claim that the ini or a marker names goes unjudged in silence."""

from __future__ import annotations

import pytest
from imported_world import CLAIMS, written

import verifier.asserting  # noqa: F401  a session within this process cannot load numpy again

INI = """
[pytest]
corroborate_claims = {claims}
corroborate_scores = scores.csv
corroborate_protocol = ours
"""


@pytest.fixture
def repository(pytester):
    """A repository with a claim file of which one claim fails, a table, and a test that passes."""
    written(pytester.path)
    pytester.makeini(INI.format(claims="claims.yaml"))
    pytester.makepyfile(test_one="def test_one(): pass")
    return pytester


@pytest.mark.parametrize("claims", ["clams.yaml", "claims.yaml none/*.yaml"])
@pytest.mark.parametrize("arguments", [(), ("test_one.py",)])
def test_a_path_of_the_ini_that_fits_no_file_is_a_usage_error(repository, claims, arguments):
    repository.makeini(INI.format(claims=claims.replace(" ", "\n  ")))
    result = repository.runpytest_inprocess(*arguments)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["*corroborate_claims: found no file *"])


@pytest.mark.parametrize("folder", ["build", ".claims", "deep/dist/deeper"])
def test_a_claim_file_where_pytest_does_not_look_is_a_usage_error(repository, folder):
    (repository.path / folder).mkdir(parents=True)
    (repository.path / "claims.yaml").rename(repository.path / folder / "claims.yaml")
    ini = INI.format(claims=f"{folder}/*.yaml")
    repository.makeini(ini)
    result = repository.runpytest_inprocess()
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["*in a folder that pytest does not look into*"])
    repository.makeini(ini + "norecursedirs = none\n")
    repository.runpytest_inprocess().assert_outcomes(passed=2, failed=1)


@pytest.mark.parametrize("first", ["real-gain", "false-gain", "nothing"])
def test_every_marker_is_judged(repository, first):
    written(repository.path, claims=CLAIMS + CLAIMS[CLAIMS.index("  - id: real") :].split("  - id: f")[0]
            .replace("real-gain", "nothing").replace("base: plain", "base: absent"))  # fmt: skip
    markers = {"real-gain", "false-gain", "nothing"} - {first}
    lines = [f'@pytest.mark.claim("{name}")' for name in (*sorted(markers), first)]
    repository.makepyfile(test_one="\n".join(["import pytest", *lines, "def test_one(): pass"]))
    result = repository.runpytest_inprocess("test_one.py")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["not_reproduced false-gain*"])


def test_a_marker_that_fits_claims_of_two_files_fails(repository):
    (repository.path / "b.yaml").write_text(CLAIMS)
    repository.makeini(INI.format(claims="*.yaml"))
    test = "import pytest\n@pytest.mark.claim({})\ndef test_one(): pass"
    repository.makepyfile(test_one=test.format('"real-gain"'))
    result = repository.runpytest_inprocess("test_one.py")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*expected one of them*"])
    repository.makepyfile(test_one=test.format('"real-gain", claims="b.yaml"'))
    repository.runpytest_inprocess("test_one.py").assert_outcomes(passed=1)
