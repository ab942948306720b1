"""What does one item of an index's answer say of a work?

Whatever is not of the form that the index documents is left out, and never fails.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import arxiv

from claims.arxiv_api import says_withdrawn
from claims.works import MAX_AUTHORS, Entry, Notice, arxiv_id, doi, kind_of, plain_title, unmarked

__all__ = ["of_arxiv", "of_crossref", "of_openalex", "of_semantic_scholar"]

MAX_NOTICES = 20
_YEARS = range(1000, 3000)


def of_arxiv(result: arxiv.Result) -> Entry | None:
    """Return the entry of a paper as the package `arxiv` has read it; None without a title."""
    name = arxiv_id(result.entry_id.strip())
    title, _ = plain_title(result.title)
    if not name or not title:
        return None
    gone = says_withdrawn(result)
    told = Notice(kind="withdrawn", index="arXiv", text=unmarked(result.comment or "")[:300])
    return Entry(
        index="arXiv",
        rank=0,
        title=title,
        authors=_authors([a.name for a in result.authors]),
        year=_year(result.published.year),
        venue=unmarked(result.journal_ref or "")[:300],
        doi="" if arxiv_id(result.doi) else doi(result.doi),
        arxiv=name,
        notices=(told,) if gone else (),
    )


def of_openalex(given: Any) -> Entry | None:
    """Return the entry of a work of OpenAlex; None without a title."""
    item = _dict(given)
    title, marked = plain_title(_text(item.get("title")))
    places = _list(item.get("locations"))[:50]
    pages = [_text(_dict(place).get("landing_page_url")) for place in places]
    named = [arxiv_id(name) for name in [_text(item.get("doi")), *pages]]
    source = _dict(_dict(item.get("primary_location")).get("source"))
    people = [
        _dict(_dict(a).get("author")).get("display_name") for a in _list(item.get("authorships"))
    ]
    kinds = {k for k in (marked, "retracted" if item.get("is_retracted") is True else None) if k}
    return _entry(
        "OpenAlex", title, doi(item.get("doi")), next((n for n in named if n), ""),
        authors=_authors(people), year=_year(item.get("publication_year")),
        venue=unmarked(_text(source.get("display_name")))[:300],
        notices=tuple(Notice(kind=kind, index="OpenAlex") for kind in sorted(kinds)),
    )  # fmt: skip


def of_semantic_scholar(given: Any) -> Entry | None:
    """Return the entry of a paper of Semantic Scholar; None without a title."""
    item = _dict(given)
    title, marked = plain_title(_text(item.get("title")))
    names = _dict(item.get("externalIds"))
    return _entry(
        "Semantic Scholar", title, doi(names.get("DOI")),
        arxiv_id(names.get("ArXiv")) or arxiv_id(names.get("DOI")),
        authors=_authors([_dict(a).get("name") for a in _list(item.get("authors"))]),
        year=_year(item.get("year")), venue=unmarked(_text(item.get("venue")))[:300],
        notices=(Notice(kind=marked, index="Semantic Scholar"),) if marked else (),
    )  # fmt: skip


def of_crossref(given: Any) -> Entry | None:
    """Return the entry of a work of Crossref, with what it announces of others; None without a title."""
    item = _dict(given)
    whole = ": ".join(
        _text(_first(item.get(k))) for k in ("title", "subtitle") if _first(item.get(k))
    )
    title, marked = plain_title(whole)
    people = [_dict(a) for a in _list(item.get("author"))]
    names = [
        f"{_text(a.get('given'))} {_text(a.get('family')) or _text(a.get('name'))}" for a in people
    ]
    issued = _dict(item.get("issued")) or _dict(item.get("published"))
    notices = [*_updates(item, "updated-by"), *_updates(item, "update-to"), *_relations(item)]
    if marked:
        notices.append(Notice(kind=marked, index="Crossref"))
    return _entry(
        "Crossref", title, doi(item.get("DOI")), "", authors=_authors(names),
        year=_year(_first(_first(issued.get("date-parts")))),
        venue=unmarked(_text(_first(item.get("container-title"))))[:300],
        notices=tuple(dict.fromkeys(notices)),
    )  # fmt: skip


def _updates(item: Mapping[str, Any], field: str) -> list[Notice]:
    """Return what the work's own record says of it (`updated-by`), or as a notice says of others."""
    notices = []
    for one in map(_dict, _list(item.get(field))[:MAX_NOTICES]):
        kind = kind_of(_text(one.get("type"))) or kind_of(_text(one.get("label")))
        own, other = doi(item.get("DOI")), doi(one.get("DOI"))
        about, by = ("", other) if field == "updated-by" else (other, own)
        if kind and (field == "updated-by" or about not in {"", own}):
            told = unmarked(f"{_text(one.get('label'))} {_text(one.get('source'))}")[:300]
            notices.append(Notice(kind=kind, index="Crossref", about=about, by=by, text=told))
    return notices


def _relations(item: Mapping[str, Any]) -> list[Notice]:
    """Return what relations such as `is-retracted-by` say; those to other versions say nothing."""
    notices = []
    for name, related in list(_dict(item.get("relation")).items())[:MAX_NOTICES]:
        kind = kind_of(name)
        if kind in {None, "updated"} or not name.endswith("-by"):
            continue
        for one in map(_dict, _list(related)[:MAX_NOTICES]):
            by = doi(one.get("id"))
            notices.append(Notice(kind=kind, index="Crossref", by=by, text=unmarked(name)[:300]))
    return notices


def _entry(index: str, title: str, own: str, arxiv_name: str, **more: Any) -> Entry | None:
    """Return an entry; None where an index names a work without its title."""
    bare = "" if arxiv_id(own) else own
    return (
        Entry(index=index, rank=0, title=title, doi=bare, arxiv=arxiv_name, **more)
        if title
        else None
    )


def _authors(names: Sequence[Any]) -> tuple[str, ...]:
    told = [unmarked(_text(name))[:200] for name in names[:MAX_AUTHORS]]
    return tuple(name for name in told if name)


def _year(value: Any) -> int | None:
    return value if type(value) is int and value in _YEARS else None


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _dict(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _first(value: Any) -> Any:
    return value[0] if isinstance(value, list) and value else None
