"""Papers come from arXiv whole or with the reason why not, however it answers."""

from __future__ import annotations

import json
import time
from itertools import pairwise
from pathlib import Path

import pytest
from loopback_arxiv import PAPER, QUICK, gzipped, tar

import corroborate
from claims import arxiv_client
from claims.arxiv_client import fetch
from claims.arxiv_paper import identifier
from claims.errors import FetchError, UnknownPaperError
from claims.polite import Courtesy

ID = "2005.00001"
FEED_WITHOUT_DATES = b"""<feed xmlns="http://www.w3.org/2005/Atom"><entry>
<id>http://arxiv.org/abs/2005.00001v1</id><updated>soon</updated><published>soon</published>
</entry></feed>"""


@pytest.fixture(autouse=True)
def _quick(monkeypatch):
    monkeypatch.setattr(arxiv_client, "Courtesy", lambda: QUICK)


def got(tmp_path, name=ID, **more):
    return fetch(identifier(name), tmp_path / "papers", **more)


def files(folder) -> set[str]:
    return {str(p.relative_to(folder)) for p in Path(folder).rglob("*") if p.is_file()}


@pytest.mark.parametrize(
    ("text", "paper", "version"),
    [
        ("2005.13013", "2005.13013", None),
        ("arXiv:2005.13013v2", "2005.13013", 2),
        ("https://arxiv.org/abs/2005.13013v1", "2005.13013", 1),
        ("http://arxiv.org/pdf/0704.0001v3.pdf", "0704.0001", 3),
        ("cs/0101001", "cs/0101001", None),
        ("math.GT/0309136v1", "math.GT/0309136", 1),
    ],
)
def test_identifiers_are_read_in_all_their_forms(text, paper, version) -> None:
    found = identifier(text)
    assert (found.paper, found.version) == (paper, version)
    assert "/" not in found.folder()


@pytest.mark.parametrize(
    "text",
    ["", "2005", "2005.13013v0", "../2005.13013", "https://evil.org/abs/2005.13013", "x" * 999],
)
def test_what_is_no_identifier_is_refused(text) -> None:
    with pytest.raises(UnknownPaperError, match="no arXiv identifier"):
        identifier(text)


def test_all_versions_come_with_metadata_and_source(arxiv_site, tmp_path) -> None:
    second = tar(("./main.tex", b"two"))
    arxiv_site.add(ID, PAPER, second, gzipped(b"\\documentclass{article} three"))
    found = got(tmp_path)
    assert [v.state for v in found.versions] == ["source"] * 3
    assert found.versions[0].title == f"Paper {ID}"
    assert found.versions[0].authors == ("Ann Smith", "Bo Li")
    assert [v.updated[:10] for v in found.versions] == ["2020-05-01", "2020-05-02", "2020-05-03"]
    folder = tmp_path / "papers" / ID
    assert (folder / "v1/source/tables/one.tex").read_bytes() == b"1 & 2"
    assert (folder / "v2/source/main.tex").read_bytes() == b"two"
    assert (folder / "v3/source/paper.tex").read_bytes().endswith(b"three")
    assert found.exit_code() == 0


def test_one_version_is_fetched_where_it_is_named(arxiv_site, tmp_path) -> None:
    arxiv_site.add(ID, PAPER, PAPER)
    found = got(tmp_path, f"{ID}v2")
    assert [v.state for v in found.versions] == ["not fetched", "source"]
    assert found.exit_code([2]) == 0
    assert arxiv_site.asked_for("/e-print/") == 1


def test_nothing_is_asked_for_twice(arxiv_site, tmp_path) -> None:
    arxiv_site.add(ID, PAPER, b"%PDF-1.5", None)
    first = got(tmp_path)
    asked = len(arxiv_site.asked)
    assert got(tmp_path) == first
    assert len(arxiv_site.asked) == asked


def test_offline_uses_what_is_here_and_asks_nobody(arxiv_site, tmp_path) -> None:
    arxiv_site.add(ID, PAPER, PAPER)
    with pytest.raises(UnknownPaperError, match="--offline"):
        got(tmp_path, offline=True)
    got(tmp_path, f"{ID}v1")
    asked = len(arxiv_site.asked)
    found = got(tmp_path, offline=True)
    assert [v.state for v in found.versions] == ["source", "not fetched"]
    assert found.exit_code() == 4
    assert len(arxiv_site.asked) == asked


