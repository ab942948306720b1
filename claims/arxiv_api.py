"""What does arXiv answer to a question: whole lists of papers, or the reason why there is none?

The package `arxiv` asks and reads; its requests go through our one throttle, limits and retries.
"""

from __future__ import annotations

import io
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass

import arxiv

from claims.errors import FetchError, UnknownPaperError
from claims.polite import Courtesy, transfer

__all__ = ["ADDRESS", "MAX_ANSWER_BYTES", "address", "papers", "says_withdrawn"]

ADDRESS = "https://export.arxiv.org"
"""Where arXiv wants programs to ask; `CORROBORATE_ARXIV_URL` names another."""
MAX_ANSWER_BYTES = 8 * 2**20

_WITHDRAWN = re.compile(r"\bwithdrawn\b|\bwithdrew\b", re.IGNORECASE)
_WITHDRAWN_ABSTRACT = re.compile(
    r"\s*(?:this|the) (?:paper|article|submission|manuscript|work)\b.{0,60}\bwithdrawn\b",
    re.IGNORECASE | re.DOTALL,
)


@dataclass(frozen=True, slots=True)
class _Page:
    """An answer in the shape that the package `arxiv` reads."""

    status_code: int
    content: bytes


class _Session:
    """What the package `arxiv` takes for its HTTP session: ours is bounded, polite and patient."""

    def __init__(self, courtesy: Courtesy) -> None:
        self._courtesy = courtesy

    def get(self, url: str, headers: Mapping[str, str]) -> _Page:
        """Return a whole feed, or whatever came with another status."""
        del headers  # they name the package; ours name us
        for _ in range(self._courtesy.tries):
            sink = io.BytesIO()
            answer = transfer(url, sink, limit=MAX_ANSWER_BYTES, courtesy=self._courtesy)
            content = sink.getvalue()
            # The package repairs a feed that breaks off, and so would lose versions silently.
            if answer.status != 200 or content.rstrip().endswith(b"</feed>"):
                return _Page(answer.status, content)
        raise FetchError(
            f"{url}: found an answer that breaks off or is no feed ; expected an Atom feed. Run the "
            "same command later."
        )


def address() -> str:
    """Return where arXiv is asked."""
    return os.environ.get("CORROBORATE_ARXIV_URL", ADDRESS).rstrip("/")


def papers(
    search: arxiv.Search, name: str, *, where: str, courtesy: Courtesy
) -> list[arxiv.Result]:
    """Return what arXiv lists for a search, in one request.

    Args:
        search: what is wanted; at most `max_results`, which is set.
        name: the search in messages.
        where: arXiv's address.
        courtesy: how often and how long it is asked.

    Raises:
        UnknownPaperError: arXiv does not take the identifiers.
        FetchError: no whole list came.
    """
    assert search.max_results, "a search without end"
    client = arxiv.Client(page_size=search.max_results, delay_seconds=0, num_retries=0)
    client.query_url_format = f"{where}/api/query?{{}}"
    client._session = _Session(courtesy)  # noqa: SLF001 - 4.0 has no parameter for it
    try:
        return list(client.results(search))
    except arxiv.HTTPError as error:
        if error.status == 400:
            raise UnknownPaperError(
                f"{name}: found that arXiv does not take the identifier ; expected one of a paper."
            ) from None
        raise FetchError(
            f"{name}: found HTTP {error.status} from arXiv ; expected metadata. Run it later."
        ) from None
    except (arxiv.ArxivError, ValueError, TypeError) as error:
        raise FetchError(
            f"{name}: found an answer that is no list of papers ({type(error).__name__}) ; "
            "expected metadata. Run the same command later."
        ) from None


def says_withdrawn(result: arxiv.Result) -> bool:
    """Return whether a version's comment or abstract says that the paper was withdrawn."""
    return bool(
        _WITHDRAWN.search((result.comment or "")[:1000])
        or _WITHDRAWN_ABSTRACT.match(result.summary[:200])
    )
