"""How do drafts become a claim file that a person can finish, and what stands in a blank one?

What nobody decided is written `unknown` where a claim file accepts no such value, so that
`corroborate check` names each of these fields with its line.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from importlib import resources
from typing import Any

from claims.check import MAX_BYTES
from claims.claim import SCHEMA
from claims.commented import Entry, comments, written
from claims.drafts import Draft, Kind
from claims.record import UNKNOWN
from claims.safe_yaml import acceptable, read_yaml

__all__ = [
    "DEFAULT_EFFECT",
    "DEFAULT_EFFECT_REASON",
    "DEFAULT_TOLERANCE_REASON",
    "FIELDS",
    "Beginning",
    "Chosen",
    "blank_file",
    "claim_file",
    "default_tolerance",
    "offered_count",
    "offered_direction",
    "offered_size",
]

_DATA: dict[str, Any] = read_yaml(
    resources.files("claims").joinpath("starting.yaml").read_text(encoding="utf-8")
).value
FIELDS: Mapping[Kind, tuple[str, ...]] = {k: tuple(names) for k, names in _DATA["kinds"].items()}
"""Kind -> what a claim of it needs beside id, statement and source, in the order of asking."""
_HOW: Mapping[str, str] = _DATA["written"]
"""Field -> what it means and how it is written."""

DEFAULT_EFFECT = 0.5
DEFAULT_EFFECT_REASON = "Half a point. This is the default, chosen before any run."
DEFAULT_TOLERANCE_REASON = (
    "A quarter of the reported size and at least one point. This is the default, chosen before any "
    "run."
)


@dataclass(frozen=True, slots=True)
class Chosen:
    """A draft and what a person said of it."""

    draft: Draft
    number: int
    """Of the draft among all, from 1."""
    accepted: bool = False
    fields: Mapping[str, Any] = field(default_factory=dict)
    """Field of the claim -> plain value; those that nobody was asked for are absent."""


@dataclass(slots=True)
class Beginning:
    """A claim file as far as it is known."""

    title: str
    read: str
    """The file, folder or arXiv identifier that was read."""
    drafts: int
    arxiv: str | None = None
    """Identifier with its version."""
    protocol: str | None = None
    benchmarks: dict[str, dict[str, Any]] = field(default_factory=dict)
    """Benchmarks of one's own, by name: their tasks with `metrics`, `languages` and perhaps `chance`."""
    claims: list[Chosen] = field(default_factory=list)


def offered_size(draft: Draft) -> float | None:
    """Return the reported size, in points, that a draft's number states without any doubt.

    None where it may be relative, a bound, a fraction or of unknown direction: then a person decides.
    """
    number = draft.number
    if number is None or number.scale != 1 or number.hedge not in ("none", "about"):
        return None
    size, sure = abs(number.value), number.unit in ("percent", "points")
    if draft.kind == "value":
        return size if sure and number.change == "none" and size <= 100 else None
    direction = offered_direction(draft)
    if draft.kind not in ("gain", "selected_gain") or direction is None or not 0 < size <= 100:
        return None
    if (
        number.change != "absolute"
        or not sure
        or (draft.kind, direction) == ("selected_gain", "down")
    ):
        return None
    return size if direction == "up" else -size


def offered_direction(draft: Draft) -> str | None:
    """Return `up` or `down` where the draft says which."""
    return None if draft.direction == UNKNOWN else draft.direction


def offered_count(draft: Draft) -> int | None:
    """Return how many cells a draft of consistency says to improve."""
    number = draft.number
    if number is None or number.scale != 1 or number.unit != "none" or number.hedge != "none":
        return None
    return int(number.value) if number.value >= 1 and number.value.is_integer() else None


def default_tolerance(reported: float) -> float:
    """Return a quarter of a reported size, at least one point: the default that is offered."""
    return round(max(1.0, abs(reported) / 4), 6)


def claim_file(begun: Beginning, next_steps: Sequence[str]) -> tuple[str, int]:
    """Return a claim file's text and how many of the claims are in it, as many as a file may hold.

    Args:
        begun: what is known.
        next_steps: commands, told at the end.
    """
    head, tail = _head(begun), _steps(next_steps)
    claims: list[tuple[Entry, ...]] = []
    room = MAX_BYTES - len((head + tail).encode()) - 100
    told: set[str] = set()
    for one in begun.claims:
        entries = _claim(one, begun, told)
        room -= len(written((Entry("claims", [entries]),)).encode())
        if room < 0:
            break
        claims.append(entries)
    return f"{head}\n{written((Entry('claims', claims),))}\n{tail}", len(claims)


def blank_file(next_steps: Sequence[str]) -> str:
    """Return a claim file to edit, without a paper: one claim of direction on an own benchmark."""
    text = resources.files("claims").joinpath("blank.yaml").read_text(encoding="utf-8")
    return f"{text}\n{_steps(next_steps)}"


_UNDECIDED = """DRAFTS are no claims: a program read them. Where `unknown` stands below TO DECIDE, nobody
    has decided yet, and `corroborate check` refuses the file until somebody has."""
_PROTOCOL = """A name for how the paper made its numbers. Scores that are imported with `--protocol` and
    this name are declared to be made in the same way, and only such scores decide a claim. For runs
    that are made here it must be the name of a bundled protocol."""
