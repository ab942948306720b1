"""What does a reader of two audits see at a glance?

Two marks per claim, old above new. Colour, shape, dashes and place each tell them apart.
"""

from __future__ import annotations

from collections.abc import Sequence

from reports.comparison import ClaimChange, Comparison, Standing
from reports.drawing import (
    FOUND,
    REPORTED,
    ROW,
    ROWS,
    WIDTH,
    Spec,
    chart,
    ends,
    points_axis,
    row_axis,
    zero_rule,
)

__all__ = ["drawn", "lie_apart", "pairs_chart", "side_name"]

_OLD = "#7F7F7F"


def drawn(claims: Sequence[ClaimChange]) -> tuple[ClaimChange, ...]:
    """Return the claims that have an estimate in one audit at least."""
    return tuple(
        c for c in claims if any(s is not None and s.estimate is not None for s in (c.old, c.new))
    )


def lie_apart(claim: ClaimChange) -> bool | None:
    """Return whether the intervals share no point, which is no test; None without both."""
    intervals = [s.interval for s in (claim.old, claim.new) if s is not None]
    if len(intervals) < 2 or intervals[0] is None or intervals[1] is None:
        return None
    old, new = intervals[0], intervals[1]
    return old.high < new.low or new.high < old.low


def side_name(comparison: Comparison, side: str) -> str:
    """Return `old` or `new` with what is weak of its evidence as a whole."""
    weak = comparison.old.weak if side == "old" else comparison.new.weak
    return f"{side} ({weak[0].rstrip('.')})" if weak else side


def pairs_chart(comparison: Comparison, claims: Sequence[ClaimChange]) -> Spec | None:
    """Draw estimate, interval and reported size of each claim in both audits, old above new.

    None without any estimate, or with more claims than a picture can show.
    """
    shown = drawn(claims)
    if not 0 < len(shown) <= ROWS // 2:
        return None
    names = {side: side_name(comparison, side) for side in ("old", "new")}
    rows = [
        _row(claim.claim, names[side], standing)
        for claim in shown
        for side, standing in (("old", claim.old), ("new", claim.new))
        if standing is not None and standing.estimate is not None
    ]
    y = {
        **row_axis("claim"),
        "sort": [claim.claim for claim in shown],
        "scale": {"paddingInner": 0.35, "paddingOuter": 0.2},
    }
    order = [names["old"], names["new"]]
    audit = {"field": "audit", "type": "nominal", "title": "audit"}
    offset = {"field": "audit", "type": "nominal", "sort": order, "scale": {"domain": order}}
    colour = {**audit, "scale": {"domain": order, "range": [_OLD, FOUND]}}
    shape = {**audit, "scale": {"domain": order, "range": ["diamond", "circle"]}}
    dashes = {**audit, "scale": {"domain": order, "range": [[4, 2], [1, 0]]}}
    place = {"y": y, "yOffset": offset}
    layers = [
        zero_rule(),
        {
            "mark": {"type": "tick", "color": REPORTED, "thickness": 3, "height": 12},
            "transform": [{"filter": "isValid(datum.reported)"}],
            "encoding": {**place, "x": points_axis("reported")},
        },
        {
            "mark": {"type": "rule", "strokeWidth": 2.5},
            "transform": [{"filter": "isValid(datum.low)"}],
            "encoding": {
                **place, "x": points_axis("low"), "x2": {"field": "high"},
                "color": colour, "strokeDash": dashes,
            },
        },
        {
            "mark": {"type": "point", "filled": True, "size": 75, "opacity": 1},
            "encoding": {
                **place, "x": points_axis("estimate"), "color": colour, "shape": shape,
            },
        },
    ]  # fmt: skip
    height = round(1.6 * ROW * len(shown))
    return chart({"data": {"values": rows}, "layer": layers, "width": WIDTH, "height": height})


def _row(claim: str, audit: str, standing: Standing) -> dict[str, object]:
    interval = standing.interval
    return {
        "claim": claim,
        "audit": audit,
        "estimate": standing.estimate,
        "reported": standing.reported,
        **(ends(interval.low, interval.high) if interval else {}),
    }
