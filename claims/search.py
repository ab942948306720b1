"""What does the literature have on a question: arXiv, OpenAlex, Semantic Scholar and Crossref as one?

Answers are kept on disk. An index that does not answer is said, and the others still count.
"""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final, Literal

from pydantic import Field, ValidationError

from claims.errors import FetchError, SpentError
from claims.indexes import INDEXES, Index, Question
from claims.merging import merge
from claims.polite import Budget, Courtesy
from claims.record import Record, digest_of
from claims.works import Entry, Hit, line

__all__ = ["MANNERS", "MAX_LIMIT", "SCHEMA", "Asked", "Desk", "Found", "search"]

SCHEMA: Final = "corroborate/search@1"
MAX_LIMIT = 50
"""Most works that an index is asked for at once."""
MANNERS = Courtesy(
    delay_s=1.0, connect_s=5, read_s=10, transfer_s=20, tries=2, longest_wait_s=10, elsewhere=()
)
"""How indexes are asked; a longer wait than ten seconds is told instead of waited for."""
FRESH = timedelta(days=1)
"""Younger answers are not asked for again."""
MAX_KEPT_BYTES = 4 * 2**20
_TELL = ("OpenAlex", "Crossref")
"""Those that say of a DOI what became of it, and so are asked of works that only others found."""
FAILURES = 2
"""An index that failed so often is not asked again by one command."""


class Asked(Record):
    """What came of asking one index."""

    index: str
    about: Literal["query", "notices"]
    """notices: it was asked what became of the works that others found."""
    state: Literal["answered", "kept", "failed", "not asked", "skipped"]
    """kept: an earlier answer is used; skipped: it has no such works, or cannot be asked this."""
    why: str = ""
    """What failed, or why it was not asked; beside an earlier answer, why there is no later one."""
    when: str = ""
    """When the answer came."""
    works: int = 0

    def settled(self) -> bool:
        """Return whether nothing more would come of asking now."""
        return self.state in {"answered", "skipped"} or (self.state == "kept" and not self.why)


class Found(Record):
    """What a search found."""

    schema_version: Literal["corroborate/search@1"] = Field(default=SCHEMA, alias="schema")
    question: Question
    asked: tuple[Asked, ...]
    requests: int
    """Requests that this took."""
    hits: tuple[Hit, ...]
    left_out: int
    """Works beyond the limit, those of the lowest score."""

    def exit_code(self) -> int:
        """Return 0 where every index has answered, 3 where some have, 4 where none has."""
        states = [a for a in self.asked if a.state != "skipped"]
        if all(a.settled() for a in states):
            return 0
        return 3 if any(a.state in {"answered", "kept"} for a in states) else 4


class _Kept(Record):
    """An answer on disk. No key is in it, as keys are never part of a question."""

    schema_version: Literal["corroborate/answer@1"] = Field(
        default="corroborate/answer@1", alias="schema"
    )
    index: str
    address: str
    question: Question
    when: str
    entries: tuple[Entry, ...]


@dataclass(frozen=True, slots=True)
class Desk:
    """Where answers are kept, and what may be asked."""

    kept: Path
    budget: Budget
    courtesy: Courtesy = field(default_factory=lambda: MANNERS)
    offline: bool = False
    failures: dict[str, int] = field(default_factory=dict)
    """Index -> how often it failed this command."""


def search(asked: Question, desk: Desk) -> Found:
    """Ask every index, and return the works found, merged, the best first.

    Args:
        asked: words, or a work's identifier.
        desk: its budget is used up as requests are made; answers younger than a day are not asked
            for again.

    Raises:
        SearchError: a setting in the environment cannot be used.
    """
    before = desk.budget.asked
    told: list[Asked] = []
    entries: list[Entry] = []
    for place, index in enumerate(INDEXES):
        desk.budget.part(len(INDEXES) - place + len(_TELL))
        result, found = _ask(index, asked, desk, "query")
        told.append(result)
        entries += found
    for place, name in enumerate(_TELL):
        desk.budget.part(len(_TELL) - place)
        unseen = {h.doi for h in merge(entries)[: asked.limit] if name not in h.indexes()} - {""}
        first = next(a for a in told if a.index == name)
        if unseen and not asked.dois and first.settled():
            index = next(i for i in INDEXES if i.name == name)
            wanted = Question(dois=tuple(sorted(unseen)), limit=len(unseen))
            result, found = _ask(index, wanted, desk, "notices")
            told.append(result)
            entries += found
    merged = merge(entries)
    return Found(
        question=asked,
        asked=tuple(told),
        requests=desk.budget.asked - before,
        hits=merged[: asked.limit],
        left_out=max(0, len(merged) - asked.limit),
    )


