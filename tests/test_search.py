"""A search finds each work once, says which index said what, and survives whatever they answer."""

from __future__ import annotations

import json
import time

import pytest
from loopback_indexes import NAMES, QUICK, work

import corroborate
from claims import search as search_module
from claims.errors import SearchError
from claims.indexes import question
from claims.search import search
from reports.search_view import found_text

TITLE = "Intermediate Training Improves Transfer"
ONE = work(TITLE, doi="10.1000/one", arxiv="2005.00001")
QUERY = "intermediate training transfer"


def ask(where, text=QUERY, limit=10):
    return search(question(text, limit), where)


def states(found) -> dict[str, str]:
    return {a.index: a.state for a in found.asked if a.about == "query"}


def test_one_work_in_four_indexes_is_one_hit(indexes, desk) -> None:
    indexes.add(ONE, work("Another Matter of Training", doi="10.1000/two"))
    found = ask(desk())
    assert [h.title for h in found.hits] == [TITLE, "Another Matter of Training"]
    assert found.hits[0].indexes() == ("Crossref", "OpenAlex", "Semantic Scholar", "arXiv")
    assert (found.hits[0].doi, found.hits[0].arxiv) == ("10.1000/one", "2005.00001")
    assert found.hits[0].address == "https://doi.org/10.1000/one"
    assert found.exit_code() == 0
    assert found.requests == 4


def test_indexes_that_disagree_are_shown(indexes, desk) -> None:
    indexes.add(ONE, to=NAMES[:3])
    indexes.add(ONE | {"year": 2021, "title": f"{TITLE} Too"}, to=NAMES[3:])
    (hit,) = ask(desk()).hits
    assert hit.differs == (
        f"title: Crossref {TITLE} Too; OpenAlex, Semantic Scholar, arXiv {TITLE}",
        "year: Crossref 2021; OpenAlex, Semantic Scholar, arXiv 2020",
    )


def test_a_work_that_more_indexes_rank_high_comes_first(indexes, desk) -> None:
    first, second = (
        work("Alpha Training Study", "10.1000/a"),
        work("Beta Training Study", "10.1000/b"),
    )
    indexes.add(first, second, to=["OPENALEX"])
    indexes.add(second, first, to=["SEMANTIC_SCHOLAR", "CROSSREF"])
    hits = ask(desk(), "training").hits
    assert [h.doi for h in hits] == ["10.1000/b", "10.1000/a"]
    assert hits[0].score == pytest.approx(2 / 61 + 1 / 62)


@pytest.mark.parametrize("text", ["2005.00001v3", "arXiv:2005.00001", "10.48550/arXiv.2005.00001"])
def test_an_arxiv_identifier_is_looked_up_by_name(indexes, desk, text) -> None:
    indexes.add(ONE, work("Another Matter", arxiv="2005.00002"))
    found = ask(desk(), text)
    assert [h.arxiv for h in found.hits] == ["2005.00001"]
    assert states(found)["Crossref"] == "skipped"
    assert found.exit_code() == 0


def test_a_doi_is_looked_up_by_name(indexes, desk) -> None:
    indexes.add(ONE)
    found = ask(desk(), "https://doi.org/10.1000/ONE")
    assert [h.doi for h in found.hits] == ["10.1000/one"]
    assert states(found)["arXiv"] == "skipped"


def test_what_no_index_has_is_no_hit_and_no_failure(indexes, desk) -> None:
    for text in ("unheard of", "2005.99999", "10.1000/none"):
        found = ask(desk(), text)
        assert (found.hits, found.exit_code()) == ((), 0)


@pytest.mark.parametrize(
    ("field", "kind"),
    [
        ({"updated-by": [{"type": "new", "label": "Retraction", "DOI": "10.1000/n"}]}, "retracted"),
        ({"updated-by": [{"type": "erratum", "DOI": "10.1000/n"}]}, "corrected"),
        ({"updated-by": [{"type": "expression_of_concern", "DOI": "10.1000/n"}]}, "concern"),
        ({"relation": {"is-retracted-by": [{"id": "10.1000/n", "id-type": "doi"}]}}, "retracted"),
        ({"title": [f"RETRACTED ARTICLE: {TITLE}"]}, "retracted"),
    ],
)  # fmt: skip
def test_what_crossref_says_became_of_a_work_is_on_top_of_the_hit(
    indexes, desk, field, kind
) -> None:
    indexes.add(ONE, to=NAMES[:3])
    indexes.add(ONE | {"crossref": field}, to=NAMES[3:])
    (hit,) = ask(desk()).hits
    assert [n.kind for n in hit.notices] == [kind]
    assert not hit.differs


