"""Which entries of several indexes are of one work, and in what order are works shown?

Two entries with different DOIs, or different arXiv identifiers, are never one work, whatever else
agrees: a wrong merge hides a paper, a missing one shows it twice.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Sequence
from itertools import groupby

from claims.works import KINDS, Entry, Hit, Notice, surname, title_key

__all__ = ["RANK_CONSTANT", "merge"]

RANK_CONSTANT = 60
"""The k of reciprocal rank fusion, as its authors have it."""
_LEAST_WORDS = 3
"""Words that a title must have to tell a work, beside author and year: not `Editorial`."""

_Group = tuple[Entry, ...]
_Groups = list[_Group]


def merge(entries: Iterable[Entry]) -> tuple[Hit, ...]:
    """Return the works that entries are of, the best first.

    Entries are of one work if they share a DOI or an arXiv identifier; or title, first author and
    year (give or take one, as for a preprint), where nothing speaks against it. The result does not
    depend on the entries' order, and entries given twice count once.

    Works are ordered by reciprocal rank fusion: the sum over indexes of 1 / (60 + rank) of the
    work's best rank there (Cormack, Clarke and Büttcher, "Reciprocal Rank Fusion outperforms
    Condorcet and individual Rank Learning Methods", SIGIR 2009).
    """
    own = sorted(set(entries), key=lambda e: (e.index, e.rank, e.canonical()))
    linked = _joined([(entry,) for entry in own], _names)
    groups = [g for each in linked for g in _parted(tuple(e for (e,) in each))]
    groups = _alike(groups)
    announced = [n for e in own for n in e.notices if n.about]
    hits = sorted((_hit(g, announced) for g in groups), key=_order)
    numbered = [h.model_copy(update={"number": i}) for i, h in enumerate(hits, start=1)]
    return tuple(h.model_copy(update={"perhaps": _perhaps(h, numbered)}) for h in numbered)


def _joined(groups: Sequence[_Group], keys: Callable[[Entry], Iterable[Hashable]]) -> list[_Groups]:
    """Return groups together that share a key of an entry, directly or through others."""
    home: dict[Hashable, _Groups] = {}
    joined: dict[int, _Groups] = {}
    for group in groups:
        own = {key for entry in group for key in keys(entry)}
        met = {id(home[key]): home[key] for key in own if key in home}
        whole = [group, *(g for each in met.values() for g in each)]
        joined = {k: v for k, v in joined.items() if k not in met} | {id(whole): whole}
        home |= {key: whole for each in whole for entry in each for key in keys(entry)}
    return list(joined.values())


def _names(entry: Entry) -> list[Hashable]:
    return [name for name in (("doi", entry.doi), ("arxiv", entry.arxiv)) if name[1]]


def _telling(entry: Entry) -> list[Hashable]:
    """Return title and first author, where they and a year are there to tell a work."""
    title = title_key(entry.title)
    author = surname(entry.authors[0]) if entry.authors else ""
    tells = len(title.split()) >= _LEAST_WORDS and author and entry.year is not None
    return [(title, author)] if tells else []


def _parted(group: _Group) -> list[_Group]:
    """Part a group in which indexes contradict each other: by DOI, and then by arXiv identifier."""
    if _one_work(group):
        return [group]
    parts = _by(group, lambda e: (e.doi, "" if e.doi else e.arxiv))
    return [p for part in parts for p in ([part] if _one_work(part) else _by(part, _arxiv))]


def _alike(groups: Sequence[_Group]) -> list[_Group]:
    """Return groups merged where title, first author and year agree, and no identifier is against it.

    Of groups that so agree and cannot all be one work, none are merged: it is not known which.
    """
    merged = []
    for alike in _joined(groups, _telling):
        whole = tuple(e for group in alike for e in group)
        years = [e.year for e in whole if e.year is not None]
        close = len(alike) > 1 and max(years) - min(years) <= 1
        merged += [whole] if close and _one_work(whole) else alike
    return merged


def _one_work(group: _Group) -> bool:
    return all(len({name for name in names if name}) <= 1 for names in _identifiers(group))


def _identifiers(group: _Group) -> tuple[list[str], list[str]]:
    return [e.doi for e in group], [e.arxiv for e in group]


def _arxiv(entry: Entry) -> str:
    return entry.arxiv


def _by(group: _Group, key: Callable[[Entry], Hashable]) -> list[_Group]:
    parts: dict[Hashable, list[Entry]] = {}
    for entry in group:
        parts.setdefault(key(entry), []).append(entry)
    return [tuple(part) for part in parts.values()]


def _hit(group: _Group, announced: Sequence[Notice]) -> Hit:
    group = tuple(sorted(group, key=lambda e: (e.index, e.rank, e.canonical())))
    own = max((e.doi for e in group), default="")
    arxiv = max((e.arxiv for e in group), default="")
    best = {name: min(e.rank for e in each) for name, each in groupby(group, lambda e: e.index)}
    first = min(group, key=lambda e: (e.rank or RANK_CONSTANT, e.index, e.canonical()))
    told = {n for e in group for n in e.notices} | {n for n in announced if n.about == own != ""}
    return Hit(
        score=sum(1 / (RANK_CONSTANT + rank) for rank in best.values() if rank),
        title=first.title,
        authors=max((e.authors for e in group), key=len),
        year=min((e.year for e in group if e.year is not None), default=None),
        doi=own,
        arxiv=arxiv,
        address=f"https://doi.org/{own}" if own else f"https://arxiv.org/abs/{arxiv}" if arxiv else "",
        notices=tuple(sorted(told, key=lambda n: (KINDS.index(n.kind), n.canonical()))),
        differs=_differs(group),
        entries=group,
    )  # fmt: skip


def _differs(group: _Group) -> tuple[str, ...]:
    """Return in what entries of one work disagree, with which index says what."""
    told = []
    for what in ("title", "year"):
        said: dict[str, list[Entry]] = {}
        for entry in group:
            value = getattr(entry, what)
            key = title_key(str(value)) if value else ""
            said.setdefault(key, []).append(entry)
        said.pop("", None)
        if len(said) > 1:
            each = [
                f"{', '.join(dict.fromkeys(e.index for e in own))} {getattr(own[0], what)}"
                for own in said.values()
            ]
            told.append(f"{what}: {'; '.join(each)}")
    return tuple(told)


def _perhaps(hit: Hit, hits: Sequence[Hit]) -> tuple[int, ...]:
    titles = {title_key(e.title) for e in hit.entries} - {""}
    return tuple(
        other.number
        for other in hits
        if other.number != hit.number
        and (
            (hit.doi and hit.doi == other.doi)
            or (hit.arxiv and hit.arxiv == other.arxiv)
            or titles & {title_key(e.title) for e in other.entries}
        )
    )


def _order(hit: Hit) -> tuple[float, str, str]:
    return -hit.score, title_key(hit.title), "".join(e.canonical() for e in hit.entries)
