"""The record of looks: whole lines only, whoever dies while writing, and nothing hostile believed."""

from __future__ import annotations

import fcntl
import json
import os
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from replication import appended
from replication.chain import link
from replication.errors import StoreError
from replication.looks import Look, append_looks, read_looks


def look(**changes) -> Look:
    fields = {
        "time": "2026-01-01T00:00:00+00:00", "events": 7, "claim": "gain", "claims": "/c.yaml",
        "title": "A paper", "arxiv": "2005.13013v2", "criterion": "a" * 64, "plan": "b" * 64,
        "looks": (3, 5), "seeds": 3, "planned": "c" * 64, "runs": "d" * 64, "finished": 4,
        "missing": 0, "trained": ("0" * 12,), "evaluators": ("scoring@1",),
        "data": {"xnli test": "sha256:0"}, "verdict": "inconclusive", "finding": "undecided",
        "signature": "kind:gain", "version": "0.1.0",
    }  # fmt: skip
    return Look(**(fields | changes))


def written(path: Path) -> bytes:
    return (path / "looks.jsonl").read_bytes()


def test_what_is_appended_is_read_back_in_its_order(tmp_path):
    assert read_looks(tmp_path) == ()
    first, second, third = (look(claim=f"c{n}") for n in range(3))
    assert append_looks(tmp_path, [first, second]) == 2
    assert append_looks(tmp_path, [third]) == 1
    assert read_looks(tmp_path) == (first, second, third)


def test_only_what_differs_from_the_last_look_at_a_claim_is_added(tmp_path):
    append_looks(tmp_path, [look(), look(claim="other")])
    before = written(tmp_path)
    later = {"time": "2027-01-01T00:00:00+00:00", "events": 9}
    assert append_looks(tmp_path, [look(**later), look(claim="other", **later)]) == 0
    assert written(tmp_path) == before
    assert append_looks(tmp_path, [look(seeds=5, **later), look(claim="other")]) == 1
    assert append_looks(tmp_path, [look()]) == 1, "back at the first, after another"
    assert append_looks(tmp_path, [look(claims="/moved.yaml")]) == 1
    assert len(read_looks(tmp_path)) == 5


@given(cut=st.integers(1, 400))
def test_a_half_written_last_line_is_none_and_the_next_look_takes_its_place(tmp_path_factory, cut):
    folder = tmp_path_factory.mktemp("store")
    append_looks(folder, [look(claim="a"), look(claim="b")])
    whole = written(folder)
    (folder / "looks.jsonl").write_bytes(whole[:-cut])
    assert [x.claim for x in read_looks(folder)] == ["a"]
    assert append_looks(folder, [look(claim="c")]) == 1
    assert [x.claim for x in read_looks(folder)] == ["a", "c"]
    assert append_looks(folder, [look(claim="b")]) == 1


FORKS = """
    import os, shutil, signal, sys
    from pathlib import Path
    sys.path[:0] = [{tests!r}, {root!r}]
    from replication import appended, chain, looks
    traced = appended.__file__, chain.__file__, looks.__file__
    from test_looks import append_looks, look
    os.fsync = lambda _: None  # SIGKILL spares what the kernel holds, and this is much faster
    write = os.write
    os.write = lambda f, data: write(f, data[:700])  # so that death between two writes is seen too

    def work(last, folder):
        count = 0
        def trace(frame, event, _):
            nonlocal count
            if frame.f_code.co_filename not in traced:
                return None
            count += event == "line"
            if count == last:
                os.kill(os.getpid(), signal.SIGKILL)
            return trace
        sys.settrace(trace)
        append_looks(folder, [look(claim="b"), look(claim="c")])
        os._exit(0)

    for last in range(1, 10**6):
        folder = Path(sys.argv[1]) / str(last)
        shutil.copytree(sys.argv[2], folder)
        pid = os.fork()
        if pid == 0:
            work(last, folder)
        _, status = os.waitpid(pid, 0)
        if os.WIFEXITED(status):
            assert os.WEXITSTATUS(status) == 0
            break
"""


def test_a_process_killed_at_any_line_leaves_a_record_that_can_be_read_and_continued(tmp_path):
    (tmp_path / "before").mkdir()
    append_looks(tmp_path / "before", [look(claim="a"), look(claim="torn")])
    whole = written(tmp_path / "before")
    (tmp_path / "before" / "looks.jsonl").write_bytes(whole[:-30])
    here = Path(__file__).parent
    code = textwrap.dedent(FORKS).format(tests=str(here), root=str(here.parent))
    (tmp_path / "after").mkdir()
    arguments = [tmp_path / "after", tmp_path / "before"]
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments], check=False, capture_output=True, timeout=300
    )
    assert done.returncode == 0, done.stderr.decode()
    folders = sorted((tmp_path / "after").iterdir(), key=lambda p: int(p.name))
    found = [[x.claim for x in read_looks(folder)] for folder in folders]
    assert {tuple(names) for names in found} == {("a",), ("a", "b"), ("a", "b", "c")}
    assert found == sorted(found)
    for folder in folders:
        append_looks(folder, [look(claim="b"), look(claim="c"), look(claim="d")])
        assert [x.claim for x in read_looks(folder)] == ["a", "b", "c", "d"]