def test_metadata_of_yesterday_are_asked_for_again(arxiv_site, tmp_path, monkeypatch) -> None:
    arxiv_site.add(ID, PAPER)
    got(tmp_path)
    arxiv_site.add(ID, PAPER, PAPER)
    assert len(got(tmp_path).versions) == 1
    monkeypatch.setattr(arxiv_client, "FRESH", arxiv_client.FRESH * 0)
    assert [v.state for v in got(tmp_path).versions] == ["source", "source"]
    assert arxiv_site.asked_for("/e-print/") == 2


def test_withdrawn_pdf_only_and_missing_versions_are_told_apart(arxiv_site, tmp_path) -> None:
    arxiv_site.add(ID, PAPER, b"%PDF-1.5 text", None, None, PAPER)
    versions = arxiv_site.papers[ID]
    versions[3]["unlisted"] = True
    versions[4]["comment"] = "This paper has been withdrawn by the author: Lemma 2 is wrong"
    found = got(tmp_path)
    assert [v.state for v in found.versions] == [
        "source",
        "pdf only",
        "missing",
        "withdrawn",
        "source",
    ]
    assert "Lemma 2 is wrong" in found.versions[3].why
    assert "do not list it" in found.versions[2].why
    assert found.exit_code() == 3


def test_a_source_that_arxiv_lacks_is_missing(arxiv_site, tmp_path) -> None:
    arxiv_site.add(ID, None)
    (only,) = got(tmp_path).versions
    assert (only.state, "HTTP 404" in only.why) == ("missing", True)


def test_a_paper_about_withdrawn_things_is_not_withdrawn(arxiv_site, tmp_path) -> None:
    arxiv_site.add(ID, PAPER, summary="Banks from which money is withdrawn are modelled.")
    assert not got(tmp_path).versions[0].withdrawn


def test_papers_and_versions_that_do_not_exist_are_told(arxiv_site, tmp_path) -> None:
    arxiv_site.add(ID, PAPER)
    with pytest.raises(UnknownPaperError, match="no paper of that identifier"):
        got(tmp_path, "2005.99999")
    with pytest.raises(UnknownPaperError, match="1 versions of the paper"):
        got(tmp_path, f"{ID}v7")


@pytest.mark.parametrize("where", ["/api/query", "/e-print/"])
@pytest.mark.parametrize(
    "fault",
    [("status", 500), ("status", 429, {"Retry-After": "1"}), ("status", 503), ("silence", 0.8)],
)
def test_an_answer_that_fails_is_asked_for_again(arxiv_site, tmp_path, where, fault) -> None:
    arxiv_site.add(ID, PAPER)
    arxiv_site.faults[where] = [fault]
    assert got(tmp_path).versions[0].state == "source"


def test_retry_after_holds_every_later_request(arxiv_site, tmp_path) -> None:
    arxiv_site.add(ID, PAPER)
    arxiv_site.faults["/api/query"] = [("status", 429, {"Retry-After": "1"})]
    got(tmp_path)
    (first, *_), (second, *_) = arxiv_site.asked[:2]
    assert second - first >= 1


def test_a_long_retry_after_is_told_and_not_waited_for(arxiv_site, tmp_path) -> None:
    arxiv_site.add(ID, PAPER)
    arxiv_site.faults["/api/query"] = [("status", 429, {"Retry-After": "3600"})]
    begun = time.monotonic()
    with pytest.raises(FetchError, match="asks to wait 3600 s"):
        got(tmp_path)
    assert time.monotonic() - begun < 2
    assert len(arxiv_site.asked) == 1


def test_requests_are_a_delay_apart(arxiv_site, tmp_path) -> None:
    arxiv_site.add(ID, PAPER, PAPER)
    got(tmp_path, courtesy=Courtesy(delay_s=0.3))
    times = [when for when, *_ in arxiv_site.asked]
    assert len(times) == 4
    assert all(b - a >= 0.2 for a, b in pairwise(times))


def test_arxivs_own_delay_is_the_default() -> None:
    assert Courtesy().delay_s == 3


