"""YAML with comments reads back as what was written, whatever the texts and the comments hold."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from claims.commented import WIDTH, Entry, comments, written
from claims.safe_yaml import acceptable, read_yaml

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=200)
WORDS = st.text(st.sampled_from("ab #:-'\"\\{}[]\n\t&*!%@`,?|>~0.\x85\u2028\u202e"), max_size=300)
VALUES = st.recursive(
    TEXT | WORDS | st.integers(-(10**9), 10**9) | st.booleans() | st.none() | st.floats(-99, 99),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT | WORDS, inner, max_size=4),
    max_leaves=12,
)


def all_acceptable(value) -> bool:
    if isinstance(value, dict):
        return all(acceptable(k) and all_acceptable(v) for k, v in value.items())
    if isinstance(value, list):
        return all(all_acceptable(v) for v in value)
    return not isinstance(value, str) or acceptable(value)


@given(VALUES.filter(all_acceptable), st.lists(TEXT | WORDS, max_size=3))
def test_what_is_written_reads_back_the_same_whatever_the_comments_say(value, why) -> None:
    entries = (
        Entry("first", value, tuple(why)),
        Entry("inner", (Entry("deep", value, tuple(why)),), tuple(why)),
        Entry("items", [(Entry("id", "x", tuple(why)), Entry("more", value))] * 2, tuple(why)),
    )
    found = read_yaml(comments(why) + written(entries) + comments(why))
    assert not found.faults
    assert found.value == {
        "first": value,
        "inner": {"deep": value},
        "items": [{"id": "x", "more": value}] * 2,
    }


def test_lines_stay_readable_and_what_is_deep_stands_on_lines_of_its_own() -> None:
    deep = {"reviews": {"books": {"metrics": ["accuracy"]}}}
    text = written((Entry("long", "word " * 60 + "end", ("why " * 60,)), Entry("deep", deep)))
    assert max(map(len, text.splitlines())) <= WIDTH
    assert "\n    books: {metrics: [accuracy]}\n" in text
