"""How is each index asked, and how is its answer read?

arXiv is asked through the package `arxiv`. The others are asked through the HTTP interfaces that
they document, since no client of theirs can be held to our throttle, limits and cache (docs/log.md).
Keys travel in headers, so that no address, message or kept answer can have one.
"""

from __future__ import annotations

import io
import json
import os
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeVar
from urllib.parse import quote, urlencode, urlsplit

import arxiv

from claims import arxiv_api
from claims.entries import of_arxiv, of_crossref, of_openalex, of_semantic_scholar
from claims.errors import FetchError, SearchError, UnknownPaperError
from claims.polite import AGENT, Budget, Courtesy, transfer
from claims.record import Record
from claims.works import Entry, arxiv_id, doi

__all__ = ["INDEXES", "Index", "Question", "question"]

MAX_QUERY = 1000
"""Most characters of a query."""
MAX_TERMS = 30
"""Most words of a query that are asked for."""
_Item = TypeVar("_Item")
_WORD = re.compile(r"[^\W_]+")
_SECRET = re.compile(r"[\x21-\x7e]{1,500}")


class Question(Record):
    """What is asked of every index."""

    text: str = ""
    """Words; empty where a work is looked up by its identifier."""
    dois: tuple[str, ...] = ()
    arxiv: str = ""
    limit: int
    """Most works that an index shall name."""


@dataclass(frozen=True, slots=True)
class Index:
    """One index of the literature."""

    name: str
    home: str
    """Its address, unless `CORROBORATE_<...>_URL` names another."""
    variable: str
    """What stands between `CORROBORATE_` and `_URL` or `_KEY` in its environment variables."""
    delay_s: float
    """Least seconds between two requests."""
    ask: Callable[[Question, str, Courtesy], list[Entry]]
    headers: Callable[[str], Mapping[str, str]] = lambda _: {}
    """Headers with which a key, or a mail address, is given."""
    key: str = ""
    """The environment variable that has it; empty where there is none."""
    elsewhere: tuple[str, ...] = ()
    """Hosts to which it may redirect."""
    lacks: Callable[[Question], str] = lambda _: ""
    """Why a question cannot be asked of it; empty where it can."""

    def address(self) -> str:
        """Return where it is asked.

        Raises:
            SearchError: the environment names no address that can be asked.
        """
        name = f"CORROBORATE_{self.variable}_URL"
        address = os.environ.get(name, self.home).rstrip("/")
        try:
            parts = urlsplit(address)
            usable = (
                parts.scheme in {"http", "https"} and parts.hostname and "@" not in parts.netloc
            )
        except ValueError:
            usable = False
        if not usable:
            raise SearchError(f"{name}: found no address ; expected one such as {self.home}.")
        return address

    def courtesy(self, courtesy: Courtesy, budget: Budget) -> Courtesy:
        """Return a courtesy as this index wants it, within a budget.

        Raises:
            SearchError: its key has characters that no header may have.
        """
        given = os.environ.get(self.key, "") if self.key else ""
        if given and not _SECRET.fullmatch(given):
            raise SearchError(
                f"{self.key}: found blanks or characters beyond ASCII in it ; expected a key or "
                "an address as it was given. Its value is not shown."
            )
        return replace(
            courtesy,
            delay_s=self.delay_s * courtesy.delay_s,
            headers=self.headers(given) if given else {},
            elsewhere=self.elsewhere,
            budget=budget,
        )


def question(text: str, limit: int) -> Question:
    """Return what a query means: a DOI, an arXiv identifier or address, or words.

    Raises:
        SearchError: there is nothing to search for in it, or it is too long.
    """
    bare = text.strip()
    if len(bare) > MAX_QUERY:
        raise SearchError(
            f"search: found {len(bare)} characters ; expected at most {MAX_QUERY}. Shorten the query."
        )
    if name := arxiv_id(bare):
        return Question(arxiv=name, limit=limit)
    if name := doi(bare):
        return Question(dois=(name,), limit=limit)
    words = _WORD.findall(bare)[:MAX_TERMS]
    if not words:
        raise SearchError(
            "search: found no word in the query ; expected some, a DOI or an arXiv ID."
        )
    return Question(text=" ".join(words), limit=limit)


def _ask_arxiv(asked: Question, address: str, courtesy: Courtesy) -> list[Entry]:
    if asked.arxiv:
        search = arxiv.Search(id_list=[asked.arxiv], max_results=1)
    else:
        words = " AND ".join(f"all:{word}" for word in asked.text.split())
        search = arxiv.Search(query=words, max_results=asked.limit)
    try:
        results = arxiv_api.papers(search, "arXiv", where=address, courtesy=courtesy)
    except UnknownPaperError:
        if not asked.arxiv:
            raise FetchError(
                "arXiv: found that it does not take the query ; expected so."
            ) from None
        return []
    told = [r for r in results if "/api/errors" not in r.entry_id]
    return _read(told, of_arxiv, asked)


def _ask_openalex(asked: Question, address: str, courtesy: Courtesy) -> list[Entry]:
    fields = "id,doi,title,publication_year,authorships,is_retracted,primary_location,locations"
    more = {"per-page": str(asked.limit), "select": fields}
    if asked.text:
        more["search"] = asked.text
    else:
        names = _listed(asked) or [f"10.48550/arxiv.{asked.arxiv}"]
        more["filter"] = f"doi:{'|'.join(names)}"
    found = _items(_json(f"{address}/works?{urlencode(more)}", courtesy), "results")
    return _read(found, of_openalex, asked)


