"""What does a user see of a search of the literature, and of references that were looked up?"""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from claims.indexes import question
from claims.polite import Budget
from claims.resolving import Resolved, look_up
from claims.search import Asked, Desk, Found, search
from claims.synthesis import Synthesis
from claims.works import Hit, Notice
from reports.streams import say, say_json, tell
from verifier.numbers import counted

__all__ = ["desk", "found_text", "looked_up", "resolved_json", "resolved_text", "search_command"]

LOOK_UP_REQUESTS, LOOK_UP_SECONDS = 1000, 1800.0
"""What looking up all references of a review may use."""
_MANY_AUTHORS = 3


def search_command(options: argparse.Namespace) -> int:
    """Run `corroborate search` with its options and return the exit code."""
    place = Desk(
        Path(options.kept), Budget(options.requests, options.seconds), offline=options.offline
    )
    found = search(question(" ".join(options.query), options.limit), place)
    if options.json:
        say_json(found.model_dump(mode="json", by_alias=True))
    else:
        say(found_text(found))
    return found.exit_code()


def found_text(found: Found) -> str:
    """Return the hits, the best first, with what became of each on top, and what each index said."""
    answered = any(a.state in {"answered", "kept"} for a in found.asked)
    none = "No index that answered has such a work." if answered else "No index answered."
    lines = [_hit(hit) for hit in found.hits] or [none]
    if found.left_out:
        lines.append(f"{found.left_out} more, of a lower score, are not shown: raise --limit")
    told = [_asked(a) for a in found.asked]
    return "\n\n".join([*lines, "\n".join(["Asked", *told])])


def _hit(hit: Hit) -> str:
    several = f" and {len(hit.authors) - _MANY_AUTHORS} more"
    people = ", ".join(hit.authors[:_MANY_AUTHORS])
    people += several if len(hit.authors) > _MANY_AUTHORS else ""
    own = hit.own_notices()
    told = [_loud(n) for n in own]
    told += [f"announces of doi:{n.about}: {n.kind}" for n in hit.notices if n not in own]
    lines = [f"     {text}" for text in [*told, hit.title]]
    lines[0] = f"{hit.number:>3}{lines[0][3:]}"
    lines.append(f"     {people or '(no authors)'}, {hit.year or 'no year'}")
    names = [f"doi:{hit.doi}" if hit.doi else "", f"arXiv:{hit.arxiv}" if hit.arxiv else ""]
    ranks = ", ".join(f"{e.index} {e.rank or 'by name'}" for e in hit.entries)
    lines.append(f"     {'  '.join(n for n in [*names, ranks] if n)}")
    lines += [f"     differs: {text}" for text in hit.differs]
    if hit.perhaps:
        others = ", ".join(map(str, hit.perhaps))
        lines.append(
            f"     perhaps the same work as {others}; identifiers or years speak against it"
        )
    return "\n".join(lines)


def _loud(notice: Notice) -> str:
    kind = {"concern": "EXPRESSION OF CONCERN"}.get(notice.kind, notice.kind.upper())
    by = f", announced by doi:{notice.by}" if notice.by else ""
    text = f": {notice.text[:200]}" if notice.text else ""
    return f"{kind} according to {notice.index}{by}{text}"


def _asked(asked: Asked) -> str:
    what = " (what became of the works)" if asked.about == "notices" else ""
    works = counted(asked.works, "work")
    when = f" on {asked.when[:10]}" if asked.when else ""
    state = {"answered": works, "kept": f"{works}, answered{when}"}.get(asked.state, asked.state)
    return f"  {asked.index}{what}: {state}{f'; {asked.why}' if asked.why else ''}"


def desk(options: argparse.Namespace) -> Desk:
    """Return where references are looked up, and what that may use."""
    return Desk(
        Path(options.kept), Budget(LOOK_UP_REQUESTS, LOOK_UP_SECONDS), offline=options.offline
    )


def looked_up(reports: Sequence[Synthesis], place: Desk) -> tuple[Resolved, ...]:
    """Return what became of looking up every reference of some reports, which takes its time."""
    number = sum(len(r.references) for r in reports)
    tell(f"looking up {number} references; whatever was looked up is kept, should this be stopped")
    return tuple(
        one for r in reports for one in look_up(r.name, r.references, place, topic=r.question)
    )


def resolved_json(resolved: Sequence[Resolved]) -> list[dict[str, Any]]:
    """Return references that were looked up as JSON."""
    return [one.model_dump(mode="json", by_alias=True) for one in resolved]


def resolved_text(resolved: Sequence[Resolved]) -> str:
    """Return references that were looked up, those that a reader should mind first."""
    count: Counter[str] = Counter(one.outcome for one in resolved)
    order = ["retracted", "does not resolve", "title differs", "open", "not looked up", "resolves"]
    head = ", ".join(f"{count[o]} {o}" for o in order if count[o]) or "none are given"
    lines = [f"References looked up: {head}"]
    for one in sorted(resolved, key=lambda r: (order.index(r.outcome), r.report, r.line)):
        lines.append(f"  {one.outcome}: {one.text[:160]} [{one.report}, line {one.line}]")
        told = [one.title] if one.title and one.outcome != "title differs" else []
        lines.append(f"    {'; '.join([*told, one.why])}")
        if one.shares == ():
            lines.append("    its title has no word of the research question")
    return "\n".join(lines)
