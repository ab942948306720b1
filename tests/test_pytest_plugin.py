"""Claims as tests: what a user of pytest sees, with and without xdist."""

from __future__ import annotations

import sys
from importlib import resources
from xml.etree import ElementTree as ET

import numpy as np
import pytest
from imported_world import AUGMENTED, CLAIMS, PLAIN, both, claim_set, reading, table, written

import corroborate
from claims.errors import CorroborateError
from replication.imports.entering import enter
from replication.store import Store
from verifier.pytest_plugin import assert_claim
from verifier.scores import Scores

INI = """
[pytest]
corroborate_claims = claims.yaml
corroborate_scores = scores.csv
corroborate_protocol = ours
"""
CLOSE = {"plain": (81.0, 84.0), "augmented": (83.0, 88.0)}
"""Two seeds that decide nothing."""


@pytest.fixture
def repository(pytester):
    """A repository with nothing but a claim file, a table of scores and an ini."""
    written(pytester.path)
    pytester.makeini(INI)
    return pytester


def summary(result):
    """The lines of the summary of claims."""
    lines = result.stdout.lines
    start = next(i for i, text in enumerate(lines) if text.strip("= ") == "claims")
    return [text for text in lines[start + 1 :] if text.startswith(("reproduced", "not_", "incon"))]


def test_a_repository_with_a_claim_file_and_a_table_passes_and_fails(repository):
    result = repository.runpytest_inprocess("-v")
    result.assert_outcomes(passed=1, failed=1)
    result.stdout.fnmatch_lines([
        "claims.yaml::real-gain PASSED*",
        "claims.yaml::false-gain FAILED*",
        "*claim false-gain: not reproduced, *",
        "*Augmentation raises accuracy on reviews by 9 points.",
        "*found *|*<*o*>*| +4.*",
        "*reported *|*(*R*)*| +9.0, tolerance 1.5",
        "*The interval [[]*[]] has the claimed sign and ends short of the minimum 6.",
    ])  # fmt: skip
    result.stdout.no_fnmatch_line("*Traceback*")
    assert [line.split()[1] for line in summary(result)] == ["real-gain", "false-gain"]


def test_the_same_with_workers_of_xdist(repository):
    result = repository.runpytest_subprocess("-n", "2", "--junitxml=found.xml")
    result.assert_outcomes(passed=1, failed=1)
    assert sorted(line.split()[1] for line in summary(result)) == ["false-gain", "real-gain"]
    cases = ET.parse(repository.path / "found.xml").getroot().iter("testcase")
    found = {
        case.get("name"): {p.get("name"): p.get("value") for p in case.iter("property")}
        for case in cases
    }
    assert found["real-gain"]["verdict"] == "reproduced"
    assert found["false-gain"]["finding"] == "negligible"
    assert float(found["real-gain"]["estimate"]) == pytest.approx(4.075)


def test_a_claim_is_chosen_by_its_id(repository):
    repository.runpytest_inprocess("-k", "real-gain").assert_outcomes(passed=1, deselected=1)
    repository.runpytest_inprocess("claims.yaml::real-gain").assert_outcomes(passed=1)


def test_claim_files_of_the_ini_are_collected_beside_testpaths(pytester):
    written(pytester.path)
    pytester.makeini(INI + "testpaths = tests\n")
    pytester.mkdir("tests").joinpath("test_one.py").write_text("def test_one(): pass\n")
    pytester.runpytest_inprocess().assert_outcomes(passed=2, failed=1)
    pytester.runpytest_inprocess("tests").assert_outcomes(passed=1)


def test_a_run_store_on_the_command_line(pytester):
    claims, _ = written(pytester.path)
    with Store.open(pytester.path / "runs") as store:
        enter(reading(*both()), store, format_="tidy", protocol="ours")
    result = pytester.runpytest_inprocess(str(claims), "--run-store", "runs")
    result.assert_outcomes(passed=1, failed=1)
    assert (pytester.path / "runs" / "looks.jsonl").exists()


