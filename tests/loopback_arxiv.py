"""An arXiv on this machine: its API and its sources, with papers of our own and planted faults."""

from __future__ import annotations

import gzip
import io
import re
import tarfile
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit
from xml.sax.saxutils import escape

import pytest

from claims import polite
from claims.polite import Courtesy

QUICK = Courtesy(delay_s=0.01, connect_s=5, read_s=0.5, transfer_s=2, tries=3, longest_wait_s=2)


def tar(*members, mode="w:gz") -> bytes:
    """Return a tar of (name, content) pairs or ready TarInfo objects with their content."""
    sink = io.BytesIO()
    with tarfile.open(fileobj=sink, mode=mode, format=tarfile.PAX_FORMAT) as archive:
        for name, content in members:
            entry = name if isinstance(name, tarfile.TarInfo) else tarfile.TarInfo(name)
            if entry.isreg():
                entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
    return sink.getvalue()


def link(name, target, kind=tarfile.SYMTYPE) -> tarfile.TarInfo:
    entry = tarfile.TarInfo(name)
    entry.type, entry.linkname = kind, target
    return entry


PAPER = tar(("main.tex", b"\\documentclass{article}"), ("tables/one.tex", b"1 & 2"))


class LoopbackArxiv:
    """Papers, what was asked of them, and what shall go wrong."""

    def __init__(self, handler=None) -> None:
        self.papers: dict[str, dict[int, dict]] = {}
        self.asked: list[tuple[float, str, str]] = []
        """Time, path and `Range` of each request."""
        self.headers: list[dict[str, str]] = []
        self.faults: dict[str, list[tuple]] = {}
        """Part of a path -> what its next answers are instead."""
        self.etag = '"one"'
        self.server = ThreadingHTTPServer(
            ("127.0.0.1", 0), type("H", (handler or _Handler,), {"site": self})
        )
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"

    def add(self, paper, *sources, **fields) -> None:
        """Add a paper with one version for each source; None has no source."""
        self.papers[paper] = {
            n: {"source": source, "title": f"Paper {paper}", **fields}
            for n, source in enumerate(sources, start=1)
        }

    def asked_for(self, text) -> int:
        return sum(text in path for _, path, _ in self.asked)


def entry(paper, number, version) -> str:
    comment = version.get("comment")
    told = f"<arxiv:comment>{escape(comment)}</arxiv:comment>" if comment else ""
    return f"""<entry>
<id>http://arxiv.org/abs/{paper}v{number}</id>
<updated>2020-05-{number:02d}T00:00:00Z</updated><published>2020-05-01T00:00:00Z</published>
<title>{escape(version["title"])}</title><summary>{escape(version.get("summary", "We try."))}</summary>
<author><name>Ann Smith</name></author><author><name>Bo Li</name></author>{told}
<category term="cs.CL"/></entry>"""


class _Handler(BaseHTTPRequestHandler):
    """Answers one connection."""

    site: LoopbackArxiv
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self.site.asked.append((time.monotonic(), self.path, self.headers.get("Range", "")))
        self.site.headers.append(dict(self.headers))
        for part, answers in self.site.faults.items():
            if part in self.path and answers:
                return self.fault(*answers.pop(0))
        return self.answer()

    def answer(self) -> None:
        parts = urlsplit(self.path)
        if parts.path == "/api/query":
            return self.send(200, self.feed(parse_qs(parts.query)["id_list"][0].split(",")))
        return self.source(parts.path)

    def feed(self, names) -> bytes:
        entries = []
        for name in names:
            paper, number = re.fullmatch(r"(.+?)(?:v(\d+))?", name).groups()
            versions = self.site.papers.get(paper, {})
            wanted = int(number) if number else max(versions, default=0)
            if wanted in versions and not versions[wanted].get("unlisted"):
                entries.append(entry(paper, wanted, versions[wanted]))
        return (
            '<?xml version="1.0"?><feed xmlns="http://www.w3.org/2005/Atom" '
            'xmlns:arxiv="http://arxiv.org/schemas/atom" '
            'xmlns:opensearch="http://a9.com/-/spec/opensearch/1.1/">'
            f"<opensearch:totalResults>{len(entries)}</opensearch:totalResults>"
            f"{''.join(entries)}</feed>"
        ).encode()

    def source(self, path) -> None:
        paper, number = re.fullmatch(r"/e-print/(.+)v(\d+)", path).groups()
        source = self.site.papers.get(paper, {}).get(int(number), {}).get("source")
        if source is None:
            return self.send(404, b"none")
        headers = {"ETag": self.site.etag} if self.site.etag else {}
        start = re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range", ""))
        if start and self.headers.get("If-Range") == self.site.etag:
            first = int(start[1])
            headers["Content-Range"] = f"bytes {first}-{len(source) - 1}/{len(source)}"
            return self.send(206, source[first:], **headers)
        return self.send(200, source, **headers)

    def fault(self, kind, *more) -> None:
        if kind == "status":
            self.send(more[0], b"later", **(more[1] if len(more) > 1 else {}))
        elif kind == "body":
            self.send(200, more[0])
        elif kind == "cut":
            source, after = more
            self.send(200, source[:after], length=len(source), ETag=self.site.etag)
            self.close_connection = True
        elif kind == "unmarked cut":  # no length, so that only the content tells
            self.send(200, more[0], length=None)
            self.close_connection = True
        elif kind == "silence":
            time.sleep(more[0])
            self.close_connection = True
        elif kind == "dribble":
            self.send(200, b"", length=10_000)
            for _ in range(200):
                time.sleep(0.05)
                try:
                    self.wfile.write(b"x")
                except OSError:
                    break
            self.close_connection = True
        elif kind == "redirect":
            self.send(302, b"", Location=more[0])

    def send(self, status, body, length=-1, **headers) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        if length is None:
            self.send_header("Connection", "close")
        else:
            self.send_header("Content-Length", str(len(body) if length < 0 else length))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_arguments) -> None:
        """Say nothing."""


@pytest.fixture
def arxiv_site(monkeypatch):
    """Serve an arXiv on this machine, and let the program ask there."""
    site = LoopbackArxiv()
    thread = threading.Thread(target=site.server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    monkeypatch.setenv("CORROBORATE_ARXIV_URL", site.url)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setattr(polite, "THROTTLE", polite.Throttle())
    yield site
    site.server.shutdown()
    thread.join()
    site.server.server_close()


def gzipped(content) -> bytes:
    return gzip.compress(content)
