"""The badge: words and colour say no more than the verdicts do, to everyone who looks or listens."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
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
from reports.to_badge import GROUND, RENDERER

SVG = "{http://www.w3.org/2000/svg}"
FAILED = {"verdict": "not_reproduced", "finding": "contradicted"}
FOUND: dict[str, dict[str, Any]] = {
    "reproduced": {},
    "close": {"replication": "close"},
    "stale": {"stale": ["other scoring code"]},
    "not_reproduced": FAILED,
    "inconclusive": UNDECIDED,
    "conceptual": WEAK,
    "none": {**WEAK, "finding": "no_evidence", "replication": None, "agreement": None},
}
WORDS = {
    "reproduced": "reproduced", "close": "reproduced", "stale": "reproduced",
    "not_reproduced": "not reproduced", "inconclusive": "inconclusive",
    "conceptual": "not evaluable", "none": "not evaluable",
}  # fmt: skip


def drawn(of: Document) -> tuple[str, str, Any]:
    """Return the words, the colour behind them, and the picture."""
    root = etree.fromstring(RENDERER.render(of), etree.XMLParser(resolve_entities=False))
    words = [text.text for text in root.iter(f"{SVG}text")]
    assert words[0] == "corroborate"
    ground = [box.get("fill") for box in root.iter(f"{SVG}rect")][1]
    return words[1], {v: k for k, v in GROUND.items()}[ground], root


def of_claims(kinds: list[str]) -> Document:
    ids = [f"c{place}" for place in range(len(kinds))]
    make = [{"claim_id": i, **FOUND[kind]} for i, kind in zip(ids, kinds, strict=True)]
    return document([claim_set(*(gain(i) for i in ids))], make)


@given(st.lists(st.sampled_from(sorted(FOUND)), min_size=1, max_size=6))
def test_green_needs_every_claim_reproduced_on_sound_evidence(kinds) -> None:
    said, state, _ = drawn(of_claims(kinds))
    assert (state == "stands") == (set(kinds) <= {"reproduced", "close"})
    assert (state == "falls") == ("not_reproduced" in kinds)
    for word in set(WORDS.values()):
        count = sum(WORDS[kind] == word for kind in kinds)
        counted = said.replace("claims: ", "").replace("; ", ", ").split(", ")
        assert (f"{count} {word}" in counted) == (count > 0)
    assert ("stale or changed" in said) == ("stale" in kinds)


@pytest.mark.parametrize(
    ("of", "first"), [(conceptual, "conceptual evidence only"), (controls, "simulated")]
)
def test_weak_evidence_is_said_first_and_is_never_green(of, first) -> None:
    said, state, _ = drawn(of())
    assert said.startswith(first)
    assert state == "open"


def test_controls_alone_are_no_claim_of_a_paper() -> None:
    assert drawn(controls())[0] == "simulated; no claim of a paper; 2 controls as expected"


@pytest.mark.parametrize("change", [{"verdict": "reproduced", "finding": "magnitude"}, UNDECIDED])
def test_failed_controls_weigh_more_than_any_verdict(change) -> None:
    sets = [claim_set(gain("planted", expected="not_reproduced"), arxiv=None)]
    sets.append(claim_set(gain()))
    planted = {"claim_id": "planted", "expected": "not_reproduced", **change}
    said, state, _ = drawn(document(sets, [planted, {}]))
    assert said.startswith("controls failed, rely on no verdict; ")
    assert state == "falls"


def test_a_claim_changed_after_planning_is_not_green() -> None:
    record = of_claims(["reproduced"]).model_dump(mode="json", by_alias=True)
    record["sets"][0]["claims"][0]["planned_criterion"] = "0" * 64
    said, state, _ = drawn(Document.model_validate(record))
    assert "1 stale or changed" in said
    assert state == "open"


@pytest.mark.parametrize("name", EXAMPLES)
def test_screen_readers_get_a_title_and_a_description(name) -> None:
    said, _, root = drawn(EXAMPLES[name]())
    assert root.get("role") == "img"
    named = root.get("aria-labelledby").split()
    parts = [root.find(f"*[@id='{i}']") for i in named]
    assert [part.tag for part in parts] == [f"{SVG}title", f"{SVG}desc"]
    assert parts[0].text == f"corroborate: {said}"
    assert "no score is made of them" in parts[1].text
    assert all(text.get("aria-hidden") == "true" for text in root.iter(f"{SVG}text"))


def luminance(colour: str) -> float:
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


@pytest.mark.parametrize("ground", GROUND.values())
def test_letters_stand_out_from_every_ground(ground) -> None:
    assert 1.05 / (luminance(ground) + 0.05) >= 6


def test_a_hostile_title_stays_inside_the_description() -> None:
    evil = "</desc><script>x()</script>\x1f\u202e\ufffe & \"'"
    record = decided().model_dump(mode="json", by_alias=True)
    record["sets"][0]["paper"]["title"] = evil
    _, _, root = drawn(Document.model_validate(record))
    assert {child.tag for child in root} == {f"{SVG}{n}" for n in ("title", "desc", "rect", "text")}
    assert "</desc><script>x()</script> \ufffd\ufffd & \"'" in root.find(f"{SVG}desc").text


def test_a_document_past_the_gate_would_not_be_green_either() -> None:
    record = conceptual().model_dump(mode="json", by_alias=True)
    for section in record["sets"][0]["claims"]:
        section["verdict"]["verdict"] = "reproduced"
    assert drawn(Document.model_validate(record))[1] == "open"