def _ask(
    index: Index, asked: Question, desk: Desk, about: Literal["query", "notices"]
) -> tuple[Asked, Sequence[Entry]]:
    """Return an index's answer, kept or new, and what came of asking."""
    address = index.address()
    courtesy = index.courtesy(desk.courtesy, desk.budget)
    blank = Asked(index=index.name, about=about, state="not asked")
    key = digest_of([index.name, address, asked.model_dump(mode="json")])
    path = desk.kept / f"{key}.json"
    kept = _read(path, index.name, address, asked)
    if why := index.lacks(asked):
        return _with(blank, why, "skipped"), ()
    if kept and (desk.offline or _fresh(kept)):
        return _told(blank, kept), kept.entries
    if desk.offline:
        return _with(blank, "nothing of it is kept, and --offline asks nobody"), ()
    try:
        if desk.failures.get(index.name, 0) >= FAILURES:
            raise SpentError("it failed before, and so is not asked again by this command")
        entries = [e for e in index.ask(asked, address, courtesy) if _meant(e, asked)]
    except FetchError as error:
        spent = isinstance(error, SpentError)
        desk.failures[index.name] = desk.failures.get(index.name, 0) + (not spent)
        failed = _with(blank, str(error), "not asked" if spent else "failed")
        return (_told(failed, kept), kept.entries) if kept else (failed, ())
    desk.failures.pop(index.name, None)
    when = datetime.now(UTC).isoformat(timespec="seconds")
    new = _Kept(
        index=index.name, address=address, question=asked, when=when, entries=tuple(entries)
    )
    told = {"state": "answered", "why": _keep(new, path)}
    return _told(blank, new).model_copy(update=told), new.entries


def _with(blank: Asked, why: str, state: str = "not asked") -> Asked:
    # Before it stands the address that was asked, and behind it what a person might do of a failure.
    _, found, rest = why.partition(": found ")
    told = f"found {rest}".partition(" ; expected an answer")[0] if found else why
    return blank.model_copy(update={"state": state, "why": line(told)[:500]})


def _told(blank: Asked, kept: _Kept) -> Asked:
    return blank.model_copy(update={"state": "kept", "when": kept.when, "works": len(kept.entries)})


def _meant(entry: Entry, asked: Question) -> bool:
    """Return whether an entry is what was asked for, where that is known.

    Raises:
        FetchError: it is another work.
    """
    ours = (entry.doi in asked.dois) if asked.dois else entry.arxiv == asked.arxiv
    if asked.text or ours:
        return True
    raise FetchError(f"{entry.index}: found another work than was asked for ; expected that one.")


def _fresh(kept: _Kept) -> bool:
    try:
        age = datetime.now(UTC) - datetime.fromisoformat(kept.when)
    except (ValueError, TypeError):
        return False
    return timedelta() <= age < FRESH


def _read(path: Path, index: str, address: str, asked: Question) -> _Kept | None:
    """Return a kept answer; None where there is none that can be read."""
    try:
        with path.open("rb") as file:
            kept = _Kept.model_validate(json.loads(file.read(MAX_KEPT_BYTES)))
    except (OSError, ValueError, ValidationError, RecursionError):
        return None
    same = (kept.index, kept.address, kept.question) == (index, address, asked)
    return kept if same and all(_clean(e) for e in kept.entries) else None


def _clean(entry: Entry) -> bool:
    """Return whether an entry has no characters that ours never have, as a foreign one may."""
    texts = [entry.title, entry.venue, *entry.authors, *(n.text for n in entry.notices)]
    return all(line(text) == text for text in texts)


def _keep(answer: _Kept, path: Path) -> str:
    """Write an answer down at once and whole; return why it could not be, which loses nothing now."""
    work = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        work.write_text(f"{answer.canonical()}\n", encoding="utf-8")
        work.replace(path)
    except OSError as error:
        return f"the answer could not be kept: {line(str(error))[:300]}"
    return ""
