"""What does a reader see of the drafts of claims that were read out of a paper?"""

from __future__ import annotations

import argparse
import textwrap
from typing import Any

from claims.drafts import Draft, Drafts
from claims.extractor import BUILT_IN, drafts_of
from claims.prose import visible
from claims.reading import read_paper
from reports.streams import say, say_json
from verifier.numbers import counted

__all__ = ["draft_text", "drafts_json", "drafts_text", "extract_command"]

WIDTH = 110
"""Longest line, in characters, unless a single word is longer."""


def extract_command(options: argparse.Namespace) -> int:
    """Run `corroborate extract` with its options and return the exit code, which is always 0.

    Drafts decide nothing, so that neither many nor none of them is a failure.
    """
    paper = read_paper(options.paper)
    names = (BUILT_IN, *options.extractor)
    found = drafts_of(paper, options.paper, names=names, judges=options.judge)
    if options.json:
        say_json(drafts_json(found))
    else:
        say(drafts_text(found))
    return 0


def drafts_json(found: Drafts) -> dict[str, Any]:
    """Return all drafts as a JSON document of schema `corroborate/drafts@1`."""
    document = found.model_dump(mode="json", by_alias=True)
    for shown, draft in zip(document["drafts"], found.drafts, strict=True):
        shown["unknown"] = list(draft.unknown)
    return {"schema": document.pop("schema"), **document}


def drafts_text(found: Drafts) -> str:
    """Return the drafts as a person reads them: first where and what, then how surely and why."""
    numbers = sum(draft.number is not None for draft in found.drafts)
    head = (
        f"{found.title or found.paper}: {counted(len(found.drafts), 'draft')}, {numbers} with a number. "
        "None of them is a claim until a person has checked it and written it into a claim file."
    )
    parts = [_wrapped(head, "")]
    place = ""
    for draft in found.drafts:
        if draft.place != place:
            place = draft.place
            parts.append(f"{_capital(place)} ({draft.address})")
        parts.append(draft_text(draft))
    if found.left_out:
        lines = [
            _wrapped(f"{left.count:>4}  {left.reason}: {', '.join(left.examples)}", "  ", 8)
            for left in found.left_out
        ]
        parts.append("\n".join(["Read, and taken for no claim", *lines]))
    if found.notices:
        parts.append("\n".join(["Not read", *(_wrapped(text, "  - ") for text in found.notices)]))
    return "\n\n".join(parts)


def draft_text(draft: Draft) -> str:
    """Return one draft as a person reads it, without its place."""
    lines = [_wrapped(f"{draft.confidence:.2f}  {draft.kind}: {draft.statement}", "  ", 8)]
    if draft.number is not None:
        number = draft.number
        told = f"rounded, it may be {number.low:.12g} to {number.high:.12g}"
        if number.change not in ("none", "unknown"):
            told = f"{number.change}; {told}"
        elif number.change == "unknown":
            told = f"percent or percentage points is unknown; {told}"
        lines.append(_wrapped(f"number {number.raw}: {told}", "        ", 10))
    lines.append(_wrapped(f'"{draft.quote}"', "        ", 9))
    if draft.also_at:
        lines.append(_wrapped(f"also at {', '.join(draft.also_at)}", "        ", 10))
    lines.append(_wrapped(f"why {draft.confidence:.2f}: {' '.join(draft.reasons)}", "        ", 10))
    lines += [
        _wrapped(f"{j.judge} rates it {j.rating:.2f}: {j.because}", "        ", 10)
        for j in draft.judgements
    ]
    lines.append(
        _wrapped(f"unknown: {', '.join(draft.unknown)}; suggested id {draft.id}", "        ", 10)
    )
    return "\n".join(lines)


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def _wrapped(text: str, indent: str, more: int = 0) -> str:
    rest = " " * max(more, len(indent))
    return textwrap.fill(
        visible(text), WIDTH, initial_indent=indent, subsequent_indent=rest, break_long_words=False,
        break_on_hyphens=False,
    )  # fmt: skip
