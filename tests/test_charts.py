"""Charts: what is drawn is what the document says, in pictures that stand by themselves."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ET
from typing import Any

import altair as alt
import pytest
from test_reports import (
    WEAK,
    claim_set,
    conceptual,
    controls,
    decided,
    document,
    gain,
    make_runs,
    protocol,
    verdict,
)

from replication.run import Plan
from reports import drawing
from reports.blocks import Figure, Table, flat, plain_text
from reports.build import build
from reports.charts import arms_chart, cost_chart, forest_chart, matrix_chart
from reports.claim_charts import cells_chart, claim_chart
from reports.content import content
from reports.document import Document
from reports.drawing import COLOURS, SHAPES, canonical, svg
from reports.to_markdown import RENDERER as MARKDOWN
from verifier.verdict import VERDICTS, Verdicts

EVIL = "</text><script>alert(1)</script>"


def figures(of: Document) -> list[Figure]:
    return [block for block in flat([content(of)]) if isinstance(block, Figure)]


def words_in(drawn: str) -> set[str]:
    root = ET.fromstring(drawn)
    return {"".join(e.itertext()) for e in root.iter("{http://www.w3.org/2000/svg}text")}


def specs(of: Document) -> list[dict[str, Any]]:
    sections = list(of.sections())
    made = [forest_chart(sections), arms_chart(sections), cost_chart(of), matrix_chart(of.matrix)]
    made += [claim_chart(s) for s in sections]
    made += [cells_chart(s.verdict.evidence.cells) for s in sections]
    return [spec for spec in made if spec]


@pytest.mark.parametrize("of", [conceptual(), controls(), decided()])
def test_every_chart_is_vega_lite_to_the_schema(of) -> None:
    assert len(specs(of)) >= 4
    for spec in specs(of):
        alt.Chart.from_dict(spec, validate=True)


def test_forest_has_a_row_for_each_claim_and_its_caption_counts_the_intervals() -> None:
    (forest,) = [f for f in figures(decided()) if f.name == "forest"]
    assert {"planted", "squad-gain", "other", "reproduced", "inconclusive"} <= words_in(
        svg(forest.spec)
    )
    said = plain_text(forest.caption)
    assert "Of 3 claims with both, the interval lies within the tolerance in 2" in said
    assert "outside in 0, and across its edge in 1" in said


@pytest.mark.parametrize(
    ("of", "mark"), [(conceptual(), "Conceptual evidence only."), (controls(), "Simulated.")]
)
def test_every_picture_of_weak_evidence_says_so_itself_and_in_its_caption(of, mark) -> None:
    found = figures(of)
    assert len(found) >= 5
    for figure in found:
        assert plain_text(figure.caption).startswith(mark)
        assert mark in words_in(svg(figure.spec))


def test_pictures_of_decided_claims_carry_no_such_mark() -> None:
    for figure in figures(document([claim_set(gain())], [{}])):
        assert not {"Simulated.", "Conceptual evidence only."} & words_in(svg(figure.spec))


def test_a_picture_of_one_conceptual_claim_is_marked_among_decided_ones() -> None:
    of = document([claim_set(gain(), gain("weak"))], [{}, {"claim_id": "weak", **WEAK}])
    marks = {f.name: "Conceptual" in plain_text(f.caption) for f in figures(of)}
    assert marks["claim-weak"] is True
    assert marks["claim-squad-gain"] is False


def test_verdicts_differ_in_shape_as_well_as_in_colour() -> None:
    assert set(COLOURS) == set(SHAPES) == set(VERDICTS)
    assert len(set(COLOURS.values())) == len(set(SHAPES.values())) == len(VERDICTS)


def test_every_figure_stands_beside_a_table() -> None:
    blocks = list(flat([content(decided())]))
    for place, block in enumerate(blocks):
        if isinstance(block, Figure):
            near = blocks[max(0, place - 12) : place + 12]
            assert any(isinstance(other, Table) for other in near)


@pytest.mark.parametrize(
    ("changes", "places"),
    [({}, [0.5]), ({"direction": "down", "reported": -8.2}, [-0.5]),
     ({"kind": "no_benefit", "contrasts": [{"treatment": {}, "control": {}}]}, [-0.5, 0.5])],
)  # fmt: skip
def test_minimum_effect_stands_on_the_side_that_is_claimed(changes, places) -> None:
    claim = gain(**changes)
    if claim["kind"] == "no_benefit":
        pair = {"treatment": claim.pop("treatment"), "control": claim.pop("control")}
        claim = {k: v for k, v in claim.items() if k not in ("reported", "tolerance")}
        claim["contrasts"] = [pair]
    of = document([claim_set(claim)], [{"kind": claim["kind"]}])
    spec = claim_chart(next(of.sections()))
    assert spec is not None
    assert [row["at"] for row in spec["datasets"]["minimum"]] == places


def test_hostile_names_stay_words_in_a_picture() -> None:
    of = document([claim_set(gain())], [{}])
    record = json.loads(of.canonical())
    for arm in record["sets"][0]["claims"][0]["verdict"]["evidence"]["arms"]:
        arm["condition"] = EVIL + arm["condition"]
    spec = claim_chart(next(Document.model_validate(record).sections()))
    assert spec is not None
    drawn = svg(canonical(spec))
    assert "<script" not in drawn
    assert any(word.startswith("</text><script>") for word in words_in(drawn))


def test_a_chart_fetches_nothing_and_is_drawn_alike_twice() -> None:
    spec = cost_chart(decided())
    assert spec is not None
    first = svg(canonical(spec))
    drawing._DRAWN.clear()
    assert svg(canonical(spec)) == first
    with pytest.raises(ValueError, match=r"(?i)not allowed|denied|base url"):
        svg(canonical({**spec, "data": {"url": "https://127.0.0.1:9/x.json"}}))


def test_matrix_has_the_mean_of_each_condition_with_half_its_interval() -> None:
    of = decided()
    cell = next(c for c in of.matrix if c.condition == "squad_v1")
    # 50 + 8 + seed / 4 + place of 13 languages, over seeds 1 and 2
    assert cell.mean == pytest.approx(58 + 0.375 + 6)
    assert cell.half_width == pytest.approx(12.706 * 0.125, abs=1e-3)
    assert (cell.seeds, cell.languages) == (2, 13)
    assert "64.4 ± 1.6" in MARKDOWN.render(of).decode()


def test_markdown_names_each_picture_that_is_beside_it() -> None:
    of = decided()
    text, beside = MARKDOWN.render(of).decode(), MARKDOWN.beside(of)
    assert len(beside) == len(figures(of)) > 4
    for path, content_of in beside.items():
        assert f"]({path})" in text
        assert b"currentColor" not in content_of
        ET.fromstring(content_of)


def test_seeds_that_score_alike_are_not_said_to_be_certain() -> None:
    used = protocol(simulated=False)
    runs = []
    for run in make_runs(used):
        alike = tuple(m.model_copy(update={"score": 50.0}) for m in run.measurements)
        runs.append(run.model_copy(update={"measurements": alike}))
    specs = tuple(run.spec for run in runs)
    plan = Plan(protocol=used, data="a folder", needs=(), specs=specs, claims_digest="0" * 64)
    of = build(
        [claim_set(gain())], Verdicts(verdicts=(verdict(tuple(runs)),)),
        plan=plan, runs=runs, commands=("x",), generated="2026-01-02T03:04:05Z",
    )  # fmt: skip
    assert {(c.mean, c.half_width) for c in of.matrix} == {(50.0, None)}


@pytest.mark.parametrize("broken", [False, True])
def test_charts_drawn_in_a_second_process_are_the_same_and_none_is_lost(
    monkeypatch, broken
) -> None:
    wanted = sorted({figure.spec for figure in figures(decided())})
    alone = [svg(spec) for spec in wanted]
    monkeypatch.setattr(drawing, "_DRAWN", {})
    monkeypatch.setattr(drawing, "MANY", 2)
    monkeypatch.setattr("os.cpu_count", lambda: 2)
    if broken:
        monkeypatch.setattr("sys.executable", "false")
    assert any("url(#" in drawn for drawn in alone)  # whose names vega counts up
    drawing.draw_ahead(wanted)
    assert len(drawing._DRAWN) == (len(wanted) // 2 if broken else len(wanted))
    assert [svg(spec) for spec in wanted] == alone