def _ask_semantic_scholar(asked: Question, address: str, courtesy: Courtesy) -> list[Entry]:
    fields = {"fields": "title,year,authors,externalIds,venue"}
    paper = f"{address}/graph/v1/paper"
    if asked.text:
        more = urlencode({"query": asked.text, "limit": str(asked.limit), **fields})
        found = _items(_json(f"{paper}/search?{more}", courtesy), "data", total="total")
        return _read(found, of_semantic_scholar, asked)
    name = f"ARXIV:{asked.arxiv}" if asked.arxiv else f"DOI:{asked.dois[0]}"
    one = _json(f"{paper}/{quote(name, safe=':/')}?{urlencode(fields)}", courtesy, or_none=True)
    if one is not None and "paperId" not in one:
        raise FetchError("Semantic Scholar: found an answer that is no work ; expected one.")
    return _read([] if one is None else [one], of_semantic_scholar, asked)


def _ask_crossref(asked: Question, address: str, courtesy: Courtesy) -> list[Entry]:
    more = {"rows": str(asked.limit)}
    if asked.text:
        more["query.bibliographic"] = asked.text
    else:
        more["filter"] = ",".join(f"doi:{name}" for name in _listed(asked))
    answer = _json(f"{address}/works?{urlencode(more)}", courtesy).get("message")
    found = _items(answer if isinstance(answer, dict) else {}, "items")
    return _read(found, of_crossref, asked)


def _read(
    items: Sequence[_Item], read: Callable[[_Item], Entry | None], asked: Question
) -> list[Entry]:
    """Return the works of an answer, in its order; those that cannot be read are left out."""
    entries = [e for item in items[: asked.limit] if (e := read(item)) is not None]
    if items and not entries:
        raise FetchError(f"found {len(items)} works that cannot be read ; expected some that can.")
    if not asked.text:
        return entries
    return [e.model_copy(update={"rank": i}) for i, e in enumerate(entries, start=1)]


def _json(url: str, courtesy: Courtesy, *, or_none: bool = False) -> Any:
    """Return the JSON object that a server answers; None for 404, where that may be."""
    sink = io.BytesIO()
    answer = transfer(url, sink, limit=arxiv_api.MAX_ANSWER_BYTES, courtesy=courtesy)
    if answer.status == 404 and or_none:
        return None
    if answer.status != 200:
        hint = " Is a key wanted, or the one given wrong?" if answer.status in {401, 403} else ""
        raise FetchError(f"{url}: found HTTP {answer.status} ; expected an answer.{hint}")
    try:
        value = json.loads(sink.getvalue())
    except (ValueError, RecursionError) as error:
        raise FetchError(
            f"{url}: found no JSON ({type(error).__name__}) ; expected some."
        ) from None
    if not isinstance(value, dict):
        raise FetchError(f"{url}: found JSON that is no object ; expected one.")
    return value


def _items(answer: Mapping[str, Any], field: str, *, total: str = "") -> list[Any]:
    """Return an answer's list of works.

    Args:
        answer: an object.
        field: its list.
        total: the field that may say 0 in place of an empty list.
    """
    found = answer.get(field)
    if found is None and total and answer.get(total) == 0:
        return []
    if not isinstance(found, list):
        raise FetchError(f"found an answer without '{field}' ; expected a list of works.")
    return found


def _listed(asked: Question) -> list[str]:
    """Return the DOIs that a list within an address can hold."""
    return [name for name in asked.dois if not re.search(r"[,|]", name)]


def _unlisted(asked: Question) -> str:
    none = asked.dois and not _listed(asked)
    return "DOIs with commas or bars cannot be asked for" if none else ""


INDEXES: tuple[Index, ...] = (
    Index(
        "arXiv", arxiv_api.ADDRESS, "ARXIV", 3.0, _ask_arxiv, elsewhere=("arxiv.org",),
        lacks=lambda asked: "it cannot be asked for a DOI" if asked.dois else "",
    ),
    Index(
        "OpenAlex", "https://api.openalex.org", "OPENALEX", 1.0, _ask_openalex,
        headers=lambda key: {"Authorization": f"Bearer {key}"}, key="CORROBORATE_OPENALEX_KEY",
        lacks=_unlisted,
    ),
    Index(
        "Semantic Scholar", "https://api.semanticscholar.org", "SEMANTIC_SCHOLAR", 1.0,
        _ask_semantic_scholar,
        headers=lambda key: {"x-api-key": key}, key="CORROBORATE_SEMANTIC_SCHOLAR_KEY",
    ),
    Index(
        "Crossref", "https://api.crossref.org", "CROSSREF", 1.0, _ask_crossref,
        headers=lambda mail: {"User-Agent": f"{AGENT} mailto:{mail}"}, key="CORROBORATE_MAILTO",
        lacks=lambda asked: "arXiv's identifiers are not there" if asked.arxiv else _unlisted(asked),
    ),
)  # fmt: skip
"""Every index, in the order in which they are asked."""
