"""Sources are unpacked within their folder, or refused with nothing left behind."""

from __future__ import annotations

import gzip
import io
import tarfile

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from loopback_arxiv import PAPER, link, tar

from claims import archive
from claims.archive import unpack
from claims.errors import ArchiveError


def opened(tmp_path, data):
    source = tmp_path / "home" / "e-print"
    source.parent.mkdir(exist_ok=True)
    source.write_bytes(data)
    return unpack(source, source.parent / "source", name="2005.00001v1")


def entry(name, **fields) -> tarfile.TarInfo:
    made = tarfile.TarInfo(name)
    for field, value in fields.items():
        setattr(made, field, value)
    return made


HOSTILE = {
    "escapes": tar(("../escaped.tex", b"x")),
    "escapes within": tar(("a/../../escaped.tex", b"x")),
    "absolute": tar(("/tmp/escaped-corroborate.tex", b"x")),
    "backslash": tar(("..\\escaped.tex", b"x")),
    "drive": tar(("C:escaped.tex", b"x")),
    "control": tar(("a\x1b[2J.tex", b"x")),
    "link out": tar((link("out", "/etc"), b""), ("out/passwd", b"x")),
    "link in": tar(("a.tex", b"x"), (link("b.tex", "a.tex"), b"")),
    "hard link": tar((link("b.tex", "/etc/passwd", tarfile.LNKTYPE), b"")),
    "device": tar((entry("zero", type=tarfile.CHRTYPE, devmajor=1, devminor=5), b"")),
    "fifo": tar((entry("pipe", type=tarfile.FIFOTYPE), b"")),
    "twice": tar(("a.tex", b"x"), ("a.tex", b"y")),
    "twice but for case": tar(("a.tex", b"x"), ("A.tex", b"y")),
    "file as folder": tar(("a", b"x"), ("a/b", b"y")),
    "deep": tar(("a/" * 30 + "b.tex", b"x")),
    "long name": tar(("a" * 300 + ".tex", b"x")),
    "no files": tar(),
    "only a folder": tar((entry("a", type=tarfile.DIRTYPE), b"")),
    "zip": b"PK\x03\x04" + b"x" * 600,
    "program": b"\x7fELF" + b"x" * 600,
    "web page": b"\n<!DOCTYPE html><html>not found</html>",
    "empty": b"",
    "nothing but space": b" \n" * 10,
    "binary": b"abc\0def",
    "gzip in gzip": gzip.compress(gzip.compress(b"x")),
    "truncated gzip": PAPER[: len(PAPER) // 2],
    "no gzip": b"\x1f\x8b" + b"x" * 600,
    "truncated tar": tar(("a.tex", b"x" * 3000), mode="w")[:2000],
    "damaged second header": bytes(
        b ^ (512 * 2 <= i < 512 * 2 + 9)
        for i, b in enumerate(tar(("a.tex", b"x"), ("b.tex", b"y"), mode="w"))
    ),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_what_is_not_safe_is_refused_with_nothing_left(tmp_path, name) -> None:
    before = set(tmp_path.rglob("*")) | {tmp_path / "home", tmp_path / "home" / "e-print"}
    with pytest.raises(ArchiveError, match=r"2005\.00001v1: found .* ; expected .*\. It was not"):
        opened(tmp_path, HOSTILE[name])
    assert set(tmp_path.rglob("*")) == before


def huge(name, size):
    """Return a gzipped tar whose one member says and has that many zeros."""
    sink = io.BytesIO()
    with gzip.GzipFile(fileobj=sink, mode="wb", compresslevel=9) as out:
        out.write(entry(name, size=size).tobuf())
        for _ in range(size // 2**20):
            out.write(bytes(2**20))
        out.write(bytes(size % 2**20 + 1024))
    return sink.getvalue()


def test_bombs_are_refused_before_they_are_written(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(archive, "MAX_MEMBER_BYTES", 2**21)
    monkeypatch.setattr(archive, "MAX_BYTES", 3 * 2**20)
    with pytest.raises(ArchiveError, match=r"4194304 bytes in 'a\.tex'"):
        opened(tmp_path, huge("a.tex", 2**22))
    part = ("a.tex", bytes(2**21)), ("b.tex", bytes(2**21))
    with pytest.raises(ArchiveError, match="4194304 so far"):
        opened(tmp_path, tar(*part))
    with pytest.raises(ArchiveError, match="more than 2097152 bytes"):
        opened(tmp_path, gzip.compress(b"%" + b"a" * 2**22))


def test_a_member_that_lies_about_its_size_is_refused(tmp_path) -> None:
    lying = entry("a.tex", size=10**12).tobuf() + bytes(4096)
    with pytest.raises(ArchiveError, match="1000000000000 bytes"):
        opened(tmp_path, gzip.compress(lying))
    short = entry("a.tex", size=10**6).tobuf() + bytes(4096)
    with pytest.raises(ArchiveError):
        opened(tmp_path, gzip.compress(short))


def test_a_header_cannot_be_a_bomb(tmp_path) -> None:
    name = entry("././@LongLink", type=tarfile.GNUTYPE_LONGNAME, size=64 * 2**20)
    bomb = name.tobuf(tarfile.GNU_FORMAT) + bytes(64 * 2**20) + bytes(1024)
    with pytest.raises(ArchiveError, match="more bytes than its files have"):
        opened(tmp_path, gzip.compress(bomb))


def test_many_members_are_refused(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(archive, "MAX_MEMBERS", 5)
    with pytest.raises(ArchiveError, match="more than 5 files"):
        opened(tmp_path, tar(*((f"{i}.tex", b"x") for i in range(6))))


def test_sparse_members_are_refused(tmp_path) -> None:
    sparse = entry("a.tex", type=tarfile.GNUTYPE_SPARSE, size=512).tobuf(tarfile.GNU_FORMAT)
    with pytest.raises(ArchiveError):
        opened(tmp_path, sparse + bytes(2048))


@pytest.mark.parametrize(
    ("data", "kind", "paths"),
    [
        (PAPER, "tar", ["main.tex", "tables/one.tex"]),
        (gzip.decompress(PAPER), "tar", ["main.tex", "tables/one.tex"]),
        (tar((entry("d", type=tarfile.DIRTYPE), b""), ("./d/ä b.tex", b"x")), "tar", ["d/ä b.tex"]),
        (gzip.compress(b"\\documentstyle{}"), "single file", ["paper.tex"]),
        (gzip.compress(b"%!PS-Adobe"), "single file", ["paper.ps"]),
        (b"\\magnification=1200", "single file", ["paper.tex"]),
        (b"%PDF-1.4", "pdf", []),
        (gzip.compress(b"%PDF-1.4"), "pdf", []),
    ],
    ids=range(8),  # not the data, in which gzip puts the time: workers must collect the same tests
)
def test_what_arxiv_sends_is_told_apart(tmp_path, data, kind, paths) -> None:
    found = opened(tmp_path, data)
    assert (found.kind, [m.path for m in found.members]) == (kind, paths)
    folder = tmp_path / "home" / "source"
    assert [(folder / m.path).stat().st_size for m in found.members] == [
        m.bytes for m in found.members
    ]
    assert folder.exists() == (kind != "pdf")


def test_modes_are_not_taken_over(tmp_path) -> None:
    opened(tmp_path, tar((entry("a.sh", mode=0o6777), b"x")))
    assert (tmp_path / "home/source/a.sh").stat().st_mode & 0o7111 == 0


@settings(max_examples=300)
@given(data=st.data())
def test_no_mutation_writes_outside_or_raises_anything_else(tmp_path_factory, data) -> None:
    folder = tmp_path_factory.mktemp("mutated")
    raw = bytearray(gzip.decompress(PAPER))
    for _ in range(data.draw(st.integers(1, 6))):
        place = data.draw(st.integers(0, len(raw) - 1))
        raw[place : place + data.draw(st.integers(0, 3))] = data.draw(st.binary(max_size=4))
    packed = bytes(raw)
    if data.draw(st.booleans()):
        packed = gzip.compress(packed)
        cut = data.draw(st.integers(0, len(packed)))
        packed = packed[:cut] if data.draw(st.booleans()) else packed
    try:
        opened(folder, packed)
    except ArchiveError:
        assert sorted(p.name for p in folder.rglob("*")) == ["e-print", "home"]
    else:
        assert {p.name for p in (folder / "home").iterdir()} <= {"e-print", "source"}