def test_the_summary_says_that_a_changed_claim_was_accepted(pytester):
    claims, _ = written(pytester.path)
    with Store.open(pytester.path / "runs") as store:
        enter(reading(*both()), store, format_="tidy", protocol="ours")
    pytester.runpytest_inprocess(str(claims), "--run-store", "runs")
    claims.write_text(claims.read_text().replace("points: 1.5", "points: 2.5"))
    said = ("--claims", str(claims), "--store", "runs", "--by", "Ada", "--because", "a slip")
    assert corroborate.main(["accept", "real-gain", *said]) == 0
    result = pytester.runpytest_inprocess(str(claims), "--run-store", "runs", "-k", "real-gain")
    result.assert_outcomes(passed=1, deselected=1)
    result.stdout.fnmatch_lines(["reproduced *real-gain *points  criterion changed and accepted"])


def test_without_runs_and_scores_claims_are_skipped_with_the_reason(pytester):
    claims, _ = written(pytester.path)
    result = pytester.runpytest_inprocess(str(claims), "-rs")
    result.assert_outcomes(skipped=2)
    result.stdout.fnmatch_lines(["*found neither runs nor scores*"])
    pytester.runpytest_inprocess(str(claims), "--require-evidence").assert_outcomes(failed=2)


def test_what_is_not_evaluable_is_skipped_unless_evidence_is_required(repository):
    arguments = ("--scores", "scores.csv", "--scores-protocol", "theirs")
    result = repository.runpytest_inprocess(*arguments, "-rs")
    result.assert_outcomes(skipped=2)
    result.stdout.fnmatch_lines(["*real-gain is not evaluable: The evidence is conceptual*"])
    result = repository.runpytest_inprocess(*arguments, "--require-evidence")
    result.assert_outcomes(failed=2)


def test_the_summary_says_why_a_claim_was_skipped_and_that_this_is_no_pass(repository):
    path = repository.path / "scores.csv"
    path.write_text(path.read_text().replace("augmented", "augmentd"))
    for more in ((), ("-n", "2")):
        result = repository.runpytest_subprocess(*more)
        result.assert_outcomes(skipped=2)
        result.stdout.fnmatch_lines([
            "not_evaluable *-gain  No scores for: base-augmented.*",
            "2 not evaluable: skipped, which is no pass; --require-evidence fails them.",
        ])  # fmt: skip
    result = repository.runpytest_inprocess("--require-evidence")
    result.stdout.no_fnmatch_line("*skipped, which*")


def test_what_the_scores_do_not_say_is_said_in_the_ini_or_on_the_command_line(repository):
    path = repository.path / "scores.csv"
    head, *rows = [row.split(",") for row in path.read_text().splitlines()]
    rows = [[*row[:8], str(float(row[8]) / 100)] for row in rows]  # fractions, and no n
    path.write_text("".join(",".join(row) + "\n" for row in [head[:9], *rows]))
    result = repository.runpytest_inprocess()
    result.assert_outcomes(failed=2)
    result.stdout.fnmatch_lines([
        "*Add --given scale=points or --given scale=fraction.",
        "*--given is --scores-given here, or corroborate_given in the ini.",
    ])  # fmt: skip
    given = ("--scores-given", "scale=fraction", "--scores-given", "n=500")
    repository.runpytest_inprocess(*given).assert_outcomes(passed=1, failed=1)
    repository.runpytest_inprocess("--scores-given", "sale=1").stdout.fnmatch_lines([
        "*found 'sale=1' ; expected FIELD=VALUE*"
    ])  # fmt: skip
    repository.makeini(INI + "corroborate_given = scale=fraction n=500\n")
    repository.runpytest_inprocess().assert_outcomes(passed=1, failed=1)


def test_the_summary_says_that_there_was_nothing_to_decide_on(pytester):
    claims, _ = written(pytester.path)
    result = pytester.runpytest_inprocess(str(claims))
    result.stdout.fnmatch_lines([
        "not_evaluable  real-gain  found neither runs nor scores*",
        "2 not evaluable: skipped*",
    ])  # fmt: skip


