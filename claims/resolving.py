"""Do a report's references exist, under the titles that it gives them, and do they still stand?

A reference that resolves exists; whether it says what it is cited for is another question.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Literal

from claims.errors import SearchError
from claims.indexes import question
from claims.prose import same_word, terms
from claims.record import Record
from claims.reference_checks import identifiers
from claims.review_records import Cited
from claims.search import Asked, Desk, Found, search
from claims.synthesis import Reference, Synthesis
from claims.works import Hit, arxiv_id, doi, line, title_key

__all__ = ["Outcome", "Resolved", "cited_of", "look_up"]

Outcome = Literal[
    "resolves", "title differs", "retracted", "does not resolve", "open", "not looked up"
]
"""open: no index has it, but not all that could have it answered."""

MAX_LOOKED_UP = 200
"""Most different references that one command looks up."""
_LIMIT = 5
_LEAST_WORDS = 4
"""Words beside an identifier from which on they are compared with the title."""
_ENOUGH = 0.8
"""Share of a title's words that a reference must have to be of it."""
_QUOTED = re.compile(r"[\"“]([^\"“”]{10,300})[\"”]")
_VENUE = re.compile(
    r"\W{0,3}(?:in|journal|proceedings|proc|transactions|conference|international|advances)\b",
    re.IGNORECASE,
)
_LETTERS = re.compile(r"[^\W\d_]{2,}")
_END = re.compile(r"[.?!]\s+")


class Resolved(Record):
    """What became of looking up one reference."""

    report: str
    line: int
    text: str
    outcome: Outcome
    why: str
    title: str = ""
    """Of the work that was found."""
    shares: tuple[str, ...] | None = None
    """Words of the research question that the title has; None without a question or a title."""
    hit: Hit | None = None
    asked: tuple[Asked, ...] = ()


def look_up(
    report: str, references: Sequence[Reference], desk: Desk, *, topic: str = ""
) -> tuple[Resolved, ...]:
    """Look each reference of a report up in every index, one search for those that are the same.

    Args:
        report: the report's name.
        references: at most 200 different ones are looked up, and what the desk's budget allows.
        desk: what may be asked, and where answers are kept.
        topic: the research question, to whose words titles are compared.

    Raises:
        SearchError: a setting in the environment cannot be used.
    """
    searched: dict[str, Found] = {}
    told = []
    for reference in references:
        name, words = _parts(reference.text)
        wanted = name or _title(words)
        blank = Resolved(
            report=report, line=reference.line, text=line(reference.text)[:500],
            outcome="not looked up", why="",
        )  # fmt: skip
        if wanted not in searched:
            if len(searched) >= MAX_LOOKED_UP:
                told.append(_with(blank, "not looked up", f"more than {MAX_LOOKED_UP} references"))
                continue
            try:
                asked = question(wanted, _LIMIT)
            except SearchError:
                why = "neither an arXiv identifier, a DOI nor a title"
                told.append(_with(blank, "not looked up", why))
                continue
            searched[wanted] = search(asked, desk)
        told.append(_judged(blank, searched[wanted], words, topic))
    return tuple(told)


def cited_of(reports: Sequence[Synthesis], resolved: Sequence[Resolved]) -> dict[str, Cited]:
    """Return what looking up told of references, as `review` takes it; what stays open is left out."""
    known: dict[str, Cited] = {}
    found = {(one.report, one.line): one for one in resolved}
    for report in reports:
        for entry in report.references:
            one = found.get((report.name, entry.line))
            name = next(iter(identifiers([report.model_copy(update={"references": (entry,)})])), "")
            if one is None or not name or one.outcome in ("open", "not looked up"):
                continue
            known[name] = Cited(
                exists=one.outcome != "does not resolve",
                title=one.title,
                notice=one.why if one.outcome == "retracted" else "",
                source=", ".join(one.hit.indexes()) if one.hit else "the indexes asked",
            )
    return known


def _parts(text: str) -> tuple[str, str]:
    """Return a reference's identifier, if it has one, and its words without addresses."""
    name, rest = "", []
    for token in re.split(r"[\s<>()\[\]{}]+", text[:4000]):
        bare = token.strip(".,;\"'")
        found = arxiv_id(bare) or doi(bare)
        name = name or found
        if not found and "://" not in token and bare.casefold() not in {"arxiv:", "arxiv", "doi:"}:
            rest.append(token)
    return name, " ".join(rest)


