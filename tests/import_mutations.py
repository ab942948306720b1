"""Ways in which a file that anyone may have written is wrong, for the readers of foreign formats."""

from __future__ import annotations

import copy

from hypothesis import strategies as st

HOSTILE = st.sampled_from([
    None, True, [], {}, "", " ", "x" * 400, "\x00", "\u202e", "a\nb", "=1+1", "../../etc", "protocol",
    10**400, -1, 0, 0.5, 1e308, "1e999", float("nan"), float("inf"), [[[[[]]]]], {"a": {"b": [1]}},
    "__import__('os')", "9" * 30, "1 ± 2 ± 3", "None", "nan%",
])  # fmt: skip


def _paths(value, here=()):
    yield here
    if isinstance(value, dict | list):
        for key in value if isinstance(value, dict) else range(len(value)):
            yield from _paths(value[key], (*here, key))


@st.composite
def mutated(draw, document):
    """A JSON-like document in which one to three values are replaced, removed or doubled."""
    document = copy.deepcopy(document)
    for _ in range(draw(st.integers(1, 3))):
        path = draw(st.sampled_from([p for p in _paths(document) if p] or [()]))
        if not path:
            return copy.deepcopy(draw(HOSTILE))
        holder = document
        for step in path[:-1]:
            holder = holder[step]
        how = draw(st.sampled_from(["replace", "replace", "remove", "double"]))
        if how == "replace":
            holder[path[-1]] = copy.deepcopy(draw(HOSTILE))
        elif how == "remove":
            del holder[path[-1]]
        elif isinstance(holder, list):
            holder.append(copy.deepcopy(holder[path[-1]]))
        else:
            holder[f"{path[-1]}\u00e9"] = holder[path[-1]]
    return document


@st.composite
def torn(draw, content):
    """Bytes of a file with a piece cut out and another put in."""
    start = draw(st.integers(0, len(content)))
    end = draw(st.integers(start, min(len(content), start + 60)))
    piece = draw(
        st.sampled_from([b"", b"\xff", b"\x00", b"- [", b"&a *a", b"{" * 40, b"---\n", b"!!x "])
    )
    return content[:start] + piece + content[end:]
