"""Which rows and cells does a table of a paper's page hold?"""

from __future__ import annotations

import re

import lxml.html

from claims.html_elements import Element, classes_of, descendants, is_table
from claims.html_text import runs_of, style_of
from claims.latex_text import PLAIN, Run, Style, squeezed
from claims.paper import Emphasis
from claims.tables import RawCell, RawRow, RawTable

__all__ = ["raw_table"]

_RULES = frozenset({"ltx_border_t", "ltx_border_tt", "ltx_border_T"})
_RULES_BELOW = frozenset({"ltx_border_b", "ltx_border_bb", "ltx_border_B"})


def raw_table(element: Element) -> RawTable:
    """Return the rows of a table, without those of tables inside its cells."""
    rows: list[RawRow] = []
    below = False
    for tr in descendants(element):
        classes = classes_of(tr)
        if not (tr.tag == "tr" or "ltx_tr" in classes) or _table_of(tr) is not element:
            continue
        cells = [
            c
            for c in tr
            if isinstance(c.tag, str) and (c.tag in {"td", "th"} or "ltx_td" in classes_of(c))
        ]
        look = [classes_of(c) for c in cells]
        row = RawRow([_raw_cell(c) for c in cells])
        lines = sum(bool(x & _RULES) for x in look)
        if below or lines:
            row.rule = "full" if below or 2 * lines > len(cells) else "part"
        below = bool(cells) and all(x & _RULES_BELOW for x in look)
        row.header = _says_header(tr, cells)
        if cells:
            rows.append(row)
    return RawTable(rows, last_rule="full" if below else "", spans_push=True)


def _table_of(element: Element) -> Element:
    parent = element.getparent()
    while parent is not None and not is_table(parent, classes_of(parent)):
        parent = parent.getparent()
    return parent


def _says_header(row: Element, cells: list[Element]) -> bool:
    parent = row.getparent()
    if parent is not None and (parent.tag == "thead" or "ltx_thead" in classes_of(parent)):
        return True
    named = [c for c in cells if "ltx_th_column" in classes_of(c)]
    if named:
        return 2 * len(named) >= len(cells)
    return len(cells) > 1 and all(
        c.tag == "th" and "ltx_th_row" not in classes_of(c) for c in cells
    )


def _raw_cell(element: Element) -> RawCell:
    runs, _ = runs_of(element)
    base = style_of(element, PLAIN)
    runs = [Run(t, Style(s.flags | base.flags, s.colours | base.colours)) for t, s in runs]
    text = squeezed("".join(r.text for r in runs))
    first = next((r for r in runs if any(c.isdigit() for c in r.text)), None)
    first = first or next((r for r in runs if any(c.isalnum() for c in r.text)), None)
    known: tuple[Emphasis, ...] = ("bold", "italic", "struck", "underline")
    flags = first.style.flags if first else frozenset()
    colours = {c for r in runs if squeezed(r.text) for c in r.style.colours}
    raw = lxml.html.tostring(element, encoding="unicode", with_tail=False)
    return RawCell(
        text=text,
        raw=" ".join(raw[:4000].split()),
        emphasis=tuple(e for e in known if e in flags),
        colours=tuple(sorted(colours)),
        row_span=_span(element, "row"),
        column_span=_span(element, "col"),
        header=element.tag == "th",
    )


def _span(element: Element, direction: str) -> int:
    given = (element.get(f"{direction}span") or "").strip()
    if not given:
        match = re.search(rf"ltx_{direction}span_(\d{{1,3}})", element.get("class") or "")
        given = match[1] if match else "1"
    return (
        max(1, min(500, int(given)))
        if given.isascii() and given.isdigit() and len(given) < 6
        else 1
    )