def test_a_notice_is_about_the_work_that_it_names_and_not_about_itself(indexes, desk) -> None:
    says = {"update-to": [{"type": "retraction", "DOI": "10.1000/ONE", "label": "Retraction"}]}
    notice = work(f"Retraction of {TITLE}", "10.1000/notice", crossref=says)
    indexes.add(ONE)
    indexes.add(notice, to=["CROSSREF"])
    found = ask(desk())
    paper, announcement = sorted(found.hits, key=lambda h: h.doi, reverse=True)
    assert [(n.kind, n.about, n.by) for n in paper.notices] == [
        ("retracted", "10.1000/one", "10.1000/notice")
    ]
    assert announcement.own_notices() == ()
    shown = found_text(found)
    assert "RETRACTED according to Crossref, announced by doi:10.1000/notice: Retraction" in shown
    assert "announces of doi:10.1000/one: retracted" in shown


def test_other_signs_of_retraction_are_noticed(indexes, desk) -> None:
    indexes.add(ONE, to=["SEMANTIC_SCHOLAR"])
    indexes.add(ONE | {"retracted": True}, to=["OPENALEX"])
    indexes.add(ONE | {"comment": "This paper has been withdrawn: Lemma 2"}, to=["ARXIV"])
    (hit,) = ask(desk()).hits
    assert [(n.kind, n.index) for n in hit.notices] == [
        ("retracted", "OpenAlex"),
        ("withdrawn", "arXiv"),
    ]


def test_other_versions_and_reviews_are_no_retraction(indexes, desk) -> None:
    field = {"relation": {"is-version-of": [{"id": "10.1000/x"}], "has-review": [{"id": "1"}]}}
    indexes.add(ONE | {"crossref": field})
    assert ask(desk()).hits[0].notices == ()


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("CROSSREF", {"crossref": {"updated-by": [{"type": "retraction", "DOI": "10.1000/n"}]}}),
        ("OPENALEX", {"retracted": True}),
    ],
)
def test_those_who_tell_are_asked_what_became_of_works_that_only_others_found(
    indexes, desk, name, says
) -> None:
    indexes.add(ONE, to=[n for n in NAMES if n != name])
    indexes.add(work("Nothing Like It", "10.1000/one", **says), to=[name])
    found = ask(desk())
    asked = [a.about for a in found.asked if a.index.upper() == name]
    assert asked == ["query", "notices"]
    assert [n.kind for n in found.hits[0].notices] == ["retracted"]
    assert found.hits[0].score == pytest.approx(3 / 61)


BROKEN = [
    ("status", 500),
    ("status", 429, {"Retry-After": "3600"}),
    ("status", 429, {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "40000"}),
    ("status", 403),
    ("status", 404),
    ("silence", 1.0),
    ("dribble",),
    ("body", b""),
    ("body", b"<html>We are down</html>"),
    ("body", b'{"results": [{"title": "Half'),
    ("body", b"[" * 200_000),
    ("body", b"9" * 10_000),
    ("body", b"[]"),
    ("body", b'{"error": "no"}'),
    ("body", b'{"results": 1, "data": {}, "message": {"items": null}}'),
    ("body", b'{"results": [1], "data": [null], "message": {"items": ["x"]}}'),
    ("body", b"\xff\xfe{}"),
    ("cut", b'{"results": []}' * 20, 12),
    ("unmarked cut", b'{"results": ['),
    ("redirect", "http://127.0.0.1:9/works"),
    ("redirect", "https://example.org/works"),
    ("redirect", "file:///etc/passwd"),
    ("redirect", "/works?again"),
]


