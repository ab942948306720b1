"""Whatever an index answers, reading it never fails and gives only clean entries."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from claims.entries import of_crossref, of_openalex, of_semantic_scholar
from claims.works import Entry, line

FIELDS = (
    "title", "subtitle", "author", "authors", "authorships", "given", "family", "name", "doi", "DOI",
    "display_name", "year", "publication_year", "issued", "date-parts", "venue", "container-title",
    "externalIds", "ArXiv", "locations", "landing_page_url", "primary_location", "source",
    "is_retracted", "updated-by", "update-to", "relation", "is-retracted-by", "type", "label", "id",
)  # fmt: skip
TEXTS = st.text(max_size=20) | st.sampled_from(
    [
        "Retraction",
        "10.1000/a\x1b[2J",
        "10.1000/a",
        "arXiv:2005.00001",
        "RETRACTED: \x9b X",
        "<b>X</b>",
    ]
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | TEXTS,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(FIELDS), inner, max_size=6)
    ),
    max_leaves=25,
)
ITEMS = st.dictionaries(st.sampled_from(FIELDS), JSON, max_size=12)


@given(JSON | ITEMS)
def test_any_json_is_an_entry_of_clean_lines_or_none(item) -> None:
    for read in (of_crossref, of_openalex, of_semantic_scholar):
        entry = read(item)
        assert entry is None or isinstance(entry, Entry)
        if entry:
            texts = [entry.title, entry.venue, *entry.authors, *(n.text for n in entry.notices)]
            assert all(line(text) == text for text in texts)
            assert (entry.doi + entry.arxiv).isascii()
            assert Entry.model_validate_json(entry.canonical()) == entry


@given(ITEMS, st.text(min_size=1, max_size=30).filter(lambda t: line(t) == t and t.isalnum()))
def test_a_title_alone_is_enough_for_an_entry(item, title) -> None:
    wanted = {k: v for k, v in item.items() if k != "subtitle"}
    assert of_openalex(wanted | {"title": title}).title == title
    assert of_semantic_scholar(wanted | {"title": title}).title == title
    assert of_crossref(wanted | {"title": [title]}).title == title