@pytest.mark.parametrize(
    ("policy", "outcome"), [("fail", "failed"), ("xfail", "xfailed"), ("skip", "skipped")]
)
def test_what_an_inconclusive_claim_does_is_set_in_the_ini(pytester, policy, outcome):
    written(pytester.path, scores=table(CLOSE))
    pytester.makeini(INI + f"corroborate_inconclusive = {policy}\n")
    result = pytester.runpytest_inprocess("-k", "real-gain")
    result.assert_outcomes(**{outcome: 1}, deselected=1)


def test_an_unknown_policy_is_a_usage_error(pytester):
    pytester.makeini(INI + "corroborate_inconclusive = pass\n")
    result = pytester.runpytest_inprocess()
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["*found 'pass' ; expected fail, xfail or skip*"])


def test_a_known_failure_passes_while_it_fails(pytester):
    claims = CLAIMS + "    expected: not_reproduced\n"
    written(pytester.path, claims=claims)
    pytester.makeini(INI)
    pytester.runpytest_inprocess().assert_outcomes(passed=2)


def test_markers_judge_and_the_fixture_gives_the_verdict(repository):
    repository.makepyfile(
        """
        import pytest

        @pytest.mark.claim("real-gain")
        def test_real(verdict):
            assert verdict.interval.low > 3

        @pytest.mark.claim("false-gain")
        def test_false():
            raise AssertionError("the claim is judged first")

        @pytest.mark.claim("false-gain", judged=False)
        def test_mine(verdict):
            assert verdict.verdict == "not_reproduced"

        @pytest.mark.claim("real-gain", claims="claims.yaml")
        def test_file(verdict): pass
        """
    )
    result = repository.runpytest_inprocess(
        "-p", "no:randomly", "test_markers_judge_and_the_fixture_gives_the_verdict.py"
    )
    result.assert_outcomes(passed=3, failed=1)
    result.stdout.fnmatch_lines(["*claim false-gain: not reproduced*"])


@pytest.mark.parametrize(
    "marker", ["@pytest.mark.claim('nobody')", "@pytest.mark.claim()", ""], ids=repr
)
def test_a_marker_that_names_no_claim_says_so(repository, marker):
    path = repository.makepyfile(f"import pytest\n{marker}\ndef test_one(verdict): pass\n")
    result = repository.runpytest_inprocess(path)
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["*expected*claim*"])


def test_a_broken_claim_file_is_told_with_every_fault(pytester):
    broken = CLAIMS.replace("kind: gain", "kind: gaim", 1).replace("points: 6", "points: -6")
    claims, _ = written(pytester.path, claims=broken)
    result = pytester.runpytest_inprocess(str(claims))
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["*2 faults*"])
    result.stdout.no_fnmatch_line("*Traceback*")


def test_faults_of_the_scores_fail_every_claim_in_words(pytester):
    written(pytester.path, scores=table() + "plain,none,false,reviews,en,test,accuracy,9,101,500\n")
    pytester.makeini(INI)
    result = pytester.runpytest_inprocess()
    result.assert_outcomes(failed=2)
    result.stdout.fnmatch_lines(["*line 10*"])
    result.stdout.no_fnmatch_line("*Traceback*")


HEADS = (
    'schema: "corroborate/claims@1"',
    "'schema' : corroborate/claims@1",
    "# ours\n\nschema:  corroborate/claims@1",
)


@pytest.mark.parametrize("head", HEADS)
def test_a_claim_file_is_known_however_its_head_is_written(pytester, head):
    claims, _ = written(pytester.path, claims=CLAIMS.replace("schema: corroborate/claims@1", head))
    pytester.runpytest_inprocess(str(claims)).assert_outcomes(skipped=2)


def test_yaml_that_is_no_claim_file_is_left_to_others(pytester):
    path = pytester.path / "data.yaml"
    path.write_text("a: 1\n")
    result = pytester.runpytest_inprocess(str(path))
    assert result.ret in (pytest.ExitCode.USAGE_ERROR, pytest.ExitCode.NO_TESTS_COLLECTED)


def test_the_plugin_never_trains_without_a_budget(repository):
    result = repository.runpytest_inprocess("--replicate", "miniature")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["*--budget-hours*"])


