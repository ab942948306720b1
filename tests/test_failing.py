"""What a build fails on is what was asked for, and says why."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from verifier.errors import FailOnError
from verifier.failing import FAIL_ON, failing, read_fail_on
from verifier.verdict import VERDICTS, Verdict

labels = st.sampled_from(VERDICTS)
lists = st.sets(st.sampled_from(FAIL_ON), min_size=1)
expectations = st.sampled_from((None, "reproduced", "not_reproduced"))


def verdict(label="reproduced", expected=None, stale=(), claim="c1") -> Verdict:
    return Verdict(
        claim=claim, kind="gain", statement="It helps.", verdict=label, finding="undecided",
        replication="direct", level=0.95, expected=expected, stale=stale, signature="s",
        reasons=("Because.",),
    )  # fmt: skip


def names(found, on=FAIL_ON):
    return [one.because for one in failing([found], on)]


@given(labels, expectations, lists)
def test_a_verdict_fails_by_its_own_name_unless_it_is_the_expected_one(label, expected, on):
    found = verdict(label, expected)
    fails = found.as_expected() is not True and label in on
    fails |= found.as_expected() is False and "unexpected" in on
    assert bool(failing([found], on)) is fails


@given(labels, expectations, lists)
def test_asking_for_more_never_fails_less_and_staleness_never_helps(label, expected, on):
    fresh, stale = verdict(label, expected), verdict(label, expected, stale=("changed",))
    assert len(failing([fresh], on)) <= len(failing([fresh], FAIL_ON))
    assert len(failing([fresh], on)) <= len(failing([stale], on))
    assert ("stale" in on) <= bool(failing([stale], on))


def test_a_negative_control_fails_where_it_is_reproduced_and_not_where_it_is_not():
    control = verdict("not_reproduced", "not_reproduced")
    assert names(control) == []
    assert names(verdict("reproduced", "not_reproduced")) == [("reproduced", "unexpected")]
    assert names(verdict("reproduced", "not_reproduced"), ["not_reproduced"]) == []


def test_a_failure_says_under_which_names_it_falls_and_why():
    one = verdict("inconclusive", stale=("criterion: a then, b now; not accepted.",))
    assert names(one) == [("inconclusive", "stale")]
    assert [f.reason for f in failing([one], ["inconclusive"])] == ["Because."]
    assert [f.reason for f in failing([one], FAIL_ON)] == list(one.stale)


def test_names_are_read_from_a_list_and_all_unknown_ones_are_told():
    assert read_fail_on("stale, inconclusive,stale") == ("stale", "inconclusive")
    with pytest.raises(FailOnError) as caught:
        read_fail_on("stale,red,,x" + "y" * 100)
    assert "found 'red', '', 'xyyy" in str(caught.value)
    assert "expected some of reproduced,not_reproduced,inconclusive,not_evaluable" in str(
        caught.value
    )
    assert len(str(caught.value)) < 250