def _title(words: str) -> str:
    """Return what of a reference without identifier is most likely its title."""
    quoted = _QUOTED.search(words)
    parts = [part for part in _END.split(words) if not _VENUE.match(part)]
    title = quoted[1] if quoted else max(parts, key=lambda p: len(_LETTERS.findall(p)), default="")
    return title[:500] if len(title_key(title).split()) >= _LEAST_WORDS else ""


def _judged(blank: Resolved, found: Found, words: str, topic: str) -> Resolved:
    blank = blank.model_copy(update={"asked": found.asked})
    named = not found.question.text
    hit = next((h for h in found.hits if named or _titled(words, found.question.text, h)), None)
    late = sorted({a.index for a in found.asked if not a.settled()})
    if hit is None:
        return _absent(blank, found, late)
    update = {"hit": hit, "title": hit.title, "shares": _shared(hit.title, topic)}
    blank = blank.model_copy(update=update)
    notices = [n for h in (found.hits if named else [hit]) for n in h.own_notices()]
    gone = [n for n in notices if n.kind in {"retracted", "withdrawn"}]
    if gone:
        says = ", ".join(dict.fromkeys(f"{n.kind} according to {n.index}" for n in gone))
        return _with(blank, "retracted", says)
    if named and len(title_key(words).split()) >= _LEAST_WORDS and not _has(words, hit):
        return _with(blank, "title differs", f"that is '{hit.title[:300]}'")
    more = [f"{n.kind} according to {n.index}" for n in notices]
    if found.question.arxiv and "arXiv" not in {*hit.indexes(), *late}:
        more.append("arXiv itself lists no such paper")
    unknown = [name for name in late if name != "Semantic Scholar"]  # which tells no retractions
    if unknown:
        more.append(f"whether it was retracted is not known: {', '.join(unknown)} did not answer")
    return _with(blank, "resolves", "; ".join([f"in {', '.join(hit.indexes())}", *more]))


def _absent(blank: Resolved, found: Found, late: Sequence[str]) -> Resolved:
    """Judge a reference that was not found: only where all answered that could have it, it is not."""
    asked = found.asked
    if not any(a.state in {"answered", "kept"} for a in asked):
        return _with(blank, "not looked up", "; ".join(_reasons(asked)))
    if "arXiv" in late or (late and not found.question.arxiv):
        return _with(
            blank, "open", f"no index that answered has it; {', '.join(late)} did not answer"
        )
    if found.question.arxiv:
        return _with(blank, "does not resolve", "arXiv lists no such paper")
    if found.question.dois:
        return _with(blank, "does not resolve", "no index that was asked has this DOI")
    near = f"; nearest is '{found.hits[0].title[:200]}'" if found.hits else ""
    told = f"no index that was asked has a work of the title '{found.question.text[:200]}'{near}"
    return _with(blank, "does not resolve", told)


def _with(blank: Resolved, outcome: Outcome, why: str) -> Resolved:
    return blank.model_copy(update={"outcome": outcome, "why": why[:1000]})


def _has(words: str, hit: Hit) -> bool:
    """Return whether a reference's words have those of a work's title, in one of its wordings."""
    own = set(title_key(words).split())
    titles = [set(title_key(e.title).split()) for e in hit.entries]
    return any(title and len(title & own) >= _ENOUGH * len(title) for title in titles)


def _titled(words: str, asked: str, hit: Hit) -> bool:
    """Return whether a reference without identifier is of a work, by its title alone.

    The title stands in it whole, or it and what was searched for have nearly the same words.
    """
    own = f" {title_key(words)} "
    keys = [key for e in hit.entries if len((key := title_key(e.title)).split()) >= _LEAST_WORDS]
    wanted = set(title_key(asked).split())
    both = [(wanted & set(key.split()), wanted | set(key.split())) for key in keys]
    return any(f" {key} " in own for key in keys) or any(
        len(shared) >= _ENOUGH * len(either) for shared, either in both
    )


def _shared(title: str, topic: str) -> tuple[str, ...] | None:
    if not topic:
        return None
    wanted, had = terms(topic[:4000]), terms(title)
    return tuple(word for stem, word in wanted.items() if any(same_word(stem, own) for own in had))


def _reasons(asked: Sequence[Asked]) -> list[str]:
    return list(dict.fromkeys(f"{a.index}: {a.why}" for a in asked if not a.settled()))
