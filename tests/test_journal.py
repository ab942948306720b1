"""The journal: any truncation leaves a readable prefix, any change is named by its line."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from replication.errors import StoreError
from replication.journal import Journal

EVENTS = 12


def written(folder):
    path = folder / "journal.jsonl"
    journal = Journal(path, write=True)
    for i in range(EVENTS):
        journal.append("started", f"{i:064x}", title=f"run {i} \u2028 ünïcode")
    journal.close()
    return path


@pytest.fixture(scope="module")
def content(tmp_path_factory):
    return written(tmp_path_factory.mktemp("whole")).read_bytes()


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    return tmp_path_factory.mktemp("journal") / "journal.jsonl"


def read(path, content, *, write=False):
    path.write_bytes(content)
    journal = Journal(path, write=write)
    journal.close()
    return journal.events


def test_events_are_read_back_in_order(path, content):
    events = read(path, content)
    assert [int(e.subject, 16) for e in events] == list(range(EVENTS))
    assert events[3].title == "run 3 \u2028 ünïcode"


@given(st.data())
def test_any_truncation_leaves_a_readable_prefix(path, content, data):
    cut = content[: data.draw(st.integers(0, len(content)))]
    events = read(path, cut)
    assert [int(e.subject, 16) for e in events] == list(range(cut.count(b"\n")))
    assert path.read_bytes() == cut


@given(st.data(), st.binary(max_size=40).filter(lambda tail: b"\n" not in tail))
def test_a_torn_tail_is_cut_off_for_writing_and_writing_goes_on(path, content, data, tail):
    cut = content[: data.draw(st.integers(0, len(content)))]
    path.write_bytes(cut + tail)
    journal = Journal(path, write=True)
    journal.append("started", "f" * 64)
    journal.close()
    whole = cut[: cut.rfind(b"\n") + 1]
    assert path.read_bytes().startswith(whole)
    events = Journal(path, write=False).events
    assert len(events) == whole.count(b"\n") + 1
    assert events[-1].subject == "f" * 64


@given(st.data(), st.integers(1, 255))
def test_a_changed_byte_in_a_whole_line_is_refused_with_the_lines_number(
    path, content, data, change
):
    at = data.draw(st.integers(0, content.rfind(b"\n") - 1))
    harmed = bytearray(content)
    harmed[at] ^= change
    with pytest.raises(StoreError) as caught:
        read(path, bytes(harmed))
    line = content[:at].count(b"\n") + 1
    near = {f"line {line}:", f"line {line + 1}:"}  # a new line break moves the fault by one
    assert any(text in str(caught.value) for text in near)
    for write in (False, True):
        with pytest.raises(StoreError):
            Journal(path, write=write)
    assert path.read_bytes() == bytes(harmed)


@given(st.data())
def test_a_line_removed_or_moved_is_noticed(path, content, data):
    lines = content.splitlines(keepends=True)
    order = data.draw(st.permutations(lines))
    if order != lines:
        with pytest.raises(StoreError, match="checksum that does not fit"):
            read(path, b"".join(order))
    gone = data.draw(st.integers(0, EVENTS - 2))
    with pytest.raises(StoreError, match=f"line {gone + 1}: found a checksum"):
        read(path, b"".join(lines[:gone] + lines[gone + 1 :]))


def test_all_damaged_lines_are_named_at_once(path, content):
    lines = content.splitlines(keepends=True)
    lines[2] = b"\x00\x00\x00\n"
    lines[7] = lines[7].replace(b"run 7", b"run 9")
    with pytest.raises(StoreError) as caught:
        read(path, b"".join(lines))
    message = str(caught.value)
    assert "2 damaged lines" in message
    assert "line 3: found no event" in message
    assert "line 8: found a checksum" in message
    assert "taken up from their folders" in message


@pytest.mark.parametrize(
    "line",
    [b"[1]", b"1", b"null", b"{}", b'{"chain":"x"}', b'{"chain":NaN,"schema":1e999}', b"[" * 10**5],
)
def test_hostile_lines_are_refused(path, line):
    with pytest.raises(StoreError):
        read(path, line + b"\n")


def test_an_unknown_schema_is_refused_by_name(path, content):
    later = content.replace(b"corroborate/journal@1", b"corroborate/journal@2")
    with pytest.raises(StoreError, match="line 1: found schema 'corroborate/journal@2'"):
        read(path, later)


def test_an_event_is_one_line_with_the_agreed_fields(content):
    body = json.loads(content.splitlines()[0])
    assert sorted(body) == ["chain", "event", "schema", "subject", "time", "title"]
    assert body["event"] == "started"
    assert body["time"].endswith("+00:00")


def test_appending_to_a_journal_open_for_reading_is_refused(path, content):
    path.write_bytes(content)
    with pytest.raises(StoreError, match="write=True"):
        Journal(path, write=False).append("started", "0" * 64)
