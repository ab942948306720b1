"""A hub on this machine: as much of the Hugging Face hub's HTTP interface as its libraries use.

Repositories are commits of plain files made by the tests. Faults are planted by file: a cut
connection, other bytes, a refusal with a waiting time.
"""

from __future__ import annotations

import hashlib
import json
import re
import threading
import warnings
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import SimpleNamespace
from urllib.parse import unquote, urlsplit

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from replication import hub as hub_module

LFS_BYTES = 200
"""Files from this size on are listed with their SHA-256, smaller ones with git's own checksum."""


def parquet(rows) -> bytes:
    sink = pa.BufferOutputStream()
    pq.write_table(pa.Table.from_pylist(rows), sink)
    return sink.getvalue().to_pybytes()


def git_checksum(content: bytes) -> str:
    return hashlib.sha1(f"blob {len(content)}\0".encode() + content).hexdigest()


class LoopbackHub:
    """Repositories, what was asked of them, and what shall go wrong."""

    def __init__(self) -> None:
        self.commits: dict[tuple[str, str, str], dict[str, bytes]] = {}
        self.branches: dict[tuple[str, str, str], str] = {}
        self.asked: Counter[tuple[str, str]] = Counter()
        self.ranges: list[str] = []
        self.cut_after: dict[str, list[int]] = {}
        """File -> after how many bytes each of its next transfers breaks off."""
        self.altered: dict[str, bytes] = {}
        """File -> what is sent in its place."""
        self.refusals: dict[str, list[tuple[int, dict[str, str]]]] = {}
        """Part of a path -> status and headers of the next answers."""
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), type("H", (_Handler,), {"hub": self}))
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"

    def add(self, kind, name, files, *, branch="main") -> str:
        """Add a commit to a repository and return it; the branch moves there."""
        text = repr((kind, name, branch, sorted(files.items())))
        commit = hashlib.sha1(text.encode()).hexdigest()
        self.commits[kind, name, commit] = dict(files)
        self.branches[kind, name, branch] = commit
        return commit

    def find(self, kind, name, revision):
        commit = self.branches.get((kind, name, revision), revision)
        return commit, self.commits.get((kind, name, commit))

    def known(self, kind, name) -> bool:
        return any(key[:2] == (kind, name) for key in self.commits)

    def asked_for(self, text) -> int:
        return sum(n for (_, path), n in self.asked.items() if text in path)


