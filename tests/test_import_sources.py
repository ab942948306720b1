"""What an import reads is bounded, and what no record could hold is a fault in words."""

from __future__ import annotations

import json
import os

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from replication.errors import ImportedScoresError
from replication.imports.sources import Sources, parsed

ODD = {
    "a character that moves the cursor": b"a\x1b[2Kb.json",
    "a line break": b"a\nb.json",
    "text that runs backwards": "a\u202eb.json".encode(),
    "no UTF-8": b"a\xffb.json",
    "too long a path": b"/".join([b"d" * 200] * 5) + b"/a.json",
}


def odd_file(folder, name):
    """A JSON file of such a name, where the file system has it."""
    path = os.fsencode(folder) + b"/" + name
    try:
        os.makedirs(os.path.dirname(path), exist_ok=True)  # noqa: PTH103, PTH120 - bytes, no Path
        with open(path, "wb") as file:  # noqa: PTH123
            file.write(b'{"a": 1}')
    except OSError:
        pytest.skip("the file system refuses such a name")


@pytest.mark.parametrize("name", ODD.values(), ids=ODD)
def test_a_path_that_no_record_can_hold_is_a_fault_that_a_terminal_can_show(tmp_path, name):
    odd_file(tmp_path, name)
    sources = Sources(tmp_path)
    (file,) = sources.find("*.json")
    with pytest.raises(ImportedScoresError, match="Rename it") as caught:
        sources.json(file)
    assert str(caught.value).isprintable()
    assert sources.files == ()


LEAF = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=9)
JSON = st.recursive(
    LEAF, lambda inner: st.lists(inner) | st.dictionaries(st.text(max_size=9), inner)
)


@settings(max_examples=40)
@given(JSON)
def test_json_comes_back_as_it_was(value):
    assert parsed(json.dumps(value)) == value


@settings(max_examples=40)
@given(st.text(max_size=200), LEAF, LEAF, st.integers(0, 5))
def test_a_key_that_stands_twice_in_one_object_hides_nothing(key, one, other, depth):
    again = f"{{{json.dumps(key)}: {json.dumps(one)}, {json.dumps(key)}: {json.dumps(other)}}}"
    for _ in range(depth):
        again = f'[{{"above": {again}}}]'
    with pytest.raises(ValueError, match="twice in one object") as caught:
        parsed(again)
    assert repr(key[:200])[:80] in str(caught.value)


def test_a_key_that_stands_twice_is_named_with_its_file(tmp_path):
    (tmp_path / "a.json").write_text('{"acc": 0.9, "acc": 0.1}')
    with pytest.raises(ImportedScoresError, match=r"'a\.json'.*the key 'acc' twice"):
        Sources(tmp_path).json(tmp_path / "a.json")
