"""How is a server asked without harm to it or to us: seldom, with limits, and as it wishes?

One throttle serves the whole process. Answers are bounded in size and time, broken ones are asked
for again, and `Retry-After` is heeded by every later request to the same server.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import BinaryIO
from urllib.parse import urljoin, urlsplit

import requests
from urllib3.exceptions import HTTPError

from claims.errors import FetchError, SpentError

__all__ = ["AGENT", "THROTTLE", "Answer", "Budget", "Courtesy", "Throttle", "transfer"]

AGENT = "corroborate/0.1 (audits of papers; one request at a time)"
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_MAX_REDIRECTS = 5
_CHUNK = 2**16


class Budget:
    """What one command may still ask of all servers together, in requests and in seconds."""

    def __init__(self, requests: int, seconds: float) -> None:
        """Begin to count and to run."""
        self.requests = requests
        self.asked = 0
        """Requests made so far."""
        self._end = time.monotonic() + seconds
        self._until = self._end

    def part(self, number: int) -> None:
        """Let what follows take its share of the time, where `number` with it are to come."""
        self._until = self._end
        self._until = time.monotonic() + self.left_s() / max(1, number)

    def left_s(self) -> float:
        """Return the seconds that are left for what is asked now."""
        return max(0.0, self._until - time.monotonic())

    def take(self, url: str, wait_s: float) -> None:
        """Count a request that may begin in so many seconds.

        Raises:
            SpentError: there is none left, or not the time.
        """
        if self.asked >= self.requests:
            raise SpentError(
                f"{url}: found all {self.requests} requests used ; expected one left. Allow more."
            )
        if wait_s >= self.left_s():
            raise SpentError(f"{url}: found the time allowed used up ; expected some. Allow more.")
        self.asked += 1


@dataclass(frozen=True, slots=True)
class Courtesy:
    """How often and how long a server is asked."""

    delay_s: float = 3.0
    """Least seconds between two requests; arXiv's terms of use ask for three."""
    connect_s: float = 10.0
    read_s: float = 30.0
    """Longest silence within an answer."""
    transfer_s: float = 600.0
    """Longest time for one answer, however busily it dribbles."""
    tries: int = 4
    longest_wait_s: float = 120.0
    """Longest wait that a server may ask for; beyond it the user is told instead."""
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    """Sent as well, only ever to the server asked; keys among them are shown nowhere."""
    elsewhere: tuple[str, ...] = ("arxiv.org",)
    """Hosts to which, and to those below which, a server may redirect over https."""
    budget: Budget | None = None
    """What may be asked altogether; None: no limit beyond the others."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What a server answered, its body apart."""

    status: int
    headers: Mapping[str, str]
    """Names in lower case."""


class _Again(Exception):  # noqa: N818 - it is raised to be caught here, and is no failure yet
    """An answer that another try may better."""

    def __init__(self, found: str, wait_s: float | None = None) -> None:
        self.found = found
        self.wait_s = wait_s
        super().__init__(found)


@dataclass(slots=True)
class _State:
    """What tries of one transfer hand on to the next."""

    etag: str
    tagged: Callable[[str], object]


class Throttle:
    """Lets requests begin one at a time, those to one host a delay apart, from whatever thread."""

    def __init__(self) -> None:
        """Begin with nothing asked yet."""
        self._lock = threading.Lock()
        self._next: dict[str, float] = {}

    def wait(self, host: str, delay_s: float) -> None:
        """Return when the next request may begin, which no other to the host may for the delay."""
        with self._lock:
            time.sleep(self.due_s(host))
            self._next[host] = time.monotonic() + delay_s

    def hold(self, host: str, seconds: float) -> None:
        """Let no request to a host begin for some seconds from now."""
        with self._lock:
            self._next[host] = max(self._next.get(host, 0.0), time.monotonic() + seconds)

    def due_s(self, host: str) -> float:
        """Return in how many seconds a request to a host may begin."""
        return max(0.0, self._next.get(host, 0.0) - time.monotonic())


THROTTLE = Throttle()
"""The one throttle of this process."""


def transfer(
    url: str,
    sink: BinaryIO,
    *,
    limit: int,
    courtesy: Courtesy,
    etag: str = "",
    tagged: Callable[[str], object] = lambda _: None,
) -> Answer:
    """Ask for a URL and write the body of its answer, going on where an earlier try broke off.

    Args:
        url: what to ask for; redirections are followed on its host and where `courtesy` allows.
        sink: opened for reading and writing; holds the bytes of an earlier try, or none.
        limit: most bytes of the body.
        courtesy: how often and how long.
        etag: the version of which `sink` holds the beginning; empty where that is not known.
        tagged: told the version whose bytes follow, before they do; empty where it has no name.

    Raises:
        FetchError: no whole answer came in the tries allowed, or it exceeds the limit.
    """
    found, host = "", urlsplit(url).netloc
    state = _State(etag, tagged)
    for attempt in range(courtesy.tries):
        _await(url, host, courtesy)
        try:
            return _follow(url, sink, limit, courtesy, state)
        except _Again as again:
            found = again.found
            last = attempt + 1 == courtesy.tries
            wait = courtesy.delay_s * 2**attempt if again.wait_s is None else again.wait_s
            if not last or again.wait_s is not None:
                THROTTLE.hold(host, wait)
            if wait > courtesy.longest_wait_s:
                raise FetchError(
                    f"{url}: found {found} ; it asks to wait {wait:.0f} s. Run the same command then."
                ) from None
        except (requests.RequestException, HTTPError, OSError) as error:
            found = f"no whole answer ({_reason(error)})"
            THROTTLE.hold(host, courtesy.delay_s * 2**attempt)
    tries = "one try" if courtesy.tries == 1 else f"{courtesy.tries} tries"
    raise FetchError(
        f"{url}: found {found} in {tries} ; expected an answer. Run the same command "
        "later; what is here already is kept."
    )


