"""Escaping: whatever others wrote renders as their words, and as nothing but words."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from reports.escaping import cell, code, fence, table, text


def rendered(source: str) -> list[Any]:
    parser = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])
    return parser.parse(source)


def only_text(tokens: list[Any]) -> str:
    """Return the text of the one inline token's children, which must all be plain text."""
    (inline,) = [token for token in tokens if token.type == "inline"]
    assert {child.type for child in inline.children} <= {"text"}
    return "".join(child.content for child in inline.children)


MARKS = st.sampled_from([*"|`*_[]()<>&\\~$#+-=:!.@/\"' \t\n\r", "<b>", "http://a.b", "1.", "](x)"])
HOSTILE = st.one_of(
    st.text(max_size=60), st.lists(MARKS | st.characters(), max_size=30).map("".join)
)


@given(HOSTILE)
@pytest.mark.parametrize("escaped", [cell, text])
def test_hostile_text_in_a_cell_stays_one_cell_of_plain_text(escaped, value) -> None:
    tokens = rendered(table(("a", "b"), [(escaped(value), "end")]))
    cells = [token for token in tokens if token.type == "td_open"]
    inlines = [token for token in tokens if token.type == "inline"]
    assert len(cells) == 2
    assert inlines[-1].content == "end"
    shown = "".join(child.content for child in inlines[2].children)
    assert {child.type for child in inlines[2].children} <= {"text"}
    assert shown == (text_as_read(value) or "-")


@given(HOSTILE)
@pytest.mark.parametrize("prefix", ["- ", "> ", "", "**Label.** "])
def test_hostile_text_outside_tables_renders_as_itself(prefix, value) -> None:
    tokens = rendered(f"{prefix}x {text(value)}" if prefix else text(value))
    kinds = {token.type for token in tokens}
    assert not kinds & {"html_block", "heading_open", "fence", "code_block", "hr", "table_open"}
    if prefix in {"- ", "> "}:
        assert only_text(tokens) == f"x {text_as_read(value)}".rstrip()
    elif not prefix and text_as_read(value):
        assert only_text(tokens) == text_as_read(value)


def text_as_read(value: str) -> str:
    """What a reader should see: the text on one line, invisible characters made visible."""
    from reports.escaping import _INVISIBLE

    return " ".join(_INVISIBLE.sub("\ufffd", value).split())


@given(HOSTILE)
def test_text_never_opens_a_link_by_itself(value) -> None:
    shown = text(f"https://x {value} HTTP://y www.z")
    assert "://" not in shown
    assert "www." not in shown.lower()


@given(HOSTILE)
def test_code_is_a_span_of_the_text_or_plain_text(value) -> None:
    tokens = rendered(f"x {code(value)}")
    (inline,) = [token for token in tokens if token.type == "inline"]
    assert {child.type for child in inline.children} <= {"text", "code_inline"}


@given(st.lists(HOSTILE.map(lambda s: " ".join(s.split())), min_size=1, max_size=4))
def test_fence_cannot_be_closed_from_inside(lines) -> None:
    tokens = rendered(fence(lines) + "\n\nafter")
    assert [token.type for token in tokens][:2] == ["fence", "paragraph_open"]