def test_processes_that_append_at_once_lose_and_tear_nothing(tmp_path):
    code = (
        "import sys; from pathlib import Path\n"
        f"sys.path[:0] = [{str(Path(__file__).parent)!r}, {str(Path(__file__).parents[1])!r}]\n"
        "from test_looks import append_looks, look\n"
        "for n in range(20): append_looks(Path(sys.argv[1]), [look(claim=sys.argv[2], events=n,"
        " seeds=1 + n)])\n"
    )
    children = [
        subprocess.Popen([sys.executable, "-c", code, str(tmp_path), name]) for name in "abc"
    ]
    assert [child.wait(timeout=120) for child in children] == [0, 0, 0]
    found = read_looks(tmp_path)
    for name in "abc":
        assert [x.events for x in found if x.claim == name] == list(range(20))


def test_a_disk_without_room_is_a_message_and_takes_the_half_line_back(tmp_path, monkeypatch):
    append_looks(tmp_path, [look(claim="a")])
    before, write = written(tmp_path), os.write

    def full(descriptor, data):
        if len(data) < 500:
            raise OSError(28, "No space left on device")
        return write(descriptor, data[: len(data) - 400])

    with monkeypatch.context() as patched:
        patched.setattr(os, "write", full)
        with pytest.raises(StoreError, match="No space left on device"):
            append_looks(tmp_path, [look(claim="b")])
    assert written(tmp_path) == before
    assert append_looks(tmp_path, [look(claim="b")]) == 1


def test_a_file_that_another_process_holds_for_long_is_a_message(tmp_path, monkeypatch):
    append_looks(tmp_path, [look()])
    monkeypatch.setattr(appended, "PATIENCE_S", 0.05)
    with (tmp_path / "looks.jsonl").open() as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        with pytest.raises(StoreError, match="held by another process"):
            read_looks(tmp_path)


def test_a_record_that_would_grow_too_large_is_neither_written_nor_read(tmp_path, monkeypatch):
    append_looks(tmp_path, [look()])
    before = written(tmp_path)
    monkeypatch.setattr(appended, "LARGEST", len(before) + 10)
    with pytest.raises(StoreError, match="Use a new store"):
        append_looks(tmp_path, [look(claim="b")])
    assert written(tmp_path) == before
    monkeypatch.setattr(appended, "LARGEST", len(before) - 1)
    with pytest.raises(StoreError, match="Use a new store"):
        read_looks(tmp_path)


def test_an_unknown_schema_is_refused_by_its_name(tmp_path):
    body = json.dumps({"schema": "corroborate/look@7", "chain": ""})
    (tmp_path / "looks.jsonl").write_text(f"{body}\n")
    with pytest.raises(StoreError, match="'corroborate/look@7'"):
        read_looks(tmp_path)


@pytest.mark.parametrize("change", ["removed", "moved", "changed"])
def test_a_line_that_was_meddled_with_is_named(tmp_path, change):
    append_looks(tmp_path, [look(claim=name) for name in "abc"])
    a, b, c = written(tmp_path).splitlines(keepends=True)
    lines = {"removed": [a, c], "moved": [b, a, c], "changed": [a, b.replace(b"gain", b"loss"), c]}
    (tmp_path / "looks.jsonl").write_bytes(b"".join(lines[change]))
    with pytest.raises(StoreError, match=r"line [12]: found a checksum that does not fit"):
        read_looks(tmp_path)
    with pytest.raises(StoreError):
        append_looks(tmp_path, [look(claim="d")])


@pytest.mark.parametrize(
    "line",
    [b"", b"\xff", b"[]", b"{}", b"[" * 100_000, b'{"chain": 1, "schema": NaN}', b"1" * 9000,
     b'{"chain": "x", "schema": "corroborate/look@1", "claim": "\\ud800"}'],
    ids=range(8),
)  # fmt: skip
def test_a_hostile_line_is_a_message(tmp_path, line):
    (tmp_path / "looks.jsonl").write_bytes(line + b"\n")
    with pytest.raises(StoreError, match="line 1"):
        read_looks(tmp_path)


@pytest.mark.parametrize(
    "changes",
    [{"claims": "/c\x1b[2J.yaml"}, {"claims": "x" * 5000}, {"evaluators": ["\x07"]}, {"more": 1},
     {"data": {"a\n": "b"}}, {"trained": ["0" * 12] * 20_001}, {"seeds": 0}, {"claim": "../x"},
     {"seeds": 10**400}],
    ids=range(9),
)  # fmt: skip
def test_a_line_with_a_fitting_checksum_and_hostile_values_is_a_message(tmp_path, changes):
    body = look().model_dump(mode="json", by_alias=True) | changes
    chain = link("", body)
    line = json.dumps({**body, "chain": chain})
    (tmp_path / "looks.jsonl").write_text(f"{line}\n")
    with pytest.raises(StoreError, match="line 1") as caught:
        read_looks(tmp_path)
    assert "\x1b" not in str(caught.value)
    assert len(str(caught.value)) < 2000


@pytest.mark.parametrize("what", ["link", "pipe", "folder"])
def test_what_is_no_plain_file_is_neither_read_nor_followed(tmp_path, what):
    path = tmp_path / "looks.jsonl"
    (tmp_path / "secret").write_text("x")
    if what == "link":
        path.symlink_to(tmp_path / "secret")
    elif what == "pipe":
        os.mkfifo(path)
    else:
        path.mkdir()
    for act in (lambda: read_looks(tmp_path), lambda: append_looks(tmp_path, [look()])):
        signal.alarm(20)
        with pytest.raises(StoreError, match="looks"):
            act()
        signal.alarm(0)
    assert (tmp_path / "secret").read_text() == "x"
