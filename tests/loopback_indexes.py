"""Four indexes on this machine that speak as arXiv, OpenAlex, Semantic Scholar and Crossref do."""

from __future__ import annotations

import json
import re
import threading
from contextlib import contextmanager
from urllib.parse import parse_qs, unquote, urlsplit
from xml.sax.saxutils import escape

import pytest
from loopback_arxiv import LoopbackArxiv, _Handler, entry

from claims import polite
from claims.polite import Budget, Courtesy
from claims.search import Desk

QUICK = Courtesy(
    delay_s=0.005, connect_s=5, read_s=0.6, transfer_s=1.5, tries=2, longest_wait_s=2, elsewhere=()
)
NAMES = ("ARXIV", "OPENALEX", "SEMANTIC_SCHOLAR", "CROSSREF")


def work(title, doi="", arxiv="", year=2020, authors=("Ann Smith",), **more) -> dict:
    return {"title": title, "doi": doi, "arxiv": arxiv, "year": year, "authors": authors, **more}


class _Index(_Handler):
    """Answers for one index, from the works that its site holds."""

    def answer(self) -> None:
        parts = urlsplit(self.path)
        asked = {k: v[0] for k, v in parse_qs(parts.query).items()}
        status, body = getattr(self, self.site.name.lower())(unquote(parts.path), asked)
        self.send(status, body if isinstance(body, bytes) else json.dumps(body).encode())

    def found(self, words, limit) -> list[dict]:
        """Return works that have a word of the query, those that have most first."""
        wanted = set(words.lower().split())
        titles = [set(re.findall(r"\w+", w["title"].lower())) for w in self.site.works]
        shared = [len(wanted & title) for title in titles]
        ordered = sorted(zip(shared, range(len(shared)), strict=True), key=lambda x: (-x[0], x[1]))
        return [self.site.works[i] for number, i in ordered if number][: int(limit)]

    def named(self, names) -> list[dict]:
        return [w for w in self.site.works if {w["doi"], w["arxiv"]} & (set(names) - {""})]

    def arxiv(self, path, asked):
        assert path == "/api/query"
        if asked.get("id_list"):
            own = self.named([asked["id_list"]])
        else:
            words = asked["search_query"].replace("all:", "").replace(" AND ", " ")
            own = self.found(words, asked["max_results"])
        feed = [
            entry(w["arxiv"], 1, {"title": w["title"], "comment": w.get("comment")})
            .replace("2020-05-01T", f"{w['year']}-05-01T")
            .replace("Ann Smith", escape(w["authors"][0]))
            for w in own
        ]  # fmt: skip
        space = 'xmlns="http://www.w3.org/2005/Atom" xmlns:arxiv="http://arxiv.org/schemas/atom"'
        return 200, f"<feed {space}>{''.join(feed)}</feed>".encode()

    def openalex(self, path, asked):
        assert path == "/works"
        if "search" in asked:
            own = self.found(asked["search"], asked["per-page"])
        else:
            names = asked["filter"].removeprefix("doi:").split("|")
            own = self.named([n.removeprefix("10.48550/arxiv.") for n in names])
        return 200, {"meta": {"count": len(own)}, "results": [self.of_openalex(w) for w in own]}

    def of_openalex(self, w):
        doi = w["doi"] or (f"10.48550/arxiv.{w['arxiv']}" if w["arxiv"] else None)
        page = f"https://arxiv.org/abs/{w['arxiv']}" if w["arxiv"] else None
        return {
            "id": "https://openalex.org/W1", "doi": doi and f"https://doi.org/{doi}",
            "title": w["title"], "publication_year": w["year"],
            "authorships": [{"author": {"display_name": a}} for a in w["authors"]],
            "is_retracted": w.get("retracted", False), "primary_location": {"source": None},
            "locations": [{"landing_page_url": page}],
        }  # fmt: skip

    def semantic_scholar(self, path, asked):
        if path == "/graph/v1/paper/search":
            own = self.found(asked["query"], asked["limit"])
            found = {"data": [self.of_semantic_scholar(w) for w in own]} if own else {}
            return 200, {"total": len(own), **found}
        name = re.fullmatch(r"/graph/v1/paper/(?:ARXIV|DOI):(.+)", path)[1]
        own = self.named([name])
        return (200, self.of_semantic_scholar(own[0])) if own else (404, {"error": "not found"})

    def of_semantic_scholar(self, w):
        names = {"DOI": w["doi"], "ArXiv": w["arxiv"]}
        return {
            "paperId": "1", "title": w["title"], "year": w["year"], "venue": "",
            "authors": [{"name": f"{a[0]}. {a.split()[-1]}"} for a in w["authors"]],
            "externalIds": {k: v for k, v in names.items() if v},
        }  # fmt: skip

    def crossref(self, path, asked):
        assert path == "/works"
        if "filter" in asked:
            own = self.named([f.removeprefix("doi:") for f in asked["filter"].split(",")])
        else:
            own = self.found(asked["query.bibliographic"], asked["rows"])
        items = [self.of_crossref(w) for w in own]
        return 200, {"status": "ok", "message": {"total-results": len(own), "items": items}}

    def of_crossref(self, w):
        people = [
            dict(zip(("given", "family"), a.split(" ", 1), strict=True)) for a in w["authors"]
        ]
        return {
            "DOI": w["doi"].upper(), "title": [w["title"]], "author": people,
            "issued": {"date-parts": [[w["year"], 5]]}, "container-title": ["Venue"],
            **w.get("crossref", {}),
        }  # fmt: skip


class Indexes:
    """The four sites, under the names that environment variables give them."""

    def __init__(self) -> None:
        self.sites = {name: LoopbackArxiv(_Index) for name in NAMES}
        for name, site in self.sites.items():
            site.name, site.works = name, []

    def __getitem__(self, name) -> LoopbackArxiv:
        return self.sites[name]

    def add(self, *works, to=NAMES) -> None:
        for name in to:
            own = [w for w in works if w["arxiv"] or name != "ARXIV"]
            self.sites[name].works += [w for w in own if w["doi"] or name != "CROSSREF"]

    def asked(self) -> int:
        return sum(len(site.asked) for site in self.sites.values())


@contextmanager
def serving():
    sites = Indexes()
    threads = [
        threading.Thread(target=site.server.serve_forever, kwargs={"poll_interval": 0.01})
        for site in sites.sites.values()
    ]
    for thread in threads:
        thread.start()
    yield sites
    for site, thread in zip(sites.sites.values(), threads, strict=True):
        site.server.shutdown()
        thread.join()
        site.server.server_close()


@pytest.fixture
def indexes(monkeypatch):
    """Serve the four indexes on this machine, and let the program ask there."""
    with serving() as sites:
        for name, site in sites.sites.items():
            monkeypatch.setenv(f"CORROBORATE_{name}_URL", site.url)
            monkeypatch.delenv(f"CORROBORATE_{name}_KEY", raising=False)
        monkeypatch.delenv("CORROBORATE_MAILTO", raising=False)
        monkeypatch.setenv("NO_PROXY", "127.0.0.1")
        monkeypatch.setattr(polite, "THROTTLE", polite.Throttle())
        yield sites


@pytest.fixture
def desk(tmp_path):
    """Return a function that gives a new desk on one folder, as each command has its own."""

    def new(requests=40, seconds=20.0, courtesy=QUICK, *, offline=False) -> Desk:
        return Desk(tmp_path / "kept", Budget(requests, seconds), courtesy, offline=offline)

    return new