CASES = [  # what ends before an answer is read is the same code for all of the last three
    (name, fault)
    for name in NAMES
    for fault in BROKEN
    if name == "OPENALEX" or fault[0] == "body" or (name == "ARXIV" and fault[0] != "dribble")
]


@pytest.mark.parametrize(("name", "fault"), CASES, ids=lambda v: f"{v[0]} {str(v[1:])[:24]}")
def test_an_index_that_fails_is_said_and_the_others_answer(indexes, desk, name, fault) -> None:
    indexes.add(ONE)
    indexes[name].faults[""] = [fault] * 20
    begun = time.monotonic()
    found = ask(desk())
    assert time.monotonic() - begun < 5
    failed = [a for a in found.asked if a.state != "answered"]
    assert [(a.index.upper().replace(" ", "_"), a.state) for a in failed] == [(name, "failed")]
    assert failed[0].why
    assert [h.doi for h in found.hits] == ["10.1000/one"]
    assert found.exit_code() == 3


def test_a_gigantic_answer_is_cut_off(indexes, desk, monkeypatch) -> None:
    from claims import arxiv_api

    monkeypatch.setattr(arxiv_api, "MAX_ANSWER_BYTES", 20_000)
    indexes.add(ONE)
    big = b'{"results": [' + b'"x",' * 50_000 + b"1]}"
    for name, fault in (("OPENALEX", "body"), ("CROSSREF", "unmarked cut")):
        indexes[name].faults["/works"] = [(fault, big)] * 9
    found = ask(desk())
    assert [a.index for a in found.asked if "20000" in a.why] == ["OpenAlex", "Crossref"]
    assert len(found.hits) == 1


def test_many_more_works_than_asked_for_are_not_taken(indexes, desk) -> None:
    item = {"title": "Training", "doi": None, "publication_year": 2020}
    many = json.dumps({"results": [item | {"title": f"Training {i}"} for i in range(5000)]})
    indexes["OPENALEX"].faults["/works"] = [("body", many.encode())]
    found = ask(desk(), "training", limit=7)
    assert len(found.hits) == 7
    assert [a.works for a in found.asked if a.index == "OpenAlex"] == [7]


def test_when_nobody_answers_the_code_is_4(indexes, desk) -> None:
    for name in NAMES:
        indexes[name].faults[""] = [("status", 500)] * 9
    found = ask(desk())
    assert found.exit_code() == 4
    assert found_text(found).startswith("No index answered.")
    assert "  Crossref: failed; found HTTP 500 in 2 tries" in found_text(found).splitlines()


def test_no_hit_is_told_apart_from_no_answer(indexes, desk) -> None:
    indexes["CROSSREF"].faults[""] = [("status", 500)] * 9
    assert found_text(ask(desk())).startswith("No index that answered has such a work.")


def test_a_short_retry_after_is_waited_for(indexes, desk) -> None:
    indexes.add(ONE)
    indexes["OPENALEX"].faults["/works"] = [("status", 429, {"Retry-After": "1"})]
    assert ask(desk()).exit_code() == 0
    (first, *_), (second, *_) = indexes["OPENALEX"].asked
    assert second - first >= 1


def test_who_asks_to_be_left_alone_is_not_asked_by_the_next_search(indexes, desk) -> None:
    indexes["OPENALEX"].faults["/works"] = [("status", 429, {"Retry-After": "3600"})]
    place = desk()
    ask(place)
    found = ask(place, "another question")
    assert len(indexes["OPENALEX"].asked) == 1
    assert "left alone" in next(a.why for a in found.asked if a.index == "OpenAlex")


def test_an_index_that_failed_twice_is_not_asked_a_third_time(indexes, desk) -> None:
    indexes["CROSSREF"].faults[""] = [("status", 500)] * 99
    place = desk()
    counts = []
    for text in ("one", "two", "three"):
        ask(place, text)
        counts.append(len(indexes["CROSSREF"].asked))
    assert counts == [2, 4, 4]


def test_requests_stay_within_the_budget(indexes, desk) -> None:
    indexes.add(ONE)
    found = ask(desk(requests=2))
    assert indexes.asked() == found.requests == 2
    assert list(states(found).values()) == ["answered", "answered", "not asked", "not asked"]
    assert found.exit_code() == 3


