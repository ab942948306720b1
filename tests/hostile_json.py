"""What tests of importers share: JSON documents with something wrong somewhere."""

from __future__ import annotations

import copy

from hypothesis import strategies as st

JUNK = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-2, 2),
    st.sampled_from([
        float("nan"), float("inf"), -1e-9, 1e308, 10**400, -(2**63), 2**63, "", "none", "x" * 5000,
        "a\x00b", "\ud800", "../../etc/passwd", "1e5", "٣", [], {}, [[]], {"": {}}, {"a\n": 1},
        ["a"] * 50, 0.5, 71.25, "42", "NaN",
    ]),
    st.text(max_size=5),
)  # fmt: skip


def places(value, so_far=()):
    """Return the path of every value inside a document."""
    if isinstance(value, dict):
        inner = list(value.items())
    elif isinstance(value, list):
        inner = list(enumerate(value))
    else:
        inner = []
    return [(*so_far, key) for key, _ in inner] + [
        place for key, part in inner for place in places(part, (*so_far, key))
    ]


@st.composite
def broken(draw, document):
    """Draw a document in which up to three values or keys are other ones, or are gone."""
    changed = copy.deepcopy(document)
    for _ in range(draw(st.integers(1, 3))):
        found = places(changed)
        if not found:
            break
        *above, last = draw(st.sampled_from(found))
        part = changed
        for key in above:
            part = part[key]
        how = draw(st.sampled_from(["other", "other", "gone", "renamed"]))
        if how == "other":
            part[last] = copy.deepcopy(draw(JUNK))
        elif how == "renamed" and isinstance(part, dict):
            part[draw(st.text(max_size=4))] = part.pop(last)
        else:
            del part[last]
    return changed