def test_tries_end(arxiv_site, tmp_path) -> None:
    arxiv_site.add(ID, PAPER)
    arxiv_site.faults["/api/query"] = [("status", 500)] * 9
    with pytest.raises(FetchError, match="HTTP 500 in 3 tries"):
        got(tmp_path)
    assert len(arxiv_site.asked) == 3


def test_a_server_that_dribbles_is_left(arxiv_site, tmp_path) -> None:
    arxiv_site.add(ID, PAPER)
    arxiv_site.faults["/e-print/"] = [("dribble",)] * 9
    begun = time.monotonic()
    (only,) = got(tmp_path, courtesy=Courtesy(delay_s=0.01, transfer_s=0.4, tries=2)).versions
    assert only.state == "not fetched"
    assert "takes too long" in only.why
    assert time.monotonic() - begun < 5


def test_a_broken_transfer_goes_on_where_it_stopped(arxiv_site, tmp_path) -> None:
    source = tar(("main.tex", bytes(range(256)) * 40), mode="w")
    arxiv_site.add(ID, source)
    arxiv_site.faults["/e-print/"] = [("cut", source, 5000)]
    assert got(tmp_path).versions[0].state == "source"
    assert [r for _, path, r in arxiv_site.asked if "/e-print/" in path] == ["", "bytes=5000-"]


def test_another_process_goes_on_where_one_was_cut(arxiv_site, tmp_path) -> None:
    source = tar(("main.tex", b"long " * 2000), mode="w")
    arxiv_site.add(ID, source, PAPER)
    arxiv_site.faults[f"/e-print/{ID}v1"] = [("cut", source, 3000)] * 3
    first = got(tmp_path)
    assert [v.state for v in first.versions] == ["not fetched", "source"]
    assert first.exit_code() == 4
    found = got(tmp_path)
    assert [v.state for v in found.versions] == ["source", "source"]
    assert arxiv_site.asked[-1][2] == "bytes=3000-"


def test_a_source_that_changed_meanwhile_is_fetched_anew(arxiv_site, tmp_path) -> None:
    old, new = tar(("a.tex", b"old " * 900), mode="w"), tar(("a.tex", b"new " * 900), mode="w")
    arxiv_site.add(ID, new)
    arxiv_site.faults["/e-print/"] = [("cut", old, 2000)]
    arxiv_site.etag = '"old"'
    courtesy = Courtesy(delay_s=0.01, tries=1, read_s=0.5)
    assert got(tmp_path, courtesy=courtesy).versions[0].state == "not fetched"
    arxiv_site.faults.clear()
    arxiv_site.etag = '"new"'
    got(tmp_path)
    assert (tmp_path / "papers" / ID / "v1/source/a.tex").read_bytes() == b"new " * 900


@pytest.mark.parametrize("tagged", [True, False])
def test_without_a_tag_a_transfer_begins_again(arxiv_site, tmp_path, tagged) -> None:
    source = tar(("main.tex", b"long " * 2000), mode="w")
    arxiv_site.add(ID, source)
    arxiv_site.etag = 'W/"weak"' if tagged else ""
    arxiv_site.faults["/e-print/"] = [("cut", source, 3000)]
    assert got(tmp_path).versions[0].state == "source"
    assert arxiv_site.asked[-1][2] == ""


def test_an_unmarked_cut_of_a_source_is_found_by_its_content(arxiv_site, tmp_path) -> None:
    arxiv_site.add(ID, PAPER)
    arxiv_site.faults["/e-print/"] = [("unmarked cut", PAPER[:-20])]
    (only,) = got(tmp_path).versions
    assert (only.state, "damaged" in only.why) == ("not fetched", True)
    assert got(tmp_path).versions[0].state == "source"


def test_a_feed_that_breaks_off_loses_no_version(arxiv_site, tmp_path) -> None:
    arxiv_site.add(ID, PAPER, PAPER)
    handler = arxiv_site.server.RequestHandlerClass
    whole = handler.feed(type("S", (), {"site": arxiv_site})(), [f"{ID}v1", f"{ID}v2"])
    cut = whole[: whole.rindex(b"<entry>") + 30]
    arxiv_site.faults[f"{ID}v1%2C"] = [("unmarked cut", cut)]
    assert [v.state for v in got(tmp_path).versions] == ["source", "source"]


