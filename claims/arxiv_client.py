"""What has arXiv of a paper: every version, its metadata, and its source, on this machine?

What is here already is not asked for again; a transfer that broke off goes on.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import arxiv
from pydantic import ValidationError

from claims.archive import unpack
from claims.arxiv_api import address, papers, says_withdrawn
from claims.arxiv_paper import Identifier, Paper, Version
from claims.errors import ArchiveError, DamagedArchiveError, FetchError, UnknownPaperError
from claims.polite import Courtesy, transfer
from claims.works import line

__all__ = ["fetch"]

MAX_SOURCE_BYTES = 256 * 2**20
MAX_VERSIONS = 100
MAX_RECORD_BYTES = 8 * 2**20
FRESH = timedelta(days=1)
"""arXiv's metadata change once a day, so younger ones are not asked for again."""


@dataclass(frozen=True, slots=True)
class _Desk:
    """Where is asked, how, and where it is put."""

    folder: Path
    courtesy: Courtesy
    offline: bool
    address: str = field(default_factory=address)


def fetch(
    wanted: Identifier, out: Path, *, offline: bool = False, courtesy: Courtesy | None = None
) -> Paper:
    """Fetch a paper's versions into `out/<id>` and return what is there now.

    Args:
        wanted: the paper; only one version's source is fetched where a version is named.
        out: made where it is not there.
        offline: whether only what is here already may be used.
        courtesy: how often and how long arXiv is asked.

    Raises:
        UnknownPaperError: arXiv has no such paper, or offline nothing of it is here.
        FetchError: arXiv's metadata did not come; sources that did not are told in their versions.
    """
    desk = _Desk(out / wanted.folder(), courtesy or Courtesy(), offline)
    paper = _metadata(wanted, desk)
    done = []
    for version in paper.versions:
        skipped = wanted.version not in {None, version.number}
        done.append(version if skipped else _sourced(paper.id, version, desk))
        now = (*done, *paper.versions[len(done) :])
        _keep(paper.model_copy(update={"versions": now}), desk)
    return paper.model_copy(update={"versions": tuple(done)})


def _metadata(wanted: Identifier, desk: _Desk) -> Paper:
    known = _known(wanted, desk)
    least = wanted.version or 1
    if known and (desk.offline or (_fresh(known) and len(known.versions) >= least)):
        paper = known
    elif desk.offline:
        raise UnknownPaperError(
            f"{wanted.paper}: found nothing in '{desk.folder}' ; expected what an earlier fetch left, "
            "as --offline asks nobody."
        )
    else:
        paper = _asked(wanted, desk, known)
        _keep(paper, desk)
    if len(paper.versions) < least:
        raise UnknownPaperError(
            f"{wanted.paper}v{least}: found {len(paper.versions)} versions of the paper ; expected one "
            "of these."
        )
    return paper


def _known(wanted: Identifier, desk: _Desk) -> Paper | None:
    """Return what an earlier fetch left; None where it left nothing that can be read."""
    try:
        with (desk.folder / "paper.json").open("rb") as file:
            paper = Paper.model_validate(json.loads(file.read(MAX_RECORD_BYTES)))
    except (OSError, ValueError, ValidationError, RecursionError):
        return None
    return paper if paper.id == wanted.paper else None


def _fresh(paper: Paper) -> bool:
    try:
        age = datetime.now(UTC) - datetime.fromisoformat(paper.asked)
    except (ValueError, TypeError):
        return False
    return timedelta() <= age < FRESH


def _asked(wanted: Identifier, desk: _Desk, known: Paper | None) -> Paper:
    """Ask arXiv for the latest version, and then for all up to it."""
    latest = _results([wanted.paper], desk)
    numbers = [n for n in (_number(r, wanted) for r in latest) if n is not None]
    if not numbers:
        raise UnknownPaperError(
            f"{wanted.paper}: found no paper of that identifier at arXiv ; expected one. Mend the "
            "identifier."
        )
    last = max(numbers)
    if last > MAX_VERSIONS:
        raise FetchError(
            f"{wanted.paper}: found {last} versions ; expected at most {MAX_VERSIONS}."
        )
    names = [f"{wanted.paper}v{n}" for n in range(1, last + 1)]
    listed = latest if last == 1 else _results(names, desk)
    results = {_number(r, wanted): r for r in listed}
    before = {v.number: v for v in known.versions} if known else {}
    now = datetime.now(UTC).isoformat(timespec="seconds")
    versions = [_version(n, results.get(n), before.get(n)) for n in range(1, last + 1)]
    return Paper(id=wanted.paper, asked=now, versions=tuple(versions))


def _results(names: list[str], desk: _Desk) -> list[arxiv.Result]:
    search = arxiv.Search(id_list=names, max_results=len(names))
    return papers(search, names[0], where=desk.address, courtesy=desk.courtesy)