_BENCHMARKS = (
    "Scores are from 0 to 100, and a task's score is the mean of its metrics: for claims on single "
    "metrics make a task for each. `chance: 50` beside the metrics would say what guessing scores."
)


def _head(begun: Beginning) -> str:
    accepted = sum(one.accepted for one in begun.claims)
    kept = f"{len(begun.claims)} of {begun.drafts} drafts, {accepted} of them accepted by a person."
    told = [f"Claims of '{begun.title}', begun by `corroborate new` from {begun.read}: {kept}"]
    told += [_UNDECIDED] if accepted < len(begun.claims) else []
    paper = [Entry("title", begun.title)]
    paper += [Entry("arxiv", begun.arxiv)] if begun.arxiv else []
    paper += [Entry("protocol", begun.protocol, (_PROTOCOL,))] if begun.protocol else []
    entries = [Entry("schema", SCHEMA), Entry("paper", tuple(paper))]
    if begun.benchmarks:
        entries.append(Entry("benchmarks", begun.benchmarks, (_BENCHMARKS,)))
    return f"{comments(told)}\n{written(entries)}"


def _steps(commands: Sequence[str]) -> str:
    return comments(("What comes next:", *commands))


def _claim(one: Chosen, begun: Beginning, told: set[str]) -> tuple[Entry, ...]:
    """Return a claim's fields, each with where it is from; `told` has the fields explained so far."""
    draft, given = one.draft, one.fields
    quote = draft.quote if acceptable(draft.quote) else UNKNOWN
    refused = ("The sentence holds characters that no claim file takes.",)
    statement = given.get("statement", draft.statement)
    source = (
        Entry("quote", quote, () if quote == draft.quote else refused),
        Entry("section", draft.place if acceptable(draft.place) else UNKNOWN),
        Entry("found_in", begun.read if acceptable(begun.read) else "the paper"),
    )
    entries = [
        Entry("id", given.get("id", draft.id), _origin(one, begun)),
        Entry("statement", statement if acceptable(statement) else "Nobody has worded it yet."),
        Entry("source", source),
        Entry("kind", draft.kind),
    ]
    for name in FIELDS[draft.kind]:
        entries += _field(name, one, told)
    return tuple(entries)


def _origin(one: Chosen, begun: Beginning) -> tuple[str, ...]:
    """Return where a draft was read and what became of it."""
    draft = one.draft
    read = f"read at {draft.address} by {draft.extractor}, confidence {draft.confidence:.2f}"
    why = [f"Draft {one.number} of {begun.drafts}, {read}: {' '.join(draft.reasons)}"]
    why += [f"Also at {', '.join(draft.also_at)}."] if draft.also_at else []
    silent = [name for name in draft.unknown if name != "tolerance"]
    why += [f"The sentence does not say: {', '.join(silent)}."] if silent else []
    why.append(
        "Kept by a person." if one.accepted else "A DRAFT: delete it, or decide what is open."
    )
    return tuple(why)


def _field(name: str, one: Chosen, told: set[str]) -> list[Entry]:
    draft, words = one.draft, _words(name, one.draft)
    if name in one.fields:
        value = one.fields[name]
        return [] if value is None else [Entry(name, value, words)]
    if name == "tolerance" and draft.kind != "value" and offered_size(draft) is None:
        return []
    read = {
        "direction": offered_direction(draft),
        "reported": offered_size(draft),
        "at_least": offered_count(draft),
    }.get(name)
    if read is not None:
        return [Entry(name, read, (*words, "Read by a program."))]
    accepted = name == "at_least" or (name == "reported" and draft.kind != "value")
    to_do = "Nobody has decided it." if accepted else "TO DECIDE."
    how = "" if name in told else f" {_HOW[name]}"
    told.add(name)
    return [Entry(name, UNKNOWN, (*words, f"{to_do}{how}"))]


def _words(name: str, draft: Draft) -> tuple[str, ...]:
    """Return what the paper's sentence says of a field, in a comment of its own."""
    said = {
        "treatment": draft.treatment, "condition": draft.treatment, "claimed": draft.treatment,
        "contrasts": draft.treatment, "candidates": draft.treatment, "control": draft.control,
    }.get(name, UNKNOWN)  # fmt: skip
    if name == "contrasts" and draft.control != UNKNOWN:
        said = f"{said}; compared with: {draft.control}"
    if name == "measure":
        told = {n: v for n, v in draft.measure.model_dump().items() if v != UNKNOWN}
        said = "; ".join(f"{n}: {v}" for n, v in told.items()) or UNKNOWN
    found = [] if said == UNKNOWN else [f"The paper's words: {said}."]
    if name in ("reported", "settings", "at_least") and draft.number is not None:
        number = draft.number
        rounded = f"rounded, it may be {number.low:.12g} to {number.high:.12g}"
        more = [rounded] if number.low < number.high else []
        more += [number.hedge.replace("_", " ")] if number.hedge != "none" else []
        more += [f"change: {number.change}"] if number.change != "none" else []
        found.append(f"The paper prints {'; '.join((number.raw, *more))}.")
    return tuple(found)
