"""How does a chart become a figure that says where its evidence is weak, also when it is cut out?"""

from __future__ import annotations

from collections.abc import Iterator

from reports.blocks import Figure, Inline, words
from reports.drawing import INK, Spec, canonical

__all__ = ["figure"]


def figure(
    name: str, caption: Inline, spec: Spec | None, weak: tuple[str, str] | None
) -> Iterator[Figure]:
    """Yield a figure; none without a specification.

    Args:
        name: unique in its report, fit for a file name.
        caption: what is to be seen.
        spec: of Vega-Lite, or None.
        weak: name and sentence of what keeps its evidence from deciding a paper's claim, or None.
    """
    if spec is None:
        return
    if weak is None:
        yield Figure(name, caption, canonical(spec))
        return
    title = {"text": weak[0], "anchor": "start", "color": INK, "fontSize": 12, "dy": -4}
    yield Figure(name, words(f"{weak[0]} ", caption), canonical({**spec, "title": title}))