def test_replicating_with_no_time_left_makes_no_run_and_decides_nothing(pytester):
    controls = resources.files("claims.library").joinpath("controls.yaml").read_text()
    claims, _ = written(pytester.path, claims=controls)
    result = pytester.runpytest_inprocess(
        str(claims), "--run-store", "runs", "--replicate", "miniature", "--budget-hours", "0"
    )
    outcomes = result.parseoutcomes()
    assert set(outcomes) == {"skipped"}
    with Store.open(pytester.path / "runs", write=False) as store:
        assert store.latest_plan() is not None
        assert store.runs() == ()


def test_replicating_without_what_trains_models_is_told_in_words(pytester, monkeypatch):
    controls = resources.files("claims.library").joinpath("controls.yaml").read_text()
    claims, _ = written(pytester.path, claims=controls)
    monkeypatch.setitem(sys.modules, "torch", None)  # as where it is not installed
    monkeypatch.delitem(sys.modules, "replication.worker", raising=False)
    result = pytester.runpytest_inprocess(
        str(claims), "--run-store", "runs", "--replicate", "miniature", "--budget-hours", "1"
    )
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["*found no library torch ; expected it to be installed*"])


def test_sessions_without_claims_load_nothing_of_ours(pytester):
    pytester.makepyfile("def test_one(): pass\n")
    pytester.makeconftest(
        """
        import sys
        def pytest_sessionfinish():
            ours = ("claims", "replication", "verifier", "reports", "pydantic", "scipy", "torch")
            print("LOADED", sorted(m for m in sys.modules if m.partition(".")[0] in ours))
        """
    )
    result = pytester.runpytest_subprocess("-s")
    loaded = "LOADED ['verifier', 'verifier.pytest_files', 'verifier.pytest_plugin']"
    assert loaded in result.stdout.str()


# assertions


def test_arrays_of_two_arms_are_asserted(tmp_path):
    claims, _ = written(tmp_path)
    arms = {"treatment": np.array(AUGMENTED), "control": np.array(PLAIN)}
    assert assert_claim(f"{claims}::real-gain", arms, n=500).verdict == "reproduced"
    with pytest.raises(AssertionError, match=r"false-gain: not reproduced"):
        assert_claim(f"{claims}::false-gain", arms, n=500)
    record = claim_set().claims[0]
    with pytest.raises(CorroborateError, match="one metric"):
        assert_claim(record, arms, n=500)  # a record alone says nothing of its benchmark


def test_too_few_seeds_are_no_pass(tmp_path):
    claims, _ = written(tmp_path)
    with pytest.raises(AssertionError, match=r"not evaluable|inconclusive"):
        assert_claim(f"{claims}::real-gain", {"treatment": [85.0], "control": [81.0]}, n=500)


def test_tables_and_scores_are_asserted_too(tmp_path):
    pandas = pytest.importorskip("pandas")
    claims, scores = written(tmp_path)
    assert assert_claim(f"{claims}::real-gain", pandas.read_csv(scores)).verdict == "reproduced"
    assert assert_claim(f"{claims}::real-gain", Scores().add_files(scores)).verdict == "reproduced"


def test_an_assertion_overrules_no_declaration(tmp_path):
    claims, scores = written(tmp_path)
    with pytest.raises(AssertionError, match="not evaluable"):
        assert_claim(f"{claims}::real-gain", Scores(protocol="theirs").add_files(scores))


@pytest.mark.parametrize(
    ("claim", "arms", "n"),
    [
        ("real-gain", {"treatment": [1.0], "control": [1.0]}, None),
        ("real-gain", {"treatment": [0.85, 0.86], "control": [0.81, 0.82]}, 500),
        ("real-gain", {"treatment": [1.0]}, 5),
        ("real-gain", {"treatment": [1.0], "other": [1.0]}, 5),
        ("nobody", {"treatment": [1.0], "control": [1.0]}, 5),
    ],
)
def test_what_cannot_be_asserted_is_an_error_and_no_failed_assertion(tmp_path, claim, arms, n):
    claims, _ = written(tmp_path)
    with pytest.raises(CorroborateError, match="expected"):
        assert_claim(f"{claims}::{claim}", arms, n=n)
