"""Entries of one work become one hit, whatever their order; works that differ never do."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from claims.merging import merge
from claims.works import Entry, arxiv_id, doi, line, plain_title, surname, title_key

INDEXES = ("arXiv", "OpenAlex", "Semantic Scholar", "Crossref")
# few of each, so that entries often agree in one thing and contradict each other in another
ENTRIES = st.builds(
    Entry,
    index=st.sampled_from(INDEXES),
    rank=st.integers(0, 5),
    title=st.sampled_from(
        ["On the Training of X", "On the training of X.", "A Study of Tests", "Editorial", "—"]
    ),
    authors=st.sampled_from([(), ("Ann Smith",), ("Smith, A.", "Bo Li"), ("Bo Li",)]),
    year=st.sampled_from([None, 2019, 2020, 2021]),
    doi=st.sampled_from(["", "10.1000/a", "10.1000/b"]),
    arxiv=st.sampled_from(["", "2005.00001", "2005.00002"]),
)
LISTS = st.lists(ENTRIES, max_size=9)


def entry(title="On the Training of X", index="arXiv", **more) -> Entry:
    return Entry(
        index=index, title=title, **{"rank": 1, "authors": ("Ann Smith",), "year": 2020, **more}
    )


@given(LISTS, st.randoms(use_true_random=False))
def test_the_order_of_entries_changes_nothing(entries, chance) -> None:
    other = list(entries)
    chance.shuffle(other)
    assert merge(other) == merge(entries)


@given(LISTS)
def test_merging_what_was_merged_changes_nothing(entries) -> None:
    once = merge(entries)
    assert merge([e for hit in once for e in hit.entries]) == once
    assert merge([*entries, *entries]) == once


@given(LISTS)
def test_every_entry_is_in_one_hit(entries) -> None:
    inside = [e for hit in merge(entries) for e in hit.entries]
    assert len(inside) == len(set(inside))
    assert set(inside) == set(entries)


@given(LISTS)
def test_no_hit_has_two_dois_or_two_arxiv_identifiers(entries) -> None:
    for hit in merge(entries):
        assert {e.doi for e in hit.entries} - {""} <= {hit.doi}
        assert {e.arxiv for e in hit.entries} - {""} <= {hit.arxiv}


@given(LISTS)
def test_hits_are_numbered_by_score(entries) -> None:
    hits = merge(entries)
    assert [h.number for h in hits] == list(range(1, len(hits) + 1))
    assert [h.score for h in hits] == sorted((h.score for h in hits), reverse=True)
    assert all(0 <= h.score <= len(INDEXES) / 61 for h in hits)


@given(LISTS)
def test_entries_that_share_an_identifier_are_merged_or_said_to_be_perhaps_the_same(
    entries,
) -> None:
    hits = merge(entries)
    for hit in hits:
        for other in hits:
            shared = {hit.doi, hit.arxiv} & {other.doi, other.arxiv} - {""}
            assert not shared or other is hit or other.number in hit.perhaps


@given(LISTS, ENTRIES)
def test_an_entry_that_shares_nothing_changes_no_other_hit(entries, more) -> None:
    alone = more.model_copy(
        update={"title": "Wholly Other Words Here", "doi": "10.1000/z", "arxiv": ""}
    )
    before = {h.entries for h in merge(entries)}
    assert {h.entries for h in merge([*entries, alone])} == before | {(alone,)}


def test_a_preprint_and_its_publication_a_year_later_are_one_work() -> None:
    first = entry(arxiv="2005.00001", year=2019)
    second = entry(
        "On the training of X", "Crossref", doi="10.1000/a", authors=("A. SMITH", "B. Li")
    )
    (hit,) = merge([first, second])
    assert (hit.year, hit.doi, hit.arxiv) == (2019, "10.1000/a", "2005.00001")


@pytest.mark.parametrize(
    "other",
    [
        {"year": 2022},
        {"year": None},
        {"authors": ("Bo Li",)},
        {"authors": ()},
        {"title": "On the Testing of X"},
        {"title": "On the Training of X: Again"},
    ],
)
def test_a_title_alone_merges_nothing(other) -> None:
    first = entry(arxiv="2005.00001")
    assert len(merge([first, entry(index="Crossref", **{"doi": "10.1000/a", **other})])) == 2


def test_a_work_that_goes_by_two_titles_is_joined_by_either() -> None:
    old, new = "An Early Title of Something", "On the Training of X"
    entries = [
        entry(old, arxiv="2005.00001"),
        entry(new, "OpenAlex", arxiv="2005.00001"),
        entry(new, "Crossref", doi="10.1000/a"),
    ]
    (hit,) = merge(entries)
    assert hit.differs == (f"title: Crossref, OpenAlex {new}; arXiv {old}",)


def test_short_titles_merge_nothing() -> None:
    first, second = entry("Editorial", doi="10.1000/a"), entry("Editorial", "Crossref")
    assert len(merge([first, second])) == 2


def test_an_entry_that_could_be_of_two_works_joins_neither() -> None:
    three = [entry(doi="10.1000/a"), entry(doi="10.1000/b"), entry(index="Crossref")]
    hits = merge(three)
    assert len(hits) == 3
    assert all(len(h.perhaps) == 2 for h in hits)


@given(st.text(max_size=60))
def test_lines_are_printable_and_keep_as_they_are(text) -> None:
    once = line(text)
    assert line(once) == once
    assert all(c.isprintable() for c in once)


@given(st.text(max_size=60))
def test_reading_names_never_fails(text) -> None:
    for read in (doi, arxiv_id, surname, title_key, plain_title):
        read(text)
        read(f"10.1000/{text}")


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("https://doi.org/10.48550/arXiv.2005.13013", "2005.13013"),
        ("10.48550/ARXIV.2005.13013v2", "2005.13013"),
        ("arXiv:math.GT/0309136v1", "math/0309136"),
        ("http://arxiv.org/abs/2005.13013v2", "2005.13013"),
        ("10.1000/2005.13013", ""),
        (None, ""),
        (["2005.13013"], ""),
    ],
)
def test_arxiv_identifiers_lose_their_version_and_their_wrapping(text, name) -> None:
    assert arxiv_id(text) == name


@pytest.mark.parametrize(
    ("given_title", "title", "kind"),
    [
        ("RETRACTED: On X", "On X", "retracted"),
        ("[Retracted] On X", "On X", "retracted"),
        ("WITHDRAWN ARTICLE: On X", "On X", "withdrawn"),
        ("Withdrawn deposits and banks", "Withdrawn deposits and banks", None),
        ("Retracted-position bias", "Retracted-position bias", None),
        ("<i>On</i> <mml:math>X</mml:math> &amp; Y", "On X & Y", None),
        ("Is a < b and c > d?", "Is a < b and c > d?", None),
    ],
)
def test_titles_lose_their_markup_and_the_mark_of_a_retraction(given_title, title, kind) -> None:
    assert plain_title(given_title) == (title, kind)