def test_a_slow_index_leaves_the_others_their_time(indexes, desk) -> None:
    from dataclasses import replace

    indexes.add(ONE)
    for name in ("ARXIV", "OPENALEX"):
        indexes[name].faults[""] = [("silence", 3)] * 9
    begun = time.monotonic()
    slow = replace(QUICK, read_s=30, transfer_s=60)
    found = ask(desk(seconds=2.0, courtesy=slow))
    assert time.monotonic() - begun < 2.5
    assert states(found)["Semantic Scholar"] == states(found)["Crossref"] == "answered"


def test_answers_are_kept_for_a_day(indexes, desk, monkeypatch) -> None:
    indexes.add(ONE)
    first = ask(desk())
    asked = indexes.asked()
    again = ask(desk())
    assert (again.hits, again.requests, again.exit_code()) == (first.hits, 0, 0)
    assert indexes.asked() == asked
    monkeypatch.setattr(search_module, "FRESH", search_module.FRESH * 0)
    assert ask(desk()).requests == 4


def test_an_old_answer_stands_in_where_there_is_no_new_one(indexes, desk, monkeypatch) -> None:
    indexes.add(ONE)
    ask(desk())
    monkeypatch.setattr(search_module, "FRESH", search_module.FRESH * 0)
    indexes["CROSSREF"].faults[""] = [("status", 500)] * 9
    found = ask(desk())
    crossref = next(a for a in found.asked if a.index == "Crossref")
    assert (crossref.state, "HTTP 500" in crossref.why) == ("kept", True)
    assert (len(found.hits), found.exit_code()) == (1, 3)


def test_offline_nobody_is_asked(indexes, desk) -> None:
    indexes.add(ONE)
    assert ask(desk(offline=True)).exit_code() == 4
    first = ask(desk())
    asked = indexes.asked()
    found = ask(desk(offline=True))
    assert (found.hits, found.exit_code()) == (first.hits, 0)
    assert indexes.asked() == asked


def test_a_damaged_or_planted_answer_is_asked_for_again(indexes, desk, tmp_path) -> None:
    indexes.add(ONE)
    first = ask(desk())
    kept = sorted((tmp_path / "kept").iterdir())
    assert len(kept) == 4
    hostile = kept[0].read_text().replace("Intermediate", "\\u001b[2JIntermediate")
    for damage in (b"", b"{", b"[" * 100_000, b"\xff", hostile.encode()):
        kept[0].write_bytes(damage)
        found = ask(desk())
        assert (found.hits, found.requests) == (first.hits, 1)


def test_a_folder_that_cannot_be_written_loses_no_hit(indexes, desk, tmp_path) -> None:
    indexes.add(ONE)
    (tmp_path / "kept").write_text("a file")
    found = ask(desk())
    assert len(found.hits) == 1
    assert all("could not be kept" in a.why for a in found.asked)


SECRET = "s3cret-value"


def test_keys_reach_their_index_alone_and_are_written_nowhere(
    indexes, desk, tmp_path, monkeypatch, capsys
) -> None:
    monkeypatch.setenv("CORROBORATE_OPENALEX_KEY", f"{SECRET}-o")
    monkeypatch.setenv("CORROBORATE_SEMANTIC_SCHOLAR_KEY", f"{SECRET}-s")
    monkeypatch.setenv("CORROBORATE_MAILTO", f"{SECRET}-m@example.org")
    indexes.add(ONE)
    indexes["OPENALEX"].faults["/works"] = [("redirect", indexes["CROSSREF"].url)]
    found = ask(desk())
    told = f"{found.model_dump_json()} {capsys.readouterr()}"
    told += "".join(p.read_text() for p in (tmp_path / "kept").iterdir())
    assert SECRET not in told
    assert SECRET not in repr(desk())
    sent = {name: str(indexes[name].headers) for name in NAMES}
    assert [f"{SECRET}-{letter}" in sent[name] for name, letter in zip(NAMES, "-osm", strict=True)] == [
        False, True, True, True,
    ]  # fmt: skip
    assert all(str(indexes[n].asked).count(SECRET) == 0 for n in NAMES)
    assert f"{SECRET}-o" not in sent["CROSSREF"]


