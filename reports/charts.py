"""What does a reader of a whole audit see at a glance?

Charts are made from what the document says and nothing else; None where there is nothing to see.
"""

from __future__ import annotations

from collections.abc import Sequence

from reports.document import ClaimSection, Document, MatrixCell
from reports.drawing import (
    BAND,
    COLOURS,
    FOUND,
    INK,
    REPORTED,
    ROW,
    ROWS,
    SHAPES,
    Spec,
    band,
    chart,
    ends,
    row_axis,
    row_labels,
    size,
    zero_rule,
)
from verifier.numbers import half_width, points
from verifier.verdict import VERDICTS, Verdict
from verifier.words import VERDICT_WORDS

__all__ = ["arms_chart", "cost_chart", "forest_chart", "matrix_chart"]


def forest_chart(sections: Sequence[ClaimSection]) -> Spec | None:
    """Draw all claims with an estimate: interval, reported size and tolerance, a row each.

    None without any, or with more than `ROWS`.
    """
    rows = [_row(section.verdict) for section in sections if section.verdict.estimate is not None]
    if not 0 < len(rows) <= ROWS:
        return None
    y = {**row_axis("claim"), "sort": [row["claim"] for row in rows]}
    x = {"type": "quantitative", "title": "points", "scale": {"zero": True}}
    by_verdict = _by_verdict({str(row["verdict"]) for row in rows})
    layers = [
        zero_rule(),
        {
            "mark": {"type": "bar", "color": BAND, "opacity": 0.35, "height": 12},
            "transform": [{"filter": "isValid(datum.band_low)"}],
            "encoding": {"y": y, "x": {"field": "band_low", **x}, "x2": {"field": "band_high"}},
        },
        {
            "mark": {"type": "tick", "color": REPORTED, "thickness": 3, "height": 14},
            "transform": [{"filter": "isValid(datum.reported)"}],
            "encoding": {"y": y, "x": {"field": "reported", **x}},
        },
        {
            "mark": {"type": "rule", "strokeWidth": 2},
            "transform": [{"filter": "isValid(datum.low)"}],
            "encoding": {
                "y": y, "x": {"field": "low", **x}, "x2": {"field": "high"},
                "color": by_verdict["color"],
            },
        },
        {
            "mark": {"type": "point", "filled": True, "size": 70, "opacity": 1},
            "encoding": {"y": y, "x": {"field": "estimate", **x}, **by_verdict},
        },
    ]  # fmt: skip
    data = {"datasets": {"zero": [{"zero": 0}]}, "data": {"values": rows}}
    return chart({**data, "layer": layers, **size(len(rows))})


def _row(verdict: Verdict) -> dict[str, object]:
    interval = verdict.interval
    return {
        "claim": verdict.claim,
        "estimate": verdict.estimate,
        "reported": verdict.reported,
        "verdict": VERDICT_WORDS[verdict.verdict],
        **band(verdict.reported, verdict.tolerance),
        **(ends(interval.low, interval.high) if interval else {}),
    }


def _by_verdict(found: set[str]) -> Spec:
    shown = [label for label in VERDICTS if VERDICT_WORDS[label] in found]
    names = [VERDICT_WORDS[label] for label in shown]
    field = {"field": "verdict", "type": "nominal", "title": "verdict"}
    return {
        "color": {**field, "scale": {"domain": names, "range": [COLOURS[v] for v in shown]}},
        "shape": {**field, "scale": {"domain": names, "range": [SHAPES[v] for v in shown]}},
    }


def matrix_chart(cells: Sequence[MatrixCell]) -> Spec | None:
    """Draw the mean score of every condition on every task, with the half-width of its interval.

    Shaded within each task from its lowest to its highest score. None with fewer than two conditions.
    """
    conditions = sorted({c.condition for c in cells})
    if not 2 <= len(conditions) <= ROWS:
        return None
    by_task: dict[str, list[float]] = {}
    for c in cells:
        by_task.setdefault(f"{c.task} {c.metric}", []).append(c.mean)
    values = []
    for c in cells:
        task = f"{c.task} {c.metric}"
        low, high = min(by_task[task]), max(by_task[task])
        share = (c.mean - low) / (high - low) if high > low else 0.5
        said = points(c.mean)
        if c.half_width is not None:
            said += f" ± {half_width(c.half_width)}"
        values.append({"task": task, "condition": c.condition, "share": share, "said": said})
    y = {"field": "condition", "type": "nominal", "title": None, "axis": row_labels()}
    x = {
        "field": "task", "type": "nominal", "title": None,
        "axis": {
            "orient": "top", "labelAngle": 0, "labelPadding": 18,
            "labelExpr": "split(datum.label, ' ')",
        },
    }  # fmt: skip
    shade = {"domain": [0, 1], "range": ["#F7F7F7", "#56B4E9"]}
    return chart(
        {
            "data": {"values": values},
            "encoding": {"x": x, "y": y},
            "layer": [
                {
                    "mark": {"type": "rect", "stroke": INK, "strokeOpacity": 0.25},
                    "encoding": {
                        "color": {
                            "field": "share", "type": "quantitative", "scale": shade, "legend": None,
                        }
                    },
                },
                {
                    "mark": {"type": "text", "color": "#111111", "fontSize": 11},
                    "encoding": {"text": {"field": "said", "type": "nominal"}},
                },
            ],
            "width": {"step": 104},
            "height": {"step": ROW + 2},
        }
    )  # fmt: skip


def arms_chart(sections: Sequence[ClaimSection]) -> Spec | None:
    """Draw which claims rest on which arms: claims in one column share its runs.

    None where fewer than two claims rest on any.
    """
    values = [
        {"claim": s.claim.id, "arm": arm.condition}
        for s in sections
        for arm in s.verdict.evidence.arms
    ]
    claims = {v["claim"] for v in values}
    if not 2 <= len(claims) <= ROWS:
        return None
    x = {
        "field": "arm", "type": "nominal", "title": None,
        "axis": {**row_labels(), "orient": "top", "labelAngle": -40, "grid": True},
    }  # fmt: skip
    return chart(
        {
            "data": {"values": values},
            "mark": {"type": "circle", "size": 110, "color": FOUND, "opacity": 1},
            "encoding": {
                "x": x,
                "y": {**row_axis("claim"), "axis": {**row_labels(), "grid": True}},
            },
            "width": {"step": 30},
            "height": {"step": ROW},
        }
    )


def cost_chart(document: Document) -> Spec | None:
    """Draw the hours that each phase took; None where nothing ran."""
    hours = [c.seconds / 3600 for c in document.costs]
    if not hours:
        return None
    unit, factor = ("hours", 1) if max(hours) >= 1 else ("minutes", 60)
    phases: list[str] = [c.phase for c in document.costs]
    values = [{"phase": p, "time": factor * h} for p, h in zip(phases, hours, strict=True)]
    return chart(
        {
            "data": {"values": values},
            "mark": {"type": "bar", "color": FOUND, "height": 12},
            "encoding": {
                "y": {**row_axis("phase"), "sort": phases},
                "x": {"field": "time", "type": "quantitative", "title": unit},
            },
            **size(len(values)),
        }
    )
