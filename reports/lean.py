"""How does a drawn chart lose what no reader can see, so that hundreds of them fit one page?"""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET  # what is read is what our own charts were drawn as

__all__ = ["lean"]

_SVG = "http://www.w3.org/2000/svg"
_XLINK = "{http://www.w3.org/1999/xlink}"
_NUMBER = re.compile(r"-?\d*\.\d{3,}(?:e-?\d+)?")
_RGB = re.compile(r"rgb\((\d+), (\d+), (\d+)\)")
_SAID = frozenset({"role", "aria-roledescription", "aria-hidden", "aria-label", "class"})
"""The picture is one image with a caption; what its parts would say of themselves is never read."""
_DEFAULTS = {"opacity": "1", "pointer-events": "none", "stroke-width": "1"}
_HANDED_DOWN = (
    "fill", "stroke", "stroke-width", "stroke-opacity", "font-family", "font-size", "font-weight",
    "text-anchor",
)  # fmt: skip
"""Attributes that a group hands to what it holds."""


def lean(drawn: str) -> str:
    """Return an SVG that looks the same: without empty parts, and with two decimals of a pixel."""
    ET.register_namespace("", _SVG)
    root = ET.fromstring(drawn)  # noqa: S314 - as above
    _prune(root)
    root.attrib.pop("class", None)
    return ET.tostring(root, encoding="unicode")


def _prune(parent: ET.Element) -> None:
    kept: list[ET.Element] = []
    for child in parent:
        _prune(child)
        _tidy(child)
        if child.tag == f"{{{_SVG}}}g" and not child.attrib:
            kept += child
        elif not _unseen(child) and not _joined(kept, child):
            kept.append(child)
    parent[:] = kept
    if parent.tag == f"{{{_SVG}}}g":
        _hand_down(parent)


def _tidy(element: ET.Element) -> None:
    for name, value in list(element.attrib.items()):
        if name in _SAID or _DEFAULTS.get(name) == value or name.startswith(_XLINK):
            del element.attrib[name]
        elif name in {"transform", "d", "x", "y", "x2", "y2"}:
            element.attrib[name] = _NUMBER.sub(_short, value)
        elif name in {"fill", "stroke"}:
            element.attrib[name] = _RGB.sub(_hex, value)
    if element.attrib.get("transform") == "translate(0,0)":
        del element.attrib["transform"]


def _joined(kept: list[ET.Element], child: ET.Element) -> bool:
    """Draw a path with the one before it if they look alike, as cells of a map do; return whether."""
    before = kept[-1] if kept else child
    if before is child or {before.tag, child.tag} != {f"{{{_SVG}}}path"}:
        return False
    ours = {**child.attrib, "d": before.attrib.get("d", "")}
    if ours != before.attrib or "transform" in ours or any(name == "opacity" for name in ours):
        return False
    before.attrib["d"] += child.attrib.get("d", "")
    return True


def _unseen(element: ET.Element) -> bool:
    """Return whether an element draws nothing: vega paints only what names a colour."""
    if element.attrib.get("display") == "none":
        return True
    if element.tag == f"{{{_SVG}}}g":
        return len(element) == 0
    painted = "fill" in element.attrib or "stroke" in element.attrib
    return element.tag == f"{{{_SVG}}}path" and not painted


def _hand_down(group: ET.Element) -> None:
    """Write an attribute that all members share once, on their group."""
    if len(group) < 2:
        return
    for name in _HANDED_DOWN:
        values = {member.attrib.get(name) for member in group}
        if len(values) == 1 and None not in values and name not in group.attrib:
            group.attrib[name] = str(values.pop())
            for member in group:
                del member.attrib[name]


def _short(found: re.Match[str]) -> str:
    return f"{float(found.group()):.2f}".rstrip("0").rstrip(".")


def _hex(found: re.Match[str]) -> str:
    return "#{:02x}{:02x}{:02x}".format(*(int(part) for part in found.groups()))