def _number(result: arxiv.Result, wanted: Identifier) -> int | None:
    """Return the version that a result is of; None for another paper, or arXiv's note of an error."""
    found = re.fullmatch(r"https?://[^/\s]+/abs/(\S+?)v([1-9]\d{0,5})", result.entry_id.strip())
    return int(found[2]) if found and found[1] == wanted.paper else None


def _version(number: int, result: arxiv.Result | None, before: Version | None) -> Version:
    if result is None:
        return Version(number=number, state="missing", why="arXiv's metadata do not list it")
    fields: dict[str, Any] = {
        "withdrawn": says_withdrawn(result),
        "title": line(result.title),
        "authors": tuple(line(a.name) for a in result.authors[:5000]),
        "abstract": line(result.summary),
        "comment": line(result.comment or ""),
        "journal": line(result.journal_ref or ""),
        "doi": line(result.doi or ""),
        "categories": tuple(line(c) for c in result.categories[:50]),
        "published": result.published.isoformat(),
        "updated": result.updated.isoformat(),
    }
    if before and before.updated == fields["updated"] and before.sha256:
        return before.model_copy(update=fields)
    return Version(number=number, state="not fetched", why="not asked for", **fields)


def _sourced(paper: str, version: Version, desk: _Desk) -> Version:
    """Return a version with its source on this machine, or with the reason why it is not."""
    name = f"{paper}v{version.number}"
    folder = desk.folder / f"v{version.number}"
    if version.state == "missing":
        return version
    if not (folder / "e-print").is_file():
        if version.state in {"withdrawn", "pdf only"} and not version.sha256:
            return version
        if desk.offline:
            told = "not here, and --offline asks nobody"
            return version.model_copy(update={"state": "not fetched", "why": told})
        try:
            status = _download(f"{desk.address}/e-print/{name}", folder, desk.courtesy)
        except FetchError as error:
            return version.model_copy(update={"state": "not fetched", "why": str(error)})
        if status != 200:
            return version.model_copy(update=_absent(version, status))
    return _opened(name, version, folder)


def _absent(version: Version, status: int) -> dict[str, str]:
    """Return the state of a version whose source arXiv does not give."""
    if version.withdrawn:
        return {"state": "withdrawn", "why": f"the paper was withdrawn: {version.comment[:300]}"}
    if status in {404, 410}:
        return {"state": "missing", "why": f"arXiv has no source of it (HTTP {status})"}
    return {"state": "not fetched", "why": f"arXiv answers HTTP {status}"}


def _download(url: str, folder: Path, courtesy: Courtesy) -> int:
    """Fetch a source to `e-print`, going on where an earlier transfer broke off."""
    folder.mkdir(parents=True, exist_ok=True)
    part, tag = folder / "e-print.part", folder / "e-print.etag"
    etag = tag.read_text(encoding="utf-8")[:200] if tag.is_file() and part.is_file() else ""
    with part.open("r+b" if part.is_file() else "w+b") as sink:
        answer = transfer(
            url, sink, limit=MAX_SOURCE_BYTES, courtesy=courtesy, etag=etag, tagged=tag.write_text
        )
        sink.flush()
        os.fsync(sink.fileno())
    if answer.status in {200, 206}:
        part.replace(folder / "e-print")
    else:
        part.unlink()
    tag.unlink(missing_ok=True)
    return 200 if answer.status == 206 else answer.status


def _opened(name: str, version: Version, folder: Path) -> Version:
    """Return a version with its archive unpacked, once."""
    archive = folder / "e-print"
    with archive.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    held: dict[str, Any] = {"sha256": digest, "bytes": archive.stat().st_size, "files": ()}
    if version.sha256 == digest and version.state == "source" and (folder / "source").is_dir():
        return version
    shutil.rmtree(folder / "source", ignore_errors=True)
    try:
        found = unpack(archive, folder / "source", name=name)
    except ArchiveError as error:
        told = {"state": "refused", "why": str(error)}
        if version.withdrawn:
            told = {
                "state": "withdrawn",
                "why": f"the paper was withdrawn: {version.comment[:300]}",
            }
        elif isinstance(error, DamagedArchiveError):  # another transfer may bring a whole one
            archive.unlink()
            told = {"state": "not fetched", "why": str(error)}
            held = {}
        return version.model_copy(update=held | told)
    if found.kind == "pdf":
        why = "arXiv has only a PDF, which is kept as it is"
        return version.model_copy(update=held | {"state": "pdf only", "why": why})
    return version.model_copy(update=held | {"state": "source", "why": "", "files": found.members})


def _keep(paper: Paper, desk: _Desk) -> None:
    """Write down what is known of a paper, at once and whole."""
    desk.folder.mkdir(parents=True, exist_ok=True)
    work = desk.folder / f".paper.json.{os.getpid()}"
    text = json.dumps(paper.model_dump(mode="json", by_alias=True), indent=1, ensure_ascii=False)
    work.write_text(f"{text}\n", encoding="utf-8")
    work.replace(desk.folder / "paper.json")
