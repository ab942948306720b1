"""Nanopublications: each says one verdict, with what weakens it, exactly, and where it comes from."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rdflib import Dataset, Literal, Namespace, URIRef
from rdflib.namespace import DCTERMS, PROV, RDF, RDFS
from test_badge import FOUND
from test_reports import (
    EXAMPLES,
    claim_set,
    conceptual,
    controls,
    decided,
    document,
    gain,
)

from claims.claim import Claim
from replication.deviations import ReplicationKind
from reports.document import Document
from reports.nanopub_nodes import OWN
from reports.to_json import RENDERER as JSON
from reports.to_nanopub import RENDERER
from verifier.verdict import VERDICTS, Agreement, Finding

pytestmark = pytest.mark.filterwarnings("ignore:(Dataset|ConjunctiveGraph):DeprecationWarning")
"""rdflib warns of what its own reader of JSON-LD does."""
NP = Namespace("http://www.nanopub.org/nschema#")
NPX = Namespace("http://purl.org/nanopub/x/")
SCHEMA = Namespace("http://schema.org/")
TERM = Namespace(OWN)
PAGE = Path(__file__).parents[1] / "docs" / "report-formats.md"
MOST_TRIPLES = 1200
"""That the library nanopub signs."""
SOUND = {"reproduced", "close", "not_reproduced"}


def changed(of: Document, change: Callable[[dict[str, Any]], object]) -> Document:
    record = of.model_dump(mode="json", by_alias=True)
    change(record)
    return Document.model_validate(record)


def imported() -> Document:
    files = [{"path": f"runs/{n}.csv", "sha256": str(n) * 64} for n in (1, 2)]
    line = {"format": "tidy", "evaluator": "theirs 1.0", "runs": 4, "scores": 52, "files": files}
    shown = {**line, "protocol": None, "because": "a mean", "files": [{**files[0], "path": "x"}]}
    lines = [{**line, "protocol": "ours", "because": None}, shown]
    return changed(decided(), lambda record: record.update(imports=lines))


def without_arxiv() -> Document:
    record = claim_set(gain()).model_dump(mode="json", by_alias=True)
    record["paper"].update(arxiv=None, title="Ours")
    return document([type(claim_set(gain())).model_validate(record)], [{}])


def large() -> Document:
    def grow(record: dict[str, Any]) -> None:
        digests = [hashlib.sha256(str(n).encode()).hexdigest() for n in range(1000)]
        section = record["sets"][0]["claims"][0]
        section["runs"], section["verdict"]["evidence"]["runs"] = digests, digests[:4]
        section["verdict"]["stale"] = [f"reason {n}" for n in range(90)]
        section["verdict"]["evidence"]["exclusions"] = [f"run {n}" for n in range(90)]
        section["verdict"]["deviations"] = [
            {"field": f"f{n}", "reported": "a", "used": "b", "importance": "minor"}
            for n in range(90)
        ]
        record["data"] = [{**record["data"][0], "revision": f"r{n}"} for n in range(300)]
        files = [{"path": f"{d}.csv", "sha256": d} for d in digests]
        line = {"format": "tidy", "evaluator": "e", "runs": 4, "scores": 4, "files": files}
        record["imports"] = [{**line, "protocol": f"p{n}", "because": None} for n in range(30)]

    arms = [{"treatment": {"intermediate": [f"t{n}"]}, "control": {}} for n in range(100)]
    many = gain(contrasts=arms, kind="no_benefit")
    many = {k: v for k, v in many.items() if k not in GAIN_ONLY}
    return changed(document([claim_set(many)], [{"kind": "no_benefit"}]), grow)


GAIN_ONLY = {"treatment", "control", "reported", "tolerance"}
ALL = {**EXAMPLES, "imported": imported, "without_arxiv": without_arxiv, "large": large}


def parts(of: Document) -> list[dict[str, Any]]:
    return json.loads(RENDERER.render(of))


def datasets(of: Document) -> list[Dataset]:
    """Each nanopublication as another program reads it."""
    return [Dataset().parse(data=json.dumps(part), format="json-ld") for part in parts(of)]


def names(found: Dataset) -> dict[str, URIRef]:
    """IRIs of the nanopublication and of its parts."""
    (quad,) = found.quads((None, RDF.type, NP.Nanopublication, None))
    whole, head = quad[0], quad[3]
    said = {"whole": whole, "head": head}
    properties = {
        "assertion": NP.hasAssertion,
        "provenance": NP.hasProvenance,
        "pubinfo": NP.hasPublicationInfo,
    }
    for part, name in properties.items():
        (link,) = found.quads((whole, name, None, head))
        said[part] = link[2]
    return said


def graph(found: Dataset, part: str) -> Any:
    return found.graph(names(found)[part])


def value(found: Dataset, name: str, part: str = "assertion", of: str = "verdict") -> Any:
    subject = URIRef(f"{names(found)['whole']}{of}")
    return graph(found, part).value(subject, TERM[name], any=False)


@pytest.mark.parametrize("name", ALL)
def test_each_claim_is_one_well_formed_nanopublication(name) -> None:
    of = ALL[name]()
    found = datasets(of)
    assert len(found) == len(list(of.sections()))
    for one, section in zip(found, of.sections(), strict=True):
        said = names(one)
        graphs = {said[part] for part in ("head", "assertion", "provenance", "pubinfo")}
        assert len({*graphs, said["whole"]}) == 5
        assert {quad[3] for quad in one.quads()} == graphs
        assert len(graph(one, "head")) == 4
        assert list(graph(one, "provenance").predicate_objects(said["assertion"]))
        assert list(graph(one, "pubinfo").predicate_objects(said["whole"]))
        assert len(one) <= MOST_TRIPLES - 10, "room for signature, creator and licence"
        claim = URIRef(f"{said['whole']}claim")
        assert str(graph(one, "assertion").value(claim, DCTERMS.identifier)) == section.claim.id
        assert str(graph(one, "assertion").value(claim, SCHEMA.text)) == section.claim.statement
    assert len({names(one)["whole"] for one in found}) == len(found)


@pytest.mark.parametrize("name", ALL)
def test_names_mean_nothing_to_tools_and_no_two_audits_share_one(name) -> None:
    of = ALL[name]()
    later = changed(of, lambda record: record.update(generated="2027-01-02T03:04:05Z"))
    first, second = ({str(names(one)["whole"]) for one in datasets(x)} for x in (of, later))
    assert not first & second
    pattern = r"http://purl\.org/nanopub/temp/corroborate-[0-9a-f]{32}#"
    assert all(re.fullmatch(pattern, one) for one in first | second)
    assert RENDERER.render(of) == RENDERER.render(of)


NUMBERS = st.floats(allow_nan=False, allow_infinity=False)


@settings(max_examples=40, deadline=None)
@given(estimate=NUMBERS, low=NUMBERS, reported=st.floats(0.001, 100), level=st.floats(0.5, 0.999))
def test_numbers_read_back_are_the_documents_even_through_trig(
    estimate, low, reported, level
) -> None:
    interval = {"low": low, "high": 1 / 3, "level": level, "method": "t"}
    make = {"estimate": estimate, "interval": interval, "level": level, "reported": reported}
    (one,) = datasets(document([claim_set(gain())], [make]))
    again = Dataset().parse(data=one.serialize(format="trig"), format="trig")
    for found in (one, again):
        assert float(value(found, "estimate")) == estimate
        assert float(value(found, "low", of="interval")) == low
        assert float(value(found, "high", of="interval")) == 1 / 3
        assert float(value(found, "level", of="interval")) == level
        assert float(value(found, "reported", of="claim")) == reported
        assert float(value(found, "tolerance", of="claim")) == 2.0
        assert float(value(found, "minimumEffect", of="claim")) == 0.5
        assert value(found, "seeds").toPython() == 2
        assert str(value(found, "method", of="interval")) == "t"


@pytest.mark.parametrize("kind", FOUND)
def test_the_assertion_alone_says_what_weakens_a_verdict(kind) -> None:
    (one,) = datasets(document([claim_set(gain())], [FOUND[kind]]))
    assertion = graph(one, "assertion")
    (said,) = assertion.objects(None, TERM.verdict)
    cautions = [str(text) for text in assertion.objects(None, TERM.caution)]
    label = str(assertion.value(URIRef(f"{names(one)['whole']}verdict"), RDFS.label))
    weak = {
        "stale": "Stale.", "conceptual": "Conceptual evidence only.", "none": "No evidence.",
    }.get(kind)  # fmt: skip
    assert str(graph(one, "pubinfo").value(names(one)["whole"], RDFS.label)) == label
    if weak:
        assert any(text.startswith(weak) for text in cautions)
        assert label.startswith(f"{weak} squad-gain: ")
    else:
        assert not cautions
        assert label.startswith("squad-gain: ")
    assert (said in {TERM.reproduced, TERM.not_reproduced}) == (kind in SOUND | {"stale"})


def test_a_decision_on_synthetic_data_is_another_term_and_marked_as_an_example() -> None:
    terms = set()
    for one in datasets(controls()):
        terms |= set(graph(one, "assertion").objects())
        assert (names(one)["whole"], RDF.type, NPX.ExampleNanopub) in graph(one, "pubinfo")
        said = [str(text) for text in graph(one, "assertion").objects(None, TERM.caution)]
        assert any(text.startswith("Simulated. The languages and data") for text in said)
        assert any(text.startswith("Control.") for text in said)
    assert {TERM.reproduced_in_simulation, TERM.not_reproduced_in_simulation} <= terms
    assert not {TERM.reproduced, TERM.not_reproduced} & terms
    for one in datasets(decided()):
        assert not list(graph(one, "pubinfo").objects(None, RDF.type))


def test_a_control_decided_on_conceptual_evidence_has_another_term_too() -> None:
    sets = [claim_set(gain(), arxiv=None)]
    (one,) = datasets(document(sets, [{"replication": "conceptual"}]))
    assert value(one, "verdict") == TERM.reproduced_on_weak_evidence


def test_failed_controls_and_changed_claims_are_said_in_every_assertion() -> None:
    wrong = controls(verdict="reproduced", finding="magnitude")
    for one in datasets(wrong):
        said = [str(text) for text in graph(one, "assertion").objects(None, TERM.caution)]
        assert any(text.startswith("Controls failed.") for text in said)

    def change(record: dict[str, Any]) -> None:
        record["sets"][0]["claims"][0]["planned_criterion"] = "0" * 64

    (one, *_) = datasets(changed(conceptual(), change))
    assert value(one, "criterionKept", of="claim").toPython() is False
    said = str(list(graph(one, "assertion").objects(None, TERM.caution)))
    assert "Changed after planning." in said


def test_what_was_left_out_of_the_evidence_is_said_as_it_stands() -> None:
    (one,) = datasets(large())
    said = {str(text) for text in graph(one, "assertion").objects(None, TERM.caution)}
    assert {"Incomplete. run 0", "Stale. reason 0"} <= said


def test_provenance_names_report_protocol_runs_and_data_by_what_can_be_checked() -> None:
    of = decided()
    for one, section in zip(datasets(of), of.sections(), strict=True):
        provenance = graph(one, "provenance")
        sources = set(provenance.objects(names(one)["assertion"], PROV.wasDerivedFrom))
        digests = {decoded(source) for source in sources}
        report = hashlib.sha256(JSON.render(of)).hexdigest()
        assert digests == {report, of.protocol.digest(), *section.runs}
        for source in sources:
            assert str(provenance.value(source, DCTERMS.identifier)) == decoded(source)
        (activity,) = provenance.objects(names(one)["assertion"], PROV.wasGeneratedBy)
        assert str(provenance.value(activity, TERM.signature)) == section.verdict.signature
        data = {
            (str(provenance.value(used, SCHEMA.name)), str(provenance.value(used, SCHEMA.version)))
            for used in provenance.objects(activity, PROV.used)
            if (used, RDF.type, SCHEMA.Dataset) in provenance
        }
        assert data == {(use.name, use.revision) for use in of.data}


def test_versions_are_those_of_the_signature_and_unknown_ones_are_left_out() -> None:
    signed = "kind:gain|evaluator:corroborate-scoring@1|version:0.1.0"
    (one,) = datasets(document([claim_set(gain())], [{"signature": signed}]))
    assert str(value(one, "evaluator", "provenance", "verification")) == "corroborate-scoring@1"
    agent = URIRef(f"{names(one)['whole']}software")
    assert str(graph(one, "provenance").value(agent, SCHEMA.softwareVersion)) == "0.1.0"
    (other,) = datasets(document([claim_set(gain())], [{"signature": "evaluator:-"}]))
    assert value(other, "evaluator", "provenance", "verification") is None
    assert not list(graph(other, "provenance").objects(None, SCHEMA.softwareVersion))


def test_imported_scores_name_their_files_and_the_protocol_that_was_declared() -> None:
    for one in datasets(imported()):
        provenance = graph(one, "provenance")
        files = {
            (str(path), decoded(source))
            for source in provenance.objects(names(one)["assertion"], PROV.wasDerivedFrom)
            for path in provenance.objects(source, SCHEMA.name)
        }
        assert files == {("runs/1.csv", "1" * 64), ("runs/2.csv", "2" * 64)}
        assert [str(p) for p in provenance.objects(None, TERM.declaredProtocol)] == ["ours"]
        said = str(list(graph(one, "assertion").objects(None, TERM.caution)))
        assert "Imported. These scores were imported, not made here." in said


def test_papers_have_their_address_where_it_is_known() -> None:
    (one, *_) = datasets(conceptual())
    claim = URIRef(f"{names(one)['whole']}claim")
    paper = URIRef("https://arxiv.org/abs/2005.13013v2")
    assert graph(one, "assertion").value(claim, SCHEMA.isPartOf) == paper
    (other,) = datasets(without_arxiv())
    ours = URIRef(f"{names(other)['whole']}paper")
    assert str(graph(other, "assertion").value(ours, SCHEMA.name)) == "Ours"


@pytest.mark.parametrize("name", ALL)
def test_nobody_is_named_as_creator_and_no_licence_is_made_up(name) -> None:
    for one in datasets(ALL[name]()):
        (created,) = graph(one, "pubinfo").objects(None, DCTERMS.created)
        assert created.toPython() == datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
        found = {quad[1] for quad in one.quads()}
        assert not {DCTERMS.creator, DCTERMS.license, PROV.wasAttributedTo} & found


@pytest.mark.parametrize("time", ["yesterday", "2026-01-02T03:04:05", "0001-01-01T00:00:00+14:00"])
def test_a_time_that_is_none_is_left_out(time) -> None:
    of = changed(decided(), lambda record: record.update(generated=time))
    assert not [q for one in datasets(of) for q in one.quads((None, DCTERMS.created, None, None))]


def test_what_is_not_listed_is_counted() -> None:
    (one,) = datasets(large())
    activity = URIRef(f"{names(one)['whole']}verification")
    said = {str(text) for text in graph(one, "provenance").objects(activity, TERM.notListed)}
    assert said == {"880 runs", "950 files", "18 imports", "260 data sets", "40 deviations"}


EVIL = '</script><script>x()</script> \u202e\x07 {"@id": "http://evil/"} <http://evil/> . \\"\n@id'


@pytest.mark.parametrize("evil", [EVIL, "@id", "http://evil.example/", "corroborate:reproduced"])
def test_hostile_text_stays_text_and_no_page_can_be_broken_by_it(evil) -> None:
    def of(said: str) -> Document:
        source = {"quote": said, "section": said, "found_in": said}
        claim = gain(statement=said, notes=[said], source=source)
        interval = {"low": 1, "high": 2, "level": 0.95, "method": said}
        stale = {"stale": [said], "reasons": [said], "signature": f"version:{said}"}
        found = document([claim_set(claim)], [{**stale, "interval": interval}])
        return changed(found, lambda record: record.update(data_source=said))

    def shape(found: Dataset) -> set[Any]:
        own = str(names(found)["whole"])
        return {
            tuple("literal" if isinstance(x, Literal) else x.replace(own, "") for x in quad)
            for quad in found.quads()
            if quad[1] not in {DCTERMS.identifier, PROV.wasDerivedFrom}
            and not str(quad[0]).startswith("ni:")
        }

    hostile, calm = (datasets(of(said))[0] for said in (evil, "calm"))
    assert shape(hostile) == shape(calm)
    content = RENDERER.render(of(evil))
    assert b"<" not in content
    assert "\u202e" not in content.decode()
    assert "\\u0007" not in content.decode()


def test_nothing_is_fetched_to_read_a_file() -> None:
    for part in parts(imported()):
        assert set(part) == {"@context", "@graph"}
        assert all(isinstance(prefix, str) for prefix in part["@context"].values())
        assert not {"@import", "@vocab", "@base"} & set(part["@context"])
        assert "@context" not in json.dumps(part["@graph"])


def section_of_page() -> str:
    return (
        PAGE.read_text(encoding="utf-8").partition("\n## Nanopublications\n")[2].split("\n## ")[0]
    )


def test_every_term_of_our_own_is_explained() -> None:
    explained = set(re.findall(r"`([A-Za-z_]+)`", section_of_page()))
    used = {
        str(node).removeprefix(OWN)
        for make in ALL.values()
        for one in datasets(make())
        for quad in one.quads()
        for node in quad[:3]
        if str(node).startswith(OWN)
    } - {""}
    kinds = {
        get_args(get_args(one.model_fields["kind"].annotation))[:1]
        or get_args(one.model_fields["kind"].annotation)
        for one in get_args(get_args(Claim)[0])
    }
    values = {*VERDICTS, *get_args(Finding), *get_args(ReplicationKind), *get_args(Agreement)}
    values |= {name for kind in kinds for name in kind}
    assert used | values <= explained, sorted((used | values) - explained)
    assert OWN in section_of_page()


def test_the_steps_of_the_documentation_make_files_to_sign(tmp_path, monkeypatch) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / RENDERER.file_name).write_bytes(RENDERER.render(decided()))
    monkeypatch.chdir(tmp_path)
    code = re.search(r"```python\n(.*?)```", section_of_page(), re.DOTALL)
    exec(compile(code.group(1), str(PAGE), "exec"), {})
    files = sorted((tmp_path / "out").glob("*.trig"))
    assert len(files) == 3
    for path, before in zip(files, datasets(decided()), strict=True):
        after = Dataset().parse(path)
        added = {quad[1] for quad in set(after.quads()) - set(before.quads())}
        assert added == {DCTERMS.creator, DCTERMS.license}
        assert len(after) == len(before) + 2


def decoded(name: Any) -> str:
    assert str(name).startswith("ni:///sha-256;")
    return base64.urlsafe_b64decode(str(name).partition(";")[2] + "=").hex()