class _Handler(BaseHTTPRequestHandler):
    """Answers one connection."""

    hub: LoopbackHub
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        path = unquote(urlsplit(self.path).path)
        self.hub.asked[self.command, path] += 1
        for part, answers in self.hub.refusals.items():
            if part in path and answers:
                status, headers = answers.pop(0)
                return self.answer(status, b"{}", **headers)
        if found := re.fullmatch(r"/api/(dataset|model)s/([^/]+/[^/]+)(?:/(\w+)/(.+))?", path):
            return self.api(*found.groups())
        if found := re.fullmatch(r"(/datasets)?/([^/]+/[^/]+)/resolve/(.+)", path):
            kind = "dataset" if found[1] else "model"
            for commit in (c for k, n, c in self.hub.commits if (k, n) == (kind, found[2])):
                if found[3].startswith(f"{commit}/"):
                    return self.file(kind, found[2], commit, found[3].removeprefix(f"{commit}/"))
            branch, _, name = found[3].partition("/")
            return self.file(kind, found[2], branch, name)
        return self.missing("Entry")

    do_HEAD = do_GET  # noqa: N815  the name is the server library's

    def do_POST(self) -> None:
        length = int(self.headers.get("Content-Length", 0))
        body = self.rfile.read(length)
        path = unquote(urlsplit(self.path).path)
        self.hub.asked[self.command, path] += 1
        found = re.fullmatch(r"/api/(dataset|model)s/([^/]+/[^/]+)/paths-info/(.+)", path)
        if not found:
            return self.missing("Entry")
        wanted = json.loads(body)["paths"] if body.startswith(b"{") else []
        kind, name, revision = found.groups()
        files = self.hub.find(kind, name, revision)[1]
        if files is None:
            return self.missing("Revision")
        entries = [e for e in _tree(files) if e["path"] in wanted]
        return self.answer(200, json.dumps(entries).encode())

    def api(self, kind, name, verb, rest) -> None:
        if not self.hub.known(kind, name):
            return self.missing("Repo")
        commit, files = self.hub.find(kind, name, rest.partition("/")[0] if rest else "main")
        inner = ""
        if files is None and rest:
            commit, files = self.hub.find(kind, name, rest)
        elif rest and verb == "tree":
            inner = rest.partition("/")[2]
        if files is None:
            return self.missing("Revision")
        if verb == "tree":
            below = [e for e in _tree(files) if not inner or e["path"].startswith(f"{inner}/")]
            if not below:
                return self.missing("Entry")
            if "recursive=true" not in self.path.lower():
                depth = inner.count("/") + 2 if inner else 1
                below = [e for e in below if e["path"].count("/") < depth]
            return self.answer(200, json.dumps(below).encode())
        info = {"id": name, "sha": commit, "siblings": [{"rfilename": p} for p in sorted(files)]}
        return self.answer(200, json.dumps(info).encode())

    def file(self, kind, name, revision, path) -> None:
        if not self.hub.known(kind, name):
            return self.missing("Repo")
        commit, files = self.hub.find(kind, name, revision)
        if files is None:
            return self.missing("Revision")
        if path not in files:
            return self.missing("Entry", commit)
        true = files[path]
        sent = self.hub.altered.get(path, true)
        headers = {
            "X-Repo-Commit": commit,
            "ETag": f'"{_checksum(true)}"',
            "Accept-Ranges": "bytes",
        }
        begin, status = 0, 200
        if self.command == "GET" and (asked := self.headers.get("Range")):
            self.hub.ranges.append(asked)
            begin = int(re.match(r"bytes=(\d+)-", asked)[1])
            status = 206
            headers["Content-Range"] = f"bytes {begin}-{len(sent) - 1}/{len(sent)}"
        cuts = self.hub.cut_after.get(path) if self.command == "GET" else None
        return self.answer(status, sent[begin:], cut=cuts.pop(0) if cuts else None, **headers)

    def answer(self, status, body, *, cut=None, **headers) -> None:
        self.send_response(status)
        headers.setdefault("Content-Type", "application/json")
        for key, value in {**headers, "Content-Length": str(len(body))}.items():
            self.send_header(key, value)
        self.end_headers()
        if self.command == "HEAD":
            return
        self.wfile.write(body if cut is None else body[:cut])
        if cut is not None:
            self.wfile.flush()
            self.close_connection = True

    def missing(self, what, commit=None) -> None:
        headers = {"X-Error-Code": f"{what}NotFound", "X-Error-Message": f"{what} not found"}
        self.answer(404, b"{}", **headers, **({"X-Repo-Commit": commit} if commit else {}))

    def log_message(self, *_arguments) -> None:
        """Say nothing on stderr."""


def _checksum(content: bytes) -> str:
    large = len(content) >= LFS_BYTES
    return hashlib.sha256(content).hexdigest() if large else git_checksum(content)


def _tree(files):
    folders = {"/".join(p.split("/")[:i]) for p in files for i in range(1, p.count("/") + 1)}
    entries = [{"type": "directory", "path": f, "oid": git_checksum(f.encode())} for f in folders]
    for path, content in files.items():
        entry = {"type": "file", "path": path, "size": len(content), "oid": git_checksum(content)}
        if len(content) >= LFS_BYTES:
            digest = hashlib.sha256(content).hexdigest()
            entry["lfs"] = {"oid": digest, "size": len(content), "pointerSize": 130}
        entries.append(entry)
    return sorted(entries, key=lambda e: e["path"])


@pytest.fixture
def loopback(monkeypatch, tmp_path):
    """A hub without repositories, which the libraries in this process take for the real one."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import datasets.config
    from huggingface_hub import constants, file_download
    from huggingface_hub.utils import _http

    found = LoopbackHub()
    thread = threading.Thread(target=found.server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    monkeypatch.setattr(constants, "ENDPOINT", found.url)
    template = found.url + "/{repo_id}/resolve/{revision}/{filename}"
    monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", template)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setattr(constants, "HF_HOME", str(tmp_path))
    monkeypatch.setattr(datasets.config, "HF_ENDPOINT", found.url)
    monkeypatch.setattr(
        datasets.config,
        "HUB_DATASETS_URL",
        found.url + "/datasets/{repo_id}/resolve/{revision}/{path}",
    )
    monkeypatch.setattr(datasets.config, "HF_UPDATE_DOWNLOAD_COUNTS", False)
    for name in ("HF_DATASETS_CACHE", "DOWNLOADED_DATASETS_PATH", "HF_MODULES_CACHE"):
        monkeypatch.setattr(datasets.config, name, str(tmp_path / name.lower()))
    found.waits = []
    patient = SimpleNamespace(sleep=found.waits.append)
    for module in (file_download, _http):
        monkeypatch.setattr(
            module, "time", SimpleNamespace(**{**vars(module.time), **vars(patient)})
        )
    hub_module.listing.cache_clear()
    yield found
    found.server.shutdown()
    found.server.server_close()
    thread.join(5)