def _await(url: str, host: str, courtesy: Courtesy) -> None:
    """Wait until a server may be asked, unless that is too far off."""
    due = THROTTLE.due_s(host)
    if due > max(courtesy.longest_wait_s, courtesy.delay_s):
        raise FetchError(
            f"{url}: found that its server asked to be left alone for {due:.0f} s more ; expected "
            "no such wish. Run the same command then."
        )
    if courtesy.budget:
        courtesy.budget.take(url, due)
    THROTTLE.wait(host, courtesy.delay_s)


def _follow(url: str, sink: BinaryIO, limit: int, courtesy: Courtesy, state: _State) -> Answer:
    home = urlsplit(url)
    left = courtesy.budget.left_s() if courtesy.budget else courtesy.transfer_s
    deadline = time.monotonic() + min(left, courtesy.transfer_s)
    quiet = max(0.1, min(left, courtesy.read_s))
    for _ in range(_MAX_REDIRECTS + 1):
        have = sink.seek(0, 2)
        headers = {"User-Agent": AGENT, "Accept-Encoding": "identity"}
        headers |= courtesy.headers if urlsplit(url).netloc == home.netloc else {}
        if have and state.etag:
            headers |= {"Range": f"bytes={have}-", "If-Range": state.etag}
        with requests.get(
            url,
            headers=headers,
            stream=True,
            allow_redirects=False,
            timeout=(min(courtesy.connect_s, quiet), quiet),
        ) as response:
            if response.status_code not in _REDIRECTS:
                return _body(response, sink, limit, deadline, state)
            url = urljoin(url, response.headers.get("Location", ""))
        target = urlsplit(url)
        ours = target.hostname == home.hostname and target.port == home.port
        host = target.hostname or ""
        known = target.scheme == "https" and any(
            host == name or host.endswith(f".{name}") for name in courtesy.elsewhere
        )
        if not (known or (ours and target.scheme == home.scheme)):
            raise FetchError(
                f"{home.geturl()}: found a redirection to {url[:200]!r} ; expected none."
            )
    raise FetchError(f"{home.geturl()}: found {_MAX_REDIRECTS + 1} redirections ; expected fewer.")


def _body(
    response: requests.Response,
    sink: BinaryIO,
    limit: int,
    deadline: float,
    state: _State,
) -> Answer:
    """Write the body of an answer and return the rest of it."""
    headers = {name.lower(): value for name, value in response.headers.items()}
    status = response.status_code
    if status in {408, 425, 429} or status >= 500:
        wait = _retry_after(headers.get("retry-after", ""))
        if wait is None and headers.get("x-ratelimit-remaining", "").strip() == "0":
            wait = _retry_after(headers.get("x-ratelimit-reset", ""))
        raise _Again(f"HTTP {status}", wait)
    have = sink.seek(0, 2)
    misplaced = not headers.get("content-range", "").startswith(f"bytes {have}-")
    if status == 416 or (status == 206 and misplaced):
        state.etag = ""
        raise _Again(f"HTTP {status} for another part than was asked for")
    if status != 206:
        sink.seek(0)
        sink.truncate()
        have = 0
    # A weak tag does not promise the same bytes.
    tag = headers.get("etag", "")
    state.etag = "" if tag.startswith("W/") else tag[:200]
    state.tagged(state.etag)
    length = headers.get("content-length", "")
    expected = have + int(length[:18]) if length.isascii() and length.isdigit() else None
    if expected is not None and expected > limit:
        raise FetchError(f"{response.url}: found {expected} bytes ; expected at most {limit}.")
    _read(response, sink, have, limit=limit, deadline=deadline)
    return Answer(status, headers)


def _read(
    response: requests.Response, sink: BinaryIO, have: int, *, limit: int, deadline: float
) -> None:
    """Write what comes, as it comes; the library raises where it ends before its length."""
    while chunk := response.raw.read1(_CHUNK, decode_content=False):
        have += len(chunk)
        if have > limit:
            raise FetchError(f"{response.url}: found more than {limit} bytes ; expected fewer.")
        if time.monotonic() > deadline:
            raise _Again("an answer that takes too long")
        sink.write(chunk)


def _retry_after(text: str) -> float | None:
    """Return the seconds that a server asks to wait, told as a number or as a date."""
    if text.isascii() and text.isdigit():
        return float(text[:9])
    try:
        when = parsedate_to_datetime(text)
    except (ValueError, IndexError, TypeError):
        return None
    if when.tzinfo is None:
        when = when.replace(tzinfo=UTC)
    return max(0.0, (when - datetime.now(UTC)).total_seconds())


def _reason(error: BaseException) -> str:
    """Return the innermost cause in one short line."""
    while error.__cause__ or error.__context__:
        error = error.__cause__ or error.__context__ or error
    return " ".join(f"{type(error).__name__}: {error}".split())[:160]