@pytest.mark.parametrize(
    "body",
    [
        b"<html>We are down</html>",
        b"",
        b"\x00\xff" * 50,
        b'<!DOCTYPE a [<!ENTITY b "c">]><feed>&b;</feed>',
        FEED_WITHOUT_DATES,
    ],
)
def test_an_answer_that_is_no_feed_is_told(arxiv_site, tmp_path, body) -> None:
    arxiv_site.add(ID, PAPER)
    arxiv_site.faults["/api/query"] = [("body", body)] * 9
    with pytest.raises((FetchError, UnknownPaperError)):
        got(tmp_path)


def test_a_redirection_elsewhere_is_refused_and_one_on_the_site_followed(
    arxiv_site, tmp_path
) -> None:
    arxiv_site.add(ID, PAPER, PAPER)
    arxiv_site.faults[f"/e-print/{ID}v1"] = [("redirect", f"/e-print/{ID}v2")]
    assert got(tmp_path).versions[0].state == "source"
    for where in ("http://127.0.0.1:9/x", "file:///etc/passwd", "http://arxiv.org/x"):
        other = tmp_path / str(abs(hash(where)))
        arxiv_site.faults["/e-print/"] = [("redirect", where)]
        (first, _) = fetch(identifier(ID), other).versions
        assert (first.state, "redirection" in first.why) == ("not fetched", True)


def test_too_large_answers_are_refused(arxiv_site, tmp_path, monkeypatch) -> None:
    arxiv_site.add(ID, PAPER)
    monkeypatch.setattr(arxiv_client, "MAX_SOURCE_BYTES", 50)
    (only,) = got(tmp_path).versions
    assert "expected at most 50" in only.why
    arxiv_site.faults["/e-print/"] = [("unmarked cut", PAPER)]
    (only,) = got(tmp_path).versions
    assert "more than 50 bytes" in only.why


def test_a_hostile_source_is_refused_and_the_other_versions_come(arxiv_site, tmp_path) -> None:
    arxiv_site.add(ID, tar(("../../../escaped.tex", b"x")), PAPER)
    found = got(tmp_path)
    assert [v.state for v in found.versions] == ["refused", "source"]
    assert "../../../escaped.tex" in found.versions[0].why
    assert found.exit_code() == 2
    assert not list(tmp_path.rglob("escaped.tex"))
    assert files(tmp_path) == {
        f"papers/{ID}/{name}"
        for name in (
            "paper.json",
            "v1/e-print",
            "v2/e-print",
            "v2/source/main.tex",
            "v2/source/tables/one.tex",
        )
    }


def test_a_record_that_was_damaged_is_made_again(arxiv_site, tmp_path) -> None:
    arxiv_site.add(ID, PAPER)
    first = got(tmp_path)
    for damage in (b"{", b"[" * 100_000, b"\xff"):
        (tmp_path / "papers" / ID / "paper.json").write_bytes(damage)
        assert got(tmp_path).versions == first.versions


def test_the_command_says_what_came_and_what_did_not(arxiv_site, tmp_path, capsys) -> None:
    arxiv_site.add(ID, PAPER, b"%PDF-1.5", comment="withdrawn")
    out = str(tmp_path / "papers")
    assert corroborate.main(["fetch", ID, "--out", out]) == 3
    text = capsys.readouterr().out
    assert "v1  2020-05-01  WITHDRAWN  2 files, 28 B" in text
    assert "pdf only: arXiv has only a PDF" in text
    assert corroborate.main(["fetch", ID, "--out", out, "--offline", "--json"]) == 3
    document = json.loads(capsys.readouterr().out)
    assert document["schema"] == "corroborate/paper@1"
    assert [v["state"] for v in document["versions"]] == ["source", "pdf only"]
    assert corroborate.main(["fetch", "nonsense", "--out", out]) == 2
    arxiv_site.faults["/api/query"] = [("status", 500)] * 3
    assert corroborate.main(["fetch", "2005.00002", "--out", out]) == 4
    assert "HTTP 500" in capsys.readouterr().err
