"""A paper is a paper without an arXiv identifier too; only claims that say so are controls."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import tiny_data as tiny
from hypothesis import given
from hypothesis import strategies as st
from test_report_again import OURS, ours
from test_reports import claim_set, controls, decided, document, gain, markdown

from claims.check import read_claim_file
from claims.claim import Paper
from claims.errors import ClaimFileError
from claims.library import bundled, load
from claims.record import digest_of
from replication.data import FolderSource
from replication.plan import make_plan
from replication.protocols import load_protocol
from reports.document import Document
from reports.errors import DocumentError
from reports.gate import refuse_weak_decision
from reports.to_json import RENDERER as JSON
from reports.to_json import read_document

OWN = Paper(title="Our Own Paper", protocol="own-digits")
EXAMPLE = Path(__file__).parents[1] / "examples" / "miniature" / "report.json"
OF_PAPERS = st.builds(
    Paper, title=st.just("A paper"), arxiv=st.sampled_from([None, "2005.13013v2"])
)


def own(**changes: Any) -> Document:
    return document([claim_set(gain()).model_copy(update={"paper": OWN})], [changes])


BUILT = own()


def read(record: dict[str, Any]) -> Document:
    return read_document(json.dumps(record).encode())


def record_of(of: Document) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(JSON.render(of))
    return found


@given(
    paper=OF_PAPERS,
    label=st.sampled_from(["reproduced", "not_reproduced", "inconclusive", "not_evaluable"]),
    replication=st.sampled_from([None, "conceptual", "close", "direct"]),
    simulated=st.booleans(),
)
def test_no_weak_evidence_decides_a_papers_claim_whether_or_not_it_is_on_arxiv(
    paper, label, replication, simulated
):
    (found,) = BUILT.sets
    (claim,) = found.claims
    verdict = claim.verdict.model_copy(update={"verdict": label, "replication": replication})
    claims = (claim.model_copy(update={"verdict": verdict}),)
    weak = simulated or replication in (None, "conceptual")
    asked = found.model_copy(update={"paper": paper, "claims": claims})
    if weak and label in ("reproduced", "not_reproduced"):
        with pytest.raises(DocumentError, match="expected 'not_evaluable'"):
            refuse_weak_decision(asked, simulated=simulated)
    else:
        refuse_weak_decision(asked, simulated=simulated)
    planted = asked.model_copy(update={"paper": Paper(title="Planted", controls=True)})
    refuse_weak_decision(planted, simulated=simulated)


@pytest.mark.parametrize("label", ["reproduced", "not_reproduced"])
def test_a_weak_decision_is_refused_where_it_is_built_and_where_it_is_read(label):
    with pytest.raises(DocumentError, match="replication 'conceptual'"):
        own(verdict=label, replication="conceptual")
    changed = record_of(own())
    changed["sets"][0]["claims"][0]["verdict"] |= {"verdict": label, "replication": "conceptual"}
    with pytest.raises(DocumentError, match="replication 'conceptual'"):
        read(changed)


def test_decisions_on_synthetic_data_are_refused_with_what_to_say_of_planted_effects():
    planted = claim_set(gain()).model_copy(update={"paper": OWN})
    with pytest.raises(DocumentError, match=r"synthetic data.*`controls: true`"):
        document([planted], [{}], simulated=True)
    assert controls().all_verdicts().exit_code() == 0


@pytest.mark.parametrize("name", OURS)
def test_every_format_names_a_paper_without_arxiv_by_its_title(name):
    drawn = ours(name).render(own())
    again = ours(name).render(read(record_of(own())))
    assert drawn == again
    if name in ("pdf", "ro-crate"):  # packed; what is said is asked of the others
        return
    text = drawn.decode()
    assert "Our Own Paper" in text
    assert "None" not in text
    assert "(<code></code>)" not in text
    assert "(``)" not in text
    assert "ontrols" not in text or name in ("json", "html")


def test_papers_stand_before_controls_and_each_says_what_it_is():
    sets = [claim_set(gain("planted"), arxiv=None), claim_set(gain())]
    sets[1] = sets[1].model_copy(update={"paper": OWN})
    both = document(sets, [{"claim_id": "planted"}, {}])
    assert [one.is_paper() for one in both.sets] == [True, False]
    text = markdown(both)
    assert text.index("Claims of Our Own Paper") < text.index("Controls, no paper's claims")
    junit = ours("junit").render(both).decode()
    assert 'classname="claims.our-own-paper"' in junit
    assert 'classname="controls"' in junit


def test_reports_written_before_controls_were_named_keep_their_meaning():
    before = record_of(decided())
    for one in before["sets"]:
        del one["paper"]["controls"]
    assert read(before) == decided()
    old = read_document(EXAMPLE.read_bytes())
    assert [one.is_paper() for one in old.sets] == [True, False]


def test_reports_of_today_say_of_each_set_whether_it_is_of_controls():
    assert [one["paper"]["controls"] for one in record_of(decided())["sets"]] == [False, True]
    said = record_of(own())
    assert read(said).sets[0].is_paper()
    del said["sets"][0]["paper"]["controls"]
    assert not read(said).sets[0].is_paper()


def test_of_the_bundled_sets_only_the_controls_are_controls():
    sets = {name: load(name)[0][1] for name in bundled()}
    assert [name for name, found in sets.items() if found.paper.controls] == ["controls"]


def test_claims_of_a_paper_on_arxiv_are_no_controls(tmp_path):
    heading = {"title": "A paper", "arxiv": "2005.13013v2", "controls": True}
    record = claim_set(gain()).model_dump(mode="json", by_alias=True) | {"paper": heading}
    (tmp_path / "c.yaml").write_text(json.dumps(record))
    with pytest.raises(ClaimFileError, match="controls must be false where arxiv is given"):
        read_claim_file(tmp_path / "c.yaml")


@pytest.mark.parametrize("planted", [False, True])
def test_whose_claims_they_are_changes_no_plan(planted, tmp_path):
    setting = [{"field": "base.architecture.layers", "equals": 2}]
    claims = tiny.claim_set(tiny.claim("two", "protocol", settings=setting), controls=planted)
    before = {"title": "A test", "arxiv": None, "protocol": None}
    of_claims = [claim.digest() for claim in claims.claims]
    expected = digest_of([digest_of({"paper": digest_of(before), "claims": of_claims})])
    plan = make_plan([claims], load_protocol("miniature", seeds=2), FolderSource(tmp_path))
    assert plan.claims_digest == expected
