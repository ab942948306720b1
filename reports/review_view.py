"""How does `corroborate review` run, and what does it give to a program?"""

from __future__ import annotations

import argparse
import shutil
from typing import Any

from claims.prose import visible
from claims.ratings import read_ratings
from claims.reference_checks import cited_in, identifiers
from claims.resolving import cited_of
from claims.review import review
from claims.review_records import Review
from claims.sources import source_of_paper
from claims.synthesis import read_synthesis
from reports.review_page import WIDEST, review_text
from reports.search_view import desk, looked_up, resolved_json, resolved_text
from reports.streams import say, say_json

__all__ = ["review_command", "review_json"]


def review_command(options: argparse.Namespace) -> int:
    """Run `corroborate review` with its options and return the exit code."""
    reports = [read_synthesis(path) for path in options.synthesis]
    papers = [source_of_paper(path) for path in options.paper]
    ratings = [r for path in options.ratings for r in read_ratings(path, reports)]
    cited = cited_in(options.fetched, identifiers(reports)) if options.fetched else {}
    resolved = looked_up(reports, desk(options)) if options.look_up else None
    if resolved is not None:
        cited = cited_of(reports, resolved) | cited
    found = review(reports, papers=papers, ratings=ratings, cited=cited)
    if options.json:
        more = {} if resolved is None else {"references": resolved_json(resolved)}
        say_json(review_json(found) | more)
    else:
        columns = shutil.get_terminal_size((WIDEST, 0)).columns
        more_text = "" if resolved is None else f"\n\n{resolved_text(resolved)}"
        say(review_text(found, width=columns) + more_text)
    return found.exit_code()


def review_json(review: Review) -> dict[str, Any]:
    """Return the whole review as a JSON document of schema `corroborate/review@1`."""
    document: dict[str, Any] = _shown(review.model_dump(mode="json", by_alias=True))
    return document


def _shown(value: Any) -> Any:
    """Return a document in which no text moves a terminal's cursor."""
    if isinstance(value, str):
        return visible(value)
    if isinstance(value, dict):
        return {k: _shown(v) for k, v in value.items()}
    return [_shown(v) for v in value] if isinstance(value, list) else value
