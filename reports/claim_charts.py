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
    REPORTED,
    ROW,
    ROWS,
    Spec,
    band,
    chart,
    ends,
    points_axis,
    row_axis,
    row_labels,
    size,
    zero_rule,
)
from verifier.interval_text import minimum_effects
from verifier.verdict import Cell

__all__ = ["cells_chart", "claim_chart"]

SHADES = 12
"""Steps of colour on each side of 0; an eye tells fewer apart."""
Datasets = dict[str, list[dict[str, object]]]


def claim_chart(section: ClaimSection) -> Spec | None:
    """Draw a claim's estimate and interval against what is reported and tolerated, over its seeds.

    Above: reported size with its tolerance as a band, estimate with its interval, minimum effect as a
    dashed line. Below: the score of each seed of each arm. None where there is neither.
    """
    parts = [part for part in (_against_reported(section), _seeds(section)) if part]
    if not parts:
        return None
    views = [view for view, _ in parts]
    datasets = {name: rows for _, data in parts for name, rows in data.items()}
    body = {"vconcat": views, "spacing": 12} if len(parts) > 1 else views[0]
    return chart({**body, "datasets": datasets})


def cells_chart(cells: Sequence[Cell]) -> Spec | None:
    """Draw the estimates of one contrast by task and language: orange below 0, blue above.

    None with fewer than two languages.
    """
    found = [c for c in cells if c.language is not None]
    if len({c.language for c in found}) < 2:
        return None
    most = max(1e-9, *(abs(c.estimate) for c in found))
    differs = all(c.control is not None for c in found)
    scale = (
        {"domain": [-most, 0, most], "range": ["#D55E00", "#F2F2F2", "#0072B2"]}
        if differs
        else {"domain": [0, 100], "range": ["#F2F2F2", "#0072B2"]}
    )
    step = (most if differs else 100) / SHADES
    # cells of one colour come together, so that they are drawn as one shape
    shaded = sorted((round(c.estimate / step) * step, c.task or "", c.language) for c in found)
    values = [
        {"task": task or "all tasks", "language": language, "estimate": estimate}
        for estimate, task, language in shaded
    ]
    return chart(
        {
            "data": {"name": "cells"},
            "datasets": {"cells": values},
            "mark": {"type": "rect", "stroke": INK, "strokeOpacity": 0.25},
            "encoding": {
                "x": {
                    "field": "language", "type": "nominal", "title": "language",
                    "axis": {"labelAngle": -90, "orient": "bottom"},
                },
                "y": {"field": "task", "type": "nominal", "title": None, "axis": row_labels()},
                "color": {
                    "field": "estimate", "type": "quantitative",
                    "title": "difference, points" if differs else "score, points", "scale": scale,
                },
            },
            "width": {"step": 16},
            "height": {"step": ROW},
        }
    )  # fmt: skip


def _against_reported(section: ClaimSection) -> tuple[Spec, Datasets] | None:
    verdict = section.verdict
    if verdict.estimate is None:
        return None
    found: dict[str, object] = {"row": "found", "at": verdict.estimate}
    data: Datasets = {"zero": [{"zero": 0}], "found": [found]}
    layers = [zero_rule()]
    if verdict.minimum_effect is not None:
        places = minimum_effects(section.claim, verdict.minimum_effect)
        data["minimum"] = [{"at": place} for place in places]
        dashed = {"type": "rule", "strokeDash": [4, 3], "color": INK, "opacity": 0.7}
        layers.append(_layer("minimum", dashed, {"x": points_axis("at")}))
    at = {"y": row_axis("row"), "x": points_axis("at")}
    if verdict.reported is not None:
        around = band(verdict.reported, verdict.tolerance)
        data["reported"] = [{"row": "reported", "at": verdict.reported, **around}]
        if around:
            bar = {"type": "bar", "color": BAND, "opacity": 0.35, "height": 14}
            span = {
                "y": row_axis("row"),
                "x": points_axis("band_low"),
                "x2": {"field": "band_high"},
            }
            layers.append(_layer("reported", bar, span))
        tick = {"type": "tick", "color": REPORTED, "thickness": 3, "height": 16}
        layers.append(_layer("reported", tick, at))
    if verdict.interval is not None:
        found |= ends(verdict.interval.low, verdict.interval.high)
        span = {"y": row_axis("row"), "x": points_axis("low"), "x2": {"field": "high"}}
        layers.append(_layer("found", {"type": "rule", "strokeWidth": 3, "color": FOUND}, span))
    point = {"type": "point", "filled": True, "size": 80, "color": FOUND, "opacity": 1}
    layers.append(_layer("found", point, at))
    return {"layer": layers, **size(2 if verdict.reported is not None else 1)}, data


def _seeds(section: ClaimSection) -> tuple[Spec, Datasets] | None:
    arms = section.verdict.evidence.arms
    if not arms or len(arms) > ROWS:
        return None
    data: Datasets = {
        "middles": [{"arm": arm.condition, "score": arm.summary} for arm in arms],
        "seeds": [{"arm": arm.condition, "score": score} for arm in arms for score in arm.scores],
    }
    x = {
        "field": "score", "type": "quantitative", "title": "score of each seed, points",
        "scale": {"zero": False},
    }  # fmt: skip
    along = {"y": row_axis("arm"), "x": x}
    dot = {"type": "point", "size": 45, "color": FOUND, "opacity": 0.9}
    tick = {"type": "tick", "color": INK, "thickness": 2, "height": 14}
    layers = [_layer("middles", tick, along), _layer("seeds", dot, along)]
    chance = section.chance
    if chance is not None:
        data["chance"] = [{"chance": chance}]
        dotted = {"type": "rule", "strokeDash": [1, 3], "color": INK}
        layers.append(_layer("chance", dotted, {"x": {**x, "field": "chance"}}))
    return {"layer": layers, **size(len(arms))}, data


def _layer(data: str, mark: Spec, encoding: Spec) -> Spec:
    return {"data": {"name": data}, "mark": mark, "encoding": encoding}
