"""How does a chart become a figure that says where its evidence is weak, also when it is cut out?"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from reports.blocks import Block, Figure, Inline, flat, words
from reports.drawing import INK, Spec, canonical, draw_ahead

__all__ = ["figure", "figures_in"]


def figures_in(blocks: Iterable[Block]) -> list[Figure]:
    """Return the figures of blocks and of their sections, drawn ahead where they are many."""
    found = [block for block in flat(blocks) if isinstance(block, Figure)]
    draw_ahead(one.spec for one in found)
    return found


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
