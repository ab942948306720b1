"""JUnit: a case passes only for a verdict that stands, and any strict reader takes the file."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from junitparser import Error, Failure, JUnitXml, Skipped
from lxml import etree
from test_reports import (
    EXAMPLES,
    UNDECIDED,
    WEAK,
    claim_set,
    conceptual,
    controls,
    decided,
    document,
    gain,
)

from reports.document import Document
from reports.to_junit import RENDERER as JUNIT
from reports.to_markdown import RENDERER as MARKDOWN
from verifier.interval_text import interval_lines

SCHEMA = etree.XMLSchema(etree.parse(Path(__file__).parent / "junit.xsd"))
NOT_EXPECTED = {"expected": "not_reproduced"}
NONE = {**WEAK, "finding": "no_evidence", "replication": None, "agreement": None}
texts = st.text(st.characters(codec="utf-8"), min_size=1, max_size=60).filter(str.strip)


def suites(of: Document) -> list[Any]:
    content = JUNIT.render(of)
    parsed = etree.fromstring(content, etree.XMLParser(resolve_entities=False))
    SCHEMA.assertValid(parsed)
    return list(JUnitXml.fromstring(content))


def outcomes(of: Document) -> dict[str, Any]:
    """Return for each claim the one result that is no pass, or None."""
    found = {}
    for suite in suites(of):
        for case in suite:
            assert len(case.result) <= 1
            found[case.name] = case.result[0] if case.result else None
    return found


def one(expected: str | None = None, **changes: Any) -> Any:
    fields = {"expected": expected} if expected else {}
    of = document([claim_set(gain(**fields))], [{**changes, **fields}])
    return outcomes(of)["squad-gain"]


@pytest.mark.parametrize("name", EXAMPLES)
def test_counts_of_a_suite_are_those_of_its_cases(name) -> None:
    for suite in suites(EXAMPLES[name]()):
        results = [case.result[0] if case.result else None for case in suite]
        assert suite.tests == len(results)
        assert suite.failures == sum(isinstance(r, Failure) for r in results)
        assert suite.skipped == sum(isinstance(r, Skipped) for r in results)
        assert suite.errors == sum(isinstance(r, Error) for r in results) == 0


def test_a_reproduced_claim_passes_and_so_does_a_control_that_fails_as_it_must() -> None:
    assert one() is None
    assert set(outcomes(controls()).values()) == {None}


@pytest.mark.parametrize(
    ("label", "finding", "expected"),
    [
        ("not_reproduced", "contradicted", None),
        ("not_reproduced", "contradicted", "reproduced"),
        ("reproduced", "magnitude", "not_reproduced"),
        ("inconclusive", "undecided", None),
        ("inconclusive", "undecided", "not_reproduced"),
    ],
)
def test_any_other_decision_is_a_failure_of_that_type(label, finding, expected) -> None:
    found = one(expected, verdict=label, finding=finding)
    assert isinstance(found, Failure)
    assert found.type == label
    assert found.message.startswith(f"squad-gain: {label.replace('_', ' ')}")


def test_a_failure_shows_the_finding_the_interval_and_the_reasons() -> None:
    found = one(**UNDECIDED)
    assert "found +8 [-4, +20] points" in found.message
    assert re.search(r"\nfound +\|<-+o-+>\| \+8 \[-4, \+20\]\n", found.text)
    assert re.search(r"\nreported +\| +\(=+R=+\) +\| \+8.2, tolerance 2.0\n", found.text)
    assert "\nWhy: The interval allows for both answers.\n" in found.text
    assert "\nWhat would change it: About 5 seeds" in found.text


@pytest.mark.parametrize(("changes", "why"), [(WEAK, "conceptual"), (NONE, "no evidence")])
def test_a_claim_without_evidence_that_may_decide_is_skipped_with_the_reason(changes, why) -> None:
    found = one(**changes)
    assert isinstance(found, Skipped)
    assert why in found.message
    assert "Why: Important deviations" in found.text


def test_a_stale_verdict_and_a_claim_changed_after_planning_do_not_pass() -> None:
    stale = one(stale=["The runs were scored by other code."])
    assert isinstance(stale, Failure)
    assert stale.type == "stale"
    record = document([claim_set(gain())], [{}]).model_dump(mode="json", by_alias=True)
    record["sets"][0]["claims"][0]["planned_criterion"] = "0" * 64
    changed = outcomes(Document.model_validate(record))["squad-gain"]
    assert isinstance(changed, Failure)
    assert changed.type == "changed_after_planning"


def test_a_change_that_somebody_accepted_passes_and_says_who() -> None:
    accepted = {
        "time": "2026-01-02T03:04:05+00:00", "claim": "squad-gain", "then": "0" * 64,
        "now": claim_set(gain()).claims[0].criterion(), "by": "Ada", "because": "read wrongly",
        "version": "0.1.0",
    }  # fmt: skip
    said = [{"acceptances": [accepted]}]
    record = document([claim_set(gain())], said).model_dump(mode="json", by_alias=True)
    record["sets"][0]["claims"][0]["planned_criterion"] = "0" * 64
    found = Document.model_validate(record)
    assert outcomes(found)["squad-gain"] is None
    told = "changed after it was fixed, accepted by Ada on 2026-01-02"
    assert told in JUNIT.render(found).decode()
    assert "Ada accepted that on 2026-01-02" in MARKDOWN.render(found).decode()
    accepted["now"] = "1" * 64
    record["sets"][0]["claims"][0]["verdict"]["acceptances"] = [accepted]
    assert outcomes(Document.model_validate(record))["squad-gain"].type == "changed_after_planning"


@pytest.mark.parametrize(
    ("of", "mark"), [(conceptual, "conceptual-evidence-only."), (controls, "simulated.")]
)
def test_weak_evidence_is_marked_on_every_case_and_every_suite(of, mark) -> None:
    for suite in suites(of()):
        assert suite.name.lower().replace(" ", "-").startswith(mark)
        assert all(case.classname.startswith(mark) for case in suite)


def test_runs_that_claims_share_count_once_in_the_suite_and_others_not_at_all() -> None:
    paper = suites(decided())[0]
    assert [case.time for case in paper] == [410.0, 410.0]
    assert paper.time == 410.0
    without = document([claim_set(gain())], [{**NONE, "evidence": {}}])
    assert suites(without)[0].time == 0


@pytest.mark.parametrize(
    "generated", ["2026-01-02T03:04:05+02:00", "soon", "0001-01-01T00:00:00+14:00"]
)
def test_a_time_that_is_none_is_left_out(generated) -> None:
    root = etree.fromstring(JUNIT.render(decided().model_copy(update={"generated": generated})))
    found = root[0].get("timestamp")
    assert found == ("2026-01-02T01:04:05" if generated.startswith("2026") else None)


@given(texts)
def test_any_text_of_a_claim_or_reason_is_valid_xml_that_says_the_same(text) -> None:
    hostile = text + "]]>\x1f\x0c\x85\u2028\ufffe&lt;<a>'\""
    words = hostile.replace("\ufffe", "\ufffd")
    of = document([claim_set(gain(statement=hostile))], [{**UNDECIDED, "reasons": [hostile]}])
    found = outcomes(of)["squad-gain"]
    visible = [word for word in words.split() if word.isascii() and word.isprintable()]
    for word in visible:
        assert found.text.count(word) >= 2


@given(st.floats(-1e300, 1e300), st.floats(0, 1e300), st.floats(0, 1e300))
def test_a_drawn_interval_holds_its_estimate_and_lies_in_the_picture(at, below, above) -> None:
    interval = {"low": at - below, "high": at + above, "level": 0.95, "method": "t"}
    of = document([claim_set(gain())], [{"estimate": at, "interval": interval}])
    (section,) = of.sections()
    lines = interval_lines(section.claim, section.verdict)
    assert len({line.rindex("|") for line in lines}) == 1
    drawn = lines[0].split("|")[1]
    assert drawn.strip() in {"o", "<o", "o>"} or re.fullmatch(r" *<?-*o-*>? *", drawn)
    assert len(drawn) == 49
