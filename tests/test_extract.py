"""Drafts of claims from abstracts whose claims we wrote down by hand first."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from claims.paper import PaperText, Passage
from claims.rule_extractor import EXTRACTOR

ABSTRACTS = sorted((Path(__file__).parent / "abstracts").glob("*.yaml"))
UNKNOWN = ("direction", "treatment", "control", "metric", "scope", "split", "statistic")
EXPECTED = {
    **dict.fromkeys(("kind", "number", "low", "high")),
    **dict.fromkeys(("unit", "change", "hedge"), "none"),
    **dict.fromkeys(UNKNOWN, "unknown"),
}


def paper_of(text: str, kind="abstract") -> PaperText:
    passage = Passage(address=f"{kind}/p1", place=f"{kind}, paragraph 1", kind=kind, text=text)
    return PaperText(format="text", passages=(passage,), tables=())


def said(draft) -> dict:
    """What a draft says, in the shape of the files in `abstracts`."""
    number = draft.number
    return {
        "kind": draft.kind,
        "number": number and number.value,
        "low": number and pytest.approx(number.low),
        "high": number and pytest.approx(number.high),
        "unit": number.unit if number else "none",
        "change": number.change if number else "none",
        "hedge": number.hedge if number else "none",
        "direction": draft.direction,
        "treatment": draft.treatment,
        "control": draft.control,
        **draft.measure.model_dump(),
    }


@pytest.mark.parametrize("path", ABSTRACTS, ids=lambda p: p.stem)
def test_abstract_yields_exactly_the_claims_written_down_by_hand(path) -> None:
    golden = yaml.safe_load(path.read_text())
    found = EXTRACTOR.extract(
        paper_of(golden["text"], "caption" if golden.get("caption") else "abstract")
    )
    wanted = [EXPECTED | draft for draft in golden["drafts"]]
    for draft in wanted:  # counts are exact
        if (
            draft["kind"] in ("protocol", "consistency")
            and draft["number"]
            and draft["low"] is None
        ):
            draft.update(low=draft["number"], high=draft["number"])
    assert [said(d) for d in found.drafts] == wanted
    assert {left.reason: left.count for left in found.left_out} == golden["left_out"]


@pytest.mark.parametrize(
    ("sentence", "direction"),
    [
        ("Silk gains 1.2 points less than cotton.", "unknown"),
        ("Silk lowers drag by 1.2 percentage points less than cotton.", "unknown"),
        ("Silk gains 1.2 points over cotton.", "up"),
        ("Silk is 1.2 points worse than cotton.", "down"),
    ],
)
def test_change_that_is_less_than_another_has_no_direction_of_its_own(sentence, direction) -> None:
    drafts = EXTRACTOR.extract(paper_of(sentence)).drafts
    assert [(d.kind, d.direction) for d in drafts] == [("gain", direction)]


def test_caption_that_says_which_way_is_better_claims_nothing() -> None:
    assert not EXTRACTOR.extract(paper_of("WER (%, lower is better).", "caption")).drafts
