"""How is a chart drawn, and what do all charts share?

A chart is a Vega-Lite specification; `svg` draws it without a browser and without a network. Colours are
Okabe and Ito's (2008), which readers with any colour vision tell apart, and never say anything that
position or shape does not say as well.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from typing import Any

import vl_convert

from reports.lean import lean

__all__ = [
    "BAND",
    "COLOURS",
    "FOUND",
    "INK",
    "LABEL",
    "REPORTED",
    "ROW",
    "ROWS",
    "SHAPES",
    "Spec",
    "alone",
    "band",
    "canonical",
    "chart",
    "draw_ahead",
    "ends",
    "points_axis",
    "row_axis",
    "row_labels",
    "size",
    "svg",
    "zero_rule",
]

WIDTH = 440
"""Of the drawing area, in pixels, without labels."""
ROW = 22
"""Height of a row, in pixels."""
LABEL = 36
"""Longest label, in characters; longer ones end in an ellipsis. To measure one in pixels takes longer
than to draw it."""
ROWS = 240
"""Rows of one chart; beyond them a picture says less than its table."""
SCHEMA = "https://vega.github.io/schema/vega-lite/v6.json"
COLOURS = {
    "reproduced": "#009E73",
    "not_reproduced": "#D55E00",
    "inconclusive": "#E69F00",
    "not_evaluable": "#7F7F7F",
}
SHAPES = {
    "reproduced": "circle",
    "not_reproduced": "cross",
    "inconclusive": "triangle-up",
    "not_evaluable": "square",
}
REPORTED = "#CC79A7"
BAND = "#56B4E9"
FOUND = "#0072B2"
INK = "currentColor"
"""The colour of the text around the chart, so that light and dark pages both fit."""

MANY = 40
"""Charts from which on a second process is worth its start, of about a second."""
KEPT = 4096
"""Most drawings that are kept in memory; a few kilobytes each."""
_DRAWN: dict[str, str] = {}

_COUNTED = re.compile(r'( id="|="url\(#)((?:gradient_|clip)\d+)("|\)")')

Spec = dict[str, Any]


def svg(spec: str) -> str:
    """Return a chart as one SVG element; the same specification always gives the same bytes.

    Args:
        spec: a Vega-Lite specification as canonical JSON, as `Figure.spec` holds it. Charts that differ
            in their `datasets` alone are compiled once.
    """
    if spec not in _DRAWN:
        _keep({spec: _draw(spec)})
    return _DRAWN[spec]


def draw_ahead(specs: Iterable[str]) -> None:
    """Draw charts that `svg` will be asked for, of many the half in a second process.

    vl_convert holds the interpreter's lock, so that threads would not help. Where there is one
    processor, or the process fails, nothing is lost: `svg` draws what is not there.
    """
    left = [spec for spec in dict.fromkeys(specs) if spec not in _DRAWN]
    if len(left) < MANY or (os.cpu_count() or 1) < 2:
        return
    half = left[::2]
    command = [sys.executable, "-m", "reports.drawing"]
    where = {**os.environ, "PYTHONPATH": os.pathsep.join(p for p in sys.path if p)}
    with ThreadPoolExecutor(1) as beside:
        other = beside.submit(
            subprocess.run, command, input=json.dumps(half).encode(), capture_output=True, env=where
        )
        _keep({spec: _draw(spec) for spec in left[1::2]})
    if not other.result().returncode:
        _keep(dict(zip(half, json.loads(other.result().stdout), strict=True)))


def _keep(drawn: Mapping[str, str]) -> None:
    if len(_DRAWN) + len(drawn) > KEPT:
        _DRAWN.clear()
    _DRAWN.update(drawn)


def _draw(spec: str) -> str:
    whole = json.loads(spec)
    filled = whole.pop("datasets", {})
    compiled = json.loads(_compiled(canonical(whole)))
    for source in compiled["data"]:
        if source["name"] in filled:
            source["values"] = filled[source["name"]]
    drawn = vl_convert.vega_to_svg(json.dumps(compiled), allowed_base_urls=[])
    # vega counts these up over all that a process draws; the same chart must have the same bytes
    names: dict[str, str] = {}
    return lean(
        _COUNTED.sub(lambda m: m[1] + names.setdefault(m[2], f"part{len(names)}") + m[3], drawn)
    )


@lru_cache(maxsize=1024)
def _compiled(template: str) -> str:
    return json.dumps(vl_convert.vegalite_to_vega(template, vl_version="6.4"))


def alone(drawn: str) -> str:
    """Return an SVG for a file of its own, in ink that shows on light and on dark ground."""
    return drawn.replace(INK, "#6E7781")


def canonical(spec: Spec) -> str:
    """Return a specification as the text that `svg` takes."""
    return json.dumps(spec, sort_keys=True, separators=(",", ":"), allow_nan=False)


def chart(body: Spec) -> Spec:
    """Return a whole specification: the body with what all charts share."""
    quiet = {"domainColor": INK, "tickColor": INK, "labelColor": INK, "titleColor": INK}
    return {
        "$schema": SCHEMA,
        "background": "transparent",
        **body,
        "config": {
            "font": "sans-serif",
            "view": {"stroke": "transparent"},
            "mark": {"aria": False},  # the table beside it has every number, well rounded
            "axis": {
                **quiet,
                "aria": False,
                "grid": False,
                "gridColor": INK,
                "gridOpacity": 0.15,
                "labelFontSize": 12,
                "labelLimit": 0,
                "titleLimit": 0,
            },
            "axisQuantitative": {"tickCount": 4},
            "legend": {
                "aria": False,
                "labelColor": INK,
                "titleColor": INK,
                "labelFontSize": 12,
                "labelLimit": 0,
                "titleLimit": 0,
            },
        },
    }


def row_axis(field: str) -> Spec:
    """Return an axis with one row for each value of a field, in the order of the data."""
    return {
        "field": field, "type": "nominal", "title": None, "sort": None,
        "axis": {**row_labels(), "ticks": False, "domain": False},
    }  # fmt: skip


def row_labels() -> Spec:
    """Return what keeps the labels of an axis short."""
    return {"labelExpr": f"truncate(datum.label, {LABEL})"}


def points_axis(field: str) -> Spec:
    """Return the axis of a size in points, which always shows 0."""
    return {"field": field, "type": "quantitative", "title": "points", "scale": {"zero": True}}


def zero_rule() -> Spec:
    """Return a line where nothing changes."""
    return {
        "data": {"name": "zero"},
        "mark": {"type": "rule", "color": INK, "opacity": 0.5},
        "encoding": {"x": points_axis("zero")},
    }


def band(reported: float | None, tolerance: float | None) -> Mapping[str, float]:
    """Return the ends of the tolerance around a reported size, in points; nothing where unknown."""
    if reported is None or tolerance is None:
        return {}
    return {"band_low": reported - tolerance, "band_high": reported + tolerance}


def ends(low: float, high: float) -> Mapping[str, float]:
    """Return the ends of an interval, in points."""
    return {"low": low, "high": high}


def size(rows: int) -> Spec:
    """Return width and height of a chart of so many rows."""
    return {"width": WIDTH, "height": ROW * rows}


if __name__ == "__main__":
    sys.stdout.write(json.dumps([_draw(spec) for spec in json.load(sys.stdin)]))