def test_a_key_that_no_header_can_have_is_refused_without_showing_it(
    indexes, desk, monkeypatch
) -> None:
    monkeypatch.setenv("CORROBORATE_OPENALEX_KEY", f"{SECRET}\nX-Evil: 1")
    with pytest.raises(SearchError) as error:
        ask(desk())
    assert "CORROBORATE_OPENALEX_KEY" in str(error.value)
    assert SECRET not in str(error.value)


@pytest.mark.parametrize(
    "url", ["file:///etc", "ftp://x", "//x", "http://", "http://u:p@x", "http://[x"]
)
def test_an_address_that_cannot_be_asked_is_refused(indexes, desk, monkeypatch, url) -> None:
    monkeypatch.setenv("CORROBORATE_CROSSREF_URL", url)
    with pytest.raises(SearchError, match="CORROBORATE_CROSSREF_URL"):
        ask(desk())


def test_an_index_that_answers_with_another_work_is_not_believed(indexes, desk) -> None:
    other = {"paperId": "2", "title": "Another Matter", "externalIds": {"ArXiv": "2005.77777"}}
    indexes["SEMANTIC_SCHOLAR"].faults[""] = [("body", json.dumps(other).encode())]
    found = ask(desk(), "2005.00001")
    assert found.hits == ()
    assert states(found)["Semantic Scholar"] == "failed"


def test_a_redirection_on_the_same_host_is_followed(indexes, desk) -> None:
    indexes.add(ONE)
    indexes["OPENALEX"].faults["per-page"] = [("redirect", "/works?search=training&per-page=3")]
    assert states(ask(desk()))["OpenAlex"] == "answered"


HOSTILE = "\x1b[2J\x1b]0;owned\x07<b>Training</b> \u202eevil\u202c\r\n\ud800 &lt;x&gt;"


@pytest.mark.parametrize("json_too", [False, True])
def test_no_character_that_steers_a_terminal_reaches_it(
    indexes, tmp_path, capsys, monkeypatch, json_too
) -> None:
    monkeypatch.setattr(search_module, "MANNERS", QUICK)
    bad = work(HOSTILE, doi="10.1000/one", authors=("\x1b[31mEve \x9bMallory",))
    note = {"updated-by": [{"type": "retraction", "label": HOSTILE, "DOI": "10.1000/\x1b[2J"}]}
    indexes.add(bad | {"crossref": note}, to=["CROSSREF"])
    indexes.add(bad, to=["OPENALEX", "SEMANTIC_SCHOLAR"])
    arguments = ["search", "<b>training</b>", "--kept", str(tmp_path)]
    assert corroborate.main([*arguments, *(["--json"] if json_too else [])]) == 0
    shown = capsys.readouterr().out
    assert "RETRACTED" in shown or json_too
    assert "evil" in shown
    text = json.loads(shown)["hits"][0]["title"] if json_too else shown
    assert all(c.isprintable() or c == "\n" for c in text)
    assert "<b>" not in text


def test_the_command_shows_hits_and_what_each_index_said(
    indexes, tmp_path, capsys, monkeypatch
) -> None:
    monkeypatch.setattr(search_module, "MANNERS", QUICK)
    indexes.add(ONE, to=NAMES[:3])
    indexes.add(ONE | {"year": 2021}, to=NAMES[3:])
    arguments = ["search", "intermediate", "training", "--kept", str(tmp_path / "kept")]
    assert corroborate.main(arguments) == 0
    text = capsys.readouterr().out
    assert f"  1  {TITLE}" in text
    assert "doi:10.1000/one  arXiv:2005.00001  Crossref 1, OpenAlex 1" in text
    assert "differs: year: Crossref 2021" in text
    assert "  Crossref: 1 work" in text
    assert corroborate.main([*arguments, "--json", "--offline"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["schema"] == "corroborate/search@1"
    assert document["requests"] == 0
    assert corroborate.main(["search", "?!"]) == 2
    assert corroborate.main(["search", "x" * 1001]) == 2
