"""What does a reader of one claim see at a glance?

Charts are made from what the document says and nothing else; None where there is nothing to see.
"""

from __future__ import annotations

from collections.abc import Sequence

from reports.document import ClaimSection
from reports.drawing import (
    BAND,
    FOUND,
    INK,
    LABEL,
    REPORTED,
    ROW,
    ROWS,
    Spec,
    band,
    chart,
    ends,
    points_axis,
    row_axis,
    size,
    zero_rule,
)
from verifier.verdict import Cell

__all__ = ["cells_chart", "claim_chart"]


def claim_chart(section: ClaimSection) -> Spec | None:
    """Draw a claim's estimate and interval against what is reported and tolerated, over its seeds.

    Above: reported size with its tolerance as a band, estimate with its interval, minimum effect as a
    dashed line. Below: the score of each seed of each arm. None where there is neither.
    """
    parts = [part for part in (_against_reported(section), _seeds(section)) if part]
    if not parts:
        return None
    return chart({"vconcat": parts, "spacing": 12} if len(parts) > 1 else parts[0])


def cells_chart(cells: Sequence[Cell]) -> Spec | None:
    """Draw the estimates of one contrast by task and language: orange below 0, blue above.

    None with fewer than two languages.
    """
    found = [c for c in cells if c.language is not None]
    if len({c.language for c in found}) < 2:
        return None
    values = [
        {"task": c.task or "all tasks", "language": c.language, "estimate": c.estimate}
        for c in found
    ]
    most = max(1e-9, *(abs(c.estimate) for c in found))
    differs = all(c.control is not None for c in found)
    scale = (
        {"domain": [-most, 0, most], "range": ["#D55E00", "#F2F2F2", "#0072B2"]}
        if differs
        else {"domain": [0, 100], "range": ["#F2F2F2", "#0072B2"]}
    )
    return chart(
        {
            "data": {"values": values},
            "mark": {"type": "rect", "stroke": INK, "strokeOpacity": 0.25},
            "encoding": {
                "x": {
                    "field": "language", "type": "nominal", "title": "language",
                    "axis": {"labelAngle": -90, "orient": "bottom"},
                },
                "y": {"field": "task", "type": "nominal", "title": None, "axis": {"labelLimit": LABEL}},
                "color": {
                    "field": "estimate", "type": "quantitative",
                    "title": "difference, points" if differs else "score, points", "scale": scale,
                },
            },
            "width": {"step": 15},
            "height": {"step": ROW},
        }
    )  # fmt: skip


def _against_reported(section: ClaimSection) -> Spec | None:
    verdict = section.verdict
    if verdict.estimate is None:
        return None
    layers = [zero_rule()]
    if verdict.minimum_effect is not None:
        layers.append(
            {
                "data": {"values": [{"at": verdict.minimum_effect}]},
                "mark": {"type": "rule", "strokeDash": [4, 3], "color": INK, "opacity": 0.7},
                "encoding": {"x": points_axis("at")},
            }
        )
    if verdict.reported is not None:
        row = {
            "row": "reported",
            "at": verdict.reported,
            **band(verdict.reported, verdict.tolerance),
        }
        data = {"data": {"values": [row]}}
        if "band_low" in row:
            bar = {"type": "bar", "color": BAND, "opacity": 0.35, "height": 14}
            span = {
                "y": row_axis("row"),
                "x": points_axis("band_low"),
                "x2": {"field": "band_high"},
            }
            layers.append({**data, "mark": bar, "encoding": span})
        tick = {"type": "tick", "color": REPORTED, "thickness": 3, "height": 16}
        layers.append(
            {**data, "mark": tick, "encoding": {"y": row_axis("row"), "x": points_axis("at")}}
        )
    found: dict[str, object] = {"row": "found", "at": verdict.estimate}
    if verdict.interval is not None:
        found |= ends(verdict.interval.low, verdict.interval.high)
        span = {"y": row_axis("row"), "x": points_axis("low"), "x2": {"field": "high"}}
        rule = {"type": "rule", "strokeWidth": 3, "color": FOUND}
        layers.append({"data": {"values": [found]}, "mark": rule, "encoding": span})
    point = {"type": "point", "filled": True, "size": 80, "color": FOUND, "opacity": 1}
    at = {"y": row_axis("row"), "x": points_axis("at")}
    layers.append({"data": {"values": [found]}, "mark": point, "encoding": at})
    return {"layer": layers, **size(2 if verdict.reported is not None else 1)}


def _seeds(section: ClaimSection) -> Spec | None:
    arms = section.verdict.evidence.arms
    if not arms or len(arms) > ROWS:
        return None
    values = [{"arm": arm.condition, "score": score} for arm in arms for score in arm.scores]
    middles = [{"arm": arm.condition, "score": arm.summary} for arm in arms]
    x = {
        "field": "score", "type": "quantitative", "title": "score of each seed, points",
        "scale": {"zero": False},
    }  # fmt: skip
    y = {**row_axis("arm"), "sort": [arm.condition for arm in arms]}
    dot = {"type": "point", "size": 45, "color": FOUND, "opacity": 0.9}
    tick = {"type": "tick", "color": INK, "thickness": 2, "height": 14}
    layers = [
        {"data": {"values": values}, "mark": dot, "encoding": {"y": y, "x": x}},
        {"data": {"values": middles}, "mark": tick, "encoding": {"y": y, "x": x}},
    ]
    return {"layer": layers, **size(len(arms))}
